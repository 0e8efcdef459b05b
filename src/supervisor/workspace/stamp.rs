//! Stamps: whether a room is untouched since it was brought to a tree, told from its inodes alone.
//! An iteration that changed nothing then costs a walk, not a dozen git commands.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Room, Workspace};

/// Touches of the probe before the file system's clock is given up on; it ticks within 10 ms.
const MOST_TOUCHES: usize = 100_000;

/// What the two rooms are known to hold; shared by clones of a workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Rooms(Arc<Mutex<[Option<Known>; 2]>>);

/// A room brought to a tree, and how its inodes looked right after.
#[derive(Debug, Clone)]
struct Known {
    tree: String,
    stamp: Stamp,
}

/// Every entry of a folder by name, inode, mode, size and times, as one digest.
///
/// A change cannot leave it as it was: writing, renaming and chmod all move an inode's change
/// time, which no call sets back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    entries: blake3::Hash,
    /// The newest change time, in seconds and nanoseconds.
    newest: (i64, i64),
}

impl Stamp {
    fn of(root: &Path) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        let mut newest = (i64::MIN, 0);
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut entries = fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let meta = entry.metadata()?;
                newest = newest.max((meta.ctime(), meta.ctime_nsec()));
                absorb(&mut hasher, entry.path().as_os_str().as_bytes(), &meta);
                if meta.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        Ok(Self {
            entries: hasher.finalize(),
            newest,
        })
    }
}

fn absorb(hasher: &mut blake3::Hasher, path: &[u8], meta: &Metadata) {
    hasher.update(&(path.len() as u64).to_le_bytes());
    hasher.update(path);
    for number in [meta.dev(), meta.ino(), meta.nlink(), meta.size()] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&meta.mode().to_le_bytes());
    for time in [
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ] {
        hasher.update(&time.to_le_bytes());
    }
}

impl Workspace {
    /// Whether this room still holds exactly what it held when it was brought to this tree.
    pub(super) fn holds(&self, room: Room, tree: &str) -> bool {
        let known = self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner)[room as usize]
            .clone()
            .filter(|known| known.tree == tree);
        known.is_some_and(|known| Stamp::of(&self.room(room)).is_ok_and(|now| now == known.stamp))
    }

    /// Remembers that this room holds this tree now. What cannot be told apart is not remembered.
    pub(super) fn learn(&self, room: Room, tree: &str) {
        let known = Stamp::of(&self.room(room))
            .ok()
            .filter(|stamp| self.later_than(stamp.newest))
            .map(|stamp| Known {
                tree: tree.to_owned(),
                stamp,
            });
        self.rooms.0.lock().unwrap_or_else(PoisonError::into_inner)[room as usize] = known;
    }

    /// Waits until the file system's clock has passed a time, so that whatever is changed from now
    /// on shows: file times tick, and two changes in one tick look the same.
    pub(super) fn later_than(&self, time: (i64, i64)) -> bool {
        let probe = self.place.folder.join("clock");
        let touch = || -> io::Result<(i64, i64)> {
            fs::write(&probe, b"tick")?;
            let meta = fs::metadata(&probe)?;
            Ok((meta.ctime(), meta.ctime_nsec()))
        };
        (0..MOST_TOUCHES).any(|_| touch().is_ok_and(|now| now > time))
    }
}
