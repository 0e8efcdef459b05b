//! `show ID`: prints exactly what a checkpoint asks about, and only then marks it seen.

use super::session::{Open, refused};
use super::{Exit, Fail, Out, Session, run, words};
use crate::protocol::{Command, Fact, Fetch};
use crate::run::{Ask, Digest, Judgement, TextRef, Wake};

/// Lines that are fetched at a time.
const PAGE: u64 = 2_000;

/// Prints the question and its text: quoted at a terminal, else last and byte for byte.
///
/// It counts as seen once all of it was handed over; a reader that left early has not seen it.
pub async fn show(mut session: Session, id: &str, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let open = session.known.open_named(id)?;
    let how = run::how_to_answer(&session, &open);
    if out.is_at_terminal() {
        artefact(&mut session, &open, out).await?;
        out.line("");
        out.text(&how);
    } else {
        // Nothing of ours follows the text, so that none of it can pass for ours.
        above(&session, &open, out);
        out.text(&how);
        if let Some(text) = text_of(&open.checkpoint.ask) {
            out.line("");
            exact(&mut session, text, out).await?;
        }
    }
    out.flush();
    if out.is_closed() {
        return Ok(Exit::Done);
    }
    mark_seen(&mut session, &open).await?;
    Ok(Exit::Done)
}

/// Prints the question, what is not enforced, and all of the text that it is about, each line of that marked
/// as no line of this program.
pub(super) async fn artefact(
    session: &mut Session,
    open: &Open,
    out: &mut Out<'_>,
) -> Result<(), Fail> {
    above(session, open, out);
    if let Some(text) = text_of(&open.checkpoint.ask) {
        out.line("");
        pages(session, &text.digest, |line| {
            out.line(words::as_quoted(line).trim_end());
        })
        .await?;
    }
    Ok(())
}

/// Prints all that stands above the text.
fn above(session: &Session, open: &Open, out: &mut Out<'_>) {
    out.text(&head(open));
    if let Some(day) = session.known.bound_by_day(open) {
        out.line(&day.line(&words::at(day.ends)));
    }
    let woke = session.known.run(&open.run);
    let woke = woke.as_ref();
    let missing = woke.map_or_else(Vec::new, |run| run.woke().not_enforced.clone());
    if !missing.is_empty() {
        out.line(&format!("not enforced here: {}", missing.join(", ")));
    }
    for line in woke.map_or_else(Vec::new, |run| rubric(open, run.woke())) {
        out.line(&line);
    }
}

/// Prints a kept text byte for byte: its last line ends here where it ends there.
async fn exact(session: &mut Session, text: &TextRef, out: &mut Out<'_>) -> Result<(), Fail> {
    let mut left = text.bytes;
    pages(session, &text.digest, |line| {
        left = left.saturating_sub(line.len() as u64);
        out.exact(line, left > 0);
        left = left.saturating_sub(1);
    })
    .await
}

/// What stands before the text.
pub(super) fn head(open: &Open) -> String {
    let asked = &open.checkpoint;
    let mut lines = vec![format!(
        "{} {} iteration {}",
        asked.id,
        asked.ask.kind(),
        asked.iteration
    )];
    lines.extend(words::question(asked));
    lines.join("\n")
}

/// The lines that wait for their judge, where that is the operator, and how they are answered.
fn rubric(open: &Open, woke: &Wake) -> Vec<String> {
    let Ask::Verdict { verdict, .. } = &open.checkpoint.ask else {
        return Vec::new();
    };
    let judge = woke.spec.goal.judge.as_ref();
    let judge = judge.filter(|_| verdict.judgement == Judgement::Open);
    let Some(judge) = judge else {
        return Vec::new();
    };
    let lines = judge.rubric.iter().enumerate();
    let lines = lines.map(|(i, line)| format!("  {}  {line}", i + 1));
    let how = format!(
        "you are its judge: checkride decide {} edit --yes N or --no N for each line, --digest HEX",
        open.checkpoint.id
    );
    lines.chain([how]).collect()
}

/// The text that is kept apart from the question.
fn text_of(ask: &Ask) -> Option<&TextRef> {
    match ask {
        Ask::Prompt { text, .. } => Some(text),
        Ask::Work { work } | Ask::Guardrail { work, .. } => Some(&work.diff),
        Ask::Publish { artefact, .. } => Some(artefact),
        Ask::Verdict { .. }
        | Ask::Question { .. }
        | Ask::Stuck { .. }
        | Ask::Permission { .. }
        | Ask::Budget { .. }
        | Ask::Error { .. } => None,
    }
}

/// Hands out every line of a kept text.
pub(super) async fn pages(
    session: &mut Session,
    digest: &Digest,
    mut each: impl FnMut(&str),
) -> Result<(), Fail> {
    let mut from = 0;
    loop {
        let (lines, total) = fetch(session, digest, from, PAGE).await?;
        for line in &lines {
            each(line);
        }
        from += lines.len() as u64;
        if lines.is_empty() && from < total {
            let line =
                format!("only {from} of {total} lines could be read; nothing was marked seen");
            return Err(Exit::Trouble.because(line));
        }
        if from >= total {
            return Ok(());
        }
    }
}

async fn fetch(
    session: &mut Session,
    digest: &Digest,
    from: u64,
    lines: u64,
) -> Result<(Vec<String>, u64), Fail> {
    let wanted = Fetch::Text {
        digest: digest.clone(),
        from,
        lines,
    };
    session.ask(Command::Fetch(wanted.clone())).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, digest.short(), Exit::Trouble)?;
        if let Fact::Lines { of, lines, total } = fact
            && of == wanted
        {
            return Ok((lines, total));
        }
    }
}

/// Commands of one connection are taken in order: the answer to a later one proves that this one
/// has arrived.
pub(super) async fn mark_seen(session: &mut Session, open: &Open) -> Result<(), Fail> {
    let (checkpoint, digest) = (open.checkpoint.id.clone(), open.checkpoint.digest.clone());
    session.ask(Command::Seen { checkpoint, digest }).await?;
    // Whether there is a text of this digest does not matter: either answer will do.
    let (name, id) = (
        open.checkpoint.digest.short(),
        open.checkpoint.id.0.as_str(),
    );
    let probe = Fetch::Text {
        digest: open.checkpoint.digest.clone(),
        from: 0,
        lines: 0,
    };
    session.ask(Command::Fetch(probe.clone())).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, "journal", Exit::Trouble)?;
        refused(&fact, id, Exit::Refused)?;
        let answered = matches!(&fact, Fact::Lines { of, .. } if *of == probe);
        if answered || refused(&fact, name, Exit::Done).is_err() {
            return Ok(());
        }
    }
}
