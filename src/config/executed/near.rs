//! Which files belong to a command: those that its words name, what lies beside a script, what its
//! program and its agents take orders from.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::MOST_FILES;
use super::commands::Order;
use crate::config::names::clean;
use crate::config::project;
use crate::run::obeyed::BUILDS;

/// Endings of files that are run or taken in by what is run.
const SCRIPTS: [&str; 20] = [
    "sh", "bash", "zsh", "fish", "ksh", "py", "js", "mjs", "cjs", "ts", "rb", "pl", "pm", "lua",
    "awk", "jq", "sed", "php", "ps1", "tcl",
];

/// Endings of files that commands read and do not run.
const DOCUMENTS: [&str; 12] = [
    "md", "txt", "csv", "tsv", "log", "rst", "adoc", "html", "svg", "png", "jpg", "pdf",
];

/// What agents take orders from at a project's root: a file, or a folder with all below it.
const AGENTS: [&str; 20] = [
    ".claude",
    ".mcp.json",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "AGENT.md",
    "AGENTS.override.md",
    ".codex",
    ".gemini",
    "GEMINI.md",
    ".qwen",
    "QWEN.md",
    ".opencode",
    "opencode.json",
    "opencode.jsonc",
    ".pi",
    ".agents",
    ".env",
    ".env.local",
    ".envrc",
];

/// The files below `root` that these words name, however they are wrapped: `sh -c "a/b.sh x"`,
/// `python -m a.b`, `{project}/a`.
pub(super) fn named<'a>(
    project: &Path,
    root: &Path,
    words: impl Iterator<Item = &'a String>,
) -> BTreeSet<String> {
    let own = format!("{}/", project.display());
    let mut all = BTreeSet::new();
    for word in words {
        let word = word.replace("{project}/", "").replace(&own, "");
        let apart = |c: char| c.is_whitespace() || ";|&()<>\"'`=$,:".contains(c);
        for piece in word.split(apart).chain([word.as_str()]) {
            let path = clean(piece);
            if path.is_empty() || piece.starts_with('/') {
                continue;
            }
            let module = path.replace('.', "/");
            let forms = [
                path.clone(),
                format!("{module}.py"),
                format!("{module}/__main__.py"),
                format!("{module}/__init__.py"),
            ];
            all.extend(
                forms
                    .into_iter()
                    .filter(|form| counts(&root.join(form), form)),
            );
        }
    }
    all
}

/// Whether a file that a command names may be run: a document, or a long text of data, is none. A
/// document that an interpreter is given counts by its place in the command.
fn counts(whole: &Path, path: &str) -> bool {
    let ending = Path::new(path).extension().and_then(|e| e.to_str());
    if ending.is_some_and(|e| DOCUMENTS.contains(&e)) && !is_script(whole, path) {
        return false;
    }
    let Ok(meta) = fs::metadata(whole) else {
        return fs::symlink_metadata(whole).is_ok();
    };
    meta.is_file() && (meta.len() <= project::LARGEST_FILE || is_script(whole, path))
}

/// Whether a file is one that is run or that what is run takes in.
fn is_script(whole: &Path, path: &str) -> bool {
    let ending = Path::new(path).extension().and_then(|e| e.to_str());
    let listed = ending.is_some_and(|e| SCRIPTS.contains(&e));
    listed
        || fs::metadata(whole)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Scripts in the folders of these scripts, and below them; at the project's root only beside them.
pub(super) fn beside(root: &Path, named: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let folders: BTreeSet<&str> = named
        .iter()
        .filter(|path| is_script(&root.join(path), path))
        .map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder))
        .collect();
    let mut all = BTreeSet::new();
    for folder in folders {
        let found = if folder.is_empty() || folder.split('/').any(|part| part == "..") {
            listed(root, folder)?.0.into_iter().collect()
        } else {
            below(root, folder)?
        };
        all.extend(
            found
                .into_iter()
                .filter(|path| is_script(&root.join(path), path)),
        );
    }
    Ok(all)
}

/// The files that the programs of these commands take orders from.
pub(super) fn build_files(orders: &[Order]) -> impl Iterator<Item = &'static str> {
    let words: BTreeSet<String> = orders
        .iter()
        .flat_map(|order| &order.argv)
        .flat_map(|word| word.split(|c: char| c.is_whitespace() || ";|&()\"'`".contains(c)))
        .map(|word| word.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    BUILDS
        .into_iter()
        .filter(move |(program, _)| words.contains(*program))
        .flat_map(|(_, files)| files.iter().copied())
}

/// What agents would take orders from here.
pub(super) fn agent_files(root: &Path) -> Result<BTreeSet<String>, String> {
    let mut all = BTreeSet::new();
    for name in AGENTS {
        all.insert(name.to_owned());
        all.extend(below(root, name)?);
    }
    Ok(all)
}

/// Every file below a folder, by its path from `root`; a linked folder is named and not entered.
/// Nothing where it is no folder.
pub(super) fn below(root: &Path, folder: &str) -> Result<BTreeSet<String>, String> {
    let mut open = vec![clean(folder)];
    let mut all = BTreeSet::new();
    while let Some(next) = open.pop() {
        if !root.join(&next).is_dir() {
            continue;
        }
        let (files, folders) = listed(root, &next)?;
        all.extend(files);
        open.extend(folders);
        if all.len() + open.len() > MOST_FILES {
            return Err(format!(
                "more than {MOST_FILES} files lie in {folder}; move what it runs to a folder of its own"
            ));
        }
    }
    Ok(all)
}

/// Files and folders of one folder. What an interpreter or git keeps for itself is left out.
pub(super) fn listed(root: &Path, folder: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in project::names_in(&root.join(folder))? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(format!("{folder} holds a name that is not UTF-8"));
        };
        let shown = clean(format!("{folder}/{name}"));
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        if !is_folder {
            files.push(shown);
        } else if name != "__pycache__" && name != ".git" {
            folders.push(shown);
        }
    }
    Ok((files, folders))
}
