//! Hostile streams: cut, long, broken and foreign bytes change nothing but what they touch.

use std::time::Duration;

use checkride::run::spec::Format;
use checkride::supervisor::process::Exit;
use checkride::supervisor::worker::Kind;
use checkride::supervisor::worker::stream::{self, End, Lines, Outcome, Sessions};
use proptest::prelude::*;

use super::{Read, read_in, read_lines, recording, recordings};

const ALL: [Format; 6] = [
    Format::Text,
    Format::ClaudeStreamJson,
    Format::CodexJsonl,
    Format::OpencodeJson,
    Format::GeminiStreamJson,
    Format::PiJson,
];

fn in_pieces(format: Format, bytes: &[u8], piece: usize) -> Read {
    let reader = stream::reader(format, &Sessions::new());
    read_in(reader, bytes, piece, Exit::Code(0), "")
}

/// However the bytes arrive, and with whatever line ends, the same is read.
#[test]
fn pieces_and_line_ends_change_nothing() {
    for recording in recordings() {
        let whole = in_pieces(recording.format, &recording.bytes, usize::MAX);
        for piece in [1, 7, 4096] {
            let pieces = in_pieces(recording.format, &recording.bytes, piece);
            assert_eq!(
                whole.entries, pieces.entries,
                "{} by {piece}",
                recording.name
            );
            assert_eq!(whole.report, pieces.report, "{} by {piece}", recording.name);
        }
        let text = String::from_utf8(recording.bytes).unwrap();
        let crlf = text.replace('\n', "\r\n");
        let crlf = in_pieces(recording.format, crlf.as_bytes(), 1000);
        assert_eq!(whole.report, crlf.report, "{} with CRLF", recording.name);
        if !recording.name.ends_with("/json") {
            let joined = text.replace('\n', " ");
            let joined = in_pieces(recording.format, joined.as_bytes(), 1000);
            assert_eq!(
                whole.report, joined.report,
                "{} in one line",
                recording.name
            );
        }
    }
}

/// A line of 50 MB is left out with a mark, in constant memory, and what follows is read.
#[test]
fn a_line_of_50_mb_is_left_out_with_a_mark() {
    let recording = recording("claude/text");
    let mut reader = stream::reader(recording.format, &Sessions::new());
    let longest = reader.longest_line();
    let mut told = Vec::new();
    let mut lines = Lines::new(longest);
    let mut most = 0;
    let mut feed = |bytes: &[u8]| {
        lines.each(bytes, &mut |line, left_out| {
            most = most.max(line.len());
            reader.line(line, left_out, &mut |kind, text| {
                told.push((kind, text.to_owned()));
            });
        });
    };
    feed(br#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":""#);
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..800 {
        feed(&piece);
    }
    feed(b"\"}]}}\n");
    feed(&recording.bytes);
    let end = End {
        exit: Exit::Code(0),
        stderr: "",
    };
    let report = reader.finish(&end, &mut |_, _| {});
    assert!(most <= longest);
    assert_eq!(report.outcome, Outcome::Done);
    let (kind, mark) = &told[0];
    assert_eq!(*kind, Kind::Cut);
    assert!(
        mark.starts_with("a line of 52428879 bytes is too long to be read: {\"type\":\"user\""),
        "{mark}"
    );
    assert!(mark.len() < 1000);
}

/// A stream that was torn anywhere is an interrupted one, never a finished one.
#[test]
fn a_torn_stream_is_not_done() {
    for name in [
        "claude/tool",
        "codex/tool",
        "opencode/tool",
        "gemini/tool",
        "pi/tool",
        "qwen/tool",
    ] {
        let recording = recording(name);
        let text = String::from_utf8(recording.bytes.clone()).unwrap();
        // pi says everything once more after its last message.
        let last = match name {
            "pi/tool" => text.rfind("{\"type\":\"message_end\"").unwrap(),
            _ => text.trim_end().rfind('\n').unwrap(),
        };
        for cut in (1..=last).step_by(97) {
            let reader = stream::reader(recording.format, &Sessions::new());
            let bytes = &recording.bytes[..cut];
            let read = read_in(reader, bytes, 4096, Exit::Signal(9), "");
            assert_eq!(
                read.report.outcome,
                Outcome::Interrupted,
                "{name} cut at {cut}"
            );
        }
    }
}

/// Words between the objects are said, half an object is shown as such, and both change nothing.
#[test]
fn foreign_lines_are_shown_and_change_nothing() {
    let lines = [
        "Loaded cached credentials.",
        r#"{"type":"thread.started","thread_id":"t"}"#,
        r#"{"type":"turn.started"}{"type":"item.completed","item":{"type":"agent_message","text":"hi"}}"#,
        r#"{"type":"item.completed","item":{"type":"agent_mess"#,
        r#"{"type":"new.kind","value":{"a":[1,2]}}"#,
        r#"{"type":"item.completed","item":{"type":"hologram","x":1}}"#,
        "[1,2]",
        "",
        r#"{"type":"turn.completed","usage":null}"#,
    ];
    let read = read_lines(Format::CodexJsonl, &lines, Exit::Code(0));
    assert_eq!(read.report.outcome, Outcome::Done);
    assert_eq!(read.report.text, "hi");
    assert_eq!(read.report.spent, None);
    let said = read.of(Kind::Said);
    assert_eq!(said[..2], ["Loaded cached credentials.", "hi"]);
    assert!(
        said[2].starts_with("⟪51 bytes that are no whole JSON⟫ {\"type\""),
        "{said:?}"
    );
    assert_eq!(said[3], "⟪new.kind⟫ value={\"a\":[1,2]}");
    assert_eq!(said[4], "⟪hologram⟫ x=1");
    assert_eq!(said[5], "[1,2]");
}

/// Fields of any other type than usual are passed over, not stumbled upon.
#[test]
fn wrong_types_are_passed_over() {
    for recording in recordings() {
        let text = String::from_utf8(recording.bytes).unwrap();
        for wrong in [
            "null",
            "7",
            "\"x\"",
            "[]",
            "{}",
            "[[{}]]",
            "-1e400",
            "\"\\ud83d\"",
        ] {
            for key in [
                "message", "content", "usage", "part", "item", "error", "stats", "text", "id",
            ] {
                let begin = format!("{{\"{key}\":{wrong},");
                let twisted: String = text
                    .lines()
                    .map(|line| line.replacen('{', &begin, 1) + "\n")
                    .collect();
                let read = in_pieces(recording.format, twisted.as_bytes(), 4096);
                assert!(read.report.text.len() < 4096);
            }
        }
    }
}

/// Silence is longest where agents were seen to be silent longest; a tool may be quiet for long.
#[test]
fn each_format_knows_its_silence() {
    let quiet = |format| stream::reader(format, &Sessions::new()).quiet_for();
    let seconds = Duration::from_secs;
    assert_eq!(quiet(Format::Text), None);
    assert!(quiet(Format::OpencodeJson) > Some(seconds(90)));
    assert!(quiet(Format::ClaudeStreamJson) > Some(seconds(97)));
    assert!(quiet(Format::GeminiStreamJson) > Some(seconds(207)));
    let mut reader = stream::reader(Format::ClaudeStreamJson, &Sessions::new());
    let before = reader.quiet_for().unwrap();
    let mut quietly = |_: Kind, _: &str| {};
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":9,"retry_delay_ms":30000,"error_status":529,"error":"overloaded"}"#;
    reader.line(retry, 0, &mut quietly);
    assert_eq!(reader.quiet_for(), Some(before + seconds(30)));
    let tool = r#"{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Bash","input":{"command":"make"}}]}}"#;
    reader.line(tool, 0, &mut quietly);
    assert_eq!(reader.quiet_for(), Some(seconds(600)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Any bytes at all are read to the end, the same in any pieces.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000), piece in 1usize..300) {
        for format in ALL {
            let whole = in_pieces(format, &bytes, usize::MAX);
            let pieces = in_pieces(format, &bytes, piece);
            prop_assert_eq!(whole.entries, pieces.entries);
            prop_assert_eq!(whole.report, pieces.report);
        }
    }

    /// Recorded runs with bytes changed, dropped, doubled and moved are read to the end.
    #[test]
    fn mutated_recordings_are_read(
        which in any::<prop::sample::Index>(),
        other in 0usize..6,
        hits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, any::<u8>()), 1..20),
    ) {
        let names = ["claude/tool", "qwen/tool", "codex/tool", "opencode/tool", "gemini/reset", "pi/tool_fails"];
        let recording = recording(names[which.index(names.len())]);
        let mut bytes = recording.bytes;
        for (place, how, byte) in hits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            let end = bytes.len().min(at + 1 + usize::from(byte));
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => bytes.insert(at, b"{}[]\",:\n\\0"[usize::from(byte) % 10]),
                3 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => bytes[at..end].reverse(),
            }
        }
        let read = in_pieces(recording.format, &bytes, 1024);
        prop_assert!(read.entries.len() < 20_000);
        in_pieces(ALL[other], &bytes, 1024);
    }
}
