//! The examiner's own files of one run: pinned when it begins, held against what they were, and against
//! what the operator has allowed.

use std::path::{Path, PathBuf};

use super::{Site, apart, beside};
use crate::config::loops::{self, LoopFile, PinnedFile};
use crate::run::{Digest, Mode};
use crate::supervisor::workspace::flags::Examiners;
use crate::supervisor::workspace::{Trouble, disk, lead};
use crate::supervisor::{examiners, sealed};

impl Site {
    /// Where the copies of the examiner's own files are kept during the run.
    pub(in crate::supervisor) fn pinned(&self) -> PathBuf {
        self.place.folder.join("pinned")
    }

    /// Says which copy of the examiner's own files is not as it was pinned, if one is.
    ///
    /// What they were is held in memory alone: no file that a program of this user can write.
    pub(in crate::supervisor) async fn require_pinned(&self) -> Result<(), Trouble> {
        let (folder, known) = (self.pinned(), self.pins.borrow().clone());
        let known = match known {
            Some(known) => known,
            // After a restart they have to be what the host before noted.
            None => self.noted().await?,
        };
        let paths = known.iter().map(|pin| pin.path.clone()).collect();
        let found = beside(move || Ok(digests(&folder, paths))).await?;
        self.pins.replace(Some(known.clone()));
        match known.iter().find(|pin| !found.contains(pin)) {
            None => Ok(()),
            Some(pin) => Err(Trouble::new(format!(
                "the pinned copy of {} was changed from outside: nothing is examined with it; stop \
                 this run, and look who writes into {}",
                pin.path,
                self.pinned().display()
            ))),
        }
    }

    /// What was pinned when the run began, as it was noted; by a host that noted nothing, the copies as they are.
    async fn noted(&self) -> Result<Vec<PinnedFile>, Trouble> {
        let (folder, list) = (self.pinned(), self.pin_list());
        let paths = self.check_scripts().await;
        beside(move || match sealed::read(&list) {
            Ok(Some(noted)) => Ok(noted),
            Ok(None) => Ok(digests(&folder, paths)),
            Err(why) => Err(Trouble::new(format!(
                "{why}, so it is not known what the run's checks were: nothing is examined with them; stop this \
                 run and start another"
            ))),
        })
        .await
    }

    /// Where it is noted what was pinned.
    fn pin_list(&self) -> PathBuf {
        self.place.folder.join("pinned.json")
    }

    /// Copies the examiner's own files out of everybody's reach, as they stand now.
    pub(in crate::supervisor) async fn pin(&self) -> Result<(), Trouble> {
        let (project, folder, list) = (self.project.clone(), self.pinned(), self.pin_list());
        let files = self.pinned_files().await;
        self.pins.replace(Some(files.clone()));
        beside(move || {
            disk::remove(&folder)?;
            let noted = sealed::seal(&files).map_err(|e| Trouble::new(e.to_string()))?;
            disk::replace(&list, &noted)?;
            for file in files {
                let (from, to) = (project.join(&file.path), folder.join(&file.path));
                disk::folder(to.parent().unwrap_or(&folder))?;
                let copied = std::fs::copy(&from, &to);
                copied.map_err(|e| Trouble::file("pin", &from, &e))?;
            }
            Ok(())
        })
        .await
    }

    /// Looks whether the texts of the next prompt are still what was allowed. Where the prompt is
    /// asked about, its exact bytes are shown anyway.
    pub(in crate::supervisor) async fn reads(&self) -> Result<(), String> {
        if self.wake.mode == Mode::Training {
            return Ok(());
        }
        let file = self
            .project
            .join(format!("loops/{}.toml", self.wake.spec.name));
        let (trust, project) = (self.trust.clone(), self.project.clone());
        apart(move || trust.reads(&loops::read(&project, &file))).await
    }

    /// Looks whether what was laid out for this run is what its operator allowed.
    pub(in crate::supervisor) async fn laid_out(&self, work: PathBuf) -> Result<(), String> {
        let (trust, project, pinned) = (self.trust.clone(), self.project.clone(), self.pinned());
        let file = project.join(format!("loops/{}.toml", self.wake.spec.name));
        let plain = self.wake.spec.is_plain().then(|| self.wake.spec.clone());
        let looked = beside(move || {
            let read = loops::read(&project, &file);
            let spec = plain.or(read.spec);
            let file = LoopFile { spec, ..read };
            let looked = trust.laid_out(&file, &pinned, &work);
            looked.map_err(Trouble::new)
        });
        looked.await.map_err(|trouble| trouble.cause)
    }

    /// Looks whether what takes a publication back is still what its operator allows: it runs in the project,
    /// outside the sandbox, and maybe long after the run.
    pub(in crate::supervisor) async fn may_take_back(&self) -> Result<(), Trouble> {
        let (trust, project) = (self.trust.clone(), self.project.clone());
        let (name, publish) = (self.wake.spec.name.clone(), self.wake.spec.publish.clone());
        beside(move || {
            let path = project.join(format!("loops/{name}.toml"));
            let file = loops::read(&project, &path);
            if let Some(why) = trust.standing(&file).why() {
                return Err(Trouble::new(format!(
                    "its undo command was not run: {why}; `checkride trust {name}` shows and allows it, \
                     then try again"
                )));
            }
            // What is allowed now covers what the commands of this file run, and no others.
            if trust.asks() && file.spec.is_none_or(|spec| spec.publish != publish) {
                return Err(Trouble::new(format!(
                    "its undo command was not run: [publish] in loops/{name}.toml is not what it was; put \
                     it back and try again, or take it back by hand"
                )));
            }
            Ok(())
        })
        .await
    }

    /// The project's own files that examine the work.
    pub(in crate::supervisor) async fn check_scripts(&self) -> Vec<String> {
        let pinned = self.pinned_files().await.into_iter();
        pinned.map(|file| file.path).collect()
    }

    async fn pinned_files(&self) -> Vec<PinnedFile> {
        let (project, spec) = (self.project.clone(), self.wake.spec.clone());
        apart(move || loops::pinned_files(&project, &spec)).await
    }

    /// What of the project examines the work, and what that reaches for.
    pub(in crate::supervisor) async fn examiners(&self) -> Examiners {
        let scripts = self.check_scripts().await;
        let (pinned, project) = (self.pinned(), self.project.clone());
        let spec = self.wake.spec.clone();
        apart(move || examiners::of(&spec, scripts, (&pinned, &project))).await
    }
}

/// The files of a folder that are plain, by digest.
fn digests(folder: &Path, paths: Vec<String>) -> Vec<PinnedFile> {
    let pinned = |path: String| {
        let bytes = lead::read_plain(&folder.join(&path)).ok()??;
        let digest = Digest::of(&bytes);
        Some(PinnedFile { path, digest })
    };
    paths.into_iter().filter_map(pinned).collect()
}
