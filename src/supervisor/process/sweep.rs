//! The sweep: after host and keeper died together, find what they left by mark and by record.
//! Never by name. Needs `/proc`; elsewhere nothing is found, and the keeper is all there is.

use std::collections::HashSet;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::{MARK, tree};

/// Names one process for ever: ids are used again, but not with the same start in the same boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Process id.
    pub pid: i32,
    /// Start time, in clock ticks since boot.
    pub start: u64,
    /// The boot it belongs to.
    pub boot: String,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Processes that were found and are gone.
    pub killed: usize,
    /// Processes that could not be killed: they belong to another user, or the kernel holds them.
    pub left: usize,
}

/// Rounds before a sweep gives up on what does not die: about two seconds.
const ROUNDS: u32 = 60;

/// Kills every process that carries a mark beginning with `mark` or is in `records`, with all
/// descendants. Blocks until they are gone, at most about two seconds.
///
/// This process and its own ancestors are spared: a host may itself have been started from a run.
pub fn sweep(mark: &str, records: &[Record]) -> Swept {
    sweep_for(&Wanted {
        mark,
        records,
        session: None,
    })
}

/// What a sweep looks for.
pub(super) struct Wanted<'a> {
    /// What the mark begins with.
    pub(super) mark: &'a str,
    /// Recorded processes.
    pub(super) records: &'a [Record],
    /// The session of a keeper that died this moment: so soon its id cannot be in use again.
    pub(super) session: Option<u32>,
}

/// See [`sweep`].
pub(super) fn sweep_for(wanted: &Wanted<'_>) -> Swept {
    let spared = ancestry();
    let boot = tree::boot();
    let mut seen = HashSet::new();
    let mut left = 0;
    for attempt in 0..ROUNDS {
        let found = roots(wanted, &boot, &spared);
        left = found.len();
        if found.is_empty() {
            break;
        }
        let last = found.first().copied();
        let round = tree::kill_trees(found, &spared);
        let before = seen.len();
        seen.extend(round.found);
        if seen.len() == before {
            tree::nap(last, i64::from(attempt.min(50)));
        }
    }
    Swept {
        killed: seen.len().saturating_sub(left),
        left,
    }
}

/// The processes to begin with: marked, recorded or of the session; alive, and not spared.
fn roots(wanted: &Wanted<'_>, boot: &str, spared: &HashSet<Pid>) -> Vec<Pid> {
    let is_root = |pid: Pid| {
        let Some(stat) = tree::stat(pid).filter(|stat| !stat.dead) else {
            return false;
        };
        let id = pid.as_raw_nonzero().get();
        let recorded = |r: &Record| r.pid == id && r.start == stat.start && r.boot == boot;
        wanted.records.iter().any(recorded)
            || (wanted.session).is_some_and(|s| i64::from(s) == i64::from(stat.session))
            || tree::environment_has(pid, MARK, wanted.mark)
    };
    tree::all()
        .into_iter()
        .filter(|pid| !spared.contains(pid) && is_root(*pid))
        .collect()
}

/// This process and all above it.
fn ancestry() -> HashSet<Pid> {
    let mut line = HashSet::new();
    let mut next = Some(rustix::process::getpid());
    while let Some(pid) = next.filter(|&pid| line.insert(pid)) {
        next = tree::stat(pid).and_then(|stat| Pid::from_raw(stat.parent));
    }
    line
}
