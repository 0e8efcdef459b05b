//! How a turn ended, from what the stream says of its end, the exit, and standard error: each of
//! them lies in some agent, so that the stream's own last word counts most and an exit code least.

use super::words::shown;
use super::{End, Exit, Outcome};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 400;

/// Most lines of standard error of which the first is taken for its reason.
const FEW_LINES: usize = 5;

/// What the stream itself says of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LastWord {
    /// It came to its end.
    Done,
    /// It says what went wrong.
    Failed(String),
    /// It says that somebody stopped it.
    Interrupted,
    /// It just stops.
    Silent,
}

/// All evidence together. `asks` is what the worker wants to know, `heard` how much it printed.
pub(super) fn outcome(last: LastWord, asks: Option<&str>, heard: u64, end: &End<'_>) -> Outcome {
    match (last, asks) {
        (LastWord::Done, None) => Outcome::Done,
        (LastWord::Done, Some(question)) => Outcome::NeedsYou {
            question: question.to_owned(),
        },
        (LastWord::Failed(why), _) => Outcome::Failed { why: reason(&why) },
        (LastWord::Interrupted, _) => Outcome::Interrupted,
        (LastWord::Silent, _) => silent(heard, end),
    }
}

/// A stream that just stops: a person or the system ended it, unless there are signs of a failure.
fn silent(heard: u64, end: &End<'_>) -> Outcome {
    match end.exit {
        Exit::Signal(number) if is_crash(number) => Outcome::Failed {
            why: reason(&format!("it crashed: {}", end.exit)),
        },
        Exit::Signal(_) | Exit::KeeperLost => Outcome::Interrupted,
        Exit::Code(code) if is_signal_code(code) => Outcome::Interrupted,
        Exit::Code(0) if heard > 0 => Outcome::Interrupted,
        Exit::Code(0) => Outcome::Failed {
            why: match last_words(end.stderr) {
                Some(line) => reason(line),
                None => "it ended without a word".to_owned(),
            },
        },
        Exit::Code(_) if heard > 0 && complaint(end.stderr).is_none() => Outcome::Interrupted,
        Exit::Code(code) => Outcome::Failed {
            why: by_code(code, end.stderr),
        },
    }
}

/// The reason of a program that tells it by its exit code and standard error alone.
pub(super) fn by_code(code: i32, stderr: &str) -> String {
    match (complaint(stderr), last_words(stderr)) {
        (Some(line), _) => reason(line),
        (None, Some(line)) => reason(&format!("exit {code}: {line}")),
        (None, None) if stderr.is_empty() => format!("exit {code} without a word"),
        (None, None) => format!("exit {code}: its standard error says more"),
    }
}

/// The reason in one line that can be shown.
pub(super) fn reason(why: &str) -> String {
    let line = lines(why).find(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    shown(line, LONGEST_REASON).unwrap_or_else(|| "it does not say why".to_owned())
}

/// ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS: nobody stops a program with these.
fn is_crash(signal: i32) -> bool {
    matches!(signal, 4..=8 | 11 | 31)
}

/// 128 + HUP, INT, QUIT, KILL, PIPE, TERM, as programs exit that catch a signal.
pub(super) fn is_signal_code(code: i32) -> bool {
    matches!(code, 129..=131 | 137 | 141 | 143)
}

/// The line of standard error that says most: the last that complains, else the first of a few. What
/// is longer is a page of help, of which no line says anything.
fn last_words(stderr: &str) -> Option<&str> {
    complaint(stderr).or_else(|| {
        let mut lines = lines(stderr).filter(|line| line.contains(char::is_alphanumeric));
        let first = lines.next();
        first.filter(|_| lines.count() < FEW_LINES)
    })
}

/// The last line that speaks of an error and is no part of a stack trace, a list of options, or a log:
/// logs tell of errors that were got over.
fn complaint(stderr: &str) -> Option<&str> {
    const WORDS: [&str; 6] = [
        "error",
        "fatal",
        "panicked",
        "exception",
        "unknown",
        "not found",
    ];
    lines(stderr).rfind(|line| {
        let low = line.to_lowercase();
        let log = low.starts_with("20") && low.contains('t') && low.contains("z ");
        let stack = low.starts_with("at ") || low.starts_with('-');
        !log && !stack && WORDS.iter().any(|word| low.contains(word))
    })
}

/// Lines without what colours, already harmless, leave at their ends.
fn lines(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.lines()
        .map(|line| line.trim_matches(|c: char| c.is_whitespace() || c == '␛'))
}

/// Most times that the same error may come again while nothing gets done in between.
const SAME_ERROR: u32 = 5;

/// Most errors of any kind while nothing gets done in between.
const ANY_ERROR: u32 = 50;

/// Most times that the same error may come in one turn, whatever gets done in between.
const EVER_SAME: u32 = 100;

/// Notices an agent that goes in circles: some repeat a failing request for ever.
#[derive(Debug, Clone, Default)]
pub(super) struct Circles {
    last: String,
    same: u32,
    any: u32,
    ever: u32,
}

impl Circles {
    /// An error was told.
    pub(super) fn error(&mut self, why: &str) {
        let why = reason(why);
        self.any += 1;
        if why == self.last {
            self.same += 1;
            self.ever += 1;
        } else {
            self.last = why;
            self.same = 1;
            self.ever = 1;
        }
    }

    /// Something got done.
    pub(super) fn progress(&mut self) {
        self.same = 0;
        self.any = 0;
    }

    /// Why it should be stopped, where it should.
    pub(super) fn why(&self) -> Option<String> {
        let last = &self.last;
        if self.same >= SAME_ERROR || self.ever >= EVER_SAME {
            let times = self.same.max(self.ever);
            return Some(reason(&format!("the same error {times} times: {last}")));
        }
        (self.any >= ANY_ERROR)
            .then(|| reason(&format!("{} errors and nothing done: {last}", self.any)))
    }
}
