//! What of a tree is flagged against the start of the run: paths and added lines, held against the rules
//! of `run/flag`. Reads the change as git tells it; refuses nothing.

use std::collections::HashSet;
use std::path::Path;

use super::diff::{self, Delta, LINK};
use super::{Trouble, Workspace};
use crate::config::loops::sourced::Below;
use crate::run::flag::inside::{Mark, Tests};
use crate::run::flag::{self, alike, lines, paths, shadows};
use crate::run::inert::{cut, spelled_line};
use crate::run::names::{folded, namesakes};
use crate::run::{ChangeKind, Digest, Flag, Sign, counted};
use crate::supervisor::redactor::Redactor;

/// Most bytes of a change whose lines are looked through.
const LOOKED_THROUGH: u64 = diff::SHOWN_BYTES;

/// Longest path that is shown in a flag.
const PATH_CHARS: usize = 120;

/// What of a project examines it, beyond what paths tell by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examiners {
    /// Check scripts, by their path in the project.
    pub scripts: Vec<String>,
    /// What they read in, run, import or compare with: any change is flagged.
    pub run: HashSet<String>,
    /// What else they name; it may well be the work that they look at.
    pub named: HashSet<String>,
    /// Where what they ask for by a module's name would be taken from: a new file there is flagged.
    pub(crate) asked: HashSet<String>,
    /// What they read in or run without knowing its names.
    pub(crate) below: Vec<Below>,
    /// What the publish command reads in and runs.
    pub(crate) deed: Deed,
}

/// What runs outside the sandbox when the work is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) files: HashSet<String>,
    /// The same whose names are not known.
    pub(crate) below: Vec<Below>,
}

impl Deed {
    fn runs(&self, path: &str) -> bool {
        let lower = folded(path);
        self.files.iter().any(|file| folded(file) == lower)
            || self.below.iter().any(|below| lies(below, &lower))
    }
}

/// Whether a folded path lies there.
fn lies(below: &Below, lower: &str) -> bool {
    Path::new(lower).starts_with(folded(&below.folder)) && lower.ends_with(&folded(&below.end))
}

impl Examiners {
    /// Whether a file of the project examines, because it is a test or a check runs, reads or names it. What
    /// tools write as they run, such as lock files, is none.
    pub fn hold(&self, path: &str) -> bool {
        let known = self.run.contains(path) || self.named.contains(path);
        let script = self.scripts.iter().any(|script| script == path);
        known || script || paths::sign(path) == Some(Sign::Test)
    }

    /// Whether a check relies on what was changed here, in any case and form of letters: on some disks that is the same
    /// file.
    fn rely_on(&self, path: &str, kind: ChangeKind) -> bool {
        let lower = folded(path);
        let mut files = self.run.iter().chain(&self.scripts);
        // One more that is only run says nothing of what the others say.
        let counts = |below: &Below| below.sourced || kind != ChangeKind::Added;
        files.any(|file| folded(file) == lower)
            || self
                .below
                .iter()
                .any(|below| counts(below) && lies(below, &lower))
    }

    /// What a file is flagged for that is taken in the place of another by whoever examines.
    fn takes(&self, path: &str, shown: &str, kind: ChangeKind) -> Option<String> {
        if let Some(package) = shadows::installed(path) {
            let package = self::shown(package.as_bytes());
            return Some(format!("{package} changed; modules are taken from there"));
        }
        let new = kind == ChangeKind::Added;
        let first = |folder: &str| {
            let mut examine = self.run.iter().chain(&self.scripts);
            let within = |file: &String| {
                file.rsplit_once('/')
                    .is_some_and(|(of, _)| of.eq_ignore_ascii_case(folder))
            };
            examine.any(within)
        };
        let asked = self.asked.contains(path);
        let asked = asked.then_some("a check asks for a module of that name");
        let why = shadows::taken_for(path, &first).or(asked).filter(|_| new)?;
        Some(format!("{shown} added; {why}"))
    }

    /// The names that code which does its work has no reason to speak of.
    fn names(&self) -> Vec<String> {
        let tests = self.run.iter().chain(&self.named);
        let tests =
            tests.filter(|path| path.contains('/') && paths::sign(path) == Some(Sign::Test));
        let mut names: Vec<String> = self.scripts.iter().chain(tests).cloned().collect();
        names.sort();
        names
    }
}

impl Workspace {
    /// What of this tree a person should look at, since the start of the run.
    pub fn flags(
        &self,
        tree: &str,
        examiners: &Examiners,
        keys: &Redactor,
    ) -> Result<Vec<Flag>, Trouble> {
        let deltas = diff::deltas(&self.git, &self.start, tree)?;
        if deltas.is_empty() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Flag> = deltas
            .iter()
            .flat_map(|delta| self.of_file(delta, examiners, keys))
            .collect();
        found.extend(self.namesakes(&deltas, tree)?);
        let (patch, mut whole) = diff::bare_patch(&self.git, (&self.start, tree), LOOKED_THROUGH)?;
        let of_lines = of_patch(&String::from_utf8_lossy(&patch), &examiners.names(), keys);
        if deltas.iter().any(|delta| delta.path.ends_with(b".rs")) {
            let between = (self.start.as_str(), tree);
            let (sources, all) = diff::sources(&self.git, between, LOOKED_THROUGH)?;
            whole &= all;
            found.extend(inner_tests(&String::from_utf8_lossy(&sources)));
        }
        found.extend(of_lines);
        if !whole {
            found.push(Flag {
                sign: Sign::Unread,
                what: format!("what comes after the first {LOOKED_THROUGH} bytes of the change"),
            });
        }
        Ok(flag::gather(found))
    }

    /// New names that are names of other files where case or the forms of letters do not count: there one of the two
    /// takes the place of the other.
    fn namesakes(&self, deltas: &[Delta], tree: &str) -> Result<Vec<Flag>, Trouble> {
        let new = deltas
            .iter()
            .filter(|delta| delta.kind == ChangeKind::Added);
        let new: Vec<&[u8]> = new.map(|delta| delta.path.as_slice()).collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let all = self.listing(tree)?;
        let found = namesakes(&new, all.iter().map(|entry| entry.path.as_slice()));
        let flags = found.into_iter().map(|(name, other)| Flag {
            sign: Sign::Alike,
            what: format!(
                "{} is the same name as {} where case and forms of letters are not told apart",
                shown(name),
                shown(other)
            ),
        });
        Ok(flags.collect())
    }

    /// What a file is flagged for, its lines left aside.
    fn of_file(&self, delta: &Delta, examiners: &Examiners, keys: &Redactor) -> Vec<Flag> {
        let inside = delta.path.strip_prefix(self.prefix.as_slice());
        let name = String::from_utf8_lossy(inside.unwrap_or(&delta.path)).into_owned();
        let shown = shown(&delta.path);
        let verb = match delta.kind {
            ChangeKind::Added => "added",
            ChangeKind::Modified => "changed",
            ChangeKind::Deleted => "deleted",
        };
        let mut found = Vec::new();
        let mut flag = |sign, what: String| found.push(Flag { sign, what });
        if delta.binary && delta.kind != ChangeKind::Deleted {
            flag(
                Sign::Unread,
                format!("{shown} is binary; only what reads as text in it was"),
            );
        }
        let outside = examiners.deed.runs(&name);
        if outside {
            let what = format!("{shown} {verb}; the publish command runs it, outside the sandbox");
            flag(Sign::Publish, what);
        }
        if let Some(sign) = paths::sign(&name) {
            flag(sign, format!("{shown} {verb}"));
        } else if examiners.rely_on(&name, delta.kind) {
            flag(Sign::Check, format!("{shown} {verb}; a check relies on it"));
        } else if let Some(what) = examiners.takes(&name, &shown, delta.kind) {
            flag(Sign::Check, what);
        }
        if let Some(key) = keys
            .finds(&name)
            .filter(|_| delta.kind == ChangeKind::Added)
        {
            flag(Sign::Key, format!("{key} in the name of {shown}"));
        }
        if let Some(sign) = lines::in_name(&name).filter(|_| delta.kind == ChangeKind::Added) {
            flag(sign, format!("the name of {shown}"));
        }
        let letter = alike::letter(&name).filter(|_| delta.kind == ChangeKind::Added);
        if let Some(letter) = letter {
            let code = u32::from(letter);
            let what = format!("{shown}: «{letter}» is U+{code:04X} and no Latin letter");
            flag(Sign::Alike, what);
        }
        if delta.new.0 == LINK && delta.old.0 != LINK {
            flag(Sign::Hides, format!("{shown} is a link now"));
        }
        found
    }
}

/// What the added and removed lines of a patch are flagged for.
fn of_patch(patch: &str, examiners: &[String], keys: &Redactor) -> Vec<Flag> {
    let mut found: Vec<Flag> = Vec::new();
    let mut reader = Reader::default();
    let mut lost: (String, u64) = (String::new(), 0);
    // One kind of thing is told once for each file, with the first of its lines.
    let mut told: Vec<Sign> = Vec::new();
    for line in patch.split('\n') {
        match reader.read(line) {
            Seen::File(name) => {
                found.extend(removed(&lost));
                told.clear();
                lost = (name.to_owned(), 0);
            }
            Seen::Added(number, text) => {
                let key = keys.finds(text).map(|key| (Sign::Key, key.to_owned()));
                for (sign, what) in key.into_iter().chain(lines::added(text, examiners)) {
                    if !told.contains(&sign) {
                        told.push(sign);
                        let what = format!("{what} in {}:{number}", reader.path);
                        found.push(Flag { sign, what });
                    }
                }
            }
            Seen::Removed(text) => lost.1 += u64::from(lines::is_assertion(text)),
            Seen::Same(_) | Seen::Else => {}
        }
    }
    found.extend(removed(&lost));
    found
}

/// The changed lines of tests that stand in the sources themselves.
fn inner_tests(patch: &str) -> Vec<Flag> {
    let mut found: Vec<(String, u64)> = Vec::new();
    let mut reader = Reader::default();
    let mut tests = Tests::default();
    for line in patch.split('\n') {
        let changed = match reader.read(line) {
            Seen::File(_) => {
                tests = Tests::default();
                false
            }
            Seen::Added(_, text) => tests.changed(Mark::Added, text),
            Seen::Removed(text) => tests.changed(Mark::Removed, text),
            Seen::Same(text) => tests.changed(Mark::Same, text),
            Seen::Else => false,
        };
        match found.last_mut() {
            Some((last, lines)) if changed && *last == reader.path => *lines += 1,
            Some(_) | None if changed => found.push((reader.path.clone(), 1)),
            Some(_) | None => {}
        }
    }
    let flags = found.into_iter().map(|(path, lines)| Flag {
        sign: Sign::Test,
        what: format!("{} of tests in {path} changed", counted(lines, "line")),
    });
    flags.collect()
}

fn removed((path, lines): &(String, u64)) -> Option<Flag> {
    (*lines > 0).then(|| Flag {
        sign: Sign::Test,
        what: format!(
            "{} of tests changed or taken out in {path}",
            counted(*lines, "line")
        ),
    })
}

/// A path as a flag shows it. One that is cut is told from all others by the digest of the whole.
fn shown(path: &[u8]) -> String {
    let spelled = spelled_line(path);
    let short = cut(&spelled, PATH_CHARS);
    if short == spelled {
        return short;
    }
    format!("{short} (its name is {})", Digest::of(path).short())
}

/// What one line of a patch is.
enum Seen<'a> {
    File(&'a str),
    Added(u64, &'a str),
    Removed(&'a str),
    Same(&'a str),
    Else,
}

/// Reads a patch line by line; counts lines by its hunks, so that no text can pass for
/// a head.
#[derive(Debug, Default)]
struct Reader {
    path: String,
    /// Lines of the hunk that are still to come: removed, added.
    left: (u64, u64),
    /// The number of the next added line.
    next: u64,
}

impl Reader {
    fn read<'a>(&mut self, line: &'a str) -> Seen<'a> {
        match (line.as_bytes().first(), self.left) {
            (Some(b'-'), (1.., _)) => {
                self.left.0 -= 1;
                Seen::Removed(line.get(1..).unwrap_or_default())
            }
            (Some(b'+'), (_, 1..)) => {
                self.left.1 -= 1;
                self.next += 1;
                Seen::Added(self.next - 1, line.get(1..).unwrap_or_default())
            }
            (Some(b' '), (1.., 1..)) => {
                self.left = (self.left.0 - 1, self.left.1 - 1);
                self.next += 1;
                Seen::Same(line.get(1..).unwrap_or_default())
            }
            (Some(b'@'), _) => {
                if let Some((old, new, first)) = hunk(line) {
                    (self.left, self.next) = ((old, new), first);
                }
                Seen::Else
            }
            (Some(b'-' | b'+'), (0, 0)) => match line.get(4..) {
                // A file that is new or gone has one name.
                Some("/dev/null") | None => Seen::Else,
                Some(name) => {
                    // Git ends a name that holds blanks with a tab.
                    let name = name.strip_suffix('\t').unwrap_or(name).trim_matches('"');
                    self.path = shown(name.as_bytes());
                    Seen::File(name)
                }
            },
            _ => Seen::Else,
        }
    }
}

/// `@@ -3,2 +4 @@`: lines removed, lines added, number of the first added one.
fn hunk(line: &str) -> Option<(u64, u64, u64)> {
    let mut words = line.strip_prefix("@@ -")?.split(' ');
    let (old, new) = (words.next()?, words.next()?.strip_prefix('+')?);
    let span = |text: &str| -> Option<(u64, u64)> {
        let (from, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((from.parse().ok()?, count.parse().ok()?))
    };
    let ((_, removed), (first, added)) = (span(old)?, span(new)?);
    Some((removed, added, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines are told by file and number, and a line that looks like a head is a line.
    #[test]
    fn lines_are_told_by_file_and_number() {
        let patch = "diff --git a b\n--- a.py\n+++ a.py\n@@ -3,2 +3,3 @@ def f():\n-    assert x\n\
                     --- b.py\n+++ c.py\n+# Dear judge\n+x\n@@ -9,0 +11 @@\n+@pytest.mark.skip\n";
        let found = of_patch(patch, &[], &Redactor::default());
        let lines: Vec<String> = found.iter().map(Flag::line).collect();
        assert_eq!(
            lines,
            [
                "speaks to the examiner: words for whoever examines it in a.py:4",
                "test: «pytest.mark.skip» in a.py:11",
                "test: 1 line of tests changed or taken out in a.py",
            ]
        );
    }

    /// S22: a key of the loop is flagged whatever its shape, once for each file, and a name with blanks is told as it
    /// is.
    #[test]
    fn a_configured_key_is_flagged() {
        let mut keys = Redactor::default();
        keys.hide("MY_TOKEN", "zQx7 no shape at all 91");
        let patch = "--- /dev/null\n+++ my notes.md\t\n@@ -0,0 +1,3 @@\n+a\n+t = zQx7 no shape at all 91\n\
                     +zQx7 no shape at all 91\n";
        let found = of_patch(patch, &[], &keys);
        let lines: Vec<String> = found.iter().map(Flag::line).collect();
        assert_eq!(lines, ["key: MY_TOKEN in my notes.md:2"]);
    }

    /// A test and what a check reaches for examine; a lock file that a build tool brings up to date does not.
    #[test]
    fn what_tools_write_does_not_examine() {
        let below = |folder: &str, end: &str, sourced| Below {
            folder: folder.to_owned(),
            end: end.to_owned(),
            sourced,
        };
        let examiners = Examiners {
            scripts: vec!["scripts/check".to_owned()],
            run: ["lib/compare.sh".to_owned()].into(),
            named: ["words.txt".to_owned()].into(),
            asked: HashSet::new(),
            deed: Deed::default(),
            below: vec![below("parts", "", true), below("suite", ".sh", false)],
        };
        for path in [
            "scripts/check",
            "lib/compare.sh",
            "words.txt",
            "tests/cases.txt",
        ] {
            assert!(examiners.hold(path), "{path}");
        }
        for path in ["Cargo.lock", "web/package-lock.json", "src/lib.rs"] {
            assert!(!examiners.hold(path), "{path}");
            assert!(!examiners.rely_on(path, ChangeKind::Modified), "{path}");
        }
        let relied = [
            "LIB/compare.sh",
            "Scripts/Check",
            "parts/new.sh",
            "parts",
            "suite/one.sh",
        ];
        for path in relied {
            assert!(examiners.rely_on(path, ChangeKind::Modified), "{path}");
        }
        assert!(examiners.rely_on("parts/new.sh", ChangeKind::Added));
        assert!(!examiners.rely_on("suite/new.sh", ChangeKind::Added));
        assert!(!examiners.rely_on("suite/read.me", ChangeKind::Modified));
    }

    /// A line in the middle of an assertion is a line of a test, where it stands in the source itself.
    #[test]
    fn tests_within_a_source_are_flagged() {
        let patch = "--- src/lib.rs\n+++ src/lib.rs\n@@ -1,7 +1,7 @@\n-fn a() {}\n+fn b() {}\n \
                     #[cfg(test)]\n mod tests {\n     assert_eq!(\n-        9,\n+        12,\n     \
                     );\n }\n--- src/a.rs\n+++ src/a.rs\n@@ -1 +1 @@\n-fn a() {}\n+fn b() {}\n";
        let found = inner_tests(patch);
        let lines: Vec<String> = found.iter().map(Flag::line).collect();
        assert_eq!(lines, ["test: 2 lines of tests in src/lib.rs changed"]);
    }

    /// Files whose names are alike as far as they are shown are flagged one by one.
    #[test]
    fn long_names_are_told_apart() {
        let long = "tests/".to_owned() + &"a".repeat(200);
        let names = ["1", "2"].map(|end| shown(format!("{long}{end}").as_bytes()));
        assert_ne!(names[0], names[1]);
        assert!(names[0].chars().count() < PATH_CHARS + 40, "{}", names[0]);
        assert_eq!(shown(b"tests/a"), "tests/a");
    }

    /// What is told of one file is told of another too, whose name is the end of the first one's.
    #[test]
    fn a_namesake_hides_no_flag() {
        let patch = "--- /dev/null\n+++ 0a.sh\n@@ -0,0 +1,2 @@\n+# reviewer: x\n+# dear judge\n\
                     --- /dev/null\n+++ a.sh\n@@ -0,0 +1 @@\n+# note to the judge\n";
        let found = of_patch(patch, &[], &Redactor::default());
        let lines: Vec<&str> = found.iter().map(|flag| flag.what.as_str()).collect();
        assert_eq!(
            lines,
            [
                "words for whoever examines it in 0a.sh:1",
                "words for whoever examines it in a.sh:1",
            ]
        );
    }
}
