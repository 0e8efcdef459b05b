//! One TOML table: its keys are asked for by name and type, and what nobody asked for is reported.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{At, Problems};
use crate::config::diagnostic::Span;
use crate::config::nearest::nearest;
use crate::config::quantity;

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

    /// Where this key stands, if it is there; the key counts as known.
    pub(crate) fn key(&mut self, key: &'static str) -> Option<Span> {
        self.row(key).map(|(span, _)| span)
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let (_, value) = self.row(key)?;
        self.as_text(key, value)
    }

    /// A text that must be there and must not be blank.
    pub(crate) fn required_text(&mut self, key: &'static str, example: &str) -> Option<At<String>> {
        if self.key(key).is_none() {
            self.missing(key, example);
        }
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.problems.error(
                text.span,
                format!("`{key}` is empty"),
                format!("write `{example}`"),
            );
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<At<bool>> {
        let (_, value) = self.row(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(At {
                value: *flag,
                span: value.span().into(),
            }),
            _ => self.mismatch(key, "true or false", value),
        }
    }

    /// A whole number in a range.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<At<u64>> {
        let (_, value) = self.row(key)?;
        let span = Span::from(value.span());
        let DeValue::Integer(number) = value.get_ref() else {
            return self.mismatch(key, "a whole number", value);
        };
        let (low, high) = (*range.start(), *range.end());
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if range.contains(&value) => Some(At { value, span }),
            _ => {
                self.problems.error(
                    span,
                    format!("`{key}` must lie between {low} and {high}"),
                    format!("write a whole number from {low} to {high}"),
                );
                None
            }
        }
    }

    /// A number with or without a fraction, from 0 up to `most`.
    pub(crate) fn fraction(&mut self, key: &'static str, most: f64) -> Option<At<f64>> {
        let (_, value) = self.row(key)?;
        let text = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.mismatch(key, "a number", value),
        };
        let span = Span::from(value.span());
        match text.parse::<f64>() {
            Ok(value) if (0.0..=most).contains(&value) => Some(At { value, span }),
            _ => {
                self.problems.error(
                    span,
                    format!("`{key}` must lie between 0 and {most}"),
                    format!("write a number from 0 to {most}"),
                );
                None
            }
        }
    }

    /// Dollars, as millionths.
    pub(crate) fn micro_usd(&mut self, key: &'static str) -> Option<At<u64>> {
        let dollars = self.fraction(key, 100_000.0)?;
        let micro = quantity::micro_usd(dollars.value);
        if micro == 0 {
            self.problems.error(
                dollars.span,
                format!("`{key}` allows nothing to be spent"),
                "write an amount in dollars, such as 0.60, or remove the key",
            );
            return None;
        }
        Some(dollars.map(|_| micro))
    }

    /// A length of time such as `"15m"`, in seconds, within a range of seconds.
    pub(crate) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<At<u64>> {
        let text = self.text(key)?;
        let Some(seconds) = quantity::seconds(&text.value) else {
            self.problems.error(
                text.span,
                format!("`{key}` is no length of time"),
                "write a number with s, m, h or d, such as \"90s\", \"15m\" or \"1h30m\"",
            );
            return None;
        };
        if range.contains(&seconds) {
            return Some(text.map(|_| seconds));
        }
        let (low, high) = (
            quantity::words(*range.start()),
            quantity::words(*range.end()),
        );
        self.problems.error(
            text.span,
            format!("`{key}` must lie between {low} and {high}"),
            format!("write a time from \"{low}\" to \"{high}\""),
        );
        None
    }

    /// One of some words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(text.map(|_| *value));
        }
        let all: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        let help = match nearest(&text.value, words.iter().map(|(word, _)| *word)) {
            Some(word) => format!("write \"{word}\" instead"),
            None => format!("write {}", or(&all)),
        };
        let problem = format!("`{key}` knows no \"{}\"", text.value);
        self.problems.error(text.span, problem, help);
        None
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<At<Vec<At<String>>>> {
        let (_, value) = self.row(key)?;
        self.as_texts(key, value)
    }

    /// A list of lists of texts.
    pub(crate) fn lists(&mut self, key: &'static str) -> Option<Vec<At<Vec<At<String>>>>> {
        let (_, value) = self.row(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.mismatch(key, "a list of argument lists", value);
        };
        Some(
            items
                .iter()
                .filter_map(|item| self.as_texts(key, item))
                .collect(),
        )
    }

    /// A table inside; keys that `read` does not ask for are errors.
    pub(crate) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> Option<T> {
        let (at, value) = self.row(key)?;
        let DeValue::Table(rows) = value.get_ref() else {
            return self.mismatch(key, "a table", value);
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
            return self.mismatch(key, "a list of tables", value);
        };
        let mut all = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(rows) => {
                    all.push(self.enter(rows, key, item.span().into(), &mut read))
                }
                _ => {
                    self.mismatch::<()>(key, "a list of tables", item);
                }
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
            let help = match nearest(word, self.known.iter().copied()) {
                Some(known) => format!("write `{known}` instead"),
                None => {
                    let all: Vec<String> = self.known.iter().map(|k| format!("`{k}`")).collect();
                    format!("known here: {}", all.join(", "))
                }
            };
            self.problems.error(
                key.span().into(),
                format!("unknown key `{word}`{place}"),
                help,
            );
        }
    }

    fn row(&mut self, key: &'static str) -> Option<(Span, &'d Spanned<DeValue<'d>>)> {
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
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        let mut table = Table::new(rows, path, span, self.problems);
        let value = read(&mut table);
        table.finish();
        value
    }

    fn as_text(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(At {
                value: text.clone().into_owned(),
                span: value.span().into(),
            }),
            _ => self.mismatch(key, "a text in quotes", value),
        }
    }

    fn as_texts(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<Vec<At<String>>>> {
        let DeValue::Array(items) = value.get_ref() else {
            return self.mismatch(key, "a list of texts", value);
        };
        let mut all = Vec::new();
        for item in items {
            all.push(self.as_text(key, item)?);
        }
        Some(At {
            value: all,
            span: value.span().into(),
        })
    }

    fn mismatch<T>(&self, key: &str, wanted: &str, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let (given, help) = match value.get_ref() {
            DeValue::String(_) if wanted.starts_with("a list of texts") => (
                "a text",
                "write it as a list, one text per argument: [\"program\", \"argument\"]".to_owned(),
            ),
            DeValue::String(_) => ("a text", format!("write {wanted}")),
            DeValue::Integer(_) => ("a whole number", format!("write {wanted}")),
            DeValue::Float(_) => ("a number with a fraction", format!("write {wanted}")),
            DeValue::Boolean(_) => ("true or false", format!("write {wanted}")),
            DeValue::Datetime(_) => ("a date", format!("write {wanted}")),
            DeValue::Array(_) => ("a list", format!("write {wanted}")),
            DeValue::Table(_) => ("a table", format!("write {wanted}")),
        };
        self.problems.error(
            value.span().into(),
            format!("`{key}` must be {wanted}, and this is {given}"),
            help,
        );
        None
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
