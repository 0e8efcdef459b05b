//! Models over HTTP against a server of the tests' own: what is understood, and every way to fail,
//! in both interfaces.

mod faults;
mod judging;
mod places;
pub(crate) mod server;

use std::time::Duration;

use checkride::run::Usage;
use checkride::run::spec::{Api, Provider};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::provider::{
    Asking, Fault, Left, Listener, Message, Outcome, Patience, Reach, Reply, Request, Stop, Till,
    Tool, ToolCall,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use server::{Answer, Script, Server, says, stream, whole};

const BOTH: [Api; 2] = [Api::Openai, Api::Anthropic];

const KEY: &str = "sk-planted-0123456789";

/// How long a server is waited for that does say something: only a hang reaches it.
const LONG: Duration = Duration::from_secs(120);

/// How long one is waited for that is played to say nothing more. It plays on the thread of its test, and the
/// machine may stop that for a moment.
const SILENT: Duration = Duration::from_secs(1);

/// How long a server may say nothing.
fn patience(silence: Duration) -> Patience {
    Patience {
        connect: LONG,
        first_byte: silence,
        silence,
        backoff: Duration::from_millis(5),
        outage: Duration::ZERO,
        limit: Duration::from_millis(200),
    }
}

/// What was heard of an answer.
#[derive(Debug, Default)]
struct Heard {
    said: String,
    thought: String,
    used: Vec<Usage>,
    again: Vec<String>,
}

impl Listener for Heard {
    fn said(&mut self, piece: &str) {
        self.said.push_str(piece);
    }

    fn thought(&mut self, piece: &str) {
        self.thought.push_str(piece);
    }

    fn used(&mut self, so_far: Usage) {
        self.used.push(so_far);
    }

    fn again(&mut self, why: &str) {
        self.said.clear();
        self.again.push(why.to_owned());
    }

    fn pause(&mut self) {}
}

/// How a question is asked in a test.
struct Way {
    retries: u32,
    time: Duration,
    /// How long the server may say nothing.
    silence: Duration,
    left_tokens: u64,
    key: Option<&'static str>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            retries: 2,
            time: LONG,
            silence: LONG,
            left_tokens: 100_000,
            key: Some(KEY),
        }
    }
}

/// What came of a question.
struct Told {
    reply: Result<Reply, Fault>,
    usage: Usage,
    heard: Heard,
}

async fn ask(provider: &Provider, way: &Way) -> Told {
    converse(provider, way, &[Message::User("hello".to_owned())], &[]).await
}

async fn converse(provider: &Provider, way: &Way, messages: &[Message], tools: &[Tool]) -> Told {
    let clock = Clock::System;
    let reach = Reach {
        provider,
        key: way.key.map(Into::into),
        patience: patience(way.silence),
        clock: &clock,
        till: Till::of(Left::of_tokens(way.left_tokens)),
    };
    let mut heard = Heard::default();
    let client = match reach.client().await {
        Ok(client) => client,
        Err(fault) => {
            let (reply, usage) = (Err(fault), Usage::default());
            return Told {
                reply,
                usage,
                heard,
            };
        }
    };
    let asking = Asking {
        client: &client,
        retries: way.retries,
        deadline: Instant::now() + way.time,
        clock: &clock,
        till: Till::of(Left::of_tokens(way.left_tokens)),
    };
    let request = Request {
        provider,
        system: "You are a test.",
        messages,
        tools,
        max_tokens: provider.max_tokens,
    };
    let (reply, usage) = asking.ask(&request, &mut heard).await;
    Told {
        reply,
        usage,
        heard,
    }
}

/// Asks a server that plays these scripts, and gives back what it saw.
async fn served(api: Api, scripts: Vec<Script>, way: &Way) -> (Told, Vec<server::Seen>) {
    let server = Server::start(scripts).await;
    let told = ask(&server.provider(api), way).await;
    (told, server.seen())
}

fn tool() -> Tool {
    Tool {
        name: "read",
        description: "Reads.",
        parameters: json!({ "type": "object" }),
    }
}

/// R66: words come piece by piece and whole, with what they cost, and the key travels in its header
/// alone.
#[tokio::test]
async fn words_and_their_cost_are_read() {
    for api in BOTH {
        let answer = Answer {
            text: "Grüße, das ist die Antwort.",
            usage: Some((100, 20, 30)),
            ..Answer::default()
        };
        let scripts = vec![stream(&whole(api, &answer))];
        let (told, seen) = served(api, scripts, &Way::default()).await;
        let reply = told.reply.unwrap();
        assert_eq!(reply.text, answer.text);
        assert_eq!((told.heard.said, &reply.stop), (reply.text, &Stop::Done));
        let usage = Usage {
            tokens: 120,
            output: 20,
            cached: 30,
            ..Usage::default()
        };
        assert_eq!(told.usage, usage);
        assert_eq!(told.heard.used.last(), Some(&usage));
        assert!(told.heard.used[0].estimated);

        let [asked] = &seen[..] else {
            panic!("{seen:?}")
        };
        let head = asked.head.to_lowercase();
        let (line, key) = match api {
            Api::Openai => (
                "post /v1/chat/completions ",
                format!("authorization: bearer {KEY}"),
            ),
            Api::Anthropic => ("post /v1/messages ", format!("x-api-key: {KEY}")),
        };
        assert!(head.starts_with(line) && head.contains(&key), "{head}");
        assert_eq!(asked.body["model"], "small");
        assert_eq!(asked.body["stream"], true);
        assert!(!asked.body.to_string().contains(KEY));
    }
}

/// Calls come in pieces; what they brought goes back in each interface's own form.
#[tokio::test]
async fn calls_go_round() {
    for api in BOTH {
        let answer = Answer {
            text: "I look.",
            calls: vec![
                ("read", json!({ "path": "a.txt" }).to_string()),
                ("read", json!({ "path": "ä \"b\"" }).to_string()),
            ],
            ..Answer::default()
        };
        let scripts = vec![stream(&whole(api, &answer)), says(api, "Done.")];
        let server = Server::start(scripts).await;
        let provider = server.provider(api);
        let mut messages = vec![Message::User("hello".to_owned())];
        let first = converse(&provider, &Way::default(), &messages, &[tool()]).await;
        let reply = first.reply.unwrap();
        let wanted = ToolCall {
            id: "c1".to_owned(),
            name: "read".to_owned(),
            arguments: json!({ "path": "ä \"b\"" }).to_string(),
        };
        assert_eq!((reply.calls.len(), &reply.calls[1]), (2, &wanted));
        messages.push(Message::Model(reply));
        let outcome = |id: &str, failed| Outcome {
            id: id.to_owned(),
            text: format!("result {id}"),
            failed,
        };
        messages.push(Message::Results(vec![
            outcome("c0", false),
            outcome("c1", true),
        ]));
        let second = converse(&provider, &Way::default(), &messages, &[tool()]).await;
        assert_eq!(second.reply.unwrap().text, "Done.");

        let body = &server.seen()[1].body;
        let all = body["messages"].as_array().unwrap();
        match api {
            Api::Openai => {
                let called = &all[2]["tool_calls"][1];
                assert_eq!(called["function"]["arguments"], wanted.arguments);
                assert_eq!(all[3]["tool_call_id"], "c0");
                assert_eq!(all[4]["content"], "result c1");
                assert_eq!(body["tools"][0]["function"]["name"], "read");
            }
            Api::Anthropic => {
                assert_eq!(all[1]["content"][2]["input"]["path"], "ä \"b\"");
                assert_eq!(all[2]["content"][0]["tool_use_id"], "c0");
                assert_eq!(all[2]["content"][1]["is_error"], true);
                assert_eq!(body["tools"][0]["name"], "read");
            }
        }
    }
}

/// PRODUCT §5.20: a server that tells no usage is charged by bytes, and shown as an estimate.
#[tokio::test]
async fn usage_that_is_not_told_is_estimated() {
    for api in BOTH {
        let answer = Answer {
            text: "12345678",
            usage: None,
            ..Answer::default()
        };
        let scripts = vec![stream(&whole(api, &answer))];
        let (told, seen) = served(api, scripts, &Way::default()).await;
        assert!(told.usage.estimated && told.usage.micro_usd.is_none());
        let asked = seen[0].body.to_string().len() as u64;
        assert_eq!(told.usage.tokens, (asked + 8).div_ceil(4));
    }
}

/// Thinking is heard apart from words, under either of its names, and Anthropic gets its own back.
#[tokio::test]
async fn thinking_is_told_apart() {
    let event = |delta: Value| {
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "delta": delta, "finish_reason": null }] })
        )
    };
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    for name in ["reasoning_content", "reasoning"] {
        let events = event(json!({ name: "hm, " }))
            + &event(json!({ name: "so" }))
            + &event(json!({ "content": "yes" }))
            + end;
        let (told, _) = served(Api::Openai, vec![stream(&events)], &Way::default()).await;
        assert_eq!(told.heard.thought, "hm, so");
        assert_eq!(told.reply.unwrap().text, "yes");
    }
    let events = concat!(
        "data: {\"type\":\"message_start\",\"message\":{}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"s1\"}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"zz\"}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\",\"text\":\"yes\"}}\n\n",
        "data: {\"type\":\"an_event_of_tomorrow\"}\n\n",
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":5,\"output_tokens\":7}}\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
    );
    let server = Server::start(vec![stream(events)]).await;
    let provider = server.provider(Api::Anthropic);
    let told = ask(&provider, &Way::default()).await;
    assert_eq!((told.heard.thought.as_str(), told.usage.tokens), ("hm", 12));
    let reply = told.reply.unwrap();
    assert_eq!(reply.text, "yes");
    let messages = [Message::Model(reply)];
    converse(&provider, &Way::default(), &messages, &[]).await;
    let said = &server.seen()[1].body["messages"][0]["content"];
    assert_eq!(
        said[0],
        json!({ "type": "thinking", "thinking": "hm", "signature": "s1" })
    );
    assert_eq!(
        said[1],
        json!({ "type": "redacted_thinking", "data": "zz" })
    );
}

/// Servers that leave out the place or the id of a call, or write its arguments as an object, or
/// forget the last word, are understood.
#[tokio::test]
async fn loose_servers_are_understood() {
    let events = concat!(
        ": hello\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"so\"}]}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"o\",\"function\":{\"name\":\"a\",\"arguments\":{\"x\":1}}}]}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"p\",\"function\":{\"name\":\"b\",\"arguments\":\"{}\"}}]}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"q\",\"function\":{\"name\":\"c\",\"arguments\":\"{}\"}}]}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,\"cost\":0.00125}}\r\n\r\n",
    );
    let (told, _) = served(Api::Openai, vec![stream(events)], &Way::default()).await;
    let reply = told.reply.unwrap();
    assert_eq!(reply.text, "so");
    let names: Vec<_> = reply.calls.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(reply.calls[0].arguments, "{\"x\":1}");
    assert_eq!(told.usage.micro_usd, Some(1_250));
}

/// S13: what the worst case could spend must fit: the answer is made shorter, or not asked for.
#[tokio::test]
async fn a_call_that_does_not_fit_is_not_made() {
    for api in BOTH {
        let way = Way {
            left_tokens: 500,
            ..Way::default()
        };
        let (told, seen) = served(api, vec![says(api, "hi")], &way).await;
        assert!(told.reply.is_ok());
        let most = seen[0].body["max_tokens"].as_u64().unwrap();
        assert!((256..500).contains(&most), "{most}");

        let way = Way {
            left_tokens: 300,
            ..Way::default()
        };
        let (told, seen) = served(api, vec![says(api, "hi")], &way).await;
        let cause = told.reply.unwrap_err().cause;
        assert!(
            cause.starts_with("the run's budget has 300 tokens left"),
            "{cause}"
        );
        assert!(seen.is_empty() && told.usage == Usage::default());
    }
}

/// A cut answer says so, and a denied one too.
#[tokio::test]
async fn unfinished_answers_say_why() {
    for api in BOTH {
        for (finish, stop) in [
            ("length", Stop::Length),
            ("content_filter", Stop::Refused(String::new())),
        ] {
            let answer = Answer {
                text: "half",
                finish,
                ..Answer::default()
            };
            let (told, _) = served(api, vec![stream(&whole(api, &answer))], &Way::default()).await;
            match (told.reply.unwrap().stop, stop) {
                (Stop::Refused(_), Stop::Refused(_)) => {}
                (told, wanted) => assert_eq!(told, wanted),
            }
        }
    }
}
