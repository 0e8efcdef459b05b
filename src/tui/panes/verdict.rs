//! ```text
//!  3 verdict ──────────────────────
//!  iteration 1
//!  ✗ NOT APPROVED
//!
//!  ✓ words 500–800            587
//!  ✗ links resolve          4 / 6
//! ```

use crate::run::{Finding, Judgement, Verdict};
use crate::tui::app::App;
use crate::tui::app::runs::{Phase, Run};
use crate::tui::layout::{self, Pane, Region};
use crate::tui::marks;
use crate::tui::paint::{self, Canvas};
use crate::tui::styles::Role;
use crate::tui::text::{Row, paragraph, wrap};

use super::diff;

/// Draws pane 3.
pub fn draw(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let title = if app.layout().shared {
        super::shared_title(Pane::Verdict)
    } else {
        super::title(app, Pane::Verdict)
    };
    canvas.rule(region.title, &title);
    let rows = super::visible(app, Pane::Verdict);
    canvas.rows(layout::inner(region.body), &rows);
}

/// The text of pane 3: the newest verdict, or that of the chosen iteration, and what comes next.
pub(crate) fn rows(app: &App, width: usize, height: usize) -> Vec<Row> {
    let Some(run) = app.run() else {
        return vec![Row::of(Role::Muted, "no verdict yet")];
    };
    let shown = match app.iteration {
        Some(n) => run
            .iterations
            .get(n.wrapping_sub(1))
            .and_then(|i| Some((n, i.verdict.as_ref()?))),
        None => run.verdict(),
    };
    let mut out = Vec::new();
    if let Some((number, verdict)) = shown {
        let place = if run.active() {
            format!("iteration {number}")
        } else {
            format!("run {} · iteration {number}", run.number())
        };
        out.push(Row::of(Role::Muted, place));
        out.push(word(verdict));
        if !verdict.flags.is_empty() {
            let text = format!("▲ look at: {}", diff::signs(&verdict.flags));
            out.extend(paragraph(Role::Warn, "", &text, width));
        }
        out.push(Row::blank());
        out.extend(checks(verdict, width));
        out.push(Row::blank());
        // What an active run waits for needs room too.
        let taken = out.len() + if run.active() { 4 } else { 0 };
        out.extend(judged(verdict, width, height.saturating_sub(taken)));
    }
    let newest = shown.map_or(0, |(n, _)| n);
    if run.active() && run.now() > newest {
        if newest > 0 {
            out.push(Row::blank());
        }
        out.push(Row::of(Role::Muted, format!("iteration {}", run.now())));
        out.extend(paragraph(Role::Muted, "", next(run), width));
    }
    if app.size.0 >= 160 && height > 24 && run.now() > 0 {
        out.push(Row::blank());
        out.push(paint::rule(
            &Row::of(Role::Title, "what converges"),
            width,
            false,
        ));
        out.extend(super::runs::matrix(run, width));
    }
    out
}

/// What the newest iteration waits for.
fn next(run: &Run) -> &'static str {
    match &run.phase {
        Phase::Asking(checkpoint, _) => match checkpoint.ask.kind() {
            "work" => "· checks start when you approve",
            "prompt" => "· nothing is sent until you approve",
            _ => "· waits for you",
        },
        Phase::Busy(step, _) => match marks::stage(*step) {
            "checking" => "· the checks run",
            "judging" => "· the judge is asked",
            _ => "· waiting for the work",
        },
        Phase::Paused(_) => "· waits for the limit",
        Phase::Queued | Phase::Held(_) | Phase::Stopping | Phase::Ended(..) => "· no verdict yet",
    }
}

/// `✗ NOT APPROVED`
pub(crate) fn word(verdict: &Verdict) -> Row {
    let (mark, word) = if verdict.approved() {
        (marks::OK, "APPROVED")
    } else if verdict.judgement == Judgement::Open {
        (marks::ASKS, "yours to judge")
    } else {
        (marks::FAIL, "NOT APPROVED")
    };
    Row::of(mark.0, format!("{} {word}", mark.1))
}

/// One row per check, and one for the judge.
pub(crate) fn checks(verdict: &Verdict, width: usize) -> Vec<Row> {
    let mut out: Vec<Row> = verdict
        .checks
        .iter()
        .map(|check| {
            let mark = marks::check(check);
            let optional = if check.required { "" } else { " (only shown)" };
            Row::of(mark.0, mark.1)
                .with(Role::Fg, format!(" {}", check.name))
                .with(Role::Muted, optional)
                .right(width, Role::Fg, marks::figure(check))
        })
        .collect();
    if let Some((mark, words)) = marks::judge(&verdict.judgement) {
        let words = words.split(':').next().unwrap_or_default();
        let row = Row::of(mark.0, mark.1).with(Role::Fg, " judge");
        out.push(row.right(width, Role::Fg, words));
    }
    out
}

/// The rubric lines with their marks and their evidence; where there is less room without it, or
/// the judge's words alone.
fn judged(verdict: &Verdict, width: usize, room: usize) -> Vec<Row> {
    let words = findings(verdict, width);
    let Judgement::Given(answer) = &verdict.judgement else {
        return words;
    };
    let found = answer.findings.iter();
    let full: Vec<Row> = found.clone().flat_map(|f| line(f, true, width)).collect();
    if full.len() <= room {
        return full;
    }
    let mut short: Vec<Row> = found.flat_map(|f| line(f, false, width)).collect();
    short.push(Row::blank());
    short.extend(words.iter().cloned());
    if short.len() <= room { short } else { words }
}

/// `✓ every claim carries a source`, and below it why.
fn line(found: &Finding, evidence: bool, width: usize) -> Vec<Row> {
    let mark = if found.pass { marks::OK } else { marks::FAIL };
    let mut rows: Vec<Row> = wrap(&found.line, width.saturating_sub(2))
        .into_iter()
        .enumerate()
        .map(|(i, text)| {
            let mark = if i == 0 { mark } else { (Role::Fg, " ") };
            Row::of(mark.0, mark.1).with(Role::Fg, format!(" {text}"))
        })
        .collect();
    if evidence && !found.evidence.is_empty() {
        let quote = format!("“{}”", found.evidence);
        rows.extend(paragraph(Role::Muted, "  ", &quote, width));
    }
    rows
}

/// The judge's words: what it found wanting, else the first reason for its yes.
pub(crate) fn findings(verdict: &Verdict, width: usize) -> Vec<Row> {
    let quote = |text: &str| paragraph(Role::Fg, "", &format!("“{text}”"), width);
    match &verdict.judgement {
        Judgement::Given(answer) => {
            let mut failed = answer.findings.iter().filter(|f| !f.pass).peekable();
            if failed.peek().is_none() {
                return answer
                    .findings
                    .first()
                    .map_or_else(Vec::new, |f| quote(&f.evidence));
            }
            failed.flat_map(|f| quote(&f.evidence)).collect()
        }
        Judgement::Unreadable { why, .. } => paragraph(
            Role::Warn,
            "",
            &format!("the judge's answer could not be read: {why}"),
            width,
        ),
        Judgement::None | Judgement::NotAsked { .. } | Judgement::Open => Vec::new(),
    }
}

/// Draws the verdict in four lines below a shared place.
pub fn draw_strip(canvas: &mut Canvas<'_>, app: &App, region: Region) {
    let Some((run, (number, verdict))) = app.run().and_then(|r| Some((r, r.verdict()?))) else {
        canvas.row(
            region.title,
            &paint::rule(
                &Row::of(Role::Title, "verdict"),
                usize::from(region.title.width),
                true,
            ),
        );
        return canvas.row(
            layout::inner(region.body),
            &Row::of(Role::Muted, "no verdict yet"),
        );
    };
    let title = if run.active() {
        format!("iteration {number}")
    } else {
        format!("run {}", run.number())
    };
    let title = Row::of(Role::Title, title);
    canvas.row(
        region.title,
        &paint::rule(&title, usize::from(region.title.width), true),
    );
    let area = layout::inner(region.body);
    let width = usize::from(area.width);
    let mut out: Vec<Row> = Vec::new();
    let mut pieces = vec![word(verdict)];
    if !verdict.flags.is_empty() {
        let text = format!("▲ {}", diff::signs(&verdict.flags));
        pieces.push(Row::of(Role::Warn, text));
    }
    pieces.extend(verdict.checks.iter().map(|check| {
        let mark = marks::check(check);
        let name = crate::tui::text::cut(&check.name, 14);
        let figure = crate::tui::text::cut(&marks::figure(check), 12);
        Row::of(Role::Fg, format!("{name} {figure} ")).with(mark.0, mark.1)
    }));
    if let Some((mark, _)) = marks::judge(&verdict.judgement) {
        pieces.push(Row::of(Role::Fg, "judge ").with(mark.0, mark.1));
    }
    for piece in pieces {
        match out.last_mut() {
            Some(last) if last.width() + piece.width() + 2 <= width => {
                last.spans.push((Role::Fg, "  ".to_owned()));
                last.spans.extend(piece.spans);
            }
            _ => out.push(piece),
        }
    }
    out.extend(findings(verdict, width));
    let more = out.len() > usize::from(area.height);
    out.truncate(usize::from(area.height));
    if let (true, Some(last)) = (more, out.last_mut()) {
        *last = std::mem::take(last).right(width, Role::Muted, "3 …");
    }
    canvas.rows(area, &out);
}
