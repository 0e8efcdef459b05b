//! Eyes on the folders that triggers look into. What they see is only a hint to look: what has really
//! changed is told by the files themselves.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::files::Watched;
use crate::durable;
use crate::supervisor::watching;

/// A save is several events; this long after the last one the files are looked at.
const SETTLE: Duration = Duration::from_millis(150);

/// A file that is written without end is looked at all the same.
const LONGEST: Duration = Duration::from_millis(600);

/// What is looked for.
#[derive(Default)]
struct Wanted {
    project: PathBuf,
    watched: Vec<Watched>,
    inboxes: Vec<PathBuf>,
}

/// The eyes of one project.
pub(super) struct Eyes {
    watcher: Option<RecommendedWatcher>,
    wanted: Arc<Mutex<Wanted>>,
    hints: mpsc::Receiver<()>,
    /// When the first hint came that was not followed yet, and when things will have settled.
    noticed: Option<(Instant, Instant)>,
    open: BTreeSet<PathBuf>,
    blind: Option<String>,
}

impl Eyes {
    pub(super) fn new(project: &Path) -> Self {
        let (news, hints) = mpsc::channel(1);
        let wanted = Arc::new(Mutex::new(Wanted {
            project: project.to_owned(),
            ..Wanted::default()
        }));
        let seen = wanted.clone();
        let tell = move |event: notify::Result<notify::Event>| {
            let wanted = seen.lock().unwrap_or_else(PoisonError::into_inner);
            // An error may mean that events were lost.
            if event.map_or(true, |event| wanted.concerns(&event)) {
                let _known_already = news.try_send(());
            }
        };
        Self {
            watcher: watching::begin(tell),
            wanted,
            hints,
            noticed: None,
            open: BTreeSet::new(),
            blind: None,
        }
    }

    /// From now on looks at these alone. Folders that have come to be since are found by looking again.
    pub(super) fn look_at(&mut self, watched: Vec<Watched>, inboxes: Vec<PathBuf>) {
        let project = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.watched = watched;
            wanted.inboxes.clone_from(&inboxes);
            wanted.project.clone()
        };
        let mut linked = None;
        let mut folders: BTreeSet<(PathBuf, bool)> =
            inboxes.into_iter().map(|inbox| (inbox, false)).collect();
        {
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            for root in wanted.watched.iter().flat_map(|watched| &watched.roots) {
                folders.extend(below(&project, root));
                linked = linked.or_else(|| durable::link_on_the_way(&project, root));
            }
        }
        let Some(eyes) = &mut self.watcher else {
            let blind = "this system cannot watch files: changes are seen every half minute";
            self.blind = Some(blind.to_owned()).filter(|_| !folders.is_empty());
            return;
        };
        self.blind = linked.map(|link| {
            let shown = link.display();
            format!("{shown} is a link, behind which changes are seen every half minute")
        });
        let paths: BTreeSet<PathBuf> = folders.iter().map(|(path, _)| path.clone()).collect();
        for gone in self.open.difference(&paths) {
            // A folder that was removed is watched no more already.
            drop(eyes.unwatch(gone));
        }
        self.open
            .retain(|path| paths.contains(path) && path.is_dir());
        for (path, deep) in folders {
            if self.open.contains(&path) {
                continue;
            }
            let mode = if deep {
                RecursiveMode::Recursive
            } else {
                RecursiveMode::NonRecursive
            };
            match eyes.watch(&path, mode) {
                Ok(()) => drop(self.open.insert(path)),
                Err(e) => {
                    let shown = path.display();
                    self.blind = Some(format!(
                        "{shown} cannot be watched: {e}; its changes are seen every half minute"
                    ));
                }
            }
        }
    }

    /// What is not seen at once.
    pub(super) fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }

    /// Waits until something was seen and has settled. The wait may be dropped: nothing is forgotten.
    pub(super) async fn seen(&mut self) {
        loop {
            let Some((first, settled)) = self.noticed else {
                if self.hints.recv().await.is_none() {
                    std::future::pending::<()>().await;
                }
                let now = Instant::now();
                self.noticed = Some((now, now + SETTLE));
                continue;
            };
            tokio::select! {
                Some(()) = self.hints.recv() => {
                    let settled = (Instant::now() + SETTLE).min(first + LONGEST);
                    self.noticed = Some((first, settled));
                }
                () = sleep_until(settled) => {
                    self.noticed = None;
                    return;
                }
            }
        }
    }
}

impl Wanted {
    fn concerns(&self, event: &notify::Event) -> bool {
        if event.kind.is_access() {
            return false;
        }
        // A new folder may hold anything already.
        let folder = matches!(
            event.kind,
            EventKind::Create(notify::event::CreateKind::Folder)
        );
        event.paths.iter().any(|path| {
            let inbox = path
                .parent()
                .is_some_and(|of| self.inboxes.iter().any(|i| i == of));
            let below = path.strip_prefix(&self.project).unwrap_or(path);
            let own = below.starts_with(".checkride") || below.starts_with(".git");
            let watched = || self.watched.iter().any(|watched| watched.concerns(below));
            inbox || !own && (folder || watched())
        })
    }
}

/// The folders to watch for what lies below this root, and whether with all that is in them. Of the
/// project itself, what the program and git write all the time is left out.
fn below(project: &Path, root: &Path) -> Vec<(PathBuf, bool)> {
    if !root.as_os_str().is_empty() {
        if let Some(folder) = watching::real_folder(project, root) {
            return vec![(folder, true)];
        }
        // It may still come to be.
        let mut above = root.ancestors().skip(1);
        let there = above.find_map(|above| watching::real_folder(project, above));
        return there.map(|parent| (parent, false)).into_iter().collect();
    }
    let mut all = vec![(project.to_owned(), false)];
    for entry in fs::read_dir(project).into_iter().flatten().flatten() {
        let ours = [".git", ".checkride", "inbox"]
            .iter()
            .any(|name| entry.file_name() == *name);
        if !ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.push((entry.path(), true));
        }
    }
    all
}
