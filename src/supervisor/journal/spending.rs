//! What each run has spent, as the table of runs keeps it: a step's own count at its end, or what it
//! told last where it was cut short.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::store::unfit;
use crate::protocol::RunId;
use crate::run::{Ask, Event, Usage};

/// What a set of runs has spent, as [`sum_of`] reads it.
pub(super) const SPENT: &str = "coalesce(sum(tokens), 0), coalesce(max(estimated), 0),
    coalesce(sum(micro_usd), 0), coalesce(max(unpriced), 0), coalesce(max(priced), 0),
    coalesce(sum(plan_micro_usd), 0)";

/// A sum of runs; one of unknown price makes the money unknown.
pub(super) fn sum_of(row: &Row<'_>) -> rusqlite::Result<Usage> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let tokens = count(row.get(0)?);
    let unpriced: bool = row.get(3)?;
    let money = count(row.get(2)?);
    if tokens == 0 && !unpriced && money == 0 {
        return Ok(Usage::default());
    }
    Ok(Usage {
        tokens,
        estimated: row.get(1)?,
        micro_usd: (!unpriced).then_some(money),
        priced: row.get(4)?,
        plan_micro_usd: count(row.get(5)?),
        ..Usage::default()
    })
}

/// Takes in what an event tells of a run's spending.
pub(super) fn note(db: &Connection, run: &RunId, event: &Event) -> rusqlite::Result<()> {
    if let Event::Used(so_far) = event {
        let json = serde_json::to_string(so_far).map_err(unfit)?;
        let sql = "UPDATE runs SET live = ?2 WHERE run = ?1";
        return db.execute(sql, params![run.0, json]).map(|_| ());
    }
    // The step's own count replaces what it told meanwhile.
    if let Event::Worked(work) = event {
        return add(db, run, work.usage);
    }
    if let Event::Judged { usage, .. } = event {
        return add(db, run, *usage);
    }
    // Work that asks for leave goes on.
    let asks = matches!(event, Event::Asked(open) if !matches!(open.ask, Ask::Permission { .. }));
    if asks || matches!(event, Event::Failed(_)) {
        return settle(db, run);
    }
    Ok(())
}

/// The step in flight ended without a count of its own: what it told last counts.
pub(super) fn settle(db: &Connection, run: &RunId) -> rusqlite::Result<()> {
    let sql = "SELECT live FROM runs WHERE run = ?1 AND live IS NOT NULL";
    let live: Option<String> = db.query_row(sql, [&run.0], |row| row.get(0)).optional()?;
    match live {
        Some(json) => add(db, run, serde_json::from_str(&json).map_err(unfit)?),
        None => Ok(()),
    }
}

fn add(db: &Connection, run: &RunId, usage: Usage) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET tokens = tokens + ?2, estimated = max(estimated, ?3),
               micro_usd = micro_usd + ?4, unpriced = max(unpriced, ?5),
               priced = max(priced, ?6), plan_micro_usd = plan_micro_usd + ?7,
               live = NULL WHERE run = ?1";
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let unpriced = usage.micro_usd.is_none() && usage != Usage::default();
    db.execute(
        sql,
        params![
            run.0,
            count(usage.tokens),
            usage.estimated,
            count(usage.micro_usd.unwrap_or(0)),
            unpriced,
            usage.priced,
            count(usage.plan_micro_usd),
        ],
    )
    .map(|_| ())
}
