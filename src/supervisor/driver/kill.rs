//! The short way from a key to the processes of a run: nothing lies between that could be slow.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::watch;

use crate::supervisor::process::Halt;

/// Kills what a run has in flight, without asking anything else.
#[derive(Clone, Default)]
pub(super) struct Kill(Rc<RefCell<Option<watch::Sender<Halt>>>>);

impl Kill {
    /// An operator wants it gone. Whoever asks again waits for nobody's last words.
    pub(super) fn press(&self) {
        self.rise(|halt| match halt {
            Halt::No | Halt::Politely => Halt::Now,
            Halt::Now | Halt::Outright => Halt::Outright,
        });
    }

    /// Whether there was something to kill.
    pub(super) fn now(&self) -> bool {
        self.rise(|halt| halt.max(Halt::Now))
    }

    fn rise(&self, to: impl Fn(Halt) -> Halt) -> bool {
        let flight = self.0.borrow();
        // A receiver that is gone has landed already.
        let flight = flight.as_ref().filter(|flight| !flight.is_closed());
        if let Some(flight) = flight {
            flight.send_modify(|halt| *halt = to(*halt));
        }
        flight.is_some()
    }

    pub(super) fn arm(&self) -> watch::Receiver<Halt> {
        let (sender, halt) = watch::channel(Halt::No);
        *self.0.borrow_mut() = Some(sender);
        halt
    }

    pub(super) fn disarm(&self) {
        *self.0.borrow_mut() = None;
    }
}
