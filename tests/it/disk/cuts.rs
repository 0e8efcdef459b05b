//! S2: the power goes at any moment of a flight. Whatever was not synced may be lost, kept, reordered or
//! torn; what was told to an operator is there, and no file is half of anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use checkride::durable;
use checkride::protocol::{Command, Fact, Record};
use checkride::run::Event;
use checkride::supervisor::JOURNAL;
use checkride::supervisor::journal::Journal;
use checkride::supervisor::worker::transcript::{KEPT_BYTES, Transcript};
use serde_json::Value;
use tempfile::TempDir;

use super::image::{self, Disk, Fate};
use super::{Shim, world};
use crate::host::paths;
use crate::ordeal::{Dice, times};
use crate::world::{Operator, World};

/// What was told up to one moment.
#[derive(Default)]
struct Told {
    /// The journalled records by number.
    records: BTreeMap<u64, Record>,
    /// How many saves of the memory were confirmed.
    saves: usize,
}

impl Told {
    fn hear(&mut self, bytes: &[u8]) {
        for line in bytes.split(|b| *b == b'\n') {
            let Ok(record) = serde_json::from_slice::<Record>(line) else {
                continue;
            };
            if matches!(&record.fact, Fact::Done { what } if what.starts_with("saved")) {
                self.saves += 1;
            }
            // Running totals of usage are the one thing that may go with the power.
            let may_go = matches!(record.event(), Some(Event::Used(_)));
            if record.seq > 0 && !may_go {
                self.records.insert(record.seq, record);
            }
        }
    }
}

/// Two runs to their end, and a memory that is edited meanwhile: the texts that were saved.
async fn fly(operator: &mut Operator) -> Vec<String> {
    let mut saves = Vec::new();
    for run in 0..2 {
        operator.start("odd").await;
        for kind in ["prompt", "work", "verdict"] {
            operator.approve(kind).await;
            saves.push(save(operator, &format!("- {kind} of {run}\n")).await);
        }
        operator.approve("publish").await;
        operator.ended().await;
    }
    saves
}

/// Adds a line to the memory and waits until that is confirmed.
async fn save(operator: &mut Operator, line: &str) -> String {
    let memory = operator
        .told
        .iter()
        .rev()
        .find_map(|told| match &told.fact {
            Fact::Memory(memory) => Some(memory.clone()),
            _ => None,
        });
    let memory = memory.unwrap();
    let (name, base) = (memory.name, memory.digest);
    let text = format!("{}{line}", memory.text);
    let saved = text.clone();
    operator.say(Command::SaveMemory { name, base, text }).await;
    let done = |fact: &Fact| matches!(fact, Fact::Done { .. }).then_some(());
    operator.until("the save", done).await;
    let shown = |fact: &Fact| matches!(fact, Fact::Memory(m) if m.text == saved).then_some(());
    if !operator.told.iter().any(|told| shown(&told.fact).is_some()) {
        operator.until("the saved memory", shown).await;
    }
    saved
}

/// A flight as its disk saw it.
async fn flight(shim: &Shim, world: &World) -> (Vec<image::Change>, Vec<String>) {
    let trace = shim.file("trace");
    let variables = [("DISK_TRACE", trace.display().to_string())];
    let mut host = shim.host(world, &variables);
    let mut operator = host.operator(world).await.unwrap();
    let saves = fly(&mut operator).await;
    drop(host);
    (image::read(&trace), saves)
}

/// Where the world's files lie in a copy of the disk.
struct Copy {
    folder: TempDir,
    root: PathBuf,
}

impl Copy {
    fn new(root: &Path) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            TempDir::new_in(memory)
        } else {
            TempDir::new()
        };
        let (folder, root) = (folder.unwrap(), root.to_owned());
        Self { folder, root }
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.folder
            .path()
            .join(path.strip_prefix(&self.root).unwrap())
    }

    fn lay_out(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        for (path, bytes) in files {
            // Its index is in memory alone, and made anew.
            if path.extension().is_some_and(|end| end == "db-shm") {
                continue;
            }
            let place = self.place(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, bytes).unwrap();
        }
    }
}

/// Every record that was told stands in the journal as it was told.
async fn journal_keeps(path: &Path, told: &Told, what: &str) {
    if !path.is_file() {
        assert!(told.records.is_empty(), "{what}: there is no journal");
        return;
    }
    let journal = Journal::open(path).unwrap_or_else(|e| panic!("{what}: {e}"));
    let found = journal.since(0, 100_000).await;
    let found = found.unwrap_or_else(|e| panic!("{what}: {e}"));
    let found: BTreeMap<u64, Record> = found.into_iter().map(|r| (r.seq, r)).collect();
    for (seq, record) in &told.records {
        assert_eq!(found.get(seq), Some(record), "{what}: {seq} is lost");
    }
}

/// Each plain file is whole: one that is replaced is one of what it ever was, one that is added to has
/// whole lines but for its end. What was left beside them is swept.
fn files_are_whole(copy: &Copy, files: &BTreeMap<PathBuf, Vec<u8>>, disk: &Disk, what: &str) {
    for (path, bytes) in files {
        let place = copy.place(path);
        let name = path.file_name().unwrap().to_string_lossy();
        if let Some(ever) = disk.whole.get(path) {
            assert!(ever.contains(bytes), "{what}: {} is torn", path.display());
        } else if name.ends_with(".new") {
            durable::sweep(place.parent().unwrap());
            assert!(!place.exists(), "{what}: {name} is left over");
        } else if name == "transcript.jsonl" {
            let mut transcript = Transcript::open(&place, KEPT_BYTES).unwrap();
            let lines = transcript.lines(0, u64::MAX);
            assert!(lines.is_ok(), "{what}: {lines:?}");
        } else if name.ends_with(".jsonl") {
            durable::append_line(&place, "{}").unwrap();
            for line in fs::read_to_string(&place).unwrap().lines() {
                let read = serde_json::from_str::<Value>(line);
                assert!(read.is_ok(), "{what}: {name}: {line}");
            }
        }
    }
}

/// S2: 1,000 cuts of the power in a flight of two runs, at every change and with every fate of what was
/// not synced; `CHECKRIDE_CUTS` is how many.
#[tokio::test]
async fn no_cut_of_the_power_loses_what_was_told() {
    let Some(shim) = Shim::build() else { return };
    let world = world();
    let root = world.project().parent().unwrap().canonicalize().unwrap();
    let journal = paths(&world).state().canonicalize().unwrap().join(JOURNAL);
    let memory = world
        .project()
        .canonicalize()
        .unwrap()
        .join("memory/odd.md");
    let (trace, saves) = flight(&shim, &world).await;
    let mut cuts = times("CHECKRIDE_CUTS", 1_000);
    let mut dice = Dice(2);
    let mut most = 0;
    while cuts > 0 {
        let (mut disk, mut told) = (Disk::default(), Told::default());
        let step = 1 + image::roll(&mut dice, (4 * trace.len()).div_ceil(cuts).max(1));
        for (number, change) in trace.iter().enumerate() {
            disk.take(change);
            if let Some(bytes) = change.said() {
                told.hear(bytes);
            }
            if number % step != 0 {
                continue;
            }
            for fate in Fate::ALL.into_iter().take(cuts) {
                cuts -= 1;
                let what = format!("cut {number} of {}, unsynced {fate:?}", trace.len());
                let files = disk.cut(fate, &mut dice);
                let copy = Copy::new(&root);
                copy.lay_out(&files);
                journal_keeps(&copy.place(&journal), &told, &what).await;
                files_are_whole(&copy, &files, &disk, &what);
                if let Some(saved) = told.saves.checked_sub(1).map(|last| &saves[last]) {
                    let ever = &disk.whole[&memory];
                    let since = ever
                        .iter()
                        .position(|text| text == saved.as_bytes())
                        .unwrap();
                    let found = files.get(&memory);
                    let is_kept = found.is_some_and(|text| ever[since..].contains(text));
                    assert!(is_kept, "{what}: the memory is lost: {found:?}");
                }
            }
        }
        most = most.max(told.records.len());
    }
    assert!(most > 40, "only {most} records were told");
}
