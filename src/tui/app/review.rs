//! What is asked before a run: a loop that came from elsewhere is shown and allowed, a plain prompt
//! is written.

use crate::protocol::{Command, LoopRow, Plain, Review};
use crate::run::CheckpointId;
use crate::run::spec::PLAIN;

use super::arming::Shown;
use super::field::Purpose;
use super::{App, Layer, Out};
use crate::tui::layers;
use crate::tui::text::flow::Anchor;

impl App {
    /// Starts the chosen loop, or shows what it would run where that has not been allowed. Before the host has
    /// looked at it the wish waits there.
    pub(super) fn start(&mut self) -> Vec<Out> {
        let name = self.name().unwrap_or_default().to_owned();
        let facts = self.world.facts(&name);
        if facts.is_some_and(|facts| facts.distrust.is_some()) {
            return self.open_review(&name);
        }
        if self.world.row(&name).is_some_and(LoopRow::is_unexamined) {
            self.toast = Some("s: it starts once the host has looked at it".to_owned());
        }
        self.turned();
        vec![Out::Send(Command::Start { name })]
    }

    /// Opens the line for a plain prompt: by the chosen loop's skill and worker.
    pub(crate) fn open_plain(&mut self) {
        let facts = self.name().and_then(|name| self.world.facts(name));
        let (skill, worker) = facts.map_or((None, None), |facts| {
            let spec = &facts.spec;
            let skill = Some(spec.skill.path.clone()).filter(|path| !path.is_empty());
            (skill, (!spec.is_plain()).then(|| spec.name.clone()))
        });
        self.open_field(Purpose::Plain { skill, worker }, "");
    }

    /// Sends a plain prompt. Its exact bytes are shown before anybody gets them.
    pub(crate) fn send_plain(
        &mut self,
        text: &str,
        skill: Option<String>,
        worker: Option<String>,
    ) -> Vec<Out> {
        let text = text.trim().to_owned();
        if text.is_empty() {
            self.toast = Some("an empty prompt asks nothing; Esc leaves".to_owned());
            return Vec::new();
        }
        self.field = None;
        let plain = Plain {
            text,
            skill,
            worker,
        };
        self.selected = Some(PLAIN.to_owned());
        self.turned();
        vec![Out::Send(Command::Prompt(plain))]
    }

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

    /// Whether the end of the open review is on the screen.
    pub(crate) fn reviewed_whole(&self) -> bool {
        layers::with_flow(self, |window, top| top >= window.end()).unwrap_or_default()
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
        ready.map_err(str::to_owned)?;
        if self.arming.has_seen(&shown) {
            Ok(())
        } else {
            Err("more of it stands below: G goes to the end, then a allows it".to_owned())
        }
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
    Out::Send(Command::Review { name })
}
