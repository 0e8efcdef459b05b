//! Rows of text with roles: wrapping, widths, cutting, aligning; what comes from outside is made
//! inert once more here, because a view must not trust. How it looks is `styles.rs`.

pub mod figures;
pub mod flow;
pub mod patch;
pub mod pieces;
pub mod reflow;
pub mod spelling;
pub mod waking;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::styles::Role;
use crate::run::inert::{is_hidden, is_joined, steers};

/// One line of a screen: pieces of text, each with its role.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The pieces, left to right.
    pub spans: Vec<(Role, String)>,
}

impl Row {
    /// An empty line.
    pub fn blank() -> Self {
        Self::default()
    }

    /// A line of one piece.
    pub fn of(role: Role, text: impl AsRef<str>) -> Self {
        Self::default().with(role, text)
    }

    /// The line with one more piece at its end.
    #[must_use]
    pub fn with(mut self, role: Role, text: impl AsRef<str>) -> Self {
        let text = seen(text.as_ref());
        if !text.is_empty() {
            self.spans.push((role, text.into_owned()));
        }
        self
    }

    /// The line, padded so that the next piece starts at this column.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width());
        self.with(Role::Fg, " ".repeat(gap))
    }

    /// The line with a piece that ends at this column; the left part gives way with `…`.
    #[must_use]
    pub fn right(self, column: usize, role: Role, text: impl AsRef<str>) -> Self {
        let text = cut(text.as_ref(), column);
        let room = column.saturating_sub(width(&text));
        let gap = usize::from(room > 0);
        self.trimmed().cut(room - gap).to(room).with(role, text)
    }

    /// The line, at most this wide, ending in `…` where something is missing.
    #[must_use]
    pub fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns;
        let mut kept = Vec::new();
        for (role, text) in self.spans.drain(..) {
            let w = width(&text);
            if w < left {
                left -= w;
                kept.push((role, text));
            } else {
                // Something follows or is too wide, so one column goes to the mark.
                kept.push((role, cut(&format!("{text} "), left)));
                break;
            }
        }
        Self { spans: kept }
    }

    /// The line with every occurrence of a text in this role, whatever its case.
    #[must_use]
    pub fn marked(self, needle: &str, role: Role) -> Self {
        let needle = needle.to_lowercase();
        if needle.is_empty() {
            return self;
        }
        let mut out = Self::default();
        for (own, text) in self.spans {
            let mut rest = text.as_str();
            while let Some((at, len)) = find_folded(rest, &needle) {
                let (before, hit) = rest.split_at(at);
                let (hit, after) = hit.split_at(len);
                out = out.with(own, before).with(role, hit);
                rest = after;
            }
            out = out.with(own, rest);
        }
        out
    }

    /// The line without blanks at its end.
    fn trimmed(mut self) -> Self {
        while let Some((_, text)) = self.spans.last_mut() {
            text.truncate(text.trim_end().len());
            if !text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self
    }

    /// Columns in all.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, t)| width(t)).sum()
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.spans.iter().map(|(_, t)| t.as_str()).collect()
    }
}

/// Where a text begins in another and how long it is there, in bytes; case does not count.
fn find_folded(text: &str, folded: &str) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(at, _)| {
        let mut left = folded.chars();
        let mut wanted = left.next();
        for (i, c) in text[at..].char_indices() {
            if wanted.is_none() {
                return Some((at, i));
            }
            for lower in c.to_lowercase() {
                if wanted != Some(lower) {
                    return None;
                }
                wanted = left.next();
            }
        }
        wanted.is_none().then_some((at, text.len() - at))
    })
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, at most this wide; where something is missing it ends in `…`.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    let mut out = String::new();
    let mut used = 0;
    for g in text.graphemes(true) {
        let w = width(g);
        if used + w > room {
            break;
        }
        used += w;
        out.push_str(g);
    }
    out.push('…');
    out
}

/// The text in lines of at most this width: broken at blanks, inside a word only where it is too long.
///
/// Blanks at a break are dropped; blanks at the very beginning are kept, because they indent.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let text = seen(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for (blanks, word) in words(&text) {
        let (gap, w) = (width(blanks), width(word));
        let first = line.is_empty() && lines.is_empty();
        if !first && used + gap + w > columns && used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if first || used > 0 {
            let kept = cut_blanks(blanks, columns - used.min(columns));
            line.push_str(kept);
            used += width(kept);
        }
        for piece in pieces(word, w > columns) {
            if used > 0 && used + width(piece) > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            for g in piece.graphemes(true) {
                let w = width(g).min(columns);
                if used + w > columns {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(g);
                used += w;
            }
        }
    }
    lines.push(line);
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// A word, or the parts of one that is too long for a line: paths break after their marks.
fn pieces(word: &str, long: bool) -> impl Iterator<Item = &str> {
    word.split_inclusive(move |c| long && matches!(c, '/' | '-' | '_'))
}

/// Each word with the blanks before it; blanks at the end make an empty word.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest
            .find(|c: char| !c.is_whitespace())
            .unwrap_or(rest.len());
        let (blanks, tail) = rest.split_at(start);
        let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        rest = tail;
        Some((blanks, word))
    })
}

/// As many of these blanks as fit.
fn cut_blanks(blanks: &str, columns: usize) -> &str {
    let end = blanks
        .char_indices()
        .map(|(i, c)| i + c.len_utf8())
        .take(columns)
        .last();
    blanks.get(..end.unwrap_or(0)).unwrap_or("")
}

/// The text as it is shown: tabs as four blanks, line feeds as one; what could move the cursor, turn the
/// reading direction or hide stands there as `\u{202e}`. Only the joiners inside of an emoji are left out.
pub fn seen(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            '\n' => out.push(' '),
            '\u{200d}' if is_joined(c, last) => {}
            c if is_hidden(c, last) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        last = c;
    }
    Cow::Owned(out)
}

/// The text without what a cell cannot show, for what is typed into or has no room for marks: tabs as four
/// blanks; what could move the cursor, turn the reading direction or hide is left out.
pub fn bare(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if steers(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A text in lines, each made a row of this role behind this margin.
pub fn paragraph(role: Role, margin: &str, text: &str, columns: usize) -> Vec<Row> {
    wrap(text, columns.saturating_sub(width(margin)))
        .into_iter()
        .map(|line| Row::of(Role::Fg, margin).with(role, line))
        .collect()
}

/// Begins a row that goes on with the line above: no line of the text begins there.
pub const GOES_ON: &str = "↳";

/// One line of a text that is shown as it is, behind its mark. A part of it that does not fit says that it is
/// no line of its own, so that no line can be written that passes for several.
pub fn exact(role: Role, mark: &str, line: &str, columns: usize) -> Vec<Row> {
    let hang = width(mark).max(1);
    wrap(line, columns.saturating_sub(hang))
        .into_iter()
        .enumerate()
        .map(|(i, part)| match i {
            0 => Row::of(role, mark).with(role, part),
            _ => goes_on(hang).with(role, part),
        })
        .collect()
}

/// The beginning of a row that goes on with the line above, this wide.
pub fn goes_on(hang: usize) -> Row {
    let before = hang.saturating_sub(2);
    let start = Row::of(Role::Faint, " ".repeat(before) + GOES_ON);
    if hang > 1 { start.to(hang) } else { start }
}

/// Lines under a label: the label stands before the first, the rest are indented to the same column.
pub fn labelled(label: &str, at: usize, body: (Role, &str), columns: usize) -> Vec<Row> {
    wrap(body.1, columns.saturating_sub(at).max(8))
        .into_iter()
        .enumerate()
        .map(|(i, line)| {
            Row::of(Role::Muted, if i == 0 { label } else { "" })
                .to(at)
                .with(body.0, line)
        })
        .collect()
}

/// The ASCII stand-in of a mark or line; every other character is itself.
pub fn to_ascii(c: char) -> char {
    match c {
        '◆' => '!',
        '●' => '*',
        '○' => 'o',
        '✗' | '×' => 'x',
        '▲' | '↑' => '^',
        '‖' => '=',
        '✎' => 'e',
        '·' => '.',
        '│' | '▕' => '|',
        '↓' => 'v',
        '↳' => '\\',
        '“' | '”' | '«' | '»' => '"',
        '–' | '─' | '━' | '┄' | '−' => '-',
        '✓' | '┬' | '┴' | '├' | '┤' | '┼' => '+',
        '▌' | '▸' | '→' | '›' => '>',
        '←' => '<',
        '…' | '≈' => '~',
        '▁'..='█' => {
            char::from(b'1' + u8::try_from(u32::from(c) - u32::from('▁')).unwrap_or(7))
        }
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wrapping breaks at blanks and keeps marks with their words.
    #[test]
    fn wraps_at_blanks() {
        assert_eq!(
            wrap("Last run was rejected for two dead links.", 16),
            ["Last run was", "rejected for two", "dead links."]
        );
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    /// S16: escapes, bidi and zero-width characters do not reach a row, and each leaves a mark.
    #[test]
    fn rows_are_inert() {
        let row = Row::of(Role::Fg, "a\u{1b}[2Jb\u{202e}c\u{200b}d\u{e0041}\te");
        assert_eq!(
            row.text(),
            "a\\u{1b}[2Jb\\u{202e}c\\u{200b}d\\u{e0041}    e"
        );
        assert_eq!(
            Row::of(Role::Fg, "👩\u{200d}💻 ❤\u{fe0f}").text(),
            "👩💻 ❤\u{fe0f}"
        );
    }

    /// A figure at the right edge stays whole; the left part gives way.
    #[test]
    fn right_figures_win() {
        let row = Row::of(Role::Fg, "links resolve").right(12, Role::Fail, "4/6");
        assert_eq!(row.text(), "links r… 4/6");
    }

    proptest! {
        /// No wrapped line is wider than asked, and no letter is lost.
        #[test]
        fn wrap_fits(text in "[a-zé漢 .,]{0,60}", columns in 2usize..30) {
            let lines = wrap(&text, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }

        /// A cut text is never too wide.
        #[test]
        fn cut_fits(text in "\\PC{0,40}", columns in 0usize..30) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
            prop_assert!(Row::of(Role::Fg, &text).with(Role::Ok, "abc").cut(columns).width() <= columns);
        }
    }
}
