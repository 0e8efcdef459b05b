//! The five pages of an iteration: which one is open, where it is scrolled, which question they show.

use std::collections::BTreeMap;

use crate::protocol::RunId;
use crate::run::{Ask, ChangeKind, Checkpoint, TextRef, Work};

use super::runs::{Iteration, Run};
use super::{App, Layer};
use crate::tui::panes::diff;
use crate::tui::text::flow::Anchor;

/// The five pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tab {
    /// `p`
    Prompt,
    /// `d`
    Diff,
    /// `v`
    Verdict,
    /// `m`
    Memory,
    /// `o`
    Output,
}

impl Tab {
    /// All five, in order.
    pub const ALL: [Self; 5] = [
        Self::Prompt,
        Self::Diff,
        Self::Verdict,
        Self::Memory,
        Self::Output,
    ];

    /// Key and word.
    pub fn title(self) -> &'static str {
        match self {
            Self::Prompt => "p prompt",
            Self::Diff => "d diff",
            Self::Verdict => "v verdict",
            Self::Memory => "m memory",
            Self::Output => "o output",
        }
    }

    /// The page that shows what a question is about.
    pub fn of(ask: &Ask) -> Self {
        match ask {
            Ask::Prompt { .. } => Self::Prompt,
            Ask::Work { .. } | Ask::Guardrail { .. } => Self::Diff,
            Ask::Verdict { .. } | Ask::Stuck { .. } => Self::Verdict,
            Ask::Publish { .. }
            | Ask::Question { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => Self::Output,
        }
    }
}

/// The open pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// Whose.
    pub run: RunId,
    /// The iteration, from 1; 0 before the first.
    pub iteration: usize,
    /// The open page.
    pub tab: Tab,
    /// Where each page is scrolled to.
    pub tops: BTreeMap<Tab, Anchor>,
}

impl Pages {
    /// The pages of a run's newest iteration, at the page of its question.
    pub fn of(run: &Run) -> Self {
        Self {
            run: run.id.clone(),
            iteration: run.now(),
            tab: run.checkpoint().map_or(Tab::Diff, |c| Tab::of(&c.ask)),
            tops: BTreeMap::new(),
        }
    }

    /// Where the open page is scrolled to.
    pub fn top(&self) -> Anchor {
        self.tops.get(&self.tab).copied().unwrap_or_default()
    }

    /// The question of the run, if these pages show it.
    pub fn question<'a>(&self, run: &'a Run) -> Option<&'a Checkpoint> {
        run.checkpoint()
            .filter(|c| c.iteration as usize == self.iteration || run.now() == self.iteration)
    }

    /// The iteration that is shown.
    pub fn shown<'a>(&self, run: &'a Run) -> Option<&'a Iteration> {
        run.iterations.get(self.iteration.checked_sub(1)?)
    }

    /// The work that is shown: the question's own first.
    pub fn work<'a>(&self, run: &'a Run) -> Option<&'a Work> {
        match self.question(run).map(|c| &c.ask) {
            Some(Ask::Work { work } | Ask::Guardrail { work, .. }) => Some(work),
            _ => self.shown(run)?.work.as_ref(),
        }
    }

    /// The work whose diff is shown, and its iteration, from 1: while a prompt is asked about, the
    /// newest work that still stands.
    pub fn diff<'a>(&self, run: &'a Run) -> Option<(usize, &'a Work)> {
        let own = self.work(run).map(|work| (self.iteration, work));
        let ask = self.question(run).map(|c| &c.ask);
        let before = matches!(ask, Some(Ask::Prompt { .. }));
        own.or_else(|| diff::newest(run).filter(|_| before))
    }

    /// The file that the output page shows while no draft is kept: the first that the newest work
    /// has left changed.
    pub fn draft<'a>(&self, run: &'a Run) -> Option<&'a str> {
        let newest = self.iteration == run.now() && self.text(run, Tab::Output).is_none();
        let work = self.work(run).filter(|_| newest && run.active())?;
        let left = work
            .changes
            .iter()
            .find(|c| c.kind != ChangeKind::Deleted)?;
        Some(&left.path)
    }

    /// The kept text that a page shows.
    pub fn text<'a>(&self, run: &'a Run, tab: Tab) -> Option<&'a TextRef> {
        let ask = self.question(run).map(|c| &c.ask);
        match tab {
            Tab::Prompt => match ask {
                Some(Ask::Prompt { text, .. }) => Some(text),
                _ => Some(&self.shown(run)?.prompt.as_ref()?.text),
            },
            Tab::Diff => Some(&self.diff(run)?.1.diff),
            Tab::Output => match ask {
                Some(Ask::Publish { artefact, .. }) => Some(artefact),
                _ => Some(&run.offer.as_ref()?.artefact),
            },
            Tab::Verdict | Tab::Memory => None,
        }
    }
}

impl App {
    /// The open pages, if they are on top.
    pub fn pages(&self) -> Option<&Pages> {
        match self.layers.last() {
            Some(Layer::Pages(pages)) => Some(pages),
            _ => None,
        }
    }

    pub(crate) fn pages_mut(&mut self) -> Option<&mut Pages> {
        match self.layers.last_mut() {
            Some(Layer::Pages(pages)) => Some(pages),
            _ => None,
        }
    }

    /// The run whose pages are open.
    pub fn pages_run(&self) -> Option<&RunId> {
        self.pages().map(|p| &p.run)
    }

    /// Opens the pages of a run's newest iteration, at this page or at its question's.
    pub(crate) fn open_pages(&mut self, run: &RunId, tab: Option<Tab>) {
        let Some(run) = self.world.runs.get(run) else {
            return;
        };
        let mut pages = Pages::of(run);
        pages.tab = tab.unwrap_or(pages.tab);
        self.layers.push(Layer::Pages(pages));
    }

    /// A run asks again while its pages are open, be it below help: they turn to the new question,
    /// at its own page.
    pub(crate) fn show_question(&mut self, run: &RunId) {
        let Some(fresh) = self.world.runs.get(run).map(Pages::of) else {
            return;
        };
        for layer in &mut self.layers {
            if let Layer::Pages(pages) = layer
                && pages.run == *run
            {
                *pages = fresh.clone();
            }
        }
    }

    /// A question was answered: its pages have nothing to ask any more.
    pub(crate) fn close_pages_of(&mut self, run: &RunId) {
        if self.pages_run() == Some(run) {
            self.layers.pop();
        }
    }
}
