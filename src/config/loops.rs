//! Loop files: `loops/<name>.toml` read into `run::LoopSpec`, with everything that is wrong with
//! them (PRODUCT §4). The parts of a file are beside this one; nothing here starts or runs a loop.

mod command;
mod files;
mod globs;
mod goal;
mod guardrails;
mod independence;
mod judge;
mod lint;
mod output;
mod parts;
mod reach;
pub(crate) mod sourced;
mod trigger;
mod worker;

use std::path::{Path, PathBuf};

pub(crate) use command::script_paths;
pub use files::{PinnedFile, pinned_files};
pub(crate) use guardrails::quiet_hours;

use super::diagnostic::{Diagnostic, Place, Severity, Span};
use super::prices::Prices;
use super::project;
use super::reader::{self, Problems};
use crate::run::Digest;
use crate::run::spec::LoopSpec;
use parts::Parts;

/// One loop file as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopFile {
    /// The loop's name: its file's name without `.toml`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Names the bytes that were read; `None` when the file cannot be read.
    pub digest: Option<Digest>,
    /// The loop, when the file has no error.
    pub spec: Option<LoopSpec>,
    /// Errors and warnings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the file asks for, or would have by default, and this build does not enforce (§5.9).
    pub not_enforced: Vec<String>,
    /// The files of the project that examine the work, by digest.
    pub pinned: Vec<PinnedFile>,
}

const HOW_TO_BEGIN: &str =
    "write `version`, `name`, `skill`, `worker` and `goal`; all else has defaults";

/// Reads all loop files of a project, by name; a bad one does not disturb the others.
///
/// A folder `loops` that cannot be listed is one entry of that name with the cause.
pub fn read_all(project: &Path) -> Vec<LoopFile> {
    let folder = project.join("loops");
    match project::names_in(&folder) {
        Ok(paths) => paths
            .iter()
            .filter(|path| is_loop_file(path))
            .map(|path| read(project, path))
            .collect(),
        Err(why) => vec![unreadable(project, &folder, &why)],
    }
}

/// The names under which [`read_all`] would list the loops; no file is read.
pub fn names(project: &Path) -> Vec<String> {
    let folder = project.join("loops");
    match project::names_in(&folder) {
        Ok(paths) => paths
            .iter()
            .filter(|path| is_loop_file(path))
            .map(|path| stem(path))
            .collect(),
        Err(_) => vec![stem(&folder)],
    }
}

/// Reads one loop file of this project.
pub fn read(project: &Path, file: &Path) -> LoopFile {
    if project::leaves(project, file) && file.starts_with(project) {
        return unreadable(project, file, "it is a link that leaves the project");
    }
    let bytes = match project::read_bytes(file) {
        Ok(bytes) => bytes,
        Err(why) => return unreadable(project, file, &why),
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => read_text(project, file, text),
        Err(error) => not_utf8(project, file, &bytes, error.valid_up_to()),
    }
}

/// The digest that [`read`] would give this file now; `None` where it could not read it.
pub fn digest(project: &Path, file: &Path) -> Option<Digest> {
    let inside = !(project::leaves(project, file) && file.starts_with(project));
    let bytes = inside.then(|| project::read_bytes(file).ok()).flatten()?;
    Some(Digest::of(&bytes))
}

/// Reads the text of a loop file as if `file` held it: for an editor that has not saved yet.
pub fn read_text(project: &Path, file: &Path, text: &str) -> LoopFile {
    let problems = Problems::of(text);
    let name = stem(file);
    let parts = reader::document(text, &problems, |table| {
        if table.is_empty() {
            problems.error(table.span, "the file is empty", HOW_TO_BEGIN);
            return None;
        }
        Some(Parts::read(table, &name))
    })
    .flatten();
    let mut spec = None;
    if let Some(parts) = parts {
        lint::rules(&parts, &problems);
        files::look(project, &parts, &problems);
        worker::announce(&parts, &problems);
        if !problems.has_errors() {
            spec = parts.into_spec(&name);
        }
    }
    let (diagnostics, not_enforced) = problems.into_diagnostics(&project::shown(project, file));
    LoopFile {
        name,
        path: file.to_owned(),
        digest: Some(Digest::of(text.as_bytes())),
        pinned: spec
            .as_ref()
            .map(|spec| pinned_files(project, spec))
            .unwrap_or_default(),
        spec,
        diagnostics,
        not_enforced,
    }
}

impl LoopFile {
    /// The same, where this list of prices is at hand: a worker that does not tell what it costs is
    /// held to its dollars if its model's price is known.
    #[must_use]
    pub fn priced(mut self, prices: &Prices) -> Self {
        let model = self.spec.as_ref().and_then(|s| s.worker.model.as_deref());
        if model.is_some_and(|model| prices.knows(model)) {
            self.not_enforced
                .retain(|what| what != worker::UNTOLD_MONEY);
        }
        self
    }

    /// The first error, if the loop cannot run.
    pub fn first_error(&self) -> Option<&Diagnostic> {
        self.diagnostics
            .iter()
            .find(|d| d.severity == Severity::Error)
    }
}

fn is_loop_file(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|e| e == "toml")
}

fn stem(file: &Path) -> String {
    file.file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The entry of a file that cannot be read at all.
fn unreadable(project: &Path, file: &Path, why: &str) -> LoopFile {
    let shown = project::shown(project, file);
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        message: format!("this file cannot be read: {why}"),
        help: Some(
            "a loop file is a plain text file of at most 1 MiB inside the project".to_owned(),
        ),
        file: shown,
        place: None,
    };
    LoopFile {
        name: stem(file),
        path: file.to_owned(),
        digest: None,
        spec: None,
        diagnostics: vec![diagnostic],
        not_enforced: Vec::new(),
        pinned: Vec::new(),
    }
}

/// The entry of a file whose text breaks off into bytes that are no text.
fn not_utf8(project: &Path, file: &Path, bytes: &[u8], valid: usize) -> LoopFile {
    let text = String::from_utf8_lossy(bytes);
    let mut entry = unreadable(project, file, "it is not UTF-8");
    for diagnostic in &mut entry.diagnostics {
        // Up to here both texts are the same, and the first bad byte became one U+FFFD.
        diagnostic.place = Some(Place::of(
            &text,
            Span::new(valid, valid + '\u{fffd}'.len_utf8()),
        ));
        diagnostic.help = Some("save the file as UTF-8".to_owned());
    }
    entry.digest = Some(Digest::of(bytes));
    entry
}
