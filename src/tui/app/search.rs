//! `/` in a text, then `n` and `N`. What is here is searched at once; a transcript is searched as far
//! as it was fetched, then on from page to page as they come, until a match, an end or a key.

use crate::protocol::RunId;

use super::field::Purpose;
use super::pages::Tab;
use super::{App, Layer};
use crate::tui::layout::Pane;
use crate::tui::text::Row;
use crate::tui::text::flow::{Anchor, Window};
use crate::tui::{layers, panes};

/// A text that can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A pane that holds text.
    Pane(Pane),
    /// A page of an iteration.
    Page(Tab),
    /// The four bones.
    Inspect,
    /// What a loop would run.
    Review,
    /// Help.
    Help,
}

/// What is looked for, and how far that has come.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The words; empty for none.
    pub needle: String,
    at: Option<(Spot, Anchor)>,
    hunt: Option<Hunt>,
}

/// A search in a transcript that waits for lines.
#[derive(Debug, Clone)]
struct Hunt {
    run: RunId,
    /// The next line to look at.
    line: u64,
    down: bool,
    /// Where to look upward from, if nothing is found further down.
    turn: Option<u64>,
    /// Whether the words were just typed.
    first: bool,
}

impl Search {
    /// The line that a search waits for, in this run's transcript.
    pub(crate) fn wanted(&self, run: &RunId) -> Option<u64> {
        let hunt = self.hunt.as_ref()?;
        (hunt.run == *run).then_some(hunt.line)
    }

    /// A key was pressed: what still waits for lines is given up.
    pub(crate) fn stop(&mut self) {
        self.hunt = None;
    }

    /// The reader has gone elsewhere: the next match is counted from there.
    pub(crate) fn moved(&mut self) {
        self.at = None;
    }
}

impl App {
    /// The text that has the keys, if it can be searched.
    pub fn spot(&self) -> Option<Spot> {
        match self.layers.last() {
            Some(Layer::Pages(pages)) => Some(Spot::Page(pages.tab)),
            Some(Layer::Inspect { .. }) => Some(Spot::Inspect),
            Some(Layer::Review { .. }) => Some(Spot::Review),
            Some(Layer::Help { .. }) => Some(Spot::Help),
            Some(Layer::Timeline(_) | Layer::Away { .. } | Layer::Form(_) | Layer::Dialogue(_)) => {
                None
            }
            None => (self.focus != Pane::Loops).then_some(Spot::Pane(self.focus)),
        }
    }

    /// What is marked in this text.
    pub fn needle(&self, spot: Spot) -> &str {
        if self.spot() == Some(spot) {
            &self.search.needle
        } else {
            ""
        }
    }

    /// `/`: search in a text, filter in a list.
    pub(crate) fn open_search(&mut self) {
        if self.spot().is_some() {
            let before = self.search.needle.clone();
            return self.open_field(Purpose::Search, &before);
        }
        let before = match self.layers.last() {
            Some(Layer::Timeline(timeline)) => timeline.filter.clone(),
            Some(_) | None => self.filter.clone(),
        };
        self.open_field(Purpose::Filter, &before);
    }

    /// Narrows the list that has the keys.
    pub(crate) fn set_filter(&mut self, words: &str) {
        if let Some(Layer::Timeline(timeline)) = self.layers.last_mut() {
            words.clone_into(&mut timeline.filter);
            timeline.chosen = 0;
            timeline.iteration = 0;
        } else {
            words.clone_into(&mut self.filter);
            self.keep_selection();
        }
    }

    /// Words were typed: the first match from the visible top on, else the last above it.
    pub(crate) fn search_for(&mut self, words: &str) {
        self.search = Search {
            needle: words.to_owned(),
            ..Search::default()
        };
        if words.is_empty() {
            return;
        }
        if self.spot() == Some(Spot::Pane(Pane::Transcript)) {
            return self.hunt_from(true);
        }
        if !(self.step(true) || self.step(false)) {
            self.not_here();
        }
    }

    fn not_here(&mut self) {
        self.toast = Some(format!("«{}» is not in this text", self.search.needle));
    }

    /// The next match down or up.
    pub(crate) fn search_on(&mut self, down: bool) {
        if self.spot() == Some(Spot::Pane(Pane::Transcript)) {
            return self.hunt_from(down);
        }
        if !self.step(down) {
            self.no_more(down);
        }
    }

    fn no_more(&mut self, down: bool) {
        let needle = &self.search.needle;
        self.toast = Some(if down {
            format!("«{needle}»: no more below; N looks upward")
        } else {
            format!("«{needle}»: no more above; n looks downward")
        });
    }

    /// Goes to the next match of a text that is here; whether there was one.
    fn step(&mut self, down: bool) -> bool {
        let Some(spot) = self.spot() else {
            return false;
        };
        let last = self.search.at.filter(|(at, _)| *at == spot);
        let needle = self.search.needle.to_lowercase();
        let found = |window: Window<'_>, top: Anchor| {
            let from = last.map_or(top.min(window.end()), |(_, at)| at);
            let at = find(window, from, (down, last.is_none() && down), &needle)?;
            Some((at, at.min(window.end())))
        };
        let found = match spot {
            Spot::Pane(pane) => panes::with_flow(self, pane, found),
            Spot::Page(_) | Spot::Inspect | Spot::Review | Spot::Help => {
                layers::with_flow(self, found)
            }
        };
        let Some((at, top)) = found.flatten() else {
            return false;
        };
        self.scroll_to(top);
        self.search.at = Some((spot, at));
        true
    }

    /// Looks through the transcript; a first search turns round where nothing is further down.
    fn hunt_from(&mut self, down: bool) {
        let Some(run) = self.run().map(|r| r.id.clone()) else {
            return;
        };
        let spot = Spot::Pane(Pane::Transcript);
        let last = self.search.at.filter(|(at, _)| *at == spot);
        let top = panes::with_flow(self, Pane::Transcript, |_, top| top.item as u64).unwrap_or(0);
        let line = match (last, down) {
            (Some((_, at)), true) => at.item as u64 + 1,
            (Some((_, at)), false) => (at.item as u64).wrapping_sub(1),
            (None, true) => top,
            (None, false) => top.wrapping_sub(1),
        };
        self.search.hunt = Some(Hunt {
            run,
            line,
            down,
            first: last.is_none(),
            turn: (down && last.is_none()).then(|| top.wrapping_sub(1)),
        });
        self.hunt();
    }

    /// Looks through the lines that are here; stays where one is missing, until it comes.
    pub(crate) fn hunt(&mut self) {
        let Some(mut hunt) = self.search.hunt.take() else {
            return;
        };
        let total = match self.run() {
            Some(run) if run.id == hunt.run => run.lines,
            Some(_) | None => return,
        };
        let needle = self.search.needle.to_lowercase();
        let transcript = self.world.transcripts.get(&hunt.run);
        loop {
            // Upward, the line before the first is the largest number.
            if hunt.line >= total {
                match hunt.turn.take() {
                    Some(above) => {
                        (hunt.line, hunt.down) = (above, false);
                        continue;
                    }
                    None if hunt.first => return self.not_here(),
                    None => return self.no_more(hunt.down),
                }
            }
            let Some(entry) = transcript.and_then(|t| t.entry(hunt.line)) else {
                break;
            };
            if panes::transcript::says(entry)
                .to_lowercase()
                .contains(&needle)
            {
                return self.found_line(hunt.line, &needle);
            }
            hunt.line = if hunt.down {
                hunt.line + 1
            } else {
                hunt.line.wrapping_sub(1)
            };
        }
        self.toast = Some(format!(
            "searching at line {} of {total}; any key stops",
            hunt.line + 1
        ));
        self.search.hunt = Some(hunt);
    }

    fn found_line(&mut self, line: u64, needle: &str) {
        let item = usize::try_from(line).unwrap_or(usize::MAX);
        let row = panes::with_flow(self, Pane::Transcript, |window, _| {
            row_of(&window.flow.item(item, window.width), needle).unwrap_or(0)
        });
        let at = Anchor {
            item,
            row: row.unwrap_or(0),
        };
        self.toast = None;
        if self.reading.follow {
            self.reading.known = self.run().map_or(0, |r| r.lines);
        }
        self.reading.follow = false;
        self.reading.top = at;
        self.search.at = Some((Spot::Pane(Pane::Transcript), at));
    }
}

/// The next row with this text, item after item; `(down, inclusive)`.
fn find(
    window: Window<'_>,
    from: Anchor,
    (down, inclusive): (bool, bool),
    needle: &str,
) -> Option<Anchor> {
    let hits = |item: usize| {
        let rows = window.flow.item(item, window.width);
        let mut hits: Vec<usize> = (0..rows.len())
            .filter(|&row| row_of(&rows[row..=row], needle).is_some())
            .collect();
        if hits.is_empty() {
            // Words that a line break has parted.
            hits.extend(row_of(&rows, needle));
        }
        hits.into_iter().map(move |row| Anchor { item, row })
    };
    if down {
        (from.item..window.flow.len())
            .flat_map(hits)
            .find(|at| *at > from || inclusive && *at == from)
    } else {
        let last = from.item.min(window.flow.len().saturating_sub(1));
        (0..=last)
            .rev()
            .find_map(|item| hits(item).rfind(|at| *at < from))
    }
}

/// The first of these rows that has the text, or the first of all where only all together have it.
fn row_of(rows: &[Row], needle: &str) -> Option<usize> {
    let texts: Vec<String> = rows.iter().map(|r| r.text().to_lowercase()).collect();
    texts.iter().position(|t| t.contains(needle)).or_else(|| {
        let joined: Vec<&str> = texts.iter().map(|t| t.trim()).collect();
        joined.join(" ").contains(needle).then_some(0)
    })
}
