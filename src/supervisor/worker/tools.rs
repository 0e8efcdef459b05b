//! The tools of a worker that has none of its own: read, list, search and write inside the
//! workspace, and run a command. Each call is read, held against the rules, then made.

mod commands;
mod files;
mod offer;
mod wish;

use std::path::Path;
use std::time::Duration;

use super::Kind;
use super::leave::{Call, Leave, Permit, Ruled};
use crate::supervisor::guard::Guard;
use crate::supervisor::process::{Home, Limits, Stdin};

pub use offer::tools;
pub use wish::Wish;

/// Lines of a result that the transcript shows.
const TOLD: usize = 20;

/// What a call brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What the model is told.
    pub text: String,
    /// Whether it failed.
    pub failed: bool,
    /// What the transcript is told.
    pub told: Vec<(Kind, String)>,
}

impl Done {
    /// It failed or was refused; why is told to both.
    pub fn failed(why: String) -> Self {
        Self {
            told: vec![(Kind::Result, why.clone())],
            text: why,
            failed: true,
        }
    }

    fn well(text: String, told: Vec<(Kind, String)>) -> Self {
        Self {
            text,
            failed: false,
            told,
        }
    }

    fn from(done: Result<Self, String>) -> Self {
        done.unwrap_or_else(Self::failed)
    }
}

/// The tools of one turn.
#[derive(Debug)]
pub struct Toolbox<'a> {
    /// The workspace.
    pub folder: &'a Path,
    /// What may be written.
    pub guard: Guard,
    /// How leave is asked for.
    pub leave: Leave,
    /// What commands are started with.
    pub home: &'a Home,
    /// The variable that holds the model's key, which commands do not get.
    pub secret: Option<&'a str>,
}

impl Toolbox<'_> {
    /// Whether a call may be made, and the time that the operator took to say so.
    ///
    /// Inside the workspace reading needs no question unless a rule forbids it, nor does writing
    /// what the loop may write. Commands are asked for unless a rule allows them.
    pub async fn permit(&self, wish: &Wish) -> (Permit, Duration) {
        let call = wish.call();
        let forbidden = match wish {
            Wish::Run { .. } => return self.leave.of(&call).await,
            Wish::Write { path, .. } => self.guard.forbids(path.as_bytes()),
            Wish::Read { .. } | Wish::List { .. } | Wish::Search { .. } => None,
        };
        let permit = if let Some(rule) = forbidden {
            Permit::Refused(format!("the loop's rule {rule} forbids to write this file"))
        } else {
            match self.leave.ruled(&call) {
                Ruled::Refused(rule) => forbids(rule),
                Ruled::Allowed | Ruled::Open => Permit::Allowed,
            }
        };
        (permit, Duration::ZERO)
    }

    /// Makes a call; `None` where it was halted. Files are touched beside this thread.
    pub async fn perform(&self, wish: &Wish, limits: Limits) -> Option<Done> {
        if let Wish::Run { command } = wish {
            let mut order = self.home.order(command.clone(), self.folder, Stdin::Null);
            order
                .env
                .retain(|(name, _)| Some(name.as_str()) != self.secret);
            return commands::run(order, limits).await;
        }
        let (wish, folder, leave) = (wish.clone(), self.folder.to_owned(), self.leave.clone());
        let may_read = move |path: &str| {
            let call = Call {
                tool: "Read".to_owned(),
                subject: path.to_owned(),
                what: String::new(),
            };
            !matches!(leave.ruled(&call), Ruled::Refused(_))
        };
        let work = move || match &wish {
            Wish::Read { path, from, lines } => files::read(&folder, path, (*from, *lines)),
            Wish::List { path } => files::list(&folder, path),
            Wish::Search { text, path } => files::search(&folder, path, text, &may_read),
            Wish::Write { path, text, old } => files::write(&folder, path, text, old.as_deref()),
            Wish::Run { .. } => Err("a command is no file".to_owned()),
        };
        let done = tokio::task::spawn_blocking(work).await;
        Some(Done::from(done.unwrap_or_else(|e| Err(e.to_string()))))
    }
}

fn forbids(rule: &str) -> Permit {
    Permit::Refused(format!("the loop's rule {rule} forbids it"))
}

/// The first lines of a result, for the transcript.
fn shown(text: &str) -> Vec<(Kind, String)> {
    let mut lines: Vec<_> = text
        .lines()
        .take(TOLD)
        .map(|l| (Kind::Result, l.to_owned()))
        .collect();
    let more = text.lines().count().saturating_sub(TOLD);
    if more > 0 {
        lines.push((Kind::Result, format!("… {more} more lines")));
    }
    lines
}
