//! `checkride __sandbox`: the process that goes inside. It makes namespaces where they are asked for,
//! and waits outside them for what it started inside; no program of a run is in this process.

#[cfg(target_os = "linux")]
pub use linux::main;

/// The first argument that makes this program a process of the sandbox.
pub const WORD: &str = "__sandbox";

/// The second argument: make namespaces, then start one that goes inside.
pub(in crate::supervisor) const APART: &str = "apart";

/// The second argument: the same, with a network of its own.
pub(in crate::supervisor) const ALONE: &str = "alone";

/// The second argument: go inside right here.
pub(in crate::supervisor) const HERE: &str = "here";

/// There is no sandbox on this system: the keeper never asks for one.
#[cfg(not(target_os = "linux"))]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(2)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{self, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, ExitCode, Stdio};

    use rustix::process::{Pid, Signal, WaitOptions};
    use rustix::thread::UnshareFlags;
    use tokio::signal::unix::{SignalKind, signal};

    use super::super::{Word, caps, lead};
    use super::{ALONE, APART, WORD};

    /// The whole life of a process of the sandbox; its standard input is the keeper's socket.
    ///
    /// The exit code says nothing: what became of the program goes over the socket.
    pub fn main() -> ExitCode {
        let Ok(socket) = io::stdin().as_fd().try_clone_to_owned() else {
            return ExitCode::from(2);
        };
        let mut socket = UnixStream::from(socket);
        let asked = std::env::args_os().nth(2);
        let done = match asked.as_deref().and_then(|word| word.to_str()) {
            Some(APART) => apart(UnshareFlags::empty()),
            Some(ALONE) => apart(UnshareFlags::NEWNET),
            Some(INSIDE) => lead::lead(&mut socket, true),
            Some(super::HERE) => lead::lead(&mut socket, false),
            Some(_) | None => Err("it was started in no way that it knows".to_owned()),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                // A keeper that is gone needs no word.
                let _gone = tell(&mut socket, &Word::Failed(format!("the sandbox: {why}")));
                ExitCode::FAILURE
            }
        }
    }

    /// The second argument of the process that is the first one inside its namespaces.
    const INSIDE: &str = "inside";

    /// Writes one word to the keeper.
    pub(in super::super) fn tell(socket: &mut UnixStream, word: &Word) -> io::Result<()> {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        socket.write_all(&line)
    }

    /// Makes the namespaces, and keeps one process in them until it is over.
    fn apart(more: UnshareFlags) -> Result<(), String> {
        let step = |what: &'static str| move |e: io::Error| format!("{what}: {e}");
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let spaces = UnshareFlags::NEWUSER
            | UnshareFlags::NEWNS
            | UnshareFlags::NEWPID
            | UnshareFlags::NEWIPC
            | more;
        #[expect(
            deprecated,
            reason = "it is unsound for shared descriptors alone, which are not asked for"
        )]
        rustix::thread::unshare(spaces)
            .map_err(|e| format!("this system gives no namespaces: {e}"))?;
        // The same user inside: an agent that looks who it is finds nothing new.
        let map = |id: u32| format!("{id} {id} 1");
        fs::write("/proc/self/setgroups", "deny").map_err(step("fixing the groups"))?;
        fs::write("/proc/self/uid_map", map(user.as_raw())).map_err(step("mapping the user"))?;
        fs::write("/proc/self/gid_map", map(group.as_raw())).map_err(step("mapping the group"))?;
        caps::carry().map_err(step("keeping the rights to build"))?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|e| format!("binding it to its keeper: {e}"))?;
        let inside = Command::new("/proc/self/exe")
            .args([WORD, INSIDE])
            .stdin(Stdio::inherit())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(step("starting what goes inside"))?;
        wait_for(Pid::from_child(&inside)).map_err(step("waiting for it"))
    }

    /// Waits until the first process inside is gone, and all others with it. A polite end is
    /// handed on to its group: the first process of a namespace does not hear it.
    fn wait_for(inside: Pid) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut deaths = signal(SignalKind::child())?;
            let mut ends = signal(SignalKind::terminate())?;
            loop {
                if rustix::process::waitpid(Some(inside), WaitOptions::NOHANG)?.is_some() {
                    return Ok(());
                }
                tokio::select! {
                    _ = deaths.recv() => {}
                    _ = ends.recv() => {
                        // It may be over already.
                        let _gone = rustix::process::kill_process_group(inside, Signal::TERM);
                    }
                }
            }
        })
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::tell;
