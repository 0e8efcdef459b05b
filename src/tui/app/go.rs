//! What each action does: moving, opening, closing, and the commands that are no decisions.

use crate::protocol::Command;
use crate::run::{Answer, counted};

use super::field::Purpose;
use super::form::{self, Body};
use super::moves::Move;
use super::pages::Tab;
use super::paths::loop_file;
use super::runs::Run;
use super::search::Search;
use super::{App, Layer, Newest, Next, Out, Timeline};
use crate::tui::action::Action;
use crate::tui::keymap::{self, Key, Place, Receiver};
use crate::tui::layers::first_run::Choice;
use crate::tui::layout::Pane;
use crate::tui::text::flow::Anchor;
use crate::tui::{layers, panes};

impl App {
    /// Does it; `can` has said yes.
    pub(crate) fn perform(&mut self, action: Action, key: Key) -> Vec<Out> {
        match action {
            Action::Approve => return self.answer(Answer::Approve),
            Action::Edit => return self.answer(Answer::Edit),
            Action::Retry => return self.retry(),
            Action::Stop => return self.stop(),
            Action::StopAll => return self.stop_all(),
            Action::Start => return self.start(),
            Action::Allow => return self.allow(),
            Action::Ask => self.open_plain(),
            Action::Hold => return self.hold(),
            Action::Undo => return self.undo(),
            Action::Open => return self.open(),
            Action::Outside => return self.outside(),
            Action::Copy => return self.copy(),
            Action::CopyPath => return self.copy_path(),
            Action::Back => return self.back(false),
            Action::Quit => return self.back(true),
            Action::Suspend => return vec![Out::Suspend],
            Action::Redraw => return vec![Out::Redraw],
            Action::LeaveRunning
            | Action::HoldAll
            | Action::KeepMine
            | Action::TakeTheirs
            | Action::Merge => return self.answer_dialogue(action),
            Action::Down
            | Action::Up
            | Action::First
            | Action::Last
            | Action::PageDown
            | Action::PageUp => self.shift(Move::of(action)),
            Action::Waiting => self.show_waiting(),
            Action::Prompt => self.show(Tab::Prompt),
            Action::Diff => self.show(Tab::Diff),
            Action::Verdict => self.show(Tab::Verdict),
            Action::Output => self.show(Tab::Output),
            Action::Memory => self.show_memory(),
            Action::Timeline => self.show_timeline(),
            Action::Away => self.toggle_away(),
            Action::Inspect => self.show_bones(),
            Action::Help => self.show_help(),
            Action::Toggle => self.toggle(key.digit().unwrap_or(0)),
            Action::More | Action::Less => self.change(action == Action::More),
            Action::Next => self.turn(1),
            Action::Previous => self.turn(-1),
            Action::Pane => self.focus_on(key.digit().unwrap_or(1) - 1),
            Action::Zoom => self.zoom = !self.zoom,
            Action::Follow => self.reading.follow = true,
            Action::Earlier => self.iterate(-1),
            Action::Later => self.iterate(1),
            Action::Filter => self.open_search(),
            Action::NextMatch => self.match_on(true),
            Action::PreviousMatch => self.match_on(false),
        }
        Vec::new()
    }

    /// The next or the previous value of a form.
    fn change(&mut self, next: bool) {
        if let Some(Layer::Form(form)) = self.layers.last_mut() {
            form.change(next);
        }
    }

    /// The run that the open layer or the panes show.
    pub fn shown_run(&self) -> Option<&Run> {
        match self.layers.last() {
            Some(Layer::Pages(pages)) => self.world.runs.get(&pages.run),
            Some(Layer::Timeline(timeline)) => self.runs_in(timeline).get(timeline.chosen).copied(),
            Some(
                Layer::Inspect { .. }
                | Layer::Review { .. }
                | Layer::Away { .. }
                | Layer::Help { .. }
                | Layer::Form(_)
                | Layer::Dialogue(_),
            )
            | None => self.run(),
        }
    }

    fn hold(&self) -> Vec<Out> {
        self.run()
            .map(|run| {
                let on = !run.hold_asked && run.rests_before().is_none();
                let run = run.id.clone();
                Out::Send(Command::Hold { run, on })
            })
            .into_iter()
            .collect()
    }

    fn stop(&mut self) -> Vec<Out> {
        if let Some(Layer::Dialogue(_)) = self.layers.last() {
            return self.answer_dialogue(Action::Stop);
        }
        if self.question().is_some() {
            return self.answer(Answer::Abort);
        }
        let run = self.shown_run().map(|r| r.id.clone());
        run.map(|run| Out::Send(Command::Stop { run }))
            .into_iter()
            .collect()
    }

    fn stop_all(&mut self) -> Vec<Out> {
        self.newest = Newest::StopAll;
        vec![Out::Send(Command::StopAll)]
    }

    fn retry(&mut self) -> Vec<Out> {
        if self.question().is_some() {
            return self.answer(Answer::Retry);
        }
        let run = self.shown_run().map(|r| r.id.clone());
        run.map(|run| Out::Send(Command::Resume { run }))
            .into_iter()
            .collect()
    }

    fn show_waiting(&mut self) {
        if let Some((run, _)) = self.next_waiting() {
            let (id, name) = (run.id.clone(), run.name().to_owned());
            self.layers.clear();
            self.select(&name);
            self.open_pages(&id, None);
        }
    }

    fn show_bones(&mut self) {
        let name = self.name().unwrap_or_default().to_owned();
        let top = Anchor::default();
        self.layers.push(Layer::Inspect { name, top });
    }

    /// Turns the open pages to this one, or opens those of the shown run and iteration.
    fn show(&mut self, tab: Tab) {
        if let Some(pages) = self.pages_mut() {
            pages.tab = tab;
            return;
        }
        let iteration = match self.layers.last() {
            Some(Layer::Timeline(timeline)) => timeline.iteration,
            Some(_) | None => self.iteration.unwrap_or(0),
        };
        if let Some(run) = self.shown_run().map(|r| r.id.clone()) {
            self.open_pages(&run, Some(tab));
            if let (1.., Some(pages)) = (iteration, self.pages_mut()) {
                pages.iteration = iteration;
            }
        }
    }

    fn show_timeline(&mut self) {
        let name = self.name().unwrap_or_default().to_owned();
        self.layers.push(Layer::Timeline(Timeline {
            name,
            ..Timeline::default()
        }));
    }

    /// A key that does nothing says so.
    pub(super) fn unbound(&mut self, key: Key) -> Vec<Out> {
        if let Key::Char(c) = key {
            let c = if c == ' ' { "space" } else { &c.to_string() };
            self.toast = Some(
                match (self.layers.last(), keymap::action(Place::Main, key)) {
                    (Some(layer), Some(_)) => format!("{c}: close {} first with Esc", layer.word()),
                    (Some(_), None) | (None, _) => format!("{c}: nothing here; ? shows the keys"),
                },
            );
        }
        Vec::new()
    }

    fn show_help(&mut self) {
        let Receiver::Place(place) = keymap::receiver(self) else {
            return;
        };
        if place == Place::Help {
            self.layers.pop();
            return;
        }
        let top = Anchor::default();
        self.layers.push(Layer::Help { place, top });
    }

    /// `m`: in the pages first their memory page, then the editor.
    fn show_memory(&mut self) {
        if let Some(pages) = self.pages_mut()
            && pages.tab != Tab::Memory
        {
            pages.tab = Tab::Memory;
            return;
        }
        let name = match self.pages_run().and_then(|r| r.split()) {
            Some((name, _)) => name.to_owned(),
            None => self.name().unwrap_or_default().to_owned(),
        };
        self.open_memory(&name);
    }

    fn open(&mut self) -> Vec<Out> {
        match self.layers.last() {
            Some(Layer::Form(_)) => return self.choose(),
            Some(Layer::Timeline(_)) => self.show(Tab::Verdict),
            Some(Layer::Away { .. }) => self.toggle_away(),
            Some(
                Layer::Pages(_)
                | Layer::Inspect { .. }
                | Layer::Review { .. }
                | Layer::Help { .. }
                | Layer::Dialogue(_),
            ) => {}
            None if self.nothing_here() => {
                return self.begin_with(layers::first_run::choice(self.first_run));
            }
            None if self.question().is_some() => self.open_question(),
            None if self.run().is_some() => self.show(Tab::Verdict),
            None => self.show_bones(),
        }
        Vec::new()
    }

    /// What the first-run page offers. A cockpit that only looks writes nothing.
    fn begin_with(&mut self, choice: Choice) -> Vec<Out> {
        match choice {
            Choice::Then(Next::Starter(_)) | Choice::Ask if self.manner.read_only => {
                self.toast =
                    Some("this cockpit only looks: start it without --read-only".to_owned());
                Vec::new()
            }
            Choice::Ask => {
                self.open_plain();
                Vec::new()
            }
            Choice::Then(next) => vec![Out::Go(next)],
            Choice::Copy(command) => {
                self.toast = Some(format!("copied «{command}»: leave with q and run it"));
                vec![Out::Copy(command.to_owned())]
            }
        }
    }

    /// `E`: the prompt or a draft that is asked about, the memory that is shown, else the loop file.
    fn outside(&mut self) -> Vec<Out> {
        if let Some(Layer::Form(form)) = self.layers.last_mut() {
            form.outside = true;
            return self.choose();
        }
        if let (Some(pages), Some(question)) = (self.pages(), self.question()) {
            let (tab, run, shown) = (pages.tab, pages.run.clone(), question.shown());
            if let (Tab::Prompt, Some(text)) = (tab, self.prompt_text(&shown)) {
                let then = Purpose::Prompt(shown);
                return vec![Out::Edit { text, then }];
            }
            let files = form::of(question.run, question.checkpoint, &[]);
            if let (Tab::Diff | Tab::Output, Some(body @ Body::Files(_))) = (tab, files) {
                self.open_form(&run, shown, body);
                return Vec::new();
            }
        }
        let name = self.name().unwrap_or_default().to_owned();
        let path = self.file_of(&name);
        vec![Out::EditFile { path, name }]
    }

    /// The file that `E` opens for a loop: its memory where that is shown, else the loop file.
    fn file_of(&self, name: &str) -> String {
        let memory = match self.pages() {
            Some(pages) => pages.tab == Tab::Memory,
            None => self.layers.is_empty() && self.focus == Pane::Memory,
        };
        match self.world.facts(name) {
            Some(facts) if memory => facts.spec.memory.path.clone(),
            Some(_) | None => loop_file(name),
        }
    }

    fn copy(&mut self) -> Vec<Out> {
        let text = match self.layers.last() {
            Some(Layer::Pages(pages)) => layers::checkpoint::plain(self, pages),
            Some(_) | None => panes::plain(self),
        };
        if text.is_empty() {
            self.toast = Some("y: there is nothing to copy here".to_owned());
            return Vec::new();
        }
        self.toast = Some(format!(
            "copied {}",
            counted(text.chars().count() as u64, "character")
        ));
        vec![Out::Copy(text)]
    }

    /// Closes what is on top; at the top level `q` leaves and Esc clears the filter.
    fn back(&mut self, quit: bool) -> Vec<Out> {
        if let (false, Some(Layer::Timeline(timeline))) = (quit, self.layers.last())
            && !timeline.filter.is_empty()
        {
            self.set_filter("");
            return Vec::new();
        }
        if self.layers.pop().is_some() {
            self.search = Search::default();
            return Vec::new();
        }
        if quit {
            return self.leave();
        }
        if !self.search.needle.is_empty() {
            self.search = Search::default();
        } else if self.zoom {
            self.zoom = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
            self.keep_selection();
        }
        Vec::new()
    }
}
