//! Plain prompts: one that is run once, through the same guardrails and checkpoints, and accepted by
//! its operator alone. What is asked for becomes a loop of one iteration that no file holds.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::process::on_path;
use super::trust::{Standing, Trust};
use crate::config::executed::OWN;
use crate::config::loops::{self, LoopFile};
use crate::config::skills::{self, SkillText};
use crate::protocol::Plain;
use crate::run::spec::{
    Format, Goal, Guardrails, Independence, Judge, JudgeKind, Memory, NoteBy, Output, OutputKind,
    PLAIN, PromptBy, Skill, Trigger, Worker, WorkerKind,
};
use crate::run::{Digest, LoopSpec, Mode};

/// Agents that are asked where no loop names a worker: program, arguments, and what it prints.
const AGENTS: [(&str, &[&str], Format); 5] = [
    (
        "claude",
        &[
            "-p",
            "--permission-mode",
            "acceptEdits",
            "--output-format",
            "stream-json",
            "--verbose",
        ],
        Format::ClaudeStreamJson,
    ),
    ("codex", &["exec", "--json", "-"], Format::CodexJsonl),
    (
        "opencode",
        &["run", "--format", "json"],
        Format::OpencodeJson,
    ),
    ("gemini", &["-o", "stream-json"], Format::GeminiStreamJson),
    ("pi", &["--mode", "json"], Format::PiJson),
];

/// What the operator says yes or no to in the end.
const ACCEPTED: &str = "You accept this result.";

/// How long the operator may take; nothing waits for it but the run.
const NEVER_S: u64 = u64::MAX / 1_000_000;

/// A loop file's place for what is asked, as if it stood there.
///
/// The worker is that of the loop that is named, or an agent by its program; where nobody is named,
/// that of the only loop, else the first agent on this path. The error is one line.
pub(super) fn file(
    project: &Path,
    files: &[LoopFile],
    plain: &Plain,
    path: &OsStr,
) -> Result<LoopFile, String> {
    let (source, not_enforced, mut spec) = match &plain.worker {
        Some(name) => match files.iter().find(|file| file.name == *name) {
            Some(file) => of_loop(file)?,
            None => of_agent(project, name, path)?,
        },
        None => match files
            .iter()
            .filter(|file| file.spec.is_some())
            .collect::<Vec<_>>()[..]
        {
            [] => any_agent(project, path)?,
            [one] => of_loop(one)?,
            [..] => {
                return Err(
                    "more than one loop has a worker; name one: --worker LOOP, or P where i shows its bones"
                        .to_owned(),
                );
            }
        },
    };
    spec.skill.path = plain.skill.clone().map_or(String::new(), |skill| {
        if skill.contains('/') {
            skill
        } else {
            format!("skills/{skill}")
        }
    });
    skill(project, &spec)?;
    spec.goal.statement.clone_from(&plain.text);
    let (path, digest) = source;
    Ok(LoopFile {
        name: PLAIN.to_owned(),
        path,
        digest: Some(digest),
        spec: Some(spec),
        diagnostics: Vec::new(),
        not_enforced,
        pinned: Vec::new(),
    })
}

/// The skill of a loop, or of a plain prompt that has none.
pub(super) fn skill(project: &Path, spec: &LoopSpec) -> Result<SkillText, String> {
    if spec.is_plain() && spec.skill.path.is_empty() {
        return Ok(SkillText {
            name: String::new(),
            description: String::new(),
            body: String::new(),
            digest: Digest::of(b""),
        });
    }
    skills::read(project, &spec.skill.path)
}

/// Whether the loop whose worker is taken may run, so that its worker may, too.
pub(super) fn may_work(trust: &Trust, files: &[LoopFile], plain: &Plain) -> Result<(), String> {
    let named = plain.worker.as_ref();
    let source = files
        .iter()
        .find(|file| file.spec.is_some() && named.is_none_or(|name| file.name == *name));
    match source.map(|file| (file, trust.standing(file))) {
        None | Some((_, Standing::Allowed)) => Ok(()),
        Some((file, standing)) => Err(format!(
            "the worker of {} is not trusted: {}; `checkride trust {}` shows it",
            file.name,
            standing.why().unwrap_or_default(),
            file.name
        )),
    }
}

/// The file that names the worker, and its bytes; what is not enforced of its guardrails; the loop.
type Source = ((PathBuf, Digest), Vec<String>, LoopSpec);

/// The loop's worker, workspace and limits; nothing of what would be verified or published.
fn of_loop(file: &LoopFile) -> Result<Source, String> {
    let (Some(from), Some(digest)) = (&file.spec, &file.digest) else {
        return Err(format!("the file of {} is invalid", file.name));
    };
    let mut spec = bare(from.worker.kind.clone());
    spec.worker = from.worker.clone();
    spec.guardrails = from.guardrails.clone();
    let source = (file.path.clone(), digest.clone());
    Ok((source, file.not_enforced.clone(), once(spec)))
}

fn any_agent(project: &Path, path: &OsStr) -> Result<Source, String> {
    let found = AGENTS
        .iter()
        .find(|(program, ..)| on_path(program, path).is_some());
    let names = AGENTS.map(|(program, ..)| program).join(", ");
    let (program, ..) = found.ok_or_else(|| {
        format!("no loop here has a worker, and none of {names} is on the PATH; install one")
    })?;
    of_agent(project, program, path)
}

fn of_agent(project: &Path, name: &str, path: &OsStr) -> Result<Source, String> {
    let known = AGENTS.iter().find(|(program, ..)| *program == name);
    let (program, args, format) =
        known.ok_or_else(|| format!("there is no loop and no agent named {name}"))?;
    if on_path(program, path).is_none() {
        return Err(format!("{program} is not on the PATH; install it"));
    }
    let command: Vec<String> = std::iter::once(program)
        .chain(args.iter())
        .map(|word| (*word).to_owned())
        .collect();
    let digest = Digest::of_value(&command);
    let prompt = if *program == "opencode" || *program == "pi" {
        PromptBy::Arg
    } else {
        PromptBy::Stdin
    };
    let worker = WorkerKind::Command {
        command,
        prompt,
        format: *format,
    };
    // What the strictest loop would ask for and this build does not enforce.
    let default = loops::read_text(project, Path::new(PLAIN), "version = 1\n");
    let source = (PathBuf::from(OWN), digest);
    Ok((source, default.not_enforced, once(bare(worker))))
}

fn bare(worker: WorkerKind) -> LoopSpec {
    let judge = Judge {
        kind: JudgeKind::Human,
        model: None,
        rubric: vec![ACCEPTED.to_owned()],
        stance: String::new(),
        votes: 1,
        independence: Independence::Context,
        timeout_s: NEVER_S,
    };
    let goal = Goal {
        statement: String::new(),
        checks: Vec::new(),
        judge: Some(judge),
    };
    LoopSpec {
        name: PLAIN.to_owned(),
        description: "plain prompts, each run once".to_owned(),
        enabled: true,
        trigger: Trigger::Manual,
        skill: Skill {
            path: String::new(),
            proven_min: 0,
        },
        worker: Worker {
            kind: worker,
            model: None,
            timeout_s: 15 * 60,
            retries: 3,
        },
        goal,
        memory: Memory {
            path: format!("memory/{PLAIN}.md"),
            inject_tokens: 0,
            note: NoteBy::None,
            max_note_lines: 1,
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

/// One iteration, with every question.
fn once(mut spec: LoopSpec) -> LoopSpec {
    spec.guardrails.mode = Mode::Training;
    spec.guardrails.max_iterations = 1;
    spec
}
