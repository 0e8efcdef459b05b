//! What the processes of a run may read, whoever they are: the system's own folders, the tools that
//! people keep in their home, what the `PATH` names. All else of a home is not there for them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::hidden;
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
pub(super) const TOOLS: [&str; 35] = [
    ".asdf",
    ".bun/bin",
    ".bun/install",
    ".cabal/bin",
    ".cargo/bin",
    ".cargo/git",
    ".cargo/registry",
    ".claude/local",
    ".deno/bin",
    ".fnm",
    ".ghcup",
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
    "go/bin",
    "go/pkg",
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

/// What a package consists of beside its `bin`, with the marks by which its programs know their own folder. Neither
/// settings nor what people keep: `etc`, `src` and the like are not among it.
const PARTS: [&str; 13] = [
    "lib",
    "lib32",
    "lib64",
    "libexec",
    "include",
    "share",
    "conf",
    "jmods",
    "boot",
    "release",
    "pyvenv.cfg",
    "go.env",
    VERSION,
];

/// What a release of Go carries, and a folder of Go projects does not.
const VERSION: &str = "VERSION";

/// What else belongs to a package with a `VERSION`: a compiler's own library.
const SOURCES: [&str; 2] = ["src", "pkg"];

/// The operator's own folders: what is found in the `PATH` must not show them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    /// The home, where the host knows it.
    pub(super) home: Option<&'a Path>,
    /// The project.
    pub(super) project: &'a Path,
}

/// What every process may read, wherever it is: the system, the tools of the home.
pub(super) fn common(home: Option<&Path>) -> Vec<PathBuf> {
    let tools = home
        .iter()
        .flat_map(|home| TOOLS.map(|tool| home.join(tool)));
    SYSTEM.iter().map(PathBuf::from).chain(tools).collect()
}

/// What this `PATH` names.
pub(super) fn on_the_path(path: &OsStr, own: Own<'_>) -> Vec<PathBuf> {
    let folders = std::env::split_paths(path);
    folders
        .flat_map(|folder| own.tool_folder(&folder))
        .collect()
}

/// What a command names: its own files by their full path, wherever they lie but among secrets,
/// and its program with its package, also where the `PATH` has only a link to it.
pub(super) fn named_by(command: &[String], path: &OsStr, own: Own<'_>) -> Vec<PathBuf> {
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
        .filter(|path| !own.in_secrets(path))
        .chain(program.as_deref())
        .map(Path::to_owned)
        .chain(
            beside
                .into_iter()
                .flat_map(|folder| own.tool_folder(folder)),
        )
        .collect()
}

/// The outermost `node_modules` around a folder: a package there needs its neighbours.
fn packages(folder: &Path) -> Option<&Path> {
    let all = folder.ancestors().filter(|a| a.ends_with("node_modules"));
    all.last()
}

impl Own<'_> {
    fn in_secrets(self, path: &Path) -> bool {
        self.home.is_some_and(|home| {
            let mut secrets = SECRETS.iter();
            secrets.any(|secret| path.starts_with(home.join(secret)))
        })
    }

    /// The folder of the `PATH` itself, and what belongs to it: `bin` of a package comes with its `lib`.
    fn tool_folder(self, folder: &Path) -> Vec<PathBuf> {
        if !folder.is_absolute() {
            return Vec::new();
        }
        let whole = folder.parent().filter(|_| folder.ends_with("bin"));
        let whole = whole.filter(|whole| whole.components().count() > 2);
        let parts = whole.into_iter().filter(|whole| self.is_a_package(whole));
        let shown = |path: &PathBuf| {
            let hides = |way: &PathBuf| !self.is_shown_by(way) && !self.in_secrets(way);
            ways_to(path).iter().all(hides)
        };
        std::iter::once(folder.to_owned())
            .chain(parts.flat_map(parts_of))
            .filter(shown)
            .collect()
    }

    /// Whether a folder around a `bin` is that of a tool: nobody's project, and not in this one.
    fn is_a_package(self, whole: &Path) -> bool {
        let ways = ways_to(whole);
        let apart = |way: &PathBuf| {
            let mut projects = ways_to(self.project).into_iter();
            !self.is_shown_by(way) && !projects.any(|project| way.starts_with(project))
        };
        ways.iter().all(apart) && !hidden::are_in(whole)
    }

    /// Whether this folder is the home or the project, holds one, or is one of the folders of the home that hold
    /// all kinds of things.
    fn is_shown_by(self, folder: &Path) -> bool {
        let mut projects = ways_to(self.project).into_iter();
        let shows_home = self.home.is_some_and(|home| {
            let mixed = [".local", ".config", ".cache", ".local/share"];
            home.starts_with(folder) || mixed.iter().any(|name| folder == home.join(name))
        });
        shows_home || projects.any(|project| project.starts_with(folder))
    }
}

/// What there is of a package beside its programs.
fn parts_of(package: &Path) -> Vec<PathBuf> {
    let sources = SOURCES.iter().filter(|_| package.join(VERSION).is_file());
    let parts = PARTS.iter().chain(sources);
    parts
        .map(|part| package.join(part))
        .filter(|part| part.exists())
        .collect()
}

/// A path as it is written, and where it leads.
fn ways_to(path: &Path) -> Vec<PathBuf> {
    let real = path.canonicalize().ok();
    let real = real.filter(|real| real != path);
    std::iter::once(path.to_owned()).chain(real).collect()
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

    /// A folder of the `PATH` is shown, and never a home, a project or a secret.
    #[test]
    fn the_path_shows_its_folders_and_no_home() {
        let own = Own {
            home: Some(Path::new("/home/ada")),
            project: Path::new("/home/ada/work/p"),
        };
        let cases = [
            ("/data/bin", true),
            ("/home/ada/bin", true),
            ("/home/ada/work/p/bin", true),
            ("/home/ada/work/bin", true),
            ("/home/ada", false),
            ("/home", false),
            ("/", false),
            ("/home/ada/.ssh", false),
            ("/home/ada/.aws/bin", false),
            ("bin", false),
            ("/home/ada/work/p", false),
            ("/home/ada/work", false),
        ];
        for (folder, shown) in cases {
            let wanted: Vec<PathBuf> = shown.then(|| folder.into()).into_iter().collect();
            assert_eq!(own.tool_folder(Path::new(folder)), wanted, "{folder}");
        }
    }

    /// A `bin` comes with the parts of its package and nothing that lies beside them; in a project, a home or a folder
    /// of Go projects it comes alone, by whatever name it is found.
    #[test]
    fn the_path_shows_packages_and_no_project() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let own = Own {
            home: Some(&root),
            project: &root.join("p"),
        };
        let cases: [(&str, &[&str], &[&str]); 9] = [
            (
                "node",
                &["lib/x", "share/x", "etc/npmrc"],
                &["lib", "share"],
            ),
            (
                "goroot",
                &["VERSION", "src/fmt/x", "pkg/x"],
                &["VERSION", "src", "pkg"],
            ),
            ("go", &["src/github.com/me/shop/.env", "pkg/x"], &[]),
            (".fly", &["config.yml"], &[]),
            (".cargo", &["config.toml", "credentials.toml"], &[]),
            ("venv", &["lib/x", "pyvenv.cfg"], &["lib", "pyvenv.cfg"]),
            ("other", &["lib/x", ".env"], &[]),
            ("third", &["lib/x", ".git/config"], &[]),
            (".local", &["share/keyrings/x", "lib/x"], &[]),
        ];
        for (name, beside, parts) in cases {
            let folder = root.join(name);
            std::fs::create_dir_all(folder.join("bin")).unwrap();
            for file in beside {
                let file = folder.join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, "").unwrap();
            }
            let mut wanted: Vec<PathBuf> = parts.iter().map(|part| folder.join(part)).collect();
            wanted.push(folder.join("bin"));
            let mut shown = own.tool_folder(&folder.join("bin"));
            wanted.sort();
            shown.sort();
            assert_eq!(shown, wanted, "{name}");
        }
        std::fs::create_dir_all(root.join("p/bin")).unwrap();
        std::os::unix::fs::symlink(root.join("p"), root.join("link")).unwrap();
        let through = root.join("link/bin");
        assert_eq!(own.tool_folder(&through), std::slice::from_ref(&through));
        assert_eq!(own.tool_folder(&root.join("link")), [] as [PathBuf; 0]);
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
