//! The last bytes of a stream, and only those.

use super::Sink;
use crate::run::inert::{self, inert_lines};

/// Keeps the end of what passes by; twice the limit at most.
#[derive(Debug)]
pub struct Tail {
    bytes: Vec<u8>,
    most: usize,
    cut: bool,
}

impl Tail {
    /// Keeps the last `most` bytes.
    pub fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            cut: false,
        }
    }

    /// Takes what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        let news = bytes.len().saturating_sub(self.most);
        self.cut |= news > 0;
        self.bytes
            .extend_from_slice(bytes.get(news..).unwrap_or_default());
        if self.bytes.len() > self.most * 2 {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let old = self.bytes.len().saturating_sub(self.most);
        self.bytes.drain(..old);
        self.cut |= old > 0;
    }

    /// The whole last lines as inert text, invalid UTF-8 shown as `U+FFFD`; at most the limit.
    pub fn text(mut self) -> String {
        self.shorten();
        let mut bytes = self.bytes.as_slice();
        if self.cut
            && let Some(end) = bytes.iter().position(|&b| b == b'\n')
            && end + 1 < bytes.len()
        {
            // The first line was cut in the middle: begin with the next one.
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
        let text = String::from_utf8_lossy(bytes);
        let text = inert_lines(text.trim_end());
        // Marks are longer than what they stand for.
        inert::tail(&text, self.most).to_owned()
    }
}

/// The last lines of a process, both streams as they come.
#[derive(Debug)]
pub struct Heard(Tail);

impl Heard {
    /// Keeps the last `most` bytes.
    pub fn new(most: usize) -> Self {
        Self(Tail::new(most))
    }

    /// See [`Tail::text`].
    pub fn text(self) -> String {
        self.0.text()
    }
}

impl Sink for Heard {
    fn stdout(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end is kept, from the beginning of a line, within the limit however hostile it is.
    #[test]
    fn only_the_last_whole_lines_are_kept() {
        let mut tail = Tail::new(10);
        tail.push(b"first line\n");
        tail.push(b"abc\nde\n");
        assert_eq!(tail.text(), "abc\nde");
        let mut tail = Tail::new(100);
        for _ in 0..1000 {
            tail.push(&[0x1b, 0xff, 0xe2, 0x80, 0xae]);
        }
        assert!(tail.bytes.len() <= 200);
        assert!(tail.text().len() <= 100);
    }
}
