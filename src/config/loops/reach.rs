//! How a worker or a judge is reached, as its table writes it: a command, a script, a model over
//! HTTP. Every key is looked at once, whatever the type; those of another type are refused.

use crate::config::reader::{At, Table};
use crate::run::spec::{Api, Format, Provider};

use super::command::{self, Argv};
use super::guardrails;
use super::worker::{path_inside, small};

/// Keys of a model over HTTP.
const PROVIDER: [&str; 3] = ["base_url", "key_env", "max_tokens"];

/// Most tokens of one answer where the file says nothing.
const MAX_TOKENS: u32 = 8_000;

/// The keys as they are written.
pub(super) struct Reach {
    /// The command with its places.
    pub(super) argv: Option<Argv>,
    /// The script of a stand-in.
    pub(super) file: Option<At<String>>,
    /// What a command prints.
    pub(super) format: Option<At<Format>>,
    /// The model that the file names, for any type.
    pub(super) model: Option<String>,
    base_url: Option<At<String>>,
    key_env: Option<At<String>>,
    max_tokens: Option<At<u64>>,
}

impl Reach {
    /// Reads the keys.
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            argv: command::read(table, "command"),
            file: table.text("file"),
            format: table.choice("format", &Format::ALL),
            model: table.text("model").map(|model| model.value),
            base_url: table.text("base_url"),
            key_env: table.text("key_env"),
            max_tokens: table.number("max_tokens", 1..=10_000_000),
        }
    }

    /// The command, which must be there; `others` are the keys that this type does not have.
    pub(super) fn command(
        &self,
        table: &mut Table<'_>,
        (word, example): (&str, &str),
        others: &[&'static str],
    ) -> Option<Vec<String>> {
        refuse(table, word, &[&PROVIDER, &["file"], others]);
        if table.key("command").is_none() {
            table.missing("command", example);
        }
        self.argv.as_ref().map(command::plain)
    }

    /// The script file of a stand-in, which must be there.
    pub(super) fn script(&self, table: &mut Table<'_>, others: &[&'static str]) -> Option<String> {
        let keys = [&PROVIDER[..], &["command", "format", "model"], others];
        refuse(table, "script", &keys);
        if table.key("file").is_none() {
            table.missing("file", "file = \"NAME.script.toml\"");
        }
        let file = self.file.as_ref()?;
        path_inside(table, "file", file)?;
        Some(file.value.clone())
    }

    /// Nothing of all this: the operator is asked.
    pub(super) fn nobody(table: &mut Table<'_>) {
        let keys = [&PROVIDER[..], &["command", "file", "format", "model"]];
        refuse(table, "human", &keys);
    }

    /// The provider that they name; what is missing is its maker's own, or reported.
    ///
    /// A server that is named without `key_env` is asked without a key: local ones need none.
    pub(super) fn provider(
        &self,
        table: &mut Table<'_>,
        api: Api,
        others: &[&'static str],
    ) -> Option<Provider> {
        refuse(table, api.word(), &[&["command", "file", "format"], others]);
        if self.model.is_none() {
            table.missing("model", "model = \"…\"");
        }
        let (home, variable) = api.home();
        let base_url = match &self.base_url {
            Some(url) => checked(url, table)?,
            None => home.to_owned(),
        };
        let key_env = match (&self.key_env, &self.base_url) {
            (Some(name), _) => Some(variable_name(name, table)?),
            (None, None) => Some(variable.to_owned()),
            (None, Some(_)) => None,
        };
        let provider = Provider {
            api,
            base_url,
            model: self.model.clone()?,
            key_env,
            max_tokens: self
                .max_tokens
                .as_ref()
                .map_or(MAX_TOKENS, |most| small(most.value)),
        };
        let open = provider.base_url.starts_with("http:") && !provider.is_local();
        if let (Some(name), true) = (&self.key_env, open) {
            table.problems.warn(
                name.span,
                "the key travels unencrypted to another machine",
                "write https:// in `base_url`, or leave `key_env` out",
            );
        }
        Some(provider)
    }
}

/// Reports keys that this type does not have.
fn refuse(table: &mut Table<'_>, word: &str, keys: &[&[&'static str]]) {
    for keys in keys {
        table.refuse(keys, &format!("for type = \"{word}\""));
    }
}

/// The address without its last slashes.
fn checked(url: &At<String>, table: &mut Table<'_>) -> Option<String> {
    let text = url.value.trim_end_matches('/');
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#".contains(c));
    if !["http", "https"].contains(&scheme) || authority.is_empty() || !plain {
        table.problems.error(
            url.span,
            "`base_url` is no address of a server",
            "write it with its version, such as \"http://localhost:11434/v1\"",
        );
        return None;
    }
    if authority.contains('@') {
        table.problems.hide(url.span);
        table.problems.error(
            url.span,
            "`base_url` holds a user or a password, and loop files are no place for secrets",
            "write the address alone, and name the key's variable with `key_env`",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A variable's name; a key written in its place is refused without being repeated.
fn variable_name(name: &At<String>, table: &mut Table<'_>) -> Option<String> {
    if guardrails::is_variable(&name.value) {
        return Some(name.value.clone());
    }
    table.problems.hide(name.span);
    table.problems.error(
        name.span,
        "`key_env` is no name of an environment variable",
        "write the variable's name, such as \"OPENAI_API_KEY\", never the key itself",
    );
    None
}
