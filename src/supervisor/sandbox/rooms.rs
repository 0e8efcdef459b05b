//! Homes and temporary folders of a loop's own. The operator's home is not theirs: tools are found
//! through links, a login through a copy, and nothing that a worker plants there runs elsewhere.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::agents::{Choice, Known};
use super::grants::TOOLS;
use super::settings::{COPIED, Part};
use crate::supervisor::workspace::{Trouble, disk};

/// Longest login file that is copied.
const LONGEST_LOGIN: u64 = 256 * 1024;

/// Variables that lead programs into the home, and where in it.
const PLACES: [(&str, &str); 7] = [
    ("HOME", ""),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
    ("CLAUDE_CONFIG_DIR", ".claude"),
    ("CODEX_HOME", ".codex"),
];

/// What of a room is kept when it is made ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of its home: the run goes on.
    Home,
    /// The login of its agent, which the agent may have renewed: what a worker leaves for the next
    /// run goes through memory, where it is seen.
    Login,
    /// Nothing: an examiner finds nothing of what ran before.
    Nothing,
}

/// The home and the temporary folder of one role of a loop: of its worker, or of its examiner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Home of its processes.
    pub home: PathBuf,
    /// Its temporary folder.
    pub temp: PathBuf,
}

impl Room {
    /// The room in this folder; nothing is made yet.
    pub fn at(folder: &Path) -> Self {
        Self {
            home: folder.join("home"),
            temp: folder.join("tmp"),
        }
    }

    /// Makes it ready: temporary files are gone, of the home is there what is kept, the tools of the
    /// operator's home, and the login of its agent. None of its processes may be running.
    ///
    /// # Errors
    /// What cannot be made.
    pub fn furnish(
        &self,
        keep: Keep,
        operator: Option<&Path>,
        agent: Option<&Known>,
    ) -> Result<(), Trouble> {
        let logins = agent.map_or(&[][..], |agent| agent.logins);
        let kept = match keep {
            Keep::Login => self.logins(logins),
            Keep::Home | Keep::Nothing => Vec::new(),
        };
        if keep != Keep::Home {
            disk::remove(&self.home)?;
        }
        disk::remove(&self.temp)?;
        make(&self.temp)?;
        for (_, place) in PLACES {
            self.folder(Path::new(place))?;
        }
        for (login, copy) in kept {
            self.put(login, &copy)?;
        }
        let Some(operator) = operator else {
            return Ok(());
        };
        for tool in TOOLS {
            self.lead_to(operator, tool)?;
        }
        for (file, part) in COPIED {
            self.copy_part(operator, file, part)?;
        }
        for login in logins {
            self.copy_login(operator, login)?;
        }
        match agent.and_then(|agent| agent.choice.as_ref()) {
            Some(choice) => self.copy_choice(operator, choice),
            None => Ok(()),
        }
    }

    /// The variables that lead programs into it.
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let mut all: Vec<(String, OsString)> = PLACES
            .iter()
            .map(|(name, place)| {
                let place = if place.is_empty() {
                    self.home.clone()
                } else {
                    self.home.join(place)
                };
                ((*name).to_owned(), place.into_os_string())
            })
            .collect();
        all.push(("TMPDIR".to_owned(), self.temp.clone().into_os_string()));
        all
    }

    /// A folder below the home. Whatever else stands on the way, a link that leads out of it above
    /// all, is taken away.
    fn folder(&self, below: &Path) -> Result<PathBuf, Trouble> {
        let mut here = self.home.clone();
        make(&here)?;
        for part in below {
            here.push(part);
            disk::folder(&here)?;
        }
        Ok(here)
    }

    /// A link to a tool of the operator, unless the worker has put something of its own there.
    fn lead_to(&self, operator: &Path, tool: &str) -> Result<(), Trouble> {
        let there = operator.join(tool);
        if fs::symlink_metadata(&there).is_err() {
            return Ok(());
        }
        let at = self.place(tool)?;
        if fs::symlink_metadata(&at).is_ok() {
            return Ok(());
        }
        symlink(&there, &at).map_err(|e| Trouble::file("link", &at, &e))
    }

    /// Where a file of the home lies, with real folders all the way to it.
    fn place(&self, file: &str) -> Result<PathBuf, Trouble> {
        let file = Path::new(file);
        let folder = self.folder(file.parent().unwrap_or(Path::new("")))?;
        Ok(folder.join(file.file_name().unwrap_or_default()))
    }

    /// Copies the operator's login where it is newer than the one here, or that one says to be of a time to come: it
    /// would stand for ever.
    fn copy_login(&self, operator: &Path, login: &'static str) -> Result<(), Trouble> {
        let Some(theirs) = Login::read(&operator.join(login)) else {
            return Ok(());
        };
        match Login::read(&self.place(login)?) {
            Some(here) if here.age() >= theirs.age() && here.age() <= self.now()? => Ok(()),
            Some(_) | None => self.put(login, &theirs),
        }
    }

    /// The present time by the clock of the file system: that of the newest file here.
    fn now(&self) -> Result<(i64, i64), Trouble> {
        let mark = self.temp.join(".now");
        let made = File::create(&mark).and_then(|file| file.metadata());
        let meta = made.map_err(|e| Trouble::file("make", &mark, &e))?;
        disk::remove(&mark)?;
        Ok((meta.mtime(), meta.mtime_nsec()))
    }

    /// Writes what of a tool's settings holds no login, unless the worker has put something of its own there.
    fn copy_part(&self, operator: &Path, file: &str, part: Part) -> Result<(), Trouble> {
        let Some(theirs) = Login::read(&operator.join(file)) else {
            return Ok(());
        };
        let bytes = std::str::from_utf8(&theirs.bytes).ok().and_then(part);
        let at = self.place(file)?;
        let Some(bytes) = bytes.filter(|_| fs::symlink_metadata(&at).is_err()) else {
            return Ok(());
        };
        let bytes = bytes.into_bytes();
        self.put(file, &Login { bytes, ..theirs })
    }

    /// Writes settings that say how to log in and nothing else, where the agent has none here yet.
    fn copy_choice(&self, operator: &Path, choice: &Choice) -> Result<(), Trouble> {
        let Some(theirs) = Login::read(&operator.join(choice.file)) else {
            return Ok(());
        };
        let at = self.place(choice.file)?;
        let Some(bytes) = chosen(&theirs.bytes, choice).filter(|_| !at.exists()) else {
            return Ok(());
        };
        self.put(choice.file, &Login { bytes, ..theirs })
    }

    /// The logins that lie here now, but for what only looks like one.
    fn logins(&self, files: &[&'static str]) -> Vec<(&'static str, Login)> {
        let plain = |file: &&str| {
            let mut ways = Path::new(file)
                .ancestors()
                .filter(|way| *way != Path::new(""));
            ways.all(|way| !self.home.join(way).is_symlink())
        };
        let read = |file: &&'static str| Some((*file, Login::read(&self.home.join(file))?));
        files
            .iter()
            .filter(|file| plain(file))
            .filter_map(read)
            .collect()
    }

    /// Puts a login in its place, for its owner alone. What stands there is replaced, not followed.
    fn put(&self, file: &str, login: &Login) -> Result<(), Trouble> {
        let at = self.place(file)?;
        disk::remove(&at)?;
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&at)
            .and_then(|mut file| {
                file.write_all(&login.bytes)?;
                file.set_times(FileTimes::new().set_modified(login.meta.modified()?))
            });
        written.map_err(|e| Trouble::file("copy the login to", &at, &e))
    }
}

/// A login file and when it was written.
struct Login {
    bytes: Vec<u8>,
    meta: Metadata,
}

impl Login {
    /// Reads a plain file of a sensible length; `None` for all else.
    fn read(path: &Path) -> Option<Self> {
        let meta = fs::symlink_metadata(path).ok()?;
        let meta = if meta.is_symlink() {
            fs::metadata(path).ok()?
        } else {
            meta
        };
        if !meta.is_file() || meta.len() > LONGEST_LOGIN {
            return None;
        }
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(LONGEST_LOGIN).read_to_end(&mut bytes).ok()?;
        Some(Self { bytes, meta })
    }

    /// When it was written, in seconds and billionths.
    fn age(&self) -> (i64, i64) {
        (self.meta.mtime(), self.meta.mtime_nsec())
    }
}

/// Settings with the chosen word alone; `None` where they hold none that is known.
fn chosen(settings: &[u8], choice: &Choice) -> Option<Vec<u8>> {
    let all: Value = serde_json::from_slice(settings).ok()?;
    let word = choice
        .at
        .iter()
        .try_fold(&all, |value, key| value.get(key))?;
    let word = choice.words.iter().find(|known| word == **known)?;
    let [outer, inner, name] = choice.at;
    serde_json::to_vec(&json!({ outer: { inner: { name: word } } })).ok()
}

fn make(folder: &Path) -> Result<(), Trouble> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|e| Trouble::file("make", parent, &e))?;
    }
    disk::folder(folder)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::agents::started_by;
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// S19: links that a worker leaves in its home lead the host nowhere.
    #[test]
    fn a_planted_link_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (operator, outside) = (root.path().join("op"), root.path().join("outside"));
        write(&operator.join(".cargo/bin/tool"), "");
        write(&operator.join(".claude/.credentials.json"), "{}");
        fs::create_dir(&outside).unwrap();
        let own = Room::at(&root.path().join("own"));
        let claude = started_by(&["claude".to_owned()]);
        for planted in [".local", ".cargo", ".claude", ".config", ""] {
            own.furnish(Keep::Nothing, Some(&operator), claude).unwrap();
            let at = own.home.join(planted);
            fs::remove_dir_all(&at).unwrap();
            symlink(&outside, at.as_path().components().as_path()).unwrap();
            for keep in [Keep::Home, Keep::Login] {
                own.furnish(keep, Some(&operator), claude).unwrap();
                assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{planted}");
            }
        }
    }

    /// How to log in comes in, and nothing of what else an agent's settings may make it run; a link in
    /// its place is not followed.
    #[test]
    fn only_the_choice_of_a_login_comes_in() {
        let root = tempfile::tempdir().unwrap();
        let (operator, own) = (root.path().join("op"), Room::at(&root.path().join("own")));
        let settings = operator.join(".gemini/settings.json");
        let here = own.home.join(".gemini/settings.json");
        let gemini = started_by(&["gemini".to_owned()]);
        let furnish = |keep| own.furnish(keep, Some(&operator), gemini).unwrap();
        write(
            &settings,
            r#"{"hooks":{"x":1},"mcpServers":{"m":{"command":"sh"}},
                "security":{"auth":{"selectedType":"oauth-personal","key":"s"},"folderTrust":false}}"#,
        );
        furnish(Keep::Nothing);
        let only = r#"{"security":{"auth":{"selectedType":"oauth-personal"}}}"#;
        assert_eq!(fs::read_to_string(&here).unwrap(), only);
        let outside = root.path().join("outside");
        fs::remove_file(&here).unwrap();
        symlink(&outside, &here).unwrap();
        furnish(Keep::Home);
        assert!(!outside.exists());
        for bad in [
            "{",
            "[]",
            r#"{"security":{"auth":{"selectedType":"sh -c x"}}}"#,
        ] {
            write(&settings, bad);
            furnish(Keep::Nothing);
            assert!(!here.exists(), "{bad}");
        }
    }

    /// §5.7: a login comes in for its owner alone; a renewed one stays, a newer one replaces it.
    #[test]
    fn a_login_is_as_new_as_the_newest() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let (login, own) = (
            root.path().join(".claude/.credentials.json"),
            Room::at(&root.path().join("r")),
        );
        let claude = started_by(&["claude".to_owned()]);
        let here = own.home.join(".claude/.credentials.json");
        let age = |path: &Path, seconds: u64| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(at)
                .unwrap();
        };
        let now = |keep| {
            own.furnish(keep, Some(root.path()), claude).unwrap();
            fs::read_to_string(&here).unwrap()
        };
        write(&login, "1");
        age(&login, 1_000);
        assert_eq!(now(Keep::Nothing), "1");
        assert_eq!(
            fs::metadata(&here).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&here, "renewed").unwrap();
        write(&own.home.join(".claude/CLAUDE.md"), "obey");
        assert_eq!(now(Keep::Login), "renewed");
        assert!(!own.home.join(".claude/CLAUDE.md").exists());
        age(&here, 2_000);
        write(&login, "3");
        age(&login, 3_000);
        assert_eq!(now(Keep::Home), "3");
        assert_eq!(now(Keep::Nothing), "3");
        // One that says to be of the year 2099 is nobody's.
        fs::write(&here, "planted").unwrap();
        age(&here, 4_070_908_800);
        assert_eq!(now(Keep::Login), "3");
    }
}
