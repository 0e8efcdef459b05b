//! The way to the host: connects to the one that runs, or starts one and waits until it listens.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::wire::{self, Greeting, LONGEST_COMMAND, LONGEST_RECORD, Lines};
use super::{HostError, lock, log};
use crate::config::Paths;
use crate::link::{FarEnd, Link};

/// What the host says on its standard output once it listens.
pub const READY: &str = "ready";

/// What it says instead when another holds the lock.
pub const TAKEN: &str = "taken";

/// Time for a host that runs to greet; one that takes longer hangs.
const GREETING_TIME: Duration = Duration::from_secs(5);

/// Time for a host that was started to listen: it may have to pick up many runs.
const STARTING_TIME: Duration = Duration::from_secs(30);

/// Pauses between tries while another host is leaving or starting; 6 s in all.
const PAUSES_MS: [u64; 9] = [5, 20, 75, 200, 400, 800, 1_000, 1_500, 2_000];

/// The next step when a host cannot be understood.
const ANEW: &str = "run `checkride stop --host`, then start again";

/// How a host is started.
#[derive(Debug, Clone)]
pub struct Starter {
    /// This program.
    pub program: PathBuf,
}

/// Why a try to connect failed.
enum Missed {
    /// Nobody listens, or the host was just leaving.
    Nobody,
    /// Trying again would not help.
    Hopeless(HostError),
}

impl Missed {
    fn hopeless(line: String) -> Self {
        Self::Hopeless(HostError::Trouble(line))
    }
}

/// Why a start failed.
enum NotStarted {
    /// Another host holds the lock: one that is leaving, or one that was faster.
    Taken,
    /// Trying again would not help.
    Hopeless(String),
}

/// A host that was met.
#[derive(Debug)]
pub struct Attached {
    /// The connection to it.
    pub link: Link,
    /// What it was started with otherwise than this process, in one line.
    pub differs: Option<String>,
}

/// Connects to the host that runs.
///
/// # Errors
/// `Absent` where none runs; else one line of why it will not speak with us.
pub async fn connect(paths: &Paths) -> Result<Link, HostError> {
    look(paths).await.map(|met| met.link)
}

/// The same, with what it was started with otherwise than this process.
pub(super) async fn look(paths: &Paths) -> Result<Attached, HostError> {
    match meet(paths).await {
        Ok(met) => Ok(met),
        Err(Missed::Nobody) => Err(HostError::Absent(format!(
            "no host runs for {}; `checkride` starts one",
            paths.project().display()
        ))),
        Err(Missed::Hopeless(e)) => Err(e),
    }
}

/// Connects to the host, and starts one where none runs.
pub async fn attach(paths: &Paths, starter: &Starter) -> Result<Link, HostError> {
    meet_or_start(paths, starter).await.map(|met| met.link)
}

/// The same, with what the host was started with otherwise than this process.
pub(super) async fn meet_or_start(paths: &Paths, starter: &Starter) -> Result<Attached, HostError> {
    paths.prepare().map_err(HostError::Trouble)?;
    for pause in PAUSES_MS {
        match meet(paths).await {
            Ok(met) => return Ok(met),
            Err(Missed::Hopeless(e)) => return Err(e),
            Err(Missed::Nobody) => {}
        }
        match start(paths, starter).await {
            Ok(()) => {}
            Err(NotStarted::Taken) => sleep(Duration::from_millis(pause)).await,
            Err(NotStarted::Hopeless(line)) => return Err(HostError::Trouble(line)),
        }
    }
    let holder = lock::holder(paths).map_or_else(String::new, |h| format!(", process {}", h.pid));
    Err(HostError::Trouble(format!(
        "the host{holder} holds its lock but does not listen; end that process, then try again"
    )))
}

async fn meet(paths: &Paths) -> Result<Attached, Missed> {
    let stream = UnixStream::connect(paths.socket())
        .await
        .map_err(|e| missed(paths, &e))?;
    let (from, mut to) = stream.into_split();
    let mut lines = Lines::new(from, LONGEST_RECORD);
    // The host may be gone already; then its greeting is missing, which is what counts.
    let said = wire::say(&mut to, &Greeting::ours(None)).await;
    let greeting = timeout(GREETING_TIME, lines.greeting())
        .await
        .map_err(|_| Missed::hopeless(hanging(paths)))?;
    let theirs = match greeting {
        Ok(Some(theirs)) => theirs,
        Ok(None) | Err(wire::WireError::Io(_)) => return Err(Missed::Nobody),
        Err(e) => {
            let line =
                format!("what listens for this project is no host of checkride: {e}; {ANEW}");
            return Err(Missed::Hopeless(HostError::OtherWire(line)));
        }
    };
    accept(&theirs).map_err(Missed::Hopeless)?;
    said.map_err(|_| Missed::Nobody)?;
    let (near, far) = Link::pair();
    tokio::spawn(carry(lines, to, far));
    let here: Vec<_> = std::env::vars_os().collect();
    let differs = theirs.environment.and_then(|theirs| theirs.differs(&here));
    Ok(Attached {
        link: near,
        differs,
    })
}

/// Carries commands to the host and records from it, until either side is gone.
///
/// Commands that were given before the near end was dropped are still written.
async fn carry(
    lines: Lines<tokio::net::unix::OwnedReadHalf>,
    to: tokio::net::unix::OwnedWriteHalf,
    far: FarEnd,
) {
    let reading = wire::read_into(lines, far.records);
    tokio::pin!(reading);
    tokio::select! {
        // How it ended does not matter to the operator: the link ends, and that is shown.
        _read = &mut reading => {}
        written = wire::write_from(far.commands, to, LONGEST_COMMAND) => {
            // A host that takes nothing more may have said why.
            if written.is_err() {
                let _read = reading.await;
            }
        }
    }
}

fn accept(theirs: &Greeting) -> Result<(), HostError> {
    if theirs.wire != wire::WIRE {
        let line = format!("this host runs checkride {}; {ANEW}", theirs.checkride);
        return Err(HostError::OtherWire(line));
    }
    match &theirs.refused {
        Some(why) => Err(HostError::Trouble(why.clone())),
        None => Ok(()),
    }
}

fn missed(paths: &Paths, e: &io::Error) -> Missed {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, InvalidInput, NotFound};
    let kind = e.kind();
    let socket = paths.socket();
    if [NotFound, ConnectionRefused, ConnectionReset].contains(&kind) {
        Missed::Nobody
    } else if kind == InvalidInput {
        Missed::hopeless(lock::too_long(socket))
    } else {
        Missed::hopeless(format!("cannot connect to {}: {e}", socket.display()))
    }
}

fn hanging(paths: &Paths) -> String {
    let who = lock::holder(paths).map_or_else(String::new, |h| format!(" (process {})", h.pid));
    format!("the host{who} does not answer; end that process, then try again")
}

/// Starts a host in a session of its own and waits until it listens.
async fn start(paths: &Paths, starter: &Starter) -> Result<(), NotStarted> {
    let log = log::open(&paths.log()).map_err(|e| {
        NotStarted::Hopeless(format!("cannot write {}: {e}", paths.log().display()))
    })?;
    let logged = log.metadata().map_or(0, |meta| meta.len());
    let mut child = Command::new(&starter.program)
        .args(["host", "--background", "--project"])
        .arg(paths.project())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|e| {
            let program = starter.program.display();
            NotStarted::Hopeless(format!("cannot start {program}: {e}"))
        })?;
    let said = match child.stdout.take() {
        Some(out) => timeout(STARTING_TIME, first_line(out)).await,
        None => Ok(String::new()),
    };
    match said.as_deref() {
        Ok(READY) => Ok(()),
        Ok(TAKEN) => Err(NotStarted::Taken),
        Ok("") => {
            let last = log::last_line(&paths.log(), logged);
            let last = Some(last).filter(|l| !l.is_empty());
            let last = last.unwrap_or_else(|| "it left no word".to_owned());
            Err(NotStarted::Hopeless(format!(
                "the host died while starting: {last} (log: {})",
                paths.log().display()
            )))
        }
        Ok(why) => Err(NotStarted::Hopeless(why.to_owned())),
        Err(_) => Err(NotStarted::Hopeless(format!(
            "the host does not get ready; look into {}",
            paths.log().display()
        ))),
    }
}

/// The line by which a started host tells how it went; empty if it ended without one.
async fn first_line(out: ChildStdout) -> String {
    let mut line = Vec::new();
    let mut out = BufReader::new(out.take(4096));
    // What could not be read counts as not said.
    drop(out.read_until(b'\n', &mut line).await);
    match line.strip_suffix(b"\n") {
        Some(whole) => String::from_utf8_lossy(whole).into_owned(),
        None => String::new(),
    }
}
