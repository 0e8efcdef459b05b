//! What the system says to a program in a terminal: leave, or look how large it is now.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the system says to a program in a terminal. None of it ends the program from here on: the
/// cockpit leaves in order.
#[derive(Debug)]
pub struct Signals {
    pub(super) ends: [Signal; 4],
    pub(super) window: Signal,
}

impl Signals {
    /// Listens from now on. Wants the runtime that the cockpit runs on.
    pub fn heed() -> io::Result<Self> {
        Ok(Self {
            ends: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
            ],
            window: signal(SignalKind::window_change())?,
        })
    }

    /// Waits for the signal to leave, of whatever kind.
    pub(super) async fn end(ends: &mut [Signal; 4]) {
        let [hangup, term, interrupt, quit] = ends;
        tokio::select! {
            _ = hangup.recv() => {}
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
        }
    }
}
