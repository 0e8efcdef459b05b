//! Who may work now: at most so many runs at a time. A run that waits for a person holds no turn, and
//! goes ahead of new runs once it is answered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

use super::hub::Hub;
use crate::protocol::RunId;

/// The turns of one project.
pub(super) struct Turns {
    hub: Rc<Hub>,
    line: RefCell<Line>,
    changed: Notify,
}

/// The right to work, until it is dropped.
struct Turn(Rc<Turns>);

/// Whether a run has been at work before; who has goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It goes on.
    Goes,
    /// It is new.
    New,
}

/// One run's way to its turn.
pub(super) struct Pass {
    turns: Rc<Turns>,
    run: RunId,
    rank: Rank,
    held: Rc<RefCell<Option<Turn>>>,
    /// The place that a new run has from the moment on in which it was asked for, until it needs it: who
    /// came later is not ahead because its first files were written sooner.
    place: RefCell<Option<Place>>,
}

impl Pass {
    pub(super) fn new(turns: Rc<Turns>, run: &RunId, rank: Rank) -> Self {
        let place = match rank {
            Rank::New => Some(turns.join(run, rank)),
            Rank::Goes => None,
        };
        Self {
            turns,
            run: run.clone(),
            rank,
            held: Rc::default(),
            place: RefCell::new(place),
        }
    }

    /// A wait until the run may work: none where it already may.
    pub(super) fn wait(&mut self) -> impl Future<Output = ()> + use<> {
        let (held, turns) = (self.held.clone(), self.turns.clone());
        let (run, rank) = (self.run.clone(), self.rank);
        let place = self.place.take();
        self.rank = Rank::Goes;
        async move {
            if held.borrow().is_none() {
                let place = place.unwrap_or_else(|| turns.join(&run, rank));
                let turn = turns.take(place).await;
                held.replace(Some(turn));
            }
        }
    }

    /// The run works no more for now: somebody else may.
    pub(super) fn give_back(&self) {
        drop(self.place.take());
        drop(self.held.borrow_mut().take());
    }
}

struct Line {
    most: usize,
    working: usize,
    next: u64,
    waiting: BTreeMap<(Rank, u64), RunId>,
}

/// A place in the line, left when it is dropped.
struct Place {
    turns: Rc<Turns>,
    at: (Rank, u64),
}

impl Turns {
    pub(super) fn new(hub: Rc<Hub>) -> Rc<Self> {
        let line = Line {
            most: 1,
            working: 0,
            next: 0,
            waiting: BTreeMap::new(),
        };
        Rc::new(Self {
            hub,
            line: RefCell::new(line),
            changed: Notify::new(),
        })
    }

    /// From now on so many may work at the same time; those at work already go on.
    pub(super) fn allow(&self, most: usize) {
        self.line.borrow_mut().most = most.max(1);
        self.changed.notify_waiters();
    }

    /// Waits for a turn. Whoever stops waiting has left the line.
    async fn take(self: &Rc<Self>, place: Place) -> Turn {
        loop {
            let changed = self.changed.notified();
            if self.line.borrow_mut().admits(place.at) {
                drop(place);
                return Turn(self.clone());
            }
            self.say();
            changed.await;
        }
    }

    fn join(self: &Rc<Self>, run: &RunId, rank: Rank) -> Place {
        let mut line = self.line.borrow_mut();
        let at = (rank, line.next);
        line.next += 1;
        line.waiting.insert(at, run.clone());
        Place {
            turns: self.clone(),
            at,
        }
    }

    /// Says who waits, the next one first. For whom there is room waits for nobody.
    fn say(&self) {
        let line = self.line.borrow();
        let room = line.most.saturating_sub(line.working);
        let waiting = line.waiting.values().skip(room).cloned().collect();
        drop(line);
        self.hub.say_waiting(waiting);
    }
}

impl Line {
    /// Whether it is this one's turn, which is then taken.
    fn admits(&mut self, at: (Rank, u64)) -> bool {
        let first = self.waiting.keys().next() == Some(&at);
        let admitted = first && self.working < self.most;
        self.working += usize::from(admitted);
        admitted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.turns.line.borrow_mut().waiting.remove(&self.at);
        self.turns.say();
        self.turns.changed.notify_waiters();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.line.borrow_mut().working -= 1;
        self.0.changed.notify_waiters();
    }
}
