//! Keeping the till of a step: what its next call may cost is set aside in the journal before the call
//! begins, at the dearest price that was seen since the step began.

use tokio::sync::mpsc;

use super::Mail;
use super::errands::Flight;
use crate::run::{Input, Usage};
use crate::supervisor::provider::{Grant, Left, Want};

impl Flight {
    /// Answers the wishes of the calls of one step. It is never over by itself.
    pub(super) async fn keep_till(&self, mut wants: mpsc::Receiver<Want>, model: Option<&str>) {
        while let Some(want) = wants.recv().await {
            match want {
                Want::Call {
                    spent,
                    input,
                    output,
                    answer,
                } => {
                    self.site.look_at_prices();
                    let grant = self.affords(spent, model, (input, output));
                    if let Grant::Tokens(output) = grant
                        && !self.set_aside(worst(spent, input, output), model).await
                    {
                        continue;
                    }
                    // A call that is given up meanwhile needs no answer.
                    let _given_up = answer.send(grant);
                }
                Want::Heard(spent) => {
                    self.set_aside(spent, model).await;
                }
            }
        }
        std::future::pending::<()>().await;
    }

    /// Whether the step may use up to this much in all; said once it is durable.
    pub(super) async fn set_aside(&self, worst: Usage, model: Option<&str>) -> bool {
        let worst = self.site.priced(worst, model);
        let (mail, durable) = Mail::to_be_kept(Input::Reserve(worst));
        self.me.send(mail).await.is_ok() && durable.await.is_ok()
    }

    /// What is left for a step whose calls are not made here: tokens, or what the money left pays for, where a
    /// price is known and that is less.
    pub(super) fn left(&self, model: Option<&str>) -> Left {
        let left = Left::of_tokens(self.left_tokens);
        let paid = |money| self.site.tokens_for(money, model?);
        match self.left_micro_usd.and_then(paid) {
            Some(tokens) => left.or_of_money(tokens),
            None => left,
        }
    }

    /// What is left for a call after others of its step that have cost `spent`: tokens, or what the money
    /// left pays for, whichever is less.
    fn affords(&self, spent: Usage, model: Option<&str>, (input, output): (u64, u32)) -> Grant {
        let left = Left::of_tokens(self.left_tokens).less(spent.tokens);
        let Some(money) = self.left_micro_usd else {
            return left.grant(input, output);
        };
        let paid = self.site.priced(spent, model).micro_usd.unwrap_or(0);
        let money = money.saturating_sub(paid);
        match model.and_then(|model| self.site.tokens_for(money, model)) {
            Some(tokens) => left.or_of_money(tokens).grant(input, output),
            None => Grant::Unpriced,
        }
    }
}

fn worst(spent: Usage, input: u64, output: u32) -> Usage {
    let output = u64::from(output);
    spent.plus(Usage {
        tokens: input.saturating_add(output),
        output,
        estimated: true,
        ..Usage::default()
    })
}
