//! Plain mode: an operator who reads lines and answers in words, against the same far end and
//! against the real supervisor.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use checkride::cli::plain::{self, Ground, Means};
use checkride::cli::{Exit, Fail, Out, Session, run};
use checkride::link::Link;
use checkride::protocol::Command;
use checkride::run::{Decision, Edit};
use tokio::io::{AsyncRead, ReadBuf};

use super::{BEGIN, Fake, play};
use crate::world::World;

/// What the operator can read.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An operator who types the next line when its question stands at the end of the page, and whose
/// input ends after the last one. A question that is empty is not waited for.
struct Typist {
    page: Page,
    lines: VecDeque<(String, String)>,
}

impl Typist {
    fn new(page: &Page, lines: &[(&str, &str)]) -> Self {
        let lines = lines.iter().map(|(q, a)| ((*q).into(), (*a).into()));
        Self {
            page: page.clone(),
            lines: lines.collect(),
        }
    }
}

impl AsyncRead for Typist {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let text = self.page.text();
        let Some((question, _)) = self.lines.front() else {
            return Poll::Ready(Ok(()));
        };
        let last = text.lines().last().unwrap_or_default();
        let asked = text.ends_with(' ') && last.contains(question.as_str());
        if !question.is_empty() && !asked {
            return Poll::Pending;
        }
        let (_, answer) = self.lines.pop_front().unwrap();
        // «DIGITS» are those of the last digest on the page.
        let digest = text.lines().rev().find_map(|l| l.strip_prefix("digest "));
        let digits = digest.map_or("", |digest| &digest[..8]);
        let line = format!("{}\n", answer.replace("DIGITS", digits));
        into.put_slice(line.as_bytes());
        Poll::Ready(Ok(()))
    }
}

fn ground(page: &Page, lines: &[(&str, &str)], means: Means) -> Ground<Typist> {
    Ground {
        input: Typist::new(page, lines),
        means,
        now_ms: BEGIN + 600_000,
    }
}

/// Plain mode against the far end: how it left, what stood on the page, what the far end saw.
pub(super) async fn flown(
    fake: Fake,
    lines: &[(&str, &str)],
    means: Means,
) -> (Result<Exit, Fail>, String, Fake) {
    let (near, far) = Link::pair();
    let played = tokio::spawn(play(fake, far));
    let page = Page::default();
    let mut out = Out::new(page.clone());
    let mut session = Session::open(near, "test".to_owned()).await.unwrap();
    session.zone = jiff::tz::TimeZone::UTC;
    let ground = ground(&page, lines, means);
    let result = plain::run(session, "tidy", ground, &mut out).await;
    out.finish().unwrap();
    (result, page.text(), played.await.unwrap())
}

fn decisions(fake: &Fake) -> Vec<Decision> {
    let sent = fake.asked.iter().filter_map(|command| match command {
        Command::Decide { decision, .. } => Some(decision.clone()),
        _ => None,
    });
    sent.collect()
}

/// A checkpoint is printed whole and then asked in full words; the end of input decides nothing,
/// and no byte moves a cursor or colours anything (R57).
#[tokio::test]
async fn the_end_of_input_decides_nothing() {
    let (result, page, fake) = flown(Fake::asleep(), &[], Means::default()).await;
    assert_eq!(result, Ok(Exit::Waiting));
    assert!(fake.seen);
    assert_eq!(decisions(&fake), []);
    assert!(!page.contains('\u{1b}'), "{page}");
    insta::assert_snapshot!(page);
}

/// Half a word is no answer, a letter is none, and a line without its end is none.
#[tokio::test]
async fn only_full_words_decide() {
    let lines = [
        ("decision [", "a"),
        ("decision [", "yes"),
        ("decision [", "later"),
    ];
    let (result, page, fake) = flown(Fake::at_prompt(), &lines, Means::default()).await;
    assert_eq!(result, Ok(Exit::Waiting));
    assert_eq!(decisions(&fake), []);
    assert_eq!(page.matches("one of these words, in full").count(), 2);
    assert!(
        page.ends_with("tidy-1.1 waits on; nothing was decided\n"),
        "{page}"
    );
}

/// P3: what was typed before its question stood there is no answer to it, and from then on an answer
/// names the digest that was read.
#[tokio::test]
async fn answers_typed_ahead_are_not_taken() {
    let ahead = [
        ("", "approve"),
        ("decision [", "approve"),
        ("decision [", "approve 00000000"),
    ];
    let (_, page, fake) = flown(Fake::at_prompt(), &ahead, Means::default()).await;
    assert_eq!(decisions(&fake), [], "{page}");
    assert!(
        page.contains("approve: typed before the question; not taken"),
        "{page}"
    );
    let read = [("", "approve"), ("decision [", "approve DIGITS")];
    let (_, page, fake) = flown(Fake::going(), &read, Means::default()).await;
    assert_eq!(decisions(&fake), [Decision::APPROVE], "{page}");
}

/// A program that writes `approve` for ever decides nothing and is left.
#[tokio::test]
async fn endless_answers_decide_nothing() {
    let lines = vec![("", "approve"); 500];
    let (result, page, fake) = flown(Fake::at_prompt(), &lines, Means::default()).await;
    assert_eq!(result.unwrap_err().exit, Exit::Usage);
    assert_eq!(decisions(&fake), [], "{page}");
}

/// `--read-only` looks and never decides.
#[tokio::test]
async fn read_only_never_decides() {
    let means = Means {
        read_only: true,
        ..Means::default()
    };
    let (result, page, fake) = flown(Fake::at_prompt(), &[("", "approve")], means.clone()).await;
    assert_eq!(result, Ok(Exit::Waiting));
    assert_eq!(decisions(&fake), []);
    assert!(
        page.contains("read-only: this terminal looks and never decides"),
        "{page}"
    );
    let (result, _, fake) = flown(Fake::asleep(), &[], means).await;
    assert_eq!(result.unwrap_err().exit, Exit::Usage);
    assert_eq!(fake.asked.len(), 1);
}

/// S8: whoever is second learns who was first and when.
#[tokio::test]
async fn the_faster_one_is_named() {
    let mut fake = Fake::at_prompt();
    fake.rival = Some("cockpit 2");
    let (_, page, _) = flown(fake, &[("decision [", "approve")], Means::default()).await;
    let line = "tidy-1.1 was aborted by cockpit 2 at 10:13:30; nothing more was changed";
    assert!(page.contains(line), "{page}");
}

/// The prompt is changed by a file that is named, or by the editor, and a retry goes without a note.
#[tokio::test]
async fn a_prompt_is_edited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new");
    std::fs::write(&file, "Sweep twice.\n").unwrap();
    let wanted = Decision::Edit(Edit::Prompt {
        text: "Sweep twice.\n".to_owned(),
    });
    let lines = [
        ("decision [", "edit"),
        ("file with", file.to_str().unwrap()),
    ];
    let (_, page, fake) = flown(Fake::going(), &lines, Means::default()).await;
    assert_eq!(decisions(&fake), std::slice::from_ref(&wanted), "{page}");
    let means = Means {
        editor: vec!["cp".to_owned(), file.display().to_string()],
        read_only: false,
    };
    let lines = [("decision [", "edit"), ("empty opens cp", "")];
    let (_, page, fake) = flown(Fake::going(), &lines, means).await;
    assert_eq!(decisions(&fake), [wanted], "{page}");
}

/// A project whose loop a person judges and publishes.
fn greeting() -> World {
    let world = World::new();
    world.skill("greet");
    world.write(
        "loops/greet.toml",
        "version = 1\nname = \"greet\"\ndescription = \"Greets.\"\n\
         publish = { to = \"git-branch\", branch = \"drafts/greet\" }\n\
         [skill]\npath = \"skills/greet\"\n\
         [worker]\ntype = \"command\"\n\
         command = [\"sh\", \"-c\", \"cat >/dev/null; echo hello > notes.md; echo done\"]\n\
         [goal]\nstatement = \"notes.md greets.\"\n\
         [[goal.verify.checks]]\nname = \"greets\"\ncommand = [\"grep\", \"-q\", \"hello\", \"notes.md\"]\n\
         [goal.verify.judge]\ntype = \"human\"\nrubric = [\"Friendly.\", \"Short.\"]\n",
    );
    world.commit("a loop");
    world
}

/// The real supervisor: work edited, verdict given by hand line by line, digest typed, published.
#[tokio::test]
async fn a_loop_flies_in_plain_words() {
    let world = greeting();
    let new = world.project().join("../new.md");
    std::fs::write(&new, "hello, you\n").unwrap();
    let supervisor = world.supervise();
    let page = Page::default();
    let mut out = Out::new(page.clone());
    let session = Session::open(supervisor.connect(), "test".to_owned())
        .await
        .unwrap();
    let lines = [
        ("decision [", "approve"),
        ("decision [", "edit"),
        ("file with the new text", new.to_str().unwrap()),
        ("decision [", "approve"),
        ("decision [", "approve"),
        ("decision [", "edit"),
        ("1: Friendly. [yes/no]:", "yes"),
        ("2: Short. [yes/no]:", "perhaps"),
        ("2: Short. [yes/no]:", "yes"),
        ("note to be saved", "greet by name"),
        ("decision [", "approve"),
        ("decision [", "approve"),
        ("first 8 digits", "00000000"),
        ("decision [", "approve"),
        ("first 8 digits", "DIGITS"),
    ];
    let ground = ground(&page, &lines, Means::default());
    let result = plain::run(session, "greet", ground, &mut out).await;
    out.finish().unwrap();
    let page = page.text();
    assert_eq!(result, Ok(Exit::Done), "{page}");
    assert_eq!(
        world.git(&["show", "drafts/greet:notes.md"]).trim(),
        "hello, you"
    );
    assert!(
        world.read("memory/greet.md").contains("greet by name"),
        "{page}"
    );
    assert!(page.contains("approve is no answer to this"), "{page}");
    assert!(page.contains("that is not the digest shown"), "{page}");
    assert!(
        page.trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("cost: about"),
        "{page}"
    );
}

/// Plain mode over all loops against the real supervisor: how it left, and what stood on the page.
async fn watched(world: &World, lines: &[(&str, &str)]) -> (Result<Exit, Fail>, String) {
    let supervisor = world.supervise();
    let page = Page::default();
    let mut out = Out::new(page.clone());
    let link = supervisor.connect();
    let session = Session::open(link, "test".to_owned()).await.unwrap();
    let ground = ground(&page, lines, Means::default());
    let result = plain::watch(session, ground, &mut out).await;
    out.finish().unwrap();
    (result, page.text())
}

/// What was approved is taken back in words before it was carried out, and the same bytes are asked about again;
/// a run that is held goes on, one that is stopped is picked up.
#[tokio::test]
async fn a_run_is_led_in_plain_words() {
    let lines = [
        ("", "start greet"),
        ("decision [", "later"),
        ("", "hold greet"),
        ("", "answer greet-1.1"),
        ("decision [", "approve"),
        ("", "undo greet"),
        ("decision [", "later"),
        ("", "resume greet"),
        ("", "stop greet"),
        ("", "resume greet"),
        ("decision [", "later"),
        ("", "restore greet 1"),
        ("decision [", "later"),
        ("", "undo greet"),
        ("decision [", "later"),
        ("", "restore greet 7"),
        ("", "restore greet"),
        ("", "hold nobody"),
    ];
    let (result, page) = watched(&greeting(), &lines).await;
    assert_eq!(result, Ok(Exit::Waiting), "{page}");
    let told = page.lines().filter_map(|line| {
        let of_run = [
            "hold",
            "held",
            "taken",
            "told",
            "stop",
            "ended",
            "picked",
            "restore",
            "iteration 7",
        ];
        let line = line.rsplit_once("greet-1: ")?.1;
        of_run
            .iter()
            .any(|word| line.starts_with(word))
            .then_some(line)
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
    let digests: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("digest "))
        .collect();
    assert_eq!(digests.len(), 6, "{page}");
    assert!(
        digests.iter().all(|one| Some(one) == digests.first()),
        "{page}"
    );
    assert!(page.contains("N is the iteration to go back to"), "{page}");
    assert!(
        page.contains("nobody: no such run, and no loop of this name ever ran\n"),
        "{page}"
    );
}

/// What the last line of a pipe orders is done before plain mode leaves.
#[tokio::test]
async fn the_last_line_of_a_pipe_is_obeyed() {
    for (order, begun) in [
        ("start greet", "greet-1"),
        ("prompt Say hello.", "prompt-1"),
    ] {
        let world = greeting();
        let (_, page) = watched(&world, &[("", order)]).await;
        let told = page.lines().any(|line| line.starts_with(begun));
        assert!(told, "{order}: {page}");
    }
}

/// A file that was mended a moment ago is read anew: no command goes by what the list said before.
#[tokio::test]
async fn a_mended_file_is_read_anew() {
    let world = greeting();
    let whole = world.read("loops/greet.toml");
    world.write("loops/greet.toml", "version = 1\n");
    let supervisor = world.supervise();
    let session = Session::open(supervisor.connect(), "test".to_owned());
    let session = session.await.unwrap();
    assert!(session.known.usable("greet").is_err());
    world.write("loops/greet.toml", &whole);
    let mut out = Out::new(Page::default());
    let done = run::run(session, "greet", false, &mut out).await;
    assert_eq!(done, Ok(Exit::Waiting));
    let session = Session::open(supervisor.connect(), "test".to_owned());
    let fail = run::run(session.await.unwrap(), "nobody", false, &mut out).await;
    assert_eq!(fail.unwrap_err().exit, Exit::Unknown);
}
