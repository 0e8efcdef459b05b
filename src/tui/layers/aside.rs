//! ```text
//! ─ why you are asked ─────────────┤
//!  training asks at every step.    │
//! ─ this run ──────────────────────┤
//!  run 14 · iteration 2 of 5       │
//! ─ next waiting ──────────────────┤
//! ```

use super::asks;
use crate::tui::app::App;
use crate::tui::paint;
use crate::tui::panes::transcript;
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, paragraph};

/// What stands below the loop list while the pages of a run are open.
pub(crate) fn rows(app: &App, width: usize) -> Vec<Row> {
    let room = width.saturating_sub(1);
    let sections = [
        ("why you are asked", why(app, room)),
        ("this run", this_run(app, room)),
        ("next waiting", next(app)),
    ];
    let mut out = Vec::new();
    for (title, body) in sections {
        if !body.is_empty() {
            out.push(paint::rule(&Row::of(Role::Title, title), width, true));
            out.extend(body);
            out.push(Row::blank());
        }
    }
    out
}

fn why(app: &App, room: usize) -> Vec<Row> {
    let Some(question) = app.question() else {
        return Vec::new();
    };
    asks::why(&question)
        .iter()
        .flat_map(|text| {
            let mut rows = vec![Row::blank()];
            rows.extend(paragraph(Role::Fg, " ", text, room));
            rows
        })
        .collect()
}

fn this_run(app: &App, room: usize) -> Vec<Row> {
    let Some(run) = app.shown_run() else {
        return Vec::new();
    };
    let (number, now, max) = (run.number(), run.now(), run.max_iterations());
    let mut marks = Row::of(Role::Fg, " ");
    marks.spans.extend(transcript::marks_of(run).spans);
    let mut rows = vec![
        Row::blank(),
        Row::of(
            Role::Fg,
            format!(" run {number} · iteration {now} of {max}"),
        ),
        marks.cut(room),
        Row::blank(),
    ];
    if let Some(meter) = &run.meter {
        let (used, cap) = (meter.used(), meter.cap());
        let tokens = figures::tokens(used);
        let tokens = tokens.trim_end_matches(" tok");
        let money = figures::money(used);
        let lines = [
            format!(" {tokens} of {} tok", figures::short(cap.tokens)),
            match cap.micro_usd {
                Some(cap) => format!(" {money} of {}", figures::dollars(cap)),
                None => format!(" {money}, no cap"),
            },
            format!(" {} of {}m", figures::took(meter.worked_ms()), cap.minutes),
        ];
        rows.extend(lines.map(|line| Row::of(Role::Fg, line)));
    }
    rows
}

fn next(app: &App) -> Vec<Row> {
    let waiting = app.world.waiting();
    let at = waiting
        .iter()
        .position(|(run, ..)| Some(&run.id) == app.pages_run());
    at.map(|at| Row::of(Role::Fg, format!(" {} of {}", at + 1, waiting.len())))
        .into_iter()
        .collect()
}
