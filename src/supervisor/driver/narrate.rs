//! What the transcript says of a run's own events, beside what the worker says. Pure.

use crate::run::{
    Answer, Ask, CheckResult, Checkpoint, Event, Judgement, Outcome, Prompt, Receipt, Verdict, Work,
};
use crate::supervisor::clock::Clock;
use crate::supervisor::worker::transcript::Kind;

/// What is told when work is ended by a limit.
const LIMIT_HIT: &str = "a limit is reached; stopping the work";

/// The entries of one event, in order: kind and text.
pub(super) fn entries(event: &Event, clock: &Clock) -> Vec<(Kind, String)> {
    match event {
        Event::Woke(wake) => vec![(Kind::Wake, wake.by.clone())],
        Event::Prepared(ground) => std::iter::once(&ground.workspace)
            .chain(&ground.notices)
            .map(|line| (Kind::Wake, line.clone()))
            .collect(),
        Event::Composed { prompt } => vec![(Kind::Prompt, prompt_line(prompt))],
        Event::Asked(checkpoint) => vec![(Kind::Held, held_line(checkpoint))],
        Event::Decided {
            checkpoint,
            digest,
            decision,
            ..
        } => {
            let answered = decision.answer().past();
            let line = format!("{answered} {checkpoint} {}", digest.short());
            vec![(Kind::You, line)]
        }
        // What the worker claims stands in the transcript already, in its own place.
        Event::Worked(work) => work_lines(work),
        Event::Checked { results, .. } => vec![(Kind::Checks, checks_line(results))],
        Event::Ruled(verdict) => vec![(who_ruled(verdict), verdict_line(verdict))],
        Event::Remembered { note } if !note.is_empty() => {
            vec![(Kind::Memory, note_line(note))]
        }
        Event::Forgotten => vec![(Kind::Memory, "the note is taken out again".to_owned())],
        Event::Drafted { paths, .. } if !paths.is_empty() => {
            vec![(Kind::File, format!("draft {}", paths.join(", ")))]
        }
        Event::Moved(offer) => vec![(Kind::Publish, offer.moved_in_words())],
        Event::Published(receipt) => vec![(Kind::Publish, published(receipt))],
        Event::Unpublished => vec![(Kind::Publish, "taken back".to_owned())],
        Event::Failed(failure) => vec![(Kind::Error, failure.cause.clone())],
        Event::Held { .. } => vec![(Kind::Held, "held; space goes on".to_owned())],
        Event::Paused(pause) => {
            let until = clock.when(pause.until_ms);
            let waits = format!("waits for the limit until {until}; space asks again now");
            vec![(Kind::Error, pause.cause.clone()), (Kind::Held, waits)]
        }
        Event::StopAsked => vec![(Kind::You, "stop".to_owned())],
        Event::LimitHit(_) => vec![(Kind::Error, LIMIT_HIT.to_owned())],
        Event::Undone { checkpoint, answer } => vec![(Kind::You, undone_line(checkpoint, *answer))],
        Event::RestoreAsked { .. } | Event::RestoreUndone | Event::Restored { .. } => {
            vec![(Kind::You, restore_line(event))]
        }
        Event::Resumed => vec![(Kind::Wake, "picked up again".to_owned())],
        Event::Ended(outcome) => vec![(Kind::End, outcome_words(outcome))],
        Event::Began { .. }
        | Event::Permitted { .. }
        | Event::Used(_)
        | Event::Reserved(_)
        | Event::Took { .. }
        | Event::Judged { .. }
        | Event::Remembered { .. }
        | Event::Drafted { .. }
        | Event::HoldAsked(_)
        | Event::Closing(_) => Vec::new(),
    }
}

fn restore_line(event: &Event) -> String {
    if let Event::RestoreAsked { iteration } = event {
        format!("files back to before iteration {iteration}")
    } else if let Event::Restored { tree } = event {
        format!("workspace is back at {}", short(tree))
    } else {
        "took the restore back".to_owned()
    }
}

fn work_lines(work: &Work) -> Vec<(Kind, String)> {
    let refused = work.breaches.iter().map(|breach| {
        let line = format!("refused by {} and put back: {}", breach.rule, breach.tried);
        (Kind::Guardrail, line)
    });
    let flags = work.flags.iter();
    refused
        .chain(flags.map(|flag| (Kind::Guardrail, format!("look at {}", flag.line()))))
        .collect()
}

fn note_line(note: &str) -> String {
    let lines = note.lines().count();
    format!("+{lines} {}", if lines == 1 { "line" } else { "lines" })
}

fn short(tree: &str) -> &str {
    tree.get(..8).unwrap_or(tree)
}

fn prompt_line(prompt: &Prompt) -> String {
    let by_hand = match (prompt.edited, prompt.without_skill) {
        (_, true) => " · edited by you, without the skill's text",
        (true, false) => " · edited by you",
        (false, false) => "",
    };
    let sizes = prompt.sizes().into_iter();
    let parts: Vec<String> = sizes.map(|(part, size)| format!("{part} {size}")).collect();
    let sum = if parts.is_empty() {
        String::new()
    } else {
        format!(" = {}", parts.join(" + "))
    };
    format!("≈{} tok{sum}{by_hand}", prompt.tokens())
}

fn held_line(checkpoint: &Checkpoint) -> String {
    let at = match checkpoint.ask {
        Ask::Prompt { .. } => "before the prompt is sent",
        Ask::Work { .. } => "before checks",
        Ask::Verdict { .. } => "after the verdict",
        Ask::Publish { .. } => "before anything goes live",
        Ask::Question { .. } => "the worker asks",
        Ask::Guardrail { .. } => "a guardrail refused something",
        Ask::Stuck { .. } => "the run repeats itself",
        Ask::Permission { .. } => "the agent wants leave",
        Ask::Budget { .. } => "a limit is reached",
        Ask::Error { .. } => "something failed",
    };
    format!("{at} · waiting for you")
}

fn checks_line(results: &[CheckResult]) -> String {
    let mark = |r: &CheckResult| if r.passed() { "✓" } else { "✗" };
    let words: Vec<String> = results
        .iter()
        .map(|r| format!("{} {}", mark(r), r.name))
        .collect();
    words.join(" ")
}

/// Whose word a verdict is.
fn who_ruled(verdict: &Verdict) -> Kind {
    if verdict.judgement == Judgement::None {
        Kind::Verdict
    } else {
        Kind::Judge
    }
}

fn verdict_line(verdict: &Verdict) -> String {
    let word = if verdict.approved() {
        "APPROVED"
    } else {
        "NOT APPROVED"
    };
    match &verdict.judgement {
        Judgement::Given(answer) => {
            let said = answer
                .findings
                .iter()
                .find(|f| !f.pass)
                .or(answer.findings.first());
            match said {
                Some(finding) => format!("{word} · “{}”", finding.evidence),
                None => word.to_owned(),
            }
        }
        Judgement::NotAsked { because } => format!("{word} · judge not asked: {because} failed"),
        Judgement::Open => "your turn: answer the rubric".to_owned(),
        Judgement::Unreadable { why, .. } => format!("{word} · unreadable verdict: {why}"),
        Judgement::None => word.to_owned(),
    }
}

fn undone_line(checkpoint: &crate::run::CheckpointId, answer: Answer) -> String {
    format!("took back: {} {checkpoint}", answer.past())
}

fn published(receipt: &Receipt) -> String {
    match receipt.already {
        None => receipt.place.clone(),
        Some(_) => receipt.in_words(),
    }
}

fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done: approved, the draft is kept".to_owned(),
        Outcome::Published => "done: approved and published".to_owned(),
        Outcome::Kept => "done: approved, kept as a draft".to_owned(),
        Outcome::Exhausted => "not approved: all iterations are used".to_owned(),
        Outcome::Stuck => "stopped where it was stuck".to_owned(),
        Outcome::Budget => "stopped at its limit".to_owned(),
        Outcome::Stopped => "stopped; transcript, memory and any draft are kept".to_owned(),
        Outcome::CannotVerify(why) => format!("cannot start: {why}"),
    }
}
