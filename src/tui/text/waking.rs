//! How a loop's trigger stands, in words: one for the row, lines for the bones.

use super::figures::{Moment, count};
use crate::protocol::{Lapse, LoopFacts, Waking};
use crate::run::spec::Trigger;
use crate::tui::styles::Role;

/// The word of a row whose loop rests.
pub fn word(facts: &LoopFacts, now: Moment) -> String {
    match &facts.waking {
        Waking::Manual => "manual".to_owned(),
        Waking::Unproven { proven, of } => format!("proven {proven}/{of}"),
        Waking::Off { .. } => "off".to_owned(),
        Waking::Disarmed { .. } => "disarmed".to_owned(),
        Waking::Armed { next: Some(next) } => when(*next, now),
        Waking::Armed { next: None } => facts.spec.trigger.words(),
        Waking::Asleep { until, .. } => format!("till {}", when(*until, now)),
        Waking::Queued { .. } => "queued".to_owned(),
    }
}

/// What stands below the trigger's own words: when it wakes, or why it does not; and what should have
/// run and did not.
pub fn lines(facts: &LoopFacts, now: Moment) -> Vec<(Role, String)> {
    let stands = match &facts.waking {
        Waking::Manual => None,
        Waking::Unproven { proven, of } => {
            Some((Role::Warn, format!("manual only · proven {proven} of {of}")))
        }
        Waking::Off { why } => Some((Role::Warn, format!("off: {why}"))),
        Waking::Disarmed { why } => Some((Role::Warn, format!("disarmed: {why}"))),
        Waking::Armed { next: Some(next) } => {
            Some((Role::Fg, format!("next {}", when(*next, now))))
        }
        Waking::Armed { next: None } => Some((Role::Fg, "armed".to_owned())),
        Waking::Asleep { until, why } => Some((
            Role::Muted,
            format!("asleep until {}: {why}", when(*until, now)),
        )),
        Waking::Queued { why } => Some((Role::Muted, format!("queued: {why}"))),
    };
    let lapse = facts
        .lapse
        .as_ref()
        .map(|lapse| (Role::Warn, missed(lapse, now)));
    let lapse = lapse.filter(|_| facts.spec.trigger != Trigger::Manual);
    stands.into_iter().chain(lapse).collect()
}

/// `▲ 2 wakes without a run, the last Fri 12 07:00: no host was running`
fn missed(lapse: &Lapse, now: Moment) -> String {
    let many = count(usize::try_from(lapse.count).unwrap_or(usize::MAX), "wake");
    let last = when(lapse.at, now);
    format!("▲ {many} without a run, the last {last}: {}", lapse.why)
}

/// `18:00` today, `Mon 15 07:00` on another day.
fn when(at: i64, now: Moment) -> String {
    let then = now.at(at);
    if then.day() == now.day() {
        then.hm()
    } else {
        format!("{} {}", then.weekday_day(), then.hm())
    }
}
