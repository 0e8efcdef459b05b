//! What cockpits and commands ask of the supervisor: each letter is answered, passed on to its run,
//! or refused with the reason. Nothing here decides what a run does next.

use tokio::task::spawn_local;

use super::Boss;
use crate::protocol::{Command, Fact, Fetch, Plain, Record, RunId, Written};
use crate::run::spec::PLAIN;
use crate::run::{BY_HAND, CheckpointId, Decision, Digest, Input, Run, counted};
use crate::supervisor::driver::{self, Mail};
use crate::supervisor::hub::{Letter, Reply};
use crate::supervisor::process::Halt;
use crate::supervisor::shelf::Cause;
use crate::supervisor::site::{apart, beside};
use crate::supervisor::stops::Stopped;
use crate::supervisor::trust::Trust;
use crate::supervisor::{memory, notices};

impl Boss {
    pub(super) async fn obey(&mut self, letter: Letter) {
        let Letter {
            by,
            command,
            reply,
            stopped,
        } = letter;
        match command {
            Command::Attach { .. } => reply.refuse("attach", "this connection is attached"),
            // It is heard where the connection is served.
            Command::Here => {}
            Command::Looks { checkpoint } => {
                if let Err(e) = notices::looked_at(&checkpoint, &self.shared.journal).await {
                    reply.refuse("journal", e.to_string());
                }
            }
            Command::Start { name } => self.start(&name, &reply).await,
            Command::Prompt(plain) => self.prompt(plain, &reply).await,
            Command::Fire { name, payload } => self.fire(name, payload, (&by, &reply)).await,
            Command::Tick => self.tick(&reply).await,
            Command::Decide {
                checkpoint,
                digest,
                decision,
            } => {
                self.decide(checkpoint, digest, (decision, by), reply).await;
            }
            Command::Seen { checkpoint, digest } => {
                if let Err(e) = self.shared.journal.seen(checkpoint, digest).await {
                    reply.refuse("journal", e.to_string());
                }
            }
            Command::Stop { run } => self.stop(run, stopped, reply).await,
            Command::StopAll => self.stop_all(&stopped, &reply).await,
            Command::Hold { run, on } => self.pass_on(run, Input::Hold(on), reply),
            Command::Undo { run: Some(run) } => self.revive(run, Input::Undo, reply).await,
            Command::Undo { run: None } => self.switch(false, "triggers are armed", &reply).await,
            Command::Arm { name } => self.arm(&name, &reply).await,
            Command::Disarm { name: Some(name) } => self.disarm(&name, &reply).await,
            Command::Disarm { name: None } => {
                self.switch(true, "all triggers are off", &reply).await;
            }
            Command::Resume { run } => self.revive(run, Input::Resume, reply).await,
            Command::Restore { run, iteration } => {
                self.revive(run, Input::Restore { iteration }, reply).await;
            }
            Command::SaveMemory { name, base, text } => {
                self.save_memory(name, base, text, &reply).await;
            }
            Command::Trust { name, digest } => self.trust(&name, &digest, &reply).await,
            Command::Wrote { files } => self.wrote(files, &reply).await,
            Command::Review { name } => self.review(&name, &reply).await,
            Command::Fetch(fetch) => self.fetch(fetch, reply),
            Command::Shutdown { force } => self.shut_down(force, &reply),
        }
    }

    async fn start(&mut self, name: &str, reply: &Reply) {
        self.read_rules();
        let today = self.today().await;
        let cause = Cause {
            by: BY_HAND.to_owned(),
            fired: None,
        };
        match self.begin(name, cause, &today).await {
            Ok(run) if self.is_capped(&run) => self.look().await,
            Ok(_) => {}
            Err(why) => {
                // Its files may say something else than its row.
                self.look().await;
                reply.refuse(name, why);
            }
        }
    }

    async fn decide(
        &mut self,
        checkpoint: CheckpointId,
        digest: Digest,
        (decision, by): (Decision, String),
        reply: Reply,
    ) {
        let id = checkpoint.0.clone();
        let Some(run) = id.rsplit_once('.').map(|(run, _)| RunId(run.to_owned())) else {
            return reply.refuse(&id, "this is no checkpoint's id; `status` lists them");
        };
        if let Decision::Approve { .. } = decision {
            match self
                .shared
                .journal
                .was_seen(checkpoint.clone(), digest.clone())
                .await
            {
                Ok(true) => {}
                Ok(false) => {
                    let why = format!("nobody has seen it yet; `checkride show {id}` prints it");
                    return reply.refuse(&id, why);
                }
                Err(e) => return reply.refuse(&id, e.to_string()),
            }
        }
        if let Err(why) = self.raises_within_the_day(&run, &decision).await {
            return reply.refuse(&id, why);
        }
        let input = Input::Decide {
            checkpoint,
            digest,
            decision,
            by,
        };
        match self.drivers.get(&run) {
            Some(driving) => driving.reach.post(Mail::from_operator(input, id, reply)),
            None => {
                reply.refuse(&id, "its run is over; nothing waits in it");
            }
        }
    }

    fn pass_on(&self, run: RunId, input: Input, reply: Reply) {
        match self.drivers.get(&run) {
            Some(driving) => driving.reach.post(Mail::from_operator(input, run.0, reply)),
            None => reply.refuse(&run.0, "this run is over"),
        }
    }

    /// The run of this loop that has not ended, if there is one.
    pub(super) fn under_way(&self, name: &str) -> Option<&RunId> {
        let of_loop = |run: &&RunId| run.split().is_some_and(|(of, _)| of == name);
        self.drivers.keys().find(of_loop)
    }

    /// Passes on to a run, which is brought back from the journal if it is over.
    async fn revive(&mut self, run: RunId, input: Input, reply: Reply) {
        if self.drivers.contains_key(&run) {
            return self.pass_on(run, input, reply);
        }
        if let Some(other) = run.split().and_then(|(name, _)| self.under_way(name)) {
            let why = format!("{other} is under way, and a loop has one workspace");
            return reply.refuse(&run.0, why);
        }
        let records = match self.shared.journal.run(run.clone()).await {
            Ok(records) => records,
            Err(e) => return reply.refuse(&run.0, e.to_string()),
        };
        match Run::replay(records.iter().filter_map(Record::event)) {
            Some(replayed) => {
                let mail = Mail::from_operator(input, run.0.clone(), reply);
                self.drive(run, replayed, driver::First::Mail(Box::new(mail)));
            }
            None => reply.refuse(&run.0, "there is no such run"),
        }
    }

    /// Stops a run, where that was not done on the short way. What has fired meanwhile is nobody's to throw away:
    /// it goes on waiting, and that is told, because the next of it begins in this run's place.
    async fn stop(&mut self, run: RunId, stopped: Stopped, reply: Reply) {
        if !stopped.reached(&run) {
            let Some(driving) = self.drivers.get(&run) else {
                return reply.refuse(&run.0, "this run is over");
            };
            let mail = Mail::from_operator(Input::Stop, run.0.clone(), reply.clone());
            driving.reach.stop(mail);
        }
        let name = run.split().map_or("", |(name, _)| name);
        match self.waiting(name).await {
            Ok(0) => {}
            Ok(count) => {
                let firings = counted(count, "firing");
                let what = format!(
                    "{firings} of {name} still in line: the next run begins once {run} is over; \
                     `checkride disarm {name}` lets go of them"
                );
                reply.tell(Fact::Done { what });
                // From now on the next may begin. A run that is over tells nobody any more that it is.
                drop(stopped);
                if !self.drivers.contains_key(&run) {
                    self.look().await;
                }
            }
            Err(e) => reply.refuse("journal", e.to_string()),
        }
    }

    async fn stop_all(&mut self, stopped: &Stopped, reply: &Reply) {
        for polling in self.wakes.polls.values() {
            polling.send_replace(Halt::Now);
        }
        // A run that has begun since the key was pressed is meant, too.
        let missed = self.drivers.iter().filter(|(run, _)| !stopped.reached(run));
        let mut runs = stopped.count();
        for (run, driving) in missed {
            let mail = Mail::from_operator(Input::Stop, run.0.clone(), reply.clone());
            driving.reach.stop(mail);
            runs += 1;
        }
        let stopped = match runs {
            0 => "nothing was under way".to_owned(),
            runs => format!("stopped {}", counted(runs as u64, "run")),
        };
        self.switch(true, &format!("{stopped}; all triggers are off"), reply)
            .await;
    }

    async fn save_memory(&self, name: String, base: Digest, text: String, reply: &Reply) {
        let spec = match self.shelf.spec(&name) {
            Ok(spec) => spec.clone(),
            Err(why) => return reply.refuse(name, why),
        };
        let path = spec.memory.path.clone();
        let project = self.settings.project.clone();
        let saved = beside(move || Ok((memory::save(&project, &spec, &base, &text), text)));
        match saved.await {
            Ok((Ok(saved), _)) => {
                let what = format!("saved {}", saved.path);
                self.shared.hub.say(Fact::Memory(saved));
                reply.tell(Fact::Done { what });
            }
            Ok((Err(memory::Unsaved::Conflict(theirs)), mine)) => {
                let theirs = *theirs;
                reply.tell(Fact::MemoryConflict { theirs, mine });
            }
            Ok((Err(memory::Unsaved::Trouble(trouble)), _)) | Err(trouble) => {
                reply.refuse(path, trouble.cause);
            }
        }
    }

    /// Asks a plain prompt, once.
    async fn prompt(&mut self, plain: Plain, reply: &Reply) {
        if let Some(run) = self.under_way(PLAIN) {
            let why = format!("{run} is under way; one plain prompt at a time");
            return reply.refuse(PLAIN, why);
        }
        self.shelf.read(&self.settings).await;
        let asked = self.shelf.ask(plain, &self.settings, &self.shared.journal);
        if let Err(why) = asked.await {
            return reply.refuse(PLAIN, why);
        }
        // It has a row from now on.
        self.reread().await;
        self.start(PLAIN, reply).await;
    }

    /// Shows what a loop would run.
    async fn review(&mut self, name: &str, reply: &Reply) {
        self.shelf.read(&self.settings).await;
        let (file, trust) = (self.shelf.file(name).cloned(), Trust::of(&self.settings));
        match apart(move || file.and_then(|file| trust.review(&file))).await {
            Ok(review) => reply.tell(Fact::Review(Box::new(review))),
            Err(why) => reply.refuse(name, why),
        }
        // What was read says perhaps something else than the list.
        self.tell_stand().await;
    }

    /// Allows what was shown, if it still stands so.
    async fn trust(&mut self, name: &str, digest: &Digest, reply: &Reply) {
        self.shelf.read(&self.settings).await;
        let (file, trust) = (self.shelf.file(name).cloned(), Trust::of(&self.settings));
        let shown = digest.clone();
        let allowed = apart(move || file.and_then(|file| trust.allow(&file, &shown)));
        if let Err(why) = allowed.await {
            return reply.refuse(name, why);
        }
        self.look().await;
        let what = format!("{name} is allowed as it was shown, {}", digest.short());
        reply.tell(Fact::Done { what });
    }

    /// What the operator wrote through this program is theirs; the rest is asked about as before.
    async fn wrote(&mut self, files: Vec<Written>, reply: &Reply) {
        self.shelf.read(&self.settings).await;
        let trust = Trust::of(&self.settings);
        let mut all = self.shelf.files().to_vec();
        all.retain(|file| file.spec.is_some());
        let take_over = move || {
            let each = all
                .into_iter()
                .map(|file| (trust.wrote(&file, &files), file.name));
            each.collect::<Vec<_>>()
        };
        for (taken, name) in apart(take_over).await {
            if let Err(why) = taken {
                reply.refuse(name, why);
            }
        }
        self.tell_stand().await;
        let what = "what you wrote is taken over".to_owned();
        reply.tell(Fact::Done { what });
    }

    /// Answers beside the loop: a large range must not keep a decision waiting.
    fn fetch(&self, fetch: Fetch, reply: Reply) {
        let desk = self.desk();
        spawn_local(async move { desk.answer(fetch, &reply).await });
    }

    fn shut_down(&mut self, force: bool, reply: &Reply) {
        let working = self
            .drivers
            .values()
            .filter(|driving| driving.works)
            .count();
        if working > 0 && !force {
            let why = format!("{working} at work; stop them first, or say it with force");
            return reply.refuse("host", why);
        }
        self.kill_all();
        let what = "the host ends".to_owned();
        reply.tell(Fact::Done { what });
        self.shared.hub.say(Fact::Leaving);
        self.said.send_modify(|activity| activity.leaving = true);
    }
}
