//! The one writer of the command line: inert text, line by line. A reader that has had enough is
//! no error.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use super::{Exit, Fail};
use crate::run::inert::{escaped, spelled_line};

/// Where a command's words go.
pub struct Out<'a> {
    to: BufWriter<Box<dyn Write + 'a>>,
    /// The first thing that went wrong; nothing is written after it.
    broken: Option<io::Error>,
    at_terminal: bool,
}

impl<'a> Out<'a> {
    /// Writes here.
    pub fn new(to: impl Write + 'a) -> Self {
        Self {
            to: BufWriter::new(Box::new(to)),
            broken: None,
            at_terminal: false,
        }
    }

    /// The same, where it is a terminal that is written to.
    #[must_use]
    pub fn at_terminal(mut self, at_terminal: bool) -> Self {
        self.at_terminal = at_terminal;
        self
    }

    /// Whether a person reads this as it comes: not a file, nor a program that is given it.
    pub fn is_at_terminal(&self) -> bool {
        self.at_terminal
    }

    /// Writes a text: its lines end as they do, everything else in it is made inert.
    pub fn text(&mut self, text: &str) {
        for line in text.lines() {
            self.raw(&spelled_line(line.replace('\t', "    ").as_bytes()));
        }
    }

    /// Writes one line of several columns.
    pub fn line(&mut self, line: &str) {
        self.raw(&spelled_line(line.replace('\t', "    ").as_bytes()));
    }

    /// Writes a line as it is, tabs too, but for what steers a terminal; `whole` is whether it ends.
    pub fn exact(&mut self, line: &str, whole: bool) {
        let cells: Vec<String> = line
            .split('\t')
            .map(|c| spelled_line(c.as_bytes()))
            .collect();
        let end = if whole { "\n" } else { "" };
        if self.broken.is_none() {
            let written = write!(self.to, "{}{end}", cells.join("\t"));
            self.keep(written);
        }
    }

    /// Writes a question that is answered on the same line, and hands it over.
    pub fn ask(&mut self, words: &str) {
        if self.broken.is_none() {
            let written = write!(self.to, "{} ", spelled_line(words.as_bytes()));
            self.keep(written);
        }
        self.flush();
    }

    /// Writes one value as one line of JSON, which escapes by its own rules.
    pub fn json<T: Serialize>(&mut self, value: &T) {
        match serde_json::to_string(value) {
            Ok(json) => self.raw(&escaped(&json)),
            Err(e) => self.broken = Some(e.into()),
        }
    }

    /// Hands over what was written so far: a follower wants each line when it happens.
    pub fn flush(&mut self) {
        let flushed = self.to.flush();
        self.keep(flushed);
    }

    /// Whether the reader is gone.
    pub fn is_closed(&self) -> bool {
        self.broken.is_some()
    }

    /// Ends the writing. A closed pipe is the reader's own wish.
    pub fn finish(mut self) -> Result<(), Fail> {
        self.flush();
        match self.broken.take() {
            Some(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(Exit::Trouble.because(format!("cannot write the output: {e}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn raw(&mut self, line: &str) {
        if self.broken.is_none() {
            let written = writeln!(self.to, "{line}");
            self.keep(written);
        }
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(e) = result {
            self.broken.get_or_insert(e);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// No escape sequence, direction mark or hidden character reaches the terminal.
    #[test]
    fn writes_inert_text() {
        let mut bytes = Vec::new();
        let mut out = Out::new(&mut bytes);
        out.text("red \u{1b}[31m\nnext\u{202e}\r\n");
        out.json(&"\u{1b}\u{9b}\u{e0041}é");
        out.finish().unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "red \\u{1b}[31m\nnext\\u{202e}\n\"\\u001b\\u009b\\udb40\\udc41é\"\n"
        );
    }

    /// `checkride log | head -1` ends well.
    #[test]
    fn a_closed_pipe_is_no_error() {
        let mut out = Out::new(Closed);
        out.line("one");
        out.flush();
        assert!(out.is_closed());
        assert_eq!(out.finish(), Ok(()));
    }
}
