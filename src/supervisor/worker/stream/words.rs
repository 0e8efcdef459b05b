//! What a worker says: its text as it grows, its last message, its `NOTE:` and `QUESTION:` lines.

use super::{Claims, Kind, Tell};
use crate::run::inert::{cut, head, inert, tail};

/// Most characters of a claim or note.
const LONGEST_CLAIM: usize = 200;

/// Most characters of a question.
pub(super) const LONGEST_QUESTION: usize = 1_000;

/// Most bytes of a final text; what came before is dropped.
const LONGEST_TEXT: usize = 256 * 1024;

/// Longest line that is told in one piece, in bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// Collects what the worker itself says; what its subagents say is none of it.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Words {
    /// The message that is being said.
    saying: String,
    /// Its last line, as far as it has come.
    line: String,
    /// The last message that was said to its end.
    last: String,
    note: String,
}

impl Words {
    /// A whole message.
    pub(in super::super) fn say(&mut self, text: &str, tell: &mut Tell<'_>) {
        self.close(tell);
        self.pour(text, tell);
        self.close(tell);
    }

    /// One more part of the last message.
    pub(super) fn add(&mut self, text: &str, tell: &mut Tell<'_>) {
        let begin = std::mem::take(&mut self.last);
        self.say(text, tell);
        if begin.len() < LONGEST_TEXT {
            self.last = format!("{begin}\n{}", self.last);
        }
    }

    /// The next piece of a message: whole lines are told as they come.
    pub(in super::super) fn pour(&mut self, piece: &str, tell: &mut Tell<'_>) {
        self.saying.push_str(piece);
        if self.saying.len() > 2 * LONGEST_TEXT {
            let dropped = self.saying.len() - tail(&self.saying, LONGEST_TEXT).len();
            self.saying.drain(..dropped);
        }
        for part in piece.split_inclusive('\n') {
            self.line.push_str(part);
            if part.ends_with('\n') || self.line.len() >= LONGEST_LINE {
                self.end_line(tell);
            }
        }
    }

    /// The message is over.
    pub(in super::super) fn close(&mut self, tell: &mut Tell<'_>) {
        self.end_line(tell);
        if !self.saying.trim().is_empty() {
            self.last = std::mem::take(&mut self.saying);
        }
        self.saying.clear();
    }

    /// The message begins again: what was said of it so far does not count.
    pub(super) fn again(&mut self) {
        self.saying.clear();
        self.line.clear();
    }

    /// The message that is being said, as far as it has come.
    pub(super) fn saying(&self) -> &str {
        &self.saying
    }

    fn end_line(&mut self, tell: &mut Tell<'_>) {
        each_line(&self.line, &mut |line| tell(Kind::Said, line));
        if let Some(note) = self.line.trim().strip_prefix("NOTE:") {
            note.trim().clone_into(&mut self.note);
        }
        self.line.clear();
    }

    /// The last message, whole.
    pub(super) fn text(&self) -> &str {
        self.last.trim()
    }

    /// What it claims, proposes to remember, and asks.
    pub(in super::super) fn claims(&self) -> Claims {
        claims(&self.last, &self.note)
    }
}

/// What a final text and a last `NOTE:` line say: the claim is the last line of words, a line that
/// begins with `QUESTION:` a question where it is the last.
pub(super) fn claims(text: &str, note: &str) -> Claims {
    let mut lines = text.lines().rev().map(str::trim);
    let last = lines.find(|line| line.contains(char::is_alphanumeric));
    let question = last.and_then(|line| line.strip_prefix("QUESTION:"));
    let claim = match last {
        Some(line) if line.starts_with("NOTE:") => text
            .lines()
            .rev()
            .map(str::trim)
            .filter(|line| !line.starts_with("NOTE:"))
            .find(|line| line.contains(char::is_alphanumeric)),
        other => other,
    };
    Claims {
        claim: claim.and_then(|line| shown(line, LONGEST_CLAIM)),
        note: shown(note, LONGEST_CLAIM),
        question: question.and_then(|asked| shown(asked, LONGEST_QUESTION)),
    }
}

/// One line as it may be shown: inert and not too long; `None` for an empty one.
pub(super) fn shown(line: &str, most: usize) -> Option<String> {
    let line = line.trim();
    (!line.is_empty()).then(|| cut(&inert(head(line, 4 * most + 4)), most))
}

/// Tells the lines of a text that say something, long ones in pieces.
pub(super) fn each_line(text: &str, tell: &mut dyn FnMut(&str)) {
    for line in text.lines() {
        let mut rest = line.trim_end();
        while !rest.is_empty() {
            let piece = head(rest, LONGEST_LINE);
            tell(piece);
            rest = rest.get(piece.len()..).unwrap_or_default();
        }
    }
}
