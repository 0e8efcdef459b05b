//! The forms that a secret takes in a text, and finding all of them, or long pieces of them, in one pass.
//! Pure. What is a secret, and what stands in its place, is the redactor's.

use std::ops::Range;

/// Letters that makers put before their keys, and that are cut off to hide a key from a search.
const BEGINNING: usize = 7;

/// Fewest letters in a row of a secret that are hidden, where all but its beginning is no longer.
const SHORT_PIECE: usize = 12;

/// Letters in a row of any secret that are hidden. Beginnings that all keys of a maker share, such as
/// `github_pat_11`, are shorter.
const PIECE: usize = 16;

/// Fewest letters at the end of a cut text that give the beginning of a secret away.
const TELLING: usize = 4;

/// Bytes by which a place is found first.
const GRAM: usize = 4;

/// A text is looked at in every fourth place: of any eight bytes in a row one such place holds a gram.
const STRIDE: usize = 4;

/// Bits of the first look at a gram.
const BITS: usize = 1 << 14;

/// One form of a secret.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) text: String,
    /// What stands in its place.
    pub(super) mark: String,
    /// Fewest bytes of it in a row that are hidden.
    least: usize,
    /// Fewest bytes at the end of a cut text that are hidden.
    telling: usize,
}

impl Form {
    /// How much of this form a text ends with, where that is its beginning.
    pub(super) fn begun_at_end_of(&self, text: &str) -> Option<usize> {
        let most = self.text.len().min(text.len() + 1);
        (self.telling..most).rev().find(|&length| {
            let begin = self.text.get(..length);
            begin.is_some_and(|begin| text.ends_with(begin))
        })
    }
}

/// Every form of a value. Of one that is the path of a file no piece is hidden, since other paths
/// share it.
pub(super) fn of(value: &str, mark: &str) -> Vec<Form> {
    let is_path = value.starts_with(['/', '~', '.']);
    let letters = value.len();
    let rest = letters.saturating_sub(BEGINNING);
    let piece = if is_path {
        letters
    } else {
        rest.clamp(SHORT_PIECE, PIECE).min(letters)
    };
    let escaped = escaped(value);
    let slashes = escaped.replace('/', "\\/");
    let mut texts = vec![value.to_owned(), escaped, slashes];
    for upper in [true, false] {
        texts.push(percent_encoded(value, upper));
        texts.extend(["", " ", ":", "-", ", "].map(|between| hex(value, upper, between)));
        texts
            .extend(["%", "\\x", "0x", ", 0x", " 0x"].map(|before| prefixed(value, upper, before)));
        texts.push(grouped(value, upper));
        texts.push(in_ascii(value, upper));
    }
    texts.extend(base64(value));
    let form = |text: String| Form {
        least: (text.len() * piece).div_ceil(letters),
        telling: (text.len() * TELLING).div_ceil(letters),
        mark: mark.to_owned(),
        text,
    };
    texts.into_iter().map(form).collect()
}

/// Where the grams of all forms stand.
#[derive(Clone, Default)]
pub(super) struct Finder {
    /// A bit for each gram that is in some form, by its digest.
    seen: Vec<u64>,
    /// Each gram, the form that has it, and where.
    grams: Vec<([u8; GRAM], usize, usize)>,
}

impl Finder {
    pub(super) fn new(forms: &[Form]) -> Self {
        let mut seen = vec![0; BITS / 64];
        let mut grams = Vec::new();
        for (index, form) in forms.iter().enumerate() {
            for (at, gram) in form.text.as_bytes().windows(GRAM).enumerate() {
                let Some(gram) = gram.first_chunk() else {
                    continue;
                };
                let bit = digest(*gram);
                if let Some(row) = seen.get_mut(bit / 64) {
                    *row |= 1 << (bit % 64);
                }
                grams.push((*gram, index, at));
            }
        }
        grams.sort_unstable();
        Self { seen, grams }
    }

    /// The next place from here on that must be hidden, and the form that stands there: of those that
    /// meet in it, the longest.
    pub(super) fn next<'a>(
        &self,
        forms: &'a [Form],
        text: &str,
        from: usize,
    ) -> Option<(Range<usize>, &'a Form)> {
        if forms.is_empty() {
            return None;
        }
        let bytes = text.as_bytes();
        let mut at = from;
        while let Some(gram) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            if self.may_hold(*gram)
                && let Some((place, form)) = self.longest(forms, text, from, (at, *gram))
            {
                return Some((place, form));
            }
            at += STRIDE;
        }
        None
    }

    fn may_hold(&self, gram: [u8; GRAM]) -> bool {
        let bit = digest(gram);
        let row = self.seen.get(bit / 64);
        row.is_some_and(|row| row >> (bit % 64) & 1 == 1)
    }

    /// The longest piece of a form around this gram of the text.
    fn longest<'a>(
        &self,
        forms: &'a [Form],
        text: &str,
        from: usize,
        (at, gram): (usize, [u8; GRAM]),
    ) -> Option<(Range<usize>, &'a Form)> {
        let first = self.grams.partition_point(|(known, ..)| *known < gram);
        let same = self.grams.get(first..)?.iter();
        let same = same.take_while(|(known, ..)| *known == gram);
        let bytes = text.as_bytes().get(from..)?;
        let pieces = same.filter_map(|&(_, index, there)| {
            let form = forms.get(index)?;
            let piece = piece(bytes, at - from, (form, there))?;
            Some((
                whole_letters(text, from + piece.start..from + piece.end),
                form,
            ))
        });
        pieces.max_by_key(|(place, _)| place.len())
    }
}

/// What of a form stands around this place, where it is long enough to be hidden.
fn piece(bytes: &[u8], at: usize, (form, there): (&Form, usize)) -> Option<Range<usize>> {
    let (before, after) = bytes.split_at_checked(at)?;
    let (ours, theirs) = form.text.as_bytes().split_at_checked(there)?;
    let back = before.iter().rev().zip(ours.iter().rev());
    let back = back.take_while(|(a, b)| a == b).count();
    let on = after.iter().zip(theirs);
    let on = on.take_while(|(a, b)| a == b).count();
    (back + on >= form.least).then_some(at - back..at + on)
}

/// A piece may begin or end within a letter of several bytes, which goes as a whole.
fn whole_letters(text: &str, mut place: Range<usize>) -> Range<usize> {
    while !text.is_char_boundary(place.start) {
        place.start -= 1;
    }
    while !text.is_char_boundary(place.end) {
        place.end += 1;
    }
    place
}

fn digest(gram: [u8; GRAM]) -> usize {
    let mixed = u32::from_le_bytes(gram).wrapping_mul(0x9E37_79B1);
    mixed as usize >> 18 & (BITS - 1)
}

/// As in an address: everything but letters, digits and `-_.~` as `%2F` or `%2f`.
fn percent_encoded(text: &str, upper: bool) -> String {
    let each = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte if upper => format!("%{byte:02X}"),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(each).collect()
}

fn hex(text: &str, upper: bool, between: &str) -> String {
    let each = |byte: u8| {
        if upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        }
    };
    text.bytes().map(each).collect::<Vec<_>>().join(between)
}

/// Every byte in hex behind this: `%64%65`, `\\x64\\x65`.
fn prefixed(text: &str, upper: bool, before: &str) -> String {
    format!("{before}{}", hex(text, upper, before))
}

/// In hex as dumps print it, two bytes together.
fn grouped(text: &str, upper: bool) -> String {
    let hex = hex(text, upper, "");
    let pairs = hex.as_bytes().chunks(4).map(String::from_utf8_lossy);
    pairs.collect::<Vec<_>>().join(" ")
}

/// As it stands within a string of JSON that is ASCII alone.
fn in_ascii(text: &str, upper: bool) -> String {
    let each = |unit: u16| match u8::try_from(unit) {
        Ok(plain) if plain.is_ascii() => escaped(&char::from(plain).to_string()),
        Ok(_) | Err(_) if upper => format!("\\u{unit:04X}"),
        Ok(_) | Err(_) => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(each).collect()
}

/// As it stands within a string of JSON.
fn escaped(text: &str) -> String {
    let each = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(each).collect()
}

/// What of a text stands in any base64 that holds it: one form for each place in a group of three
/// bytes, without the letters that depend on what is around, in both alphabets.
fn base64(text: &str) -> impl Iterator<Item = String> {
    let bits = |byte: u8| (0..8).rev().map(move |bit| byte >> bit & 1);
    let bits: Vec<u8> = text.bytes().flat_map(bits).collect();
    let forms = (0..3_usize).map(move |before| {
        // Letters hold six bits; the first whole one begins where the text's bits meet that grid.
        let skip = (6 - before * 8 % 6) % 6;
        let whole = bits.get(skip..).unwrap_or_default().chunks_exact(6);
        let letters = whole.map(|six| six.iter().fold(0, |n, bit| n << 1 | bit));
        letters.map(letter).collect::<String>()
    });
    forms.flat_map(|form| [form.replace('+', "-").replace('/', "_"), form])
}

fn letter(six: u8) -> char {
    char::from(match six {
        0..=25 => b'A' + six,
        26..=51 => b'a' + six - 26,
        52..=61 => b'0' + six - 52,
        62 => b'+',
        _ => b'/',
    })
}
