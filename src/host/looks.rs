//! How a cockpit looks here: the theme that the command line, the user's `config.toml` or the terminal names.

use std::path::Path;

use crate::cli::flags::View;
use crate::cli::{Exit, Fail};
use crate::config::user;
use crate::tui::styles::Styles;
use crate::tui::themes;

/// How a cockpit looks, and what of the user's own wishes cannot be fulfilled.
pub(super) struct Looks {
    /// Every style.
    pub styles: Styles,
    /// One line of why it is not the theme of `config.toml`.
    pub notice: Option<String>,
}

/// The looks for this command line; `config` is the user's config folder where one is known.
///
/// # Errors
/// One line: the theme that the command line names is not there, or wrong. A wish of `config.toml` that
/// cannot be fulfilled is no error: nobody is kept from their loops by a colour.
pub(super) fn looks(view: &View, config: Option<&Path>) -> Result<Looks, Fail> {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let own = |name: &str| config.map_or(Ok(None), |folder| user::theme(folder, name));
    let terminal = said("TERM");
    let colourless = view.no_color || !said("NO_COLOR").is_empty() || terminal == "dumb";
    let (styles, notice) = match &view.theme {
        Some(name) => (
            themes::named(name, &own).map_err(|e| Exit::Usage.because(e))?,
            None,
        ),
        None if colourless => (default("mono")?, None),
        None => match wished(config).map(|name| name.map(|name| themes::named(&name, &own))) {
            Ok(Some(Ok(styles))) => (styles, None),
            Ok(None) => (default("terminal")?, None),
            Ok(Some(Err(why))) | Err(why) => (default("terminal")?, Some(why)),
        },
    };
    let every_colour = ["truecolor", "24bit"].contains(&said("COLORTERM").as_str())
        || terminal.ends_with("-direct");
    let styles = if every_colour {
        styles
    } else {
        styles.in_256()
    };
    Ok(Looks {
        styles: if view.ascii {
            styles.in_ascii()
        } else {
            styles
        },
        notice,
    })
}

/// The theme that the user's `config.toml` names.
fn wished(config: Option<&Path>) -> Result<Option<String>, String> {
    config.map_or(Ok(None), |folder| Ok(user::read(folder)?.theme))
}

/// A shipped theme, whatever the user's folder holds.
fn default(name: &str) -> Result<Styles, Fail> {
    themes::of_shipped(name).map_err(|e| Exit::Trouble.because(e))
}
