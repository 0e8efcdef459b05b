//! A session: one command's conversation with the supervisor, and what it has been told so far.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Exit, Fail};
use crate::link::Link;
use crate::protocol::{Command, DayRoom, Fact, LoopRow, LoopState, Record, RunId};
use crate::run::{Checkpoint, CheckpointId, Event, Phase, Run};

/// A conversation.
#[derive(Debug)]
pub struct Session {
    link: Link,
    /// How its decisions are signed.
    pub by: String,
    /// Where the reader's clock stands.
    pub zone: TimeZone,
    /// What it knows.
    pub known: Known,
}

/// What the supervisor has told.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The loops as they stand.
    pub loops: Vec<LoopRow>,
    /// The journalled records of each run.
    pub runs: BTreeMap<RunId, Vec<Record>>,
    /// Runs that wait for their turn to work, the next one first.
    pub queue: Vec<RunId>,
    /// What the operator should know of the host.
    pub warnings: Vec<String>,
}

/// A question that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The run that blocks on it.
    pub run: RunId,
    /// The question.
    pub checkpoint: Checkpoint,
    /// The record that asked it.
    pub record: Record,
}

impl Session {
    /// Attaches, and listens until everything that stands has been told.
    pub async fn open(link: Link, by: String) -> Result<Self, Fail> {
        let known = Known::default();
        let zone = TimeZone::system();
        let mut session = Self {
            link,
            by,
            zone,
            known,
        };
        let by = session.by.clone();
        let early = false;
        session
            .ask(Command::Attach {
                since: 0,
                by,
                early,
            })
            .await?;
        loop {
            if let Fact::Attached { warnings, .. } = session.next().await?.fact {
                session.known.warnings = warnings;
                return Ok(session);
            }
        }
    }

    /// Sends a command.
    pub async fn ask(&self, command: Command) -> Result<(), Fail> {
        self.link.commands.send(command).await.map_err(|_| gone())
    }

    /// The next record, taken in already.
    pub async fn next(&mut self) -> Result<Record, Fail> {
        let record = self.link.records.recv().await.ok_or_else(gone)?;
        self.known.take_in(&record);
        Ok(record)
    }

    /// Waits until the supervisor is gone, or says why it stays.
    pub async fn until_gone(mut self) -> Result<(), Fail> {
        while let Some(record) = self.link.records.recv().await {
            refused(&record.fact, "host", Exit::Refused)?;
        }
        Ok(())
    }
}

/// Fails where this fact refuses what was asked under this name. Others are refused things, too:
/// what is said about them is not about this.
pub fn refused(fact: &Fact, asked: &str, exit: Exit) -> Result<(), Fail> {
    if let Fact::Refused { what, why } = fact
        && what == asked
    {
        return Err(exit.because(why));
    }
    Ok(())
}

/// Fails where this fact says that what happened to this run cannot be written down yet; `kept` is
/// what becomes of the command meanwhile.
pub fn stalled(fact: &Fact, run: &RunId, kept: &str) -> Result<(), Fail> {
    if let Fact::Stalled { run: of, why } = fact
        && of == run
    {
        return Err(Exit::Trouble.because(format!("{why}; {kept}")));
    }
    Ok(())
}

/// A moment as the reader's clock shows it.
pub(super) fn clock(at: i64, zone: &TimeZone) -> String {
    let moment = Timestamp::from_millisecond(at).unwrap_or_default();
    moment
        .to_zoned(zone.clone())
        .strftime("%H:%M:%S")
        .to_string()
}

fn gone() -> Fail {
    Exit::Trouble
        .because("the host ended before it answered; the same command again shows what stands")
}

impl Known {
    /// Takes one record in.
    pub fn take_in(&mut self, record: &Record) {
        match &record.fact {
            Fact::Run { run, .. } => {
                let records = self.runs.entry(run.clone()).or_default();
                // Answers may repeat what was told before.
                if records.last().is_none_or(|last| last.seq < record.seq) {
                    records.push(record.clone());
                }
            }
            Fact::Loops(rows) => self.loops.clone_from(rows),
            Fact::Waiting(runs) => self.queue.clone_from(runs),
            Fact::Attached { .. }
            | Fact::Caps(_)
            | Fact::Grew { .. }
            | Fact::Memory(_)
            | Fact::Lines { .. }
            | Fact::HistoryEnd { .. }
            | Fact::Lapses(_)
            | Fact::Found(_)
            | Fact::Review(_)
            | Fact::Refused { .. }
            | Fact::Stalled { .. }
            | Fact::Unkept { .. }
            | Fact::MemoryConflict { .. }
            | Fact::Fired { .. }
            | Fact::Ticked(_)
            | Fact::Leaving
            | Fact::Done { .. } => {}
        }
    }

    /// The loop of this name, which can be used.
    pub fn usable(&self, name: &str) -> Result<&LoopRow, Fail> {
        let row = self.row(name)?;
        match &row.state {
            LoopState::Valid(_) => Ok(row),
            LoopState::Unexamined => Err(Exit::Trouble.because(format!(
                "the host still looks at the loop {name}; the same command again"
            ))),
            LoopState::Gone => Err(Exit::Unknown.because(format!(
                "{}; what is under way can be answered and stopped",
                LoopRow::gone(name)
            ))),
            LoopState::Invalid { line, why } => Err(Exit::Usage.because(format!(
                "the loop {name} is invalid, line {line}: {why}; `checkride check` says more"
            ))),
        }
    }

    /// The loop of this name, valid or not.
    pub fn row(&self, name: &str) -> Result<&LoopRow, Fail> {
        self.loops.iter().find(|l| l.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.loops.iter().map(|l| l.name.as_str()).collect();
            let there = if names.is_empty() {
                "this project has none; `checkride init` lists starters".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            Exit::Unknown.because(format!("no loop named {name}; {there}"))
        })
    }

    /// A loop's newest run.
    pub fn newest(&self, name: &str) -> Option<&RunId> {
        let of_loop = |run: &&RunId| run.split().is_some_and(|(of, _)| of == name);
        let number = |run: &&RunId| run.split().map(|(_, number)| number);
        self.runs.keys().filter(of_loop).max_by_key(number)
    }

    /// Which place a run has in the line of those that wait to work, and how many there are: from 1.
    pub fn place(&self, run: &RunId) -> Option<(usize, usize)> {
        let place = self.queue.iter().position(|waits| waits == run)?;
        Some((place + 1, self.queue.len()))
    }

    /// A run, rebuilt from its records.
    pub fn run(&self, run: &RunId) -> Option<Run> {
        Run::replay(self.runs.get(run)?.iter().filter_map(Record::event))
    }

    /// The question that a run blocks on.
    pub fn open_at(&self, run: &RunId) -> Option<Open> {
        let Phase::Asking(checkpoint) = self.run(run)?.phase().clone() else {
            return None;
        };
        let asked = |record: &&Record| matches!(record.event(), Some(Event::Asked(c)) if c.id == checkpoint.id);
        let record = self.runs.get(run)?.iter().rfind(asked)?.clone();
        Some(Open {
            run: run.clone(),
            checkpoint: *checkpoint,
            record,
        })
    }

    /// The day's cap that keeps the limit of this question from being raised, if it is one.
    pub fn bound_by_day(&self, open: &Open) -> Option<&DayRoom> {
        let row = self.row(open.run.split()?.0).ok()?;
        match &row.state {
            LoopState::Valid(facts) => facts.day_binds(&open.checkpoint.ask),
            LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => None,
        }
    }

    /// Who answered this question, how and when, where somebody has since it was asked: one line.
    pub fn answered(&self, open: &Open, zone: &TimeZone) -> Option<String> {
        let id = &open.checkpoint.id;
        let records = self.runs.get(&open.run)?;
        let after = records.iter().filter(|r| r.seq > open.record.seq);
        let mut found = after.filter_map(|record| {
            let Some(Event::Decided {
                checkpoint,
                decision,
                by,
                ..
            }) = record.event()
            else {
                return None;
            };
            (checkpoint == id).then(|| (record.at, decision.answer().past(), by))
        });
        let (at, how, by) = found.next()?;
        let at = clock(at, zone);
        Some(format!(
            "{id} was {how} by {by} at {at}; nothing more was changed"
        ))
    }

    /// The open question that an id names: a checkpoint's, a run's, or a loop's.
    ///
    /// # Errors
    /// `Unknown` where there is nothing of this name, `Refused` where it asks nothing now.
    pub fn open_named(&self, id: &str) -> Result<Open, Fail> {
        let open: Vec<Open> = self.runs.keys().filter_map(|r| self.open_at(r)).collect();
        let named = |o: &&Open| {
            o.checkpoint.id.0 == id
                || o.run.0 == id
                || o.run.split().is_some_and(|(name, _)| name == id)
        };
        if let Some(found) = open.iter().find(named) {
            return Ok(found.clone());
        }
        let run = RunId(id.rsplit_once('.').map_or(id, |(run, _)| run).to_owned());
        if self.was_asked(&CheckpointId(id.to_owned())) {
            let now = open.iter().find(|o| o.run == run).map_or_else(
                || "nothing waits in this run".to_owned(),
                |o| format!("the run now asks {}", o.checkpoint.id),
            );
            return Err(Exit::Refused.because(format!("{id} is not asked any more; {now}")));
        }
        let exists = self.runs.contains_key(&RunId(id.to_owned()))
            || self.loops.iter().any(|l| l.name == id);
        if exists {
            return Err(Exit::Refused.because(format!("{id} waits at no checkpoint")));
        }
        Err(Exit::Unknown.because(format!(
            "no checkpoint, run or loop named {id}; `checkride status` lists what waits"
        )))
    }

    fn was_asked(&self, id: &CheckpointId) -> bool {
        self.runs
            .values()
            .flatten()
            .any(|record| matches!(record.event(), Some(Event::Asked(c)) if c.id == *id))
    }
}
