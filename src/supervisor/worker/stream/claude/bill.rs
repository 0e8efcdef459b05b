//! What claude and qwen say about tokens and money: a figure for the run, one for the session, and
//! beginnings in between. Which of them is true depends on how the run went.

use crate::supervisor::worker::stream::json::Object;
use crate::supervisor::worker::stream::spent::{Spent, Steps};

/// Gathers every figure and says what was spent.
#[derive(Debug, Clone, Default)]
pub(super) struct Bill {
    /// Of all results so far.
    settled: Spent,
    results: u32,
    /// Of messages since the last result: input is right, output only begins.
    steps: Steps,
    /// Whole session, as last seen.
    session: Option<Spent>,
    /// The message that pieces belong to.
    message: String,
    /// qwen counts cached tokens as input too.
    cached_inside: bool,
}

impl Bill {
    /// A session begins or goes on.
    pub(super) fn begin(&mut self, init: &Object<'_>, before: Spent) {
        self.cached_inside = init.raw("qwen_code_version").is_some();
        if self.session.is_none() && before.tokens() > 0 {
            self.session = Some(before);
        }
    }

    /// A message, of which every line repeats the id and the figures.
    pub(super) fn message(&mut self, message: &Object<'_>) {
        if let Some(usage) = message.object("usage") {
            let spent = self.usage(&usage);
            if spent.tokens() > 0 {
                self.steps.put(&message.word("id"), spent);
            }
        }
    }

    /// A piece of a message: its last one knows how long it became.
    pub(super) fn piece(&mut self, event: &Object<'_>) {
        let Some(piece) = event.object("event") else {
            return;
        };
        match &*piece.word("type") {
            "message_start" => {
                if let Some(message) = piece.object("message") {
                    self.message = message.word("id").into_owned();
                    self.message(&message);
                }
            }
            "message_delta" => {
                if let Some(usage) = piece.object("usage") {
                    let spent = self.usage(&usage);
                    let id = event.text("api_message_id");
                    self.steps
                        .put(id.as_deref().unwrap_or(&self.message), spent);
                }
            }
            _ => {}
        }
    }

    /// A run is over. `usage` leaves out subagents and is nothing where it was interrupted; the
    /// figures by model leave out requests that broke off. The higher of the two is nearer.
    pub(super) fn result(&mut self, event: &Object<'_>, before: Spent) {
        let usage = event.object("usage");
        let usage = usage.map_or_else(Spent::default, |usage| self.usage(&usage));
        // Versions without figures by model still tell what the whole session cost.
        let models = event.object("modelUsage").unwrap_or_default();
        let session = by_model(&models).costing(event.float("total_cost_usd"));
        let known = self.session.unwrap_or(before);
        let own = event.object("model_usage_since_last_result");
        let models = match own.filter(|own| own.fields().next().is_some()) {
            Some(own) => by_model(&own).costing(cost(&own)),
            None => session.since(known),
        };
        let run = if usage.tokens() > models.tokens() {
            Spent {
                // $0 for tokens is no price.
                micro_usd: models.micro_usd.filter(|money| *money > 0),
                ..usage
            }
        } else {
            models
        };
        // A turn that failed may tell nothing at its end: what its messages told before still counts.
        let begun = self.steps.total();
        let run = if begun.tokens() > run.tokens() {
            Spent {
                partial: true,
                ..begun
            }
        } else {
            run
        };
        self.settled = if self.results == 0 {
            run
        } else {
            self.settled.plus(run)
        };
        self.results += 1;
        if session.tokens() > 0 || session.micro_usd > Some(0) {
            self.session = Some(session);
        }
        self.steps = Steps::default();
    }

    /// Results, and what began after the last of them.
    pub(super) fn spent(&self) -> Option<Spent> {
        let open = Spent {
            partial: true,
            ..self.steps.total()
        };
        match (self.results > 0, self.steps.is_empty()) {
            (false, true) => None,
            (false, false) => Some(open),
            (true, true) => Some(self.settled),
            (true, false) => Some(self.settled.plus(open)),
        }
    }

    /// The whole session.
    pub(super) fn totals(&self) -> Option<Spent> {
        self.session
    }

    fn usage(&self, usage: &Object<'_>) -> Spent {
        let cached = usage.number("cache_read_input_tokens");
        let input = usage.number("input_tokens");
        let output = usage.number("output_tokens");
        let inside = self.cached_inside
            || (cached > 0 && usage.number("total_tokens") == input.saturating_add(output));
        let thinking = usage
            .object("output_tokens_details")
            .map_or(0, |details| details.number("thinking_tokens"));
        Spent {
            input: if inside {
                input.saturating_sub(cached)
            } else {
                input.saturating_add(usage.number("cache_creation_input_tokens"))
            },
            output,
            cached,
            thinking,
            ..Spent::default()
        }
    }
}

/// The sum over models.
fn by_model(models: &Object<'_>) -> Spent {
    let each = models
        .fields()
        .filter_map(|(_, model)| Object::parse(model));
    each.fold(Spent::default(), |sum, model| {
        sum.plus(Spent {
            input: model
                .number("inputTokens")
                .saturating_add(model.number("cacheCreationInputTokens")),
            output: model.number("outputTokens"),
            cached: model.number("cacheReadInputTokens"),
            thinking: model.number("thinkingTokens"),
            ..Spent::default()
        })
    })
}

/// What all models cost; unknown where one of them does not say.
fn cost(models: &Object<'_>) -> Option<f64> {
    let each = models
        .fields()
        .filter_map(|(_, model)| Object::parse(model));
    each.map(|model| model.float("costUSD"))
        .try_fold(0.0, |sum, cost| cost.map(|cost| sum + cost))
}
