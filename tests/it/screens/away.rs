//! Coming back: the page that opens by itself, what it says, and the keys that it leaves alone.

use std::collections::BTreeMap;

use checkride::protocol::{Away, Fact, Lapse, LoopRow, LoopState, Record, RunId, Waking};
use checkride::run::{Event, Outcome, Usage};
use checkride::tui::app::{Layer, Out};
use checkride::tui::keymap::Key;

use super::{Cockpit, NOON, scenes};

const HOUR: i64 = 3_600_000;

/// A night of it: run 13 was published, run 14 waits, one loop missed its wakes and one has expired.
fn night() -> Vec<Record> {
    let mut records = scenes::work();
    let run = RunId::new(scenes::LOOP, 13);
    let used = Usage {
        tokens: 12_400,
        micro_usd: Some(240_000),
        ..Usage::default()
    };
    for event in [
        scenes::woke(13, checkride::run::Mode::Training),
        Event::Used(used),
        Event::Ended(Outcome::Published),
    ] {
        records.push(scenes::event(&run, NOON - 6 * HOUR, event));
    }
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact {
            told(&mut rows[3], |facts| {
                facts.waking = Waking::Expired { at: NOON - HOUR };
            });
        }
    }
    records
}

fn told(row: &mut LoopRow, change: impl FnOnce(&mut checkride::protocol::LoopFacts)) {
    if let LoopState::Valid(facts) = &mut row.state {
        change(facts);
    }
}

/// What of these records happened since yesterday evening.
fn away(records: &[Record]) -> Away {
    let mut runs = BTreeMap::<RunId, Vec<Record>>::new();
    let mut rows = Vec::<LoopRow>::new();
    for record in records {
        match &record.fact {
            Fact::Run { run, .. } => runs.entry(run.clone()).or_default().push(record.clone()),
            Fact::Loops(now) => rows.clone_from(now),
            _ => {}
        }
    }
    let lapse = Lapse {
        at: NOON - 6 * HOUR,
        first: NOON - 20 * HOUR,
        count: 15,
        why: "no host was running".to_owned(),
    };
    let lapses = vec![(rows[2].name.clone(), lapse)];
    Away::of(&rows, lapses, &runs, NOON - 21 * HOUR)
}

fn back(size: (u16, u16)) -> Cockpit {
    let records = night();
    let mut cockpit = Cockpit::new(&records, size);
    cockpit.app.came_back(away(&records));
    cockpit.frame();
    cockpit
}

fn is_open(cockpit: &Cockpit) -> bool {
    matches!(cockpit.app.layers.last(), Some(Layer::Away { .. }))
}

/// What happened, what waits and what it cost stand on one page that opens by itself (R38, R56).
#[test]
fn coming_back_is_one_page() {
    for (w, h) in [(80, 24), (120, 36), (200, 60)] {
        let cockpit = back((w, h));
        assert!(is_open(&cockpit));
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("away-{w}x{h}"), cockpit.snapshot());
        });
    }
}

/// The usual keys close it, `b` brings it back, `c` leads from it to what waits; none of them decides.
#[test]
fn the_usual_keys_close_it() {
    for key in ["<esc>", "q", "<enter>", "b"] {
        let mut cockpit = back((80, 24));
        cockpit.keys(key);
        assert!(!is_open(&cockpit), "{key}");
        cockpit.keys("b");
        assert!(is_open(&cockpit), "{key}");
    }
    let mut cockpit = back((80, 24));
    cockpit.keys("aerjkG");
    assert!(is_open(&cockpit));
    cockpit.keys("c");
    assert!(matches!(cockpit.app.layers.last(), Some(Layer::Pages(_))));
    let decides = |out: &Out| {
        matches!(
            out,
            Out::Send(checkride::protocol::Command::Decide { .. }) | Out::Quit
        )
    };
    assert!(!cockpit.sent.iter().any(decides));
    let mut nobody = Cockpit::new(&night(), (80, 24));
    nobody.keys("b");
    assert!(
        nobody
            .text("terminal")
            .contains("b: this page comes when you were away")
    );
}

/// A key that was pressed before the page could be seen goes where it was meant; one pressed before the
/// page is known keeps it closed (C2).
#[test]
fn it_takes_no_key_that_was_meant_for_something_else() {
    let mut cockpit = back((80, 24));
    let before = cockpit.app.name().map(str::to_owned);
    cockpit.wait(200);
    drop(cockpit.app.key(Key::Char('j'), cockpit.now));
    assert!(!is_open(&cockpit));
    assert_ne!(cockpit.app.name(), before.as_deref());
    let records = night();
    let mut busy = Cockpit::new(&records, (80, 24));
    busy.keys("j");
    busy.app.came_back(away(&records));
    assert!(!is_open(&busy));
    assert!(busy.text("terminal").contains("b shows what happened"));
    busy.keys("b");
    assert!(is_open(&busy));
}

/// A row says when an armed loop wakes and, apart from that, that its last run failed; a time that runs out is said before,
/// and `u` arms it for as long again (R40, R43).
#[test]
fn an_armed_row_keeps_its_last_end() {
    let mut records = scenes::idle();
    let run = scenes::run_id();
    records.push(scenes::event(
        &run,
        NOON - 1_000,
        Event::Ended(Outcome::Stopped),
    ));
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact {
            rows[0].last_run = Some(run.clone());
            told(&mut rows[0], |facts| {
                facts.spec.trigger = lasting(&facts.spec.trigger);
                facts.expires = Some(NOON + 48 * HOUR);
            });
        }
    }
    let mut cockpit = Cockpit::new(&records, (120, 36));
    let text = cockpit.text("terminal");
    let row = text.lines().find(|line| line.contains("▌")).unwrap();
    assert!(
        row.contains("▲ research-and-draft") && row.contains("✗ → 16:07"),
        "{row}"
    );
    let wide = Cockpit::new(&records, (200, 60)).text("terminal");
    assert!(wide.contains("✗ → 16:07"), "{wide}");
    assert!(text.contains("expires Sun 14"), "{text}");
    cockpit.keys("u");
    let name = "research-and-draft".to_owned();
    let arms = Out::Send(checkride::protocol::Command::Arm { name });
    assert!(cockpit.sent.contains(&arms));
}

/// The same trigger, for 90 days.
fn lasting(trigger: &checkride::run::spec::Trigger) -> checkride::run::spec::Trigger {
    use checkride::run::spec::Trigger;
    match trigger.clone() {
        Trigger::Schedule(mut schedule) => {
            schedule.expires_s = Some(90 * 86_400);
            Trigger::Schedule(schedule)
        }
        other => other,
    }
}

/// The quiet hours of a loop silence the bell of its runs, and of no other's (PRODUCT §3.8).
#[test]
fn a_loops_quiet_hours_silence_its_bell() {
    let bells = |hours: Option<&str>| {
        let mut records = scenes::attached();
        for record in &mut records {
            if let Fact::Loops(rows) = &mut record.fact {
                told(&mut rows[0], |facts| {
                    let hours = hours.and_then(checkride::run::spec::Hours::parse);
                    facts.spec.guardrails.quiet_hours = hours;
                });
            }
        }
        let mut cockpit = Cockpit::new(&records, (80, 24));
        cockpit.app.focused = Some(false);
        let asked: Vec<Record> = scenes::work()
            .into_iter()
            .filter(|record| matches!(record.fact, Fact::Run { .. }))
            .collect();
        cockpit.tell(&asked);
        (cockpit.app.bells, cockpit.app.notes.len())
    };
    let (loud, notes) = bells(None);
    assert!(loud > 0 && notes > 0);
    assert_eq!(bells(Some("13:00-15:00")), (0, 0));
    assert_eq!(bells(Some("22:00-06:30")), (loud, notes));
}
