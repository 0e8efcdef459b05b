//! ```text
//! ─ runs · newest at the right · one mark per run · height is tokens ─────────
//!  research-and-draft     ✓▃ ✗▇ ✓▃ ✎▅ ✓▂ ◆▂                        training
//! ```

use crate::tui::app::App;
use crate::tui::app::runs::{Iteration, Run};
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
    let mut head = Row::of(Role::Muted, "check").to(NAMES);
    for number in 1..=iterations.len() {
        head = head.with(Role::Muted, format!("{number:<3}"));
    }
    let mut out = vec![head];
    out.extend(
        names(run)
            .into_iter()
            .map(|name| one_check(iterations, name)),
    );
    let judges: Vec<_> = iterations
        .iter()
        .map(|i| marks::judge(&i.verdict.as_ref()?.judgement))
        .collect();
    if judges.iter().any(Option::is_some) {
        let row = judges.iter().fold(label("judge"), |row, judge| {
            let (role, mark) = judge.as_ref().map_or(marks::NOT_YET, |(mark, _)| *mark);
            row.with(role, format!("{mark}  "))
        });
        out.push(row);
    }
    let pad = NAMES + iterations.len() * 3;
    let size = |i: &Iteration| i.work.as_ref().map_or((0, 0), crate::run::Work::size);
    let changed = iterations
        .iter()
        .map(size)
        .map(|(a, r)| (a + r).to_string());
    out.push(numbers(label("changed lines").to(pad), changed));
    let tokens = iterations.iter().map(|i| figures::short(i.tokens));
    out.push(numbers(label("tokens").to(pad), tokens));
    out.into_iter().map(|row| row.cut(width)).collect()
}

/// Columns for the names of checks.
const NAMES: usize = 17;

fn label(text: &str) -> Row {
    Row::of(Role::Fg, text::cut(text, NAMES - 1)).to(NAMES)
}

/// The names of all checks that a run's verdicts know, in order.
fn names(run: &Run) -> Vec<&str> {
    let verdicts = run.iterations.iter().filter_map(|i| i.verdict.as_ref());
    let mut names: Vec<&str> = Vec::new();
    for check in verdicts.flat_map(|v| &v.checks) {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
    }
    names
}

fn one_check(iterations: &[Iteration], name: &str) -> Row {
    let mut row = label(name);
    let mut figures = Row::blank();
    for iteration in iterations {
        let checks = iteration.verdict.as_ref().map_or(&[][..], |v| &v.checks);
        let result = checks.iter().find(|c| c.name == name);
        let (role, mark) = result.map_or(marks::NOT_YET, marks::check);
        row = row.with(role, format!("{mark}  "));
        let figure = result.map_or(String::new(), marks::figure);
        figures = figures.with(Role::Muted, format!("{:>7}", text::cut(&figure, 6)));
    }
    row.spans.extend(figures.spans);
    row
}

fn numbers(label: Row, values: impl Iterator<Item = String>) -> Row {
    values.fold(label, |row, value| {
        row.with(Role::Muted, format!("{value:>7}"))
    })
}
