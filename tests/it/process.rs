//! Real process trees under a real keeper: nothing outlives its owner, nothing is left behind.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use checkride::protocol::RunId;
use checkride::supervisor::process::{
    self, Ending, Exit, Halt, Home, Limits, MARK, Mark, NotStarted, Running, Sink, Stdin, Watched,
    spawn, sweep::sweep, watch,
};
use rustix::process::Pid;
use tokio::sync::watch as channel;
use tokio::time::Instant;

/// A run of its own in a folder of its own.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) home: Home,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home {
            keeper: PathBuf::from(env!("CARGO_BIN_EXE_checkride")),
            kept: None,
            cage: None,
            mark: Mark::new(dir.path(), "tidy-1"),
            env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        };
        Self { dir, home }
    }

    /// One whose keeper is kept between its processes.
    fn keeping() -> Self {
        let mut bench = Self::new();
        bench.home.kept = Some(process::Kept::default());
        bench
    }

    /// Runs a script and gives back how it ended and what it printed.
    async fn says(&self, script: &str) -> (Exit, String) {
        let (end, kept) = watched(self.sh(script).await, b"", LONG).await;
        (end.exit, String::from_utf8(kept.out).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    async fn start(&self, argv: &[&str]) -> Result<Running, NotStarted> {
        let argv = argv.iter().map(|&a| a.to_owned()).collect();
        spawn(self.home.order(argv, self.path(), Stdin::Piped)).await
    }

    async fn sh(&self, script: &str) -> Running {
        self.start(&["sh", "-c", script]).await.unwrap()
    }

    /// Live processes that carry this run's mark.
    pub(crate) fn alive(&self) -> Vec<i32> {
        let wanted = format!("{MARK}={}", self.home.mark.as_str());
        pids(|pid| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|&b| b == 0).any(|e| e == wanted.as_bytes())
        })
    }

    fn wait_for_file(&self, name: &str) -> String {
        let path = self.path().join(name);
        within(LONG, || {
            fs::read_to_string(&path).ok().filter(|t| t.ends_with('\n'))
        })
    }
}

fn pids(wanted: impl Fn(i32) -> bool) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|e| e.file_name().to_str()?.parse().ok())
        .filter(|&pid| wanted(pid))
        .collect()
}

/// Looks again and again until there is something, or the time is over.
#[expect(
    clippy::disallowed_methods,
    reason = "what is waited for needs the processor that looking would take"
)]
pub(crate) fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < time, "not within {time:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A process of this run with this word on its command line, as `/proc` tells.
pub(crate) fn of_run(project: &Path, run: &RunId, word: &str) -> Option<Pid> {
    let mark = Mark::new(&project.canonicalize().unwrap(), &run.0);
    let mark = format!("{MARK}={}", mark.as_str());
    let has = |process: &Path, file: &str, part: &str| {
        let bytes = fs::read(process.join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.split('\0').any(|found| found == part)
    };
    let mut all = fs::read_dir("/proc").unwrap().map(|e| e.unwrap().path());
    let found = all.find(|path| has(path, "cmdline", word) && has(path, "environ", &mark))?;
    Pid::from_raw(found.file_name()?.to_str()?.parse().ok()?)
}

/// Says a measured figure where it is seen with `--nocapture`.
macro_rules! measured {
    ($($said:tt)*) => {
        writeln!(std::io::stderr(), $($said)*).unwrap()
    };
}

mod kills;
mod ready;

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    count: u64,
}

impl Sink for Kept {
    fn stdout(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        let room = 100_000_usize.saturating_sub(self.out.len());
        self.out.extend(&bytes[..bytes.len().min(room)]);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.err.extend(bytes);
    }
}

pub(crate) async fn watched(running: Running, input: &[u8], timeout: Duration) -> (Watched, Kept) {
    let (_halt, receiver) = channel::channel(Halt::No);
    let limits = Limits {
        timeout,
        halt: receiver,
    };
    let mut kept = Kept::default();
    let end = watch(running, input, limits, &mut kept).await;
    (end, kept)
}

/// Far longer than anything here takes; only a hang reaches it.
const LONG: Duration = Duration::from_secs(120);

/// What a kill may take on a machine that builds at the same time. How long it took is told.
const BUSY: Duration = Duration::from_secs(20);

/// A script that starts `n` processes in sessions of their own that ignore what can be ignored.
fn stubborn(n: u32) -> String {
    format!(
        "trap '' TERM HUP INT; i=0; while [ $i -lt {n} ]; do \
         setsid sh -c 'trap \"\" TERM HUP INT; echo up >> up; while :; do sleep 600; done' & i=$((i+1)); done; \
         while [ \"$(wc -l < up)\" -lt {n} ]; do sleep 0.02; done; echo ready > ready; wait"
    )
}

/// Starts the tree, waits until it stands, and kills it: how long until the keeper says «gone».
async fn time_to_kill(bench: &Bench, script: &str) -> Duration {
    let mut running = bench.sh(script).await;
    bench.wait_for_file("ready");
    let began = Instant::now();
    running.kill();
    running.wait().await;
    let took = began.elapsed();
    assert_eq!(bench.alive(), Vec::<i32>::new());
    took
}

/// S5: 64 processes with sessions of their own that ignore TERM, HUP and INT: none is left.
#[tokio::test]
async fn the_kill_key_kills_64_stubborn_sessions() {
    let bench = Bench::new();
    let took = time_to_kill(&bench, &stubborn(64)).await;
    measured!("kill of 64 setsid, TERM-ignoring processes: {took:?}");
    assert!(took < BUSY, "{took:?}");
}

/// S5: processes that fork for ever, each child in a session of its own, lose the race.
#[tokio::test]
async fn forking_while_being_killed_does_not_win() {
    let bench = Bench::new();
    let script = "cat > f <<'X'\n\
         [ \"$1\" -gt 0 ] || exit 0\n\
         echo up >> up\n\
         while :; do setsid sh ./f $(($1-1)) & sleep 0.01; done\n\
         X\n\
         setsid sh ./f 2 & while [ \"$(wc -l < up)\" -lt 20 ]; do sleep 0.01; done; echo ready > ready; wait";
    let took = time_to_kill(&bench, script).await;
    measured!("kill of a forking tree: {took:?}");
    assert!(took < BUSY, "{took:?}");
}

/// S5: a relay, in which each process starts the next one in a new session and is gone at once,
/// is caught though no process of it lives for long.
#[tokio::test]
async fn a_relay_of_short_lives_is_caught() {
    let bench = Bench::new();
    let script = "printf 'setsid sh ./g & exit\n' > g; sh ./g; sh ./g; sh ./g; \
         echo ready > ready; exec sleep 600";
    let took = time_to_kill(&bench, script).await;
    measured!("kill of a relay: {took:?}");
    assert!(took < BUSY, "{took:?}");
}

/// F9: what a keeper costs a process that does nothing; held only against being absurdly slow.
#[tokio::test]
async fn a_keeper_costs_little() {
    let bench = Bench::new();
    let began = Instant::now();
    for _ in 0..50 {
        let mut running = bench.start(&["/bin/true"]).await.unwrap();
        assert_eq!(running.wait().await, Exit::Code(0));
    }
    let each = began.elapsed() / 50;
    measured!("spawn, keep and reap of /bin/true: {each:?}");
    assert!(each < Duration::from_secs(1), "{each:?}");
}

/// F9: one keeper serves the programs of a run one after another; each finds nothing of the one
/// before, and a run that rests has no process at all.
#[tokio::test]
async fn a_kept_keeper_serves_the_next_program() {
    let bench = Bench::keeping();
    let (_, first) = bench
        .says("setsid sleep 600 & sleep 600 & echo $PPID")
        .await;
    let keeper: i32 = first.trim().parse().unwrap();
    assert_eq!(bench.alive(), [keeper]);
    let refused = bench.start(&["./none"]).await.map(drop).unwrap_err();
    assert!(refused.why.contains("is not there"), "{}", refused.why);
    bench.home.kept.clone().unwrap().let_go();
    let gone = || bench.alive().is_empty().then_some(());
    within(LONG, gone);
    let (_, second) = bench.says("echo $PPID").await;
    let (exit, third) = bench.says("echo $PPID; exit 3").await;
    assert_eq!((exit, &third), (Exit::Code(3), &second));
    assert_ne!(second, first);
}

/// A word that comes too late for one program does not reach the next one.
#[tokio::test]
async fn a_late_word_does_not_end_the_next_program() {
    let bench = Bench::keeping();
    let mut running = bench.sh("exit 0").await;
    let child = running.record().pid;
    within(LONG, || (!is_alive(child)).then_some(()));
    running.terminate();
    running.kill();
    assert_eq!(running.wait().await, Exit::Code(0));
    let (exit, said) = bench.says("echo on; exit 3").await;
    assert_eq!((exit, said.as_str()), (Exit::Code(3), "on\n"));
}

/// A keeper that is killed while it is only kept costs nothing: the next program gets another.
#[tokio::test]
async fn a_kept_keeper_that_was_killed_is_replaced() {
    let bench = Bench::keeping();
    let (_, keeper) = bench.says("echo $PPID").await;
    kill("-KILL", keeper.trim());
    let dead = || (!is_alive(keeper.trim().parse().unwrap())).then_some(());
    within(LONG, dead);
    let (exit, another) = bench.says("echo $PPID").await;
    assert_eq!(exit, Exit::Code(0));
    assert_ne!(another, keeper);
}

/// S5: a daemon that forked twice and has no parent left is still the keeper's.
#[tokio::test]
async fn a_double_fork_does_not_escape() {
    let bench = Bench::new();
    let script = "setsid sh -c 'setsid sh -c \"echo ready > ready; exec sleep 600\" & exit' ; exec sleep 600";
    let took = time_to_kill(&bench, script).await;
    assert!(took < BUSY, "{took:?}");
}

/// R-keeper: what a finished worker left in the background is dead before its end is told, so it
/// edits nothing after the verdict and holds no pipe open.
#[tokio::test]
async fn a_finished_worker_leaves_nothing_behind() {
    let bench = Bench::new();
    let running = bench.sh("setsid sleep 600 & sleep 600 & echo done").await;
    let (end, kept) = watched(running, b"", LONG).await;
    assert_eq!(end.exit, Exit::Code(0));
    assert_eq!(end.ending, Ending::ByItself);
    assert_eq!(kept.out, b"done\n");
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

/// Halt asks politely once: TERM, so that the worker may clean up; what ignores it is killed.
#[tokio::test]
async fn a_polite_end_lets_the_worker_clean_up() {
    let bench = Bench::new();
    let running = bench
        .sh("trap 'echo bye; exit 7' TERM; echo ready > ready; while :; do sleep 0.05; done")
        .await;
    let (halt, receiver) = channel::channel(Halt::No);
    let limits = Limits {
        timeout: LONG,
        halt: receiver,
    };
    let mut kept = Kept::default();
    let ask = async {
        bench.wait_for_file("ready");
        halt.send_replace(Halt::Politely);
    };
    let (end, ()) = tokio::join!(watch(running, b"", limits, &mut kept), ask);
    assert_eq!((end.exit, end.ending), (Exit::Code(7), Ending::Halted));
    assert_eq!(kept.out, b"bye\n");
}

/// A timeout kills the tree and is told apart from an end by itself.
#[tokio::test]
async fn a_timeout_kills_the_tree() {
    let bench = Bench::new();
    let running = bench
        .sh("echo a; setsid sleep 600 & echo ready > ready; sleep 600")
        .await;
    bench.wait_for_file("ready");
    let (end, kept) = watched(running, b"", Duration::from_millis(300)).await;
    assert_eq!(end.ending, Ending::TimedOut);
    assert_eq!(end.exit, Exit::Signal(9));
    assert_eq!(kept.out, b"a\n");
    assert!(end.took_ms < 20_000, "{end:?}");
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

/// Dropping the handle closes the socket: the keeper kills the tree by itself (S6 in small).
#[tokio::test]
async fn dropping_the_handle_kills_the_tree() {
    let bench = Bench::new();
    let running = bench.sh(&stubborn(8)).await;
    bench.wait_for_file("ready");
    let began = Instant::now();
    drop(running);
    within(LONG, || bench.alive().is_empty().then_some(()));
    measured!("owner gone to tree gone: {:?}", began.elapsed());
}

/// Not a test of its own: the owner that the tests below kill. It runs `$TREE` and waits.
#[tokio::test]
#[ignore = "started as a process by the tests that kill it"]
async fn owner() {
    let Some(dir) = std::env::var_os("OWNED") else {
        return;
    };
    let mut bench = Bench::new();
    bench.home.mark = Mark::new(Path::new(&dir), "tidy-1");
    let argv = ["sh", "-c", &std::env::var("TREE").unwrap()].map(str::to_owned);
    let order = bench
        .home
        .order(argv.to_vec(), Path::new(&dir), Stdin::Null);
    let mut running = spawn(order).await.unwrap();
    running.wait().await;
}

/// An owner in a process of its own, with the tree of this script standing.
fn owned(bench: &Bench, script: &str) -> std::process::Child {
    let owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::owner", "--ignored"])
        .env("OWNED", bench.path())
        .env("TREE", script)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    bench.wait_for_file("ready");
    owner
}

/// S6: the owner dies by SIGKILL, and within 250 ms nothing of its agent is left.
#[test]
fn no_agent_outlives_its_owner() {
    let bench = Bench::new();
    let mut owner = owned(&bench, &stubborn(16));
    let began = Instant::now();
    owner.kill().unwrap();
    within(LONG, || bench.alive().is_empty().then_some(()));
    let took = began.elapsed();
    owner.wait().unwrap();
    measured!("kill -9 of the owner to tree gone: {took:?}");
    // The target is 250 ms.
    assert!(took < BUSY, "{took:?}");
}

/// S6: owner and keeper die together; the next start sweeps what is left, by mark.
#[test]
fn the_next_start_sweeps_when_both_are_dead() {
    let bench = Bench::new();
    let mut owner = owned(&bench, &stubborn(8));
    let keepers = pids(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.ends_with(b"\0__keeper\0"))
            && bench.alive().contains(&pid)
    });
    assert_eq!(keepers.len(), 1);
    // Stopped first, so that the keeper cannot act on the death of its owner.
    kill("-STOP", &keepers[0].to_string());
    owner.kill().unwrap();
    owner.wait().unwrap();
    kill("-KILL", &keepers[0].to_string());
    assert!(bench.alive().len() >= 8);
    let began = Instant::now();
    let swept = sweep(&Mark::of_project(bench.path()), &[]);
    measured!("sweep: {:?}, {swept:?}", began.elapsed());
    assert_eq!(swept.left, 0);
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

/// When the keeper is killed, the host sweeps: marked processes, their children, and the session.
#[tokio::test]
async fn a_killed_keeper_is_noticed_and_its_tree_swept() {
    let bench = Bench::new();
    let mut running = bench
        .sh("setsid sleep 600 & env -i /bin/sh -c 'sleep 601 & echo $! > bare' ; echo ready > ready; wait; sleep 600")
        .await;
    bench.wait_for_file("ready");
    let bare: i32 = bench.wait_for_file("bare").trim().parse().unwrap();
    let child = running.record().pid;
    kill("-KILL", &parent(child).to_string());
    assert_eq!(running.wait().await, Exit::KeeperLost);
    assert_eq!(bench.alive(), Vec::<i32>::new());
    assert!(!is_alive(bare), "a process without the mark has escaped");
}

/// A tree that floods its pipes is swept as fast when its keeper is killed.
#[tokio::test]
async fn a_flood_does_not_hide_a_killed_keeper() {
    let bench = Bench::new();
    let running = bench.sh("echo ready > ready; yes").await;
    bench.wait_for_file("ready");
    let keeper = parent(running.record().pid).to_string();
    let killing = async { kill("-KILL", &keeper) };
    let ((end, _), ()) = tokio::join!(watched(running, b"", LONG), killing);
    assert_eq!((end.exit, end.ending), (Exit::KeeperLost, Ending::ByItself));
    assert!(end.took_ms < 30_000, "{end:?}");
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

/// The next start finds what host and keeper left, by mark and by record, and nothing else.
#[tokio::test]
async fn the_sweep_finds_marks_and_records_only() {
    let bench = Bench::new();
    let mut other = Command::new("sleep")
        .arg("600")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut marked = Command::new("sh")
        .args(["-c", "env -i sleep 600 & setsid sleep 600 & wait"])
        .env(MARK, bench.home.mark.as_str())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    within(LONG, || (bench.alive().len() >= 2).then_some(()));
    let prefix = Mark::of_project(bench.path());
    assert_eq!(
        sweep(&Mark::of_project(Path::new("/elsewhere")), &[]).killed,
        0
    );
    let swept = std::thread::scope(|scope| {
        // The test is the parent of these, so it has to reap them while they are swept.
        scope.spawn(|| marked.wait().unwrap());
        sweep(&prefix, &[])
    });
    assert_eq!(swept.left, 0);
    assert!(swept.killed >= 2, "{swept:?}");
    assert_eq!(bench.alive(), Vec::<i32>::new());
    assert!(
        other.try_wait().unwrap().is_none(),
        "a foreign process was killed"
    );
    other.kill().unwrap();
    other.wait().unwrap();
}

/// A process that becomes another program all the time is found, though it has no environment in between.
#[test]
fn the_sweep_finds_what_is_becoming_another_program() {
    let bench = Bench::new();
    fs::write(bench.path().join("again"), "exec sh ./again\n").unwrap();
    for _ in 0..50 {
        let mut marked = Command::new("sh")
            .arg("./again")
            .current_dir(bench.path())
            .env(MARK, bench.home.mark.as_str())
            .spawn()
            .unwrap();
        let swept = std::thread::scope(|scope| {
            let pid = marked.id().to_string();
            scope.spawn(|| marked.wait().unwrap());
            let swept = sweep(&Mark::of_project(bench.path()), &[]);
            if swept.killed == 0 {
                kill("-KILL", &pid);
            }
            swept
        });
        assert_eq!((swept.killed, swept.left), (1, 0));
    }
}

/// Each way in which a program cannot be started has one line of its own.
#[tokio::test]
async fn what_cannot_start_says_why() {
    let bench = Bench::new();
    fs::write(bench.path().join("plain"), "x").unwrap();
    fs::write(bench.path().join("orphan"), "#!/no/such/interpreter\n").unwrap();
    Command::new("chmod")
        .args(["+x", "orphan"])
        .current_dir(bench.path())
        .status()
        .unwrap();
    let why = async |argv: &[&str]| bench.start(argv).await.unwrap_err().why;
    assert_eq!(
        why(&["no-such-agent"]).await,
        "no-such-agent is not found: install it, or give its full path"
    );
    assert_eq!(
        why(&["./gone"]).await,
        "./gone is not there: correct the path in the loop file"
    );
    assert_eq!(
        why(&["./plain"]).await,
        "./plain is not executable: chmod +x it"
    );
    assert_eq!(
        why(&["./orphan"]).await,
        "the interpreter that ./orphan names in its first line is not installed"
    );
    let long = "x".repeat(3 << 20);
    assert_eq!(
        why(&["true", &long]).await,
        "the arguments of true are too long: give the prompt by stdin"
    );
    let order = bench.home.order(
        vec!["true".into()],
        Path::new("/no/such/folder"),
        Stdin::Null,
    );
    assert_eq!(
        spawn(order).await.unwrap_err().why,
        "the folder /no/such/folder is not there: true cannot start in it"
    );
}

/// A program that is still open for writing as it is started is waited for a moment, and not for ever.
#[tokio::test]
async fn a_program_that_was_just_written_is_started() {
    let bench = Bench::new();
    let written = |name: &str| {
        let path = bench.path().join(name);
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(b"#!/bin/sh\nexit 3\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        file
    };
    let file = written("soon");
    let closes = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(file);
    };
    let (running, ()) = tokio::join!(bench.start(&["./soon"]), closes);
    assert_eq!(running.unwrap().wait().await, Exit::Code(3));
    let _open = written("never");
    let why = bench.start(&["./never"]).await.unwrap_err().why;
    assert_eq!(
        why,
        "./never is still open for writing: try again when that is done"
    );
}

/// Exactly the given environment reaches the child, and the mark.
#[tokio::test]
async fn nothing_else_of_the_environment_passes() {
    let mut bench = Bench::new();
    bench.home.env = vec![("LANG".into(), OsString::from("C"))];
    let running = bench.start(&["/usr/bin/env"]).await.unwrap();
    let (_, kept) = watched(running, b"", LONG).await;
    let mut lines: Vec<_> = str::from_utf8(&kept.out).unwrap().lines().collect();
    lines.sort_unstable();
    let mark = format!("{MARK}={}", bench.home.mark.as_str());
    assert_eq!(lines, [mark.as_str(), "LANG=C", "TERM=dumb"]);
}

/// S15: 200 MB in one line, NULs: read to the end with the memory of two buffers. They are read in a process of
/// their own: other tests grow in this one.
#[test]
fn a_line_without_end_costs_no_memory() {
    let read = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::reader_of_much", "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(MUCH, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    measured!("{}", said.trim_end());
    assert!(read.status.success(), "{read:?}");
    assert!(said.contains("reading: "), "{read:?}");
}

/// Set where much is to be read.
const MUCH: &str = "READS_MUCH";

/// Not a test of its own: the process that reads so much.
#[tokio::test]
#[ignore = "started as a process by the test that looks at its memory"]
async fn reader_of_much() {
    if std::env::var_os(MUCH).is_none() {
        return;
    }
    let bench = Bench::new();
    let running = bench.sh("head -c 200000000 /dev/zero").await;
    let before = resident();
    let began = Instant::now();
    let (end, kept) = watched(running, b"", LONG).await;
    let rate = 200.0 / began.elapsed().as_secs_f64();
    measured!(
        "reading: {rate:.0} MB/s, memory +{} KiB",
        resident().saturating_sub(before)
    );
    assert_eq!((end.exit, kept.count), (Exit::Code(0), 200_000_000));
    // S15 allows 64 MiB.
    assert!(resident() < before + 64 * 1024, "memory grew");
}

/// A process that reads nothing of a long prompt, or closes its input, is not at fault.
#[tokio::test]
async fn an_unread_prompt_is_no_error() {
    let bench = Bench::new();
    let prompt = vec![b'p'; 4 << 20];
    let running = bench.sh("exec <&-; echo ok").await;
    let (end, kept) = watched(running, &prompt, LONG).await;
    assert_eq!(
        (end.exit, kept.out.as_slice()),
        (Exit::Code(0), &b"ok\n"[..])
    );
    let running = bench.sh("cat | wc -c").await;
    let (_, kept) = watched(running, &prompt, LONG).await;
    assert_eq!(String::from_utf8_lossy(&kept.out).trim(), "4194304");
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn kill(signal: &str, pid: &str) {
    assert!(
        Command::new("kill")
            .args([signal, pid])
            .status()
            .unwrap()
            .success()
    );
}

/// The process that started this one, while that lives.
fn parent(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|s| !s.rsplit_once(')').unwrap().1.starts_with(" Z"))
}
