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
INSERT INTO runs (run, loop, number, skill, date, tokens, outcome, met)
VALUES ('odd-1', 'odd', 1, '', '2026-11-01', 1200, '"done"', 1);
PRAGMA user_version = 1;
