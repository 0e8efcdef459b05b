//! Trouble: why a step on the workspace or at a publish target could not be done.
//! One line for the screen and the raw evidence behind it.

use std::fmt;
use std::io;
use std::path::Path;

use crate::durable;
use crate::run::inert::{spelled, spelled_line};
use crate::run::{Failure, Stage};

/// Most bytes of raw output kept as evidence (PRODUCT §5, `Failure::detail`).
const DETAIL_BYTES: usize = 4096;

/// A step that could not be done: cause first, then what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One inert line: what, where, what to do next.
    pub cause: String,
    /// Raw output, inert, at most 4 KiB; may be empty.
    pub detail: String,
    /// Whether it may have happened all the same.
    pub maybe_done: bool,
    /// Whether nothing but room on the disk was missing: once there is some, the same step may go well.
    pub no_room: bool,
}

impl Trouble {
    /// Trouble without further evidence.
    pub fn new(cause: impl AsRef<str>) -> Self {
        Self {
            cause: spelled_line(cause.as_ref().as_bytes()),
            detail: String::new(),
            maybe_done: false,
            no_room: false,
        }
    }

    /// Trouble with the end of some program's output as evidence.
    pub fn with_detail(cause: impl AsRef<str>, output: &[u8]) -> Self {
        let from = output.len().saturating_sub(DETAIL_BYTES);
        Self {
            detail: spelled(&output[from..]),
            ..Self::new(cause)
        }
    }

    /// Trouble with a file: what was attempted, on which path, and what the system said.
    pub fn file(attempt: &str, path: &Path, error: &io::Error) -> Self {
        Self::written(
            format!("cannot {attempt} {}: {error}", path.display()),
            error,
        )
    }

    /// Trouble in words of its own with what the system refused to write.
    pub fn written(cause: impl AsRef<str>, error: &io::Error) -> Self {
        Self {
            no_room: durable::has_no_room(error),
            ..Self::new(cause)
        }
    }

    /// The same trouble, marked as one that may have happened all the same.
    #[must_use]
    pub fn maybe_done(mut self) -> Self {
        self.maybe_done = true;
        self
    }

    /// As the failure of this step of a run.
    pub fn failure(self, stage: Stage) -> Failure {
        Failure {
            stage,
            cause: self.cause,
            detail: self.detail,
            maybe_done: self.maybe_done,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Trouble {}
