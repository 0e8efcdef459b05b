//! What this machine makes of loops: its sandbox, programs, keys and models, for `check` and `doctor`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::attach;
use super::program::keeper;
use crate::cli::doctor::{Findings, Readiness};
use crate::cli::{self, Exit, Fail, Out};
use crate::config::{Diagnostic, Here, Paths, loops, user};
use crate::run::LoopSpec;
use crate::supervisor::sandbox::probe::{Powers, probe};
use crate::supervisor::sandbox::terms::Terms;
use crate::supervisor::trust::Trust;
use crate::supervisor::{inventory, needs};

/// `check`: files, or every key that one may have.
pub(super) fn check(
    paths: &Paths,
    (files, keys): (&[PathBuf], bool),
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    if keys {
        out.text(cli::check::KEYS);
        return Ok(Exit::Done);
    }
    let powers = probe(&keeper()?);
    let machine = |spec: &LoopSpec| here(&powers, spec, paths.project());
    cli::check::check(paths, files, &machine, out)
}

/// What this machine makes of a loop.
fn here(powers: &Powers, spec: &LoopSpec, project: &Path) -> Here {
    let terms = Terms::of(powers, spec, project);
    Here {
        not_enforced: terms.not_enforced(),
        advice: terms.advice(),
    }
}

/// Whether a variable of this process has a value.
pub(super) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// What this machine has, and what each loop that can be read would lack.
pub(super) async fn examine(paths: &Paths) -> Findings {
    let project = paths.project();
    let trust = Trust::at(paths.state(), project);
    let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ground = needs::Ground {
        project,
        path: &path,
        env: &env,
    };
    let powers = probe(&keeper().unwrap_or_default());
    let mut readiness = Vec::new();
    for file in loops::read_all(project) {
        let mut advice = Vec::new();
        let lacks = match &file.spec {
            Some(spec) => {
                let mut lacks = ground.examiner(spec);
                lacks.extend(ground.worker(spec, project));
                match trust.standing(&file).why() {
                    // The addresses that it names are not called on its own word.
                    Some(why) => lacks.push(format!(
                        "it may not run: {why}; `checkride trust {}` shows what it would run",
                        file.name
                    )),
                    None => lacks.extend(ground.models(spec).await),
                }
                let terms = Terms::of(&powers, spec, project);
                lacks.extend(terms.refuses());
                advice = terms.advice();
                lacks
            }
            None => file
                .first_error()
                .map(Diagnostic::line)
                .into_iter()
                .collect(),
        };
        readiness.push(Readiness {
            name: file.name,
            lacks,
            advice,
        });
    }
    // A host that is not there, or does not speak, has nothing that differs.
    let met = attach::look(paths).await.ok();
    Findings {
        host: met.and_then(|met| met.differs),
        untold: user::untold(paths.config(), is_set),
        inventory: inventory::take(&env).await,
        loops: readiness,
    }
}
