//! Rows onto the frame: roles become styles, hairlines meet. The only place that touches cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::Line;
use super::styles::{Role, Styles};
use super::text::{self, Row};

/// A frame being drawn in one theme.
pub struct Canvas<'a> {
    buf: &'a mut Buffer,
    styles: &'a Styles,
}

impl<'a> Canvas<'a> {
    /// A canvas over this buffer.
    pub fn new(buf: &'a mut Buffer, styles: &'a Styles) -> Self {
        Self { buf, styles }
    }

    /// The theme.
    pub fn styles(&self) -> &Styles {
        self.styles
    }

    /// The cells, for a widget that draws itself.
    pub fn buffer(&mut self) -> &mut Buffer {
        self.buf
    }

    /// One row at the top of an area.
    pub fn row(&mut self, area: Rect, row: &Row) {
        let area = area.intersection(self.buf.area);
        if area.is_empty() {
            return;
        }
        let mut x = area.x;
        for (role, text) in &row.spans {
            let room = usize::from(area.right() - x);
            let text = self.seen(text);
            let (next, _) = self
                .buf
                .set_stringn(x, area.y, &text, room, self.styles.of(*role));
            x = next.min(area.right());
            if x >= area.right() {
                break;
            }
        }
    }

    /// Rows from the top of an area down, as far as it goes.
    pub fn rows(&mut self, area: Rect, rows: &[Row]) {
        for (y, row) in (area.y..area.bottom()).zip(rows) {
            self.row(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                row,
            );
        }
    }

    /// A hairline over the whole width with a title in it.
    pub fn rule(&mut self, area: Rect, title: &Row) {
        self.row(area, &rule(title, usize::from(area.width), area.x == 0));
    }

    /// Fills an area with a role's style, without changing its text.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buf.area);
        self.buf.set_style(area, self.styles.of(role));
    }

    /// Vertical hairlines; where a horizontal one ends at them, they meet.
    pub fn verticals(&mut self, lines: &[Line]) {
        for line in lines {
            for y in line.top..line.bottom {
                let left = self.is_rule(line.x.checked_sub(1), y);
                let right = self.is_rule(line.x.checked_add(1), y);
                let mark = match (y == line.top, left, right) {
                    (true, ..) => "┬",
                    (false, true, true) => "┼",
                    (false, true, false) => "┤",
                    (false, false, true) => "├",
                    (false, false, false) => "│",
                };
                let row = Row::of(Role::Faint, mark);
                self.row(Rect::new(line.x, y, 1, 1), &row);
            }
        }
    }

    fn is_rule(&self, x: Option<u16>, y: u16) -> bool {
        let line = if self.styles.ascii { "-" } else { "─" };
        x.and_then(|x| self.buf.cell((x, y)))
            .is_some_and(|cell| cell.symbol() == line)
    }

    fn seen(&self, text: &str) -> String {
        if self.styles.ascii {
            text.chars().map(text::to_ascii).collect()
        } else {
            text.to_owned()
        }
    }
}

/// `─ title ─────`: a hairline of this width; it begins with a line where nothing stands left of it.
pub fn rule(title: &Row, columns: usize, lead: bool) -> Row {
    let mut row = Row::of(Role::Faint, if lead { "─" } else { "" });
    if title.spans.is_empty() {
        return row.with(
            Role::Faint,
            "─".repeat(columns.saturating_sub(usize::from(lead))),
        );
    }
    // A mark of focus takes the blank's place.
    if !title.text().starts_with('▸') {
        row = row.with(Role::Fg, " ");
    }
    let room = columns.saturating_sub(row.width() + 1);
    row.spans.extend(title.clone().cut(room).spans);
    let left = columns.saturating_sub(row.width() + 1);
    row.with(Role::Fg, " ").with(Role::Faint, "─".repeat(left))
}

/// A hairline with a title at its left and a figure near its right end.
pub fn rule_with(title: Row, figure: &str, columns: usize) -> Row {
    if columns < text::width(figure) + 8 {
        return title;
    }
    let tail = format!(" {figure} ");
    let fill = columns.saturating_sub(text::width(&tail) + 3);
    let title = title.cut(fill.saturating_sub(2));
    let dashes = fill.saturating_sub(title.width() + 1);
    title
        .with(Role::Fg, " ")
        .with(Role::Faint, "─".repeat(dashes))
        .with(Role::Muted, tail.trim_end())
}
