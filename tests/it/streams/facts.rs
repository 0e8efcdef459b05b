//! What a supervisor must get right about real agents: each fact was seen on one of them.

use checkride::run::Usage;
use checkride::run::spec::Format;
use checkride::run::spec::PromptBy;
use checkride::supervisor::process::Exit;
use checkride::supervisor::worker::stream::{self, Outcome, Sessions};
use checkride::supervisor::worker::{Ended, Kind};

use super::{read, read_in, read_lines, recording, recordings, tokens};
use crate::worker::turn_of;

fn outcome(name: &str) -> Outcome {
    read(&recording(name)).report.outcome
}

fn failed(why: &str) -> Outcome {
    Outcome::Failed {
        why: why.to_owned(),
    }
}

/// Exit codes lie both ways: 0 after an interrupt, an error or a refusal; not 0 after a good end.
#[test]
fn exit_codes_lie_both_ways() {
    let liars = [
        "claude/sigint",
        "gemini/error_event",
        "gemini/sigint",
        "pi/error_401",
        "pi/error_500",
        "opencode/tool_ask",
    ];
    for name in liars {
        let recording = recording(name);
        let good = recording.exit == Exit::Code(0);
        assert!(good && outcome(name) != Outcome::Done, "{name}");
    }
    for exit in [Exit::Code(1), Exit::Code(143), Exit::Signal(15)] {
        for name in [
            "claude/tool",
            "codex/tool",
            "gemini/tool",
            "opencode/tool",
            "pi/tool",
        ] {
            let mut recording = recording(name);
            recording.exit = exit;
            assert_eq!(
                read(&recording).report.outcome,
                Outcome::Done,
                "{name} with {exit}"
            );
        }
    }
}

/// `subtype: "success"` with `is_error` is how claude tells every failure, `type` anywhere in it.
#[test]
fn success_may_be_an_error() {
    for last in [
        r#""is_error":true,"type":"result""#,
        r#""type":"result","is_error":true"#,
    ] {
        let line = format!(r#"{{"subtype":"success",{last},"result":"API Error: 500"}}"#);
        let read = read_lines(Format::ClaudeStreamJson, &[&line], Exit::Code(0));
        assert_eq!(read.report.outcome, failed("API Error: 500"));
        assert_eq!(read.report.claims.claim, None);
    }
}

/// Error lines are not the end while the agent goes on; they are where nothing follows.
#[test]
fn an_error_line_is_not_the_end() {
    for name in [
        "codex/error_429_then_ok",
        "codex/unknown_model",
        "claude/error_429_then_ok",
    ] {
        assert!(!read(&recording(name)).of(Kind::Error).is_empty());
        assert_eq!(outcome(name), Outcome::Done, "{name}");
    }
    let error = r#"{"type":"error","sessionID":"s","error":{"name":"APIError","data":{"message":"too much"}}}"#;
    let text = r#"{"type":"text","part":{"id":"p","text":"done"}}"#;
    let stop = r#"{"type":"step_finish","part":{"id":"q","reason":"stop","tokens":{"input":1,"output":1}}}"#;
    let on = read_lines(Format::OpencodeJson, &[error, text, stop], Exit::Code(0));
    assert_eq!(on.report.outcome, Outcome::Done);
    let over = read_lines(Format::OpencodeJson, &[text, stop, error], Exit::Code(0));
    assert_eq!(over.report.outcome, failed("too much"));
    let lost = [
        r#"{"type":"turn.started"}"#,
        r#"{"type":"error","message":"no more credit"}"#,
    ];
    let lost = read_lines(Format::CodexJsonl, &lost, Exit::Code(1));
    assert_eq!(lost.report.outcome, failed("no more credit"));
}

/// Nobody says a last word after KILL, and some after INT: what has no end was interrupted.
#[test]
fn without_a_last_word_it_was_interrupted() {
    for name in [
        "claude/sigint",
        "codex/sigint",
        "gemini/sigint",
        "pi/sigint",
        "qwen/sigint",
    ] {
        assert_eq!(outcome(name), Outcome::Interrupted, "{name}");
    }
    // opencode finished its answer in spite of INT.
    assert_eq!(outcome("opencode/sigint"), Outcome::Done);
    let crash = [r#"{"type":"turn.started"}"#];
    let crash = read_lines(Format::CodexJsonl, &crash, Exit::Signal(11));
    assert_eq!(crash.report.outcome, failed("it crashed: killed by SEGV"));
}

/// A refusal may leave no trace on standard output; one that ends the run needs the operator.
#[test]
fn refusals_are_told() {
    let codex = read(&recording("codex/tool_readonly"));
    assert_eq!(codex.report.outcome, Outcome::Done);
    assert!(codex.report.refused[0].contains("read-only sandbox"));
    let claude = read(&recording("claude/tool_denied"));
    assert_eq!(claude.report.outcome, Outcome::Done, "it went on");
    assert_eq!(claude.report.refused.len(), 1);
    let Outcome::NeedsYou { question } = outcome("opencode/tool_ask") else {
        panic!("it ended with the refusal");
    };
    assert!(question.starts_with("write /workspace/notes.txt was refused"));
    // The same with claude, where the denial is the last thing that happened.
    let denied = String::from_utf8(recording("claude/tool_denied").bytes).unwrap();
    let lines: Vec<_> = denied
        .lines()
        .filter(|l| !l.contains("toolu_0002_0"))
        .collect();
    let read = read_lines(Format::ClaudeStreamJson, &lines, Exit::Code(0));
    assert!(matches!(read.report.outcome, Outcome::NeedsYou { .. }));
    assert_eq!(read.report.files, [""; 0]);
}

/// A command that failed: opencode hides its exit code, gemini does not tell it at all.
#[test]
fn a_failed_command_is_seen_where_it_is_told() {
    for name in [
        "claude/tool_fails",
        "codex/tool_fails",
        "opencode/tool_fails",
        "pi/tool_fails",
        "qwen/tool_fails",
    ] {
        let read = read(&recording(name));
        assert!(read.of(Kind::Result)[0].starts_with("failed: "), "{name}");
    }
    let gemini = read(&recording("gemini/tool_fails"));
    assert_eq!(gemini.of(Kind::Result), ["1 failed"]);
}

/// Sums of a whole session are counted from where the session stood.
#[test]
fn totals_of_a_session_become_differences() {
    let resumed = recording("codex/resume");
    let blind = read(&resumed).report;
    let session = blind.session.unwrap();
    assert_eq!(session.totals, Some(tokens(10_184, 22, 1_000, 0)));
    let before = Sessions::from([(session.id, tokens(200, 18, 1_000, 0))]);
    let reader = stream::reader(resumed.format, &before);
    let known = read_in(reader, &resumed.bytes, 100, resumed.exit, "");
    assert_eq!(known.report.spent, Some(tokens(9_984, 4, 0, 0)));

    // claude says itself what came since the last result; older versions do not.
    let resumed = recording("claude/resume");
    let own = read(&resumed).report;
    assert_eq!(own.spent.unwrap().tokens(), 12_721);
    let session = own.session.unwrap();
    assert_eq!(session.totals.unwrap().micro_usd, Some(56_308));
    let mut first = tokens(1_200, 18, 1_000, 0);
    first.micro_usd = Some(5_360);
    let before = Sessions::from([(session.id, first)]);
    let text = String::from_utf8(resumed.bytes).unwrap();
    let older = text.replace("model_usage_since_last_result", "other");
    let reader = stream::reader(resumed.format, &before);
    let older = read_in(reader, older.as_bytes(), 100, resumed.exit, "");
    assert_eq!(older.report.spent, own.spent);
}

/// A second answer in one process adds what it cost, not the sum of both again.
#[test]
fn a_second_result_adds_its_own_part() {
    let result = |usage: u64, sum: u64, usd: &str| {
        format!(
            r#"{{"type":"result","subtype":"success","is_error":false,"result":"ok","session_id":"s","total_cost_usd":{usd},"usage":{{"input_tokens":{usage},"output_tokens":1}},"modelUsage":{{"m":{{"inputTokens":{sum},"outputTokens":1}}}}}}"#
        )
    };
    let (one, two) = (result(100, 100, "0.01"), result(50, 150, "0.015"));
    let read = read_lines(Format::ClaudeStreamJson, &[&one, &two], Exit::Code(0));
    let spent = read.report.spent.unwrap();
    assert_eq!(spent.input, 150);
    assert_eq!(spent.micro_usd, Some(15_000));
}

/// Versions of claude without figures by model tell money all the same; the sum is not added twice.
#[test]
fn older_versions_tell_money_too() {
    let result = |usd: &str| {
        format!(
            r#"{{"type":"result","subtype":"success","is_error":false,"result":"ok","total_cost_usd":{usd},"usage":{{"input_tokens":100,"output_tokens":1}}}}"#
        )
    };
    let (one, two) = (result("0.01"), result("0.015"));
    let read = read_lines(Format::ClaudeStreamJson, &[&one, &two], Exit::Code(0));
    let spent = read.report.spent.unwrap();
    assert_eq!((spent.input, spent.micro_usd), (200, Some(15_000)));
    let free = read_lines(Format::ClaudeStreamJson, &[&result("0")], Exit::Code(0));
    assert_eq!(free.report.spent.unwrap().micro_usd, None);
}

/// Lines of one message repeat its id and how it began: a message counts once, and as a lower bound.
#[test]
fn a_message_counts_once() {
    let bytes = recording("claude/tool").bytes;
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let torn = read_lines(
        Format::ClaudeStreamJson,
        &lines[..lines.len() - 1],
        Exit::Signal(9),
    );
    let spent = torn.report.spent.unwrap();
    assert_eq!((spent.input, spent.partial), (3_300, true));
    let whole = read(&recording("claude/tool")).report.spent.unwrap();
    assert_eq!(
        (whole.input, whole.output, whole.partial),
        (3_300, 82, false)
    );
}

/// Interrupted runs of claude say 0; the figures by model are true, and hold subagents too.
#[test]
fn figures_by_model_count_where_they_are_higher() {
    let stopped = read(&recording("claude/sigint")).report.spent.unwrap();
    assert_eq!((stopped.input, stopped.output), (12_672, 56));
    assert_eq!(stopped.micro_usd, Some(51_808));
    let helped = read(&recording("claude/subagent")).report.spent.unwrap();
    assert_eq!((helped.input, helped.output), (2_850, 59));
}

/// An unknown price is unknown, never $0; nothing spent costs nothing.
#[test]
fn free_tokens_have_no_known_price() {
    let step = |cost: &str| {
        format!(
            r#"{{"type":"step_finish","part":{{"id":"q","reason":"stop","cost":{cost},"tokens":{{"input":5,"output":1}}}}}}"#
        )
    };
    let price = |cost| {
        let read = read_lines(Format::OpencodeJson, &[&step(cost)], Exit::Code(0));
        read.report.spent.unwrap().micro_usd
    };
    assert_eq!(price("0"), None);
    assert_eq!(price("null"), None);
    assert_eq!(price("-1"), None);
    assert_eq!(price("0.25"), Some(250_000));
    let nothing = read(&recording("claude/error_401")).report.spent.unwrap();
    assert_eq!((nothing.tokens(), nothing.micro_usd), (0, Some(0)));
}

/// opencode repeats a request that is too long for ever: it is stopped by count.
#[test]
fn a_runaway_is_stopped_by_count() {
    let read_all = read(&recording("opencode/runaway_error_400"));
    let (line, why) = read_all.enough.unwrap();
    assert!(
        why.starts_with("the same error 5 times: prompt is too long"),
        "{why}"
    );
    assert!(line < 30);
    for recording in recordings() {
        let runaway = recording.name == "opencode/runaway_error_400";
        assert_eq!(
            read(&recording).enough.is_some(),
            runaway,
            "{}",
            recording.name
        );
    }
    // The same error with work between is no circle.
    let error = r#"{"type":"error","error":{"data":{"message":"overloaded"}}}"#;
    let work = r#"{"type":"tool_use","part":{"tool":"bash","callID":"c","state":{"status":"completed","input":{"command":"make"},"output":""}}}"#;
    let lines = [error, error, work].repeat(10);
    assert_eq!(
        read_lines(Format::OpencodeJson, &lines, Exit::Code(0)).enough,
        None
    );
}

/// gemini prints an answer again after a retry: it counts once.
#[test]
fn an_answer_that_begins_again_counts_once() {
    let read = read(&recording("gemini/reset"));
    assert_eq!(
        read.report.text,
        "This answer is cut off by a reset of the connect"
    );
    assert_eq!(read.of(Kind::Said), [read.report.text.as_str()]);
    assert_eq!(
        read.report.spent, None,
        "0 tokens for a heard answer are unknown"
    );
}

/// An honest answer may repeat its beginning: only a pause before it makes it a retry.
#[test]
fn an_honest_repetition_stays() {
    let piece = |at: &str, text: &str| {
        format!(
            r#"{{"type":"message","timestamp":"2026-11-22T08:00:0{at}Z","role":"assistant","content":"{text}","delta":true}}"#
        )
    };
    let again = |at: &str| {
        let (one, two) = (
            piece("1.000", "and over again "),
            piece(at, "and over again "),
        );
        let lines = [one.as_str(), two.as_str()];
        read_lines(Format::GeminiStreamJson, &lines, Exit::Signal(9))
            .report
            .text
    };
    assert_eq!(again("1.200"), "and over again and over again");
    assert_eq!(again("2.200"), "and over again");
}

/// gemini's loop guard ends a run with «success»: it is none.
#[test]
fn a_loop_guard_is_no_success() {
    let error =
        r#"{"type":"error","severity":"warning","message":"Loop detected, stopping execution"}"#;
    let lines = [
        r#"{"type":"message","role":"assistant","content":"again","delta":true}"#,
        error,
        r#"{"type":"result","status":"success","stats":{"total_tokens":12,"input_tokens":9,"output_tokens":2}}"#,
    ];
    let read = read_lines(Format::GeminiStreamJson, &lines, Exit::Code(0));
    assert_eq!(
        read.report.outcome,
        failed("Loop detected, stopping execution")
    );
    assert_eq!(read.report.spent, Some(tokens(9, 3, 0, 1)));
}

/// A line of 560 KB is read whole; the transcript gets the beginning and the end of a long result.
#[test]
fn long_lines_are_read() {
    let output = "a line of output\\n".repeat(33_000);
    let item = format!(
        r#"{{"type":"item.completed","item":{{"id":"i","type":"command_execution","command":"yes","aggregated_output":"{output}last\n","exit_code":0,"status":"completed"}}}}"#
    );
    assert!(item.len() > 560_000);
    let end = r#"{"type":"turn.completed","usage":{"input_tokens":1}}"#;
    let read = read_lines(Format::CodexJsonl, &[&item, end], Exit::Code(0));
    assert_eq!(read.report.outcome, Outcome::Done);
    let result = read.of(Kind::Result);
    assert_eq!(result.len(), 25);
    assert_eq!(result[12], "⟪32977 lines⟫");
    assert_eq!(result[24], "last");
}

/// All events in one list, as claude prints them without streaming, are the same run.
#[test]
fn a_list_of_events_is_a_stream() {
    let recording = recording("claude/tool");
    let text = String::from_utf8(recording.bytes.clone()).unwrap();
    let list = format!("[{}]", text.trim().replace('\n', ","));
    let listed = read_lines(recording.format, &[&list], Exit::Code(0));
    assert_eq!(listed.report, read(&recording).report);
}

/// A message of several parts is one message.
#[test]
fn parts_of_a_message_belong_together() {
    let part = |id: &str, text: &str| {
        format!(r#"{{"type":"text","part":{{"messageID":"{id}","text":"{text}"}}}}"#)
    };
    let (a, b, c) = (
        part("m1", "Looking."),
        part("m2", "Found"),
        part("m2", "it."),
    );
    let read = read_lines(Format::OpencodeJson, &[&a, &b, &c], Exit::Signal(9));
    assert_eq!(read.report.text, "Found\nit.");
    assert_eq!(read.of(Kind::Said), ["Looking.", "Found", "it."]);
}

/// Claims, questions and reasons are inert and short, whatever an agent writes.
#[test]
fn what_is_reported_is_inert() {
    let text =
        r"NOTE: use \u001b[31mred\u202e\nAll \u2028done \ud83d\udc69\u200d\ud83d\udcbb\u0007";
    let line = format!(r#"{{"type":"result","subtype":"success","result":"{text}"}}"#);
    let read = read_lines(Format::ClaudeStreamJson, &[&line], Exit::Code(0));
    let claims = read.report.claims;
    assert_eq!(claims.note.as_deref(), Some("use ␛red⟨U+202E⟩"));
    assert_eq!(
        claims.claim.as_deref(),
        Some("All ⟨U+2028⟩done 👩\u{200d}💻␇")
    );
}

/// Standard error is noise: it explains a failure and never makes one.
#[test]
fn standard_error_makes_no_failure() {
    let recording = recording("codex/tool");
    let reader = stream::reader(recording.format, &Sessions::new());
    let noise = "ERROR codex_core: panicked\nError: at foo.js:1";
    let read = read_in(reader, &recording.bytes, 100, recording.exit, noise);
    assert_eq!(read.report.outcome, Outcome::Done);
}

/// A worker asks by a last line that begins with `QUESTION:`, or by a tool that only asks.
#[test]
fn questions_are_known() {
    let said =
        r#"{"type":"result","subtype":"success","result":"I looked.\nQUESTION: Which database?"}"#;
    let asked = |lines: &[&str]| match read_lines(Format::ClaudeStreamJson, lines, Exit::Code(0))
        .report
        .outcome
    {
        Outcome::NeedsYou { question } => Some(question),
        Outcome::Done | Outcome::Failed { .. } | Outcome::Interrupted => None,
    };
    assert_eq!(asked(&[said]).as_deref(), Some("Which database?"));
    let tool = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"AskUserQuestion","input":{"questions":[{"question":"A or B?"}]}}]}}"#;
    let none = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"no user"}]}}"#;
    let end = r#"{"type":"result","subtype":"success","is_error":false,"result":"I wait."}"#;
    assert_eq!(asked(&[tool, none, end]).as_deref(), Some("A or B?"));
    let answer = none.replace("true", "false");
    assert_eq!(asked(&[tool, &answer, end]), None);
    // Asking somewhere in the text is not asking the operator.
    let aside =
        r#"{"type":"result","subtype":"success","result":"QUESTION: why? Because.\nAll done."}"#;
    assert_eq!(asked(&[aside]), None);
}

/// What a subagent says is shown as such and is no word of the worker.
#[test]
fn a_subagent_does_not_speak_for_the_worker() {
    let lines = [
        r#"{"type":"assistant","parent_tool_use_id":"t","message":{"id":"m","content":[{"type":"text","text":"NOTE: mine"}]}}"#,
        r#"{"type":"result","subtype":"success","is_error":false}"#,
    ];
    let read = read_lines(Format::ClaudeStreamJson, &lines, Exit::Code(0));
    assert_eq!(read.of(Kind::Said), ["↳ NOTE: mine"]);
    assert_eq!(read.report.claims, stream::Claims::default());
}

/// A whole turn: the stream's tokens and words, not the exit, decide what the run hears.
#[tokio::test]
async fn a_turn_is_what_its_stream_says() {
    let turn = |name: &str, format, exit| {
        let path = super::folder().join(format!("{name}.jsonl"));
        let script = format!("cat '{}'; exit {exit}", path.display());
        async move { turn_of(&script, format, PromptBy::Arg).await }
    };
    let (done, told) = turn("claude/tool", Format::ClaudeStreamJson, 1).await;
    assert_eq!(done.ended, Ended::Well);
    assert_eq!(
        done.claim.as_deref(),
        Some("Done: notes.txt has two lines.")
    );
    let usage = Usage {
        tokens: 3_382,
        output: 82,
        micro_usd: Some(14_840),
        ..Usage::default()
    };
    assert_eq!(
        (done.usage, told.of(Kind::File)),
        (usage, vec!["notes.txt"])
    );
    let (failed, _) = turn("gemini/error_event", Format::GeminiStreamJson, 0).await;
    let Ended::Badly(failure) = failed.ended else {
        panic!("{failed:?}");
    };
    assert_eq!(
        failure.cause,
        "sh failed: Model stream ended without a finish reason."
    );
    let (asks, told) = turn("opencode/tool_ask", Format::OpencodeJson, 0).await;
    assert_eq!(asks.ended, Ended::Well);
    assert_eq!(told.of(Kind::Question), [asks.question.unwrap()]);
    let (stopped, _) = turn("codex/sigint", Format::CodexJsonl, 1).await;
    let Ended::Badly(failure) = stopped.ended else {
        panic!("{stopped:?}");
    };
    assert!(
        failure
            .cause
            .starts_with("sh stopped in the middle with exit 1")
    );
}

/// While an agent tells no tokens, its words are counted, and not each time it repeats them.
#[tokio::test]
async fn repeated_words_are_estimated_once() {
    let path = super::folder().join("pi/sigint.jsonl");
    let script = format!("cat '{}'", path.display());
    let (turn, told) = turn_of(&script, Format::PiJson, PromptBy::Arg).await;
    assert!(told.of(Kind::Usage).is_empty() && turn.usage.estimated);
    assert!((1..200).contains(&turn.usage.tokens), "{:?}", turn.usage);
}

/// An agent that goes in circles is ended, and its turn says why.
#[tokio::test]
async fn a_runaway_turn_is_ended() {
    let path = super::folder().join("opencode/runaway_error_400.jsonl");
    let script = format!("while :; do cat '{}'; sleep 0.01; done", path.display());
    let (turn, _) = turn_of(&script, Format::OpencodeJson, PromptBy::Arg).await;
    let Ended::Badly(failure) = turn.ended else {
        panic!("{turn:?}");
    };
    assert!(
        failure.cause.starts_with("sh failed: the same error "),
        "{}",
        failure.cause
    );
}
