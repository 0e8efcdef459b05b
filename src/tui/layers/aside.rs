//! ```text
//! ─ why you are asked ─────────────┤
//!  training asks at every step.    │
//! ─ this run ──────────────────────┤
//!  run 14 · iteration 2 of 5       │
//! ─ next waiting ──────────────────┤
//! ```

use crate::tui::app::App;
use crate::tui::paint;
use crate::tui::panes::transcript;
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, paragraph};

/// What stands below the loop list while the pages of a run are open.
pub(crate) fn rows(app: &App, width: usize) -> Vec<Row> {
    let mut out = Vec::new();
    let mut section = |title: &str, body: Vec<Row>| {
        out.push(paint::rule(&Row::of(Role::Title, title), width, true));
        out.extend(body);
        out.push(Row::blank());
    };
    let room = width.saturating_sub(1);
    if let Some(question) = app.question() {
        let mut body = vec![Row::blank()];
        for (i, text) in super::asks::why(&question).iter().enumerate() {
            if i > 0 {
                body.push(Row::blank());
            }
            body.extend(paragraph(Role::Fg, " ", text, room));
        }
        section("why you are asked", body);
    }
    if let Some(run) = app.shown_run() {
        let at = format!(
            " run {} · iteration {} of {}",
            run.number(),
            run.now(),
            run.max_iterations()
        );
        let mut marks = Row::of(Role::Fg, " ");
        marks.spans.extend(transcript::marks_of(run).spans);
        let mut body = vec![
            Row::blank(),
            Row::of(Role::Fg, at),
            marks.cut(room),
            Row::blank(),
        ];
        if let Some(meter) = &run.meter {
            let (used, cap) = (meter.used(), meter.cap());
            let tokens = format!(
                " {} of {} tok",
                figures::tokens(used).trim_end_matches(" tok"),
                figures::short(cap.tokens)
            );
            let money = match cap.micro_usd {
                Some(cap) => format!(
                    " {} of {}",
                    figures::money(used.micro_usd),
                    figures::dollars(cap)
                ),
                None => format!(" {}, no cap", figures::money(used.micro_usd)),
            };
            let time = format!(" {} of {}m", figures::took(meter.worked_ms()), cap.minutes);
            body.extend([tokens, money, time].map(|t| Row::of(Role::Fg, t)));
        }
        section("this run", body);
    }
    let waiting = app.world.waiting();
    let at = waiting
        .iter()
        .position(|(run, ..)| Some(&run.id) == app.pages_run());
    if let Some(at) = at {
        section(
            "next waiting",
            vec![Row::of(
                Role::Fg,
                format!(" {} of {}", at + 1, waiting.len()),
            )],
        );
    }
    out
}
