//! Guardrails: what a loop may not do, and the strictest defaults that a file without them gets.

use serde::{Deserialize, Serialize};

use super::{Hours, Mode};

/// What a loop may not do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guardrails {
    /// The mode that the file asks for.
    pub mode: Mode,
    /// Most iterations of one run.
    pub max_iterations: u32,
    /// Most runs of one day; a person may start more.
    pub max_runs_per_day: u32,
    /// Most money of all runs of one day, in millionths of a dollar.
    #[serde(default)]
    pub micro_usd_per_day: Option<u64>,
    /// When nothing but a person wakes it, beside the project's own quiet hours.
    #[serde(default)]
    pub quiet_hours: Option<Hours>,
    /// What a run may spend.
    pub budget: Budget,
    /// When a run is going nowhere.
    pub stuck: StuckLimits,
    /// Where and how much the worker may write.
    pub workspace: WorkspaceRules,
    /// Names of environment variables that reach the worker; nothing else does.
    pub env: Vec<String>,
    /// Which tool calls need no question, and which are never made.
    #[serde(default)]
    pub tools: ToolRules,
    /// Whether its processes are confined.
    #[serde(default, skip_serializing_if = "Sandbox::is_auto")]
    pub sandbox: Sandbox,
    /// Hosts that the worker may reach, `agent` for those of its own agent; `None` where the file
    /// says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Vec<String>>,
}

/// How the sandbox is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// As far as the system has one; what it has not is said.
    #[default]
    Auto,
    /// Wholly, or the loop does not run.
    Require,
    /// Never; training only.
    Off,
}

impl Sandbox {
    /// Whether it is the default.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// Rules over tool calls: a tool's name, or a name with a pattern: `Read`, `Bash(cargo test *)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRules {
    /// Calls that are made without asking.
    pub allow: Vec<String>,
    /// Calls that are never made; they win over `allow`.
    pub deny: Vec<String>,
}

/// What one run may spend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Tokens.
    pub tokens: u64,
    /// Money, in millionths of a dollar; `None` while the price is unknown.
    pub micro_usd: Option<u64>,
    /// Time at work, in minutes; waiting for a person is not counted.
    pub minutes: u64,
}

/// How many repetitions make a run stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckLimits {
    /// Verdicts in a row that fail in the same way.
    pub same_verdict: u32,
    /// Iterations in a row with an empty or an identical diff.
    pub same_diff: u32,
    /// Same check, same output, in a row.
    pub same_failure: u32,
}

/// Where and how much the worker may write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceRules {
    /// How the workspace is made.
    pub kind: WorkspaceKind,
    /// Whether uncommitted files of the operator are taken in.
    pub dirty: bool,
    /// Commands run before iteration 1 and in the verify checkout.
    pub setup: Vec<Vec<String>>,
    /// Globs that the worker may write.
    pub write: Vec<String>,
    /// Globs of this loop that it may not write; the fixed list comes on top.
    pub protected: Vec<String>,
    /// Most files changed in one iteration.
    pub max_files: usize,
    /// Most lines changed in one iteration.
    pub max_changed_lines: usize,
    /// Most files deleted in one iteration.
    pub max_deletions: usize,
    /// Most bytes that the changed files of one iteration may bring: lines do not weigh a binary.
    #[serde(default = "most_bytes")]
    pub max_changed_bytes: u64,
    /// Whether it may make files executable.
    #[serde(default)]
    pub executables: bool,
}

/// 5 MB: hundreds of pages of text, and far from what fills a disk.
fn most_bytes() -> u64 {
    5_000_000
}

/// How the workspace is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceKind {
    /// A clone where git has a commit, else a copy.
    Auto,
    /// A private clone.
    Clone,
    /// A copy of the folder.
    Copy,
    /// A clone or copy that no change is taken from.
    ReadOnly,
}

/// Paths that no worker may change, whatever the loop file says (PRODUCT §5.5).
pub const PROTECTED_ALWAYS: [&str; 16] = [
    ".git/**",
    ".env*",
    "**/.env*",
    "**/*.pem",
    "**/id_*",
    ".ssh/**",
    "loops/**",
    "skills/**",
    "memory/**",
    ".checkride/**",
    ".claude/**",
    ".codex/**",
    ".mcp.json",
    ".envrc",
    ".github/**",
    ".husky/**",
];

impl Default for Guardrails {
    /// The strictest defaults: what a file without `[guardrails]` gets (PRODUCT §4.1).
    fn default() -> Self {
        Self {
            mode: Mode::Training,
            max_iterations: 5,
            max_runs_per_day: 4,
            micro_usd_per_day: None,
            quiet_hours: None,
            budget: Budget {
                tokens: 60_000,
                micro_usd: None,
                minutes: 30,
            },
            stuck: StuckLimits {
                same_verdict: 2,
                same_diff: 2,
                same_failure: 2,
            },
            workspace: WorkspaceRules::default(),
            env: ["PATH", "HOME", "LANG"].map(str::to_owned).to_vec(),
            tools: ToolRules::default(),
            sandbox: Sandbox::default(),
            network: None,
        }
    }
}

impl Default for WorkspaceRules {
    fn default() -> Self {
        Self {
            kind: WorkspaceKind::Auto,
            dirty: false,
            setup: Vec::new(),
            write: vec!["**".to_owned()],
            protected: Vec::new(),
            max_files: 10,
            max_changed_lines: 400,
            max_deletions: 2,
            max_changed_bytes: most_bytes(),
            executables: false,
        }
    }
}
