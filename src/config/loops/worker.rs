//! `[skill]` and `[worker]`: the instructions and who works by them.

use crate::config::diagnostic::Span;
use crate::config::names;
use crate::config::reader::{At, Table};
use crate::run::spec::{PromptBy, WorkerKind};

use super::command::{self, Argv};

/// Longest time for one iteration or one vote, in seconds.
pub(super) const LONGEST: u64 = 24 * 3_600;

/// What `[skill]` says.
pub(super) struct SkillPart {
    /// The folder.
    pub(super) path: At<String>,
    /// Accepted runs by hand before it may wake by itself.
    pub(super) proven_min: u32,
}

/// What `[worker]` says.
pub(super) struct WorkerPart {
    /// How it is reached.
    pub(super) kind: WorkerKind,
    /// Its command with places, for `command`.
    pub(super) argv: Option<Argv>,
    /// Its script with its place, for `script`.
    pub(super) script: Option<At<String>>,
    /// The model that the file names for it.
    pub(super) model: Option<String>,
    /// Whether each iteration starts anew.
    pub(super) fresh_context: Option<At<bool>>,
    /// Longest time for one iteration, in seconds.
    pub(super) timeout_s: u64,
}

/// The words for `type`; those of the wider product are known and refused.
#[derive(Clone, Copy)]
enum Type {
    Command,
    Script,
    Later,
}

/// Keys of workers and judges that are reached over HTTP.
pub(super) const PROVIDER_KEYS: [&str; 3] = ["base_url", "key_env", "max_tokens"];

/// Reads `[skill]`.
pub(super) fn read_skill(table: &mut Table<'_>) -> Option<SkillPart> {
    let path = table.required_text("path", "path = \"skills/NAME\"");
    let proven_min = table
        .number("proven_min", 0..=1_000)
        .map_or(3, |n| small(n.value));
    let path = path?;
    path_inside(table, "path", &path)?;
    Some(SkillPart { path, proven_min })
}

/// Reads `[worker]`; `None` when it is wrong.
pub(super) fn read(table: &mut Table<'_>) -> Option<WorkerPart> {
    let words = [
        ("command", Type::Command),
        ("script", Type::Script),
        ("acp", Type::Later),
        ("anthropic", Type::Later),
        ("openai", Type::Later),
    ];
    if table.key("type").is_none() {
        table.missing("type", "type = \"command\"");
    }
    let kind = table.choice("type", &words);
    let argv = command::read(table, "command");
    let file = table.text("file");
    let prompt = table.choice(
        "prompt",
        &[("stdin", PromptBy::Stdin), ("arg", PromptBy::Arg)],
    );
    format(table);
    let model = table.text("model").map(|m| m.value);
    let fresh_context = turns(table);
    let timeout_s = table
        .duration("timeout", 1..=LONGEST)
        .map_or(15 * 60, |t| t.value);
    provider_keys(table);

    let kind = kind?;
    let (kind, script) = match kind.value {
        Type::Later => {
            refuse_later(table, kind.span, "workers");
            return None;
        }
        Type::Command => (command_worker(table, argv.as_ref(), prompt)?, None),
        Type::Script => {
            table.refuse(&PROVIDER_KEYS, "for type = \"script\"");
            table.refuse(
                &["command", "prompt", "format", "model"],
                "for type = \"script\"",
            );
            let file = script_file(table, file)?;
            (
                WorkerKind::Script {
                    file: file.value.clone(),
                },
                Some(file),
            )
        }
    };
    Some(WorkerPart {
        kind,
        argv,
        script,
        model,
        fresh_context,
        timeout_s,
    })
}

/// Whether each iteration starts anew, and how often a step is tried again.
fn turns(table: &mut Table<'_>) -> Option<At<bool>> {
    if table.number("retries", 0..=10).is_some() {
        table.problems.not_enforced("worker.retries");
    }
    let fresh = table.flag("fresh_context");
    if fresh.is_some_and(|fresh| !fresh.value) {
        table
            .problems
            .not_enforced("worker.fresh_context = false (each iteration starts anew)");
    }
    fresh
}

fn command_worker(
    table: &mut Table<'_>,
    argv: Option<&Argv>,
    prompt: Option<At<PromptBy>>,
) -> Option<WorkerKind> {
    table.refuse(&PROVIDER_KEYS, "for type = \"command\"");
    table.refuse(&["file"], "for type = \"command\"");
    if table.key("command").is_none() {
        table.missing("command", "command = [\"claude\", \"-p\"]");
    }
    Some(WorkerKind::Command {
        command: command::plain(argv?),
        prompt: prompt.map_or(PromptBy::Stdin, |p| p.value),
    })
}

/// One clear line for a type that this build knows and does not run.
pub(super) fn refuse_later(table: &Table<'_>, span: Span, who: &str) {
    let known = if who == "judges" {
        "`command`, `human` and `script`"
    } else {
        "`command` and `script`"
    };
    table.problems.error(
        span,
        format!("this build runs {known} {who} only"),
        "write type = \"command\" with a program that reaches it",
    );
}

/// Reads the keys of workers and judges that are reached over HTTP.
pub(super) fn provider_keys(table: &mut Table<'_>) {
    table.text("base_url");
    table.text("key_env");
    table.number("max_tokens", 1..=10_000_000);
}

/// The script file of a stand-in, which must be named.
pub(super) fn script_file(table: &mut Table<'_>, file: Option<At<String>>) -> Option<At<String>> {
    if table.key("file").is_none() {
        table.missing("file", "file = \"NAME.script.toml\"");
    }
    let file = file?;
    path_inside(table, "file", &file)?;
    Some(file)
}

/// Reports a path that does not stay in the project by its letters alone.
pub(super) fn path_inside(table: &Table<'_>, key: &str, path: &At<String>) -> Option<()> {
    match names::inside_project(&path.value) {
        Ok(()) => Some(()),
        Err(why) => {
            table.problems.error(
                path.span,
                format!("`{key}` cannot be used: {why}"),
                "write a path relative to the project's folder, without `..`",
            );
            None
        }
    }
}

/// A number that the reader has bounded far below `u32::MAX`.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A number that the reader has bounded far below `usize::MAX`.
pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Reports a stream format that this build does not read; absent counts as `text`.
fn format(table: &mut Table<'_>) {
    let later = [
        "claude-stream-json",
        "codex-jsonl",
        "opencode-json",
        "gemini-stream-json",
    ];
    let Some(text) = table.text("format").filter(|text| text.value != "text") else {
        return;
    };
    let (message, help) = if later.contains(&text.value.as_str()) {
        (
            format!(
                "this build reads the format `text` only, not `{}`",
                text.value
            ),
            "write format = \"text\", and take options for another format out of the command",
        )
    } else {
        (
            format!("`format` knows no \"{}\"", text.value),
            "write format = \"text\"",
        )
    };
    table.problems.error(text.span, message, help);
}
