//! Small words on the screen: sums without an end, captions that fit their place, lines that wrap.

use checkride::run::{Event, Prompt, Stage, TextRef};

use super::scenes::{self, event, run_id};
use super::{Cockpit, NOON};

/// A prompt written by hand has no parts: no sum is begun that nothing follows (PRODUCT §5.20).
#[test]
fn an_edited_prompt_has_no_open_sum() {
    let mut records = scenes::running();
    let prompt = Prompt {
        text: TextRef::to(scenes::PROMPT),
        parts: Vec::new(),
        edited: true,
        without_skill: true,
    };
    records.push(event(&run_id(), NOON, Event::Composed { prompt }));
    let mut cockpit = Cockpit::new(&records, (120, 36));
    cockpit.keys("p");
    let text = cockpit.text("terminal");
    assert!(text.contains("tok, all of it yours"), "{text}");
    assert!(!text.contains("tok ="), "{text}");
    // What it proves is said where it is sent, and where the proof stands.
    let nothing = "this run proves nothing of it";
    assert!(text.contains(nothing), "{text}");
    let work = Event::Began {
        iteration: 2,
        stage: Stage::Work,
    };
    cockpit.keys("<esc>").tell(&[event(&run_id(), NOON, work)]);
    cockpit.keys("i");
    let text = cockpit.text("terminal");
    assert!(text.contains("14 does not count: it was sent"), "{text}");
}

/// A list of files has no last row that sends: the status line does not speak of one.
#[test]
fn a_list_of_files_speaks_of_no_last_row() {
    let mut cockpit = Cockpit::new(&scenes::work(), (80, 24));
    cockpit.keys("ce");
    let text = cockpit.text("terminal");
    assert!(text.contains("nothing is sent yet"), "{text}");
    assert!(!text.contains("last row"), "{text}");
}

/// What pane 3 waits for is wrapped, not cut; where there is room it lists the rubric lines (R27).
#[test]
fn the_verdict_pane_wraps_and_lists() {
    let asked = Cockpit::new(&scenes::asks(scenes::prompt_ask()), (120, 36));
    let text = asked.text("terminal");
    assert!(text.contains("· nothing is sent until"), "{text}");
    assert!(text.contains("approve"), "{text}");
    assert!(!text.contains("you ap…"), "{text}");
    let judged = Cockpit::new(&scenes::idle(), (120, 36)).text("terminal");
    assert!(
        judged.contains("✓ every claim carries a source"),
        "{judged}"
    );
    assert!(judged.contains("✓ the intro is short"), "{judged}");
    assert!(judged.contains("2 of 2 lines"), "{judged}");
}

/// Help on a screen of 120 columns shows all of its text and how it is closed.
#[test]
fn help_fits_and_says_how_it_closes() {
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    cockpit.keys("?");
    let text = cockpit.text("terminal");
    assert!(text.contains("Esc closes"), "{text}");
    assert!(
        text.contains("keeps its transcript, its memory and any draft."),
        "{text}"
    );
}
