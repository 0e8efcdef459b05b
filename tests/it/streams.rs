//! Stream readers: every recorded run of a real agent against what is known of it, and hostile
//! bytes. What was recorded and how: `tests/streams/README.md`.

mod facts;
mod hostile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use checkride::run::spec::Format;
use checkride::supervisor::process::{Exit, Tail};
use checkride::supervisor::worker::Kind;
use checkride::supervisor::worker::stream::{
    self, End, Lines, Outcome, Reader, Report, Sessions, Spent,
};
use serde::Deserialize;

/// One recorded run.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    stderr: String,
    exit: Exit,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams")
}

fn format(agent: &str) -> Format {
    match agent {
        "claude" | "qwen" => Format::ClaudeStreamJson,
        "codex" => Format::CodexJsonl,
        "opencode" => Format::OpencodeJson,
        "gemini" => Format::GeminiStreamJson,
        "pi" => Format::PiJson,
        other => panic!("{other} has no format"),
    }
}

fn recording(name: &str) -> Recording {
    #[derive(Deserialize)]
    struct Meta {
        exit_code: i32,
    }
    let (agent, _) = name.split_once('/').unwrap();
    let meta = fs::read_to_string(folder().join(format!("{name}.meta.json"))).unwrap();
    let Meta { exit_code } = serde_json::from_str(&meta).unwrap();
    Recording {
        name: name.to_owned(),
        format: format(agent),
        bytes: fs::read(folder().join(format!("{name}.jsonl"))).unwrap(),
        stderr: {
            let mut tail = Tail::new(4096);
            tail.push(&fs::read(folder().join(format!("{name}.stderr"))).unwrap_or_default());
            tail.text()
        },
        exit: match exit_code {
            signal @ ..0 => Exit::Signal(-signal),
            code => Exit::Code(code),
        },
    }
}

pub(crate) fn recordings() -> Vec<Recording> {
    let mut names = Vec::new();
    for agent in fs::read_dir(folder()).unwrap() {
        let agent = agent.unwrap();
        // Sessions of a protocol are no streams of a format.
        let session = agent.file_name().to_str().unwrap().starts_with("acp-");
        if agent.file_type().unwrap().is_dir() && !session {
            for file in fs::read_dir(agent.path()).unwrap() {
                let file = file.unwrap().file_name().into_string().unwrap();
                if let Some(case) = file.strip_suffix(".jsonl") {
                    names.push(format!("{}/{case}", agent.file_name().to_str().unwrap()));
                }
            }
        }
    }
    names.sort();
    names.iter().map(|name| recording(name)).collect()
}

/// What a reader made of a stream.
struct Read {
    entries: Vec<(Kind, String)>,
    report: Report,
    /// Why it should have been stopped, and after how many lines.
    enough: Option<(usize, String)>,
}

impl Read {
    fn of(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self.entries.iter().filter(|(k, _)| *k == kind);
        of_kind.map(|(_, text)| text.as_str()).collect()
    }
}

/// Reads bytes in pieces of this length, as if the process had ended like this.
fn read_in(
    mut reader: Box<dyn Reader>,
    bytes: &[u8],
    piece: usize,
    exit: Exit,
    stderr: &str,
) -> Read {
    let mut entries = Vec::new();
    let mut enough = None;
    let mut count = 0;
    let mut tell = |kind: Kind, text: &str| entries.push((kind, text.to_owned()));
    let mut lines = Lines::new(reader.longest_line());
    let mut line = |line: &str, left_out: u64| {
        reader.line(line, left_out, &mut tell);
        count += 1;
        if enough.is_none() {
            enough = reader.enough().map(|why| (count, why));
        }
    };
    for piece in bytes.chunks(piece) {
        lines.each(piece, &mut line);
    }
    lines.rest(&mut line);
    let report = reader.finish(&End { exit, stderr }, &mut tell);
    Read {
        entries,
        report,
        enough,
    }
}

fn read(recording: &Recording) -> Read {
    let reader = stream::reader(recording.format, &Sessions::new());
    read_in(
        reader,
        &recording.bytes,
        64 * 1024,
        recording.exit,
        &recording.stderr,
    )
}

/// Reads lines that were written for a test.
fn read_lines(format: Format, lines: &[&str], exit: Exit) -> Read {
    let reader = stream::reader(format, &Sessions::new());
    read_in(reader, lines.join("\n").as_bytes(), 4096, exit, "")
}

/// What is known of a recorded run: written by hand, from the recording and its README.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// `done`, `interrupted`, `failed: why`, or `needs you: question`.
    outcome: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    claim: String,
    #[serde(default)]
    session: bool,
    /// Tokens: input, output, cached, thinking; none where the agent says nothing.
    #[serde(default)]
    tokens: Option<[u64; 4]>,
    /// Whether the tokens are a lower bound only.
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    micro_usd: Option<u64>,
    #[serde(default)]
    tools: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    refused: usize,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    thoughts: usize,
}

fn seen(recording: &Recording) -> Expected {
    let read = read(recording);
    let report = &read.report;
    let spent = report.spent;
    let owned = |kind| read.of(kind).into_iter().map(str::to_owned).collect();
    Expected {
        outcome: match &report.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Interrupted => "interrupted".to_owned(),
            Outcome::Failed { why } => format!("failed: {why}"),
            Outcome::NeedsYou { question } => format!("needs you: {question}"),
        },
        text: report.text.clone(),
        claim: report.claims.claim.clone().unwrap_or_default(),
        session: report.session.is_some(),
        tokens: spent.map(|s| [s.input, s.output, s.cached, s.thinking]),
        partial: spent.is_some_and(|s| s.partial),
        micro_usd: spent.and_then(|s| s.micro_usd),
        tools: owned(Kind::Tool),
        files: report.files.clone(),
        refused: report.refused.len(),
        errors: owned(Kind::Error),
        thoughts: read.of(Kind::Thinking).len(),
    }
}

/// Every recorded run of every agent: outcome, final text, usage, tools, files and errors.
#[test]
fn every_recorded_run_is_understood() {
    let table = fs::read_to_string(folder().join("expected.toml")).unwrap();
    let mut table: BTreeMap<String, Expected> = toml::from_str(&table).unwrap();
    let mut wrong = Vec::new();
    for recording in recordings() {
        let seen = seen(&recording);
        match table.remove(&recording.name) {
            Some(expected) if expected == seen => {}
            Some(expected) => wrong.push(format!("{}:\n{expected:#?}\n{seen:#?}", recording.name)),
            None => wrong.push(format!(
                "{} is not in expected.toml: {seen:#?}",
                recording.name
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.is_empty(), "no such recording: {:?}", table.keys());
}

/// Tokens and nothing else.
fn tokens(input: u64, output: u64, cached: u64, thinking: u64) -> Spent {
    Spent {
        input,
        output,
        cached,
        thinking,
        ..Spent::default()
    }
}
