//! `check`: what is wrong with the loop files, with the line.

use std::path::PathBuf;

use super::{Exit, Fail, Out};
use crate::config::{self, Paths, prices};

/// Checks these files, by their paths in the project, or all of it, and prints what was found.
///
/// # Errors
/// A file that was named and is not there.
pub fn check(paths: &Paths, files: &[PathBuf], out: &mut Out<'_>) -> Result<Exit, Fail> {
    let project = paths.project();
    let files: Vec<PathBuf> = files.iter().map(|file| project.join(file)).collect();
    let prices = prices::read(paths.config()).prices;
    let report = config::check(project, &files, &prices);
    out.text(&report.render());
    Ok(if report.passed() {
        Exit::Done
    } else {
        Exit::Usage
    })
}
