//! S11: twelve faults of a model's server, each at many places of a conversation and of its stream. A
//! fault that passes costs one new try and nothing of the answer; one that stays is named; none counts
//! as an answer. `CHECKRIDE_ALL_PLACES` plays fifty places of each, else ten.

use std::time::Duration;

use checkride::run::spec::Api;
use futures_util::stream::{self, StreamExt as _};

use super::server::{Act, Answer, Script, Server, error, events, head, says};
use super::{BOTH, LONG, SILENT, Way, ask};

/// What every good answer says.
const WHOLE: &str = "This is the whole answer, in several pieces, with an ä in it.";

/// Places of one fault.
const PLACES: usize = 50;

/// Conversations at a time.
const AT_ONCE: usize = 24;

#[derive(Debug, Clone, Copy)]
enum Fault {
    TooMany,
    TooManyUntil,
    Overloaded,
    Broken,
    WrongKey,
    Reset,
    Silence,
    Drip,
    Malformed,
    CutShort,
    OverloadedWithin,
    TooLong,
}

const ALL: [Fault; 12] = [
    Fault::TooMany,
    Fault::TooManyUntil,
    Fault::Overloaded,
    Fault::Broken,
    Fault::WrongKey,
    Fault::Reset,
    Fault::Silence,
    Fault::Drip,
    Fault::Malformed,
    Fault::CutShort,
    Fault::OverloadedWithin,
    Fault::TooLong,
];

/// What must come of a fault.
#[derive(Debug, PartialEq)]
enum End {
    /// It is asked once more, and answered.
    Again,
    /// It was no fault.
    Answered,
    /// One line with these words, and no new try.
    Named(&'static str),
}

impl Fault {
    fn end(self) -> End {
        match self {
            Self::WrongKey => End::Named("refused the key in TEST_KEY"),
            Self::TooLong => End::Named("longer than the context"),
            Self::Drip => End::Answered,
            Self::TooMany
            | Self::TooManyUntil
            | Self::Overloaded
            | Self::Broken
            | Self::Reset
            | Self::Silence
            | Self::Malformed
            | Self::CutShort
            | Self::OverloadedWithin => End::Again,
        }
    }

    fn script(self, api: Api, place: usize) -> Script {
        let answer = Answer {
            text: WHOLE,
            ..Answer::default()
        };
        let (events, last) = events(api, &answer);
        let bytes = events.as_bytes();
        let begin = Act::Send(bytes[..bytes.len() * place / PLACES].to_vec());
        // Between two events, for what is wrong with an event of its own.
        let ends: Vec<usize> = events.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        let between = |event: &str| {
            let at = ends[ends.len() * place / PLACES];
            let text = [&events[..at], event, &events[at..], &last].concat();
            vec![head(), Act::Send(text.into_bytes())]
        };
        match self {
            Self::TooMany => error("429 Too Many Requests", "", "rate_limit_error", "slower"),
            Self::TooManyUntil => {
                let wait = "retry-after-ms: 3\r\n";
                error("429 Too Many Requests", wait, "rate_limit_error", "slower")
            }
            Self::Overloaded => error("529 Overloaded", "", "overloaded_error", "Overloaded"),
            Self::Broken => error("500 Internal Server Error", "", "api_error", "oops"),
            Self::WrongKey => error("401 Unauthorized", "", "authentication_error", "bad key"),
            Self::TooLong => error(
                "400 Bad Request",
                "",
                "invalid_request_error",
                "prompt is too long: 200001 tokens > 200000 maximum context",
            ),
            Self::Reset => vec![head(), begin, Act::Reset],
            Self::Silence => vec![head(), begin, Act::Hang],
            Self::CutShort => vec![head(), begin],
            Self::Drip => {
                let text = (events + &last).into_bytes();
                let from = text.len() * place / PLACES;
                let slow = text[from..].iter().take(40).copied().collect();
                let rest = text[(from + 40).min(text.len())..].to_vec();
                let drip = Act::Drip(slow, Duration::from_millis(2));
                vec![
                    head(),
                    Act::Send(text[..from].to_vec()),
                    drip,
                    Act::Send(rest),
                ]
            }
            Self::Malformed => between("data: {\"choices\": [{\n\n"),
            Self::OverloadedWithin => match api {
                Api::Openai => between(
                    "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
                ),
                Api::Anthropic => between(
                    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
                ),
            },
        }
    }
}

/// Plays a fault after some good calls of the same server; what was wrong with the end of it.
async fn play(fault: Fault, api: Api, place: usize) -> Result<(), String> {
    let before = place % 4;
    let mut scripts = vec![says(api, WHOLE); before];
    scripts.extend([fault.script(api, place), says(api, WHOLE)]);
    let server = Server::start(scripts).await;
    let provider = server.provider(api);
    let way = Way {
        // Many are played at once, on one thread.
        silence: if matches!(fault, Fault::Silence) {
            SILENT * 3
        } else {
            LONG
        },
        ..Way::default()
    };
    for _ in 0..before {
        ask(&provider, &way).await.reply.map_err(|f| f.cause)?;
    }
    let told = ask(&provider, &way).await;
    let calls = server.seen().len() - before;
    let ended = match &told.reply {
        Err(fault) => Err(fault.cause.clone()),
        Ok(reply) => Ok(reply.text.clone()),
    };
    let right = match (fault.end(), &ended) {
        (End::Again, Ok(text)) => text == WHOLE && calls == 2 && told.heard.again.len() == 1,
        (End::Answered, Ok(text)) => text == WHOLE && calls == 1,
        (End::Named(words), Err(line)) => {
            line.contains(words) && calls == 1 && !line.contains('\n')
        }
        (End::Again | End::Answered, Err(_)) | (End::Named(_), Ok(_)) => false,
    };
    if right {
        return Ok(());
    }
    Err(format!(
        "{fault:?} {api:?} at {place}: {calls} calls, {ended:?}"
    ))
}

/// S11: 12 faults × 50 places, in both interfaces: all end in the right way.
#[tokio::test]
async fn faults_at_many_places_end_right() {
    let step = if std::env::var_os("CHECKRIDE_ALL_PLACES").is_some() {
        1
    } else {
        5
    };
    let cases = ALL.into_iter().flat_map(|fault| {
        let places = (0..PLACES).step_by(step);
        places.flat_map(move |place| BOTH.map(|api| (fault, api, place)))
    });
    let ends = stream::iter(cases).map(|(fault, api, place)| play(fault, api, place));
    let ends: Vec<_> = ends.buffer_unordered(AT_ONCE).collect().await;
    assert_eq!(ends.len(), ALL.len() * 2 * PLACES.div_ceil(step));
    let wrong: Vec<String> = ends.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}
