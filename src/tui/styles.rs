//! Every style on the screen: the roles of PRODUCT §3.6, and the themes that fill them.
//! The only place that names a colour.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
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

const TERMINAL: &str = include_str!("../../themes/terminal.toml");
const MONO: &str = include_str!("../../themes/mono.toml");

impl Styles {
    /// A shipped theme: `terminal` or `mono`; `None` where there is no such theme.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "terminal" => Self::read(TERMINAL).ok(),
            "mono" => Self::read(MONO).ok(),
            _ => None,
        }
    }

    /// Reads a theme file. The error is one line: what and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: ThemeFile = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        let mut roles = BTreeMap::new();
        for (role, look) in file.roles {
            let style = look
                .style()
                .map_err(|colour| format!("{}: {role:?}: no colour «{colour}»", file.name))?;
            roles.insert(role, style);
        }
        Ok(Self {
            roles,
            ascii: false,
        })
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    name: String,
    roles: BTreeMap<Role, Look>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Look {
    Colour(String),
    Full(Full),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one key of the file each, independent of each other"
)]
struct Full {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    reverse: bool,
}

impl Look {
    /// The style, or the word that is no colour.
    fn style(&self) -> Result<Style, String> {
        let full = match self {
            Self::Colour(fg) => &Full {
                fg: Some(fg.clone()),
                ..Full::default()
            },
            Self::Full(full) => full,
        };
        let mut style = Style::new();
        if let Some(fg) = &full.fg {
            style.fg = colour(fg)?;
        }
        if let Some(bg) = &full.bg {
            style.bg = colour(bg)?;
        }
        for (on, modifier) in [
            (full.bold, Modifier::BOLD),
            (full.dim, Modifier::DIM),
            (full.italic, Modifier::ITALIC),
            (full.underline, Modifier::UNDERLINED),
            (full.reverse, Modifier::REVERSED),
        ] {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

/// A colour by its name or as `#rrggbb`; `None` for the terminal's own.
fn colour(name: &str) -> Result<Option<Color>, String> {
    let colour = match name {
        "default" => return Ok(None),
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        hex => return rgb(hex).map(Some).ok_or_else(|| hex.to_owned()),
    };
    Ok(Some(colour))
}

fn rgb(hex: &str) -> Option<Color> {
    let digits = hex.strip_prefix('#').filter(|d| d.len() == 6)?;
    let n = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = n.to_be_bytes();
    Some(Color::Rgb(r, g, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both shipped themes can be read and name every role (P6).
    #[test]
    fn shipped_themes_are_whole() {
        for name in ["terminal", "mono"] {
            let styles = Styles::named(name).unwrap();
            assert_eq!(styles.roles.len(), Role::ALL.len(), "{name}");
        }
    }

    /// A wrong colour is named; an unknown role is refused.
    #[test]
    fn wrong_themes_are_refused() {
        let err = Styles::read("name = \"x\"\n[roles]\nok = \"grün\"").unwrap_err();
        assert_eq!(err, "x: Ok: no colour «grün»");
        assert!(Styles::read("name = \"x\"\n[roles]\nokay = \"green\"").is_err());
    }

    /// Mono has no colour at all.
    #[test]
    fn mono_has_no_colour() {
        let mono = Styles::named("mono").unwrap();
        for (role, _) in Role::ALL {
            assert_eq!((mono.of(role).fg, mono.of(role).bg), (None, None));
        }
    }
}
