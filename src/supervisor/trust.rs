//! Trust: whether what a loop would execute is what its operator allowed, byte for byte. Kept in the
//! state folder, outside the project; nothing that lies in a project can allow anything.

mod review;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Settings, sealed};
use crate::config::executed::{self, Manifest};
use crate::config::loops::LoopFile;
use crate::durable;
use crate::protocol::{Review, Written};
use crate::run::inert::spelled_line;
use crate::run::{Digest, LoopSpec};

/// How many allowed states of one loop are remembered: a change of branch must not ask again.
const MOST_STATES: usize = 200;

/// The trust in the loops of one project.
#[derive(Debug, Clone)]
pub struct Trust {
    /// `None` where the project is the program's own and all of it is obeyed.
    folder: Option<PathBuf>,
    project: PathBuf,
}

/// Whether a loop may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Exactly this was allowed.
    Allowed,
    /// It was never allowed here.
    New(Manifest),
    /// It was allowed, and has changed since.
    Changed {
        /// What stands now.
        now: Manifest,
        /// What was allowed last.
        was: Manifest,
    },
    /// Whether it was allowed cannot be told any more: what was kept is damaged.
    Lost {
        /// What stands now.
        now: Manifest,
        /// One line: which file, and what is wrong with it.
        why: String,
    },
    /// It cannot be looked at: one line of why.
    Unclear(String),
}

/// What is kept for one loop.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// Every state that was allowed, the newest last.
    allowed: Vec<Digest>,
    /// The state that was allowed last, with its texts.
    last: Manifest,
}

impl Trust {
    /// The trust that this supervisor goes by.
    pub fn of(settings: &Settings) -> Self {
        Self {
            folder: (!settings.owned).then(|| settings.state.join("trust")),
            project: settings.project.clone(),
        }
    }

    /// The trust in this project's loops, kept in this state folder.
    pub fn at(state: &Path, project: &Path) -> Self {
        Self {
            folder: Some(state.join("trust")),
            project: project.to_owned(),
        }
    }

    /// Whether anything has to be allowed: not where all of the project is this program's own.
    pub fn asks(&self) -> bool {
        self.folder.is_some()
    }

    /// Whether this loop may run as it stands now.
    pub fn standing(&self, file: &LoopFile) -> Standing {
        if self.folder.is_none() {
            return Standing::Allowed;
        }
        let now = match executed::of(&self.project, file) {
            Ok(now) => now,
            Err(why) => return Standing::Unclear(why),
        };
        let is_plain = file.spec.as_ref().is_some_and(LoopSpec::is_plain);
        match self.kept(&file.name) {
            _ if is_plain && self.covers(&now) => Standing::Allowed,
            Err(why) => Standing::Lost { now, why },
            Ok(None) => Standing::New(now),
            Ok(Some(kept)) if kept.allowed.contains(&now.digest()) => Standing::Allowed,
            Ok(Some(Kept { last: was, .. })) => Standing::Changed { now, was },
        }
    }

    /// Allows exactly what has this digest. The error is one line: it is something else by now.
    pub fn allow(&self, file: &LoopFile, digest: &Digest) -> Result<(), String> {
        let now = executed::of(&self.project, file)?;
        if now.digest() != *digest {
            return Err("it has changed since it was shown; look again".to_owned());
        }
        self.keep(&file.name, now)
    }

    /// Takes over what the operator wrote through this program: these files, with these bytes. A
    /// loop in which anything else has changed too stays as untrusted as it is.
    pub fn wrote(&self, file: &LoopFile, files: &[Written]) -> Result<(), String> {
        let (was, now) = match self.standing(file) {
            // Where it cannot be told what was allowed, a part of it allows nothing.
            Standing::Allowed | Standing::Unclear(_) | Standing::Lost { .. } => return Ok(()),
            Standing::New(now) => (Manifest::default(), now),
            Standing::Changed { now, was } => (was, now),
        };
        let by_hand = |path: &&str| {
            let before = was.part(path).map(|part| &part.digest);
            let after = now.part(path).map(|part| &part.digest);
            files.iter().any(|file| {
                file.path == *path && before == file.before.as_ref() && after == Some(&file.after)
            })
        };
        if now.differing(&was).iter().all(by_hand) {
            self.keep(&file.name, now)?;
        }
        Ok(())
    }

    /// What an operator is shown before they allow a loop.
    pub fn review(&self, file: &LoopFile) -> Result<Review, String> {
        let now = executed::of(&self.project, file)?;
        let kept = self.kept(&file.name).unwrap_or_default();
        let was = kept.map(|kept| kept.last);
        let allowed = self.standing(file) == Standing::Allowed;
        review::of(file, &now, was, allowed)
    }

    /// Looks, as a run begins, whether what was laid out for it is what was allowed: the pinned
    /// copies, and whatever of the workspace its programs are or take orders from.
    pub fn laid_out(&self, file: &LoopFile, pinned: &Path, work: &Path) -> Result<(), String> {
        if self.folder.is_none() {
            return Ok(());
        }
        let Some(spec) = &file.spec else {
            return Err("its file is invalid".to_owned());
        };
        let of_copy = |copy: &Path| executed::in_copy(&self.project, copy, spec);
        // A plain prompt has no file that could have changed since it was asked for.
        let allowed = if spec.is_plain() {
            of_copy(&self.project)?
        } else if self.standing(file) == Standing::Allowed {
            executed::of(&self.project, file)?
        } else {
            return Err(format!(
                "it changed as it began; `checkride trust {}` shows what",
                file.name
            ));
        };
        let pins = of_copy(pinned)?;
        for part in &of_copy(work)?.parts {
            let at_work = pins.part(&part.path).unwrap_or(part);
            let now = allowed.part(&part.path);
            if now.is_none_or(|now| now.digest != at_work.digest) {
                return Err(format!(
                    "{} is not what was allowed: the project's last commit holds it otherwise than \
                     its folder; commit it, then `checkride trust {}`",
                    spelled_line(part.path.as_bytes()),
                    file.name
                ));
            }
        }
        Ok(())
    }

    /// Whether the texts that a prompt is made of are still those that were allowed.
    pub fn reads(&self, file: &LoopFile) -> Result<(), String> {
        let (now, was) = match self.standing(file) {
            Standing::Changed { now, was } => (now, was),
            Standing::Lost { why, .. } => {
                return Err(format!(
                    "{why}; `checkride trust {}` shows and allows it, then retry",
                    file.name
                ));
            }
            Standing::Allowed | Standing::New(_) | Standing::Unclear(_) => return Ok(()),
        };
        let text = |path: &&str| {
            let part = now.part(path).or_else(|| was.part(path));
            part.is_some_and(|part| {
                part.role == executed::Role::Skill || part.role == executed::Role::Loop
            })
        };
        let changed = now
            .differing(&was)
            .into_iter()
            .find(text)
            .map(str::to_owned);
        changed.map_or(Ok(()), |path| {
            Err(format!(
                "{} changed outside the cockpit; `checkride trust {}` shows and allows it, then \
                 retry",
                spelled_line(path.as_bytes()),
                file.name
            ))
        })
    }

    /// Whether every part was allowed for some loop, or is this program's own.
    fn covers(&self, now: &Manifest) -> bool {
        let entries = self.folder.iter().filter_map(|f| std::fs::read_dir(f).ok());
        let names = entries.flatten().flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".json")?.to_owned())
        });
        let known: Vec<Kept> = names.filter_map(|name| self.kept(&name).ok()?).collect();
        now.parts.iter().all(|part| {
            let same = |old: &executed::Part| old.digest == part.digest;
            part.path == executed::OWN
                || known
                    .iter()
                    .any(|k| k.last.part(&part.path).is_some_and(same))
        })
    }

    /// What was kept; what cannot be read allows nothing, and is told in one line.
    fn kept(&self, name: &str) -> Result<Option<Kept>, String> {
        let Some(place) = self.place(name) else {
            return Ok(None);
        };
        sealed::read(&place)
    }

    fn keep(&self, name: &str, now: Manifest) -> Result<(), String> {
        let Some(place) = self.place(name) else {
            return Ok(());
        };
        let failed = |e: &io::Error| format!("what was allowed cannot be kept: {e}");
        let kept = self.kept(name);
        if kept.is_err() {
            sealed::set_aside(&place).map_err(|e| failed(&e))?;
        }
        let mut kept = kept.ok().flatten().unwrap_or_default();
        let digest = now.digest();
        kept.allowed.retain(|known| *known != digest);
        kept.allowed.push(digest);
        let extra = kept.allowed.len().saturating_sub(MOST_STATES);
        kept.allowed.drain(..extra);
        kept.last = now;
        let text = sealed::seal(&kept).map_err(|e| failed(&e.into()))?;
        // Only this user may read it.
        durable::replace(&place, &text, 0o600).map_err(|e| failed(&e))
    }

    fn place(&self, name: &str) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{name}.json")))
    }
}

impl Standing {
    /// Why nothing of the loop runs, in one line; `None` where it may.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Allowed => None,
            Self::New(_) => Some("it was never allowed in this folder".to_owned()),
            Self::Changed { now, was } => {
                let paths = now.differing(was);
                let first = paths.first().copied().unwrap_or("something");
                let more = match paths.len() {
                    0 | 1 => String::new(),
                    n => format!(" and {} more", n - 1),
                };
                let first = spelled_line(first.as_bytes());
                Some(format!("{first}{more} changed outside the cockpit"))
            }
            Self::Lost { why, .. } => Some(format!("{why}, so nothing of it counts as allowed")),
            Self::Unclear(why) => Some(why.clone()),
        }
    }
}
