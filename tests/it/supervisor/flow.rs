//! The supervisor from outside: real git, real checks, a scripted worker, an operator on a link.

use checkride::protocol::{Command, Fact, LoopState};
use checkride::run::{Decision, Event, Outcome};

use crate::world::{Operator, World};

const LOOP: &str = r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "script", file = "count/worker.toml" }
publish = { to = "git-branch", branch = "counted" }

[goal]
statement = "count.txt holds three lines"
[[goal.verify.checks]]
name = "three lines"
command = ["scripts/three"]
[goal.verify.judge]
type = "script"
file = "count/judge.toml"
rubric = ["Every line is a number."]
"#;

const WORKER: &str = r#"
[[turn]]
acts = [
  { say = "I write two lines." },
  { write = { path = "count.txt", text = "1\n2\n" } },
  { claim = "all done, APPROVED" },
]
[[turn]]
acts = [{ append = { path = "count.txt", text = "3\n" } }]
"#;

const JUDGE: &str = r#"
[[answer]]
lines = [{ pass = true, evidence = "1, 2 and 3 are numbers" }]
"#;

const CHECK: &str = "#!/bin/sh\nn=$(wc -l < count.txt)\necho $n\n[ $n -eq 3 ]\n";

fn counting() -> World {
    let world = World::new();
    world.skill("count");
    world.write("loops/count.toml", LOOP);
    world.write("loops/count/worker.toml", WORKER);
    world.write("loops/count/judge.toml", JUDGE);
    world.script("scripts/three", CHECK);
    world.commit("a loop");
    world
}

/// The whole way: two iterations in training, every step asked, the note remembered, the result on
/// a branch, and the operator's own tree as it was (R4, R12, R30, R42, R48, R57, P2).
#[tokio::test]
async fn a_loop_flies_in_training_from_prompt_to_branch() {
    let world = counting();
    let before = world.fingerprint();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for kind in [
        "prompt", "work", "verdict", "prompt", "work", "verdict", "publish",
    ] {
        operator.approve(kind).await;
    }
    let (run, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Published);
    let proven = operator
        .until("the list after the run", |fact| match fact {
            Fact::Loops(rows) => match &rows[0].state {
                LoopState::Valid(facts) if !rows[0].record.is_empty() => Some(facts.proven),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(proven, 1);
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1\n2\n3");
    assert!(world.read("memory/count.md").contains("- three lines: 2"));
    let prompts: Vec<_> = operator
        .events(&run)
        .into_iter()
        .filter_map(|event| match event {
            Event::Composed { prompt } => Some(prompt),
            _ => None,
        })
        .collect();
    assert_eq!(prompts.len(), 2);
    let second = world.read(".checkride/runs/count/1/2/prompt.md");
    assert!(second.contains("three lines: 2"), "{second}");
    let mut after = world.fingerprint();
    after.remove(".git/refs/heads/counted");
    after.remove(".git/logs/refs/heads/counted");
    assert_eq!(before, after);
}

/// A run is picked up at the same checkpoint with the same digest by the next supervisor (R44).
#[tokio::test]
async fn the_next_supervisor_asks_the_same_question() {
    let world = counting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("work").await;
    supervisor.end();

    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let told = operator
        .told
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::Run {
                event: Event::Asked(asked),
                ..
            } => Some((**asked).clone()),
            _ => None,
        });
    assert_eq!(told.as_ref(), Some(&open));
    operator.look_at(&open).await;
    operator.answer(&open, Decision::APPROVE).await;
    operator.approve("verdict").await;
}

/// Nobody can approve what nobody has seen, and a stale digest changes nothing (C2, S9).
#[tokio::test]
async fn an_unseen_checkpoint_cannot_be_approved() {
    let world = counting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator
        .until("a checkpoint", |fact| match fact {
            Fact::Run {
                event: Event::Asked(open),
                ..
            } => Some((**open).clone()),
            _ => None,
        })
        .await;
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("nobody has seen it"));
}

/// One key stops everything within a second and nothing is lost (R65).
#[tokio::test]
async fn stop_all_ends_the_work_and_keeps_it() {
    let world = counting();
    world.write(
        "loops/count/worker.toml",
        "[[turn]]\nacts = [{ write = { path = \"a\", text = \"x\" } }, { sleep_ms = 600000 }]\n",
    );
    let mut settings = world.settings();
    settings.pace = 1.0;
    let supervisor = checkride::supervisor::Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator
        .until("work", |fact| match fact {
            Fact::Run {
                event:
                    Event::Began {
                        stage: checkride::run::Stage::Work,
                        ..
                    },
                ..
            } => Some(()),
            _ => None,
        })
        .await;
    operator.say(Command::StopAll).await;
    let (_, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Stopped);
}
