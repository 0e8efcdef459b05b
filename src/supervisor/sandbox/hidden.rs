//! What of a folder that is shown is nobody's to read, however deep it lies: files of keys, git folders, what
//! agents keep.

use std::path::{Path, PathBuf};

/// Most entries that are looked at for it: about a quarter of a second.
pub(super) const MOST: usize = 100_000;

/// Folders that others fill, with no keys of the project in them.
const FILLED: [&str; 2] = ["node_modules", "target"];

/// What must be hidden where this folder is shown; `None` where it holds more than `most` entries, so that
/// something could be missed. No link is followed.
pub(super) fn secrets_of(folder: &Path, most: usize) -> Option<Vec<PathBuf>> {
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that the operator cannot read is closed to their programs, too.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > most {
                return None;
            }
            let name = entry.file_name();
            if is_hidden(name.as_encoded_bytes()) {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir())
                && FILLED.iter().all(|filled| name != *filled)
            {
                folders.push(entry.path());
            }
        }
    }
    Some(found)
}

/// Whether this folder is somebody's project: what must be hidden lies right in it.
pub(super) fn are_in(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .flatten()
        .any(|entry| is_hidden(entry.file_name().as_encoded_bytes()))
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".env") || matches!(name, b".git" | b".checkride" | b".claude" | b".codex")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of keys are found at every depth, also behind folders with many files, and what cannot be looked
    /// through is said.
    #[test]
    fn keys_are_found_at_every_depth() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            ".env",
            ".git/config",
            "src/main.rs",
            "services/api/.env",
            "services/api/.env.local",
            "services/api/deep/er/.envrc",
            "vendor/lib/.git",
            "node_modules/a/.env",
            "target/x",
        ];
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("/", root.path().join("out")).unwrap();
        let mut found = secrets_of(root.path(), 20).unwrap();
        found.sort();
        let hidden = [
            ".env",
            ".git",
            "services/api/.env",
            "services/api/.env.local",
            "services/api/deep/er/.envrc",
            "vendor/lib/.git",
        ];
        assert_eq!(found, hidden.map(|name| root.path().join(name)));
        assert_eq!(secrets_of(root.path(), 10), None);
    }
}
