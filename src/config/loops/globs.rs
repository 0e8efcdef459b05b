//! Path patterns: well formed, inside the workspace; what they cover and what covers them.

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSetBuilder};

use crate::config::names;
use crate::config::reader::{At, Table};

/// Compiles a pattern as the program reads it: `*` stops at `/`, `**` does not.
pub(super) fn compile(pattern: &str) -> Result<GlobMatcher, String> {
    build(pattern).map(|glob| glob.compile_matcher())
}

fn build(pattern: &str) -> Result<Glob, String> {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    built.map_err(|error| error.kind().to_string())
}

/// The well-formed patterns of a list; the others are reported.
pub(super) fn checked(table: &Table<'_>, key: &str, list: At<Vec<At<String>>>) -> Vec<At<String>> {
    let mut good = Vec::new();
    for pattern in list.value {
        let wrong = names::inside_project(&pattern.value)
            .map_err(str::to_owned)
            .and_then(|()| compile(&pattern.value).map(drop));
        match wrong {
            Ok(()) => good.push(pattern),
            Err(why) => table.problems.error(
                pattern.span,
                format!("a pattern of `{key}` cannot be used: {why}"),
                "write a pattern relative to the project, such as \"drafts/**\"",
            ),
        }
    }
    good
}

/// Whether every path that `pattern` can match is matched by one of `protected`; then which.
///
/// Decided on sample paths: each wildcard is filled with names that no fixed pattern has.
pub(super) fn wholly_inside<'p>(pattern: &str, protected: &[&'p str]) -> Option<&'p str> {
    let samples = samples(pattern);
    let usable = |p: &&'p str| Some((*p, build(p).ok()?));
    let (names, globs): (Vec<&str>, Vec<Glob>) = protected.iter().filter_map(usable).unzip();
    // A set finds most patterns by their beginning or ending; each alone would be a regular expression.
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(glob);
    }
    let set = set.build().ok()?;
    let covering = |path: &String| names.get(*set.matches(path).first()?).copied();
    let hits: Vec<&str> = samples.iter().map_while(covering).collect();
    (hits.len() == samples.len())
        .then(|| hits.first().copied())
        .flatten()
}

/// Paths that the pattern matches; the shortest one first.
fn samples(pattern: &str) -> Vec<String> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if !pattern.contains(['*', '?', '[', '{', '\\']) {
        return vec![pattern.to_owned()];
    }
    let deep = ["", "qz/", "qz/qz/"].map(|folders| pattern.replace("**/", folders));
    let mut all: Vec<String> = Vec::new();
    for text in deep {
        for name in ["qz", "qz/qz"] {
            let filled = text
                .replace("**", name)
                .replace('*', "qz")
                .replace('?', "q");
            all.push(filled);
        }
    }
    all.dedup();
    let Ok(glob) = compile(pattern) else {
        return vec![pattern.to_owned()];
    };
    // A class or an alternative in the pattern leaves a sample that it does not match itself:
    // it then counts as a path of its own and shows the pattern to be free.
    let own: Vec<String> = all
        .iter()
        .filter(|path| glob.is_match(path))
        .cloned()
        .collect();
    if own.is_empty() {
        vec![pattern.to_owned()]
    } else {
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::spec::PROTECTED_ALWAYS;

    /// Patterns that could only ever name protected paths, and patterns that could name more.
    #[test]
    fn inside_the_fixed_list() {
        let inside = [
            ("loops/**", "loops/**"),
            ("loops/x.toml", "loops/**"),
            ("./memory/**", "memory/**"),
            (".env", ".env*"),
            (".env.local", ".env*"),
            ("config/.env*", "**/.env*"),
            ("certs/*.pem", "**/*.pem"),
            ("**/*.pem", "**/*.pem"),
            (".github/workflows/*.yml", ".github/**"),
            (".git/hooks/**", ".git/**"),
        ];
        for (pattern, cover) in inside {
            assert_eq!(
                wholly_inside(pattern, &PROTECTED_ALWAYS),
                Some(cover),
                "{pattern}"
            );
        }
        for pattern in [
            "**",
            "*",
            "src/**",
            "loops*/**",
            "*.toml",
            "**/*.rs",
            "[ab]/**",
            "{src,loops}/**",
        ] {
            assert_eq!(wholly_inside(pattern, &PROTECTED_ALWAYS), None, "{pattern}");
        }
    }
}
