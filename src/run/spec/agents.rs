//! Who works, and how an agent is reached: a program, an agent protocol, a model over HTTP.

use serde::{Deserialize, Serialize};

/// The agent that does the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// How it is reached.
    pub kind: WorkerKind,
    /// The model that the loop file names for it; an agent may tell another.
    #[serde(default)]
    pub model: Option<String>,
    /// Longest time for one iteration, in seconds; then its whole tree is killed.
    pub timeout_s: u64,
    /// How often a call that failed for a passing reason is made again; HTTP only.
    #[serde(default)]
    pub retries: u32,
}

/// The ways to reach a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerKind {
    /// A program that is given the prompt and edits the workspace.
    Command {
        /// Program and arguments; never a shell string.
        command: Vec<String>,
        /// Where the prompt goes.
        prompt: PromptBy,
        /// How what it prints is read.
        #[serde(default)]
        format: Format,
    },
    /// A program that speaks the Agent Client Protocol on its standard streams.
    Acp {
        /// Program and arguments; never a shell string.
        command: Vec<String>,
    },
    /// A model behind an HTTP interface, which works with the tools that checkride gives it.
    Http(Provider),
    /// A scripted stand-in for demos and tests: one act per iteration.
    Script {
        /// Path of the script file, relative to the loop file's folder.
        file: String,
    },
}

impl WorkerKind {
    /// Who it is, on one line: `claude -p`, `openai qwen3 at localhost:11434`.
    pub fn words(&self) -> String {
        match self {
            Self::Command { command, .. } => command.join(" "),
            Self::Acp { command } => format!("acp {}", command.join(" ")),
            Self::Http(provider) => provider.words(),
            Self::Script { file } => format!("script {file}"),
        }
    }

    /// Whether it says by itself what it costs; a script costs nothing.
    pub fn tells_money(&self) -> bool {
        match self {
            Self::Command { format, .. } => match format {
                Format::ClaudeStreamJson | Format::OpencodeJson | Format::PiJson => true,
                Format::Text | Format::CodexJsonl | Format::GeminiStreamJson => false,
            },
            Self::Script { .. } => true,
            Self::Acp { .. } | Self::Http(_) => false,
        }
    }

    /// The program that it is started with, where it is one.
    pub fn program(&self) -> Option<&[String]> {
        match self {
            Self::Command { command, .. } | Self::Acp { command } => Some(command),
            Self::Http(_) | Self::Script { .. } => None,
        }
    }
}

/// How a command worker is given its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptBy {
    /// On standard input, which is then closed.
    Stdin,
    /// As the last argument.
    Arg,
}

/// What a command prints on its standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Plain text: every line is said, the last is the claim.
    #[default]
    Text,
    /// `claude -p --output-format stream-json --verbose`; qwen prints it too.
    ClaudeStreamJson,
    /// `codex exec --json`.
    CodexJsonl,
    /// `opencode run --format json`.
    OpencodeJson,
    /// `gemini -o stream-json`.
    GeminiStreamJson,
    /// `pi --mode json`.
    PiJson,
}

impl Format {
    /// Every format, by its word in the loop file.
    pub const ALL: [(&'static str, Self); 6] = [
        ("text", Self::Text),
        ("claude-stream-json", Self::ClaudeStreamJson),
        ("codex-jsonl", Self::CodexJsonl),
        ("opencode-json", Self::OpencodeJson),
        ("gemini-stream-json", Self::GeminiStreamJson),
        ("pi-json", Self::PiJson),
    ];
}

/// A model behind an HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// What the server speaks.
    pub api: Api,
    /// Where it is, up to and with the version: `https://api.openai.com/v1`.
    pub base_url: String,
    /// The model's name as the server knows it.
    pub model: String,
    /// The environment variable that holds the key; the key itself is never in a value of ours.
    pub key_env: Option<String>,
    /// Most tokens of one answer.
    pub max_tokens: u32,
}

impl Provider {
    /// `openai qwen3 at localhost:11434`
    pub fn words(&self) -> String {
        format!("{} {} at {}", self.api.word(), self.model, self.authority())
    }

    /// Host and port of the server.
    pub fn authority(&self) -> &str {
        let rest = self.base_url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether the server runs on this very machine.
    pub fn is_local(&self) -> bool {
        let authority = self.authority();
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host == "::1" || host.starts_with("127.")
    }
}

/// What a model server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Chat completions: `OpenAI`, Ollama, llama.cpp, vLLM, `OpenRouter` and others.
    Openai,
    /// Messages of Anthropic.
    Anthropic,
}

impl Api {
    /// The word for `type` in the loop file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// Where its own maker serves it, and the variable that holds the key there.
    pub fn home(self) -> (&'static str, &'static str) {
        match self {
            Self::Openai => ("https://api.openai.com/v1", "OPENAI_API_KEY"),
            Self::Anthropic => ("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
        }
    }
}
