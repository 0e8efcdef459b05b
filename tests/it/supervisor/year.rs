//! Every kind of event over fortnights: clocks that jump, hosts that are away, events that come meanwhile.
//! Each event leads to one run, none to two, and none is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::protocol::{Command, Fact, RunId};
use checkride::run::{Checkpoint, Decision, Event};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::{Settings, Supervisor};

use super::valid;
use crate::ordeal::times;
use crate::world::{Operator, World};

const DAY: i64 = 86_400_000;

/// One loop for each kind of event.
const KINDS: [(&str, &str); 4] = [
    ("dropped", "inbox = true"),
    ("moved", r#"git = { ref = "refs/heads/feature" }"#),
    (
        "polled",
        r#"poll = { command = ["sh", "scripts/poll"], every = "1d" }"#,
    ),
    ("watched", r#"watch = ["notes/*.md"]"#),
];

fn world() -> World {
    let world = World::new();
    for (name, event) in KINDS {
        world.skill(name);
        world.write(
            &format!("loops/{name}.toml"),
            &format!(
                "version = 1\nname = \"{name}\"\n[trigger]\ntype = \"event\"\n{event}\n\
                 [skill]\npath = \"skills/{name}\"\nproven_min = 0\n\
                 [worker]\ntype = \"command\"\ncommand = [\"true\"]\n\
                 [goal]\nstatement = \"It is done.\"\n\
                 [[goal.verify.checks]]\nname = \"done\"\ncommand = [\"true\"]\n"
            ),
        );
    }
    world.write("checkride.toml", "max_running = 4\n");
    world.script(
        "scripts/poll",
        "[ -e ../found ] && cat ../found && rm ../found\n",
    );
    world.commit("four loops");
    world.git(&["branch", "feature"]);
    world
}

/// One event of each kind.
fn happen(world: &World, round: usize) {
    let payload = format!("{{\"round\": {round}}}");
    world.write(&format!("inbox/dropped/{round}.json"), &payload);
    world.write(&format!("notes/{round}.md"), "# A note\n");
    world.write("../found", &payload);
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let commit = world.git(&["commit-tree", &tree, "-m", &format!("round {round}")]);
    world.git(&["update-ref", "refs/heads/feature", &commit]);
}

/// Waits until each loop asks about its prompt.
async fn parked(operator: &mut Operator) -> BTreeMap<String, (RunId, Checkpoint)> {
    let mut parked = BTreeMap::new();
    while parked.len() < KINDS.len() {
        let (run, open) = operator
            .until("a question of each loop", |fact| match fact {
                Fact::Run {
                    run,
                    event: Event::Asked(open),
                } => Some((run.clone(), (**open).clone())),
                Fact::Refused { what, why } => panic!("refused {what}: {why}"),
                _ => None,
            })
            .await;
        let (name, _) = run.split().unwrap();
        parked.insert(name.to_owned(), (run.clone(), open));
    }
    parked
}

/// By which firing this run woke.
fn key(operator: &Operator, run: &RunId) -> String {
    let events = operator.events(run);
    let wake = events.iter().find_map(|event| match event {
        Event::Woke(wake) => Some(wake.clone()),
        _ => None,
    });
    wake.unwrap().fired.unwrap().key
}

/// R23, R36, R41, S25: an event of every kind in each fortnight, some while no host runs, some after the
/// clock was put back by hours; each wakes its loop once. `CHECKRIDE_FORTNIGHTS=26` makes a year of it.
#[tokio::test]
async fn each_event_of_a_year_wakes_its_loop_once() {
    let world = world();
    let hands = Arc::new(AtomicI64::new(1_781_273_220_000));
    let settings = Settings {
        clock: Clock::Test(hands.clone()),
        ..world.settings()
    };
    let mut supervisor = Supervisor::start(settings.clone()).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let armed = operator.until("four armed loops", |fact| match fact {
        Fact::Loops(rows) => {
            let armed = |row| valid(row).is_some_and(|facts| facts.waking.armed());
            (rows.len() == KINDS.len() && rows.iter().all(armed)).then_some(())
        }
        _ => None,
    });
    armed.await;
    let mut keys = BTreeSet::new();
    let rounds = times("CHECKRIDE_FORTNIGHTS", 2);
    for round in 0..rounds {
        if round % 2 == 1 {
            drop(operator);
            supervisor.end();
            happen(&world, round);
            hands.fetch_add(14 * DAY, Ordering::SeqCst);
            supervisor = Supervisor::start(settings.clone()).unwrap();
        } else {
            happen(&world, round);
            hands.fetch_add(14 * DAY, Ordering::SeqCst);
        }
        operator = Operator::at(&supervisor).await;
        operator.say(Command::Tick).await;
        let parked = parked(&mut operator).await;
        for (name, (run, open)) in parked {
            let key = key(&operator, &run);
            assert!(keys.insert((name, key)), "{run} woke by what woke another");
            operator.look_at(&open).await;
            operator.answer(&open, Decision::Abort).await;
            operator.ended().await;
        }
        // The clock was wrong by hours, and is put right: nothing comes again.
        hands.fetch_sub(3 * 3_600_000, Ordering::SeqCst);
        operator.say(Command::Tick).await;
        let ticked = |fact: &Fact| matches!(fact, Fact::Ticked(_)).then_some(());
        operator.until("the end of the look", ticked).await;
        hands.fetch_add(3 * 3_600_000, Ordering::SeqCst);
    }
    assert_eq!(keys.len(), KINDS.len() * rounds);
    for (name, _) in KINDS {
        let more = format!(".checkride/runs/{name}/{}", rounds + 1);
        let more = world.project().join(more);
        assert!(!more.exists(), "{name} woke once too often");
        let left = fs::read_dir(world.project().join("inbox/dropped")).unwrap();
        assert_eq!(
            left.filter(|e| e.as_ref().unwrap().path().is_file())
                .count(),
            0
        );
    }
}
