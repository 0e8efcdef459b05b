//! The agents that are known: where their models are served, which variables hold their keys, and
//! where their login lies. One table, shown to the operator.

use std::path::Path;

use crate::run::spec::{JudgeKind, WorkerKind};

/// What one agent needs to reach its own models, and no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// Its program.
    pub name: &'static str,
    /// The hosts that it calls; `*.` stands for any name below.
    pub hosts: &'static [&'static str],
    /// The hosts that it calls besides, for statistics, updates and plug-ins: it works without them.
    pub aside: &'static [&'static str],
    /// Variables that hold its keys; they reach it without being named in the loop file.
    pub keys: &'static [&'static str],
    /// Files of the operator's home that hold its login; they are copied into the loop's own home.
    pub logins: &'static [&'static str],
    /// Where it keeps how it logs in, without which a login is not used.
    pub choice: Option<Choice>,
    /// Words that switch its own sandbox off, which cannot be made inside ours; each suffices, the
    /// first is advised. Empty where it has none unless it is asked for.
    pub unwalled: &'static [&'static str],
}

/// One word of an agent's settings: the only one of them that comes into a loop's home. Hooks, commands
/// and servers that stand beside it do not.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// The file in the operator's home: one JSON object.
    pub file: &'static str,
    /// The way to the word.
    pub at: [&'static str; 3],
    /// What it may be.
    pub words: &'static [&'static str],
}

impl Known {
    /// What is to be added to this command of it so that it can work inside our sandbox.
    pub fn lacks(&self, command: &[String]) -> Option<&'static str> {
        let line = command.join(" ").replace('=', " ").replace(['"', '\''], "");
        let is_there = self.unwalled.iter().any(|words| line.contains(words));
        self.unwalled.first().copied().filter(|_| !is_there)
    }
}

/// Every agent that is known.
pub const AGENTS: [Known; 6] = [
    Known {
        name: "claude",
        hosts: &[
            "api.anthropic.com",
            "claude.ai",
            "console.anthropic.com",
            "platform.claude.com",
        ],
        aside: &[
            "statsig.anthropic.com",
            "http-intake.logs.us5.datadoghq.com",
        ],
        keys: &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
        ],
        logins: &[".claude/.credentials.json"],
        choice: None,
        unwalled: &[],
    },
    Known {
        name: "codex",
        hosts: &["api.openai.com", "auth.openai.com", "chatgpt.com"],
        aside: &["ab.chatgpt.com", "github.com", "api.github.com"],
        keys: &["OPENAI_API_KEY", "CODEX_API_KEY"],
        logins: &[".codex/auth.json"],
        choice: None,
        unwalled: &[
            "--sandbox danger-full-access",
            "-s danger-full-access",
            "sandbox_mode danger-full-access",
            "--dangerously-bypass-approvals-and-sandbox",
            "--yolo",
        ],
    },
    Known {
        name: "gemini",
        hosts: &[
            "generativelanguage.googleapis.com",
            "cloudcode-pa.googleapis.com",
            "oauth2.googleapis.com",
        ],
        aside: &["play.googleapis.com"],
        keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        logins: &[".gemini/oauth_creds.json", ".gemini/google_accounts.json"],
        choice: Some(Choice {
            file: ".gemini/settings.json",
            at: ["security", "auth", "selectedType"],
            words: &["oauth-personal", "gemini-api-key"],
        }),
        unwalled: &[],
    },
    Known {
        name: "qwen",
        hosts: &["portal.qwen.ai", "chat.qwen.ai", "dashscope.aliyuncs.com"],
        aside: &[],
        keys: &["DASHSCOPE_API_KEY", "OPENAI_API_KEY"],
        logins: &[".qwen/oauth_creds.json"],
        choice: Some(Choice {
            file: ".qwen/settings.json",
            at: ["security", "auth", "selectedType"],
            words: &["qwen-oauth", "openai"],
        }),
        unwalled: &[],
    },
    Known {
        name: "opencode",
        hosts: &[
            "models.dev",
            "models.opencode.ai",
            "opencode.ai",
            "api.anthropic.com",
            "api.openai.com",
            "generativelanguage.googleapis.com",
            "openrouter.ai",
        ],
        // Only providers and plug-ins that it does not bring along come from there.
        aside: &["registry.npmjs.org"],
        keys: &[
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "GEMINI_API_KEY",
            "OPENROUTER_API_KEY",
        ],
        logins: &[".local/share/opencode/auth.json"],
        choice: None,
        unwalled: &[],
    },
    Known {
        name: "pi",
        hosts: &[
            "api.anthropic.com",
            "api.openai.com",
            "generativelanguage.googleapis.com",
            "openrouter.ai",
        ],
        aside: &[],
        keys: &[
            "ANTHROPIC_API_KEY",
            "OPENAI_API_KEY",
            "GEMINI_API_KEY",
            "OPENROUTER_API_KEY",
        ],
        logins: &[".pi/agent/auth.json"],
        choice: None,
        unwalled: &[],
    },
];

/// The agent that a command starts: by the name of its program, or of the package that is run.
///
/// `npx @agentclientprotocol/claude-agent-acp` and `claude-code-acp` are claude's adapters.
pub fn started_by(command: &[String]) -> Option<&'static Known> {
    let program = command.first()?;
    let runs_packages = matches!(base(program), "npx" | "bunx" | "pnpx" | "uvx");
    let packages = command.iter().skip(1).filter(|_| runs_packages);
    std::iter::once(program)
        .chain(packages.filter(|word| !word.starts_with('-')).take(1))
        .find_map(|word| named(base(word)))
}

/// Whether this command starts this agent by its own program, and not by an adapter.
pub fn is(agent: &Known, command: &[String]) -> bool {
    command
        .first()
        .is_some_and(|program| base(program) == agent.name)
}

/// The agent behind a worker; nobody where a model is called by the host, or a script plays.
pub fn working(kind: &WorkerKind) -> Option<&'static Known> {
    started_by(kind.program()?)
}

/// The agent behind a judge.
pub fn judging(kind: &JudgeKind) -> Option<&'static Known> {
    match kind {
        JudgeKind::Command { command, .. } => started_by(command),
        JudgeKind::Http(_) | JudgeKind::Human | JudgeKind::Script { .. } => None,
    }
}

fn base(word: &str) -> &str {
    let name = Path::new(word).file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or(word);
    // A version that was asked for: `claude-code-acp@0.4`.
    name.split_once('@').map_or(name, |(name, _)| name)
}

fn named(program: &str) -> Option<&'static Known> {
    let adapter = |agent: &Known| {
        let rest = program.strip_prefix(agent.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && rest.ends_with("acp"))
    };
    AGENTS.iter().find(|agent| adapter(agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    /// Only an agent whose own sandbox stands in the way lacks words, until one of them is there.
    #[test]
    fn a_sandbox_inside_ours_is_switched_off() {
        let lacks = |line: &str| {
            let argv = argv(line);
            started_by(&argv).and_then(|agent| agent.lacks(&argv))
        };
        let words = Some("--sandbox danger-full-access");
        for line in [
            "codex exec -",
            "/opt/codex exec --sandbox workspace-write -",
        ] {
            assert_eq!(lacks(line), words, "{line}");
        }
        for line in [
            "codex exec --sandbox danger-full-access -",
            "codex exec --sandbox=danger-full-access -",
            "codex -s danger-full-access exec -",
            "codex exec -c sandbox_mode=\"danger-full-access\" -",
            "codex exec --dangerously-bypass-approvals-and-sandbox",
            "claude -p",
        ] {
            assert_eq!(lacks(line), None, "{line}");
        }
    }

    /// An agent is known by its program or its adapter, and never by an argument.
    #[test]
    fn an_agent_is_known_by_its_program() {
        let cases = [
            ("/usr/local/bin/claude -p", Some("claude")),
            (
                "npx -y @agentclientprotocol/claude-agent-acp@0.4",
                Some("claude"),
            ),
            ("codex-acp", Some("codex")),
            ("gemini --acp", Some("gemini")),
            ("pi --mode json", Some("pi")),
            ("ping claude", None),
            ("sh claude", None),
            ("npx cowsay claude", None),
        ];
        for (line, agent) in cases {
            let argv = argv(line);
            assert_eq!(started_by(&argv).map(|known| known.name), agent, "{line}");
        }
    }
}
