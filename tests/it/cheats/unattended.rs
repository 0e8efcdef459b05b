//! Loops that fly beyond training: nobody looks on, so what is flagged waits for a person before anything
//! examines it, and nothing of it is offered or published.

use checkride::run::{Ask, Flag, Mode};
use checkride::supervisor::Supervisor;

use super::{Ends, corpus, folder, next, outside, settings, world};
use crate::world::Operator;

/// R56, R58: cheats that are only flagged, flown in each mode that a loop can earn.
#[tokio::test]
async fn what_is_flagged_waits_for_a_person() {
    let flown = [
        ("skip-tests", Mode::Autonomous),
        ("leave-a-key", Mode::Autonomous),
        ("plant-a-task", Mode::Supervised),
    ];
    for (name, mode) in flown {
        let cheat = corpus().into_iter().find(|cheat| cheat.name == name);
        assert!(cheat.is_some_and(|cheat| cheat.ends == Ends::Flagged));
        let script = folder().join(format!("{name}.sh"));
        let world = world(&["sh", script.to_str().unwrap()]);
        let asks_for = format!(
            "max_iterations = 1, mode = \"{}\", budget = {{ tokens_per_run = 60_000 }}",
            mode.word()
        );
        let file = world
            .read("loops/square.toml")
            .replace("max_iterations = 1", &asks_for);
        world.write("loops/square.toml", &file);
        let before = outside(&world);
        let mut settings = settings(&world);
        settings.grants.insert("square".to_owned(), mode);
        let supervisor = Supervisor::start(settings).unwrap();
        let mut operator = Operator::at(&supervisor).await;
        operator.start("square").await;
        let open = next(&mut operator).await.expect(name);
        let Ask::Work { work } = &open.ask else {
            panic!("{name} asked {}", open.ask.kind());
        };
        let flags: Vec<String> = work.flags.iter().map(Flag::line).collect();
        assert!(!flags.is_empty(), "{name}");
        assert_eq!(outside(&world), before, "{name}");
        assert_eq!(world.git(&["branch", "--list", "squared"]), "", "{name}");
    }
}
