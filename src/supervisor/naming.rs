//! Names: which changed file is the artefact, and the slug that the worker chose for it. Pure.

use crate::run::spec::Output;
use crate::run::{Change, ChangeKind};

/// The file that is the result, and the part of its name that the worker chose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Artefact {
    /// Path in the workspace; `None` where the loop's result is a diff.
    pub(super) path: Option<String>,
    /// `[a-z0-9-]`; `draft` where the name leaves nothing to choose.
    pub(super) slug: String,
}

/// The artefact of a loop: its name with the date filled in, and `{slug}` as the worker chose it.
pub(super) fn artefact(output: &Output, date: &str, changes: &[Change]) -> Artefact {
    let fallback = || "draft".to_owned();
    let Some(pattern) = &output.artefact else {
        return Artefact {
            path: None,
            slug: fallback(),
        };
    };
    let dated = pattern.replace("{date}", date);
    let Some((before, after)) = dated.split_once("{slug}") else {
        return Artefact {
            path: Some(dated),
            slug: fallback(),
        };
    };
    let chosen = changes
        .iter()
        .filter(|change| change.kind != ChangeKind::Deleted)
        .filter_map(|change| change.path.strip_prefix(before)?.strip_suffix(after))
        .find(|slug| is_slug(slug));
    let slug = chosen.map_or_else(fallback, str::to_owned);
    Artefact {
        path: Some(format!("{before}{slug}{after}")),
        slug,
    }
}

fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::spec::OutputKind;

    fn change(path: &str) -> Change {
        Change {
            path: path.to_owned(),
            kind: ChangeKind::Added,
            added: 1,
            removed: 0,
        }
    }

    fn output(artefact: &str) -> Output {
        let (kind, drafts) = (OutputKind::Files, "drafts".to_owned());
        Output {
            kind,
            drafts,
            artefact: Some(artefact.to_owned()),
        }
    }

    /// The worker names the file; only a plain slug is taken, so no name can leave its folder.
    #[test]
    fn the_slug_is_what_the_worker_chose() {
        let output = output("drafts/{date}-{slug}.md");
        let changes = [
            change("drafts/2026-06-12-../x.md"),
            change("drafts/2026-06-12-on-loops.md"),
        ];
        let found = artefact(&output, "2026-06-12", &changes);
        assert_eq!(found.slug, "on-loops");
        assert_eq!(found.path.as_deref(), Some("drafts/2026-06-12-on-loops.md"));
    }

    /// A fixed name leaves nothing to choose.
    #[test]
    fn a_fixed_artefact_keeps_its_name() {
        let found = artefact(&output("drafts/article.md"), "2026-06-12", &[]);
        assert_eq!(found.path.as_deref(), Some("drafts/article.md"));
        assert_eq!(found.slug, "draft");
    }
}
