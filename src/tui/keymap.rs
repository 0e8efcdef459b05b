//! Keys, and who gets one first: a text field, then a layer, then the panes.
//! What each action does is `app.rs`; the table of them is `action.rs`.

use tui_textarea::Input;

use super::action::{Action, TABLE};
use super::app::{App, Layer};

/// One key press, without any word about the terminal it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// ↑
    Up,
    /// ↓
    Down,
    /// ←
    Left,
    /// →
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// Where a key is pressed, apart from text fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The four panes.
    Main,
    /// The pages of an iteration; a checkpoint's among them.
    Pages,
    /// The list of runs.
    Timeline,
    /// The four bones of a loop.
    Inspect,
    /// What a loop would run, for the operator to allow.
    Review,
    /// What happened while nobody was here.
    Away,
    /// Help.
    Help,
    /// A form: verdict, raise, choice of a file.
    Form,
    /// A question of the cockpit's own: quit, conflict, a lost host.
    Dialogue,
    /// Nothing here yet.
    FirstRun,
}

impl Place {
    /// The heading of help for this place.
    pub fn word(self) -> &'static str {
        match self {
            Self::Main => "cockpit",
            Self::Pages => "at a checkpoint",
            Self::Timeline => "timeline",
            Self::Inspect => "four bones",
            Self::Review => "review",
            Self::Away => "while you were away",
            Self::Help => "help",
            Self::Form => "form",
            Self::Dialogue => "question",
            Self::FirstRun => "first run",
        }
    }
}

/// Who gets the next key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// The text field: all letters type.
    Field,
    /// The topmost layer, or the panes where there is none.
    Place(Place),
}

/// Who gets the next key, in one match.
pub fn receiver(app: &App) -> Receiver {
    if app.field.is_some() {
        return Receiver::Field;
    }
    Receiver::Place(match app.layers.last() {
        Some(Layer::Pages(_)) => Place::Pages,
        Some(Layer::Timeline(_)) => Place::Timeline,
        Some(Layer::Inspect { .. }) => Place::Inspect,
        Some(Layer::Review { .. }) => Place::Review,
        Some(Layer::Away { .. }) => Place::Away,
        Some(Layer::Help { .. }) => Place::Help,
        Some(Layer::Form(_)) => Place::Form,
        Some(Layer::Dialogue(_)) => Place::Dialogue,
        None if app.world.attached && app.world.loops.is_empty() => Place::FirstRun,
        None => Place::Main,
    })
}

/// What a key means in a place.
pub fn action(place: Place, key: Key) -> Option<Action> {
    TABLE
        .iter()
        .find(|row| row.places.contains(&place) && row.keys.contains(&key))
        .map(|row| row.action)
}

impl Key {
    /// The digit, 1 to 9.
    pub fn digit(self) -> Option<usize> {
        let Self::Char(c @ '1'..='9') = self else {
            return None;
        };
        c.to_digit(10).and_then(|d| usize::try_from(d).ok())
    }

    /// The key as the text area reads it.
    pub fn input(self) -> Input {
        use tui_textarea::Key as T;
        let plain = |key| Input {
            key,
            ..Input::default()
        };
        match self {
            Self::Char(c) => plain(T::Char(c)),
            Self::Ctrl(c) => Input {
                key: T::Char(c),
                ctrl: true,
                ..Input::default()
            },
            Self::Enter => plain(T::Enter),
            Self::Esc => plain(T::Esc),
            Self::Tab => plain(T::Tab),
            Self::BackTab => plain(T::Null),
            Self::Backspace => plain(T::Backspace),
            Self::Delete => plain(T::Delete),
            Self::Up => plain(T::Up),
            Self::Down => plain(T::Down),
            Self::Left => plain(T::Left),
            Self::Right => plain(T::Right),
            Self::PageUp => plain(T::PageUp),
            Self::PageDown => plain(T::PageDown),
            Self::Home => plain(T::Home),
            Self::End => plain(T::End),
        }
    }
}
