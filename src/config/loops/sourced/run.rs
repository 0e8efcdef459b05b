//! What a command runs, or gives to a program as its orders: files of the project, and folders of such files where
//! their names are not known. What is only read, and what is run to look at its output, is not.

use super::commands::{self, Command};
use super::{Below, DEPTH, MOST, OPEN, Sourced, UNKNOWN, Walk};

/// Programs that execute a script of the shell's language.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ksh", "zsh", "ash", "bats"];

/// Programs that execute a script of another language.
const INTERPRETERS: [&str; 7] = ["python", "python3", "perl", "ruby", "node", "php", "lua"];

/// Programs that do what the file after `-f` says.
const FILTERS: [&str; 10] = [
    "awk", "gawk", "mawk", "nawk", "sed", "gsed", "jq", "grep", "egrep", "make",
];

/// Other words before that file.
const FILE_WORDS: [&str; 3] = ["-f", "--file", "--from-file"];

/// How files end that are read on as scripts of the shell where one runs them.
const SCRIPT_ENDS: [&str; 6] = [".sh", ".bash", ".dash", ".ksh", ".zsh", ".bats"];

/// Options of such a program that are followed by a word of their own: a folder of modules, a module, a setting.
const WITH_A_WORD: [&str; 9] = [
    "-I",
    "-W",
    "-X",
    "-r",
    "-C",
    "--require",
    "--import",
    "--loader",
    "--env-file",
];

/// The script among the words of an interpreter, unless it runs something else.
fn interpreted<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !is_option(word) {
            return Some(word);
        }
        if ["-c", "-m", "-e", "-n"].contains(word) {
            return None;
        }
        if WITH_A_WORD.contains(word) {
            words.next();
        }
    }
    None
}

impl Walk<'_> {
    /// What is heard is looked at; of everything else the end counts, and what it runs decides that.
    pub(super) fn program(
        &mut self,
        program: &str,
        rest: &[&str],
        (command, heard): (&Command, bool),
        depth: usize,
    ) {
        let own = program
            .strip_prefix('/')
            .and_then(|path| path.rsplit('/').next());
        let name = own.unwrap_or(program);
        if SHELLS.contains(&name) {
            self.shell(rest, (command, heard), depth);
        } else if FILTERS.contains(&name) {
            let mut orders = false;
            for word in rest {
                let joined = FILE_WORDS
                    .iter()
                    .find_map(|file| word.strip_prefix(file)?.strip_prefix('='));
                if let Some(file) = joined.or(orders.then_some(*word)) {
                    self.runs(file, false, depth);
                }
                let short = is_option(word) && !word.starts_with("--") && word.ends_with('f');
                orders = short || FILE_WORDS.contains(word);
            }
        } else if heard {
        } else if INTERPRETERS.contains(&name) {
            if let Some(script) = interpreted(rest) {
                self.runs(script, false, depth);
            }
        } else if program.contains('/') {
            self.runs(program, false, depth);
        }
    }

    fn shell(&mut self, words: &[&str], (command, heard): (&Command, bool), depth: usize) {
        let mut words = words.iter();
        let mut text = false;
        while let Some(word) = words.next() {
            if is_option(word) {
                let letters = word.trim_start_matches('-');
                let long = word.starts_with("--");
                if letters.contains('n') && !long {
                    // Reads it alone, and runs nothing.
                    return;
                }
                text |= letters.contains('c') && !long;
                if letters.ends_with('o') && !long {
                    words.next();
                }
            } else if text {
                for inner in commands::of(word) {
                    let heard = inner.heard || heard;
                    self.command(&Command { heard, ..inner }, depth);
                }
                return;
            } else {
                if !heard {
                    self.runs(word, true, depth);
                }
                return;
            }
        }
        if let Some(input) = command.input.as_deref().filter(|_| !heard) {
            self.runs(input, true, depth);
        }
    }

    /// Notes what is run, and reads on in it where it is a script of the shell.
    fn runs(&mut self, target: &str, shell: bool, depth: usize) {
        if target.contains(OPEN) {
            return self.below(target, false);
        }
        for Sourced { path, .. } in self.places(target) {
            let known = &self.found.run;
            if known.len() >= 8 * MOST || path == self.main || known.contains(&path) {
                continue;
            }
            let Some(bytes) = self.look(&path) else {
                continue;
            };
            self.found.run.push(path.clone());
            if depth + 1 < DEPTH && (shell || is_script(&path, &bytes)) {
                let zero = std::mem::replace(&mut self.zero, path.clone());
                self.file(&path, depth + 1);
                self.zero = zero;
            }
        }
    }

    /// Notes the folder of what has a name that is not known.
    pub(super) fn below(&mut self, target: &str, sourced: bool) {
        let (Some(first), Some(last)) = (target.find(OPEN), target.rfind(OPEN)) else {
            return;
        };
        let (known, rest) = target.split_at(first);
        let folder = match known.rsplit_once('/') {
            Some((folder, _)) => folder,
            None if rest.starts_with(UNKNOWN) && known.is_empty() => return,
            None => ".",
        };
        let end = end(target.get(last..).unwrap_or_default());
        for place in self.places(folder) {
            let below = Below {
                folder: place.path,
                end: end.to_owned(),
                sourced,
            };
            if self.found.below.len() < MOST && !self.found.below.contains(&below) {
                self.found.below.push(below);
            }
        }
    }
}

/// What is known to stand at the end of a name, after the last letter that stands for others.
fn end(rest: &str) -> &str {
    let mut letters = rest.chars();
    let first = letters.next();
    let rest = letters.as_str();
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match (first, rest.split_once('}')) {
        (Some(UNKNOWN), Some((_, rest))) if letters.as_str().starts_with('{') => rest,
        (Some(UNKNOWN), _) => rest.trim_start_matches(named),
        (Some('['), _) => rest.split_once(']').map_or("", |(_, rest)| rest),
        _ => rest,
    }
}

fn is_option(word: &str) -> bool {
    word.starts_with(['-', '+']) && word.len() > 1
}

/// Whether this is a script of the shell.
fn is_script(path: &str, bytes: &[u8]) -> bool {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let shell =
        first.starts_with(b"#!") && String::from_utf8_lossy(first).trim_end().ends_with("sh");
    shell || SCRIPT_ENDS.iter().any(|end| path.ends_with(end))
}
