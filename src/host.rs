//! The process around the supervisor: one per project, behind an owner-only socket, and the way to
//! it. Nothing here decides about runs.

mod absence;
pub mod attach;
mod attic;
mod cockpit;
mod daemon;
mod demo;
pub mod environment;
mod install;
mod lasting;
pub mod lock;
mod log;
mod looks;
mod machine;
pub mod peer;
mod plain;
pub mod program;
pub mod serve;
pub mod wire;

use std::fmt;

use crate::cli::{Exit, Fail};

/// Why there is no host to speak to or to be, in one line: cause first, then what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// No host runs for this project.
    Absent(String),
    /// Another host holds this project's lock.
    Taken(String),
    /// The host that runs speaks another form of the wire.
    OtherWire(String),
    /// Anything else: the line says what.
    Trouble(String),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(line)
            | Self::Taken(line)
            | Self::OtherWire(line)
            | Self::Trouble(line) => f.write_str(line),
        }
    }
}

impl std::error::Error for HostError {}

impl From<HostError> for Fail {
    fn from(e: HostError) -> Self {
        match e {
            HostError::Absent(line) => Exit::NoHost.because(line),
            HostError::Taken(line) | HostError::OtherWire(line) | HostError::Trouble(line) => {
                Exit::Trouble.because(line)
            }
        }
    }
}
