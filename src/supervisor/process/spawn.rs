//! One process under a keeper, as the host sees it: start it, hear how it ended, end it.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use super::kept::{Keeper, Kept};
use super::sweep::{self, Record, Swept};
use super::wire::{self, Orders, Report};
use super::{Exit, MARK, Mark, NotStarted, Order, Stdin, tree};

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
    /// `None` once its program is over and it is kept for the next one.
    keeper: Option<Keeper>,
    kept: Option<Kept>,
    /// Kept because [`Running::wait`] may be cancelled after it has heard it.
    exit: Option<Exit>,
    /// Under way when the keeper was lost; kept for the same reason.
    sweeping: Option<JoinHandle<Swept>>,
    /// Processes that could not be killed.
    left: usize,
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
    let (stdin, stdin_end) = input(order.stdin)?;
    let (stdout, stdout_end) = output()?;
    let (stderr, stderr_end) = output()?;
    let mut keeper = match order.kept.as_ref().and_then(Kept::take) {
        Some(keeper) => keeper,
        None => Keeper::start(&order.keeper, &order.mark)?,
    };
    let streams = [stdin_end, stdout_end, stderr_end];
    keeper.order(&orders(&order), &streams).await?;
    drop(streams);
    match keeper.report().await? {
        Some(Report::Started { pid, start }) => Ok(Running {
            stdin,
            stdout: Some(stdout),
            stderr: Some(stderr),
            record: Record::new(pid, start),
            mark: order.mark,
            keeper: Some(keeper),
            kept: order.kept,
            exit: None,
            sweeping: None,
            left: 0,
        }),
        Some(Report::Failed(why)) => Err(Trouble::Told(why)),
        Some(Report::Ended { .. }) | None => Err(Trouble::Told(
            "the keeper process ended before it began: start the run again".to_owned(),
        )),
    }
}

fn orders(order: &Order) -> Orders {
    let mut env = order.env.clone();
    env.retain(|(name, _)| name != MARK);
    env.push((MARK.to_owned(), order.mark.as_str().into()));
    if !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), "dumb".into()));
    }
    Orders {
        argv: order.argv.clone(),
        cwd: order.cwd.clone().into_os_string(),
        env,
        cage: order.cage.clone(),
    }
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

    fn say(&self, word: u8) {
        if let Some(keeper) = &self.keeper {
            keeper.say(word);
        }
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
        let exit = self.exit.unwrap_or(Exit::KeeperLost);
        self.part(exit).await;
        exit
    }

    /// Keeps the keeper for the next program where it has nothing in its care any more.
    async fn part(&mut self, exit: Exit) {
        let free = exit != Exit::KeeperLost && self.left == 0;
        match &self.kept {
            Some(kept) if free => {
                if let Some(keeper) = self.keeper.take() {
                    kept.put(keeper);
                }
            }
            Some(_) | None => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.dismiss().await;
                }
            }
        }
    }

    async fn report(&mut self) -> io::Result<Option<Report>> {
        match &mut self.keeper {
            Some(keeper) => keeper.report().await,
            None => Ok(None),
        }
    }

    /// Processes that could not be killed, once [`Self::wait`] has told the end: they belong to
    /// another user.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The keeper died before its tree: find the tree by its marks, on a thread that may block.
    fn sweep(&self) -> JoinHandle<Swept> {
        let (mark, record) = (self.mark.clone(), self.record.clone());
        let session = self.keeper.as_ref().and_then(Keeper::id);
        tokio::task::spawn_blocking(move || {
            sweep::sweep_for(&sweep::Wanted {
                mark: mark.as_str(),
                records: std::slice::from_ref(&record),
                session,
            })
        })
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
