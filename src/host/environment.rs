//! Whether a host was started with the programs and keys of the terminal that attaches to it. They are
//! compared by salted digests and told by their names: no value is sent, shown or kept.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::ffi::OsStrExt as _;

use serde::{Deserialize, Serialize};

use crate::run::Digest;
use crate::supervisor::sandbox::agents::AGENTS;
use crate::supervisor::sandbox::upstream;

/// Most variables that are compared, so that a greeting stays short.
const MOST: usize = 40;

/// Longest name that is compared, in bytes, for the same reason.
const LONGEST_NAME: usize = 40;

/// Digits of a digest: values are told apart by it, never proven.
const DIGITS: usize = 16;

/// What a host was started with: digests of some variables, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    salt: String,
    of: BTreeMap<String, String>,
}

impl Print {
    /// The print of this environment, under a salt of its own.
    pub fn of(env: &[(OsString, OsString)]) -> Self {
        Self::under(format!("{:016x}", RandomState::new().hash_one(0)), env)
    }

    fn under(salt: String, env: &[(OsString, OsString)]) -> Self {
        let told = env.iter().filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| counts(name))?;
            Some((name.to_owned(), digest(&salt, name, value)?))
        });
        let mut of: BTreeMap<String, String> = told.collect();
        while of.len() > MOST {
            of.pop_last();
        }
        Self { salt, of }
    }

    /// One line of what the host has otherwise than this environment, and what to do.
    pub fn differs(&self, here: &[(OsString, OsString)]) -> Option<String> {
        let ours = Self::under(self.salt.clone(), here);
        let mut names: Vec<&str> = ours
            .of
            .keys()
            .chain(self.of.keys())
            .map(String::as_str)
            .collect();
        names.retain(|name| ours.of.get(*name) != self.of.get(*name));
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| {
            format!(
                "the host was started with another {} than this terminal has; to use these, \
                 `checkride stop --host`, then start again",
                names.join(", ")
            )
        })
    }
}

/// Whether runs depend on this variable: what finds programs, what holds keys, what leads out.
fn counts(name: &str) -> bool {
    let known = || AGENTS.iter().any(|agent| agent.keys.contains(&name));
    let leads = name == "PATH" || upstream::NAMES.contains(&name);
    name.len() <= LONGEST_NAME && (leads || name.ends_with("_API_KEY") || known())
}

/// An empty value counts as none.
fn digest(salt: &str, name: &str, value: &OsStr) -> Option<String> {
    let parts = [salt.as_bytes(), name.as_bytes(), value.as_bytes()];
    let digest = Digest::of(&parts.join(&0));
    let short = digest.as_str().get(..DIGITS).map(str::to_owned);
    short.filter(|_| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        vars.iter().map(own).collect()
    }

    /// Names of what was changed, added or is gone are told; equal ones, others and values are not.
    #[test]
    fn what_differs_is_told_by_name() {
        let host = env(&[
            ("PATH", "/bin"),
            ("OPENAI_API_KEY", "sk-one"),
            ("MY_API_KEY", "m"),
            ("GEMINI_API_KEY", ""),
            ("TERM", "xterm"),
        ]);
        let print = Print::of(&host);
        assert_eq!(print.differs(&host), None);
        let here = env(&[
            ("PATH", "/usr/bin"),
            ("OPENAI_API_KEY", "sk-two"),
            ("CLAUDE_CODE_OAUTH_TOKEN", "t"),
            ("TERM", "dumb"),
        ]);
        let line = print.differs(&here).unwrap();
        let names = "another CLAUDE_CODE_OAUTH_TOKEN, MY_API_KEY, OPENAI_API_KEY, PATH than";
        assert!(line.contains(names), "{line}");
        assert!(!line.contains("sk-"), "{line}");
        let sent = serde_json::to_string(&print).unwrap();
        assert!(!sent.contains("sk-one") && !sent.contains("/bin"), "{sent}");
        assert_ne!(print, Print::of(&host), "each host has a salt of its own");
    }

    /// However many variables there are, the greeting that carries them stays below its bound.
    #[test]
    fn a_print_is_short() {
        let many: Vec<(OsString, OsString)> = (0..500)
            .map(|n| {
                (
                    format!("{n:0>32}_API_KEY").into(),
                    "x".repeat(10_000).into(),
                )
            })
            .collect();
        let print = Print::of(&many);
        assert!(serde_json::to_vec(&print).unwrap().len() < 3_500);
        assert_eq!(print.differs(&many), None);
    }
}
