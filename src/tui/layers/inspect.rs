//! ```text
//! ─ research-and-draft · the four bones ──────────────────────
//!  trigger
//!     weekdays 07:00
//!  skill
//!     skills/research-and-draft · proven by hand 6 times
//! ```

use crate::protocol::{LoopFacts, LoopRow, LoopState};
use crate::run::spec::{Independence, Judge, OutputKind, PublishTo, Trigger};
use crate::run::{Usage, counted};
use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::layout::{self, Region};
use crate::tui::paint::Canvas;
use crate::tui::panes::memory;
use crate::tui::styles::Role;
use crate::tui::text::figures::Moment;
use crate::tui::text::{Row, figures, paragraph, waking};

use super::asks;

/// Draws the four bones of a loop, read-only.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, name: &str, region: Region) {
    canvas.rule(
        region.title,
        &Row::of(Role::TitleFocus, format!("{name} · the four bones")),
    );
    let rows = super::visible(app);
    canvas.rows(layout::inner(region.body), &rows);
}

struct Bones {
    rows: Vec<Row>,
    width: usize,
}

impl Bones {
    fn heading(&mut self, text: &str) {
        if !self.rows.is_empty() {
            self.rows.push(Row::blank());
        }
        self.rows.push(Row::of(Role::TitleFocus, text));
    }

    fn line(&mut self, role: Role, text: impl AsRef<str>) {
        let lines = text
            .as_ref()
            .lines()
            .flat_map(|l| paragraph(role, "  ", l, self.width));
        self.rows.extend(lines.collect::<Vec<_>>());
    }
}

/// The text of the layer: trigger, skill, goal and verification, memory, then guardrails and trust.
pub(crate) fn rows(app: &App, name: &str, width: usize) -> Vec<Row> {
    let Some(facts) = app.world.facts(name) else {
        let why = match app.world.row(name).map(|row| &row.state) {
            Some(LoopState::Unexamined) => "the host has just begun and looks at it".to_owned(),
            Some(LoopState::Gone) => LoopRow::gone(name),
            Some(LoopState::Invalid { .. } | LoopState::Valid(_)) | None => {
                "this loop's file is not valid".to_owned()
            }
        };
        return vec![Row::of(Role::Muted, why)];
    };
    let mut out = Bones {
        rows: Vec::new(),
        width,
    };
    if !facts.description.is_empty() {
        out.rows
            .extend(paragraph(Role::Muted, "", &facts.description, width));
    }
    trigger_and_skill(&mut out, facts, app.now);
    if let Some(run) = app.world.newest(name).filter(|run| run.without_skill) {
        let text = format!(
            "▲ {} does not count: it was sent a prompt without the skill's text",
            run.id
        );
        out.line(Role::Warn, text);
    }
    out.heading("goal and verification");
    goal(&mut out, facts);
    out.heading("memory");
    remembers(&mut out, facts, app);
    out.heading("guardrails");
    guardrails(&mut out, facts);
    out.heading("output and publish");
    output(&mut out, facts);
    out.heading("trust");
    trust(&mut out, facts, app);
    last_time(&mut out, app, name);
    out.heading("files");
    out.line(Role::Fg, facts.files.join("\n"));
    out.rows
}

fn trigger_and_skill(out: &mut Bones, facts: &LoopFacts, now: Moment) {
    out.heading("trigger");
    let trigger = match &facts.spec.trigger {
        Trigger::Manual => "by hand: s starts it".to_owned(),
        trigger @ (Trigger::Schedule(_) | Trigger::Event(_)) => trigger.words(),
    };
    out.line(Role::Fg, trigger);
    for (role, line) in waking::lines(facts, now) {
        out.line(role, line);
    }
    out.heading("skill");
    let skill = &facts.spec.skill;
    let (path, needs) = (&skill.path, skill.proven_min);
    let proven = facts.proven;
    if path.is_empty() {
        out.line(Role::Fg, "none: the prompt stands for itself");
    } else {
        let words = format!(
            "{path} · proven by hand {} (needs {needs})",
            counted(proven.into(), "time")
        );
        out.line(Role::Fg, words);
    }
    if facts.skill_changed {
        out.line(Role::Warn, "▲ changed since it was last proven");
    }
}

fn remembers(out: &mut Bones, facts: &LoopFacts, app: &App) {
    let own = &facts.spec.memory;
    let cap = figures::short(own.inject_tokens);
    let words = match app.world.memories.get(&facts.spec.name) {
        Some(text) => {
            let (entries, tokens) = memory::size(&text.text, own.inject_tokens);
            let (notes, tokens) = (figures::count(entries, "note"), figures::short(tokens));
            format!("{} · {notes} · {tokens} of {cap} tok in a prompt", own.path)
        }
        None => format!("{} · at most {cap} tok in a prompt", own.path),
    };
    out.line(Role::Fg, words);
}

fn trust(out: &mut Bones, facts: &LoopFacts, app: &App) {
    let (granted, asked) = (facts.mode.word(), facts.spec.guardrails.mode.word());
    out.line(Role::Fg, format!("{granted} · the file asks for {asked}"));
    if !facts.mode_why.is_empty() {
        out.line(Role::Warn, &facts.mode_why);
    }
    if let Some(row) = app.world.row(&facts.spec.name) {
        let met = row.record.iter().filter(|o| o.goal_met()).count();
        let runs = figures::count(row.record.len(), "run");
        out.line(
            Role::Fg,
            format!("{met} of its last {runs} reached the goal"),
        );
    }
    if facts.spent != Usage::default() {
        let (tokens, money) = (figures::tokens(facts.spent), figures::money(facts.spent));
        let each = figures::per_result(facts.spent, facts.approved);
        out.line(Role::Fg, format!("spent {tokens} · {money} in all; {each}"));
    }
    let (claimed, approved) = claims(&app.world.runs_of(&facts.spec.name));
    if claimed > 0 {
        out.line(
            Role::Claim,
            format!("claimed done {claimed}×, approved {approved}× of these"),
        );
    }
}

/// How its last run ended, and the note that it left.
fn last_time(out: &mut Bones, app: &App, name: &str) {
    let Some(last) = app.last_time(name) else {
        return;
    };
    out.heading("last time");
    out.line(Role::Fg, last);
    let run = app.world.last_ended(name);
    let iterations = run.map_or(&[][..], |run| &run.iterations);
    let verdicts = iterations.iter().rev().filter_map(|i| i.verdict.as_ref());
    if let Some(note) = verdicts.flat_map(|verdict| &verdict.note).next() {
        out.line(Role::Muted, format!("noted: {note}"));
    }
}

/// How often the worker made a claim that was then examined, and how often the verdict agreed.
fn claims(runs: &[&Run]) -> (usize, usize) {
    let examined = runs.iter().flat_map(|run| &run.iterations).filter_map(|i| {
        let claims = i.work.as_ref().is_some_and(|work| work.claim.is_some());
        i.verdict.as_ref().filter(|_| claims)
    });
    examined.fold((0, 0), |(claimed, approved), verdict| {
        (claimed + 1, approved + usize::from(verdict.approved()))
    })
}

fn goal(out: &mut Bones, facts: &LoopFacts) {
    let goal = &facts.spec.goal;
    out.line(Role::Fg, &goal.statement);
    for check in &goal.checks {
        let optional = if check.required { "" } else { " (only shown)" };
        out.line(
            Role::Muted,
            format!(
                "check  {}{optional} · {}",
                check.name,
                check.command.join(" ")
            ),
        );
    }
    let Some(judge) = &goal.judge else {
        return out.line(Role::Muted, "no judge: the checks alone decide");
    };
    out.line(Role::Muted, format!("judge  {}", judge_words(judge)));
    for line in &judge.rubric {
        out.line(Role::Muted, format!("       · {line}"));
    }
    out.line(
        Role::Muted,
        format!(
            "worker {} · at most {} for one iteration",
            asks::worker(&facts.spec),
            figures::took(facts.spec.worker.timeout_s * 1000)
        ),
    );
}

fn judge_words(judge: &Judge) -> String {
    let Some(who) = judge.kind.words() else {
        return "you, at the verdict checkpoint".to_owned();
    };
    let apart = match judge.independence {
        Independence::Context => "a context of its own",
        Independence::Model => "another model",
        Independence::Provider => "another provider",
    };
    format!(
        "{who} · {apart} · {}",
        figures::count(usize::try_from(judge.votes).unwrap_or(1), "vote")
    )
}

fn guardrails(out: &mut Bones, facts: &LoopFacts) {
    let rails = &facts.spec.guardrails;
    let rules = &rails.workspace;
    let money = rails.budget.micro_usd.map_or(
        "no money cap while the price is unknown".to_owned(),
        figures::dollars,
    );
    out.line(
        Role::Fg,
        format!(
            "at most {}, {} a day, {} tok, {}, {money}",
            counted(rails.max_iterations.into(), "iteration"),
            counted(rails.max_runs_per_day.into(), "run"),
            figures::short(rails.budget.tokens),
            counted(rails.budget.minutes, "minute")
        ),
    );
    out.line(
        Role::Fg,
        format!(
            "one iteration changes at most {}, {} and {} bytes, deletes at most {}",
            figures::count(rules.max_files, "file"),
            figures::count(rules.max_changed_lines, "line"),
            figures::short(rules.max_changed_bytes),
            rules.max_deletions
        ),
    );
    if rules.executables {
        out.line(Role::Warn, "▲ may make files executable");
    } else {
        out.line(Role::Fg, "may not make files executable");
    }
    out.line(
        Role::Fg,
        format!(
            "asks after the same verdict {}, the same change {}, the same failure {}",
            counted(rails.stuck.same_verdict.into(), "time"),
            counted(rails.stuck.same_diff.into(), "time"),
            counted(rails.stuck.same_failure.into(), "time")
        ),
    );
    out.line(Role::Fg, format!("may write {}", rules.write.join(" ")));
    let own = rules.protected.iter().map(String::as_str);
    let all: Vec<&str> = crate::run::spec::PROTECTED_ALWAYS
        .into_iter()
        .chain(own)
        .collect();
    out.line(Role::Fg, format!("protected {}", all.join(" ")));
    out.line(Role::Fg, format!("environment {}", rails.env.join(" ")));
    for line in &facts.in_force {
        out.line(Role::Fg, format!("sandbox: {line}"));
    }
    for missing in &facts.not_enforced {
        out.line(Role::Warn, format!("▲ not enforced: {missing}"));
    }
    for warning in &facts.warnings {
        out.line(Role::Warn, format!("▲ {warning}"));
    }
}

fn output(out: &mut Bones, facts: &LoopFacts) {
    let spec = &facts.spec;
    let kind = match spec.output.kind {
        OutputKind::Diff => "a patch",
        OutputKind::Files => "files",
    };
    out.line(Role::Fg, format!("{kind} in {}/", spec.output.drafts));
    let Some(publish) = &spec.publish else {
        return out.line(Role::Fg, "never publishes");
    };
    let to = match &publish.to {
        PublishTo::GitBranch { branch, .. } => format!("a commit on branch {branch}, never pushed"),
        PublishTo::Copy { path } => format!("a copy at {path}"),
        PublishTo::Command { command, .. } => command.join(" "),
    };
    let undo = if publish.reversible {
        "can be taken back"
    } else {
        "cannot be taken back: the digest is typed"
    };
    out.line(Role::Fg, format!("publishes with your yes: {to}; {undo}"));
}
