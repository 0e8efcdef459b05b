//! When a run is going nowhere: same verdict, same diff, same failure, same question.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::spec::StuckLimits;
use super::verdict::Verdict;

/// What repeats, and how often in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Verdicts that fail in the same way.
    SameVerdict {
        /// In a row.
        times: u32,
        /// What fails, in words.
        what: String,
    },
    /// Iterations that changed nothing, or the same again.
    SameDiff {
        /// In a row.
        times: u32,
    },
    /// One check with the same output.
    SameFailure {
        /// In a row.
        times: u32,
        /// The check.
        check: String,
    },
    /// The worker asks the same question.
    SameQuestion {
        /// In a row.
        times: u32,
    },
}

/// The traces that iterations leave, newest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traces {
    verdicts: Vec<(Digest, String)>,
    diffs: Vec<Digest>,
    failures: Vec<Option<(String, Digest)>>,
    questions: Vec<Digest>,
}

impl Traces {
    /// An iteration ended with this diff and this verdict.
    pub fn verdict(&mut self, diff: &Digest, verdict: &Verdict) {
        let what = verdict.first_failed().map_or_else(
            || "the judge's findings".to_owned(),
            |c| format!("{} {}", c.name, c.figure).trim_end().to_owned(),
        );
        self.verdicts.push((verdict.fingerprint(), what));
        self.diffs.push(diff.clone());
        self.failures.push(
            verdict
                .first_failed()
                .map(|c| (c.name.clone(), c.output.clone())),
        );
        self.questions.clear();
    }

    /// The worker asked this.
    pub fn question(&mut self, question: &str) {
        self.questions.push(Digest::of(question.trim().as_bytes()));
    }

    /// The newest verdict was taken back.
    pub fn take_back(&mut self) {
        self.verdicts.pop();
        self.diffs.pop();
        self.failures.pop();
    }

    /// Forgets everything: a fresh start.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The same question, asked as often as a verdict may repeat.
    pub fn question_signal(&self, limits: StuckLimits) -> Option<Signal> {
        let times = run_length(self.questions.iter());
        (times >= limits.same_verdict).then_some(Signal::SameQuestion { times })
    }

    /// The first signal of the verdicts whose limit is reached.
    pub fn signal(&self, limits: StuckLimits) -> Option<Signal> {
        let times = run_length(self.verdicts.iter().map(|v| &v.0));
        if times >= limits.same_verdict {
            let what = self
                .verdicts
                .last()
                .map(|v| v.1.clone())
                .unwrap_or_default();
            return Some(Signal::SameVerdict { times, what });
        }
        let times = run_length(self.failures.iter());
        if let (true, Some(Some((check, _)))) = (times >= limits.same_failure, self.failures.last())
        {
            return Some(Signal::SameFailure {
                times,
                check: check.clone(),
            });
        }
        let times = run_length(self.diffs.iter());
        (times >= limits.same_diff).then_some(Signal::SameDiff { times })
    }
}

/// How many of the last items are equal.
fn run_length<'a, T: PartialEq + 'a>(items: impl DoubleEndedIterator<Item = &'a T>) -> u32 {
    let mut items = items.rev();
    let Some(last) = items.next() else { return 0 };
    1 + u32::try_from(items.take_while(|item| *item == last).count()).unwrap_or(u32::MAX - 1)
}
