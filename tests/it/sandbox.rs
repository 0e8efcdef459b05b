//! The sandbox as programs of a run meet it: through a real keeper, on this machine's kernel.

pub(crate) mod ground;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use checkride::run::spec::{Sandbox, WorkerKind};
use checkride::supervisor::process::Exit;
use checkride::supervisor::sandbox::probe::{Powers, probe};
use checkride::supervisor::sandbox::proxy::{Exits, Proxy, Turned};
use checkride::supervisor::sandbox::terms::Terms;

use self::ground::{Ground, Way};
use crate::process::within;

/// Every probe; `tests/probes/README.md` says how a line reads.
const PROBES: &str = include_str!("../probes/probes.txt");

/// What this machine can confine, found out once.
pub(crate) fn powers() -> Powers {
    static POWERS: OnceLock<Powers> = OnceLock::new();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_checkride"));
    POWERS.get_or_init(|| probe(&program)).clone()
}

/// One line of the probes.
struct Probe {
    group: &'static str,
    control: &'static str,
    walls: bool,
    name: &'static str,
    script: &'static str,
}

fn probes() -> Vec<Probe> {
    let lines = PROBES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.splitn(5, " | ").collect();
            let &[group, control, walls, name, script] = fields.as_slice() else {
                panic!("no probe: {line}");
            };
            Probe {
                group,
                control,
                walls: walls == "yes",
                name,
                script,
            }
        })
        .collect()
}

/// Says on standard error what a machine could not show, and why.
pub(crate) fn skipped(what: &str, why: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "skipped: {what}: {why}").unwrap();
}

/// What is said where a script needs it.
const NO_PERL: &str = "there is no perl here";

/// Whether this script needs a perl that this machine does not have.
fn lacks_perl(script: &str) -> bool {
    static PERL: OnceLock<bool> = OnceLock::new();
    let works = || {
        let tried = Command::new("perl")
            .args(["-MIO::Socket::INET", "-e", "1"])
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    };
    script.contains("perl") && !PERL.get_or_init(works)
}

/// Runs the probes of one group: in the whole sandbox, behind walls alone, and, as a control that
/// they are attacks, outside.
async fn try_all(group: &str) {
    let root = rustix::process::getuid().is_root();
    let mut wrong = Vec::new();
    for probe in probes().iter().filter(|probe| probe.group == group) {
        if lacks_perl(probe.script) {
            skipped(probe.name, NO_PERL);
            continue;
        }
        let outside = probe.control == "yes" || probe.control == "root" && root;
        let ways = [
            (Way::Confined, true, false),
            (Way::Walls, probe.walls, false),
            (Way::Outside, outside, true),
        ];
        for (way, tried, succeeds) in ways {
            if !tried || way.lacks().is_some() {
                continue;
            }
            let ground = Ground::new();
            let done = ground.attempt(probe.script, way).await;
            if done.succeeded != succeeds {
                wrong.push(format!("{way:?} {}: {}", probe.name, done.told));
            }
        }
    }
    for way in [Way::Confined, Way::Walls] {
        if let Some(why) = way.lacks() {
            skipped(&format!("{way:?} probes of {group}"), &why);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// S19, S21: there is no way to write outside.
#[tokio::test]
async fn nothing_is_written_outside() {
    try_all("write").await;
}

/// S19, S21: no secret, no journal, no other workspace is read.
#[tokio::test]
async fn no_secret_is_read() {
    try_all("read").await;
}

/// S21: no other process is signalled, traced or looked into.
#[tokio::test]
async fn no_other_process_is_touched() {
    try_all("process").await;
}

/// S21: no socket, no port and no address is reached where the list of hosts is empty.
#[tokio::test]
async fn nothing_is_reached() {
    try_all("net").await;
}

/// S21: no namespace, no mount, no right of the system is had.
#[tokio::test]
async fn no_right_is_gained() {
    try_all("kernel").await;
}

/// S21 asks for 50 probes; each stands in one group that a test tries.
#[test]
fn there_are_enough_probes() {
    let known = ["write", "read", "process", "net", "kernel"];
    assert!(probes().len() >= 50, "{}", probes().len());
    assert!(probes().iter().all(|probe| known.contains(&probe.group)));
}

/// F11: a tree that ignores what it can and leaves its session is gone with its sandbox, whoever
/// ends it.
#[tokio::test]
async fn nothing_outlives_its_sandbox() {
    for way in [Way::Confined, Way::Walls] {
        if let Some(why) = way.lacks() {
            skipped("the end of a tree", &why);
            continue;
        }
        let ground = Ground::new();
        let script = "trap '' TERM; for i in 1 2 3 4; do setsid sh -c \"trap '' TERM; \
                      touch up\\$1; while :; do sleep 60; done\" sh $i & done; wait";
        let mut running = ground.start(script, way).await;
        (1..5).for_each(|n| ground.wait_for(&format!("up{n}")));
        running.kill();
        assert_eq!(running.wait().await, Exit::Signal(9), "{way:?}");
        assert_eq!(ground.alive(), [0; 0], "{way:?}");
        let running = ground.start("touch again; sleep 60", way).await;
        ground.wait_for("again");
        drop(running);
        let gone = || ground.alive().is_empty().then_some(());
        within(Duration::from_secs(120), gone);
    }
}

/// A program inside hears a polite end, and its own exit is told.
#[tokio::test]
async fn a_polite_end_is_heard_inside() {
    for way in [Way::Confined, Way::Walls] {
        if let Some(why) = way.lacks() {
            skipped("a polite end", &why);
            continue;
        }
        let ground = Ground::new();
        let script = "trap 'exit 7' TERM; touch up; while :; do sleep 0.05; done";
        let mut running = ground.start(script, way).await;
        ground.wait_for("up");
        running.terminate();
        assert_eq!(running.wait().await, Exit::Code(7), "{way:?}");
        let mut killed = ground.start("kill -SEGV $$", way).await;
        assert_eq!(killed.wait().await, Exit::Signal(11), "{way:?}");
    }
}

/// §5.8: inside, the variables lead to the host's proxy, which turns away what is not listed, and what
/// is near though it is listed; the operator is told. Nothing else is reached beside it.
#[tokio::test]
async fn the_way_out_is_the_proxy() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("the way out", &why);
    }
    let ground = Ground::new();
    std::fs::create_dir_all(ground.proxy().parent().unwrap()).unwrap();
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = {
        let told = told.clone();
        move |turned: Turned| told.borrow_mut().push(format!("{turned:?}"))
    };
    let script = "ask() { perl -MIO::Socket::INET -e 'my ($at) = $ENV{HTTPS_PROXY} =~ m{//(.*)}; \
                  my $s = IO::Socket::INET->new($at) or die; print $s \"$ARGV[0]\\r\\n\\r\\n\"; print scalar <$s>' \"$1\"; }; \
                  ask 'CONNECT elsewhere.example:443 HTTP/1.1'; ask 'CONNECT localhost:443 HTTP/1.1'; \
                  ask 'GET http://localhost/ HTTP/1.1'; ask \"CONNECT 127.0.0.1:$TCP HTTP/1.1\"";
    if lacks_perl(script) {
        return skipped("the way out", NO_PERL);
    }
    let (exit, said) = tokio::task::LocalSet::new()
        .run_until(async {
            let exits = Exits {
                hosts: ["localhost".to_owned()].into(),
                ..Exits::default()
            };
            let proxy = Proxy::serve(&ground.proxy(), exits, tell).unwrap();
            let said = ground.through_proxy(script).await;
            drop(proxy);
            said
        })
        .await;
    assert_eq!(exit, Exit::Code(0), "{said}");
    assert_eq!(said.matches("403 Forbidden").count(), 4, "{said}");
    let told = told.borrow().join("\n");
    assert!(
        told.contains("elsewhere.example is not in the loop's list"),
        "{told}"
    );
    assert!(
        told.contains("localhost has only addresses of this network"),
        "{told}"
    );
    assert!(!ground.proxy().exists());
}

/// §5.9: what a machine lacks is said line by line, and a file that requires a sandbox is refused.
#[test]
fn what_is_not_enforced_is_said() {
    let ground = Ground::new();
    let (auto, require) = (
        ground.spec(|_| ()),
        ground.spec(|rails| rails.sandbox = Sandbox::Require),
    );
    let off = ground.spec(|rails| rails.sandbox = Sandbox::Off);
    let listing = ground.spec(|rails| rails.network = Some(vec!["example.org".to_owned()]));
    let none = Powers::none("it is old");
    let (walls, all) = (
        Powers {
            walls: Ok(6),
            ..none.clone()
        },
        Powers {
            walls: Ok(7),
            apart: Ok(()),
        },
    );
    let project = Path::new("/p");
    let lines = |powers, spec| Terms::of(powers, spec, project).not_enforced();
    let refused = |powers, spec| Terms::of(powers, spec, project).refuses().is_some();
    assert_eq!(lines(&all, &auto), [""; 0]);
    assert_eq!(lines(&all, &listing), [""; 0]);
    assert!(lines(&all, &off)[0].starts_with("sandbox (the loop file"));
    let joined = lines(&none, &auto).join("\n");
    for word in [
        "sandbox of files",
        "processes, signals and Unix sockets",
        "network (no namespaces: it is old)",
    ] {
        assert!(joined.contains(word), "{joined}");
    }
    assert!(
        lines(&walls, &auto)
            .join("\n")
            .contains("network but for TCP")
    );
    assert!(
        lines(&walls, &listing)
            .join("\n")
            .contains("network, which is open")
    );
    assert!(!refused(&all, &require) && refused(&walls, &require) && refused(&none, &require));
    assert!(!refused(&none, &auto) && !refused(&none, &off));
}

/// §5.8: the operator reads which agent is at work, which keys it is given, and the hosts of its own.
#[test]
fn the_agents_own_hosts_and_keys_are_told() {
    let mut spec = Ground::new().spec(|_| ());
    let command = vec!["codex".to_owned(), "exec".to_owned()];
    spec.worker.kind = WorkerKind::Acp { command };
    let all = Powers {
        walls: Ok(7),
        apart: Ok(()),
    };
    let told = Terms::of(&all, &spec, Path::new("/p"))
        .in_force()
        .join("\n");
    for part in [
        "worker is codex, which is given OPENAI_API_KEY CODEX_API_KEY and its login",
        "worker reaches api.openai.com auth.openai.com chatgpt.com",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

/// What a program needs works inside: its folder, home, temporary files, git, pipes, loopback.
#[tokio::test]
async fn honest_work_is_done_inside() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("honest work", &why);
    }
    let honest = [
        "echo x > f && mkdir d && mv f d/g && ln d/g d/h && rm d/g && test -s d/h",
        "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x",
        "t=$(mktemp) && echo x > $t && test -s $t",
        "echo x > $HOME/.profile && mkdir -p $XDG_CACHE_HOME/x && cd && test -s .profile",
        "$HOME/.cargo/bin/tool",
        "grep -q part $OUT/node/bin/node && grep -q part $OUT/node/lib/tool.js",
        "echo x | cat > /dev/null && head -c 9 /dev/urandom > r && test -c /dev/zero",
        "echo x > /dev/stdout && echo x > /dev/stderr",
        "test \"$(id -u)\" = \"$(stat -c %u .)\"",
        "echo x > /dev/shm/x && test -s /dev/shm/x",
        "ls / > /dev/null && test -e /proc/self/status && sleep 0.01 & wait $!",
        "perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(Listen => 1, LocalAddr => \"127.0.0.1\") or exit 1; exit(IO::Socket::INET->new(PeerAddr => \"127.0.0.1\", PeerPort => $l->sockport) ? 0 : 1)'",
    ];
    for script in honest {
        if lacks_perl(script) {
            skipped("honest work by perl", NO_PERL);
            continue;
        }
        let ground = Ground::new();
        let done = ground.attempt(script, Way::Confined).await;
        assert!(done.succeeded, "{script}: {}", done.told);
    }
}
