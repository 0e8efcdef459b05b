//! Settings of tools in the operator's home that hold logins among other things. What is no login comes into a
//! loop's home as a copy; the file itself is shown to nobody.

use toml::{Table, Value};

/// What of one file comes in; `None` where there is nothing of use.
pub(super) type Part = fn(&str) -> Option<String>;

/// The files, by their path in the home.
pub(super) const COPIED: [(&str, Part); 2] = [(".gitconfig", git), (".cargo/config.toml", cargo)];

/// Who commits, and the name of a first branch. Everything else of git's may hold a token, or run something.
const GIT: [(&str, &str); 3] = [
    ("user", "name"),
    ("user", "email"),
    ("init", "defaultbranch"),
];

/// Tables of cargo's that say how to build and where packages come from.
const CARGO: [&str; 9] = [
    "alias",
    "build",
    "net",
    "profile",
    "registries",
    "registry",
    "source",
    "target",
    "unstable",
];

/// Parts of names whose values are nobody's to read.
const SECRET: [&str; 4] = ["token", "secret", "password", "credential"];

fn git(text: &str) -> Option<String> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let mut line = line;
        if let Some(header) = line.strip_prefix('[') {
            let (name, rest) = header.split_once(']')?;
            section = name.trim().to_ascii_lowercase();
            line = rest.trim();
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim().to_ascii_lowercase();
        if let Some(value) = plain(value.trim())
            && GIT.contains(&(section.as_str(), key.as_str()))
        {
            found.push(format!("[{section}]\n\t{key} = \"{value}\"\n"));
        }
    }
    (!found.is_empty()).then(|| found.concat())
}

/// A value without its quotes and its comment; `None` where it needs more than that to be read.
fn plain(value: &str) -> Option<&str> {
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => value.split(['#', ';']).next()?.trim_end(),
    };
    (!value.contains(['\\', '"'])).then_some(value)
}

fn cargo(text: &str) -> Option<String> {
    let mut all: Table = text.parse().ok()?;
    all.retain(|name, value| CARGO.contains(&name) && is_open(name, value));
    (!all.is_empty()).then(|| toml::to_string(&all).ok())?
}

/// Whether anything is left of a setting without its secrets, which are taken out.
fn is_open(name: &str, value: &mut Value) -> bool {
    let name = name.to_ascii_lowercase();
    if SECRET.iter().any(|secret| name.contains(secret)) {
        return false;
    }
    match value {
        Value::Table(table) => {
            table.retain(is_open);
            true
        }
        Value::Array(values) => {
            values.retain_mut(|value| is_open("", value));
            true
        }
        // Who logs in stands in some addresses.
        Value::String(text) => !text.contains("://") || !text.contains(['@', '?']),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of git's settings only who commits comes in: no token in an address, no header, nothing that runs.
    #[test]
    fn only_who_commits_comes_in() {
        let text = "[url \"https://me:tok3n@github.com/\"]\n\tinsteadOf = https://github.com/\n\
            [http]\n\textraheader = Authorization: Bearer abcdef\n[core]\n\tsshCommand = evil\n\
            [USER] Name = \"Ada # L\"\n\temail = ada@example.org ; mine\n[user \"x\"]\n\tname = other\n\
            [credential]\n\thelper = store\n[init]\n\tdefaultBranch = main\n";
        let wanted = "[user]\n\tname = \"Ada # L\"\n[user]\n\temail = \"ada@example.org\"\n\
            [init]\n\tdefaultbranch = \"main\"\n";
        assert_eq!(git(text).as_deref(), Some(wanted));
        assert_eq!(git("[http]\n\tproxy = http://me:pw@proxy\n"), None);
        assert_eq!(git("[user]\n\tname = \"a\\nb\"\n"), None);
    }

    /// Of cargo's settings all comes in that builds, and no token wherever it stands.
    #[test]
    fn cargos_settings_come_without_tokens() {
        let text = "[registry]\ntoken = \"t0k\"\ndefault = \"own\"\n[registries.own]\n\
            index = \"https://me:t0k@host/\"\ntoken = \"t0k\"\n[registries.two]\nindex = \"sparse+https://host/\"\n\
            [env]\nKEY = \"t0k\"\n[http]\nproxy = \"me:t0k@host\"\n[build]\njobs = 2\n\
            rustflags = [\"-C\", \"x\"]\n";
        let got = cargo(text).unwrap();
        assert!(!got.contains("t0k") && !got.contains("me:"), "{got}");
        for kept in [
            "default = \"own\"",
            "sparse+https://host/",
            "jobs = 2",
            "\"-C\"",
        ] {
            assert!(got.contains(kept), "{got}");
        }
        assert_eq!(cargo("no toml ="), None);
    }
}
