//! The values of a table by type: texts, numbers, money, times, words and lists, each with its place.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeValue};

use super::table::or;
use super::{At, Table};
use crate::config::diagnostic::Span;
use crate::config::nearest::nearest;
use crate::config::quantity;
use crate::run::work::micro_usd;

impl Table<'_> {
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
        let DeValue::Boolean(flag) = value.get_ref() else {
            let help = format!("write `{key} = true` or `{key} = false`");
            return self.mismatch(key, "true or false", value, help);
        };
        Some(At {
            value: *flag,
            span: value.span().into(),
        })
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
            let help = unquoted(key, value)
                .unwrap_or_else(|| "write a whole number without quotes".to_owned());
            return self.mismatch(key, "a whole number", value, help);
        };
        let (low, high) = (grouped(*range.start()), grouped(*range.end()));
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
        let number = value.get_ref();
        let whole = number
            .as_integer()
            .filter(|n| n.radix() == 10)
            .map(DeInteger::as_str);
        let Some(text) = whole.or(number.as_float().map(DeFloat::as_str)) else {
            let help =
                unquoted(key, value).unwrap_or_else(|| "write a number without quotes".to_owned());
            return self.mismatch(key, "a number", value, help);
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
        let micro = micro_usd(dollars.value).unwrap_or(u64::MAX);
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
        let (_, value) = self.row(key)?;
        let DeValue::String(_) = value.get_ref() else {
            let help = format!("write a number with its unit in quotes: `{key} = \"15m\"`");
            return self.mismatch(key, "a length of time", value, help);
        };
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
        self.as_texts(key, value, |list| format!("write `{key} = {list}`"))
    }

    /// A list of lists of texts.
    pub(crate) fn lists(&mut self, key: &'static str) -> Option<Vec<At<Vec<At<String>>>>> {
        let (_, value) = self.row(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.mismatch(
                key,
                "a list of commands",
                value,
                format!("write `{key} = [[\"program\", \"argument\"]]`"),
            );
        };
        Some(
            items
                .iter()
                .filter_map(|item| {
                    self.as_texts(key, item, |list| format!("write `{key} = [{list}]`"))
                })
                .collect(),
        )
    }

    fn as_text(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(At {
                value: text.clone().into_owned(),
                span: value.span().into(),
            }),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                let raw = self.problems.written(value.span().into());
                self.mismatch(
                    key,
                    "a text",
                    value,
                    format!("put quotes around it: \"{raw}\""),
                )
            }
            DeValue::Array(_) | DeValue::Table(_) => {
                self.mismatch(key, "a text", value, "write one text in quotes".to_owned())
            }
        }
    }

    fn as_texts(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        help: impl FnOnce(&str) -> String,
    ) -> Option<At<Vec<At<String>>>> {
        let DeValue::Array(items) = value.get_ref() else {
            return self.mismatch(key, "a list of texts", value, help(&as_list(value)));
        };
        let all: Option<Vec<At<String>>> =
            items.iter().map(|item| self.as_text(key, item)).collect();
        Some(At {
            value: all?,
            span: value.span().into(),
        })
    }

    pub(super) fn mismatch<T>(
        &self,
        key: &str,
        wanted: &str,
        value: &Spanned<DeValue<'_>>,
        help: String,
    ) -> Option<T> {
        let given = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let problem = format!("`{key}` must be {wanted}, and this is {given}");
        self.problems.error(value.span().into(), problem, help);
        None
    }
}

/// What to write instead of a number in quotes, if that is what stands there.
fn unquoted(key: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
    let text = value.get_ref().as_str()?.trim();
    text.parse::<f64>().ok()?;
    Some(format!("write `{key} = {text}`, without quotes"))
}

/// The list that was most likely meant by a value that is none.
fn as_list(value: &Spanned<DeValue<'_>>) -> String {
    let text = value.get_ref().as_str().unwrap_or("program argument");
    let words: Vec<String> = text
        .split_whitespace()
        .take(8)
        .map(|word| format!("\"{word}\""))
        .collect();
    format!("[{}]", words.join(", "))
}

/// A number with its thousands set apart, as TOML reads it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}
