//! What goes wrong with agents, and what they must not get: silence, junk, floods, a login, an
//! early end, files outside.

use std::fs;
use std::time::Duration;

use agent_client_protocol::Lines;
use checkride::run::spec::ToolRules;
use checkride::supervisor::process::Halt;
use checkride::supervisor::worker::leave::Permit;
use checkride::supervisor::worker::{Ended, Kind, Turn};
use futures_util::{sink, stream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt, BufReader};
use tokio::sync::watch;
use tokio::time::Instant;

use super::agent::{Case, serve};
use super::{Asked, Told, Turns, cause, connection, locally};

/// One turn of the agent in this process.
async fn turn(case: Case, turns: &Turns<'_>) -> (Turn, Told, Asked) {
    let (ours, (heard, said)) = connection();
    let incoming = stream::unfold(BufReader::new(heard).lines(), async |mut lines| {
        let line = lines.next_line().await.transpose()?;
        Some((line, lines))
    });
    let outgoing = sink::unfold(said, async |mut said, line: String| {
        said.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(said)
    });
    let (halt, halted) = watch::channel(Halt::No);
    locally(async {
        tokio::task::spawn_local(serve(case, Lines::new(outgoing, incoming)));
        if case == Case::Talk {
            tokio::task::spawn_local(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                halt.send_replace(Halt::Now);
            });
        }
        turns.fly(ours, halted).await
    })
    .await
}

/// An agent that writes these lines at once, answers nothing, and then does what it does.
async fn writes(lines: Vec<String>, turns: &Turns<'_>, stays: bool) -> (Turn, Told, Asked) {
    let (ours, (heard, mut said)) = connection();
    let (_halt, halted) = watch::channel(Halt::No);
    locally(async {
        tokio::task::spawn_local(async move {
            for line in lines {
                drop(said.write_all(line.as_bytes()).await);
            }
            if stays {
                let mut heard = BufReader::new(heard).lines();
                while heard.next_line().await.is_ok_and(|line| line.is_some()) {}
            }
        });
        turns.fly(ours, halted).await
    })
    .await
}

fn rules(allow: &[&str], deny: &[&str]) -> ToolRules {
    let list = |rules: &[&str]| rules.iter().map(|&rule| rule.to_owned()).collect();
    ToolRules {
        allow: list(allow),
        deny: list(deny),
    }
}

/// R53: a command runs in a terminal of ours, under the operator's leave, asked for once.
#[tokio::test]
async fn a_terminal_runs_what_was_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (turn, told, asked) = turn(Case::Terminal, &Turns::new(folder.path())).await;
    assert_eq!(turn.ended, Ended::Well, "{told:?}", told = told.entries);
    let line = "Bash printf 'a\\nb\\n'; pwd >&2; exit 7";
    assert_eq!(asked.questions, [line]);
    let real = folder.path().canonicalize().unwrap();
    let mut said = told.of(Kind::Said);
    said.sort_unstable();
    let mut wanted = ["Some(7) false true", "a", "b", real.to_str().unwrap()];
    wanted.sort_unstable();
    assert_eq!(said, wanted);
    assert_eq!(told.of(Kind::Tool), [line]);
}

/// A refused command is not run, and the reason is told.
#[tokio::test]
async fn a_refused_command_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut turns = Turns::new(folder.path());
    turns.permit = Permit::Refused("use make".to_owned());
    let (refused, told, _) = turn(Case::Terminal, &turns).await;
    assert_eq!(refused.ended, Ended::Well);
    assert_eq!(told.of(Kind::Said), ["I may not."]);
    let why = told.of(Kind::Guardrail);
    assert!(why[0].ends_with(": use make"), "{why:?}");

    turns.rules = rules(&["Bash"], &["Bash(*exit*)"]);
    let (_, told, asked) = turn(Case::Terminal, &turns).await;
    assert!(asked.questions.is_empty());
    let why = told.of(Kind::Guardrail);
    assert!(
        why[0].ends_with("the loop's rule Bash(*exit*) forbids it"),
        "{why:?}"
    );
}

/// R39: nothing outside the workspace is served, and what a rule forbids is not served inside.
#[tokio::test]
async fn the_workspace_is_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut turns = Turns::new(folder.path());
    turns.rules = rules(&[], &["Write(.env*)"]);
    let (turn, told, asked) = turn(Case::Outside, &turns).await;
    assert_eq!(turn.ended, Ended::Well);
    assert!(asked.questions.is_empty());
    let wanted = [
        "/etc/hostname: true true",
        "../../x: true true",
        "in/../../x: true true",
        "true true true",
    ];
    assert_eq!(told.of(Kind::Said), wanted);
    assert_eq!(
        fs::read_to_string(folder.path().join("in/plain")).unwrap(),
        "yes"
    );
    assert!(!folder.path().join(".env").exists());
}

/// S12: a stop is said to the agent first, and what it says to that is still told.
#[tokio::test]
async fn a_stop_is_a_cancel_first() {
    let folder = tempfile::tempdir().unwrap();
    let (turn, told, _) = turn(Case::Talk, &Turns::new(folder.path())).await;
    assert_eq!(turn.ended, Ended::Halted);
    assert_eq!(told.of(Kind::Said), ["once upon a time", "and so it ends"]);
}

/// S5: an agent that does not heed its cancel has a quarter of a second, and none where the operator
/// asks again.
#[tokio::test(start_paused = true)]
async fn a_second_stop_waits_for_no_last_word() {
    for (second, grace) in [(None, 250), (Some(Halt::Outright), 0)] {
        let folder = tempfile::tempdir().unwrap();
        let turns = Turns::new(folder.path());
        let (ours, (mut heard, _said)) = connection();
        let (halt, halted) = watch::channel(Halt::No);
        let (((turn, ..), over), pressed) = locally(async {
            let pressing = async {
                // It has been greeted, so it stands; it says nothing, ever.
                heard.read_u8().await.unwrap();
                let pressed = Instant::now();
                halt.send_replace(Halt::Now);
                if let Some(second) = second {
                    tokio::task::yield_now().await;
                    halt.send_replace(second);
                }
                pressed
            };
            let flown = turns.fly(ours, halted);
            tokio::join!(async { (flown.await, Instant::now()) }, pressing)
        })
        .await;
        assert_eq!(turn.ended, Ended::Halted);
        assert_eq!((over - pressed).as_millis(), grace, "{second:?}");
    }
}

/// A missing login is one line with what to do.
#[tokio::test]
async fn a_login_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (turn, _, _) = turn(Case::Login, &Turns::new(folder.path())).await;
    assert_eq!(
        cause(&turn),
        "agent wants a login when a session was opened: log in with the agent first, then try again"
    );
}

/// S12: an agent that never answers its greeting is given up after a minute, or at the timeout.
#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut turns = Turns::new(folder.path());
    turns.timeout = Duration::from_secs(3600);
    let began = Instant::now();
    let (turn, told, _) = writes(vec!["no protocol here\n".to_owned()], &turns, true).await;
    assert!(cause(&turn).starts_with("agent did not answer in 60 s when it was greeted"));
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(told.of(Kind::Stderr), ["no protocol here"]);

    turns.timeout = Duration::from_secs(5);
    let (turn, _, _) = writes(Vec::new(), &turns, true).await;
    assert!(cause(&turn).starts_with("agent was not done after 5 s"));
}

/// An agent that closes its output at once is told as such, whatever it printed.
#[tokio::test]
async fn an_early_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let junk = ["[]\n", "{\"half\": \n", "{}\n", "\u{0}\u{fffd}\n", "no end"];
    let junk = junk.map(str::to_owned).to_vec();
    let (turn, told, _) = writes(junk, &Turns::new(folder.path()), false).await;
    assert!(
        cause(&turn).starts_with("agent closed its output when it was greeted"),
        "{turn:?}"
    );
    assert_eq!(told.of(Kind::Stderr).len(), 4, "{:?}", told.entries);
}

/// S15: a flood of updates, of requests and of one line stays in bounds and hangs nobody.
#[tokio::test]
async fn floods_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut turns = Turns::new(folder.path());
    turns.silent = true;
    turns.timeout = Duration::from_secs(120);
    let request = |id: u32| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"session/request_permission\",\"params\":{{\"sessionId\":\"s\",\"toolCall\":{{\"toolCallId\":\"c\"}},\"options\":[]}}}}\n"
        )
    };
    let update = "{\"method\":\"session/update\",\"jsonrpc\":\"2.0\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"x\\n\"}}}}\n";
    let unknown = "{\"method\":\"session/update\",\"params\":{\"sessionId\":\"s\",\"update\":{\"sessionUpdate\":\"new_thing\"}}}\n";
    let mut lines = vec![
        unknown.to_owned(),
        format!("{{{}}}\n", " ".repeat(70 << 20)),
    ];
    lines.extend((0..5_000).map(|_| update.to_owned()));
    lines.extend((0..5_000).map(request));
    let (turn, told, _) = writes(lines, &turns, true).await;
    let why = cause(&turn);
    assert!(
        why.contains("more than 1000 requests open at once"),
        "{why}"
    );
    assert_eq!(told.of(Kind::Said).len(), 5_000);
    assert_eq!(
        told.of(Kind::Cut),
        [
            "an update new_thing could not be read",
            "a line of 73400322 bytes could not be read"
        ]
    );
}

/// S12: an agent that falls silent in the middle of its prompt is told of once; its timeout stands.
#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let mut turns = Turns::new(folder.path());
    turns.timeout = Duration::from_secs(3600);
    let (ours, (heard, said)) = connection();
    let incoming = stream::unfold(BufReader::new(heard).lines(), async |mut lines| {
        let line = lines.next_line().await.transpose()?;
        Some((line, lines))
    });
    let outgoing = sink::unfold(said, async |mut said, line: String| {
        said.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(said)
    });
    let (_halt, halted) = watch::channel(Halt::No);
    let (turn, told, _) = locally(async {
        tokio::task::spawn_local(serve(Case::Talk, Lines::new(outgoing, incoming)));
        turns.fly(ours, halted).await
    })
    .await;
    let silent =
        "silent for 5 min, longer than an agent usually is: x stops it, else its timeout does";
    assert_eq!(told.of(Kind::Error), [silent]);
    assert!(
        cause(&turn).contains("was not done after"),
        "{}",
        cause(&turn)
    );
}
