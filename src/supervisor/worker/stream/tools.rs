//! Tools that agents use: one line for a call, what it changed, whether it was refused, and whether
//! it asks the operator. Agents name tools and arguments differently; nothing here knows an agent.

use std::collections::VecDeque;

use super::json::{Object, items, string};
use super::words::{LONGEST_QUESTION, each_line, shown};
use super::{Kind, Tell};
use crate::run::inert::cut;

/// Most calls that are remembered until their results come.
const OPEN_CALLS: usize = 256;

/// Most files that are remembered as changed.
const MOST_FILES: usize = 1_000;

/// Most refusals that are remembered.
const MOST_REFUSALS: usize = 100;

/// Longest argument in a call's line, in characters.
const LONGEST_ARGUMENT: usize = 300;

/// Lines of a result that are told from its beginning and from its end.
const RESULT_LINES: usize = 12;

/// Longest line of a result, in characters.
const RESULT_WIDTH: usize = 500;

/// Arguments that tell most, best first; from `file_path` to `file` they name a file or folder.
const TELLING: [&str; 22] = [
    "command",
    "cmd",
    "pattern",
    "file_path",
    "filePath",
    "filepath",
    "absolute_path",
    "notebook_path",
    "path",
    "file",
    "query",
    "url",
    "question",
    "questions",
    "description",
    "prompt",
    "dir_path",
    "name",
    "skill",
    "task",
    "title",
    "text",
];

/// Where in [`TELLING`] the names of files are.
const NAMES: std::ops::Range<usize> = 3..10;

/// One call under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The agent's own name for this call.
    pub(super) id: String,
    /// What is shown: «Bash: cargo test», «Edit src/a.rs».
    pub(super) label: String,
    /// The file that it changes.
    file: Option<String>,
    /// What it asks the operator.
    asks: Option<String>,
}

impl Call {
    /// A call that is shown as these words.
    pub(super) fn named(id: &str, label: &str) -> Self {
        Self {
            id: id.to_owned(),
            label: cut(label.lines().next().unwrap_or_default(), LONGEST_ARGUMENT),
            ..Self::default()
        }
    }

    /// What a tool of this name does with these arguments; paths below `folder` are shortened.
    pub(super) fn new(id: &str, name: &str, arguments: &Object<'_>, folder: &str) -> Self {
        let telling = TELLING.iter().enumerate().find_map(|(rank, key)| {
            let value = argument(arguments.raw(key)?)?;
            Some((NAMES.contains(&rank), value))
        });
        let file = TELLING[NAMES].iter().find_map(|key| arguments.text(key));
        let label = match &telling {
            None => name.to_owned(),
            Some((true, path)) => format!("{name} {}", below(path, folder)),
            Some((false, value)) => format!("{name}: {value}"),
        };
        Self {
            id: id.to_owned(),
            label: cut(&label, LONGEST_ARGUMENT),
            file: file
                .filter(|_| writes(name))
                .map(|path| below(&path, folder).to_owned()),
            asks: asks(name).then(|| question(arguments).unwrap_or_else(|| label.clone())),
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It did what it does.
    Done,
    /// It ran and went wrong.
    Failed,
    /// It was not allowed to run.
    Refused,
}

/// All calls of a turn: those under way, and what came of the rest.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    open: VecDeque<Call>,
    /// The last call that ended.
    pub(super) last: String,
    /// What the operator would have to say before the work can go on; whatever runs later, clears it.
    pub(super) needs: Option<String>,
    /// Files that were changed, as the agent says; each once.
    pub(super) files: Vec<String>,
    /// What was refused, one line each.
    pub(super) refused: Vec<String>,
    /// How many calls have run.
    pub(super) ran: u64,
}

impl Calls {
    /// A call begins.
    pub(super) fn begin(&mut self, call: Call, tell: &mut Tell<'_>) {
        tell(Kind::Tool, &call.label);
        if let Some(asked) = &call.asks {
            self.needs = Some(asked.clone());
        }
        if self.open.len() >= OPEN_CALLS {
            self.open.pop_front();
        }
        self.open.push_back(call);
    }

    /// Whether a call is under way.
    pub(super) fn any(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether this call is under way.
    pub(super) fn has(&self, id: &str) -> bool {
        self.open.iter().any(|call| call.id == id)
    }

    /// A call ended with this result; one that was never announced counts as well.
    pub(super) fn end(&mut self, id: &str, fate: Fate, result: &str, tell: &mut Tell<'_>) {
        let at = self.open.iter().position(|call| call.id == id);
        let call = at.and_then(|at| self.open.remove(at)).unwrap_or_default();
        id.clone_into(&mut self.last);
        tell_result(result, fate, tell);
        match fate {
            Fate::Refused => {
                let label = if call.label.is_empty() {
                    id
                } else {
                    &call.label
                };
                self.refuse(label, result, call.asks, tell);
            }
            Fate::Failed if call.asks.is_some() => self.needs = call.asks,
            Fate::Failed => {
                self.ran += 1;
                self.needs = None;
            }
            Fate::Done => {
                self.ran += 1;
                self.needs = None;
                if let Some(file) = call.file {
                    self.changed(&file, tell);
                }
            }
        }
    }

    /// Something was refused, and nothing has run since.
    pub(super) fn refuse(
        &mut self,
        label: &str,
        why: &str,
        asks: Option<String>,
        tell: &mut Tell<'_>,
    ) {
        let line = match shown(why.lines().next().unwrap_or_default(), RESULT_WIDTH) {
            Some(why) => format!("refused: {label}: {why}"),
            None => format!("refused: {label}"),
        };
        tell(Kind::Error, &line);
        self.needs = Some(asks.unwrap_or_else(|| {
            format!("{label} was refused: should it be allowed, or what else should be done?")
        }));
        if self.refused.len() < MOST_REFUSALS {
            self.refused.push(line);
        }
    }

    /// A file was changed.
    pub(super) fn changed(&mut self, file: &str, tell: &mut Tell<'_>) {
        tell(Kind::File, file);
        if self.files.len() < MOST_FILES && !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
    }

    /// Forgets what is under way.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

/// The beginning and the end of a result; most is between, and told by the agent where it matters.
fn tell_result(result: &str, fate: Fate, tell: &mut Tell<'_>) {
    let count = result.lines().count();
    let bad = if fate == Fate::Failed { "failed: " } else { "" };
    if count == 0 && fate == Fate::Failed {
        tell(Kind::Result, "failed");
    }
    let whole = count <= 2 * RESULT_LINES + 1;
    let first = if whole { count } else { RESULT_LINES };
    for (n, line) in result.lines().take(first).enumerate() {
        let bad = if n == 0 { bad } else { "" };
        tell_line(&format!("{bad}{line}"), tell);
    }
    if !whole {
        let left_out = count - 2 * RESULT_LINES;
        tell(Kind::Result, &format!("⟪{left_out} lines⟫"));
        let last: Vec<_> = result.lines().rev().take(RESULT_LINES).collect();
        for line in last.into_iter().rev() {
            tell_line(line, tell);
        }
    }
}

fn tell_line(line: &str, tell: &mut Tell<'_>) {
    each_line(line, &mut |piece| {
        tell(Kind::Result, &cut(piece, RESULT_WIDTH));
    });
}

/// An argument in one line: text, a number, or the words of a command.
fn argument(raw: &str) -> Option<String> {
    let text = match raw.as_bytes().first()? {
        b'"' => string(raw)?.into_owned(),
        b'[' => {
            let words = items(raw)
                .into_iter()
                .take(50)
                .filter_map(|item| string(item).or_else(|| Object::parse(item)?.text("question")));
            words.collect::<Vec<_>>().join(" ")
        }
        b'{' | b'n' => return None,
        _ => raw.to_owned(),
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next()?;
    let more = if lines.next().is_some() { " …" } else { "" };
    Some(cut(first, LONGEST_ARGUMENT) + more)
}

/// A path as it is called inside the worker's folder.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> &'a str {
    if folder.len() < 2 {
        return path;
    }
    let inside = path.strip_prefix(folder).and_then(|p| p.strip_prefix('/'));
    inside.filter(|p| !p.is_empty()).unwrap_or(path)
}

/// Whether a tool of this name changes the file that it is given.
fn writes(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = ["write", "edit", "replace", "patch", "create_file", "insert"];
    words.iter().any(|word| name.contains(word)) && !name.contains("todo")
}

/// Whether a tool of this name does nothing but ask the operator.
fn asks(name: &str) -> bool {
    let name: String = name.to_lowercase().replace(['_', '-'], "");
    matches!(
        &*name,
        "askuserquestion"
            | "askuser"
            | "question"
            | "requestuserinput"
            | "askfollowupquestion"
            | "exitplanmode"
            | "planexit"
    )
}

/// What it asks.
fn question(arguments: &Object<'_>) -> Option<String> {
    let mut many = arguments.objects("questions");
    let text = many
        .find_map(|one| one.text("question"))
        .or_else(|| arguments.text("question"))
        .or_else(|| arguments.text("prompt"))
        .or_else(|| arguments.text("plan"))?;
    shown(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        LONGEST_QUESTION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call is one line: the tool and the argument that tells most.
    #[test]
    fn a_call_is_one_line() {
        let table = [
            (
                "Bash",
                r#"{"command":"cargo test","description":"d"}"#,
                "Bash: cargo test",
            ),
            (
                "Edit",
                r#"{"file_path":"/w/src/a.rs","old_string":"x"}"#,
                "Edit src/a.rs",
            ),
            (
                "read",
                r#"{"filePath":"/elsewhere/b"}"#,
                "read /elsewhere/b",
            ),
            (
                "shell",
                r#"{"command":["bash","-lc","ls"]}"#,
                "shell: bash -lc ls",
            ),
            ("Bash", r#"{"command":"a\nb"}"#, "Bash: a …"),
            ("odd", r#"{"x":1}"#, "odd"),
            ("Grep", r#"{"pattern":"fn","path":"/w"}"#, "Grep: fn"),
        ];
        for (name, arguments, wanted) in table {
            let arguments = Object::parse(arguments).unwrap();
            assert_eq!(Call::new("1", name, &arguments, "/w").label, wanted);
        }
    }

    /// A tool that asks keeps its question until something else runs.
    #[test]
    fn a_question_stands_until_something_runs() {
        let mut calls = Calls::default();
        let asked = Object::parse(r#"{"questions":[{"question":"Which one?"}]}"#).unwrap();
        let mut quiet = |_: Kind, _: &str| {};
        calls.begin(Call::new("1", "AskUserQuestion", &asked, ""), &mut quiet);
        calls.end("1", Fate::Failed, "no user", &mut quiet);
        assert_eq!(calls.needs.as_deref(), Some("Which one?"));
        calls.begin(Call::new("2", "Bash", &Object::default(), ""), &mut quiet);
        calls.end("2", Fate::Done, "", &mut quiet);
        assert_eq!(calls.needs, None);
    }
}
