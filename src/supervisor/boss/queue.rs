//! From a firing to its run: what the day and its rules allow, what waits, what is started. A person
//! who presses `s` comes this way too.

use std::collections::BTreeMap;

use jiff::Zoned;

use super::Boss;
use crate::config::{self, Settings as Rules};
use crate::protocol::{DayRoom, LoopRow, LoopState, RunId, Waking};
use crate::run::spec::{Budget, Hours, LoopSpec, Trigger};
use crate::run::{Decision, Edit, Fired, Run};
use crate::supervisor::driver;
use crate::supervisor::journal::JournalError;
use crate::supervisor::journal::firings::{Day, Firing, Note, Unmet};
use crate::supervisor::shelf::Cause;
use crate::supervisor::wake::{day, plan, quiet};

/// This moment, its rules, and what its day has spent.
pub(super) struct Today {
    /// Milliseconds since 1970.
    pub(super) now: i64,
    /// The date and time here.
    pub(super) here: Zoned,
    /// What all loops share; one line where the file cannot be used, and then nothing wakes.
    pub(super) rules: Result<Rules, String>,
    /// One line where it cannot be known, and then nothing wakes.
    spent: Result<Day, String>,
}

impl Boss {
    pub(super) async fn today(&self) -> Today {
        let here = self.settings.clock.here();
        let spent = self.shared.journal.day(here.date().to_string()).await;
        Today {
            now: here.timestamp().as_millisecond(),
            here,
            rules: self.rules.clone(),
            spent: spent.map_err(|e| e.to_string()),
        }
    }

    /// Reads what all loops share.
    pub(super) fn read_rules(&mut self) {
        let file = config::settings::read(&self.settings.project);
        let error = file
            .diagnostics
            .iter()
            .find(|d| d.severity == config::Severity::Error);
        let rules = match error {
            Some(error) => Err(format!(
                "{} cannot be used: {}{}; until it is mended nothing wakes or starts",
                config::settings::FILE,
                error
                    .place
                    .as_ref()
                    .map_or_else(String::new, |place| format!("line {}: ", place.line)),
                error.message
            )),
            None => Ok(file.settings),
        };
        if let Some(why) = rules.as_ref().err().filter(|_| rules != self.rules) {
            self.say_trouble("rules", why.clone());
        }
        self.rules = rules;
        let most = self.rules.as_ref().map_or(1, |rules| rules.max_running);
        self.shared.turns.allow(most);
    }

    /// Until when this loop's trigger is held back, and by which rule.
    pub(super) fn holds_back(&self, spec: &LoopSpec, today: &Today) -> Option<(i64, String)> {
        let hours = today.rules.as_ref().map_or(None, |rules| rules.quiet_hours);
        let quiet = Hours::now(
            spec.guardrails.quiet_hours,
            hours,
            quiet::minute(&today.here),
        );
        if let Some(hours) = quiet
            && let Some(until) = quiet::ends(hours, &today.here)
        {
            return Some((until, format!("quiet hours {hours}")));
        }
        let tomorrow = quiet::tomorrow(&today.here).unwrap_or(i64::MAX);
        let runs = match &today.spent {
            Ok(day) => day.loops.get(&spec.name).map_or(0, |(runs, _)| *runs),
            Err(why) => return Some((tomorrow, why.clone())),
        };
        let most = spec.guardrails.max_runs_per_day;
        if runs >= most {
            return Some((tomorrow, format!("{runs} of {most} runs today")));
        }
        let left = self.left(spec, today);
        left.err().map(|why| (tomorrow, why))
    }

    /// What the day leaves for a run of this loop.
    pub(super) fn left(&self, spec: &LoopSpec, today: &Today) -> Result<day::Left, String> {
        let rules = today.rules.as_ref().map_err(Clone::clone)?;
        let spent = today.spent.as_ref().map_err(Clone::clone)?;
        let open = self.drivers.iter().map(|(run, driving)| (run, driving.cap));
        day::left(rules, spec, spent, open)
    }

    /// What the day does not leave, and from when on it does.
    fn until_tomorrow(&self, why: String, today: &Today) -> String {
        match (&today.rules, quiet::tomorrow(&today.here)) {
            (Ok(_), Some(ends)) => {
                let ends = self.settings.clock.when(ends);
                format!("{why}; the day ends {ends}, and until then only a higher line starts it")
            }
            // What cannot be read is to be mended first.
            (Err(_), _) | (Ok(_), None) => why,
        }
    }

    /// Whether any cap of the day holds for this run.
    pub(super) fn is_capped(&self, run: &RunId) -> bool {
        let all = self
            .rules
            .as_ref()
            .is_ok_and(|rules| rules.tokens_per_day.is_some() || rules.micro_usd_per_day.is_some());
        let own = |spec: &LoopSpec| {
            let of_run = run.split().is_some_and(|(name, _)| name == spec.name);
            of_run && spec.guardrails.micro_usd_per_day.is_some()
        };
        all || self.shelf.specs().any(own)
    }

    /// What the day's caps leave the run of this loop that is under way.
    pub(super) fn rooms(&self, spec: &LoopSpec, today: &Today) -> Vec<DayRoom> {
        let (Some(run), Ok(rules), Ok(spent)) =
            (self.under_way(&spec.name), &today.rules, &today.spent)
        else {
            return Vec::new();
        };
        let others = self.drivers.iter().filter(|(other, _)| *other != run);
        let others = others.map(|(run, driving)| (run, driving.cap));
        let ends = quiet::tomorrow(&today.here).unwrap_or(i64::MAX);
        let rooms = day::rooms(rules, spec, spent, run, others).into_iter();
        rooms
            .map(|room| DayRoom {
                purse: room.kind,
                most: room.most,
                why: room.why,
                ends,
            })
            .collect()
    }

    /// Lets a run's caps be raised as far as the day allows.
    ///
    /// # Errors
    /// One line of what the day leaves.
    pub(super) async fn raises_within_the_day(
        &mut self,
        run: &RunId,
        decision: &Decision,
    ) -> Result<(), String> {
        let Decision::Edit(Edit::Raise {
            tokens, micro_usd, ..
        }) = decision
        else {
            return Ok(());
        };
        self.read_rules();
        let today = self.today().await;
        let Some(cap) = self.drivers.get(run).map(|driving| driving.cap) else {
            return Ok(());
        };
        let (rules, spent) = (today.rules.as_ref()?, today.spent.as_ref()?);
        let name = run.split().map_or("", |(name, _)| name);
        let spec = self.shelf.specs().find(|spec| spec.name == name);
        let spec = spec.ok_or_else(|| format!("loops/{name}.toml is missing or invalid now"))?;
        let raised = Budget {
            tokens: tokens.unwrap_or(0).max(cap.tokens),
            micro_usd: cap.micro_usd.map(|cap| cap.max(micro_usd.unwrap_or(0))),
            ..cap
        };
        let others = self.drivers.iter().filter(|(other, _)| *other != run);
        let others = others.map(|(run, driving)| (run, driving.cap));
        let used = spent.open.get(run).copied().unwrap_or_default();
        let left = day::left(rules, spec, spent, others);
        left.and_then(|left| left.allows(raised, used))
            .map_err(|why| {
                let ends = quiet::tomorrow(&today.here).unwrap_or(i64::MAX);
                format!("{why}; the day ends {}", self.settings.clock.when(ends))
            })?;
        if let Some(driving) = self.drivers.get_mut(run) {
            driving.cap = raised;
        }
        Ok(())
    }

    /// Starts the firings whose loop may run now; the others go on waiting, or are let go with the
    /// reason where waiting has no sense any more.
    pub(super) async fn start_queued(
        &mut self,
        rows: &mut [LoopRow],
        today: &Today,
    ) -> Result<(), JournalError> {
        let mut waits: BTreeMap<String, (String, u32)> = BTreeMap::new();
        for firing in self.shared.journal.queued().await? {
            let id = (firing.name.clone(), firing.fired.key.clone());
            if self.wakes.launched.contains_key(&id) {
                continue;
            }
            let found = rows.iter().find(|row| row.name == firing.name);
            let facts = found.and_then(|row| match &row.state {
                LoopState::Valid(facts) => Some(facts),
                LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => None,
            });
            let fate = match facts {
                Some(facts) => self.fate(&firing, &facts.spec, (&facts.waking, today)),
                None if self.shelf.is_off(&firing.name) => {
                    Fate::Over(Unmet::Skipped, "off: switched off".to_owned())
                }
                None => Fate::Waits("its file is missing or invalid".to_owned()),
            };
            match fate {
                Fate::Starts => {
                    let cause = Cause {
                        by: firing.by.clone(),
                        fired: Some(firing.fired.clone()),
                    };
                    match self.begin(&firing.name, cause, today).await {
                        Ok(run) => {
                            self.wakes.untold.insert(firing.name, run.clone());
                            self.wakes.launched.insert(id, run);
                        }
                        Err(why) => self.let_go(firing, Unmet::Skipped, why).await?,
                    }
                }
                Fate::Waits(why) => waits.entry(firing.name).or_insert((why, 0)).1 += 1,
                Fate::Over(unmet, why) => self.let_go(firing, unmet, why).await?,
            }
        }
        for row in rows {
            let waiting = waits.remove(&row.name);
            if let (Some((why, firings)), LoopState::Valid(facts)) = (waiting, &mut row.state) {
                facts.waking = Waking::Queued { why, firings };
            }
        }
        Ok(())
    }

    fn fate(&self, firing: &Firing, spec: &LoopSpec, (waking, today): (&Waking, &Today)) -> Fate {
        let by_clock = matches!(spec.trigger, Trigger::Schedule(_)) && is_slot(&firing.fired);
        let late = today.now - firing.at > plan::LATE_MS;
        let makes_up = matches!(&spec.trigger, Trigger::Schedule(schedule) if schedule.make_up);
        if let Some(why) = unarmed(waking) {
            return Fate::Over(Unmet::Skipped, why);
        }
        if by_clock && late && !makes_up {
            let why = "the host ended before its run began".to_owned();
            return Fate::Over(Unmet::Missed, why);
        }
        if let Some(run) = self.under_way(&firing.name) {
            return Fate::Waits(format!("{run} is under way"));
        }
        if let Some(run) = self.ways.stops.heeded(&firing.name) {
            return Fate::Waits(format!("{run} is being stopped"));
        }
        match self.holds_back(spec, today) {
            Some((_, why)) if by_clock => Fate::Over(Unmet::Skipped, why),
            Some((_, why)) => Fate::Waits(why),
            None => Fate::Starts,
        }
    }

    /// How many firings wait for this loop.
    pub(super) async fn waiting(&self, name: &str) -> Result<u64, JournalError> {
        let queued = self.shared.journal.queued().await?;
        // The firing of a run waits until that run's first record is written.
        let waits = queued.iter().filter(|firing| {
            let id = (firing.name.clone(), firing.fired.key.clone());
            firing.name == name && !self.wakes.launched.contains_key(&id)
        });
        Ok(waits.count() as u64)
    }

    async fn let_go(&self, firing: Firing, unmet: Unmet, why: String) -> Result<(), JournalError> {
        let note = Note {
            name: firing.name,
            key: firing.fired.key,
            at: firing.at,
            unmet,
            why,
            count: 1,
            first: firing.at,
            noted: self.settings.clock.now_ms(),
        };
        self.shared.journal.unmet(note).await
    }

    /// Starts a run of this loop, within what the day leaves.
    ///
    /// # Errors
    /// One line of why it does not start; nothing has changed then.
    pub(super) async fn begin(
        &mut self,
        name: &str,
        cause: Cause,
        today: &Today,
    ) -> Result<RunId, String> {
        // A file saved a moment ago counts, noticed or not.
        self.shelf.read_one(&self.settings, name).await;
        if let Some(run) = self.under_way(name) {
            return Err(format!("{run} is under way; one run of a loop at a time"));
        }
        let date = today.here.date().to_string();
        let past = self.shared.journal.past(name, date).await;
        let past = past.map_err(|e| e.to_string())?;
        let mut wake = self.shelf.wake(name, past, cause, &self.settings).await?;
        let left = self.left(&wake.spec, today);
        let left = left.map_err(|why| self.until_tomorrow(why, today))?;
        wake.spec.guardrails.budget = left.within(wake.spec.guardrails.budget);
        let id = RunId::new(name, wake.number);
        let (run, step) = Run::wake(wake);
        self.drive(id.clone(), run, driver::First::Woken(step));
        Ok(id)
    }
}

/// What becomes of a firing now.
enum Fate {
    Starts,
    /// For this.
    Waits(String),
    /// It leads to no run any more.
    Over(Unmet, String),
}

fn is_slot(fired: &Fired) -> bool {
    fired.key.starts_with("slot:")
}

/// Why a trigger starts nothing, in words; `None` where it is armed.
pub(super) fn unarmed(waking: &Waking) -> Option<String> {
    match waking {
        Waking::Armed { .. } | Waking::Asleep { .. } | Waking::Queued { .. } => None,
        Waking::Manual => Some("only a person starts it: its trigger is manual".to_owned()),
        Waking::Unproven { proven, of } => Some(format!("manual only · proven {proven} of {of}")),
        Waking::Off { why } => Some(format!("off: {why}")),
        Waking::Expired { .. } => Some(Waking::expired(None, "`checkride arm`")),
        Waking::Disarmed { why } => Some(format!("disarmed: {why}")),
    }
}
