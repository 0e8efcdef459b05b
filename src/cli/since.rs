//! What happened while nobody was here: what ran and how it ended, what waits, what it cost.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::log;
use super::session::{Known, Open};
use super::{Fail, Session, words};
use crate::protocol::{LoopState, Record, RunId};
use crate::run::{Outcome, Phase, Run, Usage};

/// Runs of a loop that are fetched at a time.
const PAGE: u32 = 20;

/// What happened since a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The moment, in milliseconds since 1970.
    since: i64,
    /// Runs to which something happened, in the order of their last event.
    runs: Vec<Line>,
    /// What waits for an answer now, the longest first, whenever it was asked.
    waiting: Vec<Open>,
    /// What was spent since.
    spent: Usage,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    run: RunId,
    /// When something happened to it last.
    at: i64,
    /// How it ended, if it did.
    outcome: Option<Outcome>,
}

/// Fetches the runs that may have done something since this moment.
pub async fn gather(session: &mut Session, since: i64) -> Result<(), Fail> {
    let valid = |state: &LoopState| matches!(state, LoopState::Valid(_));
    let rows = session.known.loops.iter();
    let names: Vec<String> = rows
        .filter(|row| valid(&row.state) && row.last_run.is_some())
        .map(|row| row.name.clone())
        .collect();
    for name in names {
        let mut before = u32::MAX;
        loop {
            let (runs, more) = log::fetch(session, &name, before, PAGE).await?;
            // A run is over before the next one of its loop begins.
            let early = runs.iter().any(|(_, records)| !has_news(records, since));
            let oldest = runs.iter().map(|(number, _)| *number).min();
            match oldest {
                Some(oldest) if more && !early && oldest < before => before = oldest,
                Some(_) | None => break,
            }
        }
    }
    Ok(())
}

fn has_news(records: &[Record], since: i64) -> bool {
    records.iter().any(|record| record.at > since)
}

impl Told {
    /// What of all that is known happened after this moment.
    pub fn of(known: &Known, since: i64) -> Self {
        let mut told = Self {
            since,
            runs: Vec::new(),
            waiting: Vec::new(),
            spent: Usage::default(),
        };
        for (id, records) in &known.runs {
            told.waiting.extend(known.open_at(id));
            if !has_news(records, since) {
                continue;
            }
            let Some(run) = known.run(id) else { continue };
            let before = records.iter().take_while(|record| record.at <= since);
            let before = Run::replay(before.filter_map(Record::event));
            let before = before.map_or_else(Usage::default, |run| run.meter().used());
            told.spent = told.spent.plus(less(run.meter().used(), before));
            let outcome = match run.phase() {
                Phase::Ended(outcome) => Some(outcome.clone()),
                Phase::Doing(_)
                | Phase::Asking(_)
                | Phase::Paused(_)
                | Phase::Held { .. }
                | Phase::Halting(_) => None,
            };
            told.runs.push(Line {
                run: id.clone(),
                at: records.last().map_or(since, |record| record.at),
                outcome,
            });
        }
        told.runs.sort_by_key(|line| (line.at, line.run.clone()));
        told.waiting.sort_by_key(|open| open.record.at);
        told
    }

    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        self.runs.is_empty() && self.waiting.is_empty()
    }

    /// In one line: `since Fri 14:02, 2 h 5 min ago: 2 runs ended, 1 waits, 31000 tokens, $0.41`.
    pub fn line(&self, now_ms: i64, zone: &TimeZone) -> String {
        let at = Timestamp::from_millisecond(self.since).unwrap_or_default();
        let at = at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string();
        // A clock that was set back makes no time negative.
        let ago = words::duration((now_ms - self.since).max(0));
        let ended = self.runs.iter().filter(|line| line.outcome.is_some());
        let ended = match ended.count() {
            1 => "1 run ended".to_owned(),
            n => format!("{n} runs ended"),
        };
        let waiting = match self.waiting.len() {
            0 => "nothing waits".to_owned(),
            1 => "1 waits".to_owned(),
            n => format!("{n} wait"),
        };
        let spent = words::spent(self.spent);
        format!("since {at}, {ago} ago: {ended}, {waiting}, {spent}")
    }

    /// On one page: that line, what became of each run, and what waits for an answer.
    pub fn page(&self, now_ms: i64, zone: &TimeZone) -> String {
        let ago = |at: i64| words::duration((now_ms - at).max(0));
        let mut lines = vec![self.line(now_ms, zone)];
        for line in &self.runs {
            let how = match &line.outcome {
                Some(outcome) => format!("ended: {}", words::outcome(outcome)),
                None => "goes on".to_owned(),
            };
            lines.push(format!("  {} {how}, {} ago", line.run, ago(line.at)));
        }
        for open in &self.waiting {
            let (id, kind) = (&open.checkpoint.id, open.checkpoint.ask.kind());
            lines.push(format!(
                "  {id} waits: {kind}, asked {} ago",
                ago(open.record.at)
            ));
        }
        lines.push(String::new());
        lines.join("\n") + "\n"
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
