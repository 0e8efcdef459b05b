//! A sandbox that stands ready for the next program: it saves time and changes nothing else.

use super::*;
use crate::sandbox::ground::{Ground, Way};
use crate::sandbox::skipped;

/// Runs a script in the sandbox, under a keeper that is kept.
async fn run(home: &Home, folder: &Path, script: &str) -> Exit {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let running = spawn(home.order(argv, folder, Stdin::Null)).await.unwrap();
    watched(running, b"", LONG).await.0.exit
}

/// The processes that stand ready have the mark of their run and nothing else of its environment;
/// one that is killed while it waits is replaced, and all of them go with their keeper.
#[tokio::test]
async fn the_next_sandbox_stands_ready() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("the next sandbox", &why);
    }
    let ground = Ground::new();
    let mut home = ground.plan(Way::Confined);
    let kept = process::Kept::default();
    home.kept = Some(kept.clone());
    let work = ground.folder().join("work");
    let mark = format!("{MARK}={}\0", home.mark.as_str());
    // While one of them becomes a program its environment cannot be read, so all are waited for.
    let is_bare = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/environ")).is_ok_and(|known| known == mark)
    };
    let stands =
        || Some(ground.alive()).filter(|alive| alive.len() == 3 && alive.iter().all(is_bare));
    assert_eq!(run(&home, &work, "exit 3").await, Exit::Code(3));
    let first = within(LONG, stands);
    // The keeper, what waits outside the namespaces, and what goes inside: each the other's parent.
    let is_inside = |pid: &&i32| first.contains(&parent(parent(**pid)));
    let inside = first.iter().find(is_inside).unwrap();
    let keeper = parent(parent(*inside));
    kill("-KILL", &inside.to_string());
    within(LONG, || (ground.alive() == [keeper]).then_some(()));
    assert_eq!(run(&home, &work, "exit 4").await, Exit::Code(4));
    assert!(within(LONG, stands).contains(&keeper));
    // Another kind of order is not put into it.
    home.cage = None;
    assert_eq!(run(&home, &work, "exit 5").await, Exit::Code(5));
    assert_eq!(ground.alive(), [keeper]);
    kept.let_go();
    within(LONG, || ground.alive().is_empty().then_some(()));
}

/// What one program leaves in its own places of the view is not there for the next one.
#[tokio::test]
async fn nothing_of_one_program_is_in_the_next_sandbox() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("what a program leaves", &why);
    }
    let ground = Ground::new();
    let mut home = ground.plan(Way::Confined);
    home.kept = Some(process::Kept::default());
    let work = ground.folder().join("work");
    let leave = "echo x >/dev/shm/left && (setsid sleep 600 &)";
    assert_eq!(run(&home, &work, leave).await, Exit::Code(0));
    let look = "test ! -e /dev/shm/left && ! grep -q sleep /proc/[0-9]*/comm";
    assert_eq!(run(&home, &work, look).await, Exit::Code(0));
    // The environment is that of its own order.
    home.env.push(("NEW".into(), "here".into()));
    assert_eq!(
        run(&home, &work, "test \"$NEW\" = here").await,
        Exit::Code(0)
    );
    home.env.pop();
    assert_eq!(run(&home, &work, "test -z \"$NEW\"").await, Exit::Code(0));
}

/// An order that goes to a waiting sandbox as it dies is given to a new one.
#[tokio::test]
async fn an_order_that_was_not_heard_is_given_anew() {
    if let Some(why) = Way::Confined.lacks() {
        return skipped("an order that was not heard", &why);
    }
    let ground = Ground::new();
    let mut home = ground.plan(Way::Confined);
    home.kept = Some(process::Kept::default());
    let work = ground.folder().join("work");
    assert_eq!(run(&home, &work, "exit 3").await, Exit::Code(3));
    let three = || Some(ground.alive()).filter(|alive| alive.len() == 3);
    let first = within(LONG, three);
    let inside = *first
        .iter()
        .find(|pid| first.contains(&parent(parent(**pid))))
        .unwrap();
    // It takes what is written to it and reads nothing; then it is gone.
    kill("-STOP", &inside.to_string());
    let killed = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill("-KILL", &inside.to_string());
        Instant::now()
    };
    let ended = async { (run(&home, &work, "exit 4").await, Instant::now()) };
    let (killed, (exit, ended)) = tokio::join!(killed, ended);
    assert_eq!(exit, Exit::Code(4));
    assert!(killed < ended);
}
