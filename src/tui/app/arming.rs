//! When a decision may be taken: not before the question was on the screen for a moment, not in the
//! middle of typing, not twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::run::{CheckpointId, Digest};

/// Time a question must have been on the screen, in milliseconds (PRODUCT §3.2).
pub(super) const SHOWN_MS: i64 = 400;
/// Time without a key before a decision counts, in milliseconds (PRODUCT §3.2).
const QUIET_MS: i64 = 250;

/// A question as it was shown.
pub type Shown = (CheckpointId, Digest);

/// What was on the screen and since when.
#[derive(Debug, Clone, Default)]
pub struct Arming {
    painted: Option<(Shown, i64)>,
    last_input: Option<i64>,
    seen: BTreeSet<Shown>,
    /// The warnings of each question that were not on the screen yet, by their rows at this width.
    unread: BTreeMap<Shown, (usize, BTreeSet<usize>)>,
    sent: Option<Shown>,
}

impl Arming {
    /// A frame shows this question, or none.
    pub fn painted(&mut self, question: Option<Shown>, now: i64) {
        match question {
            None => self.painted = None,
            Some(q) if self.painted.as_ref().is_some_and(|(p, _)| *p == q) => {}
            Some(q) => self.painted = Some((q, now)),
        }
    }

    /// Whether any key was pressed yet.
    pub fn was_touched(&self) -> bool {
        self.last_input.is_some()
    }

    /// A key was pressed.
    pub fn input(&mut self, now: i64) {
        self.last_input = Some(now);
    }

    /// Whether a key was pressed within so many milliseconds.
    pub fn has_input(&self, now: i64, within: i64) -> bool {
        self.last_input.is_some_and(|last| now - last <= within)
    }

    /// The artefact of this question was drawn: whether that is news.
    pub fn saw(&mut self, question: Shown) -> bool {
        self.seen.insert(question)
    }

    /// Whether its artefact was drawn.
    pub fn has_seen(&self, question: &Shown) -> bool {
        self.seen.contains(question)
    }

    /// A frame shows these rows of a question's page, at this width; `warnings` are the rows that warn.
    pub fn read(
        &mut self,
        question: Shown,
        width: usize,
        (warnings, rows): (BTreeSet<usize>, Range<usize>),
    ) {
        let (at, left) = self
            .unread
            .entry(question)
            .or_insert_with(|| (width, warnings.clone()));
        // At another width they lie elsewhere; what was read whole stays read.
        if *at != width && !left.is_empty() {
            (*at, *left) = (width, warnings);
        }
        left.retain(|row| !rows.contains(row));
    }

    /// Whether warnings of this question were not on the screen yet.
    pub fn has_unread(&self, question: &Shown) -> bool {
        let left = self.unread.get(question);
        left.is_some_and(|(_, left)| !left.is_empty())
    }

    /// Another host has taken over, which knows neither what was drawn here nor what was on its way.
    pub fn another_host(&mut self) {
        self.seen.clear();
        self.unread.clear();
        self.sent = None;
    }

    /// A decision on this question was sent.
    pub fn sent(&mut self, question: Shown) {
        self.sent = Some(question);
    }

    /// Whether a decision on this question was sent and neither counts nor is refused yet.
    pub fn is_on_its_way(&self, id: &CheckpointId) -> bool {
        self.sent.as_ref().is_some_and(|(sent, _)| sent == id)
    }

    /// Someone answered it.
    pub fn answered(&mut self, id: &CheckpointId) {
        self.seen.retain(|(seen, _)| seen != id);
        self.unread.retain(|(seen, _), _| seen != id);
        self.unsent(&id.0);
    }

    /// The decision on this question was refused; it may be taken again.
    pub fn unsent(&mut self, id: &str) {
        if self.sent.as_ref().is_some_and(|(sent, _)| sent.0 == id) {
            self.sent = None;
        }
    }

    /// Whether a decision may be taken on it now; if not, why.
    pub fn ready(&self, question: &Shown, now: i64) -> Result<(), &'static str> {
        if self.sent.as_ref() == Some(question) {
            return Err("your answer is on its way");
        }
        let shown = self
            .painted
            .as_ref()
            .is_some_and(|(p, since)| p == question && now - since >= SHOWN_MS);
        if !shown {
            return Err("this has just appeared; look first, then press again");
        }
        if self.last_input.is_some_and(|t| now - t < QUIET_MS) {
            return Err("too soon after another key; press again");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Shown {
        (CheckpointId("a-1.1".into()), Digest::of(b"x"))
    }

    /// A decision waits 400 ms after the first paint and 250 ms after the last key.
    #[test]
    fn arms_after_both_times() {
        let mut arming = Arming::default();
        assert!(arming.ready(&question(), 9_999).is_err(), "never painted");
        arming.painted(Some(question()), 1_000);
        arming.painted(Some(question()), 1_300);
        assert!(arming.ready(&question(), 1_399).is_err());
        assert!(arming.ready(&question(), 1_400).is_ok());
        arming.input(1_300);
        assert!(arming.ready(&question(), 1_549).is_err());
        assert!(arming.ready(&question(), 1_550).is_ok());
    }

    /// Warnings are read once each was on the screen, in whatever order; at another width those that are left count anew.
    #[test]
    fn every_warning_is_read() {
        let mut arming = Arming::default();
        let warnings: BTreeSet<usize> = (3..40).collect();
        for (width, rows, unread) in [
            (80, 0..20, true),
            (80, 30..50, true),
            (80, 20..29, true),
            (80, 29..30, false),
            (60, 0..1, false),
        ] {
            arming.read(question(), width, (warnings.clone(), rows));
            assert_eq!(arming.has_unread(&question()), unread);
        }
        arming.answered(&question().0);
        arming.read(question(), 80, (warnings.clone(), 0..30));
        arming.read(question(), 60, (warnings, 30..50));
        assert!(arming.has_unread(&question()));
        assert!(!arming.has_unread(&(question().0, Digest::of(b"y"))));
    }

    /// Another digest under the same id starts the time again; a sent answer is not sent twice.
    #[test]
    fn a_new_digest_is_a_new_question() {
        let mut arming = Arming::default();
        arming.painted(Some(question()), 0);
        let other = (question().0, Digest::of(b"y"));
        assert!(arming.ready(&other, 5_000).is_err());
        arming.sent(question());
        assert!(arming.ready(&question(), 5_000).is_err());
        arming.unsent("a-1.1");
        assert!(arming.ready(&question(), 5_000).is_ok());
    }
}
