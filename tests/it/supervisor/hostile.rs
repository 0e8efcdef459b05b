//! One run in which everybody is hostile: worker, check and judge print every payload, and name files after
//! some. What is journalled, told to cockpits and kept as artefacts is inert.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use checkride::protocol::{Command, Fact};
use checkride::run::Decision;
use serde_json::Value;

use super::{Parts, shell};
use crate::payloads::{hostile, payloads};
use crate::world::Operator;

/// Every string of a value, its keys too.
fn strings<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => all.push(text),
        Value::Array(list) => list.iter().for_each(|one| strings(one, all)),
        Value::Object(map) => {
            for (key, one) in map {
                all.push(key);
                strings(one, all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn dirty(text: &str) -> Option<char> {
    text.chars().find(|c| hostile(*c) && *c != '\t')
}

/// Every file below a folder.
fn files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.push(path);
        }
    }
}

/// S16, S22: no event, no level and no artefact of the run holds a byte that steers, hides or reorders.
#[tokio::test]
async fn a_hostile_run_leaves_inert_records() {
    let noise: Vec<String> = payloads().iter().map(|p| format!("A{p}B")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise");
    fs::write(&path, noise.join("\n")).unwrap();
    let worker = "cat > /dev/null; cat noise.txt; cat noise.txt >&2; cp noise.txt seen.txt; \
                  printf 'x' > \"$(printf 'n\\033]0;x\\007\\342\\200\\256')\"; \
                  printf '\\nNOTE: \\033]52;c;AA==\\007 \\342\\200\\256kept\\n'; printf '1\\n' > count.txt";
    let world = Parts {
        worker: &shell(worker),
        top: "guardrails = { max_iterations = 1 }",
        check: "#!/bin/sh\nhead -c 3000 seen.txt; cat seen.txt >&2; exit 1\n",
        ..Parts::default()
    }
    .world();
    fs::copy(&path, world.project().join("noise.txt")).unwrap();
    world.commit("noise");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    operator.look_at(&open).await;
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    let mut looked = 0;
    for record in &operator.told {
        let value = serde_json::to_value(record).unwrap();
        let mut all = Vec::new();
        strings(&value, &mut all);
        looked += all.len();
        for text in all {
            assert_eq!(dirty(text), None, "{text:?} in {value}");
        }
    }
    assert!(looked > 100, "{looked}");
    let mut kept = Vec::new();
    files(&world.project().join(".checkride/runs"), &mut kept);
    assert!(kept.len() >= 5, "{kept:?}");
    for path in kept {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(dirty(&text), None, "{}", path.display());
    }
}

/// S19: a project that came with links where a run writes starts none, and says which link; one that stands
/// there later gets nothing, and the run goes on.
#[tokio::test]
async fn a_run_writes_through_no_link() {
    let world = Parts::default().world();
    let outside = tempfile::tempdir().unwrap();
    let theirs = outside.path().join("theirs");
    fs::write(&theirs, "theirs, without a line end").unwrap();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    for at in [
        ".checkride",
        ".checkride/runs",
        ".checkride/runs/count/1",
        ".checkride/runs/count/1/transcript.jsonl",
        "drafts",
    ] {
        let link = world.project().join(at);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let to = if at.ends_with("jsonl") {
            &theirs
        } else {
            outside.path()
        };
        symlink(to, &link).unwrap();
        let of = "count".to_owned();
        operator.say(Command::Start { name: of }).await;
        let why = operator.refused().await;
        assert!(why.contains(&format!("{at} is a link")), "{why}");
        fs::remove_file(&link).unwrap();
    }
    fs::remove_dir(world.project().join(".checkride/runs/count/1")).unwrap();
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    let later = world
        .project()
        .join(".checkride/runs/count/1/1/decisions.jsonl");
    fs::create_dir_all(later.parent().unwrap()).unwrap();
    symlink(&theirs, &later).unwrap();
    operator.answer(&open, Decision::APPROVE).await;
    let told = |fact: &Fact| match fact {
        Fact::Unkept { why, .. } => Some(why.clone()),
        _ => None,
    };
    let why = operator.until("what is not kept", told).await;
    assert!(why.contains("decisions.jsonl is a link"), "{why}");
    operator.asked("work").await;
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    let left = fs::read_to_string(&theirs).unwrap();
    assert_eq!(left, "theirs, without a line end");
}

/// What came with the project in the place of a run's own files is nobody's to add to or replace: the run takes
/// the next number, and the files stay as they were committed.
#[tokio::test]
async fn a_run_adds_to_no_committed_file() {
    let world = Parts::default().world();
    let theirs = [
        ".checkride/runs/count/1/transcript.jsonl",
        "drafts/count-2/changes.patch",
    ];
    for path in theirs {
        world.write(path, "theirs, without a line end");
    }
    world.commit("runs of somebody else");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.approve("prompt").await;
    assert_eq!(super::run_of(&open).0, "count-3");
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    for path in theirs {
        assert_eq!(world.read(path), "theirs, without a line end", "{path}");
    }
    assert!(world.read("drafts/count-3/changes.patch").contains("+2"));
    assert_eq!(
        world.git(&["status", "--short", "--", ".checkride/runs/count/1"]),
        ""
    );
}
