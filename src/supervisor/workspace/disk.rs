//! The files of a tree on disk: walking them whatever their permissions, taking away what does
//! not belong, replacing a file at once. Where a path really leads is `lead.rs`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::trouble::Trouble;
use crate::durable;

/// What a walk does with one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Leaves it, and does not look inside.
    Keep,
    /// Looks inside a folder.
    Enter,
    /// Takes it away with all that is in it.
    Remove,
}

/// One entry of a walk.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Path below the root, as bytes, parts separated by `/`.
    pub path: &'a [u8],
    /// The same, absolute.
    pub full: &'a Path,
    /// Of the entry itself, never of what a link leads to.
    pub meta: &'a Metadata,
}

impl Entry<'_> {
    /// The last part of the path.
    pub fn name(&self) -> &[u8] {
        self.path.rsplit(|b| *b == b'/').next().unwrap_or(self.path)
    }

    /// Whether it is a file that has another name: a change of permissions would reach that too.
    pub fn is_shared(&self) -> bool {
        self.meta.is_file() && self.meta.nlink() > 1
    }

    /// Whether it is neither file, folder nor link.
    pub fn is_special(&self) -> bool {
        let kind = self.meta.file_type();
        kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device()
    }
}

/// Visits every entry below `root`; folders that cannot be read are made readable first.
///
/// Returns the folders that had to be taken away because their paths are longer than the system
/// can name.
pub fn walk(
    root: &Path,
    each: &mut dyn FnMut(&Entry<'_>) -> Result<Next, Trouble>,
) -> Result<Vec<Vec<u8>>, Trouble> {
    let mut too_long = Vec::new();
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        let full = join(root, &folder);
        let entries = unlock(&full)
            .and_then(|()| list(&full))
            .map_err(|error| Trouble::file("read", &full, &error))?;
        for name in entries {
            let path = below(&folder, &name);
            let full = join(root, &path);
            let meta = match fs::symlink_metadata(&full) {
                Ok(meta) => meta,
                Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                    remove_with_empty_parents(root, &folder)?;
                    let inside = [folder.as_slice(), b"/"].concat();
                    folders.retain(|other| !other.starts_with(&inside));
                    too_long.push(folder);
                    break;
                }
                Err(error) => return Err(Trouble::file("look at", &full, &error)),
            };
            let entry = Entry {
                path: &path,
                full: &full,
                meta: &meta,
            };
            match each(&entry)? {
                Next::Keep => {}
                Next::Enter => folders.push(path),
                Next::Remove => remove(&full)?,
            }
        }
    }
    Ok(too_long)
}

/// Takes a folder away, and those above it that then hold nothing, but never `root`.
fn remove_with_empty_parents(root: &Path, folder: &[u8]) -> Result<(), Trouble> {
    let mut full = join(root, folder);
    remove(&full)?;
    while full.pop() && full != root {
        // One that is not empty stays, and so do all above it.
        if fs::remove_dir(&full).is_err() {
            break;
        }
    }
    Ok(())
}

/// Visits every entry below `root` and changes nothing; `Next::Remove` only passes it by.
pub fn look(
    root: &Path,
    each: &mut dyn FnMut(&Entry<'_>) -> Result<Next, Trouble>,
) -> Result<(), Trouble> {
    let mut folders = vec![Vec::new()];
    while let Some(folder) = folders.pop() {
        let full = join(root, &folder);
        let entries = list(&full).map_err(|error| Trouble::file("read", &full, &error))?;
        for name in entries {
            let path = below(&folder, &name);
            let full = join(root, &path);
            let meta = fs::symlink_metadata(&full)
                .map_err(|error| Trouble::file("look at", &full, &error))?;
            let entry = Entry {
                path: &path,
                full: &full,
                meta: &meta,
            };
            match each(&entry)? {
                Next::Keep | Next::Remove => {}
                Next::Enter => folders.push(path),
            }
        }
    }
    Ok(())
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        name.to_vec()
    } else {
        [folder, b"/", name].concat()
    }
}

pub(super) fn unlock(folder: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(folder)?.permissions().mode();
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(mode & 0o7777 | 0o700))
}

fn list(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().as_bytes().to_vec()))
        .collect()
}

/// Takes an entry away, whatever it is and whatever its permissions; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), Trouble> {
    let done = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).or_else(|_| {
            unlock_all(path)?;
            fs::remove_dir_all(path)
        }),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Trouble::file("take away", path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(super) fn unlock_all(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        unlock(&folder)?;
        for name in list(&folder)? {
            let path = folder.join(OsStr::from_bytes(&name));
            if fs::symlink_metadata(&path)?.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Makes sure that a real folder stands there; a link or a file in its place is taken away.
pub fn folder(path: &Path) -> Result<(), Trouble> {
    if !fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        remove(path)?;
    }
    fs::create_dir_all(path).map_err(|error| Trouble::file("make", path, &error))
}

/// Writes a small file of our own.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Trouble> {
    fs::write(path, bytes).map_err(|error| Trouble::file("write", path, &error))
}

/// Replaces a file at once and durably. Folders on the way are made; the permissions of a file that
/// was there stay.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => {
            Err(Trouble::new(format!("{} is no plain file", path.display())))
        }
        Ok(_) | Err(_) => durable::replace(path, bytes, 0o644)
            .map_err(|error| Trouble::file("write", path, &error)),
    }
}

/// Reads a file; one that is not there is empty.
pub fn read_or_empty(path: &Path) -> Result<Vec<u8>, Trouble> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Trouble::file("read", path, &error)),
    }
}

/// The path below `root` for a path in bytes.
pub fn join(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        root.to_owned()
    } else {
        root.join(OsStr::from_bytes(path))
    }
}

/// The permissions that a fresh checkout gives under this process's mask.
#[derive(Debug, Clone, Copy)]
pub struct Mask(u32);

impl Mask {
    /// Learned from a probe file in `folder`, because asking for the mask would change it.
    pub fn probe(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join("mask-probe");
        remove(&path)?;
        let probe = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o777)
            .open(&path)
            .and_then(|file| file.metadata())
            .map_err(|error| Trouble::file("write", &path, &error))?;
        remove(&path)?;
        Ok(Self(probe.permissions().mode() & 0o777))
    }

    /// Sets one file or folder to what a checkout would have given it.
    pub fn level(self, entry: &Entry<'_>) -> Result<(), Trouble> {
        if entry.meta.is_symlink() || entry.is_shared() {
            return Ok(());
        }
        let mode = entry.meta.permissions().mode();
        let wanted = if entry.meta.is_dir() || mode & 0o100 != 0 {
            self.0
        } else {
            self.0 & 0o666
        };
        chmod(entry, mode & 0o7777, wanted)
    }
}

/// Lets the owner read and write a file again; one that has another name elsewhere stays as it is.
pub fn readable(entry: &Entry<'_>) -> Result<(), Trouble> {
    if entry.is_shared() {
        return Ok(());
    }
    let mode = entry.meta.permissions().mode() & 0o7777;
    chmod(entry, mode, mode | 0o600)
}

fn chmod(entry: &Entry<'_>, from: u32, to: u32) -> Result<(), Trouble> {
    if from == to {
        return Ok(());
    }
    fs::set_permissions(entry.full, Permissions::from_mode(to))
        .map_err(|error| Trouble::file("set permissions of", entry.full, &error))
}

/// Takes away everything below `root` that is none of these files, ignored files too.
pub(super) fn sweep(root: &Path, files: &HashSet<&[u8]>, mask: Mask) -> Result<(), Trouble> {
    let mut folders = HashSet::new();
    for file in files {
        let mut rest = *file;
        while let Some(cut) = rest.iter().rposition(|b| *b == b'/') {
            rest = &rest[..cut];
            if !folders.insert(rest) {
                break;
            }
        }
    }
    walk(root, &mut |entry| {
        let keep = if entry.meta.is_dir() {
            folders.contains(entry.path)
        } else {
            // A file with another name elsewhere is not ours alone: it is written anew.
            files.contains(entry.path) && !entry.is_special() && !entry.is_shared()
        };
        if !keep {
            return Ok(Next::Remove);
        }
        mask.level(entry)?;
        Ok(if entry.meta.is_dir() {
            Next::Enter
        } else {
            Next::Keep
        })
    })?;
    Ok(())
}
