//! The site of one run: its places, its workspace, its transcript, and what its commands are given.
//! What examines it is pinned in `site/pins.rs`; what its programs are started with is `site/homes.rs`, where it writes
//! in the project `site/places.rs`.

mod aside;
mod homes;
mod pins;
pub(super) mod places;

use std::cell::{Cell, RefCell};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

pub(super) use self::aside::{apart, beside};
use self::homes::Homes;
use self::places::PAYLOAD;
use super::clock::Clock;
use super::hub::Hub;
use super::journal::Journal;
use super::naming;
use super::needs;
use super::process::{Kept, Mark};
use super::redactor::Redactor;
use super::secrets;
use super::slots::Slots;
use super::transcripts::Open;
use super::trust::Trust;
use super::turns::Turns;
use super::worker::stream::Sessions;
use super::worker::transcript::Kind;
use super::workspace::leash::Leash;
use super::workspace::{Place, Trouble, Workspace};
use super::{Settings, Shared};
use crate::config::loops::{self, PinnedFile};
use crate::config::prices::{self, Prices};
use crate::protocol::{Fact, RunId};
use crate::run::spec::Provider;
use crate::run::{Change, Digest, Ground, Usage, Wake};

/// Everything that the errands of one run need.
pub(super) struct Site {
    pub(super) clock: Clock,
    pub(super) journal: Journal,
    pub(super) hub: Rc<Hub>,
    /// Who may work now.
    pub(super) turns: Rc<Turns>,
    pub(super) id: RunId,
    pub(super) wake: Wake,
    /// The project's folder.
    pub(super) project: PathBuf,
    /// The run's readable artefacts, in the project's `.checkride`.
    pub(super) folder: PathBuf,
    /// The same, below the project.
    pub(super) below: PathBuf,
    settings: Rc<Settings>,
    /// What its programs are started with, once one of them is.
    homes: OnceCell<Homes>,
    /// What the worker's sessions have spent, where it tells only the sum of a whole session.
    pub(super) sessions: RefCell<Sessions>,
    /// Hides the values of keys and tokens in what worker and examiners say.
    pub(super) redactor: Redactor,
    /// What the tokens of models cost: the list as it stood when the step began, and each that it was
    /// changed to since.
    prices: RefCell<Vec<Prices>>,
    /// How fast a scripted worker plays; 1.0 is as written.
    pub(super) pace: f64,
    trust: Trust,
    place: Place,
    workspace: Arc<Mutex<Option<Workspace>>>,
    transcript: RefCell<Option<Open>>,
    /// Whether it was said that the transcript cannot be written.
    mute: Cell<bool>,
    /// The examiner's own files as they were pinned.
    pins: RefCell<Option<Vec<PinnedFile>>>,
    /// The goal that was read last, and the digest of the loop file that said it.
    goal: RefCell<Option<(Digest, String)>>,
}

impl Site {
    pub(super) fn new(
        settings: &Rc<Settings>,
        shared: &Shared,
        (id, wake): (&RunId, &Wake),
    ) -> Rc<Self> {
        let name = &wake.spec.name;
        let below = places::below(name, wake.number);
        let place = Place::new(
            &settings.project,
            &settings.state.join("workspaces").join(name),
            name,
        );
        let listed = prices::read(&settings.config);
        let site = Self {
            redactor: secrets::of(&wake.spec, &settings.env),
            sessions: RefCell::default(),
            prices: RefCell::new(vec![listed.prices]),
            clock: settings.clock.clone(),
            journal: shared.journal.clone(),
            hub: shared.hub.clone(),
            turns: shared.turns.clone(),
            id: id.clone(),
            wake: wake.clone(),
            project: settings.project.clone(),
            transcript: RefCell::new(None),
            mute: Cell::new(false),
            pins: RefCell::new(None),
            goal: RefCell::new(None),
            folder: settings.project.join(&below),
            below,
            homes: OnceCell::new(),
            settings: settings.clone(),
            pace: settings.pace,
            trust: Trust::of(settings),
            place,
            workspace: Arc::default(),
        };
        match shared.transcripts.open(id, &site.project, &site.below) {
            Ok(open) => drop(site.transcript.replace(Some(open))),
            Err(e) => site.mute(&e),
        }
        let wrong = listed.diagnostics.iter().map(|d| (Kind::Error, d.line()));
        site.narrate(wrong.collect());
        Rc::new(site)
    }

    /// What its programs are started with. It is put together when the first of them starts: a run that waits for
    /// a person needs none of it, and many wait when a host begins.
    pub(super) async fn homes(&self) -> &Homes {
        let make = || {
            let mark = Mark::new(&self.project, &self.id.0);
            let (settings, wake) = (Settings::clone(&self.settings), self.wake.clone());
            let folder = self.place.folder.clone();
            apart(move || Homes::new(&settings, mark, &wake, &folder))
        };
        self.homes.get_or_init(make).await
    }

    /// The value of the variable that holds a provider's key, as the host was started with it.
    pub(super) fn key(&self, provider: &Provider) -> Option<OsString> {
        let name = provider.key_env.as_deref()?;
        let named = self
            .settings
            .env
            .iter()
            .find(|(key, _)| key.to_str() == Some(name));
        named.map(|(_, value)| value.clone())
    }

    /// What ends a snapshot of the workspace that takes long.
    pub(super) fn leash(&self) -> Leash {
        self.place.leash.clone()
    }

    /// Makes the workspace anew: what an earlier run left is gone.
    pub(super) async fn make_workspace(&self) -> Result<Ground, Trouble> {
        let (place, rules) = (
            self.place.clone(),
            self.wake.spec.guardrails.workspace.clone(),
        );
        let slot = self.workspace.clone();
        beside(move || {
            let (made, ground) = Workspace::open(&place, &rules)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
            Ok(ground)
        })
        .await
    }

    /// Does something with the workspace, one thing at a time, beside the supervisor's thread.
    /// After a restart it is opened again as it was left.
    pub(super) async fn workspace<T, F>(&self, ground: Ground, work: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&Workspace) -> Result<T, Trouble> + Send + 'static,
    {
        let (place, slot) = (self.place.clone(), self.workspace.clone());
        beside(move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.is_none() {
                *slot = Some(Workspace::reopen(&place, &ground)?);
            }
            match slot.as_ref() {
                Some(workspace) => work(workspace),
                None => Err(Trouble::new("the workspace cannot be opened")),
            }
        })
        .await
    }

    /// The values of the placeholders in commands and names (PRODUCT §4.1).
    pub(super) fn slots(&self, base: &str, changes: &[Change]) -> Slots {
        let spec = &self.wake.spec;
        let artefact = naming::artefact(&spec.output, &self.wake.date, changes);
        let slots = Slots::default();
        // Where there is no such file nothing takes its place, least of all an empty word.
        let slots = match &artefact.path {
            Some(path) => slots.with("draft", path),
            None => slots,
        };
        slots
            .with("base", base)
            .with("project", &self.project.display().to_string())
            .with("date", &self.wake.date)
            .with("slug", &artefact.slug)
            .with("run", &self.wake.number.to_string())
            .with("payload_file", &self.payload_file().to_string_lossy())
    }

    /// The file that holds what came with the trigger; an empty one where nothing did.
    pub(super) fn payload_file(&self) -> PathBuf {
        let came = self
            .wake
            .fired
            .as_ref()
            .and_then(|fired| fired.payload.as_ref());
        match came {
            Some(_) => self.folder.join(PAYLOAD),
            None => PathBuf::from("/dev/null"),
        }
    }

    /// Where the outbox keeps what it did.
    pub(super) fn deeds(&self) -> PathBuf {
        self.place.folder.join("deeds")
    }

    /// The goal as its file says it now; the file is parsed anew only where its bytes have changed.
    /// The error is one line.
    pub(super) async fn goal_now(&self) -> Result<String, String> {
        if self.wake.spec.is_plain() {
            return Ok(self.wake.spec.goal.statement.clone());
        }
        let name = &self.wake.spec.name;
        let path = self.project.join(format!("loops/{name}.toml"));
        let (project, known) = (self.project.clone(), self.goal.borrow().clone());
        let read = apart(move || {
            let digest = loops::digest(&project, &path);
            let known = known.filter(|(known, _)| digest.as_ref() == Some(known));
            let known = known.map(|(_, goal)| goal);
            known.ok_or_else(|| Box::new(loops::read(&project, &path)))
        });
        let file = match read.await {
            Ok(goal) => return Ok(goal),
            Err(changed) => changed,
        };
        match (&file.spec, file.first_error()) {
            (Some(spec), _) => {
                let goal = &spec.goal.statement;
                let read = file.digest.clone().map(|digest| (digest, goal.clone()));
                self.goal.replace(read);
                Ok(goal.clone())
            }
            (None, Some(error)) => {
                let why = &error.message;
                Err(format!(
                    "loops/{name}.toml is invalid now: {why}; mend it, then try again"
                ))
            }
            (None, None) => Err(format!(
                "loops/{name}.toml cannot be read; mend it, then try again"
            )),
        }
    }

    /// Where the run's programs and keys are looked for.
    pub(super) async fn ground(&self) -> needs::Ground<'_> {
        let path = self
            .homes()
            .await
            .publisher
            .env
            .iter()
            .find(|(name, _)| name == "PATH");
        needs::Ground {
            project: &self.project,
            path: path.map_or(OsStr::new(""), |(_, path)| path.as_os_str()),
            env: &self.settings.env,
        }
    }

    /// A step begins: the list of prices counts as it stands now.
    pub(super) fn read_prices(&self) {
        let file = prices::read(&self.settings.config);
        let known = self.prices.borrow().last() == Some(&file.prices);
        if !known {
            let wrong = file.diagnostics.iter().map(|d| (Kind::Error, d.line()));
            self.narrate(wrong.collect());
        }
        self.prices.replace(vec![file.prices]);
    }

    /// A call of the step is about to begin: a list that has changed counts beside those before it.
    pub(super) fn look_at_prices(&self) {
        let now = prices::read(&self.settings.config).prices;
        let mut seen = self.prices.borrow_mut();
        if !seen.contains(&now) {
            seen.push(now);
        }
    }

    /// Whether a list of prices knows this model.
    pub(super) fn knows_price(&self, model: &str) -> bool {
        self.prices.borrow().iter().any(|list| list.knows(model))
    }

    /// Tokens of this model that so much money buys, at the dearest price seen in this step; `None`
    /// where no list tells.
    pub(super) fn tokens_for(&self, micro_usd: u64, model: &str) -> Option<u64> {
        let seen = self.prices.borrow();
        let all = seen.iter().map(|list| list.tokens_for(micro_usd, model));
        all.flatten().min()
    }

    /// The usage with its money, where only a list of prices tells it; the dearest seen in this step.
    pub(super) fn priced(&self, usage: Usage, model: Option<&str>) -> Usage {
        let seen = self.prices.borrow();
        let all = seen.iter().map(|list| list.put(usage, model));
        all.max_by_key(|usage| usage.micro_usd).unwrap_or(usage)
    }

    /// Adds to the transcript, and tells every cockpit how long it is now.
    pub(super) fn narrate(&self, entries: Vec<(Kind, String)>) {
        if entries.is_empty() {
            return;
        }
        if let Some(open) = self.transcript.borrow().as_ref() {
            let at = self.clock.now_ms();
            let mut transcript = open.borrow_mut();
            for (kind, text) in entries {
                if let Err(e) = transcript.append(at, kind, &text) {
                    self.mute(&e);
                }
            }
            match transcript.flush() {
                Ok(()) => self.unmute(),
                Err(e) => self.mute(&e),
            }
            let lines = transcript.len();
            drop(transcript);
            self.hub.say(Fact::Grew {
                run: self.id.clone(),
                lines,
            });
        }
    }

    /// Says that the transcript cannot be written, once until it can be.
    pub(super) fn mute(&self, e: &io::Error) {
        if !self.mute.replace(true) {
            let why = format!("its transcript cannot be written: {e}; the run goes on");
            let run = self.id.clone();
            self.hub.say(Fact::Unkept { run, why });
        }
    }

    /// The transcript is written again.
    pub(super) fn unmute(&self) {
        self.mute.set(false);
    }

    /// The transcript that the worker's output goes to, where it can be written.
    pub(super) fn transcript(&self) -> Option<Open> {
        self.transcript.borrow().clone()
    }

    /// Nothing is in flight: no process of the run is needed until something is.
    pub(super) fn rest(&self) {
        let homes = self.homes.get();
        homes
            .into_iter()
            .flat_map(Homes::kept)
            .for_each(Kept::let_go);
    }

    /// The run is over: its transcript is only read from now on.
    pub(super) fn close(&self) {
        drop(self.transcript.borrow_mut().take());
    }
}
