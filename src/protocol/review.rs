//! What an operator is shown before a loop that came from elsewhere may run, and how it reads.

use serde::{Deserialize, Serialize};

use crate::run::Digest;

/// A loop, laid open: all that it would run, and what changed since it was allowed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The loop.
    pub name: String,
    /// Names all that is executed, byte for byte: what is allowed.
    pub digest: Digest,
    /// Whether exactly this is allowed already.
    pub allowed: bool,
    /// Whether another state of it was allowed before.
    pub known: bool,
    /// What it would run, in order; inert text.
    pub commands: Vec<Ordered>,
    /// The files that it executes or obeys.
    pub files: Vec<Reviewed>,
    /// What changed since it was allowed last; inert text.
    pub diff: Vec<(Tone, String)>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// Whose.
    pub who: String,
    /// The command, its arguments told apart.
    pub line: String,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Its path in the project.
    pub path: String,
    /// What it is to the loop, in a word.
    pub role: String,
    /// Its bytes.
    pub digest: Digest,
    /// What became of it since the loop was allowed last.
    pub change: Change,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing; or nothing of the loop was ever allowed.
    Same,
    /// It was not there.
    New,
    /// It has other bytes.
    Changed,
    /// It is not there any more.
    Gone,
}

/// How a line of a review reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// A heading.
    Head,
    /// As it is.
    Plain,
    /// Added.
    Added,
    /// Taken out.
    Removed,
    /// In the background.
    Quiet,
}

impl Review {
    /// The whole review, line by line: what changed first, then what runs, then the files.
    pub fn lines(&self) -> Vec<(Tone, String)> {
        let mut all = vec![(Tone::Plain, self.standing().to_owned())];
        let mut part = |head: &str, lines: Vec<(Tone, String)>| {
            if !lines.is_empty() {
                all.extend([(Tone::Plain, String::new()), (Tone::Head, head.to_owned())]);
                all.extend(lines);
            }
        };
        if !self.allowed {
            part("what changed", self.diff.clone());
        }
        let wide = self.commands.iter().map(|order| order.who.chars().count());
        let wide = wide.max().unwrap_or(0);
        let runs = self.commands.iter().map(|order| {
            let gap = " ".repeat(wide - order.who.chars().count());
            (Tone::Plain, format!("{}{gap}  {}", order.who, order.line))
        });
        part("what it runs", runs.collect());
        let files = self.files.iter().map(|file| {
            // What may run as it stands has changed from nothing that matters.
            let (tone, word) = match file.change {
                Change::Same | Change::New | Change::Changed | Change::Gone if self.allowed => {
                    (Tone::Plain, "")
                }
                Change::Same => (Tone::Plain, ""),
                Change::New => (Tone::Added, "  new"),
                Change::Changed => (Tone::Added, "  changed"),
                Change::Gone => (Tone::Removed, "  gone"),
            };
            let digest = file.digest.short();
            (
                tone,
                format!("{:<8}  {digest}  {}{word}", file.role, file.path),
            )
        });
        part("what it executes and obeys, by its bytes", files.collect());
        all
    }

    /// How it stands, in one line.
    pub fn standing(&self) -> &'static str {
        match (self.allowed, self.known) {
            (true, _) => "allowed: exactly this may run",
            (false, false) => "never allowed here: nothing of it runs before you allow it",
            (false, true) => "changed outside the cockpit: nothing of it runs before you allow it",
        }
    }
}
