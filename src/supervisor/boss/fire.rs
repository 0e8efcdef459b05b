//! Firing from outside: `checkride fire` and `checkride tick`, for schedulers that are not ours.

use super::Boss;
use super::queue::unarmed;
use crate::protocol::{Fact, LoopRow, LoopState, RunId, Waking};
use crate::run::{Fired, counted};
use crate::supervisor::hub::Reply;
use crate::supervisor::journal::JournalError;
use crate::supervisor::journal::firings::Firing;
use crate::supervisor::secrets;
use crate::supervisor::wake::payload;

/// Firings of one loop that may wait at a time.
const WAITING: usize = 32;

impl Boss {
    /// Fires a loop once. The answer says which run that led to, or what the firing waits for.
    pub(super) async fn fire(
        &mut self,
        name: String,
        payload: Option<String>,
        (by, reply): (&str, &Reply),
    ) {
        match self.fired(&name, payload, by).await {
            Ok((Some(run), why)) => {
                let run = Some(run);
                reply.tell(Fact::Fired { name, run, why });
                self.look().await;
            }
            Ok((None, why)) => {
                // Whoever asks next is to see it waiting.
                self.look().await;
                let run = None;
                reply.tell(Fact::Fired { name, run, why });
            }
            Err(why) => {
                self.look().await;
                reply.refuse(name, why);
            }
        }
    }

    async fn fired(
        &mut self,
        name: &str,
        payload: Option<String>,
        by: &str,
    ) -> Result<(Option<RunId>, String), String> {
        // A file saved a moment ago counts, noticed or not.
        self.shelf.read_one(&self.settings, name).await;
        let today = self.today().await;
        let mut row = self.look_at_one(name, &today).await?;
        armed(&row)?;
        let journal = self.shared.journal.clone();
        let waiting = |e: JournalError| e.to_string();
        let queued = journal.queued().await.map_err(waiting)?;
        if queued.iter().filter(|firing| firing.name == name).count() >= WAITING {
            return Err(format!("{WAITING} firings of it wait already"));
        }
        let (payload, text) = self.payload(name, payload.as_deref())?.unzip();
        let key = self.wakes.key("fire", today.now);
        let firing = Firing {
            name: name.to_owned(),
            fired: Fired {
                key: key.clone(),
                payload,
            },
            at: today.now,
            by: format!("event · fired by {by}"),
        };
        journal.queue(firing, text).await.map_err(waiting)?;
        let alone = std::slice::from_mut(&mut row);
        self.start_queued(alone, &today).await.map_err(waiting)?;
        let id = (name.to_owned(), key);
        if let Some(run) = self.wakes.launched.get(&id) {
            return Ok((Some(run.clone()), String::new()));
        }
        let left = journal.queued().await.map_err(waiting)?;
        if left.iter().any(|firing| firing.fired.key == id.1) {
            let why = match armed(&row)? {
                Waking::Queued { why, firings } if *firings > 1 => {
                    let before = counted(u64::from(firings - 1), "firing");
                    format!("{why}, and {before} before it in line")
                }
                Waking::Queued { why, .. } => why.clone(),
                Waking::Manual
                | Waking::Unproven { .. }
                | Waking::Off { .. }
                | Waking::Expired { .. }
                | Waking::Disarmed { .. }
                | Waking::Armed { .. }
                | Waking::Asleep { .. } => "it waits".to_owned(),
            };
            return Ok((None, why));
        }
        let why = journal.why_not(name, &id.1).await.map_err(waiting)?;
        Err(why.unwrap_or_else(|| "it was let go".to_owned()))
    }

    /// A payload as the run of this loop will have it, with the text to be kept.
    pub(super) fn payload(
        &self,
        name: &str,
        text: Option<&str>,
    ) -> Result<Option<(crate::run::Payload, String)>, String> {
        let spec = self.shelf.specs().find(|spec| spec.name == name);
        let (Some(spec), Some(text)) = (spec, text) else {
            return Ok(None);
        };
        payload::admit(text, &secrets::of(spec, &self.settings.env)).map(Some)
    }

    /// Looks at every trigger now, and says which runs firings led to since it was said last: this host
    /// may have been started for the asking, and have looked already.
    pub(super) async fn tick(&mut self, reply: &Reply) {
        self.shelf.read(&self.settings).await;
        self.read_rules();
        self.look().await;
        self.ticks.push(reply.clone());
        self.answer_ticks();
    }

    /// Tells which runs a tick led to, once no command is being asked any more.
    pub(super) fn answer_ticks(&mut self) {
        if !self.wakes.polls.is_empty() {
            return;
        }
        for reply in std::mem::take(&mut self.ticks) {
            let runs = std::mem::take(&mut self.wakes.untold);
            reply.tell(Fact::Ticked(runs.into_values().collect()));
        }
    }
}

/// How the trigger of this loop stands.
///
/// # Errors
/// One line of why nothing from outside starts it.
fn armed(row: &LoopRow) -> Result<&Waking, String> {
    let name = &row.name;
    let facts = match &row.state {
        LoopState::Valid(facts) => facts,
        LoopState::Unexamined => return Err("nobody has looked at it yet; try again".to_owned()),
        LoopState::Gone => return Err(LoopRow::gone(name)),
        LoopState::Invalid { line, why } => {
            return Err(format!("its file is invalid, line {line}: {why}"));
        }
    };
    if let Some(why) = &facts.distrust {
        return Err(format!("{why}; `checkride trust {name}` shows it"));
    }
    match unarmed(&facts.waking) {
        Some(why) => Err(format!("{why}; `checkride run {name}` starts it by hand")),
        None => Ok(&facts.waking),
    }
}
