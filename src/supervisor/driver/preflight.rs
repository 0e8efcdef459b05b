//! The preflight: what a run would lack, found before a token is spent.

use std::path::Path;

use crate::run::spec::{JudgeKind, WorkerKind};
use crate::supervisor::site::Site;

/// Looks for every program that the loop names. The error is one line for the operator.
pub(super) fn look(site: &Site) -> Result<(), String> {
    let spec = &site.wake.spec;
    if let WorkerKind::Command { command, .. } = &spec.worker.kind {
        find(site, command, "the worker")?;
    }
    for check in &spec.goal.checks {
        find(site, &check.command, &format!("the check «{}»", check.name))?;
    }
    if let Some(JudgeKind::Command { command }) = spec.goal.judge.as_ref().map(|j| &j.kind) {
        find(site, command, "the judge")?;
    }
    for setup in &spec.guardrails.workspace.setup {
        find(site, setup, "setup")?;
    }
    Ok(())
}

fn find(site: &Site, command: &[String], who: &str) -> Result<(), String> {
    let Some(program) = command.first() else {
        return Err(format!("{who} has an empty command; name a program"));
    };
    // A path with a placeholder is known only when it is filled in.
    if program.contains('{') {
        return Ok(());
    }
    if program.contains('/') {
        let path = site.project.join(program);
        return if is_program(&path) {
            Ok(())
        } else {
            Err(format!(
                "{who} needs {program}, which is no program here; chmod +x it?"
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
