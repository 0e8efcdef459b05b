//! A command worker: a program that gets the prompt, prints what it does, and edits the workspace.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::stream::{Claims, Lines, Reader, text::Text};
use super::{Ended, Kind, Progress, Turn};
use crate::run::spec::PromptBy;
use crate::run::{Failure, Stage, Usage};
use crate::supervisor::process::{self, Ending, Exit, Home, Limits, Sink, Stdin, Tail, Watched};

/// Longest prompt that can be an argument, in bytes: Linux allows 128 KiB with the end mark.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// Least time between two reports of usage.
const USAGE_EVERY: Duration = Duration::from_millis(250);

/// Longest line of standard error, in bytes.
const LONGEST_ERROR_LINE: usize = 8 * 1024;

/// Bytes of standard error kept for the failure's evidence.
const ERROR_TAIL: usize = 4 * 1024;

/// What a worker is given for one turn.
#[derive(Debug)]
pub struct Task<'a> {
    /// The exact prompt.
    pub prompt: &'a str,
    /// The folder that it works in.
    pub workspace: &'a Path,
    /// When it is ended from outside.
    pub limits: Limits,
}

/// Runs one turn of a program that prints plain text.
pub async fn run(
    command: &[String],
    by: PromptBy,
    home: &Home,
    task: Task<'_>,
    progress: &mut dyn Progress,
) -> Turn {
    let program = command.first().cloned().unwrap_or_default();
    let mut argv = command.to_vec();
    let (stdin, input) = match by {
        PromptBy::Stdin => (Stdin::Piped, task.prompt.as_bytes()),
        PromptBy::Arg => {
            if let Some(why) = unfit_argument(task.prompt) {
                return never_started(why);
            }
            argv.push(task.prompt.to_owned());
            (Stdin::Null, &[][..])
        }
    };
    let running = match process::spawn(home.order(argv, task.workspace, stdin)).await {
        Ok(running) => running,
        Err(refused) => return never_started(refused.why),
    };
    let timeout = task.limits.timeout;
    let mut pump = Pump::new(Text::default(), task.prompt.len(), progress);
    let watched = process::watch(running, input, task.limits, &mut pump).await;
    pump.finish(&program, timeout, watched)
}

fn unfit_argument(prompt: &str) -> Option<String> {
    if prompt.len() > LONGEST_ARGUMENT {
        let kib = prompt.len() / 1024;
        return Some(format!(
            "a prompt of {kib} KiB is too long for an argument: set prompt = \"stdin\" in [worker]"
        ));
    }
    prompt.contains('\0').then(|| {
        "the prompt holds a NUL, which no argument can: set prompt = \"stdin\" in [worker]".into()
    })
}

/// A turn that never began: nothing was spent.
fn never_started(why: String) -> Turn {
    Turn {
        claim: None,
        note: None,
        question: None,
        usage: Usage::default(),
        took_ms: 0,
        stderr_tail: String::new(),
        ended: Ended::Badly(Failure {
            stage: Stage::Work,
            cause: why,
            detail: String::new(),
            maybe_done: false,
        }),
    }
}

/// Carries output to the transcript and counts it.
struct Pump<'a, R> {
    reader: R,
    out: Lines,
    err: Lines,
    tail: Tail,
    /// Bytes of prompt and output.
    bytes: u64,
    reported: Instant,
    progress: &'a mut dyn Progress,
}

impl<'a, R: Reader> Pump<'a, R> {
    fn new(reader: R, prompt: usize, progress: &'a mut dyn Progress) -> Self {
        progress.usage(Usage::estimate(prompt as u64));
        Self {
            out: Lines::new(reader.longest_line()),
            err: Lines::new(LONGEST_ERROR_LINE),
            tail: Tail::new(ERROR_TAIL),
            bytes: prompt as u64,
            reported: Instant::now(),
            reader,
            progress,
        }
    }

    fn finish(mut self, program: &str, timeout: Duration, watched: Watched) -> Turn {
        let (reader, progress) = (&mut self.reader, &mut *self.progress);
        self.out
            .finish(&mut |line| reader.line(line, &mut |kind, text| progress.entry(kind, text)));
        self.err
            .finish(&mut |line| progress.entry(Kind::Stderr, line));
        let Claims {
            claim,
            note,
            question,
        } = reader.finish();
        for (kind, text) in [
            (Kind::Claim, &claim),
            (Kind::Note, &note),
            (Kind::Question, &question),
        ] {
            if let Some(text) = text {
                progress.entry(kind, text);
            }
        }
        let stderr_tail = self.tail.text();
        let ended = ended(program, timeout, &watched, &stderr_tail);
        if watched.left > 0 {
            let left = watched.left;
            let said =
                format!("{left} processes of another user could not be killed: look with ps");
            progress.entry(Kind::Error, &said);
        }
        progress.pause();
        Turn {
            claim,
            note,
            question,
            usage: Usage::estimate(self.bytes),
            took_ms: watched.took_ms,
            stderr_tail,
            ended,
        }
    }
}

impl<R: Reader> Sink for Pump<'_, R> {
    fn stdout(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (reader, progress) = (&mut self.reader, &mut *self.progress);
        self.out.feed(bytes, &mut |line| {
            reader.line(line, &mut |kind, text| progress.entry(kind, text));
        });
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        let progress = &mut *self.progress;
        self.err
            .feed(bytes, &mut |line| progress.entry(Kind::Stderr, line));
    }

    /// A worker that falls silent after a flood is told of all the same: its budget may be spent.
    fn pause(&mut self) -> Option<Instant> {
        self.progress.pause();
        let due = self.reported + USAGE_EVERY;
        if Instant::now() < due {
            return Some(due);
        }
        self.reported = Instant::now();
        self.progress.usage(Usage::estimate(self.bytes));
        None
    }
}

/// Tells the ways to end apart, each with what to do next.
fn ended(program: &str, timeout: Duration, watched: &Watched, stderr: &str) -> Ended {
    let time = in_words(timeout);
    let cause = match (watched.ending, watched.exit) {
        (Ending::Halted, _) => return Ended::Halted,
        (Ending::TimedOut, _) => match watched.silent_ms {
            None => format!(
                "{program} printed nothing in {time} and was killed: \
                 does it wait for a login or a key?"
            ),
            Some(silent) => format!(
                "{program} was not done after {time}, silent for the last {}, and was killed: \
                 ask for less, or raise timeout in [worker]",
                in_words(Duration::from_millis(silent))
            ),
        },
        (Ending::ByItself, Exit::Code(0)) => return Ended::Well,
        (Ending::ByItself, Exit::Code(code)) => {
            format!("{program} ended with exit {code}: its last lines say why; then try again")
        }
        (Ending::ByItself, exit @ Exit::Signal(_)) => format!(
            "{program} was {exit}, not by checkride: is the machine out of memory? Then try again"
        ),
        (Ending::ByItself, Exit::KeeperLost) => {
            format!("the keeper process of {program} was killed, and {program} with it: try again")
        }
    };
    Ended::Badly(Failure {
        stage: Stage::Work,
        cause,
        detail: stderr.to_owned(),
        maybe_done: false,
    })
}

/// A time as people say it: seconds below two minutes, else whole minutes.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
