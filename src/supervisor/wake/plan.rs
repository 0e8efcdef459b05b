//! What of a schedule is due now, what was missed, and when to look again. Pure: the time comes in.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::calendar;
use crate::run::Digest;
use crate::run::spec::{Schedule, When, Zone};

/// A slot that is seen so late was missed: the machine slept, or nobody was there to see it. Long
/// enough for `checkride tick` from cron every five minutes.
pub const LATE_MS: i64 = 10 * 60_000;

/// How far back slots are counted one by one; what lies before is older than any record.
const LOOK_BACK_MS: i64 = 400 * 86_400_000;

/// From when on slots count, and up to where they are accounted for; milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was armed.
    pub since: i64,
    /// The newest slot that is accounted for.
    pub decided: i64,
}

/// Slots that came and went without a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The first of them.
    pub first: i64,
    /// The newest of them.
    pub last: i64,
    /// How many.
    pub count: u32,
}

/// What follows for one schedule at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The slot to fire now.
    pub fire: Option<i64>,
    /// The slots before it that nobody saw in time.
    pub missed: Option<Missed>,
    /// The new mark.
    pub mark: Mark,
    /// The next slot, with its own delay; `None` where there is none.
    pub next: Option<i64>,
}

impl Mark {
    /// Armed at this moment.
    pub fn armed(now: i64) -> Self {
        Self {
            since: now,
            decided: now,
        }
    }
}

/// Looks at a schedule of the loop of this name, at this moment.
///
/// Of several slots that are due the newest fires, if it is seen in time or the loop makes up for
/// missed ones. A clock that was put back makes slots come again; that one of them has run already
/// is known to the journal alone.
pub fn look(name: &str, schedule: &Schedule, zone: &TimeZone, mark: Mark, now: i64) -> Plan {
    // A mark in the future was made by a clock that was wrong.
    let since = if mark.since > now { now } else { mark.since };
    let decided = mark.decided.min(now).max(now - LOOK_BACK_MS);
    let mut mark = Mark { since, decided };
    // The newest slot that is due, and those before it.
    let (mut newest, mut older) = (None, None::<Missed>);
    let mut next = after(schedule, zone, mark);
    while let Some(slot) = next.filter(|slot| slot + delay(name, schedule, *slot) <= now) {
        older = newest.map_or(older, |before| Some(joined(older, before)));
        newest = Some(slot);
        mark.decided = slot;
        next = after(schedule, zone, mark);
    }
    let next = next.map(|slot| slot + delay(name, schedule, slot));
    let in_time = |slot: &i64| now - slot - delay(name, schedule, *slot) <= LATE_MS;
    let fire = newest.filter(|slot| schedule.make_up || in_time(slot));
    let missed = match newest {
        Some(slot) if fire.is_none() => Some(joined(older, slot)),
        Some(_) | None => older,
    };
    Plan {
        fire,
        missed,
        mark,
        next,
    }
}

/// These slots and one more after them.
fn joined(slots: Option<Missed>, last: i64) -> Missed {
    let (first, count) = slots.map_or((last, 0), |slots| (slots.first, slots.count));
    Missed {
        first,
        last,
        count: count.saturating_add(1),
    }
}

/// The next slot, whether it is due or not.
fn after(schedule: &Schedule, zone: &TimeZone, mark: Mark) -> Option<i64> {
    match &schedule.when {
        When::Cron(cron) => calendar::next(cron, zone, mark.decided),
        When::Every(seconds) => {
            let step = i64::try_from(*seconds).ok()?.checked_mul(1_000)?;
            let gone = (mark.decided - mark.since).max(0) / step.max(1);
            mark.since.checked_add((gone + 1).checked_mul(step)?)
        }
    }
}

/// By how much a slot is put off: the same for the same slot, whenever it is asked.
fn delay(name: &str, schedule: &Schedule, slot: i64) -> i64 {
    if schedule.jitter_s == 0 {
        return 0;
    }
    let lot = Digest::of_value(&(name, slot));
    let lot = u64::from_str_radix(lot.short(), 16).unwrap_or(0);
    i64::try_from(lot % (schedule.jitter_s.saturating_mul(1_000) + 1)).unwrap_or(0)
}

/// The time zone that a schedule means; `here` is this machine's.
///
/// # Errors
/// One line where the machine's database does not know it any more.
pub fn zone(schedule: &Schedule, here: &TimeZone) -> Result<TimeZone, String> {
    match &schedule.zone {
        Zone::Local => Ok(here.clone()),
        Zone::Named(name) => TimeZone::get(name)
            .map_err(|_| format!("this machine knows no time zone {name}; mend [trigger]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::spec::Cron;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn hourly(make_up: bool) -> Schedule {
        let cron = Cron::parse("0 * * * *").unwrap();
        Schedule {
            make_up,
            ..Schedule::plain(When::Cron(cron))
        }
    }

    fn at(schedule: &Schedule, mark: Mark, now: i64) -> Plan {
        look("x", schedule, &TimeZone::UTC, mark, now)
    }

    /// A slot fires at its time, once, and the next one is known.
    #[test]
    fn a_slot_fires_once() {
        let mark = Mark::armed(10 * HOUR + 1);
        let waiting = at(&hourly(false), mark, 10 * HOUR + 2);
        assert_eq!((waiting.fire, waiting.next), (None, Some(11 * HOUR)));
        let due = at(&hourly(false), mark, 11 * HOUR);
        assert_eq!((due.fire, due.missed), (Some(11 * HOUR), None));
        let again = at(&hourly(false), due.mark, 11 * HOUR);
        assert_eq!((again.fire, again.next), (None, Some(12 * HOUR)));
    }

    /// After a night asleep the slots are counted as missed; the newest runs where it is made up
    /// for, or where it has only just come.
    #[test]
    fn missed_slots_are_counted() {
        let (mark, morning) = (Mark::armed(HOUR), 9 * HOUR + 30 * MINUTE);
        let slept = at(&hourly(false), mark, morning);
        let all = Missed {
            first: 2 * HOUR,
            last: 9 * HOUR,
            count: 8,
        };
        assert_eq!((slept.fire, slept.missed), (None, Some(all)));
        let but_last = Missed {
            last: 8 * HOUR,
            count: 7,
            ..all
        };
        let made_up = at(&hourly(true), mark, morning);
        assert_eq!(
            (made_up.fire, made_up.missed),
            (Some(9 * HOUR), Some(but_last))
        );
        let in_time = at(&hourly(false), mark, 9 * HOUR + LATE_MS);
        assert_eq!(
            (in_time.fire, in_time.missed),
            (Some(9 * HOUR), Some(but_last))
        );
    }

    /// An interval counts from when it was armed; a clock that was wrong then is forgiven.
    #[test]
    fn intervals_count_from_arming() {
        let every = Schedule::plain(When::Every(90));
        let plan = at(&every, Mark::armed(1_000), 91_000);
        assert_eq!((plan.fire, plan.next), (Some(91_000), Some(181_000)));
        let plan = at(&every, Mark::armed(1_000 * HOUR), 91_000);
        assert_eq!((plan.fire, plan.next), (None, Some(181_000)));
    }

    /// A delay differs by slot, is the same each time, and stays within its bound.
    #[test]
    fn jitter_is_the_slots_own() {
        let schedule = Schedule {
            jitter_s: 120,
            ..hourly(false)
        };
        let delays: Vec<i64> = (1..50).map(|h| delay("x", &schedule, h * HOUR)).collect();
        assert!(delays.iter().all(|d| (0..=120_000).contains(d)));
        assert!(delays.windows(2).any(|pair| pair[0] != pair[1]));
        let due = 11 * HOUR + delay("x", &schedule, 11 * HOUR);
        let mark = Mark::armed(10 * HOUR + 1);
        assert_eq!(at(&schedule, mark, due - 1).fire, None);
        assert_eq!(at(&schedule, mark, due - 1).next, Some(due));
        assert_eq!(at(&schedule, mark, due).fire, Some(11 * HOUR));
    }
}
