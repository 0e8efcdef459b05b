//! A worker over HTTP: what its tools do and refuse, when it asks for leave, how a turn ends, and
//! the same loop end to end in both interfaces.

pub(crate) mod flight;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use checkride::run::spec::{Api, ToolRules, WorkspaceRules};
use checkride::run::{Purse, Usage};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::guard::Guard;
use checkride::supervisor::process::{Halt, Limits};
use checkride::supervisor::provider::{Left, Patience, Reach, Till};
use checkride::supervisor::worker::command::Task;
use checkride::supervisor::worker::http::{self, Means};
use checkride::supervisor::worker::leave::{Leave, Permit, Question};
use checkride::supervisor::worker::{Ended, Kind, Progress, Turn};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::process::Bench;
use crate::provider::server::{
    Act, Answer, Script, Seen, Server, calls, error, head, says, stream, whole,
};

const BOTH: [Api; 2] = [Api::Openai, Api::Anthropic];

const KEY: &str = "sk-planted-0123456789";

#[derive(Default)]
struct Told {
    entries: Vec<(Kind, String)>,
    usage: Usage,
}

impl Progress for Told {
    fn entry(&mut self, kind: Kind, text: &str) {
        self.entries.push((kind, text.to_owned()));
    }
    fn usage(&mut self, so_far: Usage) {
        self.usage = so_far;
    }
    fn pause(&mut self) {}
}

impl Told {
    fn of(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self.entries.iter().filter(|(k, _)| *k == kind);
        of_kind.map(|(_, text)| text.as_str()).collect()
    }
}

/// One turn of a model that follows a script, and the loop that it works in.
struct Flight {
    api: Api,
    scripts: Vec<Script>,
    rules: ToolRules,
    workspace: WorkspaceRules,
    left_tokens: u64,
    time: Duration,
    /// What the operator answers to every question.
    operator: Permit,
    /// How long that takes.
    thinks: Duration,
    bench: Bench,
}

struct Flown {
    turn: Turn,
    told: Told,
    asked: Vec<String>,
    seen: Vec<Seen>,
    bench: Bench,
}

impl Flight {
    fn new(api: Api, scripts: Vec<Script>) -> Self {
        Self {
            api,
            scripts,
            rules: ToolRules::default(),
            workspace: WorkspaceRules::default(),
            left_tokens: 100_000,
            time: Duration::from_secs(120),
            operator: Permit::Refused("not today".to_owned()),
            thinks: Duration::ZERO,
            bench: Bench::new(),
        }
    }

    async fn fly(mut self) -> Flown {
        let (_sender, halt) = watch::channel(Halt::No);
        self.fly_until(halt).await
    }

    async fn fly_until(&mut self, halt: watch::Receiver<Halt>) -> Flown {
        let bench = std::mem::replace(&mut self.bench, Bench::new());
        let mut home = bench.home.clone();
        home.env.push(("TEST_KEY".to_owned(), KEY.into()));
        let server = Server::start(self.scripts.clone()).await;
        let provider = server.provider(self.api);
        let clock = Clock::System;
        let (leave, questions) = Leave::new(&self.rules);
        let folder = bench.path().join("work");
        fs::create_dir_all(&folder).unwrap();
        let means = Means {
            reach: Reach {
                provider: &provider,
                key: Some(KEY.into()),
                patience: Patience::default(),
                clock: &clock,
                till: Till::of(Left::of_tokens(self.left_tokens)),
            },
            retries: 1,
            leave,
            guard: Guard::new(&self.workspace, &["scripts/check".to_owned()], b"").unwrap(),
            home: &home,
        };
        let limits = Limits {
            timeout: self.time,
            halt,
        };
        let task = Task {
            prompt: "Write the report.",
            workspace: &folder,
            limits,
        };
        let mut told = Told::default();
        let answering = tokio::spawn(answer(questions, self.operator.clone(), self.thinks));
        let turn = http::run(means, task, &mut told).await;
        let asked = answering.await.unwrap();
        Flown {
            turn,
            told,
            asked,
            seen: server.seen(),
            bench,
        }
    }

    /// Puts a file into the workspace.
    fn with(self, path: &str, text: &str) -> Self {
        crate::place::put(&self.bench.path().join("work").join(path), text.as_bytes());
        self
    }
}

async fn answer(
    mut questions: mpsc::Receiver<Question>,
    permit: Permit,
    thinks: Duration,
) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(question) = questions.recv().await {
        asked.push(question.what.clone());
        tokio::time::sleep(thinks).await;
        question.answer(permit.clone());
    }
    asked
}

impl Flown {
    /// What the model was told of its calls, in order; each turn of the script made one call.
    fn results(&self) -> Vec<String> {
        let last = self.seen.last().unwrap().body["messages"].clone();
        let mut all = Vec::new();
        for message in last.as_array().unwrap() {
            if message["role"] == "tool" {
                all.push(message["content"].as_str().unwrap().to_owned());
            }
            for block in message["content"].as_array().into_iter().flatten() {
                if block["type"] == "tool_result" {
                    all.push(block["content"].as_str().unwrap().to_owned());
                }
            }
        }
        all
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.bench.path().join("work").join(path)).unwrap_or_default()
    }

    fn cause(&self) -> &str {
        match &self.turn.ended {
            Ended::Badly(failure) | Ended::Limited(_, failure) => &failure.cause,
            Ended::NoRoom(_, why) => why,
            Ended::Well | Ended::Halted => "",
        }
    }
}

/// All these calls in one answer, then a last word.
fn does(api: Api, all: &[(&str, Value)]) -> Vec<Script> {
    vec![calls(api, all), says(api, "I did it.")]
}

/// R66: the model reads, lists, searches, writes and edits; what it says and costs is told.
#[tokio::test]
async fn a_model_works_with_its_tools() {
    for api in BOTH {
        let all = [
            ("list", json!({})),
            (
                "read",
                json!({ "path": "./src//a.txt", "from": 2, "lines": 1 }),
            ),
            ("search", json!({ "text": "two" })),
            (
                "write",
                json!({ "path": "out/report.md", "text": "# Report\n" }),
            ),
            (
                "write",
                json!({ "path": "src/a.txt", "text": "zwei", "old": "two" }),
            ),
        ];
        let mut scripts = does(api, &all);
        scripts[1] = says(
            api,
            "Now it is done.\nNOTE: two became zwei\nAll is written.",
        );
        let flight = Flight::new(api, scripts).with("src/a.txt", "one\ntwo\nthree\n");
        let flown = flight.fly().await;
        assert_eq!(flown.turn.ended, Ended::Well, "{}", flown.cause());
        let results = flown.results();
        assert_eq!(results[0], "src/");
        assert!(results[1].starts_with("two\n"), "{}", results[1]);
        assert_eq!(results[2], "src/a.txt:2: two");
        assert_eq!(flown.read("out/report.md"), "# Report\n");
        assert_eq!(flown.read("src/a.txt"), "one\nzwei\nthree\n");
        assert_eq!(flown.asked, Vec::<String>::new());

        assert_eq!(flown.turn.claim.as_deref(), Some("All is written."));
        assert_eq!(flown.turn.note.as_deref(), Some("two became zwei"));
        let said = [
            "Now it is done.",
            "NOTE: two became zwei",
            "All is written.",
        ];
        assert_eq!(flown.told.of(Kind::Said), said);
        assert_eq!(flown.told.of(Kind::File), ["out/report.md", "src/a.txt"]);
        assert_eq!(flown.told.of(Kind::Usage), ["120 tokens, 20 out"; 2]);
        assert_eq!(
            (flown.turn.usage.tokens, flown.told.usage.tokens),
            (240, 240)
        );
    }
}

/// Nothing outside the workspace is read or written: by `..`, absolute, or over a link; git's own
/// and protected files are not written; a call that is wrong is told, and the turn goes on.
#[tokio::test]
async fn the_workspace_is_not_left() {
    let api = Api::Openai;
    let all = [
        ("read", json!({ "path": "../secret" })),
        ("read", json!({ "path": "/etc/passwd" })),
        ("read", json!({ "path": "link/secret" })),
        ("write", json!({ "path": "link/new", "text": "x" })),
        ("write", json!({ "path": "file-link", "text": "x" })),
        ("list", json!({ "path": "link" })),
        ("write", json!({ "path": ".git/config", "text": "x" })),
        ("write", json!({ "path": "loops/a.toml", "text": "x" })),
        ("write", json!({ "path": "scripts/check", "text": "x" })),
        ("read", json!({ "path": "nothing" })),
        ("read", json!({ "lines": 3 })),
        ("fly", json!({})),
        ("search", json!({ "text": "SECRET" })),
    ];
    let mut flight = Flight::new(api, does(api, &all)).with("a", "a\n");
    let top = flight.bench.path().to_owned();
    fs::write(top.join("secret"), "SECRET").unwrap();
    symlink(&top, top.join("work/link")).unwrap();
    symlink(top.join("secret"), top.join("work/file-link")).unwrap();
    let (_sender, halt) = watch::channel(Halt::No);
    let flown = flight.fly_until(halt).await;
    let results = flown.results();
    for (result, words) in results.iter().zip([
        "leads out",
        "leads out",
        "the link",
        "the link",
        "the link",
        "the link",
        "git's own",
        "rule protected forbids",
        "protected check script",
        "there is no file",
        "missing field",
        "no tool «fly»",
        "it stands nowhere",
    ]) {
        assert!(result.contains(words), "no «{words}» in {result}");
    }
    assert_eq!(results.len(), all.len());
    assert_eq!(
        fs::read_to_string(flown.bench.path().join("secret")).unwrap(),
        "SECRET"
    );
    assert!(!flown.bench.path().join("new").exists());
    assert_eq!(flown.turn.ended, Ended::Well);
}

/// Arguments that are no JSON are told to the model, in both interfaces, and sent back as none.
#[tokio::test]
async fn broken_arguments_are_told() {
    for api in BOTH {
        let answer = Answer {
            calls: vec![("read", "{\"path\": ".to_owned())],
            ..Answer::default()
        };
        let scripts = vec![stream(&whole(api, &answer)), says(api, "sorry")];
        let flown = Flight::new(api, scripts).fly().await;
        let [told] = &flown.results()[..] else {
            panic!()
        };
        assert!(
            told.contains("the arguments are not what this tool wants"),
            "{told}"
        );
        assert_eq!(flown.turn.ended, Ended::Well);
    }
}

/// R45: a command is asked for unless a rule answers; a refusal and its note reach the model, and
/// the operator's time is not the worker's.
#[tokio::test]
async fn commands_need_leave() {
    for api in BOTH {
        let all = [
            (
                "run",
                json!({ "command": ["sh", "-c", "echo free > free; echo out; echo $TEST_KEY; exit 3"] }),
            ),
            ("run", json!({ "command": ["echo", "allowed", "a b"] })),
            ("run", json!({ "command": ["rm", "-r", "keep"] })),
        ];
        let rules = |allow: &[&str], deny: &[&str]| ToolRules {
            allow: allow.iter().map(|&r| r.to_owned()).collect(),
            deny: deny.iter().map(|&r| r.to_owned()).collect(),
        };
        let mut flight = Flight::new(api, does(api, &all)).with("keep", "x");
        flight.rules = rules(&["Bash(echo *)"], &["Bash(rm *)"]);
        flight.operator = Permit::Allowed;
        flight.thinks = Duration::from_millis(400);
        let flown = flight.fly().await;
        let [asked] = &flown.asked[..] else {
            panic!("{:?}", flown.asked)
        };
        assert!(asked.starts_with("run sh -c 'echo free > free;"), "{asked}");
        let results = flown.results();
        assert_eq!(results[0], "exit 3\nout");
        assert_eq!(results[1], "exit 0\nallowed a b");
        assert!(results[2].starts_with("refused: the loop's rule Bash(rm *) forbids it"));
        assert_eq!(
            (flown.read("free").as_str(), flown.read("keep").as_str()),
            ("free\n", "x")
        );
        assert_eq!(flown.turn.ended, Ended::Well);

        let flight = Flight::new(api, does(api, &all[..1]));
        let flown = flight.fly().await;
        assert_eq!(flown.results(), ["refused: not today"]);
        assert!(flown.told.of(Kind::Result).contains(&"refused: not today"));
    }
}

/// A question that takes longer than the worker's time does not end its turn, and is not counted.
#[tokio::test]
async fn the_operators_time_is_not_the_workers() {
    let api = Api::Openai;
    let mut flight = Flight::new(api, does(api, &[("run", json!({ "command": ["true"] }))]));
    flight.time = Duration::from_secs(3);
    flight.thinks = Duration::from_secs(4);
    flight.operator = Permit::Allowed;
    let flown = flight.fly().await;
    assert_eq!(flown.turn.ended, Ended::Well, "{}", flown.cause());
    assert!(flown.turn.took_ms < 3_000, "{}", flown.turn.took_ms);
}

/// What a rule keeps from being read is not found by a search either.
#[tokio::test]
async fn denied_files_are_not_searched() {
    let api = Api::Anthropic;
    let all = [
        ("search", json!({ "text": "hidden" })),
        ("read", json!({ "path": "./notes/a.txt" })),
    ];
    let mut flight = Flight::new(api, does(api, &all))
        .with("notes/a.txt", "hidden\n")
        .with("b", "hidden\n");
    flight.rules.deny = vec!["Read(notes/*)".to_owned()];
    let flown = flight.fly().await;
    let results = flown.results();
    assert_eq!(results[0], "b:1: hidden");
    assert!(
        results[1].contains("Read(notes/*) forbids it"),
        "{}",
        results[1]
    );
}

/// A halt ends a call at once, whatever the server does, and what was used by then is told.
#[tokio::test]
async fn a_halt_ends_a_call_at_once() {
    for script in [
        vec![Act::Hang],
        vec![head(), Act::Hang],
        error("500 Oh", "retry-after: 9\r\n", "", ""),
    ] {
        let mut flight = Flight::new(Api::Openai, vec![script]);
        let (sender, halt) = watch::channel(Halt::No);
        let flying = flight.fly_until(halt);
        let halting = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let at = Instant::now();
            sender.send(Halt::Now).unwrap();
            at
        };
        let (flown, at) = tokio::join!(flying, halting);
        assert!(at.elapsed() < Duration::from_secs(5), "{:?}", at.elapsed());
        assert_eq!(flown.turn.ended, Ended::Halted);
    }
}

/// Time and tokens are walls: a turn that does not fit ends with one line that says so.
#[tokio::test]
async fn time_and_tokens_end_a_turn() {
    for api in BOTH {
        let mut flight = Flight::new(api, vec![vec![head(), Act::Hang]]);
        flight.time = Duration::from_secs(2);
        let flown = flight.fly().await;
        assert!(
            flown
                .cause()
                .contains("was not done after 2 s: ask for less"),
            "{}",
            flown.cause()
        );
        assert!(flown.turn.usage.estimated && flown.turn.usage.tokens > 0);

        let again = calls(api, &[("list", json!({}))]);
        let mut flight = Flight::new(api, vec![again]);
        flight.left_tokens = 2_500;
        let flown = flight.fly().await;
        assert!(
            flown.cause().starts_with("the run's budget has "),
            "{}",
            flown.cause()
        );
        let wall = matches!(flown.turn.ended, Ended::NoRoom(Purse::Tokens, _));
        assert!(wall, "{:?}", flown.turn.ended);
        assert!(flown.turn.usage.tokens <= 2_500 && flown.seen.len() > 1);
    }
}

/// A model that calls in circles ends; one that was cut goes on; one that says nothing is named;
/// a question instead of work is one.
#[tokio::test]
async fn odd_turns_end_in_order() {
    for api in BOTH {
        let mut flight = Flight::new(api, vec![calls(api, &[("list", json!({}))])]);
        flight.left_tokens = u64::MAX;
        let flown = flight.fly().await;
        assert_eq!((&flown.turn.ended, flown.seen.len()), (&Ended::Well, 100));
        assert!(flown.told.of(Kind::Error)[0].starts_with("stopped after 100 answers"));

        let half = Answer {
            text: "This is",
            finish: "length",
            ..Answer::default()
        };
        let scripts = vec![stream(&whole(api, &half)), says(api, "the end.")];
        let flown = Flight::new(api, scripts).fly().await;
        assert_eq!(flown.turn.claim.as_deref(), Some("the end."));
        assert!(
            flown.seen[1]
                .body
                .to_string()
                .contains("Go on where it ends.")
        );
        let flown = Flight::new(api, vec![stream(&whole(api, &half))])
            .fly()
            .await;
        assert!(
            flown.cause().contains("came to no end in 4 answers"),
            "{}",
            flown.cause()
        );
        assert_eq!(flown.seen.len(), 4);

        let flown = Flight::new(api, vec![says(api, "")]).fly().await;
        assert!(
            flown.cause().contains("said nothing and did nothing"),
            "{}",
            flown.cause()
        );

        let denied = Answer {
            text: "No.",
            finish: "content_filter",
            ..Answer::default()
        };
        let flown = Flight::new(api, vec![stream(&whole(api, &denied))])
            .fly()
            .await;
        assert!(
            flown.cause().contains("refused to answer"),
            "{}",
            flown.cause()
        );

        let flown = Flight::new(api, vec![says(api, "Hm.\nQUESTION: which file?")])
            .fly()
            .await;
        assert_eq!(flown.turn.question.as_deref(), Some("which file?"));
    }
}

/// S22: the key is nowhere in what is told or written, though the model knows it.
#[tokio::test]
async fn a_key_in_the_answer_is_not_kept() {
    for api in BOTH {
        let text = format!("my key is {KEY}\n{KEY}");
        let first = Answer {
            text: &text,
            calls: vec![("write", json!({ "path": "k.txt", "text": KEY }).to_string())],
            ..Answer::default()
        };
        let scripts = vec![
            stream(&whole(api, &first)),
            says(api, &format!("NOTE: {KEY}\n{KEY}")),
        ];
        let flown = Flight::new(api, scripts).fly().await;
        let all = format!("{:?} {:?}", flown.turn, flown.told.entries);
        assert!(!all.contains(KEY) && all.contains("⟪TEST_KEY⟫"), "{all}");
        assert_eq!(flown.read("k.txt"), "⟪TEST_KEY⟫");
        assert!(!flown.seen[1].body.to_string().contains(KEY));
        assert!(Path::new(&flown.bench.path().join("work/k.txt")).exists());
    }
}
