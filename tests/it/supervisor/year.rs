//! A year of fifty loops with every kind of trigger, on a real host that sleeps, is ended, and is killed at
//! any moment, by a clock that jumps. What is left in the journal is then accounted for, slot by slot.

mod books;
mod host;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use books::Books;
use checkride::run::spec::Cron;
use host::Host;

use crate::ordeal::times;
use crate::world::World;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days of a year that is whole.
const YEAR: i64 = 365;

/// 2026-01-01, 00:00 UTC.
const BEGIN: i64 = 1_767_225_600_000;

/// Numbers drawn by lot, the same every time.
struct Lots(u64);

impl Lots {
    fn draw(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % below
    }
}

/// What wakes a loop of the year.
enum Kind {
    Cron(&'static str, &'static str),
    Every(i64),
    Watch,
    Git,
    Inbox,
    Poll,
    /// Its inbox stays empty: it is fired from outside.
    Called,
}

/// The schedules: two zones that put the clock forward and back, north and south, and one that does not.
const CRONS: [(&str, &str); 20] = [
    ("0 7 * * 1-5", "Europe/Berlin"),
    ("30 2 * * *", "Europe/Berlin"),
    ("15 1-3 * * *", "Europe/Berlin"),
    ("10 * * * *", "Europe/Berlin"),
    ("59 23 * * 0", "Europe/Berlin"),
    ("0 0 1 * *", "Europe/Berlin"),
    ("45 2 * 3,10 0", "Europe/Berlin"),
    ("0 3 * * *", "Europe/Berlin"),
    ("5 */12 * * *", "Australia/Sydney"),
    ("30 2 * * *", "Australia/Sydney"),
    ("15 1-3 * * *", "Australia/Sydney"),
    ("20 * * * *", "Australia/Sydney"),
    ("45 2 * 4,10 0", "Australia/Sydney"),
    ("0 12 13 * 5", "Australia/Sydney"),
    ("0 9 * * 1", "Australia/Sydney"),
    ("0 0 * * *", "UTC"),
    ("40 */6 * * *", "UTC"),
    ("0 12 29 2 *", "UTC"),
    ("0 8 31 * *", "UTC"),
    ("0 17 * * 5", "UTC"),
];

/// One loop of the year.
struct One {
    name: String,
    kind: Kind,
    file: String,
}

fn fifty() -> Vec<One> {
    let kinds = CRONS.iter().map(|(cron, zone)| Kind::Cron(cron, zone));
    let kinds = kinds
        .chain((1..=10).map(|n| Kind::Every(5 * n * n * HOUR)))
        .chain((0..5).map(|_| Kind::Watch))
        .chain((0..5).map(|_| Kind::Git))
        .chain((0..5).map(|_| Kind::Inbox))
        .chain((0..3).map(|_| Kind::Poll))
        .chain((0..2).map(|_| Kind::Called));
    kinds
        .enumerate()
        .map(|(n, kind)| One::new(n, kind))
        .collect()
}

impl One {
    fn new(n: usize, kind: Kind) -> Self {
        let name = format!("loop-{n}");
        let trigger = match &kind {
            Kind::Cron(cron, zone) => {
                format!("type = \"schedule\"\ncron = \"{cron}\"\ntimezone = \"{zone}\"")
            }
            Kind::Every(gap) => format!("type = \"schedule\"\nevery = \"{}h\"", gap / HOUR),
            Kind::Watch => format!("type = \"event\"\nwatch = [\"notes/{name}/*.md\"]"),
            Kind::Git => format!("type = \"event\"\ngit = {{ ref = \"refs/heads/{name}\" }}"),
            Kind::Poll => format!(
                "type = \"event\"\npoll = {{ command = [\"cat\", \"found/{name}\"], every = \"1d\" }}"
            ),
            Kind::Inbox | Kind::Called => "type = \"event\"\ninbox = true".to_owned(),
        };
        let by_clock = matches!(kind, Kind::Cron(..) | Kind::Every(_));
        let made_up = if by_clock && n.is_multiple_of(3) {
            "missed = \"once\"\n"
        } else {
            ""
        };
        let late = if by_clock && n.is_multiple_of(4) {
            "jitter = \"10m\"\n"
        } else {
            ""
        };
        // Some loops have rules of their own that let slots go.
        let rule = match n % 5 {
            1 => "quiet_hours = \"22:00-06:30\"\n",
            2 => "max_runs_per_day = 1\n",
            _ => "",
        };
        let file = format!(
            "version = 1\nname = \"{name}\"\n[trigger]\n{trigger}\n{made_up}{late}\
             [skill]\npath = \"skills/any\"\nproven_min = 0\n[guardrails]\n{rule}\
             [worker]\ntype = \"command\"\ncommand = [\"true\"]\n\
             [goal]\nstatement = \"It is done.\"\n\
             [[goal.verify.checks]]\nname = \"done\"\ncommand = [\"true\"]\n"
        );
        Self { name, kind, file }
    }
}

fn project(loops: &[One]) -> World {
    let world = World::new();
    world.skill("any");
    world.write("checkride.toml", "max_running = 8\n");
    for one in loops {
        world.write(&format!("loops/{}.toml", one.name), &one.file);
    }
    world.commit("fifty loops");
    for one in loops.iter().filter(|one| matches!(one.kind, Kind::Git)) {
        world.git(&["branch", &one.name]);
    }
    world
}

/// What this year brought about outside, for the books.
#[derive(Default)]
struct Brought {
    /// Payloads that were dropped, found, or written into watched folders: loop and words.
    words: BTreeSet<(String, String)>,
    /// Calls that were answered with yes, and all that were made.
    answered: BTreeSet<(String, String)>,
    called: BTreeSet<(String, String)>,
    kills: usize,
    backs: usize,
    sleeps: usize,
}

/// Something happens outside that concerns some of the loops.
fn happen(world: &World, loops: &[One], (round, lots): (usize, &mut Lots), brought: &mut Brought) {
    let words = format!("round-{round}-");
    let note = |name: &str, brought: &mut Brought| {
        brought.words.insert((name.to_owned(), words.clone()));
    };
    for one in loops {
        if lots.draw(6) != 0 {
            continue;
        }
        let name = &one.name;
        match &one.kind {
            Kind::Watch => {
                // Written aside, so that nobody finds half of it.
                let aside = format!("notes/{name}/{words}.tmp");
                world.write(&aside, "# A note\n");
                let aside = world.project().join(aside);
                std::fs::rename(&aside, aside.with_extension("md")).unwrap();
                note(name, brought);
            }
            Kind::Inbox => {
                let aside = format!("inbox/{name}/{words}.tmp");
                world.write(&aside, &format!("{{\"is\": \"{words}\"}}"));
                let aside = world.project().join(aside);
                std::fs::rename(&aside, aside.with_extension("json")).unwrap();
                note(name, brought);
            }
            Kind::Git => {
                let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
                let commit = world.git(&["commit-tree", &tree, "-m", &words]);
                world.git(&["update-ref", &format!("refs/heads/{name}"), &commit]);
            }
            Kind::Poll => {
                let found = format!("found/{name}");
                // What was found stays until a firing has told it.
                if !world.project().join(&found).exists() {
                    world.write(&found, &words);
                    note(name, brought);
                }
            }
            Kind::Cron(..) | Kind::Every(_) | Kind::Called => {}
        }
    }
}

/// What a command found is taken away once a firing tells it.
fn take_away(world: &World, loops: &[One]) {
    let books = Books::open(world);
    for one in loops.iter().filter(|one| matches!(one.kind, Kind::Poll)) {
        let found = format!("found/{}", one.name);
        let words = world.read(&found);
        if !words.is_empty() && books.tells(&one.name, &words) > 0 {
            std::fs::remove_file(world.project().join(found)).unwrap();
        }
    }
}

/// One step of the year: the clock goes on, and what lies between here and there is drawn by lot.
struct Year<'a> {
    world: &'a World,
    loops: &'a [One],
    lots: Lots,
    now: i64,
    brought: Brought,
}

impl Year<'_> {
    fn call(&mut self, host: &mut Host, round: usize) {
        let called = self
            .loops
            .iter()
            .filter(|one| matches!(one.kind, Kind::Called));
        for one in called {
            let call = (one.name.clone(), format!("round-{round}-"));
            self.brought.called.insert(call.clone());
            if host.ask(&format!("fire {} {}", call.0, call.1)) == "yes" {
                self.brought.answered.insert(call);
            }
        }
    }

    /// The host is gone for a while: at once, or killed in the middle of whatever it does.
    fn without_host(&mut self, mut host: Host, round: usize) -> Host {
        if self.lots.draw(3) == 0 {
            host.end();
        } else {
            self.now += self.lots.draw(12 * HOUR);
            host.tell(&format!("turn {}", self.now));
            if self.lots.draw(2) == 0 {
                self.brought
                    .called
                    .insert((self.called(), format!("round-{round}-last-")));
                host.tell(&format!("fire {} round-{round}-last-", self.called()));
            }
            host.kill_within(Duration::from_micros(self.lots.draw(60_000).unsigned_abs()));
            self.brought.kills += 1;
        }
        if self.lots.draw(2) == 0 {
            happen(
                self.world,
                self.loops,
                (round, &mut self.lots),
                &mut self.brought,
            );
            self.now += self.lots.draw(5 * DAY);
        }
        Host::start(self.world, self.now)
    }

    fn called(&self) -> String {
        let mut called = self.loops.iter().rev();
        called.next().unwrap().name.clone()
    }

    /// When one of the loops wakes next, drawn by lot; a few hours on where that is far away.
    fn next_slot(&mut self) -> i64 {
        let later = self.now + 2 * HOUR + self.lots.draw(8 * HOUR);
        let lot = self.lots.draw(i64::try_from(self.loops.len()).unwrap());
        let one = &self.loops[usize::try_from(lot).unwrap()];
        let next = slots(&one.kind, self.now, self.now + DAY);
        next.first().copied().unwrap_or(later)
    }

    fn step(&mut self, mut host: Host, round: usize) -> Host {
        match self.lots.draw(24) {
            // A night, or a holiday, with the lid closed.
            0 => {
                self.brought.sleeps += 1;
                self.now += 8 * HOUR + self.lots.draw(6 * DAY);
            }
            // The clock is put back, by up to three hours, and is right again later.
            1 => {
                self.brought.backs += 1;
                self.now -= self.lots.draw(3 * HOUR);
            }
            2..=4 => host = self.without_host(host, round),
            5..=8 => {
                let (lots, brought) = (&mut self.lots, &mut self.brought);
                happen(self.world, self.loops, (round, lots), brought);
            }
            9 => self.call(&mut host, round),
            10 | 11 => {
                host.ask("answer");
                take_away(self.world, self.loops);
            }
            _ => self.now = self.next_slot() + self.lots.draw(11 * MINUTE),
        }
        host.ask(&format!("turn {}", self.now));
        host
    }
}

/// R23, R36, R41, S25: over a year of fifty loops each slot ran once, was skipped by a rule that is named, or
/// is shown as missed; each event from outside woke its loop; nothing ran twice. `CHECKRIDE_YEAR_DAYS=365`
/// makes the whole year of it.
#[test]
fn a_year_of_fifty_loops_is_accounted_for() {
    let days = i64::try_from(times("CHECKRIDE_YEAR_DAYS", 18)).unwrap();
    // A short year makes do with some of each kind.
    let flies = |n: usize| days >= YEAR || n.is_multiple_of(5) || n == 49;
    let loops = fifty().into_iter().enumerate().filter(|(n, _)| flies(*n));
    let loops: Vec<One> = loops.map(|(_, one)| one).collect();
    let world = project(&loops);
    let mut year = Year {
        world: &world,
        loops: &loops,
        lots: Lots(11),
        now: BEGIN,
        brought: Brought::default(),
    };
    let mut host = Host::start(&world, year.now);
    host.ask(&format!("turn {}", year.now));
    // The clock is right when the loops are armed.
    year.now += DAY;
    host.ask(&format!("turn {}", year.now));
    let mut round = 0;
    while year.now < BEGIN + days * DAY {
        round += 1;
        host = year.step(host, round);
    }
    // What still waits has its run: a loop takes one thing after the other, and none in its quiet hours.
    let turns = if days >= YEAR { 20 } else { 4 };
    for _ in 0..turns {
        host.ask("answer");
        take_away(&world, &loops);
        year.now += DAY + HOUR;
        host.ask(&format!("turn {}", year.now));
    }
    host.ask("answer");
    host.end();
    let books = Books::open(&world);
    let sums = books.audit(&loops, &year.brought);
    let brought = &year.brought;
    let line = format!(
        "{days} days, {round} steps, {} kills, {} suspends, {} times back: {sums:?}",
        brought.kills, brought.sleeps, brought.backs
    );
    writeln!(std::io::stderr(), "{line}").unwrap();
    assert!(
        brought.kills > 0 && sums.ran > 10 && sums.missed > 0,
        "{line}"
    );
    if days >= YEAR {
        assert!(brought.kills > 50 && brought.sleeps > 20 && brought.backs > 20);
        assert!(sums.ran > 1_000 && sums.skipped > 500, "{sums:?}");
    }
}

/// The slots of a schedule after one moment and up to another.
fn slots(kind: &Kind, since: i64, upto: i64) -> Vec<i64> {
    match kind {
        Kind::Cron(cron, zone) => {
            let cron = Cron::parse(cron).unwrap();
            let zone = jiff::tz::TimeZone::get(zone).unwrap();
            let next = |at: &i64| checkride::supervisor::wake::calendar::next(&cron, &zone, *at);
            let all = std::iter::successors(next(&since), next);
            all.take_while(|slot| *slot <= upto).collect()
        }
        Kind::Every(gap) => {
            let all = (1..).map(|n| since + n * gap);
            all.take_while(|slot| *slot <= upto).collect()
        }
        Kind::Watch | Kind::Git | Kind::Inbox | Kind::Poll | Kind::Called => Vec::new(),
    }
}

/// Whether this is the folder of a year that is under way.
fn is_there(folder: &Path) -> bool {
    folder.join("project/loops").is_dir()
}
