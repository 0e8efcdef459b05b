//! Being the host: the order in which lock, socket, supervisor and service begin, and end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::environment::Print;
use super::lock::Lock;
use super::peer::Door;
use super::serve::{End, QUIET, Service, asked_to_end};
use super::{HostError, absence, attach, log, machine, program};
use crate::cli::{Exit, Fail};
use crate::config::{Paths, user};
use crate::supervisor::clock::Clock;
use crate::supervisor::sandbox::probe::Trial;
use crate::supervisor::{Settings, Supervisor};

/// Runs the host until it is told to end; in the background also until nobody needs it.
///
/// In the background the starter waits for one line on standard output: how it went.
pub(super) fn run(paths: &Paths, background: bool) -> Result<Exit, Fail> {
    if background {
        // A process that leads a group already stays in its session; hang-ups are ignored anyway.
        let _ = rustix::process::setsid();
    }
    let served = host(paths, background);
    if background && let Err(e) = &served {
        tell_starter(match e {
            HostError::Taken(_) => attach::TAKEN,
            HostError::Absent(line) | HostError::OtherWire(line) | HostError::Trouble(line) => line,
        });
    }
    served?;
    Ok(Exit::Done)
}

fn host(paths: &Paths, background: bool) -> Result<(), HostError> {
    paths.prepare().map_err(HostError::Trouble)?;
    let lock = Lock::take(paths)?;
    let socket = lock.listen(paths)?;
    absence::recall(paths);
    let door = Door::of_this_process();
    let mut warnings = door.warnings();
    if let Some(untold) = user::untold(paths.config(), machine::is_set) {
        log::line(&untold);
        warnings.push(untold);
    }
    let settings = settings(paths, warnings)?;
    let environment = Print::of(&settings.env);
    let runtime = program::runtime()?;
    let supervisor = Supervisor::start(settings).map_err(|e| HostError::Trouble(e.to_string()))?;
    let no_runtime = |e: io::Error| HostError::Trouble(format!("cannot start the host: {e}"));
    let end = runtime.block_on(async {
        let stop = asked_to_end().map_err(no_runtime)?;
        let service = Service {
            listener: socket.for_runtime().map_err(no_runtime)?,
            door,
            admit: |far| supervisor.admit(far),
            environment,
            activity: supervisor.activity(),
            leave_after: background.then_some(QUIET),
        };
        let pid = std::process::id();
        log::line(&format!(
            "host of {}, process {pid}",
            paths.project().display()
        ));
        if background {
            tell_starter(attach::READY);
        }
        let end = tokio::select! {
            end = service.run(stop) => end,
            () = absence::heed(paths, supervisor.activity()) => End::Lost,
        };
        absence::ends(paths, &supervisor.activity()).await;
        Ok(end)
    })?;
    // Whoever comes from now on starts the next host, which waits for the lock.
    drop(socket);
    supervisor.end();
    log::line("the host has ended");
    drop(lock);
    match end {
        End::Asked => Ok(()),
        End::Lost => Err(HostError::Trouble(
            "the supervisor broke and took the host with it; start again, nothing decided is lost"
                .to_owned(),
        )),
    }
}

fn settings(paths: &Paths, warnings: Vec<String>) -> Result<Settings, HostError> {
    let keeper = program::keeper()?;
    let powers = Trial::begin(&keeper);
    Ok(Settings {
        project: paths.project().to_owned(),
        state: paths.state().to_owned(),
        config: paths.config().to_owned(),
        keeper,
        env: std::env::vars_os().collect(),
        clock: Clock::System,
        grants: BTreeMap::new(),
        owned: false,
        pace: 1.0,
        powers,
        warnings,
    })
}

fn tell_starter(line: &str) {
    // A starter that has gone needs no word.
    drop(writeln!(io::stdout(), "{line}"));
}
