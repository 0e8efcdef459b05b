//! ```text
//! ─ runs · newest at the right · one mark per run · height is tokens ─────────
//!  research-and-draft     ✓▃ ✗▇ ✓▃ ✎▅ ✓▂ ◆▂                        training
//! ```

use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::layout::Region;
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{self, Row, figures};

const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Draws the run band: one line per loop, one mark per run that is known.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let title = Row::of(
        Role::Title,
        "runs · newest at the right · one mark per run · height is tokens",
    );
    let width = usize::from(region.title.width);
    canvas.row(region.title, &paint::rule(&title, width, true));
    let most = app.world.runs.values().map(used).max().unwrap_or(0).max(1);
    let rows: Vec<Row> = app
        .names()
        .into_iter()
        .map(|name| {
            let mut runs = app.world.runs_of(name);
            runs.truncate((width.saturating_sub(50)) / 3);
            let mut row = Row::of(Role::Fg, format!(" {}", text::cut(name, 22))).to(25);
            for run in runs.iter().rev() {
                let (mark, _) = marks::phase(run);
                row = row
                    .with(mark.0, mark.1)
                    .with(Role::Muted, bar(used(run), most))
                    .with(Role::Fg, " ");
            }
            let mode = app.world.facts(name).map_or("", |f| f.mode.word());
            row.right(width.saturating_sub(1), Role::Muted, mode)
        })
        .collect();
    canvas.rows(region.body, &rows);
}

fn used(run: &Run) -> u64 {
    run.meter.as_ref().map_or(0, |m| m.used().tokens)
}

/// A block whose height is a share of the most.
pub(crate) fn bar(value: u64, most: u64) -> &'static str {
    let step = value.saturating_mul(8).div_ceil(most.max(1)).clamp(1, 8) - 1;
    usize::try_from(step)
        .ok()
        .and_then(|i| HEIGHTS.get(i))
        .copied()
        .unwrap_or("▁")
}

/// Check × iteration: is it converging? Marks first, then the figures.
pub(crate) fn matrix(run: &Run, width: usize) -> Vec<Row> {
    let iterations = &run.iterations;
    let mut names: Vec<&str> = Vec::new();
    for check in iterations
        .iter()
        .filter_map(|i| i.verdict.as_ref())
        .flat_map(|v| &v.checks)
    {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
    }
    let label = |text: &str| Row::of(Role::Fg, text::cut(text, 16)).to(17);
    let mut head = Row::of(Role::Muted, "check").to(17);
    for number in 1..=iterations.len() {
        head = head.with(Role::Muted, format!("{number:<3}"));
    }
    let mut out = vec![head];
    for name in names {
        let results = iterations.iter().map(|i| {
            let checks = i.verdict.as_ref().map_or(&[][..], |v| &v.checks);
            checks.iter().find(|c| c.name == name)
        });
        let mut row = label(name);
        let mut figures = Row::blank();
        for result in results {
            let mark = result.map_or(marks::NOT_YET, marks::check);
            row = row.with(mark.0, format!("{}  ", mark.1));
            let figure = result.map_or(String::new(), marks::figure);
            figures = figures.with(Role::Muted, format!("{:>7}", text::cut(&figure, 6)));
        }
        row.spans.extend(figures.spans);
        out.push(row.cut(width));
    }
    let judged = iterations
        .iter()
        .filter_map(|i| i.verdict.as_ref())
        .any(|v| marks::judge(&v.judgement).is_some());
    if judged {
        let mut row = label("judge");
        for it in iterations {
            let mark = it.verdict.as_ref().and_then(|v| marks::judge(&v.judgement));
            let mark = mark.map_or(marks::NOT_YET, |(mark, _)| mark);
            row = row.with(mark.0, format!("{}  ", mark.1));
        }
        out.push(row.cut(width));
    }
    let pad = iterations.len() * 3;
    out.push(numbers(
        label("changed lines").to(17 + pad),
        iterations.iter().map(|i| {
            let (added, removed) = i.work.as_ref().map_or((0, 0), crate::run::Work::size);
            (added + removed).to_string()
        }),
        width,
    ));
    out.push(numbers(
        label("tokens").to(17 + pad),
        iterations.iter().map(|i| figures::short(i.tokens)),
        width,
    ));
    out
}

fn numbers(label: Row, values: impl Iterator<Item = String>, width: usize) -> Row {
    values
        .fold(label, |row, value| {
            row.with(Role::Muted, format!("{value:>7}"))
        })
        .cut(width)
}
