//! Messages, as Anthropic speaks it: the body of a request, and what each event of the answer adds.

use serde_json::{Value, json};

use super::partial::{Partial, Told, Wrong, count, text};
use super::{Listener, Message, Outcome, Reply, Request, Stop, Thought, Tool, partial};

/// Where a conversation goes, below the base address.
pub(super) const PATH: &str = "/messages";

/// The version of the interface that is spoken.
pub(super) const VERSION: &str = "2023-06-01";

/// The body of a request. Where there are tools the conversation will go on, so its beginning is
/// marked to be kept in the server's cache.
pub(super) fn body(request: &Request<'_>) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(message).collect();
    let mut body = json!({
        "model": request.provider.model,
        "max_tokens": request.max_tokens,
        "system": request.system,
        "stream": true,
    });
    if !request.tools.is_empty() {
        let last = messages.last_mut().and_then(|m| m.get_mut("content"));
        if let Some(block) = last
            .and_then(Value::as_array_mut)
            .and_then(|c| c.last_mut())
        {
            block["cache_control"] = json!({ "type": "ephemeral" });
        }
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body["messages"] = messages.into();
    body
}

fn message(message: &Message) -> Value {
    match message {
        Message::User(text) => {
            json!({ "role": "user", "content": [{ "type": "text", "text": text }] })
        }
        Message::Model(reply) => json!({ "role": "assistant", "content": said(reply) }),
        Message::Results(outcomes) => {
            let content: Value = outcomes.iter().map(brought).collect();
            json!({ "role": "user", "content": content })
        }
    }
}

fn said(reply: &Reply) -> Vec<Value> {
    let thoughts = reply.thinking.iter().filter_map(|thought| {
        if thought.hidden {
            return Some(json!({ "type": "redacted_thinking", "data": thought.text }));
        }
        // A thought without the server's mark would be refused.
        (!thought.signature.is_empty()).then(|| {
            json!({
                "type": "thinking",
                "thinking": thought.text,
                "signature": thought.signature,
            })
        })
    });
    // The server refuses an empty text.
    let text =
        (!reply.text.trim().is_empty()).then(|| json!({ "type": "text", "text": reply.text }));
    let calls = reply.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let input = if input.is_object() { input } else { json!({}) };
        json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
    });
    thoughts.chain(text).chain(calls).collect()
}

fn brought(outcome: &Outcome) -> Value {
    json!({
        "type": "tool_result",
        "tool_use_id": outcome.id,
        "content": outcome.text,
        "is_error": outcome.failed,
    })
}

fn tool(tool: &Tool) -> Value {
    json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.parameters,
    })
}

/// Adds one event to the answer.
pub(super) fn event(
    data: &str,
    answer: &mut Partial,
    hears: &mut dyn Listener,
) -> Result<(), Wrong> {
    let value = partial::json(data)?;
    match text(&value, "/type") {
        "message_start" => {
            used(value.pointer("/message/usage"), answer);
            // The count at the beginning is of the first piece alone.
            answer.told = answer.told.map(|told| Told {
                output: None,
                ..told
            });
        }
        "content_block_start" => begin(&value, answer, hears)?,
        "content_block_delta" => add(&value, answer, hears)?,
        "message_delta" => {
            used(value.get("usage"), answer);
            answer.stop = match text(&value, "/delta/stop_reason") {
                "" => answer.stop.take(),
                "max_tokens" | "model_context_window_exceeded" => Some(Stop::Length),
                reason @ "refusal" => Some(Stop::Refused(reason.to_owned())),
                _ => Some(Stop::Done),
            };
        }
        "message_stop" => answer.over = true,
        "error" => return Err(told(value.get("error").unwrap_or(&Value::Null))),
        // `ping`, `content_block_stop`, and what is still to be invented.
        _ => {}
    }
    Ok(())
}

fn begin(value: &Value, answer: &mut Partial, hears: &mut dyn Listener) -> Result<(), Wrong> {
    let block = value.get("content_block").unwrap_or(&Value::Null);
    match text(block, "/type") {
        "text" => answer.say(text(block, "/text"), hears),
        "thinking" => {
            answer.thought(Thought::default())?;
            answer.think(text(block, "/thinking"), hears)
        }
        "redacted_thinking" => answer.thought(Thought {
            text: text(block, "/data").to_owned(),
            signature: String::new(),
            hidden: true,
        }),
        "tool_use" => {
            let name = text(block, "/name");
            answer.grow(name)?;
            let index = count(value, "/index").unwrap_or_else(|| answer.calls());
            let call = answer.call(index, text(block, "/id"))?;
            name.clone_into(&mut call.name);
            // Other servers of this interface send the whole input at once.
            if let Some(input) = block
                .get("input")
                .filter(|i| i.as_object().is_some_and(|o| !o.is_empty()))
            {
                call.arguments = input.to_string();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn add(value: &Value, answer: &mut Partial, hears: &mut dyn Listener) -> Result<(), Wrong> {
    let delta = value.get("delta").unwrap_or(&Value::Null);
    match text(delta, "/type") {
        "text_delta" => answer.say(text(delta, "/text"), hears),
        "thinking_delta" => answer.think(text(delta, "/thinking"), hears),
        "signature_delta" => answer.sign(text(delta, "/signature")),
        "input_json_delta" => {
            let piece = text(delta, "/partial_json");
            answer.grow(piece)?;
            let last = answer.calls().saturating_sub(1);
            let index = count(value, "/index").unwrap_or(last);
            answer.call(index, "")?.arguments.push_str(piece);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What an error says, in a stream or in a body.
fn told(error: &Value) -> Wrong {
    Wrong::Told {
        kind: text(error, "/type").to_owned(),
        message: text(error, "/message").to_owned(),
    }
}

/// Takes the counts; later ones are whole counts too and replace the earlier.
fn used(usage: Option<&Value>, answer: &mut Partial) {
    let Some(usage) = usage.filter(|usage| usage.is_object()) else {
        return;
    };
    let before = answer.told.unwrap_or_default();
    let fresh = count(usage, "/input_tokens").filter(|&fresh| fresh > 0 || before.input == 0);
    let kept = count(usage, "/cache_creation_input_tokens").unwrap_or(0);
    answer.told = Some(Told {
        input: fresh.map_or(before.input, |fresh| fresh.saturating_add(kept)),
        output: count(usage, "/output_tokens").or(before.output),
        cached: count(usage, "/cache_read_input_tokens").unwrap_or(before.cached),
        ..before
    });
}
