//! F11, S5 and S6 by numbers: trees that do not want to go, killed over and over, and owners that die
//! with agents at work. `CHECKRIDE_TREES=1000` runs the whole: trees of 64, 50 of them at once.

use std::os::unix::fs::MetadataExt as _;

use checkride::supervisor::sandbox::Cage;
use futures_util::future::join_all;

use super::*;
use crate::ordeal::times;
use crate::sandbox::ground::{Ground, Way};
use crate::sandbox::skipped;

/// How many trees are killed one after the other in each way, here and where there is more time.
const TREES: &str = "CHECKRIDE_TREES";

/// The ways of this machine: in the sandbox, and with nothing but a keeper.
fn ways() -> impl Iterator<Item = Way> {
    let lacks = Way::Confined.lacks();
    if let Some(why) = &lacks {
        skipped("kills in the sandbox", why);
    }
    let confined = lacks.is_none().then_some(Way::Confined);
    confined.into_iter().chain([Way::Outside])
}

/// Trees as they stand in one place; each has files of its own and sleeps that can be told apart.
struct Trees {
    ground: Ground,
    way: Way,
    /// Processes of each.
    size: usize,
    /// Whether one of each goes on forking: then a tree grows for as long as it stands.
    forks: bool,
    /// The seconds that all of them sleep, and nobody else.
    sleep: u64,
}

impl Trees {
    fn new(way: Way, size: usize) -> Self {
        let ground = Ground::new();
        let sleep = 31_000_000 + fs::metadata(ground.root()).unwrap().ino();
        Self {
            ground,
            way,
            size,
            forks: true,
            sleep,
        }
    }

    /// A tree that ignores what can be ignored: half of it in sessions of its own, half of it forked
    /// twice, one without its mark, and, where it is to fork, one that does while it is killed.
    fn script(&self, name: &str) -> String {
        let (pairs, sleep) = (self.size.saturating_sub(4) / 2, self.sleep);
        let last = if self.forks {
            format!("while :; do (setsid sleep {sleep} &); sleep 0.02; done")
        } else {
            format!("exec sleep {sleep}")
        };
        format!(
            "trap '' TERM HUP INT; one='echo up >>{name}.up; exec sleep {sleep}'; i=0\n\
             while [ $i -lt {pairs} ]; do setsid sh -c \"$one\" & (setsid sh -c \"$one\" &); i=$((i+1)); done\n\
             env -i PATH=\"$PATH\" setsid sh -c \"$one\" &\n\
             setsid sh -c 'echo up >>{name}.up; {last}' &\n\
             until [ \"$(wc -l <{name}.up)\" -eq {} ]; do sleep 0.01; done\n\
             echo up >{name}.ready; wait",
            2 * pairs + 2
        )
    }

    /// A tree that stands.
    async fn stand(&self, name: &str) -> Running {
        let running = self.ground.start(&self.script(name), self.way).await;
        self.until(&format!("{name}.ready")).await;
        running
    }

    async fn until(&self, file: &str) {
        let path = self.ground.folder().join("work").join(file);
        let patience = Instant::now() + LONG;
        while !path.exists() {
            assert!(Instant::now() < patience, "{file} does not come");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// All that is alive of them, whether it carries the mark or not.
    fn left(&self) -> Vec<i32> {
        let mark = format!(
            "{MARK}={}",
            Mark::new(self.ground.root(), "tidy-1").as_str()
        );
        let sleep = format!("sleep\0{}\0", self.sleep);
        pids(|pid| {
            let read = |what| fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
            let marked = read("environ")
                .split(|&b| b == 0)
                .any(|e| e == mark.as_bytes());
            marked || read("cmdline") == sleep.as_bytes()
        })
    }
}

/// Says what was measured, in milliseconds.
fn told(what: &str, way: Way, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    measured!(
        "{what}, {way:?}: {} times, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms, 0 left",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// S5: sessions, double forks, forks while it is killed: nothing is left, every time. Wanted: p50 60 ms,
/// p99 100 ms for 64 processes.
#[tokio::test]
async fn every_tree_is_gone_every_time() {
    let size = if std::env::var_os(TREES).is_some() {
        64
    } else {
        8
    };
    for way in ways() {
        let trees = Trees::new(way, size);
        let mut took = Vec::new();
        for n in 0..times(TREES, 20) {
            let mut running = trees.stand(&format!("tree-{n}")).await;
            let began = Instant::now();
            running.kill();
            running.wait().await;
            took.push(began.elapsed());
            assert_eq!(trees.left(), [0; 0], "{way:?}");
        }
        assert!(took.iter().all(|took| *took < BUSY), "{took:?}");
        told(&format!("kill of {size}"), way, took);
    }
}

/// F11: all trees of all loops at once, as `X` ends them. Wanted: 1.5 s for 50 trees of 64.
#[tokio::test]
async fn all_trees_go_at_once() {
    let (many, size) = if std::env::var_os(TREES).is_some() {
        (50, 64)
    } else {
        (8, 6)
    };
    for way in ways() {
        let mut trees = Trees::new(way, size);
        // Fifty that fork are no fifty trees of 64, but a flood that grows until the last one stands.
        trees.forks = false;
        let names = (0..many).map(|n| format!("tree-{n}"));
        let mut standing = Vec::new();
        for name in names {
            standing.push(trees.stand(&name).await);
        }
        let began = Instant::now();
        standing.iter().for_each(Running::kill);
        join_all(standing.iter_mut().map(Running::wait)).await;
        let took = began.elapsed();
        assert_eq!(trees.left(), [0; 0], "{way:?}");
        assert!(took < BUSY, "{took:?}");
        told(
            &format!("kill of {many} trees of {size} at once"),
            way,
            vec![took],
        );
    }
}

/// Not a test of its own: the owner that the test below kills. It starts what it was told, and waits.
#[tokio::test]
#[ignore = "started as a process by the test that kills it"]
async fn owner_of_many() {
    let told = |name: &str| std::env::var(name).ok();
    let Some(root) = told("OWNED") else {
        return;
    };
    let mut home = Bench::new().home;
    home.mark = Mark::new(Path::new(&root), "tidy-1");
    home.cage = serde_json::from_str(&told("CAGE").unwrap()).unwrap();
    home.env = serde_json::from_str(&told("PLACES").unwrap()).unwrap();
    let mut all = Vec::new();
    for script in told("SCRIPTS").unwrap().split('\u{1}') {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let folder = PathBuf::from(told("FOLDER").unwrap());
        all.push(spawn(home.order(argv, &folder, Stdin::Null)).await.unwrap());
    }
    join_all(all.iter_mut().map(Running::wait)).await;
}

impl Trees {
    /// An owner in a process of its own, with trees that stand or are about to.
    fn owned(&self, names: &[String]) -> std::process::Child {
        let plan = self.ground.plan(self.way);
        let scripts: Vec<String> = names.iter().map(|name| self.script(name)).collect();
        let cage: &Option<Cage> = &plan.cage;
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::kills::owner_of_many", "--ignored"])
            .env("OWNED", self.ground.root())
            .env("FOLDER", self.ground.folder().join("work"))
            .env("CAGE", serde_json::to_string(cage).unwrap())
            .env("PLACES", serde_json::to_string(&plan.env).unwrap())
            .env("SCRIPTS", scripts.join("\u{1}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// S6: the owner dies by SIGKILL with one agent or many at work, or just being started, and nothing
/// of them is left. Wanted: after 250 ms.
#[tokio::test]
async fn no_agent_outlives_its_owner_however_often() {
    let whole = std::env::var_os(TREES).is_some();
    let many = if whole { 50 } else { 6 };
    for way in ways() {
        let mut trees = Trees::new(way, 4);
        let mut took = Vec::new();
        for n in 0..times(TREES, 20).div_ceil(2) {
            let agents = if n % 20 == 1 { many } else { 1 };
            // Fifty that fork without end would be a test of the machine.
            trees.forks = agents == 1;
            let names: Vec<String> = (0..agents).map(|k| format!("life-{n}-{k}")).collect();
            let mut owner = trees.owned(&names);
            // One in three dies while it starts what it owns.
            let last = if n % 3 == 2 { "up" } else { "ready" };
            trees.until(&format!("{}.{last}", names[agents - 1])).await;
            let began = Instant::now();
            owner.kill().unwrap();
            within(LONG, || trees.left().is_empty().then_some(()));
            took.push(began.elapsed());
            owner.wait().unwrap();
        }
        let late = took
            .iter()
            .filter(|took| **took > Duration::from_millis(250));
        measured!("later than 250 ms: {}", late.count());
        told("kill -9 of the owner", way, took);
    }
}

/// S6: a sandbox goes with its keeper, though nobody sweeps.
#[tokio::test]
async fn a_sandbox_does_not_outlive_its_keeper() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("the death of a keeper", &why);
    }
    let trees = Trees::new(Way::Confined, 8);
    let running = trees.stand("tree").await;
    kill("-KILL", &parent(running.record().pid).to_string());
    within(LONG, || trees.left().is_empty().then_some(()));
}
