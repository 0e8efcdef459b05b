//! What a worker did: its tree, its diff, its claims, its usage, and what it was not allowed.

use serde::{Deserialize, Serialize};

use super::digest::TextRef;
use super::flag::Flag;

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
    /// What of this tree should be looked at, since the start of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
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
    /// Tokens in and out, those read from a cache left out: what caps count.
    pub tokens: u64,
    /// Of `tokens`, those that came out, thinking included; 0 where only the sum is known.
    #[serde(default)]
    pub output: u64,
    /// Of `output`, those that were thought and not said; 0 where the agent does not tell.
    #[serde(default)]
    pub thinking: u64,
    /// Tokens read from a cache: cheaper, and not in `tokens`.
    #[serde(default)]
    pub cached: u64,
    /// Whether `tokens` is our own estimate (bytes ÷ 4), shown as `≈`.
    pub estimated: bool,
    /// Millionths of a dollar; `None` is unknown and never shown as $0.
    pub micro_usd: Option<u64>,
    /// Whether the money is reckoned from a list of prices, shown as `≈`, and not told by the agent.
    #[serde(default)]
    pub priced: bool,
    /// What a subscription covered, in millionths of a dollar: used, not paid, so apart from `micro_usd`.
    #[serde(default)]
    pub plan_micro_usd: u64,
}

impl Usage {
    /// An estimate for so many bytes asked and answered (PRODUCT §5.20).
    pub fn estimate(asked: u64, answered: u64) -> Self {
        let output = answered.div_ceil(4);
        Self {
            tokens: asked.div_ceil(4).saturating_add(output),
            output,
            estimated: true,
            ..Self::default()
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
            output: self.output.saturating_add(other.output),
            thinking: self.thinking.saturating_add(other.thinking),
            cached: self.cached.saturating_add(other.cached),
            estimated: self.estimated || other.estimated,
            micro_usd: self
                .micro_usd
                .zip(other.micro_usd)
                .map(|(a, b)| a.saturating_add(b)),
            priced: self.priced || other.priced,
            plan_micro_usd: self.plan_micro_usd.saturating_add(other.plan_micro_usd),
        }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Dollars as millionths, rounded; `None` for what is no amount of money. What is more than nothing
/// does not become nothing.
pub fn micro_usd(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1e6).round();
    // The whole part has at most 16 digits, which both kinds of number hold exactly.
    let whole = (0.0..=9e15).contains(&micro).then(|| format!("{micro:.0}"));
    let whole: u64 = whole?.parse().ok()?;
    Some(whole.max(u64::from(dollars > 0.0)))
}

impl Work {
    /// Lines added and removed in all.
    pub fn size(&self) -> (u64, u64) {
        self.changes
            .iter()
            .fold((0, 0), |(a, r), c| (a + c.added, r + c.removed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Money is exact to the millionth, never $0 for something, and nothing else is money.
    #[test]
    fn dollars_become_millionths() {
        for (dollars, micro) in [
            (0.6, 600_000),
            (0.07, 70_000),
            (1e-9, 1),
            (0.0, 0),
            (2.0, 2_000_000),
        ] {
            assert_eq!(micro_usd(dollars), Some(micro), "{dollars}");
        }
        for none in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(micro_usd(none), None, "{none}");
        }
    }
}
