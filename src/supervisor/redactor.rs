//! The redactor: takes the values of secrets out of text before it is told, kept or sent on.
//! What is a secret is said by whoever reads one; nothing here reads the environment.

use std::borrow::Cow;
use std::fmt;

use crate::run::keys;

/// Shortest value that counts as a secret: local servers are given dummies such as `none`.
const SHORTEST: usize = 8;

/// Letters that makers put before their keys, and that are cut off to hide a key from a search.
const BEGINNING: usize = 7;

/// Fewest letters of a rest that is a secret still.
const LONG_REST: usize = 12;

/// Fewest letters at the end of a cut text that give the beginning of a secret away.
const TELLING: usize = 4;

/// The secrets that must not be told, and what stands in their place.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What is looked for, and its mark; the longest first.
    secrets: Vec<(String, String)>,
    /// Whether what only has the shape of a key is hidden too.
    shapes: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.secrets.iter().map(|(_, mark)| mark);
        f.debug_list().entries(names).finish()
    }
}

impl Redactor {
    /// Hides this value behind `⟪NAME⟫`: as it is, percent-encoded, in base64 wherever it begins
    /// there, and without its first letters. A value of less than 8 bytes is no secret.
    pub fn hide(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if value.len() < SHORTEST {
            return;
        }
        let mark = format!("⟪{name}⟫");
        let cut = value
            .get(BEGINNING..)
            .filter(|rest| rest.len() >= LONG_REST);
        let forms = [value.to_owned(), percent_encoded(value)];
        let forms = forms
            .into_iter()
            .chain(cut.map(str::to_owned))
            .chain(base64(value));
        for form in forms {
            if !self.secrets.iter().any(|(known, _)| *known == form) {
                self.secrets.push((form, mark.clone()));
            }
        }
        self.secrets
            .sort_by_key(|(value, _)| usize::MAX - value.len());
    }

    /// The same, and hides whatever has the shape of a key: for texts that are kept and shown. What
    /// a model hands over to be carried out keeps its bytes, so that nothing is written wrongly.
    #[must_use]
    pub fn with_shapes(self) -> Self {
        Self {
            shapes: true,
            ..self
        }
    }

    /// The text without any secret; what has none comes back without a copy.
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for (value, mark) in &self.secrets {
            if clean.contains(value) {
                clean = Cow::Owned(clean.replace(value, mark));
            }
        }
        if self.shapes
            && let Cow::Owned(hidden) = keys::hidden(&clean)
        {
            return Cow::Owned(hidden);
        }
        clean
    }

    /// Whether an edit of what was shown of a text has left the mark of a secret in the secret's place.
    pub fn left_marks(&self, stood: &str, edited: &str) -> bool {
        let marks = |text: &str| text.matches('⟪').count();
        self.clean(stood) != stood && marks(edited) > marks(stood)
    }

    /// [`Self::clean`] for a text that was cut at its end: the beginning of a secret there goes too.
    pub fn clean_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let clean = self.clean(text);
        for (value, mark) in &self.secrets {
            let most = value.len().min(clean.len() + 1);
            let begun = (TELLING..most).rev().find(|&length| {
                let begin = value.get(..length);
                begin.is_some_and(|begin| clean.ends_with(begin))
            });
            if let Some(kept) = begun.and_then(|length| clean.get(..clean.len() - length)) {
                return Cow::Owned(format!("{kept}{mark}"));
            }
        }
        clean
    }
}

/// As in an address: everything but letters, digits and `-_.~` as `%41`.
fn percent_encoded(text: &str) -> String {
    let each = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(each).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// S22: what was hidden in a file that is edited does not become the file.
    #[test]
    fn an_edit_that_keeps_a_mark_is_seen() {
        let mut redactor = Redactor::default();
        redactor.hide("KEY", "a-secret-of-some-length");
        let stood = "first\nkey = a-secret-of-some-length\n";
        let shown = redactor.clean(stood);
        assert!(redactor.left_marks(stood, &format!("{shown}more\n")));
        assert!(!redactor.left_marks(stood, "first\nmore\n"));
        assert!(!redactor.left_marks("no key ⟪here⟫", "no key ⟪here⟫ either"));
    }

    /// S22: a secret is hidden wherever it stands, encoded and at a cut; dummies are not.
    #[test]
    fn secrets_are_hidden() {
        let mut redactor = Redactor::default();
        redactor.hide("KEY", "sk-a/b+c=123456\n");
        redactor.hide("DUMMY", "none");
        assert_eq!(
            redactor.clean("x sk-a/b+c=123456, sk-a%2Fb%2Bc%3D123456 none"),
            "x ⟪KEY⟫, ⟪KEY⟫ none"
        );
        assert_eq!(redactor.clean_cut("it is sk-a/b+c"), "it is ⟪KEY⟫");
        assert_eq!(redactor.clean_cut("a task"), "a task");
        assert_eq!(redactor.clean("/b+c=123456"), "/b+c=123456");
        // In base64, alone and with one and two letters before it.
        for encoded in [
            "c2stYS9iK2M9MTIzNDU2",
            "YXNrLWEvYitjPTEyMzQ1Ng==",
            "YWFzay1hL2IrYz0xMjM0NTY=",
        ] {
            let clean = redactor.clean(encoded);
            assert!(clean.contains("⟪KEY⟫"), "{encoded}: {clean}");
        }
        let mut long = Redactor::default();
        long.hide("KEY", "sk-abcdefghijklmnopqrst");
        assert_eq!(long.clean("x efghijklmnopqrst y"), "x ⟪KEY⟫ y");
        assert!(matches!(redactor.clean("plain"), Cow::Borrowed("plain")));
        assert!(!format!("{redactor:?}").contains("sk-a"));
        let unknown = format!("gh{}", "p_aB3dE5gH7jK9mNpQrS2tUvWxYzaB3dE5gH7");
        assert_eq!(redactor.clean(&unknown), unknown);
        assert_eq!(redactor.with_shapes().clean(&unknown), "⟪GitHub token⟫");
    }
}
