//! Publishing with real git, real files and real programs: exactly what was shown, once, and the
//! way back. R57, R62; PRODUCT §5.18.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use checkride::run::spec::{Output, OutputKind, Publish, PublishTo, WorkspaceRules};
use checkride::run::{Digest, Offer, Receipt, Sign};
use checkride::supervisor::outbox::command::Errand;
use checkride::supervisor::outbox::deed::{Deed, Deeds, Undo};
use checkride::supervisor::outbox::{Look, Outbox, Sent, Way};
use checkride::supervisor::process::{Halt, Home, Mark, allowed_env};
use checkride::supervisor::redactor::Redactor;
use checkride::supervisor::slots::Slots;
use checkride::supervisor::workspace::{Trouble, Workspace};

use crate::place::{Desk, put};
use crate::world::program;

/// One run's result, ready to be published.
struct Finished {
    desk: Desk,
    workspace: Workspace,
    tree: String,
    output: Output,
    publish: Publish,
    slots: Slots,
    folder: PathBuf,
    redactor: Redactor,
}

impl Finished {
    /// A run that changes `a.txt` and writes `drafts/x.md`.
    fn new(kind: OutputKind, to: PublishTo) -> Self {
        Self::with(Desk::new(), kind, to)
    }

    fn with(desk: Desk, kind: OutputKind, to: PublishTo) -> Self {
        let (workspace, _) = desk.open();
        put(&workspace.work_folder().join("a.txt"), b"one\nTWO\nthree\n");
        put(&workspace.work_folder().join("drafts/x.md"), b"draft\n");
        let tree = workspace.snapshot().unwrap();
        let folder = desk.temp.path().join("state/deeds");
        let slots = Slots::default().with("slug", "x").with("run", "demo-1");
        Self {
            desk,
            workspace,
            tree,
            output: Output {
                kind,
                drafts: "drafts".to_owned(),
                artefact: Some("drafts/{slug}.md".to_owned()),
            },
            publish: Publish {
                to,
                reversible: true,
            },
            slots,
            folder,
            redactor: Redactor::default(),
        }
    }

    fn outbox(&self) -> Outbox<'_> {
        Outbox {
            workspace: &self.workspace,
            loop_name: "demo",
            run: "demo-1",
            output: &self.output,
            publish: &self.publish,
            slots: &self.slots,
            folder: &self.folder,
            redactor: &self.redactor,
        }
    }

    fn offer(&self) -> Offer {
        self.outbox().offer(&self.tree).unwrap().offer
    }

    /// Publishes, its command run under a real keeper.
    fn publish(&self) -> Result<Receipt, Trouble> {
        let offer = self.offer();
        match self.outbox().publish(&offer, &self.tree)? {
            Way::Done(Sent::Published(receipt)) => Ok(receipt),
            Way::Done(Sent::Moved(moved)) => panic!("{moved:?}"),
            Way::By(errand) => self.outbox().ran(&offer, self.run(&errand, 120_000)),
        }
    }

    fn take_back(&self, receipt: &Receipt) -> Result<(), Trouble> {
        match self.outbox().take_back(receipt, false)? {
            Way::Done(()) => Ok(()),
            Way::By(errand) => self.outbox().undo_ran(receipt, self.run(&errand, 120_000)),
        }
    }

    fn run(&self, errand: &Errand, longest_ms: u64) -> Result<(), Trouble> {
        let home = Home {
            keeper: PathBuf::from(env!("CARGO_BIN_EXE_checkride")),
            mark: Mark::new(&self.desk.project, "demo-1"),
            env: allowed_env(&["PATH".to_owned()], |name| std::env::var_os(name)),
            kept: None,
            cage: None,
        };
        let (_sender, halt) = tokio::sync::watch::channel(Halt::No);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(errand.run(&home, Duration::from_millis(longest_ms), &halt))
    }

    /// The command of a publication that was begun, as if the host died before it was over.
    fn begun(&self) -> Errand {
        match self.outbox().publish(&self.offer(), &self.tree).unwrap() {
            Way::By(errand) => errand,
            Way::Done(sent) => panic!("{sent:?}"),
        }
    }

    /// What is asked instead of publishing what was agreed to before the target moved.
    fn asked_again(&self, agreed: &Offer) -> Offer {
        match self.outbox().publish(agreed, &self.tree).unwrap() {
            Way::Done(Sent::Moved(moved)) => moved.offer,
            other => panic!("{other:?}"),
        }
    }

    fn send(&self, agreed: &Offer) -> Receipt {
        match self.outbox().publish(agreed, &self.tree).unwrap() {
            Way::Done(Sent::Published(receipt)) => receipt,
            other => panic!("{other:?}"),
        }
    }

    /// Makes the deed look as if the host had died before it was completed.
    fn forget_receipt(&self) {
        let key = self.offer().key;
        let mut deed = Deeds(&self.folder).read(&key).unwrap().unwrap();
        deed.receipt = None;
        Deeds(&self.folder).write(&deed).unwrap();
    }

    fn deed(&self) -> Option<Deed> {
        Deeds(&self.folder).read(&self.offer().key).unwrap()
    }
}

fn branch() -> PublishTo {
    PublishTo::GitBranch {
        branch: "posts".to_owned(),
        rename: Some("posts/{slug}.md".to_owned()),
    }
}

fn copy(path: &str) -> PublishTo {
    PublishTo::Copy {
        path: path.to_owned(),
    }
}

fn shell(script: &str, undo: &str) -> PublishTo {
    let argv = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
    PublishTo::Command {
        command: argv(script),
        undo: if undo.is_empty() {
            Vec::new()
        } else {
            argv(undo)
        },
    }
}

/// A diff goes on a new branch as one commit on the base, signed by the operator; work tree,
/// index and HEAD stay; a second publish changes nothing; taking it back deletes the branch.
#[test]
fn a_diff_is_published_once_and_taken_back() {
    let run = Finished::new(OutputKind::Diff, branch());
    let before = run.desk.all();
    let head = run.desk.git(&["rev-parse", "HEAD"]);
    let receipt = run.publish().unwrap();
    assert_eq!(run.desk.git(&["rev-parse", "posts~1"]), head);
    assert_eq!(run.desk.git(&["show", "posts:a.txt"]), "one\nTWO\nthree");
    let author = run.desk.git(&["log", "-1", "--format=%an <%ae>", "posts"]);
    assert_eq!(author, "Ada <ada@example.org>");
    let trailers = run
        .desk
        .git(&["log", "-1", "--format=%(trailers)", "posts"]);
    assert!(trailers.contains("Checkride-Run: demo-1"), "{trailers}");
    assert!(trailers.contains(run.offer().key.as_str()), "{trailers}");

    assert_eq!(run.publish().unwrap(), receipt);
    assert_eq!(run.desk.git(&["rev-list", "--count", "posts"]), "2");
    let mut after = run.desk.all();
    after.retain(|path, _| !path.contains("heads/posts"));
    assert_eq!(after, before);

    run.take_back(&receipt).unwrap();
    run.desk.git(&["fsck", "--strict"]);
    assert_eq!(run.desk.git(&["branch", "--list", "posts"]), "");
    assert_eq!(run.desk.all(), before);
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
    run.publish().unwrap();
}

/// A diff is merged onto a branch that went its own way; a conflict names the file and moves
/// nothing.
#[test]
fn a_diff_is_merged_onto_the_tip() {
    let desk = Desk::new();
    desk.git(&["checkout", "-q", "-b", "posts"]);
    desk.put("other.txt", "theirs\n");
    let tip = desk.commit("other");
    desk.git(&["checkout", "-q", "main"]);
    let run = Finished::with(desk, OutputKind::Diff, branch());
    assert_eq!(run.offer().unfit, None);
    let receipt = run.publish().unwrap();
    assert_eq!(run.offer().unfit, None);
    assert_eq!(receipt.before.as_deref(), Some(tip.as_str()));
    assert_eq!(run.desk.git(&["show", "posts:other.txt"]), "theirs");
    assert_eq!(run.desk.git(&["show", "posts:a.txt"]), "one\nTWO\nthree");
    run.take_back(&receipt).unwrap();
    assert_eq!(run.desk.git(&["rev-parse", "posts"]), tip);

    run.desk.git(&["checkout", "-q", "posts"]);
    run.desk.put("a.txt", "one\nother\nthree\n");
    let tip = run.desk.commit("conflict");
    run.desk.git(&["checkout", "-q", "main"]);
    // It is said before anybody agrees to it, and in the same words.
    let unfit = run.offer().unfit.unwrap();
    let trouble = run.publish().unwrap_err();
    assert_eq!(unfit, trouble.cause);
    assert!(trouble.cause.contains("conflict in a.txt"), "{trouble}");
    assert_eq!(run.desk.git(&["rev-parse", "posts"]), tip);
    assert_eq!(run.deed(), None);
}

/// R57: a line that was shown in one file is put into no other, though the branch has the file under another
/// name, or its folder.
#[test]
fn no_rename_is_followed() {
    for (from, to) in [("a.txt", "run.sh"), ("drafts", "deploy")] {
        let desk = Desk::new();
        desk.put("drafts/old.md", "old\n");
        desk.commit("a draft");
        desk.git(&["checkout", "-q", "-b", "posts"]);
        desk.git(&["mv", from, to]);
        let tip = desk.commit("renamed");
        desk.git(&["checkout", "-q", "main"]);
        let run = Finished::with(desk, OutputKind::Diff, branch());
        let unfit = run.offer().unfit;
        match run.publish() {
            Ok(_) => {
                let changed = run
                    .desk
                    .git(&["diff", "--name-only", "--no-renames", &tip, "posts"]);
                let mut changed: Vec<_> = changed.lines().collect();
                changed.sort_unstable();
                assert_eq!(changed, ["a.txt", "drafts/x.md"], "{from}");
                assert_eq!(unfit, None, "{from}");
            }
            Err(trouble) => {
                assert_eq!(unfit.as_deref(), Some(trouble.cause.as_str()), "{from}");
                assert_eq!(run.desk.git(&["rev-parse", "posts"]), tip, "{from}");
            }
        }
    }
}

/// A file goes on the branch under its new name, exactly the bytes that were shown; it never
/// takes the place of other files.
#[test]
fn a_file_is_published_under_its_name() {
    let run = Finished::new(OutputKind::Files, branch());
    let offered = run.outbox().offer(&run.tree).unwrap();
    assert_eq!(offered.text, "draft\n");
    assert_eq!(
        offered.offer.target,
        "one commit on branch posts, as posts/x.md"
    );
    run.publish().unwrap();
    assert_eq!(run.desk.git(&["show", "posts:posts/x.md"]), "draft");
    assert_eq!(run.desk.git(&["show", "posts:a.txt"]), "one\ntwo\nthree");

    let mut run = Finished::new(OutputKind::Files, branch());
    for name in ["a.txt/x.md", "src", "../x", ".git/x"] {
        run.publish.to = PublishTo::GitBranch {
            branch: "posts".to_owned(),
            rename: Some(name.to_owned()),
        };
        assert!(run.publish().is_err(), "{name}");
    }
    assert_eq!(run.desk.git(&["branch", "--list", "posts"]), "");
}

/// A branch that is checked out in any work tree is refused; so is a name that is none.
#[test]
fn a_checked_out_branch_is_refused() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    run.desk
        .git(&["worktree", "add", "-q", "-b", "posts", "../elsewhere"]);
    let trouble = run.publish().unwrap_err();
    assert!(trouble.cause.contains("is checked out in"), "{trouble}");
    run.publish.to = PublishTo::GitBranch {
        branch: "a..b".to_owned(),
        rename: None,
    };
    assert!(run.outbox().offer(&run.tree).is_err());
}

/// R62: a yes is one to what will be on the branch. Where its head is no longer the one that was
/// shown nothing is sent, and the next question says what has come; a yes to that one is taken.
#[test]
fn a_yes_is_void_once_the_branch_has_moved() {
    let desk = Desk::new();
    let base = desk.git(&["rev-parse", "HEAD"]);
    desk.git(&["checkout", "-q", "-b", "side"]);
    desk.put("other.txt", "theirs\n");
    desk.put("\u{1b}[2Jhidden.txt", "theirs\n");
    let two = desk.commit("two files");
    (0..30).for_each(|n| desk.put(&format!("many/{n:02}.txt"), "theirs\n"));
    let many = desk.commit("thirty more");
    desk.git(&["checkout", "-q", "main"]);
    let run = Finished::with(desk, OutputKind::Diff, branch());
    let set = |to: &str| drop(run.desk.git(&["update-ref", "refs/heads/posts", to]));

    let mut agreed = run.offer();
    assert_eq!(agreed.stand.holds, None);
    let words = format!("a new branch, on commit {}", &base[..12]);
    assert_eq!(agreed.stand.words, words);
    let steps: [(&str, &str, usize); 4] = [
        (&two, "branch posts was made, with 1 commit of its own", 2),
        (&many, "1 commit came to branch posts", 30),
        (
            &two,
            "branch posts was made anew: 0 commits came and 1 commit went",
            30,
        ),
        (&many, "1 commit came to branch posts", 30),
    ];
    for (to, how, files) in steps {
        set(to);
        let again = run.asked_again(&agreed);
        let since = again.stand.since.clone().unwrap();
        assert_eq!(since.how, how);
        assert_eq!(
            since.files.len() + usize::try_from(since.more).unwrap(),
            files
        );
        assert!(since.files.len() <= 20 && !since.files.concat().contains('\u{1b}'));
        assert_eq!(again.stand.holds.as_deref(), Some(to));
        assert_eq!(again.stand.words, format!("on commit {}", &to[..12]));
        assert_eq!(
            (&again.key, &again.artefact),
            (&agreed.key, &agreed.artefact)
        );
        assert_eq!(run.desk.git(&["rev-parse", "posts"]), to);
        assert_eq!(run.deed(), None);
        agreed = again;
    }
    run.desk.git(&["branch", "-q", "-D", "posts"]);
    let again = run.asked_again(&agreed);
    assert_eq!(again.stand.since.unwrap().how, "branch posts was deleted");
    set(&many);
    assert_eq!(run.send(&agreed).before.as_deref(), Some(many.as_str()));
    assert_eq!(run.desk.git(&["rev-parse", "posts~1"]), many);
}

/// A branch that differs from what the run began with is told before the yes, with the files of others: what goes live
/// is then a merge that nothing has examined. One that stands where the run began is not, and neither is one file.
#[test]
fn a_merge_is_told_before_the_yes() {
    for kind in [OutputKind::Diff, OutputKind::Files] {
        let desk = Desk::new();
        let base = desk.git(&["rev-parse", "HEAD"]);
        desk.git(&["checkout", "-q", "-b", "side"]);
        desk.put("\u{1b}[2Jtheirs.txt", "theirs\n");
        let ahead = desk.commit("one file");
        desk.git(&["checkout", "-q", "main"]);
        desk.put("ours.txt", "later\n");
        desk.commit("where the run begins");
        let run = Finished::with(desk, kind, branch());
        let set = |to: &str| drop(run.desk.git(&["update-ref", "refs/heads/posts", to]));
        assert_eq!(run.offer().stand.unseen, None, "a new branch");
        set(&run.desk.git(&["rev-parse", "main"]));
        assert_eq!(run.offer().stand.unseen, None, "the same commit");
        set(&ahead);
        let unseen = run.offer().stand.unseen;
        if kind == OutputKind::Files {
            assert_eq!(unseen, None);
            continue;
        }
        let unseen = unseen.unwrap();
        assert_eq!(
            unseen.how,
            "branch posts has 1 commit that the run did not begin with and lacks 1 commit that the run began with"
        );
        assert_eq!(unseen.files.len(), 2, "{:?}", unseen.files);
        assert!(!unseen.files.concat().contains('\u{1b}'));
        assert_eq!(unseen.flag().sign, Sign::Merged);
        set(&base);
        let behind = run.offer().stand.unseen.unwrap();
        assert_eq!(
            behind.how,
            "branch posts lacks 1 commit that the run began with"
        );
        assert_eq!(behind.files, ["ours.txt"]);
    }
}

/// The same of a file: what somebody put there after the question is not replaced by its yes.
#[test]
fn a_yes_is_void_once_the_file_has_changed() {
    let run = Finished::new(OutputKind::Files, copy("public/x.md"));
    let place = run.desk.project.join("public/x.md");
    let first = run.offer();
    assert_eq!(first.stand.words, "a new file");
    put(&place, b"somebody's\n");
    let second = run.asked_again(&first);
    assert_eq!(second.stand.words, "in place of the file that is there");
    let how = second.stand.since.clone().unwrap().how;
    assert_eq!(how, "file public/x.md was changed");
    fs::remove_file(&place).unwrap();
    let third = run.asked_again(&second);
    assert_eq!(
        third.stand.since.clone().unwrap().how,
        "file public/x.md was deleted"
    );
    assert!(!place.exists());
    run.send(&third);
    assert_eq!(fs::read(&place).unwrap(), b"draft\n");
}

/// R44: a host that died between the yes and the merge does not publish onto what has come since.
#[test]
fn a_crash_before_the_merge_keeps_to_what_was_shown() {
    let run = Finished::new(OutputKind::Diff, branch());
    let agreed = run.offer();
    run.send(&agreed);
    run.forget_receipt();
    run.desk.put("other.txt", "theirs\n");
    let theirs = run.desk.commit("theirs");
    run.desk.git(&["update-ref", "refs/heads/posts", &theirs]);
    let again = run.asked_again(&agreed);
    assert_eq!(again.stand.holds.as_deref(), Some(theirs.as_str()));
    assert_eq!(run.desk.git(&["rev-parse", "posts"]), theirs);
    assert_eq!(run.send(&again).before, Some(theirs));
}

/// A branch that moves between look and act is not overwritten: it is asked about.
#[test]
fn a_race_for_the_branch_is_lost_with_grace() {
    let mut desk = Desk::new();
    desk.git(&["branch", "posts"]);
    desk.put("other.txt", "theirs\n");
    let theirs = desk.commit("theirs");
    // A git that lets somebody else move the branch at the last moment.
    let racing = desk.temp.path().join("racing-git");
    let script = format!(
        "#!/bin/sh\nfor word; do [ \"$word\" = fetch ] && \\\n\
         git -C {} update-ref refs/heads/posts {theirs}\ndone\nexec git \"$@\"\n",
        desk.project.display()
    );
    program(&racing, &script);
    desk.program = racing;
    let run = Finished::with(desk, OutputKind::Diff, branch());
    let again = run.asked_again(&run.offer());
    assert_eq!(
        again.stand.since.clone().unwrap().how,
        "1 commit came to branch posts"
    );
    assert_eq!(run.desk.git(&["rev-parse", "posts"]), theirs);
    assert_eq!(run.deed(), None);
    run.send(&again);
    assert_eq!(run.desk.git(&["rev-parse", "posts~1"]), theirs);
}

/// A branch that moved after the publication is not taken back.
#[test]
fn a_branch_that_moved_is_left_alone() {
    let run = Finished::new(OutputKind::Diff, branch());
    let receipt = run.publish().unwrap();
    run.desk
        .git(&["worktree", "add", "-q", "../elsewhere", "posts"]);
    let elsewhere = run.desk.temp.path().join("elsewhere");
    put(&elsewhere.join("more.txt"), b"more\n");
    crate::place::git_in(&elsewhere, &["add", "-A"]);
    crate::place::git_in(&elsewhere, &["commit", "-q", "-m", "more"]);
    run.desk.git(&["worktree", "remove", "../elsewhere"]);
    let tip = run.desk.git(&["rev-parse", "posts"]);
    let trouble = run.take_back(&receipt).unwrap_err();
    assert!(trouble.cause.contains("has moved since"), "{trouble}");
    assert_eq!(run.desk.git(&["rev-parse", "posts"]), tip);
}

/// R44: died before the branch moved: not yet, and it is published once. Died after: found on
/// the branch by its key, and not published again.
#[test]
fn a_crash_around_the_branch_publishes_once() {
    let run = Finished::new(OutputKind::Diff, branch());
    let receipt = run.publish().unwrap();
    run.forget_receipt();
    run.desk.git(&["update-ref", "-d", "refs/heads/posts"]);
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
    let again = run.publish().unwrap();
    assert_eq!(run.desk.git(&["rev-list", "--count", "posts"]), "2");
    run.forget_receipt();
    let look = run.outbox().look(&run.offer()).unwrap();
    assert_eq!(look, Look::Already(again.clone()));
    assert_eq!(run.publish().unwrap(), again);
    assert_eq!(run.desk.git(&["rev-list", "--count", "posts"]), "2");
    assert_eq!(again.key, receipt.key);
    run.take_back(&again).unwrap();
    assert_eq!(run.desk.git(&["branch", "--list", "posts"]), "");
}

/// §5.18: what an earlier run has published is there already, which is said and not taken back from
/// here; where it is gone from the target, this run publishes it.
#[test]
fn what_an_earlier_run_published_is_there_already() {
    for to in [branch(), copy("public/x.md"), shell("echo x >> seen", "")] {
        let looks = !matches!(to, PublishTo::Command { .. });
        let run = Finished::new(OutputKind::Diff, to);
        let first = run.publish().unwrap();
        let later = Outbox {
            run: "demo-2",
            ..run.outbox()
        };
        let offer = run.offer();
        let Way::Done(Sent::Published(second)) = later.publish(&offer, &run.tree).unwrap() else {
            panic!("{:?} is published a second time", first.place);
        };
        assert_eq!(second.already.as_deref(), Some("demo-1"));
        assert!(
            second
                .in_words()
                .starts_with("already there, published by demo-1: ")
        );
        assert_eq!((&second.now, &second.before), (&first.now, &first.before));
        assert_eq!(
            run.publish().unwrap(),
            first,
            "the first run knows it is its own"
        );
        if !looks {
            continue;
        }
        run.take_back(&first).unwrap();
        let Way::Done(Sent::Published(again)) = later.publish(&run.offer(), &run.tree).unwrap()
        else {
            panic!("{:?} is looked at", first.place);
        };
        assert_eq!(again.already, None);
        assert!(again.in_words().starts_with("published: "));
    }
}

/// S26: a damaged note of a publication never makes it happen twice: it is read as it was written, or nothing is
/// done and the line names it.
#[test]
fn a_damaged_note_publishes_nothing_twice() {
    let run = Finished::new(OutputKind::Diff, shell("echo x >> seen", ""));
    let first = run.publish().unwrap();
    let offer = run.offer();
    let place = run.folder.join(format!("{}.json", offer.key));
    let whole = fs::read(&place).unwrap();
    let mut told = 0;
    let all = (0..whole.len()).step_by(3);
    for (number, place_of) in all.enumerate() {
        let mut bytes = whole.clone();
        match number % 3 {
            0 => bytes.truncate(place_of),
            _ => bytes[place_of] ^= 1 << (number % 8),
        }
        fs::write(&place, &bytes).unwrap();
        match run.outbox().look(&offer) {
            Ok(Look::Already(receipt)) => assert_eq!(receipt, first),
            Ok(other) => panic!("{place_of}: {other:?}"),
            Err(trouble) => {
                told += 1;
                assert!(trouble.cause.contains(".json is damaged"), "{trouble}");
                assert!(trouble.cause.contains("not known whether"), "{trouble}");
                assert!(run.publish().is_err());
            }
        }
    }
    assert!(told * 10 > whole.len() / 3 * 9, "{told}");
}

/// A branch that was deleted since holds nothing: a later run publishes there.
#[test]
fn what_is_gone_from_the_target_is_published_again() {
    let run = Finished::new(OutputKind::Diff, branch());
    run.publish().unwrap();
    run.desk.git(&["update-ref", "-d", "refs/heads/posts"]);
    let later = Outbox {
        run: "demo-2",
        ..run.outbox()
    };
    let Way::Done(Sent::Published(receipt)) = later.publish(&run.offer(), &run.tree).unwrap()
    else {
        panic!("a branch needs no program");
    };
    assert_eq!(receipt.already, None);
    assert_eq!(run.desk.git(&["rev-list", "--count", "posts"]), "2");
}

/// R62: what changed between the yes and the publish is not published.
#[test]
fn only_what_was_shown_is_published() {
    let run = Finished::new(OutputKind::Diff, branch());
    let offer = run.offer();
    put(&run.workspace.work_folder().join("a.txt"), b"other\n");
    let other = run.workspace.snapshot().unwrap();
    let trouble = run.outbox().publish(&offer, &other).unwrap_err();
    assert!(trouble.cause.contains("not what was shown"), "{trouble}");
    assert_eq!(run.desk.git(&["branch", "--list", "posts"]), "");
}

/// With uncommitted files taken in, only the run's own change goes on the branch.
#[test]
fn uncommitted_files_are_not_published() {
    let desk = Desk::new();
    desk.put("b.txt", "mine, not committed\n");
    let mut run = Finished::with(desk, OutputKind::Diff, branch());
    let rules = WorkspaceRules {
        dirty: true,
        ..WorkspaceRules::default()
    };
    let (workspace, _) = run.desk.try_open(&rules).unwrap();
    put(&workspace.work_folder().join("c.txt"), b"new\n");
    run.tree = workspace.snapshot().unwrap();
    run.workspace = workspace;
    let receipt = run.publish().unwrap();
    let named = run.desk.git(&["diff", "--name-only", "main", &receipt.now]);
    assert_eq!(named, "c.txt");
}

/// A copy replaces the file at once, keeps its permissions, and puts it back if it is unchanged.
#[test]
fn a_copy_is_published_and_taken_back() {
    let run = Finished::new(OutputKind::Files, copy("public/{slug}.md"));
    let target = run.desk.project.join("public/x.md");
    put(&target, b"older\n");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    let receipt = run.publish().unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"draft\n");
    assert_eq!(
        target.metadata().unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(run.publish().unwrap(), receipt);
    put(&target, b"touched\n");
    let trouble = run.take_back(&receipt).unwrap_err();
    assert!(trouble.cause.contains("has changed since"), "{trouble}");
    put(&target, b"draft\n");
    run.take_back(&receipt).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"older\n");

    fs::remove_file(&target).unwrap();
    let receipt = run.publish().unwrap();
    run.take_back(&receipt).unwrap();
    assert!(!target.exists());
}

/// R44: a copy that was cut short looks at the target: as before, as published, or neither.
#[test]
fn a_crash_around_a_copy_looks_at_the_target() {
    let run = Finished::new(OutputKind::Files, copy("public/x.md"));
    let target = run.desk.project.join("public/x.md");
    let receipt = run.publish().unwrap();
    run.forget_receipt();
    assert_eq!(
        run.outbox().look(&run.offer()).unwrap(),
        Look::Already(receipt)
    );
    put(&target, b"somebody else\n");
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::Unknown);
    assert!(run.publish().unwrap_err().maybe_done);
    fs::remove_file(&target).unwrap();
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
    run.publish().unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"draft\n");
}

/// A copy never leaves the project, follows no link, and touches nothing protected.
#[test]
fn a_copy_stays_in_the_project() {
    let mut run = Finished::new(OutputKind::Files, copy(""));
    symlink("/tmp", run.desk.project.join("out")).unwrap();
    for path in [
        "../x",
        "/tmp/x",
        "out/x",
        ".git/hooks/x",
        "loops/demo.toml",
        ".env",
        "",
    ] {
        run.publish.to = copy(path);
        assert!(run.outbox().offer(&run.tree).is_err(), "{path}");
    }
}

/// A command runs in a checkout of the judged tree with the listed environment only, once; its
/// undo takes it back.
#[test]
fn a_command_is_run_once_and_undone() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    let log = run.desk.temp.path().join("log");
    let script = format!(
        "cat a.txt >> {0}; echo \"[$HOME]{{run}}\" >> {0}",
        log.display()
    );
    run.publish.to = shell(&script, &format!("echo undone >> {}", log.display()));
    let receipt = run.publish().unwrap();
    run.publish().unwrap();
    assert_eq!(
        fs::read_to_string(&log).unwrap(),
        "one\nTWO\nthree\n[]demo-1\n"
    );
    run.take_back(&receipt).unwrap();
    assert!(fs::read_to_string(&log).unwrap().ends_with("undone\n"));
}

/// A command that fails, or is cut short by its timeout or a crash, may have happened: it is
/// never repeated by itself; a person says what is so.
#[test]
fn a_command_cut_short_is_never_repeated() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    let log = run.desk.temp.path().join("log");
    run.publish.to = shell(
        &format!("echo ran >> {}; echo why >&2; exit 3", log.display()),
        "",
    );
    let trouble = run.publish().unwrap_err();
    assert!(
        trouble.maybe_done && trouble.detail.contains("why"),
        "{trouble:?}"
    );
    assert!(trouble.cause.contains("ended with exit 3"), "{trouble}");
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::Unknown);
    assert!(run.publish().unwrap_err().maybe_done);
    assert_eq!(fs::read_to_string(&log).unwrap(), "ran\n");

    run.outbox().release(&run.offer()).unwrap();
    assert!(run.publish().is_err());
    assert_eq!(fs::read_to_string(&log).unwrap(), "ran\nran\n");

    let receipt = run.outbox().mark_done(&run.offer(), &run.tree).unwrap();
    assert_eq!(
        run.outbox().look(&run.offer()).unwrap(),
        Look::Already(receipt.clone())
    );
    assert!(run.take_back(&receipt).is_err());
    run.outbox().release(&run.offer()).unwrap();
    assert_eq!(run.publish().unwrap(), receipt, "what is known stays known");
    assert_eq!(fs::read_to_string(&log).unwrap(), "ran\nran\n");

    run.publish.to = shell("sleep 60 & sleep 60", "");
    let trouble = run.run(&run.begun(), 100).unwrap_err();
    assert!(
        trouble.maybe_done && trouble.cause.contains("was stopped"),
        "{trouble}"
    );
}

/// R44: a command whose end nobody saw is in doubt, also for the next run with the same result.
/// Marked done it is never published twice, by whatever run, until it is taken back.
#[test]
fn a_command_marked_done_is_done() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    let log = run.desk.temp.path().join("log");
    let say = |word: &str| format!("echo {word} >> {}", log.display());
    run.publish.to = shell(&say("did"), &say("undid"));
    run.begun();
    assert!(run.publish().unwrap_err().maybe_done);
    let receipt = run.outbox().mark_done(&run.offer(), &run.tree).unwrap();
    assert_eq!(run.publish().unwrap(), receipt);
    assert!(!log.exists(), "it was not run");
    run.take_back(&receipt).unwrap();
    run.take_back(&receipt).unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "undid\n");
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
    run.publish().unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "undid\ndid\n");
}

/// A mark finds the proof at the target where there is one, so that it can be taken back; and it
/// holds even where the note of the beginning is gone.
#[test]
fn a_mark_takes_its_proof_from_the_target() {
    let run = Finished::new(OutputKind::Diff, branch());
    let receipt = run.publish().unwrap();
    run.forget_receipt();
    let marked = run.outbox().mark_done(&run.offer(), &run.tree).unwrap();
    assert_eq!(marked, receipt);
    run.take_back(&marked).unwrap();
    assert_eq!(run.desk.git(&["branch", "--list", "posts"]), "");

    let mut run = Finished::new(OutputKind::Diff, branch());
    run.publish.to = shell("exit 9", "");
    let marked = run.outbox().mark_done(&run.offer(), &run.tree).unwrap();
    assert_eq!(run.publish().unwrap(), marked);
}

/// An undo command that was cut short is not repeated by itself either: a person says what is so.
#[test]
fn an_undo_cut_short_is_never_repeated() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    let log = run.desk.temp.path().join("log");
    run.publish.to = shell("true", &format!("echo undid >> {}; exit 3", log.display()));
    let receipt = run.publish().unwrap();
    assert!(run.take_back(&receipt).unwrap_err().maybe_done);
    assert_eq!(run.deed().unwrap().undo, Undo::Begun);
    let trouble = run.take_back(&receipt).unwrap_err();
    assert!(trouble.maybe_done, "{trouble}");
    assert_eq!(fs::read_to_string(&log).unwrap(), "undid\n");
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::Unknown);
    let anew = run.outbox().take_back(&receipt, true).unwrap();
    assert!(matches!(anew, Way::By(_)), "{anew:?}");
    run.outbox().undo_ran(&receipt, Ok(())).unwrap();
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
}

/// A program that cannot be started has published nothing, and may be tried again.
#[test]
fn a_command_that_cannot_start_did_not_happen() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    run.publish.to = PublishTo::Command {
        command: vec!["/nonexistent/program".to_owned()],
        undo: Vec::new(),
    };
    assert!(!run.publish().unwrap_err().maybe_done);
    assert_eq!(run.outbox().look(&run.offer()).unwrap(), Look::NotYet);
}

/// Different artefacts, targets or loops are different keys; the same is the same.
#[test]
fn the_key_names_loop_target_and_artefact() {
    let mut run = Finished::new(OutputKind::Diff, branch());
    let first = run.offer().key;
    assert_eq!(run.offer().key, first);
    let other = Outbox {
        loop_name: "other",
        ..run.outbox()
    };
    let mut keys = vec![first, other.offer(&run.tree).unwrap().offer.key];
    run.publish.to = copy("public/x.md");
    keys.push(run.offer().key);
    put(&run.workspace.work_folder().join("a.txt"), b"other\n");
    run.tree = run.workspace.snapshot().unwrap();
    keys.push(run.offer().key);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
    assert_ne!(keys[0], Digest::of(b""));
}
