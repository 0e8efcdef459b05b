//! `host --install`: a file for the system's own starter of programs, so that the project's host
//! survives logout and reboot. It is written and shown; starting it is the operator's to do.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::program;
use crate::cli::{Exit, Fail, Out};
use crate::config::Paths;
use crate::durable;

/// How a file of ours begins; any other file is left alone.
const MARK: &str = "written by `checkride host --install`";

/// The host of one project as a job of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    /// Name of the project's state folder: one of a kind on this machine.
    key: String,
    program: String,
    project: String,
    env: Vec<(String, String)>,
}

/// Writes the job's file, shows it and says what to run.
pub(super) fn install(paths: &Paths, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let job = job(paths)?;
    let path = place(&job.key)?;
    let text = if is_mac() { plist(&job) } else { unit(&job) };
    let text = text.map_err(|why| Exit::Usage.because(why))?;
    let trouble = |e: io::Error| cannot(&path, &e);
    must_be_ours(&path)?;
    path.parent().into_iter().for_each(durable::sweep);
    durable::replace(&path, text.as_bytes(), 0o644).map_err(trouble)?;
    out.line(&format!("wrote {}", path.display()));
    out.line("");
    for line in text.lines() {
        out.line(&format!("  {line}"));
    }
    out.line("");
    out.text(&next_steps(&job, &path));
    Ok(Exit::Done)
}

/// Takes the job's file away.
pub(super) fn uninstall(paths: &Paths, out: &mut Out<'_>) -> Result<Exit, Fail> {
    let job = job(paths)?;
    let path = place(&job.key)?;
    if fs::symlink_metadata(&path).is_err() {
        out.line(&format!("{} is not there", path.display()));
        return Ok(Exit::Done);
    }
    must_be_ours(&path)?;
    fs::remove_file(&path).map_err(|e| cannot(&path, &e))?;
    out.line(&format!("removed {}", path.display()));
    let name = file_name(&job.key);
    out.text(&if is_mac() {
        format!("if it was loaded, end it with:\n  launchctl bootout gui/$(id -u)/{}\n", label(&job.key))
    } else {
        format!(
            "if it was enabled, end it with:\n  systemctl --user disable --now {name}\n  systemctl --user daemon-reload\n"
        )
    });
    Ok(Exit::Done)
}

fn is_mac() -> bool {
    cfg!(target_os = "macos")
}

fn job(paths: &Paths) -> Result<Job, Fail> {
    let key = paths.state().file_name().unwrap_or_default();
    let unicode = |path: &Path| {
        let told = path.to_str().map(str::to_owned);
        let why = || {
            format!(
                "{} is no UTF-8 path and cannot stand in such a file",
                path.display()
            )
        };
        told.ok_or_else(|| Exit::Usage.because(why()))
    };
    // The system's starter knows nothing of what the shell says of folders and programs. Keys are not kept.
    let mut env = Vec::new();
    if let Some(path) = std::env::var("PATH").ok().filter(|path| !path.is_empty()) {
        env.push(("PATH".to_owned(), path));
    }
    let states = paths.state().parent().unwrap_or(paths.state());
    for (name, folder) in [
        ("CHECKRIDE_STATE_DIR", states),
        ("CHECKRIDE_CONFIG_DIR", paths.config()),
    ] {
        env.push((name.to_owned(), unicode(folder)?));
    }
    Ok(Job {
        key: key.to_string_lossy().into_owned(),
        program: unicode(&program::this_program()?)?,
        project: unicode(paths.project())?,
        env,
    })
}

fn file_name(key: &str) -> String {
    if is_mac() {
        format!("{}.plist", label(key))
    } else {
        format!("checkride-{key}.service")
    }
}

fn label(key: &str) -> String {
    format!("checkride.{key}")
}

fn place(key: &str) -> Result<PathBuf, Fail> {
    let homeless = || Exit::Usage.because("no home folder is known; set HOME");
    let dirs = directories::BaseDirs::new().ok_or_else(homeless)?;
    let folder = if is_mac() {
        dirs.home_dir().join("Library/LaunchAgents")
    } else {
        dirs.config_dir().join("systemd/user")
    };
    Ok(folder.join(file_name(key)))
}

fn must_be_ours(path: &Path) -> Result<(), Fail> {
    match fs::read_to_string(path) {
        Ok(text) if text.lines().take(3).any(|line| line.contains(MARK)) => Ok(()),
        Ok(_) => {
            let line = format!(
                "{} was written by somebody else; move it away first",
                path.display()
            );
            Err(Exit::Refused.because(line))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(cannot(path, &e)),
    }
}

fn cannot(path: &Path, e: &io::Error) -> Fail {
    Exit::Trouble.because(format!("{} cannot be written: {e}", path.display()))
}

fn next_steps(job: &Job, path: &Path) -> String {
    let keys = "keys of models are not written into it;";
    if is_mac() {
        return format!(
            "to start it now and at every login:\n  launchctl bootstrap gui/$(id -u) {}\n{keys} set them with: launchctl setenv NAME VALUE\n",
            path.display()
        );
    }
    let name = file_name(&job.key);
    format!(
        "to start it now and at every login, once no other host of this folder runs (checkride stop --host):\n  \
         systemctl --user daemon-reload\n  systemctl --user enable --now {name}\n\
         to let it run without a login, from boot on:\n  loginctl enable-linger\n\
         {keys} set them with: systemctl --user edit {name}\n"
    )
}

/// The unit for systemd. A line feed would begin another setting.
fn unit(job: &Job) -> Result<String, String> {
    let mut env = String::new();
    for (name, value) in &job.env {
        // Writing into a string cannot fail.
        let _written = writeln!(env, "Environment={}", quoted(&format!("{name}={value}"))?);
    }
    let arguments = |text: &str| quoted(text).map(|text| text.replace('$', "$$"));
    let (program, project) = (arguments(&job.program)?, arguments(&job.project)?);
    Ok(format!(
        "# {MARK}\n[Unit]\nDescription=checkride host of {}\n\n\
         [Service]\nExecStart={program} -C {project} host\n{env}\
         Restart=on-failure\nRestartSec=10\nKillMode=mixed\n\n\
         [Install]\nWantedBy=default.target\n",
        job.project.replace('%', "%%"),
    ))
}

/// A word for systemd: its quotes, backslashes and specifiers mean themselves.
fn quoted(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?} cannot stand in a unit file"));
    }
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    Ok(format!("\"{text}\""))
}

/// The agent for launchd.
fn plist(job: &Job) -> Result<String, String> {
    let texts = [&job.program, &job.project];
    if texts.iter().any(|text| text.chars().any(char::is_control)) {
        return Err(format!("{:?} cannot stand in such a file", job.project));
    }
    let env = job
        .env
        .iter()
        .map(|(name, value)| format!("    <key>{name}</key><string>{}</string>\n", xml(value)));
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- {MARK} -->\n<plist version=\"1.0\">\n<dict>\n  \
         <key>Label</key><string>{}</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n    <string>{}</string>\n    <string>-C</string>\n    \
         <string>{}</string>\n    <string>host</string>\n  </array>\n  \
         <key>EnvironmentVariables</key>\n  <dict>\n{}  </dict>\n  \
         <key>RunAtLoad</key><true/>\n  <key>KeepAlive</key>\n  <dict><key>SuccessfulExit</key><false/></dict>\n\
         </dict>\n</plist>\n",
        xml(&label(&job.key)),
        xml(&job.program),
        xml(&job.project),
        env.collect::<String>(),
    ))
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(project: &str) -> Job {
        Job {
            key: "p-1".to_owned(),
            program: "/opt/check ride".to_owned(),
            project: project.to_owned(),
            env: vec![("PATH".to_owned(), "/bin:/a b".to_owned())],
        }
    }

    /// Folders with odd names stay one argument, and none begins a setting of its own.
    #[test]
    fn odd_folders_stay_one_argument() {
        let unit = unit(&job("/a \"b\" 100% $HOME\\x")).unwrap();
        let wanted = r#"ExecStart="/opt/check ride" -C "/a \"b\" 100%% $$HOME\\x" host"#;
        assert!(unit.contains(wanted), "{unit}");
        assert!(unit.contains("Environment=\"PATH=/bin:/a b\"\n"), "{unit}");
        assert!(super::unit(&job("/a\nExecStartPre=/bin/evil")).is_err());
        let plist = plist(&job("/a <b> & c")).unwrap();
        assert!(
            plist.contains("<string>/a &lt;b&gt; &amp; c</string>"),
            "{plist}"
        );
    }
}
