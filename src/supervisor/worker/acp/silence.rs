//! An agent that says nothing for longer than is normal. It is not ended for that: its timeout stands.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::Clock;
use crate::supervisor::worker::in_words;

/// How long silence is normal: codex waits so long for a silent server.
const QUIET: Duration = Duration::from_secs(300);

/// The same while a tool runs: agents stop their tools after ten minutes.
const TOOL_QUIET: Duration = Duration::from_secs(600);

/// Longest silence that is normal right now: the protocol has no sign of life.
pub(super) fn normal(works_with_tools: bool) -> Duration {
    if works_with_tools { TOOL_QUIET } else { QUIET }
}

/// How long an agent is silent, in its own time: while it waits for a person it is not.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// How much of its time was used when it last said anything.
    heard: Duration,
    /// Whether its silence since then was told.
    told: bool,
}

impl Silence {
    /// It has said something.
    pub(super) fn ends(&mut self, clock: &Clock) {
        (self.heard, self.told) = (clock.used(), false);
    }

    /// When it is to be told; `None` where it was, and while the clock stands.
    pub(super) fn due(&self, clock: &Clock, quiet: Duration) -> Option<Instant> {
        if self.told {
            return None;
        }
        clock.reaches(self.heard + quiet)
    }

    /// What is said of it, once; nothing where its clock has stood since this was due.
    pub(super) fn told(&mut self, clock: &Clock, quiet: Duration) -> Option<String> {
        if clock.used() < self.heard + quiet {
            return None;
        }
        self.told = true;
        let time = in_words(quiet);
        Some(format!(
            "silent for {time}, longer than an agent usually is: x stops it, else its timeout does"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S12: a silence is told once, at its limit and not before; a person's time is no silence, and a word
    /// of the agent begins a new one.
    #[tokio::test(start_paused = true)]
    async fn a_long_silence_is_told_once() {
        let clock = Clock::new();
        let mut silence = Silence::default();
        let quiet = normal(false);
        let minute = Duration::from_secs(60);
        tokio::time::advance(minute).await;
        silence.ends(&clock);
        let asked = clock.stop();
        tokio::time::advance(minute * 60).await;
        assert_eq!(silence.due(&clock, quiet), None);
        assert_eq!(silence.told(&clock, quiet), None);
        drop(asked);
        let due = silence.due(&clock, quiet).unwrap();
        assert_eq!(due - Instant::now(), quiet);
        tokio::time::sleep_until(due).await;
        let said = silence.told(&clock, quiet).unwrap();
        assert!(said.starts_with("silent for 5 min, longer"), "{said}");
        assert_eq!(silence.due(&clock, quiet), None);
        silence.ends(&clock);
        assert!(silence.due(&clock, normal(true)).unwrap() > Instant::now() + quiet);
    }
}
