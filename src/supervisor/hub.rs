//! The hub: brings every record to every cockpit, at each one's own pace. A cockpit that is slow is
//! caught up from the journal; it slows nobody and loses nothing.

mod hearing;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::{broadcast, mpsc, watch};

use super::boss::Ways;
use super::clock::Clock;
use super::journal::{Journal, JournalError};
use super::stops::Stopped;
use crate::link::FarEnd;
use crate::protocol::{Command, DayCaps, Fact, LoopRow, MemoryText, Record, RunId};
use crate::run::Event;
use hearing::Hearing;

/// Records that a cockpit may be behind before it is caught up from the journal.
const FEED: usize = 1024;

/// Records read at a time when catching up.
const CATCH_UP: u32 = 512;

/// What a cockpit sent, with the way back to it alone.
pub(super) struct Letter {
    /// How its decisions are signed.
    pub(super) by: String,
    /// What it asks.
    pub(super) command: Command,
    /// Where answers go.
    pub(super) reply: Reply,
    /// What it has stopped already, on the short way.
    pub(super) stopped: Stopped,
}

/// The way back to the sender of a command. Nobody waits for who does not read: such a sender is not heard
/// until it has read.
#[derive(Clone)]
pub(super) struct Reply {
    clock: Clock,
    answers: mpsc::UnboundedSender<Record>,
}

impl Reply {
    /// Tells the sender alone. One who left is told nothing.
    pub(super) fn tell(&self, fact: Fact) {
        let record = Record {
            seq: 0,
            at: self.clock.now_ms(),
            fact,
        };
        // A closed channel is a cockpit that has gone.
        drop(self.answers.send(record));
    }

    /// Sends an old record again.
    pub(super) fn repeat(&self, record: Record) {
        drop(self.answers.send(record));
    }

    /// Refuses what it asked.
    pub(super) fn refuse(&self, what: impl Into<String>, why: impl Into<String>) {
        self.tell(Fact::Refused {
            what: what.into(),
            why: why.into(),
        });
    }
}

/// What stands now and is not journalled: sent anew to whoever attaches or was left behind.
#[derive(Default)]
struct Levels {
    loops: Vec<LoopRow>,
    memory: BTreeMap<String, MemoryText>,
    grew: BTreeMap<RunId, u64>,
    waiting: Vec<RunId>,
    caps: DayCaps,
}

/// Where records go out from. One per supervisor.
pub(super) struct Hub {
    clock: Clock,
    journal: Journal,
    feed: broadcast::Sender<Record>,
    levels: RefCell<Levels>,
    /// Whether the loops were looked at since this host began.
    looked: watch::Sender<bool>,
    project: String,
    warnings: Vec<String>,
}

impl Hub {
    pub(super) fn new(
        clock: Clock,
        journal: Journal,
        project: String,
        warnings: Vec<String>,
    ) -> Self {
        let (feed, _) = broadcast::channel(FEED);
        let levels = RefCell::default();
        Self {
            clock,
            journal,
            feed,
            levels,
            looked: watch::Sender::new(false),
            project,
            warnings,
        }
    }

    /// The loops have been looked at: who waited for it is told now.
    pub(super) fn has_looked(&self) {
        self.looked.send_replace(true);
    }

    /// Whether they have been.
    pub(super) fn looked(&self) -> watch::Receiver<bool> {
        self.looked.subscribe()
    }

    /// Hears every record from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Record> {
        self.feed.subscribe()
    }

    /// Shows journalled records to everyone.
    pub(super) fn show(&self, records: Vec<Record>) {
        for record in records {
            if let Fact::Run { run, event } = &record.fact
                && matches!(event, Event::Ended(..))
            {
                // Whoever opens its transcript is told its length; nobody else needs it any more.
                self.levels.borrow_mut().grew.remove(run);
            }
            self.send(record);
        }
    }

    /// Says something that is not journalled to everyone.
    pub(super) fn say(&self, fact: Fact) {
        match &fact {
            Fact::Loops(rows) => self.levels.borrow_mut().loops.clone_from(rows),
            Fact::Memory(text) => {
                let mut levels = self.levels.borrow_mut();
                levels.memory.insert(text.name.clone(), text.clone());
            }
            Fact::Grew { run, lines } => {
                self.levels.borrow_mut().grew.insert(run.clone(), *lines);
            }
            Fact::Waiting(runs) => self.levels.borrow_mut().waiting.clone_from(runs),
            Fact::Caps(caps) => self.levels.borrow_mut().caps = *caps,
            Fact::Run { .. }
            | Fact::Attached { .. }
            | Fact::Lines { .. }
            | Fact::HistoryEnd { .. }
            | Fact::Lapses(_)
            | Fact::Found(_)
            | Fact::Review(_)
            | Fact::Refused { .. }
            | Fact::Stalled { .. }
            | Fact::Unkept { .. }
            | Fact::MemoryConflict { .. }
            | Fact::Fired { .. }
            | Fact::Ticked(_)
            | Fact::Leaving
            | Fact::Done { .. } => {}
        }
        self.send(Record {
            seq: 0,
            at: self.clock.now_ms(),
            fact,
        });
    }

    /// Says which runs wait for their turn, where that is news.
    pub(super) fn say_waiting(&self, runs: Vec<RunId>) {
        if self.levels.borrow().waiting != runs {
            self.say(Fact::Waiting(runs));
        }
    }

    /// Says what a day may use up, where that is news.
    pub(super) fn say_caps(&self, caps: DayCaps) {
        if self.levels.borrow().caps != caps {
            self.say(Fact::Caps(caps));
        }
    }

    fn send(&self, record: Record) {
        // No receiver means that no cockpit is attached.
        drop(self.feed.send(record));
    }

    /// The memory text last said of a loop.
    pub(super) fn memory(&self, name: &str) -> Option<MemoryText> {
        self.levels.borrow().memory.get(name).cloned()
    }

    fn level_facts(&self) -> Vec<Fact> {
        let levels = self.levels.borrow();
        let grew = levels.grew.iter().map(|(run, &lines)| Fact::Grew {
            run: run.clone(),
            lines,
        });
        let memory = levels.memory.values().cloned().map(Fact::Memory);
        let stand = [
            Fact::Loops(levels.loops.clone()),
            Fact::Waiting(levels.waiting.clone()),
            Fact::Caps(levels.caps),
        ];
        stand.into_iter().chain(memory).chain(grew).collect()
    }

    /// Serves one connection until its far side is gone; whether somebody sat in front of it.
    pub(super) async fn serve(self: Rc<Self>, mut end: FarEnd, ways: Ways) -> bool {
        let Some(Command::Attach { since, by, early }) = end.commands.recv().await else {
            return false;
        };
        if !early {
            let mut looked = self.looked.subscribe();
            tokio::select! {
                // The hub, which is asked, outlasts this.
                _looked = looked.wait_for(|looked| *looked) => {}
                () = end.records.closed() => return false,
            }
        }
        let (answers, waiting) = mpsc::unbounded_channel();
        let reply = Reply {
            clock: self.clock.clone(),
            answers,
        };
        let mut hearing = Hearing {
            by,
            commands: end.commands,
            room: end.records.clone(),
            reply,
            ways,
            here: false,
        };
        let feeding = Feeding {
            hub: &self,
            to: end.records,
            seen: since,
        };
        tokio::select! {
            () = hearing.run() => {}
            _gone = feeding.run(waiting) => {}
        }
        hearing.here
    }
}

/// The cockpit's side of the channel is closed.
struct Gone;

/// One cockpit being told.
struct Feeding<'a> {
    hub: &'a Hub,
    to: mpsc::Sender<Record>,
    /// Number of the last journalled record that it has.
    seen: u64,
}

impl Feeding<'_> {
    async fn run(mut self, mut answers: mpsc::UnboundedReceiver<Record>) -> Result<(), Gone> {
        // Subscribe first: what happens while the backlog is read is then told after it.
        let mut feed = self.hub.feed.subscribe();
        match self.hub.journal.backlog(self.seen).await {
            Ok(records) => self.tell_all(records).await?,
            Err(e) => self.tell_unreadable(&e).await?,
        }
        self.tell_levels().await?;
        let (project, warnings) = (self.hub.project.clone(), self.hub.warnings.clone());
        self.tell_fact(Fact::Attached { project, warnings }).await?;
        loop {
            tokio::select! {
                // Answers may repeat old records: their asker wants them, whatever it has.
                answer = answers.recv() => self.send(answer.ok_or(Gone)?).await?,
                news = feed.recv() => match news {
                    // Runs write at the same time and do not always show in the same order: what is
                    // between stands in the journal already.
                    Ok(record) if record.seq > self.seen + 1 => self.catch_up().await?,
                    // The last that is told: the connection ends once it is written.
                    Ok(record) if record.fact == Fact::Leaving => {
                        while let Ok(answer) = answers.try_recv() {
                            self.send(answer).await?;
                        }
                        return self.tell(record).await;
                    }
                    Ok(record) => self.tell(record).await?,
                    Err(broadcast::error::RecvError::Closed) => return Err(Gone),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.catch_up().await?;
                        self.tell_levels().await?;
                    }
                },
            }
        }
    }

    /// Reads what was missed from the journal.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        loop {
            match self.hub.journal.since(self.seen, CATCH_UP).await {
                Ok(missed) if missed.is_empty() => return Ok(()),
                Ok(missed) => self.tell_all(missed).await?,
                Err(e) => return self.tell_unreadable(&e).await,
            }
        }
    }

    async fn tell_all(&mut self, records: Vec<Record>) -> Result<(), Gone> {
        for record in records {
            self.tell(record).await?;
        }
        Ok(())
    }

    async fn tell_unreadable(&mut self, e: &JournalError) -> Result<(), Gone> {
        let (what, why) = ("journal".to_owned(), e.to_string());
        self.tell_fact(Fact::Refused { what, why }).await
    }

    async fn tell_levels(&mut self) -> Result<(), Gone> {
        for fact in self.hub.level_facts() {
            self.tell_fact(fact).await?;
        }
        Ok(())
    }

    async fn tell_fact(&mut self, fact: Fact) -> Result<(), Gone> {
        self.tell(Record {
            seq: 0,
            at: self.hub.clock.now_ms(),
            fact,
        })
        .await
    }

    async fn tell(&mut self, record: Record) -> Result<(), Gone> {
        if record.seq > 0 {
            if record.seq <= self.seen {
                return Ok(());
            }
            self.seen = record.seq;
        }
        self.send(record).await
    }

    async fn send(&mut self, record: Record) -> Result<(), Gone> {
        self.to.send(record).await.map_err(|_| Gone)
    }
}
