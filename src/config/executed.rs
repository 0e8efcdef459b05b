//! All that a loop executes or obeys, by its bytes: its file, its skill, its scripts and what lies
//! around them, what known tools and agents take orders from, the programs that git is told to run.
//! Nothing here runs or allows anything.

mod code;
mod commands;
mod git;
mod near;
mod tracked;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::loops::{self, LoopFile};
use super::{names, project, settings};
use crate::run::Digest;
use crate::run::spec::LoopSpec;

pub use commands::{Order, orders};

/// Where the command of an agent comes from that this program itself names.
pub const OWN: &str = "an agent by its name";

/// Most files of one loop that are looked at.
const MOST_FILES: usize = 2_000;

/// Largest file that a command may name, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Longest text that is kept beside its digest, in bytes: a change in it can then be shown.
const LONGEST_TEXT: usize = 256 * 1024;

/// What a part is to its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The loop file.
    Loop,
    /// The project's `checkride.toml`.
    Settings,
    /// A file of the skill.
    Skill,
    /// A file that a command names, or one beside such a script.
    Script,
    /// What a known tool takes its orders from: `Makefile`, `package.json`.
    Build,
    /// What an agent takes its orders from: its settings, hooks and instructions.
    Agent,
    /// What the repository's git is told to run.
    Git,
    /// Any other code of the project, which a command that no sandbox holds could run.
    Code,
}

impl Role {
    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Settings => "settings",
            Self::Skill => "skill",
            Self::Script => "script",
            Self::Build => "build",
            Self::Agent => "agent",
            Self::Git => "git",
            Self::Code => "code",
        }
    }

    /// Whether the workspace's own copy is what runs.
    fn runs_in_workspace(self) -> bool {
        match self {
            Self::Script | Self::Build | Self::Agent | Self::Code => true,
            Self::Loop | Self::Settings | Self::Skill | Self::Git => false,
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Path relative to the project.
    pub path: String,
    /// What it is.
    pub role: Role,
    /// Its bytes.
    pub digest: Digest,
    /// Its text, where it is one, is not too long and holds no keys.
    #[serde(default)]
    pub text: Option<String>,
}

/// All parts of one loop, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts, sorted, each once.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// Names the whole: paths, roles and bytes.
    pub fn digest(&self) -> Digest {
        let all: Vec<_> = self
            .parts
            .iter()
            .map(|part| (&part.path, part.role, &part.digest))
            .collect();
        Digest::of_value(&all)
    }

    /// The part at this path.
    pub fn part(&self, path: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.path == path)
    }

    /// The paths by which two manifests differ, sorted.
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let lacks = |of: &Self, part: &Part| {
            of.part(&part.path)
                .is_none_or(|p| (&p.digest, p.role) != (&part.digest, part.role))
        };
        let here = self.parts.iter().filter(|part| lacks(other, part));
        let there = other.parts.iter().filter(|part| lacks(self, part));
        let mut paths: Vec<&str> = here.chain(there).map(|part| part.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// All that this loop executes or obeys, as the disk has it now.
///
/// # Errors
/// One line: the file is invalid, or more lies around its scripts than can be looked at.
pub fn of(project: &Path, file: &LoopFile) -> Result<Manifest, String> {
    let (Some(spec), Some(digest)) = (&file.spec, &file.digest) else {
        return Err("its file is invalid".to_owned());
    };
    let mut found = Found::default();
    let path = project::shown(project, &file.path);
    let text = fs::read_to_string(&file.path).unwrap_or_default();
    // Only the very bytes that were read into the loop count as its file.
    let text = Some(text).filter(|text| Digest::of(text.as_bytes()) == *digest);
    found.put(path, Role::Loop, digest.clone(), text);
    found.file(project, settings::FILE, Role::Settings)?;
    let skill = Some(&spec.skill.path).filter(|path| !path.is_empty());
    let skill = skill.map_or(Ok(BTreeSet::new()), |path| near::below(project, path))?;
    for path in skill {
        found.file(project, &path, Role::Skill)?;
    }
    executed(project, project, &orders(spec), &mut found)?;
    agents(project, spec, &mut found)?;
    if let Some(text) = git::orders(project) {
        let path = ".git/config".to_owned();
        found.put(path, Role::Git, Digest::of(text.as_bytes()), Some(text));
    }
    found.few()?;
    if commands::unconfined(spec)
        .iter()
        .any(|(argv, _)| code::is_within_reach(argv))
    {
        found.code(project, project, spec)?;
    }
    Ok(found.parts())
}

/// What of a loop would run from this copy of its project, as the copy has it.
///
/// # Errors
/// One line: more lies around its scripts than can be looked at.
pub fn in_copy(project: &Path, copy: &Path, spec: &LoopSpec) -> Result<Manifest, String> {
    let mut found = Found::default();
    let mut all = orders(spec);
    all.retain(|order| order.in_copy);
    executed(project, copy, &all, &mut found)?;
    agents(copy, spec, &mut found)?;
    found.few()?;
    let runs_here = |(argv, in_copy): &(&[String], bool)| *in_copy && code::is_within_reach(argv);
    if commands::unconfined(spec).iter().any(runs_here) {
        found.code(project, copy, spec)?;
    }
    let mut all = found.parts();
    all.parts.retain(|part| part.role.runs_in_workspace());
    Ok(all)
}

/// Scripts and build files below `root`; commands may name `project` by its path.
fn executed(project: &Path, root: &Path, all: &[Order], found: &mut Found) -> Result<(), String> {
    let words = all.iter().flat_map(|order| &order.argv);
    let mut named = near::named(project, root, words);
    // Whatever its name: what an interpreter is given is a script.
    let given = all
        .iter()
        .flat_map(|order| loops::script_paths(&order.argv));
    let given = given.filter(|path| !path.starts_with('/') && root.join(path).is_file());
    named.extend(given.map(names::clean));
    for path in near::beside(root, &named)? {
        found.file(root, &path, Role::Script)?;
    }
    for path in named {
        found.file(root, &path, Role::Script)?;
    }
    for path in near::build_files(all) {
        found.file(root, path, Role::Build)?;
    }
    Ok(())
}

fn agents(root: &Path, spec: &LoopSpec, found: &mut Found) -> Result<(), String> {
    if commands::has_agent(spec) {
        for path in near::agent_files(root)? {
            found.file(root, &path, Role::Agent)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Found(BTreeMap<String, Part>);

impl Found {
    fn put(&mut self, path: String, role: Role, digest: Digest, text: Option<String>) {
        let text = text.filter(|text| text.len() <= LONGEST_TEXT);
        self.0.entry(path.clone()).or_insert(Part {
            path,
            role,
            digest,
            text,
        });
    }

    /// Takes a file in, links followed; what is no file is passed over.
    fn file(&mut self, root: &Path, path: &str, role: Role) -> Result<(), String> {
        let whole = root.join(path);
        if self.0.contains_key(path) {
            return Ok(());
        }
        let Ok(meta) = fs::metadata(&whole) else {
            // A link that leads nowhere today may lead somewhere tomorrow.
            if let Ok(target) = fs::read_link(&whole) {
                let text = format!("link to {}", target.display());
                self.put(
                    path.to_owned(),
                    role,
                    Digest::of(text.as_bytes()),
                    Some(text),
                );
            }
            return Ok(());
        };
        if meta.is_dir() && role == Role::Code {
            // What a linked folder holds lies elsewhere; where it leads counts.
            let to = fs::read_link(&whole).unwrap_or_default();
            let text = format!("link to {}", to.display());
            self.put(path.to_owned(), role, Digest::of(text.as_bytes()), None);
        }
        if !meta.is_file() {
            return Ok(());
        }
        if meta.len() > LARGEST {
            return Err(format!(
                "{path} is larger than 64 MiB, and a command of it names it"
            ));
        }
        let bytes = fs::read(&whole)
            .map_err(|e| format!("{path} cannot be read: {}", project::cause(&e)))?;
        let digest = Digest::of(&bytes);
        let text = Some(bytes).filter(|_| !holds_keys(path));
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        self.put(path.to_owned(), role, digest, text);
        Ok(())
    }

    /// Takes in all code of the project that nothing else has named.
    fn code(&mut self, project: &Path, root: &Path, spec: &LoopSpec) -> Result<(), String> {
        for path in code::all(project, root, spec)? {
            let known = self.0.contains_key(&path);
            self.file(root, &path, Role::Code)?;
            if let Some(part) = self.0.get_mut(&path).filter(|_| !known) {
                // So many texts are not kept.
                part.text = None;
            }
        }
        Ok(())
    }

    fn few(&self) -> Result<(), String> {
        if self.0.len() > MOST_FILES {
            return Err(format!(
                "more than {MOST_FILES} files lie around its scripts; move them to a folder of \
                 their own"
            ));
        }
        Ok(())
    }

    fn parts(self) -> Manifest {
        let parts = self.0.into_values().collect();
        Manifest { parts }
    }
}

/// A file of keys is told by its digest alone.
fn holds_keys(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with(".env")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, text: &str) -> Part {
        Part {
            path: path.to_owned(),
            role: Role::Script,
            digest: Digest::of(text.as_bytes()),
            text: None,
        }
    }

    /// A change, an addition and a removal are each a difference, and change the whole's digest.
    #[test]
    fn differences_are_named() {
        let old = Manifest {
            parts: vec![part("a", "1"), part("b", "1"), part("c", "1")],
        };
        let new = Manifest {
            parts: vec![part("a", "1"), part("b", "2"), part("d", "1")],
        };
        assert_eq!(old.differing(&new), ["b", "c", "d"]);
        assert!(old.differing(&old).is_empty());
        assert_ne!(old.digest(), new.digest());
    }
}
