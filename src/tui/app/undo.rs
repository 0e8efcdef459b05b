//! What `u` takes back: a restore, a save of memory, `X`, or the last decision. Pure.

use crate::protocol::{Command, RunId, Waking};

use super::runs::{Restoring, Run};
use super::{App, Layer, Newest, Out};

impl App {
    /// In the timeline: the workspace. Else a memory save or `X`, where that was last or still holds;
    /// else the last decision of the run.
    pub(super) fn undo(&mut self) -> Vec<Out> {
        let listed = matches!(self.layers.last(), Some(Layer::Timeline(_)));
        match std::mem::take(&mut self.newest) {
            Newest::StopAll => return vec![self.arm(Command::Undo { run: None })],
            Newest::Memory(save) if !listed => return vec![self.unsave(save)],
            newest @ Newest::Memory(_) => self.newest = newest,
            Newest::Decision => {
                if let Some(command) = self.arms().filter(|_| !listed) {
                    return vec![self.arm(command)];
                }
            }
        }
        let run = self.shown_run();
        if let (Some(Layer::Timeline(timeline)), Some(run)) = (self.layers.last(), run) {
            let iteration = match timeline.iteration {
                0 => run.now(),
                chosen => chosen,
            };
            let (run_id, iteration) =
                (run.id.clone(), u32::try_from(iteration).unwrap_or(u32::MAX));
            let stands_there = run.put_back_before() == Some(iteration);
            return vec![Out::Send(if stands_there {
                Command::Undo { run: Some(run_id) }
            } else {
                Command::Restore {
                    run: run_id,
                    iteration,
                }
            })];
        }
        let run = run
            .filter(|r| !r.decisions.is_empty() || r.restoring != Restoring::None)
            .map(|r| r.id.clone());
        if run.is_none() && !self.world.is_any_off() {
            self.toast = Some("u: there is nothing to take back here".to_owned());
            return Vec::new();
        }
        vec![Out::Send(Command::Undo { run })]
    }

    /// Arms triggers, and says what the next press does.
    fn arm(&mut self, command: Command) -> Out {
        let what = if let Command::Arm { name } = &command {
            format!("arming {name} for as long again")
        } else {
            "switching the triggers on again".to_owned()
        };
        self.toast = Some(format!("u: {what}; press it again for the last decision"));
        Out::Send(command)
    }

    /// How `u` arms the chosen loop's trigger before it takes a decision back: `X` holds it, or its time is
    /// over. One that is only nearly over comes after the decisions. A loop that its own file switches
    /// off is no such.
    pub(crate) fn arms(&self) -> Option<Command> {
        let name = self.name()?;
        let facts = self.world.facts(name)?;
        // `X` has ended every run: one that goes on has been started since, and so decided in since.
        let since = |run: &Run| run.active() && !run.decisions.is_empty();
        if facts.off && facts.spec.enabled && !self.shown_run().is_some_and(since) {
            return Some(Command::Undo { run: None });
        }
        let decided = self.shown_run().is_some_and(|r| !r.decisions.is_empty());
        let over = matches!(facts.waking, Waking::Expired { .. });
        let soon = !decided && facts.expires_soon(self.now.ms).is_some();
        (over || soon).then(|| Command::Arm {
            name: name.to_owned(),
        })
    }

    /// Files of a run were put back: `u` takes that back before anything else.
    pub(super) fn put_back(&mut self, run: &RunId) {
        let shown = self.shown_run().filter(|shown| shown.id == *run);
        let line = shown.and_then(Run::restore_line);
        if self.world.attached && line.is_some() {
            self.newest = Newest::Decision;
            self.toast = line;
        }
    }
}
