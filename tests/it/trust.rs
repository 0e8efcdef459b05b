//! Folders that came from elsewhere: nothing of them runs, connects or writes before their operator
//! has allowed exactly that. The repositories are data, in tests/hostile.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use checkride::protocol::{Command, Fact, LoopState, Review};
use checkride::run::Outcome;
use checkride::supervisor::sandbox::probe::Powers;
use checkride::supervisor::{Settings, Supervisor};
use serde::Deserialize;

use crate::host::{said, states, stranger};
use crate::world::{Operator, World};

/// The loop that every hostile repository has.
const LOOP: &str = "evil";

/// One hostile repository.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Hostile {
    /// Whether its loop file cannot be used at all.
    invalid: bool,
    /// What the refusal after a change names.
    says: Option<String>,
    /// A file that the review must list.
    shown: Option<String>,
    git_files: BTreeMap<String, String>,
    /// Files beside the repository, which are the operator's own.
    outside: BTreeMap<String, String>,
    #[serde(flatten)]
    first: State,
    /// What becomes of it after it was allowed.
    after: Option<State>,
}

/// What is put into the repository.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct State {
    /// Files that are taken away.
    without: Vec<String>,
    programs: Vec<String>,
    git_config: String,
    links: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

/// A hostile repository on disk, and what would tell that something of it happened.
struct Trap {
    world: World,
    socket: TcpListener,
}

impl Trap {
    fn of(hostile: &Hostile) -> Self {
        let trap = Self {
            world: World::new(),
            socket: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
        };
        trap.socket.set_nonblocking(true).unwrap();
        fs::create_dir(trap.canaries()).unwrap();
        for (path, text) in &hostile.outside {
            let path = trap.beside("outside").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, trap.filled(text)).unwrap();
        }
        trap.world.skill(LOOP);
        let check = State {
            programs: vec!["scripts/check".to_owned()],
            files: BTreeMap::from([
                (
                    "scripts/check".to_owned(),
                    "#!/bin/sh\ntouch @CANARY@/check\n".to_owned(),
                ),
                (format!("loops/{LOOP}.toml"), base()),
            ]),
            ..State::default()
        };
        trap.put(&check);
        trap.world.commit("theirs");
        trap.put(&hostile.first);
        for (path, text) in &hostile.git_files {
            trap.world
                .script(&format!(".git/{path}"), &trap.filled(text));
        }
        trap
    }

    fn put(&self, state: &State) {
        for path in &state.without {
            fs::remove_file(self.world.project().join(path)).unwrap();
        }
        for (path, text) in &state.files {
            self.world.write(path, &self.filled(text));
        }
        for (path, to) in &state.links {
            let path = self.world.project().join(path);
            if fs::remove_file(&path).is_err() {
                // A folder that is linked away has nothing of its own.
                drop(fs::remove_dir(&path));
            }
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(to, path).unwrap();
        }
        for path in &state.programs {
            let path = self.world.project().join(path);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let config = self.world.project().join(".git/config");
        let before = fs::read_to_string(&config).unwrap();
        fs::write(config, before + &self.filled(&state.git_config)).unwrap();
    }

    /// Canaries stand outside of all that a run may write.
    fn canaries(&self) -> PathBuf {
        self.beside("canaries")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.world.project().parent().unwrap().join(name)
    }

    fn filled(&self, text: &str) -> String {
        let port = self.socket.local_addr().unwrap().port().to_string();
        text.replace("@CANARY@", &self.canaries().display().to_string())
            .replace("@PORT@", &port)
    }

    fn settings(&self) -> Settings {
        Settings {
            owned: false,
            // What is not held back by trust is held back by nothing.
            powers: Powers::none("for a test").into(),
            ..self.world.settings()
        }
    }

    /// What has happened that must not: canaries that are there, connections that were made.
    fn sprung(&self) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(self.canaries())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().display().to_string())
            .collect();
        all.extend(self.socket.accept().ok().map(|(_, from)| from.to_string()));
        all
    }
}

fn base() -> String {
    "version = 1\nname = \"evil\"\n[skill]\npath = \"skills/evil\"\n[worker]\ntype = \"command\"\n\
     command = [\"sh\", \"-c\", \"cat > /dev/null; touch @CANARY@/worker\"]\n[goal]\n\
     statement = \"All is well.\"\n[[goal.verify.checks]]\nname = \"tests\"\n\
     command = [\"scripts/check\"]\n"
        .to_owned()
}

/// Every hostile repository, by its name.
fn repositories() -> Vec<(String, Hostile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            (name, toml::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|a: &(String, Hostile), b| a.0.cmp(&b.0));
    all
}

/// One part of the repositories of a kind, so that each test is short.
fn part(of: usize, changed: bool) -> Vec<(String, Hostile)> {
    let kind = repositories()
        .into_iter()
        .filter(|(_, hostile)| hostile.after.is_some() == changed);
    kind.enumerate()
        .filter(|(at, _)| at % 4 == of)
        .map(|(_, one)| one)
        .collect()
}

/// Everything that a cockpit does to a loop which may not run; the refusal's words come back.
async fn poke(name: &str, supervisor: &Supervisor) -> (String, Review) {
    let mut operator = Operator::at(supervisor).await;
    let told = operator.told.iter().find_map(|record| match &record.fact {
        Fact::Loops(rows) => rows.iter().find(|row| row.name == LOOP).cloned(),
        _ => None,
    });
    let facts = match told.unwrap().state {
        LoopState::Valid(facts) => facts,
        LoopState::Unexamined => panic!("{name}: nobody has looked at it"),
        LoopState::Gone => panic!("{name}: its file is gone"),
        LoopState::Invalid { line, why } => panic!("{name}: line {line}: {why}"),
    };
    let distrust = facts
        .distrust
        .unwrap_or_else(|| panic!("{name}: is trusted"));
    operator.start(LOOP).await;
    let why = operator.refused().await;
    assert!(
        why.contains("not trusted") && why.contains(&distrust),
        "{name}: {why}"
    );
    let command = Command::Review {
        name: LOOP.to_owned(),
    };
    operator.say(command).await;
    let review = operator
        .until("the review", |fact| match fact {
            Fact::Review(review) => Some((**review).clone()),
            _ => None,
        })
        .await;
    assert!(!review.allowed, "{name}");
    (why, review)
}

/// The words of the command line, on a folder that nobody has allowed anything.
fn speak(name: &str, trap: &Trap) {
    for words in [&["check"][..], &["doctor"], &["status"]] {
        let output = stranger(&trap.world, words).output().unwrap();
        let code = output.status.code().unwrap();
        assert!(
            [0, 2, 15, 22].contains(&code),
            "{name}: {words:?} {code} {}",
            said(&output)
        );
    }
}

async fn never_allowed(of: usize) {
    for (name, hostile) in part(of, false) {
        let trap = Trap::of(&hostile);
        let before = trap.world.fingerprint();
        speak(&name, &trap);
        let supervisor = Supervisor::start(trap.settings()).unwrap();
        if hostile.invalid {
            let mut operator = Operator::at(&supervisor).await;
            operator.start(LOOP).await;
            operator.refused().await;
        } else {
            let (_, review) = poke(&name, &supervisor).await;
            if let Some(shown) = &hostile.shown {
                let listed = review.files.iter().any(|file| file.path == *shown);
                assert!(listed, "{name}: {:#?}", review.files);
            }
        }
        supervisor.end();
        assert_eq!(trap.sprung(), Vec::<String>::new(), "{name}");
        assert_eq!(
            trap.world.fingerprint(),
            before,
            "{name}: the folder has changed"
        );
    }
}

async fn changed_after(of: usize) {
    for (name, hostile) in part(of, true) {
        let trap = Trap::of(&hostile);
        let supervisor = Supervisor::start(trap.settings()).unwrap();
        let (_, review) = poke(&name, &supervisor).await;
        let mut operator = Operator::at(&supervisor).await;
        let digest = review.digest.clone();
        let allow = Command::Trust {
            name: LOOP.to_owned(),
            digest,
        };
        operator.say(allow).await;
        let done = |fact: &Fact| matches!(fact, Fact::Done { .. }).then_some(());
        operator.until("allowed", done).await;
        trap.put(hostile.after.as_ref().unwrap());
        let before = trap.world.fingerprint();
        speak(&name, &trap);
        supervisor.end();
        let supervisor = Supervisor::start(trap.settings()).unwrap();
        let (why, review) = poke(&name, &supervisor).await;
        supervisor.end();
        let says = hostile.says.unwrap();
        assert!(why.contains(&says), "{name}: {why}");
        let told = review.diff.iter().any(|(_, line)| *line == says);
        assert!(told, "{name}: {:#?}", review.diff);
        assert_eq!(trap.sprung(), Vec::<String>::new(), "{name}");
        assert_eq!(
            trap.world.fingerprint(),
            before,
            "{name}: the folder has changed"
        );
    }
}

/// S18: there are enough of them, of both kinds.
#[test]
fn there_are_forty_and_more() {
    let all = repositories();
    let changed = all.iter().filter(|(_, h)| h.after.is_some()).count();
    assert!(
        changed >= 25 && all.len() - changed >= 40,
        "{changed} of {}",
        all.len()
    );
}

/// S18: a folder that came from elsewhere does nothing, first quarter.
#[tokio::test]
async fn nothing_is_obeyed_before_it_is_allowed_1() {
    never_allowed(0).await;
}

/// S18: the second quarter.
#[tokio::test]
async fn nothing_is_obeyed_before_it_is_allowed_2() {
    never_allowed(1).await;
}

/// S18: the third quarter.
#[tokio::test]
async fn nothing_is_obeyed_before_it_is_allowed_3() {
    never_allowed(2).await;
}

/// S18: the last quarter.
#[tokio::test]
async fn nothing_is_obeyed_before_it_is_allowed_4() {
    never_allowed(3).await;
}

/// S18: any change of what is executed asks again and is shown, first quarter.
#[tokio::test]
async fn what_changed_is_asked_about_again_1() {
    changed_after(0).await;
}

/// S18: the second quarter.
#[tokio::test]
async fn what_changed_is_asked_about_again_2() {
    changed_after(1).await;
}

/// S18: the third quarter.
#[tokio::test]
async fn what_changed_is_asked_about_again_3() {
    changed_after(2).await;
}

/// S18: the last quarter.
#[tokio::test]
async fn what_changed_is_asked_about_again_4() {
    changed_after(3).await;
}

/// The canaries can sing: a setup command runs once its loop is allowed, and only then.
#[tokio::test]
async fn what_is_allowed_runs() {
    let setup = repositories().into_iter().find(|(name, _)| name == "setup");
    let trap = Trap::of(&setup.unwrap().1);
    let supervisor = Supervisor::start(trap.settings()).unwrap();
    let (_, review) = poke("setup", &supervisor).await;
    let mut operator = Operator::at(&supervisor).await;
    let digest = review.digest;
    let name = LOOP.to_owned();
    operator.say(Command::Trust { name, digest }).await;
    let done = |fact: &Fact| matches!(fact, Fact::Done { .. }).then_some(());
    operator.until("allowed", done).await;
    operator.start(LOOP).await;
    operator.asked("prompt").await;
    assert_eq!(trap.sprung(), ["setup"]);
}

/// What was allowed is what runs: a commit that holds a script otherwise than its folder does not.
#[tokio::test]
async fn a_commit_that_differs_from_its_folder_does_not_run() {
    let trap = Trap::of(&Hostile::default());
    let hidden = State {
        files: BTreeMap::from([(
            "scripts/lib.sh".to_owned(),
            "touch @CANARY@/lib\n".to_owned(),
        )]),
        ..State::default()
    };
    trap.put(&hidden);
    trap.world.commit("hidden");
    trap.world.write("scripts/lib.sh", ":\n");
    trap.world.allow(&states(&trap.world));
    let output = stranger(&trap.world, &["run", LOOP]).output().unwrap();
    assert_eq!(output.status.code(), Some(15), "{}", said(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("scripts/lib.sh is not what was allowed"),
        "{printed}"
    );
    assert_eq!(trap.sprung(), Vec::<String>::new());
}

/// A commit that holds a script as it was allowed earlier does not run: what was mended is what runs.
#[tokio::test]
async fn an_earlier_script_does_not_run() {
    let trap = Trap::of(&Hostile::default());
    let put = |text: &str| trap.world.write("scripts/lib.sh", text);
    put("echo old\n");
    trap.world.commit("old");
    trap.world.allow(&states(&trap.world));
    put("echo new\n");
    trap.world.allow(&states(&trap.world));
    let output = stranger(&trap.world, &["run", LOOP]).output().unwrap();
    assert_eq!(output.status.code(), Some(15), "{}", said(&output));
}

/// The command line asks for the digest: none, a wrong one and an old one allow nothing.
#[test]
fn the_command_line_allows_by_digest() {
    let trap = Trap::of(&Hostile::default());
    let run = |words: &[&str]| {
        let output = stranger(&trap.world, words).output().unwrap();
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        (output.status.code().unwrap(), printed, said(&output))
    };
    let (code, _, why) = run(&["run", LOOP]);
    assert_eq!(code, 23, "{why}");
    assert!(why.contains("never allowed here"), "{why}");
    for words in [["fire", LOOP, ""], ["prompt", "--text", "Count."]] {
        let words = words.into_iter().filter(|word| !word.is_empty());
        let (code, _, why) = run(&words.collect::<Vec<_>>());
        assert_eq!(code, 23, "{why}");
    }
    let (code, printed, why) = run(&["trust"]);
    assert_eq!(code, 23, "{why}");
    for line in [
        "scripts/check",
        "sh -c 'cat > /dev/null; touch",
        "never allowed here",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let digest = printed.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(run(&["trust", "--yes", "0123456789abcdef"]).0, 20);
    assert_eq!(run(&["trust", "--yes", &digest[..8]]).0, 2);
    trap.world
        .write("scripts/check", "#!/bin/sh\ntouch other\n");
    assert_eq!(run(&["trust", "--yes", &digest]).0, 20);
    let (_, printed, _) = run(&["trust", LOOP]);
    let digest = printed.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(run(&["trust", LOOP, "--yes", &digest[..16]]).0, 0);
    let (code, _, why) = run(&["run", LOOP]);
    assert_eq!(code, 10, "{why}");
    assert_eq!(run(&["trust"]).0, 0);
    assert_eq!(run(&["trust", "nothing"]).0, 21);
}

/// Each loop that may not run is named with its own command, and a file that cannot be read is not
/// said to run.
#[test]
fn every_loop_that_may_not_run_is_named() {
    let trap = Trap::of(&Hostile::default());
    let own = trap.world.read(&format!("loops/{LOOP}.toml"));
    let other = own.replace(&format!("name = \"{LOOP}\""), "name = \"other\"");
    trap.world.write("loops/other.toml", &other);
    trap.world.write("loops/odd.toml", "version = 1\n");
    let why = said(&stranger(&trap.world, &["trust"]).output().unwrap());
    for name in [LOOP, "other"] {
        assert!(
            why.contains(&format!("checkride trust {name} --yes ")),
            "{why}"
        );
    }
    trap.world.allow(&states(&trap.world));
    let output = stranger(&trap.world, &["trust"]).output().unwrap();
    let why = said(&output);
    let printed = String::from_utf8(output.stdout).unwrap() + &why;
    assert!(
        printed.contains("invalid, see `checkride check`: odd"),
        "{printed}"
    );
}

/// A starter runs by the act of installing it; what else the folder holds for it is asked about.
#[test]
fn a_starter_is_allowed_by_installing_it() {
    for (file, code) in [(None, 0), (Some("AGENTS.md"), 23)] {
        let world = World::new();
        if let Some(file) = file {
            world.write(file, "Obey.\n");
        }
        let output = stranger(&world, &["init", "research-and-draft"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let output = stranger(&world, &["trust", "research-and-draft"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    }
}

/// A whole run by an operator who wrote their loop elsewhere: one allowance, then as ever.
#[tokio::test]
async fn one_allowance_is_enough() {
    let trap = Trap::of(&Hostile::default());
    let supervisor = Supervisor::start(trap.settings()).unwrap();
    let (_, review) = poke("plain", &supervisor).await;
    let mut operator = Operator::at(&supervisor).await;
    let (name, digest) = (LOOP.to_owned(), review.digest);
    operator.say(Command::Trust { name, digest }).await;
    for _ in 0..2 {
        operator.start(LOOP).await;
        operator.asked("prompt").await;
        let run = operator.told.iter().rev().find_map(|r| match &r.fact {
            Fact::Run { run, .. } => Some(run.clone()),
            _ => None,
        });
        operator.say(Command::Stop { run: run.unwrap() }).await;
        let (_, outcome) = operator.ended().await;
        assert_eq!(outcome, Outcome::Stopped);
    }
}
