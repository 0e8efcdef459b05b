//! Limits: what is spent stops at its cap, and only the operator raises it.

use std::fs;

use checkride::protocol::Fact;
use checkride::run::{Ask, Decision, Edit, Event, Limit, Outcome, Stage};
use checkride::supervisor::Supervisor;
use tempfile::TempDir;

use super::{Parts, UNCONFINED, run_of, shell};
use crate::world::Operator;

/// A worker that spends more than the run may is killed at its work; nothing more is called, to
/// approve spends nothing, and to stop there keeps the draft (R18).
#[tokio::test]
async fn a_spent_budget_kills_the_worker_and_asks() {
    let world = Parts {
        turns: &[
            r#"{ write = { path = "count.txt", text = "1\n" } }, { tokens = 70000 },
            { sleep_ms = 600000 }, { write = { path = "late", text = "" } }"#,
        ],
        ..Parts::default()
    }
    .world();
    let mut settings = world.settings();
    settings.pace = 1.0;
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let Ask::Budget { limit, .. } = open.ask else {
        panic!("{open:?}");
    };
    assert_eq!(limit, Limit::Tokens(70_000, 60_000));
    let run = run_of(&open);
    let hit = |event: &Event| *event == Event::LimitHit(limit);
    assert!(operator.events(&run).iter().any(hit));
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("approving cannot spend"));
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Budget);
    assert_eq!(operator.times(&run, Stage::Work), 1);
    assert_eq!(operator.times(&run, Stage::Judge), 0);
}

/// What a worker does not count is estimated from its output, and stops the run just so; a cap
/// that the operator raises lets it go on (R18, PRODUCT §5.20).
#[tokio::test]
async fn a_raised_cap_goes_on() {
    let outside = TempDir::new().unwrap();
    let flag = outside.path().join("flooded");
    let worker = shell(&format!(
        "cat > /dev/null
printf '1\\n2\\n3\\n' > count.txt
[ -e {0} ] && exit 0
: > {0}
head -c 300000 /dev/zero | tr '\\0' 'x' | fold -w 100
sleep 600",
        flag.display()
    ));
    let world = Parts {
        worker: &worker,
        top: UNCONFINED,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let Ask::Budget {
        limit: Limit::Tokens(spent, 60_000),
        ..
    } = open.ask
    else {
        panic!("{open:?}");
    };
    assert!(spent >= 60_000, "{spent}");
    let raise = |tokens| {
        Decision::Edit(Edit::Raise {
            tokens: Some(tokens),
            minutes: None,
            micro_usd: None,
        })
    };
    operator.answer(&open, raise(60_001)).await;
    assert!(operator.refused().await.contains("above what is spent"));
    operator.answer(&open, raise(1_000_000)).await;
    operator.approve("work").await;
    operator.approve("verdict").await;
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// A prompt that does not fit into what is left is not sent: no worker is started before a cap is raised.
#[tokio::test]
async fn a_prompt_beyond_the_cap_is_not_sent() {
    let outside = TempDir::new().unwrap();
    let calls = outside.path().join("calls");
    let script = format!(
        "cat > /dev/null; echo x >> {}; printf '1\\n2\\n3\\n' > count.txt",
        calls.display()
    );
    let world = Parts {
        worker: &shell(&script),
        top: "guardrails = { budget = { tokens_per_run = 10 }, workspace = { sandbox = \"off\" } }",
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    assert!(!calls.exists());
    let raise = Decision::Edit(Edit::Raise {
        tokens: Some(100_000),
        minutes: None,
        micro_usd: None,
    });
    operator.answer(&open, raise).await;
    operator.approve("work").await;
    assert!(calls.exists());
}

/// A worker that never ends is killed at its time, and the run asks what to do; it is not called
/// again by itself (R18).
#[tokio::test]
async fn a_worker_that_never_ends_is_ended() {
    let outside = TempDir::new().unwrap();
    let calls = outside.path().join("calls");
    let script = format!("cat > /dev/null; echo x >> {}; sleep 600", calls.display());
    let worker = shell(&script).replace(" }", r#", timeout = "3s" }"#);
    let world = Parts {
        worker: &worker,
        top: UNCONFINED,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("error").await;
    let Ask::Error { failure } = &open.ask else {
        panic!("{open:?}");
    };
    assert_eq!(failure.stage, Stage::Work);
    assert!(!failure.cause.contains('!'), "{}", failure.cause);
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
    assert_eq!(fs::read_to_string(calls).unwrap(), "x\n");
    let troubles = operator
        .told
        .iter()
        .filter(|record| matches!(record.fact, Fact::Refused { .. }));
    assert_eq!(troubles.count(), 0);
}
