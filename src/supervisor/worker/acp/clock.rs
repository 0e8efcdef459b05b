//! The worker's time: it runs while the worker does, and stands still while the operator decides.

use std::cell::RefCell;
use std::time::Duration;

use tokio::time::Instant;

/// A clock that can be stopped, by several at once.
#[derive(Debug)]
pub(super) struct Clock(RefCell<Hands>);

#[derive(Debug)]
struct Hands {
    /// Time used before it ran last.
    used: Duration,
    /// Since when it runs; `None` while it stands.
    since: Option<Instant>,
    stops: u32,
}

/// Lets the clock run again when it is dropped.
pub(super) struct Stopped<'a>(&'a Clock);

impl Clock {
    /// A clock that begins now.
    pub(super) fn new() -> Self {
        Self(RefCell::new(Hands {
            used: Duration::ZERO,
            since: Some(Instant::now()),
            stops: 0,
        }))
    }

    /// Stops it until what is returned is dropped.
    pub(super) fn stop(&self) -> Stopped<'_> {
        let mut hands = self.0.borrow_mut();
        hands.stops += 1;
        if let Some(since) = hands.since.take() {
            hands.used += since.elapsed();
        }
        drop(hands);
        Stopped(self)
    }

    /// The worker's time so far.
    pub(super) fn used(&self) -> Duration {
        let hands = self.0.borrow();
        hands.used + hands.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// When so much is used; `None` while it stands.
    pub(super) fn reaches(&self, time: Duration) -> Option<Instant> {
        let hands = self.0.borrow();
        let since = hands.since?;
        since.checked_add(time.saturating_sub(hands.used))
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        let mut hands = self.0.0.borrow_mut();
        hands.stops = hands.stops.saturating_sub(1);
        if hands.stops == 0 {
            hands.since = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operator's time is nobody's: two questions at once stop the clock once.
    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_person_takes_no_time() {
        let second = Duration::from_secs(1);
        let clock = Clock::new();
        tokio::time::advance(second).await;
        let first = clock.stop();
        let other = clock.stop();
        assert_eq!(clock.reaches(second * 5), None);
        tokio::time::advance(second * 3600).await;
        drop(first);
        assert_eq!(clock.used(), second);
        drop(other);
        tokio::time::advance(second).await;
        assert_eq!(clock.used(), second * 2);
        let left = clock.reaches(second * 5).unwrap() - Instant::now();
        assert_eq!(left, second * 3);
    }
}
