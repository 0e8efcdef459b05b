//! ```text
//! ┬ change the verdict ──────────────────────────────────────
//! │ ▌ ✗ no    every claim carries a source
//! │           because  ¶5 cites nothing
//! │   save the change
//! ```

use crate::tui::app::form::{Body, Cap, Form, Line};
use crate::tui::layout::{self, Region};
use crate::tui::paint::Canvas;
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures};

/// Draws a form.
pub fn draw(canvas: &mut Canvas<'_>, form: &Form, region: Region) {
    let title = match &form.body {
        Body::Verdict { .. } => "change the verdict",
        Body::Raise { .. } => "raise the cap for this run",
        Body::Files(_) => "which file do you want to edit?",
        Body::Sources(_) => "edit the loop's files, then have them read again",
    };
    canvas.rule(region.title, &Row::of(Role::TitleFocus, title));
    let area = layout::inner(region.body);
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let rows = lines(form);
    let skip = (form.row + 1).saturating_sub(height);
    let rows: Vec<Row> = rows
        .into_iter()
        .enumerate()
        .skip(skip)
        .map(|(i, row)| {
            let mark = if i == form.row { "▌ " } else { "  " };
            let mut out = Row::of(Role::Accent, mark);
            out.spans.extend(row.spans);
            out.cut(width)
        })
        .collect();
    canvas.rows(area, &rows);
    let keys = match &form.body {
        Body::Verdict { .. } => {
            "l turns a line over · Enter types or saves · Esc leaves everything as it was"
        }
        Body::Raise { .. } => {
            "l raises, h lowers · Enter on the last row sends · Esc leaves everything as it was"
        }
        Body::Files(_) | Body::Sources(_) => {
            "Enter opens · E in your own editor · Esc leaves everything as it was"
        }
    };
    if height > form.rows() + 1 {
        let below = ratatui::layout::Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        canvas.row(below, &Row::of(Role::Muted, keys).cut(width));
    }
}

/// One row per value, in the order in which `j` and `k` walk them.
fn lines(form: &Form) -> Vec<Row> {
    match &form.body {
        Body::Verdict {
            lines,
            note,
            feedback,
        } => {
            let mut rows: Vec<Row> = lines.iter().flat_map(judged).collect();
            rows.push(pair("note", note));
            rows.push(pair("feedback", feedback));
            rows.push(Row::of(
                Role::Fg,
                "save these changes: the verdict is shown again under a new digest",
            ));
            rows
        }
        Body::Raise { caps } => {
            let mut rows: Vec<Row> = caps.iter().map(cap).collect();
            rows.push(Row::of(
                Role::Fg,
                "raise: the run goes on under the new cap",
            ));
            rows
        }
        Body::Files(files) => files.iter().map(|f| Row::of(Role::Fg, f)).collect(),
        Body::Sources(files) => {
            let mut rows: Vec<Row> = files.iter().map(|f| Row::of(Role::Fg, f)).collect();
            rows.push(Row::of(Role::Fg, "read them again and go on"));
            for line in [
                "goal, skill and memory are read again in this run;",
                "changed checks, judge and limits count from the next",
            ] {
                rows.push(Row::of(Role::Muted, line));
            }
            rows
        }
    }
}

fn judged(line: &Line) -> [Row; 2] {
    let (role, word) = match line.pass {
        None => (Role::NeedsYou, "· unset"),
        Some(true) => (Role::Ok, "✓ yes"),
        Some(false) => (Role::Fail, "✗ no"),
    };
    let turned = if line.pass == line.was {
        ""
    } else {
        " (changed)"
    };
    let reason = if line.reason.is_empty() {
        "–"
    } else {
        &line.reason
    };
    [
        Row::of(role, word)
            .to(10)
            .with(Role::Fg, &line.line)
            .with(Role::Accent, turned),
        Row::blank()
            .to(10)
            .with(Role::Muted, "because  ")
            .with(Role::Fg, reason),
    ]
}

fn pair(label: &str, (before, now): &(String, String)) -> Row {
    let changed = if before == now { "" } else { " (changed)" };
    let shown = if now.is_empty() { "–" } else { now };
    Row::of(Role::Muted, label)
        .to(10)
        .with(Role::Fg, shown.replace('\n', " ⏎ "))
        .with(Role::Accent, changed)
}

fn cap((cap, was, now): &(Cap, u64, u64)) -> Row {
    let (label, text): (&str, fn(u64) -> String) = match cap {
        Cap::Tokens => ("tokens", figures::thousands),
        Cap::Minutes => ("minutes", figures::thousands),
        Cap::MicroUsd => ("money", figures::dollars),
    };
    let row = Row::of(Role::Muted, label)
        .to(10)
        .with(Role::Fg, text(*was));
    if now > was {
        row.with(Role::Accent, format!(" → {}", text(*now)))
    } else {
        row
    }
}
