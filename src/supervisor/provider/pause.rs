//! How long to wait before a call is made again: what the server asks for, else ever longer.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// Longest wait that a server can ask for; more is a mistake of the server.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Most doublings of the first wait.
const DOUBLINGS: u32 = 6;

/// The wait that the head of an answer asks for, at this time in milliseconds since 1970.
///
/// `retry-after-ms` wins over `retry-after`, which is in seconds or a date.
pub(super) fn asked(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let exact = text("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok());
    if let Some(ms) = exact {
        return length(ms / 1e3);
    }
    let after = text("retry-after")?.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        return length(seconds);
    }
    let then = rfc2822::parse(after).ok()?.timestamp().as_millisecond();
    let ms = u64::try_from(then.saturating_sub(now_ms)).unwrap_or(0);
    Some(Duration::from_millis(ms).min(LONGEST))
}

fn length(seconds: f64) -> Option<Duration> {
    let length = Duration::try_from_secs_f64(seconds).ok()?;
    Some(length.min(LONGEST))
}

/// The wait before the `n`th new try, from 1: doubled each time, and spread so that many callers
/// do not come back at once.
pub(super) fn backoff(first: Duration, n: u32) -> Duration {
    let whole = first.saturating_mul(1 << n.saturating_sub(1).min(DOUBLINGS));
    whole / 2 + spread(whole / 2)
}

/// What the server asked for and a little more, for the same reason.
pub(super) fn not_before(asked: Duration) -> Duration {
    asked + spread((asked / 10).min(Duration::from_secs(1)))
}

/// Any part of this time. The hash keys of the system are its only source of chance.
fn spread(most: Duration) -> Duration {
    let chance = RandomState::new().hash_one(0) % 1024;
    most.saturating_mul(u32::try_from(chance).unwrap_or(0)) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &'static str, value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // 1994-11-06 08:49:37 UTC
        asked(&headers, 784_111_777_000)
    }

    /// S11: seconds, milliseconds and dates are understood, and nonsense is not.
    #[test]
    fn servers_ask_for_a_wait() {
        let seconds = Duration::from_secs;
        assert_eq!(head("retry-after", "7"), Some(seconds(7)));
        assert_eq!(
            head("retry-after-ms", "120"),
            Some(Duration::from_millis(120))
        );
        let date = "Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(head("retry-after", date), Some(seconds(60)));
        let past = "Sun, 06 Nov 1994 08:40:00 GMT";
        assert_eq!(head("retry-after", past), Some(seconds(0)));
        for nonsense in ["soon", "-3", "NaN", "inf"] {
            assert_eq!(head("retry-after", nonsense), None, "{nonsense}");
        }
        assert_eq!(head("retry-after", "1e15"), Some(LONGEST));
    }

    /// Waits double up to a bound, are spread, and are never shorter than what was asked for.
    #[test]
    fn waits_grow_and_are_spread() {
        let first = Duration::from_secs(1);
        for n in 1..40 {
            let whole = first * (1 << (n - 1).min(DOUBLINGS));
            let wait = backoff(first, n);
            assert!(wait >= whole / 2 && wait <= whole, "{n}: {wait:?}");
        }
        let many: std::collections::BTreeSet<_> = (0..50).map(|_| backoff(first, 3)).collect();
        assert!(many.len() > 10);
        assert!(not_before(first) >= first && not_before(first) < first * 2);
    }
}
