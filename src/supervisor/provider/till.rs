//! The till of a step: before each call it is asked whether the worst case fits, and has that set aside
//! where it outlasts the host. What is left is known where the run is driven, which answers.

use tokio::sync::{mpsc, oneshot};

use super::Left;
use crate::run::Usage;

/// Fewest tokens that hold an answer.
const LEAST_ANSWER: u32 = 256;

/// Wishes that may wait: a step makes one call at a time.
const WAITING: usize = 4;

/// Where the calls of a step have their tokens from.
#[derive(Debug, Clone)]
pub struct Till {
    from: From,
    /// What earlier calls of the step have used.
    before: Usage,
}

#[derive(Debug, Clone)]
enum From {
    /// So much, and nobody to tell.
    Purse(Left),
    /// Whoever drives the run.
    Keeper(mpsc::Sender<Want>),
}

/// What a call wants of the keeper of the till.
#[derive(Debug)]
pub enum Want {
    /// It is about to begin.
    Call {
        /// What the step has used so far, in all.
        spent: Usage,
        /// Tokens that it may need before it is answered.
        input: u64,
        /// Most tokens of its answer.
        output: u32,
        /// Answered once what is granted is set aside; dropped where the run is ending.
        answer: oneshot::Sender<Grant>,
    },
    /// It is over, and the step has used so much in all: no more is set aside.
    Heard(Usage),
}

/// What a call may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Most tokens of its answer.
    Tokens(u32),
    /// Too little is left.
    Short(Left),
    /// Money is capped, and nobody knows what it costs.
    Unpriced,
    /// No further call of this step begins.
    Ending,
}

impl Till {
    /// A till that holds so much and sets nothing aside.
    pub fn of(left: Left) -> Self {
        Self {
            from: From::Purse(left),
            before: Usage::default(),
        }
    }

    /// A till whose keeper hears each wish.
    pub fn kept() -> (Self, mpsc::Receiver<Want>) {
        let (wants, keeper) = mpsc::channel(WAITING);
        let till = Self {
            from: From::Keeper(wants),
            before: Usage::default(),
        };
        (till, keeper)
    }

    /// The same till for a call before which the step has used so much.
    #[must_use]
    pub fn after(&self, before: Usage) -> Self {
        Self {
            before,
            ..self.clone()
        }
    }

    /// Wants a call that needs up to so many tokens in and out, after others that have cost `spent`.
    pub(super) async fn grant(&self, spent: Usage, (input, output): (u64, u32)) -> Grant {
        let spent = self.before.plus(spent);
        match &self.from {
            From::Purse(left) => left.less(spent.tokens).grant(input, output),
            From::Keeper(wants) => {
                let (answer, granted) = oneshot::channel();
                let want = Want::Call {
                    spent,
                    input,
                    output,
                    answer,
                };
                // A keeper that has gone grants nothing, and drops what would have been its answer.
                drop(wants.send(want).await);
                granted.await.unwrap_or(Grant::Ending)
            }
        }
    }

    /// A call is over.
    pub(super) async fn heard(&self, spent: Usage) {
        if let From::Keeper(wants) = &self.from {
            drop(wants.send(Want::Heard(self.before.plus(spent))).await);
        }
    }
}

impl Left {
    /// What a call may have of this that needs up to so many tokens in and out.
    pub fn grant(self, input: u64, output: u32) -> Grant {
        let room = self.tokens.saturating_sub(input).min(u64::from(output));
        match u32::try_from(room) {
            Ok(room) if room >= LEAST_ANSWER.min(output) => Grant::Tokens(room),
            Ok(_) | Err(_) => Grant::Short(self),
        }
    }
}
