//! Verification: checks, then the judge, both in a clean checkout of exactly the judged tree. The
//! examiner's own files are copies that were pinned when the run began.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Mail;
use super::errands::{Amiss, Flight};
use crate::run::inert::spelled_line;
use crate::run::spec::{Judge, JudgeKind, OutputKind, Provider};
use crate::run::{CheckOutcome, CheckResult, Input, Judgement, Usage};
use crate::supervisor::naming;
use crate::supervisor::process::{self, Ending, Exit, Halt, Heard, Home, Limits, Stdin};
use crate::supervisor::provider::{Listener, Patience, Reach, Till};
use crate::supervisor::sandbox::rooms::Keep;
use crate::supervisor::sandbox::terms::Role;
use crate::supervisor::verifier::checks::{self, Site as Examination};
use crate::supervisor::verifier::judge::{
    self, Asked, CheckSeen, FileSeen, Output, Question, Seat,
};
use crate::supervisor::verifier::remote;
use crate::supervisor::worker::Kind;
use crate::supervisor::workspace::{Stock, Trouble, Workspace};

/// Longest time of one setup command.
const SETUP_TIME: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Bytes of a setup command's output that are kept for the operator.
const SETUP_TAIL: usize = 4 * 1024;

impl Flight {
    /// Runs every check on this tree, each where none has run before it.
    pub(super) async fn check(&self, tree: String) -> Result<Input, Amiss> {
        let examination = self.examination(tree.clone()).await?;
        let home = &self.site.homes().await.check;
        let mut results = Vec::new();
        let mut ready = None;
        for check in &self.site.wake.spec.goal.checks {
            let stock = match ready.take() {
                Some(stock) => Some(stock),
                None => self.make_ready(&tree).await?,
            };
            let ran = checks::run(check, &examination, home, &self.halt).await;
            let mut result = ran.ok_or(Amiss::Halted)?;
            self.hold_examiners(&mut result, tree.clone()).await?;
            results.push(result);
            ready = self.clear_away(&tree, stock).await?;
        }
        Ok(Input::Checked(results))
    }

    /// Makes a clean checkout and a new home for a check, with what the setup commands make in them, and says
    /// what lies there then.
    async fn make_ready(&self, tree: &str) -> Result<Option<Arc<Stock>>, Amiss> {
        let of = tree.to_owned();
        let checkout = self
            .with_workspace(move |workspace| workspace.verify_checkout(&of))
            .await?;
        self.furnish(Role::Check, Keep::Nothing).await?;
        self.set_up(&self.site.homes().await.setup, &checkout)
            .await?;
        let (of, homes) = (tree.to_owned(), self.site.room_of(Role::Check).await);
        self.with_workspace(move |workspace| {
            workspace.put_checkout_back(&of)?;
            Ok(workspace.take_stock(&of, &homes)?.map(Arc::new))
        })
        .await
    }

    /// Takes away what a check has left, so that no check finds anything of another. `None` where all must be made
    /// ready anew.
    async fn clear_away(
        &self,
        tree: &str,
        stock: Option<Arc<Stock>>,
    ) -> Result<Option<Arc<Stock>>, Amiss> {
        let Some(stock) = stock else {
            return Ok(None);
        };
        let tree = tree.to_owned();
        self.with_workspace(move |workspace| {
            let stands = workspace.clear_away(&tree, &stock)?;
            Ok(stands.then(|| stock.clone()))
        })
        .await
    }

    /// A check whose own files were changed meanwhile, by whatever it ran, has found nothing.
    async fn hold_examiners(&self, result: &mut CheckResult, tree: String) -> Result<(), Amiss> {
        let changed = self
            .with_workspace(move |workspace| workspace.changed_in_checkout(&tree))
            .await?;
        let examiners = self.site.examiners().await;
        if let Some(path) = changed.iter().find(|path| examiners.hold(path)) {
            let path = spelled_line(path.as_bytes());
            result.outcome = CheckOutcome::Void(format!("{path} was changed while it ran"));
        }
        Ok(())
    }

    /// Asks the judge about this tree; it sees goal, result and evidence, nothing else.
    pub(super) async fn judge(
        &self,
        tree: String,
        checks: Vec<CheckResult>,
    ) -> Result<Input, Amiss> {
        let Some(judge) = &self.site.wake.spec.goal.judge else {
            let (judgement, usage) = (Judgement::None, Usage::default());
            return Ok(Input::Judged {
                judgement,
                usage,
                took_ms: 0,
            });
        };
        let output = match self.output(tree.clone()).await? {
            Output::Diff(text) => Output::Diff(self.hide(text)),
            Output::Files(files) => Output::Files(
                files
                    .into_iter()
                    .map(|FileSeen { path, text }| FileSeen {
                        path,
                        text: self.hide(text),
                    })
                    .collect(),
            ),
        };
        let question = Question {
            goal: &self.site.wake.spec.goal.statement,
            rubric: &judge.rubric,
            output,
            checks: checks.iter().map(CheckSeen::from).collect(),
            flags: self.flags(tree.clone()).await?,
            stance: &judge.stance,
        };
        match self.ask(judge, &question, tree).await? {
            Asked::Answered {
                judgement,
                usage,
                took_ms,
            } => Ok(Input::Judged {
                judgement,
                usage: self.site.priced(usage, judge.model.as_deref()),
                took_ms,
            }),
            Asked::Halted => Err(Amiss::Halted),
            Asked::Failed(failure) => Err(Amiss::Failed(failure)),
            Asked::Limited(met, usage) => {
                let usage = self.site.priced(usage, judge.model.as_deref());
                // A driver that has ended wants no more news.
                drop(self.me.send(Mail::underway(Input::Used(usage))).await);
                Err(Amiss::Limited(met))
            }
            Asked::NoRoom(purse, why, usage) => {
                let usage = self.site.priced(usage, judge.model.as_deref());
                // As above.
                drop(self.me.send(Mail::underway(Input::Used(usage))).await);
                self.site.narrate(vec![(Kind::Error, why)]);
                Err(Amiss::NoRoom(purse))
            }
        }
    }

    /// What fixed rules say of a tree, in words for a judge.
    async fn flags(&self, tree: String) -> Result<Vec<String>, Amiss> {
        let (examiners, keys) = (self.site.examiners().await, self.site.redactor.clone());
        let flags = self
            .with_workspace(move |workspace| workspace.flags(&tree, &examiners, &keys))
            .await?;
        Ok(flags.iter().map(|flag| self.hide(flag.line())).collect())
    }

    async fn ask(
        &self,
        judge: &Judge,
        question: &Question<'_>,
        tree: String,
    ) -> Result<Asked, Amiss> {
        let answered = |judgement| Asked::Answered {
            judgement,
            usage: Usage::default(),
            took_ms: 0,
        };
        match &judge.kind {
            JudgeKind::Human => Ok(answered(Judgement::Open)),
            JudgeKind::Http(provider) => {
                let (till, wants) = Till::kept();
                self.site.read_prices();
                let reach = self.reach(provider, till);
                let mut hears = Hearing {
                    flight: self,
                    model: &provider.model,
                };
                tokio::select! {
                    asked = remote::ask(&reach, judge, question, &mut hears, &self.halt) => Ok(asked),
                    () = self.keep_till(wants, Some(&provider.model)) => Err(Amiss::Halted),
                }
            }
            JudgeKind::Command { command, format: _ } => {
                self.site.read_prices();
                let examination = self.examination(tree).await?;
                let command = examination.slots.fill_known(command);
                self.furnish(Role::Judge, Keep::Nothing).await?;
                let seat = Seat {
                    home: &self.site.homes().await.judge,
                    checkout: &examination.checkout,
                    clock: &self.site.clock,
                    left: self.left(judge.model.as_deref()),
                };
                Ok(judge::ask_command(&command, judge, question, seat, &self.halt).await)
            }
            JudgeKind::Script { file } => {
                let script = self.judge_script(file)?;
                let pause = script
                    .takes(self.iteration)
                    .mul_f64(self.site.pace.max(0.0));
                let mut halt = self.halt.clone();
                tokio::select! {
                    () = tokio::time::sleep(pause) => {
                        Ok(answered(script.judge(self.iteration, question.rubric)))
                    }
                    Ok(_) = halt.wait_for(|halt| *halt > Halt::No) => Ok(Asked::Halted),
                }
            }
        }
    }

    /// All that is needed to reach a model for this run.
    pub(super) fn reach<'a>(&'a self, provider: &'a Provider, till: Till) -> Reach<'a> {
        Reach {
            provider,
            key: self.site.key(provider),
            patience: Patience::default(),
            clock: &self.site.clock,
            till,
        }
    }

    fn judge_script(&self, file: &str) -> Result<judge::Script, Amiss> {
        let amiss = |why: String| Amiss::because(format!("loops/{file}: {why}"));
        let path = self.site.project.join("loops").join(file);
        let text = std::fs::read_to_string(path).map_err(|e| amiss(e.to_string()))?;
        judge::Script::parse(&text).map_err(amiss)
    }

    /// A clean checkout of this tree, with what the checks are given in it.
    async fn examination(&self, tree: String) -> Result<Examination, Amiss> {
        self.site.require_pinned().await.map_err(Amiss::at)?;
        let (checkout, base, changes) = self
            .with_workspace(move |workspace| {
                let checkout = workspace.verify_checkout(&tree)?;
                let (_, changes) = workspace.diff(workspace.start(), &tree)?;
                Ok((checkout, workspace.base().to_owned(), changes))
            })
            .await?;
        let slots = self
            .site
            .slots(&base, &changes)
            .with("iteration", &self.iteration.to_string())
            .with("workspace", &checkout.display().to_string());
        Ok(Examination {
            checkout,
            pinned: self.pinned().await,
            slots,
        })
    }

    /// The copies of check scripts, by their path in the project.
    async fn pinned(&self) -> BTreeMap<String, PathBuf> {
        let folder = self.site.pinned();
        let scripts = self.site.check_scripts().await.into_iter();
        scripts
            .map(|path| {
                let copy = folder.join(&path);
                (path, copy)
            })
            .collect()
    }

    /// Runs the loop's setup commands in this folder.
    pub(super) async fn set_up(&self, home: &Home, folder: &Path) -> Result<(), Amiss> {
        for command in &self.site.wake.spec.guardrails.workspace.setup {
            let amiss = |why: String, detail: String| {
                let cause = format!(
                    "setup «{}»: {why}; mend it, then try again",
                    command.join(" ")
                );
                Amiss::at(Trouble {
                    detail,
                    ..Trouble::new(cause)
                })
            };
            let order = home.order(command.clone(), folder, Stdin::Null);
            let running = process::spawn(order)
                .await
                .map_err(|e| amiss(e.why, String::new()))?;
            let limits = Limits {
                timeout: SETUP_TIME,
                halt: self.halt.clone(),
            };
            let mut heard = Heard::new(SETUP_TAIL);
            let watched = process::watch(running, b"", limits, &mut heard).await;
            match (watched.ending, watched.exit) {
                (Ending::Halted, _) => return Err(Amiss::Halted),
                (Ending::ByItself, Exit::Code(0)) => {}
                (Ending::TimedOut, _) => {
                    return Err(amiss("it was not done in time".to_owned(), heard.text()));
                }
                (Ending::ByItself, exit) => {
                    return Err(amiss(exit.to_string(), heard.text()));
                }
            }
        }
        Ok(())
    }

    /// What the judge is shown of a tree: the artefact, or the diff against the start.
    async fn output(&self, tree: String) -> Result<Output, Amiss> {
        let output = self.site.wake.spec.output.clone();
        let date = self.site.wake.date.clone();
        self.with_workspace(move |workspace| {
            let (diff, changes) = workspace.diff(workspace.start(), &tree)?;
            match (output.kind, naming::artefact(&output, &date, &changes).path) {
                (OutputKind::Files, Some(path)) => artefact(workspace, &tree, path),
                (OutputKind::Files | OutputKind::Diff, _) => Ok(Output::Diff(diff)),
            }
        })
        .await
    }
}

fn artefact(workspace: &Workspace, tree: &str, path: String) -> Result<Output, Trouble> {
    let prefix = String::from_utf8_lossy(workspace.prefix()).into_owned();
    let bytes = workspace.export(tree, &format!("{prefix}{path}"))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output::Files(vec![FileSeen { path, text }]))
}

/// Hears a judge: what it says is its answer alone, what it uses and waits for is told.
struct Hearing<'a> {
    flight: &'a Flight,
    model: &'a str,
}

impl Listener for Hearing<'_> {
    fn said(&mut self, _: &str) {}

    fn thought(&mut self, _: &str) {}

    fn used(&mut self, so_far: Usage) {
        // A full inbox has newer news soon; the whole usage comes with the end.
        let so_far = self.flight.site.priced(so_far, Some(self.model));
        drop(self.flight.me.try_send(Mail::underway(Input::Used(so_far))));
    }

    fn again(&mut self, why: &str) {
        self.flight
            .site
            .narrate(vec![(Kind::Error, why.to_owned())]);
    }

    fn pause(&mut self) {}
}
