//! The journal: every record durable before it is shown. One thread owns the database, writes in
//! batches and answers reads; stopping a run never waits for it.

pub mod firings;
mod schema;
mod spending;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::protocol::{Record, RunId};
use crate::run::{CheckpointId, Digest, Event, Outcome, Usage};

use store::Store;

/// Why the journal cannot be read or written, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalError(pub String);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JournalError {}

/// What one batch brings: all of it becomes durable, or nothing does.
#[derive(Debug)]
pub struct Batch {
    /// The run that it is about.
    pub run: RunId,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Texts that these events name, kept under their digests.
    pub texts: Vec<String>,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// A run that has not ended.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// Its id.
    pub run: RunId,
    /// All its records, in order.
    pub records: Vec<Record>,
}

/// What is known of a loop's past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Number of its newest run; 0 for none.
    pub last_number: u32,
    /// How its newest 20 finished runs ended, newest last.
    pub outcomes: Vec<Outcome>,
    /// Whether it has published before.
    pub published: bool,
    /// How many runs by hand were accepted, by the digest of their skill.
    pub accepted: BTreeMap<String, u32>,
    /// How many runs met the goal, with whatever skill and whoever started them.
    pub approved: u32,
    /// What the runs that woke today spent, but for the newest run.
    pub earlier_today: Usage,
    /// What all its runs spent.
    pub spent: Usage,
}

impl Past {
    /// Whether it was proven by hand with another skill than this one.
    pub fn proven_otherwise(&self, skill: Option<&Digest>) -> bool {
        let now = skill.map(Digest::as_str);
        self.accepted
            .keys()
            .any(|known| Some(known.as_str()) != now)
    }
}

/// The newest of a loop's past: all that is needed to show that there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Newest {
    /// Number of its newest run; 0 for none.
    pub number: u32,
    /// How its newest 20 finished runs ended, newest last.
    pub outcomes: Vec<Outcome>,
}

type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// One job of the journal's thread.
enum Job {
    Append(Arc<Batch>, Reply<Vec<Record>>),
    Text(Digest, Reply<Option<String>>),
    OpenRuns(Reply<Vec<OpenRun>>),
    Backlog(u64, Reply<Vec<Record>>),
    Since(u64, u32, Reply<Vec<Record>>),
    Run(RunId, Reply<Vec<Record>>),
    History(String, u32, u32, Reply<(Vec<Record>, bool)>),
    Past(String, String, Reply<Past>),
    Newest(Vec<String>, Reply<Vec<Newest>>),
    Proofs(Digest, Reply<u32>),
    Set(String, String, Reply<()>),
    Get(String, Reply<Option<String>>),
    Seen(CheckpointId, Digest, Reply<()>),
    WasSeen(CheckpointId, Digest, Reply<bool>),
    Do(Box<dyn FnOnce(&rusqlite::Connection) + Send>),
}

/// A handle to the journal's thread. Clones speak to the same thread.
#[derive(Debug, Clone)]
pub struct Journal {
    jobs: mpsc::UnboundedSender<Job>,
}

/// Why nothing answers: the thread is gone.
fn gone() -> JournalError {
    JournalError("the journal's thread has ended; restart checkride".to_owned())
}

impl Journal {
    /// Opens or makes the journal, and starts its thread.
    ///
    /// # Errors
    /// One line: the folder cannot be written, the file is no database, or it was written by a
    /// newer checkride. Nothing is changed then.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let mut store = Store::open(path)?;
        let (jobs, mut inbox) = mpsc::unbounded_channel();
        let work = move || {
            while let Some(job) = inbox.blocking_recv() {
                store.work(job);
            }
        };
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(work)
            .map_err(|e| JournalError(format!("cannot start the journal's thread: {e}")))?;
        Ok(Self { jobs })
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Makes a batch durable and gives it back as numbered records.
    pub async fn append(&self, batch: Arc<Batch>) -> Result<Vec<Record>, JournalError> {
        self.ask(|reply| Job::Append(batch, reply)).await
    }

    /// A kept text, if there is one under this digest.
    pub async fn text(&self, digest: Digest) -> Result<Option<String>, JournalError> {
        self.ask(|reply| Job::Text(digest, reply)).await
    }

    /// Every run that has not ended.
    pub async fn open_runs(&self) -> Result<Vec<OpenRun>, JournalError> {
        self.ask(Job::OpenRuns).await
    }

    /// What a cockpit that has records up to `since` needs for its first screen: the records of
    /// open runs and of each loop's newest run.
    pub async fn backlog(&self, since: u64) -> Result<Vec<Record>, JournalError> {
        self.ask(|reply| Job::Backlog(since, reply)).await
    }

    /// The next records after a number, at most so many.
    pub async fn since(&self, seq: u64, most: u32) -> Result<Vec<Record>, JournalError> {
        self.ask(|reply| Job::Since(seq, most, reply)).await
    }

    /// All records of one run.
    pub async fn run(&self, run: RunId) -> Result<Vec<Record>, JournalError> {
        self.ask(|reply| Job::Run(run, reply)).await
    }

    /// The records of a loop's runs with numbers below `before`, the newest so many runs; and
    /// whether there are older ones.
    pub async fn history(
        &self,
        name: String,
        before: u32,
        runs: u32,
    ) -> Result<(Vec<Record>, bool), JournalError> {
        self.ask(|reply| Job::History(name, before, runs, reply))
            .await
    }

    /// What is known of a loop's past; `today` is the date here, `2026-06-12`.
    pub async fn past(&self, name: &str, today: String) -> Result<Past, JournalError> {
        let name = name.to_owned();
        self.ask(|reply| Job::Past(name, today, reply)).await
    }

    /// The newest of each loop's past, in the order of these names: a few rows each, however long the
    /// past is.
    pub async fn newest(&self, names: Vec<String>) -> Result<Vec<Newest>, JournalError> {
        self.ask(|reply| Job::Newest(names, reply)).await
    }

    /// How often exactly this skill was proven: runs of any loop, and plain prompts, that a person
    /// started and that were accepted.
    pub async fn proofs(&self, skill: Digest) -> Result<u32, JournalError> {
        self.ask(|reply| Job::Proofs(skill, reply)).await
    }

    /// Remembers a setting of the operator, such as which loops are switched off.
    pub async fn set(&self, key: &str, value: String) -> Result<(), JournalError> {
        self.ask(|reply| Job::Set(key.to_owned(), value, reply))
            .await
    }

    /// A remembered setting.
    pub async fn get(&self, key: &str) -> Result<Option<String>, JournalError> {
        self.ask(|reply| Job::Get(key.to_owned(), reply)).await
    }

    /// This checkpoint was displayed or printed under this digest.
    pub async fn seen(&self, id: CheckpointId, digest: Digest) -> Result<(), JournalError> {
        self.ask(|reply| Job::Seen(id, digest, reply)).await
    }

    /// Whether it ever was.
    pub async fn was_seen(&self, id: CheckpointId, digest: Digest) -> Result<bool, JournalError> {
        self.ask(|reply| Job::WasSeen(id, digest, reply)).await
    }
}
