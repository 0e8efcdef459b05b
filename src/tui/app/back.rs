//! Coming back: the page of what happened while nobody was here. It opens by itself before anybody has
//! pressed a key, and takes no key that was meant for what lies below. And what a loop did last time.

use super::arming::SHOWN_MS;
use super::{App, Layer};
use crate::protocol::Away;
use crate::run::Meter;
use crate::tui::marks;
use crate::tui::text::flow::Anchor;
use crate::tui::text::{figures, waking};

impl App {
    /// How a loop's last run ended, when, and what it cost, in one line.
    pub(crate) fn last_time(&self, name: &str) -> Option<String> {
        let run = self.world.last_ended(name)?;
        let (_, word) = marks::end_mark(run.outcome()?);
        let when = waking::when(run.ended_at()?, self.now);
        let used = run.meter.as_ref().map(Meter::used).unwrap_or_default();
        Some(format!("{word} {when} · {}", figures::spent(used)))
    }

    /// Somebody is back, and this is what happened meanwhile. The page opens where nothing else has begun.
    pub fn came_back(&mut self, away: Away) {
        self.away = Some(away);
        let busy = self.arming.was_touched() || self.field.is_some() || !self.layers.is_empty();
        if busy {
            self.toast = Some("b shows what happened while you were away".to_owned());
        } else {
            let unasked = Some(self.now.ms);
            self.open_away(unasked);
        }
    }

    /// `b` opens the page, and closes it.
    pub(crate) fn toggle_away(&mut self) {
        if let Some(Layer::Away { .. }) = self.layers.last() {
            self.layers.pop();
        } else {
            self.open_away(None);
        }
    }

    fn open_away(&mut self, unasked: Option<i64>) {
        let top = Anchor::default();
        self.layers.push(Layer::Away { top, unasked });
    }

    /// A key that comes before the page can have been seen is meant for what was there before it.
    pub(super) fn clear_the_way(&mut self) {
        let unseen = match self.layers.last() {
            Some(Layer::Away { unasked, .. }) => {
                unasked.is_some_and(|at| self.now.ms - at < SHOWN_MS)
            }
            Some(_) | None => false,
        };
        if unseen {
            self.layers.pop();
            self.toast = Some("b shows what happened while you were away".to_owned());
        }
    }
}
