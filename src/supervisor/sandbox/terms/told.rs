//! The terms in words: what holds, what this machine does not enforce, and what a loop lacks. Every such limit has
//! its line: nothing is left out in silence.

use std::collections::BTreeSet;

use super::{Role, Terms};
use crate::run::spec::{PublishTo, Sandbox};
use crate::supervisor::sandbox::{agents, hidden};

/// The first interface of Landlock that knows TCP.
const KNOWS_TCP: i32 = 4;

/// The first that knows signals and abstract sockets.
const KNOWS_SIGNALS: i32 = 6;

impl Terms<'_> {
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
