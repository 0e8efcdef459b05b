//! All that records have said so far: loops, runs, memories, fetched texts. A fold; it asks nothing.

use std::collections::BTreeMap;

use crate::protocol::{
    DayCaps, Fact, Fetch, Inventory, LoopFacts, LoopRow, LoopState, MemoryText, Record, Review,
    RunId,
};
use crate::run::{Checkpoint, Digest};

use super::runs::{Phase, Run};
use super::transcripts::Transcript;

/// A kept text, as far as it was fetched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text {
    /// Its lines from the first on.
    pub lines: Vec<String>,
    /// Lines there are in all.
    pub total: u64,
}

impl Text {
    /// Whether all of it is here.
    pub fn whole(&self) -> bool {
        self.lines.len() as u64 >= self.total
    }
}

/// What is known.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The project's folder; empty before the first answer.
    pub project: String,
    /// Whether everything that was missing has arrived.
    pub attached: bool,
    /// Whether the host has gone and none has taken its place: what stands here is as it was.
    pub parted: bool,
    /// What the host cannot enforce, in words.
    pub warnings: Vec<String>,
    /// The loops, in the host's order.
    pub loops: Vec<LoopRow>,
    /// Runs that wait for their turn, the next one first.
    pub queue: Vec<RunId>,
    /// What all runs of a day may use up.
    pub caps: DayCaps,
    /// The runs.
    pub runs: BTreeMap<RunId, Run>,
    /// Memory files by loop.
    pub memories: BTreeMap<String, MemoryText>,
    /// Kept texts by digest.
    pub texts: BTreeMap<Digest, Text>,
    /// Whole files for editing.
    pub files: BTreeMap<(RunId, String), Text>,
    /// Transcripts by run.
    pub transcripts: BTreeMap<RunId, Transcript>,
    /// Loops whose history was sent, and whether there is more.
    pub history: BTreeMap<String, bool>,
    /// What loops would run, where it was asked.
    pub reviews: BTreeMap<String, Review>,
    /// What the machine has for loops, where it was asked.
    pub inventory: Option<Inventory>,
    /// Number of the newest journalled record.
    pub seq: u64,
}

impl World {
    /// Takes one record in; whether it is news, and not history that was fetched.
    ///
    /// A journalled record that a run has taken in already changes nothing: history may repeat it.
    pub fn apply(&mut self, record: &Record) -> bool {
        let news = record.seq == 0 || record.seq > self.seq;
        self.seq = self.seq.max(record.seq);
        match &record.fact {
            Fact::Run { run, event } => {
                let run = self.run(run, record.at);
                if record.seq == 0 || record.seq > run.seq {
                    run.seq = run.seq.max(record.seq);
                    run.apply(event, record.at);
                }
            }
            Fact::Attached { project, warnings } => {
                self.parted = false;
                self.attached = true;
                self.project.clone_from(project);
                self.warnings.clone_from(warnings);
            }
            Fact::Loops(loops) => self.loops.clone_from(loops),
            Fact::Grew { run, lines } => self.run(run, record.at).lines = *lines,
            Fact::Memory(memory) => self.remember(memory),
            Fact::MemoryConflict { theirs, .. } => self.remember(theirs),
            Fact::Lines { of, lines, total } => self.fetched(of, lines, *total),
            Fact::HistoryEnd { name, more } => {
                self.history.insert(name.clone(), *more);
            }
            Fact::Found(inventory) => self.inventory = Some(inventory.clone()),
            Fact::Review(review) => {
                self.reviews.insert(review.name.clone(), (**review).clone());
            }
            Fact::Waiting(runs) => self.queue.clone_from(runs),
            Fact::Caps(caps) => self.caps = *caps,
            Fact::Refused { .. }
            | Fact::Stalled { .. }
            | Fact::Unkept { .. }
            | Fact::Fired { .. }
            | Fact::Lapses(_)
            | Fact::Ticked(_)
            | Fact::Done { .. } => {}
            Fact::Leaving => self.parted = true,
        }
        news
    }

    fn remember(&mut self, memory: &MemoryText) {
        self.memories.insert(memory.name.clone(), memory.clone());
    }

    fn run(&mut self, id: &RunId, at: i64) -> &mut Run {
        self.runs
            .entry(id.clone())
            .or_insert_with(|| Run::new(id.clone(), at))
    }

    fn fetched(&mut self, of: &Fetch, lines: &[String], total: u64) {
        match of {
            Fetch::Text { digest, from, .. } => {
                let text = self.texts.entry(digest.clone()).or_default();
                text.total = total;
                // An answer that does not continue what is here was asked twice.
                if *from == text.lines.len() as u64 {
                    text.lines.extend_from_slice(lines);
                }
                // An empty answer is the end, whatever the total says; else it is asked for ever.
                if lines.is_empty() {
                    text.total = text.lines.len() as u64;
                }
            }
            Fetch::File { run, path } => {
                let text = Text {
                    lines: lines.to_vec(),
                    total,
                };
                self.files.insert((run.clone(), path.clone()), text);
            }
            Fetch::Transcript { run, from, .. } => {
                let known = &mut self.run(run, 0).lines;
                *known = if lines.is_empty() {
                    *from
                } else {
                    total.max(*known)
                };
                self.transcripts
                    .entry(run.clone())
                    .or_default()
                    .insert(*from, lines);
            }
            Fetch::Memory { .. }
            | Fetch::History { .. }
            | Fetch::Lapses { .. }
            | Fetch::Inventory => {}
        }
    }

    /// Which place a run has in the line of those that wait to work, and how many there are: from 1.
    pub fn place(&self, run: &Run) -> Option<(usize, usize)> {
        let place = self.queue.iter().position(|waits| *waits == run.id)?;
        Some((place + 1, self.queue.len()))
    }

    /// Runs that are under way and neither wait for a person nor for their turn.
    pub fn running(&self) -> usize {
        let waits =
            |run: &&Run| matches!(run.phase, Phase::Asking(..)) || self.place(run).is_some();
        self.active().filter(|run| !waits(run)).count()
    }

    /// Whether the host has just begun and has still to look at some loop.
    pub fn is_unexamined(&self) -> bool {
        self.loops.iter().any(LoopRow::is_unexamined)
    }

    /// Whether any trigger is switched off that could be armed again.
    pub fn is_any_off(&self) -> bool {
        let facts = self.loops.iter().filter_map(|row| self.facts(&row.name));
        facts
            .into_iter()
            .any(|facts| facts.off && facts.spec.enabled)
    }

    /// A loop by its name.
    pub fn row(&self, name: &str) -> Option<&LoopRow> {
        self.loops.iter().find(|row| row.name == name)
    }

    /// A loop's bones, if its file is valid.
    pub fn facts(&self, name: &str) -> Option<&LoopFacts> {
        match &self.row(name)?.state {
            LoopState::Valid(facts) => Some(facts),
            LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => None,
        }
    }

    /// The runs of a loop, newest first.
    pub fn runs_of<'a>(&'a self, name: &'a str) -> Vec<&'a Run> {
        let mut runs: Vec<&Run> = self.runs.values().filter(|r| r.name() == name).collect();
        runs.sort_by_key(|r| std::cmp::Reverse(r.number()));
        runs
    }

    /// The newest run of a loop that is known.
    pub fn newest(&self, name: &str) -> Option<&Run> {
        self.runs
            .values()
            .filter(|r| r.name() == name)
            .max_by_key(|r| r.number())
    }

    /// The newest run of a loop that is over, if it is known.
    pub fn last_ended(&self, name: &str) -> Option<&Run> {
        let ended = self.runs.values().filter(|r| r.name() == name);
        let ended = ended.filter(|r| r.ended_at().is_some() && r.wake.is_some());
        ended.max_by_key(|r| r.number())
    }

    /// Runs that are not over. Of one that is known by its transcript's length alone nobody has told that it began.
    pub fn active(&self) -> impl Iterator<Item = &Run> {
        let begun = self.runs.values().filter(|r| r.wake.is_some());
        begun.filter(|r| r.active())
    }

    /// Runs that wait for a person, the longest waiting first.
    pub fn waiting(&self) -> Vec<(&Run, &Checkpoint, i64)> {
        let mut all: Vec<_> = self
            .runs
            .values()
            .filter_map(|run| match &run.phase {
                Phase::Asking(checkpoint, since) => Some((run, &**checkpoint, *since)),
                Phase::Queued
                | Phase::Busy(..)
                | Phase::Held(_)
                | Phase::Paused(_)
                | Phase::Stopping
                | Phase::Ended(..) => None,
            })
            .collect();
        all.sort_by_key(|(run, _, since)| (*since, run.id.clone()));
        all
    }
}
