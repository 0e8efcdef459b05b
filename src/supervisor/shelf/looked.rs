//! What the files of a loop say of it as they stand, for its row and for a run of it. It may take long to find out,
//! and is found out beside the supervisor's thread.

use super::Cause;
use super::granted::{drawn_for_audit, granted};
use crate::config::loops::LoopFile;
use crate::run::{Digest, LoopSpec, Wake};
use crate::supervisor::Settings;
use crate::supervisor::journal::Past;
use crate::supervisor::plain;
use crate::supervisor::sandbox::terms::Terms;
use crate::supervisor::site::places;
use crate::supervisor::trust::Trust;

/// What a run of this loop would begin with now; the error is one line.
pub(super) fn wake(
    file: &LoopFile,
    past: &Past,
    cause: Cause,
    settings: &Settings,
) -> Result<Wake, String> {
    let spec = file.spec.clone().ok_or_else(|| {
        let why = file
            .first_error()
            .map(|e| e.message.clone())
            .unwrap_or_default();
        format!("its file is invalid: {why}; `checkride check` shows where")
    })?;
    if let Some(why) = Trust::of(settings).standing(file).why() {
        let name = &file.name;
        return Err(format!(
            "not trusted: {why}; `checkride trust {name}` shows what it would run"
        ));
    }
    let (mode, _) = granted(&spec, &settings.grants);
    if let Some(why) = terms(&spec, settings).refuses() {
        return Err(why);
    }
    let next = past.last_number + 1;
    places::own(&settings.project, &spec, next)?;
    let number = places::free(&settings.project, &spec, next)?;
    let skill = plain::skill(&settings.project, &spec)
        .map_err(|why| format!("its skill cannot be read: {why}"))?;
    let guardrails = &spec.guardrails;
    let goal = (&spec.goal.checks, &spec.goal.judge);
    let pinned = Digest::of_value(&(goal, guardrails, &spec.publish, &file.pinned));
    Ok(Wake {
        number,
        mode,
        audit: drawn_for_audit(mode, &pinned, settings.clock.now_ms()),
        date: settings.clock.date(),
        by: cause.by,
        fired: cause.fired,
        pinned,
        skill: skill.digest,
        not_enforced: not_enforced(file, &spec, settings),
        published_before: past.published,
        spec,
    })
}

/// What the files of a loop say of it, beyond the loop file: all that may take long to find out.
pub(super) struct Looked {
    /// Why nothing of it runs.
    pub(super) distrust: Option<String>,
    /// The digest of its skill, where that can be read.
    pub(super) skill: Option<Digest>,
    pub(super) not_enforced: Vec<String>,
    pub(super) in_force: Vec<String>,
}

impl Looked {
    /// `None` for a loop file that has no loop.
    pub(super) fn at(file: &LoopFile, settings: &Settings) -> Option<Self> {
        let spec = file.spec.as_ref()?;
        let skill = plain::skill(&settings.project, spec).ok();
        Some(Self {
            distrust: Trust::of(settings).standing(file).why(),
            skill: skill.map(|skill| skill.digest),
            not_enforced: not_enforced(file, spec, settings),
            in_force: terms(spec, settings).in_force(),
        })
    }
}

/// What the processes of this loop are confined by on this machine.
fn terms<'a>(spec: &'a LoopSpec, settings: &'a Settings) -> Terms<'a> {
    Terms::of(settings.powers.known(), spec, &settings.project)
}

/// What neither this build nor this machine enforces of what the file says.
fn not_enforced(file: &LoopFile, spec: &LoopSpec, settings: &Settings) -> Vec<String> {
    let mut lines = file.not_enforced.clone();
    lines.extend(terms(spec, settings).not_enforced());
    lines
}
