//! The preflight: what a run would lack, found before a token is spent.

use std::path::Path;

use crate::run::Ground;
use crate::run::spec::PublishTo;
use crate::supervisor::site::Site;

/// Looks for everything that the loop names but the worker's program. The error is one line for
/// the operator.
pub(super) async fn look(site: &Site) -> Result<(), String> {
    let (spec, ground) = (&site.wake.spec, site.ground());
    let mut lacks = ground.examiner(spec);
    lacks.extend(ground.models(spec).await);
    lacks.into_iter().next().map_or(Ok(()), Err)
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
pub(super) fn worker(site: &Site, workspace: &Path) -> Result<(), String> {
    let lack = site.ground().worker(&site.wake.spec, workspace);
    lack.map_or(Ok(()), Err)
}
