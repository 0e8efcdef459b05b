//! What reaches a run under way: letters, of which only so many wait, and a stop. Nothing here waits, so that a run
//! that is held holds up nobody who writes to it.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit, Receiver, Sender};

use super::kill::Kill;
use super::mail::Mail;

/// Letters that may wait for one run.
const INBOX: usize = 64;

/// Why a run that has ended does nothing more.
const OVER: &str = "this run is over";

/// The supervisor's way to one run.
pub(in crate::supervisor) struct Reach {
    mail: Sender<Mail>,
    /// A place among the letters that nothing but a stop takes.
    place: RefCell<Option<OwnedPermit<Mail>>>,
    kill: Kill,
}

impl Reach {
    /// The way to a run and the run's end of it, with what kills what it has in flight.
    pub(super) fn new(kill: Kill) -> (Rc<Self>, Sender<Mail>, Receiver<Mail>) {
        let (mail, inbox) = mpsc::channel(INBOX + 1);
        let place = mail.clone().try_reserve_owned().ok();
        let reach = Self {
            mail: mail.clone(),
            place: RefCell::new(place),
            kill,
        };
        (Rc::new(reach), mail, inbox)
    }

    /// Hands a letter to the run; one that has ended refuses it, and so does one that has too many to read.
    pub(in crate::supervisor) fn post(&self, mail: Mail) {
        match self.mail.try_send(mail) {
            Ok(()) => {}
            Err(TrySendError::Full(mail)) => mail.refuse(&format!(
                "{INBOX} commands wait for this run already; try again once it goes on"
            )),
            Err(TrySendError::Closed(mail)) => mail.refuse(OVER),
        }
    }

    /// Kills what is in flight, and lets the run know that it was meant, however many letters wait.
    pub(in crate::supervisor) fn stop(&self, mail: Mail) {
        self.kill.press();
        if self.mail.is_closed() {
            return mail.refuse(OVER);
        }
        let another = || self.mail.clone().try_reserve_owned().ok();
        match self.place.take().or_else(another) {
            Some(place) => drop(place.send(mail)),
            None => mail.refuse("this run has been told to stop already"),
        }
        self.place.replace(another());
    }

    /// Kills what is in flight, for a supervisor that ends.
    pub(in crate::supervisor) fn kill(&self) {
        self.kill.press();
    }
}
