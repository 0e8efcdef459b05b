//! `config.toml` in the user's config folder: the theme of the cockpit, and who else is told when a loop waits.

use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};
use super::project;
use super::reader::{self, At, Problems, Table};

/// The name of the file.
pub const FILE: &str = "config.toml";

/// What a user has set for all projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The theme that cockpits open in where none is named.
    pub theme: Option<String>,
    /// Who else is told.
    pub notify: Receivers,
}

/// Who is told that a loop waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receivers {
    /// A program and its arguments; the text of the notice is put after them.
    pub command: Option<Vec<String>>,
    /// An address that is told by `POST`.
    pub webhook: Option<Webhook>,
}

/// An address that notices are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `https://…`, or `http://` on this machine.
    pub url: String,
    /// The variable of the host's environment that holds the secret which notices are signed with.
    pub secret_env: String,
}

/// Reads the file in this config folder; an absent one sets nothing.
///
/// # Errors
/// The first thing that is wrong, in one line; nothing of the file holds then.
pub fn read(folder: &Path) -> Result<User, String> {
    let path = folder.join(FILE);
    if std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return Ok(User::default());
    }
    let text = project::read_bytes(&path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    match text {
        Ok(text) => read_text(&text),
        Err(why) => Err(format!("{FILE} cannot be read: {why}")),
    }
}

/// The text of the user's own theme of this name, `themes/NAME.toml` in this config folder; `None` where there is none.
///
/// # Errors
/// One line: the file is there and cannot be read.
pub fn theme(folder: &Path, name: &str) -> Result<Option<String>, String> {
    // A name is no path.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let path = folder.join("themes").join(format!("{name}.toml"));
    if name.is_empty() || !name.chars().all(plain) || !path.exists() {
        return Ok(None);
    }
    project::read_bytes(&path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()))
        .map(Some)
        .map_err(|why| format!("theme {name}: {} cannot be read: {why}", path.display()))
}

/// Why somebody whom the file names is not told that a loop waits, in one line; `set` says whether a variable has a
/// value where notices are sent from.
pub fn untold(folder: &Path, set: impl Fn(&str) -> bool) -> Option<String> {
    match read(folder) {
        Err(why) => Some(format!("nobody is notified that a loop waits: {why}")),
        Ok(user) => {
            let webhook = user.notify.webhook?;
            let name = webhook.secret_env;
            (!set(&name)).then(|| {
                format!(
                    "the webhook is not told that a loop waits: {name} is not set in the host's environment; set it, \
                     then `checkride stop --host` and start again"
                )
            })
        }
    }
}

/// Everything that is wrong with the file in this config folder; `None` where there is none.
pub fn examine(folder: &Path) -> Option<Vec<Diagnostic>> {
    let path = folder.join(FILE);
    if std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    let shown = path.display().to_string();
    let text = project::read_bytes(&path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    Some(match text {
        Ok(text) => parse(&text, &shown).1,
        Err(why) => vec![Diagnostic {
            severity: Severity::Error,
            file: shown,
            place: None,
            message: format!("this file cannot be read: {why}"),
            help: None,
        }],
    })
}

/// Reads the text of the file.
///
/// # Errors
/// As for `read`.
pub fn read_text(text: &str) -> Result<User, String> {
    let (read, diagnostics) = parse(text, FILE);
    let invalid = || {
        let first = diagnostics.first();
        first.map_or_else(|| format!("{FILE} is invalid"), Diagnostic::line)
    };
    read.ok_or_else(invalid)
}

/// What it sets, where nothing is wrong; and what is.
fn parse(text: &str, shown: &str) -> (Option<User>, Vec<Diagnostic>) {
    let problems = Problems::of(text);
    let read = reader::document(text, &problems, |table| User {
        theme: table.text("theme").map(|name| name.value),
        notify: table.table("notify", receivers).unwrap_or_default(),
    });
    let read = read.filter(|_| !problems.has_errors());
    (read, problems.into_diagnostics(shown).0)
}

fn receivers(table: &mut Table<'_>) -> Receivers {
    let argv = table.texts("command");
    let command = argv.map(|argv| argv.value.into_iter().map(|word| word.value).collect());
    Receivers {
        command: command.filter(|words: &Vec<String>| !words.is_empty()),
        webhook: webhook(table),
    }
}

fn webhook(table: &mut Table<'_>) -> Option<Webhook> {
    let url = table.text("webhook");
    let secret = table.text("secret_env");
    if let Some(url) = &url {
        if !is_safe(&url.value) {
            table.problems.error(
                url.span,
                "`webhook` is no address that a notice can safely go to",
                "write an https:// address; http:// only on this machine",
            );
        }
        if secret.is_none() {
            table.missing("secret_env", "secret_env = \"CHECKRIDE_WEBHOOK_SECRET\"");
        }
    }
    let (url, secret): (At<String>, At<String>) = (url?, secret?);
    Some(Webhook {
        url: url.value,
        secret_env: secret.value,
    })
}

fn is_safe(url: &str) -> bool {
    let here = ["localhost", "127.0.0.1", "[::1]"];
    let local = |rest: &str| {
        here.iter().any(|host| {
            rest.strip_prefix(host)
                .is_some_and(|after| after.is_empty() || after.starts_with([':', '/']))
        })
    };
    let plain = url.chars().all(|c| c.is_ascii_graphic());
    plain && (url.strip_prefix("http://").is_some_and(local) || url.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A webhook is signed or refused, and leaves the machine encrypted or not at all.
    #[test]
    fn a_webhook_is_signed_and_encrypted() {
        let good = "[notify]\ncommand = [\"notify-send\", \"checkride\"]\n\
                    webhook = \"https://example.org/x\"\nsecret_env = \"S\"\n";
        let read = read_text(good).unwrap().notify;
        assert_eq!(
            read.command,
            Some(vec!["notify-send".into(), "checkride".into()])
        );
        assert_eq!(read.webhook.unwrap().secret_env, "S");
        for (bad, why) in [
            (
                "[notify]\nwebhook = \"https://example.org\"\n",
                "secret_env",
            ),
            (
                "[notify]\nwebhook = \"http://example.org\"\nsecret_env = \"S\"\n",
                "no address",
            ),
            (
                "[notify]\nwebhook = \"http://127.0.0.1.example.org\"\nsecret_env = \"S\"\n",
                "no address",
            ),
            (
                "[notify]\nwebhok = \"https://example.org\"\n",
                "unknown key",
            ),
            ("[notify", "config.toml"),
        ] {
            let line = read_text(bad).unwrap_err();
            assert!(line.contains(why) && line.lines().count() == 1, "{line}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(untold(folder.path(), |_| false), None);
        std::fs::write(folder.path().join(FILE), good).unwrap();
        assert_eq!(untold(folder.path(), |name| name == "S"), None);
        assert!(
            untold(folder.path(), |_| false)
                .unwrap()
                .contains("S is not set")
        );
        std::fs::write(folder.path().join(FILE), "[notify").unwrap();
        assert!(
            untold(folder.path(), |_| true)
                .unwrap()
                .contains("nobody is notified")
        );
        assert_eq!(read_text(""), Ok(User::default()));
        let themed = read_text("theme = \"ink\"\n").unwrap();
        assert_eq!(themed.theme.as_deref(), Some("ink"));
    }
}
