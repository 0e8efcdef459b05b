//! Checkpoints: what a run blocks on, and the answers that each kind allows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::{Digest, TextRef};
use super::event::Stand;
use super::flag::Flag;
use super::spec::Mode;
use super::verdict::Verdict;
use super::work::{Breach, Work};

/// Names one question of one run for ever: `<run>.<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckpointId(pub String);

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A durable question. The run stays on it until a decision names its id and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its name.
    pub id: CheckpointId,
    /// The iteration it belongs to, from 1.
    pub iteration: u32,
    /// What is asked.
    pub ask: Ask,
    /// Digest over all that approving acts on; a decision must name it.
    pub digest: Digest,
}

/// What is asked, with all that approving acts on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ask {
    /// Before these bytes are sent.
    Prompt {
        /// The exact prompt.
        text: TextRef,
        /// Pinned parts of the loop, by digest.
        pinned: Digest,
    },
    /// After the work, before the checks.
    Work {
        /// What was done.
        work: Box<Work>,
    },
    /// After the verdict.
    Verdict {
        /// The verdict; its note is what `a` saves.
        verdict: Box<Verdict>,
        /// What approving leads to.
        then: AfterVerdict,
    },
    /// Before anything goes live.
    Publish {
        /// The tree that is published.
        tree: String,
        /// What is published, as text for the screen.
        artefact: TextRef,
        /// The target in words, placeholders filled in.
        target: String,
        /// Same loop, target and artefact: the same key, published once.
        key: Digest,
        /// How the target stands: a yes is void once it stands otherwise.
        #[serde(default, skip_serializing_if = "Stand::is_unknown")]
        stand: Box<Stand>,
        /// Whether the digest must be typed.
        typed: bool,
        /// Whether it can be taken back.
        reversible: bool,
        /// What of the tree should be looked at before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        flags: Vec<Flag>,
        /// Why the target would refuse it as it stood when this was asked, one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unfit: Option<String>,
    },
    /// The worker asks instead of working.
    Question {
        /// Its question, inert.
        question: String,
    },
    /// A guardrail refused something, and it was put back.
    Guardrail {
        /// What was tried.
        breaches: Vec<Breach>,
        /// The work that remains without it.
        work: Box<Work>,
        /// The tree as the worker left it, kept so that it can be allowed once.
        tried: String,
    },
    /// The run repeats itself.
    Stuck {
        /// What repeats.
        signal: super::stuck::Signal,
    },
    /// An agent asks leave for one tool call; its work is held meanwhile.
    Permission {
        /// The agent's own id for the call.
        call: String,
        /// The tool call, inert.
        what: String,
    },
    /// A limit is reached. Approving cannot spend.
    Budget {
        /// Which limit.
        limit: super::budget::Limit,
        /// The step that would be next.
        next: Stage,
    },
    /// Something outside failed.
    Error {
        /// What and why.
        failure: Failure,
    },
}

/// The steps of an iteration that do work outside the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Making the workspace ready.
    Prepare,
    /// Putting the prompt together.
    Compose,
    /// The worker's turn.
    Work,
    /// Putting an edit of the operator, or what was refused, into the workspace.
    Rework,
    /// The checks.
    Check,
    /// The judge's turn.
    Judge,
    /// Saving the note.
    Remember,
    /// Taking the note out again.
    Forget,
    /// Writing the draft.
    Draft,
    /// Publishing.
    Publish,
    /// Taking the publication back.
    Unpublish,
    /// Putting the workspace back to a restore point.
    Restore,
}

/// What failed, in one line with a next step, and its raw evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed.
    pub stage: Stage,
    /// Cause first, then what to do next; one line, inert.
    pub cause: String,
    /// Raw output, inert, cut to 4 KiB; may be empty.
    pub detail: String,
    /// Whether it may have happened all the same (a publish command cut short).
    pub maybe_done: bool,
}

impl Failure {
    /// A failure without more evidence than its cause, which certainly did not happen.
    pub fn new(stage: Stage, cause: String) -> Self {
        Self {
            stage,
            cause,
            detail: String::new(),
            maybe_done: false,
        }
    }
}

/// What follows when a verdict is agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterVerdict {
    /// Not approved, iterations left.
    NextIteration,
    /// Not approved, and it was the last iteration.
    Exhausted,
    /// Approved, and there is somewhere to publish.
    Publish,
    /// Approved; the draft is the end.
    Done,
}

/// An operator's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Decision {
    /// Take the step that was shown.
    Approve {
        /// The first 8 digits of the digest, where they must be typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<String>,
    },
    /// Change what was shown; it is then shown again under a new digest.
    Edit(Edit),
    /// Do the step over.
    Retry {
        /// What the worker should know this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Stop the run and keep everything; at publish: keep as draft.
    Abort,
}

/// What an edit changes. Each belongs to one kind of checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case")]
pub enum Edit {
    /// Prompt: these bytes for this iteration only.
    Prompt {
        /// The whole new prompt.
        text: String,
    },
    /// Work, publish: one changed file gets this text.
    File {
        /// Path inside the workspace.
        path: String,
        /// Its whole new text.
        text: String,
    },
    /// Verdict: rubric lines by number set to yes or no, the note and the feedback.
    Verdict {
        /// `(rubric line from 0, pass, reason)`.
        lines: Vec<(usize, bool, String)>,
        /// The note to be saved; `None` leaves it as it is.
        note: Option<String>,
        /// What the next prompt is told; `None` leaves it as it is.
        feedback: Option<String>,
    },
    /// Question: the answer.
    Answer {
        /// Goes into the next prompt.
        text: String,
    },
    /// Guardrail: allow what was tried, once.
    AllowOnce,
    /// Permission: allow calls like this for the whole run.
    AllowForRun,
    /// Budget: a higher cap for this run.
    Raise {
        /// Tokens in all.
        tokens: Option<u64>,
        /// Minutes in all.
        minutes: Option<u64>,
        /// Millionths of a dollar in all.
        micro_usd: Option<u64>,
    },
    /// Stuck, error: goal, skill, memory or config were changed in their files; read them again.
    Files,
}

/// The four answers, without their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// `a`
    Approve,
    /// `e`
    Edit,
    /// `r`
    Retry,
    /// `x`
    Abort,
}

impl Decision {
    /// Approve, where nothing has to be typed.
    pub const APPROVE: Self = Self::Approve { typed: None };

    /// Which of the four it is.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Approve { .. } => Answer::Approve,
            Self::Edit(_) => Answer::Edit,
            Self::Retry { .. } => Answer::Retry,
            Self::Abort => Answer::Abort,
        }
    }
}

impl Answer {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Edit => "edit",
            Self::Retry => "retry",
            Self::Abort => "abort",
        }
    }

    /// The word for logs: past tense.
    pub fn past(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Edit => "edited",
            Self::Retry => "retried",
            Self::Abort => "aborted",
        }
    }
}

impl Ask {
    /// The kind's name, as in PRODUCT §3.7.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Prompt { .. } => "prompt",
            Self::Work { .. } => "work",
            Self::Verdict { .. } => "verdict",
            Self::Publish { .. } => "publish",
            Self::Question { .. } => "question",
            Self::Guardrail { .. } => "guardrail",
            Self::Stuck { .. } => "stuck",
            Self::Permission { .. } => "permission",
            Self::Budget { .. } => "budget",
            Self::Error { .. } => "error",
        }
    }

    /// Whether a retry is asked for a note: where the prompt is put together again from files, or the same work
    /// is verified once more, a note has no reader.
    pub fn takes_note(&self) -> bool {
        match self {
            Self::Prompt { .. } | Self::Verdict { .. } => false,
            Self::Work { .. }
            | Self::Publish { .. }
            | Self::Question { .. }
            | Self::Guardrail { .. }
            | Self::Stuck { .. }
            | Self::Permission { .. }
            | Self::Budget { .. }
            | Self::Error { .. } => true,
        }
    }

    /// Whether this kind allows an answer; the dashes of the table in PRODUCT §3.7.
    pub fn allows(&self, answer: Answer) -> bool {
        match self {
            Self::Budget { .. } => matches!(answer, Answer::Edit | Answer::Abort),
            Self::Question { .. } => answer != Answer::Approve,
            Self::Prompt { .. }
            | Self::Work { .. }
            | Self::Verdict { .. }
            | Self::Publish { .. }
            | Self::Guardrail { .. }
            | Self::Stuck { .. }
            | Self::Permission { .. }
            | Self::Error { .. } => true,
        }
    }
}

/// Which of the four step checkpoints a mode stops at; the others always stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stops {
    /// The granted mode.
    pub mode: Mode,
    /// Whether this run was drawn for an audit.
    pub audit: bool,
}

impl Stops {
    /// Whether it stops before the prompt is sent.
    pub fn at_prompt(self) -> bool {
        self.mode == Mode::Training
    }

    /// Whether it stops after the work. What is flagged is looked at in every mode: nobody else sees it.
    pub fn at_work(self, flagged: bool) -> bool {
        match self.mode {
            Mode::Training => true,
            Mode::Supervised | Mode::Autonomous => self.audit || flagged,
        }
    }

    /// Whether it stops after the verdict; `doubt` is checks against judge, or the last iteration.
    pub fn at_verdict(self, doubt: bool) -> bool {
        match self.mode {
            Mode::Training => true,
            Mode::Supervised => self.audit || doubt,
            Mode::Autonomous => self.audit,
        }
    }
}
