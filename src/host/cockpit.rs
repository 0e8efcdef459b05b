//! `checkride [dir]`: attaches and hands the link to the screen.

use std::io::{self, IsTerminal};

use super::{attach, program};
use crate::cli::flags::View;
use crate::cli::{Exit, Fail};
use crate::config::Paths;
use crate::link::Link;

/// Opens the cockpit of this project.
///
/// # Errors
/// One line: this is no terminal, or there can be no host.
pub(super) fn open(paths: &Paths, view: &View) -> Result<Exit, Fail> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Exit::Usage.because(
            "the cockpit needs a terminal; `checkride status` and `checkride run LOOP` do without",
        ));
    }
    let runtime = program::runtime()?;
    runtime.block_on(async {
        let link = attach::attach(paths, &program::starter()?).await?;
        fly(link, view).await
    })
}

/// Plays the demo: the real engine in this process, over a project in a temporary folder.
pub(super) fn demo(_view: &View) -> Result<Exit, Fail> {
    Err(Exit::Trouble.because("this build has no demo"))
}

/// Shows the cockpit until the operator leaves it.
async fn fly(link: Link, _view: &View) -> Result<Exit, Fail> {
    drop(link);
    std::future::ready(Err(Exit::Trouble.because("this build has no cockpit"))).await
}
