//! Asking until there is an answer: what passes is tried again, a usage limit is waited out, and no
//! call begins that the budget could not hold.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fault::{Again, Fault};
use super::till::Grant;
use super::{Client, Left, Listener, Reply, Request, Till, call, pause};
use crate::run::{Purse, Usage};
use crate::supervisor::clock::Clock;

/// How a question is asked.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    /// The way to the server.
    pub client: &'a Client,
    /// How often a call is made again.
    pub retries: u32,
    /// When the caller gives up; no wait goes beyond.
    pub deadline: Instant,
    /// What time it is.
    pub clock: &'a Clock,
    /// What all calls together may still use.
    pub till: Till,
}

impl Asking<'_> {
    /// The answer, and what all calls for it have cost together, failed ones included.
    pub async fn ask(
        &self,
        request: &Request<'_>,
        hears: &mut dyn Listener,
    ) -> (Result<Reply, Fault>, Usage) {
        let mut spent = Usage::default();
        let mut tries = 0;
        let began = Instant::now();
        loop {
            let fits = match self.fit(request, spent).await {
                Ok(max_tokens) => Request {
                    max_tokens,
                    ..*request
                },
                Err(fault) => return (Err(fault), spent),
            };
            let mut hearing = Sum::new(spent, &mut *hears);
            let (reply, cost) = self.client.converse(&fits, self.clock, &mut hearing).await;
            spent = spent.plus(cost);
            hears.used(spent);
            self.till.heard(spent).await;
            let fault = match reply {
                Ok(reply) => return (Ok(reply), spent),
                Err(fault) => fault,
            };
            let wait = match self.wait(&fault, tries, began) {
                Ok(wait) => wait,
                Err((again, cause)) => {
                    let fault = Fault {
                        cause,
                        again,
                        ..fault
                    };
                    return (Err(fault), spent);
                }
            };
            if !self.is_limit(&fault) {
                tries += 1;
            }
            hears.again(&self.announce(&fault, wait, tries));
            sleep(wait).await;
        }
    }

    /// The most tokens that the answer may have, so that the worst case stays in the budget, where it is
    /// set aside for this call.
    async fn fit(&self, request: &Request<'_>, spent: Usage) -> Result<u32, Fault> {
        // Three bytes a token is on the safe side of the usual four.
        let input = (call::body(request).to_string().len() as u64).div_ceil(3);
        let who = request.provider.words();
        match self.till.grant(spent, (input, request.max_tokens)).await {
            Grant::Tokens(most) => Ok(most),
            Grant::Ending => Err(Fault::new(Again::No, "the run ends".to_owned())),
            Grant::Unpriced => {
                let cause = format!(
                    "usd_per_run or usd_per_day caps the run, and what {who} costs is not known: name \
                     {} in prices.toml, or take the cap away",
                    request.provider.model
                );
                Err(Fault::new(Again::NoRoom(Purse::Money), cause))
            }
            Grant::Short(Left {
                tokens: left,
                purse,
            }) => {
                let cause = format!(
                    "the run's budget has {left} tokens left, and the next call to {who} may need \
                     {input} before it is answered: raise {} in [guardrails.budget], or ask for less",
                    purse.key()
                );
                Err(Fault::new(Again::NoRoom(purse), cause))
            }
        }
    }

    /// How long to wait before it is asked again; else why it is not, in one line, and when it may.
    fn wait(&self, fault: &Fault, tries: u32, began: Instant) -> Result<Duration, (Again, String)> {
        let Again::After(asked) = fault.again else {
            return Err((fault.again, fault.cause.clone()));
        };
        let wait = match asked {
            Some(asked) => pause::not_before(asked),
            None => pause::backoff(self.client.patience.backoff, tries + 1),
        };
        let until = |cause: &str| match asked {
            Some(asked) => {
                let cause = cause.rsplit_once(": ").map_or(cause, |(what, _)| what);
                format!("{cause}: limit until {}; try again then", self.at(asked))
            }
            None => cause.to_owned(),
        };
        let limit = self.is_limit(fault);
        let outage = self.retries > 0 && began.elapsed() < self.client.patience.outage;
        if !limit && tries >= self.retries && !outage {
            let cause = match tries {
                0 => until(&fault.cause),
                tries => format!("{} (asked {} times)", until(&fault.cause), tries + 1),
            };
            return Err((fault.again, cause));
        }
        if Instant::now() + wait < self.deadline {
            return Ok(wait);
        }
        let again = match asked {
            Some(asked) if limit => Again::At(self.in_ms(asked)),
            Some(_) | None => fault.again,
        };
        Err((again, until(&fault.cause)))
    }

    fn is_limit(&self, fault: &Fault) -> bool {
        let limit = self.client.patience.limit;
        matches!(fault.again, Again::After(Some(wait)) if wait > limit)
    }

    fn announce(&self, fault: &Fault, wait: Duration, tries: u32) -> String {
        let what = fault
            .cause
            .rsplit_once(": ")
            .map_or(fault.cause.as_str(), |(what, _)| what);
        if self.is_limit(fault) {
            return format!("{what}: waiting until {}", self.at(wait));
        }
        let retries = self.retries;
        let wait = wait.as_secs_f64();
        if tries > retries {
            return format!("{what}: asking again in {wait:.1} s");
        }
        format!("{what}: asking again in {wait:.1} s ({tries} of {retries})")
    }

    fn at(&self, wait: Duration) -> String {
        self.clock.when(self.in_ms(wait))
    }

    fn in_ms(&self, wait: Duration) -> i64 {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(wait)
    }
}

/// Adds what earlier calls have used to what this one tells.
pub struct Sum<'a> {
    before: Usage,
    hears: &'a mut dyn Listener,
}

impl<'a> Sum<'a> {
    /// Tells on to `hears`, with `before` on top of all usage.
    pub fn new(before: Usage, hears: &'a mut dyn Listener) -> Self {
        Self { before, hears }
    }
}

impl Listener for Sum<'_> {
    fn said(&mut self, piece: &str) {
        self.hears.said(piece);
    }

    fn thought(&mut self, piece: &str) {
        self.hears.thought(piece);
    }

    fn used(&mut self, so_far: Usage) {
        self.hears.used(self.before.plus(so_far));
    }

    fn again(&mut self, why: &str) {
        self.hears.again(why);
    }

    fn pause(&mut self) {
        self.hears.pause();
    }
}
