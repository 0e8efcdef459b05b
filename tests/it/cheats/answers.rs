//! Workers that answer for their operator: by the command line, by the socket, from a process that
//! hides whose child it is. A real host refuses each, and every question is still the operator's.

use std::fs;

use checkride::host::attach::connect;
use checkride::host::wire::{Greeting, WIRE};
use checkride::protocol::Command;
use checkride::run::Decision;

use crate::host::{Hosting, paths, states};
use crate::world::Operator;

/// Speaks to the socket as a cockpit would, and writes down what it hears. A host that turns it away
/// is gone before it has spoken.
const TALK: &str = r"use IO::Socket::UNIX;
$SIG{PIPE} = 'IGNORE';
for my $path (@ARGV) {
  my $s = IO::Socket::UNIX->new(Peer => $path) or next;
  $SIG{ALRM} = sub { exit 0 }; alarm 5;
  print $s '@words';
  $s->flush; while (<$s>) { print; }
}
";

/// What a cockpit says first, in the words of this build: it attaches, and stops everything.
fn words() -> String {
    let greeting = Greeting {
        environment: None,
        checkride: env!("CARGO_PKG_VERSION").to_owned(),
        wire: WIRE,
        refused: None,
    };
    let attach = Command::Attach {
        since: 0,
        by: "you".to_owned(),
        early: false,
    };
    let line = |value: serde_json::Result<String>| value.unwrap() + "\n";
    line(serde_json::to_string(&greeting))
        + &line(serde_json::to_string(&attach))
        + &line(serde_json::to_string(&Command::StopAll))
}

async fn tried(attempt: &str) -> String {
    let script = format!(
        "cat > /dev/null\nexport CHECKRIDE_STATE_DIR CHECKRIDE_CONFIG_DIR\n{attempt}\n\
         echo 'echo $(($1 * $1))' > answer.sh\n"
    );
    let world = super::world(&["sh", "../../../../attempt"]);
    let attempt = world.project().with_file_name("attempt");
    let log = world.project().with_file_name("log");
    let state = states(&world);
    let script = script
        .replace("@bin", env!("CARGO_BIN_EXE_checkride"))
        .replace("@project", &world.project().display().to_string())
        .replace("@log", &log.display().to_string())
        .replace(
            "@talk",
            &world
                .project()
                .with_file_name("talk.pl")
                .display()
                .to_string(),
        )
        .replace("@state", &state.display().to_string());
    fs::write(&attempt, script).unwrap();
    fs::write(
        world.project().with_file_name("talk.pl"),
        TALK.replace("@words", &words()),
    )
    .unwrap();
    // In the sandbox there is no host to speak to; here the host itself must refuse.
    super::unconfine(&world);
    let file = world.read("loops/square.toml");
    let file = file.replace("../../../../attempt", &attempt.display().to_string());
    world.write("loops/square.toml", &file);
    let paths = paths(&world);
    let _host = Hosting::of(&world);
    let mut operator = Operator::on(connect(&paths).await.unwrap()).await;
    operator.start("square").await;
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    let open = operator.asked("publish").await;
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    fs::read_to_string(log).unwrap_or_default()
}

/// By the command line, with the mark of its run in its environment and without it: refused, and
/// each of the four questions is put to the operator (ruling 6).
#[tokio::test]
async fn by_the_command_line() {
    let said = tried(
        "cd @project; CHECKRIDE_STATE_DIR=@state; CHECKRIDE_CONFIG_DIR=@state\n\
         for id in square-1.1 square-1.2 square-1.3; do\n\
         @bin decide $id approve --digest 0000000000000000 >> @log 2>&1\n\
         env -u CHECKRIDE_RUN setsid -w @bin status >> @log 2>&1\ndone\n\
         @bin stop --host >> @log 2>&1\ncd - > /dev/null",
    )
    .await;
    assert!(said.matches("started by a run").count() >= 6, "{said}");
}

/// By the socket itself, in the words of a cockpit.
#[tokio::test]
async fn by_the_socket() {
    let said = tried(
        "perl -v > /dev/null 2>&1 || echo 'no perl: started by a run' > @log\n\
         perl @talk $(find @state /tmp/checkride-* /run/user -type s 2> /dev/null | head -20) >> @log 2>&1",
    )
    .await;
    assert!(said.contains("started by a run"), "«{said}»");
    assert!(!said.contains("attached"), "{said}");
}
