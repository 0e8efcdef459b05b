//! What lies in a project folder: every question that a reader of files asks the disk.
//! Nothing here writes.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::run::Digest;

/// Largest file that is read as configuration, in bytes; a real one has a few thousand.
pub(crate) const LARGEST_FILE: u64 = 1024 * 1024;

/// What a relative path of the project leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Missing,
    /// A folder.
    Folder,
    /// A file that may be executed.
    Program,
    /// Another file.
    File,
    /// A file, folder or link that lies outside the project once links are followed.
    Outside,
    /// Neither file nor folder: a pipe, a socket, a device, a link to itself.
    Other,
}

/// What the path leads to, links followed.
pub(crate) fn kind(project: &Path, relative: &str) -> Kind {
    let path = project.join(relative);
    let meta = match fs::metadata(&path) {
        Ok(meta) => meta,
        Err(e) if is_absent(&e) => return Kind::Missing,
        Err(_) => return Kind::Other,
    };
    if leaves(project, &path) {
        Kind::Outside
    } else if meta.is_dir() {
        Kind::Folder
    } else if !meta.is_file() {
        Kind::Other
    } else if meta.permissions().mode() & 0o111 != 0 {
        Kind::Program
    } else {
        Kind::File
    }
}

/// Whether the error says that nothing is there, not even a folder to hold it.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether the path, links followed, lies outside the project; a path that leads nowhere does not.
pub(crate) fn leaves(project: &Path, path: &Path) -> bool {
    match (fs::canonicalize(project), fs::canonicalize(path)) {
        (Ok(project), Ok(path)) => !path.starts_with(project),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// The bytes of a plain file of at most `LARGEST_FILE`; the error is one line that names the cause.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let meta = fs::metadata(path).map_err(|e| cause(&e))?;
    if !meta.is_file() {
        // Opening a pipe would wait for a writer.
        return Err("it is not a plain file".to_owned());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|e| cause(&e))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(bytes)
}

/// The digest of a plain file of any size; `None` where it cannot be read.
pub(crate) fn digest(path: &Path) -> Option<Digest> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read(path).ok().map(|bytes| Digest::of(&bytes))
}

/// The plain names in a folder, sorted; empty where there is no folder.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cause(&e)),
    };
    let mut all = Vec::new();
    for entry in entries {
        all.push(entry.map_err(|e| cause(&e))?.path());
    }
    all.sort();
    Ok(all)
}

/// The system's cause without its error number.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// The path as it is shown: relative to the project where it lies in it.
pub(crate) fn shown(project: &Path, path: &Path) -> String {
    path.strip_prefix(project)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}
