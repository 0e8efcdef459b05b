//! The bell, the notification and the title: once for each new checkpoint, in a real terminal; and
//! plain mode where the terminal can do no more.

use crate::world::quiet_now;

use super::{PROMPT, ROOMY, Terminal, VERDICT, WORK, answer, cockpit, failing_suite, open};

/// PRODUCT §3.8: 3 checkpoints, exactly 3 bell bytes, 3 notifications of the kind that this terminal
/// understands, and the title says that something waits.
#[test]
fn three_checkpoints_ring_three_times() {
    let world = failing_suite();
    let program = cockpit(&world).env("TERM_PROGRAM", "WezTerm");
    let mut t = Terminal::start(program, ROOMY);
    t.sees("s starts one");
    // The window is not in front.
    t.keys("\x1b[O");
    t.keys("s");
    answer(&mut t, PROMPT, "a");
    answer(&mut t, WORK, "a");
    open(&mut t, VERDICT);
    assert_eq!(t.wrote(b"\x07"), 3);
    assert_eq!(t.wrote(b"\x1b]9;fix-suite-1 waits: "), 3);
    assert!(t.wrote("\x1b]0;◆ 1 · checkride\x1b\\".as_bytes()) > 0);
}

/// Quiet hours keep the title only; a terminal that is not known is asked for nothing.
#[test]
fn quiet_hours_keep_the_title_only() {
    let world = failing_suite();
    let quiet = format!("quiet_hours = \"{}\"\n", quiet_now());
    world.write("checkride.toml", &quiet);
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("\x1b[O");
    t.keys("s");
    open(&mut t, PROMPT);
    assert_eq!(t.wrote(b"\x07"), 0);
    assert_eq!(t.wrote(b"\x1b]9;") + t.wrote(b"\x1b]777;"), 0);
    assert!(t.wrote("\x1b]0;◆ 1 · checkride\x1b\\".as_bytes()) > 0);
}

/// `TERM=dumb` gets plain mode: no byte that steers, and a checkpoint is answered in words.
#[test]
fn a_dumb_terminal_gets_plain_words() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world).env("TERM", "dumb"), ROOMY);
    t.sees("type help for the commands");
    t.keys("start fix-suite\r");
    t.sees("decision [approve/edit/retry/abort/later]:");
    t.keys("approve\r");
    t.sees("fix-suite-1.2 work iteration 1");
    t.until("the second question", |screen| {
        let text = screen.contents();
        text.contains("fix-suite-1.2 work") && text.trim_end().ends_with("later]:")
    });
    t.keys("later\r");
    t.sees("fix-suite-1.2 waits on; answer fix-suite-1.2 asks again");
    t.keys("quit\r");
    assert_eq!(t.ended().code(), Some(10));
    assert_eq!(t.wrote(b"\x1b"), 0);
}
