//! The cockpit: one loop, wait → update → draw. It asks through commands and shows records; it
//! never waits for the supervisor and never decides anything by itself.

pub mod action;
pub mod app;
pub mod draw;
pub mod input;
mod keyboard;
pub mod keymap;
pub mod layers;
pub mod layout;
mod lent;
pub mod marks;
mod meanwhile;
pub mod notify;
pub mod paint;
pub mod panes;
mod signals;
pub mod styles;
pub mod terminal;
pub mod text;
pub mod themes;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::sync::mpsc::{error::TryRecvError, error::TrySendError};
use tokio::time::{Instant, sleep_until, timeout};

use crate::link::Link;
use crate::protocol::{Away, Command, Record};
use crate::run::spec::Hours;
use app::{App, Manner, Next, Out};
use input::Heard;
use keyboard::Keyboard;
pub use meanwhile::Meanwhile;
pub use signals::Signals;
use styles::Styles;
use terminal::Screen;
use text::figures::Moment;

/// Least time between two frames that nobody asked for with a key.
const FRAME: Duration = Duration::from_millis(33);
/// The same while records flood in.
const FLOODED: Duration = Duration::from_millis(100);
/// The same over a thin link: at most four frames a second (PRODUCT §3.8).
const CALM: Duration = Duration::from_millis(250);
/// What was fetched from the host comes within this time; one frame then shows it with what told of it.
const ANSWER: Duration = Duration::from_millis(8);
/// Records since the last frame that count as a flood.
const FLOOD: usize = 200;
/// Most records taken in before the keys are looked at again.
const GULP: usize = 500;
/// Longest wait for a busy host when leaving.
const GOODBYE: Duration = Duration::from_secs(1);
/// Most commands that wait for a host that does not read; then the newest is refused aloud.
const BACKLOG: usize = 64;

/// How the cockpit looks and behaves.
pub struct Options {
    /// The theme.
    pub styles: Styles,
    /// Whether it only looks.
    pub manner: Manner,
    /// Whether the link to the terminal is thin: fewer frames.
    pub calm: bool,
    /// Whether tmux stands between: what is copied is wrapped for it.
    pub tmux: bool,
    /// How this terminal is asked to show a notification, where it is known to.
    pub notify: Option<notify::Tongue>,
    /// The project's quiet hours, in which no bell rings.
    pub quiet: Option<Hours>,
    /// The operator's editor and its arguments; empty where none is set.
    pub editor: Vec<String>,
    /// How decisions made here are signed.
    pub by: String,
    /// A line for the first screen.
    pub notice: Option<String>,
    /// Finds out, beside everything else, what happened while nobody was here.
    pub away: Option<Meanwhile>,
}

/// Why the cockpit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The operator left.
    Left,
    /// The operator chose something of the first-run page that is done outside the cockpit.
    For(Next),
    /// The terminal or the system ended it; runs are not touched.
    Ended,
}

/// Takes the terminal and flies until the operator leaves. The terminal is given back in every case.
pub async fn fly(link: Link, options: Options, signals: Signals) -> io::Result<Exit> {
    let (since, by) = (0, options.by.clone());
    // A host that is gone closes the records, and the screen says so.
    let early = true;
    drop(link.commands.try_send(Command::Attach { since, by, early }));
    drop(link.commands.try_send(Command::Here));
    let keys = Keyboard::open()?;
    let screen = Screen::take(options.tmux)?;
    let mut app = App::new(options.manner, screen.size()?, clock());
    app.toast.clone_from(&options.notice);
    app.by.clone_from(&options.by);
    app.quiet = options.quiet;
    let mut cockpit = Cockpit {
        app,
        screen,
        link,
        options,
        keys,
        signals,
        backlog: VecDeque::new(),
        fresh: 0,
        due: None,
        slot: None,
    };
    cockpit.fly().await
}

/// The time, and how far the operator's clock is from UTC: the only clock of the cockpit.
fn clock() -> Moment {
    let now = jiff::Zoned::now();
    Moment {
        ms: now.timestamp().as_millisecond(),
        offset_s: now.offset().seconds(),
    }
}

struct Cockpit {
    app: App,
    screen: Screen,
    link: Link,
    options: Options,
    keys: Keyboard,
    signals: Signals,
    backlog: VecDeque<Command>,
    /// Records since the last frame.
    fresh: usize,
    /// When the next frame that nobody asked for is due.
    due: Option<Instant>,
    /// When the last frame that nobody asked for was drawn.
    slot: Option<Instant>,
}

/// What woke the loop.
enum Woken {
    Heard(io::Result<(Heard, Moment)>),
    Resized,
    Told(Option<Record>),
    Due,
    Back(Option<Away>),
    Room,
    Signal,
}

impl Cockpit {
    async fn fly(&mut self) -> io::Result<Exit> {
        let mut open = true;
        self.draw()?;
        loop {
            let due = self.due;
            let waits = !self.backlog.is_empty();
            let woken = tokio::select! {
                biased;
                () = Signals::end(&mut self.signals.ends) => Woken::Signal,
                heard = self.keys.next() => Woken::Heard(heard),
                _ = self.signals.window.recv() => Woken::Resized,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Woken::Due,
                record = self.link.records.recv(), if open => Woken::Told(record),
                away = meanwhile::known(&mut self.options.away) => Woken::Back(away),
                room = self.link.commands.reserve(), if waits => {
                    drop(room);
                    Woken::Room
                }
            };
            let out = match woken {
                Woken::Signal | Woken::Heard(Err(_)) => return Ok(Exit::Ended),
                Woken::Heard(Ok((heard, at))) => self.hear(heard, at)?,
                Woken::Resized => {
                    self.resized()?;
                    Vec::new()
                }
                Woken::Due => {
                    self.slot = Some(Instant::now());
                    self.app.now = clock();
                    self.draw()?;
                    Vec::new()
                }
                Woken::Back(away) => {
                    if let Some(away) = away {
                        self.app.now = clock();
                        self.app.came_back(away);
                        self.draw()?;
                    }
                    Vec::new()
                }
                Woken::Room => self.flush(),
                Woken::Told(None) => {
                    open = false;
                    self.app.lost();
                    self.soon();
                    Vec::new()
                }
                Woken::Told(Some(record)) => self.tell(&record),
            };
            if let Some(exit) = self.carry_out(out)? {
                self.say_the_rest().await;
                return Ok(exit);
            }
        }
    }

    /// Commands that still wait are sent before leaving, if the host reads within a second.
    async fn say_the_rest(&mut self) {
        let sent = async {
            for command in self.backlog.drain(..) {
                if self.link.commands.send(command).await.is_err() {
                    break;
                }
            }
        };
        drop(timeout(GOODBYE, sent).await);
    }

    /// Takes a record in, and those that came with it; they share a frame.
    fn tell(&mut self, record: &Record) -> Vec<Out> {
        let now = clock();
        let known = self.app.world.attached;
        let mut out = self.app.apply(record, now);
        for _ in 0..GULP {
            match self.link.records.try_recv() {
                Ok(record) => out.extend(self.app.apply(&record, now)),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
            self.fresh += 1;
        }
        self.fresh += 1;
        if known == self.app.world.attached {
            self.soon();
            if out
                .iter()
                .any(|o| matches!(o, Out::Send(Command::Fetch(_))))
            {
                self.due = self.due.max(Some(Instant::now() + ANSWER));
            }
        } else {
            // The first screen with something on it waits for no slot.
            self.due = Some(Instant::now());
        }
        out
    }

    /// A key is answered at once.
    fn hear(&mut self, heard: Heard, at: Moment) -> io::Result<Vec<Out>> {
        let out = match heard {
            Heard::Key(key) => self.app.key(key, at),
            Heard::Paste(text) => self.app.paste(&text, at),
            Heard::Focus(on) => {
                self.app.focused = Some(on);
                return Ok(Vec::new());
            }
        };
        if !out.contains(&Out::Quit) {
            self.draw()?;
        }
        Ok(out)
    }

    /// A frame is due: at once after a silence, but not before the last one that nobody asked for
    /// has been on the screen for a while. A frame that answered a key delays none.
    fn soon(&mut self) {
        let gap = if self.options.calm {
            CALM
        } else if self.fresh > FLOOD {
            FLOODED
        } else {
            FRAME
        };
        self.due = Some(self.slot.map_or_else(Instant::now, |slot| slot + gap));
    }

    fn draw(&mut self) -> io::Result<()> {
        self.screen.draw(&self.app, &self.options.styles)?;
        self.due = Some(Instant::now() + self.app.beat());
        self.fresh = 0;
        let out = self.app.drawn(clock());
        for _ in 0..std::mem::take(&mut self.app.bells) {
            self.screen.ring()?;
        }
        for note in std::mem::take(&mut self.app.notes) {
            if let Some(tongue) = self.options.notify {
                self.screen.notify(tongue, &note)?;
            }
        }
        for one in out {
            if let Out::Send(command) = one {
                self.send(command);
            }
        }
        Ok(())
    }

    /// Does what the app asked for; how it leaves, if it asked to.
    fn carry_out(&mut self, out: Vec<Out>) -> io::Result<Option<Exit>> {
        for one in out {
            match one {
                Out::Send(command) => self.send(command),
                Out::Quit => return Ok(Some(Exit::Left)),
                Out::Go(next) => return Ok(Some(Exit::For(next))),
                Out::Copy(text) => self.screen.copy(&text)?,
                Out::Redraw => {
                    self.screen.redraw()?;
                    self.draw()?;
                }
                Out::Suspend => {
                    self.screen.suspend()?;
                    self.resized()?;
                }
                Out::Edit { text, then } => {
                    let more = match self.screen.edit_text(&self.options.editor, &text) {
                        Ok(text) => self.app.edited(then, &text),
                        Err(why) => self.say(why),
                    };
                    self.resized()?;
                    self.carry_out(more)?;
                }
                Out::EditFile { path, name } => {
                    self.edit_file(path, name);
                    self.resized()?;
                }
            }
        }
        Ok(None)
    }

    fn say(&mut self, why: String) -> Vec<Out> {
        self.app.toast = Some(why);
        Vec::new()
    }

    /// Sends without waiting. Where the host does not read, the command waits in order, and the
    /// screen says so.
    fn send(&mut self, command: Command) {
        if self.backlog.is_empty() {
            match self.link.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => self.keep(command),
                Err(TrySendError::Closed(_)) => self.soon(),
            }
        } else {
            self.keep(command);
        }
    }

    fn keep(&mut self, command: Command) {
        let full = self.backlog.len() >= BACKLOG;
        if !full {
            self.backlog.push_back(command);
        }
        let what = if full {
            "nothing was sent; try again"
        } else {
            "your commands wait"
        };
        self.app.toast = Some(format!("the host is busy: {what}"));
        self.soon();
    }

    fn flush(&mut self) -> Vec<Out> {
        while let Some(command) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(command)) = self.link.commands.try_send(command) {
                self.backlog.push_front(command);
                break;
            }
        }
        Vec::new()
    }
}
