//! The files that a `watch` trigger names, as they stand, and which of them changed since. What the
//! loop itself writes does not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::config::names::any_slots;
use crate::run::spec::{LoopSpec, PublishTo};

/// Most files that one loop may watch.
const MOST_FILES: usize = 5_000;

/// Most entries of folders that are looked at to find them.
const MOST_ENTRIES: usize = 100_000;

/// How a file stood: its length, and when it was written, in nanoseconds since 1970.
pub type Stamp = (u64, i128);

/// Files by their path in the project.
pub type Files = BTreeMap<String, Stamp>;

/// What one loop watches.
#[derive(Debug, Clone)]
pub struct Watched {
    patterns: GlobSet,
    /// What the loop writes at any time: its memory and its drafts.
    own: GlobSet,
    /// Where it publishes to.
    published: GlobSet,
    /// The folders in which matching files may lie, relative to the project.
    pub roots: Vec<PathBuf>,
}

impl Watched {
    /// What this loop watches by these patterns.
    ///
    /// # Errors
    /// One line: a pattern cannot be used.
    pub fn new(spec: &LoopSpec, patterns: &[String]) -> Result<Self, String> {
        let own = [
            spec.memory.path.clone(),
            format!("{}/**", spec.output.drafts),
            "inbox/**".to_owned(),
            ".checkride/**".to_owned(),
            ".git/**".to_owned(),
        ];
        let published = match spec.publish.as_ref().map(|publish| &publish.to) {
            Some(PublishTo::Copy { path }) => vec![any_slots(path)],
            Some(PublishTo::GitBranch { .. } | PublishTo::Command { .. }) | None => Vec::new(),
        };
        let mut roots: Vec<PathBuf> = patterns.iter().map(|pattern| root(pattern)).collect();
        roots.sort();
        roots.dedup();
        let inner = roots.clone();
        roots.retain(|root| !inner.iter().any(|o| o != root && root.starts_with(o)));
        Ok(Self {
            patterns: globs(patterns)?,
            own: globs(&own)?,
            published: globs(&published)?,
            roots,
        })
    }

    /// Whether a change of this path of the project may be news.
    pub fn concerns(&self, path: &Path) -> bool {
        self.patterns.is_match(path) && !self.own.is_match(path) && !is_passing(path)
    }

    /// The files as they stand.
    ///
    /// # Errors
    /// One line: there are too many, or a folder cannot be read.
    pub fn scan(&self, project: &Path) -> Result<Files, String> {
        let (mut found, mut looked) = (Files::new(), 0_usize);
        let mut folders: Vec<PathBuf> = self.roots.iter().map(|root| project.join(root)).collect();
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => continue,
                Err(e) => return Err(format!("{} cannot be read: {e}", folder.display())),
            };
            for entry in entries {
                let Ok(entry) = entry else { continue };
                looked += 1;
                if looked > MOST_ENTRIES {
                    return Err(format!(
                        "more than {MOST_ENTRIES} files lie where it watches; name fewer folders"
                    ));
                }
                // Links are not followed: what they lead to is not of the project.
                let (Ok(meta), path) = (entry.metadata(), entry.path()) else {
                    continue;
                };
                let Ok(below) = path.strip_prefix(project) else {
                    continue;
                };
                if meta.is_dir() && !self.own.is_match(below.join("x")) {
                    folders.push(path);
                } else if meta.is_file() && self.concerns(below) {
                    found.insert(below.to_string_lossy().into_owned(), stamp(&meta));
                }
            }
            if found.len() > MOST_FILES {
                return Err(format!(
                    "it watches more than {MOST_FILES} files; write narrower patterns"
                ));
            }
        }
        Ok(found)
    }

    /// Takes what the loop itself may just have published as known.
    pub fn absorb(&self, known: &mut Files, now: &Files) {
        known.retain(|path, _| now.contains_key(path) || !self.published.is_match(path));
        for (path, stamp) in now {
            if self.published.is_match(path) {
                known.insert(path.clone(), *stamp);
            }
        }
    }
}

/// The paths that were made, changed or removed, in order.
pub fn changed(before: &Files, after: &Files) -> Vec<String> {
    let new = after
        .iter()
        .filter(|(path, stamp)| before.get(*path) != Some(*stamp));
    let gone = before.iter().filter(|(path, _)| !after.contains_key(*path));
    let mut paths: Vec<String> = new.chain(gone).map(|(path, _)| path.clone()).collect();
    paths.sort();
    paths
}

fn stamp(meta: &fs::Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let nanos = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    (meta.len(), nanos)
}

/// Whether an editor only passes by: swap files, backups, files on their way to another name.
fn is_passing(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".#")
        || name.starts_with('#')
        || name.ends_with('~')
        || [".swp", ".swx", ".swo", ".tmp", ".part", ".crdownload"]
            .iter()
            .any(|end| name.ends_with(end))
        || name == "4913"
}

/// The folder of a pattern before its first wildcard.
fn root(pattern: &str) -> PathBuf {
    let parts: Vec<&str> = pattern.split('/').collect();
    let plain = |part: &&&str| !part.contains(['*', '?', '[', '{']);
    let folders = parts.len().saturating_sub(1);
    parts.iter().take(folders).take_while(plain).collect()
}

fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|e| format!("the pattern {pattern} cannot be used: {e}"))?);
    }
    set.build().map_err(|e| e.to_string())
}
