//! A run's artefacts as plain files in `.checkride/runs/<loop>/<number>/<iteration>/`, made from its
//! events: for people, grep and other tools. The journal stays the truth.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::run::{Digest, Event, Run};
use crate::supervisor::journal::Batch;
use crate::supervisor::site::{PAYLOAD, Site};

/// Writes what these events bring. The error is one line; the run goes on without the file.
pub(super) async fn write(site: &Site, run: &Run, batch: &Batch) -> Result<(), String> {
    let folder = site.folder.join(run.iteration().to_string());
    for event in &batch.events {
        let written = if let Event::Composed { prompt } = event {
            let text = text(site, batch, &prompt.text.digest).await?;
            put(&folder, "prompt.md", text.as_bytes())
        } else if let Event::Worked(work) = event {
            let text = text(site, batch, &work.diff.digest).await?;
            put(&folder, "diff.patch", text.as_bytes())
        } else if let Event::Checked { results, .. } = event {
            json(&folder, "checks.json", results)
        } else if let Event::Ruled(verdict) = event {
            json(&folder, "verdict.json", verdict)
        } else if let Event::Decided { .. } = event {
            decision(site, &folder, event)
        } else if let Event::Woke(wake) = event {
            if let Some(payload) = wake.fired.as_ref().and_then(|fired| fired.payload.as_ref()) {
                let text = text(site, batch, &payload.text.digest).await?;
                put(&site.folder, PAYLOAD, text.as_bytes()).map_err(|e| e.to_string())?;
            }
            ignore_file(&site.project)
        } else {
            Ok(())
        };
        written.map_err(|e| {
            let folder = folder.display();
            format!(
                "cannot write into {folder}: {e}; make it writable, the journal keeps all meanwhile"
            )
        })?;
    }
    Ok(())
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

fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), bytes)
}

fn json<T: Serialize>(folder: &Path, name: &str, value: &T) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    put(folder, name, &bytes)
}

#[derive(Serialize)]
struct Decided<'a> {
    at: i64,
    #[serde(flatten)]
    event: &'a Event,
}

fn decision(site: &Site, folder: &Path, event: &Event) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let line = serde_json::to_string(&Decided {
        at: site.clock.now_ms(),
        event,
    })? + "\n";
    let path = folder.join("decisions.jsonl");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?
        .write_all(line.as_bytes())
}

/// Keeps the folder out of the operator's repository (PRODUCT §5.4).
fn ignore_file(project: &Path) -> io::Result<()> {
    let folder = project.join(".checkride");
    fs::create_dir_all(&folder)?;
    let file = folder.join(".gitignore");
    if file.exists() {
        Ok(())
    } else {
        fs::write(file, "*\n")
    }
}
