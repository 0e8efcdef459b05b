//! When the operator was here last: noted by the host while a cockpit or plain mode is attached and as it
//! goes, however it goes; read as one comes back.

use std::fs;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::attach::{self, Starter};
use super::{log, program};
use crate::cli::since;
use crate::cli::{Exit, Fail, Session};
use crate::config::{self, Paths};
use crate::durable;
use crate::protocol::Away;
use crate::supervisor::Activity;
use crate::supervisor::clock::Clock;
use crate::supervisor::sealed;
use crate::tui::Meanwhile;

/// The file, in the project's state folder: milliseconds since 1970.
const FILE: &str = "left";

/// Whoever was away for less than this has not been away.
const LEAST_MS: i64 = 5 * 60_000;

/// The same, of somebody who is here: it counts as the moment of leaving where the host dies with them.
const HERE: &str = "here";

/// How often that is noted: what a host forgets that dies.
const NOTED: Duration = Duration::from_secs(60);

/// Takes over what a host that died left of somebody who was here.
pub(super) fn recall(paths: &Paths) {
    let here = read(paths, HERE).unwrap_or_else(|why| {
        log::line(&format!(
            "{why}: whoever was here as the host died was here for all that is known"
        ));
        None
    });
    // One that is damaged is told to whoever comes next, and stays until then.
    let known = read(paths, FILE).is_ok_and(|left| here > left);
    if here.is_some() && known {
        // A note that cannot be written costs a page, nothing else.
        drop(fs::rename(
            paths.state().join(HERE),
            paths.state().join(FILE),
        ));
    }
}

/// Notes whenever somebody leaves, and now and then that somebody is here, until the supervisor ends.
pub(super) async fn heed(paths: &Paths, mut activity: watch::Receiver<Activity>) {
    let (mut here, mut due) = (0, Instant::now());
    loop {
        let people = activity.borrow_and_update().people;
        if people < here {
            note(paths, FILE).await;
        }
        if people == 0 && here > 0 {
            drop(fs::remove_file(paths.state().join(HERE)));
        } else if people > 0 && (here == 0 || Instant::now() >= due) {
            note(paths, HERE).await;
            due = Instant::now() + NOTED;
        }
        here = people;
        tokio::select! {
            changed = activity.changed() => if changed.is_err() {
                return;
            },
            () = sleep_until(due), if here > 0 => {}
        }
    }
}

/// The host ends, and who is here is here no more.
pub(super) async fn ends(paths: &Paths, activity: &watch::Receiver<Activity>) {
    let people = activity.borrow().people;
    if people > 0 {
        note(paths, FILE).await;
        drop(fs::remove_file(paths.state().join(HERE)));
    }
}

/// Notes this moment, beside everything else.
async fn note(paths: &Paths, file: &str) {
    let (path, now) = (paths.state().join(file), Clock::System.now_ms());
    let noted = spawn_blocking(move || durable::replace(&path, &sealed::seal(&now)?, 0o600));
    drop(noted.await);
}

/// When the operator left last.
///
/// # Errors
/// One line: that is not known any more.
fn left(paths: &Paths) -> Result<Option<i64>, String> {
    read(paths, FILE).map_err(|why| format!("{why}: when you were here last is not known"))
}

fn read(paths: &Paths, file: &str) -> Result<Option<i64>, String> {
    sealed::read(&paths.state().join(file))
}

/// Says in one line that it is not known when the operator left, where that is so, and sets what is damaged aside:
/// it is told once.
pub(super) fn lost(paths: &Paths) -> Option<String> {
    let why = left(paths).err()?;
    let aside = sealed::set_aside(&paths.state().join(FILE)).ok()?;
    let aside = aside.file_name().unwrap_or_default().display();
    Some(format!(
        "{why}, and no page says what happened since; it is kept as {aside}"
    ))
}

/// Since when is asked: a length before now, or the last time that somebody left.
///
/// # Errors
/// It is no length, or nobody has left yet.
pub(super) fn begin(paths: &Paths, length: &str, now_ms: i64) -> Result<i64, Fail> {
    if length.is_empty() {
        let how = "say how long, such as --since 8h";
        return match left(paths) {
            Ok(left) => left.ok_or(format!("no cockpit was left here yet; {how}")),
            Err(why) => Err(format!("{why}; {how}")),
        }
        .map_err(|line| Exit::Usage.because(line));
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
/// since makes none; that it is not known is told by `lost`.
fn away_since(paths: &Paths) -> Option<i64> {
    let left = left(paths).ok()?;
    left.filter(|left| Clock::System.now_ms() - left >= LEAST_MS)
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
