//! `doctor`: what this machine has for loops, and what each loop of the project would lack.

use serde::Serialize;

use super::{Exit, Out};
use crate::protocol::Inventory;

/// What `doctor` found.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// Agents, keys and servers.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// What the host that runs was started with otherwise than this terminal, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why somebody who is to be notified would not be by a host that starts here, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// The loops of the project, by name.
    pub loops: Vec<Readiness>,
}

/// What a loop would lack if it started now.
#[derive(Debug, Clone, Serialize)]
pub struct Readiness {
    /// The loop.
    pub name: String,
    /// One line each; none where it can start.
    pub lacks: Vec<String>,
    /// What would not work though it can start, one line each.
    pub advice: Vec<String>,
}

/// Prints the findings.
///
/// Exit 15 where a loop could not start: it would end so.
pub fn doctor(findings: &Findings, json: bool, out: &mut Out<'_>) -> Exit {
    if json {
        out.json(findings);
    } else {
        for line in words(findings) {
            out.line(&line);
        }
    }
    let ready = findings.loops.iter().all(|found| found.lacks.is_empty());
    if ready {
        Exit::Done
    } else {
        Exit::CannotVerify
    }
}

fn words(findings: &Findings) -> Vec<String> {
    let Inventory {
        git,
        agents,
        keys,
        servers,
    } = &findings.inventory;
    let git = git
        .as_deref()
        .unwrap_or("not found; install git 2.40 or newer");
    let mut lines = vec![format!("git      {git}")];
    for agent in agents {
        lines.push(match &agent.version {
            Some(version) => format!(
                "agent    {} {version}, reads with format = \"{}\"",
                agent.name, agent.format
            ),
            None => format!("agent    {} not found", agent.name),
        });
    }
    for key in keys {
        let set = if key.set { "set" } else { "not set" };
        lines.push(format!("key      {} {set}", key.name));
    }
    if servers.is_empty() {
        lines.push("server   no model server answers on this machine".to_owned());
    }
    for server in servers {
        let models = match server.models.as_slice() {
            [] => "no models".to_owned(),
            models => models.join(", "),
        };
        lines.push(format!(
            "server   {} ({}): {models}",
            server.base_url, server.name
        ));
    }
    if let Some(differs) = &findings.host {
        lines.push(format!("host     {differs}"));
    }
    if let Some(untold) = &findings.untold {
        lines.push(format!("notify   {untold}"));
    }
    if findings.loops.is_empty() {
        lines.push("loop     none in this project".to_owned());
    }
    for found in &findings.loops {
        if found.lacks.is_empty() && found.advice.is_empty() {
            lines.push(format!("loop     {}: ready", found.name));
        }
        for lack in found.lacks.iter().chain(&found.advice) {
            lines.push(format!("loop     {}: {lack}", found.name));
        }
    }
    lines
}
