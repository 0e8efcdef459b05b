//! `host --install`: a file for the system's starter, in a home of the test's own.
#![expect(clippy::print_stderr, reason = "it tells what it skips")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::host::{checkride, said};
use crate::world::World;

/// systemd's own examiner finds nothing wrong with this unit, where it is installed.
#[cfg(target_os = "linux")]
fn examined(unit: &Path) {
    let ran = Command::new("systemd-analyze")
        .args(["verify", "--user", "--man=no"])
        .arg(unit)
        .env("SYSTEMD_LOG_LEVEL", "warning")
        .env("XDG_RUNTIME_DIR", unit.parent().unwrap())
        .output();
    match ran {
        Err(e) => eprintln!("skipped: there is no systemd-analyze ({e})"),
        Ok(ran) => {
            let found = String::from_utf8_lossy(&ran.stderr);
            let name = unit.file_name().unwrap().to_str().unwrap();
            assert!(!found.contains(name), "{found}");
            if !ran.status.success() {
                eprintln!("skipped: systemd-analyze examines nothing here: {found}");
            }
        }
    }
}

/// The unit names this folder and program, is shown as it is written, is never written over another's
/// file, and goes again.
#[test]
#[cfg(target_os = "linux")]
fn the_hosts_unit_comes_and_goes() {
    let world = World::new();
    let home = world.project().parent().unwrap().join("home");
    let run = |flag: &str| {
        let mut program = checkride(&world, &["host", flag]);
        program
            .env_remove("CHECKRIDE_STATE_DIR")
            .env_remove("CHECKRIDE_CONFIG_DIR");
        program
            .env("XDG_STATE_HOME", home.join("states"))
            .env("XDG_CONFIG_HOME", home.join(".config"));
        program.env("HOME", &home).output().unwrap()
    };
    let written = run("--install");
    assert!(written.status.success(), "{}", said(&written));
    let folder = home.join(".config/systemd/user");
    let file = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let unit = fs::read_to_string(&file).unwrap();
    let project = world.project().canonicalize().unwrap();
    let wanted = format!(
        "ExecStart=\"{}\" -C \"{}\" host\n",
        env!("CARGO_BIN_EXE_checkride"),
        project.display()
    );
    assert!(unit.contains(&wanted), "{unit}");
    // The starter has another environment: it would look for everything elsewhere.
    for (name, folder) in [
        ("STATE", "states/checkride"),
        ("CONFIG", ".config/checkride"),
    ] {
        let folder = home.join(folder);
        let wanted = format!("\"CHECKRIDE_{name}_DIR={}\"", folder.display());
        assert!(unit.contains(&wanted), "{unit}");
    }
    let shown = String::from_utf8(written.stdout).unwrap();
    for line in unit.lines() {
        assert!(shown.contains(line), "not shown: {line}");
    }
    assert!(shown.contains("loginctl enable-linger"), "{shown}");
    examined(&file);
    assert!(run("--install").status.success());
    fs::write(&file, "[Service]\nExecStart=/bin/mine\n").unwrap();
    for flag in ["--install", "--uninstall"] {
        let refused = run(flag);
        assert_eq!(refused.status.code(), Some(20));
        assert!(said(&refused).contains("written by somebody else"));
    }
    fs::write(&file, unit).unwrap();
    assert!(run("--uninstall").status.success());
    assert!(!file.exists());
}
