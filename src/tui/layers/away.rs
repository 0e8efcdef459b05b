//! ```text
//! ─ while you were away · since Fri 14:02 ────────────── b or Esc closes ─
//!  2 runs ended · 1 waits · 31.0k tok · $0.41
//!  waits for you
//!  ◆ tidy-4           verdict                               asked 36m ago
//! ```

use crate::protocol::away::Flown;
use crate::protocol::{Away, Waking};
use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::layout::{self, Region};
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, labelled, waking};

/// Draws what happened while nobody was here.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let since = app.away.as_ref().map_or(0, |away| away.since);
    let title = format!(
        "while you were away · since {}",
        waking::when(since, app.now)
    );
    let title = Row::of(Role::TitleFocus, title);
    let width = usize::from(region.title.width);
    canvas.rule(
        region.title,
        &paint::rule_with(title, "b or Esc closes", width),
    );
    canvas.rows(layout::inner(region.body), &super::visible(app));
}

/// The text of the layer. What waits is told as it stands now: it may have been answered since.
pub(crate) fn rows(app: &App, width: usize) -> Vec<Row> {
    let Some(away) = &app.away else {
        return vec![Row::of(Role::Muted, "nothing is known of it")];
    };
    let mut rows = vec![summary(app, away)];
    heading(&mut rows, "waits for you");
    let waiting = app.world.waiting();
    for (run, checkpoint, since) in &waiting {
        let row = Row::of(Role::NeedsYou, marks::ASKS.1)
            .with(Role::Fg, format!(" {}", run.id))
            .to(NAMES)
            .with(Role::Fg, checkpoint.ask.kind());
        let asked = format!(
            "asked {} ago",
            figures::waiting((app.now.ms - since).max(0))
        );
        rows.push(row.right(width, Role::Muted, asked));
    }
    for (name, at) in &away.expired {
        let since = waking::when(*at, app.now);
        let why = format!("{name}: {}", Waking::expired(Some(&since), "u at its row"));
        rows.extend(labelled("▲", 2, (Role::NeedsYou, &why), width));
    }
    if waiting.is_empty() && away.expired.is_empty() {
        rows.push(Row::of(Role::Muted, "nothing"));
    }
    if !away.runs.is_empty() {
        heading(&mut rows, "what ran");
        rows.extend(away.runs.iter().map(|flown| ran(app, flown, width)));
    }
    if !away.lapses.is_empty() {
        heading(&mut rows, "what should have run and did not");
    }
    for (name, lapse) in &away.lapses {
        let line = format!("{name}: {}", waking::missed(lapse, app.now));
        rows.extend(labelled("▲", 2, (Role::Warn, &line), width));
    }
    rows.extend(wakes_next(app));
    rows
}

/// Where what became of something begins.
const NAMES: usize = 30;

fn heading(rows: &mut Vec<Row>, text: &str) {
    rows.push(Row::blank());
    rows.push(Row::of(Role::TitleFocus, text));
}

/// `2 runs ended · 1 waits · 31.0k tok · $0.41`
fn summary(app: &App, away: &Away) -> Row {
    let ended = figures::count(away.ended(), "run");
    let waits = match app.world.waiting().len() {
        0 => "nothing waits".to_owned(),
        1 => "1 waits".to_owned(),
        n => format!("{n} wait"),
    };
    let spent = figures::spent(away.spent);
    Row::of(Role::Fg, format!("{ended} ended · {waits} · {spent}"))
}

/// One run: how it ended and when, or where it stands now, and what it cost meanwhile.
fn ran(app: &App, flown: &Flown, width: usize) -> Row {
    let now = app.world.runs.get(&flown.run);
    let (mark, word) = match (&flown.outcome, now) {
        (Some(outcome), _) => marks::end_mark(outcome),
        (None, Some(run)) if run.seq > 0 => marks::phase(run),
        (None, _) => (marks::RUNS, "goes on"),
    };
    let at = now.filter(|run| flown.outcome.is_none() && !run.active());
    let at = at.and_then(Run::ended_at).unwrap_or(flown.at);
    let row = Row::of(mark.0, mark.1)
        .with(Role::Fg, format!(" {}", flown.run))
        .to(NAMES)
        .with(Role::Fg, format!("{word} {}", waking::when(at, app.now)));
    row.right(width, Role::Muted, figures::spent(flown.spent))
}

/// The loop that wakes next by itself, if its time is known.
fn wakes_next(app: &App) -> Vec<Row> {
    let names = app.world.loops.iter().map(|row| row.name.as_str());
    let wakes = names.filter_map(|name| {
        let next = app.world.facts(name)?.waking.next()?;
        Some((next, name))
    });
    let Some((at, name)) = wakes.min() else {
        return Vec::new();
    };
    let words = format!("next to wake: {name}, {}", waking::when(at, app.now));
    vec![Row::blank(), Row::of(Role::Muted, words)]
}
