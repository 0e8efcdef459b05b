//! What happened while nobody was here, in words: what ran and how it ended, what waits, what it cost.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::log;
use super::session::refused;
use super::{Exit, Fail, Session, words};
use crate::protocol::away::{Away, has_news};
use crate::protocol::{Command, Fact, Fetch, Lapse, LoopState, Waking};

/// Runs of a loop that are fetched at a time.
const PAGE: u32 = 20;

/// What happened since this moment; the runs that may have done something are fetched for it.
///
/// # Errors
/// The host is gone, or refuses its history.
pub async fn gather(session: &mut Session, since: i64) -> Result<Away, Fail> {
    let valid = |state: &LoopState| matches!(state, LoopState::Valid(_));
    let rows = session.known.loops.iter();
    let names: Vec<String> = rows
        .filter(|row| valid(&row.state) && row.last_run.is_some())
        .map(|row| row.name.clone())
        .collect();
    for name in names {
        let mut before = u32::MAX;
        loop {
            let (runs, more) = log::fetch(session, &name, before, PAGE).await?;
            // A run is over before the next one of its loop begins.
            let early = runs.iter().any(|(_, records)| !has_news(records, since));
            let oldest = runs.iter().map(|(number, _)| *number).min();
            match oldest {
                Some(oldest) if more && !early && oldest < before => before = oldest,
                Some(_) | None => break,
            }
        }
    }
    let lapses = lapses(session, since).await?;
    let known = &session.known;
    Ok(Away::of(&known.loops, lapses, &known.runs, since))
}

/// What should have run since this moment and did not, by loop.
async fn lapses(session: &mut Session, since: i64) -> Result<Vec<(String, Lapse)>, Fail> {
    let wanted = Fetch::Lapses { since };
    session.ask(Command::Fetch(wanted)).await?;
    loop {
        let fact = session.next().await?.fact;
        refused(&fact, "history", Exit::Trouble)?;
        if let Fact::Lapses(lapses) = fact {
            return Ok(lapses);
        }
    }
}

/// In one line: `since Fri 14:02, 2 h 5 min ago: 2 runs ended, 1 waits, 31000 tokens, $0.41`.
pub fn line(away: &Away, now_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(away.since).unwrap_or_default();
    let at = at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string();
    // A clock that was set back makes no time negative.
    let ago = words::duration((now_ms - away.since).max(0));
    let ended = match away.ended() {
        1 => "1 run ended".to_owned(),
        n => format!("{n} runs ended"),
    };
    let waiting = match away.waiting.len() {
        0 => "nothing waits".to_owned(),
        1 => "1 waits".to_owned(),
        n => format!("{n} wait"),
    };
    let spent = words::spent(away.spent);
    format!("since {at}, {ago} ago: {ended}, {waiting}, {spent}")
}

/// On one page: that line, what became of each run, what did not run, and what waits for an answer.
pub fn page(away: &Away, now_ms: i64, zone: &TimeZone) -> String {
    let ago = |at: i64| words::duration((now_ms - at).max(0));
    let mut lines = vec![line(away, now_ms, zone)];
    for flown in &away.runs {
        let how = match &flown.outcome {
            Some(outcome) => format!("ended: {}", words::outcome(outcome)),
            None => "goes on".to_owned(),
        };
        lines.push(format!("  {} {how}, {} ago", flown.run, ago(flown.at)));
    }
    for (name, lapse) in &away.lapses {
        lines.push(format!("  {name}: {}", words::missed(lapse, now_ms)));
    }
    for (name, at) in &away.expired {
        let since = format!("{} ago", ago(*at));
        lines.push(format!(
            "  {name}: {}",
            Waking::expired(Some(&since), words::ARM)
        ));
    }
    for waiting in &away.waiting {
        let (id, kind) = (&waiting.id, waiting.kind);
        lines.push(format!(
            "  {id} waits: {kind}, asked {} ago",
            ago(waiting.at)
        ));
    }
    lines.push(String::new());
    lines.join("\n") + "\n"
}
