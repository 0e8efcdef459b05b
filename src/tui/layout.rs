//! Geometry: which pane stands where, for a size and a focus. Pure; used by drawing and by scrolling.
//!
//! ```text
//!  ≥160  header            100–159 header         80–99 header       <80 header
//!  loops│transcript│verd│mem   loops│transcr│verdict  loops│pane 2-4     one pane
//!  ─ run band ──────────────       │       ├ memory       ├ strip
//!  bar · answers · hints       bar · answers · hints  bar …            bar …
//! ```

use ratatui::layout::Rect;

/// The four panes, by their number on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// 1
    Loops,
    /// 2
    Transcript,
    /// 3
    Verdict,
    /// 4
    Memory,
}

impl Pane {
    /// All four, in order.
    pub const ALL: [Self; 4] = [Self::Loops, Self::Transcript, Self::Verdict, Self::Memory];

    /// Number and word.
    pub fn title(self) -> &'static str {
        match self {
            Self::Loops => "1 loops",
            Self::Transcript => "2 transcript",
            Self::Verdict => "3 verdict",
            Self::Memory => "4 memory",
        }
    }
}

/// What lies over the panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Nothing.
    Panes,
    /// A layer over panes 2–4; the loop list stays where there is room.
    Beside,
    /// A layer over everything between header and bar.
    Whole,
}

/// What the geometry depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Columns of the terminal.
    pub width: u16,
    /// Rows of the terminal.
    pub height: u16,
    /// The pane that has the keys.
    pub focus: Pane,
    /// Whether that pane takes all the room.
    pub zoom: bool,
    /// What lies over the panes.
    pub over: Over,
    /// Rows that the run band would like.
    pub band: u16,
    /// Rows that the diff below the transcript would like; 0 for none.
    pub diff: u16,
}

/// A pane: the line of its title, and what lies below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// One row, or none on a screen that is too low.
    pub title: Rect,
    /// The rest.
    pub body: Rect,
}

/// A vertical hairline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Column.
    pub x: u16,
    /// First row, which lies in a title line.
    pub top: u16,
    /// First row below it.
    pub bottom: u16,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The first line, where there is one.
    pub header: Rect,
    /// Pane 1.
    pub loops: Option<Region>,
    /// Pane 2.
    pub transcript: Option<Region>,
    /// Pane 3.
    pub verdict: Option<Region>,
    /// Pane 4.
    pub memory: Option<Region>,
    /// Whether panes 2–4 share one place, so that its title names all three.
    pub shared: bool,
    /// The verdict in four lines below a shared place.
    pub strip: Option<Region>,
    /// The newest diff, below the transcript.
    pub diff: Option<Region>,
    /// The runs of the last days.
    pub band: Option<Region>,
    /// The layer over the panes.
    pub over: Option<Region>,
    /// Hairlines between panes.
    pub lines: Vec<Line>,
    /// The bar: the only place that asks.
    pub bar: Rect,
    /// The answers it allows, or one line of status.
    pub answer: Rect,
    /// The hint line.
    pub hint: Rect,
}

/// Widest text that is comfortable to read.
pub const READING_WIDTH: u16 = 120;

impl Layout {
    /// The geometry of a view.
    pub fn of(view: View) -> Self {
        let (w, h) = (view.width, view.height);
        let full = |y: u16, rows: u16| Rect::new(0, y, w, rows.min(h.saturating_sub(y)));
        // On the lowest screens the line with the answers stays longest.
        let foot = h.min(3);
        let mut out = Self {
            bar: if foot >= 2 {
                full(h - foot, 1)
            } else {
                Rect::ZERO
            },
            answer: if foot >= 1 {
                full(h - foot + u16::from(foot > 1), 1)
            } else {
                Rect::ZERO
            },
            hint: if foot == 3 {
                full(h - 1, 1)
            } else {
                Rect::ZERO
            },
            header: if h >= 6 { full(0, 1) } else { Rect::ZERO },
            ..Self::default()
        };
        let top = out.header.height;
        let middle = full(top, h.saturating_sub(foot + top));
        if middle.height == 0 {
            return out;
        }
        match view.over {
            Over::Whole => out.over = Some(region(middle)),
            Over::Beside | Over::Panes if w < 80 || view.zoom && view.over == Over::Panes => {
                out.one(view, middle);
            }
            Over::Beside => out.beside(middle),
            Over::Panes => out.columns(view, middle),
        }
        out
    }

    fn one(&mut self, view: View, middle: Rect) {
        let place = Some(region(middle));
        if view.over == Over::Beside {
            self.over = place;
            return;
        }
        match view.focus {
            Pane::Loops => self.loops = place,
            Pane::Transcript => self.transcript = place,
            Pane::Verdict => self.verdict = place,
            Pane::Memory => self.memory = place,
        }
    }

    fn beside(&mut self, middle: Rect) {
        if middle.width < 100 {
            self.over = Some(region(middle));
            return;
        }
        let left = left_width(middle.width);
        self.loops = Some(region(Rect {
            width: left,
            ..middle
        }));
        let end = if middle.width >= 160 {
            160
        } else {
            middle.width
        };
        self.over = Some(region(between(middle, left + 1, end)));
        self.line(middle, left);
        if end < middle.width {
            self.memory = Some(region(between(middle, end + 1, middle.width)));
            self.line(middle, end);
        }
    }

    fn columns(&mut self, view: View, middle: Rect) {
        let w = middle.width;
        let left = left_width(w);
        let (middle, band) = split_band(view, middle);
        self.band = band;
        self.loops = Some(region(Rect {
            width: left,
            ..middle
        }));
        self.line(middle, left);
        if w < 100 {
            self.two(view, between(middle, left + 1, w));
            return;
        }
        let (second, third) = if w >= 160 {
            (w - 82, Some(w - 40))
        } else {
            (left + 1 + (w - left) * 3 / 5, None)
        };
        let place = between(middle, left + 1, second);
        let wanted = if third.is_some() && middle.height >= 30 {
            view.diff.min(middle.height / 2)
        } else {
            0
        };
        let (upper, lower) = rows(place, middle.height - wanted);
        self.transcript = Some(region(upper));
        self.diff = (wanted > 1).then(|| region(lower));
        self.line(middle, second);
        if let Some(third) = third {
            self.verdict = Some(region(between(middle, second + 1, third)));
            self.memory = Some(region(between(middle, third + 1, w)));
            self.line(middle, third);
            return;
        }
        let (upper, lower) = rows(between(middle, second + 1, w), middle.height / 2 + 1);
        self.verdict = Some(region(upper));
        self.memory = (lower.height > 1).then(|| region(lower));
    }

    /// Panes 2–4 in one place; the verdict in four lines below, unless it is the one shown.
    fn two(&mut self, view: View, right: Rect) {
        self.shared = true;
        let strip = if right.height >= 12 && view.focus != Pane::Verdict {
            5
        } else {
            0
        };
        let (upper, lower) = rows(right, right.height - strip);
        self.strip = (lower.height > 0).then(|| region(lower));
        let place = Some(region(upper));
        match view.focus {
            Pane::Loops | Pane::Transcript => self.transcript = place,
            Pane::Verdict => self.verdict = place,
            Pane::Memory => self.memory = place,
        }
    }

    fn line(&mut self, middle: Rect, x: u16) {
        self.lines.push(Line {
            x,
            top: middle.y,
            bottom: middle.bottom(),
        });
    }

    /// The place of a pane, if it is visible.
    pub fn pane(&self, pane: Pane) -> Option<Region> {
        match pane {
            Pane::Loops => self.loops,
            Pane::Transcript => self.transcript,
            Pane::Verdict => self.verdict,
            Pane::Memory => self.memory,
        }
    }
}

/// The run band, on wide screens with rows to spare.
fn split_band(view: View, middle: Rect) -> (Rect, Option<Region>) {
    if middle.width < 160 || view.band == 0 || middle.height < view.band + 30 {
        return (middle, None);
    }
    let (upper, lower) = rows(middle, middle.height - view.band - 1);
    (upper, Some(region(lower)))
}

/// Columns for the loop list.
fn left_width(w: u16) -> u16 {
    match w {
        160.. => 38,
        100..160 => 33,
        _ => 29,
    }
}

fn between(area: Rect, from: u16, to: u16) -> Rect {
    Rect {
        x: area.x + from,
        width: to.saturating_sub(from),
        ..area
    }
}

fn rows(area: Rect, upper: u16) -> (Rect, Rect) {
    let upper = upper.min(area.height);
    (
        Rect {
            height: upper,
            ..area
        },
        Rect {
            y: area.y + upper,
            height: area.height - upper,
            ..area
        },
    )
}

/// Title and body; an area of a single row is all body.
fn region(area: Rect) -> Region {
    let (title, body) = rows(area, u16::from(area.height > 1));
    Region { title, body }
}

/// The part of a pane that holds text: one column free on both sides.
pub fn inner(body: Rect) -> Rect {
    Rect {
        x: body.x + body.width.min(1),
        width: body.width.saturating_sub(2),
        ..body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn view(width: u16, height: u16) -> View {
        View {
            width,
            height,
            focus: Pane::Transcript,
            zoom: false,
            over: Over::Panes,
            band: 0,
            diff: 0,
        }
    }

    /// At 120×36 the columns stand as drawn: 33, 52 and 33 wide.
    #[test]
    fn three_columns_as_drawn() {
        let l = Layout::of(view(120, 36));
        let xs = |r: Option<Region>| r.map(|r| (r.body.x, r.body.width));
        assert_eq!(xs(l.loops), Some((0, 33)));
        assert_eq!(xs(l.transcript), Some((34, 52)));
        assert_eq!(xs(l.verdict), Some((87, 33)));
        assert_eq!((l.bar.y, l.answer.y, l.hint.y), (33, 34, 35));
    }

    /// Below three lines the line with the answers stays.
    #[test]
    fn the_answers_stay_longest() {
        for h in 1..6 {
            assert_eq!(Layout::of(view(20, h)).answer.height, 1, "{h}");
        }
    }

    proptest! {
        /// Every area lies on the screen, at every size, focus and layer.
        #[test]
        fn everything_lies_on_the_screen(
            w in 0u16..500, h in 0u16..200, focus in 0usize..4, zoom: bool, over in 0usize..3, band in 0u16..20, diff in 0u16..30,
        ) {
            let over = [Over::Panes, Over::Beside, Over::Whole][over];
            let l = Layout::of(View { focus: Pane::ALL[focus], zoom, over, band, diff, ..view(w, h) });
            let screen = Rect::new(0, 0, w, h);
            let regions = [l.loops, l.transcript, l.verdict, l.memory, l.strip, l.diff, l.band, l.over];
            let areas = regions.into_iter().flatten().flat_map(|r| [r.title, r.body]);
            for area in areas.chain([l.header, l.bar, l.answer, l.hint]).filter(|a| !a.is_empty()) {
                prop_assert_eq!(area.intersection(screen), area);
            }
        }
    }
}
