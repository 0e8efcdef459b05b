//! Homes and temporary folders of a loop's own. The operator's home is not theirs: tools are found
//! through links, a login through a copy, and nothing that a worker plants there runs elsewhere.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::agents::Known;
use super::grants::TOOLS;
use crate::supervisor::workspace::{Trouble, disk};

/// Longest login file that is copied.
const LONGEST_LOGIN: u64 = 256 * 1024;

/// Variables that lead programs into the home, and where in it.
const PLACES: [(&str, &str); 7] = [
    ("HOME", ""),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
    ("CLAUDE_CONFIG_DIR", ".claude"),
    ("CODEX_HOME", ".codex"),
];

/// The home and the temporary folder of one role of a loop: of its worker, or of its examiner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Home of its processes.
    pub home: PathBuf,
    /// Its temporary folder.
    pub temp: PathBuf,
}

impl Room {
    /// The room in this folder; nothing is made yet.
    pub fn at(folder: &Path) -> Self {
        Self {
            home: folder.join("home"),
            temp: folder.join("tmp"),
        }
    }

    /// Empties its temporary folder, and its home too unless that is kept.
    ///
    /// # Errors
    /// What cannot be removed.
    pub fn clear(&self, keep_home: bool) -> Result<(), Trouble> {
        if !keep_home {
            disk::remove(&self.home)?;
        }
        disk::remove(&self.temp)
    }

    /// Makes it, with the tools of the operator's home and the login of its agent.
    ///
    /// # Errors
    /// One line: what cannot be made.
    pub fn furnish(&self, operator: Option<&Path>, agent: Option<&Known>) -> Result<(), String> {
        let said = |e: io::Error| format!("{} cannot be made: {e}", self.home.display());
        for (_, name) in PLACES {
            folder(&self.home.join(name)).map_err(said)?;
        }
        folder(&self.temp).map_err(said)?;
        let Some(operator) = operator else {
            return Ok(());
        };
        for tool in TOOLS {
            lead_to(&operator.join(tool), &self.home.join(tool)).map_err(said)?;
        }
        for login in agent.map_or(&[][..], |agent| agent.logins) {
            let (from, to) = (operator.join(login), self.home.join(login));
            copy_login(&from, &to)
                .map_err(|e| format!("the login in {} cannot be copied: {e}", from.display()))?;
        }
        Ok(())
    }

    /// The variables that lead programs into it.
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let mut all: Vec<(String, OsString)> = PLACES
            .iter()
            .map(|(name, place)| {
                let place = if place.is_empty() {
                    self.home.clone()
                } else {
                    self.home.join(place)
                };
                ((*name).to_owned(), place.into_os_string())
            })
            .collect();
        all.push(("TMPDIR".to_owned(), self.temp.clone().into_os_string()));
        all
    }
}

fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A link to a tool of the operator, unless the worker has put something of its own there.
fn lead_to(tool: &Path, at: &Path) -> io::Result<()> {
    if fs::symlink_metadata(at).is_ok() || fs::symlink_metadata(tool).is_err() {
        return Ok(());
    }
    if let Some(parent) = at.parent() {
        folder(parent)?;
    }
    symlink(tool, at)
}

/// Copies a login that is newer than the copy. The copy is replaced whole and never followed: a
/// worker that has put a link in its place gets nothing written through it.
fn copy_login(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(theirs) = fs::metadata(from) else {
        return Ok(());
    };
    let known = fs::symlink_metadata(to).is_ok_and(|copy| {
        let newer = theirs.modified().ok() > copy.modified().ok();
        copy.is_file() && !newer
    });
    if known || theirs.len() > LONGEST_LOGIN || !theirs.is_file() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    fs::File::open(from)?
        .take(LONGEST_LOGIN)
        .read_to_end(&mut bytes)?;
    let parent = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // A link on the way would lead out of the home: it is taken away, as what it is.
    if fs::symlink_metadata(parent).is_ok_and(|meta| meta.is_symlink()) {
        fs::remove_file(parent)?;
    }
    folder(parent)?;
    let fresh = to.with_extension("new");
    drop(fs::remove_file(&fresh));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(&bytes)?;
    fs::rename(&fresh, to)
}
