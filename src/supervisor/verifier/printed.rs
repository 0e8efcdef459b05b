//! What one vote of a command judge printed: JSON by a program, or the stream of an agent, whose last
//! message holds the answer and whose figures say what it cost.

use super::answer::{self, Vote};
use super::judge::unreadable;
use crate::run::inert::cut;
use crate::run::spec::Format;
use crate::run::{Judgement, Usage};
use crate::supervisor::clock::Clock;
use crate::supervisor::limit::{self, Met};
use crate::supervisor::process::{Ending, Exit, Sink, Tail, Watched};
use crate::supervisor::worker::stream::{self, End, Lines, Outcome, Reader, Report, Sessions};

/// Most bytes of a program's answer; more is no answer.
const MOST_PRINTED: usize = 256 * 1024;

/// Bytes of standard error kept for the reason of a failure.
const ERROR_TAIL: usize = 4 * 1024;

/// Why there is no vote.
pub(super) enum NoVote {
    /// What it printed is no answer.
    Unreadable(Judgement),
    /// It ended at a usage limit and says when that ends.
    Limited(Met),
}

/// One vote, as it is printed.
pub(super) struct Printed {
    out: Vec<u8>,
    total: u64,
    err: Tail,
    /// Set where it is an agent that prints events.
    agent: Option<(Lines, Box<dyn Reader>)>,
}

impl Printed {
    /// Nothing yet; `format` is set where the judge is an agent.
    pub(super) fn new(format: Option<Format>) -> Self {
        let events = format.filter(|format| *format != Format::Text);
        let agent = events.map(|format| {
            let reader = stream::reader(format, &Sessions::new());
            (Lines::new(reader.longest_line()), reader)
        });
        Self {
            out: Vec::new(),
            total: 0,
            err: Tail::new(ERROR_TAIL),
            agent,
        }
    }

    /// The vote, or why there is none; and what it cost, an estimate where nothing tells it.
    pub(super) fn read(
        mut self,
        watched: &Watched,
        asked: usize,
        rubric: usize,
        clock: &Clock,
    ) -> (Result<Vote, NoVote>, Usage) {
        let estimate = Usage::estimate(asked as u64, self.total);
        if watched.ending == Ending::TimedOut {
            let why = "it was not done in time and was killed".to_owned();
            return (Err(self.unreadable(why)), estimate);
        }
        let stderr = std::mem::replace(&mut self.err, Tail::new(0)).text();
        let Some(report) = self.report(watched.exit, &stderr) else {
            let vote = self.program(watched.exit, &stderr, rubric, clock);
            return (vote, estimate);
        };
        let plan = self.agent.is_some_and(|(_, reader)| reader.plan());
        let usage = report.spent.map_or(estimate, |spent| spent.usage(plan));
        (agent(&report, &stderr, rubric, clock), usage)
    }

    fn program(
        &self,
        exit: Exit,
        stderr: &str,
        rubric: usize,
        clock: &Clock,
    ) -> Result<Vote, NoVote> {
        let why = match exit {
            Exit::Code(0) if self.total > MOST_PRINTED as u64 => {
                format!("it printed more than {} KiB", MOST_PRINTED / 1024)
            }
            Exit::Code(0) => match answer::read(&self.text(), rubric) {
                Ok(vote) => return Ok(vote),
                Err(why) => why,
            },
            exit @ (Exit::Code(_) | Exit::Signal(_) | Exit::KeeperLost) => {
                let printed = self.text();
                let words = limit::last_lines(stderr).chain(limit::last_lines(&printed));
                if let Some(met) = limit::met(words, &clock.here()) {
                    return Err(NoVote::Limited(met));
                }
                let last = stderr.lines().next_back().unwrap_or_default();
                cut(format!("{exit}: {last}").trim_end_matches(": "), 200)
            }
        };
        Err(self.unreadable(why))
    }

    fn unreadable(&self, why: String) -> NoVote {
        NoVote::Unreadable(unreadable(why, &self.text()))
    }

    fn report(&mut self, exit: Exit, stderr: &str) -> Option<Report> {
        let (lines, reader) = self.agent.as_mut()?;
        lines.rest(&mut |line, left_out| reader.line(line, left_out, &mut |_, _| {}));
        let end = End { exit, stderr };
        Some(reader.finish(&end, &mut |_, _| {}))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// The vote of an agent: its last message, if it came to its end.
fn agent(report: &Report, stderr: &str, rubric: usize, clock: &Clock) -> Result<Vote, NoVote> {
    let none = |why| NoVote::Unreadable(unreadable(why, &report.text));
    let (why, said) = match &report.outcome {
        Outcome::Done | Outcome::NeedsYou { .. } => {
            return answer::read(&report.text, rubric).map_err(none);
        }
        Outcome::Failed { why } => (format!("it failed: {why}"), why.as_str()),
        Outcome::Interrupted => ("it stopped in the middle".to_owned(), ""),
    };
    let told = report.limited_until_ms.map(|until_ms| Met {
        until_ms,
        cause: why.clone(),
    });
    let words = std::iter::once(said).chain(limit::last_lines(stderr));
    let met = told
        .filter(|met| met.until_ms > clock.now_ms())
        .or_else(|| limit::met(words, &clock.here()));
    Err(met.map_or_else(|| none(why), NoVote::Limited))
}

impl Sink for Printed {
    fn stdout(&mut self, bytes: &[u8]) {
        if let Some((lines, reader)) = &mut self.agent {
            lines.each(bytes, &mut |line, left_out| {
                reader.line(line, left_out, &mut |_, _| {});
            });
        }
        let room = MOST_PRINTED.saturating_sub(self.out.len()).min(bytes.len());
        self.out
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.total += bytes.len() as u64;
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.err.push(bytes);
    }

    fn enough(&self) -> bool {
        let reader = self.agent.as_ref().map(|(_, reader)| reader);
        reader.is_some_and(|reader| reader.enough().is_some())
    }
}
