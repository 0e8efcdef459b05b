//! What comes out of a run: notes into memory, drafts into their folder, an approved result to its
//! target, and all of it taken back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::errands::{Amiss, Flight};
use crate::durable;
use crate::protocol::Fact;
use crate::run::spec::{LoopSpec, OutputKind};
use crate::run::{Attempt, Input, Offer, Receipt};
use crate::supervisor::memory::{self, notes};
use crate::supervisor::naming;
use crate::supervisor::outbox::command::{self, Errand};
use crate::supervisor::outbox::{Offered, Outbox, Sent, Way};
use crate::supervisor::redactor::Redactor;
use crate::supervisor::site::beside;
use crate::supervisor::slots::Slots;
use crate::supervisor::workspace::{Trouble, Workspace, disk};

impl Flight {
    /// Saves the note under this run's dated heading; saving it again changes nothing.
    pub(super) async fn remember(&self, note: String) -> Result<Input, Amiss> {
        if note.trim().is_empty() {
            return Ok(Input::Remembered {
                note: String::new(),
            });
        }
        let (title, heading) = (self.title(), self.heading());
        let bullets = notes::bullets(&note).collect::<Vec<_>>().join("\n");
        self.revise(move |text| notes::with_note(text, &title, &heading, &note))
            .await?;
        Ok(Input::Remembered { note: bullets })
    }

    pub(super) async fn forget(&self, note: String) -> Result<Input, Amiss> {
        let heading = self.heading();
        self.revise(move |text| notes::without_note(text, &heading, &note))
            .await?;
        Ok(Input::Forgotten)
    }

    async fn revise<R>(&self, rule: R) -> Result<(), Amiss>
    where
        R: Fn(&str) -> String + Send + Sync + 'static,
    {
        let rule = Arc::new(rule);
        let revised = || {
            let (project, spec) = (self.site.project.clone(), self.site.wake.spec.clone());
            let rule = rule.clone();
            beside(move || memory::revise(&project, &spec, &*rule))
        };
        let saved = self.held(revised).await?;
        self.site.hub.say(Fact::Memory(saved));
        Ok(())
    }

    fn title(&self) -> String {
        format!("Memory · {}", self.site.wake.spec.name)
    }

    fn heading(&self) -> String {
        notes::heading(&self.site.wake.date, self.site.wake.number)
    }

    /// Writes the draft of a tree into the drafts folder of the project, and makes the offer that a
    /// publish would send.
    pub(super) async fn draft(&self, tree: String, offer: bool) -> Result<Input, Amiss> {
        let counter = self.counter(&tree).await?;
        let exported = self.with_workspace({
            let counter = counter.clone();
            move |workspace| counter.export(workspace)
        });
        let (path, bytes) = exported.await?;
        let mut paths = Vec::new();
        if !bytes.is_empty() {
            let (project, below) = (self.site.project.clone(), PathBuf::from(&path));
            let bytes: Arc<[u8]> = bytes.into();
            let write = || {
                let (project, below, bytes) = (project.clone(), below.clone(), bytes.clone());
                beside(move || {
                    let folder = below.parent().unwrap_or(Path::new(""));
                    let made = durable::make_real_folder(&project, folder);
                    made.map_err(|e| Trouble::written(format!("cannot write drafts: {e}"), &e))?;
                    disk::replace(&project.join(&below), &bytes)
                })
            };
            self.held(write).await?;
            paths.push(path);
        }
        if !offer {
            return Ok(Input::Drafted { paths, offer: None });
        }
        let offered = self.with_workspace(move |ws| counter.offer(ws)).await?;
        let Offered { offer, text } = offered;
        self.keep(text);
        Ok(Input::Drafted {
            paths,
            offer: Some(Box::new(offer)),
        })
    }

    /// Publishes exactly what was approved, onto what it was approved for; what may have happened before is looked for first,
    /// unless the operator has said what is so.
    pub(super) async fn publish(
        &self,
        offer: Offer,
        tree: String,
        attempt: Attempt,
    ) -> Result<Input, Amiss> {
        let counter = self.counter(&tree).await?;
        let way = self.with_workspace({
            let (counter, offer) = (counter.clone(), offer.clone());
            move |ws| counter.publish(ws, &offer, attempt)
        });
        let receipt = match way.await? {
            Way::Done(Sent::Published(receipt)) => receipt,
            Way::Done(Sent::Moved(moved)) => {
                self.keep(moved.text);
                return Ok(Input::Moved(Box::new(moved.offer)));
            }
            Way::By(errand) => {
                let ran = self.run(&errand).await;
                self.with_workspace(move |ws| counter.outbox(ws)?.ran(&offer, ran.clone()))
                    .await?
            }
        };
        Ok(Input::Published(receipt))
    }

    pub(super) async fn unpublish(
        &self,
        receipt: Receipt,
        attempt: Attempt,
    ) -> Result<Input, Amiss> {
        let tree = self.tree.clone();
        let counter = self.counter(&tree).await?;
        let way = self.with_workspace({
            let (counter, receipt) = (counter.clone(), receipt.clone());
            move |ws| counter.take_back(ws, &receipt, attempt)
        });
        match way.await? {
            Way::Done(()) => {}
            Way::By(errand) => {
                let ran = match self.site.may_take_back().await {
                    Ok(()) => self.run(&errand).await,
                    Err(refused) => Err(refused),
                };
                self.with_workspace(move |ws| counter.outbox(ws)?.undo_ran(&receipt, ran.clone()))
                    .await?;
            }
        }
        Ok(Input::Unpublished)
    }

    async fn run(&self, errand: &Errand) -> Result<(), Trouble> {
        errand
            .run(
                &self.site.homes().await.publisher,
                command::LONGEST,
                &self.halt,
            )
            .await
    }

    async fn counter(&self, tree: &str) -> Result<Counter, Amiss> {
        let tree = tree.to_owned();
        let (base, changes) = self
            .with_workspace({
                let tree = tree.clone();
                move |ws| Ok((ws.base().to_owned(), ws.diff(ws.start(), &tree)?.1))
            })
            .await?;
        Ok(Counter {
            slots: self.site.slots(&base, &changes),
            artefact: naming::artefact(&self.site.wake.spec.output, &self.site.wake.date, &changes)
                .path,
            spec: self.site.wake.spec.clone(),
            run: self.site.id.0.clone(),
            deeds: self.site.deeds(),
            redactor: self.site.redactor.clone(),
            tree,
        })
    }
}

/// Where results are handed over: what the outbox needs, owned, to go to another thread.
#[derive(Clone)]
struct Counter {
    spec: LoopSpec,
    run: String,
    slots: Slots,
    artefact: Option<String>,
    deeds: PathBuf,
    redactor: Redactor,
    tree: String,
}

impl Counter {
    /// The draft's path in the project and its bytes; none where nothing changed.
    fn export(&self, workspace: &Workspace) -> Result<(String, Vec<u8>), Trouble> {
        let drafts = &self.spec.output.drafts;
        if let (OutputKind::Files, Some(path)) = (self.spec.output.kind, &self.artefact) {
            let prefix = String::from_utf8_lossy(workspace.prefix()).into_owned();
            // A run that was stopped early may not have its artefact yet.
            if let Some(bytes) = workspace.plain_file(&self.tree, &format!("{prefix}{path}"))? {
                let name = path.rsplit('/').next().unwrap_or(path);
                return Ok((format!("{drafts}/{}/{name}", self.run), bytes));
            }
        }
        let patch = workspace.diff(workspace.start(), &self.tree)?.0;
        Ok((
            format!("{drafts}/{}/changes.patch", self.run),
            patch.into_bytes(),
        ))
    }

    fn offer(&self, workspace: &Workspace) -> Result<Offered, Trouble> {
        self.outbox(workspace)?.offer(&self.tree)
    }

    fn publish(
        &self,
        workspace: &Workspace,
        offer: &Offer,
        attempt: Attempt,
    ) -> Result<Way<Sent>, Trouble> {
        let outbox = self.outbox(workspace)?;
        match attempt {
            Attempt::Once => outbox.publish(offer, &self.tree),
            Attempt::Anew => {
                outbox.release(offer)?;
                outbox.publish(offer, &self.tree)
            }
            Attempt::MarkDone => {
                let marked = outbox.mark_done(offer, &self.tree);
                marked.map(|receipt| Way::Done(Sent::Published(receipt)))
            }
        }
    }

    fn take_back(
        &self,
        workspace: &Workspace,
        receipt: &Receipt,
        attempt: Attempt,
    ) -> Result<Way<()>, Trouble> {
        let outbox = self.outbox(workspace)?;
        match attempt {
            Attempt::Once => outbox.take_back(receipt, false),
            Attempt::Anew => outbox.take_back(receipt, true),
            Attempt::MarkDone => outbox.undo_ran(receipt, Ok(())).map(Way::Done),
        }
    }

    fn outbox<'a>(&'a self, workspace: &'a Workspace) -> Result<Outbox<'a>, Trouble> {
        let none = || Trouble::new("this loop has nowhere to publish to; add [publish]");
        Ok(Outbox {
            workspace,
            loop_name: &self.spec.name,
            run: &self.run,
            output: &self.spec.output,
            publish: self.spec.publish.as_ref().ok_or_else(none)?,
            slots: &self.slots,
            folder: &self.deeds,
            redactor: &self.redactor,
        })
    }
}
