//! A question in words, with what must be known to answer it: the same for `show`, `run` and plain mode.

use super::{check, held_back, judgement, limit, one_line, repeats, ruling, size};
use crate::run::{
    AfterVerdict, Ask, ChangeKind, Checkpoint, Flag, Judgement, Limit, TextRef, Verdict, Work,
    counted,
};

/// A question with what must be known to answer it, but for texts that are kept apart.
pub(in crate::cli) fn question(open: &Checkpoint) -> Vec<String> {
    match &open.ask {
        Ask::Prompt { text, .. } => prompt_lines(text),
        Ask::Work { work } => changes(work),
        Ask::Verdict { verdict, then } => verdict_lines(verdict, *then),
        Ask::Publish {
            artefact,
            target,
            typed,
            reversible,
            tree,
            flags,
            unfit,
            ..
        } => {
            let back = if *reversible {
                "can be taken back"
            } else {
                "cannot be taken back"
            };
            let must = if *typed {
                "; the digest must be typed"
            } else {
                ""
            };
            let mut lines = vec![
                format!("publish to {target}: {back}{must}"),
                format!("tree {tree}, {}", counted(artefact.bytes, "byte")),
            ];
            let refused = |why| format!("as it stands this would be refused: {why}");
            lines.extend(unfit.iter().map(refused));
            lines.extend(look_at(flags));
            lines
        }
        Ask::Question { question } => question.lines().map(str::to_owned).collect(),
        Ask::Guardrail { breaches, work, .. } => breaches
            .iter()
            .map(|b| format!("refused by {}: {}; it was put back", b.rule, b.tried))
            .chain(changes(work))
            .collect(),
        Ask::Stuck { signal } => vec![format!("the run repeats itself: {}", repeats(signal))],
        Ask::Permission { what, .. } => {
            let leave = format!("the agent wants leave for: {what}");
            leave.lines().map(str::to_owned).collect()
        }
        Ask::Budget { limit: hit, next } => {
            let (how, what) = (reached(*hit), limit(*hit));
            vec![format!(
                "{how}: {what}; next would be: {}",
                held_back(*next)
            )]
        }
        Ask::Error { failure } => std::iter::once(format!("failed: {}", failure.cause))
            .chain(
                failure
                    .maybe_done
                    .then(|| "it may have happened all the same".to_owned()),
            )
            .chain(failure.detail.lines().map(|l| format!("  {l}")))
            .collect(),
    }
}

fn prompt_lines(text: &TextRef) -> Vec<String> {
    let mut lines = vec![format!(
        "these {} in {} are sent",
        counted(text.bytes, "byte"),
        counted(text.lines, "line")
    )];
    if text.hidden > 0 {
        lines.push(format!(
            "look at hidden characters: {}, spelled out below",
            text.hidden
        ));
    }
    lines
}

fn reached(limit: Limit) -> &'static str {
    if limit.is_ahead() {
        "too little is left for the next call"
    } else {
        "limit reached"
    }
}

fn changes(work: &Work) -> Vec<String> {
    let claim = work
        .claim
        .iter()
        .map(|c| format!("the worker says: {}", one_line(c)));
    std::iter::once(size(work))
        .chain(work.changes.iter().map(|c| {
            let kind = match c.kind {
                ChangeKind::Added => "added",
                ChangeKind::Modified => "modified",
                ChangeKind::Deleted => "deleted",
            };
            format!("  {kind:<8} +{:<5} -{:<5} {}", c.added, c.removed, c.path)
        }))
        .chain(look_at(&work.flags))
        .chain(claim)
        .collect()
}

fn look_at(flags: &[Flag]) -> impl Iterator<Item = String> {
    flags.iter().map(|flag| format!("look at {}", flag.line()))
}

fn verdict_lines(verdict: &Verdict, then: AfterVerdict) -> Vec<String> {
    let mut lines = vec![ruling(verdict)];
    lines.extend(look_at(&verdict.flags));
    for result in &verdict.checks {
        lines.push(format!("  check {}", check(result)));
        if !result.passed() {
            lines.extend(result.evidence.lines().map(|l| format!("    {l}")));
        }
    }
    lines.push(format!("  judge: {}", judgement(&verdict.judgement)));
    if let Judgement::Given(answer) = &verdict.judgement {
        lines.extend(answer.findings.iter().enumerate().map(|(i, f)| {
            let word = if f.pass { "yes" } else { "no" };
            format!("    {} {word}: {} ({})", i + 1, f.line, f.evidence)
        }));
    }
    lines.extend(verdict.note.iter().map(|note| format!("  note: {note}")));
    if !verdict.feedback.is_empty() {
        lines.push(format!("  feedback: {}", verdict.feedback));
    }
    let next = match then {
        AfterVerdict::NextIteration => "the next iteration",
        AfterVerdict::Exhausted => "the end, not approved",
        AfterVerdict::Publish => "the publish question",
        AfterVerdict::Done => "the end, goal met",
    };
    lines.push(format!("  approving leads to: {next}"));
    lines
}
