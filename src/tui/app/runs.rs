//! One run as its events tell it: where it stands, what it made, what was decided.
//! A fold of `run::Event`; nothing here decides anything.

mod iteration;
mod restoring;

pub use iteration::Iteration;
pub use restoring::Restoring;

use crate::protocol::RunId;
use crate::run::{
    Answer, Ask, Checkpoint, CheckpointId, Decision, Edit, Event, Failure, Ground, Limit, Meter,
    Offer, Outcome, Pause, Receipt, Stage, Verdict, Wake,
};

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Woken; waits for its turn.
    Queued,
    /// Does something since this time.
    Busy(Stage, i64),
    /// Waits for a person since this time.
    Asking(Box<Checkpoint>, i64),
    /// Held by the operator before this step.
    Held(Stage),
    /// Waits for somebody else's limit to end, and then goes on by itself.
    Paused(Box<Pause>),
    /// Told to stop.
    Stopping,
    /// Over since this time.
    Ended(Outcome, i64),
}

/// One decision, for the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Which question.
    pub id: CheckpointId,
    /// The question's kind.
    pub kind: &'static str,
    /// Its iteration.
    pub iteration: u32,
    /// What was answered.
    pub answer: Answer,
    /// Who answered.
    pub by: String,
    /// When.
    pub at: i64,
    /// How long it had waited, in milliseconds.
    pub waited: i64,
    /// Whether it was taken back.
    pub undone: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// How it began; `None` while only later records are known.
    pub wake: Option<Wake>,
    /// When its first record was written.
    pub at: i64,
    /// Where it stands.
    pub phase: Phase,
    /// What it stands on.
    pub ground: Option<Ground>,
    /// Its iterations, the first one first.
    pub iterations: Vec<Iteration>,
    /// Its decisions, oldest first.
    pub decisions: Vec<Taken>,
    /// Whether a prompt without its skill's text was sent: then it proves nothing of the skill.
    pub without_skill: bool,
    /// What it has used and may use.
    pub meter: Option<Meter>,
    /// Whether the operator asked to hold it.
    pub hold_asked: bool,
    /// Its newest failure.
    pub failure: Option<Failure>,
    /// Where its draft lies.
    pub drafts: Vec<String>,
    /// What a publish would send.
    pub offer: Option<Offer>,
    /// Where it is published.
    pub receipt: Option<Receipt>,
    /// Its newest restore.
    pub restoring: Restoring,
    /// Lines of its transcript.
    pub lines: u64,
    /// Number of the last record that it took in; 0 for none.
    pub seq: u64,
}

impl Run {
    /// A run of which nothing is known yet.
    pub fn new(id: RunId, at: i64) -> Self {
        Self {
            id,
            wake: None,
            at,
            phase: Phase::Queued,
            ground: None,
            iterations: Vec::new(),
            decisions: Vec::new(),
            without_skill: false,
            meter: None,
            hold_asked: false,
            failure: None,
            drafts: Vec::new(),
            offer: None,
            receipt: None,
            restoring: Restoring::None,
            lines: 0,
            seq: 0,
        }
    }

    /// When it ended, if it did.
    pub fn ended_at(&self) -> Option<i64> {
        match &self.phase {
            Phase::Ended(_, at) => Some(*at),
            Phase::Queued
            | Phase::Busy(..)
            | Phase::Asking(..)
            | Phase::Held(_)
            | Phase::Paused(_)
            | Phase::Stopping => None,
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event, at: i64) {
        match event {
            Event::Woke(wake) => {
                self.at = at;
                self.meter = Some(Meter::new(wake.spec.guardrails.budget));
                self.wake = Some((**wake).clone());
            }
            Event::Prepared(ground) => self.ground = Some(ground.clone()),
            Event::Began { iteration, stage } => self.began(*iteration, *stage, at),
            Event::Asked(checkpoint) => self.asks(checkpoint, at),
            Event::Decided {
                checkpoint,
                decision,
                by,
                ..
            } => self.decided(checkpoint, decision, by, at),
            Event::Permitted { .. } => self.phase = Phase::Busy(Stage::Work, at),
            Event::Paused(pause) => {
                self.settle();
                self.phase = Phase::Paused(Box::new(pause.clone()));
            }
            Event::Held { next, .. } => self.phase = Phase::Held(*next),
            Event::HoldAsked(on) => {
                self.hold_asked = *on;
                if let (false, Some(next)) = (*on, self.rests_before()) {
                    self.phase = Phase::Busy(next, at);
                }
            }
            Event::LimitHit(limit) => self.limit_hit(*limit),
            Event::StopAsked => self.phase = Phase::Stopping,
            Event::Undone { checkpoint, .. } => self.undone(checkpoint, at),
            Event::Ended(outcome) => {
                self.settle();
                self.phase = Phase::Ended(outcome.clone(), at);
            }
            Event::Failed(failure) => {
                self.settle();
                self.failure = Some(failure.clone());
            }
            Event::RestoreAsked { .. } | Event::RestoreUndone | Event::Restored { .. } => {
                self.puts_back(event, at);
            }
            Event::Closing { .. } => {}
            Event::Resumed if !self.active() => self.phase = Phase::Queued,
            Event::Resumed
            | Event::Composed { .. }
            | Event::Used(_)
            | Event::Reserved(_)
            | Event::Took { .. }
            | Event::Worked(_)
            | Event::Checked { .. }
            | Event::Judged { .. }
            | Event::Ruled(_)
            | Event::Remembered { .. }
            | Event::Forgotten
            | Event::Drafted { .. }
            | Event::Moved(_)
            | Event::Published(_)
            | Event::Unpublished => self.made(event),
        }
    }

    fn began(&mut self, iteration: u32, stage: Stage, at: i64) {
        self.iteration(iteration, at);
        if let (Stage::Compose, Some(newest)) = (stage, self.iterations.last_mut()) {
            newest.starts_over();
        }
        let prompt = self.iterations.last().and_then(|it| it.prompt.as_ref());
        self.without_skill |= stage == Stage::Work && prompt.is_some_and(|p| p.without_skill);
        self.phase = Phase::Busy(stage, at);
    }

    fn asks(&mut self, checkpoint: &Checkpoint, at: i64) {
        self.iteration(checkpoint.iteration, at);
        // Work that wants leave goes on, and will tell its whole usage.
        if !matches!(checkpoint.ask, Ask::Permission { .. }) {
            self.settle();
        }
        if let Some(newest) = self.iterations.last_mut() {
            newest.asked(&checkpoint.ask);
        }
        self.phase = Phase::Asking(Box::new(checkpoint.clone()), at);
    }

    fn limit_hit(&mut self, limit: Limit) {
        if let (Limit::Minutes(spent, _), Some(meter)) = (limit, &mut self.meter) {
            meter.run_out(spent);
        }
        self.phase = Phase::Stopping;
    }

    /// What a step brought out.
    fn made(&mut self, event: &Event) {
        if let Some(meter) = &mut self.meter {
            iteration::charge(meter, event);
        }
        if let Some(iteration) = self.iterations.last_mut() {
            iteration.made(event);
        }
        if let Event::Worked(_) = event {
            self.restore_stays();
        }
        if let Event::Drafted { paths, offer } = event {
            self.drafts.clone_from(paths);
            self.offer = offer.as_deref().cloned();
        } else if let Event::Moved(offer) = event {
            self.offer = Some((**offer).clone());
        } else if let Event::Published(receipt) = event {
            self.receipt = Some(receipt.clone());
        } else if let Event::Unpublished = event {
            self.receipt = None;
        }
    }

    fn decided(&mut self, id: &CheckpointId, decision: &Decision, by: &str, at: i64) {
        if let Decision::Edit(Edit::Raise {
            tokens,
            minutes,
            micro_usd,
        }) = decision
            && let Some(meter) = &mut self.meter
        {
            meter.raise(*tokens, *minutes, *micro_usd);
        }
        let Phase::Asking(checkpoint, since) = &self.phase else {
            return;
        };
        let stays = !checkpoint.ask.leaves_restore(decision.answer());
        self.decisions.push(Taken {
            id: id.clone(),
            kind: checkpoint.ask.kind(),
            iteration: checkpoint.iteration,
            answer: decision.answer(),
            by: by.to_owned(),
            at,
            waited: at - since,
            undone: false,
        });
        let step = match &checkpoint.ask {
            Ask::Prompt { .. } | Ask::Permission { .. } => Stage::Work,
            Ask::Work { .. } => Stage::Check,
            Ask::Verdict { .. } => Stage::Remember,
            Ask::Publish { .. } => Stage::Publish,
            Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Stuck { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => Stage::Compose,
        };
        self.phase = Phase::Busy(step, at);
        if stays {
            self.restore_stays();
        }
    }

    /// What followed the decision is put back; then the question comes again.
    fn undone(&mut self, id: &CheckpointId, at: i64) {
        self.phase = Phase::Busy(Stage::Restore, at);
        if let Some(taken) = self.decisions.iter_mut().rev().find(|d| d.id == *id) {
            taken.undone = true;
        }
    }

    /// This iteration, from 1, is the newest: there is room up to it, and later ones were taken back.
    fn iteration(&mut self, number: u32, at: i64) {
        // A record is not trusted with the size of an allocation.
        let number = number.clamp(1, 1_000) as usize;
        while self.iterations.len() < number {
            self.iterations.push(Iteration {
                at,
                ..Iteration::default()
            });
        }
        self.iterations.truncate(number);
    }

    /// The loop's name.
    pub fn name(&self) -> &str {
        self.id.split().map_or(self.id.0.as_str(), |(name, _)| name)
    }

    /// The run's number.
    pub fn number(&self) -> u32 {
        self.id.split().map_or(0, |(_, number)| number)
    }

    /// The step before which it stands by itself or because it was told to: space goes on.
    pub fn rests_before(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Held(next) => Some(*next),
            Phase::Paused(pause) => Some(pause.stage),
            Phase::Queued
            | Phase::Busy(..)
            | Phase::Asking(..)
            | Phase::Stopping
            | Phase::Ended(..) => None,
        }
    }

    /// The question it waits on.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        match &self.phase {
            Phase::Asking(checkpoint, _) => Some(checkpoint),
            Phase::Queued
            | Phase::Busy(..)
            | Phase::Held(_)
            | Phase::Paused(_)
            | Phase::Stopping
            | Phase::Ended(..) => None,
        }
    }

    /// How it ended.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended(outcome, _) => Some(outcome),
            Phase::Queued
            | Phase::Busy(..)
            | Phase::Asking(..)
            | Phase::Held(_)
            | Phase::Paused(_)
            | Phase::Stopping => None,
        }
    }

    /// Whether it does nothing before somebody answers or a time has come.
    pub fn rests(&self) -> bool {
        match self.phase {
            Phase::Asking(..) | Phase::Held(_) | Phase::Paused(_) | Phase::Ended(..) => true,
            Phase::Queued | Phase::Busy(..) | Phase::Stopping => false,
        }
    }

    /// Whether it is not over.
    pub fn active(&self) -> bool {
        self.outcome().is_none()
    }

    /// The iteration it is in, from 1; 0 before the first.
    pub fn now(&self) -> usize {
        self.iterations.len()
    }

    /// Most iterations it may take.
    pub fn max_iterations(&self) -> u32 {
        self.wake
            .as_ref()
            .map_or(0, |w| w.spec.guardrails.max_iterations)
    }

    /// The newest verdict and its iteration, from 1.
    pub fn verdict(&self) -> Option<(usize, &Verdict)> {
        self.iterations
            .iter()
            .enumerate()
            .rev()
            .find_map(|(i, it)| Some((i + 1, it.verdict.as_ref()?)))
    }
}
