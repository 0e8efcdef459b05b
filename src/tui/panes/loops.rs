//! ```text
//! ─ 1 loops ───────────────────────┬
//! ▌● research-and-draft T iter 2/5 │
//!  ○ fix-failing-tests  S  on push │
//! ─ the four bones ────────────────┤
//!  trigger  weekdays 07:00         │
//! ```

use crate::protocol::{LoopFacts, LoopRow, LoopState};
use crate::run::Ask;
use crate::run::spec::{JudgeKind, LoopSpec};
use crate::tui::app::App;
use crate::tui::app::runs::Run;
use crate::tui::layout::{Pane, Region};
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{self, Row, figures, labelled, waking};
use crate::tui::{layers, marks};

/// Draws pane 1: the list, and below it the chosen loop's bones; at a checkpoint: why it asks.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    canvas.rule(region.title, &super::title(app, Pane::Loops));
    let width = usize::from(region.body.width);
    let height = usize::from(region.body.height);
    let names = app.names();
    let room = if height >= 14 {
        (names.len() + 1).min(height / 2)
    } else {
        height
    };
    let mut rows = list(app, width, room);
    rows.truncate(room);
    if room < height {
        rows.resize(room, Row::blank());
        rows.extend(below(app, (width, height - room)));
    }
    canvas.rows(region.body, &rows);
}

/// The list, scrolled so that the chosen loop is visible.
fn list(app: &App, width: usize, room: usize) -> Vec<Row> {
    let names = app.names();
    let chosen = names
        .iter()
        .position(|n| Some(*n) == app.name())
        .unwrap_or(0);
    let first = (chosen + 1).saturating_sub(room.max(1));
    let mut rows: Vec<Row> = names
        .iter()
        .skip(first)
        .filter_map(|name| app.world.row(name))
        .map(|row| one(app, row, width))
        .collect();
    if !app.filter.is_empty() {
        rows.insert(0, Row::of(Role::Muted, format!(" / {}", app.filter)));
    }
    rows
}

fn one(app: &App, row: &LoopRow, width: usize) -> Row {
    let chosen = app.name() == Some(row.name.as_str());
    let run = app.world.newest(&row.name);
    let place = run.and_then(|run| app.world.place(run));
    let (mark, words) = marks::row(row, (run, place), app.now);
    let word = fitting(&words, text::width(&row.name), width);
    let waits = mark.0 == Role::NeedsYou;
    let role = match (waits, chosen) {
        (true, _) => Role::NeedsYou,
        (false, true) => Role::TitleFocus,
        (false, false) => Role::Muted,
    };
    let name_end = width.saturating_sub(if width >= WIDE { 12 } else { 7 });
    let name_role = if chosen { Role::TitleFocus } else { Role::Fg };
    let mut out = Row::of(Role::Accent, if chosen { "▌" } else { " " })
        .with(mark.0, mark.1)
        .with(Role::Fg, " ")
        .with(name_role, &row.name);
    // Where the word is long, it and the name take the column of the mode, which stands below.
    let fits = width >= WIDE && name_end + 4 + text::width(&word) <= width;
    if let (true, LoopState::Valid(facts)) = (fits, &row.state) {
        let letter = marks::mode(facts.mode);
        out = out.cut(name_end).to(name_end + 1).with(letter.0, letter.1);
    }
    out.right(width.saturating_sub(1), role, word)
}

/// Columns from which a row has one for the letter of its mode.
const WIDE: usize = 33;

/// The longest of these words for which a row has room beside a name of so many columns. Where none fits, name
/// and word both give way.
fn fitting(words: &[String], name: usize, width: usize) -> String {
    let room = width.saturating_sub(name + 5);
    let fits = words.iter().find(|word| text::width(word) <= room);
    let most = (width * 2 / 5).max(11).max(room);
    let last = || words.last().map(|word| text::cut(word, most));
    fits.cloned().or_else(last).unwrap_or_default()
}

/// What the operator's leave is missing for. A run that began with it goes on as it was allowed.
fn untrusted(app: &App, why: &str, width: usize) -> Vec<Row> {
    let text = if app.run().is_some_and(Run::active) {
        format!("no new run: {why}; this one goes on as it was allowed")
    } else {
        format!("nothing of it runs: {why}; s shows what it would run")
    };
    labelled(" ▲", 3, (Role::Warn, &text), width)
}

/// Which place the run of the chosen loop has in the line of those that wait to work.
fn queued(app: &App, width: usize) -> Vec<Row> {
    let place = app.run().and_then(|run| app.world.place(run));
    place.map_or_else(Vec::new, |(place, of)| {
        let text = format!("its run is queued, {place} of {of}: others are at work");
        labelled(" ○", 3, (Role::Muted, &text), width)
    })
}

/// What stands below the list, in so many columns and rows.
fn below(app: &App, (width, height): (usize, usize)) -> Vec<Row> {
    if app.pages().is_some() {
        return layers::aside::rows(app, width);
    }
    let title = Row::of(Role::Title, "the four bones");
    let mut rows = vec![paint::rule(&title, width, true)];
    match app
        .name()
        .and_then(|n| app.world.row(n))
        .map(|r| (r, &r.state))
    {
        Some((row, LoopState::Valid(facts))) => {
            rows.extend(skeleton(facts, app, (width, height - 1)));
            rows.extend(record(row, facts, app, width));
            rows.extend(waiting_drafts(app, width));
            // A title alone would only look as if something had been lost.
            if rows.len() + 3 <= height {
                rows.extend(guardrails(app, facts, width));
            }
        }
        Some((_, LoopState::Invalid { line, why })) => {
            rows.extend(warned(&format!("line {line}: {why}"), width));
        }
        Some((row, LoopState::Gone)) => {
            let text = LoopRow::gone(&row.name) + ": its run still asks, and x stops it";
            rows.extend(warned(&text, width));
        }
        Some((_, LoopState::Unexamined)) => rows.push(Row::of(
            Role::Muted,
            " the host has just begun and looks at it",
        )),
        None => rows.push(Row::of(Role::Muted, " no loop is chosen")),
    }
    rows
}

/// What is wrong with the file.
fn warned(text: &str, width: usize) -> Vec<Row> {
    labelled(" ▲", 3, (Role::Warn, text), width.saturating_sub(1))
}

/// Most rows that one line takes of each kind.
#[derive(Clone, Copy)]
struct Most {
    /// Why nothing of it runs.
    why: usize,
    /// How its trigger stands.
    stands: usize,
    /// A bone.
    bone: usize,
}

/// What keeps the loop from running, and its bones: each with as many rows as leave room for all of them.
fn skeleton(facts: &LoopFacts, app: &App, (width, height): (usize, usize)) -> Vec<Row> {
    let body = width.saturating_sub(1);
    let at_most = |(why, stands, bone): (usize, usize, usize)| {
        let most = Most { why, stands, bone };
        let told = facts.distrust.as_deref();
        let mut rows = told.map_or_else(Vec::new, |told| untrusted(app, told, body));
        few(&mut rows, most.why, body);
        rows.extend(queued(app, body));
        rows.extend(bones(facts, app, (width, most)));
        rows
    };
    // What the loop is about gives way first, then why it rests.
    let ways = [
        (BONE_ROWS, BONE_ROWS, BONE_ROWS),
        (5, 3, 3),
        (4, 3, 2),
        (4, 3, 1),
        (3, 2, 1),
    ];
    let least = (2, 1, 1);
    let mut ways = ways.into_iter().map(at_most);
    let fits = ways.find(|rows| rows.len() <= height);
    fits.unwrap_or_else(|| at_most(least))
}

/// At most so many rows; the last one says that something is missing.
fn few(rows: &mut Vec<Row>, most: usize, width: usize) {
    if rows.len() <= most {
        return;
    }
    rows.truncate(most);
    if let Some(last) = rows.pop() {
        rows.push(last.cut(width.saturating_sub(2)).with(Role::Muted, " …"));
    }
}

/// How its runs went, and in which mode they fly.
fn record(row: &LoopRow, facts: &LoopFacts, app: &App, width: usize) -> Vec<Row> {
    let body = width.saturating_sub(1);
    let mut rows = vec![Row::blank(), trust(row, facts)];
    if let Some(last) = app.last_time(&row.name) {
        rows.extend(labelled(" last", 10, (Role::Fg, &last), body));
    }
    if !facts.mode_why.is_empty() {
        rows.extend(labelled("", 10, (Role::Warn, &facts.mode_why), body));
    }
    rows
}

/// Most rows that one line takes; all of it stands behind `i`.
const BONE_ROWS: usize = 5;

/// The four bones, each line in at most so many rows.
fn bones(facts: &LoopFacts, app: &App, (width, most): (usize, Most)) -> Vec<Row> {
    let spec = &facts.spec;
    let trigger = spec.trigger.words();
    let skill = if spec.skill.path.is_empty() {
        "none".to_owned()
    } else {
        format!("{}\nproven by hand {}×", spec.skill.path, facts.proven)
    };
    let verify = figures::count(spec.goal.checks.len(), "check")
        + match spec.goal.judge.as_ref().map(|j| &j.kind) {
            Some(JudgeKind::Human) => " + you",
            Some(JudgeKind::Command { .. } | JudgeKind::Http(_) | JudgeKind::Script { .. }) => {
                " + judge"
            }
            None => "",
        };
    let memory = remembered(spec, app);
    let stops = limits(spec);
    let goal = spec.goal.statement.split_whitespace().collect::<Vec<_>>();
    let goal = text::cut(&goal.join(" "), width.saturating_sub(12) * 4);
    let lines = [
        (" trigger", trigger.as_str()),
        (" skill", &skill),
        (" goal", &goal),
        (" verify", &verify),
        (" memory", &memory),
        (" stops", &stops),
    ];
    let body = width.saturating_sub(1);
    let mut rows: Vec<Row> = Vec::new();
    for (label, text) in lines {
        // Figures are short, and are what is looked for.
        let rows_each = match label {
            " verify" | " memory" | " stops" => BONE_ROWS,
            _ => most.bone,
        };
        rows.extend(bone(label, text, (body, rows_each)));
        if label == " trigger" {
            let mut stands = waking::lines(facts, app.now);
            // Where room is short, the row alone tells the next wake.
            stands.retain(|(role, _)| *role != Role::Fg || app.size.1 >= 30);
            for (role, mut line) in stands {
                // Why nobody has allowed it stands above already.
                let known = facts.distrust.as_deref();
                if let Some(rest) = known.and_then(|why| line.strip_suffix(why)) {
                    line = rest.trim_end_matches(": ").to_owned();
                }
                let mut these = labelled("", 10, (role, &line), body);
                few(&mut these, most.stands, body);
                rows.extend(these);
            }
        }
    }
    rows
}

/// How much a loop remembers, or where.
fn remembered(spec: &LoopSpec, app: &App) -> String {
    app.world.memories.get(&spec.name).map_or_else(
        || spec.memory.path.clone(),
        |m| {
            let (entries, tokens) = super::memory::size(&m.text, spec.memory.inject_tokens);
            format!(
                "{} · {} tok",
                figures::count(entries, "note"),
                figures::short(tokens)
            )
        },
    )
}

/// When a loop stops, in figures.
fn limits(spec: &LoopSpec) -> String {
    let rails = &spec.guardrails;
    let money = rails
        .budget
        .micro_usd
        .map_or(String::new(), |m| format!("·{}", figures::dollars(m)));
    format!(
        "{} iter·{} tok{money}",
        rails.max_iterations,
        figures::short(rails.budget.tokens)
    )
}

/// One bone: its label, and its lines, each cut after a few rows.
fn bone(label: &str, text: &str, (width, most): (usize, usize)) -> Vec<Row> {
    let mut rows = Vec::new();
    for (i, line) in text.split('\n').enumerate() {
        let label = if i == 0 { label } else { "" };
        let mut these = labelled(label, 10, (Role::Fg, line), width);
        few(&mut these, most, width);
        rows.extend(these);
    }
    rows
}

fn trust(row: &LoopRow, facts: &LoopFacts) -> Row {
    let mut out = Row::of(Role::Muted, " trust").to(10);
    let skip = row.record.len().saturating_sub(8);
    for outcome in row.record.iter().skip(skip) {
        let (mark, _) = marks::end_mark(outcome);
        out = out.with(mark.0, mark.1);
    }
    let gap = if row.record.is_empty() { "" } else { "  " };
    out.with(Role::Fg, format!("{gap}{}", facts.mode.word()))
}

/// Drafts of all loops that wait for a yes, where there is room to name them.
fn waiting_drafts(app: &App, width: usize) -> Vec<Row> {
    let waiting = app.world.waiting();
    let mut rows: Vec<Row> = waiting
        .iter()
        .filter(|(_, checkpoint, _)| matches!(checkpoint.ask, Ask::Publish { .. }))
        .map(|(run, _, since)| {
            let draft = run
                .drafts
                .first()
                .map_or("", |path| path.rsplit('/').next().unwrap_or(path));
            Row::of(Role::Fg, format!(" {}", text::cut(run.name(), 14)))
                .to(16)
                .with(Role::Fg, draft)
                .right(
                    width.saturating_sub(1),
                    Role::Muted,
                    app.now.at(*since).hm(),
                )
        })
        .collect();
    if rows.is_empty() || app.size.0 < 160 {
        return Vec::new();
    }
    let title = Row::of(Role::Title, "drafts waiting for your yes");
    rows.insert(0, paint::rule(&title, width, true));
    rows.insert(0, Row::blank());
    rows
}

/// What stops the worker, and what does not: guardrails that are not enforced are said.
fn guardrails(app: &App, facts: &LoopFacts, width: usize) -> Vec<Row> {
    let rules = &facts.spec.guardrails.workspace;
    let mut rows = vec![
        Row::blank(),
        paint::rule(&Row::of(Role::Title, "guardrails"), width, true),
    ];
    let limits = format!(
        "{} files, {} lines, {} deletions a pass",
        rules.max_files, rules.max_changed_lines, rules.max_deletions
    );
    rows.extend(labelled(
        " at most",
        10,
        (Role::Fg, &limits),
        width.saturating_sub(1),
    ));
    for missing in &facts.not_enforced {
        let text = format!("not enforced: {missing}");
        rows.extend(labelled(
            " ▲",
            3,
            (Role::Warn, &text),
            width.saturating_sub(1),
        ));
    }
    for warning in facts.warnings.iter().chain(&app.world.warnings) {
        rows.extend(labelled(
            " ▲",
            3,
            (Role::Warn, warning),
            width.saturating_sub(1),
        ));
    }
    rows
}
