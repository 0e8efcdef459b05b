//! Where in the project a run writes, and that all of it lies there.

use std::path::{Path, PathBuf};

use crate::durable;
use crate::run::LoopSpec;
use crate::run::inert::inert;

/// The file in a run's folder with what came with its trigger.
pub(in crate::supervisor) const PAYLOAD: &str = "payload";

/// The file in a run's folder with what was said and done.
pub(in crate::supervisor) const TRANSCRIPT: &str = "transcript.jsonl";

/// The folder of a run's readable artefacts, below the project.
pub(in crate::supervisor) fn below(name: &str, number: u32) -> PathBuf {
    Path::new(".checkride")
        .join("runs")
        .join(name)
        .join(number.to_string())
}

/// Refuses a project where what this run writes would go through a link: a repository that somebody else
/// made may hold one that leads anywhere. The error is one line.
pub(in crate::supervisor) fn own(
    project: &Path,
    spec: &LoopSpec,
    number: u32,
) -> Result<(), String> {
    let transcript = below(&spec.name, number).join(TRANSCRIPT);
    let drafts = PathBuf::from(&spec.output.drafts);
    let mut all = [transcript, drafts].into_iter();
    let Some(link) = all.find_map(|below| durable::link_on_the_way(project, &below)) else {
        return Ok(());
    };
    let shown = link.strip_prefix(project).unwrap_or(&link);
    Err(format!(
        "{} is a link, and what a run writes stays in the project: take it away",
        inert(&shown.to_string_lossy())
    ))
}
