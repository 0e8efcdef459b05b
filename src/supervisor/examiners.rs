//! What of a project examines the work of a loop beyond its pinned scripts: the files that these run,
//! source, import or name. Read from the pinned copies, by rules that need no interpreter.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::workspace::flags::Examiners;
use crate::run::LoopSpec;

/// Most bytes of one script that are looked through.
const SCRIPT_BYTES: usize = 256 * 1024;

/// Words after which a file is run or sourced.
const RUNNERS: [&str; 18] = [
    ".", "source", "sh", "bash", "zsh", "dash", "python", "python3", "node", "ruby", "perl",
    "deno", "bun", "php", "Rscript", "lua", "awk", "exec",
];

/// Endings of files that are run wherever they are named.
const CODE: [&str; 17] = [
    ".sh", ".bash", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".lua", ".awk", ".jq",
    ".sql", ".php", ".mk", ".R", ".exs",
];

/// What examines the work of this loop: `scripts` are its pinned files, with copies below `pinned`.
pub(super) fn of(spec: &LoopSpec, scripts: Vec<String>, pinned: &Path) -> Examiners {
    let mut found = Examiners::default();
    for check in &spec.goal.checks {
        read(&check.command.join(" "), &mut found);
    }
    for script in &scripts {
        let text = fs::read(pinned.join(script)).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..SCRIPT_BYTES).unwrap_or(&text)).into_owned();
        read(&text, &mut found);
    }
    if let Some(artefact) = &spec.output.artefact {
        // What the loop is there to write is no part of its examiner.
        found.named.remove(&plain(artefact));
    }
    found.scripts = scripts;
    found
}

/// Adds every file that a script runs or names.
fn read(text: &str, found: &mut Examiners) {
    for line in text.lines() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let between = |c: char| c.is_whitespace() || "\"'`;|&()<>=,{}[]".contains(c);
        let mut before = "";
        for word in line.split(between).filter(|word| !word.is_empty()) {
            let path = plain(word);
            let is_code = CODE.iter().any(|ending| path.ends_with(ending));
            if is_code || RUNNERS.contains(&before) && path.contains(['/', '.']) {
                found.run.insert(path);
            } else if path.contains(['/', '.']) {
                found.named.insert(path);
            } else if matches!(before, "import" | "from") {
                found.run.extend(module(word));
            }
            before = word;
        }
        if let Some(name) = imported(line) {
            found.run.extend(module(name));
        }
    }
}

/// `import helpers.words` and `from helpers import words`: the module's name.
fn imported(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    matches!(words.next()?, "import" | "from").then(|| words.next())?
}

/// The files that a module of Python may be.
fn module(name: &str) -> HashSet<String> {
    let path = name.trim_matches('.').replace('.', "/");
    [format!("{path}.py"), format!("{path}/__init__.py")].into()
}

fn plain(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a script runs, sources, imports and names is found; comments are not read.
    #[test]
    fn what_a_script_reaches_for_is_found() {
        let mut found = Examiners::default();
        read(
            "#!/bin/sh\n. lib/words.bash\npython3 tools/count < in.txt\n\
             # sh not/this\nsh -c './deep/run.sh'\ndiff expected.out out.txt\n\
             from helpers.text import words\nimport sums\n",
            &mut found,
        );
        for path in [
            "lib/words.bash",
            "tools/count",
            "deep/run.sh",
            "helpers/text.py",
            "sums.py",
        ] {
            assert!(found.run.contains(path), "{path}: {:?}", found.run);
        }
        for path in ["in.txt", "expected.out", "out.txt"] {
            assert!(found.named.contains(path), "{path}");
        }
        assert!(!found.run.contains("not/this"));
    }
}
