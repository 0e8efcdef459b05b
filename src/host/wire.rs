//! The wire: one JSON value per line, a greeting first, commands one way and records the other.
//! Whatever is not that ends the connection it came on, and nothing else.

use std::fmt;
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

use super::environment::Print;

/// Number of this form of the wire; two programs speak only if theirs are equal.
pub const WIRE: u32 = 5;

/// Longest command, in bytes: a memory file or an edited file travels in one.
pub const LONGEST_COMMAND: usize = 8 << 20;

/// Longest record, in bytes: a fetched text travels in one.
pub const LONGEST_RECORD: usize = 64 << 20;

/// Longest greeting, in bytes.
const LONGEST_GREETING: usize = 4096;

/// Bytes that are gathered before they are written to the socket.
const GATHER: usize = 64 << 10;

/// What each side says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The program's version.
    pub checkride: String,
    /// Its form of the wire.
    pub wire: u32,
    /// Why the host will not speak with this peer: one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What a host was started with; none from who attaches, and none for who is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Print>,
}

/// Why a connection is over, in one line.
#[derive(Debug)]
pub enum WireError {
    /// The socket failed.
    Io(io::Error),
    /// A line is longer than this many bytes.
    TooLong(usize),
    /// A line is not what belongs here.
    Malformed(String),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => write!(f, "the connection broke: {e}"),
            Self::TooLong(most) => write!(f, "a line is longer than {most} bytes"),
            Self::Malformed(why) => write!(f, "a line cannot be read: {why}"),
        }
    }
}

impl std::error::Error for WireError {}

impl Greeting {
    /// This program's own.
    pub fn ours(refused: Option<String>) -> Self {
        Self {
            checkride: env!("CARGO_PKG_VERSION").to_owned(),
            wire: WIRE,
            refused,
            environment: None,
        }
    }
}

/// Reads one value per line.
#[derive(Debug)]
pub struct Lines<R> {
    from: BufReader<R>,
    longest: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from here; a line of more than `longest` bytes is an error.
    pub fn new(from: R, longest: usize) -> Self {
        Self {
            from: BufReader::new(from),
            longest,
        }
    }

    /// The greeting that opens every connection; `None` if the other side went without a word.
    pub async fn greeting(&mut self) -> Result<Option<Greeting>, WireError> {
        match self.line(LONGEST_GREETING).await? {
            Some(line) => parse(&line).map(Some),
            None => Ok(None),
        }
    }

    /// The next value; `None` at the end. A last line without its end is no value.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, WireError> {
        match self.line(self.longest).await? {
            Some(line) => parse(&line).map(Some),
            None => Ok(None),
        }
    }

    async fn line(&mut self, longest: usize) -> Result<Option<Vec<u8>>, WireError> {
        let mut line = Vec::new();
        loop {
            let chunk = self.from.fill_buf().await.map_err(WireError::Io)?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|&b| b == b'\n');
            let part = end.map_or(chunk, |at| chunk.get(..at).unwrap_or(chunk));
            if line.len() + part.len() > longest {
                return Err(WireError::TooLong(longest));
            }
            line.extend_from_slice(part);
            let used = end.map_or(chunk.len(), |at| at + 1);
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(line).map_err(|e| WireError::Malformed(e.to_string()))
}

/// One value as its line.
pub fn line_of<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    let mut line = serde_json::to_vec(value).map_err(|e| WireError::Malformed(e.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// Writes one value at once.
pub async fn say<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    value: &T,
) -> Result<(), WireError> {
    to.write_all(&line_of(value)?).await.map_err(WireError::Io)
}

/// Passes on what is read, until the wire or the receiver is gone. Both are a normal end.
pub async fn read_into<T: DeserializeOwned>(
    mut lines: Lines<impl AsyncRead + Unpin>,
    into: mpsc::Sender<T>,
) -> Result<(), WireError> {
    while let Some(value) = lines.next().await? {
        if into.send(value).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes what comes, gathered while more is waiting, until the sender is gone.
///
/// A value longer than `longest` bytes is an error here, before its reader would trip over it.
pub async fn write_from<T: Serialize>(
    mut from: mpsc::Receiver<T>,
    mut to: impl AsyncWrite + Unpin,
    longest: usize,
) -> Result<(), WireError> {
    let mut gathered = Vec::new();
    while let Some(value) = from.recv().await {
        let mut next = Some(value);
        while let Some(value) = next {
            let line = line_of(&value)?;
            if line.len() > longest {
                return Err(WireError::TooLong(longest));
            }
            gathered.extend_from_slice(&line);
            next = (gathered.len() < GATHER)
                .then(|| from.try_recv().ok())
                .flatten();
        }
        to.write_all(&gathered).await.map_err(WireError::Io)?;
        gathered.clear();
    }
    to.shutdown().await.map_err(WireError::Io)
}
