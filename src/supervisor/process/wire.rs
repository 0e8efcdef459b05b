//! What host and keeper say to each other over their socket, and how file descriptors cross it.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};

use super::Exit;

/// Host to keeper: end the child with TERM, then kill what is left after the grace.
pub(super) const TERMINATE: u8 = b't';
/// Host to keeper: kill the whole tree. The end of the socket says the same.
pub(super) const KILL: u8 = b'k';

/// What the keeper is to start. Its standard streams come beside it as descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// Folder to start in; bytes, because paths need not be UTF-8.
    pub(super) cwd: OsString,
    /// The whole environment.
    pub(super) env: Vec<(String, OsString)>,
}

/// Keeper to host, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Report {
    /// The child runs.
    Started {
        /// Its process id.
        pid: i32,
        /// Its start time, in clock ticks since boot; 0 where the system does not tell.
        start: u64,
    },
    /// The child could not be started: one line of why.
    Failed(String),
    /// The child is gone, and so is all that it left behind.
    Ended {
        /// How the child ended.
        exit: Exit,
        /// Processes that could not be killed: they belong to another user.
        left: usize,
    },
}

/// Sends the child's three standard streams, with one byte to carry them.
pub(super) fn send_streams(socket: impl AsFd, streams: &[OwnedFd; 3]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fds = [streams[0].as_fd(), streams[1].as_fd(), streams[2].as_fd()];
    if !beside.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let byte = [IoSlice::new(b"f")];
    rustix::net::sendmsg(socket, &byte, &mut beside, SendFlags::empty())?;
    Ok(())
}

/// Receives the child's three standard streams; they are closed on exec.
pub(super) fn receive_streams(socket: impl AsFd) -> io::Result<[OwnedFd; 3]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(socket, &mut into, &mut beside, RecvFlags::empty())?;
    let mut streams = Vec::with_capacity(3);
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            streams.extend(fds);
        }
    }
    for stream in &streams {
        // Not by a flag of the call, which only Linux has; nothing is forked in between.
        rustix::io::fcntl_setfd(stream, rustix::io::FdFlags::CLOEXEC)?;
    }
    streams
        .try_into()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}
