//! One iteration of a run, and what the steps of it cost, as their events tell it.

use super::Run;
use crate::run::{Ask, CheckResult, Event, Meter, Prompt, Usage, Verdict, Work};

/// One iteration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Iteration {
    /// When it began.
    pub at: i64,
    /// Its newest prompt.
    pub prompt: Option<Prompt>,
    /// Its newest work.
    pub work: Option<Work>,
    /// Its newest check results, before there is a verdict.
    pub checks: Vec<CheckResult>,
    /// Its newest verdict.
    pub verdict: Option<Verdict>,
    /// The note that it left in memory.
    pub note: Option<String>,
    /// Tokens of work and judge.
    pub tokens: u64,
}

impl Iteration {
    /// It begins, or begins again from where it started: what it made before is thrown away.
    pub(super) fn starts_over(&mut self) {
        self.prompt = None;
        self.work = None;
        self.checks.clear();
        self.verdict = None;
        self.note = None;
    }

    /// Work that is asked about again stands again, also where it had been discarded.
    pub(super) fn asked(&mut self, ask: &Ask) {
        if let Ask::Work { work } | Ask::Guardrail { work, .. } = ask {
            self.work = Some((**work).clone());
        }
    }

    pub(super) fn made(&mut self, event: &Event) {
        if let Event::Composed { prompt } = event {
            self.prompt = Some(prompt.clone());
        } else if let Event::Worked(work) = event {
            self.tokens = self.tokens.saturating_add(work.usage.tokens);
            self.work = Some((**work).clone());
            // A changed tree has no verdict.
            self.checks.clear();
            self.verdict = None;
        } else if let Event::Checked { results, .. } = event {
            self.checks.clone_from(results);
        } else if let Event::Judged { usage, .. } = event {
            self.tokens = self.tokens.saturating_add(usage.tokens);
        } else if let Event::Ruled(verdict) = event {
            self.verdict = Some((**verdict).clone());
        } else if let Event::Remembered { note } = event {
            self.note = (!note.is_empty()).then(|| note.clone());
        } else if let Event::Forgotten = event {
            self.note = None;
        }
    }
}

impl Run {
    /// What the step in flight reported last is spent.
    pub(super) fn settle(&mut self) {
        let Some(meter) = &mut self.meter else {
            return;
        };
        if let Some(iteration) = self.iterations.last_mut() {
            iteration.tokens = iteration.tokens.saturating_add(meter.live().tokens);
        }
        meter.settle();
    }
}

/// Counts what a step used.
pub(super) fn charge(meter: &mut Meter, event: &Event) {
    if let Event::Used(so_far) = event {
        meter.report(*so_far);
    } else if let Event::Took { ms } = event {
        meter.took(*ms);
    } else if let Event::Worked(work) = event {
        meter.spend(work.usage, work.took_ms);
    } else if let Event::Judged { usage, took_ms, .. } = event {
        meter.spend(*usage, *took_ms);
    } else if let Event::Checked { results, .. } = event {
        let took = results.iter().map(|c| c.took_ms).sum();
        meter.spend(Usage::default(), took);
    }
}
