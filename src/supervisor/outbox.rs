//! The outbox: what a publish would send, sending it exactly once by its key, finding out after a
//! crash whether it was sent, and taking it back.

mod back;
mod branch;
pub mod command;
mod content;
pub mod deed;
mod file;
mod stand;

use std::path::Path;

use self::branch::Branch;
use self::command::Errand;
use self::content::Artefact;
use self::deed::{Deed, Deeds, Target, Undo};
use super::redactor::Redactor;
use super::slots::Slots;
use super::workspace::{Trouble, Workspace, diff, disk};
use crate::durable;
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

/// What came of a publication that no program has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It is public; here is its proof.
    Published(Receipt),
    /// Nothing was sent: the target is not as it was when it was offered. What is offered now.
    Moved(Box<Offered>),
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
        let stand = self.stand(&target)?;
        let unfit = self.unfit(&target, &artefact, (tree, &key, stand.holds.as_deref()))?;
        let text = self.redactor.clean(&spelled(&artefact.bytes)).into_owned();
        let words = target.in_words();
        let offer = Offer {
            artefact: TextRef::to(&text),
            target: spelled_line(words.as_bytes()),
            key,
            stand,
            unfit,
        };
        Ok(Offered { offer, text })
    }

    /// Publishes exactly what was offered, once, and only where the target stands as it stood then: a
    /// second call finds the first and acts no more. What a program has to publish is noted as begun,
    /// and the program is given back.
    pub fn publish(&self, offer: &Offer, tree: &str) -> Result<Way<Sent>, Trouble> {
        self.require_as_shown(offer, tree)?;
        let sent = |receipt| Way::Done(Sent::Published(receipt));
        match self.look(offer)? {
            Look::Already(receipt) => return self.done(offer, tree, receipt).map(sent),
            Look::NotYet => {}
            Look::Unknown => return Err(unknown(&offer.target)),
        }
        if let Some(moved) = self.moved(offer, tree)? {
            return Ok(Way::Done(Sent::Moved(Box::new(moved))));
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
        match self.settle(deed, acted) {
            // Somebody was quicker: the target moved after it was looked at.
            Err(trouble) if !trouble.maybe_done => match self.moved(offer, tree)? {
                Some(moved) => Ok(Way::Done(Sent::Moved(Box::new(moved)))),
                None => Err(trouble),
            },
            settled => settled.map(sent),
        }
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
            stand: now.stand.clone(),
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
            before: offer.stand.holds.clone(),
            target,
            receipt: None,
            undo: Undo::No,
        };
        Ok((deed, artefact))
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

    fn act(&self, deed: &Deed, tree: &str, artefact: &Artefact) -> Result<String, Trouble> {
        match &deed.target {
            Target::Branch { name, file } => {
                let tip = deed.before.as_deref();
                let parcel = artefact.parcel(tip, tree, (file.as_deref(), &deed.key));
                Branch::of(self.workspace, name)?.publish(self, &parcel)
            }
            Target::File { path } => {
                let place = file::place(self.project(), path)?;
                // Whoever published here before may have died at it.
                place.parent().into_iter().for_each(durable::sweep);
                let old = file::bytes(&place)?;
                file::require(&deed.target, old.as_deref(), deed.before.as_deref())?;
                if let Some(old) = old {
                    disk::replace(&self.deeds().kept(&deed.key), &old)?;
                }
                disk::replace(&place, &artefact.bytes).map_err(Trouble::maybe_done)?;
                Ok(deed.content.to_string())
            }
            Target::Command { .. } => Err(unknown(&deed.target.in_words())),
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
