//! Up to the work and through it: preflight, workspace, prompt, the worker's turn, and bringing the
//! workspace to a named tree.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;

use super::errands::{Amiss, Flight};
use super::preflight;
use crate::run::prompt::{self, Ingredients};
use crate::run::spec::WorkerKind;
use crate::run::{Author, Digest, Flag, Input, Prompt, TextRef, Work};
use crate::supervisor::guard::Guard;
use crate::supervisor::memory;
use crate::supervisor::plain;
use crate::supervisor::process::Halt;
use crate::supervisor::sandbox::rooms::Keep;
use crate::supervisor::sandbox::terms::Role;
use crate::supervisor::site::apart;
use crate::supervisor::worker::Turn;
use crate::supervisor::workspace::measure::{Measured, Since};
use crate::supervisor::workspace::{Trouble, Workspace};

impl Flight {
    /// Looks whether the run can verify itself, then makes the workspace. Nothing is spent.
    pub(super) async fn prepare(&self) -> Result<Input, Amiss> {
        if let Err(why) = preflight::look(&self.site).await {
            return Ok(Input::CannotVerify(why));
        }
        let made = async || {
            self.site.pin().await?;
            self.site.make_workspace().await
        };
        let mut ground = match self.on_leash(made).await {
            Ok(ground) => ground,
            Err(Amiss::Failed(failure)) => return Ok(Input::CannotVerify(failure.cause)),
            Err(halted) => return Err(halted),
        };
        self.site.advise().await;
        let unenforced = self.site.wake.not_enforced.iter().cloned();
        ground.not_enforced.extend(unenforced);
        let reopen = || {
            let folder = |workspace: &Workspace| Ok(workspace.work_folder());
            self.site.workspace(ground.clone(), folder)
        };
        let folder = self.held(reopen).await?;
        let looked = preflight::target(&self.site, &ground);
        let looked = match looked {
            Ok(()) => preflight::worker(&self.site, &folder).await,
            Err(why) => Err(why),
        };
        if let Err(why) = looked {
            return Ok(Input::CannotVerify(why));
        }
        if let Err(why) = self.site.laid_out(folder.clone()).await {
            return Ok(Input::CannotVerify(why));
        }
        self.furnish(Role::Worker, Keep::Login).await?;
        match self.set_up(&self.site.homes().await.worker, &folder).await {
            Ok(()) => Ok(Input::Prepared(ground)),
            Err(Amiss::Failed(failure)) => Ok(Input::CannotVerify(failure.cause)),
            Err(halted) => Err(halted),
        }
    }

    /// Reads goal, skill and memory as they stand now, and puts the prompt together.
    pub(super) async fn compose(&self, feedback: String) -> Result<Input, Amiss> {
        let spec = &self.site.wake.spec;
        let amiss = |why: String| Amiss::because(why);
        self.site.reads().await.map_err(amiss)?;
        let (project, of) = (self.site.project.clone(), spec.clone());
        let read = apart(move || (plain::skill(&project, &of), memory::read(&project, &of)));
        let (skill, memory) = read.await;
        let (skill, memory) = (skill.map_err(amiss)?, memory.map_err(amiss)?);
        let goal = self.site.goal_now().await.map_err(amiss)?;
        let fired = self.site.wake.fired.as_ref();
        let (payload, marker) = match fired.and_then(|fired| fired.payload.as_ref()) {
            Some(payload) => {
                let text = self.kept("payload", &payload.text.digest).await?;
                (Some(text), payload.marker.clone())
            }
            None => (None, String::new()),
        };
        let (text, prompt) = prompt::compose(&Ingredients {
            skill: self.hide(skill.body),
            goal: self.hide(goal),
            memory: self.hide(memory.text),
            inject_tokens: spec.memory.inject_tokens,
            feedback: self.hide(feedback),
            may_ask: may_ask(&spec.worker.kind),
            payload,
            marker,
        });
        self.keep(text);
        Ok(Input::Composed(prompt))
    }

    /// Takes the operator's bytes as the prompt.
    pub(super) async fn adopt(&self, text: String) -> Result<Input, Amiss> {
        let (project, of) = (self.site.project.clone(), self.site.wake.spec.clone());
        let skill = apart(move || plain::skill(&project, &of)).await;
        // What cannot be read stands in no prompt.
        let skill = skill.ok().map(|skill| self.hide(skill.body));
        let text = self.hide(text);
        let prompt = Prompt::by_hand(&text, skill.as_deref());
        self.keep(text);
        Ok(Input::Composed(prompt))
    }

    /// Brings the workspace to the tree that the iteration starts from, and gives the worker its
    /// turn. What it left is measured on the real tree; its own account is only a claim.
    pub(super) async fn work(
        &self,
        from: String,
        prompt: Digest,
        left_ms: u64,
    ) -> Result<Input, Amiss> {
        let text = self.kept("prompt", &prompt).await?;
        let tree = from.clone();
        let folder = self
            .with_workspace(move |workspace| {
                workspace.restore(&tree)?;
                Ok(workspace.work_folder())
            })
            .await?;
        let turn = self.turn(&text, &folder, left_ms).await?;
        let measured = self.measure(from, true).await?;
        self.tell_work(measured, Some(turn), Author::Worker).await
    }

    async fn kept(&self, what: &str, digest: &Digest) -> Result<String, Amiss> {
        let kept = self.site.journal.text(digest.clone()).await;
        kept.map_err(|e| Amiss::because(e.to_string()))?
            .ok_or_else(|| {
                let why = format!("the {what} {} is not in the journal", digest.short());
                Amiss::because(why)
            })
    }

    /// Puts the operator's text into one file of a tree, and measures anew.
    pub(super) async fn rework(
        &self,
        before: String,
        from: String,
        (path, text): (String, String),
    ) -> Result<Input, Amiss> {
        let redactor = self.site.redactor.clone();
        self.with_workspace(move |workspace| {
            let stood = workspace.export(&from, &path).unwrap_or_default();
            if redactor.left_marks(&String::from_utf8_lossy(&stood), &text) {
                return Err(Trouble::new(format!(
                    "{path} holds a key that was not shown, and your text has its mark in its place: \
                     take that line out, or ask for it with r and a note"
                )));
            }
            workspace.restore(&from)?;
            workspace.write_file(&path, &text)
        })
        .await?;
        let measured = self.measure(before, true).await?;
        self.tell_work(measured, None, Author::Operator).await
    }

    /// Brings back a tree that the guardrails refused, because the operator allowed it once.
    pub(super) async fn reinstate(&self, before: String, tree: String) -> Result<Input, Amiss> {
        self.with_workspace(move |workspace| workspace.restore(&tree))
            .await?;
        let measured = self.measure(before, false).await?;
        self.tell_work(measured, None, Author::Worker).await
    }

    /// Puts the workspace back to a restore point.
    pub(super) async fn restore(&self, tree: String) -> Result<Input, Amiss> {
        let to = tree.clone();
        self.with_workspace(move |workspace| workspace.restore(&to))
            .await?;
        Ok(Input::Restored { tree })
    }

    /// What stands in the workspace now against the tree before. `guarded` is whether the loop's
    /// rules apply: they do not to what the operator allowed.
    async fn measure(&self, before: String, guarded: bool) -> Result<Measured, Amiss> {
        let rules = self.site.wake.spec.guardrails.workspace.clone();
        let scripts = self.site.check_scripts().await;
        let waived = self.waived.clone();
        self.with_workspace(move |workspace| {
            let guard = Guard::new(&rules, &scripts, workspace.prefix())?;
            let allowed = waived.as_deref().unwrap_or(workspace.start());
            let since = Since {
                before: &before,
                allowed,
            };
            workspace.measure(since, guarded.then_some(&guard))
        })
        .await
    }

    async fn tell_work(
        &self,
        measured: Measured,
        turn: Option<Turn>,
        author: Author,
    ) -> Result<Input, Amiss> {
        let tree = measured.tree.clone();
        let (examiners, keys) = (self.site.examiners().await, self.site.redactor.clone());
        let flags = self
            .with_workspace(move |workspace| workspace.flags(&tree, &examiners, &keys))
            .await?;
        // The tree keeps its bytes; what is told of it has no key in it.
        let flags = flags.into_iter().map(|flag| Flag {
            what: self.hide(flag.what),
            ..flag
        });
        let flags = flags.collect();
        let shown = self.hide(measured.diff);
        let diff = TextRef::to(&shown);
        self.keep(shown);
        let (usage, took_ms) = turn
            .as_ref()
            .map(|t| (t.usage, t.took_ms))
            .unwrap_or_default();
        let (claim, note, asked) = turn
            .map(|t| (t.claim, t.note, t.question))
            .unwrap_or_default();
        // Nothing done and a question last: it was meant as one, however it was put.
        let question = asked.or_else(|| {
            let idle = measured.changes.is_empty() && measured.breaches.is_empty();
            claim.clone().filter(|claim| idle && claim.ends_with('?'))
        });
        Ok(Input::Worked(Box::new(Work {
            tree: measured.tree,
            diff,
            changes: measured.changes,
            claim,
            note,
            question,
            author,
            usage,
            took_ms,
            breaches: measured.breaches,
            tried: measured.tried,
            flags,
        })))
    }

    /// A text without any secret.
    pub(super) fn hide(&self, text: String) -> String {
        match self.site.redactor.clean(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => clean,
        }
    }

    /// Does something with the run's workspace.
    pub(super) async fn with_workspace<T, F>(&self, work: F) -> Result<T, Amiss>
    where
        T: Send + 'static,
        F: Fn(&Workspace) -> Result<T, Trouble> + Send + Sync + 'static,
    {
        let ground = self.ground.clone().ok_or_else(|| {
            Amiss::because("this run has no workspace yet; stop it and start again")
        })?;
        let work = Arc::new(work);
        let attempt = || {
            let work = work.clone();
            self.site.workspace(ground.clone(), move |ws| work(ws))
        };
        self.on_leash(attempt).await
    }

    /// Does something with the workspace; a stop waits for no snapshot of thousands of files, nor for the first
    /// copy of them. All else is short.
    async fn on_leash<T>(&self, attempt: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, Amiss> {
        let mut halt = self.halt.clone();
        let mut done = pin!(self.held(attempt));
        tokio::select! {
            done = &mut done => return done,
            Ok(_) = halt.wait_for(|halt| *halt > Halt::No) => {}
        }
        let leash = self.site.leash();
        leash.cut();
        let done = done.await;
        let ended = leash.mend();
        match done {
            Err(Amiss::Failed(_)) if ended => Err(Amiss::Halted),
            done => done,
        }
    }
}

/// Whether the prompt says how to ask: a model over HTTP is told with its tools, a script asks nothing.
fn may_ask(worker: &WorkerKind) -> bool {
    match worker {
        WorkerKind::Command { .. } | WorkerKind::Acp { .. } => true,
        WorkerKind::Http(_) | WorkerKind::Script { .. } => false,
    }
}
