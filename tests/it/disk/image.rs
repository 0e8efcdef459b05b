//! A trace of changes, and what a disk may hold that lost its power within it: what was synced, and of
//! the rest anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::ordeal::Dice;

/// Bytes that a disk writes at once.
const SECTOR: usize = 512;

/// One change, in the order in which the program made them.
#[derive(Debug)]
pub(super) struct Change {
    kind: Kind,
    at: usize,
    path: PathBuf,
    /// What was written or said, or the new path.
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Write,
    Cut,
    Sync,
    Rename,
    Remove,
    Folder,
    Said,
}

impl Change {
    /// What was told to whoever was listening.
    pub(super) fn said(&self) -> Option<&[u8]> {
        (self.kind == Kind::Said).then_some(self.bytes.as_slice())
    }
}

/// Reads a trace.
pub(super) fn read(trace: &Path) -> Vec<Change> {
    let bytes = fs::read(trace).unwrap();
    let mut rest = bytes.as_slice();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        let number = |word: &str| word.parse::<usize>().unwrap();
        let (name, count) = (number(words[2]), number(words[3]));
        let (from, to) = (end + 1, end + 1 + name);
        let kind = match words[0] {
            "create" => Kind::Create,
            "write" => Kind::Write,
            "cut" => Kind::Cut,
            "sync" => Kind::Sync,
            "rename" => Kind::Rename,
            "remove" => Kind::Remove,
            "folder" => Kind::Folder,
            "said" => Kind::Said,
            other => panic!("{other}"),
        };
        all.push(Change {
            kind,
            at: number(words[1]),
            path: PathBuf::from(std::str::from_utf8(&rest[from..to]).unwrap()),
            bytes: rest[to..to + count].to_vec(),
        });
        rest = &rest[to + count..];
    }
    all
}

/// What was done to the bytes of a file and is not synced.
#[derive(Debug, Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Pending {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                let end = at + new.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Cut(length) => bytes.resize(*length, 0),
        }
    }
}

#[derive(Debug, Default, Clone)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Pending>,
}

impl File {
    fn whole(&self) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for change in &self.pending {
            change.apply(&mut bytes);
        }
        bytes
    }
}

/// What was done to names and is not synced, by the folder whose sync makes it last.
#[derive(Debug, Clone)]
enum Naming {
    Put(PathBuf, usize),
    Move(PathBuf, PathBuf),
    Gone(PathBuf),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Put(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Gone(path) => drop(names.remove(path)),
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Put(path, _) | Self::Move(_, path) | Self::Gone(path) => path.parent(),
        }
    }
}

/// What becomes of all that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is lost.
    Lost,
    /// It is there.
    Kept,
    /// Some writes are there, in whatever order.
    Some,
    /// Some sectors of the writes are there.
    Torn,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Some, Self::Torn];
}

/// The disk after some changes.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    /// As the running program sees them.
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Naming>,
    /// What each file held when it was put in its place by a rename: all that may ever be read there.
    pub(super) whole: BTreeMap<PathBuf, Vec<Vec<u8>>>,
}

impl Disk {
    /// One more change happens.
    pub(super) fn take(&mut self, change: &Change) {
        match change.kind {
            Kind::Said | Kind::Folder => {}
            Kind::Create => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.name(Naming::Put(change.path.clone(), file));
            }
            Kind::Write => self.change(change, Pending::Write(change.at, change.bytes.clone())),
            Kind::Cut => self.change(change, Pending::Cut(change.at)),
            Kind::Sync => self.sync(&change.path),
            Kind::Rename => {
                let to = PathBuf::from(std::str::from_utf8(&change.bytes).unwrap());
                if let Some(file) = self.names.get(&change.path) {
                    let whole = self.files[*file].whole();
                    self.whole.entry(to.clone()).or_default().push(whole);
                }
                self.name(Naming::Move(change.path.clone(), to));
            }
            Kind::Remove => self.name(Naming::Gone(change.path.clone())),
        }
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending_names.push(naming);
    }

    /// A file that stood there before the trace began is of no interest.
    fn change(&mut self, change: &Change, pending: Pending) {
        if let Some(file) = self.names.get(&change.path) {
            self.files[*file].pending.push(pending);
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(file) = self.names.get(path) {
            let file = &mut self.files[*file];
            file.synced = file.whole();
            file.pending.clear();
            return;
        }
        let (mut synced, mut pending) = (Vec::new(), Vec::new());
        for naming in self.pending_names.drain(..) {
            if naming.folder() == Some(path) {
                synced.push(naming);
            } else {
                pending.push(naming);
            }
        }
        self.pending_names = pending;
        for naming in synced {
            naming.apply(&mut self.synced_names);
        }
    }

    /// What may be there after the power is cut now.
    pub(super) fn cut(&self, fate: Fate, dice: &mut Dice) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut names = self.synced_names.clone();
        // Names change in their order, on every file system that keeps a journal of them.
        let most = self.pending_names.len();
        let kept = match fate {
            Fate::Lost => 0,
            Fate::Kept => most,
            Fate::Some | Fate::Torn => roll(dice, most + 1),
        };
        for naming in &self.pending_names[..kept] {
            naming.apply(&mut names);
        }
        let bytes = |(path, file): (PathBuf, usize)| {
            let bytes = Self::bytes(&self.files[file], &path, fate, dice);
            (path, bytes)
        };
        names.into_iter().map(bytes).collect()
    }

    fn bytes(file: &File, path: &Path, fate: Fate, dice: &mut Dice) -> Vec<u8> {
        // What is only ever added to is there up to some byte.
        let is_log = path.extension().is_some_and(|end| end == "jsonl");
        match fate {
            Fate::Lost => file.synced.clone(),
            Fate::Kept => file.whole(),
            Fate::Some | Fate::Torn if is_log => {
                let whole = file.whole();
                let more = whole.len().saturating_sub(file.synced.len());
                whole[..file.synced.len() + roll(dice, more + 1)].to_vec()
            }
            Fate::Some => {
                let mut bytes = file.synced.clone();
                for change in file.pending.iter().filter(|_| dice.roll(2) == 0) {
                    change.apply(&mut bytes);
                }
                bytes
            }
            Fate::Torn => {
                let mut bytes = file.synced.clone();
                for change in &file.pending {
                    torn(change, &mut bytes, dice);
                }
                bytes
            }
        }
    }
}

fn torn(change: &Pending, bytes: &mut Vec<u8>, dice: &mut Dice) {
    let Pending::Write(at, new) = change else {
        return change.apply(bytes);
    };
    for (number, sector) in new.chunks(SECTOR).enumerate() {
        let at = at + number * SECTOR;
        match dice.roll(3) {
            0 => {}
            1 => Pending::Write(at, sector.to_vec()).apply(bytes),
            _ => {
                let some = roll(dice, sector.len() + 1);
                Pending::Write(at, sector[..some].to_vec()).apply(bytes);
            }
        }
    }
}

pub(super) fn roll(dice: &mut Dice, sides: usize) -> usize {
    usize::try_from(dice.roll(sides as u64)).unwrap()
}
