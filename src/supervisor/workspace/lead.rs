//! Where a path of a tree really leads: out of it by way of links, or to a plain file inside.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::trouble::Trouble;
use crate::run::names::leads_into_git;

/// Most bytes of a plain file that are taken into memory.
const LARGEST: u64 = 256 << 20;

/// Whether a path leads out of `root` once every link on its way is followed.
///
/// Parts that do not exist are taken as plain names. More than 40 links count as leading out,
/// as the system itself gives up there.
pub fn leads_out(root: &Path, path: &[u8]) -> bool {
    let mut left: Vec<PathBuf> = parts(Path::new(OsStr::from_bytes(path)));
    left.reverse();
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part.components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::RootDir | Component::Prefix(_)) => return true,
            Some(Component::ParentDir) => {
                if !at.pop() {
                    return true;
                }
            }
            Some(Component::Normal(name)) => {
                at.push(name);
                if let Ok(target) = fs::read_link(root.join(&at)) {
                    links += 1;
                    if links > 40 {
                        return true;
                    }
                    at.pop();
                    left.extend(parts(&target).into_iter().rev());
                }
            }
        }
    }
    false
}

fn parts(path: &Path) -> Vec<PathBuf> {
    path.components()
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

/// The folders above these paths that git would take for a repository, though none is named `.git`: there
/// it obeys their `config`. The top is none of them, because its own `.git` comes first.
pub fn git_folders<'a>(root: &Path, paths: impl Iterator<Item = &'a [u8]>) -> HashSet<&'a [u8]> {
    let folders: HashSet<&[u8]> = paths.flat_map(above).collect();
    let is_one = |folder: &&[u8]| is_git_folder(&root.join(OsStr::from_bytes(folder)));
    folders.into_iter().filter(is_one).collect()
}

/// The folders above a path, the innermost first, the top left out.
pub fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cuts = path.iter().enumerate().rev().filter(|(_, b)| **b == b'/');
    cuts.map(|(at, _)| path.get(..at).unwrap_or_default())
}

/// By the names that git looks for, in any case of letters; in doubt it is none, for nobody can read it.
fn is_git_folder(folder: &Path) -> bool {
    let Ok(inside) = fs::read_dir(folder) else {
        return false;
    };
    let names = inside.flatten().map(|entry| entry.file_name());
    let names: HashSet<Vec<u8>> = names
        .map(|name| name.as_bytes().to_ascii_lowercase())
        .collect();
    let has = |name: &[u8]| names.contains(name);
    has(b"head") && (has(b"commondir") || has(b"objects") && has(b"refs"))
}

/// The file below `root` that a person named: plain parts only, and no link on the way.
pub fn plain_file(root: &Path, path: &str) -> Result<PathBuf, Trouble> {
    let mut at = root.to_owned();
    for name in plain_parts(path)? {
        at.push(name);
        if fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink()) {
            return Err(Trouble::new(format!(
                "{path} goes through the link {}: name the file itself",
                at.display()
            )));
        }
    }
    Ok(at)
}

/// The bytes of a plain file of at most 256 MiB; `None` where there is nothing. A pipe is never opened.
pub fn read_plain(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    read_up_to(path, LARGEST)
}

/// The same, with its own most bytes: what is larger is refused unread, however little of it is on disk.
pub fn read_up_to(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
    let too_large = |size| {
        let path = path.display();
        let cause = format!("{path} has {size} bytes, more than the {most} that are read here");
        Trouble::new(cause + ": make it smaller")
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() > most => Err(too_large(meta.len())),
        Ok(meta) if meta.is_file() => {
            let mut bytes = Vec::new();
            // It may grow while it is read.
            fs::File::open(path)
                .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
                .map_err(|error| Trouble::file("read", path, &error))?;
            let size = bytes.len() as u64;
            if size > most {
                return Err(too_large(size));
            }
            Ok(Some(bytes))
        }
        Ok(_) => Err(Trouble::new(format!("{} is no plain file", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::file("read", path, &error)),
    }
}

/// The parts of a path that stays where it starts: no `..`, nothing absolute, nothing of git's.
pub fn plain_parts(path: &str) -> Result<Vec<&OsStr>, Trouble> {
    let mut names = Vec::new();
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else {
            return Err(Trouble::new(format!(
                "{path} leads out of the folder: name a file inside it"
            )));
        };
        if leads_into_git(name.as_bytes()) {
            return Err(Trouble::new(format!(
                "{path} lies in .git, which is git's own: name another file"
            )));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err(Trouble::new("the name of the file is empty: name one"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1: a file of more bytes than it may have is refused by its length alone, though it takes no
    /// room on the disk; one of just so many is read.
    #[test]
    fn what_is_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[core]\n").unwrap();
        assert_eq!(read_up_to(&path, 7), Ok(Some(b"[core]\n".to_vec())));
        assert!(read_up_to(&path, 6).is_err());
        let file = fs::File::create(&path).unwrap();
        file.set_len(1 << 42).unwrap();
        let cause = read_plain(&path).unwrap_err().cause;
        assert!(
            cause.contains("has 4398046511104 bytes, more than"),
            "{cause}"
        );
    }
}
