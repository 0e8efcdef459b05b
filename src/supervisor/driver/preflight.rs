//! The preflight: what a run would lack, found before a token is spent.

use std::path::Path;

use crate::run::Ground;
use crate::run::inert::inert;
use crate::run::spec::{JudgeKind, PublishTo};
use crate::supervisor::site::Site;

/// Looks for everything that the loop names but the worker's program. The error is one line for
/// the operator.
pub(super) async fn look(site: &Site) -> Result<(), String> {
    let (spec, ground) = (&site.wake.spec, site.ground().await);
    money(site)?;
    let mut lacks = ground.examiner(spec);
    lacks.extend(ground.models(spec).await);
    lacks.into_iter().next().map_or(Ok(()), Err)
}

/// Looks whether a cap in dollars can be kept to: what is not priced would never reach it.
fn money(site: &Site) -> Result<(), String> {
    let spec = &site.wake.spec;
    let Some(cap) = spec.guardrails.budget.micro_usd else {
        return Ok(());
    };
    let known = |model: Option<&str>| model.is_some_and(|model| site.knows_price(model));
    let worker = &spec.worker;
    let judge = spec
        .goal
        .judge
        .as_ref()
        .and_then(|judge| match &judge.kind {
            JudgeKind::Http(provider) => Some(provider.model.as_str()),
            JudgeKind::Human | JudgeKind::Command { .. } | JudgeKind::Script { .. } => None,
        });
    let (who, table, model) = match judge {
        _ if !worker.kind.tells_money() && !known(worker.model.as_deref()) => {
            ("worker", "[worker]", worker.model.as_deref())
        }
        Some(model) if !known(Some(model)) => ("judge", "[goal.verify.judge]", Some(model)),
        Some(_) | None => return Ok(()),
    };
    let price = match model {
        Some(model) => format!("put a price on {} in prices.toml", inert(model)),
        None => format!("name its model in {table}, with a price in prices.toml"),
    };
    let (dollars, cents) = (cap / 1_000_000, cap / 10_000 % 100);
    Err(format!(
        "the run may spend ${dollars}.{cents:02}, and what its {who} costs is not known: {price}, or \
         take usd_per_run and usd_per_day away"
    ))
}

/// Looks whether there is a branch to publish to: a copy of a folder has none.
pub(super) fn target(site: &Site, ground: &Ground) -> Result<(), String> {
    let to = site.wake.spec.publish.as_ref().map(|publish| &publish.to);
    match (to, &ground.base) {
        (Some(PublishTo::GitBranch { .. }), None) => Err(
            "publish goes to a git branch, and this folder has no git commit; commit, or publish \
             with `to = \"copy\"`"
                .to_owned(),
        ),
        (_, _) => Ok(()),
    }
}

/// Looks for the worker's program where the worker will: in its workspace.
pub(super) async fn worker(site: &Site, workspace: &Path) -> Result<(), String> {
    let lack = site.ground().await.worker(&site.wake.spec, workspace);
    lack.map_or(Ok(()), Err)
}
