//! Workers that change what the publish command runs: outside the sandbox, with the operator's rights.

use super::{fly, settings, world};
use crate::world::World;

/// Reads in a part whose name is that of data, and runs another to see what it prints.
const PUBLISH: &str = "#!/bin/sh\n. ./texts/words.txt\nn=$(sh lib/count.sh) && for one in sends/*; do sh \"$one\"; done\n";

fn publishing(work: &str) -> World {
    let world = world(&["sh", "-c", work]);
    let file = world.read("loops/square.toml").replace(
        "{ to = \"git-branch\", branch = \"squared\" }",
        "{ to = \"command\", command = [\"scripts/publish\"] }",
    );
    world.write("loops/square.toml", &file);
    world.script("scripts/publish", PUBLISH);
    world.write("texts/words.txt", "words=many\n");
    world.write("lib/count.sh", "echo 1\n");
    world.write("sends/one", "true\n");
    world.commit("a loop that publishes by a command");
    world
}

/// Each file of the project that the publish command reads in or runs, and each new one where it runs all that lies
/// there, has a flag of its own before anything is asked for; the rest of the work has none (R54).
#[tokio::test]
async fn what_the_publish_command_runs_is_flagged() {
    let square = "cat > /dev/null; echo 'echo $(($1 * $1))' > answer.sh; echo 'later' > notes.txt";
    let bad = [
        (
            "echo 'touch /tmp/x' >> texts/words.txt",
            "texts/words.txt changed",
        ),
        (
            "echo 'touch /tmp/x' >> lib/count.sh",
            "lib/count.sh changed",
        ),
        ("echo 'touch /tmp/x' > sends/two", "sends/two added"),
    ];
    for (change, what) in bad {
        let world = publishing(&format!("{square}; {change}"));
        let flight = fly(settings(&world), false).await;
        let wanted = format!("publish: {what}; the publish command runs it, outside the sandbox");
        let others = flight.seen.iter().filter(|line| **line != wanted).count();
        assert!(flight.seen.contains(&wanted) && others == 0, "{flight:#?}");
    }
    let world = publishing(square);
    let flight = fly(settings(&world), true).await;
    assert_eq!(flight.seen, Vec::<String>::new());
    assert!(flight.offered.is_some(), "{flight:#?}");
}
