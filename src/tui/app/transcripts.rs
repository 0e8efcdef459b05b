//! A run's transcript as far as it was fetched: pages of entries, a bounded number of them.
//! The transcript itself stays on disk.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::tui::text;

/// Lines in one page.
pub const PAGE: u64 = 200;
/// Most pages kept of one transcript.
const KEPT: usize = 24;
/// Longest text of one entry on the screen, in bytes; the whole one is in the file.
const LONGEST: usize = 16 * 1024;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Milliseconds since 1970.
    #[serde(default)]
    pub at: i64,
    /// What it is: `said`, `tool`, `error` …
    #[serde(default)]
    pub kind: String,
    /// Its text.
    #[serde(default)]
    pub text: String,
}

impl Entry {
    /// Reads one line; a line that is no entry is shown as it is.
    pub fn read(line: &str) -> Self {
        let mut entry: Self = serde_json::from_str(line).unwrap_or_else(|_| Self {
            at: 0,
            kind: "raw".to_owned(),
            text: line.to_owned(),
        });
        if entry.text.len() > LONGEST {
            let mut end = LONGEST;
            while !entry.text.is_char_boundary(end) {
                end -= 1;
            }
            entry.text.truncate(end);
            entry
                .text
                .push_str(" … (the rest is in the transcript file)");
        }
        entry.kind = text::cut(&text::seen(&entry.kind), 12);
        entry
    }
}

/// The fetched part of one transcript.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    pages: BTreeMap<u64, Vec<Entry>>,
    asked: BTreeSet<u64>,
    told: bool,
}

impl Transcript {
    /// One entry, if it was fetched.
    pub fn entry(&self, line: u64) -> Option<&Entry> {
        let at = usize::try_from(line % PAGE).ok()?;
        self.pages.get(&(line / PAGE))?.get(at)
    }

    /// Takes fetched lines in; `from` is what `missing` asked for.
    pub fn insert(&mut self, from: u64, lines: &[String]) {
        let number = from / PAGE;
        self.told = true;
        self.asked.remove(&number);
        let page = self.pages.entry(number).or_default();
        // An answer that does not continue what is here was asked twice.
        if number * PAGE + page.len() as u64 == from {
            let room = usize::try_from(PAGE).unwrap_or(usize::MAX) - page.len();
            page.extend(lines.iter().take(room).map(|l| Entry::read(l)));
        }
        while self.pages.len() > KEPT {
            // What lies farthest from the newest interest goes first.
            let farthest = self
                .pages
                .keys()
                .copied()
                .max_by_key(|p| p.abs_diff(number));
            match farthest {
                Some(p) => self.pages.remove(&p),
                None => break,
            };
        }
    }

    /// What was asked for will not be answered.
    pub fn ask_again(&mut self) {
        self.asked.clear();
    }

    /// Where to fetch on while nobody has said yet how long the transcript is; the first answer says
    /// it, also that there is nothing.
    pub fn unknown(&mut self) -> Option<u64> {
        (!self.told && self.asked.insert(0)).then_some(0)
    }

    /// Where to fetch on so that `line` of `total` can be shown; asked for once at a time.
    pub fn missing(&mut self, line: u64, total: u64) -> Option<u64> {
        let page = line / PAGE;
        let have = self.pages.get(&page).map_or(0, |p| p.len() as u64);
        let wanted = total.saturating_sub(page * PAGE).min(PAGE);
        (have < wanted && self.asked.insert(page)).then_some(page * PAGE + have)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known lines are read, unknown kinds stay, broken lines are shown as they are.
    #[test]
    fn reads_tolerantly() {
        let entry = Entry::read(r#"{"at":5,"kind":"dance","text":"hi","more":1}"#);
        assert_eq!((entry.at, entry.kind.as_str()), (5, "dance"));
        assert_eq!(Entry::read("{oops").text, "{oops");
        assert_eq!(Entry::read(r#"{"kind":"a\u001b[2J"}"#).kind, "a\\u{1b}[2J");
    }

    /// A page is asked for once, and again when the transcript has grown.
    #[test]
    fn asks_once() {
        let mut t = Transcript::default();
        assert_eq!(t.missing(3, 10), Some(0));
        assert_eq!(t.missing(4, 10), None);
        t.insert(0, &vec![String::new(); 10]);
        assert_eq!(t.missing(4, 10), None);
        assert_eq!(t.missing(4, 11), Some(10));
    }

    /// A transcript of unknown length is asked for once, not for ever where it is empty.
    #[test]
    fn asks_how_long_it_is_once() {
        let mut t = Transcript::default();
        assert_eq!(t.unknown(), Some(0));
        assert_eq!(t.unknown(), None);
        t.insert(0, &[]);
        assert_eq!(t.unknown(), None);
        assert_eq!(t.missing(0, 1), Some(0), "it has grown");
    }
}
