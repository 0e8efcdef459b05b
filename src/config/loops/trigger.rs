//! `[trigger]`: what wakes a loop, and the words for it on the screen.

use crate::config::cron::Cron;
use crate::config::diagnostic::Span;
use crate::config::names;
use crate::config::quantity;
use crate::config::reader::table::or;
use crate::config::reader::{At, Table};
use crate::run::spec::Trigger;

use super::command::{self, Argv};
use super::globs;

/// What the table says.
pub(super) struct TriggerPart {
    /// The trigger, in words.
    pub(super) spec: Trigger,
    /// Least seconds between two wakings of a schedule.
    pub(super) gap: Option<At<u64>>,
    /// The command that is asked for events, with places.
    pub(super) poll: Option<Argv>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Manual,
    Schedule,
    Event,
}

const DAY: u64 = 86_400;
const SCHEDULE_KEYS: [&str; 5] = ["cron", "every", "timezone", "missed", "jitter"];
const EVENT_KEYS: [&str; 4] = ["watch", "git", "inbox", "poll"];

impl Default for TriggerPart {
    fn default() -> Self {
        Self {
            spec: Trigger::Manual,
            gap: None,
            poll: None,
        }
    }
}

/// Reads `[trigger]`; `None` when it is wrong.
pub(super) fn read(table: &mut Table<'_>) -> Option<TriggerPart> {
    let words = [
        ("manual", Type::Manual),
        ("schedule", Type::Schedule),
        ("event", Type::Event),
    ];
    if table.key("type").is_none() {
        table.missing("type", "type = \"manual\"");
    }
    let kind = table.choice("type", &words);
    if table.duration("expires", DAY..=3_650 * DAY).is_some() {
        table.problems.not_enforced("trigger.expires");
    }
    let (schedule, event) = (schedule(table), event(table));
    if kind.as_ref().is_some_and(|kind| kind.value != Type::Manual) {
        table
            .problems
            .not_enforced("trigger (in this build you start every run)");
    }
    match kind?.value {
        Type::Manual => {
            table.refuse(&SCHEDULE_KEYS, "for type = \"manual\"");
            table.refuse(&EVENT_KEYS, "for type = \"manual\"");
            Some(TriggerPart::default())
        }
        Type::Schedule => {
            table.refuse(&EVENT_KEYS, "for type = \"schedule\"");
            one_of(table, &["cron", "every"], "cron = \"0 7 * * 1-5\"")?;
            schedule
        }
        Type::Event => {
            table.refuse(&SCHEDULE_KEYS, "for type = \"event\"");
            one_of(table, &EVENT_KEYS, "watch = [\"notes/**\"]")?;
            event
        }
    }
}

/// Reports unless exactly one of these keys is there.
fn one_of(table: &mut Table<'_>, keys: &[&'static str], example: &str) -> Option<()> {
    let given: Vec<(&str, Span)> = keys
        .iter()
        .filter_map(|key| Some((*key, table.key(key)?)))
        .collect();
    match given.as_slice() {
        [] => {
            let all: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            table.problems.error(
                table.span,
                format!("nothing wakes this loop: `trigger` has no {}", or(&all)),
                format!("add `{example}`"),
            );
            None
        }
        [_] => Some(()),
        [(first, _), (second, span), ..] => {
            table.problems.error(
                *span,
                format!(
                    "`{second}` stands beside `{first}`, and only one of them can wake the loop"
                ),
                "remove one of them, or write a second loop",
            );
            None
        }
    }
}

fn schedule(table: &mut Table<'_>) -> Option<TriggerPart> {
    match table.text("timezone") {
        Some(zone) if zone.value == "UTC" => table.problems.not_enforced("trigger.timezone"),
        Some(zone) if zone.value != "local" => table.problems.error(
            zone.span,
            format!("`timezone` knows no \"{}\"", zone.value),
            "write \"local\" or \"UTC\"",
        ),
        Some(_) | None => {}
    }
    let missed = table.choice("missed", &[("skip", false), ("once", true)]);
    if missed.is_some_and(|missed| missed.value) {
        table.problems.not_enforced("trigger.missed = \"once\"");
    }
    if table.duration("jitter", 0..=DAY).is_some() {
        table.problems.not_enforced("trigger.jitter");
    }
    let every = table
        .duration("every", 60..=366 * DAY)
        .map(|every| TriggerPart {
            spec: Trigger::Schedule(format!("every {}", quantity::words(every.value))),
            gap: Some(every),
            poll: None,
        });
    let cron = cron(table);
    every.or(cron)
}

fn cron(table: &mut Table<'_>) -> Option<TriggerPart> {
    let text = table.text("cron")?;
    let cron = match Cron::parse(&text.value) {
        Ok(cron) => cron,
        Err(why) => {
            table.problems.error(
                text.span,
                format!("`cron` is no schedule: {why}"),
                "write minute hour day month weekday, such as \"0 7 * * 1-5\"",
            );
            return None;
        }
    };
    let Some(minutes) = cron.shortest_gap() else {
        table.problems.error(
            text.span,
            "this schedule never fires: no year has such a date",
            "write a date that exists, such as \"0 0 28 2 *\"",
        );
        return None;
    };
    Some(TriggerPart {
        spec: Trigger::Schedule(cron.words()),
        gap: Some(text.map(|_| u64::from(minutes) * 60)),
        poll: None,
    })
}

/// The event, whichever key it stands under.
fn event(table: &mut Table<'_>) -> Option<TriggerPart> {
    let watch = table.texts("watch").map(|list| {
        if list.value.is_empty() {
            table.problems.error(
                list.span,
                "`watch` names no pattern",
                "write `watch = [\"notes/**\"]`",
            );
        }
        globs::checked(table, "watch", list)
    });
    let git = table.table("git", git);
    let inbox = table.flag("inbox");
    let poll = table.table("poll", poll);
    if let Some(patterns) = watch {
        let all: Vec<String> = patterns.into_iter().map(|p| p.value).collect();
        return Some(on(format!("watch {}", all.join(" ")), None));
    }
    if let Some(inbox) = inbox {
        if !inbox.value {
            table.problems.error(
                inbox.span,
                "`inbox = false` wakes nothing",
                "write `inbox = true`",
            );
            return None;
        }
        return Some(on("inbox".to_owned(), None));
    }
    let poll = poll.flatten().map(|(words, argv)| on(words, Some(argv)));
    git.flatten().map(|words| on(words, None)).or(poll)
}

fn on(words: String, poll: Option<Argv>) -> TriggerPart {
    TriggerPart {
        spec: Trigger::Event(words),
        gap: None,
        poll,
    }
}

fn git(table: &mut Table<'_>) -> Option<String> {
    let name = table.required_text("ref", "ref = \"refs/heads/main\"");
    table.choice("on", &[("update", ())]);
    let name = name?;
    let short = name
        .value
        .strip_prefix("refs/heads/")
        .or(name.value.strip_prefix("refs/tags/"));
    if let Err(why) = names::branch(short.unwrap_or(&name.value)) {
        table.problems.error(
            name.span,
            format!("`ref` is no reference: {why}"),
            "write the full name, such as \"refs/heads/main\"",
        );
        return None;
    }
    Some(format!("git {}", short.unwrap_or(&name.value)))
}

fn poll(table: &mut Table<'_>) -> Option<(String, Argv)> {
    if table.key("command").is_none() {
        table.missing("command", "command = [\"scripts/new-items\"]");
    }
    if table.key("every").is_none() {
        table.missing("every", "every = \"1h\"");
    }
    let command = command::read(table, "command");
    let every = table.duration("every", 60..=366 * DAY);
    let (command, every) = (command?, quantity::words(every?.value));
    let words = format!("poll {} every {every}", command.value.first()?.value);
    Some((words, command))
}
