//! What a day's caps leave for one more run. Pure. What is not known is taken as spent.

use crate::config::{Settings, settings};
use crate::protocol::RunId;
use crate::run::spec::{Budget, LoopSpec};
use crate::run::{Purse as Kind, Usage};
use crate::supervisor::journal::firings::Day;

/// What of the day may still be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Tokens; `None` for no cap.
    pub tokens: Option<u64>,
    /// Millionths of a dollar; `None` for no cap.
    pub micro_usd: Option<u64>,
}

/// What today's caps leave for a run of this loop. `open` holds the caps of the runs that have not
/// ended: what they may still spend is spoken for, but for `besides`, the run that asks.
///
/// # Errors
/// One line where nothing is left, or where it cannot be known.
pub fn left<'a>(
    settings: &Settings,
    spec: &LoopSpec,
    day: &Day,
    open: impl Iterator<Item = (&'a RunId, Budget)> + Clone,
) -> Result<Left, String> {
    let tokens = match settings.tokens_per_day {
        Some(cap) => {
            let gone = gone_tokens(day, open.clone());
            Some(rest(cap, gone).ok_or_else(|| {
                format!(
                    "tokens_per_day = {cap} in {} is spent, or spoken for by runs under way",
                    settings::FILE
                )
            })?)
        }
        None => None,
    };
    let of_loop = |run: &RunId| run.split().is_some_and(|(name, _)| name == spec.name);
    let all = Purse::of_all(settings, day).left(day, open.clone())?;
    let own = open.filter(|(run, _)| of_loop(run));
    let own = Purse::of_loop(spec, day).left(day, own)?;
    Ok(Left {
        tokens,
        micro_usd: least(all, own),
    })
}

/// What a cap of the day leaves a run that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Of what.
    pub kind: Kind,
    /// The most that it may use up in all: tokens, or millionths of a dollar.
    pub most: u64,
    /// Which cap that is and what is spent of it, one line.
    pub why: String,
}

/// What the day's caps leave this run of this loop in all, of each that is set. `others` holds the caps
/// of the other runs that have not ended: what they may still spend is spoken for. What cannot be known
/// leaves it what it has spent.
pub fn rooms<'a>(
    settings: &Settings,
    spec: &LoopSpec,
    day: &Day,
    run: &RunId,
    others: impl Iterator<Item = (&'a RunId, Budget)> + Clone,
) -> Vec<Room> {
    let own = day.open.get(run).copied().unwrap_or_default();
    let tokens = settings.tokens_per_day.map(|cap| {
        let gone = gone_tokens(day, others.clone());
        let most = cap.saturating_add(own.tokens).saturating_sub(gone);
        let why = format!(
            "tokens_per_day = {cap} in {} leaves this run {most} in all",
            settings::FILE
        );
        let kind = Kind::Tokens;
        Room { kind, most, why }
    });
    let of_loop = |run: &RunId| run.split().is_some_and(|(name, _)| name == spec.name);
    let everybody = Purse::of_all(settings, day);
    let its = Purse::of_loop(spec, day);
    let money = [
        (
            everybody.cap,
            everybody.left(day, others.clone()),
            settings::FILE.to_owned(),
        ),
        (
            its.cap,
            its.left(day, others.filter(|(run, _)| of_loop(run))),
            format!("loops/{}.toml", spec.name),
        ),
    ];
    let spent = known(&own).unwrap_or(0);
    let money = money.into_iter().filter_map(|(cap, left, file)| {
        let (most, why) = match left {
            Ok(left) => {
                let most = left?.saturating_add(spent);
                let (cap, shown) = (dollars(cap?), dollars(most));
                let why = format!("usd_per_day = {cap} in {file} leaves this run {shown} in all");
                (most, why)
            }
            Err(why) => (spent, format!("usd_per_day in {file}: {why}")),
        };
        let kind = Kind::Money;
        Some(Room { kind, most, why })
    });
    tokens.into_iter().chain(money).collect()
}

/// Tokens of the day that are spent, or spoken for by these runs.
fn gone_tokens<'a>(day: &Day, open: impl Iterator<Item = (&'a RunId, Budget)>) -> u64 {
    let reserved = open.map(|(run, budget)| {
        let used = day.open.get(run).map_or(0, |used| used.tokens);
        budget.tokens.saturating_sub(used)
    });
    reserved.fold(day.all.tokens, u64::saturating_add)
}

impl Left {
    /// Whether a run that has spent so much may have this budget.
    ///
    /// # Errors
    /// One line of what is left.
    pub fn allows(self, budget: Budget, spent: Usage) -> Result<(), String> {
        let more = budget.tokens.saturating_sub(spent.tokens);
        if let Some(left) = self.tokens.filter(|left| more > *left) {
            let most = left.saturating_add(spent.tokens);
            return Err(format!(
                "tokens_per_day leaves this run {most} tokens in all"
            ));
        }
        let more = budget
            .micro_usd
            .zip(known(&spent))
            .map(|(cap, gone)| cap.saturating_sub(gone));
        match (self.micro_usd, more) {
            (None, _) => Ok(()),
            (Some(left), Some(more)) if more <= left => Ok(()),
            (Some(left), _) => Err(format!("usd_per_day leaves it {} more", dollars(left))),
        }
    }

    /// A run's budget that stays within what is left.
    pub fn within(self, budget: Budget) -> Budget {
        Budget {
            tokens: self
                .tokens
                .map_or(budget.tokens, |left| left.min(budget.tokens)),
            micro_usd: least(self.micro_usd, budget.micro_usd),
            ..budget
        }
    }
}

/// Money of a day.
struct Purse {
    /// The file that says how much it holds.
    file: String,
    cap: Option<u64>,
    spent: Option<u64>,
}

impl Purse {
    fn of_all(settings: &Settings, day: &Day) -> Self {
        Self {
            file: settings::FILE.to_owned(),
            cap: settings.micro_usd_per_day,
            spent: known(&day.all),
        }
    }

    fn of_loop(spec: &LoopSpec, day: &Day) -> Self {
        let used = day.loops.get(&spec.name);
        Self {
            file: format!("loops/{}.toml", spec.name),
            cap: spec.guardrails.micro_usd_per_day,
            spent: used.map_or(Some(0), |(_, used)| known(used)),
        }
    }

    fn left<'a>(
        &self,
        day: &Day,
        open: impl Iterator<Item = (&'a RunId, Budget)>,
    ) -> Result<Option<u64>, String> {
        let Some(cap) = self.cap else { return Ok(None) };
        let line = format!("usd_per_day = {} in {}", dollars(cap), self.file);
        let mut gone = self.spent.ok_or_else(|| {
            format!("what today's runs cost is not known, so that {line} cannot be kept to")
        })?;
        for (run, budget) in open {
            let (Some(most), Some(used)) =
                (budget.micro_usd, day.open.get(run).map_or(Some(0), known))
            else {
                return Err(format!(
                    "what {run} costs is not known, so that {line} cannot be kept to"
                ));
            };
            gone = gone.saturating_add(most.saturating_sub(used));
        }
        let left = rest(cap, gone)
            .ok_or_else(|| format!("{line} is spent, or spoken for by runs under way"))?;
        Ok(Some(left))
    }
}

fn dollars(micro_usd: u64) -> String {
    format!("${}.{:02}", micro_usd / 1_000_000, micro_usd / 10_000 % 100)
}

fn rest(cap: u64, gone: u64) -> Option<u64> {
    cap.checked_sub(gone).filter(|left| *left > 0)
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

/// Money spent; nothing at all is no money.
fn known(used: &Usage) -> Option<u64> {
    let nothing = *used == Usage::default();
    if nothing { Some(0) } else { used.micro_usd }
}
