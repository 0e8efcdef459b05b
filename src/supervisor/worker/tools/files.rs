//! Reading, listing, searching and writing files of the workspace: plain files below it only,
//! never through a link, never git's own, and never more than a model could use.

use std::io;
use std::path::{Path, PathBuf};

use super::super::Kind;
use super::{Done, shown};
use crate::run::inert::{cut, head};
use crate::supervisor::workspace::beneath::{Beneath, Stands};

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
    let text = text_of(&open(root)?, path)?;
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
    let entries = open(root)?
        .folder(Path::new(path))
        .and_then(|folder| folder.names())
        .map_err(|e| format!("{path} cannot be listed: {e}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.name.to_string_lossy().into_owned();
        if path.is_empty() && name == ".git" {
            continue;
        }
        names.push(match entry.stands {
            Stands::Folder => format!("{name}/"),
            Stands::Link => format!("{name} (a link, which is not followed)"),
            Stands::File | Stands::Other => name,
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
    let beneath = open(root)?;
    let mut found = Found::default();
    if matches!(beneath.stands(Path::new(path)), Ok(Some(Stands::Folder))) {
        found
            .look_below(&beneath, path, text, may_read)
            .map_err(|e| format!("{path} cannot be searched: {e}"))?;
    } else {
        text_of(&beneath, path)?;
        if may_read(path) {
            found.look(&beneath, Path::new(path), text);
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
    /// Looks into every file below a folder that may be read, git's own left out.
    fn look_below(
        &mut self,
        beneath: &Beneath,
        path: &str,
        text: &str,
        may_read: &dyn Fn(&str) -> bool,
    ) -> io::Result<()> {
        let mut folders = vec![PathBuf::from(path)];
        while let Some(folder) = folders.pop() {
            for entry in beneath.folder(&folder)?.names()? {
                let at = folder.join(&entry.name);
                match entry.stands {
                    _ if entry.name == ".git" => {}
                    Stands::Folder => folders.push(at),
                    Stands::File if may_read(&at.to_string_lossy()) => {
                        self.look(beneath, &at, text);
                    }
                    Stands::File | Stands::Link | Stands::Other => {}
                }
            }
        }
        Ok(())
    }

    /// Looks into one file; what cannot be read, is too large or no text holds nothing.
    fn look(&mut self, beneath: &Beneath, path: &Path, text: &str) {
        if self.files >= MOST_FILES || self.bytes >= MOST_SEARCHED {
            self.more = true;
            return;
        }
        self.files += 1;
        let read = beneath.read(path, LARGEST);
        let bytes = read.ok().flatten().unwrap_or_default();
        self.bytes += bytes.len() as u64;
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
                let name = path.to_string_lossy().into_owned();
                self.lines.push((name, i + 1, shown));
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
    let beneath = open(root)?;
    let whole = match old {
        None => text.to_owned(),
        Some("") => return Err("\"old\" is empty: leave it out to write the whole file".to_owned()),
        Some(old) => {
            let before = text_of(&beneath, path)?;
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
    beneath
        .write(Path::new(path), whole.as_bytes())
        .map_err(|e| format!("{path} cannot be written: {e}"))?;
    let lines = whole.lines().count();
    let told = vec![(Kind::File, path.to_owned())];
    Ok(Done::well(format!("{path} has {lines} lines now"), told))
}

/// The text of a plain file of a size that can be worked with.
fn text_of(beneath: &Beneath, path: &str) -> Result<String, String> {
    let bytes = beneath
        .read(Path::new(path), LARGEST)
        .map_err(|e| format!("{path} cannot be read: {e}"))?;
    let Some(bytes) = bytes else {
        return Err(format!("there is no file {path}"));
    };
    if bytes.contains(&0) {
        return Err(format!("{path} is no text: it has {} bytes", bytes.len()));
    }
    String::from_utf8(bytes).map_err(|e| {
        let size = e.as_bytes().len();
        format!("{path} is no UTF-8 text: it has {size} bytes")
    })
}

fn open(root: &Path) -> Result<Beneath, String> {
    Beneath::new(root).map_err(|e| format!("the workspace cannot be opened: {e}"))
}
