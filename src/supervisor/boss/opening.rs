//! The opening: a host picks up and looks at everything before it obeys. Who attaches meanwhile is told
//! what the journal and the names of the files say, and may read; what would decide anything waits.

use std::iter::repeat_with;
use std::rc::Rc;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use super::{Boss, News, WAITING, Ways};
use crate::link::FarEnd;
use crate::protocol::{Command, Fact, LoopRow, LoopState, RunId};
use crate::run::Usage;
use crate::supervisor::Activity;
use crate::supervisor::hub::{Hub, Letter};
use crate::supervisor::journal::Newest;

/// Lets connections in, whatever the boss is doing.
#[derive(Clone)]
pub(super) struct Porter {
    pub(super) hub: Rc<Hub>,
    pub(super) ways: Ways,
    pub(super) said: watch::Sender<Activity>,
}

impl Porter {
    pub(super) fn open(&self, end: FarEnd) {
        self.said.send_modify(|activity| activity.cockpits += 1);
        let (hub, ways) = (self.hub.clone(), self.ways.clone());
        spawn_local(async move {
            let here = hub.serve(end, ways.clone()).await;
            // The loop is gone only when the whole supervisor is.
            drop(ways.news.send(News::Left { here }).await);
        });
    }
}

impl Boss {
    /// Does all that comes before the first letter, with the doors open. The letters that wait to be
    /// obeyed; `None` where the last door handle was dropped meanwhile.
    pub(super) async fn open_up(
        &mut self,
        doors: &mut mpsc::UnboundedReceiver<FarEnd>,
        letters: &mut mpsc::Receiver<Letter>,
    ) -> Option<Vec<Letter>> {
        // Before anybody is let in: an empty list would say that there is no loop here.
        self.recall().await;
        self.tell_unexamined().await;
        let (porter, desk) = (self.porter(), self.desk());
        let mut held = Vec::new();
        let opening = async {
            self.sweep().await;
            // What is under way is known before anything may wake.
            self.pick_up().await;
            self.reread().await;
        };
        tokio::pin!(opening);
        loop {
            tokio::select! {
                biased;
                door = doors.recv() => porter.open(door?),
                Some(letter) = letters.recv(), if held.len() < WAITING => match letter {
                    Letter { command: Command::Fetch(fetch), reply, .. } => {
                        let desk = desk.clone();
                        spawn_local(async move { desk.answer(fetch, &reply).await });
                    }
                    letter => held.push(letter),
                },
                () = &mut opening => {
                    porter.hub.has_looked();
                    return Some(held);
                }
            }
        }
    }

    /// Tells the list as the names of the files and the journal have it, before anybody has looked.
    async fn tell_unexamined(&self) {
        let names = self.shelf.names(&self.settings);
        // A journal that cannot be read is told by the run that needs it; the list stands.
        let newest = self.shared.journal.newest(names.clone()).await;
        let newest = newest.unwrap_or_default().into_iter();
        let newest = newest.chain(repeat_with(Newest::default));
        let row = |(name, newest): (String, Newest)| LoopRow {
            state: LoopState::Unexamined,
            last_run: (newest.number > 0).then(|| RunId::new(&name, newest.number)),
            earlier_today: Usage::default(),
            record: newest.outcomes,
            name,
        };
        let rows = names.into_iter().zip(newest).map(row).collect();
        self.shared.hub.say(Fact::Loops(rows));
    }
}
