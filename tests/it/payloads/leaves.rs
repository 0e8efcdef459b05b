//! Every text that the host can tell, wherever it stands in a record: each leaf of each kind of question, of the
//! rows, the timeline and the pages is a payload in turn.

use checkride::protocol::{Command, Fact, Fetch, Record};
use checkride::run::Ask;
use checkride::tui::app::Out as Wish;
use serde::Deserialize as _;
use serde_json::Value;

use super::{hostile, payloads};
use crate::cli::flagged;
use crate::screens::{Cockpit, NOON, scenes};

/// Keys that lead to the pages where the told texts stand, at a question.
const PAGES: [&str; 12] = [
    "", "c", "cp", "cd", "cv", "cm", "co", "ca", "t", "i", "b", "z",
];

/// Where each round begins in the payloads: one round, in which each text is another payload;
/// `CHECKRIDE_PAYLOADS=all` makes forty, so that each text is forty of them.
fn rounds() -> impl Iterator<Item = usize> {
    let whole = std::env::var_os("CHECKRIDE_PAYLOADS").is_some();
    let count = if whole { 40 } else { 1 };
    (0..payloads().len()).step_by(8).take(count)
}

/// Puts a payload into every text of these records that reads as one, another payload into each; what has to
/// be of a certain form (a digest, a name of a kind, an id by which records belong together) stays.
struct Poison {
    payloads: Vec<String>,
    next: usize,
    put: usize,
}

impl Poison {
    /// Begins with this payload.
    fn from(first: usize) -> Self {
        Self {
            payloads: payloads(),
            next: first,
            put: 0,
        }
    }

    fn line(&mut self) -> String {
        let at = self.next % self.payloads.len();
        self.next += 1;
        format!("A{}B", self.payloads[at])
    }

    fn records(&mut self, records: &[Record]) -> Vec<Record> {
        records.iter().map(|record| self.record(record)).collect()
    }

    fn record(&mut self, record: &Record) -> Record {
        let mut whole = serde_json::to_value(record).unwrap();
        let mut leaves = Vec::new();
        texts(&whole, String::new(), &mut leaves);
        for pointer in leaves {
            let line = Value::from(self.line());
            let leaf = whole.pointer_mut(&pointer).unwrap();
            let kept = std::mem::replace(leaf, line);
            if Record::deserialize(&whole).is_err() {
                *whole.pointer_mut(&pointer).unwrap() = kept;
            } else {
                self.put += 1;
            }
        }
        Record::deserialize(&whole).unwrap()
    }
}

/// Where the texts of this value are, as JSON pointers; what names a run, a loop or a text by its digest is
/// what records are matched by.
fn texts(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at),
        Value::Array(all) => {
            for (n, one) in all.iter().enumerate() {
                texts(one, format!("{at}/{n}"), found);
            }
        }
        Value::Object(all) => {
            for (key, one) in all {
                if !["run", "id", "name", "digest"].contains(&key.as_str()) {
                    texts(one, format!("{at}/{key}"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A question of each kind, with flags and without, and what stands beside it.
fn scenarios() -> Vec<Vec<Record>> {
    let mut asks = scenes::every_ask();
    asks.extend(scenes::flagged_asks());
    asks.push(scenes::human_ask());
    let mut all: Vec<Vec<Record>> = asks.into_iter().map(asked).collect();
    all.push(scenes::history());
    all.push(scenes::idle());
    all
}

fn asked(ask: Ask) -> Vec<Record> {
    if matches!(ask, Ask::Publish { .. }) {
        scenes::publishes(ask)
    } else {
        scenes::asks(ask)
    }
}

/// What a host would answer to these wishes, with payloads for lines.
fn answers(sent: &[Wish], poison: &mut Poison) -> Vec<Record> {
    sent.iter()
        .filter_map(|wish| match wish {
            Wish::Send(Command::Fetch(
                of @ (Fetch::Text { .. } | Fetch::Transcript { .. } | Fetch::File { .. }),
            )) => {
                let lines: Vec<String> = (0..8).map(|_| poison.line()).collect();
                Some(scenes::record(
                    NOON,
                    Fact::Lines {
                        of: of.clone(),
                        total: lines.len() as u64,
                        lines,
                    },
                ))
            }
            other => scenes::answer(other).map(|record| poison.record(&record)),
        })
        .collect()
}

/// One page of the cockpit, with what was fetched for it.
fn page(records: &[Record], keys: &str, answers: &mut dyn FnMut(&[Wish]) -> Vec<Record>) -> String {
    let mut cockpit = Cockpit::new(records, (120, 36));
    cockpit.keys(keys);
    let more = answers(&cockpit.sent);
    cockpit.tell(&more);
    cockpit.text("terminal")
}

/// S16: on every page of the cockpit, whichever text of a record is the payload.
#[test]
fn no_text_of_a_record_reaches_a_screen() {
    for round in rounds() {
        let mut poison = Poison::from(round);
        for (n, records) in scenarios().iter().enumerate() {
            let told = poison.records(records);
            for keys in PAGES {
                let text = page(&told, keys, &mut |sent| answers(sent, &mut poison));
                let dirty = text.chars().find(|c| hostile(*c));
                assert_eq!(dirty, None, "scene {n}, round {round}, «{keys}»:\n{text}");
                assert_eq!(text.lines().count(), 36, "scene {n} after «{keys}»");
                if round == 0 {
                    let clean = page(records, keys, &mut |_| Vec::new());
                    assert_ne!(text, clean, "scene {n} after «{keys}» shows no payload");
                }
            }
        }
        assert!(poison.put > 500, "only {} texts were payloads", poison.put);
    }
}

/// S16: on the command line and in plain mode, whichever text of a record is the payload.
#[tokio::test]
async fn no_text_of_a_record_reaches_the_command_line() {
    for round in rounds() {
        let mut poison = Poison::from(round);
        for (surface, text) in flagged::told(&mut |records| poison.records(records)).await {
            let dirty = text.chars().find(|c| hostile(*c));
            assert_eq!(dirty, None, "{surface}, round {round}: {text:?}");
        }
        assert!(poison.put > 100, "only {} texts were payloads", poison.put);
    }
}
