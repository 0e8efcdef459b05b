//! What an errand brings home is cleaned of secrets before a run hears it: from there it goes to the
//! journal, the artefacts, the next prompt and every screen.

use crate::run::{CheckResult, Failure, Input, Judgement, Pause};
use crate::supervisor::redactor::Redactor;

/// The same news without any secret in the words of worker, checks, judge or a failure.
pub(super) fn clean(redactor: &Redactor, news: Input) -> Input {
    if redactor.is_empty() {
        return news;
    }
    let one = |text: String| redactor.clean(&text).into_owned();
    match news {
        Input::CannotVerify(why) => Input::CannotVerify(one(why)),
        Input::Permission { call, what } => Input::Permission {
            call,
            what: one(what),
        },
        Input::Worked(mut work) => {
            work.claim = work.claim.map(one);
            work.note = work.note.map(one);
            work.question = work.question.map(one);
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
        | Input::Remembered { .. }
        | Input::Forgotten
        | Input::Drafted { .. }
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
