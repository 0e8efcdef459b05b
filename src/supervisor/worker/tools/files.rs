//! Reading, listing, searching and writing files of the workspace: plain files below it only,
//! never through a link, never git's own, and never more than a model could use.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::Kind;
use super::{Done, shown};
use crate::run::inert::{cut, head};
use crate::supervisor::workspace::disk::{self, Next};
use crate::supervisor::workspace::lead;

/// Most lines of one reading.
pub(super) const MOST_LINES: usize = 2_000;

/// Most bytes of one reading.
const MOST_BYTES: usize = 64 * 1024;

/// Largest file that is read or written.
const LARGEST: u64 = 8 << 20;

/// Most names of one list.
const MOST_NAMES: usize = 500;

/// Most places that one search finds, files that it looks into, and bytes that it reads.
const MOST_FOUND: usize = 200;
const MOST_FILES: usize = 20_000;
const MOST_SEARCHED: u64 = 256 << 20;

/// Most characters of a line that was found.
const LONGEST_FOUND: usize = 200;

/// Lines of a file: its own bytes as text, and a mark where there are more.
pub(super) fn read(root: &Path, path: &str, (from, most): (usize, usize)) -> Result<Done, String> {
    let text = text_of(root, path)?;
    let all = text.lines().count();
    if from > all.max(1) {
        return Err(format!("{path} has {all} lines"));
    }
    let mut out = String::new();
    let mut read = 0;
    for line in text.split_inclusive('\n').skip(from - 1).take(most) {
        if out.len() + line.len() > MOST_BYTES {
            if read == 0 {
                out.push_str(head(line, MOST_BYTES));
                read = 1;
            }
            break;
        }
        out.push_str(line);
        read += 1;
    }
    let last = from - 1 + read;
    if last < all {
        let next = last + 1;
        let mark = format!("\n⟪lines {from} to {last} of {all}; read on with from = {next}⟫");
        out.push_str(&mark);
    }
    let told = vec![(Kind::Result, format!("{read} of {all} lines"))];
    Ok(Done::well(out, told))
}

/// The names in a folder.
pub(super) fn list(root: &Path, path: &str) -> Result<Done, String> {
    let folder = folder(root, path)?;
    let entries = fs::read_dir(&folder).map_err(|e| format!("{path} cannot be listed: {e}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| format!("{path} cannot be listed: {e}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(|e| format!("{name}: {e}"))?;
        if path.is_empty() && name == ".git" {
            continue;
        }
        names.push(match () {
            () if kind.is_dir() => format!("{name}/"),
            () if kind.is_symlink() => format!("{name} (a link, which is not followed)"),
            () => name,
        });
    }
    names.sort();
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    if more > 0 {
        names.push(format!("⟪{more} more⟫"));
    }
    let told = vec![(Kind::Result, format!("{} names", names.len()))];
    let text = if names.is_empty() {
        "it is empty".to_owned()
    } else {
        names.join("\n")
    };
    Ok(Done::well(text, told))
}

/// The lines that hold a text, with file and number. Files that may not be read are passed by.
pub(super) fn search(
    root: &Path,
    path: &str,
    text: &str,
    may_read: &dyn Fn(&str) -> bool,
) -> Result<Done, String> {
    let mut found = Found::default();
    if path.is_empty() || folder(root, path).is_ok() {
        let top = folder(root, path)?;
        let walked = disk::look(&top, &mut |entry| {
            if entry.meta.is_dir() && entry.name() != b".git" {
                return Ok(Next::Enter);
            }
            let name = String::from_utf8_lossy(entry.path);
            let name = if path.is_empty() {
                name.into_owned()
            } else {
                format!("{path}/{name}")
            };
            if entry.meta.is_file() && entry.name() != b".git" && may_read(&name) {
                found.look(entry.full, &name, text);
            }
            Ok(Next::Keep)
        });
        walked.map_err(|trouble| trouble.cause)?;
    } else {
        text_of(root, path)?;
        if may_read(path) {
            found.look(&root.join(path), path, text);
        }
    }
    found.lines.sort();
    let lines: Vec<_> = found
        .lines
        .into_iter()
        .map(|(path, n, line)| format!("{path}:{n}: {line}"))
        .collect();
    let mut text = if lines.is_empty() {
        "it stands nowhere".to_owned()
    } else {
        lines.join("\n")
    };
    if found.more {
        text += "\n⟪there may be more: search in one folder, or for a longer text⟫";
    }
    let told = shown(&text);
    Ok(Done::well(text, told))
}

#[derive(Default)]
struct Found {
    lines: Vec<(String, usize, String)>,
    files: usize,
    bytes: u64,
    more: bool,
}

impl Found {
    /// Looks into one file; what cannot be read, is too large or no text holds nothing.
    fn look(&mut self, file: &Path, name: &str, text: &str) {
        let size = fs::symlink_metadata(file).map_or(0, |meta| meta.len());
        if self.files >= MOST_FILES || self.bytes + size > MOST_SEARCHED {
            self.more = true;
            return;
        }
        self.files += 1;
        if size > LARGEST {
            return;
        }
        self.bytes += size;
        let bytes = fs::read(file).unwrap_or_default();
        if bytes.contains(&0) {
            return;
        }
        for (i, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if line.contains(text) {
                if self.lines.len() >= MOST_FOUND {
                    self.more = true;
                    return;
                }
                let shown = cut(line.trim_end(), LONGEST_FOUND);
                self.lines.push((name.to_owned(), i + 1, shown));
            }
        }
    }
}

/// Writes a file, or a part of it, at once.
pub(super) fn write(
    root: &Path,
    path: &str,
    text: &str,
    old: Option<&str>,
) -> Result<Done, String> {
    let file = lead::plain_file(root, path).map_err(|trouble| trouble.cause)?;
    let whole = match old {
        None => text.to_owned(),
        Some("") => return Err("\"old\" is empty: leave it out to write the whole file".to_owned()),
        Some(old) => {
            let before = text_of(root, path)?;
            match before.matches(old).count() {
                1 => before.replacen(old, text, 1),
                0 => return Err(format!("\"old\" does not stand in {path}: read it again")),
                n => {
                    return Err(format!(
                        "\"old\" stands in {path} {n} times: give more of it"
                    ));
                }
            }
        }
    };
    if whole.len() as u64 > LARGEST {
        return Err(format!(
            "a file of more than {} MiB is not written",
            LARGEST >> 20
        ));
    }
    disk::replace(&file, whole.as_bytes()).map_err(|trouble| trouble.cause)?;
    let lines = whole.lines().count();
    let told = vec![(Kind::File, path.to_owned())];
    Ok(Done::well(format!("{path} has {lines} lines now"), told))
}

/// The text of a plain file of a size that can be worked with.
fn text_of(root: &Path, path: &str) -> Result<String, String> {
    let file = lead::plain_file(root, path).map_err(|trouble| trouble.cause)?;
    let size = fs::symlink_metadata(&file).map_or(0, |meta| meta.len());
    if size > LARGEST {
        return Err(format!(
            "{path} has {size} bytes, which is too large to read"
        ));
    }
    let bytes = lead::read_plain(&file).map_err(|trouble| trouble.cause)?;
    let Some(bytes) = bytes else {
        return Err(format!("there is no file {path}"));
    };
    if bytes.contains(&0) {
        return Err(format!("{path} is no text: it has {size} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{path} is no UTF-8 text: it has {size} bytes"))
}

fn folder(root: &Path, path: &str) -> Result<PathBuf, String> {
    if path.is_empty() {
        return Ok(root.to_owned());
    }
    let folder = lead::plain_file(root, path).map_err(|trouble| trouble.cause)?;
    match fs::symlink_metadata(&folder) {
        Ok(meta) if meta.is_dir() => Ok(folder),
        Ok(_) => Err(format!("{path} is no folder")),
        Err(_) => Err(format!("there is no folder {path}")),
    }
}
