//! `doctor` and the preflight: what is found on this machine, and what a loop would lack, before
//! anything is spent.

use std::fs;
use std::process::Command;

use checkride::run::{Ask, Outcome};
use serde_json::Value;

use crate::world::{Operator, World};

/// A project whose loop works over HTTP, is judged by a program that is not there, and whose
/// path holds one agent.
fn world() -> World {
    let world = World::new();
    world.skill("far");
    world.write(
        "loops/far.toml",
        r#"version = 1
name = "far"
skill = { path = "skills/far" }

[worker]
type = "anthropic"
base_url = "http://127.0.0.1:1/v1"
model = "small"
key_env = "NO_SUCH_KEY"

[goal]
statement = "It is true."
[[goal.verify.checks]]
name = "true"
command = ["true"]
[goal.verify.judge]
type = "command"
command = ["no-such-judge"]
rubric = ["It is true."]
"#,
    );
    world.script("bin/claude", "#!/bin/sh\necho '2.1.330 (Claude Code)'\n");
    world.commit("a loop");
    world
}

fn doctor(world: &World, json: bool) -> (i32, String) {
    let path = format!(
        "{}:{}",
        world.project().join("bin").display(),
        std::env::var("PATH").unwrap()
    );
    world.allow(&world.settings().state);
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkride"));
    command.arg("doctor").args(json.then_some("--json"));
    let output = command
        .current_dir(world.project())
        .env("PATH", path)
        .env("ANTHROPIC_API_KEY", "planted-key")
        .env("CHECKRIDE_STATE_DIR", world.settings().state)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), printed)
}

/// R19: the doctor tells agents with their versions, keys by name, and what each loop would lack;
/// a loop that could not start makes it exit 15.
#[test]
fn the_doctor_tells_what_is_there_and_what_is_not() {
    let world = world();
    let (code, printed) = doctor(&world, false);
    assert_eq!(code, 15, "{printed}");
    for line in [
        "agent    claude 2.1.330, reads with format = \"claude-stream-json\"",
        "key      ANTHROPIC_API_KEY set",
        "loop     far: the judge needs no-such-judge, which is not on the PATH; install it, or \
         name its path",
        "loop     far: the worker needs the key in NO_SUCH_KEY, which is not set",
        "loop     far: the worker needs the model server at 127.0.0.1:1, which does not answer; \
         start it",
    ] {
        assert!(printed.contains(line), "{line} is not in\n{printed}");
    }
    assert!(!printed.contains("planted-key"), "{printed}");

    let (_, printed) = doctor(&world, true);
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(found["loops"][0]["lacks"].as_array().unwrap().len(), 3);
    assert_eq!(found["agents"][0]["version"], "2.1.330");
}

/// R19: the same is found by the preflight: the run cannot verify itself and nothing is spent.
#[tokio::test]
async fn the_preflight_finds_the_same() {
    let world = world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("far").await;
    let (run, outcome) = operator.ended().await;
    let Outcome::CannotVerify(why) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("the judge needs no-such-judge"), "{why}");
    let asked = operator.events(&run);
    assert!(!asked.iter().any(|event| matches!(event, checkride::run::Event::Asked(c) if matches!(c.ask, Ask::Prompt { .. }))));
}

/// A webhook whose secret is not set is told by the doctor, before any host could keep silent about it, and by the
/// state of the loops.
#[test]
fn a_webhook_without_its_secret_is_told() {
    let world = world();
    let config = tempfile::tempdir().unwrap();
    let settings = "[notify]\nwebhook = \"https://example.org/x\"\nsecret_env = \"NOT_THERE\"\n";
    fs::write(config.path().join("config.toml"), settings).unwrap();
    world.allow(&world.settings().state);
    let said = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_checkride"))
            .args(words)
            .current_dir(world.project())
            .env("CHECKRIDE_CONFIG_DIR", config.path())
            .env("CHECKRIDE_STATE_DIR", world.settings().state)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let doctor = said(&["doctor"]);
    assert!(
        doctor.contains("notify   ") && doctor.contains("NOT_THERE is not set"),
        "{doctor}"
    );
    said(&["tick"]);
    let status = said(&["status"]);
    assert!(
        status.contains("warning: ") && status.contains("NOT_THERE is not set"),
        "{status}"
    );
    said(&["stop", "--host", "--force"]);
}
