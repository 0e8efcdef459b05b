//! Rules across the tables of one loop file (PRODUCT §4.3). Pure: what needs the disk is in
//! `files.rs`.

use crate::config::quantity;
use crate::config::reader::Problems;
use crate::run::Mode;
use crate::run::spec::{Independence, JudgeKind, NoteBy, PROTECTED_ALWAYS, Sandbox, Trigger};

use super::globs;
use super::independence::{Agent, Closeness, closeness};
use super::judge::JudgePart;
use super::parts::Parts;
use super::worker::WorkerPart;

/// Reports every rule that the file breaks.
pub(super) fn rules(parts: &Parts, problems: &Problems<'_>) {
    schedule_fits(parts, problems);
    proves_itself(parts, problems);
    training_only(parts, problems);
    autonomy(parts, problems);
    write_patterns(parts, problems);
    draft_is_named(parts, problems);
    if let Some(worker) = &parts.worker
        && let Some(judge) = parts.goal.as_ref().and_then(|goal| goal.judge.as_ref())
    {
        independence(worker, judge, problems);
    }
}

/// A run must be able to end before the next one begins.
fn schedule_fits(parts: &Parts, problems: &Problems<'_>) {
    let minutes = parts.guardrails.spec.budget.minutes;
    let Some(gap) = parts.trigger.as_ref().and_then(|trigger| trigger.gap) else {
        return;
    };
    if gap.value < minutes * 60 {
        problems.error(
            gap.span,
            format!(
                "it wakes every {}, and a run may take {}",
                quantity::words(gap.value),
                quantity::words(minutes * 60)
            ),
            format!(
                "wake it less often, or write `minutes_per_run = {}` in [guardrails.budget]",
                (gap.value / 60).max(1)
            ),
        );
    }
}

/// What a command examines or publishes cannot be a file that nothing names.
fn draft_is_named(parts: &Parts, problems: &Problems<'_>) {
    let checks = parts.goal.iter().flat_map(|goal| &goal.checks);
    let judge = parts.goal.iter().filter_map(|goal| goal.judge.as_ref());
    let publish = parts.publish.iter().flat_map(|publish| &publish.programs);
    let programs = checks.map(|check| &check.argv);
    let programs = programs.chain(judge.filter_map(|judge| judge.argv.as_ref()));
    let mut words = programs.chain(publish).flat_map(|argv| &argv.value);
    let draft = words.find(|word| word.value.contains("{draft}"));
    if let (Some(word), None) = (draft, &parts.output.artefact) {
        problems.error(
            word.span,
            "`{draft}` stands for no file: [output] names no artefact",
            "add [output] with kind = \"files\" and artefact = \"drafts/{date}-{slug}.md\"",
        );
    }
}

/// A loop that wakes by itself should have been seen at work before.
fn proves_itself(parts: &Parts, problems: &Problems<'_>) {
    let wakes = parts
        .trigger
        .as_ref()
        .is_some_and(|trigger| trigger.spec != Trigger::Manual);
    let at = parts.skill.as_ref().and_then(|skill| skill.unproven_at);
    if let Some(at) = at.filter(|_| wakes) {
        problems.warn(
            at,
            "`proven_min = 0` lets its trigger wake a loop that nobody has ever seen at work",
            "write 1 or more, or leave the line out: three accepted runs by hand are the default",
        );
    }
}

/// What is allowed only while a person looks at every step.
fn training_only(parts: &Parts, problems: &Problems<'_>) {
    let Some(mode) = parts
        .guardrails
        .mode
        .filter(|mode| mode.value != Mode::Training)
    else {
        return;
    };
    let asked = mode.value.word();
    let refuse = |span, what: &str, help: &str| {
        problems.error(
            span,
            format!("{what} is allowed in training only, and the mode is {asked}"),
            help,
        );
    };
    let judge = parts.goal.as_ref().and_then(|goal| goal.judge.as_ref());
    if let Some(judge) = judge.filter(|j| j.spec.kind == JudgeKind::Human) {
        refuse(
            judge.kind_at,
            "a human judge",
            "write mode = \"training\", or another judge",
        );
    }
    let context = parts
        .worker
        .as_ref()
        .and_then(|worker| worker.fresh_context);
    if let Some(context) = context.filter(|c| !c.value) {
        refuse(
            context.span,
            "`fresh_context = false`",
            "remove it, or write mode = \"training\"",
        );
    }
    if let Some(note) = parts.memory.note.filter(|n| n.value == NoteBy::Worker) {
        refuse(
            note.span,
            "`note = \"worker\"`",
            "write note = \"verdict\", or mode = \"training\"",
        );
    }
    if let Some(sandbox) = parts.guardrails.sandbox.filter(|s| s.value == Sandbox::Off) {
        refuse(
            sandbox.span,
            "`sandbox = \"off\"`",
            "write sandbox = \"auto\", or mode = \"training\"",
        );
    }
}

/// Autonomy without verification is risk on a schedule.
fn autonomy(parts: &Parts, problems: &Problems<'_>) {
    let Some(mode) = parts
        .guardrails
        .mode
        .filter(|mode| mode.value == Mode::Autonomous)
    else {
        return;
    };
    if !parts.guardrails.own_budget {
        problems.error(
            mode.span,
            "an autonomous loop has a budget of its own, and this file sets none",
            "add [guardrails.budget] with `tokens_per_run`",
        );
    }
    let checked = parts
        .goal
        .as_ref()
        .is_some_and(|goal| goal.checks.iter().any(|c| c.spec.required));
    if !checked {
        problems.error(
            mode.span,
            "an autonomous loop has a required check, and this file has none",
            "add a [[goal.verify.checks]] with a command that passes or fails",
        );
    }
}

/// A pattern that could only ever name protected paths allows nothing.
fn write_patterns(parts: &Parts, problems: &Problems<'_>) {
    for pattern in &parts.guardrails.write {
        if let Some(cover) = globs::wholly_inside(&pattern.value, &PROTECTED_ALWAYS) {
            problems.error(
                pattern.span,
                format!(
                    "`{}` lies wholly inside `{cover}`, which no worker may write",
                    pattern.value
                ),
                "remove it, or name paths outside the protected ones",
            );
        }
    }
}

/// An agent must not be the only judge of its own work.
fn independence(worker: &WorkerPart, judge: &JudgePart, problems: &Problems<'_>) {
    let asked = judge.spec.independence;
    let word = match asked {
        Independence::Context => "context",
        Independence::Model => "model",
        Independence::Provider => "provider",
    };
    let (Some(working), Some(judging)) = (
        Agent::working(&worker.spec.kind, worker.spec.model.as_deref()),
        Agent::judging(&judge.spec.kind, judge.spec.model.as_deref()),
    ) else {
        return;
    };
    let at = judge.argv.as_ref().map_or(judge.kind_at, |argv| argv.span);
    match closeness(&working, &judging, asked) {
        Closeness::Apart => {}
        Closeness::Same => problems.error(
            at,
            "the judge is the same command and model as the worker, so that it would grade itself",
            "name another agent, another model, or type = \"human\"",
        ),
        Closeness::NearerThanAsked => problems.error(
            at,
            format!(
                "the judge must be of another {word} than the worker, and nothing in the file shows that it is"
            ),
            match asked {
                Independence::Provider => "name an agent of another provider, such as codex beside claude",
                Independence::Context | Independence::Model => "name the models of both with `model = \"…\"`",
            },
        ),
        Closeness::SameModel => problems.warn(
            at,
            "the judge may be the same model as the worker: an unknown model counts as the same",
            "name the models of both with `model = \"…\"`",
        ),
    }
}
