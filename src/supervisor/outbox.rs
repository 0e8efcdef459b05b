//! The outbox: what a publish would send, sending it exactly once by its key, finding out after a
//! crash whether it was sent, and taking it back.

mod branch;
pub mod command;
mod content;
pub mod deed;
mod file;

use std::path::Path;

use self::branch::Branch;
use self::command::Errand;
use self::content::Artefact;
use self::deed::{Deed, Deeds, Target, Undo};
use super::redactor::Redactor;
use super::slots::Slots;
use super::workspace::{Trouble, Workspace, diff, disk};
use crate::run::inert::{spelled, spelled_line};
use crate::run::spec::{Output, Publish};
use crate::run::{Digest, Offer, Receipt, TextRef};

/// Longest artefact, in bytes: what is longer cannot be looked through before a yes.
pub const ARTEFACT_BYTES: u64 = diff::SHOWN_BYTES;

/// All that publishing of one run needs.
#[derive(Debug, Clone, Copy)]
pub struct Outbox<'a> {
    /// Where the result lies.
    pub workspace: &'a Workspace,
    /// The loop's name.
    pub loop_name: &'a str,
    /// The run's id.
    pub run: &'a str,
    /// What the result is.
    pub output: &'a Output,
    /// Where it goes.
    pub publish: &'a Publish,
    /// What the placeholders stand for; the same at offer and at publish.
    pub slots: &'a Slots,
    /// The loop's folder for deeds, outside the project.
    pub folder: &'a Path,
    /// Hides keys in what is shown of the artefact; what is published keeps its bytes.
    pub redactor: &'a Redactor,
}

/// An offer with the text that its digest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What a publish would send.
    pub offer: Offer,
    /// The artefact as inert text.
    pub text: String,
}

/// How far a publication, or taking it back, has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way<T> {
    /// It is done, be it since before.
    Done(T),
    /// A program has to do it; what came of it is told to `ran` or `undo_ran`.
    By(Errand),
}

/// Whether something is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is; here is its proof.
    Already(Receipt),
    /// It is not.
    NotYet,
    /// It was begun and cannot be looked up: only a person can tell.
    Unknown,
}

impl Outbox<'_> {
    /// What a publish of this tree would send, and where.
    pub fn offer(&self, tree: &str) -> Result<Offered, Trouble> {
        let artefact = self.artefact(tree)?;
        let target = self.target()?;
        let content = Digest::of(&artefact.bytes);
        let key = Digest::of_value(&(self.loop_name, &target, content));
        let unfit = self.unfit(&target, &artefact, (tree, &key))?;
        let text = self.redactor.clean(&spelled(&artefact.bytes)).into_owned();
        let words = target.in_words();
        let offer = Offer {
            artefact: TextRef::to(&text),
            target: spelled_line(words.as_bytes()),
            key,
            unfit,
        };
        Ok(Offered { offer, text })
    }

    /// Publishes exactly what was offered, once: a second call finds the first and acts no more.
    /// What a program has to publish is noted as begun, and the program is given back.
    pub fn publish(&self, offer: &Offer, tree: &str) -> Result<Way<Receipt>, Trouble> {
        self.require_as_shown(offer, tree)?;
        match self.look(offer)? {
            Look::Already(receipt) => return self.done(offer, tree, receipt).map(Way::Done),
            Look::NotYet => {}
            Look::Unknown => return Err(unknown(&offer.target)),
        }
        let (deed, artefact) = self.deed(offer, tree)?;
        if let Target::Command { argv, .. } = &deed.target {
            let errand = Errand {
                argv: argv.clone(),
                folder: self.workspace.verify_checkout(tree)?,
            };
            self.deeds().write(&deed)?;
            return Ok(Way::By(errand));
        }
        self.deeds().write(&deed)?;
        let acted = self.act(&deed, tree, &artefact);
        self.settle(deed, acted).map(Way::Done)
    }

    /// The program of a publication is over: it is done, certainly not done, or in doubt.
    pub fn ran(&self, offer: &Offer, ran: Result<(), Trouble>) -> Result<Receipt, Trouble> {
        let deed = self.deeds().read(&offer.key)?;
        let deed = deed.ok_or_else(|| unknown(&offer.target))?;
        self.settle(deed, ran.map(|()| String::new()))
    }

    /// Whether this offer is published: by this run's deed, else by looking at the target.
    pub fn look(&self, offer: &Offer) -> Result<Look, Trouble> {
        let deed = self.deeds().read(&offer.key)?;
        let deed = deed.filter(|deed| deed.undo != Undo::Done);
        let (begun, done) = match &deed {
            None => (false, None),
            Some(deed) => (deed.undo == Undo::Begun, deed.receipt.as_ref()),
        };
        if begun {
            return Ok(Look::Unknown);
        }
        let own = deed.as_ref().is_some_and(|deed| deed.run == self.run);
        if let (true, Some(receipt)) = (own, done) {
            return Ok(Look::Already(receipt.clone()));
        }
        match (self.target()?, deed) {
            (Target::Branch { name, .. }, deed) => self.look_at_branch(offer, &name, deed),
            (Target::File { .. } | Target::Command { .. }, None) => Ok(Look::NotYet),
            (Target::File { path }, Some(deed)) => {
                let now = file::digest(&file::place(self.project(), &path)?)?;
                Ok(match now {
                    Some(now) if now == deed.content.as_str() => Look::Already(Receipt {
                        already: self.other(&deed.run),
                        ..deed.receipt(now)
                    }),
                    // What another run put there is gone since: this run may put it there.
                    _ if deed.receipt.is_some() => Look::NotYet,
                    now if now == deed.before => Look::NotYet,
                    Some(_) | None => Look::Unknown,
                })
            }
            // Its effect cannot be looked at: what was done under this key is done.
            (Target::Command { .. }, Some(deed)) => Ok(match deed.receipt {
                Some(receipt) => Look::Already(Receipt {
                    already: self.other(&deed.run),
                    ..receipt
                }),
                None => Look::Unknown,
            }),
        }
    }

    fn look_at_branch(
        &self,
        offer: &Offer,
        name: &str,
        deed: Option<Deed>,
    ) -> Result<Look, Trouble> {
        let branch = Branch::of(self.workspace, name)?;
        let Some(found) = branch.published(&offer.key)? else {
            return Ok(Look::NotYet);
        };
        Ok(Look::Already(Receipt {
            key: offer.key.clone(),
            place: offer.target.clone(),
            now: found.commit,
            before: deed.map_or(Some(found.onto), |deed| deed.before),
            already: self.other(&found.run),
        }))
    }

    /// The name of a run that is not this one.
    fn other(&self, run: &str) -> Option<String> {
        (!run.is_empty() && run != self.run).then(|| run.to_owned())
    }

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

    /// The operator says that a publication in doubt did happen: from now on it is known to have,
    /// and is not done again. What the target itself can prove is taken from there.
    pub fn mark_done(&self, offer: &Offer, tree: &str) -> Result<Receipt, Trouble> {
        let marked = || {
            let receipt = match self.look(offer)? {
                Look::Already(receipt) => receipt,
                Look::NotYet | Look::Unknown => self.deed(offer, tree)?.0.receipt(String::new()),
            };
            self.done(offer, tree, receipt)
        };
        // That it may have happened stays so where it cannot be noted.
        marked().map_err(Trouble::maybe_done)
    }

    /// The operator says that a publication in doubt did not happen: it may be tried again. What
    /// is known to have happened stays known.
    pub fn release(&self, offer: &Offer) -> Result<(), Trouble> {
        match self.deeds().read(&offer.key)? {
            Some(deed) if deed.receipt.is_none() || deed.undo != Undo::No => {
                self.deeds().forget(&offer.key)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn require_as_shown(&self, offer: &Offer, tree: &str) -> Result<(), Trouble> {
        let now = self.offer(tree)?.offer;
        // How the target stands is for the act to find out, in its own words.
        let shown = Offer {
            unfit: now.unfit.clone(),
            ..offer.clone()
        };
        if now == shown {
            return Ok(());
        }
        Err(Trouble::new(
            "what would be published is not what was shown: look at it again",
        ))
    }

    /// The note of a publication that is about to begin, and what it sends.
    fn deed(&self, offer: &Offer, tree: &str) -> Result<(Deed, Artefact), Trouble> {
        let (target, artefact) = (self.target()?, self.artefact(tree)?);
        let deed = Deed {
            content: Digest::of(&artefact.bytes),
            key: offer.key.clone(),
            run: self.run.to_owned(),
            before: self.before(&target)?,
            target,
            receipt: None,
            undo: Undo::No,
        };
        Ok((deed, artefact))
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

    /// Completes a deed by what came of it.
    fn settle(&self, mut deed: Deed, acted: Result<String, Trouble>) -> Result<Receipt, Trouble> {
        let now = match acted {
            Ok(now) => now,
            Err(trouble) if trouble.maybe_done => return Err(trouble),
            Err(trouble) => {
                self.deeds().forget(&deed.key)?;
                return Err(trouble);
            }
        };
        let receipt = deed.receipt(now);
        deed.receipt = Some(receipt.clone());
        self.deeds().write(&deed).map_err(Trouble::maybe_done)?;
        Ok(receipt)
    }

    fn done(&self, offer: &Offer, tree: &str, receipt: Receipt) -> Result<Receipt, Trouble> {
        let mut deed = match self.deeds().read(&offer.key)? {
            Some(deed) => deed,
            None => self.deed(offer, tree)?.0,
        };
        if let Some(run) = &receipt.already {
            deed.run.clone_from(run);
        }
        deed.receipt = Some(Receipt {
            already: None,
            ..receipt.clone()
        });
        deed.undo = Undo::No;
        self.deeds().write(&deed)?;
        Ok(receipt)
    }

    /// It is taken back. The deed stays, so that after a crash this is known too.
    fn released(&self, mut deed: Deed) -> Result<(), Trouble> {
        deed.undo = Undo::Done;
        self.deeds().write(&deed)?;
        disk::remove(&self.deeds().kept(&deed.key))
    }

    fn act(&self, deed: &Deed, tree: &str, artefact: &Artefact) -> Result<String, Trouble> {
        match &deed.target {
            Target::Branch { name, file } => {
                let tip = deed.before.as_deref();
                let parcel = artefact.parcel(tip, tree, (file.as_deref(), &deed.key));
                Branch::of(self.workspace, name)?.publish(self, &parcel)
            }
            Target::File { path } => {
                let place = file::place(self.project(), path)?;
                if let Some(old) = file::bytes(&place)? {
                    disk::replace(&self.deeds().kept(&deed.key), &old)?;
                }
                disk::replace(&place, &artefact.bytes).map_err(Trouble::maybe_done)?;
                Ok(deed.content.to_string())
            }
            Target::Command { .. } => Err(unknown(&deed.target.in_words())),
        }
    }

    fn before(&self, target: &Target) -> Result<Option<String>, Trouble> {
        match target {
            Target::Branch { name, .. } => Branch::of(self.workspace, name)?.tip(),
            Target::File { path } => file::digest(&file::place(self.project(), path)?),
            Target::Command { .. } => Ok(None),
        }
    }

    fn project(&self) -> &Path {
        &self.workspace.place().project
    }

    fn deeds(&self) -> Deeds<'_> {
        Deeds(self.folder)
    }
}

fn unknown(what: &str) -> Trouble {
    Trouble::new(format!(
        "{what} was begun before and may have happened: look there, then say so"
    ))
    .maybe_done()
}
