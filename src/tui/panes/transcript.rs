//! ```text
//!  2 transcript · research-and-draft · run 14 ────────┬
//!  1 ✗  2 ●  3 ·  4 ·  5 ·    2m28s  12.1k tok  $0.10 │
//! ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄│
//!  14:03:11  worker  Last run was rejected for two    │
//! ```

use ratatui::layout::Rect;

use crate::run::Usage;
use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::app::transcripts::{Entry, Transcript};
use crate::tui::layout::{self, Pane, Region};
use crate::tui::marks;
use crate::tui::paint::Canvas;
use crate::tui::styles::Role;
use crate::tui::text::figures::{self, Moment};
use crate::tui::text::flow::Flow;
use crate::tui::text::{Row, wrap};

/// Draws pane 2.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let title = if app.layout().shared {
        super::shared_title(Pane::Transcript)
    } else {
        long_title(app)
    };
    canvas.rule(region.title, &title);
    let area = layout::inner(region.body);
    let width = usize::from(area.width);
    let Some(run) = app.run() else {
        let valid = |name| app.world.facts(name).is_some();
        let empty = match app.name() {
            Some(name) if valid(name) => "no run yet; s starts one",
            Some(_) => "no run yet; its file has to be mended first: E opens it",
            None => "",
        };
        return canvas.row(area, &Row::of(Role::Muted, empty));
    };
    if head_rows(region, app) > 0 {
        canvas.row(area, &head(run, width));
    }
    if head_rows(region, app) > 1 {
        let below = Rect {
            y: region.body.y + 1,
            height: 1,
            ..region.body
        };
        let dots = "┄".repeat(usize::from(below.width));
        canvas.row(below, &Row::of(Role::Faint, dots));
    }
    let text = text_area(region, app);
    let rows = super::visible(app, Pane::Transcript);
    canvas.rows(text, &rows);
    if let Some(row) = tail(app, run) {
        let y = area.bottom().saturating_sub(1);
        canvas.row(
            Rect {
                y,
                height: 1,
                ..area
            },
            &row,
        );
    }
}

fn long_title(app: &App) -> Row {
    let mut row = super::title(app, Pane::Transcript);
    if let Some(run) = app.run() {
        row = row.with(
            Role::Title,
            format!(" · {} · run {}", run.name(), run.number()),
        );
        if let Some(outcome) = run.outcome() {
            row = row.with(Role::Muted, format!(" · {}", marks::end_mark(outcome).1));
        }
    }
    row
}

fn head_rows(region: Region, app: &App) -> u16 {
    match (region.body.height, app.size.0) {
        (0..4, _) => 0,
        (4.., 0..100) => 1,
        (4.., _) => 2,
    }
}

/// The rows that hold entries.
pub(crate) fn text_area(region: Region, app: &App) -> Rect {
    let area = layout::inner(region.body);
    let head = head_rows(region, app);
    let tail = u16::from(app.run().is_some_and(|r| tail(app, r).is_some()) && area.height > 4);
    Rect {
        y: area.y + head,
        height: area.height.saturating_sub(head + tail),
        ..area
    }
}

/// `1 ✗  2 ●  3 ·    2m28s  12.1k tok  $0.10`
pub(crate) fn head(run: &Run, width: usize) -> Row {
    let mut row = marks_of(run);
    if let Some(meter) = &run.meter {
        let used = meter.used();
        let mut figures = figures::took(meter.worked_ms());
        // Before anything is spent there is no price to be unknown.
        if used != Usage::default() {
            let (tokens, money) = (figures::tokens(used), figures::money(used));
            figures = format!("{figures}  {tokens}  {money}");
        }
        row = row.right(width, Role::Muted, figures);
    }
    row.cut(width)
}

/// `1 ✗  2 ●  3 ·`: one mark per iteration.
pub(crate) fn marks_of(run: &Run) -> Row {
    let mut row = Row::blank();
    // What will not come any more is not announced.
    let coming = if run.active() {
        run.max_iterations() as usize
    } else {
        0
    };
    let max = coming.clamp(run.now(), run.now().max(9));
    for number in 1..=max {
        let mark = marks::iteration(run, number);
        let gap = if number == max { "" } else { "  " };
        row = row
            .with(Role::Muted, format!("{number} "))
            .with(mark.0, mark.1)
            .with(Role::Fg, gap);
    }
    row
}

/// The last line: what follows, or how much is new below.
fn tail(app: &App, run: &Run) -> Option<Row> {
    if !app.reading.follow {
        let new = run.lines.saturating_sub(app.reading.known);
        return Some(match new {
            0 => Row::of(Role::Muted, "f follows the live end"),
            n => Row::of(Role::Accent, format!("↓ {n} new")),
        });
    }
    run.active().then(|| Row::of(Role::Muted, "↓ following"))
}

/// The entries of a run, fetched or not.
pub(crate) struct Entries<'a> {
    transcript: Option<&'a Transcript>,
    lines: usize,
    now: Moment,
    wide: bool,
}

impl<'a> Entries<'a> {
    /// The entries of the shown run.
    pub(crate) fn of(app: &'a App, width: usize) -> Self {
        let run = app.run();
        Self {
            transcript: run.and_then(|r| app.world.transcripts.get(&r.id)),
            lines: run.map_or(0, |r| usize::try_from(r.lines).unwrap_or(usize::MAX)),
            now: app.now,
            wide: width >= 50,
        }
    }
}

impl Flow for Entries<'_> {
    fn len(&self) -> usize {
        self.lines
    }

    fn item(&self, index: usize, width: usize) -> Vec<Row> {
        let entry = self.transcript.and_then(|t| t.entry(index as u64));
        match entry {
            Some(entry) => rows(entry, self.now, width, self.wide),
            None => vec![Row::of(Role::Faint, "…")],
        }
    }
}

fn rows(entry: &Entry, now: Moment, width: usize, wide: bool) -> Vec<Row> {
    let (word, role) = word(&entry.kind);
    let when = now.at(entry.at);
    let (time, at) = match (entry.at, wide) {
        (0, true) => (String::new(), 18),
        (0, false) => (String::new(), 14),
        (_, true) => (format!("{}  ", when.hms()), 18),
        (_, false) => (format!("{} ", when.hm()), 14),
    };
    let column = at - 8;
    let head = Row::of(Role::Muted, time)
        .to(column)
        .with(label(role), word);
    let at = at.min(width / 2);
    entry
        .text
        .lines()
        .flat_map(|line| wrap(line, width.saturating_sub(at).max(4)))
        .chain(entry.text.is_empty().then(String::new))
        .enumerate()
        .map(|(i, line)| {
            let start = if i == 0 { head.clone() } else { Row::blank() };
            let gap = usize::from(i == 0 && start.width() >= at);
            let at = (start.width() + gap).max(at);
            start.to(at).with(role, line).cut(width)
        })
        .collect()
}

/// An entry as it is searched: its word and its text.
pub(crate) fn says(entry: &Entry) -> String {
    format!("{} {}", word(&entry.kind).0, entry.text)
}

/// The word for a kind of entry, and how its text looks.
fn word(kind: &str) -> (&str, Role) {
    match kind {
        "said" => ("worker", Role::Fg),
        "thinking" => ("thinks", Role::Claim),
        "file" => ("write", Role::Fg),
        "claim" => ("claims", Role::Claim),
        "question" => ("asks", Role::Warn),
        "error" => ("error", Role::Fail),
        "result" | "usage" | "stderr" | "raw" | "sleep" => (kind, Role::Muted),
        other => (other, Role::Fg),
    }
}

/// Labels are quiet, except where the text itself is not.
fn label(role: Role) -> Role {
    if matches!(role, Role::Fail | Role::Warn) {
        role
    } else {
        Role::Muted
    }
}
