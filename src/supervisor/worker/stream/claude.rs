//! `claude --output-format stream-json`, which qwen prints too: messages block by block, results of
//! tools, and a `result` that says how it went. What it cost: `claude/bill.rs`.

mod bill;

use std::time::Duration;

use super::ending::LastWord;
use super::events::{Dialect, Page, think, unknown};
use super::json::{Object, string};
use super::spent::Spent;
use super::tools::{Call, Fate};
use super::{End, Kind, Tell};
use crate::run::inert::head;

use bill::Bill;

/// Longest silence that was seen: qwen asks a failing server again for 97 s and says nothing.
const QUIET: Duration = Duration::from_secs(120);

/// System events that tell the operator nothing.
const SILENT: [&str; 12] = [
    "status",
    "thinking_tokens",
    "task_started",
    "task_progress",
    "task_updated",
    "task_notification",
    "hook_started",
    "hook_progress",
    "hook_response",
    "files_persisted",
    "session_state_changed",
    "turn_duration",
];

/// What claude says of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Claude {
    /// How the last turn ended; none while one is open.
    ended: Option<LastWord>,
    /// Whether somebody stopped it.
    aborted: bool,
    /// The last error of the API that was told as a message.
    error: String,
    /// The last call that was denied.
    denied: Option<String>,
    bill: Bill,
}

impl Dialect for Claude {
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let kind = event.word("type");
        page.in_session(event, "session_id");
        match &*kind {
            "assistant" => self.assistant(event, page, tell),
            "user" => self.user(event, page, tell),
            "result" => self.result(event, page, tell),
            "system" => self.system(event, page, tell),
            "stream_event" => self.bill.piece(event),
            "control_request" => Self::asks(event, page, tell),
            "rate_limit_event" => Self::limit(event, page, tell),
            "control_response"
            | "control_cancel_request"
            | "keep_alive"
            | "tool_progress"
            | "tool_use_summary"
            | "auth_status"
            | "prompt_suggestion" => {}
            other => unknown(other, event, tell),
        }
    }

    fn spent(&self) -> Option<Spent> {
        self.bill.spent()
    }

    fn totals(&self) -> Option<Spent> {
        self.bill.totals()
    }

    fn quiet_for(&self) -> Duration {
        QUIET
    }

    fn last_word(&mut self, _page: &mut Page, _end: &End<'_>, _tell: &mut Tell<'_>) -> LastWord {
        match self.ended.take() {
            Some(last) => last,
            None if self.aborted => LastWord::Interrupted,
            None => LastWord::Silent,
        }
    }
}

impl Claude {
    fn assistant(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let Some(message) = event.object("message") else {
            return unknown("assistant", event, tell);
        };
        let helper = event.text("parent_tool_use_id").is_some();
        page.waits_ms = 0;
        if !helper {
            self.ended = None;
            self.aborted = event.is_true("aborted");
        }
        self.bill.message(&message);
        if event.is_true("is_api_error_message") {
            for block in message.objects("content") {
                self.error = block.word("text").into_owned();
                page.error(&self.error, tell);
            }
            return;
        }
        if let Some(text) = message.text("content") {
            say(&text, helper, page, tell);
        }
        for block in message.objects("content") {
            match &*block.word("type") {
                "text" => say(&block.word("text"), helper, page, tell),
                "thinking" => think(&block.word("thinking"), tell),
                "redacted_thinking" => think("(hidden by the provider)", tell),
                "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                    let input = block.object("input").unwrap_or_default();
                    let call =
                        Call::new(&block.word("id"), &block.word("name"), &input, &page.folder);
                    page.calls.begin(call, tell);
                }
                kind if kind.ends_with("_tool_result") => {
                    let id = block.word("tool_use_id");
                    page.calls.end(&id, Fate::Done, &content(&block), tell);
                }
                other => unknown(other, &block, tell),
            }
        }
    }

    fn user(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let Some(message) = event.object("message") else {
            return unknown("user", event, tell);
        };
        for block in message.objects("content") {
            match &*block.word("type") {
                "tool_result" => {
                    let id = block.word("tool_use_id");
                    let result = content(&block);
                    let fate = self.fate(&id, &block, event, &result);
                    page.calls.end(&id, fate, &result, tell);
                    if fate == Fate::Done {
                        page.circles.progress();
                    }
                }
                "text"
                    if block
                        .word("text")
                        .starts_with("[Request interrupted by user") =>
                {
                    self.aborted = true;
                }
                // What was asked of it, or of a subagent.
                "text" | "image" | "document" => {}
                other => unknown(other, &block, tell),
            }
        }
    }

    /// Whether a call ran, failed, or was denied: newer versions say so, older ones only in words.
    fn fate(&mut self, id: &str, block: &Object<'_>, event: &Object<'_>, result: &str) -> Fate {
        if !block.is_true("is_error") {
            return Fate::Done;
        }
        let rejected = |meta: &Object<'_>| {
            let decision = meta.object("permission_decision");
            let decision = decision.map(|d| d.word("decision").into_owned());
            meta.word("id") == id
                && (decision.as_deref() == Some("reject")
                    || meta.word("non_execution_kind") == "user-rejected")
        };
        let denied = self.denied.as_deref() == Some(id)
            || event.objects("tool_result_meta").any(|m| rejected(&m))
            || (result.contains("requested permissions") && result.contains("granted it yet"))
            || result.starts_with("The user doesn't want to proceed with this tool use");
        if denied { Fate::Refused } else { Fate::Failed }
    }

    fn system(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        match &*event.word("subtype") {
            "init" => {
                page.folder = event.word("cwd").into_owned();
                // Without a key it is logged in: its dollars are the worth of what the plan covers.
                page.plan = matches!(&*event.word("apiKeySource"), "none" | "oauth");
                self.bill.begin(event, page.spent_before());
            }
            "api_retry" => {
                page.waits_ms = event.number("retry_delay_ms");
                let status = event.number("error_status");
                let status = if status == 0 {
                    String::new()
                } else {
                    format!("{status} ")
                };
                let what = format!(
                    "{status}{}: it asks again, {} of {}",
                    event.word("error"),
                    event.number("attempt"),
                    event.number("max_retries"),
                );
                tell(Kind::Error, &what);
            }
            "permission_denied" => self.denied = event.text("tool_use_id").map(String::from),
            "compact_boundary" => tell(Kind::Said, "⟪the conversation was made shorter⟫"),
            silent if SILENT.contains(&silent) => {}
            other => unknown(other, event, tell),
        }
    }

    fn result(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        self.bill.result(event, page.spent_before());
        page.calls.clear();
        page.waits_ms = 0;
        page.words.close(tell);
        let text = event.word("result");
        let fine = !event.is_true("is_error") && event.word("subtype") == "success";
        if !text.is_empty() && text.trim() != page.words.text() {
            // It was said already, as a rule; an error's text is told as one.
            page.words.say(&text, &mut |kind, line| {
                if fine {
                    tell(kind, line);
                }
            });
        }
        // Denied by rules alone, with no line of its own.
        for denial in event.objects("permission_denials") {
            let id = denial.word("tool_use_id");
            if id == page.calls.last && page.calls.needs.is_none() {
                let input = denial.object("tool_input").unwrap_or_default();
                let call = Call::new(&id, &denial.word("tool_name"), &input, &page.folder);
                page.calls.refuse(&call.label, "", None, tell);
            }
        }
        let stopped = self.aborted || event.word("terminal_reason").starts_with("aborted");
        self.ended = Some(if fine {
            LastWord::Done
        } else if stopped {
            LastWord::Interrupted
        } else {
            let why = why(event);
            if why != self.error {
                page.error(&why, tell);
            }
            LastWord::Failed(why)
        });
        self.aborted = false;
    }

    /// A permission that somebody at the other end of its standard input should give.
    fn asks(event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let Some(request) = event.object("request") else {
            return unknown("control_request", event, tell);
        };
        if request.word("subtype") == "can_use_tool" {
            let input = request.object("input").unwrap_or_default();
            let call = Call::new("", &request.word("tool_name"), &input, &page.folder);
            let asked = format!("may it use {}?", call.label);
            tell(Kind::Question, &asked);
            page.calls.needs = Some(asked);
        }
    }

    fn limit(event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let Some(limit) = event.object("rate_limit_info") else {
            return;
        };
        if limit.word("status") == "rejected" {
            let kind = limit.word("rateLimitType");
            let until = limit.number("resetsAt").checked_mul(1_000);
            let until = until.and_then(|ms| i64::try_from(ms).ok());
            page.limited_until_ms = until.filter(|ms| *ms > 0);
            page.error(&format!("its usage limit {kind} is reached"), tell);
        }
    }
}

fn say(text: &str, helper: bool, page: &mut Page, tell: &mut Tell<'_>) {
    if helper {
        super::words::each_line(text, &mut |line| tell(Kind::Said, &format!("↳ {line}")));
    } else {
        page.words.say(text, tell);
    }
}

/// The text of a result: a string, or blocks of which some have text.
fn content(block: &Object<'_>) -> String {
    if let Some(text) = block.text("content") {
        return text.into_owned();
    }
    let parts = block.list("content").into_iter().map(|raw| {
        let part = Object::parse(raw).unwrap_or_default();
        match part.text("text") {
            Some(text) => text.into_owned(),
            None => match part.text("type") {
                Some(kind) => format!("({kind})"),
                None => string(raw).unwrap_or_default().into_owned(),
            },
        }
    });
    parts.collect::<Vec<_>>().join("\n")
}

/// Why it failed, from wherever this version says it.
fn why(event: &Object<'_>) -> String {
    let errors = event.list("errors");
    let errors = errors.into_iter().filter_map(string);
    let mut errors = errors.filter(|e| !e.starts_with("[ede_diagnostic]"));
    let inner = || {
        event
            .object("error")
            .and_then(|error| error.text("message"))
    };
    let why = event
        .text("result")
        .filter(|text| !text.trim().is_empty())
        .or_else(|| errors.next())
        .or_else(inner)
        .or_else(|| event.text("error"))
        .or_else(|| event.text("subtype"))
        .unwrap_or_default();
    head(&why, 4_000).to_owned()
}
