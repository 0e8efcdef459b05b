//! Events: everything that can happen to a run, in the past tense. A run is the fold of its events.

use serde::{Deserialize, Serialize};

use super::budget::Limit;
use super::checkpoint::{Answer, Checkpoint, CheckpointId, Decision, Failure, Stage};
use super::digest::Digest;
use super::flag::{Flag, Sign};
use super::pause::Pause;
use super::prompt::Prompt;
use super::spec::{LoopSpec, Mode};
use super::verdict::{CheckResult, Judgement, Verdict};
use super::work::{Usage, Work};

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "is", rename_all = "kebab-case")]
pub enum Event {
    /// A trigger fired or a person pressed `s`.
    Woke(Box<Wake>),
    /// The workspace is ready.
    Prepared(Ground),
    /// A step outside the run has begun; written before it acts.
    Began {
        /// The iteration, from 1.
        iteration: u32,
        /// Which.
        stage: Stage,
    },
    /// A prompt was put together, or edited.
    Composed {
        /// The prompt's description; its text lies beside the journal under its digest.
        prompt: Prompt,
    },
    /// The run blocks on a question.
    Asked(Box<Checkpoint>),
    /// A person answered.
    Decided {
        /// Which question.
        checkpoint: CheckpointId,
        /// What was seen when answering.
        digest: Digest,
        /// The answer.
        decision: Decision,
        /// Which cockpit or command it came from.
        by: String,
    },
    /// An agent was told yes or no for one tool call; its work goes on.
    Permitted {
        /// The agent's id for the call.
        call: String,
        /// Whether it may.
        allowed: bool,
    },
    /// The step in flight reported its usage so far.
    Used(Usage),
    /// The step in flight may have used this much in all before it tells more: what is charged should
    /// the host die meanwhile.
    Reserved(Usage),
    /// The step in flight came to nothing; so long it was at work.
    Took {
        /// Milliseconds.
        ms: u64,
    },
    /// The step waits until somebody else's limit ends, and then begins again.
    Paused(Pause),
    /// The worker's turn is over, or the operator edited the draft.
    Worked(Box<Work>),
    /// The checks are done.
    Checked {
        /// The tree that was examined.
        tree: String,
        /// One per check, in order.
        results: Vec<CheckResult>,
    },
    /// The judge is done.
    Judged {
        /// The tree that was examined.
        tree: String,
        /// What it said.
        judgement: Judgement,
        /// What it spent.
        usage: Usage,
        /// Time it took, in milliseconds.
        took_ms: u64,
    },
    /// Checks and judge together.
    Ruled(Box<Verdict>),
    /// The note is in the memory file, on disk.
    Remembered {
        /// The lines added; empty where there was no note.
        note: String,
    },
    /// The note was taken out of the memory file again.
    Forgotten,
    /// The draft lies in the drafts folder.
    Drafted {
        /// Paths, relative to the project; empty where the tree is the base.
        paths: Vec<String>,
        /// What a publish would send: its text and its target, where the loop publishes.
        offer: Option<Box<Offer>>,
    },
    /// The target has changed since its question was answered: nothing was sent, and this is what a
    /// publish would send now.
    Moved(Box<Offer>),
    /// It is public.
    Published(Receipt),
    /// The publication was taken back.
    Unpublished,
    /// The workspace was put back to this tree.
    Restored {
        /// The tree.
        tree: String,
    },
    /// A step failed outside the run.
    Failed(Failure),
    /// The operator asked to hold at the next safe point, or to go on.
    HoldAsked(bool),
    /// The run stands at a safe point.
    Held {
        /// The iteration of the step that comes next.
        iteration: u32,
        /// The step that comes next.
        next: Stage,
    },
    /// The operator asked to stop the run.
    StopAsked,
    /// The step in flight was told to end, because a limit is reached.
    LimitHit(Limit),
    /// The operator asked for the workspace as it was before this iteration.
    RestoreAsked {
        /// From 1.
        iteration: u32,
    },
    /// The newest restore is taken back: the run stands again as it stood before it.
    RestoreUndone,
    /// The run will end so, once its draft is on disk.
    Closing(Outcome),
    /// A decision was taken back, and its question is asked again.
    Undone {
        /// The question whose answer was taken back.
        checkpoint: CheckpointId,
        /// What the answer had been.
        answer: Answer,
    },
    /// The host had died and this run was picked up again.
    Resumed,
    /// The run is over.
    Ended(Outcome),
}

/// How a run begins: all that is pinned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wake {
    /// The loop as it stood.
    pub spec: LoopSpec,
    /// Number of this run of its loop, from 1.
    pub number: u32,
    /// The granted mode.
    pub mode: Mode,
    /// Whether this run was drawn for an audit.
    pub audit: bool,
    /// The date here when it woke, `2026-06-12`: what `{date}` means all through the run.
    pub date: String,
    /// What fired, in words.
    pub by: String,
    /// Digest over checks, their scripts, judge, rubric, guardrails and publish.
    pub pinned: Digest,
    /// Digest of the skill's folder: a record counts for exactly this skill.
    pub skill: Digest,
    /// Guardrails of the file that this build or system does not enforce.
    pub not_enforced: Vec<String>,
    /// Whether the loop has published before: the first time the digest is typed.
    pub published_before: bool,
    /// The firing of its trigger; `None` where a person started the run.
    #[serde(default)]
    pub fired: Option<Fired>,
}

/// One firing of a trigger: it leads to one run at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// Names it for ever among the firings of its loop: `slot:1781240400000`.
    pub key: String,
    /// What came with it.
    pub payload: Option<Payload>,
}

/// What came with a trigger: data, never instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Its text, inert and without secrets.
    pub text: super::digest::TextRef,
    /// 128 random bits as 32 digits, drawn after the payload had come: the lines around it in a
    /// prompt hold them, so that it cannot close its own quote.
    pub marker: String,
}

/// What a run that a person started says of its start.
pub const BY_HAND: &str = "started by hand";

impl Wake {
    /// Whether a person started it: only such a run proves its skill.
    pub fn by_hand(&self) -> bool {
        self.fired.is_none()
    }
}

/// What a run stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Tree at the start.
    pub tree: String,
    /// Commit at the start; `None` for a copy.
    pub base: Option<String>,
    /// The workspace in words: «private clone», «copy».
    pub workspace: String,
    /// Facts the operator should know: «3 uncommitted files not seen».
    pub notices: Vec<String>,
    /// Guardrails that this build or system does not enforce.
    pub not_enforced: Vec<String>,
}

/// What a publish would send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The artefact as text.
    pub artefact: super::digest::TextRef,
    /// The target in words, placeholders filled in.
    pub target: String,
    /// Loop, target and artefact: published once.
    pub key: Digest,
    /// How the target stood as this was made: nothing is sent to one that stands otherwise.
    #[serde(default, skip_serializing_if = "Stand::is_unknown")]
    pub stand: Stand,
    /// Why the target would refuse it as it stood when this was offered, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
}

/// How a target stood when it was asked whether to publish there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stand {
    /// The commit of the branch, or the digest of the file; `None` where there is nothing, or nothing
    /// that can be looked at.
    #[serde(default)]
    pub holds: Option<String>,
    /// The same for a person, one line: «on commit 1a2b3c4d5e6f»; empty for a command.
    #[serde(default)]
    pub words: String,
    /// How it differs from what the run began with, so that what goes live is a merge of both, which nothing has examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// What has come to it since the question before, which somebody had said yes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
}

/// What of a target a run has not seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// How they differ, one inert line: «branch posts has 2 commits that the run did not begin with».
    pub how: String,
    /// The files that differ, inert, the first of them where they are many.
    pub files: Vec<String>,
    /// How many more differ.
    pub more: u64,
}

/// What has come to a target between two questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// What happened there, one inert line: «2 commits came to branch posts».
    pub how: String,
    /// The files that differ, inert, the first of them where they are many.
    pub files: Vec<String>,
    /// How many more differ.
    pub more: u64,
}

impl Offer {
    /// Why a publication that was agreed to was not begun, in one line.
    pub fn moved_in_words(&self) -> String {
        let since = self.stand.since.as_ref();
        let how = since.map_or("the target has changed", |since| since.how.as_str());
        format!("not published: {how} after you were asked")
    }
}

impl Stand {
    /// Whether it says nothing: there is nothing to look at.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl Since {
    /// The files in words, one line each.
    pub fn named(&self) -> Vec<String> {
        named(&self.files, self.more)
    }
}

impl Unseen {
    /// The files in words, one line each.
    pub fn named(&self) -> Vec<String> {
        named(&self.files, self.more)
    }

    /// What a person is told before a yes.
    pub fn flag(&self) -> Flag {
        Flag {
            sign: Sign::Merged,
            what: format!(
                "{}; what goes live is a merge of both, and no check or judge has seen it",
                self.how
            ),
        }
    }
}

fn named(files: &[String], more: u64) -> Vec<String> {
    let more = (more > 0).then(|| format!("… and {more} more"));
    files.iter().cloned().chain(more).collect()
}

/// Proof of one publication, enough to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The key it was done under.
    pub key: Digest,
    /// Where it is, in words.
    pub place: String,
    /// The new commit or content digest at the target; empty for a command.
    pub now: String,
    /// What the target held before; `None` where there was nothing.
    pub before: Option<String>,
    /// The run that had published it already; `None` where it was this one. Only the run that
    /// published takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<String>,
}

impl Receipt {
    /// What came of publishing, in one line: `published: file x.md`.
    pub fn in_words(&self) -> String {
        let place = &self.place;
        match &self.already {
            None => format!("published: {place}"),
            Some(run) => format!("already there, published by {run}: {place}"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Approved; the draft is the end.
    Done,
    /// Approved and published.
    Published,
    /// Approved and kept as a draft.
    Kept,
    /// Not approved, all iterations used.
    Exhausted,
    /// Stopped at a stuck checkpoint.
    Stuck,
    /// Stopped at a budget checkpoint.
    Budget,
    /// Stopped by the operator.
    Stopped,
    /// Cannot start or cannot verify: nothing was spent. The cause.
    CannotVerify(String),
}

impl Outcome {
    /// Exit code of `checkride run` (PRODUCT §3.9).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Done | Self::Published | Self::Kept => 0,
            Self::Exhausted => 11,
            Self::Stuck => 12,
            Self::Budget => 13,
            Self::Stopped => 14,
            Self::CannotVerify(_) => 15,
        }
    }

    /// Whether the run can be picked up again.
    pub fn can_be_resumed(&self) -> bool {
        matches!(self, Self::Stopped | Self::Stuck | Self::Budget)
    }

    /// Whether the goal was met.
    pub fn goal_met(&self) -> bool {
        self.exit_code() == 0
    }
}
