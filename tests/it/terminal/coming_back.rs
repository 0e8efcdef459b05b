//! Coming back to a project: the page in a real terminal, and the same in plain words.

use std::fs;

use checkride::supervisor::clock::Clock;
use checkride::supervisor::sealed;

use super::{ESC, PROMPT, ROOMY, Terminal, cockpit, failing_suite, open};
use crate::host::{checkride, paths, until};

const HOUR: i64 = 3_600_000;

/// As if the operator had left so many hours ago.
fn left(world: &crate::world::World, hours: i64) {
    let now = Clock::System.now_ms();
    let file = paths(world).state().join("left");
    fs::write(file, (now - hours * HOUR).to_string()).unwrap();
}

/// Waits until the host has noted that somebody is here, or that they have left.
fn noted(world: &crate::world::World, is_here: bool) {
    let here = paths(world).state().join("here");
    until("the host's note", || here.exists() == is_here);
}

/// A cockpit that is killed, or whose host dies with it, was left at that moment all the same.
#[test]
fn whoever_is_cut_off_has_left() {
    let world = failing_suite();
    let state = paths(&world).state().to_owned();
    let (left, here) = (state.join("left"), state.join("here"));
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("s starts one");
    until("somebody is here", || here.exists());
    assert!(!left.exists());
    t.signal("-KILL");
    t.ended();
    until("they have left", || left.exists() && !here.exists());
    let when = || sealed::read::<i64>(&left).unwrap();
    // A host that dies leaves what it noted last to the next one.
    let later = when().unwrap() + 1;
    fs::write(&here, later.to_string()).unwrap();
    assert!(checkride(&world, &["stop", "--host"]).output().is_ok());
    drop(crate::host::Hosting::of(&world));
    assert_eq!(when(), Some(later));
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
    noted(&world, true);
    t.hang_up();
    t.ended();
    noted(&world, false);
    let mut soon = Terminal::start(cockpit(&world), ROOMY);
    soon.sees("needs you");
    noted(&world, true);
    soon.pause(std::time::Duration::from_millis(300));
    assert!(!soon.text().contains("while you were away"));
    soon.hang_up();
    soon.ended();
    noted(&world, false);
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
