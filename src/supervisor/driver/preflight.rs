//! The preflight: what a run would lack, found before a token is spent.

use std::path::Path;

use crate::run::Ground;
use crate::run::spec::{JudgeKind, PublishTo};
use crate::supervisor::site::Site;

/// Looks for every program that the loop names. The error is one line for the operator.
pub(super) fn look(site: &Site) -> Result<(), String> {
    let spec = &site.wake.spec;
    for check in &spec.goal.checks {
        let who = format!("the check «{}»", check.name);
        find(site, &check.command, (&who, &site.project))?;
    }
    if let Some(JudgeKind::Command { command, .. }) = spec.goal.judge.as_ref().map(|j| &j.kind) {
        find(site, command, ("the judge", &site.project))?;
    }
    for setup in &spec.guardrails.workspace.setup {
        find(site, setup, ("setup", &site.project))?;
    }
    Ok(())
}

/// Looks whether there is a branch to publish to: a copy of a folder has none.
pub(super) fn target(site: &Site, ground: &Ground) -> Result<(), String> {
    let to = site.wake.spec.publish.as_ref().map(|publish| &publish.to);
    match (to, &ground.base) {
        (Some(PublishTo::GitBranch { .. }), None) => Err(
            "publish goes to a git branch, and this folder has no git commit; commit, or publish \
             with `to = \"copy\"`"
                .to_owned(),
        ),
        (_, _) => Ok(()),
    }
}

/// Looks for the worker's program where the worker will: in its workspace. A file that is not
/// committed is not there.
pub(super) fn worker(site: &Site, workspace: &Path) -> Result<(), String> {
    match site.wake.spec.worker.kind.program() {
        Some(command) => find(site, command, ("the worker", workspace)),
        None => Ok(()),
    }
}

fn find(site: &Site, command: &[String], (who, folder): (&str, &Path)) -> Result<(), String> {
    let Some(program) = command.first() else {
        return Err(format!("{who} has an empty command; name a program"));
    };
    // A path with a placeholder is known only when it is filled in.
    if program.contains('{') {
        return Ok(());
    }
    if program.contains('/') {
        return if is_program(&folder.join(program)) {
            Ok(())
        } else {
            Err(format!(
                "{who} needs {program}, which is no program in {}; is it committed, and executable?",
                folder.display()
            ))
        };
    }
    let on_path = site
        .home
        .env
        .iter()
        .filter(|(name, _)| name == "PATH")
        .any(|(_, path)| {
            std::env::split_paths(path).any(|folder| is_program(&folder.join(program)))
        });
    if on_path {
        return Ok(());
    }
    Err(format!(
        "{who} needs {program}, which is not on the PATH; install it, or name its path"
    ))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
