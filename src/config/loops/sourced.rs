//! What shell scripts read in, over several hops: by a plain path, a path beside the script, or a variable that was
//! set to one. Read by rules, nothing is run; a path that is put together in any other way is not found.

use std::collections::BTreeMap;

/// Most hops from a check's own script.
const DEPTH: usize = 4;

/// Most files that one script leads to.
const MOST: usize = 32;

/// Most bytes of one script that are looked through.
const SCRIPT_BYTES: usize = 256 * 1024;

/// Begins a path whose place in the project is known from where the script lies.
const PLACED: char = '\u{1}';

/// Stands for whatever is not known before the script runs.
const UNKNOWN: char = '\u{2}';

/// Words after which a file is read in and becomes a part of the script.
const SOURCES: [&str; 2] = [".", "source"];

/// Words that may stand before an assignment or a command.
const BEFORE: [&str; 11] = [
    "export", "readonly", "local", "declare", "then", "do", "else", "if", "!", "{", "builtin",
];

/// A file that a script reads in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sourced {
    /// Its path in the project.
    pub(crate) path: String,
    /// Whether it is looked for where the script lies, not in the folder that the script is run in.
    pub(crate) beside: bool,
}

/// What a script of the project leads to, itself left out; `read` gives the bytes of a file by its path.
pub(crate) fn all(script: &str, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<Sourced> {
    let mut walk = Walk {
        main: script,
        read,
        set: BTreeMap::new(),
        found: Vec::new(),
    };
    walk.file(script, 0);
    walk.found
}

struct Walk<'a> {
    /// What `$0` is, also in what is read in.
    main: &'a str,
    read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Variables whose value is known, from the line after the one that sets them.
    set: BTreeMap<String, String>,
    found: Vec<Sourced>,
}

impl Walk<'_> {
    fn file(&mut self, path: &str, depth: usize) {
        let Some(bytes) = (self.read)(path) else {
            return;
        };
        let bytes = bytes.get(..SCRIPT_BYTES).unwrap_or(&bytes);
        let text = String::from_utf8_lossy(bytes).replace([PLACED, UNKNOWN], "");
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
        {
            let line = self.filled(line, path);
            for statement in line.split([';', '&', '|']) {
                self.statement(statement, depth);
            }
        }
    }

    fn statement(&mut self, statement: &str, depth: usize) {
        let bare = statement.replace(['"', '\''], "");
        let mut words = bare
            .split_whitespace()
            .skip_while(|word| BEFORE.contains(word));
        let Some(first) = words.next() else { return };
        if let Some((name, value)) = first.split_once('=') {
            self.set.insert(name.to_owned(), value.to_owned());
        }
        let Some(target) = words.next().filter(|_| SOURCES.contains(&first)) else {
            return;
        };
        let beside = target.starts_with(PLACED);
        let Some(path) = inside(target.trim_start_matches(PLACED)) else {
            return;
        };
        let sourced = Sourced { path, beside };
        if self.found.len() < MOST && sourced.path != self.main && !self.found.contains(&sourced) {
            let path = sourced.path.clone();
            self.found.push(sourced);
            if depth + 1 < DEPTH {
                self.file(&path, depth + 1);
            }
        }
    }

    /// A line with every variable and every substitution in its place, as far as they are known.
    fn filled(&self, line: &str, own: &str) -> String {
        let (main, own) = (format!("{PLACED}{}", self.main), format!("{PLACED}{own}"));
        let mut line = line.to_owned();
        let folders = [
            ("${0%/*}", folder(&main)),
            ("${BASH_SOURCE%/*}", folder(&own)),
        ];
        let files = [
            ("${BASH_SOURCE[0]}", own.clone()),
            ("${BASH_SOURCE}", own.clone()),
            ("$BASH_SOURCE", own.clone()),
            ("${0}", main.clone()),
            ("$0", main.clone()),
        ];
        for (word, value) in folders.into_iter().chain(files) {
            line = line.replace(word, &value);
        }
        // A longer name goes first: `$DIRECTORY` is not `$DIR` and more.
        let mut set: Vec<_> = self.set.iter().collect();
        set.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in set {
            line = line.replace(&format!("${{{name}}}"), value);
            line = line.replace(&format!("${name}"), value);
        }
        substituted(line)
    }
}

/// A line whose `$(…)` have become what they print, from the innermost on; what is left of `$` is not known.
fn substituted(mut line: String) -> String {
    // Each pass takes one out.
    while let Some(from) = line.rfind("$(") {
        let rest = &line[from + 2..];
        let Some(length) = rest.find(')') else { break };
        let printed = printed(&rest[..length]);
        line.replace_range(from..=from + 2 + length, &printed);
    }
    if let [before, inner, after] = line.split('`').collect::<Vec<_>>()[..] {
        line = format!("{before}{}{after}", printed(inner));
    }
    line.replace('$', &UNKNOWN.to_string())
}

/// What `dirname FILE` and `cd FOLDER && pwd` print.
fn printed(command: &str) -> String {
    let bare = command.replace(['"', '\''], "");
    let noise = ["--", "&&", "-P", "-L", ";", ">/dev/null", "2>&1"];
    let words: Vec<&str> = bare
        .split_whitespace()
        .filter(|word| !noise.contains(word))
        .collect();
    match words[..] {
        ["dirname", file] if file.starts_with(PLACED) => folder(file),
        ["cd", folder, "pwd"] | ["realpath", folder] if folder.starts_with(PLACED) => {
            folder.to_owned()
        }
        _ => UNKNOWN.to_string(),
    }
}

/// The folder of a placed file.
fn folder(file: &str) -> String {
    let folder = file.rsplit_once('/').map(|(folder, _)| folder);
    folder.map_or_else(|| format!("{PLACED}."), str::to_owned)
}

/// The plain path of this below the project; `None` for one that leaves it or is not known whole.
fn inside(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains([UNKNOWN, PLACED, '~', '*']) {
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
                "LIB=lib\n. \"$LIB/one.sh\"\n. \"$(dirname \"$0\")/in/two.sh\"\n",
            ),
            ("lib/one.sh", ". ./lib/three.sh\n. \"$LIB/one.sh\"\n"),
            (
                "scripts/in/two.sh",
                ". \"$(dirname \"$BASH_SOURCE\")/four.sh\"\n. \"$(dirname \"$0\")/five.sh\"\n",
            ),
        ];
        let wanted = [
            "lib/one.sh",
            "lib/three.sh",
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
}
