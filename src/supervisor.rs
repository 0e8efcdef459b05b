//! The supervisor: one thread that runs every loop and blocks none of them. Commands in, records
//! out; one driver per run that is under way.

mod boss;
pub mod clock;
mod desk;
mod driver;
mod examiners;
pub mod guard;
mod hub;
pub mod inventory;
pub mod journal;
mod leftovers;
pub mod limit;
pub mod memory;
mod naming;
pub mod needs;
pub mod notices;
pub mod outbox;
mod plain;
pub mod process;
pub mod provider;
pub mod redactor;
pub mod sandbox;
pub mod sealed;
mod secrets;
mod shelf;
mod site;
pub mod slots;
mod stops;
mod transcripts;
pub mod trust;
mod turns;
pub mod verifier;
pub mod wake;
mod watching;
pub mod worker;
pub mod workspace;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::link::{FarEnd, Link};
use crate::run::Mode;
use clock::Clock;
use journal::{Journal, JournalError};

/// The journal's file in a project's state folder.
pub const JOURNAL: &str = "journal.db";

/// How long a thread for what blocks stays without work: longer than any host.
const STAYS: Duration = Duration::from_secs(u32::MAX as u64);

/// What a supervisor needs to know of the world around it. It reads no environment itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The project's folder, absolute.
    pub project: PathBuf,
    /// This project's folder in the platform's state folder: journal, workspaces.
    pub state: PathBuf,
    /// The user's config folder, with `prices.toml`; it need not exist.
    pub config: PathBuf,
    /// The program that is started as `__keeper`: this program itself.
    pub keeper: PathBuf,
    /// The environment from which loops let through what they name.
    pub env: Vec<(OsString, OsString)>,
    /// What time it is.
    pub clock: Clock,
    /// Modes beyond training that have been granted, by loop.
    pub grants: BTreeMap<String, Mode>,
    /// Whether the project is the program's own, as the demo's is: then all of it is obeyed.
    pub owned: bool,
    /// How fast scripted workers play; 1.0 is as written, 0.0 does not wait.
    pub pace: f64,
    /// What this machine can confine.
    pub powers: sandbox::probe::Trial,
    /// What the operator should know of this host, shown when a cockpit attaches.
    pub warnings: Vec<String>,
}

/// What the tasks of one supervisor share.
struct Shared {
    journal: Journal,
    hub: std::rc::Rc<hub::Hub>,
    transcripts: transcripts::Transcripts,
    turns: std::rc::Rc<turns::Turns>,
}

/// What goes on, for whoever decides whether the process may end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Connections that are open.
    pub cockpits: usize,
    /// Those of them that somebody sits in front of.
    pub people: usize,
    /// Runs with something in flight; a run that waits for a person is not among them.
    pub working: usize,
    /// Runs that go on by themselves at a certain time.
    pub sleeping: usize,
    /// Notices on their way to a receiver.
    pub telling: usize,
    /// Loops that wake by themselves.
    pub armed: usize,
    /// The operator asked for the end.
    pub leaving: bool,
}

/// The owner's hold on a running supervisor. Dropping it ends the supervisor; what was in flight is
/// killed, and the journal picks it up next time.
#[derive(Debug)]
pub struct Supervisor {
    doors: mpsc::UnboundedSender<FarEnd>,
    activity: watch::Receiver<Activity>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Why a supervisor cannot start, in one line.
#[derive(Debug)]
pub enum CannotStart {
    /// The journal cannot be used.
    Journal(JournalError),
    /// The thread or its folders cannot be made.
    Io(io::Error),
}

impl std::fmt::Display for CannotStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(e) => e.fmt(f),
            Self::Io(e) => write!(f, "cannot start the supervisor: {e}"),
        }
    }
}

impl std::error::Error for CannotStart {}

/// What carries all runs. A thread for what blocks is there from the beginning and never leaves: when
/// the system has no room for another one, work waits for this one, and without any it would break.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(STAYS)
        .build()?;
    drop(runtime.spawn_blocking(|| {}));
    Ok(runtime)
}

impl Supervisor {
    /// Opens the journal, picks up what was under way, and starts the thread.
    pub fn start(settings: Settings) -> Result<Self, CannotStart> {
        std::fs::create_dir_all(&settings.state).map_err(CannotStart::Io)?;
        let journal = Journal::open(&settings.state.join(JOURNAL)).map_err(CannotStart::Journal)?;
        let runtime = runtime().map_err(CannotStart::Io)?;
        let (doors, door) = mpsc::unbounded_channel();
        let (said, activity) = watch::channel(Activity::default());
        let work = move || {
            let local = LocalSet::new();
            local.block_on(&runtime, boss::work(settings, journal, door, said));
        };
        let thread = thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(work)
            .map_err(CannotStart::Io)?;
        Ok(Self {
            doors,
            activity,
            thread: Some(thread),
        })
    }

    /// A new connection from inside this process.
    pub fn connect(&self) -> Link {
        let (link, far) = Link::pair();
        self.admit(far);
        link
    }

    /// Serves the far end of a connection that came from elsewhere.
    pub fn admit(&self, far: FarEnd) {
        // A supervisor that has ended closes the link by dropping it.
        drop(self.doors.send(far));
    }

    /// What goes on; the channel closes when the supervisor has ended.
    pub fn activity(&self) -> watch::Receiver<Activity> {
        self.activity.clone()
    }

    /// Ends it, and waits until nothing of it is left.
    pub fn end(mut self) {
        self.close();
    }

    fn close(&mut self) {
        let (closed, _) = mpsc::unbounded_channel();
        self.doors = closed;
        if let Some(thread) = self.thread.take() {
            // A supervisor that panicked has told so on its own; its owner goes on.
            drop(thread.join());
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.close();
    }
}
