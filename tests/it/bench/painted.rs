//! How long a line takes from the agent's write to the painted screen: the built program in a terminal.
#![expect(
    clippy::disallowed_methods,
    reason = "real agents write on the real clock"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::host::checkride;
use crate::terminal::Home;
use crate::terminal::pty::{Terminal, cockpit};
use crate::world::World;

/// Loops that stream at once.
const LOOPS: usize = 10;

/// How long the screen is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Prints the time some 50 times a second, without a process for each.
const AGENT: &str = r#"
cat >/dev/null
exec 9<> <(:)
until [ $SECONDS -gt 25 ]; do read -t 0.02 -u 9; echo "T$EPOCHREALTIME"; done
"#;

fn project() -> Home {
    let world = World::new();
    world.write("agent.sh", AGENT);
    world.write("checkride.toml", "max_running = 10\n");
    for n in 0..LOOPS {
        let name = format!("stream-{n}");
        world.skill(&name);
        world.write(
            &format!("loops/{name}.toml"),
            &format!(
                r#"
version = 1
name = "{name}"
skill = {{ path = "skills/{name}" }}
worker = {{ type = "command", command = ["bash", "agent.sh"] }}
goal = {{ statement = "Time passes.", verify = {{ checks = [{{ name = "no", command = ["true"] }}] }} }}
guardrails = {{ budget = {{ tokens_per_run = 1_000_000 }} }}
"#
            ),
        );
    }
    world.commit("loops that stream");
    Home::of(world)
}

/// Starts every loop and approves its prompt.
fn fly(world: &World, terminal: &mut Terminal) {
    for n in 0..LOOPS {
        let name = format!("stream-{n}");
        checkride(world, &["run", &name]).output().unwrap();
        let status = checkride(world, &["status", "--json"]).output().unwrap();
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        let question = &status["loops"][n]["checkpoint"];
        let (id, digest) = (&question["id"], &question["digest"]);
        let (id, digest) = (id.as_str().unwrap(), digest.as_str().unwrap());
        checkride(world, &["show", id]).output().unwrap();
        checkride(world, &["decide", id, "approve", "--digest", digest])
            .output()
            .unwrap();
        // A terminal that nobody reads from stops its cockpit.
        terminal.drain();
    }
}

/// Milliseconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        * 1e3
}

/// Wanted: p99 ≤ 50 ms with 10 loops at 50 lines a second each.
#[test]
#[ignore = "prints figures; run it with --release"]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs it")]
fn delay_of_painted_lines() {
    let world = project();
    let mut terminal = Terminal::start(cockpit(&world), (40, 120));
    terminal.sees("s starts one");
    fly(&world, &mut terminal);
    terminal.keys("\x1b");
    terminal.sees(" T17");
    terminal.pause(Duration::from_secs(2));
    let begin = now();
    let mut painted = BTreeMap::new();
    let end = Instant::now() + WATCHED;
    while Instant::now() < end {
        if !terminal.take_in(Duration::from_millis(50)) {
            continue;
        }
        let at = now();
        for word in terminal.text().split_whitespace() {
            if let Some(written) = word.strip_prefix('T').and_then(|t| t.parse::<f64>().ok()) {
                painted
                    .entry(word.to_owned())
                    .or_insert((written * 1e3, at));
            }
        }
    }
    let new = painted
        .into_values()
        .filter(|(written, _)| *written > begin);
    let mut delays: Vec<f64> = new.map(|(written, at)| at - written).collect();
    assert!(delays.len() > 100, "{}", terminal.text());
    let p = [0.5, 0.99, 1.0].map(|p| super::percentile(&mut delays, p));
    println!(
        "write to paint, {LOOPS} loops at 50 lines/s: n {}, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        delays.len(),
        p[0],
        p[1],
        p[2]
    );
}
