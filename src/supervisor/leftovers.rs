//! What writers that are dead left beside their files: looked for once, as a host starts, in the folders that
//! hosts write into. Who writes looks for nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::site::places;
use super::wake::inbox;
use crate::durable;
use crate::protocol::RunId;
use crate::run::LoopSpec;

/// Folders below a repository that are git's own to fill.
const OBJECTS: &str = "objects";

/// Sweeps the state folder, and of the project what these loops and the runs that are under way write into.
pub(super) fn sweep((state, project): (&Path, &Path), specs: &[LoopSpec], runs: &[RunId]) {
    for folder in [state.to_owned(), state.join("trust")] {
        durable::sweep(&folder);
    }
    for own in folders_in(&state.join("workspaces")) {
        durable::sweep(&own);
        durable::sweep(&own.join("deeds"));
        below(&own.join("repo.git"));
    }
    for folder in specs.iter().flat_map(|spec| of_loop(spec, runs)) {
        // What lies behind a link is not the project's.
        if durable::link_on_the_way(project, &folder).is_none() {
            durable::sweep(&project.join(folder));
        }
    }
    for run in runs {
        let Some((name, number)) = run.split() else {
            continue;
        };
        let own = places::below(name, number);
        if durable::link_on_the_way(project, &own).is_none() {
            let own = project.join(own);
            durable::sweep(&own);
            for folder in folders_in(&own) {
                durable::sweep(&folder);
            }
        }
    }
}

/// Where in the project this loop and its runs write, beside what they tell of themselves.
fn of_loop(spec: &LoopSpec, runs: &[RunId]) -> Vec<PathBuf> {
    let memory = Path::new(&spec.memory.path).parent();
    let bad = inbox::below(&spec.name).join(inbox::BAD);
    let own = runs
        .iter()
        .filter(|run| run.split().is_some_and(|(name, _)| name == spec.name));
    let drafts = own.map(|run| Path::new(&spec.output.drafts).join(&run.0));
    memory
        .map(Path::to_owned)
        .into_iter()
        .chain([bad])
        .chain(drafts)
        .collect()
}

/// A private repository: what is written there by hand lies everywhere but among the objects.
fn below(repo: &Path) {
    durable::sweep(repo);
    durable::sweep(&repo.join(OBJECTS).join("info"));
    let named = |folder: &PathBuf| folder.file_name().is_some_and(|name| name != OBJECTS);
    for folder in folders_in(repo).iter().filter(|folder| named(folder)) {
        below(folder);
    }
}

/// The real folders in this one.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    real.map(|entry| entry.path()).collect()
}
