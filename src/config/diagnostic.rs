//! One finding about one file, and how it looks in the terminal: place, line, carets, help.
//! Pure; what is found is decided by the readers beside this file.

use std::fmt;

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use crate::run::inert::{spelled_line, steers};

/// Widest quoted line, in columns; a longer one is cut around what it is about.
const QUOTED_COLUMNS: usize = 100;

/// A range of bytes in a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
}

/// Whether the file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can.
    Warning,
}

/// One finding about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// The file, relative to the project where it lies in it.
    pub file: String,
    /// Where in the file; `None` when it is about the file as a whole.
    pub place: Option<Place>,
    /// The cause, in one line.
    pub message: String,
    /// What to do next, in one line.
    pub help: Option<String>,
}

/// A place in a file, with the line that is quoted for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The bytes that it is about.
    pub span: Span,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line as it stands in the file, without its end.
    pub text: String,
    /// The bytes of `text` that are underlined.
    pub underlined: Span,
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

impl Place {
    /// The place of these bytes in a text; bytes outside it are taken as its end.
    pub fn of(text: &str, span: Span) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let stop = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[begin..stop].trim_end_matches('\r');
        Self {
            span: Span::new(start, end),
            line: text[..begin].matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line.to_owned(),
            underlined: Span::new(
                (start - begin).min(line.len()),
                (end.min(stop) - begin).min(line.len()),
            ),
        }
    }
}

impl Diagnostic {
    /// What and where, on one line: `prices.toml:3: …; write …`.
    pub fn line(&self) -> String {
        let place = self
            .place
            .as_ref()
            .map_or(String::new(), |place| format!(":{}", place.line));
        let help = self
            .help
            .as_ref()
            .map_or(String::new(), |help| format!("; {help}"));
        spelled_line(format!("{}{place}: {}{help}", self.file, self.message).as_bytes())
    }

    /// All of it, over several lines, every line ended by a newline; control characters inert.
    pub fn render(&self) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (file, message) = (
            spelled_line(self.file.as_bytes()),
            spelled_line(self.message.as_bytes()),
        );
        let number = self
            .place
            .as_ref()
            .map(|place| place.line.to_string())
            .unwrap_or_default();
        let blank = " ".repeat(number.len().max(1));
        let mut lines = vec![format!("{word}: {message}")];
        match &self.place {
            None => lines.push(format!("{blank}--> {file}")),
            Some(place) => {
                let (quoted, carets) = quote(place);
                lines.push(format!("{blank}--> {file}:{number}:{}", place.column));
                lines.push(format!("{blank} |"));
                lines.push(format!("{number} | {quoted}"));
                lines.push(format!("{blank} | {carets}"));
            }
        }
        if let Some(help) = &self.help {
            if self.place.is_some() {
                lines.push(format!("{blank} |"));
            }
            lines.push(format!("{blank} = help: {}", spelled_line(help.as_bytes())));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

impl fmt::Display for Diagnostic {
    /// One line: place and cause, for a row of the cockpit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(
                f,
                "{}:{}:{}: ",
                spelled_line(self.file.as_bytes()),
                place.line,
                place.column
            )?,
            None => write!(f, "{}: ", spelled_line(self.file.as_bytes()))?,
        }
        f.write_str(&spelled_line(self.message.as_bytes()))
    }
}

/// The largest character boundary that is not beyond `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The quoted line, cut and inert, and the carets under it.
fn quote(place: &Place) -> (String, String) {
    let (mut cells, mut first, mut after) = (Vec::new(), None, 0);
    for (at, c) in place.text.char_indices() {
        if at >= place.underlined.start && first.is_none() {
            first = Some(cells.len());
        }
        match c {
            '\t' => cells.extend([' '; 4]),
            c if steers(c) => cells.extend(c.escape_unicode()),
            c => cells.push(c),
        }
        if at < place.underlined.end {
            after = cells.len();
        }
    }
    let first = first.unwrap_or(cells.len());
    let after = after.max(first + 1);

    let from = if width(&cells) <= QUOTED_COLUMNS {
        0
    } else {
        first.saturating_sub(20)
    };
    let mut to = from;
    let mut columns = 0;
    while let Some(&c) = cells.get(to) {
        columns += c.width().unwrap_or(0);
        if columns > QUOTED_COLUMNS {
            break;
        }
        to += 1;
    }
    let before = if from > 0 { "…" } else { "" };
    let behind = if to < cells.len() { "…" } else { "" };
    let shown: String = cells[from..to].iter().collect();
    let indent = width(&cells[from..first.min(to)]) + before.chars().count();
    let marked = width(&cells[first.min(to)..after.min(to)]).max(1);
    (
        format!("{before}{shown}{behind}"),
        format!("{}{}", " ".repeat(indent), "^".repeat(marked)),
    )
}

fn width(cells: &[char]) -> usize {
    cells.iter().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, span: Span) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            file: "loops/x.toml".to_owned(),
            place: Some(Place::of(text, span)),
            message: "it is so".to_owned(),
            help: Some("do this".to_owned()),
        }
    }

    /// Carets stand under the span, also behind wide characters and a tab.
    #[test]
    fn carets_follow_the_columns() {
        let text = "a = 1\n日本\tb = 2\n";
        let at = text.find('b').unwrap();
        assert_eq!(
            found(text, Span::new(at, at + 5)).render(),
            "error: it is so\n --> loops/x.toml:2:4\n  |\n2 | 日本    b = 2\n  |         ^^^^^\n  |\n  = help: do this\n"
        );
    }

    /// No byte of the file or of a message reaches the terminal as a control sequence.
    #[test]
    fn escape_sequences_are_spelled_out() {
        let mut it = found("x = \"\u{1b}[2J\u{202e}\"", Span::new(0, 1));
        it.message = "key `\u{1b}[0m`".to_owned();
        assert!(!it.render().chars().any(|c| c != '\n' && steers(c)));
        assert!(it.render().contains("\\u{1b}[2J\\u{202e}"));
        assert!(it.to_string().contains("key `\\u{1b}[0m`"));
    }

    /// A line of a megabyte is cut around what it is about.
    #[test]
    fn long_lines_are_cut() {
        let text = format!("{}HERE{}", "x".repeat(500_000), "y".repeat(500_000));
        let shown = found(&text, Span::new(500_000, 500_004)).render();
        assert!(shown.contains("xHEREy"));
        assert!(shown.len() < 600, "{shown}");
    }

    /// A span beyond the end, or inside a character, is still a place.
    #[test]
    fn any_span_has_a_place() {
        let text = "é = 1";
        assert_eq!(Place::of(text, Span::new(1, 99)).column, 1);
        let end = Place::of("a\n", Span::new(7, 9));
        assert_eq!((end.line, end.column), (2, 1));
    }
}
