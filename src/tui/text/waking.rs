//! How a loop's trigger stands, in words: one for the row, lines for the bones.

use super::figures::{Moment, count};
use crate::protocol::{Lapse, LoopFacts, Waking};
use crate::run::spec::Trigger;
use crate::tui::styles::Role;

/// The words of a row whose loop rests, the longest first.
pub fn words(facts: &LoopFacts, now: Moment) -> Vec<String> {
    let word = match &facts.waking {
        Waking::Manual => "manual".to_owned(),
        Waking::Unproven { proven, of } => format!("proven {proven}/{of}"),
        Waking::Off { .. } => "off".to_owned(),
        Waking::Disarmed { .. } => "disarmed".to_owned(),
        Waking::Expired { .. } => "expired?".to_owned(),
        Waking::Armed { next: Some(next) } => brief(*next, now),
        Waking::Armed { next: None } => facts.spec.trigger.words(),
        Waking::Asleep { until, why } => {
            let till = format!("till {}", brief(*until, now));
            let quiet = why.starts_with("quiet hours");
            let long = quiet.then(|| format!("quiet {till}"));
            return long.into_iter().chain([till]).collect();
        }
        Waking::Queued { .. } => "queued".to_owned(),
    };
    vec![word]
}

/// What stands below the trigger's own words: when it wakes, or why it does not; and what should have
/// run and did not.
pub fn lines(facts: &LoopFacts, now: Moment) -> Vec<(Role, String)> {
    let stands = match &facts.waking {
        Waking::Manual => None,
        Waking::Unproven { proven, of } => {
            Some((Role::Warn, format!("manual only · proven {proven} of {of}")))
        }
        Waking::Off { why } => {
            let arms = if facts.spec.enabled {
                "; u arms it"
            } else {
                ""
            };
            Some((Role::Warn, format!("off: {why}{arms}")))
        }
        Waking::Expired { at } => {
            let since = when(*at, now);
            Some((Role::NeedsYou, Waking::expired(Some(&since), "u")))
        }
        Waking::Disarmed { why } => Some((Role::Warn, format!("disarmed: {why}"))),
        Waking::Armed { next: Some(next) } => {
            Some((Role::Fg, format!("next {}", when(*next, now))))
        }
        Waking::Armed { next: None } => Some((Role::Fg, "armed".to_owned())),
        Waking::Asleep { until, why } => Some((
            Role::Muted,
            format!("asleep until {}: {why}", when(*until, now)),
        )),
        Waking::Queued { why, firings } => {
            let many = count(usize::try_from(*firings).unwrap_or(usize::MAX), "firing");
            Some((Role::Muted, format!("{many} in line: {why}")))
        }
    };
    let lapse = facts
        .lapse
        .as_ref()
        .map(|lapse| (Role::Warn, format!("▲ {}", missed(lapse, now))));
    let lapse = lapse.filter(|_| facts.spec.trigger != Trigger::Manual);
    let ends = facts.expires_soon(now.ms).map(|at| {
        let at = when(at, now);
        (Role::Warn, format!("▲ {}", Waking::expires(&at, "u")))
    });
    stands.into_iter().chain(ends).chain(lapse).collect()
}

/// `2 wakes without a run since Thu 11 07:00, the last Fri 12 07:00: no host was running`
pub(crate) fn missed(lapse: &Lapse, now: Moment) -> String {
    let many = count(usize::try_from(lapse.count).unwrap_or(usize::MAX), "wake");
    let last = when(lapse.at, now);
    let since = (lapse.first < lapse.at).then(|| format!(" since {}", when(lapse.first, now)));
    let since = since.unwrap_or_default();
    format!(
        "{many} without a run{since}, the last {last}: {}",
        lapse.why
    )
}

/// The same for a row: `18:00` today, `Mon 07:00` within the next days, `Mon 15` later.
fn brief(at: i64, now: Moment) -> String {
    let then = now.at(at);
    match then.day() - now.day() {
        0 => then.hm(),
        1..=6 => format!("{} {}", then.weekday(), then.hm()),
        _ => then.weekday_day(),
    }
}

/// `18:00` today, `Mon 15 07:00` on another day.
pub(crate) fn when(at: i64, now: Moment) -> String {
    let then = now.at(at);
    if then.day() == now.day() {
        then.hm()
    } else {
        format!("{} {}", then.weekday_day(), then.hm())
    }
}
