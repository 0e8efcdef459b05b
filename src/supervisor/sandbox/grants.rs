//! What the processes of a run may read, whoever they are: the system's own folders, the tools that
//! people keep in their home, what the `PATH` names. All else of a home is not there for them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::supervisor::process::on_path;

/// Folders of the system. Neither `/home` nor `/tmp`, `/run`, `/var` or `/mnt` is among them.
const SYSTEM: [&str; 19] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/etc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/nix",
    "/gnu",
    "/snap",
    "/run/current-system",
    "/run/systemd/resolve",
    "/var/lib/ca-certificates",
    "/var/cache/fontconfig",
];

/// Parts of those that hold secrets; a plain user cannot read most of them anyway.
const SYSTEM_SECRETS: [&str; 14] = [
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/pki/tls/private",
    "/etc/krb5.keytab",
    "/etc/wireguard",
    "/etc/openvpn",
    "/etc/NetworkManager/system-connections",
    "/etc/docker",
];

/// Tools in a home: interpreters, compilers, package stores. They are found under the same names in
/// the home that a loop's processes have, and cannot be written.
pub(super) const TOOLS: [&str; 36] = [
    ".asdf",
    ".bun/bin",
    ".bun/install",
    ".cabal/bin",
    ".cargo/bin",
    ".cargo/git",
    ".cargo/registry",
    ".cargo/config.toml",
    ".claude/local",
    ".deno/bin",
    ".fnm",
    ".ghcup",
    ".gitconfig",
    ".goenv",
    ".jenv",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/claude/versions",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pnpm",
    ".local/share/uv",
    ".m2/repository",
    ".nix-profile",
    ".npm-global",
    ".nvm",
    ".opam",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".rvm",
    ".sdkman",
    ".volta",
    "go",
];

/// Parts of a home that are never shown, whatever else is: keys, tokens, sessions, histories.
pub(super) const SECRETS: [&str; 34] = [
    ".ssh",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".kube",
    ".docker",
    ".netrc",
    ".gnupg",
    ".password-store",
    ".config/gh",
    ".config/hub",
    ".git-credentials",
    ".config/git/credentials",
    ".npmrc",
    ".pypirc",
    ".gem/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2/settings.xml",
    ".config/op",
    ".config/sops",
    ".config/rclone",
    ".terraform.d",
    ".local/share/keyrings",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".bash_history",
    ".zsh_history",
    ".claude",
    ".codex",
    ".gemini",
    ".local/share/opencode",
];

/// What every process may read: the system, the tools of this home, and what this `PATH` names.
pub(super) fn readable(home: Option<&Path>, path: &OsStr) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    all.extend(
        home.iter()
            .flat_map(|home| TOOLS.map(|tool| home.join(tool))),
    );
    all.extend(std::env::split_paths(path).filter_map(|folder| tool_folder(&folder, home)));
    all
}

/// What a command names: its own files by their full path, wherever they lie but among secrets,
/// and its program with its package, also where the `PATH` has only a link to it.
pub(super) fn named_by(command: &[String], path: &OsStr, home: Option<&Path>) -> Vec<PathBuf> {
    let program = command.first().and_then(|program| {
        let found = if program.contains('/') {
            Some(PathBuf::from(program)).filter(|program| program.is_absolute())
        } else {
            on_path(program, path)
        };
        found?.canonicalize().ok()
    });
    let beside = program.as_deref().and_then(Path::parent);
    let beside = beside.map(|folder| packages(folder).unwrap_or(folder));
    let files = command.iter().map(Path::new);
    files
        .filter(|path| path.is_absolute() && path.is_file())
        .filter(|path| !in_secrets(path, home))
        .chain(program.as_deref())
        .map(Path::to_owned)
        .chain(beside.and_then(|folder| tool_folder(folder, home)))
        .collect()
}

/// The outermost `node_modules` around a folder: a package there needs its neighbours.
fn packages(folder: &Path) -> Option<&Path> {
    let all = folder.ancestors().filter(|a| a.ends_with("node_modules"));
    all.last()
}

fn in_secrets(path: &Path, home: Option<&Path>) -> bool {
    home.is_some_and(|home| {
        let mut secrets = SECRETS.iter();
        secrets.any(|secret| path.starts_with(home.join(secret)))
    })
}

/// The folder of the `PATH` itself, or what it belongs to: `bin` of a package comes with its `lib`.
fn tool_folder(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    if !folder.is_absolute() {
        return None;
    }
    let whole = folder.parent().filter(|_| folder.ends_with("bin"));
    let whole = whole.filter(|whole| whole.components().count() > 2 && !shows_a_home(whole, home));
    let shown = whole.unwrap_or(folder);
    let hidden = shows_a_home(shown, home) || in_secrets(shown, home);
    (!hidden).then(|| shown.to_owned())
}

/// Whether this folder is the home, holds it, or is one of its folders that hold all kinds of things.
fn shows_a_home(folder: &Path, home: Option<&Path>) -> bool {
    home.is_some_and(|home| {
        let mixed = [".local", ".config", ".cache", ".local/share"];
        home.starts_with(folder) || mixed.iter().any(|name| folder == home.join(name))
    })
}

/// What nobody may read though it lies in something readable.
pub(super) fn masked(home: Option<&Path>) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = SYSTEM_SECRETS.iter().map(PathBuf::from).collect();
    // An installed agent lies among its own secrets: it is shown by name, and nothing else there is.
    let secrets = SECRETS.iter().filter(|name| **name != ".claude");
    all.extend(
        home.iter()
            .flat_map(|home| secrets.clone().map(|name| home.join(name))),
    );
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of the `PATH` brings its package, and never a home or what lies beside tools in it.
    #[test]
    fn the_path_shows_packages_and_no_home() {
        let home = Some(Path::new("/home/ada"));
        let cases = [
            ("/opt/zig/bin", Some("/opt/zig")),
            ("/home/ada/.local/bin", Some("/home/ada/.local/bin")),
            ("/home/ada/bin", Some("/home/ada/bin")),
            (
                "/home/ada/.nvm/versions/node/v22/bin",
                Some("/home/ada/.nvm/versions/node/v22"),
            ),
            ("/data/bin", Some("/data/bin")),
            ("/home/ada", None),
            ("/home", None),
            ("/", None),
            ("/home/ada/.ssh", None),
            ("/home/ada/.aws/bin", None),
            ("bin", None),
        ];
        for (folder, shown) in cases {
            let got = tool_folder(Path::new(folder), home);
            assert_eq!(got, shown.map(PathBuf::from), "{folder}");
        }
    }

    /// No tool that is shown lies inside a secret, but for one agent's own program.
    #[test]
    fn tools_and_secrets_are_apart() {
        for tool in TOOLS.iter().filter(|tool| **tool != ".claude/local") {
            let inside = |secret: &&&str| Path::new(tool).starts_with(secret);
            assert_eq!(SECRETS.iter().find(inside), None, "{tool}");
        }
    }
}
