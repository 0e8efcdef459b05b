//! Publishing: exactly what was shown, exactly once, by a yes that was meant.

use std::fs;

use checkride::protocol::{Command, Fact, LoopState};
use checkride::run::{Ask, Checkpoint, Decision, Edit, Event, Outcome, Stage};
use tempfile::TempDir;

use super::{Parts, run_of, soon};
use crate::world::{Operator, World};

fn publishing(publish: &str) -> World {
    Parts {
        top: &format!(
            "publish = {publish}\noutput = {{ kind = \"files\", artefact = \"count.txt\" }}"
        ),
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world()
}

async fn to_publish(operator: &mut Operator) -> Checkpoint {
    operator.start("count").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    operator.asked("publish").await
}

fn digest_is_typed(open: &Checkpoint) -> bool {
    match open.ask {
        Ask::Publish { typed, .. } => typed,
        ref other => panic!("{} publishes nothing", other.kind()),
    }
}

/// The bytes that were shown are the bytes at the target; an edit between is verified and asked
/// about under a new digest, and the old answer is refused (R62).
#[tokio::test]
async fn what_was_shown_is_what_is_published() {
    let world = publishing(r#"{ to = "copy", as = "out/count.txt" }"#);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let shown = to_publish(&mut operator).await;
    assert!(!world.project().join("out").exists());
    let edit = Edit::File {
        path: "count.txt".to_owned(),
        text: "4\n5\n6\n".to_owned(),
    };
    operator.answer(&shown, Decision::Edit(edit)).await;
    operator.approve("work").await;
    operator.approve("verdict").await;
    let open = operator.asked("publish").await;
    assert_ne!(open.digest, shown.digest);
    let typed = Some(shown.digest.short().to_owned());
    operator.answer(&shown, Decision::Approve { typed }).await;
    operator.refused().await;
    let Ask::Publish { artefact, .. } = &open.ask else {
        panic!("{open:?}");
    };
    let text = operator.text(&artefact.digest).await;
    assert!(text.contains("4\n5\n6"), "{text}");
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(world.read("out/count.txt"), "4\n5\n6\n");
}

/// The digest is typed the first time that a loop publishes, and not the second; the same result
/// is not published a second time (R57, R62, PRODUCT §5.18).
#[tokio::test]
async fn the_digest_is_typed_once_and_published_once() {
    let outside = TempDir::new().unwrap();
    let log = outside.path().join("log");
    let world = publishing(&format!(
        r#"{{ to = "command", command = ["sh", "-c", "echo did >> {0}"], undo = ["true"] }}"#,
        log.display()
    ));
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let open = to_publish(&mut operator).await;
    assert!(digest_is_typed(&open));
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("type the digest"));
    let typed = Some("00000000".to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert!(operator.refused().await.contains("not the digest shown"));
    assert!(!log.exists());
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    operator.ended().await;

    let open = to_publish(&mut operator).await;
    assert!(!digest_is_typed(&open));
    operator.answer(&open, Decision::APPROVE).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(fs::read_to_string(&log).unwrap(), "did\n");
}

/// A command that may have happened asks; marked done the run ends published, and the same result is
/// not sent again by the next run either (PRODUCT §5.18).
#[tokio::test]
async fn a_publication_in_doubt_is_marked_done() {
    let outside = TempDir::new().unwrap();
    let log = outside.path().join("log");
    let world = publishing(&format!(
        r#"{{ to = "command", command = ["sh", "-c", "echo did >> {}; echo lost the line; exit 3"] }}"#,
        log.display()
    ));
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let open = to_publish(&mut operator).await;
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    let error = operator.asked("error").await;
    let Ask::Error { failure } = &error.ask else {
        panic!("{error:?}");
    };
    assert!(failure.maybe_done, "{failure:?}");
    assert!(failure.detail.contains("lost the line"), "{failure:?}");
    operator.answer(&error, Decision::APPROVE).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);

    let open = to_publish(&mut operator).await;
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(fs::read_to_string(&log).unwrap(), "did\n");
}

/// A stop kills a publish command with all that it started; picked up again, the run does not send
/// a second time but asks what is so.
#[tokio::test]
async fn a_stopped_publish_command_is_dead_and_in_doubt() {
    let outside = TempDir::new().unwrap();
    let log = outside.path().join("log");
    let world = publishing(&format!(
        r#"{{ to = "command", command = ["sh", "-c", "setsid sleep 600 & echo $! >> {}; wait"] }}"#,
        log.display()
    ));
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let open = to_publish(&mut operator).await;
    let run = run_of(&open);
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    let pid = || fs::read_to_string(&log).unwrap_or_default();
    soon("the command", || pid().ends_with('\n')).await;
    operator.say(Command::Stop { run: run.clone() }).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
    assert!(!fs::exists(format!("/proc/{}", pid().trim())).unwrap());
    operator.say(Command::Resume { run }).await;
    let open = operator.asked("publish").await;
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    let error = operator.asked("error").await;
    let Ask::Error { failure } = &error.ask else {
        panic!("{error:?}");
    };
    assert!(failure.maybe_done, "{failure:?}");
    assert_eq!(pid().lines().count(), 1, "it was sent again");
}

/// What cannot be taken back is typed every time.
#[tokio::test]
async fn what_has_no_way_back_is_typed_every_time() {
    let world = publishing(r#"{ to = "copy", as = "out/count.txt", reversible = false }"#);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    for _ in 0..2 {
        let open = to_publish(&mut operator).await;
        assert!(digest_is_typed(&open));
        let typed = Some(open.digest.short().to_owned());
        operator.answer(&open, Decision::Approve { typed }).await;
        operator.ended().await;
    }
}

/// A branch to which something came between question and yes is not published to by that yes, though
/// it all would merge: the question is asked again and names what came (R62).
#[tokio::test]
async fn what_came_to_the_branch_is_asked_about() {
    let world = Parts {
        top: "publish = { to = \"git-branch\", branch = \"counted\" }",
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    world.git(&["branch", "counted"]);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let shown = to_publish(&mut operator).await;
    world.git(&["checkout", "-q", "counted"]);
    world.write("theirs.txt", "unseen\n");
    world.commit("somebody was here");
    world.git(&["checkout", "-q", "main"]);
    let tip = world.git(&["rev-parse", "counted"]);
    let typed = Some(shown.digest.short().to_owned());
    operator.answer(&shown, Decision::Approve { typed }).await;
    let open = operator.asked("publish").await;
    assert_eq!(world.git(&["rev-parse", "counted"]), tip);
    assert_ne!((&open.id, &open.digest), (&shown.id, &shown.digest));
    let Ask::Publish {
        stand, artefact, ..
    } = &open.ask
    else {
        panic!("{open:?}");
    };
    let since = stand.since.as_ref().unwrap();
    assert_eq!(since.how, "1 commit came to branch counted");
    assert!(since.files.contains(&"theirs.txt".to_owned()), "{since:?}");
    assert!(operator.text(&artefact.digest).await.contains("+3"));
    let typed = Some(shown.digest.short().to_owned());
    operator.answer(&shown, Decision::Approve { typed }).await;
    operator.refused().await;
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(world.git(&["rev-parse", "counted~1"]), tip);
}

/// A branch whose tip changed the same lines meanwhile: a question, not a merge by guess; the
/// branch stays as its owner left it, and the draft is kept (R62, PRODUCT §5.18).
#[tokio::test]
async fn a_changed_branch_is_a_question() {
    let world = Parts {
        top: "publish = { to = \"git-branch\", branch = \"counted\" }",
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let open = to_publish(&mut operator).await;
    world.git(&["checkout", "-q", "-b", "counted"]);
    world.write("count.txt", "one\ntwo\n");
    world.commit("somebody counts by words");
    world.git(&["checkout", "-q", "main"]);
    let tip = world.git(&["rev-parse", "counted"]);
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    // It is said before the next yes, and in the same words after it.
    let open = operator.asked("publish").await;
    let Ask::Publish { unfit, .. } = &open.ask else {
        panic!("{open:?}");
    };
    assert!(
        unfit.as_ref().is_some_and(|why| why.contains("count.txt")),
        "{open:?}"
    );
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    let error = operator.asked("error").await;
    let Ask::Error { failure } = &error.ask else {
        panic!("{error:?}");
    };
    assert_eq!(failure.stage, Stage::Publish);
    assert!(!failure.maybe_done, "{failure:?}");
    assert!(failure.cause.contains("count.txt"), "{}", failure.cause);
    assert_eq!(world.git(&["rev-parse", "counted"]), tip);

    // The same once more says so, and what would help.
    let retry = Decision::Retry { note: None };
    operator.answer(&error, retry).await;
    let error = operator.asked("error").await;
    let Ask::Error { failure } = &error.ask else {
        panic!("{error:?}");
    };
    assert!(failure.cause.contains("2 times in a row"), "{failure:?}");
    operator.answer(&error, Decision::Abort).await;
    operator.ended().await;
    let published = |event: &Event| matches!(event, Event::Published(_));
    assert!(!operator.events(&run_of(&open)).iter().any(published));
    assert!(world.read("drafts/count-1/changes.patch").contains("+3"));
}

/// Waits until the list says that so many runs by hand prove the skill, or has said so since that record.
async fn proven(operator: &mut Operator, since: usize, times: u32) {
    let so = |fact: &Fact| match fact {
        Fact::Loops(rows) => match &rows[0].state {
            LoopState::Valid(facts) => (facts.proven == times).then_some(()),
            LoopState::Invalid { .. } | LoopState::Unexamined | LoopState::Gone => None,
        },
        _ => None,
    };
    let mut told = operator.told[since..].iter();
    if !told.any(|record| so(&record.fact).is_some()) {
        operator.until("the proofs in the list", so).await;
    }
}

/// A publication that is taken back proves no skill until the run is accepted again, and is none that
/// spares the next run the typing (R57, PRODUCT §5.18).
#[tokio::test]
async fn a_publication_that_is_taken_back_counts_for_nothing() {
    let world = publishing(r#"{ to = "copy", as = "out/count.txt" }"#);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let open = to_publish(&mut operator).await;
    let run = run_of(&open);
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    let before = operator.told.len();
    proven(&mut operator, before, 1).await;

    let before = operator.told.len();
    operator.say(Command::Undo { run: Some(run) }).await;
    // The list may be told before the question or after it.
    let open = operator.asked("publish").await;
    proven(&mut operator, before, 0).await;
    assert!(!world.project().join("out/count.txt").exists());
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Kept);
    let before = operator.told.len();
    proven(&mut operator, before, 1).await;

    let open = to_publish(&mut operator).await;
    assert!(digest_is_typed(&open), "nothing stands published");
}
