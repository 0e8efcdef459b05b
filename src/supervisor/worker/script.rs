//! A scripted worker for the demo and for tests: acts from a TOML file, done inside the host.
//! It starts no process and writes nothing outside its workspace.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep, sleep_until};

use super::command::Task;
use super::stream::Claims;
use super::{Ended, Kind, Progress, Turn};
use crate::run::inert::inert;
use crate::run::{Failure, Stage, Usage};
use crate::supervisor::process::Halt;
use crate::supervisor::workspace::beneath::Beneath;

/// Largest file that is appended to.
const LARGEST: u64 = 16 << 20;

/// What a scripted worker does: the n-th turn in the n-th iteration, the last one ever after.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The turns, at least one.
    pub turn: Vec<Acts>,
}

/// What it does in one turn.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acts {
    /// In order.
    pub acts: Vec<Act>,
}

/// One thing that a scripted worker does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Says this.
    Say(String),
    /// Thinks this.
    Think(String),
    /// Uses a tool, in words only.
    Tool(String),
    /// Reads a file, in words only.
    Read(String),
    /// Writes a whole file.
    Write(Text),
    /// Appends to a file.
    Append(Text),
    /// Deletes a file.
    Delete(String),
    /// Waits so many milliseconds, times the pace.
    SleepMs(u64),
    /// Claims this of its work.
    Claim(String),
    /// Proposes this note.
    Note(String),
    /// Asks this instead of working.
    Ask(String),
    /// Spends so many tokens; without it they are estimated.
    Tokens(u64),
    /// Ends at once with this exit code.
    Exit(i32),
}

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Path in the workspace.
    pub path: String,
    /// The text.
    pub text: String,
}

impl Script {
    /// Reads a script; one line of what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let script: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| {
                text.bytes().take(s.start).filter(|&b| b == b'\n').count() + 1
            });
            format!("line {line}: {}", inert(e.message()))
        })?;
        if script.turn.is_empty() {
            return Err("line 1: a script needs at least one [[turn]]".to_owned());
        }
        Ok(script)
    }

    fn acts(&self, iteration: u32) -> &[Act] {
        let index = (iteration.max(1) as usize - 1).min(self.turn.len().saturating_sub(1));
        self.turn.get(index).map_or(&[], |turn| &turn.acts)
    }
}

/// Does the turn of this iteration, from 1. `pace` stretches its pauses: 1 is as written, 0 none.
pub async fn run(
    script: &Script,
    iteration: u32,
    pace: f64,
    mut task: Task<'_>,
    progress: &mut dyn Progress,
) -> Turn {
    let began = Instant::now();
    let mut actor = Actor {
        workspace: task.workspace,
        pace: pace.max(0.0),
        asked: task.prompt.len() as u64,
        said: 0,
        tokens: None,
        claims: Claims::default(),
        progress,
    };
    actor.progress.usage(actor.usage());
    let ended = tokio::select! {
        ended = actor.play(script.acts(iteration)) => ended,
        Ok(_) = task.limits.halt.wait_for(|halt| *halt > Halt::No) => Ended::Halted,
        () = sleep_until(began + task.limits.timeout) =>
            badly("the script was not done in time: shorten its sleeps".to_owned()),
    };
    actor.progress.pause();
    let usage = actor.usage();
    let Claims {
        claim,
        note,
        question,
    } = actor.claims;
    Turn {
        session: None,
        claim,
        note,
        question,
        usage,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        stderr_tail: String::new(),
        ended,
    }
}

fn badly(cause: String) -> Ended {
    Ended::Badly(Failure {
        stage: Stage::Work,
        cause,
        detail: String::new(),
        maybe_done: false,
    })
}

struct Actor<'a> {
    workspace: &'a Path,
    pace: f64,
    asked: u64,
    said: u64,
    tokens: Option<u64>,
    claims: Claims,
    progress: &'a mut dyn Progress,
}

impl Actor<'_> {
    async fn play(&mut self, acts: &[Act]) -> Ended {
        for act in acts {
            match act {
                Act::SleepMs(ms) => {
                    self.progress.pause();
                    sleep(Duration::from_millis(*ms).mul_f64(self.pace)).await;
                }
                Act::Exit(0) => return Ended::Well,
                Act::Exit(code) => return badly(format!("the script ended with exit {code}")),
                Act::Say(_)
                | Act::Think(_)
                | Act::Tool(_)
                | Act::Read(_)
                | Act::Claim(_)
                | Act::Note(_)
                | Act::Ask(_)
                | Act::Tokens(_) => self.speak(act),
                Act::Write(Text { path, .. })
                | Act::Append(Text { path, .. })
                | Act::Delete(path) => {
                    if let Err(e) = self.change(act) {
                        let path = inert(path);
                        return badly(format!("the script cannot change {path}: {e}"));
                    }
                }
            }
        }
        Ended::Well
    }

    fn speak(&mut self, act: &Act) {
        match act {
            Act::Say(text) => self.tell(Kind::Said, text),
            Act::Think(text) => self.tell(Kind::Thinking, text),
            Act::Tool(text) => self.tell(Kind::Tool, text),
            Act::Read(path) => self.tell(Kind::Tool, &format!("read {path}")),
            Act::Claim(text) => {
                self.tell(Kind::Claim, text);
                self.claims.claim = Some(inert(text).into_owned());
            }
            Act::Note(text) => {
                self.tell(Kind::Note, text);
                self.claims.note = Some(inert(text).into_owned());
            }
            Act::Ask(text) => {
                self.tell(Kind::Question, text);
                self.claims.question = Some(inert(text).into_owned());
            }
            Act::Tokens(tokens) => {
                self.tokens = Some(*tokens);
                self.progress.usage(self.usage());
            }
            Act::Write(_) | Act::Append(_) | Act::Delete(_) | Act::SleepMs(_) | Act::Exit(_) => {}
        }
    }

    fn change(&mut self, act: &Act) -> io::Result<()> {
        match act {
            Act::Write(Text { path, text }) => {
                self.write(path, text, false)?;
                self.tell(Kind::File, path);
            }
            Act::Append(Text { path, text }) => {
                self.write(path, text, true)?;
                self.tell(Kind::File, &format!("{path}, appended"));
            }
            Act::Delete(path) => {
                Beneath::new(self.workspace)?.remove(Path::new(path))?;
                self.tell(Kind::File, &format!("{path}, deleted"));
            }
            Act::Say(_)
            | Act::Think(_)
            | Act::Tool(_)
            | Act::Read(_)
            | Act::Claim(_)
            | Act::Note(_)
            | Act::Ask(_)
            | Act::Tokens(_)
            | Act::SleepMs(_)
            | Act::Exit(_) => {}
        }
        Ok(())
    }

    fn tell(&mut self, kind: Kind, text: &str) {
        self.said += text.len() as u64;
        for line in text.lines() {
            self.progress.entry(kind, line);
        }
        self.progress.usage(self.usage());
    }

    fn usage(&self) -> Usage {
        match self.tokens {
            None => Usage::estimate(self.asked, self.said),
            Some(tokens) => Usage {
                tokens,
                estimated: false,
                micro_usd: None,
                ..Usage::default()
            },
        }
    }

    fn write(&self, path: &str, text: &str, append: bool) -> io::Result<()> {
        let (beneath, path) = (Beneath::new(self.workspace)?, Path::new(path));
        let mut bytes = Vec::new();
        if append {
            bytes = beneath.read(path, LARGEST)?.unwrap_or_default();
        }
        bytes.extend_from_slice(text.as_bytes());
        beneath.write(path, &bytes)
    }
}
