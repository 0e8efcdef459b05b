//! Five-field cron: reading it, saying it in words, on which days and minutes it fires. No clock.

use serde::{Deserialize, Serialize};

/// One schedule; the time on the wall, as cron means it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    minutes: Vec<u32>,
    hours: Vec<u32>,
    days: Vec<u32>,
    months: Vec<u32>,
    /// 0 is Sunday.
    weekdays: Vec<u32>,
    any_day: bool,
    any_weekday: bool,
}

/// The five fields: name, range, and names for its values from the first on.
const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    (
        "month",
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    (
        "weekday",
        0,
        7,
        &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    ),
];

const DAY: u32 = 24 * 60;

impl Cron {
    /// Reads five fields; the error says which field is wrong and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("it has {} fields instead of five", fields.len()));
        };
        let mut weekdays: Vec<u32> = field(weekday, 4)?.iter().map(|d| d % 7).collect();
        weekdays.sort_unstable();
        weekdays.dedup();
        Ok(Self {
            text: fields.join(" "),
            minutes: field(minute, 0)?,
            hours: field(hour, 1)?,
            days: field(day, 2)?,
            months: field(month, 3)?,
            weekdays,
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        })
    }

    /// The minutes of a day at which it fires, from 0, in order.
    pub fn minutes(&self) -> impl Iterator<Item = u32> {
        let hours = self.hours.iter();
        hours.flat_map(|hour| self.minutes.iter().map(move |minute| hour * 60 + minute))
    }

    /// Whether it fires in every hour: then it means time that passes, not a time on the wall.
    pub fn is_hourly(&self) -> bool {
        self.hours.len() == 24
    }

    /// Least minutes between two firings; `None` when it never fires.
    pub fn shortest_gap(&self) -> Option<u32> {
        let times: Vec<u32> = self.minutes().collect();
        let (first, last) = (*times.first()?, *times.last()?);
        let inside = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        let nights = self.shortest_nights()?;
        let over_night = nights * DAY + first - last;
        Some(inside.unwrap_or(over_night).min(over_night))
    }

    /// Words for the screen.
    pub fn words(&self) -> String {
        let daily = (self.days.len(), self.months.len()) == (31, 12);
        let days = match self.weekdays.as_slice() {
            _ if !daily => None,
            [0, 1, 2, 3, 4, 5, 6] => Some("daily"),
            [1, 2, 3, 4, 5] => Some("weekdays"),
            [0, 6] => Some("weekends"),
            [0] => Some("Sundays"),
            [1] => Some("Mondays"),
            [2] => Some("Tuesdays"),
            [3] => Some("Wednesdays"),
            [4] => Some("Thursdays"),
            [5] => Some("Fridays"),
            [6] => Some("Saturdays"),
            _ => None,
        };
        match (days, self.hours.as_slice(), self.minutes.as_slice()) {
            (Some(days), [hour], [minute]) => format!("{days} {hour:02}:{minute:02}"),
            _ => format!("cron {}", self.text),
        }
    }

    /// Least days from one day that fires to the next, over the 28 years after which weekdays and
    /// leap years repeat; `None` when no day fires.
    fn shortest_nights(&self) -> Option<u32> {
        let (mut before, mut shortest, mut any) = (None::<u32>, None::<u32>, false);
        // 1 January 2000 was a Saturday.
        let mut today = 0_u32;
        for year in 2000..2028 {
            for month in 1..=12 {
                for day in 1..=days_in(month, year) {
                    if self.fires_on(month, day, (today + 6) % 7) {
                        any = true;
                        let nights = before.map(|day| today - day);
                        shortest = shortest.into_iter().chain(nights).min();
                        before = Some(today);
                    }
                    today += 1;
                }
            }
        }
        // A single day in 28 years comes round again after all of them.
        any.then(|| shortest.unwrap_or(today))
    }

    /// Whether it fires on this day; months and days from 1, Sunday is 0.
    ///
    /// Cron's old rule: when both day fields are restricted, either is enough.
    pub fn fires_on(&self, month: u32, day: u32, weekday: u32) -> bool {
        let (by_day, by_weekday) = (self.days.contains(&day), self.weekdays.contains(&weekday));
        self.months.contains(&month)
            && if self.any_day || self.any_weekday {
                by_day && by_weekday
            } else {
                by_day || by_weekday
            }
    }
}

impl TryFrom<String> for Cron {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The values of one field, sorted.
fn field(text: &str, which: usize) -> Result<Vec<u32>, String> {
    let (name, low, high, words) = FIELDS[which];
    let wrong = || format!("its {name} `{text}` does not lie in {low}–{high}");
    let value = |word: &str| -> Option<u32> {
        let named = words.iter().position(|n| n.eq_ignore_ascii_case(word));
        match named.and_then(|at| u32::try_from(at).ok()) {
            Some(at) => Some(low + at),
            None => word.parse().ok().filter(|v| (low..=high).contains(v)),
        }
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                step.parse().ok().filter(|s| *s > 0).ok_or_else(wrong)?,
            ),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (value(from).ok_or_else(wrong)?, value(to).ok_or_else(wrong)?),
            None => {
                let from = value(range).ok_or_else(wrong)?;
                (from, if part.contains('/') { high } else { from })
            }
        };
        if from > to {
            return Err(wrong());
        }
        all.extend((from..=to).step_by(usize::try_from(step).unwrap_or(usize::MAX)));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(text: &str) -> Option<u32> {
        Cron::parse(text).unwrap().shortest_gap()
    }

    /// The distance between two firings, over midnight and over weekends too.
    #[test]
    fn how_often_it_fires() {
        assert_eq!(gap("* * * * *"), Some(1));
        assert_eq!(gap("*/20 * * * *"), Some(20));
        assert_eq!(gap("0 7 * * 1-5"), Some(DAY));
        assert_eq!(gap("0 7 * * 1"), Some(7 * DAY));
        assert_eq!(gap("50 23 * * *"), Some(DAY));
        assert_eq!(gap("10,50 0,23 * * *"), Some(20));
        assert_eq!(gap("0 0 29 2 *"), Some(1461 * DAY));
    }

    /// Dates that no calendar has never fire.
    #[test]
    fn impossible_dates_never_fire() {
        for text in ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *"] {
            assert_eq!(gap(text), None, "{text}");
        }
        // Both day fields restricted: either is enough.
        assert_eq!(gap("0 0 31 2 1"), Some(7 * DAY));
    }

    /// What is no schedule is refused with its field.
    #[test]
    fn nonsense_is_refused() {
        let wrong = [
            "",
            "0 7 * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "@daily",
            "1,, * * * *",
            "-1 * * * *",
            "0 0 * * 99999999999",
        ];
        for text in wrong {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Cron::parse("0 25 * * *").unwrap_err(),
            "its hour `25` does not lie in 0–23"
        );
    }

    /// Common schedules read as words; the others as they are.
    #[test]
    fn words_for_the_screen() {
        let words = |text| Cron::parse(text).unwrap().words();
        assert_eq!(words("0 7 * * 1-5"), "weekdays 07:00");
        assert_eq!(words("30 6 * * mon-fri"), "weekdays 06:30");
        assert_eq!(words("0 6 * * 2"), "Tuesdays 06:00");
        assert_eq!(words("0 6 * * 7"), "Sundays 06:00");
        assert_eq!(words("5 4 * * *"), "daily 04:05");
        assert_eq!(words("0  7 1 * *"), "cron 0 7 1 * *");
    }
}
