//! The supervisor's one loop: opens doors, takes letters, hears of its runs, notices changed files.
//! It starts and finds drivers; what a run does next is the run's business.

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use super::desk::Desk;
use super::driver::{self, Driving, Mail};
use super::hub::{Hub, Letter, Reply};
use super::journal::Journal;
use super::process::Mark;
use super::process::sweep::sweep;
use super::shelf::Shelf;
use super::site::{Site, beside};
use super::transcripts::Transcripts;
use super::{Activity, Settings, Shared, memory};
use crate::link::FarEnd;
use crate::protocol::{Command, Fact, Record, RunId};
use crate::run::{CheckpointId, Decision, Digest, Event, Input, Run};

/// Letters and news that may wait; a sender waits then, never the supervisor.
const WAITING: usize = 64;

/// What the supervisor hears from its own tasks.
pub(super) enum News {
    /// A connection has closed.
    Left,
    /// A run has something in flight, or has not.
    Works(RunId, bool),
    /// A run's driver has ended.
    Over(RunId),
}

/// Runs until the last door handle is dropped.
pub(super) async fn work(
    settings: Settings,
    journal: Journal,
    mut doors: mpsc::UnboundedReceiver<FarEnd>,
    said: watch::Sender<Activity>,
) {
    let (letters, mut letter) = mpsc::channel(WAITING);
    let (news, mut heard) = mpsc::channel(WAITING);
    let mut boss = Boss::new(settings, journal, Ways { letters, news }, said);
    boss.recall().await;
    boss.reread().await;
    boss.pick_up().await;
    loop {
        tokio::select! {
            door = doors.recv() => match door {
                Some(end) => boss.open(end),
                None => break,
            },
            Some(letter) = letter.recv() => boss.obey(letter).await,
            Some(news) = heard.recv() => boss.hear(news).await,
            () = boss.shelf.changed() => boss.reread().await,
        }
    }
    boss.kill_all();
}

/// The channels that lead back into the loop.
#[derive(Clone)]
struct Ways {
    letters: mpsc::Sender<Letter>,
    news: mpsc::Sender<News>,
}

struct Boss {
    settings: Rc<Settings>,
    shared: Rc<Shared>,
    shelf: Shelf,
    drivers: BTreeMap<RunId, Driving>,
    ways: Ways,
    said: watch::Sender<Activity>,
}

impl Boss {
    fn new(
        settings: Settings,
        journal: Journal,
        ways: Ways,
        said: watch::Sender<Activity>,
    ) -> Self {
        let project = settings.project.display().to_string();
        let shelf = Shelf::new(&settings.project);
        let mut warnings = settings.warnings.clone();
        warnings.extend(shelf.blind());
        let hub = Hub::new(settings.clock.clone(), journal.clone(), project, warnings);
        Self {
            settings: Rc::new(settings),
            shared: Rc::new(Shared {
                journal,
                hub: Rc::new(hub),
                transcripts: Transcripts::default(),
            }),
            shelf,
            drivers: BTreeMap::new(),
            ways,
            said,
        }
    }

    fn open(&mut self, end: FarEnd) {
        self.said.send_modify(|activity| activity.cockpits += 1);
        let (hub, ways) = (self.shared.hub.clone(), self.ways.clone());
        spawn_local(async move {
            hub.serve(end, ways.letters).await;
            // The loop is gone only when the whole supervisor is.
            drop(ways.news.send(News::Left).await);
        });
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Left => self.said.send_modify(|activity| activity.cockpits -= 1),
            News::Works(run, works) => {
                if let Some(driving) = self.drivers.get_mut(&run) {
                    driving.works = works;
                }
                self.count();
            }
            News::Over(run) => {
                self.drivers.remove(&run);
                self.count();
                self.tell_loops().await;
            }
        }
    }

    fn count(&self) {
        let working = self
            .drivers
            .values()
            .filter(|driving| driving.works)
            .count();
        self.said.send_if_modified(|activity| {
            let changed = activity.working != working;
            activity.working = working;
            changed
        });
    }

    /// Ends what a host that died left behind, and recalls what it had been told.
    async fn recall(&mut self) {
        let mark = Mark::of_project(&self.settings.project);
        let swept = beside(move || Ok(sweep(&mark, &[]))).await;
        if let Err(trouble) = swept {
            self.say_trouble("processes", trouble.cause);
        }
        if let Err(e) = self.shelf.recall(&self.shared.journal).await {
            self.say_trouble("journal", e.to_string());
        }
    }

    fn say_trouble(&self, what: &str, why: String) {
        self.shared.hub.say(Fact::Refused {
            what: what.to_owned(),
            why,
        });
    }

    /// Reads the project's files again and tells what stands now.
    async fn reread(&mut self) {
        self.shelf.read(&self.settings.project);
        self.tell_loops().await;
        for spec in self.shelf.specs() {
            match memory::read(&self.settings.project, spec) {
                Ok(text) if self.shared.hub.memory(&spec.name).as_ref() != Some(&text) => {
                    self.shared.hub.say(Fact::Memory(text));
                }
                Ok(_) => {}
                Err(why) => self.shared.hub.say(Fact::Refused {
                    what: spec.memory.path.clone(),
                    why,
                }),
            }
        }
    }

    async fn tell_loops(&self) {
        let rows = self.shelf.rows(&self.shared.journal, &self.settings).await;
        self.shared.hub.say(Fact::Loops(rows));
    }

    /// Picks up every run that had not ended when the last host did.
    async fn pick_up(&mut self) {
        match self.shared.journal.open_runs().await {
            Ok(open) => {
                for open in open {
                    let events = open.records.iter().filter_map(event_of);
                    match Run::replay(events) {
                        Some(run) => self.drive(open.run, run, driver::First::Interrupted),
                        None => self.lost(&open.run),
                    }
                }
            }
            Err(e) => self.say_trouble("journal", e.to_string()),
        }
    }

    fn lost(&self, run: &RunId) {
        let why = "its journal does not begin with its waking; it is left as it is";
        self.say_trouble(&run.0, why.to_owned());
    }

    fn drive(&mut self, id: RunId, run: Run, first: driver::First) {
        let site = Site::new(&self.settings, &self.shared, (&id, run.woke()));
        let driving = driver::start(run, id.clone(), site, self.ways.news.clone(), first);
        self.drivers.insert(id, driving);
    }

    fn kill_all(&self) {
        for driving in self.drivers.values() {
            driving.kill.now();
        }
    }

    async fn obey(&mut self, letter: Letter) {
        let Letter { by, command, reply } = letter;
        match command {
            Command::Attach { .. } => reply.refuse("attach", "this connection is attached").await,
            Command::Start { name } => self.start(&name, &reply).await,
            Command::Decide {
                checkpoint,
                digest,
                decision,
            } => {
                self.decide(checkpoint, digest, (decision, by), reply).await;
            }
            Command::Seen { checkpoint, digest } => {
                if let Err(e) = self.shared.journal.seen(checkpoint, digest).await {
                    reply.refuse("journal", e.to_string()).await;
                }
            }
            Command::Stop { run } => {
                if let Some(driving) = self.drivers.get(&run) {
                    driving.kill.now();
                }
                self.pass_on(run, Input::Stop, reply).await;
            }
            Command::StopAll => self.stop_all(&reply).await,
            Command::Hold { run, on } => self.pass_on(run, Input::Hold(on), reply).await,
            Command::Undo { run: Some(run) } => self.revive(run, Input::Undo, reply).await,
            Command::Undo { run: None } => self.switch_off(false, &reply).await,
            Command::Resume { run } => self.revive(run, Input::Resume, reply).await,
            Command::Restore { run, iteration } => {
                self.revive(run, Input::Restore { iteration }, reply).await;
            }
            Command::SaveMemory { name, base, text } => {
                self.save_memory(&name, &base, &text, &reply).await;
            }
            Command::Fetch(fetch) => self.fetch(fetch, reply),
            Command::Shutdown { force } => self.shut_down(force, &reply).await,
        }
    }

    async fn start(&mut self, name: &str, reply: &Reply) {
        // A file saved a moment ago counts, noticed or not.
        self.shelf.read(&self.settings.project);
        let under_way = self
            .drivers
            .keys()
            .find(|run| run.split().is_some_and(|r| r.0 == name));
        if let Some(run) = under_way {
            let why = format!("{run} is under way; one run of a loop at a time");
            return reply.refuse(name, why).await;
        }
        let past = match self.shared.journal.past(name.to_owned()).await {
            Ok(past) => past,
            Err(e) => return reply.refuse(name, e.to_string()).await,
        };
        match self.shelf.wake(name, &past, &self.settings) {
            Ok(wake) => {
                let id = RunId::new(name, wake.number);
                let (run, step) = Run::wake(wake);
                self.drive(id, run, driver::First::Woken(step));
            }
            Err(why) => reply.refuse(name, why).await,
        }
    }

    async fn decide(
        &mut self,
        checkpoint: CheckpointId,
        digest: Digest,
        (decision, by): (Decision, String),
        reply: Reply,
    ) {
        let id = checkpoint.0.clone();
        let Some(run) = id.rsplit_once('.').map(|(run, _)| RunId(run.to_owned())) else {
            return reply
                .refuse(&id, "this is no checkpoint's id; `status` lists them")
                .await;
        };
        if let Decision::Approve { .. } = decision {
            match self
                .shared
                .journal
                .was_seen(checkpoint.clone(), digest.clone())
                .await
            {
                Ok(true) => {}
                Ok(false) => {
                    let why = format!("nobody has seen it yet; `checkride show {id}` prints it");
                    return reply.refuse(&id, why).await;
                }
                Err(e) => return reply.refuse(&id, e.to_string()).await,
            }
        }
        let input = Input::Decide {
            checkpoint,
            digest,
            decision,
            by,
        };
        match self.drivers.get(&run) {
            Some(driving) => driving.post(Mail::from_operator(input, id, reply)).await,
            None => {
                reply
                    .refuse(&id, "its run is over; nothing waits in it")
                    .await
            }
        }
    }

    async fn pass_on(&self, run: RunId, input: Input, reply: Reply) {
        match self.drivers.get(&run) {
            Some(driving) => driving.post(Mail::from_operator(input, run.0, reply)).await,
            None => reply.refuse(&run.0, "this run is over").await,
        }
    }

    /// Passes on to a run, which is brought back from the journal if it is over.
    async fn revive(&mut self, run: RunId, input: Input, reply: Reply) {
        if self.drivers.contains_key(&run) {
            return self.pass_on(run, input, reply).await;
        }
        let records = match self.shared.journal.run(run.clone()).await {
            Ok(records) => records,
            Err(e) => return reply.refuse(&run.0, e.to_string()).await,
        };
        match Run::replay(records.iter().filter_map(event_of)) {
            Some(replayed) => {
                let mail = Mail::from_operator(input, run.0.clone(), reply);
                self.drive(run, replayed, driver::First::Mail(Box::new(mail)));
            }
            None => reply.refuse(&run.0, "there is no such run").await,
        }
    }

    async fn stop_all(&mut self, reply: &Reply) {
        self.kill_all();
        for (run, driving) in &self.drivers {
            let mail = Mail::from_operator(Input::Stop, run.0.clone(), reply.clone());
            driving.post(mail).await;
        }
        self.switch_off(true, reply).await;
    }

    async fn switch_off(&mut self, off: bool, reply: &Reply) {
        if let Err(e) = self.shelf.switch_off(off, &self.shared.journal).await {
            return reply.refuse("triggers", e.to_string()).await;
        }
        self.tell_loops().await;
        let what = if off {
            "all triggers are off; u re-arms them"
        } else {
            "triggers are armed"
        };
        reply
            .tell(Fact::Done {
                what: what.to_owned(),
            })
            .await;
    }

    async fn save_memory(&self, name: &str, base: &Digest, text: &str, reply: &Reply) {
        let Some(spec) = self.shelf.specs().find(|spec| spec.name == name) else {
            return reply
                .refuse(name, "there is no such loop, or its file is invalid")
                .await;
        };
        match memory::save(&self.settings.project, spec, base, text) {
            Ok(saved) => {
                let what = format!("saved {}", saved.path);
                self.shared.hub.say(Fact::Memory(saved));
                reply.tell(Fact::Done { what }).await;
            }
            Err(memory::Unsaved::Conflict(theirs)) => {
                let (theirs, mine) = (*theirs, text.to_owned());
                reply.tell(Fact::MemoryConflict { theirs, mine }).await;
            }
            Err(memory::Unsaved::Trouble(why)) => reply.refuse(&spec.memory.path, why).await,
        }
    }

    /// Answers beside the loop: a large range must not keep a decision waiting.
    fn fetch(&self, fetch: crate::protocol::Fetch, reply: Reply) {
        let desk = Desk {
            settings: self.settings.clone(),
            shared: self.shared.clone(),
        };
        spawn_local(async move { desk.answer(fetch, &reply).await });
    }

    async fn shut_down(&mut self, force: bool, reply: &Reply) {
        let working = self
            .drivers
            .values()
            .filter(|driving| driving.works)
            .count();
        if working > 0 && !force {
            let why = format!("{working} at work; stop them first, or say it with force");
            return reply.refuse("host", why).await;
        }
        self.kill_all();
        self.said.send_modify(|activity| activity.leaving = true);
        reply
            .tell(Fact::Done {
                what: "the host ends".to_owned(),
            })
            .await;
    }
}

/// The event of a journalled record.
pub(super) fn event_of(record: &Record) -> Option<&Event> {
    match &record.fact {
        Fact::Run { event, .. } => Some(event),
        Fact::Attached { .. }
        | Fact::Loops(_)
        | Fact::Grew { .. }
        | Fact::Memory(_)
        | Fact::Lines { .. }
        | Fact::HistoryEnd { .. }
        | Fact::Refused { .. }
        | Fact::MemoryConflict { .. }
        | Fact::Done { .. } => None,
    }
}
