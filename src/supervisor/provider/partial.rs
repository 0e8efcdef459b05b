//! An answer while it grows, whichever interface it comes over, and what of it is charged.

use serde_json::Value;

use super::sse::Broken;
use super::{Listener, Reply, Stop, Thought, ToolCall};
use crate::run::Usage;
use crate::supervisor::redactor::Redactor;

/// Most bytes of one answer: no model says as much.
const LONGEST: usize = 16 << 20;

/// Most calls of one answer.
const MOST_CALLS: usize = 128;

/// What is wrong with the stream of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no stream of events, or an event is no JSON; what of it.
    Malformed(String),
    /// It is too large; what of it.
    TooLarge(String),
    /// The server says that it failed: its word for the kind, and its message.
    Told { kind: String, message: String },
}

impl From<Broken> for Wrong {
    fn from(broken: Broken) -> Self {
        Self::Malformed(broken.0)
    }
}

/// What the server says of its use of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// In, without what came from a cache.
    pub(super) input: u64,
    /// Out, thinking included.
    pub(super) output: Option<u64>,
    /// Of `output`, thinking.
    pub(super) thinking: u64,
    /// Read from a cache.
    pub(super) cached: u64,
    /// Millionths of a dollar.
    pub(super) micro_usd: Option<u64>,
}

/// An answer while it grows.
#[derive(Debug, Default)]
pub(super) struct Partial {
    text: String,
    thinking: Vec<Thought>,
    calls: Vec<(u64, ToolCall)>,
    pub(super) stop: Option<Stop>,
    pub(super) told: Option<Told>,
    /// The server's last event has come.
    pub(super) over: bool,
    /// Bytes of everything together.
    size: usize,
}

impl Partial {
    pub(super) fn say(&mut self, piece: &str, hears: &mut dyn Listener) -> Result<(), Wrong> {
        self.grow(piece)?;
        self.text.push_str(piece);
        hears.said(piece);
        Ok(())
    }

    /// The piece continues the last thought; [`Self::thought`] begins one.
    pub(super) fn think(&mut self, piece: &str, hears: &mut dyn Listener) -> Result<(), Wrong> {
        self.grow(piece)?;
        if self.thinking.is_empty() {
            self.thinking.push(Thought::default());
        }
        if let Some(thought) = self.thinking.last_mut() {
            thought.text.push_str(piece);
        }
        hears.thought(piece);
        Ok(())
    }

    pub(super) fn thought(&mut self, thought: Thought) -> Result<(), Wrong> {
        self.grow(&thought.text)?;
        self.thinking.push(thought);
        Ok(())
    }

    pub(super) fn sign(&mut self, piece: &str) -> Result<(), Wrong> {
        self.grow(piece)?;
        if let Some(thought) = self.thinking.last_mut() {
            thought.signature.push_str(piece);
        }
        Ok(())
    }

    /// The call at this place of the answer; one with another id there is another call.
    pub(super) fn call(&mut self, index: u64, id: &str) -> Result<&mut ToolCall, Wrong> {
        let same = |(at, call): &&mut (u64, ToolCall)| {
            *at == index && (id.is_empty() || call.id.is_empty() || call.id == id)
        };
        let found = self.calls.iter_mut().rev().find(same).is_some();
        if !found {
            if self.calls.len() >= MOST_CALLS {
                return Err(Wrong::TooLarge(format!(
                    "more than {MOST_CALLS} tool calls"
                )));
            }
            self.calls.push((index, ToolCall::default()));
        }
        let Some((_, call)) = self.calls.iter_mut().rev().find(|(at, _)| *at == index) else {
            return Err(Wrong::Malformed("a tool call without a place".to_owned()));
        };
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        Ok(call)
    }

    /// How many calls there are.
    pub(super) fn calls(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Makes room for more bytes of anything.
    pub(super) fn grow(&mut self, piece: &str) -> Result<(), Wrong> {
        self.size += piece.len();
        if self.size > LONGEST {
            let mib = LONGEST >> 20;
            return Err(Wrong::TooLarge(format!("an answer of more than {mib} MiB")));
        }
        Ok(())
    }

    /// Whether anything was said, thought or called.
    pub(super) fn is_empty(&self) -> bool {
        self.size == 0 && self.calls.is_empty()
    }

    /// What it has cost so far: as the server says, else by bytes (PRODUCT §5.20).
    pub(super) fn usage(&self, asked: usize) -> Usage {
        let estimate = Usage::estimate(asked as u64, self.size as u64);
        match self.told {
            None => estimate,
            Some(Told {
                output: None,
                input,
                cached,
                ..
            }) => Usage {
                tokens: input.saturating_add(estimate.output),
                cached,
                ..estimate
            },
            Some(Told {
                input,
                output: Some(output),
                thinking,
                cached,
                micro_usd,
            }) => Usage {
                tokens: input.saturating_add(output),
                output,
                thinking,
                cached,
                estimated: false,
                micro_usd,
                ..Usage::default()
            },
        }
    }

    /// The whole answer, clean of secrets; calls without an id get one.
    pub(super) fn finish(self, asked: usize, redactor: &Redactor) -> Reply {
        let usage = self.usage(asked);
        let clean = |text: &str| redactor.clean(text).into_owned();
        let calls = self
            .calls
            .into_iter()
            .enumerate()
            .map(|(i, (_, call))| ToolCall {
                id: match call.id.as_str() {
                    "" => format!("call_{}", i + 1),
                    id => clean(id),
                },
                name: clean(&call.name),
                arguments: clean(&call.arguments),
            });
        let thinking = self.thinking.into_iter().map(|thought| Thought {
            text: clean(&thought.text),
            ..thought
        });
        Reply {
            text: clean(&self.text),
            thinking: thinking.collect(),
            calls: calls.collect(),
            stop: self.stop.unwrap_or_default(),
            usage,
        }
    }
}

/// Reads one event's data as JSON.
pub(super) fn json(data: &str) -> Result<Value, Wrong> {
    serde_json::from_str(data).map_err(|_| {
        let shown: String = data.chars().take(80).collect();
        Wrong::Malformed(format!("the event «{shown}»"))
    })
}

/// A text at this place of a value; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, place: &str) -> &'a str {
    value
        .pointer(place)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A count at this place of a value.
pub(super) fn count(value: &Value, place: &str) -> Option<u64> {
    value.pointer(place).and_then(Value::as_u64)
}
