//! `[skill]` and `[worker]`: the instructions and who works by them.

use crate::config::diagnostic::Span;
use crate::config::names;
use crate::config::reader::{At, Problems, Table};
use crate::run::spec::{Api, Format, PromptBy, ToolRules, Worker, WorkerKind};

use super::command::Argv;
use super::parts::Parts;
use super::reach::Reach;

/// Longest time for one iteration or one vote, in seconds.
pub(super) const LONGEST: u64 = 24 * 3_600;

/// What `[skill]` says.
pub(super) struct SkillPart {
    /// The folder.
    pub(super) path: At<String>,
    /// Accepted runs by hand before it may wake by itself.
    pub(super) proven_min: u32,
    /// Where the file says that it needs none.
    pub(super) unproven_at: Option<Span>,
}

/// What `[worker]` says.
pub(super) struct WorkerPart {
    /// Who it is.
    pub(super) spec: Worker,
    /// Its command with places, for `command` and `acp`.
    pub(super) argv: Option<Argv>,
    /// Its script with its place, for `script`.
    pub(super) script: Option<At<String>>,
    /// Whether each iteration starts anew.
    pub(super) fresh_context: Option<At<bool>>,
    /// Whether the file says how often a call is made again.
    pub(super) retries: bool,
}

/// The words for `type`.
#[derive(Clone, Copy)]
enum Type {
    Command,
    Acp,
    Http(Api),
    Script,
}

/// Reads `[skill]`.
pub(super) fn read_skill(table: &mut Table<'_>) -> Option<SkillPart> {
    let path = table.required_text("path", "path = \"skills/NAME\"");
    let least = table.number("proven_min", 0..=1_000);
    let proven_min = least.as_ref().map_or(3, |n| small(n.value));
    let unproven_at = least.filter(|n| n.value == 0).map(|n| n.span);
    let path = path?;
    path_inside(table, "path", &path)?;
    Some(SkillPart {
        path,
        proven_min,
        unproven_at,
    })
}

/// Reads `[worker]`; `None` when it is wrong.
pub(super) fn read(table: &mut Table<'_>) -> Option<WorkerPart> {
    let words = [
        ("command", Type::Command),
        ("acp", Type::Acp),
        ("anthropic", Type::Http(Api::Anthropic)),
        ("openai", Type::Http(Api::Openai)),
        ("script", Type::Script),
    ];
    if table.key("type").is_none() {
        table.missing("type", "type = \"command\"");
    }
    let kind = table.choice("type", &words);
    let reach = Reach::read(table);
    let prompt = table.choice(
        "prompt",
        &[("stdin", PromptBy::Stdin), ("arg", PromptBy::Arg)],
    );
    let fresh_context = turns(table);
    let timeout_s = table
        .duration("timeout", 1..=LONGEST)
        .map_or(15 * 60, |t| t.value);
    let retries = table.number("retries", 0..=10);

    let kind = match kind?.value {
        Type::Command => WorkerKind::Command {
            command: reach.command(table, ("command", "command = [\"claude\", \"-p\"]"), &[])?,
            prompt: prompt.map_or(PromptBy::Stdin, |p| p.value),
            format: reach.format.as_ref().map_or(Format::Text, |f| f.value),
        },
        Type::Acp => WorkerKind::Acp {
            command: reach.command(
                table,
                ("acp", "command = [\"gemini\", \"--acp\"]"),
                &["prompt", "format"],
            )?,
        },
        Type::Http(api) => WorkerKind::Http(reach.provider(table, api, &["prompt"])?),
        Type::Script => WorkerKind::Script {
            file: reach.script(table, &["prompt"])?,
        },
    };
    for word in reach.argv.iter().flat_map(|argv| &argv.value) {
        refuse_placeholders(table, word);
    }
    Some(WorkerPart {
        spec: Worker {
            kind,
            model: reach.model,
            timeout_s,
            retries: retries.as_ref().map_or(3, |times| small(times.value)),
        },
        argv: reach.argv,
        script: reach.file,
        fresh_context,
        retries: retries.is_some(),
    })
}

/// Reports placeholders that checks and judges know: a worker's command is started as it stands, because
/// what comes with a trigger is never an argument.
fn refuse_placeholders(table: &Table<'_>, word: &At<String>) {
    let braced = names::PLACEHOLDERS.iter().map(|name| format!("{{{name}}}"));
    for found in braced.filter(|braced| word.value.contains(braced.as_str())) {
        table.problems.error(
            table.problems.within(word.span, &found),
            format!("`{found}` is not filled in a worker's command, which would get it as it stands"),
            "take it out: the worker starts in its workspace, and its prompt quotes what came with the \
             trigger; only checks and judges get files by placeholders",
        );
    }
}

/// What is said of a cap in dollars on a worker that does not tell what it costs.
pub(super) const UNTOLD_MONEY: &str = "usd_per_run (this worker does not tell what it costs: it \
    starts only where prices.toml knows its model)";

/// Names what the file asks for and this kind of worker is not held to: a program decides by
/// itself which tools it uses and how often it asks its model again.
pub(super) fn announce(parts: &Parts, problems: &Problems<'_>) {
    let Some(worker) = &parts.worker else { return };
    let capped = parts.guardrails.spec.budget.micro_usd.is_some();
    if capped && !worker.spec.kind.tells_money() {
        problems.not_enforced(UNTOLD_MONEY);
    }
    if !matches!(worker.spec.kind, WorkerKind::Command { .. }) {
        return;
    }
    if parts.guardrails.spec.tools != ToolRules::default() {
        problems.not_enforced("tools (the worker is a program with tools of its own)");
    }
    if worker.retries {
        problems
            .not_enforced("worker.retries (the worker is a program that tries again by itself)");
    }
}

/// Whether each iteration starts anew.
fn turns(table: &mut Table<'_>) -> Option<At<bool>> {
    let fresh = table.flag("fresh_context");
    if fresh.is_some_and(|fresh| !fresh.value) {
        table
            .problems
            .not_enforced("worker.fresh_context = false (each iteration starts anew)");
    }
    fresh
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
