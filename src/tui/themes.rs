//! Themes: files that say how each role looks, shipped and of the user. What a role is stands in `styles.rs`.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::styles::{Role, Styles};

/// The shipped themes, the default first.
const SHIPPED: [(&str, &str); 10] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("ink", include_str!("../../themes/ink.toml")),
    ("paper", include_str!("../../themes/paper.toml")),
    (
        "catppuccin-latte",
        include_str!("../../themes/catppuccin-latte.toml"),
    ),
    (
        "catppuccin-mocha",
        include_str!("../../themes/catppuccin-mocha.toml"),
    ),
    (
        "gruvbox-dark",
        include_str!("../../themes/gruvbox-dark.toml"),
    ),
    (
        "solarized-light",
        include_str!("../../themes/solarized-light.toml"),
    ),
    (
        "high-contrast",
        include_str!("../../themes/high-contrast.toml"),
    ),
    (
        "colour-blind",
        include_str!("../../themes/colour-blind.toml"),
    ),
];

/// Most themes that stand on one another.
const DEEPEST: usize = 8;

/// The names of the shipped themes, the default first.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// A shipped theme by its name.
///
/// # Errors
/// One line: there is no such theme.
pub fn of_shipped(name: &str) -> Result<Styles, String> {
    named(name, &|_| Ok(None))
}

/// A theme by its name: what `own` gives as the user's own text of that name, else the shipped one.
///
/// # Errors
/// One line: there is no such theme, or what is wrong with its file and where.
pub fn named(
    name: &str,
    own: &dyn Fn(&str) -> Result<Option<String>, String>,
) -> Result<Styles, String> {
    let mut roles = BTreeMap::new();
    let mut next = Some(name.to_owned());
    for _ in 0..DEEPEST {
        let Some(at) = next.take() else {
            break;
        };
        let text = match own(&at)? {
            Some(text) => text,
            None => shipped_text(&at)?.to_owned(),
        };
        let theme = Theme::read(&text).map_err(|e| format!("theme {at}: {e}"))?;
        for (role, style) in theme.roles {
            roles.entry(role).or_insert(style);
        }
        next = theme.inherits;
    }
    match next {
        Some(_) => Err(format!(
            "theme {name}: it inherits from itself, or over more than {DEEPEST} themes"
        )),
        None => Ok(Styles::of_roles(roles)),
    }
}

fn shipped_text(name: &str) -> Result<&'static str, String> {
    let found = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let all: Vec<_> = shipped().collect();
        format!("there is no theme {name}; there are {}", all.join(", "))
    })
}

/// One file: what it says of the roles, and on which theme it stands for the others.
#[derive(Debug, PartialEq)]
pub struct Theme {
    /// The roles that it names.
    pub roles: BTreeMap<Role, Style>,
    /// Where the other roles come from; `None` for plain text.
    pub inherits: Option<String>,
    /// The background that it is made to stand on, which is never painted.
    pub ground: Option<Color>,
}

impl Theme {
    /// Reads the text of a theme file.
    ///
    /// # Errors
    /// One line: what is wrong, with the role or the line.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| match e.span() {
            Some(span) => {
                let line = text.get(..span.start).unwrap_or(text).matches('\n').count() + 1;
                format!("line {line}: {}", e.message())
            }
            None => e.message().to_owned(),
        })?;
        let no_colour = |role: &dyn std::fmt::Debug, word| format!("{role:?}: no colour «{word}»");
        let mut roles = BTreeMap::new();
        for (role, look) in file.roles {
            let style = look.style().map_err(|word| no_colour(&role, word))?;
            roles.insert(role, style);
        }
        let ground = file.ground.as_deref().map(colour).transpose();
        Ok(Self {
            roles,
            inherits: file.inherits,
            ground: ground.map_err(|word| no_colour(&"ground", word))?.flatten(),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<Kind>,
    ground: Option<String>,
    inherits: Option<String>,
    #[serde(default)]
    roles: BTreeMap<Role, Look>,
}

/// For people who look for one; nothing is derived from it.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Dark,
    Light,
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

    /// P6: every shipped theme can be read and names every role.
    #[test]
    fn shipped_themes_are_whole() {
        for name in shipped() {
            let theme = Theme::read(shipped_text(name).unwrap()).unwrap();
            assert_eq!(theme.roles.len(), Role::ALL.len(), "{name}");
            assert_eq!(theme.inherits, None, "{name}");
        }
    }

    /// P6: text is readable on the ground that a theme is made for, 4.5 to 1; what needs the operator 7 to 1.
    /// Hairlines are decoration.
    #[test]
    fn shipped_themes_can_be_read() {
        let mut measured = 0;
        for name in shipped() {
            let theme = Theme::read(shipped_text(name).unwrap()).unwrap();
            let Some(ground) = theme.ground else {
                continue;
            };
            for (role, style) in &theme.roles {
                let (wanted, fg, bg) = match (role, style.fg, style.bg) {
                    (Role::Faint, ..) | (_, None, _) => continue,
                    (Role::NeedsYou, Some(fg), bg) => (7.0, fg, bg.unwrap()),
                    (_, Some(fg), bg) => (4.5, fg, bg.unwrap_or(ground)),
                };
                let contrast = contrast(fg, bg);
                assert!(
                    contrast >= wanted,
                    "{name}: {role:?} has {contrast:.2} to 1"
                );
                measured += 1;
            }
        }
        assert!(measured > 100, "{measured}");
    }

    /// As WCAG 2 reckons it.
    fn contrast(one: Color, two: Color) -> f64 {
        let luminance = |colour| {
            let Color::Rgb(r, g, b) = colour else {
                panic!("{colour:?} is not of this theme")
            };
            let [r, g, b] = [r, g, b].map(|value| {
                let part = f64::from(value) / 255.0;
                if part <= 0.039_28 {
                    part / 12.92
                } else {
                    ((part + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, two) = (luminance(one), luminance(two));
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// A theme says what differs from another; a circle of themes ends in words.
    #[test]
    fn themes_stand_on_one_another() {
        let own = |name: &str| -> Result<Option<String>, String> {
            Ok(match name {
                "mine" => Some("inherits = \"ink\"\n[roles]\nok = \"#00ff00\"\n".to_owned()),
                "ring" => Some("inherits = \"gnir\"\n".to_owned()),
                "gnir" => Some("inherits = \"ring\"\n".to_owned()),
                "ink" => Some("inherits = \"paper\"\n[roles]\nfail = \"red\"\n".to_owned()),
                _ => None,
            })
        };
        let (mine, paper) = (named("mine", &own).unwrap(), of_shipped("paper").unwrap());
        assert_eq!(mine.of(Role::Ok).fg, Some(Color::Rgb(0, 255, 0)));
        assert_eq!(mine.of(Role::Fail).fg, Some(Color::Red));
        assert_eq!(mine.of(Role::Warn), paper.of(Role::Warn));
        assert!(
            named("ring", &own)
                .unwrap_err()
                .contains("inherits from itself")
        );
        let none = named("inc", &own).unwrap_err();
        assert!(
            none.contains("there is no theme inc; there are terminal, mono"),
            "{none}"
        );
    }

    /// A wrong colour is named, and so is the line of an unknown role.
    #[test]
    fn wrong_themes_are_refused() {
        let wrong = Theme::read("name = \"x\"\n[roles]\nok = \"grün\"").unwrap_err();
        assert_eq!(wrong, "Ok: no colour «grün»");
        let wrong = Theme::read("name = \"x\"\n[roles]\nokay = \"green\"").unwrap_err();
        assert!(
            wrong.starts_with("line 3: unknown variant `okay`"),
            "{wrong}"
        );
    }

    /// Mono has no colour at all.
    #[test]
    fn mono_has_no_colour() {
        let mono = of_shipped("mono").unwrap();
        for (role, _) in Role::ALL {
            assert_eq!((mono.of(role).fg, mono.of(role).bg), (None, None));
        }
    }
}
