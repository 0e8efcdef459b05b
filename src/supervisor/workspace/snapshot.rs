//! Snapshots of the worker's tree and the way back to one, byte for byte. A restore is done when
//! a snapshot of the result says so.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;

use super::attic::Why;
use super::disk::{self, Entry, Next};
use super::{Room, Trouble, Workspace, diff, repo};
use crate::run::Change;

/// What was found in the tree that git cannot hold; already taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Git folders of repositories that the worker made; their files stayed.
    pub repositories: Vec<Vec<u8>>,
    /// Pipes, sockets, devices, and links named `.gitmodules`.
    pub special: Vec<Vec<u8>>,
    /// Folders with paths longer than the system can name.
    pub too_long: Vec<Vec<u8>>,
    /// Submodule folders with something in them; emptied.
    pub filled_submodules: Vec<Vec<u8>>,
    /// Files that are new or grew beyond what a change may bring.
    pub too_large: Vec<Vec<u8>>,
    /// Names of files that have another name outside of the tree.
    pub hard_links: Vec<Vec<u8>>,
    /// What of the worker's own git folder would run or be obeyed.
    pub tampered: Vec<Vec<u8>>,
}

/// Files that have more than one name, by device and number.
#[derive(Debug, Default)]
struct Names(HashMap<(u64, u64), Named>);

/// One such file: how many names it has, and those that were seen.
#[derive(Debug, Default)]
struct Named {
    links: u64,
    paths: Vec<Vec<u8>>,
}

impl Names {
    fn see(&mut self, entry: &Entry<'_>) {
        if entry.is_shared() {
            let file = (entry.meta.dev(), entry.meta.ino());
            let seen = self.0.entry(file).or_default();
            seen.links = entry.meta.nlink();
            seen.paths.push(entry.path.to_vec());
        }
    }

    /// The names of files that have another one where nobody looked.
    fn outside(self) -> Vec<Vec<u8>> {
        let all = self.0.into_values();
        let mut names: Vec<Vec<u8>> = all
            .filter(|file| file.links > file.paths.len() as u64)
            .flat_map(|file| file.paths)
            .collect();
        names.sort();
        names
    }
}

/// Rounds that a restore tries before it lays the tree out anew: one is the rule, two where an
/// ignore file itself was changed.
const ROUNDS: usize = 4;

/// So many new files are not taken into a snapshot only to be put back: each is an object that is synced by
/// itself, 4 ms on a busy machine.
pub(in crate::supervisor) const FLOOD: usize = 2_000;

/// Most bytes of their names that are listed to count them.
const LISTED: u64 = 64 << 20;

/// Largest file that a restore reads to see whether it changed; a larger one is laid out anew.
const READ_BACK: u64 = 16 << 20;

impl Workspace {
    /// The tree of all files that are not ignored, kept for ever under its own name.
    ///
    /// Before, what git cannot hold is taken away; `measure` is the call that tells of it.
    pub fn snapshot(&self) -> Result<String, Trouble> {
        self.take_oddities(None)?;
        self.write_tree()
    }

    pub(super) fn write_tree(&self) -> Result<String, Trouble> {
        let git = self.git_on(Room::Work);
        let added = git.run_on(&self.place.leash, &["add", "-A"]);
        if added.is_err() {
            // One that was ended may leave it; nobody else works on this index.
            disk::remove(&self.index(Room::Work).with_extension("lock"))?;
        }
        added?;
        let tree = git.line(&["write-tree"])?;
        repo::keep(&self.repo(), &tree)?;
        Ok(tree)
    }

    /// Takes away what git cannot hold, and files beyond `largest` bytes that were not so large before;
    /// makes every file readable again.
    pub(super) fn take_oddities(&self, largest: Option<u64>) -> Result<Oddities, Trouble> {
        let work = self.room(Room::Work);
        disk::folder(&work)?;
        let submodules: HashSet<&[u8]> = self.submodules.iter().map(Vec::as_slice).collect();
        let mut found = Oddities::default();
        let mut suspects = Vec::new();
        let mut heavy = Vec::new();
        let mut names = Names::default();
        let too_long = disk::walk(&work, &mut |entry| {
            if entry.path == b".git" {
                return Ok(Next::Keep);
            }
            // Git refuses a link of this name, because it once led to running code.
            let special = entry.is_special()
                || entry.meta.is_symlink() && entry.name().eq_ignore_ascii_case(b".gitmodules");
            if special || entry.name().eq_ignore_ascii_case(b".git") {
                suspects.push((entry.path.to_vec(), special));
                return Ok(Next::Keep);
            }
            if !entry.meta.is_dir() {
                if entry.meta.is_file() {
                    disk::readable(entry)?;
                    names.see(entry);
                    if largest.is_some_and(|most| entry.meta.len() > most) {
                        heavy.push((entry.path.to_vec(), entry.meta.len()));
                    }
                }
                return Ok(Next::Keep);
            }
            if submodules.contains(entry.path) {
                if std::fs::read_dir(entry.full).is_ok_and(|mut inside| inside.next().is_some()) {
                    found.filled_submodules.push(entry.path.to_vec());
                }
                return Ok(Next::Keep);
            }
            Ok(Next::Enter)
        })?;
        found.too_long = too_long;
        found.hard_links = self.take_files(names.outside())?;
        found.too_large = self.take_files(self.grown(heavy)?)?;
        self.put_aside(&found.filled_submodules, Why::Odd)?;
        for path in &found.filled_submodules {
            disk::folder(&disk::join(&work, path))?;
        }
        let odd = self.not_ignored(suspects)?;
        // One drawer for all: only so many are kept.
        let all: Vec<Vec<u8>> = odd.iter().map(|(path, _)| path.clone()).collect();
        self.put_aside(&all, Why::Odd)?;
        for (path, special) in odd {
            if special {
                found.special.push(path);
            } else {
                found.repositories.push(path);
            }
        }
        Ok(found)
    }

    /// Takes away those of the files that no ignore rule covers, and names them.
    fn take_files(&self, paths: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Trouble> {
        let paths = paths.into_iter().map(|path| (path, true)).collect();
        let kept = self.not_ignored(paths)?.into_iter().map(|(path, _)| path);
        let taken: Vec<Vec<u8>> = kept.collect();
        self.put_aside(&taken, Why::Odd)?;
        Ok(taken)
    }

    /// Those of the files that the newest snapshot holds in another size, or not at all.
    fn grown(&self, files: Vec<(Vec<u8>, u64)>) -> Result<Vec<Vec<u8>>, Trouble> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let git = self.git_on(Room::Work);
        let listed = git.run(&["ls-files", "-s", "-z"])?;
        let objects: HashMap<&[u8], &[u8]> = listed
            .split(|b| *b == 0)
            .filter_map(|line| {
                let tab = line.iter().position(|b| *b == b'\t')?;
                Some((&line[tab + 1..], line[..tab].split(|b| *b == b' ').nth(1)?))
            })
            .collect();
        let mut asked = Vec::new();
        for (path, _) in &files {
            asked.extend_from_slice(objects.get(path.as_slice()).copied().unwrap_or(b"-"));
            asked.push(b'\n');
        }
        // One answer a line, in the order of the questions; a line that is missing is no known size.
        let known = git.fed(&["cat-file", "--batch-check=%(objectsize)"], &asked)?;
        let mut known = known.split(|b| *b == b'\n');
        let grown = files
            .into_iter()
            .filter(|(_, size)| known.next() != Some(size.to_string().as_bytes()));
        Ok(grown.map(|(path, _)| path).collect())
    }

    /// Those of the paths that no ignore rule covers: an ignored folder is the worker's own.
    fn not_ignored(&self, paths: Vec<(Vec<u8>, bool)>) -> Result<Vec<(Vec<u8>, bool)>, Trouble> {
        if paths.is_empty() {
            return Ok(paths);
        }
        // For a repository the folder that holds it is asked about: git never looks at `.git`.
        let asked = |path: &[u8], special: bool| {
            let cut = path.iter().rposition(|b| *b == b'/').filter(|_| !special);
            path[..cut.unwrap_or(path.len())].to_vec()
        };
        let mut input = Vec::new();
        for (path, special) in &paths {
            input.extend(asked(path, *special));
            input.push(0);
        }
        let git = self.git_on(Room::Work);
        let ignored = git.fed_any(&["check-ignore", "-z", "--stdin"], &input)?;
        let ignored: HashSet<&[u8]> = ignored.split(|b| *b == 0).collect();
        let kept = paths
            .into_iter()
            .filter(|(path, special)| !ignored.contains(asked(path, *special).as_slice()))
            .collect();
        Ok(kept)
    }

    /// Puts the worker's tree back to this snapshot, byte for byte, and gives it a fresh `.git`.
    /// Ignored files stay where nothing of the snapshot needs their place.
    pub fn restore(&self, tree: &str) -> Result<(), Trouble> {
        if self.holds(Room::Work, tree) {
            return Ok(());
        }
        if self.bring_back(tree).is_ok_and(|done| done) {
            if self.has_commits() {
                self.put_aside(&[b".git".to_vec()], Why::Work)?;
            }
            let index = self.index(Room::Work);
            repo::plant(&self.room(Room::Work), &self.repo(), &self.base, &index)?;
        } else {
            self.clear()?;
            self.lay_out(Room::Work, tree)?;
        }
        self.learn(Room::Work, tree);
        Ok(())
    }

    /// The gentle way back; `false` where it leads nowhere.
    pub(super) fn bring_back(&self, tree: &str) -> Result<bool, Trouble> {
        let git = self.git_on(Room::Work);
        if self.flooded(FLOOD)?.is_some() {
            return Ok(false);
        }
        for _ in 0..ROUNDS {
            // What is not in the tree goes in any case, so that nothing large need be read before.
            self.take_oddities(Some(READ_BACK))?;
            let now = self.write_tree()?;
            if now == tree {
                return self.level().map(|()| true);
            }
            self.free_places(&now, tree)?;
            git.run(&["read-tree", "--reset", "-u", tree])?;
        }
        Ok(false)
    }

    /// How many files stand there that no ignore rule covers and that are not in the newest snapshot, where
    /// they are more than so many.
    pub(super) fn flooded(&self, most: usize) -> Result<Option<usize>, Trouble> {
        if !self.index(Room::Work).is_file() {
            return Ok(None);
        }
        let git = self.git_on(Room::Work);
        let (listed, _) = git.capped(&["ls-files", "-o", "-z", "--exclude-standard"], LISTED)?;
        let files = listed
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .count();
        Ok(Some(files).filter(|files| *files > most))
    }

    /// Puts aside the ignored files that lie where the tree has files that are not there now.
    fn free_places(&self, now: &str, tree: &str) -> Result<(), Trouble> {
        let added = [
            "diff-tree",
            "-r",
            "-z",
            "--name-only",
            "--no-renames",
            "--diff-filter=A",
        ];
        let added = self.git.run(&[&added[..], &[now, tree]].concat())?;
        let work = self.room(Room::Work);
        let mut taken = Vec::new();
        for path in added.split(|b| *b == 0).filter(|path| !path.is_empty()) {
            let cuts = path.iter().enumerate().filter(|(_, b)| **b == b'/');
            let above = cuts.map(|(at, _)| (&path[..at], true));
            // A folder on the way is no obstacle; anything else is, and so is whatever lies in the place.
            taken.extend(above.chain([(path, false)]).find_map(|(way, is_way)| {
                let meta = std::fs::symlink_metadata(disk::join(&work, way)).ok()?;
                (!is_way || !meta.is_dir()).then(|| way.to_vec())
            }));
        }
        taken.dedup();
        self.put_aside(&taken, Why::Work).map(drop)
    }

    /// Sets the permissions of every file to what a checkout gives.
    fn level(&self) -> Result<(), Trouble> {
        disk::walk(&self.room(Room::Work), &mut |entry| {
            if entry.path == b".git" || entry.is_special() {
                return Ok(Next::Keep);
            }
            self.mask.level(entry)?;
            Ok(if entry.meta.is_dir() {
                Next::Enter
            } else {
                Next::Keep
            })
        })
        .map(drop)
    }

    /// The patch between two trees as inert text, cut with a visible mark at 4 MiB, and what
    /// changed file by file.
    pub fn diff(&self, from: &str, to: &str) -> Result<(String, Vec<Change>), Trouble> {
        if from == to {
            return Ok((String::new(), Vec::new()));
        }
        let changes = diff::deltas(&self.git, from, to)?;
        let (text, _) = diff::patch(&self.git, from, to, diff::SHOWN_BYTES)?;
        Ok((text, changes.iter().map(diff::Delta::change).collect()))
    }
}
