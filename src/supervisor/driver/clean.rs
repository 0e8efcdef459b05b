//! What an errand brings home, and what an operator says, is cleaned of secrets before a run hears it:
//! from there it goes to the journal, the artefacts, the next prompt and every screen.

use std::borrow::Cow;

use crate::run::{CheckResult, Decision, Edit, Failure, Input, Judgement, Pause, Work};
use crate::supervisor::redactor::Redactor;

/// What an operator said, or the same news, without any secret in it.
pub(super) fn clean(redactor: &Redactor, input: Input) -> Input {
    let one = |text: String| redactor.clean(&text).into_owned();
    if let Input::Decide {
        checkpoint,
        digest,
        decision,
        by,
    } = input
    {
        return Input::Decide {
            checkpoint,
            digest,
            decision: decided(decision, &one),
            by,
        };
    }
    told(input, one)
}

/// Why an operator's text cannot be taken: a file gets its very bytes, and the journal would keep a secret
/// with them.
pub(super) fn refuses(redactor: &Redactor, input: &Input) -> Option<String> {
    let Input::Decide {
        decision: Decision::Edit(Edit::File { path, text }),
        ..
    } = input
    else {
        return None;
    };
    matches!(redactor.clean(text), Cow::Owned(_)).then(|| {
        format!(
            "your text for {path} holds a key, which the journal would keep: take it out and send the text \
             again, or write the file outside of checkride"
        )
    })
}

/// News without any secret in the words of worker, checks, judge or a failure.
fn told(news: Input, one: impl Fn(String) -> String) -> Input {
    match news {
        Input::CannotVerify(why) => Input::CannotVerify(one(why)),
        Input::Permission { call, what } => Input::Permission {
            call,
            what: one(what),
        },
        Input::Worked(mut work) => {
            worked(&mut work, &one);
            Input::Worked(work)
        }
        Input::Checked(results) => {
            let cleaned = results.into_iter().map(|result| checked(result, &one));
            Input::Checked(cleaned.collect())
        }
        Input::Judged {
            judgement,
            usage,
            took_ms,
        } => Input::Judged {
            judgement: judged(judgement, &one),
            usage,
            took_ms,
        },
        Input::Drafted { paths, offer } => Input::Drafted {
            paths: paths.into_iter().map(&one).collect(),
            offer,
        },
        Input::Failed(failure) => Input::Failed(Failure {
            cause: one(failure.cause),
            detail: one(failure.detail),
            ..failure
        }),
        Input::Paused(pause) => Input::Paused(Pause {
            cause: one(pause.cause),
            ..pause
        }),
        news @ (Input::Prepared(_)
        | Input::Composed(_)
        | Input::Used(_)
        | Input::Reserve(_)
        | Input::Remembered { .. }
        | Input::Forgotten
        | Input::Moved(_)
        | Input::Published(_)
        | Input::Unpublished
        | Input::Restored { .. }
        | Input::Took(_)
        | Input::PauseOver
        | Input::NoRoom(_)
        | Input::TimeUp
        | Input::Halted
        | Input::Decide { .. }
        | Input::Hold(_)
        | Input::Stop
        | Input::Undo
        | Input::Resume
        | Input::Restore { .. }
        | Input::Interrupted) => news,
    }
}

fn checked(result: CheckResult, one: &impl Fn(String) -> String) -> CheckResult {
    CheckResult {
        figure: one(result.figure),
        evidence: one(result.evidence),
        ..result
    }
}

fn worked(work: &mut Work, one: &impl Fn(String) -> String) {
    for said in [&mut work.claim, &mut work.note, &mut work.question] {
        *said = said.take().map(one);
    }
    let tried = work.breaches.iter_mut().map(|breach| &mut breach.tried);
    let flags = work.flags.iter_mut().map(|flag| &mut flag.what);
    let names = work.changes.iter_mut().map(|change| &mut change.path);
    for text in tried.chain(flags).chain(names) {
        *text = one(std::mem::take(text));
    }
}

/// What an operator says to worker or judge. The text of a file keeps its bytes: no secret is in it.
fn decided(decision: Decision, one: &impl Fn(String) -> String) -> Decision {
    let edit = match decision {
        Decision::Retry { note } => {
            return Decision::Retry {
                note: note.map(one),
            };
        }
        Decision::Edit(edit) => edit,
        decision @ (Decision::Approve { .. } | Decision::Abort) => return decision,
    };
    Decision::Edit(match edit {
        Edit::Prompt { text } => Edit::Prompt { text: one(text) },
        Edit::Answer { text } => Edit::Answer { text: one(text) },
        Edit::Verdict {
            lines,
            note,
            feedback,
        } => Edit::Verdict {
            lines: lines
                .into_iter()
                .map(|(line, pass, why)| (line, pass, one(why)))
                .collect(),
            note: note.map(one),
            feedback: feedback.map(one),
        },
        edit @ (Edit::File { .. }
        | Edit::AllowOnce
        | Edit::AllowForRun
        | Edit::Raise { .. }
        | Edit::Files) => edit,
    })
}

fn judged(judgement: Judgement, one: &impl Fn(String) -> String) -> Judgement {
    match judgement {
        Judgement::Given(mut answer) => {
            answer.note = answer.note.map(one);
            for finding in &mut answer.findings {
                finding.evidence = one(std::mem::take(&mut finding.evidence));
            }
            Judgement::Given(answer)
        }
        Judgement::Unreadable { why, raw } => Judgement::Unreadable {
            why: one(why),
            raw: one(raw),
        },
        judgement @ (Judgement::None | Judgement::NotAsked { .. } | Judgement::Open) => judgement,
    }
}
