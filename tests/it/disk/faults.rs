//! S3 and S4: from any change on the disk is full, broken, read-only or has no descriptors left, until it
//! has recovered. Whoever asks is told why; then it goes on, nothing is cut and nothing told is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use checkride::host::attach::connect;
use checkride::link::Link;
use checkride::protocol::{Command, Fact, Record};
use checkride::run::{Ask, Checkpoint, Decision, Event, Outcome};
use checkride::supervisor::JOURNAL;
use checkride::supervisor::journal::Journal;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::{Host, Shim, world};
use crate::host::paths;
use crate::ordeal::{Dice, times};
use crate::world::World;

/// How long the disk stays as it is once a change has failed.
const BROKEN: Duration = Duration::from_millis(300);

/// What a run may take that meets no fault any more: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Within this time of room something happens again, on a busy machine; wanted are 5 s.
const GOES_ON: Duration = Duration::from_secs(50);

/// What a change may fail with: ENOSPC, EDQUOT, EIO, EROFS, EMFILE.
const FAULTS: [i32; 5] = [28, 122, 5, 30, 24];

/// An operator who wants one run to its end, whatever the disk says.
struct Stubborn {
    link: Link,
    told: BTreeMap<u64, Record>,
    open: Option<Checkpoint>,
    /// Whether the run has to be asked for.
    wants: bool,
    /// Why something was not done, as it was told.
    why: Vec<String>,
    /// Whether it ended as it should.
    done: bool,
}

impl Stubborn {
    async fn on(link: Link) -> Self {
        let by = "test".to_owned();
        drop(
            link.commands
                .send(Command::Attach {
                    since: 0,
                    by,
                    early: false,
                })
                .await,
        );
        Self {
            link,
            told: BTreeMap::new(),
            open: None,
            wants: true,
            why: Vec::new(),
            done: false,
        }
    }

    /// Says what is to be said now: that it should start, or the answer.
    async fn press(&self) {
        if let Some(open) = &self.open {
            let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
            self.say(Command::Seen { checkpoint, digest }).await;
            let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
            let decision = match &open.ask {
                Ask::Error { .. } => Decision::Retry { note: None },
                Ask::Publish { .. } => Decision::Approve {
                    typed: Some(digest.short().to_owned()),
                },
                _ => Decision::APPROVE,
            };
            self.say(Command::Decide {
                checkpoint,
                digest,
                decision,
            })
            .await;
        } else if self.wants {
            let name = "odd".to_owned();
            self.say(Command::Start { name }).await;
        }
    }

    async fn say(&self, command: Command) {
        drop(self.link.commands.send(command).await);
    }

    fn hear(&mut self, record: Record) {
        match &record.fact {
            Fact::Run { event, .. } => match event {
                Event::Woke(_) => self.wants = false,
                Event::Asked(open) => {
                    if let Ask::Error { failure } = &open.ask {
                        self.why.push(failure.cause.clone());
                    }
                    self.open = Some((**open).clone());
                }
                Event::Decided { .. } => self.open = None,
                Event::Ended(Outcome::CannotVerify(why)) => {
                    self.why.push(why.clone());
                    self.wants = true;
                }
                Event::Ended(outcome) => {
                    assert_eq!(*outcome, Outcome::Published);
                    self.done = true;
                }
                _ => {}
            },
            Fact::Refused { why, .. } | Fact::Stalled { why, .. } | Fact::Unkept { why, .. } => {
                assert_eq!(why.lines().count(), 1, "{why}");
                self.why.push(why.clone());
            }
            _ => {}
        }
        if record.seq > 0 {
            self.told.insert(record.seq, record);
        }
    }
}

/// A host above a disk that fails, and an operator at it.
struct Ordeal<'a> {
    shim: &'a Shim,
    world: World,
    broken: PathBuf,
    host: Host,
}

impl<'a> Ordeal<'a> {
    fn new(shim: &'a Shim, from: usize, errno: i32) -> Self {
        let world = world();
        let broken = shim.file("broken");
        drop(fs::remove_file(broken.with_extension("hit")));
        fs::write(&broken, "").unwrap();
        let variables = [
            ("DISK_FAIL", format!("{from} {errno}")),
            ("DISK_BROKEN", broken.display().to_string()),
        ];
        let host = shim.host(&world, &variables);
        Self {
            shim,
            world,
            broken,
            host,
        }
    }

    fn was_hit(&self) -> bool {
        self.broken.with_extension("hit").exists()
    }

    fn recover(&self) {
        drop(fs::remove_file(&self.broken));
    }

    /// Attaches; a host that could not start has said why, and starts once it can.
    async fn operator(&mut self) -> Stubborn {
        let paths = paths(&self.world);
        loop {
            if self.host.0.try_wait().unwrap().is_some() {
                self.recover();
                self.host = self.shim.host(&self.world, &[]);
            }
            if let Ok(link) = connect(&paths).await {
                return Stubborn::on(link).await;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Flies one run to its end; what was told is given back, and whether the disk failed at all.
    async fn fly(&mut self, what: &str) -> (Stubborn, bool) {
        let mut operator = self.operator().await;
        let began = Instant::now();
        let (mut failed, mut room) = (None, None);
        while !operator.done {
            assert!(began.elapsed() < PATIENCE, "{what}: {:?}", operator.why);
            if failed.is_none() && self.was_hit() {
                failed = Some(Instant::now());
            }
            if room.is_none() && failed.is_some_and(|at: Instant| at.elapsed() > BROKEN) {
                self.recover();
                room = Some((Instant::now(), operator.told.len()));
            }
            if let Some((at, told)) = room
                && operator.told.len() == told
            {
                assert!(at.elapsed() < GOES_ON, "{what}: {:?}", operator.why);
            }
            operator.press().await;
            let pause = Duration::from_millis(40);
            while let Ok(record) = timeout(pause, operator.link.records.recv()).await {
                let Some(record) = record else {
                    let said = self.shim.said();
                    panic!("{what}: the host left: {said} {:?}", operator.why);
                };
                operator.hear(record);
            }
        }
        (operator, failed.is_some())
    }
}

/// Every file of this name below a folder.
fn files(folder: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, each);
        } else {
            each(&path);
        }
    }
}

/// What was told stands in the journal, and no readable file is cut.
async fn nothing_is_lost(world: &World, operator: &Stubborn, what: &str) {
    let journal = Journal::open(&paths(world).state().join(JOURNAL)).unwrap();
    let found = journal.since(0, 100_000).await.unwrap();
    let found: BTreeMap<u64, Record> = found.into_iter().map(|r| (r.seq, r)).collect();
    for (seq, record) in &operator.told {
        assert_eq!(found.get(seq), Some(record), "{what}: lost");
    }
    files(&world.project().join(".checkride"), &mut |path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = fs::read_to_string(path).unwrap();
        let parts: Vec<&str> = match path.extension().and_then(|end| end.to_str()) {
            Some("json") => vec![&text],
            Some("jsonl") => text.lines().collect(),
            _ => Vec::new(),
        };
        for part in parts {
            let read = serde_json::from_str::<Value>(part);
            assert!(read.is_ok(), "{what}: {name} is cut: {part}");
        }
        assert!(
            name != "prompt.md" || text.contains("There is a file."),
            "{what}"
        );
    });
}

/// S3, S4: a run meets each fault from a change on that the dice choose, 3 in all, and comes to its end
/// within seconds of the disk's recovery; `CHECKRIDE_FAULTS` is how many.
#[tokio::test]
async fn a_failing_disk_stops_work_not_truth() {
    let Some(shim) = Shim::build() else { return };
    let mut dice = Dice(34);
    let (mut hits, mut told) = (0, 0);
    let all = times("CHECKRIDE_FAULTS", 3);
    for number in 0..all {
        let errno = FAULTS[number % FAULTS.len()];
        // A run makes some four hundred changes.
        let from = usize::try_from(dice.roll(400)).unwrap();
        let what = format!("error {errno} from change {from} on");
        let mut ordeal = Ordeal::new(&shim, from, errno);
        let (operator, hit) = ordeal.fly(&what).await;
        hits += usize::from(hit);
        told += usize::from(hit && !operator.why.is_empty());
        nothing_is_lost(&ordeal.world, &operator, &what).await;
    }
    let said = shim.said();
    assert!(!said.contains("panicked"), "{said}");
    assert!(hits * 2 > all, "only {hits} of {all} met the fault");
    assert!(told * 2 > hits, "only {told} of {hits} were told");
}
