//! Hearing one connection: what it asks waits here for the supervisor, in order. A stop goes the short way first,
//! whatever waits before it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::{Letter, Reply};
use crate::protocol::{Command, Record};
use crate::supervisor::boss::{News, Ways};

/// Commands of one connection that may wait for the supervisor.
const WAITING: usize = 256;

/// One connection being heard.
pub(super) struct Hearing {
    /// How its decisions are signed.
    pub(super) by: String,
    pub(super) commands: mpsc::Receiver<Command>,
    /// The way to its cockpit: one that reads nothing is not heard.
    pub(super) room: mpsc::Sender<Record>,
    pub(super) reply: Reply,
    pub(super) ways: Ways,
    /// Whether somebody sits in front of it.
    pub(super) here: bool,
}

impl Hearing {
    /// Hears it until it is gone, or the supervisor is.
    pub(super) async fn run(&mut self) {
        let (mut waiting, mut told) = (VecDeque::new(), false);
        loop {
            let (room, commands) = (&self.room, &mut self.commands);
            let next = async {
                // A closed way is a cockpit that has gone.
                drop(room.reserve().await.ok()?);
                commands.recv().await
            };
            tokio::select! {
                place = self.ways.letters.reserve(), if !waiting.is_empty() => {
                    let (Ok(place), Some(letter)) = (place, waiting.pop_front()) else { return };
                    place.send(letter);
                }
                place = self.ways.news.reserve(), if self.here && !told => {
                    let Ok(place) = place else { return };
                    place.send(News::Here);
                    told = true;
                }
                command = next => match command {
                    Some(Command::Here) => self.here = true,
                    Some(command) => self.take(command, &mut waiting),
                    None => break,
                },
            }
        }
        // Who has left may have asked for something last.
        for letter in waiting {
            if self.ways.letters.send(letter).await.is_err() {
                return;
            }
        }
    }

    /// Stops at once what is to be stopped, and puts the command at the end of those that wait.
    fn take(&self, command: Command, waiting: &mut VecDeque<Letter>) {
        let stopped = self.ways.stops.heed(&command, &self.reply);
        if waiting.len() >= WAITING && stopped.is_empty() {
            let why =
                format!("{WAITING} commands of this connection wait already; try again later");
            return self.reply.refuse("busy", why);
        }
        waiting.push_back(Letter {
            by: self.by.clone(),
            command,
            reply: self.reply.clone(),
            stopped,
        });
    }
}
