//! Bad input from outside: workers that misbehave, files of another version, a disk without room. Each
//! gets one clear line that names the cause, and nothing is lost.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use checkride::protocol::{Fact, LoopState};
use serde_json::Value;
use tokio::time::Instant;

use crate::host::{Hosting, checkride, paths, said, states, until};
use crate::world::{Operator, World};

/// A loop whose worker is this shell script.
fn with_worker(script: &str, timeout: &str) -> World {
    let world = World::new();
    world.skill("odd");
    let worker = format!(
        r#"
version = 1
name = "odd"
skill = {{ path = "skills/odd" }}
worker = {{ type = "command", command = ["sh", "work.sh"], timeout = "{timeout}" }}

[goal]
statement = "There is a file."
[[goal.verify.checks]]
name = "a file"
command = ["test", "-s", "file.txt"]
"#
    );
    world.write("loops/odd.toml", &worker);
    world.write("work.sh", script);
    world.commit("a loop");
    world
}

/// The exit code and what was printed.
fn told(world: &World, line: &str) -> (i32, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = checkride(world, &words).output().unwrap();
    let error = said(&output);
    assert!(error.lines().count() <= 1, "{line}: {error}");
    let printed = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), printed + &error)
}

/// The open question: its kind and digest.
fn question(world: &World) -> (String, String) {
    let (_, printed) = told(world, "status --json");
    let status: Value = serde_json::from_str(&printed).unwrap();
    let open = &status["loops"][0]["checkpoint"];
    let of = |key: &str| open[key].as_str().unwrap_or_default().to_owned();
    (of("kind"), of("digest"))
}

fn approve(world: &World) -> String {
    let (code, shown) = told(world, "show odd");
    assert_eq!(code, 0, "{shown}");
    let (_, digest) = question(world);
    let (code, printed) = told(world, &format!("decide odd approve --digest {digest}"));
    assert_eq!(code, 0, "{printed}");
    shown
}

/// Runs the worker for one turn: the kind of the question that follows, and what it shows.
fn after_one_turn(world: &World) -> (String, String) {
    let (code, printed) = told(world, "run odd");
    assert_eq!(code, 10, "{printed}");
    assert_eq!(question(world).0, "prompt");
    approve(world);
    let (code, printed) = told(world, "run odd");
    assert_eq!(code, 10, "{printed}");
    let (kind, _) = question(world);
    (kind, told(world, "show odd").1)
}

/// The transcript of the first run.
fn transcript(world: &World) -> String {
    world.read(".checkride/runs/odd/1/transcript.jsonl")
}

/// A worker that ends badly is an error checkpoint with one line that says how, told once in the
/// transcript; what it wrote before is kept, and a retry goes on (S12).
#[test]
fn a_worker_that_ends_badly_is_named() {
    let cases = [
        (
            "sleep 600\n",
            "1s",
            "sh printed nothing in 1 s and was killed",
        ),
        (
            "echo 'Half way.'; kill -9 $$\n",
            "1m",
            "sh was killed by KILL",
        ),
        ("echo 'oh no' >&2; exit 7\n", "1m", "sh ended with exit 7"),
        (
            "echo '\u{1b}[2J' >&2; exit 1\n",
            "1m",
            "sh ended with exit 1",
        ),
    ];
    for (script, timeout, wanted) in cases {
        let world = with_worker(script, timeout);
        let _host = Hosting::of(&world);
        let (kind, shown) = after_one_turn(&world);
        assert_eq!(kind, "error", "{shown}");
        assert!(shown.contains(&format!("failed: {wanted}")), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        assert_eq!(transcript(&world).matches(wanted).count(), 1);
        let (_, digest) = question(&world);
        world.write("work.sh", "echo 1 >file.txt\n");
        let (code, printed) = told(&world, &format!("decide odd retry --digest {digest}"));
        assert_eq!(code, 0, "{printed}");
    }
}

/// A worker that is silent, deaf or speaks rubbish is no error: its work is asked about, and none of
/// its bytes reaches a terminal as they are (R29, S16).
#[test]
fn an_odd_worker_is_asked_about_all_the_same() {
    let rubbish = r"printf '\377\376 \033[2J\033]0;t\007 \302\233 hi\n'; echo 1 >file.txt";
    let cases = [
        ("exit 0\n", "nothing changed"),
        ("exec <&-\necho 1 >file.txt\n", "1 file, +1 -0"),
        (rubbish, "the worker says: "),
    ];
    for (script, wanted) in cases {
        let world = with_worker(script, "1m");
        // More than a pipe takes, so that a deaf worker leaves the prompt unread.
        let text = "A long skill. ".repeat(20_000);
        let skill = format!("---\nname: odd\ndescription: For a test.\n---\n\n{text}\n");
        world.write("skills/odd/SKILL.md", &skill);
        world.write("loops/odd.toml", &(world.read("loops/odd.toml") + ROOMY));
        let _host = Hosting::of(&world);
        let (kind, shown) = after_one_turn(&world);
        assert_eq!(kind, "work", "{shown}");
        assert!(shown.contains(wanted), "{shown}");
        let wild = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(wild), "{shown:?}");
        assert!(!transcript(&world).contains(wild));
    }
}

/// Room for a flood.
const ROOMY: &str = "\n[guardrails.budget]\ntokens_per_run = 500_000_000\n";

/// A worker that prints 300 MB is heard to its end; what is kept of it is bounded (F12).
#[test]
fn a_flood_is_taken_in() {
    let flood =
        "head -c 290000000 /dev/zero | tr '\\0' x\nyes 'words of many lines' | head -c 30000000
echo\necho 'The last line.'\necho 1 >file.txt\n";
    let world = with_worker(flood, "50m");
    world.write("loops/odd.toml", &(world.read("loops/odd.toml") + ROOMY));
    let _host = Hosting::of(&world);
    let (kind, shown) = after_one_turn(&world);
    assert_eq!(kind, "work", "{shown}");
    assert!(shown.contains("1 file, +1 -0"), "{shown}");
    let kept = transcript(&world);
    assert!(kept.contains("The last line."));
    assert!(kept.len() < 100_000_000, "{} bytes", kept.len());
}

/// The same flood against the default budget stops the run at its cap, within the turn (P6).
#[test]
fn a_flood_stops_at_the_budget() {
    let world = with_worker("yes 'words' | head -c 300000000\n", "5m");
    let _host = Hosting::of(&world);
    let (kind, shown) = after_one_turn(&world);
    assert_eq!(kind, "budget", "{shown}");
    let (_, spent) = shown.split_once("limit reached: ").unwrap();
    let (spent, _) = spent.split_once(" of 60000 tokens").unwrap();
    // Unchecked it would have been 75 million.
    let spent: u64 = spent.parse().unwrap();
    assert!(spent < 2_000_000, "{spent}");
}

/// A worker or check that is not there, or not executable, is named before anything is spent.
#[test]
fn what_cannot_be_run_is_named() {
    for (from, to, wanted) in [
        (
            "\"sh\", \"work.sh\"",
            "\"no-such-agent\"",
            (15, "no-such-agent, which is not on the PATH"),
        ),
        (
            "\"test\", \"-s\", \"file.txt\"",
            "\"./work.sh\"",
            (2, "line 11: `./work.sh` is not executable"),
        ),
    ] {
        let world = with_worker("echo 1 >file.txt\n", "1m");
        let changed = world.read("loops/odd.toml").replace(from, to);
        world.write("loops/odd.toml", &changed);
        world.commit("broken");
        let _host = Hosting::of(&world);
        let (code, printed) = told(&world, "run odd");
        assert_eq!(code, wanted.0, "{printed}");
        assert!(printed.contains(wanted.1), "{printed}");
    }
}

/// A journal of a newer version is named and left as it is.
#[test]
fn a_newer_journal_is_left_alone() {
    let world = with_worker("exit 0\n", "1m");
    let path = paths(&world).state().join("journal.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE later (x); PRAGMA user_version = 99")
        .unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let (code, printed) = told(&world, "run odd");
    assert_eq!(code, 1);
    assert!(
        printed.contains("was written by a newer checkride"),
        "{printed}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Rubbish in the journal's place is named with what to do, and left as it is.
#[test]
fn rubbish_is_no_journal() {
    let world = with_worker("exit 0\n", "1m");
    let path = paths(&world).state().join("journal.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rubbish = b"this is no database, and long enough to be looked at as one".repeat(9);
    std::fs::write(&path, &rubbish).unwrap();
    let (code, printed) = told(&world, "run odd");
    assert_eq!(code, 1);
    assert!(printed.contains("move it away"), "{printed}");
    assert_eq!(std::fs::read(&path).unwrap(), rubbish);
}

/// A journal of the first version, which kept tokens alone, is brought to this one: its runs keep
/// their number, and their money is unknown.
#[tokio::test]
async fn an_older_journal_is_brought_along() {
    let world = with_worker("exit 0\n", "1m");
    let state = world.settings().state;
    std::fs::create_dir_all(&state).unwrap();
    let path = state.join("journal.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(include_str!("journal-1.sql")).unwrap();
    drop(db);
    let supervisor = world.supervise();
    let operator = Operator::at(&supervisor).await;
    let row = operator.told.iter().find_map(|record| match &record.fact {
        Fact::Loops(rows) => rows.iter().find(|row| row.name == "odd"),
        _ => None,
    });
    let LoopState::Valid(facts) = &row.unwrap().state else {
        panic!("{row:?}");
    };
    let spent = facts.spent;
    assert_eq!((spent.tokens, spent.micro_usd), (1_200, None));
    assert!(spent.estimated);
}

/// A disk of six megabytes under a folder, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount one.
    fn at(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mount = Process::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Process::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Fills a disk to its last page; gives back what has to go to make room.
fn fill(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    let fits = std::fs::write(&filler, vec![b'x'; 8 << 20]).is_ok();
    assert!(!fits, "there is room left");
    filler
}

/// Says how long a run took to go on with room; wanted are 5 s, and a busy machine gets some more.
fn goes_on(took: Duration) {
    drop(writeln!(std::io::stderr(), "goes on {took:?} after room"));
    assert!(took < Duration::from_secs(50), "{took:?}");
}

fn skipped() {
    drop(writeln!(
        std::io::stderr(),
        "skipped: this user may not mount a small disk"
    ));
}

/// A decision on a full disk is told in one line, is not lost, and counts within 5 s of room; that the
/// readable files have no room either does not make it a refusal (S3).
#[test]
fn a_full_disk_holds_the_run() {
    for readable_too in [false, true] {
        let world = with_worker("echo 1 >file.txt\n", "1m");
        let states = states(&world);
        let readable = world.project().join(".checkride");
        let (Some(_disk), Some(_other)) = (SmallDisk::at(&states), SmallDisk::at(&readable)) else {
            return skipped();
        };
        let _host = Hosting::of(&world);
        let (code, printed) = told(&world, "run odd");
        assert_eq!(code, 10, "{printed}");
        assert_eq!(told(&world, "show odd").0, 0);
        let (_, digest) = question(&world);
        let mut fillers = vec![fill(&states)];
        if readable_too {
            fillers.push(fill(&readable));
        }
        let (code, line) = told(&world, &format!("decide odd approve --digest {digest}"));
        assert_eq!(code, 1, "{line}");
        assert!(line.contains("disk is full; this run waits"), "{line}");
        assert!(line.contains("the answer is not lost"), "{line}");
        assert_eq!(question(&world).0, "prompt");
        for filler in fillers {
            std::fs::remove_file(filler).unwrap();
        }
        let room = Instant::now();
        until("the work is asked about", || question(&world).0 == "work");
        goes_on(room.elapsed());
    }
}

/// Where only the readable files have no room, a decision counts and says so; none of them is cut, and
/// with room they are all there (S3).
#[test]
fn without_room_for_readable_files_a_run_goes_on() {
    let world = with_worker("echo 1 >file.txt\n", "1m");
    let readable = world.project().join(".checkride");
    let Some(_disk) = SmallDisk::at(&readable) else {
        return skipped();
    };
    let _host = Hosting::of(&world);
    assert_eq!(told(&world, "run odd").0, 10);
    let filler = fill(&readable);
    approve(&world);
    until("the work is asked about", || question(&world).0 == "work");
    let folder = readable.join("runs/odd/1/1");
    assert!(!folder.join("diff.patch").exists());
    std::fs::remove_file(filler).unwrap();
    approve(&world);
    until("the verdict is asked about", || {
        question(&world).0 == "verdict"
    });
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("diff.patch").contains("+1"), "{}", read("diff.patch"));
    let decisions = read("decisions.jsonl");
    let lines: Vec<Value> = decisions
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{decisions}");
    for line in transcript(&world).lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// A loop whose worker leaves no room on the disk of its workspace, in a file that no snapshot takes; the
/// disk, and what has to go to make room.
fn with_filled_workspace() -> Option<(World, SmallDisk, PathBuf)> {
    let world = with_worker(
        "cat >/dev/null\necho 1 >file.txt\nhead -c 9000000 /dev/zero >filler 2>/dev/null || true\n",
        "1m",
    );
    world.write(".gitignore", "filler\n");
    world.commit("ignored");
    let folder = paths(&world).state().join("workspaces");
    let disk = SmallDisk::at(&folder)?;
    Some((world, disk, folder.join("odd/work/filler")))
}

/// A run whose snapshot has no room waits and says why, asks nothing, and goes on with the work that was done
/// within 5 s of room: nobody pays for it again (S3).
#[test]
fn a_full_disk_at_the_snapshot_holds_the_run() {
    let Some((world, _disk, filler)) = with_filled_workspace() else {
        return skipped();
    };
    let _host = Hosting::of(&world);
    assert_eq!(told(&world, "run odd").0, 10);
    approve(&world);
    let (code, line) = told(&world, "run odd");
    assert_eq!(code, 1, "{line}");
    assert!(line.contains("this run waits and tries again"), "{line}");
    assert!(line.contains("the host keeps the run"), "{line}");
    assert_eq!(question(&world).0, "");
    std::fs::remove_file(filler).unwrap();
    let room = Instant::now();
    until("the work is asked about", || question(&world).0 == "work");
    goes_on(room.elapsed());
    let shown = told(&world, "show odd").1;
    assert!(shown.contains("1 file, +1 -0"), "{shown}");
    assert_eq!(transcript(&world).matches("\"kind\":\"error\"").count(), 0);
}

/// A run that waits for room is stopped like any other, without any (S3).
#[test]
fn a_run_that_waits_for_room_can_be_stopped() {
    let Some((world, _disk, filler)) = with_filled_workspace() else {
        return skipped();
    };
    let _host = Hosting::of(&world);
    assert_eq!(told(&world, "run odd").0, 10);
    approve(&world);
    let (_, line) = told(&world, "run odd");
    assert!(line.contains("this run waits and tries again"), "{line}");
    let (_, line) = told(&world, "stop odd");
    until("the run is over", || {
        let (_, printed) = told(&world, "status --json");
        let status: Value = serde_json::from_str(&printed).unwrap();
        status["loops"][0]["state"] == "idle"
    });
    assert!(filler.exists(), "{line}");
}
