//! Making a workspace for a new run, and finding it again after the host had died. Everything
//! that cannot work is refused before anything is written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::disk::{self, Mask};
use super::git::Git;
use super::origin::{Head, Origin};
use super::stamp;
use super::{Listed, Place, Room, Trouble, Workspace, copy, diff, repo};
use crate::config::stores;
use crate::run::Ground;
use crate::run::inert::spelled_line;
use crate::run::spec::{WorkspaceKind, WorkspaceRules};

/// Where the files come from, decided before anything is touched.
enum Source {
    Clone(Box<Origin>, Head),
    Copy,
}

impl Workspace {
    /// Makes the workspace for a new run: everything of the last run is out of it, ignored files too.
    /// What no snapshot holds lies in the attic.
    ///
    /// Refuses, before anything is written, what cannot work: a git that is missing or too old,
    /// a folder that is too large to copy, `clone` without a commit.
    pub fn open(place: &Place, rules: &WorkspaceRules) -> Result<(Self, Ground), Trouble> {
        let source = survey(place, rules.kind)?;
        let mut notices = Vec::new();
        if let Source::Copy = source {
            copy::measure(&place.project, place.copy_limit)?;
        }
        let mut workspace = Self::bare(place, &source)?;
        let borrowed = stores::borrowed(&place.folder.join("repo.git/objects"));
        notices.extend(borrowed.refused.iter().map(|path| {
            let path = spelled_line(path.as_os_str().as_encoded_bytes());
            format!("the repository borrows git objects from {path}, which is no store of them: not shown to the run")
        }));
        if let Some(drawer) = workspace.clear()? {
            let drawer = spelled_line(drawer.as_os_str().as_encoded_bytes());
            let name = &place.name;
            notices.push(format!(
                "unsaved work of the last run is kept in {drawer}; `checkride attic {name}` lists it"
            ));
        }
        let (base, listing) = match &source {
            Source::Clone(origin, head) => {
                origin.keep(&place.name, &head.commit)?;
                let listing = workspace.lay_out_clone(origin, head, rules.dirty, &mut notices)?;
                (Some(head), listing)
            }
            Source::Copy => {
                if rules.kind != WorkspaceKind::Copy {
                    notices.push("no commit holds this folder: works on a copy".to_owned());
                }
                (None, workspace.lay_out_copy()?)
            }
        };
        workspace.note_submodules(&listing, &mut notices);
        let kind = match (&source, rules.kind) {
            (Source::Clone(..), WorkspaceKind::ReadOnly) => "private clone, read-only",
            (Source::Clone(..), _) => "private clone",
            (Source::Copy, WorkspaceKind::ReadOnly) => "copy, read-only",
            (Source::Copy, _) => "copy",
        };
        let ground = Ground {
            tree: workspace.start.clone(),
            base: base.map(|head| head.commit.clone()),
            workspace: kind.to_owned(),
            notices,
            not_enforced: Vec::new(),
        };
        Ok((workspace, ground))
    }

    /// Finds the workspace of a run again after the host had died; its files stay as they are.
    pub fn reopen(place: &Place, ground: &Ground) -> Result<Self, Trouble> {
        let origin = look(place)?;
        let repo = place.folder.join("repo.git");
        if !repo.join("config").is_file() {
            return Err(Trouble::new(format!(
                "the workspace {} is gone: start a new run",
                place.folder.display()
            )));
        }
        let source = match (&ground.base, origin) {
            (Some(commit), Some(origin)) => {
                let tree = Git::private(&place.git, &repo)
                    .line(&["rev-parse", &format!("{commit}^{{tree}}")])?;
                let commit = commit.clone();
                Source::Clone(Box::new(origin), Head { commit, tree })
            }
            (None, _) => Source::Copy,
            (Some(_), None) => {
                return Err(Trouble::new(format!(
                    "{} is no git repository any more: start a new run",
                    place.project.display()
                )));
            }
        };
        let mut workspace = Self::bare(place, &source)?;
        workspace.start.clone_from(&ground.tree);
        let base = match &source {
            Source::Clone(_, head) => Some(head),
            Source::Copy => None,
        };
        workspace.base = workspace.start_commit(base)?;
        let listing = workspace.listing(&workspace.start)?;
        workspace.note_submodules(&listing, &mut Vec::new());
        disk::folder(&workspace.room(Room::Work))?;
        Ok(workspace)
    }

    /// Folder and private repository, without a tree yet.
    fn bare(place: &Place, source: &Source) -> Result<Self, Trouble> {
        disk::folder(&place.folder)?;
        // Nobody else's: it holds whatever the operator's repository holds.
        fs::set_permissions(&place.folder, Permissions::from_mode(0o700))
            .map_err(|error| Trouble::file("close", &place.folder, &error))?;
        // A git that was killed leaves its lock behind; no other one runs here now.
        for index in ["work", "verify", "guard", "publish", "dirty"] {
            disk::remove(&place.folder.join(format!("index-{index}.lock")))?;
        }
        let repo = place.folder.join("repo.git");
        let origin = match source {
            Source::Clone(origin, _) => Some(Origin::clone(origin)),
            Source::Copy => None,
        };
        repo::make(&repo, origin.as_ref())?;
        let prefix = origin.as_ref().map(|origin| origin.prefix.clone());
        Ok(Self {
            place: place.clone(),
            git: Git::private(&place.git, &repo),
            origin,
            prefix: prefix.unwrap_or_default(),
            head: match source {
                Source::Clone(_, head) => Some(head.commit.clone()),
                Source::Copy => None,
            },
            base: String::new(),
            start: String::new(),
            submodules: Vec::new(),
            mask: Mask::probe(&place.folder)?,
            rooms: stamp::Rooms::default(),
        })
    }

    fn lay_out_clone(
        &mut self,
        origin: &Origin,
        head: &Head,
        dirty: bool,
        notices: &mut Vec<String>,
    ) -> Result<Vec<Listed>, Trouble> {
        self.start.clone_from(&head.tree);
        self.base.clone_from(&head.commit);
        let fate = if dirty { "taken in" } else { "not seen" };
        let say = |files: usize| {
            let plural = if files == 1 { "" } else { "s" };
            (files > 0).then(|| format!("{files} uncommitted file{plural} {fate}"))
        };
        if !dirty {
            // The count is only told, so it is taken while the files are laid out.
            let lay_out = || self.lay_out(Room::Work, &self.start);
            let (files, listing) = beside(|| origin.uncommitted(), lay_out)?;
            notices.extend(say(files));
            return Ok(listing);
        }
        let files = origin.uncommitted()?;
        if files > 0 {
            let store = self.repo().join("objects");
            self.start = {
                let index = self.place.folder.join("index-dirty");
                origin.dirty_tree(&index, &store, &self.place.leash)?
            };
            repo::keep(&self.repo(), &self.start)?;
            self.base = self.start_commit(Some(head))?;
        }
        notices.extend(say(files));
        self.lay_out(Room::Work, &self.start)
    }

    fn lay_out_copy(&mut self) -> Result<Vec<Listed>, Trouble> {
        let work = self.room(Room::Work);
        disk::remove(&work)?;
        disk::folder(&work)?;
        copy::fill(&self.place.project, &work, &self.place.leash)?;
        self.start = self.snapshot()?;
        self.base = self.start_commit(None)?;
        self.lay_out(Room::Work, &self.start)
    }

    /// A commit whose tree is the start: HEAD itself, or one made of what was found.
    fn start_commit(&self, head: Option<&Head>) -> Result<String, Trouble> {
        let mut args = vec!["commit-tree", "-m", "checkride: where the run starts"];
        if let Some(head) = head {
            if head.tree == self.start {
                return Ok(head.commit.clone());
            }
            args.extend(["-p", head.commit.as_str()]);
        }
        args.push(&self.start);
        self.git.undated().line(&args)
    }

    fn note_submodules(&mut self, listing: &[Listed], notices: &mut Vec<String>) {
        self.submodules = listing
            .iter()
            .filter(|entry| entry.mode == diff::SUBMODULE)
            .map(|entry| entry.path.clone())
            .collect();
        if !self.submodules.is_empty() {
            let names: Vec<_> = self.submodules.iter().map(|p| spelled_line(p)).collect();
            notices.push(format!(
                "submodules are empty folders here: {}",
                names.join(", ")
            ));
        }
    }
}

/// The operator's repository, seen by a git that is new enough.
fn look(place: &Place) -> Result<Option<Origin>, Trouble> {
    let git = Git::operators(&place.git, &place.project);
    let look = || Origin::look(&git, &place.project, &place.name);
    // An old git fails the look too; that it is old is the cause to tell.
    beside(|| git.require_version(), look).map(|((), origin)| origin)
}

/// Two steps at once. The trouble of the first is told before that of the second.
fn beside<A: Send, B>(
    one: impl FnOnce() -> Result<A, Trouble> + Send,
    two: impl FnOnce() -> Result<B, Trouble>,
) -> Result<(A, B), Trouble> {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let two = two();
        let one = one
            .join()
            .map_err(|_| Trouble::new("a step of the workspace broke off: try again"))?;
        Ok((one?, two?))
    })
}

fn survey(place: &Place, kind: WorkspaceKind) -> Result<Source, Trouble> {
    let origin = look(place)?;
    if kind == WorkspaceKind::Copy {
        return Ok(Source::Copy);
    }
    if let Some(origin) = origin
        && let Some(head) = origin.head.clone()
        && origin.holds_project(&head)?
    {
        return Ok(Source::Clone(Box::new(origin), head));
    }
    if kind == WorkspaceKind::Clone {
        return Err(Trouble::new(format!(
            "no commit holds {}: commit first, or set kind = \"copy\"",
            place.project.display()
        )));
    }
    Ok(Source::Copy)
}
