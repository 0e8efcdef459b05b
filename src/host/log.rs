//! The host's log: one dated line each on standard error, which is a file unless a person started
//! the host by hand.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::run::inert::spelled_line;
use crate::supervisor::clock::Clock;

/// A log longer than this is begun anew, in bytes.
const LONGEST: u64 = 1 << 20;

/// Bytes at the log's end in which its last line is looked for.
const TAIL: u64 = 4096;

/// Adds one line.
pub(super) fn line(text: &str) {
    let at = Clock::System
        .here()
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    // A log that cannot be written is no reason to stop.
    drop(writeln!(
        io::stderr(),
        "{at} {}",
        spelled_line(text.as_bytes())
    ));
}

/// Opens the log for a host that is about to start.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if log.metadata()?.len() > LONGEST {
        log.set_len(0)?;
    }
    Ok(log)
}

/// The last line of the log that was written after `from` bytes; empty where there is none.
pub(super) fn last_line(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut log = File::open(path)?;
        let start = from.max(log.metadata()?.len().saturating_sub(TAIL));
        log.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        log.take(TAIL).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let last = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("");
    spelled_line(last.as_bytes())
}
