//! Properties: whatever is told to a run, in whatever order, the invariants hold.

use checkride::run::{
    Attempt, Decision, Digest, Edit, Effect, Failure, Input, Judgement, Pause, Phase, Purse, Run,
    Stage,
};
use proptest::prelude::*;

use super::invariants::Witness;
use super::world::{self, Setup};

/// What chance does next; indices choose among what fits where the run stands.
#[derive(Debug, Clone)]
enum Turn {
    /// The world answers the present effect, well or badly.
    News(u8, u8),
    /// The operator answers the open question.
    Answer(u8, u8),
    /// The operator's other keys.
    Key(u8),
    /// The world fails, spends or dies.
    Trouble(u8),
    /// News of any kind, fit or not.
    Junk(u8),
    /// A decision on an older question, or with another digest.
    Stale(u8),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        40 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Turn::News(a, b)),
        40 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Turn::Answer(a, b)),
        5 => any::<u8>().prop_map(Turn::Key),
        4 => any::<u8>().prop_map(Turn::Trouble),
        4 => any::<u8>().prop_map(Turn::Junk),
        2 => any::<u8>().prop_map(Turn::Stale),
    ];
    prop::collection::vec(turn, 1..120)
}

fn setups() -> impl Strategy<Value = Setup> {
    let modes = prop::sample::select(vec!["training", "supervised", "autonomous"]);
    let judges = prop::sample::select(vec!["none", "command", "human"]);
    let targets = prop::sample::select(vec![
        "none",
        "reversible",
        "irreversible",
        "command with undo",
    ]);
    (modes, judges, targets, any::<bool>(), 1..4_u32, 1..30_u64).prop_map(
        |(mode, judge, publish, audit, max_iterations, thousands)| Setup {
            mode: mode.to_owned(),
            judge: judge.to_owned(),
            publish: publish.to_owned(),
            audit,
            max_iterations,
            tokens: thousands * 1_000,
            ..Setup::default()
        },
    )
}

/// Bad news where they fit, else good ones.
fn news(effect: &Effect, luck: u8, tree: u8) -> Option<Input> {
    let name = format!("T{}", tree % 4 + 1);
    let bad = luck.is_multiple_of(4);
    match effect {
        Effect::Work { .. } if bad => {
            let mut work = world::work(&name);
            match luck / 4 % 4 {
                0 => work.question = Some("which?".to_owned()),
                1 => {
                    work.breaches = vec![world::breach()];
                    work.tried = Some(format!("{name}x"));
                }
                2 => work.flags = vec![world::flag("tests/a changed")],
                _ => work.usage = world::tokens(20_000),
            }
            Some(Input::Worked(Box::new(work)))
        }
        Effect::Check { .. } if bad => Some(Input::Checked(vec![
            world::result("words", !tree.is_multiple_of(3), "9"),
            world::result("links", tree.is_multiple_of(3), "8"),
        ])),
        Effect::Judge { .. } if bad => Some(Input::Judged {
            judgement: match tree % 3 {
                0 => world::judgement(&[true], None),
                1 => world::judgement(&[true, false], Some("a note")),
                _ => Judgement::Unreadable {
                    why: "prose".to_owned(),
                    raw: String::new(),
                },
            },
            usage: world::tokens(500),
            took_ms: 60_000,
        }),
        Effect::Publish { tree, .. } if bad => Some(Input::Moved(Box::new(world::moved(tree)))),
        other => world::well(other, &name),
    }
}

fn decision(run: &Run, kind: u8, more: u8) -> Decision {
    let short = match run.phase() {
        Phase::Asking(open) => Some(open.digest.short().to_owned()),
        Phase::Doing(_)
        | Phase::Held { .. }
        | Phase::Paused(_)
        | Phase::Halting(_)
        | Phase::Ended(_) => None,
    };
    match kind % 12 {
        0..=5 => Decision::Approve { typed: short },
        6 => Decision::APPROVE,
        7 => Decision::Retry {
            note: more.is_multiple_of(2).then(|| "look again".to_owned()),
        },
        8 if more.is_multiple_of(4) => Decision::Abort,
        _ => Decision::Edit(match more % 8 {
            0 => Edit::Prompt {
                text: "by hand".to_owned(),
            },
            1 => Edit::File {
                path: "draft.md".to_owned(),
                text: "by hand".to_owned(),
            },
            2 | 3 => Edit::Verdict {
                lines: vec![
                    (0, true, String::new()),
                    (1, !more.is_multiple_of(3), String::new()),
                ],
                note: more.is_multiple_of(5).then(|| "mine".to_owned()),
                feedback: None,
            },
            4 => Edit::Answer {
                text: "the first".to_owned(),
            },
            5 => Edit::Raise {
                tokens: Some(u64::from(more) * 1_000),
                minutes: Some(if more > 250 { u64::MAX } else { 40 }),
                micro_usd: None,
            },
            6 if more.is_multiple_of(3) => Edit::AllowForRun,
            6 => Edit::AllowOnce,
            _ => Edit::Files,
        }),
    }
}

fn decide(witness: &Witness, kind: u8, more: u8) -> Option<Input> {
    let (checkpoint, digest) = witness.asked.last()?.clone();
    Some(Input::Decide {
        checkpoint,
        digest,
        decision: decision(&witness.run, kind, more),
        by: "chance".to_owned(),
    })
}

fn stale(witness: &Witness, which: u8) -> Option<Input> {
    let older = usize::from(which) % witness.asked.len().max(1);
    let (checkpoint, digest) = witness.asked.get(older)?.clone();
    let other = which.is_multiple_of(2);
    Some(Input::Decide {
        checkpoint,
        digest: if other { Digest::of(b"other") } else { digest },
        decision: Decision::APPROVE,
        by: "late".to_owned(),
    })
}

fn key(which: u8) -> Input {
    match which % 8 {
        0 | 1 => Input::Undo,
        2 | 3 => Input::Resume,
        4 => Input::Hold(true),
        5 => Input::Hold(false),
        6 => Input::Restore {
            iteration: u32::from(which / 8 % 4),
        },
        _ => Input::Stop,
    }
}

fn failure(stage: Stage, maybe_done: bool) -> Input {
    Input::Failed(Failure {
        stage,
        cause: "it broke".to_owned(),
        detail: String::new(),
        maybe_done,
    })
}

fn trouble(run: &Run, which: u8) -> Input {
    match (which % 5, run.phase()) {
        (0, _) => Input::Interrupted,
        (1, _) if which > 200 => Input::Reserve(world::tokens(u64::from(which) * 700)),
        (1, _) => Input::Used(world::tokens(u64::from(which) * 500)),
        (2, _) if which > 200 => Input::TimeUp,
        (2, _) => Input::Permission {
            call: which.to_string(),
            what: "rm".to_owned(),
        },
        (3, Phase::Doing(stage)) if which.is_multiple_of(3) => Input::Paused(Pause {
            stage: *stage,
            until_ms: i64::from(which),
            cause: "limit".to_owned(),
        }),
        (3, _) if which.is_multiple_of(3) => Input::Took(u64::from(which) * 1_000),
        (4, _) if which.is_multiple_of(5) => Input::NoRoom(Purse::Tokens),
        (_, Phase::Doing(stage)) => failure(*stage, which.is_multiple_of(2)),
        (_, _) => failure(Stage::Work, false),
    }
}

fn junk(which: u8) -> Input {
    let effects = [
        Effect::Prepare,
        Effect::Compose {
            feedback: "junk".to_owned(),
        },
        Effect::Check {
            tree: "T9".to_owned(),
        },
        Effect::Judge {
            tree: "T9".to_owned(),
            checks: Vec::new(),
        },
        Effect::Remember {
            note: "junk".to_owned(),
        },
        Effect::Forget {
            note: "junk".to_owned(),
        },
        Effect::Draft {
            tree: "T9".to_owned(),
            offer: true,
        },
        Effect::Publish {
            offer: Box::new(world::offer("T9")),
            tree: "T9".to_owned(),
            attempt: Attempt::Once,
        },
        Effect::Restore {
            tree: "T9".to_owned(),
        },
        Effect::Halt,
    ];
    let stages = [Stage::Publish, Stage::Work, Stage::Unpublish, Stage::Draft];
    match effects.get(usize::from(which) % (effects.len() + 4)) {
        // Such news fit nearly everywhere; a check of another tree is a driver's lie, not chance.
        Some(effect) => world::well(effect, "T9").unwrap(),
        None => failure(stages[usize::from(which) % 4], which.is_multiple_of(3)),
    }
}

fn next(witness: &Witness, effect: &Effect, turn: &Turn) -> Option<Input> {
    match turn {
        Turn::News(luck, tree) => news(effect, *luck, *tree),
        Turn::Answer(kind, more) => match witness.run.phase() {
            Phase::Asking(_) => decide(witness, *kind, *more),
            Phase::Held { .. } => Some(Input::Hold(false)),
            Phase::Doing(_) | Phase::Paused(_) | Phase::Halting(_) | Phase::Ended(_) => {
                news(effect, *kind, *more)
            }
        },
        Turn::Key(which) => Some(key(*which)),
        Turn::Trouble(which) => Some(trouble(&witness.run, *which)),
        Turn::Junk(which) => Some(junk(*which)),
        Turn::Stale(which) => stale(witness, *which),
    }
}

proptest! {
    /// Any input sequence keeps every invariant that `Witness` knows (R12, R44, R48, R57, R62).
    #[test]
    fn any_sequence_of_inputs_keeps_the_invariants(setup in setups(), turns in turns()) {
        let (run, step) = Run::wake(setup.wake());
        let mut effect = step.effect.clone();
        let mut witness = Witness::new(run, &step);
        for turn in turns {
            let Some(input) = next(&witness, &effect, &turn) else { continue };
            let step = witness.step(input);
            if !matches!(step.effect, Effect::Continue | Effect::Permit { .. }) {
                effect = step.effect;
            }
        }
    }
}
