//! Running git: with which settings, in which environment, against which repository.
//! Two kinds only: the private repository, sealed off, and the operator's, as they set it up.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::leash::Leash;
use super::trouble::Trouble;

/// Oldest git that has all that is used here: `merge-tree --merge-base` came with 2.40.
pub const OLDEST: (u32, u32) = (2, 40);

/// Settings for every call: nothing runs besides git, nothing is tidied up by the way.
const QUIET: [&str; 14] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.quotePath=false",
    "core.pager=cat",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "protocol.ext.allow=never",
    "protocol.file.allow=always",
];

/// Settings for the private repository only: bytes go in and come out as they are.
const PLAIN: [&str; 8] = [
    "core.autocrlf=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.protectNTFS=false",
    // The journal names these objects: a power cut must not take them away. Each is synced by itself: one sync
    // for all of them holds only where the file system writes in order.
    "core.fsync=objects",
    "core.fsyncMethod=fsync",
];

/// How git ends a line about a disk without room.
const WITHOUT_ROOM: [&str; 2] = [": No space left on device", ": Disk quota exceeded"];

/// A disk with fewer bytes left is full to git: it takes its own half-written files away before it ends.
const HARDLY_ANY: u64 = 256 * 1024;

/// One way to call git.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    folder: PathBuf,
    sealed: bool,
    env: Vec<(OsString, OsString)>,
    settings: Vec<&'static str>,
}

impl Git {
    /// Calls on the private repository: no configuration but ours is read.
    pub fn private(program: &Path, repo: &Path) -> Self {
        let mut git = Self {
            program: program.to_owned(),
            folder: repo.to_owned(),
            sealed: true,
            env: Vec::new(),
            settings: Vec::new(),
        };
        let home = repo.join("no-home");
        git.set("GIT_DIR", repo);
        git.set("HOME", &home);
        git.set("XDG_CONFIG_HOME", &home);
        git.set("GIT_CONFIG_GLOBAL", "/dev/null");
        git.set("GIT_CONFIG_NOSYSTEM", "1");
        git.set("GIT_ATTR_NOSYSTEM", "1");
        git.set("PATH", std::env::var_os("PATH").unwrap_or_default());
        git.signed("checkride", "checkride@localhost")
    }

    /// Calls on the operator's repository, with the operator's own configuration.
    pub fn operators(program: &Path, project: &Path) -> Self {
        Self {
            program: program.to_owned(),
            folder: project.to_owned(),
            sealed: false,
            env: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// The same calls with a work tree and an index of their own.
    #[must_use]
    pub fn on(&self, tree: &Path, index: &Path) -> Self {
        let mut git = self.with_index(index);
        git.set("GIT_WORK_TREE", tree);
        tree.clone_into(&mut git.folder);
        git
    }

    /// The same calls with another index.
    #[must_use]
    pub fn with_index(&self, index: &Path) -> Self {
        self.with("GIT_INDEX_FILE", index)
    }

    /// The same calls with one more variable.
    #[must_use]
    pub fn with(&self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let mut git = self.clone();
        git.set(name, value);
        git
    }

    /// The same calls with one more setting.
    #[must_use]
    pub fn with_setting(&self, setting: &'static str) -> Self {
        let mut git = self.clone();
        git.settings.push(setting);
        git
    }

    /// Which git is called.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The same calls with commits made in this name.
    #[must_use]
    pub fn signed(mut self, name: &str, email: &str) -> Self {
        for role in ["AUTHOR", "COMMITTER"] {
            self.set(&format!("GIT_{role}_NAME"), name);
            self.set(&format!("GIT_{role}_EMAIL"), email);
        }
        self
    }

    /// The same calls with commits dated to the second zero, so that equal content is one commit.
    #[must_use]
    pub fn undated(&self) -> Self {
        self.with("GIT_AUTHOR_DATE", "@0 +0000")
            .with("GIT_COMMITTER_DATE", "@0 +0000")
    }

    fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.as_ref().to_owned()));
    }

    fn command(&self, args: &[&OsStr]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder);
        if self.sealed {
            command.env_clear();
        } else {
            for (name, _) in std::env::vars_os() {
                if name.as_encoded_bytes().starts_with(b"GIT_") {
                    command.env_remove(name);
                }
            }
        }
        let plain: &[&str] = if self.sealed { &PLAIN } else { &[] };
        for setting in QUIET.iter().chain(plain).chain(&self.settings) {
            command.args(["-c", setting]);
        }
        command
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs git to its end, whatever its exit code.
    pub fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Output, Trouble> {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        self.command(&args)
            .output()
            .map_err(|error| self.cannot_start(&error))
    }

    /// What git prints; an exit code other than 0 is trouble.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, Trouble> {
        let output = self.output(args)?;
        self.settle(args, output)
    }

    /// As `run`, ended early where the leash is cut.
    pub fn run_on<S: AsRef<OsStr>>(&self, leash: &Leash, args: &[S]) -> Result<Vec<u8>, Trouble> {
        let plain: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let output = leash.output(&mut self.command(&plain));
        self.settle(args, output.map_err(|error| self.cannot_start(&error))?)
    }

    /// As `run`, as one line without its end.
    pub fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, Trouble> {
        let printed = self.run(args)?;
        Ok(String::from_utf8_lossy(&printed).trim_end().to_owned())
    }

    /// As `run`, with these bytes on standard input.
    pub fn fed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, Trouble> {
        let output = self.output_fed(args, input)?;
        self.settle(args, output)
    }

    /// As `fed`, for commands whose exit code 1 means «none of them».
    pub fn fed_any<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, Trouble> {
        let output = self.output_fed(args, input)?;
        if output.status.code() == Some(1) {
            return Ok(output.stdout);
        }
        self.settle(args, output)
    }

    fn output_fed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Output, Trouble> {
        let plain: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let mut child = self
            .command(&plain)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| self.cannot_start(&error))?;
        let pipe = child.stdin.take();
        std::thread::scope(|scope| {
            // A thread of its own: git may print before it has read everything.
            scope.spawn(move || {
                if let Some(mut pipe) = pipe {
                    // A git that stops reading says why on its own; that is the message to show.
                    pipe.write_all(input).unwrap_or_default();
                }
            });
            child.wait_with_output()
        })
        .map_err(|error| self.cannot_start(&error))
    }

    /// The first bytes that git prints, at most `cap`, and whether there was more.
    pub fn capped<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        cap: u64,
    ) -> Result<(Vec<u8>, bool), Trouble> {
        let plain: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let mut child = self
            .command(&plain)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| self.cannot_start(&error))?;
        let mut printed = Vec::new();
        if let Some(pipe) = child.stdout.take() {
            pipe.take(cap + 1)
                .read_to_end(&mut printed)
                .map_err(|error| self.cannot_start(&error))?;
        }
        let more = printed.len() as u64 > cap;
        if more {
            printed.truncate(usize::try_from(cap).unwrap_or(usize::MAX));
            // It may have ended by itself already.
            child.kill().unwrap_or_default();
        }
        let status = child.wait().map_err(|error| self.cannot_start(&error))?;
        if !more && !status.success() {
            return Err(self.refused(args, &[]));
        }
        Ok((printed, more))
    }

    fn settle<S: AsRef<OsStr>>(&self, args: &[S], output: Output) -> Result<Vec<u8>, Trouble> {
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(self.refused(args, &output.stderr))
        }
    }

    fn refused<S: AsRef<OsStr>>(&self, args: &[S], stderr: &[u8]) -> Trouble {
        let verb = args
            .first()
            .map(|verb| verb.as_ref().to_string_lossy().into_owned())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(stderr);
        let told = |line: &&str| !line.starts_with("hint:") && !line.starts_with("warning:");
        let reason = text.lines().find(told).unwrap_or("no reason given");
        self.failed(&format!("git {verb} failed: {reason}"), stderr)
    }

    /// A call that ended badly, in these words. Git does not always say that a disk is full: one that has next
    /// to nothing left says so itself.
    pub fn failed(&self, cause: &str, stderr: &[u8]) -> Trouble {
        let left = || {
            let disk = rustix::fs::statvfs(&self.folder).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        };
        let told = tells_of_no_room(stderr);
        let no_room = told || left().is_some_and(|left| left < HARDLY_ANY);
        let cause = if no_room && !told {
            format!("{cause}; its disk is full")
        } else {
            cause.to_owned()
        };
        Trouble {
            no_room,
            ..Trouble::with_detail(cause, stderr)
        }
    }

    fn cannot_start(&self, error: &std::io::Error) -> Trouble {
        if error.kind() == std::io::ErrorKind::NotFound && self.folder.is_dir() {
            return Trouble::new(format!(
                "git is not installed ({} was not found): install git {}.{} or newer",
                self.program.display(),
                OLDEST.0,
                OLDEST.1
            ));
        }
        Trouble::file("run git in", &self.folder, error)
    }

    /// Refuses a git that is missing or too old.
    pub fn require_version(&self) -> Result<(), Trouble> {
        let said = self.line(&["version"])?;
        match parse_version(&said) {
            Some(version) if version >= OLDEST => Ok(()),
            Some((major, minor)) => Err(Trouble::new(format!(
                "git {major}.{minor} is too old: install git {}.{} or newer",
                OLDEST.0, OLDEST.1
            ))),
            None => Err(Trouble::new(format!(
                "cannot read the version of git from «{said}»: install git {}.{} or newer",
                OLDEST.0, OLDEST.1
            ))),
        }
    }
}

/// Whether git says that it could not write for want of room, in the plain words of the locale it is called in.
fn tells_of_no_room(stderr: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text.lines().map(str::trim_end);
    lines.any(|line| WITHOUT_ROOM.iter().any(|end| line.ends_with(end)))
}

fn parse_version(said: &str) -> Option<(u32, u32)> {
    let number = said.strip_prefix("git version ")?;
    let mut parts = number.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full disk is known by the end of a line, not by words in somebody's file name.
    #[test]
    fn a_full_disk_is_known_by_its_line() {
        let full =
            b"warning: x\nerror: unable to write file a: No space left on device\nfatal: y\n";
        assert!(tells_of_no_room(full));
        assert!(tells_of_no_room(b"fatal: write error: Disk quota exceeded"));
        let named = b"error: open(\"a: No space left on device\"): Permission denied\n";
        assert!(!tells_of_no_room(named));
    }

    /// Versions are read with and without a vendor's addition.
    #[test]
    fn versions_are_read() {
        assert_eq!(parse_version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(
            parse_version("git version 2.39.5 (Apple Git-154)"),
            Some((2, 39))
        );
        assert_eq!(parse_version("hub 1"), None);
    }
}
