//! Streams: the bytes that an agent prints, turned into entries. One file per format below.
//! Here: cutting bytes into lines that never grow without bound.

pub mod text;

use super::Kind;

/// Turns the lines of one format into what they mean.
pub trait Reader {
    /// Longest line of this format, in bytes; what is longer is cut.
    fn longest_line(&self) -> usize;
    /// One line of standard output, without its line feed.
    fn line(&mut self, line: &str, tell: &mut dyn FnMut(Kind, &str));
    /// All lines are told: what the worker says of itself.
    fn finish(&mut self) -> Claims;
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

/// Cuts a stream of bytes into lines of at most `longest` bytes.
#[derive(Debug)]
pub struct Lines {
    longest: usize,
    /// The beginning of a line whose end has not come yet.
    open: Vec<u8>,
    /// Bytes of the open line that were left out.
    left_out: u64,
}

impl Lines {
    /// Lines of at most this many bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            longest,
            open: Vec::new(),
            left_out: 0,
        }
    }

    /// Takes bytes, tells every line that is complete with them.
    ///
    /// Invalid UTF-8 becomes `U+FFFD`; a line that is too long ends with a mark of what was cut.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&str)) {
        for part in bytes.split_inclusive(|&b| b == b'\n') {
            let Some(line) = part.strip_suffix(b"\n") else {
                self.keep(part);
                break;
            };
            if self.open.is_empty() && self.left_out == 0 && line.len() <= self.longest {
                tell(&String::from_utf8_lossy(line));
            } else {
                self.keep(line);
                self.end(tell);
            }
        }
    }

    /// No more bytes will come: tells the last line, if it has no line feed.
    pub fn finish(&mut self, tell: &mut dyn FnMut(&str)) {
        if !self.open.is_empty() || self.left_out > 0 {
            self.end(tell);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.longest.saturating_sub(self.open.len());
        let (kept, cut) = bytes.split_at(room.min(bytes.len()));
        self.open.extend_from_slice(kept);
        self.left_out += cut.len() as u64;
    }

    fn end(&mut self, tell: &mut dyn FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.open);
        if self.left_out > 0 {
            let mark = format!("{text} ⟪{} bytes of this line are not kept⟫", self.left_out);
            tell(&mark);
        } else {
            tell(&text);
        }
        self.open.clear();
        self.left_out = 0;
    }
}
