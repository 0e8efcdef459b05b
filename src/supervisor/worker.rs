//! Workers: one turn of an agent, whoever it is, told as entries while it runs and as a `Turn` after.
//! How each kind is reached lies below; what its work changed is measured by the workspace.

pub mod acp;
pub mod command;
pub mod http;
pub mod leave;
pub mod script;
pub mod stream;
pub mod tools;
pub mod transcript;

use std::time::Duration;

use crate::run::{Failure, Purse, Stage, Usage};

pub use stream::Session;
pub use transcript::{Entry, Kind, Transcript};

/// Told of what a worker does, while it does it.
pub trait Progress {
    /// One thing for the transcript; the text is not inert yet, and one line unless it says more.
    fn entry(&mut self, kind: Kind, text: &str);
    /// All that this turn has used so far.
    fn usage(&mut self, so_far: Usage);
    /// Tokens that the turn may use in all: a worker that passes them is ended at once.
    fn most_tokens(&self) -> u64 {
        u64::MAX
    }
    /// A good moment to write and to show what was told, at most every 10 ms.
    fn pause(&mut self);
}

/// One turn of a worker, over: its whole tree of processes is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What it says of itself, one line, inert; never counted.
    pub claim: Option<String>,
    /// Its last `NOTE:` line, inert.
    pub note: Option<String>,
    /// A question it asks instead of working, inert.
    pub question: Option<String>,
    /// What it spent, in all.
    pub usage: Usage,
    /// The session that it worked in, where the agent names it.
    pub session: Option<Session>,
    /// Time it took, in milliseconds.
    pub took_ms: u64,
    /// The last lines of its standard error, inert, at most 4 KiB.
    pub stderr_tail: String,
    /// How it ended.
    pub ended: Ended,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Well; its work can be measured.
    Well,
    /// It was asked to stop.
    Halted,
    /// Badly; one line with a cause and a next step.
    Badly(Failure),
    /// At somebody else's usage limit, which ends then: milliseconds since 1970.
    Limited(i64, Failure),
    /// Before a call that the run's budget may not hold; one line of why.
    NoRoom(Purse, String),
}

impl Turn {
    /// A turn that never began: nothing was spent. The cause, with a next step.
    pub(super) fn never_started(cause: String) -> Self {
        Self {
            claim: None,
            note: None,
            question: None,
            usage: Usage::default(),
            session: None,
            took_ms: 0,
            stderr_tail: String::new(),
            ended: Ended::Badly(Failure::new(Stage::Work, cause)),
        }
    }
}

/// A time as people say it: seconds below two minutes, else whole minutes.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
