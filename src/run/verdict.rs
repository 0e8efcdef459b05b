//! Verdicts: checks and judge together, bound to one tree; and when two of them are the same.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::flag::Flag;
use super::spec::Check;
use super::steady::steady;

/// What one check said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's name.
    pub name: String,
    /// Whether it counts.
    pub required: bool,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// First line of its output: the figure shown. May be empty.
    pub figure: String,
    /// The command as it ran, for the evidence column.
    pub command: Vec<String>,
    /// The last lines of its output, inert, cut to 4 KiB.
    pub evidence: String,
    /// Digest of all its output.
    pub output: Digest,
    /// Time it took, in milliseconds.
    pub took_ms: u64,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// Exit 0.
    Passed,
    /// Another exit code.
    Failed {
        /// The exit code; `None` for a signal.
        code: Option<i32>,
    },
    /// Killed after its timeout.
    TimedOut,
    /// Could not be started; the cause.
    CannotRun(String),
    /// It ran, and what it found does not count; the cause.
    Void(String),
    /// Not run, because an earlier required check failed.
    Skipped,
}

/// What the judge said, if asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The loop has no judge.
    None,
    /// Not asked: this required check failed.
    NotAsked {
        /// The check's name.
        because: String,
    },
    /// A human judge has still to answer.
    Open,
    /// Answered, one finding per rubric line.
    Given(JudgeAnswer),
    /// Its answer could not be read: not approved.
    Unreadable {
        /// What was wrong with it.
        why: String,
        /// The beginning of what it printed, inert.
        raw: String,
    },
}

/// The majority answer of a judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeAnswer {
    /// One per rubric line, in the rubric's order.
    pub findings: Vec<Finding>,
    /// The note it proposes for memory.
    pub note: Option<String>,
    /// Votes for approval and votes in all.
    pub votes: (u32, u32),
}

/// One rubric line, answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rubric line.
    pub line: String,
    /// Yes or no.
    pub pass: bool,
    /// Why: never empty from a judge.
    pub evidence: String,
    /// Whether the operator turned it over.
    pub overturned: bool,
}

/// Approved or not approved, for one tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The tree that was examined; any other tree has no verdict.
    pub tree: String,
    /// Every check, in order.
    pub checks: Vec<CheckResult>,
    /// The judge's part.
    pub judgement: Judgement,
    /// The note proposed for memory, inert, cut to the loop's `max_note_lines`.
    pub note: Option<String>,
    /// What the next prompt is told.
    pub feedback: String,
    /// What of the tree should be looked at; it changes nothing of the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
}

impl CheckResult {
    /// Whether it passed.
    pub fn passed(&self) -> bool {
        self.outcome == CheckOutcome::Passed
    }

    /// Names two failures that are the same: how it ended, its figure and its evidence, each without
    /// what differs from run to run. Of a long output only the end is known.
    pub fn failure(&self) -> Digest {
        let ended = match &self.outcome {
            CheckOutcome::Passed => "passed".to_owned(),
            CheckOutcome::Failed { code } => format!("{code:?}"),
            CheckOutcome::TimedOut => "timed out".to_owned(),
            CheckOutcome::CannotRun(why) | CheckOutcome::Void(why) => steady(why).concat(),
            CheckOutcome::Skipped => "skipped".to_owned(),
        };
        let said = steady(&format!("{}\n{}", self.figure, self.evidence));
        Digest::of_value(&(ended, said))
    }

    /// The result of a check that was never run.
    pub fn skipped(check: &Check) -> Self {
        Self {
            name: check.name.clone(),
            required: check.required,
            outcome: CheckOutcome::Skipped,
            figure: String::new(),
            command: check.command.clone(),
            evidence: String::new(),
            output: Digest::of(b""),
            took_ms: 0,
        }
    }
}

impl Judgement {
    /// Whether this part lets the verdict be approved.
    pub fn passes(&self) -> bool {
        match self {
            Self::None => true,
            Self::Given(answer) => {
                !answer.findings.is_empty() && answer.findings.iter().all(|f| f.pass)
            }
            Self::NotAsked { .. } | Self::Open | Self::Unreadable { .. } => false,
        }
    }
}

impl Verdict {
    /// Checks AND judge; there is no other path. What nobody examined is not approved.
    pub fn approved(&self) -> bool {
        let judged = matches!(self.judgement, Judgement::Given(_));
        let examined = judged || self.checks.iter().any(|c| c.required);
        examined && self.first_failed().is_none() && self.judgement.passes()
    }

    /// The first required check that did not pass.
    pub fn first_failed(&self) -> Option<&CheckResult> {
        self.failed().next()
    }

    /// The required checks that did not pass, in order.
    pub fn failed(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|c| c.required && !c.passed())
    }

    /// Names two verdicts that fail in the same way: failed checks with what they said, failed
    /// rubric lines by number. The judge's wording does not count, because it varies.
    pub fn fingerprint(&self) -> Digest {
        let checks: Vec<_> = self.failed().map(|c| (&c.name, c.failure())).collect();
        let lines: Vec<usize> = match &self.judgement {
            Judgement::Given(answer) => (0..answer.findings.len())
                .filter(|&i| !answer.findings[i].pass)
                .collect(),
            Judgement::Unreadable { .. } => vec![usize::MAX],
            Judgement::None | Judgement::NotAsked { .. } | Judgement::Open => Vec::new(),
        };
        Digest::of_value(&(checks, lines))
    }
}
