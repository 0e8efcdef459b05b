//! A model's call as it wishes it: its arguments read, its paths made plain, and how rules, operators
//! and the transcript see it. Pure.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::leave::Call;
use super::{commands, files};
use crate::run::inert::inert;
use crate::supervisor::workspace::lead;

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
    // Models are used to other tools' names.
    #[serde(alias = "pattern", alias = "query")]
    text: String,
    path: Option<String>,
}

#[derive(Deserialize)]
struct WriteArgs {
    path: String,
    #[serde(alias = "content")]
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
    pub(super) fn call(&self) -> Call {
        let (tool, subject) = match self {
            Self::Read { path, .. } => ("Read", path.clone()),
            Self::List { path } => ("List", path.clone()),
            Self::Search { path, .. } => ("Grep", path.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Models are used to other tools' names of the same arguments.
    #[test]
    fn other_names_are_understood() {
        let read = |name: &str, arguments: &str| Wish::read(name, arguments, Path::new("/tmp"));
        let same = [
            (
                "write",
                r#"{"path":"a","text":"b"}"#,
                r#"{"path":"a","content":"b"}"#,
            ),
            ("search", r#"{"text":"b"}"#, r#"{"pattern":"b"}"#),
        ];
        for (name, ours, theirs) in same {
            assert_eq!(read(name, ours).unwrap(), read(name, theirs).unwrap());
        }
    }
}
