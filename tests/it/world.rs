//! A world to fly in: a temporary project with a real git repository, a supervisor inside this
//! process, and an operator who answers checkpoints by what they see.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use checkride::config::paths::Environment;
use checkride::config::{Paths, loops};
use checkride::link::Link;
use checkride::protocol::{Command, Fact, Record, RunId};
use checkride::run::{Checkpoint, Decision, Event, Mode, Outcome};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::trust::Trust;
use checkride::supervisor::{Settings, Supervisor};
use tempfile::TempDir;
use tokio::time::timeout;

/// Far longer than anything here takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The project and the state folder of one test.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// An empty project with a git repository that has one commit.
    pub(crate) fn new() -> Self {
        let world = Self {
            folder: TempDir::new().unwrap(),
        };
        fs::create_dir(world.project()).unwrap();
        world.write("README.md", "# A project\n");
        world.git(&["init", "-q", "-b", "main"]);
        world.commit("begin");
        world
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn script(&self, path: &str, text: &str) {
        program(&self.project().join(path), text);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.project().join(path)).unwrap_or_default()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let ran = Process::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org"])
            .args(args)
            .current_dir(self.project())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// A skill folder with this name.
    pub(crate) fn skill(&self, name: &str) {
        let text = format!("---\nname: {name}\ndescription: For a test.\n---\n\nDo the work.\n");
        self.write(&format!("skills/{name}/SKILL.md"), &text);
    }

    pub(crate) fn settings(&self) -> Settings {
        settings_in(self.folder.path())
    }

    pub(crate) fn supervise(&self) -> Supervisor {
        Supervisor::start(self.settings()).unwrap()
    }

    /// A supervisor that grants this loop a mode it has not earned.
    pub(crate) fn supervise_in(&self, name: &str, mode: Mode) -> Supervisor {
        let mut settings = self.settings();
        settings.grants.insert(name.to_owned(), mode);
        Supervisor::start(settings).unwrap()
    }

    /// Allows every loop of this project as it stands, as its operator would who keeps what they
    /// allow in this folder of states.
    pub(crate) fn allow(&self, states: &Path) {
        let environment = Environment {
            state_dir: Some(states.into()),
            ..Environment::default()
        };
        let Ok(paths) = Paths::new(&self.project(), &environment) else {
            return;
        };
        let trust = Trust::at(paths.state(), paths.project());
        for file in loops::read_all(paths.project()) {
            if let Ok(review) = trust.review(&file) {
                // A test may have made the folder of states unusable.
                drop(trust.allow(&file, &review.digest));
            }
        }
    }

    /// Every path of the project with its bytes, but for the folders that loops may write.
    pub(crate) fn fingerprint(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        let root = self.project();
        collect(&root, &root, &mut all);
        all
    }
}

/// Quiet hours that it is now and for hours to come: the one minute that they leave out is far away.
pub(crate) fn quiet_now() -> &'static str {
    if Clock::System.here().hour() < 12 {
        "00:00-23:59"
    } else {
        "12:00-11:59"
    }
}

/// Writes a program, in a process of its own: whatever another test is just starting would have a copy of this
/// process's descriptor until its exec, and no program starts while it is open for writing.
pub(crate) fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Process::new("sh")
        .args(["-c", r#"cat > "$0" && chmod 755 "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = writer.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    assert!(writer.wait().unwrap().success());
}

/// The settings of the world in this folder.
pub(crate) fn settings_in(folder: &Path) -> Settings {
    Settings {
        project: folder.join("project").canonicalize().unwrap(),
        state: folder.join("state"),
        config: folder.join("config"),
        keeper: PathBuf::from(env!("CARGO_BIN_EXE_checkride")),
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        clock: Clock::System,
        grants: BTreeMap::new(),
        owned: true,
        pace: 0.0,
        powers: crate::sandbox::powers().into(),
        warnings: Vec::new(),
    }
}

fn collect(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let free = [
            "memory",
            "drafts",
            "inbox",
            ".checkride",
            ".git/objects",
            ".git/refs/checkride",
        ];
        if free.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, all);
        } else {
            all.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// An operator with one connection, who remembers what they were told.
pub(crate) struct Operator {
    link: Link,
    pub(crate) told: Vec<Record>,
}

impl Operator {
    /// Attaches and hears everything up to now.
    pub(crate) async fn at(supervisor: &Supervisor) -> Self {
        Self::on(supervisor.connect()).await
    }

    /// The same over any link.
    pub(crate) async fn on(link: Link) -> Self {
        let mut operator = Self {
            link,
            told: Vec::new(),
        };
        operator
            .say(Command::Attach {
                since: 0,
                by: "test".to_owned(),
                early: false,
            })
            .await;
        operator
            .until("attached", |fact| {
                matches!(fact, Fact::Attached { .. }).then_some(())
            })
            .await;
        operator
    }

    pub(crate) async fn say(&mut self, command: Command) {
        self.link.commands.send(command).await.unwrap();
    }

    pub(crate) async fn start(&mut self, name: &str) {
        self.say(Command::Start {
            name: name.to_owned(),
        })
        .await;
    }

    /// Waits until a fact is what is wanted.
    pub(crate) async fn until<T>(&mut self, what: &str, want: impl Fn(&Fact) -> Option<T>) -> T {
        loop {
            let next = timeout(PATIENCE, self.link.records.recv()).await;
            let record = match next {
                Ok(Some(record)) => record,
                Ok(None) => panic!("the supervisor left before {what}: {:#?}", self.trail()),
                Err(late) => panic!("nothing more before {what} ({late}): {:#?}", self.trail()),
            };
            let found = want(&record.fact);
            self.told.push(record);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// The last things told, for the message of a test that fails.
    fn trail(&self) -> Vec<String> {
        let from = self.told.len().saturating_sub(12);
        self.told[from..]
            .iter()
            .map(|r| format!("{:?}", r.fact).chars().take(300).collect())
            .collect()
    }

    /// Waits for the next checkpoint, and looks at it.
    pub(crate) async fn asked(&mut self, kind: &str) -> Checkpoint {
        let open = self
            .until(&format!("a {kind} checkpoint"), |fact| match fact {
                Fact::Run {
                    event: Event::Asked(checkpoint),
                    ..
                } => Some((**checkpoint).clone()),
                Fact::Run {
                    event: Event::Ended(outcome),
                    ..
                } => panic!("ended: {outcome:?}"),
                Fact::Refused { what, why } => panic!("refused {what}: {why}"),
                _ => None,
            })
            .await;
        assert_eq!(open.ask.kind(), kind, "{open:#?}");
        self.look_at(&open).await;
        open
    }

    pub(crate) async fn look_at(&mut self, open: &Checkpoint) {
        let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
        self.say(Command::Seen { checkpoint, digest }).await;
    }

    pub(crate) async fn answer(&mut self, open: &Checkpoint, decision: Decision) {
        let (checkpoint, digest) = (open.id.clone(), open.digest.clone());
        self.say(Command::Decide {
            checkpoint,
            digest,
            decision,
        })
        .await;
    }

    /// Waits for a checkpoint of this kind and approves it, its digest typed where it must be.
    pub(crate) async fn approve(&mut self, kind: &str) -> Checkpoint {
        let open = self.asked(kind).await;
        let typed = Some(open.digest.short().to_owned()).filter(|_| kind == "publish");
        self.answer(&open, Decision::Approve { typed }).await;
        open
    }

    pub(crate) async fn ended(&mut self) -> (RunId, Outcome) {
        self.until("the end", |fact| match fact {
            Fact::Run {
                run,
                event: Event::Ended(outcome),
            } => Some((run.clone(), outcome.clone())),
            Fact::Refused { what, why } => panic!("refused {what}: {why}"),
            _ => None,
        })
        .await
    }

    pub(crate) async fn refused(&mut self) -> String {
        self.until("a refusal", |fact| match fact {
            Fact::Refused { why, .. } => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// The events told of one run, in order.
    pub(crate) fn events(&self, of: &RunId) -> Vec<Event> {
        let of_run = |record: &Record| match &record.fact {
            Fact::Run { run, event } if run == of => Some(event.clone()),
            _ => None,
        };
        self.told.iter().filter_map(of_run).collect()
    }
}
