//! What lies over the panes. Each layer draws its region and changes nothing.

pub mod aside;
pub mod asks;
pub mod away;
pub mod checkpoint;
pub mod editor;
pub mod empty;
pub mod first_run;
pub mod form;
pub mod heads;
pub mod help;
pub mod inspect;
mod publish_page;
pub mod review;
pub mod timeline;
pub mod verdict_page;

use ratatui::layout::Rect;

use super::app::{App, Layer};
use super::layout::{self, Layout, READING_WIDTH, Region};
use super::paint::Canvas;
use super::styles::Role;
use super::text::Row;
use super::text::flow::{Anchor, Window};

/// Draws the topmost layer, if it has a region of its own.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, at: &Layout) {
    let Some(region) = at.over else { return };
    if app
        .field
        .as_ref()
        .is_some_and(super::app::field::Field::is_large)
    {
        return editor::draw(canvas, app, reading(region));
    }
    match app.layers.last() {
        Some(Layer::Pages(pages)) => checkpoint::draw(canvas, app, pages, region),
        Some(Layer::Form(form)) => form::draw(canvas, form, region),
        Some(Layer::Timeline(timeline)) => timeline::draw(canvas, app, timeline, region),
        Some(Layer::Inspect { name, .. }) => inspect::draw(canvas, app, name, reading(region)),
        Some(Layer::Review { name, .. }) => review::draw(canvas, app, name, reading(region)),
        Some(Layer::Away { .. }) => away::draw(canvas, app, reading(region)),
        Some(Layer::Help { place, .. }) => help::draw(canvas, app, *place, reading(region)),
        Some(Layer::Dialogue(_)) | None => {
            if app.nothing_here() {
                first_run::draw(canvas, app, reading(region));
            }
        }
    }
}

/// What is read in the topmost layer, at the size it has now.
pub(crate) fn with_flow<T>(app: &App, then: impl FnOnce(Window<'_>, Anchor) -> T) -> Option<T> {
    let region = app.layout().over?;
    match app.layers.last()? {
        Layer::Pages(pages) => {
            let area = checkpoint::text_area(region);
            let width = usize::from(area.width);
            let page = checkpoint::Page::of(app, pages, width)?;
            Some(then(window(&page, area), pages.top()))
        }
        Layer::Inspect { name, top } => {
            let area = layout::inner(reading(region).body);
            let rows = inspect::rows(app, name, usize::from(area.width));
            Some(then(window(&rows, area), *top))
        }
        Layer::Review { name, top } => {
            let area = layout::inner(reading(region).body);
            let rows = review::rows(app, name, usize::from(area.width));
            Some(then(window(&rows, area), *top))
        }
        Layer::Away { top, .. } => {
            let area = layout::inner(reading(region).body);
            let rows = away::rows(app, usize::from(area.width));
            Some(then(window(&rows, area), *top))
        }
        Layer::Help { place, top } => {
            let area = layout::inner(reading(region).body);
            let rows = help::rows(*place, usize::from(area.width));
            Some(then(window(&rows, area), *top))
        }
        Layer::Timeline(_) | Layer::Form(_) | Layer::Dialogue(_) => None,
    }
}

/// The visible rows of the topmost layer, with what is searched marked.
pub(crate) fn visible(app: &App) -> Vec<Row> {
    let needle = app.spot().map_or("", |spot| app.needle(spot));
    let shown = with_flow(app, |window, top| {
        let end = window.end();
        (window.visible(top.min(end)), top < end)
    });
    let (rows, cut) = shown.unwrap_or_default();
    let rows = rows.into_iter().map(|row| row.marked(needle, Role::Sel));
    let mut rows: Vec<Row> = rows.collect();
    if let (true, Some(last)) = (cut && is_one_text(app), rows.last_mut()) {
        *last = Row::of(Role::Muted, "… more below: j");
    }
    rows
}

/// Whether the topmost layer is a text that says by itself nowhere how long it is.
fn is_one_text(app: &App) -> bool {
    match app.layers.last() {
        Some(
            Layer::Inspect { .. } | Layer::Review { .. } | Layer::Away { .. } | Layer::Help { .. },
        ) => true,
        Some(Layer::Pages(_) | Layer::Timeline(_) | Layer::Form(_) | Layer::Dialogue(_)) | None => {
            false
        }
    }
}

fn window(flow: &dyn super::text::flow::Flow, area: Rect) -> Window<'_> {
    Window {
        flow,
        width: usize::from(area.width),
        height: usize::from(area.height),
    }
}

/// The region, no wider than is comfortable to read.
fn reading(region: Region) -> Region {
    let narrow = |area: Rect| Rect {
        width: area.width.min(READING_WIDTH),
        ..area
    };
    Region {
        title: narrow(region.title),
        body: narrow(region.body),
    }
}
