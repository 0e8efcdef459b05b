//! The operator's repository, looked at and left alone: where it is, where HEAD stands, what is
//! not committed. The one thing ever written there is the hidden ref that keeps a base alive.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::disk;
use super::git::Git;
use super::leash::Leash;
use super::trouble::Trouble;

/// A repository with a work tree that holds the project folder.
#[derive(Debug, Clone)]
pub struct Origin {
    git: Git,
    /// `sha1` or `sha256`.
    pub format: String,
    /// The folder shared by all its work trees.
    common: PathBuf,
    index: PathBuf,
    objects: PathBuf,
    toplevel: PathBuf,
    /// The project folder below the top level: empty, or ending in `/`.
    pub prefix: Vec<u8>,
    /// Commit and tree of HEAD; `None` before the first commit.
    pub head: Option<Head>,
    /// What the loop's hidden ref keeps alive now.
    kept: Option<String>,
}

/// A commit and its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
}

impl Origin {
    /// Looks, for the loop of this name; `None` where the folder lies in no repository.
    pub fn look(git: &Git, project: &Path, name: &str) -> Result<Option<Self>, Trouble> {
        if project.as_os_str().as_bytes().contains(&b'\n') {
            return Err(Trouble::new(format!(
                "the folder's name holds a line break, which git cannot report: rename {}",
                project.display()
            )));
        }
        let output = git.output(&[
            "rev-parse",
            "--path-format=absolute",
            "--is-inside-work-tree",
            "--show-object-format",
            "--git-common-dir",
            "--git-path",
            "index",
            "--git-path",
            "objects",
            "--show-toplevel",
            "--show-prefix",
            "HEAD^{commit}",
            "HEAD^{tree}",
            &hidden_ref(name),
        ])?;
        let mut lines = output.stdout.split(|b| *b == b'\n').map(<[u8]>::to_vec);
        let mut next = || lines.next().unwrap_or_default();
        match next().as_slice() {
            b"true" => {}
            b"false" => {
                return Err(Trouble::new(format!(
                    "{} is a git folder without a work tree: start checkride in a checkout of it",
                    project.display()
                )));
            }
            _ => return nowhere(&output.stderr),
        }
        let format = String::from_utf8_lossy(&next()).into_owned();
        let mut path = || PathBuf::from(std::ffi::OsString::from_vec(next()));
        let (common, index, objects, toplevel) = (path(), path(), path(), path());
        let prefix = next();
        // The names at the end are printed up to the first that is not there.
        let mut id = || {
            let id = String::from_utf8_lossy(&next()).into_owned();
            let is_id = id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
            is_id.then_some(id)
        };
        let head = id().zip(id()).map(|(commit, tree)| Head { commit, tree });
        let kept = id();
        Ok(Some(Self {
            git: git.clone(),
            format,
            common,
            index,
            objects,
            toplevel,
            prefix,
            head,
            kept,
        }))
    }

    /// Where its objects lie.
    pub fn objects(&self) -> &Path {
        &self.objects
    }

    /// Git, run there with the operator's configuration.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// Whether HEAD holds the project folder: a folder that is ignored or new is not in it.
    pub fn holds_project(&self, head: &Head) -> Result<bool, Trouble> {
        if self.prefix.is_empty() {
            return Ok(true);
        }
        let folder = self.prefix.strip_suffix(b"/").unwrap_or(&self.prefix);
        let name = [head.tree.as_bytes(), b":", folder].concat();
        let output = self.git.output(&[
            OsStr::new("cat-file"),
            OsStr::new("-e"),
            OsStr::from_bytes(&name),
        ])?;
        Ok(output.status.success())
    }

    /// How many files are changed or new and not committed.
    pub fn uncommitted(&self) -> Result<usize, Trouble> {
        let listed = self.git.run(&[
            "status",
            "--porcelain=v2",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=all",
            // What loops write there is not work of the operator (PRODUCT §5.4).
            "--",
            ":/",
            ":(exclude)memory",
            ":(exclude)drafts",
            ":(exclude)inbox",
            ":(exclude).checkride",
        ])?;
        Ok(listed
            .split(|b| *b == 0)
            .filter(|entry| !entry.is_empty())
            .count())
    }

    /// The tree of HEAD with every uncommitted file in it, built on a copy of the index; new
    /// objects go to `store`, so nothing of the operator's changes.
    pub fn dirty_tree(&self, copy: &Path, store: &Path, leash: &Leash) -> Result<String, Trouble> {
        disk::remove(copy)?;
        if self.index.exists() {
            fs::copy(&self.index, copy)
                .map_err(|error| Trouble::file("copy the index", &self.index, &error))?;
        }
        let mut git = Git::operators(self.git.program(), &self.toplevel)
            .with_index(copy)
            .with("GIT_OBJECT_DIRECTORY", store);
        git = git.with(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            OsStr::from_bytes(&quoted(&self.objects)),
        );
        git.run_on(leash, &["add", "-A", "--sparse"])?;
        let tree = git.line(&["write-tree"])?;
        disk::remove(copy)?;
        Ok(tree)
    }

    /// Keeps a commit alive under the loop's hidden ref.
    pub fn keep(&self, name: &str, commit: &str) -> Result<(), Trouble> {
        if self.kept.as_deref() == Some(commit) {
            return Ok(());
        }
        let name = hidden_ref(name);
        self.git
            .with_setting("core.logAllRefUpdates=false")
            .run(&["update-ref", "--no-deref", &name, commit])
            .map(drop)
    }

    /// Lets the loop's base go.
    pub fn let_go(&self, name: &str) -> Result<(), Trouble> {
        let name = hidden_ref(name);
        self.git
            .run(&["update-ref", "--no-deref", "-d", &name])
            .map(drop)
    }

    /// The operator's own ignore patterns that are no file of the tree.
    pub fn exclude(&self) -> Result<Vec<u8>, Trouble> {
        disk::read_or_empty(&self.common.join("info/exclude"))
    }

    /// Where history was cut off, if this is a shallow clone; else empty.
    pub fn shallow(&self) -> Result<Vec<u8>, Trouble> {
        disk::read_or_empty(&self.common.join("shallow"))
    }
}

/// A path as git reads it from `info/alternates`: quoted, so that any byte may be in it.
pub fn quoted(path: &Path) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            0..0x20 | 0x7f => text.extend(format!("\\{byte:03o}").bytes()),
            _ => text.push(*byte),
        }
    }
    text.push(b'"');
    text
}

fn hidden_ref(name: &str) -> String {
    format!("refs/checkride/{name}")
}

fn nowhere(stderr: &[u8]) -> Result<Option<Origin>, Trouble> {
    let text = String::from_utf8_lossy(stderr);
    if text.contains("not a git repository") {
        return Ok(None);
    }
    let first = text.lines().next().unwrap_or("no reason given");
    if text.contains("dubious ownership") {
        let cause = format!(
            "the repository belongs to another user, and git does not trust it ({first}): if you do, \
             git config --global --add safe.directory and its folder, then start again"
        );
        return Err(Trouble::with_detail(cause, stderr));
    }
    Err(Trouble::with_detail(
        format!(
            "git cannot read this repository ({first}): git status there says more; mend it first"
        ),
        stderr,
    ))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::config::stores::unquoted;

    /// What is written for git is read back as it was, whatever bytes are in it.
    #[test]
    fn paths_survive_quotes() {
        for path in [&b"/a b/c"[..], b"/q\"u\\o/\n\x7f/\xff", b"/1\\234"] {
            let path = Path::new(OsStr::from_bytes(path));
            assert_eq!(unquoted(&quoted(path)), path.as_os_str().as_bytes());
        }
        assert_eq!(unquoted(b"../objects"), b"../objects");
    }
}
