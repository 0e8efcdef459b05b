//! Lengths of time, hours of the day and money, as people write them.

use std::fmt;

/// A span of the day, from one minute to another; it may reach over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// First minute of the day in it, from 0.
    pub from: u16,
    /// First minute of the day after it.
    pub to: u16,
}

impl Hours {
    /// Reads `22:00-06:30`; `None` for anything else, or for an empty span.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute_of_day(from.trim())?, minute_of_day(to.trim())?);
        (from != to).then_some(Self { from, to })
    }

    /// Whether this minute of the day (from 0) lies in it.
    pub fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// The units of time, longest first, each with its seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `90s`, `15m`, `1h30m`: whole numbers with d, h, m or s, longest unit first.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, worth) = units.find(|(letter, _)| *letter == unit)?;
        total = total.checked_add(number.checked_mul(*worth)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty()).then_some(total)
}

/// Seconds in the shortest words that `seconds` reads back.
pub(crate) fn words(seconds: u64) -> String {
    let (mut rest, mut out) = (seconds, String::new());
    for (letter, worth) in UNITS {
        if rest >= worth {
            out.push_str(&(rest / worth).to_string());
            out.push(letter);
            rest %= worth;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What people write for a length of time, and what is none.
    #[test]
    fn lengths_of_time() {
        let good = [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("2m", 120),
            ("30d", 2_592_000),
        ];
        for (text, wanted) in good {
            assert_eq!(seconds(text), Some(wanted), "{text}");
            assert_eq!(seconds(&words(wanted)), Some(wanted));
        }
        for text in [
            "",
            "15",
            "m",
            "15 m",
            "1.5h",
            "30m1h",
            "1h1h",
            "-5m",
            "15x",
            "99999999999999999999d",
            "5é",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    /// Quiet hours reach over midnight.
    #[test]
    fn hours_of_the_day() {
        let night = Hours::parse("22:00-06:30").unwrap();
        assert!(night.contains(23 * 60) && night.contains(0) && night.contains(389));
        assert!(!night.contains(390) && !night.contains(12 * 60));
        assert_eq!(night.to_string(), "22:00-06:30");
        for text in [
            "22-06",
            "24:00-01:00",
            "1:00-2:00",
            "10:00-10:00",
            "",
            "22:00",
        ] {
            assert_eq!(Hours::parse(text), None, "{text}");
        }
    }
}
