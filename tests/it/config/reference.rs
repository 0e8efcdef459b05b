//! The page of all keys says what the program reads: every key, and every default.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use checkride::cli::check::KEYS;
use checkride::config::loops;

use super::{project, write};

/// The keys of each section, by its path; a section is a key of the one around it.
fn listed() -> BTreeMap<String, BTreeSet<String>> {
    let mut sections = BTreeMap::from([(String::new(), BTreeSet::new())]);
    let mut section = String::new();
    for line in KEYS.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = line.strip_prefix('[') {
            let path = header.trim_start_matches('[').split(']').next().unwrap();
            path.clone_into(&mut section);
            let mut parts: Vec<&str> = path.split('.').collect();
            while let Some(key) = parts.pop() {
                let around = sections.entry(parts.join(".")).or_default();
                around.insert(key.to_owned());
            }
            sections.entry(section.clone()).or_default();
        } else if let Some((key, _)) = line.split_once(" = ")
            && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            let keys = sections.get_mut(&section).unwrap();
            keys.insert(key.to_owned());
        }
    }
    sections
}

/// What the reader says it knows in this section.
fn known(root: &Path, section: &str) -> BTreeSet<String> {
    let header = match section {
        "" => String::new(),
        "goal.verify.checks" => format!("[[{section}]]\n"),
        _ => format!("[{section}]\n"),
    };
    let text = format!("{header}qqqqqqqqqqqq = 1\n");
    let read = loops::read_text(root, &root.join("loops/reference.toml"), &text);
    let mut found = read.diagnostics.into_iter();
    let unknown = found.find(|d| d.message.starts_with("unknown key `qqqqqqqqqqqq`"));
    let help = unknown.unwrap_or_else(|| panic!("{section}")).help.unwrap();
    let words = help.strip_prefix("known here: ").unwrap().split(", ");
    words
        .map(|word| word.trim_matches('`').to_owned())
        .collect()
}

/// No key is missing on the page, and none stands there that is not read.
#[test]
fn every_key_is_listed() {
    let folder = project();
    let sections = listed();
    assert!(sections.len() > 20, "{sections:?}");
    for (section, keys) in sections {
        assert_eq!(known(folder.path(), &section), keys, "[{section}]");
    }
}

/// What stands on the page is the default: the loop is the same without it.
#[test]
fn every_default_is_what_it_says() {
    let folder = project();
    write(
        folder.path(),
        "skills/reference/SKILL.md",
        "---\nname: reference\ndescription: Does it.\n---\n# Do it\n",
    );
    let file = folder.path().join("loops/reference.toml");
    let page = loops::read_text(folder.path(), &file, KEYS);
    assert_eq!(page.first_error(), None);
    let needed = r#"
        version = 1
        name = "reference"
        skill = { path = "skills/reference" }
        worker = { type = "command", command = ["claude", "-p"] }
        publish = { to = "git-branch", branch = "results/{run}" }
        [goal]
        statement = "What is true when the work is done."
        [[goal.verify.checks]]
        name = "tests"
        command = ["true"]
        [goal.verify.judge]
        type = "human"
        rubric = ["It is so."]
    "#;
    let needed = loops::read_text(folder.path(), &file, needed);
    assert_eq!(needed.first_error(), None);
    assert_eq!(page.spec, needed.spec);
}
