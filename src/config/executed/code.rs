//! The code of a project, as a whole: what a command that no sandbox holds could run. Told by kind and not
//! by what a command seems to reach for. Reads names and a few first bytes; git itself is not started.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::near::listed;
use super::tracked;
use crate::config::names::{any_slots, clean};
use crate::config::project;
use crate::run::flag::{Sign, paths};
use crate::run::spec::{LoopSpec, PublishTo};

/// Most files of code that a loop may be trusted with.
const MOST_FILES: usize = 5_000;

/// Most bytes of them.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Most files and folders that are looked at to find them.
const MOST_SEEN: usize = 200_000;

/// Programs that run nothing but themselves, whatever they are given.
const RUN_NOTHING: [&str; 22] = [
    "[",
    "basename",
    "cat",
    "cmp",
    "cp",
    "curl",
    "date",
    "diff",
    "dirname",
    "echo",
    "false",
    "grep",
    "head",
    "jq",
    "ls",
    "printf",
    "sha256sum",
    "stat",
    "tail",
    "test",
    "true",
    "wc",
];

/// Endings of data: a change in such a file changes nothing that runs, unless it may be executed.
const DATA: &str = "md markdown txt rst adoc org tex csv tsv json jsonl ndjson geojson parquet arrow avro \
    log out err html htm css scss svg png jpg jpeg gif webp avif ico bmp tif tiff pdf ps eps \
    doc docx xls xlsx ppt pptx odt ods epub ttf otf woff woff2 mp3 mp4 wav ogg flac webm mov \
    zip gz xz zst bz2 db sqlite npy npz safetensors onnx patch swp";

/// Names of files that say something and run nothing, in lower case.
const NOTES: [&str; 13] = [
    "license",
    "licence",
    "copying",
    "readme",
    "changelog",
    "notice",
    "authors",
    "contributing",
    "codeowners",
    ".gitkeep",
    ".keep",
    ".ds_store",
    ".editorconfig",
];

/// Folders of this program's own, whose files come and go with the runs.
const OWN: [&str; 4] = ["drafts", "memory", "inbox", ".checkride"];

/// Folders that tools fill by themselves; what git follows in them counts all the same.
const FILLED: [&str; 8] = [
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".tox",
    ".mypy_cache",
    ".gradle",
];

/// Whether this command could run code of the project: all but a few programs could.
pub(super) fn is_within_reach(argv: &[String]) -> bool {
    argv.first()
        .is_some_and(|program| !RUN_NOTHING.contains(&program.as_str()))
}

/// Every file of code below `root`, a project or a copy of it; what git follows in `project` counts
/// whatever an ignore file says of it.
///
/// # Errors
/// One line: there is more than can be looked at.
pub(super) fn all(
    project: &Path,
    root: &Path,
    spec: &LoopSpec,
) -> Result<BTreeSet<String>, String> {
    let followed = tracked::below(project);
    let mut walk = Walk {
        root,
        copied: copied(spec),
        own: [spec.output.drafts.as_str(), spec.memory.path.as_str()],
        // Without a list of what git follows no ignore file hides anything.
        obeys_ignores: followed.is_some(),
        found: BTreeSet::new(),
        bytes: 0,
    };
    walk.everything()?;
    for path in followed.unwrap_or_default() {
        if !walk.found.contains(&path) && fs::symlink_metadata(root.join(&path)).is_ok() {
            walk.consider(path)?;
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    root: &'a Path,
    /// Where the loop itself publishes copies to.
    copied: Option<GlobSet>,
    /// Its drafts and its memory.
    own: [&'a str; 2],
    obeys_ignores: bool,
    found: BTreeSet<String>,
    bytes: u64,
}

impl Walk<'_> {
    fn everything(&mut self) -> Result<(), String> {
        let mut open = vec![(String::new(), Vec::new())];
        let mut seen = 0;
        while let Some((folder, mut ignores)) = open.pop() {
            if self.obeys_ignores {
                ignores.extend(Ignores::read(self.root, &folder));
            }
            let (files, folders) = listed(self.root, &folder)?;
            seen += files.len() + folders.len();
            if seen > MOST_SEEN {
                return Err(too_much(&format!("more than {MOST_SEEN} files")));
            }
            for file in files {
                if !is_ignored(&ignores, &file, false) {
                    self.consider(file)?;
                }
            }
            for inner in folders {
                let name = inner.rsplit('/').next().unwrap_or_default();
                let filled = self.obeys_ignores && FILLED.contains(&name);
                if !filled && !is_ignored(&ignores, &inner, true) {
                    open.push((inner, ignores.clone()));
                }
            }
        }
        Ok(())
    }

    fn consider(&mut self, path: String) -> Result<(), String> {
        if self.is_own(&path) || !is_code(&self.root.join(&path), &path) {
            return Ok(());
        }
        let meta = fs::metadata(self.root.join(&path));
        self.bytes += meta.map_or(0, |meta| meta.len());
        self.found.insert(path);
        if self.found.len() > MOST_FILES {
            return Err(too_much(&format!("more than {MOST_FILES} files of code")));
        }
        if self.bytes > MOST_BYTES {
            return Err(too_much(&format!(
                "code of more than {} MiB",
                MOST_BYTES >> 20
            )));
        }
        Ok(())
    }

    /// What the loop or this program writes by itself, or pins for itself.
    fn is_own(&self, path: &str) -> bool {
        let below = |folder: &str| {
            let rest = path.strip_prefix(folder.trim_end_matches('/'));
            !folder.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let loop_file = path.strip_prefix("loops/").is_some_and(|name| {
            !name.contains('/') && Path::new(name).extension().is_some_and(|e| e == "toml")
        });
        loop_file
            || OWN.iter().any(|folder| below(folder))
            || self.own.iter().any(|folder| below(&clean(folder)))
            || self.copied.as_ref().is_some_and(|set| set.is_match(path))
    }
}

fn too_much(what: &str) -> String {
    format!(
        "{what} lie in the project, and a command of it that no sandbox holds could run any of them; \
         publish to a branch or a copy instead, or keep the loop in a project of its own"
    )
}

/// The paths that the loop publishes copies to, placeholders filled with anything.
fn copied(spec: &LoopSpec) -> Option<GlobSet> {
    let Some(PublishTo::Copy { path }) = spec.publish.as_ref().map(|publish| &publish.to) else {
        return None;
    };
    let glob = GlobBuilder::new(&clean(any_slots(path)))
        .literal_separator(true)
        .build()
        .ok()?;
    GlobSetBuilder::new().add(glob).build().ok()
}

/// Whether a file is code: whatever may be executed or begins as a script, whatever tools obey, and all that
/// is not known as data by its name.
fn is_code(whole: &Path, path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    let stem = ending.map_or(name, |(stem, _)| stem);
    let is_data = ending.is_some_and(|(_, ending)| DATA.split(' ').any(|known| known == ending))
        || (ending.is_none() && NOTES.contains(&stem))
        || name.ends_with('~');
    let obeyed = matches!(
        paths::sign(path),
        Some(Sign::Check | Sign::Hook | Sign::Orders)
    );
    if !is_data || obeyed {
        return true;
    }
    let Ok(meta) = fs::metadata(whole) else {
        return false;
    };
    meta.is_file() && (meta.permissions().mode() & 0o111 != 0 || begins_as_script(whole))
}

fn begins_as_script(whole: &Path) -> bool {
    let mut first = [0; 2];
    let read = fs::File::open(whole).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == *b"#!"
}

/// The rules of one ignore file, in order.
#[derive(Clone)]
struct Ignores {
    rules: Vec<Rule>,
}

#[derive(Clone)]
struct Rule {
    set: GlobSet,
    takes_back: bool,
    folders_only: bool,
}

impl Ignores {
    /// The rules of the ignore file of this folder; those that cannot be read hide nothing.
    fn read(root: &Path, folder: &str) -> Option<Self> {
        let file = root.join(folder).join(".gitignore");
        let bytes = project::read_bytes(&file).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let rules = text.lines().filter_map(|line| Rule::read(folder, line));
        Some(Self {
            rules: rules.collect(),
        })
    }
}

impl Rule {
    fn read(folder: &str, line: &str) -> Option<Self> {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (takes_back, line) = line
            .strip_prefix('!')
            .map_or((false, line), |rest| (true, rest));
        let (folders_only, line) = line
            .strip_suffix('/')
            .map_or((false, line), |rest| (true, rest));
        let anywhere = if line.contains('/') { "" } else { "**/" };
        let line = line.trim_start_matches('/');
        let before = if folder.is_empty() {
            String::new()
        } else {
            globset::escape(folder) + "/"
        };
        let pattern = format!("{before}{anywhere}{line}");
        let glob = GlobBuilder::new(&pattern)
            .literal_separator(true)
            .build()
            .ok()?;
        let set = GlobSetBuilder::new().add(glob).build().ok()?;
        Some(Self {
            set,
            takes_back,
            folders_only,
        })
    }
}

/// Whether the last rule that speaks of this path hides it.
fn is_ignored(all: &[Ignores], path: &str, folder: bool) -> bool {
    let mut rules = all.iter().flat_map(|ignores| &ignores.rules).rev();
    let speaks = |rule: &&Rule| (folder || !rule.folders_only) && rule.set.is_match(path);
    rules.find(speaks).is_some_and(|rule| !rule.takes_back)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::config::loops;

    const LOOP: &str = "version = 1\nname = \"a\"\n[skill]\npath = \"skills/a\"\n[worker]\n\
        type = \"command\"\ncommand = [\"sh\"]\n[goal]\nstatement = \"x\"\n[[goal.verify.checks]]\n\
        name = \"t\"\ncommand = [\"true\"]\n";

    struct Project(tempfile::TempDir);

    impl Project {
        fn with(files: &[&str]) -> Self {
            let project = Self(tempfile::TempDir::new().unwrap());
            project.git(&["init", "-q"]);
            project.put("loops/a.toml", LOOP);
            let skill = "---\nname: a\ndescription: a\n---\nDo.\n";
            project.put("skills/a/SKILL.md", skill);
            for path in files {
                project.put(path, "x\n");
            }
            project
        }

        fn put(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn git(&self, args: &[&str]) {
            let mut git = Command::new("git");
            git.current_dir(self.0.path()).args(args);
            assert!(git.output().unwrap().status.success(), "{args:?}");
        }

        fn found(&self) -> Result<Vec<String>, String> {
            let at = self.0.path();
            let spec = loops::read(at, &at.join("loops/a.toml")).spec.unwrap();
            all(at, at, &spec).map(|found| found.into_iter().collect())
        }
    }

    /// Code counts wherever it lies, data and what the program itself writes do not.
    #[test]
    fn code_is_told_from_data() {
        let code = [
            "Makefile",
            "build/rules.mk",
            "lib/common",
            "lib/common.sh",
            "lib/x.inc",
            "lib/helper.py",
            "src/main.rs",
            "web/package.json",
            "CLAUDE.md",
            ".env",
            "a.yml",
        ];
        let data = [
            "README",
            "LICENSE",
            "notes.md",
            "data/days.json",
            "a.csv",
            "notes.md~",
            "loops/b.toml",
            "drafts/a-1/x.py",
            "memory/a.md",
            "inbox/a/x.sh",
            ".checkride/x.py",
        ];
        let project = Project::with(&[&code[..], &data].concat());
        project.put("tool.txt", "#!/bin/sh\n");
        project.git(&["add", "-A"]);
        let mut wanted = code.to_vec();
        wanted.push("tool.txt");
        wanted.sort_unstable();
        assert_eq!(project.found().unwrap(), wanted);
    }

    /// What an ignore file hides does not count, unless git follows it all the same.
    #[test]
    fn an_ignore_file_hides_nothing_that_git_follows() {
        let project = Project::with(&[
            "out/a.js",
            "out/b.js",
            "node_modules/a/i.js",
            "node_modules/b/i.js",
            "lib/x.o.sh",
            "lib/keep.o.sh",
            "lib/deep/y.gen",
            "new.sh",
        ]);
        project.put(
            ".gitignore",
            "# made\n/out/\nnode_modules\n*.o.sh\n!keep.o.sh\n",
        );
        project.put("lib/.gitignore", "*.gen\n");
        project.git(&["add", "-f", "out/b.js", "node_modules/b/i.js"]);
        let wanted = [
            ".gitignore",
            "lib/.gitignore",
            "lib/keep.o.sh",
            "new.sh",
            "node_modules/b/i.js",
            "out/b.js",
        ];
        assert_eq!(project.found().unwrap(), wanted);
        // Where it cannot be told what git follows, nothing is hidden.
        fs::write(project.0.path().join(".git/index"), "DIRC").unwrap();
        assert!(project.found().unwrap().contains(&"out/a.js".to_owned()));
    }

    /// A target of copies is the loop's own output, placeholders and all.
    #[test]
    fn where_copies_go_does_not_count() {
        let project = Project::with(&["site/2026.js", "site/x/2026.js"]);
        let publish = "[output]\nkind = \"files\"\nartefact = \"a.js\"\n[publish]\nto = \"copy\"\n\
                       as = \"site/{date}.js\"\n";
        project.put("loops/a.toml", &format!("{LOOP}{publish}"));
        assert_eq!(project.found().unwrap(), ["site/x/2026.js"]);
    }

    /// Too much is refused with what to do, and not half looked at.
    #[test]
    fn too_much_is_refused() {
        let project = Project::with(&[]);
        let at = project.0.path();
        fs::File::create(at.join("big.bin"))
            .unwrap()
            .set_len(MOST_BYTES + 1)
            .unwrap();
        let why = project.found().unwrap_err();
        assert!(
            why.contains("64 MiB") && why.contains("publish to a branch"),
            "{why}"
        );
    }

    /// Only a program that is known to run nothing else is taken at its word, by its bare name.
    #[test]
    fn few_programs_run_nothing() {
        let reaches = |program: &str| is_within_reach(&[program.to_owned()]);
        assert!(
            ["sh", "make", "./test", "tools/cat", "git", "env"]
                .into_iter()
                .all(reaches)
        );
        assert!(!reaches("curl") && !is_within_reach(&[]));
    }
}
