//! Schedules over a simulated year: clock changes, jumps, suspends, crashes. Each slot ran once, was
//! skipped by a rule, or is shown as missed; none ran twice.

use std::collections::{BTreeMap, BTreeSet};

use checkride::run::spec::{Cron, Schedule, When};
use checkride::supervisor::wake::plan::{self, LATE_MS, Mark};
use checkride::supervisor::wake::{calendar, refs};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::place::Desk;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Written out, so that no database of time zones is needed: two that put the clock forward and back,
/// north and south of the equator, and one that does not.
const ZONES: [&str; 3] = [
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "UTC0",
];

const CRONS: [&str; 10] = [
    "0 7 * * 1-5",
    "30 2 * * *",
    "15 1-3 * * *",
    "10 * * * *",
    "59 23 * * 0",
    "0 0 1 * *",
    "45 2 * 3,10 0",
    "5 */12 * * *",
    "0 12 13 * 5",
    "0 3 * * *",
];

fn begin() -> i64 {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    begin.as_millisecond()
}

fn wall(zone: &TimeZone, at: i64) -> DateTime {
    zone.to_datetime(Timestamp::from_millisecond(at).unwrap())
}

/// Whether a cron of these fields names this minute of the wall.
fn names(cron: &Cron, at: DateTime) -> bool {
    let minute = u32::from(at.hour().unsigned_abs()) * 60 + u32::from(at.minute().unsigned_abs());
    let weekday = at.weekday().to_sunday_zero_offset().unsigned_abs();
    let (month, day) = (at.month().unsigned_abs(), at.day().unsigned_abs());
    cron.fires_on(month.into(), day.into(), weekday.into()) && cron.minutes().any(|m| m == minute)
}

/// Days around every change of these clocks, the end of a month, a leap day and the end of a year.
const SPANS: [(&str, i64); 5] = [
    ("2026-03-27T00:00:00Z", 11),
    ("2026-10-02T00:00:00Z", 4),
    ("2026-10-23T00:00:00Z", 4),
    ("2026-12-30T00:00:00Z", 3),
    ("2028-02-28T00:00:00Z", 3),
];

/// What somebody sees who watches the clock on the wall, minute by minute.
struct Seen {
    /// When, and what it shows.
    minutes: Vec<(i64, DateTime)>,
    /// What it never showed, and when it should have.
    skipped: Vec<(i64, DateTime)>,
}

fn watch(zone: &TimeZone, from: i64, days: i64) -> Seen {
    let minute = jiff::Span::new().minutes(1);
    let (mut minutes, mut skipped) = (Vec::new(), Vec::new());
    let mut before = wall(zone, from - MINUTE);
    for at in (from..from + days * DAY).step_by(60_000) {
        let now = wall(zone, at);
        let mut due = before.checked_add(minute).unwrap();
        while due < now {
            skipped.push((at, due));
            due = due.checked_add(minute).unwrap();
        }
        minutes.push((at, now));
        before = now;
    }
    Seen { minutes, skipped }
}

/// The moments that this cron names, as they were seen.
fn named(cron: &Cron, seen: &Seen) -> BTreeSet<i64> {
    let mut shown = BTreeSet::new();
    let minutes = seen.minutes.iter().filter(|(_, wall)| names(cron, *wall));
    let first = minutes.filter(|(_, wall)| shown.insert(*wall) || cron.is_hourly());
    let late = seen.skipped.iter().filter(|(_, wall)| names(cron, *wall));
    first.chain(late).map(|(at, _)| *at).collect()
}

/// What is calculated is what somebody would see who watched the clock.
#[test]
fn the_calendar_agrees_with_the_clock_on_the_wall() {
    for zone in ZONES.map(|zone| TimeZone::posix(zone).unwrap()) {
        for (from, days) in SPANS {
            let from = from.parse::<Timestamp>().unwrap().as_millisecond();
            let seen = watch(&zone, from, days);
            for text in CRONS.into_iter().chain(["*/20 * * * *", "0 9 29 2 *"]) {
                let cron = Cron::parse(text).unwrap();
                let end = from + days * DAY;
                let mut calculated = BTreeSet::new();
                let mut at = from - 1;
                while let Some(next) = calendar::next(&cron, &zone, at).filter(|n| *n < end) {
                    calculated.insert(next);
                    at = next;
                }
                assert_eq!(calculated, named(&cron, &seen), "{text} in {zone:?}");
            }
        }
    }
}

/// Numbers that look random and are the same each time.
struct Lots(u64);

impl Lots {
    fn draw(&mut self, below: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        i64::try_from(self.0 >> 33).unwrap() % below
    }
}

/// One loop and what its journal holds.
struct Simulated {
    name: String,
    schedule: Schedule,
    zone: TimeZone,
    /// As it was kept last; what a crash finds.
    kept: Mark,
    /// When to look again.
    next: i64,
    /// Firings by slot: how many runs each had.
    ran: BTreeMap<i64, u32>,
    /// Slots that were noted as missed.
    missed: Vec<(i64, i64, u32)>,
}

impl Simulated {
    /// One look; a crash may come between the firing's record and the mark's.
    fn look(&mut self, now: i64, crash: bool) {
        let plan = plan::look(&self.name, &self.schedule, &self.zone, self.kept, now);
        if let Some(missed) = plan.missed {
            assert!(missed.first <= missed.last && missed.last <= now);
            self.missed.push((missed.first, missed.last, missed.count));
        }
        if let Some(slot) = plan.fire {
            assert!(slot <= now, "{}: a slot of the future", self.name);
            assert!(self.schedule.make_up || now - slot <= LATE_MS + self.delay());
            // The key of a firing is there once, whatever asks for it again.
            self.ran.entry(slot).or_insert(1);
        }
        if !crash {
            self.kept = plan.mark;
        }
        // After a crash the next host looks at once.
        self.next = if crash {
            now
        } else {
            plan.next.unwrap_or(i64::MAX)
        };
    }

    fn delay(&self) -> i64 {
        i64::try_from(self.schedule.jitter_s).unwrap() * 1_000
    }

    /// Whether this slot has a run, or stands among those that were missed.
    fn accounted(&self, slot: i64) -> bool {
        let among = |(first, last, _): &(i64, i64, u32)| (*first..=*last).contains(&slot);
        self.ran.contains_key(&slot) || self.missed.iter().any(among)
    }
}

fn fifty(lots: &mut Lots) -> Vec<Simulated> {
    (0..50_usize)
        .map(|n| {
            let when = match n % 5 {
                4 => When::Every(600 * (1 + n as u64)),
                // One loop an hour is enough of them.
                3 if n > 3 => When::Cron(Cron::parse("45 23 * * *").unwrap()),
                _ => When::Cron(Cron::parse(CRONS[n % CRONS.len()]).unwrap()),
            };
            Simulated {
                name: format!("loop-{n}"),
                schedule: Schedule {
                    make_up: lots.draw(2) == 0,
                    jitter_s: [0, 60, 300][n % 3],
                    ..Schedule::plain(when)
                },
                zone: TimeZone::posix(ZONES[n % ZONES.len()]).unwrap(),
                kept: Mark::armed(begin()),
                next: begin(),
                ran: BTreeMap::new(),
                missed: Vec::new(),
            }
        })
        .collect()
}

/// A year of 50 loops over suspends, host deaths, crashes between two records, and clocks that are put
/// forward and back: each slot ran once or is shown as missed, and none ran twice.
#[test]
fn a_year_accounts_for_every_slot() {
    let mut lots = Lots(7);
    let mut loops = fifty(&mut lots);
    let (mut now, end) = (begin(), begin() + 365 * DAY);
    let (mut suspends, mut backs, mut crashes) = (0, 0, 0);
    while now < end {
        let crash = lots.draw(400) == 0;
        crashes += i32::from(crash);
        let jump = lots.draw(600);
        for one in &mut loops {
            // A clock that was put back, too, makes everybody look again.
            if jump < 2 || crash || one.next <= now {
                one.look(now, crash);
            }
        }
        now = match jump {
            // A night, or a holiday, with the lid closed.
            0 => {
                suspends += 1;
                now + HOUR + lots.draw(9 * DAY)
            }
            // The clock is put back, by up to three hours.
            1 => {
                backs += 1;
                now - lots.draw(3 * HOUR)
            }
            _ => {
                let next = loops.iter().map(|one| one.next).min().unwrap();
                next.clamp(now + 1, now + HOUR)
            }
        };
    }
    assert!(
        suspends > 20 && backs > 20 && crashes > 50,
        "{suspends} {backs} {crashes}"
    );
    let (mut runs, mut missed) = (0, 0);
    for one in &loops {
        assert!(one.ran.values().all(|times| *times == 1), "{}", one.name);
        runs += one.ran.len();
        missed += one.missed.iter().map(|(_, _, count)| *count).sum::<u32>();
        if let When::Cron(cron) = &one.schedule.when {
            let mut at = begin();
            while let Some(slot) = calendar::next(cron, &one.zone, at) {
                if slot + one.delay() >= one.kept.decided {
                    break;
                }
                assert!(one.accounted(slot), "{}: nobody knows of {slot}", one.name);
                at = slot;
            }
        }
    }
    assert!(runs > 5_000 && missed > 500, "{runs} ran, {missed} missed");
}

/// References are found where git keeps them: loose, packed, symbolic, in a linked work tree; one that
/// leads out of the repository is none.
#[test]
fn references_are_read_without_git() {
    let desk = Desk::new();
    let head = desk.git(&["rev-parse", "HEAD"]);
    let main = |project: &std::path::Path| refs::read(project, "refs/heads/main");
    assert_eq!(main(&desk.project), Ok(Some(head.clone())));
    desk.git(&["tag", "-a", "-m", "one", "v1"]);
    desk.git(&["pack-refs", "--all"]);
    assert_eq!(main(&desk.project), Ok(Some(head.clone())));
    assert_eq!(main(&desk.project.join("src")), Ok(Some(head.clone())));
    let tag = desk.git(&["rev-parse", "v1"]);
    assert_eq!(refs::read(&desk.project, "refs/tags/v1"), Ok(Some(tag)));
    desk.put("a.txt", "four\n");
    let second = desk.commit("more");
    assert_eq!(main(&desk.project), Ok(Some(second.clone())));
    let tree = desk.temp.path().join("tree");
    desk.git(&[
        "worktree",
        "add",
        "-q",
        tree.to_str().unwrap(),
        "-b",
        "side",
    ]);
    assert_eq!(main(&tree), Ok(Some(second.clone())));
    assert_eq!(
        refs::read(&tree, "refs/heads/side"),
        Ok(Some(second.clone()))
    );
    desk.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    assert_eq!(
        refs::read(&desk.project, "refs/heads/alias"),
        Ok(Some(second))
    );
    assert_eq!(refs::read(&desk.project, "refs/heads/none"), Ok(None));
    assert!(refs::read(&desk.project, "refs/../config").is_err());
    assert!(refs::read(&desk.project, "/etc/passwd").is_err());
    // A pipe keeps nobody waiting.
    let pipe = desk.project.join(".git/refs/heads/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let piped = refs::read(&desk.project, "refs/heads/pipe").unwrap_err();
    assert!(piped.ends_with("is no plain file"), "{piped}");
    let outside = tempfile::TempDir::new().unwrap();
    assert!(
        main(outside.path())
            .unwrap_err()
            .contains("no git repository")
    );
}
