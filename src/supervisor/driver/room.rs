//! Room on the disk: a step that lacks nothing else waits until there is some, says so, and can be stopped
//! meanwhile. A journal without room holds its run in `driver.rs`, at the same pace.

use super::WRITE_AGAIN;
use super::errands::{Amiss, Flight};
use crate::protocol::Fact;
use crate::supervisor::process::Halt;
use crate::supervisor::sandbox::rooms::Keep;
use crate::supervisor::sandbox::terms::Role;
use crate::supervisor::workspace::Trouble;

impl Flight {
    /// Does this, and where the disk is full does it again until there is room. Every such step begins by looking
    /// at what stands, as it must after a crash, so that doing it over doubles nothing.
    pub(super) async fn held<T>(
        &self,
        attempt: impl AsyncFn() -> Result<T, Trouble>,
    ) -> Result<T, Amiss> {
        let mut halt = self.halt.clone();
        loop {
            let trouble = match attempt().await {
                Err(trouble) if trouble.no_room => trouble,
                done => return done.map_err(Amiss::at),
            };
            let why = format!(
                "{}; this run waits and tries again: make room on that disk",
                trouble.cause
            );
            let run = self.site.id.clone();
            self.site.hub.say(Fact::Stalled { run, why });
            tokio::select! {
                Ok(_) = halt.wait_for(|halt| *halt > Halt::No) => return Err(Amiss::Halted),
                () = tokio::time::sleep(WRITE_AGAIN) => {}
            }
        }
    }

    /// Makes the room of this role ready.
    pub(super) async fn furnish(&self, role: Role, keep: Keep) -> Result<(), Amiss> {
        self.held(|| self.site.furnish(role, keep)).await
    }
}
