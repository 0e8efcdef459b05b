//! Workers: what a turn tells while it runs, how each way to end is told apart, and the transcript.

use std::fs;
use std::path::Path;
use std::time::Duration;

use checkride::run::Usage;
use checkride::run::spec::{Format, PromptBy};
use checkride::supervisor::process::{Halt, Limits};
use checkride::supervisor::worker::command::{self, Manner, Task};
use checkride::supervisor::worker::script::{self, Script};
use checkride::supervisor::worker::stream::Sessions;
use checkride::supervisor::worker::{Ended, Kind, Progress, Transcript, Turn};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::process::Bench;

#[derive(Default)]
pub(crate) struct Told {
    entries: Vec<(Kind, String)>,
    usage: Usage,
    pauses: u32,
    /// Tokens that the turn may use; `None` for any.
    most: Option<u64>,
}

impl Progress for Told {
    fn entry(&mut self, kind: Kind, text: &str) {
        self.entries.push((kind, text.to_owned()));
    }
    fn usage(&mut self, so_far: Usage) {
        self.usage = so_far;
    }
    fn most_tokens(&self) -> u64 {
        self.most.unwrap_or(u64::MAX)
    }
    fn pause(&mut self) {
        self.pauses += 1;
    }
}

impl Told {
    pub(crate) fn of(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self.entries.iter().filter(|(k, _)| *k == kind);
        of_kind.map(|(_, text)| text.as_str()).collect()
    }
}

fn limits(timeout: Duration) -> (watch::Sender<Halt>, Limits) {
    let (sender, halt) = watch::channel(Halt::No);
    (sender, Limits { timeout, halt })
}

async fn turn(script: &str, prompt: &str, by: PromptBy, timeout: Duration) -> (Turn, Told) {
    spoken(script, prompt, (by, Format::Text), timeout).await
}

/// A turn of a script that prints a format.
pub(crate) async fn turn_of(script: &str, format: Format, by: PromptBy) -> (Turn, Told) {
    spoken(script, "", (by, format), LONG).await
}

async fn flood(script: &str, format: Format, told: &mut Told) -> Turn {
    let bench = Bench::new();
    let (_sender, limits) = limits(LONG);
    let task = Task {
        prompt: "",
        workspace: bench.path(),
        limits,
    };
    let argv = ["sh", "-c", script].map(str::to_owned);
    let manner = Manner {
        by: PromptBy::Stdin,
        format,
        before: &Sessions::new(),
    };
    command::run(&argv, manner, &bench.home, task, told).await
}

async fn spoken(
    script: &str,
    prompt: &str,
    (by, format): (PromptBy, Format),
    timeout: Duration,
) -> (Turn, Told) {
    let bench = Bench::new();
    let (_sender, limits) = limits(timeout);
    let task = Task {
        prompt,
        workspace: bench.path(),
        limits,
    };
    let mut told = Told::default();
    let argv = ["sh", "-c", script].map(str::to_owned);
    let manner = Manner {
        by,
        format,
        before: &Sessions::new(),
    };
    let turn = command::run(&argv, manner, &bench.home, task, &mut told).await;
    (turn, told)
}

const LONG: Duration = Duration::from_secs(120);

fn cause(turn: &Turn) -> &str {
    match &turn.ended {
        Ended::Badly(failure) | Ended::Limited(_, failure) => &failure.cause,
        Ended::NoRoom(_, why) => why,
        Ended::Well | Ended::Halted => "",
    }
}

/// The prompt goes in, lines come out as said, the last is the claim, `NOTE:` the note.
#[tokio::test]
async fn a_turn_is_told_line_by_line() {
    let script =
        "cat; echo; echo 'NOTE: old'; echo 'NOTE: use https'; echo oops >&2; printf 'all done'";
    let (turn, told) = turn(script, "do it", PromptBy::Stdin, LONG).await;
    assert_eq!(turn.ended, Ended::Well);
    assert_eq!(
        told.of(Kind::Said),
        ["do it", "NOTE: old", "NOTE: use https", "all done"]
    );
    assert_eq!(told.of(Kind::Stderr), ["oops"]);
    assert_eq!(turn.claim.as_deref(), Some("all done"));
    assert_eq!(turn.note.as_deref(), Some("use https"));
    assert_eq!(turn.stderr_tail, "oops");
    assert_eq!(turn.usage, Usage::estimate(5, 6 + 10 + 16 + 8));
    assert!(told.pauses > 0);
}

/// A turn that fails has cost what its messages told, whatever its end leaves out.
#[tokio::test]
async fn a_failed_turn_costs_what_it_told() {
    let script = r#"
        echo '{"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":20000,"output_tokens":9000}}}'
        echo '{"type":"result","subtype":"error","is_error":true,"result":"usage limit reached"}'
        exit 1"#;
    let (turn, _) = turn_of(script, Format::ClaudeStreamJson, PromptBy::Stdin).await;
    assert!(cause(&turn).contains("usage limit reached"), "{turn:?}");
    assert_eq!((turn.usage.tokens, turn.usage.estimated), (29_000, true));
}

/// As an argument the prompt is one word, whatever it holds; too long or a NUL is refused. Nothing
/// is on standard input then: some agents read it to its end.
#[tokio::test]
async fn a_prompt_as_argument_is_one_word() {
    let prompt = "a 'b' $(touch pwned) \n c";
    let (_, told) = turn("printf '%s' \"$0\"", prompt, PromptBy::Arg, LONG).await;
    assert_eq!(told.of(Kind::Said), ["a 'b' $(touch pwned) ", " c"]);
    let (empty, told) = turn("cat; echo end", "x", PromptBy::Arg, LONG).await;
    assert_eq!(
        (empty.ended, told.of(Kind::Said)),
        (Ended::Well, vec!["end"])
    );
    let (long, _) = turn("true", &"x".repeat(128 * 1024), PromptBy::Arg, LONG).await;
    assert!(cause(&long).contains("set prompt = \"stdin\""), "{long:?}");
    assert_eq!(long.usage, Usage::default());
    let (nul, _) = turn("true", "a\0b", PromptBy::Arg, LONG).await;
    assert!(cause(&nul).contains("NUL"), "{nul:?}");
}

/// S12: exit, signal, timeout and silence each have a line of their own.
#[tokio::test]
async fn each_bad_end_has_its_own_line() {
    let short = Duration::from_secs(1);
    let by = PromptBy::Stdin;
    let table = [
        ("echo no >&2; exit 3", LONG, "sh ended with exit 3"),
        (
            "kill -SEGV $$",
            LONG,
            "sh was killed by SEGV, not by checkride",
        ),
        (
            "sleep 60",
            short,
            "sh printed nothing in 1 s and was killed",
        ),
        (
            "echo a; sleep 60",
            short * 3,
            "sh was not done after 3 s, silent for",
        ),
    ];
    for (script, timeout, wanted) in table {
        let (turn, told) = turn(script, "", by, timeout).await;
        assert!(cause(&turn).starts_with(wanted), "{script}: {turn:?}");
        // The run tells its failures itself, wherever they come from.
        assert!(told.of(Kind::Error).is_empty());
    }
}

/// S12: an agent of a format that is never long quiet, and says nothing at all, is told of when its
/// limit is over, long before its timeout; one that may print its answer at the end is not.
#[tokio::test(start_paused = true)]
async fn an_agent_that_never_says_a_word_is_told_of() {
    for (format, wanted) in [(Format::ClaudeStreamJson, 1), (Format::Text, 0)] {
        let bench = Bench::new();
        let (_halt, limits) = limits(Duration::from_secs(3_600));
        let task = Task {
            prompt: "",
            workspace: bench.path(),
            limits,
        };
        let argv = ["sh", "-c", "exec sleep 600"].map(str::to_owned);
        let mut told = Told::default();
        let manner = Manner {
            by: PromptBy::Stdin,
            format,
            before: &Sessions::new(),
        };
        let turn = command::run(&argv, manner, &bench.home, task, &mut told).await;
        let silent = told.of(Kind::Error);
        assert_eq!(silent.len(), wanted, "{format:?}: {silent:?}");
        assert!(
            silent
                .iter()
                .all(|said| said.starts_with("silent for 2 min, longer"))
        );
        assert!(
            cause(&turn).contains("printed nothing in 60 min"),
            "{turn:?}"
        );
        assert_eq!(bench.alive(), Vec::<i32>::new());
    }
}

/// S12: a pipe that somebody outside the tree holds open does not hold the turn.
#[tokio::test]
async fn a_pipe_held_after_the_exit_holds_nobody() {
    let bench = Bench::new();
    let script = "echo $$ >pid; until [ -e held ]; do sleep 0.01; done; echo done";
    let (_halt, limits) = limits(LONG);
    let task = Task {
        prompt: "",
        workspace: bench.path(),
        limits,
    };
    let argv = ["sh", "-c", script].map(str::to_owned);
    let mut told = Told::default();
    let manner = Manner {
        by: PromptBy::Stdin,
        format: Format::Text,
        before: &Sessions::new(),
    };
    let holding = async {
        let pid = bench.path().join("pid");
        let pid = loop {
            let text = fs::read_to_string(&pid).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let pipe = fs::File::create(format!("/proc/{pid}/fd/1")).unwrap();
        fs::write(bench.path().join("held"), "").unwrap();
        (pipe, Instant::now())
    };
    let run = async {
        let turn = command::run(&argv, manner, &bench.home, task, &mut told).await;
        (turn, Instant::now())
    };
    let ((turn, over), (pipe, since)) = tokio::join!(run, holding);
    assert_eq!(turn.ended, Ended::Well);
    assert_eq!(told.of(Kind::Said), ["done"]);
    // Wanted is a second; a machine that builds at the same time gets some more.
    assert!(over - since < Duration::from_secs(60), "{:?}", over - since);
    drop(pipe);
}

/// S15: invalid UTF-8, NULs and a line over the limit come through as text, cut with a mark.
#[tokio::test]
async fn hostile_output_becomes_text() {
    let script = r"printf 'a\377b\000c\n'; head -c 200000 /dev/zero | tr '\0' x; printf '\nend\n'";
    let (_, told) = turn(script, "", PromptBy::Stdin, LONG).await;
    let said = told.of(Kind::Said);
    assert_eq!(said[0], "a\u{fffd}b\0c");
    assert!(said[1].ends_with("x ⟪134464 bytes of this line are not kept⟫"));
    assert!(said[1].len() < 66_000);
    assert_eq!(said[2], "end");
}

/// A worker that is told to halt ends as halted, with its tree gone.
#[tokio::test]
async fn a_halted_turn_says_so() {
    let bench = Bench::new();
    let (sender, limits) = limits(LONG);
    sender.send_replace(Halt::Now);
    let task = Task {
        prompt: "",
        workspace: bench.path(),
        limits,
    };
    let argv = ["sh", "-c", "setsid sleep 600"].map(str::to_owned);
    let mut told = Told::default();
    let manner = Manner {
        by: PromptBy::Stdin,
        format: Format::Text,
        before: &Sessions::new(),
    };
    let turn = command::run(&argv, manner, &bench.home, task, &mut told).await;
    assert_eq!(turn.ended, Ended::Halted);
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

async fn play(text: &str, iteration: u32, workspace: &Path) -> (Turn, Told) {
    let script = Script::parse(text).unwrap();
    let (_sender, limits) = limits(Duration::from_secs(3_600));
    let mut told = Told::default();
    let task = Task {
        prompt: "prompt",
        workspace,
        limits,
    };
    let turn = script::run(&script, iteration, 1.0, task, &mut told).await;
    (turn, told)
}

/// A script says, writes, waits on the paused clock, and its last turn repeats.
#[tokio::test(start_paused = true)]
async fn a_script_plays_its_turns() {
    let text = r#"
        [[turn]]
        acts = [{ say = "one" }, { write = { path = "a/b.md", text = "1" } }, { sleep_ms = 60000 }]
        [[turn]]
        acts = [{ append = { path = "a/b.md", text = "2" } }, { tokens = 1200 }, { claim = "done" }, { exit = 4 }]
    "#;
    let dir = tempfile::tempdir().unwrap();
    let (first, told) = play(text, 1, dir.path()).await;
    assert_eq!((first.took_ms, &first.ended), (60_000, &Ended::Well));
    assert_eq!(told.of(Kind::File), ["a/b.md"]);
    for iteration in [2, 3] {
        let (turn, _) = play(text, iteration, dir.path()).await;
        assert_eq!(cause(&turn), "the script ended with exit 4");
        assert_eq!(
            (turn.usage.tokens, turn.claim.as_deref()),
            (1200, Some("done"))
        );
    }
    assert_eq!(
        fs::read_to_string(dir.path().join("a/b.md")).unwrap(),
        "122"
    );
}

/// A script cannot leave its workspace: not by `..`, not by a root, not by a link.
#[tokio::test]
async fn a_script_stays_in_its_workspace() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = dir.path().join("w");
    fs::create_dir(&workspace).unwrap();
    std::os::unix::fs::symlink(dir.path(), workspace.join("out")).unwrap();
    for path in ["../x", "/tmp/checkride-x", "out/x", "a/../../x"] {
        let text = format!("[[turn]]\nacts = [{{ write = {{ path = \"{path}\", text = \"\" }} }}]");
        let (turn, _) = play(&text, 1, &workspace).await;
        assert!(
            cause(&turn).starts_with("the script cannot change"),
            "{path}: {turn:?}"
        );
    }
    assert!(!dir.path().join("x").exists());
    assert_eq!(
        Script::parse("[[turn]]\nacts = [{ shout = 1 }]")
            .unwrap_err()
            .split(':')
            .next(),
        Some("line 2")
    );
}

fn open(path: &Path, cap: u64) -> Transcript {
    Transcript::open(path, cap).unwrap()
}

/// Lines come back by range, inert, also after a crash that tore the last one.
#[test]
fn a_transcript_survives_a_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("transcript.jsonl");
    let mut transcript = open(&path, 1 << 20);
    for i in 0..100 {
        transcript
            .append(i, Kind::Said, &format!("line {i} \u{1b}[2J\""))
            .unwrap();
    }
    assert_eq!(transcript.lines(98, 50).unwrap()[1].text, "line 99 ␛\"");
    let mut torn = fs::read(&path).unwrap();
    torn.extend(b"{\"at\":1,\"ki");
    fs::write(&path, torn).unwrap();
    let mut transcript = open(&path, 1 << 20);
    assert_eq!(transcript.len(), 100);
    transcript.append(7, Kind::Claim, "after").unwrap();
    let last = transcript.lines(99, 9).unwrap();
    assert_eq!(
        last.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
        ["line 99 ␛\"", "after"]
    );
    assert_eq!(transcript.lines(101, 9).unwrap(), []);
    assert_eq!(transcript.lines(u64::MAX, u64::MAX).unwrap(), []);
}

/// S26: whichever byte of a transcript is damaged, it opens, and the lines that were not hit are read.
#[test]
fn a_transcript_survives_a_damaged_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("transcript.jsonl");
    let mut transcript = open(&path, 1 << 20);
    let texts: Vec<String> = (0..5).map(|i| format!("line {i}")).collect();
    for text in &texts {
        transcript.append(1, Kind::Said, text).unwrap();
    }
    transcript.flush().unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for damage in [0x80, 0x01, whole[at] ^ b'\n'] {
            let mut bytes = whole.clone();
            bytes[at] ^= damage;
            fs::write(&path, &bytes).unwrap();
            let lines = open(&path, 1 << 20).lines(0, 9).unwrap();
            let intact = texts
                .iter()
                .filter(|text| lines.iter().any(|e| e.text == **text));
            assert!(intact.count() >= 3, "{at} {damage}: {lines:?}");
            assert!((4..=6).contains(&lines.len()), "{at} {damage}: {lines:?}");
        }
    }
}

/// S15: over the cap output is counted, not kept; two marks say so; the host's own lines still come.
#[test]
fn a_transcript_over_its_cap_says_what_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("transcript.jsonl");
    let mut transcript = open(&path, 2 << 20);
    for _ in 0..60_000 {
        transcript
            .append(0, Kind::Said, "forty characters of output, again and again")
            .unwrap();
    }
    transcript.append(1, Kind::Checks, "links ✗").unwrap();
    let total = transcript.len();
    let last = transcript.lines(total - 3, 3).unwrap();
    assert_eq!(
        last[0].text,
        "more than 2 MiB of output: what follows is not kept"
    );
    assert_eq!(
        last[1].text,
        format!(
            "{} lines, {} bytes are not kept",
            60_003 - total,
            (60_003 - total) * 43
        )
    );
    assert_eq!(last[2].text, "links ✗");
    assert!(fs::metadata(&path).unwrap().len() < (2 << 20) + 1024);
}

/// F3: text becomes a transcript at the speed of the disk; held only against being absurdly slow.
#[test]
fn a_transcript_is_fast() {
    let dir = tempfile::tempdir().unwrap();
    let mut transcript = open(&dir.path().join("transcript.jsonl"), 1 << 30);
    let line = "x".repeat(200);
    let began = Instant::now();
    for _ in 0..100_000 {
        transcript.append(0, Kind::Said, &line).unwrap();
    }
    transcript.flush().unwrap();
    let rate = 20.0 / began.elapsed().as_secs_f64();
    // A build without optimisation is some thirty times slower than the program.
    assert!(rate > 1.0, "{rate:.1} MB/s");
}

/// S13, R18: a program that tells its use line by line is ended as its figures pass the cap, and one that
/// floods words between two figures as the words do: neither runs a tenth past it.
#[tokio::test]
async fn a_flood_stops_at_the_cap() {
    let figures = r#"i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo "{\"type\":\"assistant\",\"message\":{\"id\":\"m$i\",\"usage\":{\"input_tokens\":60,\"output_tokens\":40},\"content\":[{\"type\":\"text\",\"text\":\"word\"}]}}"; done"#;
    let words = r#"echo '{"type":"assistant","message":{"id":"m1","usage":{"input_tokens":60,"output_tokens":40},"content":[{"type":"text","text":"word"}]}}'
w=$(head -c 900 /dev/zero | tr '\0' w); while :; do echo "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"$w\"}]}}"; done"#;
    let text = "yes 'only words'";
    for (script, format) in [
        (figures, Format::ClaudeStreamJson),
        (words, Format::ClaudeStreamJson),
        (text, Format::Text),
    ] {
        let mut told = Told {
            most: Some(60_000),
            ..Told::default()
        };
        let turn = flood(script, format, &mut told).await;
        assert_eq!(turn.ended, Ended::Halted, "{script}");
        for used in [turn.usage.tokens, told.usage.tokens] {
            assert!((60_000..66_000).contains(&used), "{used}: {script}");
        }
    }
}
