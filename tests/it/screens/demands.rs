//! What the screens must show or must not offer, whatever they look like.

use checkride::protocol::{DayRoom, Fact, LoopFacts, LoopState, RunId, Waking};
use checkride::run::{Ask, Finding, Judgement, Limit, Mode, Purse};
use checkride::tui::keymap::Key;

use super::{Cockpit, scenes};

/// The text of a screen, its frame and line ends made blanks.
fn words(cockpit: &Cockpit) -> String {
    let text = cockpit.text("terminal");
    let plain: String = text
        .chars()
        .map(|c| {
            if "│─┄├┤┬┴┼━▌▸".contains(c) {
                ' '
            } else {
                c
            }
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where each of these stands on the screen; the message names the one that is missing.
fn places(text: &str, wanted: &[&str]) -> Vec<usize> {
    let place = |word: &&str| {
        text.find(word)
            .unwrap_or_else(|| panic!("no {word} in\n{text}"))
    };
    wanted.iter().map(place).collect()
}

/// What wakes a loop, how it checks itself, where it remembers and when it stops stand on the main
/// screen at 80×24 without a key; limits are numbers (R8, R9).
#[test]
fn the_four_facts_are_always_there() {
    let cockpit = Cockpit::new(&scenes::idle(), (80, 24));
    let text = cockpit.text("terminal");
    places(
        &text,
        &[
            "trigger  weekdays 07:00",
            "verify   4 checks + judge",
            "memory   2 notes",
            "stops    5 iter·60k",
            "tok·$0.60",
        ],
    );
}

/// There is nowhere to write to an agent: of all plain keys on the main screen only the search and
/// the memory open a field (R13).
#[test]
fn the_main_screen_has_no_chat_box() {
    let mut open = String::new();
    for c in ('!'..='~').chain(['\t', ' ']) {
        let mut cockpit = Cockpit::new(&scenes::idle(), (120, 36));
        cockpit.press(Key::Char(c));
        if cockpit.app.field.is_some() {
            open.push(c);
        }
    }
    assert_eq!(open, "/m");
}

/// The four bones stand in their own order, on the main screen and in the inspector (R34).
#[test]
fn the_bones_keep_their_order() {
    let mut cockpit = Cockpit::new(&scenes::idle(), (120, 60));
    let rows = ["trigger", "skill", "goal", "verify", "memory"].map(|bone| format!(" {bone} "));
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let text = cockpit.text("terminal");
    let bones = text.split("the four bones").nth(1).unwrap();
    assert!(places(bones, &rows).is_sorted(), "{bones}");
    cockpit.keys("i");
    let text = cockpit.text("terminal");
    let heads = [
        "\n trigger",
        "\n skill",
        "\n goal and verification",
        "\n memory",
    ];
    assert!(places(&text, &heads).is_sorted(), "{text}");
}

/// A rubric of two lines is two lines with evidence in the verdict pane, at the checkpoint and
/// beside the run (R27).
#[test]
fn every_rubric_line_shows_its_evidence() {
    let mut ask = scenes::verdict_ask(true);
    let Ask::Verdict { verdict, .. } = &mut ask else {
        panic!("{ask:?}");
    };
    let Judgement::Given(answer) = &mut verdict.judgement else {
        panic!("{verdict:?}");
    };
    answer.findings = ["first", "second", "third"]
        .map(|n| Finding {
            line: format!("the {n} line holds"),
            pass: n != "second",
            evidence: format!("seen {n}"),
            overturned: false,
        })
        .to_vec();
    let mut cockpit = Cockpit::new(&scenes::asks(ask), (120, 36));
    cockpit.keys("c");
    let text = words(&cockpit);
    for n in ["first", "second", "third"] {
        places(
            &text,
            &[&format!("the {n} line holds"), &format!("seen {n}")],
        );
    }
}

/// All four panes stand at 120×36; at 80×24 each is one digit away (P1, P5).
#[test]
fn the_four_panes_are_in_reach() {
    let marks = [
        "research-and-draft",
        "14:03:24",
        "NOT APPROVED",
        "Fetch each URL before",
    ];
    let cockpit = Cockpit::new(&scenes::work(), (120, 36));
    places(&cockpit.text("terminal"), &marks);
    let marks = [
        "research-and-draft",
        "14:05 held",
        "NOT APPROVED",
        "Fetch each URL",
    ];
    for (digit, mark) in ["1", "2", "3", "4"].into_iter().zip(marks) {
        let mut cockpit = Cockpit::new(&scenes::work(), (80, 24));
        cockpit.keys(digit);
        places(&words(&cockpit), &[mark]);
    }
}

/// A loop that asks for more than it has earned runs in training, and its screen says why (R47).
#[test]
fn a_loop_in_training_says_why() {
    let mut records = scenes::idle();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact
            && let LoopState::Valid(facts) = &mut rows[0].state
        {
            facts.mode = Mode::Training;
            facts.mode_why = "asks for autonomous, has earned training".to_owned();
        }
    }
    let mut cockpit = Cockpit::new(&records, (120, 60));
    cockpit.keys("i");
    places(
        &words(&cockpit),
        &["asks for autonomous, has earned training"],
    );
}

/// What a worker claims stands beside what was found of it: counted in the inspector, and in words
/// of their own at the work (R52).
#[test]
fn claims_are_counted_beside_verdicts() {
    let mut cockpit = Cockpit::new(&scenes::idle(), (120, 70));
    cockpit.keys("i");
    places(&words(&cockpit), &["claimed done 2×, approved 1× of these"]);
    let mut cockpit = Cockpit::new(&scenes::work(), (120, 36));
    cockpit.keys("c");
    places(&words(&cockpit), &["claims", "612 words, 7 sources"]);
}

/// A limit that a cap of the day sets names it and its end; what cannot help before that is not offered.
#[test]
fn a_cap_of_the_day_is_named() {
    let budget = scenes::every_ask().swap_remove(8);
    let Ask::Budget { limit, .. } = budget.clone() else {
        panic!("{budget:?}");
    };
    let purse = match limit {
        Limit::Tokens(..) => Purse::Tokens,
        Limit::MicroUsd(..) => Purse::Money,
        Limit::Minutes(..) => panic!("{limit:?}"),
    };
    let mut records = scenes::asks(budget);
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact
            && let LoopState::Valid(facts) = &mut rows[0].state
        {
            facts.day = vec![DayRoom {
                purse,
                most: 1,
                why: "tokens_per_day = 1000 in checkride.toml leaves this run 1 in all".to_owned(),
                ends: super::NOON + 12 * 3_600_000,
            }];
        }
    }
    for size in [(80, 24), (120, 36)] {
        let mut cockpit = Cockpit::new(&records, size);
        cockpit.keys("c");
        let text = words(&cockpit);
        assert!(
            text.contains("tokens_per_day = 1000 in checkride.toml"),
            "{text}"
        );
        assert!(text.contains("the day ends Sat 13"), "{text}");
        assert!(!text.contains("raise the cap"), "{text}");
        cockpit.keys("e");
        assert!(
            words(&cockpit).contains("the day's cap"),
            "{}",
            words(&cockpit)
        );
        assert!(cockpit.app.layers.len() == 1, "no form opens");
    }
}

/// On the first page the digits choose its lines, the fourth too (R3).
#[test]
fn digits_choose_on_the_first_page() {
    let mut cockpit = Cockpit::new(&scenes::nothing(), (80, 24));
    for (key, line) in [
        ("4", "write a loop yourself"),
        ("2", "start from research-and-draft"),
    ] {
        cockpit.keys(key);
        let text = cockpit.text("terminal");
        let chosen = text.lines().find(|text| text.contains('▌')).unwrap();
        assert!(chosen.contains(line), "{text}");
    }
}

/// Every loop as it is, but the chosen one stands so; and how its column then reads at 80×24.
fn standing(change: impl Fn(&mut LoopFacts)) -> String {
    let mut records = scenes::idle();
    for record in &mut records {
        if let Fact::Loops(rows) = &mut record.fact
            && let LoopState::Valid(facts) = &mut rows[0].state
        {
            change(facts);
        }
    }
    let text = Cockpit::new(&records, (80, 24)).text("terminal");
    let column = text.lines().map(|line| line.chars().take(29));
    let words: Vec<String> = column.map(Iterator::collect).collect();
    let words = words.join(" ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// However much there is to say of why a loop may not run, all that it is made of stays in sight, and
/// nothing is said twice (R8, R9).
#[test]
fn a_long_reason_leaves_room_for_the_facts() {
    let why = "loops/research-and-draft.toml and 14 other files changed outside the cockpit";
    let text = standing(|facts| {
        facts.distrust = Some(why.to_owned());
        facts.waking = Waking::Disarmed {
            why: why.to_owned(),
        };
    });
    places(
        &text,
        &[
            "review",
            "nothing of it runs",
            "trigger weekdays",
            "disarmed",
            "verify 4 checks",
            "memory 2 notes",
            "stops 5 iter",
        ],
    );
    assert_eq!(text.matches("loops/").count(), 1, "{text}");
    assert!(!text.contains("guardrails"), "{text}");
}

/// What keeps a loop asleep stands on the main screen, at its smallest too.
#[test]
fn quiet_hours_are_named() {
    let asleep = |facts: &mut LoopFacts| {
        facts.waking = Waking::Asleep {
            until: super::NOON + 3_600_000,
            why: "quiet hours 22:00-06:30".to_owned(),
        };
    };
    let text = standing(asleep);
    assert!(text.contains("quiet hours 22:00-06:30"), "{text}");
}

/// Firings that stand in line are counted beside the run that they wait for.
#[test]
fn firings_in_line_are_counted() {
    let queued = |facts: &mut LoopFacts| {
        facts.waking = Waking::Queued {
            why: "research-and-draft-14 is under way".to_owned(),
            firings: 2,
        };
    };
    let text = standing(queued);
    assert!(text.contains("2 firings in line"), "{text}");
}

/// A run that waits for its turn tells its place, and is not counted as running.
#[test]
fn a_queued_run_tells_its_place() {
    let mut records = scenes::running();
    let own = scenes::run_id();
    let line = vec![RunId::new("other", 1), own, RunId::new("third", 4)];
    records.push(scenes::record(super::NOON, Fact::Waiting(line)));
    let cockpit = Cockpit::new(&records, (120, 36));
    let text = words(&cockpit);
    assert!(
        text.contains("queued 2/3") && text.contains("queued, 2 of 3"),
        "{text}"
    );
    assert!(text.contains("0 running"), "{text}");
}
