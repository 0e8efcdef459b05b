//! Questions of the cockpit's own: leaving while runs are active, a memory that changed on disk,
//! a host that went away.

use crate::protocol::{Command, MemoryText};

use super::field::Purpose;
use super::runs::Phase;
use super::{App, Layer, Out};
use crate::tui::action::Action;

/// The line between two texts that are merged by hand.
pub(crate) const MARKER: &str = "<<<<<<< above: yours · below: on disk >>>>>>>";

/// A question of the cockpit's own.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialogue {
    /// Leaving while runs are active.
    Quit,
    /// Leaving while runs are active that end with this program.
    End,
    /// The memory changed on disk while it was edited.
    Conflict {
        /// What stands on disk.
        theirs: MemoryText,
        /// What was to be saved.
        mine: String,
    },
    /// The host went away: one line of why and what to do.
    Lost(String),
}

impl Dialogue {
    /// The actions it answers to, in the order of its line.
    pub fn answers(&self) -> &'static [Action] {
        match self {
            Self::Quit => &[Action::LeaveRunning, Action::HoldAll, Action::Stop],
            Self::Conflict { .. } => &[Action::KeepMine, Action::TakeTheirs, Action::Merge],
            Self::End | Self::Lost(_) => &[Action::LeaveRunning],
        }
    }
}

impl App {
    /// The open question of the cockpit's own.
    pub fn dialogue(&self) -> Option<&Dialogue> {
        match self.layers.last() {
            Some(Layer::Dialogue(dialogue)) => Some(dialogue),
            _ => None,
        }
    }

    /// The connection to the host is gone.
    pub fn lost(&mut self) {
        self.world.parted = true;
        let why = "the host has gone; its journal is on disk. Leave and start checkride again";
        self.layers
            .push(Layer::Dialogue(Dialogue::Lost(why.to_owned())));
    }

    /// `q` at the top.
    pub(crate) fn leave(&mut self) -> Vec<Out> {
        if self.world.active().next().is_none() || self.leaving.is_some() {
            return vec![Out::Quit];
        }
        let asks = if self.manner.owned {
            Dialogue::End
        } else {
            Dialogue::Quit
        };
        self.layers.push(Layer::Dialogue(asks));
        Vec::new()
    }

    /// An answer to the open question.
    pub(crate) fn answer_dialogue(&mut self, action: Action) -> Vec<Out> {
        let Some(dialogue) = self.dialogue().cloned() else {
            return Vec::new();
        };
        self.layers.pop();
        match dialogue {
            Dialogue::End | Dialogue::Lost(_) => vec![Out::Quit],
            Dialogue::Quit => {
                self.leaving = Some(action);
                let mut out = self.before_leaving(action);
                out.extend(self.leaves());
                out
            }
            Dialogue::Conflict { theirs, mine } => self.settle(action, &theirs, mine),
        }
    }

    /// Leaves, once the host has told that what was to come before is so.
    pub(crate) fn leaves(&mut self) -> Option<Out> {
        let action = self.leaving?;
        let done = self.world.active().all(|run| {
            if action == Action::Stop {
                run.phase == Phase::Stopping
            } else {
                action != Action::HoldAll || run.hold_asked || run.rests()
            }
        });
        done.then_some(Out::Quit)
    }

    /// Holds or stops every run; leaving itself stops none.
    fn before_leaving(&self, action: Action) -> Vec<Out> {
        let each = |run: &super::runs::Run| {
            let run = run.id.clone();
            if action == Action::HoldAll {
                Some(Command::Hold { run, on: true })
            } else {
                (action == Action::Stop).then_some(Command::Stop { run })
            }
        };
        self.world
            .active()
            .filter_map(each)
            .map(Out::Send)
            .collect()
    }

    fn settle(&mut self, action: Action, theirs: &MemoryText, mine: String) -> Vec<Out> {
        if action == Action::KeepMine {
            return vec![self.save_memory(theirs, mine)];
        }
        if action == Action::Merge {
            let both = format!("{mine}\n{MARKER}\n{}", theirs.text);
            let purpose = Purpose::Memory(theirs.name.clone(), theirs.digest.clone());
            self.open_field(purpose, &theirs.text);
            if let Some(field) = &mut self.field {
                field.replace(&both);
            }
        }
        Vec::new()
    }
}
