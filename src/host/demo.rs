//! The demo's stage: a real repository in a temporary folder, the real engine in this process, a
//! scripted worker and judge. Nothing leaves the machine; the folder goes when the demo ends.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use serde::Deserialize;
use tempfile::TempDir;

use super::HostError;
use crate::cli::init;
use crate::link::Link;
use crate::protocol::{Command, Fact, Record};
use crate::run::{Event, Outcome};
use crate::supervisor::clock::Clock;
use crate::supervisor::sandbox::probe::Trial;
use crate::supervisor::{Settings, Supervisor};

/// The loop that is played.
const LOOP: &str = "weekly-article";

/// The starter whose skill and checks the loop uses: what is watched can be installed.
const STARTER: &str = "research-and-draft";

/// What is written into the folder, by its place there.
const FILES: [(&str, &str); 13] = [
    (
        "loops/weekly-article.toml",
        include_str!("../../loops/demo/loop.toml"),
    ),
    (
        "loops/demo/worker.toml",
        include_str!("../../loops/demo/worker.toml"),
    ),
    (
        "loops/demo/judge.toml",
        include_str!("../../loops/demo/judge.toml"),
    ),
    (
        "README.md",
        include_str!("../../loops/demo/project/README.md"),
    ),
    (
        "notes/topics.md",
        include_str!("../../loops/demo/project/notes/topics.md"),
    ),
    (
        "memory/weekly-article.md",
        include_str!("../../loops/demo/project/memory/weekly-article.md"),
    ),
    (
        "sources/checklist-1935.md",
        include_str!("../../loops/demo/project/sources/checklist-1935.md"),
    ),
    (
        "sources/goodhart-1997.md",
        include_str!("../../loops/demo/project/sources/goodhart-1997.md"),
    ),
    (
        "sources/jidoka-1924.md",
        include_str!("../../loops/demo/project/sources/jidoka-1924.md"),
    ),
    (
        "sources/llm-judges-2023.md",
        include_str!("../../loops/demo/project/sources/llm-judges-2023.md"),
    ),
    (
        "sources/reflexion-2023.md",
        include_str!("../../loops/demo/project/sources/reflexion-2023.md"),
    ),
    (
        "sources/self-correction-2023.md",
        include_str!("../../loops/demo/project/sources/self-correction-2023.md"),
    ),
    (
        "sources/swe-bench-2023.md",
        include_str!("../../loops/demo/project/sources/swe-bench-2023.md"),
    ),
];

const CAPTIONS: &str = include_str!("../../loops/demo/captions.toml");

/// One line for each beat of the demo.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Captions {
    start: String,
    end: String,
    caption: Vec<Caption>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caption {
    checkpoint: String,
    iteration: u32,
    text: String,
}

/// The demo, ready to be flown. Dropping it ends everything and removes the folder.
pub(super) struct Stage {
    supervisor: Supervisor,
    captions: Captions,
    _folder: TempDir,
}

impl Stage {
    /// Writes the project, makes its repository, and starts the supervisor.
    ///
    /// # Errors
    /// One line: git is missing, or the temporary folder cannot be written.
    pub(super) fn set(program: PathBuf) -> Result<Self, HostError> {
        let trouble = |e: io::Error| HostError::Trouble(format!("cannot set up the demo: {e}"));
        let captions = toml::from_str(CAPTIONS)
            .map_err(|e| HostError::Trouble(format!("the demo's captions: {}", e.message())))?;
        let folder = TempDir::with_prefix("checkride-demo-").map_err(trouble)?;
        let project = folder.path().join("field-notes");
        fs::create_dir(&project).map_err(trouble)?;
        write_project(&project).map_err(trouble)?;
        make_repository(&project)?;
        let settings = Settings {
            project: project.canonicalize().map_err(trouble)?,
            state: folder.path().join("state"),
            config: folder.path().join("config"),
            powers: Trial::begin(&program),
            keeper: program,
            env: std::env::vars_os().collect(),
            clock: Clock::System,
            grants: BTreeMap::new(),
            owned: true,
            pace: 1.0,
            warnings: Vec::new(),
        };
        let supervisor =
            Supervisor::start(settings).map_err(|e| HostError::Trouble(e.to_string()))?;
        Ok(Self {
            supervisor,
            captions,
            _folder: folder,
        })
    }

    /// A link to it that starts the loop by itself and says a caption at each beat. Wants the
    /// runtime that the cockpit runs on.
    pub(super) fn link(&self) -> Link {
        let (link, mut far) = Link::pair();
        let mut inner = self.supervisor.connect();
        let mut captions = self.captions.clone();
        tokio::spawn(async move {
            loop {
                let sent = tokio::select! {
                    command = far.commands.recv() => match command {
                        Some(command) => inner.commands.send(command).await.is_ok(),
                        None => false,
                    },
                    record = inner.records.recv() => match record {
                        Some(record) => {
                            if let Fact::Attached { .. } = record.fact {
                                let start = Command::Start { name: LOOP.to_owned() };
                                // A supervisor that is gone ends the loop at its next turn.
                                drop(inner.commands.send(start).await);
                            }
                            let caption = captions.about(&record);
                            let told = far.records.send(record).await.is_ok();
                            match caption {
                                Some(caption) => told && far.records.send(caption).await.is_ok(),
                                None => told,
                            }
                        }
                        None => false,
                    },
                };
                if !sent {
                    break;
                }
            }
        });
        link
    }
}

impl Captions {
    /// What is said after this record.
    ///
    /// Each is said once: asked again, a question may no longer fit its words.
    fn about(&mut self, record: &Record) -> Option<Record> {
        let event = record.event()?;
        let text = if let Event::Woke(_) = event {
            self.start.clone()
        } else if let Event::Ended(Outcome::Published) = event {
            self.end.clone()
        } else if let Event::Asked(checkpoint) = event {
            let fits = |c: &&Caption| {
                c.checkpoint == checkpoint.ask.kind() && c.iteration == checkpoint.iteration
            };
            let at = self.caption.iter().position(|c| fits(&c))?;
            self.caption.remove(at).text
        } else {
            return None;
        };
        let fact = Fact::Done { what: text };
        Some(Record {
            seq: 0,
            at: record.at,
            fact,
        })
    }
}

fn write_project(project: &Path) -> io::Result<()> {
    init::lay_out_tools(project, STARTER)?;
    for (place, text) in FILES {
        init::write_new(project, place, text, false)?;
    }
    Ok(())
}

/// A repository with one commit, by an author of its own, whatever the machine's git is set to.
fn make_repository(project: &Path) -> Result<(), HostError> {
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &["commit", "-q", "--no-verify", "-m", "Field notes"],
    ] {
        let ran = Process::new("git")
            .args(["-c", "user.name=Demo", "-c", "user.email=demo@example.org"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(args)
            .current_dir(project)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .map_err(|e| HostError::Trouble(format!("the demo needs git: {e}")))?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said = said.lines().next().unwrap_or_default();
            return Err(HostError::Trouble(format!("the demo's git failed: {said}")));
        }
    }
    Ok(())
}
