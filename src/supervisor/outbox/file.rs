//! Publishing as a file of the project: replaced at once, what was there kept for the way back.

use std::path::{Path, PathBuf};

use super::deed::Target;
use crate::run::Digest;
use crate::run::spec::WorkspaceRules;
use crate::supervisor::guard::Guard;
use crate::supervisor::workspace::{Trouble, disk, lead};

/// Where the file lies; refuses paths that leave the project or are protected there.
pub(super) fn place(project: &Path, path: &str) -> Result<PathBuf, Trouble> {
    let full = lead::plain_file(project, path)?;
    let guard = Guard::new(&WorkspaceRules::default(), &[], b"")?;
    match guard.forbids(path.as_bytes()) {
        Some(_) => Err(Trouble::new(format!(
            "{path} is protected: publish to another file"
        ))),
        None => Ok(full),
    }
}

/// The bytes there now; `None` where there is no file.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    lead::read_plain(path)
}

/// Refuses to take the place of other bytes than those that were looked at.
pub(super) fn require(
    target: &Target,
    stands: Option<&[u8]>,
    looked_at: Option<&str>,
) -> Result<(), Trouble> {
    let stands = stands.map(Digest::of);
    if stands.as_ref().map(Digest::as_str) == looked_at {
        return Ok(());
    }
    Err(Trouble::new(format!(
        "{} has changed since it was looked at: try again",
        target.in_words()
    )))
}

/// The digest of the bytes there now.
pub(super) fn digest(path: &Path) -> Result<Option<String>, Trouble> {
    Ok(bytes(path)?.map(|bytes| Digest::of(&bytes).to_string()))
}

/// Puts back what was there before, if the file is still as published.
pub(super) fn take_back(
    path: &Path,
    kept: &Path,
    now: &str,
    before: Option<&str>,
) -> Result<(), Trouble> {
    let stands = digest(path)?;
    if stands.as_deref() == before {
        return Ok(());
    }
    if stands.as_deref() != Some(now) {
        return Err(Trouble::new(format!(
            "{} has changed since it was published: put it back by hand, from {}",
            path.display(),
            kept.display()
        )));
    }
    if before.is_none() {
        return disk::remove(path);
    }
    let old = bytes(kept)?;
    match old.filter(|old| Some(Digest::of(old).as_str()) == before) {
        Some(old) => disk::replace(path, &old),
        None => Err(Trouble::new(format!(
            "what {} held before is gone or damaged in {}: put it back by hand",
            path.display(),
            kept.display()
        ))),
    }
}
