//! Where in the project a run writes, and that all of it lies there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::protocol::RunId;
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

/// So many folders of runs that the journal does not know are passed over.
const MOST_PASSED: u32 = 10_000;

/// The number of the next run: the first from this one on whose folders nobody has made.
///
/// What stands there came with the project, or is older than the journal. It may be committed, and what a run
/// says is not added to what others wrote. The error is one line.
pub(in crate::supervisor) fn free(
    project: &Path,
    spec: &LoopSpec,
    from: u32,
) -> Result<u32, String> {
    let drafts = Path::new(&spec.output.drafts);
    let stands = |number: u32| {
        let id = RunId::new(&spec.name, number);
        let mut all = [below(&spec.name, number), drafts.join(id.0)].into_iter();
        all.any(|below| fs::symlink_metadata(project.join(below)).is_ok())
    };
    let mut numbers = from..from.saturating_add(MOST_PASSED);
    numbers.find(|number| !stands(*number)).ok_or_else(|| {
        let name = &spec.name;
        format!(
            "more than {MOST_PASSED} folders in .checkride/runs/{name} are of no run that is known here: move \
             them away"
        )
    })
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
