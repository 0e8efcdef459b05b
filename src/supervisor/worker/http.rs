//! A worker behind an HTTP interface: a conversation in which the model calls the tools that it is
//! given, until it has nothing more to call. How it is reached is `provider`, what it can do `tools`.

mod hearing;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::command::Task;
use super::leave::{Leave, Permit};
use super::stream::{Claims, Words};
use super::tools::{Done, Toolbox, Wish, tools};
use super::{Ended, Kind, Progress, Turn};
use crate::run::inert::inert;
use crate::run::{Failure, Stage, Usage};
use crate::supervisor::guard::Guard;
use crate::supervisor::process::{Halt, Home, Limits};
use crate::supervisor::provider::{
    Again, Asking, Client, Fault, Message, Outcome, Reach, Reply, Request, Stop, Tool, ToolCall,
};
use hearing::{Clean, Hearing};

/// How often an answer that is cut at its length is asked to go on.
const MOST_CUT: u32 = 3;

/// Most answers of one turn: a model that calls tools in circles ends here.
const MOST_ANSWERS: u32 = 100;

/// What every model is told before the prompt.
const SYSTEM: &str = "You do one piece of work, alone, in one folder. You reach the folder only \
    through your tools; paths are relative to it. Do the work with the tools instead of describing \
    it: what counts is what the files hold in the end. A call that is refused stays refused: read \
    why, and find another way. When you are done, call no more tools and say in one last line what \
    you did. A line that begins with «NOTE:» proposes something to remember for the next time. If \
    you cannot go on without an answer from a person, let your last line begin with «QUESTION:».";

/// What such a worker needs.
#[derive(Debug)]
pub struct Means<'a> {
    /// The model.
    pub reach: Reach<'a>,
    /// How often a call is made again.
    pub retries: u32,
    /// How it asks for leave.
    pub leave: Leave,
    /// What it may write; paths are those of the workspace.
    pub guard: Guard,
    /// What its commands are started with.
    pub home: &'a Home,
}

/// Runs one turn.
pub async fn run(means: Means<'_>, task: Task<'_>, progress: &mut dyn Progress) -> Turn {
    let began = Instant::now();
    let Means {
        reach,
        retries,
        leave,
        guard,
        home,
    } = means;
    let mut halt = task.limits.halt.clone();
    let client = tokio::select! {
        biased;
        () = halted(&mut halt) => Err(Ended::Halted),
        client = reach.client() => client.map_err(fell),
    };
    let client = match client {
        Ok(client) => client,
        Err(ended) => return over(ended, Claims::default(), Usage::default(), began.elapsed()),
    };
    let mut clean = Clean::new(progress, client.redactor());
    let mut conversation = Talk {
        tools: Toolbox {
            folder: task.workspace,
            guard,
            leave,
            home,
            secret: reach.provider.key_env.as_deref(),
        },
        timeout: task.limits.timeout,
        deadline: began + task.limits.timeout,
        halt,
        reach,
        retries,
        client: &client,
        words: Words::default(),
        spent: Usage::default(),
        waited: Duration::ZERO,
        progress: &mut clean,
    };
    let ended = conversation.go(task.prompt).await;
    let (words, spent, waited) = (
        std::mem::take(&mut conversation.words),
        conversation.spent,
        conversation.waited,
    );
    let claims = words.claims();
    claims.tell(&mut clean);
    clean.pause();
    over(ended, claims, spent, began.elapsed().saturating_sub(waited))
}

fn over(ended: Ended, claims: Claims, usage: Usage, took: Duration) -> Turn {
    Turn {
        session: None,
        claim: claims.claim,
        note: claims.note,
        question: claims.question,
        usage,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        stderr_tail: String::new(),
        ended,
    }
}

/// One conversation under way.
struct Talk<'a, 'b, 'c> {
    reach: Reach<'a>,
    retries: u32,
    tools: Toolbox<'a>,
    timeout: Duration,
    /// When its time is up; the operator's time is put on top.
    deadline: Instant,
    halt: watch::Receiver<Halt>,
    client: &'b Client,
    words: Words,
    spent: Usage,
    /// Time that the operator took to answer.
    waited: Duration,
    progress: &'b mut Clean<'c>,
}

impl Talk<'_, '_, '_> {
    async fn go(&mut self, prompt: &str) -> Ended {
        let tools = tools();
        let mut messages = vec![Message::User(prompt.to_owned())];
        let mut cut = 0;
        for _ in 0..MOST_ANSWERS {
            let reply = match self.ask(&messages, &tools).await {
                Ok(reply) => reply,
                Err(ended) => return ended,
            };
            // Its lines were told as they came.
            self.words.say(&reply.text, &mut |_, _| {});
            if let Some(ended) = self.last(&reply, messages.len() == 1) {
                return ended;
            }
            if reply.calls.is_empty() {
                let most = self.reach.provider.max_tokens;
                cut += 1;
                if cut > MOST_CUT {
                    return self.never_ends(most);
                }
                let told = format!("Your answer was cut at {most} tokens. Go on where it ends.");
                messages.push(Message::Model(reply));
                messages.push(Message::User(told));
                continue;
            }
            let mut outcomes = Vec::new();
            for call in &reply.calls {
                match self.call(call).await {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(ended) => return ended,
                }
            }
            messages.push(Message::Model(reply));
            messages.push(Message::Results(outcomes));
        }
        let said = format!("stopped after {MOST_ANSWERS} answers; what it did so far is measured");
        self.progress.entry(Kind::Error, &said);
        Ended::Well
    }

    fn never_ends(&self, most: u32) -> Ended {
        let who = self.reach.provider.words();
        Ended::Badly(Failure {
            stage: Stage::Work,
            cause: format!(
                "{who} came to no end in {} answers of {most} tokens: raise max_tokens in [worker], \
                 or ask for less",
                MOST_CUT + 1
            ),
            detail: String::new(),
            maybe_done: false,
        })
    }

    /// The end of the conversation, if this answer is its last.
    fn last(&self, reply: &Reply, first: bool) -> Option<Ended> {
        let who = self.reach.provider.words();
        let silent = reply.text.trim().is_empty();
        match &reply.stop {
            Stop::Refused(word) => {
                let cause = format!("{who} refused to answer ({}): ask differently", inert(word));
                Some(badly(cause, ""))
            }
            _ if !reply.calls.is_empty() => None,
            Stop::Length if silent => {
                let most = self.reach.provider.max_tokens;
                let cause = format!(
                    "{who} used up max_tokens = {most} before it said or did anything: raise it in \
                     [worker]"
                );
                Some(badly(cause, ""))
            }
            Stop::Length => None,
            Stop::Done if silent && first => {
                let cause = format!("{who} said nothing and did nothing: try again");
                Some(badly(cause, ""))
            }
            Stop::Done => Some(Ended::Well),
        }
    }

    async fn ask(&mut self, messages: &[Message], tools: &[Tool]) -> Result<Reply, Ended> {
        let asking = Asking {
            client: self.client,
            retries: self.retries,
            deadline: self.deadline,
            clock: self.reach.clock,
            till: self.reach.till.after(self.spent),
        };
        let request = Request {
            provider: self.reach.provider,
            system: SYSTEM,
            messages,
            tools,
            max_tokens: self.reach.provider.max_tokens,
        };
        let before = self.spent;
        let mut hears = Hearing::new(&mut *self.progress, before);
        let asked = tokio::select! {
            biased;
            () = halted(&mut self.halt) => Err(Ended::Halted),
            asked = asking.ask(&request, &mut hears) => Ok(asked),
            () = sleep_until(self.deadline) => Err(late(&request, self.timeout)),
        };
        let so_far = hears.finish();
        match asked {
            Ok((reply, usage)) => {
                self.spent = before.plus(usage);
                self.progress.entry(Kind::Usage, &cost(usage));
                reply.map_err(fell)
            }
            Err(ended) => {
                self.spent = before.plus(so_far);
                Err(ended)
            }
        }
    }

    /// Makes one call, if it may be made. What is wrong with it is told to the model.
    async fn call(&mut self, call: &ToolCall) -> Result<Outcome, Ended> {
        let done = match Wish::read(&call.name, &call.arguments, self.tools.folder) {
            Ok(wish) => self.grant(&wish).await?,
            Err(why) => {
                self.progress.entry(Kind::Tool, &call.name);
                Done::failed(why)
            }
        };
        for (kind, line) in &done.told {
            self.progress.entry(*kind, line);
        }
        self.progress.pause();
        Ok(Outcome {
            id: call.id.clone(),
            text: self.client.redactor().clean_cut(&done.text).into_owned(),
            failed: done.failed,
        })
    }

    async fn grant(&mut self, wish: &Wish) -> Result<Done, Ended> {
        self.progress.entry(Kind::Tool, &wish.words());
        self.progress.pause();
        let (permit, took) = tokio::select! {
            biased;
            () = halted(&mut self.halt) => return Err(Ended::Halted),
            answer = self.tools.permit(wish) => answer,
        };
        self.waited += took;
        self.deadline += took;
        match permit {
            Permit::Refused(why) => {
                let why = if why.is_empty() {
                    "refused".to_owned()
                } else {
                    format!("refused: {why}")
                };
                Ok(Done::failed(why))
            }
            Permit::Allowed => {
                let limits = Limits {
                    timeout: self.deadline.saturating_duration_since(Instant::now()),
                    halt: self.halt.clone(),
                };
                self.tools.perform(wish, limits).await.ok_or(Ended::Halted)
            }
        }
    }
}

/// Waits until it is asked to end; a sender that is gone asks for nothing.
async fn halted(halt: &mut watch::Receiver<Halt>) {
    if halt.wait_for(|halt| *halt > Halt::No).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn late(request: &Request<'_>, timeout: Duration) -> Ended {
    let (who, seconds) = (request.provider.words(), timeout.as_secs());
    let cause =
        format!("{who} was not done after {seconds} s: ask for less, or raise timeout in [worker]");
    badly(cause, "")
}

fn fell(fault: Fault) -> Ended {
    let failure = |cause, detail| Failure {
        detail,
        ..Failure::new(Stage::Work, cause)
    };
    match fault.again {
        Again::At(until_ms) => Ended::Limited(until_ms, failure(fault.cause, fault.detail)),
        Again::NoRoom(purse) => Ended::NoRoom(purse, fault.cause),
        Again::No | Again::After(_) => Ended::Badly(failure(fault.cause, fault.detail)),
    }
}

fn badly(cause: String, detail: &str) -> Ended {
    Ended::Badly(Failure {
        stage: Stage::Work,
        cause,
        detail: detail.to_owned(),
        maybe_done: false,
    })
}

/// What one answer cost, on one line.
fn cost(usage: Usage) -> String {
    let about = if usage.estimated { "≈" } else { "" };
    let parts = [
        (usage.output, "out"),
        (usage.thinking, "thought"),
        (usage.cached, "cached"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    let told = told.map(|(count, what)| format!(", {count} {what}"));
    format!("{about}{} tokens{}", usage.tokens, told.collect::<String>())
}
