//! The terminal: taken, drawn on, lent to an editor or a shell, and always given back.
//! The only module that writes to it, and the only one that starts the operator's editor.

use std::io::{self, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{Command, cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::run::Digest;

use super::app::App;
use super::draw;
use super::notify::{self, Tongue};
use super::styles::Styles;

/// The terminal while it is taken; dropping it gives it back.
pub struct Screen {
    /// Never dropped: its own drop complains on standard error, and aborts the program where that is
    /// a terminal that has gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    title: String,
    tmux: bool,
    /// Set by a panic anywhere in this process: the terminal is the report's by then.
    panicked: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal. A panic from here on gives it back before it is told.
    pub fn take(tmux: bool) -> io::Result<Self> {
        let panicked = Arc::new(AtomicBool::new(false));
        let told = std::panic::take_hook();
        let flag = Arc::clone(&panicked);
        std::panic::set_hook(Box::new(move |info| {
            // Given back once: a second time would move the cursor over the first report. There is
            // nobody left to tell about a terminal that cannot be restored.
            if !flag.swap(true, Ordering::SeqCst) {
                drop(give_back());
            }
            told(info);
        }));
        enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            title: String::new(),
            tmux,
            panicked,
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws one frame: only the cells that differ are written.
    ///
    /// # Errors
    /// The terminal is gone, or a part of the program has panicked: no frame may cover its report.
    pub fn draw(&mut self, app: &App, styles: &Styles) -> io::Result<()> {
        if self.panicked.load(Ordering::SeqCst) {
            let why = "a part of the program failed; its report stands above";
            return Err(io::Error::other(why));
        }
        self.terminal
            .draw(|frame| draw::draw(app, styles, frame.buffer_mut()))?;
        let title = app.title();
        if title != self.title {
            set_title(&title)?;
            self.title = title;
        }
        Ok(())
    }

    /// Forgets what is on the screen: the next frame is written whole.
    ///
    /// Not by `Terminal::clear`, which asks the terminal for its cursor and fails without an answer.
    pub fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }

    /// Rings once.
    pub fn ring(&mut self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(b"\x07")?;
        out.flush()
    }

    /// Asks the terminal for a notification, through tmux where that stands between.
    pub fn notify(&mut self, tongue: Tongue, text: &str) -> io::Result<()> {
        let mut bytes = tongue.says(text);
        if self.tmux {
            bytes = through_tmux(&bytes);
        }
        let mut out = io::stdout();
        out.write_all(bytes.as_bytes())?;
        out.flush()
    }

    /// Puts a text on the operator's clipboard, through tmux where that stands between.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = String::new();
        CopyToClipboard::to_clipboard_from(text)
            .write_ansi(&mut bytes)
            .map_err(io::Error::other)?;
        if self.tmux {
            bytes = through_tmux(&bytes);
        }
        let mut out = io::stdout();
        out.write_all(bytes.as_bytes())?;
        out.flush()
    }

    /// Stops this process until the shell continues it.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back()?;
        let stopped = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        self.retake()?;
        stopped.map_err(io::Error::from)
    }

    /// Lends the terminal to the editor for a copy of this text; what was saved comes back.
    pub fn edit_text(&mut self, editor: &[String], text: &str) -> Result<String, String> {
        let failed = |e: io::Error| format!("no temporary file: {e}");
        let file = tempfile::Builder::new()
            .prefix("checkride-")
            .suffix(".md")
            .tempfile()
            .map_err(failed)?;
        std::fs::write(file.path(), text).map_err(failed)?;
        self.edit_file(editor, file.path())?;
        std::fs::read_to_string(file.path())
            .map_err(|e| format!("what the editor saved cannot be read: {e}"))
    }

    /// Lends the terminal to the editor for this file.
    pub fn edit_file(&mut self, editor: &[String], path: &Path) -> Result<(), String> {
        let Some((program, args)) = editor.split_first() else {
            return Err("no editor: set $VISUAL or $EDITOR".to_owned());
        };
        give_back().map_err(|e| format!("the terminal cannot be lent: {e}"))?;
        let ended = process::Command::new(program).args(args).arg(path).status();
        self.retake()
            .map_err(|e| format!("the terminal cannot be taken back: {e}"))?;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!(
                "{program} ended with {status}; nothing was taken over"
            )),
            Err(e) => Err(format!(
                "{program} cannot be started: {e}; set $VISUAL or $EDITOR"
            )),
        }
    }

    fn retake(&mut self) -> io::Result<()> {
        enter()?;
        self.title.clear();
        self.redraw()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone cannot be restored, and there is nobody to tell.
        if !self.panicked.load(Ordering::SeqCst) {
            drop(give_back());
        }
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        // A cockpit that was killed has left its page there.
        Clear(ClearType::All),
        EnableBracketedPaste,
        EnableFocusChange,
        cursor::Hide
    )
}

/// Gives the terminal back as it was.
fn give_back() -> io::Result<()> {
    let left = execute!(
        io::stdout(),
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    disable_raw_mode().and(left).and(set_title(""))
}

/// A sequence for the terminal outside; tmux passes it on where it is allowed to.
fn through_tmux(bytes: &str) -> String {
    let inner = bytes.replace('\x1b', "\x1b\x1b");
    format!("\x1bPtmux;{inner}\x1b\\")
}

fn set_title(title: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(notify::title(title).as_bytes())?;
    out.flush()
}

/// Reads what waits in the terminal, without waiting for more; `None` where nothing does.
///
/// # Errors
/// The terminal is gone: it has ended, or it fails.
pub fn read(tty: impl AsFd, into: &mut [u8]) -> io::Result<Option<usize>> {
    let now = Timespec::default();
    let waits = {
        let mut one = [PollFd::new(&tty, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut one, Some(&now)))?
    };
    if waits == 0 {
        return Ok(None);
    }
    match rustix::io::retry_on_intr(|| rustix::io::read(&tty, &mut *into))? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(Some(read)),
    }
}

/// The whole path of a project's file.
pub fn path_in(project: &str, path: &str) -> PathBuf {
    Path::new(project).join(path)
}

/// Names the bytes of a file; `None` where it cannot be read.
pub fn digest_of(path: &Path) -> Option<Digest> {
    // Opening a pipe would wait for a writer.
    std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let bytes = std::fs::read(path).ok()?;
    Some(Digest::of(&bytes))
}
