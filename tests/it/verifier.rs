//! The examiner: checks in a checkout with pinned scripts, and judges that must answer exactly.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use checkride::run::spec::{Check, Format, Independence, Judge, JudgeKind};
use checkride::run::{CheckOutcome, CheckResult, Judgement, Purse};
use checkride::supervisor::clock::Clock;
use checkride::supervisor::process::Halt;
use checkride::supervisor::provider::Left;
use checkride::supervisor::slots::Slots;
use checkride::supervisor::verifier::checks::{self, Site};
use checkride::supervisor::verifier::judge::{
    self, Asked, CheckSeen, Output, Question, Script, Seat,
};
use tokio::sync::watch;

use crate::process::Bench;

fn check(name: &str, command: &[&str]) -> Check {
    Check {
        name: name.into(),
        command: command.iter().map(|&w| w.to_owned()).collect(),
        required: true,
        timeout_s: 120,
        network: false,
    }
}

fn site(checkout: &Path) -> Site {
    Site {
        checkout: checkout.to_owned(),
        pinned: BTreeMap::new(),
        slots: Slots::default(),
    }
}

async fn run(bench: &Bench, site: &Site, checks: &[Check]) -> Vec<CheckResult> {
    let (_sender, halt) = watch::channel(Halt::No);
    let mut results = Vec::new();
    for check in checks {
        let result = checks::run(check, site, &bench.home, &halt).await;
        results.push(result.unwrap());
    }
    results
}

fn script(path: &Path, text: &str) {
    crate::world::program(path, text);
}

/// Every way for a check to end is told apart, and all checks run though one has failed.
#[tokio::test]
async fn checks_say_how_they_ended() {
    let bench = Bench::new();
    let checks = [
        check(
            "fails",
            &[
                "sh",
                "-c",
                "echo '3 dead links'; echo see $1 >&2; exit 1",
                "sh",
                "{date}{x}",
            ],
        ),
        check(
            "passes",
            &["sh", "-c", "printf '612 words\u{1b}[2J\r\nmore\n'"],
        ),
        check("missing", &["no-such-tool"]),
        check("missing inside", &["sh", "-c", "no-such-tool --all"]),
        check("killed", &["sh", "-c", "kill -KILL $$"]),
        Check {
            timeout_s: 0,
            ..check("slow", &["sleep", "60"])
        },
    ];
    let mut site = site(bench.path());
    site.slots = site.slots.with("date", "2026-06-12");
    let results = run(&bench, &site, &checks).await;
    let outcomes: Vec<_> = results.iter().map(|r| r.outcome.clone()).collect();
    assert_eq!(outcomes[0], CheckOutcome::Failed { code: Some(1) });
    assert_eq!(outcomes[1], CheckOutcome::Passed);
    assert!(matches!(&outcomes[2], CheckOutcome::CannotRun(why) if why.contains("is not found")));
    assert!(matches!(&outcomes[3], CheckOutcome::CannotRun(why) if why.contains("no-such-tool")));
    assert_eq!(outcomes[4], CheckOutcome::Failed { code: None });
    assert_eq!(outcomes[5], CheckOutcome::TimedOut);
    assert_eq!(results[0].figure, "3 dead links");
    assert!(results[0].evidence.contains("see 2026-06-12{x}"));
    assert_eq!(results[0].command[4], "2026-06-12{x}");
    assert_eq!(results[1].figure, "612 words␛");
}

/// Invariant 10: the pinned copy of a check script runs, whatever the judged tree holds in its place.
#[tokio::test]
async fn a_pinned_script_wins_over_the_workers() {
    let bench = Bench::new();
    let checkout = bench.path().join("checkout");
    script(&checkout.join("scripts/links"), "#!/bin/sh\necho forged\n");
    let copy = bench.path().join("pinned/links");
    script(&copy, "#!/bin/sh\npwd\nexit 1\n");
    let mut site = site(&checkout);
    site.pinned.insert("scripts/links".into(), copy);
    let checks = [
        check("direct", &["scripts/links"]),
        check("dotted", &["./scripts/links"]),
        check("by sh", &["sh", "scripts/links"]),
    ];
    for result in run(&bench, &site, &checks).await {
        assert_eq!(result.outcome, CheckOutcome::Failed { code: Some(1) });
        assert!(result.figure.ends_with("/checkout"), "{result:?}");
    }
}

/// P3: the same failure has the same digest, in whatever folder it was found.
#[tokio::test]
async fn equal_output_has_an_equal_digest() {
    let bench = Bench::new();
    let (a, b) = (bench.path().join("a"), bench.path().join("bb"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    let checks = [check("c", &["sh", "-c", "echo error in $PWD/x.rs; exit 1"])];
    let first = run(&bench, &site(&a), &checks).await;
    let second = run(&bench, &site(&b), &checks).await;
    assert_eq!(first[0].output, second[0].output);
    let other = run(&bench, &site(&a), &[check("c", &["echo", "other"])]).await;
    assert_ne!(first[0].output, other[0].output);
}

/// A halt ends the checks, and leaves nothing running.
#[tokio::test]
async fn halted_checks_give_no_results() {
    let bench = Bench::new();
    let (_sender, halt) = watch::channel(Halt::Now);
    let check = check("c", &["sleep", "60"]);
    let result = checks::run(&check, &site(bench.path()), &bench.home, &halt).await;
    assert_eq!(result, None);
    assert_eq!(bench.alive(), Vec::<i32>::new());
}

/// 2026-06-12 12:00 UTC.
const NOON: i64 = 1_781_265_600_000;

const HOUR: i64 = 3_600_000;

async fn ask(bench: &Bench, votes: u32, script: &str) -> Asked {
    ask_as(bench, votes, script, None).await
}

async fn ask_as(bench: &Bench, votes: u32, script: &str, format: Option<Format>) -> Asked {
    ask_of(bench, (votes, 60_000), script, format).await
}

/// Asks for so many votes while the run has so many tokens left.
async fn ask_of(
    bench: &Bench,
    (votes, left): (u32, u64),
    script: &str,
    format: Option<Format>,
) -> Asked {
    let rubric = vec!["Is it true?".to_owned(), "Is it clear?".to_owned()];
    let command = ["sh", "-c", script].map(str::to_owned);
    let judge = Judge {
        kind: JudgeKind::Command {
            command: command.to_vec(),
            format,
        },
        model: None,
        rubric: rubric.clone(),
        stance: "find reasons to reject".into(),
        votes,
        independence: Independence::Context,
        timeout_s: 120,
    };
    let passed = CheckResult {
        outcome: CheckOutcome::Passed,
        ..CheckResult::skipped(&check("links", &[]))
    };
    let question = Question {
        goal: "No broken links.\"}",
        rubric: &rubric,
        output: Output::Diff("+ a\n".into()),
        checks: vec![CheckSeen::from(&passed)],
        flags: Vec::new(),
        stance: &judge.stance,
    };
    let (_sender, halt) = watch::channel(Halt::No);
    judge::ask_command(
        &command,
        &judge,
        &question,
        Seat {
            home: &bench.home,
            checkout: bench.path(),
            clock: &Clock::Test(Arc::new(AtomicI64::new(NOON))),
            left: Left::of_tokens(left),
        },
        &halt,
    )
    .await
}

fn judgement(asked: Asked) -> Judgement {
    match asked {
        Asked::Answered { judgement, .. } => judgement,
        Asked::Halted | Asked::Failed(_) | Asked::Limited(..) | Asked::NoRoom(..) => {
            panic!("{asked:?}")
        }
    }
}

const ANSWER: &str = r#"{"lines":[{"n":1,"pass":true,"evidence":"seen"},{"n":2,"pass":false,"evidence":"row 3"}],"note":"use https"}"#;

/// §5.11: the question is one JSON object of data; the answer's lines come back in rubric order.
#[tokio::test]
async fn a_command_judge_is_asked_and_read() {
    let bench = Bench::new();
    let asked = ask(
        &bench,
        1,
        &format!("cat > asked; echo thinking; echo '{ANSWER}'"),
    )
    .await;
    let Judgement::Given(answer) = judgement(asked) else {
        panic!("not given")
    };
    assert_eq!(
        answer.findings.iter().map(|f| f.pass).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(
        (answer.note.as_deref(), answer.votes),
        (Some("use https"), (0, 1))
    );
    let asked: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path().join("asked")).unwrap()).unwrap();
    assert_eq!(asked["goal"], "No broken links.\"}");
    assert_eq!(asked["output"]["diff"], "+ a\n");
    assert_eq!(asked["checks"][0]["passed"], true);
}

/// Three votes are three processes; the majority decides each line.
#[tokio::test]
async fn votes_are_separate_processes() {
    let bench = Bench::new();
    let yes = ANSWER.replace("false", "true");
    let script = format!(
        "echo $$ >> pids; if [ \"$(wc -l < pids)\" -eq 1 ]; then echo '{ANSWER}'; else echo '{yes}'; fi"
    );
    let Judgement::Given(answer) = judgement(ask(&bench, 3, &script).await) else {
        panic!("not given")
    };
    assert!(answer.findings.iter().all(|f| f.pass));
    assert_eq!(answer.votes, (2, 3));
    assert!(answer.findings[1].evidence.contains("1 of 3 say no: row 3"));
    assert_eq!(
        fs::read_to_string(bench.path().join("pids"))
            .unwrap()
            .lines()
            .count(),
        3
    );
}

/// S13: no vote begins that what is left of the tokens may not hold, the first no more than the next ones, and
/// what was used until then is told.
#[tokio::test]
async fn a_command_judge_keeps_to_what_is_left() {
    let bench = Bench::new();
    let script = format!("echo vote >> votes; printf '%2000s\n' ' '; echo '{ANSWER}'");
    let votes = || fs::read_to_string(bench.path().join("votes")).unwrap_or_default();
    let none = ask_of(&bench, (3, 250), &script, None).await;
    let Asked::NoRoom(Purse::Tokens, why, usage) = none else {
        panic!("{none:?}")
    };
    assert!(why.contains("has 250 tokens left"), "{why}");
    assert!(why.contains("raise tokens_per_run"), "{why}");
    assert_eq!((usage.tokens, votes().as_str()), (0, ""));
    // Each vote takes some 650 tokens.
    let two = ask_of(&bench, (3, 1_400), &script, None).await;
    let Asked::NoRoom(Purse::Tokens, _, usage) = two else {
        panic!("{two:?}")
    };
    assert!((1_000..1_400).contains(&usage.tokens), "{usage:?}");
    assert_eq!(votes(), "vote\nvote\n");
    assert!(matches!(
        ask_of(&bench, (1, 1_500), &script, None).await,
        Asked::Answered { .. }
    ));
}

/// Whatever is no exact answer is unreadable, which never approves; a judge that is missing failed.
#[tokio::test]
async fn an_unreadable_judge_never_approves() {
    let bench = Bench::new();
    let yes = ANSWER.replace("false", "true");
    let table = [
        (format!("echo '{yes}'; exit 1"), "exit 1"),
        (
            format!("echo '{yes}'; echo broken pipe >&2; exit 3"),
            "exit 3: broken pipe",
        ),
        ("echo yes".to_owned(), "it printed no JSON object"),
        (
            format!("echo '{yes}'; echo '{{}}'"),
            "its last JSON object is no answer",
        ),
        (
            format!("head -c 300000 /dev/zero; echo '{yes}'"),
            "it printed more than 256 KiB",
        ),
    ];
    for (script, wanted) in table {
        let given = judgement(ask(&bench, 1, &script).await);
        assert!(!given.passes());
        let Judgement::Unreadable { why, .. } = given else {
            panic!("{script}")
        };
        assert!(why.starts_with(wanted), "{script}: {why}");
    }
}

/// An agent that judges is asked in words, the data quoted, and its last words hold the answer.
#[tokio::test]
async fn an_agent_judges_in_words() {
    let bench = Bench::new();
    let script = r#"asked=$(cat)
        case "$asked" in "You are an examiner"*"find reasons to reject"*) ;; *) exit 1 ;; esac
        case "$asked" in *'"goal":"No broken links.\"}"'*) ;; *) exit 2 ;; esac
        echo 'Let me see: {"lines": []} is the form.'
        echo '{"lines":[{"n":1,"pass":true,"evidence":"a"},{"n":2,"pass":false,"evidence":"b"}]}'"#;
    let asked = ask_as(&bench, 1, script, Some(Format::Text)).await;
    let Judgement::Given(answer) = judgement(asked) else {
        panic!("it was not understood");
    };
    let said: Vec<_> = answer
        .findings
        .iter()
        .map(|f| (f.pass, f.evidence.as_str()))
        .collect();
    assert_eq!(said, [(true, "a"), (false, "b")]);
}

/// An agent that prints events judges by its last message, and its own figures are the cost; one
/// that breaks off gives no verdict, whatever its exit says (R53, §5.11).
#[tokio::test]
async fn an_agent_judges_in_its_stream() {
    let bench = Bench::new();
    let answer = r#"{\"lines\":[{\"n\":1,\"pass\":true,\"evidence\":\"a\"},{\"n\":2,\"pass\":true,\"evidence\":\"b\"}]}"#;
    let begun =
        r#"{"type":"system","subtype":"init","session_id":"s","cwd":"/","apiKeySource":"none"}"#;
    let ended = format!(
        r#"{{"type":"result","subtype":"success","is_error":false,"session_id":"s","result":"So: {answer}","total_cost_usd":0.25,"usage":{{"input_tokens":90,"output_tokens":10}}}}"#
    );
    let whole = format!("cat >/dev/null; echo '{begun}'; echo '{ended}'; exit 1");
    let asked = ask_as(&bench, 1, &whole, Some(Format::ClaudeStreamJson)).await;
    let Asked::Answered { usage, .. } = &asked else {
        panic!("{asked:?}");
    };
    assert_eq!((usage.tokens, usage.estimated), (100, false));
    assert_eq!((usage.micro_usd, usage.plan_micro_usd), (Some(0), 250_000));
    assert!(judgement(asked).passes());

    let half = format!("cat >/dev/null; echo '{begun}'; exit 0");
    let asked = ask_as(&bench, 1, &half, Some(Format::ClaudeStreamJson)).await;
    let Judgement::Unreadable { why, .. } = judgement(asked) else {
        panic!("half a stream is no verdict");
    };
    assert_eq!(why, "it stopped in the middle");
}

/// A judge at its usage limit has not judged: it is asked again when the limit ends. A limit that has
/// ended, one without an end, and one that a judge speaks of in an answer are none.
#[tokio::test]
async fn a_judge_at_its_limit_waits() {
    let bench = Bench::new();
    let claude = |resets: i64| {
        format!(
            r#"cat >/dev/null
            echo '{{"type":"system","subtype":"init","session_id":"s","cwd":"/"}}'
            echo '{{"type":"rate_limit_event","session_id":"s","rate_limit_info":{{"status":"rejected","rateLimitType":"five_hour","resetsAt":{resets}}}}}'
            echo '{{"type":"result","subtype":"success","is_error":true,"session_id":"s","result":"You have hit your limit"}}'
            exit 1"#
        )
    };
    let codex = r#"cat >/dev/null
        echo '{"type":"thread.started","thread_id":"t"}'
        echo '{"type":"turn.started"}'
        echo '{"type":"turn.failed","error":{"message":"You have hit your usage limit. Try again in 1 hour."}}'
        exit 1"#;
    let says = |words: &str, code: u8| format!("cat >/dev/null; echo '{words}'; exit {code}");
    let told = "usage limit reached, try again in 1 hour";
    let until = NOON + HOUR;
    let table = [
        (claude(until / 1_000), Some(Format::ClaudeStreamJson), true),
        (
            claude(NOON / 1_000 - 1),
            Some(Format::ClaudeStreamJson),
            false,
        ),
        (codex.to_owned(), Some(Format::CodexJsonl), true),
        (says(told, 1), Some(Format::Text), true),
        (says(told, 1), None, true),
        (format!("{} >&2", says(told, 1)), None, true),
        (says(told, 0), None, false),
        (says("usage limit reached", 1), None, false),
    ];
    for (script, format, waits) in table {
        let asked = ask_as(&bench, 3, &script, format).await;
        if !waits {
            let given = judgement(asked);
            assert!(matches!(given, Judgement::Unreadable { .. }), "{script}");
            continue;
        }
        let Asked::Limited(met, spent) = asked else {
            panic!("{script}: {asked:?}");
        };
        assert_eq!(met.until_ms, until, "{script}");
        assert!(met.cause.contains("limit"), "{met:?}");
        // The recorded stream of this one says that nothing was spent.
        let estimated = format != Some(Format::ClaudeStreamJson);
        assert_eq!(spent.tokens > 0, estimated, "{script}: {spent:?}");
    }
}

/// A scripted judge answers in turn, its last answer ever after, through the same strict reading.
#[test]
fn a_scripted_judge_answers_in_turn() {
    let script = Script::parse(
        "[[answer]]\nlines = [{ pass = false, evidence = \"row 3\" }]\nnote = \"n\"\n\
         [[answer]]\nlines = [{ pass = true, evidence = \"ok\" }]\n[[answer]]\nraw = \"hm\"",
    )
    .unwrap();
    let rubric = vec!["Is it clear?".to_owned()];
    assert!(!script.judge(1, &rubric).passes());
    assert!(script.judge(2, &rubric).passes());
    for call in [3, 4] {
        assert!(matches!(
            script.judge(call, &rubric),
            Judgement::Unreadable { .. }
        ));
    }
    assert!(matches!(script.judge(2, &[]), Judgement::Unreadable { .. }));
    assert!(Script::parse("answer = []").is_err());
}
