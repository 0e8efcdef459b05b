//! A span of the day, such as quiet hours.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A span of the day, from one minute to another; it may reach over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Which quiet hours it is at this minute of the day: a loop's own, or those of its project.
    pub fn now(own: Option<Self>, of_project: Option<Self>, minute: u16) -> Option<Self> {
        let mut all = own.into_iter().chain(of_project);
        all.find(|hours| hours.contains(minute))
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

#[cfg(test)]
mod tests {
    use super::*;

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
