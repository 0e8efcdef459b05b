//! What a loop is asked to do: its four bones, its limits, where it stops to ask.
//! Values only; reading and refusing loop files is `config/loops.rs`.

mod agents;
mod cron;
mod guardrails;
mod hours;
mod trigger;

use serde::{Deserialize, Serialize};

pub use agents::{Api, Format, PromptBy, Provider, Worker, WorkerKind};
pub use cron::Cron;
pub use guardrails::{
    Budget, Guardrails, PROTECTED_ALWAYS, Sandbox, StuckLimits, ToolRules, WorkspaceKind,
    WorkspaceRules,
};
pub use hours::Hours;
pub use trigger::{OnEvent, Schedule, Source, Trigger, UNITS, When, Zone, length};

/// One loop, complete: every default is filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopSpec {
    /// The loop's name, equal to its file's name without `.toml`.
    pub name: String,
    /// One sentence for the list; may be empty.
    pub description: String,
    /// The author's default; switching off in the cockpit never writes the file.
    pub enabled: bool,
    /// Bone 1: what wakes it.
    #[serde(deserialize_with = "Trigger::of_any_age")]
    pub trigger: Trigger,
    /// Bone 2: the instructions it works by.
    pub skill: Skill,
    /// Who does the work.
    pub worker: Worker,
    /// Bone 3: what is wanted, and how it is verified.
    pub goal: Goal,
    /// Bone 4: what it remembers.
    pub memory: Memory,
    /// What comes out, and where drafts go.
    pub output: Output,
    /// Where an approved draft may be published; `None` never publishes.
    pub publish: Option<Publish>,
    /// What it may not do.
    pub guardrails: Guardrails,
}

/// The name under which plain prompts are kept; no loop file has it.
pub const PLAIN: &str = "prompt";

/// The skill folder and how often it must have worked by hand first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Path of the folder that holds `SKILL.md`, relative to the project.
    pub path: String,
    /// Accepted runs by hand before a schedule or event may start the loop.
    pub proven_min: u32,
}

/// A statement and its verification, tied together: neither is valid alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What should be true at the end.
    pub statement: String,
    /// Commands that pass or fail, in order.
    pub checks: Vec<Check>,
    /// The separate examiner, asked only when all required checks pass.
    pub judge: Option<Judge>,
}

/// One command that passes or fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The name shown beside its mark.
    pub name: String,
    /// Program and arguments, with placeholders still in place.
    pub command: Vec<String>,
    /// Whether a failure fails the verdict; else it is only shown.
    pub required: bool,
    /// Longest time, in seconds.
    pub timeout_s: u64,
    /// Whether it needs the network.
    pub network: bool,
}

/// The separate examiner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    /// Who it is.
    pub kind: JudgeKind,
    /// The model that the loop file names for it.
    #[serde(default)]
    pub model: Option<String>,
    /// One yes-or-no line each; all must be yes.
    pub rubric: Vec<String>,
    /// How it is told to look.
    pub stance: String,
    /// Odd number of votes; the majority counts.
    pub votes: u32,
    /// Least distance from the worker.
    pub independence: Independence,
    /// Longest time for one vote, in seconds.
    pub timeout_s: u64,
}

/// The kinds of judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgeKind {
    /// A program that is asked on its standard input and prints its answer.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Set where it is an agent that prints this format: it is asked in words and its last
        /// words hold the answer. Absent, it reads one JSON object and prints one.
        #[serde(default)]
        format: Option<Format>,
    },
    /// A model behind an HTTP interface.
    Http(Provider),
    /// The operator answers the rubric at the verdict checkpoint.
    Human,
    /// A scripted stand-in for demos and tests.
    Script {
        /// Path of the script file, relative to the loop file's folder.
        file: String,
    },
}

impl JudgeKind {
    /// Who it is, on one line; `None` where the operator is.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Command { command, .. } => Some(command.join(" ")),
            Self::Http(provider) => Some(provider.words()),
            Self::Human => None,
            Self::Script { file } => Some(format!("script {file}")),
        }
    }
}

/// How far the judge must stand from the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Independence {
    /// A context of its own.
    Context,
    /// Another model too.
    Model,
    /// Another provider too.
    Provider,
}

/// The memory file and what of it goes into a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Path of the Markdown file, relative to the project.
    pub path: String,
    /// Most tokens of memory in a prompt.
    pub inject_tokens: u64,
    /// Who proposes the note.
    pub note: NoteBy,
    /// Longest note, in lines.
    pub max_note_lines: usize,
}

/// Who proposes the note that a verdict leaves in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteBy {
    /// The judge, else the failed checks.
    Verdict,
    /// The last `NOTE:` line of the worker, shown as a claim.
    Worker,
    /// Nobody.
    None,
}

/// What a run brings out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// A patch or whole files.
    pub kind: OutputKind,
    /// The only folder of the project that results go to before publish.
    pub drafts: String,
    /// The file that is the result, for `files`; placeholders still in place.
    pub artefact: Option<String>,
}

/// The two forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A patch against the base.
    Diff,
    /// The artefact file itself.
    Files,
}

/// Where an approved draft goes, with a yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// The target.
    pub to: PublishTo,
    /// Whether it can be taken back; if not, the digest is typed every time.
    pub reversible: bool,
}

/// The kinds of target. Placeholders are still in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishTo {
    /// One commit on a branch of the operator's repository; never pushed.
    GitBranch {
        /// Branch name without `refs/heads/`.
        branch: String,
        /// Name of the artefact at the target, for `files`.
        rename: Option<String>,
    },
    /// A file of the project.
    Copy {
        /// Path at the target, relative to the project.
        path: String,
    },
    /// A program that publishes, and one that takes it back.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// Program and arguments that undo it; empty where there is none.
        undo: Vec<String>,
    },
}

/// How far a loop may go by itself. The record decides what is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Asks at every step.
    Training,
    /// Asks on doubt and before publish.
    Supervised,
    /// Asks before publish.
    Autonomous,
}

impl Mode {
    /// The word on the screen and in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Supervised => "supervised",
            Self::Autonomous => "autonomous",
        }
    }
}

impl LoopSpec {
    /// Whether this is a prompt that runs once, and no loop.
    pub fn is_plain(&self) -> bool {
        self.name == PLAIN
    }
}
