//! The terms of one run: which of its processes is confined to what, and what of it this machine does
//! not enforce. Every such limit has its line: nothing is left out in silence.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::agents::{self, Known};
use super::probe::Powers;
use super::rooms::Room;
use super::{Cage, Net, grants, hidden};
use crate::run::LoopSpec;
use crate::run::spec::{JudgeKind, PublishTo, Sandbox};

/// The word in a loop's list of hosts that stands for those of its agent.
const AGENT: &str = "agent";

/// The first interface of Landlock that knows TCP.
const KNOWS_TCP: i32 = 4;

/// The first that knows signals and abstract sockets.
const KNOWS_SIGNALS: i32 = 6;

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

    /// What the file asks for, or what holds by itself, and is not enforced: by this machine, or nowhere.
    pub fn not_enforced(&self) -> Vec<String> {
        let mut lines = self.not_enforced_here();
        if let Some(publish) = &self.spec.publish
            && let PublishTo::Command { .. } = publish.to
            && self.confines()
        {
            lines
                .push("sandbox of the publish command (it acts outside, with your yes)".to_owned());
        }
        lines
    }

    /// The same, of what would be enforced elsewhere.
    fn not_enforced_here(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.confines() {
            lines.push("sandbox (the loop file switches it off)".to_owned());
            lines.push("network (there is no sandbox)".to_owned());
            return lines;
        }
        let abi = match &self.powers.walls {
            Ok(abi) => *abi,
            Err(why) => {
                lines.push(format!("sandbox of files (no Landlock: {why})"));
                0
            }
        };
        if let Err(why) = &self.powers.apart {
            let what = if abi >= KNOWS_SIGNALS {
                "sandbox of Unix sockets"
            } else {
                "sandbox of processes, signals and Unix sockets"
            };
            lines.push(format!("{what} (no namespaces: {why})"));
            let listing = [Role::Worker, Role::Judge];
            let listed = listing.into_iter().any(|role| !self.hosts(role).is_empty());
            let net = match (listed, abi >= KNOWS_TCP) {
                (true, _) => "network, which is open to the worker or judge",
                (false, true) => "network but for TCP",
                (false, false) => "network",
            };
            lines.push(format!("{net} (no namespaces: {why})"));
            lines.push(format!(
                "sandbox of modes and times of files that can be read (no namespaces: {why})"
            ));
        }
        lines
    }

    /// What holds, in words for the operator: walls, what is seen, and who reaches which hosts.
    pub fn in_force(&self) -> Vec<String> {
        if !self.confines() {
            return Vec::new();
        }
        let mut lines = Vec::new();
        if self.powers.walls.is_ok() {
            lines.push(
                "writes stay in the workspace, a home and a temporary folder of its own".to_owned(),
            );
        }
        for role in [Role::Worker, Role::Judge] {
            if let Some(agent) = self.agent(role) {
                let (who, name, keys) = (role.word(), agent.name, agent.keys.join(" "));
                lines.push(format!(
                    "{who} is {name}, which is given {keys} and its login"
                ));
            }
        }
        if self.powers.apart.is_err() {
            return lines;
        }
        lines.push(
            "sees the system's folders and tools; no other process, no home, no socket of others"
                .to_owned(),
        );
        lines.push(format!(
            "worker reaches {}",
            listed(&self.hosts(Role::Worker))
        ));
        if self.spec.goal.judge.is_some() {
            lines.push(format!(
                "judge reaches {}",
                listed(&self.hosts(Role::Judge))
            ));
        }
        let open = self.spec.goal.checks.iter().filter(|check| check.network);
        let open: Vec<&str> = open.map(|check| check.name.as_str()).collect();
        lines.push(match open.as_slice() {
            [] => "checks reach nothing".to_owned(),
            names => format!("of the checks only {} have the network", names.join(", ")),
        });
        lines
    }

    /// What the commands of the loop lack to work inside the sandbox, one line each.
    pub fn advice(&self) -> Vec<String> {
        if !self.confines() {
            return Vec::new();
        }
        let mut lines = self.kept_from_sight();
        if self.powers.apart.is_err() {
            return lines;
        }
        let commands = [Role::Worker, Role::Judge].into_iter().flat_map(|role| {
            let agent = self.agent(role);
            let commands = self.commands(role).into_iter();
            commands.filter_map(move |command| Some((role, agent?, command)))
        });
        let lacking = commands
            .filter(|(_, agent, command)| agents::is(agent, command))
            .filter_map(|(role, agent, command)| {
                let words = agent.lacks(command)?;
                Some(format!(
                    "the {} {} cannot put up its own sandbox inside this one, and would run no \
                     command: add `{words}` to its command; checkride's sandbox holds all the same",
                    role.word(),
                    agent.name
                ))
            });
        lines.extend(lacking);
        lines
    }

    /// What a command or the `PATH` names and is not shown: folders too large to find all their keys in.
    fn kept_from_sight(&self) -> Vec<String> {
        let named = [Role::Check, Role::Judge].into_iter();
        let named: Vec<&str> = named
            .filter(|role| self.names_the_project(*role))
            .map(Role::word)
            .collect();
        let mut lines = Vec::new();
        if !named.is_empty() && hidden::secrets_of(self.project, hidden::MOST).is_none() {
            lines.push(format!(
                "{{project}} is not shown to the {}: it holds more than {} files, and its .env files could not all be \
                 hidden; name the files that are needed by their full path",
                named.join(" and "),
                hidden::MOST
            ));
        }
        let looked = self.looked_through(Role::Worker).into_iter();
        let unseen = looked.filter(|(_, secrets)| secrets.is_none());
        lines.extend(unseen.map(|(folder, _)| {
            format!(
                "{} is not shown: it holds more than {} files, and its .env files could not all be hidden; put \
                 the tools that are needed into a folder of their own",
                folder.display(),
                hidden::MOST
            )
        }));
        lines
    }

    /// Why the loop must not run here: its file requires what this machine has not.
    pub fn refuses(&self) -> Option<String> {
        if self.spec.guardrails.sandbox != Sandbox::Require {
            return None;
        }
        let lack = self.not_enforced_here().into_iter().next()?;
        Some(format!(
            "its file has `sandbox = \"require\"`, and here is not enforced: {lack}; run it where it is, or \
             write \"auto\""
        ))
    }
}

/// Hosts as they are told.
fn listed(hosts: &BTreeSet<String>) -> String {
    if hosts.is_empty() {
        return "nothing".to_owned();
    }
    let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
    names.join(" ")
}
