//! The view: a root of its own that holds only what the cage shows. All else is not there: no file
//! of the operator, no socket of another program, no other process.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use super::Cage;
use super::walls::DEVICES;

/// Where the new root is put together; folders that every system has.
const SITES: [&str; 3] = ["/tmp", "/usr", "/etc"];

/// Most links on the way to one path, as in the kernel.
const MOST_LINKS: usize = 40;

/// The new root's own files: empty folders, shared memory, and a `/tmp` for programs that do not ask
/// where theirs is; `TMPDIR` lies on the disk and holds more.
const ROOT: &std::ffi::CStr = c"mode=0755,size=256m,nr_inodes=64k";

/// One thing that the new root shows.
enum Plant {
    Tree(Tree),
    Link { at: PathBuf, to: PathBuf },
}

/// A part of the old root, held until the new one stands.
struct Tree {
    at: PathBuf,
    held: OwnedFd,
    folder: bool,
    writable: bool,
}

/// Places of the new root that every program may write.
const OWN: [&str; 4] = ["/dev/shm", "/dev/pts", "/dev/ptmx", TEMP];

/// Where programs write that do not ask where their temporary files belong.
const TEMP: &str = "/tmp";

/// Makes this process see what the cage shows and nothing else. Answers with the places that are its
/// own; the last of them is not there where something of the cage lies in it.
pub(super) fn raise(cage: &Cage) -> Result<&'static [&'static str], String> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).map_err(told("keeping mounts to itself"))?;
    let mut plants = Vec::new();
    let devices: Vec<OsString> = DEVICES.map(OsString::from).to_vec();
    for path in &cage.write {
        survey(Path::new(path), true, &mut plants).map_err(|e| said(path, &e))?;
    }
    for path in cage.read.iter().chain(&devices) {
        survey(Path::new(path), false, &mut plants).map_err(|e| said(path, &e))?;
    }
    let masks: Vec<PathBuf> = cage
        .mask
        .iter()
        .filter_map(|mask| fs::canonicalize(mask).ok())
        .collect();
    let site = SITES.map(Path::new).into_iter().find(|site| site.is_dir());
    let site = site.ok_or("there is no folder to build in")?;
    let kept_apart = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", site, "tmpfs", kept_apart, ROOT)
        .map_err(told("mounting a root"))?;
    let writable = plant(site, plants)?;
    for mask in masks {
        cover(site, &mask).map_err(|e| said(mask.as_os_str(), &e))?;
    }
    seal(site, &writable)?;
    let own = match fs::symlink_metadata(below(site, Path::new(TEMP))) {
        Ok(_) => OWN
            .split_last()
            .map_or(OWN.as_slice(), |(_, others)| others),
        Err(_) => OWN.as_slice(),
    };
    furnish(site)?;
    std::env::set_current_dir(site).map_err(|e| said(site.as_os_str(), &e))?;
    rustix::process::pivot_root(".", ".").map_err(told("changing the root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(told("leaving the old root"))?;
    std::env::set_current_dir("/").map_err(|e| e.to_string())?;
    // From here on nobody inside makes another namespace, and with it rights over it.
    fs::write("/proc/sys/user/max_user_namespaces", "0")
        .map_err(|e| format!("forbidding more namespaces: {e}"))?;
    Ok(own)
}

fn told(what: &'static str) -> impl Fn(Errno) -> String {
    move |e| format!("{what}: {e}")
}

fn said(path: &OsStr, e: &io::Error) -> String {
    format!("showing {}: {e}", Path::new(path).display())
}

/// Takes hold of a path, and of every link that leads there. One that is not there is left out.
fn survey(path: &Path, writable: bool, plants: &mut Vec<Plant>) -> io::Result<()> {
    let mut here = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(path).collect();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let Ok(meta) = fs::symlink_metadata(&next) else {
            return Ok(());
        };
        if !meta.is_symlink() {
            here = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Ok(());
        }
        let to = fs::read_link(&next)?;
        if to.is_absolute() {
            here = PathBuf::from("/");
        }
        for name in names(&to).collect::<Vec<_>>().into_iter().rev() {
            ahead.push_front(name);
        }
        plants.push(Plant::Link { at: next, to });
    }
    // What can be written is a tree of its own, also where it lies in one that can be read.
    let known = |plant: &Plant| match plant {
        Plant::Tree(tree) => here == tree.at || !writable && here.starts_with(&tree.at),
        Plant::Link { .. } => false,
    };
    if here == Path::new("/") || plants.iter().any(known) {
        return Ok(());
    }
    let folder = here.is_dir();
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let held = rustix::mount::open_tree(CWD, &here, flags)?;
    plants.push(Plant::Tree(Tree {
        at: here,
        held,
        folder,
        writable,
    }));
    Ok(())
}

/// The names on a path, `..` among them.
fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Puts everything in its place below `root`: folders from the outside in, then links. Answers
/// with the places that can be written.
fn plant(root: &Path, plants: Vec<Plant>) -> Result<Vec<PathBuf>, String> {
    let (mut links, mut trees) = (Vec::new(), Vec::new());
    for plant in plants {
        match plant {
            Plant::Link { at, to } => links.push((at, to)),
            Plant::Tree(tree) => trees.push(tree),
        }
    }
    trees.sort_by(|a, b| a.at.cmp(&b.at));
    for tree in &trees {
        stand(root, tree).map_err(|e| said(tree.at.as_os_str(), &e))?;
    }
    for (at, to) in links {
        let place = below(root, &at);
        if fs::symlink_metadata(&place).is_ok() {
            continue;
        }
        let made = make_folder(&place).and_then(|()| symlink(&to, &place));
        made.map_err(|e| said(at.as_os_str(), &e))?;
    }
    let writable = trees.into_iter().filter(|tree| tree.writable);
    Ok(writable.map(|tree| below(root, &tree.at)).collect())
}

fn stand(root: &Path, tree: &Tree) -> io::Result<()> {
    let place = below(root, &tree.at);
    if tree.folder {
        fs::create_dir_all(&place)?;
    } else if fs::symlink_metadata(&place).is_err() {
        make_folder(&place)?;
        fs::write(&place, "")?;
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&tree.held, "", CWD, &place, flags)?;
    Ok(())
}

/// Makes every mount below `root` read-only but the writable ones: walls do not keep the owner of a
/// file from changing its mode, its times or its owner.
fn seal(root: &Path, writable: &[PathBuf]) -> Result<(), String> {
    let list = fs::read("/proc/self/mountinfo").map_err(|e| format!("reading the mounts: {e}"))?;
    for (place, flags) in list.split(|&b| b == b'\n').filter_map(mount_of) {
        let inside = place != root && place.starts_with(root);
        if !inside || writable.iter().any(|open| place.starts_with(open)) {
            continue;
        }
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
        match rustix::mount::mount_remount(&place, flags, c"") {
            // Where another mount lies over it, nobody comes there.
            Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
            Err(e) => return Err(format!("sealing {}: {e}", place.display())),
        }
    }
    Ok(())
}

/// Where a line of `mountinfo` is mounted, and the options that a new mount must keep.
fn mount_of(line: &[u8]) -> Option<(PathBuf, MountFlags)> {
    let mut fields = line.split(|&b| b == b' ');
    let place = PathBuf::from(OsString::from_vec(plain(fields.nth(4)?)));
    let options = std::str::from_utf8(fields.next()?).ok()?;
    let mut flags = MountFlags::empty();
    for option in options.split(',') {
        flags |= match option {
            "nosuid" => MountFlags::NOSUID,
            "nodev" => MountFlags::NODEV,
            "noexec" => MountFlags::NOEXEC,
            "noatime" => MountFlags::NOATIME,
            "nodiratime" => MountFlags::NODIRATIME,
            "relatime" => MountFlags::RELATIME,
            _ => MountFlags::empty(),
        };
    }
    Some((place, flags))
}

/// The bytes of a field: blanks and the like are written as a backslash and three octal digits.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'\\').then(|| after.get(..3)).flatten();
        let code =
            code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 8).ok());
        bytes.push(code.unwrap_or(first));
        rest = match code {
            Some(_) => after.get(3..).unwrap_or_default(),
            None => after,
        };
    }
    bytes
}

fn make_folder(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), fs::create_dir_all)
}

fn below(root: &Path, at: &Path) -> PathBuf {
    root.join(at.strip_prefix("/").unwrap_or(at))
}

/// Covers what must not be read inside something that is shown.
fn cover(root: &Path, mask: &Path) -> io::Result<()> {
    let place = below(root, mask);
    let Ok(meta) = fs::symlink_metadata(&place) else {
        return Ok(());
    };
    if meta.is_dir() {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY;
        rustix::mount::mount("tmpfs", &place, "tmpfs", flags, c"mode=0555,size=4k")?;
    } else {
        rustix::mount::mount_bind(below(root, Path::new("/dev/null")), &place)?;
    }
    Ok(())
}

/// What every program expects beside files: processes, terminals of its own, shared memory.
fn furnish(root: &Path) -> Result<(), String> {
    let folder = |name: &str| {
        let place = root.join(name);
        fs::create_dir_all(&place).map_err(|e| said(place.as_os_str(), &e))?;
        Ok::<_, String>(place)
    };
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", folder("proc")?, "proc", quiet, None)
        .map_err(told("mounting /proc"))?;
    folder("dev/shm")?;
    folder("tmp")?;
    let options = c"newinstance,ptmxmode=0666,mode=0620";
    let no_exec = MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount("devpts", folder("dev/pts")?, "devpts", no_exec, options)
        .map_err(told("mounting terminals"))?;
    let links = [
        ("dev/ptmx", "pts/ptmx"),
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
    ];
    for (at, to) in links {
        symlink(to, root.join(at)).map_err(|e| said(OsStr::new(at), &e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of the kernel's list gives its place, whatever bytes it has, and its options.
    #[test]
    fn a_mount_is_read_from_its_line() {
        let line = br"36 35 98:0 /a /mnt\040two\134 rw,nosuid,noatime master:1 - ext3 /dev/root rw";
        let (place, flags) = mount_of(line).unwrap();
        assert_eq!(place, Path::new(r"/mnt two\"));
        assert_eq!(flags, MountFlags::NOSUID | MountFlags::NOATIME);
        assert!(mount_of(b"").is_none());
    }
}
