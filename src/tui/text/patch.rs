//! A patch as rows: one heading for each file in place of git's header lines, then its hunks. Nothing
//! that the patch says of a file is left out, but the object of a text file, whose lines all follow.

use std::ops::Range;

use super::{Row, exact, goes_on, width as columns, wrap};
use crate::tui::styles::Role;

/// Every file's header begins so; a line of content begins with its sign.
const FILE: &str = "diff --git ";

/// The lines in groups: the header of a file, or a line of its own.
pub fn groups(lines: &[String]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let first = lines.get(from)?;
        let more = lines
            .iter()
            .skip(from + 1)
            .take_while(|line| is_header(line));
        let below = if first.starts_with(FILE) {
            more.count()
        } else {
            0
        };
        let group = from..from + 1 + below;
        from = group.end;
        Some(group)
    })
}

/// Whether a line below `diff --git` still belongs to the header.
fn is_header(line: &str) -> bool {
    !line.starts_with(['@', '…']) && !line.starts_with(FILE)
}

/// The rows of one group at this width; a line's sign stands before its beginning alone.
pub fn rows(lines: &[String], width: usize) -> Vec<Row> {
    let Some(first) = lines.first() else {
        return Vec::new();
    };
    if let Some(names) = first.strip_prefix(FILE) {
        return heading(names, lines, width);
    }
    line(first, width)
}

/// One line of a patch, wrapped.
pub fn line(text: &str, width: usize) -> Vec<Row> {
    let (role, mark, rest) = parts(text);
    exact(role, mark, rest, width)
}

/// A later part of a line that is too long to be wrapped at once; `line` says how it looks.
pub fn later(line: &str, part: &str, width: usize) -> Vec<Row> {
    let (role, ..) = parts(line);
    wrap(part, width.saturating_sub(1))
        .into_iter()
        .map(|part| goes_on(1).with(role, part))
        .collect()
}

/// How a line looks, its sign, and the rest.
fn parts(line: &str) -> (Role, &str, &str) {
    let role = match line.as_bytes().first() {
        Some(b'+') => Role::Add,
        Some(b'-') => Role::Del,
        Some(b'@') => Role::Accent,
        Some(b' ') | None => Role::Fg,
        Some(_) => Role::Muted,
    };
    if matches!(role, Role::Add | Role::Del) || line.starts_with(' ') {
        let (mark, rest) = line.split_at(1);
        (role, mark, rest)
    } else {
        (role, "", line)
    }
}

/// The path, what happened to the file, and of a binary one the objects that stand for its content.
fn heading(names: &str, lines: &[String], width: usize) -> Vec<Row> {
    let told = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
    let mut words = Vec::new();
    if let Some(mode) = told("new file mode ") {
        words.push("new".to_owned());
        words.extend(kind(mode));
    }
    if let Some(mode) = told("deleted file mode ") {
        words.push("deleted".to_owned());
        words.extend(kind(mode));
    }
    if let (Some(old), Some(new)) = (told("old mode "), told("new mode ")) {
        words.push(format!("mode {old} → {new}"));
    }
    let mut rows = exact(Role::Title, "", path(names), width);
    let said = words.join(" · ");
    match rows.last_mut() {
        _ if said.is_empty() => {}
        Some(last) if last.width() + 2 + columns(&said) <= width => {
            *last = last.clone().with(Role::Muted, format!("  {said}"));
        }
        _ => rows.push(Row::of(Role::Muted, said).cut(width)),
    }
    if told("Binary files ").is_some() {
        let objects = told("index ").unwrap_or_default();
        rows.extend(line(&format!("binary {objects}"), width));
    }
    rows
}

/// What a file of this mode is, where that is worth a word.
fn kind(mode: &str) -> Option<String> {
    match mode {
        "100644" => None,
        "100755" => Some("executable".to_owned()),
        "120000" => Some("symbolic link".to_owned()),
        "160000" => Some("submodule".to_owned()),
        other => Some(format!("mode {other}")),
    }
}

/// The path of `a/PATH b/PATH`: git never tells of a rename here, so both halves are alike.
fn path(names: &str) -> &str {
    let half = names.get(names.len().div_ceil(2)..).unwrap_or(names);
    match half.strip_prefix("\"b/") {
        Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted),
        None => half.strip_prefix("b/").unwrap_or(half),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(patch: &str) -> Vec<String> {
        let lines: Vec<String> = patch.lines().map(str::to_owned).collect();
        let groups = groups(&lines);
        groups
            .flat_map(|group| rows(&lines[group], 40))
            .map(|row| row.text().trim_end().to_owned())
            .collect()
    }

    /// A file's header becomes one heading that keeps its kind and its modes.
    #[test]
    fn a_header_is_one_heading() {
        let new = "diff --git a/a b.md b/a b.md\nnew file mode 100755\nindex 00..11\n--- /dev/null\n\
            +++ b/a b.md\n@@ -0,0 +1 @@\n+one\n--- not a header\n";
        let wanted = [
            "a b.md  new · executable",
            "@@ -0,0 +1 @@",
            "+one",
            "--- not a header",
        ];
        assert_eq!(shown(new), wanted);
        let mode = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n\
            diff --git \"a/\\303\" \"b/\\303\"\ndeleted file mode 120000\nindex 11..00\n--- \"a/\\303\"\n\
            +++ /dev/null\n@@ -1 +0,0 @@\n-one\n";
        let wanted = [
            "x  mode 100644 → 100755",
            "\\303  deleted · symbolic link",
            "@@ -1 +0,0 @@",
            "-one",
        ];
        assert_eq!(shown(mode), wanted);
    }

    /// A line that is too long for the screen has its sign once: no part of it passes for a line of its own.
    #[test]
    fn a_wrapped_line_is_one_line() {
        let rest = " ".repeat(30) + "+exit-0";
        let patch = format!(
            "diff --git a/x b/x\n@@ -1 +1,2 @@\n-old{rest}\n+new{rest}\n old and new{rest}\n+short"
        );
        let wanted = [
            "x",
            "@@ -1 +1,2 @@",
            "-old",
            "↳+exit-0",
            "+new",
            "↳+exit-0",
            " old and new",
            "↳+exit-0",
            "+short",
        ];
        assert_eq!(shown(&patch), wanted);
        let part = later("+a line of many pieces", "+exit-0", 40);
        assert_eq!(part.first().map(Row::text).as_deref(), Some("↳+exit-0"));
        let long = format!("diff --git a/{0}/+x b/{0}/+x", "y".repeat(40));
        assert_eq!(shown(&long)[1], "↳y/+x");
    }

    /// The content of a binary file is not among the lines: its objects stand for it.
    #[test]
    fn a_binary_file_keeps_its_objects() {
        let binary = "diff --git a/i.png b/i.png\nindex 11..22 100644\nBinary files a/i.png and b/i.png differ";
        assert_eq!(shown(binary), ["i.png", "binary 11..22 100644"]);
    }
}
