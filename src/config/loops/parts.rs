//! One loop file as its tables say it, before the rules across tables are applied.

use crate::config::names;
use crate::config::reader::{At, Problems, Table};
use crate::run::spec::{Goal, LoopSpec, Output, PLAIN, Skill};

use super::{files, goal, guardrails, output, trigger, worker};

/// What the tables of one file say, with the places that the rules across tables need.
pub(super) struct Parts {
    /// One sentence; may be empty.
    pub(super) description: String,
    /// The author's default.
    pub(super) enabled: bool,
    /// What wakes it.
    pub(super) trigger: Option<trigger::TriggerPart>,
    /// Its instructions.
    pub(super) skill: Option<worker::SkillPart>,
    /// Who works.
    pub(super) worker: Option<worker::WorkerPart>,
    /// What is wanted and how it is verified.
    pub(super) goal: Option<goal::GoalPart>,
    /// What it remembers.
    pub(super) memory: output::MemoryPart,
    /// What comes out.
    pub(super) output: Output,
    /// Where that may go.
    pub(super) publish: Option<output::PublishPart>,
    /// What it may not do.
    pub(super) guardrails: guardrails::GuardrailsPart,
}

impl Parts {
    /// Reads the whole file; `name` is what its file is called.
    pub(super) fn read(table: &mut Table<'_>, name: &str) -> Self {
        if table.key("version").is_none() {
            table.missing("version", "version = 1");
        }
        version(table);
        let own_name = table.required_text("name", &format!("name = \"{name}\""));
        if let Some(own) = &own_name {
            check_name(own, name, table.problems);
        }
        let description = table
            .text("description")
            .map(|d| d.value)
            .unwrap_or_default();
        let enabled = table.flag("enabled").is_none_or(|e| e.value);
        let trigger = match table.key("trigger") {
            Some(_) => table.table("trigger", trigger::read).flatten(),
            None => Some(trigger::TriggerPart::default()),
        };
        let skill_example = format!("skill = {{ path = \"skills/{name}\" }}");
        for (key, example) in [
            ("skill", skill_example.as_str()),
            (
                "worker",
                "worker = { type = \"command\", command = [\"claude\", \"-p\"] }",
            ),
            (
                "goal",
                "goal = { statement = \"…\", verify = { checks = [{ name = \"…\", command = [\"…\"] }] } }",
            ),
        ] {
            if table.key(key).is_none() {
                table.missing(key, example);
            }
        }
        let skill = table.table("skill", worker::read_skill).flatten();
        let worker = table.table("worker", worker::read).flatten();
        let goal = table.table("goal", goal::read);
        let memory = table.table("memory", |t| output::read_memory(t, name));
        let output = table
            .table("output", output::read_output)
            .unwrap_or_else(output::default_output);
        let publish = table
            .table("publish", |t| output::read_publish(t, output.kind))
            .flatten();
        let guardrails = table
            .table("guardrails", guardrails::read)
            .unwrap_or_default();
        table.table("promotion", guardrails::read_promotion);
        Self {
            description,
            enabled,
            trigger,
            skill,
            worker,
            goal,
            memory: memory.unwrap_or_else(|| output::default_memory(name)),
            output,
            publish,
            guardrails,
        }
    }

    /// The loop; `None` when a part is missing, which was reported where it was read.
    pub(super) fn into_spec(self, name: &str) -> Option<LoopSpec> {
        let goal = self.goal?;
        let (worker, skill) = (self.worker?, self.skill?);
        let spec = LoopSpec {
            name: name.to_owned(),
            description: self.description,
            enabled: self.enabled,
            trigger: self.trigger?.spec,
            skill: Skill {
                path: skill.path.value,
                proven_min: skill.proven_min,
            },
            worker: worker.spec,
            goal: Goal {
                statement: goal.statement?,
                checks: goal.checks.into_iter().map(|check| check.spec).collect(),
                judge: goal.judge.map(|judge| judge.spec),
            },
            memory: self.memory.spec,
            output: self.output,
            publish: self.publish.map(|publish| publish.spec),
            guardrails: self.guardrails.spec,
        };
        Some(files::protect_examiners(spec))
    }
}

fn version(table: &mut Table<'_>) {
    let Some(version) = table.number("version", 0..=u64::from(u32::MAX)) else {
        return;
    };
    if version.value != 1 {
        table.problems.error(
            version.span,
            format!(
                "this build reads version 1 of the loop file, and this is version {}",
                version.value
            ),
            "write `version = 1`, or use a newer checkride",
        );
    }
}

/// Reports a name that is none, or not the file's.
fn check_name(name: &At<String>, stem: &str, problems: &Problems<'_>) {
    if let Err(why) = names::skill_like(&name.value) {
        problems.error(
            name.span,
            format!("`{}` is no loop name: {why}", name.value),
            "write a name such as \"tidy-notes\"",
        );
        return;
    }
    if name.value == PLAIN {
        problems.error(
            name.span,
            "plain prompts are kept under this name",
            "choose another name for the loop, and rename its file",
        );
    }
    if stem != name.value {
        problems.error(
            name.span,
            format!(
                "the loop is named `{}`, and its file `{stem}.toml`",
                name.value
            ),
            match names::skill_like(stem) {
                Ok(()) => format!(
                    "write name = \"{stem}\", or rename the file to {}.toml",
                    name.value
                ),
                Err(_) => format!(
                    "rename the file to {}.toml, or both to another name: `{stem}` is no loop name",
                    name.value
                ),
            },
        );
    }
}
