//! Workers: one turn of an agent, whoever it is, told as entries while it runs and as a `Turn` after.
//! How each kind is reached lies below; what its work changed is measured by the workspace.

pub mod command;
pub mod http;
pub mod leave;
pub mod script;
pub mod stream;
pub mod tools;
pub mod transcript;

use crate::run::{Failure, Usage};

pub use stream::Session;
pub use transcript::{Entry, Kind, Transcript};

/// Told of what a worker does, while it does it.
pub trait Progress {
    /// One thing for the transcript; the text is not inert yet, and one line unless it says more.
    fn entry(&mut self, kind: Kind, text: &str);
    /// All that this turn has used so far.
    fn usage(&mut self, so_far: Usage);
    /// A good moment to write and to show what was told, at most every 30 ms.
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
}
