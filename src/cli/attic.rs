//! `attic`: what left a workspace and stands in no snapshot, in words. Moving and deleting is done by
//! whoever calls; nothing here touches a file.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Out;
use crate::run::inert::spelled_line;

/// Most paths that are named of one drawer.
const MOST_PATHS: usize = 4;

/// One thing that is kept aside.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The loop.
    #[serde(rename = "loop")]
    pub name: String,
    /// What `--restore` is told.
    pub call: String,
    /// What it is, in words.
    pub what: &'static str,
    /// Seconds since 1970 when the last of it was put there.
    pub at_s: i64,
    /// Plain files in it.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
    /// What left the tree.
    pub paths: Vec<String>,
    /// The folder that holds it.
    pub place: String,
}

/// What is to be said of a loop's attic beside what is there: what is gone, what cannot be read.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// The loop.
    #[serde(rename = "loop")]
    pub name: String,
    /// One line.
    pub note: String,
}

/// One line for each, and one that names its paths and its place; at the end what is to be said beside them.
pub fn list(rows: &[Row], said: &[Said], zone: &TimeZone, out: &mut Out<'_>) {
    if rows.is_empty() {
        out.line("nothing is kept aside");
    }
    for row in rows {
        let Row {
            name,
            call,
            what,
            files,
            bytes,
            ..
        } = row;
        let when = Timestamp::from_second(row.at_s).map_or_else(
            |_| "?".to_owned(),
            |at| {
                at.to_zoned(zone.clone())
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string()
            },
        );
        let files = match files {
            1 => "1 file".to_owned(),
            n => format!("{n} files"),
        };
        out.line(&format!(
            "{name} {call}  {when}  {what}: {files}, {bytes} bytes"
        ));
        let named = row
            .paths
            .iter()
            .take(MOST_PATHS)
            .cloned()
            .collect::<Vec<_>>();
        let more = match row.paths.len().saturating_sub(MOST_PATHS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !named.is_empty() {
            out.line(&format!(
                "    {}{more}",
                spelled_line(named.join(", ").as_bytes())
            ));
        }
        out.line(&format!("    {}", spelled_line(row.place.as_bytes())));
    }
    for Said { name, note } in said {
        out.line(&format!("{name}: {note}"));
    }
}

/// The same as objects, one per line.
pub fn json(rows: &[Row], said: &[Said], out: &mut Out<'_>) {
    for row in rows {
        out.json(row);
    }
    for note in said {
        out.json(note);
    }
}
