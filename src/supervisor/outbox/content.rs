//! What a publish sends, and where: the artefact of a tree, and the target with its placeholders
//! filled in. Sending it is `outbox.rs`.

use super::branch::{Branch, Parcel};
use super::deed::Target;
use super::{ARTEFACT_BYTES, Outbox, file};
use crate::run::Digest;
use crate::run::spec::{OutputKind, PublishTo};
use crate::supervisor::workspace::{Listed, Trouble, diff, lead};

/// The artefact of a tree.
pub(super) struct Artefact {
    pub(super) bytes: Vec<u8>,
    /// The one file that it is; `None` for a diff.
    pub(super) file: Option<Listed>,
}

impl Artefact {
    /// It as what a branch is given.
    pub(super) fn parcel<'a>(
        &'a self,
        tip: Option<&'a str>,
        tree: &'a str,
        (file, key): (Option<&'a str>, &'a Digest),
    ) -> Parcel<'a> {
        Parcel {
            tip,
            tree,
            file: file.zip(self.file.as_ref()),
            key,
        }
    }
}

impl Outbox<'_> {
    /// Why the target would refuse this as it stands now; what only the act can tell is not said.
    ///
    /// # Errors
    /// There is no such target.
    pub(super) fn unfit(
        &self,
        target: &Target,
        artefact: &Artefact,
        (tree, key, tip): (&str, &Digest, Option<&str>),
    ) -> Result<Option<String>, Trouble> {
        match target {
            Target::Branch { name, file } => {
                let branch = Branch::of(self.workspace, name)?;
                branch.unfit(&artefact.parcel(tip, tree, (file.as_deref(), key)))
            }
            Target::File { path } => {
                file::place(&self.workspace.place().project, path).map(|_| None)
            }
            Target::Command { .. } => Ok(None),
        }
    }

    /// Where it goes, with every placeholder filled in.
    pub(super) fn target(&self) -> Result<Target, Trouble> {
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

    /// The artefact of a tree; refused where it cannot be looked through.
    pub(super) fn artefact(&self, tree: &str) -> Result<Artefact, Trouble> {
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
}
