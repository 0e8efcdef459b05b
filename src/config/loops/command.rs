//! Argument lists: never empty, never a shell string, their placeholders known.

use crate::config::names;
use crate::config::reader::{At, Table};

/// Programs that run a file they are given, each with the options that give them a text instead.
const INTERPRETERS: [(&str, &[&str]); 12] = [
    ("sh", &["-c"]),
    ("bash", &["-c"]),
    ("dash", &["-c"]),
    ("zsh", &["-c"]),
    ("ksh", &["-c"]),
    ("fish", &["-c"]),
    ("python", &["-c", "-m"]),
    ("python3", &["-c", "-m"]),
    ("node", &["-e", "-p"]),
    ("ruby", &["-e"]),
    ("perl", &["-e"]),
    ("deno", &["eval"]),
];

/// Programs that run another with their remaining arguments.
const WRAPPERS: [&str; 7] = [
    "env", "timeout", "nice", "nohup", "time", "setsid", "stdbuf",
];

/// A program and its arguments, each with its place.
pub(super) type Argv = At<Vec<At<String>>>;

/// Reads the command under this key.
pub(super) fn read(table: &mut Table<'_>, key: &'static str) -> Option<Argv> {
    let argv = table.texts(key)?;
    checked(table, key, argv)
}

/// Reads the list of commands under this key.
pub(super) fn read_all(table: &mut Table<'_>, key: &'static str) -> Vec<Argv> {
    let lists = table.lists(key).unwrap_or_default();
    lists
        .into_iter()
        .filter_map(|argv| checked(table, key, argv))
        .collect()
}

/// The arguments without their places.
pub(super) fn plain(argv: &Argv) -> Vec<String> {
    argv.value.iter().map(|word| word.value.clone()).collect()
}

/// The places of the words by which this command may run a file of the project.
pub(super) fn scripts(argv: &Argv) -> Vec<&At<String>> {
    let words: Vec<&str> = argv.value.iter().map(|word| word.value.as_str()).collect();
    script_words(&words)
        .into_iter()
        .filter_map(|at| argv.value.get(at))
        .collect()
}

/// The words by which this command may run a file of the project.
pub(crate) fn script_paths(argv: &[String]) -> Vec<&str> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    script_words(&words)
        .into_iter()
        .filter_map(|at| words.get(at).copied())
        .collect()
}

/// Which words name a file that is run: the program where it is a path, the script that an
/// interpreter is given, the path that a wrapper is given.
fn script_words(words: &[&str]) -> Vec<usize> {
    let Some((program, rest)) = words.split_first() else {
        return Vec::new();
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let own = program.contains('/').then_some(0);
    let plain = |word: &&str| !word.starts_with('-') && !word.contains('=');
    let like_path = |word: &&str| plain(word) && word.contains(['/', '.']);
    let given = if WRAPPERS.contains(&name) {
        // What stands behind the wrapper is a command of its own.
        let inner = rest
            .iter()
            .position(|word| like_path(word) || interpreter(word).is_some());
        return inner
            .map(|at| (at + 1, script_words(&rest[at..])))
            .into_iter()
            .flat_map(|(from, inner)| inner.into_iter().map(move |at| at + from))
            .chain(own)
            .collect();
    } else if let Some(inline) = interpreter(name)
        && !rest.iter().any(|word| inline.contains(word))
    {
        // `-o pipefail script.sh`: what looks like a path is the script, else the first plain word.
        rest.iter()
            .position(like_path)
            .or(rest.iter().position(plain))
    } else {
        None
    };
    own.into_iter().chain(given.map(|at| at + 1)).collect()
}

/// The options by which this program takes a text instead of a file, if it is an interpreter.
fn interpreter(word: &str) -> Option<&'static [&'static str]> {
    let name = word.rsplit('/').next().unwrap_or_default();
    INTERPRETERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, inline)| *inline)
}

fn checked(table: &Table<'_>, key: &str, argv: Argv) -> Option<Argv> {
    let Some(program) = argv.value.first() else {
        table.problems.error(
            argv.span,
            format!("`{key}` is empty"),
            "write the program and its arguments: [\"program\", \"argument\"]",
        );
        return None;
    };
    if program.value.trim().is_empty() {
        table.problems.error(
            program.span,
            format!("`{key}` names no program"),
            "write the program's name first",
        );
        return None;
    }
    if argv.value.len() == 1 && program.value.contains(char::is_whitespace) {
        let words: Vec<String> = program
            .value
            .split_whitespace()
            .map(|w| format!("\"{w}\""))
            .collect();
        table.problems.error(
            program.span,
            format!(
                "`{key}` is one text, and a command is a list of arguments, never a shell line"
            ),
            format!(
                "write [{}]; for a shell [\"sh\", \"-c\", \"…\"]",
                words.join(", ")
            ),
        );
        return None;
    }
    for word in &argv.value {
        placeholders(table, word, &names::PLACEHOLDERS);
        if word.value.contains('\0') {
            table
                .problems
                .error(word.span, "an argument holds a NUL byte", "remove it");
        }
    }
    Some(argv)
}

/// Reports placeholders that nothing will stand for.
pub(super) fn placeholders(table: &Table<'_>, text: &At<String>, known: &[&'static str]) {
    for (found, meant) in names::strange_placeholders(&text.value, known) {
        let span = table.problems.within(text.span, found);
        match meant {
            Some(meant) => table.problems.error(
                span,
                format!("unknown placeholder `{found}`"),
                format!("write `{{{meant}}}` instead"),
            ),
            None => table.problems.warn(
                span,
                format!("`{found}` is no placeholder and is passed as it stands"),
                format!("the placeholders here are {}", listed(known)),
            ),
        }
    }
}

/// `{a} {b} {c}`.
pub(super) fn listed(known: &[&str]) -> String {
    let all: Vec<String> = known.iter().map(|word| format!("{{{word}}}")).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examiner's own files are found behind interpreters and wrappers; its subjects are not.
    #[test]
    fn which_words_are_scripts() {
        let cases = [
            ("scripts/words 500", vec!["scripts/words"]),
            ("cargo test", vec![]),
            ("sh scripts/a.sh notes", vec!["scripts/a.sh"]),
            ("bash -e scripts/a.sh", vec!["scripts/a.sh"]),
            ("bash -o pipefail a.sh", vec!["a.sh"]),
            ("sh -c scripts/a.sh", vec![]),
            ("python3 -m pytest tests/", vec![]),
            (
                "/usr/bin/env A=b python3 tools/a.py",
                vec!["tools/a.py", "/usr/bin/env"],
            ),
            ("timeout 60 scripts/words x/y", vec!["scripts/words"]),
            ("shellcheck bin/tool.sh", vec![]),
        ];
        for (line, wanted) in cases {
            let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(script_paths(&argv), wanted, "{line}");
        }
    }
}
