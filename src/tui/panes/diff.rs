//! ```text
//! ├─ diff of iteration 2 · drafts/2026-06-12-loops.md ─── +93 −14 ─┤
//! │ @@ intro                                                        │
//! ```

use ratatui::layout::Rect;

use crate::run::inert::head;
use crate::run::{Flag, TextRef, Work};
use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::layout::{self, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, patch, pieces};

/// The newest work of a run that has a diff, and its iteration, from 1.
pub(crate) fn newest(run: &Run) -> Option<(usize, &Work)> {
    let mut all = run.iterations.iter().enumerate().rev();
    all.find_map(|(i, it)| Some((i + 1, it.work.as_ref().filter(|w| w.diff.bytes > 0)?)))
}

/// The text that the pane shows.
pub(crate) fn text(run: &Run) -> Option<&TextRef> {
    newest(run).map(|(_, work)| &work.diff)
}

/// The kinds of flags, each once: `key, test`.
pub(crate) fn signs(flags: &[Flag]) -> String {
    let mut words: Vec<&str> = flags.iter().map(|flag| flag.sign.word()).collect();
    words.dedup();
    words.join(", ")
}

/// The first row of a group of lines; of a line that is longer than the pane the rest is left aside.
fn beginning(lines: &[String], room: usize) -> Option<Row> {
    let rows = match lines {
        [line] if line.len() > pieces::LONGEST.max(room) => {
            patch::line(head(line, pieces::LONGEST.max(room)), usize::MAX)
        }
        lines => patch::rows(lines, usize::MAX),
    };
    rows.into_iter().next()
}

/// Draws the newest diff of the shown run below its transcript: its beginning, `d` shows the rest.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let Some((number, work)) = app.run().and_then(newest) else {
        return;
    };
    let what = match work.changes.as_slice() {
        [change] => change.path.clone(),
        changes => figures::count(changes.len(), "file"),
    };
    let (added, removed) = work.size();
    let width = usize::from(region.title.width);
    let title = Row::of(Role::Title, format!("diff of iteration {number} · {what}"));
    let title = match work.flags.len() {
        0 => title,
        _ => title.with(Role::Warn, format!(" · ▲ {}", signs(&work.flags))),
    };
    let title = paint::rule_with(title, &format!("+{added} −{removed}"), width);
    canvas.row(region.title, &paint::rule(&title, width, true));
    let area = layout::inner(region.body);
    let (room, height) = (usize::from(area.width), usize::from(area.height));
    let Some(text) = app.world.texts.get(&work.diff.digest) else {
        return canvas.row(area, &Row::of(Role::Muted, "reading …"));
    };
    // The title names a single file; of a long line the beginning will do here.
    let single = work.changes.len() == 1 && text.lines.iter().any(|l| l.starts_with("@@"));
    let begin = text
        .lines
        .iter()
        .position(|line| single && line.starts_with("@@"));
    let lines = text.lines.get(begin.unwrap_or(0)..).unwrap_or_default();
    let rows: Vec<Row> = patch::groups(lines)
        .filter_map(|group| beginning(lines.get(group)?, room))
        .map(|row| row.cut(room))
        .take(height + 1)
        .collect();
    canvas.rows(area, &rows);
    if rows.len() > height && height > 0 {
        let last = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        canvas.row(last, &Row::of(Role::Muted, "… d shows all of it").to(room));
    }
}
