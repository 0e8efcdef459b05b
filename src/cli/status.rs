//! `status`: how every loop stands, for people in columns and for programs as one object.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::session::Known;
use super::words;
use crate::protocol::{LoopRow, LoopState};
use crate::run::{Phase, Usage};

/// How the project stands (PRODUCT §5.24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The program's version.
    pub version: &'static str,
    /// Every loop, valid or not.
    pub loops: Vec<Row>,
}

/// How one loop stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The loop's name.
    pub name: String,
    /// `invalid`, `off`, `idle`, `waiting`, `held`, `working` or `stopping`.
    pub state: &'static str,
    /// The granted mode; empty for an invalid loop.
    pub mode: &'static str,
    /// The run that is under way, or the newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Question>,
    /// What that run spent so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent: Option<Usage>,
    /// What people are told besides; not part of the object.
    #[serde(skip)]
    pub words: String,
}

/// An open question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its digest, 64 digits.
    pub digest: String,
    /// Seconds since it was asked.
    pub age_s: i64,
}

/// How everything stands at this moment, in milliseconds since 1970.
pub fn status(known: &Known, now_ms: i64) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION"),
        loops: known.loops.iter().map(|l| row(known, l, now_ms)).collect(),
    }
}

fn row(known: &Known, row: &LoopRow, now_ms: i64) -> Row {
    let newest = known.newest(&row.name).cloned().or(row.last_run.clone());
    let run = newest.as_ref().and_then(|run| known.run(run));
    let open = newest.as_ref().and_then(|run| known.open_at(run));
    let (mode, off, broken) = match &row.state {
        LoopState::Valid(facts) => (facts.mode.word(), facts.off, None),
        LoopState::Invalid { line, why } => ("", false, Some(format!("line {line}: {why}"))),
    };
    let resting = if off { "off" } else { "idle" };
    let (state, told) = match run.as_ref().map(crate::run::Run::phase) {
        Some(Phase::Doing(stage)) => ("working", words::doing(*stage).to_owned()),
        Some(Phase::Asking(asked)) => ("waiting", format!("{} {}", asked.id, asked.ask.kind())),
        Some(Phase::Held { .. }) => ("held", String::new()),
        Some(Phase::Paused(pause)) => (
            "limited",
            format!("waits for the limit until {}", words::until(pause.until_ms)),
        ),
        Some(Phase::Halting(_)) => ("stopping", String::new()),
        Some(Phase::Ended(end)) => (resting, format!("last: {}", words::outcome(end))),
        None => (resting, "never ran".to_owned()),
    };
    let question = open.map(|open| Question {
        id: open.checkpoint.id.0.clone(),
        kind: open.checkpoint.ask.kind(),
        digest: open.checkpoint.digest.to_string(),
        age_s: (now_ms - open.record.at).max(0) / 1000,
    });
    let age = question.as_ref().map_or_else(String::new, |q| {
        let short = q.digest.get(..16).unwrap_or_default();
        format!(" {short} for {}", words::duration(q.age_s * 1000))
    });
    let at_rest = state == resting;
    let spent = run.as_ref().map(|run| run.meter().used());
    let cost = spent.map_or_else(String::new, |used| format!(", {}", words::spent(used)));
    Row {
        name: row.name.clone(),
        state: if broken.is_some() && at_rest {
            "invalid"
        } else {
            state
        },
        mode,
        run: newest.map(|run| run.0),
        checkpoint: question,
        words: broken
            .filter(|_| at_rest)
            .unwrap_or(format!("{told}{age}{cost}")),
        spent,
    }
}

/// The same in aligned columns.
pub fn render(status: &Status) -> String {
    if status.loops.is_empty() {
        return "no loops here yet; `checkride init` lists starters\n".to_owned();
    }
    let wide = |of: fn(&Row) -> usize| status.loops.iter().map(of).max().unwrap_or(0);
    let (name, run) = (
        wide(|r| r.name.width()),
        wide(|r| r.run.as_deref().unwrap_or("-").len()),
    );
    let line = |row: &Row| {
        let pad = name - row.name.width();
        let mode = if row.mode.is_empty() { "-" } else { row.mode };
        let line = format!(
            "{}{}  {:<8}  {mode:<10}  {:<run$}  {}",
            row.name,
            " ".repeat(pad),
            row.state,
            row.run.as_deref().unwrap_or("-"),
            row.words,
        );
        format!("{}\n", line.trim_end())
    };
    status.loops.iter().map(line).collect()
}
