//! `check`: what is wrong with the loop files and the user's own settings, with the line.

use std::path::PathBuf;

use super::{Exit, Fail, Out};
use crate::config::{self, Paths, prices};

/// Every key of a loop file, with its default and what it means: a loop file itself.
pub const KEYS: &str = include_str!("../../loops/reference.toml");

/// Checks these files, by their paths in the project, or all of it, and prints what was found,
/// with what this `machine` makes of them.
///
/// # Errors
/// A file that was named and is not there.
pub fn check(
    paths: &Paths,
    files: &[PathBuf],
    machine: config::Machine<'_>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let project = paths.project();
    let files: Vec<PathBuf> = files.iter().map(|file| project.join(file)).collect();
    let prices = prices::read(paths.config()).prices;
    let mut report = config::check_on(project, &files, &prices, machine);
    if files.is_empty() {
        report.with_user(paths.config());
    }
    out.text(&report.render());
    Ok(if report.passed() {
        Exit::Done
    } else {
        Exit::Usage
    })
}
