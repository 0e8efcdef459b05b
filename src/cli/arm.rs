//! `arm` and `disarm`: triggers on and off. Arming gives no leave and no proof: what a loop lacks is said.

use super::session::refused;
use super::{Exit, Fail, Out, Session, trust, words};
use crate::protocol::{Command, Fact, LoopRow, LoopState, Waking};

/// Arms one loop's trigger, or all that are off, and says which still arm nothing and why.
///
/// # Errors
/// `Refused` or `Untrusted` where the named loop lacks something; its trigger is on then all the same.
pub async fn arm(
    mut session: Session,
    name: Option<&str>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let Some(name) = name else {
        let told = ask(&mut session, Command::Undo { run: None }, "triggers").await?;
        out.line(&told);
        // The list that follows from it may come after the answer.
        while any_off(&session) {
            session.next().await?;
        }
        for line in lacking(&session) {
            out.line(&line);
        }
        return Ok(Exit::Done);
    };
    session.known.row(name)?;
    let command = Command::Arm {
        name: name.to_owned(),
    };
    match ask(&mut session, command, name).await {
        Ok(told) => out.line(&told),
        Err(fail) => return Err(trust::blame(&mut session, name, fail).await),
    }
    Ok(Exit::Done)
}

/// Switches one loop's trigger off, or all; what is under way goes on.
///
/// # Errors
/// There is no such loop, or nothing but a person wakes it.
pub async fn disarm(
    mut session: Session,
    name: Option<&str>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    if let Some(name) = name {
        session.known.row(name)?;
    }
    let command = Command::Disarm {
        name: name.map(str::to_owned),
    };
    let told = ask(&mut session, command, name.unwrap_or("triggers")).await?;
    out.line(&told);
    Ok(Exit::Done)
}

/// What was done, in the words of the supervisor.
pub(super) async fn ask(
    session: &mut Session,
    command: Command,
    what: &str,
) -> Result<String, Fail> {
    session.ask(command).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, what, Exit::Refused)?;
        if let Fact::Done { what } = fact {
            return Ok(what);
        }
    }
}

/// Whether a trigger is told to be off that no file switches off.
fn any_off(session: &Session) -> bool {
    let mut rows = session.known.loops.iter();
    rows.any(|row| match &row.state {
        LoopState::Valid(facts) => facts.off && facts.spec.enabled,
        LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => false,
    })
}

/// The loops whose triggers are on and arm nothing, each with what it lacks.
fn lacking(session: &Session) -> Vec<String> {
    let lacks = |waking: &Waking| match waking {
        Waking::Unproven { proven, of } => Some(format!("manual only, proven {proven} of {of}")),
        Waking::Disarmed { why } | Waking::Off { why } => Some(why.clone()),
        Waking::Expired { .. } => Some(Waking::expired(None, words::ARM)),
        Waking::Manual | Waking::Armed { .. } | Waking::Asleep { .. } | Waking::Queued { .. } => {
            None
        }
    };
    let rows = session.known.loops.iter();
    rows.filter_map(|row| match &row.state {
        LoopState::Valid(facts) => {
            let why = lacks(&facts.waking)?;
            Some(format!("{} is not armed: {why}", row.name))
        }
        LoopState::Unexamined => Some(format!("{} is not looked at yet", row.name)),
        LoopState::Invalid { line, why } => {
            Some(format!("{} is not armed: line {line}: {why}", row.name))
        }
        LoopState::Gone => Some(format!(
            "{0} is not armed: {1}",
            row.name,
            LoopRow::gone(&row.name)
        )),
    })
    .collect()
}
