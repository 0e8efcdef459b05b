//! Costs: what the agent tells, what a list of prices makes of its tokens, and what stays unknown.

use std::fs;

use checkride::run::spec::Api;
use checkride::run::{Ask, Decision, Edit, Limit, Outcome, Usage};

use super::{Parts, shell, valid};
use crate::provider::server::{Server, says};
use crate::world::{Operator, World};

/// A worker of a known model whose output is some 400 bytes, done in one turn.
fn priced(guardrails: &str) -> World {
    let worker =
        shell("cat > /dev/null; printf '1\\n2\\n3\\n' > count.txt; seq 100 | tr '\\n' ' '");
    let worker = worker.replace(
        "type = \"command\"",
        "type = \"command\", model = \"small-1\"",
    );
    let top = format!("memory = {{ note = \"none\" }}\n{guardrails}");
    Parts {
        worker: &worker,
        top: &top,
        ..Parts::default()
    }
    .world()
}

fn list(world: &World, text: &str) {
    let config = world.settings().config;
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("prices.toml"), text).unwrap();
}

/// Flies the loop to its end, and says what it has spent by then.
async fn spent(world: &World) -> (Usage, u32) {
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    for step in ["prompt", "work", "verdict"] {
        operator.approve(step).await;
    }
    assert_eq!(operator.ended().await.1, Outcome::Done);
    operator
        .row("count", |row| {
            let facts = valid(row)?;
            (facts.approved == 1).then_some((facts.spent, facts.approved))
        })
        .await
}

/// A loop's tokens are reckoned by the list of prices, marked as reckoned, and divided by what
/// was approved; without a price the money is unknown, never $0 (R52, §5.20).
#[tokio::test]
async fn a_list_of_prices_makes_money_of_tokens() {
    let world = priced("");
    let (usage, approved) = spent(&world).await;
    assert_eq!((usage.micro_usd, usage.estimated), (None, true));
    assert_eq!(approved, 1);

    let world = priced("");
    list(
        &world,
        "[[model]]\nname = \"small\"\ninput = 1.0\noutput = 10\n",
    );
    let (usage, _) = spent(&world).await;
    assert!(usage.tokens > 0);
    // What was asked costs 1 a token, what was answered 10.
    let money = usage.micro_usd.unwrap();
    assert!(
        money > usage.tokens && money < usage.tokens * 10,
        "{usage:?}"
    );
    assert!(usage.priced);
}

/// A cap in dollars stops a worker whose price is known (R18).
#[tokio::test]
async fn a_cap_in_dollars_stops_the_run() {
    let world = priced("guardrails = { budget = { usd_per_run = 0.01 } }");
    list(
        &world,
        "[[model]]\nname = \"small\"\ninput = 1000\noutput = 1000\n",
    );
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let Ask::Budget {
        limit: Limit::MicroUsd(spent, 10_000),
        ..
    } = open.ask
    else {
        panic!("{open:?}");
    };
    assert!(spent > 10_000, "{spent}");
    operator.answer(&open, Decision::Abort).await;
    assert_eq!(operator.ended().await.1, Outcome::Budget);
}

/// A price list with a mistake is told in the run's transcript with its line, and prices nothing.
#[tokio::test]
async fn a_bad_list_is_said() {
    let world = priced("");
    list(&world, "[[model]]\nname = \"small\"\ninput = 1.0\n");
    let (usage, _) = spent(&world).await;
    assert_eq!(usage.micro_usd, None);
    let transcript = world.read(".checkride/runs/count/1/transcript.jsonl");
    assert!(transcript.contains("prices.toml:1: "), "{transcript}");
}

/// S13: before a call its worst case must fit in what is left of the dollars, too; else nothing is
/// sent, and the line names the cap (R18).
#[tokio::test]
async fn a_cap_in_dollars_is_a_wall_for_a_model() {
    let server = Server::start(vec![says(Api::Openai, "Done.")]).await;
    let worker = format!(
        r#"{{ type = "openai", model = "small-1", base_url = "http://{}/v1" }}"#,
        server.address
    );
    let world = Parts {
        worker: &worker,
        top: "guardrails = { budget = { usd_per_run = 0.001 } }",
        ..Parts::default()
    }
    .world();
    let prices = "[[model]]\nname = \"small\"\ninput = 10\noutput = 10\n";
    list(&world, prices);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("budget").await;
    let Ask::Budget { limit, .. } = open.ask else {
        panic!("{open:?}");
    };
    assert_eq!(limit, Limit::MicroUsd(0, 1_000));
    assert!(server.seen().is_empty());
    let transcript = world.read(".checkride/runs/count/1/transcript.jsonl");
    assert!(
        transcript.contains("has 100 tokens left") && transcript.contains("usd_per_run"),
        "{transcript}"
    );
    let raise = |micro_usd| {
        Decision::Edit(Edit::Raise {
            tokens: None,
            minutes: None,
            micro_usd: Some(micro_usd),
        })
    };
    operator.answer(&open, raise(1_000)).await;
    assert!(operator.refused().await.contains("must be above"));
    operator.answer(&open, raise(1_000_000)).await;
    operator.asked("work").await;
    assert_eq!(server.seen().len(), 1);
}

/// S13: a judge that is a program is not asked where what is left of the tokens may not hold its question: the
/// run asks for more instead, and goes on with it.
#[tokio::test]
async fn a_cap_in_tokens_is_a_wall_for_a_command_judge() {
    // The work takes some 50,000 tokens, the question about it at least 15,000.
    let worker = shell(
        "cat > /dev/null; printf '1\\n2\\n3\\n' > count.txt; seq 10000 > long.txt; head -c 200000 /dev/zero | tr '\\0' ' '",
    );
    let asked = "echo asked >> asked; cat > /dev/null; echo '{\"lines\":[{\"n\":1,\"pass\":true,\"evidence\":\"seen\"}]}'";
    let world = Parts {
        worker: &worker,
        judge: &format!(
            "type = \"command\"\nrubric = [\"Is it so?\"]\ncommand = [\"sh\", \"-c\", {asked:?}]"
        ),
        top: "guardrails = { workspace = { sandbox = \"off\", max_changed_lines = 100_000 } }",
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    operator.approve("work").await;
    let open = operator.asked("budget").await;
    let transcript = world.read(".checkride/runs/count/1/transcript.jsonl");
    assert!(transcript.contains("asking sh takes some"), "{transcript}");
    let raise = Decision::Edit(Edit::Raise {
        tokens: Some(1_000_000),
        minutes: None,
        micro_usd: None,
    });
    operator.answer(&open, raise).await;
    operator.asked("verdict").await;
}
