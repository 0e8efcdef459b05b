//! The shelf: the project's loop files as they stand, watched, and what the list shows of them.

mod granted;
mod looked;
mod off;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::granted::granted;
use self::looked::{Looked, wake};
use self::off::Off;
use super::Settings;
use super::journal::{Journal, JournalError, Past};
use super::plain;
use super::site::apart;
use super::trust::Trust;
use super::watching;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::loops::{self, LoopFile};
use crate::config::prices;
use crate::protocol::{LoopFacts, LoopRow, LoopState, Plain, RunId, Waking};
use crate::run::spec::PLAIN;
use crate::run::{Fired, LoopSpec, Wake};

/// Folders of a project whose changes matter here.
const WATCHED: [&str; 4] = ["loops", "skills", "scripts", "memory"];

/// A save is several events; this long after the first one the files are read.
const SETTLE: Duration = Duration::from_millis(100);

/// Loops that are asked about side by side: one wake of the journal serves several.
pub(super) const SIDE_BY_SIDE: usize = 8;

/// Where it is remembered which loops are switched off.
const SWITCHED_OFF: &str = "switched-off";

/// Where the plain prompt is remembered that was asked last.
const ASKED: &str = "plain-prompt";
/// Why a run begins.
pub(super) struct Cause {
    /// What fired, in words.
    pub(super) by: String,
    /// The firing; `None` where a person starts the run.
    pub(super) fired: Option<Fired>,
}

pub(super) struct Shelf {
    /// The user's config folder, with `prices.toml`.
    config: PathBuf,
    files: Vec<LoopFile>,
    off: Off,
    /// The plain prompt that was asked last, which `s` repeats.
    asked: Option<Plain>,
    changes: mpsc::Receiver<()>,
    /// When what was noticed has settled.
    settled: Option<Instant>,
    /// `None` where the system cannot watch: then files are read when something is asked.
    watcher: Option<RecommendedWatcher>,
}

impl Shelf {
    pub(super) fn new(project: &Path, config: &Path) -> Self {
        let (news, changes) = mpsc::channel(1);
        let tell = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // A full channel says already that something has changed.
                let _known_already = news.try_send(());
            }
        };
        let watcher = watching::begin(tell).and_then(|mut watcher| {
            let begun = watcher.watch(project, RecursiveMode::NonRecursive);
            begun.is_ok().then_some(watcher)
        });
        Self {
            config: config.to_owned(),
            files: Vec::new(),
            off: Off::default(),
            asked: None,
            changes,
            settled: None,
            watcher,
        }
    }

    /// What the operator should know where changes cannot be noticed.
    pub(super) fn blind(&self) -> Option<String> {
        let blind = self.watcher.is_none();
        blind.then(|| {
            "changed files are not noticed by themselves here; Ctrl-l reads them".to_owned()
        })
    }

    /// Waits until a watched file has changed and the save has settled. The wait may be dropped
    /// for something more urgent: what was noticed by then is not forgotten.
    pub(super) async fn changed(&mut self) {
        let settled = match self.settled {
            Some(settled) => settled,
            None => match self.changes.recv().await {
                Some(()) => *self.settled.insert(Instant::now() + SETTLE),
                None => std::future::pending().await,
            },
        };
        sleep_until(settled).await;
        self.settled = None;
        let _read_in_the_same_go = self.changes.try_recv();
    }

    /// Reads all loop files. Folders that have come to be are watched from now on.
    pub(super) async fn read(&mut self, settings: &Settings) {
        let project = &settings.project;
        if let Some(watcher) = &mut self.watcher {
            let folders = WATCHED.map(|name| watching::real_folder(project, Path::new(name)));
            for folder in folders.into_iter().flatten() {
                // A folder that cannot be watched is still read at each start of a loop.
                drop(watcher.watch(&folder, RecursiveMode::Recursive));
            }
        }
        let (project, config) = (project.clone(), self.config.clone());
        let (asked, path) = (self.asked.clone(), path(settings));
        let list = move || {
            let prices = prices::read(&config).prices;
            let files = loops::read_all(&project).into_iter();
            let mut files: Vec<LoopFile> = files.map(|file| file.priced(&prices)).collect();
            let plain = asked.filter(|_| files.iter().all(|file| file.name != PLAIN));
            // One whose worker or skill has gone is not listed; asking it again says why.
            let plain = plain.and_then(|plain| plain::file(&project, &files, &plain, &path).ok());
            files.extend(plain);
            files
        };
        self.files = apart(list).await;
    }

    /// Takes a plain prompt in, so that it can be started under its name. The error is one line.
    pub(super) async fn ask(
        &mut self,
        plain: Plain,
        settings: &Settings,
        journal: &Journal,
    ) -> Result<(), String> {
        let real: Vec<LoopFile> = self
            .files
            .iter()
            .filter(|f| f.name != PLAIN)
            .cloned()
            .collect();
        let (trust, project) = (Trust::of(settings), settings.project.clone());
        let (wanted, path) = (plain.clone(), path(settings));
        let look = move || {
            plain::may_work(&trust, &real, &wanted)?;
            plain::file(&project, &real, &wanted, &path).map(drop)
        };
        apart(look).await?;
        let text = serde_json::to_string(&plain).map_err(|e| e.to_string())?;
        journal.set(ASKED, text).await.map_err(|e| e.to_string())?;
        self.asked = Some(plain);
        self.read(settings).await;
        Ok(())
    }

    /// The file of this loop, valid or not.
    pub(super) fn file(&self, name: &str) -> Result<&LoopFile, String> {
        let named = self.files.iter().find(|file| file.name == name);
        named.ok_or_else(|| format!("there is no loops/{name}.toml here"))
    }

    /// This loop as it can run; the error says what is wrong with its file, and where.
    pub(super) fn spec(&self, name: &str) -> Result<&LoopSpec, String> {
        let file = self.file(name)?;
        let first = || file.first_error().map(Diagnostic::line);
        file.spec
            .as_ref()
            .ok_or_else(|| first().unwrap_or_else(|| format!("loops/{name}.toml is invalid")))
    }

    /// All loop files, valid or not.
    pub(super) fn files(&self) -> &[LoopFile] {
        &self.files
    }

    /// Reads one loop file anew, before its loop is started.
    pub(super) async fn read_one(&mut self, settings: &Settings, name: &str) {
        let path = settings.project.join("loops").join(format!("{name}.toml"));
        match self.files.iter_mut().find(|file| file.name == name) {
            Some(file) if path.exists() => {
                let (project, config) = (settings.project.clone(), self.config.clone());
                let read =
                    move || loops::read(&project, &path).priced(&prices::read(&config).prices);
                *file = apart(read).await;
            }
            // It came or went: the list is another one.
            Some(_) | None => self.read(settings).await,
        }
    }

    /// The loops that can run.
    pub(super) fn specs(&self) -> impl Iterator<Item = &LoopSpec> {
        self.files.iter().filter_map(|file| file.spec.as_ref())
    }

    /// Switches a trigger off or on, or all where no loop is named, here or not; whether it was off before, or any.
    pub(super) async fn switch(
        &mut self,
        name: Option<&str>,
        off: bool,
        journal: &Journal,
    ) -> Result<bool, JournalError> {
        let was = name.map_or_else(|| self.off.any(), |name| self.off.holds(name));
        let switched = self.off.switched(name, off);
        let text = serde_json::to_string(&switched).unwrap_or_default();
        journal.set(SWITCHED_OFF, text).await?;
        self.off = switched;
        Ok(was)
    }

    /// Whether the trigger of a loop of this name is switched off, whether its file is here or not.
    pub(super) fn is_off(&self, name: &str) -> bool {
        self.off.holds(name)
    }

    /// Recalls what was switched off before this host started.
    pub(super) async fn recall(&mut self, journal: &Journal) -> Result<(), JournalError> {
        let asked = journal.get(ASKED).await?.unwrap_or_default();
        self.asked = serde_json::from_str(&asked).ok();
        let off = Off::read(journal.get(SWITCHED_OFF).await?.as_deref());
        let lost = off.is_none();
        self.off = off.unwrap_or_else(|| Off::default().switched(None, true));
        if lost {
            let why =
                "which triggers were switched off cannot be read: all are off until they are armed";
            return Err(JournalError(why.to_owned()));
        }
        Ok(())
    }

    /// The names under which [`Self::rows`] will list the loops; no file is read for it.
    pub(super) fn names(&self, settings: &Settings) -> Vec<String> {
        let mut names = loops::names(&settings.project);
        if self.asked.is_some() && !names.iter().any(|name| name == PLAIN) {
            names.push(PLAIN.to_owned());
        }
        names
    }

    /// The list as it stands.
    pub(super) async fn rows(&self, journal: &Journal, settings: &Settings) -> Vec<LoopRow> {
        let (files, of) = (self.files.clone(), settings.clone());
        // One errand for all of them: each wakes a thread.
        let look = move || files.iter().map(|file| Looked::at(file, &of)).collect();
        let looked: Vec<_> = apart(look).await;
        let rows = self.files.iter().zip(looked);
        let rows = rows.map(|(file, looked)| self.told(file, looked, (settings, journal)));
        stream::iter(rows).buffered(SIDE_BY_SIDE).collect().await
    }

    /// One line of the list.
    pub(super) async fn row(
        &self,
        file: &LoopFile,
        journal: &Journal,
        settings: &Settings,
    ) -> LoopRow {
        let (of, wanted) = (settings.clone(), file.clone());
        let looked = apart(move || Looked::at(&wanted, &of)).await;
        self.told(file, looked, (settings, journal)).await
    }

    async fn told(
        &self,
        file: &LoopFile,
        looked: Option<Looked>,
        (settings, journal): (&Settings, &Journal),
    ) -> LoopRow {
        let past = past(&file.name, journal, settings).await;
        let found = (&past, looked);
        let state = self.state(file, found, (settings, journal)).await;
        line(&file.name, state, past)
    }

    /// The line of a loop whose file is gone while its run is under way.
    pub(super) async fn gone(&self, name: &str, journal: &Journal, settings: &Settings) -> LoopRow {
        line(name, LoopState::Gone, past(name, journal, settings).await)
    }

    async fn state(
        &self,
        file: &LoopFile,
        (past, looked): (&Past, Option<Looked>),
        (settings, journal): (&Settings, &Journal),
    ) -> LoopState {
        let (Some(spec), Some(looked)) = (&file.spec, looked) else {
            let error = file.first_error();
            return LoopState::Invalid {
                line: error
                    .and_then(|e| e.place.as_ref())
                    .map_or(1, |place| place.line),
                why: error.map(|e| e.message.clone()).unwrap_or_default(),
            };
        };
        let (mode, mode_why) = granted(spec, &settings.grants);
        let warnings = file
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Warning);
        let proven = match &looked.skill {
            Some(skill) if !spec.skill.path.is_empty() => journal.proofs(skill.clone()).await,
            Some(_) | None => Ok(0),
        };
        // What cannot be read proves nothing.
        let proven = proven.unwrap_or(0);
        let unproven = proven < spec.skill.proven_min && !spec.is_plain();
        LoopState::Valid(Box::new(LoopFacts {
            description: spec.description.clone(),
            mode,
            mode_why,
            distrust: looked.distrust,
            off: self.off.holds(&file.name) || !spec.enabled,
            // Whoever looks at the triggers fills these in.
            waking: Waking::Manual,
            lapse: None,
            day: Vec::new(),
            expires: None,
            files: own_files(file, spec, settings),
            skill_changed: unproven && past.proven_otherwise(looked.skill.as_ref()),
            proven,
            approved: past.approved,
            spent: past.spent,
            not_enforced: looked.not_enforced,
            in_force: looked.in_force,
            warnings: warnings.map(|d| d.message.clone()).collect(),
            spec: spec.clone(),
        }))
    }

    /// What a run of this loop would begin with now.
    pub(super) async fn wake(
        &self,
        name: &str,
        past: Past,
        cause: Cause,
        settings: &Settings,
    ) -> Result<Wake, String> {
        let (file, settings) = (self.file(name)?.clone(), settings.clone());
        apart(move || wake(&file, &past, cause, &settings)).await
    }
}

/// What the journal knows of a loop's runs. One that cannot be read is told by the run that needs it; the list
/// stands.
async fn past(name: &str, journal: &Journal, settings: &Settings) -> Past {
    let past = journal.past(name, settings.clock.date()).await;
    past.unwrap_or_default()
}

fn line(name: &str, state: LoopState, past: Past) -> LoopRow {
    let number = past.last_number;
    LoopRow {
        name: name.to_owned(),
        state,
        last_run: (number > 0).then(|| RunId::new(name, number)),
        earlier_today: past.earlier_today,
        record: past.outcomes,
    }
}

/// Where the programs of the host are.
fn path(settings: &Settings) -> OsString {
    let path = settings.env.iter().find(|(name, _)| name == "PATH");
    path.map(|(_, path)| path.clone()).unwrap_or_default()
}

/// The files that the operator writes for this loop, as `E` opens them and as what was allowed names them.
fn own_files(file: &LoopFile, spec: &LoopSpec, settings: &Settings) -> Vec<String> {
    let path = file.path.strip_prefix(&settings.project);
    let path = path.unwrap_or(&file.path).display().to_string();
    let skill = Some(&spec.skill.path).filter(|skill| !skill.is_empty());
    let skill = skill.map(|skill| format!("{}/SKILL.md", skill.trim_end_matches('/')));
    std::iter::once(path).chain(skill).collect()
}
