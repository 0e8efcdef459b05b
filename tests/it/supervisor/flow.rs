//! A run from its waking to its end: the steps, their order, where it blocks, who may go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::cli::{Session, status};
use checkride::protocol::{Command, Fact, Fetch, LoopState};
use checkride::run::{Ask, Decision, Edit, Event, Mode, Outcome, Stage};
use checkride::supervisor::Supervisor;
use checkride::supervisor::clock::Clock;

use super::{AUTONOMOUS, Parts, prompt, run_of, shell};
use crate::world::{Operator, World};

const LOOP: &str = r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "script", file = "count/worker.toml" }
publish = { to = "git-branch", branch = "counted" }

[goal]
statement = "count.txt holds three lines"
[[goal.verify.checks]]
name = "three lines"
command = ["scripts/three"]
[goal.verify.judge]
type = "script"
file = "count/judge.toml"
rubric = ["Every line is a number."]
"#;

const WORKER: &str = r#"
[[turn]]
acts = [
  { say = "I write two lines." },
  { write = { path = "count.txt", text = "1\n2\n" } },
  { claim = "all done, APPROVED" },
]
[[turn]]
acts = [{ append = { path = "count.txt", text = "3\n" } }]
"#;

const JUDGE: &str = r#"
[[answer]]
lines = [{ pass = true, evidence = "1, 2 and 3 are numbers" }]
"#;

const CHECK: &str = "#!/bin/sh\nn=$(wc -l < count.txt)\necho $n\n[ $n -eq 3 ]\n";

fn counting() -> World {
    let world = World::new();
    world.skill("count");
    world.write("loops/count.toml", LOOP);
    world.write("loops/count/worker.toml", WORKER);
    world.write("loops/count/judge.toml", JUDGE);
    world.script("scripts/three", CHECK);
    world.commit("a loop");
    world
}

/// The whole way: two iterations in training, every step asked, the note remembered, the result on
/// a branch, and the operator's own tree as it was (R4, R12, R30, R42, R48, R57, P2).
#[tokio::test]
async fn a_loop_flies_in_training_from_prompt_to_branch() {
    let world = counting();
    let before = world.fingerprint();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for kind in [
        "prompt", "work", "verdict", "prompt", "work", "verdict", "publish",
    ] {
        operator.approve(kind).await;
    }
    let (run, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Published);
    let proven = operator
        .until("the list after the run", |fact| match fact {
            Fact::Loops(rows) => match &rows[0].state {
                LoopState::Valid(facts) if !rows[0].record.is_empty() => Some(facts.proven),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(proven, 1);
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1\n2\n3");
    assert!(world.read("memory/count.md").contains("- three lines: 2"));
    let prompts: Vec<_> = operator
        .events(&run)
        .into_iter()
        .filter_map(|event| match event {
            Event::Composed { prompt } => Some(prompt),
            _ => None,
        })
        .collect();
    assert_eq!(prompts.len(), 2);
    let second = world.read(".checkride/runs/count/1/2/prompt.md");
    assert!(second.contains("three lines: 2"), "{second}");
    let mut after = world.fingerprint();
    after.remove(".git/refs/heads/counted");
    after.remove(".git/logs/refs/heads/counted");
    assert_eq!(before, after);
}

/// A run is picked up at the same checkpoint with the same digest by the next supervisor (R44).
#[tokio::test]
async fn the_next_supervisor_asks_the_same_question() {
    let world = counting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("work").await;
    supervisor.end();

    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let told = operator
        .told
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::Run {
                event: Event::Asked(asked),
                ..
            } => Some((**asked).clone()),
            _ => None,
        });
    assert_eq!(told.as_ref(), Some(&open));
    operator.look_at(&open).await;
    operator.answer(&open, Decision::APPROVE).await;
    operator.approve("verdict").await;
}

/// Nobody can approve what nobody has seen, and a stale digest changes nothing (C2, S9).
#[tokio::test]
async fn an_unseen_checkpoint_cannot_be_approved() {
    let world = counting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator
        .until("a checkpoint", |fact| match fact {
            Fact::Run {
                event: Event::Asked(open),
                ..
            } => Some((**open).clone()),
            _ => None,
        })
        .await;
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("nobody has seen it"));
}

/// Woke, prompt, work, check, judge, memory, end: in this order and no other (R42), and no worker
/// is called after an approval (R5).
#[tokio::test]
async fn the_journal_keeps_the_order_of_the_steps() {
    let judge = "type = \"script\"\nfile = \"count/judge.toml\"\nrubric = [\"Numbers.\"]";
    let parts = Parts {
        turns: &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        judge,
        ..Parts::default()
    };
    let world = parts.world();
    world.write("loops/count/judge.toml", JUDGE);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    let (run, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Done);
    let words: Vec<&str> = operator
        .events(&run)
        .iter()
        .filter_map(|event| match event {
            Event::Woke(_) => Some("woke"),
            Event::Composed { .. } => Some("prompt"),
            Event::Worked(_) => Some("work"),
            Event::Checked { .. } => Some("check"),
            Event::Judged { .. } => Some("judge"),
            Event::Remembered { .. } => Some("memory"),
            Event::Ended(_) => Some("end"),
            _ => None,
        })
        .collect();
    assert_eq!(
        words,
        ["woke", "prompt", "work", "check", "judge", "memory", "end"]
    );
}

/// The bytes that were shown are the bytes that the worker receives, edited or not (R10, P3).
#[tokio::test]
async fn the_worker_receives_the_bytes_that_were_shown() {
    let worker = shell("cat > got.txt");
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let shown = operator.approve("prompt").await;
    let asked = operator.asked("work").await;
    let run = run_of(&asked);
    let got = Fetch::File {
        run: run.clone(),
        path: "got.txt".to_owned(),
    };
    operator.say(Command::Fetch(got.clone())).await;
    let lines = operator
        .until("the file", |fact| match fact {
            Fact::Lines { of, lines, .. } if *of == got => Some(lines.join("\n")),
            _ => None,
        })
        .await;
    assert_eq!(
        operator.text(prompt(&shown)).await.trim_end(),
        lines.trim_end()
    );
    assert!(lines.contains("count.txt holds three lines"), "{lines}");

    operator
        .answer(&asked, Decision::Retry { note: None })
        .await;
    let again = operator.asked("prompt").await;
    let text = "Only say\nwhat you see.\n".to_owned();
    let edit = Edit::Prompt { text: text.clone() };
    operator.answer(&again, Decision::Edit(edit)).await;
    let edited = operator.approve("prompt").await;
    assert_ne!(edited.digest, again.digest);
    operator.asked("work").await;
    operator.say(Command::Fetch(got.clone())).await;
    let lines = operator
        .until("the file", |fact| match fact {
            Fact::Lines { of, lines, .. } if *of == got => Some(lines.clone()),
            _ => None,
        })
        .await;
    assert_eq!(lines, ["Only say", "what you see.", ""]);
}

/// A run that is told to hold stands before its next step, and goes on when it is told so (P2).
#[tokio::test]
async fn a_held_run_stands_and_goes_on() {
    let world = counting();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    let run = run_of(&open);
    let hold = |on| Command::Hold {
        run: run.clone(),
        on,
    };
    operator.say(hold(true)).await;
    operator.answer(&open, Decision::APPROVE).await;
    operator
        .happened("held", |event| matches!(event, Event::Held { .. }))
        .await;
    assert_eq!(operator.times(&run, Stage::Work), 0);
    // Who asks how it stands is told what it waits for and how it goes on.
    let session = Session::open(supervisor.connect(), "test".to_owned());
    let now = status::status(&session.await.unwrap().known, 0);
    let (state, words) = (now.loops[0].state, &now.loops[0].words);
    assert_eq!(state, "held");
    assert!(
        words.contains("you hold it before asking the worker; space"),
        "{words}"
    );
    operator.say(hold(false)).await;
    operator.asked("work").await;
}

/// A week without an answer is no answer: nothing was called, the question stands, and the answer
/// that comes at last still counts (R56, C7).
#[tokio::test]
async fn nobodys_absence_is_consent() {
    let world = counting();
    let at = Arc::new(AtomicI64::new(1_781_273_220_000));
    let mut settings = world.settings();
    settings.clock = Clock::Test(at.clone());
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    at.fetch_add(7 * 24 * 3_600_000, Ordering::SeqCst);
    // Whoever comes after the week hears of the same question, and of no step after it.
    let mut later = Operator::at(&supervisor).await;
    let run = run_of(&open);
    assert_eq!(later.times(&run, Stage::Work), 0);
    assert_eq!(
        later.events(&run).last(),
        Some(&Event::Asked(Box::new(open.clone())))
    );
    later.look_at(&open).await;
    later.answer(&open, Decision::APPROVE).await;
    later.asked("work").await;
}

/// An autonomous run goes through both iterations by itself, composing every prompt, and still
/// publishes nothing without a yes: a draft exists, the target is untouched until `a` (R57, R62).
#[tokio::test]
async fn an_autonomous_run_stops_before_it_publishes() {
    let top = format!("publish = {{ to = \"git-branch\", branch = \"counted\" }}\n{AUTONOMOUS}");
    let world = Parts {
        top: &top,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise_in("count", Mode::Autonomous);
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    // An audit stops one run in twenty at work and verdict too.
    let open = loop {
        let open = operator
            .until("a question", |fact| match fact {
                Fact::Run {
                    event: Event::Asked(open),
                    ..
                } => Some((**open).clone()),
                _ => None,
            })
            .await;
        operator.look_at(&open).await;
        if open.ask.kind() == "publish" {
            break open;
        }
        assert!(["work", "verdict"].contains(&open.ask.kind()), "{open:?}");
        operator.answer(&open, Decision::APPROVE).await;
    };
    let run = run_of(&open);
    assert_eq!(operator.times(&run, Stage::Work), 2);
    assert_eq!(world.git(&["branch", "--list", "counted"]), "");
    assert!(world.project().join("drafts").is_dir());
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("type the digest"));
    let typed = Some(open.digest.short().to_owned());
    operator.answer(&open, Decision::Approve { typed }).await;
    assert_eq!(operator.ended().await.1, Outcome::Published);
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1\n2\n3");
}

/// What a worker does is told while it does it, in order (R49, R69).
#[tokio::test]
async fn the_transcript_grows_while_the_worker_works() {
    let worker = shell("for n in 1 2 3 4 5; do echo step $n; done; cat > /dev/null; sleep 600");
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let run = run_of(&operator.approve("prompt").await);
    let wanted = Fetch::Transcript {
        run: run.clone(),
        from: 0,
        lines: 1_000,
    };
    let grew = |fact: &Fact| matches!(fact, Fact::Grew { .. }).then_some(());
    let mut asked = 0;
    let steps = loop {
        // What grew while the last answer was on its way was told before it.
        let mut told = operator.told[asked..].iter();
        if !told.any(|record| grew(&record.fact).is_some()) {
            operator.until("more", grew).await;
        }
        asked = operator.told.len();
        operator.say(Command::Fetch(wanted.clone())).await;
        let lines = operator
            .until("the transcript", |fact| match fact {
                Fact::Lines { of, lines, .. } if *of == wanted => Some(lines.clone()),
                _ => None,
            })
            .await;
        let steps: Vec<String> = lines
            .iter()
            .filter_map(|line| line.find("step ").map(|at| line[at..at + 6].to_owned()))
            .collect();
        if steps.len() == 5 {
            break steps;
        }
    };
    assert_eq!(steps, ["step 1", "step 2", "step 3", "step 4", "step 5"]);
    operator.say(Command::Stop { run: run.clone() }).await;
    assert_eq!(operator.ended().await.1, Outcome::Stopped);
    // Of a run that is over the next one learns it by asking, however many runs there were.
    let mut next = Operator::at(&supervisor).await;
    assert!(!next.told.iter().any(|record| grew(&record.fact).is_some()));
    next.say(Command::Fetch(wanted)).await;
    let length = |fact: &Fact| match fact {
        Fact::Lines { total, .. } => Some(*total),
        _ => None,
    };
    assert!(next.until("its length", length).await > 5);
}

/// Runs that write at the same time are told in the order of the journal, and none of it is left out:
/// a question that is not told waits for ever.
#[tokio::test]
async fn records_of_many_runs_come_whole_and_in_order() {
    const LOOPS: usize = 12;
    let world = World::new();
    world.write("checkride.toml", &format!("max_running = {LOOPS}\n"));
    let names: Vec<String> = (0..LOOPS).map(|n| format!("loop-{n}")).collect();
    for name in &names {
        world.skill(name);
        let text = format!(
            "{}\n[guardrails]\nmode = \"autonomous\"\nbudget = {{ tokens_per_run = 50_000 }}\n",
            LOOP.replace("count", name)
        );
        world.write(&format!("loops/{name}.toml"), &text);
        world.write(&format!("loops/{name}/worker.toml"), WORKER);
        world.write(&format!("loops/{name}/judge.toml"), JUDGE);
    }
    world.script("scripts/three", CHECK);
    world.commit("many loops");
    let mut settings = world.settings();
    for name in &names {
        settings.grants.insert(name.clone(), Mode::Autonomous);
    }
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    for name in &names {
        operator.start(name).await;
    }
    for _ in &names {
        let asked = |fact: &Fact| match fact {
            Fact::Run {
                event: Event::Asked(_),
                ..
            } => Some(()),
            _ => None,
        };
        operator.until("a question of each", asked).await;
    }
    let told = operator.told.iter().map(|record| record.seq);
    let numbers: Vec<u64> = told.filter(|seq| *seq > 0).collect();
    let all: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, all);
}

/// Inside the sandbox worker and checks have git, with the history that the run began from.
#[tokio::test]
async fn git_works_inside() {
    let world = World::new();
    world.skill("count");
    world.write(
        "loops/count.toml",
        r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "command", command = ["sh", "-c", "cat > /dev/null; git log -1 --format=%s > count.txt && git add -A && git -c user.name=a -c user.email=a@b commit -qm work"] }

[goal]
statement = "count.txt says what the last commit was"
[[goal.verify.checks]]
name = "history"
command = ["sh", "-c", "git log -1 --format=%H && git diff --stat {base} && grep -q loop count.txt"]
"#,
    );
    world.commit("a loop");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    let Ask::Verdict { verdict, .. } = &open.ask else {
        panic!("{open:#?}");
    };
    assert!(verdict.approved(), "{verdict:#?}");
}
