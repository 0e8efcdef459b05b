//! `attic` on the command line: lists what is kept aside, gives it back, deletes it for good. It needs no
//! host: a folder is moved at once or not at all.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::cli::attic::{Row, Said, json, list};
use crate::cli::flags::Attic;
use crate::cli::{Exit, Fail, Out};
use crate::config::Paths;
use crate::run::inert::spelled_line;
use crate::supervisor::workspace::kept::{self, Kept, Note};

/// Does what the words say.
pub(super) fn attic(paths: &Paths, words: &Attic, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let mut all = kept::all(paths.state());
    if let Some(name) = &words.name {
        all.retain(|kept| kept.name == *name);
    }
    if let Some(call) = &words.restore {
        return restore(&all, call, words.into.as_deref(), out);
    }
    let rows: Vec<Row> = all.iter().map(row).collect();
    let mut said = kept::notes(paths.state());
    if let Some(name) = &words.name {
        said.retain(|note| note.name == *name);
    }
    let said: Vec<Said> = said.into_iter().map(saying).collect();
    if words.json {
        json(&rows, &said, out);
    } else {
        list(&rows, &said, &TimeZone::system(), out);
    }
    if !words.empty || all.is_empty() {
        return Ok(Exit::Done);
    }
    if !words.yes {
        return Err(Exit::Refused
            .because("nothing was deleted: add --yes to delete all of the above for good"));
    }
    for kept in &all {
        let deleted = kept.delete();
        deleted.map_err(|trouble| Exit::Trouble.because(trouble.cause))?;
    }
    out.line("all of the above is deleted");
    Ok(Exit::Done)
}

fn restore(all: &[Kept], call: &str, into: Option<&Path>, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let Some(kept) = all.iter().find(|kept| kept.call == call) else {
        let call = spelled_line(call.as_bytes());
        return Err(Exit::Unknown.because(format!(
            "nothing is kept as {call}: `checkride attic` lists what is"
        )));
    };
    let usual = || PathBuf::from(format!("{}-{call}", kept.name));
    let into = into.map_or_else(usual, Path::to_owned);
    let moved = kept.give(&into);
    let moved = moved.map_err(|trouble| Exit::Trouble.because(trouble.cause))?;
    let into = spelled_line(into.as_os_str().as_encoded_bytes());
    out.line(&if moved {
        format!("{} {call} is now in {into}", kept.name)
    } else {
        let place = spelled_line(kept.place.as_os_str().as_encoded_bytes());
        format!(
            "a copy of {} {call} is in {into}; the original stays in {place}",
            kept.name
        )
    });
    out.line("it is as a run left it: git in there may run what its configuration names");
    Ok(Exit::Done)
}

fn saying(note: Note) -> Said {
    Said {
        name: note.name,
        note: note.line,
    }
}

fn row(kept: &Kept) -> Row {
    Row {
        name: kept.name.clone(),
        call: kept.call.clone(),
        what: kept.what,
        at_s: kept.at_s,
        files: kept.files,
        bytes: kept.bytes,
        paths: kept.paths.clone(),
        place: kept.place.display().to_string(),
    }
}
