//! What a machine has for loops, as `doctor` and the first-run page show it.

use serde::{Deserialize, Serialize};

/// What was found on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The version of git, where it is installed.
    pub git: Option<String>,
    /// The agents that are known, found or not.
    pub agents: Vec<Agent>,
    /// The variables of keys that are known, set or not; never a key.
    pub keys: Vec<Key>,
    /// The model servers that answer on this machine.
    pub servers: Vec<Server>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its program.
    pub name: String,
    /// The format to name for what it prints.
    pub format: String,
    /// Its version, where it is on the path.
    pub version: Option<String>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The environment variable.
    pub name: String,
    /// Whether it is set and not empty.
    pub set: bool,
}

/// One model server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// What usually listens there.
    pub name: String,
    /// The address for a loop file.
    pub base_url: String,
    /// The models that it offers, at most 20.
    pub models: Vec<String>,
}
