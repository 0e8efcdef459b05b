//! The review of one loop: what it would run, with which files, and what changed since it was
//! allowed last.

use similar::TextDiff;

use crate::config::executed::{Manifest, Part, Role, orders};
use crate::config::loops::LoopFile;
use crate::protocol::Review;
use crate::protocol::review::{Change, Ordered, Reviewed, Tone};
use crate::run::inert::{spelled, spelled_line};
use crate::run::{Digest, counted};

/// Most lines of changes that are shown of one file.
const MOST_LINES: usize = 400;

/// Most files of the project's code that are named one by one where they changed.
const MOST_CODE: usize = 40;

/// Puts the review together. All that comes from the project is made harmless here.
pub(super) fn of(
    file: &LoopFile,
    now: &Manifest,
    was: Option<Manifest>,
    allowed: bool,
) -> Result<Review, String> {
    let Some(spec) = &file.spec else {
        return Err("its file is invalid".to_owned());
    };
    let commands = orders(spec).into_iter().map(|order| Ordered {
        who: spelled_line(order.who.as_bytes()),
        line: spelled_line(in_words(&order.argv).as_bytes()),
    });
    let before = was.unwrap_or_default();
    let known = !before.parts.is_empty();
    let mut files: Vec<Reviewed> = now
        .parts
        .iter()
        .filter(|part| part.role != Role::Code)
        .map(|part| reviewed(part, change(part, &before, known)))
        .collect();
    let gone = before
        .parts
        .iter()
        .filter(|part| part.role != Role::Code && now.part(&part.path).is_none());
    files.extend(gone.map(|part| reviewed(part, Change::Gone)));
    files.extend(code(now, &before, known));
    let diff = if known && !allowed {
        differences(now, &before)
    } else {
        Vec::new()
    };
    Ok(Review {
        name: file.name.clone(),
        digest: now.digest(),
        allowed,
        known,
        commands: commands.collect(),
        files,
        diff,
    })
}

/// All other code of the project, in one line.
fn code(now: &Manifest, before: &Manifest, known: bool) -> Option<Reviewed> {
    let of = |manifest: &Manifest| -> Vec<(String, Digest)> {
        let code = manifest.parts.iter().filter(|part| part.role == Role::Code);
        code.map(|part| (part.path.clone(), part.digest.clone()))
            .collect()
    };
    let (now, before) = (of(now), of(before));
    let change = match (now.is_empty(), before.is_empty()) {
        (true, true) => return None,
        (true, false) => Change::Gone,
        (false, true) if known => Change::New,
        (false, false) if now != before => Change::Changed,
        (false, true | false) => Change::Same,
    };
    let files = counted(now.len() as u64, "file");
    Some(Reviewed {
        path: format!("and {files} of code of the project, which no sandbox keeps from being run"),
        role: Role::Code.word().to_owned(),
        digest: Digest::of_value(&now),
        change,
    })
}

/// What changed in each file; of the project's code the names.
fn differences(now: &Manifest, before: &Manifest) -> Vec<(Tone, String)> {
    let is_code = |path: &&str| {
        let part = now.part(path).or_else(|| before.part(path));
        part.is_some_and(|part| part.role == Role::Code)
    };
    let (code, rest): (Vec<&str>, Vec<&str>) = now.differing(before).into_iter().partition(is_code);
    let mut lines = Vec::new();
    for path in rest {
        lines.extend(changes(path, before.part(path), now.part(path)));
    }
    for path in code.iter().take(MOST_CODE) {
        let what = match (before.part(path), now.part(path)) {
            (None, _) => "new code of the project; read it before you allow it",
            (Some(_), None) => "code of the project that is gone",
            (Some(_), Some(_)) => {
                "code of the project, changed; its text is not kept here: see `git log -p`"
            }
        };
        lines.push((Tone::Head, spelled_line(path.as_bytes())));
        lines.push((Tone::Quiet, what.to_owned()));
    }
    let more = code.len().saturating_sub(MOST_CODE);
    if more > 0 {
        let files = counted(more as u64, "file");
        lines.push((Tone::Quiet, format!("… and {files} of code more")));
    }
    lines
}

fn reviewed(part: &Part, change: Change) -> Reviewed {
    Reviewed {
        path: spelled_line(part.path.as_bytes()),
        role: part.role.word().to_owned(),
        digest: part.digest.clone(),
        change,
    }
}

fn change(part: &Part, before: &Manifest, known: bool) -> Change {
    match before.part(&part.path) {
        Some(old) if old.digest == part.digest => Change::Same,
        Some(_) => Change::Changed,
        None if known => Change::New,
        None => Change::Same,
    }
}

/// An argument list as a shell would take it, so that every argument is told from its neighbours.
fn in_words(argv: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%{}«»".contains(c);
    let word = |word: &String| {
        // What is no program is told in words of its own.
        if argv.len() == 1 || (!word.is_empty() && word.chars().all(plain)) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// What changed in one file.
fn changes(path: &str, old: Option<&Part>, new: Option<&Part>) -> Vec<(Tone, String)> {
    let mut lines = vec![(Tone::Head, spelled_line(path.as_bytes()))];
    let text = |part: Option<&Part>| part.map_or(Some(String::new()), |part| part.text.clone());
    let (Some(old), Some(new)) = (text(old), text(new)) else {
        let quiet =
            "its text is not kept: too long, no text, or a file of keys; see the file itself";
        lines.push((Tone::Quiet, quiet.to_owned()));
        return lines;
    };
    let diff = TextDiff::from_lines(&old, &new);
    let mut shown = Vec::new();
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        shown.push((Tone::Quiet, hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (tone, mark) = match change.tag() {
                similar::ChangeTag::Insert => (Tone::Added, '+'),
                similar::ChangeTag::Delete => (Tone::Removed, '-'),
                similar::ChangeTag::Equal => (Tone::Plain, ' '),
            };
            let line = spelled(change.value().trim_end_matches('\n').as_bytes());
            shown.push((tone, format!("{mark}{line}")));
        }
    }
    let more = shown.len().saturating_sub(MOST_LINES);
    shown.truncate(MOST_LINES);
    lines.extend(shown);
    if more > 0 {
        lines.push((
            Tone::Quiet,
            format!("… and {more} lines more; see the file itself"),
        ));
    }
    lines
}
