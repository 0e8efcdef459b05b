//! An ACP worker: a program that speaks the Agent Client Protocol on its standard streams. One
//! turn is one process, one session and one prompt. Nothing outside this folder knows the crate.

mod call;
mod clock;
mod ending;
mod files;
mod lines;
mod served;
mod session;
mod silence;
mod talk;
mod telling;
mod terminals;
mod usage;

use std::time::Duration;

use tokio::time::timeout;

use super::command::Task;
use super::leave::Leave;
use super::{Ended, Kind, Progress, Turn};
use crate::supervisor::process::{self, Exit, Home, Running, Stdin};

pub use talk::{Means, Streams, Talked, talk};

/// How long an agent may take to end by itself once its input is closed: most do at once, one
/// never does.
const LEAVING: Duration = Duration::from_millis(500);

/// How long the end of a program is waited for when its output has ended: so that its exit is
/// told, and not ours.
const DYING: Duration = Duration::from_secs(2);

/// Runs one turn of an agent.
///
/// The time that the operator takes to answer its questions is not counted.
pub async fn run(
    command: &[String],
    home: &Home,
    task: Task<'_>,
    leave: Leave,
    progress: &mut dyn Progress,
) -> Turn {
    let order = home.order(command.to_vec(), task.workspace, Stdin::Piped);
    let mut running = match process::spawn(order).await {
        Ok(running) => running,
        Err(refused) => return Turn::never_started(refused.why),
    };
    let streams = (
        running.stdout.take(),
        running.stdin.take(),
        running.stderr.take(),
    );
    let (Some(output), Some(input), Some(errors)) = streams else {
        return Turn::never_started("its streams are not there: start the run again".to_owned());
    };
    let streams = Streams {
        output,
        input,
        errors,
    };
    let means = Means {
        name: command.first().cloned().unwrap_or_default(),
        home: home.clone(),
        leave,
    };
    let Talked { mut turn, gone } = talk(streams, means, task, progress).await;
    let exit = end(&mut running, &turn.ended, gone).await;
    if let (true, Some(exit), Ended::Badly(failure)) = (gone, exit, &mut turn.ended) {
        let program = command.first().map_or("", String::as_str);
        failure.cause = ending::gone(program, exit);
    }
    if running.left() > 0 {
        let left = running.left();
        let said = format!("{left} processes of another user could not be killed: look with ps");
        progress.entry(Kind::Error, &said);
    }
    progress.pause();
    turn
}

/// Ends the program and its whole tree; its own exit, where it was not killed here.
async fn end(running: &mut Running, ended: &Ended, gone: bool) -> Option<Exit> {
    let patience = match ended {
        Ended::Well => LEAVING,
        Ended::Badly(_) if gone => DYING,
        Ended::Halted | Ended::Badly(_) | Ended::Limited(..) | Ended::NoRoom(..) => Duration::ZERO,
    };
    if let Ok(exit) = timeout(patience, running.wait()).await {
        return Some(exit);
    }
    running.kill();
    running.wait().await;
    None
}
