//! `prompt [SKILL]`: runs a plain prompt once, and follows it until it asks or ends.

use super::{Exit, Fail, Out, Session, decide, flags, run, trust};
use crate::protocol::{Command, LoopRow, LoopState, Plain};
use crate::run::spec::PLAIN;

/// A plain prompt as the command line has it.
///
/// # Errors
/// Its file cannot be read.
pub fn asked(words: &flags::Prompt) -> Result<Plain, Fail> {
    let text = match (&words.text, &words.file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => decide::read_text(file)?,
        (None, None) => String::new(),
    };
    Ok(Plain {
        text,
        skill: words.skill.clone(),
        worker: words.worker.clone(),
    })
}

/// Asks it, once.
///
/// # Errors
/// `Usage` where nothing is asked, `Untrusted` where what it would run was never allowed here,
/// `Refused` where it cannot be started.
pub async fn prompt(
    mut session: Session,
    plain: Plain,
    json: bool,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    if plain.text.trim().is_empty() {
        return Err(Exit::Usage.because(
            "nothing is asked; write --text TEXT, or --file FILE (`-` is standard input)",
        ));
    }
    let lender = lender(&session, plain.worker.as_deref());
    let begun = run::begin(&mut session, Command::Prompt(plain), PLAIN).await;
    match begun {
        Ok((id, record)) => {
            run::tell(&record, json, out);
            run::follow(session, &id, json, out).await
        }
        Err(mut fail) => {
            // What was taken in and may not run yet can be looked at under its name.
            for name in lender.into_iter().chain([PLAIN.to_owned()]) {
                fail = trust::blame(&mut session, &name, fail).await;
            }
            Err(fail)
        }
    }
}

/// The loop whose worker is asked, where it is a loop's: the one that is named, or the only one.
fn lender(session: &Session, named: Option<&str>) -> Option<String> {
    let valid = |row: &&LoopRow| matches!(row.state, LoopState::Valid(_));
    let mut loops = session.known.loops.iter().filter(valid);
    let found = match named {
        Some(name) => loops.find(|row| row.name == name),
        None => loops.next().filter(|_| loops.next().is_none()),
    };
    found.map(|row| row.name.clone())
}
