//! What the question before a publication says: what, where, onto what, and what has come to it since.
//!
//! ```text
//! where    one commit on branch posts
//!          on commit 1a2b3c4d5e6f
//! ```

use super::heads;
use crate::run::{Ask, Since, Stand};
use crate::tui::app::runs::Run;
use crate::tui::marks;
use crate::tui::panes::verdict;
use crate::tui::styles::Role;
use crate::tui::text::{Row, labelled};

/// The question in rows; none for any other kind.
pub(super) fn rows(ask: &Ask, run: &Run, width: usize) -> Vec<Row> {
    let Ask::Publish {
        target,
        stand,
        typed,
        reversible,
        flags,
        unfit,
        ..
    } = ask
    else {
        return Vec::new();
    };
    let mut rows = stand.since.as_ref().map_or(Vec::new(), |s| came(s, width));
    rows.extend(heads::flags(flags, width));
    if let Some(unseen) = &stand.unseen {
        rows.extend(files("theirs", &unseen.named(), width));
        rows.push(Row::blank());
    }
    if let Some(why) = unfit {
        let text = format!("as it stands this would be refused: {why}");
        rows.extend(labelled("▲", 9, (Role::Warn, &text), width));
        rows.push(Row::blank());
    }
    rows.extend(publish(run, (target, stand), (*typed, *reversible), width));
    rows
}

/// Why it is asked again, and the files to be looked at before the next yes.
fn came(since: &Since, width: usize) -> Vec<Row> {
    let text = format!(
        "your yes was to something else, so nothing was published: {} after you were asked",
        since.how
    );
    let mut rows = labelled("▲", 9, (Role::Warn, &text), width);
    rows.extend(files("differs", &since.named(), width));
    rows.push(Row::blank());
    rows
}

/// Names under one label.
fn files(label: &str, names: &[String], width: usize) -> Vec<Row> {
    let label = |i| if i == 0 { label } else { "" };
    let names = names.iter().enumerate();
    names
        .flat_map(|(i, name)| labelled(label(i), 9, (Role::Fg, name), width))
        .collect()
}

fn publish(
    run: &Run,
    (target, stand): (&str, &Stand),
    (typed, reversible): (bool, bool),
    width: usize,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some((number, ruled)) = run.verdict() {
        let passed = ruled.checks.iter().filter(|c| c.passed()).count();
        let mut row = verdict::word(ruled).with(
            Role::Fg,
            format!(
                " · iteration {number} · {passed} of {} checks",
                ruled.checks.len()
            ),
        );
        if let Some((_, words)) = marks::judge(&ruled.judgement) {
            row = row.with(Role::Fg, format!(" · judge {words}"));
        }
        rows.extend([row, Row::blank()]);
    }
    if !run.drafts.is_empty() {
        rows.extend(labelled(
            "what",
            9,
            (Role::Fg, &run.drafts.join(", ")),
            width,
        ));
    }
    rows.extend(labelled("where", 9, (Role::Fg, target), width));
    if !stand.words.is_empty() {
        rows.extend(labelled("", 9, (Role::Fg, &stand.words), width));
    }
    let undo = if reversible {
        "undo: yes"
    } else {
        "undo: no; this cannot be taken back"
    };
    let role = if reversible { Role::Fg } else { Role::Warn };
    rows.extend(labelled("", 9, (role, undo), width));
    if typed {
        rows.extend(labelled(
            "",
            9,
            (Role::Fg, "press a, then type the 8 digits of the digest"),
            width,
        ));
    }
    rows.extend(labelled(
        "seen",
        9,
        (Role::Fg, "the text below is exactly what will be published"),
        width,
    ));
    rows
}
