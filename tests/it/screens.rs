//! Whole screens: records and keys in, text and styles out, at every size that PRODUCT names.

mod keys;
mod properties;
mod scenes;

use checkride::protocol::Record;
use checkride::tui::app::{App, Manner, Out};
use checkride::tui::draw::draw;
use checkride::tui::keymap::Key;
use checkride::tui::styles::{Role, Styles};
use checkride::tui::text::figures::Moment;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Fri 12 Jun 2026, 14:07:00 UTC.
pub(crate) const NOON: i64 = 1_781_273_220_000;

/// A cockpit with its clock, fed by hand.
pub(crate) struct Cockpit {
    pub(crate) app: App,
    pub(crate) now: Moment,
    /// All that it asked for so far.
    pub(crate) sent: Vec<Out>,
}

impl Cockpit {
    /// A cockpit of this size that was told these records.
    pub(crate) fn new(records: &[Record], size: (u16, u16)) -> Self {
        Self::with(records, size, Manner::default())
    }

    pub(crate) fn with(records: &[Record], size: (u16, u16), manner: Manner) -> Self {
        let now = Moment {
            ms: NOON,
            offset_s: 0,
        };
        let mut cockpit = Self {
            app: App::new(manner, size, now),
            now,
            sent: Vec::new(),
        };
        cockpit.tell(records);
        cockpit
    }

    /// Records arrive; texts that are asked for are answered from the scenes.
    pub(crate) fn tell(&mut self, records: &[Record]) {
        for record in records {
            let out = self.app.apply(record, self.now);
            self.take(out);
        }
        self.frame();
    }

    /// A second passes, a key is pressed, a frame is drawn.
    pub(crate) fn press(&mut self, key: Key) {
        self.wait(1_000);
        let out = self.app.key(key, self.now);
        self.take(out);
        self.frame();
    }

    /// Time passes without a key or a frame.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.now.ms += ms;
    }

    /// A frame is drawn.
    pub(crate) fn frame(&mut self) {
        drop(self.grid(&Styles::named("terminal").unwrap()));
        let out = self.app.drawn(self.now);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Out>) {
        for one in out {
            let answer = scenes::answer(&one);
            self.sent.push(one);
            if let Some(record) = answer {
                let more = self.app.apply(&record, self.now);
                self.take(more);
            }
        }
    }

    /// Presses keys written as in `jj<enter>`.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        for key in parse(keys) {
            self.press(key);
        }
        self
    }

    fn grid(&self, styles: &Styles) -> Buffer {
        let (w, h) = self.app.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        draw(&self.app, styles, &mut buf);
        buf
    }

    /// The screen as text.
    pub(crate) fn text(&self, theme: &str) -> String {
        let buf = self.grid(&Styles::named(theme).unwrap());
        lines(&buf, |cell| cell.symbol().to_owned())
    }

    /// The screen as text, then a grid of style letters with its legend.
    pub(crate) fn snapshot(&self) -> String {
        let styles = Styles::named("terminal").unwrap();
        let buf = self.grid(&styles);
        let text = lines(&buf, |cell| cell.symbol().to_owned());
        let mut used = Vec::new();
        let letters = lines(&buf, |cell| {
            let found = Role::ALL.iter().find(|(role, _)| {
                let style = styles.of(*role);
                style.fg.unwrap_or_default() == cell.fg
                    && style.bg.unwrap_or_default() == cell.bg
                    && style.add_modifier == cell.modifier
            });
            match found {
                // A blank says nothing unless it is filled.
                Some((role, _))
                    if cell.symbol() == " " && *role != Role::NeedsYou && *role != Role::Sel =>
                {
                    " ".to_owned()
                }
                Some((role, letter)) => {
                    if !used.contains(&(*role, *letter)) {
                        used.push((*role, *letter));
                    }
                    letter.to_string()
                }
                None => "?".to_owned(),
            }
        });
        used.sort();
        let legend: Vec<String> = used.iter().map(|(r, l)| format!("{l} {r:?}")).collect();
        format!("{text}\n\n{letters}\n\n{}", legend.join(" · "))
    }
}

fn lines(buf: &Buffer, mut cell: impl FnMut(&ratatui::buffer::Cell) -> String) -> String {
    let area = buf.area;
    (0..area.height)
        .map(|y| {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                let c = &buf[(x, y)];
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                skip = checkride::tui::text::width(c.symbol()).saturating_sub(1);
                line.push_str(&cell(c));
            }
            line.trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// `jj<enter>` → keys.
pub(crate) fn parse(text: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
            keys.push(match name {
                "enter" => Key::Enter,
                "esc" => Key::Esc,
                "tab" => Key::Tab,
                "space" => Key::Char(' '),
                "end" => Key::End,
                "pgdn" => Key::PageDown,
                "bs" => Key::Backspace,
                ctrl => Key::Ctrl(ctrl.strip_prefix("c-").unwrap().chars().next().unwrap()),
            });
            rest = after;
        } else {
            keys.push(Key::Char(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    keys
}

/// The sizes that PRODUCT names.
const SIZES: [(u16, u16); 4] = [(48, 16), (80, 24), (120, 36), (200, 60)];

/// Snapshots a scene after these keys, at each of these sizes; mono must have the same text.
fn screens(name: &str, records: &[Record], keys: &str, sizes: &[(u16, u16)]) {
    for &(w, h) in sizes {
        let mut cockpit = Cockpit::new(records, (w, h));
        cockpit.keys(keys);
        assert_eq!(
            cockpit.text("mono"),
            cockpit.text("terminal"),
            "{name} in mono"
        );
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}-{w}x{h}"), cockpit.snapshot());
        });
    }
}

/// The cockpit while nothing runs (PRODUCT §3.4).
#[test]
fn idle() {
    screens("idle", &scenes::idle(), "", &SIZES);
}

/// The cockpit while a run works.
#[test]
fn running() {
    screens("running", &scenes::running(), "", &SIZES);
}

/// The cockpit while a run waits: the bar asks, the panes stay.
#[test]
fn blocked() {
    screens("blocked", &scenes::work(), "", &SIZES);
}
