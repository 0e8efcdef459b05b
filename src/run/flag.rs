//! Flags: what in a result a person should look at before they agree, found by fixed rules. A flag refuses
//! nothing; it is shown at the work, beside the verdict and before anything goes live. Pure.
//! Which paths and which lines earn one is below this file; finding them in a tree is the workspace's.

pub mod alike;
pub mod inside;
pub mod lines;
pub mod paths;
pub mod runners;
pub mod shadows;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// Most flags that a result carries one by one.
const MOST: usize = 24;

/// One thing to look at, of the whole run's change and not of one iteration alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// What the publish command runs was changed.
    Publish,
    /// What would go live is not what was examined.
    Merged,
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
            Self::Publish => "publish",
            Self::Merged => "not examined",
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

/// Puts found flags in order, the gravest first, each once. Where they are too many to be read each kind keeps its
/// part of the room, and what it has beyond is counted: no kind is crowded out by another.
pub fn gather(found: Vec<Flag>) -> Vec<Flag> {
    let mut kinds: BTreeMap<Sign, Vec<Flag>> = BTreeMap::new();
    let mut told = HashSet::new();
    for flag in found {
        if told.insert(flag.clone()) {
            kinds.entry(flag.sign).or_default().push(flag);
        }
    }
    if kinds.values().map(Vec::len).sum::<usize>() <= MOST {
        return kinds.into_values().flatten().collect();
    }
    let mut room = MOST;
    let mut left = kinds.len();
    // Kinds that need less than their part leave the rest to the others.
    let mut parts: Vec<(Sign, usize)> = kinds
        .iter()
        .map(|(sign, kind)| (*sign, kind.len()))
        .collect();
    parts.sort_by_key(|(_, many)| *many);
    for (sign, many) in parts {
        let part = room / left;
        left -= 1;
        room -= many.min(part);
        if many > part {
            shorten(sign, kinds.entry(sign).or_default(), part);
        }
    }
    kinds.into_values().flatten().collect()
}

/// Cuts the flags of one kind to so many, the last of which counts the rest.
fn shorten(sign: Sign, kind: &mut Vec<Flag>, part: usize) {
    let shown = part.max(2) - 1;
    let more = kind.len().saturating_sub(shown);
    kind.truncate(shown);
    kind.push(Flag {
        sign,
        what: format!("and {more} more of this kind: read the whole diff"),
    });
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
        assert!(flags[MOST - 1].what.contains("and 78 more"), "{flags:?}");
    }

    /// A flood of one kind crowds out no other, however grave it is.
    #[test]
    fn no_kind_is_crowded_out() {
        let of = |sign, many| {
            (0..many).map(move |n| Flag {
                sign,
                what: format!("a/{n}"),
            })
        };
        let mut found: Vec<Flag> = of(Sign::Key, 300).chain(of(Sign::Test, 300)).collect();
        found.extend(of(Sign::Check, 3).chain(of(Sign::Invisible, 1)));
        let flags = gather(found);
        let many = |sign| flags.iter().filter(|flag| flag.sign == sign).count();
        let each = [Sign::Key, Sign::Test, Sign::Check, Sign::Invisible].map(many);
        assert_eq!(each, [10, 10, 3, 1]);
        assert!(flags[9].what.contains("and 291 more"), "{flags:?}");
        assert_eq!(gather(of(Sign::Hook, 24).collect()).len(), 24);
    }
}
