//! Where the modules that a check's script asks for by name would be taken from, if the project had them: a new
//! file there takes the place of what the check means. Rules for lines of many languages; nothing is run.

use crate::config::loops::sourced;

/// Most names that one line asks for.
const MOST: usize = 16;

/// Folders that interpreters look into for modules, beside the project's own.
const ROOTS: [&str; 3] = ["", "src/", "lib/"];

/// What one line of a script in this folder asks for, by the paths that it may have in the project.
pub(super) fn of(line: &str, folder: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || "\"'`;|&()<>=,{}[]".contains(c);
    let words: Vec<&str> = line
        .split(between)
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        match *word {
            "import" | "from" if is_placed(next) => found.extend(beside(next, folder)),
            "import" => {
                let names = words.iter().skip(at + 1).take(MOST);
                let names = names.take_while(|name| **name != "from");
                found.extend(names.flat_map(|name| python(name)));
            }
            "from" | "-m" => found.extend(python(next)),
            "require_relative" => found.extend(beside(next, folder)),
            "require" | "load" | "use" | "-r" | "-M" => {
                found.extend(required(next, folder));
            }
            glued => {
                let name = glued
                    .strip_prefix("-M")
                    .or_else(|| glued.strip_prefix("-r"));
                found.extend(name.into_iter().flat_map(|name| required(name, folder)));
            }
        }
    }
    found
}

/// Whether a word is the name of a module: letters, digits, `_`, and these between its parts.
fn is_name(word: &str, joined: &[char]) -> bool {
    let begins = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "_-".contains(c) || joined.contains(&c))
}

/// A module of Python, and the packages around it.
fn python(name: &str) -> Vec<String> {
    if !is_name(name, &['.']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut path = String::new();
    for part in name.split('.') {
        path.push_str(part);
        for root in ROOTS {
            found.extend(["", "/__init__"].map(|end| format!("{root}{path}{end}.py")));
        }
        path.push('/');
    }
    found
}

/// What Ruby, Perl, Lua and Node take for this name.
fn required(name: &str, folder: &str) -> Vec<String> {
    if is_placed(name) {
        return beside(name, folder);
    }
    if !is_name(name, &['/', ':', '.']) {
        return Vec::new();
    }
    let path = name.replace("::", "/");
    let dotted = name.replace('.', "/");
    let mut found = Vec::new();
    for root in ROOTS {
        found.extend([".rb", ".pm"].map(|end| format!("{root}{path}{end}")));
        found.push(format!("{root}{dotted}.lua"));
    }
    found
}

/// What a path may be that is looked for where the script lies.
fn beside(name: &str, folder: &str) -> Vec<String> {
    let at = sourced::inside(&format!("{folder}/{name}")).filter(|_| !name.is_empty());
    let ends = [
        "",
        ".js",
        ".mjs",
        ".cjs",
        ".ts",
        ".json",
        "/index.js",
        ".rb",
    ];
    at.map(|at| ends.map(|end| format!("{at}{end}")).into())
        .unwrap_or_default()
}

/// Whether a name begins with the way from the script to it.
fn is_placed(name: &str) -> bool {
    name.starts_with("./") || name.starts_with("../")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name leads to the files that its language would take for it, and words of other lines to none that matter.
    #[test]
    fn names_lead_to_files() {
        for (line, path) in [
            ("import os, helpers.words as w", "helpers/words.py"),
            ("import os, helpers.words as w", "helpers/__init__.py"),
            ("from yaml import safe_load", "src/yaml.py"),
            ("python3 -c 'import sums; sums.go()'", "sums.py"),
            ("python3 -m sums.run", "sums/run.py"),
            ("require \"deep/sums\"", "lib/deep/sums.rb"),
            ("require_relative 'sums'", "ci/sums.rb"),
            ("use Deep::Sums qw(go);", "lib/Deep/Sums.pm"),
            ("perl -MDeep::Sums -e go", "Deep/Sums.pm"),
            ("ruby -rsums -e go", "sums.rb"),
            ("local s = require \"deep.sums\"", "deep/sums.lua"),
            ("const s = require('./sums')", "ci/sums/index.js"),
            ("import { go } from '../lib/sums'", "lib/sums.mjs"),
        ] {
            let found = of(line, "ci");
            assert!(found.iter().any(|found| found == path), "{line}: {found:?}");
        }
        assert_eq!(of("require('../../out')", "ci"), Vec::<String>::new());
        assert_eq!(of("echo tests are fine", "ci"), Vec::<String>::new());
    }
}
