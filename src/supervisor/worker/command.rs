//! A command worker: a program that gets the prompt, prints what it does, and edits the workspace.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::stream::{self, Claims, End, Lines, Outcome, Reader, Report, Sessions, Spent, in_all};
use super::{Ended, Kind, Progress, Turn, in_words};
use crate::run::spec::{Format, PromptBy};
use crate::run::{Failure, Stage, Usage};
use crate::supervisor::process::{self, Ending, Exit, Home, Limits, Sink, Stdin, Tail, Watched};

/// Longest prompt that can be an argument, in bytes: Linux allows 128 KiB with the end mark.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// Least time between two reports of usage.
const USAGE_EVERY: Duration = Duration::from_millis(250);

/// Bytes of words after which usage is reported at once: a flood must not outrun its budget.
const FLOOD: u64 = 16 * 1024;

/// Fewest bytes of output that are taken at a time, however little is left of the budget.
const LEAST_BYTES: usize = 4 * 1024;

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

/// How a program is spoken to.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// Where the prompt goes.
    pub by: PromptBy,
    /// What it prints.
    pub format: Format,
    /// What its sessions had spent before, where it may go on with one.
    pub before: &'a Sessions,
}

/// Runs one turn of a program.
pub async fn run(
    command: &[String],
    manner: Manner<'_>,
    home: &Home,
    task: Task<'_>,
    progress: &mut dyn Progress,
) -> Turn {
    let program = command.first().cloned().unwrap_or_default();
    let mut argv = command.to_vec();
    let (stdin, input) = match manner.by {
        PromptBy::Stdin => (Stdin::Piped, task.prompt.as_bytes()),
        PromptBy::Arg => {
            if let Some(why) = unfit_argument(task.prompt) {
                return Turn::never_started(why);
            }
            argv.push(task.prompt.to_owned());
            (Stdin::Null, &[][..])
        }
    };
    let running = match process::spawn(home.order(argv, task.workspace, stdin)).await {
        Ok(running) => running,
        Err(refused) => return Turn::never_started(refused.why),
    };
    let timeout = task.limits.timeout;
    let mut pump = Pump::new(manner, task.prompt.len(), progress);
    pump.reader.works_in(task.workspace);
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

/// Carries output to the transcript and counts it.
struct Pump<'a> {
    format: Format,
    reader: Box<dyn Reader>,
    out: Lines,
    err: Lines,
    tail: Tail,
    /// Bytes of the prompt.
    asked: u64,
    /// Bytes of words since.
    said: u64,
    /// The same when usage was reported last.
    said_then: u64,
    figures: Figures,
    reported: Instant,
    /// When it last printed something that it had not just printed.
    heard: Instant,
    /// Its last line, and whether it came again since.
    last: String,
    again: bool,
    /// Whether its silence since then was told.
    silent: bool,
    progress: &'a mut dyn Progress,
}

/// What it tells of its use, against what it may use.
#[derive(Default)]
struct Figures {
    /// What it had told last.
    last: Option<Spent>,
    /// Bytes of words by then.
    by: u64,
    /// Whether it has used all that the turn may.
    over: bool,
    /// Bytes that it has printed: what one of them costs says how many more there may be.
    read: u64,
}

impl<'a> Pump<'a> {
    fn new(manner: Manner<'_>, prompt: usize, progress: &'a mut dyn Progress) -> Self {
        progress.usage(Usage::estimate(prompt as u64, 0));
        let reader = stream::reader(manner.format, manner.before);
        Self {
            format: manner.format,
            out: Lines::new(reader.longest_line()),
            err: Lines::new(LONGEST_ERROR_LINE),
            tail: Tail::new(ERROR_TAIL),
            asked: prompt as u64,
            said: 0,
            said_then: 0,
            figures: Figures::default(),
            reported: Instant::now(),
            heard: Instant::now(),
            last: String::new(),
            again: false,
            silent: false,
            reader,
            progress,
        }
    }

    fn finish(mut self, program: &str, timeout: Duration, watched: Watched) -> Turn {
        // What it said last stands in no figures of an agent that was cut off.
        let cut_off = self.figures.over.then(|| self.so_far());
        let (reader, progress) = (&mut self.reader, &mut *self.progress);
        let mut told = 0;
        let mut tell = |kind, text: &str| {
            told += text.len();
            progress.entry(kind, text);
        };
        self.out
            .rest(&mut |line, left_out| reader.line(line, left_out, &mut tell));
        let stderr_tail = self.tail.text();
        let end = End {
            exit: watched.exit,
            stderr: &stderr_tail,
        };
        let report = reader.finish(&end, &mut tell);
        if self.format != Format::Text {
            self.said += told as u64;
        }
        self.err
            .finish(&mut |line| progress.entry(Kind::Stderr, line));
        // A program that prints plain text says how it went by its exit alone.
        let told = (self.format != Format::Text).then_some(&report.outcome);
        let ended = match ended(program, timeout, &watched, told, &stderr_tail) {
            Ended::Badly(failure) => match report.limited_until_ms {
                Some(until_ms) => Ended::Limited(until_ms, failure),
                None => Ended::Badly(failure),
            },
            ended @ (Ended::Well | Ended::Halted | Ended::Limited(..) | Ended::NoRoom(..)) => ended,
        };
        report.claims.tell(progress);
        if watched.left > 0 {
            let left = watched.left;
            let said =
                format!("{left} processes of another user could not be killed: look with ps");
            progress.entry(Kind::Error, &said);
        }
        progress.pause();
        let estimate = Usage::estimate(self.asked, self.said);
        let Report {
            claims:
                Claims {
                    claim,
                    note,
                    question,
                },
            spent,
            session,
            ..
        } = report;
        Turn {
            claim,
            note,
            question,
            usage: cut_off.unwrap_or_else(|| in_all(spent, self.reader.plan(), estimate, 0)),
            session,
            took_ms: watched.took_ms,
            stderr_tail,
            ended,
        }
    }
}

impl Pump<'_> {
    /// What it has used so far.
    fn so_far(&self) -> Usage {
        let since = self.said.saturating_sub(self.figures.by);
        let estimate = Usage::estimate(self.asked, self.said);
        in_all(self.reader.spent(), self.reader.plan(), estimate, since)
    }

    /// Looks whether it has used all that the turn may, and reports at once if so.
    fn look_at_cap(&mut self) {
        let so_far = self.so_far();
        if so_far.tokens >= self.progress.most_tokens() && !self.figures.over {
            self.figures.over = true;
            self.progress.usage(so_far);
        }
    }

    fn heard(&mut self) {
        (self.heard, self.silent) = (Instant::now(), false);
    }

    /// Says once that a silence is longer than this agent's usual ones, and when to look again; the
    /// same line over and over is no more than silence. It is not ended for that: a slow agent is not a
    /// dead one, and its timeout stands.
    fn silence(&mut self) -> Option<Instant> {
        let quiet = self.reader.quiet_for()?;
        let due = self.heard + quiet;
        if self.silent {
            return None;
        }
        if Instant::now() < due {
            return Some(due);
        }
        self.silent = true;
        let what = if self.again {
            "says nothing but the same line"
        } else {
            "silent"
        };
        let said = format!(
            "{what} for {}, longer than this agent usually is: x stops it, else its timeout does",
            in_words(quiet)
        );
        self.progress.entry(Kind::Error, &said);
        self.progress.pause();
        None
    }
}

impl Sink for Pump<'_> {
    fn stdout(&mut self, bytes: &[u8]) {
        let (reader, progress, last) = (&mut self.reader, &mut *self.progress, &mut self.last);
        let (mut told, mut lines, mut new) = (0, 0, 0);
        let (said, figures) = (self.said, &mut self.figures);
        figures.read += bytes.len() as u64;
        self.out.each(bytes, &mut |line, left_out| {
            lines += 1;
            if line != last {
                new += 1;
                line.clone_into(last);
            }
            reader.line(line, left_out, &mut |kind, text| {
                told += text.len();
                progress.entry(kind, text);
            });
            let now = reader.spent();
            if now != figures.last {
                (figures.last, figures.by) = (now, said + told as u64);
            }
        });
        self.again = lines > 0 && new == 0;
        if !self.again {
            self.heard();
        }
        // Of a stream of events only the words are a model's; pi says each of them again and again.
        let plain = self.format == Format::Text;
        let words = if plain { bytes.len() } else { told };
        self.said += words as u64;
        self.look_at_cap();
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.heard();
        self.tail.push(bytes);
        let progress = &mut *self.progress;
        self.err
            .feed(bytes, &mut |line| progress.entry(Kind::Stderr, line));
    }

    /// A worker that falls silent after a flood is told of all the same: its budget may be spent.
    fn pause(&mut self) -> Option<Instant> {
        self.progress.pause();
        let due = self.reported + USAGE_EVERY;
        let flood = self.said - self.said_then > FLOOD;
        if Instant::now() < due && !flood {
            return Some(due);
        }
        (self.reported, self.said_then) = (Instant::now(), self.said);
        self.progress.usage(self.so_far());
        self.silence()
    }

    /// Near the cap it takes no more than what is left, so that a flood does not run past it.
    fn appetite(&self) -> usize {
        if self.figures.over {
            return 0;
        }
        let used = self.so_far().tokens.max(1);
        let left = self.progress.most_tokens().saturating_sub(used);
        let dear = u128::from(left) * u128::from(self.figures.read) / u128::from(used);
        let words = u128::from(left) * 4;
        usize::try_from(dear.min(words))
            .unwrap_or(usize::MAX)
            .max(LEAST_BYTES)
    }

    fn enough(&self) -> bool {
        self.reader.enough().is_some()
    }
}

/// Tells the ways to end apart, each with what to do next.
fn ended(
    program: &str,
    timeout: Duration,
    watched: &Watched,
    told: Option<&Outcome>,
    stderr: &str,
) -> Ended {
    let time = in_words(timeout);
    let cause = match (watched.ending, watched.exit, told) {
        (Ending::Halted, _, _) => return Ended::Halted,
        (Ending::ByItself, _, Some(Outcome::Done | Outcome::NeedsYou { .. })) => {
            return Ended::Well;
        }
        (Ending::ByItself, _, Some(Outcome::Failed { why })) => format!("{program} failed: {why}"),
        (Ending::TimedOut, ..) => match watched.silent_ms {
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
        (Ending::ByItself, Exit::Code(code), Some(Outcome::Interrupted)) => format!(
            "{program} stopped in the middle with exit {code}: \
             did something interrupt it? Then try again"
        ),
        (Ending::ByItself, Exit::Code(0), None) => return Ended::Well,
        (Ending::ByItself, Exit::Code(code), None) => {
            format!("{program} ended with exit {code}: its last lines say why; then try again")
        }
        (Ending::ByItself, exit @ Exit::Signal(_), None | Some(Outcome::Interrupted)) => format!(
            "{program} was {exit}, not by checkride: is the machine out of memory? Then try again"
        ),
        (Ending::ByItself, Exit::KeeperLost, None | Some(Outcome::Interrupted)) => {
            format!("the keeper process of {program} was killed, and {program} with it: try again")
        }
    };
    Ended::Badly(Failure {
        detail: stderr.to_owned(),
        ..Failure::new(Stage::Work, cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(Vec<String>);

    impl Progress for Told {
        fn entry(&mut self, kind: Kind, text: &str) {
            if kind == Kind::Error {
                self.0.push(text.to_owned());
            }
        }

        fn usage(&mut self, _: Usage) {}

        fn pause(&mut self) {}
    }

    /// S12: a silence longer than the agent's usual ones is said once, and again after new words.
    #[tokio::test(start_paused = true)]
    async fn a_long_silence_is_said() {
        let manner = Manner {
            by: PromptBy::Stdin,
            format: Format::ClaudeStreamJson,
            before: &Sessions::new(),
        };
        let mut told = Told::default();
        let mut pump = Pump::new(manner, 0, &mut told);
        let words: [&[u8]; 3] = [b"{}\n", b"", b"{\"n\":1}\n"];
        for spoken in words {
            if !spoken.is_empty() {
                pump.stdout(spoken);
            }
            while let Some(due) = pump.pause() {
                tokio::time::sleep_until(due).await;
            }
        }
        drop(pump);
        assert_eq!(told.0.len(), 2, "{:?}", told.0);
        assert!(
            told.0[0].starts_with("silent for 2 min, longer"),
            "{:?}",
            told.0
        );
    }

    /// S12: output without progress is told like silence: the same line over and over, at its limit and
    /// not later; other words, and a line that is not yet whole, are progress.
    #[tokio::test(start_paused = true)]
    async fn the_same_line_over_and_over_is_said() {
        let manner = Manner {
            by: PromptBy::Stdin,
            format: Format::ClaudeStreamJson,
            before: &Sessions::new(),
        };
        let mut told = Told::default();
        let mut pump = Pump::new(manner, 0, &mut told);
        let lines: [&[u8]; 2] = [b"{\"n\":1}\n", b"{\"n\":2}\n"];
        for second in 0..600 {
            let line = match second {
                0..130 => lines[second % 2],
                130..200 => b"{",
                _ => b"{\"n\":1}\n",
            };
            pump.stdout(line);
            pump.pause();
            tokio::time::sleep(Duration::from_secs(1)).await;
            // The half lines above end with the first of them.
            let due = second >= 201 + 120;
            assert_eq!(pump.silent, due, "{second}");
        }
        drop(pump);
        let [said] = told.0.as_slice() else {
            panic!("{:?}", told.0);
        };
        let wanted = "says nothing but the same line for 2 min, longer than";
        assert!(said.starts_with(wanted), "{said}");
    }
}
