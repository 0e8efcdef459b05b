//! `init STARTER`: copies a shipped loop with its skill and scripts into the project. What is there
//! already is never written over.

use std::fs;
use std::io;
use std::path::Path;

use super::starters::{STARTERS, Starter};
use super::{Exit, Fail, Out};
use crate::durable;
use crate::protocol::Written;
use crate::run::Digest;

/// Lists the starters.
pub fn list(out: &mut Out<'_>) -> Exit {
    let wide = STARTERS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    for starter in STARTERS {
        let about = starter.about();
        out.line(&format!("{:<wide$}  {about}", starter.name));
    }
    Exit::Done
}

/// Copies a starter. Nothing is written if one of its files is in the way.
pub fn init(project: &Path, name: &str, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let starter = STARTERS.iter().find(|s| s.name == name).ok_or_else(|| {
        let names: Vec<&str> = STARTERS.iter().map(|s| s.name).collect();
        Exit::Unknown.because(format!(
            "no starter named {name}; there are: {}",
            names.join(", ")
        ))
    })?;
    let places = starter.places();
    let links = |place: &String| durable::link_on_the_way(project, folder_of(place));
    if let Some(link) = places.iter().find_map(|(place, _, _)| links(place)) {
        let link = link.strip_prefix(project).unwrap_or(&link).display();
        return Err(Exit::Refused.because(format!(
            "{link} is a link, and init writes into no folder behind one; take it away to install {name}"
        )));
    }
    for (place, _, _) in &places {
        // A dangling link is in the way, too.
        if fs::symlink_metadata(project.join(place)).is_ok() {
            return Err(Exit::Refused.because(format!(
                "{place} is there already and is not written over; move it away to install {name}"
            )));
        }
    }
    for (place, text, program) in &places {
        let written = write_new(project, place, text, *program);
        written.map_err(|e| Exit::Trouble.because(format!("cannot write {place}: {e}")))?;
        out.line(&format!("wrote {place}"));
    }
    out.line(&format!(
        "next: read loops/{name}.toml, then `checkride check` and `checkride run {name}`"
    ));
    Ok(Exit::Done)
}

/// The files of a starter as they are shipped: what installing it has written.
pub fn shipped(name: &str) -> Vec<Written> {
    let starter = STARTERS.iter().find(|s| s.name == name);
    let places = starter.map(Starter::places).unwrap_or_default();
    let written = |(path, text, _): (String, &str, bool)| Written {
        path,
        before: None,
        after: Digest::of(text.as_bytes()),
    };
    places.into_iter().map(written).collect()
}

/// Writes the skill and the scripts of a starter, without its loop.
///
/// # Errors
/// There is no such starter, or a file cannot be written.
pub(crate) fn lay_out_tools(project: &Path, name: &str) -> io::Result<()> {
    let starter = STARTERS.iter().find(|starter| starter.name == name);
    let starter = starter.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    for (place, text, program) in starter.places() {
        if !place.starts_with("loops/") {
            write_new(project, &place, text, program)?;
        }
    }
    Ok(())
}

/// Writes a file that must not be there yet, with the folders above it, behind no link of the project.
pub(crate) fn write_new(project: &Path, place: &str, text: &str, program: bool) -> io::Result<()> {
    durable::sweep(&durable::make_real_folder(project, folder_of(place))?);
    let mode = if program { 0o755 } else { 0o644 };
    durable::begin(&project.join(place), text.as_bytes(), mode)
}

fn folder_of(place: &str) -> &Path {
    Path::new(place).parent().unwrap_or(Path::new(""))
}

impl Starter {
    /// Where each file goes in a project, its text, and whether it is a program.
    fn places(&self) -> Vec<(String, &'static str, bool)> {
        let name = self.name;
        let place = |from: &str| match from {
            "loop.toml" => format!("loops/{name}.toml"),
            "skill/SKILL.md" => format!("skills/{name}/SKILL.md"),
            other => other.to_owned(),
        };
        self.files
            .iter()
            .map(|(from, text)| (place(from), *text, from.starts_with("scripts/")))
            .collect()
    }

    /// The description that its loop file gives.
    fn about(&self) -> String {
        let text = self.files.iter().find(|(from, _)| *from == "loop.toml");
        text.and_then(|(_, text)| text.parse::<toml::Table>().ok())
            .and_then(|table| table.get("description")?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}
