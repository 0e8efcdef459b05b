//! What the visible part of the screen needs and is not here yet: asked for once, by range.

use std::collections::BTreeSet;

use crate::protocol::{Command, Fetch, LoopRow, RunId};
use crate::run::Digest;

use super::pages::Tab;
use super::transcripts::{self, PAGE};
use super::{App, Layer, Out};
use crate::tui::panes::diff;

/// Lines of a text in one answer.
const CHUNK: u64 = 500;
/// Earlier runs that the timeline asks for.
const RUNS: u32 = 20;

/// What was asked for and has not come yet.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    memories: BTreeSet<String>,
    texts: BTreeSet<(Digest, u64)>,
    files: BTreeSet<(RunId, String)>,
    refused_files: BTreeSet<(RunId, String)>,
    histories: BTreeSet<(String, u32)>,
    inventory: bool,
}

impl Asked {
    /// A memory is here; later changes are told without asking.
    pub fn memory_came(&mut self, name: &str) {
        self.memories.insert(name.to_owned());
    }

    /// A run has new work: its files are others now.
    pub fn files_stale(&mut self, run: &RunId) {
        self.files.retain(|(of, _)| of != run);
        self.refused_files.retain(|(of, _)| of != run);
    }

    /// A file of this path cannot be sent; it is not asked for again by itself.
    pub fn file_refused(&mut self, path: &str) {
        let (refused, left) = std::mem::take(&mut self.files)
            .into_iter()
            .partition(|(_, p)| p == path);
        self.files = left;
        self.refused_files.extend::<BTreeSet<_>>(refused);
    }

    /// Whether this file was refused.
    pub fn is_refused(&self, file: &(RunId, String)) -> bool {
        self.refused_files.contains(file)
    }

    /// A memory has changed on disk.
    pub fn memory_stale(&mut self, name: &str) {
        self.memories.remove(name);
    }
}

impl App {
    /// Fetches for what the screen shows.
    pub(crate) fn wants(&mut self) -> Vec<Out> {
        if !self.world.attached {
            return Vec::new();
        }
        let mut out = Vec::new();
        self.want_memory(&mut out);
        self.want_transcript(&mut out);
        self.want_page(&mut out);
        self.want_draft(&mut out);
        self.want_diff(&mut out);
        self.want_history(&mut out);
        // Only the first-run page shows it.
        if self.nothing_here() && !std::mem::replace(&mut self.asked.inventory, true) {
            out.push(Fetch::Inventory);
        }
        let fetches = out.into_iter().map(|f| Out::Send(Command::Fetch(f)));
        std::mem::take(&mut self.later)
            .into_iter()
            .chain(fetches)
            .collect()
    }

    /// Another host has taken over: what the last one was asked for and has not answered is asked for anew.
    pub(crate) fn ask_again(&mut self) {
        let (asked, world) = (&mut self.asked, &mut self.world);
        asked.texts.clear();
        asked.files.clear();
        asked
            .memories
            .retain(|name| world.memories.contains_key(name));
        asked.histories.clear();
        asked.inventory = world.inventory.is_some();
        let transcripts = world.transcripts.values_mut();
        transcripts.for_each(transcripts::Transcript::ask_again);
    }

    fn want_memory(&mut self, out: &mut Vec<Fetch>) {
        if let Some(name) = self.selected.clone()
            && self.world.facts(&name).is_some()
            && self.asked.memories.insert(name.clone())
        {
            out.push(Fetch::Memory { name });
        }
    }

    fn want_transcript(&mut self, out: &mut Vec<Fetch>) {
        let Some((run, total)) = self.run().map(|r| (r.id.clone(), r.lines)) else {
            return;
        };
        let transcript = self.world.transcripts.entry(run.clone()).or_default();
        if total == 0 {
            let lines = PAGE;
            let first = transcript.unknown();
            out.extend(first.map(|from| Fetch::Transcript { run, from, lines }));
            return;
        }
        let rows = u64::from(self.size.1);
        let from = if self.reading.follow {
            total.saturating_sub(rows)
        } else {
            self.reading.top.item as u64
        };
        let last = from.saturating_add(rows).min(total - 1);
        let searched = self.search.wanted(&run).filter(|line| *line < total);
        let transcript = self.world.transcripts.entry(run.clone()).or_default();
        for line in [from.min(last), last].into_iter().chain(searched) {
            if let Some(from) = transcript.missing(line, total) {
                out.push(Fetch::Transcript {
                    run: run.clone(),
                    from,
                    lines: PAGE,
                });
            }
        }
    }

    /// The open page's text, chunk after chunk until it is whole.
    fn want_page(&mut self, out: &mut Vec<Fetch>) {
        let Some(pages) = self.pages() else { return };
        let Some(run) = self.world.runs.get(&pages.run) else {
            return;
        };
        // What is new in a prompt is seen beside the one before.
        let before = pages
            .iteration
            .checked_sub(2)
            .and_then(|i| run.iterations.get(i));
        let before = before.and_then(|i| i.prompt.as_ref()).map(|p| &p.text);
        let before = before.filter(|_| pages.tab == Tab::Prompt);
        for text in [pages.text(run, pages.tab), before].into_iter().flatten() {
            let have = self.world.texts.get(&text.digest);
            if text.bytes == 0 || have.is_some_and(super::world::Text::whole) {
                continue;
            }
            let from = have.map_or(0, |t| t.lines.len() as u64);
            if self.asked.texts.insert((text.digest.clone(), from)) {
                out.push(Fetch::Text {
                    digest: text.digest.clone(),
                    from,
                    lines: CHUNK,
                });
            }
        }
    }

    /// The file that the output page shows while no draft is kept.
    fn want_draft(&mut self, out: &mut Vec<Fetch>) {
        let open = self.pages().filter(|p| p.tab == Tab::Output);
        let key = open.and_then(|pages| {
            let run = self.world.runs.get(&pages.run)?;
            Some((run.id.clone(), pages.draft(run)?.to_owned()))
        });
        let Some((run, path)) = key.filter(|key| {
            !self.world.files.contains_key(key) && !self.asked.refused_files.contains(key)
        }) else {
            return;
        };
        if self.asked.files.insert((run.clone(), path.clone())) {
            out.push(Fetch::File { run, path });
        }
    }

    /// The beginning of the newest diff, where it stands below the transcript.
    fn want_diff(&mut self, out: &mut Vec<Fetch>) {
        let shown = self.layout().diff.and(self.run());
        let digest = shown.and_then(diff::text).map(|text| text.digest.clone());
        if let Some(digest) = digest.filter(|d| !self.world.texts.contains_key(d))
            && self.asked.texts.insert((digest.clone(), 0))
        {
            out.push(Fetch::Text {
                digest,
                from: 0,
                lines: CHUNK,
            });
        }
    }

    fn want_history(&mut self, out: &mut Vec<Fetch>) {
        let open = self.layers.iter().find_map(|l| match l {
            Layer::Timeline(timeline) => Some(timeline.name.clone()),
            Layer::Pages(_)
            | Layer::Inspect { .. }
            | Layer::Review { .. }
            | Layer::Away { .. }
            | Layer::Help { .. }
            | Layer::Form(_)
            | Layer::Dialogue(_) => None,
        });
        let unknown = || {
            let row = self.world.row(self.name()?)?;
            let run = row.last_run.as_ref()?;
            let known = self.world.runs.get(run).is_some_and(|r| r.wake.is_some());
            let told = self.world.history.contains_key(&row.name);
            (!known && !told).then(|| row.name.clone())
        };
        let Some(name) = open.or_else(unknown).or_else(|| self.of_band()) else {
            return;
        };
        let before = self.oldest_wanted(&name);
        if self.asked.histories.insert((name.clone(), before)) {
            out.push(Fetch::History {
                name,
                before,
                runs: RUNS,
            });
        }
    }

    /// The next loop whose runs the run band shows and nobody has asked for: one after the other, so that they
    /// keep nothing else waiting.
    fn of_band(&self) -> Option<String> {
        self.layout().band?;
        let asked = |name: &str| {
            let mut asked = self.asked.histories.iter();
            asked.any(|(of, _)| of == name)
        };
        let begun = |row: &&LoopRow| row.last_run.is_some();
        let mut rows = self.world.loops.iter().filter(begun);
        let next = rows.find(|row| !self.world.history.contains_key(&row.name))?;
        (!asked(&next.name)).then(|| next.name.clone())
    }

    /// Runs before this one are wanted: the newest at first, older ones where the choice is near
    /// the last that is known.
    fn oldest_wanted(&self, name: &str) -> u32 {
        let runs = self.world.runs_of(name);
        let near = self.layers.iter().any(|l| {
            matches!(l, Layer::Timeline(t) if t.name == name && t.chosen + 3 >= self.runs_in(t).len())
        });
        match (self.world.history.get(name), runs.last()) {
            (Some(true), Some(oldest)) if near => oldest.number(),
            _ => u32::MAX,
        }
    }

    /// A changed file for editing, once; whether it is here already.
    pub(crate) fn want_file(&mut self, run: &RunId, path: &str) -> Option<Out> {
        let key = (run.clone(), path.to_owned());
        self.world.files.remove(&key);
        self.asked.files.insert(key).then(|| {
            Out::Send(Command::Fetch(Fetch::File {
                run: run.clone(),
                path: path.to_owned(),
            }))
        })
    }

    /// An answer came.
    pub(crate) fn arrived(&mut self, of: &Fetch) {
        match of {
            Fetch::Text { digest, from, .. } => {
                self.asked.texts.remove(&(digest.clone(), *from));
            }
            Fetch::File { run, path } => {
                self.asked.files.remove(&(run.clone(), path.clone()));
                self.file_came(run, path);
            }
            Fetch::Transcript { .. } => self.hunt(),
            Fetch::Memory { .. }
            | Fetch::History { .. }
            | Fetch::Lapses { .. }
            | Fetch::Inventory => {}
        }
    }
}
