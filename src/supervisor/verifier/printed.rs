//! What one vote of a command judge printed: JSON by a program, or the stream of an agent, whose last
//! message holds the answer and whose figures say what it cost.

use super::answer::{self, Vote};
use super::judge::unreadable;
use crate::run::inert::cut;
use crate::run::spec::Format;
use crate::run::{Judgement, Usage};
use crate::supervisor::process::{Ending, Exit, Sink, Tail, Watched};
use crate::supervisor::worker::stream::{self, End, Lines, Outcome, Reader, Report, Sessions};

/// Most bytes of a program's answer; more is no answer.
const MOST_PRINTED: usize = 256 * 1024;

/// Bytes of standard error kept for the reason of a failure.
const ERROR_TAIL: usize = 4 * 1024;

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
    ) -> (Result<Vote, Judgement>, Usage) {
        let estimate = Usage::estimate(asked as u64, self.total);
        if watched.ending == Ending::TimedOut {
            let why = "it was not done in time and was killed".to_owned();
            return (Err(unreadable(why, &self.text())), estimate);
        }
        let stderr = std::mem::replace(&mut self.err, Tail::new(0)).text();
        let Some(report) = self.report(watched.exit, &stderr) else {
            return (self.program(watched.exit, &stderr, rubric), estimate);
        };
        let plan = self.agent.is_some_and(|(_, reader)| reader.plan());
        let usage = report.spent.map_or(estimate, |spent| spent.usage(plan));
        let vote = match &report.outcome {
            Outcome::Done | Outcome::NeedsYou { .. } => answer::read(&report.text, rubric),
            Outcome::Failed { why } => Err(format!("it failed: {why}")),
            Outcome::Interrupted => Err("it stopped in the middle".to_owned()),
        };
        (vote.map_err(|why| unreadable(why, &report.text)), usage)
    }

    fn program(&self, exit: Exit, stderr: &str, rubric: usize) -> Result<Vote, Judgement> {
        let why = match exit {
            Exit::Code(0) if self.total > MOST_PRINTED as u64 => {
                format!("it printed more than {} KiB", MOST_PRINTED / 1024)
            }
            Exit::Code(0) => match answer::read(&self.text(), rubric) {
                Ok(vote) => return Ok(vote),
                Err(why) => why,
            },
            exit @ (Exit::Code(_) | Exit::Signal(_) | Exit::KeeperLost) => {
                let last = stderr.lines().next_back().unwrap_or_default();
                cut(format!("{exit}: {last}").trim_end_matches(": "), 200)
            }
        };
        Err(unreadable(why, &self.text()))
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
