//! Loop files, skills, settings and places, read from real folders.

mod paths;
mod reference;
mod skills;
mod valid;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use checkride::config::{self, Prices, loops};
use proptest::prelude::*;
use tempfile::TempDir;

/// A project with one good skill, one misnamed skill, a check script and a file that is none.
pub(crate) fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(
        root,
        "skills/good/SKILL.md",
        "---\nname: good\ndescription: Does it.\n---\n# Do it\n",
    );
    write(
        root,
        "skills/misnamed/SKILL.md",
        "---\nname: other\n---\n# Do it\n",
    );
    write(root, "scripts/plain", "no program\n");
    write(root, "scripts/words", "#!/bin/sh\nexit 0\n");
    fs::set_permissions(
        root.join("scripts/words"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    fs::create_dir(root.join("loops")).unwrap();
    folder
}

/// Writes a file of the project with its folders.
pub(crate) fn write(root: &Path, path: &str, text: &str) -> PathBuf {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// The bad files of `tests/invalid`, by name.
fn invalid_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid");
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// R16, R51: every bad file says what is wrong, where, and what to write instead.
#[test]
fn bad_files_say_what_to_write_instead() {
    let folder = project();
    for (name, text) in invalid_files() {
        let file = write(folder.path(), &format!("loops/{name}.toml"), &text);
        let report = config::check(folder.path(), &[file], &Prices::default());
        assert!(!report.diagnostics.is_empty(), "{name} is not bad");
        insta::assert_snapshot!(name, report.render());
    }
}

/// R1: one bad file stops its own loop only; files that cannot be read are one finding each.
#[test]
fn one_bad_file_does_not_disturb_the_others() {
    let folder = project();
    let root = folder.path();
    write(root, "loops/good.toml", &valid::minimal("good"));
    write(root, "loops/broken.toml", "version = ");
    write(root, "loops/.hidden.toml", "nothing");
    write(root, "loops/notes.md", "nothing");
    fs::write(
        root.join("loops/latin.toml"),
        b"version = 1\nname = \"\xe9\"\n",
    )
    .unwrap();
    fs::write(root.join("loops/huge.toml"), vec![b'#'; 2 << 20]).unwrap();
    fs::create_dir(root.join("loops/folder.toml")).unwrap();
    std::os::unix::fs::symlink("round.toml", root.join("loops/round.toml")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("loops/foreign.toml")).unwrap();
    std::os::unix::fs::symlink("absent", root.join("loops/dangling.toml")).unwrap();

    let files = loops::read_all(root);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "broken", "dangling", "folder", "foreign", "good", "huge", "latin", "round"
        ]
    );
    for file in &files {
        assert_eq!(file.spec.is_some(), file.name == "good", "{}", file.name);
        assert_eq!(
            file.diagnostics.len(),
            usize::from(file.name != "good"),
            "{file:?}"
        );
    }
    insta::assert_snapshot!(
        "files-that-cannot-be-read",
        config::check(root, &[], &Prices::default()).render()
    );
}

/// A pipe in the place of a loop file is refused; nobody waits for its writer.
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = project();
    let pipe = folder.path().join("loops/pipe.toml");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let file = loops::read(folder.path(), &pipe);
    assert_eq!(
        file.diagnostics[0].to_string(),
        "loops/pipe.toml: this file cannot be read: it is not a plain file"
    );
}

/// A project without loops, or without the folder, has none and no finding.
#[test]
fn no_loops_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(loops::read_all(folder.path()), []);
    let report = config::check(folder.path(), &[], &Prices::default());
    assert!(report.passed());
    assert_eq!(report.render(), "0 files checked: no errors\n");
}

/// A flood of mistakes is cut, so that the screen is not.
#[test]
fn a_flood_of_mistakes_is_cut() {
    let folder = project();
    let lines: Vec<String> = (0..20_000).map(|n| format!("key_{n} = 1\n")).collect();
    let text = lines.concat();
    let file = loops::read_text(
        folder.path(),
        &folder.path().join("loops/flood.toml"),
        &text,
    );
    assert!(file.spec.is_none());
    assert_eq!(file.diagnostics.len(), 51);
}

/// Texts made to exhaust a reader are refused like others: no endless work, no deep stack.
#[test]
fn a_hostile_megabyte_is_refused() {
    let size = 1 << 20;
    let nested = format!("a = {}1{}", "[".repeat(size / 3), "]".repeat(size / 3));
    let dotted = format!("{}a = 1", "a.".repeat(size / 2 - 4));
    let tables = "[[a]]\n".repeat(size / 7);
    let keys: Vec<String> = (0..size / 20)
        .map(|n| format!("max_iteration{n:06}=\n"))
        .collect();
    let long_key = format!("{} = 1", "k".repeat(size - 10));
    let texts = [
        nested,
        dotted,
        tables,
        keys.concat(),
        long_key,
        "=".repeat(size),
        "=\n".repeat(size / 8),
        "\"".repeat(size),
        "{".repeat(size),
        "\n".repeat(size),
        "\0".repeat(size),
        "a={a=".repeat(size / 5),
    ];
    let folder = project();
    for text in texts {
        let file = loops::read_text(folder.path(), &folder.path().join("loops/big.toml"), &text);
        let start = &text[..10];
        assert!(
            file.spec.is_none() && file.first_error().is_some(),
            "{start:?}"
        );
        assert!(file.diagnostics.len() <= 51, "{start:?}");
        let shown: usize = file.diagnostics.iter().map(|d| d.render().len()).sum();
        assert!(shown < 200_000, "{start:?}: {shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is typed into a good file: no panic, and each finding has a place in the text.
    #[test]
    fn any_mutation_is_read(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..60,
        put in prop_oneof![
            "\\PC{0,8}",
            prop::sample::select(vec![
                "\"", "'''", "\"\"\"", "[", "]", "[[", "{", "}", "=", "\n", "\r", "\0", "\u{1b}", "\u{feff}",
                "é", "日", "0x", "1e999", "nan", "-1", "1979-05-27", "true", "#", ".", ",", "\\u0000",
            ]).prop_map(str::to_owned),
        ],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let good = valid::FULL;
        let mut start = at.index(good.len());
        while !good.is_char_boundary(start) { start -= 1; }
        let mut end = (start + cut).min(good.len());
        while !good.is_char_boundary(end) { end -= 1; }
        let text = format!("{}{put}{}", &good[..start], &good[end.max(start)..]);
        let file = loops::read_text(folder.path(), &folder.path().join("loops/full.toml"), &text);
        for diagnostic in file.diagnostics.iter().take(50) {
            let place = diagnostic.place.as_ref().unwrap();
            prop_assert!(place.span.start <= place.span.end && place.span.end <= text.len());
            prop_assert!(text.get(place.span.start..place.span.end).is_some());
            prop_assert!(place.line <= text.split('\n').count());
            prop_assert!(place.column <= text.split('\n').nth(place.line - 1).unwrap().chars().count() + 1);
            prop_assert!(diagnostic.render().chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
