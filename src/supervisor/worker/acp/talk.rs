//! One turn over any pair of streams: the session runs, what it says is told, what it asks is
//! answered, and it is ended on time or on request.

use std::cell::RefCell;
use std::time::Duration;

use agent_client_protocol::v1::Responder;
use agent_client_protocol::v1::schema::{
    AgentRequest, Implementation, PromptResponse, ToolCallUpdateFields,
};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::ending::Over;
use super::files::Place;
use super::served::{Served, Told};
use super::session::{self, Mode, News, Plan, Trouble};
use super::silence::{self, Silence};
use super::telling::Teller;
use super::terminals::Terminals;
use crate::run::Usage;
use crate::run::inert::{cut, inert};
use crate::supervisor::process::watch::rise;
use crate::supervisor::process::{Halt, Home, Limits, Tail};
use crate::supervisor::worker::command::Task;
use crate::supervisor::worker::leave::Leave;
use crate::supervisor::worker::stream::Lines;
use crate::supervisor::worker::{Ended, Kind, Progress, Turn};

/// News that may wait to be told; more of them wait in the agent's pipe.
const WAITING: usize = 64;

/// Longest time in which news are gathered before they are written and shown.
const GATHER: Duration = Duration::from_millis(30);

/// How long an agent that is cancelled may take to say so. Most do in 0.1 s; who was asked to
/// stop must be gone within the second.
const CANCELLING: Duration = Duration::from_millis(250);

/// Longest line of standard error, in bytes.
const LONGEST_ERROR_LINE: usize = 8 * 1024;

/// Bytes of standard error kept for the failure's evidence.
const ERROR_TAIL: usize = 4 * 1024;

/// The streams of one agent.
#[derive(Debug)]
pub struct Streams<R, W, E> {
    /// What it writes.
    pub output: R,
    /// What it reads.
    pub input: W,
    /// Its noise.
    pub errors: E,
}

/// What a turn works with.
#[derive(Debug)]
pub struct Means {
    /// The agent's name in messages.
    pub name: String,
    /// How its commands are started.
    pub home: Home,
    /// How it asks for leave.
    pub leave: Leave,
}

/// One turn, over but for the agent's process.
#[derive(Debug)]
pub struct Talked {
    /// What came of it.
    pub turn: Turn,
    /// Whether it ended because the agent was gone.
    pub gone: bool,
}

/// Carries one prompt to an agent and answers it until its turn is over.
pub async fn talk<R, W, E>(
    streams: Streams<R, W, E>,
    means: Means,
    task: Task<'_>,
    progress: &mut dyn Progress,
) -> Talked
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
    E: AsyncRead + Unpin,
{
    let (cancel, cancelled) = watch::channel(false);
    let place = Place::new(task.workspace);
    let served = Served {
        place: place.clone(),
        home: means.home,
        leave: means.leave,
        clock: Clock::new(),
        terminals: Terminals::default(),
        cancelled: cancelled.clone(),
        granted: RefCell::default(),
        refused: RefCell::new(false),
    };
    let (told, news) = mpsc::channel(WAITING);
    let plan = Plan {
        prompt: task.prompt.to_owned(),
        folder: task.workspace.to_owned(),
        cancel: cancelled,
    };
    let held = Box::pin(session::hold((streams.output, streams.input), plan, told));
    let mut room = Room {
        served: &served,
        teller: Teller::new(place, task.prompt.len()),
        noise: Noise::new(streams.errors),
        agent: None,
        used: None,
        limits: task.limits,
        cancel,
        silence: Silence::default(),
        progress,
    };
    room.progress.usage(room.teller.meter.so_far());
    let over = room.hold(held, news).await;
    let turn = room.close(&means.name, &over);
    served.terminals.end().await;
    Talked {
        turn,
        gone: over.is_gone(),
    }
}

/// All that is at hand while one session runs.
struct Room<'a, E> {
    served: &'a Served,
    teller: Teller,
    noise: Noise<E>,
    agent: Option<Implementation>,
    /// What the agent says that it has used, also where it was stopped.
    used: Option<Usage>,
    limits: Limits,
    cancel: watch::Sender<bool>,
    silence: Silence,
    progress: &'a mut dyn Progress,
}

/// An answer on its way.
type Errand<'a> = LocalBoxFuture<'a, Told>;

impl<'a, E: AsyncRead + Unpin> Room<'a, E> {
    /// Tells and answers until the session is over, or its end has been asked for and is due.
    async fn hold(
        &mut self,
        mut held: impl Future<Output = Result<PromptResponse, Trouble>> + Unpin,
        mut news: mpsc::Receiver<News>,
    ) -> Over {
        let mut errands: FuturesUnordered<Errand<'a>> = FuturesUnordered::new();
        let mut pause = None;
        let mut ending: Option<(Over, Instant)> = None;
        let mut asked = Halt::No;
        let over = loop {
            let timeout = self.limits.timeout;
            let time_up = self.served.clock.reaches(timeout);
            let quiet = silence::normal(self.teller.works_with_tools());
            let silence = self.silence.due(&self.served.clock, quiet);
            tokio::select! {
                answer = &mut held => break Over::from(answer),
                Some(news) = news.recv() => {
                    self.silence.ends(&self.served.clock);
                    errands.extend(self.news(news));
                    pause.get_or_insert_with(soon);
                }
                Some(told) = errands.next() => {
                    self.silence.ends(&self.served.clock);
                    self.tell(told);
                    pause.get_or_insert_with(soon);
                }
                read = self.noise.read() => {
                    self.silence.ends(&self.served.clock);
                    self.noise.tell(read, self.progress);
                    pause.get_or_insert_with(soon);
                }
                () = at(pause) => {
                    pause = None;
                    self.progress.pause();
                }
                () = at(silence), if ending.is_none() => self.is_silent(quiet),
                () = at(time_up), if ending.is_none() => {
                    // It may have been stopped since it was set.
                    if self.served.clock.used() >= timeout {
                        ending = Some((Over::TimedOut, self.stop()));
                    }
                }
                more = rise(&mut self.limits.halt, asked) => {
                    asked = more;
                    if more == Halt::Outright {
                        break Over::Halted;
                    }
                    ending.get_or_insert_with(|| (Over::Halted, self.stop()));
                }
                () = at(ending.as_ref().map(|(_, due)| *due)) => break Over::Halted,
            }
        };
        // What was said before the end belongs to the turn; what was asked is asked no more.
        while let Ok(news) = news.try_recv() {
            drop(self.news(news));
        }
        if let Over::Answered(answer) = &over {
            let agent = self.agent.as_ref().map_or("", |agent| &agent.name);
            let used = self.teller.meter.in_all(answer, tells_last_step(agent));
            self.used = Some(used);
        }
        ending.map_or(over, |(asked, _)| asked)
    }

    /// Says that it is silent for longer than is normal, if it is still so.
    fn is_silent(&mut self, quiet: Duration) {
        if let Some(said) = self.silence.told(&self.served.clock, quiet) {
            self.teller.end_line(self.progress);
            self.progress.entry(Kind::Error, &said);
            self.progress.pause();
        }
    }

    /// Cancels the session; when it is cut off.
    fn stop(&mut self) -> Instant {
        self.cancel.send_replace(true);
        Instant::now() + CANCELLING
    }

    /// Tells news; what they ask is answered by what is returned.
    fn news(&mut self, news: News) -> Option<Errand<'a>> {
        match news {
            News::Update(update) => self.teller.update(*update, self.progress),
            News::Asked(request, responder) => return Some(self.errand(*request, responder)),
            News::Opened { agent, mode } => self.opened(agent, mode),
            News::Junk(line) => self.progress.entry(Kind::Stderr, &line),
            News::Unread(what) => {
                let said = format!("{what} could not be read");
                self.progress.entry(Kind::Cut, &said);
            }
        }
        None
    }

    fn errand(&mut self, request: AgentRequest, responder: Responder) -> Errand<'a> {
        self.teller.end_line(self.progress);
        let whole = self.about(&request);
        let served = self.served;
        Box::pin(async move {
            let (answer, told) = served.answer(request, whole).await;
            // An agent that is gone needs no answer.
            drop(responder.respond_with_result(answer));
            told
        })
    }

    /// All that is known of the tool call that a request for leave is about.
    fn about(&mut self, request: &AgentRequest) -> Option<ToolCallUpdateFields> {
        let AgentRequest::RequestPermissionRequest(asked) = request else {
            return None;
        };
        Some(self.teller.whole(asked.tool_call.clone()))
    }

    fn opened(&mut self, agent: Option<Implementation>, mode: Option<Mode>) {
        let mut words: Vec<String> = Vec::new();
        if let Some(agent) = &agent {
            words.push(format!("{} {}", agent.name, agent.version));
        }
        match mode {
            Some(Mode {
                id,
                before: Some(before),
            }) => {
                words.push(format!("mode {id}, which asks for leave (it was {before})"));
            }
            Some(Mode { id, before: None }) => words.push(format!("mode {id}")),
            None => {}
        }
        if !words.is_empty() {
            let words = cut(&inert(&words.join(" · ")), 200);
            self.progress.entry(Kind::Tool, &words);
        }
        self.agent = agent;
    }

    /// What came of it all.
    fn close(mut self, name: &str, over: &Over) -> Turn {
        let claims = self.teller.finish(self.progress);
        self.noise.finish(self.progress);
        claims.tell(self.progress);
        self.progress.pause();
        let usage = self.used.unwrap_or_else(|| self.teller.meter.so_far());
        self.progress.usage(usage);
        let refused = *self.served.refused.borrow();
        let stderr_tail = self.noise.tail.text();
        let mut ended = over.ended(name, self.limits.timeout, refused);
        if let Ended::Badly(failure) = &mut ended {
            failure.detail.clone_from(&stderr_tail);
        }
        Turn {
            session: None,
            claim: claims.claim,
            note: claims.note,
            question: claims.question,
            usage,
            took_ms: millis(self.served.clock.used()),
            stderr_tail,
            ended,
        }
    }

    fn tell(&mut self, told: Told) {
        self.teller.end_line(self.progress);
        for (kind, line) in told {
            self.progress.entry(kind, &line);
        }
    }
}

/// The standard error of an agent: told line by line, its end kept.
struct Noise<E> {
    from: Option<E>,
    buffer: Vec<u8>,
    lines: Lines,
    tail: Tail,
}

impl<E: AsyncRead + Unpin> Noise<E> {
    fn new(from: E) -> Self {
        Self {
            from: Some(from),
            buffer: vec![0; LONGEST_ERROR_LINE],
            lines: Lines::new(LONGEST_ERROR_LINE),
            tail: Tail::new(ERROR_TAIL),
        }
    }

    /// The number of bytes read; 0 once, at the end.
    async fn read(&mut self) -> usize {
        let Some(from) = &mut self.from else {
            return std::future::pending().await;
        };
        let read = from.read(&mut self.buffer).await.unwrap_or(0);
        if read == 0 {
            self.from = None;
        }
        read
    }

    fn finish(&mut self, progress: &mut dyn Progress) {
        self.lines
            .finish(&mut |line| progress.entry(Kind::Stderr, line));
    }

    fn tell(&mut self, read: usize, progress: &mut dyn Progress) {
        let bytes = self.buffer.get(..read).unwrap_or_default();
        self.tail.push(bytes);
        self.lines
            .feed(bytes, &mut |line| progress.entry(Kind::Stderr, line));
    }
}

/// Agents whose answer holds only what their last step used.
fn tells_last_step(agent: &str) -> bool {
    agent.eq_ignore_ascii_case("opencode")
}

fn soon() -> Instant {
    Instant::now() + GATHER
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
