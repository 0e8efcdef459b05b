//! What a worker did: its tree, its diff, its claims, its usage, and what it was not allowed.

use serde::{Deserialize, Serialize};

use super::digest::TextRef;

/// The outcome of one worker's turn, measured on the real tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Git tree id of the workspace afterwards.
    pub tree: String,
    /// The diff against the tree before this iteration, as shown.
    pub diff: TextRef,
    /// One per changed file.
    pub changes: Vec<Change>,
    /// What the worker says of itself; shown weaker than evidence and never counted.
    pub claim: Option<String>,
    /// The last `NOTE:` line of its output.
    pub note: Option<String>,
    /// A question it asked instead of working.
    pub question: Option<String>,
    /// Who made this tree: the worker, or the operator by an edit.
    pub author: Author,
    /// What it spent.
    pub usage: Usage,
    /// Time it took, in milliseconds.
    pub took_ms: u64,
    /// What the guardrails refused; already put back when this is told.
    pub breaches: Vec<Breach>,
    /// The tree with what was refused still in it; `None` without breaches.
    pub tried: Option<String>,
}

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// The worker.
    Worker,
    /// The operator, `✎`.
    Operator,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Path in the workspace; bytes that are no UTF-8 are shown as `\xNN`.
    pub path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Lines added; 0 for binary files.
    pub added: u64,
    /// Lines removed; 0 for binary files.
    pub removed: u64,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// New.
    Added,
    /// Other content, mode or type.
    Modified,
    /// Gone.
    Deleted,
}

/// One rule that the work went against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The rule, as in the loop file: `protected`, `write`, `max_deletions = 2` …
    pub rule: String,
    /// What was tried, one line, inert.
    pub tried: String,
}

/// Tokens and money. Unknown is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens in and out.
    pub tokens: u64,
    /// Whether `tokens` is our own estimate (bytes ÷ 4), shown as `≈`.
    pub estimated: bool,
    /// Millionths of a dollar; `None` is unknown and never shown as $0.
    pub micro_usd: Option<u64>,
}

impl Usage {
    /// An estimate for so many bytes of prompt and output (PRODUCT §5.20).
    pub fn estimate(bytes: u64) -> Self {
        Self {
            tokens: bytes.div_ceil(4),
            estimated: true,
            micro_usd: None,
        }
    }

    /// The sum. An unknown part makes the money unknown; nothing spent adds nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        if self.is_nothing() {
            return other;
        }
        if other.is_nothing() {
            return self;
        }
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            estimated: self.estimated || other.estimated,
            micro_usd: self
                .micro_usd
                .zip(other.micro_usd)
                .map(|(a, b)| a.saturating_add(b)),
        }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Work {
    /// Lines added and removed in all.
    pub fn size(&self) -> (u64, u64) {
        self.changes
            .iter()
            .fold((0, 0), |(a, r), c| (a + c.added, r + c.removed))
    }
}
