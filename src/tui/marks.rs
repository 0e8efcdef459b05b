//! Marks, words and roles for what runs and loops are doing: one place, so that list, header and
//! timeline say the same.

use crate::protocol::{LoopFacts, LoopRow, LoopState, Waking};
use crate::run::Stage;
use crate::run::{Ask, Author, CheckResult, Judgement, Limit, Mode, Outcome, counted};

use super::app::runs::{Iteration, Phase, Run};
use super::styles::Role;
use super::text::figures::{self, Moment};
use super::text::waking;

/// A mark with its role.
pub type Mark = (Role, &'static str);

/// `✓`
pub const OK: Mark = (Role::Ok, "✓");
/// `✗`
pub const FAIL: Mark = (Role::Fail, "✗");
/// `◆`
pub const ASKS: Mark = (Role::NeedsYou, "◆");
/// `●`
pub const RUNS: Mark = (Role::Running, "●");
/// `○`
pub const SLEEPS: Mark = (Role::Muted, "○");
/// `▲`
pub const TRIPPED: Mark = (Role::Warn, "▲");
/// `‖`
pub const HELD: Mark = (Role::Warn, "‖");
/// `–`
pub const OFF: Mark = (Role::Muted, "–");
/// `✎`
pub const EDITED: Mark = (Role::Accent, "✎");
/// `·`
pub const NOT_YET: Mark = (Role::Faint, "·");

/// The letter of a mode.
pub fn mode(mode: Mode) -> Mark {
    match mode {
        Mode::Training => (Role::ModeT, "T"),
        Mode::Supervised => (Role::ModeS, "S"),
        Mode::Autonomous => (Role::ModeA, "A"),
    }
}

/// Whether the death of its host would end what this run is at: a host that has just begun finds it so in
/// the journal, and has still to say what becomes of it.
pub fn may_be_cut_short(run: &Run) -> bool {
    match run.phase {
        Phase::Queued | Phase::Busy(..) | Phase::Stopping => true,
        Phase::Asking(..) | Phase::Held(_) | Phase::Paused(_) | Phase::Ended(..) => false,
    }
}

/// The mark of a loop's row, and its words: the longest that may be shown first, the shortest last.
///
/// A run that waits for its turn has a `place` in the line: which, from 1, and of how many.
pub fn row(
    row: &LoopRow,
    (run, place): (Option<&Run>, Option<(usize, usize)>),
    now: Moment,
) -> (Mark, Vec<String>) {
    let unknown = |run: &&Run| row.is_unexamined() && may_be_cut_short(run);
    if let Some(run) = run.filter(|r| r.active() && !unknown(r)) {
        if let (Some((place, of)), Phase::Busy(..)) = (place, &run.phase) {
            let words = vec![format!("queued {place}/{of}"), "queued".to_owned()];
            return (NOT_YET, words);
        }
        return under_way(run, now);
    }
    let facts = match &row.state {
        LoopState::Unexamined => return (NOT_YET, vec!["looking".to_owned()]),
        LoopState::Invalid { line, .. } => return (TRIPPED, vec![format!("line {line}")]),
        LoopState::Gone => return (TRIPPED, vec!["file is gone".to_owned(), "gone".to_owned()]),
        LoopState::Valid(facts) => facts,
    };
    if facts.distrust.is_some() {
        return (TRIPPED, vec!["review".to_owned()]);
    }
    if facts.off {
        return (OFF, vec!["off".to_owned()]);
    }
    match run.and_then(ended) {
        Some((outcome, _)) if stands(&facts.waking) => after(outcome, facts, now),
        Some((outcome, _)) if !outcome.goal_met() => {
            let (mark, word) = end_mark(outcome);
            // The list has room for one short word.
            let word = match outcome {
                Outcome::Exhausted => "used up",
                Outcome::CannotVerify(_) => "cannot",
                Outcome::Done
                | Outcome::Published
                | Outcome::Kept
                | Outcome::Stuck
                | Outcome::Budget
                | Outcome::Stopped => word,
            };
            (mark, vec![word.to_owned()])
        }
        Some((_, at)) if now.at(at).day() == now.day() => {
            let when = now.at(at).hm();
            (OK, vec![format!("{when} ok"), "ok".to_owned()])
        }
        Some(_) | None => rests(facts, now),
    }
}

/// Whether how the trigger stands is told before how the last run ended.
fn stands(waking: &Waking) -> bool {
    match waking {
        Waking::Manual | Waking::Unproven { .. } => false,
        Waking::Off { .. }
        | Waking::Expired { .. }
        | Waking::Disarmed { .. }
        | Waking::Armed { .. }
        | Waking::Asleep { .. }
        | Waking::Queued { .. } => true,
    }
}

/// A resting loop's words after a run that did not reach its goal: that is news beside the next wake, and is
/// told apart from it. What went well is no news.
fn after(outcome: &Outcome, facts: &LoopFacts, now: Moment) -> (Mark, Vec<String>) {
    let (mark, words) = rests(facts, now);
    if outcome.goal_met() {
        return (mark, words);
    }
    let ((_, end), _) = end_mark(outcome);
    let next = if let Waking::Armed { next: Some(_) } = facts.waking {
        "next "
    } else {
        ""
    };
    let long = words
        .first()
        .map(|word| format!("last {end} · {next}{word}"));
    let short = words.last().map(|word| format!("{end} → {word}"));
    (mark, long.into_iter().chain(short).chain(words).collect())
}

/// The mark and the words of a loop that has no run to tell of.
fn rests(facts: &LoopFacts, now: Moment) -> (Mark, Vec<String>) {
    let mark = match &facts.waking {
        Waking::Disarmed { .. } => TRIPPED,
        Waking::Expired { .. } => (Role::NeedsYou, "▲"),
        Waking::Armed { .. } | Waking::Asleep { .. } if facts.expires_soon(now.ms).is_some() => {
            TRIPPED
        }
        Waking::Queued { .. } => NOT_YET,
        Waking::Off { .. } => OFF,
        Waking::Manual | Waking::Unproven { .. } | Waking::Armed { .. } | Waking::Asleep { .. } => {
            SLEEPS
        }
    };
    (mark, waking::words(facts, now))
}

/// A run that is not over keeps its mark, whatever has become of its file: it flies by what it began with.
fn under_way(run: &Run, now: Moment) -> (Mark, Vec<String>) {
    let (mark, word) = phase(run);
    let at = match run.max_iterations() {
        0 => run.now().to_string(),
        max => format!("{}/{max}", run.now()),
    };
    let short = if run.now() == 0 {
        word.to_owned()
    } else {
        at.clone()
    };
    let long = match &run.phase {
        Phase::Busy(..) if run.now() > 0 => format!("iter {at}"),
        Phase::Asking(..) if run.now() > 0 && word == "asks" => format!("{word} {at}"),
        Phase::Busy(..)
        | Phase::Asking(..)
        | Phase::Queued
        | Phase::Held(_)
        | Phase::Stopping
        | Phase::Ended(..) => word.to_owned(),
        Phase::Paused(pause) => format!("at {}", now.at(pause.until_ms + 59_999).hm()),
    };
    (mark, vec![long, short])
}

fn ended(run: &Run) -> Option<(&Outcome, i64)> {
    match &run.phase {
        Phase::Ended(outcome, at) => Some((outcome, *at)),
        Phase::Queued
        | Phase::Busy(..)
        | Phase::Asking(..)
        | Phase::Held(_)
        | Phase::Paused(_)
        | Phase::Stopping => None,
    }
}

/// The mark and the word of where a run stands.
pub fn phase(run: &Run) -> (Mark, &'static str) {
    match &run.phase {
        Phase::Queued => (NOT_YET, "queued"),
        Phase::Busy(step, _) => (RUNS, stage(*step)),
        Phase::Asking(checkpoint, _) => match checkpoint.ask {
            Ask::Stuck { .. } => ((Role::NeedsYou, "▲"), "stuck"),
            Ask::Guardrail { .. } => ((Role::NeedsYou, "▲"), "tripped"),
            Ask::Prompt { .. }
            | Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Publish { .. }
            | Ask::Question { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => (ASKS, "asks"),
        },
        Phase::Held(_) => (HELD, "held"),
        Phase::Paused(_) => (HELD, "limited"),
        Phase::Stopping => (RUNS, "stopping"),
        Phase::Ended(outcome, _) => end_mark(outcome),
    }
}

/// The mark and the word of an end.
pub fn end_mark(outcome: &Outcome) -> (Mark, &'static str) {
    match outcome {
        Outcome::Done => (OK, "done"),
        Outcome::Published => (OK, "published"),
        Outcome::Kept => (OK, "kept as draft"),
        Outcome::Exhausted => (FAIL, "iterations used up"),
        Outcome::Stuck => (TRIPPED, "stuck"),
        Outcome::Budget => (FAIL, "budget"),
        Outcome::Stopped => (FAIL, "stopped"),
        Outcome::CannotVerify(_) => (TRIPPED, "cannot verify"),
    }
}

/// What a run does in a step.
pub fn stage(step: Stage) -> &'static str {
    match step {
        Stage::Prepare => "preparing",
        Stage::Compose => "composing",
        Stage::Work => "working",
        Stage::Rework => "taking the edit in",
        Stage::Check => "checking",
        Stage::Judge => "judging",
        Stage::Remember => "remembering",
        Stage::Forget => "taking the note out",
        Stage::Draft => "drafting",
        Stage::Publish => "publishing",
        Stage::Unpublish => "taking it back",
        Stage::Restore => "putting back",
    }
}

/// The mark of one iteration of a run, from 1.
pub fn iteration(run: &Run, number: usize) -> Mark {
    let Some(it) = number.checked_sub(1).and_then(|i| run.iterations.get(i)) else {
        return NOT_YET;
    };
    if number == run.now() && run.active() {
        let (mark, _) = phase(run);
        let publishing = it
            .verdict
            .as_ref()
            .is_some_and(crate::run::Verdict::approved);
        return if publishing && mark == RUNS { OK } else { mark };
    }
    verdict(it)
}

/// The mark of an iteration's verdict.
pub fn verdict(it: &Iteration) -> Mark {
    match &it.verdict {
        Some(v) if v.approved() => match &it.work {
            Some(work) if work.author == Author::Operator => EDITED,
            _ => OK,
        },
        Some(_) => FAIL,
        None => NOT_YET,
    }
}

/// The mark of one check.
pub fn check(result: &CheckResult) -> Mark {
    use crate::run::CheckOutcome as O;
    match result.outcome {
        O::Passed => OK,
        O::Failed { .. } | O::TimedOut | O::CannotRun(_) | O::Void(_) if result.required => FAIL,
        O::Failed { .. } | O::TimedOut | O::CannotRun(_) | O::Void(_) => TRIPPED,
        O::Skipped => NOT_YET,
    }
}

/// The figure of one check, or why there is none.
pub fn figure(result: &CheckResult) -> String {
    use crate::run::CheckOutcome as O;
    match &result.outcome {
        O::Passed | O::Failed { .. } if !result.figure.is_empty() => result.figure.clone(),
        O::Passed => "passed".to_owned(),
        O::Failed { code: Some(code) } => format!("exit {code}"),
        O::Failed { code: None } => "killed".to_owned(),
        O::TimedOut => "timed out".to_owned(),
        O::CannotRun(why) => format!("cannot run: {why}"),
        O::Void(why) => format!("does not count: {why}"),
        O::Skipped => "skipped".to_owned(),
    }
}

/// Mark and words of the judge's part; `None` where the loop has no judge.
pub fn judge(judgement: &Judgement) -> Option<(Mark, String)> {
    match judgement {
        Judgement::None => None,
        Judgement::NotAsked { because } => Some((NOT_YET, format!("not asked: {because} failed"))),
        Judgement::Open => Some((ASKS, "yours to answer".to_owned())),
        Judgement::Given(answer) => {
            let mark = if judgement.passes() { OK } else { FAIL };
            let met = answer.findings.iter().filter(|f| f.pass).count();
            Some((mark, format!("{met} of {} lines", answer.findings.len())))
        }
        Judgement::Unreadable { .. } => Some((FAIL, "unreadable".to_owned())),
    }
}

/// A limit that is reached, in words.
pub fn limit(limit: Limit) -> String {
    match limit {
        Limit::Tokens(used, cap) => {
            format!("{} of {} tokens", figures::short(used), figures::short(cap))
        }
        Limit::MicroUsd(used, cap) => {
            format!("{} of {}", figures::dollars(used), figures::dollars(cap))
        }
        Limit::Minutes(used, cap) => format!("{used} of {}", counted(cap, "minute")),
    }
}
