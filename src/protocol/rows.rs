//! The loop list: one row for each file, with all that is known of its loop.

use serde::{Deserialize, Serialize};

use super::{Lapse, RunId, Waking};
use crate::run::spec::PLAIN;
use crate::run::{Ask, Limit, LoopSpec, Mode, Outcome, Purse, Usage};

/// One row of the loop list and what `i` shows of it. Run states come from the runs' records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopRow {
    /// The loop's name, or the file's where the file is invalid.
    pub name: String,
    /// What it is, or why it cannot be read.
    pub state: LoopState,
    /// Its newest run, if there is one.
    pub last_run: Option<RunId>,
    /// What its runs that woke today spent, but for the newest run, whose records tell.
    pub earlier_today: Usage,
    /// How its newest 20 finished runs ended, newest last.
    pub record: Vec<Outcome>,
}

impl LoopRow {
    /// Whether a host that has just begun has still to look at it.
    pub fn is_unexamined(&self) -> bool {
        matches!(self.state, LoopState::Unexamined)
    }

    /// What is missing of a loop whose file is gone, one line.
    pub fn gone(name: &str) -> String {
        if name == PLAIN {
            return "what it was asked with (its worker's loop, its skill) is gone".to_owned();
        }
        format!("loops/{name}.toml is gone")
    }
}

/// Whether a loop file can be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoopState {
    /// Nobody has looked yet: the host has just begun. It counts as neither usable nor allowed.
    Unexamined,
    /// It can.
    Valid(Box<LoopFacts>),
    /// It cannot.
    Invalid {
        /// Line in the file, from 1.
        line: usize,
        /// The first message, one line.
        why: String,
    },
    /// There is none any more, and a run that began with it is still under way.
    Gone,
}

/// The four bones of a loop, in words, and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopFacts {
    /// One sentence.
    pub description: String,
    /// The granted mode.
    pub mode: Mode,
    /// Why the granted mode is not the asked one; empty where it is.
    pub mode_why: String,
    /// Why nothing of it runs before the operator allows it; `None` where it may run.
    #[serde(default)]
    pub distrust: Option<String>,
    /// Whether its trigger is switched off.
    pub off: bool,
    /// How its trigger stands.
    pub waking: Waking,
    /// What should have run and did not.
    pub lapse: Option<Lapse>,
    /// What the day's caps leave its run that is under way.
    #[serde(default)]
    pub day: Vec<DayRoom>,
    /// When its armed trigger runs out, in milliseconds since 1970; `None` where it does not.
    #[serde(default)]
    pub expires: Option<i64>,
    /// The loop itself.
    pub spec: LoopSpec,
    /// The loop file and `SKILL.md`, as paths in the project.
    pub files: Vec<String>,
    /// Runs that ended accepted with exactly this skill.
    pub proven: u32,
    /// Whether the skill changed since it was last proven.
    pub skill_changed: bool,
    /// Runs that met the goal, with whatever skill.
    pub approved: u32,
    /// What all its runs spent.
    pub spent: Usage,
    /// Guardrails that this build or system does not enforce.
    pub not_enforced: Vec<String>,
    /// What the sandbox of this machine holds, in words.
    #[serde(default)]
    pub in_force: Vec<String>,
    /// Warnings of `check` that do not stop it.
    pub warnings: Vec<String>,
}

/// The most that all runs of one day may use up, as `checkride.toml` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCaps {
    /// Tokens, where they are capped.
    pub tokens: Option<u64>,
    /// Millionths of a dollar, where they are.
    pub micro_usd: Option<u64>,
}

/// What a cap of the day leaves a run that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRoom {
    /// Of what.
    pub purse: Purse,
    /// The most that the run may use up in all: tokens, or millionths of a dollar.
    pub most: u64,
    /// Which cap that is and what is spent of it, one line.
    pub why: String,
    /// When the day ends, in milliseconds since 1970.
    pub ends: i64,
}

impl DayRoom {
    /// What was met and what can be done, one line; `ends` is the end of the day in words.
    pub fn line(&self, ends: &str) -> String {
        format!(
            "it is the day's cap: {}; the day ends {ends}, and no answer raises it before, only that line",
            self.why
        )
    }
}

/// So long before a trigger runs out it is said, in milliseconds.
const WARN_MS: i64 = 7 * 86_400_000;

impl LoopFacts {
    /// The day's cap that keeps the limit of this question from being raised; `None` where the run's own cap
    /// was met, or something else is asked.
    pub fn day_binds(&self, ask: &Ask) -> Option<&DayRoom> {
        let Ask::Budget { limit, .. } = ask else {
            return None;
        };
        let (of, met) = match *limit {
            Limit::Tokens(spent, cap) => (Purse::Tokens, spent.max(cap)),
            Limit::MicroUsd(spent, cap) => (Purse::Money, spent.max(cap)),
            Limit::Minutes(..) => return None,
        };
        let mut day = self.day.iter();
        day.find(|day| day.purse == of && day.most <= met)
    }

    /// When its trigger runs out, if that is near: within seven days, or the last quarter of a shorter
    /// time. It is armed still, and can be armed for as long again.
    pub fn expires_soon(&self, now: i64) -> Option<i64> {
        let lasts = i64::try_from(self.spec.trigger.expires_s()?).ok()?;
        let early = WARN_MS.min(lasts.saturating_mul(250));
        self.expires.filter(|at| at - now <= early)
    }
}
