//! A text in an editor: what cannot be typed or seen is spelled out there (`\u{200b}`), and what was not touched is
//! given back byte for byte.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::run::inert::{is_hidden, spelled, steers};

/// A text that is being edited, and how its hidden characters are spelled meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    before: String,
    /// Its lines as the editor has them: without their ends, with their tabs.
    lines: Vec<String>,
    /// Spelled and meant. A spelling that the text itself contains stands for itself.
    hidden: BTreeMap<String, char>,
}

impl Spelling {
    /// The spelling of this text.
    pub fn of(before: &str) -> Self {
        let mut spelling = Self {
            before: before.to_owned(),
            lines: before.lines().map(line).collect(),
            hidden: BTreeMap::new(),
        };
        spelling.learn(before);
        spelling
    }

    /// The text that is edited.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// Its lines as the editor has them: without their ends, with their tabs.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// A pasted text in lines. What hides or reorders is spelled out and comes back; what steers a terminal is
    /// left out.
    pub fn paste(&mut self, pasted: &str) -> Vec<String> {
        self.learn(pasted);
        let steers = |c: &char| !c.is_control() || *c == '\t';
        let lines = pasted.lines();
        lines
            .map(|pasted| line(&pasted.chars().filter(steers).collect::<String>()))
            .collect()
    }

    /// The text of these lines: those that are as before with the bytes and the line end that they had, others with
    /// the line end that most have. It ends with a line end where it did before, or where it was empty.
    pub fn given_back(&self, lines: &[String]) -> String {
        let raw: Vec<&str> = self.before.split_inclusive('\n').collect();
        let end = self.line_end();
        let mut text = String::with_capacity(self.before.len());
        let mut last_end = 0;
        let mut push = |line: &str, end: &str| {
            text.push_str(line);
            text.push_str(end);
            last_end = end.len();
        };
        for op in capture_diff_slices(Algorithm::Myers, &self.lines, lines) {
            let new = lines.get(op.new_range()).unwrap_or_default();
            if let DiffOp::Equal { .. } = op {
                for raw in raw.get(op.old_range()).unwrap_or_default() {
                    match without_end(raw) {
                        Some(line) => push(line, raw.get(line.len()..).unwrap_or_default()),
                        None => push(raw, end),
                    }
                }
            } else {
                for line in new {
                    push(&self.meant(line), end);
                }
            }
        }
        if !self.before.is_empty() && !self.before.ends_with('\n') {
            text.truncate(text.len() - last_end);
        }
        text
    }

    fn learn(&mut self, text: &str) {
        let mut last = ' ';
        for c in text.chars() {
            let spelling: String = c.escape_unicode().collect();
            if (steers(c) || is_hidden(c, last))
                && !matches!(c, '\n' | '\t')
                && !text.contains(&spelling)
            {
                self.hidden.insert(spelling, c);
            }
            last = c;
        }
    }

    fn meant(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (spelling, c) in &self.hidden {
            if line.contains(spelling) {
                line = line.replace(spelling, c.encode_utf8(&mut [0; 4]));
            }
        }
        line
    }

    fn line_end(&self) -> &'static str {
        let all = self.before.matches('\n').count();
        let with_return = self.before.matches("\r\n").count();
        if with_return * 2 > all { "\r\n" } else { "\n" }
    }
}

/// One line as the editor has it.
fn line(raw: &str) -> String {
    spelled(raw.as_bytes())
}

/// A line without its end; `None` where it has none.
fn without_end(raw: &str) -> Option<&str> {
    let line = raw.strip_suffix('\n')?;
    Some(line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edited(before: &str, edit: impl Fn(&mut Vec<String>)) -> String {
        let spelling = Spelling::of(before);
        let mut lines = spelling.lines().to_vec();
        if lines.is_empty() {
            lines.push(String::new());
        }
        edit(&mut lines);
        spelling.given_back(&lines)
    }

    /// R37: bytes outside an edit stay as they are, hidden characters of an edited line are seen and kept, and a new
    /// line ends as the others do.
    #[test]
    fn an_edit_touches_its_line_alone() {
        let before = "a\u{200d}b\r\n👩\u{200d}👩 \u{202e}x\r\nlast\n";
        assert_eq!(
            Spelling::of(before).lines(),
            ["a\\u{200d}b", "👩\\u{200d}👩 \\u{202e}x", "last"]
        );
        let after = edited(before, |lines| lines[1].push('Z'));
        assert_eq!(after, "a\u{200d}b\r\n👩\u{200d}👩 \u{202e}xZ\r\nlast\n");
        let after = edited(before, |lines| lines.insert(1, "new".to_owned()));
        assert_eq!(after, before.replace("b\r\n", "b\r\nnew\r\n"));
        assert_eq!(edited(before, |lines| lines.truncate(1)), "a\u{200d}b\r\n");
        assert_eq!(
            edited("no end", |lines| lines.push("more".to_owned())),
            "no end\nmore"
        );
        assert_eq!(edited("", |lines| lines[0].push('a')), "a\n");
        assert_eq!(edited("a\n", |lines| lines.push(String::new())), "a\n\n");
    }

    /// A spelling that somebody wrote out stands for itself.
    #[test]
    fn what_is_written_out_stays_written_out() {
        let before = "let zwsp = '\\u{200b}'; // \u{200b}\n";
        let after = edited(before, |lines| lines[0].push('!'));
        assert_eq!(after, "let zwsp = '\\u{200b}'; // \\u{200b}!\n");
        assert_eq!(
            edited(before, |lines| lines.push("x".to_owned())),
            format!("{before}x\n")
        );
    }

    /// What is pasted keeps what hides in it, seen, and nothing that steers a terminal.
    #[test]
    fn pasted_text_keeps_what_hides_in_it() {
        let mut spelling = Spelling::of("a\n");
        let pasted = spelling.paste("می\u{200c}خ \u{1b}[2J👩\u{200d}👧");
        assert_eq!(pasted, ["می\\u{200c}خ [2J👩\\u{200d}👧"]);
        assert_eq!(
            spelling.given_back(&pasted),
            "می\u{200c}خ [2J👩\u{200d}👧\n"
        );
    }

    proptest! {
        /// Any text comes back as it was where nothing is typed.
        #[test]
        fn untouched_text_comes_back(text in "([a-c\\t\\u{200b}\\u{202e}\\u{1b}é]{0,4}(\n|\r\n|\r)?){0,8}") {
            prop_assert_eq!(edited(&text, |_| {}), if text.is_empty() { "\n".to_owned() } else { text });
        }
    }
}
