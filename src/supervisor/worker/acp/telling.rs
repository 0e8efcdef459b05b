//! What the agent says becomes entries: chunks joined to lines, tool calls told once they are
//! known, their results, its plan, what it has used.

use std::collections::VecDeque;

use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, Diff, Plan, PlanEntryStatus, SessionUpdate, ToolCallStatus,
    ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};

use super::call;
use super::files::Place;
use super::usage::Meter;
use crate::supervisor::worker::stream::{Claims, Words};
use crate::supervisor::worker::{Kind, Progress};

/// Most bytes of one line; an agent that ends none is told in pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// Most lines of one result that are told.
const MOST_LINES: usize = 200;

/// Tool calls that are remembered, so that an update or a question can be told with what came before.
const REMEMBERED: usize = 256;

/// Turns the updates of one session into entries.
pub(super) struct Teller {
    place: Place,
    said: Words,
    /// The beginning of a line, and whether it is thought or said.
    open: (Kind, String),
    calls: VecDeque<Known>,
    pub(super) meter: Meter,
}

/// A tool call as far as it is known.
struct Known {
    id: String,
    fields: ToolCallUpdateFields,
    /// The line that was told of it.
    told: Option<String>,
    over: bool,
}

impl Teller {
    pub(super) fn new(place: Place, prompt: usize) -> Self {
        Self {
            place,
            said: Words::default(),
            open: (Kind::Said, String::new()),
            calls: VecDeque::new(),
            meter: Meter::new(prompt as u64),
        }
    }

    /// Tells one update.
    pub(super) fn update(&mut self, update: SessionUpdate, progress: &mut dyn Progress) {
        match update {
            SessionUpdate::AgentMessageChunk(chunk) => self.chunk(Kind::Said, &chunk, progress),
            SessionUpdate::AgentThoughtChunk(chunk) => {
                self.chunk(Kind::Thinking, &chunk, progress);
            }
            SessionUpdate::ToolCall(call) => self.tool(call.into(), progress),
            SessionUpdate::ToolCallUpdate(update) => self.tool(update, progress),
            SessionUpdate::Plan(plan) => self.plan(&plan, progress),
            SessionUpdate::CurrentModeUpdate(mode) => {
                self.end_line(progress);
                let id = &mode.current_mode_id.0;
                progress.entry(Kind::Tool, &format!("its mode is {id} now"));
            }
            SessionUpdate::UsageUpdate(usage) => {
                self.meter.update(&usage);
                progress.usage(self.meter.so_far());
            }
            // Our own words, lists of commands, titles and what later versions may bring.
            SessionUpdate::UserMessageChunk(_)
            | SessionUpdate::AvailableCommandsUpdate(_)
            | SessionUpdate::ConfigOptionUpdate(_)
            | SessionUpdate::SessionInfoUpdate(_)
            | SessionUpdate::Notice(_)
            | SessionUpdate::CompactionUpdate(_)
            | SessionUpdate::CompactionSummaryChunk(_)
            | _ => {}
        }
    }

    /// Whether a tool call is under way.
    pub(super) fn works_with_tools(&self) -> bool {
        self.calls.iter().any(|call| !call.over)
    }

    /// All of a call that is known: what was told before, and this update over it.
    pub(super) fn whole(&mut self, update: ToolCallUpdate) -> ToolCallUpdateFields {
        let known = self.known(update);
        known.fields.clone()
    }

    /// The last line is over; what the worker says of itself.
    pub(super) fn finish(&mut self, progress: &mut dyn Progress) -> Claims {
        self.end_line(progress);
        self.said
            .close(&mut |kind, text| progress.entry(kind, text));
        self.said.claims()
    }

    fn chunk(&mut self, kind: Kind, chunk: &ContentChunk, progress: &mut dyn Progress) {
        if self.open.0 != kind {
            self.end_line(progress);
            self.open.0 = kind;
        }
        let ContentBlock::Text(text) = &chunk.content else {
            self.end_line(progress);
            progress.entry(kind, "⟪something that is no text⟫");
            return;
        };
        self.meter.bytes(text.text.len(), progress);
        for piece in text.text.split_inclusive('\n') {
            self.open.1.push_str(piece.trim_end_matches('\n'));
            if piece.ends_with('\n') || self.open.1.len() > LONGEST_LINE {
                self.tell_line(progress);
            }
        }
    }

    /// Ends a line that is begun, because something else follows.
    pub(super) fn end_line(&mut self, progress: &mut dyn Progress) {
        if !self.open.1.is_empty() {
            self.tell_line(progress);
        }
    }

    fn tell_line(&mut self, progress: &mut dyn Progress) {
        let line = std::mem::take(&mut self.open.1);
        if self.open.0 == Kind::Thinking && line.trim().is_empty() {
            return;
        }
        if self.open.0 == Kind::Said {
            let mut tell = |kind, text: &str| progress.entry(kind, text);
            self.said.pour(&format!("{line}\n"), &mut tell);
        } else {
            progress.entry(self.open.0, &line);
        }
    }

    fn tool(&mut self, update: ToolCallUpdate, progress: &mut dyn Progress) {
        self.end_line(progress);
        let place = self.place.clone();
        let known = self.known(update);
        if known.over {
            return;
        }
        let status = known.fields.status.unwrap_or_default();
        let over = matches!(status, ToolCallStatus::Completed | ToolCallStatus::Failed);
        let line = call::line(&known.fields, &place);
        // Agents announce a call before they know what it is: it is told when it says more.
        let settled = over || status == ToolCallStatus::InProgress || says_more(&known.fields);
        // An end may say less than what came before it: it does not rename the call.
        let new = known
            .told
            .as_ref()
            .is_none_or(|told| !over && *told != line);
        if settled && new {
            progress.entry(Kind::Tool, &line);
            known.told = Some(line);
        }
        if !over {
            return;
        }
        known.over = true;
        let fields = std::mem::take(&mut known.fields);
        let bytes = result(&fields, status, &place, progress);
        self.meter.bytes(bytes, progress);
    }

    fn known(&mut self, update: ToolCallUpdate) -> &mut Known {
        let id = &*update.tool_call_id.0;
        let at = self.calls.iter().position(|known| known.id == id);
        let known = match at.and_then(|at| self.calls.remove(at)) {
            Some(known) => known,
            None => Known {
                id: id.to_owned(),
                fields: ToolCallUpdateFields::default(),
                told: None,
                over: false,
            },
        };
        while self.calls.len() >= REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(known);
        let last = self.calls.len() - 1;
        let known = &mut self.calls[last];
        lay_over(&mut known.fields, update.fields);
        known
    }

    fn plan(&mut self, plan: &Plan, progress: &mut dyn Progress) {
        self.end_line(progress);
        for entry in plan.entries.iter().take(MOST_LINES) {
            let mark = match entry.status {
                PlanEntryStatus::Completed => "✓",
                PlanEntryStatus::InProgress => "●",
                PlanEntryStatus::Pending | _ => "○",
            };
            let line = entry.content.lines().next().unwrap_or_default();
            progress.entry(Kind::Thinking, &format!("plan {mark} {line}"));
        }
    }
}

fn says_more(fields: &ToolCallUpdateFields) -> bool {
    if fields.kind == Some(ToolKind::Execute) {
        return call::command(fields).is_some();
    }
    call::command(fields).is_some()
        || fields.content.as_ref().is_some_and(|list| !list.is_empty())
        || fields
            .locations
            .as_ref()
            .is_some_and(|list| !list.is_empty())
}

/// What an update says wins; what it leaves out stays.
fn lay_over(known: &mut ToolCallUpdateFields, update: ToolCallUpdateFields) {
    let full = |value: &serde_json::Value| value.as_object().is_none_or(|map| !map.is_empty());
    known.kind = update.kind.or(known.kind);
    known.status = update.status.or(known.status);
    known.title = update.title.or_else(|| known.title.take());
    known.name = update.name.or_else(|| known.name.take());
    known.content = update.content.or_else(|| known.content.take());
    known.locations = update.locations.or_else(|| known.locations.take());
    known.raw_output = update.raw_output.or_else(|| known.raw_output.take());
    known.raw_input = update
        .raw_input
        .filter(full)
        .or_else(|| known.raw_input.take());
}

/// Tells what a call brought: the files that it changed, else its words. How many bytes it was.
fn result(
    fields: &ToolCallUpdateFields,
    status: ToolCallStatus,
    place: &Place,
    progress: &mut dyn Progress,
) -> usize {
    let failed = status == ToolCallStatus::Failed;
    let mut bytes = 0;
    if !failed {
        for diff in call::diffs(fields) {
            bytes += diff.new_text.len();
            progress.entry(Kind::File, &file_line(diff, place));
        }
    }
    let text = words(fields);
    if failed {
        progress.entry(Kind::Error, "the tool call failed");
    }
    for (at, line) in text.lines().enumerate() {
        if at == MOST_LINES {
            let more = text.lines().count() - MOST_LINES;
            progress.entry(Kind::Cut, &format!("{more} more lines of this result"));
            break;
        }
        progress.entry(Kind::Result, line);
    }
    bytes + text.len()
}

fn file_line(diff: &Diff, place: &Place) -> String {
    let path = place.shown(&diff.path);
    let lines = diff.new_text.lines().count();
    match &diff.old_text {
        Some(old) if !old.is_empty() => format!("{path}, changed"),
        Some(_) | None => format!("{path}, {lines} lines"),
    }
}

/// What a call says of its end: its own text, else what agents put beside it.
fn words(fields: &ToolCallUpdateFields) -> String {
    let texts: Vec<&str> = call::texts(fields).collect();
    if !texts.is_empty() {
        return texts.join("\n");
    }
    let Some(output) = &fields.raw_output else {
        return String::new();
    };
    if let Some(text) = output.as_str() {
        return text.to_owned();
    }
    let names = ["aggregated_output", "output", "stdout", "text"];
    let text = names.iter().find_map(|name| output.get(name)?.as_str());
    text.unwrap_or_default().to_owned()
}
