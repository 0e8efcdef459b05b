//! The desk: answers what cockpits fetch by range, from the journal, the transcripts and the
//! workspaces. Nothing here changes anything.

use std::rc::Rc;

use super::hub::Reply;
use super::inventory;
use super::secrets;
use super::site::{beside, places};
use super::workspace::{Place, Trouble};
use super::{Settings, Shared};
use crate::protocol::{Fact, Fetch, Record, RunId};
use crate::run::{Digest, Event, LoopSpec, Run};

/// Most lines of one answer.
const MOST_LINES: u64 = 2_000;

/// One question at the desk.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) settings: Rc<Settings>,
    pub(super) shared: Rc<Shared>,
}

impl Desk {
    /// Answers the sender alone; what cannot be answered is refused with one line.
    pub(super) async fn answer(&self, fetch: Fetch, reply: &Reply) {
        let of = fetch.clone();
        let answer = match fetch {
            Fetch::Text {
                digest,
                from,
                lines,
            } => self.text(of, digest, (from, lines)).await,
            Fetch::Transcript { run, from, lines } => self.transcript(of, &run, (from, lines)),
            Fetch::Memory { name } => match self.shared.hub.memory(&name) {
                Some(text) => Ok(Fact::Memory(text)),
                None => Err((
                    name,
                    "there is no such loop, or its file is invalid".to_owned(),
                )),
            },
            Fetch::File { run, path } => self.file(of, run, path).await,
            Fetch::Lapses { since } => {
                let lapses = self.shared.journal.lapses(since).await;
                lapses
                    .map(Fact::Lapses)
                    .map_err(|e| ("history".to_owned(), e.to_string()))
            }
            Fetch::Inventory => Ok(Fact::Found(inventory::take(&self.settings.env).await)),
            Fetch::History { name, before, runs } => {
                return self.history(name, before, runs, reply).await;
            }
        };
        match answer {
            Ok(fact) => reply.tell(fact),
            Err((what, why)) => reply.refuse(what, why),
        }
    }

    async fn text(
        &self,
        of: Fetch,
        digest: Digest,
        (from, most): (u64, u64),
    ) -> Result<Fact, (String, String)> {
        let what = digest.short().to_owned();
        match self.shared.journal.text(digest).await {
            Ok(Some(text)) => {
                let total = text.lines().count() as u64;
                let skip = usize::try_from(from).unwrap_or(usize::MAX);
                let take = usize::try_from(most).unwrap_or(usize::MAX);
                let lines = text
                    .lines()
                    .skip(skip)
                    .take(take)
                    .map(str::to_owned)
                    .collect();
                Ok(Fact::Lines { of, lines, total })
            }
            Ok(None) => Err((what, "no text is kept under this digest".to_owned())),
            Err(e) => Err((what, e.to_string())),
        }
    }

    fn transcript(
        &self,
        of: Fetch,
        run: &RunId,
        (from, most): (u64, u64),
    ) -> Result<Fact, (String, String)> {
        let no = |why: String| (run.0.clone(), why);
        let (name, number) = run
            .split()
            .ok_or_else(|| no("this is no run's id".to_owned()))?;
        let below = places::below(name, number);
        let project = &self.settings.project;
        // Opening one begins it: a run that never was leaves nothing behind.
        if !project.join(&below).is_dir() {
            let (lines, total) = (Vec::new(), 0);
            return Ok(Fact::Lines { of, lines, total });
        }
        let open = self.shared.transcripts.open(run, project, &below);
        let open = open.map_err(|e| no(format!("its transcript cannot be read: {e}")))?;
        let mut transcript = open.borrow_mut();
        let lines = transcript
            .lines(from, most.min(MOST_LINES))
            .map_err(|e| no(format!("its transcript cannot be read: {e}")))?;
        let total = transcript.len();
        let lines = lines
            .iter()
            .filter_map(|entry| serde_json::to_string(entry).ok())
            .collect();
        Ok(Fact::Lines { of, lines, total })
    }

    /// One changed file of the run's newest work, whole.
    async fn file(&self, of: Fetch, run: RunId, path: String) -> Result<Fact, (String, String)> {
        let what = path.clone();
        let (spec, tree) = self
            .newest_work(&run)
            .await
            .map_err(|why| (run.0.clone(), why))?;
        let folder = self.settings.state.join("workspaces").join(&spec.name);
        let place = Place::new(&self.settings.project, &folder, &spec.name);
        let redactor = secrets::of(&spec, &self.settings.env);
        let read = beside(move || {
            let bytes = place.kept_file(&tree, &path)?;
            String::from_utf8(bytes).map_err(|_| Trouble::new(format!("{path} is not text")))
        });
        let text = read.await.map_err(|trouble| (what, trouble.cause))?;
        let clean = redactor.clean(&text);
        let lines: Vec<String> = clean.split('\n').map(str::to_owned).collect();
        let total = lines.len() as u64;
        Ok(Fact::Lines { of, lines, total })
    }

    async fn newest_work(&self, run: &RunId) -> Result<(LoopSpec, String), String> {
        let records = self
            .shared
            .journal
            .run(run.clone())
            .await
            .map_err(|e| e.to_string())?;
        let events: Vec<&Event> = records.iter().filter_map(Record::event).collect();
        let replayed = Run::replay(events).ok_or("there is no such run")?;
        replayed.ground().ok_or("this run has no workspace yet")?;
        let tree = replayed.tree();
        Ok((replayed.woke().spec.clone(), tree))
    }

    async fn history(&self, name: String, before: u32, runs: u32, reply: &Reply) {
        match self
            .shared
            .journal
            .history(name.clone(), before, runs)
            .await
        {
            Ok((records, more)) => {
                for record in records {
                    reply.repeat(record);
                }
                reply.tell(Fact::HistoryEnd { name, more });
            }
            Err(e) => reply.refuse(name, e.to_string()),
        }
    }
}
