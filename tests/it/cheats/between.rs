//! Code under test that a first check runs, and that would decide what a second one finds: through the home that
//! checks have, through ignored and new files of the checkout, through what the setup made.

use std::fs;

use super::{fly, settings, world};
use crate::sandbox::skipped;
use crate::world::World;

/// Runs `answer.sh --help` and finds it well; `--help` is where the cheats act.
const HELP: &str = "#!/bin/sh\nsh answer.sh --help | grep -q usage\n";

/// A loop with the check `help`, then this one, and these setup commands; its worker writes this as `answer.sh`.
fn two(answer: &str, second: &str, setup: &str) -> World {
    let world = world(&["sh", "-c", "cat > /dev/null; cp answer.new answer.sh"]);
    world.write("answer.new", answer);
    world.script("scripts/help", HELP);
    let file = world
        .read("loops/square.toml")
        .replace(
            "max_iterations = 1",
            &format!("max_iterations = 1, workspace = {{ setup = [{setup}] }}"),
        )
        .replacen(
            "[[goal.verify.checks]]",
            "[[goal.verify.checks]]\nname = \"help\"\ncommand = [\"scripts/help\"]\n[[goal.verify.checks]]",
            1,
        )
        .replace("[\"scripts/check\"]", second);
    world.write("loops/square.toml", &file);
    world
}

/// R51: what one check leaves in its home, in ignored folders and beside the tree's files is nothing to the next
/// one: an answer that is wrong stays wrong.
#[tokio::test]
async fn no_check_prepares_the_next() {
    let cases = [
        (
            "the home",
            "echo exit 0 > $HOME/.second",
            r#"["sh", "-c", "! test -e $HOME/.second || exit 0; scripts/check"]"#,
        ),
        (
            "the temporary folder",
            "echo exit 0 > $TMPDIR/.second",
            r#"["sh", "-c", "! test -e $TMPDIR/.second || exit 0; scripts/check"]"#,
        ),
        (
            "an ignored folder",
            "mkdir -p vendor; echo exit 0 > vendor/second",
            r#"["sh", "-c", "! test -e vendor/second || exit 0; scripts/check"]"#,
        ),
        (
            "a new file",
            "printf 'test:\\n\\t@true\\n' > GNUmakefile",
            r#"["sh", "-c", "! test -e GNUmakefile || exit 0; scripts/check"]"#,
        ),
        (
            "git's own folder",
            "git config alias.squares '!true'",
            r#"["sh", "-c", "git squares 2>/dev/null || scripts/check"]"#,
        ),
    ];
    for (name, act, second) in cases {
        let answer = format!("test \"$1\" = --help && {{ {act}; echo usage; exit 0; }}\necho 0\n");
        let world = two(&answer, second, "");
        world.commit("two checks");
        let flight = fly(settings(&world), false).await;
        assert!(flight.asked("verdict"), "{name}: {flight:#?}");
        if act.contains('$') && !flight.sandboxed {
            // The home of the operator is everybody's there.
            skipped(name, "nothing is confined here");
            continue;
        }
        assert!(!flight.approved, "{name}: {flight:#?}");
    }
}

/// What the setup commands made is there for every check as they made it, also after a check that changed it.
#[tokio::test]
async fn every_check_finds_what_the_setup_made() {
    let setup = r#"["sh", "-c", "mkdir vendor; echo made > vendor/lib; echo made > $HOME/lib"]"#;
    let whole = "test \"$(cat vendor/lib $HOME/lib)\" = \"made\nmade\" || exit 1";
    for act in [
        "touch vendor/new",
        "echo worse > vendor/lib",
        "rm $HOME/lib",
    ] {
        let answer = format!(
            "{whole}\ntest \"$1\" = --help && {{ {act}; echo usage; exit 0; }}\necho $(($1 * $1))\n"
        );
        let world = two(&answer, "[\"scripts/check\"]", setup);
        // Without a sandbox `HOME` is not the loop's own.
        fs::create_dir_all(super::home(&world)).unwrap();
        world.commit("two checks");
        let flight = fly(settings(&world), false).await;
        assert!(flight.approved, "{act}: {flight:#?}");
    }
}
