//! What is typed while nothing is asked: status, start, stop, answer, leave.

use tokio::io::AsyncRead;

use super::{Plain, READ_ONLY};
use crate::cli::{Exit, Fail, run, status};
use crate::protocol::{Command, RunId};

/// What may be typed while nothing is asked.
const WISHES: &str = "\
status        how every loop stands
start LOOP    start a loop
stop LOOP     stop its run and keep everything
answer [ID]   ask again what was put off
quit          leave; runs go on, and what waits goes on waiting
";

impl<R: AsyncRead + Unpin> Plain<'_, '_, R> {
    /// Does what a line asks for; how plain mode leaves, if it does.
    pub(super) async fn obey(&mut self, line: &str) -> Result<Option<Exit>, Fail> {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        if words.next().is_some() {
            self.stray("one command a line; help lists them")?;
            return Ok(None);
        }
        if !first.is_empty() && super::question::is_answer(first) {
            if self.means.read_only {
                self.stray(READ_ONLY)?;
                return Ok(None);
            }
            self.ahead = true;
            self.stray(&format!("nothing is asked now; {first} was not taken"))?;
            return Ok(None);
        }
        self.strays = 0;
        match (first, second) {
            ("", _) => {}
            ("help", None) => self.out.text(WISHES),
            ("status", None) => {
                let now_ms = jiff::Timestamp::now().as_millisecond();
                let stands = status::status(&self.session.known, now_ms);
                self.out.text(&status::render(&stands));
            }
            ("quit", None) => return Ok(Some(self.leave())),
            ("answer", id) => self.again(id),
            ("start" | "stop", Some(_)) if self.means.read_only => self.say(READ_ONLY),
            ("start", Some(name)) => self.start(name).await?,
            ("stop", Some(name)) => self.stop(name).await?,
            ("start" | "stop", None) => self.say(&format!("{first} which loop?")),
            (_, _) => self.stray(&format!("{first}: no such command; help lists them"))?,
        }
        Ok(None)
    }

    /// Asks again what was put off: one question, or all.
    fn again(&mut self, id: Option<&str>) {
        let before = self.put_off.len();
        let named = |checkpoint: &str| {
            id.is_none_or(|id| {
                checkpoint == id
                    || checkpoint
                        .strip_prefix(id)
                        .is_some_and(|rest| rest.starts_with(['.', '-']))
            })
        };
        self.put_off.retain(|(checkpoint, _)| !named(&checkpoint.0));
        if before == self.put_off.len() {
            self.say("nothing of that name was put off");
        }
    }

    async fn start(&mut self, name: &str) -> Result<(), Fail> {
        if let Some(only) = &self.only {
            let line = format!("only {only} is followed here; checkride --plain follows all loops");
            self.say(&line);
            return Ok(());
        }
        if let Err(fail) = self.session.known.usable(name) {
            self.say(&fail.line);
            return Ok(());
        }
        let name = name.to_owned();
        self.session.ask(Command::Start { name }).await
    }

    async fn stop(&mut self, name: &str) -> Result<(), Fail> {
        let named = RunId(name.to_owned());
        let run = if self.session.known.runs.contains_key(&named) {
            Some(named)
        } else {
            run::under_way(&self.session, name)
        };
        if let Some(run) = run {
            return self.session.ask(Command::Stop { run }).await;
        }
        self.say(&format!("{name}: nothing is under way"));
        Ok(())
    }
}
