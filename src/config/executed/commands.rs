//! What a loop would have run, in the order in which it comes to it.

use crate::run::spec::{
    JudgeKind, LoopSpec, OnEvent, Provider, PublishTo, Source, Trigger, WorkerKind,
};

/// Who asks whether there is something to do.
const POLL: &str = "poll";

/// Who a scripted worker is.
const STAND_IN: &str = "scripted worker";

/// Who a scripted judge is.
const STAND_IN_JUDGE: &str = "scripted judge";

/// One thing that a loop would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who asks for it: `worker`, `check «tests»`.
    pub who: String,
    /// The program and its arguments; the words that describe it where it is no program.
    pub argv: Vec<String>,
    /// Whether it runs in a copy of the project, where the copy's files count; a stand-in's script
    /// is read from the project itself.
    pub in_copy: bool,
}

/// Everything that this loop would run or call.
pub fn orders(spec: &LoopSpec) -> Vec<Order> {
    let mut all = Vec::new();
    let mut order = |who: &str, argv: Vec<String>| {
        let in_copy = ![POLL, STAND_IN, STAND_IN_JUDGE].contains(&who);
        let who = who.to_owned();
        all.push(Order { who, argv, in_copy });
    };
    if let Trigger::Event(OnEvent {
        source: Source::Poll { command, .. },
        ..
    }) = &spec.trigger
    {
        order(POLL, command.clone());
    }
    for setup in &spec.guardrails.workspace.setup {
        order("setup", setup.clone());
    }
    match &spec.worker.kind {
        WorkerKind::Command { command, .. } | WorkerKind::Acp { command } => {
            order("worker", command.clone());
        }
        WorkerKind::Http(provider) => order("worker", called(provider)),
        WorkerKind::Script { file } => order(STAND_IN, script(file)),
    }
    for check in &spec.goal.checks {
        order(&format!("check «{}»", check.name), check.command.clone());
    }
    match spec.goal.judge.as_ref().map(|judge| &judge.kind) {
        Some(JudgeKind::Command { command, .. }) => order("judge", command.clone()),
        Some(JudgeKind::Http(provider)) => order("judge", called(provider)),
        Some(JudgeKind::Script { file }) => order(STAND_IN_JUDGE, script(file)),
        Some(JudgeKind::Human) | None => {}
    }
    match spec.publish.as_ref().map(|publish| &publish.to) {
        Some(PublishTo::Command { command, undo }) => {
            order("publish", command.clone());
            if !undo.is_empty() {
                order("unpublish", undo.clone());
            }
        }
        Some(PublishTo::GitBranch { branch, .. }) => {
            order("publish", vec![format!("git branch {branch}")]);
        }
        Some(PublishTo::Copy { path }) => order("publish", vec![format!("copy to {path}")]),
        None => {}
    }
    if !spec.guardrails.env.is_empty() {
        order("passes on", spec.guardrails.env.clone());
    }
    all
}

/// The commands of this loop that no sandbox holds, and whether each runs in a copy of the project.
pub(super) fn unconfined(spec: &LoopSpec) -> Vec<(&[String], bool)> {
    let mut all: Vec<(&[String], bool)> = Vec::new();
    if let Trigger::Event(OnEvent {
        source: Source::Poll { command, .. },
        ..
    }) = &spec.trigger
    {
        all.push((command, false));
    }
    if let Some(PublishTo::Command { command, undo }) = spec.publish.as_ref().map(|p| &p.to) {
        all.push((command, true));
        all.push((undo, false));
    }
    all
}

/// Whether a program of this loop may be an agent that reads orders of its own in the project.
pub(super) fn has_agent(spec: &LoopSpec) -> bool {
    let judge = spec.goal.judge.as_ref().map(|judge| &judge.kind);
    spec.worker.kind.program().is_some() || matches!(judge, Some(JudgeKind::Command { .. }))
}

/// A model, its whole address, and the key that is sent there.
fn called(provider: &Provider) -> Vec<String> {
    let key = provider.key_env.as_ref();
    let key = key.map_or_else(String::new, |name| format!(", with the key in {name}"));
    let (api, model) = (provider.api.word(), &provider.model);
    vec![format!("calls {api} {model} at {}{key}", provider.base_url)]
}

/// The file of a stand-in lies beside the loop file.
fn script(file: &str) -> Vec<String> {
    vec![format!("loops/{file}")]
}
