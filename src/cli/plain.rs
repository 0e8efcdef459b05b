//! Plain mode: the cockpit as linear text, for screen readers, dumb terminals and pipes. One line per
//! event; at a checkpoint all that is asked about, and a question that is answered in full words.

mod answer;
mod lines;
mod orders;
mod question;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::AsyncRead;

use self::lines::Lines;
use super::session::Open;
use super::{Exit, Fail, Out, Session, run, status, trust, words};
use crate::protocol::{Fact, Record, RunId};
use crate::run::{CheckpointId, Digest, Event, Phase};

/// Lines in a row that mean nothing before plain mode leaves: something writes that does not read.
const MOST_STRAYS: u32 = 100;

/// What plain mode works with.
#[derive(Debug)]
pub struct Ground<R> {
    /// Where answers are typed.
    pub input: R,
    /// What the operator may do and with what.
    pub means: Means,
    /// The present time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What the operator may do and with what.
#[derive(Debug, Clone, Default)]
pub struct Means {
    /// The operator's editor and its arguments; empty where there is none to be used.
    pub editor: Vec<String>,
    /// Whether this terminal only looks.
    pub read_only: bool,
}

/// Follows all loops of the project until the operator leaves or the input ends.
pub async fn watch<R: AsyncRead + Unpin>(
    session: Session,
    ground: Ground<R>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    let stands = status::render(&status::status(&session.known, ground.now_ms));
    out.text(&stands);
    for warning in &session.known.warnings {
        out.line(&format!("warning: {warning}"));
    }
    out.line("type help for the commands");
    let mut plain = Plain::new(session, ground, out, None);
    plain.told = plain.newest();
    plain.fly().await
}

/// Starts a loop, or takes up its run, and follows it until its end.
pub async fn run<R: AsyncRead + Unpin>(
    mut session: Session,
    name: &str,
    ground: Ground<R>,
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    trust::usable(&mut session, name).await?;
    let known = run::under_way(&session, name);
    let run = match &known {
        Some(run) => run.clone(),
        None if ground.means.read_only => return Err(Exit::Usage.because(READ_ONLY)),
        None => run::start(&mut session, name).await?.0,
    };
    let mut plain = Plain::new(session, ground, out, Some(run.clone()));
    if known.is_some() {
        plain.say(&format!("{run} is under way; following it"));
        plain.told = plain.newest();
    }
    plain.fly().await
}

/// Why a decision is not taken from here.
const READ_ONLY: &str = "read-only: this terminal looks and never decides";

struct Plain<'o, 'a, R> {
    session: Session,
    lines: Lines<R>,
    out: &'o mut Out<'a>,
    means: Means,
    /// The run that is followed; all where there is none.
    only: Option<RunId>,
    /// Number of the newest record that was told.
    told: u64,
    /// Questions that were put off: not asked again by themselves.
    put_off: BTreeSet<(CheckpointId, Digest)>,
    /// The question in front of the operator.
    asking: Option<CheckpointId>,
    /// Whether the cursor stands behind a question.
    at_prompt: bool,
    /// Whether an answer came before its question: from then on answers name their digest.
    ahead: bool,
    /// Lines in a row that meant nothing.
    strays: u32,
    /// What was shown of each loop when it was last reviewed here.
    reviewed: BTreeMap<String, Digest>,
}

/// What woke it.
enum Woken {
    Line(String),
    End,
    Told,
}

impl<'o, 'a, R: AsyncRead + Unpin> Plain<'o, 'a, R> {
    fn new(session: Session, ground: Ground<R>, out: &'o mut Out<'a>, only: Option<RunId>) -> Self {
        Self {
            session,
            lines: Lines::new(ground.input),
            out,
            means: ground.means,
            only,
            told: 0,
            put_off: BTreeSet::new(),
            asking: None,
            at_prompt: false,
            ahead: false,
            strays: 0,
            reviewed: BTreeMap::new(),
        }
    }

    async fn fly(&mut self) -> Result<Exit, Fail> {
        loop {
            self.tell_news();
            if self.out.is_closed() {
                return Ok(Exit::Done);
            }
            if let Some(exit) = self.over() {
                return Ok(exit);
            }
            if let Some(open) = self.next_question() {
                if let Some(exit) = self.ask(&open).await? {
                    return Ok(exit);
                }
                continue;
            }
            if self.lines.are_over() && (self.only.is_none() || self.waits()) {
                return Ok(self.leave());
            }
            self.out.flush();
            match self.wait().await? {
                Woken::Line(line) => {
                    if let Some(exit) = self.obey(&line).await? {
                        return Ok(exit);
                    }
                }
                Woken::End | Woken::Told => {}
            }
        }
    }

    /// What comes next. Lines first: what was typed before a question is no answer to it.
    async fn wait(&mut self) -> Result<Woken, Fail> {
        let record = tokio::select! {
            biased;
            line = self.lines.next(), if !self.lines.are_over() => {
                // The answer's own line end has moved the cursor.
                self.at_prompt &= line.is_none();
                return Ok(line.map_or(Woken::End, Woken::Line));
            }
            record = self.session.next() => record?,
        };
        self.hear(&record);
        Ok(Woken::Told)
    }

    /// Tells what is not an event of a run.
    fn hear(&mut self, record: &Record) {
        match &record.fact {
            Fact::Refused { what, why } => self.say(&format!("{what}: {why}")),
            Fact::Stalled { run, why } | Fact::Unkept { run, why } => {
                self.say(&format!("{run}: {why}"));
            }
            Fact::Done { what } => self.say(what),
            Fact::Leaving => self.say("the host was told to end"),
            Fact::Run { .. } => self.tell_news(),
            Fact::Loops(_)
            | Fact::Attached { .. }
            | Fact::Grew { .. }
            | Fact::Memory(_)
            | Fact::Lines { .. }
            | Fact::HistoryEnd { .. }
            | Fact::Lapses(_)
            | Fact::Found(_)
            | Fact::Review(_)
            | Fact::Waiting(_)
            | Fact::Caps(_)
            | Fact::Fired { .. }
            | Fact::Ticked(_)
            | Fact::MemoryConflict { .. } => {}
        }
    }

    /// Tells every event that was not told yet, one line each, in the order of the journal.
    fn tell_news(&mut self) {
        let mut news: Vec<Record> = Vec::new();
        for (run, records) in &self.session.known.runs {
            if self.only.as_ref().is_none_or(|only| only == run) {
                let from = records.partition_point(|record| record.seq <= self.told);
                news.extend(records.iter().skip(from).cloned());
            }
        }
        news.sort_by_key(|record| record.seq);
        for record in news {
            self.told = self.told.max(record.seq);
            let Fact::Run { run, event } = &record.fact else {
                continue;
            };
            if let Some(line) = self.told_as(event) {
                let whose = self.only.is_none().then(|| format!("{run}: "));
                self.say(&format!("{}{line}", whose.unwrap_or_default()));
            }
            if let Event::Ended(_) = event
                && let Some(line) = run::spent(&self.session, run)
            {
                self.say(&line);
            }
        }
    }

    /// A question is told by asking it; only what has to wait for another one is said.
    fn told_as(&self, event: &Event) -> Option<String> {
        if let Event::Asked(open) = event {
            let other = self.asking.as_ref().is_some_and(|id| *id != open.id);
            return other.then(|| format!("{} waits, too: {}", open.id, open.ask.kind()));
        }
        words::event(event)
    }

    fn say(&mut self, line: &str) {
        if std::mem::take(&mut self.at_prompt) {
            self.out.line("");
        }
        self.out.line(line);
    }

    fn newest(&self) -> u64 {
        let last = |records: &Vec<Record>| records.last().map(|record| record.seq);
        let runs = self.session.known.runs.values();
        runs.filter_map(last).max().unwrap_or(0)
    }

    /// How the one run that is followed has ended.
    fn over(&self) -> Option<Exit> {
        let run = self.session.known.run(self.only.as_ref()?)?;
        match run.phase() {
            Phase::Ended(outcome) => Some(Exit::of(outcome)),
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Paused(_)
            | Phase::Held { .. }
            | Phase::Halting(_) => None,
        }
    }

    /// The question that waits longest, of those that were not put off.
    fn next_question(&self) -> Option<Open> {
        let all = self.questions().into_iter();
        all.filter(|open| !self.put_off.contains(&named(open)))
            .min_by_key(|open| open.record.seq)
    }

    fn questions(&self) -> Vec<Open> {
        let known = &self.session.known;
        let of = |run: &&RunId| self.only.as_ref().is_none_or(|only| only == *run);
        let runs = known.runs.keys().filter(of);
        runs.filter_map(|run| known.open_at(run))
            .filter(|open| known.answered(open, &self.session.zone).is_none())
            .collect()
    }

    fn waits(&self) -> bool {
        !self.questions().is_empty()
    }

    /// Leaves: nothing is decided by that.
    fn leave(&mut self) -> Exit {
        let waiting = self.questions();
        for open in &waiting {
            let id = &open.checkpoint.id;
            self.say(&format!("{id} waits on; nothing was decided"));
        }
        if waiting.is_empty() {
            Exit::Done
        } else {
            Exit::Waiting
        }
    }

    /// A line that means nothing here.
    fn stray(&mut self, why: &str) -> Result<(), Fail> {
        self.strays += 1;
        if self.strays >= MOST_STRAYS {
            let line = "the input does not answer what is asked; nothing more was decided";
            return Err(Exit::Usage.because(line));
        }
        self.say(why);
        Ok(())
    }
}

fn named(open: &Open) -> (CheckpointId, Digest) {
    (open.checkpoint.id.clone(), open.checkpoint.digest.clone())
}
