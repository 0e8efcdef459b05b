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
    /// Whether the supervisor obeys already.
    looked: watch::Receiver<bool>,
}

impl Stops {
    /// None yet; nothing is stopped on this way before the supervisor has looked at its runs.
    pub(super) fn new(looked: watch::Receiver<bool>) -> Rc<Self> {
        Rc::new(Self {
            runs: RefCell::default(),
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

    /// Stops what this command wants stopped; the runs that were reached.
    pub(super) fn heed(&self, command: &Command, reply: &Reply) -> Vec<RunId> {
        let wanted = |run: &RunId| {
            let alone = matches!(command, Command::Stop { run: wanted } if wanted == run);
            alone || *command == Command::StopAll
        };
        if !*self.looked.borrow() {
            return Vec::new();
        }
        let runs = self.runs.borrow();
        let wanted = runs.iter().filter(|(run, _)| wanted(run));
        let stopped = wanted.map(|(run, reach)| {
            reach.stop(Mail::from_operator(
                Input::Stop,
                run.0.clone(),
                reply.clone(),
            ));
            run.clone()
        });
        stopped.collect()
    }
}
