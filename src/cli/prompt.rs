//! `prompt [SKILL]`: runs a plain prompt once, and follows it until it asks or ends.

use super::{Exit, Fail, Out, Session, run, trust};
use crate::protocol::{Command, Plain};
use crate::run::spec::PLAIN;

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
    let begun = run::begin(&mut session, Command::Prompt(plain), PLAIN).await;
    match begun {
        Ok((id, record)) => {
            run::tell(&record, json, out);
            run::follow(session, &id, json, out).await
        }
        Err(fail) => {
            // What was taken in and may not run yet can be looked at under its name.
            let review = trust::review(&mut session, PLAIN).await;
            let asks = fail.exit == Exit::Refused && review.is_ok_and(|review| !review.allowed);
            Err(if asks {
                Exit::Untrusted.because(fail.line)
            } else {
                fail
            })
        }
    }
}
