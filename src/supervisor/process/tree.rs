//! Process trees: finding and killing all that descends from a process. The only reader of `/proc`.
//! Elsewhere than on Linux a tree is its process group, which is less, and said so in the README.

use std::collections::HashSet;
use std::io::Read as _;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// What one round of killing met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Processes that were there, dead ones that wait to be reaped included.
    pub(super) found: Vec<Pid>,
    /// How many of them belong to another user and cannot be signalled.
    pub(super) denied: usize,
}

impl Round {
    fn stop(&mut self, pid: Pid) {
        self.found.push(pid);
        if kill_process(pid, Signal::STOP) == Err(Errno::PERM) {
            self.denied += 1;
        }
    }

    fn walk(&mut self, mut open: Vec<Pid>, met: &mut HashSet<Pid>) {
        while let Some(pid) = open.pop() {
            if met.insert(pid) {
                self.stop(pid);
                open.extend(children(pid));
            }
        }
    }

    fn kill(self) -> Self {
        for &pid in &self.found {
            // What cannot be signalled is counted already; what is gone is what we want.
            let _gone = kill_process(pid, Signal::KILL);
        }
        self
    }
}

/// Kills all descendants of `root`, not `root` itself.
///
/// Each process is stopped before its children are listed: a stopped process forks no more, so
/// nothing can grow behind the walk, and its dead children keep their ids until it is gone.
#[cfg(target_os = "linux")]
pub(super) fn kill_below(root: Pid, _leader: Pid) -> Round {
    let mut round = Round::default();
    round.walk(children(root), &mut HashSet::new());
    round.kill()
}

/// Kills the child's process group; processes that left it are not found on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_below(_root: Pid, leader: Pid) -> Round {
    let _gone = rustix::process::kill_process_group(leader, Signal::KILL);
    Round::default()
}

/// Kills these processes and all their descendants but the spared ones, see [`kill_below`].
///
/// Their orphans do not come to us, so the walk is repeated until every process it met stands
/// still and no child is new: a fork that was under way when its parent was stopped is seen.
pub(super) fn kill_trees(roots: Vec<Pid>, spared: &HashSet<Pid>) -> Round {
    let mut round = Round::default();
    let mut met = spared.clone();
    round.walk(roots, &mut met);
    for _ in 0..SETTLE_ROUNDS {
        let still = round
            .found
            .iter()
            .all(|&pid| stat(pid).is_none_or(|s| s.still));
        let before = round.found.len();
        let again = round.found.iter().flat_map(|&pid| children(pid)).collect();
        round.walk(again, &mut met);
        if still && round.found.len() == before {
            break;
        }
    }
    round.kill()
}

/// Walks before a process that does not come to a stop (it hangs in the kernel) is killed anyway.
const SETTLE_ROUNDS: u32 = 100;

/// The children of a process right now.
#[cfg(target_os = "linux")]
pub(super) fn children(pid: Pid) -> Vec<Pid> {
    let tasks = format!("/proc/{}/task", pid.as_raw_nonzero());
    let Ok(threads) = std::fs::read_dir(tasks) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        match std::fs::read_to_string(thread.path().join("children")) {
            Ok(list) => found.extend(list.split_ascii_whitespace().filter_map(parse_pid)),
            // A kernel without the `children` files: look at every process instead.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && thread.path().exists() => {
                return children_by_scan(pid);
            }
            Err(_) => {}
        }
    }
    found
}

/// The children of a process; never known on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn children(_pid: Pid) -> Vec<Pid> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn children_by_scan(parent: Pid) -> Vec<Pid> {
    all()
        .into_iter()
        .filter(|&pid| stat(pid).is_some_and(|s| s.parent == parent.as_raw_nonzero().get()))
        .collect()
}

/// Every process that can be seen.
pub(super) fn all() -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|e| parse_pid(e.file_name().to_str()?))
        .collect()
}

fn parse_pid(digits: &str) -> Option<Pid> {
    Pid::from_raw(digits.parse().ok()?)
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Process id of its parent.
    pub(super) parent: i32,
    /// Its session.
    pub(super) session: i32,
    /// When it started, in clock ticks since boot.
    pub(super) start: u64,
    /// Whether it is dead and waits to be reaped.
    pub(super) dead: bool,
    /// Whether it is stopped or dead: it cannot fork.
    pub(super) still: bool,
}

/// Reads one process; `None` when it is gone, or on a system without `/proc`.
pub(super) fn stat(pid: Pid) -> Option<Stat> {
    let bytes = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// The name in parentheses may hold anything, parentheses and blanks too: the last one counts.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let state = *fields.first()?;
    Some(Stat {
        dead: matches!(state, "Z" | "X" | "x"),
        still: matches!(state, "Z" | "X" | "x" | "T" | "t"),
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Whether a process was started with this variable, its value beginning with `prefix`.
///
/// One that becomes another program at this moment shows no environment. So none is believed only after many looks:
/// a process that becomes one program after the other is met in between again.
pub(super) fn environment_has(pid: Pid, name: &str, prefix: &str) -> bool {
    let at = |what: &str| format!("/proc/{}/{what}", pid.as_raw_nonzero());
    let wanted = format!("{name}={prefix}");
    for _ in 0..EXEC_LOOKS {
        let Ok(bytes) = at_once(&at("environ")) else {
            return false;
        };
        if !bytes.is_empty() {
            return bytes
                .split(|&b| b == 0)
                .any(|entry| entry.starts_with(wanted.as_bytes()));
        }
        // What is dead or belongs to the kernel has no program.
        if std::fs::read_link(at("exe")).is_err() {
            return false;
        }
        if std::fs::read(at("cmdline")).is_ok_and(|line| line.is_empty()) {
            nap(None, 1);
        }
    }
    false
}

/// Bytes of an environment that are read at once.
const ENVIRONMENT: usize = 32 << 10;

/// Reads an environment in one go, if it is not very long: where a process becomes another program between two
/// reads, the second finds an end.
fn at_once(path: &str) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let mut bytes = vec![0; ENVIRONMENT];
    let read = file.read(&mut bytes)?;
    bytes.truncate(read);
    if read == ENVIRONMENT {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Looks at a process without an environment.
const EXEC_LOOKS: u32 = 50;

/// Names this boot of the machine; start times of another boot mean nothing.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// Waits until this process may have ended, at most `ms` milliseconds.
pub(super) fn nap(pid: Option<Pid>, ms: i64) {
    let timeout = rustix::event::Timespec {
        tv_sec: ms / 1_000,
        tv_nsec: (ms % 1_000) * 1_000_000,
    };
    #[cfg(target_os = "linux")]
    if let Some(fd) = pid
        .and_then(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok())
    {
        let mut fds = [rustix::event::PollFd::new(
            &fd,
            rustix::event::PollFlags::IN,
        )];
        let _woken = rustix::event::poll(&mut fds, Some(&timeout));
        return;
    }
    let _ = pid;
    let _woken = rustix::event::poll(&mut [], Some(&timeout));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program may call itself anything, a fake line of `stat` included.
    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let tail = "S 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 0";
        let wanted = parse_stat(&format!("12 (sh) {tail}"));
        assert_eq!(
            wanted.map(|s| (s.parent, s.session, s.start)),
            Some((7, 9, 4242))
        );
        assert_eq!(parse_stat(&format!("12 (a) Z 1 1 1) {tail}")), wanted);
        assert_eq!(parse_stat("12 (sh"), None);
    }
}
