//! What differs between two trees: one record per file for the guard, and the patch as inert text.

use super::git::Git;
use super::trouble::Trouble;
use crate::run::inert::{spelled, spelled_line};
use crate::run::{Change, ChangeKind};

/// Most bytes of a patch that are shown; a mark at its end says how it goes on.
pub const SHOWN_BYTES: u64 = 4 * 1024 * 1024;

/// One differing file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Path from the top of the workspace, as bytes.
    pub path: Vec<u8>,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Git's mode and object before; mode 0 where there was nothing.
    pub old: (u32, String),
    /// Git's mode and object after; mode 0 where there is nothing.
    pub new: (u32, String),
    /// Lines added; 0 for binary files.
    pub added: u64,
    /// Lines removed; 0 for binary files.
    pub removed: u64,
    /// Whether git counts no lines in it.
    pub binary: bool,
    /// Bytes that it brings; 0 until it is weighed.
    pub bytes: u64,
}

/// Git's mode of a file that is a program.
pub const EXECUTABLE: u32 = 0o100_755;
/// Git's mode of a symbolic link.
pub const LINK: u32 = 0o120_000;
/// Git's mode of a submodule.
pub const SUBMODULE: u32 = 0o160_000;

impl Delta {
    /// For the screen.
    pub fn change(&self) -> Change {
        Change {
            path: spelled_line(&self.path),
            kind: self.kind,
            added: self.added,
            removed: self.removed,
        }
    }
}

/// Every file that differs, in git's order.
pub fn deltas(git: &Git, from: &str, to: &str) -> Result<Vec<Delta>, Trouble> {
    if from == to {
        return Ok(Vec::new());
    }
    let printed = git.run(&[
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--numstat",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        from,
        to,
    ])?;
    parse(&printed).ok_or_else(|| {
        Trouble::with_detail("cannot read what git says of the differences", &printed)
    })
}

fn parse(printed: &[u8]) -> Option<Vec<Delta>> {
    let mut deltas: Vec<Delta> = Vec::new();
    let mut counted = 0;
    let mut fields = printed.split(|b| *b == 0);
    while let Some(field) = fields.next() {
        if let Some(raw) = field.strip_prefix(b":") {
            deltas.push(raw_record(raw, fields.next()?)?);
        } else if !field.is_empty() {
            let mut parts = field.splitn(3, |b| *b == b'\t');
            let (added, removed, path) = (parts.next()?, parts.next()?, parts.next()?);
            let delta = deltas.get_mut(counted).filter(|d| d.path == path)?;
            delta.binary = added == b"-";
            delta.added = count(added)?;
            delta.removed = count(removed)?;
            counted += 1;
        }
    }
    (counted == deltas.len()).then_some(deltas)
}

/// `old-mode new-mode old-object new-object status`, and the path.
fn raw_record(raw: &[u8], path: &[u8]) -> Option<Delta> {
    let mut parts = std::str::from_utf8(raw).ok()?.split(' ');
    let mut mode = || u32::from_str_radix(parts.next()?, 8).ok();
    let (old_mode, new_mode) = (mode()?, mode()?);
    let (old, new) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let kind = match parts.next()? {
        "A" => ChangeKind::Added,
        "D" => ChangeKind::Deleted,
        _ => ChangeKind::Modified,
    };
    Some(Delta {
        path: path.to_vec(),
        kind,
        old: (old_mode, old),
        new: (new_mode, new),
        added: 0,
        removed: 0,
        binary: false,
        bytes: 0,
    })
}

/// Weighs changes: a new or a binary file by all its bytes, a text by what it grew.
pub fn weigh(git: &Git, deltas: &mut [Delta]) -> Result<(), Trouble> {
    let is_file = |mode: u32| mode != 0 && mode != SUBMODULE;
    let mut asked = Vec::new();
    for delta in deltas.iter() {
        for (mode, object) in [&delta.old, &delta.new] {
            // The empty name is asked for too, so that answers stay in step.
            let object = if is_file(*mode) { object.as_str() } else { "-" };
            asked.extend_from_slice(object.as_bytes());
            asked.push(b'\n');
        }
    }
    let form = "--batch-check=%(objectsize)";
    let printed = git.fed(&["cat-file", form], &asked)?;
    let text = String::from_utf8_lossy(&printed);
    let mut sizes = text.lines().map(|line| line.parse::<u64>().unwrap_or(0));
    for delta in deltas {
        let (old, new) = (sizes.next().unwrap_or(0), sizes.next().unwrap_or(0));
        delta.bytes = if delta.binary {
            new
        } else {
            new.saturating_sub(old)
        };
    }
    Ok(())
}

/// A number of lines; `-` stands for a binary file.
fn count(text: &[u8]) -> Option<u64> {
    match text {
        b"-" => Some(0),
        digits => std::str::from_utf8(digits).ok()?.parse().ok(),
    }
}

/// The patch between two trees as inert text, at most `cap` bytes of it, and whether that is all.
///
/// Binary files are named by their full objects, so the text stands for exact content.
pub fn patch(git: &Git, from: &str, to: &str, cap: u64) -> Result<(String, bool), Trouble> {
    let (bytes, whole) = raw_patch(git, &["--full-index"], (from, to), cap)?;
    let mut text = spelled(&bytes);
    if !whole {
        text += "\n… cut here: the diff is longer than ";
        text += &cap.to_string();
        text += " bytes and the rest is not shown\n";
    }
    Ok((text, whole))
}

/// The patch between two trees with binary files in full: what `git apply` takes.
pub fn exact_patch(git: &Git, from: &str, to: &str, cap: u64) -> Result<(Vec<u8>, bool), Trouble> {
    raw_patch(git, &["--binary"], (from, to), cap)
}

/// The patch without context, every file as text, for rules that look at lines and not for eyes.
pub fn bare_patch(git: &Git, between: (&str, &str), cap: u64) -> Result<(Vec<u8>, bool), Trouble> {
    let form = ["--unified=0", "--text", "--no-prefix"];
    raw_patch(git, &form, between, cap)
}

/// The patch with the whole of every changed Rust source around it, for rules that ask where a line stands.
pub fn sources(git: &Git, between: (&str, &str), cap: u64) -> Result<(Vec<u8>, bool), Trouble> {
    let form = ["--unified=1000000", "--text", "--no-prefix"];
    limited_patch(git, &form, between, (&["--", "*.rs"], cap))
}

/// At most `cap` bytes of the patch, and whether that is all.
fn raw_patch(
    git: &Git,
    form: &[&str],
    between: (&str, &str),
    cap: u64,
) -> Result<(Vec<u8>, bool), Trouble> {
    limited_patch(git, form, between, (&[], cap))
}

/// The same, of some paths alone.
fn limited_patch(
    git: &Git,
    form: &[&str],
    (from, to): (&str, &str),
    (paths, cap): (&[&str], u64),
) -> Result<(Vec<u8>, bool), Trouble> {
    if from == to {
        return Ok((Vec::new(), true));
    }
    let plain = [
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
    ];
    let args = [&["diff-tree", "-r", "-p"], form, &plain, &[from, to], paths].concat();
    let (bytes, more) = git.capped(&args, cap)?;
    Ok((bytes, !more))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Raw records and counts are put together, whatever bytes a name holds.
    #[test]
    fn raw_and_counts_are_put_together() {
        let printed = b":100644 000000 aa 00 D\0a\nb\0:000000 120000 00 bb A\0\xff\0\
            0\t3\ta\nb\0-\t-\t\xff\0";
        let deltas = parse(printed).unwrap();
        assert_eq!(deltas[0].kind, ChangeKind::Deleted);
        assert_eq!((deltas[0].added, deltas[0].removed), (0, 3));
        assert_eq!(deltas[1].new, (LINK, "bb".to_owned()));
        assert_eq!(deltas[1].change().path, "\\xff");
        assert_eq!(parse(b":100644 000000 aa 00 D\0a\0"), None);
    }
}
