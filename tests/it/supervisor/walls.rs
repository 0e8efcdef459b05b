//! A budget is a wall (S13): over the death of the host in the middle of a call, over prices that rise,
//! over midnight and clocks that jump, and for all loops of a day together.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::host::attach::connect;
use checkride::protocol::{Fact, Record};
use checkride::run::spec::Api;
use checkride::run::{Ask, Checkpoint, Decision, Edit, Event, Limit, Outcome};
use checkride::supervisor::Supervisor;
use checkride::supervisor::clock::Clock;
use serde_json::json;

use super::{Parts, UNCONFINED, shell, soon};
use crate::host::{Hosting, paths};
use crate::provider::server::{Act, Server, calls, says};
use crate::world::{Operator, World};

/// A host that is killed as `kill -9` does it, and an operator at it.
struct Flight {
    world: World,
    host: Option<Hosting>,
}

impl Flight {
    fn of(world: World) -> Self {
        Self { world, host: None }
    }

    async fn board(&mut self) -> Operator {
        self.host = Some(Hosting::of(&self.world));
        Operator::on(connect(&paths(&self.world)).await.unwrap()).await
    }

    /// Kills the host; another asks what it left open.
    async fn crash(&mut self) -> (Operator, Checkpoint) {
        drop(self.host.take());
        let mut operator = self.board().await;
        // The question that nobody has answered; what the host cut short may be asked about a moment later.
        let open = operator.told.iter().fold(None, |open, r| match &r.fact {
            Fact::Run { event, .. } => match event {
                Event::Asked(asked) => Some((**asked).clone()),
                Event::Decided { .. } | Event::Ended(_) => None,
                _ => open,
            },
            _ => open,
        });
        let open = match open {
            Some(open) => open,
            None => operator.asked("error").await,
        };
        operator.look_at(&open).await;
        (operator, open)
    }
}

/// What a run has used, by its events as they were told.
fn used(operator: &Operator) -> u64 {
    let all = operator.told.iter().filter_map(|r| match &r.fact {
        Fact::Run {
            event: Event::Used(usage),
            ..
        } => Some(usage.tokens),
        _ => None,
    });
    all.fold(0, |_, newest| newest)
}

fn model(server: &Server, top: &str) -> World {
    let worker = format!(
        r#"{{ type = "openai", model = "small-1", base_url = "http://{}/v1", max_tokens = 40_000 }}"#,
        server.address
    );
    Parts {
        worker: &worker,
        top,
        ..Parts::default()
    }
    .world()
}

/// Most tokens of the answer that the n-th request asked for.
fn wanted(server: &Server, n: usize) -> u64 {
    let body = &server.seen()[n].body;
    let most = body.get("max_tokens").or(body.get("max_completion_tokens"));
    most.unwrap().as_u64().unwrap()
}

/// S13: a call of a model that dies with its host costs all that was set aside for it; the next one gets
/// what is left, and when that is gone no call begins, over a third host neither.
#[tokio::test]
async fn a_call_cut_short_costs_its_worst_case() {
    let server = Server::start(vec![vec![Act::Hang]]).await;
    let mut flight = Flight::of(model(&server, ""));
    let mut operator = flight.board().await;
    operator.start("count").await;
    operator.approve("prompt").await;
    soon("a call", || server.seen().len() == 1).await;

    let (mut operator, open) = flight.crash().await;
    assert_eq!(open.ask.kind(), "error");
    let first = used(&operator);
    assert_eq!(wanted(&server, 0), 40_000);
    assert!((40_000..60_000).contains(&first), "{first}");
    operator.answer(&open, Decision::APPROVE).await;
    soon("a second call", || server.seen().len() == 2).await;
    let rest = wanted(&server, 1);
    assert!(first + rest <= 60_000, "{first} + {rest}");

    let (mut operator, open) = flight.crash().await;
    assert_eq!(open.ask.kind(), "error");
    operator.answer(&open, Decision::APPROVE).await;
    let open = operator.asked("budget").await;
    let Ask::Budget { limit, .. } = open.ask else {
        panic!("{open:?}");
    };
    assert_eq!(limit, Limit::Tokens(60_000, 60_000));
    let (mut operator, open) = flight.crash().await;
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("approving cannot spend"));
    assert_eq!(server.seen().len(), 2);
}

/// S13: what a program had told of its use when its host died is charged, and once the cap is reached it
/// is not started again, whoever asks.
#[tokio::test]
async fn a_program_cut_short_costs_what_it_told() {
    let outside = tempfile::TempDir::new().unwrap();
    let starts = outside.path().join("starts");
    let script = format!(
        "cat > /dev/null; echo x >> {}; seq 100000 | head -c 160000; sleep 600",
        starts.display()
    );
    let world = Parts {
        worker: &shell(&script),
        top: UNCONFINED,
        ..Parts::default()
    }
    .world();
    let mut flight = Flight::of(world);
    let mut operator = flight.board().await;
    let told = |least: u64| {
        move |fact: &Fact| match fact {
            Fact::Run {
                event: Event::Used(usage),
                ..
            } => (usage.tokens >= least).then_some(()),
            _ => None,
        }
    };
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.until("40,000 tokens", told(40_000)).await;
    let (mut operator, open) = flight.crash().await;
    operator.answer(&open, Decision::APPROVE).await;
    let open = operator.asked("budget").await;
    let Ask::Budget {
        limit: Limit::Tokens(spent, 60_000),
        ..
    } = open.ask
    else {
        panic!("{open:?}");
    };
    assert!((60_000..90_000).contains(&spent), "{spent}");
    let (mut operator, open) = flight.crash().await;
    assert_eq!(open.ask.kind(), "budget");
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("approving cannot spend"));
    assert_eq!(fs::read_to_string(starts).unwrap(), "x\nx\n");
}

fn list(world: &World, price: f64) {
    let config = world.settings().config;
    fs::create_dir_all(&config).unwrap();
    let text = format!("[[model]]\nname = \"small\"\ninput = {price:?}\noutput = {price:?}\n");
    fs::write(config.join("prices.toml"), text).unwrap();
}

/// S13: a price that rises while a turn is under way counts for the next call of that very turn, and for
/// all that the turn has used; one that falls counts from the next step on.
#[tokio::test]
async fn a_price_that_rises_keeps_the_cap() {
    let run = json!({ "command": ["true"] });
    let scripts = vec![
        calls(Api::Openai, &[("run", run.clone())]),
        calls(Api::Openai, &[("run", run)]),
        says(Api::Openai, "Done."),
    ];
    let server = Server::start(scripts).await;
    let top = "guardrails = { budget = { usd_per_run = 0.50 } }";
    let world = model(&server, top);
    list(&world, 1.0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let first = operator.asked("permission").await;
    assert_eq!(server.seen().len(), 1);
    assert_eq!(wanted(&server, 0), 40_000);
    // What is left buys fewer than 5,000 tokens now.
    list(&world, 100.0);
    operator.answer(&first, Decision::APPROVE).await;
    let second = operator.asked("permission").await;
    let rest = wanted(&server, 1);
    assert!((256..5_000).contains(&rest), "{rest}");
    list(&world, 0.01);
    operator.answer(&second, Decision::APPROVE).await;
    operator.asked("work").await;
    assert!(
        wanted(&server, 2) < rest,
        "the dearest price of a step counts"
    );
    list(&world, 9_000.0);
    operator
        .answer(&open_of(&operator), Decision::Retry { note: None })
        .await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let Ask::Budget {
        limit: Limit::MicroUsd(spent, 500_000),
        ..
    } = open.ask
    else {
        panic!("{open:?}");
    };
    assert!(spent < 500_000, "{spent}");
    assert_eq!(server.seen().len(), 3);
}

fn open_of(operator: &Operator) -> Checkpoint {
    let asked = operator.told.iter().rev().find_map(|r| match &r.fact {
        Fact::Run {
            event: Event::Asked(open),
            ..
        } => Some((**open).clone()),
        _ => None,
    });
    asked.unwrap()
}

/// S13: under a cap in dollars, of a run or of a day, what is not priced does not start.
#[tokio::test]
async fn an_unknown_price_refuses_a_cap_in_dollars() {
    let server = Server::start(vec![
        calls(Api::Openai, &[("run", json!({ "command": ["true"] }))]),
        says(Api::Openai, "Done."),
    ])
    .await;
    for top in [
        "guardrails = { budget = { usd_per_run = 0.50 } }",
        "guardrails = { budget = { usd_per_day = 0.50 } }",
    ] {
        let world = model(&server, top);
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        operator.start("count").await;
        let Outcome::CannotVerify(why) = operator.ended().await.1 else {
            panic!("it started");
        };
        let wanted =
            "may spend $0.50, and what its worker costs is not known: put a price on small-1";
        assert!(why.contains(wanted), "{why}");
    }
    assert!(server.seen().is_empty());
}

/// A loop that spends 900 tokens in each run, on a clock of the test's own.
fn spender(at: &str) -> (World, Arc<AtomicI64>) {
    let world = Parts {
        turns: &[r#"{ tokens = 900 }, { write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    world.write("checkride.toml", "tokens_per_day = 1000\n");
    let at: jiff::Timestamp = at.parse().unwrap();
    (world, Arc::new(AtomicI64::new(at.as_millisecond())))
}

fn supervise(world: &World, clock: &Arc<AtomicI64>) -> Supervisor {
    let mut settings = world.settings();
    settings.clock = Clock::Test(clock.clone());
    Supervisor::start(settings).unwrap()
}

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The tokens that the next run is given.
async fn given(operator: &mut Operator) -> u64 {
    operator.start("count").await;
    let woken = |fact: &Fact| match fact {
        Fact::Run {
            event: Event::Woke(wake),
            ..
        } => Some(wake.spec.guardrails.budget.tokens),
        _ => None,
    };
    operator.until("a run", woken).await
}

async fn to_the_end(operator: &mut Operator) {
    for step in ["prompt", "work", "verdict"] {
        operator.approve(step).await;
    }
    operator.ended().await;
}

/// S13, S25: a run counts to the day on which it woke, whenever it ends; a clock that jumps a day ahead
/// or back, and back again, gives nobody the budget of a day twice; the next day has its own.
#[tokio::test]
async fn a_day_is_not_given_twice() {
    let (world, clock) = spender("2026-06-12T12:00:00Z");
    let supervisor = supervise(&world, &clock);
    let mut operator = Operator::at(&supervisor).await;
    assert_eq!(given(&mut operator).await, 1_000);
    operator.approve("prompt").await;
    operator.asked("work").await;
    // Over midnight: what is left of the run is spoken for on the new day, too.
    clock.fetch_add(DAY, Ordering::SeqCst);
    operator
        .answer(&open_of(&operator), Decision::APPROVE)
        .await;
    operator.approve("verdict").await;
    operator.ended().await;
    // It was spent on the 12th: the 13th is whole, and the 12th is not when the clock goes back.
    clock.fetch_sub(DAY, Ordering::SeqCst);
    assert_eq!(given(&mut operator).await, 100);
    operator.say(checkride::protocol::Command::StopAll).await;
    operator.ended().await;
    clock.fetch_add(DAY, Ordering::SeqCst);
    assert_eq!(given(&mut operator).await, 1_000);
    to_the_end(&mut operator).await;
    // The clock was ahead: on the 12th what was spent «tomorrow» counts, and the day before as well.
    for back in [DAY, DAY] {
        clock.fetch_sub(back, Ordering::SeqCst);
        operator.start("count").await;
        let why = operator.refused().await;
        assert!(
            why.contains("tokens_per_day = 1000 in checkride.toml is spent"),
            "{why}"
        );
    }
    clock.fetch_add(3 * DAY, Ordering::SeqCst);
    assert_eq!(given(&mut operator).await, 1_000);
}

const FIVE: [&str; 5] = ["one", "two", "three", "four", "five"];

/// A day of 90,000 tokens, a loop that spends 99 % of it in one run, and five that spend 390 of their 400.
fn five() -> (World, Arc<AtomicI64>) {
    let (world, clock) = spender("2026-06-12T12:00:00Z");
    let rules = "tokens_per_day = 90000\nmax_running = 5\n";
    world.write("checkride.toml", rules);
    world.script("scripts/file", "#!/bin/sh\ntest -s count.txt\n");
    let file = world.read("loops/count.toml");
    let file = file.replace("scripts/three", "scripts/file");
    let capped = |file: &str, tokens: u32| {
        let budget = format!("guardrails = {{ budget = {{ tokens_per_run = {tokens} }} }}\n[goal]");
        file.replace("[goal]", &budget)
    };
    let turn = |tokens: u32| {
        let write = r#"{ write = { path = "count.txt", text = "1\n" } }"#;
        format!("[[turn]]\nacts = [{{ tokens = {tokens} }}, {write}]\n")
    };
    world.write("loops/count.toml", &capped(&file, 100_000));
    world.write("loops/count/worker.toml", &turn(89_100));
    world.write("loops/count/few.toml", &turn(390));
    for name in FIVE {
        let file = file.replace("\"count\"", &format!("\"{name}\""));
        let file = file.replace("count/worker", "count/few");
        world.write(&format!("loops/{name}.toml"), &capped(&file, 400));
    }
    world.commit("loops");
    (world, clock)
}

/// Starts the five: how many run, and the tokens that they are given together.
async fn start_five(operator: &mut Operator) -> (usize, u64) {
    for name in FIVE {
        operator.start(name).await;
    }
    let (mut runs, mut granted) = (0, 0);
    for _ in FIVE {
        let given = operator.until("each loop's answer", |fact| match fact {
            Fact::Run {
                event: Event::Woke(wake),
                ..
            } => Some(Some(wake.spec.guardrails.budget.tokens)),
            Fact::Refused { why, .. } => {
                assert!(why.contains("is spent, or spoken for"), "{why}");
                Some(None)
            }
            _ => None,
        });
        if let Some(tokens) = given.await {
            (runs, granted) = (runs + 1, granted + tokens);
        }
    }
    (runs, granted)
}

/// What this record asks.
fn question(record: &Record) -> Option<&Checkpoint> {
    match record.event() {
        Some(Event::Asked(open)) => Some(open.as_ref()),
        _ => None,
    }
}

/// S13: five loops that begin at once when 99 % of the day is spent share what is left: together they are
/// given no more, and whoever finds nothing left does not begin.
#[tokio::test]
async fn five_loops_share_the_last_hundredth_of_a_day() {
    let (world, clock) = five();
    let supervisor = supervise(&world, &clock);
    let mut operator = Operator::at(&supervisor).await;
    given(&mut operator).await;
    to_the_end(&mut operator).await;
    let before = operator.told.len();
    // 900 are left: two have all that they want, a third has the rest.
    assert_eq!(start_five(&mut operator).await, (3, 900));
    let mut kinds = Vec::new();
    while kinds.len() < 6 {
        // The first may ask before the last has its answer.
        let mut open = operator.told[before..].iter().filter_map(question);
        let Some(open) = open.nth(kinds.len()).cloned() else {
            let asked = |fact: &Fact| {
                matches!(
                    fact,
                    Fact::Run {
                        event: Event::Asked(_),
                        ..
                    }
                )
            };
            let next = operator.until("two questions of each", |fact| asked(fact).then_some(()));
            next.await;
            continue;
        };
        operator.look_at(&open).await;
        if open.ask.kind() == "prompt" {
            operator.answer(&open, Decision::APPROVE).await;
        }
        kinds.push(open.ask.kind());
    }
    kinds.sort_unstable();
    assert_eq!(
        kinds[..],
        ["budget", "prompt", "prompt", "prompt", "work", "work"]
    );
    // The wall of the third stands: the day leaves nothing to raise it by.
    let asked = operator.told.iter().rev().find_map(|r| match &r.fact {
        Fact::Run {
            event: Event::Asked(open),
            ..
        } if open.ask.kind() == "budget" => Some((**open).clone()),
        _ => None,
    });
    let raise = Decision::Edit(Edit::Raise {
        tokens: Some(100_000),
        minutes: None,
        micro_usd: None,
    });
    operator.answer(&asked.unwrap(), raise).await;
    let why = operator.refused().await;
    assert!(why.contains("the day"), "{why}");
}
