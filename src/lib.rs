//! checkride: a loop cockpit. The modules in reading order; `ARCHITECTURE.md` is the map.

pub mod run;

pub mod protocol;

pub mod link;

pub mod durable;

pub mod config;

pub mod supervisor;

pub mod tui;

pub mod cli;

pub mod host;
