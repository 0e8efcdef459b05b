//! The host from outside: the wire, the lock, who may come in, and the real program's life.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Output, Stdio};
use std::time::Duration;

use checkride::config::Paths;
use checkride::config::paths::Environment;
use checkride::host::HostError;
use checkride::host::attach::connect;
use checkride::host::environment::Print;
use checkride::host::lock::Lock;
use checkride::host::peer::{Door, start_of};
use checkride::host::serve::{End, Service};
use checkride::host::wire::{Greeting, Lines, WIRE, WireError, line_of, write_from};
use checkride::link::FarEnd;
use checkride::protocol::{Command, Fact, Fetch, MemoryText, Record, RunId};
use checkride::run::{CheckpointId, Decision, Digest, Edit, Event, Limit, Outcome};
use checkride::supervisor::Activity;
use proptest::prelude::*;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::world::World;

/// Far longer than anything here takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn paths(world: &World) -> Paths {
    let environment = Environment {
        state_dir: Some(states(world).into()),
        config_dir: Some(states(world).into()),
        uid: fs::metadata(world.project()).unwrap().uid(),
        ..Environment::default()
    };
    let paths = Paths::new(&world.project(), &environment).unwrap();
    paths.prepare().unwrap();
    paths
}

pub(crate) fn states(world: &World) -> PathBuf {
    world.project().parent().unwrap().join("states")
}

/// The real program in this world, whose loops its operator has allowed.
pub(crate) fn checkride(world: &World, args: &[&str]) -> Process {
    world.allow(&states(world));
    stranger(world, args)
}

/// The real program in a world that nobody has allowed anything.
pub(crate) fn stranger(world: &World, args: &[&str]) -> Process {
    let mut program = Process::new(env!("CARGO_BIN_EXE_checkride"));
    program
        .args(args)
        .current_dir(world.project())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("CHECKRIDE_STATE_DIR", states(world))
        .env("CHECKRIDE_CONFIG_DIR", states(world))
        .stdin(Stdio::null());
    program
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A host that a test started, ended with it.
pub(crate) struct Hosting(Child);

impl Hosting {
    /// Starts one and waits until it answers.
    pub(crate) fn of(world: &World) -> Self {
        let host = checkride(world, &["host"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let host = Self(host);
        until("the host answers", || {
            // Without a host there is nothing that can be told of a past.
            checkride(world, &["status", "--since", "1m"])
                .output()
                .unwrap()
                .status
                .success()
        });
        host
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Process::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = PATIENCE.as_millis() / 10;
    for _ in 0..deadline {
        if is_so() {
            return;
        }
        let pause = Process::new("sleep").arg("0.01").status().unwrap();
        assert!(pause.success());
    }
    panic!("never: {what}");
}

fn record(fact: Fact) -> Record {
    Record {
        seq: 7,
        at: 1_781_000_000_000,
        fact,
    }
}

fn text(len: usize) -> Record {
    record(Fact::Memory(MemoryText {
        name: "tidy".to_owned(),
        path: "memory/tidy.md".to_owned(),
        digest: Digest::of(b""),
        text: "x".repeat(len),
    }))
}

/// Lists, flags, bare words and nested tags all survive the wire.
#[tokio::test]
async fn every_form_of_message_survives_the_wire() {
    let run = RunId::new("tidy", 1);
    let events = [
        Event::HoldAsked(true),
        Event::Ended(Outcome::CannotVerify("no git".to_owned())),
        Event::LimitHit(Limit::Tokens(1, 2)),
        Event::Forgotten,
    ];
    let mut facts: Vec<Fact> = events
        .map(|event| Fact::Run {
            run: run.clone(),
            event,
        })
        .into();
    facts.push(Fact::Loops(Vec::new()));
    facts.push(Fact::Done {
        what: "two\nlines".to_owned(),
    });
    let (near, far) = tokio::io::duplex(64);
    let (to, from) = mpsc::channel(64);
    for fact in facts.clone() {
        to.send(record(fact)).await.unwrap();
    }
    drop(to);
    let read = async {
        let mut lines = Lines::new(far, 1 << 20);
        let mut read = Vec::new();
        while let Some(record) = lines.next::<Record>().await.unwrap() {
            read.push(record.fact);
        }
        read
    };
    let (written, read) = tokio::join!(write_from(from, near, 1 << 20), read);
    written.unwrap();
    assert_eq!(read, facts);
}

fn commands() -> impl Strategy<Value = Command> {
    let word = "\\PC{0,20}";
    prop_oneof![
        (any::<u64>(), word, any::<bool>()).prop_map(|(since, by, early)| Command::Attach {
            since,
            by,
            early
        }),
        Just(Command::Here),
        word.prop_map(|name| Command::Start { name }),
        (word, word).prop_map(|(id, text)| Command::Decide {
            checkpoint: CheckpointId(id),
            digest: Digest::of(text.as_bytes()),
            decision: Decision::Edit(Edit::Prompt { text }),
        }),
        Just(Command::StopAll),
        (word, any::<u64>(), any::<u64>()).prop_map(|(text, from, lines)| {
            let digest = Digest::of(text.as_bytes());
            Command::Fetch(Fetch::Text {
                digest,
                from,
                lines,
            })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// Whatever is said arrives as it was said, however the bytes are cut.
    #[test]
    fn commands_arrive_as_they_were_said(all in prop::collection::vec(commands(), 0..8), buffer in 1_usize..200) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(async {
            let (near, far) = tokio::io::duplex(buffer);
            let (to, from) = mpsc::channel(8);
            for command in all.clone() {
                to.send(command).await.unwrap();
            }
            drop(to);
            let read = async {
                let mut lines = Lines::new(far, 1 << 20);
                let mut read = Vec::new();
                while let Some(command) = lines.next::<Command>().await.unwrap() {
                    read.push(command);
                }
                read
            };
            tokio::join!(write_from(from, near, 1 << 20), read).1
        });
        prop_assert_eq!(read, all);
    }

    /// Any bytes at all end in a value, an end or one line of error; never in more than was sent.
    #[test]
    fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..4096), longest in 1_usize..512) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ends = bytes.split(|&b| b == b'\n').count() - 1;
        let read = runtime.block_on(async {
            let mut lines = Lines::new(bytes.as_slice(), longest);
            let mut read = 0;
            while let Ok(Some(_)) = lines.next::<serde_json::Value>().await {
                read += 1;
            }
            read
        });
        prop_assert!(read <= ends);
    }
}

/// A line over the limit is refused before it is kept; half a line is no value.
#[tokio::test]
async fn a_line_has_a_longest_length_and_an_end() {
    let whole = line_of(&Command::StopAll).unwrap();
    let cut = whole.strip_suffix(b"\n").unwrap();
    let next = |bytes: &'static [u8], longest| async move {
        Lines::new(bytes, longest).next::<Command>().await
    };
    let whole: &'static [u8] = whole.clone().leak();
    let cut: &'static [u8] = cut.to_vec().leak();
    assert_eq!(next(whole, 100).await.unwrap(), Some(Command::StopAll));
    assert_eq!(next(cut, 100).await.unwrap(), None);
    assert!(matches!(next(whole, 5).await, Err(WireError::TooLong(5))));
    assert!(matches!(
        next(b"{\"command\":\"nonsense\"}\n", 100).await,
        Err(WireError::Malformed(_))
    ));
}

/// A host without a supervisor: every connection's far end comes out of the channel.
struct Bare {
    far_ends: mpsc::UnboundedReceiver<FarEnd>,
    said: watch::Sender<Activity>,
    served: tokio::task::JoinHandle<End>,
}

/// Serves this world's socket in this process, whose own connections are let in.
fn bare_host(paths: &Paths, leave_after: Option<Duration>) -> Bare {
    let lock = Lock::take(paths).unwrap();
    let socket = lock.listen(paths).unwrap();
    let (doors, far_ends) = mpsc::unbounded_channel();
    let (said, activity) = watch::channel(Activity::default());
    let service = Service {
        listener: socket.for_runtime().unwrap(),
        door: Door::of_this_process(),
        admit: move |far| drop(doors.send(far)),
        environment: Print::of(&[]),
        activity,
        leave_after,
    };
    let served = tokio::spawn(async move {
        let end = service.run(std::future::pending()).await;
        drop((socket, lock));
        end
    });
    Bare {
        far_ends,
        said,
        served,
    }
}

/// Rubbish on one connection ends that connection and no other.
#[tokio::test]
async fn rubbish_ends_its_own_connection_alone() {
    let world = World::new();
    let paths = paths(&world);
    let mut host = bare_host(&paths, None);
    let mut good = connect(&paths).await.unwrap();
    let mut far = host.far_ends.recv().await.unwrap();
    let socket = paths.socket().to_owned();
    let rubbish = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        let greeting = line_of(&Greeting::ours(None)).unwrap();
        stream.write_all(&greeting).unwrap();
        stream.write_all(b"\xff\xfe not json \x1b[2J\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    });
    let answer = timeout(PATIENCE, rubbish).await.unwrap().unwrap();
    assert_eq!(answer.lines().count(), 1, "{answer}");
    good.commands.send(Command::StopAll).await.unwrap();
    assert_eq!(far.commands.recv().await, Some(Command::StopAll));
    far.records.send(text(3)).await.unwrap();
    assert_eq!(good.records.recv().await, Some(text(3)));
}

/// A cockpit that stops reading fills its own channel; another gets its records at once (R69).
#[tokio::test]
async fn a_cockpit_that_does_not_read_slows_nobody() {
    let world = World::new();
    let paths = paths(&world);
    let mut host = bare_host(&paths, None);
    let deaf = connect(&paths).await.unwrap();
    let deaf_far = host.far_ends.recv().await.unwrap();
    let mut good = connect(&paths).await.unwrap();
    let good_far = host.far_ends.recv().await.unwrap();
    let flood = tokio::spawn(async move {
        let mut sent = 0_u32;
        while timeout(Duration::from_secs(1), deaf_far.records.send(text(100_000)))
            .await
            .is_ok()
        {
            sent += 1;
        }
        sent
    });
    for _ in 0..1000 {
        good_far.records.send(text(10)).await.unwrap();
        timeout(PATIENCE, good.records.recv())
            .await
            .unwrap()
            .unwrap();
    }
    let sent = flood.await.unwrap();
    assert!(
        sent < 2_000,
        "{sent} records of 100 kB were taken for a cockpit that reads none"
    );
    drop(deaf);
}

/// Hosts leave when nothing goes on, stay while something does, and go when told to.
#[tokio::test]
async fn a_host_leaves_when_nobody_needs_it() {
    let world = World::new();
    let paths = paths(&world);
    let host = bare_host(&paths, Some(Duration::from_millis(50)));
    host.said.send_modify(|a| a.working = 1);
    let mut served = host.served;
    assert!(
        timeout(Duration::from_millis(300), &mut served)
            .await
            .is_err()
    );
    host.said.send_modify(|a| a.working = 0);
    timeout(PATIENCE, served).await.unwrap().unwrap();
    assert!(!paths.socket().exists());
    let host = bare_host(&paths, None);
    host.said.send_modify(|a| a.leaving = true);
    let end = timeout(PATIENCE, host.served).await.unwrap().unwrap();
    assert_eq!(end, End::Asked);
    let host = bare_host(&paths, None);
    drop(host.said);
    let end = timeout(PATIENCE, host.served).await.unwrap().unwrap();
    assert_eq!(end, End::Lost);
}

/// An end of the link is an end on the other side, from both directions.
#[tokio::test]
async fn a_dropped_connection_ends_the_link() {
    let world = World::new();
    let paths = paths(&world);
    let mut host = bare_host(&paths, None);
    let mut near = connect(&paths).await.unwrap();
    drop(host.far_ends.recv().await.unwrap());
    assert_eq!(timeout(PATIENCE, near.records.recv()).await.unwrap(), None);
    drop(connect(&paths).await.unwrap());
    let mut far = host.far_ends.recv().await.unwrap();
    assert_eq!(timeout(PATIENCE, far.commands.recv()).await.unwrap(), None);
}

/// A host of another wire is named with its version and the next step.
#[tokio::test]
async fn another_wire_is_named() {
    let world = World::new();
    let paths = paths(&world);
    let listener = UnixListener::bind(paths.socket()).unwrap();
    let old = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let greeting = Greeting {
            environment: None,
            checkride: "9.9.9".to_owned(),
            wire: WIRE + 1,
            refused: None,
        };
        stream.write_all(&line_of(&greeting).unwrap()).unwrap();
    });
    let e = connect(&paths).await.unwrap_err();
    old.join().unwrap();
    let line = "this host runs checkride 9.9.9; run `checkride stop --host`, then start again";
    assert_eq!(e, HostError::OtherWire(line.to_owned()));
}

/// One host per project; a socket that a dead one left is taken over, anything else is not.
#[test]
fn one_host_per_project() {
    let world = World::new();
    let paths = paths(&world);
    let lock = Lock::take(&paths).unwrap();
    let Err(HostError::Taken(line)) = Lock::take(&paths) else {
        panic!("two hosts at once");
    };
    assert!(
        line.contains(&format!("process {}", std::process::id())),
        "{line}"
    );
    drop(UnixListener::bind(paths.socket()).unwrap());
    let socket = lock.listen(&paths).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(paths.socket()), 0o600);
    assert_eq!(mode(paths.state()), 0o700);
    drop(socket);
    fs::write(paths.socket(), "a letter").unwrap();
    assert!(matches!(lock.listen(&paths), Err(HostError::Trouble(_))));
    assert_eq!(fs::read_to_string(paths.socket()).unwrap(), "a letter");
}

/// Where no host ever was, the files say how the loops stand, and there is none to stop; a second host and a
/// host that died leave one clear line.
#[test]
fn the_real_program_says_how_hosts_stand() {
    let world = World::new();
    world.write("loops/broken.toml", "version = 1\n");
    let files = checkride(&world, &["status"]).output().unwrap();
    let told = String::from_utf8_lossy(&files.stdout);
    assert_eq!(files.status.code(), Some(0), "{}", said(&files));
    assert!(
        told.contains("broken  invalid") && told.contains("no host runs here yet"),
        "{told}"
    );
    assert_eq!(told.matches("loops/broken.toml").count(), 1, "{told}");
    let none = checkride(&world, &["stop", "--host"]).output().unwrap();
    assert_eq!(none.status.code(), Some(22), "{}", said(&none));
    fs::remove_file(world.project().join("loops/broken.toml")).unwrap();
    let host = Hosting::of(&world);
    let second = checkride(&world, &["host"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(said(&second).lines().count(), 1, "{}", said(&second));
    assert!(said(&second).contains("already runs"), "{}", said(&second));
    host.signal("-KILL");
    assert!(paths(&world).socket().exists());
    // The next host takes the dead one's place: there is a journal to ask.
    until("another host answers", || {
        let status = checkride(&world, &["status"]).output().unwrap();
        status.status.success()
    });
    let log = checkride(&world, &["log", "nothing"]).output().unwrap();
    assert_eq!(log.status.code(), Some(21), "{}", said(&log));
}

/// A host that was started in passing leaves by itself: lock free, socket gone (R69, ARCHITECTURE §2).
#[test]
fn a_host_started_in_passing_leaves_by_itself() {
    let world = World::new();
    let log = checkride(&world, &["log", "nothing"]).output().unwrap();
    assert_eq!(log.status.code(), Some(21), "{}", said(&log));
    let up = checkride(&world, &["status"]).output().unwrap();
    assert_eq!(up.status.code(), Some(0), "{}", said(&up));
    let paths = paths(&world);
    until("the host has left", || Lock::take(&paths).is_ok());
    assert!(!paths.socket().exists());
}

/// R44, ruling 6: whoever descends from a run is refused, and the host goes on for others.
#[test]
fn a_run_cannot_answer_for_its_operator() {
    let world = World::new();
    let _host = Hosting::of(&world);
    let marked = checkride(&world, &["status"])
        .env("CHECKRIDE_RUN", "0123456789abcdef.tidy-1")
        .output()
        .unwrap();
    assert_eq!(marked.status.code(), Some(1));
    assert!(
        said(&marked).contains("started by a run"),
        "{}",
        said(&marked)
    );
    // The mark of a parent counts as well: a child may have dropped its own.
    let program = env!("CARGO_BIN_EXE_checkride");
    let hidden = Process::new("sh")
        .args(["-c", "env -u CHECKRIDE_RUN \"$0\" status; exit $?", program])
        .current_dir(world.project())
        .env("CHECKRIDE_STATE_DIR", states(&world))
        .env("CHECKRIDE_RUN", "0123456789abcdef.tidy-1")
        .output()
        .unwrap();
    assert!(
        said(&hidden).contains("started by a run"),
        "{}",
        said(&hidden)
    );
    let plain = checkride(&world, &["status"]).output().unwrap();
    assert_eq!(plain.status.code(), Some(0), "{}", said(&plain));
}

/// Ruling 6: a process in another PID namespace is refused, where this system lets a test make one.
#[test]
fn another_namespace_is_refused() {
    let apart = ["--user", "--map-root-user", "--fork", "--pid"];
    let able = Process::new("unshare").args(apart).arg("true").status();
    if !able.is_ok_and(|status| status.success()) {
        return crate::sandbox::skipped("another namespace", "unshare makes none here");
    }
    let world = World::new();
    let _host = Hosting::of(&world);
    let refused = Process::new("unshare")
        .args(apart)
        .args([env!("CARGO_BIN_EXE_checkride"), "status"])
        .current_dir(world.project())
        .env("CHECKRIDE_STATE_DIR", states(&world))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("namespace"), "{}", said(&refused));
}

/// Connections are counted: too many are told so, and those that end make room.
#[tokio::test]
async fn too_many_connections_are_told_so() {
    let world = World::new();
    let paths = paths(&world);
    let _host = bare_host(&paths, None);
    let silent: Vec<UnixStream> = (0..64)
        .map(|_| UnixStream::connect(paths.socket()).unwrap())
        .collect();
    let full = async {
        while connect(&paths).await.is_ok() {}
        connect(&paths).await.unwrap_err()
    };
    let e = timeout(PATIENCE, full).await.unwrap();
    assert!(e.to_string().contains("64 cockpits"), "{e}");
    drop(silent);
    let free = async { while connect(&paths).await.is_err() {} };
    timeout(PATIENCE, free).await.unwrap();
}

/// A closing terminal is nothing to a host; a polite end leaves nothing behind.
#[test]
fn signals_end_a_host_cleanly_but_not_a_hang_up() {
    let world = World::new();
    let mut host = Hosting::of(&world);
    host.signal("-HUP");
    let still = checkride(&world, &["status", "--since", "1m"])
        .output()
        .unwrap();
    assert_eq!(still.status.code(), Some(0), "{}", said(&still));
    host.signal("-TERM");
    assert_eq!(host.0.wait().unwrap().code(), Some(0));
    assert!(!paths(&world).socket().exists());
    let _host = Hosting::of(&world);
    let stopped = checkride(&world, &["stop", "--host"]).output().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", said(&stopped));
    assert!(Lock::take(&paths(&world)).is_ok());
}

/// A state folder too deep for a socket still has one; one that cannot be used is named in one line.
#[test]
fn odd_state_folders_work_or_are_named() {
    let world = World::new();
    let deep = states(&world).join("d".repeat(100)).join("e".repeat(100));
    let run = |states: &std::path::Path| {
        checkride(&world, &["log", "nothing"])
            .env("CHECKRIDE_STATE_DIR", states)
            .output()
            .unwrap()
    };
    let log = run(&deep);
    assert_eq!(log.status.code(), Some(21), "{}", said(&log));
    let file = world.project().parent().unwrap().join("file");
    fs::write(&file, "").unwrap();
    let log = run(&file);
    assert_eq!(log.status.code(), Some(1));
    assert_eq!(said(&log).lines().count(), 1, "{}", said(&log));
}

/// A host that cannot start tells the one who wanted it why, in one line.
#[test]
fn a_host_that_dies_at_its_start_says_why() {
    let world = World::new();
    fs::write(
        paths(&world).state().join("journal.db"),
        "no database, ".repeat(999),
    )
    .unwrap();
    let log = checkride(&world, &["log", "nothing"]).output().unwrap();
    assert_eq!(log.status.code(), Some(1));
    let line = said(&log);
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("journal"), "{line}");
}

/// Many who find no host at the same moment end up with one, and all are served.
#[tokio::test]
async fn a_crowd_starts_one_host() {
    let world = World::new();
    let paths = paths(&world);
    let crowd: Vec<Child> = (0..8)
        .map(|_| {
            let mut one = checkride(&world, &["log", "nothing"]);
            one.stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    // Somebody stays, so that the host does not leave before the last of a slow crowd has come.
    let stays = async {
        loop {
            match connect(&paths).await {
                Ok(link) => break link,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let stays = timeout(PATIENCE, stays).await.unwrap();
    for one in crowd {
        let output = one.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(21), "{}", said(&output));
    }
    let log = fs::read_to_string(paths.log()).unwrap();
    assert_eq!(log.matches("host of ").count(), 1, "{log}");
    drop(stays);
}

/// A host of another wire can be ended all the same: by the process that its lock names.
#[test]
fn stop_ends_a_host_of_another_wire() {
    let world = World::new();
    let paths = paths(&world);
    let mut old = Process::new("sleep").arg("600").spawn().unwrap();
    let pid = old.id();
    let holder = |start| format!(r#"{{"pid":{pid},"start":{start},"checkride":"9.9.9"}}"#);
    let start = start_of(pid).unwrap();
    let listener = UnixListener::bind(paths.socket()).unwrap();
    let greeter = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let greeting = Greeting {
                environment: None,
                checkride: "9.9.9".to_owned(),
                wire: WIRE + 1,
                refused: None,
            };
            stream.write_all(&line_of(&greeting).unwrap()).unwrap();
        }
    });
    // A process that only has the number of the one that took the lock is left alone.
    fs::write(paths.lock(), holder(start + 1)).unwrap();
    let refused = checkride(&world, &["stop", "--host"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(old.try_wait().unwrap(), None);
    fs::write(paths.lock(), holder(start)).unwrap();
    let stopped = checkride(&world, &["stop", "--host"]).output().unwrap();
    assert_eq!(stopped.status.code(), Some(0), "{}", said(&stopped));
    greeter.join().unwrap();
    assert!(!old.wait().unwrap().success());
}

/// Sockets of the internet that a process holds, by the kernel's own tables.
fn internet_sockets(pid: u32) -> Vec<String> {
    let held: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    assert!(!held.is_empty(), "a host listens on its Unix socket");
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        let ours = |line: &&str| {
            line.split_whitespace()
                .nth(9)
                .is_some_and(|inode| held.iter().any(|ours| ours == inode))
        };
        found.extend(
            text.lines()
                .filter(ours)
                .map(|line| format!("{table}: {line}")),
        );
    }
    found
}

/// One binary, local files: a host with a run at its checkpoint holds no socket of the internet,
/// neither listening nor connected (R68).
#[test]
fn a_host_is_not_on_the_network() {
    // The look itself is tried on a process that does listen: this one.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_ne!(internet_sockets(std::process::id()), Vec::<String>::new());
    drop(listener);
    let world = World::new();
    world.skill("tidy");
    world.write(
        "loops/tidy.toml",
        r#"version = 1
name = "tidy"
skill = { path = "skills/tidy" }
worker = { type = "command", command = ["true"] }
goal = { statement = "it is tidy", verify = { checks = [{ name = "there", command = ["true"] }] } }
"#,
    );
    world.commit("a loop");
    let host = Hosting::of(&world);
    let ran = checkride(&world, &["run", "tidy"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(10), "{ran:?}");
    assert_eq!(internet_sockets(host.0.id()), Vec::<String>::new());
}
