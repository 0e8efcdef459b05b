//! The tools of a worker that has none of its own: read, list, search and write inside the
//! workspace, and run a command. Each call is read, held against the rules, then made.

mod commands;
mod files;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Kind;
use super::leave::{Call, Leave, Permit, Ruled};
use crate::run::inert::inert;
use crate::supervisor::guard::Guard;
use crate::supervisor::process::{Home, Limits};
use crate::supervisor::provider::Tool;
use crate::supervisor::workspace::lead;

/// Lines of a result that the transcript shows.
const TOLD: usize = 20;

/// One call as the model wishes it; paths are plain and relative to the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Lines of a file.
    Read {
        /// The file.
        path: String,
        /// The first line, from 1.
        from: usize,
        /// Most lines.
        lines: usize,
    },
    /// What a folder holds.
    List {
        /// The folder; empty is the workspace.
        path: String,
    },
    /// Where a text stands.
    Search {
        /// The text, letter by letter.
        text: String,
        /// A file or a folder; empty is the workspace.
        path: String,
    },
    /// A file's new content.
    Write {
        /// The file.
        path: String,
        /// The text.
        text: String,
        /// What of the old content the text replaces; `None` is all of it.
        old: Option<String>,
    },
    /// A command in the workspace.
    Run {
        /// Program and arguments.
        command: Vec<String>,
    },
}

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

#[derive(Deserialize)]
struct ReadArgs {
    path: String,
    from: Option<usize>,
    lines: Option<usize>,
}

#[derive(Deserialize)]
struct ListArgs {
    path: Option<String>,
}

#[derive(Deserialize)]
struct SearchArgs {
    text: String,
    path: Option<String>,
}

#[derive(Deserialize)]
struct WriteArgs {
    path: String,
    text: String,
    old: Option<String>,
}

#[derive(Deserialize)]
struct RunArgs {
    command: Vec<String>,
}

impl Wish {
    /// Reads a call; the error is for the model, who can mend it.
    pub fn read(name: &str, arguments: &str, folder: &Path) -> Result<Self, String> {
        Ok(match name {
            "read" => {
                let ReadArgs { path, from, lines } = args(arguments)?;
                Self::Read {
                    path: file(&path, folder)?,
                    from: from.unwrap_or(1).max(1),
                    lines: lines
                        .unwrap_or(files::MOST_LINES)
                        .clamp(1, files::MOST_LINES),
                }
            }
            "list" => {
                let ListArgs { path } = args(arguments)?;
                Self::List {
                    path: place(path.as_deref().unwrap_or_default(), folder)?,
                }
            }
            "search" => {
                let SearchArgs { text, path } = args(arguments)?;
                if text.is_empty() {
                    return Err("\"text\" is empty: say what to search for".to_owned());
                }
                Self::Search {
                    text,
                    path: place(path.as_deref().unwrap_or_default(), folder)?,
                }
            }
            "write" => {
                let WriteArgs { path, text, old } = args(arguments)?;
                Self::Write {
                    path: file(&path, folder)?,
                    text,
                    old,
                }
            }
            "run" => {
                let RunArgs { command } = args(arguments)?;
                if command.first().is_none_or(String::is_empty) {
                    return Err("\"command\" is empty: give program and arguments".to_owned());
                }
                Self::Run { command }
            }
            other => {
                return Err(format!(
                    "there is no tool «{}»: use read, list, search, write or run",
                    inert(other)
                ));
            }
        })
    }

    /// The call as rules and operators see it.
    fn call(&self) -> Call {
        let (tool, subject) = match self {
            Self::Read { path, .. } => ("Read", path.clone()),
            Self::List { path } => ("List", path.clone()),
            Self::Search { path, .. } => ("Search", path.clone()),
            Self::Write { path, .. } => ("Write", path.clone()),
            Self::Run { command } => ("Bash", commands::line(command)),
        };
        Call {
            tool: tool.to_owned(),
            subject,
            what: inert(&self.words()).into_owned(),
        }
    }

    /// The call on one line.
    pub fn words(&self) -> String {
        let at = |path: &str| {
            if path.is_empty() {
                ".".to_owned()
            } else {
                path.to_owned()
            }
        };
        match self {
            Self::Read { path, from: 1, .. } => format!("read {path}"),
            Self::Read { path, from, .. } => format!("read {path} from line {from}"),
            Self::List { path } => format!("list {}", at(path)),
            Self::Search { text, path } => format!("search «{text}» in {}", at(path)),
            Self::Write {
                path,
                text,
                old: None,
            } => format!("write {path}, {} bytes", text.len()),
            Self::Write {
                path, old: Some(_), ..
            } => format!("edit {path}"),
            Self::Run { command } => format!("run {}", commands::line(command)),
        }
    }
}

fn args<T: DeserializeOwned>(arguments: &str) -> Result<T, String> {
    // A call without arguments may come with nothing at all.
    let arguments = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    serde_json::from_str(arguments)
        .map_err(|e| format!("the arguments are not what this tool wants: {e}; call it again"))
}

/// A path as the model wrote it, plain: `./a`, `a//b` and absolute ones inside are understood.
fn file(path: &str, folder: &Path) -> Result<String, String> {
    let below = Path::new(path)
        .strip_prefix(folder)
        .ok()
        .and_then(Path::to_str);
    let mut path = below.unwrap_or(path);
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    let parts = lead::plain_parts(path).map_err(|trouble| trouble.cause)?;
    let parts: Vec<_> = parts.iter().filter_map(|part| part.to_str()).collect();
    Ok(parts.join("/"))
}

/// The same where the workspace itself may be meant.
fn place(path: &str, folder: &Path) -> Result<String, String> {
    let itself = ["", ".", "./", "/"].contains(&path) || Path::new(path) == folder;
    if itself {
        Ok(String::new())
    } else {
        file(path, folder)
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
    /// The tools as a model is told of them.
    pub fn tools() -> Vec<Tool> {
        let text = |what: &str| json!({ "type": "string", "description": what });
        let number = |what: &str| json!({ "type": "integer", "description": what });
        let tool = |name, description, properties, required: &[&str]| Tool {
            name,
            description,
            parameters: json!({
                "type": "object",
                "properties": properties,
                "required": required,
            }),
        };
        vec![
            tool(
                "read",
                "Gives the text of a file, at most 2,000 lines of it.",
                json!({
                    "path": text("the file"),
                    "from": number("first line, from 1"),
                    "lines": number("how many lines"),
                }),
                &["path"],
            ),
            tool(
                "list",
                "Lists what a folder holds; folders end with a slash.",
                json!({ "path": text("the folder; left out: the top") }),
                &[],
            ),
            tool(
                "search",
                "Finds the lines that hold a text, letter by letter, in all files below a folder.",
                json!({
                    "text": text("the text"),
                    "path": text("a folder or a file; left out: everywhere"),
                }),
                &["text"],
            ),
            tool(
                "write",
                "Writes a file. With «old», only that part of it is replaced; it must stand there \
                 exactly once. Without, the text is the whole new file.",
                json!({
                    "path": text("the file"),
                    "text": text("the new text"),
                    "old": text("the part that the text replaces"),
                }),
                &["path", "text"],
            ),
            tool(
                "run",
                "Runs a program in the folder, without a shell, and gives its last output. A person \
                 may be asked first.",
                json!({
                    "command": {
                        "type": "array",
                        "items": { "type": "string" },
                        "description": "program and arguments, each a string of its own",
                    },
                }),
                &["command"],
            ),
        ]
    }

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
        let edit = Call {
            tool: "Edit".to_owned(),
            ..call.clone()
        };
        let permit = if let Some(rule) = forbidden {
            Permit::Refused(format!("the loop's rule {rule} forbids to write this file"))
        } else {
            let edits = matches!(wish, Wish::Write { .. });
            match (self.leave.ruled(&call), self.leave.ruled(&edit)) {
                (Ruled::Refused(rule), _) => forbids(rule),
                (_, Ruled::Refused(rule)) if edits => forbids(rule),
                (Ruled::Allowed | Ruled::Open, _) => Permit::Allowed,
            }
        };
        (permit, Duration::ZERO)
    }

    /// Makes a call; `None` where it was halted. Files are touched beside this thread.
    pub async fn perform(&self, wish: &Wish, limits: Limits) -> Option<Done> {
        if let Wish::Run { command } = wish {
            let mut order = self.home.order(
                command.clone(),
                self.folder,
                crate::supervisor::process::Stdin::Null,
            );
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
