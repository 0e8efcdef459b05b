//! What a loop file needs on disk: its skill, its scripts; and which files examine the work.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::names::clean;
use crate::config::project::{self, Kind};
use crate::config::reader::{At, Problems};
use crate::config::skills;
use crate::run::Digest;
use crate::run::spec::{JudgeKind, LoopSpec, PublishTo};

use super::command::{self, Argv};
use super::globs;
use super::parts::Parts;
use super::sourced;

/// A file of the project that takes part in the examination, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedFile {
    /// Path relative to the project.
    pub path: String,
    /// Its bytes.
    pub digest: Digest,
}

/// Reports what the file names and the disk does not have.
pub(super) fn look(project: &Path, parts: &Parts, problems: &Problems<'_>) {
    if let Some(skill) = &parts.skill
        && let Err(why) = skills::read(project, &skill.path.value)
    {
        problems.error(
            skill.path.span,
            why,
            "write the folder of a skill that has a SKILL.md",
        );
    }
    let worker = parts.worker.as_ref();
    let goal = parts.goal.as_ref();
    let judge = goal.and_then(|goal| goal.judge.as_ref());
    let scripts = worker.and_then(|w| w.script.as_ref()).into_iter();
    for script in scripts.chain(judge.and_then(|j| j.script.as_ref())) {
        stand_in(project, script, problems);
    }
    let checks = goal
        .into_iter()
        .flat_map(|goal| &goal.checks)
        .map(|check| &check.argv);
    let examiners: Vec<&Argv> = checks
        .chain(judge.and_then(|j| j.argv.as_ref()))
        .chain(&parts.guardrails.setup)
        .collect();
    let poll = parts
        .trigger
        .as_ref()
        .and_then(|trigger| trigger.poll.as_ref());
    let publish = parts.publish.iter().flat_map(|publish| &publish.programs);
    let others = worker
        .and_then(|w| w.argv.as_ref())
        .into_iter()
        .chain(poll)
        .chain(publish);
    for argv in examiners.iter().copied().chain(others) {
        program(project, argv, problems);
    }
    for argv in examiners {
        for script in command::scripts(argv) {
            exposed(project, script, parts, problems);
        }
    }
}

/// The files of the project that examine or publish the work, by digest: programs of checks, judge,
/// setup and publish, the scripts that an interpreter is given there, and what these read in from beside
/// themselves; sorted, each once.
pub fn pinned_files(project: &Path, spec: &LoopSpec) -> Vec<PinnedFile> {
    let read = |path: &str| match project::kind(project, path) {
        Kind::Program | Kind::File => fs::read(project.join(path)).ok(),
        Kind::Missing | Kind::Folder | Kind::Outside | Kind::Other => None,
    };
    let with_parts = |path: String| {
        let parts = sourced::all(&path, &read).into_iter();
        let parts = parts.filter(|part| part.beside).map(|part| part.path);
        parts.chain([path]).collect::<Vec<_>>()
    };
    let mut all: Vec<PinnedFile> = examiner_paths(spec)
        .into_iter()
        .flat_map(with_parts)
        .filter(|path| matches!(project::kind(project, path), Kind::Program | Kind::File))
        .filter_map(|path| {
            let digest = project::digest(&project.join(&path))?;
            Some(PinnedFile { path, digest })
        })
        .collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all.dedup();
    all
}

/// The loop with its examiners, skill and memory among the protected paths (§5.5, §5.10).
pub(super) fn protect_examiners(mut spec: LoopSpec) -> LoopSpec {
    let mut paths = examiner_paths(&spec);
    paths.push(spec.memory.path.clone());
    paths.push(format!("{}/**", spec.skill.path.trim_end_matches('/')));
    for path in paths {
        let plain = clean(&path);
        let pattern = match plain.strip_suffix("/**") {
            Some(folder) => format!("{}/**", globset::escape(folder)),
            None => globset::escape(&plain),
        };
        let fixed = &crate::run::spec::PROTECTED_ALWAYS;
        let listed = &spec.guardrails.workspace.protected;
        if globs::wholly_inside(&pattern, fixed).is_none() && !listed.contains(&pattern) {
            spec.guardrails.workspace.protected.push(pattern);
        }
    }
    spec
}

/// Relative paths that checks, judge, setup and publish may run; they need not exist.
fn examiner_paths(spec: &LoopSpec) -> Vec<String> {
    let mut commands: Vec<&Vec<String>> = spec
        .goal
        .checks
        .iter()
        .map(|check| &check.command)
        .collect();
    commands.extend(&spec.guardrails.workspace.setup);
    match spec.publish.as_ref().map(|publish| &publish.to) {
        Some(PublishTo::Command { command, undo }) => commands.extend([command, undo]),
        Some(PublishTo::GitBranch { .. } | PublishTo::Copy { .. }) | None => {}
    }
    let mut paths = Vec::new();
    match spec.goal.judge.as_ref().map(|judge| &judge.kind) {
        Some(JudgeKind::Command { command, .. }) => commands.push(command),
        Some(JudgeKind::Script { file }) => paths.push(format!("loops/{file}")),
        Some(JudgeKind::Http(_) | JudgeKind::Human) | None => {}
    }
    for command in commands {
        paths.extend(
            command::script_paths(command)
                .into_iter()
                .filter(of_project)
                .map(clean),
        );
    }
    paths
}

/// Whether a path in a command is one of the project's own, by its letters.
fn of_project(path: &&str) -> bool {
    !path.starts_with('/') && !path.contains('{')
}

/// The script of a stand-in lies beside the loop file.
fn stand_in(project: &Path, script: &At<String>, problems: &Problems<'_>) {
    let path = format!("loops/{}", script.value);
    match project::kind(project, &path) {
        Kind::File | Kind::Program => {}
        Kind::Missing => {
            problems.error(
                script.span,
                format!("there is no file `{path}`"),
                "write a path relative to the loop file",
            );
        }
        Kind::Folder | Kind::Outside | Kind::Other => {
            problems.error(
                script.span,
                format!("`{path}` is no plain file of the project"),
                "name a script file",
            );
        }
    }
}

/// A program that is written as a path of the project must be there and be executable.
fn program(project: &Path, argv: &Argv, problems: &Problems<'_>) {
    let Some(program) = argv.value.first() else {
        return;
    };
    let path = program.value.as_str();
    if !path.contains('/') || !of_project(&path) {
        return;
    }
    let (message, help) = match project::kind(project, path) {
        Kind::Program => return,
        Kind::Missing => (
            format!("there is no program `{path}` in the project"),
            "write it first, or name a program on PATH".to_owned(),
        ),
        Kind::File => (
            format!("`{path}` is not executable"),
            format!("run: chmod +x {path}"),
        ),
        Kind::Outside => (
            format!("`{path}` leads out of the project"),
            "name a program on PATH, or copy it into the project".to_owned(),
        ),
        Kind::Folder | Kind::Other => (
            format!("`{path}` is no program"),
            "name a file that can be executed".to_owned(),
        ),
    };
    problems.error(program.span, message, help);
}

/// The worker must not be allowed to edit its own examiner.
fn exposed(project: &Path, script: &At<String>, parts: &Parts, problems: &Problems<'_>) {
    let path = clean(&script.value);
    if !of_project(&script.value.as_str())
        || !matches!(project::kind(project, &path), Kind::Program | Kind::File)
    {
        return;
    }
    for pattern in parts
        .guardrails
        .write
        .iter()
        .filter(|pattern| pattern.value != "**")
    {
        if globs::compile(&pattern.value).is_ok_and(|glob| glob.is_match(&path)) {
            problems.error(
                pattern.span,
                format!("`{}` lets the worker edit `{path}`, which examines its work", pattern.value),
                "name narrower patterns, or keep the default [\"**\"], where check scripts are protected",
            );
        }
    }
}
