//! The host's daily work: lets connections in, joins each to the supervisor, and leaves when nobody
//! needs it any more.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::environment::Print;
use super::log;
use super::peer::Door;
use super::wire::{self, Greeting, LONGEST_COMMAND, LONGEST_RECORD, Lines, WireError};
use crate::link::{FarEnd, Link};
use crate::supervisor::Activity;

/// Connections at one time; a further one is told so.
const MOST: usize = 64;

/// Time for a peer to greet.
const GREETING_TIME: Duration = Duration::from_secs(5);

/// Time for those who are attached to be told that the host ends.
const TELLING_TIME: Duration = Duration::from_secs(1);

/// How long nothing must go on before a host that may leave does.
pub const QUIET: Duration = Duration::from_secs(3);

/// Why a host serves no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The system, a person or the quiet asked for it.
    Asked,
    /// The supervisor is gone, though nobody asked for it.
    Lost,
}

/// What a host serves.
pub struct Service<A> {
    /// Where connections come in.
    pub listener: UnixListener,
    /// Who may come in.
    pub door: Door,
    /// Takes the far end of each connection that came in.
    pub admit: A,
    /// What this host was started with.
    pub environment: Print,
    /// What goes on in the supervisor.
    pub activity: watch::Receiver<Activity>,
    /// After how long a quiet the host leaves by itself; `None` for never.
    pub leave_after: Option<Duration>,
}

impl<A: Fn(FarEnd)> Service<A> {
    /// Serves until `stop` is done, the supervisor ends, or nobody needs this host any more.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> End {
        tokio::pin!(stop);
        let mut open = JoinSet::new();
        loop {
            let now = *self.activity.borrow_and_update();
            if now.leaving {
                // Who is not told that it was told to end takes it for dead, and starts another one.
                let told = async { while open.join_next().await.is_some() {} };
                drop(timeout(TELLING_TIME, told).await);
                return End::Asked;
            }
            let idle = open.is_empty() && now == Activity::default();
            let quiet = self.leave_after.filter(|_| idle);
            tokio::select! {
                () = &mut stop => return End::Asked,
                changed = self.activity.changed() => if changed.is_err() {
                    return End::Lost;
                },
                Some(_ended) = open.join_next() => {}
                () = sleep_for(quiet) => return End::Asked,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.receive(stream, &mut open),
                    // Out of descriptors: give the open connections time to end.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        }
    }

    /// Whoever is turned away is told why; whoever is let in gets a link to the supervisor.
    fn receive(&self, stream: UnixStream, open: &mut JoinSet<()>) {
        let refused = self.refusal(&stream, open.len());
        let mut greeting = Greeting::ours(refused.clone());
        if refused.is_some() {
            open.spawn(async move { end_quietly(turn_away(stream, greeting).await) });
            return;
        }
        greeting.environment = Some(self.environment.clone());
        let (near, far) = Link::pair();
        (self.admit)(far);
        open.spawn(async move { end_quietly(join(stream, greeting, near).await) });
    }

    fn refusal(&self, stream: &UnixStream, open: usize) -> Option<String> {
        if open >= MOST {
            return Some(format!("{MOST} cockpits are attached already; close one"));
        }
        match stream.peer_cred() {
            Ok(peer) => self.door.admit(peer.uid(), peer.pid()).err(),
            Err(e) => Some(format!("the host cannot see who is there: {e}")),
        }
    }
}

/// Never done where there is no time.
async fn sleep_for(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A connection's trouble ends that connection alone; the log keeps one line of what a peer should
/// not have said. One that is simply gone is no trouble.
fn end_quietly(result: Result<(), WireError>) {
    match result {
        Ok(()) | Err(WireError::Io(_)) => {}
        Err(e @ (WireError::TooLong(_) | WireError::Malformed(_))) => {
            log::line(&format!("a connection was closed: {e}"));
        }
    }
}

async fn turn_away(mut stream: UnixStream, greeting: Greeting) -> Result<(), WireError> {
    let told = wire::say(&mut stream, &greeting);
    timeout(GREETING_TIME, told).await.unwrap_or(Ok(()))
}

/// Carries one connection until either side is gone.
async fn join(stream: UnixStream, greeting: Greeting, near: Link) -> Result<(), WireError> {
    let (from, mut to) = stream.into_split();
    let mut lines = Lines::new(from, LONGEST_COMMAND);
    let met = async {
        wire::say(&mut to, &greeting).await?;
        lines.greeting().await
    };
    let theirs = timeout(GREETING_TIME, met).await.unwrap_or(Ok(None))?;
    // A peer of another form has read ours and tells its user.
    if theirs.is_none_or(|theirs| theirs.wire != wire::WIRE) {
        return Ok(());
    }
    tokio::select! {
        read = wire::read_into(lines, near.commands) => read,
        written = wire::write_from(near.records, to, LONGEST_RECORD) => written,
    }
}

/// From now on a closing terminal does not end this process; the future is done when the system
/// asks it to end.
pub fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hangup.recv() => {}
            }
        }
    })
}
