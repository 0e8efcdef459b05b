//! The command line from outside: what each command prints, sends and exits with, against a far end
//! that plays the supervisor; and the real program, from its folder to a published branch.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what a play does not expect fails its test"
)]

mod fire;
pub(crate) mod flagged;
mod install;
mod plain;

use std::fs;

use checkride::cli::since;
use checkride::cli::{
    Exit, Fail, Flags, Out, Session, decide, flags::Cmd, log, run, show, status, stop,
};
use checkride::link::{FarEnd, Link};
use checkride::protocol::{
    Away, Command, Fact, Fetch, LoopFacts, LoopRow, LoopState, Record, Review, RunId, Waking,
};
use checkride::run::prompt::{Ingredients, Prompt, compose};
use checkride::run::spec::{Goal, WorkerKind};
use checkride::run::{
    Checkpoint, CheckpointId, Decision, Digest, Edit, Event, Ground, Input, Mode, Outcome, Run,
    Usage, Wake,
};
use clap::Parser as _;
use serde_json::Value;

use crate::host::{Hosting, checkride, said, states, until};
use crate::world::World;

/// The moment at which the first record was written.
const BEGIN: i64 = 1_781_000_000_000;

/// A supervisor of one run of the loop `tidy`, which waits at its prompt.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of a played host"
)]
struct Fake {
    run: Run,
    records: Vec<Record>,
    prompt: String,
    /// What stands in the prompt.
    skill: String,
    /// Everything it was asked.
    asked: Vec<Command>,
    /// Another operator who is faster, if there is one.
    rival: Option<&'static str>,
    seen: bool,
    /// Whether it goes once a decision counts.
    goes: bool,
    /// Whether the operator lets it run.
    allowed: bool,
}

fn wake() -> Wake {
    let worker = WorkerKind::Script {
        file: "tidy/worker.toml".to_owned(),
    };
    let goal = Goal {
        statement: "All is tidy.".to_owned(),
        checks: Vec::new(),
        judge: None,
    };
    Wake {
        spec: crate::spec::minimal("tidy", worker, goal),
        number: 1,
        mode: Mode::Training,
        audit: false,
        by: "started by hand".to_owned(),
        pinned: Digest::of(b"pinned"),
        published_before: false,
        date: "2026-06-09".to_owned(),
        not_enforced: vec!["network".to_owned()],
        skill: Digest::of(b"skill"),
        fired: None,
    }
}

impl Fake {
    /// The loop has never run.
    fn asleep() -> Self {
        let (run, _) = Run::wake(wake());
        Self {
            run,
            records: Vec::new(),
            prompt: String::new(),
            skill: "Sweep \u{1b}[31mred.".to_owned(),
            asked: Vec::new(),
            allowed: true,
            rival: None,
            seen: false,
            goes: false,
        }
    }

    /// The loop waits at its first prompt.
    fn at_prompt() -> Self {
        let mut fake = Self::asleep();
        fake.start();
        fake
    }

    /// The same, and it goes with what it decides.
    fn going() -> Self {
        let mut fake = Self::at_prompt();
        fake.goes = true;
        fake
    }

    fn start(&mut self) -> Vec<Fact> {
        let (text, prompt) = compose(&Ingredients {
            skill: self.skill.clone(),
            goal: "All is tidy.".to_owned(),
            ..Ingredients::default()
        });
        self.start_with(text, prompt)
    }

    fn start_with(&mut self, text: String, prompt: Prompt) -> Vec<Fact> {
        let (run, step) = Run::wake(wake());
        self.run = run;
        let mut facts = self.keep(step.events);
        facts.extend(self.step(Input::Prepared(Ground {
            tree: "1111111111111111111111111111111111111111".to_owned(),
            base: None,
            workspace: "copy".to_owned(),
            notices: vec!["3 uncommitted files not seen".to_owned()],
            not_enforced: Vec::new(),
        })));
        self.prompt = text;
        facts.extend(self.step(Input::Composed(prompt)));
        facts
    }

    fn step(&mut self, input: Input) -> Vec<Fact> {
        let step = self.run.step(input);
        match step.refused {
            Some(why) => vec![Fact::Refused {
                what: "tidy-1.1".to_owned(),
                why,
            }],
            None => self.keep(step.events),
        }
    }

    fn keep(&mut self, events: Vec<Event>) -> Vec<Fact> {
        let run = RunId::new("tidy", 1);
        let facts: Vec<Fact> = events
            .into_iter()
            .map(|event| Fact::Run {
                run: run.clone(),
                event,
            })
            .collect();
        for fact in &facts {
            let seq = self.records.len() as u64 + 1;
            let at = BEGIN + i64::try_from(seq).unwrap() * 1_500;
            let fact = fact.clone();
            self.records.push(Record { seq, at, fact });
        }
        facts
    }

    fn open(&self) -> Checkpoint {
        match self.run.phase() {
            checkride::run::Phase::Asking(open) => (**open).clone(),
            other => panic!("asks nothing: {other:?}"),
        }
    }

    fn rows() -> Fact {
        let facts = LoopFacts {
            description: "Keeps things tidy.".to_owned(),
            mode: Mode::Training,
            mode_why: String::new(),
            distrust: None,
            off: false,
            waking: Waking::Manual,
            lapse: None,
            day: Vec::new(),
            expires: None,
            spec: wake().spec,
            files: Vec::new(),
            proven: 0,
            skill_changed: false,
            approved: 0,
            spent: Usage::default(),
            in_force: Vec::new(),
            not_enforced: Vec::new(),
            warnings: Vec::new(),
        };
        Fact::Loops(vec![
            LoopRow {
                name: "tidy".to_owned(),
                state: LoopState::Valid(Box::new(facts)),
                last_run: None,
                earlier_today: Usage::default(),
                record: Vec::new(),
            },
            LoopRow {
                name: "zürich-broken".to_owned(),
                state: LoopState::Invalid {
                    line: 3,
                    why: "unknown key `gaol`; did you mean `goal`?".to_owned(),
                },
                last_run: None,
                earlier_today: Usage::default(),
                record: Vec::new(),
            },
        ])
    }

    /// Answers one command as the supervisor does.
    fn obey(&mut self, command: Command) -> Vec<Fact> {
        match command {
            Command::Attach { .. } => vec![
                // What is wrong elsewhere is said to everyone and answers nobody.
                Fact::Refused {
                    what: "memory/tidy.md".to_owned(),
                    why: "cannot be read".to_owned(),
                },
                Self::rows(),
                Fact::Attached {
                    project: "/p".to_owned(),
                    warnings: Vec::new(),
                },
            ],
            Command::Start { .. } => self.start(),
            Command::Decide {
                checkpoint,
                digest,
                decision,
            } => self.decide(checkpoint, digest, decision),
            Command::Seen { .. } => {
                self.seen = true;
                Vec::new()
            }
            Command::Stop { .. } => self.stop(),
            Command::StopAll => {
                let mut facts = self.stop();
                facts.push(Fact::Done {
                    what: "all triggers are off".to_owned(),
                });
                facts
            }
            Command::Review { name } if name != "tidy" => vec![Fact::Refused {
                why: format!("there is no loops/{name}.toml here"),
                what: name,
            }],
            Command::Review { name } => vec![Fact::Review(Box::new(Review {
                name,
                digest: Digest::of(b"reviewed"),
                allowed: self.allowed,
                known: false,
                commands: Vec::new(),
                files: Vec::new(),
                diff: Vec::new(),
            }))],
            Command::Fetch(fetch) => vec![self.fetch(fetch)],
            other => panic!("not asked by any command: {other:?}"),
        }
    }

    fn decide(
        &mut self,
        checkpoint: CheckpointId,
        digest: Digest,
        decision: Decision,
    ) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Some(rival) = self.rival {
            facts = self.step(Input::Decide {
                checkpoint: checkpoint.clone(),
                digest: digest.clone(),
                decision: Decision::Abort,
                by: rival.to_owned(),
            });
        }
        facts.extend(self.step(Input::Decide {
            checkpoint,
            digest,
            decision,
            by: "test".to_owned(),
        }));
        facts
    }

    fn stop(&mut self) -> Vec<Fact> {
        let mut facts = self.step(Input::Stop);
        facts.extend(self.step(Input::Drafted {
            paths: Vec::new(),
            offer: None,
        }));
        facts
    }

    fn fetch(&self, fetch: Fetch) -> Fact {
        match &fetch {
            Fetch::Text {
                digest,
                from,
                lines,
            } if *digest == Digest::of(self.prompt.as_bytes()) => {
                let all: Vec<String> = self.prompt.lines().map(str::to_owned).collect();
                let from = usize::try_from(*from).unwrap();
                let most = usize::try_from(*lines).unwrap();
                Fact::Lines {
                    lines: all.iter().skip(from).take(most.min(3)).cloned().collect(),
                    total: all.len() as u64,
                    of: fetch,
                }
            }
            Fetch::Text { digest, .. } => Fact::Refused {
                what: digest.short().to_owned(),
                why: "no text is kept under this digest".to_owned(),
            },
            Fetch::History { name, .. } => Fact::HistoryEnd {
                name: name.clone(),
                more: false,
            },
            Fetch::Lapses { .. } => Fact::Lapses(Vec::new()),
            other => panic!("not fetched by any command: {other:?}"),
        }
    }
}

/// Plays the supervisor until the operator has gone, and gives the play back.
async fn play(mut fake: Fake, mut end: FarEnd) -> Fake {
    while let Some(command) = end.commands.recv().await {
        fake.asked.push(command.clone());
        let repeats = matches!(
            command,
            Command::Attach { .. } | Command::Fetch(Fetch::History { .. })
        );
        let known = fake.records.len();
        let facts = fake.obey(command);
        let old = fake
            .records
            .get(..if repeats { known } else { 0 })
            .unwrap()
            .to_vec();
        let mut new = fake.records.get(known..).unwrap().iter();
        let told = facts.into_iter().map(|fact| match fact {
            Fact::Run { .. } => new.next().unwrap().clone(),
            other => Record {
                seq: 0,
                at: BEGIN,
                fact: other,
            },
        });
        for record in old.into_iter().chain(told) {
            if end.records.send(record).await.is_err() {
                return fake;
            }
        }
        if fake.goes && matches!(fake.run.phase(), checkride::run::Phase::Doing(_)) {
            return fake;
        }
    }
    fake
}

/// One command against this far end: how it ended, what it printed, what the far end saw.
async fn command(fake: Fake, line: &str) -> (Result<Exit, Fail>, String, Fake) {
    written(fake, line, false).await
}

/// The same where it prints at a terminal.
async fn at_terminal(fake: Fake, line: &str) -> String {
    let (result, printed, _) = written(fake, line, true).await;
    assert_eq!(result, Ok(Exit::Done));
    printed
}

async fn written(fake: Fake, line: &str, at_terminal: bool) -> (Result<Exit, Fail>, String, Fake) {
    let words = std::iter::once("checkride").chain(line.split(' '));
    let flags = Flags::try_parse_from(words).unwrap();
    let (near, far) = Link::pair();
    let played = tokio::spawn(play(fake, far));
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes).at_terminal(at_terminal);
    let result = perform(near, flags.command.unwrap(), &mut out).await;
    out.finish().unwrap();
    (
        result,
        String::from_utf8(bytes).unwrap(),
        played.await.unwrap(),
    )
}

async fn perform(near: Link, command: Cmd, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let mut session = Session::open(near, "test".to_owned()).await?;
    session.zone = jiff::tz::TimeZone::UTC;
    match command {
        Cmd::Run { name, json, .. } => run::run(session, &name, json, out).await,
        Cmd::Show { id } => show::show(session, &id, out).await,
        Cmd::Decide(words) => decide::decide(session, &words, out).await,
        Cmd::Status { json, .. } => {
            let status = status::status(&session.known, BEGIN + 600_000);
            if json {
                out.json(&status);
            } else {
                out.text(&status::render(&status));
            }
            Ok(Exit::Done)
        }
        Cmd::Log { name, json, runs } => {
            let zone = jiff::tz::TimeZone::UTC;
            log::log(session, &name, &log::Form { json, runs, zone }, out).await
        }
        Cmd::Stop(what) => match what.name {
            Some(name) => stop::one(session, &name, out).await,
            None => stop::all(session, out).await,
        },
        other => panic!("needs no session: {other:?}"),
    }
}

fn failed(result: Result<Exit, Fail>) -> (Exit, String) {
    let fail = result.unwrap_err();
    assert_eq!(fail.line.lines().count(), 1, "{}", fail.line);
    (fail.exit, fail.line)
}

/// `run` tells each event, stops at the checkpoint and says what to type (exit 10).
#[tokio::test]
async fn run_follows_until_a_checkpoint() {
    let (result, printed, _) = command(Fake::asleep(), "run tidy").await;
    assert_eq!(result, Ok(Exit::Waiting));
    insta::assert_snapshot!(printed);
    let (result, again, fake) = command(Fake::at_prompt(), "run tidy").await;
    assert_eq!(result, Ok(Exit::Waiting));
    assert!(printed.ends_with(&again), "{again}");
    let (_, record, _) = command(Fake::at_prompt(), "run tidy --json").await;
    let record: Record = serde_json::from_str(&record).unwrap();
    assert_eq!(Some(&record), fake.records.last());
    assert!(
        !fake
            .asked
            .iter()
            .any(|c| matches!(c, Command::Start { .. }))
    );
}

/// `run --json` is the records themselves, the question last.
#[tokio::test]
async fn run_speaks_json() {
    let (result, printed, fake) = command(Fake::asleep(), "run tidy --json").await;
    assert_eq!(result, Ok(Exit::Waiting));
    let records: Vec<Record> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records, fake.records);
}

/// A loop that is not there, or is broken, has its own exit code and one line.
#[tokio::test]
async fn run_names_what_is_wrong_with_the_loop() {
    let (result, _, _) = command(Fake::asleep(), "run other").await;
    let (exit, line) = failed(result);
    assert_eq!(exit, Exit::Unknown);
    assert!(line.contains("there are: tidy"), "{line}");
    let (result, _, _) = command(Fake::asleep(), "run zürich-broken").await;
    let (exit, line) = failed(result);
    assert_eq!(exit, Exit::Usage);
    assert!(line.contains("line 3"), "{line}");
}

/// `show` prints the exact prompt page by page, inert, and marks it seen after that (R57).
#[tokio::test]
async fn show_prints_and_then_marks_seen() {
    for name in ["tidy-1.1", "tidy-1", "tidy"] {
        let (result, printed, fake) = command(Fake::at_prompt(), &format!("show {name}")).await;
        assert_eq!(result, Ok(Exit::Done));
        assert!(fake.seen);
        let texts = fake
            .asked
            .iter()
            .take_while(|c| !matches!(c, Command::Seen { .. }));
        assert!(texts.filter(|c| matches!(c, Command::Fetch(_))).count() > 1);
        insta::assert_snapshot!("show", printed);
    }
}

/// R57: at a terminal no line of the text passes for a line of the program: only the program's own lines begin
/// where its lines begin.
#[tokio::test]
async fn show_marks_the_text_as_no_line_of_its_own() {
    let forged = "Sweep.\n\ntidy-1.1 waits: prompt\n  digest  00000000\n\tx";
    let mut fake = Fake::asleep();
    fake.skill = forged.to_owned();
    fake.start();
    let printed = at_terminal(fake, "show tidy").await;
    let (above, below) = printed.split_once("\n\n").unwrap();
    let (text, how) = below.split_once("\n\n").unwrap();
    assert!(text.lines().all(|line| line.starts_with("  |")), "{text}");
    assert_eq!(text.matches("waits: prompt").count(), 1);
    assert!(text.contains("  |     x"), "{text}");
    for ours in [above, how] {
        assert!(!ours.contains("00000000"), "{ours}");
    }
    assert!(
        how.starts_with("tidy-1.1 waits: prompt\n  digest  "),
        "{how}"
    );
}

/// R57: in a pipe the text comes last and byte for byte, with its tabs, and ends as it ends.
#[tokio::test]
async fn show_gives_a_pipe_the_very_bytes() {
    for end in ["", "\n"] {
        let text = format!("\tsweep\n\n| and\tso on{end}");
        let mut fake = Fake::asleep();
        fake.start_with(text.clone(), Prompt::by_hand(&text, Some("")));
        let (result, printed, _) = command(fake, "show tidy").await;
        assert_eq!(result, Ok(Exit::Done));
        let (ours, exact) = printed.split_once("\n\n").unwrap();
        assert_eq!(exact, text);
        assert!(ours.contains("waits: prompt"), "{ours}");
    }
}

/// A reader that closed the pipe has not seen anything.
#[tokio::test]
async fn show_to_nobody_marks_nothing() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (near, far) = Link::pair();
    let played = tokio::spawn(play(Fake::at_prompt(), far));
    let session = Session::open(near, "test".to_owned()).await.unwrap();
    let mut out = Out::new(Closed);
    let result = show::show(session, "tidy", &mut out).await;
    assert_eq!(result, Ok(Exit::Done));
    assert!(!played.await.unwrap().seen);
}

/// P3, ruling 16: 16 digits are enough, fewer or others are not, and a refusal changes nothing.
#[tokio::test]
async fn decide_wants_the_digest_that_is_open() {
    let fake = Fake::at_prompt();
    let digest = fake.open().digest;
    let line = format!(
        "decide tidy-1.1 approve --digest {}",
        &digest.as_str()[..16]
    );
    let (result, printed, fake) = command(fake, &line).await;
    assert_eq!(result, Ok(Exit::Done));
    assert_eq!(printed, "tidy-1.1 approved\n");
    assert!(matches!(fake.run.phase(), checkride::run::Phase::Doing(_)));

    let short = format!(
        "decide tidy-1.1 approve --digest {}",
        &digest.as_str()[..15]
    );
    let (result, _, fake) = command(Fake::at_prompt(), &short).await;
    assert_eq!(failed(result).0, Exit::Usage);
    assert_eq!(fake.asked.len(), 1);

    let stale = "decide tidy-1.1 approve --digest 0123456789abcdef";
    let (result, _, fake) = command(Fake::at_prompt(), stale).await;
    assert_eq!(failed(result).0, Exit::Refused);
    assert_eq!(fake.asked.len(), 1);

    let (result, _, _) = command(
        Fake::at_prompt(),
        "decide nobody-1.1 approve --digest 0123456789abcdef",
    )
    .await;
    assert_eq!(failed(result).0, Exit::Unknown);
}

/// S8: whoever is second learns who was first, and exits 20.
#[tokio::test]
async fn the_second_decision_loses() {
    let mut fake = Fake::at_prompt();
    fake.rival = Some("cockpit 2");
    let line = format!("decide tidy approve --digest {}", fake.open().digest);
    let (result, _, _) = command(fake, &line).await;
    let (exit, line) = failed(result);
    assert_eq!(exit, Exit::Refused);
    assert_eq!(
        line,
        "tidy-1.1 was aborted by cockpit 2 at 10:13:30; nothing more was changed"
    );
}

/// An edit carries the file's text; what belongs to another answer or kind is a usage error.
#[tokio::test]
async fn decide_edit_takes_what_the_kind_offers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompt");
    fs::write(&file, "Do it well.\n").unwrap();
    let digest = Fake::at_prompt().open().digest;
    let line = format!(
        "decide tidy edit --digest {digest} --file {}",
        file.display()
    );
    let (result, printed, fake) = command(Fake::at_prompt(), &line).await;
    assert_eq!(result, Ok(Exit::Done));
    assert_eq!(printed, "tidy-1.1 edited: the prompt\n");
    let edited = fake.asked.iter().any(|c| {
        let text = "Do it well.\n".to_owned();
        matches!(c, Command::Decide { decision, .. } if *decision == Decision::Edit(Edit::Prompt { text }))
    });
    assert!(edited);
    let wrong = [
        format!("decide tidy edit --digest {digest}"),
        format!("decide tidy edit --digest {digest} --tokens 5"),
        format!("decide tidy approve --digest {digest} --note x"),
        format!("decide tidy retry --digest {digest} --tokens 5"),
        format!("decide tidy edit --digest {digest} --file /nowhere"),
    ];
    for line in wrong {
        let (result, _, fake) = command(Fake::at_prompt(), &line).await;
        assert_eq!(failed(result).0, Exit::Usage, "{line}");
        assert!(
            !fake
                .asked
                .iter()
                .any(|c| matches!(c, Command::Decide { .. })),
            "{line}"
        );
    }
}

/// `status`: aligned columns for people, the object of ruling 24 for programs.
#[tokio::test]
async fn status_has_two_forms() {
    let (_, printed, _) = command(Fake::at_prompt(), "status").await;
    insta::assert_snapshot!("status", printed);
    let (_, printed, _) = command(Fake::at_prompt(), "status --json").await;
    insta::assert_snapshot!("status-json", printed);
}

/// R67: the log lists each decision with what, digest, when, and how long it took.
#[tokio::test]
async fn log_lists_decisions() {
    let mut fake = Fake::at_prompt();
    let (checkpoint, digest) = (fake.open().id, fake.open().digest);
    fake.decide(checkpoint, digest, Decision::Abort);
    fake.step(Input::Drafted {
        paths: Vec::new(),
        offer: None,
    });
    let (result, printed, fake) = command(fake, "log tidy").await;
    assert_eq!(result, Ok(Exit::Done));
    insta::assert_snapshot!("log", printed);
    let (_, printed, _) = command(fake, "log tidy --json").await;
    let decided = printed.lines().find(|l| l.contains("wait_ms")).unwrap();
    let decided: Value = serde_json::from_str(decided).unwrap();
    assert_eq!(decided["wait_ms"], 1500);
    assert_eq!(decided["event"]["event"], "decided");
}

/// R65: `stop` ends the run of one loop or all of them, and says so when it is over.
#[tokio::test]
async fn stop_waits_for_the_end() {
    for line in ["stop tidy", "stop --all"] {
        let (result, printed, fake) = command(Fake::at_prompt(), line).await;
        assert_eq!(result, Ok(Exit::Done), "{line}");
        assert!(printed.starts_with("stopped"), "{printed}");
        let ended = checkride::run::Phase::Ended(Outcome::Stopped);
        assert_eq!(*fake.run.phase(), ended);
    }
    let (result, _, _) = command(Fake::asleep(), "stop tidy").await;
    assert_eq!(failed(result).0, Exit::Refused);
}

/// A supervisor that is gone in the middle is one line and exit 1.
#[tokio::test]
async fn a_lost_supervisor_is_told() {
    let (near, far) = Link::pair();
    drop(far);
    let e = Session::open(near, "test".to_owned()).await.unwrap_err();
    assert_eq!(e.exit, Exit::Trouble);
}

const LOOP: &str = r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "script", file = "count/worker.toml" }
publish = { to = "git-branch", branch = "counted" }

[goal]
statement = "count.txt holds one line"
[[goal.verify.checks]]
name = "one line"
command = ["scripts/one"]
"#;

const WORKER: &str = r#"
[[turn]]
acts = [{ write = { path = "count.txt", text = "1\n" } }]
"#;

fn counting() -> World {
    let world = World::new();
    world.skill("count");
    world.write("loops/count.toml", LOOP);
    world.write("loops/count/worker.toml", WORKER);
    world.script("scripts/one", "#!/bin/sh\n[ $(wc -l < count.txt) -eq 1 ]\n");
    world.commit("a loop");
    world
}

/// The exit code and what was printed; a failure must be one line.
fn told(world: &World, line: &str) -> (i32, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = checkride(world, &words).output().unwrap();
    let error = said(&output);
    assert!(error.lines().count() <= 1, "{line}: {error}");
    let printed = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), printed + &error)
}

/// What `status --json` says of the one open question.
fn open_question(world: &World) -> Option<(String, String)> {
    let (code, printed) = told(world, "status --json");
    assert_eq!(code, 0, "{printed}");
    let status: Value = serde_json::from_str(&printed).unwrap();
    let open = &status["loops"][0]["checkpoint"];
    let text = |key: &str| open[key].as_str().map(str::to_owned);
    Some((text("kind")?, text("digest")?))
}

/// R1, R48, R57, R67, P3: a loop from start to branch by commands alone; nothing is approved unseen, and
/// a host that dies at a checkpoint comes back to the same question with the same digest (R44).
#[test]
fn a_loop_flies_by_commands_alone() {
    let world = counting();
    let host = Hosting::of(&world);
    let (code, printed) = told(&world, "run count");
    assert_eq!(code, 10, "{printed}");
    let (kind, digest) = open_question(&world).unwrap();
    assert_eq!(kind, "prompt");
    let approve = |digest: &str| format!("decide count approve --digest {digest}");
    let (code, printed) = told(&world, &approve(&digest));
    assert_eq!(code, 20, "{printed}");
    assert!(printed.contains("nobody has seen it"), "{printed}");

    host.signal("-KILL");
    drop(host);
    let _host = Hosting::of(&world);
    assert_eq!(open_question(&world), Some((kind, digest)));
    let mut approved = Vec::new();
    for wanted in ["prompt", "work", "verdict", "publish"] {
        let (code, printed) = told(&world, "run count");
        assert_eq!(code, 10, "{printed}");
        let (kind, digest) = open_question(&world).unwrap();
        assert_eq!(kind, wanted);
        let (code, shown) = told(&world, "show count");
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(&digest), "{shown}");
        let (code, printed) = told(&world, &approve(&digest));
        assert_eq!(code, 0, "{printed}");
        approved.push(digest);
    }
    let done = "goal met and published";
    until("it is published", || {
        told(&world, "status").1.contains(done)
    });
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1");
    let (code, log) = told(&world, "log count");
    assert_eq!(code, 0);
    assert_eq!(log.matches("decided: count-1.").count(), 4, "{log}");
    assert!(log.contains(done), "{log}");

    // Every decision with what was seen, and how long it took.
    let (code, log) = told(&world, "log count --json");
    assert_eq!(code, 0);
    let decided: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["event"]["event"] == "decided")
        .collect();
    let seen = |entry: &Value| entry["event"]["is"]["digest"].as_str().map(str::to_owned);
    let digests: Vec<String> = decided.iter().filter_map(seen).collect();
    assert!(
        digests
            .iter()
            .zip(&approved)
            .all(|(whole, shown)| whole.starts_with(shown))
    );
    assert_eq!(digests.len(), 4, "{log}");
    assert!(
        decided.iter().all(|entry| entry["wait_ms"].is_i64()),
        "{log}"
    );
}

/// `init` lists and copies starters, makes scripts executable, and writes over nothing (ruling 24).
/// What is installed is as private as its operator's mask asks for.
#[test]
fn init_honours_the_mask() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let program = checkride(&world, &[]);
    let masked = std::process::Command::new("sh")
        .args(["-c", "umask 077; exec \"$0\" init research-and-draft"])
        .arg(program.get_program())
        .current_dir(world.project())
        .env("CHECKRIDE_STATE_DIR", states(&world))
        .env("CHECKRIDE_CONFIG_DIR", states(&world))
        .output()
        .unwrap();
    assert!(masked.status.success(), "{}", said(&masked));
    let told = String::from_utf8(masked.stdout).unwrap();
    let mut modes: Vec<u32> = told
        .lines()
        .filter_map(|line| line.strip_prefix("wrote "))
        .map(|path| fs::metadata(world.project().join(path)).unwrap())
        .map(|meta| meta.permissions().mode() & 0o777)
        .collect();
    modes.sort_unstable();
    modes.dedup();
    assert_eq!(modes, [0o600, 0o700]);
}

/// What it copied is one loop of one skill in training, and passes `check` (R60, P6).
#[test]
fn init_copies_and_never_writes_over() {
    let world = World::new();
    let (code, listing) = told(&world, "init");
    assert_eq!(code, 0);
    assert!(listing.starts_with("research-and-draft  "), "{listing}");
    world.write("scripts/words", "mine\n");
    let (code, line) = told(&world, "init research-and-draft");
    assert_eq!(code, 20, "{line}");
    assert!(line.contains("scripts/words is there already"), "{line}");
    assert!(!world.project().join("loops").exists());
    fs::remove_file(world.project().join("scripts/words")).unwrap();
    let (code, line) = told(&world, "init research-and-draft");
    assert_eq!(code, 0, "{line}");
    let (code, checked) = told(&world, "check");
    assert_eq!(code, 0, "{checked}");
    let file = world.read("loops/research-and-draft.toml");
    let file: toml::Table = file.parse().unwrap();
    assert_eq!(
        file["skill"]["path"].as_str(),
        Some("skills/research-and-draft")
    );
    let mode = file.get("guardrails").and_then(|g| g.get("mode"));
    assert_eq!(
        mode.map_or(Some("training"), toml::Value::as_str),
        Some("training")
    );
    assert_eq!(told(&world, "init nothing").0, 21);
}

/// S19: `init` makes nothing behind a link of the project, and says which one.
#[test]
fn init_follows_no_link() {
    for at in ["skills", "scripts", "loops"] {
        let world = World::new();
        let outside = tempfile::TempDir::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), world.project().join(at)).unwrap();
        let before = world.fingerprint();
        let (code, line) = told(&world, "init research-and-draft");
        assert_eq!(code, 20, "{line}");
        assert!(line.contains(&format!("{at} is a link")), "{line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(world.fingerprint(), before);
    }
}

/// `check` exits 2 and names the line; a file that is not there is no good file.
#[test]
fn check_says_what_is_wrong() {
    let world = counting();
    assert_eq!(told(&world, "check").0, 0);
    assert_eq!(told(&world, "check loops/none.toml").0, 2);
    world.write("loops/count.toml", &LOOP.replace("statement", "statment"));
    let (code, printed) = told(&world, "check");
    assert_eq!(code, 2);
    assert!(printed.contains("loops/count.toml:9"), "{printed}");
}

/// Folders that are no project, words that are no command, and no terminal: one line each.
#[test]
fn odd_command_lines_get_one_line() {
    let world = World::new();
    world.write("file", "");
    let lines = [
        ("statsu", "no command has that name either"),
        ("no/such/folder", "cannot be entered"),
        ("file", "is not a folder"),
        ("-C file status", "is not a folder"),
        (".", "needs a terminal"),
        ("--ascii status", "belong to the cockpit"),
    ];
    for (line, wanted) in lines {
        let (code, printed) = told(&world, line);
        assert_eq!(code, 2, "{line}: {printed}");
        assert!(printed.contains(wanted), "{line}: {printed}");
    }
}

/// R40, R43: `status` tells armed loops from manual ones, with the next wake, for people and programs; how
/// the last run ended stands beside it.
#[tokio::test]
async fn status_tells_armed_loops() {
    let (near, far) = Link::pair();
    let mut fake = Fake::at_prompt();
    fake.stop();
    let played = tokio::spawn(play(fake, far));
    let session = Session::open(near, "test".to_owned()).await.unwrap();
    let mut known = session.known.clone();
    drop(session);
    played.await.unwrap();
    let mut told = |waking: Waking| {
        let LoopState::Valid(facts) = &mut known.loops[0].state else {
            panic!("invalid");
        };
        facts.waking = waking;
        let status = status::status(&known, BEGIN + 3_600_000);
        (status.loops[0].clone(), status::render(&status))
    };
    let (row, text) = told(Waking::Armed { next: Some(BEGIN) });
    assert_eq!((row.state, row.next_wake_ms), ("armed", Some(BEGIN)));
    assert!(text.contains("armed") && text.contains("next "), "{text}");
    assert!(text.contains("last: stopped 59 min ago"), "{text}");
    let why = "quiet hours".to_owned();
    let (row, text) = told(Waking::Asleep { until: BEGIN, why });
    assert_eq!((row.state, row.next_wake_ms), ("asleep", Some(BEGIN)));
    assert!(text.contains("quiet hours"), "{text}");
    let why = "tidy-2 is under way".to_owned();
    let (row, text) = told(Waking::Queued { why, firings: 2 });
    assert_eq!(row.state, "queued");
    assert!(
        text.contains("2 firings in line: tidy-2 is under way"),
        "{text}"
    );
    let why = "switched off".to_owned();
    let (_, text) = told(Waking::Off { why });
    assert!(
        text.contains("switched off, `checkride arm tidy` arms it"),
        "{text}"
    );
    let (row, text) = told(Waking::Expired { at: BEGIN });
    assert_eq!((row.state, row.next_wake_ms), ("expired", None));
    assert!(text.contains("its time is over"), "{text}");
    assert_eq!(told(Waking::Manual).0.state, "idle");
}

/// `check` examines the user's own files too, with the line.
#[test]
fn check_reads_the_users_settings() {
    let world = World::new();
    let folder = states(&world);
    fs::create_dir_all(&folder).unwrap();
    let check = || {
        let ran = checkride(&world, &["check"]).output().unwrap();
        let told = String::from_utf8(ran.stdout).unwrap();
        (ran.status.code(), told)
    };
    fs::write(
        folder.join("config.toml"),
        "[notify]\ncommand = [\"true\"]\n",
    )
    .unwrap();
    assert_eq!(check().0, Some(0));
    fs::write(folder.join("config.toml"), "[notify]\nwebhok = \"x\"\n").unwrap();
    let (code, told) = check();
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("config.toml:2:1") && told.contains("webhook"),
        "{told}"
    );
    fs::write(folder.join("config.toml"), "").unwrap();
    fs::write(folder.join("prices.toml"), "[[model]]\n").unwrap();
    let (code, told) = check();
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("prices.toml:1"), "{told}");
}

/// R56, S25: what happened since one left, what waits and what it cost; a clock that was set back
/// makes nothing negative.
#[tokio::test]
async fn since_tells_what_happened() {
    let known = |fake: Fake| async {
        let (near, far) = Link::pair();
        let played = tokio::spawn(play(fake, far));
        let session = Session::open(near, "test".to_owned()).await.unwrap();
        let known = session.known.clone();
        drop(session);
        played.await.unwrap();
        known
    };
    let zone = jiff::tz::TimeZone::UTC;
    let page = |told: &Away, now| since::page(told, now, &zone);
    let asks = known(Fake::at_prompt()).await;
    let told = Away::of(&asks.loops, Vec::new(), &asks.runs, BEGIN);
    assert_eq!(
        page(&told, BEGIN + 3_600_000),
        "since Tue 10:13, 60 min ago: 0 runs ended, 1 waits, nothing spent\n  \
         tidy-1 goes on, 59 min ago\n  tidy-1.1 waits: prompt, asked 59 min ago\n\n"
    );
    let back = page(&told, BEGIN - 3_600_000);
    assert!(
        back.contains(", 0 s ago: ") && back.contains("asked 0 s ago"),
        "{back}"
    );
    let mut fake = Fake::at_prompt();
    fake.stop();
    let ended = known(fake).await;
    let told = Away::of(&ended.loops, Vec::new(), &ended.runs, BEGIN);
    assert!(
        page(&told, BEGIN).contains("1 run ended, nothing waits"),
        "{told:?}"
    );
    assert!(
        page(&told, BEGIN).contains("tidy-1 ended: stopped"),
        "{told:?}"
    );
    assert!(Away::of(&ended.loops, Vec::new(), &ended.runs, BEGIN + 3_600_000).is_nothing());
}
