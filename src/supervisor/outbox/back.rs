//! Taking a publication back: at once where the target allows it, else by its undo command. What has
//! changed since is left alone.

use super::branch::Branch;
use super::command::Errand;
use super::deed::{Deed, Target, Undo};
use super::{Outbox, Way, file, unknown};
use crate::run::{Digest, Receipt};
use crate::supervisor::workspace::{Trouble, disk};

impl Outbox<'_> {
    /// Takes a publication back and releases its key; once it is released, a second call changes
    /// nothing. Refused where the target has changed since. An undo command is only noted as
    /// begun here; `anew` is whether one that was begun before may be run again.
    pub fn take_back(&self, receipt: &Receipt, anew: bool) -> Result<Way<()>, Trouble> {
        let key = &receipt.key;
        let mut deed = self.known(key)?;
        match &deed.target {
            _ if deed.undo == Undo::Done => return Ok(Way::Done(())),
            Target::Branch { name, .. } => Branch::of(self.workspace, name)?
                .take_back(&receipt.now, receipt.before.as_deref())?,
            Target::File { path } => file::take_back(
                &file::place(self.project(), path)?,
                &self.deeds().kept(key),
                &receipt.now,
                receipt.before.as_deref(),
            )?,
            Target::Command { undo, .. } if undo.is_empty() => {
                return Err(Trouble::new(
                    "this command has no undo: take it back by hand",
                ));
            }
            Target::Command { .. } if deed.undo == Undo::Begun && !anew => {
                return Err(unknown(&format!("the undo of {}", receipt.place)));
            }
            Target::Command { undo, .. } => {
                let errand = Errand {
                    argv: undo.clone(),
                    folder: self.project().to_owned(),
                };
                deed.undo = Undo::Begun;
                self.deeds().write(&deed)?;
                return Ok(Way::By(errand));
            }
        }
        self.released(deed).map(Way::Done)
    }

    /// The undo command of a publication is over: see `ran`. Success without its having run is the
    /// operator's word that it did happen.
    pub fn undo_ran(&self, receipt: &Receipt, ran: Result<(), Trouble>) -> Result<(), Trouble> {
        let mut deed = self.known(&receipt.key)?;
        match ran {
            Ok(()) => self.released(deed),
            Err(trouble) if trouble.maybe_done => Err(trouble),
            Err(trouble) => {
                deed.undo = Undo::No;
                self.deeds().write(&deed)?;
                Err(trouble)
            }
        }
    }

    fn known(&self, key: &Digest) -> Result<Deed, Trouble> {
        let deed = self.deeds().read(key)?;
        deed.ok_or_else(|| {
            Trouble::new(format!(
                "nothing is known of publication {}: take it back by hand",
                key.short()
            ))
        })
    }

    /// It is taken back. The deed stays, so that after a crash this is known too.
    fn released(&self, mut deed: Deed) -> Result<(), Trouble> {
        deed.undo = Undo::Done;
        self.deeds().write(&deed)?;
        disk::remove(&self.deeds().kept(&deed.key))
    }
}
