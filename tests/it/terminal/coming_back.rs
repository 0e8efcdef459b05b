//! Coming back to a project: the page in a real terminal, and the same in plain words.

use std::fs;

use checkride::supervisor::clock::Clock;

use super::{ESC, PROMPT, ROOMY, Terminal, cockpit, failing_suite, open};
use crate::host::{checkride, paths};

const HOUR: i64 = 3_600_000;

/// As if the operator had left so many hours ago.
fn left(world: &crate::world::World, hours: i64) {
    let now = Clock::System.now_ms();
    let file = paths(world).state().join("left");
    fs::write(file, (now - hours * HOUR).to_string()).unwrap();
}

/// R59, R56: who was away for hours finds one page with what happened; it decides nothing and goes with
/// Esc. `status --since` says the same, and who was away for a moment is not told anything.
#[test]
fn a_page_waits_for_who_was_away() {
    let world = failing_suite();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    t.keys("s");
    open(&mut t, PROMPT);
    t.hang_up();
    t.ended();
    let mut soon = Terminal::start(cockpit(&world), ROOMY);
    soon.sees("needs you");
    soon.pause(std::time::Duration::from_millis(300));
    assert!(!soon.text().contains("while you were away"));
    soon.hang_up();
    soon.ended();
    left(&world, 3);
    let since = checkride(&world, &["status", "--since"]).output().unwrap();
    let since = String::from_utf8(since.stdout).unwrap();
    assert!(
        since.contains("3 h 0 min ago: 0 runs ended, 1 waits"),
        "{since}"
    );
    assert!(since.contains("fix-suite-1 goes on"), "{since}");
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("while you were away");
    t.sees("0 runs ended · 1 waits");
    t.sees("fix-suite-1");
    t.press(ESC, "the panes", |s| {
        !s.contents().contains("while you were away")
    });
    open(&mut t, PROMPT);
}
