//! Figures as people read them: tokens, money, times of day, durations, dates.

use crate::run::{Usage, counted};

/// A point in time together with the operator's distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub ms: i64,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

impl Moment {
    /// The same clock at another time.
    #[must_use]
    pub fn at(self, ms: i64) -> Self {
        Self { ms, ..self }
    }

    fn local_s(self) -> i64 {
        self.ms.div_euclid(1000) + i64::from(self.offset_s)
    }

    /// Days since 1970, local.
    pub fn day(self) -> i64 {
        self.local_s().div_euclid(86_400)
    }

    /// Minute of the day, local.
    pub fn minute(self) -> u16 {
        u16::try_from(self.local_s().rem_euclid(86_400) / 60).unwrap_or(0)
    }

    /// `14:07`
    pub fn hm(self) -> String {
        let s = self.local_s().rem_euclid(86_400);
        format!("{:02}:{:02}", s / 3600, s / 60 % 60)
    }

    /// `14:07:31`
    pub fn hms(self) -> String {
        format!("{}:{:02}", self.hm(), self.local_s().rem_euclid(60))
    }

    /// `Fri 12`
    pub fn weekday_day(self) -> String {
        format!("{} {:02}", self.weekday(), self.day_of_month())
    }

    /// `Fri`
    pub fn weekday(self) -> &'static str {
        const NAMES: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        usize::try_from(self.day().rem_euclid(7))
            .ok()
            .and_then(|i| NAMES.get(i))
            .copied()
            .unwrap_or("")
    }

    /// Day of the month, by the civil-from-days rule of Howard Hinnant's date algorithms.
    fn day_of_month(self) -> i64 {
        let z = self.day() + 719_468;
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        doy - (153 * mp + 2) / 5 + 1
    }
}

/// `2,104`
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `920`, `12.4k`, `1.2M`
pub fn short(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        10_000..1_000_000 if n.is_multiple_of(1_000) => format!("{}k", n / 1_000),
        1_000..1_000_000 => format!("{}.{}k", n / 1_000, n / 100 % 10),
        _ => format!("{}.{}M", n / 1_000_000, n / 100_000 % 10),
    }
}

/// `12.4k tok`, with `≈` before an estimate.
pub fn tokens(usage: Usage) -> String {
    let sign = if usage.estimated { "≈" } else { "" };
    format!("{sign}{} tok", short(usage.tokens))
}

/// `$0.41`, `≈$0.41` by a list of prices, `$0.00 + $0.30 plan` where a subscription covered some.
/// An unknown cost is said, never shown as nothing.
pub fn money(usage: Usage) -> String {
    let paid = match usage.micro_usd {
        Some(m) if usage.priced => format!("≈{}", dollars(m)),
        Some(m) => dollars(m),
        None => "$ unknown".to_owned(),
    };
    match usage.plan_micro_usd {
        0 => paid,
        plan => format!("{paid} + {} plan", dollars(plan)),
    }
}

/// `12.4k tok · $0.41`, or that nothing was spent.
pub fn spent(usage: Usage) -> String {
    if usage == Usage::default() {
        return "nothing spent".to_owned();
    }
    format!("{} · {}", tokens(usage), money(usage))
}

/// `12.4k tok · $0.31 for each of 5 approved runs`: what one result costs, the failed runs with it.
pub fn per_result(spent: Usage, approved: u32) -> String {
    if approved == 0 {
        return "nothing approved yet".to_owned();
    }
    let each = u64::from(approved);
    let one = Usage {
        tokens: spent.tokens / each,
        micro_usd: spent.micro_usd.map(|m| m / each),
        plan_micro_usd: spent.plan_micro_usd / each,
        ..spent
    };
    let results = count(
        usize::try_from(approved).unwrap_or(usize::MAX),
        "approved run",
    );
    format!("{} · {} for each of {results}", tokens(one), money(one))
}

/// `$0.41`, rounded to the cent.
pub fn dollars(micro_usd: u64) -> String {
    let cents = micro_usd.saturating_add(5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// `0:41`, `12:05`, `3h 20m`: how long something waits.
pub fn waiting(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    match s {
        0..3600 => format!("{}:{:02}", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86_400, s / 3600 % 24),
    }
}

/// `18:00`, with the day where it is not today: a time in the future. A minute that has begun is not over.
pub fn until(now: Moment, at_ms: i64) -> String {
    let at = now.at(at_ms.saturating_add(59_999));
    if at.day() == now.day() {
        at.hm()
    } else {
        format!("{} {}", at.weekday_day(), at.hm())
    }
}

/// `26s`, `2m31s`, `1h05m`: how long something took.
pub fn took(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        _ => format!("{}h{:02}m", s / 3600, s / 60 % 60),
    }
}

/// `1 file`, `2 files`
pub fn count(n: usize, one: &str) -> String {
    counted(n as u64, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures read as in PRODUCT's drawings.
    #[test]
    fn figures_read_as_drawn() {
        assert_eq!(thousands(2104), "2,104");
        assert_eq!((short(12_437), short(920)), ("12.4k".into(), "920".into()));
        assert_eq!(dollars(411_000), "$0.41");
        let paid = |micro_usd, priced, plan_micro_usd| {
            money(Usage {
                micro_usd,
                priced,
                plan_micro_usd,
                ..Usage::default()
            })
        };
        assert_eq!(paid(None, false, 0), "$ unknown");
        assert_eq!(paid(Some(411_000), true, 0), "≈$0.41");
        assert_eq!(paid(Some(0), false, 300_000), "$0.00 + $0.30 plan");
        assert_eq!(waiting(41_000), "0:41");
        assert_eq!(took(151_000), "2m31s");
    }

    /// Dates follow the calendar, in the operator's own time zone.
    #[test]
    fn dates_are_local() {
        let m = Moment {
            ms: 1_781_273_220_000,
            offset_s: 0,
        };
        assert_eq!((m.weekday_day(), m.hm()), ("Fri 12".into(), "14:07".into()));
        let east = Moment {
            offset_s: 10 * 3600,
            ..m
        };
        assert_eq!(east.weekday_day(), "Sat 13");
    }
}
