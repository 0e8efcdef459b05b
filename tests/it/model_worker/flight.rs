//! The same loop, with only its worker and judge changed, from start to branch over the supervisor.

use std::fs;
use std::path::Path;

use checkride::run::spec::Api;
use checkride::run::{Ask, Judgement, Outcome};
use checkride::supervisor::Supervisor;
use serde_json::json;

use super::{BOTH, KEY};
use crate::provider::server::{Script, Server, calls, error, says};
use crate::world::{Operator, World};

const APPROVES: &str = r#"I looked.
{"lines": [{"n": 1, "pass": true, "evidence": "it says so"}], "note": "all well"}"#;

fn world(worker: &Server, judge: &Server, api: Api) -> World {
    let world = World::new();
    world.skill("count");
    let (api, worker, judge) = (api.word(), &worker.address, &judge.address);
    let file = format!(
        r#"version = 1
name = "count"
skill = {{ path = "skills/count" }}
[worker]
type = "{api}"
base_url = "http://{worker}/v1"
model = "small"
key_env = "TEST_KEY"
retries = 1
[goal]
statement = "count.txt holds three lines"
[[goal.verify.checks]]
name = "three lines"
command = ["sh", "-c", "[ $(wc -l < count.txt) -eq 3 ]"]
[goal.verify.judge]
type = "{api}"
base_url = "http://{judge}/v1"
model = "large"
key_env = "TEST_KEY"
rubric = ["The lines are numbers."]
"#
    );
    world.write("loops/count.toml", &file);
    world.commit("a loop");
    world
}

fn supervise(world: &World) -> Supervisor {
    let mut settings = world.settings();
    settings.env.push(("TEST_KEY".into(), KEY.into()));
    Supervisor::start(settings).unwrap()
}

fn works(api: Api) -> Vec<Script> {
    let text = json!({ "path": "count.txt", "text": "1\n2\n3\n" });
    let echo = format!("The server knows {KEY}.\nI wrote three lines.");
    vec![calls(api, &[("write", text)]), says(api, &echo)]
}

/// Whether any file below holds these bytes.
pub(crate) fn holds(folder: &Path, bytes: &[u8]) -> Option<String> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = if path.is_dir() && !path.is_symlink() {
            holds(&path, bytes)
        } else {
            let text = fs::read(&path).unwrap_or_default();
            let found = text.windows(bytes.len()).any(|window| window == bytes);
            found.then(|| path.display().to_string())
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// R66, R53, S22: a model edits a file through its tools, the check passes, another model approves;
/// each is charged; the key that both servers echo is in no file that is left behind.
#[tokio::test]
async fn the_same_loop_flies_over_http() {
    for api in BOTH {
        let worker = Server::start(works(api)).await;
        let echo = format!("{KEY}\n{APPROVES}");
        let judge = Server::start(vec![error("503 Busy", "", "", KEY), says(api, &echo)]).await;
        let world = world(&worker, &judge, api);
        let supervisor = supervise(&world);
        let mut operator = Operator::at(&supervisor).await;
        operator.start("count").await;
        operator.approve("prompt").await;
        let open = operator.approve("work").await;
        let Ask::Work { work, .. } = &open.ask else {
            panic!("{open:#?}")
        };
        assert_eq!(work.changes[0].path, "count.txt");
        assert_eq!(work.claim.as_deref(), Some("I wrote three lines."));
        assert_eq!((work.usage.tokens, work.usage.estimated), (240, false));
        let open = operator.approve("verdict").await;
        let Ask::Verdict { verdict, .. } = &open.ask else {
            panic!("{open:#?}")
        };
        assert!(verdict.approved(), "{verdict:#?}");
        let Judgement::Given(given) = &verdict.judgement else {
            panic!("{verdict:#?}")
        };
        assert_eq!(given.findings[0].evidence, "it says so");
        let (run, outcome) = operator.ended().await;
        assert_eq!(outcome, Outcome::Done);

        let asked = &judge.seen()[1].body;
        let whole = asked.to_string();
        assert!(whole.contains("The lines are numbers.") && whole.contains("three lines"));
        assert!(
            !whole.contains("I wrote three lines"),
            "the judge heard the worker"
        );
        assert!(asked.get("tools").is_none());
        let told = format!("{:?}", operator.events(&run));
        assert!(!told.contains(KEY), "{told}");
        drop(operator);
        supervisor.end();
        let top = world.project();
        assert_eq!(holds(top.parent().unwrap(), KEY.as_bytes()), None);
        assert!(holds(top.parent().unwrap(), "⟪TEST_KEY⟫".as_bytes()).is_some());
    }
}

/// A key that is missing is named before anything is made or sent.
#[tokio::test]
async fn a_missing_key_is_found_before_the_start() {
    let server = Server::start(works(Api::Openai)).await;
    let world = world(&server, &server, Api::Openai);
    let supervisor = world.supervise();
    let mut operator = Operator::at(&supervisor).await;
    operator.start("count").await;
    let (_, outcome) = operator.ended().await;
    let told = format!("{outcome:?}");
    assert!(
        told.contains("the worker needs the key in TEST_KEY"),
        "{told}"
    );
    assert!(server.seen().is_empty());
}

/// A judge that does not answer in its form, or not at all, approves nothing.
#[tokio::test]
async fn a_judge_that_cannot_be_read_approves_nothing() {
    for (script, kind) in [
        (says(Api::Openai, "All is well, I approve."), "verdict"),
        (error("400 Bad", "", "", "no such model"), "error"),
    ] {
        let worker = Server::start(works(Api::Openai)).await;
        let judge = Server::start(vec![script]).await;
        let world = world(&worker, &judge, Api::Openai);
        let supervisor = supervise(&world);
        let mut operator = Operator::at(&supervisor).await;
        operator.start("count").await;
        operator.approve("prompt").await;
        operator.approve("work").await;
        let open = operator.asked(kind).await;
        match &open.ask {
            Ask::Verdict { verdict, .. } => {
                assert!(!verdict.approved());
                let unreadable = matches!(verdict.judgement, Judgement::Unreadable { .. });
                assert!(unreadable, "{verdict:#?}");
            }
            other => assert!(format!("{other:?}").contains("no such model"), "{other:?}"),
        }
    }
}
