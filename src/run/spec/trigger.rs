//! What wakes a loop: nothing but a person, a schedule, or something that happens outside.
//! Values and their words; when a schedule is due is `supervisor/wake`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::Cron;

/// What wakes a loop. `s` starts every loop by hand, whatever stands here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Only a person starts it.
    Manual,
    /// A time of day or an interval.
    Schedule(Schedule),
    /// Something that happens outside.
    Event(OnEvent),
}

/// When a loop wakes by the clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its slots.
    pub when: When,
    /// Whose clock on the wall counts.
    pub zone: Zone,
    /// Whether the newest of the slots that were missed is made up for; else none is.
    pub make_up: bool,
    /// Most seconds by which a wake is put off, so that not all begin at the full hour.
    pub jitter_s: u64,
    /// Seconds after which it switches itself off, unless it is armed anew.
    pub expires_s: Option<u64>,
}

/// The slots of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// By calendar.
    Cron(Cron),
    /// Every so many seconds from the moment it was armed.
    Every(u64),
}

/// Whose clock on the wall a schedule means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// This machine's.
    Local,
    /// That of a name in the time zone database, such as `UTC` or `Europe/Berlin`.
    Named(String),
}

/// What outside wakes a loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnEvent {
    /// What it is.
    pub source: Source,
    /// Seconds after which it switches itself off, unless it is armed anew.
    pub expires_s: Option<u64>,
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Files of the project that match one of these patterns have changed.
    Watch(Vec<String>),
    /// A reference of the operator's repository points elsewhere; its full name.
    Git(String),
    /// A JSON file was dropped into `inbox/<loop>/`, or `checkride fire` was called.
    Inbox,
    /// A program found something: it ended with 0.
    Poll {
        /// Program and arguments.
        command: Vec<String>,
        /// Seconds from one time to the next.
        every_s: u64,
    },
}

impl Trigger {
    /// What wakes it, in words fit for the screen.
    pub fn words(&self) -> String {
        match self {
            Self::Manual => "by hand".to_owned(),
            Self::Schedule(schedule) => schedule.words(),
            Self::Event(event) => event.source.words(),
        }
    }

    /// Whether it is woken by what happens to files.
    pub fn looks_at_files(&self) -> bool {
        match self {
            Self::Manual | Self::Schedule(_) => false,
            Self::Event(event) => match event.source {
                Source::Watch(_) | Source::Inbox => true,
                Source::Git(_) | Source::Poll { .. } => false,
            },
        }
    }

    /// Seconds after which it switches itself off.
    pub fn expires_s(&self) -> Option<u64> {
        match self {
            Self::Manual => None,
            Self::Schedule(schedule) => schedule.expires_s,
            Self::Event(event) => event.expires_s,
        }
    }

    /// Reads a trigger of this build, or of one that kept only words for the screen.
    ///
    /// Such words stand in records of runs that woke long ago: they are shown nowhere and wake nothing.
    pub(super) fn of_any_age<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Kept {
            Typed(Trigger),
            Words(#[expect(dead_code, reason = "only its form counts")] BTreeMap<String, String>),
        }
        Ok(match Kept::deserialize(from)? {
            Kept::Typed(trigger) => trigger,
            Kept::Words(_) => Self::Manual,
        })
    }
}

impl Schedule {
    /// These slots, by this machine's clock, with nothing else asked for.
    pub fn plain(when: When) -> Self {
        Self {
            when,
            zone: Zone::Local,
            make_up: false,
            jitter_s: 0,
            expires_s: None,
        }
    }

    fn words(&self) -> String {
        let when = match &self.when {
            When::Cron(cron) => cron.words(),
            When::Every(seconds) => format!("every {}", length(*seconds)),
        };
        match &self.zone {
            Zone::Local => when,
            Zone::Named(zone) => format!("{when} {zone}"),
        }
    }
}

impl Source {
    fn words(&self) -> String {
        match self {
            Self::Watch(patterns) => format!("watch {}", patterns.join(" ")),
            Self::Git(reference) => {
                let short = reference.strip_prefix("refs/heads/");
                let short = short.or(reference.strip_prefix("refs/tags/"));
                format!("git {}", short.unwrap_or(reference))
            }
            Self::Inbox => "inbox".to_owned(),
            Self::Poll { command, every_s } => {
                let program = command.first().map_or("", String::as_str);
                format!("poll {program} every {}", length(*every_s))
            }
        }
    }
}

/// The units of time, longest first, each with its seconds.
pub const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Seconds in the shortest words: `1h30m`.
pub fn length(seconds: u64) -> String {
    let (mut rest, mut out) = (seconds, String::new());
    for (letter, worth) in UNITS {
        if rest >= worth {
            out.push_str(&(rest / worth).to_string());
            out.push(letter);
            rest %= worth;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an earlier build wrote of a trigger still reads; what this one writes reads as it was.
    #[test]
    fn triggers_of_any_age_read() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Holds(#[serde(deserialize_with = "Trigger::of_any_age")] Trigger);
        for old in [
            r#""manual""#,
            r#"{"schedule":"weekdays 07:00"}"#,
            r#"{"event":"inbox"}"#,
        ] {
            let read: Holds = serde_json::from_str(old).unwrap();
            assert_eq!(read.0, Trigger::Manual, "{old}");
        }
        let cron = Cron::parse("0 7 * * 1-5").unwrap();
        let source = Source::Poll {
            command: vec!["scripts/new".to_owned()],
            every_s: 3_600,
        };
        for trigger in [
            Trigger::Manual,
            Trigger::Schedule(Schedule::plain(When::Cron(cron))),
            Trigger::Schedule(Schedule::plain(When::Every(90))),
            Trigger::Event(OnEvent {
                source,
                expires_s: Some(86_400),
            }),
        ] {
            let text = serde_json::to_string(&Holds(trigger.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Holds>(&text).unwrap().0, trigger);
        }
    }
}
