//! Copying a project folder that no commit holds: how large it is, and its files as they are.
//! Git's own folders and checkride's are left out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::disk::{self, Entry, Next};
use super::leash::Leash;
use super::trouble::Trouble;
use crate::run::inert::spelled_line;

/// Largest folder that is copied (PRODUCT §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyLimit {
    /// Most files.
    pub files: u64,
    /// Most bytes in them.
    pub bytes: u64,
}

impl Default for CopyLimit {
    fn default() -> Self {
        Self {
            files: 100_000,
            bytes: 1 << 30,
        }
    }
}

/// Refuses a folder that is too large, or holds what cannot be copied.
pub fn measure(from: &Path, limit: CopyLimit) -> Result<(), Trouble> {
    let (mut files, mut bytes) = (0, 0);
    visit(from, &mut |entry| {
        if entry.is_special() {
            return Err(Trouble::new(format!(
                "{} is neither file, folder nor link and cannot be copied: move it away",
                entry.full.display()
            )));
        }
        if !entry.meta.is_dir() {
            files += 1;
            bytes += entry.meta.len();
        }
        if files > limit.files || bytes > limit.bytes {
            return Err(Trouble::new(format!(
                "{} is too large to copy (limit {} files, {} MiB): commit it to git, or raise \
                 copy_limit",
                from.display(),
                limit.files,
                limit.bytes >> 20
            )));
        }
        Ok(())
    })
}

/// Copies the folder's files; links are copied as links. Ends early where the leash is cut.
pub fn fill(from: &Path, to: &Path, leash: &Leash) -> Result<(), Trouble> {
    visit(from, &mut |entry| {
        if leash.is_cut() {
            return Err(Trouble::new(
                "the run was stopped while its files were copied",
            ));
        }
        let target = disk::join(to, entry.path);
        let done = if entry.meta.is_dir() {
            fs::create_dir(&target)
        } else if entry.meta.is_symlink() {
            fs::read_link(entry.full)
                .and_then(|leads_to| std::os::unix::fs::symlink(leads_to, &target))
        } else {
            fs::copy(entry.full, &target).and_then(|_| {
                let mode = entry.meta.permissions().mode() & 0o777 | 0o600;
                fs::set_permissions(&target, Permissions::from_mode(mode))
            })
        };
        done.map_err(|error| {
            let name = spelled_line(entry.path);
            let cause = format!("cannot copy {name} into the workspace: {error}");
            Trouble::written(cause, &error)
        })
    })
}

fn visit(
    root: &Path,
    each: &mut dyn FnMut(&Entry<'_>) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    disk::look(root, &mut |entry| {
        if entry.name() == b".git" || entry.path == b".checkride" {
            return Ok(Next::Keep);
        }
        each(entry)?;
        Ok(if entry.meta.is_dir() {
            Next::Enter
        } else {
            Next::Keep
        })
    })
}
