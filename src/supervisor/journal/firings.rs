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
    /// When the oldest was due.
    pub first: i64,
    /// When that was found out.
    pub noted: i64,
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

    /// Forgets every setting whose name begins so.
    pub async fn forget_triggers(&self, prefix: &'static str) -> Result<(), JournalError> {
        self.with(move |db| {
            let sql = "DELETE FROM settings WHERE substr(key, 1, length(?1)) = ?1";
            db.execute(sql, [prefix]).map(drop)
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

    /// What led to no run of a loop since a person last answered a question of it or started it by hand.
    /// A later run does not hide it.
    pub async fn lapse(&self, name: &str) -> Result<Option<Lapse>, JournalError> {
        let name = name.to_owned();
        self.with(move |db| {
            let sql = "SELECT value FROM settings WHERE key = ?1";
            let answered: Option<String> = db
                .prepare_cached(sql)?
                .query_row([answered(&name)], |row| row.get(0))
                .optional()?;
            let since = answered.and_then(|at| at.parse().ok()).unwrap_or(i64::MIN);
            lapse(db, &name, since)
        })
        .await
    }

    /// What led to no run since a moment, of all loops by name.
    pub async fn lapses(&self, since: i64) -> Result<Vec<(String, Lapse)>, JournalError> {
        self.with(move |db| {
            let sql = "SELECT DISTINCT loop FROM firings
                       WHERE state IN ('skipped', 'missed') AND noted > ?1 ORDER BY loop";
            let names: Vec<String> = db
                .prepare_cached(sql)?
                .query_map([since], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut lapses = Vec::new();
            for name in names {
                let lapse = lapse(db, &name, since)?;
                lapses.extend(lapse.map(|lapse| (name, lapse)));
            }
            Ok(lapses)
        })
        .await
    }

    /// Why a firing led to no run.
    pub async fn why_not(&self, name: &str, key: &str) -> Result<Option<String>, JournalError> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.with(move |db| {
            let sql = "SELECT said FROM firings WHERE loop = ?1 AND key = ?2
                       AND state IN ('skipped', 'missed')";
            db.prepare_cached(sql)?
                .query_row([name, key], |row| row.get(0))
                .optional()
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
                format!("SELECT {SPENT}, loop, count(*) FROM runs WHERE {OF_DAY} GROUP BY +loop");
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
    let sql = "INSERT INTO firings (loop, key, at, state, said, count, first, noted)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT DO UPDATE SET state = ?4, said = ?5, noted = ?8
               WHERE state = 'queued'";
    let Note {
        name,
        key,
        at,
        why,
        count,
        first,
        noted,
        ..
    } = note;
    let values = params![name, key, at, state, why, count, first, noted];
    db.execute(sql, values).map(drop)
}

/// Causes that are named one by one; the rest are counted.
const CAUSES: usize = 3;

/// What of a loop was found to have led to no run after this moment. Where there are several causes
/// each says how often, the newest first.
fn lapse(db: &Connection, name: &str, since: i64) -> rusqlite::Result<Option<Lapse>> {
    let sql = "SELECT said, sum(count), min(coalesce(first, at)), max(at) FROM firings
               WHERE loop = ?1 AND state IN ('skipped', 'missed') AND noted > ?2
               GROUP BY said ORDER BY max(at) DESC, said";
    let causes: Vec<(String, u32, i64, i64)> = db
        .prepare_cached(sql)?
        .query_map(params![name, since], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let (Some(first), Some(at)) = (
        causes.iter().map(|cause| cause.2).min(),
        causes.iter().map(|cause| cause.3).max(),
    ) else {
        return Ok(None);
    };
    let sum = |causes: &[(String, u32, i64, i64)]| {
        let counts = causes.iter().map(|cause| cause.1);
        counts.fold(0, u32::saturating_add)
    };
    // One more cause takes no more room than to say that there is one.
    let most = if causes.len() == CAUSES + 1 {
        CAUSES + 1
    } else {
        causes.len().min(CAUSES)
    };
    let (named, rest) = causes.split_at(most);
    let why = match named {
        [(said, ..)] => said.clone(),
        several => {
            let several = several
                .iter()
                .map(|(said, count, ..)| format!("{said} ({count})"));
            let many = rest.len();
            let rest = (many > 0).then(|| format!("{many} other causes ({})", sum(rest)));
            several.chain(rest).collect::<Vec<_>>().join(", ")
        }
    };
    let count = sum(&causes);
    Ok(Some(Lapse {
        at,
        first,
        count,
        why,
    }))
}

/// Where it stands among the settings when a person last answered a loop.
fn answered(name: &str) -> String {
    format!("answered/{name}")
}

/// A person has just answered a question of this loop, or started it.
pub(super) fn note_answered(db: &Connection, name: &str, at: i64) -> rusqlite::Result<()> {
    set(db, &answered(name), &at.to_string())
}

/// This firing has led to this run: in the same transaction in which the run wakes.
pub(super) fn ran(db: &Connection, name: &str, key: &str, run: &RunId) -> rusqlite::Result<()> {
    let sql = "UPDATE firings SET state = 'ran', run = ?3 WHERE loop = ?1 AND key = ?2";
    db.execute(sql, params![name, key, run.0]).map(|_| ())
}
