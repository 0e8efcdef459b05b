//! What this machine has for loops: agents on the path, keys in the environment, model servers on
//! loopback. Looked up at once and side by side; nothing is sent anywhere but to loopback.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::process::on_path;
use crate::protocol::{Agent, Inventory, Key, Server};
use crate::run::inert::{cut, inert};

/// Agents that checkride can fly, by the name of their program, and the format to name for each.
const AGENTS: [(&str, &str); 6] = [
    ("claude", "claude-stream-json"),
    ("codex", "codex-jsonl"),
    ("opencode", "opencode-json"),
    ("gemini", "gemini-stream-json"),
    ("qwen", "claude-stream-json"),
    ("pi", "pi-json"),
];

/// Variables that hold keys of models.
pub(super) const KEYS: [&str; 4] = [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "OPENROUTER_API_KEY",
];

/// Where model servers listen unless told otherwise, and who they are by that.
const SERVERS: [(&str, u16); 4] = [
    ("Ollama", 11434),
    ("llama.cpp", 8080),
    ("vLLM", 8000),
    ("LM Studio", 1234),
];

/// How long an agent may take to tell its version: node-based ones need seconds on a busy machine.
const VERSION_TIME: Duration = Duration::from_secs(10);

/// How long a server on this machine may take to list its models.
const SERVER_TIME: Duration = Duration::from_millis(800);

/// Most bytes of a list of models.
const LONGEST_LIST: u64 = 256 * 1024;

/// Looks at everything.
pub async fn take(env: &[(OsString, OsString)]) -> Inventory {
    let path = env.iter().find(|(name, _)| name == "PATH");
    let path = path.map(|(_, path)| path.as_os_str());
    let mut versions = JoinSet::new();
    for (place, (name, _)) in AGENTS.iter().enumerate() {
        if let Some(program) = path.and_then(|path| on_path(name, path)) {
            versions.spawn(async move { (place, version(&program).await) });
        }
    }
    let mut lists = JoinSet::new();
    for (place, (_, port)) in SERVERS.iter().enumerate() {
        lists.spawn(async move { (place, models(*port).await) });
    }
    let mut agents: Vec<Agent> = AGENTS
        .iter()
        .map(|(name, format)| Agent {
            name: (*name).to_owned(),
            format: (*format).to_owned(),
            version: None,
        })
        .collect();
    while let Some(found) = versions.join_next().await {
        if let Ok((place, version)) = found
            && let Some(agent) = agents.get_mut(place)
        {
            agent.version = Some(version);
        }
    }
    let mut servers = Vec::new();
    while let Some(found) = lists.join_next().await {
        if let Ok((place, Some(models))) = found
            && let Some((name, port)) = SERVERS.get(place)
        {
            servers.push(Server {
                name: (*name).to_owned(),
                base_url: format!("http://localhost:{port}/v1"),
                models,
            });
        }
    }
    servers.sort_by(|a, b| a.base_url.cmp(&b.base_url));
    let git = match path.and_then(|path| on_path("git", path)) {
        Some(git) => Some(version(&git).await),
        None => None,
    };
    Inventory {
        git,
        agents,
        keys: keys(env),
        servers,
    }
}

/// Which of the known keys are set; never what they are.
fn keys(env: &[(OsString, OsString)]) -> Vec<Key> {
    let set = |name: &str| env.iter().any(|(n, value)| n == name && !value.is_empty());
    KEYS.iter()
        .map(|name| Key {
            name: (*name).to_owned(),
            set: set(name),
        })
        .collect()
}

/// What a program prints first of its version: the first word with a digit and a dot in it.
async fn version(program: &PathBuf) -> String {
    let asked = Command::new(program)
        .arg("--version")
        // No project's settings may tell it anything.
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(Ok(output)) = timeout(VERSION_TIME, asked).await else {
        return "of unknown version".to_owned();
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    let numbered = |word: &&str| {
        word.contains('.')
            && word
                .trim_start_matches('v')
                .starts_with(|c: char| c.is_ascii_digit())
    };
    let word = printed.split_whitespace().find(numbered);
    word.map_or_else(
        || "of unknown version".to_owned(),
        |word| cut(&inert(word), 40),
    )
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// The models that a server on loopback offers; `None` where nothing answers as one.
async fn models(port: u16) -> Option<Vec<String>> {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let request = format!("GET /v1/models HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream
            .take(LONGEST_LIST)
            .read_to_end(&mut answer)
            .await
            .ok()?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        serde_json::from_slice::<Models>(answer.get(head..)?).ok()
    };
    let list = timeout(SERVER_TIME, asked).await.ok()??;
    let names = list.data.iter().take(20);
    Some(names.map(|model| cut(&inert(&model.id), 60)).collect())
}
