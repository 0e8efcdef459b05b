//! A model behind an HTTP interface, as `[worker]` or `[goal.verify.judge]` names it.

use crate::config::reader::{At, Table};
use crate::run::spec::{Api, Provider};

use super::worker::small;

/// Keys that only workers and judges over HTTP have.
pub(super) const KEYS: [&str; 3] = ["base_url", "key_env", "max_tokens"];

/// Most tokens of one answer where the file says nothing.
const MAX_TOKENS: u32 = 8_000;

/// The keys of a provider as they are written, whatever the type: each is looked at once.
pub(super) struct Written {
    /// The model that the file names, for any type.
    pub(super) model: Option<String>,
    base_url: Option<At<String>>,
    key_env: Option<At<String>>,
    max_tokens: Option<At<u64>>,
}

impl Written {
    /// Reads the keys.
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            model: table.text("model").map(|model| model.value),
            base_url: table.text("base_url"),
            key_env: table.text("key_env"),
            max_tokens: table.number("max_tokens", 1..=10_000_000),
        }
    }

    /// The provider that they name; what is missing is its maker's own, or reported.
    ///
    /// A server that is named without `key_env` is asked without a key: local ones need none.
    pub(super) fn provider(&self, api: Api, table: &mut Table<'_>) -> Option<Provider> {
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
    if super::guardrails::is_variable(&name.value) {
        return Some(name.value.clone());
    }
    table.problems.error(
        name.span,
        "`key_env` is no name of an environment variable",
        "write the variable's name, such as \"OPENAI_API_KEY\", never the key itself",
    );
    None
}
