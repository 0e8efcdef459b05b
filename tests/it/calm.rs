//! How the program speaks: calm, cause first, in no hurry.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// The texts between quotes of one line of source; escaped quotes stay inside.
fn quoted(line: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (&mut open, c) {
            (Some(text), '\\') => text.extend(chars.next()),
            (Some(_), '"') => texts.extend(open.take()),
            (Some(text), c) => text.push(c),
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
        }
    }
    texts
}

/// Whether a text shouts: a word with «!» after it, or a banner of an error.
fn shouts(text: &str) -> bool {
    let mut before = ' ';
    let mut words = text.chars().peekable();
    while let Some(c) = words.next() {
        let ends = words.peek().is_none_or(|next| next.is_whitespace());
        if c == '!' && before.is_alphanumeric() && ends {
            return true;
        }
        before = c;
    }
    // A bare word is what a reader of streams looks for, and nothing that is said.
    let said = text.contains(' ') && text.contains("panic");
    said || ["ERROR", "Oops", "FATAL"].iter().any(|w| text.contains(w))
}

/// No text of the program shouts (R55). The rule itself is tried on one that does.
#[test]
fn no_text_of_the_program_shouts() {
    assert!(shouts("something failed!") && shouts("ERROR: x") && !shouts("#!/bin/sh a != b"));
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 50);
    let mut loud = Vec::new();
    for path in all {
        let source = fs::read_to_string(&path).unwrap();
        let program = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in program
            .lines()
            .filter(|line| !line.trim().starts_with("//"))
        {
            let texts = quoted(line);
            loud.extend(texts.into_iter().filter(|text| shouts(text)));
        }
    }
    assert_eq!(loud, Vec::<String>::new());
}
