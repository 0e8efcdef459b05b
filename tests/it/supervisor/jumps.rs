//! A clock that jumps under a run: back to 1970, past 2038, by a day, over a night with the lid closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::run::{Decision, Event, Outcome, Stage};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::{Settings, Supervisor};

use super::Parts;
use crate::world::Operator;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// 2026-06-12 12:00 UTC.
const NOON: i64 = 1_781_265_600_000;

/// 2038-01-19 03:14:08 UTC, a second after the end of 32 bits.
const LATE: i64 = 2_147_483_648_000;

/// Where the clock goes meanwhile.
const JUMPS: [i64; 5] = [0, LATE, NOON - DAY, NOON + DAY, NOON + 8 * HOUR];

/// S25: whatever the clock does, a run goes its way with the time that it really took; nothing asks for more
/// minutes, nothing is tried again, and the day's tokens stay spent on their own day.
#[tokio::test]
async fn a_clock_that_jumps_costs_a_run_nothing() {
    let world = Parts {
        turns: &[r#"{ tokens = 100 }, { write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    world.write("checkride.toml", "tokens_per_day = 1000\n");
    let at = Arc::new(AtomicI64::new(NOON));
    let settings = Settings {
        clock: Clock::Test(at.clone()),
        ..world.settings()
    };
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    for (n, left) in (0..JUMPS.len()).zip([1_000, 900, 800, 700, 600]) {
        let jump = |by: usize| at.store(JUMPS[(n + by) % JUMPS.len()], Ordering::SeqCst);
        at.store(NOON, Ordering::SeqCst);
        operator.start("count").await;
        for (step, kind) in ["prompt", "work", "verdict"].into_iter().enumerate() {
            // Any other question, as for a budget or an error, fails here.
            let open = operator.asked(kind).await;
            jump(step);
            operator.answer(&open, Decision::APPROVE).await;
            // It is at work, or before its checks, as the clock jumps once more.
            jump(step + 1);
        }
        let (run, outcome) = operator.ended().await;
        assert_eq!(outcome, Outcome::Done, "{run}");
        let events = operator.events(&run);
        let calls = |event: &&Event| {
            matches!(
                event,
                Event::Began {
                    stage: Stage::Work,
                    ..
                }
            )
        };
        assert_eq!(events.iter().filter(calls).count(), 1, "{run}");
        for event in &events {
            match event {
                Event::Woke(wake) => assert_eq!(wake.spec.guardrails.budget.tokens, left),
                Event::Worked(work) => assert!(work.took_ms < 60_000, "{run}: {work:?}"),
                Event::Took { ms } => assert!(*ms < 60_000, "{run}: {ms}"),
                _ => {}
            }
        }
    }
}
