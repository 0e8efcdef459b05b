//! What shell scripts read in and run, over several hops: by a plain path, a path beside the script, one below a
//! folder that they went to, or a variable that was set to one. Read by rules, nothing is run; a path that is put
//! together in any other way is not found.

mod commands;
mod run;

use std::cell::Cell;
use std::collections::BTreeMap;

use commands::{Command, folder};

/// Most hops from a check's own script.
const DEPTH: usize = 4;

/// Most files that one script reads in, as many folders, and eight times as many files that it runs.
const MOST: usize = 32;

/// Most folders that are remembered as gone to.
const MOST_WENT: usize = 8;

/// Most bytes of one script that are looked through.
const SCRIPT_BYTES: usize = 256 * 1024;

/// Most bytes of all scripts that one reading looks through. With the bounds below it keeps a reading to a second or
/// two whatever is written into the scripts: they are read before anybody has allowed them.
const ALL_BYTES: usize = 2 * 1024 * 1024;

/// Most files that one reading asks for.
const MOST_LOOKS: usize = 4096;

/// Most variables that are remembered.
const MOST_SET: usize = 256;

/// Longest value or path that is remembered, in bytes: what systems take as a path.
const LONGEST: usize = 4096;

/// Begins a path whose place in the project is known from where the script lies.
const PLACED: char = '\u{1}';

/// Stands for whatever is not known before the script runs.
const UNKNOWN: char = '\u{2}';

/// Letters of a path that stand for others.
const OPEN: [char; 4] = [UNKNOWN, '*', '?', '['];

/// Words after which a file is read in and becomes a part of the script.
const SOURCES: [&str; 2] = [".", "source"];

/// Words that may stand before an assignment or a command.
const BEFORE: [&str; 14] = [
    "export", "readonly", "local", "declare", "then", "do", "else", "elif", "if", "while", "until",
    "!", "{", "builtin",
];

/// Programs that run what follows their own options and numbers.
const AROUND: [&str; 7] = ["exec", "command", "time", "env", "nohup", "nice", "timeout"];

/// A file that a script reads in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sourced {
    /// Its path in the project.
    pub(crate) path: String,
    /// Whether it is looked for where the script lies, not in the folder that the script is run in.
    pub(crate) beside: bool,
}

/// Files below a folder whose names are not known before a script runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Below {
    /// The folder, by its path in the project.
    pub(crate) folder: String,
    /// How the files end; empty where nothing is known of it.
    pub(crate) end: String,
    /// Whether they are read in: then one more of them changes the script.
    pub(crate) sourced: bool,
}

/// What of a script is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// What it reads in alone.
    Sources,
    /// What it runs for its end alone, too.
    Ends,
    /// Whatever it runs.
    Runs,
}

/// All that a script reads in and runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// What it reads in.
    pub(crate) sourced: Vec<Sourced>,
    /// What else it runs, or gives to a program as its orders: files
    /// of the project that are there.
    pub(crate) run: Vec<String>,
    /// What of both has names that are not known.
    pub(crate) below: Vec<Below>,
}

/// What a script of the project reads in, itself left out; `read` gives the bytes of a file by its path.
pub(crate) fn all(script: &str, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<Sourced> {
    let mut walk = Walk::of(script, read, Look::Sources);
    walk.file(script, 0);
    walk.found.sourced
}

/// The same with all that it runs, and what the scripts among that read in and run.
pub(crate) fn reach(script: &str, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Reach {
    let mut walk = Walk::of(script, read, Look::Ends);
    walk.file(script, 0);
    walk.found
}

/// What one command reads in and runs, given by its words, and what that leads to.
pub(crate) fn reach_of(
    words: &[String],
    look: Look,
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Reach {
    let mut walk = Walk::of("", read, look);
    let words = words.to_vec();
    let command = Command {
        words,
        ..Command::default()
    };
    walk.command(&command, 0);
    walk.found
}

struct Walk<'a> {
    /// Where it begins; not found by itself.
    main: &'a str,
    /// What `$0` is, also in what is read in.
    zero: String,
    read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    look: Look,
    /// Variables whose value is known.
    set: BTreeMap<String, String>,
    /// Folders that were gone to: what comes after may be meant from each of them.
    went: Vec<String>,
    /// Files that may still be asked for, and bytes that may still be looked through.
    left: Cell<(usize, usize)>,
    found: Reach,
}

impl<'a> Walk<'a> {
    fn of(main: &'a str, read: &'a dyn Fn(&str) -> Option<Vec<u8>>, look: Look) -> Self {
        Self {
            main,
            zero: main.to_owned(),
            read,
            look,
            set: BTreeMap::new(),
            went: Vec::new(),
            left: Cell::new((MOST_LOOKS, ALL_BYTES)),
            found: Reach::default(),
        }
    }

    /// The bytes of a file, while there is room for one more look.
    fn look(&self, path: &str) -> Option<Vec<u8>> {
        let (looks, bytes) = self.left.get();
        self.left.set((looks.checked_sub(1)?, bytes));
        (self.read)(path)
    }

    fn file(&mut self, path: &str, depth: usize) {
        let Some(bytes) = self.look(path) else {
            return;
        };
        let (looks, room) = self.left.get();
        let bytes = bytes.get(..SCRIPT_BYTES.min(room)).unwrap_or(&bytes);
        self.left.set((looks, room.saturating_sub(bytes.len())));
        let text = String::from_utf8_lossy(bytes).replace([PLACED, UNKNOWN], "");
        for line in text.replace("\\\n", " ").lines() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            // What a line sets may be used further on in it, and is set once.
            let mut own = BTreeMap::new();
            for command in commands::of(&self.filled(line, path)) {
                own.extend(sets(&command.words()).0);
            }
            own.retain(|name, value| self.set.get(name) != Some(value));
            self.set(&own);
            for command in commands::of(&self.filled(line, path)) {
                self.command(&command, depth);
            }
            self.set(&own);
        }
    }

    fn set(&mut self, values: &BTreeMap<String, String>) {
        for (name, value) in values {
            let room = self.set.len() < MOST_SET && name.len() <= LONGEST;
            if !room && !self.set.contains_key(name) {
                continue;
            }
            let known = value.len() <= LONGEST;
            let value = if known { value.clone() } else { UNKNOWN.into() };
            self.set.insert(name.clone(), value);
        }
    }

    fn command(&mut self, command: &Command, depth: usize) {
        let words = command.words();
        let (values, rest) = sets(&words);
        self.set(&values);
        match *rest {
            ["cd" | "pushd", folder, ..] => self.goes_to(folder),
            [word, target, ..] if SOURCES.contains(&word) => self.reads_in(target, depth),
            [program, ref rest @ ..] if program != "for" => {
                let heard = command.heard;
                match self.look {
                    Look::Sources => {}
                    Look::Ends => self.program(program, rest, (command, heard), depth),
                    Look::Runs => self.program(program, rest, (command, false), depth),
                }
            }
            [..] => {}
        }
    }

    fn goes_to(&mut self, folder: &str) {
        if folder.contains(OPEN) || folder.len() > LONGEST {
            return;
        }
        let from = self.went.last().map(|last| format!("{last}/{folder}"));
        let from = from.filter(|_| !folder.starts_with([PLACED, '/']));
        for folder in [Some(folder.to_owned()), from].into_iter().flatten() {
            if self.went.len() < MOST_WENT && !self.went.contains(&folder) {
                self.went.push(folder);
            }
        }
    }

    fn reads_in(&mut self, target: &str, depth: usize) {
        if target.contains(OPEN) {
            return self.below(target, true);
        }
        for (at, sourced) in self.places(target).into_iter().enumerate() {
            let known = &self.found.sourced;
            let new = known.len() < MOST && sourced.path != self.main && !known.contains(&sourced);
            // Whether it is meant from a folder that was gone to is told by what lies there.
            if new && (at == 0 || self.look(&sourced.path).is_some()) {
                let path = sourced.path.clone();
                self.found.sourced.push(sourced);
                if depth + 1 < DEPTH {
                    self.file(&path, depth + 1);
                }
            }
        }
    }

    /// Where in the project a path may lead: as it stands, and from each folder that was gone to.
    fn places(&self, target: &str) -> Vec<Sourced> {
        let place = |path: &str| {
            let beside = path.starts_with(PLACED);
            inside(path.trim_start_matches(PLACED)).map(|path| Sourced { path, beside })
        };
        if target.len() > LONGEST {
            return Vec::new();
        }
        let mut places: Vec<Sourced> = place(target).into_iter().collect();
        if !target.is_empty() && !target.starts_with([PLACED, '/']) {
            let went = self.went.iter().map(|folder| format!("{folder}/{target}"));
            places.extend(went.filter_map(|path| place(&path)));
        }
        places
    }

    /// A line with every variable in its place, as far as they are known.
    fn filled(&self, line: &str, own: &str) -> String {
        commands::filled(line, &|name| {
            let (plain, folder_of) = match name.strip_suffix("%/*") {
                Some(plain) => (plain, true),
                None => (name, false),
            };
            let (plain, default) = match plain.split_once(":-") {
                Some((plain, default)) => (plain, Some(default)),
                None => (plain, None),
            };
            let value = match plain {
                "0" => Some(format!("{PLACED}{}", self.zero)),
                "BASH_SOURCE" | "BASH_SOURCE[0]" => Some(format!("{PLACED}{own}")),
                "PWD" => Some(".".to_owned()),
                set => self.set.get(set).cloned(),
            };
            let value = value.or_else(|| default.map(str::to_owned))?;
            Some(if folder_of { folder(&value) } else { value })
        })
    }
}

/// What is set before a command; what is left begins with the command itself.
fn sets<'w, 's>(mut words: &'w [&'s str]) -> (BTreeMap<String, String>, &'w [&'s str]) {
    let mut values = BTreeMap::new();
    while let [first, rest @ ..] = words {
        words = if BEFORE.contains(first) {
            rest
        } else if AROUND.contains(first) {
            let own = |word: &&&str| word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            rest.get(rest.iter().take_while(own).count()..)
                .unwrap_or_default()
        } else if let Some((name, value)) = assignment(first) {
            values.insert(name.to_owned(), value.to_owned());
            rest
        } else {
            break;
        };
    }
    if let ["for", name, "in", each @ ..] = words {
        values.insert((*name).to_owned(), pattern(each));
    }
    (values, words)
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let letters = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters.then_some((name, value))
}

/// What stands for each of these words: the pattern among them, or one for all files of their folder.
fn pattern(each: &[&str]) -> String {
    let open = each.iter().find(|word| word.contains(OPEN));
    match (open.or(each.first()), each) {
        (Some(open), _) if open.contains(OPEN) || each.len() == 1 => (*open).to_owned(),
        (Some(first), all) => {
            let folder = |word: &str| word.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let (wanted, mut all) = (folder(first), all.iter().map(|word| folder(word)));
            match wanted {
                _ if all.any(|folder| folder != wanted) => UNKNOWN.to_string(),
                Some(folder) => format!("{folder}/*"),
                None => "*".to_owned(),
            }
        }
        (None, _) => UNKNOWN.to_string(),
    }
}

/// The plain path of this below the project; `None` for one that leaves it or is not known whole.
pub(crate) fn inside(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(['~', PLACED]) || path.contains(OPEN) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &str| {
            let file = files.iter().find(|(name, _)| *name == path);
            file.map(|(_, text)| text.as_bytes().to_vec())
        };
        let show = |s: Sourced| {
            if s.beside {
                format!("@{}", s.path)
            } else {
                s.path
            }
        };
        all(files[0].0, &read).into_iter().map(show).collect()
    }

    /// Every usual way to name the folder of a script leads to the file beside it.
    #[test]
    fn what_lies_beside_a_script_is_found() {
        for way in [
            ". \"$(dirname \"$0\")/lib.sh\"",
            ". \"${0%/*}/lib.sh\"",
            ". `dirname $0`/lib.sh",
            "source \"$(dirname -- \"${BASH_SOURCE[0]}\")/lib.sh\"",
            "DIR=$(dirname \"$0\")\n. \"$DIR/lib.sh\"",
            "set -e; HERE=\"$(cd \"$(dirname \"$0\")\" && pwd)\"\nif true; then . \"${HERE}/lib.sh\"; fi",
            "D=`dirname \"$0\"`\nE=$D/../scripts\nsource $E/lib.sh",
        ] {
            assert_eq!(
                found(&[("scripts/check", way)]),
                ["@scripts/lib.sh"],
                "{way}"
            );
        }
        assert_eq!(
            found(&[("check", ". \"$(dirname \"$0\")/lib.sh\"")]),
            ["@lib.sh"]
        );
    }

    /// Two hops and more are followed, each with its own folder and the variables set before; a circle ends.
    #[test]
    fn hops_are_followed() {
        let files = [
            (
                "scripts/check",
                "L=lib; . \"$L/one.sh\"\nL=$L/more; . \"$L/six.sh\"\n. \"$IN/seven.sh\"\n. \"$(dirname \"$0\")/in/two.sh\"\n",
            ),
            ("lib/one.sh", ". ./lib/three.sh\n. \"$L/one.sh\"\nIN=in\n"),
            (
                "scripts/in/two.sh",
                ". \"$(dirname \"$BASH_SOURCE\")/four.sh\"\n. \"$(dirname \"$0\")/five.sh\"\n",
            ),
        ];
        let wanted = [
            "lib/one.sh",
            "lib/three.sh",
            "lib/more/six.sh",
            "in/seven.sh",
            "@scripts/in/two.sh",
            "@scripts/in/four.sh",
            "@scripts/five.sh",
        ];
        assert_eq!(found(&files), wanted);
    }

    /// What is not known before it runs, or lies outside, is no path; depth and number are bounded.
    #[test]
    fn guesses_are_not_made() {
        let text = ". \"$1/lib.sh\"\n. /etc/profile\n. ../../x.sh\n. \"$(pick)/y.sh\"\nfind . -name z.sh\n# . c.sh\n";
        assert_eq!(found(&[("scripts/check", text)]), [""; 0]);
        let many: Vec<String> = (0..100).map(|i| format!(". ./{i}.sh")).collect();
        let many = many.join("\n");
        assert_eq!(found(&[("check", &many)]).len(), MOST);
        let deep: Vec<(String, String)> = (0..9)
            .map(|i| (format!("{i}"), format!(". ./{}\n", i + 1)))
            .collect();
        let deep: Vec<(&str, &str)> = deep.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found(&deep), ["1", "2", "3", "4"]);
    }

    /// Whatever is written into a script, its reading ends soon: without the bounds each of these takes minutes or
    /// all memory.
    #[test]
    fn no_script_holds_the_reader_up() {
        let lines = |line: &dyn Fn(usize) -> String, count: usize| -> String {
            (0..count).map(|i| line(i) + "\n").collect()
        };
        let size = SCRIPT_BYTES;
        let bombs = [
            lines(&|_| "A=$A$A$A/x".to_owned(), 40) + ". $A\n",
            format!("A={}\n{}", "x".repeat(LONGEST), "$A".repeat(size / 3)),
            "$(".repeat(size / 4) + &")".repeat(size / 2),
            "$(dirname ".repeat(size / 20) + &"x/".repeat(size / 8) + &")".repeat(size / 20),
            "`".repeat(size),
            "${".repeat(size / 2),
            "1".repeat(size),
            "1<".to_owned() + &"<".repeat(size),
            "<1".repeat(size / 2),
            "(a)".repeat(size / 3) + " > x",
            lines(&|i| format!("V{i}={}", "y".repeat(200)), 1200),
            lines(&|i| format!("cd {i}"), 10) + &lines(&|i| format!(". {i}"), 40_000),
            lines(&|i| format!("cd {i}"), 10) + &lines(&|i| format!("sh {i}"), 40_000),
            "cd a/b\n".repeat(size / 7),
            "sh -c \"sh -c 'sh -c x'\";".repeat(size / 24),
            "A=b ".repeat(size / 4),
        ];
        for bomb in &bombs {
            let looks = Cell::new(0);
            let read = |path: &str| {
                looks.set(looks.get() + 1);
                let known = path == "check" || path.len().is_multiple_of(2);
                known.then(|| bomb.clone().into_bytes())
            };
            let reach = reach("check", &read);
            assert!(looks.get() <= MOST_LOOKS);
            let longest = reach.sourced.iter().map(|part| part.path.len()).max();
            assert!(longest.unwrap_or_default() <= 3 * LONGEST);
        }
    }

    /// What only a run of the script decides by is found, over hops; what it looks at itself is not.
    #[test]
    fn what_is_run_is_reached() {
        let table: [(&str, &str, &str); 31] = [
            ("cd lib; . ./a.sh", "lib/a.sh lib/b", ""),
            ("cd lib && awk -f b", "lib/b", ""),
            ("cd lib; cd deep && . ./c.sh", "lib/deep/c.sh", ""),
            (
                "cd \"$(dirname \"$0\")/../lib\" && . ./a.sh",
                "lib/a.sh lib/b",
                "",
            ),
            ("same() { sh lib/a.sh \"$1\"; }", "lib/a.sh lib/b", ""),
            ("echo 1 | awk -f lib/b | grep -q .", "lib/b", ""),
            ("x=$(awk -f lib/b)", "lib/b", ""),
            ("L=lib; sed -nf \"$L/b\" < in", "lib/b", ""),
            ("sed --file=lib/b < in", "lib/b", ""),
            (
                "L=${LIB:-lib}; exec bash -euo pipefail $L/a.sh",
                "lib/a.sh lib/b",
                "",
            ),
            (
                "if ! env X=1 lib/a.sh; then exit 1; fi",
                "lib/a.sh lib/b",
                "",
            ),
            ("timeout 5 python3 -u lib/d.py || exit 1", "lib/d.py", ""),
            ("perl -I lib -W all lib/d.py", "lib/d.py", ""),
            ("sh < lib/a.sh", "lib/a.sh lib/b", ""),
            ("sh -c 'cd lib; . ./a.sh'", "lib/a.sh lib/b", ""),
            (". \"$(dirname ./lib/x)/a.sh\"", "lib/a.sh lib/b", ""),
            (
                ". \"$(git rev-parse --show-toplevel)/lib/a.sh\"",
                "lib/a.sh lib/b",
                "",
            ),
            (
                "for f in lib/*.sh; do . \"$f\"; done",
                "",
                "lib .sh sourced",
            ),
            (
                "for f in lib/a.sh lib/z.sh; do . \"$f\"; done",
                "",
                "lib  sourced",
            ),
            (
                "for f in lib/*.sh; do sh \"$f\" || exit; done",
                "",
                "lib .sh run",
            ),
            ("cd lib\nfor f in *.sh; do sh ./$f; done", "", "lib .sh run"),
            (". lib/$1.sh\n. lib/${2}.sh", "", "lib .sh sourced"),
            ("got=$(sh lib/a.sh 3)", "", ""),
            ("sh lib/a.sh | diff - lib/b", "", ""),
            ("(cd lib && ./a.sh) > out", "", ""),
            ("[ -f lib/b ] && grep -q x lib/b && wc -w < lib/b", "", ""),
            ("for f in lib/*.sh; do sh -n \"$f\"; done", "", ""),
            (
                "for f in lib/*.py; do python3 -m py_compile $f; done",
                "",
                "",
            ),
            ("for f in lib/*; do grep -q x $f; done", "", ""),
            ("echo 'sh lib/a.sh' # sh lib/a.sh", "", ""),
            ("diff lib/b lib/a.sh; rm -f lib/b; tail -f lib/b", "", ""),
        ];
        for (text, named, below) in table {
            let files = [
                ("scripts/check", text),
                ("lib/a.sh", "awk -f lib/b\n. ./a.sh\n"),
                ("lib/b", "cd other\n. lib/c\n"),
                ("lib/c", ""),
                ("lib/d.py", "import sys\n"),
                ("lib/deep/c.sh", ""),
            ];
            let there = |path: &str| files.iter().find(|(name, _)| *name == path);
            let read = |path: &str| there(path).map(|(_, text)| text.as_bytes().to_vec());
            let reach = reach("scripts/check", &read);
            let sourced = reach.sourced.into_iter().map(|part| part.path);
            let found = sourced
                .chain(reach.run)
                .filter(|path| there(path).is_some());
            let mut found: Vec<String> = found.collect();
            found.sort();
            assert_eq!(found.join(" "), named, "{text}");
            let show = |b: Below| {
                let how = if b.sourced { "sourced" } else { "run" };
                format!("{} {} {how}", b.folder, b.end)
            };
            let folders: Vec<String> = reach.below.into_iter().map(show).collect();
            assert_eq!(folders.join(", "), below, "{text}");
        }
    }
}
