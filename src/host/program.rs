//! From the command line to one call: who needs a host gets a link to it, the rest does without.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::tz::TimeZone;
use tokio::runtime::{Builder, Runtime};

use super::attach::{self, Starter};
use super::{HostError, absence, attic, cockpit, daemon, install, lock, machine, plain};
use crate::cli::flags::{self, Cmd, View};
use crate::cli::{self, Exit, Fail, Flags, Out, Session};
use crate::config::paths::Environment;
use crate::config::{Paths, loops};
use crate::protocol::{Command, Fact, Written};
use crate::run::inert::{spelled, spelled_line};
use crate::supervisor::JOURNAL;
use crate::supervisor::clock::Clock;

/// Does what the command line says. A failure is one line on standard error.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let flags = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(e) => {
            // Help goes out, mistakes go to standard error and quote what was typed, which a script may
            // have put there; a closed pipe is the reader's wish.
            if e.use_stderr() {
                drop(write!(
                    io::stderr(),
                    "{}",
                    spelled(e.to_string().as_bytes())
                ));
                return Exit::Usage.into();
            }
            drop(e.print());
            return Exit::Done.into();
        }
    };
    let mut out = Out::new(io::stdout().lock()).at_terminal(io::stdout().is_terminal());
    let done = perform(&flags, &mut out);
    match out.finish().and(done) {
        Ok(exit) => exit.into(),
        Err(fail) => {
            drop(writeln!(
                io::stderr(),
                "checkride: {}",
                spelled_line(fail.line.as_bytes())
            ));
            fail.exit.into()
        }
    }
}

fn perform(flags: &Flags, out: &mut Out<'_>) -> Result<Exit, Fail> {
    if let Some(Cmd::Demo) = &flags.command {
        // It has a project of its own; where it is started does not matter.
        let paths = paths(flags).ok();
        return cockpit::demo(&flags.view, paths.as_ref().map(Paths::config));
    }
    let paths = paths(flags)?;
    let Some(command) = &flags.command else {
        return if plain::is_meant(&flags.view) {
            plain::watch(&paths, &flags.view, out)
        } else {
            cockpit::open(&paths, &flags.view)
        };
    };
    if let (Cmd::Run { name, json, .. }, true) = (command, flags.view.plain) {
        if *json {
            return Err(Exit::Usage.because("--json is for programs and --plain for people"));
        }
        return plain::run(&paths, name, &flags.view, out);
    }
    if flags.view.plain {
        return Err(Exit::Usage.because("--plain belongs to the cockpit and to `run`"));
    }
    if flags.view != View::default() {
        return Err(Exit::Usage
            .because("--read-only, --no-color, --ascii and --theme belong to the cockpit"));
    }
    match command {
        Cmd::Demo => Ok(Exit::Done),
        Cmd::Init { starter: None } => Ok(cli::init::list(out)),
        Cmd::Init {
            starter: Some(name),
        } => init(&paths, name, out),
        Cmd::Check { files, keys } => machine::check(&paths, (files, *keys), out),
        Cmd::Doctor { json } => {
            let findings = runtime()?.block_on(machine::examine(&paths));
            Ok(cli::doctor::doctor(&findings, *json, out))
        }
        Cmd::Attic(words) => attic::attic(&paths, words, out),
        Cmd::Host { install: true, .. } => install::install(&paths, out),
        Cmd::Host {
            uninstall: true, ..
        } => install::uninstall(&paths, out),
        Cmd::Host { background, .. } => daemon::run(&paths, *background),
        Cmd::Status { json, since } => status(&paths, *json, since.as_deref(), out),
        Cmd::Stop(stop) if stop.host => stop_host(&paths, stop.force, out),
        Cmd::Fire { .. }
        | Cmd::Tick
        | Cmd::Run { .. }
        | Cmd::Prompt(_)
        | Cmd::Trust(_)
        | Cmd::Show { .. }
        | Cmd::Decide(_)
        | Cmd::Log { .. }
        | Cmd::Arm { .. }
        | Cmd::Disarm { .. }
        | Cmd::Stop(_) => speak(&paths, command, out),
    }
}

/// Copies a starter, and allows by this very act what it wrote.
fn init(paths: &Paths, name: &str, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let done = cli::init::init(paths.project(), name, out)?;
    if let Err(fail) = own(paths, cli::init::shipped(name)) {
        out.line(&format!(
            "it is to be allowed before it runs: {}",
            fail.line
        ));
    }
    Ok(done)
}

/// Starts a host where none runs, and speaks with it.
fn speak(paths: &Paths, command: &Cmd, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let began_ms = Clock::System.now_ms();
    runtime()?.block_on(async {
        let link = attach::attach(paths, &starter()?).await?;
        let session = Session::open(link, by()).await?;
        converse(session, (command, began_ms), out).await
    })
}

/// The commands that speak with the supervisor and may start a host for it.
async fn converse(
    session: Session,
    (command, began_ms): (&Cmd, i64),
    out: &mut Out<'_>,
) -> Result<Exit, Fail> {
    match command {
        Cmd::Run { name, json, .. } => cli::run::run(session, name, *json, out).await,
        Cmd::Prompt(words) => {
            let plain = cli::prompt::asked(words)?;
            cli::prompt::prompt(session, plain, words.json, out).await
        }
        Cmd::Trust(words) => trust(session, words, out).await,
        Cmd::Fire { name, payload } => {
            let payload = payload.as_deref().map(cli::fire::read).transpose()?;
            cli::fire::fire(session, name, payload, out).await
        }
        Cmd::Tick => cli::fire::tick(session, began_ms, out).await,
        Cmd::Show { id } => cli::show::show(session, id, out).await,
        Cmd::Decide(words) => cli::decide::decide(session, words, out).await,
        Cmd::Log { name, json, runs } => {
            let form = cli::log::Form {
                json: *json,
                runs: *runs,
                zone: TimeZone::system(),
            };
            cli::log::log(session, name, &form, out).await
        }
        Cmd::Arm { name } => cli::arm::arm(session, name.as_deref(), out).await,
        Cmd::Disarm { name } => cli::arm::disarm(session, name.as_deref(), out).await,
        Cmd::Stop(stop) => match &stop.name {
            Some(name) => cli::stop::one(session, name, out).await,
            None => cli::stop::all(session, out).await,
        },
        Cmd::Demo
        | Cmd::Init { .. }
        | Cmd::Check { .. }
        | Cmd::Doctor { .. }
        | Cmd::Status { .. }
        | Cmd::Attic(_)
        | Cmd::Host { .. } => Ok(Exit::Done),
    }
}

/// A person is asked where one sits at both ends.
async fn trust(session: Session, words: &flags::Trust, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let wish = cli::trust::Wish {
        names: &words.names,
        yes: words.yes.as_deref(),
        json: words.json,
    };
    let person = io::stdin().is_terminal() && io::stdout().is_terminal() && !words.json;
    let mut input = io::stdin().lock();
    let ask = person.then_some(&mut input as &mut dyn BufRead);
    cli::trust::trust(session, wish, ask, out).await
}

/// Tells the host what the operator just wrote through this program.
pub(super) fn own(paths: &Paths, files: Vec<Written>) -> Result<(), Fail> {
    runtime()?.block_on(async {
        let link = attach::attach(paths, &starter()?).await?;
        let mut session = Session::open(link, by()).await?;
        session.ask(Command::Wrote { files }).await?;
        loop {
            let fact = session.next().await?.fact;
            if let Fact::Done { .. } = fact {
                return Ok(());
            }
            if let Fact::Refused { why, .. } = fact {
                return Err(Exit::Refused.because(why));
            }
        }
    })
}

/// How loops stand. A host that left while runs wait for a person is started to ask it; where no
/// host ever was, their files say all there is.
fn status(paths: &Paths, json: bool, since: Option<&str>, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let now_ms = Clock::System.now_ms();
    runtime()?.block_on(async {
        let link = match attach::connect(paths).await {
            Err(HostError::Absent(_)) if paths.state().join(JOURNAL).exists() => {
                attach::attach(paths, &starter()?).await?
            }
            Err(HostError::Absent(_)) if since.is_none() => {
                let files = loops::read_all(paths.project());
                return Ok(cli::status::unattended(&files, json, out));
            }
            met => met?,
        };
        let mut session = Session::open(link, by()).await?;
        if let Some(length) = since {
            let from = absence::begin(paths, length, now_ms)?;
            let away = cli::since::gather(&mut session, from).await?;
            out.text(&cli::since::page(&away, now_ms, &session.zone));
        }
        let status = cli::status::status(&session.known, now_ms);
        if json {
            out.json(&status);
        } else {
            out.text(&cli::status::render(&status));
            for warning in &session.known.warnings {
                out.line(&format!("warning: {warning}"));
            }
        }
        Ok(Exit::Done)
    })
}

/// A host that this program cannot speak with is ended by a signal.
fn stop_host(paths: &Paths, force: bool, out: &mut Out<'_>) -> Result<Exit, Fail> {
    runtime()?.block_on(async {
        match attach::connect(paths).await {
            Ok(link) => {
                let session = Session::open(link, by()).await?;
                cli::stop::host(session, force, out).await?;
            }
            Err(HostError::OtherWire(_)) => lock::end_holder(paths)?,
            Err(e) => return Err(e.into()),
        }
        lock::until_free(paths).await?;
        out.line("the host has ended");
        Ok(Exit::Done)
    })
}

/// The places of the project that the command line names.
fn paths(flags: &Flags) -> Result<Paths, Fail> {
    let environment = Environment {
        state_dir: std::env::var_os("CHECKRIDE_STATE_DIR"),
        config_dir: std::env::var_os("CHECKRIDE_CONFIG_DIR"),
        temp_dir: std::env::temp_dir(),
        uid: rustix::process::getuid().as_raw(),
    };
    let folder = flags.folder();
    // A single word may have been meant as a command.
    let hint = match &flags.dir {
        Some(dir) if dir.components().count() == 1 && fs::symlink_metadata(dir).is_err() => {
            "; no command has that name either, see `checkride --help`"
        }
        Some(_) | None => "",
    };
    let paths = Paths::new(folder, &environment)
        .map_err(|line| Exit::Usage.because(format!("{line}{hint}")))?;
    fs::read_dir(paths.project())
        .map_err(|e| Exit::Usage.because(format!("{} cannot be read: {e}", folder.display())))?;
    Ok(paths)
}

/// One thread is enough for what waits most of the time.
pub(super) fn runtime() -> Result<Runtime, HostError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| HostError::Trouble(format!("cannot start: {e}")))
}

/// How a host is started: as this very program.
pub(super) fn starter() -> Result<Starter, HostError> {
    let program = this_program()?;
    Ok(Starter { program })
}

/// The program that keeps processes: this very one, whatever an upgrade has put in its place since.
pub(super) fn keeper() -> Result<PathBuf, HostError> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        Ok(running)
    } else {
        this_program()
    }
}

/// This program's own path.
pub(super) fn this_program() -> Result<PathBuf, HostError> {
    std::env::current_exe()
        .map_err(|e| HostError::Trouble(format!("cannot find the program itself: {e}")))
}

/// How decisions from here are signed: two terminals can be told apart.
pub(super) fn by() -> String {
    format!("command line {}", std::process::id())
}
