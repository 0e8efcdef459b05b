//! `stop`: one loop's run, everything, or the host.

use super::session::{refused, stalled};
use super::{Exit, Fail, Out, Session};
use crate::protocol::{Command, Fact, LoopState, RunId};
use crate::run::Phase;

/// What becomes of a stop that cannot be written down yet.
const STOP_KEPT: &str = "what was at work is killed, and the run ends once that is written";

/// Stops the run of a loop that is under way, and waits until it is over.
pub async fn one(mut session: Session, name: &str, out: &mut Out<'_>) -> Result<Exit, Fail> {
    session.known.row(name)?;
    let newest = session.known.newest(name).cloned();
    let Some(run) = newest.filter(|run| is_under_way(&session, run)) else {
        return Err(Exit::Refused.because(format!("{name} has no run under way")));
    };
    session.ask(Command::Stop { run: run.clone() }).await?;
    while is_under_way(&session, &run) {
        let fact = session.next().await?.fact;
        refused(&fact, &run.0, Exit::Refused)?;
        stalled(&fact, &run, STOP_KEPT)?;
        if let Fact::Done { what } = &fact {
            out.line(what);
        }
    }
    out.line(&format!("stopped {run}; what it made is kept"));
    Ok(Exit::Done)
}

/// Stops every run and switches all triggers off, and waits until nothing is under way.
pub async fn all(mut session: Session, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let open: Vec<RunId> = session
        .known
        .runs
        .keys()
        .filter(|run| is_under_way(&session, run))
        .cloned()
        .collect();
    session.ask(Command::StopAll).await?;
    let mut told = false;
    while !told || open.iter().any(|run| is_under_way(&session, run)) {
        let fact = session.next().await?.fact;
        refused(&fact, "triggers", Exit::Refused)?;
        for run in &open {
            stalled(&fact, run, STOP_KEPT)?;
        }
        told |= matches!(fact, Fact::Done { .. });
    }
    let runs = match open.len() {
        0 => "nothing was under way".to_owned(),
        1 => "stopped 1 run".to_owned(),
        n => format!("stopped {n} runs"),
    };
    out.line(&format!("{runs}; all triggers are off"));
    Ok(Exit::Done)
}

/// Asks the host to end, and waits until it has hung up. Triggers that are armed have nobody to fire them
/// then, which is said.
pub async fn host(session: Session, force: bool, out: &mut Out<'_>) -> Result<(), Fail> {
    let rows = session.known.loops.iter();
    let armed: Vec<String> = rows
        .filter(|row| match &row.state {
            LoopState::Valid(facts) => facts.waking.armed(),
            LoopState::Invalid { .. } => false,
        })
        .map(|row| row.name.clone())
        .collect();
    session.ask(Command::Shutdown { force }).await?;
    session.until_gone().await?;
    if !armed.is_empty() {
        out.line(&format!(
            "no trigger fires until a host runs again (`checkride`, `checkride tick`); armed: {}",
            armed.join(", ")
        ));
    }
    Ok(())
}

fn is_under_way(session: &Session, run: &RunId) -> bool {
    let run = session.known.run(run);
    run.is_some_and(|run| !matches!(run.phase(), Phase::Ended(_)))
}
