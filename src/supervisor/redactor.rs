//! The redactor: takes the values of secrets out of text before it is told, kept or sent on.
//! What is a secret is said by whoever reads one; nothing here reads the environment.

mod forms;

use std::borrow::Cow;
use std::fmt;

use forms::{Finder, Form};

use crate::run::keys;

/// Shortest value that counts as a secret: local servers are given dummies such as `none`.
const SHORTEST: usize = 8;

/// The secrets that must not be told, and what stands in their place.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What is looked for, in every form.
    forms: Vec<Form>,
    /// Where each form is begun to be looked for.
    finder: Finder,
    /// Whether what only has the shape of a key is hidden too.
    shapes: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.forms.iter().map(|form| &form.mark);
        f.debug_list().entries(names).finish()
    }
}

impl Redactor {
    /// Hides this value behind `⟪NAME⟫`: as it is, percent-encoded, escaped as in JSON, in hex, in base64
    /// wherever it begins there, and pieces of all these that are long enough to be of use to a thief. A
    /// value of less than 8 bytes is no secret.
    pub fn hide(&mut self, name: &str, value: &str) {
        let value = value.trim();
        if value.len() < SHORTEST {
            return;
        }
        for form in forms::of(value, &format!("⟪{name}⟫")) {
            if !self.forms.iter().any(|known| known.text == form.text) {
                self.forms.push(form);
            }
        }
        self.finder = Finder::new(&self.forms);
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
        let mut from = 0;
        let mut out = String::new();
        while let Some((place, form)) = self.finder.next(&self.forms, text, from) {
            out.push_str(text.get(from..place.start).unwrap_or_default());
            out.push_str(&form.mark);
            from = place.end;
        }
        if from > 0 {
            out.push_str(text.get(from..).unwrap_or_default());
            clean = Cow::Owned(out);
        }
        if self.shapes
            && let Cow::Owned(hidden) = keys::hidden(&clean)
        {
            return Cow::Owned(hidden);
        }
        clean
    }

    /// The name of the first secret that stands in a text; what only has the shape of a key has none.
    pub fn finds(&self, text: &str) -> Option<&str> {
        let (_, form) = self.finder.next(&self.forms, text, 0)?;
        Some(form.mark.trim_matches(['⟪', '⟫']))
    }

    /// Whether an edit of what was shown of a text has left the mark of a secret in the secret's place.
    pub fn left_marks(&self, stood: &str, edited: &str) -> bool {
        let marks = |text: &str| text.matches('⟪').count();
        self.clean(stood) != stood && marks(edited) > marks(stood)
    }

    /// [`Self::clean`] for a text that was cut at its end: the beginning of a secret there goes too.
    pub fn clean_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let clean = self.clean(text);
        let begun = self.forms.iter().filter_map(|form| {
            let length = form.begun_at_end_of(&clean)?;
            Some((length, form))
        });
        let longest = begun.max_by_key(|(length, _)| *length);
        let cut = longest.and_then(|(length, form)| {
            let kept = clean.get(..clean.len() - length)?;
            Some(format!("{kept}{}", form.mark))
        });
        cut.map_or(clean, Cow::Owned)
    }
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

    /// S22: of a longer secret sixteen letters in a row are hidden, wherever a line or a file was cut, next to
    /// letters of any kind; of the path of a file only the whole.
    #[test]
    fn pieces_of_a_secret_are_hidden() {
        let mut redactor = Redactor::default();
        let value = "ak-ant-api03-Qw3rTy9uIoP1aSdF5gHjK7lZxC2vBnM8";
        redactor.hide("KEY", value);
        redactor.hide("PATH_TO_KEY", "/home/somebody/keys/project.json");
        for from in 0..value.len() - 16 {
            for to in [from + 16, value.len()] {
                let text = format!("ü{}é", &value[from..to]);
                assert_eq!(redactor.clean(&text), "ü⟪KEY⟫é", "{from}..{to}");
            }
            let text = format!("ü{}é", &value[from..from + 15]);
            assert_eq!(redactor.clean(&text), text);
        }
        let other = "/home/somebody/keys/project.toml, ak-ant-api03-";
        assert_eq!(redactor.clean(other), other);
        assert_eq!(
            redactor.clean("{/home/somebody/keys/project.json}"),
            "{⟪PATH_TO_KEY⟫}"
        );
        // Twice in a row, and once more without its beginning.
        let text = format!("{value}{value} {}", &value[7..]);
        assert_eq!(redactor.clean(&text), "⟪KEY⟫⟪KEY⟫ ⟪KEY⟫");
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
        // As programs write it: in hex of both cases, escaped, and wrapped at any place.
        for written in [
            "736b2d612f622b633d313233343536",
            "73 6B 2D 61 2F 62 2B 63 3D 31 32 33 34 35 36",
            "{\"k\":\"sk-a\\/b+c=123456\"}",
            "sk-a%2fb%2bc%3d123456",
        ] {
            let clean = redactor.clean(written);
            assert!(clean.contains("⟪KEY⟫"), "{written}: {clean}");
        }
        for written in [
            "%73%6b%2d%61%2f%62%2b%63%3d%31%32%33%34%35%36",
            "736b 2d61 2f62 2b63 3d31 3233 3435 36",
            "73-6b-2d-61-2f-62-2b-63-3d-31-32-33-34-35-36",
            "0x73, 0x6b, 0x2d, 0x61, 0x2f, 0x62, 0x2b, 0x63, 0x3d, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36",
            "\\x73\\x6b\\x2d\\x61\\x2f\\x62\\x2b\\x63\\x3d\\x31\\x32\\x33\\x34\\x35\\x36",
        ] {
            let clean = redactor.clean(written);
            assert!(
                clean.contains("⟪KEY⟫") && clean.len() < 24,
                "{written}: {clean}"
            );
        }
        let mut foreign = Redactor::default();
        foreign.hide("KEY", "pässwörd-日本😀");
        for written in [
            "\"p\\u00e4ssw\\u00f6rd-\\u65e5\\u672c\\ud83d\\ude00\"",
            "\"p\\u00E4ssw\\u00F6rd-\\u65E5\\u672C\\uD83D\\uDE00\"",
        ] {
            assert_eq!(foreign.clean(written), "\"⟪KEY⟫\"");
        }
        assert!(matches!(redactor.clean("plain"), Cow::Borrowed("plain")));
        assert!(!format!("{redactor:?}").contains("sk-a"));
        let unknown = format!("gh{}", "p_aB3dE5gH7jK9mNpQrS2tUvWxYzaB3dE5gH7");
        assert_eq!(redactor.clean(&unknown), unknown);
        assert_eq!(redactor.with_shapes().clean(&unknown), "⟪GitHub token⟫");
    }

    /// S1, S22: what repeats almost the whole of a secret, or of a dull one, is looked through in time
    /// in proportion to the text, though the path of a file is hidden as a whole alone.
    #[test]
    fn floods_of_pieces_are_passed_in_linear_time() {
        let mut redactor = Redactor::default();
        let path = format!("/{}", "a-folder-of-some-name/".repeat(3));
        let dull = "A".repeat(40);
        redactor.hide("A_PATH", &path);
        redactor.hide("DULL", &dull);
        redactor.hide("KEY", "ak-ant-api03-Qw3rTy9uIoP1aSdF5gHjK7lZxC2vBnM8");
        let redactor = redactor.with_shapes();
        let began = tokio::time::Instant::now();
        for flood in [
            &path[..path.len() - 1],
            "a-folder-of-some-name/",
            "ak-ant-api03-Qw",
            "AAAAAAAAAAAAAAA ",
            "41",
            "-eyJ",
        ] {
            redactor.clean(&flood.repeat(40_000 / flood.len()));
        }
        let took = began.elapsed();
        assert!(took.as_secs() < 60, "{took:?}");
    }
}
