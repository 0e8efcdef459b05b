//! What of a project examines the work of a loop beyond its pinned scripts: the files that these run,
//! source, import or name. Read from the pinned copies, by rules that need no interpreter.

mod deed;
mod imports;
mod ways;
mod work;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use self::work::Work;
use super::workspace::flags::Examiners;
use super::workspace::lead;
use crate::config::loops::sourced::{self, Below, Look, Reach};
use crate::run::spec::{JudgeKind, LoopSpec};

/// Most bytes of one script that are looked through.
const SCRIPT_BYTES: usize = 256 * 1024;

/// Words after which a file is read in and becomes a part of the script.
const SOURCES: [&str; 2] = [".", "source"];

/// Folders whose programs examine, where a check names them: what it runs elsewhere may well be the
/// very work that it looks at.
const TOOL_FOLDERS: [&str; 9] = [
    "tools", "scripts", "bin", "ci", "checks", "hack", "lint", "build", ".ci",
];

/// How files begin that a check compares with.
const REFERENCES: [&str; 6] = [
    "expected",
    "golden",
    "baseline",
    "reference",
    "rubric",
    "cases",
];

/// What examines the work of this loop: `scripts` are its pinned files, with copies below `pinned`; what these read in
/// and run over several hops is looked for in the project.
pub(super) fn of(
    spec: &LoopSpec,
    scripts: Vec<String>,
    (pinned, project): (&Path, &Path),
) -> Examiners {
    let plain = |path: &Path| lead::read_plain(path).ok().flatten();
    let file = |path: &str| {
        let copy = plain(&pinned.join(path));
        copy.or_else(|| plain(&project.join(ways::of(project, path).last()?)))
    };
    let mut found = Examiners::default();
    let work = Work::of(spec);
    let deed = deed::of(spec, project, &file);
    let mut examine = HashSet::new();
    for command in examining(spec) {
        let reach = sourced::reach_of(command, Look::Ends, &file);
        examine.extend(reach.run.iter().cloned());
        examine.extend(reach.sourced.iter().map(|part| part.path.clone()));
        reached(reach, &work, &mut found);
    }
    for check in &spec.goal.checks {
        read(&check.command.join(" "), "", &mut found);
    }
    // What publishes alone is no examiner.
    let publish = |path: &&String| deed.files.contains(*path) && !examine.contains(*path);
    for script in scripts.iter().filter(|path| !publish(path)) {
        let text = fs::read(pinned.join(script)).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..SCRIPT_BYTES).unwrap_or(&text)).into_owned();
        let folder = script.rsplit_once('/').map_or("", |(folder, _)| folder);
        read(&text, folder, &mut found);
        reached(sourced::reach(script, &file), &work, &mut found);
    }
    let led = found.run.iter().chain(&scripts);
    let led: Vec<String> = led.flat_map(|path| ways::of(project, path)).collect();
    found.run.extend(led);
    let led = found.below.iter().flat_map(|below| {
        let folders = ways::of(project, &below.folder).into_iter();
        folders.map(|folder| Below {
            folder,
            ..below.clone()
        })
    });
    found.below = led.collect();
    found.asked.retain(|path| !work.is(path));
    found.scripts = scripts;
    found.deed = deed;
    found
}

/// The commands that examine, or make ready for that.
fn examining(spec: &LoopSpec) -> Vec<&Vec<String>> {
    let checks = spec.goal.checks.iter().map(|check| &check.command);
    let mut all: Vec<_> = checks.chain(&spec.guardrails.workspace.setup).collect();
    match spec.goal.judge.as_ref().map(|judge| &judge.kind) {
        Some(JudgeKind::Command { command, .. }) => all.push(command),
        Some(JudgeKind::Script { .. } | JudgeKind::Http(_) | JudgeKind::Human) | None => {}
    }
    all
}

/// Adds what scripts lead to. What they run may be the very work that they look at, if the loop says so.
fn reached(reach: Reach, work: &Work<'_>, found: &mut Examiners) {
    let parts = reach.sourced.into_iter().map(|part| part.path);
    let run = reach.run.into_iter().filter(|path| !work.is(path));
    found.run.extend(parts.chain(run));
    let below = reach.below.into_iter();
    found
        .below
        .extend(below.filter(|below| below.sourced || !work.is(&below.folder)));
}

/// Adds every file that a script of this folder runs or names.
fn read(text: &str, folder: &str, found: &mut Examiners) {
    for line in text.lines() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let between = |c: char| c.is_whitespace() || "\"'`;|&()<>=,{}[]".contains(c);
        let mut before = "";
        for word in line.split(between).filter(|word| !word.is_empty()) {
            let path = plain(word);
            if SOURCES.contains(&before) || examines(&path) {
                found.run.insert(path);
            } else if path.contains(['/', '.']) {
                found.named.insert(path);
            }
            before = word;
        }
        found.asked.extend(imports::of(line, folder));
        if let Some(name) = imported(line) {
            found.run.extend(module(name));
        }
    }
}

/// Whether what a check names under this path examines, and is not what is examined.
fn examines(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders
        .split('/')
        .any(|folder| TOOL_FOLDERS.contains(&folder))
        || REFERENCES.iter().any(|begin| name.starts_with(begin))
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
            "",
            &mut found,
        );
        for path in [
            "lib/words.bash",
            "tools/count",
            "expected.out",
            "helpers/text.py",
            "sums.py",
        ] {
            assert!(found.run.contains(path), "{path}: {:?}", found.run);
        }
        for path in ["in.txt", "deep/run.sh", "out.txt"] {
            assert!(
                found.named.contains(path) && !found.run.contains(path),
                "{path}"
            );
        }
        assert!(!found.run.contains("not/this"));
    }
}
