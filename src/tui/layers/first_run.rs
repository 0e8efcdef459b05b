//! ```text
//!    Nothing here yet, and nothing will run until you say so.
//!
//!    ▌ watch a demo
//!      start from research-and-draft
//!      run a plain prompt once
//! ```

use crate::protocol::Inventory;
use crate::tui::app::{App, Next};
use crate::tui::layout::{self, Region};
use crate::tui::paint::Canvas;
use crate::tui::styles::Role;
use crate::tui::text::{Row, figures, labelled};

/// What the operator can do first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Something that the program does at once.
    Then(Next),
    /// A plain prompt is written here and now.
    Ask,
    /// A command for the shell, to be copied.
    Copy(&'static str),
}

/// The lines of the page: a name, what it does, and what Enter leads to.
const CHOICES: [(&str, &str, Choice); 4] = [
    (
        "watch a demo",
        "no network, no key, no cost, nothing of yours is touched: a loop fails a check, retries, and waits for you",
        Choice::Then(Next::Demo),
    ),
    (
        "start from research-and-draft",
        "copies the starter into this folder: a loop, its skill and its checks, to be edited as you like",
        Choice::Then(Next::Starter("research-and-draft")),
    ),
    (
        "run a plain prompt once",
        "no loop: an agent that you have works in a private copy; you see the prompt before and the diff after",
        Choice::Ask,
    ),
    (
        "write a loop yourself",
        "loops/<name>.toml, five lines are enough; `checkride check` says what is wrong with the line",
        Choice::Copy("checkride check"),
    ),
];

/// Draws what is shown while there is no loop.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    canvas.rule(region.title, &Row::blank());
    let area = layout::inner(region.body);
    let width = usize::from(area.width);
    if !app.world.attached {
        return;
    }
    let margin = if width >= 100 { 21 } else { 2 };
    let mut rows = vec![Row::blank(); if area.height > 24 { 6 } else { 1 }];
    let text = |role, text: &str| labelled("", margin, (role, text), width);
    rows.extend(text(
        Role::Fg,
        "Nothing here yet, and nothing will run until you say so.",
    ));
    rows.push(Row::blank());
    for (i, (name, words, _)) in CHOICES.iter().enumerate() {
        let chosen = app.first_run.min(CHOICES.len() - 1) == i;
        let (mark, role) = if chosen {
            ("▌ ", Role::TitleFocus)
        } else {
            ("  ", Role::Fg)
        };
        rows.push(
            Row::blank()
                .to(margin)
                .with(Role::Accent, mark)
                .with(role, *name)
                .cut(width),
        );
        // Where there is little room, only the chosen line says more.
        if chosen || area.height > 14 {
            rows.extend(labelled("", margin + 4, (Role::Muted, words), width));
        }
    }
    rows.push(Row::blank());
    if let Some(found) = &app.world.inventory {
        rows.extend(text(Role::Muted, &format!("found   {}", words(found))));
    }
    rows.extend(text(
        Role::Muted,
        &format!(
            "files   loops/ skills/ memory/ drafts/ in {}",
            app.world.project
        ),
    ));
    rows.extend(text(
        Role::Muted,
        "nothing is written until you save your first loop",
    ));
    canvas.rows(area, &rows);
}

/// `claude 2.1.330 · codex – · git 2.47.3 · keys: 1 of 4 · Ollama: 2 models`
fn words(found: &Inventory) -> String {
    let agents = found.agents.iter().map(|agent| {
        let version = agent.version.as_deref().unwrap_or("–");
        format!("{} {version}", agent.name)
    });
    let git = format!("git {}", found.git.as_deref().unwrap_or("–"));
    let set = found.keys.iter().filter(|key| key.set).count();
    let keys = format!("keys: {set} of {}", found.keys.len());
    let servers = found.servers.iter().map(|server| {
        let models = figures::count(server.models.len(), "model");
        format!("{}: {models}", server.name)
    });
    let all: Vec<String> = agents.chain([git, keys]).chain(servers).collect();
    all.join(" · ")
}

/// What a line leads to.
pub fn choice(line: usize) -> Choice {
    let last = CHOICES.len() - 1;
    CHOICES[line.min(last)].2
}

/// How many lines there are.
pub fn lines() -> usize {
    CHOICES.len()
}
