//! ```text
//! ─ runs · last 14 days, as far as they are known · one mark per run ─────────
//!                        Thu 11     Fri 12
//!  research-and-draft    ✓▃         ✗▇ ◆▂                          training
//! ```

use crate::tui::app::App;
use crate::tui::app::runs::{Iteration, Run};
use crate::tui::layout::Region;
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{self, Row, figures};

const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Days that the band shows.
const DAYS: i64 = 14;
/// Columns before the first day.
const BEFORE: usize = 24;
/// Columns behind the last day.
const BEHIND: usize = 12;

/// Draws the run band: one line per loop, one column per day, one mark per run that is known.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let title = Row::of(
        Role::Title,
        "runs · last 14 days, as far as they are known · one mark per run · height is tokens",
    );
    let width = usize::from(region.title.width);
    canvas.row(region.title, &paint::rule(&title, width, true));
    let today = app.now.day();
    let days: Vec<i64> = (today - DAYS + 1..=today).collect();
    let column = width.saturating_sub(BEFORE + BEHIND) / days.len().max(1);
    let most = app.world.runs.values().map(used).max().unwrap_or(0).max(1);
    let mut rows = vec![heads(app, column)];
    rows.extend(app.names().into_iter().map(|name| {
        let mut row = Row::of(Role::Fg, format!(" {}", text::cut(name, BEFORE - 3))).to(BEFORE);
        for (i, day) in days.iter().enumerate() {
            row.spans
                .extend(of_day(app, name, *day, (column, most)).spans);
            row = row.to(BEFORE + (i + 1) * column);
        }
        let mode = app.world.facts(name).map_or("", |f| f.mode.word());
        row.right(width.saturating_sub(1), Role::Muted, mode)
    }));
    let sums = days.iter().enumerate().fold(
        Row::of(Role::Muted, " tok per day").to(BEFORE),
        |row, (i, day)| {
            let on_day = app
                .world
                .runs
                .values()
                .filter(|r| app.now.at(r.at).day() == *day);
            let sum = match on_day.map(used).sum() {
                0 => String::new(),
                sum => figures::short(sum),
            };
            row.with(Role::Muted, sum).to(BEFORE + (i + 1) * column)
        },
    );
    // The sums stand on the last line; loops beyond the room give way to them.
    let room = usize::from(region.body.height).saturating_sub(1);
    rows.truncate(room);
    rows.push(sums);
    canvas.rows(region.body, &rows);
}

/// The days, by name.
fn heads(app: &App, column: usize) -> Row {
    let today = app.now.ms;
    (0..DAYS)
        .rev()
        .zip(1..)
        .fold(Row::blank().to(BEFORE), |row, (back, i)| {
            let day = app.now.at(today - back * 86_400_000).weekday_day();
            row.with(Role::Muted, text::cut(&day, column))
                .to(BEFORE + i * column)
        })
}

/// The marks of one loop's runs on one day; what does not fit is counted.
fn of_day(app: &App, name: &str, day: i64, (column, most): (usize, u64)) -> Row {
    let mut runs = app.world.runs_of(name);
    runs.retain(|run| app.now.at(run.at).day() == day);
    runs.reverse();
    let fits = (column.saturating_sub(1) / 3).max(1);
    let shown = if runs.len() > fits { fits - 1 } else { fits };
    let hidden = runs.len().saturating_sub(shown);
    let mut row = Row::blank();
    if hidden > 0 {
        row = row.with(Role::Muted, format!("{:<3}", format!("+{hidden}")));
    }
    for run in runs.iter().skip(hidden) {
        let (mark, _) = marks::phase(run);
        row = row
            .with(mark.0, mark.1)
            .with(Role::Muted, bar(used(run), most))
            .with(Role::Fg, " ");
    }
    row
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
