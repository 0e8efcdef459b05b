//! `[goal]`: the statement, and the checks and judge that verify it.

use crate::config::diagnostic::Span;
use crate::config::reader::{At, Table};
use crate::run::spec::{Check, Independence, Judge, JudgeKind};

use super::command::{self, Argv};
use super::worker::{self, LONGEST, small};

/// What `[goal]` says.
pub(super) struct GoalPart {
    /// What should be true at the end.
    pub(super) statement: Option<String>,
    /// The checks that could be read.
    pub(super) checks: Vec<CheckPart>,
    /// The judge, if there is one that could be read.
    pub(super) judge: Option<JudgePart>,
}

/// One check.
pub(super) struct CheckPart {
    /// What is run.
    pub(super) spec: Check,
    /// Its command with places.
    pub(super) argv: Argv,
}

/// The judge.
pub(super) struct JudgePart {
    /// Who is asked, and how.
    pub(super) spec: Judge,
    /// Where its type is written.
    pub(super) kind_at: Span,
    /// Its command with places, for `command`.
    pub(super) argv: Option<Argv>,
    /// Its script with its place, for `script`.
    pub(super) script: Option<At<String>>,
    /// The model that the file names for it.
    pub(super) model: Option<String>,
}

/// The words for the judge's `type`.
#[derive(Clone, Copy)]
enum Type {
    Command,
    Human,
    Script,
    Later,
}

/// Longest check or vote where the file says nothing, in seconds.
const DEFAULT_TIMEOUT: u64 = 5 * 60;

/// Most rubric lines: the keys `1` to `9` answer them.
const MOST_LINES: usize = 9;

const NO_VERIFICATION: &str = "goal has no verification";
const HOW_TO_VERIFY: &str =
    "add a check: [[goal.verify.checks]] with `name` and `command`, or a [goal.verify.judge]";

/// Reads `[goal]`.
pub(super) fn read(table: &mut Table<'_>) -> GoalPart {
    let statement = table
        .required_text(
            "statement",
            "statement = \"what is true when the work is done\"",
        )
        .map(|text| text.value);
    items(table);
    if table.key("verify").is_none() {
        table
            .problems
            .error(table.span, NO_VERIFICATION, HOW_TO_VERIFY);
    }
    let (checks, judge) = table.table("verify", verify).unwrap_or_default();
    GoalPart {
        statement,
        checks,
        judge,
    }
}

fn items(table: &mut Table<'_>) {
    let Some(items) = table.text("items") else {
        return;
    };
    if items.value == "none" {
        return;
    }
    let is_list = std::path::Path::new(&items.value)
        .extension()
        .is_some_and(|e| e == "json");
    if !is_list {
        table.problems.error(
            items.span,
            "`items` is no list of items",
            "write \"none\" or a path that ends in .json",
        );
    }
    if worker::path_inside(table, "items", &items).is_some() {
        table.problems.not_enforced("goal.items");
    }
}

fn verify(table: &mut Table<'_>) -> (Vec<CheckPart>, Option<JudgePart>) {
    let checks = table.tables("checks", check);
    let asked = table.key("judge").is_some();
    let judge = table.table("judge", judge).flatten();
    let some = checks.as_ref().is_some_and(|list| !list.is_empty());
    let unreadable = checks.is_none() && table.key("checks").is_some();
    if !some && !asked && !unreadable {
        table
            .problems
            .error(table.span, NO_VERIFICATION, HOW_TO_VERIFY);
    }
    let all_read = checks.iter().flatten().all(Option::is_some);
    let checks: Vec<CheckPart> = checks.into_iter().flatten().flatten().collect();
    if some && all_read && !asked && !checks.iter().any(|c| c.spec.required) {
        table.problems.error(
            table.span,
            "goal has no verification that counts: no check is required and there is no judge",
            "remove `required = false` from a check, or add a [goal.verify.judge]",
        );
    }
    for (at, check) in checks.iter().enumerate() {
        if checks[..at]
            .iter()
            .any(|other| other.spec.name == check.spec.name)
        {
            table.problems.error(
                check.argv.span,
                format!("two checks are named `{}`", check.spec.name),
                "give each check a name of its own",
            );
        }
    }
    (checks, judge)
}

fn check(table: &mut Table<'_>) -> Option<CheckPart> {
    let name = table.required_text("name", "name = \"tests pass\"");
    if table.key("command").is_none() {
        table.missing("command", "command = [\"program\", \"argument\"]");
    }
    let argv = command::read(table, "command");
    let required = table.flag("required").is_none_or(|flag| flag.value);
    let timeout_s = table
        .duration("timeout", 1..=LONGEST)
        .map_or(DEFAULT_TIMEOUT, |t| t.value);
    let network = table.flag("network").is_some_and(|flag| flag.value);
    let (name, argv) = (name?, argv?);
    if name.value.chars().count() > 80 || name.value.contains(char::is_control) {
        table.problems.error(
            name.span,
            "a check's name is one line of at most 80 letters",
            "write a short name that fits beside its mark",
        );
        return None;
    }
    let command = command::plain(&argv);
    let spec = Check {
        name: name.value,
        command,
        required,
        timeout_s,
        network,
    };
    Some(CheckPart { spec, argv })
}

fn judge(table: &mut Table<'_>) -> Option<JudgePart> {
    let words = [
        ("command", Type::Command),
        ("human", Type::Human),
        ("script", Type::Script),
        ("openai", Type::Later),
        ("anthropic", Type::Later),
    ];
    if table.key("type").is_none() {
        table.missing("type", "type = \"command\"");
    }
    let kind = table.choice("type", &words);
    let argv = command::read(table, "command");
    let file = table.text("file");
    let model = table.text("model").map(|m| m.value);
    let rubric = rubric(table);
    let votes = votes(table);
    let stance = table
        .text("stance")
        .map_or_else(|| "find reasons to reject".to_owned(), |s| s.value);
    let distances = [
        ("context", Independence::Context),
        ("model", Independence::Model),
        ("provider", Independence::Provider),
    ];
    let independence = table
        .choice("independence", &distances)
        .map_or(Independence::Context, |i| i.value);
    let timeout_s = table
        .duration("timeout", 1..=LONGEST)
        .map_or(DEFAULT_TIMEOUT, |t| t.value);
    sees(table);
    worker::provider_keys(table);

    let kind = kind?;
    let who = match kind.value {
        Type::Later => {
            worker::refuse_later(table, kind.span, "judges");
            return None;
        }
        Type::Command => command_judge(table, argv.as_ref())?,
        Type::Human => human_judge(table, votes.as_ref())?,
        Type::Script => script_judge(table, file.clone())?,
    };
    let votes = votes.map_or(1, |v| small(v.value));
    let rubric = rubric?;
    let spec = Judge {
        kind: who,
        rubric,
        stance,
        votes,
        independence,
        timeout_s,
    };
    Some(JudgePart {
        spec,
        kind_at: kind.span,
        argv,
        script: file,
        model,
    })
}

const PROVIDER_KEYS: [&str; 3] = ["base_url", "key_env", "max_tokens"];

fn command_judge(table: &mut Table<'_>, argv: Option<&Argv>) -> Option<JudgeKind> {
    table.refuse(&PROVIDER_KEYS, "for type = \"command\"");
    table.refuse(&["file"], "for type = \"command\"");
    if table.key("command").is_none() {
        table.missing("command", "command = [\"program\", \"argument\"]");
    }
    Some(JudgeKind::Command {
        command: command::plain(argv?),
    })
}

fn human_judge(table: &mut Table<'_>, votes: Option<&At<u64>>) -> Option<JudgeKind> {
    table.refuse(&PROVIDER_KEYS, "for type = \"human\"");
    table.refuse(&["command", "file", "model"], "for type = \"human\"");
    if let Some(votes) = votes.filter(|v| v.value != 1) {
        table
            .problems
            .error(votes.span, "a human judge has one vote", "remove `votes`");
        return None;
    }
    Some(JudgeKind::Human)
}

fn script_judge(table: &mut Table<'_>, file: Option<At<String>>) -> Option<JudgeKind> {
    table.refuse(&PROVIDER_KEYS, "for type = \"script\"");
    table.refuse(&["command", "model"], "for type = \"script\"");
    let file = worker::script_file(table, file)?;
    Some(JudgeKind::Script { file: file.value })
}

fn rubric(table: &mut Table<'_>) -> Option<Vec<String>> {
    if table.key("rubric").is_none() {
        table.missing("rubric", "rubric = [\"Every claim has a source.\"]");
    }
    let lines = table.texts("rubric")?;
    if lines.value.is_empty() || lines.value.len() > MOST_LINES {
        table.problems.error(
            lines.span,
            format!("`rubric` has {} lines", lines.value.len()),
            format!("write 1 to {MOST_LINES} lines that are answered with yes or no"),
        );
        return None;
    }
    for line in &lines.value {
        if line.value.trim().is_empty() {
            table.problems.error(
                line.span,
                "a rubric line is empty",
                "write what must be true, or remove it",
            );
            return None;
        }
    }
    Some(lines.value.into_iter().map(|line| line.value).collect())
}

fn votes(table: &mut Table<'_>) -> Option<At<u64>> {
    let votes = table.number("votes", 1..=9)?;
    if votes.value.is_multiple_of(2) {
        table.problems.error(
            votes.span,
            "`votes` is even, so that there may be no majority",
            format!("write {} or {}", votes.value - 1, votes.value + 1),
        );
    }
    Some(votes)
}

/// What the judge is given; only less can be asked for, never more.
fn sees(table: &mut Table<'_>) {
    let allowed = ["goal", "output", "checks"];
    for word in table
        .texts("sees")
        .map(|list| list.value)
        .unwrap_or_default()
    {
        if !allowed.contains(&word.value.as_str()) {
            table.problems.error(
                word.span,
                format!(
                    "the judge cannot be shown `{}`: it sees goal, output and checks only",
                    word.value
                ),
                "write sees = [\"goal\", \"output\", \"checks\"], or remove the key",
            );
        }
    }
}
