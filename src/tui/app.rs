//! The cockpit's memory: what records said, what is selected, open and typed. Pure: time and keys
//! are handed in, everything that reaches outside comes back as `Out`.

pub mod arming;
mod back;
pub mod decide;
pub mod dialogue;
pub mod field;
pub mod form;
pub mod go;
pub mod moves;
pub mod pages;
pub mod paths;
pub mod review;
pub mod runs;
pub mod saves;
pub mod search;
mod selection;
pub mod transcripts;
mod undo;
pub mod view;
pub mod wants;
pub mod why;
pub mod world;

use std::collections::BTreeMap;

use crate::protocol::{Away, Command, Fact, Record, RunId};
use crate::run::spec::Hours;
use crate::run::{CheckpointId, Event};

use super::action::{self, Action};
use super::keymap::{self, Key, Place, Receiver};
use super::layout::Pane;
use super::text::figures::Moment;
use super::text::flow::Anchor;
use arming::Arming;
use dialogue::Dialogue;
use field::{Field, Purpose};
use form::Form;
use pages::Pages;
use runs::Run;
pub use view::{Newest, Reading, Timeline};
use world::World;

/// Something for the world outside to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// Send this to the supervisor.
    Send(Command),
    /// Open the operator's editor on a text, then say what came of it.
    Edit {
        /// What stands in it now.
        text: String,
        /// What it is for.
        then: Purpose,
    },
    /// Open the operator's editor on a file of the project; then the loop's memory is read again.
    EditFile {
        /// Path, relative to the project.
        path: String,
        /// The loop.
        name: String,
    },
    /// Put this on the clipboard.
    Copy(String),
    /// Back to the shell for a while.
    Suspend,
    /// Draw everything again.
    Redraw,
    /// Leave.
    Quit,
    /// Leave for this, and come back.
    Go(Next),
}

/// What the first-run page offers and the program around the cockpit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Play the demo.
    Demo,
    /// Copy this starter into the project.
    Starter(&'static str),
}

/// What lies over the panes, topmost last.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// The pages of an iteration; of a checkpoint, where its run waits.
    Pages(Pages),
    /// The runs of a loop.
    Timeline(Timeline),
    /// The four bones of a loop.
    Inspect {
        /// The loop.
        name: String,
        /// Where it is scrolled to.
        top: Anchor,
    },
    /// What a loop would run, for the operator to allow.
    Review {
        /// The loop.
        name: String,
        /// Where it is scrolled to.
        top: Anchor,
    },
    /// What happened while nobody was here.
    Away {
        /// Where it is scrolled to.
        top: Anchor,
        /// When it opened by itself, in milliseconds since 1970; `None` where it was asked for.
        unasked: Option<i64>,
    },
    /// Help for a place.
    Help {
        /// The place.
        place: Place,
        /// Where it is scrolled to.
        top: Anchor,
    },
    /// Something to fill in.
    Form(Form),
    /// A question of the cockpit's own.
    Dialogue(Dialogue),
}

/// How the cockpit was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// Look, never decide.
    pub read_only: bool,
    /// The runs are this program's own and end with it, as in the demo.
    pub owned: bool,
}

/// Everything that a frame depends on.
#[derive(Debug, Clone)]
pub struct App {
    /// How it was started.
    pub manner: Manner,
    /// How decisions made here are signed; empty where nobody else can decide.
    pub by: String,
    /// The project's quiet hours, in which no bell rings.
    pub quiet: Option<Hours>,
    /// Notifications to be shown outside the window.
    pub notes: Vec<String>,
    /// What every run is told before this cockpit leaves, while that is not yet so.
    pub(crate) leaving: Option<Action>,
    /// The question that somebody else answered before this cockpit's answer came.
    pub(crate) outrun: Option<CheckpointId>,
    /// The time of the last key, record or frame.
    pub now: Moment,
    /// Columns and rows.
    pub size: (u16, u16),
    /// What records said.
    pub world: World,
    /// The chosen loop.
    pub selected: Option<String>,
    /// The pane that has the keys.
    pub focus: Pane,
    /// Whether it takes all the room.
    pub zoom: bool,
    /// Where the transcript is read.
    pub reading: Reading,
    /// Where verdict and memory are scrolled to.
    pub tops: BTreeMap<u8, Anchor>,
    /// The iteration whose verdict is shown, from 1; `None` for the newest.
    pub iteration: Option<usize>,
    /// What lies over the panes.
    pub layers: Vec<Layer>,
    /// What is being typed.
    pub field: Option<Field>,
    /// One line that stays until the next key.
    pub toast: Option<String>,
    /// When the host last refused something whose reason is still shown.
    complained: Option<i64>,
    /// What the list is filtered by; empty for nothing.
    pub filter: String,
    /// What is searched in a text.
    pub search: search::Search,
    /// The chosen line of the first screen.
    pub first_run: usize,
    /// Answers of a human judge so far.
    pub human: BTreeMap<CheckpointId, Vec<Option<bool>>>,
    /// What happened while nobody was here, if somebody came back.
    pub away: Option<Away>,
    /// When a decision may be taken.
    pub arming: Arming,
    /// Whether the terminal has the operator's attention, where it has told.
    pub focused: Option<bool>,
    /// What `u` takes back.
    pub newest: Newest,
    /// A save of a memory file that is on its way.
    pub(crate) saving: Option<view::Save>,
    /// New checkpoints that nobody was told about yet.
    pub bells: u32,
    /// What an answer made possible: done together with the next fetches.
    later: Vec<Out>,
    pub(crate) asked: wants::Asked,
}

impl App {
    /// A cockpit that knows nothing yet.
    pub fn new(manner: Manner, size: (u16, u16), now: Moment) -> Self {
        Self {
            manner,
            by: String::new(),
            quiet: None,
            notes: Vec::new(),
            leaving: None,
            outrun: None,
            now,
            size,
            world: World::default(),
            selected: None,
            focus: Pane::Loops,
            zoom: false,
            reading: Reading {
                follow: true,
                top: Anchor::default(),
                known: 0,
            },
            tops: BTreeMap::new(),
            iteration: None,
            layers: Vec::new(),
            field: None,
            toast: None,
            complained: None,
            filter: String::new(),
            search: search::Search::default(),
            first_run: 0,
            human: BTreeMap::new(),
            away: None,
            arming: Arming::default(),
            focused: None,
            newest: Newest::Decision,
            saving: None,
            bells: 0,
            later: Vec::new(),
            asked: wants::Asked::default(),
        }
    }

    /// Takes one record in; what it makes the cockpit ask for comes back.
    pub fn apply(&mut self, record: &Record, now: Moment) -> Vec<Out> {
        self.now = now;
        self.forget_complaint();
        let news = self.world.apply(record);
        match &record.fact {
            Fact::Run { run, event } if news => self.happened(run, event, record.at),
            Fact::Loops(_) => {
                self.keep_selection();
                self.later.extend(self.review_again());
            }
            Fact::Refused { what, why } => self.refused(what, why),
            Fact::Stalled { run, why } | Fact::Unkept { run, why } => self.complain(&run.0, why),
            Fact::Done { what } => self.done(what),
            Fact::MemoryConflict { theirs, mine } => self.conflict(theirs, mine),
            Fact::Memory(memory) => self.memory_came(memory),
            Fact::Lines { of, .. } => self.arrived(of),
            Fact::Attached { .. } => {
                self.arming.another_host();
                self.ask_again();
            }
            Fact::Run { .. }
            | Fact::Grew { .. }
            | Fact::Waiting(_)
            | Fact::Caps(_)
            | Fact::Fired { .. }
            | Fact::Ticked(_)
            | Fact::Leaving
            | Fact::HistoryEnd { .. }
            | Fact::Lapses(_)
            | Fact::Found(_)
            | Fact::Review(_) => {}
        }
        let mut out = self.wants();
        out.extend(self.leaves());
        out
    }

    fn happened(&mut self, run: &RunId, event: &Event, at: i64) {
        if let Event::Asked(checkpoint) = event {
            if self.complained.take().is_some() {
                self.toast = None;
            }
            let watched = self.looks() && self.pages_run() == Some(run);
            if self.world.attached && !watched && !self.is_quiet(run) {
                self.bells += 1;
                let kind = checkpoint.ask.kind();
                self.notes.push(format!("{run} waits: {kind}"));
            }
            self.human
                .retain(|id, _| *id == checkpoint.id || self.world.waits(id));
            self.show_question(run);
        } else if let Event::Decided {
            checkpoint,
            decision,
            by,
            ..
        } = event
        {
            self.outrun(run, checkpoint, (decision.answer(), by), at);
            self.newest = Newest::Decision;
            self.arming.answered(checkpoint);
            self.close_pages_of(run);
        } else if let Event::Restored { .. } = event {
            self.put_back(run);
        } else if let Event::Worked(_) = event {
            self.world.files.retain(|(of, _), _| of != run);
            self.asked.files_stale(run);
        } else if matches!(event, Event::Remembered { .. } | Event::Forgotten)
            && let Some((name, _)) = run.split()
        {
            self.asked.memory_stale(name);
        }
    }

    /// One key. What has to be done outside comes back.
    pub fn key(&mut self, key: Key, now: Moment) -> Vec<Out> {
        self.now = now;
        (self.toast, self.complained) = (None, None);
        self.search.stop();
        self.clear_the_way();
        let leaving = self.leaving;
        let mut out = match keymap::receiver(self) {
            Receiver::Field => self.type_key(key),
            Receiver::Place(place) => match keymap::action(place, key) {
                Some(action) => self.act(action, key),
                None => self.unbound(key),
            },
        };
        if leaving.is_some() {
            // Whoever presses another key has stayed.
            self.leaving = None;
        }
        self.arming.input(now.ms);
        out.extend(self.wants());
        out
    }

    /// Text that was pasted: only a text field takes it.
    pub fn paste(&mut self, text: &str, now: Moment) -> Vec<Out> {
        self.now = now;
        self.arming.input(now.ms);
        match &mut self.field {
            Some(field) => field.paste(text),
            None => self.toast = Some("pasted text goes nowhere here: no field is open".to_owned()),
        }
        Vec::new()
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: (u16, u16)) -> Vec<Out> {
        self.size = size;
        self.wants()
    }

    /// Does what the operator means, or says in one line why not.
    pub fn act(&mut self, action: Action, key: Key) -> Vec<Out> {
        if let Err(why) = self.can(action) {
            if self.should_open(action) {
                self.open_question();
            }
            let key = self.name_of(action, key);
            self.toast = Some(format!("{key}: {why}"));
            return Vec::new();
        }
        self.perform(action, key)
    }

    fn name_of(&self, action: Action, key: Key) -> String {
        if let Key::Char(c) = key
            && c != ' '
        {
            return c.to_string();
        }
        match keymap::receiver(self) {
            Receiver::Place(place) => {
                action::entry(place, action).map_or(String::new(), |e| e.shown.to_owned())
            }
            Receiver::Field => String::new(),
        }
    }
}
