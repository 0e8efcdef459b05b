//! A project folder with a real repository and a state folder beside it, for tests.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use checkride::run::spec::WorkspaceRules;
use checkride::run::{Digest, Ground};
use checkride::supervisor::workspace::{Place, Trouble, Workspace};
use tempfile::TempDir;

/// A throw-away operator with one project.
pub(crate) struct Desk {
    pub(crate) temp: TempDir,
    pub(crate) project: PathBuf,
    pub(crate) program: PathBuf,
}

impl Desk {
    /// A folder without git.
    pub(crate) fn plain() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let project = temp.path().join("project");
        fs::create_dir(&project).unwrap();
        let program = PathBuf::from("git");
        Self {
            temp,
            project,
            program,
        }
    }

    /// A repository with three files and one commit.
    pub(crate) fn new() -> Self {
        let desk = Self::plain();
        desk.init(&[]);
        desk.put("a.txt", "one\ntwo\nthree\n");
        desk.put("src/main.rs", "fn main() {}\n");
        desk.put("loops/demo.toml", "version = 1\n");
        desk.put(".gitignore", "target/\n*.log\n");
        desk.commit("start");
        desk
    }

    pub(crate) fn init(&self, more: &[&str]) {
        self.git(&[&["init", "-q", "-b", "main"], more].concat());
        self.git(&["config", "user.name", "Ada"]);
        self.git(&["config", "user.email", "ada@example.org"]);
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        put(&self.project.join(path), text.as_bytes());
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.project, args)
    }

    pub(crate) fn place(&self) -> Place {
        let mut place = Place::new(&self.project, &self.temp.path().join("state/demo"), "demo");
        place.git.clone_from(&self.program);
        place
    }

    pub(crate) fn open(&self) -> (Workspace, Ground) {
        self.try_open(&WorkspaceRules::default()).unwrap()
    }

    pub(crate) fn try_open(&self, rules: &WorkspaceRules) -> Result<(Workspace, Ground), Trouble> {
        Workspace::open(&self.place(), rules)
    }

    /// Everything in the project folder but git's objects and our hidden ref.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all = contents(&self.project);
        all.retain(|path, _| {
            !path.starts_with(".git/objects") && !path.starts_with(".git/refs/checkride")
        });
        all
    }
}

/// A git of the worker's or the operator's own, far from any real configuration.
pub(crate) fn git_in(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// Every entry below a folder: its mode, and its bytes or where it leads.
pub(crate) fn contents(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let mode = meta.permissions().mode();
            let what = if meta.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if meta.is_dir() {
                folders.push(path.clone());
                format!("folder {mode:o}")
            } else if meta.is_file() {
                let bytes = fs::read(&path).unwrap();
                let begin = &bytes[..bytes.len().min(40)];
                format!(
                    "{mode:o} {} {}",
                    begin.escape_ascii(),
                    Digest::of(&bytes).short()
                )
            } else {
                format!("special {mode:o} {}", meta.rdev())
            };
            let below = path.strip_prefix(root).unwrap();
            all.insert(format!("{below:?}").trim_matches('"').to_owned(), what);
        }
    }
    all
}

/// The files of a tree on disk without its `.git`.
pub(crate) fn files(root: &Path) -> BTreeMap<String, String> {
    let mut all = contents(root);
    all.retain(|path, _| path != ".git" && !path.starts_with(".git/"));
    all
}
