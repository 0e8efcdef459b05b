//! What git follows in a project, read from its index as a file: git itself is not started on a folder that
//! nobody has allowed.

use std::fs;
use std::path::Path;

use super::git;

/// Largest index that is read, in bytes.
const LARGEST: u64 = 128 * 1024 * 1024;

/// Bytes of an entry before the name of its object: times, device, mode, owner, size.
const STAT: usize = 40;

/// The paths below `project` that its repository follows; `None` where there is no index, or none that can
/// be read whole.
pub(super) fn below(project: &Path) -> Option<Vec<String>> {
    let (top, folder) = git::place(project)?;
    let file = folder.join("index");
    let meta = fs::metadata(&file).ok()?;
    if !meta.is_file() || meta.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(&file).ok()?;
    let object = if git::has_long_names(&folder) { 32 } else { 20 };
    let names = entries(&bytes, object)?;
    let prefix = project.strip_prefix(&top).ok()?.to_str()?;
    let inside = names.into_iter().filter_map(|name| {
        let rest = name.strip_prefix(prefix)?;
        let rest = if prefix.is_empty() {
            rest
        } else {
            rest.strip_prefix('/')?
        };
        Some(rest.to_owned())
    });
    Some(inside.collect())
}

/// The names in an index of version 2, 3 or 4; `None` where it is something else, is cut, holds a name that
/// is not UTF-8, or shares its entries with another file.
fn entries(bytes: &[u8], object: usize) -> Option<Vec<String>> {
    let head = bytes.strip_prefix(b"DIRC")?;
    let version = number(head, 0)?;
    let count = number(head, 4)?;
    let mut rest = head.get(8..)?;
    let mut names: Vec<String> = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    for _ in 0..count {
        let flags = rest.get(STAT + object..STAT + object + 2)?;
        let longer = flags.first()? & 0x40 != 0;
        let fixed = STAT + object + if longer && version >= 3 { 4 } else { 2 };
        let after = rest.get(fixed..)?;
        let (name, used) = match version {
            2 | 3 => {
                let end = after.iter().position(|byte| *byte == 0)?;
                // Entries are filled up to a multiple of eight with at least one zero.
                (after.get(..end)?.to_vec(), (fixed + end + 8) / 8 * 8)
            }
            4 => {
                let (less, width) = offset(after)?;
                let own = after.get(width..)?;
                let end = own.iter().position(|byte| *byte == 0)?;
                let kept = last.get(..last.len().checked_sub(less)?)?;
                ([kept, own.get(..end)?].concat(), fixed + width + end + 1)
            }
            _ => return None,
        };
        rest = rest.get(used..)?;
        names.push(String::from_utf8(name.clone()).ok()?);
        last = name;
    }
    let shares = rest.get(..4) == Some(b"link");
    (!shares).then_some(names)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// How many bytes of the last name fall away, and how many bytes say so.
fn offset(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value = value
            .checked_mul(128)?
            .checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, args: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(folder)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(git.output().unwrap().status.success(), "{args:?}");
    }

    /// What git itself says of an index is what is read from it, in each version, and from a folder below.
    #[test]
    fn an_index_is_read_as_git_wrote_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = folder.path();
        git(at, &["init", "-q"]);
        fs::create_dir_all(at.join("lib/deep")).unwrap();
        let long = "n".repeat(200);
        let mut all = ["a", "lib/common.sh", "lib/common.shy", "lib/deep/x", "z"]
            .map(str::to_owned)
            .to_vec();
        all.insert(4, long);
        for path in &all {
            fs::write(at.join(path), "x").unwrap();
        }
        git(at, &["add", "-A"]);
        for version in ["2", "3", "4"] {
            git(at, &["update-index", "--index-version", version]);
            assert_eq!(below(at).unwrap(), all, "{version}");
        }
        assert_eq!(
            below(&at.join("lib")).unwrap(),
            ["common.sh", "common.shy", "deep/x"]
        );
        git(at, &["add", "-N", "."]);
        let whole = fs::read(at.join(".git/index")).unwrap();
        for length in 0..whole.len() / 2 {
            assert_eq!(entries(&whole[..length], 20), None, "{length}");
        }
        git(at, &["update-index", "--split-index"]);
        assert_eq!(below(at), None);
    }
}
