//! Taking decisions back: what followed is undone, and the same question is asked again.

use std::fs;

use checkride::config::loops;
use checkride::protocol::{Command, RunId};
use checkride::run::{Ask, Checkpoint, Decision, Edit, Event, Outcome, Stage};
use checkride::supervisor::trust::Trust;
use checkride::supervisor::{Settings, Supervisor};
use tempfile::TempDir;

use super::{Parts, UNCONFINED, run_of, shell, soon, workspace};
use crate::world::{Operator, World};

const ONE_TURN: &[&str] = &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#];

async fn undo(operator: &mut Operator, run: &RunId) {
    operator
        .say(Command::Undo {
            run: Some(run.clone()),
        })
        .await;
    operator
        .happened("undone", |event| matches!(event, Event::Undone { .. }))
        .await;
}

/// The question after an undo is the one that was answered.
async fn asked_again(operator: &mut Operator, answered: &Checkpoint) -> Checkpoint {
    let open = operator.asked(answered.ask.kind()).await;
    assert_eq!(open.ask, answered.ask);
    open
}

/// Undone while the worker works: it is dead, the same prompt is asked about with nothing sent a
/// second time, and sent again it meets the snapshot, not the half work (PRODUCT §5.17, R54).
#[tokio::test]
async fn a_sent_prompt_is_taken_back() {
    let outside = TempDir::new().unwrap();
    let pid = outside.path().join("pid");
    let worker = shell(&format!(
        "cat > /dev/null; [ -e half ] && exit 1; echo half > half; echo $$ >> {}; exec sleep 600",
        pid.display()
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
    let sent = operator.approve("prompt").await;
    let run = run_of(&sent);
    soon("the worker", || {
        pid.is_file() && !fs::read(&pid).unwrap().is_empty()
    })
    .await;
    undo(&mut operator, &run).await;
    let open = asked_again(&mut operator, &sent).await;
    assert_eq!(open.digest, sent.digest);
    let half = workspace(&world).join("half");
    assert!(!half.exists(), "the snapshot is not restored");
    let worker = fs::read_to_string(&pid).unwrap();
    assert!(!fs::exists(format!("/proc/{}", worker.trim())).unwrap());
    assert_eq!(operator.times(&run, Stage::Work), 1);
    operator.answer(&open, Decision::APPROVE).await;
    soon("the worker again", || {
        fs::read_to_string(&pid).unwrap().lines().count() == 2
    })
    .await;
    operator.say(Command::Stop { run }).await;
    operator.ended().await;
}

/// Discarded by `r`, the work is gone from the disk at once, before its worker has another turn.
#[tokio::test]
async fn discarded_work_is_put_back_at_once() {
    let world = Parts {
        turns: ONE_TURN,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("work").await;
    let file = workspace(&world).join("count.txt");
    assert!(file.exists());
    operator.answer(&open, Decision::Retry { note: None }).await;
    operator.asked("prompt").await;
    assert!(!file.exists(), "the work still lies there");
    // Until there is new work it comes back, byte for byte, and goes on.
    undo(&mut operator, &run_of(&open)).await;
    let again = asked_again(&mut operator, &open).await;
    assert_eq!(again.digest, open.digest);
    assert_eq!(fs::read_to_string(&file).unwrap(), "1\n2\n3\n");
    operator.answer(&again, Decision::APPROVE).await;
    operator.approve("verdict").await;
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// A stop while the files are put back is a stop, whichever comes first; picked up again, they are
/// put back and the prompt is asked about.
#[tokio::test]
async fn a_stop_while_files_are_put_back_stops() {
    let world = Parts {
        worker: &shell("cat > /dev/null; echo half > half; exec sleep 600"),
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let sent = operator.approve("prompt").await;
    let run = run_of(&sent);
    let half = workspace(&world).join("half");
    soon("half work", || half.exists()).await;
    undo(&mut operator, &run).await;
    operator.begun(Stage::Restore).await;
    operator.say(Command::Stop { run: run.clone() }).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
    operator.say(Command::Resume { run }).await;
    asked_again(&mut operator, &sent).await;
    assert!(!half.exists());
}

/// Undone while the checks run: they are dead, and the same work is asked about.
#[tokio::test]
async fn accepted_work_is_taken_back() {
    let outside = TempDir::new().unwrap();
    let pid = outside.path().join("pid");
    let check = format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display());
    let world = Parts {
        turns: ONE_TURN,
        check: &check,
        top: UNCONFINED,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let accepted = operator.approve("work").await;
    let run = run_of(&accepted);
    soon("the check", || {
        pid.is_file() && !fs::read(&pid).unwrap().is_empty()
    })
    .await;
    undo(&mut operator, &run).await;
    let open = asked_again(&mut operator, &accepted).await;
    assert_eq!(open.digest, accepted.digest);
    let check = fs::read_to_string(&pid).unwrap();
    assert!(!fs::exists(format!("/proc/{}", check.trim())).unwrap());
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
}

/// An undo is undone by a second one: the checks run again, as if the work had been accepted again;
/// a third takes that back (PRODUCT §5.17).
#[tokio::test]
async fn an_undo_is_undone() {
    let outside = TempDir::new().unwrap();
    let pids = outside.path().join("pids");
    let check = format!("#!/bin/sh\necho $$ >> {}\nexec sleep 600\n", pids.display());
    let world = Parts {
        turns: ONE_TURN,
        check: &check,
        top: UNCONFINED,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let accepted = operator.approve("work").await;
    let run = run_of(&accepted);
    let checks = || {
        let text = fs::read_to_string(&pids).unwrap_or_default();
        text.lines().count()
    };
    soon("the check", || checks() == 1).await;
    undo(&mut operator, &run).await;
    asked_again(&mut operator, &accepted).await;
    let again = Command::Undo {
        run: Some(run.clone()),
    };
    operator.say(again).await;
    soon("the check again", || checks() == 2).await;
    undo(&mut operator, &run).await;
    asked_again(&mut operator, &accepted).await;
    assert_eq!(operator.times(&run, Stage::Check), 2);
}

/// Undone while the next prompt is unsent: the note leaves the memory file, what else stood there
/// stays, and the same verdict is asked about. Approved again, the note stands there once.
#[tokio::test]
async fn an_accepted_verdict_is_taken_back() {
    let world = Parts::default().world();
    let old = "# Memory\n\n## Standing rules\n\n- never hurry\n";
    world.write("memory/count.md", old);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let accepted = operator.approve("verdict").await;
    let run = run_of(&accepted);
    operator.asked("prompt").await;
    assert!(world.read("memory/count.md").contains("- three lines: 2"));
    undo(&mut operator, &run).await;
    let open = asked_again(&mut operator, &accepted).await;
    assert_eq!(world.read("memory/count.md"), old);
    operator.answer(&open, Decision::APPROVE).await;
    operator.approve("prompt").await;
    let memory = world.read("memory/count.md");
    assert_eq!(memory.matches("- three lines: 2").count(), 1, "{memory}");

    // The worker has its prompt: the verdict before it has led too far.
    operator.asked("work").await;
    operator.say(Command::Undo { run: Some(run) }).await;
    assert!(operator.refused().await.contains("too far"));
}

async fn published(operator: &mut Operator) -> Checkpoint {
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    operator.approve("verdict").await;
    let open = operator.approve("publish").await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    open
}

fn publishing(publish: &str) -> World {
    Parts {
        top: &format!(
            "publish = {publish}\noutput = {{ kind = \"files\", artefact = \"count.txt\" }}"
        ),
        turns: ONE_TURN,
        ..Parts::default()
    }
    .world()
}

/// A published branch goes back to where it stood, and can be published again by its question.
#[tokio::test]
async fn a_published_branch_is_taken_back() {
    let world = publishing(r#"{ to = "git-branch", branch = "counted" }"#);
    world.git(&["branch", "counted"]);
    let tip = world.git(&["rev-parse", "counted"]);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let answered = published(&mut operator).await;
    assert_ne!(world.git(&["rev-parse", "counted"]), tip);
    undo(&mut operator, &run_of(&answered)).await;
    let open = asked_again(&mut operator, &answered).await;
    assert_eq!(world.git(&["rev-parse", "counted"]), tip);
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1\n2\n3");
}

/// A published copy is put back to what the target held before.
#[tokio::test]
async fn a_published_copy_is_taken_back() {
    let world = publishing(r#"{ to = "copy", as = "out/count.txt" }"#);
    world.write("out/count.txt", "before\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let answered = published(&mut operator).await;
    assert_eq!(world.read("out/count.txt"), "1\n2\n3\n");
    undo(&mut operator, &run_of(&answered)).await;
    asked_again(&mut operator, &answered).await;
    assert_eq!(world.read("out/count.txt"), "before\n");
}

/// What takes a publication back runs outside the sandbox, maybe long after: what its operator has not
/// allowed by then does not run, which is said, and nothing is lost by it.
#[tokio::test]
async fn an_undo_that_changed_is_not_run() {
    let outside = TempDir::new().unwrap();
    let log = outside.path().join("log");
    let (said, told) = (|| fs::read_to_string(&log).unwrap(), log.display());
    let publish = format!(
        r#"{{ to = "command", command = ["sh", "-c", "echo did >> {told}"], undo = ["sh", "tools/undo.sh"] }}"#
    );
    let world = publishing(&publish);
    let undoes = format!("echo undid >> {told}\n");
    world.write("tools/undo.sh", &undoes);
    world.commit("an undo");
    let settings = Settings {
        owned: false,
        ..world.settings()
    };
    let allow = || {
        let trust = Trust::at(&settings.state, &settings.project);
        let file = loops::read_all(&settings.project).remove(0);
        let digest = trust.review(&file).unwrap().digest;
        trust.allow(&file, &digest).unwrap();
    };
    allow();
    let supervisor = Supervisor::start(settings.clone()).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let answered = published(&mut operator).await;

    world.write("tools/undo.sh", &format!("echo evil >> {told}\n"));
    undo(&mut operator, &run_of(&answered)).await;
    let error = not_undone(&mut operator, "tools/undo.sh changed outside the cockpit").await;
    // Another command in the file is not what takes this back, be it allowed.
    let file = world.read("loops/count.toml");
    world.write("tools/undo.sh", &undoes);
    let other = file.replace("tools/undo.sh", "README.md");
    world.write("loops/count.toml", &other);
    operator.answer(&error, Decision::APPROVE).await;
    let error = not_undone(&mut operator, "changed outside the cockpit").await;
    allow();
    operator.answer(&error, Decision::APPROVE).await;
    let error = not_undone(&mut operator, "is not what it was").await;
    assert_eq!(said(), "did\n");
    world.write("loops/count.toml", &file);
    operator.answer(&error, Decision::APPROVE).await;
    asked_again(&mut operator, &answered).await;
    assert_eq!(said(), "did\nundid\n");
}

/// The question after an undo command that was not begun, for this reason.
async fn not_undone(operator: &mut Operator, why: &str) -> Checkpoint {
    let error = operator.asked("error").await;
    let Ask::Error { failure } = &error.ask else {
        panic!("{error:?}");
    };
    assert!(failure.cause.contains(why), "{why}: {failure:?}");
    assert!(!failure.maybe_done, "{failure:?}");
    error
}

/// A command is taken back by its own undo, and not at all without one.
#[tokio::test]
async fn a_published_command_is_taken_back_by_its_undo() {
    let outside = TempDir::new().unwrap();
    let log = outside.path().join("log");
    let say = |word: &str| format!(r#"["sh", "-c", "echo {word} >> {}"]"#, log.display());
    let (doing, undoing) = (say("did"), say("undid"));
    let commands = [
        (
            format!(r#"{{ to = "command", command = {doing}, undo = {undoing} }}"#),
            true,
        ),
        (format!(r#"{{ to = "command", command = {doing} }}"#), false),
    ];
    for (publish, has_undo) in commands {
        drop(fs::remove_file(&log));
        let world = publishing(&publish);
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        let answered = published(&mut operator).await;
        let run = run_of(&answered);
        if has_undo {
            undo(&mut operator, &run).await;
            asked_again(&mut operator, &answered).await;
            assert_eq!(fs::read_to_string(&log).unwrap(), "did\nundid\n");
        } else {
            operator.say(Command::Undo { run: Some(run) }).await;
            assert!(operator.refused().await.contains("no undo"));
            assert_eq!(fs::read_to_string(&log).unwrap(), "did\n");
        }
    }
}

/// Put back to before iteration 1 while iteration 2 waits: iteration 1 begins anew, and what it changes
/// is measured from where it stands, not from a tree that was allowed and thrown away. Stopped and put
/// back, the run begins anew too; taken back, it stands at its work again (R54, PRODUCT §5.17).
#[tokio::test]
async fn a_restore_is_where_the_run_goes_on_from() {
    let outside = TempDir::new().unwrap();
    let been = outside.path().join("been");
    let worker = shell(&format!(
        "cat > /dev/null; if [ -e {0} ]; then echo 1 > count.txt; else touch {0}; seq 3000 > count.txt; fi",
        been.display()
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
    let open = operator.asked("guardrail").await;
    let run = run_of(&open);
    let allow = Decision::Edit(Edit::AllowOnce);
    operator.answer(&open, allow).await;
    operator.approve("work").await;
    operator.approve("verdict").await;
    assert_eq!(operator.asked("prompt").await.iteration, 2);
    let restore = || Command::Restore {
        run: run.clone(),
        iteration: 1,
    };
    operator.say(restore()).await;
    let open = operator.asked("prompt").await;
    assert_eq!(open.iteration, 1);
    operator.answer(&open, Decision::APPROVE).await;
    let work = operator.asked("work").await;
    let file = workspace(&world).join("count.txt");
    assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");

    operator.answer(&work, Decision::Abort).await;
    operator.ended().await;
    operator.say(restore()).await;
    operator.ended().await;
    assert!(!file.exists());
    let undo = || Command::Undo {
        run: Some(run.clone()),
    };
    operator.say(undo()).await;
    operator.ended().await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");
    operator.say(undo()).await;
    operator.ended().await;
    assert!(!file.exists());
    operator.say(Command::Resume { run: run.clone() }).await;
    assert_eq!(operator.asked("prompt").await.iteration, 1);
}
