//! `run LOOP`: starts a loop and follows it until it asks or ends.

use super::session::{Open, refused, stalled};
use super::{Exit, Fail, Out, Session, trust, words};
use crate::protocol::{Command, Fact, Record, RunId};
use crate::run::{Answer, Event, Phase};

/// What becomes of a run whose beginning cannot be written down yet.
const START_KEPT: &str = "the run begins once that is written";

/// What becomes of a run whose events cannot be written down yet.
const RUN_KEPT: &str = "the host keeps the run, and it goes on once that is written";

/// Starts the loop, or follows the run that is under way, until a checkpoint or the end.
///
/// Interrupting it leaves the run alone.
pub async fn run(
    mut session: Session,
    name: &str,
    json: bool,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    trust::usable(&mut session, name).await?;
    let run = if let Some(run) = under_way(&session, name) {
        if let Some(open) = session.known.open_at(&run) {
            return Ok(waits(&session, &open, json, out));
        }
        if !json {
            out.line(&format!("{run} is under way; following it"));
            out.flush();
        }
        run
    } else {
        let (run, record) = start(&mut session, name).await?;
        tell(&record, json, out);
        run
    };
    follow(session, &run, json, out).await
}

/// The loop's run that has not ended.
pub(super) fn under_way(session: &Session, name: &str) -> Option<RunId> {
    let newest = session.known.newest(name)?;
    let ended = matches!(session.known.run(newest)?.phase(), Phase::Ended(_));
    (!ended).then(|| newest.clone())
}

/// Starts the loop, if its operator lets it run; the record with which its run begins.
pub(super) async fn start(session: &mut Session, name: &str) -> Result<(RunId, Record), Fail> {
    let review = trust::review(session, name).await?;
    if !review.allowed {
        let line = format!(
            "{name}: {}; `checkride trust {name}` shows it",
            review.standing()
        );
        return Err(Exit::Untrusted.because(line));
    }
    let start = Command::Start {
        name: name.to_owned(),
    };
    begin(session, start, name).await
}

/// Sends what starts a run of this loop; the record with which it begins.
pub(super) async fn begin(
    session: &mut Session,
    command: Command,
    name: &str,
) -> Result<(RunId, Record), Fail> {
    session.ask(command).await?;
    loop {
        let record = session.next().await?;
        refused(&record.fact, name, Exit::Refused)?;
        if let Fact::Stalled { run, .. } = &record.fact
            && run.split().is_some_and(|(of, _)| of == name)
        {
            stalled(&record.fact, run, START_KEPT)?;
        }
        if let Fact::Run { run, event } = &record.fact
            && let Event::Woke(wake) = event
            && wake.spec.name == name
        {
            return Ok((run.clone(), record));
        }
    }
}

/// Tells what happens in a run until it asks or ends.
pub(super) async fn follow(
    mut session: Session,
    run: &RunId,
    json: bool,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let mut place = None;
    while !out.is_closed() {
        if !json {
            tell_place(&session, run, &mut place, out);
        }
        let record = session.next().await?;
        stalled(&record.fact, run, RUN_KEPT)?;
        let Fact::Run { run: of, event } = &record.fact else {
            continue;
        };
        if of != run {
            continue;
        }
        if matches!(event, Event::Asked(_))
            && let Some(open) = session.known.open_at(run)
        {
            return Ok(waits(&session, &open, json, out));
        }
        tell(&record, json, out);
        if let Event::Ended(outcome) = event {
            if !json && let Some(line) = spent(&session, run) {
                out.line(&line);
            }
            return Ok(Exit::of(outcome));
        }
    }
    Ok(Exit::Done)
}

/// Says which place the run has in the line of those that wait to work, whenever that has changed.
fn tell_place(
    session: &Session,
    run: &RunId,
    told: &mut Option<(usize, usize)>,
    out: &mut Out<'_>,
) {
    let now = session.known.place(run);
    if now == *told {
        return;
    }
    if let Some((place, of)) = now {
        out.line(&format!("queued {place} of {of}: others are at work"));
        out.flush();
    }
    *told = now;
}

/// What the run spent in all.
pub(super) fn spent(session: &Session, run: &RunId) -> Option<String> {
    let used = session.known.run(run)?.meter().used();
    Some(format!("cost: {}", words::spent(used)))
}

pub(super) fn tell(record: &Record, json: bool, out: &mut Out<'_>) {
    if json {
        out.json(record);
    } else if let Some(line) = record.event().and_then(words::event) {
        out.line(&line);
    }
    out.flush();
}

/// Says what is asked and how to answer; for programs, the record that asks.
pub(super) fn waits(session: &Session, open: &Open, json: bool, out: &mut Out<'_>) -> Exit {
    if json {
        out.json(&open.record);
    } else {
        out.text(&how_to_answer(session, open));
    }
    Exit::Waiting
}

/// The checkpoint's name, kind and whole digest, and what to type: answers that would be refused are
/// not offered.
pub(super) fn how_to_answer(session: &Session, open: &Open) -> String {
    let answers = session.known.run(&open.run).map(|run| run.answers());
    let bound = session.known.bound_by_day(open).is_some();
    let answers: Vec<&str> = answers
        .unwrap_or_default()
        .into_iter()
        .filter(|answer| !bound || *answer != Answer::Edit)
        .map(Answer::word)
        .collect();
    let answers = answers.join("|");
    let (id, digest) = (&open.checkpoint.id, &open.checkpoint.digest);
    let kind = open.checkpoint.ask.kind();
    format!(
        "{id} waits: {kind}\n  digest  {digest}\n  look    checkride show {id}\n  answer  checkride decide {id} {answers} --digest {}\n",
        digest.as_str().get(..16).unwrap_or_default()
    )
}
