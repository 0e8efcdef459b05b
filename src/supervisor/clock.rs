//! The one place that asks what time it is. Everything else is handed a `Clock`, so that tests and
//! the demo can turn their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// How often a wait looks at the clock.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The same for a clock that only its owner moves.
const TEST_LOOKS_AGAIN: Duration = Duration::from_millis(20);

/// Wall-clock time, in milliseconds since 1970.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that only its owner moves.
    Test(Arc<AtomicI64>),
}

impl Clock {
    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => Timestamp::now().as_millisecond(),
            Self::Test(at) => at.load(Ordering::SeqCst),
        }
    }

    /// The date and time here.
    pub fn here(&self) -> Zoned {
        let at = Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(TimeZone::system())
    }

    /// A time in the future as people say it: `18:00`, with the date where it is not today.
    pub fn when(&self, at_ms: i64) -> String {
        // A minute that has begun is not over.
        let at = Timestamp::from_millisecond(at_ms.saturating_add(59_999));
        let (now, at) = (self.here(), at.unwrap_or(Timestamp::MAX));
        let at = at.to_zoned(now.time_zone().clone());
        if at.date() == now.date() {
            at.strftime("%H:%M").to_string()
        } else {
            at.strftime("%Y-%m-%d %H:%M").to_string()
        }
    }

    /// Done when this time has come. It looks again and again: the wall's clock may be set, and the
    /// machine may have slept.
    pub async fn until(&self, at_ms: i64) {
        let look = match self {
            Self::System => LOOK_AGAIN,
            Self::Test(_) => TEST_LOOKS_AGAIN,
        };
        loop {
            let left = at_ms.saturating_sub(self.now_ms());
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
                return;
            };
            tokio::time::sleep(Duration::from_millis(left).min(look)).await;
        }
    }

    /// The date here, `2026-06-12`.
    pub fn date(&self) -> String {
        self.here().date().to_string()
    }
}
