//! The two directions of one connection as lines of JSON-RPC. Updates are taken out on their way
//! and told at once, so that a flood waits in the agent's pipe and never in memory; what is no
//! message of the protocol never reaches the protocol's crate.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agent_client_protocol::v1::schema::SessionNotification;
use futures_util::{Sink, Stream, sink, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;

use super::session::News;
use crate::run::inert;

/// Longest line that is read, in bytes; a longer one is left out and told as such.
/// Real agents were seen to write 560 KB; a file of 50 MB in one request is still read.
const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// Most requests of an agent that may wait for an answer; real agents have a handful open.
const MOST_OPEN: usize = 1000;

/// Bytes shown of a line that is no message.
const SHOWN: usize = 300;

/// The requests of the agent that have no answer yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Open(Arc<AtomicUsize>);

impl Open {
    /// One more; fails where an agent asks without end.
    fn one_more(&self) -> io::Result<()> {
        if self.0.fetch_add(1, Ordering::Relaxed) < MOST_OPEN {
            return Ok(());
        }
        let why = format!("it has more than {MOST_OPEN} requests open at once");
        Err(io::Error::other(why))
    }

    fn one_less(&self) {
        // An answer to a message that was no request changes nothing.
        let less = |open: usize| open.checked_sub(1);
        let _was = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// What stands at the head of a message, wherever in its line.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// What the agent writes, without its updates: those go to `news`.
pub(super) fn incoming<R>(
    output: R,
    open: Open,
    news: mpsc::Sender<News>,
) -> impl Stream<Item = io::Result<String>> + Send + 'static
where
    R: AsyncRead + Unpin + Send + 'static,
{
    let reader = Reader {
        output: BufReader::with_capacity(128 * 1024, output),
        line: Vec::new(),
        open,
        news,
    };
    stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(line)) => Some((Ok(line), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

struct Reader<R> {
    output: BufReader<R>,
    line: Vec<u8>,
    open: Open,
    news: mpsc::Sender<News>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// The next request or answer.
    async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            let Some(left_out) = self.read_line().await? else {
                return Ok(None);
            };
            if left_out > 0 {
                let all = self.line.len() as u64 + left_out;
                self.tell(News::Unread(format!("a line of {all} bytes")))
                    .await;
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).into_owned();
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let Some(head) = head(line) else {
                let shown = inert::head(line, SHOWN).to_owned();
                self.tell(News::Junk(shown)).await;
                continue;
            };
            match (head.method, head.id) {
                (None, _) => return Ok(Some(line.to_owned())),
                (Some(_), Some(_)) => {
                    self.open.one_more()?;
                    return Ok(Some(line.to_owned()));
                }
                (Some(method), None) if method == "session/update" => {
                    let update = update(head.params);
                    self.tell(update).await;
                }
                // Agents send notifications of their own; they may be ignored.
                (Some(_), None) => {}
            }
        }
    }

    /// Reads one line without its end; how many bytes did not fit, or `None` at the end.
    async fn read_line(&mut self) -> io::Result<Option<u64>> {
        self.line.clear();
        let mut left_out = 0;
        let mut any = false;
        loop {
            let bytes = self.output.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(any.then_some(left_out));
            }
            any = true;
            let end = bytes.iter().position(|&b| b == b'\n');
            let (part, used) = match end {
                Some(end) => (bytes.get(..end).unwrap_or_default(), end + 1),
                None => (bytes, bytes.len()),
            };
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            let (kept, cut) = part.split_at(room.min(part.len()));
            self.line.extend_from_slice(kept);
            left_out += cut.len() as u64;
            self.output.consume(used);
            if end.is_some() {
                return Ok(Some(left_out));
            }
        }
    }

    /// Waits for room: this is what holds back an agent that writes faster than it is told.
    async fn tell(&mut self, news: News) {
        // Nobody listens any more: the connection is about to end.
        drop(self.news.send(news).await);
    }
}

/// The head of a line that is one JSON object.
fn head(line: &str) -> Option<Head<'_>> {
    line.starts_with('{')
        .then(|| serde_json::from_str(line).ok())?
}

fn update(params: Option<&RawValue>) -> News {
    #[derive(Deserialize)]
    struct Named {
        update: Kind,
    }
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "sessionUpdate")]
        kind: String,
    }
    let params = params.map_or("null", RawValue::get);
    if let Ok(notification) = serde_json::from_str::<SessionNotification>(params) {
        return News::Update(Box::new(notification.update));
    }
    let named = serde_json::from_str::<Named>(params);
    let kind = named.map_or_else(|_| "without a kind".to_owned(), |n| n.update.kind);
    News::Unread(format!("an update {}", inert::cut(&kind, 60)))
}

/// What goes to the agent, one line per message.
pub(super) fn outgoing<W>(
    input: W,
    open: Open,
) -> impl Sink<String, Error = io::Error> + Send + 'static
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    sink::unfold(
        (input, open),
        async |(mut input, open), mut line: String| {
            if head(&line).is_some_and(|head| head.method.is_none()) {
                open.one_less();
            }
            line.push('\n');
            let written = async {
                input.write_all(line.as_bytes()).await?;
                input.flush().await
            };
            match written.await {
                // Who reads no more has ended, or is about to: the end of its output says so.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok((input, open)),
                written => written.map(|()| (input, open)),
            }
        },
    )
}
