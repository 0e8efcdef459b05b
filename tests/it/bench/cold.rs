//! F12: the real cockpit begins where no host runs, with a long past behind it.

use checkride::supervisor::{JOURNAL, Settings, Supervisor};
use rusqlite::Connection;
use tokio::time::Instant;

use super::percentile;
use crate::host::{checkride, paths, states};
use crate::terminal::pty::{Terminal, cockpit};
use crate::world::{Operator, World};

/// Loops, each of which has a run that asks.
const LOOPS: usize = 50;

/// Runs of each loop that are over.
const OVER: usize = 200;

/// Starts that are measured.
const STARTS: usize = 9;

/// Fifty loops that ask, and ten thousand runs that are over, where the real program looks for them.
async fn long_past() -> World {
    let world = World::new();
    world.skill("any");
    for n in 1..=LOOPS {
        let text = format!(
            "version = 1\nname = \"loop-{n}\"\nskill = {{ path = \"skills/any\" }}\n\
             worker = {{ type = \"command\", command = [\"true\"] }}\n[goal]\n\
             statement = \"It is done.\"\n[[goal.verify.checks]]\nname = \"done\"\n\
             command = [\"true\"]\n"
        );
        world.write(&format!("loops/loop-{n}.toml"), &text);
    }
    world.commit("many loops");
    world.allow(&states(&world));
    let state = paths(&world).state().to_owned();
    let supervisor = Supervisor::start(Settings {
        state: state.clone(),
        ..world.settings()
    })
    .unwrap();
    let mut operator = Operator::at(&supervisor).await;
    for n in 1..=LOOPS {
        operator.start(&format!("loop-{n}")).await;
        operator.asked("prompt").await;
    }
    supervisor.end();
    fill(&Connection::open(state.join(JOURNAL)).unwrap());
    world
}

/// Copies each run so often into the past, under numbers that are free.
fn fill(db: &Connection) {
    let sql = format!(
        "WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n <= {OVER})
         INSERT INTO runs (run, loop, number, skill, date, outcome, by_hand)
         SELECT loop || '-0' || n, loop, n - {OVER} - 2, skill, '2026-01-01', '\"done\"', 1
         FROM runs, n"
    );
    db.execute(&sql, []).unwrap();
    let sql = "INSERT INTO records (at, run, event) SELECT r.at, o.run, r.event
               FROM runs o JOIN records r ON r.run = o.loop || '-1' WHERE o.outcome IS NOT NULL";
    db.execute(sql, []).unwrap();
}

/// Milliseconds from the start of the program until its screen lists every question, and until the host has
/// looked at every loop.
fn start(world: &World) -> (f64, f64) {
    let program = cockpit(world);
    let began = Instant::now();
    let since = || began.elapsed().as_secs_f64() * 1e3;
    let mut terminal = Terminal::start(program, (36, 120));
    let all = format!("{LOOPS} need you");
    terminal.until("every question", |s| s.contents().contains(&all));
    let told = since();
    terminal.until("a look at each loop", |s| !s.contents().contains("looking"));
    let looked = since();
    drop(terminal);
    let stop = ["stop", "--host", "--force"];
    assert!(checkride(world, &stop).output().unwrap().status.success());
    (told, looked)
}

/// F12: from the start of the cockpit to its first usable screen, with 10,050 runs of which 50 ask.
#[tokio::test]
#[ignore = "prints figures; run it on a quiet machine"]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs it")]
async fn cold_start_with_a_long_past() {
    let world = long_past().await;
    let (mut told, mut looked) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let (first, all) = start(&world);
        told.push(first);
        looked.push(all);
    }
    for (what, times) in [("told", &mut told), ("looked at", &mut looked)] {
        let (p50, worst) = (percentile(times, 0.5), percentile(times, 1.0));
        println!("F12 {LOOPS} loops, cold, all {what}: p50 {p50:.1} ms, worst {worst:.1} ms");
    }
}
