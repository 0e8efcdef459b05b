//! Files of a folder whose programs may still run. Every part of a path is opened by itself and no link is
//! followed, so what is swapped in the middle of it leads nowhere else. Names are judged in `lead.rs`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// What stands beside a file while its next bytes are written.
const BESIDE: &str = ".checkride-writes";

/// An open folder, and the way to what lies beneath it.
#[derive(Debug)]
pub struct Beneath {
    folder: OwnedFd,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: OsString,
    /// What stands there.
    pub stands: Stands,
}

/// What stands at a path: the entry itself, never what a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

impl From<FileType> for Stands {
    fn from(kind: FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Folder
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }
}

impl Beneath {
    /// Opens the folder, which is named by us: links on the way to it are followed.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let folder = fs::open(folder, FOLDER, Mode::empty())?;
        Ok(Self { folder })
    }

    /// The folder at this path, this one where the path is empty.
    pub fn folder(&self, path: &Path) -> io::Result<Self> {
        let mut folder = self.folder.try_clone()?;
        for name in parts(path)? {
            folder = enter(&folder, name)?;
        }
        Ok(Self { folder })
    }

    /// What this folder holds, in no order.
    pub fn names(&self) -> io::Result<Vec<Named>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            // Some file systems do not say here what it is, and it may have gone meanwhile.
            let stands = match entry.file_type() {
                FileType::Unknown => stands(&self.folder, name)?.map(|(stands, _)| stands),
                told @ (FileType::RegularFile
                | FileType::Directory
                | FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice) => Some(told.into()),
            };
            if let Some(stands) = stands {
                let name = name.to_owned();
                names.push(Named { name, stands });
            }
        }
        Ok(names)
    }

    /// The bytes of a plain file, `None` where nothing stands; one of more than `most` bytes is refused, and
    /// so is what is no plain file. A pipe is not waited for.
    pub fn read(&self, path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = self.above(path).and_then(|(folder, name)| {
            fs::openat(&folder, name, how | OFlags::NOCTTY, Mode::empty())
                .map_err(|error| told(&folder, name, error))
        });
        let file = match opened {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(refused("it is no plain file"));
        }
        let mut bytes = Vec::new();
        if meta.len() <= most {
            // It may grow while it is read.
            file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        }
        let size = meta.len().max(bytes.len() as u64);
        if size > most {
            return Err(refused(&format!(
                "it has {size} bytes, more than the {most} that are read here"
            )));
        }
        Ok(Some(bytes))
    }

    /// Writes a whole file at once; folders on the way are made, the permissions of a file that is there stay.
    ///
    /// Not synced: what a worker wrote counts from its snapshot on.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (folder, name) = self.above_made(path)?;
        let mode = match stands(&folder, name)? {
            None => None,
            // Without what changes the user.
            Some((Stands::File, mode)) => Some(mode & Mode::from_raw_mode(0o777)),
            Some((Stands::Link, _)) => return Err(is_link(name)),
            Some((Stands::Folder | Stands::Other, _)) => {
                return Err(refused("it is no plain file"));
            }
        };
        let written = beside(&folder, bytes, mode)
            .and_then(|()| Ok(fs::renameat(&folder, BESIDE, &folder, name)?));
        if written.is_err() {
            // Where it is not there, nothing is to be taken away.
            let _ = fs::unlinkat(&folder, BESIDE, AtFlags::empty());
        }
        written
    }

    /// Takes a file or a link away, never a folder.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.above(path)?;
        Ok(fs::unlinkat(&folder, name, AtFlags::empty())?)
    }

    /// What stands at a path, `None` where nothing does.
    pub fn stands(&self, path: &Path) -> io::Result<Option<Stands>> {
        if path.as_os_str().is_empty() {
            return Ok(Some(Stands::Folder));
        }
        let found = self
            .above(path)
            .and_then(|(folder, name)| stands(&folder, name));
        match found {
            Ok(found) => Ok(found.map(|(stands, _)| stands)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The folder that holds a path's last part, and that part.
    fn above<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        self.walk(path, enter)
    }

    /// The same, with folders that are not there made on the way.
    fn above_made<'a>(&self, path: &'a Path) -> io::Result<(OwnedFd, &'a OsStr)> {
        self.walk(path, |folder, name| {
            match fs::mkdirat(folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => enter(folder, name),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn walk<'a>(
        &self,
        path: &'a Path,
        step: impl Fn(&OwnedFd, &OsStr) -> io::Result<OwnedFd>,
    ) -> io::Result<(OwnedFd, &'a OsStr)> {
        let mut parts = parts(path)?;
        let name = parts
            .pop()
            .ok_or_else(|| refused("the name of the file is empty"))?;
        let mut folder = self.folder.try_clone()?;
        for part in parts {
            folder = step(&folder, part)?;
        }
        Ok((folder, name))
    }
}

/// The parts of a path that stays where it starts.
fn parts(path: &Path) -> io::Result<Vec<&OsStr>> {
    let plain = |part| match part {
        Component::Normal(name) => Some(Ok(name)),
        Component::CurDir => None,
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
            Some(Err(refused("it leads out of the folder")))
        }
    };
    path.components().filter_map(plain).collect()
}

fn enter(folder: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    fs::openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
        .map_err(|error| told(folder, name, error))
}

/// Why an entry could not be opened: systems do not agree on the number for a link that is not followed.
fn told(folder: &OwnedFd, name: &OsStr, error: Errno) -> io::Error {
    match stands(folder, name) {
        Ok(Some((Stands::Link, _))) => is_link(name),
        Ok(_) | Err(_) => error.into(),
    }
}

fn stands(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<(Stands, Mode)>> {
    match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(meta) => {
            let kind = FileType::from_raw_mode(meta.st_mode);
            Ok(Some((kind.into(), Mode::from_raw_mode(meta.st_mode))))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes the bytes to a file of our own in the same folder.
fn beside(folder: &OwnedFd, bytes: &[u8], mode: Option<Mode>) -> io::Result<()> {
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let plain = Mode::from_raw_mode(0o666);
    let file = match fs::openat(folder, BESIDE, how, plain) {
        // Of a host that died in the middle, or somebody's who wants to be in the way.
        Err(Errno::EXIST) => {
            fs::unlinkat(folder, BESIDE, AtFlags::empty())?;
            fs::openat(folder, BESIDE, how, plain)?
        }
        opened => opened?,
    };
    if let Some(mode) = mode {
        fs::fchmod(&file, mode)?;
    }
    File::from(file).write_all(bytes)
}

fn is_link(name: &OsStr) -> io::Error {
    refused(&format!(
        "the link {} is not followed: name the file itself",
        name.display()
    ))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    /// R39: plain files beneath the folder, whatever the path looks like; what is written is written whole.
    #[test]
    fn only_what_lies_beneath_is_reached() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let root = inside.path();
        fs::write(root.join("a.txt"), "a").unwrap();
        fs::set_permissions(root.join("a.txt"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink(outside.path(), root.join("way")).unwrap();
        symlink("a.txt", root.join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("pipe"),
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let beneath = Beneath::new(root).unwrap();
        let read = |path: &str| beneath.read(Path::new(path), 4);
        let write = |path: &str, text: &str| beneath.write(Path::new(path), text.as_bytes());

        assert_eq!(read("./a.txt").unwrap(), Some(b"a".to_vec()));
        assert_eq!(read("none/none").unwrap(), None);
        write("a.txt", "long").unwrap();
        write("b/c/d", "new").unwrap();
        assert_eq!(fs::read_to_string(root.join("b/c/d")).unwrap(), "new");
        let mode = fs::metadata(root.join("a.txt")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o750);
        assert_eq!(read("a.txt").unwrap(), Some(b"long".to_vec()));
        write("a.txt", "longer").unwrap();
        assert!(read("a.txt").unwrap_err().to_string().contains("6 bytes"));
        for path in [
            "../x",
            "/etc/hostname",
            "way/secret",
            "link",
            "pipe",
            "b",
            "",
        ] {
            assert!(read(path).is_err(), "{path} is read");
            assert!(write(path, "no").is_err(), "{path} is written");
        }
        assert!(beneath.folder(Path::new("way")).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        beneath.remove(Path::new("link")).unwrap();
        assert_eq!(fs::read_to_string(root.join("a.txt")).unwrap(), "longer");
        let mut names: Vec<_> = beneath.names().unwrap();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = names.iter().map(|n| n.name.to_str().unwrap()).collect();
        assert_eq!(names, ["a.txt", "b", "pipe", "way"]);
    }

    #[cfg(target_os = "linux")]
    /// S19: a folder that becomes a link and a folder again, all the time: nothing of the other side is read
    /// or written.
    #[test]
    fn what_is_swapped_meanwhile_leads_nowhere() {
        use rustix::fs::{RenameFlags, renameat_with};

        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("file"), "secret").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let root = inside.path().to_owned();
        fs::create_dir(root.join("at")).unwrap();
        symlink(outside.path(), root.join("link")).unwrap();
        let over = AtomicBool::new(false);
        let (mut read, mut swapped) = (0, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let beneath = Beneath::new(&root).unwrap();
                while !over.load(Ordering::Relaxed) {
                    let (folder, swap) = (&beneath.folder, RenameFlags::EXCHANGE);
                    renameat_with(folder, "at", folder, "link", swap).unwrap();
                }
            });
            let beneath = Beneath::new(&root).unwrap();
            for _ in 0..5_000 {
                if beneath.write(Path::new("at/file"), b"ours").is_err() {
                    swapped += 1;
                }
                if let Ok(Some(bytes)) = beneath.read(Path::new("at/file"), 64) {
                    assert_eq!(bytes, b"ours");
                    read += 1;
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        assert!(read > 0 && swapped > 0, "read {read}, swapped {swapped}");
        let left: Vec<_> = fs::read_dir(outside.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        let secret = fs::read_to_string(outside.path().join("file")).unwrap();
        assert_eq!(secret, "secret");
    }
}
