//! Secrets: a worker, a check, a judge and a publish command that print their key in every way they can, before a
//! real host. Whatever is kept afterwards, printed or sent on is searched for it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command as Process};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use checkride::host::attach::connect;
use checkride::run::Decision;

use crate::host::{checkride, paths, states, until};
use crate::notices::Receiver;
use crate::world::{Operator, World};

/// A key with the letters that encodings change.
const KEY: &str = "sk-Zq7+Wm2/Ld9=Rt4\"Kv6Hs1Xn8Bc3Jf5Pg0Ty'Ue2Oa7Ei";

/// What the host has and no loop names.
const OTHER: &str = "another-secret-that-no-loop-has-named-0123456789";

/// Letters in a row that count as found. Sixteen of the key itself are hidden, which are so many in hex.
const FOUND: usize = 34;

/// Letters of a piece that has a line of its own.
const PIECE: usize = 24;

/// Prints the key in each way, behind a word that is kept; `$1` says who prints.
const LEAK: &str = r#"
k=$CANARY_TOKEN
echo "$1-plain: $k"
printf '%s-halves: %.20s' "$1" "$k"; sleep 0.05; printf '%s\n' "${k#????????????????????}"
printf '%s' "$k" | fold -w 24 | sed "s/^/$1-pieces: /"; echo
for before in '' a ab; do printf '%s-base64: ' "$1"; printf '%s%s' "$before" "$k" | base64 -w 0; echo; done
printf '%s-hex: ' "$1"; printf '%s' "$k" | od -An -v -tx1 | tr -d ' \n'; echo
printf '%s-spaced: ' "$1"; printf '%s' "$k" | od -An -v -tx1 | tr -d '\n'; echo
printf '%s-url: ' "$1"; printf '%s' "$k" | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g; s/"/%22/g'; echo
printf '%s-json: ' "$1"; printf '%s' "$k" | sed 's/"/\\"/g; s,/,\\/,g'; echo
printf '%s-cut: %s\n' "$1" "${k#???????}"
printf '%s-end: %.40s\n' "$1" "$k"
"#;

const LOOP: &str = r#"version = 1
name = "leak"
skill = { path = "skills/leak" }
worker = { type = "command", command = ["sh", "work.sh"] }
publish = { to = "command", command = ["sh", "-c", "sh leak.sh publish >&2; exit 4"] }
guardrails = { max_iterations = 1, workspace = { env = ["PATH", "CANARY_TOKEN"] } }
[goal]
statement = "it leaks"
[[goal.verify.checks]]
name = "leaks"
command = ["sh", "leak.sh", "check"]
[goal.verify.judge]
type = "command"
command = ["sh", "judge.sh"]
rubric = ["It leaks."]
"#;

/// Works once: it prints all, writes its key to a file and to the name of another, and notes it.
const WORK: &str = r#"cat > /dev/null
sh leak.sh said
sh leak.sh stderr >&2
env | cut -d= -f1 | sort > names.txt
echo "$CANARY_TOKEN" > kept.txt
echo x > "named-$(printf '%s' "$CANARY_TOKEN" | tr -d '/\"').txt"
echo "NOTE: note $CANARY_TOKEN"
echo "claim $CANARY_TOKEN"
"#;

/// Says it in its answer; the escaped form is that of JSON.
const JUDGE: &str = r#"cat > /dev/null
k=$(printf '%s' "$CANARY_TOKEN" | sed 's/"/\\"/g')
echo "{\"lines\":[{\"n\":1,\"pass\":true,\"evidence\":\"judge $k\"}],\"note\":\"note $k\"}"
"#;

/// A worker that fails, with its key as the cause.
const FAILS: &str = "cat > /dev/null\nsh leak.sh error >&2\nexit 3\n";

fn world(webhook: &str) -> World {
    let world = World::new();
    for name in ["leak", "fail"] {
        world.skill(name);
    }
    world.write("loops/leak.toml", LOOP);
    let fails = LOOP.replace("\"leak\"", "\"fail\"");
    let fails = fails.replace("skills/leak", "skills/fail");
    world.write("loops/fail.toml", &fails.replace("work.sh", "fails.sh"));
    for (path, text) in [
        ("work.sh", WORK),
        ("leak.sh", LEAK),
        ("judge.sh", JUDGE),
        ("fails.sh", FAILS),
    ] {
        world.write(path, text);
    }
    world.commit("loops");
    let config = format!("[notify]\nwebhook = \"{webhook}\"\nsecret_env = \"HOOK_SECRET\"\n");
    fs::create_dir_all(states(&world)).unwrap();
    fs::write(states(&world).join("config.toml"), config).unwrap();
    world
}

/// A host that is ended with its test.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn host(world: &World) -> Host {
    let log = fs::File::create(world.project().with_file_name("host.log")).unwrap();
    let host = checkride(world, &["host"])
        .env("CANARY_TOKEN", KEY)
        .env("UNNAMED_TOKEN", OTHER)
        .env("HOOK_SECRET", "a secret of twenty letters")
        .env("RUST_BACKTRACE", "full")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let host = Host(host);
    until("the host answers", || {
        let status = checkride(world, &["status"]).output().unwrap();
        status.status.success()
    });
    host
}

/// All pieces of all that the script prints.
struct Needles(HashSet<Vec<u8>>);

impl Needles {
    fn new(world: &World) -> Self {
        let printed = Process::new("sh")
            .args(["leak.sh", "x"])
            .current_dir(world.project())
            .env("CANARY_TOKEN", KEY)
            .output()
            .unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let mut all = HashSet::new();
        for line in printed.lines() {
            let (_, form) = line.split_once(": ").unwrap_or(("", line));
            let form = form.trim().as_bytes();
            // Of the pieces that a line each holds, a whole one.
            let length = if form.len() < FOUND { PIECE } else { FOUND };
            all.extend(form.windows(length).map(<[u8]>::to_vec));
        }
        all.extend(OTHER.as_bytes().windows(PIECE).map(<[u8]>::to_vec));
        assert!(all.len() > 300, "{}", all.len());
        Self(all)
    }

    fn find(&self, bytes: &[u8]) -> Option<String> {
        let found = [PIECE, FOUND].into_iter().find_map(|length| {
            let mut windows = bytes.windows(length);
            windows.find(|window| self.0.contains(*window))
        });
        found.map(|found| String::from_utf8_lossy(found).into_owned())
    }

    fn none(&self, place: &str, bytes: &[u8]) {
        if let Some(found) = self.find(bytes) {
            panic!("{place} holds {found}");
        }
    }

    /// Searches every file below, but for what keeps its bytes by promise.
    fn none_below(&self, folder: &Path, kept: &[&str], files: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_symlink() || kept.contains(&name.as_str()) {
                continue;
            }
            let shown = path.display().to_string();
            self.none(&format!("the name of {shown}"), name.as_bytes());
            if path.is_dir() {
                self.none_below(&path, kept, files);
            } else if path.is_file() {
                self.none(&shown, &fs::read(&path).unwrap());
                files.push(shown);
            }
        }
    }
}

/// Looks at the arguments of every process of this machine until its owner hangs up; the piece it found.
fn watch(needles: Arc<Needles>, owner: mpsc::Receiver<()>) -> thread::JoinHandle<Option<String>> {
    thread::spawn(move || {
        let pause = Duration::from_millis(20);
        while owner.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if let Some(found) = needles.find(&arguments) {
                    return Some(found);
                }
            }
        }
        None
    })
}

/// Flies both loops to their ends, and shows each question on the command line.
async fn fly(world: &World, shown: &mut Vec<u8>) {
    let mut operator = Operator::on(connect(&paths(world)).await.unwrap()).await;
    operator.start("leak").await;
    for kind in ["prompt", "work", "verdict", "publish"] {
        let open = operator.asked(kind).await;
        shown.extend(told(world, &["show", "leak"]));
        let typed = Some(open.digest.short().to_owned()).filter(|_| kind == "publish");
        operator.answer(&open, Decision::Approve { typed }).await;
    }
    for name in ["leak", "fail"] {
        let open = operator.asked("error").await;
        shown.extend(told(world, &["show", name]));
        operator.answer(&open, Decision::Abort).await;
        operator.ended().await;
        if name == "leak" {
            operator.start("fail").await;
            operator.approve("prompt").await;
        }
    }
}

/// What the program prints, on both ways.
fn told(world: &World, words: &[&str]) -> Vec<u8> {
    let ran = checkride(world, words).output().unwrap();
    let shown = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.stdout.is_empty(), "{words:?}: {shown}");
    [ran.stdout, ran.stderr].concat()
}

/// S22: a key that a loop lets through, plain, over two reads, in pieces, in base64, hex, an address, JSON, and
/// without its first letters, printed by worker, check, judge and publish command and as the cause of a
/// failure: it is in no journal, transcript, readable file, memory, log, notice, command line or export.
/// What no loop names reaches nobody.
#[tokio::test]
async fn a_printed_key_is_nowhere() {
    let receiver = Receiver::answering(&[Some(200)]).await;
    let world = world(&receiver.url);
    let needles = Arc::new(Needles::new(&world));
    let (over, owner) = mpsc::channel();
    let watching = watch(needles.clone(), owner);
    let host = host(&world);
    let mut printed = Vec::new();
    fly(&world, &mut printed).await;
    for words in [
        &["log", "leak"][..],
        &["log", "leak", "--json"],
        &["log", "fail", "--json"],
        &["status"],
        &["status", "--json"],
    ] {
        printed.extend(told(&world, words));
    }
    needles.none("the command line", &printed);
    let posts = receiver.has(6).await;
    for post in posts {
        needles.none(
            "a webhook",
            format!("{}{}", post.head, post.body).as_bytes(),
        );
    }
    drop(host);
    drop(over);
    assert_eq!(
        watching.join().unwrap(),
        None,
        "in the arguments of a process"
    );

    // The tree and what is made of it keep their bytes; a loop's rooms are its programs' own.
    let mut files = Vec::new();
    needles.none_below(&states(&world), &["workspaces"], &mut files);
    needles.none_below(&world.project(), &[".git", "drafts"], &mut files);
    let log = world.project().with_file_name("host.log");
    needles.none("the host's log", &fs::read(log).unwrap());
    for kept in [
        "journal.db",
        "transcript.jsonl",
        "memory/leak.md",
        "checks.json",
        "verdict.json",
        "diff.patch",
    ] {
        assert!(
            files.iter().any(|file| file.ends_with(kept)),
            "{kept}: {files:#?}"
        );
    }
    everything_was_said(&world);
}

/// A private key that a worker prints line by line is in no transcript, whoever it belongs to; what stands around it is.
#[tokio::test]
async fn a_private_key_is_hidden_line_by_line() {
    let world = World::new();
    world.skill("leak");
    let line = "aB3dE5gH7jK9mNpQrS2tUvWxYz".repeat(3);
    let begin = concat!("-----BEGIN ", "PRIVATE KEY-----");
    let end = concat!("-----END ", "PRIVATE KEY-----");
    world.write(
        "key.txt",
        &format!("{begin}\n{line}\n{line}\naB3d==\n{end}\nwhat follows\n"),
    );
    world.write(
        "loops/leak.toml",
        "version = 1\nname = \"leak\"\nskill = { path = \"skills/leak\" }\n\
         worker = { type = \"command\", command = [\"cat\", \"key.txt\"] }\n[goal]\n\
         statement = \"it leaks\"\n[[goal.verify.checks]]\nname = \"leaks\"\ncommand = [\"true\"]\n",
    );
    world.commit("a key");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("leak").await;
    operator.approve("prompt").await;
    operator.asked("work").await;
    let told = world.read(".checkride/runs/leak/1/transcript.jsonl");
    assert!(
        told.contains("what follows") && told.contains("BEGIN"),
        "{told}"
    );
    assert!(!told.contains("aB3d"), "{told}");
    assert_eq!(told.matches("⟪private key⟫").count(), 3, "{told}");
}

/// What was printed is kept, with a mark in the place of the key: else nothing would have been shown.
fn everything_was_said(world: &World) {
    let runs = world.project().join(".checkride/runs");
    let leak = fs::read_to_string(runs.join("leak/1/transcript.jsonl")).unwrap();
    for who in ["said", "stderr"] {
        for form in [
            "plain", "halves", "pieces", "base64", "hex", "spaced", "url", "json", "cut", "end",
        ] {
            let label = format!("{who}-{form}: ");
            let mut lines = leak.lines().filter(|line| line.contains(&label));
            assert!(
                lines.any(|line| line.contains("⟪CANARY_TOKEN⟫")),
                "{label}: {leak}"
            );
        }
    }
    let iteration = runs.join("leak/1/1");
    let read = |name: &str| fs::read_to_string(iteration.join(name)).unwrap();
    assert!(
        read("checks.json").contains("⟪CANARY_TOKEN⟫"),
        "{}",
        read("checks.json")
    );
    let verdict = read("verdict.json");
    assert!(verdict.contains("judge ⟪CANARY_TOKEN⟫"), "{verdict}");
    let memory = fs::read_to_string(world.project().join("memory/leak.md")).unwrap();
    assert!(memory.contains("note ⟪CANARY_TOKEN⟫"), "{memory}");
    let diff = read("diff.patch");
    let mut files = diff.lines().filter(|line| line.contains("named-"));
    assert!(files.all(|line| line.contains("⟪CANARY_TOKEN⟫")), "{diff}");
    assert!(diff.contains("+⟪CANARY_TOKEN⟫"), "{diff}");
    let added = diff.lines().filter_map(|line| line.strip_prefix('+'));
    let tokens: Vec<&str> = added.filter(|line| line.ends_with("_TOKEN")).collect();
    assert_eq!(tokens, ["CANARY_TOKEN"], "{diff}");
    let failed = fs::read_to_string(runs.join("fail/1/transcript.jsonl")).unwrap();
    assert!(failed.contains("error-plain: ⟪CANARY_TOKEN⟫"), "{failed}");
}
