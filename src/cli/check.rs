//! `check`: what is wrong with the loop files, with the line.

use std::path::{Path, PathBuf};

use super::{Exit, Fail, Out};
use crate::config;

/// Checks these files, by their paths in the project, or all of it, and prints what was found.
///
/// # Errors
/// A file that was named and is not there.
pub fn check(project: &Path, files: &[PathBuf], out: &mut Out<'_>) -> Result<Exit, Fail> {
    let files: Vec<PathBuf> = files.iter().map(|file| project.join(file)).collect();
    let report = config::check(project, &files);
    out.text(&report.render());
    Ok(if report.passed() {
        Exit::Done
    } else {
        Exit::Usage
    })
}
