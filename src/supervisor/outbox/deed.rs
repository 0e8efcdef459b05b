//! The durable note of one publication: written before it acts, completed after, marked when it is
//! taken back. This is what makes «once» hold over a crash.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::run::inert::spelled_line;
use crate::run::{Digest, Receipt};
use crate::supervisor::sealed;
use crate::supervisor::workspace::{Trouble, disk};

/// Where something is published, with every placeholder filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// One commit on a branch.
    Branch {
        /// Name without `refs/heads/`.
        name: String,
        /// The one file that goes there; `None` for a diff.
        file: Option<String>,
    },
    /// A file of the project.
    File {
        /// Path, relative to the project.
        path: String,
    },
    /// A program.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// What takes it back; empty where nothing does.
        undo: Vec<String>,
    },
}

impl Target {
    /// In words, for the screen and the key.
    pub fn in_words(&self) -> String {
        match self {
            Self::Branch { name, file: None } => format!("one commit on branch {name}"),
            Self::Branch {
                name,
                file: Some(file),
            } => format!("one commit on branch {name}, as {file}"),
            Self::File { path } => format!("file {path}"),
            Self::Command { argv, .. } => format!("command {argv:?}"),
        }
    }
}

/// One publication, begun or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What it was done under.
    pub key: Digest,
    /// The run that does it, or did it.
    #[serde(default)]
    pub run: String,
    /// Where it went.
    pub target: Target,
    /// Digest of what is sent.
    pub content: Digest,
    /// What the target held before: a commit or a content digest.
    pub before: Option<String>,
    /// Its proof, once it is done.
    pub receipt: Option<Receipt>,
    /// Whether it is taken back.
    #[serde(default)]
    pub undo: Undo,
}

/// How far taking a publication back has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Nobody has tried.
    #[default]
    No,
    /// Its undo command was begun, and nothing is known of its end.
    Begun,
    /// It is taken back: its key is free again.
    Done,
}

impl Deed {
    /// Its proof, with what stands at the target now.
    pub fn receipt(&self, now: String) -> Receipt {
        Receipt {
            key: self.key.clone(),
            place: spelled_line(self.target.in_words().as_bytes()),
            now,
            before: self.before.clone(),
            already: None,
        }
    }
}

/// The folder of all deeds of a loop.
#[derive(Debug, Clone, Copy)]
pub struct Deeds<'a>(pub &'a Path);

impl Deeds<'_> {
    fn path(self, key: &Digest) -> PathBuf {
        self.0.join(format!("{key}.json"))
    }

    /// Where the bytes are kept that a file target held before.
    pub fn kept(self, key: &Digest) -> PathBuf {
        self.0.join(format!("{key}.before"))
    }

    /// The deed of this key, if it was begun.
    pub fn read(self, key: &Digest) -> Result<Option<Deed>, Trouble> {
        sealed::read(&self.path(key)).map_err(|why| {
            Trouble::new(format!(
                "{why}, so it is not known whether this was published: look at the target, then move \
                 that file away"
            ))
        })
    }

    /// Writes it, synced to disk.
    pub fn write(self, deed: &Deed) -> Result<(), Trouble> {
        let path = self.path(&deed.key);
        let bytes = sealed::seal(deed)
            .map_err(|error| Trouble::new(format!("cannot write {}: {error}", path.display())))?;
        disk::replace(&path, &bytes)
    }

    /// Releases the key: nothing was done under it.
    pub fn forget(self, key: &Digest) -> Result<(), Trouble> {
        disk::remove(&self.path(key))?;
        disk::remove(&self.kept(key))?;
        if !self.0.is_dir() {
            return Ok(());
        }
        fs::File::open(self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Trouble::file("sync", self.0, &error))
    }
}
