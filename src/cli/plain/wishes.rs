//! What is typed while nothing is asked: looking, arming, trusting, answering later, leaving. What a run is
//! to do is in `orders`.

use tokio::io::AsyncRead;

use super::{Plain, READ_ONLY};
use crate::cli::{Exit, Fail, arm, log, status, trust};
use crate::protocol::Command;
use crate::run::Digest;

/// What may be typed while nothing is asked.
const WISHES: &str = "\
status          how every loop stands
log LOOP        what happened in its newest runs
start LOOP      start a loop
prompt TEXT     run a prompt once, without a loop
stop LOOP       stop its run and keep everything
hold LOOP       hold its run before its next step
resume LOOP     let a held run go on, or pick a stopped one up
undo LOOP       take back the last decision of its newest run
restore LOOP N  put its files back to before iteration N
arm [LOOP]      arm its trigger, or all that are off
disarm [LOOP]   switch its trigger off, or all
trust LOOP      show what it would run, and how to allow exactly that
answer [ID]     ask again what was put off
quit            leave; runs go on, and what waits goes on waiting
";

/// What changes something.
const CHANGES: [&str; 10] = [
    "start", "prompt", "stop", "hold", "resume", "undo", "restore", "arm", "disarm", "trust",
];

/// Runs that `log` tells.
const RUNS: u32 = 3;

impl<R: AsyncRead + Unpin> Plain<'_, '_, R> {
    /// Does what a line asks for; how plain mode leaves, if it does.
    pub(super) async fn obey(&mut self, line: &str) -> Result<Option<Exit>, Fail> {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let (third, more) = (words.next(), words.next());
        let fits = match first {
            "prompt" => true,
            "trust" | "restore" => more.is_none(),
            _ => third.is_none(),
        };
        if !fits {
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
            ("log", Some(name)) => self.log(name).await?,
            ("trust", Some(name)) if third.is_none() => self.review(name).await?,
            _ => self.change(line, (first, second, third)).await?,
        }
        Ok(None)
    }

    /// Does what changes something.
    async fn change(
        &mut self,
        line: &str,
        (first, second, third): (&str, Option<&str>, Option<&str>),
    ) -> Result<(), Fail> {
        match (first, second) {
            (first, _) if self.means.read_only && CHANGES.contains(&first) => self.say(READ_ONLY),
            ("trust", Some(name)) => self.allow(name, third.unwrap_or_default()).await?,
            ("prompt", Some(_)) => {
                let text = line.trim_start().strip_prefix(first).unwrap_or_default();
                self.prompt(text.trim()).await?;
            }
            ("start", Some(name)) => self.start(name).await?,
            ("stop", Some(name)) => self.stop(name).await?,
            ("hold", Some(name)) => self.hold(name).await?,
            ("resume", Some(name)) => self.resume(name).await?,
            ("undo", Some(name)) => self.undo(name).await?,
            ("restore", Some(name)) => self.restore(name, third).await?,
            ("arm", None) => {
                let all = Command::Undo { run: None };
                self.done(all, "triggers").await?;
            }
            ("arm", Some(name)) => {
                let one = Command::Arm {
                    name: name.to_owned(),
                };
                self.done(one, name).await?;
            }
            ("disarm", name) => {
                let off = Command::Disarm {
                    name: name.map(str::to_owned),
                };
                self.done(off, name.unwrap_or("triggers")).await?;
            }
            ("prompt", None) => self.say("prompt what?"),
            ("log", None) => self.say("log of which loop?"),
            (first, None) if CHANGES.contains(&first) => self.say(&format!("{first} which loop?")),
            (_, _) => self.stray(&format!("{first}: no such command; help lists them"))?,
        }
        Ok(())
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

    /// Sends this and tells what came of it: whoever types the next line knows.
    async fn done(&mut self, command: Command, what: &str) -> Result<(), Fail> {
        match arm::ask(&mut self.session, command, what).await {
            Ok(line) => self.say(&line),
            Err(fail) if fail.exit == Exit::Refused => self.say(&fail.line),
            Err(fail) => return Err(fail),
        }
        Ok(())
    }

    async fn log(&mut self, name: &str) -> Result<(), Fail> {
        if let Err(fail) = self.session.known.row(name) {
            self.say(&fail.line);
            return Ok(());
        }
        let (runs, _) = log::fetch(&mut self.session, name, u32::MAX, RUNS).await?;
        for (_, records) in runs {
            self.out.text(&log::render(&records, &self.session.zone));
        }
        Ok(())
    }

    /// Shows what a loop would run. Its digits allow exactly that, and nothing that was not shown here.
    async fn review(&mut self, name: &str) -> Result<(), Fail> {
        let review = match trust::review(&mut self.session, name).await {
            Ok(review) => review,
            Err(fail) if fail.exit == Exit::Refused => {
                self.say(&fail.line);
                return Ok(());
            }
            Err(fail) => return Err(fail),
        };
        trust::tell(&review, self.out);
        if review.allowed {
            self.say(&format!("{name} may run as it stands"));
        } else {
            let short = review.digest.short();
            self.say(&format!("trust {name} {short} allows exactly this"));
        }
        self.reviewed.insert(name.to_owned(), review.digest);
        Ok(())
    }

    async fn allow(&mut self, name: &str, digits: &str) -> Result<(), Fail> {
        let shown = self.reviewed.get(name);
        match shown
            .filter(|digest: &&Digest| digest.short() == digits)
            .cloned()
        {
            Some(digest) => {
                let command = Command::Trust {
                    name: name.to_owned(),
                    digest,
                };
                self.done(command, name).await
            }
            None => self.stray(&format!(
                "these are not the digits of what was shown of {name}; trust {name} shows it"
            )),
        }
    }
}
