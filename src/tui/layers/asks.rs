//! The words of the ten kinds of question: where the run stands, what each answer does.

use crate::run::spec::JudgeKind;
use crate::run::{AfterVerdict, Ask, LoopSpec, Mode, Stage, Stops};
use crate::tui::app::decide::{Question, open_rubric};
use crate::tui::app::runs::Run;
use crate::tui::text;

/// The four answers in words, long and short; empty where the kind does not take one.
pub struct Words {
    /// For wide screens.
    pub long: [String; 4],
    /// For narrow ones.
    pub short: [&'static str; 4],
}

/// Where the run stands, for the bar.
pub fn place(ask: &Ask) -> &'static str {
    match ask {
        Ask::Prompt { .. } => "before the prompt is sent",
        Ask::Work { .. } => "after the work, before checks",
        Ask::Verdict { .. } => "after the verdict",
        Ask::Publish { .. } => "before anything goes live",
        Ask::Question { .. } => "the worker asks",
        Ask::Guardrail { .. } => "a guardrail refused something",
        Ask::Stuck { .. } => "stuck",
        Ask::Permission { .. } => "a tool call wants leave",
        Ask::Budget { .. } => "a limit is reached",
        Ask::Error { .. } => "something failed",
    }
}

/// The same in a word or two.
pub fn short_place(ask: &Ask) -> &'static str {
    match ask {
        Ask::Prompt { .. } => "before prompt",
        Ask::Work { .. } => "after work",
        Ask::Verdict { .. } => "after verdict",
        Ask::Publish { .. } => "before publish",
        Ask::Question { .. } => "question",
        Ask::Guardrail { .. } => "guardrail",
        Ask::Stuck { .. } => "stuck",
        Ask::Permission { .. } => "permission",
        Ask::Budget { .. } => "budget",
        Ask::Error { .. } => "error",
    }
}

/// What each answer does.
pub fn answers(question: &Question<'_>, open: bool) -> Words {
    if let (Ask::Verdict { then, .. }, false) = (&question.checkpoint.ask, open) {
        return verdict(question, *then);
    }
    let (long, short) = fixed(&question.checkpoint.ask);
    let mut long = long.map(str::to_owned);
    let mut short = short;
    if question.day.is_some() {
        // It can help nothing before the day ends.
        long[1].clear();
        short[1] = "";
    }
    if let Ask::Work { .. } = question.checkpoint.ask {
        long[0] = format!("approve → {}", examiners(question));
    }
    Words { long, short }
}

/// The words that depend on the kind alone, long and short.
#[rustfmt::skip]
fn fixed(ask: &Ask) -> ([&'static str; 4], [&'static str; 4]) {
    match ask {
        Ask::Prompt { .. } => (
            ["approve → send", "edit this prompt", "recompose from files", "stop run"],
            ["approve → send", "edit prompt", "recompose", "stop run"],
        ),
        Ask::Work { .. } => (
            ["approve → check", "edit the draft", "retry with a note", "stop run"],
            ["approve → check", "edit draft", "retry + note", "stop run"],
        ),
        Ask::Verdict { .. } => (
            ["hand in your answers (1–9 set them)", "the same, with reasons", "verify again", "stop run"],
            ["hand in (1–9 set)", "with reasons", "again", "stop run"],
        ),
        Ask::Publish { typed: true, .. } => (
            ["type the digest → publish", "edit draft", "one more iteration", "keep as draft"],
            ["type digest → publish", "edit", "iterate", "keep as draft"],
        ),
        Ask::Publish { typed: false, .. } => (
            ["approve → publish", "edit draft", "one more iteration", "keep as draft"],
            ["approve → publish", "edit", "iterate", "keep as draft"],
        ),
        Ask::Question { .. } => (
            ["", "answer", "let it choose, with a note", "stop run"],
            ["", "answer", "let it choose", "stop run"],
        ),
        Ask::Guardrail { .. } => (
            ["go on without it", "allow it once", "retry with a note", "stop run"],
            ["without it", "allow once", "retry + note", "stop run"],
        ),
        Ask::Stuck { .. } => (
            ["one more try", "edit goal, skill or memory", "start fresh with a note", "stop run"],
            ["try once more", "edit files", "fresh + note", "stop run"],
        ),
        Ask::Permission { .. } => (
            ["allow once", "allow for this run", "deny, with a note", "stop run"],
            ["allow once", "allow in run", "deny + note", "stop run"],
        ),
        Ask::Budget { .. } => (
            ["", "raise the cap for this run", "", "stop run, keep the draft"],
            ["", "raise the cap", "", "stop, keep draft"],
        ),
        Ask::Error { failure } if failure.maybe_done => (
            ["mark as done", "edit files", "run it again", "leave it"],
            ["mark done", "edit files", "run again", "leave it"],
        ),
        Ask::Error { .. } => (
            ["try again", "edit files", "try again with a note", "stop run"],
            ["try again", "edit files", "again + note", "stop run"],
        ),
    }
}

fn verdict(question: &Question<'_>, then: AfterVerdict) -> Words {
    let (long, short) = match then {
        AfterVerdict::NextIteration => {
            let next = question.checkpoint.iteration + 1;
            (
                format!("agree → save note, iteration {next}"),
                "agree → next",
            )
        }
        AfterVerdict::Exhausted => ("agree → end, not approved".to_owned(), "agree → end"),
        AfterVerdict::Publish => ("agree → publish checkpoint".to_owned(), "agree → publish?"),
        AfterVerdict::Done => ("agree → done, keep the draft".to_owned(), "agree → done"),
    };
    Words {
        long: [
            long,
            "change verdict or note".into(),
            "verify again".into(),
            "stop run".into(),
        ],
        short: [short, "change it", "verify again", "stop run"],
    }
}

/// `4 checks + judge`
pub fn examiners(question: &Question<'_>) -> String {
    let Some(wake) = &question.run.wake else {
        return "checks".to_owned();
    };
    let goal = &wake.spec.goal;
    let checks = text::figures::count(goal.checks.len(), "check");
    match goal.judge.as_ref().map(|j| &j.kind) {
        Some(JudgeKind::Human) => format!("{checks}, then you judge"),
        Some(JudgeKind::Command { .. } | JudgeKind::Http(_) | JudgeKind::Script { .. }) => {
            format!("{checks} + judge")
        }
        None => checks,
    }
}

/// The worker in words: `claude -p`.
pub fn worker(spec: &LoopSpec) -> String {
    text::cut(&spec.worker.kind.words(), 40)
}

/// The checkpoint that a run comes to next, if nothing goes wrong before.
pub fn next(run: &Run, step: Stage) -> &'static str {
    let Some(wake) = &run.wake else { return "" };
    let stops = Stops {
        mode: wake.mode,
        audit: wake.audit,
    };
    match step {
        Stage::Prepare | Stage::Compose if stops.at_prompt() => {
            "next checkpoint: before the prompt"
        }
        Stage::Prepare | Stage::Compose | Stage::Work | Stage::Rework if stops.at_work(false) => {
            "next checkpoint: after the work"
        }
        Stage::Check | Stage::Judge if stops.at_verdict(false) => {
            "next checkpoint: after the verdict"
        }
        Stage::Prepare
        | Stage::Compose
        | Stage::Work
        | Stage::Rework
        | Stage::Check
        | Stage::Judge
        | Stage::Remember
        | Stage::Forget
        | Stage::Draft
        | Stage::Publish
        | Stage::Unpublish
        | Stage::Restore => "asks on doubt and before publish",
    }
}

/// Whether the operator is the judge of this run.
fn is_yours(question: &Question<'_>) -> bool {
    let wake = question.run.wake.as_ref();
    let judge = wake.and_then(|wake| wake.spec.goal.judge.as_ref());
    judge.is_some_and(|judge| judge.kind == JudgeKind::Human)
}

/// Why the operator is asked, in a few sentences.
pub fn why(question: &Question<'_>) -> Vec<String> {
    let training = question
        .run
        .wake
        .as_ref()
        .is_some_and(|w| w.mode == Mode::Training);
    let audit = question.run.wake.as_ref().is_some_and(|w| w.audit);
    let mode = if training {
        "training asks at every step."
    } else if audit {
        "this run was drawn for an audit."
    } else {
        "something here is in doubt."
    };
    let short = question.checkpoint.digest.short();
    let then = match &question.checkpoint.ask {
        Ask::Prompt { .. } => "Nothing has been sent yet. Approve sends these bytes and no others.".to_owned(),
        Ask::Work { .. } => "Checks have not run yet. The work lies in its own workspace; your own tree is untouched.".to_owned(),
        Ask::Verdict { .. } if open_rubric(question) > 0 => {
            return vec!["You are the judge of this loop.".to_owned(), "1–9 answer the rubric lines, a hands them in; the verdict is then shown again, for you to agree to.".to_owned()];
        }
        Ask::Verdict { .. } if is_yours(question) => "The rubric was answered by you; nobody else judged.".to_owned(),
        Ask::Verdict { .. } => "If you change the verdict it counts as a disagreement.".to_owned(),
        Ask::Publish { .. } => {
            let bound = format!("Approval is bound to digest {short}. If the draft changes, you are asked again.");
            return vec!["publish always asks, in every mode.".to_owned(), bound];
        }
        Ask::Question { .. } => return vec!["The worker asked instead of working. Nothing was verified.".to_owned()],
        Ask::Guardrail { .. } => return vec!["What was tried is already put back. The rest of the work is kept.".to_owned()],
        Ask::Stuck { .. } => return vec!["Going on unchanged would likely bring the same again.".to_owned()],
        Ask::Permission { .. } => return vec!["The agent waits; nothing was done yet.".to_owned()],
        Ask::Budget { .. } if question.day.is_some() => return vec!["No further step begins before the day ends, or its cap is raised in its file. Waiting costs nothing.".to_owned()],
        Ask::Budget { .. } => return vec!["No further step begins until the cap is raised. Approving cannot spend.".to_owned()],
        Ask::Error { .. } => return vec!["Nothing is lost. The cause stands on the page.".to_owned()],
    };
    vec![mode.to_owned(), then]
}
