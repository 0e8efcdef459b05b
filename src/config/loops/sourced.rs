//! What shell scripts read in and run, over several hops: by a plain path, a path beside the script, one below a
//! folder that they went to, or a variable that was set to one. Read by rules, nothing is run; a path that is put
//! together in any other way is not found.

mod commands;
mod run;

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
            found: Reach::default(),
        }
    }

    fn file(&mut self, path: &str, depth: usize) {
        let Some(bytes) = (self.read)(path) else {
            return;
        };
        let bytes = bytes.get(..SCRIPT_BYTES).unwrap_or(&bytes);
        let text = String::from_utf8_lossy(bytes).replace([PLACED, UNKNOWN], "");
        for line in text.replace("\\\n", " ").lines() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            // What a line sets may be used further on in it, and is set once.
            let before = self.set.clone();
            for command in commands::of(&self.filled(line, path)) {
                self.sets(&command.words());
            }
            let mut own = self.set.clone();
            own.retain(|name, value| before.get(name) != Some(value));
            for command in commands::of(&self.filled(line, path)) {
                self.command(&command, depth);
            }
            self.set.extend(own);
        }
    }

    fn command(&mut self, command: &Command, depth: usize) {
        match *self.sets(&command.words()) {
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

    /// Notes what stands before a command; what is left begins with the command itself.
    fn sets<'w, 's>(&mut self, mut words: &'w [&'s str]) -> &'w [&'s str] {
        while let [first, rest @ ..] = words {
            words = if BEFORE.contains(first) {
                rest
            } else if AROUND.contains(first) {
                let own = |word: &&&str| word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
                rest.get(rest.iter().take_while(own).count()..)
                    .unwrap_or_default()
            } else if let Some((name, value)) = assignment(first) {
                self.set.insert(name.to_owned(), value.to_owned());
                rest
            } else {
                break;
            };
        }
        if let ["for", name, "in", each @ ..] = words {
            self.set.insert((*name).to_owned(), pattern(each));
        }
        words
    }

    fn goes_to(&mut self, folder: &str) {
        if folder.contains(OPEN) {
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
            // Whether it is meant from a folder that was gone to is told by what lies there.
            if at > 0 && (self.read)(&sourced.path).is_none() {
                continue;
            }
            let known = &self.found.sourced;
            if known.len() < MOST && sourced.path != self.main && !known.contains(&sourced) {
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

    /// What only a run of the script decides by is found, over hops; what it looks at itself is not.
    #[test]
    fn what_is_run_is_reached() {
        let table: [(&str, &str, &str); 30] = [
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
