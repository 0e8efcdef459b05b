//! Firings of triggers in the journal: each is written before anything follows from it, leads to one
//! run at most, and is kept with what became of it. And what the day's caps are held against.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::spending::{SPENT, sum_of};
use super::store::{give, keep, set, unfit};
use super::{Job, Journal, JournalError};
use crate::protocol::{Lapse, RunId};
use crate::run::{Fired, Payload, Usage};

/// A firing that waits for its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The loop.
    pub name: String,
    /// Its key and what came with it.
    pub fired: Fired,
    /// When it was due, or came; milliseconds since 1970.
    pub at: i64,
    /// What fired, in words.
    pub by: String,
}

/// Why firings led to no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// A rule held it back.
    Skipped,
    /// Nobody was there in time.
    Missed,
}

/// One or several firings in a row that led to no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The loop.
    pub name: String,
    /// The key of the newest.
    pub key: String,
    /// When the newest was due; milliseconds since 1970.
    pub at: i64,
    /// Which kind.
    pub unmet: Unmet,
    /// The rule or the cause, one line.
    pub why: String,
    /// How many.
    pub count: u32,
}

/// The runs that count to a date, in the order in which rows were written.
const OF_DAY: &str = "(date = ?1 OR date > ?1 AND rowid >
    (SELECT coalesce(max(rowid), 0) FROM runs WHERE date < ?1))";

/// What the runs of a day spent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// All of them.
    pub all: Usage,
    /// By loop: how many, and what they spent.
    pub loops: BTreeMap<String, (u32, Usage)>,
    /// Runs that have not ended, whenever they woke, with what they spent.
    pub open: BTreeMap<RunId, Usage>,
}

/// What became of a trigger, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A firing that waits for its run, with the text of its payload.
    Queued(Firing, Option<String>),
    /// Firings that led to none.
    Unmet(Note),
}

impl Journal {
    /// Writes a firing down, with the text of its payload; false where it is known already.
    pub async fn queue(
        &self,
        firing: Firing,
        payload: Option<String>,
    ) -> Result<bool, JournalError> {
        self.with(move |db| queue(db, &firing, payload.as_deref()))
            .await
    }

    /// Writes down that firings led to no run. One that had a run keeps it.
    pub async fn unmet(&self, note: Note) -> Result<(), JournalError> {
        self.with(move |db| unmet(db, &note)).await
    }

    /// Writes down what became of a trigger, together with the setting that follows from it: a crash
    /// leaves all of it or nothing.
    pub async fn account(
        &self,
        entries: Vec<Entry>,
        (key, value): (String, String),
    ) -> Result<(), JournalError> {
        self.with(move |db| {
            let tx = db.unchecked_transaction()?;
            for entry in &entries {
                match entry {
                    Entry::Queued(firing, payload) => {
                        queue(&tx, firing, payload.as_deref())?;
                    }
                    Entry::Unmet(note) => unmet(&tx, note)?,
                }
            }
            set(&tx, &key, &value)?;
            tx.commit()
        })
        .await
    }

    /// The firings that wait for their run, in the order in which they came.
    pub async fn queued(&self) -> Result<Vec<Firing>, JournalError> {
        self.with(|db| {
            let sql = "SELECT loop, key, at, said, payload FROM firings
                       WHERE state = 'queued' ORDER BY at, key";
            let mut rows = db.prepare_cached(sql)?;
            let rows = rows.query_map([], |row| {
                let payload: Option<String> = row.get(4)?;
                let payload: Option<Payload> = payload
                    .map(|json| serde_json::from_str(&json))
                    .transpose()
                    .map_err(unfit)?;
                Ok(Firing {
                    name: row.get(0)?,
                    fired: Fired {
                        key: row.get(1)?,
                        payload,
                    },
                    at: row.get(2)?,
                    by: row.get(3)?,
                })
            })?;
            rows.collect()
        })
        .await
    }

    /// The firings of a loop since its trigger last led to a run that led to none: how many, when
    /// the newest was due and why.
    pub async fn lapse(&self, name: &str) -> Result<Option<Lapse>, JournalError> {
        let name = name.to_owned();
        self.with(move |db| {
            let sql = "SELECT at, said, (
                           SELECT sum(count) FROM firings AS f
                           WHERE f.loop = ?1 AND f.state IN ('skipped', 'missed') AND f.at >
                               coalesce((SELECT max(at) FROM firings
                                         WHERE loop = ?1 AND state = 'ran'), -1))
                       FROM firings WHERE loop = ?1 AND state IN ('skipped', 'missed', 'ran')
                       AND (SELECT state FROM firings WHERE loop = ?1 AND state <> 'queued'
                            ORDER BY at DESC, key DESC LIMIT 1) <> 'ran'
                       ORDER BY at DESC, key DESC LIMIT 1";
            let lapse = |row: &rusqlite::Row<'_>| {
                Ok(Lapse {
                    at: row.get(0)?,
                    why: row.get(1)?,
                    count: row.get(2)?,
                })
            };
            db.prepare_cached(sql)?.query_row([name], lapse).optional()
        })
        .await
    }

    /// What runs that woke on this date spent, and what those that have not ended did. A run counts
    /// to the day on which it woke, whenever it ends. One that woke on a later date, with none of an
    /// earlier date after it, woke by a clock that was ahead: it counts today too, so that a clock that
    /// is set back gives nobody a second day.
    pub async fn day(&self, date: String) -> Result<Day, JournalError> {
        self.with(move |db| {
            let sql = format!("SELECT {SPENT} FROM runs WHERE {OF_DAY}");
            let all = db.prepare_cached(&sql)?.query_row([&date], sum_of)?;
            let sql =
                format!("SELECT {SPENT}, loop, count(*) FROM runs WHERE {OF_DAY} GROUP BY loop");
            let loops = db
                .prepare_cached(&sql)?
                .query_map([&date], |row| {
                    Ok((row.get(6)?, (row.get(7)?, sum_of(row)?)))
                })?
                .collect::<Result<_, _>>()?;
            let sql = format!("SELECT {SPENT}, run FROM runs WHERE outcome IS NULL GROUP BY run");
            let open = db
                .prepare_cached(&sql)?
                .query_map([], |row| Ok((RunId(row.get(6)?), sum_of(row)?)))?
                .collect::<Result<_, _>>()?;
            Ok(Day { all, loops, open })
        })
        .await
    }

    /// Does this on the journal's thread, with a full sync of what it writes.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        self.ask(|reply| {
            Job::Do(Box::new(move |db| {
                let synced = db.pragma_update(None, "synchronous", "FULL");
                give(reply, synced.and_then(|()| work(db)));
            }))
        })
        .await
    }
}

fn queue(db: &Connection, firing: &Firing, text: Option<&str>) -> rusqlite::Result<bool> {
    if let Some(text) = text {
        keep(db, text)?;
    }
    let payload = firing.fired.payload.as_ref();
    let payload = payload
        .map(serde_json::to_string)
        .transpose()
        .map_err(unfit)?;
    let sql = "INSERT OR IGNORE INTO firings (loop, key, at, state, said, payload)
               VALUES (?1, ?2, ?3, 'queued', ?4, ?5)";
    let Firing {
        name,
        fired,
        at,
        by,
    } = firing;
    let new = db.execute(sql, params![name, fired.key, at, by, payload])?;
    Ok(new > 0)
}

fn unmet(db: &Connection, note: &Note) -> rusqlite::Result<()> {
    let state = match note.unmet {
        Unmet::Skipped => "skipped",
        Unmet::Missed => "missed",
    };
    let sql = "INSERT INTO firings (loop, key, at, state, said, count)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO UPDATE SET state = ?4, said = ?5
               WHERE state = 'queued'";
    let Note {
        name,
        key,
        at,
        why,
        count,
        ..
    } = note;
    db.execute(sql, params![name, key, at, state, why, count])
        .map(drop)
}

/// This firing has led to this run: in the same transaction in which the run wakes.
pub(super) fn ran(db: &Connection, name: &str, key: &str, run: &RunId) -> rusqlite::Result<()> {
    let sql = "UPDATE firings SET state = 'ran', run = ?3 WHERE loop = ?1 AND key = ?2";
    db.execute(sql, params![name, key, run.0]).map(|_| ())
}
