//! S26: plain files of the state folder with flipped bytes, or cut short. Each is read as it was written, or told in
//! one line that names it; what was allowed, published or examined is never taken for less than it was.

use std::fs;
use std::path::Path;

use checkride::config::loops;
use checkride::supervisor::sealed;
use checkride::supervisor::trust::{Standing, Trust};
use serde_json::Value;

use crate::host::{checkride, paths, said};
use crate::ordeal::{Dice, times};
use crate::world::World;

const LOOP: &str = r#"
version = 1
name = "odd"
skill = { path = "skills/odd" }
worker = { type = "command", command = ["sh", "work.sh"] }

[goal]
statement = "There is a file."
[[goal.verify.checks]]
name = "a file"
command = ["test", "-s", "file.txt"]
"#;

/// Damages a file in one of the ways that disks and people have: a flipped bit, a cut, a hole.
fn damage(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let mut below = |sides: usize| usize::try_from(dice.roll(sides as u64)).unwrap();
    let place = below(bytes.len());
    match below(4) {
        0 => bytes.truncate(place),
        1 => {
            let to = (place + 1 + below(40)).min(bytes.len());
            bytes[place..to].fill(0);
        }
        _ => bytes[place] ^= 1 << below(8),
    }
    bytes
}

/// A loop whose trust file is damaged is allowed where the file still says exactly what was written, and else not
/// trusted, with a line that names it; allowing it again sets the damaged file aside. 100 times in CI;
/// `CHECKRIDE_DAMAGE` is how often.
#[test]
fn damaged_trust_allows_nothing() {
    let world = World::new();
    world.skill("odd");
    world.write("loops/odd.toml", LOOP);
    world.write("work.sh", "echo 1 >file.txt\n");
    let state = paths(&world).state().to_owned();
    let trust = Trust::at(&state, &world.project());
    let read = || loops::read(&world.project(), &world.project().join("loops/odd.toml"));
    let Standing::New(now) = trust.standing(&read()) else {
        panic!("{:?}", trust.standing(&read()));
    };
    trust.allow(&read(), &now.digest()).unwrap();
    let place = state.join("trust/odd.json");
    let whole = fs::read(&place).unwrap();
    let mut dice = Dice(26);
    let mut lost = 0;
    for number in 0..times("CHECKRIDE_DAMAGE", 100) {
        let bytes = damage(&whole, &mut dice);
        fs::write(&place, &bytes).unwrap();
        match trust.standing(&read()) {
            Standing::Allowed => {
                let kept: Value = sealed::read(&place).unwrap().unwrap();
                assert_eq!(kept["allowed"][0], now.digest().as_str(), "{number}");
            }
            standing @ Standing::Lost { .. } => {
                lost += 1;
                let why = standing.why().unwrap();
                assert!(why.contains("odd.json is damaged"), "{why}");
                assert!(why.contains("nothing of it counts as allowed"), "{why}");
                assert_eq!(why.lines().count(), 1, "{why}");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(lost > 50, "{lost}");
    fs::write(&place, &whole[..whole.len() / 2]).unwrap();
    trust.allow(&read(), &now.digest()).unwrap();
    assert_eq!(trust.standing(&read()), Standing::Allowed);
    let aside = fs::read(state.join("trust/odd.json.damaged")).unwrap();
    assert_eq!(aside, whole[..whole.len() / 2]);
}

fn status(world: &World, words: &[&str]) -> (Option<i32>, String) {
    let output = checkride(world, words).output().unwrap();
    let told = said(&output);
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap() + &told,
    )
}

/// When the operator left is not guessed where its note is damaged: it is said, once at the next start of plain
/// mode and whenever it is asked for.
#[test]
fn a_damaged_absence_is_said() {
    let world = World::new();
    world.skill("odd");
    world.write("loops/odd.toml", LOOP);
    let _host = crate::host::Hosting::of(&world);
    let left = paths(&world).state().join("left");
    let whole = sealed::seal(&1_781_265_600_000_i64).unwrap();
    fs::write(&left, &whole).unwrap();
    let (code, printed) = status(&world, &["status", "--since"]);
    assert_eq!(code, Some(0), "{printed}");
    let mut dice = Dice(11);
    for _ in 0..times("CHECKRIDE_DAMAGE", 100) / 25 {
        let bytes = damage(&whole, &mut dice);
        fs::write(&left, &bytes).unwrap();
        let read = sealed::read::<i64>(&left);
        let (code, printed) = status(&world, &["status", "--since"]);
        if let Ok(read) = read {
            assert_eq!(
                (read, code),
                (Some(1_781_265_600_000), Some(0)),
                "{printed}"
            );
        } else {
            assert_ne!(code, Some(0), "{printed}");
            assert!(printed.contains("left is damaged"), "{printed}");
            assert!(printed.contains("say how long"), "{printed}");
        }
    }
    fs::write(&left, "17812x").unwrap();
    let (_, printed) = status(&world, &["--plain"]);
    assert!(printed.contains("left is damaged"), "{printed}");
    assert!(printed.contains("it is kept as left.damaged"), "{printed}");
    assert!(paths(&world).state().join("left.damaged").exists());
}

/// A drawer whose line in the list is damaged is still there and given back; that its names are not known is
/// said, as is how many drawers have been deleted to keep newer ones.
#[test]
fn a_damaged_list_hides_no_drawer() {
    let world = World::new();
    let attic = paths(&world).state().join("workspaces/odd/attic");
    for drawer in ["000001-work", "000004-ignored"] {
        fs::create_dir_all(attic.join(drawer)).unwrap();
        fs::write(attic.join(drawer).join("a.txt"), "kept").unwrap();
    }
    let line = |drawer: &str, why: &str, rest: &str| {
        format!("{{\"drawer\":\"{drawer}\",\"why\":\"{why}\",\"paths\":[\"a.txt\"]{rest}}}\n")
    };
    let whole = line("000001-work", "work", "")
        + &line("000002-ignored", "ignored", "")
        + &line("000004-ignored", "ignored", "")
        + &line("000002-ignored", "ignored", ",\"gone\":true");
    let list = |bytes: &[u8]| {
        fs::write(attic.join("list.jsonl"), bytes).unwrap();
        status(&world, &["attic"])
    };
    let (code, printed) = list(whole.as_bytes());
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("odd: 1 older drawer is deleted"),
        "{printed}"
    );
    assert!(!printed.contains("cannot be read"), "{printed}");
    let mut dice = Dice(7);
    for _ in 0..times("CHECKRIDE_DAMAGE", 100) / 10 {
        let (code, printed) = list(&damage(whole.as_bytes(), &mut dice));
        assert_eq!(code, Some(0), "{printed}");
        assert!(
            printed.contains("odd 1 ") && printed.contains("odd 4 "),
            "{printed}"
        );
    }
    let (_, printed) = list(&whole.as_bytes()[20..]);
    assert!(
        printed.contains("1 line of ") && printed.contains("cannot be read"),
        "{printed}"
    );
    assert!(is_one_file(&attic.join("000001-work")));
}

fn is_one_file(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().count() == 1
}
