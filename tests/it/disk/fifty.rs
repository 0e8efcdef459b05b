//! S4 over many loops at once: what the system refuses or takes from one of them is that loop's own
//! question, the others go on, and so does everybody once there is room. 4 loops, or `CHECKRIDE_LOOPS`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operator looks for a few facts and overhears the rest"
)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use checkride::host::attach::connect;
use checkride::link::Link;
use checkride::protocol::{Command, Fact, RunId};
use checkride::run::{Ask, Checkpoint, Decision, Event, Outcome};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::time::{Instant, sleep, timeout};

use super::{Host, LOOP, Shim};
use crate::host::paths;
use crate::ordeal::times;
use crate::process::of_run;
use crate::world::World;

/// What so many loops may take on a busy machine; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A project of many loops that may all work at once; those in `hungry` never end by themselves.
fn world(hungry: usize) -> (World, Vec<String>) {
    let world = World::new();
    world.skill("odd");
    world.write("checkride.toml", "max_running = 64\n");
    let names: Vec<String> = (0..times("CHECKRIDE_LOOPS", 4))
        .map(|number| format!("odd-{number}"))
        .collect();
    for (number, name) in names.iter().enumerate() {
        let mut text = LOOP.replace("\"odd\"", &format!("{name:?}"));
        if number < hungry {
            text = text.replace("work.sh", "hungry.sh");
        }
        world.write(&format!("loops/{name}.toml"), &text);
    }
    world.write("work.sh", "cat >/dev/null\necho $$ >>file.txt\n");
    world.write("hungry.sh", "cat >/dev/null\nsleep 600\n");
    world.commit("loops");
    (world, names)
}

/// What an operator knows of one loop.
#[derive(Default)]
struct Seat {
    open: Option<Checkpoint>,
    ended: Option<Outcome>,
    /// The causes of its error questions.
    errors: Vec<String>,
}

/// An operator of many loops, who approves all and tries again what failed once it may.
struct Crew {
    link: Link,
    seats: BTreeMap<String, Seat>,
    /// What else was not done, as it was told.
    why: Vec<String>,
}

impl Crew {
    async fn at(world: &World, host: &mut Host, names: &[String]) -> Self {
        let paths = paths(world);
        let link = loop {
            assert!(host.0.try_wait().unwrap().is_none(), "the host left");
            if let Ok(link) = connect(&paths).await {
                break link;
            }
            sleep(Duration::from_millis(5)).await;
        };
        let seats = names.iter().map(|name| (name.clone(), Seat::default()));
        let crew = Self {
            link,
            seats: seats.collect(),
            why: Vec::new(),
        };
        let by = "test".to_owned();
        let early = false;
        crew.say(Command::Attach {
            since: 0,
            by,
            early,
        })
        .await;
        for name in names {
            let name = name.clone();
            crew.say(Command::Start { name }).await;
        }
        crew
    }

    async fn say(&self, command: Command) {
        self.link.commands.send(command).await.expect("the host");
    }

    fn hear(&mut self, fact: Fact) {
        match fact {
            Fact::Run { run, event } => {
                let (name, _) = run.split().unwrap();
                let seat = self.seats.get_mut(name).unwrap();
                match event {
                    Event::Asked(open) => {
                        if let Ask::Error { failure } = &open.ask {
                            assert_eq!(failure.cause.lines().count(), 1, "{failure:?}");
                            seat.errors.push(failure.cause.clone());
                        }
                        seat.open = Some(*open);
                    }
                    Event::Decided { .. } => seat.open = None,
                    Event::Ended(outcome) => seat.ended = Some(outcome),
                    _ => {}
                }
            }
            Fact::Refused { why, .. } | Fact::Stalled { why, .. } | Fact::Unkept { why, .. } => {
                assert_eq!(why.lines().count(), 1, "{why}");
                self.why.push(why);
            }
            _ => {}
        }
    }

    /// Answers the questions of this loop; errors only where they are to be tried again.
    async fn answer(&self, name: &str, again: bool) {
        let Some(open) = &self.seats[name].open else {
            return;
        };
        let decision = match &open.ask {
            Ask::Error { .. } if !again => return,
            Ask::Error { .. } => Decision::Retry { note: None },
            Ask::Publish { .. } => Decision::Approve {
                typed: Some(open.digest.short().to_owned()),
            },
            _ => Decision::APPROVE,
        };
        self.decide(open, decision).await;
    }

    async fn decide(&self, open: &Checkpoint, decision: Decision) {
        let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
        self.say(Command::Seen { checkpoint, digest }).await;
        let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
        self.say(Command::Decide {
            checkpoint,
            digest,
            decision,
        })
        .await;
    }

    /// Hears until it is so, and answers meanwhile those loops that this names, with whether an error
    /// is tried again.
    async fn until(
        &mut self,
        what: &str,
        answered: impl Fn(&str) -> Option<bool>,
        is_so: impl Fn(&Self) -> bool,
    ) {
        let began = Instant::now();
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        while !is_so(self) {
            let late = began.elapsed() > PATIENCE;
            assert!(!late, "never: {what}: {:?} {:?}", self.errors(), self.why);
            for name in self.seats.keys() {
                let Some(open) = &self.seats[name].open else {
                    continue;
                };
                let id = open.id.to_string();
                if let Some(again) = answered(name)
                    && given.get(name) != Some(&id)
                {
                    self.answer(name, again).await;
                    given.insert(name.clone(), id);
                }
            }
            let pause = Duration::from_millis(20);
            while let Ok(record) = timeout(pause, self.link.records.recv()).await {
                self.hear(record.expect("the host goes on").fact);
            }
        }
    }

    /// Every loop waits for its first yes.
    async fn all_wait(&mut self) {
        let waits = |crew: &Self| crew.seats.values().all(|seat| seat.open.is_some());
        self.until("all are asked", |_| None, waits).await;
    }

    /// Every loop comes to its end, whatever has to be tried again.
    async fn all_publish(&mut self) {
        let over = |crew: &Self| crew.seats.values().all(|seat| seat.ended.is_some());
        self.until("all end", |_| Some(true), over).await;
        for (name, seat) in &self.seats {
            assert_eq!(seat.ended, Some(Outcome::Published), "{name}");
        }
    }

    fn errors(&self) -> Vec<&String> {
        self.seats.values().flat_map(|seat| &seat.errors).collect()
    }

    /// Whether every loop has been told of an error or has ended.
    fn is_each_told(&self) -> bool {
        let mut seats = self.seats.values();
        seats.all(|seat| seat.ended.is_some() || !seat.errors.is_empty())
    }
}

/// Nothing in the host's log says that a part of it broke down.
fn nobody_panicked(shim: &Shim) {
    let said = shim.said();
    assert!(!said.contains("panicked"), "{said}");
}

/// S4: the system refuses the processes of one loop (EAGAIN): that loop asks, the others publish
/// meanwhile, and it publishes, too, once there is room.
#[tokio::test]
async fn one_loop_has_no_room_for_a_process() {
    let Some(shim) = Shim::build() else { return };
    let (world, names) = world(0);
    let alone = shim.file("alone");
    let variables = [("DISK_ALONE", alone.display().to_string())];
    let mut host = shim.host(&world, &variables);
    let mut crew = Crew::at(&world, &mut host, &names).await;
    crew.all_wait().await;
    fs::write(&alone, RunId::new(&names[0], 1).to_string()).unwrap();
    crew.until("the others end", |_| Some(false), Crew::is_each_told)
        .await;
    let errors = crew.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let why = "no room for another process";
    assert!(crew.seats[&names[0]].errors[0].contains(why), "{errors:?}");
    fs::remove_file(&alone).unwrap();
    crew.all_publish().await;
    nobody_panicked(&shim);
}

/// S4: for a while the system refuses every process and every thread: each loop says so in one line,
/// the host lets in who comes, and all go on once there is room.
#[tokio::test]
async fn nobody_has_room_for_a_process() {
    let Some(shim) = Shim::build() else { return };
    let (world, names) = world(0);
    let alone = shim.file("alone");
    let variables = [("DISK_ALONE", alone.display().to_string())];
    let mut host = shim.host(&world, &variables);
    let mut crew = Crew::at(&world, &mut host, &names).await;
    crew.all_wait().await;
    fs::write(&alone, "").unwrap();
    // Threads that have nothing to do leave after a while: then there is none to take over.
    let idle = times("CHECKRIDE_IDLE_SECONDS", 0);
    sleep(Duration::from_secs(u64::try_from(idle).unwrap())).await;
    crew.until("all are told", |_| Some(false), Crew::is_each_told)
        .await;
    assert!(connect(&paths(&world)).await.is_ok());
    fs::remove_file(&alone).unwrap();
    crew.all_publish().await;
    nobody_panicked(&shim);
}

/// How many files the host has open.
fn open_files(host: &Host) -> u64 {
    let folder = format!("/proc/{}/fd", host.0.id());
    u64::try_from(fs::read_dir(folder).unwrap().count()).unwrap()
}

/// Lets the host have this many more files than it has; as many as ever with `None`.
fn allow_files(host: &Host, more: Option<u64>) {
    let pid = Pid::from_child(&host.0);
    let maximum = prlimit_of(pid);
    let current = more.map_or(maximum, |more| Some(open_files(host) + more));
    prlimit(Some(pid), Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

fn prlimit_of(pid: Pid) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    line.unwrap()
        .split_whitespace()
        .nth(4)
        .unwrap()
        .parse()
        .ok()
}

/// S4: the host may open few more files, or none (EMFILE): who gets one goes on, who does not says so
/// in one line, and all publish once there are files again. `CHECKRIDE_SCARCE` is how many of 3 limits.
#[tokio::test]
async fn no_file_is_left() {
    let Some(shim) = Shim::build() else { return };
    for more in [7, 0, 20].into_iter().take(times("CHECKRIDE_SCARCE", 1)) {
        let (world, names) = world(0);
        let mut host = shim.host(&world, &[]);
        let mut crew = Crew::at(&world, &mut host, &names).await;
        crew.all_wait().await;
        allow_files(&host, Some(more));
        let some = |crew: &Crew| !crew.errors().is_empty() || !crew.why.is_empty();
        crew.until("somebody is told", |_| Some(false), some).await;
        allow_files(&host, None);
        assert!(connect(&paths(&world)).await.is_ok());
        crew.all_publish().await;
        nobody_panicked(&shim);
    }
}

/// S4: the system kills (SIGKILL, as for want of memory) the agent of one loop, the sandbox of another
/// and the keeper of a third: each is an error of its own loop, and the others publish.
#[tokio::test]
async fn agents_are_killed_for_want_of_memory() {
    let Some(shim) = Shim::build() else { return };
    let victims = ["hungry.sh", "__sandbox", "__keeper"];
    let (world, names) = world(victims.len());
    let mut host = shim.host(&world, &[]);
    let mut crew = Crew::at(&world, &mut host, &names).await;
    let hungry = &names[..victims.len()];
    crew.until(
        "the others end",
        |_| Some(false),
        |crew| {
            let mut seats = crew.seats.iter();
            seats.all(|(name, seat)| seat.ended.is_some() || hungry.contains(name))
        },
    )
    .await;
    for (name, word) in hungry.iter().zip(victims) {
        let run = RunId::new(name, 1);
        crew.until(
            "it is at work",
            |_| Some(false),
            |_| of_run(&world.project(), &run, "hungry.sh").is_some(),
        )
        .await;
        // Without a sandbox its place is the agent's own.
        let victim = of_run(&world.project(), &run, word)
            .or_else(|| of_run(&world.project(), &run, "hungry.sh"));
        kill_process(victim.unwrap(), Signal::KILL).unwrap();
    }
    crew.until("each is told", |_| Some(false), Crew::is_each_told)
        .await;
    for (name, seat) in &crew.seats {
        assert_eq!(
            seat.errors.len(),
            usize::from(hungry.contains(name)),
            "{name}"
        );
        if let Some(why) = seat.errors.first() {
            assert!(why.contains("kill"), "{why}");
        }
    }
    for name in hungry {
        let open = crew.seats[name].open.clone().unwrap();
        crew.decide(&open, Decision::Abort).await;
    }
    let over = |crew: &Crew| crew.seats.values().all(|seat| seat.ended.is_some());
    crew.until("all end", |_| None, over).await;
    nobody_panicked(&shim);
}
