//! Plain prompts and the proof of skills: one prompt, run once, through every checkpoint, and what
//! runs by hand prove of exactly one skill.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use checkride::protocol::{Command, Fact, LoopFacts, LoopState, Plain, Record};
use checkride::run::{Ask, Decision, Edit, Event, Outcome};
use checkride::supervisor::sandbox::probe::Powers;
use checkride::supervisor::{Settings, Supervisor};

use crate::host::{said, stranger};
use crate::world::{Operator, World};

/// A worker that counts its calls where no workspace is.
const CALLS: &str = "calls";

fn world() -> World {
    let world = World::new();
    let calls = world.project().parent().unwrap().join(CALLS);
    world.skill("tidy");
    let worker = format!(
        "cat > got.txt; echo called >> {}; echo done",
        calls.display()
    );
    let worker = serde_json::to_string(&worker).unwrap();
    let text = format!(
        "version = 1\nname = \"tidy\"\n[skill]\npath = \"skills/tidy\"\n[worker]\n\
         type = \"command\"\ncommand = [\"sh\", \"-c\", {worker}]\n[goal]\n\
         statement = \"All is tidy.\"\n[[goal.verify.checks]]\nname = \"there\"\n\
         command = [\"test\", \"-f\", \"got.txt\"]\n"
    );
    world.write("loops/tidy.toml", &text);
    world.commit("a loop");
    world
}

/// Nothing is confined: the worker writes its calls down outside.
fn open(world: &World) -> Settings {
    Settings {
        powers: Powers::none("for a test").into(),
        ..world.settings()
    }
}

fn calls(world: &World) -> usize {
    let calls = world.project().parent().unwrap().join(CALLS);
    fs::read_to_string(calls)
        .unwrap_or_default()
        .lines()
        .count()
}

fn ask(skill: Option<&str>) -> Command {
    Command::Prompt(Plain {
        text: "Sort the notes by date.".to_owned(),
        skill: skill.map(str::to_owned),
        worker: None,
    })
}

/// Takes the plain prompt that has begun to its end, accepted or not.
async fn answer(operator: &mut Operator, accepted: bool) -> Outcome {
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    let lines = vec![(0, accepted, String::new())];
    let edit = Edit::Verdict {
        lines,
        note: None,
        feedback: None,
    };
    operator.answer(&open, Decision::Edit(edit)).await;
    operator.approve("verdict").await;
    operator.ended().await.1
}

/// What the list says of a loop, once this is so of it.
async fn facts(operator: &mut Operator, name: &str, so: impl Fn(&LoopFacts) -> bool) -> LoopFacts {
    operator
        .until("the list", |fact| match fact {
            Fact::Loops(rows) => rows.iter().find_map(|row| match &row.state {
                LoopState::Valid(facts) if row.name == name && so(facts) => Some((**facts).clone()),
                _ => None,
            }),
            _ => None,
        })
        .await
}

/// R3: a plain prompt calls its worker exactly once, through the same questions: its exact bytes,
/// its diff, the operator's own verdict; nothing is published, and no file of a loop is written.
#[tokio::test]
async fn a_plain_prompt_runs_once_and_stops() {
    let world = world();
    let before = world.fingerprint();
    let supervisor = Supervisor::start(open(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(ask(Some("tidy"))).await;
    let open = operator.approve("prompt").await;
    let Ask::Prompt { text, .. } = &open.ask else {
        panic!("{open:#?}");
    };
    let shown = operator.text(&text.digest).await;
    assert!(
        shown.contains("Do the work.") && shown.contains("Sort the notes by date."),
        "{shown}"
    );
    let work = operator.approve("work").await;
    let Ask::Work { work, .. } = &work.ask else {
        panic!("{work:#?}");
    };
    assert_eq!(work.changes.len(), 1, "{work:#?}");
    let open = operator.asked("verdict").await;
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("every rubric line"));
    let lines = vec![(0, true, String::new())];
    let yes = Edit::Verdict {
        lines,
        note: None,
        feedback: None,
    };
    operator.answer(&open, Decision::Edit(yes)).await;
    operator.approve("verdict").await;
    let (run, outcome) = operator.ended().await;
    assert_eq!((run.0.as_str(), outcome), ("prompt-1", Outcome::Done));
    assert_eq!(calls(&world), 1);
    assert_eq!(world.fingerprint(), before);
    let published = operator
        .events(&run)
        .iter()
        .any(|e| matches!(e, Event::Published(_)));
    assert!(!published);
}

/// R22: accepted plain runs of a skill prove it for every loop that has exactly this skill; those
/// that are not accepted, and those without a skill, prove nothing; a repeated one counts again.
#[tokio::test]
async fn accepted_plain_runs_prove_their_skill() {
    let world = world();
    let supervisor = Supervisor::start(open(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(ask(Some("skills/tidy"))).await;
    assert_eq!(answer(&mut operator, false).await, Outcome::Exhausted);
    operator.say(ask(None)).await;
    assert_eq!(answer(&mut operator, true).await, Outcome::Done);
    let none = facts(&mut operator, "tidy", |_| true).await;
    assert_eq!((none.proven, none.skill_changed), (0, false));
    operator.say(ask(Some("tidy"))).await;
    answer(&mut operator, true).await;
    facts(&mut operator, "tidy", |facts| facts.proven == 1).await;
    operator.start("prompt").await;
    answer(&mut operator, true).await;
    facts(&mut operator, "tidy", |facts| facts.proven == 2).await;
    assert_eq!(calls(&world), 4);
}

/// R22, R24: a run whose prompt was sent without the skill's text proves nothing of the skill; one whose prompt was
/// edited around it does, and so does one whose edit was taken back before it was sent.
#[tokio::test]
async fn a_prompt_without_its_skill_proves_nothing() {
    let world = world();
    let supervisor = Supervisor::start(open(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let edit = |text: &str| {
        let text = text.to_owned();
        Decision::Edit(Edit::Prompt { text })
    };
    let cases = [
        ("Forget the skill and sort.", false, true),
        ("## Skill\n\nDo the work.\n\nAnd gently.", false, false),
        ("Forget the skill and sort.", true, false),
    ];
    let mut proven = 0;
    for (text, taken_back, without) in cases {
        operator.start("tidy").await;
        let asked = operator.asked("prompt").await;
        operator.answer(&asked, edit(text)).await;
        if taken_back {
            let asked = operator.asked("prompt").await;
            operator
                .answer(&asked, Decision::Retry { note: None })
                .await;
        }
        for kind in ["prompt", "work", "verdict"] {
            operator.approve(kind).await;
        }
        let (run, outcome) = operator.ended().await;
        assert_eq!(outcome, Outcome::Done);
        let events = operator.events(&run);
        let mut prompts = events.iter().rev().filter_map(|event| match event {
            Event::Composed { prompt } => Some(prompt.without_skill),
            _ => None,
        });
        assert_eq!(prompts.next(), Some(without), "{text}");
        proven += u32::from(!without);
        facts(&mut operator, "tidy", |f| f.approved == proven + 1).await;
        let now = Operator::at(&supervisor).await;
        let said = |record: &Record| match &record.fact {
            Fact::Loops(rows) => rows.iter().find_map(|row| match &row.state {
                LoopState::Valid(facts) if row.name == "tidy" => Some(facts.proven),
                _ => None,
            }),
            _ => None,
        };
        assert_eq!(now.told.iter().rev().find_map(said), Some(proven), "{text}");
    }
}

/// R24, R25: accepted runs of the loop by hand prove its skill, too; a changed skill is unproven and
/// says so, and as it was it is proven again.
#[tokio::test]
async fn a_changed_skill_is_changed_since_proven() {
    let world = world();
    let supervisor = Supervisor::start(open(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("tidy").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    assert_eq!(operator.ended().await.1, Outcome::Done);
    facts(&mut operator, "tidy", |f| f.proven == 1 && !f.skill_changed).await;
    let skill = world.read("skills/tidy/SKILL.md");
    world.write(
        "skills/tidy/SKILL.md",
        &skill.replace("Do the work.", "Do it well."),
    );
    facts(&mut operator, "tidy", |f| f.proven == 0 && f.skill_changed).await;
    world.write("skills/tidy/SKILL.md", &skill);
    facts(&mut operator, "tidy", |f| f.proven == 1 && !f.skill_changed).await;
}

/// S18: a plain prompt does not open the door to a loop's worker that nobody has allowed.
#[tokio::test]
async fn a_plain_prompt_takes_no_strange_worker() {
    let world = world();
    let settings = Settings {
        owned: false,
        ..open(&world)
    };
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(ask(Some("tidy"))).await;
    let why = operator.refused().await;
    assert!(why.contains("not trusted"), "{why}");
    assert_eq!(calls(&world), 0);
}

/// A prompt that cannot be asked is refused with what is missing.
#[tokio::test]
async fn a_plain_prompt_says_what_it_lacks() {
    let world = world();
    let supervisor = Supervisor::start(open(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(ask(Some("nothing"))).await;
    assert!(
        operator
            .refused()
            .await
            .contains("no folder `skills/nothing`")
    );
    let nobody = Command::Prompt(Plain {
        text: "Do it.".to_owned(),
        skill: None,
        worker: Some("nobody".to_owned()),
    });
    operator.say(nobody).await;
    assert!(
        operator
            .refused()
            .await
            .contains("no loop and no agent named nobody")
    );
}

/// R3 on the command line: it asks, is listed and shown like any run, and its name is kept for it.
#[test]
fn a_plain_prompt_on_the_command_line() {
    let world = world();
    let run = |words: &[&str]| {
        let output = crate::host::checkride(&world, words).output().unwrap();
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        (output.status.code().unwrap(), printed + &said(&output))
    };
    assert_eq!(run(&["prompt", "tidy"]).0, 2);
    let (code, printed) = run(&["prompt", "tidy", "--text", "Sort the notes."]);
    assert_eq!(code, 10, "{printed}");
    assert!(printed.contains("prompt-1.1 waits: prompt"), "{printed}");
    let (_, printed) = run(&["status"]);
    assert!(printed.contains("prompt  waiting"), "{printed}");
    let (_, printed) = run(&["show", "prompt"]);
    assert!(printed.contains("Sort the notes."), "{printed}");
    let (code, printed) = run(&["prompt", "--text", "And again."]);
    assert_eq!(code, 20, "{printed}");
    assert_eq!(run(&["stop", "prompt"]).0, 0);
    world.write(
        "loops/prompt.toml",
        &world
            .read("loops/tidy.toml")
            .replace("\"tidy\"", "\"prompt\""),
    );
    let output = stranger(&world, &["check"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("plain prompts are kept under this name"),
        "{printed}"
    );
}

/// Plain mode allows a loop by the digits of what it has shown, and nothing by others; every decision that the
/// cockpit has is there in words.
#[test]
fn plain_mode_allows_what_it_has_shown() {
    let world = world();
    let typed = |lines: &str| {
        let mut plain = stranger(&world, &["--plain"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        plain
            .stdin
            .take()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
        let output = plain.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let page = typed(
        "trust tidy 00000000\ntrust tidy\ntrust tidy 00000000\nundo tidy\nlog tidy\narm tidy\n",
    );
    assert!(page.contains("tidy  untrusted"), "{page}");
    assert_eq!(
        page.matches("these are not the digits of what was shown")
            .count(),
        2,
        "{page}"
    );
    assert!(
        page.contains("no such run, and no loop of this name ever ran"),
        "{page}"
    );
    let digits = page
        .lines()
        .find_map(|line| {
            line.strip_prefix("trust tidy ")?
                .strip_suffix(" allows exactly this")
        })
        .unwrap_or_else(|| panic!("{page}"));
    assert!(
        !stranger(&world, &["trust", "tidy"])
            .status()
            .unwrap()
            .success()
    );
    typed(&format!("trust tidy\ntrust tidy {digits}\n"));
    assert!(
        stranger(&world, &["trust", "tidy"])
            .status()
            .unwrap()
            .success()
    );
}
