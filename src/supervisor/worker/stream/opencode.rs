//! `opencode run --format json`: parts of messages, told when they are whole. Tokens and money come
//! by step and add up; an `error` line may be the end or not, and may come for ever.

use std::time::Duration;

use super::ending::LastWord;
use super::events::{Dialect, Page, think, unknown};
use super::json::Object;
use super::spent::{Spent, Steps};
use super::tools::{Call, Fate};
use super::{End, Tell};

/// It asks a failing server again for 90 s without a word, and tells of a tool only when it has
/// ended: its own limit for a command is two minutes.
const QUIET: Duration = Duration::from_secs(240);

/// What opencode says of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Opencode {
    /// How the last step ended; none while one is open.
    ended: Option<LastWord>,
    /// An error after which nothing has come.
    error: Option<String>,
    steps: Steps,
    /// The message that the last text is a part of.
    message: String,
}

impl Dialect for Opencode {
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let kind = event.word("type");
        page.in_session(event, "sessionID");
        let part = event.object("part").unwrap_or_default();
        match &*kind {
            "step_start" => self.ended = None,
            // Words that opencode puts into the conversation itself.
            "text" if part.is_true("synthetic") => {}
            "text" => self.text(&part, page, tell),
            "reasoning" => think(&part.word("text"), tell),
            "tool_use" => self.tool(&part, page, tell),
            "step_finish" => self.step(&part),
            "error" => {
                let why = event.object("error").map(|error| message(&error));
                let why = why.or_else(|| event.text("error").map(String::from));
                let why = why.unwrap_or_else(|| "an error without a message".to_owned());
                page.error(&why, tell);
                self.error = Some(why);
            }
            other => unknown(other, event, tell),
        }
    }

    fn spent(&self) -> Option<Spent> {
        (!self.steps.is_empty()).then(|| self.steps.total())
    }

    fn totals(&self) -> Option<Spent> {
        None
    }

    fn quiet_for(&self) -> Duration {
        QUIET
    }

    fn last_word(&mut self, page: &mut Page, end: &End<'_>, tell: &mut Tell<'_>) -> LastWord {
        if page.calls.refused.is_empty()
            && let Some(line) = end.stderr.lines().rfind(|l| l.contains("auto-rejecting"))
        {
            let what = line
                .split_once("permission requested:")
                .map(|(_, what)| what);
            let what = what.unwrap_or(line).trim_end_matches("; auto-rejecting");
            let something_ran = page.calls.ran > 0;
            page.calls.refuse(what.trim(), "", None, tell);
            if something_ran {
                page.calls.needs = None;
            }
        }
        match (self.error.take(), self.ended.take()) {
            (Some(why), _) => LastWord::Failed(why),
            // A refusal ends the run where it stands: after a step that wanted tools.
            (None, Some(LastWord::Silent)) if page.calls.needs.is_some() => LastWord::Done,
            (None, Some(last)) => last,
            (None, None) => LastWord::Silent,
        }
    }
}

impl Opencode {
    /// A part of a message; a message may have several.
    fn text(&mut self, part: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        self.error = None;
        let (message, text) = (part.word("messageID"), part.word("text"));
        if message == self.message && !message.is_empty() {
            page.words.add(&text, tell);
        } else {
            page.words.say(&text, tell);
            self.message = message.into_owned();
        }
    }

    /// A call, told when it is over.
    fn tool(&mut self, part: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let state = part.object("state").unwrap_or_default();
        let id = part.word("callID");
        let input = state.object("input").unwrap_or_default();
        let call = Call::new(&id, &part.word("tool"), &input, &page.folder);
        page.calls.begin(call, tell);
        let error = state.word("error");
        let exit = state
            .object("metadata")
            .and_then(|meta| meta.float("exit"))
            .unwrap_or(0.0);
        let fate = match &*state.word("status") {
            "error" if error.contains("rejected permission") || error.contains("prevents you") => {
                Fate::Refused
            }
            "error" => Fate::Failed,
            _ if exit == 0.0 => Fate::Done,
            _ => Fate::Failed,
        };
        let output = state.text("output").unwrap_or(error);
        page.calls.end(&id, fate, &output, tell);
        self.error = None;
        if fate != Fate::Refused {
            page.circles.progress();
        }
    }

    fn step(&mut self, part: &Object<'_>) {
        let id = part.word("id");
        let tokens = part.object("tokens").unwrap_or_default();
        self.steps
            .put(&id, usage(&tokens).costing(part.float("cost")));
        self.ended = Some(match &*part.word("reason") {
            // The next step would follow.
            "tool-calls" => LastWord::Silent,
            "length" => LastWord::Failed("the model's answer was cut: it was too long".to_owned()),
            "content-filter" => LastWord::Failed("the provider's filter cut the answer".to_owned()),
            "error" => LastWord::Failed("the model's answer ended with an error".to_owned()),
            _ => LastWord::Done,
        });
    }
}

/// `input` and `output` are without cached tokens and thoughts; `total` tells where they are not.
fn usage(tokens: &Object<'_>) -> Spent {
    let cache = tokens.object("cache").unwrap_or_default();
    let input = tokens.number("input").saturating_add(cache.number("write"));
    let (output, thinking) = (tokens.number("output"), tokens.number("reasoning"));
    let cached = cache.number("read");
    let without = input.saturating_add(output).saturating_add(cached);
    let inside = tokens.number("total") == without;
    Spent {
        input,
        output: if inside {
            output
        } else {
            output.saturating_add(thinking)
        },
        cached,
        thinking,
        ..Spent::default()
    }
}

/// What an error says; a provider's JSON in it is unpacked.
fn message(error: &Object<'_>) -> String {
    let data = error.object("data").unwrap_or_default();
    let text = data
        .text("message")
        .or_else(|| error.text("message"))
        .or_else(|| error.text("name"))
        .unwrap_or_default();
    let inner = Object::parse(&text).and_then(|body| body.text("message").map(String::from));
    inner.unwrap_or_else(|| text.into_owned())
}
