//! What the programs of one run are started with, role by role: environment, rooms, confinement.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::places::{self, PAYLOAD};
use super::{Site, beside};
use crate::run::Wake;
use crate::supervisor::Settings;
use crate::supervisor::process::{Home, Kept, Mark, allowed_env};
use crate::supervisor::sandbox::Net;
use crate::supervisor::sandbox::agents::Known;
use crate::supervisor::sandbox::proxy::{Exits, Proxy, Turned};
use crate::supervisor::sandbox::rooms::{Keep, Room};
use crate::supervisor::sandbox::terms::{Role, Terms};
use crate::supervisor::sandbox::upstream::Upstream;
use crate::supervisor::worker::transcript::Kind;
use crate::supervisor::workspace::Trouble;

/// What each role is started with.
#[derive(Debug)]
pub(in crate::supervisor) struct Homes {
    /// The worker.
    pub(in crate::supervisor) worker: Home,
    /// Checks: no keeper that the worker has known.
    pub(in crate::supervisor) check: Home,
    /// The judge, where it is a program.
    pub(in crate::supervisor) judge: Home,
    /// Publish commands: they act outside, with the operator's yes.
    pub(in crate::supervisor) publisher: Home,
    /// Setup commands of the examiner.
    pub(in crate::supervisor) setup: Home,
    quarters: Vec<Quarters>,
    operator: Option<PathBuf>,
    /// What the loop's commands lack to work inside.
    advice: Vec<String>,
}

/// What a role needs to be there before its programs start.
#[derive(Debug)]
struct Quarters {
    role: Role,
    room: Room,
    agent: Option<&'static Known>,
    /// Where its way out is to be served, and where it leads; `None` where there is none.
    way_out: Option<(PathBuf, Result<Exits, String>)>,
    proxy: RefCell<Option<Proxy>>,
}

impl Quarters {
    fn new(terms: &Terms<'_>, role: Role, upstream: &Result<Option<Upstream>, String>) -> Self {
        Self {
            role,
            room: terms.room(role),
            agent: terms.agent(role),
            way_out: match terms.reach(role) {
                Net::Through(_) => {
                    let exits = upstream.clone().map(|upstream| Exits {
                        hosts: terms.hosts(role),
                        aside: terms
                            .agent(role)
                            .map_or(&[][..], |agent| agent.aside)
                            .iter()
                            .map(|host| (*host).to_owned())
                            .collect(),
                        upstream,
                    });
                    Some((terms.proxy(role), exits))
                }
                Net::Open | Net::None => None,
            },
            proxy: RefCell::default(),
        }
    }
}

impl Homes {
    /// The homes of a run in this folder of its loop.
    pub(super) fn new(settings: &Settings, mark: Mark, wake: &Wake, folder: &Path) -> Self {
        let host = |name: &str| {
            let mut all = settings.env.iter();
            let named = all.find(|(key, _)| key.to_str() == Some(name));
            named.map(|(_, value)| value.clone())
        };
        let publisher = Home {
            keeper: settings.keeper.clone(),
            kept: Some(Kept::default()),
            mark,
            env: allowed_env(&wake.spec.guardrails.env, host),
            cage: None,
        };
        let path = publisher.env.iter().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, path)| path.clone()).unwrap_or_default();
        let operator = host("HOME").map(PathBuf::from);
        let operator = operator.filter(|home| home.is_absolute());
        let terms = Terms {
            powers: settings.powers.known(),
            spec: &wake.spec,
            operator: operator.as_deref(),
            path: &path,
            project: &settings.project,
            folder,
        };
        // What came with the trigger lies in the project, which is not there inside.
        let came = wake.fired.as_ref().and_then(|fired| fired.payload.as_ref());
        let run = settings
            .project
            .join(places::below(&wake.spec.name, wake.number));
        let came = came.map(|_| run.join(PAYLOAD).into_os_string());
        let dressed = |role, kept| {
            let mut home = dressed(&terms, (role, kept), &publisher, host);
            if let Some(cage) = &mut home.cage {
                cage.read.extend(came.clone());
            }
            home
        };
        let examiner = Some(Kept::default());
        let check = dressed(Role::Check, &examiner);
        let upstream = Upstream::of(&settings.env);
        let roles = [Role::Worker, Role::Check, Role::Judge].into_iter();
        Self {
            worker: dressed(Role::Worker, &publisher.kept),
            setup: check.reaching(terms.reach(Role::Check)),
            check,
            judge: dressed(Role::Judge, &examiner),
            quarters: roles
                .filter(|_| terms.confines())
                .map(|role| Quarters::new(&terms, role, &upstream))
                .collect(),
            operator: operator.clone(),
            advice: terms.advice(),
            publisher,
        }
    }

    /// Every keeper that is kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        [&self.worker, &self.check]
            .into_iter()
            .filter_map(|home| home.kept.as_ref())
    }
}

impl Site {
    /// Makes the room of this role ready, and opens its way out.
    pub(in crate::supervisor) async fn furnish(
        self: &Rc<Self>,
        role: Role,
        keep: Keep,
    ) -> Result<(), Trouble> {
        let homes = self.homes().await;
        let mut quarters = homes.quarters.iter();
        let Some(quarters) = quarters.find(|quarters| quarters.role == role) else {
            return Ok(());
        };
        let (room, agent) = (quarters.room.clone(), quarters.agent);
        let operator = homes.operator.clone();
        beside(move || room.furnish(keep, operator.as_deref(), agent)).await?;
        if let Some((socket, exits)) = &quarters.way_out
            && quarters.proxy.borrow().is_none()
        {
            let exits = exits.clone().map_err(Trouble::new)?;
            let proxy = Proxy::serve(socket, exits, self.teller())
                .map_err(|e| Trouble::file("serve the network at", socket, &e))?;
            quarters.proxy.replace(Some(proxy));
        }
        Ok(())
    }

    /// Home and temporary folder of this role; none where nothing is confined.
    pub(in crate::supervisor) async fn room_of(&self, role: Role) -> Vec<PathBuf> {
        let mut quarters = self.homes().await.quarters.iter();
        let quarters = quarters.find(|quarters| quarters.role == role);
        quarters.map_or_else(Vec::new, |Quarters { room, .. }| {
            vec![room.home.clone(), room.temp.clone()]
        })
    }

    /// Tells the transcript what the loop's commands lack to work inside the sandbox.
    pub(in crate::supervisor) async fn advise(&self) {
        let advice = self.homes().await.advice.iter();
        self.narrate(advice.map(|line| (Kind::Error, line.clone())).collect());
    }

    /// Tells the transcript what was turned away at the way out; what nobody needs, once.
    fn teller(self: &Rc<Self>) -> impl Fn(Turned) + 'static {
        let site = Rc::downgrade(self);
        let needless = RefCell::new(BTreeSet::new());
        move |turned| {
            let Some(site) = site.upgrade() else { return };
            let (kind, why) = match turned {
                Turned::Away(why) => (Kind::Error, why),
                Turned::Needless(why) if !needless.borrow_mut().insert(why.clone()) => return,
                Turned::Needless(why) => {
                    let what = "agents call it by themselves and work without";
                    let otherwise = "if the task needs it, name it in `network`";
                    (
                        Kind::Guardrail,
                        format!("refused, {why}; {what}; {otherwise}"),
                    )
                }
            };
            site.narrate(vec![(kind, format!("network: {why}"))]);
        }
    }
}

/// What this role is started with, and whose keeper it has: its room's variables replace those that
/// the loop lets through, and the keys of its agent come to it without being named.
fn dressed(
    terms: &Terms<'_>,
    (role, kept): (Role, &Option<Kept>),
    base: &Home,
    host: impl Fn(&str) -> Option<OsString>,
) -> Home {
    let keys = terms.agent(role).map_or(&[][..], |agent| agent.keys);
    let room = if terms.confines() {
        terms.room(role).variables()
    } else {
        Vec::new()
    };
    Home {
        cage: terms.cage(role),
        env: overlaid(&base.env, room, allowed_env(&owned(keys), host)),
        kept: kept.clone(),
        ..base.clone()
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An environment with some variables set anew, and others where they are not set yet.
fn overlaid(
    base: &[(String, OsString)],
    anew: Vec<(String, OsString)>,
    unless_set: Vec<(String, OsString)>,
) -> Vec<(String, OsString)> {
    let mut all = base.to_vec();
    all.retain(|(name, _)| anew.iter().all(|(other, _)| name != other));
    all.extend(anew);
    for (name, value) in unless_set {
        if all.iter().all(|(other, _)| *other != name) {
            all.push((name, value));
        }
    }
    all
}
