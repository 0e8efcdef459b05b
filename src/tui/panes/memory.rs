//! ```text
//!  4 memory ─── 1.4k of 2.0k tok ─
//!  ## 2026-06-12 · run 13
//!
//!  - Fetch each URL before citing
//!    it; two were dead on 06-11.
//! ```

use crate::run::prompt;
use crate::tui::app::App;
use crate::tui::layout::{self, Pane, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::flow::{Anchor, Window};
use crate::tui::text::{self, Row, figures, paragraph, reflow};

/// Draws pane 4.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let title = if app.layout().shared {
        super::shared_title(Pane::Memory)
    } else {
        let width = usize::from(region.title.width);
        let title = super::title(app, Pane::Memory);
        // Where both have no room the figure gives way: the bones have it, too.
        let gauge = gauge(app);
        if title.width() + text::width(&gauge) + 6 <= width {
            paint::rule_with(title, &gauge, width)
        } else {
            title
        }
    };
    canvas.row(
        region.title,
        &paint::rule(&title, usize::from(region.title.width), below(app, region)),
    );
    let rows = super::visible(app, Pane::Memory);
    canvas.rows(layout::inner(region.body), &rows);
}

/// Whether the pane stands under another one, so that its title hangs on a line.
fn below(app: &App, region: Region) -> bool {
    region.title.x == 0 || region.title.y > app.layout().header.bottom()
}

fn gauge(app: &App) -> String {
    let Some(name) = app.name() else {
        return String::new();
    };
    let (Some(memory), Some(facts)) = (app.world.memories.get(name), app.world.facts(name)) else {
        return String::new();
    };
    let cap = facts.spec.memory.inject_tokens;
    let (_, tokens) = size(&memory.text, cap);
    format!("{} of {} tok", figures::short(tokens), figures::short(cap))
}

/// Entries in a memory file, and tokens of it that a prompt would carry.
pub(crate) fn size(text: &str, cap: u64) -> (usize, u64) {
    (
        prompt::count_entries(text),
        prompt::tokens(&prompt::inject(text, cap)),
    )
}

/// The text of pane 4.
pub(crate) fn rows(app: &App, width: usize) -> Vec<Row> {
    let Some(name) = app.name() else {
        return Vec::new();
    };
    match app.world.memories.get(name) {
        Some(memory) if prompt::without_title(&memory.text).is_empty() => {
            paragraph(Role::Muted, "", "nothing remembered yet; m writes", width)
        }
        Some(memory) => prose(prompt::without_title(&memory.text), width),
        None => vec![Row::of(Role::Muted, "…")],
    }
}

/// Where the pane opens: at the newest entry, or before it where all that follows has room.
pub(crate) fn newest(app: &App, window: Window<'_>) -> Anchor {
    let memory = app.name().and_then(|name| app.world.memories.get(name));
    let heading = memory.and_then(|m| prompt::newest_heading(&m.text));
    let item = heading.and_then(|heading| {
        let begins = |item: &usize| {
            let rows = window.flow.item(*item, window.width);
            let text = rows.first().map(Row::text).unwrap_or_default();
            // A narrow pane breaks the heading.
            text.starts_with("## ") && heading.starts_with(text.trim_end())
        };
        (0..window.flow.len()).rev().find(begins)
    });
    let top = item.map(|item| Anchor { item, row: 0 });
    top.unwrap_or_default().min(window.end())
}

/// Markdown in rows; list items hang, and what its author broke at another width is filled again.
pub(crate) fn prose(text: &str, width: usize) -> Vec<Row> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    reflow::groups(&lines, width, |_, _| true)
        .into_iter()
        .filter_map(|group| lines.get(group))
        .flat_map(|group| {
            let heading = group.first().is_some_and(|line| line.starts_with('#'));
            let role = if heading { Role::Title } else { Role::Fg };
            let rows = reflow::fill(group, width.max(4)).into_iter();
            rows.map(move |line| Row::of(role, line))
        })
        .collect()
}
