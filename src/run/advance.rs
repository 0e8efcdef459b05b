//! The way through an iteration: what follows when a step is over, when one fails, when a limit is
//! reached. What follows an operator's answer is `decide.rs`; what they take back, `undo.rs`.

use super::spec::JudgeKind;
use super::undo::Retaken;
use super::{
    AfterVerdict, Ask, CheckResult, Checkpoint, CheckpointId, Digest, Effect, Event, Failure, Halt,
    Input, Judgement, Limit, Mode, Outcome, Phase, Prompt, Purse, Run, Stage, Usage, Verdict, Wake,
    Work, ruling,
};

impl Run {
    /// The step in flight is over. Anything else is late and changes nothing.
    pub(super) fn finished(&mut self, input: Input) -> Effect {
        match (self.in_flight(), input) {
            (Some(Stage::Prepare), Input::Prepared(ground)) => {
                self.emit(Event::Prepared(ground));
                self.begin(Stage::Compose)
            }
            (Some(Stage::Prepare), Input::CannotVerify(why)) => {
                self.emit(Event::Ended(Outcome::CannotVerify(why)));
                Effect::Finish
            }
            (Some(Stage::Compose), Input::Composed(prompt)) => self.composed(prompt),
            (Some(Stage::Work | Stage::Rework), Input::Worked(work)) => self.worked(work),
            (Some(Stage::Check), Input::Checked(results)) => self.checked(results),
            (
                Some(Stage::Judge),
                Input::Judged {
                    judgement,
                    usage,
                    took_ms,
                },
            ) => self.judged(judgement, usage, took_ms),
            (Some(Stage::Remember), Input::Remembered { note }) => {
                self.emit(Event::Remembered { note });
                self.remembered()
            }
            (Some(Stage::Forget), Input::Forgotten) => {
                self.emit(Event::Forgotten);
                self.ask_again()
            }
            (Some(Stage::Draft), Input::Drafted { paths, offer }) => {
                self.emit(Event::Drafted { paths, offer });
                self.drafted()
            }
            (Some(Stage::Publish), Input::Moved(offer)) => {
                self.emit(Event::Moved(offer));
                self.offered()
            }
            (Some(Stage::Publish), Input::Published(receipt)) => self.published(receipt),
            (Some(Stage::Unpublish), Input::Unpublished) => {
                self.emit(Event::Unpublished);
                self.ask_again()
            }
            (Some(Stage::Restore), Input::Restored { tree }) => self.put_back_to(tree),
            (None, Input::Published(receipt)) if self.halts(Stage::Publish) => {
                self.published(receipt)
            }
            (None, Input::Unpublished) if self.halts(Stage::Unpublish) => {
                self.emit(Event::Unpublished);
                Effect::Continue
            }
            (_, _late) => Effect::Continue,
        }
    }

    fn judged(&mut self, judgement: Judgement, usage: Usage, took_ms: u64) -> Effect {
        let tree = self.tree();
        let told = judgement.clone();
        self.emit(Event::Judged {
            tree,
            judgement,
            usage,
            took_ms,
        });
        self.rule(told)
    }

    /// Whether this step is being ended, which it may forestall by being done.
    fn halts(&self, stage: Stage) -> bool {
        matches!(self.phase, Phase::Halting(_)) && self.begun == stage
    }

    /// The work of this iteration is discarded: the files are put back at once, held or not.
    pub(super) fn discarded(&mut self) -> Effect {
        self.begin_now(Stage::Restore)
    }

    pub(super) fn composed(&mut self, prompt: Prompt) -> Effect {
        let edited = prompt.edited;
        let text = prompt.text.clone();
        self.emit(Event::Composed { prompt });
        if self.stops().at_prompt() || edited {
            return self.ask(Ask::Prompt {
                text,
                pinned: self.wake.pinned.clone(),
            });
        }
        self.begin(Stage::Work)
    }

    pub(super) fn worked(&mut self, work: Box<Work>) -> Effect {
        self.emit(Event::Worked(work.clone()));
        if let Some(question) = work.question {
            let limits = self.wake.spec.guardrails.stuck;
            return match self.traces.question_signal(limits) {
                Some(signal) => self.ask(Ask::Stuck { signal }),
                None => self.ask(Ask::Question { question }),
            };
        }
        if !work.breaches.is_empty() {
            let breaches = work.breaches.clone();
            let tried = work.tried.clone().unwrap_or_else(|| work.tree.clone());
            return self.ask(Ask::Guardrail {
                breaches,
                work,
                tried,
            });
        }
        self.after_work()
    }

    pub(super) fn after_work(&mut self) -> Effect {
        match self.work.clone() {
            Some(work) if self.stops().at_work(!work.flags.is_empty()) => self.ask(Ask::Work {
                work: Box::new(work),
            }),
            Some(_) | None => self.begin(Stage::Check),
        }
    }

    pub(super) fn checked(&mut self, results: Vec<CheckResult>) -> Effect {
        let tree = self.tree();
        // A required check without a result of its own has not passed.
        let checks = &self.wake.spec.goal.checks;
        let failed = checks
            .iter()
            .filter(|c| c.required)
            .find(|c| !results.iter().any(|r| r.name == c.name && r.passed()))
            .map(|c| c.name.clone());
        // Nobody was to be asked, and what failed says so itself. Without any result nothing but this would.
        let told = results.iter().any(|r| r.required && !r.passed());
        let silent = told && self.wake.spec.goal.judge.is_none();
        self.emit(Event::Checked {
            tree: tree.clone(),
            results,
        });
        if let Some(because) = failed.filter(|_| !silent) {
            return self.rule(Judgement::NotAsked { because });
        }
        match self.wake.spec.goal.judge.as_ref().map(|judge| &judge.kind) {
            None => self.rule(Judgement::None),
            Some(JudgeKind::Human) => self.rule(Judgement::Open),
            Some(JudgeKind::Command { .. } | JudgeKind::Http(_) | JudgeKind::Script { .. }) => {
                match &self.judged {
                    Some((judged, told)) if *judged == tree => self.rule(told.clone()),
                    Some(_) | None => self.begin(Stage::Judge),
                }
            }
        }
    }

    pub(super) fn rule(&mut self, judgement: Judgement) -> Effect {
        let (tree, checks) = self.checked.clone().unwrap_or_default();
        let judgement = ruling::whole(judgement, self.rubric());
        // The worker's own note is for the eyes of a person who reads every step.
        let training = self.wake.mode == Mode::Training;
        let note = self.work.as_ref().and_then(|w| w.note.clone());
        let note = note.filter(|_| training);
        let mut verdict = ruling::compose(&self.wake.spec, tree, checks, judgement, note);
        verdict.flags = self.flags();
        self.ruled(verdict)
    }

    pub(super) fn ruled(&mut self, verdict: Verdict) -> Effect {
        let open = verdict.judgement == Judgement::Open;
        let then = self.after_verdict(&verdict);
        let checks_against_judge = verdict.first_failed().is_none() && !verdict.approved();
        let doubt = checks_against_judge || then == AfterVerdict::Exhausted;
        self.emit(Event::Ruled(Box::new(verdict.clone())));
        if open || self.stops().at_verdict(doubt) {
            return self.ask(Ask::Verdict {
                verdict: Box::new(verdict),
                then,
            });
        }
        self.begin(Stage::Remember)
    }

    pub(super) fn after_verdict(&self, verdict: &Verdict) -> AfterVerdict {
        if verdict.approved() {
            match self.wake.spec.publish {
                Some(_) => AfterVerdict::Publish,
                None => AfterVerdict::Done,
            }
        } else if self.iteration >= self.wake.spec.guardrails.max_iterations {
            AfterVerdict::Exhausted
        } else {
            AfterVerdict::NextIteration
        }
    }

    pub(super) fn remembered(&mut self) -> Effect {
        let after = self.verdict.as_ref().map(|v| self.after_verdict(v));
        match after {
            Some(AfterVerdict::Publish | AfterVerdict::Done) => self.begin(Stage::Draft),
            Some(AfterVerdict::Exhausted) => self.close(Outcome::Exhausted),
            Some(AfterVerdict::NextIteration) | None => {
                match self.traces.signal(self.wake.spec.guardrails.stuck) {
                    Some(signal) => self.ask(Ask::Stuck { signal }),
                    None => self.next_iteration(),
                }
            }
        }
    }

    pub(super) fn next_iteration(&mut self) -> Effect {
        self.begin_in(self.iteration + 1, Stage::Compose)
    }

    pub(super) fn used(&mut self, usage: Usage) -> Effect {
        if self.in_flight().is_none() {
            return Effect::Continue;
        }
        self.emit(Event::Used(usage));
        match self.meter.reached() {
            Some(limit) => self.halt_at(limit),
            None => Effect::Continue,
        }
    }

    /// Nothing is reserved for a step that is over or being ended, nor once a limit is reached.
    pub(super) fn reserve(&mut self, worst: Usage) -> Effect {
        if self.in_flight().is_some() && self.meter.reached().is_none() {
            self.emit(Event::Reserved(worst));
        }
        Effect::Continue
    }

    /// A step that is over or being ended came to nothing: its time counts all the same.
    pub(super) fn took(&mut self, ms: u64) -> Effect {
        if self.in_flight().is_some() || matches!(self.phase, Phase::Halting(_)) {
            self.emit(Event::Took { ms });
        }
        Effect::Continue
    }

    pub(super) fn halt_at(&mut self, limit: Limit) -> Effect {
        match self.in_flight() {
            Some(Stage::Work | Stage::Check | Stage::Judge) => {
                self.emit(Event::LimitHit(limit));
                Effect::Halt
            }
            Some(_) | None => Effect::Continue,
        }
    }

    pub(super) fn permission(&mut self, call: String, what: String) -> Effect {
        match self.phase {
            Phase::Doing(Stage::Work) if self.allowed.contains(&what) => self.permit(call),
            Phase::Doing(Stage::Work) => {
                self.ask(Ask::Permission { call, what });
                Effect::Continue
            }
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Held { .. }
            | Phase::Paused(_)
            | Phase::Halting(_)
            | Phase::Ended(_) => Effect::Permit {
                call,
                allowed: false,
                note: String::new(),
            },
        }
    }

    /// What was in flight is dead.
    pub(super) fn halted(&mut self) -> Effect {
        let Phase::Halting(halt) = self.phase.clone() else {
            return Effect::Continue;
        };
        match halt {
            // One that was over is over as it was.
            Halt::Stop => self.close(self.closing.clone().unwrap_or(Outcome::Stopped)),
            Halt::Limit(limit, next) => self.ask(Ask::Budget { limit, next }),
            Halt::Undo => self.ask_again(),
        }
    }

    pub(super) fn failed(&mut self, failure: Failure) -> Effect {
        match self.phase {
            Phase::Halting(_) => {
                if failure.maybe_done {
                    self.emit(Event::Failed(failure));
                }
                self.halted()
            }
            Phase::Asking(_) | Phase::Doing(_) if self.in_flight() == Some(failure.stage) => {
                self.emit(Event::Failed(failure.clone()));
                let failure = self.with_repeats(failure);
                self.ask(Ask::Error { failure })
            }
            Phase::Asking(_)
            | Phase::Doing(_)
            | Phase::Held { .. }
            | Phase::Paused(_)
            | Phase::Ended(_) => Effect::Continue,
        }
    }

    /// A failure that repeats says that trying again is no way out.
    fn with_repeats(&self, failure: Failure) -> Failure {
        let limits = self.wake.spec.guardrails.stuck;
        let Some(times) = self.traces.failure_signal(limits) else {
            return failure;
        };
        let cause = format!(
            "{}; the same {times} times in a row, so trying again alone will not help: mend it \
             first, or x ends the run and keeps its draft",
            failure.cause
        );
        Failure { cause, ..failure }
    }

    /// Begins a step of the present iteration, unless the run is held or a limit is reached.
    pub(super) fn begin(&mut self, stage: Stage) -> Effect {
        self.begin_in(self.iteration, stage)
    }

    pub(super) fn begin_in(&mut self, iteration: u32, stage: Stage) -> Effect {
        if self.hold {
            self.emit(Event::Held {
                iteration,
                next: stage,
            });
            return Effect::Wait;
        }
        let spends = matches!(stage, Stage::Work | Stage::Check | Stage::Judge);
        if let (true, Some(limit)) = (spends, self.meter.reached()) {
            return self.ask(Ask::Budget { limit, next: stage });
        }
        // What is sent counts, whatever the worker then does.
        let sent = self.prompt.as_ref().map_or(0, Prompt::tokens);
        if stage == Stage::Work && sent > self.meter.left_tokens() {
            let limit = self.meter.ahead(Purse::Tokens);
            return self.ask(Ask::Budget { limit, next: stage });
        }
        self.emit(Event::Began { iteration, stage });
        self.effect_of(stage)
    }

    /// Asks, and says what approving would act on.
    pub(super) fn ask(&mut self, ask: Ask) -> Effect {
        let digest = Digest::of_value(&(&ask, &self.wake.pinned));
        let id = self.next_checkpoint_id();
        let iteration = self.iteration;
        self.emit(Event::Asked(Box::new(Checkpoint {
            id,
            iteration,
            ask,
            digest,
        })));
        Effect::Wait
    }

    /// Asks the question whose answer was taken back, under a new id, once all is put back.
    pub(super) fn ask_again(&mut self) -> Effect {
        if self.restoring.is_being_undone() {
            return self.begin_now(Stage::Restore);
        }
        match self.retaken.clone() {
            Some(Retaken {
                first: Some(stage), ..
            }) => self.begin_now(stage),
            Some(Retaken { checkpoint, .. }) => self.ask(checkpoint.ask),
            None => self.begin(Stage::Compose),
        }
    }

    pub(super) fn next_checkpoint_id(&self) -> CheckpointId {
        let Wake { spec, number, .. } = &self.wake;
        CheckpointId(format!("{}-{number}.{}", spec.name, self.asked + 1))
    }
}
