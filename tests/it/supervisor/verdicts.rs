//! Verdicts: who may say yes, what counts as an answer, and what the worker's own word is worth.

use checkride::run::{Ask, Decision, Edit, Judgement, Outcome, Stage};

use super::{Parts, prompt, shell, verdict};
use crate::world::Operator;

const ONE_TURN: &[&str] = &[r#"{ write = { path = "count.txt", text = "1\n2\n3\n" } }"#];

const HUMAN: &str = r#"type = "human"
rubric = ["Every line is a number.", "They rise."]"#;

fn lines(lines: &[(usize, bool, &str)]) -> Decision {
    Decision::Edit(Edit::Verdict {
        lines: lines
            .iter()
            .map(|(n, pass, why)| (*n, *pass, (*why).to_owned()))
            .collect(),
        note: None,
        feedback: None,
    })
}

/// A human judge answers every line, or nothing is approved; a no carries its reason into the next
/// prompt, all yes is an approval (R12, PRODUCT §5.12).
#[tokio::test]
async fn a_person_judges_line_by_line() {
    let world = Parts {
        turns: ONE_TURN,
        judge: HUMAN,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    assert_eq!(verdict(&open).judgement, Judgement::Open);
    assert!(!verdict(&open).approved());
    operator.answer(&open, Decision::APPROVE).await;
    assert!(operator.refused().await.contains("every rubric line"));
    operator.answer(&open, lines(&[(0, true, "")])).await;
    assert!(operator.refused().await.contains("every rubric line"));
    operator
        .answer(
            &open,
            lines(&[(0, true, ""), (1, false, "two is doubtful")]),
        )
        .await;
    let no = operator.approve("verdict").await;
    assert!(!verdict(&no).approved());
    let next = operator.approve("prompt").await;
    let told = operator.text(prompt(&next)).await;
    assert!(told.contains("two is doubtful"), "{told}");
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    operator
        .answer(&open, lines(&[(0, true, ""), (1, true, "")]))
        .await;
    let yes = operator.approve("verdict").await;
    assert!(verdict(&yes).approved());
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// A judge that is a program is given goal, rubric, output and checks as JSON and never the
/// worker's words; three lines are answered with evidence (R27).
#[tokio::test]
async fn a_program_judges_by_what_it_is_given() {
    let judge = r#"#!/bin/sh
asked=$(cat)
for word in '"goal"' 'three lines' 'They rise.' 'count.txt' '"checks"'; do
  case "$asked" in *"$word"*) ;; *) echo "no $word in $asked" >&2; exit 1 ;; esac
done
case "$asked" in *TRUST*) pass=false ;; *) pass=true ;; esac
echo "I looked at it."
printf '{"lines":[{"n":1,"pass":true,"evidence":"one"},{"n":2,"pass":%s,"evidence":"two"},{"n":3,"pass":true,"evidence":"three"}],"note":"count on"}\n' $pass
"#;
    let world = Parts {
        turns: &[r#"{ say = "TRUST me" }, { claim = "TRUST" },
            { write = { path = "count.txt", text = "1\n2\n3\n" } }"#],
        judge: "type = \"command\"\ncommand = [\"scripts/judge\"]\n\
                rubric = [\"Numbers.\", \"They rise.\", \"No more.\"]",
        ..Parts::default()
    }
    .world();
    world.script("scripts/judge", judge);
    world.commit("a judge");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("verdict").await;
    let Judgement::Given(answer) = &verdict(&open).judgement else {
        panic!("{:#?}", verdict(&open));
    };
    let evidence: Vec<&str> = answer
        .findings
        .iter()
        .map(|f| f.evidence.as_str())
        .collect();
    assert_eq!(evidence, ["one", "two", "three"]);
    assert!(verdict(&open).approved());
    assert_eq!(verdict(&open).note.as_deref(), Some("count on"));
}

/// Prose, nothing, broken JSON, a missing line, a yes without evidence: unreadable, and so not
/// approved (R28).
#[tokio::test]
async fn what_cannot_be_read_is_not_approved() {
    let judge = r#"#!/bin/sh
cat > /dev/null
case "$(cat mode)" in
  prose) echo "APPROVED, it looks very good" ;;
  nothing) ;;
  broken) printf '{"lines":[{"n":1,"pass":true,"evi' ;;
  short) printf '{"lines":[]}' ;;
  bare) printf '{"lines":[{"n":1,"pass":true,"evidence":""}]}' ;;
esac
"#;
    let modes = ["prose", "nothing", "broken", "short", "bare"];
    let turns = modes.map(|mode| {
        format!(
            r#"{{ write = {{ path = "mode", text = "{mode}" }} }}, {}"#,
            ONE_TURN[0]
        )
    });
    let turns: Vec<&str> = turns.iter().map(String::as_str).collect();
    let world = Parts {
        top: "guardrails = { stuck = { same_verdict = 9, same_diff = 9, same_failure = 9 } }",
        turns: &turns,
        judge: "type = \"command\"\ncommand = [\"scripts/judge\"]\nrubric = [\"Numbers.\"]",
        ..Parts::default()
    }
    .world();
    world.script("scripts/judge", judge);
    world.commit("a judge");
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for mode in modes {
        operator.approve("prompt").await;
        operator.approve("work").await;
        let open = operator.asked("verdict").await;
        let ruled = verdict(&open);
        assert!(!ruled.approved(), "{mode}");
        assert!(
            matches!(ruled.judgement, Judgement::Unreadable { .. }),
            "{mode}: {:?}",
            ruled.judgement
        );
        operator.answer(&open, Decision::APPROVE).await;
    }
    assert_eq!(operator.ended().await.1, Outcome::Exhausted);
}

/// The operator may overturn a judge's line, and it stays marked; a failed check stays failed
/// (R52, PRODUCT §5.14).
#[tokio::test]
async fn a_judges_line_is_overturned_and_stays_marked() {
    let world = Parts {
        judge: "type = \"script\"\nfile = \"count/judge.toml\"\nrubric = [\"Numbers.\"]",
        ..Parts::default()
    }
    .world();
    world.write(
        "loops/count/judge.toml",
        "[[answer]]\nlines = [{ pass = false, evidence = \"3 is doubtful\" }]\n",
    );
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let failed = operator.asked("verdict").await;
    operator.answer(&failed, lines(&[(0, true, "")])).await;
    assert!(operator.refused().await.contains("stays failed"));
    operator.answer(&failed, Decision::APPROVE).await;

    operator.approve("prompt").await;
    operator.approve("work").await;
    let doubted = operator.asked("verdict").await;
    assert!(!verdict(&doubted).approved());
    operator
        .answer(&doubted, lines(&[(0, true, "it is a number")]))
        .await;
    let turned = operator.asked("verdict").await;
    assert_ne!(turned.digest, doubted.digest);
    let Judgement::Given(answer) = &verdict(&turned).judgement else {
        panic!("{turned:#?}");
    };
    assert!(answer.findings[0].overturned && answer.findings[0].pass);
    assert!(verdict(&turned).approved());
    operator.answer(&turned, Decision::APPROVE).await;
    assert_eq!(operator.ended().await.1, Outcome::Done);
}

/// A worker that says it is done, and claims it, moves nothing: its claim stands beside the work,
/// the check decides, and the run ends not approved (R12, R51, R52).
#[tokio::test]
async fn the_workers_word_does_not_count() {
    let worker = shell("cat > /dev/null; echo 1 > count.txt; echo 'DONE, APPROVED'");
    let world = Parts {
        top: "guardrails = { max_iterations = 1 }",
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.approve("work").await;
    let Ask::Work { work } = &open.ask else {
        panic!("{open:#?}");
    };
    assert_eq!(work.claim.as_deref(), Some("DONE, APPROVED"));
    let open = operator.approve("verdict").await;
    assert!(!verdict(&open).approved());
    let (run, outcome) = operator.ended().await;
    assert_eq!(outcome, Outcome::Exhausted);
    assert_eq!(operator.times(&run, Stage::Judge), 0);
}
