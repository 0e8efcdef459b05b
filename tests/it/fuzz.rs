//! Inputs that nobody would write: seeds of every kind of file and message, cut, doubled, crossed and
//! flipped by a seeded hand. Nothing panics and nothing stalls. `CHECKRIDE_FUZZ` is how often more,
//! `CHECKRIDE_FUZZ_SECONDS` how long each kind goes on at least.

use std::fs;
use std::path::Path;
use std::time::Duration;

use checkride::config::{loops, prices, settings};
use checkride::host::wire::Greeting;
use checkride::protocol::{Command, Record, RunId};
use checkride::run::spec::Format;
use checkride::run::{Event, flag, keys};
use checkride::supervisor::journal::Journal;
use checkride::supervisor::memory::notes;
use checkride::supervisor::process::Exit;
use checkride::supervisor::verifier::answer;
use checkride::supervisor::worker::stream::{self, End, Lines, Sessions};
use checkride::tui::input::Reader as KeyReader;
use checkride::tui::themes::Theme;
use tokio::time::Instant;

use crate::screens::scenes;
use crate::world::{Operator, World};

/// Inputs of each kind.
const INPUTS: u64 = 10_000;

/// Longest time of one input; far above what any takes, far below what a person would notice.
const LONGEST: Duration = Duration::from_millis(100);

/// Longest input.
const BYTES: usize = 4 * 1024;

/// A small generator: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below.max(1)
    }
}

/// What hurts parsers.
const SPICE: [&[u8]; 22] = [
    b"\0",
    b"\"",
    b"'''",
    b"[[",
    b"]]",
    b"{",
    b"}",
    b"\\u",
    b"\xff",
    b"\xc3",
    b"\x1b[",
    b"\r\n",
    b"\n\n",
    b"1e999",
    b"-9223372036854775809",
    b"99999999999999999999",
    b"#",
    b"=",
    b"**",
    b"{a,b}",
    b"\xe2\x80\xae",
    b"\\",
];

/// A seed after one to six accidents.
fn mutated(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + dice.roll(64)).min(bytes.len());
        match dice.roll(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let times = 1 + dice.roll(20);
                bytes.splice(at..at, piece.repeat(times));
            }
            3 => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
            4 => {
                let spice = SPICE[dice.roll(SPICE.len())];
                let times = 1 + dice.roll(3) * dice.roll(200);
                bytes.splice(at..at, spice.repeat(times));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.roll(8);
                }
            }
        }
        bytes.truncate(BYTES);
    }
    bytes
}

/// Gives every input to a reader, and holds each against the clock.
#[expect(
    clippy::print_stdout,
    reason = "how many inputs a given time was enough for is what a long fuzz is asked for"
)]
async fn feed(seed: u64, seeds: &[Vec<u8>], mut read: impl FnMut(&[u8])) {
    let mut dice = Dice(seed);
    let mut slowest = (Duration::ZERO, Vec::new());
    let (start, count, least) = (Instant::now(), INPUTS * times(), seconds());
    let mut inputs = 0;
    while inputs < count || start.elapsed() < least {
        inputs += 1;
        let input = mutated(&mut dice, seeds);
        let began = Instant::now();
        read(&input);
        let took = began.elapsed();
        if took > slowest.0 {
            slowest = (took, input);
        }
        tokio::task::consume_budget().await;
    }
    println!("{inputs} inputs of kind {seed}, slowest {:?}", slowest.0);
    // A busy machine may stop anybody for a moment: what is slow must be slow again.
    if slowest.0 > LONGEST {
        let mut again = Duration::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            read(&slowest.1);
            again = again.min(began.elapsed());
        }
        let shown = String::from_utf8_lossy(&slowest.1).into_owned();
        assert!(again <= LONGEST, "{again:?}: {shown}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect();
    all.sort();
    let cut = |path| {
        let mut bytes = fs::read(path).unwrap();
        bytes.truncate(BYTES);
        bytes
    };
    all.into_iter().map(cut).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// S17: loop files are read or refused with a place, whatever stands in them.
#[tokio::test]
async fn loop_files() {
    let mut seeds = files("tests/invalid", "toml");
    seeds.push(fs::read(root().join("tests/it/config/full.toml")).unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("loops/full.toml");
    feed(1, &seeds, |input| {
        let read = loops::read_text(folder.path(), &file, &lossy(input));
        assert!(read.spec.is_some() || read.first_error().is_some());
    })
    .await;
}

/// S17: settings, prices and themes.
#[tokio::test]
async fn settings_prices_and_themes() {
    let mut seeds = files("themes", "toml");
    seeds.push(b"[project]\nquiet_hours = \"22:00-06:30\"\n[theme]\nname = \"mono\"\n".to_vec());
    seeds.push(b"[[model]]\nname = \"m\"\ninput = 1.0\noutput = 2.0\n".to_vec());
    feed(2, &seeds, |input| {
        let text = lossy(input);
        drop(settings::read_text(&text));
        drop(prices::read_text(&text));
        drop(Theme::read(&text));
    })
    .await;
}

/// S17: what a terminal sends, in pieces of every size.
#[tokio::test]
async fn bytes_of_a_terminal() {
    let seeds = [
        b"\x1b[A\x1b[1;5C\x1b[200~paste\x1b[201~abc\x1bOP".to_vec(),
        b"\x1b[<0;10;20M\x1b[97;5u\x1b[?1;2c\x1b]11;rgb:0/0/0\x1b\\".to_vec(),
        "äß漢🙂\u{1b}\r\t\u{7f}".into(),
    ];
    let mut parser = KeyReader::default();
    let mut size = 1;
    feed(3, &seeds, |input| {
        size = size % 17 + 1;
        for piece in input.chunks(size) {
            drop(parser.feed(piece));
        }
        drop(parser.settle());
    })
    .await;
}

/// S17: messages of the socket and rows of the journal.
#[tokio::test]
async fn messages_and_rows() {
    let mut seeds: Vec<Vec<u8>> = scenes::running()
        .iter()
        .chain(&scenes::hostile("x"))
        .map(|record| serde_json::to_vec(record).unwrap())
        .filter(|bytes| bytes.len() < BYTES)
        .collect();
    let start = Command::Start {
        name: "count".to_owned(),
    };
    seeds.push(serde_json::to_vec(&start).unwrap());
    seeds.push(serde_json::to_vec(&Greeting::ours(None)).unwrap());
    feed(4, &seeds, |input| {
        drop(serde_json::from_slice::<Record>(input));
        drop(serde_json::from_slice::<Command>(input));
        drop(serde_json::from_slice::<Event>(input));
        drop(serde_json::from_slice::<Greeting>(input));
    })
    .await;
}

/// S17: what agents print, in every format, and answers of judges.
#[tokio::test]
async fn streams_and_answers() {
    let formats = [
        (Format::ClaudeStreamJson, "claude"),
        (Format::CodexJsonl, "codex"),
        (Format::GeminiStreamJson, "gemini"),
        (Format::OpencodeJson, "opencode"),
        (Format::PiJson, "pi"),
        (Format::Text, "claude"),
    ];
    let sets = formats
        .map(|(format, folder)| (format, files(&format!("tests/streams/{folder}"), "jsonl")));
    let seeds: Vec<Vec<u8>> = sets.iter().flat_map(|(_, seeds)| seeds.clone()).collect();
    let mut turn = 0;
    feed(5, &seeds, |input| {
        turn += 1;
        let mut reader = stream::reader(sets[turn % sets.len()].0, &Sessions::new());
        let mut lines = Lines::new(reader.longest_line());
        lines.each(input, &mut |line, left_out| {
            reader.line(line, left_out, &mut |_, _| {});
        });
        lines.rest(&mut |line, left_out| reader.line(line, left_out, &mut |_, _| {}));
        let end = End {
            exit: Exit::Code(0),
            stderr: "",
        };
        drop(reader.finish(&end, &mut |_, _| {}));
        drop(answer::read(&lossy(input), 2));
    })
    .await;
}

/// S17: Markdown of memory, notes in it, and the lines that flags and keys are looked for in.
#[tokio::test]
async fn notes_and_lines() {
    let seeds = [
        b"# Memory\n\n## 2026-06-12 \xc2\xb7 run 13\n\n- one\n- two\n  more\n\n## 2026-06-11\n- x\n".to_vec(),
        b"```\n- [x] a | b\n---\n<b>html</b> [l](http://a.b/c) **bold _it_**\n```\n".to_vec(),
        b"-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nhttps://a:b@c".to_vec(),
    ];
    let heading = notes::heading("2026-06-12", 13);
    feed(6, &seeds, |input| {
        let text = lossy(input);
        let noted = notes::with_note(&text, "Memory", &heading, &text);
        drop(notes::without_note(&noted, &heading, &text));
        for line in text.lines() {
            drop(flag::lines::added(line, &[]));
        }
        let _sign = flag::paths::sign(&text);
        drop(keys::hidden(&text));
    })
    .await;
}

/// S17: beginnings of keys over and over take no more than their length.
#[tokio::test]
async fn keys_take_linear_time() {
    for piece in [
        "xoxb-",
        "AIza",
        "eyJ.",
        "eyJa",
        "-----BEGIN ",
        "://a:",
        "ghp_g",
        "1234567890:AA",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let began = Instant::now();
        drop(keys::find(&text));
        assert!(began.elapsed() < Duration::from_secs(30), "{piece}");
    }
}

/// A journal of two runs in one file, and what each run's records are.
async fn two_runs(path: &Path, runs: &[RunId; 2]) -> [Vec<Record>; 2] {
    let world = World::new();
    world.skill("count");
    let file = "version = 1\nname = \"count\"\nskill = { path = \"skills/count\" }\n\
        worker = { type = \"command\", command = [\"sh\", \"-c\", \"cat > /dev/null; echo 1 > count.txt\"] }\n\
        guardrails = { max_iterations = 1 }\n[goal]\nstatement = \"count\"\n\
        [[goal.verify.checks]]\nname = \"one\"\ncommand = [\"test\", \"-f\", \"count.txt\"]\n";
    world.write("loops/count.toml", file);
    world.commit("a loop");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    for _ in runs {
        operator.start("count").await;
        for kind in ["prompt", "work", "verdict"] {
            operator.approve(kind).await;
        }
        operator.ended().await;
    }
    drop(operator);
    drop(supervisor);
    let source = world.settings().state.join(checkride::supervisor::JOURNAL);
    // One file with all of it, whatever the host has still in its log.
    let copy = rusqlite::Connection::open(&source).unwrap();
    let into = path.display().to_string();
    copy.execute("VACUUM INTO ?1", [into]).unwrap();
    let journal = Journal::open(path).unwrap();
    let one = journal.run(runs[0].clone()).await.unwrap();
    let two = journal.run(runs[1].clone()).await.unwrap();
    assert!(one.len() > 5 && two.len() > 5);
    [one, two]
}

/// What is left of a damaged journal: how many runs it names as damaged, and whether it was refused.
async fn left(
    path: &Path,
    runs: &[RunId; 2],
    whole: &[Vec<Record>; 2],
    in_record: bool,
) -> (usize, bool) {
    let Ok(journal) = Journal::open(path) else {
        return (0, true);
    };
    let one = journal.run(runs[0].clone()).await;
    let two = journal.run(runs[1].clone()).await;
    let history = journal.history("count".to_owned(), u32::MAX, 10).await;
    drop(journal.open_runs().await);
    drop(journal.backlog(0).await);
    drop(journal.since(0, 100).await);
    let refused = history.is_err();
    let same = one.as_ref().is_ok_and(|read| *read == whole[0])
        || two.as_ref().is_ok_and(|read| *read == whole[1]);
    // A flip in the text of a record harms that run alone.
    assert!(same || refused || !in_record, "{one:?} {two:?}");
    let named = history.map(|(records, _)| records.iter().filter(|r| r.event().is_none()).count());
    (named.unwrap_or(0), refused)
}

/// S26: of a journal with flipped bytes nothing panics; a run whose record is damaged is named, and
/// the other is read as it was. 200 flips; `CHECKRIDE_FUZZ` is how often more.
#[tokio::test]
async fn flipped_bytes_of_a_journal() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let runs = [RunId::new("count", 1), RunId::new("count", 2)];
    let whole = two_runs(&path, &runs).await;
    let mut bytes = fs::read(&path).unwrap();
    let head = b"\"event\":";
    let places: Vec<usize> = (0..bytes.len() - head.len())
        .filter(|i| bytes[*i..].starts_with(head))
        .collect();
    let mut dice = Dice(26);
    let (mut named, mut refused) = (0, 0);
    for flip in 0..200 * times() {
        // Every second flip hits the text of a record.
        let in_record = flip % 2 == 1;
        let at = if in_record {
            places[dice.roll(places.len())] + dice.roll(9)
        } else {
            dice.roll(bytes.len())
        };
        let bit = 1 << dice.roll(8);
        bytes[at] ^= bit;
        for log in ["db-wal", "db-shm"] {
            drop(fs::remove_file(path.with_extension(log)));
        }
        fs::write(&path, &bytes).unwrap();
        let (found, is_refused) = left(&path, &runs, &whole, in_record).await;
        named += found;
        refused += usize::from(is_refused);
        bytes[at] ^= bit;
    }
    assert!(
        named > 0,
        "no damaged run was named; {refused} files were refused"
    );
}

/// How often more than usual.
fn times() -> u64 {
    figure("CHECKRIDE_FUZZ").unwrap_or(1)
}

/// How long each kind goes on, whatever its count.
fn seconds() -> Duration {
    Duration::from_secs(figure("CHECKRIDE_FUZZ_SECONDS").unwrap_or(0))
}

fn figure(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
