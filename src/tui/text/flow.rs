//! Scrolling through items of different height, wrapping only what is visible.

use super::Row;

/// A place in a flow: an item, and a row inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Anchor {
    /// Number of the item, from 0.
    pub item: usize,
    /// Row inside the item, from 0.
    pub row: usize,
}

/// Something that is read from top to bottom: a transcript, a prompt, a diff.
pub trait Flow {
    /// How many items there are.
    fn len(&self) -> usize;

    /// One item in rows of at most this width; at least one row.
    fn item(&self, index: usize, width: usize) -> Vec<Row>;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Flow for Vec<Row> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn item(&self, index: usize, width: usize) -> Vec<Row> {
        self.get(index)
            .map(|r| vec![r.clone().cut(width)])
            .unwrap_or_default()
    }
}

/// A flow seen through a window of this size.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// What is read.
    pub flow: &'a dyn Flow,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window<'_> {
    fn rows(&self, item: usize) -> usize {
        self.flow.item(item, self.width).len().max(1)
    }

    /// What is visible with this place at the top.
    pub fn visible(&self, top: Anchor) -> Vec<Row> {
        let mut out = Vec::new();
        let mut skip = top.row;
        for item in top.item..self.flow.len() {
            let rows = self.flow.item(item, self.width);
            out.extend(rows.into_iter().skip(skip));
            skip = 0;
            if out.len() >= self.height {
                break;
            }
        }
        out.truncate(self.height);
        out
    }

    /// The place whose window ends at the end.
    pub fn end(&self) -> Anchor {
        let mut left = self.height.max(1);
        for item in (0..self.flow.len()).rev() {
            let rows = self.rows(item);
            if rows >= left {
                return Anchor {
                    item,
                    row: rows - left,
                };
            }
            left -= rows;
        }
        Anchor::default()
    }

    /// The place `by` rows further down, but not beyond the end.
    pub fn down(&self, from: Anchor, by: usize) -> Anchor {
        let end = self.end();
        let mut at = from;
        for _ in 0..by {
            if at >= end {
                return end;
            }
            at.row += 1;
            if at.row >= self.rows(at.item) {
                at = Anchor {
                    item: at.item + 1,
                    row: 0,
                };
            }
        }
        at.min(end)
    }

    /// The place `by` rows further up.
    pub fn up(&self, from: Anchor, by: usize) -> Anchor {
        let mut at = from.min(self.end());
        for _ in 0..by {
            if at.row > 0 {
                at.row -= 1;
            } else if at.item > 0 {
                at.item -= 1;
                at.row = self.rows(at.item) - 1;
            } else {
                break;
            }
        }
        at
    }

    /// Items above the window, items that begin in it; for «line 1–19».
    pub fn range(&self, top: Anchor) -> (usize, usize) {
        let mut rows = 0;
        let mut item = top.item;
        while item < self.flow.len() && rows < self.height {
            rows += self.rows(item) - if item == top.item { top.row } else { 0 };
            item += 1;
        }
        (top.item, item)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::styles::Role;
    use super::*;

    struct Tall;
    impl Flow for Tall {
        fn len(&self) -> usize {
            4
        }
        fn item(&self, index: usize, _: usize) -> Vec<Row> {
            (0..=index)
                .map(|r| Row::of(Role::Fg, format!("{index}.{r}")))
                .collect()
        }
    }

    /// The end shows the last rows; up and down meet again; nothing scrolls past either end.
    #[test]
    fn moves_by_rows() {
        let window = Window {
            flow: &Tall,
            width: 10,
            height: 3,
        };
        let end = window.end();
        assert_eq!(end, Anchor { item: 3, row: 1 });
        let texts: Vec<String> = window.visible(end).iter().map(Row::text).collect();
        assert_eq!(texts, ["3.1", "3.2", "3.3"]);
        assert_eq!(window.down(Anchor::default(), 99), end);
        assert_eq!(window.up(end, 99), Anchor::default());
        assert_eq!(
            window.up(window.down(Anchor::default(), 4), 4),
            Anchor::default()
        );
    }
}
