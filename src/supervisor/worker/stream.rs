//! Streams: the bytes that an agent prints, turned into entries, and what they say in the end of
//! words, tokens, files and success. One file per format below; here is what they have in common.

mod claude;
mod codex;
mod ending;
mod events;
mod gemini;
mod json;
mod lines;
mod opencode;
mod pi;
mod spent;
mod text;
mod tools;
mod words;

use std::path::Path;
use std::time::Duration;

use super::{Kind, Progress};
use crate::run::spec::Format;
use crate::supervisor::process::Exit;

use events::Events;

pub use lines::Lines;
pub use spent::{Sessions, Spent, in_all};
pub use text::Text;
pub(super) use words::Words;

/// Where entries go; their text is not inert yet.
pub type Tell<'a> = dyn FnMut(Kind, &str) + 'a;

/// Turns the lines of one format into what they mean.
pub trait Reader {
    /// Longest line of this format, in bytes; what is longer is cut.
    fn longest_line(&self) -> usize;
    /// Told before the first line: paths in this folder are shown as they are called inside it.
    fn works_in(&mut self, _folder: &Path) {}
    /// Longest silence that is normal right now; `None` where silence says nothing.
    fn quiet_for(&self) -> Option<Duration>;
    /// One line of standard output, without its line feed, and how many bytes of it were left out.
    fn line(&mut self, line: &str, left_out: u64, tell: &mut Tell<'_>);
    /// What this turn has spent so far, as the agent says; `None` while it says nothing.
    fn spent(&self) -> Option<Spent>;
    /// Whether a subscription covers what it spends: its dollars are used and not paid.
    fn plan(&self) -> bool {
        false
    }
    /// Why the agent should be stopped now: it goes in circles and will not end by itself.
    fn enough(&self) -> Option<String>;
    /// All lines are told, and it ended like this: what came of it.
    fn finish(&mut self, end: &End<'_>, tell: &mut Tell<'_>) -> Report;
}

/// How the process ended.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// Exit code or signal.
    pub exit: Exit,
    /// The last lines of its standard error.
    pub stderr: &'a str,
}

/// What a stream says in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How it ended, all evidence together.
    pub outcome: Outcome,
    /// Its last message, whole and as it was written; empty where it said nothing.
    pub text: String,
    /// What it says of its own work.
    pub claims: Claims,
    /// Files that it says it changed, each once.
    pub files: Vec<String>,
    /// What it was not allowed to do, one line each.
    pub refused: Vec<String>,
    /// The session that it worked in.
    pub session: Option<Session>,
    /// What it spent, as the agent says; `None` is unknown.
    pub spent: Option<Spent>,
    /// When the usage limit ends that it met, where it tells that in figures: milliseconds since
    /// 1970.
    pub limited_until_ms: Option<i64>,
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It came to its end.
    #[default]
    Done,
    /// It failed.
    Failed {
        /// The reason in one line, inert.
        why: String,
    },
    /// It was stopped before its end.
    Interrupted,
    /// It cannot go on without the operator.
    NeedsYou {
        /// What it asks, one line, inert.
        question: String,
    },
}

/// A session of an agent, which a later turn may go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The agent's name for it.
    pub id: String,
    /// All that was spent in it since it began, where the agent tells that. The next turn in the
    /// same session is counted from here: see [`Sessions`].
    pub totals: Option<Spent>,
}

impl Session {
    /// Its name and its totals, where it tells them.
    pub fn spent(&self) -> Option<(String, Spent)> {
        Some((self.id.clone(), self.totals?))
    }
}

/// What a worker says of its own work: claims, never evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Its last word.
    pub claim: Option<String>,
    /// Its last `NOTE:` line.
    pub note: Option<String>,
    /// A question instead of work.
    pub question: Option<String>,
}

impl Claims {
    /// Tells them, each in its own place of the transcript.
    pub fn tell(&self, progress: &mut dyn Progress) {
        for (kind, text) in [
            (Kind::Claim, &self.claim),
            (Kind::Note, &self.note),
            (Kind::Question, &self.question),
        ] {
            if let Some(text) = text {
                progress.entry(kind, text);
            }
        }
    }
}

/// The reader of a format. `before` holds the totals of sessions that may go on in this turn.
pub fn reader(format: Format, before: &Sessions) -> Box<dyn Reader> {
    match format {
        Format::Text => Box::new(Text::default()),
        Format::ClaudeStreamJson => Box::new(Events::new(claude::Claude::default(), before)),
        Format::CodexJsonl => Box::new(Events::new(codex::Codex::default(), before)),
        Format::OpencodeJson => Box::new(Events::new(opencode::Opencode::default(), before)),
        Format::GeminiStreamJson => Box::new(Events::new(gemini::Gemini::default(), before)),
        Format::PiJson => Box::new(Events::new(pi::Pi::default(), before)),
    }
}
