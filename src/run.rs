//! A run as a pure state machine: inputs in, events and one effect out. No clock, no files,
//! no threads live here; the supervisor does what `Effect` asks and answers with an `Input`.

pub mod budget;
pub mod checkpoint;
pub mod digest;
pub mod event;
pub mod prompt;
pub mod spec;
pub mod stuck;
pub mod verdict;
pub mod work;

pub use budget::{Limit, Meter};
pub use checkpoint::{
    AfterVerdict, Answer, Ask, Checkpoint, CheckpointId, Decision, Edit, Failure, Stage, Stops,
};
pub use digest::{Digest, TextRef};
pub use event::{Event, Ground, Offer, Outcome, Receipt, Wake};
pub use prompt::{Part, PartKind, Prompt};
pub use spec::{LoopSpec, Mode};
pub use stuck::Signal;
pub use verdict::{CheckOutcome, CheckResult, Finding, JudgeAnswer, Judgement, Verdict};
pub use work::{Author, Breach, Change, ChangeKind, Usage, Work};

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
    /// The minutes of the run are used up.
    TimeUp,
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

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep what is in flight, if anything.
    Continue,
    /// Nothing is in flight; a person is asked, or the run is held.
    Wait,
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
    /// Snapshot, then give the worker this prompt.
    Work {
        /// The prompt's text.
        prompt: Digest,
        /// Time left in this run, in milliseconds.
        left_ms: u64,
    },
    /// Put this text into the workspace, then measure again.
    Rework {
        /// Path in the workspace.
        path: String,
        /// The whole new text.
        text: String,
    },
    /// Put the refused tree back in, then measure again without these rules.
    Reinstate {
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
    },
    /// Take this publication back.
    Unpublish(Receipt),
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
