//! Argument lists: never empty, never a shell string, their placeholders known.

use crate::config::names;
use crate::config::reader::{At, Table};

/// Programs that run the file named by their first plain argument.
const INTERPRETERS: [&str; 12] = [
    "sh", "bash", "dash", "zsh", "ksh", "fish", "python", "python3", "node", "ruby", "perl", "deno",
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
pub(super) fn script_paths(argv: &[String]) -> Vec<&str> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    script_words(&words)
        .into_iter()
        .filter_map(|at| words.get(at).copied())
        .collect()
}

/// Which words name a file that is run: the program where it is a path, and the script that an
/// interpreter is given.
fn script_words(words: &[&str]) -> Vec<usize> {
    let Some((program, rest)) = words.split_first() else {
        return Vec::new();
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let inline = rest.iter().any(|word| ["-c", "-e", "-m"].contains(word));
    let script = rest.iter().position(|word| !word.starts_with('-'));
    let interpreted = (INTERPRETERS.contains(&name) && !inline)
        .then_some(script)
        .flatten();
    let own = program.contains('/').then_some(0);
    own.into_iter()
        .chain(interpreted.map(|at| at + 1))
        .collect()
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
