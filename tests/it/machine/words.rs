//! Steps in words: one line per event and effect, short enough to read a whole run at a glance.

use checkride::run::{Attempt, Effect, Event, Limit, Outcome, Stage, Step};

/// A whole step: its events, then its effect or why it was refused.
pub(super) fn step(step: &Step) -> String {
    let mut words: Vec<String> = step.events.iter().map(event).collect();
    match &step.refused {
        Some(why) => words.push(format!("! {why}")),
        None => words.push(format!("-> {}", effect(&step.effect))),
    }
    words.join(" ")
}

/// A stage's name, as in the journal.
pub(super) fn stage(stage: Stage) -> String {
    serde_json::to_value(stage)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

/// An outcome without its cause.
pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Published => "published",
        Outcome::Kept => "kept",
        Outcome::Exhausted => "exhausted",
        Outcome::Stuck => "stuck",
        Outcome::Budget => "budget",
        Outcome::Stopped => "stopped",
        Outcome::CannotVerify(_) => "cannot-verify",
    }
}

fn event(event: &Event) -> String {
    match event {
        Event::Woke(_) => "woke".to_owned(),
        Event::Prepared(_) => "prepared".to_owned(),
        Event::Began { iteration, stage } => format!("began:{}", at(*stage, *iteration)),
        Event::Composed { prompt } if prompt.edited => "composed:by-hand".to_owned(),
        Event::Composed { .. } => "composed".to_owned(),
        Event::Asked(checkpoint) => format!("asked:{}", checkpoint.ask.kind()),
        Event::Decided { decision, .. } => decision.answer().past().to_owned(),
        Event::Permitted { allowed, .. } => format!("permitted:{allowed}"),
        Event::Used(_) => "used".to_owned(),
        Event::Reserved(_) => "reserved".to_owned(),
        Event::Took { ms } => format!("took:{ms}"),
        Event::Paused(pause) => format!("paused:{}", stage(pause.stage)),
        Event::Worked(_) => "worked".to_owned(),
        Event::Checked { .. } => "checked".to_owned(),
        Event::Judged { .. } => "judged".to_owned(),
        Event::Ruled(verdict) if verdict.approved() => "ruled:approved".to_owned(),
        Event::Ruled(_) => "ruled:no".to_owned(),
        Event::Remembered { .. } => "remembered".to_owned(),
        Event::Forgotten => "forgotten".to_owned(),
        Event::Drafted { .. } => "drafted".to_owned(),
        Event::Moved(_) => "moved".to_owned(),
        Event::Published(_) => "published".to_owned(),
        Event::Unpublished => "unpublished".to_owned(),
        Event::Restored { .. } => "restored".to_owned(),
        Event::Failed(failure) => format!("failed:{}", stage(failure.stage)),
        Event::HoldAsked(on) => format!("hold:{on}"),
        Event::Held { iteration, next } => format!("held:{}", at(*next, *iteration)),
        Event::StopAsked => "stop-asked".to_owned(),
        Event::LimitHit(Limit::Tokens(..)) => "limit:tokens".to_owned(),
        Event::LimitHit(Limit::MicroUsd(..)) => "limit:money".to_owned(),
        Event::LimitHit(Limit::Minutes(..)) => "limit:minutes".to_owned(),
        Event::RestoreAsked { iteration } => format!("restore-asked:{iteration}"),
        Event::RestoreUndone => "restore-undone".to_owned(),
        Event::Closing(how) => format!("closing:{}", outcome(how)),
        Event::Undone { .. } => "undone".to_owned(),
        Event::Resumed => "resumed".to_owned(),
        Event::Ended(how) => format!("ended:{}", outcome(how)),
    }
}

fn at(of: Stage, iteration: u32) -> String {
    match iteration {
        1 => stage(of),
        later => format!("{}@{later}", stage(of)),
    }
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Continue => "continue".to_owned(),
        Effect::Wait => "wait".to_owned(),
        Effect::WaitUntil { at_ms } => format!("wait until {at_ms}"),
        Effect::Prepare => "prepare".to_owned(),
        Effect::Compose { feedback } => with_text("compose", feedback),
        Effect::Adopt { text } => with_text("adopt", text),
        Effect::Work { from, .. } => format!("work {from}"),
        Effect::Rework { from, path, .. } => format!("rework {from} {path}"),
        Effect::Reinstate { tree, .. } => format!("reinstate {tree}"),
        Effect::Check { tree } => format!("check {tree}"),
        Effect::Judge { tree, .. } => format!("judge {tree}"),
        Effect::Remember { note } => with_text("remember", note),
        Effect::Forget { note } => with_text("forget", note),
        Effect::Draft { tree, offer: true } => format!("draft {tree} offer"),
        Effect::Draft { tree, offer: false } => format!("draft {tree}"),
        Effect::Publish { tree, attempt, .. } => format!("publish {tree}{}", said(*attempt)),
        Effect::Unpublish { attempt, .. } => format!("unpublish{}", said(*attempt)),
        Effect::Restore { tree } => format!("restore {tree}"),
        Effect::Permit { call, allowed, .. } => format!("permit {call} {allowed}"),
        Effect::Halt => "halt".to_owned(),
        Effect::Finish => "finish".to_owned(),
    }
}

fn said(attempt: Attempt) -> &'static str {
    match attempt {
        Attempt::Once => "",
        Attempt::Anew => " anew",
        Attempt::MarkDone => " mark-done",
    }
}

fn with_text(word: &str, text: &str) -> String {
    if text.is_empty() {
        word.to_owned()
    } else {
        format!("{word} \"{}\"", text.replace('\n', " / "))
    }
}
