//! Switching triggers off and arming them again, all or one. What an armed trigger still lacks (proof,
//! leave, a file that can be read) is not given here.

use super::Boss;
use super::queue::unarmed;
use crate::protocol::{Fact, LoopState};
use crate::run::spec::{LoopSpec, Trigger};
use crate::supervisor::hub::Reply;

impl Boss {
    /// Switches all triggers off, or arms those that were; `what` is told once that is done.
    pub(super) async fn switch(&mut self, off: bool, what: &str, reply: &Reply) {
        let were_off = match self.shelf.switch(None, off, &self.shared.journal).await {
            Ok(were_off) => were_off,
            Err(e) => return reply.refuse("triggers", e.to_string()),
        };
        // What is not here now is armed anew, too, once it comes.
        if !off
            && were_off
            && let Err(e) = self.wakes.forget(&self.shared.journal).await
        {
            return reply.refuse("triggers", e.to_string());
        }
        self.look().await;
        let what = what.to_owned();
        reply.tell(Fact::Done { what });
    }

    /// Switches one trigger off; a run under way goes on.
    pub(super) async fn disarm(&mut self, name: &str, reply: &Reply) {
        if let Err(why) = self.trigger_of(name) {
            return reply.refuse(name, why);
        }
        let journal = self.shared.journal.clone();
        if let Err(e) = self.shelf.switch(Some(name), true, &journal).await {
            return reply.refuse(name, e.to_string());
        }
        self.look().await;
        let what = format!("the trigger of {name} is off");
        reply.tell(Fact::Done { what });
    }

    /// Arms one trigger: switches it on where it is off, and lets its time begin anew where it runs out. One
    /// that is on and does not run out is left as it is. No other loop's is touched.
    pub(super) async fn arm(&mut self, name: &str, reply: &Reply) {
        match self.armed(name).await {
            Ok(what) => reply.tell(Fact::Done { what }),
            Err(why) => reply.refuse(name, why),
        }
    }

    async fn armed(&mut self, name: &str) -> Result<String, String> {
        let ends = self.trigger_of(name)?.trigger.expires_s().is_some();
        let journal = self.shared.journal.clone();
        let was_off = self.shelf.switch(Some(name), false, &journal).await;
        let was_off = was_off.map_err(|e| e.to_string())?;
        if was_off || ends {
            let kept = self.wakes.keep(name, None, &journal).await;
            kept.map_err(|e| e.to_string())?;
        }
        self.look().await;
        let today = self.today().await;
        let row = self.look_at_one(name, &today).await?;
        let LoopState::Valid(facts) = &row.state else {
            return Err("its file is invalid; `checkride check` says more".to_owned());
        };
        match unarmed(&facts.waking) {
            Some(why) => Err(format!("its trigger is on, and still arms nothing: {why}")),
            None if ends => Ok(format!("{name} is armed for as long again")),
            None => Ok(format!("{name} is armed")),
        }
    }

    /// A loop that something else than a person may wake.
    fn trigger_of(&self, name: &str) -> Result<&LoopSpec, String> {
        let spec = self.shelf.spec(name)?;
        if spec.trigger == Trigger::Manual {
            return Err("its trigger is manual: only a person starts it".to_owned());
        }
        if !spec.enabled {
            return Err("its file says enabled = false; mend that line".to_owned());
        }
        Ok(spec)
    }
}
