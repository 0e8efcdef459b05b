//! Measuring a turn on the real tree: what changed, what the guard refuses, and putting that back.

use std::collections::HashMap;

use super::attic::Why;
use super::diff::{self, Delta, LINK};
use super::disk;
use super::lead;
use super::snapshot::Oddities;
use super::{Room, Trouble, Workspace, repo};
use crate::run::inert::spelled_line;
use crate::run::{Breach, Change};
use crate::supervisor::guard::{Guard, Refusal};

/// Most breaches of one rule that are told one by one: a flood of one kind must not hide another.
const TOLD: usize = 10;

/// One turn, measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The tree that stands now, with what was refused put back.
    pub tree: String,
    /// The patch against the tree before, as inert text.
    pub diff: String,
    /// What changed, file by file.
    pub changes: Vec<Change>,
    /// What was refused.
    pub breaches: Vec<Breach>,
    /// The tree as the worker left it, where something was refused.
    pub tried: Option<String>,
}

/// What a turn is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// The tree before this iteration: the diff and the caps of one iteration.
    pub before: &'a str,
    /// The tree that the caps of the whole run count from: the start, or what was last allowed.
    pub allowed: &'a str,
}

impl Workspace {
    /// Measures what stands in the worker's tree now. Without a guard nothing is refused: for
    /// what the operator allowed or wrote.
    pub fn measure(&self, since: Since<'_>, guard: Option<&Guard>) -> Result<Measured, Trouble> {
        if self.holds(Room::Work, since.before) {
            return Ok(Measured {
                tree: since.before.to_owned(),
                diff: String::new(),
                changes: Vec::new(),
                breaches: Vec::new(),
                tried: None,
            });
        }
        let mut oddities = self.take_oddities(guard.map(Guard::max_changed_bytes))?;
        oddities.tampered = self.mend_git()?;
        if let Some(guard) = guard
            && let Some(files) = self.flooded(guard.flood())?
        {
            return self.refuse_flood(since.before, files, (guard, oddities));
        }
        let left = self.write_tree()?;
        let mut refusal = Refusal::default();
        if let Some(guard) = guard {
            refusal = self.judge(since, &left, guard, &oddities)?;
            // The worker's own git folder and links out weigh more than any number of large files.
            refusal.breaches.extend(oddities.breaches());
            refusal.breaches = shortened(refusal.breaches);
        }
        let tree = if refusal.paths.is_empty() {
            left.clone()
        } else {
            let tree = self.without(since.before, &left, &refusal)?;
            self.settle(&tree)?;
            tree
        };
        self.learn(Room::Work, &tree);
        let (diff, changes) = self.diff(since.before, &tree)?;
        Ok(Measured {
            tree,
            diff,
            changes,
            tried: (!refusal.breaches.is_empty()).then_some(left),
            breaches: refusal.breaches,
        })
    }

    /// Refuses a turn that left far more new files than it may, without reading any: all that stands there is
    /// put aside as it is, and the tree before is laid out anew.
    fn refuse_flood(
        &self,
        before: &str,
        files: usize,
        (guard, oddities): (&Guard, Oddities),
    ) -> Result<Measured, Trouble> {
        let drawer = self.clear()?;
        self.lay_out(Room::Work, before)?;
        self.learn(Room::Work, before);
        let mut breaches = vec![guard.flood_breach(files, drawer.as_deref())];
        breaches.extend(oddities.breaches());
        Ok(Measured {
            tree: before.to_owned(),
            diff: String::new(),
            changes: Vec::new(),
            breaches: shortened(breaches),
            tried: None,
        })
    }

    fn judge(
        &self,
        since: Since<'_>,
        left: &str,
        guard: &Guard,
        oddities: &Oddities,
    ) -> Result<Refusal, Trouble> {
        let mut changes = diff::deltas(&self.git, since.before, left)?;
        diff::weigh(&self.git, &mut changes)?;
        let work = self.room(Room::Work);
        // What was taken away before it was read is put back as it was, and told of apart.
        let (taken, changes): (Vec<Delta>, Vec<Delta>) = changes
            .into_iter()
            .partition(|change| oddities.took(&change.path));
        let git_folders = lead::git_folders(&work, changes.iter().map(|c| c.path.as_slice()));
        let on_disk = |change: &Delta| {
            if change.new.0 == LINK && lead::leads_out(&work, &change.path) {
                Some("link out of the workspace")
            } else if lead::above(&change.path).any(|folder| git_folders.contains(folder)) {
                Some("nested repository")
            } else {
                None
            }
        };
        let mut refusal = guard.refuse_paths(&changes, &on_disk);
        refusal.paths.extend(taken.into_iter().map(|c| c.path));
        let stays = |change: &&Delta| !refusal.paths.contains(&change.path);
        let rest: Vec<&Delta> = changes.iter().filter(stays).collect();
        let amount = guard.refuse_amount(&rest);
        if amount.paths.is_empty() && since.allowed != since.before {
            // The caps count per run too; what goes beyond them is taken from this iteration.
            let mut whole = diff::deltas(&self.git, since.allowed, left)?;
            diff::weigh(&self.git, &mut whole)?;
            let whole: Vec<&Delta> = whole.iter().filter(stays).collect();
            let mut over = guard.refuse_amount(&whole);
            over.paths
                .retain(|path| rest.iter().any(|c| c.path == *path));
            if !over.paths.is_empty() {
                for breach in &mut over.breaches {
                    breach.rule += " (whole run)";
                }
                refusal.merge(over);
            }
        }
        refusal.merge(amount);
        Ok(refusal)
    }

    /// The tree `left` with the refused paths as they were in `before`.
    fn without(&self, before: &str, left: &str, refusal: &Refusal) -> Result<String, Trouble> {
        let index = self.place.folder.join("index-guard");
        let git = self.git.with_index(&index);
        git.run(&["read-tree", left])?;
        let zero = "0".repeat(before.len());
        let mut gone = Vec::new();
        let mut back = Vec::new();
        for delta in diff::deltas(&self.git, before, left)? {
            if !refusal.paths.contains(&delta.path) {
                continue;
            }
            let (mode, object) = &delta.old;
            let (list, mode, object) = match mode {
                0 => (&mut gone, 0, &zero),
                _ => (&mut back, *mode, object),
            };
            list.extend(format!("{mode:o} {object}\t").bytes());
            list.extend_from_slice(&delta.path);
            list.push(0);
        }
        // Removals first: a file that took a folder's place must go before the folder is back.
        gone.extend(back);
        git.fed(&["update-index", "-z", "--index-info"], &gone)?;
        let tree = git.line(&["write-tree"])?;
        disk::remove(&index)?;
        repo::keep(&self.repo(), &tree)?;
        Ok(tree)
    }

    /// Makes the worker's own git folder anew where something in it would run or be obeyed, and says
    /// what that was: an operator who looks around in the workspace may well call git there.
    fn mend_git(&self) -> Result<Vec<Vec<u8>>, Trouble> {
        let work = self.room(Room::Work);
        let found = repo::tampered(&work, &self.base);
        if !found.is_empty() {
            self.put_aside(&[b".git".to_vec()], Why::Work)?;
            repo::plant(&work, &self.repo(), &self.base, &self.index(Room::Work))?;
        }
        Ok(found)
    }

    /// Brings the files to a tree without touching the worker's own `.git`; where that
    /// fails, all of it is put aside and laid out anew.
    fn settle(&self, tree: &str) -> Result<(), Trouble> {
        if self.bring_back(tree).is_ok_and(|done| done) {
            return Ok(());
        }
        self.clear()?;
        self.lay_out(Room::Work, tree).map(drop)
    }
}

/// The first breaches of each rule, and how many more there are.
fn shortened(breaches: Vec<Breach>) -> Vec<Breach> {
    let mut all: HashMap<String, usize> = HashMap::new();
    for breach in &breaches {
        *all.entry(breach.rule.clone()).or_default() += 1;
    }
    let mut told: HashMap<String, usize> = HashMap::new();
    let mut short = Vec::new();
    for breach in breaches {
        let before = told.entry(breach.rule.clone()).or_default();
        *before += 1;
        let more = all.get(&breach.rule).map_or(0, |all| all - TOLD.min(*all));
        if *before <= TOLD || more == 1 {
            short.push(breach);
        } else if *before == TOLD + 1 {
            let tried = format!("… and {more} more");
            short.push(Breach { tried, ..breach });
        }
    }
    short
}

impl Oddities {
    /// Whether this file was taken away though its place is a plain one.
    fn took(&self, path: &[u8]) -> bool {
        let is = |taken: &Vec<u8>| taken == path;
        self.too_large.iter().any(is) || self.hard_links.iter().any(is)
    }

    /// As breaches of rules that every loop has, the gravest first.
    fn breaches(&self) -> Vec<Breach> {
        let said = [
            (
                &self.tampered,
                "git folder",
                "would run or be obeyed by git; made anew",
            ),
            (
                &self.hard_links,
                "hard link out of the workspace",
                "a second name of a file elsewhere; the name was taken away",
            ),
            (
                &self.repositories,
                "nested repository",
                "its git folder was taken away, its files stay",
            ),
            (
                &self.special,
                "special file",
                "neither file, folder nor usable link; taken away",
            ),
            (
                &self.filled_submodules,
                "submodule",
                "files in a submodule's folder taken away",
            ),
            (&self.too_long, "path too long", "folder taken away"),
            (
                &self.too_large,
                "max_changed_bytes",
                "larger than all that one iteration may bring; taken away unread",
            ),
        ];
        said.into_iter()
            .flat_map(|(paths, rule, what)| {
                paths.iter().map(move |path| Breach {
                    rule: rule.to_owned(),
                    tried: format!("{}: {what}", spelled_line(path)),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flood of one kind of breach is told in a few lines, the gravest of another kind before it.
    #[test]
    fn a_flood_of_breaches_is_told_shortly() {
        let oddities = Oddities {
            too_large: (0..1200).map(|n| format!("s{n}").into_bytes()).collect(),
            tampered: vec![b".git/hooks".to_vec()],
            ..Oddities::default()
        };
        let told = shortened(oddities.breaches());
        assert_eq!(told.len(), 12);
        assert_eq!(told[0].rule, "git folder");
        assert!(told[10].tried.starts_with("s9: "), "{told:?}");
        assert_eq!(told[11].tried, "… and 1190 more");
        let eleven = Oddities {
            too_large: (0..11).map(|n| format!("s{n}").into_bytes()).collect(),
            ..Oddities::default()
        };
        assert_eq!(shortened(eleven.breaches()), eleven.breaches());
    }
}
