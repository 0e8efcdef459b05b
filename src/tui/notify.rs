//! Which terminals are known to show notifications, and how each is asked; and the title. Told by names
//! that they put into the environment; a terminal is never queried for it.

use crate::tui::text::bare;

/// How a terminal is asked to show a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// `OSC 9 ; text`
    Osc9,
    /// `OSC 777 ; notify ; title ; text`
    Osc777,
}

/// What a terminal calls itself: the variable, how its value begins, how it is asked. Those that are
/// not named after the terminal itself outlive tmux, which puts its own name over the others.
const KNOWN: [(&str, &str, Tongue); 11] = [
    ("TERM_PROGRAM", "iTerm", Tongue::Osc9),
    ("TERM_PROGRAM", "WezTerm", Tongue::Osc9),
    ("TERM_PROGRAM", "ghostty", Tongue::Osc9),
    ("TERM_PROGRAM", "WarpTerminal", Tongue::Osc9),
    ("LC_TERMINAL", "iTerm", Tongue::Osc9),
    ("WEZTERM_PANE", "", Tongue::Osc9),
    ("GHOSTTY_RESOURCES_DIR", "", Tongue::Osc9),
    ("KITTY_WINDOW_ID", "", Tongue::Osc9),
    ("TERM", "xterm-kitty", Tongue::Osc9),
    ("TERM", "foot", Tongue::Osc777),
    ("TERM", "rxvt-unicode", Tongue::Osc777),
];

impl Tongue {
    /// How the terminal of this environment is asked; `None` where it is not known to understand.
    pub fn of(env: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let found = KNOWN.iter().find(|(name, begins, _)| {
            env(name).is_some_and(|value| !value.is_empty() && value.starts_with(begins))
        });
        found.map(|(_, _, tongue)| *tongue)
    }

    /// The sequence for this text. It ends with ST: a bell byte must only ever mean a bell.
    pub fn says(self, text: &str) -> String {
        // A semicolon ends a field.
        let text = bare(text).replace(';', ",");
        match self {
            Self::Osc9 => format!("\x1b]9;{text}\x1b\\"),
            Self::Osc777 => format!("\x1b]777;notify;checkride;{text}\x1b\\"),
        }
    }
}

/// The sequence that sets the terminal's title; ended by ST, as above.
pub fn title(text: &str) -> String {
    format!("\x1b]0;{}\x1b\\", bare(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<Tongue> {
        Tongue::of(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// Terminals are told by what they say of themselves; one that says nothing is told nothing.
    #[test]
    fn terminals_are_told_by_their_names() {
        assert_eq!(of(&[("TERM", "foot-extra")]), Some(Tongue::Osc777));
        assert_eq!(of(&[("TERM_PROGRAM", "iTerm.app")]), Some(Tongue::Osc9));
        let inside = [("TERM_PROGRAM", "tmux"), ("TERM", "tmux-256color")];
        assert_eq!(of(&inside), None);
        assert_eq!(
            of(&[inside[0], ("KITTY_WINDOW_ID", "1")]),
            Some(Tongue::Osc9)
        );
        assert_eq!(
            of(&[("TERM", "xterm-256color"), ("WEZTERM_PANE", "")]),
            None
        );
    }

    /// No bell byte, and no field that the text opens by itself.
    #[test]
    fn sequences_end_with_st() {
        let said = Tongue::Osc777.says("a;b");
        assert_eq!(said, "\x1b]777;notify;checkride;a,b\x1b\\");
        assert!(!Tongue::Osc9.says("a").contains('\x07'));
    }
}
