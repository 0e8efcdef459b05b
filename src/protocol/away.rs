//! What happened since a moment, read from records: what ran and how it ended, what waits, what should
//! have run and did not, what it cost. Pure; the words are for whoever shows it.

use std::collections::BTreeMap;

use super::{Lapse, LoopRow, LoopState, Record, RunId, Waking};
use crate::run::{CheckpointId, Event, Outcome, Phase, Run, Usage};

/// What happened since a moment. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Away {
    /// The moment.
    pub since: i64,
    /// Runs to which something happened, in the order of their last event.
    pub runs: Vec<Flown>,
    /// What waits for an answer, the longest first, whenever it was asked.
    pub waiting: Vec<Waiting>,
    /// Loops that should have run since and did not, by name.
    pub lapses: Vec<(String, Lapse)>,
    /// Loops whose trigger ran out since, and when: they wake again with somebody's leave.
    pub expired: Vec<(String, i64)>,
    /// What was spent since.
    pub spent: Usage,
}

/// One run to which something happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Flown {
    /// The run.
    pub run: RunId,
    /// When something happened to it last.
    pub at: i64,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// What it spent since the moment.
    pub spent: Usage,
}

/// One question that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its name.
    pub id: CheckpointId,
    /// Its kind.
    pub kind: &'static str,
    /// When it was asked.
    pub at: i64,
}

/// Whether anything was recorded after this moment.
pub fn has_news(records: &[Record], since: i64) -> bool {
    records.iter().any(|record| record.at > since)
}

impl Away {
    /// What of all that these rows and records tell happened after this moment; `lapses` are those since
    /// then.
    pub fn of(
        rows: &[LoopRow],
        lapses: Vec<(String, Lapse)>,
        runs: &BTreeMap<RunId, Vec<Record>>,
        since: i64,
    ) -> Self {
        let mut away = Self {
            since,
            runs: Vec::new(),
            waiting: Vec::new(),
            lapses,
            expired: Vec::new(),
            spent: Usage::default(),
        };
        for (id, records) in runs {
            away.take_in(id, records);
        }
        for row in rows {
            away.stands(row);
        }
        away.runs.sort_by_key(|flown| (flown.at, flown.run.clone()));
        away.waiting
            .sort_by_key(|waiting| (waiting.at, waiting.id.clone()));
        away
    }

    fn take_in(&mut self, id: &RunId, records: &[Record]) {
        let Some(run) = Run::replay(records.iter().filter_map(Record::event)) else {
            return;
        };
        if let Phase::Asking(open) = run.phase() {
            let asked = |record: &&Record| matches!(record.event(), Some(Event::Asked(c)) if c.id == open.id);
            let at = records.iter().rfind(asked).map(|record| record.at);
            self.waiting.extend(at.map(|at| Waiting {
                id: open.id.clone(),
                kind: open.ask.kind(),
                at,
            }));
        }
        if !has_news(records, self.since) {
            return;
        }
        let before = records.iter().take_while(|record| record.at <= self.since);
        let before = Run::replay(before.filter_map(Record::event));
        let before = before.map_or_else(Usage::default, |run| run.meter().used());
        let spent = less(run.meter().used(), before);
        self.spent = self.spent.plus(spent);
        let outcome = match run.phase() {
            Phase::Ended(outcome) => Some(outcome.clone()),
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Paused(_)
            | Phase::Held { .. }
            | Phase::Halting(_) => None,
        };
        self.runs.push(Flown {
            run: id.clone(),
            at: records.last().map_or(self.since, |record| record.at),
            outcome,
            spent,
        });
    }

    fn stands(&mut self, row: &LoopRow) {
        let LoopState::Valid(facts) = &row.state else {
            return;
        };
        if let Waking::Expired { at } = facts.waking
            && at > self.since
        {
            self.expired.push((row.name.clone(), at));
        }
    }

    /// How many runs ended.
    pub fn ended(&self) -> usize {
        let ended = self.runs.iter().filter(|flown| flown.outcome.is_some());
        ended.count()
    }

    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        self.runs.is_empty()
            && self.waiting.is_empty()
            && self.lapses.is_empty()
            && self.expired.is_empty()
    }
}

/// What was spent on top. Where either is unknown the money is.
fn less(all: Usage, before: Usage) -> Usage {
    if before == Usage::default() {
        return all;
    }
    if all == before {
        return Usage::default();
    }
    Usage {
        tokens: all.tokens.saturating_sub(before.tokens),
        output: all.output.saturating_sub(before.output),
        thinking: all.thinking.saturating_sub(before.thinking),
        cached: all.cached.saturating_sub(before.cached),
        micro_usd: all
            .micro_usd
            .zip(before.micro_usd)
            .map(|(all, before)| all.saturating_sub(before)),
        plan_micro_usd: all.plan_micro_usd.saturating_sub(before.plan_micro_usd),
        ..all
    }
}
