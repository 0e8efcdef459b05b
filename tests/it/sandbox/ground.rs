//! The ground of a probe: an operator's home with keys, projects, a state folder, another process
//! and open ports, all of it made for the probe and gone after it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use checkride::config::loops;
use checkride::run::LoopSpec;
use checkride::run::spec::Guardrails;
use checkride::supervisor::process::{Exit, Home, Kept, Running, Stdin, spawn};
use checkride::supervisor::sandbox::Net;
use checkride::supervisor::sandbox::probe::Powers;
use checkride::supervisor::sandbox::rooms::Keep;
use checkride::supervisor::sandbox::terms::{Role, Terms};
use tokio::time::Instant;

use super::powers;
use crate::process::{Bench, watched, within};
use crate::world::program;

/// What secrets hold.
const MARKED: &str = "MARKED-do-not-read";

/// Files that are there before: below the operator's home, the projects, the state folder.
const FILES: [&str; 42] = [
    "home/notes.txt",
    "home/.bashrc",
    "home/.ssh/id_ed25519",
    "home/.ssh/authorized_keys",
    "home/.aws/credentials",
    "home/.config/gcloud/credentials.db",
    "home/.netrc",
    "home/.claude/.credentials.json",
    "home/.claude/settings.json",
    "home/.codex/config.toml",
    "home/.cargo/credentials.toml",
    "home/.cargo/bin/tool",
    "home/.cargo/config.toml",
    "home/.gitconfig",
    "home/go/src/mine/.env",
    "home/work/third/bin/tool",
    "home/work/third/.env",
    "home/go/bin/tool",
    "home/.fly/bin/tool",
    "home/.fly/config.yml",
    "home/scripts/tool",
    "home/scripts/old/shop/.env",
    "home/node/bin/node",
    "home/node/lib/tool.js",
    "project/bin/tool",
    "project/.env",
    "project/.git/HEAD",
    "project/.git/config",
    "project/.git/hooks/sample",
    "project/.git/refs/heads/main",
    "project/.git/objects/info/packs",
    "project/.git/objects/info/alternates",
    "project/skills/good/SKILL.md",
    "project/loops/probe.toml",
    "other/.env",
    "state/journal.db",
    "state/workspaces/other/work/f.txt",
    "state/workspaces/probe/repo.git/objects/info/alternates",
    "state/workspaces/probe/pinned/check.sh",
    "state/workspaces/probe/verify/hidden",
    "state/workspaces/probe/rooms/check/home/f",
    "state/workspaces/probe/work/f.txt",
];

/// Where a probe could plant something beside the ground, under a name of its own.
const SHARED: [&str; 8] = [
    "/dev/shm",
    "/tmp",
    "/var/tmp",
    "/run",
    "/etc",
    "/etc/cron.d",
    "/usr/local/bin",
    "/var/spool/cron",
];

const LOOP: &str = r#"
version = 1
name = "probe"
skill = { path = "skills/good" }
worker = { type = "command", command = ["sh"] }
[goal]
statement = "it holds"
[[goal.verify.checks]]
name = "yes"
command = ["true"]
"#;

/// How a probe is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// In all that this machine has.
    Confined,
    /// Behind Landlock, with no namespaces.
    Walls,
    /// In nothing.
    Outside,
}

impl Way {
    /// Why this machine cannot show it.
    pub(crate) fn lacks(self) -> Option<String> {
        let powers = powers();
        match self {
            Self::Confined => powers.apart.err().or(powers.walls.err()),
            Self::Walls => match powers.walls {
                Ok(abi) if abi < 6 => Some(format!("Landlock {abi} knows no signals")),
                Ok(_) => None,
                Err(why) => Some(why),
            },
            Self::Outside => None,
        }
    }

    fn powers(self) -> Powers {
        match self {
            Self::Confined => powers(),
            Self::Walls => Powers {
                apart: Err("not for this probe".to_owned()),
                ..powers()
            },
            Self::Outside => Powers::none("not for this probe"),
        }
    }
}

/// What came of a probe.
pub(crate) struct Done {
    pub(crate) succeeded: bool,
    pub(crate) told: String,
}

pub(crate) struct Ground {
    bench: Bench,
    spec: LoopSpec,
    victim: Child,
    tcp: TcpListener,
    udp: UdpSocket,
    tag: String,
    _sockets: [UnixListener; 2],
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.victim.kill().unwrap();
        self.victim.wait().unwrap();
        for folder in SHARED {
            drop(fs::remove_file(Path::new(folder).join(&self.tag)));
        }
    }
}

impl Ground {
    pub(crate) fn new() -> Self {
        let bench = Bench::new();
        let root = bench.path();
        for file in FILES {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = match file {
                "home/node/bin/node" | "home/node/lib/tool.js" => "part of the tool\n".to_owned(),
                tool if tool.ends_with("/tool") => "#!/bin/sh\nexit 0\n".to_owned(),
                "home/.cargo/config.toml" => format!("[registry]\ntoken = \"{MARKED}\"\n"),
                "home/.gitconfig" => format!("[http]\n\textraheader = {MARKED}\n"),
                "project/loops/probe.toml" => LOOP.to_owned(),
                "project/skills/good/SKILL.md" => {
                    "---\nname: good\ndescription: For a test.\n---\n\nDo it.\n".to_owned()
                }
                // Names what is no store, as a repository from elsewhere may.
                "project/.git/objects/info/alternates" => {
                    format!("{0}/home\n{0}/home/.ssh\n{0}/other\n", root.display())
                }
                "state/workspaces/probe/repo.git/objects/info/alternates" => {
                    format!("\"{}\"\n", root.join("project/.git/objects").display())
                }
                _ => format!("{MARKED}\n"),
            };
            fs::write(&path, text).unwrap();
        }
        program(&root.join("home/.cargo/bin/tool"), "#!/bin/sh\nexit 0\n");
        let project = root.join("project");
        let spec = loops::read(&project, &project.join("loops/probe.toml")).spec;
        let tag = root
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_start_matches('.');
        let tag = format!("probe-{tag}");
        let name = SocketAddr::from_abstract_name(&tag).unwrap();
        Self {
            spec: spec.unwrap(),
            victim: Command::new("sleep")
                .arg("600")
                .env("SECRET", MARKED)
                .spawn()
                .unwrap(),
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            _sockets: [
                UnixListener::bind(root.join("state/socket")).unwrap(),
                UnixListener::bind_addr(&name).unwrap(),
            ],
            tag,
            bench,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.bench.path().join(path)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.at("state/workspaces/probe")
    }

    /// Milliseconds from the order of `true` to its end, one after the other under one keeper.
    pub(crate) async fn times(&self, way: Way, rounds: u32) -> Vec<f64> {
        let mut plan = self.plan(way);
        plan.kept = Some(Kept::default());
        let mut times = Vec::new();
        for _ in 0..rounds {
            let began = Instant::now();
            let argv = vec!["true".to_owned()];
            let order = plan.order(argv, &self.folder().join("work"), Stdin::Null);
            let running = spawn(order).await.unwrap();
            let (end, _) = watched(running, b"", Duration::from_secs(120)).await;
            assert_eq!(end.exit, Exit::Code(0));
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times
    }

    /// Starts a script as the worker of the loop.
    pub(crate) async fn start(&self, script: &str, way: Way) -> Running {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let work = self.folder().join("work");
        let order = self.plan(way).order(argv, &work, Stdin::Null);
        spawn(order).await.unwrap()
    }

    /// Waits until the worker's script has made this file.
    pub(crate) fn wait_for(&self, name: &str) {
        let path = self.folder().join("work").join(name);
        within(Duration::from_secs(120), || path.exists().then_some(()));
    }

    /// What marks of this ground's processes are made from.
    pub(crate) fn root(&self) -> &Path {
        self.bench.path()
    }

    /// Processes of the run that are alive.
    pub(crate) fn alive(&self) -> Vec<i32> {
        self.bench.alive()
    }

    /// What the worker of the loop is started with.
    pub(crate) fn plan(&self, way: Way) -> Home {
        let (home, folder, project) = (self.at("home"), self.folder(), self.at("project"));
        let powers = way.powers();
        let path = std::env::var_os("PATH").unwrap();
        let own = [
            "home/work/third/bin",
            "project/bin",
            "home/.cargo/bin",
            "home/go/bin",
            "home/.fly/bin",
            "home/scripts",
            "home/node/bin",
        ];
        let own = own.map(|folder| self.at(folder));
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)));
        let path = path.unwrap();
        let terms = Terms {
            powers: &powers,
            spec: &self.spec,
            operator: Some(&home),
            path: &path,
            project: &project,
            folder: &folder,
        };
        let room = terms.room(Role::Worker);
        let mut plan = self.bench.home.clone();
        plan.cage = terms.cage(Role::Worker);
        assert_eq!(plan.cage.is_some(), way != Way::Outside);
        plan.env.extend(self.variables());
        if way == Way::Outside {
            plan.env.push(("HOME".into(), home.clone().into()));
        } else {
            room.furnish(Keep::Nothing, Some(&home), None).unwrap();
            plan.env.extend(room.variables());
        }
        plan
    }

    /// The loop, with other guardrails.
    pub(crate) fn spec(&self, change: impl FnOnce(&mut Guardrails)) -> LoopSpec {
        let mut spec = self.spec.clone();
        change(&mut spec.guardrails);
        spec
    }

    /// Where a proxy of this loop's worker has its socket.
    pub(crate) fn proxy(&self) -> PathBuf {
        self.folder().join("rooms/worker.proxy")
    }

    /// Runs a script as the worker of the loop, through the proxy; its exit and what it printed.
    pub(crate) async fn through_proxy(&self, script: &str) -> (Exit, String) {
        let net = Net::Through(self.proxy().into());
        let plan = self.plan(Way::Confined).reaching(net);
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let order = plan.order(argv, &self.folder().join("work"), Stdin::Null);
        let running = spawn(order).await.unwrap();
        let (end, kept) = watched(running, b"", Duration::from_secs(120)).await;
        (end.exit, String::from_utf8_lossy(&kept.out).into_owned())
    }

    /// Runs a script as the worker of the loop, and looks at what has come of it.
    pub(crate) async fn attempt(&self, script: &str, way: Way) -> Done {
        let plan = self.plan(way);
        let before = self.fingerprint();
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let order = plan.order(argv, &self.folder().join("work"), Stdin::Null);
        let running = spawn(order).await.unwrap();
        let (end, kept) = watched(running, b"", Duration::from_secs(120)).await;
        let changed = before != self.fingerprint() || self.heard() || self.planted();
        let said = String::from_utf8_lossy(&kept.err).into_owned();
        Done {
            succeeded: end.exit == Exit::Code(0) || changed || !self.victim_lives(),
            told: format!("{}, changed outside: {changed}, {said}", end.exit),
        }
    }

    fn variables(&self) -> Vec<(String, OsString)> {
        let port = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().port();
        let ptrace = if cfg!(target_arch = "x86_64") {
            101
        } else {
            117
        };
        let plain = [
            ("UP", "../".repeat(16).trim_end_matches('/').to_owned()),
            ("HOST", std::process::id().to_string()),
            ("VICTIM", self.victim.id().to_string()),
            ("TCP", port(self.tcp.local_addr()).to_string()),
            ("UDP", port(self.udp.local_addr()).to_string()),
            ("PTRACE", ptrace.to_string()),
            ("ABSTRACT", self.tag.clone()),
            ("TAG", self.tag.clone()),
        ];
        let places = [
            ("OUT", self.at("home")),
            ("PROJECT", self.at("project")),
            ("OTHER", self.at("other")),
            ("STATE", self.at("state")),
            ("LOOP", self.folder()),
            ("SOCKET", self.at("state/socket")),
        ];
        let plain = plain.map(|(name, value)| (name.to_owned(), value.into()));
        let places = places.map(|(name, path)| (name.to_owned(), path.into()));
        plain.into_iter().chain(places).collect()
    }

    /// Everything outside the worker's own folders: mode, time, and bytes or where it leads.
    fn fingerprint(&self) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
        let own = [
            self.folder().join("work"),
            self.folder().join("rooms/worker"),
        ];
        let mut all = BTreeMap::new();
        let mut open = vec![self.bench.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if own.contains(&path) {
                    continue;
                }
                let meta = fs::symlink_metadata(&path).unwrap();
                let bytes = if meta.is_dir() {
                    open.push(path.clone());
                    Vec::new()
                } else if meta.is_file() {
                    fs::read(&path).unwrap()
                } else {
                    format!("{:?}", fs::read_link(&path)).into_bytes()
                };
                // The time of a folder tells what came and went in it.
                let moment = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
                let rooms = path == self.folder().join("rooms");
                let moment = if rooms { 0 } else { moment };
                all.insert(path, (meta.mode(), moment, bytes));
            }
        }
        all
    }

    fn heard(&self) -> bool {
        self.udp.set_nonblocking(true).unwrap();
        self.udp.recv(&mut [0; 8]).is_ok()
    }

    fn planted(&self) -> bool {
        let there = |folder: &str| Path::new(folder).join(&self.tag).exists();
        SHARED.iter().any(|folder| there(folder))
    }

    fn victim_lives(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.victim.id()));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    }
}
