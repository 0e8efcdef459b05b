//! Triggers: nothing wakes unproven; what is proven wakes by the clock with no key pressed, parks,
//! and sleeps again; what should have run and did not is shown.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use checkride::cli::session::Known;
use checkride::cli::{Exit, Out, Session, log, status, stop};
use checkride::protocol::{Command, Fact, Fetch, Lapse, LoopRow, LoopState, RunId, Waking};
use checkride::run::{Checkpoint, Decision, Event, Fired, Outcome, Wake};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::journal::Journal;
use checkride::supervisor::journal::firings::Firing;
use checkride::supervisor::{JOURNAL, Settings, Supervisor};
use jiff::Timestamp;

use super::{Parts, prompt, run_of, soon, valid};
use crate::host::until;
use crate::world::{Operator, World};

const HOUR: i64 = 3_600_000;

/// One iteration is enough.
const DONE: &str = r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#;

/// A clock that the test turns.
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn at(time: &str) -> Self {
        Self(Arc::new(AtomicI64::new(ms(time))))
    }

    fn turn_to(&self, time: &str) {
        self.0.store(ms(time), Ordering::SeqCst);
    }

    fn settings(&self, world: &World) -> Settings {
        Settings {
            clock: Clock::Test(self.0.clone()),
            ..world.settings()
        }
    }
}

fn ms(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_millisecond()
}

/// A project with the loop `count` woken by this trigger, proven after `proofs` runs by hand.
fn world(trigger: &str, proofs: u32) -> World {
    let top = format!("trigger = {trigger}");
    let parts = Parts {
        top: &top,
        turns: &[DONE],
        ..Parts::default()
    };
    let world = parts.world();
    let file = parts.file().replace(
        r#""skills/count" }"#,
        &format!(r#""skills/count", proven_min = {proofs} }}"#),
    );
    world.write("loops/count.toml", &file);
    world
}

const DAILY: &str = r#"{ type = "schedule", cron = "0 7 * * *", timezone = "UTC" }"#;

/// How the trigger of `count` stands, once it stands so.
async fn stands(operator: &mut Operator, want: impl Fn(&Waking) -> bool) -> LoopRow {
    let stands = |row: &LoopRow| {
        let facts = valid(row)?;
        want(&facts.waking).then(|| row.clone())
    };
    row_stands(operator, stands).await
}

/// What is wanted of the row of `count`, once it stands there.
async fn row_stands<T>(operator: &mut Operator, want: impl Fn(&LoopRow) -> Option<T>) -> T {
    // What was told last may say so already.
    let told = operator
        .told
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::Loops(rows) => rows.iter().find(|row| row.name == "count").cloned(),
            _ => None,
        });
    match told.as_ref().and_then(&want) {
        Some(found) => found,
        None => operator.row("count", want).await,
    }
}

/// Waits until a run wakes; nobody presses a key.
async fn woke(operator: &mut Operator) -> Wake {
    operator
        .until("a wake", |fact| match fact {
            Fact::Run {
                event: Event::Woke(wake),
                ..
            } => Some((**wake).clone()),
            _ => None,
        })
        .await
}

/// Answers all questions of a run until it ends.
async fn finish(operator: &mut Operator) {
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// R24, R40–R43: a loop with a schedule refuses to arm, is proven by hand three times, arms, wakes at
/// its slot with every cockpit closed, parks, is answered from a second terminal, publishes, sleeps
/// until the next slot, and is disarmed by an edit of its skill.
#[tokio::test]
async fn a_proven_loop_wakes_itself() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let publish = r#"publish = { to = "git-branch", branch = "counted" }"#;
    let world = world(&format!("{DAILY}\n{publish}"), 3);
    let settings = hands.settings(&world);
    let rung = rings(&settings);
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    for proven in 0..3 {
        stands(&mut operator, |w| *w == Waking::Unproven { proven, of: 3 }).await;
        operator.start("count").await;
        let open = through(&mut operator).await;
        operator.answer(&open, Decision::Abort).await;
        assert_eq!(operator.ended().await.1, Outcome::Kept);
        // Its slot comes and goes: what is not proven does not wake.
        hands.turn_to("2026-06-12T07:30:00Z");
    }
    let next = Some(ms("2026-06-13T07:00:00Z"));
    let row = stands(&mut operator, |w| *w == Waking::Armed { next }).await;
    assert_eq!(row.last_run, Some(RunId::new("count", 3)));
    drop(operator);
    let activity = supervisor.activity();
    soon("nobody looks", || activity.borrow().cockpits == 0).await;
    assert_eq!(activity.borrow().armed, 1);

    hands.turn_to("2026-06-13T07:00:00Z");
    let folder = world.project().join(".checkride/runs/count/4/1/prompt.md");
    soon("a prompt", || folder.exists()).await;
    let of_fourth = || {
        let all = fs::read_to_string(&rung).unwrap_or_default();
        all.lines()
            .filter(|line| line.starts_with("count-4 "))
            .count()
    };
    soon("a ring", || of_fourth() > 0).await;
    let mut second = Operator::at(&supervisor).await;
    let events = second.events(&RunId::new("count", 4));
    let Event::Woke(wake) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(wake.by, "schedule · daily 07:00 UTC");
    let open = first_question(&mut second, &events).await;
    // Parked for an hour, it was told once.
    hands.turn_to("2026-06-13T08:00:00Z");
    second.look_at(&open).await;
    assert_eq!(of_fourth(), 1);
    second.answer(&open, Decision::APPROVE).await;
    second.approve("work").await;
    second.approve("verdict").await;
    second.approve("publish").await;
    assert_eq!(second.ended().await.1, Outcome::Published);
    assert_eq!(world.git(&["show", "counted:count.txt"]), "1\n2\n3");
    let next = Some(ms("2026-06-14T07:00:00Z"));
    stands(&mut second, |w| *w == Waking::Armed { next }).await;
    world.write(
        "skills/count/SKILL.md",
        "---\nname: count\ndescription: For a test.\n---\n\nDo it otherwise.\n",
    );
    stands(&mut second, |w| *w == Waking::Unproven { proven: 0, of: 3 }).await;
    assert_eq!(activity.borrow().armed, 0);
}

/// The question that these events ask, or the next one.
async fn first_question(operator: &mut Operator, events: &[Event]) -> Checkpoint {
    let asked = events.iter().find_map(|event| match event {
        Event::Asked(open) => Some(open.clone()),
        _ => None,
    });
    match asked {
        Some(open) => *open,
        None => operator.asked("prompt").await,
    }
}

/// The user's command for notices adds a line to this file.
fn rings(settings: &Settings) -> PathBuf {
    let rung = settings.config.with_file_name("rung");
    let text = format!(
        "[notify]\ncommand = [\"sh\", \"-c\", 'echo \"$0\" >> {}']\n",
        rung.display()
    );
    fs::create_dir_all(&settings.config).unwrap();
    fs::write(settings.config.join("config.toml"), text).unwrap();
    rung
}

/// Answers the questions of a run up to that before publish.
async fn through(operator: &mut Operator) -> Checkpoint {
    for kind in ["prompt", "work", "verdict"] {
        operator.approve(kind).await;
    }
    operator.asked("publish").await
}

/// A slot that nobody saw is shown with the cause, and is not run late; the next host doubles nothing.
#[tokio::test]
async fn a_missed_slot_is_shown() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(DAILY, 0);
    let armed = |w: &Waking| matches!(w, Waking::Armed { .. });
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    hands.turn_to("2026-06-12T07:00:01Z");
    let open = operator.asked("prompt").await;
    drop(operator);
    supervisor.end();

    hands.turn_to("2026-06-14T12:00:00Z");
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let row = stands(&mut operator, armed).await;
    let lapse = valid(&row).unwrap().lapse.clone().unwrap();
    assert_eq!((lapse.count, lapse.at), (2, ms("2026-06-14T07:00:00Z")));
    assert_eq!(lapse.first, ms("2026-06-13T07:00:00Z"));
    assert_eq!(lapse.why, "no host was running");
    assert_eq!(row.last_run, Some(RunId::new("count", 1)));
    drop(operator);
    supervisor.end();
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let rows = operator
        .told
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::Loops(rows) => Some(rows.clone()),
            _ => None,
        });
    let row = rows.unwrap().remove(0);
    assert_eq!(valid(&row).unwrap().lapse, Some(lapse.clone()));
    assert_eq!(row.last_run, Some(RunId::new("count", 1)));
    // Whoever answers has seen the row; what was missed since some moment is still told.
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    assert_eq!(
        lapses(&mut operator, "2026-06-14T08:00:00Z").await,
        [("count".to_owned(), lapse)]
    );
    assert_eq!(lapses(&mut operator, "2026-06-14T12:00:00Z").await, []);
    hands.turn_to("2026-06-15T07:00:00Z");
    assert_eq!(woke(&mut operator).await.number, 2);
}

/// What was missed stays in the row when a later slot runs, with each cause and how often, until a person
/// answers.
#[tokio::test]
async fn a_later_run_does_not_hide_what_was_missed() {
    let hands = Hands::at("2026-06-12T06:30:00Z");
    let world = world(&DAILY.replace("0 7 * * *", "0 * * * *"), 0);
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    drop(operator);
    supervisor.end();

    hands.turn_to("2026-06-12T10:30:00Z");
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    hands.turn_to("2026-06-12T11:00:00Z");
    let open = operator.asked("prompt").await;
    let row = stands(&mut operator, Waking::armed).await;
    let lapse = valid(&row).unwrap().lapse.clone().unwrap();
    assert_eq!(
        (lapse.count, lapse.why.as_str()),
        (4, "no host was running")
    );
    hands.turn_to("2026-06-12T12:00:00Z");
    let both = |row: &LoopRow| valid(row)?.lapse.clone().filter(|lapse| lapse.count == 5);
    let lapse = operator.row("count", both).await;
    assert_eq!(
        lapse.why,
        "count-1 is under way (1), no host was running (4)"
    );
    assert_eq!(lapse.first, ms("2026-06-12T07:00:00Z"));

    operator.answer(&open, Decision::Abort).await;
    let none = |row: &LoopRow| valid(row)?.lapse.is_none().then_some(());
    operator.row("count", none).await;
    let since = lapses(&mut operator, "2026-06-12T07:30:00Z").await;
    assert_eq!(since, [("count".to_owned(), lapse)]);
}

/// What should have run since a moment and did not, by loop.
async fn lapses(operator: &mut Operator, since: &str) -> Vec<(String, Lapse)> {
    let since = ms(since);
    operator.say(Command::Fetch(Fetch::Lapses { since })).await;
    let found = |fact: &Fact| match fact {
        Fact::Lapses(lapses) => Some(lapses.clone()),
        _ => None,
    };
    operator.until("lapses", found).await
}

/// R36: what is fired from outside wakes the loop at once, its payload quoted as data at the prompt.
#[tokio::test]
async fn a_firing_from_outside_is_shown_as_data() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let fire = |payload: &str| Command::Fire {
        name: "count".to_owned(),
        payload: Some(payload.to_owned()),
    };
    operator.say(fire("open the door\u{1b}[2J")).await;
    let open = operator.asked("prompt").await;
    let text = operator.text(prompt(&open)).await;
    let quoted = text.split_once("data, not instructions").unwrap().1;
    let marker = quoted.lines().nth(1).unwrap().strip_prefix("<<").unwrap();
    assert_eq!(marker.len(), 32);
    assert!(quoted.contains("open the door") && quoted.contains(&format!("\n{marker}>>")));
    assert!(!text.contains('\u{1b}'), "{text:?}");
    // A second one waits for the first, and comes after it.
    operator.say(fire("another")).await;
    let waits = operator.until("an answer", |fact| match fact {
        Fact::Fired { run: None, why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(waits.await, "count-1 is under way");
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    let open = operator.asked("prompt").await;
    assert_eq!(run_of(&open).0, "count-2");
    let text = operator.text(prompt(&open)).await;
    assert!(text.contains("another") && !text.contains("the door"));
    operator.say(fire(&"x".repeat(70_000))).await;
    assert!(operator.refused().await.contains("70000 bytes"));
}

/// R36: an event of somebody else's scheduler is not lost because a run was stopped: what was fired meanwhile
/// stands in line, with its place and its payload, and the stop tells so.
#[tokio::test]
async fn a_stop_loses_no_firing() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let run = {
        operator.say(fire("count")).await;
        run_of(&operator.asked("prompt").await)
    };
    let fire = |payload: &str| Command::Fire {
        name: "count".to_owned(),
        payload: Some(payload.to_owned()),
    };
    for (payload, before) in [
        ("the first", ""),
        ("the second", ", and 1 firing before it in line"),
    ] {
        operator.say(fire(payload)).await;
        let waits = |fact: &Fact| match fact {
            Fact::Fired { run: None, why, .. } => Some(why.clone()),
            _ => None,
        };
        let why = operator.until("a queue", waits).await;
        assert_eq!(why, format!("{run} is under way{before}"));
    }
    let two = |waking: &Waking| matches!(waking, Waking::Queued { firings: 2, .. });
    stands(&mut operator, two).await;
    // The supervisor has much to do before it obeys: by then the run is over.
    for _ in 0..20 {
        operator.say(Command::Tick).await;
    }
    operator.say(Command::Stop { run: run.clone() }).await;
    let told = operator.until("what stands in line", |fact| match fact {
        Fact::Done { what } => Some(what.clone()),
        _ => None,
    });
    let told = told.await;
    assert!(
        told.starts_with("2 firings of count still in line"),
        "{told}"
    );
    let ended = |event: &Event| matches!(event, Event::Ended(_));
    if !operator.events(&run).iter().any(ended) {
        operator.ended().await;
    }
    for payload in ["the first", "the second"] {
        let text = prompted(&mut operator).await;
        assert!(text.contains(payload), "{text}");
    }
}

/// Waits until a run asks for its prompt, and gives the prompt's text.
async fn prompted(operator: &mut Operator) -> String {
    let open = operator.asked("prompt").await;
    let text = operator.text(prompt(&open)).await;
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    text
}

/// R36: a JSON file that is dropped wakes the loop, with its text as data, and is gone; what is no
/// JSON is set aside with the reason beside it and wakes nothing.
#[tokio::test]
async fn a_dropped_file_wakes_the_loop() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    world.write("inbox/count/broken.json", "{ this is none");
    let inbox = world.project().join("inbox/count");
    let told = || {
        let mut all = reasons(&inbox).into_iter();
        all.any(|why| why.starts_with("it is no JSON"))
    };
    soon("a reason", told).await;
    world.write("inbox/count/first.json", r#"{"issue": 7}"#);
    let text = prompted(&mut operator).await;
    assert!(
        text.contains(r#"{"issue": 7}"#) && !text.contains("this is none"),
        "{text}"
    );
    assert!(!inbox.join("first.json").exists());
    let claimed = fs::read_dir(inbox.join(".claimed")).unwrap().count();
    assert_eq!(claimed, 0);
}

fn reasons(inbox: &std::path::Path) -> Vec<String> {
    let all = fs::read_dir(inbox.join("bad"))
        .into_iter()
        .flatten()
        .flatten();
    all.map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "why"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// A saved file wakes the loop with its name; a save by rename counts, an editor's own files and what
/// the loop writes itself do not.
#[tokio::test]
async fn a_changed_file_wakes_the_loop() {
    let world = world(
        r#"{ type = "event", watch = ["notes/**", "memory/**"] }"#,
        0,
    );
    world.write("notes/a.md", "one");
    world.write("memory/count.md", "# Memory\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    world.write("memory/count.md", "# Memory\n\n- its own\n");
    world.write("notes/.#a.md", "an editor's lock");
    world.write("notes/a.md~", "one");
    world.write("notes/deep/b.md.tmp", "two");
    let notes = world.project().join("notes");
    fs::rename(notes.join("deep/b.md.tmp"), notes.join("deep/b.md")).unwrap();
    let text = prompted(&mut operator).await;
    assert!(
        text.contains(r#"{"changed":["notes/deep/b.md"]}"#),
        "{text}"
    );
    // What changes while nobody is there is found by the next host.
    drop(operator);
    supervisor.end();
    fs::remove_file(notes.join("a.md")).unwrap();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let text = prompted(&mut operator).await;
    assert!(text.contains(r#"{"changed":["notes/a.md"]}"#), "{text}");
}

/// A new commit wakes the loop, loose or packed; a commit elsewhere does not, and no git is started
/// to see it.
#[tokio::test]
async fn a_commit_wakes_the_loop() {
    let world = world(
        r#"{ type = "event", git = { ref = "refs/heads/main" } }"#,
        0,
    );
    world.commit("the trigger");
    let before = world.git(&["rev-parse", "main"]);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    world.git(&["pack-refs", "--all"]);
    world.git(&["branch", "other"]);
    world.write("a.txt", "a");
    world.commit("more");
    let after = world.git(&["rev-parse", "main"]);
    let text = prompted(&mut operator).await;
    assert!(text.contains(&before) && text.contains(&after), "{text}");
}

/// A command that finds something wakes the loop with what it printed; one that finds nothing does
/// not, and one that fails is told.
#[tokio::test]
async fn a_command_that_finds_something_wakes_the_loop() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let poll = r#"{ type = "event", poll = { command = ["scripts/new"], every = "1h" } }"#;
    let world = world(poll, 0);
    let script = "#!/bin/sh\nif [ -e found ]; then cat found; else echo > nothing; exit 1; fi\n";
    world.script("scripts/new", script);
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let next = |time: &str| {
        let next = Some(ms(time));
        move |w: &Waking| *w == Waking::Armed { next }
    };
    stands(&mut operator, next("2026-06-12T07:00:00Z")).await;
    let nothing = world.project().join("nothing");
    until("a look that found nothing", || nothing.exists());
    world.write("found", "issue 7");
    hands.turn_to("2026-06-12T07:00:00Z");
    let text = prompted(&mut operator).await;
    assert!(text.contains("issue 7"), "{text}");
    fs::remove_file(world.project().join("found")).unwrap();
    world.script("scripts/new", "#!/bin/sh\nhead -c 70000 /dev/zero\n");
    hands.turn_to("2026-06-12T08:00:00Z");
    let why = operator
        .row("count", |row| Some(valid(row)?.lapse.clone()?.why))
        .await;
    assert_eq!(why, "scripts/new printed more than 65536 bytes");
}

/// R59, R63: of two loops that are due at once one works and the other is queued; one that waits for
/// a person holds nobody up.
#[tokio::test]
async fn one_works_and_one_is_queued() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(DAILY, 0);
    world.skill("other");
    let file = world
        .read("loops/count.toml")
        .replace("\"count\"", "\"other\"");
    world.write(
        "loops/other.toml",
        &file.replace("skills/count", "skills/other"),
    );
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    hands.turn_to("2026-06-12T07:00:00Z");
    let queued = operator.until("a queue", |fact| match fact {
        Fact::Waiting(runs) if !runs.is_empty() => Some(runs.clone()),
        _ => None,
    });
    let queued = queued.await;
    let first = operator.asked("prompt").await;
    let second = operator.asked("prompt").await;
    assert_eq!(queued, [run_of(&second)]);
    assert_ne!(run_of(&first), run_of(&second));
    // Answered, the first goes on at once: who waits for a person holds no turn.
    operator.answer(&first, Decision::APPROVE).await;
    assert_eq!(run_of(&operator.asked("work").await), run_of(&first));
}

/// R56: in quiet hours no trigger wakes anything, and the row says until when; a person still may.
#[tokio::test]
async fn quiet_hours_are_quiet() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(DAILY, 0);
    let night = jiff::tz::TimeZone::system();
    let here = |time: &str| time.parse::<Timestamp>().unwrap().to_zoned(night.clone());
    let (from, to) = (here("2026-06-12T06:30:00Z"), here("2026-06-12T08:30:00Z"));
    let hours = format!("{}-{}", from.strftime("%H:%M"), to.strftime("%H:%M"));
    world.write("checkride.toml", &format!("quiet_hours = \"{hours}\"\n"));
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    hands.turn_to("2026-06-12T07:00:00Z");
    let lapse = operator.row("count", |row| valid(row)?.lapse.clone()).await;
    assert_eq!(lapse.why, format!("quiet hours {hours}"));
    operator.start("count").await;
    assert_eq!(woke(&mut operator).await.by, "started by hand");
}

/// A loop wakes itself as often a day as it may, no more; then it says so. A person may start more.
#[tokio::test]
async fn runs_of_a_day_are_counted() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let file = world.read("loops/count.toml");
    let one = "guardrails = { max_runs_per_day = 1 }\n[goal]";
    world.write("loops/count.toml", &file.replace("[goal]", one));
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    prompted(&mut operator).await;
    let full = |w: &Waking| matches!(w, Waking::Asleep { why, .. } if why == "1 of 1 runs today");
    stands(&mut operator, full).await;
    operator.say(fire("count")).await;
    let waits = operator.until("an answer", |fact| match fact {
        Fact::Fired { run: None, why, .. } => Some(why.clone()),
        _ => None,
    });
    assert_eq!(waits.await, "1 of 1 runs today");
    operator.start("count").await;
    prompted(&mut operator).await;
    // The next day the firing has its run.
    hands.turn_to("2026-06-13T13:00:00Z");
    assert!(woke(&mut operator).await.by.starts_with("event · fired by"));
}

fn fire(name: &str) -> Command {
    Command::Fire {
        name: name.to_owned(),
        payload: None,
    }
}

/// A firing that is refused because the loop's file is broken just then has no run later, when the file is
/// mended.
#[tokio::test]
async fn a_refused_firing_has_no_run() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    let whole = world.read("loops/count.toml");
    world.write("loops/count.toml", "version = 1\nname = 3\n");
    operator.say(fire("count")).await;
    let refused = |fact: &Fact| matches!(fact, Fact::Refused { .. }).then_some(());
    operator.until("a refusal", refused).await;
    // Whoever mended the file is not told what was wrong with it before.
    world.write("loops/count.toml", &whole);
    operator.say(fire("count")).await;
    let run = operator.until("an answer", |fact| match fact {
        Fact::Fired { run, .. } => Some(run.clone()),
        _ => None,
    });
    assert_eq!(run.await, Some(RunId::new("count", 1)));
}

/// The caps of a day that this operator was told last: tokens, and millionths of a dollar.
fn told_caps(operator: &Operator) -> Option<(Option<u64>, Option<u64>)> {
    let told = operator.told.iter().rev();
    let mut caps = told.filter_map(|record| match record.fact {
        Fact::Caps(caps) => Some((caps.tokens, caps.micro_usd)),
        _ => None,
    });
    caps.next()
}

/// The day's tokens hold for everybody: a run gets no more than is left, and where nothing is left,
/// or the file cannot be read, nothing starts, by hand or by itself.
#[tokio::test]
async fn the_days_tokens_are_kept_to() {
    let world = Parts {
        turns: &[r#"{ tokens = 900 }, { write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        ..Parts::default()
    }
    .world();
    world.write("checkride.toml", "tokens_per_day = 1000\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    // Whoever attaches is told what a day may use up.
    assert_eq!(told_caps(&operator), Some((Some(1_000), None)));
    operator.start("count").await;
    assert_eq!(
        woke(&mut operator).await.spec.guardrails.budget.tokens,
        1_000
    );
    finish(&mut operator).await;
    operator.start("count").await;
    assert_eq!(woke(&mut operator).await.spec.guardrails.budget.tokens, 100);
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let session = Session::open(supervisor.connect(), "test".to_owned());
    let known = session.await.unwrap().known;
    let open_there = known.open_named("count").unwrap();
    let day = known.bound_by_day(&open_there).unwrap().line("at midnight");
    assert!(
        day.contains("the day's cap: tokens_per_day = 1000 in checkride.toml leaves this run 100")
            && day.contains("the day ends at midnight"),
        "{day}"
    );
    let raise = Decision::Edit(checkride::run::Edit::Raise {
        tokens: Some(5_000),
        minutes: None,
        micro_usd: None,
    });
    operator.answer(&open, raise).await;
    let why = operator.refused().await;
    assert!(
        why.contains("tokens_per_day = 1000 in checkride.toml is spent"),
        "{why}"
    );
    assert!(why.contains("; the day ends "), "{why}");
    operator.answer(&open, Decision::Abort).await;
    operator.ended().await;
    operator.start("count").await;
    let why = operator.refused().await;
    assert!(
        why.contains("tokens_per_day = 1000 in checkride.toml is spent"),
        "{why}"
    );
    world.write("checkride.toml", "tokens_per_dya = 1000\n");
    let refused = |fact: &Fact| match fact {
        Fact::Refused { why, .. } => why.contains("checkride.toml cannot be used").then_some(()),
        _ => None,
    };
    // Read with every start, noticed or not.
    operator.start("count").await;
    operator.until("a refusal", refused).await;
}

/// A rule that cannot be read is told to whoever is there, once, also where no trigger is held up by it.
#[tokio::test]
async fn a_bad_rule_is_not_silent() {
    let world = Parts::default().world();
    world.write("checkride.toml", "quiet_hours = \"22:00-06:30\"\n");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let told = |fact: &Fact| match fact {
        Fact::Refused { what, why } if what == "rules" => Some(why.clone()),
        _ => None,
    };
    world.write(
        "checkride.toml",
        "max_running = 1\nquiet_hours = \"late\"\n",
    );
    let why = operator.until("what is wrong", told).await;
    assert!(
        why.contains("line 2: ") && why.contains("quiet_hours"),
        "{why}"
    );
    let warned = |row: &LoopRow| valid(row)?.warnings.iter().find(|w| **w == why).cloned();
    operator.row("count", warned).await;
    world.write("checkride.toml", "max_running = 2\n");
    let fine = |row: &LoopRow| valid(row)?.warnings.is_empty().then_some(());
    operator.row("count", fine).await;
    assert_eq!(
        operator
            .told
            .iter()
            .filter(|r| told(&r.fact).is_some())
            .count(),
        1
    );
}

/// What is dropped and is no payload is told in the row with its reason, not beside the file alone.
#[tokio::test]
async fn a_bad_file_in_the_inbox_is_told() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    world.write("inbox/count/long.json", &"1".repeat(70_000));
    let lapse = operator.row("count", |row| valid(row)?.lapse.clone()).await;
    assert_eq!(lapse.count, 1);
    assert!(
        lapse.why.starts_with("inbox/count/bad/") && lapse.why.contains("more than 65536 bytes"),
        "{lapse:?}"
    );
}

/// A shell that cannot find what it is to run has not said that there is nothing to do.
#[tokio::test]
async fn a_poll_that_cannot_run_is_told() {
    let poll =
        r#"{ type = "event", poll = { command = ["sh", "-c", "no-such-program"], every = "1h" } }"#;
    let world = world(poll, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    let why = operator.row("count", |row| Some(valid(row)?.lapse.clone()?.why));
    assert_eq!(
        why.await,
        "sh ended with 127: a command in it was not found"
    );
}

/// One trigger is switched off and armed again without the others; what it lacks is said, not given.
#[tokio::test]
async fn one_trigger_is_switched() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    world.skill("other");
    let other = world.read("loops/count.toml").replace("count\"", "other\"");
    let other = other.replace("proven_min = 0", "proven_min = 2");
    world.write("loops/other.toml", &other);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    let one = |name: &str| Some(name.to_owned());
    let done = |fact: &Fact| match fact {
        Fact::Done { what } => Some(what.clone()),
        _ => None,
    };
    for name in ["count", "other"] {
        operator.say(Command::Disarm { name: one(name) }).await;
        let said = operator.until("an answer", done).await;
        assert_eq!(said, format!("the trigger of {name} is off"));
    }
    stands(&mut operator, |w| matches!(w, Waking::Off { .. })).await;
    let arm = |name: &str| Command::Arm {
        name: name.to_owned(),
    };
    operator.say(arm("count")).await;
    assert_eq!(operator.until("an answer", done).await, "count is armed");
    stands(&mut operator, Waking::armed).await;
    operator.say(arm("other")).await;
    let why = operator.refused().await;
    assert!(why.contains("manual only · proven 0 of 2"), "{why}");
    operator.say(arm("nobody")).await;
    let why = operator.refused().await;
    assert_eq!(why, "there is no loops/nobody.toml here");
}

/// R59: those who wait for their turn work in the order in which they were asked for, and their place is
/// told.
#[tokio::test]
async fn first_come_is_first_served() {
    // The first one is not done with its snapshot before all the others wait.
    let top = "guardrails = { workspace = { base = \"dirty\" } }";
    let parts = Parts {
        top,
        ..Parts::default()
    };
    let world = parts.world();
    let go = world.project().with_file_name("go");
    let waits = format!("until [ -e {} ]; do sleep 0.02; done; cat", go.display());
    world.git(&["config", "filter.slow.clean", &waits]);
    world.write(".git/info/attributes", "*.slow filter=slow\n");
    world.write("new.slow", "not committed\n");
    let file = world.read("loops/count.toml");
    let names = ["zeta", "eta", "beta", "alpha"];
    for name in names {
        world.skill(name);
        let file = file.replace("\"count\"", &format!("\"{name}\""));
        world.write(&format!("loops/{name}.toml"), &file);
    }
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    for name in ["count"].iter().chain(&names) {
        operator.start(name).await;
    }
    let all: Vec<RunId> = names.map(|name| RunId::new(name, 1)).into();
    let waiting = |fact: &Fact| match fact {
        Fact::Waiting(runs) if runs.len() == all.len() => Some(runs.clone()),
        _ => None,
    };
    assert_eq!(operator.until("a line", waiting).await, all);
    fs::write(&go, "").unwrap();
    let known = Known {
        queue: all.clone(),
        ..Known::default()
    };
    assert_eq!(known.place(&all[1]), Some((2, 4)));
    let mut came = Vec::new();
    while came.len() < 5 {
        let open = operator.asked("prompt").await;
        came.push(run_of(&open));
    }
    assert_eq!(came[1..], all);
}

/// R65: `X` switches every trigger off, over a restart too; `u` arms them from that moment on.
#[tokio::test]
async fn switched_off_stays_off() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(DAILY, 0);
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(Command::StopAll).await;
    let off = |w: &Waking| matches!(w, Waking::Off { .. });
    stands(&mut operator, off).await;
    operator.say(fire("count")).await;
    assert!(operator.refused().await.starts_with("off: "));
    drop(operator);
    supervisor.end();
    hands.turn_to("2026-06-12T07:00:00Z");
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(Command::Undo { run: None }).await;
    let next = Some(ms("2026-06-13T07:00:00Z"));
    let row = stands(&mut operator, |w| *w == Waking::Armed { next }).await;
    assert_eq!(valid(&row).unwrap().lapse, None);
    assert_eq!(row.last_run, None);
}

/// «All triggers off» holds for a loop whose file is not here at that moment, and for one that comes later, over a
/// restart too: neither wakes before somebody arms it. A firing of it that waited is let go.
#[tokio::test]
async fn all_off_holds_for_what_turns_up_later() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(DAILY, 0);
    let file = world.read("loops/count.toml");
    let away = world.project().join("loops/count.toml");
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    stands(&mut operator, Waking::armed).await;
    fs::remove_file(&away).unwrap();
    let none = |fact: &Fact| matches!(fact, Fact::Loops(rows) if rows.is_empty()).then_some(());
    operator.until("an empty list", none).await;
    operator.say(Command::StopAll).await;
    let done = |fact: &Fact| matches!(fact, Fact::Done { .. }).then_some(());
    operator.until("all is off", done).await;
    drop(operator);
    supervisor.end();

    hands.turn_to("2026-06-12T06:59:00Z");
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let off = |w: &Waking| matches!(w, Waking::Off { .. });
    world.write("loops/count.toml", &file);
    stands(&mut operator, off).await;
    world.skill("other");
    world.write("loops/other.toml", &file.replace("count\"", "other\""));
    let other_off = |row: &LoopRow| off(&valid(row)?.waking).then_some(());
    operator.row("other", other_off).await;
    hands.turn_to("2026-06-12T07:00:01Z");
    // One that is armed by name wakes alone.
    let name = "other".to_owned();
    operator.say(Command::Arm { name }).await;
    operator.until("one is armed", done).await;
    let next = Some(ms("2026-06-13T07:00:00Z"));
    let armed = |row: &LoopRow| (valid(row)?.waking == Waking::Armed { next }).then_some(());
    operator.row("other", armed).await;
    let row = stands(&mut operator, off).await;
    assert_eq!(row.last_run, None);
    operator.say(Command::Undo { run: None }).await;
    let row = stands(&mut operator, |w| *w == Waking::Armed { next }).await;
    assert_eq!(valid(&row).unwrap().lapse, None);
}

/// What has fired while a loop's file is away is let go with all triggers, and does not run once it is back.
#[tokio::test]
async fn all_off_lets_go_of_what_waits_for_its_file() {
    let world = world(r#"{ type = "event", inbox = true }"#, 0);
    let file = world.read("loops/count.toml");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    operator.say(fire("count")).await;
    let queued = |w: &Waking| matches!(w, Waking::Queued { .. });
    stands(&mut operator, queued).await;
    fs::remove_file(world.project().join("loops/count.toml")).unwrap();
    let gone = |row: &LoopRow| (row.state == LoopState::Gone).then_some(());
    operator.row("count", gone).await;
    operator.say(Command::StopAll).await;
    let none = |fact: &Fact| matches!(fact, Fact::Loops(rows) if rows.is_empty()).then_some(());
    operator.until("an empty list", none).await;
    operator.say(Command::Undo { run: None }).await;
    world.write("loops/count.toml", &file);
    let row = stands(&mut operator, Waking::armed).await;
    assert_eq!(row.last_run, Some(run_of(&open)));
    assert!(matches!(valid(&row).unwrap().waking, Waking::Armed { .. }));
}

/// A run under way keeps its row while its loop's file is gone: it is seen, answered and stopped.
#[tokio::test]
async fn a_run_without_its_file_stays_in_hand() {
    let world = world(DAILY, 0);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let open = operator.asked("prompt").await;
    fs::remove_file(world.project().join("loops/count.toml")).unwrap();
    let gone = |row: &LoopRow| (row.state == LoopState::Gone).then(|| row.last_run.clone());
    assert_eq!(operator.row("count", gone).await, Some(run_of(&open)));
    operator
        .answer(&open, Decision::Approve { typed: None })
        .await;
    operator.asked("work").await;
    // A host that begins finds it in the journal.
    drop(operator);
    supervisor.end();
    let supervisor = world.supervise();
    let operator = Operator::at(&supervisor).await;
    let rows = operator
        .told
        .iter()
        .rev()
        .find_map(|record| match &record.fact {
            Fact::Loops(rows) => Some(rows.clone()),
            _ => None,
        });
    assert_eq!(
        rows.unwrap().first().map(|row| row.name.clone()),
        Some("count".to_owned())
    );
    drop(operator);
    let session = || Session::open(supervisor.connect(), "test".to_owned());
    let now = status::status(&session().await.unwrap().known, 0);
    assert_eq!(now.loops[0].state, "waiting");
    let words = &now.loops[0].words;
    assert!(words.ends_with("; loops/count.toml is gone"), "{words}");
    let mut text = Vec::new();
    let mut out = Out::new(&mut text);
    let exit = stop::one(session().await.unwrap(), "count", &mut out).await;
    assert_eq!(exit.unwrap(), Exit::Done);
    let known = session().await.unwrap().known;
    assert_eq!(known.loops, Vec::<LoopRow>::new());
    // Its past is told all the same; that of a loop that never was is not.
    let form = log::Form {
        json: false,
        runs: 5,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut text = Vec::new();
    let mut out = Out::new(&mut text);
    let exit = log::log(session().await.unwrap(), "count", &form, &mut out).await;
    assert_eq!(exit.unwrap(), Exit::Done);
    let exit = log::log(session().await.unwrap(), "never", &form, &mut out).await;
    assert_eq!(exit.unwrap_err().exit, Exit::Unknown);
    out.finish().unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("count-1"), "{text}");
}

/// A trigger whose time is nearly over says so, and is armed for as long again by one key; once its time is
/// over it wakes no more, and asks.
#[tokio::test]
async fn a_forgotten_loop_switches_itself_off() {
    let hands = Hands::at("2026-06-12T06:00:00Z");
    let world = world(&DAILY.replace(" }", r#", expires = "2d" }"#), 0);
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let over = ms("2026-06-14T06:00:00Z");
    let row = stands(&mut operator, Waking::armed).await;
    let facts = valid(&row).unwrap();
    assert_eq!(facts.expires, Some(over));
    assert_eq!(facts.expires_soon(over - 12 * HOUR - 1), None);
    assert_eq!(facts.expires_soon(over - 12 * HOUR), Some(over));
    // Asked before it is over, `u` arms it for as long again.
    hands.turn_to("2026-06-13T20:00:00Z");
    let arm = || Command::Arm {
        name: "count".to_owned(),
    };
    operator.say(arm()).await;
    let at = ms("2026-06-15T20:00:00Z");
    let armed_anew = |row: &LoopRow| (valid(row)?.expires == Some(at)).then_some(());
    operator.row("count", armed_anew).await;
    hands.turn_to("2026-06-15T20:00:00Z");
    stands(&mut operator, |w| *w == Waking::Expired { at }).await;
    operator.say(arm()).await;
    let next = Some(ms("2026-06-16T07:00:00Z"));
    stands(&mut operator, |w| *w == Waking::Armed { next }).await;
}

/// A host that dies between a firing's record and its run doubles nothing and loses nothing: the
/// firing waits in the journal, and has exactly one run.
#[tokio::test]
async fn a_crash_between_firing_and_run_doubles_nothing() {
    let hands = Hands::at("2026-06-12T07:00:00Z");
    let world = world(DAILY, 0);
    let settings = hands.settings(&world);
    fs::create_dir_all(&settings.state).unwrap();
    let journal = Journal::open(&settings.state.join(JOURNAL)).unwrap();
    let at = ms("2026-06-12T07:00:00Z");
    let firing = |key: &str| Firing {
        name: "count".to_owned(),
        fired: Fired {
            key: key.to_owned(),
            payload: None,
        },
        at,
        by: "schedule · daily 07:00 UTC".to_owned(),
    };
    let key = format!("slot:{at}");
    assert!(journal.queue(firing(&key), None).await.unwrap());
    assert!(!journal.queue(firing(&key), None).await.unwrap());
    drop(journal);
    for round in 0..3 {
        let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
        let mut operator = Operator::at(&supervisor).await;
        if round == 0 {
            prompted(&mut operator).await;
            let events = operator.events(&RunId::new("count", 1));
            let Event::Woke(wake) = &events[0] else {
                panic!("{events:?}");
            };
            assert_eq!(wake.fired.as_ref().unwrap().key, key);
        }
        let mut row = stands(&mut operator, Waking::armed).await;
        // The list may be told once more as it stood before the run.
        while row.last_run.is_none() {
            row = operator
                .until("the list", |fact| match fact {
                    Fact::Loops(rows) => Some(rows[0].clone()),
                    _ => None,
                })
                .await;
        }
        assert_eq!(row.last_run, Some(RunId::new("count", 1)));
    }
}

/// What waited while its own host was gone for days is shown as missed; it does not run late.
#[tokio::test]
async fn an_old_firing_does_not_run_late() {
    let hands = Hands::at("2026-06-14T12:00:00Z");
    let world = world(DAILY, 0);
    let settings = hands.settings(&world);
    fs::create_dir_all(&settings.state).unwrap();
    let journal = Journal::open(&settings.state.join(JOURNAL)).unwrap();
    let firing = Firing {
        name: "count".to_owned(),
        fired: Fired {
            key: "slot:1".to_owned(),
            payload: None,
        },
        at: ms("2026-06-12T07:00:00Z"),
        by: "schedule · daily 07:00 UTC".to_owned(),
    };
    assert!(journal.queue(firing, None).await.unwrap());
    drop(journal);
    let supervisor = Supervisor::start(hands.settings(&world)).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    operator.say(Command::Tick).await;
    let lapse = operator.row("count", |row| valid(row)?.lapse.clone()).await;
    assert_eq!(lapse.why, "the host ended before its run began");
}
