//! Errands: each effect becomes work in the world and ends in exactly one input. What takes long
//! can be killed; what blocks on files runs beside the supervisor's thread.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::Instant;

use super::Mail;
use super::clean::clean;
use crate::run::{Effect, Failure, Ground, Input, Pause, Purse, Stage};
use crate::supervisor::limit::Met;
use crate::supervisor::process::Halt;
use crate::supervisor::site::Site;
use crate::supervisor::worker::leave::Permit;
use crate::supervisor::workspace::Trouble;

/// One effect being carried out.
pub(super) struct Flight {
    pub(super) site: Rc<Site>,
    pub(super) halt: watch::Receiver<Halt>,
    pub(super) iteration: u32,
    /// What the run stands on, once it is prepared.
    pub(super) ground: Option<Ground>,
    /// The tree that the caps of the whole run count from, where the operator allowed more once.
    pub(super) waived: Option<String>,
    /// The run's tree as it stands.
    pub(super) tree: String,
    /// Texts to be kept together with the events that will name them.
    pub(super) texts: RefCell<Vec<String>>,
    /// Tokens that the run may still use, as the step began.
    pub(super) left_tokens: u64,
    /// Money that the run may still spend, where it has a cap.
    pub(super) left_micro_usd: Option<u64>,
    pub(super) me: mpsc::Sender<Mail>,
    /// The operator's answers to what the worker asked leave for.
    pub(super) answers: Mutex<mpsc::UnboundedReceiver<(String, Permit)>>,
}

/// Why an errand brought nothing home.
pub(super) enum Amiss {
    /// Told to end, and ended.
    Halted,
    /// The run's own minutes are used up.
    TimeUp,
    /// What is left of this does not hold what it would have done next.
    NoRoom(Purse),
    /// It met a usage limit, which ends.
    Limited(Met),
    /// It failed.
    Failed(Failure),
}

impl Amiss {
    /// Trouble of the workspace or the outbox; the step is filled in when the errand is over.
    pub(super) fn at(trouble: Trouble) -> Self {
        Self::Failed(trouble.failure(Stage::Prepare))
    }

    /// A failure in one line; the step is filled in when the errand is over.
    pub(super) fn because(cause: impl Into<String>) -> Self {
        let (cause, detail) = (cause.into(), String::new());
        Self::Failed(Failure {
            stage: Stage::Prepare,
            cause,
            detail,
            maybe_done: false,
        })
    }
}

impl Flight {
    /// Does it, and says what came of it, with the texts that this names.
    pub(super) async fn carry_out(self, effect: Effect) -> (Input, Vec<String>) {
        let stage = stage_of(&effect);
        let began = Instant::now();
        let done = match effect {
            Effect::Prepare => self.prepare().await,
            Effect::Compose { feedback } => self.compose(feedback).await,
            Effect::Adopt { text } => self.adopt(text).await,
            Effect::Work {
                from,
                prompt,
                left_ms,
            } => self.work(from, prompt, left_ms).await,
            Effect::Rework {
                before,
                from,
                path,
                text,
            } => self.rework(before, from, (path, text)).await,
            Effect::Reinstate { before, tree } => self.reinstate(before, tree).await,
            Effect::Check { tree } => self.check(tree).await,
            Effect::Judge { tree, checks } => self.judge(tree, checks).await,
            Effect::Remember { note } => self.remember(note).await,
            Effect::Forget { note } => self.forget(note).await,
            Effect::Draft { tree, offer } => self.draft(tree, offer).await,
            Effect::Publish {
                offer,
                tree,
                attempt,
            } => self.publish(*offer, tree, attempt).await,
            Effect::Unpublish { receipt, attempt } => self.unpublish(receipt, attempt).await,
            Effect::Restore { tree } => self.restore(tree).await,
            Effect::Continue
            | Effect::Wait
            | Effect::WaitUntil { .. }
            | Effect::Permit { .. }
            | Effect::Halt
            | Effect::Finish => Ok(Input::Halted),
        };
        if done.is_err() && matches!(stage, Stage::Check | Stage::Judge) {
            let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            // A driver that has ended wants no more news.
            drop(self.me.send(Mail::underway(Input::Took(took_ms))).await);
        }
        let input = done.unwrap_or_else(|amiss| match amiss {
            Amiss::Halted => Input::Halted,
            Amiss::TimeUp => Input::TimeUp,
            Amiss::NoRoom(purse) => Input::NoRoom(purse),
            Amiss::Limited(Met { until_ms, cause }) => Input::Paused(Pause {
                stage,
                until_ms,
                cause,
            }),
            Amiss::Failed(failure) => Input::Failed(Failure { stage, ..failure }),
        });
        (clean(&self.site.redactor, input), self.texts.take())
    }

    /// Does it once it is the run's turn. A run that is stopped before has done nothing.
    pub(super) async fn in_turn(
        self,
        turn: impl Future<Output = ()>,
        effect: Effect,
    ) -> (Input, Vec<String>) {
        let mut halt = self.halt.clone();
        let halted = async {
            // A sender that is gone asks for nothing.
            if halt.wait_for(|halt| *halt > Halt::No).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = halted => return (Input::Halted, Vec::new()),
            () = turn => {}
        }
        self.carry_out(effect).await
    }

    /// Has a text kept under its digest with the events of this errand's end.
    pub(super) fn keep(&self, text: String) {
        self.texts.borrow_mut().push(text);
    }
}

/// Whether an effect is work that only so many runs do at a time. What an operator asked for is done
/// at once: it is short, and nobody waits for somebody else's worker to see their file restored.
pub(super) fn works(effect: &Effect) -> bool {
    match effect {
        Effect::Prepare
        | Effect::Compose { .. }
        | Effect::Work { .. }
        | Effect::Check { .. }
        | Effect::Judge { .. } => true,
        Effect::Adopt { .. }
        | Effect::Rework { .. }
        | Effect::Reinstate { .. }
        | Effect::Remember { .. }
        | Effect::Forget { .. }
        | Effect::Draft { .. }
        | Effect::Publish { .. }
        | Effect::Unpublish { .. }
        | Effect::Restore { .. }
        | Effect::Continue
        | Effect::Wait
        | Effect::WaitUntil { .. }
        | Effect::Permit { .. }
        | Effect::Halt
        | Effect::Finish => false,
    }
}

/// The step that an effect carries out.
fn stage_of(effect: &Effect) -> Stage {
    match effect {
        Effect::Compose { .. } | Effect::Adopt { .. } => Stage::Compose,
        Effect::Work { .. } => Stage::Work,
        Effect::Rework { .. } | Effect::Reinstate { .. } => Stage::Rework,
        Effect::Check { .. } => Stage::Check,
        Effect::Judge { .. } => Stage::Judge,
        Effect::Remember { .. } => Stage::Remember,
        Effect::Forget { .. } => Stage::Forget,
        Effect::Draft { .. } => Stage::Draft,
        Effect::Publish { .. } => Stage::Publish,
        Effect::Unpublish { .. } => Stage::Unpublish,
        Effect::Restore { .. } => Stage::Restore,
        Effect::Prepare
        | Effect::Continue
        | Effect::Wait
        | Effect::WaitUntil { .. }
        | Effect::Permit { .. }
        | Effect::Halt
        | Effect::Finish => Stage::Prepare,
    }
}
