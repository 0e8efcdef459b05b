//! The supervisor from outside: real git, real checks, scripted and real workers, an operator on a
//! link. Here stands the loop that all of it flies; what it shows is told apart in the files below.

mod acp;
mod costs;
mod files;
mod flow;
mod freeze;
mod guardrails;
mod hostile;
mod jumps;
mod limits;
mod memory;
mod opening;
mod publish;
mod stop;
mod triggers;
mod undo;
mod verdicts;
mod waits;
mod walls;
mod workers;
mod year;

use std::path::PathBuf;
use std::time::Duration;

use checkride::protocol::{Command, Fact, Fetch, LoopFacts, LoopRow, LoopState, RunId};
use checkride::run::{Ask, Checkpoint, Digest, Event, Stage, Verdict};

use crate::world::{Operator, World};

/// Asked until count.txt has three lines.
const THREE: &str = "#!/bin/sh\nn=$(wc -l < count.txt)\necho $n\n[ $n -eq 3 ]\n";

/// Asks to run without questions before publish; needs a budget of its own.
const AUTONOMOUS: &str =
    "guardrails = { mode = \"autonomous\", budget = { tokens_per_run = 50_000 } }";

/// The parts of the loop `count`; each is TOML or a script's text.
struct Parts<'a> {
    /// Lines above the first table: `guardrails = { … }`, `publish = { … }`.
    top: &'a str,
    /// The worker.
    worker: &'a str,
    /// The turns of a scripted worker: the acts of each.
    turns: &'a [&'a str],
    /// `scripts/three`, the only check.
    check: &'a str,
    /// The judge's table without its head; empty where there is none.
    judge: &'a str,
}

/// What a loop says on top whose processes write outside, for the test to see.
const UNCONFINED: &str = "guardrails = { workspace = { sandbox = \"off\" } }";

impl Default for Parts<'_> {
    /// A scripted worker that needs two iterations, a check, no judge.
    fn default() -> Self {
        Self {
            top: "",
            worker: r#"{ type = "script", file = "count/worker.toml" }"#,
            turns: &[
                r#"{ write = { path = "count.txt", text = "1\n2\n" } }"#,
                r#"{ append = { path = "count.txt", text = "3\n" } }"#,
            ],
            check: THREE,
            judge: "",
        }
    }
}

impl Parts<'_> {
    /// The loop file.
    fn file(&self) -> String {
        let judge = match self.judge {
            "" => String::new(),
            judge => format!("[goal.verify.judge]\n{judge}\n"),
        };
        format!(
            r#"version = 1
name = "count"
skill = {{ path = "skills/count" }}
worker = {}
{}
[goal]
statement = "count.txt holds three lines"
[[goal.verify.checks]]
name = "three lines"
command = ["scripts/three"]
{judge}"#,
            self.worker, self.top
        )
    }

    /// A project with this loop.
    fn world(&self) -> World {
        let world = World::new();
        world.skill("count");
        world.write("loops/count.toml", &self.file());
        let turns = self.turns.iter().fold(String::new(), |all, acts| {
            all + &format!("[[turn]]\nacts = [{acts}]\n")
        });
        world.write("loops/count/worker.toml", &turns);
        world.script("scripts/three", self.check);
        world.commit("a loop");
        world
    }
}

/// A worker that is this shell script.
fn shell(script: &str) -> String {
    format!(r#"{{ type = "command", command = ["sh", "-c", '''{script}'''] }}"#)
}

impl Operator {
    /// A kept text, whole.
    pub(crate) async fn text(&mut self, digest: &Digest) -> String {
        let wanted = Fetch::Text {
            digest: digest.clone(),
            from: 0,
            lines: 10_000,
        };
        self.say(Command::Fetch(wanted.clone())).await;
        self.until("a text", |fact| match fact {
            Fact::Lines { of, lines, .. } if *of == wanted => Some(lines.join("\n")),
            _ => None,
        })
        .await
    }

    /// Waits until a run has begun this step.
    async fn begun(&mut self, wanted: Stage) -> RunId {
        self.until("a step", |fact| match fact {
            Fact::Run {
                run,
                event: Event::Began { stage, .. },
            } if *stage == wanted => Some(run.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until a list is told in which the row of this loop is what is wanted.
    async fn row<T>(&mut self, name: &str, want: impl Fn(&LoopRow) -> Option<T>) -> T {
        let named = |row: &&LoopRow| row.name == name;
        self.until(&format!("a row of {name}"), |fact| match fact {
            Fact::Loops(rows) => rows.iter().find(named).and_then(&want),
            _ => None,
        })
        .await
    }

    /// Waits for something that happens to a run.
    async fn happened(&mut self, what: &str, want: impl Fn(&Event) -> bool) {
        self.until(what, |fact| match fact {
            Fact::Run { event, .. } if want(event) => Some(()),
            _ => None,
        })
        .await;
    }

    /// How often this step has begun.
    fn times(&self, run: &RunId, wanted: Stage) -> usize {
        let began =
            |event: &&Event| matches!(event, Event::Began { stage, .. } if *stage == wanted);
        self.events(run).iter().filter(began).count()
    }
}

/// Where the worker of `count` works.
fn workspace(world: &World) -> PathBuf {
    world.settings().state.join("workspaces/count/work")
}

/// What can be used of a row.
fn valid(row: &LoopRow) -> Option<&LoopFacts> {
    match &row.state {
        LoopState::Valid(facts) => Some(facts),
        LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => None,
    }
}

/// The run that asks.
fn run_of(open: &Checkpoint) -> RunId {
    RunId(open.id.0.rsplit_once('.').unwrap().0.to_owned())
}

/// The verdict that is asked about.
fn verdict(open: &Checkpoint) -> &Verdict {
    match &open.ask {
        Ask::Verdict { verdict, .. } => verdict,
        other => panic!("{} is no verdict", other.kind()),
    }
}

/// The prompt that is asked about.
fn prompt(open: &Checkpoint) -> &Digest {
    match &open.ask {
        Ask::Prompt { text, .. } => &text.digest,
        other => panic!("{} is no prompt", other.kind()),
    }
}

/// Looks until it is so; only a hang reaches the end of the patience.
async fn soon(what: &str, so: impl Fn() -> bool) {
    let looked = tokio::time::timeout(Duration::from_secs(120), async {
        while !so() {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(looked.await.is_ok(), "not seen: {what}");
}
