//! How a target stands, and what has come to it since somebody was asked: a yes is one to what will be
//! there, so it is void where the target has moved.

use super::branch::Branch;
use super::deed::Target;
use super::{Offered, Outbox, file};
use crate::run::inert::spelled_line;
use crate::run::{Offer, Since, Stand, Unseen, counted};
use crate::supervisor::workspace::Trouble;

/// Most files that a question names; the rest is counted.
const NAMED: usize = 20;

/// Digits of a commit that a question shows; the whole of it is what the yes is held to.
const SHOWN_DIGITS: usize = 12;

impl Outbox<'_> {
    /// How the target stands now.
    pub(super) fn stand(&self, target: &Target) -> Result<Stand, Trouble> {
        let mut unseen = None;
        let (holds, words) = match target {
            Target::Branch { name, file } => {
                let branch = Branch::of(self.workspace, name)?;
                // One file is published by itself, and was examined as it is.
                if file.is_none() {
                    unseen = self.unseen(&branch)?;
                }
                match branch.tip()? {
                    Some(tip) => {
                        let words = format!("on commit {}", shown(&tip));
                        (Some(tip), words)
                    }
                    None => (
                        None,
                        format!("a new branch, on commit {}", shown(branch.root())),
                    ),
                }
            }
            Target::File { path } => match file::digest(&file::place(self.project(), path)?)? {
                Some(digest) => (
                    Some(digest),
                    "in place of the file that is there".to_owned(),
                ),
                None => (None, "a new file".to_owned()),
            },
            // Nothing tells what a program would find.
            Target::Command { .. } => return Ok(Stand::default()),
        };
        let since = None;
        Ok(Stand {
            holds,
            words,
            unseen,
            since,
        })
    }

    /// What is to be asked instead, where the target is not as it was when this was offered.
    pub(super) fn moved(&self, offer: &Offer, tree: &str) -> Result<Option<Offered>, Trouble> {
        let mut now = self.offer(tree)?;
        let (then, holds) = (&offer.stand.holds, &now.offer.stand.holds);
        if then == holds {
            return Ok(None);
        }
        let since = match self.target()? {
            Target::Branch { name, .. } => {
                let branch = Branch::of(self.workspace, &name)?;
                self.came(&branch, (then.as_deref(), holds.as_deref()))?
            }
            Target::File { .. } | Target::Command { .. } => {
                let what = if holds.is_some() {
                    "changed"
                } else {
                    "deleted"
                };
                told(&format!("{} was {what}", offer.target), Vec::new())
            }
        };
        now.offer.stand.since = Some(self.clean(since));
        Ok(Some(now))
    }

    /// How a branch differs from what the run began with. Then the run's changes are merged into it, and the
    /// tree that comes of that is another one than the tree that was examined.
    fn unseen(&self, branch: &Branch<'_>) -> Result<Option<Unseen>, Trouble> {
        let (root, base) = (branch.root(), self.workspace.base());
        let tip = branch.tip()?;
        let onto = tip.as_deref().unwrap_or(root);
        let files = self.differing(&format!("{base}^{{tree}}"), &format!("{onto}^{{tree}}"))?;
        if files.is_empty() {
            return Ok(None);
        }
        let mut how = Vec::new();
        let (ahead, behind) = (self.count(root, onto)?, self.count(onto, root)?);
        if ahead > 0 {
            how.push(format!(
                "has {} that the run did not begin with",
                counted(ahead, "commit")
            ));
        }
        if behind > 0 {
            how.push(format!(
                "lacks {} that the run began with",
                counted(behind, "commit")
            ));
        }
        if base != root {
            how.push("lacks the uncommitted changes that the run began with".to_owned());
        }
        if how.is_empty() {
            how.push("differs from what the run began with".to_owned());
        }
        let how = format!("branch {} {}", branch.name(), how.join(" and "));
        let told = self.clean(told(&how, files));
        Ok(Some(Unseen {
            how: told.how,
            files: told.files,
            more: told.more,
        }))
    }

    /// What has come to a branch.
    fn came(
        &self,
        branch: &Branch<'_>,
        (then, now): (Option<&str>, Option<&str>),
    ) -> Result<Since, Trouble> {
        let name = branch.name();
        let Some(now) = now else {
            return Ok(told(&format!("branch {name} was deleted"), Vec::new()));
        };
        let from = then.unwrap_or(branch.root());
        if !self.knows(from)? {
            let how = format!("branch {name} was made anew, and what it held is gone");
            return Ok(told(&how, Vec::new()));
        }
        let came = counted(self.count(from, now)?, "commit");
        let gone = self.count(now, from)?;
        let how = match (then, gone) {
            (None, _) => format!("branch {name} was made, with {came} of its own"),
            (Some(_), 0) => format!("{came} came to branch {name}"),
            (Some(_), gone) => format!(
                "branch {name} was made anew: {came} came and {} went",
                counted(gone, "commit")
            ),
        };
        Ok(told(&how, self.differing(from, now)?))
    }

    /// Whether a commit is still there.
    fn knows(&self, commit: &str) -> Result<bool, Trouble> {
        let git = self.workspace.git();
        let there = git.output(&["cat-file", "-e", &format!("{commit}^{{commit}}")])?;
        Ok(there.status.success())
    }

    /// How many commits `to` has that `from` has not.
    fn count(&self, from: &str, to: &str) -> Result<u64, Trouble> {
        let git = self.workspace.git();
        let range = format!("{from}..{to}");
        let told = git.line(&["rev-list", "--count", &range])?;
        told.parse()
            .map_err(|_| Trouble::with_detail("cannot read what git counts", told.as_bytes()))
    }

    fn differing(&self, from: &str, to: &str) -> Result<Vec<String>, Trouble> {
        let git = self.workspace.git();
        let flags = ["--name-only", "--no-renames", "--no-ext-diff"];
        let args: Vec<&str> = ["diff-tree", "-r", "-z"]
            .into_iter()
            .chain(flags)
            .chain([from, to])
            .collect();
        let listed = git.run(&args)?;
        let names = listed.split(|b| *b == 0).filter(|name| !name.is_empty());
        Ok(names.map(spelled_line).collect())
    }

    fn clean(&self, since: Since) -> Since {
        let one = |text: String| self.redactor.clean(&text).into_owned();
        Since {
            how: one(since.how),
            files: since.files.into_iter().map(one).collect(),
            ..since
        }
    }
}

fn told(how: &str, mut files: Vec<String>) -> Since {
    let more = files.len().saturating_sub(NAMED) as u64;
    files.truncate(NAMED);
    Since {
        how: spelled_line(how.as_bytes()),
        files,
        more,
    }
}

fn shown(commit: &str) -> &str {
    commit.get(..SHOWN_DIGITS).unwrap_or(commit)
}
