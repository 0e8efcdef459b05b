//! Rulings: how checks and judge become one verdict, what it tells memory and the next prompt, and
//! what the operator may turn in it.

use super::inert;
use super::spec::{LoopSpec, NoteBy};
use super::verdict::{CheckOutcome, CheckResult, Finding, JudgeAnswer, Judgement, Verdict};

/// Most bytes of one check's output in the feedback.
const EVIDENCE_BYTES: usize = 1_500;

/// Most bytes of feedback in all; the rest is in the journal.
const FEEDBACK_BYTES: usize = 8 * 1024;

/// The evidence of a line that a person answered without a reason.
const SAYS_SO: &str = "the operator says so";

/// Most characters of one line of a note.
const NOTE_LINE_CHARS: usize = 200;

/// Checks and judge together, with the note and the feedback that follow from them.
///
/// `worker_note` is the worker's own proposal; it counts only where the loop says so.
pub fn compose(
    spec: &LoopSpec,
    tree: String,
    checks: Vec<CheckResult>,
    judgement: Judgement,
    worker_note: Option<String>,
) -> Verdict {
    let note = proposed(spec, &checks, &judgement, worker_note);
    let feedback = feedback(&checks, &judgement);
    Verdict {
        tree,
        checks,
        judgement,
        note,
        feedback,
        flags: Vec::new(),
    }
}

/// The note that is proposed for memory, by whom the loop says, as long as it may be.
pub fn proposed(
    spec: &LoopSpec,
    checks: &[CheckResult],
    judgement: &Judgement,
    worker_note: Option<String>,
) -> Option<String> {
    let proposed = match spec.memory.note {
        NoteBy::Verdict => note(checks, judgement),
        NoteBy::Worker => worker_note,
        NoteBy::None => None,
    };
    proposed.and_then(|note| cut(&note, spec.memory.max_note_lines))
}

/// A judge's answer, unless it leaves out a rubric line or adds one: that cannot be read.
pub fn whole(judgement: Judgement, rubric: &[String]) -> Judgement {
    match judgement {
        Judgement::Given(answer) if answer.findings.len() != rubric.len() => {
            Judgement::Unreadable {
                why: format!(
                    "{} of {} rubric lines are answered",
                    answer.findings.len(),
                    rubric.len()
                ),
                raw: String::new(),
            }
        }
        Judgement::Given(_)
        | Judgement::None
        | Judgement::NotAsked { .. }
        | Judgement::Open
        | Judgement::Unreadable { .. } => judgement,
    }
}

/// The judge's part with rubric lines set by the operator: `(line from 0, pass, reason)`.
///
/// # Errors
/// One line, where there is nothing to turn, a number is out of range, or a human judge left a line
/// open.
pub fn turn(
    judgement: &Judgement,
    rubric: &[String],
    lines: &[(usize, bool, String)],
) -> Result<Judgement, String> {
    if let Some((n, ..)) = lines.iter().find(|(n, ..)| *n >= rubric.len()) {
        return Err(format!(
            "there is no rubric line {}; there are {}",
            n + 1,
            rubric.len()
        ));
    }
    match judgement {
        Judgement::Given(answer) => Ok(Judgement::Given(turn_answer(answer, lines))),
        Judgement::Open | Judgement::Unreadable { .. } => by_hand(rubric, lines),
        Judgement::None | Judgement::NotAsked { .. } if lines.is_empty() => Ok(judgement.clone()),
        Judgement::None => Err("this loop has no judge to overrule".to_owned()),
        Judgement::NotAsked { because } => Err(format!(
            "the judge was not asked: {because} failed, and a failed check stays failed"
        )),
    }
}

/// Findings of a person who is the judge: changing their own mind overturns nobody.
pub fn own(judgement: Judgement) -> Judgement {
    match judgement {
        Judgement::Given(mut answer) => {
            for finding in &mut answer.findings {
                finding.overturned = false;
            }
            Judgement::Given(answer)
        }
        Judgement::None
        | Judgement::NotAsked { .. }
        | Judgement::Open
        | Judgement::Unreadable { .. } => judgement,
    }
}

fn turn_answer(answer: &JudgeAnswer, lines: &[(usize, bool, String)]) -> JudgeAnswer {
    let mut answer = answer.clone();
    for (n, pass, reason) in lines {
        let Some(finding) = answer.findings.get_mut(*n) else {
            continue;
        };
        if finding.pass != *pass {
            finding.overturned = !finding.overturned;
            finding.pass = *pass;
        }
        if !reason.trim().is_empty() {
            finding.evidence.clone_from(reason);
        }
    }
    answer
}

/// A human judge's answer, or the operator's in place of one that could not be read.
fn by_hand(rubric: &[String], lines: &[(usize, bool, String)]) -> Result<Judgement, String> {
    let findings = rubric.iter().enumerate().map(|(n, line)| {
        let (_, pass, reason) = lines.iter().rfind(|(set, ..)| *set == n)?;
        let evidence = if reason.trim().is_empty() {
            SAYS_SO
        } else {
            reason
        };
        let (line, evidence) = (line.clone(), evidence.to_owned());
        Some(Finding {
            line,
            pass: *pass,
            evidence,
            overturned: false,
        })
    });
    let findings: Option<Vec<_>> = findings.collect();
    let findings = findings.ok_or("every rubric line wants a yes or a no")?;
    let yes = u32::from(findings.iter().all(|f| f.pass));
    Ok(Judgement::Given(JudgeAnswer {
        findings,
        note: None,
        votes: (yes, 1),
    }))
}

/// The judge's note, else one line per failed check, else one per rubric line that is not met; nothing on
/// plain success (PRODUCT §5.19).
fn note(checks: &[CheckResult], judgement: &Judgement) -> Option<String> {
    if let Judgement::Given(JudgeAnswer {
        note: Some(note), ..
    }) = judgement
    {
        return Some(note.clone());
    }
    let mut lines: Vec<String> = failed(checks).map(in_one_line).collect();
    if let (true, Judgement::Given(answer)) = (lines.is_empty(), judgement) {
        let no = answer.findings.iter().filter(|finding| !finding.pass);
        lines.extend(no.map(|finding| match reason(finding).lines().next() {
            Some(why) => format!("{}: {why}", finding.line),
            None => format!("not met: {}", finding.line),
        }));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Why a line was answered so; empty where a person gave no reason.
fn reason(finding: &Finding) -> &str {
    match finding.evidence.as_str() {
        SAYS_SO => "",
        why => why,
    }
}

/// What the next prompt is told: every failed check with the end of its output, then every failed
/// rubric line. Empty where nothing failed.
pub fn feedback(checks: &[CheckResult], judgement: &Judgement) -> String {
    let mut parts: Vec<String> = failed(checks)
        .map(|check| {
            let head = format!("{}: {}", check.name, shown_figure(check));
            quoted(head, inert::tail(&check.evidence, EVIDENCE_BYTES))
        })
        .collect();
    match judgement {
        Judgement::Given(answer) => {
            let no = answer.findings.iter().filter(|f| !f.pass);
            parts.extend(no.map(|f| quoted(format!("judge: not met: {}", f.line), reason(f))));
        }
        // That an answer cannot be read is no fault of the worker's.
        Judgement::Unreadable { .. }
        | Judgement::None
        | Judgement::NotAsked { .. }
        | Judgement::Open => {}
    }
    inert::head(&parts.join("\n"), FEEDBACK_BYTES).to_owned()
}

/// A line with what was said below it, marked as quoted: it is data, never an instruction.
fn quoted(head: String, said: &str) -> String {
    said.lines().fold(head, |text, line| text + "\n> " + line)
}

fn failed(checks: &[CheckResult]) -> impl Iterator<Item = &CheckResult> {
    checks.iter().filter(|c| c.required && !c.passed())
}

/// «name: figure; first evidence line» (PRODUCT §5.19).
fn in_one_line(check: &CheckResult) -> String {
    let figure = shown_figure(check);
    let evidence = check
        .evidence
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && *line != check.figure);
    let more = evidence.map(|line| format!("; {line}")).unwrap_or_default();
    format!("{}: {figure}{more}", check.name)
}

/// The figure, or in its place how the check ended.
fn shown_figure(check: &CheckResult) -> String {
    match &check.outcome {
        CheckOutcome::Passed | CheckOutcome::Failed { .. } if !check.figure.is_empty() => {
            check.figure.clone()
        }
        CheckOutcome::Passed => "passed".to_owned(),
        CheckOutcome::Failed { code: Some(code) } => format!("failed with exit {code}"),
        CheckOutcome::Failed { code: None } => "killed by a signal".to_owned(),
        CheckOutcome::TimedOut => "not done in time".to_owned(),
        CheckOutcome::CannotRun(why) => format!("cannot run: {why}"),
        CheckOutcome::Void(why) => format!("does not count: {why}"),
        CheckOutcome::Skipped => "not run".to_owned(),
    }
}

fn cut(note: &str, max_lines: usize) -> Option<String> {
    let note = inert::inert_lines(note);
    let lines: Vec<String> = note
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(max_lines)
        .map(|line| inert::cut(line, NOTE_LINE_CHARS))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
