//! All that crosses a thread or the socket: names, `Command` one way, `Record` the other.
//! Nothing else does. Live, resumed, replayed and attached runs are one stream of records.

pub mod away;
mod inventory;
pub mod review;
mod rows;
mod waking;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::run::{CheckpointId, Decision, Digest, Event};

pub use away::Away;
pub use inventory::{Agent, Inventory, Key, Server};
pub use review::Review;
pub use rows::{DayCaps, DayRoom, LoopFacts, LoopRow, LoopState};
pub use waking::{Lapse, Waking};

/// Names one run for ever: `<loop>-<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// The id of the `number`th run of a loop.
    pub fn new(loop_name: &str, number: u32) -> Self {
        Self(format!("{loop_name}-{number}"))
    }

    /// The loop and the number, if this is a run's id.
    pub fn split(&self) -> Option<(&str, u32)> {
        let (name, number) = self.0.rsplit_once('-')?;
        Some((name, number.parse().ok()?))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operator asks of the supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// First word of every connection: send what I do not have yet.
    Attach {
        /// Last record number that this cockpit has; 0 for none.
        since: u64,
        /// How decisions of this connection are signed: «cockpit 2», «command line».
        by: String,
        /// Whether to tell what the journal knows before a host that has just begun has looked at the loops:
        /// these are [`LoopState::Unexamined`] until then. Without it the first word waits for the look.
        early: bool,
    },
    /// Somebody sits in front of this connection until it closes.
    Here,
    /// Somebody looks at this question on a screen: nobody needs to be told of it elsewhere.
    Looks {
        /// Which.
        checkpoint: CheckpointId,
    },
    /// Start a loop now.
    Start {
        /// The loop.
        name: String,
    },
    /// Run a plain prompt, once.
    Prompt(Plain),
    /// Fire a loop's trigger from outside.
    Fire {
        /// The loop.
        name: String,
        /// What comes with it: data.
        payload: Option<String>,
    },
    /// Fire whatever is due now; answered with `Ticked` once all triggers were looked at.
    Tick,
    /// Answer a checkpoint.
    Decide {
        /// Which.
        checkpoint: CheckpointId,
        /// What was shown.
        digest: Digest,
        /// The answer.
        decision: Decision,
    },
    /// This checkpoint has been displayed or printed.
    Seen {
        /// Which.
        checkpoint: CheckpointId,
        /// What was shown.
        digest: Digest,
    },
    /// Stop one run, keep everything.
    Stop {
        /// The run.
        run: RunId,
    },
    /// Stop every run and switch all triggers off.
    StopAll,
    /// Hold a run at the next safe point, or let it go on.
    Hold {
        /// The run.
        run: RunId,
        /// Hold or go on.
        on: bool,
    },
    /// Take the last decision of a run back, or re-arm after `StopAll` where `run` is none.
    Undo {
        /// The run.
        run: Option<RunId>,
    },
    /// Arm a trigger that is switched off, or whose time is over or nearly so, for as long again.
    Arm {
        /// The loop.
        name: String,
    },
    /// Switch a trigger off, or all of them where no loop is named; runs under way go on.
    Disarm {
        /// The loop.
        name: Option<String>,
    },
    /// Pick a stopped run up at its last checkpoint.
    Resume {
        /// The run.
        run: RunId,
    },
    /// Put the workspace back to a restore point.
    Restore {
        /// The run.
        run: RunId,
        /// Before this iteration.
        iteration: u32,
    },
    /// Save a memory file that was edited.
    SaveMemory {
        /// The loop.
        name: String,
        /// Digest of the text that the edit started from.
        base: Digest,
        /// The whole new text.
        text: String,
    },
    /// Show all that a loop would run.
    Review {
        /// The loop.
        name: String,
    },
    /// Let a loop run what was shown of it, and only that.
    Trust {
        /// The loop.
        name: String,
        /// What was shown.
        digest: Digest,
    },
    /// The operator wrote these files through this program, with these bytes: what else has not
    /// changed stays allowed.
    Wrote {
        /// The files.
        files: Vec<Written>,
    },
    /// Send something that is kept by range, not queued.
    Fetch(Fetch),
    /// End the host when nothing runs; `force` stops what runs first.
    Shutdown {
        /// Stop runs first.
        force: bool,
    },
}

/// A plain prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain {
    /// What is asked.
    pub text: String,
    /// The skill that it is done by: a folder of the project, or its name in `skills`.
    pub skill: Option<String>,
    /// Whose worker does it: a loop, or a known agent by its program.
    pub worker: Option<String>,
}

/// One file that the operator wrote through this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Path in the project.
    pub path: String,
    /// Its bytes before; `None` where it was not there.
    pub before: Option<Digest>,
    /// Its bytes now.
    pub after: Digest,
}

/// What can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "fetch", rename_all = "kebab-case")]
pub enum Fetch {
    /// A kept text by its digest: prompt, diff, artefact.
    Text {
        /// Which.
        digest: Digest,
        /// First line, from 0.
        from: u64,
        /// Most lines.
        lines: u64,
    },
    /// Lines of a run's transcript.
    Transcript {
        /// The run.
        run: RunId,
        /// First line, from 0.
        from: u64,
        /// Most lines.
        lines: u64,
    },
    /// A loop's memory file, whole.
    Memory {
        /// The loop.
        name: String,
    },
    /// One changed file of a work checkpoint, whole, for editing: its lines joined by line feeds are the
    /// file.
    File {
        /// The run.
        run: RunId,
        /// Path in the workspace.
        path: String,
    },
    /// Earlier runs of a loop, newest first, as their records.
    History {
        /// The loop.
        name: String,
        /// Runs with a number below this; `u32::MAX` for the newest.
        before: u32,
        /// Most runs.
        runs: u32,
    },
    /// What should have run since a moment and did not.
    Lapses {
        /// Milliseconds since 1970.
        since: i64,
    },
    /// What this machine has for loops.
    Inventory,
}

/// One thing that a cockpit is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number in the journal, from 1; 0 for what is not journalled (levels, answers).
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What.
    pub fact: Fact,
}

impl Record {
    /// The event, if it is a run's.
    pub fn event(&self) -> Option<&Event> {
        if let Fact::Run { event, .. } = &self.fact {
            return Some(event);
        }
        None
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", content = "is", rename_all = "kebab-case")]
pub enum Fact {
    /// Something happened to a run. Journalled.
    Run {
        /// The run.
        run: RunId,
        /// What.
        event: Event,
    },
    /// All that was missing after `Attach` has been sent.
    Attached {
        /// The project's folder.
        project: String,
        /// How the host enforces «the worker cannot approve», in words, where it cannot.
        warnings: Vec<String>,
    },
    /// The loops as they stand now; replaces what was said before.
    Loops(Vec<LoopRow>),
    /// Runs that wait until another one is parked or over, the next one first; replaces what was
    /// said before.
    Waiting(Vec<RunId>),
    /// What all runs of a day may use up; replaces what was said before.
    Caps(DayCaps),
    /// A run's transcript has grown to this many lines.
    Grew {
        /// The run.
        run: RunId,
        /// Lines so far.
        lines: u64,
    },
    /// A memory file as it stands on disk now.
    Memory(MemoryText),
    /// The answer to `Fetch::Text`, `Transcript` and `File`.
    Lines {
        /// What was asked for.
        of: Fetch,
        /// The lines from `from` on; inert text.
        lines: Vec<String>,
        /// Lines there are in all.
        total: u64,
    },
    /// The end of an answer to `Fetch::History`; the runs came as `Run` records before it.
    HistoryEnd {
        /// The loop.
        name: String,
        /// Whether there are older runs.
        more: bool,
    },
    /// The answer to `Fetch::Lapses`: by loop, in the order of their names.
    Lapses(Vec<(String, Lapse)>),
    /// The answer to `Fetch::Inventory`.
    Found(Inventory),
    /// The answer to `Command::Review`.
    Review(Box<Review>),
    /// A command was refused and changed nothing: one line of why. Sent to its sender only.
    Refused {
        /// What was refused: a checkpoint id, a run id or a loop's name.
        what: String,
        /// Why, and what to do next.
        why: String,
    },
    /// What happened to a run cannot be written down yet. It is kept in memory and written as soon as
    /// that is possible; nothing of it is shown before. Told again at every attempt.
    Stalled {
        /// The run.
        run: RunId,
        /// What stands in the way.
        why: String,
    },
    /// A plain file about a run cannot be written: its transcript, or what its folder shows of the
    /// journal. It refuses nothing; the run goes on, and the file is tried again with the next.
    Unkept {
        /// The run.
        run: RunId,
        /// Which file, what stands in the way, and what is not lost.
        why: String,
    },
    /// A memory save met another change. Sent to its sender only.
    MemoryConflict {
        /// What stands on disk now.
        theirs: MemoryText,
        /// What was to be saved.
        mine: String,
    },
    /// The answer to `Fire`. Sent to its sender only.
    Fired {
        /// The loop.
        name: String,
        /// The run that it led to; `None` while the firing waits.
        run: Option<RunId>,
        /// What it waits for, one line; empty where there is a run.
        why: String,
    },
    /// The answer to `Tick`: of each loop the newest run that a firing led to since this was answered
    /// last. Sent to its sender only.
    Ticked(Vec<RunId>),
    /// The host was told to end, and does.
    Leaving,
    /// The command was done and has no other visible effect. Sent to its sender only.
    Done {
        /// What was done, one line.
        what: String,
    },
}

/// A memory file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryText {
    /// The loop.
    pub name: String,
    /// Path, relative to the project.
    pub path: String,
    /// Digest of the text.
    pub digest: Digest,
    /// The whole text.
    pub text: String,
}
