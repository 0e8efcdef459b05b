//! `[guardrails]` and `[promotion]`: what a loop may not do, and what it must show to go further.
//! Absent keys have the strictest defaults; keys that this build does not act on are named.

use crate::config::nearest::nearest;
use crate::config::reader::{At, Table};
use crate::run::spec::{Guardrails, Hours, Mode, Sandbox, ToolRules, WorkspaceKind};

use super::command::{self, Argv};
use super::globs;
use super::worker::{size, small};

/// What `[guardrails]` says.
#[derive(Default)]
pub(super) struct GuardrailsPart {
    /// Every limit, defaults filled in.
    pub(super) spec: Guardrails,
    /// The mode that the file asks for, where it does.
    pub(super) mode: Option<At<Mode>>,
    /// Whether the file sets a budget of its own that this build enforces.
    pub(super) own_budget: bool,
    /// The patterns that the worker may write, where the file says so.
    pub(super) write: Vec<At<String>>,
    /// The setup commands with places.
    pub(super) setup: Vec<Argv>,
    /// The sandbox that is asked for, where the file asks.
    pub(super) sandbox: Option<At<Sandbox>>,
}

/// Reads `[guardrails]`.
pub(super) fn read(table: &mut Table<'_>) -> GuardrailsPart {
    let mut part = GuardrailsPart::default();
    let modes = [
        ("training", Mode::Training),
        ("supervised", Mode::Supervised),
        ("autonomous", Mode::Autonomous),
    ];
    part.mode = table.choice("mode", &modes);
    if let Some(mode) = part.mode {
        part.spec.mode = mode.value;
    }
    if let Some(most) = table.number("max_iterations", 1..=100) {
        part.spec.max_iterations = small(most.value);
    }
    if let Some(most) = table.number("max_runs_per_day", 1..=1_000) {
        part.spec.max_runs_per_day = small(most.value);
    }
    if let Some(most) = table.number("max_concurrent", 1..=16)
        && most.value > 1
    {
        table.problems.warn(
            most.span,
            "a loop has one workspace, so that this build runs it once at a time",
            "write `max_concurrent = 1`",
        );
    }
    part.spec.quiet_hours = quiet_hours(table).map(|hours| hours.value);
    table.table("budget", |t| budget(t, &mut part));
    table.table("stuck", |t| stuck(t, &mut part));
    table.table("workspace", |t| workspace(t, &mut part));
    if let Some(tools) = table.table("tools", tools) {
        part.spec.tools = tools;
    }
    part
}

/// Reads `quiet_hours`, in a loop file or in the project's settings.
pub(crate) fn quiet_hours(table: &mut Table<'_>) -> Option<At<Hours>> {
    let text = table.text("quiet_hours")?;
    let hours = Hours::parse(&text.value);
    if hours.is_none() {
        table.problems.error(
            text.span,
            "`quiet_hours` is no span of the day",
            "write two times of day, such as \"22:00-06:30\"",
        );
    }
    hours.map(|hours| text.map(|_| hours))
}

fn budget(table: &mut Table<'_>, part: &mut GuardrailsPart) {
    if let Some(tokens) = table.number("tokens_per_run", 1..=1_000_000_000) {
        part.spec.budget.tokens = tokens.value;
        part.own_budget = true;
    }
    if let Some(minutes) = table.number("minutes_per_run", 1..=7 * 24 * 60) {
        part.spec.budget.minutes = minutes.value;
    }
    if let Some(usd) = table.micro_usd("usd_per_run") {
        part.spec.budget.micro_usd = Some(usd.value);
    }
    part.spec.micro_usd_per_day = table.micro_usd("usd_per_day").map(|usd| usd.value);
    table.choice("on_limit", &[("checkpoint", ())]);
}

fn stuck(table: &mut Table<'_>, part: &mut GuardrailsPart) {
    // The first repetition is the second of two: below 2 nothing is repeated.
    for (key, limit) in [
        ("same_verdict", &mut part.spec.stuck.same_verdict),
        ("same_diff", &mut part.spec.stuck.same_diff),
        ("same_failure", &mut part.spec.stuck.same_failure),
    ] {
        if let Some(times) = table.number(key, 2..=100) {
            *limit = small(times.value);
        }
    }
    let words = [("checkpoint", false), ("fresh-start", true)];
    if table
        .choice("on_stuck", &words)
        .is_some_and(|word| word.value)
    {
        table
            .problems
            .not_enforced("stuck.on_stuck = \"fresh-start\" (a checkpoint asks instead)");
    }
}

fn workspace(table: &mut Table<'_>, part: &mut GuardrailsPart) {
    let rules = &mut part.spec.workspace;
    let kinds = [
        ("auto", WorkspaceKind::Auto),
        ("clone", WorkspaceKind::Clone),
        ("copy", WorkspaceKind::Copy),
        ("read-only", WorkspaceKind::ReadOnly),
    ];
    if let Some(kind) = table.choice("kind", &kinds) {
        rules.kind = kind.value;
    }
    if let Some(base) = table.choice("base", &[("head", false), ("dirty", true)]) {
        rules.dirty = base.value;
    }
    part.setup = command::read_all(table, "setup");
    rules.setup = part.setup.iter().map(command::plain).collect();
    if let Some(list) = table.texts("write") {
        let patterns = globs::checked(table, "write", list);
        rules.write = patterns.iter().map(|p| p.value.clone()).collect();
        part.write = patterns;
    }
    if let Some(list) = table.texts("protected") {
        let patterns = globs::checked(table, "protected", list);
        rules.protected = patterns.into_iter().map(|p| p.value).collect();
    }
    for (key, cap) in [
        ("max_files", &mut rules.max_files),
        ("max_changed_lines", &mut rules.max_changed_lines),
        ("max_deletions", &mut rules.max_deletions),
    ] {
        if let Some(most) = table.number(key, 0..=1_000_000) {
            *cap = size(most.value);
        }
    }
    if let Some(most) = table.number("max_changed_bytes", 0..=1_000_000_000_000) {
        rules.max_changed_bytes = most.value;
    }
    if let Some(word) = table.flag("executables") {
        rules.executables = word.value;
    }
    if let Some(names) = environment(table) {
        part.spec.env = names;
    }
    isolation(table, part);
}

/// The names of variables that reach the worker.
fn environment(table: &mut Table<'_>) -> Option<Vec<String>> {
    let names = table.texts("env")?;
    for name in &names.value {
        if !is_variable(&name.value) {
            table.problems.error(
                name.span,
                format!("`{}` is no name of an environment variable", name.value),
                "write the name alone, such as \"PATH\"; its value is taken from the host",
            );
        }
    }
    Some(names.value.into_iter().map(|name| name.value).collect())
}

/// Whether a text can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let begins = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    begins && name.bytes().all(letters)
}

/// What keeps worker and system apart; what of it a machine enforces is found out there.
fn isolation(table: &mut Table<'_>, part: &mut GuardrailsPart) {
    let words = [
        ("auto", Sandbox::Auto),
        ("require", Sandbox::Require),
        ("off", Sandbox::Off),
    ];
    part.sandbox = table.choice("sandbox", &words);
    if let Some(sandbox) = part.sandbox {
        part.spec.sandbox = sandbox.value;
    }
    let listed = table.texts("network").map(|list| list.value);
    let names = |list: &Vec<At<String>>| list.iter().map(|host| host.value.clone()).collect();
    part.spec.network = listed.as_ref().map(names);
    for host in listed.unwrap_or_default() {
        let name = host.value.strip_prefix("*.").unwrap_or(&host.value);
        let valid = !name.is_empty()
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if !valid {
            table.problems.error(
                host.span,
                format!("`{}` is no host name", host.value),
                "write \"agent\", a host such as \"arxiv.org\", or \"*.wikipedia.org\"",
            );
        } else if name == "localhost" || name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            table.problems.error(
                host.span,
                format!("`{}` is not reached from inside the sandbox", host.value),
                "for a server on this machine write sandbox = \"off\", or use it by type = \"openai\"",
            );
        }
    }
    if let Some(caches) = table.texts("caches")
        && !globs::checked(table, "caches", caches).is_empty()
    {
        table.problems.not_enforced("workspace.caches");
    }
}

fn tools(table: &mut Table<'_>) -> ToolRules {
    ToolRules {
        allow: tool_rules(table, "allow"),
        deny: tool_rules(table, "deny"),
    }
}

/// Tools as rules name them, whoever the worker is; an agent may have others of its own.
const TOOLS: [&str; 9] = [
    "Read", "List", "Grep", "Write", "Edit", "Delete", "Move", "Bash", "WebFetch",
];

fn tool_rules(table: &mut Table<'_>, key: &'static str) -> Vec<String> {
    let rules = table.texts(key).map(|list| list.value).unwrap_or_default();
    for rule in &rules {
        let text = rule.value.as_str();
        let name = text.split('(').next().unwrap_or_default();
        let closed = text.contains('(') == text.ends_with(')');
        let name = name.trim();
        if name.is_empty() || !closed {
            table.problems.error(
                rule.span,
                format!("`{text}` is no tool rule"),
                "write a tool, such as \"Read\", or a tool and a pattern: \"Bash(rm *)\"",
            );
        } else if !TOOLS.contains(&name)
            && let Some(meant) = nearest(name, TOOLS)
        {
            table.problems.error(
                rule.span,
                format!("no tool is called `{name}`: this rule would hold for nothing"),
                format!("did you mean `{meant}`?"),
            );
        }
    }
    rules.into_iter().map(|rule| rule.value).collect()
}

/// Reads `[promotion]`: nothing in this build grants a mode by evidence, so it is only validated.
pub(super) fn read_promotion(table: &mut Table<'_>) {
    const DAY: u64 = 86_400;
    table.duration("review_every", DAY..=3_650 * DAY);
    table.table("audit_rate", |rates| {
        rates.fraction("supervised", 1.0);
        rates.fraction("autonomous", 1.0);
    });
    for key in ["supervised", "autonomous"] {
        table.table(key, |step| {
            step.number("clean_runs", 1..=10_000);
            step.number("days", 0..=3_650);
            step.fraction("judge_agreement", 1.0);
            let known = ["check", "independent-judge", "budget", "protected-checks"];
            for need in step
                .texts("needs")
                .map(|list| list.value)
                .unwrap_or_default()
            {
                if !known.contains(&need.value.as_str()) {
                    step.problems.error(
                        need.span,
                        format!("`needs` knows no \"{}\"", need.value),
                        format!("write any of \"{}\"", known.join("\", \"")),
                    );
                }
            }
        });
    }
    table.problems.not_enforced("promotion");
}
