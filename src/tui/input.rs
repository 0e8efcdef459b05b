//! What the bytes of a keyboard mean: keys, pasted text, attention. Pure; bytes may be cut anywhere.
//! What is not understood is dropped whole: no part of it may pass for a key. When more bytes come
//! is `keyboard.rs`, what a key does `keymap.rs`.

use super::keymap::Key;

/// What the operator's side of the terminal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A key.
    Key(Key),
    /// Pasted text; its lines end with `\n`.
    Paste(String),
    /// Attention came or went.
    Focus(bool),
}

const ESC: u8 = 0x1b;
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Longest paste that is taken, in bytes; of a longer one nothing is.
const LONGEST_PASTE: usize = 8 << 20;

/// Longest sequence that can mean something, in bytes.
const LONGEST_SEQUENCE: usize = 256;

/// Reads bytes in any portions.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of something that has not wholly come.
    pending: Vec<u8>,
    /// The text of a paste whose end has not come.
    paste: Option<Vec<u8>>,
    /// Whether that paste is longer than any that is taken.
    flooded: bool,
}

/// What stands first in some bytes, and how many of them it takes.
enum First {
    Heard(usize, Heard),
    Pasted(usize),
    Meaningless(usize),
    Incomplete,
}

impl Reader {
    /// Takes bytes in; what they complete, in order.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.pending.extend_from_slice(bytes);
        loop {
            if let Some(text) = &mut self.paste {
                let from = text.len().saturating_sub(PASTE_ENDS.len());
                text.append(&mut self.pending);
                let Some(end) = position(text, PASTE_ENDS, from) else {
                    if text.len() > LONGEST_PASTE {
                        self.flooded = true;
                        text.drain(..text.len() - PASTE_ENDS.len());
                    }
                    return heard;
                };
                self.pending = text.split_off(end + PASTE_ENDS.len());
                text.truncate(end);
                if !std::mem::take(&mut self.flooded) {
                    heard.push(Heard::Paste(lines(text)));
                }
                self.paste = None;
            }
            if !self.read_keys(&mut heard) {
                return heard;
            }
        }
    }

    /// Reads up to the beginning of a paste; whether there is one.
    fn read_keys(&mut self, heard: &mut Vec<Heard>) -> bool {
        let mut at = 0;
        let mut pasting = false;
        while let Some(rest) = self.pending.get(at..).filter(|rest| !rest.is_empty()) {
            match first(rest) {
                First::Heard(taken, one) => {
                    heard.push(one);
                    at += taken;
                }
                First::Meaningless(taken) => at += taken,
                First::Pasted(taken) => {
                    at += taken;
                    pasting = true;
                    break;
                }
                First::Incomplete if rest.len() > LONGEST_SEQUENCE => at += rest.len(),
                First::Incomplete => break,
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
        if pasting {
            self.paste = Some(Vec::new());
        }
        pasting
    }

    /// Whether an Esc waits that is a key of its own unless more follows at once.
    pub fn is_torn(&self) -> bool {
        self.pending == [ESC]
    }

    /// Nothing more has followed: the Esc that waits was the key.
    pub fn settle(&mut self) -> Option<Heard> {
        let torn = self.is_torn();
        if torn {
            self.pending.clear();
        }
        torn.then_some(Heard::Key(Key::Esc))
    }
}

fn position(text: &[u8], word: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let at = rest.windows(word.len()).position(|part| part == word)?;
    Some(from + at)
}

/// Many terminals end the lines of a paste as the Enter key does.
fn lines(pasted: &[u8]) -> String {
    let text = String::from_utf8_lossy(pasted);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What stands first; `bytes` has at least one.
fn first(bytes: &[u8]) -> First {
    match bytes {
        [ESC, rest @ ..] => escape(rest),
        _ => match character(bytes) {
            Ok((taken, c)) => First::Heard(taken, Heard::Key(plain(c))),
            Err(first) => first,
        },
    }
}

/// The first character, or what its bytes are instead.
fn character(bytes: &[u8]) -> Result<(usize, char), First> {
    let few = bytes.get(..4).unwrap_or(bytes);
    let (valid, wrong) = match std::str::from_utf8(few) {
        Ok(text) => (text, None),
        Err(e) => {
            let (valid, _) = few.split_at(e.valid_up_to());
            (std::str::from_utf8(valid).unwrap_or_default(), Some(e))
        }
    };
    match (valid.chars().next(), wrong.map(|e| e.error_len())) {
        (Some(c), _) => Ok((c.len_utf8(), c)),
        (None, Some(Some(len))) => Err(First::Meaningless(len)),
        (None, Some(None) | None) => Err(First::Incomplete),
    }
}

/// A character as a keyboard without any mode sends it.
fn plain(c: char) -> Key {
    let ctrl = |from: char, base: u8| {
        let offset = u32::from(c) - u32::from(from);
        Key::Ctrl(char::from_u32(u32::from(base) + offset).unwrap_or(c))
    };
    match c {
        '\r' => Key::Enter,
        '\t' => Key::Tab,
        '\x7f' => Key::Backspace,
        '\0' => Key::Ctrl(' '),
        '\x01'..='\x1a' => ctrl('\x01', b'a'),
        '\x1c'..='\x1f' => ctrl('\x1c', b'4'),
        c => Key::Char(c),
    }
}

/// What follows an Esc.
fn escape(rest: &[u8]) -> First {
    match rest {
        [] | [b'O'] => First::Incomplete,
        [b'[', rest @ ..] => sequence(rest),
        [b'O', last, ..] => told(3, cursor(*last).map(Heard::Key)),
        [ESC, ..] => First::Heard(1, Heard::Key(Key::Esc)),
        // A key with Alt means nothing here.
        _ => match character(rest) {
            Ok((taken, _)) | Err(First::Meaningless(taken)) => First::Meaningless(taken + 1),
            Err(other) => other,
        },
    }
}

fn told(taken: usize, heard: Option<Heard>) -> First {
    match heard {
        Some(heard) => First::Heard(taken, heard),
        None => First::Meaningless(taken),
    }
}

/// What follows `ESC [`: parameters, then one byte that ends it.
fn sequence(rest: &[u8]) -> First {
    const INTRODUCER: usize = 2;
    if let [b'[', last @ ..] = rest {
        // The Linux console's function keys.
        return match last {
            [] => First::Incomplete,
            _ => First::Meaningless(INTRODUCER + 2),
        };
    }
    let is_part = |b: &u8| (0x20..=0x3f).contains(b);
    let len = rest.iter().take_while(|b| is_part(b)).count();
    let (parameters, last) = (rest.get(..len).unwrap_or(rest), rest.get(len));
    let taken = INTRODUCER + len + 1;
    match (parameters, last) {
        (_, None) => First::Incomplete,
        (b"200", Some(b'~')) => First::Pasted(taken),
        // The oldest report of a mouse has three bytes more, and they can look like letters.
        (b"", Some(b'M')) if rest.len() < 4 => First::Incomplete,
        (b"", Some(b'M')) => First::Meaningless(taken + 3),
        (_, Some(last @ 0x40..=0x7e)) => told(taken, meaning(parameters, *last)),
        // Broken off: what broke it off is read for itself.
        (_, Some(_)) => First::Meaningless(taken - 1),
    }
}

/// What a whole sequence says.
fn meaning(parameters: &[u8], last: u8) -> Option<Heard> {
    let parameters = std::str::from_utf8(parameters).ok()?;
    let mut fields = parameters.split(';').map(|field| {
        let mut parts = field.split(':').map(|part| part.parse::<u32>().ok());
        (parts.next().flatten(), parts.next().flatten())
    });
    let (first, shifted) = fields.next().unwrap_or_default();
    let (held, kind) = fields.next().unwrap_or_default();
    let held = Held::new(held, kind)?;
    let key = match (last, first) {
        (b'I', None) => return Some(Heard::Focus(true)),
        (b'O', None) => return Some(Heard::Focus(false)),
        (b'Z', None | Some(1)) => Key::BackTab,
        (b'A' | b'B' | b'C' | b'D' | b'F' | b'H', None | Some(1)) => cursor(last)?,
        (b'~', Some(1 | 7)) => Key::Home,
        (b'~', Some(3)) => Key::Delete,
        (b'~', Some(4 | 8)) => Key::End,
        (b'~', Some(5)) => Key::PageUp,
        (b'~', Some(6)) => Key::PageDown,
        (b'~', Some(27)) => numbered(fields.next()?.0?, None, held)?,
        (b'u', Some(code)) => numbered(code, shifted, held)?,
        _ => return None,
    };
    Some(Heard::Key(key))
}

/// The keys that are held with another one.
#[derive(Clone, Copy)]
struct Held {
    shift: bool,
    ctrl: bool,
}

impl Held {
    /// `None` where the key means nothing: it is let go, or held with Alt or a system key.
    fn new(modifiers: Option<u32>, kind: Option<u32>) -> Option<Self> {
        const SHIFT: u32 = 1;
        const CTRL: u32 = 4;
        const LOCKS: u32 = 64 | 128;
        const RELEASED: u32 = 3;
        let bits = modifiers.unwrap_or(1).saturating_sub(1);
        let others = bits & !(SHIFT | CTRL | LOCKS);
        (others == 0 && kind != Some(RELEASED)).then_some(Self {
            shift: bits & SHIFT > 0,
            ctrl: bits & CTRL > 0,
        })
    }
}

/// A key that is sent by its number, as terminals do whose keyboard mode an earlier program changed.
fn numbered(code: u32, shifted: Option<u32>, held: Held) -> Option<Key> {
    /// The numbers that stand for keys without a character.
    const FUNCTIONAL: std::ops::RangeInclusive<u32> = 0xe000..=0xf8ff;
    const KEYPAD_ENTER: u32 = 57_414;
    if code == KEYPAD_ENTER {
        return Some(Key::Enter);
    }
    let c = char::from_u32(code).filter(|_| !FUNCTIONAL.contains(&code))?;
    Some(match c {
        '\x1b' => Key::Esc,
        '\t' if held.shift => Key::BackTab,
        '\r' | '\t' | '\x7f' => plain(c),
        c if c.is_control() => return None,
        c if held.ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        c if held.shift => {
            let upper = shifted.and_then(char::from_u32);
            Key::Char(upper.or_else(|| c.to_uppercase().next()).unwrap_or(c))
        }
        c => Key::Char(c),
    })
}

/// The keys that every terminal names by one letter.
fn cursor(letter: u8) -> Option<Key> {
    Some(match letter {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<Heard> {
        Reader::default().feed(bytes)
    }

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let key = |heard| match heard {
            Heard::Key(key) => key,
            Heard::Paste(_) | Heard::Focus(_) => panic!("{heard:?}"),
        };
        read(bytes).into_iter().map(key).collect()
    }

    /// What terminals send for the keys that the cockpit knows, in every form.
    #[test]
    fn keys_are_read_in_every_form() {
        for (bytes, key) in [
            (&b"a"[..], Key::Char('a')),
            ("日".as_bytes(), Key::Char('日')),
            (b"\x03", Key::Ctrl('c')),
            (b"\x1a", Key::Ctrl('z')),
            (b"\n", Key::Ctrl('j')),
            (b"\0", Key::Ctrl(' ')),
            (b"\x1f", Key::Ctrl('7')),
            (b"\r", Key::Enter),
            (b"\t", Key::Tab),
            (b"\x7f", Key::Backspace),
            (b"\x1b[A", Key::Up),
            (b"\x1bOB", Key::Down),
            (b"\x1b[1;5C", Key::Right),
            (b"\x1b[1;2D", Key::Left),
            (b"\x1b[H", Key::Home),
            (b"\x1b[4~", Key::End),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[5~", Key::PageUp),
            (b"\x1b[6;5~", Key::PageDown),
            (b"\x1b[Z", Key::BackTab),
            (b"\x1b[27u", Key::Esc),
            (b"\x1b[99;5u", Key::Ctrl('c')),
            (b"\x1b[27;5;99~", Key::Ctrl('c')),
            (b"\x1b[97:65;2u", Key::Char('A')),
            (b"\x1b[103;2:1u", Key::Char('G')),
            (b"\x1b[9;2u", Key::BackTab),
            (b"\x1b[97;129u", Key::Char('a')),
        ] {
            assert_eq!(keys(bytes), [key], "{}", bytes.escape_ascii());
        }
    }

    /// Mice, function keys, Alt, a key let go, answers and rubbish mean nothing, to their last byte.
    #[test]
    fn nothing_else_passes_for_a_key() {
        for bytes in [
            &b"\x1b[Maaa"[..],
            b"\x1b[<0;0;0M",
            b"\x1b[0;0R",
            b"\x1b[?62;4c",
            b"\x1b[15~",
            b"\x1b[[A",
            b"\x1bOP",
            b"\x1ba",
            "\x1bä".as_bytes(),
            b"\x1b\r",
            b"\x1b[97;3u",
            b"\x1b[97;1:3u",
            b"\x1b[1;1:3A",
            b"\x1b[57358u",
            b"\x1b[4294967295u",
            b"\x1b[99999999999u",
            b"\x1b[1;99999999999a",
            b"\x1b[2~",
            b"\xff\xc0",
        ] {
            assert_eq!(read(bytes), [], "{}", bytes.escape_ascii());
        }
        // What breaks a sequence off is read for itself.
        assert_eq!(keys(b"\x1b[12\x1b[A"), [Key::Up]);
        assert_eq!(keys(b"\x1b[1\x03"), [Key::Ctrl('c')]);
    }

    /// A lone Esc is a key once nothing follows; before that it may be the first byte of an arrow.
    #[test]
    fn esc_waits_for_what_follows() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed(b"x\x1b"), [Heard::Key(Key::Char('x'))]);
        assert!(reader.is_torn());
        assert_eq!(reader.settle(), Some(Heard::Key(Key::Esc)));
        assert_eq!(reader.settle(), None);
        assert_eq!(reader.feed(b"\x1b"), []);
        assert_eq!(reader.feed(b"[A"), [Heard::Key(Key::Up)]);
        assert_eq!(reader.feed(b"\x1b\x1b"), [Heard::Key(Key::Esc)]);
        assert!(reader.is_torn());
        assert_eq!(reader.feed(b"["), []);
        assert!(!reader.is_torn());
        assert_eq!(reader.settle(), None);
    }

    /// A paste is one thing, with the keys around it; its lines end as lines do.
    #[test]
    fn a_paste_is_text() {
        assert_eq!(
            read(b"a\x1b[200~one\rtwo\r\nthree\x1b[A\x1b[201~b\x1b[I\x1b[O"),
            [
                Heard::Key(Key::Char('a')),
                Heard::Paste("one\ntwo\nthree\x1b[A".to_owned()),
                Heard::Key(Key::Char('b')),
                Heard::Focus(true),
                Heard::Focus(false),
            ]
        );
        assert_eq!(read(b"\x1b[200~aaaa\raaaa"), []);
    }

    /// S15: a paste longer than any is dropped whole and takes no memory; a sequence without end is
    /// no key and ends.
    #[test]
    fn what_never_ends_is_dropped() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed(b"\x1b[200~"), []);
        for _ in 0..=LONGEST_PASTE / (1 << 20) {
            assert_eq!(reader.feed(&vec![b'a'; 1 << 20]), []);
        }
        assert!(
            reader
                .paste
                .as_ref()
                .is_some_and(|text| text.len() <= LONGEST_PASTE)
        );
        let after = [Heard::Key(Key::Char('b'))];
        assert_eq!(reader.feed(b"\x1b[201~b"), after);
        assert_eq!(reader.feed(b"\x1b["), []);
        assert_eq!(reader.feed(&[b'1'; 2 * LONGEST_SEQUENCE]), []);
        assert_eq!(reader.feed(b"b"), after);
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            &b"\x1b"[..],
            b"\x1b[",
            b"\x1b[200~",
            PASTE_ENDS,
            b"\x1b[A",
            b"\x1bO",
            b"\x1b[M",
            b"a",
            b"\r",
            b";1:3",
            b"\xe6\x97",
            b"\xa5",
            b"\xf0",
            b"~",
        ];
        let word = prop_oneof![
            4 => proptest::sample::select(words.to_vec()).prop_map(<[u8]>::to_vec),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        /// Where the bytes are cut makes no difference.
        #[test]
        fn cuts_make_no_difference(bytes in pieces(), cuts in proptest::collection::vec(1_usize..9, 1..9)) {
            let mut reader = Reader::default();
            let (mut rest, mut heard) = (&bytes[..], Vec::new());
            for len in cuts.into_iter().cycle() {
                let (part, later) = rest.split_at(len.min(rest.len()));
                heard.extend(reader.feed(part));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let mut whole = Reader::default();
            prop_assert_eq!(heard, whole.feed(&bytes));
            prop_assert_eq!(reader.settle(), whole.settle());
        }
    }
}
