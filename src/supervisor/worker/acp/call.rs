//! A tool call of the agent as rules and operators see it: what it touches, and in words with its
//! whole change. The agent's title alone is never what is decided on.

use std::path::Path;

use agent_client_protocol::v1::schema::{
    ContentBlock, Diff, ToolCallContent, ToolCallUpdateFields, ToolKind,
};
use serde_json::Value;
use similar::TextDiff;

use super::files::Place;
use crate::run::inert::{self, inert, inert_lines};
use crate::run::{Digest, inert::cut};
use crate::supervisor::worker::leave::Call;

/// Most bytes of a call in words. What is cut is named by its digest, so that two calls that
/// differ only in what is cut stay two calls.
const LONGEST: usize = 16 * 1024;

/// Most bytes of one call that are compared line by line; the changes behind them are only measured.
const MOST_COMPARED: usize = 256 * 1024;

/// Every call that one request for leave is about, the first with all words; at least one.
pub(super) fn calls(fields: &ToolCallUpdateFields, place: &Place) -> Vec<Call> {
    let tool = tool(fields);
    let what = bounded(&words(fields, place));
    let subjects = subjects(fields, place);
    let calls = subjects.into_iter().map(|subject| Call {
        tool: tool.clone(),
        subject,
        what: what.clone(),
    });
    calls.collect()
}

/// A call that touches no file, in words.
pub(super) fn in_words(fields: &ToolCallUpdateFields) -> String {
    bounded(&words(fields, &Place::new(Path::new("/"))))
}

/// One line that says what the call is: `Edit notes.txt`, `Bash cargo test`.
pub(super) fn line(fields: &ToolCallUpdateFields, place: &Place) -> String {
    let subjects = subjects(fields, place).join(", ");
    let subject = subjects.lines().next().unwrap_or_default();
    cut(&format!("{} {subject}", tool(fields)), 400)
        .trim_end()
        .to_owned()
}

/// The tool as rules name it. What has a command line is one, whatever kind the agent gives it.
fn tool(fields: &ToolCallUpdateFields) -> String {
    if command(fields).is_some() {
        return "Bash".to_owned();
    }
    let name = || fields.name.as_deref().unwrap_or("Tool").to_owned();
    let word = match fields.kind.unwrap_or_default() {
        ToolKind::Read => "Read",
        ToolKind::Edit if fields.name.as_deref() == Some("Write") || creates(fields) => "Write",
        ToolKind::Edit => "Edit",
        ToolKind::Delete => "Delete",
        ToolKind::Move => "Move",
        ToolKind::Search => "Grep",
        ToolKind::Execute => "Bash",
        ToolKind::Fetch => "WebFetch",
        // The enum may grow.
        ToolKind::Think | ToolKind::SwitchMode | ToolKind::Other | _ => {
            return cut(&inert(&name()), 60);
        }
    };
    word.to_owned()
}

fn creates(fields: &ToolCallUpdateFields) -> bool {
    let mut diffs = diffs(fields).peekable();
    diffs.peek().is_some() && diffs.all(|d| d.old_text.as_deref().is_none_or(str::is_empty))
}

pub(super) fn diffs(fields: &ToolCallUpdateFields) -> impl Iterator<Item = &Diff> {
    let contents = fields.content.iter().flatten();
    contents.filter_map(|content| match content {
        ToolCallContent::Diff(diff) => Some(diff),
        ToolCallContent::Content(_) | ToolCallContent::Terminal(_) | _ => None,
    })
}

/// What the rules' patterns are held against; at least one.
fn subjects(fields: &ToolCallUpdateFields, place: &Place) -> Vec<String> {
    if let Some(line) = command(fields) {
        return vec![line];
    }
    if fields.kind == Some(ToolKind::Execute) {
        return vec![title(fields)];
    }
    if fields.kind == Some(ToolKind::Fetch)
        && let Some(url) = input(fields, &["url"]).and_then(Value::as_str)
    {
        return vec![url.to_owned()];
    }
    let located = fields.locations.iter().flatten().map(|l| l.path.as_path());
    let named = input(fields, &["file_path", "filePath", "filepath", "path"]);
    let named = named.and_then(Value::as_str).map(Path::new);
    let mut paths: Vec<String> = Vec::new();
    for path in diffs(fields)
        .map(|d| d.path.as_path())
        .chain(located)
        .chain(named)
    {
        let path = place.shown(path);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        paths.push(title(fields));
    }
    paths
}

/// The command line of a call: as it was sent, else none. A list is what a shell is started with.
pub(super) fn command(fields: &ToolCallUpdateFields) -> Option<String> {
    match input(fields, &["command", "cmd"])? {
        Value::String(line) => Some(line.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(command_line(&words))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Words as one line; what a shell is given to run stands for itself.
pub(super) fn command_line(words: &[&str]) -> String {
    match words {
        [program, "-c" | "-lc", line] if is_shell(program) => (*line).to_owned(),
        words => words.join(" "),
    }
}

/// Whether this program is the system's own shell: any other of such a name may do anything.
fn is_shell(program: &str) -> bool {
    let name = ["/usr/bin/", "/bin/"]
        .iter()
        .find_map(|folder| program.strip_prefix(folder))
        .unwrap_or(program);
    ["sh", "bash", "dash", "zsh"].contains(&name)
}

fn input<'a>(fields: &'a ToolCallUpdateFields, names: &[&str]) -> Option<&'a Value> {
    let input = fields.raw_input.as_ref()?;
    names.iter().find_map(|name| input.get(name))
}

fn title(fields: &ToolCallUpdateFields) -> String {
    fields.title.clone().unwrap_or_default()
}

/// The call in words, not cut yet.
fn words(fields: &ToolCallUpdateFields, place: &Place) -> String {
    let subjects = subjects(fields, place);
    let mut words = vec![format!("{} {}", tool(fields), subjects.join(", "))];
    let title = title(fields);
    let known = subjects.iter().any(|s| title.contains(s.as_str()));
    if !known && !title.is_empty() {
        words.push(format!("«{title}»"));
    }
    let mut room = MOST_COMPARED;
    words.extend(diffs(fields).map(|diff| change(diff, place, &mut room)));
    words.extend(texts(fields).map(|text| text.trim_end().to_owned()));
    let shown = diffs(fields).next().is_some() || tool(fields) == "Bash";
    if let Some(input) = fields.raw_input.as_ref().filter(|_| !shown) {
        words.push(serde_json::to_string_pretty(input).unwrap_or_default());
    }
    words.join("\n")
}

/// What the agent says of the call, in text.
pub(super) fn texts(fields: &ToolCallUpdateFields) -> impl Iterator<Item = &str> {
    let contents = fields.content.iter().flatten();
    contents.filter_map(|content| match content {
        ToolCallContent::Content(content) => match &content.content {
            ContentBlock::Text(text) => Some(text.text.as_str()),
            ContentBlock::Image(_)
            | ContentBlock::Audio(_)
            | ContentBlock::ResourceLink(_)
            | ContentBlock::Resource(_)
            | _ => None,
        },
        ToolCallContent::Diff(_) | ToolCallContent::Terminal(_) | _ => None,
    })
}

/// One file's change: its name, then lines with `+`, `-` or a blank before them, as long as there is room to compare.
fn change(diff: &Diff, place: &Place, room: &mut usize) -> String {
    let path = place.shown(&diff.path);
    let old = diff.old_text.as_deref().unwrap_or_default();
    let new = diff.new_text.as_str();
    let head = format!("── {path}");
    let Some(left) = room.checked_sub(old.len() + new.len()) else {
        let sizes = format!("{} bytes → {} bytes", old.len(), new.len());
        let digest = Digest::of(new.as_bytes());
        return format!("{head}\n{sizes}, too long to compare here; {digest}");
    };
    *room = left;
    let compared = TextDiff::from_lines(old, new);
    let mut lines = vec![head];
    for hunk in compared.unified_diff().context_radius(3).iter_hunks() {
        if !old.is_empty() {
            lines.push(hunk.header().to_string());
        }
        for line in hunk.iter_changes() {
            let value = line.value().trim_end_matches(['\n', '\r']);
            lines.push(format!("{}{value}", line.tag()));
        }
    }
    lines.join("\n")
}

/// Inert, and at most as long as a person will read.
fn bounded(words: &str) -> String {
    let inert = inert_lines(words);
    if inert.len() <= LONGEST {
        return inert.into_owned();
    }
    let head = inert::head(&inert, LONGEST);
    let more = inert.len() - head.len();
    let digest = Digest::of(words.as_bytes());
    format!("{head}\n⟪{more} bytes more; the whole is {digest}⟫")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> ToolCallUpdateFields {
        serde_json::from_value(value).unwrap()
    }

    /// PRODUCT §3.7: the exact call with its change; paths are seen from the workspace.
    #[test]
    fn a_call_is_told_with_its_change() {
        let place = Place::new(Path::new("/workspace"));
        let edit = fields(json!({
            "title": "Edit files", "kind": "edit",
            "locations": [{ "path": "/workspace/src/../notes.txt" }],
            "content": [{ "type": "diff", "path": "/workspace/notes.txt",
                          "oldText": "one\ntwo\n", "newText": "one\n2\u{1b}[2J\n" }],
        }));
        let calls = calls(&edit, &place);
        assert_eq!(calls.len(), 1);
        assert_eq!((&*calls[0].tool, &*calls[0].subject), ("Edit", "notes.txt"));
        assert_eq!(
            calls[0].what,
            "Edit notes.txt\n«Edit files»\n── notes.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2␛"
        );
    }

    /// Of many changes in one call those are compared for which there is room; the others are told by their sizes.
    #[test]
    fn no_more_is_compared_than_there_is_room_for() {
        let diff = |path: &str, lines: usize| json!({ "type": "diff", "path": format!("/workspace/{path}"), "newText": "a\n".repeat(lines) });
        let half = MOST_COMPARED / 4;
        let edit = fields(json!({
            "kind": "edit",
            "content": [diff("a", half), diff("b", 2 * half), diff("c", 1)],
        }));
        let whole = words(&edit, &Place::new(Path::new("/workspace")));
        assert_eq!(whole.matches("+a").count(), half + 1);
        assert!(whole.contains("── b\n0 bytes → 262144 bytes, too long to compare here"));
    }

    /// R45: only the system's shells stand for the line that they are given.
    #[test]
    fn a_program_named_like_a_shell_is_none() {
        for shell in ["sh", "/bin/bash", "/usr/bin/zsh"] {
            assert_eq!(command_line(&[shell, "-c", "cargo test"]), "cargo test");
        }
        for other in ["./push", "/tmp/sh", "bin/sh", "fish"] {
            let line = command_line(&[other, "-c", "cargo test"]);
            assert_eq!(line, format!("{other} -c cargo test"));
        }
    }

    /// A command is the line that a shell gets; elsewhere the whole input is shown.
    #[test]
    fn a_command_is_told_as_it_runs() {
        let place = Place::new(Path::new("/workspace"));
        let table = [
            (json!({ "command": "ls -l" }), "ls -l"),
            (
                json!({ "command": ["/bin/bash", "-lc", "ls | wc"] }),
                "ls | wc",
            ),
            (json!({ "command": ["rm", "-r", "a"] }), "rm -r a"),
            (json!({}), "Shell: ls"),
        ];
        for (input, wanted) in table {
            let run = json!({ "kind": "execute", "title": "Shell: ls", "rawInput": input });
            let calls = calls(&fields(run), &place);
            assert_eq!((&*calls[0].tool, &*calls[0].subject), ("Bash", wanted));
        }
        let other = json!({ "title": "Ask", "name": "Oracle", "rawInput": { "q": 1 } });
        let calls = calls(&fields(other), &place);
        assert_eq!(calls[0].what, "Oracle Ask\n{\n  \"q\": 1\n}");
    }

    /// Two long calls that differ at their end are not one: leave for the run covers one of them.
    #[test]
    fn long_calls_stay_apart() {
        let place = Place::new(Path::new("/workspace"));
        let what = |end: &str| {
            let line = format!("{}{end}", "x ".repeat(20_000));
            let run = json!({ "kind": "execute", "rawInput": { "command": line } });
            calls(&fields(run), &place)[0].what.clone()
        };
        assert!(what("a").len() < LONGEST + 200);
        assert_ne!(what("a"), what("b"));
    }
}
