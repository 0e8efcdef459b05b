//! Plain text: every line is said, the last one is the claim. Knows no tools and no tokens.

use std::time::Duration;

use super::ending::{LastWord, by_code, is_signal_code, outcome};
use super::lines::marked;
use super::words::{LONGEST_QUESTION, claims};
use super::{End, Exit, Kind, Reader, Report, Spent, Tell};
use crate::run::inert::head;

/// Most bytes that are kept of a line: enough for the longest thing it can be.
const KEPT: usize = 4 * (LONGEST_QUESTION + 1);

/// Reads an agent that prints plain text.
#[derive(Debug, Default)]
pub struct Text {
    last: String,
    note: String,
    lines: u64,
}

impl Reader for Text {
    fn longest_line(&self) -> usize {
        64 * 1024
    }

    /// Many agents print their answer in one piece, at the end.
    fn quiet_for(&self) -> Option<Duration> {
        None
    }

    fn line(&mut self, line: &str, left_out: u64, tell: &mut Tell<'_>) {
        tell(Kind::Said, &marked(line, left_out));
        self.lines += 1;
        let line = line.trim();
        if let Some(note) = line.strip_prefix("NOTE:") {
            keep(&mut self.note, note.trim());
        } else if line.contains(char::is_alphanumeric) {
            keep(&mut self.last, line);
        }
    }

    fn spent(&self) -> Option<Spent> {
        None
    }

    fn enough(&self) -> Option<String> {
        None
    }

    fn finish(&mut self, end: &End<'_>, _tell: &mut Tell<'_>) -> Report {
        let claims = claims(&self.last, &self.note);
        let last = match end.exit {
            Exit::Code(0) => LastWord::Done,
            Exit::Code(code) if !is_signal_code(code) => {
                LastWord::Failed(by_code(code, end.stderr))
            }
            Exit::Code(_) | Exit::Signal(_) | Exit::KeeperLost => LastWord::Silent,
        };
        Report {
            outcome: outcome(last, claims.question.as_deref(), self.lines, end),
            text: self.last.clone(),
            claims,
            ..Report::default()
        }
    }
}

/// Keeps only as much of a line as can be shown, without a new allocation for every line.
fn keep(kept: &mut String, line: &str) {
    kept.clear();
    kept.push_str(head(line, KEPT));
}
