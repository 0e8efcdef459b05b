//! `log LOOP`: what happened, the oldest run first, with every decision: what, digest, when, how long.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::session::refused;
use super::{Exit, Fail, Out, Session, words};
use crate::protocol::{Command, Fact, Fetch, Record, RunId};
use crate::run::{CheckpointId, Event};

/// Runs that are fetched at a time.
const PAGE: u32 = 20;

/// One event as an object; `wait_ms` stands where it is a decision.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    seq: u64,
    at: i64,
    run: &'a RunId,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<i64>,
    event: &'a Event,
}

/// How a log is written.
#[derive(Debug, Clone)]
pub struct Form {
    /// One object per line instead of words.
    pub json: bool,
    /// Most runs: the newest ones.
    pub runs: u32,
    /// Where the reader's clock stands.
    pub zone: TimeZone,
}

/// Prints a loop's past, run by run.
pub async fn log(
    mut session: Session,
    name: &str,
    form: &Form,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let newest = newest(&mut session, name).await?;
    let mut from = newest.saturating_sub(form.runs.saturating_sub(1)).max(1);
    while form.runs > 0 && from <= newest && !out.is_closed() {
        // A long past is printed page by page, not gathered.
        session.known.runs.clear();
        let page = PAGE.min(newest - from + 1);
        let (runs, _) = fetch(&mut session, name, from + page, page).await?;
        // Fetched from the newest backwards: where numbers are missing, older ones come in their place.
        for (_, records) in runs.iter().filter(|(number, _)| *number >= from) {
            if form.json {
                for entry in entries(records) {
                    out.json(&entry);
                }
            } else {
                out.text(&render(records, &form.zone));
            }
        }
        from += page;
    }
    Ok(Exit::Done)
}

/// The number of a loop's newest run, 0 where it has none. A loop whose file is gone has its past all the same.
async fn newest(session: &mut Session, name: &str) -> Result<u32, Fail> {
    let last = match session.known.row(name) {
        Ok(row) => row.last_run.clone(),
        Err(unknown) => {
            let (runs, _) = fetch(session, name, u32::MAX, 1).await?;
            let (number, _) = runs.last().ok_or(unknown)?;
            return Ok(*number);
        }
    };
    let known = last.as_ref().into_iter().chain(session.known.newest(name));
    let numbers = known.filter_map(RunId::split).map(|(_, number)| number);
    Ok(numbers.max().unwrap_or(0))
}

/// Some runs with their numbers, and whether there are older ones.
pub(super) async fn fetch(
    session: &mut Session,
    name: &str,
    before: u32,
    runs: u32,
) -> Result<(Vec<(u32, Vec<Record>)>, bool), Fail> {
    let wanted = Fetch::History {
        name: name.to_owned(),
        before,
        runs,
    };
    session.ask(Command::Fetch(wanted)).await?;
    let mut found: BTreeMap<u32, BTreeMap<u64, Record>> = BTreeMap::new();
    loop {
        let record = session.next().await?;
        refused(&record.fact, name, Exit::Trouble)?;
        if let Fact::HistoryEnd { name: of, more } = &record.fact
            && of == name
        {
            let runs = found
                .into_iter()
                .map(|(number, records)| (number, records.into_values().collect()));
            return Ok((runs.collect(), *more));
        }
        if let Fact::Run { run, .. } = &record.fact
            && let Some((of, number)) = run.split()
            && of == name
            && number < before
        {
            found.entry(number).or_default().insert(record.seq, record);
        }
    }
}

/// One run in words: a dated line per event.
pub fn render(records: &[Record], zone: &TimeZone) -> String {
    let lines = entries(records).into_iter().filter_map(|entry| {
        let at = Timestamp::from_millisecond(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
        let waited = entry
            .wait_ms
            .map(|ms| format!(", after {}", words::duration(ms)))
            .unwrap_or_default();
        let words = words::event(entry.event)?;
        Some(format!("{at}  {:<20}  {words}{waited}\n", entry.run.0))
    });
    lines.collect()
}

/// The events of one run, each decision with the time from its question on.
fn entries(records: &[Record]) -> Vec<Entry<'_>> {
    let mut asked: BTreeMap<&CheckpointId, i64> = BTreeMap::new();
    let mut entries = Vec::new();
    for record in records {
        let (Some(event), Fact::Run { run, .. }) = (record.event(), &record.fact) else {
            continue;
        };
        if let Event::Asked(checkpoint) = event {
            asked.insert(&checkpoint.id, record.at);
        }
        let wait_ms = if let Event::Decided { checkpoint, .. } = event {
            asked.get(checkpoint).map(|at| (record.at - at).max(0))
        } else {
            None
        };
        entries.push(Entry {
            seq: record.seq,
            at: record.at,
            run,
            wait_ms,
            event,
        });
    }
    entries
}
