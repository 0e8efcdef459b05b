//! `[goal]`: the statement, and the checks that verify it; the judge is in `judge.rs`.

use crate::config::reader::Table;
use crate::run::spec::Check;

use super::command::{self, Argv};
use super::judge::{self, JudgePart};
use super::worker::{self, LONGEST};

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

/// Longest check or vote where the file says nothing, in seconds.
pub(super) const DEFAULT_TIMEOUT: u64 = 5 * 60;

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
    let judge = table.table("judge", judge::read).flatten();
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
