//! The fold: what each event makes of a run. Nothing is decided here, so that replaying a journal
//! gives the very run that wrote it.

use super::undo::{Retaken, Undone};
use super::{
    Answer, Ask, Attempt, CheckResult, Checkpoint, Decision, Edit, Event, Halt, Limit, Offer,
    Outcome, Pending, Phase, Prompt, Run, Stage, Usage, Verdict, Work,
};

impl Run {
    /// Takes in one event of this run's own journal.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Woke(_) => {}
            Event::Resumed => self.resumed(),
            Event::Prepared(ground) => self.ground = Some(ground.clone()),
            Event::Began { iteration, stage } => self.began(*iteration, *stage),
            Event::Composed { prompt } => self.composed_as(prompt),
            Event::Asked(checkpoint) => self.asks(checkpoint),
            Event::Decided { decision, .. } => self.take_in(decision),
            Event::Permitted { .. } => self.phase = Phase::Doing(Stage::Work),
            Event::Used(usage) => self.meter.report(*usage),
            Event::Reserved(worst) => self.meter.reserve(*worst),
            Event::Took { ms } => self.meter.took(*ms),
            Event::Paused(pause) => self.pauses(pause),
            Event::Worked(work) => self.take_work(work),
            Event::Checked { tree, results } => self.take_checks(tree, results),
            Event::Judged {
                tree,
                judgement,
                usage,
                took_ms,
            } => {
                self.meter.spend(*usage, *took_ms);
                self.pauses = 0;
                self.judged = Some((tree.clone(), judgement.clone()));
            }
            Event::Ruled(verdict) => self.take_verdict(verdict),
            Event::Remembered { note } => {
                self.kept_note = Some(note.clone());
                self.leave_trace();
            }
            Event::Forgotten => self.forgotten(),
            Event::Drafted { offer, .. } => self.take_offer(offer.as_deref()),
            Event::Moved(offer) => self.offer = Some(offer.clone()),
            Event::Published(receipt) => self.receipt = Some(receipt.clone()),
            Event::Unpublished => self.unpublished(),
            Event::Restored { .. } => self.restored(),
            Event::Failed(failure) => {
                self.meter.settle();
                self.traces.failure(failure);
            }
            Event::HoldAsked(on) => self.hold = *on,
            Event::Held { iteration, next } => {
                self.phase = Phase::Held {
                    iteration: *iteration,
                    next: *next,
                };
            }
            Event::StopAsked => self.halting(Halt::Stop),
            Event::LimitHit(limit) => self.limit_hit(*limit),
            Event::RestoreAsked { iteration } => self.restore_asked(*iteration),
            Event::RestoreUndone => self.restore_undone(),
            Event::Closing(outcome) => {
                self.closing = Some(outcome.clone());
                self.hold = false;
            }
            Event::Undone { answer, .. } => self.undone(*answer),
            Event::Ended(outcome) => self.ended(outcome),
        }
    }

    fn limit_hit(&mut self, limit: Limit) {
        if let Limit::Minutes(spent, _) = limit {
            self.meter.run_out(spent);
        }
        let stage = self.in_flight().unwrap_or(Stage::Work);
        self.halting(Halt::Limit(limit, stage));
    }

    fn composed_as(&mut self, prompt: &Prompt) {
        self.prompt = Some(prompt.clone());
        self.edit = Pending::None;
    }

    fn asks(&mut self, checkpoint: &Checkpoint) {
        self.asked += 1;
        // Work that wants leave goes on, and will tell its whole usage.
        if !matches!(checkpoint.ask, Ask::Permission { .. }) {
            self.meter.settle();
            // A draft on the way out is nothing to come back to.
            if self.closing.is_none() {
                self.last_asked = Some(checkpoint.ask.clone());
            }
        }
        // What could not be put back still is to be.
        let waits =
            matches!(&checkpoint.ask, Ask::Error { failure } if self.puts_back(failure.stage));
        if !waits {
            self.retaken = None;
        }
        self.phase = Phase::Asking(Box::new(checkpoint.clone()));
    }

    fn take_work(&mut self, work: &Work) {
        self.meter.spend(work.usage, work.took_ms);
        self.pauses = 0;
        if let Some(question) = &work.question {
            self.traces.question(question);
        }
        if let Pending::Reinstate(_) = self.edit {
            self.waived.push(work.tree.clone());
        }
        self.restoring.worked();
        self.work = Some(work.clone());
        self.checked = None;
        self.verdict = None;
        self.kept_note = None;
        self.last_asked = None;
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
        }
    }

    fn began(&mut self, iteration: u32, stage: Stage) {
        match stage {
            Stage::Compose => self.opens(iteration),
            // What a crash cut short counts as begun, whatever was said of the attempt before it.
            Stage::Publish | Stage::Unpublish if self.in_flight() == Some(stage) => {
                self.attempt.begun();
            }
            Stage::Publish
            | Stage::Prepare
            | Stage::Work
            | Stage::Rework
            | Stage::Check
            | Stage::Judge
            | Stage::Remember
            | Stage::Forget
            | Stage::Draft
            | Stage::Unpublish
            | Stage::Restore => {}
        }
        if stage != Stage::Restore {
            self.restoring.goes_on();
        }
        self.traces.began(stage);
        self.begun = stage;
        self.iteration = iteration;
        self.phase = Phase::Doing(stage);
    }

    /// An iteration begins, or begins again from where it started; what was asked before is over.
    fn opens(&mut self, iteration: u32) {
        if self.start_of(iteration).is_none() {
            let start = self.start_here();
            self.starts.push(start);
            self.previous = self.work.take();
        }
        if let (true, Some(ground), Some(start)) =
            (self.fresh, &self.ground, self.starts.last_mut())
        {
            start.tree.clone_from(&ground.tree);
        }
        self.fresh = false;
        self.work = None;
        self.last_asked = None;
        self.closing = None;
    }

    /// What an answer changes by itself, before any step follows from it.
    fn take_in(&mut self, decision: &Decision) {
        let Phase::Asking(checkpoint) = self.phase.clone() else {
            return;
        };
        self.retry_note = None;
        if let Decision::Retry { note: Some(note) } = decision {
            self.retry_note = Some(note.clone());
            self.take_note(note.clone());
        }
        match decision {
            Decision::Edit(edit) => self.take_edit(&checkpoint, edit),
            Decision::Retry { .. } => self.take_retry(&checkpoint),
            Decision::Approve { .. } | Decision::Abort => {}
        }
        self.pauses = 0;
        self.attempt = Attempt::said(&checkpoint.ask, decision.answer());
        self.undone = None;
        self.restoring.decided(&checkpoint.ask, decision.answer());
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
                    self.take_note(format!("you asked «{question}»; the answer is: {text}"));
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
            Edit::AllowForRun => {
                if let Ask::Permission { what, .. } = &checkpoint.ask {
                    self.allowed.push(what.clone());
                }
            }
            Edit::Verdict { .. } => {}
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
            Ask::Error { .. }
            | Ask::Prompt { .. }
            | Ask::Publish { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. } => {}
        }
    }

    fn take_verdict(&mut self, verdict: &Verdict) {
        self.told.clone_from(&verdict.feedback);
        self.notes.clear();
        self.kept_note = None;
        self.last_asked = None;
        self.verdict = Some(verdict.clone());
    }

    /// A verdict that was agreed to leaves its trace.
    fn leave_trace(&mut self) {
        if let (Some(work), Some(verdict)) = (&self.work, &self.verdict) {
            self.traces.verdict(&work.diff.digest, verdict);
        }
    }

    /// Something in flight is to end; what is asked for last is what follows.
    pub(super) fn halting(&mut self, halt: Halt) {
        if self.in_flight().is_some() || matches!(self.phase, Phase::Halting(_)) {
            self.phase = Phase::Halting(halt);
        }
    }

    /// A stopped run goes on; one whose host had died keeps on ending as it was about to end.
    fn resumed(&mut self) {
        if let Phase::Ended(_) = self.phase {
            self.closing = None;
            self.restoring.goes_on();
        }
    }

    fn ended(&mut self, outcome: &Outcome) {
        self.closing = None;
        self.meter.settle();
        // A publication that could not be taken back may be tried again.
        if *outcome == Outcome::Published
            && let Some(retaken) = self.retaken.take()
        {
            self.answered = Some((retaken.checkpoint, Answer::Approve));
        }
        self.phase = Phase::Ended(outcome.clone());
    }

    fn forgotten(&mut self) {
        self.kept_note = None;
        self.traces.take_back();
        self.put_back();
    }

    fn unpublished(&mut self) {
        self.receipt = None;
        self.put_back();
    }

    /// What followed a retaken answer is put back; its question may be asked.
    pub(super) fn put_back(&mut self) {
        if let Some(retaken) = &mut self.retaken {
            retaken.first = None;
        }
    }

    pub(super) fn puts_back(&self, stage: Stage) -> bool {
        self.retaken
            .as_ref()
            .is_some_and(|retaken| retaken.first == Some(stage))
    }

    /// What was allowed once is refused again: the work is what was left without it.
    fn disallow(&mut self, work: &Work) {
        let pending = std::mem::take(&mut self.edit);
        if !matches!(pending, Pending::Reinstate(_)) {
            self.waived.pop();
        }
        self.work = Some(work.clone());
    }

    /// What a retry that is taken back told the worker is not told.
    fn untold(&mut self, answer: Answer) -> Option<String> {
        let note = self.retry_note.take();
        let note = note.filter(|note| answer == Answer::Retry && self.notes.last() == Some(note));
        if note.is_some() {
            self.notes.pop();
            self.starts.last_mut().map(|start| start.notes.pop());
        }
        note
    }

    /// The answer is taken back: its question is to be asked again.
    fn undone(&mut self, answer: Answer) {
        let Some((mut checkpoint, _)) = self.answered.take() else {
            return;
        };
        self.attempt = Attempt::Once;
        let published = matches!(self.phase, Phase::Ended(Outcome::Published));
        // Whatever answer made it public in the end: it is asked whether it is to be.
        if let (true, Some(ask)) = (published, self.publish_ask()) {
            checkpoint.ask = ask;
        }
        let first = match (&checkpoint.ask, answer) {
            (_, _) if published => Some(Stage::Unpublish),
            (Ask::Verdict { .. }, Answer::Approve) if self.kept_note.is_some() => {
                Some(Stage::Forget)
            }
            (Ask::Guardrail { work, .. }, Answer::Edit) => {
                self.disallow(work);
                Some(Stage::Restore)
            }
            (Ask::Work { work } | Ask::Guardrail { work, .. }, Answer::Retry) => {
                self.work = Some((**work).clone());
                Some(Stage::Restore)
            }
            // Half work of the worker that is being stopped lies in the workspace.
            (Ask::Prompt { .. }, _) if self.step_begun() == Some(Stage::Work) => {
                Some(Stage::Restore)
            }
            (_, _) => None,
        };
        if checkpoint.iteration < self.iteration {
            self.starts
                .truncate(usize::try_from(checkpoint.iteration).unwrap_or(usize::MAX));
            self.work = self.previous.take();
            self.iteration = checkpoint.iteration;
        }
        self.undone = Some(Undone {
            ask: checkpoint.ask.clone(),
            answer,
            cut: self.in_flight(),
            note: self.untold(answer),
        });
        self.retaken = Some(Retaken { checkpoint, first });
        self.halting(Halt::Undo);
    }
}
