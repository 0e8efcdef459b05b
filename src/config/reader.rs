//! Reads a TOML text with the place of every value, and collects all that is wrong with it.
//! What the keys mean is decided by the files that use this one.

mod syntax;
pub(crate) mod table;
mod values;

use std::borrow::Cow;
use std::cell::RefCell;

use toml::de::DeTable;

pub(crate) use table::Table;

use super::diagnostic::{Diagnostic, Place, Severity, Span};

/// Most findings that are kept of one file; more help nobody.
const MOST_FINDINGS: usize = 50;

/// Most letters of a message or a help; the longest of our own words has 200.
const LONGEST_LINE: usize = 240;

/// A value and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At<T> {
    /// What was written.
    pub(crate) value: T,
    /// Where.
    pub(crate) span: Span,
}

impl<T> At<T> {
    /// The same place with another value.
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: to(self.value),
            span: self.span,
        }
    }
}

/// All that is wrong with one text, in the order in which it was found.
#[derive(Debug)]
pub(crate) struct Problems<'s> {
    source: &'s str,
    found: RefCell<Vec<Problem>>,
    not_enforced: RefCell<Vec<String>>,
    /// Places that no finding may quote.
    hidden: RefCell<Vec<Span>>,
}

#[derive(Debug)]
struct Problem {
    severity: Severity,
    span: Span,
    message: String,
    help: Option<String>,
}

impl<'s> Problems<'s> {
    /// Nothing is wrong with this text yet.
    pub(crate) fn of(source: &'s str) -> Self {
        Self {
            source,
            found: RefCell::default(),
            not_enforced: RefCell::default(),
            hidden: RefCell::default(),
        }
    }

    /// The file cannot be used.
    pub(crate) fn error(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message.into(), Some(help.into()));
    }

    /// What stands here may be a secret: no finding quotes it.
    pub(crate) fn hide(&self, span: Span) {
        self.hidden.borrow_mut().push(span);
    }

    /// The file can be used, but its author should know.
    pub(crate) fn warn(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, span, message.into(), Some(help.into()));
    }

    /// This key is understood, and this build does not act on it.
    pub(crate) fn not_enforced(&self, what: impl Into<String>) {
        self.not_enforced.borrow_mut().push(what.into());
    }

    /// The part of `span` where `needle` stands, or all of it where an escape hides it.
    pub(crate) fn within(&self, span: Span, needle: &str) -> Span {
        match self
            .source
            .get(span.start..span.end)
            .and_then(|text| text.find(needle))
        {
            Some(at) => Span::new(span.start + at, span.start + at + needle.len()),
            None => span,
        }
    }

    /// What stands at this place in the text.
    pub(crate) fn written(&self, span: Span) -> &'s str {
        self.source.get(span.start..span.end).unwrap_or_default()
    }

    /// Whether an error was found.
    pub(crate) fn has_errors(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|p| p.severity == Severity::Error)
    }

    /// Whether there are more findings than are shown.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().len() > MOST_FINDINGS
    }

    /// Everything found, by place, and what is not enforced.
    pub(crate) fn into_diagnostics(self, file: &str) -> (Vec<Diagnostic>, Vec<String>) {
        let source = shrouded(self.source, &self.hidden.into_inner());
        let mut found = self.found.into_inner();
        found.sort_by_key(|p| p.span.start);
        let more = found.len().saturating_sub(MOST_FINDINGS);
        let mut list: Vec<Diagnostic> = found
            .into_iter()
            .take(MOST_FINDINGS)
            .map(|p| Diagnostic {
                severity: p.severity,
                file: file.to_owned(),
                place: Some(Place::of(&source, p.span)),
                message: p.message,
                help: p.help,
            })
            .collect();
        if more > 0 {
            list.push(Diagnostic {
                severity: Severity::Error,
                file: file.to_owned(),
                place: None,
                message: format!("{more} further findings are not shown"),
                help: Some("mend those above first".to_owned()),
            });
        }
        // A file that cannot be used enforces nothing: the list would only hide the errors.
        let usable = list.iter().all(|d| d.severity != Severity::Error);
        let not_enforced = if usable {
            self.not_enforced.into_inner()
        } else {
            Vec::new()
        };
        (list, not_enforced)
    }

    fn add(&self, severity: Severity, span: Span, message: String, help: Option<String>) {
        self.found.borrow_mut().push(Problem {
            severity,
            span,
            message: cut(message),
            help: help.filter(|help| !help.is_empty()).map(cut),
        });
    }
}

/// The text with every byte of these places as a star: all else keeps its place.
fn shrouded<'s>(source: &'s str, hidden: &[Span]) -> Cow<'s, str> {
    let mut text = Cow::Borrowed(source);
    for span in hidden {
        if source.get(span.start..span.end).is_some() {
            let stars = "*".repeat(span.end - span.start);
            text.to_mut().replace_range(span.start..span.end, &stars);
        }
    }
    text
}

/// At most `LONGEST_LINE` letters: what a file repeats in a message may be of any length.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Parses the text and hands its root table to `read`; every key that `read` did not ask for is
/// an error. `None` when the text is no TOML: then only that is reported.
pub(crate) fn document<T>(
    source: &str,
    problems: &Problems<'_>,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> Option<T> {
    let (root, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        let places = errors.iter().map(|error| error.span().map(Span::from));
        for (number, span) in syntax::worth_telling(source, places) {
            if let Some(error) = errors.get(number) {
                let (message, help) = syntax::plainly(error.message(), source, span);
                problems.add(Severity::Error, span, message, Some(help));
            }
        }
        return None;
    }
    let mut table = Table::new(root.get_ref(), String::new(), Span::new(0, 0), problems);
    let value = read(&mut table);
    table.finish();
    Some(value)
}
