//! Stopping: one run or all, at once, with nothing lost.

use std::fs;
use std::path::Path;
use std::time::Duration;

use checkride::protocol::{Command, Fact, RunId};
use checkride::run::{Event, Outcome, Stage};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{Parts, UNCONFINED, shell, soon, valid};
use crate::world::{Operator, World};

/// Two loops whose workers ignore TERM, leave the group, and write their pids outside.
fn two_loops(outside: &Path) -> World {
    let script = |name: &str| {
        let pids = outside.join(name);
        shell(&format!(
            "cat > /dev/null; echo half > half; trap \"\" TERM
setsid sh -c 'trap \"\" TERM; echo $$ >> {0}; while :; do sleep 600; done' &
echo $$ >> {0}; while :; do sleep 600; done",
            pids.display()
        ))
        .replace("'''", "\"\"\"")
        .replace("trap \"\" TERM", "trap '' TERM")
    };
    let (one, two) = (script("count"), script("more"));
    let top = format!("trigger = {{ type = \"event\", inbox = true }}\n{UNCONFINED}");
    let world = Parts {
        worker: &one,
        top: &top,
        ..Parts::default()
    }
    .world();
    let more = Parts {
        worker: &two,
        top: &top,
        ..Parts::default()
    };
    world.write(
        "loops/more.toml",
        &more.file().replace("name = \"count\"", "name = \"more\""),
    );
    world.write("checkride.toml", "max_running = 2\n");
    world.commit("another loop");
    world
}

/// The pids that a worker wrote, once there are two.
async fn pids(outside: &Path, name: &str) -> Vec<u32> {
    let read = || fs::read_to_string(outside.join(name)).unwrap_or_default();
    soon("two processes", || read().lines().count() == 2).await;
    read().lines().map(|pid| pid.parse().unwrap()).collect()
}

/// Gone, or dead and only not yet collected.
fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty()
        || stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
}

async fn both_at_work(operator: &mut Operator) {
    for name in ["count", "more"] {
        operator.start(name).await;
        operator.approve("prompt").await;
        operator.begun(Stage::Work).await;
    }
}

async fn end_of(operator: &mut Operator, wanted: &RunId) -> Outcome {
    operator
        .until("the end", |fact| match fact {
            Fact::Run {
                run,
                event: Event::Ended(outcome),
            } if run == wanted => Some(outcome.clone()),
            _ => None,
        })
        .await
}

/// `x` stops one run of two: its whole tree is dead, the other one works on (R65).
#[tokio::test]
async fn one_run_of_two_is_stopped() {
    let outside = TempDir::new().unwrap();
    let world = two_loops(outside.path());
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    both_at_work(&mut operator).await;
    let count = pids(outside.path(), "count").await;
    let more = pids(outside.path(), "more").await;
    let run = RunId::new("count", 1);
    operator.say(Command::Stop { run: run.clone() }).await;
    assert_eq!(end_of(&mut operator, &run).await, Outcome::Stopped);
    assert!(count.iter().all(|pid| is_dead(*pid)), "{count:?}");
    assert!(!more.iter().any(|pid| is_dead(*pid)), "{more:?}");
}

/// `X` stops both within a second or so, all rows are off; `u` re-arms, and the runs stay
/// stopped until `r` asks again what had been asked (R65, PRODUCT §5.17).
#[tokio::test]
async fn all_runs_are_stopped_at_once() {
    let outside = TempDir::new().unwrap();
    let world = two_loops(outside.path());
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    both_at_work(&mut operator).await;
    let mut all = pids(outside.path(), "count").await;
    all.extend(pids(outside.path(), "more").await);
    let pressed = Instant::now();
    operator.say(Command::StopAll).await;
    soon("both trees dead", || all.iter().all(|pid| is_dead(*pid))).await;
    assert!(
        pressed.elapsed() < Duration::from_secs(30),
        "{:?}",
        pressed.elapsed()
    );
    let all_off = |off: bool| {
        move |fact: &Fact| match fact {
            Fact::Loops(rows) => {
                let so = rows.iter().all(|row| valid(row).unwrap().off == off);
                (so && rows.len() == 2).then_some(())
            }
            _ => None,
        }
    };
    operator.until("all rows off", all_off(true)).await;
    let ended = |operator: &Operator, name: &str| {
        let end = Event::Ended(Outcome::Stopped);
        operator.events(&RunId::new(name, 1)).contains(&end)
    };
    for name in ["count", "more"] {
        if !ended(&operator, name) {
            end_of(&mut operator, &RunId::new(name, 1)).await;
        }
    }

    operator.say(Command::Undo { run: None }).await;
    operator.until("all rows armed", all_off(false)).await;
    let mut other = Operator::at(&supervisor).await;
    for name in ["count", "more"] {
        assert!(ended(&other, name), "{name} went on by itself");
    }
    let run = RunId::new("count", 1);
    other.say(Command::Resume { run }).await;
    other.asked("prompt").await;
}

/// A stop does not wait for what a run begins with: git's snapshot of what is not committed, which a filter of
/// the operator's own may make long.
#[tokio::test]
async fn a_stop_ends_the_first_snapshot() {
    let outside = TempDir::new().unwrap();
    let begun = outside.path().join("begun");
    let world = Parts {
        top: "guardrails = { workspace = { base = \"dirty\" } }",
        ..Parts::default()
    }
    .world();
    let slow = format!("touch {}; exec sleep 600 2> /dev/null", begun.display());
    world.git(&["config", "filter.slow.clean", &slow]);
    world.write(".git/info/attributes", "*.slow filter=slow\n");
    world.write("new.slow", "not committed\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    soon("the snapshot", || begun.exists()).await;
    let run = RunId::new("count", 1);
    operator.say(Command::Stop { run }).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
}
