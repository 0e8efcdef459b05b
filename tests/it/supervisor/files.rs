//! Files that change under a run: what is noticed at once, what is read at each prompt, what is
//! pinned; and what never starts.

use std::fs;
use std::time::Duration;

use checkride::protocol::{Command, Fact, LoopRow, LoopState};
use checkride::run::spec::Guardrails;
use checkride::run::{Ask, Decision, Event, Mode, Outcome, PartKind, Prompt, Stage};

use tokio::time::Instant;

use super::{AUTONOMOUS, Parts, prompt, run_of, shell, soon, valid, verdict};
use crate::world::{Operator, World};

/// A file that is dropped into loops/ is listed within a second; broken, its row tells line and
/// reason, while a run of another loop goes on (R1).
#[tokio::test]
async fn loop_files_are_read_as_they_change() {
    let parts = Parts::default();
    let world = parts.world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;

    let dropped = Instant::now();
    let more = parts.file().replace("\"count\"", "\"more\"");
    world.write("loops/more.toml", &more);
    let files = |row: &LoopRow| valid(row).map(|facts| facts.files.clone());
    // What is edited by these paths is known to be the operator's: what was allowed has the same names.
    let files = operator.row("more", files).await;
    assert_eq!(files, ["loops/more.toml", "skills/count/SKILL.md"]);
    // A machine that builds at the same time gets some more.
    let took = dropped.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");

    let broken = format!("{more}[guardrials]\n");
    world.write("loops/more.toml", &broken);
    let (line, why) = operator
        .row("more", |row| match &row.state {
            // A file that is just being written may be seen empty.
            LoopState::Invalid { line, why } if why.contains("guardrials") => {
                Some((*line, why.clone()))
            }
            LoopState::Invalid { .. }
            | LoopState::Unexamined
            | LoopState::Gone
            | LoopState::Valid(_) => None,
        })
        .await;
    assert_eq!(line, broken.lines().count(), "{why}");
    assert!(why.contains("guardrials"), "{why}");

    operator.answer(&open, Decision::APPROVE).await;
    operator.approve("work").await;
    operator.asked("verdict").await;
}

/// The goal is read at each prompt: an edit between iterations is in the next one, and that part
/// alone is marked as changed (R6).
#[tokio::test]
async fn an_edited_goal_is_in_the_next_prompt() {
    let parts = Parts {
        top: "memory = { note = \"none\" }",
        ..Parts::default()
    };
    let world = parts.world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let first = operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    let edited = parts.file().replace("holds three lines", "counts to three");
    world.write("loops/count.toml", &edited);
    operator.answer(&open, Decision::APPROVE).await;
    let second = operator.asked("prompt").await;
    let old = operator.text(prompt(&first)).await;
    let new = operator.text(prompt(&second)).await;
    assert!(old.contains("count.txt holds three lines"), "{old}");
    assert!(new.contains("count.txt counts to three"), "{new}");
    let composed: Vec<Prompt> = operator
        .events(&run_of(&open))
        .into_iter()
        .filter_map(|event| match event {
            Event::Composed { prompt } => Some(prompt),
            _ => None,
        })
        .collect();
    let changed: Vec<PartKind> = composed[1]
        .changed_since(&composed[0])
        .map(|part| part.kind)
        .collect();
    assert_eq!(changed, [PartKind::Goal, PartKind::Feedback]);
}

/// A check that is edited on disk does not examine the run that was under way; it examines the
/// next one (R6, PRODUCT §5.1).
#[tokio::test]
async fn checks_are_pinned_for_the_run() {
    let parts = Parts::default();
    let world = parts.world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("work").await;
    world.script("scripts/three", "#!/bin/sh\necho sure\n");
    let edited = parts.file().replace("scripts/three", "true");
    world.write("loops/count.toml", &edited);
    operator.answer(&open, Decision::APPROVE).await;
    let open = operator.asked("verdict").await;
    assert!(!verdict(&open).approved());
    assert_eq!(verdict(&open).checks[0].figure, "2");

    world.write("loops/count.toml", &parts.file());
    let run = run_of(&open);
    operator.say(Command::Stop { run }).await;
    operator.ended().await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    assert_eq!(verdict(&open).checks[0].figure, "sure");
    assert!(verdict(&open).approved());
}

/// S26: after a restart the pinned copies are those that the run began with, or nothing is examined with them and
/// the line says which file is not as it was.
#[tokio::test]
async fn damaged_pins_examine_nothing() {
    for (file, wanted) in [
        ("pinned.json", "pinned.json is damaged"),
        ("pinned/scripts/three", "copy of scripts/three was changed"),
    ] {
        let world = Parts::default().world();
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        operator.start("count").await;
        operator.approve("prompt").await;
        let work = operator.asked("work").await;
        drop((operator, supervisor));
        let place = world.settings().state.join("workspaces/count").join(file);
        let mut bytes = fs::read(&place).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&place, &bytes).unwrap();
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        operator.look_at(&work).await;
        operator.answer(&work, Decision::APPROVE).await;
        let open = operator.asked("error").await;
        let Ask::Error { failure } = &open.ask else {
            panic!("{open:?}");
        };
        assert!(failure.cause.contains(wanted), "{}", failure.cause);
    }
}

/// A goal without verification, and a verification without a goal, are no loops: the row says
/// why, and starting is refused (R16, R20, R26).
#[tokio::test]
async fn what_cannot_be_verified_never_starts() {
    let world = World::new();
    world.skill("count");
    let parts = Parts {
        worker: &shell("true"),
        ..Parts::default()
    };
    let file = parts.file();
    let bare = file.split("[[goal").next().unwrap().to_owned();
    let aimless = file.replace("statement = \"count.txt holds three lines\"\n", "");
    world.script("scripts/three", "#!/bin/sh\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    for (file, wanted) in [(bare, "goal has no verification"), (aimless, "statement")] {
        world.write("loops/count.toml", &file);
        let why = operator
            .row("count", |row| match &row.state {
                LoopState::Invalid { why, .. } if why.contains(wanted) => Some(why.clone()),
                _ => None,
            })
            .await;
        operator.start("count").await;
        let refusal = operator.refused().await;
        assert!(refusal.contains(&why), "{refusal}");
    }
    let ran = |fact: &Fact| matches!(fact, Fact::Run { .. });
    assert!(!operator.told.iter().any(|record| ran(&record.fact)));
}

/// A check whose program is missing: the run ends before its prompt, nothing is spent, and the
/// cause is named (R20).
#[tokio::test]
async fn a_missing_program_is_found_before_anything_is_spent() {
    let parts = Parts::default();
    let world = parts.world();
    let file = parts
        .file()
        .replace("\"scripts/three\"", "\"no-such-tool\"");
    world.write("loops/count.toml", &file);
    let supervisor = world.supervise_in("count", Mode::Autonomous);
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let (run, outcome) = operator.ended().await;
    let Outcome::CannotVerify(why) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("no-such-tool"), "{why}");
    assert_eq!(operator.times(&run, Stage::Compose), 0);
    assert_eq!(operator.times(&run, Stage::Work), 0);
}

/// Five lines are a loop: it runs with every guardrail at its default, in training, whatever
/// mode it asks for; the row says why (R7, R46, R47).
#[tokio::test]
async fn five_lines_are_a_loop() {
    let world = World::new();
    world.skill("tidy");
    let five = r#"version = 1
name = "tidy"
skill = { path = "skills/tidy" }
worker = { type = "command", command = ["touch", "tidy"] }
goal = { statement = "it is tidy", verify = { checks = [{ name = "there", command = ["test", "-e", "tidy"] }] } }
"#;
    world.write("loops/tidy.toml", five);
    world.commit("a loop");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("tidy").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    let (run, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Done);
    let Event::Woke(wake) = operator.events(&run).swap_remove(0) else {
        panic!("{:?}", operator.events(&run));
    };
    assert_eq!(wake.spec.guardrails, Guardrails::default());
    assert_eq!(wake.mode, Mode::Training);

    let asking = format!("{five}{AUTONOMOUS}\n");
    world.write("loops/tidy.toml", &asking);
    let (mode, why) = operator
        .row("tidy", |row| {
            let facts = valid(row).filter(|facts| !facts.mode_why.is_empty())?;
            Some((facts.mode, facts.mode_why.clone()))
        })
        .await;
    assert_eq!(mode, Mode::Training);
    assert!(why.contains("autonomous"), "{why}");
    operator.start("tidy").await;
    operator.asked("prompt").await;
}

/// A skill has a record; editing it says that the record was another skill's (R25).
#[tokio::test]
async fn an_edited_skill_has_its_proof_to_give_again() {
    let worker = shell("printf '1\\n2\\n3\\n' > count.txt");
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    operator.ended().await;
    operator
        .row("count", |row| {
            let facts = valid(row)?;
            (facts.proven == 1 && !facts.skill_changed).then_some(())
        })
        .await;
    let skill = world.read("skills/count/SKILL.md");
    world.write("skills/count/SKILL.md", &format!("{skill}\nAnd well.\n"));
    operator
        .row("count", |row| {
            let facts = valid(row)?;
            (facts.proven == 0 && facts.skill_changed).then_some(())
        })
        .await;
}

/// Readable files of a run that cannot be written are told when it is over, and refuse it nothing; one that
/// can be written by then is (S3).
#[tokio::test]
async fn what_stays_unwritten_is_told_at_the_end() {
    let parts = Parts {
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    };
    for recovers in [false, true] {
        let world = parts.world();
        let way = world.project().join(".checkride/runs/count/1/1");
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        operator.start("count").await;
        let open = operator.asked("prompt").await;
        // From now on a file is where the folder of the first iteration belongs.
        fs::remove_dir_all(&way).unwrap();
        fs::write(&way, "in the way\n").unwrap();
        operator.answer(&open, Decision::APPROVE).await;
        operator.approve("work").await;
        let open = operator.asked("verdict").await;
        if recovers {
            fs::remove_file(&way).unwrap();
        }
        operator.answer(&open, Decision::APPROVE).await;
        assert_eq!(operator.ended().await.1, Outcome::Done);
        if recovers {
            for name in [
                "decisions.jsonl",
                "diff.patch",
                "checks.json",
                "verdict.json",
            ] {
                let text = world.read(&format!(".checkride/runs/count/1/1/{name}"));
                assert!(!text.is_empty(), "{name}");
            }
        } else {
            let stays = |fact: &Fact| match fact {
                Fact::Unkept { why, .. } => why.contains("stay unwritten").then(|| why.clone()),
                _ => None,
            };
            let why = operator.until("what stays unwritten", stays).await;
            assert!(why.contains("decisions.jsonl"), "{why}");
        }
    }
}

/// What an earlier host was writing as it died is taken away by the next one, wherever hosts write, and nothing
/// is taken from behind a link or from the living.
#[tokio::test]
async fn leftovers_of_the_dead_are_swept_as_a_host_starts() {
    let world = Parts::default().world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.asked("prompt").await;
    drop((operator, supervisor));
    let (state, project) = (world.settings().state, world.project());
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(project.join("inbox")).unwrap();
    std::os::unix::fs::symlink(outside.path(), project.join("inbox/count")).unwrap();
    fs::create_dir(outside.path().join("bad")).unwrap();
    // No system gives this number to a process.
    let dead = format!(".checkride-{}-x.new", i32::MAX);
    let swept = [
        state.clone(),
        state.join("trust"),
        state.join("workspaces/count"),
        state.join("workspaces/count/deeds"),
        state.join("workspaces/count/repo.git/refs/heads"),
        state.join("workspaces/count/repo.git/objects/info"),
        project.join("memory"),
        project.join(".checkride/runs/count/1"),
        project.join(".checkride/runs/count/1/1"),
        project.join("drafts/count-1"),
    ];
    let kept = [
        outside.path().join("bad").join(&dead),
        project.join(".checkride/runs/count/1/.checkride-x.new"),
        state.join("workspaces/count/work").join(&dead),
    ];
    for folder in &swept {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(&dead), "half").unwrap();
    }
    for path in &kept {
        fs::write(path, "whole").unwrap();
    }
    let _next = world.supervise();
    for folder in &swept {
        let gone = || !folder.join(&dead).exists();
        soon(&folder.display().to_string(), gone).await;
    }
    assert!(kept.iter().all(|path| path.exists()));
}
