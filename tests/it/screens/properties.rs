//! Random keys, sizes and records: nothing panics, and no decision comes out of anything but a
//! decision key at an armed question.

use checkride::protocol::{Command, Fact, Fetch, Record};
use checkride::run::{Event, Outcome};
use checkride::tui::action::{Group, TABLE};
use checkride::tui::app::{Layer, Out};
use checkride::tui::keymap::Key;
use checkride::tui::text::figures::Moment;
use proptest::prelude::*;

use super::scenes::{self, checkpoint, event, run_id};
use super::{Cockpit, NOON, theme};
use crate::ordeal::times;

/// What can happen to a cockpit.
#[derive(Debug, Clone)]
enum Happens {
    Key(Key),
    Record(Box<Record>),
    Resize(u16, u16),
    Paste(String),
    Time(i64),
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => proptest::sample::select("aerxXcsupdvmotiqzfjkgGnNyYE?/1234[] hl ".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        4 => proptest::sample::select(vec![
            Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Up, Key::Down, Key::PageUp, Key::PageDown,
            Key::Home, Key::End, Key::Left, Key::Right, Key::Backspace, Key::Delete,
            Key::Ctrl('c'), Key::Ctrl('u'), Key::Ctrl('r'), Key::Ctrl('d'), Key::Ctrl('l'), Key::Ctrl('z'),
        ]),
        1 => any::<char>().prop_map(Key::Char),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let mut all: Vec<Record> = scenes::history();
    all.extend(scenes::publish(true));
    all.extend(scenes::nothing());
    all.push(scenes::decided_elsewhere());
    for (n, ask) in (20..).zip(scenes::every_ask()) {
        all.push(event(
            &run_id(),
            NOON,
            Event::Asked(Box::new(checkpoint(n, ask))),
        ));
    }
    let human = Event::Asked(Box::new(checkpoint(40, scenes::human_ask())));
    all.push(event(&run_id(), NOON, human));
    all.push(event(&run_id(), NOON, Event::Ended(Outcome::Stopped)));
    all.push(scenes::record(NOON, Fact::Loops(Vec::new())));
    all.push(scenes::record(NOON, Fact::Loops(scenes::loops())));
    let theirs = scenes::memory();
    all.push(scenes::record(
        NOON,
        Fact::MemoryConflict {
            theirs,
            mine: "x".into(),
        },
    ));
    all.push(scenes::record(
        NOON,
        Fact::Grew {
            run: run_id(),
            lines: u64::MAX,
        },
    ));
    proptest::sample::select(all)
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        10 => key().prop_map(Happens::Key),
        4 => record().prop_map(|r| Happens::Record(Box::new(r))),
        1 => (0u16..500, 0u16..200).prop_map(|(w, h)| Happens::Resize(w, h)),
        1 => (0u16..30, 0u16..8).prop_map(|(w, h)| Happens::Resize(w, h)),
        1 => "\\PC{0,12}".prop_map(Happens::Paste),
        5 => (0i64..2_000).prop_map(Happens::Time),
    ]
}

/// Whether a decision is among what was asked for.
fn decides(out: &[Out]) -> bool {
    out.iter()
        .any(|o| matches!(o, Out::Send(Command::Decide { .. })))
}

/// How many streams of keys are tried, here and where there is more time.
fn streams() -> u32 {
    u32::try_from(times("CHECKRIDE_STREAMS", 32)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: streams(), ..ProptestConfig::default() })]

    /// No stream of keys, sizes, pastes and records panics; a decision comes only from a key, and
    /// only where a decision key was pressed at an armed question before it.
    #[test]
    fn nothing_panics_and_nothing_decides_by_accident(all in proptest::collection::vec(happens(), 1..80)) {
        let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
        let mut armed = false;
        for one in all {
            match one {
                Happens::Key(key) => {
                    let answer = matches!(key, Key::Char('a' | 'e' | 'r' | 'x'));
                    let free = cockpit.app.field.is_none();
                    let ready = cockpit.app.question().is_some_and(|q| {
                        cockpit.app.arming.ready(&q.shown(), cockpit.now.ms).is_ok()
                    });
                    // Only a field or a form that a decision key opened may decide later.
                    let open = !free
                        || cockpit.app.layers.iter().any(|l| matches!(l, Layer::Form(_)));
                    armed = armed && open || answer && free && ready;
                    let out = cockpit.app.key(key, cockpit.now);
                    prop_assert!(armed || !decides(&out), "{key:?} decided");
                }
                Happens::Record(record) => {
                    let out = cockpit.app.apply(&record, cockpit.now);
                    prop_assert!(!decides(&out));
                }
                Happens::Resize(w, h) => {
                    prop_assert!(!decides(&cockpit.app.resize((w, h))));
                }
                Happens::Paste(text) => {
                    prop_assert!(!decides(&cockpit.app.paste(&text, cockpit.now)));
                }
                Happens::Time(ms) => cockpit.wait(ms),
            }
            cockpit.frame();
        }
    }

    /// A question never armed is never decided: keys without a frame or without time decide nothing.
    #[test]
    fn without_time_nothing_is_decided(keys in proptest::collection::vec(key(), 1..120)) {
        let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
        cockpit.now = Moment { ms: NOON, offset_s: 0 };
        for key in keys {
            let out = cockpit.app.key(key, cockpit.now);
            prop_assert!(!decides(&out), "{key:?}");
            cockpit.frame();
            cockpit.wait(100);
        }
    }
}

/// Wide, joined and combining characters in names, paths, words and transcript leave every hairline
/// in its column, at every width.
#[test]
fn columns_stay_aligned_with_any_script() {
    let odd = "日本語の名前/草稿.md 👩‍👩‍👧‍👦🇩🇪 e\u{301}\u{323}à ไทย עברית ｆｕｌｌ";
    let mut records = scenes::running();
    records.extend(scenes::hostile(odd));
    for width in (20..=200).step_by(9).chain([80, 120, 160]) {
        for keys in ["", "2", "c", "cd", "t", "?"] {
            let mut cockpit = Cockpit::new(&records, (width, 40));
            let entry = serde_json::json!({"at": NOON, "kind": "said", "text": odd.repeat(3)});
            cockpit.tell(&[transcript_line(&entry.to_string())]);
            cockpit.keys(keys);
            // A long one stands over the panes, and so over their lines.
            cockpit.app.toast = None;
            let text = cockpit.text("terminal");
            assert!(keys == "?" || width < 60 || text.contains("日本"), "{text}");
            let buf = cockpit.grid(&theme("terminal"));
            for line in cockpit.app.layout().lines {
                for y in line.top..line.bottom {
                    let cell = buf[(line.x, y)].symbol();
                    assert!(
                        "│┬├┤┼┴─".contains(cell) && !cell.is_empty(),
                        "«{cell}» at {},{y} of {width} after «{keys}»:\n{}",
                        line.x,
                        cockpit.text("terminal")
                    );
                }
            }
            for y in 0..buf.area.height {
                let wide = checkride::tui::text::width(buf[(width - 1, y)].symbol());
                assert!(
                    wide < 2,
                    "a wide character hangs over the edge at {width},{y}"
                );
            }
        }
    }
}

/// One more line of the transcript, behind the ten of the scenes.
fn transcript_line(line: &str) -> Record {
    let of = Fetch::Transcript {
        run: run_id(),
        from: 10,
        lines: 1,
    };
    let lines = vec![line.to_owned()];
    scenes::record(
        NOON,
        Fact::Lines {
            of,
            lines,
            total: 11,
        },
    )
}

/// Help names every key of the table, and nothing that is not built.
#[test]
fn help_is_whole_and_honest() {
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 80));
    cockpit.keys("?");
    let text = cockpit.text("terminal");
    for row in TABLE.iter().filter(|row| row.group != Group::Dialogue) {
        let named = |key: &Key| match key {
            Key::Char(' ') => text.contains("space"),
            Key::Char(c @ '1'..='9') => text.contains("1–9") && *c <= '9',
            Key::Char(c) => text.split_whitespace().any(|word| word == c.to_string()),
            Key::Ctrl(c) => text.contains(&format!("Ctrl-{c}")),
            Key::Tab => text.contains("Tab"),
            Key::BackTab => text.contains("Shift back"),
            Key::Enter => text.contains("Enter"),
            Key::Esc => text.contains("Esc"),
            Key::PageUp | Key::PageDown => text.contains("PgUp PgDn"),
            Key::Up | Key::Down => text.contains("↑ ↓"),
            Key::Left | Key::Right | Key::Home | Key::End => true,
            Key::Backspace | Key::Delete => false,
        };
        for key in row.keys {
            assert!(
                named(key),
                "{key:?} of {:?} is not in help:\n{text}",
                row.action
            );
        }
    }
    for unbuilt in [":", "w", "$", ">", "<"] {
        assert!(
            !text.split_whitespace().any(|word| word == unbuilt),
            "«{unbuilt}» is not built"
        );
    }
}
