//! A run's artefacts as plain files in `.checkride/runs/<loop>/<number>/<iteration>/`, made from its
//! events: for people, grep and other tools. The journal stays the truth.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::run::{Digest, Event, Run};
use crate::supervisor::site::Site;

/// Writes what these events bring. The error is one line; the run goes on without the file.
pub(super) async fn write(site: &Site, run: &Run, events: &[Event]) -> Result<(), String> {
    let folder = site.folder.join(run.iteration().to_string());
    for event in events {
        let written = if let Event::Composed { prompt } = event {
            text(site, &folder, "prompt.md", &prompt.text.digest).await
        } else if let Event::Worked(work) = event {
            text(site, &folder, "diff.patch", &work.diff.digest).await
        } else if let Event::Checked { results, .. } = event {
            json(&folder, "checks.json", results)
        } else if let Event::Ruled(verdict) = event {
            json(&folder, "verdict.json", verdict)
        } else if let Event::Decided { .. } = event {
            decision(site, &folder, event)
        } else if let Event::Woke(_) = event {
            ignore_file(&site.project)
        } else {
            Ok(())
        };
        written.map_err(|e| format!("cannot write into {}: {e}", folder.display()))?;
    }
    Ok(())
}

async fn text(site: &Site, folder: &Path, name: &str, digest: &Digest) -> io::Result<()> {
    let kept = site
        .journal
        .text(digest.clone())
        .await
        .map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), kept.unwrap_or_default())
}

fn json<T: Serialize>(folder: &Path, name: &str, value: &T) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    fs::write(folder.join(name), bytes)
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
