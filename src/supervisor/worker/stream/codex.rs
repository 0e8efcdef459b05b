//! `codex exec --json`: items that start and complete, and a turn that completes or fails.
//! Usage is the sum of the whole thread; an `error` line is not the end.

use std::time::Duration;

use super::ending::LastWord;
use super::events::{Dialect, Page, think, unknown};
use super::json::Object;
use super::spent::Spent;
use super::tools::{Call, Fate};
use super::{End, Kind, Tell};

/// An answer comes as one line at its end, and codex waits five minutes for a silent server.
const QUIET: Duration = Duration::from_secs(300);

/// What codex says of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Codex {
    /// How the last turn ended; none while one is open.
    ended: Option<LastWord>,
    /// The last error that may be the end.
    error: Option<String>,
    totals: Option<Spent>,
    before: Spent,
}

impl Dialect for Codex {
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let kind = event.word("type");
        match &*kind {
            "thread.started" => {
                page.in_session(event, "thread_id");
                self.before = page.spent_before();
            }
            "turn.started" => self.ended = None,
            "turn.completed" => {
                self.ended = Some(LastWord::Done);
                if let Some(usage) = event.object("usage") {
                    self.totals = Some(usage_of(&usage));
                }
            }
            "turn.failed" => {
                let why = event.object("error").map(|error| message(&error));
                let why = why.or_else(|| self.error.clone()).unwrap_or_default();
                // The same words came as an `error` line before.
                if self.error.as_ref() != Some(&why) {
                    page.error(&why, tell);
                }
                self.ended = Some(LastWord::Failed(why));
            }
            "turn.aborted" | "turn.interrupted" => self.ended = Some(LastWord::Interrupted),
            "error" => self.error(&message(event), page, tell),
            "item.started" | "item.updated" | "item.completed" => match event.object("item") {
                Some(item) => self.item(&kind, &item, page, tell),
                None => unknown(&kind, event, tell),
            },
            other => unknown(other, event, tell),
        }
    }

    fn spent(&self) -> Option<Spent> {
        self.totals.map(|totals| totals.since(self.before))
    }

    fn totals(&self) -> Option<Spent> {
        self.totals
    }

    fn quiet_for(&self) -> Duration {
        QUIET
    }

    fn last_word(&mut self, page: &mut Page, end: &End<'_>, tell: &mut Tell<'_>) -> LastWord {
        // A refused patch leaves no item: only standard error tells of it.
        for line in end.stderr.lines() {
            if let Some((_, why)) = line.split_once("error=patch rejected:") {
                let something_ran = page.calls.ran > 0;
                page.calls.refuse("patch", why.trim(), None, tell);
                if something_ran {
                    page.calls.needs = None;
                }
            }
        }
        match (self.ended.take(), self.error.take()) {
            (Some(last), _) => last,
            (None, Some(why)) => LastWord::Failed(why),
            (None, None) => LastWord::Silent,
        }
    }
}

impl Codex {
    fn error(&mut self, why: &str, page: &mut Page, tell: &mut Tell<'_>) {
        if why.starts_with("Reconnecting") {
            tell(Kind::Error, why);
        } else {
            page.error(why, tell);
            self.error = Some(why.to_owned());
        }
    }

    fn item(&mut self, kind: &str, item: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let over = kind == "item.completed";
        let what = item.text("type").or_else(|| item.text("item_type"));
        match what.as_deref().unwrap_or_default() {
            "agent_message" | "assistant_message" if over => {
                self.error = None;
                page.words.say(&item.word("text"), tell);
            }
            "reasoning" if over => think(&item.word("text"), tell),
            "error" => tell(Kind::Error, &message(item)),
            "command_execution" => self.command(over, item, page, tell),
            "file_change" if over => self.files(item, page, tell),
            "mcp_tool_call" | "collab_tool_call" => self.call(over, item, page, tell),
            "web_search" if over => {
                tell(Kind::Tool, &format!("web search: {}", item.word("query")));
            }
            "todo_list" if over => {
                let open = item.objects("items").filter(|i| !i.is_true("completed"));
                tell(Kind::Tool, &format!("plan: {} steps to go", open.count()));
            }
            // All else tells more when it is over.
            _ if !over => {}
            other => unknown(other, item, tell),
        }
    }

    fn command(&mut self, over: bool, item: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let id = item.word("id");
        if !page.calls.has(&id) {
            let command = item.word("command");
            let label = format!("shell: {}", bare(&command));
            page.calls.begin(Call::named(&id, &label), tell);
        }
        if over {
            let fate = fate(item);
            page.calls
                .end(&id, fate, &item.word("aggregated_output"), tell);
            self.moved_on(page);
        }
    }

    fn call(&mut self, over: bool, item: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let id = item.word("id");
        if !page.calls.has(&id) {
            let name = format!("{} {}", item.word("server"), item.word("tool"));
            let arguments = item.object("arguments").unwrap_or_default();
            let call = Call::new(&id, name.trim(), &arguments, &page.folder);
            page.calls.begin(call, tell);
        }
        if over {
            let result = match item.object("error") {
                Some(error) => message(&error),
                None => item.raw("result").unwrap_or_default().to_owned(),
            };
            page.calls.end(&id, fate(item), &result, tell);
            self.moved_on(page);
        }
    }

    fn files(&mut self, item: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let fate = fate(item);
        let changes: Vec<_> = item
            .objects("changes")
            .map(|change| (change.word("path"), change.word("kind")))
            .collect();
        let words: Vec<_> = changes.iter().map(|(p, k)| format!("{k} {p}")).collect();
        let label = format!("patch: {}", words.join(", "));
        let id = item.word("id");
        page.calls.begin(Call::named(&id, &label), tell);
        page.calls.end(&id, fate, "", tell);
        if fate == Fate::Done {
            for (path, _) in changes {
                page.calls.changed(&path, tell);
            }
        }
        self.moved_on(page);
    }

    fn moved_on(&mut self, page: &mut Page) {
        self.error = None;
        page.circles.progress();
    }
}

fn fate(item: &Object<'_>) -> Fate {
    match &*item.word("status") {
        "declined" | "rejected" | "denied" => Fate::Refused,
        "failed" | "error" => Fate::Failed,
        _ if item
            .raw("exit_code")
            .is_some_and(|c| c != "0" && c != "null") =>
        {
            Fate::Failed
        }
        _ => Fate::Done,
    }
}

/// The command without the shell around it.
fn bare(command: &str) -> &str {
    let Some((shell, rest)) = command.split_once(" -lc ") else {
        return command;
    };
    let inner = rest.strip_prefix('\'').and_then(|c| c.strip_suffix('\''));
    match inner {
        Some(inner) if shell.ends_with("sh") && !inner.contains('\'') => inner,
        Some(_) | None => command,
    }
}

/// What an error says; a server's JSON in it is unpacked.
fn message(error: &Object<'_>) -> String {
    let text = error.word("message");
    let inner = Object::parse(&text).and_then(|body| {
        let inside = body.object("error");
        inside
            .as_ref()
            .unwrap_or(&body)
            .text("message")
            .map(String::from)
    });
    inner.unwrap_or_else(|| text.into_owned())
}

/// `input_tokens` holds the cached ones, `output_tokens` the thoughts.
fn usage_of(usage: &Object<'_>) -> Spent {
    let cached = usage.number("cached_input_tokens");
    Spent {
        input: usage.number("input_tokens").saturating_sub(cached),
        output: usage.number("output_tokens"),
        cached,
        thinking: usage.number("reasoning_output_tokens"),
        ..Spent::default()
    }
}
