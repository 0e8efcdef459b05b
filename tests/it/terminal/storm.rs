//! The built program in a terminal that goes wrong: cut lines, keys without sense, bytes that come
//! with a signal, a panic. More of each where a variable asks for it.
#![expect(clippy::print_stderr, reason = "it tells its figures")]

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use checkride::config::Paths;
use checkride::config::paths::Environment;
use checkride::host::attach::connect;
use checkride::tui::app::Manner;
use checkride::tui::{self, Options, Signals};
use tokio::signal::unix::{SignalKind, signal};

use super::pty::{Terminal, cockpit, program};
use super::{
    Home, PROMPT, PUBLISH, ROOMY, VERDICT, WORK, answer, at_work, decisions, failing_suite,
    given_back, open, said, streaming,
};
use crate::host::until;
use crate::ordeal::{Dice, times};
use crate::world::World;

/// S7: the terminal goes at any moment, while a worker streams and at its question: the cockpit leaves
/// with it, the run goes on, and the next one shows the same question and every line.
/// `CHECKRIDE_HANGUPS` says how often.
#[test]
fn hang_ups_at_any_moment_lose_nothing() {
    let world = streaming();
    let mut t = at_work(&world, ROOMY);
    let (mut dice, mut asked) = (Dice(11), None);
    let (mut left, mut back) = (Duration::ZERO, Duration::ZERO);
    let count = times("CHECKRIDE_HANGUPS", 8);
    for round in 0..count {
        if round == count / 2 {
            world.write("../enough", "");
            asked = Some(open(&mut t, WORK));
        }
        t.pause(Duration::from_millis(dice.roll(300)));
        if dice.roll(2) == 0 {
            t.keys("jkjk");
        }
        if dice.roll(4) == 0 {
            t.signal("-HUP");
        } else {
            t.hang_up();
        }
        let before = said(&world);
        left = left.max(t.time(|t| {
            assert!(t.ended().code().is_some(), "it was cut down");
        }));
        if asked.is_none() {
            until("the run goes on", || said(&world) > before);
        }
        t = Terminal::start(cockpit(&world), ROOMY);
        match &asked {
            Some(asked) => {
                back = back.max(t.time(|t| t.sees(&format!("needs you · {WORK}"))));
                assert_eq!(open(&mut t, WORK), *asked);
            }
            None => back = back.max(t.time(|t| t.sees("日本語"))),
        }
    }
    eprintln!("{count} hang-ups: left within {left:?}, on the screen again within {back:?}");
    assert_eq!(decisions(&world, "stream"), 1);
    let lines = said(&world);
    assert!(lines > 100, "{lines}");
}

/// A loop that is one answer away from its branch.
fn before_publish() -> (Home, Terminal) {
    let world = World::new();
    world.skill("count");
    world.write(
        "loops/count.toml",
        r#"
version = 1
name = "count"
skill = { path = "skills/count" }
worker = { type = "command", command = ["sh", "-c", "cat >/dev/null; echo one >one.txt"] }
publish = { to = "git-branch", branch = "counted" }

[goal]
statement = "there is a file of its own"
[[goal.verify.checks]]
name = "a file"
command = ["ls", "one.txt"]
"#,
    );
    world.commit("a loop");
    let world = Home(world);
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("s");
    for kind in [PROMPT, WORK, VERDICT] {
        answer(&mut t, kind, "a");
    }
    open(&mut t, PUBLISH);
    (world, t)
}

/// Some keys and other bytes, without a pause between them. The first key means nothing anywhere, so
/// none of the others may decide; a paste that they begin ends with them.
fn senseless(dice: &mut Dice) -> Vec<u8> {
    const WORDS: [&[u8]; 22] = [
        b"a",
        b"a\r",
        b"c",
        b"e",
        b"r",
        b"x",
        b"y",
        b"\r",
        b"\x1b",
        b"\t",
        b"u",
        b"m",
        b"\x03",
        b"\x15",
        b"\x1b[A",
        b"\x1b[",
        b"\x1bO",
        b"\x1b[M",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b[97;1:3u",
        b"\xe6\x97\xa5",
    ];
    let mut bytes = b"_".to_vec();
    for _ in 0..dice.roll(40) {
        match dice.roll(3) {
            0 => bytes.push(u8::try_from(dice.roll(256)).unwrap()),
            1 => bytes.extend(format!("{:08x}\r", dice.roll(1 << 31)).bytes()),
            _ => {
                let word = usize::try_from(dice.roll(22)).unwrap();
                bytes.extend(WORDS[word]);
            }
        }
    }
    bytes.extend(b"\x1b[201~");
    bytes
}

/// S9: streams of keys without sense, in bursts, at a question that publishes: nothing is decided and
/// nothing published, no stream ends the cockpit otherwise than by its own keys, and the terminal is
/// given back. `CHECKRIDE_STREAMS` says how many.
#[test]
fn senseless_keys_decide_nothing() {
    let (world, mut t) = before_publish();
    t.signal("-TERM");
    t.ended();
    let before = decisions(&world, "count");
    let mut dice = Dice(23);
    let start = || Terminal::with_modes(cockpit(&world), ROOMY);
    let (mut t, mut modes) = start();
    t.sees("1 loop");
    let (count, mut left) = (times("CHECKRIDE_STREAMS", 24), 0);
    for stream in 0..count {
        let bytes = senseless(&mut dice);
        t.bytes(&bytes);
        t.drain();
        if dice.roll(4) == 0 {
            t.pause(Duration::from_millis(dice.roll(450)));
        }
        if let Some(status) = t.has_ended() {
            t.pause(Duration::from_millis(20));
            let sent = bytes.escape_ascii();
            assert!(status.success(), "{stream}: {sent}\n{}", t.text());
            given_back(&t, &modes);
            left += 1;
            (t, modes) = start();
            t.sees("1 loop");
        }
    }
    eprintln!("{count} streams, of which {left} left the cockpit");
    t.signal("-TERM");
    assert!(t.ended().success());
    given_back(&t, &modes);
    assert_eq!(decisions(&world, "count"), before);
    assert_eq!(world.git(&["branch", "--list", "counted"]), "");
}

/// A key that comes together with a signal, or in two parts, waits for no other key.
#[test]
fn keys_that_come_with_a_signal_are_heard() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    let help = |s: &vt100::Screen| s.contents().contains("Ctrl-z");
    for round in 0..40 {
        t.resize((36, 100 + round));
        t.keys("?");
        t.signal("-CONT");
        t.until("help", help);
        // Esc is the first byte of the arrows, too.
        t.keys("\x1b");
        t.resize((36, 60 + round));
        t.until("no help", |s| !help(s));
    }
    t.keys("\x1b");
    t.pause(Duration::from_millis(3));
    t.keys("[");
    t.pause(Duration::from_millis(60));
    t.keys("Z?");
    t.until("help", help);
}

/// The cockpit as a thread of this binary, with a panic for each of two signals: in its own thread,
/// and in a task beside it.
#[tokio::test]
#[ignore = "the program in the terminal of the next test"]
async fn a_cockpit_that_panics() {
    drop(color_eyre::install());
    let project = std::env::current_dir().unwrap();
    let environment = Environment {
        state_dir: std::env::var_os("CHECKRIDE_STATE_DIR"),
        uid: std::fs::metadata(&project).unwrap().uid(),
        ..Environment::default()
    };
    let paths = Paths::new(&project, &environment).unwrap();
    let options = Options {
        styles: crate::screens::theme("terminal"),
        manner: Manner::default(),
        calm: false,
        notify: None,
        quiet: None,
        away: None,
        tmux: false,
        editor: Vec::new(),
        by: "test".to_owned(),
        notice: None,
    };
    let mut here = signal(SignalKind::user_defined1()).unwrap();
    let mut beside = signal(SignalKind::user_defined2()).unwrap();
    tokio::spawn(async move {
        beside.recv().await;
        panic!("provoked beside");
    });
    let (link, signals) = (connect(&paths).await.unwrap(), Signals::heed().unwrap());
    tokio::select! {
        flown = tui::fly(link, options, signals) => panic!("it has left: {flown:?}"),
        _ = here.recv() => panic!("provoked here"),
    }
}

/// S27: a panic gives the terminal back and leaves a report that can be read; a panic beside the
/// cockpit ends it, too. The run goes on.
#[test]
fn a_panic_gives_the_terminal_back() {
    let world = streaming();
    at_work(&world, ROOMY).hang_up();
    let this: PathBuf = std::env::current_exe().unwrap();
    for (signal, words) in [("-USR1", "provoked here"), ("-USR2", "provoked beside")] {
        let child = program(&world, &this)
            .args(["--exact", "terminal::storm::a_cockpit_that_panics"])
            .args(["--ignored", "--nocapture", "--test-threads=1"]);
        let (mut t, modes) = Terminal::with_modes(child, ROOMY);
        t.sees("日本語");
        let before = said(&world);
        t.signal(signal);
        assert!(!t.ended().success());
        given_back(&t, &modes);
        // The report begins where the cockpit was; from its second line on it stands alone.
        let text = t.text();
        for line in [
            format!("Message:  {words}"),
            "Location: tests/it/terminal/storm.rs:".to_owned(),
        ] {
            let stands = text.lines().any(|shown| shown.starts_with(&line));
            assert!(stands && text.contains("panicked"), "{line}:\n{text}");
        }
        until("the run goes on", || said(&world) > before);
    }
}

/// The demo's folder goes with the demo, whatever ends it and whenever; its first question says what
/// is not enforced, on a small terminal too.
#[test]
fn the_demo_leaves_nothing_behind() {
    let world = World::new();
    let start = || {
        let demo = cockpit(&world).arg("demo").env("TMPDIR", world.project());
        Terminal::start(demo, (24, 80))
    };
    let folders = || {
        let all = std::fs::read_dir(world.project()).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let is_ours = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("checkride-");
        all.map(name).filter(is_ours).count()
    };
    for signal in ["-HUP", "-INT", "-TERM"] {
        let mut t = start();
        until("there is a folder", || folders() > 0);
        t.signal(signal);
        assert!(t.ended().code().is_some(), "{signal}: it was cut down");
        assert_eq!(folders(), 0, "{signal}");
    }
    let mut t = start();
    t.sees(&format!("needs you · {PROMPT}"));
    t.press("c", "where it works", |s| {
        s.contents().contains("where    private clone")
    });
    t.hang_up();
    assert!(t.ended().code().is_some(), "it was cut down");
    assert_eq!(folders(), 0);
}
