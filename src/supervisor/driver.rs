//! One run under way: input in, a step of the machine, its events on disk, then shown, then its
//! effect carried out. What carrying out means for each effect is beside this file.

mod artefacts;
mod clean;
mod deliver;
mod errands;
mod kill;
mod mail;
mod narrate;
mod preflight;
mod reach;
mod room;
mod till;
mod turn;
mod verify;
mod work;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::spawn_local;

use super::boss::News;
use super::journal::Batch;
use super::site::Site;
use super::turns::{Pass, Rank};
use super::worker::leave::Permit;
use crate::protocol::{Fact, RunId};
use crate::run::spec::Budget;
use crate::run::{Effect, Event, Input, Phase, Run, Step};
use kill::Kill;
pub(super) use mail::Mail;
pub(super) use reach::Reach;

/// How long a run waits before it writes again to a journal that refused.
const WRITE_AGAIN: Duration = Duration::from_secs(2);

/// The supervisor's hold on one driver.
pub(super) struct Driving {
    /// The way to it.
    pub(super) reach: Rc<Reach>,
    /// Whether something is in flight.
    pub(super) works: bool,
    /// Whether it goes on by itself at a certain time; nothing is in flight meanwhile.
    pub(super) sleeps: bool,
    /// What the run may spend.
    pub(super) cap: Budget,
}

/// What a driver begins with.
pub(super) enum First {
    /// The run has just woken; this is its first step.
    Woken(Step),
    /// The host had died.
    Interrupted,
    /// The run was over, and an operator wants something of it.
    Mail(Box<Mail>),
}

/// Starts driving a run on this thread.
pub(super) fn start(
    run: Run,
    id: RunId,
    site: Rc<Site>,
    news: mpsc::Sender<News>,
    first: First,
) -> Driving {
    let kill = Kill::default();
    let (reach, me, inbox) = Reach::new(kill.clone());
    let cap = run.meter().cap();
    let rank = match first {
        First::Woken(_) => Rank::New,
        First::Interrupted | First::Mail(_) => Rank::Goes,
    };
    let pass = Pass::new(site.turns.clone(), &id, rank);
    let driver = Driver {
        run,
        id,
        site,
        inbox,
        late: None,
        kept: None,
        me,
        kill,
        works: false,
        alarm: None,
        permits: None,
        pass,
        papers: artefacts::Papers::default(),
        unkept: None,
        news,
    };
    spawn_local(driver.drive(first));
    Driving {
        reach,
        works: false,
        sleeps: false,
        cap,
    }
}

struct Driver {
    run: Run,
    id: RunId,
    site: Rc<Site>,
    inbox: mpsc::Receiver<Mail>,
    /// A letter that came while the journal could not be written.
    late: Option<Mail>,
    /// Who waits until the step's events are durable.
    kept: Option<oneshot::Sender<()>>,
    me: mpsc::Sender<Mail>,
    kill: Kill,
    works: bool,
    /// When the run begins again by itself, in milliseconds since 1970.
    alarm: Option<i64>,
    /// Where the answers go that the worker in flight waits for.
    permits: Option<mpsc::UnboundedSender<(String, Permit)>>,
    /// The right to work, while the run has it.
    pass: Pass,
    /// Readable files that wait for room on the disk.
    papers: artefacts::Papers,
    /// Why they do, as it was told last.
    unkept: Option<String>,
    news: mpsc::Sender<News>,
}

impl Driver {
    async fn drive(mut self, first: First) {
        let was_over = matches!(self.run.phase(), Phase::Ended(_));
        let (mut step, mut texts) = match first {
            First::Woken(step) => (step, Vec::new()),
            First::Interrupted => (self.run.step(Input::Interrupted), Vec::new()),
            First::Mail(mail) => self.take(*mail),
        };
        let mut opens = was_over && !step.events.is_empty();
        loop {
            self.record(step.events, texts).await;
            if std::mem::take(&mut opens) {
                // The loop is gone only when the whole supervisor is.
                drop(self.news.send(News::Open).await);
            }
            if let Some(kept) = self.kept.take() {
                // Whoever waited for it may be gone.
                let _gone = kept.send(());
            }
            self.carry_out(step.effect).await;
            if matches!(self.run.phase(), Phase::Ended(_)) {
                break;
            }
            let Some(mail) = self.next().await else { break };
            (step, texts) = self.take(mail);
        }
        let written = self.papers.finish().await;
        self.tell_unkept(written);
        self.site.close();
        // The loop is gone only when the whole supervisor is.
        drop(self.news.send(News::Over(self.id)).await);
    }

    async fn next(&mut self) -> Option<Mail> {
        if let Some(mail) = self.late.take() {
            return Some(mail);
        }
        let Some(at_ms) = self.alarm else {
            return self.inbox.recv().await;
        };
        tokio::select! {
            mail = self.inbox.recv() => mail,
            () = self.site.clock.until(at_ms) => Some(Mail::underway(Input::PauseOver)),
        }
    }

    /// The step that a letter leads to, and the texts that its events may name.
    fn take(&mut self, mail: Mail) -> (Step, Vec<String>) {
        if mail.lands {
            self.kill.disarm();
        }
        let redactor = &self.site.redactor;
        let step = match clean::refuses(redactor, &mail.input) {
            Some(why) => Step::refused(why),
            None => self.run.step(clean::clean(redactor, mail.input)),
        };
        self.kept = mail.kept.filter(|_| !step.events.is_empty());
        // What could not be killed any more has come home: nothing of the run is alive.
        if mail.lands && matches!(self.run.phase(), Phase::Halting(_)) {
            self.late = Some(Mail::landing(Input::Halted, Vec::new()));
        }
        if let (Some(why), Some((about, reply))) = (&step.refused, mail.from) {
            reply.refuse(about, why);
        }
        (step, mail.texts)
    }

    /// Puts events on disk, then on every screen. A journal that cannot be written holds the run,
    /// and says so, until it can; a stop meanwhile still kills at once, through `Kill`.
    async fn record(&mut self, events: Vec<Event>, texts: Vec<String>) {
        if events.is_empty() {
            return;
        }
        for event in &events {
            self.site.narrate(narrate::entries(event, &self.site.clock));
        }
        let at = self.site.clock.now_ms();
        let batch = Arc::new(Batch {
            run: self.id.clone(),
            events,
            texts,
            at,
        });
        let records = loop {
            match self.site.journal.append(batch.clone()).await {
                Ok(records) => break records,
                Err(e) => {
                    let why = format!("{e}; this run waits and writes again");
                    let run = self.id.clone();
                    self.site.hub.say(Fact::Stalled { run, why });
                    tokio::time::sleep(WRITE_AGAIN).await;
                }
            }
        };
        let written = self.papers.write(&self.site, &self.run, &batch).await;
        self.tell_unkept(written);
        self.site.hub.show(records);
    }

    /// Says that readable files cannot be written, once until they can be, or for another reason.
    fn tell_unkept(&mut self, written: Result<(), String>) {
        let now = written.err();
        if let Some(why) = now.clone().filter(|_| now != self.unkept) {
            let run = self.id.clone();
            self.site.hub.say(Fact::Unkept { run, why });
        }
        self.unkept = now;
    }

    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            // A worker that waits for leave works no more than a run that waits for an answer.
            Effect::Continue if matches!(self.run.phase(), Phase::Asking(_)) => {
                return self.pass.give_back();
            }
            Effect::Continue => return,
            Effect::Permit {
                call,
                allowed,
                note,
            } => return self.permit(call, allowed, note),
            Effect::Wait | Effect::Finish => self.sleep(None).await,
            Effect::WaitUntil { at_ms } => self.sleep(Some(at_ms)).await,
            Effect::Halt => {
                if !self.kill.now() {
                    self.kill.disarm();
                    self.late = Some(Mail::landing(Input::Halted, Vec::new()));
                }
                return;
            }
            Effect::Prepare
            | Effect::Compose { .. }
            | Effect::Adopt { .. }
            | Effect::Work { .. }
            | Effect::Rework { .. }
            | Effect::Reinstate { .. }
            | Effect::Check { .. }
            | Effect::Judge { .. }
            | Effect::Remember { .. }
            | Effect::Forget { .. }
            | Effect::Draft { .. }
            | Effect::Publish { .. }
            | Effect::Unpublish { .. }
            | Effect::Restore { .. } => {
                self.sleep(None).await;
                self.fly(effect);
                return self.say_works(true).await;
            }
        }
        self.pass.give_back();
        self.site.rest();
        self.say_works(false).await;
    }

    fn fly(&mut self, effect: Effect) {
        let halt = self.kill.arm();
        let (permits, answers) = mpsc::unbounded_channel();
        self.permits = Some(permits);
        let flight = errands::Flight {
            site: self.site.clone(),
            halt,
            iteration: self.run.iteration(),
            ground: self.run.ground().cloned(),
            waived: self.run.waived().map(str::to_owned),
            tree: self.run.tree(),
            texts: RefCell::default(),
            left_tokens: self.run.meter().left_tokens(),
            left_micro_usd: self.run.meter().left_micro_usd(),
            me: self.me.clone(),
            answers: Mutex::new(answers),
        };
        let me = self.me.clone();
        let turn = errands::works(&effect).then(|| self.pass.wait());
        spawn_local(async move {
            let (input, texts) = match turn {
                Some(turn) => flight.in_turn(turn, effect).await,
                None => flight.carry_out(effect).await,
            };
            // A driver that has ended wants no more news.
            drop(me.send(Mail::landing(input, texts)).await);
        });
    }

    /// Hands the operator's answer to the worker in flight; one that is gone needs none.
    fn permit(&mut self, call: String, allowed: bool, note: String) {
        let permit = if allowed {
            Permit::Allowed
        } else {
            Permit::Refused(note)
        };
        if let Some(permits) = self.permits.clone() {
            let turn = self.pass.wait();
            spawn_local(async move {
                // A worker that is gone meanwhile wants no turn any more.
                tokio::select! {
                    () = turn => drop(permits.send((call, permit))),
                    () = permits.closed() => {}
                }
            });
        }
    }

    /// Nothing is in flight until then; a host with such a run stays.
    async fn sleep(&mut self, until_ms: Option<i64>) {
        if self.alarm.is_some() != until_ms.is_some() {
            let news = News::Sleeps(self.id.clone(), until_ms.is_some());
            drop(self.news.send(news).await);
        }
        self.alarm = until_ms;
    }

    async fn say_works(&mut self, works: bool) {
        if self.works != works {
            self.works = works;
            drop(self.news.send(News::Works(self.id.clone(), works)).await);
        }
    }
}
