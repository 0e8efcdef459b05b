//! The built program in a real terminal: from the first key to a published branch, and back to the
//! shell whatever happens.
#![expect(clippy::print_stderr, reason = "it tells its figures")]

mod bells;
mod coming_back;
mod first_run;
pub(crate) mod pty;
mod ssh;
mod storm;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::host::{checkride, paths};
use crate::ordeal::times;
use crate::world::World;
use pty::{Terminal, cockpit};

/// A world whose host is ended with it.
pub(crate) struct Home(World);

impl Home {
    pub(crate) fn of(world: World) -> Self {
        Self(world)
    }
}

impl std::ops::Deref for Home {
    type Target = World;
    fn deref(&self) -> &World {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(checkride(&self.0, &["stop", "--host", "--force"]).output());
    }
}

/// A repository whose suite fails, with a loop that makes it green in two turns.
fn failing_suite() -> Home {
    let world = World::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/failing-suite");
    copy(&fixture, &world.project());
    world.commit("a suite that fails");
    Home(world)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// How the four step checkpoints are named in the bar.
const PROMPT: &str = "before the prompt is sent";
const WORK: &str = "after the work, before checks";
const VERDICT: &str = "after the verdict";
const PUBLISH: &str = "before anything goes live";

const ROOMY: (u16, u16) = (36, 120);
const ESC: &str = "\x1b";
const ENTER: &str = "\r";

/// The digest of the open question, as its bar shows it.
fn digest(screen: &vt100::Screen) -> Option<String> {
    let text = screen.contents();
    let (_, rest) = text.split_once("  digest ")?;
    rest.get(..8).map(str::to_owned)
}

/// Waits for a question of this kind and opens its pages, read from the top; its digest.
fn open(terminal: &mut Terminal, kind: &str) -> String {
    terminal.sees(&format!("needs you · {kind}"));
    let pages = format!("◆ checkpoint · {kind}");
    terminal.press("c", "its pages", |s| s.contents().contains(&pages));
    terminal.until("a digest", |s| digest(s).is_some());
    digest(terminal.screen()).unwrap()
}

/// Opens the question of this kind and answers it with this key, once: its digest.
fn answer(terminal: &mut Terminal, kind: &str, key: &str) -> String {
    let asked = open(terminal, kind);
    let gone = |s: &vt100::Screen| digest(s).is_none_or(|now| now != asked);
    terminal.press(key, "an answer", gone);
    asked
}

/// The prompt is edited and asked about again under a new digest; the suite stays red.
fn first_iteration(t: &mut Terminal) {
    let first = open(t, PROMPT);
    t.press("e", "the editor", |s| {
        s.contents().contains("the prompt of this iteration only")
    });
    t.keys("Mind the rounding.\r");
    t.keys(ESC);
    t.sees("Enter keep");
    t.keys(ENTER);
    t.until("another digest", |s| {
        digest(s).is_some_and(|now| now != first)
    });
    open(t, PROMPT);
    t.sees("Mind the rounding.");
    answer(t, PROMPT, "a");
    answer(t, WORK, "a");
    t.sees("✗ NOT APPROVED");
    answer(t, VERDICT, "a");
}

/// A note is written into the memory, the work sent back once; the suite is green.
fn second_iteration(world: &World, t: &mut Terminal) {
    // Pane 4, in place: a line of the operator's own goes with the next prompt.
    t.sees(&format!("needs you · {PROMPT}"));
    t.keys("4");
    t.sees("▸4 memory");
    t.press("m", "the memory editor", |s| {
        s.contents().contains("4 memory · memory/fix-suite.md")
    });
    t.keys("- whole numbers only\r");
    t.keys(ESC);
    t.sees("saved memory/fix-suite.md");
    assert!(
        world
            .read("memory/fix-suite.md")
            .starts_with("- whole numbers only\n")
    );
    answer(t, PROMPT, "r");
    open(t, PROMPT);
    t.sees("+ - whole numbers only");
    answer(t, PROMPT, "a");

    // The work is sent back with a note, done again, and approved.
    let draft = open(t, WORK);
    t.press("r", "a place for a note", |s| {
        s.contents().contains("note (may be empty)")
    });
    t.keys("keep it on one line\r");
    t.until("another question", |s| {
        digest(s).is_none_or(|now| now != draft)
    });
    open(t, PROMPT);
    t.press("G", "the end of the prompt", |s| {
        s.contents().contains("keep it on one line")
    });
    answer(t, PROMPT, "a");
    answer(t, WORK, "a");
    t.sees("✓ APPROVED");
    answer(t, VERDICT, "a");
}

/// The first publish wants the digest typed; a wrong one is no approval.
fn publish(world: &World, t: &mut Terminal) {
    let shown = open(t, PUBLISH);
    t.press("a", "the digest's field", |s| {
        s.contents().contains("to publish, type the digest")
    });
    t.keys("00000000\r");
    t.sees("these are not the 8 digits");
    assert_eq!(world.git(&["branch", "--list", "fix/suite"]), "");
    t.keys(&"\x7f".repeat(8));
    t.keys(&format!("{shown}\r"));
    t.sees("run 1 · published");
}

/// The story of a check ride: a suite that fails, two iterations in training, every step answered by
/// keys, a note edited in its pane, one branch; and the operator's tree as it was (R1, R4, R5, R9, R12,
/// R30, R42, R48, R57, P2).
#[test]
fn a_red_suite_becomes_a_branch_by_keys_alone() {
    let world = failing_suite();
    let before = world.fingerprint();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("s");
    first_iteration(&mut t);
    second_iteration(&world, &mut t);
    publish(&world, &mut t);

    // The next run carries what was learnt, and is aborted.
    t.keys("s");
    open(&mut t, PROMPT);
    t.press("G", "the end of the prompt", |s| {
        s.contents().contains("- whole numbers only")
    });
    answer(&mut t, PROMPT, "x");
    t.sees("run 2 · stopped");
    t.keys("q");
    assert!(t.ended().success());

    assert!(
        world
            .git(&["show", "fix/suite:src/calc.sh"])
            .contains("(2 * $2)")
    );
    let after = world.fingerprint();
    let differs: Vec<&str> = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .map(|(path, _)| path.as_str())
        .chain(
            before
                .keys()
                .filter(|path| !after.contains_key(*path))
                .map(String::as_str),
        )
        .collect();
    let branch = [
        ".git/logs/refs/heads/fix/suite",
        ".git/refs/heads/fix/suite",
    ];
    assert_eq!(differs, branch);
    assert_eq!(
        world.git(&["status", "--porcelain", "--", "src", "tests"]),
        ""
    );
}

/// A loop whose worker prints a number every few hundredths of a second until somebody stops it.
fn streaming() -> Home {
    let world = World::new();
    world.skill("stream");
    world.write("loops/stream.toml", STREAM);
    world.script("stream.sh", &streamer(&world));
    world.commit("a loop that streams");
    Home(world)
}

const STREAM: &str = r#"
version = 1
name = "stream"
skill = { path = "skills/stream" }
worker = { type = "command", command = ["sh", "stream.sh"] }

[goal]
statement = "There is a lot to read."
[[goal.verify.checks]]
name = "nothing"
command = ["true"]

[guardrails.budget]
tokens_per_run = 1_000_000_000
[guardrails.workspace]
sandbox = "off"
"#;

/// Prints numbered lines until the file `enough` stands beside the project.
fn streamer(world: &World) -> String {
    let enough = world.project().with_file_name("enough");
    format!(
        "cat >/dev/null\nn=0\nuntil [ -e {} ]; do
n=$((n+1)); echo \"line $n 日本語 🚲\"; [ $((n % 50)) = 0 ] && sleep 0.02\ndone\necho done >done.txt\n",
        enough.display()
    )
}

/// Starts the loop and approves its prompt: its worker is at work.
fn at_work(world: &World, size: (u16, u16)) -> Terminal {
    let mut t = Terminal::start(cockpit(world), size);
    t.sees("s starts one");
    t.keys("s");
    answer(&mut t, PROMPT, "a");
    t.sees("日本語");
    t
}

/// What a program must leave behind: the first screen, a cursor, no paste marks, the modes of before.
fn given_back(t: &Terminal, modes: &str) {
    let screen = t.screen();
    assert!(!screen.alternate_screen(), "{}", t.text());
    assert!(!screen.hide_cursor());
    assert!(!screen.bracketed_paste());
    assert_eq!(t.modes(), modes);
}

/// S27: quit and every signal to leave give the terminal back; a cut line ends the cockpit in order.
#[test]
fn the_terminal_comes_back_whatever_ends_the_cockpit() {
    let world = failing_suite();
    let start = |world: &World| Terminal::with_modes(cockpit(world), ROOMY);
    for end in ["q", "-TERM", "-HUP", "-INT", "-QUIT"] {
        let (mut t, modes) = start(&world);
        t.sees("s starts one");
        assert!(t.screen().alternate_screen() && t.screen().hide_cursor());
        assert_ne!(t.modes(), modes);
        if end == "q" {
            t.keys(end);
        } else {
            t.signal(end);
        }
        let status = t.ended();
        assert!(status.success(), "{end}: {status}");
        given_back(&t, &modes);
    }
    let (mut t, _) = start(&world);
    t.sees("s starts one");
    t.hang_up();
    assert!(t.ended().code().is_some(), "it was cut down");
}

/// S27: the shell gets its terminal while the cockpit is suspended, and the cockpit gets it back.
#[test]
fn a_shell_can_suspend_the_cockpit() {
    let world = failing_suite();
    let shell = pty::program(&world, Path::new("/bin/sh"))
        .env("PS1", "shell> ")
        .args(["-i"]);
    let mut t = Terminal::start(shell, ROOMY);
    t.sees("shell>");
    t.keys(concat!(env!("CARGO_BIN_EXE_checkride"), "\r"));
    t.sees("s starts one");
    t.keys("\x1a");
    t.until("the shell", |s| {
        !s.alternate_screen() && s.contents().ends_with("shell> ")
    });
    assert!(!t.screen().hide_cursor());
    // The shell's line works as ever: it echoes.
    t.keys("echo here-$((40+2))\r");
    t.sees("here-42");
    // Who is suspended is not told that the window has another size.
    t.resize((24, 80));
    t.keys("fg\r");
    t.sees("s starts one");
    t.until("the new size", |s| {
        let last = s.rows(0, 80).nth(23).unwrap_or_default();
        last.contains("? help")
    });
    t.resize(ROOMY);
    assert!(t.screen().alternate_screen() && t.screen().hide_cursor());
    t.keys("\x0c");
    t.keys("?");
    t.sees("Ctrl-z");
    t.keys("qq");
    t.until("the shell again", |s| {
        !s.alternate_screen() && s.contents().ends_with("shell> ")
    });
    t.keys("exit\r");
    t.ended();
}

/// S28: any size while a worker streams wide characters: no end, and the right screen after it.
#[test]
fn any_size_while_a_worker_streams() {
    let world = streaming();
    let mut t = at_work(&world, ROOMY);
    let sizes = [
        (1, 1),
        (200, 500),
        (2, 7),
        (5, 20),
        (24, 80),
        (1, 500),
        (200, 1),
        (36, 120),
        (3, 40),
        (60, 200),
    ];
    let resizes = times("CHECKRIDE_RESIZES", 200);
    for (round, (rows, cols)) in (0_u16..).zip(sizes.into_iter().cycle()).take(resizes) {
        t.resize((rows, (cols + round / 10) % 500 + 1));
        t.pause(Duration::from_millis(4));
    }
    t.resize(ROOMY);
    let took = t.time(|t| {
        t.until("the whole screen", |s| {
            let text = s.contents();
            text.contains("─▸1 loops ───")
                && text.contains("x stop run")
                && text.contains("日本語 🚲")
        });
    });
    eprintln!("the right screen {took:?} after the last of {resizes} sizes");
    t.resize((24, 80));
    t.until("the smaller screen", |s| {
        let rows: Vec<String> = s.rows(0, 80).collect();
        rows.first().is_some_and(|r| r.contains("checkride 1 loop"))
            && rows.last().is_some_and(|r| r.contains("x stop run"))
    });
    t.resize((5, 20));
    t.until("the smallest form", |s| s.contents().contains("stream"));
    t.resize((24, 80));
    t.press("x", "the end", |s| s.contents().contains("stopped"));
}

/// S7, S1: the line is cut, or the cockpit killed, while a worker streams: the run goes on, the next
/// cockpit shows it where it is, and no line of it is lost (R69).
#[test]
fn a_lost_cockpit_loses_nothing() {
    let world = streaming();
    let mut t = at_work(&world, ROOMY);
    for round in 0..times("CHECKRIDE_HANGUPS", 3) {
        if round % 3 == 1 {
            t.signal("-KILL");
        } else {
            t.hang_up();
        }
        t.ended();
        t = Terminal::start(cockpit(&world), ROOMY);
        t.sees("stream · run 1");
        t.sees("日本語");
        t.sees("x stop run");
    }
    world.write("../enough", "");
    let asked = open(&mut t, WORK);
    t.hang_up();
    t.ended();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    assert_eq!(open(&mut t, WORK), asked);
    let lines = said(&world);
    assert!(lines > 100, "{lines}");
}

/// How many numbered lines the streaming worker has said; each of them is there, in its place. The last one may
/// just be written, in the middle of a character too.
fn said(world: &World) -> usize {
    let transcript = ".checkride/runs/stream/1/transcript.jsonl";
    let transcript = fs::read(world.project().join(transcript)).unwrap_or_default();
    let transcript = String::from_utf8_lossy(&transcript);
    let whole = transcript.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let said = whole
        .lines()
        .filter(|line| line.contains("日本語") && !line.contains("\"claim\""));
    let mut lines = 0;
    for line in said {
        lines += 1;
        assert!(line.contains(&format!("line {lines} 日本語")), "{line}");
    }
    lines
}

/// Whether anything was decided so far.
fn decided(world: &World, name: &str) -> bool {
    decisions(world, name) > 0
}

/// How often anything was decided so far.
fn decisions(world: &World, name: &str) -> usize {
    let log = checkride(world, &["log", name]).output().unwrap();
    assert!(log.status.success(), "{log:?}");
    // A second undo gives back what the first one took: nothing is decided anew.
    let told = String::from_utf8(log.stdout).unwrap();
    let own = |line: &&str| line.contains("decided") && !line.contains(" by undo,");
    told.lines().filter(own).count()
}

/// S9: keys that were typed before the question was painted, a held key and a paste approve nothing.
#[test]
fn only_a_seen_question_can_be_approved() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.keys("aaaa");
    t.sees("s starts one");
    t.keys("saaaaaaaa");
    let pages = format!("◆ checkpoint · {PROMPT}");
    t.press("c", "its pages", |s| s.contents().contains(&pages));
    // A held key repeats faster than the quiet that an answer needs, but where this machine stops the test. The
    // first key means nothing anywhere: it ends the quiet in which the pages came.
    t.keys("_");
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        t.keys("a");
        longest = longest.max(t.time(|t| t.pause(Duration::from_millis(20))));
    }
    if longest > Duration::from_millis(150) {
        return crate::sandbox::skipped("a held key", &format!("it was let go for {longest:?}"));
    }
    t.keys("\x1b[200~aaaa\r\raaaa\x1b[201~");
    t.keys("?");
    t.sees("Ctrl-z");
    assert!(!decided(&world, "fix-suite"), "{}", t.text());
    t.keys("?");
    answer(&mut t, PROMPT, "a");
    t.sees(&format!("needs you · {WORK}"));
    assert!(decided(&world, "fix-suite"));
}

/// S28: even 20 × 5 shows what is asked, its digest and the answers; the answer counts.
#[test]
fn a_tiny_terminal_still_answers() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("s");
    let asked = open(&mut t, PROMPT);
    t.resize((5, 20));
    t.sees(&format!("◆ a e r x {asked}"));
    t.press("a", "the next question", |s| {
        s.contents().contains("after work")
    });
    t.resize(ROOMY);
    t.sees(&format!("needs you · {WORK}"));
}

/// A host that dies under an open cockpit is replaced, and what was being typed is saved (S1).
#[test]
fn a_cockpit_outlives_its_host() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("4");
    t.sees("▸4 memory");
    t.press("m", "the memory editor", |s| {
        s.contents().contains("4 memory · memory/fix-suite.md")
    });
    t.keys("precious note");
    t.sees("precious note");
    let lock = fs::read_to_string(paths(&world).lock()).unwrap();
    let holder: serde_json::Value = serde_json::from_str(&lock).unwrap();
    let host = holder["pid"].to_string();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &host])
        .status();
    assert!(killed.unwrap().success(), "{lock}");
    t.keys(ESC);
    t.sees("saved memory/fix-suite.md");
    assert!(world.read("memory/fix-suite.md").contains("precious note"));
    t.keys("s");
    t.sees("needs you");
}

/// Under an open cockpit the host is told to end: nothing is asked any more, an answer is refused in words, and
/// when a person starts another one the same question is answered there.
#[test]
fn a_cockpit_waits_for_the_next_host() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("s");
    let asked = open(&mut t, PROMPT);
    let ended = checkride(&world, &["stop", "--host"]).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    t.sees("no host runs: all here is as it was");
    t.press("a", "why nothing is answered", |s| {
        s.contents().contains("in another terminal starts one")
    });
    let back = checkride(&world, &["tick"]).output().unwrap();
    assert!(back.status.success(), "{back:?}");
    t.sees("1 needs you");
    assert_eq!(open(&mut t, PROMPT), asked);
    answer(&mut t, PROMPT, "a");
    t.sees(&format!("needs you · {WORK}"));
}
