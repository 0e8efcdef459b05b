//! Running one command of a worker that has no process of its own: under a keeper, with the loop's
//! environment, its time bounded and of its output only the end.

use std::time::Duration;

use super::{Done, shown};
use crate::supervisor::process::{self, Ending, Exit, Limits, Order, Sink, Tail};

/// Bytes of output that the model is given.
const KEPT: usize = 24 * 1024;

/// Longest time of one command: one that never ends must not take the whole turn.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The command on one line, so that no word can pass for two: what a shell would read in the same
/// way.
pub(super) fn line(command: &[String]) -> String {
    let word = |word: &String| {
        let plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,~*?[]{}#".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Runs it; `None` where it was halted.
pub(super) async fn run(order: Order, limits: Limits) -> Option<Done> {
    let running = match process::spawn(order).await {
        Ok(running) => running,
        Err(refused) => return Some(Done::failed(refused.why)),
    };
    let timeout = limits.timeout.min(LONGEST);
    let mut printed = Printed(Tail::new(KEPT), 0);
    let limits = Limits { timeout, ..limits };
    let watched = process::watch(running, b"", limits, &mut printed).await;
    let how = match (watched.ending, watched.exit) {
        (Ending::Halted, _) => return None,
        (Ending::TimedOut, _) => format!("not done after {} s, and killed", timeout.as_secs()),
        (Ending::ByItself, exit) => exit.to_string(),
    };
    let Printed(tail, bytes) = printed;
    let cut = if bytes > KEPT {
        ", only the end of its output"
    } else {
        ""
    };
    let text = format!("{how}{cut}\n{}", tail.text());
    Some(Done {
        told: shown(&text),
        failed: watched.ending != Ending::ByItself || watched.exit != Exit::Code(0),
        text,
    })
}

/// The end of all that a command prints, and how much there was.
struct Printed(Tail, usize);

impl Sink for Printed {
    fn stdout(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
        self.1 += bytes.len();
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.stdout(bytes);
    }
}
