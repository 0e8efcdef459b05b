//! What a worker may not do, and what becomes of it: put back, asked about, allowed once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use checkride::protocol::Command;
use checkride::run::{Ask, Change, ChangeKind, Checkpoint, Decision, Edit, Event, Outcome};

use super::{Parts, run_of, shell, workspace};
use crate::world::{Operator, World};

fn changes(open: &Checkpoint) -> &[Change] {
    match &open.ask {
        Ask::Work { work } | Ask::Guardrail { work, .. } => &work.changes,
        other => panic!("{} shows no work", other.kind()),
    }
}

fn deleted(open: &Checkpoint) -> usize {
    let gone = |change: &&Change| change.kind == ChangeKind::Deleted;
    changes(open).iter().filter(gone).count()
}

fn rules(open: &Checkpoint) -> Vec<&str> {
    match &open.ask {
        Ask::Guardrail { breaches, .. } => breaches.iter().map(|b| b.rule.as_str()).collect(),
        other => panic!("{} is no guardrail", other.kind()),
    }
}

/// Every file of a workspace with its bytes, but for the repository that each turn gets anew.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn deleting() -> World {
    let world = Parts {
        turns: &[r#"{ delete = "a" }, { delete = "b" }, { delete = "c" },
            { write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    for name in ["a", "b", "c"] {
        world.write(name, name);
    }
    world.commit("three files");
    world
}

/// Three deletions where two are allowed: put back, asked about, and the rest goes on (R45).
#[tokio::test]
async fn too_many_deletions_are_put_back_and_asked_about() {
    let world = deleting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("guardrail").await;
    assert!(rules(&open)[0].contains("max_deletions"), "{open:#?}");
    assert_eq!(deleted(&open), 0);
    for name in ["a", "b", "c"] {
        assert!(workspace(&world).join(name).is_file(), "{name}");
    }
    operator.answer(&open, Decision::APPROVE).await;
    let open = operator.asked("work").await;
    assert_eq!(deleted(&open), 0);
    assert_eq!(changes(&open)[0].path, "count.txt");
    operator.answer(&open, Decision::APPROVE).await;
    operator.approve("verdict").await;
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// The operator may allow once what was refused: it is shown again as work, and only then goes on
/// (R45).
#[tokio::test]
async fn what_was_refused_may_be_allowed_once() {
    let world = deleting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("guardrail").await;
    operator
        .answer(&open, Decision::Edit(Edit::AllowOnce))
        .await;
    let open = operator.asked("work").await;
    assert_eq!(deleted(&open), 3, "{open:#?}");
    assert!(!workspace(&world).join("a").exists());
    assert!(world.project().join("a").is_file());
}

/// The paths that nobody may write are put back whatever the loop's own list says (R45).
#[tokio::test]
async fn a_protected_path_is_put_back() {
    let world = Parts {
        turns: &[
            r#"{ append = { path = "skills/count/SKILL.md", text = "Cheat.\n" } },
            { write = { path = "scripts/three", text = "exit 0\n" } },
            { write = { path = "count.txt", text = "1\n" } }"#,
        ],
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("guardrail").await;
    assert_eq!(rules(&open).len(), 2, "{open:#?}");
    assert!(rules(&open).iter().all(|rule| rule.contains("protected")));
    let left: Vec<&str> = changes(&open).iter().map(|c| c.path.as_str()).collect();
    assert_eq!(left, ["count.txt"]);
    let skill = fs::read_to_string(workspace(&world).join("skills/count/SKILL.md")).unwrap();
    assert_eq!(skill, world.read("skills/count/SKILL.md"));
}

/// `rm -rf` of all that the worker can see: the project is untouched, and the workspace comes
/// back byte for byte, from the timeline too, and after the run has ended (R54).
#[tokio::test]
async fn a_wiped_workspace_comes_back_byte_for_byte() {
    let worker = shell("cat > /dev/null; rm -rf ./* ./.[!.]*");
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    world.write("notes/deep/bytes", "\u{0}\u{1}\r\n no end");
    world.script("tool", "#!/bin/sh\n");
    world.commit("more");
    let before = world.fingerprint();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    let run = run_of(&open);
    let whole = files(&workspace(&world));
    assert!(whole.len() > 5, "{whole:?}");
    operator.answer(&open, Decision::APPROVE).await;

    let open = operator.asked("guardrail").await;
    assert_eq!(files(&workspace(&world)), whole, "put back at once");
    operator
        .answer(&open, Decision::Edit(Edit::AllowOnce))
        .await;
    operator.asked("work").await;
    let left = files(&workspace(&world));
    assert!(left.is_empty(), "{left:?}");

    let restore = || Command::Restore {
        run: run.clone(),
        iteration: 1,
    };
    let restored = |event: &Event| matches!(event, Event::Restored { .. });
    operator.say(restore()).await;
    operator.happened("restored", restored).await;
    assert_eq!(files(&workspace(&world)), whole);

    operator.say(Command::Stop { run: run.clone() }).await;
    operator.ended().await;
    fs::remove_file(workspace(&world).join("tool")).unwrap();
    operator.say(restore()).await;
    operator.happened("restored", restored).await;
    assert_eq!(files(&workspace(&world)), whole);
    assert_eq!(world.fingerprint(), before);
}
