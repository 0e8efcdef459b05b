//! Transcripts: what was said and done in a run, one JSON line each, appended as it comes.
//! Not synced: it survives the death of the program, not of the machine. Read by range only.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::run::inert::inert;

/// Bytes of worker output that one run keeps. What the host writes comes on top.
pub const KEPT_BYTES: u64 = 256 << 20;

/// Bytes after which nothing is kept at all, so that an offset fits in 32 bits.
const MOST_BYTES: u64 = u32::MAX as u64 - (1 << 20);

/// Bytes gathered before they are written even without a pause.
const BUFFER: usize = 256 * 1024;

/// Most bytes that one [`Transcript::lines`] reads: more lines are asked for again.
const MOST_READ: u32 = 4 << 20;

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since 1970.
    pub at: i64,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The thing, one line, inert.
    pub text: String,
}

impl Entry {
    /// A line as it was written. One that was damaged since says so in its place, so that the others
    /// keep their numbers.
    fn read(line: &[u8]) -> Self {
        serde_json::from_slice(line).unwrap_or_else(|_| Self {
            at: 0,
            kind: Kind::Cut,
            text: "this line of the transcript file is damaged".to_owned(),
        })
    }
}

/// The kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The worker said it.
    Said,
    /// The worker thought it.
    Thinking,
    /// The worker uses a tool.
    Tool,
    /// What the tool answered.
    Result,
    /// A file that the worker says it read or wrote.
    File,
    /// Its standard error.
    Stderr,
    /// What the worker says of its own work.
    Claim,
    /// What the worker proposes to remember.
    Note,
    /// What the worker asks.
    Question,
    /// Something went wrong.
    Error,
    /// What was spent.
    Usage,
    /// What woke the run.
    Wake,
    /// A prompt was sent.
    Prompt,
    /// The checks ended.
    Checks,
    /// What the judge said.
    Judge,
    /// What the checks of a loop without a judge come to.
    Verdict,
    /// What was put into memory.
    Memory,
    /// What the operator did.
    You,
    /// What was published.
    Publish,
    /// The run waits for a person.
    Held,
    /// A guardrail refused something.
    Guardrail,
    /// The run is over.
    End,
    /// Something was left out here.
    Cut,
}

impl Kind {
    /// Whether it comes from the worker's output and may be cut when there is too much.
    fn may_be_cut(self) -> bool {
        match self {
            Self::Said | Self::Thinking | Self::Tool | Self::Result | Self::File | Self::Stderr => {
                true
            }
            Self::Claim
            | Self::Note
            | Self::Question
            | Self::Error
            | Self::Usage
            | Self::Wake
            | Self::Prompt
            | Self::Checks
            | Self::Held
            | Self::Guardrail
            | Self::End
            | Self::Judge
            | Self::Verdict
            | Self::Memory
            | Self::You
            | Self::Publish
            | Self::Cut => false,
        }
    }
}

/// The transcript of one run: the file, and where each of its lines begins.
#[derive(Debug)]
pub struct Transcript {
    file: File,
    /// Where each line begins: 4 bytes a line.
    starts: Vec<u32>,
    /// Bytes in the file and in the buffer together.
    length: u64,
    /// Bytes of `length` that can be cut.
    output: u64,
    /// Lines that are not written yet.
    buffer: Vec<u8>,
    cap: u64,
    cut: Cut,
}

/// What was left out since the last mark.
#[derive(Debug, Default, Clone, Copy)]
struct Cut {
    lines: u64,
    bytes: u64,
}

impl Cut {
    fn count(&mut self, text: &str) {
        self.lines += 1;
        self.bytes += text.len() as u64;
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: i64,
    kind: Kind,
    text: &'a str,
}

impl Transcript {
    /// Opens or begins a transcript that keeps `cap` bytes of output, [`KEPT_BYTES`] by default.
    ///
    /// A last line that was cut short by a crash is dropped; a link in its place is not followed.
    pub fn open(path: &Path, cap: u64) -> io::Result<Self> {
        let mut file = durable::open_for_lines(path)?;
        let (starts, length) = index(&mut file)?;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
        }
        Ok(Self {
            file,
            starts,
            length,
            output: length,
            buffer: Vec::new(),
            cap,
            cut: Cut::default(),
        })
    }

    /// How many lines there are.
    pub fn len(&self) -> u64 {
        self.starts.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Appends one entry; its text is made inert here, and its line feeds are shown as such.
    ///
    /// Over the cap, output is counted instead of kept, and a visible mark says how much.
    pub fn append(&mut self, at: i64, kind: Kind, text: &str) -> io::Result<()> {
        if kind.may_be_cut() && self.output >= self.cap {
            let marked = if self.cut.lines == 0 {
                let mib = self.cap >> 20;
                let why = format!("more than {mib} MiB of output: what follows is not kept");
                self.put(at, Kind::Cut, &why)
            } else {
                Ok(())
            };
            self.cut.count(text);
            return marked;
        }
        let kept = self.tell_cut(at).and_then(|()| self.keep(at, kind, text));
        if kept.is_err() {
            // What is missing is told where it is missing, once there is room again.
            self.cut.count(text);
        }
        kept
    }

    /// Says what was left out since the last mark; the counts begin anew once that stands there.
    fn tell_cut(&mut self, at: i64) -> io::Result<()> {
        let Cut { lines, bytes } = self.cut;
        if lines == 0 {
            return Ok(());
        }
        let what = format!("{lines} lines, {bytes} bytes are not kept");
        self.put(at, Kind::Cut, &what)?;
        self.cut = Cut::default();
        Ok(())
    }

    fn keep(&mut self, at: i64, kind: Kind, text: &str) -> io::Result<()> {
        let before = self.length;
        self.put(at, kind, text)?;
        if kind.may_be_cut() {
            self.output += self.length - before;
        }
        Ok(())
    }

    fn put(&mut self, at: i64, kind: Kind, text: &str) -> io::Result<()> {
        if self.length > MOST_BYTES {
            return Ok(());
        }
        if self.buffer.len() >= BUFFER {
            // First, so that a full disk refuses more instead of filling the memory.
            self.flush()?;
        }
        let start = u32::try_from(self.length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let before = self.buffer.len();
        let text = &*inert(text);
        serde_json::to_writer(&mut self.buffer, &Line { at, kind, text })?;
        self.buffer.push(b'\n');
        self.starts.push(start);
        self.length += (self.buffer.len() - before) as u64;
        Ok(())
    }

    /// Writes what is gathered; no sync.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.file.write_all(&self.buffer) {
            // A full disk may have taken a part: take it back, so that the next try fits the index.
            self.file.set_len(self.length - self.buffer.len() as u64)?;
            return Err(e);
        }
        self.buffer.clear();
        Ok(())
    }

    /// Up to `most` lines from line `from` on, from 0; fewer where they are more than 4 MiB.
    pub fn lines(&mut self, from: u64, most: u64) -> io::Result<Vec<Entry>> {
        self.flush()?;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(wanted) = self.starts.get(from..) else {
            return Ok(Vec::new());
        };
        let Some(&first) = wanted.first().filter(|_| most > 0) else {
            return Ok(Vec::new());
        };
        // At least one line, then as many as fit.
        let fits = wanted.partition_point(|&start| start - first <= MOST_READ);
        let end = match wanted.get(most.min(fits.max(1))) {
            Some(&end) => u64::from(end),
            None => self.length,
        };
        let length = usize::try_from(end - u64::from(first)).unwrap_or(0);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, u64::from(first))?;
        let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        Ok(lines.split(|&b| b == b'\n').map(Entry::read).collect())
    }
}

/// Where each whole line begins, and the length of all whole lines.
fn index(file: &mut File) -> io::Result<(Vec<u32>, u64)> {
    let mut starts = Vec::new();
    let mut chunk = vec![0; BUFFER];
    let (mut at, mut whole) = (0_u64, 0_u64);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((starts, whole));
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        for end in bytes
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(i, _)| i)
        {
            starts.push(u32::try_from(whole).map_err(|_| io::ErrorKind::FileTooLarge)?);
            whole = at + end as u64 + 1;
        }
        at += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// S3: while nothing can be written each line is counted, and once there is room it is told, before
    /// the next line, how many are missing.
    #[test]
    fn what_a_full_disk_refused_is_counted() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("transcript.jsonl");
        let mut transcript = Transcript::open(&path, KEPT_BYTES).unwrap();
        // A file that is open for reading alone takes nothing.
        let room = std::mem::replace(&mut transcript.file, File::open(&path).unwrap());
        let full = "x".repeat(BUFFER);
        transcript.append(1, Kind::Said, &full).unwrap();
        for kind in [Kind::Said, Kind::Claim, Kind::Said, Kind::Error] {
            transcript.append(2, kind, "lost").unwrap_err();
        }
        transcript.file = room;
        transcript.append(3, Kind::Said, "after").unwrap();
        let told = transcript.lines(1, 9).unwrap();
        let told: Vec<&str> = told.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(told, ["4 lines, 16 bytes are not kept", "after"]);
    }
}
