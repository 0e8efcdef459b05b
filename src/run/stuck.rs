//! When a run is going nowhere: same verdict, same diff, same failure, same question, a circle.

use serde::{Deserialize, Serialize};

use super::checkpoint::{Failure, Stage};
use super::counted::counted;
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
    /// What was there some iterations ago is there again, and fails as it did.
    Circle {
        /// Iterations from one time to the next.
        turns: u32,
    },
    /// The worker asks the same question.
    SameQuestion {
        /// Since the last verdict.
        times: u32,
    },
}

impl Signal {
    /// What repeats, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::SameVerdict { times, what } => {
                format!("same verdict {} ({what})", counted((*times).into(), "time"))
            }
            Self::SameDiff { times } => {
                format!("no new change in {}", counted((*times).into(), "iteration"))
            }
            Self::SameFailure { times, check } => {
                let times = counted((*times).into(), "time");
                format!("{check} failed {times} with the same output")
            }
            Self::Circle { turns } => {
                let turns = counted((*turns).into(), "iteration");
                format!("back where it was {turns} ago")
            }
            Self::SameQuestion { times } => {
                format!("the same question {}", counted((*times).into(), "time"))
            }
        }
    }
}

/// The traces that iterations leave, newest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traces {
    verdicts: Vec<Trace>,
    questions: Vec<Digest>,
    /// The step that failed last, its cause, and how often in a row.
    failed: Option<(Stage, String, u32)>,
}

/// What one iteration left.
#[derive(Debug, Clone, PartialEq)]
struct Trace {
    verdict: Digest,
    tree: String,
    diff: Digest,
    /// What failed first, in words.
    what: String,
    /// Every failed required check, in order.
    failed: Vec<Failed>,
}

/// A failed check in one iteration.
#[derive(Debug, Clone, PartialEq)]
struct Failed {
    check: String,
    /// Equal for the same failure.
    failure: Digest,
    /// The first number of its figure.
    number: Option<f64>,
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
        let failed = verdict.failed().map(|check| Failed {
            check: check.name.clone(),
            failure: check.failure(),
            number: number(&check.figure),
        });
        self.verdicts.push(Trace {
            verdict: verdict.fingerprint(),
            tree: verdict.tree.clone(),
            diff: diff.clone(),
            what,
            failed: failed.collect(),
        });
        self.questions.clear();
    }

    /// The worker asked this: its words count, neither their case nor what stands between them.
    pub fn question(&mut self, question: &str) {
        let question = question.to_lowercase();
        let words = question.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        // A question without a word in it still differs from another one.
        let asked = if words.is_empty() {
            question.trim().to_owned()
        } else {
            words.join(" ")
        };
        self.questions.push(Digest::of(asked.as_bytes()));
    }

    /// The newest verdict was taken back.
    pub fn take_back(&mut self) {
        self.verdicts.pop();
    }

    /// Forgets everything: a fresh start.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The same question, asked as often since the last verdict as a verdict may repeat.
    pub fn question_signal(&self, limits: StuckLimits) -> Option<Signal> {
        let last = self.questions.last()?;
        let times = self.questions.iter().filter(|asked| *asked == last).count();
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        (times >= limits.same_verdict).then_some(Signal::SameQuestion { times })
    }

    /// The first signal of the verdicts whose limit is reached.
    pub fn signal(&self, limits: StuckLimits) -> Option<Signal> {
        let last = self.verdicts.last()?;
        let times = run_length(self.verdicts.iter().map(|trace| &trace.verdict));
        if times >= limits.same_verdict {
            let what = last.what.clone();
            return Some(Signal::SameVerdict { times, what });
        }
        if let Some(signal) = self.same_failure(limits.same_failure) {
            return Some(signal);
        }
        let times = run_length(self.verdicts.iter().map(|trace| &trace.diff));
        if times >= limits.same_diff {
            return Some(Signal::SameDiff { times });
        }
        let turns = self.back_again(limits.same_verdict);
        let turns = turns.or_else(|| self.in_turn(limits.same_verdict))?;
        let turns = u32::try_from(turns).unwrap_or(u32::MAX);
        Some(Signal::Circle { turns })
    }

    /// The first failed check fails as before, while nothing beside it gets anywhere.
    fn same_failure(&self, limit: u32) -> Option<Signal> {
        let first = |trace: &Trace| {
            let failed = trace.failed.first()?;
            Some((failed.check.clone(), failed.failure.clone()))
        };
        let firsts: Vec<_> = self.verdicts.iter().map(first).collect();
        let times = run_length(firsts.iter());
        let (check, _) = firsts.last()?.clone()?;
        let from = self.verdicts.len().saturating_sub(times as usize);
        let row = self.verdicts.get(from..).unwrap_or_default();
        let stuck = times >= limit && !moves_beside(row);
        stuck.then_some(Signal::SameFailure { times, check })
    }

    /// How long ago the tree was the same, not only just before, and failed in the same way.
    fn back_again(&self, limit: u32) -> Option<usize> {
        let (last, before) = self.verdicts.split_last()?;
        let same = |trace: &&Trace| trace.tree == last.tree && trace.verdict == last.verdict;
        let times = 1 + before.iter().filter(same).count();
        let turns = 1 + before.iter().rev().position(|trace| same(&trace))?;
        (turns > 1 && times >= limit as usize).then_some(turns)
    }

    /// After how many verdicts the same ones come again, where they have come so often in turn.
    fn in_turn(&self, limit: u32) -> Option<usize> {
        let times = limit.max(2) as usize;
        let newest: Vec<_> = self.verdicts.iter().rev().map(|t| &t.verdict).collect();
        (2..=newest.len() / times).find(|&turns| {
            let rows = newest.get(..turns * times).unwrap_or_default();
            rows.chunks(turns).all(|row| Some(row) == rows.get(..turns))
        })
    }
}

/// Whether the newest of these iterations got somewhere beside its first failed check: fewer checks
/// fail, or one says a number that is lower or higher than all that it has said before. Which of the
/// two is better, nobody has said.
fn moves_beside(row: &[Trace]) -> bool {
    let Some((last, before)) = row.split_last() else {
        return false;
    };
    let fewer = before
        .last()
        .is_some_and(|trace| last.failed.len() < trace.failed.len());
    let record = |now: &Failed| {
        let then = before.iter().flat_map(|trace| &trace.failed);
        let then = then.filter(|then| then.check == now.check);
        let then: Vec<f64> = then.filter_map(|then| then.number).collect();
        let beats = |number: f64| {
            then.iter().all(|&then| number < then) || then.iter().all(|&then| number > then)
        };
        !then.is_empty() && now.number.is_some_and(beats)
    };
    fewer || last.failed.iter().skip(1).any(record)
}

/// The first number of a figure.
fn number(figure: &str) -> Option<f64> {
    let from = figure.find(|c: char| c.is_ascii_digit())?;
    let number = figure.get(from..)?;
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.');
    number.get(..end.unwrap_or(number.len()))?.parse().ok()
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
            let tree = format!("T{diff}");
            let verdict = Verdict {
                tree,
                ..verdict.clone()
            };
            traces.verdict(&Digest::of(diff.as_bytes()), &verdict);
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

    /// The same output counts although another check fails beside it, unless that one gets somewhere;
    /// the same diff counts by itself.
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
        assert_eq!(after(&row), None);
        let row = [("1", beside("1")), ("2", beside("2")), ("3", beside("1"))];
        let check = "words".to_owned();
        assert_eq!(after(&row), Some(Signal::SameFailure { times: 3, check }));
        let row = [("", failing("a", "1", "1")), ("", failing("b", "2", "2"))];
        assert_eq!(after(&row), Some(Signal::SameDiff { times: 2 }));
    }

    /// The same tree again with the same verdict is a circle at once; verdicts alone have to come twice
    /// in turn, since what was mended may break once more on the way.
    #[test]
    fn circles() {
        let (a, b) = (failing("words", "900", "x"), failing("words", "850", "y"));
        let row = [("1", a.clone()), ("2", b.clone()), ("1", a.clone())];
        assert_eq!(after(&row), Some(Signal::Circle { turns: 2 }));
        let row = [("1", a.clone()), ("2", b.clone()), ("3", a), ("4", b)];
        assert_eq!(after(&row[..3]), None);
        assert_eq!(after(&row), Some(Signal::Circle { turns: 2 }));
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
