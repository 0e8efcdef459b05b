//! Exit codes: what a script learns of a command without reading its words.

use std::fmt;
use std::process::ExitCode;

use crate::run::Outcome;

/// How the program ends (PRODUCT §3.9 and §5.24).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: done; of `run`: the goal is met.
    Done = 0,
    /// 1: something inside or a file, socket or disk failed.
    Trouble = 1,
    /// 2: an invalid file, or a command line that says nothing.
    Usage = 2,
    /// 10: the run waits at a checkpoint.
    Waiting = 10,
    /// 11: not approved, and the iterations are used up.
    NotApproved = 11,
    /// 12: stopped as stuck.
    Stuck = 12,
    /// 13: stopped at a limit.
    Budget = 13,
    /// 14: stopped by the operator.
    Stopped = 14,
    /// 15: could not verify, so it did not begin.
    CannotVerify = 15,
    /// 20: the command was refused, or its checkpoint is stale or unseen; nothing changed.
    Refused = 20,
    /// 21: there is no such loop, run or checkpoint.
    Unknown = 21,
    /// 22: no host runs.
    NoHost = 22,
    /// 23: the operator has not allowed what it would run.
    Untrusted = 23,
}

/// Why a command did not do what it was asked: its exit code and one line, cause first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// The code.
    pub exit: Exit,
    /// The line.
    pub line: String,
}

impl Exit {
    /// How `run` ends for a run that ended so.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done | Outcome::Published | Outcome::Kept => Self::Done,
            Outcome::Exhausted => Self::NotApproved,
            Outcome::Stuck => Self::Stuck,
            Outcome::Budget => Self::Budget,
            Outcome::Stopped => Self::Stopped,
            Outcome::CannotVerify(_) => Self::CannotVerify,
        }
    }

    /// A failure with this code.
    pub fn because(self, line: impl Into<String>) -> Fail {
        Fail {
            exit: self,
            line: line.into(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Fail {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of an outcome is the one that the run itself names.
    #[test]
    fn outcomes_keep_their_codes() {
        let outcomes = [
            Outcome::Done,
            Outcome::Published,
            Outcome::Kept,
            Outcome::Exhausted,
            Outcome::Stuck,
            Outcome::Budget,
            Outcome::Stopped,
            Outcome::CannotVerify(String::new()),
        ];
        for outcome in outcomes {
            assert_eq!(Exit::of(&outcome) as u8, outcome.exit_code());
        }
    }
}
