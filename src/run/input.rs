//! Inputs: what just happened in the world, told to one run through its one inbox.

use super::budget::Purse;
use super::checkpoint::{CheckpointId, Decision, Failure};
use super::digest::Digest;
use super::event::{Ground, Offer, Receipt};
use super::pause::Pause;
use super::prompt::Prompt;
use super::verdict::{CheckResult, Judgement};
use super::work::{Usage, Work};

/// What just happened in the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The workspace is ready.
    Prepared(Ground),
    /// The run cannot start or cannot verify itself: nothing was spent. The cause.
    CannotVerify(String),
    /// A prompt was put together and its text is kept.
    Composed(Prompt),
    /// The step in flight has used this much so far, in all.
    Used(Usage),
    /// The step in flight is about to use up to this much, in all. It may where the step's events say so.
    Reserve(Usage),
    /// An agent asks leave for one tool call; its work is held meanwhile.
    Permission {
        /// The agent's id for the call.
        call: String,
        /// The call in words, inert.
        what: String,
    },
    /// The worker's turn is over, measured; or the operator's edit of the draft is.
    Worked(Box<Work>),
    /// The checks are done.
    Checked(Vec<CheckResult>),
    /// The judge is done.
    Judged {
        /// What it said.
        judgement: Judgement,
        /// What it spent.
        usage: Usage,
        /// Time it took, in milliseconds.
        took_ms: u64,
    },
    /// The note is on disk.
    Remembered {
        /// The lines as they stand in the file.
        note: String,
    },
    /// The note is out of the file again.
    Forgotten,
    /// The draft is on disk.
    Drafted {
        /// Paths, relative to the project.
        paths: Vec<String>,
        /// What a publish would send.
        offer: Option<Box<Offer>>,
    },
    /// The target is not as it was when it was asked about, so nothing was sent. What a publish would
    /// send now.
    Moved(Box<Offer>),
    /// It is public.
    Published(Receipt),
    /// The publication is taken back.
    Unpublished,
    /// The workspace is put back to this tree.
    Restored {
        /// The tree.
        tree: String,
    },
    /// The step in flight failed.
    Failed(Failure),
    /// The step in flight came to nothing; so many milliseconds of it were work.
    Took(u64),
    /// The step in flight met somebody else's usage limit, of which the end is known.
    Paused(Pause),
    /// That end has come.
    PauseOver,
    /// The minutes of the run are used up.
    TimeUp,
    /// What is left of this may not hold what the step in flight would do next.
    NoRoom(Purse),
    /// What was in flight is dead, after `Effect::Halt`.
    Halted,
    /// The operator answers.
    Decide {
        /// Which question.
        checkpoint: CheckpointId,
        /// What was shown.
        digest: Digest,
        /// The answer.
        decision: Decision,
        /// Where it comes from.
        by: String,
    },
    /// Hold at the next safe point, or go on.
    Hold(bool),
    /// Stop, keep everything.
    Stop,
    /// Take the last decision back.
    Undo,
    /// Pick a stopped run up again.
    Resume,
    /// Put the workspace back to the tree before this iteration.
    Restore {
        /// From 1.
        iteration: u32,
    },
    /// The host had died; whatever was in flight is dead.
    Interrupted,
}
