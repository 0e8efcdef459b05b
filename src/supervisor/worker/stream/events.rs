//! A stream of JSON objects, one a line as a rule: finds the objects, whatever lies between them,
//! and keeps what is the same for every agent. What an object means, its dialect says.

use std::path::Path;
use std::time::Duration;

use serde_json::Deserializer;

use super::ending::{Circles, LastWord, outcome};
use super::json::{Object, items};
use super::spent::{Sessions, Spent};
use super::tools::Calls;
use super::words::{LONGEST_QUESTION, Words, each_line, shown};
use super::{Claims, End, Kind, Outcome, Reader, Report, Session, Tell};
use crate::run::inert::head;

/// Longest line that is read. The longest that an agent was seen to print has 560 KB, but some
/// repeat a whole conversation in one line.
const LONGEST_LINE: usize = 8 << 20;

/// Bytes of what could not be read that are shown.
const SHOWN: usize = 300;

/// How long silence is normal while a tool runs: agents stop their tools after ten minutes.
const TOOL_QUIET: Duration = Duration::from_secs(600);

/// What the objects of one agent mean.
pub(super) trait Dialect {
    /// One object.
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>);
    /// What was spent so far; `None` while nothing is known.
    fn spent(&self) -> Option<Spent>;
    /// What the session has spent since it began, where the agent tells that.
    fn totals(&self) -> Option<Spent>;
    /// Longest silence that is normal while no tool runs.
    fn quiet_for(&self) -> Duration;
    /// What the stream says of its end. Standard error may hold what the stream keeps to itself.
    fn last_word(&mut self, page: &mut Page, end: &End<'_>, tell: &mut Tell<'_>) -> LastWord;
}

/// What is kept for every agent.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    /// What the worker says.
    pub(super) words: Words,
    /// The tools that it uses.
    pub(super) calls: Calls,
    /// Whether it goes in circles.
    pub(super) circles: Circles,
    /// The session's own name.
    pub(super) session: Option<String>,
    /// The folder that it works in.
    pub(super) folder: String,
    /// Totals of sessions as they stood before this turn.
    pub(super) before: Sessions,
    /// Whether it says that a subscription covers its calls.
    pub(super) plan: bool,
    /// Whether the worker waits before it tries again, in milliseconds.
    pub(super) waits_ms: u64,
    /// When the usage limit ends that stops it, in milliseconds since 1970.
    pub(super) limited_until_ms: Option<i64>,
    /// Objects so far.
    heard: u64,
}

impl Page {
    /// Notes the session's name.
    pub(super) fn in_session(&mut self, event: &Object<'_>, key: &str) {
        if let Some(id) = event.text(key)
            && self.session.as_deref() != Some(&*id)
            && !id.is_empty()
        {
            self.session = Some(id.chars().take(200).collect());
        }
    }

    /// What this session had spent before this turn.
    pub(super) fn spent_before(&self) -> Spent {
        let known = self.session.as_ref().and_then(|id| self.before.get(id));
        known.copied().unwrap_or_default()
    }

    /// An error that may be the end, or not.
    pub(super) fn error(&mut self, why: &str, tell: &mut Tell<'_>) {
        each_line(why, &mut |line| tell(Kind::Error, line));
        self.circles.error(why);
    }
}

/// An event that nobody knows: kept and shown as it is.
pub(super) fn unknown(name: &str, event: &Object<'_>, tell: &mut Tell<'_>) {
    let mut text = format!("⟪{name}⟫");
    for (key, value) in event.fields().filter(|(key, _)| *key != "type") {
        if text.len() > SHOWN {
            text.push_str(" …");
            break;
        }
        text.extend([" ", key, "=", head(value, SHOWN / 3)]);
    }
    tell(Kind::Said, &text);
}

/// Tells thoughts, line by line.
pub(super) fn think(text: &str, tell: &mut Tell<'_>) {
    each_line(text, &mut |line| tell(Kind::Thinking, line));
}

/// Reads a stream of JSON objects in one dialect.
#[derive(Debug)]
pub(super) struct Events<D> {
    dialect: D,
    page: Page,
    /// Lines of an object that is written over several lines, as agents print with `--json`.
    spread: String,
}

impl<D: Dialect> Events<D> {
    /// A reader that knows what the sessions had spent before.
    pub(super) fn new(dialect: D, before: &Sessions) -> Self {
        Self {
            dialect,
            page: Page {
                before: before.clone(),
                ..Page::default()
            },
            spread: String::new(),
        }
    }

    /// All objects of a text, and what stands between them.
    fn objects(&mut self, text: &str, tell: &mut Tell<'_>) {
        let mut found = Deserializer::from_str(text).into_iter::<Object<'_>>();
        let mut read = 0;
        while let Some(Ok(event)) = found.next() {
            read = found.byte_offset();
            self.page.heard += 1;
            self.dialect.event(&event, &mut self.page, tell);
        }
        let rest = text.get(read..).unwrap_or_default().trim();
        if !rest.is_empty() {
            let bytes = rest.len();
            let begin = head(rest, SHOWN);
            let line = format!("⟪{bytes} bytes that are no whole JSON⟫ {begin}");
            tell(Kind::Said, &line);
        }
    }

    /// Gathers an object that begins with a lone brace, up to its own lone brace.
    fn gather(&mut self, line: &str, tell: &mut Tell<'_>) {
        self.spread.push_str(line);
        self.spread.push('\n');
        if line.trim_end() == "}" || self.spread.len() > LONGEST_LINE {
            let text = std::mem::take(&mut self.spread);
            self.objects(text.trim(), tell);
        }
    }
}

impl<D: Dialect> Reader for Events<D> {
    fn works_in(&mut self, folder: &Path) {
        self.page.folder = folder.to_string_lossy().into_owned();
    }

    fn longest_line(&self) -> usize {
        LONGEST_LINE
    }

    fn plan(&self) -> bool {
        self.page.plan
    }

    fn quiet_for(&self) -> Option<Duration> {
        let quiet = self.dialect.quiet_for();
        let quiet = if self.page.calls.any() {
            quiet.max(TOOL_QUIET)
        } else {
            quiet
        };
        Some(quiet + Duration::from_millis(self.page.waits_ms))
    }

    fn line(&mut self, line: &str, left_out: u64, tell: &mut Tell<'_>) {
        let text = line.trim_start_matches('\u{feff}').trim();
        if left_out > 0 {
            let bytes = line.len() as u64 + left_out;
            let begin = head(text, SHOWN);
            let what = format!("a line of {bytes} bytes is too long to be read: {begin} …");
            tell(Kind::Cut, &what);
        } else if text.is_empty() {
        } else if line.starts_with("{\"") && !self.spread.is_empty() {
            let torn = std::mem::take(&mut self.spread);
            self.objects(torn.trim(), tell);
            self.objects(text, tell);
        } else if !self.spread.is_empty() || line.trim_end() == "{" {
            self.gather(line, tell);
        } else if text.starts_with('{') {
            self.objects(text, tell);
        } else if text.starts_with("[{") && text.ends_with("}]") {
            // All events as one list, as claude prints them with `--output-format json --verbose`.
            for event in items(text) {
                self.objects(event, tell);
            }
        } else {
            each_line(text, &mut |line| tell(Kind::Said, line));
        }
    }

    fn spent(&self) -> Option<Spent> {
        self.dialect.spent()
    }

    fn enough(&self) -> Option<String> {
        self.page.circles.why()
    }

    fn finish(&mut self, end: &End<'_>, tell: &mut Tell<'_>) -> Report {
        if !self.spread.is_empty() {
            let torn = std::mem::take(&mut self.spread);
            self.objects(torn.trim(), tell);
        }
        self.page.words.close(tell);
        let last = match self.page.circles.why() {
            Some(why) => LastWord::Failed(why),
            None => self.dialect.last_word(&mut self.page, end, tell),
        };
        let spent = self.dialect.spent();
        if let Some(spent) = spent {
            tell(Kind::Usage, &spent.to_string());
        }
        let page = &mut self.page;
        let mut claims = page.words.claims();
        if let Some(needs) = &page.calls.needs {
            claims.question = shown(needs, LONGEST_QUESTION);
        }
        let outcome = outcome(last, claims.question.as_deref(), page.heard, end);
        match outcome {
            Outcome::NeedsYou { .. } => {}
            Outcome::Done => claims.question = None,
            // Half a sentence, or the words of an error, claim nothing.
            Outcome::Failed { .. } | Outcome::Interrupted => {
                claims = Claims {
                    note: claims.note,
                    ..Claims::default()
                };
            }
        }
        Report {
            outcome,
            text: page.words.text().to_owned(),
            claims,
            files: std::mem::take(&mut page.calls.files),
            refused: std::mem::take(&mut page.calls.refused),
            session: page.session.take().map(|id| Session {
                id,
                totals: self.dialect.totals(),
            }),
            spent,
            limited_until_ms: page.limited_until_ms,
        }
    }
}
