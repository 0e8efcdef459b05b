//! Where a path of a tree really leads: out of it by way of links, or to a plain file inside.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::trouble::Trouble;

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

/// The bytes of a plain file; `None` where there is nothing. A pipe is never opened.
pub fn read_plain(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => fs::read(path)
            .map(Some)
            .map_err(|error| Trouble::file("read", path, &error)),
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
        if name.as_bytes().eq_ignore_ascii_case(b".git") {
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
