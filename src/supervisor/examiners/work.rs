//! What a loop says that it makes: then a check that runs it examines it, and is not examined by it.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::run::LoopSpec;

/// What the loop file names as the work.
pub(super) struct Work<'a> {
    /// How the path of the artefact begins; empty where there is none.
    artefact: &'a str,
    drafts: &'a str,
    /// What the worker may write, where that is not everything.
    write: Vec<GlobMatcher>,
    /// The words of goal and rubric that may be paths.
    words: Vec<&'a str>,
}

impl<'a> Work<'a> {
    pub(super) fn of(spec: &'a LoopSpec) -> Self {
        let artefact = spec.output.artefact.as_deref().unwrap_or_default();
        let patterns = spec.guardrails.workspace.write.iter();
        let glob = |pattern: &String| {
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            glob.ok().map(|glob| glob.compile_matcher())
        };
        let rubric = spec.goal.judge.iter().flat_map(|judge| &judge.rubric);
        let texts = rubric.chain([&spec.goal.statement]);
        let between = |c: char| !c.is_alphanumeric() && !"_-./".contains(c);
        let words = texts.flat_map(|text| text.split(between));
        Self {
            artefact: artefact.split('{').next().unwrap_or_default(),
            drafts: spec.output.drafts.trim_end_matches('/'),
            write: patterns
                .filter(|pattern| !pattern.starts_with('*'))
                .filter_map(glob)
                .collect(),
            words: words
                .map(|word| word.trim_end_matches('.').trim_start_matches("./"))
                .filter(|word| !word.is_empty())
                .collect(),
        }
    }

    /// Whether this file or folder is what the loop makes.
    pub(super) fn is(&self, path: &str) -> bool {
        let artefact = !self.artefact.is_empty() && path.starts_with(self.artefact);
        let draft = !self.drafts.is_empty() && Path::new(path).starts_with(self.drafts);
        let below = format!("{path}/-");
        let written = |glob: &GlobMatcher| glob.is_match(path) || glob.is_match(&below);
        artefact
            || draft
            || self.write.iter().any(written)
            || self.words.iter().any(|word| speaks_of(word, path))
    }
}

/// Whether a word means this path: by the whole of it, by its end where that can be no other word, or by a folder
/// around it.
fn speaks_of(word: &str, path: &str) -> bool {
    let folder = word.trim_end_matches('/');
    let end = word.contains(['.', '/']) && Path::new(path).ends_with(word);
    let around = word.contains('/') && Path::new(path).starts_with(folder);
    folder == path || end || around
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word of the goal means a file by its path, its name or its folder, and never by a part of a word.
    #[test]
    fn the_goal_speaks_of_files() {
        let table = [
            ("answer.sh", "answer.sh", true),
            ("answer.sh", "lib/answer.sh", true),
            ("lib/answer.sh", "answer.sh", false),
            ("docs/answer.sh", "lib/answer.sh", false),
            ("examples", "examples", true),
            ("examples/", "examples/one.sh", true),
            ("examples", "examples/one.sh", false),
            ("compare", "lib/compare", false),
            ("answer", "answer.sh", false),
            ("a", "lib/a", false),
        ];
        for (word, path, wanted) in table {
            assert_eq!(speaks_of(word, path), wanted, "{word} {path}");
        }
    }
}
