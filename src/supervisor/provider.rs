//! A model behind an HTTP interface, as workers and judges use it: what is asked, what is answered.
//! One call lies in `call`, calling again in `again`, each interface and the faults in files below.

mod again;
mod anthropic;
mod call;
mod fault;
mod openai;
mod partial;
mod pause;
mod sse;
mod till;

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use crate::run::spec::Provider;
use crate::run::{Purse, Usage};
use crate::supervisor::clock::Clock;

pub use again::{Asking, Sum};
pub use call::Client;
pub use fault::{Again, Fault};
pub use till::{Grant, Till, Want};

/// How long a server may take, and how soon it is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the head of the answer; a local server may load its model meanwhile.
    pub first_byte: Duration,
    /// Between two pieces of the answer; a model that thinks may say nothing for minutes.
    pub silence: Duration,
    /// Before the first new try; doubled each time, up to 60 times as long.
    pub backoff: Duration,
    /// How long what passes is asked again even when all tries are used up: a server that starts anew
    /// is back in a minute or two.
    pub outage: Duration,
    /// A wait that a server asks for is a usage limit if it is longer; it uses up no try.
    pub limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(5 * 60),
            silence: Duration::from_secs(5 * 60),
            backoff: Duration::from_millis(500),
            outage: Duration::from_secs(90),
            limit: Duration::from_secs(60),
        }
    }
}

/// All that is needed to reach the model that a loop names.
#[derive(Debug, Clone)]
pub struct Reach<'a> {
    /// Who is asked.
    pub provider: &'a Provider,
    /// The value of the variable that the provider names, from the host's environment.
    pub key: Option<OsString>,
    /// How long it may take.
    pub patience: Patience,
    /// What time it is.
    pub clock: &'a Clock,
    /// What the run may still use.
    pub till: Till,
}

/// What a run may still use, in tokens, whichever cap leaves no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Tokens, in and out.
    pub tokens: u64,
    /// The cap that leaves no more.
    pub purse: Purse,
}

impl Left {
    /// So many tokens under the cap on tokens.
    pub fn of_tokens(tokens: u64) -> Self {
        Self {
            tokens,
            purse: Purse::Tokens,
        }
    }

    /// As many tokens as what is left of the money pays for, where that is less.
    #[must_use]
    pub fn or_of_money(self, tokens: u64) -> Self {
        if tokens >= self.tokens {
            return self;
        }
        Self {
            tokens,
            purse: Purse::Money,
        }
    }

    /// What is left when this is spent.
    #[must_use]
    pub fn less(self, spent: u64) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(spent),
            ..self
        }
    }
}

impl Reach<'_> {
    /// The way to the server, made beside this thread: the system's certificates are read for it.
    pub async fn client(&self) -> Result<Client, Fault> {
        let (provider, key) = (self.provider.clone(), self.key.clone());
        let patience = self.patience;
        let made = tokio::task::spawn_blocking(move || Client::new(&provider, key, patience));
        match made.await {
            Ok(client) => client,
            Err(e) => Err(Fault::new(Again::No, format!("no way to the server: {e}"))),
        }
    }
}

/// One call of a model: the whole conversation so far.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who is asked.
    pub provider: &'a Provider,
    /// What the model is told to be.
    pub system: &'a str,
    /// What was said so far, from the first.
    pub messages: &'a [Message],
    /// What it may call; empty for none.
    pub tools: &'a [Tool],
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// What is asked.
    User(String),
    /// What the model answered.
    Model(Reply),
    /// What its calls brought, in their order.
    Results(Vec<Outcome>),
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// A whole answer, without any secret.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// What it said.
    pub text: String,
    /// What it thought, where the server tells.
    pub thinking: Vec<Thought>,
    /// What it wants to be done.
    pub calls: Vec<ToolCall>,
    /// Why it ended.
    pub stop: Stop,
    /// What it cost.
    pub usage: Usage,
}

/// One piece of thinking, and the server's own mark on it, which it wants back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thought {
    /// The words; or, where `hidden`, what the server keeps of them.
    pub text: String,
    /// The mark.
    pub signature: String,
    /// Whether the words are kept from the reader.
    pub hidden: bool,
}

/// One call that a model wants made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The server's name for the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON, if the model kept to it.
    pub arguments: String,
}

/// What a call brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The call's name.
    pub id: String,
    /// What the model is told.
    pub text: String,
    /// Whether it failed or was refused.
    pub failed: bool,
}

/// Why an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stop {
    /// It was complete, or wants its calls made.
    #[default]
    Done,
    /// It reached its most tokens.
    Length,
    /// The provider would not answer this; its word for why.
    Refused(String),
}

/// Hears an answer while it comes. Texts are pieces, and not clean of secrets yet.
pub trait Listener {
    /// The next piece of what it says.
    fn said(&mut self, piece: &str);
    /// The next piece of what it thinks.
    fn thought(&mut self, piece: &str);
    /// What the call in flight has used so far.
    fn used(&mut self, so_far: Usage);
    /// The answer broke off: what was said of it does not count, and it is asked again. One line
    /// of why and when, clean.
    fn again(&mut self, why: &str);
    /// A good moment to write and to show what was heard.
    fn pause(&mut self);
}
