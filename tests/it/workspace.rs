//! Workspaces with real git: the operator's tree stays as it is, every restore is exact, and
//! what the guard refuses is put back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use checkride::run::spec::{WorkspaceKind, WorkspaceRules};
use checkride::run::{Breach, ChangeKind};
use checkride::supervisor::guard::Guard;
use checkride::supervisor::workspace::Workspace;
use checkride::supervisor::workspace::attic::ODD_DRAWERS;
use checkride::supervisor::workspace::copy::CopyLimit;
use checkride::supervisor::workspace::diff::patch;
use checkride::supervisor::workspace::measure::{Measured, Since};

use crate::place::{Desk, contents, files, git_in, name, put};
use crate::world::program;

fn guard(rules: &WorkspaceRules) -> Guard {
    Guard::new(rules, &["scripts/check".to_owned()], b"").unwrap()
}

fn measure(workspace: &Workspace, rules: &WorkspaceRules) -> Measured {
    let before = workspace.start().to_owned();
    let since = Since {
        before: &before,
        allowed: &before,
    };
    workspace.measure(since, Some(&guard(rules))).unwrap()
}

fn rules_broken(breaches: &[Breach]) -> Vec<&str> {
    breaches.iter().map(|breach| breach.rule.as_str()).collect()
}

/// Rules with one change to the defaults.
fn rules(change: impl FnOnce(&mut WorkspaceRules)) -> WorkspaceRules {
    let mut rules = WorkspaceRules::default();
    change(&mut rules);
    rules
}

/// R54: a whole cycle of work, wiping, restoring and verifying leaves the operator's folder,
/// index, HEAD, stash, config and hooks as they were, byte for byte.
#[test]
fn the_operators_folder_stays_as_it_is() {
    let desk = Desk::new();
    desk.put("a.txt", "staged\n");
    desk.git(&["stash", "-q"]);
    desk.put("a.txt", "staged again\n");
    desk.git(&["add", "a.txt"]);
    desk.put("a.txt", "and dirty\n");
    desk.put("new.txt", "untracked\n");
    let before = desk.all();
    for dirty in [false, true] {
        let (workspace, ground) = desk.try_open(&rules(|r| r.dirty = dirty)).unwrap();
        put(&workspace.work_folder().join("b.txt"), b"b\n");
        let work = measure(&workspace, &WorkspaceRules::default());
        workspace.verify_checkout(&work.tree).unwrap();
        workspace.restore(&ground.tree).unwrap();
    }
    assert_eq!(desk.all(), before);
}

/// R54: after `rm -rf .` (with `.git`), closed folders and read-only files, a restore brings
/// back contents, modes, links and odd names, and takes away what came new.
#[test]
fn a_wiped_workspace_is_restored_byte_for_byte() {
    let desk = Desk::new();
    put(&desk.project.join("run.sh"), b"#!/bin/sh\r\n");
    fs::set_permissions(
        desk.project.join("run.sh"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    put(&desk.project.join("deep/er/bin"), &[0, 255, 13, 10]);
    put(&desk.project.join(name(b"line\nbreak")), b"n\n");
    put(&desk.project.join(name(b"caf\xe9")), b"latin\n");
    symlink("a.txt", desk.project.join("link")).unwrap();
    desk.commit("odd files");
    desk.put(".gitattributes", "* text=auto eol=crlf ident\n");
    desk.commit("attributes");
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    let before = files(&work);
    assert_eq!(before, {
        let mut own = files(&desk.project);
        own.retain(|path, _| path != ".git");
        own
    });

    for wipe in [
        "rm -rf ./* ./.[!.]*",
        "rm -rf ./* .git; mkdir a.txt; : > deep; mkfifo pipe",
        "chmod 000 deep/er a.txt; chmod 444 src/main.rs; echo x >> run.sh; ln -sfn /etc src2",
        "echo 'new/' >> .gitignore; mkdir new; echo x > new/x; rm -r .git; : > .git",
        "mkdir sub; cd sub; git init -q; echo x > y",
    ] {
        let done = Command::new("sh")
            .args(["-c", wipe])
            .current_dir(&work)
            .status();
        assert!(done.unwrap().success(), "{wipe}");
        workspace.snapshot().unwrap();
        workspace.restore(&ground.tree).unwrap();
        assert_eq!(files(&work), before, "{wipe}");
        assert_eq!(git_in(&work, &["status", "--porcelain"]), "", "{wipe}");
    }
}

/// A tree deeper than the system can name, and files that only look like git's own, are taken
/// away and told; a restore gets past them too.
#[test]
fn hostile_trees_do_not_stop_a_restore() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    let before = files(&work);
    let script = "mkdir .GIT evil; echo x > .GIT/x; ln -s /etc/passwd .gitmodules; ln -s a evil/a; \
        cd evil; i=0; while [ $i -lt 60 ]; do d=$(printf '%0100d' $i); mkdir $d; cd $d; \
        i=$((i+1)); done; echo deep > file";
    let done = Command::new("sh")
        .args(["-c", script])
        .current_dir(&work)
        .status();
    assert!(done.unwrap().success());
    let measured = measure(&workspace, &WorkspaceRules::default());
    let mut broken = rules_broken(&measured.breaches);
    broken.sort_unstable();
    assert!(broken.contains(&"path too long"), "{broken:?}");
    assert!(broken.contains(&"nested repository"), "{broken:?}");
    workspace.restore(&ground.tree).unwrap();
    assert_eq!(files(&work), before);
}

/// A second name of the operator's own file in the workspace never carries a change to it.
#[test]
fn a_hard_link_carries_nothing_out() {
    let desk = Desk::new();
    let own = desk.temp.path().join("own");
    put(&own, b"private\n");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o400)).unwrap();
    let (workspace, ground) = desk.open();
    let link = workspace.work_folder().join("a.txt");
    for _ in 0..2 {
        fs::remove_file(&link).unwrap();
        fs::hard_link(&own, &link).unwrap();
        measure(&workspace, &rules(|r| r.write = vec!["src/**".to_owned()]));
        workspace.restore(&ground.tree).unwrap();
        assert_eq!(fs::read(&link).unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(fs::read(&own).unwrap(), b"private\n");
        assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o400);
    }
    fs::remove_file(&link).unwrap();
    fs::hard_link(&own, &link).unwrap();
    desk.open();
    assert_eq!(fs::read(&own).unwrap(), b"private\n");
    assert_eq!(own.metadata().unwrap().permissions().mode() & 0o777, 0o400);
}

/// Ignored files live through a restore, and a new run begins without them.
#[test]
fn ignored_files_last_as_long_as_a_run() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let kept = workspace.work_folder().join("target/cache");
    put(&kept, b"x");
    workspace.restore(&ground.tree).unwrap();
    assert!(kept.exists());
    let (_, _) = desk.open();
    assert!(!kept.exists());
}

/// R45: more deletions than allowed are put back; the tree as the worker left it is kept and can
/// be allowed.
#[test]
fn too_many_deletions_are_put_back() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    for path in ["a.txt", "src/main.rs", ".gitignore"] {
        fs::remove_file(work.join(path)).unwrap();
    }
    put(&work.join("b.txt"), b"kept\n");
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(rules_broken(&measured.breaches), ["max_deletions = 2"]);
    assert!(
        measured.breaches[0].tried.contains("3 files deleted"),
        "{:?}",
        measured.breaches
    );
    assert!(work.join("a.txt").exists() && work.join("b.txt").exists());
    assert_eq!(measured.changes.len(), 1);
    let tried = measured.tried.unwrap();
    workspace.restore(&tried).unwrap();
    assert!(!work.join("a.txt").exists());
    let since = |before| Since {
        before,
        allowed: before,
    };
    let allowed = workspace.measure(since(&ground.tree), None).unwrap();
    assert_eq!((allowed.changes.len(), allowed.breaches), (4, Vec::new()));
    assert_eq!(allowed.tree, tried);
    let guard = guard(&WorkspaceRules::default());
    let next = workspace.measure(since(&tried), Some(&guard)).unwrap();
    assert_eq!(next.breaches, []);
}

/// R45: too many files or lines put the whole iteration back.
#[test]
fn too_much_change_is_put_back() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    for n in 0..11 {
        put(&work.join(format!("f{n}")), b"x\n");
    }
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(rules_broken(&measured.breaches), ["max_files = 10"]);
    assert_eq!(measured.tree, ground.tree);

    put(&work.join("long"), "line\n".repeat(401).as_bytes());
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(
        rules_broken(&measured.breaches),
        ["max_changed_lines = 400"]
    );
    assert!(!work.join("long").exists());
}

/// R45, S20: far too many new files are refused before one is read into a snapshot; all that stood there lies
/// in the attic, and the tree before is laid out anew.
#[test]
fn a_flood_of_files_is_put_aside_unread() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    let own = || {
        let mut all = contents(&work);
        all.retain(|path, _| !path.starts_with(".git"));
        all
    };
    let before = own();
    let objects = || git_in(&workspace.repo(), &["count-objects"]);
    let held = objects();
    for n in 0..2_001 {
        put(&work.join(format!("src/f{n}")), b"x\n");
    }
    put(&work.join("a.txt"), b"also changed\n");
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(rules_broken(&measured.breaches), ["max_files = 10"]);
    let tried = &measured.breaches[0].tried;
    assert!(tried.contains("2001 files added") && tried.contains("000001-work"));
    assert_eq!((measured.tree, measured.tried), (ground.tree, None));
    assert_eq!((own(), objects()), (before, held));
    let kept = workspace.attic().join("000001-work/work");
    // One file was there before.
    assert_eq!(fs::read_dir(kept.join("src")).unwrap().count(), 2_002);
    let changed = fs::read_to_string(kept.join("a.txt")).unwrap();
    assert_eq!(changed, "also changed\n");
}

/// PRODUCT §5.2: the caps count over the whole run as well.
#[test]
fn the_caps_count_per_run_too() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    for n in 0..6 {
        put(&work.join(format!("f{n}")), b"x\n");
    }
    let first = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(first.breaches, []);
    for n in 6..12 {
        put(&work.join(format!("f{n}")), b"x\n");
    }
    let since = Since {
        before: &first.tree,
        allowed: &ground.tree,
    };
    let second = workspace
        .measure(since, Some(&guard(&WorkspaceRules::default())))
        .unwrap();
    assert_eq!(
        rules_broken(&second.breaches),
        ["max_files = 10 (whole run)"]
    );
    assert_eq!(second.tree, first.tree);
    assert!(work.join("f0").exists() && !work.join("f6").exists());
}

/// Protected paths, check scripts and paths outside `write` are put back; the rest stays.
#[test]
fn protected_paths_are_put_back() {
    let desk = Desk::new();
    desk.put("scripts/check", "exit 1\n");
    desk.commit("check");
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    put(&work.join("scripts/check"), b"exit 0\n");
    put(&work.join(".env"), b"KEY=1\n");
    fs::remove_dir_all(work.join("loops")).unwrap();
    put(&work.join("loops"), b"a file in a folder's place\n");
    put(&work.join("src/lib.rs"), b"// fine\n");
    put(&work.join("notes.md"), b"not on the list\n");
    let measured = measure(&workspace, &rules(|r| r.write = vec!["src/**".to_owned()]));
    let mut broken = rules_broken(&measured.breaches);
    broken.sort_unstable();
    assert_eq!(broken, ["protected", "protected check script", "write"]);
    let paths: Vec<_> = measured.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["src/lib.rs"]);
    assert!(work.join("loops/demo.toml").exists() && !work.join(".env").exists());
    assert_eq!(fs::read(work.join("scripts/check")).unwrap(), b"exit 1\n");
}

/// `read-only` takes no change at all.
#[test]
fn a_read_only_workspace_takes_no_change() {
    let desk = Desk::new();
    let read_only = rules(|r| r.kind = WorkspaceKind::ReadOnly);
    let (workspace, ground) = desk.try_open(&read_only).unwrap();
    put(&workspace.work_folder().join("a.txt"), b"x\n");
    let measured = measure(&workspace, &read_only);
    assert_eq!(rules_broken(&measured.breaches), ["kind = \"read-only\""]);
    assert_eq!(measured.tree, ground.tree);
}

/// A link that leads out of the workspace is refused, also by way of another link; one that
/// stays inside is a file like any other.
#[test]
fn links_out_of_the_workspace_are_refused() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    symlink("/etc/passwd", work.join("absolute")).unwrap();
    symlink("../../..", work.join("up")).unwrap();
    symlink("src", work.join("inside")).unwrap();
    symlink("inside/../../x", work.join("indirect")).unwrap();
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(
        rules_broken(&measured.breaches),
        ["link out of the workspace"]
    );
    let paths: Vec<_> = measured.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["inside"]);
    assert!(fs::symlink_metadata(work.join("absolute")).is_err());
}

/// Pipes and repositories that the worker makes are told and taken away; the files of such a
/// repository stay as plain files. In an ignored folder both are the worker's own.
#[test]
fn nested_repositories_do_not_swallow_files() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    for folder in ["sub", "target/dep"] {
        put(&work.join(folder).join("file"), b"x\n");
        git_in(&work.join(folder), &["init", "-q"]);
    }
    assert!(
        Command::new("mkfifo")
            .arg(work.join("pipe"))
            .status()
            .unwrap()
            .success()
    );
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(
        rules_broken(&measured.breaches),
        ["nested repository", "special file"]
    );
    let paths: Vec<_> = measured.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["sub/file"]);
    assert!(work.join("target/dep/.git").exists());
}

/// S20: however many odd things one pass takes away, all of them are in the attic.
#[test]
fn many_nested_repositories_are_all_kept() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    let folders: Vec<String> = (0..ODD_DRAWERS + 2).map(|n| format!("sub{n}")).collect();
    for folder in &folders {
        put(&work.join(folder).join(".git/HEAD"), b"ref: refs/heads/x\n");
    }
    workspace.snapshot().unwrap();
    let drawers: Vec<_> = fs::read_dir(workspace.attic())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    for folder in &folders {
        let git = Path::new(folder).join(".git");
        assert!(!work.join(&git).exists(), "{folder}");
        let kept = drawers
            .iter()
            .any(|drawer| drawer.join(&git).join("HEAD").is_file());
        assert!(kept, "{folder}");
    }
}

/// A planted git configuration runs nothing: no monitor, no hook, no filter, no diff driver.
#[test]
fn a_planted_configuration_runs_nothing() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    let mark = desk.temp.path().join("ran");
    let evil = desk.temp.path().join("evil");
    let text = format!("#!/bin/sh\ntouch {}\ncat\n", mark.display());
    program(&evil, &text);
    let config = format!(
        "[core]\n\tfsmonitor = {0}\n\thooksPath = .hooks\n\tsshCommand = {0}\n\tpager = {0}\n\
         [filter \"x\"]\n\tclean = {0}\n\tsmudge = {0}\n[diff \"x\"]\n\ttextconv = {0}\n\tcommand = {0}\n\
         [merge \"x\"]\n\tdriver = {0}\n",
        evil.display()
    );
    put(&work.join(".git/config"), config.as_bytes());
    put(&work.join(".gitattributes"), b"* filter=x diff=x merge=x\n");
    for hook in [
        "post-checkout",
        "post-index-change",
        "reference-transaction",
    ] {
        let path = work.join(".hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&evil, &path).unwrap();
        fs::copy(&evil, work.join(".git").join(hook)).unwrap();
    }
    put(&work.join("a.txt"), b"changed\n");
    // The trap is live: the worker's own git falls into it.
    git_in(&work, &["status"]);
    assert!(mark.exists());
    fs::remove_file(&mark).unwrap();
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert!(rules_broken(&measured.breaches).contains(&"git folder"));
    let verify = workspace.verify_checkout(&measured.tree).unwrap();
    put(&verify.join(".git/config"), config.as_bytes());
    workspace.verify_checkout(&measured.tree).unwrap();
    assert!(!mark.exists());
    // Nor does the operator's, who looks around there.
    git_in(&work, &["status"]);
    assert!(!mark.exists());
    workspace.restore(&ground.tree).unwrap();
    git_in(&work, &["status"]);
    assert!(!mark.exists());
}

/// PRODUCT §5.3: a fake tool in an ignored folder of the worker is not in the verify checkout,
/// and what a check leaves there is gone at the next one.
#[test]
fn the_verify_checkout_is_clean() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    put(
        &workspace.work_folder().join("target/bin/cargo"),
        b"#!/bin/sh\n",
    );
    put(&workspace.work_folder().join("b.txt"), b"b\n");
    let tree = workspace.snapshot().unwrap();
    let verify = workspace.verify_checkout(&tree).unwrap();
    assert!(verify.join("b.txt").exists() && !verify.join("target").exists());
    put(&verify.join("a.txt"), b"one\nTWO\nthree\n");
    put(&verify.join("target/left"), b"x");
    fs::remove_file(verify.join("src/main.rs")).unwrap();
    let verify = workspace.verify_checkout(&ground.tree).unwrap();
    assert_eq!(files(&verify), {
        let mut own = files(&desk.project);
        own.retain(|path, _| path != ".git");
        own
    });
}

/// A check leaves the next one the judged tree and what the setup made, nothing of its own: neither in the checkout,
/// in ignored folders of it, nor in its home. What it changes of the tree is named.
#[test]
fn a_check_leaves_the_next_one_the_judged_tree() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let tree = &ground.tree;
    let verify = workspace.verify_checkout(tree).unwrap();
    let home = verify.with_file_name("home");
    put(&verify.join("node_modules/a/index.js"), b"a");
    put(&home.join(".cache/kept"), b"kept");
    let all = || (files(&verify), files(&home));
    let before = all();
    let stock = workspace.take_stock(tree, std::slice::from_ref(&home));
    let stock = stock.unwrap().unwrap();
    let changed = || workspace.changed_in_checkout(tree).unwrap();
    assert_eq!(changed(), [""; 0]);
    put(&verify.join("a.txt"), b"one\nTWO\nthree\n");
    fs::remove_file(verify.join("src/main.rs")).unwrap();
    put(&verify.join("target/built"), b"x");
    put(&verify.join("node_modules/a/shadow.js"), b"x");
    put(&verify.join("GNUmakefile"), b"test:\n");
    put(&home.join(".local/lib/usercustomize.py"), b"x");
    symlink("/", home.join(".cache/out")).unwrap();
    assert_eq!(changed(), ["a.txt", "src/main.rs"]);
    assert!(workspace.clear_away(tree, &stock).unwrap());
    assert_eq!(all(), before);
}

/// Where a check changed what the setup made, in whatever way, nothing of it is used again.
#[test]
fn what_the_setup_made_stands_or_is_made_anew() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    let tree = &ground.tree;
    let changes: [fn(&Path); 6] = [
        |made| fs::write(made.join("index.js"), b"b").unwrap(),
        |made| fs::remove_file(made.join("index.js")).unwrap(),
        |made| fs::remove_dir_all(made).unwrap(),
        |made| {
            fs::rename(made, made.with_file_name("b")).unwrap();
            put(&made.join("index.js"), b"a");
        },
        |made| {
            let file = fs::File::options().write(true).open(made.join("index.js"));
            file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        },
        |made| {
            let src = made.join("../../src");
            fs::remove_dir_all(&src).unwrap();
            symlink(made, &src).unwrap();
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let verify = workspace.verify_checkout(tree).unwrap();
        assert!(!verify.join("node_modules").exists(), "{n}");
        let made = verify.join("node_modules/a");
        put(&made.join("index.js"), b"a");
        let stock = workspace.take_stock(tree, &[]).unwrap().unwrap();
        change(&made);
        assert!(!workspace.clear_away(tree, &stock).unwrap(), "{n}");
    }
    let verify = workspace.verify_checkout(tree).unwrap();
    assert!(verify.join("src/main.rs").is_file() && !verify.join("node_modules").exists());
}

/// `git status`, `log`, `diff {base}` and `commit` work for worker and checks, and nothing of
/// it reaches the operator.
#[test]
fn the_worker_has_a_repository_of_its_own() {
    let desk = Desk::new();
    let before = desk.all();
    let (workspace, ground) = desk.open();
    let work = workspace.work_folder();
    assert_eq!(workspace.base(), ground.base.as_deref().unwrap());
    put(&work.join("b.txt"), b"b\n");
    assert_eq!(git_in(&work, &["status", "--porcelain"]), "?? b.txt");
    assert_eq!(git_in(&work, &["remote"]), "");
    git_in(&work, &["add", "b.txt"]);
    git_in(&work, &["commit", "-q", "-m", "mine"]);
    assert_eq!(git_in(&work, &["log", "--format=%s"]), "mine\nstart");
    let tree = workspace.snapshot().unwrap();
    let verify = workspace.verify_checkout(&tree).unwrap();
    let named = git_in(&verify, &["diff", "--name-only", workspace.base()]);
    assert_eq!(named, "b.txt");
    assert_eq!(desk.all(), before);
}

/// Uncommitted files are announced, or taken in with `dirty`.
#[test]
fn uncommitted_files_are_announced_or_taken_in() {
    let desk = Desk::new();
    desk.put("a.txt", "dirty\n");
    desk.put("new/one.txt", "1\n");
    desk.put("new/two.txt", "2\n");
    desk.put("x.log", "ignored\n");
    let (workspace, ground) = desk.open();
    assert_eq!(ground.notices, ["3 uncommitted files not seen"]);
    assert!(!workspace.work_folder().join("new").exists());
    let (workspace, ground) = desk.try_open(&rules(|r| r.dirty = true)).unwrap();
    assert_eq!(ground.notices, ["3 uncommitted files taken in"]);
    let work = workspace.work_folder();
    assert_eq!(fs::read(work.join("a.txt")).unwrap(), b"dirty\n");
    assert!(work.join("new/two.txt").exists() && !work.join("x.log").exists());
    assert_eq!(
        git_in(&work, &["diff", "--name-only", workspace.base()]),
        ""
    );
    assert_eq!(ground.base.unwrap(), desk.git(&["rev-parse", "HEAD"]));
}

/// A folder without git, or without a commit, is copied, links as links; `clone` refuses it.
#[test]
fn a_folder_without_a_commit_is_copied() {
    for repository in [false, true] {
        let desk = Desk::plain();
        if repository {
            desk.init(&[]);
        }
        desk.put("a.txt", "a\n");
        desk.put("sub/.git/config", "not ours\n");
        desk.put(".checkride/run", "ours\n");
        symlink("a.txt", desk.project.join("link")).unwrap();
        let refused = desk.try_open(&rules(|r| r.kind = WorkspaceKind::Clone));
        assert!(refused.unwrap_err().cause.contains("commit first"));
        let before = contents(&desk.project);
        let (workspace, ground) = desk.open();
        assert_eq!((ground.workspace.as_str(), ground.base), ("copy", None));
        let work = workspace.work_folder();
        let names: Vec<_> = files(&work).into_keys().collect();
        assert_eq!(names, ["a.txt", "link"]);
        assert_eq!(git_in(&work, &["status", "--porcelain"]), "");
        put(&work.join("a.txt"), b"b\n");
        assert_eq!(
            measure(&workspace, &WorkspaceRules::default())
                .changes
                .len(),
            1
        );
        workspace.restore(&ground.tree).unwrap();
        let (again, second) = desk.open();
        assert_eq!(second.tree, ground.tree);
        again.release().unwrap();
        assert_eq!(contents(&desk.project), before);
    }
}

/// A folder beyond the limit, or with a pipe in it, is refused before anything is copied.
#[test]
fn what_cannot_be_copied_is_refused_at_the_start() {
    let desk = Desk::plain();
    desk.put("a.txt", "a\n");
    desk.put("b.txt", "b\n");
    let mut place = desk.place();
    place.copy_limit = CopyLimit {
        files: 1,
        bytes: 1 << 30,
    };
    let refused = Workspace::open(&place, &WorkspaceRules::default()).unwrap_err();
    assert!(
        refused.cause.contains("too large to copy (limit 1 files"),
        "{refused}"
    );
    assert!(!place.folder.exists());
    assert!(
        Command::new("mkfifo")
            .arg(desk.project.join("pipe"))
            .status()
            .unwrap()
            .success()
    );
    let refused = desk.try_open(&WorkspaceRules::default()).unwrap_err();
    assert!(refused.cause.contains("pipe is neither file"), "{refused}");
}

/// A project that is a folder of its repository: the worker works there, and nothing beside it
/// may change.
#[test]
fn a_project_below_the_top_of_its_repository() {
    let mut desk = Desk::new();
    desk.put("part/loops/x.toml", "x\n");
    desk.put("part/text.md", "x\n");
    desk.commit("part");
    desk.project.push("part");
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    assert!(work.ends_with("work/part") && work.join("text.md").exists());
    put(&work.join("text.md"), b"y\n");
    put(&work.join("loops/x.toml"), b"y\n");
    put(&work.join("../a.txt"), b"y\n");
    let guard = Guard::new(&WorkspaceRules::default(), &[], workspace.prefix()).unwrap();
    let before = workspace.start().to_owned();
    let since = Since {
        before: &before,
        allowed: &before,
    };
    let measured = workspace.measure(since, Some(&guard)).unwrap();
    assert_eq!(
        rules_broken(&measured.breaches),
        ["outside the project folder", "protected"]
    );
    let paths: Vec<_> = measured.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["part/text.md"]);
    assert!(
        workspace
            .verify_checkout(&measured.tree)
            .unwrap()
            .ends_with("verify/part")
    );
}

/// A detached HEAD, a linked worktree, a shallow, a partial and a sparse clone, and a sha256
/// repository all work.
#[test]
fn unusual_repositories_work() {
    let detached = Desk::new();
    detached.git(&["checkout", "-q", "--detach"]);

    let mut linked = Desk::new();
    linked.git(&["worktree", "add", "-q", "../linked"]);
    linked.project = linked.temp.path().join("linked");

    let mut shallow = Desk::new();
    shallow.put("a.txt", "second\n");
    shallow.commit("second");
    let url = format!("file://{}", shallow.project.display());
    shallow.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    shallow.project = shallow.temp.path().join("shallow");

    let mut partial = Desk::new();
    partial.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", partial.project.display());
    partial.git(&["clone", "-q", "--filter=blob:none", &url, "../partial"]);
    partial.project = partial.temp.path().join("partial");

    let sparse = Desk::new();
    sparse.git(&["sparse-checkout", "set", "--sparse-index", "src"]);

    let sha256 = Desk::plain();
    sha256.init(&["--object-format=sha256"]);
    sha256.put("a.txt", "x\n");
    sha256.commit("start");

    for desk in [detached, linked, shallow, partial, sparse, sha256] {
        let before = desk.all();
        let (workspace, ground) = desk.open();
        let work = workspace.work_folder();
        put(&work.join("a.txt"), b"changed\n");
        assert_eq!(git_in(&work, &["status", "--porcelain"]), " M a.txt");
        assert!(!git_in(&work, &["log", "--format=%s"]).is_empty());
        assert_eq!(
            measure(&workspace, &WorkspaceRules::default())
                .changes
                .len(),
            1
        );
        workspace.restore(&ground.tree).unwrap();
        assert_eq!(desk.all(), before);

        desk.put("loops/new.toml", "dirty\n");
        let before = desk.all();
        let (workspace, dirty) = desk.try_open(&rules(|r| r.dirty = true)).unwrap();
        let (_, changes) = workspace.diff(&ground.tree, &dirty.tree).unwrap();
        let paths: Vec<_> = changes.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(paths, ["loops/new.toml"]);
        assert_eq!(desk.all(), before);
    }
}

/// A repository that names a folder of the operator's as a store of its objects is told of, and goes on without it.
#[test]
fn a_store_that_is_none_is_told() {
    let desk = Desk::new();
    let home = desk.project.with_file_name("someone");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    let list = desk.project.join(".git/objects/info/alternates");
    fs::write(list, format!("{}\n", home.display())).unwrap();
    let (_, ground) = desk.open();
    let told = format!(
        "the repository borrows git objects from {}, which is no store of them: not shown to the run",
        home.display()
    );
    assert_eq!(ground.notices, [told]);
}

/// Submodules are announced, stay empty and stay as they are; filling one is told.
#[test]
fn submodules_stay_as_they_are() {
    let desk = Desk::new();
    let other = Desk::new();
    desk.git(&[
        "submodule",
        "add",
        "-q",
        other.project.to_str().unwrap(),
        "lib",
    ]);
    desk.commit("submodule");
    let (workspace, ground) = desk.open();
    assert_eq!(ground.notices, ["submodules are empty folders here: lib"]);
    let lib = workspace.work_folder().join("lib");
    put(&lib.join("x"), b"hidden\n");
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(rules_broken(&measured.breaches), ["submodule"]);
    assert_eq!(measured.tree, ground.tree);
    fs::remove_dir(&lib).unwrap();
    let measured = measure(&workspace, &WorkspaceRules::default());
    assert_eq!(rules_broken(&measured.breaches), ["submodule"]);
    assert_eq!(measured.tree, ground.tree);
    assert!(
        workspace
            .verify_checkout(&ground.tree)
            .unwrap()
            .join("lib")
            .is_dir()
    );
}

/// A git that is missing or too old, and a bare repository, are refused in one line.
#[test]
fn what_cannot_work_is_refused_in_one_line() {
    let desk = Desk::new();
    let mut place = desk.place();
    place.git = desk.temp.path().join("no-git");
    let refused = Workspace::open(&place, &WorkspaceRules::default()).unwrap_err();
    assert!(
        refused.cause.starts_with("git is not installed"),
        "{refused}"
    );
    place.git = desk.temp.path().join("old-git");
    program(&place.git, "#!/bin/sh\necho git version 2.30.2\n");
    let refused = Workspace::open(&place, &WorkspaceRules::default()).unwrap_err();
    assert!(
        refused.cause.starts_with("git 2.30 is too old"),
        "{refused}"
    );
    let bare = Desk::plain();
    bare.git(&["init", "-q", "--bare"]);
    let refused = bare.try_open(&WorkspaceRules::default()).unwrap_err();
    assert!(refused.cause.contains("without a work tree"), "{refused}");
    assert!(!place.folder.exists());
}

/// Names with line breaks and bytes that are no UTF-8 are measured, shown inert and put back.
#[test]
fn odd_names_are_shown_inert() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    put(&work.join(name(b"caf\xe9")), b"\x1b[31mred\n");
    put(&work.join(name(b"line\nbreak")), b"x\n");
    let measured = measure(&workspace, &WorkspaceRules::default());
    let paths: Vec<_> = measured.changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["caf\\xe9", "line\\u{a}break"]);
    assert!(
        measured
            .changes
            .iter()
            .all(|c| c.kind == ChangeKind::Added && c.added == 1)
    );
    assert!(measured.diff.contains("+\\u{1b}[31mred") && !measured.diff.contains('\x1b'));
}

/// A patch that is too long to show says so where it ends.
#[test]
fn a_cut_patch_says_so() {
    let desk = Desk::new();
    let (workspace, ground) = desk.open();
    put(
        &workspace.work_folder().join("long"),
        "line\n".repeat(1000).as_bytes(),
    );
    let tree = workspace.snapshot().unwrap();
    let (text, whole) = patch(workspace.git(), &ground.tree, &tree, 1000).unwrap();
    assert!(!whole && text.contains("… cut here") && text.len() < 1200);
    let (text, whole) = patch(workspace.git(), &ground.tree, &tree, 100_000).unwrap();
    assert!(whole && text.ends_with("+line\n"));
}

/// The operator's edit reaches plain files only: no way out, no link, nothing of git's own.
#[test]
fn an_edit_stays_inside() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    let work = workspace.work_folder();
    workspace.write_file("a.txt", "edited\n").unwrap();
    let edited = fs::read_to_string(work.join("a.txt")).unwrap();
    assert_eq!(edited, "edited\n");
    symlink("/etc", work.join("out")).unwrap();
    for path in [
        "../x",
        "/etc/x",
        "out/x",
        "out",
        ".git/config",
        "src/.GIT/x",
        "",
        ".",
    ] {
        assert!(workspace.write_file(path, "x").is_err(), "{path}");
    }
    assert!(
        Command::new("mkfifo")
            .arg(work.join("pipe"))
            .status()
            .unwrap()
            .success()
    );
    assert!(workspace.write_file("pipe", "x").is_err());
    let tree = workspace.snapshot().unwrap();
    assert_eq!(workspace.export(&tree, "a.txt").unwrap(), b"edited\n");
    assert!(workspace.export(&tree, "out").is_err());
    assert!(workspace.export(&tree, "none").is_err());
}

/// S2: opening again writes nothing of the private repository anew; one whose `config` a power cut has
/// emptied is put aside with every snapshot, and only one that holds nothing is made over.
#[test]
fn snapshots_outlast_a_cut_of_the_power() {
    let desk = Desk::new();
    let (workspace, _) = desk.open();
    put(&workspace.work_folder().join("b.txt"), b"b\n");
    let tree = workspace.snapshot().unwrap();
    let state = desk.place().folder;
    let repo = workspace.repo();
    let before = fs::metadata(repo.join("config")).unwrap();
    drop(desk.open());
    let after = fs::metadata(repo.join("config")).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );

    put(&repo.join("config"), b"");
    drop(desk.open());
    let aside = state.join("repo.1.old");
    assert!(aside.join("refs/checkride/kept").join(&tree).is_file());
    let object = aside.join("objects").join(&tree[..2]).join(&tree[2..]);
    assert!(object.is_file());

    fs::remove_dir_all(&repo).unwrap();
    put(&repo.join("config"), b"");
    drop(desk.open());
    assert!(!state.join("repo.2.old").exists());
    assert!(repo.join("HEAD").is_file());
}

/// R44: after the host died, the workspace is found again as it was, with a stale lock in it.
#[test]
fn a_workspace_is_found_again() {
    let desk = Desk::new();
    let (workspace, ground) = desk.try_open(&rules(|r| r.dirty = true)).unwrap();
    put(&workspace.work_folder().join("b.txt"), b"b\n");
    put(&desk.place().folder.join("index-work.lock"), b"");
    let again = Workspace::reopen(&desk.place(), &ground).unwrap();
    assert_eq!(again.base(), workspace.base());
    assert!(again.work_folder().join("b.txt").exists());
    again.restore(&ground.tree).unwrap();
    assert!(!again.work_folder().join("b.txt").exists());
    again.release().unwrap();
    assert!(Workspace::reopen(&desk.place(), &ground).is_err());
    assert_eq!(desk.git(&["for-each-ref", "refs/checkride"]), "");
}

/// A file of an earlier run is read while another run works: its locks stay where they are.
#[test]
fn a_look_at_a_file_takes_no_lock_away() {
    let desk = Desk::new();
    let (workspace, ground) = desk.try_open(&rules(|_| {})).unwrap();
    let place = desk.place();
    let lock = place.folder.join("index-work.lock");
    put(&lock, b"");
    let read = place.kept_file(&ground.tree, "a.txt").unwrap();
    assert_eq!(read, workspace.export(&ground.tree, "a.txt").unwrap());
    assert!(lock.exists());
    let none = place.kept_file(&ground.tree, "none").unwrap_err();
    assert_eq!(none.cause, "the result holds no plain file none");
}

/// A stop ends the first copy of a project, be it of its files or of what is not committed; what it left is
/// nobody's work, and the next one begins anew.
#[test]
fn a_stop_ends_the_first_copy() {
    let dirty = WorkspaceRules {
        dirty: true,
        ..WorkspaceRules::default()
    };
    let copy = WorkspaceRules {
        kind: WorkspaceKind::Copy,
        ..WorkspaceRules::default()
    };
    for rules in [copy, dirty] {
        let desk = Desk::new();
        desk.put("new.txt", "not committed\n");
        let place = desk.place();
        place.leash.cut();
        let stopped = Workspace::open(&place, &rules).unwrap_err();
        assert!(stopped.to_string().contains("stopped"), "{stopped}");
        assert!(place.leash.mend(), "{stopped}");
        let work = place.folder.join("work");
        let files = fs::read_dir(&work).map_or(0, Iterator::count);
        assert_eq!(files, 0, "{stopped}");
        let (workspace, _) = Workspace::open(&place, &rules).unwrap();
        assert!(workspace.work_folder().join("new.txt").is_file());
    }
}
