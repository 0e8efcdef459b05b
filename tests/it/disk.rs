//! What the system does to the program: a disk cut off at any write (S2), full or failing (S3, S4), and
//! no room for processes or files. A library in between writes changes down, or makes calls fail.

mod cuts;
mod faults;
mod fifty;
mod image;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use checkride::host::attach::connect;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::host::{checkride, paths};
use crate::world::{Operator, World};

const LOOP: &str = r#"
version = 1
name = "odd"
skill = { path = "skills/odd" }
worker = { type = "command", command = ["sh", "work.sh"] }
publish = { to = "git-branch", branch = "odd" }

[goal]
statement = "There is a file."
[[goal.verify.checks]]
name = "a file"
command = ["test", "-s", "file.txt"]
"#;

/// A project with one loop.
fn world() -> World {
    let world = World::new();
    world.skill("odd");
    world.write("loops/odd.toml", LOOP);
    world.write(
        "work.sh",
        "cat >/dev/null\necho worked\necho $$ >>file.txt\n",
    );
    world.commit("a loop");
    world
}

/// The library that stands between the program and its files; `None` where none can be built.
struct Shim(TempDir);

impl Shim {
    fn build() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk/disk.c");
        let built = Process::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(folder.path().join("libdisk.so"))
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .status();
        if cfg!(target_os = "linux") && built.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        drop(writeln!(
            std::io::stderr(),
            "skipped: there is no C compiler for the disk of this test"
        ));
        None
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The host of this world above that disk, as these variables set it.
    fn host(&self, world: &World, variables: &[(&str, String)]) -> Host {
        let root = world.project().parent().unwrap().canonicalize().unwrap();
        let said = self.file("said");
        let said = fs::File::options().append(true).create(true).open(said);
        let child = checkride(world, &["host"])
            .env("LD_PRELOAD", self.file("libdisk.so"))
            .env("DISK_UNDER", root)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::from(said.unwrap()))
            .spawn();
        Host(child.unwrap())
    }

    /// What hosts have said on standard error.
    fn said(&self) -> String {
        fs::read_to_string(self.file("said")).unwrap_or_default()
    }
}

/// A host, killed with its test.
struct Host(Child);

impl Host {
    /// Attaches; `None` where the host has ended before.
    async fn operator(&mut self, world: &World) -> Option<Operator> {
        let paths = paths(world);
        while self.0.try_wait().unwrap().is_none() {
            if let Ok(link) = connect(&paths).await {
                return Some(Operator::on(link).await);
            }
            sleep(Duration::from_millis(5)).await;
        }
        None
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
