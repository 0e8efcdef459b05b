//! Names as other systems read them: what another file system or another system's git takes for the
//! same name. Pure; which names are refused or flagged is decided elsewhere.

/// A path without regard to case, beyond ASCII too: U+212A is a `k`, U+017F an `s`. Bytes that are no
/// UTF-8 stay as they are.
///
/// Up first, then down, because some letters have a small form of their own and share the capital.
pub fn fold(path: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        let upper = chunk.valid().chars().flat_map(char::to_uppercase);
        let lower: String = upper.flat_map(char::to_lowercase).collect();
        folded.extend_from_slice(lower.as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    folded
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
    }
}
