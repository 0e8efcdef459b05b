//! What blocks on files goes beside the supervisor's thread, so that it delays no other run and no key.

use crate::supervisor::workspace::Trouble;

/// Looks at files beside the supervisor's thread, where looking itself cannot fail. A panic in it is one here.
pub(in crate::supervisor) async fn apart<T, F>(look: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    match tokio::task::spawn_blocking(look).await {
        Ok(seen) => seen,
        Err(e) => match e.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // A task is taken back by a runtime that ends, and so is whoever waits for it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Runs what blocks on files beside the supervisor's thread.
pub(in crate::supervisor) async fn beside<T, F>(work: F) -> Result<T, Trouble>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Trouble> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(Trouble::new(format!("a task of this run ended: {e}"))),
    }
}
