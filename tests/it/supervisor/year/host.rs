//! The host of the year: a process of its own, so that it can be killed as a host is. It is this very test
//! program, asked for the one test that is nothing but that host.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use checkride::link::Link;
use checkride::protocol::{Command, Fact, RunId};
use checkride::run::{Checkpoint, Decision, Event};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::{Settings, Supervisor};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::world::{World, settings_in};

/// Where the host finds its world, and what its clock shows first.
const FOLDER: &str = "CHECKRIDE_YEAR_FOLDER";
const CLOCK: &str = "CHECKRIDE_YEAR_CLOCK";

/// What the host says before each answer: its other output is not ours.
const ANSWER: &str = "answer: ";

/// Far longer than anything takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A host with somebody in front of it, seen from outside.
pub(super) struct Host {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Host {
    pub(super) fn start(world: &World, now: i64) -> Self {
        let folder = world.project().parent().unwrap().to_owned();
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "supervisor::year::host::is_the_host_of_a_year"])
            .args(["--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .env(CLOCK, now.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            orders,
            answers,
        }
    }

    /// Says something and does not wait.
    pub(super) fn tell(&mut self, order: &str) {
        let orders = self.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
    }

    /// Says something and waits for the answer.
    pub(super) fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line).unwrap();
            assert!(read > 0, "the host is gone before it answered {order}");
            // The name of the test may stand before the first answer.
            if let Some((_, answer)) = line.trim_end().split_once(ANSWER) {
                return answer.to_owned();
            }
        }
    }

    /// Kills it after so long, whatever it does then.
    #[expect(
        clippy::disallowed_methods,
        reason = "the moment itself is what was drawn by lot"
    )]
    pub(super) fn kill_within(&mut self, moment: Duration) {
        std::thread::sleep(moment);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a logout does.
    pub(super) fn end(&mut self) {
        self.orders = None;
        assert!(self.child.wait().unwrap().success());
    }
}

/// Whoever sits in front of the host.
struct Somebody {
    link: Link,
    open: BTreeMap<RunId, Checkpoint>,
}

impl Somebody {
    async fn at(supervisor: &Supervisor) -> Self {
        let mut somebody = Self {
            link: supervisor.connect(),
            open: BTreeMap::new(),
        };
        let by = "the year".to_owned();
        somebody
            .say(Command::Attach {
                since: 0,
                by,
                early: false,
            })
            .await;
        somebody
            .until(|fact| matches!(fact, Fact::Attached { .. }))
            .await;
        somebody
    }

    async fn say(&mut self, command: Command) {
        self.link.commands.send(command).await.unwrap();
    }

    fn take(&mut self, fact: &Fact) {
        if let Fact::Run { run, event } = fact {
            match event {
                Event::Asked(open) => drop(self.open.insert(run.clone(), (**open).clone())),
                Event::Ended(_) | Event::Decided { .. } => drop(self.open.remove(run)),
                _ => {}
            }
        }
    }

    async fn until(&mut self, so: impl Fn(&Fact) -> bool) -> Fact {
        loop {
            let next = timeout(PATIENCE, self.link.records.recv()).await;
            let record = next.expect("the supervisor is silent").unwrap();
            self.take(&record.fact);
            if so(&record.fact) {
                return record.fact;
            }
        }
    }

    /// Ends every run that asks.
    async fn answer(&mut self) {
        // All that was said so far is heard first.
        self.say(Command::Tick).await;
        self.until(|fact| matches!(fact, Fact::Ticked(_))).await;
        for (run, open) in self.open.clone() {
            let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
            self.say(Command::Seen { checkpoint, digest }).await;
            let decision = Decision::Abort;
            self.say(Command::Decide {
                checkpoint: open.id,
                digest: open.digest,
                decision,
            })
            .await;
            let over = |fact: &Fact| matches!(fact, Fact::Run { run: of, event: Event::Ended(_) } if *of == run);
            self.until(over).await;
        }
    }

    /// Calls a loop from outside; whether that was taken.
    async fn fire(&mut self, name: &str, word: &str) -> bool {
        let fire = Command::Fire {
            name: name.to_owned(),
            payload: Some(word.to_owned()),
        };
        self.say(fire).await;
        let answered = |fact: &Fact| {
            matches!(fact, Fact::Fired { .. })
                || matches!(fact, Fact::Refused { what, .. } if what == name)
        };
        matches!(self.until(answered).await, Fact::Fired { .. })
    }
}

/// The host itself; only a year starts it.
#[test]
#[ignore = "it is the other end of the year, which starts it"]
fn is_the_host_of_a_year() {
    let (Ok(folder), Ok(clock)) = (std::env::var(FOLDER), std::env::var(CLOCK)) else {
        return;
    };
    assert!(super::is_there(Path::new(&folder)));
    let hands = Arc::new(AtomicI64::new(clock.parse().unwrap()));
    let settings = Settings {
        clock: Clock::Test(hands.clone()),
        ..settings_in(Path::new(&folder))
    };
    let (order, mut orders) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            order.send(line.unwrap()).unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let supervisor = Supervisor::start(settings).unwrap();
    runtime.block_on(async {
        let mut somebody = Somebody::at(&supervisor).await;
        loop {
            let order = tokio::select! {
                record = somebody.link.records.recv() => {
                    somebody.take(&record.unwrap().fact);
                    continue;
                }
                order = orders.recv() => match order {
                    Some(order) => order,
                    None => break,
                },
            };
            let words: Vec<&str> = order.split(' ').collect();
            let answer = match words.as_slice() {
                ["turn", now] => {
                    hands.store(now.parse().unwrap(), Ordering::SeqCst);
                    somebody.say(Command::Tick).await;
                    somebody.until(|fact| matches!(fact, Fact::Ticked(_))).await;
                    "done"
                }
                ["answer"] => {
                    somebody.answer().await;
                    "done"
                }
                ["fire", name, word] => {
                    if somebody.fire(name, word).await {
                        "yes"
                    } else {
                        "no"
                    }
                }
                other => panic!("no such order: {other:?}"),
            };
            writeln!(std::io::stdout(), "{ANSWER}{answer}").unwrap();
        }
    });
    supervisor.end();
}
