//! Whether an action can be done just now, and the one line of why where it cannot.
//! What it then does is `go.rs` and `decide.rs`.

use crate::protocol::{LoopRow, LoopState};
use crate::run::spec::PLAIN;
use crate::run::{Answer, Ask};

use super::decide::open_rubric;
use super::runs::Phase;
use super::{App, Layer};
use crate::tui::action::Action;
use crate::tui::text::figures;

const READ_ONLY: &str = "this cockpit only looks (--read-only)";

/// Why nothing is changed where no host runs.
pub(crate) const PARTED: &str = "no host runs: what stands here is as it was; `checkride` in another terminal starts one, and this \
     one goes on";

const UNEXAMINED: &str = "the host has just begun and looks at it; press again in a moment";

impl App {
    /// Whether an action can be done now; if not, why, in one line.
    pub fn can(&self, action: Action) -> Result<(), String> {
        if self.manner.read_only && changes(action) {
            return Err(READ_ONLY.to_owned());
        }
        if self.world.parted && changes(action) {
            return Err(PARTED.to_owned());
        }
        self.can_here(action)
    }

    fn can_here(&self, action: Action) -> Result<(), String> {
        match action {
            Action::Approve => self.can_answer(Answer::Approve),
            Action::Edit => self.can_answer(Answer::Edit),
            Action::Retry => self.can_retry(),
            Action::Stop => self.can_stop(),
            Action::Start => self.can_start(),
            Action::Allow => self.can_allow(),
            Action::Hold => self.can_hold(),
            Action::Undo => self.can_undo(),
            Action::Away => self.can_look_back(),
            Action::Waiting => none_if(
                self.world.waiting().is_empty(),
                "nothing is waiting for you",
            ),
            Action::Toggle => self.can_toggle(),
            Action::Prompt | Action::Diff | Action::Verdict | Action::Output => none_if(
                self.pages().is_none() && self.shown_run().is_none(),
                "no run to show yet",
            ),
            Action::Memory | Action::Inspect | Action::Timeline | Action::Ask => {
                self.can_use_loop()
            }
            Action::Outside => self.can_outside(),
            Action::Earlier | Action::Later => none_if(
                self.shown_run().is_none_or(|r| r.iterations.is_empty()),
                "there is no iteration yet",
            ),
            Action::Follow => none_if(
                self.run().is_none_or(|r| r.lines == 0),
                "there is no transcript yet",
            ),
            Action::NextMatch | Action::PreviousMatch => self.can_match(),
            Action::StopAll
            | Action::Filter
            | Action::Down
            | Action::Up
            | Action::First
            | Action::Last
            | Action::PageDown
            | Action::PageUp
            | Action::More
            | Action::Less
            | Action::Next
            | Action::Previous
            | Action::Pane
            | Action::Zoom
            | Action::Open
            | Action::Back
            | Action::Quit
            | Action::Copy
            | Action::CopyPath
            | Action::Help
            | Action::Suspend
            | Action::Redraw => Ok(()),
            Action::LeaveRunning
            | Action::HoldAll
            | Action::KeepMine
            | Action::TakeTheirs
            | Action::Merge => self.can_answer_dialogue(action),
        }
    }

    fn can_look_back(&self) -> Result<(), String> {
        none_if(
            self.away.is_none(),
            "this page comes when you were away for five minutes and something happened",
        )
    }

    fn can_match(&self) -> Result<(), String> {
        if self.spot().is_some() {
            let none = self.search.needle.is_empty();
            return none_if(none, "nothing is searched yet; / begins");
        }
        let filter = match self.layers.last() {
            Some(Layer::Timeline(timeline)) => &timeline.filter,
            Some(_) | None => &self.filter,
        };
        none_if(filter.is_empty(), "no filter is set; / sets one")
    }

    fn can_toggle(&self) -> Result<(), String> {
        let lines = self.question().map_or(0, |q| open_rubric(&q));
        none_if(lines == 0, "no rubric line waits for your answer here")
    }

    /// Whether one of the four answers may be given to the question in front.
    fn can_answer(&self, answer: Answer) -> Result<(), String> {
        let Some(question) = self.question() else {
            return Err(match answer {
                Answer::Approve => "nothing is waiting for approval here",
                Answer::Edit => "nothing here can be edited; m edits the memory",
                Answer::Retry => "nothing here waits to be done over",
                Answer::Abort => "nothing here can be stopped",
            }
            .to_owned());
        };
        let ask = &question.checkpoint.ask;
        if !ask.allows(answer) {
            return Err(match (ask, answer) {
                (Ask::Question { .. }, _) => {
                    "a question is answered with e, or left open with r".to_owned()
                }
                (Ask::Budget { .. }, Answer::Approve) => {
                    "approving cannot spend; e raises the cap".to_owned()
                }
                (ask, _) => format!("a {} checkpoint does not take this answer", ask.kind()),
            });
        }
        if let (Answer::Edit, Some(day)) = (answer, question.day) {
            return Err(day.line(&figures::until(self.now, day.ends)));
        }
        if answer == Answer::Approve
            && open_rubric(&question) > 0
            && !self.has_judged(&question.checkpoint.id)
        {
            return Err("answer every rubric line first, with 1–9".to_owned());
        }
        let shown = question.shown();
        // Stopping needs no reading: it keeps everything.
        if answer != Answer::Abort && !self.arming.has_seen(&shown) {
            return Err("this was not shown yet; read it, then press again".to_owned());
        }
        if answer == Answer::Approve && self.arming.has_unread(&shown) {
            return Err("more to look at (▲) stands below: j goes on, then a".to_owned());
        }
        self.arming
            .ready(&shown, self.now.ms)
            .map_err(str::to_owned)
    }

    fn can_retry(&self) -> Result<(), String> {
        let ended = self.run().is_some_and(|r| !r.active());
        if self.question().is_none() && ended && self.layers.is_empty() {
            let stopped = self
                .run()
                .and_then(|r| r.outcome())
                .is_some_and(|o| !o.goal_met());
            return none_if(!stopped, "this run reached its goal; s starts another");
        }
        self.can_answer(Answer::Retry)
    }

    fn can_stop(&self) -> Result<(), String> {
        if let Some(Layer::Dialogue(_)) = self.layers.last() {
            return self.can_answer_dialogue(Action::Stop);
        }
        if self.question().is_some() {
            return self.can_answer(Answer::Abort);
        }
        match self.shown_run().map(|r| &r.phase) {
            Some(Phase::Ended(..)) | None => Err("no run of this loop is active".to_owned()),
            Some(
                Phase::Queued
                | Phase::Busy(..)
                | Phase::Asking(..)
                | Phase::Held(_)
                | Phase::Paused(_)
                // A second press waits for nobody's last words.
                | Phase::Stopping,
            ) => Ok(()),
        }
    }

    fn can_start(&self) -> Result<(), String> {
        let Some(row) = self.name().and_then(|n| self.world.row(n)) else {
            return Err("choose a loop first".to_owned());
        };
        match &row.state {
            LoopState::Invalid { line, why } => {
                Err(format!("loops/{}.toml, line {line}: {why}", row.name))
            }
            LoopState::Gone => Err(LoopRow::gone(&row.name)),
            // The host obeys once it has looked, and refuses then what it may not run.
            LoopState::Unexamined | LoopState::Valid(_) => none_if(
                self.run().is_some_and(super::runs::Run::active),
                "it is running already; x stops it",
            ),
        }
    }

    fn can_hold(&self) -> Result<(), String> {
        match self.run().map(|r| &r.phase) {
            Some(Phase::Queued | Phase::Busy(..) | Phase::Held(_) | Phase::Paused(_)) => Ok(()),
            Some(Phase::Asking(..)) => Err("it already waits for you".to_owned()),
            Some(Phase::Stopping) => Err("it is being stopped".to_owned()),
            Some(Phase::Ended(..)) | None => Err("no run of this loop is active".to_owned()),
        }
    }

    fn can_undo(&self) -> Result<(), String> {
        if let Some(Layer::Timeline(_)) = self.layers.last() {
            let run = self.shown_run();
            return none_if(
                run.is_none_or(|r| r.iterations.is_empty()),
                "this run has no restore point",
            );
        }
        // Whether there is a trigger to arm is not known yet, and decisions come after that.
        self.is_examined()
    }

    /// Refuses what goes by a loop's file before the host has looked at it.
    fn is_examined(&self) -> Result<(), String> {
        let row = self.name().and_then(|name| self.world.row(name));
        none_if(row.is_some_and(LoopRow::is_unexamined), UNEXAMINED)
    }

    fn can_outside(&self) -> Result<(), String> {
        let plain = self.pages().is_none() && self.name() == Some(PLAIN);
        none_if(plain, "a plain prompt has no file; s repeats it")?;
        self.is_examined()?;
        none_if(self.name().is_none(), "choose a loop first")
    }

    fn can_use_loop(&self) -> Result<(), String> {
        let Some(row) = self.name().and_then(|n| self.world.row(n)) else {
            return Err("choose a loop first".to_owned());
        };
        match &row.state {
            LoopState::Unexamined => Err(UNEXAMINED.to_owned()),
            LoopState::Invalid { line, why } => {
                Err(format!("loops/{}.toml, line {line}: {why}", row.name))
            }
            LoopState::Gone => Err(LoopRow::gone(&row.name)),
            LoopState::Valid(_) => Ok(()),
        }
    }

    fn can_answer_dialogue(&self, action: Action) -> Result<(), String> {
        let fits = self
            .dialogue()
            .is_some_and(|d| d.answers().contains(&action));
        none_if(
            !fits,
            "this question has other answers; they stand in the bar",
        )
    }
}

/// Whether an action asks the supervisor to change something.
fn changes(action: Action) -> bool {
    use Action as A;
    [
        A::Approve,
        A::Edit,
        A::Retry,
        A::Stop,
        A::StopAll,
        A::Start,
        A::Allow,
        A::Ask,
        A::Hold,
        A::Undo,
        A::Toggle,
        A::Memory,
        A::Outside,
        A::HoldAll,
        A::KeepMine,
        A::Merge,
    ]
    .contains(&action)
}

fn none_if(missing: bool, why: &str) -> Result<(), String> {
    if missing { Err(why.to_owned()) } else { Ok(()) }
}
