//! The first run: what is found on this machine, and what Enter leads to.

use super::pty::{Terminal, cockpit};
use super::{ENTER, Home, PROMPT, ROOMY};
use crate::world::World;

/// A folder without loops says what is found and writes nothing until the operator chooses; the
/// demo is played and left again, the starter is copied and listed (R20, R60).
#[test]
fn the_first_page_leads_somewhere() {
    let world = Home(World::new());
    let before = world.fingerprint();
    let mut t = Terminal::start(cockpit(&world), ROOMY);
    t.sees("Nothing here yet");
    t.sees("git 2.");
    assert_eq!(world.fingerprint(), before);

    t.keys(ENTER);
    t.sees(&format!("needs you · {PROMPT}"));
    t.keys("q");
    t.press("q", "back to the first page", |s| {
        s.contents().contains("Nothing here yet")
    });
    assert_eq!(world.fingerprint(), before);

    t.keys("j");
    t.sees("▌ start from research-and-draft");
    t.keys(ENTER);
    t.sees("research-and-draft is installed");
    t.sees("○ research-and-draft");
    assert!(
        world
            .project()
            .join("loops/research-and-draft.toml")
            .exists()
    );
    t.keys("q");
    assert!(t.ended().success());
}
