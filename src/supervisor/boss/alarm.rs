//! Looking at the triggers: which loops are armed, what is due, what is held back and by which rule.
//! Every firing is in the journal before its run begins; starting it is `queue.rs`.

use futures_util::stream::{self, StreamExt as _};

use super::Boss;
use super::queue::Today;
use crate::protocol::{DayCaps, Fact, Lapse, LoopFacts, LoopRow, LoopState, Waking};
use crate::run::Fired;
use crate::run::spec::{LoopSpec, Schedule, Trigger};
use crate::supervisor::journal::JournalError;
use crate::supervisor::journal::firings::{Entry, Firing, Note, Unmet};
use crate::supervisor::shelf::SIDE_BY_SIDE;
use crate::supervisor::wake::{Held, plan};

/// How one trigger was found.
pub(super) struct Found {
    pub(super) waking: Waking,
    /// When to look again.
    pub(super) again: Option<i64>,
    /// When the trigger runs out.
    pub(super) ends: Option<i64>,
}

/// When to look outside again, or why that cannot be done.
pub(super) type Seen = Result<Option<i64>, String>;

impl Found {
    pub(super) fn at_rest(waking: Waking) -> Self {
        Self {
            waking,
            again: None,
            ends: None,
        }
    }
}

impl Boss {
    /// Looks at every trigger, fires what is due, starts what may start, and tells how all stands.
    pub(super) async fn look(&mut self) {
        let mut rows = self.shelf.rows(&self.shared.journal, &self.settings).await;
        self.add_gone(&mut rows).await;
        let today = self.today().await;
        self.wakes.begin();
        let mut again = None::<i64>;
        for row in &mut rows {
            let soon = self.fill_in(row, &today).await;
            again = again.into_iter().chain(soon).min();
        }
        if let Err(e) = self.start_queued(&mut rows, &today).await {
            self.say_trouble("journal", e.to_string());
        }
        self.wakes.done(again);
        let lapses = stream::iter(&rows).map(|row| self.lapse(row));
        let lapses: Vec<_> = lapses.buffered(SIDE_BY_SIDE).collect().await;
        for (row, lapse) in rows.iter_mut().zip(lapses) {
            if let LoopState::Valid(facts) = &mut row.state {
                facts.lapse = lapse;
                facts.day = self.rooms(&facts.spec, &today);
                let watches = facts.waking.armed() && facts.spec.trigger.looks_at_files();
                facts.warnings.extend(today.rules.as_ref().err().cloned());
                let blind = self.wakes.blind().filter(|_| watches);
                facts.warnings.extend(blind.map(str::to_owned));
            }
        }
        let armed = rows.iter().filter(|row| match &row.state {
            LoopState::Valid(facts) => facts.waking.armed(),
            LoopState::Unexamined | LoopState::Invalid { .. } | LoopState::Gone => false,
        });
        let armed = armed.count();
        self.said.send_if_modified(|activity| {
            let changed = activity.armed != armed;
            activity.armed = armed;
            changed
        });
        // Rules that cannot be read cap nothing that could be named, and nothing starts by them.
        let rules = today.rules.as_ref();
        let caps = rules.map_or_else(
            |_| DayCaps::default(),
            |rules| DayCaps {
                tokens: rules.tokens_per_day,
                micro_usd: rules.micro_usd_per_day,
            },
        );
        self.shared.hub.say_caps(caps);
        self.shared.hub.say(Fact::Loops(rows));
    }

    /// Adds the loops whose runs are under way and whose files are not here any more: what runs is to be seen,
    /// answered and stopped.
    async fn add_gone(&self, rows: &mut Vec<LoopRow>) {
        for run in self.drivers.keys() {
            let Some((name, _)) = run.split() else {
                continue;
            };
            if rows.iter().all(|row| row.name != name) {
                let row = self.shelf.gone(name, &self.shared.journal, &self.settings);
                let row = row.await;
                let place = rows.partition_point(|other| *other.name < *name);
                rows.insert(place, row);
            }
        }
    }

    /// Looks at one trigger alone: who fires it does not wait until all the others were looked at.
    /// What was found is told by the whole look that has to follow.
    ///
    /// # Errors
    /// There is no such loop.
    pub(super) async fn look_at_one(
        &mut self,
        name: &str,
        today: &Today,
    ) -> Result<LoopRow, String> {
        let file = self.shelf.file(name)?;
        let (journal, settings) = (&self.shared.journal, &self.settings);
        let mut row = self.shelf.row(file, journal, settings).await;
        self.fill_in(&mut row, today).await;
        Ok(row)
    }

    /// Writes into a row how its trigger stands; when to look again.
    async fn fill_in(&mut self, row: &mut LoopRow, today: &Today) -> Option<i64> {
        let LoopState::Valid(facts) = &mut row.state else {
            return None;
        };
        let found = self.look_at(facts, today).await;
        let found = found.unwrap_or_else(|e| Found::at_rest(Waking::Disarmed { why: e.0 }));
        facts.off = matches!(found.waking, Waking::Off { .. });
        facts.waking = found.waking;
        facts.expires = found.ends;
        found.again
    }

    /// What should have run and did not; a loop that only a person starts lacks nothing.
    async fn lapse(&self, row: &LoopRow) -> Option<Lapse> {
        let LoopState::Valid(facts) = &row.state else {
            return None;
        };
        if facts.spec.trigger == Trigger::Manual {
            return None;
        }
        // A journal that cannot be read has disarmed the loop already.
        self.shared.journal.lapse(&facts.spec.name).await.ok()?
    }

    async fn look_at(&mut self, facts: &LoopFacts, today: &Today) -> Result<Found, JournalError> {
        let (spec, now) = (&facts.spec, today.now);
        let name = &spec.name;
        if let Some(waking) = disarmed(facts, today) {
            self.wakes.keep(name, None, &self.shared.journal).await?;
            return Ok(Found::at_rest(waking));
        }
        let journal = self.shared.journal.clone();
        let held = self
            .wakes
            .armed(name, &spec.trigger, (now, &journal))
            .await?;
        let ends = expires(&spec.trigger, &held);
        if let Some(at) = ends.filter(|ends| *ends <= now) {
            return Ok(Found::at_rest(Waking::Expired { at }));
        }
        let found = match &spec.trigger {
            Trigger::Manual => Ok(Found::at_rest(Waking::Manual)),
            Trigger::Schedule(schedule) => self.look_at_clock(facts, schedule, (held, today)).await,
            Trigger::Event(event) => Ok(self.look_outside(facts, event, (held, today)).await),
        }?;
        Ok(Found {
            again: found.again.into_iter().chain(ends).min(),
            ends,
            ..found
        })
    }

    /// Fires the slot that is due, and notes those that nobody saw.
    async fn look_at_clock(
        &mut self,
        facts: &LoopFacts,
        schedule: &Schedule,
        (held, today): (Held, &Today),
    ) -> Result<Found, JournalError> {
        let (spec, now) = (&facts.spec, today.now);
        let zone = match plan::zone(schedule, today.here.time_zone()) {
            Ok(zone) => zone,
            Err(why) => return Ok(Found::at_rest(Waking::Disarmed { why })),
        };
        let plan = plan::look(&spec.name, schedule, &zone, held.mark, now);
        let mut entries = Vec::new();
        if let Some(missed) = plan.missed {
            let why = if missed.last < self.wakes.began {
                "no host was running"
            } else {
                "this machine slept, or its clock was put forward"
            };
            entries.push(Entry::Unmet(Note {
                // A name of its own: the newest of them may have been queued by a host that died.
                key: format!("missed:{}", missed.last),
                unmet: Unmet::Missed,
                first: missed.first,
                count: missed.count,
                ..skipped(spec, (missed.last, now), why)
            }));
        }
        let back = self.holds_back(spec, today);
        if let Some(slot) = plan.fire {
            let why = back.as_ref().map(|(_, why)| why.as_str());
            entries.push(self.slot(spec, (slot, now), why));
        }
        let (mark, journal) = (plan.mark, self.shared.journal.clone());
        self.wakes
            .account(&spec.name, Held { mark, ..held }, (entries, &journal))
            .await?;
        let waking = match back {
            Some((until, why)) if plan.next.is_none_or(|next| next < until) => {
                Waking::Asleep { until, why }
            }
            Some(_) | None => Waking::Armed { next: plan.next },
        };
        Ok(Found {
            again: plan.next,
            ..Found::at_rest(waking)
        })
    }

    /// A slot that is due: a firing, or the rule that holds it back.
    fn slot(&self, spec: &LoopSpec, (slot, now): (i64, i64), held_back: Option<&str>) -> Entry {
        let under_way = self.under_way(&spec.name);
        let under_way = under_way.map(|run| format!("{run} is under way"));
        if let Some(why) = under_way.as_deref().or(held_back) {
            return Entry::Unmet(skipped(spec, (slot, now), why));
        }
        // One that is known already came again because the clock was put back.
        let firing = Firing {
            name: spec.name.clone(),
            fired: Fired {
                key: slot_key(slot),
                payload: None,
            },
            at: slot,
            by: format!("schedule · {}", spec.trigger.words()),
        };
        Entry::Queued(firing, None)
    }
}

/// A slot that a rule holds back.
fn skipped(spec: &LoopSpec, (slot, now): (i64, i64), why: &str) -> Note {
    Note {
        name: spec.name.clone(),
        key: slot_key(slot),
        at: slot,
        unmet: Unmet::Skipped,
        why: why.to_owned(),
        count: 1,
        first: slot,
        noted: now,
    }
}

fn slot_key(slot: i64) -> String {
    format!("slot:{slot}")
}

/// Why a trigger does not count at all.
fn disarmed(facts: &LoopFacts, today: &Today) -> Option<Waking> {
    let spec = &facts.spec;
    let off = |why: &str| {
        let why = why.to_owned();
        Some(Waking::Off { why })
    };
    if !spec.enabled {
        return off("enabled = false");
    }
    // There is nothing to switch off, and nothing to arm again.
    if spec.trigger == Trigger::Manual {
        return Some(Waking::Manual);
    }
    if facts.off {
        return off("switched off");
    }
    // Nothing of it runs before it was allowed, no poll either.
    if let Some(why) = &facts.distrust {
        return Some(Waking::Disarmed { why: why.clone() });
    }
    if let Err(why) = &today.rules {
        return Some(Waking::Disarmed { why: why.clone() });
    }
    let of = spec.skill.proven_min;
    (facts.proven < of).then_some(Waking::Unproven {
        proven: facts.proven,
        of,
    })
}

/// When a trigger switches itself off, in milliseconds since 1970.
fn expires(trigger: &Trigger, held: &Held) -> Option<i64> {
    let lasts = i64::try_from(trigger.expires_s()?)
        .ok()?
        .checked_mul(1_000)?;
    Some(held.mark.since.saturating_add(lasts))
}
