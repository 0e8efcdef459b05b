//! Chat completions, as `OpenAI`, Ollama, llama.cpp, vLLM, `OpenRouter` and others speak it: the
//! body of a request, and what each event of the answer adds.

use serde_json::{Value, json};

use super::partial::{Partial, Told, Wrong, count, text};
use super::{Listener, Message, Outcome, Reply, Request, Stop, Tool, partial};
use crate::run::work::micro_usd;

/// Where a conversation goes, below the base address.
pub(super) const PATH: &str = "/chat/completions";

/// The only server that wants the most tokens under another name and refuses the common one.
const HOME: &str = "api.openai.com";

/// The body of a request.
pub(super) fn body(request: &Request<'_>) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": request.system })];
    for message in request.messages {
        match message {
            Message::User(text) => messages.push(json!({ "role": "user", "content": text })),
            Message::Model(reply) => messages.push(said(reply)),
            Message::Results(outcomes) => messages.extend(outcomes.iter().map(brought)),
        }
    }
    let most = if request.provider.authority() == HOME {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    let mut body = json!({
        "model": request.provider.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
        most: request.max_tokens,
    });
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

fn tool(tool: &Tool) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    })
}

fn said(reply: &Reply) -> Value {
    let calls = reply.calls.iter().map(|call| {
        // A server that puts arguments into a template wants JSON, whatever the model wrote.
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_ok();
        let arguments = if valid { &call.arguments } else { "{}" };
        json!({
            "id": call.id,
            "type": "function",
            "function": { "name": call.name, "arguments": arguments },
        })
    });
    let mut message = json!({ "role": "assistant", "content": reply.text });
    if !reply.calls.is_empty() {
        message["tool_calls"] = calls.collect();
    }
    message
}

fn brought(outcome: &Outcome) -> Value {
    json!({ "role": "tool", "tool_call_id": outcome.id, "content": outcome.text })
}

/// Adds one event to the answer.
pub(super) fn event(
    data: &str,
    answer: &mut Partial,
    hears: &mut dyn Listener,
) -> Result<(), Wrong> {
    if data.trim() == "[DONE]" {
        answer.over = true;
        return Ok(());
    }
    let value = partial::json(data)?;
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        return Err(told(error));
    }
    if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
        answer.told = Some(used(usage));
    }
    let Some(choice) = value.pointer("/choices/0") else {
        return Ok(());
    };
    let delta = choice.get("delta").unwrap_or(&Value::Null);
    for place in ["/reasoning_content", "/reasoning"] {
        let piece = text(delta, place);
        if !piece.is_empty() {
            answer.think(piece, hears)?;
            break;
        }
    }
    say(delta, answer, hears)?;
    for call in delta
        .get("tool_calls")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        add_call(call, answer)?;
    }
    if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
        answer.stop = Some(match reason {
            "length" | "model_length" => Stop::Length,
            "content_filter" => Stop::Refused(reason.to_owned()),
            _ if matches!(answer.stop, Some(Stop::Refused(_))) => return Ok(()),
            _ => Stop::Done,
        });
    }
    Ok(())
}

/// What it says: a text, or a list of parts with texts. A refusal is said too.
fn say(delta: &Value, answer: &mut Partial, hears: &mut dyn Listener) -> Result<(), Wrong> {
    match delta.get("content") {
        Some(Value::String(piece)) => answer.say(piece, hears)?,
        Some(Value::Array(parts)) => {
            for part in parts {
                answer.say(text(part, "/text"), hears)?;
            }
        }
        _ => {}
    }
    let refusal = text(delta, "/refusal");
    if !refusal.is_empty() {
        answer.say(refusal, hears)?;
        answer.stop = Some(Stop::Refused("refusal".to_owned()));
    }
    Ok(())
}

/// Adds a piece of a call. Servers leave out the place, the id, or write arguments as an object.
fn add_call(piece: &Value, answer: &mut Partial) -> Result<(), Wrong> {
    let id = text(piece, "/id");
    let last = answer.calls().saturating_sub(1);
    let index = match count(piece, "/index") {
        Some(index) => index,
        None if id.is_empty() => last,
        None => answer.calls(),
    };
    let (name, arguments) = (
        text(piece, "/function/name"),
        piece.pointer("/function/arguments"),
    );
    let arguments = match arguments {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(object)) => Value::Object(object.clone()).to_string(),
        _ => String::new(),
    };
    answer.grow(name)?;
    answer.grow(&arguments)?;
    let call = answer.call(index, id)?;
    if call.name.is_empty() {
        name.clone_into(&mut call.name);
    }
    call.arguments.push_str(&arguments);
    Ok(())
}

/// What an error says, in a stream or in a body: an object with a message, or the message alone.
pub(super) fn told(error: &Value) -> Wrong {
    let message = error.as_str().unwrap_or_else(|| text(error, "/message"));
    let code = match error.get("code") {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Number(code)) => code.to_string(),
        _ => String::new(),
    };
    let kind = [text(error, "/type"), &code].join(" ");
    Wrong::Told {
        kind: kind.trim().to_owned(),
        message: message.to_owned(),
    }
}

fn used(usage: &Value) -> Told {
    let cached = count(usage, "/prompt_tokens_details/cached_tokens").unwrap_or(0);
    let input = count(usage, "/prompt_tokens").unwrap_or(0);
    // OpenRouter tells the price, in dollars.
    let cost = usage.get("cost").and_then(Value::as_f64);
    Told {
        input: input.saturating_sub(cached),
        output: count(usage, "/completion_tokens"),
        thinking: count(usage, "/completion_tokens_details/reasoning_tokens").unwrap_or(0),
        cached,
        micro_usd: cost.and_then(micro_usd),
    }
}
