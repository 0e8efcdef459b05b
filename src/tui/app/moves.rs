//! Moving: the choice in a list, the place in a text, the next pane, the next iteration.

use super::pages::Tab;
use super::runs::Run;
use super::{App, Layer, Timeline};
use crate::tui::action::Action;
use crate::tui::layers;
use crate::tui::layout::Pane;
use crate::tui::panes;
use crate::tui::text::flow::{Anchor, Window};

/// How far to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
}

impl Move {
    /// What an action of moving means; everything else is one row down.
    pub(crate) fn of(action: Action) -> Self {
        [
            (Action::Up, Self::Up),
            (Action::First, Self::First),
            (Action::Last, Self::Last),
            (Action::PageDown, Self::PageDown),
            (Action::PageUp, Self::PageUp),
        ]
        .into_iter()
        .find_map(|(a, how)| (a == action).then_some(how))
        .unwrap_or(Self::Down)
    }
}

impl App {
    /// Another loop is chosen: its transcript is followed from the end.
    pub(crate) fn turned(&mut self) {
        self.reading.follow = true;
        self.tops.clear();
        self.iteration = None;
    }

    /// Next or previous pane; in the pages: tab.
    pub(crate) fn turn(&mut self, by: isize) {
        if let Some(pages) = self.pages_mut() {
            pages.tab = step(&Tab::ALL, pages.tab, by);
        } else {
            self.focus = step(&Pane::ALL, self.focus, by);
        }
    }

    pub(crate) fn iterate(&mut self, by: isize) {
        let last = self.shown_run().map_or(0, Run::now);
        let from = match self.layers.last() {
            Some(Layer::Pages(pages)) => pages.iteration,
            Some(Layer::Timeline(timeline)) if timeline.iteration > 0 => timeline.iteration,
            Some(Layer::Timeline(_)) => last,
            _ => self.iteration.unwrap_or(last),
        };
        if by < 0 && from <= 1 {
            self.toast = Some("[: this is the first iteration".to_owned());
        } else if by > 0 && from >= last {
            self.toast = Some(format!("]: iteration {last} is the newest"));
        }
        let go = |from: usize| from.saturating_add_signed(by).clamp(1, last.max(1));
        match self.layers.last_mut() {
            Some(Layer::Pages(pages)) => pages.iteration = go(pages.iteration),
            Some(Layer::Timeline(timeline)) => {
                let from = if timeline.iteration == 0 {
                    last
                } else {
                    timeline.iteration
                };
                timeline.iteration = go(from);
            }
            _ => self.iteration = Some(go(self.iteration.unwrap_or(last))),
        }
    }

    pub(crate) fn select(&mut self, name: &str) {
        if self.name() != Some(name) {
            self.selected = Some(name.to_owned());
            self.turned();
        }
    }

    /// Next or previous match: in a text, else in a filtered list.
    pub(crate) fn match_on(&mut self, down: bool) {
        if self.spot().is_some() {
            self.search_on(down);
        } else {
            self.shift(if down { Move::Down } else { Move::Up });
        }
    }

    /// The runs that a timeline lists, newest first.
    pub fn runs_in<'a>(&'a self, timeline: &'a Timeline) -> Vec<&'a Run> {
        let wanted = timeline.filter.to_lowercase();
        let mut runs = self.world.runs_of(&timeline.name);
        runs.retain(|run| {
            layers::timeline::words(run)
                .to_lowercase()
                .contains(&wanted)
        });
        runs
    }

    pub(crate) fn choose_loop(&mut self, by: isize) {
        let names = self.names();
        let at = names
            .iter()
            .position(|n| Some(*n) == self.name())
            .unwrap_or(0);
        let to = at
            .saturating_add_signed(by)
            .min(names.len().saturating_sub(1));
        if let Some(name) = names.get(to).map(|&n| n.to_owned()) {
            self.select(&name);
        }
    }

    pub(crate) fn shift(&mut self, how: Move) {
        let page = usize::from(self.size.1 / 2).max(1);
        let by = match how {
            Move::Down => 1,
            Move::Up => -1,
            Move::First => isize::MIN / 2,
            Move::Last => isize::MAX / 2,
            Move::PageDown => isize::try_from(page).unwrap_or(1),
            Move::PageUp => -isize::try_from(page).unwrap_or(1),
        };
        match self.layers.last() {
            Some(Layer::Timeline(timeline)) => {
                let runs = self.runs_in(timeline).len();
                let chosen = timeline
                    .chosen
                    .saturating_add_signed(by)
                    .min(runs.saturating_sub(1));
                if let Some(Layer::Timeline(timeline)) = self.layers.last_mut() {
                    timeline.chosen = chosen;
                    timeline.iteration = 0;
                }
            }
            Some(Layer::Form(form)) => {
                let row = form
                    .row
                    .saturating_add_signed(by)
                    .min(form.rows().saturating_sub(1));
                if let Some(Layer::Form(form)) = self.layers.last_mut() {
                    form.row = row;
                }
            }
            None if self.nothing_here() => {
                let last = layers::first_run::lines() - 1;
                self.first_run = self.first_run.saturating_add_signed(by).min(last);
            }
            None if self.focus == Pane::Loops => self.choose_loop(by),
            Some(_) | None => self.scroll(how),
        }
    }

    /// A pane by its number from 0; where there is nothing yet, a line of the first-run page.
    pub(super) fn focus_on(&mut self, number: usize) {
        if self.nothing_here() && self.layers.is_empty() {
            self.first_run = number;
        }
        self.focus = Pane::ALL.get(number).copied().unwrap_or(self.focus);
    }

    /// Scrolls what has the keys.
    fn scroll(&mut self, how: Move) {
        let go = |window: Window<'_>, top: Anchor| {
            let page = window.height.saturating_sub(2).max(1);
            match how {
                Move::Down => window.down(top, 1),
                Move::Up => window.up(top, 1),
                Move::First => Anchor::default(),
                Move::Last => window.end(),
                Move::PageDown => window.down(top, page),
                Move::PageUp => window.up(top, page),
            }
        };
        let Some((top, end)) = panes::scrolled(self, &go) else {
            return;
        };
        self.search.moved();
        if self.layers.is_empty() && self.focus == Pane::Transcript {
            // Following stops when the reader goes up and begins again at the end.
            let follow = top >= end;
            if self.reading.follow && !follow {
                self.reading.known = self.run().map_or(0, |r| r.lines);
            }
            self.reading.follow = follow;
        }
        self.scroll_to(top);
    }

    /// This place is the top of what has the keys.
    pub(crate) fn scroll_to(&mut self, top: Anchor) {
        match self.layers.last_mut() {
            Some(Layer::Pages(pages)) => {
                pages.tops.insert(pages.tab, top);
            }
            Some(
                Layer::Inspect { top: at, .. }
                | Layer::Review { top: at, .. }
                | Layer::Away { top: at, .. }
                | Layer::Help { top: at, .. },
            ) => *at = top,
            Some(_) => {}
            None if self.focus == Pane::Transcript => self.reading.top = top,
            None => {
                self.tops.insert(u8::from(self.focus == Pane::Memory), top);
            }
        }
    }
}

/// The next or previous of all, round the end.
fn step<T: Copy + PartialEq>(all: &[T], from: T, by: isize) -> T {
    let at = all.iter().position(|t| *t == from).unwrap_or(0);
    let to = at.saturating_add_signed(by.rem_euclid(isize::try_from(all.len()).unwrap_or(1)));
    all.get(to % all.len().max(1)).copied().unwrap_or(from)
}
