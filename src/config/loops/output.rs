//! `[memory]`, `[output]` and `[publish]`: what a run leaves behind, and where it may go.

use crate::config::names;
use crate::config::reader::{At, Table};
use crate::run::spec::{Memory, NoteBy, Output, OutputKind, PROTECTED_ALWAYS, Publish, PublishTo};

use super::command::{self, Argv};
use super::globs;
use super::worker::{path_inside, size};

/// What `[memory]` says.
pub(super) struct MemoryPart {
    /// Path, cap, note.
    pub(super) spec: Memory,
    /// Who proposes the note, where the file says so.
    pub(super) note: Option<At<NoteBy>>,
}

/// What `[publish]` says.
pub(super) struct PublishPart {
    /// Target and whether it can be taken back.
    pub(super) spec: Publish,
    /// The commands that publish and take back, with places.
    pub(super) programs: Vec<Argv>,
}

#[derive(Clone, Copy)]
enum Target {
    Branch,
    Copy,
    Command,
}

/// The memory of a loop whose file does not speak of it.
pub(super) fn default_memory(name: &str) -> MemoryPart {
    MemoryPart {
        spec: Memory {
            path: format!("memory/{name}.md"),
            inject_tokens: 2_000,
            note: NoteBy::Verdict,
            max_note_lines: 3,
        },
        note: None,
    }
}

/// Reads `[memory]`.
pub(super) fn read_memory(table: &mut Table<'_>, name: &str) -> MemoryPart {
    let mut part = default_memory(name);
    if let Some(path) = table.text("path") {
        let markdown = std::path::Path::new(&path.value)
            .extension()
            .is_some_and(|e| e == "md");
        if path_inside(table, "path", &path).is_some() && !markdown {
            table.problems.error(
                path.span,
                "the memory is a Markdown file, and this name does not end in .md",
                format!("write path = \"memory/{name}.md\""),
            );
        }
        let elsewhere: Vec<&str> = PROTECTED_ALWAYS
            .into_iter()
            .filter(|fixed| *fixed != "memory/**")
            .collect();
        if let Some(cover) = globs::wholly_inside(&path.value, &elsewhere) {
            table.problems.error(
                path.span,
                format!("the memory cannot lie in `{cover}`"),
                format!("write path = \"memory/{name}.md\""),
            );
        }
        part.spec.path = path.value;
    }
    if let Some(tokens) = table.number("inject_tokens", 0..=100_000) {
        part.spec.inject_tokens = tokens.value;
    }
    let words = [
        ("verdict", NoteBy::Verdict),
        ("worker", NoteBy::Worker),
        ("none", NoteBy::None),
    ];
    part.note = table.choice("note", &words);
    if let Some(note) = part.note {
        part.spec.note = note.value;
    }
    if let Some(lines) = table.number("max_note_lines", 1..=50) {
        part.spec.max_note_lines = size(lines.value);
    }
    part
}

/// The output of a loop whose file does not speak of it.
pub(super) fn default_output() -> Output {
    Output {
        kind: OutputKind::Diff,
        drafts: "drafts".to_owned(),
        artefact: None,
    }
}

/// Reads `[output]`.
pub(super) fn read_output(table: &mut Table<'_>) -> Output {
    let mut output = default_output();
    let kind = table.choice(
        "kind",
        &[("diff", OutputKind::Diff), ("files", OutputKind::Files)],
    );
    if let Some(drafts) = table.text("drafts") {
        if path_inside(table, "drafts", &drafts).is_some() && !under_drafts(&drafts.value) {
            table.problems.error(
                drafts.span,
                "drafts go to the folder `drafts` or below it, and nowhere else in the project",
                "write drafts = \"drafts\"",
            );
        }
        output.drafts = drafts.value;
    }
    if let Some(artefact) = table.text("artefact") {
        path_inside(table, "artefact", &artefact);
        command::placeholders(table, &artefact, &names::NAME_PLACEHOLDERS);
        output.artefact = Some(artefact.value);
    }
    if let Some(kind) = kind {
        output.kind = kind.value;
        if kind.value == OutputKind::Files && table.key("artefact").is_none() {
            table.problems.error(
                kind.span,
                "`kind = \"files\"` needs the file that is the result",
                "add `artefact = \"drafts/{date}-{slug}.md\"`",
            );
        }
    }
    output
}

fn under_drafts(path: &str) -> bool {
    std::path::Path::new(path)
        .components()
        .find(|part| !matches!(part, std::path::Component::CurDir))
        .is_some_and(|part| part.as_os_str() == "drafts")
}

/// Reads `[publish]`; `None` when it is wrong.
pub(super) fn read_publish(table: &mut Table<'_>, output: OutputKind) -> Option<PublishPart> {
    let words = [
        ("git-branch", Target::Branch),
        ("copy", Target::Copy),
        ("command", Target::Command),
    ];
    if table.key("to").is_none() {
        table.missing("to", "to = \"git-branch\"");
    }
    let to = table.choice("to", &words);
    let reversible = table.flag("reversible");
    table.choice("approval", &[("always", ())]);
    table.choice("idempotency", &[("digest", ())]);
    let rename = table.text("as");
    let branch = table.text("branch");
    let argv = command::read(table, "command");
    let undo = command::read(table, "undo");
    if let Some(path) = &rename {
        target_path(table, path);
    }
    let (to, can_undo) = match to?.value {
        Target::Branch => {
            table.refuse(&["command", "undo"], "for to = \"git-branch\"");
            (git_branch(table, branch, rename)?, true)
        }
        Target::Copy => {
            table.refuse(&["command", "undo", "branch"], "for to = \"copy\"");
            (copy(table, rename, output)?, true)
        }
        Target::Command => {
            table.refuse(&["branch", "as"], "for to = \"command\"");
            if table.key("command").is_none() {
                table.missing("command", "command = [\"program\", \"{draft}\"]");
            }
            let taking_back = undo.as_ref().map(command::plain).unwrap_or_default();
            let can_undo = !taking_back.is_empty();
            (
                PublishTo::Command {
                    command: command::plain(argv.as_ref()?),
                    undo: taking_back,
                },
                can_undo,
            )
        }
    };
    let spec = Publish {
        to,
        reversible: reversible.map_or(can_undo, |r| r.value),
    };
    Some(PublishPart {
        spec,
        programs: argv.into_iter().chain(undo).collect(),
    })
}

fn git_branch(
    table: &mut Table<'_>,
    branch: Option<At<String>>,
    rename: Option<At<String>>,
) -> Option<PublishTo> {
    if table.key("branch").is_none() {
        table.missing("branch", "branch = \"drafts/{slug}\"");
    }
    let branch = branch?;
    command::placeholders(table, &branch, &names::NAME_PLACEHOLDERS);
    if let Err(why) = names::branch(&branch.value) {
        table.problems.error(
            branch.span,
            format!("`branch` is no branch name: {why}"),
            format!(
                "write a name such as \"drafts/{{slug}}\"; it may hold {}",
                command::listed(&names::NAME_PLACEHOLDERS)
            ),
        );
        return None;
    }
    Some(PublishTo::GitBranch {
        branch: branch.value,
        rename: rename.map(|path| path.value),
    })
}

fn copy(table: &mut Table<'_>, path: Option<At<String>>, output: OutputKind) -> Option<PublishTo> {
    if table.key("as").is_none() {
        table.missing("as", "as = \"posts/{slug}.md\"");
    }
    let path = path?;
    if output == OutputKind::Diff {
        table.problems.error(
            path.span,
            "a copy needs a file, and the output is a diff",
            "write [output] kind = \"files\" with an `artefact`, or publish to \"git-branch\"",
        );
        return None;
    }
    Some(PublishTo::Copy { path: path.value })
}

/// Reports a target that is no file name of the project, or that holds the operator's own settings.
fn target_path(table: &Table<'_>, path: &At<String>) {
    command::placeholders(table, path, &names::NAME_PLACEHOLDERS);
    if path_inside(table, "as", path).is_none() {
        return;
    }
    if let Some(cover) = globs::wholly_inside(&path.value, &PROTECTED_ALWAYS) {
        table.problems.error(
            path.span,
            format!("nothing is published into `{cover}`"),
            "write a path outside the protected ones",
        );
    }
}
