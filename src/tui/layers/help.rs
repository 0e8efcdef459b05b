//! ```text
//! ─ help · at a checkpoint ────────────────────────────────────
//!    at a checkpoint                       move
//!     a           approve: take the …       j k ↑ ↓     line
//! ```

use crate::tui::action::{Entry, Group, TABLE};
use crate::tui::app::App;
use crate::tui::keymap::Place;
use crate::tui::layout::{self, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, labelled, wrap};

/// Draws help for a place.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, place: Place, region: Region) {
    let title = Row::of(Role::TitleFocus, format!("help · {}", place.word()));
    let width = usize::from(region.title.width);
    canvas.rule(
        region.title,
        &paint::rule_with(title, "Esc closes · j k scroll", width),
    );
    let rows = super::visible(app);
    canvas.rows(layout::inner(region.body), &rows);
}

/// The text of help: the table of actions in two columns, then marks, modes and safety.
pub(crate) fn rows(place: Place, width: usize) -> Vec<Row> {
    let left = [
        ("at a checkpoint", Group::Checkpoint),
        ("move", Group::Move),
    ];
    let right = [("loops", Group::Loops), ("everywhere", Group::Everywhere)];
    let mut rows = if width >= 76 {
        let half = width / 2;
        let left = columns(&left, place, half.saturating_sub(1));
        side_by_side(&left, &columns(&right, place, width - half), half)
    } else {
        let mut rows = columns(&left, place, width);
        rows.extend(columns(&right, place, width));
        rows
    };
    rows.push(Row::of(Role::Faint, "┄".repeat(width)));
    for (label, words) in [
        (
            "marks",
            "◆ needs you  ● running  ○ asleep  ✓ done  ✗ not approved  ▲ stuck, tripped  ‖ held  – off  ✎ edited  · not yet",
        ),
        (
            "modes",
            "T training: asks at every step. It is the only mode that this build flies.",
        ),
        (
            "safety",
            "Enter never approves. Keys arm 0.4 s after a checkpoint appears and only when no text field has focus. No timeout ever approves. A stopped run keeps its transcript, its memory and any draft.",
        ),
    ] {
        rows.extend(labelled(label, 9, (Role::Fg, words), width));
    }
    rows
}

fn columns(groups: &[(&str, Group)], place: Place, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for (title, group) in groups {
        rows.push(Row::of(Role::Title, *title));
        let entries = TABLE
            .iter()
            .filter(|e| e.group == *group && !e.help.is_empty());
        rows.extend(entries.flat_map(|e| entry(e, place, width)));
        rows.push(Row::blank());
    }
    rows
}

/// Keys that mean nothing in the place that help was asked for are quiet.
fn entry(entry: &Entry, place: Place, width: usize) -> Vec<Row> {
    let here = entry.places.contains(&place);
    let (key, words) = if here {
        (Role::Accent, Role::Fg)
    } else {
        (Role::Muted, Role::Muted)
    };
    wrap(entry.help, width.saturating_sub(13).max(8))
        .into_iter()
        .enumerate()
        .map(|(i, line)| {
            let shown = if i == 0 { entry.shown } else { "" };
            Row::of(key, format!(" {shown}"))
                .to(13)
                .with(words, line)
                .cut(width)
        })
        .collect()
}

fn side_by_side(left: &[Row], right: &[Row], half: usize) -> Vec<Row> {
    (0..left.len().max(right.len()))
        .map(|i| {
            let mut row = left.get(i).cloned().unwrap_or_default().to(half);
            row.spans
                .extend(right.get(i).cloned().unwrap_or_default().spans);
            row
        })
        .collect()
}
