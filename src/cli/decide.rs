//! `decide ID ANSWER`: answers a checkpoint by its digest, and waits until the answer counts.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::flags::{self, Word};
use super::session::{Open, refused, stalled};
use super::{Exit, Fail, Out, Session, words};
use crate::protocol::{Command, Fact};
use crate::run::digest::SHORTEST_PREFIX;
use crate::run::{Ask, Decision, Edit, Event, Judgement};

/// Longest text that a decision may carry, in bytes; the wire takes 8 MiB with its escapes.
pub(super) const LONGEST_TEXT: u64 = 2 << 20;

/// What becomes of an answer that cannot be written down yet.
const ANSWER_KEPT: &str =
    "the answer is not lost, the host keeps it and it counts once it is written";

/// Answers, and waits for the record that shows it, or for the reason why not.
pub async fn decide(
    mut session: Session,
    words: &flags::Decide,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let text = words.file.as_deref().map(read_text).transpose()?;
    let open = session.known.open_named(&words.id)?;
    named(&open, &words.digest)?;
    let decision = decision(&open, words, text)?;
    send(&mut session, &open, &decision).await?;
    out.line(&format!(
        "{} {}",
        open.checkpoint.id,
        words::decided(&decision)
    ));
    Ok(Exit::Done)
}

/// Sends a decision, and waits until it counts or is refused.
pub(super) async fn send(
    session: &mut Session,
    open: &Open,
    decision: &Decision,
) -> Result<(), Fail> {
    let command = Command::Decide {
        checkpoint: open.checkpoint.id.clone(),
        digest: open.checkpoint.digest.clone(),
        decision: decision.clone(),
    };
    session.ask(command).await?;
    confirmed(session, open, decision).await
}

async fn confirmed(session: &mut Session, open: &Open, mine: &Decision) -> Result<(), Fail> {
    let id = &open.checkpoint.id;
    loop {
        let fact = session.next().await?.fact;
        if let Err(fail) = refused(&fact, &id.0, Exit::Refused) {
            // Whoever was faster is worth more than that somebody was.
            let before = session.known.answered(open, &session.zone);
            return Err(before.map_or(fail, |line| Exit::Refused.because(line)));
        }
        refused(&fact, &open.run.0, Exit::Refused)?;
        stalled(&fact, &open.run, ANSWER_KEPT)?;
        let Fact::Run { event, .. } = fact else {
            continue;
        };
        let Event::Decided {
            checkpoint,
            decision,
            by,
            ..
        } = event
        else {
            continue;
        };
        if checkpoint != *id {
            continue;
        }
        if by == session.by && decision == *mine {
            return Ok(());
        }
        if let Some(line) = session.known.answered(open, &session.zone) {
            return Err(Exit::Refused.because(line));
        }
    }
}

/// Whether the typed digits name what is open.
fn named(open: &Open, typed: &str) -> Result<(), Fail> {
    let digest = &open.checkpoint.digest;
    if typed.len() < SHORTEST_PREFIX {
        return Err(Exit::Usage.because(format!(
            "--digest takes at least {SHORTEST_PREFIX} digits; `checkride show {}` prints all 64",
            open.checkpoint.id
        )));
    }
    if digest.is_named_by(typed) {
        return Ok(());
    }
    Err(Exit::Refused.because(format!(
        "{typed} is not what {id} shows now; look again: checkride show {id}",
        id = open.checkpoint.id
    )))
}

/// The decision that these words mean at this question. What does not fit it is a usage error.
pub(super) fn decision(
    open: &Open,
    words: &flags::Decide,
    text: Option<String>,
) -> Result<Decision, Fail> {
    let stray = |what: &str| Err(Exit::Usage.because(format!("{what} belongs to another answer")));
    let words_too = words.note.is_some() || words.file.is_some();
    if words.answer != Word::Edit && (words.edit != flags::Edit::default() || words.path.is_some())
    {
        return stray("what only edit takes");
    }
    match words.answer {
        Word::Approve | Word::Abort if words_too => stray("a note or file"),
        Word::Approve if is_yours(&open.checkpoint.ask) => Err(unanswered(open)),
        Word::Approve => Ok(Decision::Approve {
            typed: must_type(&open.checkpoint.ask).then(|| typed(&words.digest)),
        }),
        Word::Abort => Ok(Decision::Abort),
        Word::Retry => Ok(Decision::Retry {
            note: words.note.clone().or(text),
        }),
        Word::Edit => edit(open, words, text).map(Decision::Edit),
    }
}

/// Whether it is a verdict whose rubric waits for the operator.
fn is_yours(ask: &Ask) -> bool {
    matches!(ask, Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::Open)
}

fn unanswered(open: &Open) -> Fail {
    let id = &open.checkpoint.id;
    Exit::Refused.because(format!(
        "you are the judge of {id}: answer each rubric line first, as in `checkride decide {id} edit \
         --yes 1 --no 2=WHY --digest HEX`, then approve what it shows; `checkride show {id}` prints the lines"
    ))
}

/// Whoever gives 16 digits of a digest has typed its first 8.
fn typed(digits: &str) -> String {
    digits.chars().take(8).collect()
}

pub(super) fn must_type(ask: &Ask) -> bool {
    matches!(ask, Ask::Publish { typed: true, .. })
}

fn edit(open: &Open, words: &flags::Decide, text: Option<String>) -> Result<Edit, Fail> {
    let more = &words.edit;
    let id = &open.checkpoint.id;
    let missing = |what: &str| {
        let kind = open.checkpoint.ask.kind();
        Exit::Usage.because(format!("edit on the {kind} checkpoint {id} takes {what}"))
    };
    match &open.checkpoint.ask {
        Ask::Prompt { .. } => {
            let text = text.ok_or_else(|| missing("--file with the whole new prompt"))?;
            Ok(Edit::Prompt { text })
        }
        Ask::Work { .. } | Ask::Publish { .. } => match (words.path.clone(), text) {
            (Some(path), Some(text)) => Ok(Edit::File { path, text }),
            (_, _) => Err(missing(
                "--path with a changed file and --file with its new text",
            )),
        },
        Ask::Verdict { verdict, .. } => {
            let lines = rubric(more, &verdict.judgement)?;
            let note = words.note.clone().or(text);
            if lines.is_empty() && note.is_none() && more.feedback.is_none() {
                return Err(missing("--yes N, --no N=WHY, --note or --feedback"));
            }
            let feedback = more.feedback.clone();
            Ok(Edit::Verdict {
                lines,
                note,
                feedback,
            })
        }
        Ask::Question { .. } => {
            let answer = words.note.clone().or(text);
            let text = answer.ok_or_else(|| missing("--note or --file with the answer"))?;
            Ok(Edit::Answer { text })
        }
        Ask::Guardrail { .. } if more.allow => Ok(Edit::AllowOnce),
        Ask::Permission { .. } if more.allow => Ok(Edit::AllowForRun),
        Ask::Guardrail { .. } | Ask::Permission { .. } => Err(missing("--allow")),
        Ask::Budget { .. } => {
            let micro_usd = more.usd.as_deref().map(micro_usd).transpose()?;
            let (tokens, minutes) = (more.tokens, more.minutes);
            if tokens.is_none() && minutes.is_none() && micro_usd.is_none() {
                return Err(missing("--tokens, --minutes or --usd with the new limit"));
            }
            Ok(Edit::Raise {
                tokens,
                minutes,
                micro_usd,
            })
        }
        Ask::Stuck { .. } | Ask::Error { .. } => Ok(Edit::Files),
    }
}

/// Rubric lines set by number: from 1 on the command line, from 0 inside.
fn rubric(more: &flags::Edit, judgement: &Judgement) -> Result<Vec<(usize, bool, String)>, Fail> {
    let most = match judgement {
        Judgement::Given(answer) => answer.findings.len(),
        // The rubric is known to the run, which refuses a line that it does not have.
        Judgement::None
        | Judgement::NotAsked { .. }
        | Judgement::Open
        | Judgement::Unreadable { .. } => usize::MAX,
    };
    let from_0 = |n: usize| match n.checked_sub(1) {
        Some(line) if n <= most => Ok(line),
        Some(_) | None => Err(Exit::Usage.because(format!("the rubric has no line {n}"))),
    };
    let mut lines = Vec::new();
    for &n in &more.yes {
        lines.push((from_0(n)?, true, String::new()));
    }
    for no in &more.no {
        let (n, why) = no.split_once('=').unwrap_or((no, ""));
        let n = n
            .parse()
            .map_err(|_| Exit::Usage.because(format!("--no takes N or N=WHY, not {no}")))?;
        lines.push((from_0(n)?, false, why.to_owned()));
    }
    Ok(lines)
}

/// `2.50` as millionths of a dollar.
fn micro_usd(dollars: &str) -> Result<u64, Fail> {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let padded = format!("{part:0<6}");
    let micro = (digits(whole) && digits(part) && !whole.is_empty() && part.len() <= 6)
        .then(|| {
            let whole: u64 = whole.parse().ok()?;
            whole
                .checked_mul(1_000_000)?
                .checked_add(padded.parse().ok()?)
        })
        .flatten();
    micro.ok_or_else(|| {
        Exit::Usage.because(format!("--usd takes dollars such as 2.50, not {dollars}"))
    })
}

/// A text from a file, or from standard input.
pub fn read_text(path: &Path) -> Result<String, Fail> {
    let name = path.display();
    let cannot = |e: io::Error| Exit::Usage.because(format!("cannot read {name}: {e}"));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(LONGEST_TEXT + 1)
            .read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(cannot)?;
        file.take(LONGEST_TEXT + 1).read_to_end(&mut bytes)
    };
    read.map_err(cannot)?;
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(Exit::Usage.because(format!("{name} is longer than 2 MiB")));
    }
    String::from_utf8(bytes).map_err(|_| Exit::Usage.because(format!("{name} is not UTF-8 text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Money is exact to the millionth, and nothing else is taken for money.
    #[test]
    fn reads_dollars() {
        assert_eq!(micro_usd("2.50").unwrap(), 2_500_000);
        assert_eq!(micro_usd("0.000001").unwrap(), 1);
        assert_eq!(micro_usd("3").unwrap(), 3_000_000);
        for bad in ["", ".5", "-1", "1.0000001", "1e3", "99999999999999999999"] {
            assert_eq!(micro_usd(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }
}
