//! The terms of one run: which of its processes is confined to what. How that is told is in `told`.

mod told;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::agents::{self, Known};
use super::probe::Powers;
use super::rooms::Room;
use super::{Cage, Net, grants, hidden};
use crate::run::LoopSpec;
use crate::run::spec::{JudgeKind, Sandbox};

/// The word in a loop's list of hosts that stands for those of its agent.
const AGENT: &str = "agent";

/// Who a process of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Does the work.
    Worker,
    /// Looks whether it is done.
    Check,
    /// Judges it.
    Judge,
}

impl Role {
    /// The folder of its room.
    fn word(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Check => "check",
            Self::Judge => "judge",
        }
    }
}

/// What the processes of one run are confined by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// What this machine can do.
    pub powers: &'a Powers,
    /// The loop.
    pub spec: &'a LoopSpec,
    /// The operator's home, where the host knows it.
    pub operator: Option<&'a Path>,
    /// The `PATH` of the run's programs.
    pub path: &'a OsStr,
    /// The project's folder.
    pub project: &'a Path,
    /// The loop's own folder: workspace, checkout, rooms.
    pub folder: &'a Path,
}

impl<'a> Terms<'a> {
    /// Terms for what is only told and not carried out: no home, no `PATH`, no folder.
    pub fn of(powers: &'a Powers, spec: &'a LoopSpec, project: &'a Path) -> Self {
        Self {
            powers,
            spec,
            operator: None,
            path: OsStr::new(""),
            project,
            folder: project,
        }
    }

    /// Whether there is a sandbox at all.
    pub fn confines(&self) -> bool {
        self.spec.guardrails.sandbox != Sandbox::Off
    }

    /// The agent that plays this role, where it is a known one.
    pub fn agent(&self, role: Role) -> Option<&'static Known> {
        match role {
            Role::Worker => agents::working(&self.spec.worker.kind),
            Role::Judge => agents::judging(&self.spec.goal.judge.as_ref()?.kind),
            Role::Check => None,
        }
    }

    /// The room of this role.
    pub fn room(&self, role: Role) -> Room {
        Room::at(&self.rooms().join(role.word()))
    }

    /// What this role is confined to; `None` where nothing can, or shall, confine it.
    pub fn cage(&self, role: Role) -> Option<Cage> {
        let (apart, walls) = (self.powers.apart.is_ok(), self.powers.walls.is_ok());
        if !self.confines() || !(apart || walls) {
            return None;
        }
        let room = self.room(role);
        let mut read = grants::common(self.operator);
        let mut mask = grants::masked(self.operator);
        for (folder, secrets) in self.looked_through(role) {
            if let Some(secrets) = secrets {
                read.push(folder);
                mask.extend(secrets);
            }
        }
        let mut write = vec![room.home, room.temp];
        let (checkout, pinned) = (self.folder.join("verify"), self.folder.join("pinned"));
        match role {
            Role::Worker => write.push(self.folder.join("work")),
            Role::Check => {
                write.push(checkout);
                read.push(pinned);
            }
            Role::Judge => read.extend([checkout, pinned]),
        }
        if self.names_the_project(role)
            && let Some(secrets) = hidden::secrets_of(self.project, hidden::MOST)
        {
            read.push(self.project.to_owned());
            mask.extend(secrets);
        }
        let plain = |paths: Vec<PathBuf>| paths.into_iter().map(OsString::from).collect();
        Some(Cage {
            apart,
            walls,
            read: plain(read),
            write: plain(write),
            mask: plain(mask),
            stores: vec![self.folder.join("repo.git/objects").into()],
            net: match role {
                Role::Check => Net::None,
                Role::Worker | Role::Judge => self.reach(role),
            },
        })
    }

    /// What the `PATH` and the commands of this role name beyond what all see, each with what must be hidden in it;
    /// `None` where it holds too much to tell.
    fn looked_through(&self, role: Role) -> Vec<(PathBuf, Option<Vec<PathBuf>>)> {
        let own = grants::Own {
            home: self.operator,
            project: self.project,
        };
        let mut found = grants::on_the_path(self.path, own);
        for command in self.commands(role) {
            found.extend(grants::named_by(command, self.path, own));
        }
        let common = grants::common(self.operator);
        found.retain(|path| !common.iter().any(|shown| path.starts_with(shown)));
        found.sort();
        found.dedup();
        let looked = found.into_iter().map(|path| {
            let secrets = hidden::secrets_of(&path, hidden::MOST);
            (path, secrets)
        });
        looked.collect()
    }

    /// How this role reaches its hosts; for checks, how their setup does.
    pub fn reach(&self, role: Role) -> Net {
        if self.hosts(role).is_empty() {
            return Net::None;
        }
        match self.powers.apart {
            Ok(()) => Net::Through(self.proxy(role).into()),
            Err(_) => Net::Open,
        }
    }

    /// The socket of this role's proxy: beside its room, not in it.
    pub fn proxy(&self, role: Role) -> PathBuf {
        self.rooms().join(format!("{}.proxy", role.word()))
    }

    fn rooms(&self) -> PathBuf {
        self.folder.join("rooms")
    }

    /// The hosts that this role may reach, by name; for checks, those of setup commands.
    pub fn hosts(&self, role: Role) -> BTreeSet<String> {
        let agent = self.agent(role);
        let own = agent.map_or(&[][..], |agent| agent.hosts);
        let own = own.iter().map(|host| (*host).to_owned());
        let listed = match (role, &self.spec.guardrails.network) {
            (Role::Judge, _) | (Role::Worker, None) => return own.collect(),
            (Role::Check, None) => return BTreeSet::new(),
            (Role::Worker | Role::Check, Some(listed)) => listed,
        };
        let more = listed.iter().filter(|host| *host != AGENT).cloned();
        if listed.iter().any(|host| host == AGENT) {
            own.chain(more).collect()
        } else {
            more.collect()
        }
    }

    /// The commands of this role as the loop file has them.
    fn commands(&self, role: Role) -> Vec<&[String]> {
        let goal = &self.spec.goal;
        let setup = self.spec.guardrails.workspace.setup.iter();
        match role {
            Role::Worker => {
                let worker = self.spec.worker.kind.program().into_iter();
                worker.chain(setup.map(Vec::as_slice)).collect()
            }
            Role::Check => {
                let checks = goal.checks.iter().map(|check| &check.command);
                checks.chain(setup).map(Vec::as_slice).collect()
            }
            Role::Judge => match goal.judge.as_ref().map(|judge| &judge.kind) {
                Some(JudgeKind::Command { command, .. }) => vec![command],
                Some(JudgeKind::Http(_) | JudgeKind::Human | JudgeKind::Script { .. }) | None => {
                    Vec::new()
                }
            },
        }
    }

    /// Whether a command of this role is given the project's folder.
    fn names_the_project(&self, role: Role) -> bool {
        let mut words = self.commands(role).into_iter().flatten();
        role != Role::Worker && words.any(|word| word.contains("{project}"))
    }
}
