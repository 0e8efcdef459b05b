//! The one place that asks what time it is. Everything else is handed a `Clock`, so that tests and
//! the demo can turn their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

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

    /// The date here, `2026-06-12`.
    pub fn date(&self) -> String {
        self.here().date().to_string()
    }
}
