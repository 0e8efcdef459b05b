//! `stop`: one loop's run, everything, or the host.

use std::collections::BTreeSet;

use super::session::{refused, stalled};
use super::{Exit, Fail, Out, Session, run};
use crate::protocol::{Command, Fact, LoopState, Record, RunId};
use crate::run::{Event, Phase};

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
    let mut stopping = false;
    while is_under_way(&session, &run) {
        let record = session.next().await?;
        refused(&record.fact, &run.0, Exit::Refused)?;
        stalled(&record.fact, &run, STOP_KEPT)?;
        if let Fact::Done { what } = &record.fact {
            out.line(what);
        }
        stopping |= is_of(&record, &run, |event| *event == Event::StopAsked);
        if stopping && is_of(&record, &run, |event| matches!(event, Event::Asked(_))) {
            return Ok(asks(&session, &run, out));
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
    let mut stopping = BTreeSet::new();
    let mut asking = BTreeSet::new();
    while !told
        || open
            .iter()
            .any(|run| is_under_way(&session, run) && !asking.contains(run))
    {
        let record = session.next().await?;
        refused(&record.fact, "triggers", Exit::Refused)?;
        for run in &open {
            stalled(&record.fact, run, STOP_KEPT)?;
            if is_of(&record, run, |event| *event == Event::StopAsked) {
                stopping.insert(run);
            }
            if stopping.contains(run) && is_of(&record, run, |e| matches!(e, Event::Asked(_))) {
                asking.insert(run);
            }
        }
        told |= matches!(record.fact, Fact::Done { .. });
    }
    for run in asking {
        asks(&session, run, out);
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
            LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => false,
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

/// Nothing of it is at work, and it cannot end as it should: a draft that cannot be written, say.
fn asks(session: &Session, run: &RunId, out: &mut Out<'_>) -> Exit {
    out.line(&format!(
        "stopped what was at work in {run}; before it ends it asks:"
    ));
    match session.known.open_at(run) {
        Some(open) => run::waits(session, &open, false, out),
        None => Exit::Waiting,
    }
}

fn is_of(record: &Record, run: &RunId, holds: impl Fn(&Event) -> bool) -> bool {
    matches!(&record.fact, Fact::Run { run: of, event } if of == run && holds(event))
}

fn is_under_way(session: &Session, run: &RunId) -> bool {
    let run = session.known.run(run);
    run.is_some_and(|run| !matches!(run.phase(), Phase::Ended(_)))
}
