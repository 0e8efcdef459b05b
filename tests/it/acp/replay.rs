//! Recorded sessions of real agents, played again line by line: what the agent wrote is written,
//! and what was written to it then must be written to it now.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use checkride::run::Usage;
use checkride::supervisor::process::Halt;
use checkride::supervisor::worker::Turn;
use checkride::supervisor::worker::leave::Permit;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::sync::watch;

use super::{Asked, Told, Turns, cause, connection, locally};

const AGENTS: [&str; 6] = [
    "acp-claude",
    "acp-codex",
    "acp-codex-zed",
    "acp-gemini",
    "acp-opencode",
    "acp-qwen",
];

/// One recorded session.
struct Recording(Vec<Value>);

impl Recording {
    /// `None` where this agent has no such case. The folder stands for the recorded `/workspace`.
    fn read(agent: &str, case: &str, folder: &Path) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
        let text = fs::read_to_string(root.join(agent).join(format!("{case}.jsonl"))).ok()?;
        let text = text.replace("/workspace", folder.to_str().unwrap());
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        Some(Self(lines.collect()))
    }

    /// The prompt that was sent.
    fn prompt(&self) -> String {
        let sent = self
            .0
            .iter()
            .find_map(|line| line["msg"]["params"]["prompt"][0]["text"].as_str());
        sent.unwrap().to_owned()
    }
}

/// The agent's side of a recording.
struct Player<R, W> {
    heard: Lines<BufReader<R>>,
    input: W,
    /// What was heard before its time.
    early: Vec<Value>,
    /// Recorded numbers of our requests, and what they are now.
    ids: Vec<(Value, Value)>,
    halt: watch::Sender<Halt>,
    /// How many questions were asked, where a stop comes upon an open one.
    asks: Option<watch::Receiver<usize>>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Player<R, W> {
    async fn play(mut self, recording: Recording) {
        for line in recording.0 {
            match line["dir"].as_str().unwrap() {
                "in" => self.expect(&line["msg"]).await,
                "out" => match line.get("msg") {
                    Some(message) => self.say(message.clone()).await,
                    None => self.line(line["raw"].as_str().unwrap()).await,
                },
                "err" | "exit" => {}
                other => panic!("what is {other}?"),
            }
        }
        // The client hangs up when it has what it wanted.
        while self.heard.next_line().await.unwrap().is_some() {}
    }

    async fn say(&mut self, mut message: Value) {
        if message.get("method").is_none() {
            let Some(at) = self.ids.iter().position(|(then, _)| *then == message["id"]) else {
                // The answer to a request that we do not make.
                return;
            };
            message["id"] = self.ids[at].1.clone();
        }
        self.line(&message.to_string()).await;
    }

    async fn line(&mut self, line: &str) {
        let line = format!("{line}\n");
        // A client that has hung up hears no more.
        drop(self.input.write_all(line.as_bytes()).await);
    }

    /// Waits for what was written to the agent at this point.
    async fn expect(&mut self, wanted: &Value) {
        let method = wanted.get("method").and_then(Value::as_str);
        match method {
            Some("session/cancel") => {
                if let Some(asks) = &mut self.asks {
                    asks.wait_for(|asked| *asked > 0).await.unwrap();
                }
                self.halt.send_replace(Halt::Now);
                self.next("a cancel", |m| m["method"] == "session/cancel")
                    .await;
            }
            Some(method) => {
                let heard = self.next(method, |m| m["method"] == method).await;
                self.ids.push((wanted["id"].clone(), heard["id"].clone()));
                let names = ["cwd", "modeId", "prompt"];
                for name in names {
                    assert_eq!(
                        heard["params"].get(name),
                        wanted["params"].get(name),
                        "{method}"
                    );
                }
            }
            None => {
                let id = wanted["id"].clone();
                let heard = self.next("an answer", |m| m["id"] == id && m.get("method").is_none());
                let heard = heard.await;
                // We serve files, the recording client did not.
                if wanted.get("error").is_none() || heard.get("error").is_some() {
                    assert_eq!(heard.get("result"), wanted.get("result"));
                    assert_eq!(heard["error"]["code"], wanted["error"]["code"]);
                }
            }
        }
    }

    /// The next message that is wanted. A mode that the recording client did not set is granted.
    async fn next(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.early.iter().position(&wanted) {
            return self.early.remove(at);
        }
        loop {
            let line = self.heard.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("hung up before {what}"));
            let heard: Value = serde_json::from_str(&line).unwrap();
            if wanted(&heard) {
                return heard;
            }
            if heard["method"] == "session/set_mode" {
                let granted = json!({ "jsonrpc": "2.0", "id": heard["id"], "result": {} });
                self.line(&granted.to_string()).await;
            } else {
                self.early.push(heard);
            }
        }
    }
}

/// Plays one case, as it reads; `None` where it was not recorded.
async fn play(agent: &str, case: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let recording = Recording::read(agent, case, &folder)?;
    let prompt = recording.prompt();
    let ((output, input), (heard, theirs)) = connection();
    let (halt, halted) = watch::channel(Halt::No);
    let mut turns = Turns::new(&folder);
    turns.silent = case == "cancel_permission";
    let player = Player {
        asks: turns.silent.then(|| turns.asks.subscribe()),
        heard: BufReader::new(heard).lines(),
        input: theirs,
        early: Vec::new(),
        ids: Vec::new(),
        halt,
    };
    if case == "permission_reject" {
        turns.permit = Permit::Refused("not this one".to_owned());
    }
    turns.prompt = prompt;
    let both = locally(async {
        let playing = tokio::task::spawn_local(player.play(recording));
        let flown = turns.fly((output, input), halted).await;
        playing.await.unwrap();
        flown
    });
    let flown = tokio::time::timeout(Duration::from_secs(150), both).await;
    let flown = flown.unwrap_or_else(|_| panic!("{agent} {case} hangs"));
    let text = rendered(&flown);
    Some(text.replace(folder.to_str().unwrap(), "/workspace"))
}

/// A turn as it reads.
fn rendered((turn, told, asked): &(Turn, Told, Asked)) -> String {
    let mut text = String::new();
    for (kind, line) in &told.entries {
        let line: String = line.chars().take(160).collect();
        writeln!(text, "{kind:?}: {line}").unwrap();
    }
    for question in &asked.questions {
        writeln!(text, "--- asked\n{question}").unwrap();
    }
    writeln!(text, "--- {}", cause(turn)).unwrap();
    let Usage {
        tokens,
        output,
        thinking,
        cached,
        estimated,
        micro_usd,
        ..
    } = turn.usage;
    let about = if estimated { "≈" } else { "" };
    writeln!(
        text,
        "{about}{tokens} tokens, {output} out, {thinking} thought, {cached} cached, {micro_usd:?} µ$"
    )
    .unwrap();
    text
}

/// Plays a case of every agent that has it and holds each against its snapshot.
async fn all(case: &str) {
    for agent in AGENTS {
        if let Some(played) = play(agent, case).await {
            insta::assert_snapshot!(format!("{agent}-{case}"), played);
        }
    }
}

/// R53: what each real agent says comes out as said, its usage where it tells it.
#[tokio::test]
async fn recorded_text() {
    all("text").await;
}

/// R53, PRODUCT §3.7: each real agent's calls are asked about with their change, and go on.
#[tokio::test]
async fn recorded_calls_that_are_allowed() {
    all("permission_allow").await;
}

/// A call that is refused is no failure, whether the agent goes on or ends its turn.
#[tokio::test]
async fn recorded_calls_that_are_refused() {
    all("permission_reject").await;
}

/// S12: a stop cancels the session and is not a failure.
#[tokio::test]
async fn recorded_stops() {
    all("cancel_stream").await;
}

/// A stop takes back the open question: the agent hears `cancelled`.
#[tokio::test]
async fn recorded_stops_while_a_question_is_open() {
    all("cancel_permission").await;
}

/// A refused key is one line that says what to do.
#[tokio::test]
async fn recorded_logins_that_are_missing() {
    all("error_401").await;
}
