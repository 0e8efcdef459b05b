//! Looking outside: changed files, references, the inbox, and what a command finds. What is found is
//! in the journal before it is forgotten here.

use super::Boss;
use super::alarm::{Found, Seen};
use super::queue::Today;
use crate::protocol::{LoopFacts, Waking};
use crate::run::Fired;
use crate::run::spec::{LoopSpec, OnEvent, Source};
use crate::supervisor::journal::JournalError;
use crate::supervisor::journal::firings::{Entry, Firing, Note, Unmet};
use crate::supervisor::site::beside;
use crate::supervisor::wake::files::{self, Watched};
use crate::supervisor::wake::{Held, Known, inbox, poll, refs};
use crate::supervisor::workspace::Trouble;

/// How soon a file is looked at again that may still be written.
const YOUNG_MS: i64 = 500;

/// Something that has happened outside.
struct Happened {
    key: String,
    payload: String,
}

impl Boss {
    /// Looks for the event that this trigger names, unless the loop may not run now: then it is found
    /// later.
    pub(super) async fn look_outside(
        &mut self,
        facts: &LoopFacts,
        event: &OnEvent,
        (held, today): (Held, &Today),
    ) -> Found {
        let spec = &facts.spec;
        let back = self.holds_back(spec, today);
        let free = back.is_none() && self.under_way(&spec.name).is_none();
        let looked = match &event.source {
            Source::Watch(patterns) => self.look_at_files(spec, patterns, (held, free)).await,
            Source::Git(name) => self.look_at_ref(spec, name, (held, free)).await,
            Source::Inbox => self.look_into_inbox(spec, free, today.now).await,
            Source::Poll { every_s, .. } => {
                self.look_by_poll(spec, *every_s, (held, free), today).await
            }
        };
        let next = match looked {
            Ok(next) => next,
            Err(why) => return Found::at_rest(Waking::Disarmed { why }),
        };
        match back {
            Some((until, why)) => Found {
                again: Some(until),
                ..Found::at_rest(Waking::Asleep { until, why })
            },
            None => Found {
                again: next,
                ..Found::at_rest(Waking::Armed {
                    next: next.filter(|_| matches!(event.source, Source::Poll { .. })),
                })
            },
        }
    }

    async fn look_at_files(
        &mut self,
        spec: &LoopSpec,
        patterns: &[String],
        (held, free): (Held, bool),
    ) -> Seen {
        let watched = Watched::new(spec, patterns)?;
        self.wakes.watched.push(watched.clone());
        let (project, looking) = (self.settings.project.clone(), watched.clone());
        let now = beside(move || looking.scan(&project).map_err(Trouble::new)).await;
        let now = now.map_err(|trouble| trouble.cause)?;
        let mut known = match &held.known {
            Known::Files(known) => known.clone(),
            // It is armed now: what lies there lies there.
            Known::Nothing | Known::Ref(_) | Known::Polled(_) => now.clone(),
        };
        if self.wakes.own(&spec.name) {
            watched.absorb(&mut known, &now);
        }
        let changed = files::changed(&known, &now);
        if changed.is_empty() || !free {
            let known = Known::Files(known);
            self.know(spec, Held { known, ..held }).await?;
            return Ok(None);
        }
        let payload = serde_json::json!({ "changed": changed }).to_string();
        let key = held.key("watch");
        let entry = self.entry(spec, Happened { key, payload });
        self.account(spec, held.after(Known::Files(now)), entry)
            .await?;
        Ok(None)
    }

    async fn look_at_ref(
        &mut self,
        spec: &LoopSpec,
        name: &str,
        (held, free): (Held, bool),
    ) -> Seen {
        self.wakes.refs.insert(name.to_owned(), None);
        let (project, wanted) = (self.settings.project.clone(), name.to_owned());
        let now = beside(move || refs::read(&project, &wanted).map_err(Trouble::new)).await;
        let now = now.map_err(|trouble| trouble.cause)?;
        self.wakes.refs.insert(name.to_owned(), now.clone());
        let before = match &held.known {
            Known::Ref(before) => before.clone(),
            Known::Nothing | Known::Files(_) | Known::Polled(_) => {
                self.know(
                    spec,
                    Held {
                        known: Known::Ref(now),
                        ..held
                    },
                )
                .await?;
                return Ok(None);
            }
        };
        if before == now || !free {
            return Ok(None);
        }
        let payload =
            serde_json::json!({ "ref": name, "before": before, "after": now }).to_string();
        let key = held.key("git");
        let entry = self.entry(spec, Happened { key, payload });
        self.account(spec, held.after(Known::Ref(now)), entry)
            .await?;
        Ok(None)
    }

    async fn look_into_inbox(&mut self, spec: &LoopSpec, free: bool, now: i64) -> Seen {
        let folder = inbox::make(&self.settings.project, &spec.name)?;
        self.wakes.inboxes.push(folder.clone());
        if !free {
            return Ok(None);
        }
        let shown = folder.display().to_string();
        let found = beside(move || {
            let mut aside = Vec::new();
            let found = inbox::claim(&folder, now, &mut aside)
                .map_err(|e| Trouble::new(format!("{shown} cannot be read: {e}")))?;
            Ok((found, aside))
        });
        let (found, aside) = found.await.map_err(|trouble| trouble.cause)?;
        for inbox::Aside { name, why } in aside {
            let told = format!("inbox/{}/bad/{name} is no payload: {why}", spec.name);
            self.went_wrong(spec, format!("bad:{name}"), told).await?;
        }
        match found {
            inbox::Found::Nothing => Ok(None),
            inbox::Found::Young => Ok(Some(now + YOUNG_MS)),
            inbox::Found::Claimed(claim) => {
                let (key, payload) = (claim.key.clone(), claim.text.clone());
                self.happened(spec, Happened { key, payload }).await?;
                let done = claim.done();
                done.map_err(|e| format!("a claimed file cannot be removed: {e}"))?;
                Ok(None)
            }
        }
    }

    /// Starts the command where its time has come; what it finds comes back as news.
    async fn look_by_poll(
        &mut self,
        spec: &LoopSpec,
        every_s: u64,
        (held, free): (Held, bool),
        today: &Today,
    ) -> Seen {
        let every = i64::try_from(every_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        let last = match held.known {
            Known::Polled(last) => last.min(today.now),
            Known::Nothing | Known::Files(_) | Known::Ref(_) => held.mark.since - every,
        };
        let next = last.saturating_add(every);
        if next > today.now || self.wakes.polls.contains_key(&spec.name) {
            return Ok(Some(next.max(today.now + 1)));
        }
        if !free {
            return Ok(None);
        }
        let key = held.key("poll");
        self.know(spec, held.after(Known::Polled(today.now)))
            .await?;
        let poll = poll::start(spec, key, &self.settings, self.ways.news.clone());
        self.wakes.polls.insert(spec.name.clone(), poll);
        Ok(Some(today.now + every))
    }

    /// A command has ended: with something to do, with nothing, or not as it should.
    pub(super) async fn polled(
        &mut self,
        name: &str,
        key: String,
        found: Result<Option<String>, String>,
    ) {
        self.wakes.polls.remove(name);
        let spec = self.shelf.specs().find(|spec| spec.name == name).cloned();
        let told = match (spec, found) {
            (Some(spec), Ok(Some(payload))) => {
                self.happened(&spec, Happened { key, payload }).await
            }
            (Some(spec), Err(why)) => self.went_wrong(&spec, key, why).await,
            (_, Ok(None)) | (None, _) => Ok(()),
        };
        if let Err(why) = told {
            self.say_trouble(name, why);
        }
        self.look().await;
        self.answer_ticks();
    }

    async fn went_wrong(&self, spec: &LoopSpec, key: String, why: String) -> Result<(), String> {
        let noted = self
            .shared
            .journal
            .unmet(self.skipped(spec, key, why))
            .await;
        noted.map_err(|e| e.to_string())
    }

    fn skipped(&self, spec: &LoopSpec, key: String, why: String) -> Note {
        let now = self.settings.clock.now_ms();
        Note {
            name: spec.name.clone(),
            key,
            at: now,
            unmet: Unmet::Skipped,
            why,
            count: 1,
            first: now,
            noted: now,
        }
    }

    /// Writes a firing down.
    async fn happened(&self, spec: &LoopSpec, happened: Happened) -> Result<(), String> {
        let journal = &self.shared.journal;
        let written = match self.entry(spec, happened) {
            Entry::Queued(firing, text) => journal.queue(firing, text).await.map(drop),
            Entry::Unmet(note) => journal.unmet(note).await,
        };
        written.map_err(|e| e.to_string())
    }

    /// What has happened as a firing. A payload that cannot be used is told as one that led to no run.
    fn entry(&self, spec: &LoopSpec, happened: Happened) -> Entry {
        let Happened { key, payload } = happened;
        let (payload, text) = match self.payload(&spec.name, Some(&payload)) {
            Ok(payload) => payload.unzip(),
            Err(why) => return Entry::Unmet(self.skipped(spec, key, why)),
        };
        let firing = Firing {
            name: spec.name.clone(),
            fired: Fired { key, payload },
            at: self.settings.clock.now_ms(),
            by: format!("event · {}", spec.trigger.words()),
        };
        Entry::Queued(firing, text)
    }

    /// Writes a firing down, and what is known outside from now on.
    async fn account(&mut self, spec: &LoopSpec, held: Held, entry: Entry) -> Result<(), String> {
        let journal = self.shared.journal.clone();
        let written = self
            .wakes
            .account(&spec.name, held, (vec![entry], &journal));
        written.await.map_err(|e| e.to_string())
    }

    async fn know(&mut self, spec: &LoopSpec, held: Held) -> Result<(), String> {
        let kept: Result<(), JournalError> = self
            .wakes
            .keep(&spec.name, Some(held), &self.shared.journal)
            .await;
        kept.map_err(|e| e.to_string())
    }
}
