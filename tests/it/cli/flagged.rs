//! What is flagged, in words: `show` and plain mode name every flag before an answer is taken, the same
//! ones as the cockpit.

use checkride::cli::Exit;
use checkride::cli::plain::Means;
use checkride::protocol::Record;
use checkride::run::inert::steers;
use checkride::run::spec::{Check, Publish, PublishTo};
use checkride::run::{
    CheckOutcome, CheckResult, Decision, Digest, Event, Flag, Input, Offer, Phase, Run, Sign,
    Since, Stand, TextRef, Unseen, Work,
};

use super::{Fake, command, plain, wake};
use crate::screens::scenes;

/// A check of the loop, and that it passed.
fn check() -> (Check, CheckResult) {
    let check = Check {
        name: "tidy".to_owned(),
        command: vec!["tidy".to_owned()],
        timeout_s: 60,
        required: true,
        network: false,
    };
    let result = CheckResult {
        outcome: CheckOutcome::Passed,
        ..CheckResult::skipped(&check)
    };
    (check, result)
}

/// The news of a run whose work is flagged, from its start to its draft; its texts are the prompt's.
fn news(fake: &Fake, mut work: Work) -> Vec<Input> {
    let told = fake.records.iter().filter_map(|record| record.event());
    let prompt = told.clone().find_map(|event| match event {
        Event::Composed { prompt } => Some(prompt.clone()),
        _ => None,
    });
    let ground = told.clone().find_map(|event| match event {
        Event::Prepared(ground) => Some(ground.clone()),
        _ => None,
    });
    let text = TextRef::to(&fake.prompt);
    work.diff = text.clone();
    let offer = Offer {
        artefact: text,
        target: "branch tidied".to_owned(),
        key: Digest::of(b"key"),
        stand: Stand {
            holds: Some("c0ffee".to_owned()),
            words: "on commit c0ffee".to_owned(),
            unseen: Some(Unseen {
                how: "branch tidied has 2 commits that the run did not begin with".to_owned(),
                files: vec!["src/theirs.md".to_owned()],
                more: 0,
            }),
            since: Some(Since {
                how: "21 commits came to branch tidied".to_owned(),
                files: vec!["notes/theirs.md".to_owned()],
                more: 1,
            }),
        },
        unfit: Some("conflict in a.md".to_owned()),
    };
    vec![
        Input::Prepared(ground.unwrap()),
        Input::Composed(prompt.unwrap()),
        Input::Worked(Box::new(work)),
        Input::Checked(vec![check().1]),
        Input::Remembered {
            note: String::new(),
        },
        Input::Drafted {
            paths: vec!["drafts/a.md".to_owned()],
            offer: Some(Box::new(offer)),
        },
    ]
}

/// A run that asks this kind of question about flagged work.
fn flagged(kind: &str) -> Fake {
    let mut work = scenes::worked("t1");
    work.flags = scenes::flags();
    asking(kind, Fake::at_prompt(), work)
}

/// What a run shows of this hostile text: in its prompt, its work and the failure before it.
pub(crate) async fn shown(bad: &str) -> Vec<(&'static str, String)> {
    let hostile = |kind: &str| {
        let mut fake = Fake::asleep();
        fake.skill = format!("Sweep {bad}.");
        fake.start();
        let mut work = scenes::worked("t1");
        work.claim = Some(bad.to_owned());
        work.changes[0].path = format!("drafts/{bad}");
        work.flags = vec![Flag {
            sign: Sign::Test,
            what: bad.to_owned(),
        }];
        asking(kind, fake, work)
    };
    let mut all = Vec::new();
    for line in [
        "show tidy",
        "log tidy",
        "log tidy --json",
        "status",
        "status --json",
        "run tidy --json",
    ] {
        let (_, printed, _) = command(hostile("work"), line).await;
        all.push((line, printed));
    }
    let (_, printed, _) = command(hostile("prompt"), "show tidy").await;
    // The end of a line and a tab are what they look like.
    let hides = bad.chars().any(|c| steers(c) && !matches!(c, '\n' | '\t'));
    assert!(
        printed.contains("look at hidden characters") || !hides,
        "{bad:?}: {printed}"
    );
    all.push(("show of a prompt", printed));
    let (_, page, _) = plain::flown(hostile("work"), &[], Means::default()).await;
    all.push(("plain mode", page));
    all
}

/// What the command line prints of these questions once their records were changed so.
pub(crate) async fn told(
    change: &mut dyn FnMut(&[Record]) -> Vec<Record>,
) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kind in ["prompt", "work", "verdict", "publish"] {
        let mut changed = || {
            let mut fake = flagged(kind);
            fake.records = change(&fake.records);
            fake
        };
        for line in [
            "show tidy",
            "log tidy",
            "log tidy --json",
            "status",
            "status --json",
            "run tidy",
            "run tidy --json",
        ] {
            let (_, printed, _) = command(changed(), line).await;
            all.push((format!("{line}, {kind}"), printed));
        }
        let (_, page, _) = plain::flown(changed(), &[], Means::default()).await;
        all.push((format!("plain mode, {kind}"), page));
    }
    all
}

/// The run of this far end, brought to this kind of question.
fn asking(kind: &str, mut fake: Fake, work: Work) -> Fake {
    let news = news(&fake, work);
    let mut wake = wake();
    wake.spec.goal.checks = vec![check().0];
    wake.spec.publish = Some(Publish {
        to: PublishTo::GitBranch {
            branch: "tidied".to_owned(),
            rename: None,
        },
        reversible: true,
    });
    let (run, step) = Run::wake(wake);
    fake.run = run;
    fake.records.clear();
    fake.keep(step.events);
    for input in news {
        if let Phase::Asking(open) = fake.run.phase().clone() {
            if open.ask.kind() == kind {
                return fake;
            }
            fake.step(Input::Decide {
                checkpoint: open.id,
                digest: open.digest,
                decision: Decision::APPROVE,
                by: "test".to_owned(),
            });
        }
        fake.step(input);
    }
    assert_eq!(fake.open().ask.kind(), kind);
    fake
}

/// R52, R57: the flags of work, verdict and publish stand before the text and before the answers.
#[tokio::test]
async fn every_flag_is_told_before_an_answer() {
    let flags: Vec<String> = scenes::flags().iter().map(Flag::line).collect();
    for kind in ["work", "verdict", "publish"] {
        let (result, shown, _) = command(flagged(kind), "show tidy").await;
        assert_eq!(result, Ok(Exit::Done), "{kind}");
        let (_, page, fake) = plain::flown(flagged(kind), &[], Means::default()).await;
        assert!(fake.seen, "{kind}");
        let asked = page.find("\napprove: ").expect(&page);
        for flag in &flags {
            assert!(shown.contains(flag), "{kind}: no {flag} in {shown}");
            let told = page.find(flag).is_some_and(|at| at < asked);
            assert!(told, "{kind}: no {flag} in {page}");
        }
        if kind == "publish" {
            for part in [
                "not examined: branch tidied has 2 commits",
                "  | src/theirs.md",
            ] {
                let told = page.find(part).is_some_and(|at| at < asked);
                assert!(told && shown.contains(part), "no {part} in {shown} {page}");
            }
        }
    }
}
