//! When the operator was here last: noted as a cockpit or plain mode is left, read as one comes back.

use std::fs;

use super::attach::{self, Starter};
use super::program;
use crate::cli::since;
use crate::cli::{Exit, Fail, Session};
use crate::config::{self, Paths};
use crate::durable;
use crate::protocol::Away;
use crate::supervisor::clock::Clock;
use crate::tui::Meanwhile;

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

/// When the operator left, where that was long enough ago to be an absence. A clock that was set back
/// since makes none.
fn away_since(paths: &Paths) -> Option<i64> {
    left(paths).filter(|left| Clock::System.now_ms() - left >= LEAST_MS)
}

/// What happened since the operator left, where they were away for long enough and something did.
pub(super) async fn told(paths: &Paths, session: &mut Session) -> Result<Option<Away>, Fail> {
    let Some(left) = away_since(paths) else {
        return Ok(None);
    };
    let away = since::gather(session, left).await?;
    Ok(Some(away).filter(|away| !away.is_nothing()))
}

/// The same for the cockpit, found out over a connection of its own while the screen is there already.
/// Most have not been away; for them there is nothing to find out.
pub(super) fn meanwhile(paths: &Paths, starter: &Starter) -> Option<Meanwhile> {
    away_since(paths)?;
    let (paths, starter) = (paths.clone(), starter.clone());
    Some(Box::pin(async move {
        let link = attach::attach(&paths, &starter).await.ok()?;
        let mut session = Session::open(link, program::by()).await.ok()?;
        told(&paths, &mut session).await.ok()?
    }))
}
