//! The ordeal of the real host: killed at any moment, raced by two operators. What was acknowledged is
//! kept, and nothing happens twice.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operator looks for a few facts and overhears the rest"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use checkride::config::Paths;
use checkride::host::attach::connect;
use checkride::link::Link;
use checkride::protocol::{Command, Fact, Fetch, MemoryText, Record, RunId};
use checkride::run::{Ask, Checkpoint, Decision, Edit, Event, Outcome, Stage};
use checkride::supervisor::process::{MARK, Mark};
use tokio::time::{Instant, sleep, timeout};

use crate::host::{checkride, paths, until};
use crate::world::World;

/// Far longer than anything here takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

const LOOP: &str = r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "command", command = ["sh", "work.sh"] }
publish = { to = "git-branch", branch = "counted" }

[goal]
statement = "there is a file of its own"
[[goal.verify.checks]]
name = "a file"
command = ["scripts/file"]
"#;

/// A world with a loop whose worker writes down, outside, that it was sent a prompt.
struct Ordeal {
    world: World,
    paths: Paths,
    host: RefCell<Option<Child>>,
}

impl Ordeal {
    fn new() -> Self {
        let world = World::new();
        world.skill("count");
        world.write("loops/count.toml", LOOP);
        let sends = world.project().with_file_name("sends");
        let work = format!(
            "cat >/dev/null\necho $$ >>{}\nsleep 0.03\necho one >$$-$(date +%N).txt\nsleep 0.03\n",
            sends.display()
        );
        world.write("work.sh", &work);
        world.script("scripts/file", "#!/bin/sh\nsleep 0.02\nls *.txt\n");
        world.commit("a loop");
        let paths = paths(&world);
        let host = RefCell::default();
        Self { world, paths, host }
    }

    /// The processes that were ever sent a prompt.
    fn sent(&self) -> Vec<String> {
        let file = self.world.project().with_file_name("sends");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The processes that carry the mark of a run of this project.
    fn marked(&self) -> Vec<PathBuf> {
        let project = self.world.project().canonicalize().unwrap();
        let mark = format!("{MARK}={}", Mark::of_project(&project));
        let is_marked = |path: &PathBuf| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment
                .split(|&b| b == 0)
                .any(|entry| entry.starts_with(mark.as_bytes()))
        };
        let all = fs::read_dir("/proc").unwrap();
        all.flatten()
            .map(|entry| entry.path())
            .filter(is_marked)
            .collect()
    }

    /// Attaches, to a host that is started where none runs.
    async fn pilot(&self) -> Pilot {
        let link = loop {
            self.start_host();
            match connect(&self.paths).await {
                Ok(link) => break link,
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        };
        let mut pilot = Pilot {
            link,
            journal: BTreeMap::new(),
            memory: None,
            refusals: Vec::new(),
        };
        let by = "test".to_owned();
        pilot
            .say(Command::Attach {
                since: 0,
                by,
                early: false,
            })
            .await;
        pilot
            .until("attached", |fact| matches!(fact, Fact::Attached { .. }))
            .await;
        pilot
    }

    /// Starts a host where none runs. One may find that its killed forerunner still holds the lock: a
    /// child that it was just about to start keeps it for a moment.
    fn start_host(&self) {
        let mut host = self.host.borrow_mut();
        if let Some(child) = host.as_mut()
            && child.try_wait().unwrap().is_none()
        {
            return;
        }
        let started = checkride(&self.world, &["host"])
            .stderr(Stdio::null())
            .spawn();
        *host = Some(started.unwrap());
    }

    fn kill_host(&self) {
        let mut host = self.host.borrow_mut().take().unwrap();
        host.kill().unwrap();
        host.wait().unwrap();
    }
}

impl Drop for Ordeal {
    fn drop(&mut self) {
        if self.host.borrow().is_some() {
            self.kill_host();
        }
    }
}

/// An operator at one connection: everything journalled that it was told, by number.
struct Pilot {
    link: Link,
    journal: BTreeMap<u64, Record>,
    memory: Option<MemoryText>,
    /// What was refused and why, until a test asks for it.
    refusals: Vec<(String, String)>,
}

impl Pilot {
    /// Says it, if anyone still listens.
    async fn say(&self, command: Command) {
        drop(self.link.commands.send(command).await);
    }

    /// The next fact; `None` when the host is gone.
    async fn hear(&mut self) -> Option<Fact> {
        let record = timeout(PATIENCE, self.link.records.recv()).await;
        let record = record.unwrap_or_else(|_| panic!("nothing more after {:?}", self.last()))?;
        if let Fact::Memory(text) = &record.fact {
            self.memory = Some(text.clone());
        }
        if let Fact::Refused { what, why } = &record.fact {
            self.refusals.push((what.clone(), why.clone()));
        }
        let fact = record.fact.clone();
        if record.seq > 0 {
            self.journal.insert(record.seq, record);
        }
        Some(fact)
    }

    async fn until(&mut self, what: &str, is_so: impl Fn(&Fact) -> bool) -> Fact {
        while let Some(fact) = self.hear().await {
            if is_so(&fact) {
                return fact;
            }
        }
        panic!("the host left before {what}")
    }

    fn last(&self) -> Option<(RunId, Event)> {
        match &self.journal.values().next_back()?.fact {
            Fact::Run { run, event } => Some((run.clone(), event.clone())),
            _ => None,
        }
    }

    /// The question that is open, if the newest run waits at one.
    fn open(&self) -> Option<Checkpoint> {
        match self.last() {
            Some((_, Event::Asked(open))) => Some(*open),
            _ => None,
        }
    }

    /// Waits until another question than this is open.
    async fn question_after(&mut self, last: Option<&Checkpoint>) -> Checkpoint {
        loop {
            if let Some(open) = self
                .open()
                .filter(|open| last.is_none_or(|l| l.id != open.id))
            {
                return open;
            }
            self.hear().await.unwrap();
        }
    }

    /// The next decision that counts, whoever made it.
    async fn outcome(&mut self) -> Decision {
        loop {
            if let Some(Fact::Run {
                event: Event::Decided { decision, .. },
                ..
            }) = self.hear().await
            {
                return decision;
            }
        }
    }

    /// The oldest refusal that nobody has looked at.
    async fn refusal(&mut self) -> (String, String) {
        while self.refusals.is_empty() {
            self.hear().await.unwrap();
        }
        self.refusals.remove(0)
    }

    /// What an operator does next who wants the loop to go round and round; whether that was a decision.
    async fn act(&self) -> bool {
        let Some(open) = self.open() else {
            if !matches!(self.last(), Some((_, event)) if !matches!(event, Event::Ended(_))) {
                let name = "count".to_owned();
                self.say(Command::Start { name }).await;
            }
            return false;
        };
        let decision = match open.ask {
            Ask::Error { .. } => Decision::Retry { note: None },
            Ask::Publish { typed: true, .. } => Decision::Approve {
                typed: Some(open.digest.short().to_owned()),
            },
            _ => Decision::APPROVE,
        };
        self.answer(&open, decision).await;
        true
    }

    /// Looks at a question and answers it.
    async fn answer(&self, open: &Checkpoint, decision: Decision) {
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

    /// Waits until a run tells of this.
    async fn until_event(&mut self, what: &str, is_so: impl Fn(&Event) -> bool) -> Event {
        let so = |fact: &Fact| matches!(fact, Fact::Run { event, .. } if is_so(event));
        match self.until(what, so).await {
            Fact::Run { event, .. } => event,
            other => panic!("{other:?}"),
        }
    }

    /// Adds a line of its own to the memory.
    async fn note(&self, line: &str) {
        if let Some(memory) = &self.memory {
            let (name, base) = (memory.name.clone(), memory.digest.clone());
            let text = format!("{}{line}\n", memory.text);
            self.say(Command::SaveMemory { name, base, text }).await;
        }
    }
}

/// Numbers without a pattern, the same in every run of the test.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// How often, here and where there is more time.
pub(crate) fn times(variable: &str, few: usize) -> usize {
    let many = std::env::var(variable).ok();
    many.map_or(few, |many| many.parse().unwrap())
}

/// What an operator has been told, and must find again after any death of the host.
#[derive(Default)]
struct Kept {
    journal: BTreeMap<u64, Record>,
    notes: Vec<String>,
}

impl Kept {
    /// Everything of the runs that are told again stands where it stood.
    fn check(&self, again: &Pilot, memory: &str) {
        for (seq, record) in &again.journal {
            if let Some(before) = self.journal.get(seq) {
                assert_eq!(before, record);
            }
        }
        let run = |record: &Record| match &record.fact {
            Fact::Run { run, .. } => Some(run.clone()),
            _ => None,
        };
        if let Some(newest) = self.journal.values().next_back() {
            let told = again.journal.values().next_back();
            let of_newest = |r: &&Record| run(r) == run(newest);
            if told.as_ref().is_some_and(of_newest) {
                for record in self.journal.values().filter(of_newest) {
                    assert_eq!(again.journal.get(&record.seq), Some(record), "lost");
                }
            } else {
                // A run that began as the host died was not told yet: it is the newest then, and told alone.
                assert!(told.is_some_and(|told| told.seq > newest.seq), "lost");
            }
        }
        for note in &self.notes {
            assert!(
                memory.lines().any(|line| line == note),
                "{note} is lost: {memory}"
            );
        }
    }
}

/// How one life of a host goes: after so many records and then so long it is killed.
struct Life {
    number: usize,
    records: u64,
    after: Duration,
    /// Whether the operator leaves the first question unanswered, so that it dies there.
    waits: bool,
}

impl Life {
    fn cast(number: usize, dice: &mut Dice) -> Self {
        Self {
            number,
            records: dice.roll(45),
            after: Duration::from_millis(dice.roll(60)),
            waits: dice.roll(6) == 0,
        }
    }
}

/// One life of a host: flies until it is killed.
async fn live(ordeal: &Ordeal, kept: &mut Kept, life: Life) {
    let mut pilot = ordeal.pilot().await;
    kept.check(&pilot, &ordeal.world.read("memory/count.md"));
    // A life with too little to tell ends all the same, also on a machine that is slow to tell it.
    let kill = sleep(Duration::from_secs(20));
    tokio::pin!(kill);
    let mut left = life.records;
    let note = format!("- life {}", life.number);
    let mut decided = pilot.act().await;
    pilot.note(&note).await;
    let mut killed = false;
    loop {
        let fact = tokio::select! {
            () = &mut kill, if !killed => {
                killed = true;
                ordeal.kill_host();
                continue;
            }
            fact = pilot.hear() => match fact {
                Some(fact) => fact,
                None => break,
            },
        };
        if left == 0 {
            kill.as_mut().reset(Instant::now() + life.after);
        }
        left = left.wrapping_sub(1);
        match fact {
            Fact::Done { what } if what.starts_with("saved") => kept.notes.push(note.clone()),
            Fact::MemoryConflict { .. } => pilot.note(&note).await,
            Fact::Run {
                event: Event::Asked(_),
                ..
            } if life.waits => {
                decided = false;
                // There is nothing more to wait for.
                kill.as_mut().reset(Instant::now() + life.after);
            }
            Fact::Run {
                event: Event::Asked(_) | Event::Ended(_),
                ..
            } => decided = pilot.act().await,
            _ => {}
        }
    }
    let asked = pilot.open().filter(|_| !decided);
    kept.journal.append(&mut pilot.journal);
    if let Some(asked) = asked {
        let again = ordeal.pilot().await;
        assert_eq!(
            again.open(),
            Some(asked),
            "another question after the death"
        );
        kept.journal.extend(again.journal);
    }
}

/// Between two sends of a prompt there is a decision, and every send was begun in the journal first.
fn nothing_twice(ordeal: &Ordeal, journal: &BTreeMap<u64, Record>) {
    let (mut begun, mut published, mut leave) = (0, 0, 0);
    for record in journal.values() {
        let Fact::Run { event, .. } = &record.fact else {
            continue;
        };
        match event {
            Event::Decided { .. } => leave = 1,
            Event::Began {
                stage: Stage::Work, ..
            } => {
                assert_eq!(leave, 1, "sent again without a decision: {record:?}");
                leave = 0;
                begun += 1;
            }
            Event::Published(_) => published += 1,
            _ => {}
        }
    }
    let sent = ordeal.sent().len();
    assert!(sent <= begun, "{sent} sends of {begun} that were approved");
    let branch = ordeal.world.git(&["branch", "--list", "counted"]);
    let commits = if branch.is_empty() {
        0
    } else {
        let count = ordeal.world.git(&["rev-list", "--count", "main..counted"]);
        count.parse().unwrap()
    };
    assert!(published > 0, "nothing was ever published");
    assert!(
        commits >= published && commits <= published + 1,
        "{commits} of {published}"
    );
}

/// S1, S6: a host that is killed at any moment loses no acknowledged decision or note, sends and
/// publishes nothing twice, leaves no process behind, and asks the same question again (R44).
#[tokio::test]
async fn a_killed_host_keeps_what_it_acknowledged() {
    let ordeal = Ordeal::new();
    let mut dice = Dice(7);
    let mut kept = Kept::default();
    for life in 0..times("CHECKRIDE_KILLS", 12) {
        live(&ordeal, &mut kept, Life::cast(life, &mut dice)).await;
        until("no process is left", || ordeal.marked().is_empty());
    }
    let mut pilot = ordeal.pilot().await;
    kept.check(&pilot, &ordeal.world.read("memory/count.md"));
    let (name, before, runs) = ("count".to_owned(), u32::MAX, 10_000);
    pilot
        .say(Command::Fetch(Fetch::History { name, before, runs }))
        .await;
    pilot
        .until("all history", |fact| {
            matches!(fact, Fact::HistoryEnd { .. })
        })
        .await;
    for (seq, record) in &kept.journal {
        assert_eq!(pilot.journal.get(seq), Some(record), "lost");
    }
    nothing_twice(&ordeal, &pilot.journal);
    assert!(kept.notes.len() > 2, "{:?}", kept.notes);
}

/// A host killed while a publish command runs takes the command with it; the next host does not run it
/// again but asks, and a mark «done» ends the run as published (PRODUCT §5.18).
#[tokio::test]
async fn a_publish_command_dies_with_its_host_and_is_not_repeated() {
    let ordeal = Ordeal::new();
    let begun = ordeal.world.project().with_file_name("begun");
    let command = format!(
        r#"publish = {{ to = "command", command = ["sh", "-c", "echo $$ >> {}; exec sleep 600"] }}"#,
        begun.display()
    );
    let branch = r#"publish = { to = "git-branch", branch = "counted" }"#;
    let with_command = LOOP.replace(branch, &command);
    ordeal.world.write("loops/count.toml", &with_command);
    let mut pilot = ordeal.pilot().await;
    pilot.act().await;
    let mut last = None;
    for _ in 0..4 {
        last = Some(pilot.question_after(last.as_ref()).await);
        pilot.act().await;
    }
    let publishes =
        |event: &Event| matches!(event, Event::Began { stage, .. } if *stage == Stage::Publish);
    pilot.until_event("it publishes", publishes).await;
    let begins = || fs::read_to_string(&begun).is_ok_and(|text| text.ends_with('\n'));
    until("the command runs", begins);
    ordeal.kill_host();
    until("no process is left", || ordeal.marked().is_empty());

    let mut pilot = ordeal.pilot().await;
    let open = pilot.question_after(last.as_ref()).await;
    let Ask::Error { failure } = &open.ask else {
        panic!("{open:?}");
    };
    assert!(failure.maybe_done, "{failure:?}");
    pilot.answer(&open, Decision::APPROVE).await;
    let ended = |event: &Event| matches!(event, Event::Ended(_));
    let end = pilot.until_event("the end", ended).await;
    assert_eq!(end, Event::Ended(Outcome::Published));
    assert_eq!(fs::read_to_string(&begun).unwrap().lines().count(), 1);
}

/// S8: two operators answer the same question at once: one decision counts, and the other is told so
/// in one line.
#[tokio::test]
async fn of_two_decisions_at_once_one_counts() {
    let ordeal = Ordeal::new();
    let mut one = ordeal.pilot().await;
    let mut two = ordeal.pilot().await;
    one.act().await;
    let mut last = None;
    for race in 0..times("CHECKRIDE_RACES", 20) {
        let open = one.question_after(last.as_ref()).await;
        assert_eq!(two.question_after(last.as_ref()).await, open);
        let answer = |decision| Command::Decide {
            checkpoint: open.id.clone(),
            digest: open.digest.clone(),
            decision,
        };
        let text = format!("Race {race}.\n");
        let retry = answer(Decision::Retry { note: None });
        let edit = answer(Decision::Edit(Edit::Prompt { text }));
        // Who speaks first changes sides, so that both win at times.
        if race % 2 == 0 {
            tokio::join!(one.say(retry), two.say(edit));
        } else {
            tokio::join!(two.say(edit), one.say(retry));
        }
        let (first, second) = (one.outcome().await, two.outcome().await);
        assert_eq!(first, second, "two decisions counted");
        let retried = matches!(first, Decision::Retry { .. });
        let (what, why) = if retried { &mut two } else { &mut one }.refusal().await;
        assert_eq!((what, why.lines().count()), (open.id.0.clone(), 1), "{why}");
        for pilot in [&one, &two] {
            assert_eq!(pilot.refusals.len(), 0, "{:?}", pilot.refusals);
            let decided = pilot.journal.values().filter(|r| decides(&r.fact, &open));
            assert_eq!(decided.count(), 1);
        }
        last = Some(open);
    }
}

fn decides(fact: &Fact, open: &Checkpoint) -> bool {
    matches!(fact, Fact::Run { event: Event::Decided { checkpoint, .. }, .. } if *checkpoint == open.id)
}
