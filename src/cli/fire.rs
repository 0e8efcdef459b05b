//! `fire LOOP` and `tick`: triggers that come from outside, for cron, timers and n8n.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use super::session::refused;
use super::{Exit, Fail, Out, Session, trust};
use crate::protocol::{Command, Fact, RunId, Waking};
use crate::protocol::{LoopRow, LoopState};
use crate::run::Phase;

/// Most bytes that are read of a payload; the host refuses less, with its own words.
const MOST: u64 = 1 << 20;

/// Reads a payload; `-` is standard input.
pub fn read(from: &Path) -> Result<String, Fail> {
    let shown = from.display();
    let mut bytes = Vec::new();
    let done = if from == Path::new("-") {
        io::stdin().lock().take(MOST).read_to_end(&mut bytes)
    } else {
        fs::File::open(from).and_then(|file| file.take(MOST).read_to_end(&mut bytes))
    };
    done.map_err(|e| Exit::Trouble.because(format!("the payload {shown} cannot be read: {e}")))?;
    String::from_utf8(bytes)
        .map_err(|_| Exit::Usage.because(format!("the payload {shown} is not UTF-8; send text")))
}

/// Fires a loop once, and says which run that led to or what the firing waits for.
///
/// # Errors
/// `Untrusted` where what it would run was never allowed here, `Refused` where its trigger is not
/// armed.
pub async fn fire(
    mut session: Session,
    name: &str,
    payload: Option<String>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    trust::usable(&mut session, name).await?;
    let fire = Command::Fire {
        name: name.to_owned(),
        payload,
    };
    session.ask(fire).await?;
    loop {
        let fact = session.next().await?.fact;
        if let Err(fail) = refused(&fact, name, Exit::Refused) {
            return Err(trust::blame(&mut session, name, fail).await);
        }
        if let Fact::Fired { run, why, .. } = fact {
            match run {
                Some(run) => out.line(&format!("{run} has woken")),
                None => out.line(&format!("{name} is queued: {why}")),
            }
            return Ok(Exit::Done);
        }
    }
}

/// Fires whatever is due, and waits until every run is parked at a checkpoint or over.
///
/// Runs count that woke since `began_ms`, in milliseconds since 1970, and those that are at work meanwhile:
/// the code is 10 where one of them waits now, else that of the first that ended without its goal, else 0.
pub async fn tick(mut session: Session, began_ms: i64, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let mut mine: BTreeSet<RunId> = at_work(&session).collect();
    session.ask(Command::Tick).await?;
    let mut answered = false;
    while !answered || at_work(&session).next().is_some() {
        let fact = session.next().await?.fact;
        refused(&fact, "triggers", Exit::Trouble)?;
        if let Fact::Stalled { why, .. } = &fact {
            return Err(Exit::Trouble.because(why));
        }
        if let Fact::Ticked(runs) = fact {
            answered = true;
            for run in runs {
                // Its first record may still be on its way.
                while session.known.run(&run).is_none() {
                    session.next().await?;
                }
                // This host may have fired it long ago, and somebody may have ended it since.
                if woke_since(&session, &run, began_ms) {
                    mine.insert(run);
                }
            }
        }
        mine.extend(at_work(&session));
    }
    Ok(told(&session, &mine, out))
}

fn woke_since(session: &Session, run: &RunId, began_ms: i64) -> bool {
    let records = session.known.runs.get(run);
    records.is_some_and(|records| records.first().is_some_and(|first| first.at >= began_ms))
}

/// The runs that do something now.
fn at_work(session: &Session) -> impl Iterator<Item = RunId> {
    let works = |run: &&RunId| {
        let run = session.known.run(run);
        run.is_some_and(|run| match run.phase() {
            Phase::Doing(_) | Phase::Halting(_) => true,
            Phase::Asking(_) | Phase::Held { .. } | Phase::Paused(_) | Phase::Ended(_) => false,
        })
    };
    session.known.runs.keys().filter(works).cloned()
}

/// One line for each run that moved and each loop that should have and did not.
fn told(session: &Session, runs: &BTreeSet<RunId>, out: &mut Out<'_>) -> Exit {
    let mut exit = Exit::Done;
    for id in runs {
        let Some(run) = session.known.run(id) else {
            continue;
        };
        let by = &run.woke().by;
        match run.phase() {
            Phase::Asking(open) => {
                out.line(&format!("{id} waits: {} ({by})", open.ask.kind()));
                exit = Exit::Waiting;
            }
            Phase::Ended(outcome) => {
                out.line(&format!(
                    "{id} ended: {} ({by})",
                    super::words::outcome(outcome)
                ));
                if exit == Exit::Done {
                    exit = Exit::of(outcome);
                }
            }
            Phase::Held { .. } => out.line(&format!("{id} is held")),
            Phase::Paused(_) => out.line(&format!("{id} waits for the end of a limit")),
            Phase::Doing(_) | Phase::Halting(_) => out.line(&format!("{id} is at work")),
        }
    }
    for row in &session.known.loops {
        if let Some(line) = short(row) {
            out.line(&line);
        }
    }
    if runs.is_empty() {
        out.line("nothing was due");
    }
    exit
}

/// What keeps a loop from waking, where something does.
fn short(row: &LoopRow) -> Option<String> {
    let LoopState::Valid(facts) = &row.state else {
        return None;
    };
    let name = &row.name;
    match &facts.waking {
        Waking::Queued { why, .. } => Some(format!("{name} is queued: {why}")),
        Waking::Asleep { why, .. } => Some(format!("{name} is asleep: {why}")),
        Waking::Disarmed { why } => Some(format!("{name} is disarmed: {why}")),
        Waking::Expired { .. } => Some(format!(
            "{name}: {}",
            Waking::expired(None, super::words::ARM)
        )),
        Waking::Unproven { proven, of } => {
            Some(format!("{name}: manual only · proven {proven} of {of}"))
        }
        Waking::Manual | Waking::Off { .. } | Waking::Armed { .. } => None,
    }
}
