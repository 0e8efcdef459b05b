//! A loop's workspace: the worker's tree, the clean checkout for the examiner, and the private
//! repository that holds every snapshot. What is refused there is `guard.rs`; nothing is published here.

pub mod attic;
pub mod beneath;
pub mod copy;
pub mod diff;
pub mod disk;
pub mod flags;
pub mod git;
pub mod kept;
pub mod lead;
pub mod leash;
pub mod measure;
mod open;
pub mod origin;
pub(in crate::supervisor) mod repo;
pub mod snapshot;
mod stamp;
mod stock;
pub mod trouble;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use self::copy::CopyLimit;
use self::disk::Mask;
use self::git::Git;
use self::leash::Leash;
use self::origin::Origin;
pub use self::stock::Stock;
pub use self::trouble::Trouble;

/// Where a workspace is made, and of what.
#[derive(Debug, Clone)]
pub struct Place {
    /// The operator's project folder, absolute.
    pub project: PathBuf,
    /// The loop's own folder, absolute, outside the project.
    pub folder: PathBuf,
    /// The loop's name; it names the hidden ref.
    pub name: String,
    /// The git program: a path, or a name to look for.
    pub git: PathBuf,
    /// Largest folder that is copied.
    pub copy_limit: CopyLimit,
    /// What ends a snapshot that takes long.
    pub leash: Leash,
}

impl Place {
    /// A place with the git of the search path and the default limit for copies.
    pub fn new(project: &Path, folder: &Path, name: &str) -> Self {
        Self {
            project: project.to_owned(),
            folder: folder.to_owned(),
            name: name.to_owned(),
            git: PathBuf::from("git"),
            copy_limit: CopyLimit::default(),
            leash: Leash::default(),
        }
    }

    /// The bytes of one plain file of a tree that is kept here, by its path from the top. Nothing is written and no lock
    /// taken away, so a run of this loop may work meanwhile.
    pub fn kept_file(&self, tree: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        let git = Git::private(&self.git, &self.folder.join("repo.git"));
        exported(&git, tree, path)
    }
}

/// One loop's workspace, made and ready. All calls block on git and on files.
#[derive(Debug, Clone)]
pub struct Workspace {
    place: Place,
    git: Git,
    origin: Option<Origin>,
    prefix: Vec<u8>,
    head: Option<String>,
    base: String,
    start: String,
    submodules: Vec<Vec<u8>>,
    mask: Mask,
    rooms: stamp::Rooms,
}

impl Workspace {
    /// The commit that the worker's and the examiner's `HEAD` stand on; what `{base}` means.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The operator's commit that the run started from; `None` for a copy.
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// The tree at the start of the run.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// The project folder below the top of the workspace: empty, or ending in `/`.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Where the worker works: the project folder inside its tree.
    pub fn work_folder(&self) -> PathBuf {
        disk::join(&self.room(Room::Work), &self.prefix)
    }

    /// The private repository; workers and checks may read its objects and nothing else.
    pub fn repo(&self) -> PathBuf {
        self.place.folder.join("repo.git")
    }

    /// What this workspace was made of.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The operator's repository, where this is a clone of it.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Git on the private repository.
    pub fn git(&self) -> &Git {
        &self.git
    }

    fn room(&self, room: Room) -> PathBuf {
        self.place.folder.join(room.name())
    }

    fn index(&self, room: Room) -> PathBuf {
        self.place.folder.join(room.index())
    }

    fn git_on(&self, room: Room) -> Git {
        self.git.on(&self.room(room), &self.index(room))
    }

    /// Makes a room hold exactly this tree and a fresh `.git`, and nothing else.
    fn lay_out(&self, room: Room, tree: &str) -> Result<Vec<Listed>, Trouble> {
        let folder = self.room(room);
        disk::folder(&folder)?;
        let listing = self.listing(tree)?;
        let files: HashSet<&[u8]> = listing
            .iter()
            .filter(|entry| entry.mode != diff::SUBMODULE)
            .map(|entry| entry.path.as_slice())
            .collect();
        disk::sweep(&folder, &files, self.mask)?;
        self.git_on(room)
            .run(&["read-tree", "--reset", "-u", tree])?;
        for entry in listing.iter().filter(|e| e.mode == diff::SUBMODULE) {
            disk::folder(&disk::join(&folder, &entry.path))?;
        }
        disk::folder(&disk::join(&folder, &self.prefix))?;
        repo::plant(&folder, &self.repo(), &self.base, &self.index(room))?;
        Ok(listing)
    }

    /// Every file of a tree.
    pub fn listing(&self, tree: &str) -> Result<Vec<Listed>, Trouble> {
        let printed = self
            .git
            .run(&["ls-tree", "-r", "-z", "--full-tree", tree])?;
        printed
            .split(|b| *b == 0)
            .filter(|line| !line.is_empty())
            .map(|line| Listed::parse(line).ok_or_else(|| unreadable(line)))
            .collect()
    }

    /// One entry of a tree by its path from the top.
    pub fn entry(&self, tree: &str, path: &[u8]) -> Result<Option<Listed>, Trouble> {
        entry(&self.git, tree, path)
    }

    /// A clean checkout of exactly this tree, which no worker ever writes; returns the project
    /// folder inside it. What was there before is gone.
    pub fn verify_checkout(&self, tree: &str) -> Result<PathBuf, Trouble> {
        if !self.holds(Room::Verify, tree) {
            self.lay_out(Room::Verify, tree)?;
            self.learn(Room::Verify, tree);
        }
        Ok(disk::join(&self.room(Room::Verify), &self.prefix))
    }

    /// Files of the tree that were changed in its checkout, by their path in the project where they lie in it.
    pub fn changed_in_checkout(&self, tree: &str) -> Result<Vec<String>, Trouble> {
        if self.holds(Room::Verify, tree) {
            return Ok(Vec::new());
        }
        let options = [
            "diff",
            "--name-only",
            "-z",
            "--no-ext-diff",
            "--no-renames",
            "--ignore-submodules",
        ];
        let listed = self.git_on(Room::Verify).run(&options)?;
        let paths = listed.split(|b| *b == 0).filter(|path| !path.is_empty());
        let inside = |path: &[u8]| {
            let inside = path.strip_prefix(self.prefix.as_slice()).unwrap_or(path);
            String::from_utf8_lossy(inside).into_owned()
        };
        Ok(paths.map(inside).collect())
    }

    /// Puts the files of the tree back that were changed in its checkout; what else lies there stays.
    pub fn put_checkout_back(&self, tree: &str) -> Result<(), Trouble> {
        if !self.changed_in_checkout(tree)?.is_empty() {
            self.git_on(Room::Verify)
                .run(&["read-tree", "--reset", "-u", tree])?;
        }
        Ok(())
    }

    /// The bytes of one file of a tree, by its path from the top of the workspace.
    pub fn export(&self, tree: &str, path: &str) -> Result<Vec<u8>, Trouble> {
        exported(&self.git, tree, path)
    }

    /// The bytes of a plain file of a tree; `None` where there is none of this name.
    pub fn plain_file(&self, tree: &str, path: &str) -> Result<Option<Vec<u8>>, Trouble> {
        plain_file(&self.git, tree, path)
    }

    /// Replaces a file of the worker's tree by the operator's text; its permissions stay.
    pub fn write_file(&self, path: &str, text: &str) -> Result<(), Trouble> {
        let full = lead::plain_file(&self.room(Room::Work), path)?;
        disk::replace(&full, text.as_bytes())
    }

    /// Takes the whole workspace away and lets the base go in the operator's repository.
    pub fn release(self) -> Result<(), Trouble> {
        if let Some(origin) = &self.origin {
            origin.let_go(&self.place.name)?;
        }
        disk::remove(&self.place.folder)
    }
}

fn entry(git: &Git, tree: &str, path: &[u8]) -> Result<Option<Listed>, Trouble> {
    let args = ["ls-tree", "-z", "--full-tree", tree, "--"].map(OsStr::new);
    let args: Vec<&OsStr> = args.into_iter().chain([OsStr::from_bytes(path)]).collect();
    let printed = git.run(&args)?;
    let entries: Option<Vec<Listed>> = printed
        .split(|b| *b == 0)
        .filter(|line| !line.is_empty())
        .map(Listed::parse)
        .collect();
    let entries = entries.ok_or_else(|| unreadable(&printed))?;
    Ok(entries.into_iter().find(|entry| entry.path == path))
}

fn plain_file(git: &Git, tree: &str, path: &str) -> Result<Option<Vec<u8>>, Trouble> {
    let entry = entry(git, tree, path.as_bytes())?;
    let bytes = entry
        .filter(Listed::is_file)
        .map(|entry| git.run(&["cat-file", "blob", &entry.object]));
    bytes.transpose()
}

fn exported(git: &Git, tree: &str, path: &str) -> Result<Vec<u8>, Trouble> {
    let bytes = plain_file(git, tree, path)?;
    bytes.ok_or_else(|| Trouble::new(format!("the result holds no plain file {path}")))
}

/// The two trees of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// The worker's.
    Work,
    /// The examiner's.
    Verify,
}

impl Room {
    fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Verify => "verify",
        }
    }

    fn index(self) -> &'static str {
        match self {
            Self::Work => "index-work",
            Self::Verify => "index-verify",
        }
    }
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Git's mode.
    pub mode: u32,
    /// The object.
    pub object: String,
    /// Path from the top, as bytes.
    pub path: Vec<u8>,
}

impl Listed {
    /// `mode type object TAB path`.
    fn parse(line: &[u8]) -> Option<Self> {
        let tab = line.iter().position(|b| *b == b'\t')?;
        let mut parts = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let mode = u32::from_str_radix(parts.next()?, 8).ok()?;
        Some(Self {
            mode,
            object: parts.nth(1)?.to_owned(),
            path: line[tab + 1..].to_vec(),
        })
    }

    /// Whether it is a plain file, executable or not.
    pub fn is_file(&self) -> bool {
        matches!(self.mode, 0o100_644 | 0o100_755)
    }
}

fn unreadable(line: &[u8]) -> Trouble {
    Trouble::with_detail("cannot read what git lists of a tree", line)
}
