//! Files into typed values, with everything that is wrong with them: loops, skills, settings, paths.
//! Nothing here runs a loop, draws, or waits.

pub mod diagnostic;
pub mod executed;
pub mod loops;
pub(crate) mod names;
mod nearest;
pub mod paths;
pub mod prices;
mod project;
mod quantity;
mod reader;
pub mod settings;
pub mod skills;
pub mod stores;
pub mod user;

use crate::run::counted;
use crate::run::inert::spelled_line;
use std::path::{Path, PathBuf};

pub use diagnostic::{Diagnostic, Severity};
pub use loops::LoopFile;
pub use paths::Paths;
pub use prices::Prices;
pub(crate) use quantity::seconds;
pub use settings::Settings;

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many files were read.
    pub files: usize,
    /// Everything found, file by file.
    pub diagnostics: Vec<Diagnostic>,
    /// What is not enforced, each with its file.
    pub not_enforced: Vec<(String, Vec<String>)>,
    /// What would not work on this machine, each with its file.
    pub advice: Vec<(String, String)>,
}

/// What a machine makes of a loop's file, one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// What it does not enforce of what the file says.
    pub not_enforced: Vec<String>,
    /// What would not work on it, and what to write instead.
    pub advice: Vec<String>,
}

/// Asks a machine about a loop.
pub type Machine<'a> = &'a dyn Fn(&crate::run::LoopSpec) -> Here;

/// Reads these loop files, or all of the project with its settings where none is named.
pub fn check(project: &Path, files: &[PathBuf], prices: &Prices) -> Report {
    check_on(project, files, prices, &|_| Here::default())
}

/// The same, with what this machine makes of each file.
pub fn check_on(
    project: &Path,
    files: &[PathBuf],
    prices: &Prices,
    machine: Machine<'_>,
) -> Report {
    let mut report = Report {
        files: 0,
        diagnostics: Vec::new(),
        not_enforced: Vec::new(),
        advice: Vec::new(),
    };
    let loops = if files.is_empty() {
        let settings = settings::read(project);
        if !settings.diagnostics.is_empty() || project.join(settings::FILE).exists() {
            report.add(
                settings::FILE.to_owned(),
                settings.diagnostics,
                settings.not_enforced,
            );
        }
        loops::read_all(project)
    } else {
        files
            .iter()
            .map(|file| loops::read(project, file))
            .collect()
    };
    for file in loops.into_iter().map(|file| file.priced(prices)) {
        let (shown, mut not_enforced) = (project::shown(project, &file.path), file.not_enforced);
        let here = file.spec.as_ref().map(machine).unwrap_or_default();
        not_enforced.extend(here.not_enforced);
        let advice = here.advice.into_iter().map(|line| (shown.clone(), line));
        report.advice.extend(advice);
        report.add(shown, file.diagnostics, not_enforced);
    }
    report
}

impl Report {
    /// Whether every file can be used.
    pub fn passed(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Adds what is wrong with the user's own files in this config folder.
    pub fn with_user(&mut self, folder: &Path) {
        if let Some(found) = user::examine(folder) {
            self.add(user::FILE.to_owned(), found, Vec::new());
        }
        if folder.join(prices::FILE).exists() {
            let found = prices::read(folder).diagnostics;
            self.add(prices::FILE.to_owned(), found, Vec::new());
        }
    }

    /// All of it as text: findings, what is not enforced, one line in the end.
    pub fn render(&self) -> String {
        let mut parts: Vec<String> = self
            .diagnostics
            .iter()
            .map(|found| found.render() + "\n")
            .collect();
        for (file, list) in &self.not_enforced {
            parts.push(format!(
                "{}: not enforced: {}\n",
                spelled_line(file.as_bytes()),
                list.join(", ")
            ));
        }
        for (file, line) in &self.advice {
            parts.push(format!("{}: {line}\n", spelled_line(file.as_bytes())));
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let found = match (errors, warnings) {
            (0, 0) => "no errors".to_owned(),
            (0, w) => format!("no errors, {}", counted(w as u64, "warning")),
            (e, 0) => counted(e as u64, "error"),
            (e, w) => format!(
                "{}, {}",
                counted(e as u64, "error"),
                counted(w as u64, "warning")
            ),
        };
        parts.push(format!(
            "{} checked: {found}\n",
            counted(self.files as u64, "file")
        ));
        parts.concat()
    }

    fn add(&mut self, file: String, diagnostics: Vec<Diagnostic>, not_enforced: Vec<String>) {
        self.files += 1;
        self.diagnostics.extend(diagnostics);
        if !not_enforced.is_empty() {
            self.not_enforced.push((file, not_enforced));
        }
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count()
    }
}
