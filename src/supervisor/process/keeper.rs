//! `checkride __keeper`: the small process that owns one tree of processes at a time and outlives
//! none of it. It is the subreaper of all that its child leaves behind, and kills them when the child
//! has ended or its socket closes.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::start::{Ready, Started, Unstarted};
use super::why::explain;
use super::wire::{self, Orders, Received, Report};
use super::{Exit, ending, tree};
use crate::supervisor::sandbox::Cage;

/// Time between TERM and the killing of what is left.
pub const GRACE: Duration = Duration::from_millis(500);

/// How long a sandbox without a program is kept ready for the next one. Where the next one takes longer
/// to come, nobody notices the milliseconds that it would have saved.
const READY: Duration = Duration::from_secs(5);

/// How long processes that refuse to be killed are tried again: they belong to another user.
const DENIED_ROUNDS: u32 = 20;

/// The whole life of a keeper; its standard input is the socket to the host.
///
/// The exit code is 2 when it was not started by a host, 1 when the socket broke, else 0.
pub fn main() -> ExitCode {
    if rustix::net::sockopt::socket_type(io::stdin()).is_err() {
        return ExitCode::from(2);
    }
    let kept = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(serve()));
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// One program after the other, each with nothing left of the one before, until the host wants no
/// more. What could not be killed is not left alone with the next one: then this keeper is done.
async fn serve() -> io::Result<()> {
    let mut host = host_socket()?;
    become_owner()?;
    let mut deaths = signal(SignalKind::child())?;
    let mut ready = None;
    while let Some(streams) = next_streams(&host, &mut ready).await? {
        let orders = read_orders(&mut host).await?;
        let sandbox = usable(ready.take(), &orders);
        if keep(&mut host, &mut deaths, (&orders, streams, sandbox)).await? > 0 {
            return Ok(());
        }
        // The next order mostly is of the same kind; one that cannot be met says why by itself.
        let kind = orders.cage.as_ref().map(Cage::word);
        ready = kind.and_then(|kind| Ready::make(kind).ok());
    }
    end_unused(ready);
    Ok(())
}

/// The sandbox that is ready, if this order is for one of its kind.
fn usable(ready: Option<Ready>, orders: &Orders) -> Option<Ready> {
    let kind = orders.cage.as_ref().map(Cage::word);
    if ready.as_ref().map(|ready| ready.kind) == kind {
        return ready;
    }
    end_unused(ready);
    None
}

/// Nothing of a run was ever in it.
fn end_unused(ready: Option<Ready>) {
    if let Some(ready) = ready {
        end_tree(ready.child, &mut None);
    }
}

/// The streams that begin an order; `None` when the host has gone.
async fn next_streams(
    host: &UnixStream,
    ready: &mut Option<Ready>,
) -> io::Result<Option<[OwnedFd; 3]>> {
    let until = Instant::now() + READY;
    loop {
        let came = host.async_io(Interest::READABLE, || wire::receive(host));
        let came = tokio::select! {
            came = came => came,
            () = sleep_until(until), if ready.is_some() => {
                end_unused(ready.take());
                continue;
            }
        };
        match came? {
            Received::Streams(streams) => return Ok(Some(streams)),
            // It was meant for a program that had just ended by itself.
            Received::Word => {}
            Received::End => return Ok(None),
        }
    }
}

/// Runs one program to its end and kills what it left behind; how many could not be killed.
async fn keep(
    host: &mut UnixStream,
    deaths: &mut Signals,
    (orders, streams, ready): (&Orders, [OwnedFd; 3], Option<Ready>),
) -> io::Result<usize> {
    let (mut started, why) = match stand(host, (orders, streams, ready)).await {
        Ok(stood) => stood,
        Err(e) => {
            report(host, &Report::Failed(explain(&e, orders))).await?;
            return Ok(0);
        }
    };
    let child = started.child;
    if let Some(why) = why {
        let left = end_tree(child, &mut None);
        report(host, &Report::Failed(why)).await?;
        return Ok(left);
    }
    let mut word = [0];
    let start = tree::stat(child).map_or(0, |s| s.start);
    let pid = child.as_raw_nonzero().get();
    // A host that is gone is noticed below, by the end of its socket.
    let _told = report(host, &Report::Started { pid, start }).await;

    let mut exit = None;
    let mut deadline = None;
    while exit.is_none() {
        tokio::select! {
            heard = host.read(&mut word) => match heard {
                Ok(1) if word[0] == wire::TERMINATE => {
                    // The child may be gone already; then the next death says so.
                    let _gone = rustix::process::kill_process_group(child, Signal::TERM);
                    deadline = deadline.or(Some(Instant::now() + GRACE));
                }
                Ok(_) | Err(_) => break,
            },
            _ = deaths.recv() => { reap(child, &mut exit); }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
        }
    }
    let left = end_tree(child, &mut exit);
    let exit = started.ending(exit).await;
    report(host, &Report::Ended { exit, left }).await?;
    Ok(left)
}

/// Starts what is ordered, and waits until it runs or there is a line of why it does not.
///
/// An order that a waiting sandbox did not live to hear goes to a new one.
async fn stand(
    host: &mut UnixStream,
    (orders, streams, ready): (&Orders, [OwnedFd; 3], Option<Ready>),
) -> io::Result<(Started, Option<String>)> {
    let mut started = Started::begin(orders, streams, ready)?;
    let mut word = [0];
    loop {
        let runs = tokio::select! {
            runs = started.running() => runs,
            // Nothing is said before it runs: the host has gone.
            _ = host.read(&mut word) => Err(Unstarted::Failed("its host has gone".to_owned())),
        };
        match runs {
            Ok(()) => return Ok((started, None)),
            Err(Unstarted::Failed(why)) => return Ok((started, Some(why))),
            Err(Unstarted::Unheard(streams)) => {
                end_tree(started.child, &mut None);
                started = Started::begin(orders, streams, None)?;
            }
        }
    }
}

/// The socket that came as standard input.
fn host_socket() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

async fn read_orders(host: &mut UnixStream) -> io::Result<Orders> {
    let mut bytes = vec![0; host.read_u32().await? as usize];
    host.read_exact(&mut bytes).await?;
    serde_json::from_slice(&bytes).map_err(io::Error::from)
}

async fn report(host: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    host.write_all(&line).await
}

/// A session of its own, so that no terminal and no signal to the host's group reaches the tree;
/// and the parent of every process that loses its own.
fn become_owner() -> io::Result<()> {
    match rustix::process::setsid() {
        // A group leader cannot change its session; the child still gets a group of its own.
        Ok(_) | Err(Errno::PERM) => {}
        Err(e) => return Err(e.into()),
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Reaps whatever has died; `true` when no process is left in the tree.
fn reap(child: Pid, exit: &mut Option<Exit>) -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => *exit = exit.or(Some(ending(status))),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// Kills and reaps until the kernel says that nothing is left; how many could not be killed.
fn end_tree(child: Pid, exit: &mut Option<Exit>) -> usize {
    let me = rustix::process::getpid();
    let mut before = Vec::new();
    let mut tries = 0;
    loop {
        let round = tree::kill_below(me, child);
        if reap(child, exit) {
            return 0;
        }
        let only_denied = round.denied > 0 && round.denied == round.found.len();
        if only_denied && tries >= DENIED_ROUNDS {
            return round.denied;
        }
        // Whatever is new may have been forking: go round at once. Else the kill is on its way.
        if round.found.iter().all(|pid| before.contains(pid)) {
            tries += 1;
            tree::nap(round.found.first().copied(), i64::from(tries.min(50)));
        }
        before = round.found;
    }
}
