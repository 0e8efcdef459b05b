//! Every payload on the surfaces beside the cockpit's records: command line and plain mode, `check`, memory,
//! prompt, transcript, title, notifications, JSON.

use std::fs;

use checkride::cli::{self, Out};
use checkride::config::paths::Environment;
use checkride::config::{Here, Paths, loops};
use checkride::protocol::{Command, Fact, Fetch, MemoryText};
use checkride::run::inert::escaped;
use checkride::run::{Ask, Digest, TextRef};
use checkride::supervisor::worker::transcript::{KEPT_BYTES, Kind, Transcript};
use checkride::tui::app::Out as Wish;
use checkride::tui::notify::{self, Tongue};
use serde_json::Value;

use super::{drawn, hostile, payloads};
use crate::cli::flagged;
use crate::screens::{Cockpit, NOON, scenes};

/// Nothing that steers, hides or reorders; the end of a line is none of it.
fn inert(surface: &str, payload: &str, text: &str) {
    let dirty = text.chars().find(|c| hostile(*c));
    assert_eq!(dirty, None, "{surface}, {payload:?}: {text:?}");
}

/// S16: `show`, `log`, `status` and `run`, in words and as JSON, and plain mode: the same bytes go to a
/// terminal and into a pipe.
#[tokio::test]
async fn nothing_reaches_the_command_line() {
    for payload in drawn() {
        for (surface, text) in flagged::shown(&format!("A{payload}B")).await {
            // Into a pipe `show` writes its text byte for byte, and there a tab is one.
            let tabs = if surface.starts_with("show") {
                " "
            } else {
                "\t"
            };
            inert(surface, &payload, &text.replace('\t', tabs));
            if surface.ends_with("--json") {
                for line in text.lines() {
                    let read: Result<Value, _> = serde_json::from_str(line);
                    assert!(read.is_ok(), "{surface}, {payload:?}: {line}");
                }
            }
        }
    }
}

/// S16: what `check` quotes of loop files, with the payload in a value, a key, a comment and the branch.
#[test]
fn nothing_reaches_the_findings_of_check() {
    let project = tempfile::tempdir().unwrap();
    let folder = project.path().join("loops");
    fs::create_dir(&folder).unwrap();
    let all = payloads();
    for (n, payload) in all.iter().enumerate() {
        let file = format!(
            "version = 1\nname = \"p{n}\" # {payload}\n\"k{payload}\" = \"{payload}\"\n\
             publish = {{ to = \"git-branch\", branch = \"x{payload}\" }}\n"
        );
        fs::write(folder.join(format!("p{n}.toml")), file).unwrap();
    }
    let environment = Environment::default();
    let paths = Paths::new(project.path(), &environment).unwrap();
    assert_eq!(loops::read_all(paths.project()).len(), all.len());
    let mut bytes = Vec::new();
    let mut out = Out::new(&mut bytes);
    let found = cli::check::check(&paths, &[], &|_| Here::default(), &mut out);
    out.finish().unwrap();
    assert!(found.is_ok());
    let text = String::from_utf8(bytes).unwrap();
    inert("check", "all", &text);
    for n in 0..all.len() {
        assert!(text.contains(&format!("loops/p{n}.toml")), "p{n}: {text}");
    }
}

/// S16: a memory file, which anybody may have written, in its pane and on its page: what hides is shown.
#[test]
fn what_hides_in_memory_is_shown() {
    for payload in drawn() {
        let text = format!("# Notes\n\n## 2026-06-12\n\n- A{payload}B\n");
        let memory = Fact::Memory(MemoryText {
            name: scenes::LOOP.into(),
            path: "memory/research-and-draft.md".into(),
            digest: Digest::of(text.as_bytes()),
            text,
        });
        let mut records = scenes::work();
        records.push(scenes::record(NOON, memory));
        for keys in ["", "4z", "cm"] {
            let mut cockpit = Cockpit::new(&records, (200, 60));
            cockpit.keys(keys);
            cockpit.tell(&records[records.len() - 1..]);
            let screen = cockpit.text("terminal");
            inert("memory", &payload, &screen);
            // A mark stands between the two letters, or a line ends there.
            assert!(
                !screen.contains("- AB"),
                "{payload:?} after {keys}: {screen}"
            );
        }
    }
}

/// S16: the prompt is shown as it is sent; what hides in it is spelled out, and counted above it.
#[test]
fn what_hides_in_a_prompt_is_shown_and_counted() {
    for payload in drawn() {
        let text = format!("# Goal\n\nWrite A{payload}B.\n");
        let of = TextRef::to(&text);
        let ask = Ask::Prompt {
            text: of.clone(),
            pinned: Digest::of(b"pinned"),
        };
        let mut composed = scenes::prompt(false);
        composed.text = of.clone();
        let mut records = scenes::running();
        let run = scenes::run_id();
        let asked = scenes::checkpoint(7, ask);
        for event in [
            checkride::run::Event::Composed { prompt: composed },
            checkride::run::Event::Asked(Box::new(asked)),
        ] {
            records.push(scenes::event(&run, NOON, event));
        }
        let mut cockpit = Cockpit::new(&records, (200, 60));
        cockpit.keys("c");
        let wanted = cockpit.sent.iter().find_map(|wish| match wish {
            Wish::Send(Command::Fetch(fetch @ Fetch::Text { digest, .. })) => {
                (*digest == of.digest).then(|| fetch.clone())
            }
            _ => None,
        });
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let told = Fact::Lines {
            of: wanted.expect("the prompt is fetched"),
            total: lines.len() as u64,
            lines,
        };
        cockpit.tell(&[scenes::record(NOON, told)]);
        let screen = cockpit.text("terminal");
        inert("prompt", &payload, &screen);
        assert!(screen.contains("Write A"), "{payload:?}: {screen}");
        assert!(!screen.contains("Write AB"), "{payload:?}: {screen}");
        let counted = screen.contains("hidden characters:");
        assert_eq!(counted, of.hidden > 0, "{payload:?}: {screen}");
    }
}

/// S16: every payload in a transcript, in its file and read again; each leaves a mark.
#[test]
fn nothing_reaches_a_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("transcript.jsonl");
    let mut transcript = Transcript::open(&path, KEPT_BYTES).unwrap();
    let all = payloads();
    for payload in &all {
        let line = format!("A{payload}B");
        transcript.append(0, Kind::Said, &line).unwrap();
    }
    let entries = transcript.lines(0, all.len() as u64).unwrap();
    assert_eq!(entries.len(), all.len());
    for (payload, entry) in all.iter().zip(&entries) {
        inert("transcript", payload, &entry.text);
        assert_ne!(entry.text, "AB", "{payload:?}");
    }
    inert("its file", "all", &fs::read_to_string(&path).unwrap());
}

/// S16: the title and both kinds of notification hold one sequence each, and it is ours.
#[test]
fn nothing_reaches_the_title_or_a_notification() {
    for payload in payloads() {
        let text = format!("A{payload}B");
        for sequence in [
            notify::title(&text),
            Tongue::Osc9.says(&text),
            Tongue::Osc777.says(&text),
        ] {
            let inner = sequence.strip_prefix("\u{1b}]").unwrap();
            let inner = inner.strip_suffix("\u{1b}\\").unwrap();
            inert("title", &payload, inner);
        }
    }
}

/// S16: JSON that is kept for other tools or sent to a webhook: valid, the same text, nothing raw.
#[test]
fn nothing_reaches_json() {
    for payload in payloads() {
        let json = escaped(&serde_json::to_string(&[&payload]).unwrap());
        inert("JSON", &payload, &json);
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, [payload]);
    }
}
