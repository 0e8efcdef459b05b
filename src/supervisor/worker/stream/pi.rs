//! `pi --mode json`: messages that grow, each line with all of it once more. What counts is a
//! message's end; tokens and money come with it and add up. pi exits with 0 whatever happens.

use std::time::Duration;

use super::ending::LastWord;
use super::events::{Dialect, Page, think, unknown};
use super::json::Object;
use super::spent::Spent;
use super::tools::{Call, Fate};
use super::words::each_line;
use super::{End, Kind, Tell};

/// It tells every piece of an answer, and every retry before it waits.
const QUIET: Duration = Duration::from_secs(120);

/// Events that tell nothing that others do not tell better.
const SILENT: [&str; 12] = [
    "agent_start",
    "agent_end",
    "turn_start",
    "turn_end",
    "message_start",
    "tool_execution_update",
    "queue_update",
    "compaction_start",
    "compaction_end",
    "auto_compaction_start",
    "auto_compaction_end",
    "extension_ui_request",
];

/// What pi says of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Pi {
    /// How the last message ended; none while one is open.
    ended: Option<LastWord>,
    /// Whether the open message's words were told piece by piece.
    poured: bool,
    spent: Option<Spent>,
}

impl Dialect for Pi {
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        match &*event.word("type") {
            "session" => {
                page.in_session(event, "id");
                page.folder = event.word("cwd").into_owned();
            }
            "message_update" => self.piece(event, page, tell),
            "message_start" => self.begin(event, page, tell),
            "message_end" => match event.object("message") {
                Some(message) => self.message(&message, page, tell),
                None => unknown("message_end", event, tell),
            },
            "tool_execution_start" => {
                let arguments = event.object("args").unwrap_or_default();
                let (id, name) = (event.word("toolCallId"), event.word("toolName"));
                let call = Call::new(&id, &name, &arguments, &page.folder);
                page.calls.begin(call, tell);
            }
            "tool_execution_end" => Self::tool_end(event, page, tell),
            "auto_retry_start" => {
                page.waits_ms = event.number("delayMs");
                self.ended = None;
                let what = format!(
                    "{}: it asks again, {} of {}",
                    event.word("errorMessage"),
                    event.number("attempt"),
                    event.number("maxAttempts"),
                );
                tell(Kind::Error, &what);
            }
            "auto_retry_end" => {
                page.waits_ms = 0;
                if let Some(why) = event.text("finalError") {
                    self.ended = Some(LastWord::Failed(why.into_owned()));
                }
            }
            silent if SILENT.contains(&silent) => {}
            other => unknown(other, event, tell),
        }
    }

    fn spent(&self) -> Option<Spent> {
        self.spent
    }

    fn totals(&self) -> Option<Spent> {
        None
    }

    fn quiet_for(&self) -> Duration {
        QUIET
    }

    fn last_word(&mut self, _page: &mut Page, _end: &End<'_>, _tell: &mut Tell<'_>) -> LastWord {
        self.ended.take().unwrap_or(LastWord::Silent)
    }
}

impl Pi {
    /// A message begins. One of the operator's, as a queue feeds them, does not open an answer.
    fn begin(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        page.waits_ms = 0;
        page.words.close(tell);
        self.poured = false;
        let message = event.object("message").unwrap_or_default();
        if message.word("role") != "toolResult" {
            self.ended = None;
        }
    }

    /// A piece of an answer. All else in the line was told before.
    fn piece(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let Some(piece) = event.object("assistantMessageEvent") else {
            return unknown("message_update", event, tell);
        };
        match &*piece.word("type") {
            "text_delta" => {
                self.poured = true;
                page.words.pour(&piece.word("delta"), tell);
            }
            "text_end" => page.words.close(tell),
            _ => {}
        }
    }

    fn message(&mut self, message: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        if message.word("role") != "assistant" {
            return;
        }
        page.words.close(tell);
        for block in message.objects("content") {
            match &*block.word("type") {
                "text" if !self.poured => page.words.say(&block.word("text"), tell),
                "thinking" => think(&block.word("thinking"), tell),
                // Calls are told when they are carried out.
                "text" | "toolCall" => {}
                other => unknown(other, &block, tell),
            }
        }
        self.poured = false;
        if let Some(usage) = message.object("usage") {
            let step = usage_of(&usage);
            self.spent = Some(self.spent.map_or(step, |spent| spent.plus(step)));
        }
        let error = message.text("errorMessage");
        self.ended = Some(match &*message.word("stopReason") {
            "error" => {
                let why = error.unwrap_or_default();
                each_line(&why, &mut |line| tell(Kind::Error, line));
                LastWord::Failed(why.into_owned())
            }
            "aborted" => LastWord::Interrupted,
            "length" => LastWord::Failed("the model's answer was cut: it was too long".to_owned()),
            // The next message would follow.
            "toolUse" => LastWord::Silent,
            _ => LastWord::Done,
        });
    }

    fn tool_end(event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let result = event.object("result").unwrap_or_default();
        let parts = result.objects("content");
        let parts: Vec<_> = parts.map(|part| part.word("text").into_owned()).collect();
        let fate = if event.is_true("isError") {
            Fate::Failed
        } else {
            Fate::Done
        };
        let id = event.word("toolCallId");
        page.calls.end(&id, fate, &parts.join("\n"), tell);
        page.circles.progress();
    }
}

/// `input` is without cached tokens, `output` with thoughts.
fn usage_of(usage: &Object<'_>) -> Spent {
    let cost = usage.object("cost").and_then(|cost| cost.float("total"));
    Spent {
        input: usage
            .number("input")
            .saturating_add(usage.number("cacheWrite")),
        output: usage.number("output"),
        cached: usage.number("cacheRead"),
        ..Spent::default()
    }
    .costing(cost)
}
