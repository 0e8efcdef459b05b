//! Which values of the host's environment are secrets of a run: the keys of its models, and whatever stands
//! under a name that says so; the login of its agents; and whatever has the shape of a key. Taking them out is the redactor's.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::inventory::KEYS;
use super::redactor::Redactor;
use super::sandbox::agents;
use crate::run::LoopSpec;
use crate::run::spec::{JudgeKind, WorkerKind};

/// How names of variables that hold secrets end.
const ENDINGS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];

/// Parts of the names under which a login file has its tokens.
const TOKENS: [&str; 5] = ["token", "key", "secret", "access", "refresh"];

/// Shortest value of those that is no name of a kind, such as `bearer`.
const SHORTEST_TOKEN: usize = 16;

/// Longest login file that is read, in bytes.
const LONGEST_LOGIN: u64 = 256 * 1024;

/// What must not be told of this environment in a run of this loop.
pub(super) fn of(spec: &LoopSpec, env: &[(OsString, OsString)]) -> Redactor {
    let mut names: Vec<&str> = KEYS.to_vec();
    if let WorkerKind::Http(provider) = &spec.worker.kind {
        names.extend(provider.key_env.as_deref());
    }
    if let Some(JudgeKind::Http(provider)) = spec.goal.judge.as_ref().map(|judge| &judge.kind) {
        names.extend(provider.key_env.as_deref());
    }
    let agents = [
        agents::working(&spec.worker.kind),
        (spec.goal.judge.as_ref()).and_then(|judge| agents::judging(&judge.kind)),
    ];
    names.extend(agents.into_iter().flatten().flat_map(|agent| agent.keys));
    let mut redactor = Redactor::default();
    for (name, value) in env {
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
            && (names.contains(&name) || says_so(name))
        {
            redactor.hide(name, value);
        }
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
            for password in passwords(value) {
                redactor.hide(name, &password);
            }
        }
    }
    let home = env.iter().find(|(name, _)| name == "HOME");
    for agent in agents.into_iter().flatten() {
        for login in home
            .iter()
            .flat_map(|(_, home)| agent.logins.iter().map(|l| Path::new(home).join(l)))
        {
            for token in tokens(&login) {
                redactor.hide(&format!("login of {}", agent.name), &token);
            }
        }
    }
    redactor.with_shapes()
}

/// Fewest letters of a password that is a plain word and hidden all the same.
const LONG_WORD: usize = 12;

/// The password within an address, whatever the variable is called that holds it: as it stands, and as programs read
/// it. A short plain word, as test databases have it, is none: it stands in other texts, too.
fn passwords(value: &str) -> Vec<String> {
    let user = value.split_once("://").and_then(|(_, rest)| {
        let authority = rest.split(['/', '?', '#']).next()?;
        Some(authority.rsplit_once('@')?.0)
    });
    let Some((_, password)) = user.and_then(|user| user.split_once(':')) else {
        return Vec::new();
    };
    let word = password.bytes().all(|b| b.is_ascii_lowercase());
    if word && password.len() < LONG_WORD {
        return Vec::new();
    }
    let mut forms = vec![password.to_owned()];
    forms.extend(unescaped(password).filter(|plain| plain != password));
    forms
}

/// What `%XX` stand for; `None` where that is no text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok()
}

/// The tokens of a login file: an agent is given them, and nobody else. A file that is no JSON has none.
fn tokens(login: &Path) -> Vec<String> {
    let file = File::open(login).map(|file| file.take(LONGEST_LOGIN));
    let read = file
        .ok()
        .and_then(|file| serde_json::from_reader(file).ok());
    let mut found = Vec::new();
    let mut values: Vec<(bool, Value)> = read.map(|value| (false, value)).into_iter().collect();
    while let Some((secret, value)) = values.pop() {
        match value {
            Value::String(text) if secret && text.len() >= SHORTEST_TOKEN => found.push(text),
            Value::Object(fields) => values.extend(fields.into_iter().map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                (TOKENS.iter().any(|token| name.contains(token)), value)
            })),
            Value::Array(items) => values.extend(items.into_iter().map(|item| (secret, item))),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

/// Whether the name of a variable says that it holds a secret. Those that a loop does not let through are
/// hidden too: a program may find them elsewhere.
fn says_so(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S22: the password of an address is a secret by itself.
    #[test]
    fn an_address_gives_its_password() {
        for (value, found) in [
            ("postgres://app:PASS@db:5432/x", &["hunter2-hunter2"][..]),
            ("redis://:PASS@cache", &["hunter2-hunter2"]),
            ("amqp://app:a@b:c@queue/x", &["a@b:c"]),
            (
                "postgres://app:ESCAPED@db/x",
                &["p%40ss%C3%A4%x", "p@ss\u{e4}%x"],
            ),
            ("mysql://app:WORD@db", &["correcthorsebattery"]),
            ("postgres://USER:USER@localhost/x", &[]),
            ("https://example.org/a:b@c", &[]),
            ("https://ada@example.org", &[]),
            ("a:b@c", &[]),
        ] {
            let value = value
                .replace("PASS", "hunter2-hunter2")
                .replace("ESCAPED", "p%40ss%C3%A4%x")
                .replace("WORD", "correcthorsebattery")
                .replace("USER", "postgres");
            assert_eq!(passwords(&value), found, "{value}");
        }
    }

    /// S22: the tokens of every kind of login file are found, and nothing else that stands there.
    #[test]
    fn a_login_gives_its_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let login = folder.path().join("auth.json");
        let cases = [
            (
                r#"{"claudeAiOauth":{"accessToken":"aaaaaaaaaaaaaaaaaaaa","refreshToken":"bbbbbbbbbbbbbbbbbbbb","scopes":["user:inference-and-more"]}}"#,
                2,
            ),
            (
                r#"{"OPENAI_API_KEY":null,"tokens":{"id_token":"aaaaaaaaaaaaaaaaaaaa","account_id":"cccccccccccccccccccc"}}"#,
                1,
            ),
            (
                r#"{"anthropic":{"type":"oauth","refresh":"aaaaaaaaaaaaaaaaaaaa","access":"bbbbbbbbbbbbbbbbbbbb"},"x":{"type":"api","key":"dddddddddddddddddddd"}}"#,
                3,
            ),
            (r#"{"token_type":"Bearer","expiry":1}"#, 0),
            ("no json", 0),
        ];
        for (text, many) in cases {
            std::fs::write(&login, text).unwrap();
            let found = tokens(&login);
            assert_eq!(found.len(), many, "{text}: {found:?}");
        }
        assert!(tokens(&folder.path().join("none")).is_empty());
    }
}
