//! The judge: a separate examiner that answers the rubric. It sees goal, output and evidence only,
//! as quoted data; never the worker's reasoning. How an answer is read lies in `answer`.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::answer::{self, Vote};
use super::printed::{NoVote, Printed};
use super::wording;
use crate::run::inert::{cut, inert, inert_lines};
use crate::run::spec::{Format, Judge, JudgeKind};
use crate::run::{CheckResult, Failure, Judgement, Purse, Stage, Usage};
use crate::supervisor::clock::Clock;
use crate::supervisor::limit::Met;
use crate::supervisor::process::{self, Ending, Halt, Home, Limits, Stdin};
use crate::supervisor::provider::{Grant, Left};

/// Characters of an unreadable answer that are kept.
const RAW_CHARS: usize = 2_000;

/// Fewest tokens that hold an answer.
const LEAST_ANSWER: u32 = 256;

/// Most votes of one judge.
pub(super) const MOST_VOTES: u32 = 9;

/// What a judge is asked: one JSON object, all of it data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question<'a> {
    /// What should be true.
    pub goal: &'a str,
    /// One yes-or-no line each.
    pub rubric: &'a [String],
    /// What the worker brought out.
    pub output: Output,
    /// What the checks said.
    pub checks: Vec<CheckSeen<'a>>,
    /// What fixed rules found in the output that the judge should know: `test: tests/a.py changed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// How to look.
    pub stance: &'a str,
}

/// What is judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Whole files.
    Files(Vec<FileSeen>),
    /// A patch against the base.
    Diff(String),
}

/// One file as a judge sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileSeen {
    /// Path in the workspace.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// One check as a judge sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckSeen<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it passed.
    pub passed: bool,
    /// Its figure.
    pub figure: &'a str,
    /// Its last lines.
    pub evidence: &'a str,
}

impl<'a> From<&'a CheckResult> for CheckSeen<'a> {
    fn from(check: &'a CheckResult) -> Self {
        Self {
            name: &check.name,
            passed: check.passed(),
            figure: &check.figure,
            evidence: &check.evidence,
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// An answer, readable or not.
    Answered {
        /// What it says.
        judgement: Judgement,
        /// What it cost; estimated where nothing tells it.
        usage: Usage,
        /// Time it took, in milliseconds.
        took_ms: u64,
    },
    /// It was asked to stop.
    Halted,
    /// It could not be asked.
    Failed(Failure),
    /// Its usage limit is reached, and ends; what it cost until then.
    Limited(Met, Usage),
    /// What the run has left may not hold its answer; one line of why, and what it cost until then.
    NoRoom(Purse, String, Usage),
}

/// Where a command judge runs.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// Its home and what it is confined to.
    pub home: &'a Home,
    /// The clean checkout of what it judges.
    pub checkout: &'a Path,
    /// By which the end of a usage limit is told.
    pub clock: &'a Clock,
    /// What the run may still use.
    pub left: Left,
}

/// Asks a command judge as often as it has votes, each in a process of its own, one after another.
///
/// A judge with a format is an agent: it is asked in words.
pub async fn ask_command(
    command: &[String],
    judge: &Judge,
    question: &Question<'_>,
    seat: Seat<'_>,
    halt: &watch::Receiver<Halt>,
) -> Asked {
    let format = match &judge.kind {
        JudgeKind::Command { format, .. } => *format,
        JudgeKind::Http(_) | JudgeKind::Human | JudgeKind::Script { .. } => None,
    };
    let input = match input(format, question) {
        Ok(input) => input,
        Err(why) => return failed(why),
    };
    let (mut votes, mut usage, mut took_ms) = (Vec::new(), Usage::default(), 0);
    let mut unreadable = None;
    let asks = Usage::estimate(input.len() as u64, 0).tokens;
    for _ in 0..judge.votes.clamp(1, MOST_VOTES) {
        if let Grant::Short(left) = seat.left.less(usage.tokens).grant(asks, LEAST_ANSWER) {
            return short(command, asks, left, usage);
        }
        let order = seat
            .home
            .order(command.to_vec(), seat.checkout, Stdin::Piped);
        let running = match process::spawn(order).await {
            Ok(running) => running,
            Err(refused) => return failed(refused.why),
        };
        let limits = Limits {
            timeout: Duration::from_secs(judge.timeout_s),
            halt: halt.clone(),
        };
        let mut printed = Printed::new(format);
        let watched = process::watch(running, &input, limits, &mut printed).await;
        if watched.ending == Ending::Halted {
            return Asked::Halted;
        }
        took_ms += watched.took_ms;
        let (vote, spent) = printed.read(&watched, input.len(), question.rubric.len(), seat.clock);
        usage = usage.plus(spent);
        match vote {
            Ok(vote) => votes.push(vote),
            Err(NoVote::Limited(met)) => return Asked::Limited(met, usage),
            Err(NoVote::Unreadable(said)) => {
                // One unreadable vote leaves no majority that anyone could trust.
                unreadable = Some(said);
                break;
            }
        }
    }
    let judgement =
        unreadable.unwrap_or_else(|| Judgement::Given(answer::majority(question.rubric, &votes)));
    Asked::Answered {
        judgement,
        usage,
        took_ms,
    }
}

/// What is left does not hold another question and the shortest of answers.
fn short(command: &[String], asks: u64, left: Left, usage: Usage) -> Asked {
    let program = command.first().map_or("the judge", String::as_str);
    let cause = format!(
        "the run's budget has {} tokens left, and asking {program} takes some {asks} before it answers: \
         raise {} in [guardrails.budget], or ask for less",
        left.tokens,
        left.purse.key()
    );
    Asked::NoRoom(left.purse, cause, usage)
}

/// What a judge reads: one JSON object, or words around it where it is an agent.
fn input(format: Option<Format>, question: &Question<'_>) -> Result<Vec<u8>, String> {
    match format {
        Some(_) => wording::whole(question).map(String::into_bytes),
        None => serde_json::to_vec(question)
            .map_err(|e| format!("the question cannot be written as JSON: {e}")),
    }
}

pub(super) fn failed(cause: String) -> Asked {
    Asked::Failed(Failure::new(Stage::Judge, cause))
}

pub(super) fn unreadable(why: String, raw: &str) -> Judgement {
    Judgement::Unreadable {
        why,
        raw: cut(&inert_lines(raw.trim()), RAW_CHARS),
    }
}

/// A scripted judge for the demo and for tests: the n-th answer to the n-th call, the last ever after.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The answers, at least one.
    pub answer: Vec<Answer>,
}

/// One answer of a scripted judge: `lines` in the rubric's order, or `raw` text instead.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// One per rubric line.
    #[serde(default)]
    pub lines: Vec<Said>,
    /// What to remember.
    #[serde(default)]
    pub note: Option<String>,
    /// What it prints instead, readable or not.
    #[serde(default)]
    pub raw: Option<String>,
    /// Time it takes, in milliseconds, times the pace.
    #[serde(default)]
    pub sleep_ms: u64,
}

/// One line of a scripted answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Yes or no.
    pub pass: bool,
    /// Why.
    pub evidence: String,
}

impl Script {
    /// Reads a script; one line of what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let script: Self = toml::from_str(text).map_err(|e| inert(e.message()).into_owned())?;
        if script.answer.is_empty() {
            return Err("a script needs at least one [[answer]]".to_owned());
        }
        Ok(script)
    }

    /// The answer to the `call`th call, from 1, read like any judge's.
    pub fn judge(&self, call: u32, rubric: &[String]) -> Judgement {
        let Some(answer) = self.answer(call) else {
            return unreadable("its script is empty".to_owned(), "");
        };
        let printed = match &answer.raw {
            Some(raw) => raw.clone(),
            None => answer.print(),
        };
        match answer::read(&printed, rubric.len()) {
            Ok(vote) => Judgement::Given(answer::majority(rubric, &[vote])),
            Err(why) => unreadable(why, &printed),
        }
    }

    /// How long the `call`th answer takes, before the pace.
    pub fn takes(&self, call: u32) -> Duration {
        Duration::from_millis(self.answer(call).map_or(0, |a| a.sleep_ms))
    }

    fn answer(&self, call: u32) -> Option<&Answer> {
        self.answer
            .get(call.max(1) as usize - 1)
            .or(self.answer.last())
    }
}

impl Answer {
    fn print(&self) -> String {
        let lines = self.lines.iter().enumerate().map(|(i, said)| answer::Line {
            n: i + 1,
            pass: said.pass,
            evidence: said.evidence.clone(),
        });
        let vote = Vote {
            lines: lines.collect(),
            note: self.note.clone(),
        };
        serde_json::to_string(&vote).unwrap_or_default()
    }
}
