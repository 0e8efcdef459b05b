//! The sandbox: what the processes of a run can see, write and reach. Here are its terms; the process
//! that puts itself inside is `enter.rs`, what a loop's processes are granted is `terms.rs`.

pub mod agents;
#[cfg(target_os = "linux")]
mod bridge;
#[cfg(target_os = "linux")]
mod caps;
pub mod enter;
mod grants;
mod hidden;
#[cfg(target_os = "linux")]
mod lead;
#[cfg(target_os = "linux")]
mod loopback;
pub mod probe;
pub mod proxy;
pub mod rooms;
mod settings;
pub mod terms;
pub mod upstream;
#[cfg(target_os = "linux")]
mod view;
#[cfg(target_os = "linux")]
mod walls;

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use super::process::Exit;

/// What one process and all that it starts are confined to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cage {
    /// Whether it gets namespaces of its own: processes, mounts, network, users.
    pub apart: bool,
    /// Whether Landlock walls are put up.
    pub walls: bool,
    /// Files and folders that can be read, with all below them; others are not there.
    pub read: Vec<OsString>,
    /// Files and folders that can be written too, with all below them.
    pub write: Vec<OsString>,
    /// Files and folders inside those of `read` that cannot be read all the same.
    pub mask: Vec<OsString>,
    /// Stores of git objects that can be read, with those that they borrow from.
    pub stores: Vec<OsString>,
    /// What it reaches.
    pub net: Net,
}

/// What a process reaches of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Net {
    /// Whatever the machine reaches.
    Open,
    /// Nothing; with namespaces a loopback of its own.
    None,
    /// What the proxy at this socket passes on; wants namespaces.
    Through(OsString),
}

impl Cage {
    /// The second argument of `__sandbox` for this cage.
    pub(in crate::supervisor) fn word(&self) -> &'static str {
        match (self.apart, &self.net) {
            (false, _) => enter::HERE,
            (true, Net::Open) => enter::APART,
            (true, Net::None | Net::Through(_)) => enter::ALONE,
        }
    }
}

/// What the inside tells the keeper, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::supervisor) enum Word {
    /// The order is known; nothing of it has begun.
    Heard,
    /// All stands, and the program runs; the interface of Landlock that is in force, 0 for none.
    Started(i32),
    /// It could not be set up, or the program could not be started: one line of why.
    Failed(String),
    /// The program is over.
    Ended(Exit),
}
