//! The short way of a stop: from whoever presses the key to the processes of runs and into their letters, past
//! all that the supervisor is doing. What else a stop leads to is the supervisor's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::watch;

use super::driver::{Mail, Reach};
use super::hub::Reply;
use crate::protocol::{Command, RunId};
use crate::run::Input;

/// The runs that are under way.
pub(super) struct Stops {
    runs: RefCell<BTreeMap<RunId, Rc<Reach>>>,
    /// Those that were stopped on this way by commands that nobody has obeyed yet.
    heeded: RefCell<Vec<RunId>>,
    /// Whether the supervisor obeys already.
    looked: watch::Receiver<bool>,
}

impl Stops {
    /// None yet; nothing is stopped on this way before the supervisor has looked at its runs.
    pub(super) fn new(looked: watch::Receiver<bool>) -> Rc<Self> {
        Rc::new(Self {
            runs: RefCell::default(),
            heeded: RefCell::default(),
            looked,
        })
    }

    /// From now on this run can be stopped.
    pub(super) fn add(&self, run: &RunId, reach: Rc<Reach>) {
        self.runs.borrow_mut().insert(run.clone(), reach);
    }

    /// Its driver has ended.
    pub(super) fn remove(&self, run: &RunId) {
        self.runs.borrow_mut().remove(run);
    }

    /// The run of this loop whose stop the supervisor has still to obey. It may be over already: what waits for
    /// its end must not begin before that is told.
    pub(super) fn heeded(&self, name: &str) -> Option<RunId> {
        let of_loop = |run: &&RunId| run.split().is_some_and(|(of, _)| of == name);
        self.heeded.borrow().iter().find(of_loop).cloned()
    }

    /// Stops what this command wants stopped; the runs that were reached.
    pub(super) fn heed(self: &Rc<Self>, command: &Command, reply: &Reply) -> Stopped {
        let wanted = |run: &RunId| {
            let alone = matches!(command, Command::Stop { run: wanted } if wanted == run);
            alone || *command == Command::StopAll
        };
        let mut stopped = Stopped {
            runs: Vec::new(),
            stops: self.clone(),
        };
        if !*self.looked.borrow() {
            return stopped;
        }
        let runs = self.runs.borrow();
        let wanted = runs.iter().filter(|(run, _)| wanted(run));
        for (run, reach) in wanted {
            reach.stop(Mail::from_operator(
                Input::Stop,
                run.0.clone(),
                reply.clone(),
            ));
            stopped.runs.push(run.clone());
        }
        self.heeded.borrow_mut().extend_from_slice(&stopped.runs);
        stopped
    }
}

/// What a command has stopped on the short way; kept until it is obeyed, or will never be.
pub(super) struct Stopped {
    runs: Vec<RunId>,
    stops: Rc<Stops>,
}

impl Stopped {
    /// Whether it has stopped this run.
    pub(super) fn reached(&self, run: &RunId) -> bool {
        self.runs.contains(run)
    }

    /// How many runs it has stopped.
    pub(super) fn count(&self) -> usize {
        self.runs.len()
    }

    /// Whether it has stopped nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let mut heeded = self.stops.heeded.borrow_mut();
        for run in &self.runs {
            // Another command may have stopped it, too.
            if let Some(at) = heeded.iter().position(|one| one == run) {
                heeded.remove(at);
            }
        }
    }
}
