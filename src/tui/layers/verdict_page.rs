//! The head of a question's page, and the verdict page: evidence, the judge's words, whether it is
//! getting closer, the note to be saved.
//!
//! ```text
//! ✗ NOT APPROVED · iteration 2 of 5
//! ✗ links resolve   6 / 7    …/wiki/agents → 410
//! closer   ✗✗ → ✗✗
//! ```

use super::{empty, heads, publish_page};
use crate::run::{Ask, Failure, Judgement, Verdict};
use crate::tui::app::App;
use crate::tui::app::form;
use crate::tui::app::pages::{Pages, Tab};
use crate::tui::app::runs::Run;
use crate::tui::marks;
use crate::tui::panes::{runs, verdict};
use crate::tui::styles::Role;
use crate::tui::text::{Row, cut, exact, figures, labelled, paragraph, patch};

/// What a question says about itself, at the head of its own page.
pub(crate) fn asked(ask: &Ask, run: &Run, width: usize) -> Vec<Row> {
    let mut rows = match ask {
        Ask::Prompt { .. } | Ask::Work { .. } | Ask::Verdict { .. } => return Vec::new(),
        Ask::Publish { .. } => publish_page::rows(ask, run, width),
        Ask::Question { question } => {
            labelled("asks", 9, (Role::Warn, &format!("«{question}»")), width)
        }
        Ask::Guardrail { breaches, .. } => breaches
            .iter()
            .flat_map(|b| {
                let text = format!("tried: {} — rule {}. Refused, put back.", b.tried, b.rule);
                labelled("▲", 9, (Role::Warn, &text), width)
            })
            .collect(),
        Ask::Stuck { signal } => labelled("▲", 9, (Role::Warn, &signal.in_words()), width),
        Ask::Permission { what, .. } => permission(what, width),
        Ask::Budget { limit, next } => {
            let how = if limit.is_ahead() {
                "spent, too little is left for the next call"
            } else {
                "reached"
            };
            let text = format!(
                "{} {how}; next would be {}",
                marks::limit(*limit),
                marks::stage(*next)
            );
            let mut rows = labelled("limit", 9, (Role::Warn, &text), width);
            rows.extend(spent(run, width));
            rows
        }
        Ask::Error { failure } => failed(failure, width),
    };
    rows.push(Row::blank());
    rows
}

/// The call in one line, then its change as a diff, every line of it.
fn permission(what: &str, width: usize) -> Vec<Row> {
    let (call, change) = what.split_once('\n').unwrap_or((what, ""));
    let mut rows = labelled("call", 9, (Role::Warn, call), width);
    let told = "exactly as the agent sent it; nothing was done yet";
    rows.extend(labelled("", 9, (Role::Muted, told), width));
    if !change.is_empty() {
        rows.push(Row::blank());
        rows.extend(change.lines().flat_map(|line| patch::line(line, width)));
    }
    rows
}

fn failed(failure: &Failure, width: usize) -> Vec<Row> {
    let mut rows = labelled("cause", 9, (Role::Fail, &failure.cause), width);
    let step = format!("while {}", marks::stage(failure.stage));
    rows.extend(labelled("", 9, (Role::Muted, &step), width));
    if failure.maybe_done {
        let words = "it may already have happened; it is never repeated by itself";
        rows.extend(labelled("▲", 9, (Role::Warn, words), width));
    }
    rows.push(Row::blank());
    let raw = failure.detail.lines();
    rows.extend(raw.flat_map(|l| exact(Role::Fg, "  ", l, width)));
    rows
}

/// Spend by iteration.
fn spent(run: &Run, width: usize) -> Vec<Row> {
    let estimated = run.meter.as_ref().is_some_and(|m| m.used().estimated);
    let about = if estimated { "≈" } else { "" };
    let mut rows: Vec<Row> = run
        .iterations
        .iter()
        .enumerate()
        .map(|(i, it)| {
            let mark = marks::iteration(run, i + 1);
            Row::of(Role::Muted, if i == 0 { "spent" } else { "" })
                .to(9)
                .with(Role::Fg, format!("iteration {} ", i + 1))
                .with(mark.0, mark.1)
                .right(
                    width.min(48),
                    Role::Fg,
                    format!("{about}{} tok", figures::short(it.tokens)),
                )
        })
        .collect();
    let done = run.now() as u64;
    let left = u64::from(run.max_iterations()).saturating_sub(done);
    let all: u64 = run.iterations.iter().map(|i| i.tokens).sum();
    if let (1.., Some(each)) = (left, all.checked_div(done)) {
        let text = format!(
            "≈ {} tok more if all {left} iterations left are needed",
            figures::short(each * left)
        );
        rows.extend(labelled("forecast", 9, (Role::Fg, &text), width));
    }
    rows
}

/// The verdict page.
pub(crate) fn rows(app: &App, pages: &Pages, run: &Run, width: usize) -> Vec<Row> {
    let asked = pages.question(run).map(|c| &c.ask);
    let ruled = match asked {
        Some(Ask::Verdict { verdict, .. }) => Some(&**verdict),
        _ => pages.shown(run).and_then(|i| i.verdict.as_ref()),
    };
    if let Some(Ask::Stuck { .. }) = asked {
        let mut rows = runs::matrix(run, width);
        rows.push(Row::blank());
        rows.extend(repeated(run, width));
        return rows;
    }
    let Some(ruled) = ruled else {
        return empty::page(Tab::Verdict, pages, run);
    };
    let at = format!(
        " · iteration {} of {}",
        pages.iteration,
        run.max_iterations()
    );
    let mut rows = vec![verdict::word(ruled).with(Role::Fg, at)];
    if let Some(claim) = pages.work(run).and_then(|w| w.claim.as_ref()) {
        let claim = format!("“{claim}”");
        rows.push(
            Row::of(Role::Muted, "worker")
                .to(9)
                .with(Role::Claim, claim)
                .right(width, Role::Muted, "its claim is not counted"),
        );
    }
    rows.extend(heads::flags(&ruled.flags, width));
    rows.push(Row::blank());
    rows.extend(evidence(ruled, width));
    rows.push(Row::blank());
    let human = pages.question(run).and_then(|c| app.human.get(&c.id));
    rows.extend(judge(run, ruled, human.map_or(&[], Vec::as_slice), width));
    rows.extend(closer(run, ruled, pages.iteration, width));
    let note = ruled.note.as_deref().unwrap_or("");
    if !note.is_empty() {
        rows.push(Row::of(Role::Muted, "note to be saved in memory").right(
            width,
            Role::Muted,
            "e changes it",
        ));
        rows.extend(note.lines().flat_map(|l| exact(Role::Add, "+ ", l, width)));
        rows.push(Row::blank());
    }
    if !ruled.feedback.is_empty() {
        rows.push(Row::of(Role::Muted, "what the next prompt is told"));
        rows.extend(
            ruled
                .feedback
                .lines()
                .flat_map(|l| exact(Role::Fg, "  ", l, width)),
        );
    }
    rows
}

/// One row per check: mark, name, figure, command; below a failed one the end of its output.
fn evidence(ruled: &Verdict, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for check in &ruled.checks {
        let mark = marks::check(check);
        let optional = if check.required { "" } else { " (only shown)" };
        rows.push(
            Row::of(mark.0, mark.1)
                .with(Role::Fg, format!(" {}{optional}", cut(&check.name, 20)))
                .to(18)
                .with(Role::Fg, format!(" {}", cut(&marks::figure(check), 24)))
                .to(28)
                .with(Role::Muted, format!(" {}", check.command.join(" ")))
                .cut(width),
        );
        if !check.passed() {
            let lines: Vec<&str> = check.evidence.lines().collect();
            let skip = lines.len().saturating_sub(8);
            rows.extend(
                lines[skip..]
                    .iter()
                    .flat_map(|l| exact(Role::Muted, "    ", l, width)),
            );
        }
    }
    if let Some((mark, words)) = marks::judge(&ruled.judgement) {
        rows.push(
            Row::of(mark.0, mark.1)
                .with(Role::Fg, " judge")
                .to(18)
                .with(Role::Fg, format!(" {words}")),
        );
    }
    rows
}

/// The judge's answer, line by line; or the lines that wait for the operator's own.
fn judge(run: &Run, ruled: &Verdict, human: &[Option<bool>], width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    match &ruled.judgement {
        Judgement::None | Judgement::NotAsked { .. } => return rows,
        Judgement::Open => {
            for (i, line) in form::rubric(run).iter().enumerate() {
                let (role, mark) = match human.get(i).copied().flatten() {
                    None => (Role::NeedsYou, "· unset"),
                    Some(true) => (Role::Ok, "✓ yes"),
                    Some(false) => (Role::Fail, "✗ no"),
                };
                rows.push(
                    Row::of(Role::Accent, format!("{} ", i + 1))
                        .with(role, mark)
                        .to(10)
                        .with(Role::Fg, line)
                        .cut(width),
                );
            }
        }
        Judgement::Given(answer) => {
            for finding in &answer.findings {
                let mark = if finding.pass { marks::OK } else { marks::FAIL };
                let turned = if finding.overturned {
                    " (turned over by you)"
                } else {
                    ""
                };
                rows.push(
                    Row::of(mark.0, mark.1)
                        .with(Role::Fg, format!(" {}{turned}", finding.line))
                        .cut(width),
                );
                if !finding.evidence.is_empty() {
                    rows.extend(paragraph(
                        Role::Muted,
                        "    ",
                        &format!("“{}”", finding.evidence),
                        width,
                    ));
                }
            }
        }
        Judgement::Unreadable { why, raw } => {
            rows.extend(paragraph(
                Role::Warn,
                "",
                &format!("the judge's answer could not be read: {why}"),
                width,
            ));
            rows.extend(
                raw.lines()
                    .take(8)
                    .flat_map(|l| exact(Role::Muted, "    ", l, width)),
            );
        }
    }
    rows.push(Row::blank());
    rows
}

/// Whether it is getting closer: the figures of checks that failed last time.
fn closer(run: &Run, now: &Verdict, iteration: usize, width: usize) -> Vec<Row> {
    let before = iteration.checked_sub(2).and_then(|i| run.iterations.get(i));
    let Some(before) = before.and_then(|i| i.verdict.as_ref()) else {
        return Vec::new();
    };
    let moved: Vec<String> = now
        .checks
        .iter()
        .filter_map(|check| {
            let last = before.checks.iter().find(|c| c.name == check.name)?;
            let (a, b) = (marks::figure(last), marks::figure(check));
            (!last.passed() || !check.passed()).then(|| format!("{} {a} → {b}", check.name))
        })
        .collect();
    if moved.is_empty() {
        return Vec::new();
    }
    let mut rows = labelled("closer", 9, (Role::Fg, &moved.join("   ")), width);
    rows.push(Row::blank());
    rows
}

/// The evidence that repeats, newest two iterations one after the other.
fn repeated(run: &Run, width: usize) -> Vec<Row> {
    let skip = run.iterations.len().saturating_sub(2);
    run.iterations
        .iter()
        .enumerate()
        .skip(skip)
        .filter_map(|(i, it)| Some((i + 1, it.verdict.as_ref()?)))
        .flat_map(|(n, ruled)| {
            let mut rows = vec![Row::of(Role::Title, format!("iteration {n}"))];
            rows.extend(evidence(ruled, width));
            rows.extend(verdict::findings(ruled, width));
            rows.push(Row::blank());
            rows
        })
        .collect()
}
