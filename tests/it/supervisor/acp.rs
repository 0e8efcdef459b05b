//! An agent that asks: its call becomes a question, and the run does what the operator answers.

use std::fs;

use checkride::protocol::{Command, RunId};
use checkride::run::{Ask, Checkpoint, Decision, Edit, Event, Outcome, Stage};

use super::{Parts, run_of};
use crate::acp::agent::Case;
use crate::world::{Operator, World};

/// The loop with an agent that does this.
fn world(case: Case, top: &str) -> World {
    let worker = case.worker();
    Parts {
        worker: &worker,
        top,
        ..Parts::default()
    }
    .world()
}

fn what(open: &Checkpoint) -> &str {
    match &open.ask {
        Ask::Permission { what, .. } => what,
        other => panic!("{} is no permission", other.kind()),
    }
}

/// R53, PRODUCT §3.7: prompt, question with the exact call, yes, file, verdict.
#[tokio::test]
async fn an_allowed_call_is_made() {
    let world = world(Case::Write, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.approve("permission").await;
    assert_eq!(
        what(&open),
        "Write count.txt\n«Count to three»\n── count.txt\n+1\n+2\n+3"
    );
    let work = operator.asked("work").await;
    let Ask::Work { work: done } = &work.ask else {
        panic!("{work:#?}");
    };
    assert_eq!(done.claim.as_deref(), Some("I counted to three."));
    assert_eq!(done.changes[0].path, "count.txt");
    assert_eq!(done.changes[0].added, 3);
}

/// A refused call is not made; the agent hears it and goes on, and the note is journalled.
#[tokio::test]
async fn a_refused_call_is_not_made() {
    let world = world(Case::Write, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("permission").await;
    let note = Some("count to four".to_owned());
    let no = Decision::Retry { note };
    operator.answer(&open, no).await;
    let work = operator.asked("work").await;
    let Ask::Work { work: done } = &work.ask else {
        panic!("{work:#?}");
    };
    assert_eq!(done.claim.as_deref(), Some("I may not."));
    assert!(done.changes.is_empty());
}

/// Leave for the run covers the very same call, and nothing is asked twice.
#[tokio::test]
async fn leave_for_the_run_is_kept() {
    let world = world(Case::Twice, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("permission").await;
    operator
        .answer(&open, Decision::Edit(Edit::AllowForRun))
        .await;
    let work = operator.asked("work").await;
    let asked =
        |event: &&Event| matches!(event, Event::Asked(open) if open.ask.kind() == "permission");
    let events = operator.events(&run_of(&work));
    assert_eq!(events.iter().filter(asked).count(), 1);
}

/// R45: a rule of the loop answers without a question.
#[tokio::test]
async fn a_rule_answers_by_itself() {
    let world = world(
        Case::Write,
        "guardrails = { tools = { allow = [\"Edit(*.txt)\"] } }",
    );
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.asked("work").await;
}

/// R65: a stop while the agent waits for leave ends it at once, and nothing was done.
#[tokio::test]
async fn a_stop_ends_a_question() {
    let world = world(Case::Write, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.asked("permission").await;
    let run = RunId::new("count", 1);
    operator.say(Command::Stop { run: run.clone() }).await;
    assert_eq!(operator.ended().await, (run, Outcome::Stopped));
    assert!(fs::metadata(world.project().join("count.txt")).is_err());
}

/// S8: a host that dies while the agent waits leaves a question, not a lost run.
#[tokio::test]
async fn a_dead_host_leaves_an_error_question() {
    let world = world(Case::Write, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.asked("permission").await;
    drop(operator);
    drop(supervisor);

    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let events = operator.events(&RunId::new("count", 1)).into_iter();
    let asked = events.rev().find_map(|event| match event {
        Event::Asked(open) if open.ask.kind() != "permission" => Some(*open),
        _ => None,
    });
    // It may be asked a moment after the host has looked at everything.
    let open = match asked {
        Some(open) if open.ask.kind() != "prompt" => open,
        _ => operator.asked("error").await,
    };
    let Ask::Error { failure } = &open.ask else {
        panic!("{open:#?}");
    };
    assert_eq!(failure.stage, Stage::Work);
    operator.look_at(&open).await;
    let again = Decision::Approve { typed: None };
    operator.answer(&open, again).await;
    operator.approve("permission").await;
    operator.asked("work").await;
}

/// An agent that dies in the middle of its turn is one line, with its last words.
#[tokio::test]
async fn an_agent_that_dies_is_told() {
    let world = world(Case::Exit, "");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("error").await;
    let Ask::Error { failure } = &open.ask else {
        panic!("{open:#?}");
    };
    assert!(
        failure
            .cause
            .starts_with("env ended with exit 3 before it was done"),
        "{failure:?}"
    );
    assert!(failure.detail.contains("out of ink"), "{failure:?}");
}
