//! The panes of the cockpit and the frame around them. Each draws its region and changes nothing.

pub mod diff;
pub mod foot;
pub mod header;
pub mod hints;
pub mod loops;
pub mod memory;
pub mod runs;
pub mod transcript;
pub mod verdict;

use super::app::App;
use super::app::search::Spot;
use super::layout::{self, Layout, Pane, Region};
use super::paint::Canvas;
use super::styles::Role;
use super::text::Row;
use super::text::flow::{Anchor, Flow, Window};

/// Draws the panes that a layout has.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, at: &Layout) {
    if let Some(region) = at.loops {
        loops::draw(canvas, app, region);
    }
    if let Some(region) = at.transcript {
        transcript::draw(canvas, app, region);
    }
    if let Some(region) = at.verdict {
        verdict::draw(canvas, app, region);
    }
    if let Some(region) = at.memory {
        memory::draw(canvas, app, region);
    }
    if let Some(region) = at.strip {
        verdict::draw_strip(canvas, app, region);
    }
    if let Some(region) = at.diff {
        diff::draw(canvas, app, region);
    }
    if let Some(region) = at.band {
        runs::draw(canvas, app, region);
    }
    canvas.verticals(&at.lines);
}

/// A pane's title: marked and bright where it has the keys.
pub(crate) fn title(app: &App, pane: Pane) -> Row {
    if app.focus == pane && app.layers.is_empty() && app.field.is_none() {
        Row::of(Role::TitleFocus, format!("▸{}", pane.title()))
    } else {
        Row::of(Role::Title, pane.title())
    }
}

/// The title of a place that panes 2–4 share: all three, the shown one marked.
pub(crate) fn shared_title(shown: Pane) -> Row {
    let mut row = Row::blank();
    for pane in [Pane::Transcript, Pane::Verdict, Pane::Memory] {
        let role = if pane == shown {
            Role::TitleFocus
        } else {
            Role::Title
        };
        let (first, marked) = (row.spans.is_empty(), pane == shown);
        let mark = match (first, marked) {
            (true, true) => "▸",
            (true, false) => "",
            (false, true) => " ▸",
            (false, false) => "  ",
        };
        row = row.with(role, format!("{mark}{}", pane.title()));
    }
    row
}

/// What is read in a pane, at the size it has now.
pub(crate) fn with_flow<T>(
    app: &App,
    pane: Pane,
    then: impl FnOnce(Window<'_>, Anchor) -> T,
) -> Option<T> {
    let region: Region = app.layout().pane(pane)?;
    let area = match pane {
        Pane::Transcript => transcript::text_area(region, app),
        Pane::Loops | Pane::Verdict | Pane::Memory => layout::inner(region.body),
    };
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let flow: Box<dyn Flow + '_> = match pane {
        Pane::Loops => return None,
        Pane::Transcript => Box::new(transcript::Entries::of(app, width)),
        Pane::Verdict => Box::new(verdict::rows(app, width, height)),
        Pane::Memory => Box::new(memory::rows(app, width)),
    };
    let window = Window {
        flow: &*flow,
        width,
        height,
    };
    let top = match pane {
        Pane::Transcript if app.reading.follow => window.end(),
        Pane::Transcript => app.reading.top,
        Pane::Loops | Pane::Verdict => app.tops.get(&0).copied().unwrap_or_default(),
        Pane::Memory => app
            .tops
            .get(&1)
            .copied()
            .unwrap_or_else(|| memory::newest(app, window)),
    };
    Some(then(window, top))
}

/// The visible rows of a pane, with what is searched marked.
pub(crate) fn visible(app: &App, pane: Pane) -> Vec<Row> {
    let needle = app.needle(Spot::Pane(pane));
    with_flow(app, pane, |window, top| window.visible(top))
        .unwrap_or_default()
        .into_iter()
        .map(|row| row.marked(needle, Role::Sel))
        .collect()
}

/// The text that the focused pane shows, for the clipboard.
pub fn plain(app: &App) -> String {
    if app.focus == Pane::Loops {
        return app.name().unwrap_or_default().to_owned();
    }
    with_flow(app, app.focus, |window, top| {
        let rows = window.visible(top);
        let lines: Vec<String> = rows
            .iter()
            .map(|r| r.text().trim_end().to_owned())
            .collect();
        lines.join("\n")
    })
    .unwrap_or_default()
}

/// Scrolls what has the keys: the new top, and the last top there is.
pub fn scrolled(app: &App, go: &dyn Fn(Window<'_>, Anchor) -> Anchor) -> Option<(Anchor, Anchor)> {
    if app.layers.is_empty() {
        return with_flow(app, app.focus, |window, top| {
            (go(window, top), window.end())
        });
    }
    super::layers::with_flow(app, |window, top| (go(window, top), window.end()))
}
