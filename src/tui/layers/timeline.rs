//! ```text
//! ─ timeline · research-and-draft ────────────────────── 14 runs · 11 reached the goal ─
//!   run  woke          by        verdicts you         time     tok      $        ended
//!  ▌13   Fri 12 07:00  schedule  ✗✗✓      aaeaa      8m02s   31.0k   0.24  published
//! ─ run 13 · what converged ────────────────────────────────────────────────────────────
//! ```

use ratatui::layout::Rect;

use crate::run::Answer;
use crate::tui::app::runs::{Phase, Run, Taken};
use crate::tui::app::{App, Timeline};
use crate::tui::layout::Region;
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::panes::{runs, verdict};
use crate::tui::styles::Role;
use crate::tui::text::{Row, cut, figures};

/// Draws the runs of a loop and what converged in the chosen one.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, timeline: &Timeline, region: Region) {
    let runs = app.runs_in(timeline);
    let met = runs
        .iter()
        .filter(|r| r.outcome().is_some_and(crate::run::Outcome::goal_met))
        .count();
    let figure = format!(
        "{} · {met} reached the goal",
        figures::count(runs.len(), "run")
    );
    let width = usize::from(region.title.width.min(120));
    let mut title = Row::of(Role::TitleFocus, format!("timeline · {}", timeline.name));
    if !timeline.filter.is_empty() {
        title = title.with(Role::Accent, format!(" · / {}", timeline.filter));
    }
    canvas.rule(region.title, &paint::rule_with(title, &figure, width));
    let height = usize::from(region.body.height);
    let room = (height / 3).max(2).min(runs.len() + 2).min(height);
    let mut rows = vec![head(width)];
    let skip = (timeline.chosen + 2).saturating_sub(room);
    let shown = runs
        .iter()
        .enumerate()
        .skip(skip)
        .take(room.saturating_sub(1));
    rows.extend(shown.map(|(i, run)| one(app, run, i == timeline.chosen, width)));
    if runs.is_empty() {
        let known = app.world.history.contains_key(&timeline.name);
        let text = if known && !timeline.filter.is_empty() {
            " no run that is known matches; Esc shows all"
        } else if known {
            " this loop has not run yet; s starts it"
        } else {
            " reading …"
        };
        rows.push(Row::of(Role::Muted, text));
    }
    canvas.rows(region.body, &rows);
    let below = Rect {
        y: region.body.y + u16::try_from(room).unwrap_or(0),
        height: region.body.height - u16::try_from(room).unwrap_or(0),
        ..region.body
    };
    if let Some(run) = runs.get(timeline.chosen) {
        canvas.rows(below, &detail(app, run, timeline, width));
    }
}

/// Below this width the string of decisions gives way.
const NARROW: usize = 70;

fn head(width: usize) -> Row {
    let text = if width >= 100 {
        "  run  woke          by          verdicts  you           time      tok         $  ended"
    } else if width >= NARROW {
        " run  woke          verdicts  you           tok         $  ended"
    } else {
        " run  woke          verdicts     tok         $"
    };
    Row::of(Role::Muted, text).cut(width)
}

fn one(app: &App, run: &Run, chosen: bool, width: usize) -> Row {
    let wide = width >= 100;
    let when = app.now.at(run.at);
    let mark = if chosen { "▌" } else { " " };
    let role = if chosen { Role::TitleFocus } else { Role::Fg };
    let lead = if wide { " " } else { "" };
    let mut row = Row::of(Role::Fg, lead)
        .with(Role::Accent, mark)
        .with(role, format!("{:<5}", run.number()))
        .with(
            Role::Muted,
            format!("{} {}  ", when.weekday_day(), when.hm()),
        );
    if wide {
        let by = run.wake.as_ref().map_or("", |w| w.by.as_str());
        row = row.with(Role::Muted, format!("{:<12}", cut(by, 11)));
    }
    let start = row.width();
    for it in 1..=run.now().min(9) {
        let mark = marks::iteration(run, it);
        row = row.with(mark.0, mark.1);
    }
    row = row.to(start + 10);
    if width >= NARROW {
        row = row
            .with(Role::Fg, cut(&answers(&run.decisions), 12))
            .to(start + 23);
    }
    if let Some(meter) = &run.meter {
        let used = meter.used();
        if wide {
            row = row.with(
                Role::Muted,
                format!("{:>6}", figures::took(meter.worked_ms())),
            );
        }
        let tokens = figures::tokens(used);
        row = row
            .with(Role::Fg, format!("{:>8}", tokens.trim_end_matches(" tok")))
            .with(Role::Fg, format!("{:>10}", figures::money(used)));
    }
    row.with(Role::Fg, "  ")
        .with(Role::Muted, end(run))
        .cut(width)
}

/// The string of decisions: a approve, e edit, r retry, x abort; one that was taken back in brackets.
fn answers(decisions: &[Taken]) -> String {
    decisions
        .iter()
        .map(|d| {
            let letter = match d.answer {
                Answer::Approve => "a",
                Answer::Edit => "e",
                Answer::Retry => "r",
                Answer::Abort => "x",
            };
            if d.undone {
                format!("({letter})")
            } else {
                letter.to_owned()
            }
        })
        .collect()
}

/// The words that a filter of runs looks at: number, what woke it, how it stands.
pub(crate) fn words(run: &Run) -> String {
    let by = run.wake.as_ref().map_or("", |w| w.by.as_str());
    format!("{} {by} {}", run.number(), end(run))
}

fn end(run: &Run) -> String {
    match &run.phase {
        Phase::Asking(..) => "waiting for you".to_owned(),
        Phase::Ended(crate::run::Outcome::CannotVerify(why), _) => format!("cannot verify: {why}"),
        Phase::Queued
        | Phase::Busy(..)
        | Phase::Held(_)
        | Phase::Paused(_)
        | Phase::Stopping
        | Phase::Ended(..) => {
            let place = run
                .receipt
                .as_ref()
                .map_or(String::new(), |r| format!(" {}", r.place));
            format!("{}{place}", marks::phase(run).1)
        }
    }
}

fn detail(app: &App, run: &Run, timeline: &Timeline, width: usize) -> Vec<Row> {
    let title = format!("run {} · what converged", run.number());
    let mut rows = vec![
        paint::rule(&Row::of(Role::Title, title), width, true),
        Row::blank(),
    ];
    let pad = |row: Row| {
        let mut out = Row::of(Role::Fg, " ");
        out.spans.extend(row.spans);
        out
    };
    let half = if width >= 100 { 58 } else { width };
    let matrix = runs::matrix(run, half.saturating_sub(2))
        .into_iter()
        .map(pad)
        .collect::<Vec<_>>();
    let decided = decisions(app, run);
    if width >= 100 {
        for i in 0..matrix.len().max(decided.len()) {
            let mut row = matrix.get(i).cloned().unwrap_or_default().to(half);
            row.spans
                .extend(decided.get(i).cloned().unwrap_or_default().spans);
            rows.push(row.cut(width));
        }
    } else {
        rows.extend(matrix);
        rows.push(pad(restore_points(run, timeline)).cut(width));
        rows.push(Row::blank());
        rows.extend(decided.into_iter().map(pad).map(|r| r.cut(width)));
    }
    if width >= 100 {
        rows.push(Row::blank());
        rows.push(pad(restore_points(run, timeline)).cut(width));
    }
    rows.extend(judged(run, timeline, width).into_iter().map(pad));
    rows.extend(remembered(run, width).into_iter().map(pad));
    rows
}

/// The verdict of the chosen iteration.
fn judged(run: &Run, timeline: &Timeline, width: usize) -> Vec<Row> {
    let chosen = match timeline.iteration {
        0 => run.verdict(),
        n => {
            let iteration = run.iterations.get(n - 1);
            iteration.and_then(|i| Some((n, i.verdict.as_ref()?)))
        }
    };
    let Some((number, ruled)) = chosen else {
        return Vec::new();
    };
    let title = format!("verdict of iteration {number}");
    let mut rows = vec![
        Row::blank(),
        Row::of(Role::Muted, title),
        verdict::word(ruled),
    ];
    rows.extend(verdict::findings(ruled, width.saturating_sub(2)));
    rows
}

/// The notes that the run left in memory.
fn remembered(run: &Run, width: usize) -> Vec<Row> {
    let notes = run.iterations.iter().filter_map(|i| i.note.as_deref());
    let notes: Vec<Row> = notes
        .flat_map(str::lines)
        .map(|n| Row::of(Role::Add, format!("+ {n}")).cut(width.saturating_sub(1)))
        .collect();
    if notes.is_empty() {
        return notes;
    }
    let mut rows = vec![Row::blank(), Row::of(Role::Muted, "memory written")];
    rows.extend(notes);
    rows
}

fn decisions(app: &App, run: &Run) -> Vec<Row> {
    let mut rows = vec![Row::of(Role::Muted, "decisions")];
    for taken in &run.decisions {
        let undone = if taken.undone { " (taken back)" } else { "" };
        rows.push(
            Row::of(Role::Muted, format!("{}  ", app.now.at(taken.at).hms()))
                .with(
                    Role::Fg,
                    format!(
                        "{:<14}",
                        cut(&format!("{} {}", taken.kind, taken.iteration), 13)
                    ),
                )
                .with(Role::Fg, format!("{:<9}", taken.answer.past()))
                .with(
                    Role::Muted,
                    format!(
                        "{:>6}  {}{undone}",
                        figures::waiting(taken.waited),
                        taken.by
                    ),
                ),
        );
    }
    rows
}

fn restore_points(run: &Run, timeline: &Timeline) -> Row {
    let chosen = if timeline.iteration == 0 {
        run.now()
    } else {
        timeline.iteration
    };
    let mut row = Row::of(Role::Muted, "restore points  ");
    for number in 1..=run.now() {
        let (mark, role) = if number == chosen {
            ("●", Role::Accent)
        } else {
            ("○", Role::Muted)
        };
        row = row.with(role, format!("{mark} before {number}  "));
    }
    let back = run.put_back_before().and_then(|n| usize::try_from(n).ok());
    let does = if back == Some(chosen) {
        "the files stand there, u takes that back"
    } else {
        "[ ] choose, u puts the workspace back"
    };
    row.with(Role::Muted, does)
}
