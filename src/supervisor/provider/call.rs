//! One call: the request goes out, the answer is read as it comes. Nothing is tried again here.
//! The key is held by the client alone and marked so that no library prints it.

use std::ffi::OsString;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::fault::{Again, Blame, Fault, Refusal};
use super::partial::{Partial, Wrong};
use super::sse::Sse;
use super::{Listener, Patience, Reply, Request, anthropic, openai, pause};
use crate::run::Usage;
use crate::run::spec::{Api, Provider};
use crate::supervisor::clock::Clock;
use crate::supervisor::redactor::Redactor;

/// Most bytes that are read of an answer that is an error.
const ERROR_BYTES: usize = 64 * 1024;

/// Longest time for the body of such an answer.
const ERROR_TIME: Duration = Duration::from_secs(10);

/// Least time between two reports of usage.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// What arrives within this time is shown together.
const GATHER: Duration = Duration::from_millis(30);

/// A way to one server, with the key that it wants.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    headers: HeaderMap,
    redactor: Redactor,
    pub(super) patience: Patience,
}

impl Client {
    /// A way to this server; `key` is the value of the variable that the provider names.
    ///
    /// Reads the system's certificates, which may take a while.
    pub fn new(
        provider: &Provider,
        key: Option<OsString>,
        patience: Patience,
    ) -> Result<Self, Fault> {
        // The library wants one provider of ciphers for the whole process; a second is no harm.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut redactor = Redactor::default();
        let headers = head(provider, key, &mut redactor)?;
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(patience.connect)
            .user_agent(concat!("checkride/", env!("CARGO_PKG_VERSION")));
        if provider.is_local() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| {
            let cause = format!("no HTTPS here ({e}): are the system's certificates installed?");
            Fault::new(Again::No, cause)
        })?;
        Ok(Self {
            http,
            headers,
            redactor,
            patience,
        })
    }

    /// What hides the key in any text.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Asks once, and hears the answer while it comes; what it cost, whatever came of it.
    /// Dropping the future ends the call.
    pub(super) async fn converse(
        &self,
        request: &Request<'_>,
        clock: &Clock,
        hears: &mut dyn Listener,
    ) -> (Result<Reply, Fault>, Usage) {
        let blame = Blame {
            provider: request.provider,
            redactor: &self.redactor,
        };
        let body = body(request).to_string();
        let asked = body.len();
        hears.used(Usage::estimate(asked as u64, 0));
        let response = match self.send(body, blame, clock).await {
            Ok(response) => response,
            Err(fault) => return (Err(fault), Usage::default()),
        };
        let mut answer = Partial::default();
        let read = self
            .read(response, blame, (&mut answer, asked), hears)
            .await;
        let cost = answer.usage(asked);
        (read.map(|()| answer.finish(asked, &self.redactor)), cost)
    }

    /// Sends a request, and waits for the head of an answer.
    async fn send(&self, body: String, blame: Blame<'_>, clock: &Clock) -> Result<Response, Fault> {
        let base = &blame.provider.base_url;
        let url = match blame.provider.api {
            Api::Openai => format!("{base}{}", openai::PATH),
            Api::Anthropic => format!("{base}{}", anthropic::PATH),
        };
        let request = self.http.post(url).headers(self.headers.clone()).body(body);
        let response = timeout(self.patience.first_byte, request.send())
            .await
            .map_err(|_| blame.silent(self.patience.first_byte, false))?
            .map_err(|e| blame.transport(&e, false))?;
        accepted(response, blame, clock).await
    }

    /// Reads the stream of an answer to its end.
    async fn read(
        &self,
        mut response: Response,
        blame: Blame<'_>,
        (answer, asked): (&mut Partial, usize),
        hears: &mut dyn Listener,
    ) -> Result<(), Fault> {
        let mut sse = Sse::default();
        let (mut begun, mut reported) = (false, Instant::now());
        while let Some(chunk) = self.chunk(&mut response, blame, hears).await? {
            begun = true;
            let fed = sse.feed::<Wrong>(&chunk, &mut |data| match blame.provider.api {
                Api::Openai => openai::event(data, answer, hears),
                Api::Anthropic => anthropic::event(data, answer, hears),
            });
            fed.map_err(|wrong| blame.stream(wrong))?;
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                hears.used(answer.usage(asked));
            }
            hears.pause();
            if answer.over {
                return Ok(());
            }
        }
        let whole = match blame.provider.api {
            // Some servers leave out the last word `[DONE]`.
            Api::Openai => answer.stop.is_some() && !sse.is_cut(),
            Api::Anthropic => false,
        };
        match () {
            () if whole => Ok(()),
            () if begun || !answer.is_empty() => Err(blame.ended_early()),
            () => Err(blame.nothing()),
        }
    }

    /// The next piece of the answer. Any byte is a sign of life.
    async fn chunk(
        &self,
        response: &mut Response,
        blame: Blame<'_>,
        hears: &mut dyn Listener,
    ) -> Result<Option<impl std::ops::Deref<Target = [u8]> + use<>>, Fault> {
        let silence = self.patience.silence;
        let soon = timeout(GATHER.min(silence), response.chunk()).await;
        let read = if let Ok(read) = soon {
            read
        } else {
            hears.pause();
            timeout(silence, response.chunk())
                .await
                .map_err(|_| blame.silent(silence, true))?
        };
        read.map_err(|e| blame.transport(&e, true))
    }
}

/// The body of a request, as its interface has it.
pub(super) fn body(request: &Request<'_>) -> Value {
    match request.provider.api {
        Api::Openai => openai::body(request),
        Api::Anthropic => anthropic::body(request),
    }
}

/// The head of every request, with the key where one is named.
fn head(
    provider: &Provider,
    key: Option<OsString>,
    redactor: &mut Redactor,
) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if provider.api == Api::Anthropic {
        let version = HeaderValue::from_static(anthropic::VERSION);
        headers.insert("anthropic-version", version);
    }
    let Some(name) = &provider.key_env else {
        return Ok(headers);
    };
    let key = key.unwrap_or_default().into_string().unwrap_or_default();
    let key = key.trim();
    if key.is_empty() {
        let cause = format!(
            "the key is missing: {name} is not set where the host was started; set it, end the \
             host with checkride stop --host, then try again"
        );
        return Err(Fault::new(Again::No, cause));
    }
    redactor.hide(name, key);
    let (header, value) = match provider.api {
        Api::Openai => (AUTHORIZATION, format!("Bearer {key}")),
        Api::Anthropic => (
            reqwest::header::HeaderName::from_static("x-api-key"),
            key.to_owned(),
        ),
    };
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        let cause = format!("{name} holds what can be no key: put the key alone there");
        Fault::new(Again::No, cause)
    })?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(headers)
}

/// The answer, if it is a stream; else what it is instead.
async fn accepted(
    mut response: Response,
    blame: Blame<'_>,
    clock: &Clock,
) -> Result<Response, Fault> {
    let status = response.status();
    let headers = response.headers().clone();
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
    };
    let kind = text(CONTENT_TYPE).unwrap_or_default();
    // A server that does not say what it sends is believed to send what it was asked for.
    if status.is_success() && (kind.is_empty() || kind.starts_with("text/event-stream")) {
        return Ok(response);
    }
    let mut body = Vec::new();
    let gather = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= ERROR_BYTES {
                break;
            }
        }
    };
    // What has come by then is enough to say what it is.
    drop(timeout(ERROR_TIME, gather).await);
    body.truncate(ERROR_BYTES);
    let has_wait = headers.contains_key(RETRY_AFTER) || headers.contains_key("retry-after-ms");
    let refusal = Refusal {
        status: status.as_u16(),
        kind,
        location: text(LOCATION).unwrap_or_default(),
        wait: has_wait
            .then(|| pause::asked(&headers, clock.now_ms()))
            .flatten(),
        body: &String::from_utf8_lossy(&body),
    };
    Err(if status.is_success() {
        blame.no_stream(&refusal)
    } else {
        blame.status(&refusal)
    })
}
