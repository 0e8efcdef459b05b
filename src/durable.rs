//! Plain files that outlast a crash and a power cut: written whole beside their place, synced, renamed,
//! and the folder synced. The journal and the transcripts have ways of their own.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tempfile::{Builder, NamedTempFile};

/// How the name of a file begins that is not yet in its place; the number of its writer follows, and when that
/// began, where the system tells: a number is given again, the two together are not.
const BESIDE: &str = ".checkride-";

/// How such a name ends.
const NEW: &str = ".new";

/// A line that was cut short is looked for in so many bytes at a file's end.
const LONGEST_LINE: u64 = 16 << 20;

/// The permissions that a file gets.
#[derive(Clone, Copy)]
enum Mode {
    /// Of a new file: the process's mask takes its part away.
    New(u32),
    /// Of the file that was there: as they are.
    Kept(u32),
}

/// Replaces a file at once: after a crash at any moment it holds the old bytes or the new ones.
///
/// Folders on the way are made. A file that was there keeps its permissions, a new one gets `mode` under
/// the process's mask; a link in its place is replaced and not followed.
///
/// # Errors
/// The file is as it was, unless only the last sync of its folder failed.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mode = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Mode::Kept(meta.permissions().mode() & 0o777 | 0o600),
        Ok(_) | Err(_) => Mode::New(mode),
    };
    let beside = written(path, bytes, mode)?;
    // From here on the name is in the way of nobody: whatever happens, it goes.
    let beside = beside.into_temp_path();
    fs::rename(&beside, path)?;
    // It has moved: nothing is left to be taken away.
    drop(beside.keep());
    sync_folder(folder_of(path))
}

/// Writes a file that must not be there yet, whole or not at all; it gets `mode` under the process's mask.
///
/// # Errors
/// `AlreadyExists` where something stands there; else nothing does.
pub fn begin(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let beside = written(path, bytes, Mode::New(mode))?;
    beside.persist_noclobber(path).map_err(|e| e.error)?;
    sync_folder(folder_of(path))
}

/// Opens or begins a plain file that lines are added to. A link in its place is not followed, and a pipe is
/// not waited for.
///
/// # Errors
/// One that names the path, where something else stands there.
pub fn open_for_lines(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o644)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path);
    match opened {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(in_the_way(path)),
        Err(error) => match fs::symlink_metadata(path) {
            Ok(meta) if !meta.is_file() => Err(in_the_way(path)),
            Ok(_) | Err(_) => Err(error),
        },
    }
}

/// Adds one line to a file and syncs it. A last line that a crash has cut short is taken out first; a link
/// in its place is not followed.
///
/// # Errors
/// Nothing of the line stands there, so that it may be added again.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let folder = folder_of(path);
    make_folder(folder)?;
    let mut file = open_for_lines(path)?;
    let length = file.metadata()?.len();
    let whole = whole_lines(&mut file, length)?;
    if whole < length {
        file.set_len(whole)?;
    }
    let written = file
        .write_all(format!("{line}\n").as_bytes())
        .and_then(|()| file.sync_data())
        .and_then(|()| match length {
            0 => sync_folder(folder),
            _ => Ok(()),
        });
    if written.is_err() {
        // A full disk may have taken a part, or the whole line without keeping it.
        file.set_len(whole)?;
    }
    written
}

/// Moves a file within a file system; after a crash it stands in one of the two places.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder(folder_of(to))?;
    if folder_of(from) == folder_of(to) {
        return Ok(());
    }
    sync_folder(folder_of(from))
}

/// Makes a folder and those above it, so that they are still there after a crash.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists || !folder.is_dir() => Err(error),
        Ok(()) | Err(_) => sync_folder(above),
    }
}

/// Makes a folder below `root` of real folders alone: whoever wrote what is there already may have put a
/// link in the place of one, which leads anywhere.
///
/// # Errors
/// One that names the part where something else stands, or a path that leads out of `root`.
pub fn make_real_folder(root: &Path, below: &Path) -> io::Result<PathBuf> {
    let mut folder = root.to_owned();
    for part in below.components() {
        let Component::Normal(part) = part else {
            let why = format!("{} leads out of {}", below.display(), root.display());
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        };
        let above = folder.clone();
        folder.push(part);
        match fs::create_dir(&folder) {
            Ok(()) => sync_folder(&above)?,
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            Err(_) if fs::symlink_metadata(&folder)?.is_dir() => {}
            Err(_) => return Err(in_the_way(&folder)),
        }
    }
    Ok(folder)
}

/// The first part of a path below `root` that is a link.
pub fn link_on_the_way(root: &Path, below: &Path) -> Option<PathBuf> {
    let mut at = root.to_owned();
    below.components().find_map(|part| {
        at.push(part);
        let is_link = fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink());
        is_link.then(|| at.clone())
    })
}

/// What stands in the place of a plain file or a real folder.
fn in_the_way(path: &Path) -> io::Error {
    let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    let what = if is_link {
        "is a link, which is not followed"
    } else {
        "is in the way"
    };
    io::Error::new(
        ErrorKind::NotADirectory,
        format!("{} {what}: take it away", path.display()),
    )
}

/// Whether a write was refused because there is no room for it, which may change.
pub fn has_no_room(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Takes away what writers that are dead left beside their files: called once for a folder, as a program starts
/// that writes there. What cannot be taken away harms nobody and is tried again with the next start.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_left_over) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Whether a name is that of an unfinished file whose writer is dead: its number is nobody's, or that of
/// another process by now.
fn is_left_over(name: &str) -> bool {
    let named = name
        .strip_prefix(BESIDE)
        .filter(|name| name.ends_with(NEW))
        .and_then(|name| name.split('-').next());
    let Some((number, began)) = named.map(|named| named.split_once('.').unwrap_or((named, "")))
    else {
        return false;
    };
    let Some(writer) = number.parse().ok().and_then(Pid::from_raw) else {
        return false;
    };
    let is_other = || !began.is_empty() && started(number).is_some_and(|now| now != began);
    test_kill_process(writer) == Err(Errno::SRCH) || is_other()
}

/// When the process of this number began, in the system's ticks since it did; `None` where it does not tell.
fn started(number: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name in parentheses may hold anything; the 22nd field is the 20th after it.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

/// The bytes on disk under a name of their own, beside the place where they belong.
fn written(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    make_folder(folder)?;
    let (Mode::New(begun) | Mode::Kept(begun)) = mode;
    let since = started("self").map_or(String::new(), |ticks| format!(".{ticks}"));
    let mut beside = Builder::new()
        .prefix(&format!("{BESIDE}{}{since}-", std::process::id()))
        .suffix(NEW)
        .permissions(Permissions::from_mode(begun))
        .tempfile_in(folder)?;
    beside.write_all(bytes)?;
    if let Mode::Kept(mode) = mode {
        // The mask has nothing to say about what was decided before.
        let kept = Permissions::from_mode(mode);
        beside.as_file().set_permissions(kept)?;
    }
    beside.as_file().sync_all()?;
    Ok(beside)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    }
}

/// Syncs a folder. Some network file systems refuse that: there a rename is as durable as it gets.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Length of the lines that end.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let from = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n');
    Ok(end.map_or(from, |at| from + at as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(folder: &Path) -> Vec<String> {
        let all = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = all
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A file is replaced with its permissions kept; a link is replaced, not followed.
    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a/b/file");
        replace(&path, b"one", 0o640).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o640);
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"two".to_vec(), 0o640));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"three", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a", "link"]);
    }

    /// S19: nothing is added through a link, nor are folders made through one; a pipe is not waited for.
    #[test]
    fn no_link_is_followed_to_where_lines_are_added() {
        let folder = TempDir::new().unwrap();
        let outside = TempDir::new().unwrap();
        let (root, theirs) = (folder.path(), outside.path().join("rc"));
        fs::write(&theirs, "theirs, and no line end").unwrap();
        let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, root.join(at)).unwrap();
        link(&theirs, "lines");
        link(Path::new("nowhere"), "dangling");
        link(outside.path(), "way");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for at in ["lines", "dangling"] {
            let refused = append_line(&root.join(at), "ours").unwrap_err().to_string();
            assert!(refused.contains("is a link"), "{refused}");
        }
        let refused = append_line(&root.join("pipe"), "ours").unwrap_err();
        assert!(refused.to_string().contains("is in the way"), "{refused}");
        for (below, why) in [
            ("way/a", "way is a link"),
            ("way", "way is a link"),
            ("pipe/a", "pipe is in the way"),
            ("a/../../b", "leads out"),
        ] {
            let refused = make_real_folder(root, Path::new(below)).unwrap_err();
            assert!(refused.to_string().contains(why), "{below}: {refused}");
        }
        let real = make_real_folder(root, Path::new("a/b")).unwrap();
        assert_eq!(make_real_folder(root, Path::new("a/b")).unwrap(), real);
        let found = link_on_the_way(root, Path::new("way/a"));
        assert_eq!(found, Some(root.join("way")));
        assert_eq!(link_on_the_way(root, Path::new("a/b/c")), None);
        assert_eq!(names(outside.path()), ["rc"]);
        let kept = fs::read_to_string(&theirs).unwrap();
        assert_eq!(kept, "theirs, and no line end");
    }

    /// What stands there is never written over by a file that is begun.
    #[test]
    fn a_file_is_begun_once() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        begin(&path, b"one", 0o644).unwrap();
        let again = begin(&path, b"two", 0o644).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["file"]);
    }

    /// A last line that was cut short goes, whole ones stay.
    #[test]
    fn a_torn_line_is_taken_out() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("lines");
        append_line(&path, "one").unwrap();
        for torn in ["tw", "\0\0\0", ""] {
            let mut bytes = b"one\n".to_vec();
            bytes.extend(torn.as_bytes());
            fs::write(&path, bytes).unwrap();
            append_line(&path, "two").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        }
        fs::write(&path, "no line at all").unwrap();
        append_line(&path, "one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\n");
    }

    /// What a dead writer left is swept, also where its number is another's by now; what a living one writes,
    /// and what others name, is not.
    #[test]
    fn the_dead_are_swept() {
        let folder = TempDir::new().unwrap();
        // No system gives this number to a process.
        let dead = format!("{BESIDE}{}-x{NEW}", i32::MAX);
        let own = std::process::id();
        let began = started("self").unwrap_or_default();
        let alive = format!("{BESIDE}{own}-x{NEW}");
        let this = format!("{BESIDE}{own}.{began}-x{NEW}");
        let before = format!("{BESIDE}{own}.1-x{NEW}");
        let mut all = vec![&dead, &alive, &this];
        // Elsewhere nothing but the number is known.
        if cfg!(target_os = "linux") {
            all.push(&before);
        }
        let plain = [".checkride-x.new", "notes.new"];
        for name in all.iter().copied().map(String::as_str).chain(plain) {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        // Who writes looks for nothing: a folder may hold thousands of files.
        replace(&folder.path().join("file"), b"whole", 0o644).unwrap();
        assert_eq!(names(folder.path()).len(), all.len() + plain.len() + 1);
        sweep(folder.path());
        let mut left = vec![
            alive.as_str(),
            &this,
            ".checkride-x.new",
            "file",
            "notes.new",
        ];
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
    }
}
