//! Watching folders of the project. A repository that somebody else made may hold a link to the root of the
//! disk: no link is followed, neither on the way to a folder nor below it.

use std::path::{Path, PathBuf};

use notify::{Config, EventHandler, RecommendedWatcher, Watcher as _};

use crate::durable;

/// A watcher that tells each event; `None` where the system has none.
pub(super) fn begin(tell: impl EventHandler) -> Option<RecommendedWatcher> {
    let config = Config::default().with_follow_symlinks(false);
    RecommendedWatcher::new(tell, config).ok()
}

/// The folder at this path of the project, where a real one stands and no link is on the way.
pub(super) fn real_folder(project: &Path, below: &Path) -> Option<PathBuf> {
    let folder = project.join(below);
    let is_real = folder.is_dir() && durable::link_on_the_way(project, below).is_none();
    is_real.then_some(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::mpsc;
    use std::time::Duration;

    use notify::RecursiveMode;

    use super::*;

    /// What lies behind a link is not watched: its changes are silent, those beside the link are told.
    #[test]
    fn nothing_behind_a_link_is_watched() {
        let (project, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = project.path();
        fs::create_dir_all(root.join("skills/square")).unwrap();
        symlink(outside.path(), root.join("skills/square/all")).unwrap();
        symlink(outside.path(), root.join("loops")).unwrap();
        let real = |below: &str| real_folder(root, Path::new(below)).is_some();
        assert!(real("skills") && real("skills/square"));
        assert!(!real("loops") && !real("skills/square/all") && !real("none"));

        let (news, events) = mpsc::channel();
        let tell = move |event: notify::Result<notify::Event>| {
            let paths = event.map(|event| event.paths).unwrap_or_default();
            drop(news.send(paths));
        };
        let mut watcher = begin(tell).unwrap();
        let skills = root.join("skills");
        watcher.watch(&skills, RecursiveMode::Recursive).unwrap();
        fs::write(outside.path().join("theirs"), "1").unwrap();
        fs::write(root.join("skills/square/ours"), "1").unwrap();
        loop {
            let paths = events.recv_timeout(Duration::from_secs(20)).unwrap();
            assert!(!paths.iter().any(|path| path.ends_with("theirs")));
            if paths.iter().any(|path| path.ends_with("ours")) {
                break;
            }
        }
    }
}
