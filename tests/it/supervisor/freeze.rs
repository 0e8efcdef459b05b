//! Nothing that one run or one cockpit does keeps the supervisor from the others: a journal that is held,
//! a mailbox that is full, answers that nobody reads, files that take long to look at.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use checkride::config::loops;
use checkride::protocol::{Command, Fact, RunId};
use checkride::run::{Event, Outcome, Stage};
use checkride::supervisor::trust::Trust;
use checkride::supervisor::{JOURNAL, Settings, Supervisor};
use rusqlite::Connection;
use tokio::time::{Instant, timeout};

use super::{Parts, UNCONFINED, shell, soon};
use crate::ordeal::times;
use crate::process::of_run;
use crate::world::{Operator, World};

/// What a stop may take on a busy machine; on an idle one it is a tenth of a second. A write to a journal that
/// is held takes longer than this.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Two loops whose workers end when they are told to.
fn world() -> World {
    let worker = shell("cat > /dev/null; echo half > half; exec sleep 600");
    let parts = Parts {
        worker: &worker,
        top: UNCONFINED,
        ..Parts::default()
    };
    let world = parts.world();
    let more = parts.file().replace("name = \"count\"", "name = \"more\"");
    world.write("loops/more.toml", &more);
    world.write("checkride.toml", "max_running = 2\n");
    world.commit("another loop");
    world
}

async fn both_at_work(operator: &mut Operator) {
    for name in ["count", "more"] {
        operator.start(name).await;
        operator.approve("prompt").await;
        operator.begun(Stage::Work).await;
    }
}

/// While somebody else holds the journal and a hundred commands wait for one run, a stop of another one, and
/// of all, acts at once; each command is obeyed later or refused in one line, and no stop is forgotten (R65).
#[tokio::test]
async fn a_full_mailbox_delays_nobody() {
    let world = world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    both_at_work(&mut operator).await;
    let (count, more) = (RunId::new("count", 1), RunId::new("more", 1));
    let works = |run: &RunId| of_run(&world.project(), run, "600").is_some();
    soon("both at work", || works(&count) && works(&more)).await;
    let db = Connection::open(world.settings().state.join(JOURNAL)).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 0..100 {
        let (run, on) = (count.clone(), number % 2 == 0);
        operator.say(Command::Hold { run, on }).await;
    }
    // Another terminal presses the keys.
    let other = supervisor.connect();
    let (since, by, early) = (0, "other".to_owned(), false);
    let attach = Command::Attach { since, by, early };
    other.commands.send(attach).await.unwrap();
    let pressed = Instant::now();
    let stop = Command::Stop { run: more.clone() };
    other.commands.send(stop).await.unwrap();
    soon("more is stopped", || !works(&more)).await;
    let one = pressed.elapsed();
    assert!(works(&count));
    let pressed = Instant::now();
    other.commands.send(Command::StopAll).await.unwrap();
    soon("all is stopped", || !works(&count)).await;
    let all = pressed.elapsed();
    assert!(one < AT_ONCE && all < AT_ONCE, "{one:?}, {all:?}");
    db.execute_batch("ROLLBACK").unwrap();
    let (mut refused, mut ended) = (0, Vec::new());
    while ended.len() < 2 {
        let next = operator.until("both end", |fact| match fact {
            Fact::Run {
                event: Event::Ended(outcome),
                ..
            } => Some(Some(outcome.clone())),
            Fact::Refused { why, .. } if why.contains("64 commands wait") => Some(None),
            _ => None,
        });
        match next.await {
            Some(outcome) => ended.push(outcome),
            None => refused += 1,
        }
    }
    assert_eq!(ended, [Outcome::Stopped, Outcome::Stopped]);
    assert!(refused > 20, "only {refused} of 100 commands were refused");
}

/// A cockpit that asks a thousand things and reads no answer is heard no more; everybody else is.
#[tokio::test]
async fn answers_that_nobody_reads_delay_nobody() {
    let world = world();
    let supervisor = world.supervise();
    let mut deaf = Operator::at(&supervisor).await;
    for _ in 0..1_000 {
        let run = RunId::new("nobody", 1);
        let asked = deaf.say(Command::Stop { run });
        if timeout(Duration::from_millis(200), asked).await.is_err() {
            break;
        }
    }
    let mut other = Operator::at(&supervisor).await;
    other.start("count").await;
    other.approve("prompt").await;
    // What it reads at last is whole.
    for _ in 0..300 {
        let why = deaf.refused().await;
        let fits = why == "this run is over" || why.starts_with("256 commands of this connection");
        assert!(fits, "{why}");
    }
}

/// While the files of one loop are hashed, a stop of another one acts: before the loop is shown whose files they
/// are. One file of 60 MB; `CHECKRIDE_HEAVY` is how many (R65).
#[tokio::test]
async fn a_heavy_loop_delays_nobody() {
    let world = world();
    world.skill("heavy");
    let file = world.read("loops/count.toml");
    world.write(
        "loops/count.toml",
        &file.replace("skills/count", "skills/heavy"),
    );
    for number in 0..times("CHECKRIDE_HEAVY", 1) {
        let path = format!("skills/heavy/{number}.bin");
        let file = File::create(world.project().join(path)).unwrap();
        file.set_len(60_000_000).unwrap();
    }
    let settings = Settings {
        owned: false,
        ..world.settings()
    };
    let trust = Trust::at(&settings.state, &settings.project);
    for file in loops::read_all(&settings.project) {
        let digest = trust.review(&file).unwrap().digest;
        trust.allow(&file, &digest).unwrap();
    }
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("more").await;
    operator.approve("prompt").await;
    operator.begun(Stage::Work).await;
    let run = RunId::new("more", 1);
    soon("it is at work", || {
        of_run(&world.project(), &run, "600").is_some()
    })
    .await;
    let pressed = Instant::now();
    let name = "count".to_owned();
    operator.say(Command::Review { name }).await;
    operator.say(Command::Stop { run }).await;
    let next = operator.until("an answer", |fact| match fact {
        Fact::Run {
            event: Event::Ended(outcome),
            ..
        } => Some(Ok(outcome.clone())),
        Fact::Review(_) => Some(Err("the stop had to wait")),
        _ => None,
    });
    assert_eq!(next.await, Ok(Outcome::Stopped));
    let stopped = pressed.elapsed();
    let shown = |fact: &Fact| matches!(fact, Fact::Review(_)).then_some(());
    operator.until("the files", shown).await;
    let said = format!("stopped in {stopped:?}, shown in {:?}\n", pressed.elapsed());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}
