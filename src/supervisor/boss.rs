//! The supervisor's one loop: opens doors, takes letters, hears of its runs, notices changed files.
//! What each letter asks for is done in `obey.rs`; what a run does next is the run's business.

mod alarm;
mod fire;
mod obey;
mod opening;
mod outside;
mod queue;
mod switch;

use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::{mpsc, watch};
use tokio::task::{spawn_local, yield_now};

use super::desk::Desk;
use super::driver::{self, Driving};
use super::hub::{Hub, Letter, Reply};
use super::journal::Journal;
use super::process::Mark;
use super::process::sweep::sweep;
use super::shelf::Shelf;
use super::site::{Site, apart, beside};
use super::stops::Stops;
use super::transcripts::Transcripts;
use super::turns::Turns;
use super::wake::Wakes;
use super::{Activity, Settings, Shared, leftovers, memory, notices};
use crate::config::Settings as Rules;
use crate::link::FarEnd;
use crate::protocol::{Fact, Record, RunId};
use crate::run::{LoopSpec, Run};
use opening::Porter;

/// Letters and news that may wait; a sender waits then, never the supervisor.
const WAITING: usize = 64;

/// What the supervisor hears from its own tasks.
pub(crate) enum News {
    /// Somebody sits in front of a connection.
    Here,
    /// A connection has closed.
    Left {
        /// Whether somebody sat in front of it.
        here: bool,
    },
    /// A run has something in flight, or has not.
    Works(RunId, bool),
    /// A run goes on by itself at a certain time, or does not any more.
    Sleeps(RunId, bool),
    /// A run that was over is open again: what it had come to counts no more.
    Open,
    /// A run's driver has ended.
    Over(RunId),
    /// A loop's command has answered: something to do, nothing, or why it did not.
    Polled {
        /// The loop.
        name: String,
        /// The key of the firing that it may lead to.
        key: String,
        /// What it found.
        found: Result<Option<String>, String>,
    },
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
    let mut boss = Boss::new(settings, journal, (letters, news), said);
    boss.tell_others();
    let Some(held) = boss.open_up(&mut doors, &mut letter).await else {
        return boss.kill_all();
    };
    boss.tidy();
    for letter in held {
        boss.obey(letter).await;
    }
    let porter = boss.porter();
    loop {
        tokio::select! {
            // News go first: who has heard that a run is over may already ask for the next one.
            biased;
            Some(news) = heard.recv() => boss.hear(news).await,
            door = doors.recv() => match door {
                Some(end) => porter.open(end),
                None => break,
            },
            Some(letter) = letter.recv() => boss.obey(letter).await,
            () = boss.shelf.changed() => boss.reread().await,
            () = boss.wakes.due(&boss.settings.clock) => boss.look().await,
        }
    }
    boss.kill_all();
}

/// The channels that lead back into the loop.
#[derive(Clone)]
pub(super) struct Ways {
    pub(super) letters: mpsc::Sender<Letter>,
    pub(super) news: mpsc::Sender<News>,
    /// Beside the loop.
    pub(super) stops: Rc<Stops>,
}

struct Boss {
    settings: Rc<Settings>,
    shared: Rc<Shared>,
    shelf: Shelf,
    drivers: BTreeMap<RunId, Driving>,
    wakes: Wakes,
    /// Who waits until all commands have answered.
    ticks: Vec<Reply>,
    /// What all loops share; one line where the file cannot be used.
    rules: Result<Rules, String>,
    ways: Ways,
    said: watch::Sender<Activity>,
}

impl Boss {
    fn new(
        settings: Settings,
        journal: Journal,
        (letters, news): (mpsc::Sender<Letter>, mpsc::Sender<News>),
        said: watch::Sender<Activity>,
    ) -> Self {
        let project = settings.project.display().to_string();
        let shelf = Shelf::new(&settings.project, &settings.config);
        let mut warnings = settings.warnings.clone();
        warnings.extend(shelf.blind());
        let hub = Hub::new(settings.clock.clone(), journal.clone(), project, warnings);
        let hub = Rc::new(hub);
        let ways = Ways {
            letters,
            news,
            stops: Stops::new(hub.looked()),
        };
        Self {
            wakes: Wakes::new(&settings.project, settings.clock.now_ms()),
            ticks: Vec::new(),
            rules: Ok(Rules::default()),
            settings: Rc::new(settings),
            shared: Rc::new(Shared {
                journal,
                turns: Turns::new(hub.clone()),
                hub,
                transcripts: Transcripts::default(),
            }),
            shelf,
            drivers: BTreeMap::new(),
            ways,
            said,
        }
    }

    /// Tells the user's own receivers of every question, beside everything else.
    fn tell_others(&self) {
        let (settings, shared) = (self.settings.clone(), self.shared.clone());
        let feed = shared.hub.listen();
        spawn_local(notices::watch(settings, shared, feed, self.said.clone()));
    }

    fn porter(&self) -> Porter {
        Porter {
            hub: self.shared.hub.clone(),
            ways: self.ways.clone(),
            said: self.said.clone(),
        }
    }

    fn desk(&self) -> Desk {
        Desk {
            settings: self.settings.clone(),
            shared: self.shared.clone(),
        }
    }

    async fn hear(&mut self, news: News) {
        match news {
            News::Here => self.said.send_modify(|activity| activity.people += 1),
            News::Left { here } => self.said.send_modify(|activity| {
                activity.cockpits -= 1;
                activity.people -= usize::from(here);
            }),
            News::Works(run, works) => {
                if let Some(driving) = self.drivers.get_mut(&run) {
                    driving.works = works;
                }
                self.count();
                if !works && self.is_capped(&run) {
                    // What the day leaves belongs to the question that it may ask.
                    self.look().await;
                }
            }
            News::Sleeps(run, sleeps) => {
                if let Some(driving) = self.drivers.get_mut(&run) {
                    driving.sleeps = sleeps;
                }
                self.count();
            }
            News::Open => self.look().await,
            News::Over(run) => {
                self.drivers.remove(&run);
                self.ways.stops.remove(&run);
                self.wakes.over(&run);
                self.count();
                self.look().await;
            }
            News::Polled { name, key, found } => self.polled(&name, key, found).await,
        }
    }

    fn count(&self) {
        let count = |is: fn(&Driving) -> bool| self.drivers.values().filter(|d| is(d)).count();
        let (working, sleeping) = (count(|d| d.works), count(|d| d.sleeps));
        self.said.send_if_modified(|activity| {
            let changed = (activity.working, activity.sleeping) != (working, sleeping);
            (activity.working, activity.sleeping) = (working, sleeping);
            changed
        });
    }

    /// Ends what a host that died left behind. What this machine can confine is known when that is done.
    async fn sweep(&self) {
        let mark = Mark::of_project(&self.settings.project);
        let trial = self.settings.powers.clone();
        let swept = beside(move || {
            let swept = sweep(&mark, &[]);
            trial.known();
            Ok(swept)
        });
        if let Err(trouble) = swept.await {
            self.say_trouble("processes", trouble.cause);
        }
    }

    /// Recalls what the last host had been told.
    async fn recall(&mut self) {
        if let Err(e) = self.shelf.recall(&self.shared.journal).await {
            self.say_trouble("journal", e.to_string());
        }
    }

    /// Takes away what writers left that died with an earlier host, beside everything else.
    fn tidy(&self) {
        let (state, project) = (self.settings.state.clone(), self.settings.project.clone());
        let specs: Vec<LoopSpec> = self.shelf.specs().cloned().collect();
        let runs: Vec<RunId> = self.drivers.keys().cloned().collect();
        spawn_local(beside(move || {
            leftovers::sweep((&state, &project), &specs, &runs);
            Ok(())
        }));
    }

    fn say_trouble(&self, what: &str, why: String) {
        self.shared.hub.say(Fact::Refused {
            what: what.to_owned(),
            why,
        });
    }

    /// Reads the project's files again and tells what stands now.
    async fn reread(&mut self) {
        self.shelf.read(&self.settings).await;
        self.read_rules();
        self.tell_stand().await;
    }

    /// Tells what the files say as they were read last: the list, and before it the memories, for who sees a loop
    /// there may ask for its memory at once.
    async fn tell_stand(&mut self) {
        let specs: Vec<LoopSpec> = self.shelf.specs().cloned().collect();
        let project = self.settings.project.clone();
        let read = apart(move || {
            let each = specs.into_iter();
            let each = each.map(|spec| (memory::read(&project, &spec), spec));
            each.collect::<Vec<_>>()
        });
        for (text, spec) in read.await {
            match text {
                Ok(text) if self.shared.hub.memory(&spec.name).as_ref() != Some(&text) => {
                    self.shared.hub.say(Fact::Memory(text));
                }
                Ok(_) => {}
                Err(why) => self.shared.hub.say(Fact::Refused {
                    what: spec.memory.path,
                    why,
                }),
            }
        }
        self.look().await;
    }

    /// Picks up every run that had not ended when the last host did.
    async fn pick_up(&mut self) {
        match self.shared.journal.open_runs().await {
            Ok(open) => {
                for open in open {
                    let events = open.records.iter().filter_map(Record::event);
                    match Run::replay(events) {
                        Some(run) => self.drive(open.run, run, driver::First::Interrupted),
                        None => self.lost(&open.run),
                    }
                    // Who has just attached does not wait for the last of them.
                    yield_now().await;
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
        self.wakes.under_way(&id);
        self.ways.stops.add(&id, driving.reach.clone());
        self.drivers.insert(id, driving);
    }

    fn kill_all(&self) {
        for driving in self.drivers.values() {
            driving.reach.kill();
        }
    }
}
