//! One notice to one webhook: signed over time and body, sent a bounded number of times, and never
//! again where the receiver may have taken it.

use std::ffi::OsString;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use ring::hmac;
use tokio::time::sleep;

use super::Notice;
use crate::config::user::Webhook;
use crate::run::inert::escaped;
use crate::supervisor::clock::Clock;

/// Longest time of one attempt, in all.
const LONGEST: Duration = Duration::from_secs(10);

/// How long is waited before each further attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(25),
];

/// What one attempt came to.
enum Sent {
    /// It was taken, or refused for good; `Err` says why.
    Settled(Result<(), String>),
    /// It was certainly not taken, and may be sent again.
    NotTaken(String),
}

/// Sends until it is taken.
///
/// # Errors
/// Why it was not, in one line without address or secret.
pub(super) async fn post(
    webhook: &Webhook,
    secret: Option<OsString>,
    notice: &Notice,
    clock: &Clock,
) -> Result<(), String> {
    let secret = secret.and_then(|value| value.into_string().ok());
    let Some(secret) = secret.filter(|value| !value.is_empty()) else {
        return Err(format!(
            "{} is not set in the host's environment, so the webhook was not told; set it and start the host again",
            webhook.secret_env
        ));
    };
    let body =
        serde_json::to_string(notice).map_err(|e| format!("a notice cannot be written: {e}"))?;
    let body = escaped(&body);
    let client = client().map_err(|e| format!("no HTTPS here: {}", e.without_url()))?;
    let mut pauses = PAUSES.iter();
    loop {
        // A receiver refuses what is old: every attempt has a time and a signature of its own.
        let stamp = clock.now_ms().div_euclid(1000).to_string();
        let request = client
            .post(&webhook.url)
            .header("content-type", "application/json")
            .header("checkride-id", &notice.id)
            .header("checkride-timestamp", &stamp)
            .header("checkride-signature", signature(&secret, &stamp, &body))
            .body(body.clone());
        match attempt(request).await {
            Sent::Settled(result) => return result,
            Sent::NotTaken(why) => match pauses.next() {
                Some(pause) => sleep(*pause).await,
                None => return Err(format!("the webhook was not told: {why}")),
            },
        }
    }
}

fn client() -> reqwest::Result<Client> {
    // The library wants one provider of ciphers for the whole process; a second is no harm.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .redirect(Policy::none())
        .timeout(LONGEST)
        .user_agent(concat!("checkride/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn attempt(request: reqwest::RequestBuilder) -> Sent {
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Sent::Settled(Ok(())),
        Ok(answer) => {
            let status = answer.status();
            let why = format!("it answered {status}");
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                Sent::NotTaken(why)
            } else {
                Sent::Settled(Err(format!("the webhook was not told: {why}")))
            }
        }
        Err(e) if e.is_connect() => Sent::NotTaken("it cannot be reached".to_owned()),
        // It may have been taken: a second one could be a second notice.
        Err(e) => Sent::Settled(Err(format!(
            "the webhook may not have been told: {}",
            e.without_url()
        ))),
    }
}

/// `v1=` and the HMAC-SHA256 in hexadecimal digits over time stamp, a full stop and body.
pub fn signature(secret: &str, stamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{stamp}.{body}").as_bytes());
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("v1={}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S24: the signature is the HMAC-SHA256 that any other program computes, here OpenSSL's:
    /// `printf '%s' '1781000000.{"id":"a-1.1"}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn signs_as_others_do() {
        assert_eq!(
            signature("secret", "1781000000", "{\"id\":\"a-1.1\"}"),
            OPENSSL
        );
        for (secret, stamp, body) in [
            ("secre", "1781000000", "{\"id\":\"a-1.1\"}"),
            ("secret", "1781000001", "{\"id\":\"a-1.1\"}"),
            ("secret", "1781000000", "{\"id\":\"a-1.2\"}"),
        ] {
            assert_ne!(signature(secret, stamp, body), OPENSSL);
        }
    }

    const OPENSSL: &str = "v1=362461ba290c6d00ff9d9316cc94c2b237b23068b77c67503c0afcab5a185d19";
}
