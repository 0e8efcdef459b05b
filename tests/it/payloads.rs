//! Bytes that steer a terminal, hide or reorder text: more than 200 of them, in every place where others
//! may speak. What reaches a cell is plain, and what was taken out left a mark.

mod leaves;
mod surfaces;

use checkride::run::inert::{inert, inert_lines, spelled, spelled_line, steers};
use checkride::supervisor::memory::notes;

use crate::screens::{Cockpit, scenes};

/// Every payload, by what it would do.
pub(crate) fn payloads() -> Vec<String> {
    let mut all = Vec::new();
    // Every final byte of a control sequence, with figures and with a private mark.
    for end in '@'..='~' {
        all.push(format!("\u{1b}[1;1{end}"));
        all.push(format!("\u{1b}[?1049{end}"));
    }
    // Titles, clipboard, links, colours, notifications, images; ended by BEL, by ST, by nothing.
    for number in [
        0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 50, 52, 104, 133, 555, 777, 1337,
    ] {
        for end in ["\u{7}", "\u{1b}\\", "\u{9c}", ""] {
            all.push(format!("\u{1b}]{number};;https://x.example/{end}"));
        }
    }
    for kind in ['P', 'X', '^', '_', 'k'] {
        all.push(format!("\u{1b}{kind}+q544e\u{1b}\\"));
        all.push(format!("\u{1b}{kind}tmux;\u{1b}\u{1b}]52;c;AA==\u{7}"));
    }
    for byte in 0..0x20_u8 {
        all.push(char::from(byte).to_string());
    }
    for c1 in '\u{80}'..='\u{9f}' {
        all.push(format!("{c1}31mred"));
    }
    for hidden in "\u{ad}\u{34f}\u{61c}\u{115f}\u{180e}\u{200b}\u{200c}\u{200e}\u{200f}\u{202a}\u{202b}\
                   \u{202c}\u{202d}\u{202e}\u{2028}\u{2029}\u{2060}\u{2061}\u{2066}\u{2067}\u{2068}\
                   \u{2069}\u{3164}\u{feff}\u{ffa0}\u{fff9}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e000}"
        .chars()
    {
        all.push(hidden.to_string());
    }
    all.push(format!("e{}", "\u{301}".repeat(60)));
    for text in [
        "\r\u{1b}[K",
        "\u{8}\u{8}\u{8}",
        "\u{b}\u{c}",
        "\u{7f}",
        "\u{1b}c",
        "\u{1b}7",
        "\u{1b}(0",
    ] {
        all.push(text.to_owned());
    }
    for text in [
        "\u{1b}%G",
        "\u{1b}#8",
        "\u{1b}[",
        "\u{1b}]",
        "\u{1b}",
        "\u{1b}\u{1b}[2J",
    ] {
        all.push(text.to_owned());
    }
    all
}

/// Every twentieth payload; `CHECKRIDE_PAYLOADS=all` takes them all.
fn drawn() -> Vec<String> {
    let whole = std::env::var_os("CHECKRIDE_PAYLOADS").is_some();
    let step = if whole { 1 } else { 20 };
    payloads().into_iter().step_by(step).collect()
}

pub(crate) fn hostile(c: char) -> bool {
    steers(c) && !matches!(c, '\n' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// S16: no payload comes through the one place that makes text harmless, whole or cut in two, and each
/// leaves something to be seen; doing it twice changes nothing.
#[test]
fn no_payload_comes_through() {
    let all = payloads();
    assert!(all.len() >= 200, "{}", all.len());
    for payload in &all {
        let text = format!("a{payload}b");
        for clean in [
            inert(&text).into_owned(),
            inert_lines(&text).into_owned(),
            spelled(text.as_bytes()),
            spelled_line(text.as_bytes()),
            inert(&notes::bullets(&text).collect::<Vec<_>>().join(" ")).into_owned(),
        ] {
            let dirty = clean.chars().find(|c| hostile(*c) && *c != '\t');
            assert_eq!(dirty, None, "{payload:?}: {clean:?}");
        }
        let shown = inert(&text).into_owned();
        assert_eq!(inert(&shown), shown, "{payload:?} twice");
        assert_ne!(shown, "ab", "{payload:?} left no mark");
        for (at, _) in text.char_indices() {
            let (one, two) = text.split_at(at);
            let halves = format!("{}{}", inert(one), inert(two));
            assert_eq!(
                halves.chars().find(|c| hostile(*c)),
                None,
                "{payload:?} at {at}"
            );
        }
    }
}

/// S16: on every page of the cockpit, in names, claims, paths, figures, evidence, notes, errors and
/// refusals.
#[test]
fn no_payload_reaches_a_screen() {
    for payload in drawn() {
        let bad = format!("A{payload}B");
        let mut records = scenes::running();
        records.extend(scenes::hostile(&bad));
        for keys in ["", "cd", "cv", "co", "t", "i", "q"] {
            let mut cockpit = Cockpit::new(&records, (120, 36));
            cockpit.keys(keys);
            let text = cockpit.text("terminal");
            let dirty = text.chars().find(|c| hostile(*c));
            assert_eq!(dirty, None, "{payload:?} after «{keys}»:\n{text}");
            assert_eq!(text.lines().count(), 36, "{payload:?} after «{keys}»");
        }
    }
}
