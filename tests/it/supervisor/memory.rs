//! Memory: notes are on disk before they are used, other people's words stay, and what repeats is
//! noticed.

use std::fs;

use checkride::protocol::{Command, Fact, MemoryText};
use checkride::run::{Ask, Decision, Digest, Event, Outcome, PartKind, Signal, Stage};

use super::{Parts, prompt, run_of, verdict};
use crate::world::{Operator, World};

/// Flies to the question that follows the first verdict.
async fn past_the_first_verdict(operator: &mut Operator) {
    operator.start("count").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
}

async fn told_memory(operator: &mut Operator, want: impl Fn(&MemoryText) -> bool) -> MemoryText {
    operator
        .until("the memory", |fact| match fact {
            Fact::Memory(text) if want(text) => Some(text.clone()),
            _ => None,
        })
        .await
}

/// The note of a verdict lies on disk before the next prompt is put together, which carries it
/// (R30, R32); after the run memory and draft are where the file says (R29).
#[tokio::test]
async fn a_note_is_on_disk_before_the_next_prompt() {
    let world = Parts {
        top: "memory = { path = \"memory/kept.md\" }\noutput = { drafts = \"drafts/here\" }",
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    past_the_first_verdict(&mut operator).await;
    operator
        .happened("remembered", |event| {
            matches!(event, Event::Remembered { .. })
        })
        .await;
    assert!(world.read("memory/kept.md").contains("- three lines: 2"));
    let open = operator.approve("prompt").await;
    let text = operator.text(prompt(&open)).await;
    let (memory, feedback) = text.split_once("## Feedback").unwrap();
    assert!(memory.contains("- three lines: 2"), "{text}");
    assert!(feedback.contains("three lines: 2"), "{text}");
    operator.approve("work").await;
    operator.approve("verdict").await;
    operator.ended().await;
    let patch = world.read("drafts/here/count-1/changes.patch");
    assert!(patch.contains("+3"), "{patch}");
}

/// An old log may be the memory: it is kept byte for byte, and the entry goes below it under a
/// dated heading (R37).
#[tokio::test]
async fn an_old_log_is_kept_byte_for_byte() {
    let world = Parts {
        top: "memory = { path = \"log.md\" }",
        ..Parts::default()
    }
    .world();
    let old = "Tue: tried it by hand\r\n\r\n\t* it  was\u{a0}slow  \n~~~\n## not a heading of ours";
    world.write("log.md", old);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    past_the_first_verdict(&mut operator).await;
    operator.asked("prompt").await;
    let now = world.read("log.md");
    let added = now.strip_prefix(old).unwrap_or_else(|| panic!("{now}"));
    assert!(added.starts_with("\n\n## 2"), "{added:?}");
    assert!(
        added.ends_with(" · run 1\n\n- three lines: 2\n"),
        "{added:?}"
    );
}

/// An edit from outside is told at once. A save that began from an older text is not done: both
/// texts come back; begun again from theirs, it is (R33).
#[tokio::test]
async fn both_sides_of_a_conflict_are_kept() {
    let world = Parts::default().world();
    world.write("memory/count.md", "begun\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    world.write("memory/count.md", "theirs\n");
    told_memory(&mut operator, |memory| memory.text == "theirs\n").await;

    let save = |base: Digest| Command::SaveMemory {
        name: "count".to_owned(),
        base,
        text: "mine\n".to_owned(),
    };
    operator.say(save(Digest::of(b"begun\n"))).await;
    let (theirs, mine) = operator
        .until("a conflict", |fact| match fact {
            Fact::MemoryConflict { theirs, mine } => Some((theirs.clone(), mine.clone())),
            _ => None,
        })
        .await;
    assert_eq!(
        (theirs.text.as_str(), mine.as_str()),
        ("theirs\n", "mine\n")
    );
    assert_eq!(world.read("memory/count.md"), "theirs\n");
    operator.say(save(theirs.digest)).await;
    told_memory(&mut operator, |memory| memory.text == "mine\n").await;
    assert_eq!(world.read("memory/count.md"), "mine\n");

    // What a person wrote is in the very next prompt (P4).
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    assert!(operator.text(prompt(&open)).await.contains("mine"));
}

/// A memory far over its cap goes into the prompt only up to it, newest first, standing rules
/// always; the file itself stays whole (R31).
#[tokio::test]
async fn a_long_memory_is_cut_for_the_prompt() {
    let world = Parts {
        top: "memory = { inject_tokens = 300 }",
        ..Parts::default()
    }
    .world();
    let entries = (0..1_000).fold(String::new(), |all, n| {
        all + &format!("## 2026-01-01 · run {n}\n\n- entry number {n} was slow\n\n")
    });
    let memory = format!("# Memory\n\n## Standing rules\n\n- never hurry\n\n{entries}");
    world.write("memory/count.md", &memory);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    let tokens = operator
        .events(&run_of(&open))
        .iter()
        .find_map(|event| match event {
            Event::Composed { prompt } => prompt
                .parts
                .iter()
                .find(|part| part.kind == PartKind::Memory)
                .map(|part| part.tokens),
            _ => None,
        });
    assert!((100..=300).contains(&tokens.unwrap()), "{tokens:?}");
    let text = operator.text(prompt(&open)).await;
    assert!(text.contains("- never hurry"), "{text}");
    assert!(text.contains("entry number 999 "), "{text}");
    assert!(!text.contains("entry number 0 "), "{text}");
    assert_eq!(world.read("memory/count.md"), memory);
}

fn repeating() -> World {
    Parts {
        turns: &[
            r#"{ write = { path = "count.txt", text = "1\n" } }, { write = { path = "a", text = "1" } }"#,
            r#"{ write = { path = "b", text = "2" } }"#,
        ],
        ..Parts::default()
    }
    .world()
}

/// The same verdict twice: the run says that it is stuck, and calls no worker a third time (R31).
#[tokio::test]
async fn the_same_verdict_twice_calls_nobody_again() {
    let world = repeating();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    past_the_first_verdict(&mut operator).await;
    for kind in ["prompt", "work", "verdict"] {
        let open = operator.approve(kind).await;
        assert!(kind != "verdict" || !verdict(&open).approved());
    }
    let open = operator.asked("stuck").await;
    let Ask::Stuck { signal } = &open.ask else {
        panic!("{open:?}");
    };
    assert!(
        matches!(signal, Signal::SameVerdict { times: 2, .. }),
        "{signal:?}"
    );
    let run = run_of(&open);
    assert_eq!(operator.times(&run, Stage::Work), 2);
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Stuck);
    assert_eq!(operator.times(&run, Stage::Work), 2);
    let note = world.read("memory/count.md");
    assert_eq!(note.matches("- three lines: 1").count(), 1, "{note}");
    assert!(!fs::exists(world.project().join("count.txt")).unwrap());
}
