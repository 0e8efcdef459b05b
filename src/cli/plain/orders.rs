//! What runs are told to do: begin, stop, wait, go on, go back. Each order is heard out before the next line is
//! read, so that the end of the input takes none back.

use tokio::io::AsyncRead;

use super::Plain;
use crate::cli::{Fail, run, trust};
use crate::protocol::{self, Command, Fact, RunId};
use crate::run::spec::PLAIN;
use crate::run::{Event, Phase};

impl<R: AsyncRead + Unpin> Plain<'_, '_, R> {
    pub(super) async fn start(&mut self, name: &str) -> Result<(), Fail> {
        if self.follows_one() {
            return Ok(());
        }
        if let Err(fail) = trust::usable(&mut self.session, name).await {
            self.say(&fail.line);
            return Ok(());
        }
        let command = Command::Start {
            name: name.to_owned(),
        };
        self.order(command, |run, event| begins(name, run, event))
            .await
    }

    pub(super) async fn prompt(&mut self, text: &str) -> Result<(), Fail> {
        if self.follows_one() {
            return Ok(());
        }
        let plain = protocol::Plain {
            text: text.to_owned(),
            skill: None,
            worker: None,
        };
        let command = Command::Prompt(plain);
        self.order(command, |run, event| begins(PLAIN, run, event))
            .await
    }

    pub(super) async fn stop(&mut self, name: &str) -> Result<(), Fail> {
        let named = RunId(name.to_owned());
        let run = if self.session.known.runs.contains_key(&named) {
            Some(named)
        } else {
            run::under_way(&self.session, name)
        };
        let Some(run) = run else {
            self.say(&format!("{name}: nothing is under way"));
            return Ok(());
        };
        let stop = Command::Stop { run: run.clone() };
        // A draft that cannot be written is asked about.
        self.order(stop, |of, event| {
            *of == run && matches!(event, Event::Ended(_) | Event::Asked(_))
        })
        .await
    }

    pub(super) async fn hold(&mut self, name: &str) -> Result<(), Fail> {
        let Some(run) = self.meant(name) else {
            return Ok(());
        };
        let on = true;
        let hold = Command::Hold {
            run: run.clone(),
            on,
        };
        self.order(hold, |of, event| {
            *of == run && matches!(event, Event::HoldAsked(_))
        })
        .await
    }

    /// Nothing happens in a run that is held, paused or stopped: what comes next comes of this.
    pub(super) async fn resume(&mut self, name: &str) -> Result<(), Fail> {
        let Some(run) = self.meant(name) else {
            return Ok(());
        };
        let known = self.session.known.run(&run);
        let over =
            known.is_some_and(|run| matches!(run.phase(), Phase::Ended(_) | Phase::Paused(_)));
        let resume = if over {
            Command::Resume { run: run.clone() }
        } else {
            Command::Hold {
                run: run.clone(),
                on: false,
            }
        };
        self.order(resume, |of, _| *of == run).await
    }

    /// Takes the last decision or restore of a loop's newest run back; taken back already, does it again.
    pub(super) async fn undo(&mut self, name: &str) -> Result<(), Fail> {
        let Some(run) = self.meant(name) else {
            return Ok(());
        };
        let undo = Command::Undo {
            run: Some(run.clone()),
        };
        self.order(undo, |of, event| {
            let done = matches!(event, Event::Undone { .. } | Event::Decided { .. });
            *of == run && (done || matches!(event, Event::Restored { .. } | Event::Failed(_)))
        })
        .await
    }

    /// Puts the files of a loop's newest run back to a restore point.
    pub(super) async fn restore(
        &mut self,
        name: &str,
        iteration: Option<&str>,
    ) -> Result<(), Fail> {
        let Some(iteration) = iteration.and_then(|typed| typed.parse().ok()) else {
            return self.stray("restore LOOP N: N is the iteration to go back to the start of");
        };
        let Some(run) = self.meant(name) else {
            return Ok(());
        };
        let restore = Command::Restore {
            run: run.clone(),
            iteration,
        };
        self.order(restore, |of, event| {
            *of == run && matches!(event, Event::Restored { .. } | Event::Failed(_))
        })
        .await
    }

    /// Whether one run alone is followed, which is said: another would be started unseen.
    fn follows_one(&mut self) -> bool {
        let Some(only) = &self.only else {
            return false;
        };
        let line = format!("only {only} is followed here; checkride --plain follows all loops");
        self.say(&line);
        true
    }

    /// The run of this name, or the newest of the loop of this name.
    fn meant(&mut self, name: &str) -> Option<RunId> {
        let known = &self.session.known;
        let named = RunId(name.to_owned());
        let run = if known.runs.contains_key(&named) {
            Some(named)
        } else {
            known.newest(name).cloned()
        };
        if run.is_none() {
            self.say(&format!(
                "{name}: no such run, and no loop of this name ever ran"
            ));
        }
        run
    }

    /// Sends this and hears all until this comes of it, or it is refused or cannot be written down yet.
    async fn order(
        &mut self,
        command: Command,
        comes: impl Fn(&RunId, &Event) -> bool,
    ) -> Result<(), Fail> {
        self.session.ask(command).await?;
        loop {
            let record = self.session.next().await?;
            self.hear(&record);
            let unheard = matches!(
                record.fact,
                Fact::Refused { .. } | Fact::Stalled { .. } | Fact::Unkept { .. }
            );
            let came = matches!(&record.fact, Fact::Run { run, event } if comes(run, event));
            if unheard || came {
                return Ok(());
            }
        }
    }
}

/// Whether a run of this loop begins with this event.
fn begins(name: &str, run: &RunId, event: &Event) -> bool {
    matches!(event, Event::Woke(_)) && run.split().is_some_and(|(of, _)| of == name)
}
