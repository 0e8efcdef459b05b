//! Restore points: the workspace put back to where an iteration started, and the way back from that.
//! What the undo of an answer puts back is `undo.rs`.

use super::stuck::Traces;
use super::{Answer, Ask, Attempt, Checkpoint, Effect, Event, Halt, Pending, Phase, Run, Stage};

/// What an iteration started from: all that holds again once the workspace is put back to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Start {
    pub(super) tree: String,
    /// What was allowed by then: a tree that was allowed later is thrown away with what it led to.
    waived: Vec<String>,
    told: String,
    pub(super) notes: Vec<String>,
    traces: Traces,
}

/// Where the newest restore stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Restoring {
    /// There is none, or too much has followed it to take it back.
    #[default]
    None,
    /// The files of this iteration's start are asked for.
    Asked(Point),
    /// They lie in the workspace.
    Done(Point),
    /// It is being taken back.
    Undoing(Point),
    /// It was taken back from this iteration, and nothing has followed.
    Undone(u32),
}

/// A restore point, and the run as it stood before it was gone back to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    iteration: u32,
    was: Box<Run>,
}

impl Restoring {
    fn point(self) -> Option<Point> {
        match self {
            Self::Asked(point) | Self::Done(point) | Self::Undoing(point) => Some(point),
            Self::None | Self::Undone(_) => None,
        }
    }

    /// Something else was decided.
    pub(super) fn decided(&mut self, ask: &Ask, answer: Answer) {
        match self {
            Self::Done(_) if !ask.leaves_restore(answer) => *self = Self::None,
            Self::Undone(_) => *self = Self::None,
            Self::None | Self::Asked(_) | Self::Done(_) | Self::Undoing(_) => {}
        }
    }

    /// The run goes on from where it stood.
    pub(super) fn goes_on(&mut self) {
        if let Self::Undone(_) = self {
            *self = Self::None;
        }
    }

    /// There is new work.
    pub(super) fn worked(&mut self) {
        if let Self::Done(_) | Self::Undone(_) = self {
            *self = Self::None;
        }
    }

    pub(super) fn is_being_undone(&self) -> bool {
        matches!(self, Self::Undoing(_))
    }
}

impl Ask {
    /// Whether a restore before this question can still be taken back after this answer: it has only
    /// led to a prompt that is not sent.
    pub fn leaves_restore(&self, answer: Answer) -> bool {
        match self {
            Self::Prompt { .. } => answer != Answer::Approve,
            Self::Error { failure } => matches!(failure.stage, Stage::Compose | Stage::Restore),
            Self::Work { .. }
            | Self::Verdict { .. }
            | Self::Publish { .. }
            | Self::Question { .. }
            | Self::Guardrail { .. }
            | Self::Stuck { .. }
            | Self::Permission { .. }
            | Self::Budget { .. } => false,
        }
    }
}

impl Run {
    pub(super) fn restore(&mut self, iteration: u32) -> Result<Effect, String> {
        if self.start_of(iteration).is_none() {
            return Err(self.no_point(iteration));
        }
        match self.phase {
            Phase::Asking(_) if self.in_flight().is_none() => {}
            Phase::Held { .. } | Phase::Paused(_) | Phase::Ended(_) => {}
            Phase::Asking(_) | Phase::Doing(_) | Phase::Halting(_) => {
                return Err("the workspace is in use; hold the run first".to_owned());
            }
        }
        if self.receipt.is_some() && !matches!(self.phase, Phase::Ended(_)) {
            return Err(
                "what it published is still to be taken back: answer that first".to_owned(),
            );
        }
        self.emit(Event::RestoreAsked { iteration });
        Ok(self.begin_now(Stage::Restore))
    }

    fn no_point(&self, iteration: u32) -> String {
        let aside = match &self.restoring {
            Restoring::Done(point) => point.was.start_of(iteration).is_some(),
            Restoring::None
            | Restoring::Asked(_)
            | Restoring::Undoing(_)
            | Restoring::Undone(_) => false,
        };
        if aside {
            format!("iteration {iteration} was put aside by the last restore: u takes that back")
        } else {
            format!(
                "iteration {iteration} has no restore point in this run: choose one that has begun"
            )
        }
    }

    /// Takes the newest restore back, or does it again where it was taken back; `None` where the
    /// newest thing is not a restore.
    pub(super) fn undo_restore(&mut self) -> Option<Result<Effect, String>> {
        let busy = self.in_flight();
        match (&self.restoring, &self.phase) {
            (Restoring::None, _) => None,
            (_, Phase::Halting(_)) => Some(Err(
                "what is under way is being stopped: u takes the restore back in a moment"
                    .to_owned(),
            )),
            (Restoring::Asked(_) | Restoring::Undoing(_), _) if busy.is_some() => Some(Err(
                "the workspace is still being put back: u takes that back in a moment".to_owned(),
            )),
            (Restoring::Undoing(_), _) => None,
            (Restoring::Asked(_) | Restoring::Done(_), _) => {
                self.emit(Event::RestoreUndone);
                Some(Ok(if busy.is_some() {
                    Effect::Halt
                } else {
                    self.begin_now(Stage::Restore)
                }))
            }
            (Restoring::Undone(iteration), _) => {
                let iteration = *iteration;
                Some(self.restore(iteration))
            }
        }
    }

    /// The tree that the workspace is being put back to.
    pub(super) fn restores_to(&self) -> String {
        match &self.restoring {
            Restoring::Asked(point) => self
                .start_of(point.iteration)
                .unwrap_or_default()
                .to_owned(),
            Restoring::Undoing(point) => point.was.tree(),
            // What an answer had left, where it is taken back; else where the iteration started.
            Restoring::None | Restoring::Done(_) | Restoring::Undone(_) => {
                if self.puts_back(Stage::Restore) {
                    self.tree()
                } else {
                    self.start()
                }
            }
        }
    }

    /// The workspace is put back: a run that is over stays so, one whose restore is taken back stands
    /// where it stood, a question whose answer is taken back is asked again, and an open run else
    /// starts its iteration over.
    pub(super) fn put_back_to(&mut self, tree: String) -> Effect {
        let stood = match &self.restoring {
            Restoring::Undoing(point) => Some(point.was.phase.clone()),
            Restoring::None | Restoring::Asked(_) | Restoring::Done(_) | Restoring::Undone(_) => {
                None
            }
        };
        self.emit(Event::Restored { tree });
        if let Some(outcome) = self.closing.clone() {
            self.emit(Event::Ended(outcome));
            return Effect::Finish;
        }
        match stood {
            Some(Phase::Asking(open)) => self.ask(open.ask),
            Some(Phase::Held { iteration, next }) => {
                if !self.hold {
                    self.emit(Event::HoldAsked(true));
                }
                self.emit(Event::Held { iteration, next });
                Effect::Wait
            }
            Some(Phase::Paused(pause)) => {
                let at_ms = pause.until_ms;
                self.emit(Event::Paused(pause));
                Effect::WaitUntil { at_ms }
            }
            Some(Phase::Ended(outcome)) => {
                self.emit(Event::Ended(outcome));
                Effect::Finish
            }
            // A restore begins where nothing is in flight.
            Some(Phase::Doing(_) | Phase::Halting(_)) | None => self.ask_again(),
        }
    }

    /// What the present iteration starts from, should it be gone back to.
    pub(super) fn start_here(&self) -> Start {
        Start {
            tree: self.tree(),
            waived: self.waived.clone(),
            told: self.told.clone(),
            notes: self.notes.clone(),
            traces: self.traces.clone(),
        }
    }

    /// What the operator wants the worker to know: an iteration that begins again is told too.
    pub(super) fn take_note(&mut self, note: String) {
        if let Some(start) = self.starts.last_mut() {
            start.notes.push(note.clone());
        }
        self.notes.push(note);
    }

    pub(super) fn restore_asked(&mut self, iteration: u32) {
        // Restores without work between them are one: what they put aside is the work before them.
        let was = match std::mem::take(&mut self.restoring).point() {
            Some(point) => point.was,
            None => Box::new(self.clone()),
        };
        self.restoring = Restoring::Asked(Point { iteration, was });
        self.ends_again();
    }

    pub(super) fn restore_undone(&mut self) {
        if let Some(point) = std::mem::take(&mut self.restoring).point() {
            self.restoring = Restoring::Undoing(point);
        }
        self.ends_again();
        self.halting(Halt::Undo);
    }

    /// A run that is over stays so, whatever its files become.
    fn ends_again(&mut self) {
        if let Phase::Ended(outcome) = &self.phase {
            self.closing = Some(outcome.clone());
        }
    }

    pub(super) fn restored(&mut self) {
        match std::mem::take(&mut self.restoring) {
            Restoring::Asked(point) => {
                if !self.is_over_for_good() {
                    self.start_over(point.iteration);
                }
                self.restoring = Restoring::Done(point);
            }
            Restoring::Undoing(point) => self.stand_as(point),
            other @ (Restoring::None | Restoring::Done(_) | Restoring::Undone(_)) => {
                self.restoring = other;
                // Work that was discarded is known to be.
                if self.puts_back(Stage::Restore) {
                    self.put_back();
                }
            }
        }
    }

    /// Nothing can pick it up: only its files change.
    fn is_over_for_good(&self) -> bool {
        let closing = self.closing.as_ref();
        closing.is_some_and(|outcome| !outcome.can_be_resumed())
    }

    /// The run stands where this iteration started; what followed is set aside.
    fn start_over(&mut self, iteration: u32) {
        self.starts
            .truncate(usize::try_from(iteration).unwrap_or(usize::MAX));
        if let Some(start) = self.starts.last().cloned() {
            self.waived = start.waived;
            self.told = start.told;
            self.notes = start.notes;
            self.traces = start.traces;
        }
        self.iteration = iteration;
        (self.work, self.previous) = (None, None);
        (self.checked, self.verdict, self.kept_note) = (None, None, None);
        (self.answered, self.undone, self.retaken) = (None, None, None);
        (self.offer, self.last_asked) = (None, None);
        self.edit = Pending::None;
        self.attempt = Attempt::Once;
        self.fresh = false;
    }

    /// The run as it stood before the restore; what was spent and asked since is spent and asked.
    fn stand_as(&mut self, Point { iteration, was }: Point) {
        let again = if self.is_over_for_good() {
            Restoring::None
        } else {
            Restoring::Undone(iteration)
        };
        let now = self.clone();
        *self = Self {
            phase: now.phase,
            meter: now.meter,
            asked: now.asked,
            allowed: now.allowed,
            pauses: now.pauses,
            hold: now.hold,
            closing: now.closing,
            begun: now.begun,
            out: now.out,
            restoring: again,
            ..*was
        };
    }

    /// Whether this answer's question is the guardrail's, and only what can be put back has followed.
    pub(super) fn guardrail_can_return(&self, checkpoint: &Checkpoint) -> bool {
        let here = checkpoint.iteration == self.iteration;
        let shown =
            matches!(&self.phase, Phase::Asking(open) if matches!(open.ask, Ask::Work { .. }));
        let next = self.step_begun().or(self.held_before());
        here && (shown || matches!(next, Some(Stage::Rework | Stage::Check | Stage::Judge)))
    }
}
