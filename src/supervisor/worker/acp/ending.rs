//! How a session ended, and what to say to it: one line with a cause and a next step.

use std::time::Duration;

use agent_client_protocol::v1::schema::{PromptResponse, StopReason};
use agent_client_protocol::{Error, ErrorCode, is_incoming_transport_closed};
use serde_json::Value;

use super::session::{OPENING, Step, Trouble};
use crate::run::inert::{cut, inert};
use crate::run::{Failure, Stage};
use crate::supervisor::process::Exit;
use crate::supervisor::worker::{Ended, in_words};

/// How a session ended.
#[derive(Debug)]
pub(super) enum Over {
    /// The prompt was answered.
    Answered(PromptResponse),
    /// Something went wrong.
    Troubled(Trouble),
    /// Its time was up.
    TimedOut,
    /// It was asked to stop.
    Halted,
}

impl From<Result<PromptResponse, Trouble>> for Over {
    fn from(answer: Result<PromptResponse, Trouble>) -> Self {
        match answer {
            Ok(answer) => Self::Answered(answer),
            Err(trouble) => Self::Troubled(trouble),
        }
    }
}

impl Over {
    /// Whether the agent had gone away.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Troubled(Trouble::Error(_, error)) => is_incoming_transport_closed(error),
            Self::Troubled(Trouble::Silent(_))
            | Self::Answered(_)
            | Self::TimedOut
            | Self::Halted => false,
        }
    }

    /// What it means for the turn. A call that was refused ends the turn of some agents: that is
    /// no failure of theirs.
    pub(super) fn ended(&self, name: &str, timeout: Duration, refused: bool) -> Ended {
        let cause = match self {
            Self::Halted => return Ended::Halted,
            Self::TimedOut => {
                let time = in_words(timeout);
                format!(
                    "{name} was not done after {time} and was killed: ask for less, or raise timeout in [worker]"
                )
            }
            Self::Troubled(Trouble::Silent(step)) => {
                let (time, step) = (in_words(OPENING), step_words(*step));
                format!(
                    "{name} did not answer in {time} {step}: does it speak ACP, and does it wait for a login?"
                )
            }
            Self::Troubled(Trouble::Error(step, error)) => failed(name, *step, error),
            Self::Answered(answer) => match stopped(answer.stop_reason, refused) {
                None => return Ended::Well,
                Some(why) => format!("{name} {why}"),
            },
        };
        Ended::Badly(failure(cause))
    }
}

fn failure(cause: String) -> Failure {
    Failure {
        stage: Stage::Work,
        cause,
        detail: String::new(),
        maybe_done: false,
    }
}

/// Why an answered prompt is no finished turn; `None` where it is one.
fn stopped(reason: StopReason, refused: bool) -> Option<&'static str> {
    match reason {
        StopReason::EndTurn => None,
        StopReason::Cancelled if refused => None,
        StopReason::Cancelled => Some("broke off its turn by itself: try again"),
        StopReason::MaxTokens => {
            Some("reached the model's limit of tokens in the middle of its turn: ask for less")
        }
        StopReason::MaxTurnRequests => {
            Some("reached its own limit of requests in one turn: ask for less, or raise it there")
        }
        StopReason::Refusal => Some("refused to go on: change the goal or the skill"),
        // The enum may grow.
        _ => Some("ended its turn for a reason that is not known here: look at what it said"),
    }
}

fn failed(name: &str, step: Step, error: &Error) -> String {
    let step = step_words(step);
    if error.code == ErrorCode::AUTH_REQUIRED {
        return format!("{name} wants a login {step}: log in with the agent first, then try again");
    }
    if is_incoming_transport_closed(error) {
        return format!("{name} closed its output {step}: is this the command that speaks ACP?");
    }
    let words = words(error);
    let login = ["401", "403", "api key", "unauthorized", "login"];
    let said = words.to_lowercase();
    let next = if login.iter().any(|word| said.contains(word)) {
        "check its login or key, then try again"
    } else {
        "its last lines may say more; try again"
    };
    format!("{name} answered with an error {step}: {words}: {next}")
}

/// What an error says, with what agents put beside it, one line.
fn words(error: &Error) -> String {
    let beside = error.data.as_ref().and_then(|data| {
        let beside = ["message", "details", "reason"];
        let mut texts = beside.iter().filter_map(|name| data.get(name)?.as_str());
        texts.next().or(data.as_str())
    });
    // gemini puts the server's whole answer into the message.
    let inner: Option<Value> = serde_json::from_str(&error.message).ok();
    let inner = inner
        .as_ref()
        .and_then(|v| v.pointer("/error/message")?.as_str());
    let message = inner.unwrap_or(&error.message);
    let code = i32::from(error.code);
    let words = match beside {
        Some(beside) => format!("{message} ({code}): {beside}"),
        None => format!("{message} ({code})"),
    };
    cut(&inert(&words), 300)
}

fn step_words(step: Step) -> &'static str {
    match step {
        Step::Introduce => "when it was greeted",
        Step::Open => "when a session was opened",
        Step::SetMode => "when its mode was set",
        Step::Prompt => "at its work",
    }
}

/// An agent that ended before it had answered.
pub(super) fn gone(name: &str, exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!(
            "{name} ended with exit {code} before it was done: its last lines say why; then try again"
        ),
        Exit::Signal(_) => format!(
            "{name} was {exit}, not by checkride: is the machine out of memory? Then try again"
        ),
        Exit::KeeperLost => {
            format!("the keeper process of {name} was killed, and {name} with it: try again")
        }
    }
}
