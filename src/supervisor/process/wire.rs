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
use crate::supervisor::sandbox::Cage;

/// Host to keeper: an order begins; its three streams come beside this byte.
const STREAMS: u8 = b'f';
/// Host to keeper: end the child with TERM, then kill what is left after the grace.
pub(in crate::supervisor) const TERMINATE: u8 = b't';
/// Host to keeper: kill the whole tree. The end of the socket says the same.
pub(in crate::supervisor) const KILL: u8 = b'k';

/// What the keeper is to start. Its standard streams come beside it as descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::supervisor) struct Orders {
    /// Program and arguments.
    pub(in crate::supervisor) argv: Vec<String>,
    /// Folder to start in; bytes, because paths need not be UTF-8.
    pub(in crate::supervisor) cwd: OsString,
    /// The whole environment.
    pub(in crate::supervisor) env: Vec<(String, OsString)>,
    /// What it is confined to, where it is.
    pub(in crate::supervisor) cage: Option<Cage>,
}

/// Keeper to host, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::supervisor) enum Report {
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

/// An order as it follows its streams: its length, then itself.
pub(in crate::supervisor) fn framed(orders: &Orders) -> io::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(orders)?;
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::ArgumentListTooLong)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(bytes);
    Ok(framed)
}

/// Sends the child's three standard streams, with one byte to carry them.
pub(in crate::supervisor) fn send_streams(
    socket: impl AsFd,
    streams: &[OwnedFd; 3],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fds = [streams[0].as_fd(), streams[1].as_fd(), streams[2].as_fd()];
    if !beside.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let byte = [STREAMS];
    let byte = [IoSlice::new(&byte)];
    rustix::net::sendmsg(socket, &byte, &mut beside, SendFlags::empty())?;
    Ok(())
}

/// What came over the socket while no program ran.
#[derive(Debug)]
pub(in crate::supervisor) enum Received {
    /// The beginning of an order: the child's three standard streams. The rest follows.
    Streams([OwnedFd; 3]),
    /// A word for a program that has ended meanwhile.
    Word,
    /// The host has closed its end.
    End,
}

/// Receives one byte and what came with it; descriptors are closed on exec.
pub(in crate::supervisor) fn receive(socket: impl AsFd) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    let came = rustix::net::recvmsg(socket, &mut into, &mut beside, RecvFlags::empty())?;
    if came.bytes == 0 {
        return Ok(Received::End);
    }
    if byte != [STREAMS] {
        return Ok(Received::Word);
    }
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
        .map(Received::Streams)
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}
