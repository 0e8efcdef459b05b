//! When the operator was here last: noted as a cockpit or plain mode is left, read as one comes back.

use std::fs;

use super::attach::{self, Starter};
use super::program;
use crate::cli::since::{self, Told};
use crate::cli::{Exit, Fail, Session};
use crate::config::{self, Paths};
use crate::durable;
use crate::supervisor::clock::Clock;

/// The file, in the project's state folder: milliseconds since 1970.
const FILE: &str = "left";

/// Whoever was away for less than this has not been away.
const LEAST_MS: i64 = 5 * 60_000;

/// From now on nobody is here. A note that cannot be written costs a page, nothing else.
pub(super) fn begins(paths: &Paths) {
    let now = Clock::System.now_ms().to_string();
    drop(durable::replace(
        &paths.state().join(FILE),
        now.as_bytes(),
        0o600,
    ));
}

fn left(paths: &Paths) -> Option<i64> {
    let text = fs::read_to_string(paths.state().join(FILE)).ok()?;
    text.trim().parse().ok()
}

/// Since when is asked: a length before now, or the last time that somebody left.
///
/// # Errors
/// It is no length, or nobody has left yet.
pub(super) fn begin(paths: &Paths, length: &str, now_ms: i64) -> Result<i64, Fail> {
    if length.is_empty() {
        return left(paths).ok_or_else(|| {
            Exit::Usage.because("no cockpit was left here yet; say how long, such as --since 8h")
        });
    }
    let seconds = config::seconds(length).and_then(|s| i64::try_from(s).ok());
    let seconds = seconds.ok_or_else(|| {
        Exit::Usage.because(format!(
            "--since takes a length such as 90m or 8h, not {length}"
        ))
    })?;
    Ok(now_ms.saturating_sub(seconds.saturating_mul(1000)))
}

/// What happened since the operator left, where they were away for long enough and something did. A
/// clock that was set back since makes no absence.
pub(super) async fn told(paths: &Paths, session: &mut Session) -> Result<Option<Told>, Fail> {
    let away = left(paths).filter(|left| Clock::System.now_ms() - left >= LEAST_MS);
    let Some(left) = away else {
        return Ok(None);
    };
    since::gather(session, left).await?;
    Ok(Some(Told::of(&session.known, left)).filter(|told| !told.is_nothing()))
}

/// The same in one line for the cockpit's first screen.
pub(super) async fn line(paths: &Paths, starter: &Starter) -> Option<String> {
    // Most have not been away; a second connection is for those who have.
    left(paths).filter(|left| Clock::System.now_ms() - left >= LEAST_MS)?;
    let link = attach::attach(paths, starter).await.ok()?;
    let mut session = Session::open(link, program::by()).await.ok()?;
    let told = told(paths, &mut session).await.ok()??;
    let summary = told.line(Clock::System.now_ms(), &session.zone);
    Some(format!("{summary} · checkride status --since says more"))
}
