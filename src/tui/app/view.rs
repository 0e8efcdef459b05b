//! Where the operator reads: the place in a transcript, the choice in a timeline, what `u` takes back;
//! and the geometry that follows from what is open.

use std::time::Duration;

use super::field::Field;
use super::runs::Phase;
use super::{App, Layer};
use crate::protocol::RunId;
use crate::run::Digest;
use crate::run::spec::Hours;
use crate::tui::layout::{Layout, Over, View};
use crate::tui::panes;
use crate::tui::text::flow::Anchor;

/// The runs of one loop.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// The loop.
    pub name: String,
    /// The chosen run, from the newest; 0 is the newest.
    pub chosen: usize,
    /// The chosen iteration, from 1; 0 for the newest.
    pub iteration: usize,
    /// What the list is filtered by; empty for nothing.
    pub filter: String,
}

/// Where the transcript is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Whether the end is followed.
    pub follow: bool,
    /// The top, where it is not.
    pub top: Anchor,
    /// Lines there were when following stopped; what came since is new.
    pub known: u64,
}

/// A save of a memory file, and the text that it replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// The loop.
    pub name: String,
    /// The text before, and its digest.
    pub before: (String, Digest),
    /// What is saved.
    pub text: String,
    /// Digest of what is saved.
    pub saved: Digest,
}

/// What was done last, and is taken back first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Newest {
    /// A decision.
    #[default]
    Decision,
    /// `X`.
    StopAll,
    /// A memory file was saved.
    Memory(Save),
}

impl App {
    /// The geometry of the present frame.
    pub fn layout(&self) -> Layout {
        Layout::of(View {
            width: self.size.0,
            height: self.size.1,
            focus: self.focus,
            zoom: self.zoom,
            over: self.over(),
            band: self.band_rows(),
            diff: self.diff_rows(),
        })
    }

    fn over(&self) -> Over {
        if self.field.as_ref().is_some_and(Field::is_large) {
            return match self.layers.last() {
                Some(Layer::Pages(_) | Layer::Form(_)) => Over::Beside,
                _ => Over::Whole,
            };
        }
        match self.layers.last() {
            Some(Layer::Pages(_) | Layer::Form(_)) => Over::Beside,
            Some(
                Layer::Timeline(_)
                | Layer::Inspect { .. }
                | Layer::Review { .. }
                | Layer::Away { .. }
                | Layer::Help { .. },
            ) => Over::Whole,
            Some(Layer::Dialogue(_)) | None if self.nothing_here() => Over::Whole,
            Some(Layer::Dialogue(_)) | None => Over::Panes,
        }
    }

    /// How long a frame stays true by itself: times are shown that go on without any news.
    pub fn beat(&self) -> Duration {
        let mut beat = Duration::from_secs(60);
        for run in self.world.runs.values() {
            beat = beat.min(match run.phase {
                Phase::Busy(..) | Phase::Stopping => Duration::from_secs(1),
                Phase::Asking(..) => Duration::from_secs(15),
                Phase::Queued | Phase::Held(_) | Phase::Paused(_) | Phase::Ended(..) => beat,
            });
        }
        beat
    }

    /// Whether somebody looks at this screen: as the terminal reports it; of one that reports nothing, if a
    /// key was pressed within the last minute. A session of tmux that nobody is attached to has no eyes.
    pub(crate) fn looks(&self) -> bool {
        let recently = || self.arming.has_input(self.now.ms, 60_000);
        self.focused.unwrap_or_else(recently)
    }

    /// Whether no bell rings now for this run, by the quiet hours of the project or of its loop; the title
    /// tells it all the same.
    pub(crate) fn is_quiet(&self, run: &RunId) -> bool {
        let facts = run.split().and_then(|(name, _)| self.world.facts(name));
        let own = facts.and_then(|facts| facts.spec.guardrails.quiet_hours);
        Hours::now(own, self.quiet, self.now.minute()).is_some()
    }

    /// Whether there is no loop to show.
    pub fn nothing_here(&self) -> bool {
        self.world.loops.is_empty()
    }

    fn band_rows(&self) -> u16 {
        let rows = u16::try_from(self.world.loops.len()).unwrap_or(u16::MAX);
        if rows == 0 { 0 } else { rows.min(12) + 4 }
    }

    /// Title and lines of the newest diff, as far as they are told; a long one takes what it gets.
    fn diff_rows(&self) -> u16 {
        let work = self.run().and_then(panes::diff::newest);
        work.map_or(0, |(_, work)| {
            let (added, removed) = work.size();
            let lines = usize::try_from(added + removed).unwrap_or(usize::MAX);
            u16::try_from(lines.saturating_add(8)).unwrap_or(u16::MAX)
        })
    }
}

impl Layer {
    /// What it is called where it has to be closed first.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Pages(_) => "these pages",
            Self::Timeline(_) => "the timeline",
            Self::Inspect { .. } => "the four bones",
            Self::Review { .. } => "this review",
            Self::Away { .. } => "this page",
            Self::Help { .. } => "help",
            Self::Form(_) => "this form",
            Self::Dialogue(_) => "this question",
        }
    }
}
