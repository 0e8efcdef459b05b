//! Lines that are too long to be wrapped at once, in pieces: what is drawn or scrolled then costs as much
//! as what is seen. A piece is an item of its own in a flow.

use std::ops::Range;

/// Most bytes of one piece: many screens of text, and wrapped within a millisecond.
pub const LONGEST: usize = 4096;

/// How far before its end a piece looks for a better place to end.
const LOOKED_BACK: usize = 256;

/// Lines that are shown together, or a part of a single one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The lines, by number.
    pub lines: Range<usize>,
    /// The bytes of the only line, where it is too long for one piece.
    pub part: Option<Range<usize>>,
}

impl Piece {
    /// Whether a line of the text begins with it.
    pub fn begins(&self) -> bool {
        self.part.as_ref().is_none_or(|part| part.start == 0)
    }
}

/// These groups of lines, single lines that are too long in several pieces.
pub fn cut(lines: &[String], groups: impl IntoIterator<Item = Range<usize>>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for group in groups {
        match lines.get(group.clone()) {
            Some([line]) if line.len() > LONGEST => pieces.extend(parts(line).map(|part| Piece {
                lines: group.clone(),
                part: Some(part),
            })),
            Some(_) | None => pieces.push(Piece {
                lines: group,
                part: None,
            }),
        }
    }
    pieces
}

/// The parts of a line, none longer than [`LONGEST`].
fn parts(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        if from >= line.len() {
            return None;
        }
        let part = from..end(line, from);
        from = part.end;
        Some(part)
    })
}

/// Where a part ends that begins here: behind a blank, else between two letters of ASCII, which no mark
/// joins, else between any two characters.
fn end(line: &str, from: usize) -> usize {
    let most = from + LONGEST;
    if most >= line.len() {
        return line.len();
    }
    let bytes = line.as_bytes();
    let near = || (most - LOOKED_BACK..=most).rev();
    let is = |at: usize, what: fn(&u8) -> bool| bytes.get(at).is_some_and(what);
    let plain = |at: &usize| is(at - 1, u8::is_ascii) && is(*at, u8::is_ascii);
    let blank = |at: &usize| plain(at) && is(at - 1, u8::is_ascii_whitespace);
    near()
        .find(blank)
        .or_else(|| near().find(plain))
        .or_else(|| near().find(|at| line.is_char_boundary(*at)))
        .unwrap_or(line.len())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::flow::{Anchor, Flow, Window};
    use super::super::{Row, wrap};
    use super::*;
    use crate::tui::styles::Role;

    /// Counts the bytes that are wrapped.
    struct Counting<'a> {
        lines: &'a [String],
        pieces: Vec<Piece>,
        wrapped: Cell<usize>,
    }

    impl Flow for Counting<'_> {
        fn len(&self) -> usize {
            self.pieces.len()
        }

        fn item(&self, index: usize, width: usize) -> Vec<Row> {
            let piece = &self.pieces[index];
            let part = piece.part.clone().unwrap();
            let text = &self.lines[piece.lines.start][part];
            self.wrapped.set(self.wrapped.get() + text.len());
            let rows = wrap(text, width).into_iter();
            rows.map(|row| Row::of(Role::Fg, row)).collect()
        }
    }

    /// Nothing is lost between two pieces, none is too long, and no letter is cut from its marks.
    #[test]
    fn a_long_line_is_cut_whole() {
        let words = "a word ".repeat(2_000);
        let marked = "a\u{301}b".repeat(3_000);
        let foreign = "漢".repeat(3_000);
        let glued = "x".repeat(10_000);
        for line in [&words, &marked, &foreign, &glued] {
            let parts: Vec<&str> = parts(line).map(|part| &line[part]).collect();
            assert_eq!(parts.concat(), *line);
            assert!(parts.iter().all(|part| part.len() <= LONGEST));
            assert!(!parts.iter().any(|part| part.starts_with('\u{301}')));
            assert!(parts.len() <= line.len() / (LONGEST - LOOKED_BACK) + 1);
        }
        let lines = ["short".to_owned(), glued, String::new()];
        let pieces = cut(&lines, [0..1, 1..2, 2..3]);
        let begins: Vec<bool> = pieces.iter().map(Piece::begins).collect();
        assert_eq!(begins, [true, true, false, false, true]);
    }

    /// One line of a megabyte: a key costs a few pieces, wherever in it the window stands.
    #[test]
    fn a_key_wraps_no_more_than_a_few_pieces() {
        let lines = vec!["a\u{301}b ".repeat(250_000)];
        let flow = Counting {
            lines: &lines,
            pieces: cut(&lines, std::iter::once(0..1)),
            wrapped: Cell::new(0),
        };
        let window = Window {
            flow: &flow,
            width: 100,
            height: 40,
        };
        let middle = Anchor { item: 100, row: 0 };
        for top in [Anchor::default(), middle, window.end()] {
            flow.wrapped.set(0);
            let top = window.down(top, 1);
            assert_eq!(window.visible(window.up(top, 1)).len(), 40);
            let wrapped = flow.wrapped.get();
            assert!(wrapped <= 32 * LONGEST, "{wrapped} bytes");
        }
    }
}
