//! A link that outlives its host: when the host dies, another one is started and the conversation goes on where
//! it was; after one that was told to end, the next that a person starts is waited for. What the operator is
//! typing never notices.

use std::time::Duration;

use tokio::time::Instant;

use super::HostError;
use super::attach::{self, Starter};
use crate::config::Paths;
use crate::link::{FarEnd, Link};
use crate::protocol::{Command, Fact, Record};

/// A host that lives shorter than this has died at once.
const AT_ONCE: Duration = Duration::from_secs(5);

/// How often it is looked whether a person has started a host again.
const LOOK: Duration = Duration::from_millis(500);

/// Hosts in a row that may die at once before this gives up.
const TRIES: u32 = 3;

/// The operator's side of a conversation that goes on over the death of `first`'s host.
///
/// It ends when the operator leaves, or when no host stays alive.
pub(super) fn lasting(paths: Paths, starter: Starter, first: Link) -> Link {
    let (link, far) = Link::pair();
    let conversation = Conversation {
        far,
        seen: 0,
        by: String::new(),
        here: false,
        unsent: None,
        unsaved: None,
        told_to_end: false,
    };
    tokio::spawn(conversation.run(paths, starter, first));
    link
}

struct Conversation {
    far: FarEnd,
    /// Number of the last journalled record that went through.
    seen: u64,
    /// How decisions of this cockpit are signed.
    by: String,
    /// Whether somebody sits in front of it.
    here: bool,
    /// A command that the dying host did not take.
    unsent: Option<Command>,
    /// A memory save that no host has answered; saving the same text twice is saving it once.
    unsaved: Option<Command>,
    /// Whether the host said that it would end.
    told_to_end: bool,
}

/// What is said of a command while there is no host, and none is wanted.
const NOTHING_SENT: &str = "it was told to end, so nothing was sent; `checkride` starts one";

/// Whether the operator would miss it: what a cockpit asks and tells by itself is asked and told again.
fn is_order(command: &Command) -> bool {
    !matches!(
        command,
        Command::Fetch(_) | Command::Seen { .. } | Command::Looks { .. }
    )
}

/// Which side has gone.
enum Gone {
    Operator,
    Host,
}

impl Conversation {
    async fn run(mut self, paths: Paths, starter: Starter, first: Link) {
        let mut host = first;
        let mut died_at_once = 0;
        loop {
            let since = Instant::now();
            if let Gone::Operator = self.relay(&mut host).await {
                return;
            }
            died_at_once = if since.elapsed() < AT_ONCE {
                died_at_once + 1
            } else {
                0
            };
            if died_at_once > TRIES {
                return;
            }
            let met = if std::mem::take(&mut self.told_to_end) {
                if self.lost().as_ref().is_some_and(is_order) {
                    self.refuse(NOTHING_SENT).await;
                }
                match self.next_host(&paths).await {
                    Some(met) => met,
                    None => return,
                }
            } else {
                self.refuse("it has gone; another one is started").await;
                attach::attach(&paths, &starter).await
            };
            match met {
                Ok(link) => host = link,
                Err(e) => return self.refuse(&e.to_string()).await,
            }
            let (since, by) = (self.seen, self.by.clone());
            // What the operator sees stands until the new host has looked.
            let early = false;
            let attach = Command::Attach { since, by, early };
            // A host that is gone again is met by the next turn.
            drop(host.commands.send(attach).await);
            if self.here {
                drop(host.commands.send(Command::Here).await);
            }
            let lost = self.lost();
            for command in self.unsaved.clone().into_iter().chain(lost) {
                drop(host.commands.send(command).await);
            }
            self.say(Fact::Done {
                what: "the host is back".to_owned(),
            })
            .await;
        }
    }

    /// Takes the command that the dying host did not take, unless it is the save that is kept anyway.
    fn lost(&mut self) -> Option<Command> {
        let unsent = self.unsent.take();
        unsent.filter(|command| self.unsaved.as_ref() != Some(command))
    }

    /// Waits for the host that a person starts; `None` where the operator leaves before. Whoever told the last one
    /// to end wants none, so what is asked for meanwhile is refused.
    async fn next_host(&mut self, paths: &Paths) -> Option<Result<Link, HostError>> {
        loop {
            tokio::select! {
                command = self.far.commands.recv() => {
                    if is_order(&command?) {
                        self.refuse(NOTHING_SENT).await;
                    }
                }
                () = tokio::time::sleep(LOOK) => match attach::connect(paths).await {
                    Err(HostError::Absent(_)) => {}
                    met => return Some(met),
                },
            }
        }
    }

    /// Hands on both ways until one side has gone. What a host said before it went is heard to the end.
    async fn relay(&mut self, host: &mut Link) -> Gone {
        let mut takes = true;
        loop {
            tokio::select! {
                command = self.far.commands.recv(), if takes => {
                    let Some(command) = command else { return Gone::Operator };
                    if let Command::Attach { by, .. } = &command {
                        self.by.clone_from(by);
                    }
                    self.here |= command == Command::Here;
                    if let Command::SaveMemory { .. } = &command {
                        self.unsaved = Some(command.clone());
                    }
                    if let Err(unsent) = host.commands.send(command).await {
                        self.unsent = Some(unsent.0);
                        takes = false;
                    }
                }
                record = host.records.recv() => {
                    let Some(record) = record else { return Gone::Host };
                    self.seen = self.seen.max(record.seq);
                    if let Fact::Done { .. } | Fact::MemoryConflict { .. } | Fact::Refused { .. } =
                        record.fact
                    {
                        self.unsaved = None;
                    }
                    self.told_to_end |= record.fact == Fact::Leaving;
                    if self.far.records.send(record).await.is_err() {
                        return Gone::Operator;
                    }
                }
            }
        }
    }

    async fn refuse(&mut self, why: &str) {
        let what = "host".to_owned();
        let why = why.to_owned();
        self.say(Fact::Refused { what, why }).await;
    }

    /// Tells the operator; one who has gone is met by the next turn.
    async fn say(&mut self, fact: Fact) {
        let at = crate::supervisor::clock::Clock::System.now_ms();
        drop(self.far.records.send(Record { seq: 0, at, fact }).await);
    }
}
