//! `[trigger]`: what wakes a loop.

use jiff::tz::TimeZone;

use crate::config::diagnostic::Span;
use crate::config::names;
use crate::config::reader::table::or;
use crate::config::reader::{At, Table};
use crate::run::spec::{Cron, OnEvent, Schedule, Source, Trigger, When, Zone};

use super::command::{self, Argv};
use super::globs;

/// What the table says.
pub(super) struct TriggerPart {
    /// The trigger.
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
    let expires_s = table
        .duration("expires", DAY..=3_650 * DAY)
        .map(|time| time.value);
    let (schedule, event) = (schedule(table, expires_s), event(table, expires_s));
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

fn schedule(table: &mut Table<'_>, expires_s: Option<u64>) -> Option<TriggerPart> {
    let zone = zone(table);
    let make_up = table.choice("missed", &[("skip", false), ("once", true)]);
    let jitter = table.duration("jitter", 0..=DAY);
    let every = table.duration("every", 60..=366 * DAY);
    let cron = cron(table);
    let (when, gap) = match every {
        Some(every) => (When::Every(every.value), every),
        None => cron?,
    };
    if let Some(jitter) = jitter.filter(|jitter| jitter.value >= gap.value) {
        table.problems.error(
            jitter.span,
            "`jitter` is as long as the time from one wake to the next",
            "write a shorter one, such as \"2m\"",
        );
    }
    Some(TriggerPart {
        spec: Trigger::Schedule(Schedule {
            when,
            zone,
            make_up: make_up.is_some_and(|once| once.value),
            jitter_s: jitter.map_or(0, |jitter| jitter.value),
            expires_s,
        }),
        gap: Some(gap),
        poll: None,
    })
}

/// The time zone: this machine's, or one that its database knows.
fn zone(table: &mut Table<'_>) -> Zone {
    match table.text("timezone") {
        Some(zone) if zone.value != "local" => {
            if TimeZone::get(&zone.value).is_err() {
                table.problems.error(
                    zone.span,
                    format!("this machine knows no time zone \"{}\"", zone.value),
                    "write \"local\", \"UTC\" or a name such as \"Europe/Berlin\"",
                );
            }
            Zone::Named(zone.value)
        }
        Some(_) | None => Zone::Local,
    }
}

/// The calendar's schedule and its shortest gap, in seconds.
fn cron(table: &mut Table<'_>) -> Option<(When, At<u64>)> {
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
    let gap = text.map(|_| u64::from(minutes) * 60);
    Some((When::Cron(cron), gap))
}

/// The event, whichever key it stands under.
fn event(table: &mut Table<'_>, expires_s: Option<u64>) -> Option<TriggerPart> {
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
        return Some(on((Source::Watch(all), None), expires_s));
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
        return Some(on((Source::Inbox, None), expires_s));
    }
    let git = git.flatten().map(|name| (Source::Git(name), None));
    let found = git.or(poll.flatten().map(|(poll, argv)| (poll, Some(argv))))?;
    Some(on(found, expires_s))
}

fn on((source, poll): (Source, Option<Argv>), expires_s: Option<u64>) -> TriggerPart {
    TriggerPart {
        spec: Trigger::Event(OnEvent { source, expires_s }),
        gap: None,
        poll,
    }
}

/// The full name of the reference.
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
    if !name.value.starts_with("refs/") {
        table.problems.error(
            name.span,
            "`ref` is no full name of a reference",
            format!("write \"refs/heads/{}\"", name.value),
        );
        return None;
    }
    Some(name.value)
}

fn poll(table: &mut Table<'_>) -> Option<(Source, Argv)> {
    if table.key("command").is_none() {
        table.missing("command", "command = [\"scripts/new-items\"]");
    }
    if table.key("every").is_none() {
        table.missing("every", "every = \"1h\"");
    }
    let command = command::read(table, "command");
    let every = table.duration("every", 60..=366 * DAY);
    let (argv, every_s) = (command?, every?.value);
    let command = command::plain(&argv);
    Some((Source::Poll { command, every_s }, argv))
}
