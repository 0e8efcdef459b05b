//! What a model says while it says it, as lines of the transcript, clean of its key.

use std::time::Duration;

use tokio::time::Instant;

use super::super::{Kind, Progress};
use crate::run::Usage;
use crate::supervisor::provider::Listener;
use crate::supervisor::redactor::Redactor;

/// Most bytes of one line; what is longer is cut, with a mark.
const LONGEST: usize = 64 * 1024;

/// Least time between two pauses.
const PAUSE_EVERY: Duration = Duration::from_millis(30);

/// Tells everything without the secrets in it.
pub(super) struct Clean<'a> {
    progress: &'a mut dyn Progress,
    redactor: &'a Redactor,
    paused: Instant,
}

impl<'a> Clean<'a> {
    pub(super) fn new(progress: &'a mut dyn Progress, redactor: &'a Redactor) -> Self {
        Self {
            progress,
            redactor,
            paused: Instant::now(),
        }
    }
}

impl Progress for Clean<'_> {
    fn entry(&mut self, kind: Kind, text: &str) {
        self.progress.entry(kind, &self.redactor.clean(text));
    }

    fn usage(&mut self, so_far: Usage) {
        self.progress.usage(so_far);
    }

    fn pause(&mut self) {
        self.paused = Instant::now();
        self.progress.pause();
    }
}

/// Hears one answer and tells its lines.
pub(super) struct Hearing<'a, 'b> {
    progress: &'a mut Clean<'b>,
    before: Usage,
    so_far: Usage,
    said: Line,
    thought: Line,
}

/// A line that is still being said.
#[derive(Default)]
struct Line {
    text: String,
    left_out: usize,
}

impl<'a, 'b> Hearing<'a, 'b> {
    /// `before` is what the turn had used before this answer.
    pub(super) fn new(progress: &'a mut Clean<'b>, before: Usage) -> Self {
        Self {
            progress,
            before,
            so_far: Usage::default(),
            said: Line::default(),
            thought: Line::default(),
        }
    }

    /// The answer is over: tells what has no line end, and gives what was used for it.
    pub(super) fn finish(mut self) -> Usage {
        self.flush();
        self.so_far
    }

    fn flush(&mut self) {
        self.thought.end(Kind::Thinking, self.progress);
        self.said.end(Kind::Said, self.progress);
    }
}

impl Line {
    fn pour(&mut self, piece: &str, kind: Kind, progress: &mut Clean<'_>) {
        for part in piece.split_inclusive('\n') {
            let line = part.strip_suffix('\n').unwrap_or(part);
            let room = LONGEST.saturating_sub(self.text.len());
            let kept = crate::run::inert::head(line, room);
            self.text.push_str(kept);
            self.left_out += line.len() - kept.len();
            if part.ends_with('\n') {
                self.end(kind, progress);
            }
        }
    }

    fn end(&mut self, kind: Kind, progress: &mut Clean<'_>) {
        if self.left_out > 0 {
            let text = progress.redactor.clean_cut(&self.text);
            let line = format!("{text} ⟪{} bytes of this line are not kept⟫", self.left_out);
            progress.entry(kind, &line);
        } else if !self.text.trim().is_empty() {
            progress.entry(kind, &self.text);
        }
        *self = Self::default();
    }
}

impl Listener for Hearing<'_, '_> {
    fn said(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.thought.end(Kind::Thinking, self.progress);
        }
        self.said.pour(piece, Kind::Said, self.progress);
    }

    fn thought(&mut self, piece: &str) {
        self.thought.pour(piece, Kind::Thinking, self.progress);
    }

    fn used(&mut self, so_far: Usage) {
        self.so_far = so_far;
        self.progress.usage(self.before.plus(so_far));
    }

    fn again(&mut self, why: &str) {
        self.flush();
        self.progress.entry(Kind::Error, why);
        self.progress.pause();
    }

    fn pause(&mut self) {
        if self.progress.paused.elapsed() >= PAUSE_EVERY {
            self.progress.pause();
        }
    }
}
