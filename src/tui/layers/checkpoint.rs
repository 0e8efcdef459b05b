//! ```text
//! ┬ ◆ checkpoint · after the work, before checks ─────────────────────
//! │  p prompt  ▸d diff   v verdict   m memory   o output    line 1–19
//! │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
//! │ 1 file   drafts/2026-06-12-loops.md                      +93 −14
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use ratatui::layout::Rect;

use crate::run::Ask;
use crate::tui::app::pages::{Pages, Tab};
use crate::tui::app::runs::Run;
use crate::tui::app::{App, Layer};
use crate::tui::layout::{self, Region};
use crate::tui::paint::Canvas;
use crate::tui::styles::Role;
use crate::tui::text::flow::Flow;
use crate::tui::text::pieces::{self, Piece};
use crate::tui::text::{self, Row, figures, labelled, patch, reflow};

use super::{asks, empty, heads, verdict_page};

/// Draws the pages of an iteration.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, pages: &Pages, region: Region) {
    let Some(run) = app.world.runs.get(&pages.run) else {
        return;
    };
    canvas.rule(region.title, &title(run, pages, region.title.width));
    let area = layout::inner(region.body);
    let head = head_rows(region);
    let range = super::with_flow(app, |window, top| {
        let (from, to) = window.range(top.min(window.end()));
        (from + 1, to, window.flow.len())
    })
    .unwrap_or_default();
    if head > 0 {
        let figures = format!("line {}–{} of {}", range.0.min(range.2), range.1, range.2);
        canvas.row(
            area,
            &tabs(pages.tab).right(usize::from(area.width), Role::Muted, figures),
        );
    }
    if head > 1 {
        let below = Rect {
            y: region.body.y + 1,
            height: 1,
            ..region.body
        };
        canvas.row(
            below,
            &Row::of(Role::Faint, "┄".repeat(usize::from(below.width))),
        );
    }
    canvas.rows(text_area(region), &super::visible(app));
}

fn head_rows(region: Region) -> u16 {
    match region.body.height {
        0..3 => 0,
        3..8 => 1,
        8.. => 2,
    }
}

/// The rows that hold the page.
pub(crate) fn text_area(region: Region) -> Rect {
    let area = layout::inner(region.body);
    let head = head_rows(region);
    Rect {
        y: area.y + head,
        height: area.height - head,
        ..area
    }
}

fn title(run: &Run, pages: &Pages, width: u16) -> Row {
    let row = match pages.question(run) {
        Some(checkpoint) => Row::of(Role::NeedsYou, "◆").with(
            Role::TitleFocus,
            format!(" checkpoint · {}", asks::place(&checkpoint.ask)),
        ),
        None => Row::of(
            Role::TitleFocus,
            format!("{} · run {}", run.name(), run.number()),
        ),
    };
    if width > 70 && run.now() > 0 {
        return row.with(
            Role::Title,
            format!(
                " · iteration {} of {}",
                pages.iteration,
                run.max_iterations()
            ),
        );
    }
    row
}

fn tabs(open: Tab) -> Row {
    let mut row = Row::blank();
    for tab in Tab::ALL {
        let (mark, role) = if tab == open {
            ("▸", Role::TitleFocus)
        } else {
            (" ", Role::Muted)
        };
        row = row
            .with(role, format!("{mark}{}", tab.title()))
            .with(Role::Fg, "  ");
    }
    row
}

/// One page: rows about it, then the text itself, wrapped only where it is visible.
pub(crate) struct Page<'a> {
    head: Vec<Row>,
    body: &'a [String],
    /// Lines of the body that are filled together, or parts of a line that is too long.
    pieces: Vec<Piece>,
    tail: Option<Row>,
    kind: Tab,
    added: Vec<&'a str>,
}

impl<'a> Page<'a> {
    /// The open page.
    pub(crate) fn of(app: &'a App, pages: &'a Pages, width: usize) -> Option<Self> {
        let run = app.world.runs.get(&pages.run)?;
        let ask = pages.question(run).map(|c| &c.ask);
        let mut head = Vec::new();
        if let Some(ask) = ask.filter(|ask| Tab::of(ask) == pages.tab) {
            head.extend(verdict_page::asked(ask, run, width));
            head.extend(day_rows(app, (run, ask), width));
        }
        head.extend(match pages.tab {
            Tab::Prompt => heads::prompt_head(pages, run, app, width),
            Tab::Diff => pages.diff(run).map_or_else(
                || empty::page(Tab::Diff, pages, run),
                |(number, work)| {
                    let mut rows = Vec::new();
                    if number != pages.iteration {
                        let words = format!("of iteration {number}; this one has no diff yet");
                        rows = labelled("newest", 9, (Role::Muted, &words), width);
                    }
                    rows.extend(heads::diff_head(work, run, width));
                    rows
                },
            ),
            Tab::Verdict => verdict_page::rows(app, pages, run, width),
            Tab::Memory => heads::memory_head(pages, run, app, width),
            Tab::Output => heads::output_head(pages, run, width),
        });
        let text = pages.text(run, pages.tab);
        let draft = pages.draft(run).filter(|_| pages.tab == Tab::Output);
        let kept = match (text, draft) {
            (Some(text), _) => app.world.texts.get(&text.digest),
            (None, Some(path)) => app.world.files.get(&(run.id.clone(), path.to_owned())),
            (None, None) => None,
        };
        let body = kept.map_or(&[][..], |t| &t.lines);
        // What ends with a line feed has nothing behind it to be shown.
        let body = match body.split_last() {
            Some((last, rest)) if draft.is_some() && last.is_empty() => rest,
            Some(_) | None => body,
        };
        let refused = draft.is_some_and(|d| app.asked.is_refused(&(run.id.clone(), d.to_owned())));
        let tail = match kept {
            None if refused => Some("  it cannot be shown here; d shows the diff".to_owned()),
            None if text.is_some_and(|t| t.bytes > 0) || draft.is_some() => {
                Some("  reading …".to_owned())
            }
            Some(kept) if !kept.whole() => Some(format!(
                "  … {} more lines are being read",
                kept.total - kept.lines.len() as u64
            )),
            Some(_) | None => None,
        };
        let mut page = Self {
            head,
            body,
            pieces: Vec::new(),
            tail: tail.map(|t| Row::of(Role::Muted, t)),
            kind: pages.tab,
            added: earlier(app, pages, run),
        };
        page.pieces = pieces::cut(page.body, page.grouped(width));
        Some(page)
    }

    /// What is sent or published is shown line by line, as it is; a note is filled again where its
    /// lines are too long.
    fn grouped(&self, width: usize) -> Vec<Range<usize>> {
        if self.kind == Tab::Diff {
            return patch::groups(self.body).collect();
        }
        if matches!(self.kind, Tab::Prompt | Tab::Output) {
            return (0..self.body.len()).map(|line| line..line + 1).collect();
        }
        let alike = |a: &str, b: &str| self.is_new(a) == self.is_new(b);
        reflow::groups(self.body, width.saturating_sub(2), alike)
    }

    /// Whether a line was not in the last iteration's prompt.
    fn is_new(&self, line: &str) -> bool {
        !self.added.is_empty() && self.added.binary_search(&line).is_err()
    }

    fn piece(&self, piece: &Piece, width: usize) -> Vec<Row> {
        let lines = self.body.get(piece.lines.clone()).unwrap_or_default();
        let line = lines.first().map_or("", String::as_str);
        let part = piece.part.clone().and_then(|part| line.get(part));
        let (mark, role) = match (self.kind, part) {
            (Tab::Diff, None) => return patch::rows(lines, width),
            (Tab::Diff, Some(part)) if piece.begins() => return patch::line(part, width),
            (Tab::Diff, Some(part)) => return patch::later(line, part, width),
            (kind, _) => self.look(kind, line),
        };
        let part = part.map(|part| vec![part.to_owned()]);
        reflow::fill(part.as_deref().unwrap_or(lines), width.saturating_sub(2))
            .into_iter()
            .enumerate()
            .map(|(i, part)| {
                match i {
                    0 if piece.begins() => Row::of(role, mark),
                    // No line of the text begins here: the pane is only too narrow for it.
                    _ => text::goes_on(2),
                }
                .with(role, part)
            })
            .collect()
    }

    /// The mark before a line that is no line of a diff, and its role.
    fn look(&self, kind: Tab, line: &str) -> (&'static str, Role) {
        match kind {
            Tab::Prompt if self.is_new(line) => ("+ ", Role::Add),
            Tab::Prompt if line.starts_with("## ") => ("  ", Role::Title),
            Tab::Diff | Tab::Prompt | Tab::Verdict | Tab::Memory | Tab::Output => ("  ", Role::Fg),
        }
    }
}

impl Flow for Page<'_> {
    fn len(&self) -> usize {
        self.head.len() + self.pieces.len() + usize::from(self.tail.is_some())
    }

    fn item(&self, index: usize, width: usize) -> Vec<Row> {
        if let Some(row) = self.head.get(index) {
            return vec![row.clone().cut(width)];
        }
        match self.pieces.get(index - self.head.len()) {
            Some(piece) => self.piece(piece, width),
            None => self.tail.iter().map(|row| row.clone().cut(width)).collect(),
        }
    }
}

/// Which rows of a page warn, and which are on the screen.
type Read = (BTreeSet<usize>, Range<usize>);

/// The width of the open page, and what of its warnings is on the screen.
pub(crate) fn warnings(app: &App) -> Option<(usize, Read)> {
    let Some(Layer::Pages(pages)) = app.layers.last() else {
        return None;
    };
    let area = text_area(app.layout().over?);
    let width = usize::from(area.width);
    let page = Page::of(app, pages, width)?;
    let (mut warns, mut within) = (BTreeSet::new(), false);
    for (at, row) in page.head.iter().enumerate() {
        let text = row.text();
        // What goes on stands below the words, not below the mark.
        within = match row.spans.first() {
            Some((Role::Muted, label)) if label == "▲" => true,
            Some(_) => within && text.starts_with("         "),
            None => false,
        };
        if within {
            warns.insert(at);
        }
    }
    let window = super::window(&page, area);
    let top = pages.top().min(window.end()).item;
    Some((width, (warns, top..top + usize::from(area.height))))
}

/// The day's cap that was met, when it ends and what helps.
fn day_rows(app: &App, (run, ask): (&Run, &Ask), width: usize) -> Vec<Row> {
    app.bound_by_day(run, ask).map_or_else(Vec::new, |day| {
        let line = day.line(&figures::until(app.now, day.ends));
        labelled("", 9, (Role::Warn, &line), width)
    })
}

/// The lines of the last iteration's prompt, sorted: what is not among them is new.
fn earlier<'a>(app: &'a App, pages: &Pages, run: &'a Run) -> Vec<&'a str> {
    let before = pages
        .iteration
        .checked_sub(2)
        .and_then(|i| run.iterations.get(i));
    let text = before
        .and_then(|i| i.prompt.as_ref())
        .and_then(|p| app.world.texts.get(&p.text.digest))
        .filter(|t| t.whole() && pages.tab == Tab::Prompt);
    let mut lines: Vec<&str> =
        text.map_or_else(Vec::new, |t| t.lines.iter().map(String::as_str).collect());
    lines.sort_unstable();
    lines
}

/// The open page as plain text, for the clipboard.
pub(crate) fn plain(app: &App, pages: &Pages) -> String {
    let page = Page::of(app, pages, 120);
    page.map_or_else(String::new, |page| {
        let head = page.head.iter().map(|r| r.text().trim_end().to_owned());
        let lines: Vec<String> = if page.body.is_empty() {
            head.collect()
        } else {
            page.body
                .iter()
                .map(|l| text::seen(l).into_owned())
                .collect()
        };
        lines.join("\n")
    })
}
