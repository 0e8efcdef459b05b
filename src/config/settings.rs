//! `checkride.toml` in the project: what all its loops share. A loop may only be stricter.

use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};
use super::loops;
use super::project;
use super::reader::{self, Problems};
use crate::run::spec::Hours;

/// The settings of a project, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Most runs at work at the same time; one that waits for a person does not count.
    pub max_running: usize,
    /// Most that all runs of a day may cost, in millionths of a dollar.
    pub micro_usd_per_day: Option<u64>,
    /// Most tokens of all runs of a day.
    pub tokens_per_day: Option<u64>,
    /// When nothing wakes and no bell rings.
    pub quiet_hours: Option<Hours>,
}

/// The settings file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// The settings; the defaults where the file has an error.
    pub settings: Settings,
    /// Errors and warnings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the file asks for and this build does not enforce.
    pub not_enforced: Vec<String>,
}

/// The name of the file.
pub const FILE: &str = "checkride.toml";

impl Default for Settings {
    /// One run at a time, no caps but those of the loops.
    fn default() -> Self {
        Self {
            max_running: 1,
            micro_usd_per_day: None,
            tokens_per_day: None,
            quiet_hours: None,
        }
    }
}

/// Reads the project's settings; an absent file means the defaults.
pub fn read(project: &Path) -> SettingsFile {
    let path = project.join(FILE);
    let failed = |message: String| SettingsFile {
        settings: Settings::default(),
        diagnostics: vec![Diagnostic {
            severity: Severity::Error,
            file: FILE.to_owned(),
            place: None,
            message,
            help: Some("write a plain UTF-8 text of at most 1 MiB, or remove the file".to_owned()),
        }],
        not_enforced: Vec::new(),
    };
    if std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return SettingsFile {
            settings: Settings::default(),
            diagnostics: Vec::new(),
            not_enforced: Vec::new(),
        };
    }
    if project::leaves(project, &path) {
        return failed("this file cannot be read: it is a link that leaves the project".to_owned());
    }
    match project::read_bytes(&path).map(String::from_utf8) {
        Ok(Ok(text)) => read_text(&text),
        Ok(Err(_)) => failed("this file cannot be read: it is not UTF-8".to_owned()),
        Err(why) => failed(format!("this file cannot be read: {why}")),
    }
}

/// Reads the text of a settings file.
pub fn read_text(text: &str) -> SettingsFile {
    let problems = Problems::of(text);
    let read = reader::document(text, &problems, |table| {
        let max_running = table.number("max_running", 1..=64).map_or(1, |n| n.value);
        let usd = table.micro_usd("usd_per_day");
        let quiet = loops::quiet_hours(table);
        let tokens = table.number("tokens_per_day", 1..=1_000_000_000_000);
        Settings {
            max_running: usize::try_from(max_running).unwrap_or(1),
            micro_usd_per_day: usd.map(|usd| usd.value),
            tokens_per_day: tokens.map(|tokens| tokens.value),
            quiet_hours: quiet.map(|quiet| quiet.value),
        }
    });
    let settings = read.filter(|_| !problems.has_errors()).unwrap_or_default();
    let (diagnostics, not_enforced) = problems.into_diagnostics(FILE);
    SettingsFile {
        settings,
        diagnostics,
        not_enforced,
    }
}
