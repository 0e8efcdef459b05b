//! The journal's tables and their versions.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::JournalError;

/// The version that this build writes.
const VERSION: i64 = 5;

const TABLES: &str = "
CREATE TABLE records (
    seq  INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    run  TEXT NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX records_of_run ON records (run, seq);
CREATE TABLE runs (
    run     TEXT PRIMARY KEY,
    loop    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    skill   TEXT NOT NULL,
    date    TEXT NOT NULL,
    tokens  INTEGER NOT NULL DEFAULT 0,
    estimated INTEGER NOT NULL DEFAULT 0,
    micro_usd INTEGER NOT NULL DEFAULT 0,
    unpriced  INTEGER NOT NULL DEFAULT 0,
    priced    INTEGER NOT NULL DEFAULT 0,
    plan_micro_usd INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    met     INTEGER NOT NULL DEFAULT 0,
    published INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX runs_of_loop ON runs (loop, number);
CREATE INDEX open_runs ON runs (run) WHERE outcome IS NULL;
CREATE TABLE texts (
    digest TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seen (
    checkpoint TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (checkpoint, digest)
) STRICT, WITHOUT ROWID;
";

/// From version 2, whose runs were all started by hand. `by_hand` says whether a run may prove its skill: 1 where a
/// person started it, 2 while its prompt stands without the skill's text, 0 once such a prompt was sent, and where
/// something else woke it. `live` is what the step in flight of a run has told of its spending. Firings of
/// triggers are there each once, whatever became of it: `state` is `queued`, `ran`, `skipped` or
/// `missed`; `said` is what fired or why nothing ran; `count` slots share one row of `missed`.
const FROM_2: &str = "
ALTER TABLE runs ADD COLUMN by_hand INTEGER NOT NULL DEFAULT 1;
CREATE INDEX proofs ON runs (skill) WHERE met AND by_hand;
ALTER TABLE runs ADD COLUMN live TEXT;
CREATE TABLE firings (
    loop    TEXT NOT NULL,
    key     TEXT NOT NULL,
    at      INTEGER NOT NULL,
    state   TEXT NOT NULL,
    said    TEXT NOT NULL,
    count   INTEGER NOT NULL DEFAULT 1,
    payload TEXT,
    run     TEXT,
    PRIMARY KEY (loop, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX firings_in_order ON firings (loop, at);
CREATE INDEX queued_firings ON firings (at) WHERE state = 'queued';
CREATE INDEX runs_of_date ON runs (date);
";

/// From version 3, which did not tell when it was found out that a firing led to no run (`noted`), nor
/// from when on the slots of one row were missed (`first`).
const FROM_3: &str = "
ALTER TABLE firings ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE firings ADD COLUMN first INTEGER;
UPDATE firings SET noted = at;
CREATE INDEX unmet_firings ON firings (loop, noted) WHERE state IN ('skipped', 'missed');
";

/// From version 4, in which the sums over a loop's runs read every row. They are taken at each look at
/// the loops, from this index alone.
const FROM_4: &str = "
CREATE INDEX sums_of_loop ON runs (loop, number, date, published, met, by_hand, skill, tokens,
    estimated, micro_usd, unpriced, priced, plan_micro_usd);
";

/// From version 1, which kept tokens alone: of its runs neither the price nor the count is certain.
const FROM_1: &str = "
ALTER TABLE runs ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN micro_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN priced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN plan_micro_usd INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET estimated = 1, unpriced = 1 WHERE tokens > 0;
";

/// Opens the file and brings it to this build's version.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let shown = path.display();
    let failed = |e: rusqlite::Error| {
        let next = next_step(&e);
        JournalError(format!("cannot open {shown}: {e}; {next}"))
    };
    let opened = Connection::open(path).and_then(|db| {
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        let version = db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
        Ok((db, version))
    });
    let (db, version) = opened.map_err(failed)?;
    // Even the way of writing is kept in the file, so a newer one is told before it is set.
    if version > VERSION {
        return Err(JournalError(format!(
            "{shown} was written by a newer checkride (version {version}, this one knows {VERSION}); \
             update checkride, the file is untouched"
        )));
    }
    let set = db
        .pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| db.pragma_update(None, "foreign_keys", "ON"));
    set.map_err(failed)?;
    if version == VERSION {
        return Ok(db);
    }
    let steps: &[&str] = match version {
        0 => &[TABLES, FROM_2, FROM_3, FROM_4],
        1 => &[FROM_1, FROM_2, FROM_3, FROM_4],
        2 => &[FROM_2, FROM_3, FROM_4],
        3 => &[FROM_3, FROM_4],
        _ => &[FROM_4],
    };
    bring(db, &steps.concat()).map_err(|e| JournalError(format!("cannot write {shown}: {e}")))
}

/// What to do about a file that cannot be used; it is left untouched.
fn next_step(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "it is no journal any more: move it away, and a new one is begun; drafts, memory and \
             transcripts in the project are kept"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "make the file and its folder yours and writable"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds it: end that one"
        }
        Some(ErrorCode::DiskFull) => "make room on that disk",
        _ => "look at the disk and at who may read the file",
    }
}

fn bring(db: Connection, steps: &str) -> rusqlite::Result<Connection> {
    let all = format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;");
    db.execute_batch(&all)?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::super::spending::SPENT;
    use super::*;

    /// F12: a journal of version 4 is brought along where it lies: what stood in it stands, and what a loop's
    /// past adds up to is read from the index alone.
    #[test]
    fn version_4_is_brought_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let rows = "INSERT INTO runs (run, loop, number, skill, date, tokens, met) VALUES
                    ('a-1', 'a', 1, 's', '2026-01-01', 30, 1), ('a-2', 'a', 2, 's', '2026-01-02', 12, 0);
                    PRAGMA user_version = 4;";
        let old = Connection::open(&path).unwrap();
        old.execute_batch(&[TABLES, FROM_2, FROM_3, rows].concat())
            .unwrap();
        drop(old);
        let db = open(&path).unwrap();
        let version = db.query_row("PRAGMA user_version", [], |row| row.get(0));
        assert_eq!(version, Ok(VERSION));
        let sums = format!("SELECT {SPENT}, max(number), sum(met) FROM runs WHERE loop = 'a'");
        let read: (i64, i64, i64) = db
            .query_row(&sums, [], |row| Ok((row.get(0)?, row.get(6)?, row.get(7)?)))
            .unwrap();
        assert_eq!(read, (42, 2, 1));
        let plan: String = db
            .query_row(&format!("EXPLAIN QUERY PLAN {sums}"), [], |row| row.get(3))
            .unwrap();
        assert!(plan.contains("COVERING INDEX sums_of_loop"), "{plan}");
    }
}
