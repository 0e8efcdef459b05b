//! Polling: a command that is asked now and then whether there is something to do. It runs under a
//! keeper like every process, in the project's folder, and is killed with its host.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;
use tokio::time::Instant;

use super::payload::LONGEST;
use crate::run::spec::{LoopSpec, Source, Trigger};
use crate::supervisor::Settings;
use crate::supervisor::boss::News;
use crate::supervisor::process::{
    self, Ending, Exit, Halt, Home, Limits, Mark, Sink, Stdin, allowed_env,
};

/// Longest time of one answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A command under way; `Halt::Now` kills it.
pub(crate) type Polling = watch::Sender<Halt>;

/// Asks a loop's command; the answer comes as news, under this key.
pub(crate) fn start(
    spec: &LoopSpec,
    key: String,
    settings: &Settings,
    news: mpsc::Sender<News>,
) -> Polling {
    let (polling, halt) = watch::channel(Halt::No);
    let argv = match &spec.trigger {
        Trigger::Event(event) => match &event.source {
            Source::Poll { command, .. } => command.clone(),
            Source::Watch(_) | Source::Git(_) | Source::Inbox => Vec::new(),
        },
        Trigger::Manual | Trigger::Schedule(_) => Vec::new(),
    };
    let host = |name: &str| {
        let named = settings
            .env
            .iter()
            .find(|(key, _)| key.to_str() == Some(name));
        named.map(|(_, value)| value.clone())
    };
    let home = Home {
        keeper: settings.keeper.clone(),
        kept: None,
        mark: Mark::new(&settings.project, &format!("{}-poll", spec.name)),
        env: allowed_env(&spec.guardrails.env, host),
        // It looks at what is outside of every workspace, and the operator has allowed its bytes.
        cage: None,
    };
    let (name, project) = (spec.name.clone(), settings.project.clone());
    spawn_local(async move {
        let order = home.order(argv, &project, Stdin::Null);
        let found = ask(order, halt).await;
        // The loop is gone only when the whole supervisor is.
        drop(news.send(News::Polled { name, key, found }).await);
    });
    polling
}

/// What it printed where it found something; `None` where there is nothing to do.
async fn ask(order: process::Order, halt: watch::Receiver<Halt>) -> Result<Option<String>, String> {
    let program = order.argv.first().cloned().unwrap_or_default();
    let running = process::spawn(order).await.map_err(|e| e.why)?;
    let limits = Limits {
        timeout: TIMEOUT,
        halt,
    };
    let mut said = Said::default();
    let watched = process::watch(running, b"", limits, &mut said).await;
    if said.0.len() > LONGEST {
        return Err(format!("{program} printed more than {LONGEST} bytes"));
    }
    match (watched.ending, watched.exit) {
        (Ending::ByItself, Exit::Code(0)) => {
            let text = String::from_utf8(said.0);
            let text = text.map_err(|_| format!("{program} printed what is not UTF-8"))?;
            Ok(Some(text))
        }
        // What a shell says of a command that it cannot run: that is no «nothing to do».
        (Ending::ByItself, Exit::Code(126)) => Err(format!(
            "{program} ended with 126: what it runs may not be executed"
        )),
        (Ending::ByItself, Exit::Code(127)) => Err(format!(
            "{program} ended with 127: a command in it was not found"
        )),
        (Ending::ByItself, Exit::Code(_)) | (Ending::Halted, _) => Ok(None),
        (Ending::ByItself, exit @ (Exit::Signal(_) | Exit::KeeperLost)) => {
            Err(format!("{program} was {exit}"))
        }
        (Ending::TimedOut, _) => Err(format!(
            "{program} gave no answer within {} s",
            TIMEOUT.as_secs()
        )),
    }
}

/// What a command prints, up to a byte more than may be.
#[derive(Default)]
struct Said(Vec<u8>);

impl Sink for Said {
    fn stdout(&mut self, bytes: &[u8]) {
        let room = (LONGEST + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn stderr(&mut self, _bytes: &[u8]) {}

    fn pause(&mut self) -> Option<Instant> {
        None
    }

    fn enough(&self) -> bool {
        self.0.len() > LONGEST
    }
}
