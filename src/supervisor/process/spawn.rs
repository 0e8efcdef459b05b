//! The host's side of a keeper: start one process under it, hear how it ended, end it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::sweep::{self, Record, Swept};
use super::wire::{self, Orders, Report};
use super::{Exit, MARK, Mark, NotStarted, Order, Stdin, tree};

/// The longest report of a keeper; a longer one is not from our keeper.
const LONGEST_REPORT: usize = 64 * 1024;

/// Room asked for in a pipe, so that a fast writer is not woken for every 64 KiB.
#[cfg(target_os = "linux")]
const PIPE_ROOM: usize = 256 * 1024;

/// A running process. Dropping it kills its whole tree.
#[derive(Debug)]
pub struct Running {
    /// Where its standard input is written; `None` for [`Stdin::Null`], or once taken.
    pub stdin: Option<pipe::Sender>,
    /// Its standard output; `None` once taken.
    pub stdout: Option<pipe::Receiver>,
    /// Its standard error; `None` once taken.
    pub stderr: Option<pipe::Receiver>,
    record: Record,
    mark: Mark,
    socket: UnixStream,
    /// Bytes of a report that is not complete yet.
    heard: Vec<u8>,
    /// Kept because [`Running::wait`] may be cancelled after it has heard it.
    exit: Option<Exit>,
    /// Under way when the keeper was lost; kept for the same reason.
    sweeping: Option<JoinHandle<Swept>>,
    /// Processes that could not be killed.
    left: usize,
    /// Held so that the keeper is reaped; it is never killed, because it has to kill first.
    keeper: Child,
}

/// Starts a process under a keeper of its own; one line of why where that fails.
pub async fn spawn(order: Order) -> Result<Running, NotStarted> {
    let program = order.argv.first().cloned().unwrap_or_default();
    begin(order).await.map_err(|e| match e {
        Trouble::Told(why) => NotStarted { why },
        Trouble::System(e) => NotStarted {
            why: explain(&program, &e),
        },
    })
}

enum Trouble {
    Told(String),
    System(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

async fn begin(order: Order) -> Result<Running, Trouble> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let (stdin, stdin_end) = input(order.stdin)?;
    let (stdout, stdout_end) = output()?;
    let (stderr, stderr_end) = output()?;
    wire::send_streams(&ours, &[stdin_end, stdout_end, stderr_end])?;
    ours.set_nonblocking(true)?;
    let mut socket = UnixStream::from_std(ours)?;

    let keeper = Command::new(&order.keeper)
        .arg("__keeper")
        .env_clear()
        .env(MARK, order.mark.as_str())
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    send_orders(&mut socket, &order).await?;
    let mut running = Running {
        stdin,
        stdout: Some(stdout),
        stderr: Some(stderr),
        record: Record::default(),
        mark: order.mark,
        socket,
        heard: Vec::new(),
        exit: None,
        sweeping: None,
        left: 0,
        keeper,
    };
    match running.report().await? {
        Some(Report::Started { pid, start }) => {
            running.record = Record::new(pid, start);
            Ok(running)
        }
        Some(Report::Failed(why)) => Err(Trouble::Told(why)),
        Some(Report::Ended { .. }) | None => Err(Trouble::Told(
            "the keeper process ended before it began: start the run again".to_owned(),
        )),
    }
}

async fn send_orders(socket: &mut UnixStream, order: &Order) -> io::Result<()> {
    let mut env = order.env.clone();
    env.retain(|(name, _)| name != MARK);
    env.push((MARK.to_owned(), order.mark.as_str().into()));
    if !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), "dumb".into()));
    }
    let orders = Orders {
        argv: order.argv.clone(),
        cwd: order.cwd.clone().into_os_string(),
        env,
    };
    let bytes = serde_json::to_vec(&orders)?;
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::ArgumentListTooLong)?;
    socket.write_all(&length.to_be_bytes()).await?;
    socket.write_all(&bytes).await
}

fn input(kind: Stdin) -> io::Result<(Option<pipe::Sender>, OwnedFd)> {
    match kind {
        Stdin::Null => Ok((None, std::fs::File::open("/dev/null")?.into())),
        Stdin::Piped => {
            let (theirs, ours) = io::pipe()?;
            let ours = pipe::Sender::from_owned_fd(ours.into())?;
            Ok((Some(ours), theirs.into()))
        }
    }
}

fn output() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (ours, theirs) = io::pipe()?;
    #[cfg(target_os = "linux")]
    {
        // Only speed is lost where the system has no more room to give.
        let _as_it_is = rustix::pipe::fcntl_setpipe_size(&ours, PIPE_ROOM);
    }
    Ok((pipe::Receiver::from_owned_fd(ours.into())?, theirs.into()))
}

fn explain(program: &str, error: &io::Error) -> String {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => {
            format!("too many files are open: {program} cannot be started; raise ulimit -n")
        }
        Some(Errno::AGAIN | Errno::NOMEM) => {
            format!("the system has no room for another process: {program} cannot be started")
        }
        Some(_) | None => {
            format!("the keeper process cannot be started: {error}; is checkride still installed?")
        }
    }
}

impl Running {
    /// Who this process is, for the sweep after a crash.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Asks the process to end: TERM, and after [`super::keeper::GRACE`] its tree is killed.
    pub fn terminate(&self) {
        self.say(wire::TERMINATE);
    }

    /// Kills the whole tree now; [`Self::wait`] tells when it is gone.
    pub fn kill(&self) {
        self.say(wire::KILL);
    }

    /// One byte always fits; a keeper that is gone has no tree to end.
    fn say(&self, word: u8) {
        let _gone = self.socket.try_write(&[word]);
    }

    /// Waits until the process and all that it left behind are gone. May be cancelled and called again.
    pub async fn wait(&mut self) -> Exit {
        if self.exit.is_none() && self.sweeping.is_none() {
            match self.report().await {
                Ok(Some(Report::Ended { exit, left })) => {
                    self.exit = Some(exit);
                    self.left = left;
                }
                Ok(Some(Report::Started { .. } | Report::Failed(_)) | None) | Err(_) => {
                    self.sweeping = Some(self.sweep());
                }
            }
        }
        if let Some(sweeping) = &mut self.sweeping {
            self.left = sweeping.await.map_or(0, |swept| swept.left);
            self.sweeping = None;
            self.exit = Some(Exit::KeeperLost);
        }
        // The keeper has said its last word or is dead: this reaps it, and cannot fail otherwise.
        let _reaped = self.keeper.wait().await;
        self.exit.unwrap_or(Exit::KeeperLost)
    }

    /// Processes that could not be killed, once [`Self::wait`] has told the end: they belong to
    /// another user.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The keeper died before its tree: find the tree by its marks, on a thread that may block.
    fn sweep(&self) -> JoinHandle<Swept> {
        let (mark, record) = (self.mark.clone(), self.record.clone());
        let session = self.keeper.id();
        tokio::task::spawn_blocking(move || {
            sweep::sweep_for(&sweep::Wanted {
                mark: mark.as_str(),
                records: std::slice::from_ref(&record),
                session,
            })
        })
    }

    /// The next report; `None` when the socket has ended.
    async fn report(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(end) = self.heard.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            if self.heard.len() > LONGEST_REPORT {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.socket.read_buf(&mut self.heard).await? == 0 {
                return Ok(None);
            }
        }
    }
}

impl Record {
    fn new(pid: i32, start: u64) -> Self {
        Self {
            pid,
            start,
            boot: tree::boot(),
        }
    }
}
