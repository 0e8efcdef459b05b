//! ```text
//! ─ 4 memory · memory/research-and-draft.md ──── editing ● ─┬ what the next prompt sees ────────
//!   1  # Memory · research-and-draft                        │ 1.4k of 2.0k tok
//!   2                                                       │ injected  newest first …
//! ```

use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::run::prompt;
use crate::tui::app::App;
use crate::tui::app::field::{Field, Purpose};
use crate::tui::layout::{Line, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, labelled};

/// Columns of the right-hand side.
const SIDE: u16 = 35;

/// Draws the field that takes a whole layer.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let Some(field) = &app.field else { return };
    let side = match (&field.purpose, region.body.width) {
        (Purpose::Memory(name, _), 100..) => Some(name.as_str()),
        _ => None,
    };
    let width = region.body.width - if side.is_some() { SIDE + 1 } else { 0 };
    let title = Rect {
        width,
        ..region.title
    };
    let state = if field.changed() {
        "editing ●"
    } else {
        "editing"
    };
    let row = paint::rule_with(
        Row::of(Role::TitleFocus, heading(app, field)),
        state,
        usize::from(width),
    );
    canvas.rule(title, &row);
    let text = Rect {
        width,
        ..region.body
    };
    if !text.is_empty() {
        Widget::render(&field.area, text, canvas.buffer());
    }
    if let Some(name) = side {
        let x = region.body.x + width;
        let right = |area: Rect| Rect {
            x: x + 1,
            width: SIDE,
            ..area
        };
        canvas.rule(
            right(region.title),
            &Row::of(Role::Title, "what the next prompt sees"),
        );
        canvas.rows(
            crate::tui::layout::inner(right(region.body)),
            &sees(app, name, field),
        );
        canvas.verticals(&[Line {
            x,
            top: region.title.y,
            bottom: region.body.bottom(),
        }]);
    }
}

fn heading(app: &App, field: &Field) -> String {
    match &field.purpose {
        Purpose::Memory(name, _) => {
            let path = app.world.memories.get(name).map_or("", |m| m.path.as_str());
            format!("4 memory · {path}")
        }
        Purpose::Prompt(_) => "the prompt of this iteration only".to_owned(),
        Purpose::File(_, path) => format!("draft · {path}"),
        Purpose::Row(_) => "a text of the form".to_owned(),
        Purpose::Note(_)
        | Purpose::Answer(_)
        | Purpose::Typed(_)
        | Purpose::Plain { .. }
        | Purpose::Filter
        | Purpose::Search => String::new(),
    }
}

/// What a prompt would carry of this text.
fn sees(app: &App, name: &str, field: &Field) -> Vec<Row> {
    let width = usize::from(SIDE - 2);
    let cap = app
        .world
        .facts(name)
        .map_or(0, |f| f.spec.memory.inject_tokens);
    let text = field.text();
    let injected = prompt::inject(&text, cap);
    let (all, kept) = (
        prompt::count_entries(&text),
        prompt::count_carried(&text, cap),
    );
    let mut rows = vec![
        Row::blank(),
        Row::of(
            Role::Fg,
            format!(
                "{} of {} tok",
                figures::short(prompt::tokens(&injected)),
                figures::short(cap)
            ),
        ),
        Row::blank(),
    ];
    let words = match all - kept.min(all) {
        0 => format!(
            "all {} go in, newest first",
            figures::count(all, "entry").replace("entrys", "entries")
        ),
        left => format!(
            "{kept} of {all} entries go in, newest first and whole; the oldest {left} stay in the file, never deleted"
        ),
    };
    rows.extend(labelled("injected", 10, (Role::Fg, &words), width));
    rows.push(Row::blank());
    let rules = "«## Standing rules» always goes in";
    rows.extend(labelled("", 10, (Role::Muted, rules), width));
    rows
}
