//! `[goal.verify.judge]`: the separate examiner, who it is and what it is asked.

use crate::config::diagnostic::Span;
use crate::config::reader::{At, Table};
use crate::run::spec::{Api, Independence, Judge, JudgeKind};

use super::command::Argv;
use super::goal::DEFAULT_TIMEOUT;
use super::reach::Reach;
use super::worker::{LONGEST, small};

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
}

/// The words for the judge's `type`.
#[derive(Clone, Copy)]
enum Type {
    Command,
    Http(Api),
    Human,
    Script,
}

/// Most rubric lines: the keys `1` to `9` answer them.
const MOST_LINES: usize = 9;

/// Reads `[goal.verify.judge]`; `None` when it is wrong.
pub(super) fn read(table: &mut Table<'_>) -> Option<JudgePart> {
    let words = [
        ("command", Type::Command),
        ("human", Type::Human),
        ("script", Type::Script),
        ("openai", Type::Http(Api::Openai)),
        ("anthropic", Type::Http(Api::Anthropic)),
    ];
    if table.key("type").is_none() {
        table.missing("type", "type = \"command\"");
    }
    let kind = table.choice("type", &words);
    let reach = Reach::read(table);
    let rubric = rubric(table);
    let votes = votes(table);
    let stance = table
        .text("stance")
        .map_or_else(|| "find reasons to reject".to_owned(), |s| s.value);
    let independence = independence(table);
    let timeout_s = table
        .duration("timeout", 1..=LONGEST)
        .map_or(DEFAULT_TIMEOUT, |t| t.value);
    sees(table);

    let kind = kind?;
    let who = match kind.value {
        Type::Command => JudgeKind::Command {
            command: reach.command(
                table,
                ("command", "command = [\"program\", \"argument\"]"),
                &[],
            )?,
            format: reach.format.as_ref().map(|f| f.value),
        },
        Type::Http(api) => JudgeKind::Http(reach.provider(table, api, &[])?),
        Type::Human => human_judge(table, votes.as_ref())?,
        Type::Script => JudgeKind::Script {
            file: reach.script(table, &[])?,
        },
    };
    let votes = votes.map_or(1, |v| small(v.value));
    let rubric = rubric.unwrap_or_default();
    let spec = Judge {
        kind: who,
        model: reach.model,
        rubric,
        stance,
        votes,
        independence,
        timeout_s,
    };
    Some(JudgePart {
        spec,
        kind_at: kind.span,
        argv: reach.argv,
        script: reach.file,
    })
}

fn human_judge(table: &mut Table<'_>, votes: Option<&At<u64>>) -> Option<JudgeKind> {
    Reach::nobody(table);
    if let Some(votes) = votes.filter(|v| v.value != 1) {
        table
            .problems
            .error(votes.span, "a human judge has one vote", "remove `votes`");
        return None;
    }
    Some(JudgeKind::Human)
}

fn independence(table: &mut Table<'_>) -> Independence {
    let distances = [
        ("context", Independence::Context),
        ("model", Independence::Model),
        ("provider", Independence::Provider),
    ];
    table
        .choice("independence", &distances)
        .map_or(Independence::Context, |i| i.value)
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
    let Some(words) = table.texts("sees") else {
        return;
    };
    let given = |part: &&str| words.value.iter().any(|word| word.value == **part);
    if !allowed.iter().all(given) {
        table
            .problems
            .not_enforced("judge.sees (the judge is given goal, output and checks)");
    }
    for word in &words.value {
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
