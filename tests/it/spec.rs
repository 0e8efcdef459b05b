//! The loop that tests start from.

use checkride::run::LoopSpec;
use checkride::run::spec::{
    Goal, Guardrails, Memory, NoteBy, Output, OutputKind, Skill, Trigger, Worker, WorkerKind,
};

/// A loop of five lines with every default (PRODUCT §4.2).
pub(crate) fn minimal(name: &str, worker: WorkerKind, goal: Goal) -> LoopSpec {
    LoopSpec {
        name: name.to_owned(),
        description: String::new(),
        enabled: true,
        trigger: Trigger::Manual,
        skill: Skill {
            path: format!("skills/{name}"),
            proven_min: 3,
        },
        worker: Worker {
            kind: worker,
            model: None,
            timeout_s: 15 * 60,
            retries: 3,
        },
        goal,
        memory: Memory {
            path: format!("memory/{name}.md"),
            inject_tokens: 2_000,
            note: NoteBy::Verdict,
            max_note_lines: 3,
        },
        output: Output {
            kind: OutputKind::Diff,
            drafts: "drafts".to_owned(),
            artefact: None,
        },
        publish: None,
        guardrails: Guardrails::default(),
    }
}
