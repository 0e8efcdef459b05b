//! The host's hold on a keeper: its process, its socket, what it reports. One whose program is over
//! with its whole tree may be kept for the next program: to start it costs more than most checks.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::wire::{self, Orders, Report};
use super::{MARK, Mark};

/// The longest report of a keeper; a longer one is not from our keeper.
const LONGEST_REPORT: usize = 64 * 1024;

/// Keeps one keeper between the programs of a run. Clones share it; when the last one is dropped the
/// keeper ends.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<Option<Keeper>>>);

impl Kept {
    /// Lets the keeper go: a run that only waits needs no process.
    pub fn let_go(&self) {
        drop(self.held().take());
    }

    fn held(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper, if it still lives. One that was killed meanwhile had nothing in its care.
    pub(super) fn take(&self) -> Option<Keeper> {
        let mut keeper = self.held().take()?;
        matches!(keeper.child.try_wait(), Ok(None)).then_some(keeper)
    }

    pub(super) fn put(&self, keeper: Keeper) {
        *self.held() = Some(keeper);
    }
}

/// A keeper's process. Dropping it closes its socket: it kills what is in its care, and ends.
#[derive(Debug)]
pub(super) struct Keeper {
    socket: UnixStream,
    /// Bytes of a report that is not complete yet.
    heard: Vec<u8>,
    /// Held so that it is reaped; it is never killed, because it has to kill first.
    child: Child,
}

impl Keeper {
    /// Starts `program` as a keeper of processes with this mark.
    pub(super) fn start(program: &Path, mark: &Mark) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let child = Command::new(program)
            .arg("__keeper")
            .env_clear()
            .env(MARK, mark.as_str())
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            socket,
            heard: Vec::new(),
            child,
        })
    }

    /// Gives it the next program and the program's standard streams.
    pub(super) async fn order(
        &mut self,
        orders: &Orders,
        streams: &[OwnedFd; 3],
    ) -> io::Result<()> {
        wire::send_streams(&self.socket, streams)?;
        self.socket.write_all(&wire::framed(orders)?).await
    }

    /// One byte always fits; a keeper that is gone has no tree to end.
    pub(super) fn say(&self, word: u8) {
        let _gone = self.socket.try_write(&[word]);
    }

    /// The next report; `None` when the socket has ended.
    pub(super) async fn report(&mut self) -> io::Result<Option<Report>> {
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

    /// Its process id, which is also its session; `None` once it is reaped.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Wants no more of it and waits until it is gone. May be cancelled and called again.
    pub(super) async fn dismiss(&mut self) {
        // Both cannot fail but for one that is gone already.
        let _closed = rustix::net::shutdown(&self.socket, Shutdown::Both);
        let _reaped = self.child.wait().await;
    }
}
