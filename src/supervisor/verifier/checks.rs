//! Checks: the loop's commands, run in order in a clean checkout, and what each one said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::run::inert::{cut, inert};
use crate::run::spec::Check;
use crate::run::{CheckOutcome, CheckResult, Digest};
use crate::supervisor::process::{
    self, Ending, Exit, Halt, Home, Limits, Sink, Stdin, Tail, Watched,
};
use crate::supervisor::sandbox::Net;
use crate::supervisor::slots::Slots;
use crate::supervisor::worker::stream::Lines;

/// Most characters of a figure.
const FIGURE_CHARS: usize = 80;

/// Bytes of the first line that are looked at for the figure.
const FIGURE_BYTES: usize = 1024;

/// Most bytes of evidence.
const EVIDENCE_BYTES: usize = 4 * 1024;

/// The exit code by which shells say that a command is not found.
const NOT_FOUND: i32 = 127;

/// Where checks run.
#[derive(Debug, Clone)]
pub struct Site {
    /// A clean checkout of the judged tree; thrown away afterwards.
    pub checkout: PathBuf,
    /// Check scripts by their path in the project, and the copies pinned when the run began.
    pub pinned: BTreeMap<String, PathBuf>,
    /// What the placeholders stand for.
    pub slots: Slots,
}

impl Site {
    /// The command with each pinned script replaced by its copy, as program or as argument.
    pub fn pin(&self, command: &[String]) -> Vec<String> {
        let copy = |word: &String| {
            let path = word.strip_prefix("./").unwrap_or(word);
            self.pinned
                .get(path)
                .map_or_else(|| word.clone(), |copy| copy.display().to_string())
        };
        command.iter().map(copy).collect()
    }
}

/// Runs one check to its end.
///
/// `None` when it was asked to halt; then nothing of it is running any more.
pub async fn run(
    check: &Check,
    site: &Site,
    home: &Home,
    halt: &watch::Receiver<Halt>,
) -> Option<CheckResult> {
    let limits = Limits {
        timeout: Duration::from_secs(check.timeout_s),
        halt: halt.clone(),
    };
    let command = site.slots.fill_known(&check.command);
    let mut order = home.order(site.pin(&command), &site.checkout, Stdin::Null);
    if let Some(cage) = order.cage.as_mut().filter(|_| check.network) {
        cage.net = Net::Open;
    }
    let mut result = CheckResult {
        command,
        ..CheckResult::skipped(check)
    };
    let running = match process::spawn(order).await {
        Ok(running) => running,
        Err(refused) => {
            result.outcome = CheckOutcome::CannotRun(inert(&refused.why).into_owned());
            return Some(result);
        }
    };
    let mut heard = Heard::new(&site.checkout);
    let watched = process::watch(running, b"", limits, &mut heard).await;
    if watched.ending == Ending::Halted {
        return None;
    }
    heard.finish(&mut result);
    result.took_ms = watched.took_ms;
    result.outcome = outcome(&watched, &result.evidence);
    Some(result)
}

fn outcome(watched: &Watched, evidence: &str) -> CheckOutcome {
    match (watched.ending, watched.exit) {
        (Ending::TimedOut, _) => CheckOutcome::TimedOut,
        (_, Exit::Code(0)) => CheckOutcome::Passed,
        (_, Exit::Code(NOT_FOUND)) => {
            let said = evidence.lines().next_back().unwrap_or_default();
            let said = if said.is_empty() {
                "a command is not found"
            } else {
                said
            };
            CheckOutcome::CannotRun(cut(said, 200))
        }
        (_, Exit::Code(code)) => CheckOutcome::Failed { code: Some(code) },
        (_, Exit::Signal(_)) => CheckOutcome::Failed { code: None },
        (_, exit @ Exit::KeeperLost) => CheckOutcome::CannotRun(format!("{exit}: check again")),
    }
}

/// What a check prints, as far as it is kept.
struct Heard {
    first: Option<String>,
    lines: Lines,
    tail: Tail,
    out: Hasher,
    err: Hasher,
}

impl Heard {
    fn new(checkout: &Path) -> Self {
        Self {
            first: None,
            lines: Lines::new(FIGURE_BYTES),
            tail: Tail::new(EVIDENCE_BYTES),
            out: Hasher::new(checkout),
            err: Hasher::new(checkout),
        }
    }

    fn finish(mut self, result: &mut CheckResult) {
        let first = &mut self.first;
        self.lines.finish(&mut |line| {
            first.get_or_insert_with(|| line.to_owned());
        });
        let figure = self.first.unwrap_or_default();
        result.figure = cut(&inert(figure.trim()), FIGURE_CHARS);
        result.evidence = self.tail.text();
        // The streams are hashed apart: how they interleave differs from run to run.
        result.output = Digest::of_value(&(self.out.finish(), self.err.finish()));
    }
}

impl Sink for Heard {
    fn stdout(&mut self, bytes: &[u8]) {
        if self.first.is_none() {
            let first = &mut self.first;
            self.lines.feed(bytes, &mut |line| {
                first.get_or_insert_with(|| line.to_owned());
            });
        }
        self.tail.push(bytes);
        self.out.push(bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        self.err.push(bytes);
    }
}

/// Hashes a stream with the checkout's own path left out: it may differ from run to run.
struct Hasher {
    sum: blake3::Hasher,
    path: Vec<u8>,
    /// The end of what came, which may be the beginning of the path.
    held: Vec<u8>,
}

impl Hasher {
    fn new(checkout: &Path) -> Self {
        Self {
            sum: blake3::Hasher::new(),
            path: checkout.as_os_str().as_encoded_bytes().to_vec(),
            held: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let (mut from, mut at) = (0, 0);
        // Only a path's first byte can begin a path: the rest is skipped quickly.
        while let Some(rest) = self.held.get(at..)
            && let Some(step) = rest.iter().position(|b| Some(b) == self.path.first())
        {
            at += step;
            let here = self.held.get(at..).unwrap_or_default();
            if here.starts_with(&self.path) {
                self.sum.update(self.held.get(from..at).unwrap_or_default());
                at += self.path.len();
                from = at;
            } else if self.path.starts_with(here) {
                break;
            } else {
                at += 1;
            }
        }
        let keep = match self.held.get(at..) {
            Some(rest) if self.path.starts_with(rest) && !rest.is_empty() => at,
            Some(_) | None => self.held.len(),
        };
        self.sum
            .update(self.held.get(from..keep).unwrap_or_default());
        self.held.drain(..keep);
    }

    fn finish(mut self) -> String {
        self.sum.update(&self.held);
        self.sum.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(chunks: &[&[u8]]) -> String {
        let mut hasher = Hasher::new(Path::new("/v/tidy"));
        for chunk in chunks {
            hasher.push(chunk);
        }
        hasher.finish()
    }

    /// The checkout's path does not count, wherever the stream is cut; everything else does.
    #[test]
    fn the_checkouts_path_is_left_out_of_the_digest() {
        let text = b"//v/tidy/a.rs:1 /v/tid /v/tidy\n/v";
        let wanted = blake3::hash(b"//a.rs:1 /v/tid \n/v").to_hex().to_string();
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(hashed(&[a, b]), wanted, "cut at {cut}");
        }
        assert_ne!(hashed(&[b"a"]), hashed(&[b"b"]));
    }
}
