//! What the workspaces of a project keep aside: drawers of the attic and repositories that were replaced.
//! Listing, giving back, and deleting for good; putting something there is `attic.rs`.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::attic::{IGNORED_DRAWERS, LIST, ODD_DRAWERS};
use super::{Trouble, disk};
use crate::durable;
use crate::run::counted;
use crate::run::inert::spelled_line;

/// One drawer, or one repository that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The loop whose it is.
    pub name: String,
    /// How it is called for: `3` for the drawer `000003-work`, `repo.1` for a repository.
    pub call: String,
    /// What it is, in words.
    pub what: &'static str,
    /// Seconds since 1970 when the last of it was put there.
    pub at_s: i64,
    /// Plain files in it, links and all else not counted.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// What left the tree, each an inert path within it; empty where no list tells.
    pub paths: Vec<String>,
    /// The folder that holds it.
    pub place: PathBuf,
}

/// A line of the list, as far as it is read here.
#[derive(Deserialize)]
struct Line {
    drawer: String,
    paths: Vec<String>,
    #[serde(default)]
    gone: bool,
}

/// What is to be said of the attic of one loop beside what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The loop.
    pub name: String,
    /// One inert line.
    pub line: String,
}

/// All that is kept aside for the loops of a project: by loop, the oldest drawer first.
///
/// `state` is the project's state folder. What cannot be read counts as empty and stands there all the same.
pub fn all(state: &Path) -> Vec<Kept> {
    let mut found = Vec::new();
    for (name, folder) in folders(&state.join("workspaces")) {
        let attic = folder.join("attic");
        let lines: Vec<Line> = listed(&attic).into_iter().flatten().collect();
        for (drawer, place) in folders(&attic) {
            let Some((call, what)) = drawer_words(&drawer) else {
                continue;
            };
            let mut told = lines.iter().rev().filter(|line| !line.gone);
            let line = told.find(|line| line.drawer == drawer);
            let paths = line.map(|line| line.paths.clone()).unwrap_or_default();
            found.push(kept(&name, (call, what), paths, place));
        }
        for (repo, place) in folders(&folder) {
            let number = repo
                .strip_prefix("repo.")
                .and_then(|r| r.strip_suffix(".old"));
            if let Some(number) = number {
                let what = "a private repository that was replaced";
                let call = format!("repo.{number}");
                found.push(kept(&name, (call, what), Vec::new(), place));
            }
        }
    }
    found
}

/// What is not there any more though it was put aside, and what of the lists cannot be read, by loop.
pub fn notes(state: &Path) -> Vec<Note> {
    let mut notes = Vec::new();
    for (name, folder) in folders(&state.join("workspaces")) {
        let attic = folder.join("attic");
        let lines = listed(&attic);
        let mut say = |line: String| {
            let name = name.clone();
            notes.push(Note { name, line });
        };
        let gone = lines.iter().flatten().filter(|line| line.gone).count();
        if gone > 0 {
            let drawers = if gone == 1 {
                "drawer is"
            } else {
                "drawers are"
            };
            say(format!(
                "{gone} older {drawers} deleted: of what git cannot hold the newest {ODD_DRAWERS} are kept, of \
                 ignored files those of {IGNORED_DRAWERS} run"
            ));
        }
        let damaged = lines.iter().filter(|line| line.is_none()).count();
        if damaged > 0 {
            let list = spelled_line(attic.join(LIST).as_os_str().as_encoded_bytes());
            let lines = counted(damaged as u64, "line");
            say(format!(
                "{lines} of {list} cannot be read: a drawer is listed without the names of what it holds"
            ));
        }
    }
    notes
}

/// The lines of the list of an attic; `None` for one that cannot be read.
fn listed(attic: &Path) -> Vec<Option<Line>> {
    let list = match fs::read(attic.join(LIST)) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        Err(_) => return vec![None],
    };
    let line = |line| serde_json::from_str(line).ok();
    list.lines().map(line).collect()
}

impl Kept {
    /// Gives it into a folder that must not be there yet; one on another file system gets a copy, and the
    /// original stays. Whether it was moved.
    ///
    /// # Errors
    /// Where something stands in the way nothing was done; where a copy failed the original is whole.
    pub fn give(&self, into: &Path) -> Result<bool, Trouble> {
        let trouble = |error: io::Error| {
            let left = spelled_line(self.place.as_os_str().as_encoded_bytes());
            let into = spelled_line(into.as_os_str().as_encoded_bytes());
            Trouble::new(format!(
                "cannot fill {into}: {error}; all of it is still in {left}"
            ))
        };
        if fs::symlink_metadata(into).is_ok() {
            let into = spelled_line(into.as_os_str().as_encoded_bytes());
            return Err(Trouble::new(format!(
                "{into} is there already and nothing is written over: name another folder with --into"
            )));
        }
        match durable::rename(&self.place, into) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                disk::unlock_all(&self.place).map_err(trouble)?;
                copy(&self.place, into).map_err(trouble)?;
                Ok(false)
            }
            Err(error) => Err(trouble(error)),
        }
    }

    /// Deletes it for good.
    ///
    /// # Errors
    /// What could not be deleted is still there.
    pub fn delete(&self) -> Result<(), Trouble> {
        disk::remove(&self.place)
    }
}

fn kept(
    name: &str,
    (call, what): (String, &'static str),
    paths: Vec<String>,
    place: PathBuf,
) -> Kept {
    let (files, bytes) = size(&place);
    let at_s = fs::symlink_metadata(&place).map_or(0, |meta| meta.ctime());
    let name = name.to_owned();
    Kept {
        name,
        call,
        what,
        at_s,
        files,
        bytes,
        paths,
        place,
    }
}

/// The number and the meaning of a drawer's name.
fn drawer_words(drawer: &str) -> Option<(String, &'static str)> {
    let (number, why) = drawer.split_once('-')?;
    let number: u64 = number.parse().ok()?;
    let what = match why {
        "work" => "work that no snapshot holds",
        "odd" => "what git cannot hold, or is too large for it",
        "ignored" => "the whole workspace of a run, with its ignored files",
        _other => return None,
    };
    Some((number.to_string(), what))
}

/// The folders in a folder, by name.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let plain = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let named =
        plain.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    let mut all: Vec<_> = named.collect();
    all.sort();
    all
}

/// Files and bytes below a folder; links are not followed.
fn size(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match fs::symlink_metadata(entry.path()) {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) if meta.is_file() => {
                    files += 1;
                    bytes += meta.len();
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    (files, bytes)
}

/// Copies folders, files with their permissions, and links as links. A pipe or a socket holds nothing.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut open = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        fs::create_dir(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (kind, there) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                open.push((entry.path(), there));
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, there)?;
            } else if kind.is_file() {
                fs::copy(entry.path(), there)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy to another file system holds what was there, links as links.
    #[test]
    fn a_copy_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir_all(from.join("x/y")).unwrap();
        fs::write(from.join("x/y/file"), "text").unwrap();
        symlink("x/y", from.join("link")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(size(&to), (1, 4));
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("x/y"));
        assert_eq!(fs::read_to_string(to.join("link/file")).unwrap(), "text");
        assert!(copy(&from, &to).is_err());
    }
}
