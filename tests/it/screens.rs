//! Whole screens: records and keys in, text and styles out, at every size that PRODUCT names.

mod away;
mod demands;
mod keys;
mod properties;
pub(crate) mod scenes;
mod search;
mod words;

use checkride::protocol::{Command, Record};
use checkride::run::{Ask, Event, Pause, Since, Stage, Stand, Unseen};
use checkride::tui::app::{App, Manner, Out};
use checkride::tui::draw::draw;
use checkride::tui::keymap::Key;
use checkride::tui::styles::{Role, Styles};
use checkride::tui::text::figures::Moment;
use checkride::tui::themes;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Fri 12 Jun 2026, 14:07:00 UTC.
pub(crate) const NOON: i64 = 1_781_273_220_000;

/// A shipped theme.
pub(crate) fn theme(name: &str) -> Styles {
    themes::of_shipped(name).unwrap()
}

/// A cockpit with its clock, fed by hand.
pub(crate) struct Cockpit {
    pub(crate) app: App,
    pub(crate) now: Moment,
    /// All that it asked for so far.
    pub(crate) sent: Vec<Out>,
}

impl Cockpit {
    /// A cockpit of this size that was told these records.
    pub(crate) fn new(records: &[Record], size: (u16, u16)) -> Self {
        Self::with(records, size, Manner::default())
    }

    pub(crate) fn with(records: &[Record], size: (u16, u16), manner: Manner) -> Self {
        let now = Moment {
            ms: NOON,
            offset_s: 0,
        };
        let mut cockpit = Self {
            app: App::new(manner, size, now),
            now,
            sent: Vec::new(),
        };
        cockpit.tell(records);
        cockpit
    }

    /// Records arrive; texts that are asked for are answered from the scenes.
    pub(crate) fn tell(&mut self, records: &[Record]) {
        for record in records {
            let out = self.app.apply(record, self.now);
            self.take(out);
        }
        self.frame();
    }

    /// A second passes, a key is pressed, a frame is drawn.
    pub(crate) fn press(&mut self, key: Key) {
        self.wait(1_000);
        let out = self.app.key(key, self.now);
        self.take(out);
        self.frame();
    }

    /// Time passes without a key or a frame.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.now.ms += ms;
    }

    /// A frame is drawn.
    pub(crate) fn frame(&mut self) {
        drop(self.grid(&theme("terminal")));
        let out = self.app.drawn(self.now);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Out>) {
        for one in out {
            let answer = scenes::answer(&one);
            self.sent.push(one);
            if let Some(record) = answer {
                let more = self.app.apply(&record, self.now);
                self.take(more);
            }
        }
    }

    /// Presses keys written as in `jj<enter>`.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        for key in parse(keys) {
            self.press(key);
        }
        self
    }

    fn grid(&self, styles: &Styles) -> Buffer {
        let (w, h) = self.app.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        draw(&self.app, styles, &mut buf);
        buf
    }

    /// The screen as text.
    pub(crate) fn text(&self, name: &str) -> String {
        let buf = self.grid(&theme(name));
        lines(&buf, |cell| cell.symbol().to_owned())
    }

    /// The screen as text, then a grid of style letters with its legend.
    pub(crate) fn snapshot(&self) -> String {
        let styles = theme("terminal");
        let buf = self.grid(&styles);
        let text = lines(&buf, |cell| cell.symbol().to_owned());
        let mut used = Vec::new();
        let letters = lines(&buf, |cell| {
            let found = Role::ALL.iter().find(|(role, _)| {
                let style = styles.of(*role);
                style.fg.unwrap_or_default() == cell.fg
                    && style.bg.unwrap_or_default() == cell.bg
                    && style.add_modifier == cell.modifier
            });
            match found {
                // A blank says nothing unless it is filled.
                Some((role, _))
                    if cell.symbol() == " " && *role != Role::NeedsYou && *role != Role::Sel =>
                {
                    " ".to_owned()
                }
                Some((role, letter)) => {
                    if !used.contains(&(*role, *letter)) {
                        used.push((*role, *letter));
                    }
                    letter.to_string()
                }
                None => "?".to_owned(),
            }
        });
        used.sort();
        let legend: Vec<String> = used.iter().map(|(r, l)| format!("{l} {r:?}")).collect();
        format!("{text}\n\n{letters}\n\n{}", legend.join(" · "))
    }
}

fn lines(buf: &Buffer, mut cell: impl FnMut(&ratatui::buffer::Cell) -> String) -> String {
    let area = buf.area;
    (0..area.height)
        .map(|y| {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                let c = &buf[(x, y)];
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                skip = checkride::tui::text::width(c.symbol()).saturating_sub(1);
                line.push_str(&cell(c));
            }
            line.trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// `jj<enter>` → keys.
pub(crate) fn parse(text: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
            keys.push(match name {
                "enter" => Key::Enter,
                "esc" => Key::Esc,
                "tab" => Key::Tab,
                "space" => Key::Char(' '),
                "end" => Key::End,
                "pgdn" => Key::PageDown,
                "bs" => Key::Backspace,
                ctrl => Key::Ctrl(ctrl.strip_prefix("c-").unwrap().chars().next().unwrap()),
            });
            rest = after;
        } else {
            keys.push(Key::Char(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    keys
}

/// The sizes that PRODUCT names.
const SIZES: [(u16, u16); 4] = [(48, 16), (80, 24), (120, 36), (200, 60)];

/// Snapshots a scene after these keys, at each of these sizes; mono must have the same text.
fn screens(name: &str, records: &[Record], keys: &str, sizes: &[(u16, u16)]) {
    for &(w, h) in sizes {
        let mut cockpit = Cockpit::new(records, (w, h));
        cockpit.keys(keys);
        assert_eq!(
            cockpit.text("mono"),
            cockpit.text("terminal"),
            "{name} in mono"
        );
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}-{w}x{h}"), cockpit.snapshot());
        });
    }
}

/// The cockpit while nothing runs (PRODUCT §3.4).
#[test]
fn idle() {
    screens("idle", &scenes::idle(), "", &SIZES);
}

/// The cockpit while a run works.
#[test]
fn running() {
    screens("running", &scenes::running(), "", &SIZES);
}

/// A run that waits for somebody else's limit says until when, and asks nothing; space asks again now.
#[test]
fn limited() {
    let mut records = scenes::running();
    let pause = Event::Paused(Pause {
        stage: Stage::Work,
        until_ms: NOON + 3_600_000,
        cause: "claude failed: you have hit your limit · resets 18:00".to_owned(),
    });
    records.push(scenes::event(&scenes::run_id(), NOON - 5_000, pause));
    screens("limited", &records, "", &[(48, 16), (80, 24), (120, 36)]);
    let mut cockpit = Cockpit::new(&records, (80, 24));
    cockpit.keys("<space>");
    let run = scenes::run_id();
    let goes_on = Out::Send(Command::Hold { run, on: false });
    assert!(cockpit.sent.contains(&goes_on), "{:?}", cockpit.sent);
}

/// The cockpit while a run waits: the bar asks, the panes stay.
#[test]
fn blocked() {
    screens("blocked", &scenes::work(), "", &SIZES);
}

/// Each of the ten kinds of question has its bar and its page.
#[test]
fn every_checkpoint() {
    for ask in scenes::every_ask() {
        let name = format!("checkpoint-{}", ask.kind());
        let records = if ask.kind() == "publish" {
            scenes::publish(false)
        } else {
            scenes::asks(ask)
        };
        screens(&name, &records, "c", &[(80, 24), (120, 36)]);
    }
}

/// Whatever is flagged stands on the page of each question whose yes acts on it, before its text.
#[test]
fn flagged() {
    for ask in scenes::flagged_asks() {
        let name = format!("flagged-{}", ask.kind());
        let records = if ask.kind() == "publish" {
            scenes::publishes(ask)
        } else {
            scenes::asks(ask)
        };
        screens(&name, &records, "c", &[(80, 24), (120, 36)]);
        let mut cockpit = Cockpit::new(&records, (120, 36));
        let page = cockpit.keys("c").text("terminal");
        for flag in scenes::flags() {
            assert!(page.contains(&flag.line()), "{}: {page}", flag.line());
        }
    }
}

/// What the target would refuse is said before anybody agrees to it.
#[test]
fn what_will_not_go_is_said_before() {
    let mut ask = scenes::publish_ask(false);
    if let Ask::Publish { unfit, .. } = &mut ask {
        *unfit = Some("the diff does not fit on branch drafts: conflict in a.md".to_owned());
    }
    screens(
        "publish-unfit",
        &scenes::publishes(ask),
        "c",
        &[(80, 24), (120, 36)],
    );
}

/// R62: what has come to the target since the yes is named before the next one, however long the list.
#[test]
fn what_came_since_is_said_before() {
    let mut ask = scenes::publish_ask(true);
    if let Ask::Publish { stand, .. } = &mut ask {
        **stand = Stand {
            holds: Some("c0ffee".repeat(6)),
            words: "on commit c0ffeec0ffee".to_owned(),
            unseen: None,
            since: Some(Since {
                how: "3 commits came to branch drafts".to_owned(),
                files: vec!["notes/theirs.md".to_owned(), "README.md".to_owned()],
                more: 12,
            }),
        };
    }
    screens(
        "publish-moved",
        &scenes::publishes(ask),
        "c",
        &[(80, 24), (120, 36)],
    );
}

/// What goes live is another tree than the one that was examined: that and the files of others are said before the yes.
#[test]
fn a_merge_is_said_before() {
    let mut ask = scenes::publish_ask(true);
    if let Ask::Publish { stand, flags, .. } = &mut ask {
        let unseen = Unseen {
            how: "branch drafts has 2 commits that the run did not begin with".to_owned(),
            files: vec!["notes/theirs.md".to_owned(), "README.md".to_owned()],
            more: 3,
        };
        flags.push(unseen.flag());
        stand.unseen = Some(unseen);
    }
    screens(
        "publish-merged",
        &scenes::publishes(ask),
        "c",
        &[(80, 24), (120, 36)],
    );
}

/// One line of cause and next step is shown whole, however narrow the terminal.
#[test]
fn a_long_line_is_shown_whole() {
    let why = "the diff does not fit on branch drafts: conflict in notes/a.md; publish to another \
               branch, or start a new run from a newer commit";
    for size in [(80, 24), (120, 36), (48, 16)] {
        let mut cockpit = Cockpit::new(&scenes::publish(false), size);
        cockpit.app.toast = Some(why.to_owned());
        let screen = cockpit.text("mono");
        let words: Vec<&str> = screen.split_whitespace().collect();
        let told: Vec<&str> = why.split_whitespace().collect();
        let (first, last) = (told[..8].to_vec(), told[told.len() - 3..].to_vec());
        for part in [first, last] {
            let found = words.windows(part.len()).any(|window| window == part);
            assert!(found, "{size:?}: {screen}");
        }
        let marks = cockpit.text("mono");
        assert!(marks.contains("approve"), "the answers stay: {marks}");
    }
}

/// The four step checkpoints at the widest and the narrowest size.
#[test]
fn checkpoints_wide_and_narrow() {
    for ask in scenes::every_ask().into_iter().take(3) {
        let name = format!("checkpoint-{}", ask.kind());
        screens(&name, &scenes::asks(ask), "c", &[(48, 16), (200, 60)]);
    }
    screens(
        "checkpoint-publish",
        &scenes::publish(false),
        "c",
        &[(48, 16), (200, 60)],
    );
}

/// A publish that wants its digest typed, while it is typed.
#[test]
fn digest_is_typed() {
    screens(
        "publish-typed",
        &scenes::publish(true),
        "ca7f",
        &[(80, 24), (120, 36)],
    );
}

/// In a line Ctrl-u takes back all that was typed, and no hint is cut in the middle of a word.
#[test]
fn a_typed_line_is_cleared_at_once() {
    let mut cockpit = Cockpit::new(&scenes::publish(true), (80, 24));
    cockpit.keys("ca12345678<c-u>");
    let text = cockpit.text("terminal");
    assert!(!text.contains("12345678"), "{text}");
    let hint = text.lines().last().unwrap();
    assert!(
        hint.trim_end().ends_with("leaves without deciding"),
        "{hint}"
    );
}

/// A human judge has answered one line yes, one no.
#[test]
fn human_judge() {
    screens(
        "human-judge",
        &scenes::asks(scenes::human_ask()),
        "c122",
        &[(80, 24), (120, 36)],
    );
}

/// The verdict form with a line turned over; the raise form; the note of a retry.
#[test]
fn forms() {
    screens(
        "form-verdict",
        &scenes::asks(scenes::verdict_ask(true)),
        "cel",
        &[(80, 24), (120, 36)],
    );
    let budget = scenes::every_ask().swap_remove(8);
    screens("form-raise", &scenes::asks(budget), "celjl", &[(80, 24)]);
    screens("form-files", &scenes::work(), "ce", &[(80, 24)]);
    screens(
        "note",
        &scenes::work(),
        "crtry the archive",
        &[(80, 24), (120, 36)],
    );
    screens(
        "draft-editor",
        &scenes::work(),
        "ce<enter>x",
        &[(80, 24), (120, 36)],
    );
    screens(
        "prompt-editor",
        &scenes::asks(scenes::prompt_ask()),
        "cex<esc>",
        &[(80, 24), (120, 36)],
    );
}

/// The memory editor with one change.
#[test]
fn memory_editor() {
    screens("memory-editor", &scenes::work(), "mx", &SIZES);
}

/// Help, from the panes and from a checkpoint.
#[test]
fn help() {
    screens("help", &scenes::work(), "?", &SIZES);
    screens("help-checkpoint", &scenes::work(), "c?", &[(80, 24)]);
}

/// The timeline with three runs, the middle one chosen.
#[test]
fn timeline() {
    screens("timeline", &scenes::history(), "tj", &SIZES);
}

/// The four bones.
#[test]
fn inspect() {
    screens("inspect", &scenes::idle(), "i", &SIZES);
}

/// Nothing here yet.
#[test]
fn first_run() {
    screens("first-run", &scenes::nothing(), "j", &SIZES);
}

/// Leaving while a run is active asks first; so does a memory that changed on disk.
#[test]
fn dialogues() {
    screens("quit", &scenes::running(), "q", &[(80, 24), (120, 36)]);
    let manner = Manner {
        owned: true,
        ..Manner::default()
    };
    let mut demo = Cockpit::with(&scenes::running(), (80, 24), manner);
    demo.keys("q");
    assert!(
        demo.text("mono")
            .contains("leaving ends the run, and its folder goes")
    );
    let mut records = scenes::running();
    let theirs = scenes::memory();
    let mine = "# mine\n".to_owned();
    records.push(scenes::record(
        NOON,
        checkride::protocol::Fact::MemoryConflict { theirs, mine },
    ));
    screens("conflict", &records, "", &[(80, 24), (120, 36)]);
}

/// A key that cannot do anything says why; a filter narrows the list.
#[test]
fn small_pieces() {
    screens("unavailable", &scenes::idle(), "a", &[(80, 24)]);
    screens("filter", &scenes::idle(), "/fix", &[(80, 24)]);
    screens("scrolled-up", &scenes::running(), "2ggk", &[(80, 24)]);
    screens("zoomed", &scenes::running(), "2z", &[(80, 24)]);
}

/// The smallest screens still say what is asked.
#[test]
fn tiny() {
    screens(
        "tiny",
        &scenes::work(),
        "",
        &[(20, 5), (20, 1), (60, 15), (1, 1)],
    );
}

/// In ASCII every mark and line has a stand-in; nothing else changes.
#[test]
fn ascii() {
    let cockpit = Cockpit::new(&scenes::work(), (80, 24));
    let buf = cockpit.grid(&theme("terminal").in_ascii());
    let text = lines(&buf, |cell| cell.symbol().to_owned());
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("blocked-ascii-80x24", text);
    });
    // Nothing of the cockpit's own is left out, at any size.
    for (records, size) in [(scenes::idle(), (200, 60)), (scenes::running(), (120, 36))] {
        let buf = Cockpit::new(&records, size).grid(&theme("terminal").in_ascii());
        let text = lines(&buf, |cell| cell.symbol().to_owned());
        let foreign: String = text.chars().filter(|c| !c.is_ascii()).collect();
        // What the agent and its files say keeps its letters.
        assert_eq!(foreign.replace(['¶', '≥'], ""), "", "{text}");
    }
}

/// Escapes, bidi and zero-width characters in anything that is told never reach a cell (S8).
#[test]
fn hostile_text_is_inert() {
    let bad = "a\u{1b}[2J\u{202e}\u{200b}\u{7}b";
    let mut records = scenes::running();
    records.extend(scenes::hostile(bad));
    for keys in ["", "c", "cv", "t", "i", "q"] {
        let mut cockpit = Cockpit::new(&records, (120, 36));
        cockpit.keys(keys);
        let text = cockpit.text("terminal");
        let dirty = text
            .chars()
            .find(|c| c.is_control() && *c != '\n' || "\u{202e}\u{200b}".contains(*c));
        assert_eq!(dirty, None, "after «{keys}»:\n{text}");
    }
}

/// A transcript of ten million lines is read by range: a few pages, however far the reader jumps.
#[test]
fn long_transcripts_are_read_by_range() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    let lines = 10_000_000;
    let grew = checkride::protocol::Fact::Grew {
        run: scenes::run_id(),
        lines,
    };
    let before = cockpit.sent.len();
    let mut out = cockpit.app.apply(&scenes::record(NOON, grew), cockpit.now);
    for key in parse("2gGg<pgdn>G") {
        cockpit.wait(1_000);
        out.extend(cockpit.app.key(key, cockpit.now));
    }
    assert!(out.len() <= 8, "{} fetches", out.len());
    assert_eq!(cockpit.sent.len(), before);
    assert!(cockpit.app.reading.follow, "the end is followed again");
}
