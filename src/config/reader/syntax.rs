//! What the TOML parser says, in words for the author of a file.
//! The parser goes on after a mistake, and most of what it then finds is no mistake of its own.

use super::Span;

/// Most places that are told; the mistakes behind them are often only their echo.
const MOST_PLACES: usize = 4;

/// The mistakes worth telling, each by its number and place: the first of each line, up to a few.
pub(super) fn worth_telling(
    source: &str,
    places: impl Iterator<Item = Option<Span>>,
) -> Vec<(usize, Span)> {
    let mut told: Vec<(usize, Span)> = Vec::new();
    let mut last_line = 0..0;
    for (number, place) in places.enumerate() {
        let span = place.unwrap_or(Span::new(0, 0));
        if !told.is_empty() && last_line.contains(&span.start) {
            continue;
        }
        let at = span.start.min(source.len());
        let rest = source.as_bytes().get(at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        last_line = at..at + end + 1;
        told.push((number, span));
        if told.len() == MOST_PLACES {
            break;
        }
    }
    told
}

/// The parser's message as cause and help.
pub(super) fn plainly(message: &str, source: &str, span: Span) -> (String, String) {
    let at = source.get(span.start..span.end).unwrap_or_default();
    let (cause, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let (cause, help) = match cause {
        "duplicate key" => {
            return (
                format!("`{at}` is written twice"),
                "remove one of them".to_owned(),
            );
        }
        "string values must be quoted" if at.trim().is_empty() => (
            "a value is missing",
            "write a value, such as \"text\", 5, true or [\"list\"]",
        ),
        "string values must be quoted" => {
            ("a text stands in quotes", "put quotes around it: \"…\"")
        }
        "invalid basic string" if expected == "`\"`" => (
            "a text is not closed",
            "close it with `\"` on the same line",
        ),
        "invalid literal string" if expected == "`'`" => {
            ("a text is not closed", "close it with `'` on the same line")
        }
        "unclosed table" => ("a table's name is not closed", "close it with `]`"),
        "unclosed array table" => ("a table's name is not closed", "close it with `]]`"),
        "unclosed array" => ("a list is not closed", "close it with `]`"),
        "unclosed inline table" => ("a table is not closed", "close it with `}`"),
        "key with no value" => ("a key has no value", "write `key = value`"),
        "missing comma between key-value pairs" | "missing comma between array elements" => {
            ("a comma is missing", "put `,` between the two")
        }
        other if expected.is_empty() => (other, "see toml.io for the form of the file"),
        other => return (other.to_owned(), format!("expected here: {expected}")),
    };
    (cause.to_owned(), help.to_owned())
}
