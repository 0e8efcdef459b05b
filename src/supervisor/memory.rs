//! Memory files: plain Markdown that people and loops both write. Every save names the text that it
//! started from, and lands whole or not at all. What of it a prompt carries is `run/prompt.rs`.

pub mod notes;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::workspace::Trouble;
use crate::durable;
use crate::protocol::MemoryText;
use crate::run::names::leads_into_git;
use crate::run::{Digest, LoopSpec};

/// Largest memory file that is read or written, in bytes: beyond this it is a log, not a memory.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What a text editor gives a new file.
const NEW_FILE: u32 = 0o644;

/// Why a memory file was not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsaved {
    /// It had changed since the text that the edit started from.
    Conflict(Box<MemoryText>),
    /// It cannot be read or written.
    Trouble(Trouble),
}

/// The memory file of a loop as it stands; an absent file is an empty text.
///
/// # Errors
/// One line: where, what, what to do next.
pub fn read(project: &Path, spec: &LoopSpec) -> Result<MemoryText, String> {
    let path = place(project, &spec.memory.path)?;
    let shown = &spec.memory.path;
    let text = match fs::metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(format!("cannot read {shown}: {e}")),
        Ok(meta) if !meta.is_file() => return Err(format!("{shown} is no plain file")),
        Ok(meta) if meta.len() > LARGEST => return Err(too_large(shown, meta.len())),
        Ok(_) => {
            let bytes = fs::read(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
            String::from_utf8(bytes).map_err(|e| {
                format!(
                    "{shown} is not UTF-8 at byte {}",
                    e.utf8_error().valid_up_to()
                )
            })?
        }
    };
    Ok(named(spec, text))
}

/// Saves a memory file, if it still is what the edit started from.
pub fn save(
    project: &Path,
    spec: &LoopSpec,
    base: &Digest,
    text: &str,
) -> Result<MemoryText, Unsaved> {
    let trouble = |why: String| Unsaved::Trouble(Trouble::new(why));
    let now = read(project, spec).map_err(trouble)?;
    if now.text == text {
        return Ok(now);
    }
    if now.digest != *base {
        return Err(Unsaved::Conflict(Box::new(now)));
    }
    // It could not be read again.
    let size = text.len() as u64;
    if size > LARGEST {
        return Err(trouble(too_large(&spec.memory.path, size)));
    }
    let path = place(project, &spec.memory.path).map_err(trouble)?;
    durable::replace(&path, text.as_bytes(), NEW_FILE).map_err(|e| {
        let cause = format!("cannot save {}: {e}", spec.memory.path);
        Unsaved::Trouble(Trouble::written(cause, &e))
    })?;
    Ok(named(spec, text.to_owned()))
}

fn too_large(shown: &str, size: u64) -> String {
    format!("{shown} has {size} bytes, more than {LARGEST}; split it")
}

/// Changes the text by a pure rule, again if somebody else writes at the same moment.
pub fn revise(
    project: &Path,
    spec: &LoopSpec,
    rule: impl Fn(&str) -> String,
) -> Result<MemoryText, Trouble> {
    // A third collision in a row is no accident; then the operator is told.
    for _ in 0..3 {
        let now = read(project, spec).map_err(Trouble::new)?;
        match save(project, spec, &now.digest, &rule(&now.text)) {
            Ok(saved) => return Ok(saved),
            Err(Unsaved::Conflict(_)) => {}
            Err(Unsaved::Trouble(trouble)) => return Err(trouble),
        }
    }
    Err(Trouble::new(format!(
        "{} keeps changing under the save; try again",
        spec.memory.path
    )))
}

fn named(spec: &LoopSpec, text: String) -> MemoryText {
    MemoryText {
        name: spec.name.clone(),
        path: spec.memory.path.clone(),
        digest: Digest::of(text.as_bytes()),
        text,
    }
}

/// The file itself: symbolic links are followed, but never out of the project, nor to what git or the
/// program keeps in it.
fn place(project: &Path, relative: &str) -> Result<PathBuf, String> {
    let path = project.join(relative);
    let within = |path: &Path| -> io::Result<bool> {
        let (real, project) = (path.canonicalize()?, project.canonicalize()?);
        let Ok(below) = real.strip_prefix(project) else {
            return Ok(false);
        };
        let kept = leads_into_git(below.as_os_str().as_bytes()) || below.starts_with(".checkride");
        Ok(!kept)
    };
    let existing = path
        .ancestors()
        .find(|p| p.symlink_metadata().is_ok())
        .unwrap_or(project);
    match within(existing) {
        Ok(true) => Ok(existing_target(&path)),
        Ok(false) => Err(format!(
            "{relative} leads out of the project or into its .git; choose a path inside"
        )),
        Err(e) => Err(format!("cannot reach {relative}: {e}")),
    }
}

fn existing_target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::loops;

    /// What could not be read again is not written: the text that stands there stays.
    #[test]
    fn a_memory_too_large_to_be_read_is_not_saved() {
        let project = tempfile::tempdir().unwrap();
        let text = "version = 1\nname = \"a\"\nskill = { path = \"skills/a\" }\n\
            worker = { type = \"command\", command = [\"true\"] }\n\
            goal = { statement = \"x\", verify = { checks = [{ name = \"c\", command = [\"true\"] }] } }\n";
        let root = project.path();
        fs::create_dir_all(root.join("skills/a")).unwrap();
        let skill = "---\nname: a\ndescription: A.\n---\nA.\n";
        fs::write(root.join("skills/a/SKILL.md"), skill).unwrap();
        let spec = loops::read_text(root, &root.join("loops/a.toml"), text)
            .spec
            .unwrap();
        let empty = read(root, &spec).unwrap();
        let most = usize::try_from(LARGEST).unwrap();
        let kept = save(root, &spec, &empty.digest, &"x".repeat(most)).unwrap();
        let refused = save(root, &spec, &kept.digest, &"y".repeat(most + 1)).unwrap_err();
        let Unsaved::Trouble(trouble) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            trouble.cause.ends_with("more than 4194304; split it"),
            "{}",
            trouble.cause
        );
        assert_eq!(read(root, &spec), Ok(kept));
    }

    /// S19: links within the project are the operator's way to keep a memory elsewhere in it; one into what
    /// git or the program keeps there, or out, is refused.
    #[test]
    fn a_memory_leads_neither_out_nor_into_git() {
        let project = tempfile::tempdir().unwrap();
        let root = project.path();
        for folder in [".git/hooks", ".checkride", "notes", "memory"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join(".git/hooks/pre-commit"), "#!/bin/sh\n").unwrap();
        let at = |to: &str| {
            let link = root.join("memory/kept");
            drop(fs::remove_file(&link));
            symlink(to, &link).unwrap();
            ["memory/kept", "memory/kept/a.md"].map(|path| place(root, path).is_ok())
        };
        assert_eq!(at("../notes"), [true, true]);
        for to in [
            "../.git/hooks",
            "../.git/hooks/pre-commit",
            "../.checkride",
            "/tmp",
        ] {
            assert_eq!(at(to), [false, false], "{to}");
        }
    }
}
