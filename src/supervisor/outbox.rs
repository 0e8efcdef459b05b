//! The outbox: what a publish would send, sending it exactly once by its key, finding out after a
//! crash whether it was sent, and taking it back.

mod branch;
mod command;
pub mod deed;
mod file;
pub mod slots;

use std::path::Path;
use std::time::Duration;

use self::branch::{Branch, Parcel};
use self::command::Setting;
use self::deed::{Deed, Deeds, Target};
use self::slots::Slots;
use super::workspace::inert::{inert, inert_line};
use super::workspace::{Listed, Trouble, Workspace, diff, disk, lead};
use crate::run::spec::{Output, OutputKind, Publish, PublishTo};
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
    /// Names of variables that reach a publish command.
    pub env: &'a [String],
    /// Longest time of a publish command.
    pub timeout: Duration,
}

/// An offer with the text that its digest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What a publish would send.
    pub offer: Offer,
    /// The artefact as inert text.
    pub text: String,
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

/// The artefact of a tree.
struct Artefact {
    bytes: Vec<u8>,
    file: Option<Listed>,
}

impl Outbox<'_> {
    /// What a publish of this tree would send, and where.
    pub fn offer(&self, tree: &str) -> Result<Offered, Trouble> {
        let artefact = self.artefact(tree)?;
        let target = self.target()?;
        match &target {
            Target::Branch { name, .. } => Branch::of(self.workspace, name).map(drop)?,
            Target::File { path } => file::place(self.project(), path).map(drop)?,
            Target::Command { .. } => {}
        }
        let text = inert(&artefact.bytes);
        let words = target.in_words();
        let content = Digest::of(&artefact.bytes);
        let key = Digest::of_value(&(self.loop_name, &target, content));
        let offer = Offer {
            artefact: TextRef::to(&text),
            target: inert_line(words.as_bytes()),
            key,
        };
        Ok(Offered { offer, text })
    }

    /// Publishes exactly what was offered, once: a second call finds the first and acts no more.
    pub fn publish(&self, offer: &Offer, tree: &str) -> Result<Receipt, Trouble> {
        if self.offer(tree)?.offer != *offer {
            return Err(Trouble::new(
                "what would be published is not what was shown: look at it again",
            ));
        }
        match self.look(offer)? {
            Look::Already(receipt) => return self.done(offer, receipt),
            Look::NotYet => {}
            Look::Unknown => return Err(unknown(offer)),
        }
        let target = self.target()?;
        let artefact = self.artefact(tree)?;
        let mut deed = Deed {
            content: Digest::of(&artefact.bytes),
            key: offer.key.clone(),
            before: self.before(&target)?,
            target,
            receipt: None,
        };
        self.deeds().write(&deed)?;
        let now = match self.act(&deed, tree, &artefact) {
            Ok(now) => now,
            Err(trouble) if trouble.maybe_done => return Err(trouble),
            Err(trouble) => {
                self.deeds().forget(&offer.key)?;
                return Err(trouble);
            }
        };
        let receipt = deed.receipt(now);
        deed.receipt = Some(receipt.clone());
        self.deeds().write(&deed).map_err(Trouble::maybe_done)?;
        Ok(receipt)
    }

    /// Whether this offer is published: by its deed, else by looking at the target.
    pub fn look(&self, offer: &Offer) -> Result<Look, Trouble> {
        let deed = self.deeds().read(&offer.key)?;
        if let Some(receipt) = deed.as_ref().and_then(|deed| deed.receipt.clone()) {
            return Ok(Look::Already(receipt));
        }
        match (self.target()?, deed) {
            (Target::Branch { name, .. }, deed) => {
                let branch = Branch::of(self.workspace, &name)?;
                let Some((commit, onto)) = branch.published(&offer.key)? else {
                    return Ok(Look::NotYet);
                };
                let before = deed.map_or(Some(onto), |deed| deed.before);
                Ok(Look::Already(Receipt {
                    key: offer.key.clone(),
                    place: offer.target.clone(),
                    now: commit,
                    before,
                }))
            }
            (Target::File { .. } | Target::Command { .. }, None) => Ok(Look::NotYet),
            (Target::File { path }, Some(deed)) => {
                let now = file::digest(&file::place(self.project(), &path)?)?;
                Ok(match now {
                    now if now == deed.before => Look::NotYet,
                    Some(now) if now == deed.content.as_str() => Look::Already(deed.receipt(now)),
                    Some(_) | None => Look::Unknown,
                })
            }
            (Target::Command { .. }, Some(_)) => Ok(Look::Unknown),
        }
    }

    /// Takes a publication back and releases its key. Refused where the target has changed since.
    pub fn take_back(&self, receipt: &Receipt) -> Result<(), Trouble> {
        let key = &receipt.key;
        let Some(deed) = self.deeds().read(key)? else {
            return Err(Trouble::new(format!(
                "nothing is known of publication {}: take it back by hand",
                key.short()
            )));
        };
        match &deed.target {
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
            Target::Command { undo, .. } => command::run(undo, self.setting(self.project()))?,
        }
        self.deeds().forget(key)
    }

    /// The operator says that a publication cut short did happen.
    pub fn mark_done(&self, offer: &Offer) -> Result<Receipt, Trouble> {
        let deed = self.deeds().read(&offer.key)?;
        let deed = deed.ok_or_else(|| {
            Trouble::new("this publication was never begun: there is nothing to mark as done")
        })?;
        let receipt = deed.receipt(String::new());
        self.done(offer, receipt)
    }

    /// The operator says that a publication cut short did not happen: it may be tried again. What
    /// is known to have happened stays known.
    pub fn release(&self, offer: &Offer) -> Result<(), Trouble> {
        match self.deeds().read(&offer.key)? {
            Some(Deed { receipt: None, .. }) => self.deeds().forget(&offer.key),
            Some(_) | None => Ok(()),
        }
    }

    fn done(&self, offer: &Offer, receipt: Receipt) -> Result<Receipt, Trouble> {
        if let Some(mut deed) = self.deeds().read(&offer.key)? {
            deed.receipt = Some(receipt.clone());
            self.deeds().write(&deed)?;
        }
        Ok(receipt)
    }

    fn act(&self, deed: &Deed, tree: &str, artefact: &Artefact) -> Result<String, Trouble> {
        match &deed.target {
            Target::Branch { name, file } => {
                let parcel = Parcel {
                    tip: deed.before.as_deref(),
                    tree,
                    file: file.as_deref().zip(artefact.file.as_ref()),
                    key: &deed.key,
                };
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
            Target::Command { argv, .. } => {
                let folder = self.workspace.verify_checkout(tree)?;
                command::run(argv, self.setting(&folder)).map(|()| String::new())
            }
        }
    }

    fn before(&self, target: &Target) -> Result<Option<String>, Trouble> {
        match target {
            Target::Branch { name, .. } => Branch::of(self.workspace, name)?.tip(),
            Target::File { path } => file::digest(&file::place(self.project(), path)?),
            Target::Command { .. } => Ok(None),
        }
    }

    fn target(&self) -> Result<Target, Trouble> {
        Ok(match &self.publish.to {
            PublishTo::GitBranch { branch, rename } => Target::Branch {
                name: self.slots.fill(branch)?,
                file: match (self.output.kind, rename) {
                    (OutputKind::Diff, _) => None,
                    (OutputKind::Files, Some(name)) => Some(self.slots.fill(name)?),
                    (OutputKind::Files, None) => Some(self.artefact_path()?),
                },
            },
            PublishTo::Copy { path } => Target::File {
                path: self.slots.fill(path)?,
            },
            PublishTo::Command { command, undo } => Target::Command {
                argv: self.slots.fill_all(command)?,
                undo: self.slots.fill_all(undo)?,
            },
        })
    }

    fn artefact_path(&self) -> Result<String, Trouble> {
        let Some(path) = &self.output.artefact else {
            return Err(Trouble::new(
                "output.kind = \"files\" names no artefact: set output.artefact",
            ));
        };
        self.slots.fill(path)
    }

    fn artefact(&self, tree: &str) -> Result<Artefact, Trouble> {
        let too_long = || {
            Trouble::new(format!(
                "the result is longer than {ARTEFACT_BYTES} bytes and cannot be looked through: \
                 publish less at once"
            ))
        };
        if self.output.kind == OutputKind::Diff {
            let (git, start) = (self.workspace.git(), self.workspace.start());
            let (bytes, whole) = diff::exact_patch(git, start, tree, ARTEFACT_BYTES)?;
            if bytes.is_empty() {
                return Err(Trouble::new("the run changed nothing: nothing to publish"));
            }
            let file = None;
            return whole
                .then_some(Artefact { bytes, file })
                .ok_or_else(too_long);
        }
        let path = self.artefact_path()?;
        lead::plain_parts(&path)?;
        let full = [self.workspace.prefix(), path.as_bytes()].concat();
        let entry = self.workspace.entry(tree, &full)?.filter(Listed::is_file);
        let Some(file) = entry else {
            return Err(Trouble::new(format!(
                "the result holds no file {path}: was it written, and does no .gitignore cover it?"
            )));
        };
        let blob = ["cat-file", "blob", file.object.as_str()];
        let (bytes, more) = self.workspace.git().capped(&blob, ARTEFACT_BYTES)?;
        if more {
            return Err(too_long());
        }
        let file = Some(file);
        Ok(Artefact { bytes, file })
    }

    fn project(&self) -> &Path {
        &self.workspace.place().project
    }

    fn deeds(&self) -> Deeds<'_> {
        Deeds(self.folder)
    }

    fn setting<'s>(&'s self, folder: &'s Path) -> Setting<'s> {
        Setting {
            folder,
            env: self.env,
            timeout: self.timeout,
        }
    }
}

fn unknown(offer: &Offer) -> Trouble {
    Trouble::new(format!(
        "{} was begun before and may have happened: look there, then say so",
        offer.target
    ))
    .maybe_done()
}
