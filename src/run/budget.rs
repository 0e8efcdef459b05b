//! What a run may spend: caps, what is spent, and when no further step may begin.

use serde::{Deserialize, Serialize};

use super::spec::Budget;
use super::work::Usage;

/// The limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Tokens: spent, cap.
    Tokens(u64, u64),
    /// Millionths of a dollar: spent, cap.
    MicroUsd(u64, u64),
    /// Minutes at work: spent, cap.
    Minutes(u64, u64),
}

/// What a run may use up before its time: the two caps that a single call can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purse {
    /// Tokens.
    Tokens,
    /// Money.
    Money,
}

impl Purse {
    /// Its key in `[guardrails.budget]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tokens => "tokens_per_run",
            Self::Money => "usd_per_run",
        }
    }
}

impl Limit {
    /// Whether something is left under the cap, only too little for the next call.
    pub fn is_ahead(self) -> bool {
        let (Self::Tokens(spent, cap) | Self::MicroUsd(spent, cap) | Self::Minutes(spent, cap)) =
            self;
        spent < cap
    }

    /// Whether a cap is higher than the one that was met.
    pub(super) fn is_raised(self, cap: Budget) -> bool {
        match self {
            Self::Tokens(_, met) => cap.tokens > met,
            Self::MicroUsd(_, met) => cap.micro_usd.is_none_or(|cap| cap > met),
            Self::Minutes(_, met) => cap.minutes > met,
        }
    }
}

/// The meter of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meter {
    cap: Budget,
    used: Usage,
    /// What the step in flight has reported so far; folded into `used` when it ends.
    live: Usage,
    /// What the step in flight may have used in all before it tells more.
    reserved: Usage,
    /// Money known to be spent by steps that ended, even where other steps leave the sum unknown.
    known_micro_usd: u64,
    worked_ms: u64,
}

impl Meter {
    /// A fresh meter under these caps.
    pub fn new(cap: Budget) -> Self {
        Self {
            cap,
            used: Usage::default(),
            live: Usage::default(),
            reserved: Usage::default(),
            known_micro_usd: 0,
            worked_ms: 0,
        }
    }

    /// The step in flight says that it has used this much so far, in all.
    pub fn report(&mut self, so_far: Usage) {
        self.live = so_far;
    }

    /// The step in flight may have used this much in all before it tells more.
    pub fn reserve(&mut self, worst: Usage) {
        self.reserved = worst;
    }

    /// What was set aside for the step in flight beyond what it has told, all in all.
    pub(super) fn unheard(&self) -> Option<Usage> {
        let Usage {
            tokens, micro_usd, ..
        } = self.reserved;
        let more = tokens > self.live.tokens || micro_usd > self.live.micro_usd;
        more.then_some(self.reserved)
    }

    /// A step has ended: its usage and time count, its live report is replaced by them.
    pub fn spend(&mut self, usage: Usage, took_ms: u64) {
        self.live = usage;
        self.settle();
        self.worked_ms = self.worked_ms.saturating_add(took_ms);
    }

    /// The step in flight ended without a count of its own: what it reported last counts.
    pub fn settle(&mut self) {
        self.known_micro_usd = self.known_micro_usd();
        self.used = self.used();
        self.live = Usage::default();
        self.reserved = Usage::default();
    }

    /// So long was a step at work that came to nothing.
    pub fn took(&mut self, ms: u64) {
        self.worked_ms = self.worked_ms.saturating_add(ms);
    }

    /// The cap of which too little is left for the next call.
    pub fn ahead(&self, purse: Purse) -> Limit {
        match (purse, self.cap.micro_usd) {
            (Purse::Money, Some(cap)) => Limit::MicroUsd(self.known_micro_usd(), cap),
            (Purse::Money, None) | (Purse::Tokens, _) => {
                Limit::Tokens(self.used().tokens, self.cap.tokens)
            }
        }
    }

    /// The clock of the step in flight ran out: its time counts although it never told it.
    pub fn run_out(&mut self, minutes: u64) {
        self.worked_ms = self.worked_ms.max(minutes.saturating_mul(60_000));
    }

    /// Money that is certainly spent: where some is unknown the sum is, but not the least of it.
    pub fn known_micro_usd(&self) -> u64 {
        self.known_micro_usd
            .saturating_add(self.live.micro_usd.unwrap_or(0))
    }

    /// Raises caps; a cap is never lowered by this, and none is made where there was none.
    pub fn raise(&mut self, tokens: Option<u64>, minutes: Option<u64>, micro_usd: Option<u64>) {
        self.cap.tokens = self.cap.tokens.max(tokens.unwrap_or(0));
        self.cap.minutes = self.cap.minutes.max(minutes.unwrap_or(0));
        self.cap.micro_usd = self
            .cap
            .micro_usd
            .map(|cap| cap.max(micro_usd.unwrap_or(0)));
    }

    /// All that is used, the step in flight included.
    pub fn used(&self) -> Usage {
        self.used.plus(self.live)
    }

    /// What the step in flight has reported so far.
    pub fn live(&self) -> Usage {
        self.live
    }

    /// The caps in force.
    pub fn cap(&self) -> Budget {
        self.cap
    }

    /// Time at work, in milliseconds.
    pub fn worked_ms(&self) -> u64 {
        self.worked_ms
    }

    /// Time left for the step in flight, in milliseconds.
    pub fn left_ms(&self) -> u64 {
        self.cap
            .minutes
            .saturating_mul(60_000)
            .saturating_sub(self.worked_ms)
    }

    /// Tokens left, what the step in flight has reported included.
    pub fn left_tokens(&self) -> u64 {
        self.cap.tokens.saturating_sub(self.used().tokens)
    }

    /// Money left under a cap, in millionths of a dollar; `None` where there is no cap.
    pub fn left_micro_usd(&self) -> Option<u64> {
        let cap = self.cap.micro_usd?;
        Some(cap.saturating_sub(self.known_micro_usd()))
    }

    /// The limit that is reached, if any: then no step may begin and the one in flight ends.
    pub fn reached(&self) -> Option<Limit> {
        let used = self.used();
        if used.tokens >= self.cap.tokens {
            return Some(Limit::Tokens(used.tokens, self.cap.tokens));
        }
        if let Some(cap) = self.cap.micro_usd
            && self.known_micro_usd() >= cap
        {
            return Some(Limit::MicroUsd(self.known_micro_usd(), cap));
        }
        let minutes = self.worked_ms / 60_000;
        (minutes >= self.cap.minutes).then_some(Limit::Minutes(minutes, self.cap.minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(micro_usd: Option<u64>) -> Meter {
        Meter::new(Budget {
            tokens: 60_000,
            micro_usd,
            minutes: 30,
        })
    }

    fn used(tokens: u64, micro_usd: Option<u64>) -> Usage {
        Usage {
            tokens,
            estimated: false,
            micro_usd,
            ..Usage::default()
        }
    }

    /// An unknown price makes the sum unknown, never $0; what is known still counts to the cap.
    #[test]
    fn unknown_money_is_not_nothing() {
        let mut meter = meter(Some(100));
        meter.spend(used(10, Some(90)), 0);
        assert_eq!(meter.used().micro_usd, Some(90));
        meter.spend(used(10, None), 0);
        assert_eq!(meter.used().micro_usd, None);
        assert_eq!(meter.reached(), None);
        meter.report(used(5, Some(10)));
        assert_eq!(meter.reached(), Some(Limit::MicroUsd(100, 100)));
    }

    /// R18: the report of the step in flight counts at once, and once.
    #[test]
    fn a_live_report_counts_once() {
        let mut meter = meter(None);
        meter.report(used(40_000, None));
        meter.report(used(59_999, None));
        assert_eq!(meter.reached(), None);
        meter.spend(used(60_000, None), 0);
        assert_eq!(meter.reached(), Some(Limit::Tokens(60_000, 60_000)));
        assert_eq!(meter.used().tokens, 60_000);
    }

    /// A step that ended without a count is charged what it reported last.
    #[test]
    fn what_was_reported_settles() {
        let mut meter = meter(Some(100));
        meter.report(used(7, Some(60)));
        meter.settle();
        meter.settle();
        assert_eq!(meter.used().tokens, 7);
        assert_eq!(meter.known_micro_usd(), 60);
    }

    /// Minutes count work only, by steps and by the clock; raising never lowers, nor invents a cap.
    #[test]
    fn minutes_end_and_caps_rise() {
        let mut meter = meter(None);
        meter.spend(Usage::default(), 29 * 60_000);
        assert_eq!((meter.reached(), meter.left_ms()), (None, 60_000));
        meter.run_out(30);
        assert_eq!(meter.reached(), Some(Limit::Minutes(30, 30)));
        meter.raise(Some(1), Some(u64::MAX), Some(1));
        assert_eq!(meter.cap().tokens, 60_000);
        assert_eq!(meter.cap().micro_usd, None);
        assert_eq!(meter.reached(), None);
        assert!(meter.left_ms() > 0);
    }
}
