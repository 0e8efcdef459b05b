//! Figures, printed and never judged: `cargo test --release --test it bench -- --ignored --nocapture`.

mod cold;
mod idle;
mod painted;
mod streams;

use std::collections::BTreeMap;
use std::process::Command as Process;

use checkride::protocol::Fact;
use checkride::run::{Event, Mode, Outcome, Stage};
use checkride::supervisor::Supervisor;
use checkride::supervisor::sandbox::probe::Powers;

use crate::sandbox::ground::{Ground, Way};
use crate::world::{Operator, World};
use tokio::time::Instant;

/// Iterations of one measurement.
const TURNS: u32 = 40;

fn spinning(kind: &str, files: usize) -> World {
    let world = World::new();
    world.skill("spin");
    for n in 0..files {
        world.write(
            &format!("src/{}/{n}.txt", n % 20),
            &format!("file {n}\n").repeat(20),
        );
    }
    world.write(
        "loops/spin.toml",
        &format!(
            r#"
version = 1
name = "spin"
skill = {{ path = "skills/spin" }}
worker = {{ type = "command", command = ["true"] }}
[goal]
statement = "never"
[[goal.verify.checks]]
name = "no"
command = ["false"]
[memory]
note = "none"
[guardrails]
mode = "autonomous"
max_iterations = {TURNS}
[guardrails.budget]
tokens_per_run = 10_000_000
[guardrails.stuck]
same_verdict = 100
same_diff = 100
same_failure = 100
[guardrails.workspace]
kind = "{kind}"
"#
        ),
    );
    world.commit("a loop that turns");
    world
}

/// Milliseconds of each iteration, and of each of its stages.
#[derive(Default)]
struct Took {
    iterations: Vec<f64>,
    stages: BTreeMap<String, Vec<f64>>,
}

/// The times of iterations, as records tell them; `None` for a run that is audited.
async fn turns(world: &World, confined: bool) -> Option<Took> {
    let mut settings = world.settings();
    settings.grants.insert("spin".to_owned(), Mode::Autonomous);
    if !confined {
        settings.powers = Powers::none("it is measured without").into();
    }
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("spin").await;
    let (mut began, mut entered) = (None, None);
    let mut took = Took::default();
    let since = |then: Instant| then.elapsed().as_secs_f64() * 1e3;
    loop {
        let over = operator
            .until("the next stage", |fact| match fact {
                Fact::Run {
                    event: Event::Began { stage, .. },
                    ..
                } => Some(Ok(*stage)),
                Fact::Run {
                    event: Event::Ended(outcome),
                    ..
                } => Some(Err(outcome.clone())),
                // Drawn for an audit, as one in twenty is: it stops where this one must not.
                Fact::Run {
                    event: Event::Asked(_),
                    ..
                } => Some(Err(Outcome::Stopped)),
                _ => None,
            })
            .await;
        let now = Instant::now();
        if let Some((stage, entered)) = entered.replace((over.clone().ok(), now)) {
            let stage = format!("{stage:?}");
            took.stages.entry(stage).or_default().push(since(entered));
        }
        match over {
            Ok(Stage::Compose) => {
                took.iterations.extend(began.replace(now).map(since));
            }
            Ok(_) => {}
            Err(outcome) => return (outcome == Outcome::Exhausted).then_some(took),
        }
    }
}

fn percentile(times: &mut [f64], p: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ p ≤ 1"
    )]
    #[expect(clippy::cast_precision_loss, reason = "a few dozen times")]
    let index = ((times.len() - 1) as f64 * p).round() as usize;
    times[index]
}

/// One bare git command on the same repository, for comparison.
fn bare(world: &World, args: &[&str]) -> f64 {
    let mut times: Vec<f64> = (0..10)
        .map(|_| {
            let began = Instant::now();
            let ran = Process::new("git")
                .args(args)
                .current_dir(world.project())
                .output();
            assert!(ran.unwrap().status.success());
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    percentile(&mut times, 0.5)
}

/// F9: what an iteration costs when worker and check do nothing.
#[tokio::test]
#[ignore = "prints figures; run it on a quiet machine"]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs it")]
async fn cost_of_an_iteration() {
    let kinds = [
        ("read-only", 3, false),
        ("read-only", 3, true),
        ("clone", 1_000, true),
    ];
    for (kind, files, confined) in kinds {
        let (world, mut took) = loop {
            let world = spinning(kind, files);
            if let Some(took) = turns(&world, confined).await {
                break (world, took);
            }
        };
        let (p50, p99) = (
            percentile(&mut took.iterations, 0.5),
            percentile(&mut took.iterations, 0.99),
        );
        println!("F9 {kind}, {files} files, confined {confined}: p50 {p50:.1} ms, p99 {p99:.1} ms");
        for (stage, times) in &mut took.stages {
            println!("   {stage}: p50 {:.1} ms", percentile(times, 0.5));
        }
        let status = bare(&world, &["status", "--porcelain"]);
        let tree = bare(&world, &["ls-tree", "-r", "HEAD"]);
        println!("   bare git on the same files: status {status:.1} ms, ls-tree {tree:.1} ms");
    }
    let spawn = {
        let mut times: Vec<f64> = (0..50)
            .map(|_| {
                let began = Instant::now();
                Process::new("true").status().unwrap();
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        percentile(&mut times, 0.5)
    };
    println!("   one bare spawn of true: {spawn:.1} ms");
}

/// What the sandbox costs a spawn; at most 15 ms.
#[tokio::test]
#[ignore = "prints figures; run it on a quiet machine"]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs it")]
async fn cost_of_the_sandbox() {
    for way in [Way::Outside, Way::Walls, Way::Confined] {
        if let Some(why) = way.lacks() {
            println!("{way:?}: skipped, {why}");
            continue;
        }
        let mut times = Ground::new().times(way, 60).await;
        let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
        println!("spawn of true, {way:?}: p50 {p50:.1} ms, p99 {p99:.1} ms");
    }
}
