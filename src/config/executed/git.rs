//! What a repository's own configuration tells git to do, but for what is known to run nothing.
//! It is read as a file: git itself is not started on a folder that nobody has allowed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{project, stores};

/// Keys that run nothing, by their section; `*` stands for all keys of a section.
const HARMLESS: [(&str, &[&str]); 12] = [
    (
        "core",
        &[
            "repositoryformatversion",
            "filemode",
            "bare",
            "logallrefupdates",
            "ignorecase",
            "precomposeunicode",
            "symlinks",
            "autocrlf",
            "eol",
            "safecrlf",
            "quotepath",
        ],
    ),
    ("branch", &["*"]),
    ("user", &["name", "email", "signingkey"]),
    (
        "remote",
        &["url", "pushurl", "fetch", "tagopt", "gh-resolved", "prune"],
    ),
    ("submodule", &["url", "active", "branch"]),
    ("init", &["*"]),
    ("pull", &["*"]),
    ("push", &["default", "autosetupremote", "followtags"]),
    ("rerere", &["*"]),
    ("color", &["*"]),
    ("commit", &["gpgsign"]),
    ("extensions", &["objectformat", "refstorage"]),
];

/// Most files of settings that are read.
const MOST_FILES: usize = 32;

/// Every setting that may run something and every store outside that objects are borrowed from, one a line; `None`
/// where there is none or no repository.
pub(super) fn orders(project: &Path) -> Option<String> {
    let (top, folder) = place(project)?;
    let common = common(&folder);
    let mut reading = Reading::default();
    for file in [common.join("config"), folder.join("config.worktree")] {
        reading.file(&file);
    }
    let mut all = reading.orders;
    all.extend(lent(&top, &common));
    (!all.is_empty()).then(|| all.join("\n") + "\n")
}

/// The folders outside of a repository that it takes objects from, whether they hold any or not: what lies there can
/// be read by a run.
fn lent(top: &Path, common: &Path) -> Vec<String> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (top, common) = (real(top), real(common));
    let borrowed = stores::borrowed(&common.join("objects"));
    let all = borrowed.stores.iter().chain(&borrowed.refused);
    let mut lines: Vec<String> = all
        .map(|store| real(store))
        .filter(|store| !store.starts_with(&top) && !store.starts_with(&common))
        .map(|store| format!("objects/info/alternates = {}", store.display()))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The git folder that git would find from here, after the folder that it is found in: a folder, a file
/// that names one, or a bare one.
pub(super) fn place(project: &Path) -> Option<(PathBuf, PathBuf)> {
    project.ancestors().find_map(|folder| {
        let found = |git: PathBuf| Some((folder.to_owned(), git));
        let inner = folder.join(".git");
        if inner.is_dir() {
            return found(inner);
        }
        if let Some(text) = text(&inner)
            && let Some(to) = text.strip_prefix("gitdir:")
        {
            return found(folder.join(to.trim()));
        }
        let bare = ["HEAD", "config", "objects", "refs"];
        let all = bare.iter().all(|name| folder.join(name).exists());
        all.then(|| found(folder.to_owned())).flatten()
    })
}

/// The folder that all worktrees of a repository share.
fn common(folder: &Path) -> PathBuf {
    text(&folder.join("commondir"))
        .map_or_else(|| folder.to_owned(), |to| folder.join(to.trim_end()))
}

/// A plain file's text: what lies at one of git's names may be a pipe that nobody writes to.
fn text(path: &Path) -> Option<String> {
    String::from_utf8(project::read_bytes(path).ok()?).ok()
}

/// Whether the repository of this git folder names objects by 32 bytes and not by 20.
pub(super) fn has_long_names(folder: &Path) -> bool {
    let text = project::read_bytes(&common(folder).join("config")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
    text.lines().any(|line| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        key.trim() == "objectformat" && value.trim() == "sha256"
    })
}

/// Settings that may run something, read file by file.
#[derive(Default)]
struct Reading {
    /// One a line.
    orders: Vec<String>,
    /// Files that were read: each of them once, however often it is included.
    seen: BTreeSet<PathBuf>,
}

impl Reading {
    fn file(&mut self, file: &Path) {
        if self.seen.len() == MOST_FILES && !self.seen.contains(file) {
            let file = file.display();
            return self
                .orders
                .push(format!("{file} is included and was not read"));
        }
        if !self.seen.insert(file.to_owned()) {
            return;
        }
        let Ok(bytes) = project::read_bytes(file) else {
            if fs::symlink_metadata(file).is_ok() {
                self.orders
                    .push(format!("{} cannot be read", file.display()));
            }
            return;
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut section = String::new();
        // Every line of the file stands for itself: what git takes as one value on several lines is
        // told as several settings, never as fewer.
        for line in text.lines() {
            let rest = after_headers(line, &mut section);
            let rest = rest.trim();
            if rest.is_empty() || rest.starts_with(['#', ';']) {
                continue;
            }
            let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
            let key = key.trim().to_ascii_lowercase();
            if is_harmless(&section, &key, value) {
                continue;
            }
            self.orders
                .push(format!("{section}.{key} = {}", value.trim()));
            if section.starts_with("include") && key == "path" {
                let path = value.trim().trim_matches('"');
                let folder = file.parent().unwrap_or(Path::new("/"));
                self.file(&folder.join(path));
            }
        }
    }
}

/// Takes the headers off the front of a line; the section is that of the last one.
fn after_headers<'a>(line: &'a str, section: &mut String) -> &'a str {
    let mut rest = line.trim_start().trim_start_matches('\u{feff}');
    while let Some(inner) = rest.strip_prefix('[') {
        let mut quoted = false;
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, c)| {
            let ends = *c == ']' && !quoted;
            quoted ^= *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else {
            // A header that does not end hides nothing: all of it is told.
            section.clear();
            return rest;
        };
        let header = inner.get(..end).unwrap_or_default();
        *section = header
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if let Some((_, name)) = header.split_once(char::is_whitespace) {
            section.push('.');
            section.push_str(name.trim().trim_matches('"'));
        }
        rest = inner.get(end + 1..).unwrap_or_default().trim_start();
    }
    rest
}

fn is_harmless(section: &str, key: &str, value: &str) -> bool {
    let kind = section.split('.').next().unwrap_or_default();
    let listed = HARMLESS
        .iter()
        .any(|(known, keys)| *known == kind && (keys.contains(&"*") || keys.contains(&key)));
    // An address may name a program, too.
    listed && !value.contains("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("config");
        fs::write(&file, text).unwrap();
        let mut reading = Reading::default();
        reading.file(&file);
        reading.orders
    }

    /// What a fresh clone holds runs nothing; what may run something is told, however it is written.
    #[test]
    fn only_what_may_run_is_told() {
        let clone = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote \"origin\"]\n\turl = git@example.org:a/b\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"a]b\"]\n\tmerge = refs/heads/main\n";
        assert_eq!(found(clone), Vec::<String>::new());
        for (text, told) in [
            ("[core]\nfsmonitor = ./evil", "core.fsmonitor = ./evil"),
            ("[Core] FSMonitor=./evil", "core.fsmonitor = ./evil"),
            ("[filter \"x\"]\n clean = evil", "filter.x.clean = evil"),
            (
                "[branch \"x\"] [filter \"y\"] clean = evil",
                "filter.y.clean = evil",
            ),
            (
                "[branch \"a\\\"]\"]\n[alias]\n st = !evil",
                "alias.st = !evil",
            ),
            (
                "[remote \"o\"]\n url = ext::sh -c evil",
                "remote.o.url = ext::sh -c evil",
            ),
            ("[core\nfsmonitor = evil", ".fsmonitor = evil"),
        ] {
            assert!(
                found(text).contains(&told.to_owned()),
                "{text}: {:?}",
                found(text)
            );
        }
    }

    /// A folder outside that objects are borrowed from is told, one within the repository is not.
    #[test]
    fn stores_outside_are_told() {
        let root = tempfile::TempDir::new().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in [
            "p/.git/objects/info",
            "p/.git/modules/a/objects/info",
            "home/.ssh",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let list = at("p/.git/objects/info/alternates");
        fs::write(&list, "../modules/a/objects\n").unwrap();
        assert_eq!(orders(&at("p")), None);
        fs::write(&list, "../modules/a/objects\n../../../home/.ssh\n").unwrap();
        let home = fs::canonicalize(at("home/.ssh")).unwrap();
        let told = format!("objects/info/alternates = {}\n", home.display());
        assert_eq!(orders(&at("p")), Some(told));
    }

    /// A file that is included is read, too, and a loop of includes ends.
    #[test]
    fn includes_are_followed() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("config"), "[include]\n path = more\n").unwrap();
        fs::write(
            at("more"),
            "[include]\n path = config\n[core]\n sshCommand = evil\n",
        )
        .unwrap();
        let mut reading = Reading::default();
        reading.file(&at("config"));
        let all = reading.orders;
        assert!(
            all.contains(&"core.sshcommand = evil".to_owned()),
            "{all:?}"
        );
    }

    /// A file that is met deep down first is read all the same, and so is what it includes.
    #[test]
    fn a_long_way_hides_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let include = |next: &[&str]| -> String {
            let lines: Vec<String> = next
                .iter()
                .map(|next| format!("[include]\n path = {next}\n"))
                .collect();
            lines.concat()
        };
        for (name, next) in [
            ("config", &["a", "d"][..]),
            ("a", &["b"]),
            ("b", &["c"]),
            ("c", &["d"]),
            ("d", &["e"]),
            ("e", &["f"]),
        ] {
            fs::write(folder.path().join(name), include(next)).unwrap();
        }
        fs::write(folder.path().join("f"), "[alias]\n st = !evil\n").unwrap();
        let mut reading = Reading::default();
        reading.file(&folder.path().join("config"));
        let evil = "alias.st = !evil".to_owned();
        assert!(reading.orders.contains(&evil), "{:?}", reading.orders);
    }

    /// Files that include each other many times are read once each; of very many the rest is told, not read.
    #[test]
    fn includes_cost_what_their_files_cost() {
        let folder = tempfile::TempDir::new().unwrap();
        for (name, next) in [("config", "b"), ("b", "c"), ("c", "d"), ("d", "e")] {
            let many = format!("[include]\n path = {next}\n").repeat(2_000);
            fs::write(folder.path().join(name), many).unwrap();
        }
        fs::write(folder.path().join("e"), "[alias]\n st = !evil\n").unwrap();
        let mut reading = Reading::default();
        reading.file(&folder.path().join("config"));
        let evil = |order: &&String| *order == "alias.st = !evil";
        assert_eq!(reading.orders.iter().filter(evil).count(), 1);
        let wide: Vec<String> = (0..2 * MOST_FILES)
            .map(|i| format!("[include]\n path = p{i}\n"))
            .collect();
        fs::write(folder.path().join("config"), wide.concat()).unwrap();
        let mut reading = Reading::default();
        reading.file(&folder.path().join("config"));
        assert_eq!(reading.seen.len(), MOST_FILES);
        let told = reading.orders.last().unwrap();
        assert!(told.ends_with("p63 is included and was not read"), "{told}");
    }

    /// A pipe at one of git's names keeps nobody waiting.
    #[test]
    fn a_pipe_is_no_git_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let git = folder.path().join(".git");
        let pipe = || rustix::fs::mkfifoat(rustix::fs::CWD, &git, 0o600.into());
        pipe().unwrap();
        assert!(place(folder.path()).is_none_or(|(found, _)| found != folder.path()));
        fs::remove_file(&git).unwrap();
        fs::create_dir(&git).unwrap();
        let inner = git.join("commondir");
        rustix::fs::mkfifoat(rustix::fs::CWD, &inner, 0o600.into()).unwrap();
        assert_eq!(common(&git), git);
    }
}
