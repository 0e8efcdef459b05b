//! Starting one program for its keeper: bare, or in a sandbox. The first processes of a sandbox can be
//! made ready ahead, because they take most of the time of a start.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::Access;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixStream;

use super::wire::{self, Orders};
use super::{Exit, tree};
use crate::supervisor::sandbox::{Word, enter};

/// The first processes of a sandbox, waiting for the order of what to show and what to start.
pub(super) struct Ready {
    /// Which namespaces it has; the word of [`crate::supervisor::sandbox::Cage`] for it.
    pub(super) kind: &'static str,
    /// The keeper's child.
    pub(super) child: Pid,
    line: std::os::unix::net::UnixStream,
}

impl Ready {
    /// Starts them. They have the keeper's environment, which is the mark of its run and nothing else.
    pub(super) fn make(kind: &'static str) -> io::Result<Self> {
        let (line, theirs) = std::os::unix::net::UnixStream::pair()?;
        let child = Command::new("/proc/self/exe")
            .args([enter::WORD, kind])
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            kind,
            child: Pid::from_child(&child),
            line,
        })
    }

    fn give(&self, orders: &Orders, streams: &[OwnedFd; 3]) -> io::Result<()> {
        wire::send_streams(&self.line, streams)?;
        (&self.line).write_all(&wire::framed(orders)?)
    }
}

/// A program that was started, and the line to its sandbox where it is in one.
pub(super) struct Started {
    /// The keeper's child: the program itself, or the first process of its sandbox.
    pub(super) child: Pid,
    inside: Option<BufReader<UnixStream>>,
    /// The streams of an order that went to a sandbox which had waited, until it has heard the order.
    unheard: Option<[OwnedFd; 3]>,
}

/// Why a program does not run.
pub(super) enum Unstarted {
    /// The sandbox that had waited was gone before it heard the order; here are the program's streams again.
    Unheard([OwnedFd; 3]),
    /// One line of why.
    Failed(String),
}

impl Started {
    /// Starts what is ordered; in this sandbox where one is ready.
    pub(super) fn begin(
        orders: &Orders,
        streams: [OwnedFd; 3],
        ready: Option<Ready>,
    ) -> io::Result<Self> {
        let Some(cage) = &orders.cage else {
            return Self::bare(orders, streams);
        };
        // One that was killed while it waited is replaced; one that is just dying may still take the order.
        let given = ready.filter(|ready| ready.give(orders, &streams).is_ok());
        let (sandbox, unheard) = if let Some(sandbox) = given {
            (sandbox, Some(streams))
        } else {
            let sandbox = Ready::make(cage.word())?;
            sandbox.give(orders, &streams)?;
            (sandbox, None)
        };
        sandbox.line.set_nonblocking(true)?;
        Ok(Self {
            child: sandbox.child,
            inside: Some(BufReader::new(UnixStream::from_std(sandbox.line)?)),
            unheard,
        })
    }

    fn bare(orders: &Orders, streams: [OwnedFd; 3]) -> io::Result<Self> {
        let child = spawned(command(orders, streams)?.process_group(0))?;
        Ok(Self {
            child: Pid::from_child(&child),
            inside: None,
            unheard: None,
        })
    }

    /// The next word from inside; `None` when none comes any more, or there is no inside.
    async fn word(&mut self) -> Option<Word> {
        let mut line = String::new();
        let heard = self.inside.as_mut()?.read_line(&mut line).await;
        heard.ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Waits until the program runs, or for why it does not.
    pub(super) async fn running(&mut self) -> Result<(), Unstarted> {
        if self.inside.is_none() {
            return Ok(());
        }
        loop {
            return match self.word().await {
                Some(Word::Heard) => {
                    self.unheard = None;
                    continue;
                }
                Some(Word::Started(_)) => Ok(()),
                Some(Word::Failed(why)) => Err(Unstarted::Failed(why)),
                Some(Word::Ended(_)) | None => Err(match self.unheard.take() {
                    Some(streams) => Unstarted::Unheard(streams),
                    None => Unstarted::Failed(
                        "the sandbox ended before it stood: start the run again".to_owned(),
                    ),
                }),
            };
        }
    }

    /// How the program ended, once its tree is gone; `seen` is how the keeper's own child did.
    pub(super) async fn ending(&mut self, seen: Option<Exit>) -> Exit {
        let killed = Exit::Signal(Signal::KILL.as_raw());
        if self.inside.is_none() {
            return seen.unwrap_or(killed);
        }
        match self.word().await {
            Some(Word::Ended(exit)) => exit,
            Some(Word::Heard | Word::Started(_) | Word::Failed(_)) | None => killed,
        }
    }
}

/// The command of an order, with exactly its environment.
///
/// A bare name is looked up here: with an environment of its own the library would copy the whole
/// process to look it up in the copy, which costs more than all else of a start.
pub(in crate::supervisor) fn command(
    orders: &Orders,
    streams: [OwnedFd; 3],
) -> io::Result<Command> {
    let (program, arguments) = orders
        .argv
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let [stdin, stdout, stderr] = streams.map(Stdio::from);
    let found = looked_up(program, orders);
    let mut command = Command::new(found.as_deref().unwrap_or(Path::new(program)));
    command
        .arg0(program)
        .args(arguments)
        .env_clear()
        .envs(orders.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&orders.cwd)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr);
    Ok(command)
}

/// Looks in all at a program that is still open for writing: a second.
const BUSY_LOOKS: u32 = 100;

/// Milliseconds between two of them.
const BUSY_PAUSE: i64 = 10;

/// Starts a command. A program that was written this moment may still be open for writing: whatever its writer
/// starts beside it has a copy of the descriptor until its own exec. That is over soon, and waited for.
pub(in crate::supervisor) fn spawned(command: &mut Command) -> io::Result<Child> {
    for _ in 0..BUSY_LOOKS {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy => tree::nap(None, BUSY_PAUSE),
            done => return done,
        }
    }
    command.spawn()
}

/// The first program of this name on the order's own `PATH`, as its process would find it.
fn looked_up(name: &str, orders: &Orders) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let (_, path) = orders.env.iter().rev().find(|(name, _)| name == "PATH")?;
    let at = Path::new(&orders.cwd);
    std::env::split_paths(path)
        .map(|folder| at.join(folder).join(name))
        .find(|place| place.is_file() && rustix::fs::access(place, Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A name is found where its process would find it: the first file of the `PATH` that can be
    /// started, relative folders from where it starts; a path is left as it is.
    #[test]
    fn a_name_is_found_on_the_path_of_its_order() {
        let home = tempfile::tempdir().unwrap();
        for (place, mode) in [("a/tool", 0o644), ("b/tool", 0o755), ("c/tool", 0o755)] {
            let place = home.path().join(place);
            std::fs::create_dir(place.parent().unwrap()).unwrap();
            std::fs::write(&place, "").unwrap();
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let orders = |path: &str| Orders {
            argv: vec!["tool".to_owned()],
            cwd: home.path().into(),
            env: vec![("PATH".to_owned(), path.into())],
            cage: None,
        };
        let found = |path: &str| looked_up("tool", &orders(path));
        let absolute = home.path().join("c").display().to_string();
        assert_eq!(found("none:a:b:c"), Some(home.path().join("b/tool")));
        assert_eq!(found(&absolute), Some(home.path().join("c/tool")));
        assert_eq!(found("a:none"), None);
        assert_eq!(looked_up("./tool", &orders("b")), None);
    }
}
