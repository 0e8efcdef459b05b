//! `/`, `n`, `N` in texts and lists; `Y`; which page a question opens on.

use checkride::protocol::{Command, Fact, Fetch};
use checkride::run::Event;
use checkride::tui::app::pages::Tab;
use checkride::tui::app::{Layer, Out};
use checkride::tui::styles::Role;

use super::scenes::{self, checkpoint, event, record, run_id};
use super::{Cockpit, NOON, parse, theme};

/// The pieces of the screen that are marked as matches.
fn marked(cockpit: &Cockpit) -> Vec<String> {
    let styles = theme("terminal");
    let buf = cockpit.grid(&styles);
    let style = styles.of(Role::Sel);
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for y in 0..buf.area.height {
        for x in 0..buf.area.width {
            let cell = &buf[(x, y)];
            let here = style.bg.unwrap_or_default() == cell.bg
                && style.fg.unwrap_or_default() == cell.fg
                && style.add_modifier == cell.modifier;
            match (here, open) {
                (true, true) => out.last_mut().unwrap().push_str(cell.symbol()),
                (true, false) => out.push(cell.symbol().to_owned()),
                (false, _) => {}
            }
            open = here;
        }
        open = false;
    }
    out
}

fn toast(cockpit: &Cockpit) -> &str {
    cockpit.app.toast.as_deref().unwrap_or("")
}

fn copied(cockpit: &Cockpit) -> &str {
    fn text(out: &Out) -> Option<&str> {
        let Out::Copy(text) = out else { return None };
        Some(text)
    }
    cockpit.sent.iter().rev().find_map(text).unwrap_or("")
}

/// A search marks what it finds, whatever the case, in pages, help, bones, memory and transcript.
#[test]
fn finds_in_every_text() {
    for (open, word) in [
        ("c", "reflexion"),
        ("cm", "BLOG"),
        ("?", "never approves"),
        ("i", "memory"),
        ("4", "standing"),
        ("2", "archived"),
        ("2", "worker"),
    ] {
        let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
        cockpit.keys(&format!("{open}/{word}<enter>"));
        let found = marked(&cockpit);
        assert!(
            found.iter().any(|f| f.eq_ignore_ascii_case(word)),
            "«{word}» after {open}: {found:?} {}",
            toast(&cockpit)
        );
        cockpit.keys("<esc>");
        assert!(marked(&cockpit).is_empty(), "Esc ends the search");
    }
}

/// `n` and `N` go from match to match and say where there is no more; a missing text is told.
#[test]
fn goes_on_and_back() {
    let mut cockpit = Cockpit::new(&scenes::work(), (80, 12));
    cockpit.keys("4");
    let top = |c: &Cockpit| c.app.tops.get(&1).copied().unwrap_or_default();
    cockpit.keys("/run 1<enter>");
    let first = top(&cockpit);
    cockpit.keys("n");
    assert!(top(&cockpit) > first, "{:?}", top(&cockpit));
    cockpit.keys("n");
    assert!(
        toast(&cockpit).contains("no more below"),
        "{}",
        toast(&cockpit)
    );
    cockpit.keys("N");
    assert_eq!(top(&cockpit), first);
    cockpit.keys("/<c-c>/<bs><bs><bs><bs><bs>nowhere<enter>");
    assert!(
        toast(&cockpit).contains("not in this text"),
        "{}",
        toast(&cockpit)
    );
    let mut cockpit = Cockpit::new(&scenes::work(), (80, 24));
    cockpit.keys("2n");
    assert!(toast(&cockpit).contains("/ begins"), "{}", toast(&cockpit));
}

/// A long transcript is searched page by page as it is fetched, never at once, and a key stops it.
#[test]
fn long_transcripts_are_searched_in_steps() {
    let mut cockpit = Cockpit::new(&scenes::running(), (120, 36));
    let lines = 100_000;
    let run = run_id();
    let grew = Fact::Grew {
        run: run.clone(),
        lines,
    };
    let mut out = cockpit.app.apply(&record(NOON, grew), cockpit.now);
    for key in parse("2/needle<enter>") {
        cockpit.wait(1_000);
        out.extend(cockpit.app.key(key, cockpit.now));
    }
    let mut asked = 0;
    // A host that keeps one needle, 1,000 lines above the end.
    while let Some(of) = next_fetch(&mut out) {
        let Fetch::Transcript {
            from, lines: most, ..
        } = &of
        else {
            continue;
        };
        asked += 1;
        assert!(asked < 20, "stops at the match");
        let text = |line: u64| {
            let word = if line == 99_000 { "a Needle" } else { "hay" };
            format!(r#"{{"kind":"said","text":"{word} {line}"}}"#)
        };
        let sent: Vec<String> = (*from..(from + most).min(lines)).map(text).collect();
        let total = lines;
        let fact = Fact::Lines {
            of: of.clone(),
            lines: sent,
            total,
        };
        out.extend(cockpit.app.apply(&record(NOON, fact), cockpit.now));
    }
    assert!(asked >= 5, "it went on from page to page: {asked}");
    assert_eq!(cockpit.app.reading.top.item, 99_000);
    assert!(!cockpit.app.reading.follow);
    assert_eq!(marked(&cockpit), ["Needle"]);
    // Further up the search waits for the host; a key gives it up.
    let out = cockpit.app.key(parse("N")[0], cockpit.now);
    assert!(
        toast(&cockpit).contains("any key stops"),
        "{} {out:?}",
        toast(&cockpit)
    );
    cockpit.app.key(parse("j")[0], cockpit.now);
    assert_eq!(cockpit.app.toast, None);
}

fn next_fetch(out: &mut Vec<Out>) -> Option<Fetch> {
    while !out.is_empty() {
        if let Out::Send(Command::Fetch(of)) = out.remove(0) {
            return Some(of);
        }
    }
    None
}

/// In the timeline `/` filters the runs; what is chosen then is one of them; Esc shows all again.
#[test]
fn filters_the_timeline() {
    let mut cockpit = Cockpit::new(&scenes::history(), (120, 36));
    cockpit.keys("t");
    let all = timeline_runs(&cockpit);
    assert!(all.len() > 1, "{all:?}");
    let wanted = all.last().unwrap().to_string();
    cockpit.keys(&format!("/{wanted}<enter>"));
    assert_eq!(timeline_runs(&cockpit).len(), 1);
    assert_eq!(
        cockpit.app.shown_run().map(|r| r.number().to_string()),
        Some(wanted)
    );
    cockpit.keys("<esc>");
    assert_eq!(timeline_runs(&cockpit), all);
}

fn timeline_runs(cockpit: &Cockpit) -> Vec<u32> {
    let Some(Layer::Timeline(timeline)) = cockpit.app.layers.last() else {
        panic!("no timeline");
    };
    cockpit
        .app
        .runs_in(timeline)
        .iter()
        .map(|r| r.number())
        .collect()
}

/// `Y` copies the path of the file behind what is shown.
#[test]
fn copies_paths() {
    let run = ".checkride/runs/research-and-draft/14";
    for (keys, path) in [
        ("Y", "loops/research-and-draft.toml".to_owned()),
        ("2Y", format!("{run}/transcript.jsonl")),
        ("3Y", format!("{run}/1/verdict.json")),
        ("4Y", "memory/research-and-draft.md".to_owned()),
        ("cY", format!("{run}/2/diff.patch")),
        ("cmY", "memory/research-and-draft.md".to_owned()),
        ("t[Y", format!("{run}/1")),
    ] {
        let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
        cockpit.keys(keys);
        let project = cockpit.app.world.project.clone();
        assert_eq!(
            copied(&cockpit),
            format!("{project}/{path}"),
            "after {keys}"
        );
    }
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    cockpit.keys("cvY");
    assert!(toast(&cockpit).starts_with("Y: "), "{}", toast(&cockpit));
}

/// Every question opens on its own page, even where the pages were left open on another one.
#[test]
fn questions_open_on_their_own_page() {
    for ask in scenes::every_ask() {
        for left_open in ["cm", "cm?"] {
            let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
            cockpit.keys(left_open);
            let home = Tab::of(&ask);
            let open = checkpoint(8, ask.clone());
            cockpit.tell(&[event(&run_id(), NOON, Event::Asked(Box::new(open)))]);
            cockpit
                .app
                .layers
                .retain(|l| !matches!(l, Layer::Help { .. }));
            assert_eq!(
                cockpit.app.pages().map(|p| p.tab),
                Some(home),
                "{}",
                ask.kind()
            );
        }
    }
}

/// Before a draft is kept, the output page shows the file that the newest work left changed.
#[test]
fn output_shows_the_work_before_it_is_kept() {
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    cockpit.keys("co");
    let text = cockpit.text("terminal");
    assert!(text.contains("not kept"), "{text}");
    assert!(text.contains("# Loops, honestly"), "{text}");
    let asks = cockpit
        .sent
        .iter()
        .filter(|o| matches!(o, Out::Send(Command::Fetch(Fetch::File { .. }))));
    assert_eq!(asks.count(), 1);
}

/// A page without content says in one line why.
#[test]
fn empty_pages_say_why() {
    let began = scenes::running();
    for (keys, why) in [
        ("d", "the worker has not handed its work in"),
        ("v", "the checks of this iteration have not run"),
        ("o", "the worker has not handed its work in"),
    ] {
        let mut cockpit = Cockpit::new(&began, (80, 24));
        cockpit.keys(keys);
        let text = cockpit.text("terminal");
        assert!(text.contains(why), "{keys}: {text}");
    }
}
