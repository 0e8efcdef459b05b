//! `trust [LOOP…]`: lays open what loops would run, and lets them run on the operator's word for
//! exactly these bytes.

use std::io::BufRead;

use super::session::refused;
use super::{Exit, Fail, Out, Session};
use crate::protocol::review::Tone;
use crate::protocol::{Command, Fact, LoopRow, LoopState, Review};
use crate::run::digest::SHORTEST_PREFIX;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The loops; where none is named, those that may not run.
    pub names: &'a [String],
    /// Digits of the digest that is allowed without further question.
    pub yes: Option<&'a str>,
    /// One object per loop instead of words.
    pub json: bool,
}

/// Shows each loop, and allows it where the operator says so: by its digits on the command line, or
/// on `ask`, where a person can be asked.
///
/// # Errors
/// `Untrusted` where a loop that was looked at still may not run.
pub async fn trust(
    mut session: Session,
    wish: Wish<'_>,
    mut ask: Option<&mut dyn BufRead>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    if wish
        .yes
        .is_some_and(|digits| digits.len() < SHORTEST_PREFIX)
    {
        return Err(Exit::Usage.because(format!(
            "--yes takes at least {SHORTEST_PREFIX} digits; `checkride trust` prints all 64"
        )));
    }
    let loops = loops(&mut session, wish.names).await?;
    let (mut left, mut named) = (Vec::new(), false);
    let mut shown = 0;
    for name in loops {
        let review = review(&mut session, &name).await?;
        // Unasked, only what may not run is shown.
        if review.allowed && wish.names.is_empty() {
            continue;
        }
        shown += 1;
        if wish.json {
            out.json(&review);
        } else {
            tell(&review, out);
        }
        let given = wish
            .yes
            .is_some_and(|digits| review.digest.is_named_by(digits));
        named |= given;
        if review.allowed {
            continue;
        }
        let said = match &mut ask {
            Some(from) if wish.yes.is_none() => says_yes(&review, *from, out)?,
            Some(_) | None => given,
        };
        if said {
            allow(&mut session, &review).await?;
            if !wish.json {
                out.line(&format!("{name} is allowed as it stands"));
            }
        } else {
            left.push(review);
        }
    }
    if shown == 0 && !wish.json {
        out.line(&nothing_to_allow(&session.known.loops));
    }
    conclude(wish.yes.filter(|_| !named), &left)
}

/// How it ends: digits that named nothing, or a loop that still may not run, are told.
fn conclude(stray: Option<&str>, left: &[Review]) -> Result<Exit, Fail> {
    if let Some(digits) = stray {
        let line = format!(
            "no loop that was looked at has the digest {digits}; look again: checkride trust"
        );
        return Err(Exit::Refused.because(line));
    }
    if left.is_empty() {
        return Ok(Exit::Done);
    }
    let names: Vec<&str> = left.iter().map(|review| review.name.as_str()).collect();
    let commands = left.iter().map(|review| {
        let digits = review.digest.as_str().get(..16).unwrap_or_default();
        format!("checkride trust {} --yes {digits}", review.name)
    });
    let commands: Vec<String> = commands.collect();
    Err(Exit::Untrusted.because(format!(
        "{} may not run; to allow what was shown: {}",
        names.join(", "),
        commands.join("; ")
    )))
}

/// What is said where no loop waits to be allowed. A file that cannot be read is no loop yet.
fn nothing_to_allow(rows: &[LoopRow]) -> String {
    let invalid = |row: &&LoopRow| matches!(row.state, LoopState::Invalid { .. });
    let invalid: Vec<&str> = rows
        .iter()
        .filter(invalid)
        .map(|row| row.name.as_str())
        .collect();
    match (rows.len(), invalid.as_slice()) {
        (0, _) => "there is no loop here; `checkride init` writes one".to_owned(),
        (_, []) => "every loop here may run as it stands".to_owned(),
        (all, files) if files.len() == all => {
            format!(
                "no loop here can run: {} is invalid; see `checkride check`",
                files.join(", ")
            )
        }
        (_, files) => format!(
            "every valid loop here may run as it stands; invalid, see `checkride check`: {}",
            files.join(", ")
        ),
    }
}

/// The review of one loop, as it stands now.
pub(super) async fn review(session: &mut Session, name: &str) -> Result<Review, Fail> {
    let command = Command::Review {
        name: name.to_owned(),
    };
    session.ask(command).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, name, Exit::Refused)?;
        if let Fact::Review(review) = fact
            && review.name == name
        {
            return Ok(*review);
        }
    }
}

/// Makes sure that there is a loop of this name whose file is valid: by the list, or by the file as it stands now,
/// which may have been mended a moment ago.
pub(super) async fn usable(session: &mut Session, name: &str) -> Result<(), Fail> {
    let Err(fail) = session.known.usable(name).map(drop) else {
        return Ok(());
    };
    match review(session, name).await {
        Err(no) if no.exit == Exit::Refused => Err(fail),
        reviewed => reviewed.map(drop),
    }
}

/// The code of a refusal: `Untrusted` where it was for want of the operator's leave for this loop.
pub(super) async fn blame(session: &mut Session, name: &str, fail: Fail) -> Fail {
    if fail.exit != Exit::Refused {
        return fail;
    }
    match review(session, name).await {
        Ok(review) if !review.allowed => Exit::Untrusted.because(fail.line),
        Ok(_) | Err(_) => fail,
    }
}

/// What is looked at: what was named, else every loop whose file can be read.
async fn loops(session: &mut Session, asked: &[String]) -> Result<Vec<String>, Fail> {
    for name in asked {
        usable(session, name).await?;
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let valid = |row: &&LoopRow| matches!(row.state, LoopState::Valid(_));
    let all = session.known.loops.iter().filter(valid);
    Ok(all.map(|row| row.name.clone()).collect())
}

pub(super) fn tell(review: &Review, out: &mut Out<'_>) {
    out.line(&format!("{}  digest {}", review.name, review.digest));
    for (tone, line) in review.lines() {
        out.line(&match tone {
            Tone::Head => format!("  {line}"),
            Tone::Plain | Tone::Added | Tone::Removed | Tone::Quiet if line.is_empty() => line,
            Tone::Plain | Tone::Added | Tone::Removed | Tone::Quiet => format!("    {line}"),
        });
    }
    out.line("");
}

/// Only the whole word counts: a stray Enter allows nothing.
fn says_yes(review: &Review, from: &mut dyn BufRead, out: &mut Out<'_>) -> Result<bool, Fail> {
    out.line(&format!("allow {} to run all this? type yes", review.name));
    out.flush();
    let mut line = String::new();
    let read = from.read_line(&mut line);
    read.map_err(|e| Exit::Trouble.because(format!("no answer can be read: {e}")))?;
    Ok(line.trim() == "yes")
}

async fn allow(session: &mut Session, review: &Review) -> Result<(), Fail> {
    let (name, digest) = (review.name.clone(), review.digest.clone());
    session.ask(Command::Trust { name, digest }).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, &review.name, Exit::Refused)?;
        if let Fact::Done { .. } = fact {
            return Ok(());
        }
    }
}
