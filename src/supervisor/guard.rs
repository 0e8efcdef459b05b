//! What a worker may change: protected paths, the write list, and the caps on damage.
//! Judges lists of changes; putting refused ones back is the workspace's work.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::workspace::diff::{Delta, EXECUTABLE, SUBMODULE};
use super::workspace::snapshot::FLOOD;
use super::workspace::trouble::Trouble;
use crate::run::inert::spelled_line;
use crate::run::names::{fold, folded, is_gitmodules, leads_into_git};
use crate::run::spec::{PROTECTED_ALWAYS, WorkspaceKind, WorkspaceRules};
use crate::run::{Breach, ChangeKind, counted};

/// The rules of one loop, ready to be applied.
#[derive(Debug, Clone)]
pub struct Guard {
    protected: GlobSet,
    scripts: HashSet<Vec<u8>>,
    write: GlobSet,
    prefix: Vec<u8>,
    read_only: bool,
    max_files: usize,
    max_changed_lines: usize,
    max_deletions: usize,
    max_changed_bytes: u64,
    executables: bool,
}

/// What of a list of changes is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The rules gone against.
    pub breaches: Vec<Breach>,
    /// The paths to put back.
    pub paths: HashSet<Vec<u8>>,
}

impl Guard {
    /// The rules of a loop whose project folder lies at `prefix` in its repository.
    ///
    /// `check_scripts` are paths of the project; they are protected by themselves.
    pub fn new(
        rules: &WorkspaceRules,
        check_scripts: &[String],
        prefix: &[u8],
    ) -> Result<Self, Trouble> {
        let protected = rules.protected.iter().map(String::as_str);
        Ok(Self {
            protected: globs(PROTECTED_ALWAYS.into_iter().chain(protected), true)?,
            scripts: check_scripts
                .iter()
                .map(|path| fold(&plain(path)))
                .collect(),
            write: globs(rules.write.iter().map(String::as_str), false)?,
            prefix: prefix.to_vec(),
            read_only: rules.kind == WorkspaceKind::ReadOnly,
            max_files: rules.max_files,
            max_changed_lines: rules.max_changed_lines,
            max_deletions: rules.max_deletions,
            max_changed_bytes: rules.max_changed_bytes,
            executables: rules.executables,
        })
    }

    /// The rule that keeps this path from being changed at all, if there is one.
    pub fn forbids(&self, path: &[u8]) -> Option<&'static str> {
        if self.read_only {
            return Some("kind = \"read-only\"");
        }
        let Some(inside) = path.strip_prefix(self.prefix.as_slice()) else {
            return Some("outside the project folder");
        };
        let folded = fold(inside);
        let is_protected = |path: &[u8]| self.protected.is_match(as_path(path));
        if self.scripts.contains(&folded) {
            Some("protected check script")
        } else if is_protected(inside) || is_protected(&folded) || leads_into_git(inside) {
            Some("protected")
        } else if !self.write.is_match(as_path(inside)) {
            Some("write")
        } else {
            None
        }
    }

    /// The largest file that a change may bring.
    pub fn max_changed_bytes(&self) -> u64 {
        self.max_changed_bytes
    }

    /// More new files than this are refused before any is read: each would cost an object in the snapshot.
    pub fn flood(&self) -> usize {
        FLOOD.max(self.max_files.saturating_mul(2))
    }

    /// The breach of a turn that left so many new files, all of which lie in this drawer now.
    pub fn flood_breach(&self, files: usize, drawer: Option<&Path>) -> Breach {
        let kept = drawer.map(|drawer| format!("; all of it lies in {}", drawer.display()));
        Breach {
            rule: format!("max_files = {}", self.max_files),
            tried: spelled_line(
                format!(
                    "{files} files added, so many that none was read and they cannot be allowed once{}",
                    kept.unwrap_or_default()
                )
                .as_bytes(),
            ),
        }
    }

    /// The changes that are refused one by one: forbidden paths, submodules, files that become
    /// executable, and what `on_disk` has a rule against that only the files tell.
    pub fn refuse_paths(
        &self,
        changes: &[Delta],
        on_disk: &dyn Fn(&Delta) -> Option<&'static str>,
    ) -> Refusal {
        let mut by_rule: Vec<(&'static str, Vec<&Delta>)> = Vec::new();
        for change in changes {
            let rule = if is_of_submodules(change) {
                Some("submodule")
            } else if let Some(rule) = on_disk(change) {
                Some(rule)
            } else if let Some(rule) = self.forbids(&change.path) {
                Some(rule)
            } else if !self.executables && change.new.0 == EXECUTABLE && change.old.0 != EXECUTABLE
            {
                Some("executables = false")
            } else {
                None
            };
            let Some(rule) = rule else { continue };
            match by_rule.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, list)) => list.push(change),
                None => by_rule.push((rule, vec![change])),
            }
        }
        let mut refusal = Refusal::default();
        for (rule, list) in by_rule {
            refusal.add(rule.to_owned(), &list);
        }
        refusal
    }

    /// What the caps refuse: too many deletions take the deletions back, too many files or lines
    /// take everything back.
    pub fn refuse_amount(&self, changes: &[&Delta]) -> Refusal {
        let mut refusal = Refusal::default();
        let (deleted, rest): (Vec<&Delta>, Vec<&Delta>) = changes
            .iter()
            .partition(|change| change.kind == ChangeKind::Deleted);
        let mut left = changes.to_vec();
        if deleted.len() > self.max_deletions {
            refusal.add(format!("max_deletions = {}", self.max_deletions), &deleted);
            left = rest;
        }
        if left.len() > self.max_files {
            refusal.add(format!("max_files = {}", self.max_files), &left);
        }
        let bytes: u64 = left.iter().map(|c| c.bytes).sum();
        if bytes > self.max_changed_bytes {
            refusal.add(
                format!("max_changed_bytes = {}", self.max_changed_bytes),
                &left,
            );
            if let Some(breach) = refusal.breaches.last_mut() {
                breach.tried = format!("{} brought in {}", counted(bytes, "byte"), places(&left));
            }
        }
        let lines: u64 = left.iter().map(|c| c.added + c.removed).sum();
        if lines > self.max_changed_lines as u64 {
            refusal.add(
                format!("max_changed_lines = {}", self.max_changed_lines),
                &left,
            );
            if let Some(breach) = refusal.breaches.last_mut() {
                breach.tried = format!("{} changed in {}", counted(lines, "line"), places(&left));
            }
        }
        refusal
    }
}

impl Refusal {
    fn add(&mut self, rule: String, changes: &[&Delta]) {
        self.breaches.push(Breach {
            rule,
            tried: in_words(changes),
        });
        self.paths.extend(changes.iter().map(|c| c.path.clone()));
    }

    /// Adds another refusal to this one.
    pub fn merge(&mut self, other: Self) {
        self.breaches.extend(other.breaches);
        self.paths.extend(other.paths);
    }
}

fn is_of_submodules(change: &Delta) -> bool {
    change.old.0 == SUBMODULE || change.new.0 == SUBMODULE || is_gitmodules(&change.path)
}

/// «3 files deleted: a, b, c», with at most five names of each kind.
fn in_words(changes: &[&Delta]) -> String {
    let kinds = [
        (ChangeKind::Deleted, "deleted"),
        (ChangeKind::Modified, "changed"),
        (ChangeKind::Added, "added"),
    ];
    let mut parts = Vec::new();
    for (kind, verb) in kinds {
        let of_kind: Vec<&Delta> = changes.iter().copied().filter(|c| c.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        let files = counted(of_kind.len() as u64, "file");
        parts.push(format!("{files} {verb}: {}", names(&of_kind)));
    }
    parts.join("; ")
}

/// Where something was done: «notes.md», «3 files: a, b, c».
fn places(changes: &[&Delta]) -> String {
    match changes {
        [only] => spelled_line(&only.path),
        many => format!("{}: {}", counted(many.len() as u64, "file"), names(many)),
    }
}

/// At most five names, and how many more there are.
fn names(changes: &[&Delta]) -> String {
    let names: Vec<String> = changes
        .iter()
        .take(5)
        .map(|c| spelled_line(&c.path))
        .collect();
    let more = match changes.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}

/// Globs where `*` stays inside one folder. What `protects` also names `x` by `x/**`, so that a file
/// cannot take a protected folder's place, and does not tell upper from lower case: what is another
/// file here may be the same file where the result is checked out.
fn globs<'a>(patterns: impl Iterator<Item = &'a str>, protects: bool) -> Result<GlobSet, Trouble> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        set.add(glob(pattern, protects)?);
        let any_case = String::from_utf8_lossy(&fold(pattern.as_bytes())).into_owned();
        // A range of letters may be none once it is folded; its own form stands in any case.
        if let Some(glob) = Some(any_case).filter(|_| protects)
            && let Ok(glob) = self::glob(&glob, protects)
        {
            set.add(glob);
        }
        match pattern.strip_suffix("/**") {
            Some(folder) if protects && !folder.is_empty() && folder != "**" => {
                set.add(glob(folder, protects)?);
                if let Ok(glob) = glob(&folded(folder), protects) {
                    set.add(glob);
                }
            }
            Some(_) | None => {}
        }
    }
    set.build()
        .map_err(|error| Trouble::new(format!("the globs are too large: {error}")))
}

fn glob(pattern: &str, protects: bool) -> Result<globset::Glob, Trouble> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        // The default file system of macOS does not tell upper from lower case.
        .case_insensitive(protects || cfg!(target_os = "macos"))
        .build()
        .map_err(|error| Trouble::new(format!("{pattern} is no glob: {error}")))
}

fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn plain(path: &str) -> Vec<u8> {
    path.strip_prefix("./").unwrap_or(path).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(prefix: &[u8], change: impl FnOnce(&mut WorkspaceRules)) -> Guard {
        let mut rules = WorkspaceRules::default();
        change(&mut rules);
        Guard::new(&rules, &["./scripts/words".to_owned()], prefix).unwrap()
    }

    fn change(path: &str, kind: ChangeKind, lines: u64) -> Delta {
        Delta {
            path: path.as_bytes().to_vec(),
            kind,
            old: (0, String::new()),
            new: (0o100_644, String::new()),
            added: lines,
            removed: 0,
            binary: false,
            bytes: 0,
        }
    }

    /// PRODUCT §5.5: the fixed list, the loop's own and the check scripts are protected; a glob's
    /// `*` stays inside one folder; everything else may be written.
    #[test]
    fn the_fixed_list_is_always_protected() {
        let guard = guard(b"", |rules| rules.protected = vec!["*.lock".to_owned()]);
        for path in [
            ".env",
            ".env.local",
            "a/.env",
            "key.pem",
            "a/b/id_rsa",
            ".ssh/x",
            "loops/x.toml",
            "loops",
            "skills/a/SKILL.md",
            "memory/x.md",
            ".claude/x",
            ".mcp.json",
            ".github/x/y",
            "Cargo.lock",
            ".GitHub/x",
            "Loops/x.toml",
            ".ENV",
            "s\u{212a}ills/a/SKILL.md",
            ".\u{17f}sh/x",
            "git~1/hooks/pre-commit",
            "a/.git /config",
            ".git::$INDEX_ALLOCATION",
        ] {
            assert_eq!(guard.forbids(path.as_bytes()), Some("protected"), "{path}");
        }
        assert_eq!(
            guard.forbids(b"scripts/words"),
            Some("protected check script")
        );
        for path in ["src/main.rs", "a/x.lock", "loopy", "env", "src/loops/x"] {
            assert_eq!(guard.forbids(path.as_bytes()), None, "{path}");
        }
    }

    /// Rules are meant from the project folder, and nothing beside it may be written.
    #[test]
    fn rules_are_meant_from_the_project_folder() {
        let guard = guard(b"part/", |rules| rules.write = vec!["drafts/**".to_owned()]);
        assert_eq!(guard.forbids(b"part/drafts/\xff"), None);
        assert_eq!(guard.forbids(b"part/drafts"), Some("write"));
        assert_eq!(guard.forbids(b"part/loops/x"), Some("protected"));
        assert_eq!(
            guard.forbids(b"drafts/x"),
            Some("outside the project folder")
        );
    }

    /// Submodules are kept as they are, by entry and by their list; a file that becomes a program is
    /// refused unless the loop says otherwise.
    #[test]
    fn submodules_and_programs_are_refused() {
        let becomes = |path: &str, old, new| Delta {
            old: (old, String::new()),
            new: (new, String::new()),
            ..change(path, ChangeKind::Modified, 1)
        };
        let changes = [
            becomes("run", 0o100_644, EXECUTABLE),
            becomes("was", EXECUTABLE, EXECUTABLE),
            becomes("lib", 0, SUBMODULE),
            becomes(".gitmodules", 0, 0o100_644),
        ];
        let refused = |guard: &Guard| guard.refuse_paths(&changes, &|_| None);
        let strict = refused(&guard(b"", |_| {}));
        let rules: Vec<_> = strict.breaches.iter().map(|b| b.rule.as_str()).collect();
        assert_eq!(rules, ["executables = false", "submodule"]);
        assert_eq!(strict.paths.len(), 3);
        let free = refused(&guard(b"", |rules| rules.executables = true));
        assert!(!free.paths.contains(b"run".as_slice()));
    }

    /// Bytes weigh as lines do: what no line counts is not brought in by the back door.
    #[test]
    fn bytes_are_capped_too() {
        let guard = guard(b"", |rules| rules.max_changed_bytes = 100);
        let weighs = |bytes| Delta {
            bytes,
            binary: true,
            ..change("a.bin", ChangeKind::Added, 0)
        };
        assert_eq!(guard.refuse_amount(&[&weighs(100)]), Refusal::default());
        let refusal = guard.refuse_amount(&[&weighs(101)]);
        assert_eq!(refusal.breaches[0].rule, "max_changed_bytes = 100");
        assert_eq!(refusal.breaches[0].tried, "101 bytes brought in a.bin");
    }

    /// R45: a cap is reached without harm; beyond it the deletions or everything go back.
    #[test]
    fn caps_refuse_what_goes_beyond_them() {
        let guard = guard(b"", |rules| {
            rules.max_files = 2;
            rules.max_deletions = 1;
            rules.max_changed_lines = 10;
        });
        let gone = change("gone", ChangeKind::Deleted, 0);
        let too = change("too", ChangeKind::Deleted, 0);
        let ten = change("ten", ChangeKind::Modified, 10);
        let one = change("one", ChangeKind::Added, 1);
        assert_eq!(guard.refuse_amount(&[&gone, &ten]), Refusal::default());
        let refusal = guard.refuse_amount(&[&gone, &too, &ten]);
        assert_eq!(refusal.paths.len(), 2);
        assert_eq!(refusal.breaches[0].tried, "2 files deleted: gone, too");
        let refusal = guard.refuse_amount(&[&gone, &ten, &one]);
        let rules: Vec<_> = refusal.breaches.iter().map(|b| b.rule.as_str()).collect();
        assert_eq!(rules, ["max_files = 2", "max_changed_lines = 10"]);
        assert_eq!(refusal.paths.len(), 3);
        assert_eq!(
            refusal.breaches[1].tried,
            "11 lines changed in 3 files: gone, ten, one"
        );
    }
}
