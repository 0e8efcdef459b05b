//! ACP workers over streams in this process: every recorded session of a real agent played again,
//! and an agent of our own that does what real ones do at their worst.

pub(crate) mod agent;
mod faults;
mod replay;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use checkride::run::Usage;
use checkride::run::spec::ToolRules;
use checkride::supervisor::process::{Halt, Home, Limits, Mark};
use checkride::supervisor::worker::acp::{Means, Streams, talk};
use checkride::supervisor::worker::command::Task;
use checkride::supervisor::worker::leave::{Leave, Permit, Question};
use checkride::supervisor::worker::{Ended, Kind, Progress, Turn};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};

/// What a turn has told.
#[derive(Default)]
struct Told {
    entries: Vec<(Kind, String)>,
    usage: Usage,
}

impl Progress for Told {
    fn entry(&mut self, kind: Kind, text: &str) {
        self.entries.push((kind, text.to_owned()));
    }
    fn usage(&mut self, so_far: Usage) {
        self.usage = so_far;
    }
    fn pause(&mut self) {}
}

impl Told {
    fn of(&self, kind: Kind) -> Vec<&str> {
        let of_kind = self.entries.iter().filter(|(k, _)| *k == kind);
        of_kind.map(|(_, text)| text.as_str()).collect()
    }
}

/// What one side reads, and what it writes.
type End = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>);

/// The two ends of a connection: ours and the agent's.
fn connection() -> (End, End) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    (tokio::io::split(ours), tokio::io::split(theirs))
}

/// One turn in a folder, under rules, with an operator who answers in this way.
struct Turns<'a> {
    folder: &'a Path,
    rules: ToolRules,
    timeout: Duration,
    permit: Permit,
    prompt: String,
    /// Whether the operator never answers.
    silent: bool,
    /// How many questions the operator was asked so far.
    asks: watch::Sender<usize>,
}

/// The questions that were asked.
struct Asked {
    questions: Vec<String>,
}

impl<'a> Turns<'a> {
    fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            rules: ToolRules::default(),
            timeout: Duration::from_secs(120),
            permit: Permit::Allowed,
            prompt: "Write notes.txt".to_owned(),
            silent: false,
            asks: watch::Sender::new(0),
        }
    }

    /// Carries a prompt over these streams, until the turn is over.
    async fn fly<R, W>(
        &self,
        (output, input): (R, W),
        halt: watch::Receiver<Halt>,
    ) -> (Turn, Told, Asked)
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (leave, questions) = Leave::new(&self.rules);
        let streams = Streams {
            output,
            input,
            errors: tokio::io::empty(),
        };
        let means = Means {
            name: "agent".to_owned(),
            home: Home {
                keeper: PathBuf::from(env!("CARGO_BIN_EXE_checkride")),
                kept: None,
                cage: None,
                mark: Mark::new(self.folder, "acp-1"),
                env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
            },
            leave,
        };
        let task = Task {
            prompt: &self.prompt,
            workspace: self.folder,
            limits: Limits {
                timeout: self.timeout,
                halt,
            },
        };
        let mut told = Told::default();
        let mut asked = Vec::new();
        let talked = {
            let turn = talk(streams, means, task, &mut told);
            let permit = (!self.silent).then_some(&self.permit);
            let operator = answer(questions, permit, (&mut asked, &self.asks));
            tokio::select! {
                talked = turn => talked,
                never = operator => match never {},
            }
        };
        (talked.turn, told, Asked { questions: asked })
    }
}

async fn answer(
    mut questions: mpsc::Receiver<Question>,
    permit: Option<&Permit>,
    (asked, asks): (&mut Vec<String>, &watch::Sender<usize>),
) -> Infallible {
    let mut open = Vec::new();
    while let Some(question) = questions.recv().await {
        asked.push(question.what.clone());
        asks.send_replace(asked.len());
        match permit {
            Some(permit) => question.answer(permit.clone()),
            None => open.push(question),
        }
    }
    std::future::pending().await
}

fn cause(turn: &Turn) -> &str {
    match &turn.ended {
        Ended::Badly(failure) | Ended::Limited(_, failure) => &failure.cause,
        Ended::NoRoom(_, why) => why,
        Ended::Well => "well",
        Ended::Halted => "halted",
    }
}

/// A turn's clock and tasks need a thread of their own, as the supervisor gives them.
async fn locally<T>(work: impl Future<Output = T>) -> T {
    let work = Box::pin(work);
    tokio::task::LocalSet::new().run_until(work).await
}
