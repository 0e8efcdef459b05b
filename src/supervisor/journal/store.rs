//! What the journal's thread does with its database.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::spending::{self, SPENT, sum_of};
use super::{Batch, Job, JournalError, Newest, OpenRun, Past, Reply, firings, schema};
use crate::protocol::{Fact, Record, RunId};
use crate::run::{Digest, Event, Outcome, Stage};

/// The database, owned by one thread.
pub(super) struct Store {
    db: Connection,
}

pub(super) fn give<T>(reply: Reply<T>, answer: rusqlite::Result<T>) {
    // The asker may have been cancelled; what was written stays written.
    drop(reply.send(answer.map_err(|e| JournalError(format!("the journal cannot be used: {e}")))));
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self {
            db: schema::open(path)?,
        })
    }

    pub(super) fn work(&mut self, job: Job) {
        match job {
            Job::Append(batch, reply) => give(reply, self.append(&batch)),
            Job::Text(digest, reply) => give(reply, self.text(&digest)),
            Job::OpenRuns(reply) => give(reply, self.open_runs()),
            Job::Backlog(since, reply) => give(reply, self.backlog(since)),
            Job::Since(seq, most, reply) => give(reply, self.since(seq, most)),
            Job::Run(run, reply) => give(reply, self.records_of(&run)),
            Job::History(name, before, runs, reply) => {
                give(reply, self.history(&name, before, runs));
            }
            Job::Past(name, today, reply) => give(reply, self.past(&name, &today)),
            Job::Newest(names, reply) => {
                let each = names.iter().map(|name| self.newest(name));
                give(reply, each.collect());
            }
            Job::Proofs(skill, reply) => {
                let sql = "SELECT count(*) FROM runs WHERE skill = ?1 AND met AND by_hand";
                let count = self.db.query_row(sql, [skill.as_str()], |row| row.get(0));
                give(reply, count);
            }
            Job::Set(key, value, reply) => {
                give(reply, set(&self.db, &key, &value));
            }
            Job::Get(key, reply) => {
                let sql = "SELECT value FROM settings WHERE key = ?1";
                give(
                    reply,
                    self.db.query_row(sql, [key], |row| row.get(0)).optional(),
                );
            }
            Job::Seen(id, digest, reply) => {
                let sql = "INSERT OR IGNORE INTO seen VALUES (?1, ?2)";
                let done = self
                    .db
                    .execute(sql, params![id.0, digest.as_str()])
                    .map(|_| ());
                give(reply, done);
            }
            Job::WasSeen(id, digest, reply) => {
                let sql = "SELECT 1 FROM seen WHERE checkpoint = ?1 AND digest = ?2";
                let found = self
                    .db
                    .query_row(sql, params![id.0, digest.as_str()], |_| Ok(()));
                give(reply, found.optional().map(|row| row.is_some()));
            }
            Job::Do(job) => job(&self.db),
        }
    }

    fn append(&mut self, batch: &Batch) -> rusqlite::Result<Vec<Record>> {
        // A full sync for what authorises or reports an act; usage may be lost with the power.
        let durable = batch
            .events
            .iter()
            .any(|event| !matches!(event, Event::Used(_)));
        self.db
            .pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
        let tx = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for text in &batch.texts {
            keep(&tx, text)?;
        }
        let mut records = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            note_run(&tx, (&batch.run, batch.at), event)?;
            let sql = "INSERT INTO records (at, run, event) VALUES (?1, ?2, ?3)";
            let json = serde_json::to_string(event).map_err(unfit)?;
            tx.prepare_cached(sql)?
                .execute(params![batch.at, batch.run.0, json])?;
            let seq = u64::try_from(tx.last_insert_rowid()).unwrap_or(0);
            let fact = Fact::Run {
                run: batch.run.clone(),
                event: event.clone(),
            };
            records.push(Record {
                seq,
                at: batch.at,
                fact,
            });
        }
        tx.commit()?;
        Ok(records)
    }

    fn text(&self, digest: &Digest) -> rusqlite::Result<Option<String>> {
        let sql = "SELECT text FROM texts WHERE digest = ?1";
        self.db
            .query_row(sql, [digest.as_str()], |row| row.get(0))
            .optional()
    }

    fn open_runs(&self) -> rusqlite::Result<Vec<OpenRun>> {
        let sql = "SELECT run FROM runs WHERE outcome IS NULL ORDER BY rowid";
        let runs: Vec<String> = self
            .db
            .prepare(sql)?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        runs.into_iter()
            .map(|run| {
                let run = RunId(run);
                // A run with a damaged record is named and left as it is; the others go on.
                let records = self.records_of(&run).or_else(|error| match error {
                    error if is_of_one_row(&error) => Ok(Vec::new()),
                    error => Err(error),
                })?;
                Ok(OpenRun { run, records })
            })
            .collect()
    }

    fn records_of(&self, run: &RunId) -> rusqlite::Result<Vec<Record>> {
        let sql = "SELECT seq, at, run, event FROM records WHERE run = ?1 ORDER BY seq";
        self.db
            .prepare_cached(sql)?
            .query_map([&run.0], record)?
            .collect()
    }

    fn backlog(&self, since: u64) -> rusqlite::Result<Vec<Record>> {
        let sql = "
            SELECT run FROM runs WHERE outcome IS NULL
            UNION
            SELECT (SELECT run FROM runs WHERE loop = known.loop ORDER BY number DESC LIMIT 1)
            FROM (SELECT DISTINCT loop FROM runs) AS known";
        let runs: Vec<String> = self
            .db
            .prepare_cached(sql)?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut records = Vec::new();
        for run in runs {
            records.extend(self.told_of(RunId(run))?);
        }
        records.retain(|record| record.seq > since || record.seq == 0);
        records.sort_by_key(|record| record.seq);
        Ok(records)
    }

    fn since(&self, seq: u64, most: u32) -> rusqlite::Result<Vec<Record>> {
        let sql = "SELECT seq, at, run, event FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        let whole_or_named = |row: &Row<'_>| match record(row) {
            Err(error) if is_of_one_row(&error) => {
                let seq = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
                let run = row.get_ref(2)?.as_bytes().unwrap_or_default();
                let run = RunId(String::from_utf8_lossy(run).into_owned());
                Ok(Record {
                    seq,
                    ..damaged(run)
                })
            }
            other => other,
        };
        self.db
            .prepare_cached(sql)?
            .query_map(params![seq, most], whole_or_named)?
            .collect()
    }

    /// The records of a run, or one that names it as damaged: no other run suffers for it.
    fn told_of(&self, run: RunId) -> rusqlite::Result<Vec<Record>> {
        match self.records_of(&run) {
            Err(error) if is_of_one_row(&error) => Ok(vec![damaged(run)]),
            other => other,
        }
    }

    fn history(&self, name: &str, before: u32, most: u32) -> rusqlite::Result<(Vec<Record>, bool)> {
        let sql = "SELECT run FROM runs WHERE loop = ?1 AND number < ?2
                   ORDER BY number DESC LIMIT ?3";
        let mut runs: Vec<String> = self
            .db
            .prepare_cached(sql)?
            .query_map(params![name, before, i64::from(most) + 1], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more = runs.len() > most;
        runs.truncate(most);
        let mut records = Vec::new();
        for run in runs.into_iter().rev() {
            records.extend(self.told_of(RunId(run))?);
        }
        Ok((records, more))
    }

    fn newest(&self, name: &str) -> rusqlite::Result<Newest> {
        let sql = "SELECT coalesce(max(number), 0) FROM runs WHERE loop = ?1";
        let mut statement = self.db.prepare_cached(sql)?;
        Ok(Newest {
            number: statement.query_row([name], |row| row.get(0))?,
            outcomes: self.outcomes(name)?,
        })
    }

    fn outcomes(&self, name: &str) -> rusqlite::Result<Vec<Outcome>> {
        let sql = "SELECT outcome FROM runs WHERE loop = ?1 AND outcome IS NOT NULL
                   ORDER BY number DESC LIMIT 20";
        let newest: Vec<String> = self
            .db
            .prepare_cached(sql)?
            .query_map([name], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let known = newest.iter().rev();
        Ok(known.filter_map(|o| serde_json::from_str(o).ok()).collect())
    }

    fn past(&self, name: &str, today: &str) -> rusqlite::Result<Past> {
        let sql = format!(
            "SELECT {SPENT}, coalesce(max(number), 0), coalesce(max(published), 0),
                    coalesce(sum(met), 0) FROM runs WHERE loop = ?1"
        );
        let sums = |row: &Row<'_>| Ok((sum_of(row)?, row.get(6)?, row.get(7)?, row.get(8)?));
        let (spent, last_number, published, approved) =
            self.db.prepare_cached(&sql)?.query_row([name], sums)?;
        let outcomes = self.outcomes(name)?;
        let sql = "SELECT skill, count(*) FROM runs WHERE loop = ?1 AND met AND by_hand
                   GROUP BY skill";
        let accepted = self
            .db
            .prepare_cached(sql)?
            .query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let sql = format!("SELECT {SPENT} FROM runs WHERE loop = ?1 AND date = ?2 AND number < ?3");
        let earlier_today = self
            .db
            .prepare_cached(&sql)?
            .query_row(params![name, today, last_number], sum_of)?;
        Ok(Past {
            last_number,
            outcomes,
            published,
            accepted,
            approved,
            earlier_today,
            spent,
        })
    }
}

/// Keeps the table of runs true: which are open, which have published.
fn note_run(db: &Connection, (run, at): (&RunId, i64), event: &Event) -> rusqlite::Result<()> {
    if let Event::Woke(wake) = event {
        let sql = "INSERT INTO runs (run, loop, number, skill, date, by_hand)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (name, skill) = (&wake.spec.name, wake.skill.as_str());
        let by_hand = wake.by_hand();
        db.execute(
            sql,
            params![run.0, name, wake.number, skill, wake.date, by_hand],
        )?;
        if let Some(fired) = &wake.fired {
            firings::ran(db, name, &fired.key, run)?;
        }
        if by_hand {
            firings::note_answered(db, name, at)?;
        }
    } else if let Event::Decided { .. } = event {
        if let Some((name, _)) = run.split() {
            firings::note_answered(db, name, at)?;
        }
    } else if let Event::Ended(outcome) = event {
        spending::settle(db, run)?;
        let json = serde_json::to_string(outcome).map_err(unfit)?;
        let sql = "UPDATE runs SET outcome = ?2, met = ?3 WHERE run = ?1";
        db.execute(sql, params![run.0, json, outcome.goal_met()])?;
    } else if let Event::Resumed
    | Event::Undone { .. }
    | Event::RestoreAsked { .. }
    | Event::RestoreUndone = event
    {
        let sql = "UPDATE runs SET outcome = NULL, met = 0 WHERE run = ?1";
        db.execute(sql, [&run.0])?;
    } else if let Event::Composed { prompt } = event {
        // See `FROM_2`: not before the prompt is sent does it count.
        let sql =
            "UPDATE runs SET by_hand = CASE WHEN ?2 THEN 2 ELSE 1 END WHERE run = ?1 AND by_hand";
        db.execute(sql, params![run.0, prompt.without_skill])?;
    } else if let Event::Began {
        stage: Stage::Work, ..
    } = event
    {
        let sql = "UPDATE runs SET by_hand = 0 WHERE run = ?1 AND by_hand = 2";
        db.execute(sql, [&run.0])?;
    } else if let Event::Published(_) = event {
        db.execute("UPDATE runs SET published = 1 WHERE run = ?1", [&run.0])?;
    } else if let Event::Unpublished = event {
        db.execute("UPDATE runs SET published = 0 WHERE run = ?1", [&run.0])?;
    } else {
        spending::note(db, run, event)?;
    }
    Ok(())
}

pub(super) fn keep(db: &Connection, text: &str) -> rusqlite::Result<()> {
    let digest = Digest::of(text.as_bytes());
    let sql = "INSERT OR IGNORE INTO texts (digest, text) VALUES (?1, ?2)";
    db.prepare_cached(sql)?
        .execute(params![digest.as_str(), text])
        .map(|_| ())
}

/// Remembers a setting.
pub(super) fn set(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO settings VALUES (?1, ?2)";
    db.prepare_cached(sql)?.execute([key, value]).map(drop)
}

/// Whether what went wrong is in one row, and not in the file as a whole.
fn is_of_one_row(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// Names a run that cannot be read; it stands in no row.
fn damaged(run: RunId) -> Record {
    let why = "a record of it in the journal is damaged; it is left as it is";
    Record {
        seq: 0,
        at: 0,
        fact: Fact::Refused {
            what: run.0,
            why: why.to_owned(),
        },
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (seq, at, run): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let json: String = row.get(3)?;
    let event = serde_json::from_str(&json).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(e))
    })?;
    let fact = Fact::Run {
        run: RunId(run),
        event,
    };
    Ok(Record {
        seq: u64::try_from(seq).unwrap_or(0),
        at,
        fact,
    })
}

pub(super) fn unfit(e: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(e))
}
