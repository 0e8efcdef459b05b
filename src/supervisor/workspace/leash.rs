//! The leash of a git that may take long: whoever stops a run ends the snapshot that is being taken of what
//! its worker left. The files stay where they are; the next restore puts aside what no snapshot holds.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::process::{Child, Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// One leash; clones hold the same.
#[derive(Debug, Clone, Default)]
pub struct Leash(Arc<Mutex<Held>>);

/// Who runs on it. A process leaves before its number is given back, so that none here is another's.
#[derive(Debug, Default)]
struct Held {
    children: HashMap<u32, Child>,
    cut: bool,
    ended: bool,
}

impl Leash {
    /// Ends what runs on it, and lets nothing begin until it is mended.
    pub fn cut(&self) {
        let mut held = self.held();
        held.cut = true;
        let numbers = held
            .children
            .keys()
            .filter_map(|id| i32::try_from(*id).ok());
        let pids: Vec<Pid> = numbers.filter_map(Pid::from_raw).collect();
        held.ended |= !pids.is_empty();
        for pid in pids {
            // Asked, not killed: git takes its locks and half-written files away. One that has ended needs nothing.
            let _gone_already = kill_process(pid, Signal::TERM);
        }
    }

    /// Whether it is cut; what asks this in the midst of its work has to end then.
    pub fn is_cut(&self) -> bool {
        let mut held = self.held();
        held.ended |= held.cut;
        held.cut
    }

    /// Lets things begin again; whether something was ended, or not begun, since it was cut.
    pub fn mend(&self) -> bool {
        let mut held = self.held();
        held.cut = false;
        std::mem::take(&mut held.ended)
    }

    /// Runs a command, whose outputs are pipes, to its end or to that of the leash.
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        let (number, out, err) = {
            let mut held = self.held();
            if held.cut {
                held.ended = true;
                return Err(io::Error::new(
                    ErrorKind::Interrupted,
                    "the run was stopped",
                ));
            }
            let mut child = command.spawn()?;
            let pipes = (child.id(), child.stdout.take(), child.stderr.take());
            held.children.insert(pipes.0, child);
            pipes
        };
        let (stdout, stderr) = thread::scope(|scope| {
            // A thread of its own: it may fill either pipe first.
            let err = scope.spawn(move || all(err));
            (all(out), err.join().unwrap_or_default())
        });
        let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(ErrorKind::InvalidData)?;
        // It keeps its number until it has left the leash.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        retry_on_intr(|| waitid(WaitId::Pid(pid), ended))?;
        let child = self.held().children.remove(&number);
        let status = child.ok_or(ErrorKind::NotFound)?.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that comes; a pipe that breaks has ended.
fn all(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read until then is there all the same.
        drop(pipe.read_to_end(&mut bytes));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What is on the leash ends with it, nothing begins on a cut one, and a mended one holds again.
    #[test]
    fn a_cut_leash_ends_what_runs_on_it() {
        let leash = Leash::default();
        let said = leash.output(&mut shell("echo out; echo err >&2")).unwrap();
        assert!(said.status.success());
        assert_eq!(
            (said.stdout, said.stderr),
            (b"out\n".to_vec(), b"err\n".to_vec())
        );
        assert!(!leash.mend());

        let other = leash.clone();
        let long = thread::spawn(move || other.output(&mut shell("exec sleep 300")));
        while leash.held().children.is_empty() {
            thread::yield_now();
        }
        leash.cut();
        assert!(!long.join().unwrap().unwrap().status.success());
        assert!(leash.mend());

        leash.cut();
        let refused = leash.output(&mut shell("exit 0")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Interrupted);
        assert!(leash.mend());
        assert!(leash.output(&mut shell("exit 0")).unwrap().status.success());
    }
}
