//! One TOML table: its keys are asked for by name and type, and what nobody asked for is reported.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problems;
use crate::config::diagnostic::Span;
use crate::config::nearest::nearest;

/// A table being read.
pub(crate) struct Table<'d> {
    rows: &'d DeTable<'d>,
    /// Its path from the root, as `guardrails.budget`; empty for the root.
    path: String,
    /// Where it begins.
    pub(crate) span: Span,
    /// Where its findings go.
    pub(crate) problems: &'d Problems<'d>,
    known: Vec<&'static str>,
}

impl<'d> Table<'d> {
    pub(super) fn new(
        rows: &'d DeTable<'d>,
        path: String,
        span: Span,
        problems: &'d Problems<'d>,
    ) -> Self {
        Self {
            rows,
            path,
            span,
            problems,
            known: Vec::new(),
        }
    }

    /// Whether it has no key at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where this key stands, if it is there; the key counts as known.
    pub(crate) fn key(&mut self, key: &'static str) -> Option<Span> {
        self.row(key).map(|(span, _)| span)
    }

    /// A table inside; keys that `read` does not ask for are errors.
    pub(crate) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> Option<T> {
        let (at, value) = self.row(key)?;
        let DeValue::Table(rows) = value.get_ref() else {
            return self.mismatch(
                key,
                "a table",
                value,
                format!("write `{key} = {{ … }}` or a section of that name"),
            );
        };
        Some(self.enter(rows, key, at, read))
    }

    /// A list of tables; keys that `read` does not ask for are errors.
    pub(crate) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Table<'_>) -> T,
    ) -> Option<Vec<T>> {
        let (_, value) = self.row(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.mismatch(
                key,
                "a list of tables",
                value,
                format!("write a section [[{}]] for each", self.path_of(key)),
            );
        };
        let mut all = Vec::new();
        for item in items {
            if let DeValue::Table(rows) = item.get_ref() {
                all.push(self.enter(rows, key, item.span().into(), &mut read));
            } else {
                let help = format!("write a section [[{}]] for each", self.path_of(key));
                self.mismatch::<()>(key, "a list of tables", item, help);
            }
        }
        Some(all)
    }

    /// Reports that a key must be there, with a line that would do.
    pub(crate) fn missing(&self, key: &str, example: &str) {
        let place = match self.path.as_str() {
            "" => "the file".to_owned(),
            path => format!("`{path}`"),
        };
        self.problems.error(
            self.span,
            format!("{place} has no `{key}`"),
            format!("add `{example}`"),
        );
    }

    /// Reports every one of these keys that is there although `why` they mean nothing.
    pub(crate) fn refuse(&mut self, keys: &[&'static str], why: &str) {
        for &key in keys {
            if let Some(span) = self.key(key) {
                self.problems
                    .error(span, format!("`{key}` means nothing {why}"), "remove it");
            }
        }
    }

    /// Reports every key that was never asked for.
    pub(super) fn finish(self) {
        for key in self.rows.keys() {
            let word = key.get_ref();
            if self.known.iter().any(|known| known == word) {
                continue;
            }
            let place = match self.path.as_str() {
                "" => String::new(),
                path => format!(" in `{path}`"),
            };
            // Beyond the findings that are shown, the nearest word is not worth its search.
            let help = if self.problems.is_full() {
                String::new()
            } else if let Some(known) = nearest(word, self.known.iter().copied()) {
                format!("write `{known}` instead")
            } else {
                let all: Vec<String> = self.known.iter().map(|k| format!("`{k}`")).collect();
                format!("known here: {}", all.join(", "))
            };
            self.problems.error(
                key.span().into(),
                format!("unknown key `{word}`{place}"),
                help,
            );
        }
    }

    pub(super) fn row(&mut self, key: &'static str) -> Option<(Span, &'d Spanned<DeValue<'d>>)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (at, value) = self.rows.iter().find(|(k, _)| k.get_ref() == key)?;
        Some((at.span().into(), value))
    }

    fn enter<T>(
        &self,
        rows: &'d DeTable<'d>,
        key: &str,
        span: Span,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> T {
        let mut table = Table::new(rows, self.path_of(key), span, self.problems);
        let value = read(&mut table);
        table.finish();
        value
    }

    /// The path of a key of this table, from the root.
    pub(super) fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

/// `a, b or c`.
pub(crate) fn or(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
