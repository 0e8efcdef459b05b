//! The worker's turn: who is asked, how long it may take, and where what it says goes meanwhile.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Mail;
use super::clean::clean;
use super::errands::{Amiss, Flight};
use crate::protocol::Fact;
use crate::run::keys::lines;
use crate::run::spec::{Provider, WorkerKind};
use crate::run::{Failure, Input, Usage};
use crate::supervisor::guard::Guard;
use crate::supervisor::limit::{self, Met};
use crate::supervisor::process::Limits;
use crate::supervisor::provider::Till;
use crate::supervisor::sandbox::rooms::Keep;
use crate::supervisor::sandbox::terms::Role;
use crate::supervisor::site::Site;
use crate::supervisor::transcripts::Open;
use crate::supervisor::worker::command::{Manner, Task};
use crate::supervisor::worker::leave::{Leave, Question};
use crate::supervisor::worker::script::Script;
use crate::supervisor::worker::{Ended, Kind, Progress, Session, Turn, acp, command, http, script};

impl Flight {
    /// Gives the worker its turn in this folder, for as long as loop and run allow.
    pub(super) async fn turn(
        &self,
        prompt: &str,
        folder: &Path,
        left_ms: u64,
    ) -> Result<Turn, Amiss> {
        let own = Duration::from_secs(self.site.wake.spec.worker.timeout_s);
        let left = Duration::from_millis(left_ms);
        let limits = Limits {
            timeout: own.min(left),
            halt: self.halt.clone(),
        };
        let task = Task {
            prompt,
            workspace: folder,
            limits,
        };
        let mut telling = Telling {
            site: self.site.clone(),
            transcript: self.site.transcript(),
            me: self.me.clone(),
            left_tokens: self.left_tokens,
            blocks: HashMap::new(),
        };
        let (leave, questions) = Leave::new(&self.site.wake.spec.guardrails.tools);
        let (till, wants) = Till::kept();
        let model = self.site.wake.spec.worker.model.as_deref();
        self.site.read_prices();
        let mut turn = tokio::select! {
            turn = self.ask_worker(task, (leave, till), &mut telling) => turn?,
            () = self.relay(questions) => return Err(Amiss::Halted),
            () = self.keep_till(wants, model) => return Err(Amiss::Halted),
        };
        telling.pause();
        turn.usage = telling.priced(turn.usage);
        if turn.ended != Ended::Well {
            self.wasted(&turn).await;
        } else if turn.usage != Usage::default() {
            // It counts with its work, which is yet to be measured: a host may die meanwhile.
            self.set_aside(turn.usage, model).await;
        }
        match turn.ended {
            Ended::Well => Ok(turn),
            Ended::Halted => Err(Amiss::Halted),
            Ended::Badly(_) if left <= own && turn.took_ms >= left_ms => Err(Amiss::TimeUp),
            Ended::Badly(failure) => match self.limited(&failure, turn.claim.as_deref()) {
                Some(met) => Err(Amiss::Limited(met)),
                None => Err(Amiss::Failed(failure)),
            },
            Ended::Limited(until_ms, failure) if until_ms > self.site.clock.now_ms() => {
                let cause = failure.cause;
                Err(Amiss::Limited(Met { until_ms, cause }))
            }
            Ended::Limited(_, failure) => Err(Amiss::Failed(failure)),
            Ended::NoRoom(purse, why) => {
                self.site.narrate(vec![(Kind::Error, why)]);
                Err(Amiss::NoRoom(purse))
            }
        }
    }

    /// The usage limit that a failed turn tells of: in its cause, its last words, or a line of
    /// standard error.
    fn limited(&self, failure: &Failure, claim: Option<&str>) -> Option<Met> {
        let words = std::iter::once(failure.cause.as_str())
            .chain(claim)
            .chain(limit::last_lines(&failure.detail));
        limit::met(words, &self.site.clock.here())
    }

    /// Tells what a turn spent that brought nothing home; its end, which follows, tells only why.
    async fn wasted(&self, turn: &Turn) {
        for news in [Input::Used(turn.usage), Input::Took(turn.took_ms)] {
            // A driver that has ended wants no more news.
            drop(self.me.send(Mail::underway(news)).await);
        }
    }

    /// Reaches the worker in the way that the loop names.
    async fn ask_worker(
        &self,
        task: Task<'_>,
        (leave, till): (Leave, Till),
        telling: &mut Telling,
    ) -> Result<Turn, Amiss> {
        self.furnish(Role::Worker, Keep::Home).await?;
        let home = &self.site.homes().await.worker;
        Ok(match &self.site.wake.spec.worker.kind {
            WorkerKind::Command {
                command,
                prompt: by,
                format,
            } => {
                let before = self.site.sessions.borrow().clone();
                let manner = Manner {
                    by: *by,
                    format: *format,
                    before: &before,
                };
                let turn = command::run(command, manner, home, task, telling).await;
                if let Some((id, totals)) = turn.session.as_ref().and_then(Session::spent) {
                    self.site.sessions.borrow_mut().insert(id, totals);
                }
                turn
            }
            WorkerKind::Http(provider) => {
                let means = self.http_means(provider, leave, till).await?;
                http::run(means, task, telling).await
            }
            WorkerKind::Acp { command } => acp::run(command, home, task, leave, telling).await,
            WorkerKind::Script { file } => {
                let script = self.script(file)?;
                script::run(&script, self.iteration, self.site.pace, task, telling).await
            }
        })
    }

    /// What a model needs to work here: paths are held against the rules as the project has them.
    async fn http_means<'a>(
        &'a self,
        provider: &'a Provider,
        leave: Leave,
        till: Till,
    ) -> Result<http::Means<'a>, Amiss> {
        let spec = &self.site.wake.spec;
        let scripts = self.site.check_scripts().await;
        let guard = Guard::new(&spec.guardrails.workspace, &scripts, b"").map_err(Amiss::at)?;
        Ok(http::Means {
            reach: self.reach(provider, till),
            retries: spec.worker.retries,
            leave,
            guard,
            home: &self.site.homes().await.worker,
        })
    }

    /// Carries the worker's questions for leave to the run, one at a time, and the answers back.
    async fn relay(&self, mut questions: mpsc::Receiver<Question>) {
        let mut answers = self.answers.lock().await;
        let mut number = 0_u64;
        while let Some(question) = questions.recv().await {
            number += 1;
            let call = number.to_string();
            let what = question.what.clone();
            let asked = Input::Permission {
                call: call.clone(),
                what,
            };
            let asked = clean(&self.site.redactor, asked);
            if self.me.send(Mail::underway(asked)).await.is_err() {
                return;
            }
            while let Some((answered, permit)) = answers.recv().await {
                // An answer to an earlier question comes too late.
                if answered == call {
                    question.answer(permit);
                    break;
                }
            }
        }
        // No more questions: the turn goes on without.
        std::future::pending::<()>().await;
    }

    fn script(&self, file: &str) -> Result<Script, Amiss> {
        let path = self.site.project.join("loops").join(file);
        let amiss = |why: String| Amiss::because(format!("loops/{file}: {why}"));
        let text = std::fs::read_to_string(path).map_err(|e| amiss(e.to_string()))?;
        Script::parse(&text).map_err(amiss)
    }
}

/// Where a worker's words and figures go while it works.
struct Telling {
    site: Rc<Site>,
    transcript: Option<Open>,
    me: mpsc::Sender<Mail>,
    /// Tokens that were left to the run as the turn began.
    left_tokens: u64,
    /// Private keys whose lines come as entries of one kind.
    blocks: HashMap<Kind, lines::Block>,
}

impl Telling {
    fn priced(&self, usage: Usage) -> Usage {
        let model = self.site.wake.spec.worker.model.as_deref();
        self.site.priced(usage, model)
    }
}

impl Progress for Telling {
    fn entry(&mut self, kind: Kind, text: &str) {
        let clean = if self.blocks.entry(kind).or_default().holds(text) {
            Cow::Borrowed(lines::HIDDEN)
        } else {
            self.site.redactor.clean(text)
        };
        if let Some(open) = &self.transcript {
            let now = self.site.clock.now_ms();
            let written = open.borrow_mut().append(now, kind, &clean);
            if let Err(e) = written {
                self.site.mute(&e);
            }
        }
    }

    fn usage(&mut self, so_far: Usage) {
        // A full inbox has newer news soon; the turn's whole usage comes with its end.
        let so_far = self.priced(so_far);
        drop(self.me.try_send(Mail::underway(Input::Used(so_far))));
    }

    fn most_tokens(&self) -> u64 {
        self.left_tokens
    }

    fn pause(&mut self) {
        let Some(open) = &self.transcript else { return };
        let mut transcript = open.borrow_mut();
        match transcript.flush() {
            Ok(()) => self.site.unmute(),
            Err(e) => self.site.mute(&e),
        }
        let lines = transcript.len();
        self.site.hub.say(Fact::Grew {
            run: self.site.id.clone(),
            lines,
        });
    }
}
