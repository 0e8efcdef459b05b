//! What can go wrong with a call: one line of what, where and what to do next, and whether it may
//! pass. Texts of servers are clean of secrets, inert and short before they get here into a line.

use std::time::Duration;

use super::partial::Wrong;
use crate::run::Purse;
use crate::run::inert::{cut, inert, inert_lines};
use crate::run::spec::Provider;
use crate::supervisor::redactor::Redactor;

/// Most characters of a server's own words in one line.
const QUOTED: usize = 200;

/// Most characters of an answer that are kept as evidence.
const EVIDENCE: usize = 2_000;

/// Whether a call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would fail in the same way.
    No,
    /// The reason may pass; the server may have asked for a wait.
    After(Option<Duration>),
    /// A usage limit that ends at this time, in milliseconds since 1970, and after the caller's own.
    At(i64),
    /// What the run has left may not hold the call.
    NoRoom(Purse),
}

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What, where, and what to do next: one line, inert.
    pub cause: String,
    /// What the server sent, inert, at most 2,000 characters; may be empty.
    pub detail: String,
    /// Whether it may be made again.
    pub again: Again,
}

impl Fault {
    /// A fault that nothing was sent or paid for.
    pub(super) fn new(again: Again, cause: String) -> Self {
        Self {
            cause,
            detail: String::new(),
            again,
        }
    }
}

/// Puts faults of one server into words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blame<'a> {
    pub(super) provider: &'a Provider,
    pub(super) redactor: &'a Redactor,
}

/// The head of an answer that is none, and the beginning of its body.
#[derive(Debug)]
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    /// `text/html`; empty where it is not said.
    pub(super) kind: &'a str,
    /// Where it sends the caller.
    pub(super) location: &'a str,
    /// The wait that it asks for.
    pub(super) wait: Option<Duration>,
    pub(super) body: &'a str,
}

impl Blame<'_> {
    /// An answer with a status that is no success.
    pub(super) fn status(self, answer: &Refusal<'_>) -> Fault {
        let (who, status) = (self.who(), answer.status);
        let told = error_in(answer.body);
        let said = self.quoted(&said(answer));
        let Wrong::Told { kind, message } = told.unwrap_or(Wrong::Told {
            kind: String::new(),
            message: answer.body.to_owned(),
        }) else {
            return self.fault(Again::No, format!("{who} answered {status}"), answer.body);
        };
        let after = Again::After(answer.wait);
        let (again, cause) = match status {
            _ if is_overflow(&kind, &message) => (Again::No, self.overflow(&said)),
            _ if is_unpaid(status, &kind, &message) => (
                Again::No,
                format!("{who} has no credit left for this key ({said}): add some, then try again"),
            ),
            401 | 403 => (Again::No, self.key_refused(&said)),
            404 | 405 => (
                Again::No,
                format!(
                    "{who} knows no such model or address ({said}): mend model, or base_url, \
                     which ends with a version such as /v1"
                ),
            ),
            300..=399 => (Again::No, self.sent_on(answer)),
            429 => (
                after,
                format!("{who} is asked too often ({said}): try again later"),
            ),
            408 | 409 | 425 | 500 | 502..=504 | 506..=599 => {
                (after, format!("{who} failed ({said}): try again later"))
            }
            _ => (
                Again::No,
                format!(
                    "{who} refused the call ({said}): mend model, max_tokens or base_url in the \
                     loop file"
                ),
            ),
        };
        self.fault(again, cause, answer.body)
    }

    /// A success that is no stream of events.
    pub(super) fn no_stream(self, answer: &Refusal<'_>) -> Fault {
        if let Some(told) = error_in(answer.body) {
            return self.stream(told);
        }
        let who = self.who();
        let what = match page_title(answer.body) {
            Some(title) => format!("a web page {}", self.quoted(&title)),
            None if answer.body.is_empty() => return self.nothing(),
            None => self.quoted(answer.kind),
        };
        let cause = format!(
            "{who} answered with {what} instead of a stream of events: does base_url lead to its \
             {} interface, with the version, such as /v1?",
            self.provider.api.word()
        );
        self.fault(Again::No, cause, answer.body)
    }

    /// A stream in which something is wrong.
    pub(super) fn stream(self, wrong: Wrong) -> Fault {
        let who = self.who();
        match wrong {
            Wrong::Malformed(what) => {
                let what = self.quoted(&what);
                let cause = format!(
                    "{who} sent a broken stream ({what}): try again; if it stays, look whether \
                     base_url speaks {}",
                    self.provider.api.word()
                );
                self.fault(Again::After(None), cause, "")
            }
            Wrong::TooLarge(what) => {
                let cause = format!(
                    "{who} sent {what}, and was cut off: ask for less, or lower max_tokens"
                );
                self.fault(Again::No, cause, "")
            }
            Wrong::Told { kind, message } => self.told(&kind, &message),
        }
    }

    fn told(self, kind: &str, message: &str) -> Fault {
        let who = self.who();
        let said = [kind, message].join(": ");
        let said = self.quoted(said.trim_matches([':', ' ']));
        if is_overflow(kind, message) {
            return self.fault(Again::No, self.overflow(&said), message);
        }
        if is_unpaid(0, kind, message) {
            let cause = format!("{who} has no credit left ({said}): add some, then try again");
            return self.fault(Again::No, cause, message);
        }
        let words = format!("{kind} {message}").to_lowercase();
        let passes = [
            "overload",
            "rate_limit",
            "rate limit",
            "api_error",
            "server_error",
            "internal",
        ]
        .iter()
        .chain(&[
            "timeout",
            "timed out",
            "unavailable",
            "429",
            "500",
            "502",
            "503",
            "529",
        ])
        .any(|word| words.contains(word));
        let (again, next) = if passes {
            (Again::After(None), "try again later")
        } else {
            (Again::No, "mend what it names, then try again")
        };
        let cause = format!("{who} broke off its answer ({said}): {next}");
        self.fault(again, cause, message)
    }

    /// The connection could not be made, or broke.
    pub(super) fn transport(self, error: &reqwest::Error, begun: bool) -> Fault {
        let (who, place) = (self.who(), self.provider.authority());
        let mut deepest: &dyn std::error::Error = error;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        let why = self.quoted(&deepest.to_string());
        let lower = why.to_lowercase();
        let (again, cause) = if lower.contains("certificate") {
            let cause = format!("{place} shows a certificate that is not trusted ({why}): mend it");
            (Again::No, cause)
        } else if error.is_timeout() {
            let cause = format!("{place} does not answer: is the server up, and base_url right?");
            (Again::After(None), cause)
        } else if error.is_connect() {
            let cause = format!(
                "no connection to {place} ({why}): start the server, or mend base_url in the loop \
                 file"
            );
            (Again::After(None), cause)
        } else if begun {
            let cause = format!("{who} broke off in the middle of its answer ({why}): try again");
            (Again::After(None), cause)
        } else {
            let cause = format!("{who} hung up before it answered ({why}): try again");
            (Again::After(None), cause)
        };
        self.fault(again, cause, "")
    }

    /// Nothing came for too long.
    pub(super) fn silent(self, time: Duration, begun: bool) -> Fault {
        let (who, seconds) = (self.who(), time.as_secs_f64().ceil());
        let cause = if begun {
            format!("{who} fell silent for {seconds} s in the middle of its answer: try again")
        } else {
            format!("{who} did not begin to answer in {seconds} s: is it busy, or still loading?")
        };
        self.fault(Again::After(None), cause, "")
    }

    /// The stream ended before the answer did.
    pub(super) fn ended_early(self) -> Fault {
        let cause = format!(
            "{} ended its answer before it was whole: try again",
            self.who()
        );
        self.fault(Again::After(None), cause, "")
    }

    /// A success without a body: llama.cpp does that when the prompt does not fit.
    pub(super) fn nothing(self) -> Fault {
        let cause = format!(
            "{} answered nothing at all: is the prompt longer than its context? Give the server a \
             longer one, or ask for less",
            self.who()
        );
        self.fault(Again::After(None), cause, "")
    }

    fn key_refused(self, said: &str) -> String {
        let who = self.who();
        match &self.provider.key_env {
            Some(name) => format!(
                "{who} refused the key in {name} ({said}): put a valid one there, end the host \
                 with checkride stop --host, then try again"
            ),
            None => format!(
                "{who} wants a key ({said}): name the variable that holds it with key_env in the \
                 loop file"
            ),
        }
    }

    fn sent_on(self, answer: &Refusal<'_>) -> String {
        let (who, to) = (self.who(), self.quoted(answer.location));
        format!(
            "{who} sends calls on to {to}, and no key follows there: if that is right, write it as \
             base_url in the loop file"
        )
    }

    fn overflow(self, said: &str) -> String {
        format!(
            "the prompt is longer than the context of {} ({said}): ask for less, or take a model \
             with a longer one",
            self.who()
        )
    }

    fn fault(self, again: Again, cause: String, evidence: &str) -> Fault {
        let clean = self.redactor.clean_cut(evidence.trim());
        Fault {
            detail: cut(&inert_lines(&clean), EVIDENCE),
            ..Fault::new(again, cause)
        }
    }

    fn who(self) -> String {
        inert(&self.provider.words()).into_owned()
    }

    fn quoted(self, text: &str) -> String {
        let clean = self.redactor.clean_cut(text);
        cut(&inert(clean.trim()), QUOTED)
    }
}

/// Status and message in a few words.
fn said(answer: &Refusal<'_>) -> String {
    let status = answer.status;
    let words = match error_in(answer.body) {
        Some(Wrong::Told { message, .. }) if !message.is_empty() => message,
        _ => match page_title(answer.body) {
            Some(title) => format!("a web page {title}"),
            None => answer
                .body
                .trim()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        },
    };
    format!("{status}: {words}")
        .trim_end_matches(": ")
        .to_owned()
}

/// The error that a JSON body tells, in any of the ways that servers have.
fn error_in(body: &str) -> Option<Wrong> {
    let value: serde_json::Value = serde_json::from_str(body.trim()).ok()?;
    let error = value.get("error").filter(|error| !error.is_null());
    let named = || {
        ["message", "detail"]
            .iter()
            .find_map(|name| value.get(*name))
    };
    error.or_else(named).map(super::openai::told)
}

/// What a web page calls itself, in quotes; `None` where it is none.
fn page_title(body: &str) -> Option<String> {
    let begin: String = body.trim_start().chars().take(200).collect();
    let lower = begin.to_ascii_lowercase();
    if !lower.starts_with("<!doctype html") && !lower.starts_with("<html") {
        return None;
    }
    let title = body
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    Some(title.map_or_else(String::new, |(title, _)| format!("«{}»", title.trim())))
}

fn is_overflow(kind: &str, message: &str) -> bool {
    let words = format!("{kind} {message}").to_lowercase();
    [
        "context_length",
        "context length",
        "context size",
        "context window",
        "exceed_context",
    ]
    .iter()
    .chain(&["maximum context", "prompt is too long", "prompt too long"])
    .any(|sign| words.contains(sign))
}

fn is_unpaid(status: u16, kind: &str, message: &str) -> bool {
    let words = format!("{kind} {message}").to_lowercase();
    status == 402
        || [
            "insufficient_quota",
            "billing",
            "credit balance",
            "insufficient balance",
        ]
        .iter()
        .any(|sign| words.contains(sign))
}
