//! S20: whatever a worker left in its tree, and in whatever way the tree is cleaned up, each file and each
//! commit is found again: in the tree, under a ref of the private repository, or in the attic.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use checkride::run::Ground;
use checkride::run::spec::{WorkspaceKind, WorkspaceRules};
use checkride::supervisor::guard::Guard;
use checkride::supervisor::workspace::Workspace;
use checkride::supervisor::workspace::measure::Since;
use serde_json::Value;

use crate::ordeal::{Dice, times};
use crate::place::{Desk, git_in, name, put};

/// What a worker left: a name, and how.
type State = (&'static str, fn(&Path));

const STATES: [State; 24] = [
    ("a changed file", |work| {
        put(&work.join("a.txt"), b"changed\n");
    }),
    ("a new file", |work| put(&work.join("new.txt"), b"new\n")),
    ("a new folder", |work| {
        put(&work.join("x/y/z.txt"), b"deep\n");
    }),
    ("an ignored file", |work| {
        put(&work.join("run.log"), b"logged\n");
    }),
    ("an ignored folder", |work| {
        put(&work.join("target/a/b"), b"built\n");
    }),
    ("a commit", |work| {
        put(&work.join("c.txt"), b"committed\n");
        commit(work);
    }),
    ("a commit whose file is gone", |work| {
        put(&work.join("c.txt"), b"committed and gone\n");
        commit(work);
        fs::remove_file(work.join("c.txt")).unwrap();
    }),
    ("a detached head", |work| {
        git_in(work, &["checkout", "-q", "--detach"]);
        put(&work.join("d.txt"), b"detached\n");
        commit(work);
    }),
    ("another branch", |work| {
        git_in(work, &["checkout", "-q", "-b", "side"]);
        put(&work.join("s.txt"), b"aside\n");
        commit(work);
        git_in(work, &["checkout", "-q", "checkride"]);
    }),
    ("a stash", |work| {
        put(&work.join("a.txt"), b"stashed\n");
        git_in(work, &["stash", "-q"]);
    }),
    ("something staged and changed again", |work| {
        put(&work.join("a.txt"), b"staged\n");
        git_in(work, &["add", "-A"]);
        put(&work.join("a.txt"), b"and changed\n");
    }),
    ("a locked index", |work| {
        put(&work.join("a.txt"), b"under lock\n");
        put(&work.join(".git/index.lock"), b"");
    }),
    ("a commit hook that fails", |work| {
        put(&work.join("a.txt"), b"not committed\n");
        let hook = work.join(".git/hooks/pre-commit");
        crate::world::program(&hook, "#!/bin/sh\nexit 1\n");
    }),
    ("signing that fails", |work| {
        git_in(work, &["config", "commit.gpgSign", "true"]);
        put(&work.join("g.txt"), b"not signed\n");
    }),
    ("a nested repository", |work| {
        let nested = work.join("nested");
        fs::create_dir(&nested).unwrap();
        git_in(&nested, &["init", "-q"]);
        put(&nested.join("n.txt"), b"nested\n");
        commit(&nested);
    }),
    ("a nested repository without a commit", |work| {
        let nested = work.join("nested");
        fs::create_dir(&nested).unwrap();
        git_in(&nested, &["init", "-q"]);
        put(&nested.join("n.txt"), b"nested\n");
    }),
    ("a name that is no UTF-8", |work| {
        put(&work.join(name(b"odd-\xff\n.txt")), b"odd\n");
    }),
    ("a link", |work| {
        symlink("nowhere/at all", work.join("link")).unwrap();
    }),
    ("a link in a file's place", |work| {
        fs::remove_file(work.join("a.txt")).unwrap();
        symlink("elsewhere", work.join("a.txt")).unwrap();
    }),
    ("a read-only folder", |work| {
        put(&work.join("closed/r.txt"), b"read only\n");
        let closed = fs::Permissions::from_mode(0o555);
        fs::set_permissions(work.join("closed"), closed).unwrap();
    }),
    ("a closed file", |work| {
        put(&work.join("secret.txt"), b"closed\n");
        let closed = fs::Permissions::from_mode(0o000);
        fs::set_permissions(work.join("secret.txt"), closed).unwrap();
    }),
    ("a large file", |work| {
        put(&work.join("large.bin"), &vec![b'l'; 17 << 20]);
    }),
    ("ignored files where files were", |work| {
        fs::remove_dir_all(work.join("src")).unwrap();
        put(&work.join(".gitignore"), b"src\n");
        put(
            &work.join("src/main.rs/inside"),
            b"in the place of a file\n",
        );
    }),
    ("an ignored file where a folder was", |work| {
        fs::remove_dir_all(work.join("src")).unwrap();
        put(&work.join(".gitignore"), b"src\n");
        put(&work.join("src"), b"in the place of a folder\n");
    }),
];

fn commit(folder: &Path) {
    git_in(folder, &["add", "-A"]);
    let by = ["-c", "user.name=W", "-c", "user.email=w@localhost"];
    git_in(folder, &[&by[..], &["commit", "-q", "-m", "work"]].concat());
}

/// The ways in which a tree is cleaned up.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The next run begins.
    Renewal,
    /// And the one after that.
    Renewals,
    /// It breaks off at some call of git, and begins again.
    BrokenRenewal,
    /// The run goes back to its start: undo, or another try.
    Restore,
    /// The same after the host had died.
    ReopenedRestore,
    /// It breaks off at some call of git, and is done over.
    BrokenRestore,
    /// The turn is measured, and what the rules refuse is put back; then the run goes back.
    Refused,
}

const WAYS: [Way; 7] = [
    Way::Renewal,
    Way::Renewals,
    Way::BrokenRenewal,
    Way::Restore,
    Way::ReopenedRestore,
    Way::BrokenRestore,
    Way::Refused,
];

/// A git that is killed at its n-th call from now on.
fn dying_git(desk: &Desk, calls: u64) -> PathBuf {
    let (program, count) = (desk.temp.path().join("git"), desk.temp.path().join("calls"));
    drop(fs::remove_file(&count));
    let text = format!(
        "#!/bin/sh\necho >>{count}\n[ $(wc -l <{count}) -le {calls} ] || kill -9 $$\nexec git \"$@\"\n",
        count = count.display()
    );
    crate::world::program(&program, &text);
    program
}

fn clean_up(
    desk: &mut Desk,
    way: Way,
    rules: &WorkspaceRules,
    made: (Workspace, Ground),
    dice: &mut Dice,
) {
    let (workspace, ground) = made;
    match way {
        Way::Renewal => drop(desk.try_open(rules).unwrap()),
        Way::Renewals => (0..2).for_each(|_| drop(desk.try_open(rules).unwrap())),
        Way::BrokenRenewal => {
            desk.program = dying_git(desk, dice.roll(14));
            drop(desk.try_open(rules));
            desk.program = PathBuf::from("git");
            drop(desk.try_open(rules).unwrap());
        }
        Way::Restore => workspace.restore(&ground.tree).unwrap(),
        Way::ReopenedRestore => {
            let again = Workspace::reopen(&desk.place(), &ground).unwrap();
            again.restore(&ground.tree).unwrap();
        }
        Way::BrokenRestore => {
            desk.program = dying_git(desk, 4 + dice.roll(8));
            drop(Workspace::reopen(&desk.place(), &ground).and_then(|w| w.restore(&ground.tree)));
            desk.program = PathBuf::from("git");
            let again = Workspace::reopen(&desk.place(), &ground).unwrap();
            again.restore(&ground.tree).unwrap();
        }
        Way::Refused => {
            let strict = WorkspaceRules {
                write: vec!["nothing/**".to_owned()],
                ..WorkspaceRules::default()
            };
            let guard = Guard::new(&strict, &[], b"").unwrap();
            let since = Since {
                before: &ground.tree,
                allowed: &ground.tree,
            };
            workspace.measure(since, Some(&guard)).unwrap();
            workspace.restore(&ground.tree).unwrap();
        }
    }
}

/// What must not be lost: the objects of all files and links, and all commits, by git's own names.
#[derive(Debug, Default)]
struct Work {
    blobs: BTreeSet<String>,
    commits: BTreeSet<String>,
}

impl Work {
    /// All that lies below a folder, and all commits of the repositories in it.
    fn below(folder: &Path) -> Self {
        let mut work = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                if path.file_name().unwrap() == ".git" {
                    work.commits.extend(commits(&path));
                } else if meta.is_dir() {
                    folders.push(path);
                } else if meta.is_symlink() {
                    let leads = fs::read_link(&path).unwrap();
                    work.blobs.insert(blob(leads.as_os_str().as_bytes()));
                } else {
                    work.blobs.insert(blob(&fs::read(&path).unwrap()));
                }
            }
        }
        work
    }
}

fn blob(bytes: &[u8]) -> String {
    let temp = tempfile::NamedTempFile::new().unwrap();
    fs::write(temp.path(), bytes).unwrap();
    let folder = temp.path().parent().unwrap();
    let path = temp.path().to_str().unwrap();
    git_in(folder, &["hash-object", "--no-filters", path])
}

/// Every commit in a git folder, whether a ref leads to it or not.
fn commits(git: &Path) -> BTreeSet<String> {
    let listed = Command::new("git")
        .arg("--git-dir")
        .arg(git)
        .args(["cat-file", "--batch-all-objects", "--batch-check"])
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let commits = text.lines().filter(|line| line.contains(" commit "));
    commits
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// The files that refs of the private repository lead to.
fn kept(repo: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let git_dir = format!("--git-dir={}", repo.display());
    let refs = git_in(repo, &[&git_dir, "for-each-ref", "--format=%(objectname)"]);
    for tree in refs.lines() {
        let listed = git_in(repo, &[&git_dir, "ls-tree", "-r", tree]);
        all.extend(
            listed
                .lines()
                .filter_map(|l| Some(l.split([' ', '\t']).nth(2)?.to_owned())),
        );
    }
    all
}

/// Everything that was there is found, and every drawer is listed.
fn nothing_is_lost(desk: &Desk, before: &Work, what: &str) {
    let folder = desk.place().folder;
    let (work, attic) = (Work::below(&folder.join("work")), folder.join("attic"));
    let mut found = kept(&folder.join("repo.git"));
    found.extend(work.blobs);
    let mut commits = work.commits;
    if attic.is_dir() {
        let aside = Work::below(&attic);
        found.extend(aside.blobs);
        commits.extend(aside.commits);
        let list = fs::read_to_string(attic.join("list.jsonl")).unwrap();
        let listed: Vec<Value> = list
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        for entry in fs::read_dir(&attic).unwrap() {
            let drawer = entry.unwrap().file_name().into_string().unwrap();
            let is_listed = listed.iter().any(|line| line["drawer"] == drawer.as_str());
            assert!(
                is_listed || drawer == "list.jsonl",
                "{what}: {drawer} is in no list"
            );
        }
    }
    let lost: Vec<_> = before.blobs.difference(&found).collect();
    assert!(lost.is_empty(), "{what}: files are lost: {lost:?}");
    let lost: Vec<_> = before.commits.difference(&commits).collect();
    assert!(lost.is_empty(), "{what}: commits are lost: {lost:?}");
}

/// S20: 336 ways from what a worker may leave to a clean tree, 20 of them in every run of the tests and
/// all with `CHECKRIDE_CLEANUPS=336`: no file and no commit is lost.
#[test]
fn cleaning_up_loses_no_work() {
    let kinds = [WorkspaceKind::Clone, WorkspaceKind::Copy];
    let table: Vec<_> = STATES
        .iter()
        .flat_map(|state| WAYS.map(|way| (state, way)))
        .flat_map(|(state, way)| kinds.map(|kind| (state, way, kind)))
        .collect();
    let wanted = times("CHECKRIDE_CLEANUPS", 20).min(table.len());
    let mut dice = Dice(20);
    for number in 0..wanted {
        // Spread over the table, so that every kind and most ways are among few.
        let (state, way, kind) =
            &table[number * table.len() / wanted + number % 7 % (table.len() / wanted)];
        let what = format!("{}, {way:?}, {kind:?}", state.0);
        let mut desk = Desk::new();
        let rules = WorkspaceRules {
            kind: *kind,
            ..WorkspaceRules::default()
        };
        let made = desk.try_open(&rules).unwrap();
        let work = made.0.work_folder();
        (state.1)(&work);
        let before = Work::below(&work);
        clean_up(&mut desk, *way, &rules, made, &mut dice);
        nothing_is_lost(&desk, &before, &what);
    }
}
