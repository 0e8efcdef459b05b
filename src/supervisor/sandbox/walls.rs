//! Landlock: walls of the kernel around files, TCP, signals and abstract sockets, for this process
//! and all it will start. They cannot be taken down again.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::{Cage, Net};

/// What is asked of the kernel; an older one gives what it has, and which that is was found out before.
const WANTED: ABI = ABI::V6;

/// Devices that every program may use.
pub(super) const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Puts the walls up. `own` is what of a view of its own this process may write; where there is one
/// it sees only what the cage shows, and reading needs no list. Answers with the number of the
/// interface that is in force.
pub(super) fn put_up(cage: &Cage, own: Option<&[&str]>) -> Result<i32, String> {
    let status = restrict(cage, own).map_err(|e| format!("putting up walls: {e}"))?;
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("this kernel has no Landlock".to_owned());
    }
    Ok(abi)
}

fn restrict(
    cage: &Cage,
    own: Option<&[&str]>,
) -> Result<landlock::RestrictionStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?;
    if own.is_none() && cage.net == Net::None {
        rules = rules.handle_access(AccessNet::from_all(WANTED))?;
    }
    let read = if own.is_some() {
        vec![PathBuf::from("/")]
    } else {
        all_but(&cage.read, &cage.mask)
    };
    let private = own.unwrap_or_default();
    rules
        .create()?
        .add_rules(path_beneath_rules(read, AccessFs::from_read(WANTED)))?
        .add_rules(path_beneath_rules(DEVICES, device()))?
        .add_rules(path_beneath_rules(private, writing() | AccessFs::IoctlDev))?
        .add_rules(path_beneath_rules(&cage.write, writing()))?
        .restrict_self()
}

fn device() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile
}

/// All that can be done with plain files, folders, links, pipes and sockets.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::from_all(WANTED) & !(AccessFs::MakeBlock | AccessFs::MakeChar | AccessFs::IoctlDev)
}

/// These paths, those with something masked below them replaced by all that is not.
fn all_but(paths: &[OsString], masks: &[OsString]) -> Vec<PathBuf> {
    let masks: Vec<PathBuf> = masks
        .iter()
        .filter_map(|m| fs::canonicalize(m).ok())
        .collect();
    let mut open: Vec<PathBuf> = paths
        .iter()
        .filter_map(|path| fs::canonicalize::<&OsStr>(path).ok())
        .collect();
    let mut kept = Vec::new();
    while let Some(path) = open.pop() {
        if masks.iter().any(|mask| path.starts_with(mask)) {
            continue;
        }
        if masks.iter().any(|mask| mask.starts_with(&path)) {
            open.extend(entries(&path));
        } else {
            kept.push(path);
        }
    }
    kept
}

/// What lies in a folder, links left out: what they lead to is granted where it lies, or not.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a mask in it is granted piece by piece; the mask and what is below it are not.
    #[test]
    fn a_mask_is_left_out_of_what_is_granted() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/secret/deep")).unwrap();
        fs::create_dir_all(root.join("a/open")).unwrap();
        fs::write(root.join("a/file"), "").unwrap();
        let mut kept = all_but(
            &[root.join("a").into(), root.join("a/secret/deep").into()],
            &[root.join("a/secret").into()],
        );
        kept.sort();
        assert_eq!(kept, [root.join("a/file"), root.join("a/open")]);
    }
}
