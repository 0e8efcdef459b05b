//! The private repository of a loop and the small `.git` that a tree of it gets, both written by
//! hand. Only the host uses the first; only workers and checks use the second.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::disk;
use super::lead;
use super::origin::{Origin, quoted};
use super::trouble::Trouble;
use crate::durable;

/// Attributes that win over every `.gitattributes` in the tree: bytes stay as they are, nothing
/// is hidden from a diff, no driver is asked.
const ATTRIBUTES: &str =
    "* -text !eol -ident -filter !working-tree-encoding !diff !merge !whitespace\n";

/// What git leaves in a worker's git folder when the worker commits, merges and looks around. Nothing of
/// it runs by itself; any other name may.
const OF_GIT: [&str; 31] = [
    "AUTO_MERGE",
    "CHERRY_PICK_HEAD",
    "COMMIT_EDITMSG",
    "FETCH_HEAD",
    "HEAD",
    "MERGE_AUTOSTASH",
    "MERGE_HEAD",
    "MERGE_MODE",
    "MERGE_MSG",
    "MERGE_RR",
    "ORIG_HEAD",
    "REBASE_HEAD",
    "REVERT_HEAD",
    "SQUASH_MSG",
    "TAG_EDITMSG",
    "branches",
    "config",
    "description",
    "gc.log",
    "gc.pid",
    "index",
    "info",
    "logs",
    "objects",
    // An agent keeps the name of the project here.
    "opencode",
    "packed-refs",
    "rebase-apply",
    "rebase-merge",
    "refs",
    "sequencer",
    "shallow",
];

/// Beginnings of such names.
const OF_GIT_STARTS: [&str; 5] = ["BISECT_", "NOTES_", "rr-cache", "sharedindex.", "worktrees"];

/// Most foreign names that are told one by one.
const FOREIGN_TOLD: usize = 8;

/// Makes or refreshes the private repository for this origin.
pub(super) fn make(repo: &Path, origin: Option<&Origin>) -> Result<(), Trouble> {
    let format = origin.map_or("sha1", |origin| origin.format.as_str());
    let config = config(format, true);
    let known = disk::read_or_empty(&repo.join("config"))?;
    if known.is_empty() && !has_objects(repo) {
        // It was begun and never held anything.
        disk::remove(repo)?;
    } else if known != config.as_bytes() {
        // Another kind of repository, or one whose kind is lost: its snapshots are kept.
        put_aside(repo)?;
    }
    for folder in ["objects/info", "objects/pack", "refs/checkride", "info"] {
        disk::folder(&repo.join(folder))?;
    }
    refresh(&repo.join("HEAD"), b"ref: refs/heads/none\n")?;
    refresh(&repo.join("info/attributes"), ATTRIBUTES.as_bytes())?;
    let (mut alternates, mut exclude, mut shallow) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(origin) = origin {
        alternates = quoted(origin.objects());
        alternates.push(b'\n');
        exclude = origin.exclude()?;
        shallow = origin.shallow()?;
    }
    refresh(&repo.join("objects/info/alternates"), &alternates)?;
    refresh(&repo.join("info/exclude"), &exclude)?;
    if shallow.is_empty() {
        disk::remove(&repo.join("shallow"))?;
    } else {
        refresh(&repo.join("shallow"), &shallow)?;
    }
    // Written last: a repository with it is whole.
    refresh(&repo.join("config"), config.as_bytes())
}

/// Gives a file of the private repository these bytes. A crash never leaves it empty, and one that
/// holds them already is not touched.
fn refresh(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    if disk::read_or_empty(path)? == bytes {
        return Ok(());
    }
    disk::replace(path, bytes)
}

/// Moves a repository beside its place, under the first name that is free.
fn put_aside(repo: &Path) -> Result<(), Trouble> {
    let aside = (1_u32..).map(|number| repo.with_extension(format!("{number}.old")));
    let free = aside.into_iter().find(|path| !path.exists());
    free.map_or(Ok(()), |free| {
        durable::rename(repo, &free).map_err(|e| Trouble::file("put aside", repo, &e))
    })
}

/// Whether a git folder holds any object of its own; in doubt it does.
pub(super) fn has_objects(git: &Path) -> bool {
    let holds = |folder: &Path, counts: fn(&fs::DirEntry) -> bool| match fs::read_dir(folder) {
        Ok(inside) => inside.flatten().any(|entry| counts(&entry)),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    let objects = git.join("objects");
    holds(&objects, |entry| entry.file_name().len() == 2) || holds(&objects.join("pack"), |_| true)
}

/// Keeps a tree of the private repository alive, by its own name.
pub(super) fn keep(repo: &Path, tree: &str) -> Result<(), Trouble> {
    let name = format!("refs/checkride/kept/{tree}");
    if disk::read_or_empty(&repo.join(&name))? == format!("{tree}\n").as_bytes() {
        return Ok(());
    }
    point(repo, &name, tree)
}

/// Points a ref of the private repository at an object. Written as a file, because nobody else
/// moves refs here and a git that was killed would leave a lock behind.
pub(in crate::supervisor) fn point(repo: &Path, name: &str, id: &str) -> Result<(), Trouble> {
    disk::replace(&repo.join(name), format!("{id}\n").as_bytes())
}

/// Gives a tree a fresh `.git`: a branch `checkride` on `commit`, no remote, objects borrowed
/// from the private repository, and a copy of `index` so that `git status` is quick and right.
pub(super) fn plant(tree: &Path, repo: &Path, commit: &str, index: &Path) -> Result<(), Trouble> {
    let git = tree.join(".git");
    disk::remove(&git)?;
    for folder in ["objects/info", "objects/pack", "refs/heads", "info"] {
        disk::folder(&git.join(folder))?;
    }
    let format = format_of(commit);
    let mut alternates = quoted(&repo.join("objects"));
    alternates.push(b'\n');
    disk::write(&git.join("objects/info/alternates"), alternates)?;
    disk::write(&git.join("HEAD"), "ref: refs/heads/checkride\n")?;
    disk::write(&git.join("refs/heads/checkride"), format!("{commit}\n"))?;
    disk::write(
        &git.join("info/exclude"),
        disk::read_or_empty(&repo.join("info/exclude"))?,
    )?;
    put_shallow(&git, &disk::read_or_empty(&repo.join("shallow"))?)?;
    disk::write(&git.join("config"), config(format, false))?;
    let copy = git.join("index");
    fs::copy(index, &copy)
        .map(drop)
        .map_err(|error| Trouble::file("write", &copy, &error))
}

/// What of a worker's git folder would run something or be obeyed by a git that is started in its tree:
/// another configuration, a folder that is none, any name that git does not leave there by itself, such as
/// `hooks` and `commondir`. Nothing there is fine, and so are commits.
pub(super) fn tampered(tree: &Path, commit: &str) -> Vec<Vec<u8>> {
    let git = tree.join(".git");
    match fs::symlink_metadata(&git) {
        Err(_) => return Vec::new(),
        Ok(meta) if !meta.is_dir() => return vec![b".git".to_vec()],
        Ok(_) => {}
    }
    let mut found = foreign(&git);
    let wanted = config(format_of(commit), false);
    let config = lead::read_up_to(&git.join("config"), wanted.len() as u64);
    if !config.is_ok_and(|bytes| bytes.as_deref() == Some(wanted.as_bytes())) {
        found.push(b".git/config".to_vec());
    }
    found
}

/// The names in a git folder, and in its `info`, that git does not leave there by itself.
fn foreign(git: &Path) -> Vec<Vec<u8>> {
    let Ok(names) = names_in(git) else {
        return vec![b".git".to_vec()];
    };
    let own = |name: &[u8]| {
        let name = name.strip_suffix(b".lock").unwrap_or(name);
        OF_GIT.iter().any(|known| known.as_bytes() == name)
            || OF_GIT_STARTS
                .iter()
                .any(|known| name.starts_with(known.as_bytes()))
    };
    let strange = names.into_iter().filter(|name| !own(name));
    let mut found: Vec<Vec<u8>> = strange.map(|n| [b".git/", n.as_slice()].concat()).collect();
    let of_info: [&[u8]; 2] = [b"exclude", b"refs"];
    let info = git.join("info");
    // What a link leads to is the operator's: its names are nobody's to see here.
    if fs::symlink_metadata(&info).is_ok_and(|meta| !meta.is_dir()) {
        found.push(b".git/info".to_vec());
        found.sort();
        found.truncate(FOREIGN_TOLD);
        return found;
    }
    let info = names_in(&info).unwrap_or_default();
    let strange = info
        .into_iter()
        .filter(|n| !of_info.contains(&n.as_slice()));
    found.extend(strange.map(|n| [b".git/info/", n.as_slice()].concat()));
    found.sort();
    found.truncate(FOREIGN_TOLD);
    found
}

fn names_in(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder)?;
    entries
        .map(|entry| entry.map(|entry| entry.file_name().as_bytes().to_vec()))
        .collect()
}

fn format_of(commit: &str) -> &'static str {
    if commit.len() == 64 { "sha256" } else { "sha1" }
}

fn put_shallow(git: &Path, shallow: &[u8]) -> Result<(), Trouble> {
    let path = git.join("shallow");
    if shallow.is_empty() {
        disk::remove(&path)
    } else {
        disk::write(&path, shallow)
    }
}

fn config(format: &str, bare: bool) -> String {
    let version = u8::from(format != "sha1");
    let extension = match version {
        0 => String::new(),
        _ => format!("[extensions]\n\tobjectformat = {format}\n"),
    };
    let mut text = format!(
        "[core]\n\trepositoryformatversion = {version}\n\tbare = {bare}\n\tfilemode = true\n\
         {extension}"
    );
    if !bare {
        text += "[gc]\n\tauto = 0\n[commit]\n\tgpgsign = false\n\
                 [user]\n\tname = checkride worker\n\temail = worker@localhost\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// S19: a linked `info` is told as what it is; the names behind it are not listed.
    #[test]
    fn no_link_is_followed_to_what_it_holds() {
        let (tree, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("id_secret"), "").unwrap();
        let git = tree.path().join(".git");
        fs::create_dir(&git).unwrap();
        symlink(outside.path(), git.join("info")).unwrap();
        assert_eq!(foreign(&git), [b".git/info".to_vec()]);
        fs::remove_file(git.join("info")).unwrap();
        fs::create_dir(git.join("info")).unwrap();
        fs::write(git.join("info/attributes"), "").unwrap();
        assert_eq!(foreign(&git), [b".git/info/attributes".to_vec()]);
    }
}
