//! ```text
//!  checkride 6 loops · 1 running · 1 needs you              today 48.2k tok  $0.41  14:07
//! ```

use ratatui::layout::Rect;

use crate::protocol::{DayCaps, RunId};
use crate::run::Usage;
use crate::tui::app::App;
use crate::tui::paint::Canvas;
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures};

/// Draws the first line.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, area: Rect) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let mut left = Row::of(Role::TitleFocus, " checkride ");
    left = if app.world.parted {
        left.with(Role::NeedsYou, "no host runs: all here is as it was")
    } else if !app.world.attached {
        left.with(Role::Muted, "connecting to the host …")
    } else if app.nothing_here() {
        return canvas.row(
            area,
            &left.right(width.saturating_sub(1), Role::Muted, "first run"),
        );
    } else {
        counts(app, left)
    };
    let mut right = today(app, width);
    // Who needs you goes before what was spent.
    if left.width() + right.width() + 2 > width {
        right = Row::of(Role::Muted, app.now.hm());
    }
    let room = width.saturating_sub(right.width() + 1);
    let mut row = left.cut(room.saturating_sub(1)).to(room);
    row.spans.extend(right.spans);
    canvas.row(area, &row);
}

fn counts(app: &App, left: Row) -> Row {
    let loops = figures::count(app.world.loops.len(), "loop");
    let waiting = app.world.waiting().len();
    let unexamined = app.world.is_unexamined();
    let under_way = if unexamined {
        // What the last host left under way may be over, or may be about to ask.
        "looking".to_owned()
    } else {
        format!("{} running", app.world.running())
    };
    let left = if app.manner.read_only {
        left.with(Role::Accent, "read-only · ")
    } else {
        left
    };
    let left = left.with(Role::Fg, format!("{loops} · {under_way} · "));
    match waiting {
        0 if unexamined => left.with(Role::Muted, "the host has just begun"),
        0 => left.with(Role::Muted, "nothing needs you"),
        1 => left.with(Role::NeedsYou, "1 needs you"),
        n => left.with(Role::NeedsYou, format!("{n} need you")),
    }
}

/// What was used since midnight, and the time of this frame: the list tells of the runs before the
/// newest that it names, that one and all after it tell it themselves.
fn today(app: &App, width: usize) -> Row {
    let runs = &app.world.runs;
    let told_here = |run: &RunId| {
        let Some((name, number)) = run.split() else {
            return true;
        };
        let row = app.world.row(name).and_then(|row| row.last_run.as_ref());
        row.and_then(RunId::split)
            .is_none_or(|(_, last)| number >= last)
    };
    let told = runs
        .values()
        .filter(|r| told_here(&r.id))
        .filter(|r| app.now.at(r.at).day() == app.now.day())
        .filter_map(|r| r.meter.as_ref())
        .fold(Usage::default(), |sum, meter| sum.plus(meter.used()));
    let used = app
        .world
        .loops
        .iter()
        .fold(told, |sum, row| sum.plus(row.earlier_today));
    let mut row = Row::blank();
    // Before it has looked the host does not tell of earlier runs: a part is no sum.
    let caps = app.world.caps;
    let says = used != Usage::default() || caps != DayCaps::default();
    if says && !app.world.is_unexamined() {
        let money = if used == Usage::default() {
            figures::dollars(0)
        } else {
            figures::money(used)
        };
        let money = match caps.micro_usd.map(figures::dollars) {
            Some(cap) => format!("{money} of {cap}"),
            None => money,
        };
        row = if width < 100 {
            row.with(Role::Muted, format!("{money} today  "))
        } else {
            let tokens = figures::tokens(used);
            let tokens = match caps.tokens {
                Some(cap) => format!(
                    "{} of {} tok",
                    tokens.trim_end_matches(" tok"),
                    figures::short(cap)
                ),
                None => tokens,
            };
            row.with(Role::Muted, "today ")
                .with(Role::Fg, format!("{tokens}  {money}  "))
        };
    }
    if width >= 160 {
        row = row.with(Role::Muted, format!("{}  ", app.now.weekday_day()));
    }
    row.with(Role::Muted, app.now.hm())
}
