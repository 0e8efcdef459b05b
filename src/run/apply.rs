//! The fold: what each event makes of a run. Nothing is decided here, so that replaying a journal
//! gives the very run that wrote it.

use super::{
    Ask, CheckResult, Checkpoint, Decision, Edit, Event, Halt, Limit, Offer, Pending, Phase,
    Prompt, Run, Stage, Usage, Verdict, Work,
};

impl Run {
    /// Takes in one event of this run's own journal.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Woke(_) | Event::Resumed => self.closing = None,
            Event::Prepared(ground) => self.ground = Some(ground.clone()),
            Event::Began { iteration, stage } => self.began(*iteration, *stage),
            Event::Composed { prompt } => self.composed_as(prompt),
            Event::Asked(checkpoint) => self.asks(checkpoint),
            Event::Decided { decision, .. } => self.take_in(decision),
            Event::Permitted { .. } => self.phase = Phase::Doing(Stage::Work),
            Event::Used(usage) => self.meter.report(*usage),
            Event::Worked(work) => self.take_work(work),
            Event::Checked { tree, results } => self.take_checks(tree, results),
            Event::Judged {
                tree,
                judgement,
                usage,
                took_ms,
            } => {
                self.meter.spend(*usage, *took_ms);
                self.judged = Some((tree.clone(), judgement.clone()));
            }
            Event::Ruled(verdict) => self.take_verdict(verdict),
            Event::Remembered { .. } => self.leave_trace(),
            Event::Forgotten => self.traces.take_back(),
            Event::Drafted { offer, .. } => self.take_offer(offer.as_deref()),
            Event::Published(receipt) => self.receipt = Some(receipt.clone()),
            Event::Unpublished => {
                self.receipt = None;
                self.publishes = 0;
            }
            Event::Restored { tree } => self.start_over_from(tree),
            Event::Failed(_) => self.meter.settle(),
            Event::HoldAsked(on) => self.hold = *on,
            Event::Held { iteration, next } => {
                self.phase = Phase::Held {
                    iteration: *iteration,
                    next: *next,
                };
            }
            Event::StopAsked => self.halting(Halt::Stop),
            Event::LimitHit(limit) => {
                let stage = self.in_flight().unwrap_or(Stage::Work);
                if let Limit::Minutes(spent, _) = limit {
                    self.meter.run_out(*spent);
                }
                self.halting(Halt::Limit(*limit, stage));
            }
            Event::RestoreAsked { iteration } => {
                let tree = self.start_of(*iteration).unwrap_or_default().to_owned();
                self.edit = Pending::Restore(tree);
            }
            Event::Closing(outcome) => {
                self.closing = Some(outcome.clone());
                self.hold = false;
            }
            Event::Undone { .. } => self.undone(),
            Event::Ended(outcome) => {
                self.meter.settle();
                self.phase = Phase::Ended(outcome.clone());
            }
        }
    }

    fn composed_as(&mut self, prompt: &Prompt) {
        self.prompt = Some(prompt.clone());
        self.edit = Pending::None;
    }

    fn asks(&mut self, checkpoint: &Checkpoint) {
        self.asked += 1;
        self.meter.settle();
        self.retaken = None;
        self.last_asked = Some(checkpoint.ask.clone());
        self.phase = Phase::Asking(Box::new(checkpoint.clone()));
    }

    fn take_work(&mut self, work: &Work) {
        self.meter.spend(work.usage, work.took_ms);
        if let Some(question) = &work.question {
            self.traces.question(question);
        }
        self.work = Some(work.clone());
        self.checked = None;
        self.verdict = None;
        self.edit = Pending::None;
    }

    fn take_checks(&mut self, tree: &str, results: &[CheckResult]) {
        let took_ms = results.iter().map(|result| result.took_ms).sum();
        self.meter.spend(Usage::default(), took_ms);
        self.checked = Some((tree.to_owned(), results.to_vec()));
    }

    /// What a publish would send; the last draft of a run that is closing offers nothing new.
    fn take_offer(&mut self, offer: Option<&Offer>) {
        if self.closing.is_none() {
            self.offer = offer.cloned().map(Box::new);
            self.publishes = 0;
        }
    }

    fn began(&mut self, iteration: u32, stage: Stage) {
        if stage == Stage::Compose && self.start_of(iteration).is_none() {
            let ground = self
                .ground
                .as_ref()
                .map(|g| g.tree.clone())
                .unwrap_or_default();
            let tree = if self.fresh { ground } else { self.tree() };
            self.starts.push(tree);
            self.previous = self.work.take();
            self.fresh = false;
        }
        if stage == Stage::Publish {
            self.publishes += 1;
        }
        self.iteration = iteration;
        self.phase = Phase::Doing(stage);
    }

    /// What an answer changes by itself, before any step follows from it.
    fn take_in(&mut self, decision: &Decision) {
        let Phase::Asking(checkpoint) = self.phase.clone() else {
            return;
        };
        if let Decision::Retry { note: Some(note) } = decision {
            self.notes.push(note.clone());
        }
        match decision {
            Decision::Edit(edit) => self.take_edit(&checkpoint, edit),
            Decision::Retry { .. } => self.take_retry(&checkpoint),
            Decision::Approve { .. } | Decision::Abort => {}
        }
        self.answered = Some((checkpoint, decision.answer()));
    }

    fn take_edit(&mut self, checkpoint: &Checkpoint, edit: &Edit) {
        match edit {
            Edit::Prompt { text } => self.edit = Pending::Prompt(text.clone()),
            Edit::File { path, text } => self.edit = Pending::File(path.clone(), text.clone()),
            Edit::AllowOnce => {
                if let Ask::Guardrail { tried, .. } = &checkpoint.ask {
                    self.edit = Pending::Reinstate(tried.clone());
                }
            }
            Edit::Answer { text } => {
                if let Ask::Question { question } = &checkpoint.ask {
                    self.notes
                        .push(format!("you asked «{question}»; the answer is: {text}"));
                }
                self.work = None;
            }
            Edit::Raise {
                tokens,
                minutes,
                micro_usd,
            } => {
                self.meter.raise(*tokens, *minutes, *micro_usd);
            }
            Edit::Files => self.traces.clear(),
            Edit::Verdict { .. } | Edit::AllowForRun => {}
        }
    }

    fn take_retry(&mut self, checkpoint: &Checkpoint) {
        match checkpoint.ask {
            Ask::Work { .. } | Ask::Guardrail { .. } | Ask::Question { .. } => self.work = None,
            Ask::Verdict { .. } => self.judged = None,
            Ask::Stuck { .. } => {
                self.fresh = true;
                self.traces.clear();
            }
            Ask::Error { .. } => self.publishes = 0,
            Ask::Prompt { .. }
            | Ask::Publish { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. } => {}
        }
    }

    fn take_verdict(&mut self, verdict: &Verdict) {
        self.told.clone_from(&verdict.feedback);
        self.notes.clear();
        self.verdict = Some(verdict.clone());
    }

    /// A verdict that was agreed to leaves its trace.
    fn leave_trace(&mut self) {
        if let (Some(work), Some(verdict)) = (&self.work, &self.verdict) {
            self.traces.verdict(&work.diff.digest, verdict);
        }
    }

    fn halting(&mut self, halt: Halt) {
        if self.in_flight().is_some() {
            self.phase = Phase::Halting(halt);
        }
    }

    /// The answer is taken back: its question is to be asked again.
    fn undone(&mut self) {
        let Some((checkpoint, _)) = self.answered.take() else {
            return;
        };
        if let Ask::Verdict { .. } = checkpoint.ask
            && checkpoint.iteration < self.iteration
        {
            self.starts
                .truncate(usize::try_from(checkpoint.iteration).unwrap_or(usize::MAX));
            self.work = self.previous.take();
            self.iteration = checkpoint.iteration;
        }
        self.retaken = Some(checkpoint);
        self.halting(Halt::Undo);
    }

    fn start_over_from(&mut self, tree: &str) {
        self.work = None;
        self.edit = Pending::None;
        if let Some(start) = self.starts.last_mut() {
            tree.clone_into(start);
        }
    }
}
