//! Who knocks: the same user, the same process namespace, and nobody who descends from a run. What
//! the system does not tell is said to the operator instead.

use std::fs;
use std::path::PathBuf;

/// The environment variable that marks every process of a run, of whatever project.
const MARK: &[u8] = b"CHECKRIDE_RUN=";

/// Most generations that are followed; a longer line counts as unreadable.
const GENERATIONS: usize = 4096;

/// How often a family that changes while it is read is read again.
const READINGS: usize = 3;

/// What `/proc` says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    start: u64,
}

/// Lets peers in or turns them away.
#[derive(Debug)]
pub struct Door {
    uid: u32,
    host: u32,
    namespace: Option<PathBuf>,
    /// Whether the processes of other users can be seen, so that a line of parents can be followed.
    sees_all: bool,
}

impl Door {
    /// The door of this very process.
    pub fn of_this_process() -> Self {
        Self {
            uid: rustix::process::getuid().as_raw(),
            host: std::process::id(),
            namespace: namespace_of("self"),
            sees_all: stat_of(1).is_some(),
        }
    }

    /// What cannot be enforced here, in words for the operator.
    pub fn warnings(&self) -> Vec<String> {
        if self.sees_all && self.namespace.is_some() {
            return Vec::new();
        }
        vec![
            "this system does not say who started a program: a worker outside a sandbox could answer its own checkpoints"
                .to_owned(),
        ]
    }

    /// Whether this peer may give commands, by its user and process number as the socket tells them.
    ///
    /// # Errors
    /// One line for the peer: why not.
    pub fn admit(&self, uid: u32, pid: Option<i32>) -> Result<(), String> {
        if uid != self.uid {
            return Err("this host belongs to another user".to_owned());
        }
        let Some(namespace) = &self.namespace else {
            return Ok(());
        };
        // A process that this namespace cannot see has the number 0.
        let pid = pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        if pid == 0 || namespace_of(&pid.to_string()).as_ref() != Some(namespace) {
            return Err(
                "commands are taken only from the host's own process namespace; ask from outside the sandbox"
                    .to_owned(),
            );
        }
        match ancestors(pid) {
            Some(family) => self.admit_family(&family),
            None if self.sees_all => Err(
                "the host cannot tell who started this program; try again from a terminal"
                    .to_owned(),
            ),
            None => Ok(()),
        }
    }

    /// The peer itself comes first. A parent of another user may hide its environment; the peer may not.
    fn admit_family(&self, family: &[u32]) -> Result<(), String> {
        if family.contains(&self.host) && family.first() != Some(&self.host) {
            return Err(from_run());
        }
        for (i, pid) in family.iter().enumerate() {
            match fs::read(format!("/proc/{pid}/environ")) {
                Ok(environ) if is_marked(&environ) => return Err(from_run()),
                // A program that is just being replaced by another has no environment for a moment.
                Ok(environ) if !environ.is_empty() => {}
                Ok(_) | Err(_) if i == 0 => {
                    return Err(
                        "the host cannot see where this program comes from: it shows no environment"
                            .to_owned(),
                    );
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn from_run() -> String {
    "this program was started by a run, and a run cannot answer for its operator".to_owned()
}

fn is_marked(environ: &[u8]) -> bool {
    environ
        .split(|&b| b == 0)
        .any(|entry| entry.starts_with(MARK))
}

fn namespace_of(pid: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// A process and all it descends from, itself first; `None` where the line cannot be followed or
/// does not stand still.
fn ancestors(pid: u32) -> Option<Vec<u32>> {
    let read = || line_of(pid);
    let mut last = read()?;
    for _ in 0..READINGS {
        let again = read()?;
        if again == last {
            return Some(again.into_iter().map(|(pid, _)| pid).collect());
        }
        last = again;
    }
    None
}

fn line_of(pid: u32) -> Option<Vec<(u32, Stat)>> {
    let mut line = Vec::new();
    let mut next = pid;
    // The first process, and one whose parent lies outside this namespace, have the parent 0.
    while next != 0 {
        if line.len() == GENERATIONS {
            return None;
        }
        let stat = stat_of(next)?;
        line.push((next, stat));
        next = stat.parent;
    }
    Some(line)
}

/// When a process began, in the system's ticks since boot; `None` where the system does not say.
pub fn start_of(pid: u32) -> Option<u64> {
    stat_of(pid).map(|stat| stat.start)
}

fn stat_of(pid: u32) -> Option<Stat> {
    let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// The program's name stands in parentheses and may hold any bytes: what counts is after the last.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    // After the name: state, parent, …; the start is the twentieth field from the state on.
    let parent = fields.nth(1)?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name with blanks and parentheses does not shift the fields.
    #[test]
    fn reads_a_stat_line_with_a_hostile_name() {
        let line = "77 (a) R 1 (b) S 42 77 77 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 9999 0 0";
        assert_eq!(
            parse_stat(line),
            Some(Stat {
                parent: 42,
                start: 9999
            })
        );
        assert_eq!(parse_stat("77 (a"), None);
    }

    /// Another user is refused whatever its process is.
    #[test]
    fn refuses_another_user() {
        let door = Door::of_this_process();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(door.admit(door.uid + 1, Some(me)).is_err());
        assert_eq!(door.admit(door.uid, Some(me)), Ok(()));
    }

    /// S-worker-cannot-approve: a process that descends from the host is refused, marked or not.
    #[test]
    fn refuses_its_own_descendants() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let door = Door::of_this_process();
        let pid = i32::try_from(child.id()).unwrap();
        let refused = door.admit(door.uid, Some(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(refused, Err(from_run()));
    }

    /// A process that carries the mark of a run is refused, though the host did not start it.
    #[test]
    fn refuses_the_mark_of_a_run() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env("CHECKRIDE_RUN", "0123456789abcdef.nightly-3")
            .spawn()
            .unwrap();
        let door = Door {
            host: u32::MAX,
            ..Door::of_this_process()
        };
        let pid = i32::try_from(child.id()).unwrap();
        // The new program's environment appears a moment after it was started.
        while fs::read(format!("/proc/{pid}/environ")).unwrap().is_empty() {
            std::thread::yield_now();
        }
        let refused = door.admit(door.uid, Some(pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(refused, Err(from_run()));
    }

    /// A process that is gone, or in another namespace, is refused where the system tells.
    #[test]
    fn refuses_whom_it_cannot_see() {
        let door = Door::of_this_process();
        assert!(door.admit(door.uid, Some(0)).is_err());
        assert!(door.admit(door.uid, None).is_err());
    }
}
