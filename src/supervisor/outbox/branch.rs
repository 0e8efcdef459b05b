//! Publishing as one commit on a branch of the operator's repository. Nothing is pushed; tree,
//! index and HEAD stay; the branch moves only from where it was seen.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Outbox;
use crate::run::Digest;
use crate::run::inert::spelled_line;
use crate::supervisor::workspace::git::Git;
use crate::supervisor::workspace::origin::Origin;
use crate::supervisor::workspace::trouble::Trouble;
use crate::supervisor::workspace::{Listed, Workspace, diff, disk, lead, repo};

/// The trailer by which a publication is found again.
const KEY_TRAILER: &str = "Checkride-Key";

/// The trailer that names the run.
const RUN_TRAILER: &str = "Checkride-Run";

/// A branch of the operator's repository.
pub(super) struct Branch<'a> {
    workspace: &'a Workspace,
    origin: &'a Origin,
    name: &'a str,
}

impl<'a> Branch<'a> {
    /// The branch of this name, there or not.
    pub(super) fn of(workspace: &'a Workspace, name: &'a str) -> Result<Self, Trouble> {
        let Some(origin) = workspace.origin() else {
            return Err(Trouble::new(format!(
                "branch {name} needs a commit to stand on, and this run works on a copy: commit \
                 the project to git first"
            )));
        };
        let branch = Self {
            workspace,
            origin,
            name,
        };
        let checked = workspace
            .git()
            .output(&["check-ref-format", &branch.full()])?;
        if checked.status.success() {
            Ok(branch)
        } else {
            Err(Trouble::new(format!("«{name}» is no name for a branch")))
        }
    }

    /// Its name, without `refs/heads/`.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    fn full(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    fn quiet(&self) -> &Git {
        self.origin.git()
    }

    /// The commit it stands on, if it exists.
    pub(super) fn tip(&self) -> Result<Option<String>, Trouble> {
        let name = format!("{}^{{commit}}", self.full());
        let output = self
            .quiet()
            .output(&["rev-parse", "--quiet", "--verify", &name])?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !id.is_empty()).then_some(id))
    }

    /// Refuses a branch that is checked out in any work tree: moving it would put files,
    /// index and HEAD there at odds.
    pub(super) fn require_free(&self) -> Result<(), Trouble> {
        let listed = self
            .quiet()
            .run(&["worktree", "list", "--porcelain", "-z"])?;
        let wanted = format!("branch {}", self.full());
        let mut place = String::new();
        for line in listed.split(|b| *b == 0) {
            if let Some(path) = line.strip_prefix(b"worktree ") {
                place = spelled_line(path);
            } else if line == wanted.as_bytes() {
                return Err(Trouble::new(format!(
                    "branch {} is checked out in {place}: switch to another branch there",
                    self.name
                )));
            }
        }
        Ok(())
    }

    /// The commit on the branch that was made under this key.
    pub(super) fn published(&self, key: &Digest) -> Result<Option<Found>, Trouble> {
        let Some(tip) = self.tip()? else {
            return Ok(None);
        };
        let wanted = format!("--grep=^{KEY_TRAILER}: {key}$");
        let found = self.workspace.git().line(&[
            "log",
            "--max-count=1",
            &format!("--format=%H %P %(trailers:key={RUN_TRAILER},valueonly)"),
            &wanted,
            &tip,
        ])?;
        let mut words = found.split_whitespace().map(str::to_owned);
        let (commit, onto) = (words.next(), words.next());
        Ok(commit.zip(onto).map(|(commit, onto)| Found {
            commit,
            onto,
            run: words.next().unwrap_or_default(),
        }))
    }

    /// Makes the commit and moves the branch from `tip` to it; returns the commit.
    pub(super) fn publish(
        &self,
        outbox: &Outbox<'_>,
        what: &Parcel<'_>,
    ) -> Result<String, Trouble> {
        let (onto, tree) = self.fitted(what)?;
        let message = message(outbox, what);
        let commit =
            self.signed_git()?
                .line(&["commit-tree", &tree, "-p", &onto, "-m", &message])?;
        self.hand_over(&commit, what.key)?;
        let reason = format!("checkride: publish {}", outbox.run);
        self.move_to(&commit, what.tip, &reason)?;
        Ok(commit)
    }

    /// Why this would be refused as the branch stands now; `None` where it would go, or has gone.
    pub(super) fn unfit(&self, what: &Parcel<'_>) -> Result<Option<String>, Trouble> {
        if self.published(what.key)?.is_some() {
            return Ok(None);
        }
        Ok(self.fitted(what).err().map(|trouble| trouble.cause))
    }

    /// The commit that a new branch stands on.
    pub(super) fn root(&self) -> &str {
        self.workspace.head().unwrap_or(self.workspace.base())
    }

    /// The commit that this would stand on, and its tree there.
    fn fitted(&self, what: &Parcel<'_>) -> Result<(String, String), Trouble> {
        self.require_free()?;
        let onto = what.tip.unwrap_or(self.root());
        let tree = match what.file {
            Some((path, blob)) => self.with_file(onto, path, blob)?,
            None => self.merged(onto, what.tree)?,
        };
        let git = self.workspace.git();
        if git.line(&["rev-parse", &format!("{onto}^{{tree}}")])? == tree {
            return Err(Trouble::new(format!(
                "branch {} holds all of this already: nothing to publish",
                self.name
            )));
        }
        Ok((onto.to_owned(), tree))
    }

    /// Puts the branch back to where it was, if it has not moved since.
    pub(super) fn take_back(&self, now: &str, before: Option<&str>) -> Result<(), Trouble> {
        if self.tip()?.as_deref() == before {
            return Ok(());
        }
        self.require_free()?;
        match before {
            Some(before) => self.move_to(before, Some(now), "checkride: take back"),
            None => self
                .quiet()
                .run(&["update-ref", "--no-deref", "-d", &self.full(), now])
                .map(drop)
                .map_err(|trouble| self.moved(&trouble)),
        }
    }

    fn move_to(&self, to: &str, from: Option<&str>, reason: &str) -> Result<(), Trouble> {
        let nothing = "0".repeat(to.len());
        let from = from.unwrap_or(&nothing);
        self.quiet()
            .run(&[
                "update-ref",
                "--no-deref",
                "-m",
                reason,
                &self.full(),
                to,
                from,
            ])
            .map(drop)
            .map_err(|trouble| self.moved(&trouble))
    }

    fn moved(&self, trouble: &Trouble) -> Trouble {
        let cause = format!(
            "branch {} cannot be moved, or has moved since it was looked at: try again",
            self.name
        );
        Trouble {
            no_room: trouble.no_room,
            ..Trouble::with_detail(cause, trouble.detail.as_bytes())
        }
    }

    /// The tree of `onto` with the run's changes merged into it, each in the file in which it was shown.
    ///
    /// A merge that follows renames would put a line that was shown in one file into another.
    fn merged(&self, onto: &str, tree: &str) -> Result<String, Trouble> {
        let base = self.workspace.base();
        if onto == base {
            return Ok(tree.to_owned());
        }
        let git = self.workspace.git();
        let work =
            git.undated()
                .line(&["commit-tree", tree, "-p", base, "-m", "checkride: result"])?;
        let merge_base = format!("--merge-base={base}");
        let output = git.output(&[
            "-c",
            "merge.renames=false",
            "-c",
            "merge.directoryRenames=false",
            "merge-tree",
            "--write-tree",
            "--name-only",
            "--no-messages",
            "-z",
            &merge_base,
            onto,
            &work,
        ])?;
        let mut fields = output.stdout.split(|b| *b == 0).filter(|f| !f.is_empty());
        let merged = fields
            .next()
            .map(|id| String::from_utf8_lossy(id).into_owned());
        match (output.status.code(), merged) {
            (Some(0), Some(merged)) => {
                self.require_shown(&merged, (onto, base, tree))?;
                Ok(merged)
            }
            (Some(1), Some(_)) => {
                let names: Vec<String> = fields.map(spelled_line).collect();
                Err(Trouble::new(format!(
                    "the diff does not fit on branch {}: conflict in {}; publish to another \
                     branch, or start a new run from a newer commit",
                    self.name,
                    names.join(", ")
                )))
            }
            _ => {
                let cause = format!("git cannot merge onto branch {}", self.name);
                Err(git.failed(&cause, &output.stderr))
            }
        }
    }

    /// Refuses a merge that changes a file of the branch in which the run has changed nothing: not every version of
    /// git can be kept from following a rename.
    fn require_shown(
        &self,
        merged: &str,
        (onto, base, tree): (&str, &str, &str),
    ) -> Result<(), Trouble> {
        let git = self.workspace.git();
        let shown = diff::deltas(git, &format!("{base}^{{tree}}"), tree)?;
        let done = diff::deltas(git, &format!("{onto}^{{tree}}"), merged)?;
        let others: Vec<String> = done
            .iter()
            .filter(|delta| shown.iter().all(|known| known.path != delta.path))
            .map(|delta| spelled_line(&delta.path))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        Err(Trouble::new(format!(
            "on branch {} the diff would change {}, which nobody was shown; publish to another branch, or start a \
             new run from a newer commit",
            self.name,
            others.join(", ")
        )))
    }

    /// The tree of `onto` with one file put in.
    fn with_file(&self, onto: &str, path: &str, blob: &Listed) -> Result<String, Trouble> {
        lead::plain_parts(path)?;
        let index = self.workspace.place().folder.join("index-publish");
        let git = self.workspace.git().with_index(&index);
        git.run(&["read-tree", onto])?;
        let mut entry = format!("{:o} {}\t", blob.mode, blob.object).into_bytes();
        entry.extend_from_slice(self.workspace.prefix());
        entry.extend_from_slice(OsStr::new(path).as_bytes());
        entry.push(0);
        git.fed(&["update-index", "-z", "--index-info"], &entry)?;
        let tree = git.line(&["write-tree"])?;
        disk::remove(&index)?;
        let changes = diff::deltas(&git, &format!("{onto}^{{tree}}"), &tree)?;
        if changes.len() > 1 {
            return Err(Trouble::new(format!(
                "{path} would take the place of other files on branch {}: publish under another \
                 name",
                self.name
            )));
        }
        Ok(tree)
    }

    /// Brings the commit's objects into the operator's repository; no ref moves yet.
    fn hand_over(&self, commit: &str, key: &Digest) -> Result<(), Trouble> {
        let name = format!("refs/checkride/out/{key}");
        let repo = self.workspace.repo();
        repo::point(&repo, &name, commit)?;
        let args = [
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--no-tags",
            "--no-prune",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--",
        ]
        .map(OsStr::new);
        let args: Vec<&OsStr> = args
            .into_iter()
            .chain([repo.as_os_str(), OsStr::new(&name)])
            .collect();
        self.quiet().run(&args).map(drop)
    }

    /// Git on the private repository, signing as the operator where git knows a name.
    fn signed_git(&self) -> Result<Git, Trouble> {
        let git = self.workspace.git();
        let output =
            self.quiet()
                .output(&["config", "--null", "--get-regexp", r"^user\.(name|email)$"])?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = |wanted: &str| {
            let mut values = text.split('\0').filter_map(|entry| entry.split_once('\n'));
            values
                .rfind(|(name, _)| *name == wanted)
                .map(|(_, value)| value)
        };
        Ok(match (last("user.name"), last("user.email")) {
            (Some(name), Some(email)) => git.clone().signed(name, email),
            _ => git.clone(),
        })
    }
}

/// A publication that stands on a branch.
pub(super) struct Found {
    /// Its commit.
    pub(super) commit: String,
    /// The commit that it was put on.
    pub(super) onto: String,
    /// The run that made it; empty where the commit does not say.
    pub(super) run: String,
}

/// What goes into the commit.
pub(super) struct Parcel<'a> {
    /// The tip that was seen; `None` for a new branch.
    pub(super) tip: Option<&'a str>,
    /// The judged tree.
    pub(super) tree: &'a str,
    /// For one file: its path at the target and its content.
    pub(super) file: Option<(&'a str, &'a Listed)>,
    /// Loop, target and artefact.
    pub(super) key: &'a Digest,
}

fn message(outbox: &Outbox<'_>, what: &Parcel<'_>) -> String {
    let subject = match what.file {
        Some((path, _)) => spelled_line(path.as_bytes()),
        None => "changes".to_owned(),
    };
    format!(
        "{}: {subject} of run {}\n\nCheckride-Loop: {}\n{RUN_TRAILER}: {}\nCheckride-Tree: {}\n\
         {KEY_TRAILER}: {}",
        outbox.loop_name, outbox.run, outbox.loop_name, outbox.run, what.tree, what.key
    )
}
