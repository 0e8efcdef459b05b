//! When a rule of the clock lets go: the end of quiet hours, the next day. Pure.

use jiff::{ToSpan, Zoned};

use crate::run::spec::Hours;

/// The minute of the day here.
pub fn minute(here: &Zoned) -> u16 {
    let minute = i32::from(here.hour()) * 60 + i32::from(here.minute());
    u16::try_from(minute).unwrap_or(0)
}

/// When these quiet hours end, in milliseconds since 1970; `None` where they are not now.
pub fn ends(hours: Hours, here: &Zoned) -> Option<i64> {
    let minute = minute(here);
    if !hours.contains(minute) {
        return None;
    }
    let (hour, at) = (
        i8::try_from(hours.to / 60).ok()?,
        i8::try_from(hours.to % 60).ok()?,
    );
    let today = here.date().at(hour, at, 0, 0);
    let end = if hours.to > minute {
        today
    } else {
        today.checked_add(1.day()).ok()?
    };
    let end = end.to_zoned(here.time_zone().clone()).ok()?;
    Some(end.timestamp().as_millisecond())
}

/// When the next day begins here, in milliseconds since 1970.
pub fn tomorrow(here: &Zoned) -> Option<i64> {
    let day = here.date().tomorrow().ok()?;
    let begins = day.to_zoned(here.time_zone().clone()).ok()?;
    Some(begins.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quiet hours end today or tomorrow, whichever end comes next.
    #[test]
    fn quiet_hours_end() {
        let night = Hours::parse("22:00-06:30").unwrap();
        let at = |text: &str| text.parse::<Zoned>().unwrap();
        let end = at("2026-06-13T06:30:00[UTC]").timestamp().as_millisecond();
        assert_eq!(ends(night, &at("2026-06-12T22:00:00[UTC]")), Some(end));
        assert_eq!(ends(night, &at("2026-06-13T06:29:59[UTC]")), Some(end));
        assert_eq!(ends(night, &at("2026-06-13T06:30:00[UTC]")), None);
        let midnight = at("2026-06-13T00:00:00[UTC]").timestamp().as_millisecond();
        assert_eq!(tomorrow(&at("2026-06-12T22:00:00[UTC]")), Some(midnight));
    }
}
