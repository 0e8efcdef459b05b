//! Names as other systems read them: what another file system or another system's git takes for the
//! same name. Pure; which names are refused or flagged is decided elsewhere.

use std::collections::{HashMap, HashSet};

use icu_normalizer::ComposingNormalizerBorrowed;

/// A path without regard to case, beyond ASCII too: U+212A is a `k`, U+017F an `s`; nor to whether a letter and its
/// marks are one character or several. Bytes that are no UTF-8 stay as they are.
///
/// Up first, then down, because some letters have a small form of their own and share the capital.
pub fn fold(path: &[u8]) -> Vec<u8> {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let composed = ComposingNormalizerBorrowed::new_nfc();
    let mut folded = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        let upper = chunk.valid().chars().flat_map(char::to_uppercase);
        let lower: String = upper.flat_map(char::to_lowercase).collect();
        folded.extend_from_slice(composed.normalize(&lower).as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    folded
}

/// The same of a text.
pub fn folded(path: &str) -> String {
    String::from_utf8_lossy(&fold(path.as_bytes())).into_owned()
}

/// Of these names of a tree, and of the folders on their way, each that is the same as another one to a file system
/// that tells case or the forms of letters apart less, with the first such other.
pub fn namesakes<'a>(
    new: &[&'a [u8]],
    all: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<(&'a [u8], &'a [u8])> {
    let mut told = HashSet::new();
    let names: Vec<&[u8]> = new.iter().flat_map(|path| ways(path)).collect();
    let names = names.into_iter().filter(|name| told.insert(*name));
    let names: Vec<(&[u8], Vec<u8>)> = names.map(|name| (name, fold(name))).collect();
    // Two of them are enough: each name has another one, if there is one, among them.
    let mut there: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
    for (_, folded) in &names {
        there.entry(folded).or_default();
    }
    let mut last: &[u8] = b"";
    for path in all {
        // Neighbours share their folders.
        let fresh =
            ways(path).filter(|way| !(last.starts_with(way) && last.get(way.len()) == Some(&b'/')));
        for way in fresh {
            if let Some(known) = there.get_mut(fold(way).as_slice())
                && known.len() < 2
                && !known.contains(&way)
            {
                known.push(way);
            }
        }
        last = path;
    }
    let other = |(name, folded): &(&'a [u8], Vec<u8>)| {
        let known = there.get(folded.as_slice())?;
        Some((*name, *known.iter().find(|other| *other != name)?))
    };
    names.iter().filter_map(other).collect()
}

/// A path and each folder on its way.
fn ways(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let folders = path.iter().enumerate().filter(|(_, b)| **b == b'/');
    let folders = folders.filter_map(|(at, _)| path.get(..at));
    folders.chain([path])
}

/// Whether some git takes a part of this path for `.git`: by the rules of NTFS (`git~1`, blanks and dots
/// at the end, streams, backslashes) or of HFS+ (code points that it ignores).
pub fn leads_into_git(path: &[u8]) -> bool {
    path.split(|b| matches!(b, b'/' | b'\\'))
        .map(seen_elsewhere)
        .any(|name| name == b".git" || name == b"git~1")
}

/// Whether some git takes the last part of this path for `.gitmodules`, by the same rules.
pub fn is_gitmodules(path: &[u8]) -> bool {
    let name = path.rsplit(|b| matches!(b, b'/' | b'\\')).next();
    let name = seen_elsewhere(name.unwrap_or(path));
    let number = |short: &[u8]| {
        let rest = name.strip_prefix(short);
        rest.is_some_and(|n| n.len() == 1 && n.iter().all(u8::is_ascii_digit))
    };
    name == b".gitmodules" || number(b"gitmod~") || number(b"gi7eba~")
}

/// One part of a path without what NTFS and HFS+ leave out of it, folded.
fn seen_elsewhere(name: &[u8]) -> Vec<u8> {
    let name = name.split(|b| *b == b':').next().unwrap_or(name);
    let folded = fold(name);
    let mut seen = Vec::with_capacity(folded.len());
    for chunk in folded.utf8_chunks() {
        let kept: String = chunk.valid().chars().filter(|c| !ignored(*c)).collect();
        seen.extend_from_slice(kept.as_bytes());
        seen.extend_from_slice(chunk.invalid());
    }
    while matches!(seen.last(), Some(b' ' | b'.')) {
        seen.pop();
    }
    seen
}

/// What HFS+ leaves out when it compares names; the list is git's own.
fn ignored(c: char) -> bool {
    matches!(c,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever some git takes for its own folder is known, and what only looks like it is not.
    #[test]
    fn other_systems_names_of_git_are_known() {
        for path in [
            ".git",
            ".GIT/config",
            "a/.git ",
            ".git. ./hooks/x",
            "git~1/hooks/pre-commit",
            "GIT~1",
            ".git::$INDEX_ALLOCATION/config",
            "a/.g\u{200c}it/config",
            "\u{feff}.git",
            "x\\.git\\config",
        ] {
            assert!(leads_into_git(path.as_bytes()), "{path:?}");
        }
        for path in [
            ".gitignore",
            "git",
            "git~2",
            "a.git/x",
            "..git",
            ".git-x",
            " .git",
        ] {
            assert!(!leads_into_git(path.as_bytes()), "{path:?}");
        }
        for path in [
            ".gitmodules",
            "a/.GITMODULES ",
            "gitmod~1",
            ".gitm\u{200d}odules",
        ] {
            assert!(is_gitmodules(path.as_bytes()), "{path:?}");
        }
        assert!(!is_gitmodules(b"gitmodules"));
    }

    /// Letters beyond ASCII fold to those that they are another case of; broken bytes stay.
    #[test]
    fn case_is_folded_beyond_ascii() {
        assert_eq!(
            fold("S\u{212a}\u{17f}\u{c4}".as_bytes()),
            "sks\u{e4}".as_bytes()
        );
        assert_eq!(fold(b"A\xff"), b"a\xff");
        assert_eq!(folded("U\u{308}bung"), "\u{fc}bung");
    }

    /// What is one name elsewhere is found in files and in folders, and no name is its own namesake.
    #[test]
    fn namesakes_are_found() {
        let new: Vec<&[u8]> = vec![b"makefile", b"SRC/new.rs", "u\u{308}ben.md".as_bytes()];
        let all: Vec<&[u8]> = vec![
            b"Makefile",
            b"SRC/new.rs",
            b"makefile",
            b"src/a.rs",
            b"src/b.rs",
            "\u{fc}ben.md".as_bytes(),
        ];
        let wanted: [(&[u8], &[u8]); 3] = [
            (b"makefile", b"Makefile"),
            (b"SRC", b"src"),
            ("u\u{308}ben.md".as_bytes(), "\u{fc}ben.md".as_bytes()),
        ];
        assert_eq!(namesakes(&new, all.clone()), wanted);
        let alone: Vec<&[u8]> = vec![b"README.md", b"src/a.rs", b"src/b.rs"];
        assert_eq!(namesakes(&[b"src/b.rs"], alone), []);
    }

    /// However many names are one, each is told with one other: pairs of all of them would take all memory.
    #[test]
    fn many_namesakes_are_told_once_each() {
        let cased = |n: usize| -> Vec<u8> {
            let letter = |at: usize| if n >> at & 1 == 1 { b'A' } else { b'a' };
            (0..13).map(letter).collect()
        };
        let names: Vec<Vec<u8>> = (0..8_192).map(cased).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let found = namesakes(&names, names.clone());
        assert_eq!(found.len(), names.len());
        assert!(found.iter().all(|(name, other)| name != other));
    }
}
