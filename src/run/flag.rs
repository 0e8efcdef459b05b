//! Flags: what in a result a person should look at before they agree, found by fixed rules. A flag refuses
//! nothing; it is shown at the work, beside the verdict and before anything goes live. Pure.
//! Which paths and which lines earn one is below this file; finding them in a tree is the workspace's.

pub mod alike;
pub mod inside;
pub mod lines;
pub mod paths;

use serde::{Deserialize, Serialize};

/// Most flags that a result carries one by one.
const MOST: usize = 24;

/// One thing to look at, of the whole run's change and not of one iteration alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// What kind of thing.
    pub sign: Sign,
    /// Where, and what there, on one inert line: `tests/sum.py changed`.
    pub what: String,
}

/// The kinds of thing that are flagged, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// A key or a password stands in a file.
    Key,
    /// A test was changed, taken out, or told to be skipped.
    Test,
    /// What a check runs or reads was changed, or how tests are run.
    Check,
    /// A text speaks to whoever examines it.
    Speaks,
    /// Code that asks whether it is being examined.
    Examined,
    /// A file that tells agents what to do.
    Orders,
    /// A file that programs run by themselves: hooks, pipelines, tasks of editors.
    Hook,
    /// A file that says what git shows and keeps.
    Hides,
    /// A name that looks like another.
    Alike,
    /// Characters that hide or reorder text.
    Invisible,
    /// What was not looked through, because it is too long.
    Unread,
}

impl Sign {
    /// The word before what was found.
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Test => "test",
            Self::Check => "check",
            Self::Speaks => "speaks to the examiner",
            Self::Examined => "knows it is examined",
            Self::Orders => "orders for agents",
            Self::Hook => "runs by itself",
            Self::Hides => "hides files",
            Self::Alike => "looks like another",
            Self::Invisible => "invisible text",
            Self::Unread => "not looked through",
        }
    }
}

impl Flag {
    /// `test: tests/sum.py changed`
    pub fn line(&self) -> String {
        format!("{}: {}", self.sign.word(), self.what)
    }
}

/// Puts found flags in order, the gravest first, each once, and counts what is too many to show.
pub fn gather(found: Vec<Flag>) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for flag in found {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags.sort_by_key(|flag| flag.sign);
    if flags.len() > MOST {
        let more = flags.len() - (MOST - 1);
        let sign = flags.get(MOST - 1).map_or(Sign::Unread, |flag| flag.sign);
        flags.truncate(MOST - 1);
        flags.push(Flag {
            sign,
            what: format!("and {more} more things to look at: read the whole diff"),
        });
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However much is found, what is shown stays short, the gravest stands first, and the rest is
    /// counted.
    #[test]
    fn much_is_counted_and_the_gravest_stands_first() {
        let mut found: Vec<Flag> = (0..100)
            .map(|n| Flag {
                sign: Sign::Test,
                what: format!("tests/{n} changed"),
            })
            .collect();
        found.push(Flag {
            sign: Sign::Key,
            what: "a key in notes.md:12".to_owned(),
        });
        found.push(found[0].clone());
        let flags = gather(found);
        assert_eq!(flags.len(), MOST);
        assert_eq!(flags[0].line(), "key: a key in notes.md:12");
        assert!(flags[MOST - 1].what.contains("78 more"), "{flags:?}");
    }
}
