//! A line that is cut at any moment: over a real sshd on loopback where there is one, else by hanging
//! up the terminal.
#![expect(
    clippy::disallowed_methods,
    reason = "a real server is waited for on the real clock"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{ENTER, ESC, PROMPT, ROOMY, Terminal, at_work, cockpit, digest, open, said, streaming};
use crate::host::{checkride, states};
use crate::ordeal::times;
use crate::world::World;

/// An sshd of the test's own, with throw-away keys; nothing of the system is changed.
struct Server {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `$CHECKRIDE_TEST_SSHD`, or where distributions put it.
fn sshd() -> Option<PathBuf> {
    let named = std::env::var_os("CHECKRIDE_TEST_SSHD").map(PathBuf::from);
    named
        .into_iter()
        .chain([PathBuf::from("/usr/sbin/sshd")])
        .find(|path| path.exists())
}

impl Server {
    /// Starts one; `None` where that cannot be done here.
    fn start() -> Option<Self> {
        let sshd = sshd()?;
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(key))
                .status();
            made.ok().filter(std::process::ExitStatus::success)?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = port.local_addr().ok()?.port();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            at("host").display(),
            at("user.pub").display(),
        );
        fs::write(at("config"), text).unwrap();
        let mut child = server(&sshd, folder.path()).spawn().ok()?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if child.try_wait().ok()?.is_some() {
                return None;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(Self {
                    folder,
                    port,
                    child,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(child.kill());
        None
    }

    /// The cockpit of this world, over this server.
    fn cockpit(&self, world: &World) -> pty_process::blocking::Command {
        let folder = world.project();
        let states = states(world).display().to_string();
        let line = format!(
            "cd '{}' && exec env HOME='{states}' CHECKRIDE_STATE_DIR='{states}' CHECKRIDE_CONFIG_DIR='{states}' \
             TERM=xterm-256color LANG=C.UTF-8 PATH='{}' '{}'",
            folder.display(),
            std::env::var("PATH").unwrap(),
            env!("CARGO_BIN_EXE_checkride"),
        );
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap();
        pty_process::blocking::Command::new("ssh")
            .args(["-tt", "-q", "-F", "none", "-o", "StrictHostKeyChecking=no"])
            .args([
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "IdentitiesOnly=yes",
            ])
            .arg("-i")
            .arg(self.folder.path().join("user"))
            .args(["-p", &self.port.to_string()])
            .arg(format!("{}@127.0.0.1", user.trim()))
            .arg(line)
            .env("TERM", "xterm-256color")
    }
}

/// The command that is the server. As root it wants a user `sshd` and `/run/sshd`: where the system has
/// none, it gets them in a view of the files that only it has.
fn server(sshd: &Path, folder: &Path) -> Command {
    let config = folder.join("config");
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let root = rustix::process::getuid().is_root();
    let known = users.lines().any(|line| line.starts_with("sshd:"));
    let mut command = if root && !(known && Path::new("/run/sshd").is_dir()) {
        let passwd = folder.join("passwd");
        let user = "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n";
        fs::write(&passwd, format!("{users}{user}")).unwrap();
        fs::set_permissions(&passwd, fs::Permissions::from_mode(0o644)).unwrap();
        let script = format!(
            "mount --bind '{}' /etc/passwd && mount -t tmpfs none /run && mkdir /run/sshd && exec '{}' -D -f '{}'",
            passwd.display(),
            sshd.display(),
            config.display()
        );
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]);
        command
    } else {
        let mut command = Command::new(sshd);
        command.arg("-D").arg("-f").arg(config);
        command
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// S7, P5: the line is cut at any moment, while the cockpit starts, paints, opens a question or closes it:
/// the run goes on, no line of it is lost, and the next attach shows the same checkpoint and digest.
#[test]
fn a_cut_line_changes_nothing() {
    let server = Server::start();
    match &server {
        Some(_) => eprintln!("lines are cut over a real sshd"),
        None => eprintln!(
            "skipped: no sshd; terminals are hung up instead (CHECKRIDE_TEST_SSHD names one)"
        ),
    }
    let visit = |world: &World| {
        let program = match &server {
            Some(server) => server.cockpit(world),
            None => cockpit(world),
        };
        Terminal::start(program, ROOMY)
    };
    let world = streaming();
    second(&world);
    let mut t = at_work(&world, ROOMY);
    t.hang_up();
    t.ended();
    let asked = waiting(&world);
    let started = said(&world);
    for cut in 0..times("CHECKRIDE_CUTS", 10) {
        let mut t = visit(&world);
        // A different moment each time, over the whole of a short visit.
        let moment = Duration::from_millis((cut as u64 * 137) % 900);
        let began = Instant::now();
        for keys in ["c", "j", ESC, "t", ESC, "i", ENTER] {
            t.pause(Duration::from_millis(60));
            if began.elapsed() >= moment {
                break;
            }
            t.keys(keys);
        }
        if server.is_some() {
            t.signal("-KILL");
        }
        t.hang_up();
        t.ended();
    }
    assert!(said(&world) > started, "the run stood still");
    let mut t = visit(&world);
    assert_eq!(open(&mut t, PROMPT), asked);
    assert_eq!(digest(t.screen()).unwrap(), asked);
    let log = checkride(&world, &["log", "waits"]).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(!log.contains("decided"), "{log}");
    assert_eq!(log.matches("asks:").count(), 1, "{log}");
    world.write("../enough", "");
}

/// A second loop, which no worker of the first is in the way of. It stands after it in the list.
fn second(world: &World) {
    let file = world.read("loops/stream.toml");
    let file = file.replace("\"stream\"", "\"waits\"");
    world.write("loops/waits.toml", &file);
    world.write("checkride.toml", "max_running = 2\n");
    world.commit("a loop that waits");
}

/// The second loop waits at its prompt: the digest that it shows.
fn waiting(world: &World) -> String {
    let ran = checkride(world, &["run", "waits"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(10), "{ran:?}");
    let told = String::from_utf8(ran.stdout).unwrap();
    let (_, digest) = told.split_once("digest  ").unwrap();
    digest.trim_start().get(..8).unwrap().to_owned()
}
