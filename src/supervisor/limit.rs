//! When a usage limit ends, as agents and servers put it into words: «resets at 18:00», «try again in
//! 3 h 20 min», a number of seconds since 1970. Pure; what follows from it is `run/pause.rs`.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::run::inert::{cut, inert};

/// Longest wait that is believed.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How much later than a time on the wall the step begins again: clocks differ.
const SLACK: SignedDuration = SignedDuration::from_secs(30);

/// Most words after a sign that are looked at.
const MOST_WORDS: usize = 12;

/// Words without which a text speaks of no limit.
const TOPICS: [&str; 5] = ["limit", "quota", "429", "too many requests", "exhausted"];

/// What stands before a length of time.
const LENGTHS: [&str; 9] = [
    "again in ",
    "again after ",
    "retry in ",
    "retry after ",
    "resets in ",
    "reset in ",
    "reset after ",
    "available in ",
    "please wait ",
];

/// What stands before a time on the wall.
const TIMES: [&str; 6] = [
    "resets ",
    "reset at ",
    "again at ",
    "available at ",
    "retry at ",
    "again on ",
];

/// Most characters of the words that tell of a limit.
const CAUSE_CHARS: usize = 300;

/// Lines at the end of what a program printed that may tell of a limit.
const LAST_LINES: usize = 5;

/// A usage limit that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// When it ends: milliseconds since 1970.
    pub until_ms: i64,
    /// The words that tell of it, in one line, inert.
    pub cause: String,
}

/// The limit that the first of these texts tells of which tells of one.
pub fn met<'a>(texts: impl IntoIterator<Item = &'a str>, now: &Zoned) -> Option<Met> {
    texts.into_iter().find_map(|text| {
        Some(Met {
            until_ms: told(text, now)?,
            cause: cut(&inert(text.trim()), CAUSE_CHARS),
        })
    })
}

/// The lines at the end of what a program printed, the last one first.
pub fn last_lines(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().rev().take(LAST_LINES)
}

/// When the limit that this text tells of ends, in milliseconds since 1970; `None` where it tells of
/// no limit, or of no end that is to come within a month.
pub fn told(text: &str, now: &Zoned) -> Option<i64> {
    // Places in it are places in the text.
    let low = text.to_ascii_lowercase();
    TOPICS.iter().find(|topic| low.contains(**topic))?;
    let after = |signs: &'static [&'static str]| {
        let low = &low;
        signs.iter().flat_map(move |sign| {
            low.match_indices(sign)
                .filter_map(|(at, _)| text.get(at + sign.len()..))
        })
    };
    stamps(text)
        .chain(after(&LENGTHS).filter_map(|rest| Some(now.timestamp() + length(rest)?)))
        .chain(after(&TIMES).filter_map(|rest| on_the_wall(rest, now)))
        .find(|then| *then > now.timestamp() && *then <= now.timestamp() + LONGEST)
        .map(Timestamp::as_millisecond)
}

/// Points in time written for machines: seconds or milliseconds since 1970, or RFC 3339.
fn stamps(text: &str) -> impl Iterator<Item = Timestamp> {
    let digits = text
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| {
            let number = digits.parse::<i64>().ok()?;
            match digits.len() {
                10 => Timestamp::from_second(number).ok(),
                13 => Timestamp::from_millisecond(number).ok(),
                _ => None,
            }
        });
    let whole = text
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ','))
        .filter_map(|word| Timestamp::from_str(word.trim_end_matches('.')).ok());
    digits.chain(whole)
}

/// `3h22m10s`, `3 days 4 hours and 9 minutes`, `41.5 s`: as far as it goes.
fn length(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut sum = None;
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let Ok(number) = number.parse::<f64>() else {
            return sum;
        };
        let tail = tail.trim_start();
        let end = tail.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let Some(seconds) = seconds(unit) else {
            return sum;
        };
        let part = SignedDuration::try_from_secs_f64(number * seconds).ok()?;
        sum = Some(sum.unwrap_or(SignedDuration::ZERO).checked_add(part)?);
        rest = tail;
    }
}

fn seconds(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ms" | "milliseconds" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    })
}

/// What words say of a time on the wall.
#[derive(Debug, Default)]
struct Wall {
    date: Option<Date>,
    month: Option<i8>,
    day: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    zone: Option<TimeZone>,
}

/// `6pm`, `18:00`, `Jun 12th, 2026 6:05 PM`, `2026-06-12 18:00 (Europe/Berlin)`: the next time that it
/// is so.
fn on_the_wall(text: &str, now: &Zoned) -> Option<Timestamp> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')'));
    let words = words.map(|word| word.trim_end_matches(['.', ';', ':', '"', '\'']));
    let mut wall = Wall::default();
    for word in words.filter(|word| !word.is_empty()).take(MOST_WORDS) {
        if !wall.take(word) {
            break;
        }
    }
    let zone = wall.zone.clone().unwrap_or_else(|| now.time_zone().clone());
    let now = now.with_time_zone(zone.clone());
    let at = |date: Date| {
        let then = date.to_datetime(wall.time.unwrap_or_default());
        then.to_zoned(zone.clone())
            .ok()
            .map(|z| z.timestamp() + SLACK)
    };
    if wall.date.is_some() || wall.month.is_some() {
        return at(wall.dated(now.date())?);
    }
    wall.time?;
    let today = at(now.date())?;
    if today > now.timestamp() {
        return Some(today);
    }
    at(now.date().tomorrow().ok()?)
}

impl Wall {
    /// Takes a word in; `false` where the time is told.
    fn take(&mut self, word: &str) -> bool {
        let low = word.to_ascii_lowercase();
        let number = low.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']);
        if matches!(low.as_str(), "at" | "on") {
            return true;
        }
        if matches!(low.as_str(), "pm" | "am" | "p.m" | "a.m") {
            let bare = || Time::new(self.day.take()?, 0, 0, 0).ok();
            let time = self.time.or_else(bare);
            self.time = time.and_then(|time| twelve(time, low.starts_with('p')));
        } else if let Ok(date) = Date::from_str(word) {
            self.date = Some(date);
        } else if let Some(month) = month(&low) {
            self.month = Some(month);
        } else if let (Some(_), None, Ok(day)) = (self.month, self.day, number.parse()) {
            self.day = Some(day);
        } else if let Some(time) = time(&low) {
            self.time = Some(time);
        } else if let (Some(_), Ok(year @ 2000..)) = (self.day, low.parse()) {
            self.year = Some(year);
        } else if let (Ok(bare @ 1..=31), None, None) = (number.parse(), self.day, self.time) {
            // «6 pm» or «12 June»: what follows tells.
            self.day = Some(bare);
        } else if low == "utc" || low == "gmt" || low == "z" {
            self.zone = Some(TimeZone::UTC);
        } else if word.contains('/')
            && let Ok(zone) = TimeZone::get(word)
        {
            self.zone = Some(zone);
        } else {
            return false;
        }
        true
    }

    /// The day, where one is named: without a year, the next one of that name.
    fn dated(&self, today: Date) -> Option<Date> {
        if let Some(date) = self.date {
            return Some(date);
        }
        let (month, day) = (self.month?, self.day?);
        let in_year = |year| Date::new(year, month, day).ok();
        match self.year {
            Some(year) => in_year(year),
            None => in_year(today.year())
                .filter(|date| *date >= today)
                .or_else(|| in_year(today.year() + 1)),
        }
    }
}

fn month(low: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    if !low.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let at = MONTHS.iter().position(|month| low.starts_with(month))?;
    i8::try_from(at + 1).ok()
}

/// `18:00`, `18:00:30`, `6pm`, `6:05pm`.
fn time(low: &str) -> Option<Time> {
    let (clock, half) = match (low.strip_suffix("am"), low.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(false)),
        (None, Some(clock)) => (clock, Some(true)),
        (None, None) => (low, None),
    };
    let mut parts = clock.split(':').map(|part| part.parse::<i8>().ok());
    let hour = parts.next()??;
    let minute = match parts.next() {
        Some(minute) => minute?,
        None if half.is_some() => 0,
        None => return None,
    };
    let time = Time::new(hour, minute, 0, 0).ok()?;
    match half {
        Some(afternoon) => twelve(time, afternoon),
        None => Some(time),
    }
}

/// A time of the twelve-hour clock.
fn twelve(time: Time, afternoon: bool) -> Option<Time> {
    let hour = time.hour() % 12 + if afternoon { 12 } else { 0 };
    Time::new(hour, time.minute(), 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-06-12 14:00 in Berlin, a Friday.
    fn now() -> Zoned {
        "2026-06-12T14:00:00+02:00[Europe/Berlin]".parse().unwrap()
    }

    fn wait(text: &str) -> Option<String> {
        let then = Timestamp::from_millisecond(told(text, &now())?).unwrap();
        let then = then.to_zoned(TimeZone::UTC);
        Some(then.strftime("%m-%d %H:%M:%S").to_string())
    }

    /// Limits as agents and servers word them end when they say.
    #[test]
    fn the_end_of_a_limit_is_read() {
        for (text, end) in [
            ("You've hit your limit · resets 6pm", "06-12 16:00:30"),
            ("5-hour limit reached ∙ resets 18:00", "06-12 16:00:30"),
            ("usage limit: resets at 6:05 PM (UTC)", "06-12 18:05:30"),
            ("limit reached, resets 9am", "06-13 07:00:30"),
            ("limit reached, resets 9 am.", "06-13 07:00:30"),
            (
                "Weekly limit · resets Jun 15, 3am (America/New_York)",
                "06-15 07:00:30",
            ),
            ("weekly limit resets 15 June at 18:00", "06-15 16:00:30"),
            (
                "limit: try again at Jun 13th, 2026 6:05 PM.",
                "06-13 16:05:30",
            ),
            ("Claude AI usage limit reached|1781280000", "06-12 16:00:00"),
            (
                "limit reached, resets at 2026-06-12T20:00:00Z",
                "06-12 20:00:00",
            ),
            (
                "usage limit. Try again in 3 days 4 hours 9 minutes.",
                "06-15 16:09:00",
            ),
            ("Your quota will reset after 3h22m10s.", "06-12 15:22:10"),
            (
                "Rate limit reached for gpt. Please try again in 41.5s",
                "06-12 12:00:41",
            ),
            ("429: retry after 3600 seconds", "06-12 13:00:00"),
        ] {
            assert_eq!(wait(text).as_deref(), Some(end), "{text}");
        }
    }

    /// No limit, no end, or one that nobody would wait for: it is a failure like any other.
    #[test]
    fn what_is_no_limit_is_none() {
        for text in [
            "",
            "resets at 18:00",
            "the file limit.rs was written",
            "rate limit reached",
            "limit: gave up after 3 minutes",
            "limit reached, resets in 400 days",
            "limit reached|1481280000",
            "limit reached, resets at 99:99",
            "limit reached, resets Feb 31, 6pm",
            "limit resets in 1e999 s, again in . s, again in 9999999999999999999999 days",
        ] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
