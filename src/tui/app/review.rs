//! Loops that came from elsewhere: opening what they would run, and allowing exactly what was shown.

use crate::protocol::{Command, Fetch, Review};
use crate::run::CheckpointId;

use super::arming::Shown;
use super::{App, Layer, Out};
use crate::tui::text::flow::Anchor;

impl App {
    /// Opens what this loop would run, as it stands now.
    pub(crate) fn open_review(&mut self, name: &str) -> Vec<Out> {
        self.world.reviews.remove(name);
        self.layers.push(Layer::Review {
            name: name.to_owned(),
            top: Anchor::default(),
        });
        vec![fetch(name)]
    }

    /// The files have changed: what is shown of them is read anew.
    pub(crate) fn review_again(&self) -> Option<Out> {
        let Some(Layer::Review { name, .. }) = self.layers.last() else {
            return None;
        };
        Some(fetch(name))
    }

    /// The open review, once it has come.
    fn review(&self) -> Option<&Review> {
        match self.layers.last() {
            Some(Layer::Review { name, .. }) => self.world.reviews.get(name),
            Some(_) | None => None,
        }
    }

    /// What the open review asks to be allowed, as a question that arms like any other.
    pub(crate) fn reviewed(&self) -> Option<Shown> {
        let review = self.review().filter(|review| !review.allowed)?;
        let id = CheckpointId(format!("review of {}", review.name));
        Some((id, review.digest.clone()))
    }

    /// Whether what is shown may be allowed now.
    pub(crate) fn can_allow(&self) -> Result<(), String> {
        let Some(shown) = self.reviewed() else {
            return Err(match self.review() {
                Some(_) => "exactly this is allowed already",
                None => "it is being read",
            }
            .to_owned());
        };
        let ready = self.arming.ready(&shown, self.now.ms);
        ready.map_err(str::to_owned)
    }

    /// Allows what was shown, and starts it, which is what was asked for.
    pub(crate) fn allow(&mut self) -> Vec<Out> {
        let Some(review) = self.review().cloned() else {
            return Vec::new();
        };
        self.layers.pop();
        let (name, digest) = (review.name.clone(), review.digest);
        let allow = Command::Trust { name, digest };
        let mut out = vec![Out::Send(allow)];
        let runs = self
            .world
            .newest(&review.name)
            .is_some_and(super::Run::active);
        if !runs {
            let name = review.name;
            out.push(Out::Send(Command::Start { name }));
        }
        out
    }
}

fn fetch(name: &str) -> Out {
    let name = name.to_owned();
    Out::Send(Command::Fetch(Fetch::Review { name }))
}
