//! `gemini --output-format stream-json`: answers in pieces, tools, and a `result` at the end.
//! After a retry the same pieces come again without a mark. Reads `--output-format json` as well.

use std::time::Duration;

use jiff::Timestamp;

use super::ending::LastWord;
use super::events::{Dialect, Page, unknown};
use super::json::Object;
use super::spent::Spent;
use super::tools::{Call, Fate};
use super::{End, Kind, Tell};

/// It asks a failing server again for 207 s, and tells so on standard error only.
const QUIET: Duration = Duration::from_secs(240);

/// Shortest piece by which a retry is known: shorter ones come twice in honest answers.
const TELLING_PIECE: usize = 8;

/// Shortest pause before a retry; the shortest that was seen is 1.1 s.
const RETRY_PAUSE_MS: i128 = 700;

/// What gemini says of its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Gemini {
    ended: Option<LastWord>,
    /// An error after which nothing has come.
    error: Option<String>,
    /// When the last piece of an answer came.
    last_piece: Option<Timestamp>,
    spent: Option<Spent>,
}

impl Dialect for Gemini {
    fn event(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let kind = event.word("type");
        page.in_session(event, "session_id");
        if kind != "message" {
            page.words.close(tell);
        }
        match &*kind {
            "init" => {}
            "message" => self.message(event, page, tell),
            "tool_use" => {
                self.error = None;
                let input = event.object("parameters").unwrap_or_default();
                let name = event.word("tool_name");
                let call = Call::new(&event.word("tool_id"), &name, &input, &page.folder);
                page.calls.begin(call, tell);
            }
            "tool_result" => Self::tool_result(event, page, tell),
            "error" => {
                let why = event.word("message");
                page.error(&why, tell);
                self.error = Some(why.into_owned());
            }
            "result" => self.result(event, page, tell),
            "" if event.raw("stats").is_some() || event.raw("response").is_some() => {
                self.whole(event, page, tell);
            }
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

impl Gemini {
    fn message(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        if event.word("role") == "user" {
            return;
        }
        self.error = None;
        self.ended = None;
        let piece = event.word("content");
        if !event.is_true("delta") {
            return page.words.say(&piece, tell);
        }
        let at = event.text("timestamp").and_then(|at| at.parse().ok());
        if self.begins_again(&piece, at, page.words.saying()) {
            page.words.again();
            tell(Kind::Error, "it asks again and begins its answer anew");
        }
        self.last_piece = at;
        page.words.pour(&piece, tell);
    }

    /// Whether this piece begins an answer anew that was `said` in part: it repeats its beginning,
    /// and it comes after the pause of a retry.
    fn begins_again(&self, piece: &str, at: Option<Timestamp>, said: &str) -> bool {
        let paused = match (self.last_piece, at) {
            (Some(last), Some(at)) => at.duration_since(last).as_millis() >= RETRY_PAUSE_MS,
            (Some(_) | None, _) => false,
        };
        paused && piece.len() >= TELLING_PIECE && said.starts_with(piece)
    }

    fn tool_result(event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        let error = event.object("error").unwrap_or_default();
        let fate = match (&*event.word("status"), &*error.word("type")) {
            ("error", "policy_violation" | "permission_denied" | "tool_denied") => Fate::Refused,
            ("error", _) if error.word("message").contains("denied by policy") => Fate::Refused,
            ("error", _) => Fate::Failed,
            _ => Fate::Done,
        };
        let output = event.text("output").or_else(|| error.text("message"));
        let output = output.unwrap_or_default();
        page.calls.end(&event.word("tool_id"), fate, &output, tell);
        if fate == Fate::Done {
            page.circles.progress();
        }
    }

    /// Its last word. «success» after an error means that it gave up: its loop guard says so.
    fn result(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        // A run that broke off says 0 although a model was heard: that is unknown.
        let heard = !page.words.text().is_empty();
        let spent = event.object("stats").map(|stats| usage(&stats));
        self.spent = spent.filter(|spent| spent.tokens() > 0 || !heard);
        page.calls.clear();
        let error = event.object("error").map(|error| message(&error));
        let why = error.or_else(|| self.error.take());
        self.ended = Some(match (&*event.word("status"), why) {
            ("success", None) => LastWord::Done,
            (_, Some(why)) => {
                if event.raw("error").is_some() {
                    page.error(&why, tell);
                }
                LastWord::Failed(why)
            }
            (status, None) => LastWord::Failed(format!("gemini ended with status {status}")),
        });
    }

    /// The one object of `--output-format json`.
    fn whole(&mut self, event: &Object<'_>, page: &mut Page, tell: &mut Tell<'_>) {
        if let Some(response) = event.text("response") {
            page.words.say(&response, tell);
        }
        let stats = event.object("stats").unwrap_or_default();
        if let Some(models) = stats.object("models") {
            let each = models.fields().filter_map(|(_, model)| {
                let tokens = Object::parse(model)?.object("tokens")?;
                Some(by_model(&tokens))
            });
            self.spent = Some(each.fold(Spent::default(), Spent::plus));
        }
        self.ended = Some(match event.object("error").map(|error| message(&error)) {
            None => LastWord::Done,
            Some(why) => {
                page.error(&why, tell);
                LastWord::Failed(why)
            }
        });
    }
}

/// `input_tokens` holds the cached ones, `total_tokens` also what was thought.
fn usage(stats: &Object<'_>) -> Spent {
    let (input, output) = (stats.number("input_tokens"), stats.number("output_tokens"));
    let cached = stats.number("cached");
    let thinking = stats
        .number("total_tokens")
        .saturating_sub(input.saturating_add(output));
    Spent {
        input: input.saturating_sub(cached),
        output: output.saturating_add(thinking),
        cached,
        thinking,
        ..Spent::default()
    }
}

fn by_model(tokens: &Object<'_>) -> Spent {
    let (cached, thinking) = (tokens.number("cached"), tokens.number("thoughts"));
    Spent {
        input: tokens
            .number("prompt")
            .saturating_sub(cached)
            .saturating_add(tokens.number("tool")),
        output: tokens.number("candidates").saturating_add(thinking),
        cached,
        thinking,
        ..Spent::default()
    }
}

/// What an error says; the server's JSON in it is unpacked.
fn message(error: &Object<'_>) -> String {
    let text = error.word("message");
    let body = text
        .strip_prefix("[API Error: ")
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&text);
    let inner = Object::parse(body).and_then(|body| {
        let error = body.object("error")?;
        let code = error.number("code");
        Some(format!("{code} {}", error.text("message")?))
    });
    inner.unwrap_or_else(|| body.to_owned())
}
