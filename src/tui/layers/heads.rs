//! What stands above the text of a page: where a prompt goes, what a diff changed, where drafts lie.
//!
//! ```text
//! 1 file   drafts/2026-06-12-loops.md                      +93 −14
//! inside   deletions 0 of 2 · files 1 of 10 · lines 107 of 400
//! ```

use crate::run::{Ask, Author, Change, ChangeKind, Flag, Prompt, Work};
use crate::tui::app::App;
use crate::tui::app::pages::{Pages, Tab};
use crate::tui::app::runs::Run;
use crate::tui::panes::memory;
use crate::tui::styles::Role;
use crate::tui::text::{self, Row, figures, labelled};

use super::{asks, empty};

/// Where the prompt goes, what it is made of, what changed.
pub(crate) fn prompt_head(pages: &Pages, run: &Run, app: &App, width: usize) -> Vec<Row> {
    let Some(prompt) = pages.shown(run).and_then(|i| i.prompt.as_ref()) else {
        return empty::page(Tab::Prompt, pages, run);
    };
    let mut rows = Vec::new();
    if let Some(wake) = &run.wake {
        let left = run.meter.as_ref().map_or(String::new(), |m| {
            let left = m.cap().tokens.saturating_sub(m.used().tokens);
            format!("{} left in this run", figures::short(left))
        });
        // The end of a long command is missed less than the words behind it, where both have room.
        let (worker, fresh) = (asks::worker(&wake.spec), " · fresh context");
        let room = width.saturating_sub(9 + 1 + left.len());
        let to = match room.checked_sub(fresh.len()) {
            Some(room) if room >= 16 => text::cut(&worker, room) + fresh,
            Some(_) | None => worker,
        };
        rows.push(Row::of(Role::Muted, "to").to(9).with(Role::Fg, to).right(
            width,
            Role::Muted,
            left,
        ));
    }
    if let Some(ground) = &run.ground {
        rows.extend(labelled("where", 9, (Role::Fg, &ground.workspace), width));
        for notice in &ground.notices {
            rows.extend(labelled("notice", 9, (Role::Warn, notice), width));
        }
        for missing in &ground.not_enforced {
            let text = format!("not enforced: {missing}");
            rows.extend(labelled("▲", 9, (Role::Warn, &text), width));
        }
    }
    rows.extend(labelled("parts", 9, (Role::Fg, &parts(prompt)), width));
    rows.extend(labelled(
        "changed",
        9,
        (Role::Fg, &changed(pages, run, prompt)),
        width,
    ));
    if prompt.text.hidden > 0 {
        let hidden = prompt.text.hidden;
        let text = format!("hidden characters: {hidden}, spelled out below");
        rows.extend(labelled("▲", 9, (Role::Warn, &text), width));
    }
    if prompt.edited {
        rows.push(Row::of(
            Role::Accent,
            "✎ you wrote this prompt by hand; it is sent in this iteration only",
        ));
    }
    if prompt.without_skill {
        let text = "without the skill's text: this run proves nothing of it";
        rows.extend(labelled("▲", 9, (Role::Warn, text), width));
    }
    for warning in &app.world.warnings {
        rows.extend(labelled("▲", 9, (Role::Warn, warning), width));
    }
    rows.push(Row::blank());
    rows
}

fn parts(prompt: &Prompt) -> String {
    let parts: Vec<String> = prompt
        .sizes()
        .into_iter()
        .map(|(part, size)| format!("{part} {}", figures::thousands(size)))
        .collect();
    let all = format!("≈ {} tok", figures::thousands(prompt.tokens()));
    if parts.is_empty() {
        return format!("{all}, all of it yours");
    }
    format!("{all} = {}", parts.join(" + "))
}

fn changed(pages: &Pages, run: &Run, prompt: &Prompt) -> String {
    let before = pages
        .iteration
        .checked_sub(2)
        .and_then(|i| run.iterations.get(i));
    let Some(last) = before.and_then(|i| i.prompt.as_ref()) else {
        return "the first prompt of this run".to_owned();
    };
    let words: Vec<String> = prompt
        .changed_since(last)
        .map(|p| format!("{} {} tok", p.kind.word(), figures::thousands(p.tokens)))
        .collect();
    if prompt.parts.is_empty() {
        return "written by hand".to_owned();
    }
    if words.is_empty() {
        return "nothing since the last iteration".to_owned();
    }
    format!(
        "since iteration {}: {}",
        pages.iteration - 1,
        words.join(", ")
    )
}

/// What was changed, inside which limits, what was refused, what is claimed.
pub(crate) fn diff_head(work: &Work, run: &Run, width: usize) -> Vec<Row> {
    let (added, removed) = work.size();
    let size = |a: u64, r: u64| format!("+{a} −{r}");
    let label = figures::count(work.changes.len(), "file");
    let mut rows = Vec::new();
    for (i, change) in work.changes.iter().enumerate() {
        let label = if i == 0 { label.as_str() } else { "" };
        rows.push(
            Row::of(Role::Muted, label)
                .to(9)
                .with(Role::Fg, named(change))
                .right(width, Role::Fg, size(change.added, change.removed)),
        );
    }
    match work.changes.len() {
        0 => rows.push(Row::of(Role::Warn, "no file was changed")),
        1 => {}
        _ => rows.push(Row::of(Role::Muted, "in all").right(width, Role::Fg, size(added, removed))),
    }
    let rules = run.wake.as_ref().map(|w| &w.spec.guardrails.workspace);
    if let Some(rules) = rules {
        let gone = work
            .changes
            .iter()
            .filter(|c| c.kind == ChangeKind::Deleted)
            .count();
        let text = format!(
            "deletions {gone} of {} · files {} of {} · lines {} of {}",
            rules.max_deletions,
            work.changes.len(),
            rules.max_files,
            added + removed,
            rules.max_changed_lines
        );
        rows.extend(labelled("inside", 9, (Role::Fg, &text), width));
    }
    for breach in &work.breaches {
        let text = format!("{} ({}): refused, put back", breach.tried, breach.rule);
        rows.extend(labelled("▲", 9, (Role::Warn, &text), width));
    }
    rows.extend(flags(&work.flags, width));
    if let Some(claim) = &work.claim {
        rows.extend(labelled(
            "claims",
            9,
            (Role::Claim, &format!("“{claim}”")),
            width,
        ));
    }
    if work.author == Author::Operator {
        rows.push(Row::of(
            Role::Accent,
            "✎ you edited this; it is checked like any other work",
        ));
    }
    rows.push(Row::blank());
    rows
}

/// What should be looked at before anything is agreed to, one row each.
pub(crate) fn flags(flags: &[Flag], width: usize) -> Vec<Row> {
    let row = |flag: &Flag| labelled("▲", 9, (Role::Warn, &flag.line()), width);
    flags.iter().flat_map(row).collect()
}

fn named(change: &Change) -> String {
    let word = match change.kind {
        ChangeKind::Added => " (new)",
        ChangeKind::Modified => "",
        ChangeKind::Deleted => " (deleted)",
    };
    format!("{}{word}", change.path)
}

/// The memory file.
pub(crate) fn memory_head(pages: &Pages, run: &Run, app: &App, width: usize) -> Vec<Row> {
    match app.world.memories.get(run.name()) {
        Some(memory) => {
            let mut rows = vec![
                Row::of(Role::Muted, format!("{} · m edits", memory.path)),
                Row::blank(),
            ];
            if memory.text.trim().is_empty() {
                rows.push(Row::of(Role::Muted, "nothing is remembered yet"));
            }
            rows.extend(memory::prose(&memory.text, width));
            rows
        }
        None => empty::page(Tab::Memory, pages, run),
    }
}

/// Where drafts lie and what is live.
pub(crate) fn output_head(pages: &Pages, run: &Run, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let ask = pages.question(run).map(|c| &c.ask);
    if let Some(Ask::Publish { .. }) = ask {
        return rows;
    }
    // A question that is asked on this page has filled it already.
    let is_home = ask.is_some_and(|ask| Tab::of(ask) == Tab::Output);
    for path in &run.drafts {
        rows.extend(labelled("draft", 9, (Role::Fg, path), width));
    }
    if let Some(receipt) = &run.receipt {
        let live = (Role::Ok, receipt.place.as_str());
        rows.extend(labelled("live", 9, live, width));
        if let Some(run) = &receipt.already {
            let since = format!("already there, published by {run}");
            rows.extend(labelled("", 9, (Role::Muted, &since), width));
        }
    }
    if run.offer.is_none() {
        rows.extend(match pages.draft(run) {
            Some(path) => {
                let words = format!("{path}, as the newest work left it");
                labelled("not kept", 9, (Role::Muted, &words), width)
            }
            None if rows.is_empty() && !is_home => return empty::page(Tab::Output, pages, run),
            None => Vec::new(),
        });
    }
    rows.push(Row::blank());
    rows
}
