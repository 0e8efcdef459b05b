//! Bytes cut into lines that never grow without bound, whatever is printed and however it is written.

use std::borrow::Cow;

/// Room that a long line may leave behind in the buffer; more is given back.
const KEPT_ROOM: usize = 256 * 1024;

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
        self.each(bytes, &mut |line, left_out| tell(&marked(line, left_out)));
    }

    /// No more bytes will come: tells the last line, if it has no line feed.
    pub fn finish(&mut self, tell: &mut dyn FnMut(&str)) {
        self.rest(&mut |line, left_out| tell(&marked(line, left_out)));
    }

    /// Like [`Lines::feed`], but the bytes that were left out are told as a number, without a mark.
    pub fn each(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&str, u64)) {
        for part in bytes.split_inclusive(|&b| b == b'\n') {
            let Some(line) = part.strip_suffix(b"\n") else {
                self.keep(part);
                break;
            };
            if self.open.is_empty() && self.left_out == 0 && line.len() <= self.longest {
                tell(&text(line), 0);
            } else {
                self.keep(line);
                self.end(tell);
            }
        }
    }

    /// Like [`Lines::finish`], told as [`Lines::each`] does.
    pub fn rest(&mut self, tell: &mut dyn FnMut(&str, u64)) {
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

    fn end(&mut self, tell: &mut dyn FnMut(&str, u64)) {
        tell(&text(&self.open), self.left_out);
        self.open.clear();
        self.open.shrink_to(KEPT_ROOM);
        self.left_out = 0;
    }
}

/// Nearly all that is printed is valid, and to check only that is much faster.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// A line with a mark where something of it was left out.
pub(super) fn marked(line: &str, left_out: u64) -> Cow<'_, str> {
    match left_out {
        0 => Cow::Borrowed(line),
        bytes => Cow::Owned(format!("{line} ⟪{bytes} bytes of this line are not kept⟫")),
    }
}
