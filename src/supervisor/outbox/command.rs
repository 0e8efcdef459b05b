//! Publishing by a program: run once under a keeper, as every process of a run, and killed with all
//! that it started when its time is over, when the operator says so, or when its host dies.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use crate::supervisor::process::{self, Ending, Exit, Halt, Heard, Home, Limits, Stdin};
use crate::supervisor::workspace::Trouble;

/// Longest time of a publish command (PRODUCT names none; as long as a default worker's turn).
pub const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Most bytes of its output that are kept as evidence.
const OUTPUT_BYTES: usize = 4096;

/// A program to be run for a publication, or to take one back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where.
    pub folder: PathBuf,
}

impl Errand {
    /// Runs it to its end. Once it was started, any trouble may have happened all the same.
    pub async fn run(
        &self,
        home: &Home,
        longest: Duration,
        halt: &watch::Receiver<Halt>,
    ) -> Result<(), Trouble> {
        let program = self.argv.first().map_or("", String::as_str);
        if *halt.borrow() > Halt::No {
            let why = format!("{program} was not started, because the run was stopped");
            return Err(Trouble::new(why));
        }
        let order = home.order(self.argv.clone(), &self.folder, Stdin::Null);
        let running = process::spawn(order)
            .await
            .map_err(|e| Trouble::new(format!("{}; nothing was done", e.why)))?;
        let limits = Limits {
            timeout: longest,
            halt: halt.clone(),
        };
        let mut heard = Heard::new(OUTPUT_BYTES);
        let watched = process::watch(running, b"", limits, &mut heard).await;
        let how = match (watched.ending, watched.exit) {
            (Ending::ByItself, Exit::Code(0)) => return Ok(()),
            (Ending::ByItself, exit @ Exit::Code(_)) => format!("ended with {exit}"),
            (Ending::ByItself, exit @ Exit::Signal(_)) => format!("was {exit}"),
            (Ending::ByItself, exit @ Exit::KeeperLost) => format!("was cut short, {exit}"),
            (Ending::TimedOut, _) => format!("was stopped after {} s", longest.as_secs()),
            (Ending::Halted, _) => "was stopped by the operator".to_owned(),
        };
        let cause =
            format!("{program} {how}: look at the target, it may have happened all the same");
        Err(Trouble {
            detail: heard.text(),
            ..Trouble::new(cause).maybe_done()
        })
    }
}
