//! The moments at which a calendar's schedule fires in a time zone, over changes of the clock. Pure.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::run::spec::Cron;

/// Days that are looked through for the next moment: after 28 years weekdays and leap years repeat,
/// but for a century without a leap day.
const HORIZON: i32 = 41 * 366;

/// The first moment after this one, in milliseconds since 1970; `None` where there is none.
///
/// Where the clock is put forward, what falls into the gap fires at its end, once. Where it is put
/// back, a time that comes twice fires the first time; a schedule of every hour means time that
/// passes and fires both times.
pub fn next(cron: &Cron, zone: &TimeZone, after_ms: i64) -> Option<i64> {
    let after = Timestamp::from_millisecond(after_ms).ok()?;
    // The clock is never put back over more than a day.
    let mut day = zone.to_datetime(after).date().yesterday().ok()?;
    for _ in 0..HORIZON {
        let found = moments(cron, zone, day)
            .into_iter()
            .find(|at| *at > after_ms);
        if found.is_some() {
            return found;
        }
        day = day.tomorrow().ok()?;
    }
    None
}

/// The moments of one date, in order, each once.
fn moments(cron: &Cron, zone: &TimeZone, day: Date) -> Vec<i64> {
    let (month, date) = (day.month().unsigned_abs(), day.day().unsigned_abs());
    let weekday = day.weekday().to_sunday_zero_offset().unsigned_abs();
    if !cron.fires_on(month.into(), date.into(), weekday.into()) {
        return Vec::new();
    }
    let mut all: Vec<i64> = cron
        .minutes()
        .filter_map(|minute| {
            let hour = i8::try_from(minute / 60).ok()?;
            let minute = i8::try_from(minute % 60).ok()?;
            Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
        })
        .flat_map(|wall| at(zone, wall, cron.is_hourly()))
        .map(Timestamp::as_millisecond)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// When the clock on this wall shows this time.
fn at(zone: &TimeZone, wall: DateTime, twice: bool) -> Vec<Timestamp> {
    let with = |offset: Offset| offset.to_timestamp(wall).ok();
    let found = match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => [with(offset), None],
        AmbiguousOffset::Gap { after, .. } => [with(after).and_then(|t| gap_end(zone, t)), None],
        AmbiguousOffset::Fold { before, after } => [with(before), with(after).filter(|_| twice)],
    };
    found.into_iter().flatten().collect()
}

/// The moment at which the clock is put forward, a little after this one.
fn gap_end(zone: &TimeZone, before: Timestamp) -> Option<Timestamp> {
    let from = before.checked_sub(1.second()).ok()?;
    zone.following(from).next().map(|change| change.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        // Written out, so that no database is needed.
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    /// Moments as the wall shows them, with the offset.
    fn shown(cron: &str, from: &str, count: usize) -> Vec<String> {
        let (cron, zone) = (Cron::parse(cron).unwrap(), berlin());
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond();
        (0..count)
            .map(|_| {
                at = next(&cron, &zone, at).unwrap();
                let here = Timestamp::from_millisecond(at).unwrap();
                let here = here.to_zoned(zone.clone());
                here.strftime("%m-%d %H:%M%:z").to_string()
            })
            .collect()
    }

    /// The clock is put forward: what falls into the gap fires at its end, and never twice.
    #[test]
    fn spring_loses_no_slot() {
        assert_eq!(
            shown("30 2 * * *", "2026-03-28T00:00:00Z", 3),
            [
                "03-28 02:30+01:00",
                "03-29 03:00+02:00",
                "03-30 02:30+02:00"
            ]
        );
        assert_eq!(
            shown("*/30 * * * *", "2026-03-29T00:15:00Z", 3),
            [
                "03-29 01:30+01:00",
                "03-29 03:00+02:00",
                "03-29 03:30+02:00"
            ]
        );
    }

    /// The clock is put back: a time of day fires once, an hourly schedule every hour that passes.
    #[test]
    fn autumn_doubles_no_slot() {
        assert_eq!(
            shown("30 2 * * *", "2026-10-24T22:00:00Z", 2),
            ["10-25 02:30+02:00", "10-26 02:30+01:00"]
        );
        assert_eq!(
            shown("30 * * * *", "2026-10-24T23:45:00Z", 3),
            [
                "10-25 02:30+02:00",
                "10-25 02:30+01:00",
                "10-25 03:30+01:00"
            ]
        );
    }

    /// Weekdays, month ends and leap days come as the calendar has them.
    #[test]
    fn dates_come_as_they_are() {
        assert_eq!(
            shown("0 7 * * 1-5", "2026-06-12T06:00:00Z", 2),
            ["06-15 07:00+02:00", "06-16 07:00+02:00"]
        );
        assert_eq!(
            shown("0 0 31 * *", "2026-01-31T12:00:00Z", 2),
            ["03-31 00:00+02:00", "05-31 00:00+02:00"]
        );
        assert_eq!(
            shown("0 12 29 2 *", "2026-01-01T00:00:00Z", 2),
            ["02-29 12:00+01:00"; 2]
        );
    }
}
