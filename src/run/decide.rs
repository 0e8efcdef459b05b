//! What an operator's answer leads to, and which answers are refused: late, foreign, not allowed at
//! this kind, or not fit for it. A refused answer changes nothing.

use super::spec::{Judge, JudgeKind};
use super::{
    Answer, Ask, Checkpoint, CheckpointId, Decision, Digest, Edit, Effect, Event, Judgement,
    Outcome, Phase, Run, Signal, Stage, Verdict, ruling,
};

impl Run {
    pub(super) fn decided(
        &mut self,
        id: &CheckpointId,
        digest: Digest,
        decision: Decision,
        by: String,
    ) -> Result<Effect, String> {
        let open = self.open(id, &digest)?;
        let (ask, checkpoint) = (open.ask.clone(), id.clone());
        self.fits(&ask, &decision)?;
        self.emit(Event::Decided {
            checkpoint,
            digest,
            decision: decision.clone(),
            by,
        });
        Ok(match decision {
            Decision::Approve { .. } => self.approved(ask),
            Decision::Edit(edit) => self.edited(ask, edit),
            Decision::Retry { note } => self.retried(ask, note.unwrap_or_default()),
            Decision::Abort => self.aborted(&ask),
        })
    }

    fn open(&self, id: &CheckpointId, digest: &Digest) -> Result<&Checkpoint, String> {
        let Phase::Asking(open) = &self.phase else {
            return Err(format!(
                "{id} is not asked any more; nothing waits in this run"
            ));
        };
        if open.id != *id {
            return Err(format!(
                "{id} is not asked any more; the run now asks {}",
                open.id
            ));
        }
        if open.digest != *digest {
            let now = open.digest.short();
            return Err(format!(
                "what {id} shows has changed; look again, its digest is {now}"
            ));
        }
        Ok(open)
    }

    fn fits(&self, ask: &Ask, decision: &Decision) -> Result<(), String> {
        let kind = ask.kind();
        if !ask.allows(decision.answer()) {
            return Err(match ask {
                Ask::Budget { .. } => {
                    "approving cannot spend: e raises the cap for this run, x stops it".to_owned()
                }
                Ask::Question { .. } => {
                    "a question wants an answer: e answers, r lets the worker choose".to_owned()
                }
                Ask::Prompt { .. }
                | Ask::Work { .. }
                | Ask::Verdict { .. }
                | Ask::Publish { .. }
                | Ask::Guardrail { .. }
                | Ask::Stuck { .. }
                | Ask::Permission { .. }
                | Ask::Error { .. } => format!("a {kind} checkpoint has no such answer"),
            });
        }
        match decision {
            Decision::Approve { typed } => self.approval_fits(ask, typed.as_deref()),
            Decision::Edit(edit) => self.edit_fits(ask, edit),
            Decision::Retry { .. } => self.retry_fits(ask),
            Decision::Abort => Ok(()),
        }
    }

    /// The answers to the open question that would not be refused whatever they hold.
    pub fn answers(&self) -> Vec<Answer> {
        let Phase::Asking(open) = &self.phase else {
            return Vec::new();
        };
        let fits = |answer: &Answer| match (answer, &open.ask) {
            (Answer::Approve, Ask::Verdict { verdict, .. }) => verdict.judgement != Judgement::Open,
            (Answer::Retry, ask) => self.retry_fits(ask).is_ok(),
            (Answer::Approve | Answer::Edit | Answer::Abort, _) => true,
        };
        let all = [Answer::Approve, Answer::Edit, Answer::Retry, Answer::Abort];
        let allowed = all.into_iter().filter(|a| open.ask.allows(*a));
        allowed.filter(fits).collect()
    }

    fn approval_fits(&self, ask: &Ask, typed: Option<&str>) -> Result<(), String> {
        match ask {
            Ask::Verdict { verdict, .. } if verdict.judgement == Judgement::Open => {
                Err("you are the judge here: answer every rubric line first".to_owned())
            }
            Ask::Publish { typed: true, .. } => {
                let Phase::Asking(open) = &self.phase else {
                    return Ok(());
                };
                let wanted = open.digest.short();
                match typed {
                    Some(typed) if typed.eq_ignore_ascii_case(wanted) => Ok(()),
                    Some(_) => Err(format!("that is not the digest shown, {wanted}")),
                    None => Err(format!("to publish here, type the digest {wanted}")),
                }
            }
            Ask::Prompt { .. }
            | Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Publish { .. }
            | Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Stuck { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => Ok(()),
        }
    }

    fn edit_fits(&self, ask: &Ask, edit: &Edit) -> Result<(), String> {
        match (ask, edit) {
            (Ask::Prompt { .. }, Edit::Prompt { text }) if text.trim().is_empty() => {
                Err("an empty prompt cannot be sent".to_owned())
            }
            (Ask::Question { .. }, Edit::Answer { text }) if text.trim().is_empty() => {
                Err("an empty answer says nothing; r lets the worker choose".to_owned())
            }
            (Ask::Work { .. } | Ask::Publish { .. }, Edit::File { path, .. }) => {
                let known = self
                    .work
                    .iter()
                    .flat_map(|w| &w.changes)
                    .any(|c| c.path == *path);
                if known {
                    Ok(())
                } else {
                    Err(format!("{path} is not among the changed files"))
                }
            }
            (Ask::Verdict { verdict, .. }, Edit::Verdict { lines, .. }) => {
                self.turned(verdict, lines).map(|_| ())
            }
            (
                Ask::Budget { limit, .. },
                Edit::Raise {
                    tokens,
                    minutes,
                    micro_usd,
                },
            ) => {
                let mut raised = self.meter;
                raised.raise(*tokens, *minutes, *micro_usd);
                let enough = raised.reached().is_none() && limit.is_raised(raised.cap());
                if enough {
                    Ok(())
                } else {
                    Err("the cap must be above what is spent".to_owned())
                }
            }
            (Ask::Prompt { .. }, Edit::Prompt { .. })
            | (Ask::Question { .. }, Edit::Answer { .. })
            | (Ask::Guardrail { .. }, Edit::AllowOnce)
            | (Ask::Permission { .. }, Edit::AllowForRun)
            | (Ask::Stuck { .. } | Ask::Error { .. }, Edit::Files) => Ok(()),
            (ask, _other) => Err(format!(
                "that edit does not belong to a {} checkpoint",
                ask.kind()
            )),
        }
    }

    fn retry_fits(&self, ask: &Ask) -> Result<(), String> {
        let max = self.wake.spec.guardrails.max_iterations;
        match ask {
            Ask::Publish { .. } if self.iteration >= max => Err(format!(
                "all {max} iterations are used; e edits the draft, x keeps it"
            )),
            Ask::Prompt { .. }
            | Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Publish { .. }
            | Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Stuck { .. }
            | Ask::Permission { .. }
            | Ask::Budget { .. }
            | Ask::Error { .. } => Ok(()),
        }
    }

    fn approved(&mut self, ask: Ask) -> Effect {
        match ask {
            Ask::Prompt { .. } => self.begin(Stage::Work),
            Ask::Work { .. } => self.begin(Stage::Check),
            Ask::Verdict { .. } => self.begin(Stage::Remember),
            Ask::Publish { .. } => self.begin(Stage::Publish),
            Ask::Guardrail { .. } => self.after_work(),
            Ask::Stuck { signal } => self.one_more_try(&signal),
            Ask::Permission { call, .. } => self.permit(call),
            Ask::Error { failure } => self.begin(failure.stage),
            Ask::Budget { limit, next } => self.ask(Ask::Budget { limit, next }),
            Ask::Question { question } => self.ask(Ask::Question { question }),
        }
    }

    fn edited(&mut self, ask: Ask, edit: Edit) -> Effect {
        match ask {
            Ask::Prompt { .. } => self.begin(Stage::Compose),
            Ask::Question { .. } => self.discarded(),
            Ask::Work { .. } | Ask::Publish { .. } | Ask::Guardrail { .. } => {
                self.begin(Stage::Rework)
            }
            Ask::Verdict { verdict, .. } => self.turn_verdict(&verdict, edit),
            Ask::Stuck { signal } => self.one_more_try(&signal),
            Ask::Permission { call, .. } => self.permit(call),
            Ask::Budget { next, .. } => self.begin(next),
            Ask::Error { failure } => self.begin(failure.stage),
        }
    }

    fn retried(&mut self, ask: Ask, note: String) -> Effect {
        match ask {
            Ask::Prompt { .. } => self.begin(Stage::Compose),
            Ask::Work { .. } | Ask::Question { .. } | Ask::Guardrail { .. } => self.discarded(),
            Ask::Verdict { .. } => self.begin(Stage::Check),
            Ask::Publish { .. } => self.next_iteration(),
            Ask::Stuck { signal } => self.one_more_try(&signal),
            Ask::Permission { call, .. } => self.answer_call(call, false, note),
            Ask::Error { failure } => self.begin(failure.stage),
            Ask::Budget { limit, next } => self.ask(Ask::Budget { limit, next }),
        }
    }

    fn aborted(&mut self, ask: &Ask) -> Effect {
        match ask {
            Ask::Publish { .. } => {
                self.emit(Event::Ended(Outcome::Kept));
                Effect::Finish
            }
            Ask::Permission { .. } => {
                self.emit(Event::StopAsked);
                Effect::Halt
            }
            Ask::Stuck { .. } => self.close(Outcome::Stuck),
            Ask::Budget { .. } => self.close(Outcome::Budget),
            Ask::Prompt { .. }
            | Ask::Work { .. }
            | Ask::Verdict { .. }
            | Ask::Question { .. }
            | Ask::Guardrail { .. }
            | Ask::Error { .. } => self.close(Outcome::Stopped),
        }
    }

    /// A worker that only asks has not used its iteration: that one begins again.
    fn one_more_try(&mut self, signal: &Signal) -> Effect {
        match signal {
            Signal::SameQuestion { .. } => self.discarded(),
            Signal::SameVerdict { .. }
            | Signal::SameDiff { .. }
            | Signal::SameFailure { .. }
            | Signal::Circle { .. } => self.next_iteration(),
        }
    }

    pub(super) fn permit(&mut self, call: String) -> Effect {
        self.answer_call(call, true, String::new())
    }

    fn answer_call(&mut self, call: String, allowed: bool, note: String) -> Effect {
        self.emit(Event::Permitted {
            call: call.clone(),
            allowed,
        });
        Effect::Permit {
            call,
            allowed,
            note,
        }
    }

    fn turn_verdict(&mut self, verdict: &Verdict, edit: Edit) -> Effect {
        let Edit::Verdict {
            lines,
            note,
            feedback,
        } = edit
        else {
            return Effect::Wait;
        };
        let judgement = self
            .turned(verdict, &lines)
            .unwrap_or_else(|_| verdict.judgement.clone());
        let mut turned = ruling::compose(
            &self.wake.spec,
            verdict.tree.clone(),
            verdict.checks.clone(),
            judgement,
            None,
        );
        // It is the same work, whoever judges it.
        turned.flags.clone_from(&verdict.flags);
        // A note that only told the findings follows them; words of the operator or the worker stay.
        let (checks, judgement) = (&verdict.checks, &verdict.judgement);
        if ruling::proposed(&self.wake.spec, checks, judgement, None) != verdict.note {
            turned.note.clone_from(&verdict.note);
        }
        turned.note = note.or(turned.note).filter(|n| !n.trim().is_empty());
        // Words of the operator stay; words that only told the findings follow them.
        let by_hand = ruling::feedback(&verdict.checks, &verdict.judgement) != verdict.feedback;
        if let Some(feedback) = feedback {
            turned.feedback = feedback;
        } else if by_hand {
            turned.feedback.clone_from(&verdict.feedback);
        }
        let then = self.after_verdict(&turned);
        self.emit(Event::Ruled(Box::new(turned.clone())));
        self.ask(Ask::Verdict {
            verdict: Box::new(turned),
            then,
        })
    }

    /// The judge's part with these rubric lines set by the operator.
    fn turned(
        &self,
        verdict: &Verdict,
        lines: &[(usize, bool, String)],
    ) -> Result<Judgement, String> {
        let turned = ruling::turn(&verdict.judgement, self.rubric(), lines)?;
        let human = matches!(
            self.wake.spec.goal.judge,
            Some(Judge {
                kind: JudgeKind::Human,
                model: None,
                ..
            })
        );
        Ok(if human { ruling::own(turned) } else { turned })
    }

    pub(super) fn rubric(&self) -> &[String] {
        let judge = self.wake.spec.goal.judge.as_ref();
        judge.map_or(&[], |judge| &judge.rubric)
    }
}
