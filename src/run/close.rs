//! How a run comes to its end: the draft, what is offered to be published, and the outcome.

use super::{Ask, Effect, Event, Flag, Outcome, Phase, Receipt, Run, Stage, Unseen};

impl Run {
    pub(super) fn drafted(&mut self) -> Effect {
        if let Some(outcome) = self.closing.clone() {
            self.emit(Event::Ended(outcome));
            return Effect::Finish;
        }
        self.offered()
    }

    /// Asks whether to publish what is on offer; without an offer the draft is the end.
    pub(super) fn offered(&mut self) -> Effect {
        let Some(ask) = self.publish_ask() else {
            self.emit(Event::Ended(Outcome::Done));
            return Effect::Finish;
        };
        // Only what was examined as it stands is offered, however the run came here.
        if !self.is_approved() {
            return self.begin(Stage::Check);
        }
        self.ask(ask)
    }

    /// The question whether to publish what is on offer.
    pub(super) fn publish_ask(&self) -> Option<Ask> {
        let (offer, publish) = self.offer.as_deref().zip(self.wake.spec.publish.as_ref())?;
        Some(Ask::Publish {
            tree: self.tree(),
            artefact: offer.artefact.clone(),
            target: offer.target.clone(),
            key: offer.key.clone(),
            stand: Box::new(offer.stand.clone()),
            typed: !publish.reversible || !self.wake.published_before,
            reversible: publish.reversible,
            flags: self.flags_of_offer(),
            unfit: offer.unfit.clone(),
        })
    }

    /// What is flagged of the tree, and of the target that it would be merged with.
    fn flags_of_offer(&self) -> Vec<Flag> {
        let mut flags = self.flags();
        let unseen = self
            .offer
            .as_ref()
            .and_then(|offer| offer.stand.unseen.as_ref());
        flags.extend(unseen.map(Unseen::flag));
        flags.sort_by_key(|flag| flag.sign);
        flags
    }

    fn is_approved(&self) -> bool {
        let verdict = self.verdict.as_ref();
        verdict.is_some_and(|v| v.approved() && v.tree == self.tree())
    }

    /// It is public, be it before it could be stopped.
    pub(super) fn published(&mut self, receipt: Receipt) -> Effect {
        self.emit(Event::Published(receipt));
        self.emit(Event::Ended(Outcome::Published));
        Effect::Finish
    }

    /// Ends the run, the draft first where there is one. What is public stays published.
    pub(super) fn close(&mut self, outcome: Outcome) -> Effect {
        let changed = self.ground.as_ref().is_some_and(|g| g.tree != self.tree());
        let ended = if self.receipt.is_some() {
            Outcome::Published
        } else if self.draft_failed() {
            self.closing.clone().unwrap_or(outcome)
        } else if changed {
            self.emit(Event::Closing(outcome));
            return self.begin(Stage::Draft);
        } else {
            outcome
        };
        self.emit(Event::Ended(ended));
        Effect::Finish
    }

    /// Whether the question is what to do about a draft that cannot be written: then it is not
    /// tried once more on the way out.
    fn draft_failed(&self) -> bool {
        let Phase::Asking(open) = &self.phase else {
            return false;
        };
        matches!(&open.ask, Ask::Error { failure } if failure.stage == Stage::Draft)
    }
}
