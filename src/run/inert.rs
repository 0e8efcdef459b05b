//! Inert text: what others wrote, made harmless before it is stored, shown or quoted. Prose gets marks
//! (`inert`), what is agreed to byte by byte is spelled out (`spelled`).
//! Pure; the only place that says which characters hide.

use std::borrow::Cow;
use std::fmt::Write;

/// Most combining marks that one letter keeps; more of them would draw over other rows.
const MOST_MARKS: usize = 4;

/// One line of text without anything that steers a terminal, hides or reorders.
///
/// | in | out |
/// |---|---|
/// | tab | two blanks |
/// | carriage returns at the end | nothing |
/// | escape sequences (CSI, OSC, DCS, APC, PM, SOS, two-byte ones; from ESC or C1) | `␛`, their text dropped up to their end or the end of the line |
/// | C0 controls, DEL | their pictures `␀` … `␡` |
/// | line feed | `␊`: a line is one line |
/// | C1 controls that begin nothing | `⟨U+0085⟩` |
/// | bidi controls U+061C, U+200E–F, U+202A–E, U+2066–9 | `⟨U+202E⟩` |
/// | zero-width and invisible U+00AD, U+034F, U+115F–60, U+17B4–5, U+180B–F, U+200B–C, U+2060–5, U+206A–F, U+2800, U+3164, U+FEFF, U+FFA0, U+FFF0–B, U+13430–40, U+16FE4, U+1BCA0–3, U+1D159, U+1D173–A | the same way |
/// | line and paragraph separators U+2028–9 | the same way |
/// | tags and selectors U+E0000–E0FFF, private use, non-characters | the same way |
/// | zero-width joiner U+200D, selectors U+FE0E–F | kept once after an emoji or symbol, else the same way |
/// | other selectors U+FE00–D | the same way |
/// | more than four combining marks in a row | the first four |
///
/// Plain text comes back as it is, without a copy. The answer of an answer is itself.
pub fn inert(line: &str) -> Cow<'_, str> {
    if is_plain(line) {
        return Cow::Borrowed(line);
    }
    let line = line.trim_end_matches('\r');
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line.chars();
    let mut marks = 0;
    let mut last = ' ';
    while let Some(c) = rest.next() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        match c {
            '\t' => out.push_str("  "),
            '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}' => {
                out.push('␛');
                skip_sequence(c, &mut rest);
            }
            '\0'..='\u{1f}' | '\u{7f}' => out.push(picture(c)),
            _ if is_joined(c, last) => out.push(c),
            _ if is_marked(c) => name(c, &mut out),
            _ if marks > MOST_MARKS => {}
            _ => out.push(c),
        }
        last = c;
    }
    Cow::Owned(out)
}

/// Several lines, each made inert; line feeds stay, carriage returns before them go.
pub fn inert_lines(text: &str) -> Cow<'_, str> {
    if text.split('\n').all(is_plain) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(inert).collect();
    Cow::Owned(lines.join("\n"))
}

/// Bytes as text in which nothing is left out: line feeds and tabs stay, broken UTF-8 becomes `\xNN`,
/// what steers a terminal, hides or reorders becomes `\u{NN}`, and so do more than four combining marks in a row.
///
/// For what a person agrees to as it stands: patches, artefacts, names of files.
pub fn spelled(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut last = ' ';
    let mut marks = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            marks = if is_combining(c) { marks + 1 } else { 0 };
            match c {
                '\n' | '\t' => text.push(c),
                c if marks > MOST_MARKS => text.extend(c.escape_unicode()),
                c if steers(c) || is_hidden(c, last) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
            last = c;
        }
        for byte in chunk.invalid() {
            // Writing into a string cannot fail.
            let _written = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// As `spelled`, on one line: line feeds and tabs are spelled out too.
pub fn spelled_line(bytes: &[u8]) -> String {
    spelled(bytes)
        .replace('\n', "\\u{a}")
        .replace('\t', "\\u{9}")
}

/// JSON with each character that steers or hides as a `\u` escape, which means the same: JSON by itself
/// leaves DEL, C1 controls and invisible characters as they are.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut last = ' ';
    for c in json.chars() {
        if c != '\n' && (steers(c) || is_hidden(c, last)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _written = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
        last = c;
    }
    out
}

/// Whether a character may steer a terminal, hide or reorder other text.
pub fn steers(c: char) -> bool {
    c.is_control() || hides(c)
}

/// Whether nobody sees this character where it stands, after `last`: it steers, hides or reorders, or it
/// is a selector that belongs to no emoji.
pub fn is_hidden(c: char, last: char) -> bool {
    (steers(c) || matches!(c, '\u{fe00}'..='\u{fe0f}')) && !is_joined(c, last)
}

/// How many characters of a text nobody sees; tabs and the ends of lines are none of them.
pub fn count_hidden(text: &str) -> u64 {
    let mut last = ' ';
    let mut hidden = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = matches!(c, '\n' | '\t') || c == '\r' && chars.peek() == Some(&'\n');
        hidden += u64::from(!plain && is_hidden(c, last));
        last = c;
    }
    hidden
}

/// The first `most` characters of a text, with `…` where something was cut.
pub fn cut(text: &str, most: usize) -> String {
    if text.char_indices().nth(most).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

/// The first `most` bytes of a text, or a few less so that no character is cut.
pub fn head(text: &str, most: usize) -> &str {
    let mut ends = (0..=most.min(text.len())).rev();
    let end = ends.find(|&i| text.is_char_boundary(i));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// The last `most` bytes of a text, or a few less so that no character is cut.
pub fn tail(text: &str, most: usize) -> &str {
    let mut starts = text.len().saturating_sub(most)..=text.len();
    let start = starts.find(|&i| text.is_char_boundary(i));
    text.get(start.unwrap_or(0)..).unwrap_or_default()
}

fn is_plain(line: &str) -> bool {
    line.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Drops what belongs to a sequence; an unfinished one takes the rest of the line with it.
fn skip_sequence(first: char, rest: &mut std::str::Chars<'_>) {
    let kind = match first {
        '\u{1b}' => match peek(rest) {
            Some(kind @ ('[' | ']' | 'P' | 'X' | '^' | '_')) => {
                rest.next();
                kind
            }
            Some(' '..='/') => {
                // Two-byte sequences with a prefix: charset choice and the like.
                while matches!(peek(rest), Some(' '..='/')) {
                    rest.next();
                }
                rest.next();
                return;
            }
            Some('0'..='~') => {
                rest.next();
                return;
            }
            Some(_) | None => return,
        },
        '\u{9b}' => '[',
        _ => ']',
    };
    if kind == '[' {
        // A character that cannot belong to it ends it, and is shown.
        while matches!(peek(rest), Some(' '..='?')) {
            rest.next();
        }
        if matches!(peek(rest), Some('@'..='~')) {
            rest.next();
        }
    } else {
        skip_string(rest);
    }
}

/// A string sequence ends with BEL, ST or ESC \.
fn skip_string(rest: &mut std::str::Chars<'_>) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                if peek(rest) == Some('\\') {
                    rest.next();
                }
                return;
            }
            _ => {}
        }
    }
}

fn peek(rest: &std::str::Chars<'_>) -> Option<char> {
    rest.clone().next()
}

fn picture(control: char) -> char {
    match control {
        '\u{7f}' => '␡',
        _ => char::from_u32(0x2400 + u32::from(control)).unwrap_or('␣'),
    }
}

fn name(c: char, out: &mut String) {
    // Writing into a string cannot fail.
    let _written = write!(out, "⟨U+{:04X}⟩", u32::from(c));
}

/// Emoji are built of several characters; between letters, or one after the other, these only hide
/// something.
pub fn is_joined(c: char, last: char) -> bool {
    let picture = matches!(last, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    match c {
        '\u{200d}' => picture || last == '\u{fe0f}',
        // A figure becomes a keycap; joined to nothing it would be another name that looks the same.
        '\u{fe0e}' | '\u{fe0f}' => picture || matches!(last, '#' | '*' | '0'..='9'),
        _ => false,
    }
}

/// What prose gets a mark for: what hides, and what no font can be trusted to show.
fn is_marked(c: char) -> bool {
    hides(c)
        || matches!(c,
            '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fffe}' | '\u{ffff}' | '\u{e1000}'..='\u{10ffff}')
}

/// Characters without a look of their own, which hide or reorder others (UAX #9, UTS #39): all that
/// `Default_Ignorable_Code_Point` names but the selectors, all of category Cf but the marks that Arabic,
/// Syriac and Kaithi write before a number, and four blanks.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{13440}' | '\u{16fe4}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn is_combining(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// S16: each way to steer a terminal or to hide leaves a visible mark and nothing else.
    #[test]
    fn hostile_text_leaves_a_visible_mark() {
        let table = [
            ("\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m", "␛␛red␛"),
            ("\u{1b}]0;title\u{7}after", "␛after"),
            ("\u{1b}]52;c;cm0=\u{1b}\\after", "␛after"),
            ("\u{1b}Pq#0\u{9c}x", "␛x"),
            ("\u{9b}31mred", "␛red"),
            ("a\u{1b}]8;;unfinished", "a␛"),
            ("\u{1b}(Bx\u{1b}cy", "␛x␛y"),
            ("a\rb\u{8}\u{0}\u{7f}\r", "a␍b␈␀␡"),
            ("a\nb\tc", "a␊b  c"),
            ("\u{202e}gpj.exe", "⟨U+202E⟩gpj.exe"),
            (
                "pay\u{200b}pal \u{feff}\u{e0041}",
                "pay⟨U+200B⟩pal ⟨U+FEFF⟩⟨U+E0041⟩",
            ),
            (
                "a\u{200d}b 👩\u{200d}💻 ❤\u{fe0f}",
                "a⟨U+200D⟩b 👩\u{200d}💻 ❤\u{fe0f}",
            ),
            ("\u{2028}\u{85}", "⟨U+2028⟩⟨U+0085⟩"),
            ("Grüße, 世界", "Grüße, 世界"),
        ];
        for (hostile, wanted) in table {
            assert_eq!(inert(hostile), wanted, "{hostile:?}");
        }
        let zalgo = format!("a{}", "\u{301}".repeat(60));
        assert_eq!(inert(&zalgo).chars().count(), 5);
        assert_eq!(inert_lines("a\r\nb\u{1b}[K\n"), "a\nb␛\n");
    }

    /// Nothing that a person agrees to is left out: it stands there or is spelled out.
    #[test]
    fn hostile_bytes_are_spelled_out() {
        assert_eq!(spelled(b"a\x1b[2Jb\n\tc"), "a\\u{1b}[2Jb\n\tc");
        assert_eq!(spelled(b"caf\xe9"), "caf\\xe9");
        let hidden = "x\u{202e}y\u{85} \u{3164}ä";
        assert_eq!(spelled(hidden.as_bytes()), "x\\u{202e}y\\u{85} \\u{3164}ä");
        assert_eq!(spelled_line(b"a\nb"), "a\\u{a}b");
        let zalgo = spelled(format!("a{}", "\u{301}".repeat(6)).as_bytes());
        assert_eq!(
            zalgo,
            format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(4))
        );
    }

    /// What hides is counted where it hides; selectors in a row carry data, those of an emoji do not.
    #[test]
    fn hidden_characters_are_counted() {
        assert_eq!(
            count_hidden("a\tb\r\nc ❤\u{fe0f} 👩\u{200d}💻 1\u{fe0f}"),
            0
        );
        assert_eq!(count_hidden("a\u{200b}b\rc\u{e0041} a1\u{200d}"), 4);
        assert_eq!(count_hidden("❤\u{fe0f}\u{fe0f}\u{fe01}a\u{fe0f}"), 3);
        assert_eq!(
            spelled("a\u{fe01}❤\u{fe0f}".as_bytes()),
            "a\\u{fe01}❤\u{fe0f}"
        );
        assert_eq!(inert("😀\u{fe0f}\u{fe0f}"), "😀\u{fe0f}⟨U+FE0F⟩");
    }

    /// All of `Default_Ignorable_Code_Point` and of category Cf (Unicode 16, `DerivedCoreProperties.txt` and
    /// `DerivedGeneralCategory.txt`), the marks before a number left out, is seen to hide.
    #[test]
    fn all_that_unicode_shows_as_nothing_is_hidden() {
        let ignorable = [
            ('\u{ad}', '\u{ad}'),
            ('\u{34f}', '\u{34f}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{115f}', '\u{1160}'),
            ('\u{17b4}', '\u{17b5}'),
            ('\u{180b}', '\u{180f}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{202a}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{3164}', '\u{3164}'),
            ('\u{fe00}', '\u{fe0f}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{ffa0}', '\u{ffa0}'),
            ('\u{fff0}', '\u{fff8}'),
            ('\u{fff9}', '\u{fffb}'),
            ('\u{13430}', '\u{1343f}'),
            ('\u{1bca0}', '\u{1bca3}'),
            ('\u{1d173}', '\u{1d17a}'),
            ('\u{e0000}', '\u{e0fff}'),
        ];
        for c in ignorable.into_iter().flat_map(|(from, to)| from..=to) {
            let text = format!("a{c}b");
            assert_eq!(count_hidden(&text), 1, "{c:?}");
            assert!(!inert(&text).contains(c), "{c:?}");
            assert!(!spelled(text.as_bytes()).contains(c), "{c:?}");
        }
        assert_eq!(count_hidden("\u{600}\u{6dd}\u{70f}"), 0);
    }

    /// JSON says the same, in characters that are seen.
    #[test]
    fn json_is_escaped() {
        let text = "\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}é\u{fe01}";
        let json = escaped(&serde_json::to_string(text).unwrap());
        assert!(!json.chars().any(|c| is_hidden(c, ' ')), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    /// Cuts fall between characters.
    #[test]
    fn no_character_is_cut() {
        assert_eq!((head("aü", 2), tail("üa", 2)), ("a", "a"));
        assert_eq!((head("aü", 9), tail("üa", 9)), ("aü", "üa"));
        assert_eq!((cut("aüb", 2), cut("aü", 2)), ("a…".into(), "aü".into()));
    }

    /// Plain text is not copied.
    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(inert("cargo test: 3 passed"), Cow::Borrowed(_)));
        assert!(matches!(inert_lines("one\ntwo"), Cow::Borrowed(_)));
    }

    proptest! {
        /// S16: whatever comes in, no control and nothing hidden comes out, and twice is once.
        #[test]
        fn nothing_active_comes_out(text in "(\\PC|\\p{C}|\u{1b}|\u{9b}|[\\[\\]0-9;m]){0,40}") {
            let once = inert(&text).into_owned();
            prop_assert!(once.chars().all(|c| !c.is_control()));
            prop_assert_eq!(inert(&once), once.as_str());
        }
    }
}
