//! What is being typed: its purpose, its text, and how it is left. Esc never decides; Enter sends a
//! single line only.

use ratatui::style::{Modifier, Style};
use tui_textarea::{CursorMove, TextArea, WrapMode};

use crate::protocol::MemoryText;
use crate::run::{Decision, Digest, Edit};

use super::arming::Shown;
use super::dialogue::{Dialogue, MARKER};
use super::why::PARTED;
use super::{App, Layer, Out};
use crate::tui::keymap::Key;
use crate::tui::text;
use crate::tui::text::spelling::Spelling;

/// What a text is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The note of a retry.
    Note(Shown),
    /// The answer to a question.
    Answer(Shown),
    /// The digest before a publish.
    Typed(Shown),
    /// The prompt of this iteration.
    Prompt(Shown),
    /// One changed file.
    File(Shown, String),
    /// A memory file that began as this digest.
    Memory(String, Digest),
    /// A plain prompt, by this skill and this loop's worker where they are named.
    Plain {
        /// The skill's folder.
        skill: Option<String>,
        /// The loop.
        worker: Option<String>,
    },
    /// The filter of a list.
    Filter,
    /// What is searched in a text.
    Search,
    /// A text row of the open form.
    Row(usize),
}

/// How a field is being left, where that asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Enter keeps what was typed.
    Keep,
    /// Enter throws it away.
    Discard,
}

/// A text being typed.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it is for.
    pub purpose: Purpose,
    /// The text and the cursor.
    pub area: TextArea<'static>,
    /// The text at the start.
    pub before: String,
    /// How it is spelled in the editor.
    spelling: Spelling,
    /// The question it is being left with.
    pub leaving: Option<Leaving>,
}

impl Field {
    /// A field that starts with this text.
    pub fn new(purpose: Purpose, before: &str) -> Self {
        let spelling = Spelling::of(before);
        let mut field = Self {
            purpose,
            area: TextArea::new(spelling.lines().to_vec()),
            before: before.to_owned(),
            spelling,
            leaving: None,
        };
        field.area.set_max_histories(1_000);
        if field.is_large() {
            field.area.set_wrap_mode(WrapMode::Word);
            // Where lines begin with tabs, as in a makefile, blanks would not do.
            let tabs = before.lines().any(|line| line.starts_with('\t'));
            field.area.set_hard_tab_indent(tabs);
            let quiet = Style::new().add_modifier(Modifier::DIM);
            field.area.set_line_number_style(quiet);
            field.area.set_cursor_line_style(Style::new());
        } else {
            field.area.move_cursor(CursorMove::End);
        }
        field
    }

    /// Whether it takes a whole layer; a small one is a single line in the bar.
    pub fn is_large(&self) -> bool {
        match self.purpose {
            Purpose::Prompt(_) | Purpose::File(..) | Purpose::Memory(..) | Purpose::Row(_) => true,
            Purpose::Note(_)
            | Purpose::Answer(_)
            | Purpose::Typed(_)
            | Purpose::Plain { .. }
            | Purpose::Filter
            | Purpose::Search => false,
        }
    }

    /// The text as it stands: what was not touched is as it was before.
    pub fn text(&self) -> String {
        if self.is_large() {
            self.spelling.given_back(self.area.lines())
        } else {
            self.area.lines().join("\n")
        }
    }

    /// Whether anything is changed.
    pub fn changed(&self) -> bool {
        let untyped = self.before.is_empty() && self.area.is_empty();
        let touched = self.area.lines() != self.spelling.lines();
        !untyped && (touched || self.before != self.spelling.before())
    }

    /// Puts another text into the editor; what it started from stays.
    pub fn replace(&mut self, text: &str) {
        let before = std::mem::take(&mut self.before);
        *self = Self::new(self.purpose.clone(), text);
        self.before = before;
    }

    /// Takes pasted text.
    pub fn paste(&mut self, pasted: &str) {
        self.leaving = None;
        if self.is_large() {
            let lines = self.spelling.paste(pasted);
            self.area.insert_str(lines.join("\n"));
        } else {
            let lines: Vec<_> = pasted.lines().map(text::bare).collect();
            self.area.insert_str(lines.join(" "));
        }
    }
}

impl App {
    /// Opens a field.
    pub(crate) fn open_field(&mut self, purpose: Purpose, before: &str) {
        self.field = Some(Field::new(purpose, before));
    }

    /// Opens the memory editor on a loop's file.
    pub(crate) fn open_memory(&mut self, name: &str) {
        match self.world.memories.get(name).cloned() {
            Some(memory) => {
                let purpose = Purpose::Memory(memory.name, memory.digest);
                self.open_field(purpose, &memory.text);
            }
            None => self.toast = Some("m: the memory file is still being read".to_owned()),
        }
    }

    /// A key while a field is open.
    pub(crate) fn type_key(&mut self, key: Key) -> Vec<Out> {
        let Some(field) = &mut self.field else {
            return Vec::new();
        };
        if let Some(leaving) = field.leaving.take() {
            return match (key, leaving) {
                (Key::Enter, Leaving::Keep) => self.finish_field(),
                (Key::Enter, Leaving::Discard) | (Key::Ctrl('c'), _) => self.drop_field(),
                _ => Vec::new(),
            };
        }
        if let Key::Ctrl(c) = key {
            return self.type_ctrl(c);
        }
        if key == Key::Esc {
            return self.leave_field();
        }
        if key == Key::Enter && !field.is_large() {
            return self.finish_field();
        }
        field.area.input(key.input());
        self.filter_as_typed();
        Vec::new()
    }

    /// Ctrl with a letter in a field: only what the terminal world already owns.
    fn type_ctrl(&mut self, c: char) -> Vec<Out> {
        let Some(field) = &mut self.field else {
            return Vec::new();
        };
        match c {
            'c' if field.is_large() && field.changed() => {
                field.leaving = Some(Leaving::Discard);
            }
            'c' => return self.drop_field(),
            // In one line it does what it does in a shell.
            'u' if !field.is_large() => drop(field.area.delete_line_by_head()),
            'u' => drop(field.area.undo()),
            'r' => drop(field.area.redo()),
            'z' => return vec![Out::Suspend],
            'l' => return vec![Out::Redraw],
            _ => {}
        }
        self.filter_as_typed();
        Vec::new()
    }

    fn filter_as_typed(&mut self) {
        if let Some(field) = &self.field
            && field.purpose == Purpose::Filter
        {
            let words = field.area.lines().concat();
            self.set_filter(&words);
        }
    }

    fn drop_field(&mut self) -> Vec<Out> {
        if let Some(field) = self.field.take()
            && field.purpose == Purpose::Filter
        {
            self.set_filter("");
        }
        Vec::new()
    }

    /// Esc: memory is saved; what would decide something asks for Enter; the rest is left.
    fn leave_field(&mut self) -> Vec<Out> {
        let Some(field) = &mut self.field else {
            return Vec::new();
        };
        match field.purpose {
            Purpose::Memory(..) | Purpose::Row(_) => self.finish_field(),
            Purpose::Prompt(_) | Purpose::File(..) if field.changed() => {
                field.leaving = Some(Leaving::Keep);
                Vec::new()
            }
            Purpose::Prompt(_)
            | Purpose::File(..)
            | Purpose::Note(_)
            | Purpose::Answer(_)
            | Purpose::Typed(_)
            | Purpose::Plain { .. }
            | Purpose::Filter
            | Purpose::Search => self.drop_field(),
        }
    }

    /// Whether what was typed stays in the editor, because no host runs that could take it.
    fn waits_for_a_host(&mut self) -> bool {
        let sends = self.field.as_ref().is_some_and(|field| {
            let stays = matches!(
                field.purpose,
                Purpose::Filter | Purpose::Search | Purpose::Row(_)
            );
            field.changed() && !stays
        });
        let waits = self.world.parted && sends;
        if waits {
            self.toast = Some(PARTED.to_owned());
        }
        waits
    }

    fn finish_field(&mut self) -> Vec<Out> {
        let waits = self.waits_for_a_host();
        let Some(field) = self.field.as_ref().filter(|_| !waits) else {
            return Vec::new();
        };
        let (text, changed) = (field.text(), field.changed());
        let purpose = field.purpose.clone();
        match purpose {
            Purpose::Note(shown) => {
                let note = Some(text.trim().to_owned()).filter(|t| !t.is_empty());
                self.send_typed(&shown, Decision::Retry { note })
            }
            Purpose::Answer(_) if text.trim().is_empty() => {
                self.toast = Some("an empty answer says nothing; r lets the worker decide".into());
                Vec::new()
            }
            Purpose::Answer(shown) => {
                let text = text.trim().to_owned();
                self.send_typed(&shown, Decision::Edit(Edit::Answer { text }))
            }
            Purpose::Typed(shown) => self.send_digest(&shown, text.trim()),
            Purpose::Plain { skill, worker } => self.send_plain(&text, skill, worker),
            Purpose::Prompt(shown) => {
                self.send_typed(&shown, Decision::Edit(Edit::Prompt { text }))
            }
            Purpose::File(shown, path) => {
                self.send_typed(&shown, Decision::Edit(Edit::File { path, text }))
            }
            Purpose::Memory(..) if text.lines().any(|line| line == MARKER) => {
                self.toast = Some(format!("not saved: take the line «{MARKER}» out first"));
                Vec::new()
            }
            Purpose::Memory(name, base) => {
                let before = field.before.clone();
                self.field = None;
                let base = MemoryText {
                    name,
                    path: String::new(),
                    digest: base,
                    text: before,
                };
                let save = changed.then(|| self.save_memory(&base, text));
                save.into_iter().collect()
            }
            Purpose::Filter => {
                self.field = None;
                Vec::new()
            }
            Purpose::Search => {
                self.field = None;
                self.search_for(&text);
                Vec::new()
            }
            Purpose::Row(row) => {
                self.field = None;
                if let Some(Layer::Form(form)) = self.layers.last_mut() {
                    form.set_text(row, text.trim());
                }
                Vec::new()
            }
        }
    }

    fn send_digest(&mut self, shown: &Shown, typed: &str) -> Vec<Out> {
        if !typed.eq_ignore_ascii_case(shown.1.short()) {
            self.toast = Some("these are not the 8 digits; nothing was sent".to_owned());
            return Vec::new();
        }
        let typed = Some(shown.1.short().to_owned());
        self.send_typed(shown, Decision::Approve { typed })
    }

    /// Sends what a field decided, unless the question has changed meanwhile; then nothing is lost.
    fn send_typed(&mut self, shown: &Shown, decision: Decision) -> Vec<Out> {
        if !self.asks(shown) {
            self.toast = Some("the question has changed meanwhile; nothing was sent".to_owned());
            return Vec::new();
        }
        self.field = None;
        vec![self.send_decision(shown, decision)]
    }

    /// The operator's editor returned this text.
    pub fn edited(&mut self, then: Purpose, text: &str) -> Vec<Out> {
        let before = match self.field.take() {
            Some(field) if field.purpose == then => field.before,
            field => {
                self.field = field;
                self.before_of(&then)
            }
        };
        let mut field = Field::new(then, &before);
        field.replace(text);
        let keep = field.changed() && !matches!(field.purpose, Purpose::Memory(..));
        field.leaving = keep.then_some(Leaving::Keep);
        self.field = Some(field);
        self.wants()
    }

    fn before_of(&self, purpose: &Purpose) -> String {
        match purpose {
            Purpose::Memory(name, _) => self
                .world
                .memories
                .get(name)
                .map_or_else(String::new, |m| m.text.clone()),
            Purpose::Prompt(shown) => self.prompt_text(shown).unwrap_or_default(),
            Purpose::File(..)
            | Purpose::Note(_)
            | Purpose::Answer(_)
            | Purpose::Typed(_)
            | Purpose::Plain { .. }
            | Purpose::Filter
            | Purpose::Search
            | Purpose::Row(_) => String::new(),
        }
    }

    /// A save met another change of the file.
    pub(crate) fn conflict(&mut self, theirs: &MemoryText, mine: &str) {
        self.layers.push(Layer::Dialogue(Dialogue::Conflict {
            theirs: theirs.clone(),
            mine: mine.to_owned(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file comes back byte by byte where nothing is typed: with its tabs, with its last line feed or
    /// without one, with its line ends and what hides in it.
    #[test]
    fn a_file_comes_back_as_it_was() {
        for text in [
            "all:\n\tcc x.c\n",
            "a\n\n",
            "no line feed",
            "\ta\tb\n",
            "a\r\nb\r\n",
            "a\u{200b}b",
            "\u{feff}a \u{1b}[2J",
        ] {
            let field = Field::new(Purpose::Row(0), text);
            assert_eq!((field.text().as_str(), field.changed()), (text, false));
        }
    }
}
