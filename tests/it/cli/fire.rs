//! Outside schedulers: `fire` and `tick` of the real program, without a host running before.

use std::io::Write as _;
use std::process::Stdio;

use super::{LOOP, WORKER, told};
use crate::host::{Hosting, checkride, until};
use crate::world::World;

fn world(trigger: &str) -> World {
    let world = World::new();
    world.skill("count");
    let skill = r#"skill = { path = "skills/count", proven_min = 0 }"#;
    let file = LOOP.replace(r#"skill = { path = "skills/count" }"#, skill);
    let file = file.replace("\n[goal]", &format!("\n{trigger}\n[goal]"));
    world.write("loops/count.toml", &file);
    world.write("loops/count/worker.toml", WORKER);
    world.script("scripts/one", "#!/bin/sh\n[ $(wc -l < count.txt) -eq 1 ]\n");
    world.commit("a loop");
    world
}

/// R36, R41: `tick` fires what is due, waits until it is parked, says so and exits; a host that it had to
/// start is enough. Nothing due is nothing done.
#[test]
fn tick_fires_parks_and_exits() {
    let world = world(r#"trigger = { type = "event", inbox = true }"#);
    world.write("inbox/count/a.json", r#"{"issue": 7}"#);
    let (code, printed) = told(&world, "tick");
    assert_eq!(code, 10, "{printed}");
    assert!(
        printed.contains("count-1 waits: prompt (event · inbox)"),
        "{printed}"
    );
    let (code, shown) = told(&world, "show count");
    assert_eq!(code, 0);
    assert!(
        shown.contains(r#"{"issue": 7}"#) && shown.contains("data, not instructions"),
        "{shown}"
    );
    let (code, printed) = told(&world, "tick");
    assert_eq!((code, printed.as_str()), (0, "nothing was due\n"));
    told(&world, "stop --host --force");
}

/// A run that somebody ended before the tick began is none of its own: it counts neither for what it prints
/// nor for its code.
#[test]
fn a_tick_tells_of_its_own_runs_alone() {
    let world = world(r#"trigger = { type = "event", inbox = true }"#);
    let _host = Hosting::of(&world);
    world.write("inbox/count/a.json", r#"{"issue": 7}"#);
    until("its run asks", || {
        told(&world, "status").1.contains("waiting")
    });
    let (code, printed) = told(&world, "stop count");
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = told(&world, "tick");
    assert_eq!((code, printed.as_str()), (0, "nothing was due\n"));
}

/// `fire` wakes a loop with what comes on standard input, and says which run that was; a loop that
/// nothing but a person may start is refused, one that is unknown too.
#[test]
fn fire_takes_a_payload() {
    let world = world(r#"trigger = { type = "event", inbox = true }"#);
    let _host = Hosting::of(&world);
    let mut fire = checkride(&world, &["fire", "count", "--payload", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    fire.stdin
        .take()
        .unwrap()
        .write_all(b"open the door")
        .unwrap();
    let output = fire.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "count-1 has woken\n"
    );
    until("it waits", || {
        told(&world, "show count").1.contains("open the door")
    });
    let payload = world.project().join(".checkride/runs/count/1/payload");
    assert_eq!(std::fs::read_to_string(payload).unwrap(), "open the door");
    let (code, printed) = told(&world, "fire count");
    assert_eq!(code, 0, "{printed}");
    assert_eq!(printed, "count is queued: count-1 is under way\n");
    let (code, printed) = told(&world, "fire nobody");
    assert_eq!(code, 21, "{printed}");
    let (code, printed) = told(&world, "fire count --payload nowhere");
    assert_eq!(code, 1, "{printed}");
    world.write(
        "loops/count.toml",
        &world
            .read("loops/count.toml")
            .replace("proven_min = 0", "proven_min = 2"),
    );
    let (code, printed) = told(&world, "fire count");
    assert_eq!(code, 20, "{printed}");
    assert!(printed.contains("manual only · proven 0 of 2"), "{printed}");
}

/// R65: triggers are switched from the command line, one or all; what a loop lacks is said, and so is what
/// no longer fires once the host has gone.
#[test]
fn triggers_are_switched_in_words() {
    let world = world(r#"trigger = { type = "event", inbox = true }"#);
    let _host = Hosting::of(&world);
    until("it is armed", || {
        told(&world, "status").1.contains("count  armed")
    });
    let said = |line: &str| told(&world, line);
    assert_eq!(
        said("disarm count"),
        (0, "the trigger of count is off\n".to_owned())
    );
    assert!(
        said("status").1.contains("count  off"),
        "{:?}",
        said("status")
    );
    assert_eq!(said("arm count"), (0, "count is armed\n".to_owned()));
    assert_eq!(said("arm nobody").0, 21);
    let (code, told_all) = said("disarm");
    assert!(
        code == 0 && told_all.contains("all triggers are off"),
        "{told_all}"
    );
    assert_eq!(said("arm"), (0, "triggers are armed\n".to_owned()));
    let (code, told_end) = said("stop --host");
    assert_eq!(code, 0, "{told_end}");
    assert!(
        told_end.contains("no trigger fires until a host runs again")
            && told_end.contains("armed: count"),
        "{told_end}"
    );
}
