//! ```text
//!  c open checkpoint   Tab pane   z zoom   t timeline   m memory   space hold   X stop all   ? help
//! ```

use crate::run::Ask;
use crate::tui::action::{Action, Entry, TABLE};
use crate::tui::app::field::{Field, Purpose};
use crate::tui::app::runs::Run;
use crate::tui::app::{App, Layer, Newest};
use crate::tui::keymap::{self, Place, Receiver};
use crate::tui::styles::Role;
use crate::tui::text::{self, Row};

use super::foot;

/// The last line: a toast, or what the keys do here.
pub(crate) fn row(app: &App, width: usize) -> Row {
    // A longer one stands above the bar.
    if let Some(toast) = app.toast.as_ref().filter(|toast| foot::fits(toast, width)) {
        return Row::of(Role::Fg, format!(" {toast}")).cut(width);
    }
    if app.field.is_some() {
        return typing_hint(app, width).cut(width);
    }
    let Receiver::Place(place) = keymap::receiver(app) else {
        return Row::blank();
    };
    hints(app, place, width)
}

/// Whether the retry that is typed discards work.
fn discards(app: &App) -> bool {
    let ask = app
        .shown_run()
        .and_then(Run::checkpoint)
        .map(|open| &open.ask);
    matches!(ask, Some(Ask::Work { .. } | Ask::Guardrail { .. }))
}

fn typing_hint(app: &App, width: usize) -> Row {
    let waiting = match app.world.waiting().len() {
        0 => String::new(),
        n => format!(" · {n} waiting"),
    };
    let words = match app.field.as_ref().map(|f| &f.purpose) {
        Some(Purpose::Note(_)) if discards(app) => {
            "Enter discards this work, u brings it back · Esc leaves without deciding"
        }
        Some(Purpose::Note(_)) => {
            "Enter sends the retry with this note · Esc leaves without deciding"
        }
        Some(Purpose::Answer(_)) => "Enter sends the answer · Esc leaves without deciding",
        Some(Purpose::Typed(_)) => {
            "Enter publishes if the 8 digits are right · Esc leaves without deciding"
        }
        Some(Purpose::Plain { .. }) => {
            "Enter shows the prompt as it would be sent, and asks · Esc leaves"
        }
        Some(Purpose::Search) => "Enter goes to the first match, n and N go on · Esc leaves",
        Some(Purpose::Filter) => "Enter keeps the filter · Esc clears it",
        Some(Purpose::Row(_)) => "letters type here · nothing is sent before the form's last row",
        Some(Purpose::Prompt(_) | Purpose::File(..) | Purpose::Memory(..)) | None => {
            "letters type here · no checkpoint can take your keys"
        }
    };
    // How a line is left stands last, and is the last to go; beside a line the bar says who waits, too.
    let fits = |text: &str| text::width(text) < width;
    let whole = format!("{words}{waiting}");
    let large = app.field.as_ref().is_some_and(Field::is_large);
    if !fits(&whole) && fits(words) && !large {
        return Row::of(Role::Muted, format!(" {words}"));
    }
    let least = words.rsplit(" · ").next().filter(|_| !fits(&whole));
    Row::of(Role::Muted, format!(" {}{waiting}", least.unwrap_or(words)))
}

/// Hints for a place, from the table: what can be done now, as much as fits; help always fits.
fn hints(app: &App, place: Place, width: usize) -> Row {
    let mut pieces: Vec<(&str, &str)> = TABLE
        .iter()
        .filter(|row| row.places.contains(&place) && !row.hint.is_empty())
        .filter(|row| place != Place::Dialogue && row.action != Action::Help)
        .filter(|row| app.can(row.action).is_ok() && apt(app, row.action))
        .map(|row| {
            let key = if row.action == Action::Filter {
                "/"
            } else {
                row.shown
            };
            (key, word(app, row))
        })
        .collect();
    if let Some(Layer::Pages(_)) = app.layers.last() {
        pieces.retain(|(key, _)| !["c", "x", "[ ]"].contains(key));
        pieces.insert(0, ("Tab", "tab"));
        pieces.insert(0, ("j k", "scroll"));
        pieces.dedup();
        pieces.insert(2, ("Esc", "later"));
    }
    if place == Place::FirstRun {
        pieces = vec![("j k", "choose"), ("Enter", "open"), ("q", "quit")];
    }
    let gap = if width < 100 { 2 } else { 3 };
    let help = 1 + gap + "? help".len();
    let mut row = Row::blank();
    for (key, word) in pieces {
        let piece = text::width(key) + 1 + text::width(word);
        if row.width() + gap + piece + help > width {
            continue;
        }
        let gap = if row.spans.is_empty() {
            " ".to_owned()
        } else {
            " ".repeat(gap)
        };
        row = row
            .with(Role::Fg, gap)
            .with(Role::Accent, key)
            .with(Role::Muted, format!(" {word}"));
    }
    let gap = if row.spans.is_empty() { 1 } else { gap };
    row.with(Role::Fg, " ".repeat(gap))
        .with(Role::Accent, "?")
        .with(Role::Muted, " help")
        .cut(width)
}

/// What a key does here, in a word.
fn word(app: &App, row: &Entry) -> &'static str {
    let goes_on = || {
        let run = app.run();
        run.is_some_and(|run| run.hold_asked || run.rests_before().is_some())
    };
    if row.action == Action::Filter && app.spot().is_none() {
        "filter"
    } else if row.action == Action::Hold && goes_on() {
        "go on"
    } else {
        row.hint
    }
}

/// Whether a hint says something here, beyond being possible.
fn apt(app: &App, action: Action) -> bool {
    let run = app.shown_run();
    let quiet = [
        (Action::Follow, app.reading.follow),
        (Action::Stop, app.question().is_some()),
        (Action::Next, app.pages().is_some()),
        (
            Action::Undo,
            app.newest == Newest::Decision
                && app.arms().is_none()
                && run.is_none_or(|r| r.decisions.is_empty()),
        ),
        (Action::StopAll, app.world.active().next().is_none()),
        (Action::Earlier, run.is_none_or(|r| r.now() < 2)),
    ];
    !quiet.contains(&(action, true))
}
