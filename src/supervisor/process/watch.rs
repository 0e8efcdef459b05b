//! Watching one process from start to end: feeds it, hands on what it prints chunk by chunk, and
//! ends it on time or on request. Memory is two buffers, whatever the process prints.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::{Exit, Halt, Running};

/// Bytes read at a time from each stream.
const CHUNK: usize = 128 * 1024;

/// Least time between two calls of [`Sink::pause`] while output comes: with a frame of the cockpit
/// behind it, a line is on the screen well within the 50 ms that it may take.
const GATHER: Duration = Duration::from_millis(10);

/// How long the pipes are still read when the tree is gone. They end at once then, unless somebody
/// outside the tree was handed one.
const DRAIN: Duration = Duration::from_millis(500);

/// Where the output of a process goes.
pub trait Sink {
    /// Bytes of its standard output.
    fn stdout(&mut self, bytes: &[u8]);
    /// Bytes of its standard error.
    fn stderr(&mut self, bytes: &[u8]);
    /// Output has come, and the last pause is some 10 ms ago: the time to show and store.
    /// What must still be told later, though nothing more may come, says when.
    fn pause(&mut self) -> Option<Instant> {
        None
    }
    /// Most bytes that it takes at a time; with 0 the process is killed at once, and nothing more is heard.
    fn appetite(&self) -> usize {
        CHUNK
    }
    /// Whether it has heard enough: the process is then asked to end, and how that counts is the sink's affair.
    fn enough(&self) -> bool {
        false
    }
}

/// When a process is ended from outside.
#[derive(Debug)]
pub struct Limits {
    /// Longest time it may run.
    pub timeout: Duration,
    /// Asks for its end earlier. A sender that is gone asks for nothing.
    pub halt: watch::Receiver<Halt>,
}

/// Why a process is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself.
    ByItself,
    /// Its time was up, and it was killed.
    TimedOut,
    /// It was asked to end.
    Halted,
}

/// How a watched process ended. Its whole tree is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Exit code or signal.
    pub exit: Exit,
    /// Why.
    pub ending: Ending,
    /// Time it took, in milliseconds.
    pub took_ms: u64,
    /// Time since its last output, in milliseconds; `None` where it printed nothing at all.
    pub silent_ms: Option<u64>,
    /// Processes of its tree that could not be killed: they belong to another user.
    pub left: usize,
}

/// Feeds `input` to the process and hands its output to `sink` until it is over.
///
/// After every chunk everyone else on this thread has a turn: a flood must not keep its own end waiting.
///
/// A process that does not read its input, or closes it early, is not at fault.
pub async fn watch(
    mut running: Running,
    input: &[u8],
    mut limits: Limits,
    sink: &mut dyn Sink,
) -> Watched {
    let began = Instant::now();
    let mut out = Stream::new(running.stdout.take());
    let mut err = Stream::new(running.stderr.take());
    let mut feeding = Box::pin(feed(running.stdin.take(), input));
    let mut times = Times::from(began, limits.timeout);
    let mut ending = Ending::ByItself;
    let mut fed = false;
    let mut halt = Halt::No;
    let mut enough = false;

    let exit = loop {
        tokio::select! {
            n = out.read(sink.appetite()) => {
                sink.stdout(out.chunk(n));
                times.heard(n);
                if sink.appetite() == 0 {
                    ending = Ending::Halted;
                    running.kill();
                    out.pipe = None;
                }
                if !enough && sink.enough() {
                    enough = true;
                    running.terminate();
                }
                yield_now().await;
            }
            n = err.read(CHUNK) => {
                sink.stderr(err.chunk(n));
                times.heard(n);
                yield_now().await;
            }
            () = &mut feeding, if !fed => fed = true,
            exit = running.wait() => break exit,
            () = at(times.end) => {
                times.end = None;
                ending = Ending::TimedOut;
                running.kill();
            }
            () = at(times.pause) => times.paused(sink.pause()),
            asked = rise(&mut limits.halt, halt) => {
                halt = asked;
                ending = Ending::Halted;
                match asked {
                    Halt::Politely => running.terminate(),
                    Halt::Now | Halt::Outright | Halt::No => running.kill(),
                }
            }
        }
    };
    drain(&mut out, &mut err, sink).await;
    sink.pause();
    Watched {
        exit,
        ending,
        took_ms: millis(began.elapsed()),
        left: running.left(),
        silent_ms: times.last_output.map(|at| millis(at.elapsed())),
    }
}

/// Reads what is left in the pipes of a tree that is gone.
async fn drain(out: &mut Stream, err: &mut Stream, sink: &mut dyn Sink) {
    let end = Instant::now() + DRAIN;
    while out.open() || err.open() {
        tokio::select! {
            n = out.read(CHUNK) => sink.stdout(out.chunk(n)),
            n = err.read(CHUNK) => sink.stderr(err.chunk(n)),
            () = sleep_until(end) => break,
        }
    }
}

struct Times {
    end: Option<Instant>,
    pause: Option<Instant>,
    last_pause: Instant,
    last_output: Option<Instant>,
}

impl Times {
    fn from(began: Instant, timeout: Duration) -> Self {
        Self {
            end: Some(began + timeout),
            // The sink of a process that never says a word has to hear of that, too.
            pause: Some(began),
            last_pause: began,
            last_output: None,
        }
    }

    fn paused(&mut self, next: Option<Instant>) {
        self.last_pause = Instant::now();
        self.pause = next;
    }

    fn heard(&mut self, bytes: usize) {
        if bytes > 0 {
            let now = Instant::now();
            self.last_output = Some(now);
            let soon = now.max(self.last_pause + GATHER);
            self.pause = Some(self.pause.map_or(soon, |at| at.min(soon)));
        }
    }
}

/// One stream of a process and the buffer it is read into.
struct Stream {
    pipe: Option<pipe::Receiver>,
    buffer: Vec<u8>,
}

impl Stream {
    fn new(pipe: Option<pipe::Receiver>) -> Self {
        Self {
            pipe,
            buffer: vec![0; CHUNK],
        }
    }

    fn open(&self) -> bool {
        self.pipe.is_some()
    }

    /// The number of bytes read; 0 once, when the stream ends, and after that never again.
    async fn read(&mut self, most: usize) -> usize {
        let Some(pipe) = &mut self.pipe else {
            return std::future::pending().await;
        };
        let most = most.clamp(1, CHUNK);
        let buffer = self.buffer.get_mut(..most).unwrap_or_default();
        let read = pipe.read(buffer).await.unwrap_or(0);
        if read == 0 {
            self.pipe = None;
        }
        read
    }

    fn chunk(&self, bytes: usize) -> &[u8] {
        self.buffer.get(..bytes).unwrap_or_default()
    }
}

/// Writes and closes. A reader that has gone away is no error: it had what it wanted.
async fn feed(pipe: Option<pipe::Sender>, input: &[u8]) {
    if let Some(mut pipe) = pipe {
        let _closed_early = pipe.write_all(input).await;
    }
}

/// The next request that asks for more than the last one.
pub(in crate::supervisor) async fn rise(halt: &mut watch::Receiver<Halt>, last: Halt) -> Halt {
    let asked = halt.wait_for(|asked| *asked > last).await.map(|h| *h);
    match asked {
        Ok(asked) => asked,
        Err(_) => std::future::pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
