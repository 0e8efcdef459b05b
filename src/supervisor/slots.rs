//! Placeholders: `{date} {slug} {run} …` in targets and commands, filled from one map.

use std::collections::BTreeMap;

use super::workspace::Trouble;

/// Longest slug, in characters.
const SLUG_LENGTH: usize = 60;

/// What the placeholders of a run stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots(BTreeMap<String, String>);

impl Slots {
    /// Adds one, by its name without braces.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The text with every `{name}` replaced, once: values are not looked through again.
    ///
    /// A name that is not known is trouble; braces around anything but `a-z_` stay as they are.
    pub fn fill(&self, text: &str) -> Result<String, Trouble> {
        match self.filled(text) {
            (filled, None) => Ok(filled),
            (_, Some(name)) => Err(self.unknown(name, text)),
        }
    }

    /// As `fill`, for every argument of a command.
    pub fn fill_all(&self, texts: &[String]) -> Result<Vec<String>, Trouble> {
        texts.iter().map(|text| self.fill(text)).collect()
    }

    /// As `fill`, with names that are not known left as they stand: checks and judges are often small
    /// programs in a language with braces of its own.
    pub fn fill_known(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.filled(text).0).collect()
    }

    /// The text with what is known replaced, and the first name that is not known.
    fn filled<'t>(&self, text: &'t str) -> (String, Option<&'t str>) {
        let (mut filled, mut unknown) = (String::new(), None);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name = after.split_once('}').filter(|(name, _)| is_name(name));
            match name.map(|(name, tail)| (name, self.0.get(name), tail)) {
                Some((_, Some(value), tail)) => {
                    filled.push_str(value);
                    rest = tail;
                }
                other => {
                    unknown = unknown.or(other.map(|(name, _, _)| name));
                    filled.push('{');
                    rest = after;
                }
            }
        }
        (filled + rest, unknown)
    }

    fn unknown(&self, name: &str, text: &str) -> Trouble {
        if name == "draft" {
            return Trouble::new(format!(
                "{{draft}} in «{text}» stands for no file: [output] names no artefact"
            ));
        }
        let known: Vec<String> = self.0.keys().map(|name| format!("{{{name}}}")).collect();
        Trouble::new(format!(
            "{{{name}}} in «{text}» is not known here: use one of {}",
            known.join(" ")
        ))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// A title as `[a-z0-9-]`, at most 60 characters, never empty.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == SLUG_LENGTH {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "untitled".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known names are filled in once, unknown ones are refused, other braces stay.
    #[test]
    fn placeholders_are_filled_once() {
        let slots = Slots::default().with("slug", "{run}").with("run", "7");
        assert_eq!(slots.fill("a/{slug}-{run}.md").unwrap(), "a/{run}-7.md");
        assert_eq!(slots.fill("{\"a\": {run}} {").unwrap(), "{\"a\": 7} {");
        let cause = slots.fill("{what}").unwrap_err().cause;
        assert!(cause.contains("use one of {run} {slug}"), "{cause}");
        let cause = slots.fill("publish {draft}").unwrap_err().cause;
        assert!(cause.ends_with("[output] names no artefact"), "{cause}");
        let texts = ["a={slug};{run}{none}{", "{{run}}"].map(str::to_owned);
        assert_eq!(slots.fill_known(&texts), ["a={run};7{none}{", "{7}"]);
    }

    /// A slug holds nothing but `[a-z0-9-]`, whatever the title holds.
    #[test]
    fn a_slug_is_plain() {
        assert_eq!(slug("  ../Loops & You: Part 2!"), "loops-you-part-2");
        assert_eq!(slug("日本"), "untitled");
        assert_eq!(slug(&"ab ".repeat(40)).len(), 59);
    }
}
