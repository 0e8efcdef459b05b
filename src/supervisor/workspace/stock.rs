//! Stock: what lies in an examiner's folders before a check, so that what the check leaves there can be taken
//! away again without a copy of anything. What a file of the tree held is git's to put back.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::disk::{self, Entry, Next};
use super::{Room, Trouble, Workspace};

/// What the examiner's folders held when a check was about to begin.
#[derive(Debug)]
pub struct Stock {
    folders: Vec<Shelf>,
}

/// One folder and what lies below it, by path.
#[derive(Debug)]
struct Shelf {
    root: PathBuf,
    itself: Seen,
    entries: HashMap<Vec<u8>, Lies>,
}

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// A file of the tree: git tells whether it was changed.
    Tracked,
    /// Anything else, by its inode.
    Made(Seen),
}

/// An inode as it looks. A change moves its change time, which no call sets back; that of a folder moves
/// with what comes and goes in it, and is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    mode: u32,
    changed: Option<(u64, i64, i64)>,
}

impl Seen {
    fn of(meta: &Metadata) -> Self {
        let changed = (meta.size(), meta.ctime(), meta.ctime_nsec());
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            mode: meta.mode(),
            changed: (!meta.is_dir()).then_some(changed),
        }
    }
}

impl Shelf {
    /// Lists a folder; `newest` becomes the newest change time in it.
    fn take(
        root: &Path,
        tracked: &HashSet<&[u8]>,
        newest: &mut (i64, i64),
    ) -> Result<Self, Trouble> {
        let itself = fs::symlink_metadata(root).map_err(|e| Trouble::file("look at", root, &e))?;
        let mut entries = HashMap::new();
        disk::look(root, &mut |entry| {
            let meta = entry.meta;
            *newest = (*newest).max((meta.ctime(), meta.ctime_nsec()));
            let lies = if tracked.contains(entry.path) {
                Lies::Tracked
            } else {
                Lies::Made(Seen::of(meta))
            };
            entries.insert(entry.path.to_vec(), lies);
            Ok(inside(entry))
        })?;
        Ok(Self {
            root: root.to_owned(),
            itself: Seen::of(&itself),
            entries,
        })
    }

    /// Takes away what was not there; whether all that was there is there as it was, but for files of the tree.
    fn clear(&self) -> Result<bool, Trouble> {
        let here = fs::symlink_metadata(&self.root).map(|meta| Seen::of(&meta));
        if !here.is_ok_and(|here| here == self.itself) {
            return Ok(false);
        }
        let (mut found, mut stands) = (0, true);
        disk::walk(
            &self.root,
            &mut |entry| match self.entries.get(entry.path) {
                None => Ok(Next::Remove),
                Some(Lies::Tracked) => {
                    stands &= entry.meta.is_file() || entry.meta.is_symlink();
                    Ok(Next::Keep)
                }
                Some(Lies::Made(seen)) => {
                    found += 1;
                    stands &= Seen::of(entry.meta) == *seen;
                    Ok(inside(entry))
                }
            },
        )?;
        let made = self.entries.values().filter(|lies| **lies != Lies::Tracked);
        Ok(stands && found == made.count())
    }
}

fn inside(entry: &Entry<'_>) -> Next {
    if entry.meta.is_dir() {
        Next::Enter
    } else {
        Next::Keep
    }
}

impl Workspace {
    /// What lies in the examiner's checkout of this tree and in these folders of its own. `None` where a later change
    /// could not be told from it.
    ///
    /// # Errors
    /// What cannot be listed.
    pub fn take_stock(&self, tree: &str, homes: &[PathBuf]) -> Result<Option<Stock>, Trouble> {
        let listing = self.listing(tree)?;
        let tracked: HashSet<&[u8]> = listing
            .iter()
            .filter(|entry| entry.mode != super::diff::SUBMODULE)
            .map(|entry| entry.path.as_slice())
            .collect();
        let mut newest = (i64::MIN, 0);
        let mut folders = vec![Shelf::take(
            &self.room(Room::Verify),
            &tracked,
            &mut newest,
        )?];
        for home in homes {
            folders.push(Shelf::take(home, &HashSet::new(), &mut newest)?);
        }
        Ok(self.later_than(newest).then_some(Stock { folders }))
    }

    /// Takes away what a check has left since this stock was taken and puts back what it changed of the tree. `false`
    /// where it changed something that nothing holds: then all must be made anew. No program may run there.
    ///
    /// # Errors
    /// What cannot be taken away or put back.
    pub fn clear_away(&self, tree: &str, stock: &Stock) -> Result<bool, Trouble> {
        let mut stands = true;
        for shelf in &stock.folders {
            stands &= shelf.clear()?;
        }
        if stands {
            self.put_checkout_back(tree)?;
        }
        Ok(stands)
    }
}
