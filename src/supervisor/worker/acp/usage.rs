//! What a session has used. Agents tell it in different places, some not at all; what is not told
//! is estimated and marked so.

use std::time::Duration;

use agent_client_protocol::v1::schema::{PromptResponse, Usage as Told, UsageUpdate};
use serde_json::Value;
use tokio::time::Instant;

use crate::run::Usage;
use crate::run::work::micro_usd;
use crate::supervisor::worker::Progress;

/// Least time between two reports.
const EVERY: Duration = Duration::from_millis(250);

/// Counts while the session runs.
pub(super) struct Meter {
    /// Bytes of the prompt.
    asked: u64,
    /// Bytes of words and results since.
    bytes: u64,
    /// Tokens in the model's window after its last answer: the whole is at least that.
    window: u64,
    /// Money of this session, in millionths of a dollar.
    micro_usd: Option<u64>,
    reported: Option<Instant>,
}

impl Meter {
    pub(super) fn new(prompt: u64) -> Self {
        Self {
            asked: prompt,
            bytes: 0,
            window: 0,
            micro_usd: None,
            reported: None,
        }
    }

    /// So many more bytes went by.
    pub(super) fn bytes(&mut self, more: usize, progress: &mut dyn Progress) {
        self.bytes += more as u64;
        let due = self.reported.is_none_or(|at| at.elapsed() >= EVERY);
        if due {
            self.reported = Some(Instant::now());
            progress.usage(self.so_far());
        }
    }

    pub(super) fn update(&mut self, update: &UsageUpdate) {
        self.window = self.window.max(update.used);
        // Every turn has a session of its own, so the session's money is the turn's. Agents that
        // know no price say 0: that is unknown.
        let cost = update.cost.as_ref();
        let cost = cost.filter(|c| c.currency == "USD" && c.amount > 0.0);
        self.micro_usd = cost.and_then(|c| micro_usd(c.amount)).or(self.micro_usd);
    }

    /// An estimate, until the answer says it.
    pub(super) fn so_far(&self) -> Usage {
        let guess = Usage::estimate(self.asked, self.bytes);
        Usage {
            tokens: guess.tokens.max(self.window),
            micro_usd: self.micro_usd,
            ..guess
        }
    }

    /// What the prompt's answer says it was; `partly` where the agent tells of its last step only.
    pub(super) fn in_all(&self, answer: &PromptResponse, partly: bool) -> Usage {
        let guess = self.so_far();
        let told = answer.usage.as_ref().map(told).or_else(|| quota(answer));
        match told {
            Some(told) if partly => Usage {
                tokens: told.tokens.max(guess.tokens),
                estimated: true,
                micro_usd: self.micro_usd,
                ..told
            },
            Some(told) => Usage {
                micro_usd: self.micro_usd,
                ..told
            },
            None => guess,
        }
    }
}

/// All agents leave what was read from a cache out of `inputTokens`; some count thinking beside
/// what came out, some in it. Their sum is the same, so what came out is what is left of it.
fn told(usage: &Told) -> Usage {
    let cached = usage.cached_read_tokens.unwrap_or(0);
    let written = usage.cached_write_tokens.unwrap_or(0);
    let input = usage.input_tokens.saturating_add(written);
    let least = input.saturating_add(usage.output_tokens);
    let tokens = usage.total_tokens.saturating_sub(cached).max(least);
    Usage {
        tokens,
        output: tokens - input,
        thinking: usage.thought_tokens.unwrap_or(0),
        cached,
        ..Usage::default()
    }
}

/// Where gemini tells it.
fn quota(answer: &PromptResponse) -> Option<Usage> {
    let count = answer.meta.as_ref()?.get("quota")?.get("token_count")?;
    let number = |name: &str| count.get(name).and_then(Value::as_u64);
    let (input, output) = (number("input_tokens")?, number("output_tokens")?);
    Some(Usage {
        tokens: input.saturating_add(output),
        output,
        ..Usage::default()
    })
}
