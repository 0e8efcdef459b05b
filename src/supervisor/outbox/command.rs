//! Publishing by a program: run once in the verify checkout, with the environment of the loop's
//! list and nothing else, and killed with its children when its time is over.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::supervisor::workspace::Trouble;

/// Most bytes of output read back as evidence.
const OUTPUT_BYTES: u64 = 4096;

/// How a command is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// Where.
    pub(super) folder: &'a Path,
    /// Names of variables that reach it.
    pub(super) env: &'a [String],
    /// Longest time.
    pub(super) timeout: Duration,
}

/// Runs it to its end. Once it was started, any trouble may have happened all the same.
pub(super) fn run(command: &[String], setting: Setting<'_>) -> Result<(), Trouble> {
    let Some((program, args)) = command.split_first() else {
        return Err(Trouble::new("the publish command is empty: name a program"));
    };
    let cannot = |error: std::io::Error| {
        Trouble::new(format!(
            "cannot run {program}: {error}; nothing was published"
        ))
    };
    let mut output = tempfile::tempfile().map_err(cannot)?;
    let env = setting.env.iter();
    let mut child = Command::new(program)
        .args(args)
        .current_dir(setting.folder)
        .env_clear()
        .envs(env.filter_map(|name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(cannot)?)
        .stderr(output.try_clone().map_err(cannot)?)
        .process_group(0)
        .spawn()
        .map_err(cannot)?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (done, wait) = channel();
    std::thread::spawn(move || done.send(child.wait()));
    let ended = match wait.recv_timeout(setting.timeout) {
        Ok(status) => status.map(Some).map_err(cannot)?,
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            if let Some(group) = group {
                // It may have ended in this very moment.
                kill_process_group(group, Signal::KILL).unwrap_or_default();
            }
            None
        }
    };
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(ending(program, &how(status), &tail(&mut output))),
        None => {
            let seconds = setting.timeout.as_secs();
            let how = format!("was stopped after {seconds} s");
            Err(ending(program, &how, &tail(&mut output)))
        }
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "was killed by a signal".to_owned(),
    }
}

fn ending(program: &str, how: &str, output: &[u8]) -> Trouble {
    Trouble::with_detail(
        format!("{program} {how}: look at the target, it may have happened all the same"),
        output,
    )
    .maybe_done()
}

fn tail(output: &mut std::fs::File) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = output.metadata().map_or(0, |meta| meta.len());
    let from = SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES));
    if output.seek(from).is_ok() {
        // Evidence only: what cannot be read is not shown.
        output.read_to_end(&mut bytes).unwrap_or_default();
    }
    bytes
}
