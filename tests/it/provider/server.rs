//! A model server of the tests: it answers the n-th request with the n-th script, the last one ever
//! after, byte by byte as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use checkride::run::spec::{Api, Provider};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// One thing that the server does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes so many times.
    Flood(Vec<u8>, usize),
    /// Sends these bytes one by one, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Says nothing more and keeps the connection.
    Hang,
    /// Breaks the connection with a reset.
    Reset,
}

/// A script ends with an orderly close.
pub(crate) type Script = Vec<Act>;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = seen.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (kept, scripts) = (kept.clone(), scripts.clone());
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else {
                        return;
                    };
                    let n = {
                        let mut kept = kept.lock().unwrap();
                        kept.push(request);
                        kept.len() - 1
                    };
                    let script = scripts.get(n).or(scripts.last()).cloned();
                    play(stream, script.unwrap_or_default()).await;
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn provider(&self, api: Api) -> Provider {
        Provider {
            api,
            base_url: format!("http://{}/v1", self.address),
            model: "small".to_owned(),
            key_env: Some("TEST_KEY".to_owned()),
            max_tokens: 1_000,
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
    };
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    while bytes.len() < head.len() + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[head.len() + 4..]).unwrap();
    Some(Seen { head, body })
}

async fn play(mut stream: TcpStream, script: Script) {
    for act in script {
        // A client that has gone away is no fault of the server.
        match act {
            Act::Send(bytes) => drop(stream.write_all(&bytes).await),
            Act::Flood(bytes, times) => {
                for _ in 0..times {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            }
            Act::Drip(bytes, pause) => {
                for byte in bytes {
                    drop(stream.write_all(&[byte]).await);
                    sleep(pause).await;
                }
            }
            Act::Hang => std::future::pending().await,
            Act::Reset => {
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                return;
            }
        }
    }
    drop(stream.shutdown().await);
    // The client closes when it has read everything; a close before would be a reset.
    drop(stream.read(&mut [0; 64]).await);
}

/// Sends a head and a body with its length.
pub(crate) fn page(status: &str, headers: &str, body: &str) -> Script {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    vec![Act::Send([head.as_bytes(), body.as_bytes()].concat())]
}

/// An error in JSON.
pub(crate) fn error(status: &str, headers: &str, kind: &str, message: &str) -> Script {
    let body = json!({ "error": { "type": kind, "message": message } });
    let headers = format!("content-type: application/json\r\n{headers}");
    page(status, &headers, &body.to_string())
}

/// The head of a stream that ends with the connection.
pub(crate) fn head() -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    Act::Send(head.into())
}

/// A whole stream.
pub(crate) fn stream(events: &str) -> Script {
    vec![head(), Act::Send(events.into())]
}

/// A stream of an answer in both interfaces; `events` leaves the last word to the caller.
pub(crate) struct Answer<'a> {
    pub(crate) text: &'a str,
    pub(crate) calls: Vec<(&'a str, String)>,
    pub(crate) finish: &'a str,
    /// Tokens in, out and cached.
    pub(crate) usage: Option<(u64, u64, u64)>,
}

impl Default for Answer<'_> {
    fn default() -> Self {
        Self {
            text: "",
            calls: Vec::new(),
            finish: "",
            usage: Some((100, 20, 0)),
        }
    }
}

/// An answer in words.
pub(crate) fn says(api: Api, text: &str) -> Script {
    stream(&whole(
        api,
        &Answer {
            text,
            ..Answer::default()
        },
    ))
}

/// An answer that wants these calls made.
pub(crate) fn calls(api: Api, calls: &[(&str, Value)]) -> Script {
    let calls = calls.iter().map(|(name, args)| (*name, args.to_string()));
    let answer = Answer {
        calls: calls.collect(),
        ..Answer::default()
    };
    stream(&whole(api, &answer))
}

pub(crate) fn whole(api: Api, answer: &Answer<'_>) -> String {
    let (events, last) = events(api, answer);
    events + &last
}

/// The events of an answer, and its end.
pub(crate) fn events(api: Api, answer: &Answer<'_>) -> (String, String) {
    match api {
        Api::Openai => openai(answer),
        Api::Anthropic => anthropic(answer),
    }
}

/// A text in pieces of at most five characters.
fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(5)
        .map(|piece| piece.iter().collect())
        .collect()
}

fn openai(answer: &Answer<'_>) -> (String, String) {
    let event = |value: &Value| format!("data: {value}\n\n");
    let delta = |delta: Value| event(&json!({ "choices": [{ "index": 0, "delta": delta }] }));
    let mut all = delta(json!({ "role": "assistant", "content": "" }));
    for piece in pieces(answer.text) {
        all += &delta(json!({ "content": piece }));
    }
    for (i, (name, args)) in answer.calls.iter().enumerate() {
        let call = json!({ "index": i, "id": format!("c{i}"), "type": "function",
            "function": { "name": name, "arguments": "" } });
        all += &delta(json!({ "tool_calls": [call] }));
        for piece in pieces(args) {
            let call = json!({ "index": i, "function": { "arguments": piece } });
            all += &delta(json!({ "tool_calls": [call] }));
        }
    }
    let finish = match (answer.finish, answer.calls.is_empty()) {
        ("", true) => "stop",
        ("", false) => "tool_calls",
        (word, _) => word,
    };
    let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish }] });
    let mut end = event(&last);
    if let Some((input, output, cached)) = answer.usage {
        let usage = json!({ "prompt_tokens": input + cached, "completion_tokens": output,
            "prompt_tokens_details": { "cached_tokens": cached } });
        end += &event(&json!({ "choices": [], "usage": usage }));
    }
    (all, end + "data: [DONE]\n\n")
}

fn anthropic(answer: &Answer<'_>) -> (String, String) {
    let event = |value: Value| {
        format!(
            "event: {}\ndata: {value}\n\n",
            value["type"].as_str().unwrap()
        )
    };
    let (input, output, cached) = answer.usage.unwrap_or_default();
    let usage = json!({ "input_tokens": input, "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0, "output_tokens": 1 });
    let message = match answer.usage {
        Some(_) => json!({ "role": "assistant", "usage": usage }),
        None => json!({ "role": "assistant" }),
    };
    let mut all = event(json!({ "type": "message_start", "message": message }));
    all += &event(json!({ "type": "ping" }));
    let mut index = 0;
    let mut block = |block: Value, deltas: Vec<Value>| {
        let mut some =
            event(json!({ "type": "content_block_start", "index": index, "content_block": block }));
        for delta in deltas {
            some +=
                &event(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        some += &event(json!({ "type": "content_block_stop", "index": index }));
        index += 1;
        some
    };
    if !answer.text.is_empty() {
        let deltas = pieces(answer.text)
            .into_iter()
            .map(|text| json!({ "type": "text_delta", "text": text }));
        all += &block(json!({ "type": "text", "text": "" }), deltas.collect());
    }
    for (i, (name, args)) in answer.calls.iter().enumerate() {
        let deltas = pieces(args).into_iter();
        let deltas =
            deltas.map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
        let start = json!({ "type": "tool_use", "id": format!("c{i}"), "name": name, "input": {} });
        all += &block(start, deltas.collect());
    }
    let finish = match (answer.finish, answer.calls.is_empty()) {
        ("", true) => "end_turn",
        ("", false) => "tool_use",
        ("length", _) => "max_tokens",
        ("content_filter", _) => "refusal",
        (word, _) => word,
    };
    let mut delta = json!({ "type": "message_delta", "delta": { "stop_reason": finish } });
    if answer.usage.is_some() {
        delta["usage"] = json!({ "output_tokens": output });
    }
    let end = event(delta) + &event(json!({ "type": "message_stop" }));
    (all, end)
}
