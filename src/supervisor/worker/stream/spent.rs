//! What a turn spent, counted the same way for every agent: parts that do not overlap.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::run::Usage;
use crate::run::work::micro_usd;

/// Tokens and money of one turn, or of a whole session.
///
/// Agents count in different ways; the readers bring them to this one: `input`, `cached` and
/// `output` never overlap, `thinking` is a part of `output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens read that no cache had, those written to a cache included.
    pub input: u64,
    /// Tokens written, thinking included.
    pub output: u64,
    /// Tokens read from a cache, beside `input`.
    pub cached: u64,
    /// Tokens of `output` that were thought and not said.
    pub thinking: u64,
    /// Millionths of a dollar as the agent itself says; `None` is unknown, never nothing.
    pub micro_usd: Option<u64>,
    /// Whether these are only figures from the middle of an answer: a lower bound.
    pub partial: bool,
}

impl Spent {
    /// All tokens.
    pub fn tokens(&self) -> u64 {
        self.input
            .saturating_add(self.output)
            .saturating_add(self.cached)
    }

    /// As a run counts it: what came from a cache is apart, and so is what a subscription covered.
    pub fn usage(self, plan: bool) -> Usage {
        let (paid, covered) = if plan {
            (Some(0), self.micro_usd.unwrap_or(0))
        } else {
            (self.micro_usd, 0)
        };
        Usage {
            tokens: self.input.saturating_add(self.output),
            output: self.output,
            thinking: self.thinking,
            cached: self.cached,
            estimated: self.partial,
            micro_usd: paid,
            plan_micro_usd: covered,
            ..Usage::default()
        }
    }

    /// The sum. Money of which a part is unknown is unknown; nothing spent adds nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let micro_usd = match (self.micro_usd, other.micro_usd) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (money, None) if other.tokens() == 0 => money,
            (None, money) if self.tokens() == 0 => money,
            (None, _) | (_, None) => None,
        };
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            thinking: self.thinking.saturating_add(other.thinking),
            micro_usd,
            partial: self.partial || other.partial,
        }
    }

    /// What came on top of earlier totals of the same session. Totals that went down were counted
    /// anew, so that all of them count.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let less = self.input < before.input
            || self.output < before.output
            || self.cached < before.cached
            || self.thinking < before.thinking;
        if less {
            return self;
        }
        let micro_usd = match (self.micro_usd, before.micro_usd) {
            (Some(now), Some(then)) => Some(now.saturating_sub(then)),
            (now, None) if before.tokens() == 0 => now,
            (None, _) | (_, None) => None,
        };
        Self {
            input: self.input - before.input,
            output: self.output - before.output,
            cached: self.cached - before.cached,
            thinking: self.thinking - before.thinking,
            micro_usd,
            partial: self.partial,
        }
    }

    /// With what the agent says it cost. Tokens for $0 are tokens without a known price.
    #[must_use]
    pub fn costing(self, usd: Option<f64>) -> Self {
        let micro_usd = usd
            .filter(|usd| usd.is_finite() && *usd >= 0.0)
            .filter(|usd| *usd > 0.0 || self.tokens() == 0)
            .and_then(micro_usd);
        Self { micro_usd, ..self }
    }
}

impl fmt::Display for Spent {
    /// «3300 tokens in, 82 out, 1000 cached, 5 thought, $0.014840»; only what there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = if self.partial { "at least " } else { "" };
        write!(f, "{least}{} tokens in, {} out", self.input, self.output)?;
        if self.cached > 0 {
            write!(f, ", {} cached", self.cached)?;
        }
        if self.thinking > 0 {
            write!(f, ", {} thought", self.thinking)?;
        }
        if let Some(micro) = self.micro_usd {
            write!(f, ", ${}.{:06}", micro / 1_000_000, micro % 1_000_000)?;
        }
        Ok(())
    }
}

/// How many times as much its words must come to as an agent says it used, before they are believed:
/// an estimate from bytes is no nearer than that.
const BY_FAR: u64 = 2;

/// What the agent says it spent, and an estimate of the words that it has said since, so many bytes of
/// them; an estimate alone while it says nothing or only beginnings, and where its words come to more by far.
pub fn in_all(spent: Option<Spent>, plan: bool, estimate: Usage, since: u64) -> Usage {
    let Some(told) = spent.map(|spent| spent.usage(plan)) else {
        return estimate;
    };
    let more = since.div_ceil(4);
    let told_and_more = Usage {
        tokens: told.tokens.saturating_add(more),
        output: told.output.saturating_add(more),
        estimated: told.estimated || more > 0,
        ..told
    };
    let all = told_and_more.tokens.saturating_add(told.cached);
    let too_little = all.saturating_mul(BY_FAR) < estimate.tokens;
    if !told.estimated && !too_little {
        return told_and_more;
    }
    Usage {
        tokens: told_and_more.tokens.max(estimate.tokens),
        estimated: true,
        ..told_and_more
    }
}

/// Totals of sessions as they were last seen: some agents only ever tell the sum of a whole session.
pub type Sessions = BTreeMap<String, Spent>;

/// Most steps whose figures can still change.
const OPEN_STEPS: usize = 64;

/// Figures that come once per answer or step; a repeated id is the same step and counts once.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    sum: Spent,
    open: VecDeque<(String, Spent)>,
}

impl Steps {
    /// Says what a step has spent; said again, the later figures replace the earlier where they are higher.
    pub(super) fn put(&mut self, id: &str, spent: Spent) {
        if let Some((_, known)) = self.open.iter_mut().find(|(known, _)| known == id) {
            if spent.tokens() >= known.tokens() {
                *known = spent;
            }
            return;
        }
        if self.open.len() >= OPEN_STEPS
            && let Some((_, closed)) = self.open.pop_front()
        {
            self.sum = self.sum.plus(closed);
        }
        self.open.push_back((id.to_owned(), spent));
    }

    /// All steps together.
    pub(super) fn total(&self) -> Spent {
        self.open
            .iter()
            .fold(self.sum, |sum, (_, step)| sum.plus(*step))
    }

    /// Whether no step was told.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A total that is less than the words alone come to by far does not replace their estimate; one that
    /// is near stands exactly, and what came from a cache counts as told.
    #[test]
    fn a_total_told_much_too_low_is_not_believed() {
        let told = |output, cached| {
            let spent = Spent {
                output,
                cached,
                ..Spent::default()
            };
            let usage = in_all(Some(spent), false, Usage::estimate(0, 4_000), 0);
            (usage.tokens, usage.estimated)
        };
        assert_eq!(told(10, 0), (1_000, true));
        assert_eq!(told(600, 0), (600, false));
        assert_eq!(told(10, 900), (10, false));
    }
}
