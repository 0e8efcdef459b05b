//! How a loop's trigger stands, for the loop list, and what the operator should have seen happen.

use serde::{Deserialize, Serialize};

/// How a loop's trigger stands. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waking", rename_all = "kebab-case")]
pub enum Waking {
    /// Only a person starts it.
    Manual,
    /// It is to prove itself by hand before its trigger counts.
    Unproven {
        /// Runs that ended accepted with exactly this skill.
        proven: u32,
        /// How many it takes.
        of: u32,
    },
    /// Switched off; `u` arms it.
    Off {
        /// By what.
        why: String,
    },
    /// The time that its file gives it is over: it wakes again once somebody arms it.
    Expired {
        /// Since when.
        at: i64,
    },
    /// Its trigger cannot be used until something is mended.
    Disarmed {
        /// The cause, one line.
        why: String,
    },
    /// It will wake.
    Armed {
        /// When, if that is known.
        next: Option<i64>,
    },
    /// Armed, but a rule holds it back.
    Asleep {
        /// Until then.
        until: i64,
        /// Which rule, one line.
        why: String,
    },
    /// It has fired and waits.
    Queued {
        /// For what, one line.
        why: String,
    },
}

/// Firings that should have led to a run, and did not: in the loop list those since a person last
/// answered the loop or started it by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapse {
    /// When the newest was due; milliseconds since 1970.
    pub at: i64,
    /// When the oldest was due.
    pub first: i64,
    /// How many.
    pub count: u32,
    /// Why they led to none, one line; where there are several causes, each with its count.
    pub why: String,
}

/// What lets a trigger go on whose time is over, or nearly so.
const ARMS: &str = "u at its row, or `checkride arm`, arms it for as long again";

impl Waking {
    /// That a trigger's time is over, in the words of every surface; since when, where that is known.
    pub fn expired(since: Option<&str>) -> String {
        let since = since.map_or_else(String::new, |since| format!(" since {since}"));
        format!("its time is over{since}; {ARMS}")
    }

    /// The same a while before.
    pub fn expires(when: &str) -> String {
        format!("expires {when}; {ARMS}")
    }

    /// When it wakes next, or may again, where that is known.
    pub fn next(&self) -> Option<i64> {
        match self {
            Self::Armed { next } => *next,
            Self::Asleep { until, .. } => Some(*until),
            Self::Manual
            | Self::Unproven { .. }
            | Self::Off { .. }
            | Self::Expired { .. }
            | Self::Disarmed { .. }
            | Self::Queued { .. } => None,
        }
    }

    /// Whether it may start runs by itself.
    pub fn armed(&self) -> bool {
        match self {
            Self::Armed { .. } | Self::Asleep { .. } | Self::Queued { .. } => true,
            Self::Manual
            | Self::Unproven { .. }
            | Self::Off { .. }
            | Self::Expired { .. }
            | Self::Disarmed { .. } => false,
        }
    }
}
