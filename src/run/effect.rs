//! Effects: the one thing to do next, and the machine's whole answer to an input.

use super::digest::Digest;
use super::event::{Event, Offer, Receipt};
use super::verdict::CheckResult;
use super::{Answer, Ask, Pending, Run, Stage};

/// What is known of an earlier attempt at a step that must happen once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing is said of one: look first, and ask where that cannot tell.
    #[default]
    Once,
    /// The operator says that it did not happen: what was begun is forgotten.
    Anew,
    /// The operator says that it did happen: only note it.
    MarkDone,
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep what is in flight, if anything.
    Continue,
    /// Nothing is in flight; a person is asked, or the run is held.
    Wait,
    /// Nothing is in flight until this time, in milliseconds since 1970; then say `PauseOver`.
    WaitUntil {
        /// When.
        at_ms: i64,
    },
    /// Look whether the run can verify itself; make the workspace.
    Prepare,
    /// Read goal, skill and memory; put the prompt together.
    Compose {
        /// What the worker should know from the last iteration; may be empty.
        feedback: String,
    },
    /// Keep this text as the prompt of the iteration.
    Adopt {
        /// The operator's bytes.
        text: String,
    },
    /// Bring the workspace to this tree, then give the worker this prompt.
    Work {
        /// The tree that the iteration starts from: its restore point.
        from: String,
        /// The prompt's text.
        prompt: Digest,
        /// Time left in this run, in milliseconds.
        left_ms: u64,
    },
    /// Bring the workspace to this tree, put this text into it, then measure again.
    Rework {
        /// The tree that the iteration started from: the diff is against it.
        before: String,
        /// The tree that is edited.
        from: String,
        /// Path in the workspace.
        path: String,
        /// The whole new text.
        text: String,
    },
    /// Bring the workspace to the refused tree, then measure again without the rules.
    Reinstate {
        /// The tree that the iteration started from: the diff is against it.
        before: String,
        /// The tree as the worker left it.
        tree: String,
    },
    /// Run the checks on this tree.
    Check {
        /// Git tree id.
        tree: String,
    },
    /// Ask the judge about this tree.
    Judge {
        /// Git tree id.
        tree: String,
        /// The evidence of the checks.
        checks: Vec<CheckResult>,
    },
    /// Save this note; empty for none.
    Remember {
        /// Lines.
        note: String,
    },
    /// Take this note out again.
    Forget {
        /// Lines.
        note: String,
    },
    /// Write the draft of this tree.
    Draft {
        /// Git tree id.
        tree: String,
        /// Whether what a publish would send is wanted.
        offer: bool,
    },
    /// Publish exactly this, once.
    Publish {
        /// What was approved.
        offer: Box<Offer>,
        /// Git tree id.
        tree: String,
        /// What is known of an attempt before this one.
        attempt: Attempt,
    },
    /// Take this publication back.
    Unpublish {
        /// Its proof.
        receipt: Receipt,
        /// What is known of an attempt before this one.
        attempt: Attempt,
    },
    /// Put the workspace back.
    Restore {
        /// Git tree id.
        tree: String,
    },
    /// Tell the agent; its work goes on.
    Permit {
        /// The agent's id for the call.
        call: String,
        /// Whether it may.
        allowed: bool,
        /// What the operator says to a refusal; may be empty.
        note: String,
    },
    /// Kill what is in flight, then say `Halted`.
    Halt,
    /// The run is over.
    Finish,
}

/// The machine's answer to one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What happened, in order; durable before the effect is carried out.
    pub events: Vec<Event>,
    /// What to do next.
    pub effect: Effect,
    /// Why an operator's input changed nothing; one line.
    pub refused: Option<String>,
}

impl Step {
    /// The answer to an input that cannot be taken: nothing has changed.
    pub fn refused(why: String) -> Self {
        Self {
            events: Vec::new(),
            effect: Effect::Continue,
            refused: Some(why),
        }
    }
}

impl Attempt {
    /// What an answer says: `a` at something that may have happened marks it done, `r` does it anew.
    pub(super) fn said(ask: &Ask, answer: Answer) -> Self {
        let maybe_done = matches!(ask, Ask::Error { failure } if failure.maybe_done);
        match answer {
            Answer::Approve if maybe_done => Self::MarkDone,
            Answer::Retry if maybe_done => Self::Anew,
            Answer::Approve | Answer::Retry | Answer::Edit | Answer::Abort => Self::Once,
        }
    }

    /// It was begun and cut short: that it did not happen is not certain any more.
    pub(super) fn begun(&mut self) {
        if *self == Self::Anew {
            *self = Self::Once;
        }
    }
}

impl Run {
    /// What a step asks of the world, from all that is known; the same again after a crash.
    pub(super) fn effect_of(&self, stage: Stage) -> Effect {
        let tree = self.tree();
        match stage {
            Stage::Prepare => Effect::Prepare,
            Stage::Compose => match &self.edit {
                Pending::Prompt(text) => Effect::Adopt { text: text.clone() },
                Pending::None | Pending::File(..) | Pending::Reinstate(_) => Effect::Compose {
                    feedback: self.feedback(),
                },
            },
            Stage::Work => Effect::Work {
                from: self.start(),
                prompt: self
                    .prompt
                    .as_ref()
                    .map_or_else(|| Digest::of(b""), |p| p.text.digest.clone()),
                left_ms: self.meter.left_ms(),
            },
            Stage::Rework => self.rework(),
            Stage::Check => Effect::Check { tree },
            Stage::Judge => {
                let checks = self
                    .checked
                    .as_ref()
                    .map(|c| c.1.clone())
                    .unwrap_or_default();
                Effect::Judge { tree, checks }
            }
            Stage::Remember => Effect::Remember { note: self.note() },
            Stage::Forget => Effect::Forget {
                note: self.kept_note.clone().unwrap_or_default(),
            },
            Stage::Draft => {
                let offer = self.closing.is_none() && self.wake.spec.publish.is_some();
                Effect::Draft { tree, offer }
            }
            Stage::Publish => match self.offer.clone() {
                Some(offer) => Effect::Publish {
                    offer,
                    tree,
                    attempt: self.attempt,
                },
                None => Effect::Draft { tree, offer: true },
            },
            Stage::Unpublish => match self.receipt.clone() {
                Some(receipt) => Effect::Unpublish {
                    receipt,
                    attempt: self.attempt,
                },
                None => Effect::Wait,
            },
            Stage::Restore => Effect::Restore {
                tree: self.restores_to(),
            },
        }
    }

    fn rework(&self) -> Effect {
        let (before, from) = (self.start(), self.tree());
        match self.edit.clone() {
            Pending::Reinstate(tree) => Effect::Reinstate { before, tree },
            Pending::File(path, text) => Effect::Rework {
                before,
                from,
                path,
                text,
            },
            Pending::None | Pending::Prompt(_) => Effect::Reinstate { before, tree: from },
        }
    }
}
