//! Which values of the host's environment are secrets of a run: the keys of its models, and whatever stands
//! under a name that says so; and whatever has the shape of a key. Taking them out is the redactor's.

use std::ffi::OsString;

use super::inventory::KEYS;
use super::redactor::Redactor;
use super::sandbox::agents;
use crate::run::LoopSpec;
use crate::run::spec::{JudgeKind, WorkerKind};

/// How names of variables that hold secrets end.
const ENDINGS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];

/// What must not be told of this environment in a run of this loop.
pub(super) fn of(spec: &LoopSpec, env: &[(OsString, OsString)]) -> Redactor {
    let mut names: Vec<&str> = KEYS.to_vec();
    if let WorkerKind::Http(provider) = &spec.worker.kind {
        names.extend(provider.key_env.as_deref());
    }
    if let Some(JudgeKind::Http(provider)) = spec.goal.judge.as_ref().map(|judge| &judge.kind) {
        names.extend(provider.key_env.as_deref());
    }
    let agents = [
        agents::working(&spec.worker.kind),
        (spec.goal.judge.as_ref()).and_then(|judge| agents::judging(&judge.kind)),
    ];
    names.extend(agents.into_iter().flatten().flat_map(|agent| agent.keys));
    let mut redactor = Redactor::default();
    for (name, value) in env {
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
            && (names.contains(&name) || says_so(name))
        {
            redactor.hide(name, value);
        }
    }
    redactor.with_shapes()
}

/// Whether the name of a variable says that it holds a secret. Those that a loop does not let through are
/// hidden too: a program may find them elsewhere.
fn says_so(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}
