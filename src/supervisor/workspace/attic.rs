//! The attic: what has to leave a worker's tree and stands in no snapshot is moved beside it, never
//! deleted with it. `list.jsonl` there says what each drawer holds and why.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Room, Trouble, Workspace, disk};
use crate::durable;
use crate::run::inert::spelled_line;

/// Why something left the tree; it decides how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Work that no snapshot holds: kept until its operator takes it away.
    Work,
    /// What git cannot hold, or what is too large for it: the newest [`ODD_DRAWERS`] are kept.
    Odd,
    /// Ignored files of a run that is over, such as what was built: the newest are kept.
    Ignored,
}

/// The list in the attic: one line for each drawer, the newest last.
pub(super) const LIST: &str = "list.jsonl";

/// Drawers of odd things that are kept.
pub const ODD_DRAWERS: usize = 10;

/// Drawers of ignored files that are kept: they may be as large as all that was built.
pub(super) const IGNORED_DRAWERS: usize = 1;

/// One line of the list.
#[derive(Serialize)]
struct Line {
    drawer: String,
    why: Why,
    paths: Vec<String>,
    /// Whether it says that the drawer was deleted to keep newer ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
}

impl Why {
    fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Odd => "odd",
            Self::Ignored => "ignored",
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Work => usize::MAX,
            Self::Odd => ODD_DRAWERS,
            Self::Ignored => IGNORED_DRAWERS,
        }
    }
}

impl Workspace {
    /// The folder of all drawers.
    pub fn attic(&self) -> PathBuf {
        self.place.folder.join("attic")
    }

    /// Moves paths of the worker's tree into a drawer of their own; those that are not there are
    /// passed over. The drawer, where one was needed.
    pub(super) fn put_aside(
        &self,
        paths: &[Vec<u8>],
        why: Why,
    ) -> Result<Option<PathBuf>, Trouble> {
        let work = self.room(Room::Work);
        let there = |path: &&Vec<u8>| fs::symlink_metadata(disk::join(&work, path)).is_ok();
        let there: Vec<&Vec<u8>> = paths.iter().filter(there).collect();
        if there.is_empty() {
            return Ok(None);
        }
        let drawer = self.drawer(why, &there)?;
        for path in there {
            let (from, to) = (disk::join(&work, path), disk::join(&drawer, path));
            move_to(&from, &to).map_err(|error| Trouble::file("put aside", &from, &error))?;
        }
        self.forget_old(why)?;
        Ok(Some(drawer))
    }

    /// Empties the worker's tree for another one: what no snapshot holds is put aside with all that is
    /// there. The drawer, where it held work.
    pub(super) fn clear(&self) -> Result<Option<PathBuf>, Trouble> {
        let Some(why) = self.leavings() else {
            return Ok(None);
        };
        let drawer = self.drawer(why, &[&b"work".to_vec()])?;
        let work = self.room(Room::Work);
        move_to(&work, &drawer.join("work"))
            .map_err(|error| Trouble::file("put aside", &work, &error))?;
        // It told of files that are not there any more.
        disk::remove(&self.index(Room::Work))?;
        disk::folder(&work)?;
        self.forget_old(why)?;
        Ok(Some(drawer).filter(|_| why == Why::Work))
    }

    /// What of the worker's tree no snapshot holds; `None` where all of it is held. In doubt it is work.
    fn leavings(&self) -> Option<Why> {
        let work = self.room(Room::Work);
        let is_empty = fs::read_dir(&work).map_or(true, |mut inside| inside.next().is_none());
        if is_empty {
            return None;
        }
        if self.has_commits() || disk::unlock_all(&work).is_err() {
            return Some(Why::Work);
        }
        let unheld = self.is_held().map(|held| !held);
        if unheld.unwrap_or(true) {
            return Some(Why::Work);
        }
        let git = self.git_on(Room::Work);
        match git.run(&["ls-files", "-o", "-z"]) {
            Ok(others) if others.is_empty() => None,
            Ok(_) => Some(Why::Ignored),
            Err(_) => Some(Why::Work),
        }
    }

    /// Whether every file that is not ignored stands in the last snapshot as it is.
    fn is_held(&self) -> Result<bool, Trouble> {
        if !self.index(Room::Work).is_file() {
            return Ok(false);
        }
        let git = self.git_on(Room::Work);
        // Its exit code says only that something differs, which is asked again.
        git.output(&["update-index", "-q", "--refresh"])?;
        let changed = ["diff-files", "--name-only", "-z", "--diff-filter=MTU"];
        let new = ["ls-files", "-o", "-z", "--exclude-standard"];
        if !git.run(&changed)?.is_empty() || !git.run(&new)?.is_empty() {
            return Ok(false);
        }
        let work = self.room(Room::Work);
        let filled = |path: &[u8]| {
            let inside = fs::read_dir(disk::join(&work, path));
            inside.is_ok_and(|mut inside| inside.next().is_some())
        };
        let staged = git.run(&["ls-files", "-s", "-z"])?;
        let links = staged
            .split(|b| *b == 0)
            .filter(|line| line.starts_with(b"160000"));
        let mut links = links.filter_map(|line| line.splitn(2, |b| *b == b'\t').nth(1));
        if links.any(filled) {
            return Ok(false);
        }
        let tree = git.line(&["write-tree"])?;
        super::repo::keep(&self.repo(), &tree)?;
        Ok(true)
    }

    /// Whether the worker's own `.git` holds anything beyond what was planted there.
    pub(super) fn has_commits(&self) -> bool {
        let git = self.room(Room::Work).join(".git");
        let Ok(meta) = fs::symlink_metadata(&git) else {
            return false;
        };
        if !meta.is_dir() {
            return true;
        }
        super::repo::has_objects(&git)
    }

    /// A new drawer, listed before anything lies in it.
    fn drawer(&self, why: Why, paths: &[&Vec<u8>]) -> Result<PathBuf, Trouble> {
        let attic = self.attic();
        let number = drawers(&attic).last().map_or(1, |(number, _)| number + 1);
        let name = format!("{number:06}-{}", why.name());
        let line = Line {
            drawer: name.clone(),
            why,
            paths: paths.iter().map(|path| spelled_line(path)).collect(),
            gone: false,
        };
        // The folder comes first: it is what takes the number, whatever happens before the line stands.
        let drawer = attic.join(name);
        durable::make_folder(&drawer).map_err(|e| Trouble::file("make", &drawer, &e))?;
        if let Err(trouble) = note(&attic, &line) {
            // An empty drawer would push a full one out.
            disk::remove(&drawer)?;
            return Err(trouble);
        }
        Ok(drawer)
    }

    fn forget_old(&self, why: Why) -> Result<(), Trouble> {
        let mut same = drawers(&self.attic());
        same.retain(|(_, path)| {
            let name = path.file_name().unwrap_or_default().as_bytes();
            name.ends_with(why.name().as_bytes())
        });
        let extra = same.len().saturating_sub(why.most());
        same.truncate(extra);
        same.iter().try_for_each(|(_, path)| {
            let name = path.file_name().unwrap_or_default();
            // Said before it is done: nothing is gone untold.
            let line = Line {
                drawer: name.to_string_lossy().into_owned(),
                why,
                paths: Vec::new(),
                gone: true,
            };
            note(&self.attic(), &line)?;
            disk::remove(path)
        })
    }
}

/// Adds a line to the list of an attic.
fn note(attic: &Path, line: &Line) -> Result<(), Trouble> {
    let list = attic.join(LIST);
    let failed = |error: io::Error| Trouble::file("write", &list, &error);
    let line = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
    durable::append_line(&list, &line).map_err(failed)
}

/// The drawers by number, oldest first.
fn drawers(attic: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(attic).into_iter().flatten().flatten();
    let mut all: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.split_once('-')?.0.parse().ok()?, entry.path()))
        })
        .collect();
    all.sort();
    all
}

/// Moves whatever it is; a folder that is read-only is opened for its owner first.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_dir() {
        disk::unlock(from)?;
    }
    if let Some(folder) = to.parent() {
        durable::make_folder(folder)?;
    }
    durable::rename(from, to)
}
