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

/// One line for each, and one that names its paths and its place.
pub fn list(rows: &[Row], zone: &TimeZone, out: &mut Out<'_>) {
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
}

/// The same as objects, one per line.
pub fn json(rows: &[Row], out: &mut Out<'_>) {
    for row in rows {
        out.json(row);
    }
}
