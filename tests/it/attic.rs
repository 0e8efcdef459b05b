//! What is kept aside is listed, given back and deleted by one command each, and never over something else.

use std::fs;
use std::process::Output;

use checkride::run::spec::WorkspaceRules;
use checkride::supervisor::workspace::{Place, Workspace};

use crate::host::{checkride, paths, said};
use crate::world::World;

fn place(world: &World) -> Place {
    let paths = paths(world);
    let folder = paths.state().join("workspaces/tidy");
    Place::new(&world.project(), &folder, "tidy")
}

/// Runs that leave a file of their own in the worker's tree, each then cleared for the next.
fn leave(world: &World, texts: &[&str]) -> Vec<String> {
    let mut notices = Vec::new();
    for text in texts.iter().copied().map(Some).chain([None]) {
        let place = place(world);
        let (_, ground) = Workspace::open(&place, &WorkspaceRules::default()).unwrap();
        notices.extend(ground.notices);
        if let Some(text) = text {
            let work = place.folder.join("work");
            fs::create_dir_all(work.join("deep")).unwrap();
            fs::write(work.join("deep/unsaved.txt"), text).unwrap();
        }
    }
    notices
}

fn attic(world: &World, words: &[&str]) -> Output {
    let all = [&["attic"], words].concat();
    checkride(world, &all).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// S20: unsaved work is found, given back byte for byte into a new folder, and a folder that is there is
/// refused and stays as it is.
#[test]
fn unsaved_work_is_given_back() {
    let world = World::new();
    let notices = leave(&world, &["one\n", "two\n"]);
    let told = notices
        .iter()
        .filter(|line| line.contains("`checkride attic tidy`"));
    assert_eq!(told.count(), 2, "{notices:?}");

    let listed = printed(&attic(&world, &[]));
    assert!(
        listed.contains("tidy 1  ") && listed.contains("tidy 2  "),
        "{listed}"
    );
    assert!(listed.contains("work that no snapshot holds"), "{listed}");
    let objects = printed(&attic(&world, &["tidy", "--json"]));
    let first: serde_json::Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["loop"], &first["call"]),
        (&"tidy".into(), &"1".into())
    );

    let given = attic(&world, &["tidy", "--restore", "1"]);
    assert!(given.status.success(), "{}", said(&given));
    let file = "tidy-1/work/deep/unsaved.txt";
    assert_eq!(world.read(file), "one\n");
    assert!(!printed(&attic(&world, &["tidy"])).contains("tidy 1  "));

    let refused = attic(&world, &["tidy", "--restore", "2", "--into", "tidy-1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(said(&refused).lines().count(), 1, "{}", said(&refused));
    assert_eq!(world.read(file), "one\n");
    let given = attic(&world, &["tidy", "--restore", "2", "--into", "found"]);
    assert!(given.status.success(), "{}", said(&given));
    assert_eq!(world.read("found/work/deep/unsaved.txt"), "two\n");
    assert_eq!(
        printed(&attic(&world, &["tidy"])),
        "nothing is kept aside\n"
    );
    let unknown = attic(&world, &["tidy", "--restore", "2"]);
    assert_eq!(unknown.status.code(), Some(21), "{}", said(&unknown));
}

/// S20: nothing is deleted for good before it was named, and only with a yes; repositories that were replaced
/// are among it.
#[test]
fn nothing_is_deleted_unnamed() {
    let world = World::new();
    leave(&world, &["one\n"]);
    let folder = place(&world).folder;
    fs::create_dir(folder.join("repo.1.old")).unwrap();
    fs::write(folder.join("repo.1.old/object"), "of old").unwrap();
    let drawer = folder.join("attic/000001-work");

    let refused = attic(&world, &["--empty"]);
    assert_eq!(refused.status.code(), Some(20));
    assert!(
        said(&refused).contains("nothing was deleted"),
        "{}",
        said(&refused)
    );
    for named in ["tidy 1  ", "tidy repo.1  ", "1 file, 6 bytes"] {
        assert!(printed(&refused).contains(named), "{}", printed(&refused));
    }
    assert!(drawer.is_dir() && folder.join("repo.1.old/object").is_file());
    // Another loop's are not meant.
    let other = attic(&world, &["other", "--empty", "--yes"]);
    assert!(other.status.success() && drawer.is_dir());

    let deleted = attic(&world, &["tidy", "--empty", "--yes"]);
    assert!(deleted.status.success(), "{}", said(&deleted));
    assert!(
        printed(&deleted).contains("tidy 1  "),
        "{}",
        printed(&deleted)
    );
    assert!(!drawer.exists() && !folder.join("repo.1.old").exists());
    assert!(folder.join("repo.git/config").is_file());
}
