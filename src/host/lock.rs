//! One host per project: a lock that the system lets go of by itself, and the socket that only its
//! holder may put in place.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::HostError;
use super::peer;
use crate::config::Paths;

/// Pause between two looks at whether a host has ended.
const ENDING_PAUSE: Duration = Duration::from_millis(20);

/// Looks in all: 10 s, more than the keepers' time between TERM and KILL.
const ENDING_LOOKS: u32 = 500;

/// The right to be this project's host, held until dropped.
#[derive(Debug)]
pub struct Lock {
    /// The lock hangs on this file's being open.
    file: File,
}

/// Who holds the lock, as written into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// When that process began, in the system's ticks since boot; tells it from a later one of the
    /// same number. `None` where the system does not say.
    pub start: Option<u64>,
    /// Its version.
    pub checkride: String,
}

/// The listening socket; its file is removed with it.
#[derive(Debug)]
pub struct Socket {
    /// Where connections come in.
    pub listener: UnixListener,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// One line: another host runs, or the state folder cannot be written.
    pub fn take(paths: &Paths) -> Result<Self, HostError> {
        let path = paths.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_follow())
            .open(&path)
            .map_err(|e| unwritable(&path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(HostError::Taken(taken(&mut file))),
            Err(TryLockError::Error(e)) => return Err(unwritable(&path, &e)),
        }
        write_holder(&mut file).map_err(|e| unwritable(&path, &e))?;
        Ok(Self { file })
    }

    /// Puts the socket in place. A socket that lies there belongs to nobody: the lock is ours.
    ///
    /// The folder admits only its owner (`Paths::prepare`), so nobody else can connect before the
    /// socket itself is closed to others.
    pub fn listen(&self, paths: &Paths) -> Result<Socket, HostError> {
        let path = paths.socket();
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.file_type().is_socket() => {
                fs::remove_file(path).map_err(|e| unwritable(path, &e))?;
            }
            Ok(_) => {
                let path = path.display();
                return Err(HostError::Trouble(format!(
                    "{path} is in the way and is no socket; move it away"
                )));
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(|e| cannot_bind(path, &e))?;
        let socket = Socket {
            listener,
            path: path.to_owned(),
        };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .map_err(|e| unwritable(path, &e))?;
        Ok(socket)
    }
}

impl Socket {
    /// A second handle to the same socket, for the runtime; the file stays with this one.
    pub fn for_runtime(&self) -> io::Result<tokio::net::UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(listener)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close is not enough: a program that another thread is just starting has a copy of the
        // descriptor until its exec. Where unlocking fails, the close that follows does it soon.
        drop(self.file.unlock());
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that is gone already is what was wanted.
        drop(fs::remove_file(&self.path));
    }
}

/// Who holds the lock of this project, if it says.
pub fn holder(paths: &Paths) -> Option<Holder> {
    let mut file = File::open(paths.lock()).ok()?;
    read_holder(&mut file)
}

/// Asks the process that holds the lock to end, whatever it speaks.
///
/// # Errors
/// One line where it is not certain that the process is still the one that took the lock.
pub fn end_holder(paths: &Paths) -> Result<(), HostError> {
    let unknown = || {
        HostError::Trouble(format!(
            "{} does not name the host's process; end it yourself, then start again",
            paths.lock().display()
        ))
    };
    let holder = holder(paths).ok_or_else(unknown)?;
    if holder.start.is_none() || peer::start_of(holder.pid) != holder.start {
        return Err(unknown());
    }
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(unknown)?;
    kill_process(pid, Signal::TERM)
        .map_err(|e| HostError::Trouble(format!("cannot end process {}: {e}", holder.pid)))
}

/// Waits until nobody holds the lock: what the host kept alive is gone then.
pub async fn until_free(paths: &Paths) -> Result<(), HostError> {
    let path = paths.lock();
    let file = File::open(&path).map_err(|e| unwritable(&path, &e))?;
    for _ in 0..ENDING_LOOKS {
        match file.try_lock() {
            Ok(()) => return file.unlock().map_err(|e| unwritable(&path, &e)),
            Err(TryLockError::WouldBlock) => sleep(ENDING_PAUSE).await,
            Err(TryLockError::Error(e)) => return Err(unwritable(&path, &e)),
        }
    }
    let who = holder(paths).map_or_else(String::new, |h| format!(" (process {})", h.pid));
    Err(HostError::Trouble(format!(
        "the host{who} does not end; look into {}",
        paths.log().display()
    )))
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    let pid = std::process::id();
    let holder = Holder {
        pid,
        start: peer::start_of(pid),
        checkride: env!("CARGO_PKG_VERSION").to_owned(),
    };
    file.set_len(0)?;
    file.rewind()?;
    serde_json::to_writer(&mut *file, &holder)?;
    file.flush()
}

fn taken(file: &mut File) -> String {
    let who = read_holder(file).map_or_else(String::new, |h| {
        format!(" (process {}, checkride {})", h.pid, h.checkride)
    });
    format!(
        "a host already runs for this project{who}; `checkride` attaches to it, `checkride stop --host` ends it"
    )
}

fn no_follow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default()
}

fn unwritable(path: &Path, e: &io::Error) -> HostError {
    let next = if e.kind() == io::ErrorKind::StorageFull {
        "make room on that disk"
    } else {
        "make it writable, or set CHECKRIDE_STATE_DIR to another folder"
    };
    HostError::Trouble(format!("cannot use {}: {e}; {next}", path.display()))
}

fn cannot_bind(path: &Path, e: &io::Error) -> HostError {
    if e.kind() == io::ErrorKind::InvalidInput {
        return HostError::Trouble(too_long(path));
    }
    unwritable(path, e)
}

/// The line for a socket that no system call takes.
pub(super) fn too_long(path: &Path) -> String {
    let path = path.display();
    format!(
        "the socket's path is longer than the system allows: {path}; set CHECKRIDE_STATE_DIR to a shorter one"
    )
}
