//! A wait that ends by itself: somebody else's usage limit is reached and ends at a known time; then
//! the step begins again. The run's own caps are `budget.rs`.

use serde::{Deserialize, Serialize};

use super::{Effect, Event, Failure, Phase, Run, Stage};

/// Most pauses in a row of which the step came back with nothing; then it is a failure.
const MOST_IN_A_ROW: u32 = 8;

/// A step that may only begin again at a certain time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The step.
    pub stage: Stage,
    /// When it begins again: milliseconds since 1970.
    pub until_ms: i64,
    /// What it met; one line, inert.
    pub cause: String,
}

impl Run {
    /// The step in flight is over and met a limit that ends then. Nothing is in flight meanwhile,
    /// and no minute counts.
    pub(super) fn paused(&mut self, pause: Pause) -> Effect {
        if let Phase::Halting(_) = self.phase {
            return self.halted();
        }
        if self.in_flight() != Some(pause.stage) {
            return Effect::Continue;
        }
        if self.pauses >= MOST_IN_A_ROW {
            let Pause { stage, cause, .. } = pause;
            let cause = format!("{cause}; the limit was waited out {MOST_IN_A_ROW} times");
            return self.failed(Failure::new(stage, cause));
        }
        let at_ms = pause.until_ms;
        self.emit(Event::Paused(pause));
        Effect::WaitUntil { at_ms }
    }

    /// Its time has come, or the operator does not want to wait for it.
    pub(super) fn pause_over(&mut self) -> Effect {
        match &self.phase {
            Phase::Paused(pause) => {
                let stage = pause.stage;
                self.begin(stage)
            }
            Phase::Doing(_)
            | Phase::Asking(_)
            | Phase::Held { .. }
            | Phase::Halting(_)
            | Phase::Ended(_) => Effect::Continue,
        }
    }

    /// What a pause makes of the run.
    pub(super) fn pauses(&mut self, pause: &Pause) {
        self.meter.settle();
        self.pauses += 1;
        self.phase = Phase::Paused(pause.clone());
    }
}
