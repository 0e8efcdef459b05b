//! What happened while nobody was here: found out by others, and waited for beside everything else.

use std::future::pending;
use std::pin::Pin;

use crate::protocol::Away;

/// What happened while nobody was here, once that is known; nothing where nobody was away.
pub type Meanwhile = Pin<Box<dyn Future<Output = Option<Away>>>>;

/// Waits for it; it is told once.
pub(super) async fn known(meanwhile: &mut Option<Meanwhile>) -> Option<Away> {
    let Some(asked) = meanwhile else {
        return pending().await;
    };
    let away = asked.await;
    *meanwhile = None;
    away
}
