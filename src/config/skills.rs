//! Agent Skills folders, read as they are: `SKILL.md` with its front matter, and the files beside it.
//! The front matter is YAML; only its two plain values are read, so no YAML parser is needed.

use std::fs;
use std::path::{Path, PathBuf};

use super::project;
use crate::run::Digest;

/// Most files of one skill folder that count for its digest.
const MOST_FILES: usize = 2_000;

/// The instructions that a worker is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillText {
    /// Its name, equal to its folder's.
    pub name: String,
    /// When to use it; may be empty.
    pub description: String,
    /// The instructions: `SKILL.md` without its front matter.
    pub body: String,
    /// Names all files of the folder, with their paths and bytes.
    pub digest: Digest,
}

/// Reads the skill in this folder, relative to the project.
///
/// The error is one line: what is wrong, and where.
pub fn read(project: &Path, folder: &str) -> Result<SkillText, String> {
    let path = project.join(folder);
    match project::kind(project, folder) {
        project::Kind::Folder => {}
        project::Kind::Missing => return Err(format!("there is no folder `{folder}`")),
        project::Kind::Outside => {
            return Err(format!(
                "the skill folder `{folder}` is a link that leaves the project"
            ));
        }
        project::Kind::Program | project::Kind::File | project::Kind::Other => {
            return Err(format!("`{folder}` is not a folder"));
        }
    }
    let file = path.join("SKILL.md");
    if project::leaves(project, &file) {
        return Err(format!(
            "`{folder}/SKILL.md` is a link that leaves the project"
        ));
    }
    let bytes = project::read_bytes(&file)
        .map_err(|why| format!("`{folder}/SKILL.md` cannot be read: {why}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("`{folder}/SKILL.md` is not UTF-8"))?;
    let (front, body) = split(&text).ok_or_else(|| {
        format!("`{folder}/SKILL.md` does not begin with front matter between two `---` lines")
    })?;
    let name = scalar(front, "name").ok_or_else(|| format!("`{folder}/SKILL.md` has no `name`"))?;
    let own = fs::canonicalize(&path).unwrap_or(path);
    let last = own
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let written = Path::new(folder)
        .file_name()
        .map(|n| n.to_string_lossy().into_owned());
    if name != last && written.as_deref() != Some(name.as_str()) {
        return Err(format!(
            "the skill in `{folder}` is named `{name}`, and a skill has its folder's name"
        ));
    }
    if body.trim().is_empty() {
        return Err(format!(
            "`{folder}/SKILL.md` has no instructions below its front matter"
        ));
    }
    Ok(SkillText {
        name,
        description: scalar(front, "description").unwrap_or_default(),
        body: body.to_owned(),
        digest: folder_digest(&own)?,
    })
}

/// Front matter and body of `SKILL.md`.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut at = 0;
    let mut begin = None;
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        match begin {
            None if line.trim_end() == "---" => begin = Some(next),
            None => return None,
            Some(begin) if line.trim_end() == "---" => {
                return Some((&text[begin..at], &text[next..]));
            }
            Some(_) => {}
        }
        at = next;
    }
    None
}

/// The value of a key of the outermost level: plain, quoted, folded over lines, or a block.
fn scalar(front: &str, key: &str) -> Option<String> {
    let mut lines = front.lines();
    let first = lines
        .by_ref()
        .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
    let first = first.trim();
    let inner: Vec<&str> = lines
        .take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t']))
        .map(str::trim)
        .collect();
    if let Some(style) = first.chars().next().filter(|c| "|>".contains(*c)) {
        let glue = if style == '|' { "\n" } else { " " };
        return Some(inner.join(glue).trim().to_owned());
    }
    let whole = std::iter::once(first)
        .chain(inner)
        .collect::<Vec<_>>()
        .join(" ");
    let whole = whole.trim();
    if let Some(quoted) = whole.strip_prefix('\'') {
        return quoted
            .rsplit_once('\'')
            .map(|(text, _)| text.replace("''", "'"));
    }
    if let Some(quoted) = whole.strip_prefix('"') {
        return quoted
            .rsplit_once('"')
            .map(|(text, _)| text.replace("\\\"", "\"").replace("\\\\", "\\"));
    }
    let plain = whole
        .split_once(" #")
        .map_or(whole, |(text, _)| text)
        .trim();
    Some(plain.to_owned())
}

/// The digest of all files in a folder, by path; links are named, not followed.
fn folder_digest(folder: &Path) -> Result<Digest, String> {
    let mut open = vec![folder.to_owned()];
    let mut all: Vec<(String, String)> = Vec::new();
    while let Some(next) = open.pop() {
        for path in project::names_in(&next)? {
            if all.len() >= MOST_FILES {
                return Err(format!(
                    "the skill folder holds more than {MOST_FILES} files"
                ));
            }
            let meta = fs::symlink_metadata(&path).map_err(|e| project::cause(&e))?;
            if meta.is_dir() {
                open.push(path);
            } else {
                all.push((project::shown(folder, &path), content(&path, &meta)));
            }
        }
    }
    all.sort();
    Ok(Digest::of_value(&all))
}

/// What stands for one entry of the folder.
fn content(path: &PathBuf, meta: &fs::Metadata) -> String {
    if meta.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        return format!("link {}", target.to_string_lossy());
    }
    project::digest(path).map_or_else(|| "unreadable".to_owned(), |d| d.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ways in which people write a scalar in front matter.
    #[test]
    fn scalars_of_front_matter() {
        let front = "license: MIT\nname: tidy-notes # the folder\ndescription: >-\n  Two lines,\n  folded.\nmetadata:\n  name: inner\n";
        assert_eq!(scalar(front, "name").as_deref(), Some("tidy-notes"));
        assert_eq!(
            scalar(front, "description").as_deref(),
            Some("Two lines, folded.")
        );
        assert_eq!(scalar("name: 'it''s'", "name").as_deref(), Some("it's"));
        assert_eq!(
            scalar("name: \"a # \\\"b\\\"\" # c", "name").as_deref(),
            Some("a # \"b\"")
        );
        assert_eq!(
            scalar("description: |\n  a\n  b\nname: x", "description").as_deref(),
            Some("a\nb")
        );
        assert_eq!(
            scalar("description: one\n  two\nname: x", "description").as_deref(),
            Some("one two")
        );
        assert_eq!(scalar("names: x\n  name: y", "name"), None);
    }

    /// Front matter stands between two lines; a rule in the body is not its end.
    #[test]
    fn front_matter_and_body() {
        assert_eq!(
            split("---\na: b\n---\n# T\n---\nx"),
            Some(("a: b\n", "# T\n---\nx"))
        );
        assert_eq!(split("---\r\na: b\r\n---\r\nT"), Some(("a: b\r\n", "T")));
        assert_eq!(split("# T"), None);
        assert_eq!(split("---\na: b\n"), None);
    }
}
