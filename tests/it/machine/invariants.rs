//! What must hold after every step of every run, told by scenario or by chance.

use std::collections::HashSet;

use checkride::run::{
    Ask, Checkpoint, CheckpointId, Decision, Digest, Effect, Event, Input, Mode, Phase, Prompt,
    Run, Stage, Stand, Step, Verdict,
};

use super::words;

#[expect(
    clippy::print_stderr,
    reason = "the story of a run that broke a rule belongs beside the test's own message"
)]
impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\n", self.story.join("\n"));
        }
    }
}

/// Watches a run from its events alone, so that it cannot believe the run's own account.
pub(super) struct Witness {
    pub(super) run: Run,
    /// Every question ever asked, in order.
    pub(super) asked: Vec<(CheckpointId, Digest)>,
    events: Vec<Event>,
    /// The run in words, for whoever has to find out what went wrong.
    story: Vec<String>,
    open: Option<Checkpoint>,
    ids: HashSet<CheckpointId>,
    prompt: Option<Prompt>,
    /// The digest of the prompt that the operator approved last.
    sent: Option<Digest>,
    /// Both as they were before a restore that can still be taken back.
    aside: Option<(Option<Prompt>, Option<Digest>)>,
    verdict: Option<Verdict>,
    /// The tree that the operator agreed to publish last, and how the target stood then.
    agreed: Option<(String, Stand)>,
    /// The tree that the judge answered about last, unless the operator wants it asked again.
    judged: Option<String>,
    /// The tree that was left last, where a person should look at it, until they were asked to.
    unseen: Option<String>,
}

impl Witness {
    pub(super) fn new(run: Run, first: &Step) -> Self {
        let mut witness = Self {
            run,
            asked: Vec::new(),
            events: Vec::new(),
            story: Vec::new(),
            open: None,
            ids: HashSet::new(),
            prompt: None,
            sent: None,
            aside: None,
            verdict: None,
            agreed: None,
            judged: None,
            unseen: None,
        };
        witness.look(first);
        witness
    }

    /// Takes one input and looks at everything that must hold.
    pub(super) fn step(&mut self, input: Input) -> Step {
        let before = self.run.clone();
        let told = format!("{input:?}");
        let step = self.run.step(input);
        let word: String = told.chars().take(60).collect();
        self.story.push(format!("{word} = {}", words::step(&step)));
        if step.refused.is_some() {
            assert_eq!(self.run, before, "refused, yet changed by {told}");
            assert!(step.events.is_empty(), "refused, yet events by {told}");
            assert_eq!(step.effect, Effect::Continue);
        }
        if let Phase::Ended(_) = before.phase() {
            let by_hand = told == "Resume" || told == "Undo" || told.starts_with("Restore {");
            assert!(
                step.events.is_empty() || by_hand,
                "{told} moved a run that had ended"
            );
        }
        self.look(&step);
        step
    }

    fn look(&mut self, step: &Step) {
        for event in &step.events {
            let json = serde_json::to_string(event).unwrap();
            let again: Event = serde_json::from_str(&json).unwrap();
            assert_eq!(again, *event, "{json}");
            self.events.push(event.clone());
            self.see(event);
        }
        assert_eq!(
            Run::replay(&self.events).unwrap(),
            self.run,
            "replay differs"
        );
        let max = self.run.woke().spec.guardrails.max_iterations;
        assert!(
            self.run.iteration() <= max,
            "iteration {} of {max}",
            self.run.iteration()
        );
        self.effect(&step.effect);
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::Composed { prompt } => self.prompt = Some(prompt.clone()),
            Event::Asked(checkpoint) => {
                let new = self.ids.insert(checkpoint.id.clone());
                assert!(new, "{} twice", checkpoint.id);
                self.asked
                    .push((checkpoint.id.clone(), checkpoint.digest.clone()));
                if let Ask::Work { .. } = checkpoint.ask {
                    self.unseen = None;
                }
                self.open = Some((**checkpoint).clone());
            }
            Event::Decided {
                checkpoint,
                digest,
                decision,
                ..
            } => self.decided(checkpoint, digest, decision),
            Event::Judged { tree, .. } => self.judged = Some(tree.clone()),
            Event::Ruled(verdict) => self.verdict = Some((**verdict).clone()),
            Event::Moved(_) => self.agreed = None,
            Event::Undone { .. } => (self.sent, self.agreed) = (None, None),
            Event::RestoreAsked { .. } => {
                let now = (self.prompt.clone(), self.sent.clone());
                self.aside.get_or_insert(now);
            }
            Event::RestoreUndone => {
                (self.prompt, self.sent) = self.aside.take().expect("no restore to take back");
            }
            Event::Worked(work) => {
                self.aside = None;
                (self.verdict, self.agreed) = (None, None);
                self.unseen = (!work.flags.is_empty()).then(|| work.tree.clone());
            }
            Event::Began { stage, .. } => self.began(*stage),
            Event::Woke(_)
            | Event::Prepared(_)
            | Event::Permitted { .. }
            | Event::Used(_)
            | Event::Reserved(_)
            | Event::Took { .. }
            | Event::Paused(_)
            | Event::Checked { .. }
            | Event::Remembered { .. }
            | Event::Forgotten
            | Event::Drafted { .. }
            | Event::Published(_)
            | Event::Unpublished
            | Event::Restored { .. }
            | Event::Failed(_)
            | Event::HoldAsked(_)
            | Event::Held { .. }
            | Event::StopAsked
            | Event::LimitHit(_)
            | Event::Closing(_)
            | Event::Resumed
            | Event::Ended(_) => {}
        }
    }

    fn decided(&mut self, id: &CheckpointId, digest: &Digest, decision: &Decision) {
        let open = self.open.take().expect("a decision without a question");
        assert_eq!((&open.id, &open.digest), (id, digest));
        assert!(open.ask.allows(decision.answer()));
        if !open.ask.leaves_restore(decision.answer()) {
            self.aside = None;
        }
        if let (Ask::Verdict { .. }, Decision::Retry { .. }) = (&open.ask, decision) {
            self.judged = None;
        }
        let Decision::Approve { typed } = decision else {
            return;
        };
        match &open.ask {
            Ask::Prompt { text, .. } => self.sent = Some(text.digest.clone()),
            Ask::Publish {
                tree,
                stand,
                typed: must,
                ..
            } => {
                assert!(!must || typed.as_deref() == Some(open.digest.short()));
                self.agreed = Some((tree.clone(), (**stand).clone()));
            }
            Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Stuck { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => {}
        }
    }

    fn began(&self, stage: Stage) {
        if let Stage::Work | Stage::Judge = stage {
            // A later event of the same step may spend, but none comes after a beginning.
            let meter = Run::replay(&self.events).unwrap();
            assert_eq!(
                meter.meter().reached(),
                None,
                "{stage:?} began beyond a limit"
            );
        }
    }

    fn effect(&self, effect: &Effect) {
        match effect {
            Effect::Work { prompt, .. } => {
                let shown = self.prompt.as_ref().map(|p| &p.text.digest);
                assert_eq!(
                    shown,
                    Some(prompt),
                    "another prompt is sent than was put together"
                );
                if self.run.woke().mode == Mode::Training {
                    assert_eq!(self.sent.as_ref(), Some(prompt), "sent without a yes");
                }
            }
            Effect::Publish { offer, tree, .. } => {
                let verdict = self.verdict.as_ref().expect("published without a verdict");
                assert!(verdict.approved(), "published although not approved");
                assert_eq!(verdict.tree, *tree, "the verdict is about another tree");
                let sent = Some((tree.clone(), offer.stand.clone()));
                assert_eq!(self.agreed, sent, "published without a yes to just this");
            }
            Effect::Check { tree } => {
                let flagged = self.unseen.as_ref() == Some(tree);
                assert!(!flagged, "examined though flagged and shown to nobody");
            }
            Effect::Judge { tree, .. } => {
                assert_ne!(
                    self.judged.as_ref(),
                    Some(tree),
                    "judged twice without a wish"
                );
            }
            Effect::Continue
            | Effect::Wait
            | Effect::WaitUntil { .. }
            | Effect::Prepare
            | Effect::Compose { .. }
            | Effect::Adopt { .. }
            | Effect::Rework { .. }
            | Effect::Reinstate { .. }
            | Effect::Remember { .. }
            | Effect::Forget { .. }
            | Effect::Draft { .. }
            | Effect::Unpublish { .. }
            | Effect::Restore { .. }
            | Effect::Permit { .. }
            | Effect::Halt
            | Effect::Finish => {}
        }
    }
}
