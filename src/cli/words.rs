//! Events and questions in words: one plain line each, the same for `run`, `show` and `log`.

mod question;

pub(super) use question::{as_quoted, question};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::protocol::Lapse;
use crate::run::{
    CheckOutcome, CheckResult, Decision, Edit, Event, Ground, Judgement, Limit, Outcome, Prompt,
    Stage, Usage, Verdict, Work, counted,
};

/// What arms a trigger that is off or whose time is over.
pub(super) const ARM: &str = "`checkride arm`";

/// What happened, in one line; `None` for what is too small to tell.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Woke(wake) => format!("woke: {}, {}", wake.by, wake.mode.word()),
        Event::Prepared(ground) => prepared(ground),
        Event::Began { iteration, stage } => format!("{} (iteration {iteration})", doing(*stage)),
        Event::Composed { prompt } => composed(prompt),
        Event::Asked(open) => format!("asks: {} {} {}", open.id, open.ask.kind(), open.digest),
        Event::Decided {
            checkpoint,
            digest,
            decision,
            by,
        } => {
            let what = decided(decision);
            format!(
                "decided: {checkpoint} {what} by {by}, digest {}",
                digest.short()
            )
        }
        Event::Permitted { allowed: true, .. } => "allowed the tool call".to_owned(),
        Event::Permitted { allowed: false, .. } => "refused the tool call".to_owned(),
        Event::Used(_) | Event::Reserved(_) | Event::Took { .. } | Event::Closing(_) => {
            return None;
        }
        Event::Paused(pause) => format!(
            "waits for the limit until {}: {}",
            until(pause.until_ms),
            pause.cause
        ),
        Event::Worked(work) => format!("work: {}", size(work)),
        Event::Checked { results, .. } => {
            let shown: Vec<String> = results.iter().map(check).collect();
            listed("checks:", &shown)
        }
        Event::Judged {
            judgement: found, ..
        } => format!("judge: {}", judgement(found)),
        Event::Ruled(verdict) => format!("verdict: {}", ruling(verdict)),
        Event::Remembered { note } if note.is_empty() => return None,
        Event::Remembered { note } => format!("remembered: {}", one_line(note)),
        Event::Forgotten => "took the note out again".to_owned(),
        Event::Drafted { paths, .. } => listed("draft:", paths),
        Event::Moved(offer) => offer.moved_in_words(),
        Event::Published(receipt) => receipt.in_words(),
        Event::Unpublished => "took the publication back".to_owned(),
        Event::Restored { tree } => format!("workspace put back to {tree}"),
        Event::Failed(failure) => format!("failed: {}", failure.cause),
        Event::HoldAsked(true) => "hold asked for".to_owned(),
        Event::HoldAsked(false) => "told to go on".to_owned(),
        Event::Held { iteration, .. } => format!("held in iteration {iteration}"),
        Event::StopAsked => "stop asked for".to_owned(),
        Event::LimitHit(hit) => format!("limit reached: {}", limit(*hit)),
        Event::RestoreAsked { iteration } => format!("restore asked for: iteration {iteration}"),
        Event::RestoreUndone => "restore taken back".to_owned(),
        Event::Undone { checkpoint, answer } => {
            format!("taken back: {checkpoint}, which was {}", answer.past())
        }
        Event::Resumed => "picked up again".to_owned(),
        Event::Ended(end) => format!("ended: {}", outcome(end)),
    })
}

fn composed(prompt: &Prompt) -> String {
    let by = match (prompt.edited, prompt.without_skill) {
        (_, true) => ", edited by hand, without the skill's text: this run proves nothing of it",
        (true, false) => ", edited by hand",
        (false, false) => "",
    };
    format!("prompt: about {}{by}", counted(prompt.tokens(), "token"))
}

/// The end of something, local: `2026-06-12 18:00`. A minute that has begun is not over.
pub(super) fn until(at_ms: i64) -> String {
    at(at_ms.saturating_add(59_999))
}

/// A moment, local: `2026-06-12 18:00`.
pub(super) fn at(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms);
    let at = at.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::system());
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

fn prepared(ground: &Ground) -> String {
    let notices = ground.notices.iter().map(|n| format!("; {n}"));
    format!("ready: {}{}", ground.workspace, notices.collect::<String>())
}

/// How a run ended, in words.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "goal met".to_owned(),
        Outcome::Published => "goal met and published".to_owned(),
        Outcome::Kept => "goal met, kept as a draft".to_owned(),
        Outcome::Exhausted => "not approved, all iterations used".to_owned(),
        Outcome::Stuck => "stuck".to_owned(),
        Outcome::Budget => "limit reached".to_owned(),
        Outcome::Stopped => "stopped".to_owned(),
        Outcome::CannotVerify(why) => format!("cannot verify: {why}"),
    }
}

/// Which step is in flight, in words.
pub(super) fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Prepare => "making the workspace ready",
        Stage::Compose => "putting the prompt together",
        Stage::Work => "the worker is at work",
        Stage::Rework => "putting the change into the workspace",
        Stage::Check => "running the checks",
        Stage::Judge => "asking the judge",
        Stage::Remember => "saving the note",
        Stage::Forget => "taking the note out",
        Stage::Draft => "writing the draft",
        Stage::Publish => "publishing",
        Stage::Unpublish => "taking the publication back",
        Stage::Restore => "putting the workspace back",
    }
}

/// The step that a reached limit holds back, in words.
pub(super) fn held_back(stage: Stage) -> &'static str {
    match stage {
        Stage::Work => "asking the worker",
        Stage::Prepare
        | Stage::Compose
        | Stage::Rework
        | Stage::Check
        | Stage::Judge
        | Stage::Remember
        | Stage::Forget
        | Stage::Draft
        | Stage::Publish
        | Stage::Unpublish
        | Stage::Restore => doing(stage),
    }
}

/// What a decision was, with the content that it carries.
pub(super) fn decided(decision: &Decision) -> String {
    let past = decision.answer().past();
    match decision {
        Decision::Approve { .. } | Decision::Abort | Decision::Retry { note: None } => {
            past.to_owned()
        }
        Decision::Retry { note: Some(note) } => format!("{past}: {}", one_line(note)),
        Decision::Edit(edit) => format!("{past}: {}", edited(edit)),
    }
}

fn edited(edit: &Edit) -> String {
    match edit {
        Edit::Prompt { .. } => "the prompt".to_owned(),
        Edit::File { path, .. } => path.clone(),
        Edit::Verdict { lines, .. } if lines.is_empty() => "note or feedback".to_owned(),
        Edit::Verdict { lines, .. } => counted(lines.len() as u64, "rubric line"),
        Edit::Answer { text } => one_line(text),
        Edit::AllowOnce => "allowed once".to_owned(),
        Edit::AllowForRun => "allowed for this run".to_owned(),
        Edit::Raise { .. } => "raised the limit".to_owned(),
        Edit::Files => "files changed, read again".to_owned(),
    }
}

fn ruling(verdict: &Verdict) -> String {
    let word = if verdict.approved() {
        "approved"
    } else if verdict.judgement == Judgement::Open && verdict.first_failed().is_none() {
        "waits for your answers to the rubric"
    } else {
        "not approved"
    };
    match verdict.first_failed() {
        Some(failed) => format!("{word}: {}", check(failed)),
        None => word.to_owned(),
    }
}

fn check(result: &CheckResult) -> String {
    let how = match &result.outcome {
        CheckOutcome::Passed => "passed".to_owned(),
        CheckOutcome::Failed { code: Some(code) } => format!("failed with {code}"),
        CheckOutcome::Failed { code: None } => "ended by a signal".to_owned(),
        CheckOutcome::TimedOut => "took too long".to_owned(),
        CheckOutcome::CannotRun(why) => format!("cannot run: {why}"),
        CheckOutcome::Void(why) => format!("does not count: {why}"),
        CheckOutcome::Skipped => "not run".to_owned(),
    };
    let figure = if result.figure.is_empty() {
        String::new()
    } else {
        format!(" ({})", result.figure)
    };
    let weight = if result.required {
        ""
    } else {
        ", not required"
    };
    format!("{} {how}{figure}{weight}", result.name)
}

fn judgement(judgement: &Judgement) -> String {
    match judgement {
        Judgement::None => "none".to_owned(),
        Judgement::NotAsked { because } => format!("not asked, {because} failed"),
        Judgement::Open => "waits for you".to_owned(),
        Judgement::Given(answer) => {
            let met = answer.findings.iter().filter(|f| f.pass).count();
            format!(
                "{met} of {} met",
                counted(answer.findings.len() as u64, "rubric line")
            )
        }
        Judgement::Unreadable { why, .. } => format!("unreadable: {why}"),
    }
}

fn size(work: &Work) -> String {
    let (added, removed) = work.size();
    match work.changes.len() {
        0 => "nothing changed".to_owned(),
        1 => format!("1 file, +{added} -{removed}"),
        n => format!("{n} files, +{added} -{removed}"),
    }
}

fn limit(limit: Limit) -> String {
    match limit {
        Limit::Tokens(used, cap) => format!("{used} of {}", counted(cap, "token")),
        Limit::MicroUsd(used, cap) => format!("${} of ${}", dollars(used), dollars(cap)),
        Limit::Minutes(used, cap) => format!("{used} of {}", counted(cap, "minute")),
    }
}

fn dollars(micro: u64) -> String {
    format!("{}.{:02}", micro / 1_000_000, micro % 1_000_000 / 10_000)
}

/// Tokens and money: `12431 tokens, $0.41`. What is reckoned has «about»; an unknown cost is said.
pub(super) fn spent(used: Usage) -> String {
    if used == Usage::default() {
        return "nothing spent".to_owned();
    }
    let about = |is: bool| if is { "about " } else { "" };
    let tokens = format!("{}{}", about(used.estimated), counted(used.tokens, "token"));
    let paid = used.micro_usd.map_or_else(
        || "cost unknown".to_owned(),
        |micro| format!("{}${}", about(used.priced), dollars(micro)),
    );
    match used.plan_micro_usd {
        0 => format!("{tokens}, {paid}"),
        plan => format!("{tokens}, {paid} and ${} by the plan", dollars(plan)),
    }
}

fn listed(head: &str, rest: &[String]) -> String {
    if rest.is_empty() {
        return head.to_owned();
    }
    format!("{head} {}", rest.join(", "))
}

/// A text on one line, its lines parted by a slash.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    lines.join(" / ")
}

/// What should have run and did not: `9 wakes without a run since 8 h 0 min ago, the last 3 min ago: no host
/// was running`.
pub(super) fn missed(lapse: &Lapse, now_ms: i64) -> String {
    let ago = |at: i64| duration((now_ms - at).max(0));
    let since = (lapse.first < lapse.at).then(|| format!(" since {} ago", ago(lapse.first)));
    format!(
        "{} without a run{}, the last {} ago: {}",
        counted(lapse.count.into(), "wake"),
        since.unwrap_or_default(),
        ago(lapse.at),
        lapse.why
    )
}

/// A duration that a person can grasp: `850 ms`, `12 s`, `3 min`, `2 h 5 min`.
pub(super) fn duration(ms: i64) -> String {
    let s = ms / 1000;
    match s {
        i64::MIN..=0 if ms > 0 => format!("{ms} ms"),
        i64::MIN..=0 => "0 s".to_owned(),
        1..=119 => format!("{s} s"),
        120..=7_199 => format!("{} min", s / 60),
        7_200..=172_799 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        172_800.. => format!("{} days", s / 86_400),
    }
}
