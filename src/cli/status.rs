//! `status`: how every loop stands, for people in columns and for programs as one object.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::session::Known;
use super::{Exit, Out, words};
use crate::config::diagnostic::Diagnostic;
use crate::config::loops::LoopFile;
use crate::protocol::{LoopFacts, LoopRow, LoopState, RunId, Waking};
use crate::run::{Mode, Phase, Run, Stage, Usage, counted};

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
    /// `invalid`, `waiting`, `held`, `limited`, `working` or `stopping`; at rest `armed`, `asleep`, `queued`,
    /// `expired`, `disarmed`, `off`, or `idle` where only a person starts it.
    pub state: &'static str,
    /// The granted mode; empty for an invalid loop.
    pub mode: &'static str,
    /// When it wakes by itself, or may again, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_wake_ms: Option<i64>,
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

/// Tells how loops stand where no host ever was.
pub fn unattended(files: &[LoopFile], json: bool, out: &mut Out<'_>) -> Exit {
    let status = of_files(files);
    if json {
        out.json(&status);
    } else {
        out.text(&render(&status));
        out.line("no host runs here yet, and nothing wakes by itself; `checkride` starts one");
    }
    Exit::Done
}

/// How loops stand of which only the files are known.
fn of_files(files: &[LoopFile]) -> Status {
    let row = |file: &LoopFile| {
        let broken = file.first_error().map(Diagnostic::line);
        let wakes = file.spec.as_ref().map(|spec| spec.trigger.words());
        Row {
            name: file.name.clone(),
            state: if file.spec.is_some() {
                "idle"
            } else {
                "invalid"
            },
            mode: file.spec.as_ref().map_or("", |_| Mode::Training.word()),
            next_wake_ms: None,
            run: None,
            checkpoint: None,
            spent: None,
            words: broken
                .or(wakes.map(|wakes| format!("{wakes}; never ran")))
                .unwrap_or_default(),
        }
    };
    Status {
        version: env!("CARGO_PKG_VERSION"),
        loops: files.iter().map(row).collect(),
    }
}

/// What can be used of a loop, and what is wrong with it.
fn stands(row: &LoopRow) -> (Option<&LoopFacts>, Option<String>) {
    match &row.state {
        LoopState::Valid(facts) => (Some(facts), None),
        LoopState::Unexamined => (None, None),
        LoopState::Invalid { line, why } => (None, Some(format!("line {line}: {why}"))),
        LoopState::Gone => (None, Some(LoopRow::gone(&row.name))),
    }
}

fn row(known: &Known, row: &LoopRow, now_ms: i64) -> Row {
    let newest = known.newest(&row.name).cloned().or(row.last_run.clone());
    let run = newest.as_ref().and_then(|run| known.run(run));
    let open = newest.as_ref().and_then(|run| known.open_at(run));
    let (facts, broken) = stands(row);
    let mode = facts.map_or("", |facts| facts.mode.word());
    let phase = run.as_ref().map(Run::phase);
    let at_rest = matches!(phase, None | Some(Phase::Ended(_)));
    let (state, told) = match (phase, facts.map_or("idle", |facts| resting(facts))) {
        (Some(Phase::Ended(end)), resting) => {
            let ago = ago(known, newest.as_ref(), now_ms);
            (resting, format!("last: {}{ago}", words::outcome(end)))
        }
        (None, resting) => (resting, "never ran".to_owned()),
        (Some(phase), _) => flies(phase, newest.as_ref().and_then(|run| known.place(run))),
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
    let spent = run.as_ref().map(|run| run.meter().used());
    let cost = spent.map_or_else(String::new, |used| format!(", {}", words::spent(used)));
    let wakes = facts
        .filter(|_| at_rest)
        .map_or_else(String::new, |facts| wakes(facts, now_ms));
    let waits = match (facts, &broken) {
        (Some(facts), _) if !at_rest => queued_behind(facts),
        // What is under way goes on by what it began with.
        (None, Some(why)) if !at_rest => format!("; {why}"),
        (_, _) => String::new(),
    };
    let missed = facts.and_then(|facts| facts.lapse.as_ref());
    let missed = missed.map_or_else(String::new, |lapse| {
        format!("{}; ", words::missed(lapse, now_ms))
    });
    Row {
        name: row.name.clone(),
        state: if broken.is_some() && at_rest {
            "invalid"
        } else {
            state
        },
        mode,
        next_wake_ms: facts.and_then(|facts| facts.waking.next()),
        run: newest.map(|run| run.0),
        checkpoint: question,
        words: broken
            .filter(|_| at_rest)
            .unwrap_or(format!("{wakes}{missed}{told}{age}{cost}{waits}")),
        spent,
    }
}

/// The state of a run that is under way, and what is told of it; `place` is the one that it has in the line
/// of those that wait to work, and how many there are.
fn flies(phase: &Phase, place: Option<(usize, usize)>) -> (&'static str, String) {
    match (phase, place) {
        (Phase::Doing(_), Some((place, of))) => ("queued", format!("queued {place} of {of}")),
        (Phase::Doing(stage), None) => ("working", words::doing(*stage).to_owned()),
        (Phase::Asking(asked), _) => ("waiting", format!("{} {}", asked.id, asked.ask.kind())),
        (Phase::Held { next, .. }, _) => ("held", held(*next)),
        // It is asked of runs that go on.
        (Phase::Ended(_), _) => ("idle", String::new()),
        (Phase::Paused(pause), _) => (
            "limited",
            format!("waits for the limit until {}", words::until(pause.until_ms)),
        ),
        (Phase::Halting(_), _) => ("stopping", String::new()),
    }
}

/// Who holds a run, before what, and how it goes on.
fn held(next: Stage) -> String {
    let next = words::held_back(next);
    format!(
        "you hold it before {next}; space in the cockpit goes on, or `resume LOOP` in plain mode"
    )
}

/// The state of a loop without a run under way.
fn resting(facts: &LoopFacts) -> &'static str {
    match &facts.waking {
        Waking::Manual if facts.distrust.is_some() => "untrusted",
        Waking::Manual | Waking::Unproven { .. } => "idle",
        Waking::Off { .. } => "off",
        Waking::Expired { .. } => "expired",
        Waking::Disarmed { .. } => "disarmed",
        Waking::Armed { .. } => "armed",
        Waking::Asleep { .. } => "asleep",
        Waking::Queued { .. } => "queued",
    }
}

/// How its trigger stands, before how its last run ended.
fn wakes(facts: &LoopFacts, now_ms: i64) -> String {
    let name = &facts.spec.name;
    let stands = match (&facts.waking, &facts.distrust) {
        (Waking::Manual, Some(why)) => format!("{why}; `checkride trust {name}` shows it; "),
        (Waking::Manual, None) => String::new(),
        (Waking::Unproven { proven, of }, _) => format!("manual only, proven {proven} of {of}; "),
        (Waking::Off { why }, _) if facts.spec.enabled => {
            format!("{why}, `checkride arm {name}` arms it; ")
        }
        (Waking::Off { why } | Waking::Disarmed { why }, _) => format!("{why}; "),
        (Waking::Queued { why, firings }, _) => format!("{}: {why}; ", in_line(*firings)),
        (Waking::Expired { at }, _) => {
            format!("{}; ", Waking::expired(Some(&words::at(*at)), words::ARM))
        }
        (Waking::Armed { next: Some(next) }, _) => format!("next {}; ", words::at(*next)),
        (Waking::Armed { next: None }, _) => format!("{}; ", facts.spec.trigger.words()),
        (Waking::Asleep { until, why }, _) => format!("until {}, {why}; ", words::at(*until)),
    };
    let ends = facts.expires_soon(now_ms);
    let ends = ends.map_or_else(String::new, |at| {
        format!("{}; ", Waking::expires(&words::at(at), words::ARM))
    });
    stands + &ends
}

/// The firings that wait until the run that is under way is over.
fn queued_behind(facts: &LoopFacts) -> String {
    match &facts.waking {
        Waking::Queued { firings, .. } => format!("; {} behind it", in_line(*firings)),
        Waking::Manual
        | Waking::Unproven { .. }
        | Waking::Off { .. }
        | Waking::Expired { .. }
        | Waking::Disarmed { .. }
        | Waking::Armed { .. }
        | Waking::Asleep { .. } => String::new(),
    }
}

fn in_line(firings: u32) -> String {
    format!("{} in line", counted(firings.into(), "firing"))
}

/// How long ago its newest run ended.
fn ago(known: &Known, run: Option<&RunId>, now_ms: i64) -> String {
    let records = run.and_then(|run| known.runs.get(run));
    let at = records
        .and_then(|records| records.last())
        .map(|record| record.at);
    at.map_or_else(String::new, |at| {
        format!(" {} ago", words::duration((now_ms - at).max(0)))
    })
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
    let state = wide(|r| r.state.len()).max(8);
    let line = |row: &Row| {
        let pad = name - row.name.width();
        let mode = if row.mode.is_empty() { "-" } else { row.mode };
        let line = format!(
            "{}{}  {:<state$}  {mode:<10}  {:<run$}  {}",
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
