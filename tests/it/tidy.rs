//! The project's own form: which layer uses what, how large a file may grow, that all shipped
//! files load, and that README and `.ci/run` name the same commands. Clippy holds the rest.

use std::fs;
use std::path::Path;

use checkride::cli::{Out, init};
use checkride::config::{self, Prices};
use checkride::tui::styles::Role;
use checkride::tui::themes;
use tempfile::TempDir;

/// A layer: the beginnings of its paths, files that are excepted, words that it never uses.
type Layer = (
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    (&["main.rs", "run", "protocol", "link"], &[], "ratatui, crossterm, reqwest, rusqlite, std::fs, std::net, std::thread, SystemTime, Instant"),
    (&["run", "protocol"], &[], "tokio, std::process, std::env, crate::link, crate::config, crate::supervisor, crate::tui, crate::cli, crate::host"),
    (&["run"], &[], "crate::protocol"),
    (&["link"], &[], "std::, crate::run, crate::config, crate::supervisor, crate::tui, crate::cli, crate::host"),
    (&["durable"], &[], "tokio, std::env, std::net, std::thread, crate::"),
    (&["config"], &[], "tokio, ratatui, crossterm, reqwest, std::process, std::thread, SystemTime, Instant, std::env::var, crate::protocol, crate::link, crate::supervisor, crate::tui, crate::cli, crate::host"),
    (&["supervisor"], &[], "ratatui, crossterm, crate::tui, crate::cli, crate::host"),
    (&["supervisor"], &["supervisor/clock.rs"], "SystemTime, jiff::Timestamp::now, jiff::Zoned::now"),
    (&["tui"], &[], "reqwest, rusqlite, std::net, std::thread, spawn_, crate::supervisor, crate::cli, crate::host"),
    (&["tui"], &["tui/terminal.rs"], "std::fs, std::process, io::stdout"),
    (&["tui"], &["tui.rs", "tui/keyboard.rs", "tui/signals.rs"], "tokio, Instant, SystemTime, Zoned::now"),
    (&["tui"], &["tui/terminal.rs"], "crossterm"),
    (&["tui"], &["tui/styles.rs", "tui/themes.rs"], "Color::"),
    (&["tui/panes", "tui/layers"], &[], "&mut App"),
    (&["cli"], &[], "ratatui, crossterm, reqwest, rusqlite, crate::supervisor, crate::tui, crate::host"),
    (&["host"], &[], "rusqlite, Run::wake, Run::replay"),
    (&[""], &[], "use std::{, use crate::{, thread_local!, unsafe"),
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// All files below a folder of the project: path from the folder, text.
fn files(folder: &str, below: &str) -> Vec<(String, String)> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(below);
    let mut all = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(folder, &format!("{path}/")));
        } else {
            all.push((path.clone(), read(&format!("{folder}/{path}"))));
        }
    }
    all
}

/// The lines of a file before its unit tests.
fn body(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with("//")
}

/// No layer uses what it must not know.
#[test]
fn layers_keep_apart() {
    let sources = files("src", "");
    let mut wrong = Vec::new();
    for (starts, but, words) in LAYERS {
        let inside = |path: &str| starts.iter().any(|start| path.starts_with(start));
        let held: Vec<_> = sources.iter().filter(|(path, _)| inside(path)).collect();
        assert!(!held.is_empty(), "nothing lies in {starts:?}");
        for (path, text) in held
            .iter()
            .filter(|(path, _)| !but.contains(&path.as_str()))
        {
            for line in body(text).filter(|line| is_code(line)) {
                let found = words.split(", ").filter(|word| line.contains(word));
                wrong.extend(found.map(|word| format!("{path}: {word}: {}", line.trim())));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every file says what lives in it, none is long, and half of them are short.
#[test]
fn files_are_small_and_say_what_they_are() {
    let (mut wrong, mut sizes) = (Vec::new(), Vec::new());
    for (path, text) in files("src", "") {
        let plain = |line: &&str| line.starts_with("//!");
        let (said, long) = (text.lines().take_while(plain), body(&text).count());
        let drawing = said.clone().any(|line| line == "//! ```text");
        if said.clone().count() == 0 || (said.count() > 4 && !drawing) || long > 400 {
            wrong.push(format!("{path}: header, or {long} lines"));
        }
        if path.ends_with("mod.rs")
            || body(&text).any(|line| line.trim_start().starts_with("static "))
        {
            wrong.push(format!("{path}: a mod.rs, or a static"));
        }
        sizes.push(body(&text).filter(|line| is_code(line)).count());
    }
    sizes.sort_unstable();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        sizes[sizes.len() / 2] <= 150,
        "the median has {} lines of code",
        sizes[sizes.len() / 2]
    );
}

/// Every starter passes `check` where `init` has put it; the demo's loop does beside its parts.
#[test]
fn shipped_loops_pass_check() {
    let dir = TempDir::new().unwrap();
    for (path, _) in files("loops", "")
        .iter()
        .filter(|(path, _)| path.ends_with("/loop.toml"))
    {
        let Some((name, "loop.toml")) = path.split_once('/').filter(|(name, _)| *name != "demo")
        else {
            continue;
        };
        init::init(dir.path(), name, &mut Out::new(std::io::sink())).unwrap();
    }
    fs::create_dir(dir.path().join("loops/demo")).unwrap();
    for (from, to) in [
        ("loop", "weekly-article"),
        ("worker", "demo/worker"),
        ("judge", "demo/judge"),
    ] {
        let to = dir.path().join(format!("loops/{to}.toml"));
        fs::write(to, read(&format!("loops/demo/{from}.toml"))).unwrap();
    }
    let report = config::check(dir.path(), &[], &Prices::default());
    assert!(
        report.passed() && report.diagnostics.is_empty(),
        "{}",
        report.render()
    );
    assert_eq!(report.files, 2);
}

/// Every shipped theme loads, names itself like its file, and fills every role.
#[test]
fn shipped_themes_load() {
    for (path, text) in files("themes", "") {
        let name = path.strip_suffix(".toml").unwrap();
        assert!(themes::shipped().any(|shipped| shipped == name), "{name}");
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["name"].as_str(), Some(name));
        assert_eq!(
            table["roles"].as_table().unwrap().len(),
            Role::ALL.len(),
            "{path}"
        );
    }
}

/// The README gives the demo and the test command; `.ci/run` runs the latter, and the workflow runs it.
#[test]
fn readme_and_ci_name_the_same_commands() {
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let lines = |text: &str| {
        text.lines()
            .map(str::trim)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(
            lines(&readme).contains(&command.to_owned()),
            "README lacks {command}"
        );
    }
    assert!(lines(&ci).contains(&"run cargo test".to_owned()), "{ci}");
    assert!(read(".github/workflows/ci.yml").contains("run: .ci/run"));
}
