//! The terminals of an agent: commands that it lets us run. Each has a keeper of its own; what is
//! kept of its output is capped, and none outlives the turn.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use agent_client_protocol::v1::schema::TerminalExitStatus;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::supervisor::process::{self, Exit, Halt, Limits, Order, Running, Sink};

/// Most terminals at a time; an agent gives back those that it has read.
const MOST: usize = 32;

/// Bytes of output kept where the agent names no limit.
const KEPT: usize = 256 * 1024;

/// Most bytes of output that an agent can ask to be kept.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// Longest time a command may run; the turn's own end comes earlier as a rule.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The terminals of one session.
#[derive(Default)]
pub(super) struct Terminals {
    by_id: RefCell<BTreeMap<String, Terminal>>,
    made: RefCell<u64>,
    tasks: RefCell<JoinSet<()>>,
}

#[derive(Clone)]
struct Terminal {
    output: Rc<RefCell<Kept>>,
    exit: watch::Receiver<Option<Exit>>,
    halt: watch::Sender<Halt>,
}

/// The end of what a command has printed.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    most: usize,
    cut: bool,
}

impl Kept {
    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        if self.bytes.len() > self.most * 2 {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let mut old = self.bytes.len().saturating_sub(self.most);
        self.cut |= old > 0;
        // A character that was cut in two is left out whole.
        while old > 0 && self.bytes.get(old).is_some_and(|b| b & 0xC0 == 0x80) {
            old += 1;
        }
        self.bytes.drain(..old);
    }
}

/// Both streams of a command, in the order in which they come.
struct Into(Rc<RefCell<Kept>>);

impl Sink for Into {
    fn stdout(&mut self, bytes: &[u8]) {
        self.0.borrow_mut().push(bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.0.borrow_mut().push(bytes);
    }
}

/// What a terminal shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub text: String,
    pub cut: bool,
    pub exit: Option<Exit>,
}

impl Terminals {
    /// Starts a command; its terminal's name, or why there is none.
    pub(super) async fn start(&self, order: Order, keep: Option<u64>) -> Result<String, String> {
        if self.by_id.borrow().len() >= MOST {
            return Err(format!("{MOST} terminals are open: release one first"));
        }
        let running = process::spawn(order).await.map_err(|refused| refused.why)?;
        let most = keep.map_or(KEPT, |keep| usize::try_from(keep).unwrap_or(MOST_KEPT));
        let kept = Kept {
            bytes: Vec::new(),
            most: most.min(MOST_KEPT),
            cut: false,
        };
        let output = Rc::new(RefCell::new(kept));
        let (halt, halted) = watch::channel(Halt::No);
        let (ended, exit) = watch::channel(None);
        let sink = Into(output.clone());
        self.tasks
            .borrow_mut()
            .spawn_local(run(running, halted, sink, ended));
        let number = *self.made.borrow() + 1;
        *self.made.borrow_mut() = number;
        let id = format!("terminal-{number}");
        let terminal = Terminal { output, exit, halt };
        self.by_id.borrow_mut().insert(id.clone(), terminal);
        Ok(id)
    }

    /// What a terminal shows now; `None` where there is none of this name.
    pub(super) fn shown(&self, id: &str) -> Option<Shown> {
        let terminal = self.get(id)?;
        let mut kept = terminal.output.borrow_mut();
        kept.shorten();
        let exit = *terminal.exit.borrow();
        Some(Shown {
            text: String::from_utf8_lossy(&kept.bytes).into_owned(),
            cut: kept.cut,
            exit,
        })
    }

    /// Waits until the command is over.
    pub(super) async fn exit(&self, id: &str) -> Option<Exit> {
        let mut exit = self.get(id)?.exit;
        let exit = exit.wait_for(Option::is_some).await;
        Some(exit.ok().and_then(|exit| *exit).unwrap_or(Exit::KeeperLost))
    }

    /// Kills the command; the terminal stays. Whether there was one of this name.
    pub(super) fn kill(&self, id: &str) -> bool {
        let terminal = self.get(id);
        terminal.is_some_and(|terminal| {
            // A command that is over needs no end.
            terminal.halt.send_replace(Halt::Now);
            true
        })
    }

    /// Kills the command, if it still runs, and forgets the terminal.
    pub(super) fn release(&self, id: &str) -> bool {
        self.kill(id) && self.by_id.borrow_mut().remove(id).is_some()
    }

    /// Ends them all and waits until nothing of them is left.
    pub(super) async fn end(self) {
        for terminal in self.by_id.borrow().values() {
            terminal.halt.send_replace(Halt::Now);
        }
        let mut tasks = self.tasks.into_inner();
        while tasks.join_next().await.is_some() {}
    }

    fn get(&self, id: &str) -> Option<Terminal> {
        self.by_id.borrow().get(id).cloned()
    }
}

async fn run(
    running: Running,
    halt: watch::Receiver<Halt>,
    mut sink: Into,
    ended: watch::Sender<Option<Exit>>,
) {
    let limits = Limits {
        timeout: LONGEST,
        halt,
    };
    let watched = process::watch(running, &[], limits, &mut sink).await;
    ended.send_replace(Some(watched.exit));
}

/// How a command ended, in the protocol's words.
pub(super) fn status(exit: Exit) -> TerminalExitStatus {
    match exit {
        Exit::Code(code) => TerminalExitStatus::new().exit_code(u32::try_from(code).ok()),
        Exit::Signal(_) | Exit::KeeperLost => TerminalExitStatus::new().signal(exit.to_string()),
    }
}
