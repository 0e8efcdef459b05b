//! What keys do: arming, Enter and Esc, text fields, stale digests.

use checkride::protocol::{
    Command, DayCaps, Fact, Fetch, LoopRow, LoopState, MemoryText, Record, RunId,
};
use checkride::run::{
    Answer, Ask, Checkpoint, Decision, Digest, Edit, Event, Mode, Outcome, Stage,
};
use checkride::tui::app::runs::Run;
use checkride::tui::app::{App, Manner, Out};
use checkride::tui::keymap::Key;

use super::scenes::{self, checkpoint, event, run_id};
use super::{Cockpit, NOON};

/// The decisions that a cockpit sent.
pub(super) fn decisions(cockpit: &Cockpit) -> Vec<Decision> {
    let each = |out: &Out| {
        let Out::Send(Command::Decide { decision, .. }) = out else {
            return None;
        };
        Some(decision.clone())
    };
    cockpit.sent.iter().filter_map(each).collect()
}

fn toast(cockpit: &Cockpit) -> &str {
    cockpit.app.toast.as_deref().unwrap_or("")
}

fn at_work() -> Cockpit {
    Cockpit::new(&scenes::work(), (120, 36))
}

/// `a` on an unread question opens it; the second `a`, once armed, approves by id and digest.
#[test]
fn approve_needs_reading_first() {
    let mut cockpit = at_work();
    cockpit.keys("a");
    assert!(decisions(&cockpit).is_empty());
    assert!(
        cockpit.app.pages().is_some(),
        "the question is opened instead"
    );
    assert!(
        toast(&cockpit).contains("not shown yet"),
        "{}",
        toast(&cockpit)
    );
    cockpit.keys("a");
    let open = checkpoint(7, scenes::work_ask());
    assert!(cockpit.sent.contains(&Out::Send(Command::Decide {
        checkpoint: open.id,
        digest: open.digest,
        decision: Decision::APPROVE,
    })));
}

/// A yes waits until every flag was on the screen, however many there are and however small it is; the other answers
/// do not, and neither does a yes to work with nothing to look at.
#[test]
fn every_flag_is_seen_before_a_yes() {
    for ask in scenes::flagged_asks() {
        let guardrail = ask.kind() == "guardrail";
        let records = if ask.kind() == "publish" {
            scenes::publishes(ask)
        } else {
            scenes::asks(ask)
        };
        let mut cockpit = Cockpit::new(&records, (80, 16));
        cockpit.keys("ca");
        assert_eq!(decisions(&cockpit), []);
        assert!(cockpit.app.field.is_none(), "no digest is typed yet");
        let told = toast(&cockpit).to_owned();
        assert!(told.contains("more to look at (▲) stands below"), "{told}");
        // What was jumped over was not seen.
        cockpit.keys("Ga");
        let jumped = decisions(&cockpit).is_empty() && cockpit.app.field.is_none();
        assert!(jumped || guardrail, "{}", toast(&cockpit));
        cockpit.keys("g");
        for _ in 0..40 {
            cockpit.keys("j");
        }
        cockpit.keys("a");
        let yes = !decisions(&cockpit).is_empty() || cockpit.app.field.is_some();
        assert!(yes, "{}", toast(&cockpit));
    }
}

/// Keys arm 400 ms after the first paint (C2): before that nothing is decided.
#[test]
fn arms_after_400_ms() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    cockpit.keys("d");
    let asked = Event::Asked(Box::new(checkpoint(7, scenes::work_ask())));
    cockpit.wait(5_000);
    cockpit.tell(&[event(&run_id(), NOON, asked)]);
    cockpit.wait(399);
    let out = cockpit.app.key(Key::Char('a'), cockpit.now);
    assert_eq!(out, []);
    assert!(
        toast(&cockpit).contains("just appeared"),
        "{}",
        toast(&cockpit)
    );
}

/// A key less than 250 ms ago disarms (C2): typing ahead decides nothing.
#[test]
fn typing_ahead_decides_nothing() {
    let mut cockpit = at_work();
    cockpit.keys("c");
    for _ in 0..20 {
        cockpit.wait(100);
        let out = cockpit.app.key(Key::Char('a'), cockpit.now);
        assert_eq!(out, []);
        cockpit.frame();
    }
    cockpit.wait(250);
    let out = cockpit.app.key(Key::Char('a'), cockpit.now);
    assert!(matches!(out[..], [Out::Send(Command::Decide { .. })]));
}

/// Enter never approves and Esc never decides, at any kind of question (C2).
#[test]
fn enter_and_esc_decide_nothing() {
    for ask in scenes::every_ask() {
        let mut cockpit = Cockpit::new(&scenes::asks(ask.clone()), (120, 36));
        cockpit.keys("<enter><enter><esc><esc>c<enter><esc>");
        assert_eq!(decisions(&cockpit), [], "{}", ask.kind());
    }
}

/// The dashes of the table in PRODUCT §3.7 are refused with one line; everything else does something.
#[test]
fn each_kind_takes_its_answers() {
    for ask in scenes::every_ask() {
        for answer in scenes::ANSWERS {
            let mut cockpit = Cockpit::new(&scenes::asks(ask.clone()), (120, 36));
            let key = match answer {
                Answer::Approve => "a",
                Answer::Edit => "e",
                Answer::Retry => "r",
                Answer::Abort => "x",
            };
            cockpit.keys("c").keys(key);
            let did = !decisions(&cockpit).is_empty()
                || cockpit.app.field.is_some()
                || cockpit.app.layers.len() > 1;
            assert_eq!(
                did,
                ask.allows(answer),
                "{} {answer:?}: {}",
                ask.kind(),
                toast(&cockpit)
            );
            assert_eq!(toast(&cockpit).is_empty(), did, "{} {answer:?}", ask.kind());
        }
    }
}

/// A sent answer is not sent twice; a refusal frees it and says why.
#[test]
fn an_answer_is_sent_once() {
    let mut cockpit = at_work();
    cockpit.keys("caa");
    assert_eq!(decisions(&cockpit).len(), 1);
    let what = checkpoint(7, scenes::work_ask()).id.0;
    let why = "the digest is stale".to_owned();
    cockpit.tell(&[scenes::record(NOON, Fact::Refused { what, why })]);
    assert!(toast(&cockpit).contains("stale"));
    cockpit.keys("a");
    assert_eq!(decisions(&cockpit).len(), 2);
}

/// The first decision wins: another cockpit's answer closes the pages here.
#[test]
fn another_cockpit_answers() {
    let mut cockpit = at_work();
    cockpit.keys("c");
    cockpit.tell(&[scenes::decided_elsewhere()]);
    assert!(cockpit.app.pages().is_none());
    cockpit.keys("a");
    assert_eq!(decisions(&cockpit), []);
}

/// `c` opens the chosen loop's own question first, then the one that waits longest.
#[test]
fn the_chosen_loops_question_comes_first() {
    let mut cockpit = at_work();
    let other = RunId::new("tidy-links", 3);
    let asked = Event::Asked(Box::new(checkpoint(1, scenes::work_ask())));
    cockpit.tell(&[event(&other, NOON - 600_000, asked)]);
    cockpit.keys("c");
    assert_eq!(cockpit.app.pages().map(|p| &p.run), Some(&run_id()));
    cockpit.keys("c");
    assert_eq!(cockpit.app.pages().map(|p| &p.run), Some(&other));
}

/// A question that arrives while a field has the keys waits: letters type, and the line says so.
#[test]
fn nothing_opens_over_a_field() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    cockpit.keys("m");
    let asked = Event::Asked(Box::new(checkpoint(7, scenes::work_ask())));
    cockpit.tell(&[event(&run_id(), NOON, asked)]);
    cockpit.keys("aerx");
    assert_eq!(decisions(&cockpit), []);
    let text = cockpit.text("terminal");
    assert!(text.contains("aerx# Memory"), "{text}");
    assert!(text.contains("1 waiting"), "{text}");
}

/// A field whose question has changed sends nothing and keeps what was typed.
#[test]
fn a_stale_field_sends_nothing() {
    let mut cockpit = at_work();
    cockpit.keys("crtry again");
    let mut other = checkpoint(7, scenes::verdict_ask(false));
    other.ask = scenes::work_ask();
    cockpit.tell(&[event(&run_id(), NOON, Event::Asked(Box::new(other)))]);
    cockpit.keys("<enter>");
    assert_eq!(decisions(&cockpit), []);
    assert!(cockpit.app.field.is_some(), "the text is not lost");
    assert!(toast(&cockpit).contains("has changed"));
}

/// The note of a retry is optional, one line, and sent by Enter; Esc leaves without deciding.
#[test]
fn retry_takes_a_note() {
    let mut cockpit = at_work();
    cockpit.keys("crno<esc>");
    assert_eq!(decisions(&cockpit), []);
    cockpit.keys("ruse arxiv<enter>");
    let note = Some("use arxiv".to_owned());
    assert_eq!(decisions(&cockpit), [Decision::Retry { note }]);
}

/// A publish that wants its digest typed takes the right 8 digits only.
#[test]
fn publish_wants_the_digest() {
    let mut cockpit = Cockpit::new(&scenes::publish(true), (120, 36));
    cockpit.keys("ca00000000<enter>");
    assert_eq!(decisions(&cockpit), []);
    let digest = checkpoint(7, scenes::publish_ask(true)).digest;
    cockpit.keys("<esc>a").keys(digest.short()).keys("<enter>");
    let typed = Some(digest.short().to_owned());
    assert_eq!(decisions(&cockpit), [Decision::Approve { typed }]);
}

/// An edited prompt is sent only after Enter confirms it, whole, with the operator's bytes.
#[test]
fn prompt_edit_is_confirmed() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::prompt_ask()), (120, 36));
    cockpit.keys("ceMind: <esc>");
    assert_eq!(decisions(&cockpit), []);
    cockpit.keys("<enter>");
    let text = format!("Mind: {}", scenes::PROMPT);
    assert_eq!(decisions(&cockpit), [Decision::Edit(Edit::Prompt { text })]);
}

/// Editing the draft fetches the file, and sends its whole new text.
#[test]
fn draft_edit_sends_the_file() {
    let mut cockpit = at_work();
    cockpit.keys("ce<enter>Hm. <esc><enter>");
    let text = format!("Hm. {}", scenes::ARTEFACT);
    let path = "drafts/2026-06-12-loops.md".to_owned();
    assert_eq!(
        decisions(&cockpit),
        [Decision::Edit(Edit::File { path, text })]
    );
}

/// Turning a line over sends only that line.
#[test]
fn verdict_edit_sends_what_changed() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::verdict_ask(true)), (120, 36));
    cockpit.keys("celG<enter>");
    let sent = decisions(&cockpit);
    let lines = vec![(0, false, String::new())];
    assert_eq!(
        sent,
        [Decision::Edit(Edit::Verdict {
            lines,
            note: None,
            feedback: None
        })],
        "{}",
        toast(&cockpit)
    );
}

/// A human judge must answer every line; `a` is not available before (PRODUCT §5.12).
#[test]
fn human_judge_answers_every_line() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::human_ask()), (120, 36));
    cockpit.keys("c1a");
    assert!(
        toast(&cockpit).contains("every rubric line"),
        "{}",
        toast(&cockpit)
    );
    cockpit.keys("22eGG<enter>");
    let lines = vec![(0, true, String::new()), (1, false, String::new())];
    assert_eq!(
        decisions(&cockpit),
        [Decision::Edit(Edit::Verdict {
            lines,
            note: None,
            feedback: None
        })],
        "{}",
        toast(&cockpit)
    );
}

/// A raise sends only the caps that were raised.
#[test]
fn raise_sends_raised_caps() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::every_ask().swap_remove(8)), (120, 36));
    cockpit.keys("ceG<enter>");
    assert_eq!(decisions(&cockpit), []);
    cockpit.keys("glG<enter>");
    let raise = Edit::Raise {
        tokens: Some(75_000),
        minutes: None,
        micro_usd: None,
    };
    assert_eq!(decisions(&cockpit), [Decision::Edit(raise)]);
}

/// Esc saves the memory with the digest it began from; Ctrl-c asks before it discards (P4).
#[test]
fn memory_is_saved_by_esc() {
    let mut cockpit = at_work();
    cockpit.keys("mx<c-c><esc><c-c><enter>");
    let saves = |c: &Cockpit| {
        c.sent
            .iter()
            .filter(|o| matches!(o, Out::Send(Command::SaveMemory { .. })))
            .count()
    };
    assert_eq!((saves(&cockpit), cockpit.app.field.is_none()), (0, true));
    cockpit.keys("mx<esc>");
    let base = scenes::memory().digest;
    let text = format!("x{}", scenes::MEMORY);
    let name = scenes::LOOP.to_owned();
    assert_eq!(
        cockpit.sent.last(),
        Some(&Out::Send(Command::SaveMemory { name, base, text }))
    );
}

/// The artefact is told as seen once, when its own page is drawn.
#[test]
fn seen_is_told_once() {
    let mut cockpit = at_work();
    let seen = |c: &Cockpit| {
        c.sent
            .iter()
            .filter(|o| matches!(o, Out::Send(Command::Seen { .. })))
            .count()
    };
    assert_eq!(seen(&cockpit), 0, "the bar alone shows no artefact");
    cockpit.keys("p");
    assert_eq!(seen(&cockpit), 0, "another page is not the artefact");
    cockpit.keys("dpdd");
    assert_eq!(seen(&cockpit), 1);
}

/// `--read-only` looks and never decides.
#[test]
fn read_only_never_decides() {
    let mut cockpit = Cockpit::with(
        &scenes::work(),
        (120, 36),
        Manner {
            read_only: true,
            ..Manner::default()
        },
    );
    let header = cockpit.text("terminal").lines().next().unwrap().to_owned();
    assert!(header.contains("read-only · 6 loops"), "{header}");
    cockpit.keys("caerxXsm u");
    let changed = cockpit.sent.iter().any(|o| {
        !matches!(
            o,
            Out::Send(Command::Fetch(_) | Command::Seen { .. } | Command::Looks { .. })
        )
    });
    assert!(!changed, "{:?}", cockpit.sent);
    assert!(cockpit.app.field.is_none());
}

/// `X` works from the panes and from every layer, at once (R65).
#[test]
fn stop_all_from_everywhere() {
    for keys in ["", "c", "t", "i", "?", "ce", "q"] {
        let mut cockpit = at_work();
        cockpit.keys(keys).keys("X");
        assert_eq!(
            cockpit.sent.last(),
            Some(&Out::Send(Command::StopAll)),
            "after «{keys}»"
        );
    }
}

/// Leaving asks while runs are active, and leaves at once where none are.
#[test]
fn quit_asks_while_runs_are_active() {
    let mut idle = Cockpit::new(&scenes::idle(), (80, 24));
    assert_eq!(idle.keys("q").sent.last(), Some(&Out::Quit));
    let mut busy = Cockpit::new(&scenes::running(), (80, 24));
    busy.keys("q");
    assert!(!busy.sent.contains(&Out::Quit));
    busy.keys("<space>");
    let hold = Command::Hold {
        run: run_id(),
        on: true,
    };
    // It leaves when the host says that it holds, and not with the word on its way.
    assert_eq!(busy.sent.last(), Some(&Out::Send(hold)));
    busy.tell(&[event(&run_id(), NOON, Event::HoldAsked(true))]);
    assert_eq!(busy.sent.last(), Some(&Out::Quit));
    // Another key stays, whatever the host says then.
    let mut busy = Cockpit::new(&scenes::running(), (80, 24));
    busy.keys("q<space>j");
    busy.tell(&[event(&run_id(), NOON, Event::HoldAsked(true))]);
    assert!(!busy.sent.contains(&Out::Quit));
    let mut busy = Cockpit::new(&scenes::running(), (80, 24));
    busy.keys("qx");
    assert!(!busy.sent.contains(&Out::Quit));
    busy.keys("q");
    assert_eq!(busy.sent.last(), Some(&Out::Quit));
    // What ends with this program cannot be left running.
    let manner = Manner {
        owned: true,
        ..Manner::default()
    };
    let mut demo = Cockpit::with(&scenes::running(), (80, 24), manner);
    demo.keys("q<space>");
    assert!(!demo.sent.contains(&Out::Quit));
    demo.keys("q");
    assert_eq!(demo.sent.last(), Some(&Out::Quit));
}

/// A new question rings once; none while its own pages are open and the window has the focus.
#[test]
fn rings_once_per_question() {
    let asked = |n| {
        event(
            &run_id(),
            NOON,
            Event::Asked(Box::new(checkpoint(n, scenes::work_ask()))),
        )
    };
    let mut cockpit = at_work();
    let before = cockpit.app.bells;
    cockpit.tell(&[asked(8)]);
    assert_eq!(cockpit.app.bells - before, 1);
    cockpit.keys("c");
    cockpit.tell(&[asked(9)]);
    assert_eq!(cockpit.app.bells - before, 1, "it is being looked at");
    cockpit.app.focused = Some(false);
    cockpit.tell(&[asked(10)]);
    assert_eq!(cockpit.app.bells - before, 2);
    // A terminal that reports nothing is looked at while keys come.
    cockpit.app.focused = None;
    cockpit.tell(&[asked(11)]);
    assert_eq!(cockpit.app.bells - before, 2);
    cockpit.wait(61_000);
    cockpit.tell(&[asked(12)]);
    assert_eq!(cockpit.app.bells - before, 3);
}

/// Scrolling up stops following and counts what is new; `f` follows again.
#[test]
fn following_yields_to_the_reader() {
    let mut cockpit = Cockpit::new(&scenes::running(), (80, 24));
    cockpit.keys("2k");
    assert!(!cockpit.app.reading.follow);
    let lines = 52;
    let grew = scenes::record(
        NOON,
        Fact::Grew {
            run: run_id(),
            lines,
        },
    );
    drop(cockpit.app.apply(&grew, cockpit.now));
    assert!(
        cockpit.text("terminal").contains("↓ 42 new"),
        "{}",
        cockpit.text("terminal")
    );
    cockpit.keys("f");
    assert!(cockpit.app.reading.follow);
}

/// A conflict keeps mine against their digest, and loses nothing before that is chosen.
#[test]
fn conflict_keeps_mine() {
    let mut cockpit = at_work();
    let theirs = scenes::memory();
    let mine = "# mine\n".to_owned();
    cockpit.tell(&[scenes::record(
        NOON,
        Fact::MemoryConflict {
            theirs: theirs.clone(),
            mine: mine.clone(),
        },
    )]);
    cockpit.keys("k");
    let save = Command::SaveMemory {
        name: theirs.name,
        base: theirs.digest,
        text: mine,
    };
    assert_eq!(cockpit.sent.last(), Some(&Out::Send(save)));
}

/// A guardrail is allowed once, a permission for the run, by `e` alone.
#[test]
fn edits_without_a_form() {
    let pick = |kind: &str| {
        let ask = scenes::every_ask()
            .into_iter()
            .find(|a: &Ask| a.kind() == kind)
            .unwrap();
        let mut cockpit = Cockpit::new(&scenes::asks(ask), (120, 36));
        cockpit.keys("ce");
        decisions(&cockpit)
    };
    assert_eq!(pick("guardrail"), [Decision::Edit(Edit::AllowOnce)]);
    assert_eq!(pick("permission"), [Decision::Edit(Edit::AllowForRun)]);
}

/// `u` takes `X` back when that was last; else the last decision of the run (PRODUCT §5.17).
#[test]
fn undo_takes_back_what_was_last() {
    let mut cockpit = at_work();
    cockpit.tell(&[scenes::decided_elsewhere()]);
    cockpit.keys("u");
    let run = Some(run_id());
    assert_eq!(cockpit.sent.last(), Some(&Out::Send(Command::Undo { run })));
    cockpit.keys("Xu");
    let run = None;
    assert_eq!(cockpit.sent.last(), Some(&Out::Send(Command::Undo { run })));
}

/// A restore says what was put back; `u` at that point and anywhere else takes it back, and what it had
/// set aside is there again (R54, PRODUCT §5.17).
#[test]
fn undo_takes_a_restore_back() {
    let mut cockpit = Cockpit::new(&scenes::history(), (120, 36));
    cockpit.keys("tjj");
    let run = RunId::new(scenes::LOOP, 12);
    let worked = |cockpit: &Cockpit| {
        let shown = cockpit.app.shown_run().unwrap();
        shown.iterations[0].work.is_some()
    };
    assert!(worked(&cockpit));
    let restore = Out::Send(Command::Restore {
        run: run.clone(),
        iteration: 1,
    });
    let undo = Out::Send(Command::Undo {
        run: Some(run.clone()),
    });
    cockpit.keys("u");
    assert_eq!(cockpit.sent.last(), Some(&restore));
    let tell = |cockpit: &mut Cockpit, asked: Event| {
        let began = Event::Began {
            iteration: 1,
            stage: Stage::Restore,
        };
        let restored = Event::Restored {
            tree: "T0".to_owned(),
        };
        for told in [asked, began, restored, Event::Ended(Outcome::Stopped)] {
            cockpit.tell(&[event(&run, NOON, told)]);
        }
    };
    tell(&mut cockpit, Event::RestoreAsked { iteration: 1 });
    let said = "files are as before iteration 1; r begins it anew; u takes this back";
    assert_eq!(toast(&cockpit), said);
    assert!(!worked(&cockpit));
    let text = cockpit.text("terminal");
    assert!(
        text.contains("the files stand there, u takes that back"),
        "{text}"
    );
    cockpit.keys("u");
    assert_eq!(cockpit.sent.last(), Some(&undo));
    tell(&mut cockpit, Event::RestoreUndone);
    assert!(
        toast(&cockpit).contains("taken back"),
        "{}",
        toast(&cockpit)
    );
    assert!(worked(&cockpit));
    cockpit.keys("u");
    assert_eq!(cockpit.sent.last(), Some(&restore));
}

/// Page keys move in a long text that is being edited.
#[test]
fn pages_turn_in_the_editor() {
    let mut cockpit = Cockpit::new(&scenes::work(), (80, 12));
    cockpit.keys("m<pgdn><pgdn>");
    let text = cockpit.text("terminal");
    assert!(text.contains("One topic per draft"), "{text}");
}

/// `E` takes the draft to the operator's editor; what comes back is sent only after Enter.
#[test]
fn a_draft_goes_to_the_editor() {
    let mut cockpit = at_work();
    cockpit.keys("cEE");
    let edits = cockpit.sent.iter().rev().find_map(|o| {
        let Out::Edit { text, then } = o else {
            return None;
        };
        Some((text.clone(), then.clone()))
    });
    let (text, then) = edits.expect("the editor is asked for");
    assert_eq!(text, scenes::ARTEFACT);
    let out = cockpit.app.edited(then, "shorter\n");
    assert_eq!(out, []);
    assert_eq!(decisions(&cockpit), []);
    cockpit.keys("<enter>");
    let path = "drafts/2026-06-12-loops.md".to_owned();
    let text = "shorter\n".to_owned();
    assert_eq!(
        decisions(&cockpit),
        [Decision::Edit(Edit::File { path, text })]
    );
}

/// Older runs are fetched when the choice comes near the last that is known.
#[test]
fn the_timeline_reads_on() {
    let mut cockpit = Cockpit::new(&scenes::history(), (120, 36));
    let more = Fact::HistoryEnd {
        name: scenes::LOOP.into(),
        more: true,
    };
    cockpit.keys("t");
    cockpit.tell(&[scenes::record(NOON, more)]);
    cockpit.keys("jj");
    let fetch = Fetch::History {
        name: scenes::LOOP.into(),
        before: 12,
        runs: 20,
    };
    assert!(
        cockpit.sent.contains(&Out::Send(Command::Fetch(fetch))),
        "{:?}",
        cockpit.sent
    );
}

/// On a screen without a row for the artefact nothing counts as seen; stopping still works.
#[test]
fn one_line_can_only_stop() {
    let mut cockpit = Cockpit::new(&scenes::work(), (40, 2));
    cockpit.keys("caaa");
    assert_eq!(decisions(&cockpit), []);
    cockpit.keys("x");
    assert_eq!(decisions(&cockpit), [Decision::Abort]);
}

/// A decision that is taken back: its question comes again, is read again and arms again.
#[test]
fn an_undone_decision_asks_again() {
    let mut cockpit = at_work();
    cockpit.keys("c");
    cockpit.tell(&[scenes::decided_elsewhere()]);
    let open = checkpoint(7, scenes::work_ask());
    let undone = Event::Undone {
        checkpoint: open.id.clone(),
        answer: Answer::Approve,
    };
    cockpit.tell(&[event(&run_id(), NOON, undone)]);
    assert!(cockpit.app.question().is_none(), "it is put back first");
    cockpit.tell(&[event(&run_id(), NOON, Event::Asked(Box::new(open)))]);
    let out = cockpit.app.key(Key::Char('a'), cockpit.now);
    assert_eq!(out, [], "not read again yet");
    cockpit.keys("ca");
    assert_eq!(decisions(&cockpit), [Decision::APPROVE]);
}

/// History that repeats what is known counts nothing twice, rings for nothing and changes no screen.
#[test]
fn repeated_history_changes_nothing() {
    let number = |all: Vec<Record>| -> Vec<Record> {
        let numbered = all.into_iter().zip(1..);
        numbered.map(|(r, seq)| Record { seq, ..r }).collect()
    };
    let all = number(scenes::history());
    let mut cockpit = Cockpit::new(&all, (120, 36));
    let (before, bells) = (cockpit.text("terminal"), cockpit.app.bells);
    let runs: Vec<_> = all
        .into_iter()
        .filter(|r| matches!(r.fact, Fact::Run { .. }))
        .collect();
    cockpit.tell(&runs);
    assert_eq!(cockpit.text("terminal"), before);
    assert_eq!(cockpit.app.bells, bells);
}

/// A note of several lines keeps its lines in the form, and only what was changed is sent.
#[test]
fn a_note_keeps_its_lines() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::verdict_ask(false)), (120, 36));
    cockpit.keys("ce<enter><end><enter>- second line<esc>");
    assert_eq!(decisions(&cockpit), [], "Esc took the text into the form");
    cockpit.keys("G<enter>");
    let note = "- …/wiki/agents is gone (410); use the archived copy.\n- second line";
    let note = Some(note.to_owned());
    let edit = Edit::Verdict {
        lines: Vec::new(),
        note,
        feedback: None,
    };
    assert_eq!(decisions(&cockpit), [Decision::Edit(edit)]);
}

/// A refusal hides the hints until a key, a new question, or the first record after 20 seconds;
/// what was done stays until a key.
#[test]
fn a_refusal_gives_way() {
    let refused = Fact::Refused {
        what: "changelog".to_owned(),
        why: "it runs already".to_owned(),
    };
    let grew = Fact::Grew {
        run: run_id(),
        lines: 10,
    };
    let mut cockpit = at_work();
    cockpit.tell(&[scenes::record(NOON, refused.clone())]);
    cockpit.wait(19_000);
    cockpit.tell(&[scenes::record(NOON, grew.clone())]);
    assert!(toast(&cockpit).contains("runs already"));
    cockpit.wait(1_000);
    cockpit.tell(&[scenes::record(NOON, grew.clone())]);
    assert_eq!(toast(&cockpit), "");

    cockpit.tell(&[scenes::record(NOON, refused)]);
    let open = Event::Asked(Box::new(checkpoint(9, scenes::work_ask())));
    cockpit.tell(&[event(&run_id(), NOON, open)]);
    assert_eq!(toast(&cockpit), "");

    let done = Fact::Done {
        what: "saved".to_owned(),
    };
    cockpit.tell(&[scenes::record(NOON, done)]);
    cockpit.wait(60_000);
    cockpit.tell(&[scenes::record(NOON, grew)]);
    assert_eq!(toast(&cockpit), "saved");
    cockpit.keys("j");
    assert_eq!(toast(&cockpit), "");
}

/// A transcript whose length nobody told is fetched: its beginning, which says the length, then its end;
/// an empty one is asked for once.
#[test]
fn a_transcript_of_unknown_length_is_fetched() {
    let fetches = |all: &[Out]| -> Vec<u64> {
        let from = |out: &Out| match out {
            Out::Send(Command::Fetch(Fetch::Transcript { from, .. })) => Some(*from),
            _ => None,
        };
        all.iter().filter_map(from).collect()
    };
    let answer = |lines: Vec<String>, total| Fact::Lines {
        of: Fetch::Transcript {
            run: run_id(),
            from: 0,
            lines: 200,
        },
        lines,
        total,
    };
    let mut told = scenes::work();
    told.retain(|r| !matches!(r.fact, Fact::Grew { .. }));
    for (lines, total, then) in [(200, 950, vec![800]), (0, 0, vec![])] {
        let now = Cockpit::new(&[], (120, 36)).now;
        let mut app = App::new(Manner::default(), (120, 36), now);
        let mut out = Vec::new();
        for record in &told {
            out.extend(app.apply(record, now));
        }
        assert_eq!(fetches(&out), [0]);
        let lines = vec![r#"{"kind":"said","text":"hay"}"#.to_owned(); lines];
        let record = scenes::record(NOON, answer(lines, total));
        let mut out = app.apply(&record, now);
        out.extend(app.key(Key::Char('j'), now));
        assert_eq!(fetches(&out), then);
    }
}

/// `u` right after a memory save puts the text before it back, once; a decision since is what it
/// takes back instead.
#[test]
fn undo_takes_a_memory_save_back() {
    let saved = |text: &str| {
        let digest = Digest::of(text.as_bytes());
        let text = text.to_owned();
        let name = scenes::LOOP.to_owned();
        let path = format!("memory/{name}.md");
        Fact::Memory(MemoryText {
            name,
            path,
            digest,
            text,
        })
    };
    let text = format!("x{}", scenes::MEMORY);
    let put_back = Command::SaveMemory {
        name: scenes::LOOP.to_owned(),
        base: Digest::of(text.as_bytes()),
        text: scenes::MEMORY.to_owned(),
    };
    let decision = Command::Undo {
        run: Some(run_id()),
    };
    for (decided, wanted) in [(false, put_back), (true, decision.clone())] {
        let mut cockpit = at_work();
        if !decided {
            cockpit.tell(&[scenes::decided_elsewhere()]);
        }
        cockpit.keys("mx<esc>");
        cockpit.tell(&[scenes::record(NOON, saved(&text))]);
        let what = format!("saved memory/{}.md", scenes::LOOP);
        cockpit.tell(&[scenes::record(NOON, Fact::Done { what: what.clone() })]);
        assert_eq!(toast(&cockpit), format!("{what} · u to undo"));
        if decided {
            cockpit.tell(&[scenes::decided_elsewhere()]);
        }
        cockpit.keys("u");
        assert_eq!(cockpit.sent.last(), Some(&Out::Send(wanted)));
        cockpit.keys("u");
        assert_eq!(cockpit.sent.last(), Some(&Out::Send(decision.clone())));
    }
}

/// While `X` holds the chosen loop's trigger `u` arms it first, also from its four bones; a loop that its
/// own file switches off is left alone. A decision about a run that goes on was made since, and is what
/// `u` takes back.
#[test]
fn undo_arms_what_stop_all_switched_off() {
    let cases = [
        (true, false, "u"),
        (true, false, "iu"),
        (false, false, "u"),
        (true, true, "u"),
    ];
    for (enabled, goes_on, keys) in cases {
        let mut rows = scenes::loops();
        for row in &mut rows {
            if let LoopState::Valid(facts) = &mut row.state {
                facts.off = true;
                facts.spec.enabled = enabled;
            }
        }
        let mut cockpit = at_work();
        cockpit.tell(&[scenes::decided_elsewhere()]);
        if !goes_on {
            let ended = Event::Ended(Outcome::Stopped);
            cockpit.tell(&[event(&run_id(), NOON, ended)]);
        }
        cockpit.tell(&[scenes::record(NOON, Fact::Loops(rows))]);
        cockpit.keys(keys);
        let arms = enabled && !goes_on;
        let run = (!arms).then(run_id);
        assert_eq!(cockpit.sent.last(), Some(&Out::Send(Command::Undo { run })));
        assert_eq!(toast(&cockpit).contains("triggers on again"), arms);
    }
}

/// An earlier run of which only the length of its transcript is told is not counted as running.
#[test]
fn a_run_of_long_ago_is_not_running() {
    let mut cockpit = at_work();
    let before = cockpit.text("terminal");
    let grew = Fact::Grew {
        run: RunId("research-and-draft-3".to_owned()),
        lines: 40,
    };
    cockpit.tell(&[scenes::record(NOON, grew)]);
    assert_eq!(cockpit.text("terminal"), before);
}

/// A memory that cannot be saved is in the editor again with all that was typed, and can be saved once more.
#[test]
fn a_refused_save_loses_nothing() {
    let mut cockpit = at_work();
    let memory = scenes::memory();
    cockpit.tell(&[scenes::record(NOON, Fact::Memory(memory.clone()))]);
    cockpit.keys("4mtyped <esc>");
    assert!(cockpit.app.field.is_none());
    let why = "is not UTF-8 at byte 3".to_owned();
    let what = memory.path.clone();
    cockpit.tell(&[scenes::record(NOON, Fact::Refused { what, why })]);
    let field = cockpit.app.field.as_ref().unwrap();
    assert!(field.text().contains("typed "), "{}", field.text());
    assert!(toast(&cockpit).contains("not UTF-8"));
    cockpit.keys("<esc>");
    let saves = cockpit.sent.iter().filter_map(|out| match out {
        Out::Send(Command::SaveMemory { base, text, .. }) => Some((base, text.contains("typed "))),
        _ => None,
    });
    assert_eq!(saves.collect::<Vec<_>>(), [(&memory.digest, true); 2]);
}

/// What is being typed when the host ends stays in the editor, and is saved with the next one.
#[test]
fn what_is_typed_waits_for_the_next_host() {
    let mut cockpit = at_work();
    let memory = scenes::memory();
    cockpit.tell(&[scenes::record(NOON, Fact::Memory(memory))]);
    cockpit.keys("4mtyped ");
    cockpit.tell(&[scenes::record(NOON, Fact::Leaving)]);
    let saved = |out: &Out| matches!(out, Out::Send(Command::SaveMemory { .. }));
    cockpit.keys("<esc>");
    assert!(cockpit.app.field.is_some() && !cockpit.sent.iter().any(saved));
    assert!(
        toast(&cockpit).contains("no host runs"),
        "{}",
        toast(&cockpit)
    );
    let attached = Fact::Attached {
        project: "/p".to_owned(),
        warnings: Vec::new(),
    };
    cockpit.tell(&[scenes::record(NOON, attached)]);
    cockpit.keys("<esc>");
    assert!(cockpit.app.field.is_none() && cockpit.sent.iter().any(saved));
}

/// Without a host nothing is asked, what is shown is said to be old, and no key changes anything; the next host
/// takes over.
#[test]
fn nothing_is_answered_without_a_host() {
    let mut cockpit = at_work();
    cockpit.tell(&[scenes::record(NOON, Fact::Leaving)]);
    cockpit.keys("caserxuX");
    let looks = |out: &Out| match out {
        Out::Send(command) => matches!(
            command,
            Command::Fetch(_) | Command::Seen { .. } | Command::Looks { .. } | Command::Here
        ),
        _ => false,
    };
    assert!(cockpit.sent.iter().all(looks), "{:?}", cockpit.sent);
    assert!(
        toast(&cockpit).contains("no host runs"),
        "{}",
        toast(&cockpit)
    );
    insta::assert_snapshot!(cockpit.text("terminal"));
    let attached = Fact::Attached {
        project: "/p".to_owned(),
        warnings: Vec::new(),
    };
    cockpit.tell(&[scenes::record(NOON, attached)]);
    assert!(!cockpit.text("terminal").contains("all here is as it was"));
}

/// What a host was asked for and did not answer before it died is asked for anew.
#[test]
fn what_was_asked_is_asked_again() {
    let mut cockpit = at_work();
    let texts = |out: &[Out]| -> Vec<Out> {
        let text = |out: &&Out| matches!(out, Out::Send(Command::Fetch(Fetch::Text { .. })));
        out.iter().filter(text).cloned().collect()
    };
    let asked = texts(&cockpit.app.key(Key::Char('p'), cockpit.now));
    assert_eq!(asked.len(), 1, "{asked:?}");
    let attached = scenes::record(
        NOON,
        Fact::Attached {
            project: "/p".to_owned(),
            warnings: Vec::new(),
        },
    );
    let again = cockpit.app.apply(&attached, cockpit.now);
    assert_eq!(texts(&again), asked);
}

/// The texts of a conflict that are merged by hand are not saved while the line between them stands.
#[test]
fn a_merge_is_not_saved_with_its_marker() {
    let mut cockpit = at_work();
    let theirs = scenes::memory();
    let mine = "# mine\n".to_owned();
    let conflict = Fact::MemoryConflict { theirs, mine };
    cockpit.tell(&[scenes::record(NOON, conflict)]);
    cockpit.keys("e<esc>");
    assert!(toast(&cockpit).contains("not saved"), "{}", toast(&cockpit));
    assert!(cockpit.app.field.is_some(), "nothing typed is lost");
    let saved = |out: &Out| matches!(out, Out::Send(Command::SaveMemory { .. }));
    assert!(!cockpit.sent.iter().any(saved));
}

/// A human judge who has set every line hands them in with `a`, which agrees to nothing yet, and no
/// disagreement is threatened (PRODUCT §5.12).
#[test]
fn a_human_judge_hands_the_answers_in() {
    let mut cockpit = Cockpit::new(&scenes::asks(scenes::human_ask()), (120, 36));
    cockpit.keys("c1a");
    assert!(toast(&cockpit).contains("answer every rubric line first"));
    let lines = cockpit.app.human.values().next().map_or(0, Vec::len);
    let rest: String = (2..=lines).map(|n| n.to_string()).collect();
    cockpit.keys(&rest).keys("aa");
    let [Decision::Edit(Edit::Verdict { lines: given, .. })] = &decisions(&cockpit)[..] else {
        panic!("{:?}", decisions(&cockpit));
    };
    assert_eq!(given.len(), lines);
    assert!(given.iter().all(|(_, pass, _)| *pass));
    assert!(!cockpit.text("terminal").contains("disagreement"));
}

/// A verdict that is taken back after the next iteration began is asked again in its own iteration,
/// on the strip and in the list.
#[test]
fn an_undone_verdict_turns_the_iterations_back() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    assert_eq!(cockpit.app.run().map(Run::now), Some(2));
    let open = Checkpoint {
        iteration: 1,
        ..checkpoint(3, scenes::verdict_ask(false))
    };
    cockpit.tell(&[event(&run_id(), NOON, Event::Asked(Box::new(open)))]);
    assert_eq!(cockpit.app.run().map(Run::now), Some(1));
    let text = cockpit.text("terminal");
    assert!(text.contains("asks 1/5"), "{text}");
    assert!(text.contains("1 ◆  2 ·"), "{text}");
}

/// At a prompt `d` shows the newest work that stands; once that is thrown away, none.
#[test]
fn the_diff_before_a_prompt_is_the_one_that_stands() {
    let began = |iteration| {
        let stage = Stage::Compose;
        event(&run_id(), NOON, Event::Began { iteration, stage })
    };
    let asked = |iteration| {
        let open = Checkpoint {
            iteration,
            ..checkpoint(8, scenes::prompt_ask())
        };
        event(&run_id(), NOON, Event::Asked(Box::new(open)))
    };
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    cockpit.tell(&[began(2), asked(2)]);
    cockpit.keys("cd");
    let text = cockpit.text("terminal");
    assert!(
        text.contains("of iteration 1; this one has no diff yet"),
        "{text}"
    );
    cockpit.tell(&[began(1), asked(1)]);
    cockpit.keys("d");
    let text = cockpit.text("terminal");
    assert!(text.contains("no diff yet: the worker"), "{text}");
}

/// Over the panes a key of theirs says what to close first; `[` and `]` say where they end.
#[test]
fn keys_of_another_place_say_why_not() {
    let mut cockpit = at_work();
    cockpit.keys("cs");
    assert_eq!(toast(&cockpit), "s: close these pages first with Esc");
    cockpit.keys("]");
    assert_eq!(toast(&cockpit), "]: iteration 2 is the newest");
    cockpit.keys("[[");
    assert_eq!(toast(&cockpit), "[: this is the first iteration");
}

/// At 80 columns every editor says how to keep and how to throw away.
#[test]
fn editors_say_how_they_are_left() {
    let scenes = [
        (scenes::asks(scenes::prompt_ask()), "ce"),
        (scenes::work(), "m"),
    ];
    for (records, keys) in scenes {
        for (width, more) in [(80, "(asks"), (48, "Ctrl-c discard")] {
            let mut cockpit = Cockpit::new(&records, (width, 24));
            cockpit.keys(keys);
            let text = cockpit.text("terminal");
            let wanted = text.contains("Ctrl-c discard") && text.contains("Esc ");
            assert!(wanted && text.contains(more), "{text}");
            cockpit.keys("x<c-c>");
            assert!(cockpit.text("terminal").contains("Enter throw away"));
        }
    }
}

/// Pane 4 opens at the newest entry, wherever it stands in the file; the rest is a key away.
#[test]
fn the_memory_opens_at_its_newest_entry() {
    let entry =
        |day: u32| format!("## 2026-06-{day:02} · run {day}\n\n- Learnt on day {day:02}.\n\n");
    let forwards: String = (1..=30).map(entry).collect();
    let backwards: String = (1..=30).rev().map(entry).collect();
    for text in [forwards, backwards] {
        let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
        let text = format!("# Memory\n\n{text}## Standing rules\n\n- One topic.\n");
        let memory = MemoryText {
            digest: Digest::of(text.as_bytes()),
            text,
            ..scenes::memory()
        };
        cockpit.tell(&[scenes::record(NOON, Fact::Memory(memory))]);
        let shown = cockpit.text("terminal");
        assert!(
            shown.contains("Learnt on day 30") && !shown.contains("day 01"),
            "{shown}"
        );
        cockpit.keys("4g");
        let first = cockpit.text("terminal").contains("Learnt on day 01");
        cockpit.keys("G");
        assert_ne!(first, cockpit.text("terminal").contains("Learnt on day 01"));
    }
}

/// What is under way is drawn again each second, what waits now and then, else once a minute: a time
/// on the screen is true, and an idle cockpit is silent (F10).
#[test]
fn times_tick_as_fast_as_they_change() {
    let beat = |records: &[Record]| Cockpit::new(records, (80, 24)).app.beat().as_secs();
    assert_eq!(beat(&scenes::nothing()), 60);
    assert_eq!(beat(&scenes::idle()), 60);
    assert_eq!(beat(&scenes::work()), 15);
    let mut busy = scenes::work();
    let began = Event::Began {
        stage: Stage::Check,
        iteration: 2,
    };
    busy.push(event(&run_id(), NOON, began));
    assert_eq!(beat(&busy), 1);
}

/// What was used today stays when the loop's next run wakes before the list is told anew.
#[test]
fn today_does_not_fall_when_a_run_wakes() {
    let today = |cockpit: &Cockpit| {
        let text = cockpit.text("terminal");
        let (_, rest) = text.split_once("today ").unwrap();
        rest.split(" tok").next().unwrap().to_owned()
    };
    let mut cockpit = Cockpit::new(&scenes::idle(), (120, 36));
    let before = today(&cockpit);
    assert_eq!(before, "12.4k");
    let next = RunId::new(scenes::LOOP, 15);
    cockpit.tell(&[event(&next, NOON, scenes::woke(15, Mode::Training))]);
    assert_eq!(today(&cockpit), before);
}

/// What the day may use up stands beside what it has; where there is no room for both, who needs you is told.
#[test]
fn the_days_caps_stand_in_the_header() {
    let caps = |dollars: u64| {
        let caps = DayCaps {
            tokens: Some(250_000),
            micro_usd: Some(dollars * 1_000_000),
        };
        scenes::record(NOON, Fact::Caps(caps))
    };
    let header = |size, caps: Record| {
        let mut cockpit = Cockpit::new(&scenes::work(), size);
        cockpit.tell(&[caps]);
        cockpit.text("terminal").lines().next().unwrap().to_owned()
    };
    let wide = header((120, 36), caps(2));
    assert!(
        wide.contains("today 12.4k of 250k tok  $0.11 of $2.00 "),
        "{wide}"
    );
    let small = header((80, 24), caps(2));
    assert!(small.contains("1 needs you"), "{small}");
    assert!(small.contains("$0.11 of $2.00 today "), "{small}");
    let narrow = header((60, 15), caps(1_000));
    assert!(narrow.contains("1 needs you"), "{narrow}");
    assert!(!narrow.contains("today"), "{narrow}");
}

/// The run band asks for the runs that it shows: what it adds up is what the header says. A screen without it asks
/// for none.
#[test]
fn the_run_band_knows_its_runs() {
    let mut records = scenes::idle();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact {
            for row in rows {
                row.last_run = Some(RunId::new(&row.name, 3));
            }
        }
    }
    let asked = |size| {
        let cockpit = Cockpit::new(&records, size);
        let asked = cockpit.sent.iter().filter_map(|out| match out {
            Out::Send(Command::Fetch(Fetch::History { name, .. })) => Some(name.clone()),
            _ => None,
        });
        asked.collect::<Vec<_>>()
    };
    let mut wide = asked((200, 60));
    wide.sort();
    let mut all: Vec<String> = scenes::loops().into_iter().map(|row| row.name).collect();
    all.sort();
    assert_eq!(wide, all);
    assert!(asked((120, 36)).len() <= 1);
}

/// A loop file that breaks while its run waits hides nothing of the question.
#[test]
fn a_broken_file_does_not_hide_who_waits() {
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    let row = |cockpit: &Cockpit| {
        let screen = cockpit.text("terminal");
        let row = screen.lines().find(|line| line.starts_with("▌"));
        row.unwrap().chars().take(30).collect::<String>()
    };
    let mut loops = scenes::loops();
    loops[0].state = LoopState::Invalid {
        line: 3,
        why: "a string needs its closing quote".into(),
    };
    cockpit.tell(&[scenes::record(NOON, Fact::Loops(loops))]);
    let row = row(&cockpit);
    assert!(row.starts_with("▌◆") && row.ends_with("asks 2"), "{row}");
}

/// A loop whose file is gone keeps its row while its run is under way: it is shown, answered and stopped, and not
/// started again.
#[test]
fn a_run_without_its_file_stays_in_hand() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    let mut loops = scenes::loops();
    loops[0].state = LoopState::Gone;
    cockpit.tell(&[scenes::record(NOON, Fact::Loops(loops.clone()))]);
    let screen = cockpit.text("terminal");
    let row = screen.lines().find(|line| line.starts_with("▌"));
    assert!(row.unwrap().starts_with("▌●"), "{screen}");
    let why = format!("loops/{}.toml is gone", scenes::LOOP);
    assert!(screen.contains(&format!(" ▲ {}", &why[..20])), "{screen}");
    cockpit.keys("s");
    assert_eq!(commands(&cockpit), Vec::<&Command>::new());
    assert!(toast(&cockpit).contains(&why), "{}", toast(&cockpit));
    cockpit.keys("x");
    let sent = cockpit.sent.last();
    assert!(
        matches!(sent, Some(Out::Send(Command::Stop { .. }))),
        "{sent:?}"
    );
    // With its run it leaves the list: what stands there now is another loop.
    let others = loops[1..].to_vec();
    cockpit.tell(&[scenes::record(NOON, Fact::Loops(others))]);
    let left = format!("{} has left the list", scenes::LOOP);
    assert!(toast(&cockpit).starts_with(&left), "{}", toast(&cockpit));
    cockpit.tell(&[scenes::record(NOON, Fact::Loops(Vec::new()))]);
    cockpit.keys("X");
    assert!(cockpit.sent.contains(&Out::Send(Command::StopAll)));
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    cockpit.tell(&[scenes::record(NOON, Fact::Loops(loops))]);
    cockpit.keys("c");
    assert!(cockpit.text("terminal").contains("approve"));
}

/// The list of loops, of which the first may not run.
fn untrusted() -> Vec<Record> {
    let mut records = scenes::idle();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact
            && let Some(LoopState::Valid(facts)) = rows.first_mut().map(|row| &mut row.state)
        {
            facts.distrust = Some("scripts/links-resolve changed outside the cockpit".to_owned());
        }
    }
    records
}

fn commands(cockpit: &Cockpit) -> Vec<&Command> {
    let commands = cockpit.sent.iter().filter_map(|out| match out {
        Out::Send(command @ (Command::Trust { .. } | Command::Start { .. })) => Some(command),
        _ => None,
    });
    commands.collect()
}

/// S18: `s` on a loop that may not run shows what it would run, and one more key allows exactly
/// that and starts it; Enter, Esc and the keys around it allow nothing.
#[test]
fn a_review_is_allowed_by_one_key_alone() {
    let mut cockpit = Cockpit::new(&untrusted(), (120, 36));
    cockpit.keys("s<enter>sejkx<esc>");
    assert!(commands(&cockpit).is_empty());
    cockpit.keys("sa");
    let (name, digest) = (scenes::LOOP.to_owned(), Digest::of(b"reviewed"));
    let allow = Command::Trust {
        name: name.clone(),
        digest,
    };
    assert_eq!(commands(&cockpit), [&allow, &Command::Start { name }]);
    assert!(cockpit.app.layers.is_empty());
}

/// S18: what has just appeared is not allowed yet, and a cockpit that only looks allows nothing.
#[test]
fn a_review_arms_as_questions_do() {
    let mut cockpit = Cockpit::new(&untrusted(), (120, 36));
    cockpit.keys("s");
    cockpit.wait(399);
    let out = cockpit.app.key(Key::Char('a'), cockpit.now);
    assert_eq!(out, []);
    let manner = Manner {
        read_only: true,
        ..Manner::default()
    };
    let mut cockpit = Cockpit::with(&untrusted(), (120, 36), manner);
    cockpit.keys("sa");
    assert!(commands(&cockpit).is_empty());
}

/// S18: what still stands below is not allowed unseen; once its end was shown, it is.
#[test]
fn a_review_is_read_to_its_end() {
    let mut cockpit = Cockpit::new(&untrusted(), (80, 14));
    cockpit.keys("s");
    cockpit.wait(1_000);
    assert!(cockpit.text("terminal").contains("more below"));
    cockpit.keys("a");
    assert!(commands(&cockpit).is_empty());
    assert!(cockpit.text("terminal").contains("more of it stands below"));
    cockpit.keys("G");
    cockpit.wait(1_000);
    cockpit.keys("ga");
    assert!(!commands(&cockpit).is_empty());
}

/// Every key that does nothing here has a name, the space bar too.
#[test]
fn a_blank_is_called_by_its_name() {
    let mut cockpit = Cockpit::new(&scenes::work(), (80, 24));
    cockpit.keys("c ");
    let text = cockpit.text("terminal");
    assert!(
        text.contains("space: close these pages first with Esc"),
        "{text}"
    );
}

/// Where nothing can be taken back, `u` says so and sends nothing.
#[test]
fn undo_of_nothing_says_so() {
    let mut records = scenes::attached();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact {
            rows.truncate(2);
        }
    }
    let mut cockpit = Cockpit::new(&records, (80, 24));
    cockpit.keys("u");
    assert!(
        !cockpit
            .sent
            .iter()
            .any(|out| matches!(out, Out::Send(Command::Undo { .. })))
    );
    assert!(cockpit.text("terminal").contains("nothing to take back"));
}

/// S18: while a review is open and the files change, it is read anew.
#[test]
fn a_review_is_read_anew_when_files_change() {
    let mut cockpit = Cockpit::new(&untrusted(), (120, 36));
    cockpit.keys("s");
    let reviews = |cockpit: &Cockpit| {
        let fetched = |out: &&Out| matches!(out, Out::Send(Command::Review { .. }));
        cockpit.sent.iter().filter(fetched).count()
    };
    assert_eq!(reviews(&cockpit), 1);
    let changed = untrusted();
    let loops = changed.iter().find(|r| matches!(r.fact, Fact::Loops(_)));
    cockpit.tell(std::slice::from_ref(loops.unwrap()));
    assert_eq!(reviews(&cockpit), 2);
}

/// How a review looks, and how the row of its loop does, at both widths.
#[test]
fn a_review_on_the_screen() {
    for size in [(80, 24), (120, 36)] {
        let mut cockpit = Cockpit::new(&untrusted(), size);
        insta::assert_snapshot!(format!("untrusted_{}", size.0), cockpit.text("terminal"));
        cockpit.keys("s");
        insta::assert_snapshot!(format!("review_{}", size.0), cockpit.text("terminal"));
    }
}

/// F12: before a loop was looked at its row says so, claims no mode and nothing that it may do; a start is
/// asked of the host, which looks first. A question that waits is shown whatever is known of the file.
#[test]
fn what_nobody_has_examined_claims_nothing() {
    let mut records = scenes::idle();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact {
            for row in rows {
                row.state = LoopState::Unexamined;
            }
        }
    }
    let mut cockpit = Cockpit::new(&records, (120, 36));
    let screen = cockpit.text("terminal");
    // Each row, and the header in place of what runs and what asks.
    assert_eq!(
        screen.matches("looking").count(),
        scenes::loops().len() + 1,
        "{screen}"
    );
    assert!(!screen.contains("nothing needs you"), "{screen}");
    assert!(screen.contains("the host has just begun"), "{screen}");
    assert!(!screen.contains("proven by hand"), "{screen}");
    let why = "the host has just begun and looks at it; press again";
    for key in ["u", "i", "E"] {
        cockpit.keys(key);
        assert_eq!(commands(&cockpit), Vec::<&Command>::new(), "{key}");
        let screen = cockpit.text("terminal");
        assert!(screen.contains(why), "{key}: {screen}");
        cockpit.keys("<esc>");
    }

    // The host looks before it obeys.
    cockpit.keys("s");
    let sent = commands(&cockpit);
    assert!(matches!(sent[..], [Command::Start { .. }]), "{sent:?}");
    let screen = cockpit.text("terminal");
    assert!(screen.contains("once the host has looked"), "{screen}");

    let row = || LoopRow {
        state: LoopState::Unexamined,
        ..scenes::loops().remove(0)
    };
    let after = |records: Vec<Record>| {
        let mut cockpit = Cockpit::new(&records, (120, 36));
        cockpit.tell(&[scenes::record(NOON, Fact::Loops(vec![row()]))]);
        cockpit.text("terminal")
    };
    assert!(after(scenes::work()).contains("asks 2"));
    // What the last host left at work may be over.
    let left = after(scenes::running());
    assert!(left.contains("1 loop · looking"), "{left}");
    assert!(!left.contains("1 running"), "{left}");
}
