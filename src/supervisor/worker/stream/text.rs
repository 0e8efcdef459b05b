//! Plain text: every line is said, the last one is the claim. Knows no tools and no questions.

use super::super::Kind;
use super::{Claims, Reader};
use crate::run::inert::{cut, inert};

/// Most characters of a claim or note.
pub(in super::super) const LONGEST_CLAIM: usize = 200;

/// Reads an agent that prints plain text.
#[derive(Debug, Default)]
pub struct Text {
    last: String,
    note: String,
}

impl Reader for Text {
    fn longest_line(&self) -> usize {
        64 * 1024
    }

    fn line(&mut self, line: &str, tell: &mut dyn FnMut(Kind, &str)) {
        tell(Kind::Said, line);
        let line = line.trim();
        if let Some(note) = line.strip_prefix("NOTE:") {
            keep(&mut self.note, note.trim());
        }
        if !line.is_empty() {
            keep(&mut self.last, line);
        }
    }

    fn finish(&mut self) -> Claims {
        Claims {
            claim: shown(&self.last),
            note: shown(&self.note),
            question: None,
        }
    }
}

/// Keeps only as much of a line as can be shown, without a new allocation for every line.
fn keep(kept: &mut String, line: &str) {
    kept.clear();
    kept.extend(line.chars().take(LONGEST_CLAIM + 1));
}

fn shown(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| cut(&inert(text), LONGEST_CLAIM))
}
