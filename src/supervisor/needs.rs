//! What a loop needs of this machine and does not find: programs, keys, a model server on loopback.
//! Looked at before a token is spent, by the preflight of a run and by `doctor`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::process::{is_program, on_path};
use crate::run::LoopSpec;
use crate::run::spec::{JudgeKind, Provider, WorkerKind};

/// How long a server on this machine may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Where programs and keys are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The project's folder: relative programs of the examiner lie there.
    pub project: &'a Path,
    /// The `PATH` that commands of the loop get.
    pub path: &'a OsStr,
    /// The host's environment, which holds the keys.
    pub env: &'a [(OsString, OsString)],
}

impl Ground<'_> {
    /// What checks, judge and setup lack, one line each.
    pub fn examiner(&self, spec: &LoopSpec) -> Vec<String> {
        let checks = spec.goal.checks.iter().map(|check| {
            let who = format!("the check «{}»", check.name);
            (who, &check.command)
        });
        let judge = match spec.goal.judge.as_ref().map(|judge| &judge.kind) {
            Some(JudgeKind::Command { command, .. }) => Some(("the judge".to_owned(), command)),
            Some(JudgeKind::Http(_) | JudgeKind::Human | JudgeKind::Script { .. }) | None => None,
        };
        let setup = spec.guardrails.workspace.setup.iter();
        checks
            .chain(judge)
            .chain(setup.map(|command| ("setup".to_owned(), command)))
            .filter_map(|(who, command)| self.program(&who, command, self.project))
            .collect()
    }

    /// What the worker's program lacks in this folder: one that is not committed is not there.
    pub fn worker(&self, spec: &LoopSpec, folder: &Path) -> Option<String> {
        let command = spec.worker.kind.program()?;
        self.program("the worker", command, folder)
    }

    /// Keys that are not set, and servers on this machine that do not answer.
    pub async fn models(&self, spec: &LoopSpec) -> Vec<String> {
        let worker = match &spec.worker.kind {
            WorkerKind::Http(provider) => Some(("the worker", provider)),
            WorkerKind::Command { .. } | WorkerKind::Acp { .. } | WorkerKind::Script { .. } => None,
        };
        let judge = match spec.goal.judge.as_ref().map(|judge| &judge.kind) {
            Some(JudgeKind::Http(provider)) => Some(("the judge", provider)),
            Some(JudgeKind::Command { .. } | JudgeKind::Human | JudgeKind::Script { .. })
            | None => None,
        };
        let mut lacks = Vec::new();
        for (who, provider) in worker.into_iter().chain(judge) {
            lacks.extend(self.key(who, provider));
            lacks.extend(answers(who, provider).await);
        }
        lacks
    }

    fn key(&self, who: &str, provider: &Provider) -> Option<String> {
        let name = provider.key_env.as_deref()?;
        let set = self
            .env
            .iter()
            .any(|(n, value)| n == name && !value.is_empty());
        (!set).then(|| {
            format!(
                "{who} needs the key in {name}, which is not set; set it, then end the host with \
                 `checkride stop --host` so that the next one has it"
            )
        })
    }

    fn program(&self, who: &str, command: &[String], folder: &Path) -> Option<String> {
        let Some(program) = command.first() else {
            return Some(format!("{who} has an empty command; name a program"));
        };
        // A path with a placeholder is known only when it is filled in.
        if program.contains('{') {
            return None;
        }
        if program.contains('/') {
            return (!is_program(&folder.join(program))).then(|| {
                format!(
                    "{who} needs {program}, which is no program in {}; is it committed, and \
                     executable?",
                    folder.display()
                )
            });
        }
        on_path(program, self.path).is_none().then(|| {
            format!("{who} needs {program}, which is not on the PATH; install it, or name its path")
        })
    }
}

/// Says where nothing listens. Only this machine is asked: the first call tells of the others.
async fn answers(who: &str, provider: &Provider) -> Option<String> {
    if !provider.is_local() {
        return None;
    }
    let authority = provider.authority();
    let port = if provider.base_url.starts_with("https:") {
        443
    } else {
        80
    };
    let place = match authority.rsplit_once(':') {
        Some((_, number)) if number.parse::<u16>().is_ok() => authority.to_owned(),
        Some(_) | None => format!("{authority}:{port}"),
    };
    let met = timeout(CONNECT, TcpStream::connect(&place)).await;
    (!matches!(met, Ok(Ok(_)))).then(|| {
        format!("{who} needs the model server at {place}, which does not answer; start it")
    })
}
