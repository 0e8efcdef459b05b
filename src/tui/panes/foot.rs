//! ```text
//! ━ ◆ needs you · after the work, before checks · research-and-draft · iteration 2 of 5 ━━━ waiting 0:41 ━
//!   a approve → 4 checks + judge   e edit draft   r retry with a note   x stop run        digest 7f3a09bc
//!  c open checkpoint   Tab pane   z zoom   t timeline   m memory   space hold   X stop all   ? help
//! ```

use ratatui::layout::Rect;

use crate::tui::action;
use crate::tui::app::decide::{Question, open_rubric};
use crate::tui::app::dialogue::Dialogue;
use crate::tui::app::field::{Field, Leaving, Purpose};
use crate::tui::app::form::Body;
use crate::tui::app::runs::Phase;
use crate::tui::app::{App, Layer};
use crate::tui::keymap::Place;
use crate::tui::layout::Layout;
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{self, Row, figures};

use super::hints;
use crate::tui::layers::asks;

/// Most rows of a toast: what somebody else wrote into a message does not take the page away.
const SAID: usize = 4;

/// Draws the bar, the answers or one line of status, and the hints.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, at: &Layout) {
    let width = usize::from(at.answer.width);
    if width == 0 {
        return;
    }
    let (bar, loud) = bar(app, width);
    canvas.row(at.bar, &bar);
    if loud {
        canvas.fill(at.bar, Role::NeedsYou);
    }
    canvas.row(at.answer, &answer(app, width, at.hint.is_empty()));
    canvas.row(at.hint, &hints::row(app, width));
    said(canvas, app, at.bar);
}

/// A toast that the hint line cannot hold, over the rows above the bar: nothing of it is lost.
fn said(canvas: &mut Canvas<'_>, app: &App, bar: Rect) {
    let width = usize::from(bar.width);
    let Some(toast) = app.toast.as_ref().filter(|toast| !fits(toast, width)) else {
        return;
    };
    let mut rows = text::paragraph(Role::Fg, " ", toast, width);
    rows.truncate(SAID);
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(bar.y);
    let area = Rect {
        y: bar.y - height,
        height,
        ..bar
    };
    let rows: Vec<Row> = rows.into_iter().map(|row| row.to(width)).collect();
    canvas.rows(area, &rows);
}

/// Whether a toast has room in one line of this width.
pub(super) fn fits(toast: &str, width: usize) -> bool {
    text::width(toast) < width
}

/// The bar, and whether it is the loud one.
fn bar(app: &App, width: usize) -> (Row, bool) {
    let title = status_title(app);
    let typing = app.field.as_ref().is_some_and(Field::is_large);
    if typing || app.dialogue().is_some() {
        // Nothing asks over a text field or a dialogue: it waits, and the hint line says so.
        let role = if typing { Role::Muted } else { Role::Warn };
        return (paint::rule(&Row::of(role, title), width, true), false);
    }
    if app.world.parted {
        let title = Row::of(Role::Warn, "no host runs");
        return (paint::rule(&title, width, true), false);
    }
    if let Some(question) = app.question() {
        let since = figures::waiting(app.now.ms - question.since);
        let tail = format!("waiting {since}");
        let text = heading(&question, width, &tail);
        return (heavy(&text, &tail, width), true);
    }
    if let Some((run, checkpoint)) = app.next_waiting() {
        let place = asks::place(&checkpoint.ask);
        let text = format!(
            "◆ {} waiting · {} · {place}",
            app.world.waiting().len(),
            run.name()
        );
        return (heavy(&text, "", width), app.field.is_none());
    }
    (
        paint::rule(&Row::of(Role::Muted, title), width, true),
        false,
    )
}

/// What the bar says of a question: the most that fits beside the time that it waits.
fn heading(question: &Question<'_>, width: usize, tail: &str) -> String {
    let run = question.run;
    let ask = &question.checkpoint.ask;
    let (place, short) = (asks::place(ask), asks::short_place(ask));
    let iteration = format!(
        "iteration {} of {}",
        question.checkpoint.iteration,
        run.max_iterations()
    );
    let whole = match width {
        160.. => format!(
            "◆ needs you · {place} · {} · run {} · {iteration}",
            run.name(),
            run.number()
        ),
        100..160 => format!("◆ needs you · {place} · {} · {iteration}", run.name()),
        _ => format!("◆ needs you · {place} · {iteration}"),
    };
    let room = width.saturating_sub(text::width(tail) + 8);
    let ways = [
        whole,
        format!("◆ needs you · {place} · {iteration}"),
        format!("◆ needs you · {short} · {iteration}"),
        format!("◆ {short} · {iteration}"),
    ];
    let fits = ways.into_iter().find(|text| text::width(text) <= room);
    fits.unwrap_or_else(|| format!("◆ {short}"))
}

/// `━ text ━━━━━━━ tail ━`
fn heavy(text: &str, tail: &str, width: usize) -> Row {
    let tail = if tail.is_empty() || width < 40 {
        "━".to_owned()
    } else {
        format!(" {tail} ━")
    };
    let text = text::cut(text, width.saturating_sub(text::width(&tail) + 5));
    let row = Row::of(Role::Fg, format!("━ {text} "));
    let fill = width.saturating_sub(row.width() + text::width(&tail));
    row.with(Role::Fg, "━".repeat(fill))
        .with(Role::Fg, tail)
        .cut(width)
}

/// What the light bar says while nothing asks.
fn status_title(app: &App) -> String {
    match app.dialogue() {
        Some(Dialogue::Quit) => {
            return format!(
                "{} active",
                figures::count(app.world.active().count(), "run")
            );
        }
        Some(Dialogue::End) => return "leaving ends the run, and its folder goes".to_owned(),
        Some(Dialogue::Conflict { theirs, .. }) => {
            return format!("{} changed on disk while you typed", theirs.path);
        }
        Some(Dialogue::Lost(why)) => return why.clone(),
        None => {}
    }
    if let Some(field) = &app.field {
        let at = field.area.cursor();
        let changed = if field.changed() { " · changed" } else { "" };
        if !field.is_large() {
            return String::new();
        }
        return format!("line {} of {}{changed}", at.0 + 1, field.area.lines().len());
    }
    match (app.layers.is_empty(), app.run()) {
        (true, Some(run)) if run.active() => {
            let mode = run.wake.as_ref().map_or("", |w| w.mode.word());
            let held = if run.hold_asked {
                " · will hold at the next safe point"
            } else {
                ""
            };
            format!("{mode}{held}")
        }
        _ => String::new(),
    }
}

/// The answers, the field being typed, or one line of status.
fn answer(app: &App, width: usize, alone: bool) -> Row {
    if let Some(field) = app.field.as_ref().filter(|f| !f.is_large()) {
        let label = label(&field.purpose);
        return typed(app, &label, width);
    }
    if app.field.is_some() {
        return Row::of(Role::Fg, leave_words(app, width)).cut(width);
    }
    // Without a hint line the reason of a refusal has no other place.
    if let (true, Some(toast)) = (alone, &app.toast) {
        return Row::of(Role::Fg, format!(" {toast}")).cut(width);
    }
    if let Some(dialogue) = app.dialogue() {
        return dialogue_row(dialogue, width);
    }
    if app.world.parted {
        let why = "  what stands here is as it was; it goes on when `checkride` runs elsewhere";
        return Row::of(Role::Fg, why).cut(width);
    }
    match app.question() {
        Some(question) => answers(&question, width),
        None => Row::of(Role::Muted, format!("  {}", status(app))).cut(width),
    }
}

fn answers(question: &Question<'_>, width: usize) -> Row {
    let short = question.checkpoint.digest.short();
    let words = asks::answers(question, open_rubric(question) > 0);
    let row = |words: [&str; 4], gap: &str| {
        let mut row = Row::of(Role::Fg, " ");
        for (key, word) in ["a", "e", "r", "x"].into_iter().zip(words) {
            if !word.is_empty() {
                let gap = if row.spans.len() == 1 { " " } else { gap };
                row = row
                    .with(Role::Fg, gap)
                    .with(Role::Accent, key)
                    .with(Role::Fg, format!(" {word}"));
            }
        }
        row
    };
    let first = words.short.map(|w| w.split(' ').next().unwrap_or_default());
    let choices = [
        (
            row(words.long.each_ref().map(String::as_str), "   "),
            format!("digest {short}"),
        ),
        (row(words.short, "  "), short.to_owned()),
        (row(first, " "), short.to_owned()),
        (row(first, " "), String::new()),
    ];
    for (row, digest) in choices {
        if row.width() + text::width(&digest) + 3 <= width {
            return row.right(width - 1, Role::Muted, digest);
        }
    }
    let mut keys = String::new();
    for (key, word) in ["a", "e", "r", "x"].into_iter().zip(words.short) {
        if !word.is_empty() {
            keys.push_str(key);
            keys.push(' ');
        }
    }
    Row::of(Role::NeedsYou, "◆")
        .with(Role::Accent, format!(" {keys}"))
        .with(Role::Muted, short)
        .cut(width)
}

/// What goes on where nothing asks.
fn status(app: &App) -> String {
    if !app.world.attached {
        return String::new();
    }
    if let Some(Layer::Form(form)) = app.layers.last() {
        return match form.body {
            Body::Files(_) => "Enter opens the file; nothing is sent yet",
            Body::Verdict { .. } | Body::Raise { .. } | Body::Sources(_) => {
                "nothing is sent before you choose the last row"
            }
        }
        .to_owned();
    }
    if app.leaving.is_some() {
        return "leaving as soon as the host has taken it; q leaves now, any other key stays"
            .to_owned();
    }
    if let Some((run, _)) = app.next_waiting() {
        return format!("c opens what waits: {}", run.name());
    }
    match app.run().map(|run| (run, &run.phase)) {
        Some((run, Phase::Busy(step, since))) => {
            let time = figures::waiting(app.now.ms - since);
            let worker = run
                .wake
                .as_ref()
                .map_or(String::new(), |w| asks::worker(&w.spec));
            let next = asks::next(run, *step);
            format!("{} {time} · worker {worker} · {next}", marks::stage(*step))
        }
        Some((_, Phase::Held(next))) => {
            format!("held before {}; space goes on", marks::stage(*next))
        }
        Some((_, Phase::Paused(pause))) => {
            let until = figures::until(app.now, pause.until_ms);
            format!("waits for the limit until {until}; space asks again now, x stops")
        }
        Some((run, Phase::Queued)) => format!("{} waits for its turn", run.name()),
        Some((_, Phase::Stopping)) => "stopping; everything is kept".to_owned(),
        Some((_, Phase::Asking(..) | Phase::Ended(..))) | None => {
            match app.world.active().count() {
                0 => match app.name().and_then(|name| app.last_time(name)) {
                    Some(last) => format!("nothing is running. Last time: {last}"),
                    None => "nothing is running.".to_owned(),
                },
                n => format!("{} elsewhere", figures::count(n, "run")),
            }
        }
    }
}

fn label(purpose: &Purpose) -> String {
    match purpose {
        Purpose::Note(_) => "note (may be empty)".to_owned(),
        Purpose::Answer(_) => "answer".to_owned(),
        Purpose::Typed(shown) => format!("to publish, type the digest {}", shown.1.short()),
        Purpose::Plain { skill, .. } => match skill {
            Some(skill) => format!("ask once, by {skill}"),
            None => "ask once".to_owned(),
        },
        Purpose::Filter => "filter".to_owned(),
        Purpose::Search => "search".to_owned(),
        Purpose::Prompt(_) | Purpose::File(..) | Purpose::Memory(..) | Purpose::Row(_) => {
            String::new()
        }
    }
}

/// A single line being typed; the end that holds the cursor stays visible.
fn typed(app: &App, label: &str, width: usize) -> Row {
    let Some(field) = &app.field else {
        return Row::blank();
    };
    let line = field.area.lines().concat();
    let at = field.area.cursor().1;
    let before: String = line.chars().take(at).collect();
    let after: String = line.chars().skip(at + 1).collect();
    let under = line.chars().nth(at).unwrap_or(' ');
    let room = width.saturating_sub(text::width(label) + 8).max(4);
    let mut skip = 0;
    while text::width(&before[skip..]) > room {
        skip += before[skip..].chars().next().map_or(1, char::len_utf8);
    }
    Row::of(Role::Fg, "  ")
        .with(Role::Muted, label)
        .with(Role::Accent, " ▕ ")
        .with(Role::Fg, &before[skip..])
        .with(Role::Sel, under.to_string())
        .with(Role::Fg, after)
        .cut(width)
}

/// How a large field is left: the longest words that fit, throwing away and keeping to the last.
fn leave_words(app: &App, width: usize) -> &'static str {
    let Some(field) = &app.field else {
        return "";
    };
    let choices: &[&str] = match (field.leaving, &field.purpose) {
        (Some(Leaving::Keep), _) => &[
            "  keep what you typed? It is shown again under a new digest.   Enter keep   Esc type on   Ctrl-c discard",
            "  keep what you typed?   Enter keep   Esc type on   Ctrl-c discard",
            "  Enter keep  Esc type on  Ctrl-c discard",
        ],
        (Some(Leaving::Discard), _) => &[
            "  throw your changes away?   Enter throw away   Esc type on",
            "  Enter throw away   Esc type on",
        ],
        (None, Purpose::Memory(..)) => &[
            "  Esc save and leave    Ctrl-u undo    Ctrl-r redo    Ctrl-c discard (asks)",
            "  Esc save   Ctrl-c discard   Ctrl-u undo",
        ],
        (None, Purpose::Row(_)) => &[
            "  Esc takes the text into the form    Ctrl-u undo    Ctrl-r redo    Ctrl-c discard (asks)",
            "  Esc into the form   Ctrl-c discard (asks)   Ctrl-u undo   Ctrl-r redo",
            "  Esc into the form   Ctrl-c discard",
        ],
        (None, _) => &[
            "  Esc done (asks before anything is sent)    Ctrl-u undo    Ctrl-r redo    Ctrl-c discard (asks)",
            "  Esc done (asks first)   Ctrl-c discard (asks)   Ctrl-u undo   Ctrl-r redo",
            "  Esc done   Ctrl-c discard   Ctrl-u undo",
        ],
    };
    let fits = choices.iter().find(|words| text::width(words) <= width);
    fits.or(choices.last()).copied().unwrap_or_default()
}

fn dialogue_row(dialogue: &Dialogue, width: usize) -> Row {
    let mut row = Row::of(Role::Fg, "  ");
    for &answer in dialogue.answers() {
        if let Some(entry) = action::entry(Place::Dialogue, answer) {
            let word = match dialogue {
                Dialogue::End | Dialogue::Lost(_) => "leave",
                Dialogue::Quit | Dialogue::Conflict { .. } => entry.hint,
            };
            row = row
                .with(Role::Accent, entry.shown)
                .with(Role::Fg, format!(" {word}   "));
        }
    }
    row.with(Role::Accent, "Esc")
        .with(Role::Fg, " stay")
        .cut(width)
}
