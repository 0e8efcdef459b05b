//! The books of the year: what the journal holds, against what the calendar and the world outside say.

use std::collections::{BTreeMap, BTreeSet};

use checkride::run::Event;
use checkride::supervisor::JOURNAL;
use rusqlite::Connection;

use super::{Brought, Kind, One, slots};
use crate::world::World;

/// One firing as it stands in the journal.
struct Row {
    key: String,
    at: i64,
    state: String,
    said: String,
    count: i64,
    /// The text that came with it.
    text: String,
    run: Option<String>,
}

pub(super) struct Books {
    db: Connection,
}

/// What became of all slots and events.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Slots of schedules.
    pub(super) slots: usize,
    /// Firings that had their run.
    pub(super) ran: usize,
    /// Firings that a rule let go.
    pub(super) skipped: usize,
    /// Slots that nobody saw in time.
    pub(super) missed: i64,
}

impl Books {
    pub(super) fn open(world: &World) -> Self {
        let path = world.settings().state.join(JOURNAL);
        Self {
            db: Connection::open(path).unwrap(),
        }
    }

    fn firings(&self, name: &str) -> Vec<Row> {
        let sql = "SELECT key, at, state, said, count, coalesce(text, ''), run FROM firings
                   LEFT JOIN texts ON digest = json_extract(payload, '$.text.digest')
                   WHERE loop = ?1 ORDER BY at, key";
        let mut rows = self.db.prepare_cached(sql).unwrap();
        let rows = rows.query_map([name], |row| {
            Ok(Row {
                key: row.get(0)?,
                at: row.get(1)?,
                state: row.get(2)?,
                said: row.get(3)?,
                count: row.get(4)?,
                text: row.get(5)?,
                run: row.get(6)?,
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// How many firings of this loop tell this word.
    pub(super) fn tells(&self, name: &str, word: &str) -> usize {
        let all = self.firings(name);
        all.iter().map(|row| row.text.matches(word).count()).sum()
    }

    /// Which run woke by which firing, as the runs themselves say.
    fn woken(&self) -> BTreeMap<(String, String), Vec<String>> {
        let sql = "SELECT r.run, runs.loop, event FROM records AS r JOIN runs USING (run)
                   WHERE r.seq = (SELECT min(seq) FROM records WHERE run = r.run)";
        let mut rows = self.db.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let mut woken = BTreeMap::<_, Vec<String>>::new();
        for row in rows.unwrap() {
            let (run, name, event): (String, String, String) = row.unwrap();
            let Event::Woke(wake) = serde_json::from_str(&event).unwrap() else {
                panic!("{run} begins with {event}");
            };
            let key = wake.fired.unwrap().key;
            woken.entry((name, key)).or_default().push(run);
        }
        woken
    }

    /// From when on a trigger counts, and up to where it is accounted for.
    fn mark(&self, name: &str) -> (i64, i64) {
        let sql =
            "SELECT json_extract(value, '$.mark.since'), json_extract(value, '$.mark.decided')
                   FROM settings WHERE key = ?1";
        let key = format!("trigger/{name}");
        let mark = self
            .db
            .query_row(sql, [key], |row| Ok((row.get(0)?, row.get(1)?)));
        mark.unwrap()
    }

    /// Holds the journal against the calendar and what was brought about.
    pub(super) fn audit(&self, loops: &[One], brought: &Brought) -> Sums {
        let mut sums = Sums::default();
        let mut woken = self.woken();
        for one in loops {
            let rows = self.firings(&one.name);
            for row in &rows {
                let runs = woken.remove(&(one.name.clone(), row.key.clone()));
                let runs = runs.unwrap_or_default();
                let of_row: Vec<String> = row.run.iter().cloned().collect();
                assert_eq!(runs, of_row, "{} {}: two runs, or none", one.name, row.key);
                assert_eq!(
                    row.state == "ran",
                    !runs.is_empty(),
                    "{} {}",
                    one.name,
                    row.key
                );
                match row.state.as_str() {
                    "ran" => sums.ran += 1,
                    "skipped" => sums.skipped += 1,
                    "missed" => sums.missed += row.count,
                    // The last of them may still wait for its turn.
                    "queued" => {}
                    other => panic!("{other}"),
                }
                assert!(!row.said.is_empty(), "{} {}: no reason", one.name, row.key);
            }
            match &one.kind {
                Kind::Cron(..) | Kind::Every(_) => sums.slots += self.slots(one, &rows),
                Kind::Git => chained(one, &rows),
                Kind::Watch | Kind::Inbox | Kind::Poll => told(one, &rows, brought),
                Kind::Called => called(one, &rows, brought),
            }
        }
        assert!(woken.is_empty(), "nobody fired these: {woken:?}");
        sums
    }

    /// Each slot has a row of its own, or one of those that were missed.
    fn slots(&self, one: &One, rows: &[Row]) -> usize {
        let (since, decided) = self.mark(&one.name);
        let all = slots(&one.kind, since, decided);
        let mut known: BTreeSet<i64> = BTreeSet::new();
        for row in rows {
            if row.key.starts_with("missed:") {
                let newest = all.partition_point(|slot| *slot <= row.at);
                let oldest = newest.saturating_sub(usize::try_from(row.count).unwrap());
                known.extend(&all[oldest..newest]);
            } else {
                known.insert(row.at);
            }
        }
        for slot in &all {
            assert!(known.contains(slot), "{}: nobody knows of {slot}", one.name);
        }
        all.len()
    }
}

/// Every commit lies between two that were told, and none was told twice.
fn chained(one: &One, rows: &[Row]) {
    let mut last = None;
    let mut known = BTreeSet::new();
    for row in rows {
        let moved: serde_json::Value = serde_json::from_str(&row.text).unwrap();
        if last.is_some() {
            assert_eq!(
                last,
                Some(moved["before"].clone()),
                "{} {}",
                one.name,
                row.key
            );
        }
        let after = moved["after"].clone();
        assert!(
            known.insert(after.to_string()),
            "{} {} came again",
            one.name,
            row.key
        );
        last = Some(after);
    }
}

/// What happened outside was told once; what a command finds until it is taken away, at least once.
fn told(one: &One, rows: &[Row], brought: &Brought) {
    for (name, word) in brought.words.iter().filter(|(name, _)| *name == one.name) {
        let times: usize = rows
            .iter()
            .map(|row| row.text.matches(word.as_str()).count())
            .sum();
        let right = match one.kind {
            Kind::Poll => times >= 1,
            _ => times == 1,
        };
        assert!(right, "{name}: {word} was told {times} times");
    }
}

/// A call that was answered with yes fired once; one that was cut short once at most.
fn called(one: &One, rows: &[Row], brought: &Brought) {
    for call in brought.called.iter().filter(|(name, _)| *name == one.name) {
        let times = rows.iter().filter(|row| row.text == call.1).count();
        assert!(times <= 1, "{call:?} fired {times} times");
        if brought.answered.contains(call) {
            assert_eq!(times, 1, "{call:?} was taken and forgotten");
        }
    }
}
