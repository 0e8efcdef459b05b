//! A judge behind an HTTP interface: one fresh conversation per vote, no tools, and nothing of the
//! worker's words. How its answer is read lies in `answer`.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::answer;
use super::judge::{Asked, MOST_VOTES, Question, failed, unreadable};
use super::wording;
use crate::run::spec::Judge;
use crate::run::{Failure, Judgement, Stage, Usage};
use crate::supervisor::limit::Met;
use crate::supervisor::process::Halt;
use crate::supervisor::provider::{
    Again, Asking, Fault, Listener, Message, Reach, Request, Stop, Sum,
};

/// How often a call of a judge is made again.
const RETRIES: u32 = 3;

/// Asks a model as often as the judge has votes, one after another.
pub async fn ask(
    reach: &Reach<'_>,
    judge: &Judge,
    question: &Question<'_>,
    hears: &mut dyn Listener,
    halt: &watch::Receiver<Halt>,
) -> Asked {
    let mut halt = halt.clone();
    tokio::select! {
        biased;
        Ok(_) = halt.wait_for(|halt| *halt > Halt::No) => Asked::Halted,
        asked = vote(reach, judge, question, hears) => asked,
    }
}

async fn vote(
    reach: &Reach<'_>,
    judge: &Judge,
    question: &Question<'_>,
    hears: &mut dyn Listener,
) -> Asked {
    let began = Instant::now();
    let client = match reach.client().await {
        Ok(client) => client,
        Err(fault) => return fell(fault, Usage::default()),
    };
    let system = wording::system(question);
    let messages = match wording::data(question) {
        Ok(data) => [Message::User(data)],
        Err(why) => return failed(why),
    };
    let request = Request {
        provider: reach.provider,
        system: &system,
        messages: &messages,
        tools: &[],
        max_tokens: reach.provider.max_tokens,
    };
    let (mut votes, mut spent) = (Vec::new(), Usage::default());
    let mut lost = None;
    for _ in 0..judge.votes.clamp(1, MOST_VOTES) {
        let time = Duration::from_secs(judge.timeout_s);
        let asking = Asking {
            client: &client,
            retries: RETRIES,
            deadline: Instant::now() + time,
            clock: reach.clock,
            till: reach.till.after(spent),
        };
        let mut hearing = Sum::new(spent, hears);
        let asked = timeout_at(asking.deadline, asking.ask(&request, &mut hearing));
        let Ok((reply, usage)) = asked.await else {
            let who = reach.provider.words();
            let seconds = judge.timeout_s;
            return failed(format!(
                "the judge {who} was not done in {seconds} s: raise timeout in \
                 [goal.verify.judge], or try again"
            ));
        };
        spent = spent.plus(usage);
        let reply = match reply {
            Ok(reply) => reply,
            Err(fault) => return fell(fault, spent),
        };
        match read(&reply.text, &reply.stop, question.rubric.len()) {
            Ok(vote) => votes.push(vote),
            Err(judgement) => {
                // One unreadable vote leaves no majority that anyone could trust.
                lost = Some(judgement);
                break;
            }
        }
    }
    let given = || Judgement::Given(answer::majority(question.rubric, &votes));
    Asked::Answered {
        judgement: lost.unwrap_or_else(given),
        usage: spent,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// An answer that was cut or denied is none, whatever its beginning says.
fn read(text: &str, stop: &Stop, rubric: usize) -> Result<answer::Vote, Judgement> {
    let why = match stop {
        Stop::Done => match answer::read(text, rubric) {
            Ok(vote) => return Ok(vote),
            Err(why) => why,
        },
        Stop::Length => "it was cut at max_tokens: raise it in [goal.verify.judge]".to_owned(),
        Stop::Refused(word) => format!("its provider refused to answer ({word})"),
    };
    Err(unreadable(why, text))
}

/// What a fault of the server means for the question, after having spent this.
fn fell(fault: Fault, spent: Usage) -> Asked {
    let cause = fault.cause;
    match fault.again {
        Again::At(until_ms) => Asked::Limited(Met { until_ms, cause }, spent),
        Again::NoRoom(purse) => Asked::NoRoom(purse, cause, spent),
        Again::No | Again::After(_) => Asked::Failed(Failure {
            detail: fault.detail,
            ..Failure::new(Stage::Judge, cause)
        }),
    }
}
