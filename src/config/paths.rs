//! Where things live: one state folder per project, outside of it, with socket, lock and log.
//! The environment is handed in as values; only `Paths::prepare` touches the disk.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::project;
use crate::run::Digest;

/// Longest socket path that every system takes, in bytes with its closing NUL: `sun_path` has 104
/// on macOS and 108 on Linux.
const LONGEST_SOCKET: usize = 104;

/// What the environment says about places; empty values count as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `CHECKRIDE_STATE_DIR`: instead of the platform's state folder.
    pub state_dir: Option<OsString>,
    /// `CHECKRIDE_CONFIG_DIR`: instead of the platform's config folder.
    pub config_dir: Option<OsString>,
    /// The folder for short-lived files, as `std::env::temp_dir` gives it.
    pub temp_dir: PathBuf,
    /// The user's number, to tell one's own short folder from another's.
    pub uid: u32,
}

/// Every path that the program uses for one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    project: PathBuf,
    state: PathBuf,
    config: PathBuf,
    socket: PathBuf,
    uid: u32,
}

impl Paths {
    /// The places for this project, which must exist; nothing is created.
    ///
    /// The error is one line: the project that cannot be entered, or a user without a home.
    pub fn new(project: &Path, environment: &Environment) -> Result<Self, String> {
        let project = fs::canonicalize(project).map_err(|e| {
            format!(
                "{} cannot be entered: {}",
                project.display(),
                project::cause(&e)
            )
        })?;
        if !project.is_dir() {
            return Err(format!("{} is not a folder", project.display()));
        }
        let given =
            |value: &Option<OsString>| value.clone().filter(|v| !v.is_empty()).map(PathBuf::from);
        let platform = directories::ProjectDirs::from("", "", "checkride");
        let states = given(&environment.state_dir)
            .or_else(|| {
                platform
                    .as_ref()
                    .map(|dirs| dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned())
            })
            .ok_or("no home folder is known; set CHECKRIDE_STATE_DIR")?;
        let config = given(&environment.config_dir)
            .or_else(|| platform.as_ref().map(|dirs| dirs.config_dir().to_owned()))
            .ok_or("no home folder is known; set CHECKRIDE_CONFIG_DIR")?;
        let config = std::path::absolute(&config).map_err(|e| project::cause(&e))?;
        let states = std::path::absolute(&states).map_err(|e| project::cause(&e))?;
        if states.starts_with(&project) {
            return Err(format!(
                "the state folder {} lies inside the project; set CHECKRIDE_STATE_DIR to another",
                states.display()
            ));
        }
        let key = key(&project);
        let state = states.join(&key);
        let socket = socket_path(&state, &key, environment);
        Ok(Self {
            project,
            state,
            config,
            socket,
            uid: environment.uid,
        })
    }

    /// Creates the state folder and the socket's folder, each for this user alone.
    ///
    /// The error is one line that names the folder: it cannot be made, or it is another's.
    pub fn prepare(&self) -> Result<(), String> {
        own_folder(&self.state, self.uid)?;
        match self.socket.parent() {
            Some(parent) if parent != self.state => own_folder(parent, self.uid),
            Some(_) | None => Ok(()),
        }
    }

    /// The project's folder, links resolved.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// The project's state folder, outside the project.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The host's socket; short enough for the system.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The user's config folder, which need not exist.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The file whose lock the host holds.
    pub fn lock(&self) -> PathBuf {
        self.state.join("host.lock")
    }

    /// The host's log.
    pub fn log(&self) -> PathBuf {
        self.state.join("host.log")
    }
}

/// The name of a project's state folder: its last name, then what tells it from all others.
fn key(project: &Path) -> String {
    let digest = Digest::of(project.as_os_str().as_bytes());
    let name = project
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let plain = plain.trim_start_matches('.');
    let digits = digest.as_str().get(..16).unwrap_or_default();
    if plain.is_empty() {
        digits.to_owned()
    } else {
        format!("{plain}-{digits}")
    }
}

/// In the state folder where that is short enough, else in a short folder of this user's.
fn socket_path(state: &Path, key: &str, environment: &Environment) -> PathBuf {
    let usual = state.join("host.sock");
    if usual.as_os_str().len() < LONGEST_SOCKET {
        return usual;
    }
    let folder = format!("checkride-{}", environment.uid);
    let name = format!(
        "{}.sock",
        key.get(key.len().saturating_sub(16)..).unwrap_or(key)
    );
    // The folder for short-lived files may itself be long (macOS); /tmp never is.
    [environment.temp_dir.as_path(), Path::new("/tmp")]
        .iter()
        .map(|temp| temp.join(&folder).join(&name))
        .find(|path| path.as_os_str().len() < LONGEST_SOCKET)
        .unwrap_or(usual)
}

/// Makes a folder that only this user may enter, or makes sure that it is one.
fn own_folder(path: &Path, uid: u32) -> Result<(), String> {
    let failed = |e: &io::Error| {
        format!(
            "the folder {} cannot be used: {}",
            path.display(),
            project::cause(e)
        )
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| failed(&e))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&e)),
        Ok(()) | Err(_) => {}
    }
    let meta = fs::symlink_metadata(path).map_err(|e| failed(&e))?;
    if !meta.is_dir() || meta.uid() != uid {
        return Err(format!(
            "the folder {} is not this user's own; remove it or set CHECKRIDE_STATE_DIR",
            path.display()
        ));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(|e| failed(&e))?;
    }
    Ok(())
}
