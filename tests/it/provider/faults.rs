//! S11, S12: every fault of a model server ends in a new try, a wait, or one line that names what,
//! where and what to do next. Each is played in both interfaces.

use std::time::Duration;

use checkride::run::Usage;
use checkride::run::spec::Api;
use checkride::supervisor::provider::Again;
use tokio::time::Instant;

use super::server::{
    Act, Answer, Script, Server, calls, error, events, head, page, says, stream, whole,
};
use super::{BOTH, KEY, LONG, SILENT, Told, Way, ask, served};

fn cause(told: &Told) -> String {
    match &told.reply {
        Err(fault) => fault.cause.clone(),
        Ok(reply) => panic!("an answer: {reply:?}"),
    }
}

/// A way that does not wait long for a server that is played to say nothing more.
fn way(fault: &Script) -> Way {
    let hangs = fault.iter().any(|act| matches!(act, Act::Hang));
    let silence = if hangs { SILENT } else { LONG };
    Way {
        silence,
        ..Way::default()
    }
}

/// Plays a fault once and then an answer: it must be asked exactly once again.
async fn passes(what: &str, fault: impl Fn(Api) -> Script) {
    for api in BOTH {
        let fault = fault(api);
        let way = way(&fault);
        let scripts = vec![fault, says(api, "well")];
        let (told, seen) = served(api, scripts, &way).await;
        let reply = told
            .reply
            .as_ref()
            .unwrap_or_else(|f| panic!("{what}: {f:?}"));
        assert_eq!(
            (reply.text.as_str(), seen.len()),
            ("well", 2),
            "{what} {api:?}"
        );
        assert_eq!(told.heard.said, "well");
        let [again] = &told.heard.again[..] else {
            panic!("{what}: {:?}", told.heard.again)
        };
        assert!(
            again.contains("asking again in") && again.ends_with("(1 of 2)"),
            "{again}"
        );
    }
}

/// Plays a fault for ever: the tries are bounded, and the line says these words.
async fn stays(fault: impl Fn(Api) -> Script, tries: usize, words: &[&str]) -> Vec<Told> {
    let mut all = Vec::new();
    for api in BOTH {
        let fault = fault(api);
        let way = way(&fault);
        let (told, seen) = served(api, vec![fault], &way).await;
        let line = cause(&told);
        for word in words {
            assert!(line.contains(word), "no «{word}» in {line}");
        }
        assert_eq!(seen.len(), tries, "{line}");
        assert!(!line.contains('\n') && line.contains(": "), "{line}");
        all.push(told);
    }
    all
}

fn cut_stream(api: Api) -> Script {
    let (events, _) = events(
        api,
        &Answer {
            text: "half an answer",
            ..Answer::default()
        },
    );
    stream(&events)
}

/// 401 and 403 name the variable, are not tried again, and never show the key.
#[tokio::test]
async fn a_refused_key_is_named_by_its_variable() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let message = format!("Incorrect API key provided: {KEY}");
        let fault = |_| error(status, "", "authentication_error", &message);
        for told in stays(
            fault,
            1,
            &["refused the key in TEST_KEY", "Incorrect API key"],
        )
        .await
        {
            let fault = told.reply.unwrap_err();
            assert!(!format!("{fault:?}").contains(KEY), "{fault:?}");
            assert!(fault.cause.contains("⟪TEST_KEY⟫"), "{}", fault.cause);
            assert_eq!(told.usage, Usage::default());
        }
    }
}

/// A key that is not there is named before anything is sent; a server that wants one says so.
#[tokio::test]
async fn a_missing_key_is_named() {
    for api in BOTH {
        let way = Way {
            key: None,
            ..Way::default()
        };
        let (told, seen) = served(api, vec![says(api, "hi")], &way).await;
        assert!(cause(&told).starts_with("the key is missing: TEST_KEY is not set"));
        assert!(seen.is_empty());

        let server = Server::start(vec![error("401 Unauthorized", "", "", "no key")]).await;
        let mut provider = server.provider(api);
        provider.key_env = None;
        let told = ask(&provider, &Way::default()).await;
        assert!(cause(&told).contains("wants a key (401: no key): name the variable"));
    }
}

/// 404 leads to the model's name and the address.
#[tokio::test]
async fn an_unknown_model_or_address_is_named() {
    let fault = |_| {
        error(
            "404 Not Found",
            "",
            "not_found_error",
            "model \"small\" not found",
        )
    };
    stays(
        fault,
        1,
        &[
            "(404: model \"small\" not found)",
            "mend model, or base_url",
            "/v1",
        ],
    )
    .await;
    let fault = |_| {
        page(
            "404 Not Found",
            "content-type: text/plain\r\n",
            "404 page not found\n",
        )
    };
    stays(fault, 1, &["404 page not found"]).await;
}

/// Passing faults with a status are tried again, a bounded number of times.
#[tokio::test]
async fn what_passes_is_tried_again() {
    for (status, kind) in [
        ("429 Too Many Requests", "rate_limit_error"),
        ("500 Internal Server Error", "api_error"),
        ("503 Service Unavailable", "server_error"),
        ("529 Overloaded", "overloaded_error"),
    ] {
        passes(status, |_| error(status, "", kind, "later")).await;
        let number = &status[..3];
        stays(
            |_| error(status, "", kind, "later"),
            3,
            &[number, "later", "(asked 3 times)"],
        )
        .await;
    }
}

/// What the server asks for is waited for, in seconds, milliseconds or until a date.
#[tokio::test]
async fn retry_after_is_honoured() {
    for wait in ["retry-after: 1\r\n", "retry-after-ms: 300\r\n"] {
        let began = Instant::now();
        let limit = error(
            "429 Too Many Requests",
            wait,
            "rate_limit_error",
            "slow down",
        );
        let scripts = vec![limit, says(Api::Openai, "well")];
        let (told, _) = served(Api::Openai, scripts, &Way::default()).await;
        assert!(told.reply.is_ok());
        assert!(began.elapsed() >= Duration::from_millis(300), "{wait}");
    }
}

/// A limit of hours that ends after the time is up is an error that says when it ends.
#[tokio::test]
async fn a_long_limit_names_its_end() {
    for wait in [
        "retry-after: 7200\r\n",
        "retry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\n",
    ] {
        let fault = |_| {
            error(
                "429 Too Many Requests",
                wait,
                "rate_limit_error",
                "quota used up",
            )
        };
        for told in stays(
            fault,
            1,
            &["quota used up", "limit until ", "; try again then"],
        )
        .await
        {
            let line = cause(&told);
            let fault = told.reply.as_ref().unwrap_err();
            assert!(matches!(fault.again, Again::At(_)), "{fault:?}");
            let (_, end) = line.split_once("limit until ").unwrap();
            let end = end.split_once(';').unwrap().0;
            let time = end.rsplit(' ').next().unwrap();
            assert_eq!((time.len(), &time[2..3]), (5, ":"), "{line}");
        }
    }
    // An account without credit never passes, though it comes as 429.
    let fault = |_| {
        error(
            "429 Too Many Requests",
            "",
            "insufficient_quota",
            "no credit",
        )
    };
    stays(fault, 1, &["no credit left", "add some"]).await;
}

/// A limit that ends in time is waited out, says until when, and uses up no try.
#[tokio::test]
async fn a_limit_is_waited_out() {
    for api in BOTH {
        let way = Way {
            retries: 0,
            ..Way::default()
        };
        let wait = "retry-after-ms: 250\r\n";
        let limit = error("429 Too Many Requests", wait, "rate_limit_error", "full");
        let began = Instant::now();
        let scripts = vec![limit.clone(), limit, says(api, "well")];
        let (told, seen) = served(api, scripts, &way).await;
        assert_eq!((told.reply.unwrap().text.as_str(), seen.len()), ("well", 3));
        assert!(began.elapsed() >= Duration::from_millis(500));
        assert_eq!(told.heard.again.len(), 2);
        for again in &told.heard.again {
            let (_, end) = again.split_once("(429: full): waiting until ").unwrap();
            assert_eq!(end.len(), 5, "{again}");
        }
    }
}

/// A connection that breaks before or within an answer is made again; half an answer is charged.
#[tokio::test]
async fn broken_connections_are_made_again() {
    passes("reset before", |_| vec![Act::Reset]).await;
    passes("reset within", |api| {
        [cut_stream(api), vec![Act::Reset]].concat()
    })
    .await;
    passes("cut head", |_| {
        vec![Act::Send(b"HTTP/1.1 200 OK\r\ncont".to_vec())]
    })
    .await;
    let within = |api| [cut_stream(api), vec![Act::Reset]].concat();
    for told in stays(
        within,
        3,
        &["in the middle of its answer", "(asked 3 times)"],
    )
    .await
    {
        assert!(
            told.usage.estimated && told.usage.tokens > 60,
            "{:?}",
            told.usage
        );
    }
    for api in BOTH {
        let server = Server::start(vec![]).await;
        let provider = server.provider(api);
        let address = server.address.clone();
        drop(server);
        // The listener closes when its task has been dropped.
        tokio::task::yield_now().await;
        let told = ask(&provider, &Way::default()).await;
        let line = cause(&told);
        assert!(
            line.starts_with(&format!("no connection to {address} (")),
            "{line}"
        );
    }
}

/// A stall before the first byte and a silence within an answer are found in time.
#[tokio::test]
async fn a_silent_server_is_left() {
    let within = |api| [cut_stream(api), vec![Act::Hang]].concat();
    // They mostly wait, and do so together.
    tokio::join!(
        passes("stall", |_| vec![Act::Hang]),
        passes("silence", within),
        passes("head alone", |_| vec![head(), Act::Hang]),
        stays(
            |_| vec![Act::Hang],
            3,
            &["did not begin to answer", "still loading?"],
        ),
        stays(within, 3, &["fell silent", "in the middle"]),
    );
}

/// A stream that is none is named, tried again, and nothing of it counts.
#[tokio::test]
async fn a_malformed_stream_is_named() {
    for broken in [
        "data: {\"choices\": [tru\n\n",
        "<oops>\n\n",
        "data: [DON\n\n",
    ] {
        passes(broken, |_| stream(broken)).await;
    }
    let within = |api| {
        let (events, end) = events(
            api,
            &Answer {
                text: "lost words",
                ..Answer::default()
            },
        );
        stream(&(events + "data: {\"not json\n\n" + &end))
    };
    stays(within, 3, &["a broken stream", "«{\"not json»"]).await;
    let cut_json = |_| {
        vec![
            head(),
            Act::Send(b"data: {\"choices\":[{\"delta\":{\"con".to_vec()),
        ]
    };
    stays(cut_json, 3, &["ended its answer before it was whole"]).await;
}

/// An end without the last word is no end, with and without chunks.
#[tokio::test]
async fn an_early_end_is_no_answer() {
    passes("early end", cut_stream).await;
    stays(
        cut_stream,
        3,
        &["ended its answer before it was whole: try again"],
    )
    .await;
    let chunked = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\n40\r\ndata: {\"choices\"";
    stays(
        |_| vec![Act::Send(chunked.to_vec())],
        3,
        &["in the middle of its answer"],
    )
    .await;
}

/// S11: wherever an answer is cut, by a close or a reset, half of it never counts: it is asked again
/// and comes whole.
#[tokio::test]
async fn a_cut_at_any_place_is_no_answer() {
    for api in BOTH {
        let answer = Answer {
            text: "Grüße: the whole answer.",
            calls: vec![("read", serde_json::json!({ "path": "ä.txt" }).to_string())],
            ..Answer::default()
        };
        let whole = whole(api, &answer).into_bytes();
        for place in 0..50 {
            let cut = whole[..whole.len() * place / 50].to_vec();
            let mut first = vec![head(), Act::Send(cut)];
            if place % 2 == 1 {
                first.push(Act::Reset);
            }
            let scripts = vec![first, vec![head(), Act::Send(whole.clone())]];
            let (told, _) = served(api, scripts, &Way::default()).await;
            let reply = told
                .reply
                .unwrap_or_else(|f| panic!("{api:?} {place}: {f:?}"));
            assert_eq!(reply.text, answer.text, "{api:?} {place}");
            assert_eq!(
                reply.calls[0].arguments, answer.calls[0].1,
                "{api:?} {place}"
            );
        }
    }
}

/// Wrong types, web pages and bodies that are no stream say what came instead.
#[tokio::test]
async fn what_is_no_stream_is_named() {
    let html = "<!DOCTYPE html><html><head><title>Sign in</title></head></html>";
    let headers = "content-type: text/html\r\n";
    stays(
        |_| page("200 OK", headers, html),
        1,
        &["a web page «Sign in»", "base_url"],
    )
    .await;
    stays(
        |_| page("400 Bad Request", headers, html),
        1,
        &["400: a web page «Sign in»"],
    )
    .await;
    stays(
        |_| page("502 Bad Gateway", headers, html),
        3,
        &["502: a web page «Sign in»"],
    )
    .await;
    let json = "content-type: application/json\r\n";
    let whole = |_| page("200 OK", json, "{\"choices\":[]}");
    stays(
        whole,
        1,
        &["application/json instead of a stream of events"],
    )
    .await;
    let told = |_| {
        page(
            "200 OK",
            json,
            "{\"error\":{\"message\":\"no such model\"}}",
        )
    };
    stays(told, 1, &["no such model"]).await;
    stays(
        |_| vec![Act::Send(b"SSH-2.0-OpenSSH\r\n".to_vec())],
        3,
        &["hung up"],
    )
    .await;
}

/// A prompt that is too long is named, however a server says so; some say nothing at all.
#[tokio::test]
async fn an_overflow_is_named() {
    for (kind, message) in [
        ("context_length_exceeded", "too long"),
        (
            "invalid_request_error",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ),
        (
            "exceed_context_size_error",
            "the request exceeds the available context size",
        ),
    ] {
        let fault = |_| error("400 Bad Request", "", kind, message);
        stays(
            fault,
            1,
            &["the prompt is longer than the context of", "ask for less"],
        )
        .await;
    }
    let empty = "content-type: text/event-stream\r\n";
    stays(
        |_| page("200 OK", empty, ""),
        3,
        &["answered nothing at all", "its context?"],
    )
    .await;
    stays(|_| page("200 OK", "", ""), 3, &["answered nothing at all"]).await;
}

/// An error inside the stream is told apart: what passes is tried again, what does not is named.
#[tokio::test]
async fn errors_inside_the_stream_are_told_apart() {
    let inside = |api, kind: &str, message: &str| {
        let (events, _) = events(
            api,
            &Answer {
                text: "half",
                ..Answer::default()
            },
        );
        let error = serde_json::json!({
            "type": "error", "error": { "type": kind, "message": message }
        });
        stream(&format!("{events}event: error\ndata: {error}\n\n"))
    };
    passes("overload", |api| {
        inside(api, "overloaded_error", "Overloaded")
    })
    .await;
    let overloaded = |api| inside(api, "overloaded_error", "Overloaded");
    stays(
        overloaded,
        3,
        &["broke off its answer (overloaded_error: Overloaded)"],
    )
    .await;
    let wrong = |api| inside(api, "invalid_request_error", "bad tool");
    stays(wrong, 1, &["(invalid_request_error: bad tool)"]).await;
}

/// A slow server is alive: bytes that trickle are no silence, and the whole is bounded from outside.
#[tokio::test]
async fn a_slow_drip_is_alive() {
    let hasty = Way {
        silence: SILENT,
        ..Way::default()
    };
    for api in BOTH {
        let events = whole(
            api,
            &Answer {
                text: "slow",
                usage: None,
                ..Answer::default()
            },
        );
        let drip = Act::Drip(events.into_bytes(), Duration::from_millis(4));
        let scripts = vec![vec![head(), drip]];
        let began = Instant::now();
        let (told, seen) = served(api, scripts, &hasty).await;
        assert_eq!(told.reply.unwrap().text, "slow");
        assert!(seen.len() == 1 && began.elapsed() > SILENT);
    }
    let comments = Act::Drip(b": alive\n".repeat(10_000), Duration::from_millis(1));
    let server = Server::start(vec![vec![head(), comments]]).await;
    let provider = server.provider(Api::Openai);
    let asked = tokio::time::timeout(SILENT * 2, ask(&provider, &hasty)).await;
    assert!(asked.is_err() && server.seen().len() == 1);
}

/// S15: 100 MB of anything ends by itself in bounded memory.
#[tokio::test]
async fn a_flood_is_bounded() {
    let megabyte = vec![b'x'; 1 << 20];
    let endless_line = |_| vec![head(), Act::Flood(megabyte.clone(), 100)];
    stays(endless_line, 3, &["a line of more than 8 MiB"]).await;
    let error_page = |_| {
        let head = b"HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n".to_vec();
        vec![Act::Send(head), Act::Flood(megabyte.clone(), 100)]
    };
    for told in stays(error_page, 3, &["500: xxx"]).await {
        let fault = told.reply.unwrap_err();
        assert!(fault.cause.len() < 1_000 && fault.detail.len() < 10_000);
    }
    let words = "y".repeat(1 << 20);
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{words}\"}}}}]}}\n\n");
    let flood = vec![head(), Act::Flood(event.into_bytes(), 100)];
    let (told, seen) = served(Api::Openai, vec![flood], &Way::default()).await;
    assert!(
        cause(&told).contains("an answer of more than 16 MiB"),
        "{}",
        cause(&told)
    );
    assert_eq!(seen.len(), 1);
}

/// The key follows nobody to another server.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    for api in BOTH {
        let other = Server::start(vec![says(api, "give me the key")]).await;
        let location = format!("location: http://{}/v1\r\n", other.address);
        let (told, _) = served(api, vec![page("307 Moved", &location, "")], &Way::default()).await;
        let line = cause(&told);
        assert!(
            line.contains(&format!("sends calls on to http://{}", other.address)),
            "{line}"
        );
        assert!(other.seen().is_empty());
    }
}

/// S22: a key that a server or model echoes is told to nobody, wherever it stands.
#[tokio::test]
async fn an_echoed_key_is_hidden() {
    for api in BOTH {
        let said = format!("your key is {KEY}, right?");
        let (told, _) = served(api, vec![says(api, &said)], &Way::default()).await;
        assert_eq!(told.reply.unwrap().text, "your key is ⟪TEST_KEY⟫, right?");
        let wanted = [("write", serde_json::json!({ "path": "a", "text": KEY }))];
        let (told, _) = served(api, vec![calls(api, &wanted)], &Way::default()).await;
        assert!(!format!("{:?}", told.reply).contains(KEY));
        for fault in [
            error("500 Oh", "", "api_error", KEY),
            stream(&format!("{KEY}\n\n")),
            stream(&format!("data: {{{KEY}\n\n")),
            page(
                "200 OK",
                "content-type: text/html\r\n",
                &format!("<html><title>{KEY}</title>"),
            ),
            page("307 Moved", &format!("location: http://x/?k={KEY}\r\n"), ""),
        ] {
            let (told, _) = served(api, vec![fault], &Way::default()).await;
            let all = format!("{:?} {:?}", told.reply.unwrap_err(), told.heard.again);
            assert!(!all.contains(KEY), "{all}");
        }
    }
}
