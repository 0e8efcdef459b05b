//! Lines that a person types, from a terminal or a pipe, as they come.

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::cli::decide::LONGEST_TEXT;

/// Typed lines. The last one, if it was cut before its end, is none: it may be half a word.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    held: Vec<u8>,
    /// Bytes of `held` that are known to hold no end of a line.
    searched: usize,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from here.
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            held: Vec::new(),
            searched: 0,
            ended: false,
        }
    }

    /// Whether there are no more.
    pub(super) fn are_over(&self) -> bool {
        self.ended
    }

    /// The next line without its end; `None` where there are no more, be it because reading fails or
    /// because a line is longer than any answer. May be dropped at any time: nothing is lost.
    pub(super) async fn next(&mut self) -> Option<String> {
        while !self.ended {
            if let Some(line) = self.cut() {
                return Some(line);
            }
            let mut bytes = [0; 4096];
            let read = self.from.read(&mut bytes).await.unwrap_or(0);
            self.held
                .extend_from_slice(bytes.get(..read).unwrap_or_default());
            self.ended = read == 0 || self.held.len() as u64 > LONGEST_TEXT;
        }
        None
    }

    /// The next line, if it has come already.
    pub(super) fn now(&mut self) -> Option<String> {
        self.next().now_or_never().flatten()
    }

    fn cut(&mut self) -> Option<String> {
        let rest = self.held.get(self.searched..)?;
        let Some(at) = rest.iter().position(|b| *b == b'\n') else {
            self.searched = self.held.len();
            return None;
        };
        let line: Vec<u8> = self.held.drain(..=self.searched + at).collect();
        self.searched = 0;
        let line = String::from_utf8_lossy(&line);
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines end as they do anywhere; a cut one is none.
    #[tokio::test]
    async fn a_cut_line_is_none() {
        let mut lines = Lines::new(&b"one\r\n\n two \nappro"[..]);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await {
            all.push(line);
        }
        assert_eq!(all, ["one", "", " two "]);
    }

    /// A line without an end does not fill the memory.
    #[tokio::test]
    async fn an_endless_line_ends_the_input() {
        let mut lines = Lines::new(tokio::io::repeat(b'a'));
        assert_eq!(lines.next().await, None);
        assert!(lines.held.len() as u64 <= LONGEST_TEXT + 4096);
    }
}
