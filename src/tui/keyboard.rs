//! The keyboard: waits for its bytes and hands out what they mean. A line that is cut is an error at
//! once, and bytes that came with a signal wait for nothing.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::input::{Heard, Reader};
use super::text::figures::Moment;
use super::{clock, terminal};

/// Longest pause inside the bytes of one key: arrows begin with the byte of Esc.
const TEAR: Duration = Duration::from_millis(30);

/// The operator's side of the terminal.
pub(super) struct Keyboard {
    tty: AsyncFd<OwnedFd>,
    reader: Reader,
    heard: VecDeque<Heard>,
    /// When the bytes of `heard` were read.
    at: Moment,
    /// When an Esc that waits for more is taken for the key.
    settles: Option<Instant>,
}

impl Keyboard {
    /// Wants the runtime that it will be waited for on.
    #[expect(
        deprecated,
        reason = "its successor demands a promise that an owned descriptor keeps by itself"
    )]
    pub(super) fn open() -> io::Result<Self> {
        let tty = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self {
            tty: AsyncFd::with_interest(tty, Interest::READABLE)?,
            reader: Reader::default(),
            heard: VecDeque::new(),
            at: clock(),
            settles: None,
        })
    }

    /// The next thing the operator does, and when it was read: keys that came together have one time,
    /// however long each takes. May be dropped at any time: nothing is lost.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) async fn next(&mut self) -> io::Result<(Heard, Moment)> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Ok((heard, self.at));
            }
            let settles = self.settles;
            let mut ready = tokio::select! {
                biased;
                ready = self.tty.readable() => ready?,
                () = sleep_until(settles.unwrap_or_else(Instant::now)), if settles.is_some() => {
                    self.settles = None;
                    self.at = clock();
                    self.heard.extend(self.reader.settle());
                    continue;
                }
            };
            let mut bytes = [0; 4096];
            match terminal::read(self.tty.get_ref(), &mut bytes)? {
                None => ready.clear_ready(),
                Some(read) => {
                    self.at = clock();
                    let new = bytes.get(..read).unwrap_or_default();
                    self.heard.extend(self.reader.feed(new));
                    let torn = self.reader.is_torn();
                    self.settles = torn.then(|| Instant::now() + TEAR);
                }
            }
        }
    }
}
