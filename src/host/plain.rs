//! `checkride --plain`: attaches and hands the link to plain mode, with standard input as it comes.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::fs::File;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, Interest, ReadBuf};

use super::lasting::lasting;
use super::{HostError, absence, attach, cockpit, program};
use crate::cli::flags::View;
use crate::cli::plain::{self, Ground, Means};
use crate::cli::since;
use crate::cli::{Exit, Fail, Out, Session};
use crate::config::Paths;
use crate::protocol::Command;
use crate::supervisor::clock::Clock;
use crate::tui::terminal;

/// Whether linear text is wanted: by name, or because the terminal can do no more.
pub(super) fn is_meant(view: &View) -> bool {
    view.plain || std::env::var("TERM").is_ok_and(|term| term == "dumb")
}

/// Follows the whole project.
pub(super) fn watch(paths: &Paths, view: &View, out: &mut Out<'_>) -> Result<Exit, Fail> {
    program::runtime()?.block_on(async {
        let mut session = session(paths, out).await?;
        if let Some(told) = absence::told(paths, &mut session).await? {
            out.text(&since::page(&told, Clock::System.now_ms(), &session.zone));
        }
        plain::watch(session, ground(view)?, out).await
    })
}

/// Starts one loop and follows it.
pub(super) fn run(paths: &Paths, name: &str, view: &View, out: &mut Out<'_>) -> Result<Exit, Fail> {
    program::runtime()?.block_on(async {
        let session = session(paths, out).await?;
        plain::run(session, name, ground(view)?, out).await
    })
}

async fn session(paths: &Paths, out: &mut Out<'_>) -> Result<Session, Fail> {
    let starter = program::starter()?;
    let met = attach::meet_or_start(paths, &starter).await?;
    for line in [absence::lost(paths), met.differs].into_iter().flatten() {
        out.line(&line);
    }
    let link = lasting(paths.clone(), starter, met.link);
    let session = Session::open(link, program::by()).await?;
    session.ask(Command::Here).await?;
    Ok(session)
}

fn ground(view: &View) -> Result<Ground<Stdin>, Fail> {
    let input = Stdin::open()
        .map_err(|e| HostError::Trouble(format!("standard input cannot be read: {e}")))?;
    // An editor wants the terminal that answers are typed at.
    let seated = io::stdin().is_terminal() && io::stdout().is_terminal();
    Ok(Ground {
        input,
        means: Means {
            editor: if seated {
                cockpit::editor()
            } else {
                Vec::new()
            },
            read_only: view.read_only,
        },
        now_ms: Clock::System.now_ms(),
    })
}

/// Standard input: read only when it is asked for, so that an editor can have it meanwhile.
enum Stdin {
    /// A terminal, a pipe or a socket.
    Live(AsyncFd<OwnedFd>),
    /// A file, which is never waited for.
    File(File),
}

impl Stdin {
    #[expect(
        deprecated,
        reason = "its successor demands a promise that an owned descriptor keeps by itself"
    )]
    fn open() -> io::Result<Self> {
        let fd = io::stdin().as_fd().try_clone_to_owned()?;
        let file = fd.try_clone()?;
        Ok(AsyncFd::with_interest(fd, Interest::READABLE).map_or_else(
            |_no_readiness| Self::File(File::from_std(file.into())),
            Self::Live,
        ))
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::File(file) => Pin::new(file).poll_read(cx, into),
            Self::Live(fd) => loop {
                // Asked directly first: what waits already is not to be missed.
                match terminal::read(fd.get_ref(), into.initialize_unfilled()) {
                    Ok(Some(read)) => {
                        into.advance(read);
                        return Poll::Ready(Ok(()));
                    }
                    Ok(None) => ready!(fd.poll_read_ready(cx))?.clear_ready(),
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                        return Poll::Ready(Ok(()));
                    }
                    Err(e) => return Poll::Ready(Err(e)),
                }
            },
        }
    }
}
