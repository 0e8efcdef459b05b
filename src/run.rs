//! A run as a pure state machine: inputs in, events and one effect out. No clock, no files,
//! no threads live here; the supervisor does what `Effect` asks and answers with an `Input`.

pub mod advance;
pub mod apply;
pub mod budget;
pub mod checkpoint;
mod close;
pub mod counted;
pub mod decide;
pub mod digest;
pub mod effect;
pub mod event;
pub mod flag;
pub mod inert;
pub mod input;
pub mod keys;
pub mod names;
pub mod obeyed;
pub mod pause;
pub mod prompt;
mod restore;
pub mod ruling;
pub mod spec;
pub mod steady;
pub mod stuck;
pub mod undo;
pub mod verdict;
pub mod work;

pub use budget::{Limit, Meter, Purse};
pub use checkpoint::{
    AfterVerdict, Answer, Ask, Checkpoint, CheckpointId, Decision, Edit, Failure, Stage, Stops,
};
pub use counted::counted;
pub use digest::{Digest, TextRef};
pub use effect::{Attempt, Effect, Step};
pub use event::{
    BY_HAND, Event, Fired, Ground, Offer, Outcome, Payload, Receipt, Since, Stand, Unseen, Wake,
};
pub use flag::{Flag, Sign};
pub use input::Input;
pub use pause::Pause;
pub use prompt::{Part, PartKind, Prompt};
pub use spec::{LoopSpec, Mode};
pub use stuck::Signal;
pub use verdict::{CheckOutcome, CheckResult, Finding, JudgeAnswer, Judgement, Verdict};
pub use work::{Author, Breach, Change, ChangeKind, Usage, Work};

use restore::{Restoring, Start};
use stuck::Traces;
use undo::{Retaken, Undone};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// A step is in flight outside the run.
    Doing(Stage),
    /// A person is asked.
    Asking(Box<Checkpoint>),
    /// It stands at a safe point before this step, because the operator said so.
    Held {
        /// Its iteration.
        iteration: u32,
        /// The step.
        next: Stage,
    },
    /// Nothing is in flight until somebody else's limit ends; then the step begins again.
    Paused(Pause),
    /// What was in flight is being killed.
    Halting(Halt),
    /// It is over.
    Ended(Outcome),
}

/// Why something in flight is being killed: what follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Halt {
    /// The operator stops the run.
    Stop,
    /// A limit is reached in this step.
    Limit(Limit, Stage),
    /// The operator takes the last decision back.
    Undo,
}

/// One run of one loop: the fold of its events, and what may happen next.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    wake: Wake,
    phase: Phase,
    meter: Meter,
    traces: Traces,
    ground: Option<Ground>,
    iteration: u32,
    /// What each iteration started from.
    starts: Vec<Start>,
    prompt: Option<Prompt>,
    work: Option<Work>,
    /// The work of the iteration before, in case its verdict is taken back.
    previous: Option<Work>,
    /// Whether the next iteration starts from the ground, not from the last work.
    fresh: bool,
    /// The trees that the operator allowed against the guardrails, the newest last.
    waived: Vec<String>,
    checked: Option<(String, Vec<CheckResult>)>,
    /// The newest answer of the judge and the tree it is about; not asked twice for one tree.
    judged: Option<(String, Judgement)>,
    verdict: Option<Verdict>,
    /// The note of this verdict as it stands in the file, once the verdict is agreed to and kept.
    kept_note: Option<String>,
    /// What the last verdict tells the next prompt.
    told: String,
    /// What the operator wants the worker to know, until the next verdict.
    notes: Vec<String>,
    /// What the newest answer added to it.
    retry_note: Option<String>,
    edit: Pending,
    offer: Option<Box<Offer>>,
    receipt: Option<Receipt>,
    /// What the operator's last answer says of a step that may have happened already.
    attempt: Attempt,
    closing: Option<Outcome>,
    hold: bool,
    /// Pauses since a step came back with something.
    pauses: u32,
    asked: u32,
    /// What was asked last, in case a stopped run is picked up; `None` once it is out of date.
    last_asked: Option<Ask>,
    /// The newest answered question and how it was answered: what `u` takes back.
    answered: Option<(Box<Checkpoint>, Answer)>,
    retaken: Option<Retaken>,
    /// The newest undo, until something else is decided: what a second `u` does again.
    undone: Option<Undone>,
    restoring: Restoring,
    /// Tool calls that the operator allowed for the whole run, in words.
    allowed: Vec<String>,
    /// The step that began last.
    begun: Stage,
    /// Events of the step being taken.
    out: Vec<Event>,
}

/// An edit of the operator that a step still has to carry out.
#[derive(Debug, Clone, Default, PartialEq)]
enum Pending {
    #[default]
    None,
    Prompt(String),
    File(String, String),
    Reinstate(String),
}

impl Run {
    /// A run that has just woken, and its first step.
    pub fn wake(wake: Wake) -> (Self, Step) {
        let mut run = Self::asleep(wake.clone());
        run.emit(Event::Woke(Box::new(wake)));
        let effect = run.begin(Stage::Prepare);
        let step = run.answer(Ok(effect));
        (run, step)
    }

    /// The run that these events tell of; `None` unless they start with `Woke`.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let Some(Event::Woke(wake)) = events.next() else {
            return None;
        };
        let mut run = Self::asleep((**wake).clone());
        for event in events {
            run.apply(event);
        }
        Some(run)
    }

    fn asleep(wake: Wake) -> Self {
        Self {
            phase: Phase::Doing(Stage::Prepare),
            meter: Meter::new(wake.spec.guardrails.budget),
            traces: Traces::default(),
            ground: None,
            iteration: 1,
            starts: Vec::new(),
            prompt: None,
            work: None,
            previous: None,
            fresh: false,
            waived: Vec::new(),
            checked: None,
            judged: None,
            verdict: None,
            kept_note: None,
            told: String::new(),
            notes: Vec::new(),
            retry_note: None,
            edit: Pending::None,
            offer: None,
            receipt: None,
            attempt: Attempt::Once,
            closing: None,
            hold: false,
            pauses: 0,
            asked: 0,
            last_asked: None,
            answered: None,
            retaken: None,
            undone: None,
            restoring: Restoring::None,
            allowed: Vec::new(),
            begun: Stage::Prepare,
            out: Vec::new(),
            wake,
        }
    }

    /// How the run began.
    pub fn woke(&self) -> &Wake {
        &self.wake
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The present iteration, from 1.
    pub fn iteration(&self) -> u32 {
        self.iteration
    }

    /// What it stands on, once prepared.
    pub fn ground(&self) -> Option<&Ground> {
        self.ground.as_ref()
    }

    /// The tree that an iteration started from, if it has.
    pub fn start_of(&self, iteration: u32) -> Option<&str> {
        let index = usize::try_from(iteration).ok()?.checked_sub(1)?;
        self.starts.get(index).map(|start| start.tree.as_str())
    }

    /// The newest tree that the operator allowed against the guardrails: caps of the whole run
    /// count from it.
    pub fn waived(&self) -> Option<&str> {
        self.waived.last().map(String::as_str)
    }

    /// What it has spent and may spend.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Takes one input: the only way a run ever changes.
    ///
    /// Every phase answers every input. Late news of a step that is no longer in flight changes
    /// nothing; an operator's input that cannot be taken is refused with one line.
    pub fn step(&mut self, input: Input) -> Step {
        let result = self.react(input);
        self.answer(result)
    }

    fn answer(&mut self, result: Result<Effect, String>) -> Step {
        let events = std::mem::take(&mut self.out);
        match result {
            Ok(effect) => Step {
                events,
                effect,
                refused: None,
            },
            Err(why) => Step {
                events,
                ..Step::refused(why)
            },
        }
    }

    fn react(&mut self, input: Input) -> Result<Effect, String> {
        match input {
            Input::Decide {
                checkpoint,
                digest,
                decision,
                by,
            } => self.decided(&checkpoint, digest, decision, by),
            Input::Hold(on) => self.hold(on),
            Input::Stop => self.stop(),
            Input::Undo => self.undo(),
            Input::Resume => self.resume(),
            Input::Restore { iteration } => self.restore(iteration),
            Input::Interrupted => Ok(self.interrupted()),
            Input::TimeUp => {
                let cap = self.meter.cap().minutes;
                Ok(self.halt_at(Limit::Minutes(cap, cap)))
            }
            Input::NoRoom(purse) => Ok(self.halt_at(self.meter.ahead(purse))),
            Input::Used(usage) => Ok(self.used(usage)),
            Input::Reserve(usage) => Ok(self.reserve(usage)),
            Input::Took(ms) => Ok(self.took(ms)),
            Input::Paused(pause) => Ok(self.paused(pause)),
            Input::PauseOver => Ok(self.pause_over()),
            Input::Halted => Ok(self.halted()),
            Input::Failed(failure) => Ok(self.failed(failure)),
            Input::Permission { call, what } => Ok(self.permission(call, what)),
            Input::Prepared(_)
            | Input::CannotVerify(_)
            | Input::Composed(_)
            | Input::Worked(_)
            | Input::Checked(_)
            | Input::Judged { .. }
            | Input::Remembered { .. }
            | Input::Forgotten
            | Input::Drafted { .. }
            | Input::Moved(_)
            | Input::Published(_)
            | Input::Unpublished
            | Input::Restored { .. } => Ok(self.finished(input)),
        }
    }

    /// The step outside the run that is in flight; an open permission holds the work in flight.
    fn in_flight(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Doing(stage) => Some(*stage),
            Phase::Asking(checkpoint) => {
                matches!(checkpoint.ask, Ask::Permission { .. }).then_some(Stage::Work)
            }
            Phase::Held { .. } | Phase::Paused(_) | Phase::Halting(_) | Phase::Ended(_) => None,
        }
    }

    fn stops(&self) -> Stops {
        Stops {
            mode: self.wake.mode,
            audit: self.wake.audit,
        }
    }

    /// The tree as it stands: after the work, else where the iteration started.
    pub fn tree(&self) -> String {
        self.work
            .as_ref()
            .map_or_else(|| self.start(), |w| w.tree.clone())
    }

    /// The tree that the present iteration started from.
    fn start(&self) -> String {
        let ground = self.ground.as_ref().map(|g| g.tree.clone());
        self.start_of(self.iteration)
            .map(str::to_owned)
            .or(ground)
            .unwrap_or_default()
    }

    /// What of the tree as it stands should be looked at.
    fn flags(&self) -> Vec<Flag> {
        let flags = self.work.as_ref().map(|work| work.flags.clone());
        flags.unwrap_or_default()
    }

    fn note(&self) -> String {
        self.verdict
            .as_ref()
            .and_then(|v| v.note.clone())
            .unwrap_or_default()
    }

    /// What the next prompt is told: the last verdict's words, then the operator's.
    fn feedback(&self) -> String {
        let notes = self
            .notes
            .iter()
            .map(|note| format!("From the operator: {note}"));
        Some(self.told.clone())
            .filter(|told| !told.is_empty())
            .into_iter()
            .chain(notes)
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn emit(&mut self, event: Event) {
        self.apply(&event);
        self.out.push(event);
    }
}
