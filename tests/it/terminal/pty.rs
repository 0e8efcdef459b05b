//! A real terminal around the real program: a PTY, an emulator of what it shows, and its keys.
//! What is pressed and looked for is the tests' own.
#![expect(
    clippy::disallowed_methods,
    reason = "a real program is waited for on the real clock"
)]

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pts, Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use vt100::{Parser, Screen};

use crate::host::states;
use crate::world::World;

/// Far longer than anything here takes; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a key is given to have its effect before it is pressed again.
const EFFECT: Duration = Duration::from_millis(450);
/// The keys that may open a place for words, into which a second one would be typed: they are pressed when they
/// can have their effect, and are given all the time that a slow machine takes.
const ONCE: [&str; 5] = ["a", "e", "m", "r", "x"];
/// How long those are given.
const LONG_EFFECT: Duration = Duration::from_secs(5);

/// A terminal, and the program that was started in it.
pub(crate) struct Terminal {
    /// `None` once the line is cut.
    pty: Option<Pty>,
    /// Kept open, so that the modes can still be read when the program has gone.
    _pts: Pts,
    parser: Parser,
    child: Child,
    /// Everything that it wrote.
    raw: Vec<u8>,
}

/// The real program for this world's folder, in an environment that knows nothing of ours.
pub(crate) fn cockpit(world: &World) -> Command {
    program(world, Path::new(env!("CARGO_BIN_EXE_checkride")))
}

/// Any program in this world's folder and environment.
pub(crate) fn program(world: &World, program: &Path) -> Command {
    world.allow(&states(world));
    Command::new(program)
        .current_dir(world.project())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", states(world))
        .env("CHECKRIDE_STATE_DIR", states(world))
        .env("CHECKRIDE_CONFIG_DIR", states(world))
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
}

impl Terminal {
    /// Starts the program in a terminal of this many rows and columns.
    pub(crate) fn start(program: Command, size: (u16, u16)) -> Self {
        Self::with_modes(program, size).0
    }

    /// The same, and the modes that the terminal had before.
    pub(crate) fn with_modes(mut program: Command, (rows, cols): (u16, u16)) -> (Self, String) {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, cols)).unwrap();
        let modes = modes(&pty);
        let child = program.spawn_borrowed(&pts).unwrap();
        let terminal = Self {
            pty: Some(pty),
            _pts: pts,
            parser: Parser::new(cells(rows), cells(cols), 0),
            child,
            raw: Vec::new(),
        };
        (terminal, modes)
    }

    pub(crate) fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// How often these bytes were written.
    pub(crate) fn wrote(&self, what: &[u8]) -> usize {
        self.raw.windows(what.len()).filter(|w| *w == what).count()
    }

    pub(crate) fn text(&self) -> String {
        self.screen().contents()
    }

    /// Takes in what the program writes, for at most this long or until it writes; whether it did.
    pub(crate) fn take_in(&mut self, wait: Duration) -> bool {
        let Some(mut pty) = self.pty.as_ref() else {
            return false;
        };
        let wait = Timespec::try_from(wait).unwrap();
        let ready = {
            let mut one = [PollFd::new(&pty, PollFlags::IN)];
            poll(&mut one, Some(&wait)).unwrap_or(0)
        };
        let mut bytes = [0; 1 << 12];
        if ready > 0
            && let Ok(read) = pty.read(&mut bytes)
        {
            self.parser.process(&bytes[..read]);
            self.raw.extend_from_slice(&bytes[..read]);
            return true;
        }
        false
    }

    /// Takes in what the program writes until it pauses. One that nobody reads from stops reading.
    pub(crate) fn drain(&mut self) {
        while self.take_in(Duration::from_millis(20)) {}
    }

    /// Whether the screen is as wanted within this time.
    pub(crate) fn within(&mut self, time: Duration, is_so: impl Fn(&Screen) -> bool) -> bool {
        let began = Instant::now();
        loop {
            if is_so(self.screen()) {
                return true;
            }
            let Some(left) = time.checked_sub(began.elapsed()) else {
                return false;
            };
            self.take_in(left.min(Duration::from_millis(50)));
        }
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Screen) -> bool) {
        assert!(
            self.within(PATIENCE, is_so),
            "never: {what}\n{}",
            self.text()
        );
    }

    /// Waits until this text is on the screen.
    pub(crate) fn sees(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.bytes(keys.as_bytes());
    }

    /// Sends what no keyboard would.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let mut pty = self.pty.as_ref().unwrap();
        pty.write_all(bytes).unwrap();
    }

    /// Presses a key until it has this effect: what has just appeared cannot be answered yet.
    pub(crate) fn press(&mut self, key: &str, effect: &str, is_so: impl Fn(&Screen) -> bool) {
        let began = Instant::now();
        let once = ONCE.contains(&key);
        if once {
            // A question has to be on the screen for a moment.
            self.pause(EFFECT);
        }
        let effect_time = if once { LONG_EFFECT } else { EFFECT };
        self.keys(key);
        while !self.within(effect_time, &is_so) {
            assert!(
                began.elapsed() < PATIENCE,
                "{key} never leads to: {effect}\n{}",
                self.text()
            );
            self.keys(key);
        }
    }

    pub(crate) fn resize(&mut self, (rows, cols): (u16, u16)) {
        let pty = self.pty.as_ref().unwrap();
        pty.resize(Size::new(rows, cols)).unwrap();
        let screen = self.parser.screen_mut();
        screen.set_size(cells(rows), cells(cols));
    }

    /// The line is cut: the program's terminal is gone.
    pub(crate) fn hang_up(&mut self) {
        self.pty = None;
    }

    /// The terminal's modes, as far as a program can change them.
    pub(crate) fn modes(&self) -> String {
        modes(self.pty.as_ref().unwrap())
    }

    /// Sends the program a signal, such as `-TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &pid])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Whether the program has ended, and how.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// How long it takes until this is so.
    pub(crate) fn time(&mut self, until: impl FnOnce(&mut Self)) -> Duration {
        let began = Instant::now();
        until(self);
        began.elapsed()
    }

    /// Takes in what is written for so long, whatever it is.
    pub(crate) fn pause(&mut self, time: Duration) {
        self.within(time, |_| false);
    }

    /// Waits until the program has ended, and for its last words.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.take_in(Duration::from_millis(10));
            if let Some(status) = self.child.try_wait().unwrap() {
                self.within(Duration::from_millis(50), |_| false);
                return status;
            }
        }
        panic!("never ended\n{}", self.text());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn modes(pty: &Pty) -> String {
    format!("{:?}", rustix::termios::tcgetattr(pty).unwrap())
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
