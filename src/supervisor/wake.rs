//! What wakes loops: when a schedule is due, what happened outside, what the day's caps leave. The
//! boss asks here and starts; nothing here starts a run.

pub mod calendar;
pub mod day;
pub(super) mod eyes;
pub mod files;
pub mod inbox;
pub mod payload;
pub mod plan;
pub(super) mod poll;
pub mod quiet;
pub mod refs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::journal::firings::Entry;
use super::journal::{Journal, JournalError};
use super::site::beside;
use crate::protocol::RunId;
use crate::run::Digest;
use crate::run::spec::Trigger;
use eyes::Eyes;
use files::{Files, Watched};
use plan::Mark;
use poll::Polling;

/// How often references are looked at: a few small files each time, and no git.
const REFS: Duration = Duration::from_secs(2);

/// How long nothing is looked at where nothing is seen.
const ANYWAY: Duration = Duration::from_secs(30);

/// What is remembered of an armed trigger, over restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Names the trigger: another one is armed anew.
    pub(super) of: Digest,
    /// From when on it counts, and up to where it is accounted for.
    pub(super) mark: Mark,
    /// What stands outside, as it was when it last fired.
    pub(super) known: Known,
    /// How often it has fired since it was armed.
    pub(super) times: u64,
}

/// What stands outside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Known {
    /// Nothing is known yet.
    #[default]
    Nothing,
    /// The watched files.
    Files(Files),
    /// Where the reference points.
    Ref(Option<String>),
    /// When the command was asked last, in milliseconds since 1970.
    Polled(i64),
}

impl Held {
    /// The key of its next firing: the same again until that is remembered.
    pub(super) fn key(&self, kind: &str) -> String {
        format!("{kind}:{}-{}", self.mark.since, self.times + 1)
    }

    /// It has fired; this is what stands outside now.
    pub(super) fn after(self, known: Known) -> Self {
        Self {
            known,
            times: self.times + 1,
            ..self
        }
    }
}

/// The triggers of one project.
pub(super) struct Wakes {
    /// What is remembered of each; `None` where it is known that nothing is.
    held: BTreeMap<String, Option<Held>>,
    /// When to look again, in milliseconds since 1970.
    pub(super) again: i64,
    /// When this host began to look.
    pub(super) began: i64,
    /// The runs that firings led to, by loop and key, while they are under way.
    pub(super) launched: BTreeMap<(String, String), RunId>,
    /// The newest run of each loop that a firing led to and no tick has told.
    pub(super) untold: BTreeMap<String, RunId>,
    /// Commands that are being asked, by loop.
    pub(super) polls: BTreeMap<String, Polling>,
    /// The references that are watched, and where they pointed when they were looked at.
    pub(super) refs: BTreeMap<String, Option<String>>,
    /// The patterns that are watched.
    pub(super) watched: Vec<Watched>,
    /// The inboxes that are watched.
    pub(super) inboxes: Vec<PathBuf>,
    /// Loops whose run is under way, or over since the last look.
    own: BTreeMap<String, bool>,
    eyes: Eyes,
    project: PathBuf,
    next_refs: Instant,
    /// When to look whatever is or is not seen.
    anyway: Instant,
    keys: u64,
}

impl Wakes {
    pub(super) fn new(project: &Path, now: i64) -> Self {
        Self {
            held: BTreeMap::new(),
            again: now,
            began: now,
            launched: BTreeMap::new(),
            untold: BTreeMap::new(),
            polls: BTreeMap::new(),
            refs: BTreeMap::new(),
            watched: Vec::new(),
            inboxes: Vec::new(),
            own: BTreeMap::new(),
            eyes: Eyes::new(project),
            project: project.to_owned(),
            next_refs: Instant::now() + REFS,
            anyway: Instant::now() + ANYWAY,
            keys: 0,
        }
    }

    /// Waits until it is time to look at the triggers again, or something was seen outside.
    pub(super) async fn due(&mut self, clock: &Clock) {
        loop {
            let refs = !self.refs.is_empty();
            tokio::select! {
                () = clock.until(self.again) => return,
                // Folders come and go, and a clock that was put back makes other slots the next ones.
                () = sleep_until(self.anyway) => return,
                () = self.eyes.seen() => return,
                () = sleep_until(self.next_refs), if refs => {
                    self.next_refs = Instant::now() + REFS;
                    if self.refs_moved().await {
                        return;
                    }
                }
            }
        }
    }

    async fn refs_moved(&self) -> bool {
        let (project, known) = (self.project.clone(), self.refs.clone());
        let moved = beside(move || {
            let mut known = known.iter();
            // What cannot be read is told by the look that follows.
            Ok(known.any(|(name, id)| refs::read(&project, name).as_ref() != Ok(id)))
        });
        moved.await.unwrap_or(false)
    }

    /// A look begins: what it needs is gathered anew.
    pub(super) fn begin(&mut self) {
        self.refs.clear();
        self.watched.clear();
        self.inboxes.clear();
    }

    /// A look is over: this is what is watched until the next one.
    pub(super) fn done(&mut self, again: Option<i64>) {
        self.again = again.unwrap_or(i64::MAX);
        self.anyway = Instant::now() + ANYWAY;
        self.own.retain(|_, under_way| *under_way);
        let (watched, inboxes) = (self.watched.clone(), self.inboxes.clone());
        self.eyes.look_at(watched, inboxes);
    }

    /// What is not noticed at once.
    pub(super) fn blind(&self) -> Option<&str> {
        self.eyes.blind()
    }

    /// What is remembered of a loop's trigger.
    async fn recall(
        &mut self,
        name: &str,
        journal: &Journal,
    ) -> Result<Option<Held>, JournalError> {
        if let Some(held) = self.held.get(name) {
            return Ok(held.clone());
        }
        let kept = journal.get(&setting(name)).await?.unwrap_or_default();
        let held: Option<Held> = serde_json::from_str(&kept).ok();
        self.held.insert(name.to_owned(), held.clone());
        Ok(held)
    }

    /// What is remembered of this trigger, which is armed now where nothing is.
    pub(super) async fn armed(
        &mut self,
        name: &str,
        trigger: &Trigger,
        (now, journal): (i64, &Journal),
    ) -> Result<Held, JournalError> {
        let of = Digest::of_value(trigger);
        match self.recall(name, journal).await? {
            Some(held) if held.of == of => Ok(held),
            Some(_) | None => {
                let held = Held {
                    of,
                    mark: Mark::armed(now),
                    known: Known::Nothing,
                    times: 0,
                };
                self.keep(name, Some(held.clone()), journal).await?;
                Ok(held)
            }
        }
    }

    /// Remembers this of a loop's trigger; `None` for one that is not armed.
    pub(super) async fn keep(
        &mut self,
        name: &str,
        held: Option<Held>,
        journal: &Journal,
    ) -> Result<(), JournalError> {
        if self.recall(name, journal).await? != held {
            let text = held.as_ref().map(serde_json::to_string);
            let text = text.and_then(Result::ok).unwrap_or_default();
            journal.set(&setting(name), text).await?;
            self.held.insert(name.to_owned(), held);
        }
        Ok(())
    }

    /// Forgets what is remembered of all triggers, also of loops that are not here: each is armed anew when it is
    /// looked at next.
    pub(super) async fn forget(&mut self, journal: &Journal) -> Result<(), JournalError> {
        journal.forget_triggers(TRIGGER).await?;
        self.held.clear();
        Ok(())
    }

    /// Writes down what became of a loop's trigger together with what is remembered of it from then on: a
    /// crash between the two would lose what came next, or count it twice.
    pub(super) async fn account(
        &mut self,
        name: &str,
        held: Held,
        (entries, journal): (Vec<Entry>, &Journal),
    ) -> Result<(), JournalError> {
        if entries.is_empty() {
            return self.keep(name, Some(held), journal).await;
        }
        let text = serde_json::to_string(&held).unwrap_or_default();
        journal.account(entries, (setting(name), text)).await?;
        self.held.insert(name.to_owned(), Some(held));
        Ok(())
    }

    /// A key that no firing has had: this moment, and a number where there are several in one.
    pub(super) fn key(&mut self, kind: &str, now: i64) -> String {
        self.keys += 1;
        format!("{kind}:{now}-{}-{}", self.began, self.keys)
    }

    /// Whether changes of this loop's own target may be its own.
    pub(super) fn own(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }

    /// A run is under way.
    pub(super) fn under_way(&mut self, run: &RunId) {
        if let Some((name, _)) = run.split() {
            self.own.insert(name.to_owned(), true);
        }
    }

    /// A run is over: its firing needs no guard any more.
    pub(super) fn over(&mut self, run: &RunId) {
        self.launched.retain(|_, of| of != run);
        if let Some((name, _)) = run.split() {
            self.own.insert(name.to_owned(), false);
        }
    }
}

/// How the names of the settings begin that hold the states of triggers.
const TRIGGER: &str = "trigger/";

/// Where a trigger's state stands among the settings.
fn setting(name: &str) -> String {
    format!("{TRIGGER}{name}")
}
