//! Holding, stopping, taking back, picking up: the operator's hand on a run between the questions,
//! and what becomes of a run whose host had died.

use super::spec::PublishTo;
use super::{
    Answer, Ask, Checkpoint, Decision, Edit, Effect, Event, Failure, Halt, Outcome, Phase, Run,
    Stage,
};

/// Who a decision is by that came of undoing an undo.
const BY_UNDO: &str = "undo";

/// A question whose answer was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Retaken {
    pub(super) checkpoint: Box<Checkpoint>,
    /// What has to be put back before it is asked again.
    pub(super) first: Option<Stage>,
}

/// An answer that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Undone {
    /// What it had answered.
    pub(super) ask: Ask,
    pub(super) answer: Answer,
    /// The step that was cut short.
    pub(super) cut: Option<Stage>,
    /// What a retry told the worker.
    pub(super) note: Option<String>,
}

impl Run {
    pub(super) fn hold(&mut self, on: bool) -> Result<Effect, String> {
        if let Phase::Ended(_) = self.phase {
            return Err("this run is over; the loop can be started again".to_owned());
        }
        self.emit(Event::HoldAsked(on));
        match (on, self.phase.clone()) {
            (false, Phase::Held { iteration, next }) => Ok(self.begin_in(iteration, next)),
            (false, Phase::Paused(_)) => Ok(self.pause_over()),
            (_, _) => Ok(Effect::Continue),
        }
    }

    pub(super) fn stop(&mut self) -> Result<Effect, String> {
        match self.phase {
            Phase::Ended(_) => {
                Err("this run is over already; the loop can be started again".to_owned())
            }
            Phase::Halting(Halt::Stop) => Ok(Effect::Halt),
            Phase::Halting(Halt::Limit(..) | Halt::Undo) => {
                self.emit(Event::StopAsked);
                Ok(Effect::Halt)
            }
            Phase::Doing(Stage::Draft) if self.closing.is_some() => Ok(Effect::Continue),
            Phase::Doing(_) | Phase::Asking(_) | Phase::Held { .. } | Phase::Paused(_) => {
                let busy = self.in_flight().is_some();
                self.emit(Event::StopAsked);
                Ok(if busy {
                    Effect::Halt
                } else {
                    self.close(Outcome::Stopped)
                })
            }
        }
    }

    /// Takes the last restore or decision back, as far as nothing that cannot be put back has
    /// followed; taken back already, it takes that undo back.
    pub(super) fn undo(&mut self) -> Result<Effect, String> {
        if let Some(taken) = self.undo_restore() {
            return taken;
        }
        let Some((checkpoint, answer)) = self.answered.clone() else {
            return self.redo();
        };
        let published = matches!(self.phase, Phase::Ended(Outcome::Published));
        let already = self.receipt.as_ref().and_then(|r| r.already.as_ref());
        if let (true, Some(run)) = (published, already) {
            return Err(format!(
                "{run} published this before, and only that run takes it back"
            ));
        }
        if published && !self.can_unpublish() {
            return Err(
                "this publication has no undo: take it back at its place by hand".to_owned(),
            );
        }
        if !published && !self.can_take_back(&checkpoint, answer) {
            return Err(self.stays(&checkpoint.ask, answer));
        }
        let busy = self.in_flight().is_some();
        self.emit(Event::Undone {
            checkpoint: checkpoint.id,
            answer,
        });
        Ok(if busy { Effect::Halt } else { self.ask_again() })
    }

    /// Gives the answer that was taken back once more, where that costs nothing a second time.
    fn redo(&mut self) -> Result<Effect, String> {
        let none = || {
            Err(
                "there is no decision to take back; the timeline (t) puts an iteration's files back"
                    .to_owned(),
            )
        };
        let Some(Undone {
            ask,
            answer,
            cut,
            note,
        }) = self.undone.clone()
        else {
            return none();
        };
        let open = match &self.phase {
            Phase::Asking(open) if open.ask == ask => open.clone(),
            Phase::Doing(_) | Phase::Halting(Halt::Undo) => {
                return Err(
                    "the last undo is still under way: its question comes again in a moment"
                        .to_owned(),
                );
            }
            Phase::Asking(_)
            | Phase::Held { .. }
            | Phase::Paused(_)
            | Phase::Halting(_)
            | Phase::Ended(_) => return none(),
        };
        let decision = match answer {
            Answer::Approve => Decision::APPROVE,
            Answer::Retry => Decision::Retry { note },
            Answer::Edit if matches!(ask, Ask::Guardrail { .. }) => Decision::Edit(Edit::AllowOnce),
            Answer::Edit | Answer::Abort => return none(),
        };
        if let Ask::Publish { .. } = ask {
            return Err("what was taken back is published again only by a".to_owned());
        }
        if let Some(stage @ (Stage::Work | Stage::Judge)) = cut {
            let who = at_work(stage);
            let key = if answer == Answer::Retry { "r" } else { "a" };
            return Err(format!(
                "the {who} was stopped at work and would cost a second time; {key} begins it again"
            ));
        }
        self.decided(&open.id, open.digest, decision, BY_UNDO.to_owned())
    }

    /// Whether only what can be put back has followed this answer (PRODUCT §5.17).
    fn can_take_back(&self, checkpoint: &Checkpoint, answer: Answer) -> bool {
        let next = self.step_begun().or(self.held_before());
        let here = checkpoint.iteration == self.iteration;
        match (&checkpoint.ask, answer) {
            (Ask::Prompt { .. }, Answer::Approve) => here && next == Some(Stage::Work),
            (Ask::Work { .. }, Answer::Approve) | (Ask::Verdict { .. }, Answer::Retry) => {
                here && matches!(next, Some(Stage::Check | Stage::Judge))
            }
            (Ask::Work { .. } | Ask::Guardrail { .. }, Answer::Retry) => here && self.is_unworked(),
            (Ask::Verdict { .. }, Answer::Approve) => self.next_is_unsent(),
            (Ask::Publish { .. }, Answer::Approve) => self.held_before() == Some(Stage::Publish),
            (Ask::Guardrail { .. }, Answer::Approve | Answer::Edit) => {
                self.guardrail_can_return(checkpoint)
            }
            (_, _) => false,
        }
    }

    /// Whether the iteration that begins again after discarded work has brought nothing yet.
    fn is_unworked(&self) -> bool {
        let begun = self.step_begun();
        let again = matches!(begun, Some(Stage::Restore | Stage::Compose | Stage::Work));
        let held = matches!(self.held_before(), Some(Stage::Compose | Stage::Work));
        // As after a restore: what is asked now is before anything is sent.
        let asks = |open: &Checkpoint| open.ask.leaves_restore(Answer::Retry);
        again || held || matches!(&self.phase, Phase::Asking(open) if asks(open))
    }

    pub(super) fn held_before(&self) -> Option<Stage> {
        match self.phase {
            Phase::Held { next, .. } => Some(next),
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Paused(_)
            | Phase::Halting(_)
            | Phase::Ended(_) => None,
        }
    }

    /// The step that has begun and is not over: in flight, or waiting for a limit to end.
    pub(super) fn step_begun(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Paused(pause) => Some(pause.stage),
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Held { .. }
            | Phase::Halting(_)
            | Phase::Ended(_) => self.in_flight(),
        }
    }

    /// Whether the next prompt or publication after a verdict is still only a question.
    fn next_is_unsent(&self) -> bool {
        match &self.phase {
            Phase::Asking(open) => matches!(
                open.ask,
                Ask::Prompt { .. } | Ask::Publish { .. } | Ask::Stuck { .. }
            ),
            Phase::Held { next, .. } => {
                matches!(next, Stage::Remember | Stage::Compose | Stage::Draft)
            }
            Phase::Doing(_) | Phase::Paused(_) | Phase::Halting(_) | Phase::Ended(_) => false,
        }
    }

    fn can_unpublish(&self) -> bool {
        let Some((receipt, publish)) = self.receipt.as_ref().zip(self.wake.spec.publish.as_ref())
        else {
            return false;
        };
        let has_way = match &publish.to {
            PublishTo::GitBranch { .. } | PublishTo::Copy { .. } => !receipt.now.is_empty(),
            PublishTo::Command { undo, .. } => !undo.is_empty(),
        };
        publish.reversible && has_way
    }

    /// Why this answer stays as it is, and what there is instead.
    fn stays(&self, ask: &Ask, answer: Answer) -> String {
        let (kind, over) = (ask.kind(), self.outcome());
        match (answer, over) {
            (Answer::Abort, Some(outcome)) if outcome.can_be_resumed() => {
                format!("you stopped this run at its {kind} question: r picks it up there")
            }
            (Answer::Abort, Some(Outcome::Kept)) => {
                "you kept this as a draft, and the run is over; the loop can be started again"
                    .to_owned()
            }
            (Answer::Abort, _) => {
                "you stopped this run; a stop is not taken back, r picks a stopped run up"
                    .to_owned()
            }
            (Answer::Edit, None) => edit_stays(ask).to_owned(),
            (Answer::Approve | Answer::Retry, None) => format!(
                "the {kind} decision has led too far to take back: x stops the run, or the \
                 timeline (t) puts an iteration's files back"
            ),
            (Answer::Approve | Answer::Retry | Answer::Edit, Some(outcome)) => {
                let resumes = if outcome.can_be_resumed() {
                    "r picks the run up, or "
                } else {
                    ""
                };
                format!(
                    "the {kind} decision has led too far to take back: {resumes}the timeline (t) \
                     puts an iteration's files back"
                )
            }
        }
    }

    fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended(outcome) => Some(outcome),
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Held { .. }
            | Phase::Paused(_)
            | Phase::Halting(_) => None,
        }
    }

    /// Puts back at once, held or not: what is taken back must not wait.
    pub(super) fn begin_now(&mut self, stage: Stage) -> Effect {
        self.emit(Event::Began {
            iteration: self.iteration,
            stage,
        });
        self.effect_of(stage)
    }

    pub(super) fn resume(&mut self) -> Result<Effect, String> {
        match &self.phase {
            Phase::Paused(_) => return Ok(self.pause_over()),
            Phase::Ended(Outcome::Stopped | Outcome::Stuck | Outcome::Budget) => {}
            Phase::Ended(_) => {
                return Err("this run is done; the loop can be started again".to_owned());
            }
            Phase::Doing(_) | Phase::Asking(_) | Phase::Held { .. } | Phase::Halting(_) => {
                return Err(
                    "this run is not stopped, so there is nothing to resume; x stops it".to_owned(),
                );
            }
        }
        self.emit(Event::Resumed);
        if self.ground.is_none() {
            return Ok(self.begin(Stage::Prepare));
        }
        if self.retaken.is_some() || self.restoring.is_being_undone() {
            return Ok(self.ask_again());
        }
        let kept = self.kept_note.is_some();
        Ok(match self.last_asked.clone() {
            Some(Ask::Verdict { .. }) if kept => self.remembered(),
            Some(ask) => self.ask(ask),
            None if self.work.is_none() => self.begin(Stage::Compose),
            None if kept => self.remembered(),
            None => self.begin(Stage::Check),
        })
    }

    /// The host had died. What can be done over is; what may have cost or changed something asks.
    pub(super) fn interrupted(&mut self) -> Effect {
        match self.phase.clone() {
            Phase::Asking(_) if self.in_flight().is_none() => Effect::Wait,
            Phase::Held { .. } => Effect::Wait,
            Phase::Paused(pause) => Effect::WaitUntil {
                at_ms: pause.until_ms,
            },
            Phase::Ended(_) => Effect::Finish,
            Phase::Halting(_) => {
                self.emit(Event::Resumed);
                self.halted()
            }
            Phase::Asking(_) => {
                self.emit(Event::Resumed);
                self.cut_short(Stage::Work)
            }
            Phase::Doing(stage @ (Stage::Work | Stage::Judge)) => {
                self.emit(Event::Resumed);
                self.cut_short(stage)
            }
            Phase::Doing(stage) => {
                self.emit(Event::Resumed);
                self.begin_now(stage)
            }
        }
    }

    fn cut_short(&mut self, stage: Stage) -> Effect {
        let who = at_work(stage);
        let cause = format!(
            "the host ended while the {who} was at work; it was stopped and its half work is not used"
        );
        let failure = Failure {
            stage,
            cause,
            detail: String::new(),
            maybe_done: false,
        };
        // A call that nobody hears any more may have cost all that was set aside for it.
        if let Some(worst) = self.meter.unheard() {
            self.emit(Event::Used(worst));
        }
        // That hosts die says nothing of the step: it is no repetition.
        self.emit(Event::Failed(failure.clone()));
        self.ask(Ask::Error { failure })
    }
}

/// What an edit that is not taken back leaves to do.
fn edit_stays(ask: &Ask) -> &'static str {
    match ask {
        Ask::Prompt { .. } => {
            "an edit is not taken back: at the prompt e edits it again and r puts it together anew"
        }
        Ask::Work { .. } | Ask::Publish { .. } => {
            "an edit is not taken back: at the work e edits a file again and r discards the work"
        }
        Ask::Verdict { .. } => "an edit is not taken back: e edits the verdict again",
        Ask::Question { .. } => {
            "your answer stands in the next prompt: e edits that before it is sent"
        }
        Ask::Guardrail { .. } => {
            "what you allowed once has been examined and cannot be taken back: x stops the run, or \
             the timeline (t) puts the iteration's files back"
        }
        Ask::Stuck { .. } | Ask::Error { .. } => {
            "files that you changed are not taken back: edit them again"
        }
        Ask::Permission { .. } => "what you allowed holds for this run: x stops it",
        Ask::Budget { .. } => "the cap is raised for this run: x stops it",
    }
}

fn at_work(stage: Stage) -> &'static str {
    if stage == Stage::Judge {
        "judge"
    } else {
        "worker"
    }
}
