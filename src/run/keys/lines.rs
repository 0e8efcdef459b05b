//! Private keys whose lines come one by one, as programs print them.

use super::{find, is_base64, is_encoded, is_header, opens_block};

/// A private key that comes line by line, each a text of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Block {
    /// None was begun.
    #[default]
    Closed,
    /// Its first line has come, and perhaps what stands before the key.
    Begun,
    /// Lines of the key have come.
    Open,
}

impl Block {
    /// Whether this text, which comes after those that were looked at, is a line of the key itself.
    ///
    /// As within one text, what follows a first line is never taken for a key unread.
    pub fn holds(&mut self, text: &str) -> bool {
        let last = text.trim_end().lines().next_back().unwrap_or_default();
        if opens_block(last) && find(last).is_empty() {
            *self = Self::Begun;
            return false;
        }
        let word = text
            .trim()
            .trim_matches(['"', '\'', ',', '+', '-', '>', '|', ' ']);
        let bytes = word.as_bytes();
        let first = bytes.split(|b| *b == b' ').next().unwrap_or_default();
        let letters = !bytes.is_empty() && bytes.iter().all(|b| is_base64(*b));
        let (held, next) = match self {
            Self::Begun | Self::Open if is_encoded(bytes) => (true, Self::Open),
            Self::Begun if bytes.is_empty() || is_header(first) => (false, Self::Begun),
            // The last line is shorter than the others.
            Self::Open => (letters, Self::Closed),
            Self::Closed | Self::Begun => (false, Self::Closed),
        };
        *self = next;
        held
    }
}

/// What stands in the place of a line of one.
pub const HIDDEN: &str = "⟪private key⟫";

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters as a line of a key has them, made up here so that no file of this repository holds one.
    fn key() -> String {
        let all: Vec<char> = "aB3dE5gH7jK9mNpQrS2tUvWxYz".chars().collect();
        (0..64).map(|i| all[i * 7 % all.len()]).collect()
    }

    /// S22: a private key is hidden line by line, with headers and its short last line; what follows is not, nor is
    /// code below a first line alone.
    #[test]
    fn a_private_key_is_seen_line_by_line() {
        let held = |lines: &[&str]| -> String {
            let mut block = Block::default();
            let mark = |line: &&str| if block.holds(line) { '#' } else { '.' };
            lines.iter().map(mark).collect()
        };
        let begin = concat!("-----BEGIN RSA ", "PRIVATE KEY-----");
        let end = concat!("-----END RSA ", "PRIVATE KEY-----");
        let (line, short) = (key(), "aB3d==");
        let quoted = format!("  \"{line}\",");
        let (line, quoted) = (line.as_str(), quoted.as_str());
        assert_eq!(held(&[begin, line, quoted, short, end, line]), ".###..");
        assert_eq!(
            held(&[begin, "Proc-Type: 4,ENCRYPTED", "", line, end]),
            "...#."
        );
        assert_eq!(held(&["key:", begin, "exit 0", line]), "....");
        assert_eq!(held(&[begin, line, "rm -rf x", line]), ".#..");
        assert_eq!(held(&[line, short, "words"]), "...");
    }
}
