//! Loops that go nowhere and loops that do not: `tests/stuck/*.txt`, one pattern per block.
//!
//! A block is `[what it shows]`, then turns, then what is expected: `= healthy`, `= not found` for a
//! stuck loop that is known to be missed, or `= stuck after 4, nothing new since 2`. A turn is
//! `tree NAME`, then what followed: `asks QUESTION`, or checks (`NAME ok`, `NAME exit 1`,
//! `NAME time`), each with its output behind `>`, and `judge yes no: why` or `judge unreadable`.

use std::path::Path;

use checkride::run::{
    Ask, CheckOutcome, CheckResult, Decision, Edit, Effect, Input, Judgement, Phase, Run, TextRef,
};

use super::invariants::Witness;
use super::world::{self, Setup};

/// Most turns that a loop may go on after the last one that brought anything new.
const WITHIN: usize = 3;

/// One turn of a worker, and what was said of it.
#[derive(Default)]
struct Turn {
    tree: String,
    question: Option<String>,
    checks: Vec<CheckResult>,
    judgement: Option<Judgement>,
}

struct Pattern {
    shows: String,
    turns: Vec<Turn>,
    expected: String,
}

/// S14: of the loops that go nowhere, 19 of 20 are stopped within 3 turns.
#[test]
fn loops_that_go_nowhere_are_stopped() {
    let patterns = read("stuck.txt");
    let mut found = 0;
    for pattern in &patterns {
        let after = stuck_after(&pattern.turns);
        let Some(expected) = pattern.expected.strip_prefix("stuck after ") else {
            assert_eq!(pattern.expected, "not found", "{}", pattern.shows);
            assert_eq!(after, None, "found after all: {}", pattern.shows);
            continue;
        };
        let (turn, since) = expected
            .split_once(", nothing new since ")
            .unwrap_or((expected, "1"));
        let (turn, since): (usize, usize) = (turn.parse().unwrap(), since.parse().unwrap());
        assert_eq!(after, Some(turn), "{}", pattern.shows);
        assert!(turn <= since + WITHIN, "too late: {}", pattern.shows);
        found += 1;
    }
    assert!(patterns.len() >= 20, "only {} patterns", patterns.len());
    let enough = found * 20 >= patterns.len() * 19;
    assert!(enough, "{found} of {} are stopped", patterns.len());
}

/// S14: a loop that gets somewhere is never called stuck.
#[test]
fn loops_that_get_somewhere_are_left_alone() {
    let patterns = read("healthy.txt");
    let mut wrong = Vec::new();
    for pattern in &patterns {
        assert_eq!(pattern.expected, "healthy", "{}", pattern.shows);
        if let Some(turn) = stuck_after(&pattern.turns) {
            wrong.push(format!("{} (turn {turn})", pattern.shows));
        }
    }
    assert!(patterns.len() >= 20, "only {} patterns", patterns.len());
    assert!(wrong.is_empty(), "called stuck: {wrong:#?}");
}

/// The turn after which a run of these turns asks whether it is stuck.
fn stuck_after(turns: &[Turn]) -> Option<usize> {
    let (mut witness, mut effect) = wake(turns);
    let mut begun = 0;
    loop {
        let input = match (&effect, witness.run.phase()) {
            (_, Phase::Asking(open)) if matches!(open.ask, Ask::Stuck { .. }) => {
                return Some(begun);
            }
            (_, Phase::Asking(open)) => Input::Decide {
                checkpoint: open.id.clone(),
                digest: open.digest.clone(),
                decision: match open.ask {
                    Ask::Question { .. } => Decision::Edit(Edit::Answer {
                        text: "as you like".to_owned(),
                    }),
                    _ => Decision::APPROVE,
                },
                by: "the operator".to_owned(),
            },
            (Effect::Work { .. }, _) => {
                let turn = turns.get(begun)?;
                let before = begun.checked_sub(1).map_or("T0", |n| &turns[n].tree);
                begun += 1;
                let mut work = world::work(&turn.tree);
                work.question.clone_from(&turn.question);
                work.diff = TextRef::to(&if before == turn.tree {
                    String::new()
                } else {
                    format!("{before} becomes {}", turn.tree)
                });
                Input::Worked(Box::new(work))
            }
            (Effect::Check { .. }, _) => Input::Checked(turns[begun - 1].checks.clone()),
            (Effect::Judge { .. }, _) => Input::Judged {
                judgement: turns[begun - 1].judgement.clone().expect("a judge's word"),
                usage: world::tokens(100),
                took_ms: 100,
            },
            (Effect::Finish, _) => return None,
            (other, _) => world::well(other, &turns[begun.max(1) - 1].tree).expect("an answer"),
        };
        effect = witness.step(input).effect;
    }
}

/// A run with as much of everything as these turns want, and its first effect.
fn wake(turns: &[Turn]) -> (Witness, Effect) {
    let judged = turns.iter().any(|turn| turn.judgement.is_some());
    let setup = Setup {
        mode: "autonomous".to_owned(),
        judge: if judged { "command" } else { "none" }.to_owned(),
        max_iterations: 20,
        ..Setup::default()
    };
    let mut wake = setup.wake();
    let mut names: Vec<&str> = Vec::new();
    for check in turns.iter().flat_map(|turn| &turn.checks) {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
    }
    wake.spec.goal.checks = names.into_iter().map(world::check).collect();
    let (run, step) = Run::wake(wake);
    (Witness::new(run, &step), step.effect)
}

fn read(name: &str) -> Vec<Pattern> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/stuck")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(pattern)
        .collect()
}

fn pattern(block: &str) -> Pattern {
    let mut lines = block.trim().lines();
    let shows = lines.next().unwrap().trim_matches(['[', ']']).to_owned();
    let mut turns: Vec<Turn> = Vec::new();
    let mut expected = String::new();
    for line in lines {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if first == "tree" {
            let tree = rest.to_owned();
            turns.push(Turn {
                tree,
                ..Turn::default()
            });
            continue;
        }
        let turn = turns.last_mut().expect("a tree first");
        match first {
            "=" => expected = rest.to_owned(),
            "asks" => turn.question = Some(rest.to_owned()),
            "judge" => turn.judgement = Some(judged(rest)),
            ">" => said(turn.checks.last_mut().expect("a check first"), rest),
            name => turn.checks.push(CheckResult {
                outcome: ended(rest),
                ..world::result(name, true, "")
            }),
        }
    }
    Pattern {
        shows,
        turns,
        expected,
    }
}

/// One more line of a check's output; the first is its figure.
fn said(check: &mut CheckResult, line: &str) {
    if check.evidence.is_empty() {
        check.figure = line.trim().to_owned();
    } else {
        check.evidence.push('\n');
    }
    check.evidence.push_str(line);
}

fn ended(word: &str) -> CheckOutcome {
    match word.split_once(' ') {
        Some(("exit", code)) => CheckOutcome::Failed {
            code: Some(code.parse().unwrap()),
        },
        None if word == "ok" => CheckOutcome::Passed,
        None if word == "time" => CheckOutcome::TimedOut,
        Some(_) | None => panic!("no such end of a check: {word}"),
    }
}

fn judged(words: &str) -> Judgement {
    if words == "unreadable" {
        return Judgement::Unreadable {
            why: "no JSON".to_owned(),
            raw: "well done".to_owned(),
        };
    }
    let (answers, why) = words.split_once(": ").unwrap_or((words, "line 3"));
    let answers: Vec<bool> = answers.split(' ').map(|word| word == "yes").collect();
    let mut judgement = world::judgement(&answers, None);
    if let Judgement::Given(answer) = &mut judgement {
        for finding in &mut answer.findings {
            finding.evidence = why.to_owned();
        }
    }
    judgement
}
