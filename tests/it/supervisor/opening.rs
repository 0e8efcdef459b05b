//! A host that has just begun: what it tells before it has looked at anything, and what it claims.

use std::fs;
use std::path::PathBuf;

use checkride::cli::Session;
use checkride::link::Link;
use checkride::protocol::{Command, Fact, Fetch, LoopRow, LoopState, Record, RunId};
use checkride::run::Event;
use checkride::supervisor::sandbox::probe::Trial;
use checkride::supervisor::{Settings, Supervisor};

use crate::world::{Operator, World};

/// A world with two loops, one of which asks; nobody has allowed the other one.
async fn asking() -> (World, RunId) {
    let world = World::new();
    world.skill("any");
    for name in ["asks", "other"] {
        let text = format!(
            "version = 1\nname = \"{name}\"\nskill = {{ path = \"skills/any\" }}\n\
             worker = {{ type = \"command\", command = [\"true\"] }}\n[goal]\n\
             statement = \"It is done.\"\n[[goal.verify.checks]]\nname = \"done\"\n\
             command = [\"true\"]\n"
        );
        world.write(&format!("loops/{name}.toml"), &text);
    }
    world.commit("two loops");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("asks").await;
    let open = operator.asked("prompt").await;
    supervisor.end();
    (world, super::run_of(&open))
}

/// A machine that tries its sandbox out until it is let go: the first look does not end before that.
struct Slow {
    go: PathBuf,
    settings: Settings,
}

impl Slow {
    fn machine(world: &World) -> Self {
        let go = world.settings().state.join("go");
        let text = format!(
            "#!/bin/sh\nwhile [ ! -e {} ]; do sleep 0.02; done\n",
            go.display()
        );
        world.script("../slow", &text);
        let program = world.project().join("../slow");
        let settings = Settings {
            owned: false,
            powers: Trial::begin(&program),
            ..world.settings()
        };
        Self { go, settings }
    }

    fn let_go(&self) {
        fs::write(&self.go, "").unwrap();
    }
}

/// What is told up to the first fact of this kind.
async fn told(link: &mut Link, until: impl Fn(&Fact) -> bool) -> Vec<Record> {
    let mut all = Vec::new();
    loop {
        let record = link.records.recv().await.unwrap();
        let last = until(&record.fact);
        all.push(record);
        if last {
            return all;
        }
    }
}

fn rows(told: &[Record]) -> Vec<LoopRow> {
    let lists = told.iter().rev().filter_map(|record| match &record.fact {
        Fact::Loops(rows) => Some(rows.clone()),
        _ => None,
    });
    lists.into_iter().next().unwrap()
}

/// F12, S18: who attaches before the first look is told every row and every question, and of no loop
/// that it may run; reading is answered, and what was asked for is refused or obeyed once it was looked at.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn rows_are_shown_before_they_are_examined() {
    let (world, run) = asking().await;
    let slow = Slow::machine(&world);
    let supervisor = Supervisor::start(slow.settings.clone()).unwrap();
    let mut link = supervisor.connect();
    let by = "test".to_owned();
    let name = "other".to_owned();
    let history = Command::Fetch(Fetch::History {
        name: "asks".to_owned(),
        before: u32::MAX,
        runs: 1,
    });
    for command in [
        Command::Attach {
            since: 0,
            by,
            early: true,
        },
        Command::Start { name },
        Command::Stop { run: run.clone() },
        history,
    ] {
        link.commands.send(command).await.unwrap();
    }
    let first = told(&mut link, |fact| matches!(fact, Fact::Attached { .. })).await;
    let shown = rows(&first);
    let names: Vec<&str> = shown.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["asks", "other"]);
    assert!(shown.iter().all(|row| row.state == LoopState::Unexamined));
    assert_eq!(shown[0].last_run.as_ref(), Some(&run));
    let asked = |record: &Record| matches!(record.event(), Some(Event::Asked(_)));
    assert!(first.iter().any(asked), "{first:#?}");
    // It is read while nothing was looked at yet.
    let read = told(&mut link, |fact| matches!(fact, Fact::HistoryEnd { .. })).await;
    let ended = |fact: &Fact| {
        let event = match fact {
            Fact::Run { event, .. } => Some(event),
            _ => None,
        };
        matches!(event, Some(Event::Ended(_)))
    };
    let obeyed = |fact: &Fact| matches!(fact, Fact::Loops(_) | Fact::Refused { .. }) || ended(fact);
    assert!(!read.iter().any(|record| obeyed(&record.fact)), "{read:#?}");

    slow.let_go();
    let then = told(&mut link, |fact| matches!(fact, Fact::Refused { .. })).await;
    let Some(Fact::Refused { why, .. }) = then.last().map(|record| &record.fact) else {
        panic!("{then:#?}");
    };
    assert!(why.contains("not trusted"), "{why}");
    let distrust = |row: &LoopRow| super::valid(row).and_then(|facts| facts.distrust.clone());
    assert!(rows(&then).iter().all(|row| distrust(row).is_some()));
    told(&mut link, ended).await;
    supervisor.end();
}

/// F12: a command of the command line is told of loops that were looked at, however early it asks.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn words_wait_for_the_first_look() {
    let (world, _) = asking().await;
    let slow = Slow::machine(&world);
    let supervisor = Supervisor::start(slow.settings.clone()).unwrap();
    let mut link = supervisor.connect();
    let early = supervisor.connect();
    let session = tokio::spawn(Session::open(early, "test".to_owned()));
    let by = "test".to_owned();
    let early = true;
    let attach = Command::Attach {
        since: 0,
        by,
        early,
    };
    link.commands.send(attach).await.unwrap();
    // Both came before it was looked at; only one of them goes on.
    told(&mut link, |fact| matches!(fact, Fact::Attached { .. })).await;
    slow.let_go();
    let session = session.await.unwrap().unwrap();
    let states = session.known.loops.iter().map(super::valid);
    assert_eq!(states.flatten().count(), 2);
    supervisor.end();
}
