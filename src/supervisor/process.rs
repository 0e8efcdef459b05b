//! Processes: every worker, check, judge, setup and publish command runs under a keeper.
//! What lives here: the order for one process and how it ended. What it prints is read by `watch`.

pub mod keeper;
mod kept;
pub mod spawn;
pub(in crate::supervisor) mod start;
pub mod sweep;
pub mod tail;
mod tree;
pub mod watch;
pub(in crate::supervisor) mod why;
pub(in crate::supervisor) mod wire;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use kept::Kept;
pub use spawn::{Running, spawn};
pub use tail::{Heard, Tail};
pub use watch::{Ending, Limits, Sink, Watched, watch};

use super::sandbox::{Cage, Net};
use crate::run::Digest;

/// The name of the environment variable that marks every process of a run.
pub const MARK: &str = "CHECKRIDE_RUN";

/// Marks the processes of one run, so that they can be found when all pipes to them are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark of a run of this project: two projects may have runs of the same name.
    pub fn new(project: &Path, run: &str) -> Self {
        Self(format!("{}{run}", Self::of_project(project)))
    }

    /// What the marks of all runs of a project begin with: 16 digits and a dot.
    pub fn of_project(project: &Path) -> String {
        let digest = Digest::of(project.as_os_str().as_encoded_bytes());
        format!("{}.", digest.as_str().get(..16).unwrap_or_default())
    }

    /// The value of the environment variable.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One process to start.
#[derive(Debug, Clone)]
pub struct Order {
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Folder it starts in.
    pub cwd: PathBuf,
    /// Its whole environment; the mark comes on top, and `TERM=dumb` where there is no `TERM`.
    pub env: Vec<(String, OsString)>,
    /// Whether its standard input is a pipe; else it reads nothing.
    pub stdin: Stdin,
    /// The run that it belongs to.
    pub mark: Mark,
    /// The program that is started as `__keeper`: this program itself.
    pub keeper: PathBuf,
    /// Where its keeper is taken from and kept; `None` for a keeper that ends with the process.
    pub kept: Option<Kept>,
    /// What it is confined to; `None` where nothing confines it.
    pub cage: Option<Cage>,
}

/// What a process reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    Null,
    /// What the host writes to a pipe.
    Piped,
}

/// What processes of a run have in common.
#[derive(Debug, Clone)]
pub struct Home {
    /// The program that is started as `__keeper`.
    pub keeper: PathBuf,
    /// See [`Order::kept`].
    pub kept: Option<Kept>,
    /// The run's mark.
    pub mark: Mark,
    /// The whole environment, see [`Order::env`].
    pub env: Vec<(String, OsString)>,
    /// See [`Order::cage`].
    pub cage: Option<Cage>,
}

impl Home {
    /// The same, with this reach where it is confined.
    #[must_use]
    pub fn reaching(&self, net: Net) -> Self {
        let cage = self.cage.clone().map(|cage| Cage { net, ..cage });
        Self {
            cage,
            ..self.clone()
        }
    }

    /// The order for one process of this run.
    pub fn order(&self, argv: Vec<String>, cwd: &Path, stdin: Stdin) -> Order {
        Order {
            argv,
            cwd: cwd.to_owned(),
            env: self.env.clone(),
            stdin,
            mark: self.mark.clone(),
            keeper: self.keeper.clone(),
            kept: self.kept.clone(),
            cage: self.cage.clone(),
        }
    }
}

/// Those variables of the host's environment that a loop lets through, in the loop's order.
pub fn allowed_env(
    names: &[String],
    host: impl Fn(&str) -> Option<OsString>,
) -> Vec<(String, OsString)> {
    names
        .iter()
        .filter_map(|name| Some((name.clone(), host(name)?)))
        .collect()
}

/// The first program of this name on a `PATH`.
pub fn on_path(name: &str, path: &OsStr) -> Option<PathBuf> {
    let mut places = std::env::split_paths(path).map(|folder| folder.join(name));
    places.find(|place| is_program(place))
}

/// Whether this file can be started.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its keeper was killed; what was left of the tree has been swept.
    KeeperLost,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {number}"),
            },
            Self::KeeperLost => f.write_str("its keeper process was killed"),
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    use rustix::process::Signal;
    let names = [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::ILL, "ILL"),
        (Signal::ABORT, "ABRT"),
        (Signal::BUS, "BUS"),
        (Signal::FPE, "FPE"),
        (Signal::KILL, "KILL"),
        (Signal::SEGV, "SEGV"),
        (Signal::PIPE, "PIPE"),
        (Signal::TERM, "TERM"),
        (Signal::XCPU, "XCPU"),
    ];
    names
        .into_iter()
        .find(|(signal, _)| signal.as_raw() == number)
        .map(|(_, name)| name)
}

/// How a process that was waited for ended.
pub(in crate::supervisor) fn ending(status: rustix::process::WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::KeeperLost,
    }
}

/// How what is in flight is asked to end. Only ever rises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halt {
    /// It may go on.
    #[default]
    No,
    /// TERM first, and half a second later the whole tree is killed.
    Politely,
    /// The whole tree is killed at once; an agent whose protocol knows a cancel is told first, and has
    /// a quarter of a second.
    Now,
    /// The whole tree is killed, and nobody is told anything.
    Outright,
}

/// Why a process was never started: one line, cause first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotStarted {
    /// What went wrong, where, and what to do next.
    pub why: String,
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for NotStarted {}
