//! What of a project the publish command of a loop reads in and runs: outside the sandbox, with the operator's
//! rights. What it runs to see what that prints counts like everything else, and so does what the loop makes.

use std::path::Path;

use super::{imported, module, ways};
use crate::config::loops::sourced::{self, Below, Look};
use crate::run::spec::{LoopSpec, PublishTo};
use crate::supervisor::workspace::flags::Deed;

/// Most files that are found.
const MOST: usize = 256;

/// How files end that are read for what they import.
const IMPORTS: [&str; 2] = [".py", ".pyw"];

/// What the publish command of this loop leads to; `file` gives the bytes of a file of the project.
pub(super) fn of(spec: &LoopSpec, project: &Path, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Deed {
    let command = match spec.publish.as_ref().map(|publish| &publish.to) {
        Some(PublishTo::Command { command, .. }) => command,
        Some(PublishTo::GitBranch { .. } | PublishTo::Copy { .. }) | None => {
            return Deed::default();
        }
    };
    let reach = sourced::reach_of(command, Look::Runs, file);
    let sourced = reach.sourced.into_iter().map(|part| part.path);
    let mut files: Vec<String> = sourced.chain(reach.run).collect();
    let mut next = 0;
    while let Some(path) = files.get(next).cloned() {
        next += 1;
        for imported in imports(&path, file) {
            if files.len() < MOST && !files.contains(&imported) {
                files.push(imported);
            }
        }
    }
    let led = files.iter().flat_map(|path| ways::of(project, path));
    let below = reach.below.iter().flat_map(|below| {
        let folders = ways::of(project, &below.folder).into_iter();
        folders.map(|folder| Below {
            folder,
            ..below.clone()
        })
    });
    Deed {
        files: led.collect(),
        below: below.collect(),
    }
}

/// The files of the project that a program of Python imports: from its own folder, or from the project's.
fn imports(path: &str, file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<String> {
    let bytes = file(path).unwrap_or_default();
    let python = bytes.starts_with(b"#!") || IMPORTS.iter().any(|end| path.ends_with(end));
    if !python {
        return Vec::new();
    }
    let folder = path.rsplit_once('/').map(|(folder, _)| folder);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let modules = text.lines().filter_map(imported).flat_map(module);
    let beside = modules.flat_map(|module| {
        let beside = folder.map(|folder| format!("{folder}/{module}"));
        beside.into_iter().chain([module])
    });
    beside.filter(|path| file(path).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program of Python imports is found beside it and in the project, where it is there.
    #[test]
    fn imports_are_followed() {
        let read = |path: &str| match path {
            "tools/send.py" => Some(b"import os\nfrom parts import x\nimport words\n".to_vec()),
            "tools/words.py" | "parts/__init__.py" => Some(Vec::new()),
            _ => None,
        };
        let mut found = imports("tools/send.py", &read);
        found.sort();
        assert_eq!(found, ["parts/__init__.py", "tools/words.py"]);
    }
}
