//! Any worker: one loop file with nothing but its `[worker]` table changed; and what no worker, check
//! or judge can make the program tell.

use std::path::Path;

use checkride::protocol::Fact;
use checkride::run::prompt::HOW_TO_ASK;
use checkride::run::spec::Api;
use checkride::run::{Ask, Checkpoint, Decision, Event, Outcome};
use checkride::supervisor::Supervisor;
use serde_json::json;

use super::{Parts, shell};
use crate::acp::agent::Case;
use crate::model_worker::flight::holds;
use crate::provider::server::{Server, calls, says};
use crate::world::Operator;

/// Says yes to everything until the run is over: how it ended, and what it was asked.
async fn fly(operator: &mut Operator) -> (Outcome, Vec<&'static str>) {
    operator.start("count").await;
    let mut kinds = Vec::new();
    loop {
        let next: Result<Checkpoint, Outcome> = operator
            .until("a question or the end", |fact| match fact {
                Fact::Run { event, .. } => match event {
                    Event::Asked(open) => Some(Ok((**open).clone())),
                    Event::Ended(outcome) => Some(Err(outcome.clone())),
                    _ => None,
                },
                _ => None,
            })
            .await;
        match next {
            Ok(open) => {
                kinds.push(open.ask.kind());
                operator.look_at(&open).await;
                operator.answer(&open, Decision::APPROVE).await;
            }
            Err(outcome) => return (outcome, kinds),
        }
    }
}

/// A program that does the work and prints what a real agent printed.
fn recorded(agent: &str, format: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    let stream = tests.join(agent).join("text.jsonl");
    let script = r"cat > /dev/null; printf '1\n2\n3\n' > count.txt; cat $1";
    format!(
        r#"{{ type = "command", format = "{format}", command = ["sh", "-c", '''{script}''', "sh", "{}"] }}"#,
        stream.display()
    )
}

/// A command agent is told in the prompt how to ask; one that does nothing and ends with a question is
/// taken to ask, the mark forgotten or not.
#[tokio::test]
async fn an_agent_knows_how_to_ask() {
    let worker =
        shell("cat > /dev/null; echo 'I looked.'; echo 'Which of the two files do you mean?'");
    let world = Parts {
        worker: &worker,
        ..Parts::default()
    }
    .world();
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    operator.approve("prompt").await;
    let open = operator.asked("question").await;
    let Ask::Question { question } = &open.ask else {
        panic!("{open:?}")
    };
    assert_eq!(question, "Which of the two files do you mean?");
    let prompt = world.read(".checkride/runs/count/1/1/prompt.md");
    assert!(prompt.ends_with(HOW_TO_ASK), "{prompt}");
}

/// R66: the same loop passes with a text command, every stream format, ACP, and both HTTP interfaces;
/// who tells what was used is believed, who does not is estimated.
#[tokio::test]
async fn the_same_loop_flies_with_any_worker() {
    let write = json!({ "path": "count.txt", "text": "1\n2\n3\n" });
    let mut servers = Vec::new();
    for api in [Api::Openai, Api::Anthropic] {
        let scripts = vec![calls(api, &[("write", write.clone())]), says(api, "Done.")];
        servers.push((api, Server::start(scripts).await));
    }
    let http = servers.iter().map(|(api, server)| {
        let table = format!(
            r#"{{ type = "{}", model = "small", base_url = "http://{}/v1" }}"#,
            api.word(),
            server.address
        );
        (api.word(), table, false)
    });
    let text = shell("cat > /dev/null; printf '1\\n2\\n3\\n' > count.txt; echo done");
    let workers = [
        ("text", text, true),
        ("claude", recorded("claude", "claude-stream-json"), false),
        ("qwen", recorded("qwen", "claude-stream-json"), false),
        ("codex", recorded("codex", "codex-jsonl"), false),
        ("opencode", recorded("opencode", "opencode-json"), false),
        ("gemini", recorded("gemini", "gemini-stream-json"), false),
        ("pi", recorded("pi", "pi-json"), false),
        ("acp", Case::Write.worker(), true),
    ];
    for (name, worker, estimated) in workers.into_iter().chain(http) {
        let world = Parts {
            worker: &worker,
            ..Parts::default()
        }
        .world();
        let supervisor = world.supervise();
        let mut operator = Operator::at(&supervisor).await;
        let (outcome, kinds) = fly(&mut operator).await;
        assert_eq!(outcome, Outcome::Done, "{name}");
        let mut wanted = vec!["prompt", "work", "verdict"];
        if name == "acp" {
            wanted.insert(1, "permission");
        }
        assert_eq!(kinds, wanted, "{name}");
        let used = operator.told.iter().find_map(|record| match &record.fact {
            Fact::Run {
                event: Event::Worked(work),
                ..
            } => Some(work.usage),
            _ => None,
        });
        let used = used.unwrap();
        assert!(used.tokens > 0, "{name}");
        assert_eq!(used.estimated, estimated, "{name}: {used:?}");
    }
}

/// S22: the value of a key that worker, check and judge print is in no file, no event and no prompt
/// that is left behind; its name is.
#[tokio::test]
async fn a_printed_key_is_kept_nowhere() {
    const KEY: &str = "sk-planted-0123456789abcdef";
    let worker = shell(
        "cat > /dev/null; printf '1\\n2\\n' > count.txt; echo \"my key is $TEST_KEY\"; \
         echo \"and $TEST_KEY\" >&2; echo \"NOTE: $TEST_KEY opens it\"",
    );
    let world = Parts {
        worker: &worker,
        top: "guardrails = { max_iterations = 2, workspace = { env = [\"PATH\", \"TEST_KEY\"] } }",
        check: "#!/bin/sh\necho \"$TEST_KEY is short\"; grep -q 3 count.txt",
        ..Parts::default()
    }
    .world();
    let mut settings = world.settings();
    settings.env.push(("TEST_KEY".into(), KEY.into()));
    let supervisor = Supervisor::start(settings).unwrap();
    let mut operator = Operator::at(&supervisor).await;
    let (outcome, kinds) = fly(&mut operator).await;
    assert!(kinds.len() > 3, "{outcome:?} after {kinds:?}");
    let told = format!("{:?}", operator.told);
    assert!(!told.contains(KEY), "{told}");
    assert!(told.contains("⟪TEST_KEY⟫"));
    drop(operator);
    supervisor.end();
    let top = world.project();
    assert_eq!(holds(top.parent().unwrap(), KEY.as_bytes()), None);
}
