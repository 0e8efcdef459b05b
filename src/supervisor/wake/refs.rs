//! Where a reference of the operator's repository points, read from its files: no git is started, and
//! nothing is written. Loose and packed references, linked work trees.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// References that may lead to one another.
const HOPS: usize = 5;

/// Longest file of references that is read: a million of them.
const LONGEST: u64 = 100 * 1024 * 1024;

/// What the object id is that a reference of this full name points to; `None` where there is none.
///
/// # Errors
/// One line: the folder lies in no repository, or in one whose references are kept in another form.
pub fn read(project: &Path, name: &str) -> Result<Option<String>, String> {
    let own = git_folder(project)?;
    let common = match text(&own.join("commondir")) {
        Ok(Some(path)) => own.join(path.trim()),
        Ok(None) => own.clone(),
        Err(why) => return Err(why),
    };
    if common.join("reftable").is_dir() {
        return Err(
            "this repository keeps its references as a reftable, which this build cannot \
                    read; use `poll` with a command of git"
                .to_owned(),
        );
    }
    let mut name = name.to_owned();
    for _ in 0..HOPS {
        if !is_plain(&name) {
            return Err(format!("{name:?} is no reference"));
        }
        let loose = match text(&own.join(&name))? {
            Some(found) => Some(found),
            None => text(&common.join(&name))?,
        };
        let Some(found) = loose else {
            return packed(&common, &name);
        };
        match found.trim().strip_prefix("ref:") {
            Some(other) => other.trim().clone_into(&mut name),
            None => return Ok(Some(found.trim().to_owned()).filter(|id| is_id(id))),
        }
    }
    Err(format!("{name} leads round in a circle"))
}

/// The repository's own folder, or that of its linked work tree.
fn git_folder(project: &Path) -> Result<PathBuf, String> {
    for folder in project.ancestors() {
        let git = folder.join(".git");
        if git.is_dir() {
            return Ok(git);
        }
        if let Ok(Some(link)) = text(&git)
            && let Some(path) = link.trim().strip_prefix("gitdir:")
        {
            return Ok(folder.join(path.trim()));
        }
    }
    Err("the project lies in no git repository".to_owned())
}

fn packed(common: &Path, name: &str) -> Result<Option<String>, String> {
    let Some(all) = text(&common.join("packed-refs"))? else {
        return Ok(None);
    };
    let found = all.lines().find_map(|line| {
        let (id, of) = line.split_once(' ')?;
        (of == name && is_id(id)).then(|| id.to_owned())
    });
    Ok(found)
}

/// A file's text; `None` where there is no such file.
fn text(path: &Path) -> Result<Option<String>, String> {
    let failed = |e: io::Error| format!("{} cannot be read: {e}", path.display());
    // Opening a pipe would wait for a writer.
    let kind = match fs::metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A part of the name is a file.
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(format!("{} is no plain file", path.display()));
    }
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .map_err(failed)?;
    Ok(Some(text))
}

/// Whether a name stays below the folder of references.
fn is_plain(name: &str) -> bool {
    name.starts_with("refs/")
        && name
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
