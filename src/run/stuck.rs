//! When a run is going nowhere: same verdict, same diff, same failure, same question.

use serde::{Deserialize, Serialize};

use super::checkpoint::{Failure, Stage};
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
    /// The step that failed last, its cause, and how often in a row.
    failed: Option<(Stage, String, u32)>,
}

impl Traces {
    /// A step of this kind begins: failures of another kind are over.
    pub fn began(&mut self, stage: Stage) {
        self.failed.take_if(|failed| failed.0 != stage);
    }

    /// A step failed outside the run.
    pub fn failure(&mut self, failure: &Failure) {
        let before = self
            .failed
            .take_if(|f| f.0 == failure.stage && f.1 == failure.cause);
        let times = before.map_or(1, |(_, _, times)| times.saturating_add(1));
        self.failed = Some((failure.stage, failure.cause.clone(), times));
    }

    /// How often in a row the step has failed in the same way, where that is as often as a failure
    /// may repeat.
    pub fn failure_signal(&self, limits: StuckLimits) -> Option<u32> {
        let times = self.failed.as_ref()?.2;
        (times >= limits.same_failure).then_some(times)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{CheckOutcome, CheckResult, Judgement};

    const LIMITS: StuckLimits = StuckLimits {
        same_verdict: 2,
        same_diff: 2,
        same_failure: 3,
    };

    fn failing(name: &str, figure: &str, output: &str) -> Verdict {
        Verdict {
            tree: "T1".to_owned(),
            checks: vec![CheckResult {
                name: name.to_owned(),
                required: true,
                outcome: CheckOutcome::Failed { code: Some(1) },
                figure: figure.to_owned(),
                command: Vec::new(),
                evidence: String::new(),
                output: Digest::of(output.as_bytes()),
                took_ms: 0,
            }],
            judgement: Judgement::None,
            note: None,
            feedback: String::new(),
            flags: Vec::new(),
        }
    }

    fn after(verdicts: &[(&str, Verdict)]) -> Option<Signal> {
        let mut traces = Traces::default();
        for (diff, verdict) in verdicts {
            traces.verdict(&Digest::of(diff.as_bytes()), verdict);
        }
        traces.signal(LIMITS)
    }

    /// R31: two verdicts that fail in the same way, in a row; one in between breaks the row.
    #[test]
    fn the_same_verdict_twice_in_a_row() {
        let (a, b) = (failing("words", "900", "x"), failing("words", "850", "y"));
        let row = [("1", a.clone()), ("2", b.clone()), ("3", a.clone())];
        assert_eq!(after(&row), None);
        let row = [("1", b), ("2", a.clone()), ("3", a)];
        let what = "words 900".to_owned();
        assert_eq!(after(&row), Some(Signal::SameVerdict { times: 2, what }));
    }

    /// The same output counts although another check fails beside it; the same diff by itself.
    #[test]
    fn the_same_failure_and_the_same_diff() {
        let beside = |figure: &str| {
            let mut verdict = failing("words", "900", "x");
            verdict
                .checks
                .extend(failing("links", figure, figure).checks);
            verdict
        };
        let row = [("1", beside("1")), ("2", beside("2")), ("3", beside("3"))];
        let check = "words".to_owned();
        assert_eq!(after(&row), Some(Signal::SameFailure { times: 3, check }));
        let row = [("", failing("a", "1", "1")), ("", failing("b", "2", "2"))];
        assert_eq!(after(&row), Some(Signal::SameDiff { times: 2 }));
    }

    /// A verdict taken back leaves no trace, and a fresh start forgets.
    #[test]
    fn traces_can_be_taken_back() {
        let mut traces = Traces::default();
        let (diff, verdict) = (Digest::of(b"1"), failing("words", "900", "x"));
        traces.verdict(&diff, &verdict);
        traces.verdict(&diff, &verdict);
        assert!(traces.signal(LIMITS).is_some());
        traces.take_back();
        assert_eq!(traces.signal(LIMITS), None);
        traces.clear();
        assert_eq!(traces, Traces::default());
    }

    /// The same question counts in a row, and a verdict in between begins anew.
    #[test]
    fn questions_count_until_a_verdict() {
        let mut traces = Traces::default();
        traces.question("which? ");
        assert_eq!(traces.question_signal(LIMITS), None);
        traces.question("which?");
        let twice = Some(Signal::SameQuestion { times: 2 });
        assert_eq!(traces.question_signal(LIMITS), twice);
        traces.verdict(&Digest::of(b"1"), &failing("words", "900", "x"));
        traces.question("which?");
        assert_eq!(traces.question_signal(LIMITS), None);
    }
}
