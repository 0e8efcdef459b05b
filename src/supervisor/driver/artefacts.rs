//! A run's artefacts as plain files in `.checkride/runs/<loop>/<number>/<iteration>/`, made from its
//! events: for people, grep and other tools. The journal stays the truth.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::durable;
use crate::run::inert::escaped;
use crate::run::{Digest, Event, Run};
use crate::supervisor::journal::Batch;
use crate::supervisor::site::Site;
use crate::supervisor::site::places::PAYLOAD;

/// Files that wait for room, at most; beyond them the oldest are left to the journal.
const MOST_WAITING: usize = 64;

/// One file, or one line of a file.
struct Paper {
    project: PathBuf,
    /// Below the project; every folder on its way is a real one.
    path: PathBuf,
    text: Text,
}

enum Text {
    /// The whole file.
    Whole(Vec<u8>),
    /// One more line at its end.
    Line(String),
    /// The whole file, unless there is one.
    First(&'static str),
}

/// The papers of a run that could not be written yet, in their order.
#[derive(Default)]
pub(super) struct Papers(VecDeque<Paper>);

impl Papers {
    /// Writes what these events bring, and before it what could not be written until now.
    ///
    /// # Errors
    /// One line; the run goes on without the files, and they are tried again with the next events. Only one
    /// whose text the journal does not give is left to the journal.
    pub(super) async fn write(
        &mut self,
        site: &Site,
        run: &Run,
        batch: &Batch,
    ) -> Result<(), String> {
        let mut made = Ok(());
        for event in &batch.events {
            match paper(site, run, batch, event).await {
                Ok(papers) => self.0.extend(papers),
                Err(why) => made = made.and(Err(why)),
            }
        }
        while self.0.len() > MOST_WAITING {
            self.0.pop_front();
        }
        self.put().await.and(made)
    }

    /// Tries once more what waits when its run is over.
    ///
    /// # Errors
    /// One line that says how many files stay unwritten, and why the first does.
    pub(super) async fn finish(&mut self) -> Result<(), String> {
        let tried = self.put().await;
        tried.map_err(|why| format!("{} files of this run stay unwritten: {why}", self.0.len()))
    }

    /// Writes what waits, in its order, up to the first that cannot be written.
    async fn put(&mut self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut waiting = std::mem::take(&mut self.0);
        // Syncing takes its time: beside the thread that every run shares.
        let written = tokio::task::spawn_blocking(move || {
            let mut trouble = None;
            while let Some(paper) = waiting.front() {
                if let Err(error) = paper.put() {
                    trouble = Some(failed(&paper.path, &error));
                    break;
                }
                waiting.pop_front();
            }
            (waiting, trouble)
        });
        let (left, trouble) = written.await.map_err(|e| e.to_string())?;
        self.0 = left;
        trouble.map_or(Ok(()), Err)
    }
}

impl Paper {
    fn put(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            durable::make_real_folder(&self.project, folder)?;
        }
        let path = self.project.join(&self.path);
        match &self.text {
            Text::Whole(bytes) => durable::replace(&path, bytes, 0o644),
            Text::Line(line) => durable::append_line(&path, line),
            Text::First(text) => match durable::begin(&path, text.as_bytes(), 0o644) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                begun => begun,
            },
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> String {
    let next = if durable::has_no_room(error) {
        "make room on that disk"
    } else {
        "make it writable"
    };
    format!(
        "cannot write {}: {error}; {next}, the journal keeps all meanwhile",
        path.display()
    )
}

/// What an event brings.
async fn paper(site: &Site, run: &Run, batch: &Batch, event: &Event) -> Result<Vec<Paper>, String> {
    let folder = site.below.join(run.iteration().to_string());
    let one = |path: PathBuf, text: Text| Paper {
        project: site.project.clone(),
        path,
        text,
    };
    let whole = |name: &str, bytes: Vec<u8>| vec![one(folder.join(name), Text::Whole(bytes))];
    Ok(if let Event::Composed { prompt } = event {
        let text = text(site, batch, &prompt.text.digest).await?;
        whole("prompt.md", text.into_bytes())
    } else if let Event::Worked(work) = event {
        let text = text(site, batch, &work.diff.digest).await?;
        whole("diff.patch", text.into_bytes())
    } else if let Event::Checked { results, .. } = event {
        whole("checks.json", json(results)?)
    } else if let Event::Ruled(verdict) = event {
        whole("verdict.json", json(verdict)?)
    } else if let Event::Decided { .. } = event {
        let at = site.clock.now_ms();
        let line = serde_json::to_string(&Decided { at, event }).map_err(|e| e.to_string())?;
        let line = escaped(&line);
        vec![one(folder.join("decisions.jsonl"), Text::Line(line))]
    } else if let Event::Woke(wake) = event {
        // Keeps the folder out of the operator's repository (PRODUCT §5.4).
        let ignore = one(PathBuf::from(".checkride/.gitignore"), Text::First("*\n"));
        let mut papers = vec![ignore];
        let came = wake.fired.as_ref().and_then(|fired| fired.payload.as_ref());
        if let Some(payload) = came {
            let text = text(site, batch, &payload.text.digest).await?;
            let bytes = Text::Whole(text.into_bytes());
            papers.push(one(site.below.join(PAYLOAD), bytes));
        }
        papers
    } else {
        Vec::new()
    })
}

/// The text of this digest: one that came with the events, or one that was kept before.
async fn text(site: &Site, batch: &Batch, digest: &Digest) -> Result<String, String> {
    let mut came = batch.texts.iter();
    if let Some(text) = came.find(|text| Digest::of(text.as_bytes()) == *digest) {
        return Ok(text.clone());
    }
    let kept = site.journal.text(digest.clone()).await;
    let kept = kept.map_err(|e| e.to_string())?;
    kept.ok_or_else(|| format!("the text {} is not in the journal", digest.short()))
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    let text = serde_json::to_string_pretty(value).map_err(|e| e.to_string())?;
    Ok((escaped(&text) + "\n").into_bytes())
}

#[derive(Serialize)]
struct Decided<'a> {
    at: i64,
    #[serde(flatten)]
    event: &'a Event,
}
