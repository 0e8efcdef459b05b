//! Notices: tells the user's command and webhook that a loop waits for a person, with no cockpit
//! needed. Once for each checkpoint and receiver, over the death of a host; nothing waits for it.

mod post;

pub use post::signature;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::journal::{Journal, JournalError};
use super::redactor::Redactor;
use super::wake::quiet;
use super::{Activity, Settings, Shared, secrets};
use crate::config::user::Receivers;
use crate::config::{settings, user};
use crate::protocol::{Fact, Record, RunId};
use crate::run::spec::Hours;
use crate::run::{Checkpoint, CheckpointId, Digest, Event, LoopSpec, Phase, Run};

/// How often what was held back over quiet hours is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How long somebody who sits in front of a screen has to look at a question before others are told.
const LOOK_FIRST: Duration = Duration::from_secs(2);

/// Longest time that a user's command may take.
const COMMAND_TIME: Duration = Duration::from_secs(10);

/// What is told. No text of a worker, no path and no key is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The checkpoint's id: the same question is told under the same id.
    pub id: String,
    /// The loop.
    #[serde(rename = "loop")]
    pub name: String,
    /// The run.
    pub run: String,
    /// What kind of question it is.
    pub kind: String,
    /// The same in words: `tidy-3 waits: publish`.
    pub text: String,
}

/// Tells of every checkpoint until the supervisor ends.
pub(super) async fn watch(
    settings: Rc<Settings>,
    shared: Rc<Shared>,
    mut feed: broadcast::Receiver<Record>,
    said: watch::Sender<Activity>,
) {
    let teller = Teller {
        settings,
        shared,
        said,
    };
    let mut held = teller.look().await;
    // Questions that somebody may be looking at, the oldest first.
    let mut soon = VecDeque::<(Instant, RunId)>::new();
    loop {
        let due = soon.front().map(|(at, _)| *at);
        tokio::select! {
            next = feed.recv() => match next {
                Ok(record) => {
                    if let Fact::Run { run, event } = record.fact
                        && matches!(event, Event::Asked(_))
                    {
                        if teller.said.borrow().people > 0 {
                            soon.push_back((Instant::now() + LOOK_FIRST, run));
                        } else {
                            held |= teller.look_at(run).await;
                        }
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return,
                Err(broadcast::error::RecvError::Lagged(_)) => held = teller.look().await,
            },
            () = reached(due) => {
                if let Some((_, run)) = soon.pop_front() {
                    held |= teller.look_at(run).await;
                }
            }
            () = sleep(LOOK_AGAIN), if held => held = teller.look().await,
        }
    }
}

/// Never done where there is no time.
async fn reached(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Somebody looks at this question: no receiver is told of it any more.
pub(super) async fn looked_at(id: &CheckpointId, journal: &Journal) -> Result<(), JournalError> {
    journal.set(&looked(id), String::new()).await
}

fn looked(id: &CheckpointId) -> String {
    format!("looked at {id}")
}

struct Teller {
    settings: Rc<Settings>,
    shared: Rc<Shared>,
    said: watch::Sender<Activity>,
}

impl Teller {
    /// Tells of everything that waits and was not told; whether something is held back.
    async fn look(&self) -> bool {
        let Ok(open) = self.shared.journal.open_runs().await else {
            return false;
        };
        let mut held = false;
        for open in open {
            held |= self.tell_of(&open.run, &open.records).await;
        }
        held
    }

    async fn look_at(&self, run: RunId) -> bool {
        match self.shared.journal.run(run.clone()).await {
            Ok(records) => self.tell_of(&run, &records).await,
            Err(_) => false,
        }
    }

    /// Tells of the question that this run blocks on; whether that is held back.
    async fn tell_of(&self, id: &RunId, records: &[Record]) -> bool {
        let run = Run::replay(records.iter().filter_map(Record::event));
        let Some((run, Phase::Asking(open))) = run.as_ref().map(|run| (run, run.phase())) else {
            return false;
        };
        let receivers = match user::read(&self.settings.config).map(|user| user.notify) {
            Ok(receivers) => receivers,
            Err(why) => {
                self.complain(user::FILE, why);
                return false;
            }
        };
        if receivers == Receivers::default() {
            return false;
        }
        let spec = &run.woke().spec;
        if self.is_quiet(spec) {
            return true;
        }
        // A journal that cannot be read has told so; one notice more does no harm.
        if let Ok(Some(_)) = self.shared.journal.get(&looked(&open.id)).await {
            return false;
        }
        let redactor = secrets::of(spec, &self.settings.env);
        let notice = notice(id, &spec.name, open, &redactor);
        // A journal that could not be asked is asked again.
        self.tell(receivers, open, notice).await.is_err()
    }

    /// Tells each receiver that was not told yet.
    async fn tell(
        &self,
        receivers: Receivers,
        open: &Checkpoint,
        notice: Notice,
    ) -> Result<(), JournalError> {
        if let Some(command) = receivers.command
            && self.claims("command", open).await?
        {
            let env = self.settings.env.clone();
            let text = notice.text.clone();
            self.beside(async move { run_command(&command, &text, env).await });
        }
        if let Some(webhook) = receivers.webhook
            && self.claims(&address(&webhook.url), open).await?
        {
            let secret = self
                .settings
                .env
                .iter()
                .find(|(name, _)| name.to_str() == Some(webhook.secret_env.as_str()));
            let secret = secret.map(|(_, value)| value.clone());
            let clock = self.settings.clock.clone();
            self.beside(async move { post::post(&webhook, secret, &notice, &clock).await });
        }
        Ok(())
    }

    /// Quiet hours of the project and of the loop; what is held back is told when they end, if it waits
    /// still.
    fn is_quiet(&self, spec: &LoopSpec) -> bool {
        let hours = settings::read(&self.settings.project).settings.quiet_hours;
        let minute = quiet::minute(&self.settings.clock.here());
        Hours::now(spec.guardrails.quiet_hours, hours, minute).is_some()
    }

    /// Whether this receiver was not told of this question yet. It is noted before it is told: a host
    /// that dies in between has told nobody, and nobody is ever told twice.
    async fn claims(&self, receiver: &str, open: &Checkpoint) -> Result<bool, JournalError> {
        let key = format!("told {} {receiver}", open.id);
        let journal = &self.shared.journal;
        if journal.get(&key).await?.is_some() {
            return Ok(false);
        }
        let now = self.settings.clock.now_ms().to_string();
        journal.set(&key, now).await.map(|()| true)
    }

    /// Tells without keeping anything waiting but the host's own end.
    fn beside(&self, telling: impl Future<Output = Result<(), String>> + 'static) {
        let (said, shared) = (self.said.clone(), self.shared.clone());
        said.send_modify(|activity| activity.telling += 1);
        spawn_local(async move {
            if let Err(why) = telling.await {
                shared.hub.say(Fact::Refused {
                    what: "notice".to_owned(),
                    why,
                });
            }
            said.send_modify(|activity| activity.telling -= 1);
        });
    }

    fn complain(&self, what: &str, why: String) {
        self.shared.hub.say(Fact::Refused {
            what: what.to_owned(),
            why,
        });
    }
}

/// A webhook's name in the journal: who knows its address may often speak there.
fn address(url: &str) -> String {
    Digest::of(url.as_bytes()).to_string()
}

fn notice(run: &RunId, name: &str, open: &Checkpoint, redactor: &Redactor) -> Notice {
    let kind = open.ask.kind().to_owned();
    let clean = |text: &str| redactor.clean(text).into_owned();
    Notice {
        id: clean(&open.id.0),
        name: clean(name),
        run: clean(&run.0),
        text: clean(&format!("{run} waits: {kind}")),
        kind,
    }
}

/// Runs the user's own command with the text as its last argument.
async fn run_command(
    command: &[String],
    text: &str,
    env: Vec<(std::ffi::OsString, std::ffi::OsString)>,
) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else {
        return Ok(());
    };
    let running = tokio::process::Command::new(program)
        .args(args)
        .arg(text)
        .env_clear()
        .envs(env)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut running = running.map_err(|e| format!("{program} cannot be started: {e}"))?;
    match timeout(COMMAND_TIME, running.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
        Ok(Err(e)) => Err(format!("{program} cannot be waited for: {e}")),
        Err(_late) => Err(format!(
            "{program} took longer than {} s and was killed",
            COMMAND_TIME.as_secs()
        )),
    }
}
