//! Usage limits of others: a run waits for their end, over the death of its host, and goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::protocol::{Command, Fact, RunId};
use checkride::run::spec::Api;
use checkride::run::{Ask, Decision, Event, Pause, Stage};
use checkride::supervisor::Supervisor;
use checkride::supervisor::clock::Clock;

use super::{Parts, UNCONFINED, shell};
use crate::provider::server::{Server, error, says};
use crate::world::{Operator, World};

/// 2026-06-12 12:00 UTC.
const NOON: i64 = 1_781_265_600_000;

const HOUR: i64 = 3_600_000;

fn supervise(world: &World, at: &Arc<AtomicI64>) -> Supervisor {
    let mut settings = world.settings();
    settings.clock = Clock::Test(at.clone());
    Supervisor::start(settings).unwrap()
}

/// A worker that meets its limit on its first call, and says so as agents do.
fn limited(says: &str) -> World {
    let worker = shell(&format!(
        "cat > /dev/null; echo called >> \"$HOME/calls\"; \
         if [ $(wc -l < \"$HOME/calls\") = 1 ]; then echo \"{says}\" >&2; exit 1; fi; \
         printf \"1\\n2\\n3\\n\" > count.txt"
    ));
    Parts {
        worker: &worker,
        top: UNCONFINED,
        ..Parts::default()
    }
    .world()
}

fn home(settings: &mut checkride::supervisor::Settings, world: &World) {
    settings.env.push(("HOME".into(), world.project().into()));
}

impl Operator {
    async fn paused(&mut self) -> (RunId, Pause) {
        self.until("a pause", |fact| match fact {
            Fact::Run {
                run,
                event: Event::Paused(pause),
            } => Some((run.clone(), pause.clone())),
            Fact::Run {
                event: Event::Asked(open),
                ..
            } if !matches!(open.ask, Ask::Prompt { .. } | Ask::Work { .. }) => panic!("{open:?}"),
            _ => None,
        })
        .await
    }
}

/// R44: a limit of hours is no failure: nothing is in flight and nothing asked, its host may die, and
/// when the limit ends the worker gets the same prompt again, by itself.
#[tokio::test]
async fn a_limit_of_hours_is_waited_out_over_a_new_host() {
    let world = limited("You have hit your usage limit. Try again in 4 hours 30 minutes.");
    let at = Arc::new(AtomicI64::new(NOON));
    let start = || {
        let mut settings = world.settings();
        settings.clock = Clock::Test(at.clone());
        home(&mut settings, &world);
        Supervisor::start(settings).unwrap()
    };
    let supervisor = start();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let (run, pause) = operator.paused().await;
    assert_eq!(
        (pause.stage, pause.until_ms),
        (Stage::Work, NOON + 4 * HOUR + HOUR / 2)
    );
    assert!(pause.cause.contains("hit your usage limit"), "{pause:?}");
    let mut activity = supervisor.activity();
    let quiet = activity.wait_for(|now| now.working == 0 && now.sleeping == 1);
    quiet.await.unwrap();
    drop(operator);
    supervisor.end();

    at.fetch_add(4 * HOUR, Ordering::SeqCst);
    let supervisor = start();
    let mut activity = supervisor.activity();
    let stays = activity.wait_for(|now| now.working == 0 && now.sleeping == 1);
    stays.await.unwrap();
    assert_eq!(world.read("calls"), "called\n");
    let mut operator = Operator::at(&supervisor).await;
    at.fetch_add(HOUR, Ordering::SeqCst);
    let open = operator.asked("work").await;
    assert!(matches!(&open.ask, Ask::Work { work } if work.changes.len() == 1));
    assert_eq!(world.read("calls"), "called\ncalled\n");
    let took = |event: &Event| matches!(event, Event::Took { .. });
    assert!(operator.events(&run).iter().any(took), "{run:?}");
}

/// A judge that is a program waits as a worker does: its limit is no verdict, and it is asked again.
#[tokio::test]
async fn a_judges_limit_is_waited_out() {
    let world = Parts {
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        top: UNCONFINED,
        judge: "type = \"command\"\ncommand = [\"scripts/judge\"]\nrubric = [\"Three lines?\"]",
        ..Parts::default()
    }
    .world();
    let calls = world.project().join("calls");
    let judge = format!(
        r#"#!/bin/sh
cat > /dev/null
echo called >> "{0}"
if [ $(wc -l < "{0}") = 1 ]; then echo "usage limit reached, try again in 2 hours" >&2; exit 1; fi
echo '{{"lines":[{{"n":1,"pass":true,"evidence":"three"}}]}}'
"#,
        calls.display()
    );
    world.script("scripts/judge", &judge);
    world.commit("a judge");
    let at = Arc::new(AtomicI64::new(NOON));
    let supervisor = supervise(&world, &at);
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("work").await;
    operator.answer(&open, Decision::APPROVE).await;
    let (run, pause) = operator.paused().await;
    assert_eq!(
        (pause.stage, pause.until_ms),
        (Stage::Judge, NOON + 2 * HOUR)
    );
    at.fetch_add(2 * HOUR, Ordering::SeqCst);
    let open = operator.asked("verdict").await;
    assert!(matches!(&open.ask, Ask::Verdict { verdict, .. } if verdict.approved()));
    assert_eq!(world.read("calls"), "called\ncalled\n");
    let charged = operator
        .events(&run)
        .iter()
        .any(|event| matches!(event, Event::Used(usage) if usage.estimated && usage.tokens > 0));
    assert!(
        charged,
        "the question that met the limit costs what it costs"
    );
}

/// The same of a server that says when; the operator need not wait for it.
#[tokio::test]
async fn a_servers_limit_is_waited_out_or_asked_now() {
    let wait = "retry-after: 7200\r\n";
    let full = error("429 Too Many Requests", wait, "rate_limit_error", "full");
    let server = Server::start(vec![full.clone(), full, says(Api::Openai, "Done.")]).await;
    let worker = format!(
        r#"{{ type = "openai", model = "small-1", base_url = "http://{}/v1" }}"#,
        server.address
    );
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let at = Arc::new(AtomicI64::new(NOON));
    let supervisor = supervise(&world, &at);
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let (run, pause) = operator.paused().await;
    assert_eq!(pause.until_ms, NOON + 2 * HOUR);
    assert!(pause.cause.contains("limit until "), "{pause:?}");
    operator.say(Command::Hold { run, on: false }).await;
    let (run, again) = operator.paused().await;
    assert_eq!(again.until_ms, NOON + 2 * HOUR);
    at.fetch_add(2 * HOUR, Ordering::SeqCst);
    operator.asked("work").await;
    assert_eq!(server.seen().len(), 3);
    operator.say(Command::Stop { run }).await;
    operator.ended().await;
}
