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
    /// Switched off until somebody arms it.
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
        /// How many firings wait, each for a run of its own.
        firings: u32,
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

impl Waking {
    /// That a trigger's time is over; since when, where that is known. `arms` is what the reader has to do
    /// against it: a key or a command.
    pub fn expired(since: Option<&str>, arms: &str) -> String {
        let since = since.map_or_else(String::new, |since| format!(" since {since}"));
        format!("its time is over{since}; {arms} arms it for as long again")
    }

    /// The same a while before.
    pub fn expires(when: &str, arms: &str) -> String {
        format!("expires {when}; {arms} arms it for as long again")
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
