//! Which names, paths, branches and placeholders are well formed. Each answer is the reason why
//! not; nothing here looks at a disk.

use super::nearest::nearest;

/// What a command may hold in braces, and what stands for it at run time (PRODUCT §4.1).
pub(crate) const PLACEHOLDERS: [&str; 9] = [
    "base",
    "project",
    "workspace",
    "draft",
    "date",
    "slug",
    "run",
    "iteration",
    "payload_file",
];

/// Those that may stand in the name of a branch or file: nothing that comes from a payload.
pub(crate) const NAME_PLACEHOLDERS: [&str; 4] = ["date", "slug", "run", "iteration"];

/// The path without `./` and doubled slashes.
pub(crate) fn clean(path: impl AsRef<str>) -> String {
    let parts: Vec<&str> = path
        .as_ref()
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    parts.join("/")
}

/// The pattern of all paths that this one may become: anything for each placeholder, each other letter for itself.
pub(crate) fn any_slots(path: &str) -> String {
    let mut pattern = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        pattern += &globset::escape(before);
        pattern += "*";
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    pattern + &globset::escape(rest)
}

/// A name as Agent Skills have them: 1 to 64 lowercase letters, digits and single hyphens.
pub(crate) fn skill_like(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > 64 {
        return Err("a name has 1 to 64 letters");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        return Err("a name has only lowercase letters, digits and hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return Err("a hyphen stands between letters, one at a time");
    }
    Ok(())
}

/// A path inside the project, written relative to it.
pub(crate) fn inside_project(path: &str) -> Result<(), &'static str> {
    if path.trim().is_empty() {
        return Err("the path is empty");
    }
    if path.starts_with('/') || path.starts_with('~') {
        return Err("the path is not relative to the project");
    }
    if path.split('/').any(|part| part == "..") {
        return Err("the path leaves the project");
    }
    if path.contains(char::is_control) {
        return Err("the path holds a control character");
    }
    Ok(())
}

/// A branch name by the rules of `git check-ref-format --branch`, placeholders allowed.
pub(crate) fn branch(name: &str) -> Result<(), String> {
    let filled = NAME_PLACEHOLDERS
        .iter()
        .fold(name.to_owned(), |text, word| {
            text.replace(&format!("{{{word}}}"), "x")
        });
    let reason = if filled.is_empty() {
        "a branch has a name"
    } else if filled.starts_with('-') || filled == "HEAD" || filled == "@" {
        "git gives this name another meaning"
    } else if filled.starts_with("refs/") {
        "a branch is named without `refs/heads/`"
    } else if filled.contains("..") || filled.contains("@{") {
        "git reads `..` and `@{` as ranges"
    } else if filled
        .chars()
        .any(|c| c.is_control() || " ~^:?*[\\{}".contains(c))
    {
        "git forbids blanks, control characters and any of ~^:?*[\\ in it"
    } else if filled.ends_with('.') {
        "git forbids a dot at its end"
    } else if filled.split('/').any(str::is_empty) {
        "git forbids a slash at its ends and two in a row"
    } else if filled.split('/').any(|part| {
        part.starts_with('.') || part.rsplit_once('.').is_some_and(|(_, end)| end == "lock")
    }) {
        "git forbids a part that begins with a dot or ends in .lock"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

/// Words in braces that no placeholder has, each with the one that was most likely meant.
///
/// A brace behind `$` or `@` is the shell's or git's own and is left alone.
pub(crate) fn strange_placeholders<'t>(
    text: &'t str,
    known: &[&'static str],
) -> Vec<(&'t str, Option<&'static str>)> {
    let mut strange = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some(close) = text[from..].find('}').map(|at| from + at) else {
            break;
        };
        let word = &text[from..close];
        let foreign = text[..open].ends_with(['$', '@']);
        let like_one =
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if like_one && !foreign && !known.contains(&word) {
            strange.push((&text[open..=close], nearest(word, known.iter().copied())));
        }
    }
    strange
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that a folder, a branch and a run id can all carry.
    #[test]
    fn names() {
        for good in ["a", "tidy-notes", "r2d2"] {
            assert_eq!(skill_like(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "Tidy",
            "a_b",
            "-a",
            "a-",
            "a--b",
            "ä",
            "a b",
            "a/b",
            &"x".repeat(65),
        ] {
            assert!(skill_like(bad).is_err(), "{bad}");
        }
    }

    /// Placeholders may become anything; what a pattern means is a letter of the name here.
    #[test]
    fn slots_of_a_path() {
        let is_match = |path: &str| {
            let glob = globset::Glob::new(&any_slots("posts/[a] {date}*-{slug}.md")).unwrap();
            glob.compile_matcher().is_match(path)
        };
        assert!(is_match("posts/[a] 2026-06-12*-loops.md"));
        assert!(!is_match("posts/a 2026-06-12*-loops.md"));
        assert!(!is_match("posts/[a] 2026-06-12-loops.md"));
    }

    /// A path stays in the project by its letters alone.
    #[test]
    fn paths() {
        for good in ["a", "a/b.md", "./a", ".claude/skills/x", "a..b/c"] {
            assert_eq!(inside_project(good), Ok(()), "{good}");
        }
        for bad in ["", " ", "/a", "~/a", "..", "a/../..", "a/..", "a\nb"] {
            assert!(inside_project(bad).is_err(), "{bad:?}");
        }
    }

    /// The rules of git for branch names, checked against `git check-ref-format` by hand.
    #[test]
    fn branches() {
        for good in ["posts", "fix/{run}", "deps/{slug}", "a.b", "a@b", "ä"] {
            assert_eq!(branch(good), Ok(()), "{good}");
        }
        let bad = [
            "",
            "-a",
            "HEAD",
            "@",
            "refs/heads/a",
            "a..b",
            "a@{b",
            "a b",
            "a~",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a.",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "{slgu}",
            "a\u{7f}",
        ];
        for bad in bad {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    /// A typo finds its placeholder; what shells, git and awk mean by braces is not one.
    #[test]
    fn placeholders() {
        let strange = |text| strange_placeholders(text, &PLACEHOLDERS);
        assert_eq!(strange("--base={bse} {draft}"), [("{bse}", Some("base"))]);
        assert_eq!(strange("{print}"), [("{print}", None)]);
        for plain in [
            "${name}",
            "HEAD@{upstream}",
            "{print $1}",
            "{\"a\": 1}",
            "{}",
            "{{draft}}",
            "a{",
            "{workspace}/x",
        ] {
            assert_eq!(strange(plain), [], "{plain}");
        }
    }
}
