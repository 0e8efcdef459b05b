//! Every style on the screen: the roles of PRODUCT §3.6. Which look each has is said by a theme (`themes.rs`).

use std::collections::BTreeMap;

use ratatui::style::{Color, Style};
use serde::Deserialize;

/// What a piece of text is; a theme says how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Text.
    Fg,
    /// Labels, times, hints.
    Muted,
    /// Hairlines and what has not begun.
    Faint,
    /// Pane titles.
    Title,
    /// The title of the pane that has the keys.
    TitleFocus,
    /// Cursor marks, keys in hints.
    Accent,
    /// The bar, `◆`, waiting rows: the only filled area on the screen.
    NeedsYou,
    /// `●`
    Running,
    /// `✓`
    Ok,
    /// `✗`
    Fail,
    /// `▲`, guardrails, a judge too near to the worker.
    Warn,
    /// Added lines.
    Add,
    /// Removed lines.
    Del,
    /// What the worker says of itself: weaker than evidence, on purpose.
    Claim,
    /// A selected row where `▌` is not enough.
    Sel,
    /// Training.
    ModeT,
    /// Supervised.
    ModeS,
    /// Autonomous.
    ModeA,
    /// Money close to its cap.
    Cost,
}

impl Role {
    /// Every role, with the letter that stands for it in the style grids of tests.
    pub const ALL: [(Self, char); 19] = [
        (Self::Fg, ' '),
        (Self::Muted, 'm'),
        (Self::Faint, '.'),
        (Self::Title, 't'),
        (Self::TitleFocus, 'T'),
        (Self::Accent, 'a'),
        (Self::NeedsYou, 'N'),
        (Self::Running, 'r'),
        (Self::Ok, 'o'),
        (Self::Fail, 'f'),
        (Self::Warn, 'w'),
        (Self::Add, '+'),
        (Self::Del, '-'),
        (Self::Claim, 'c'),
        (Self::Sel, 's'),
        (Self::ModeT, '1'),
        (Self::ModeS, '2'),
        (Self::ModeA, '3'),
        (Self::Cost, '$'),
    ];
}

/// The styles of one theme.
#[derive(Debug, Clone, PartialEq)]
pub struct Styles {
    roles: BTreeMap<Role, Style>,
    /// Whether marks and lines are drawn in ASCII.
    pub ascii: bool,
}

impl Styles {
    /// These looks; a role that is left out looks like plain text.
    pub fn of_roles(roles: BTreeMap<Role, Style>) -> Self {
        Self {
            roles,
            ascii: false,
        }
    }

    /// The same styles in the 256 colours that nearly every terminal has.
    #[must_use]
    pub fn in_256(mut self) -> Self {
        for style in self.roles.values_mut() {
            style.fg = style.fg.map(indexed);
            style.bg = style.bg.map(indexed);
        }
        self
    }

    /// The same styles with ASCII marks and lines.
    #[must_use]
    pub fn in_ascii(mut self) -> Self {
        self.ascii = true;
        self
    }

    /// How a role looks; a role that the theme leaves out looks like plain text.
    pub fn of(&self, role: Role) -> Style {
        self.roles.get(&role).copied().unwrap_or_default()
    }
}

/// The six values that each part of the 216 colours may have.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the 216 colours and 24 greys that have the same value on every terminal; the 16 below them
/// are the user's own, and stay.
fn indexed(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else {
        return colour;
    };
    let wanted = [r, g, b];
    let far = |found: [u8; 3]| -> u32 {
        let pairs = found.into_iter().zip(wanted);
        pairs.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let step = |value: u8| (0..6).min_by_key(|n| STEPS[usize::from(*n)].abs_diff(value));
    let steps: [u8; 3] = wanted.map(|value| step(value).unwrap_or(0));
    let mean = wanted.map(u16::from).iter().sum::<u16>() / 3;
    let grey = u8::try_from(mean.saturating_sub(3) / 10)
        .unwrap_or(23)
        .min(23);
    if far([8 + 10 * grey; 3]) < far(steps.map(|n| STEPS[usize::from(n)])) {
        Color::Indexed(232 + grey)
    } else {
        Color::Indexed(steps.iter().fold(0, |index, n| index * 6 + n) + 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours of the cube and of the greys are found exactly, others near by; the terminal's own stay.
    #[test]
    fn the_nearest_of_256_is_found() {
        for (rgb, index) in [
            ((0, 0, 0), 16),
            ((255, 255, 255), 231),
            ((95, 135, 175), 67),
            ((8, 8, 8), 232),
            ((128, 128, 128), 244),
            ((229, 192, 123), 180),
        ] {
            let (r, g, b) = rgb;
            assert_eq!(
                indexed(Color::Rgb(r, g, b)),
                Color::Indexed(index),
                "{rgb:?}"
            );
        }
        assert_eq!(indexed(Color::Cyan), Color::Cyan);
    }
}
