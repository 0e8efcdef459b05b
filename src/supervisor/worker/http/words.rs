//! What a model says of its own work: its last line, its `NOTE:` and its `QUESTION:`. Pure.

use super::super::stream::Claims;
use super::super::{Kind, Progress};
use crate::run::inert::{cut, head, inert};

/// Most characters of a claim or note.
const LONGEST: usize = 200;

/// Most characters of a question.
const LONGEST_QUESTION: usize = 1_000;

/// The words of a turn, as far as they count for anything.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The last line of words of the last answer that had any.
    last: String,
    note: String,
}

impl Words {
    /// Takes a whole answer.
    pub(super) fn hear(&mut self, text: &str) {
        let mut lines = text.lines().map(str::trim);
        for line in lines.by_ref() {
            if let Some(note) = line.strip_prefix("NOTE:") {
                kept(note).clone_into(&mut self.note);
            } else if line.contains(char::is_alphanumeric) {
                kept(line).clone_into(&mut self.last);
            }
        }
    }

    /// Claim, note and question, inert and cut.
    pub(super) fn claims(&self) -> Claims {
        let question = self.last.strip_prefix("QUESTION:").map(str::trim);
        Claims {
            claim: shown(&self.last, LONGEST),
            note: shown(&self.note, LONGEST),
            question: question.and_then(|asked| shown(asked, LONGEST_QUESTION)),
        }
    }

    /// Tells them, each in its own place of the transcript.
    pub(super) fn tell(&self, progress: &mut dyn Progress) {
        let Claims {
            claim,
            note,
            question,
        } = self.claims();
        let all = [
            (Kind::Claim, claim),
            (Kind::Note, note),
            (Kind::Question, question),
        ];
        for (kind, text) in all {
            if let Some(text) = text {
                progress.entry(kind, &text);
            }
        }
    }
}

/// As much of a line as could be shown.
fn kept(line: &str) -> &str {
    head(line.trim(), 4 * LONGEST_QUESTION + 64)
}

fn shown(line: &str, most: usize) -> Option<String> {
    (!line.is_empty()).then(|| cut(&inert(line), most))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R11: the last line of words is the claim; notes are none; a question is one only at the end.
    #[test]
    fn the_last_line_is_the_claim() {
        let mut words = Words::default();
        words.hear("QUESTION: which one?\nI took both.\n\nNOTE: both work\n***\n");
        let claims = words.claims();
        assert_eq!(claims.claim.as_deref(), Some("I took both."));
        assert_eq!(claims.note.as_deref(), Some("both work"));
        assert_eq!(claims.question, None);
        words.hear("");
        assert_eq!(words.claims(), claims);
        words.hear("Hm.\nQUESTION: which \u{1b}[2Jone?");
        assert_eq!(words.claims().question.as_deref(), Some("which ␛one?"));
    }
}
