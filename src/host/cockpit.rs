//! `checkride [dir]`: attaches and hands the link to the screen.

use std::io::{self, IsTerminal};
use std::path::Path;

use super::lasting::lasting;
use super::looks::{Looks, looks};
use super::{absence, attach, demo, program};
use crate::cli::flags::View;
use crate::cli::{self, Exit, Fail, Out};
use crate::config::{Paths, settings};
use crate::link::Link;
use crate::run::spec::Hours;
use crate::tui::app::{Manner, Next};
use crate::tui::notify::Tongue;
use crate::tui::{self, Exit as Left, Options, Signals};

/// Opens the cockpit of this project.
///
/// # Errors
/// One line: this is no terminal, or there can be no host.
pub(super) fn open(paths: &Paths, view: &View) -> Result<Exit, Fail> {
    must_be_terminal()?;
    // A theme that is not there must not leave a host behind.
    let mut notice = looks(view, Some(paths.config()))?.notice;
    loop {
        let looks = looks(view, Some(paths.config()))?;
        let options = Options {
            notice: notice.take(),
            ..options(view, looks, quiet(paths))
        };
        let runtime = program::runtime()?;
        let left = runtime.block_on(async {
            let signals = heed()?;
            let starter = program::starter()?;
            let met = attach::meet_or_start(paths, &starter).await?;
            let options = Options {
                notice: options.notice.or(absence::lost(paths)).or(met.differs),
                away: absence::meanwhile(paths, &starter),
                ..options
            };
            fly(lasting(paths.clone(), starter, met.link), options, signals).await
        })?;
        match left {
            Left::Left | Left::Ended => return Ok(Exit::Done),
            Left::For(Next::Demo) => drop(demo(view, Some(paths.config()))?),
            Left::For(Next::Starter(name)) => notice = Some(install(paths, name)),
        }
    }
}

/// Copies a starter; in one line, what came of it.
fn install(paths: &Paths, name: &str) -> String {
    let mut written = Vec::new();
    let mut out = Out::new(&mut written);
    match cli::init::init(paths.project(), name, &mut out) {
        Ok(_) => {
            if let Err(fail) = program::own(paths, cli::init::shipped(name)) {
                return fail.line;
            }
            format!("{name} is installed: i shows its four bones, E opens its file, s starts it")
        }
        Err(fail) => fail.line,
    }
}

/// Plays the demo: the real engine in this process, over a project in a temporary folder. `config` is the user's
/// config folder where one is known.
pub(super) fn demo(view: &View, config: Option<&Path>) -> Result<Exit, Fail> {
    must_be_terminal()?;
    let mut options = options(view, looks(view, config)?, None);
    options.manner.owned = true;
    let runtime = program::runtime()?;
    // Before there is a folder that a signal could leave behind.
    let signals = runtime.block_on(async { heed() })?;
    let stage = demo::Stage::set(program::keeper()?)?;
    runtime.block_on(async { fly(stage.link(), options, signals).await })?;
    Ok(Exit::Done)
}

/// The project's quiet hours; how loops are kept from waking is the host's.
fn quiet(paths: &Paths) -> Option<Hours> {
    settings::read(paths.project()).settings.quiet_hours
}

fn must_be_terminal() -> Result<(), Fail> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Exit::Usage.because("the cockpit needs a terminal; `checkride --plain` does without one"))
}

fn heed() -> Result<Signals, Fail> {
    Signals::heed().map_err(|e| Exit::Trouble.because(format!("no signals can be heard: {e}")))
}

/// Shows the cockpit until the operator leaves it.
async fn fly(link: Link, options: Options, signals: Signals) -> Result<Left, Fail> {
    let flown = tui::fly(link, options, signals).await;
    flown.map_err(|e| Exit::Trouble.because(format!("the terminal cannot be used: {e}")))
}

fn options(view: &View, looks: Looks, quiet: Option<Hours>) -> Options {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    Options {
        styles: looks.styles,
        manner: Manner {
            read_only: view.read_only,
            owned: false,
        },
        calm: set("SSH_CONNECTION"),
        tmux: set("TMUX"),
        notify: Tongue::of(|name| std::env::var(name).ok()),
        quiet,
        editor: editor(),
        by: format!("cockpit {}", std::process::id()),
        notice: None,
        away: None,
    }
}

/// `$VISUAL`, else `$EDITOR`, in words.
pub(super) fn editor() -> Vec<String> {
    ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .map(|command| {
            command
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .find(|words| !words.is_empty())
        .unwrap_or_default()
}
